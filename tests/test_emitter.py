"""Wrapping: what the emitter writes is what `ruff format` leaves alone."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnndsl.emitter import (
    Comprehension,
    Emitter,
    Group,
    Infix,
    Piece,
    call,
    flat,
    group,
    layout,
    named,
    prefixed,
)


def lines(piece: Piece, before: str = "x = ", width: int = 100) -> str:
    return "\n".join(layout(piece, 0, before, "", width))


def test_a_call_that_fits_is_one_line() -> None:
    assert lines(call("f", "a", b="1")) == "x = f(a, b=1)"


def test_a_long_call_has_its_arguments_on_a_line_of_their_own() -> None:
    assert lines(call("f", "aaaa", "bbbb"), width=14) == "x = f(\n    aaaa, bbbb\n)"


def test_a_longer_call_has_one_argument_per_line_and_a_trailing_comma() -> None:
    assert lines(call("f", "aaaa", bb="cc"), width=12) == "x = f(\n    aaaa,\n    bb=cc,\n)"


def test_nested_brackets_break_where_they_must() -> None:
    piece = call("f", "a", pad=group("(", group("(", "111", "222"), group("(", "333", "444")))
    assert lines(piece, width=24) == (
        "x = f(\n    a,\n    pad=(\n        (111, 222),\n        (333, 444),\n    ),\n)"
    )


def test_a_tuple_of_one_keeps_its_comma() -> None:
    assert flat(group("(", "1")) == "(1,)"
    assert flat(call("f", "1")) == "f(1)"
    assert flat(group("[", "1")) == "[1]"


def test_comprehensions_have_no_trailing_comma() -> None:
    piece = Comprehension("[", call("f", "aaaa", "bbbb"), "for _ in range(3)")
    assert flat(piece) == "[f(aaaa, bbbb) for _ in range(3)]"
    assert lines(piece, width=24) == "x = [\n    f(aaaa, bbbb)\n    for _ in range(3)\n]"


def test_long_sums_are_in_parentheses() -> None:
    piece = Infix("+", ("aaaaaa", "bbbbbb"))
    assert lines(piece) == "x = aaaaaa + bbbbbb"
    assert lines(piece, "longer = ", 20) == "longer = (\n    aaaaaa + bbbbbb\n)"
    assert lines(piece, width=16) == "x = (\n    aaaaaa\n    + bbbbbb\n)"


def test_prefixes_go_inside() -> None:
    assert flat(named("pad", group("(", "1", "2"))) == "pad=(1, 2)"
    assert flat(prefixed("-", Infix("+", ("a", "b")))) == "-a + b"
    assert flat(prefixed("*", Comprehension("(", "a", "for a in b"))) == "*(a for a in b)"


def test_comments_stand_behind_or_above() -> None:
    out = Emitter(width=24)
    out.put("x = 1", comment="short")
    out.put("x = 1", comment="too long to stand behind")
    assert out.text() == "x = 1  # short\n# too long to stand behind\nx = 1\n"


def test_blocks_are_indented() -> None:
    out = Emitter()
    out.line("def f():")
    with out.indented():
        out.line("if True:")
        with out.indented():
            out.block(["a", "", "b"])
    out.blank()
    out.line("c")
    assert out.text() == "def f():\n    if True:\n        a\n\n        b\n\nc\n"


names = st.text("abcdefgh", min_size=1, max_size=30).map(lambda text: f"n_{text}")


def pieces(depth: int) -> st.SearchStrategy[Piece]:
    if depth == 0:
        return names
    inner = pieces(depth - 1)
    items = st.lists(inner, min_size=1, max_size=5).map(tuple)
    return st.one_of(
        names,
        st.builds(lambda f, i: Group(f"{f}(", i), names, items),
        st.builds(lambda i: Group("[", i), items),
        st.builds(lambda i: Group("(", i), items),
    )


def statements() -> st.SearchStrategy[Piece]:
    operands = st.lists(names, min_size=2, max_size=4).map(tuple)
    return st.one_of(pieces(3), st.builds(lambda i: Infix("+", i), operands))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(statements(), st.integers(0, 4)), min_size=1, max_size=30))
def test_ruff_leaves_everything_alone(drawn: list[tuple[Piece, int]]) -> None:
    pytest.importorskip("ruff")
    out = Emitter()
    for piece, depth in drawn:
        for level in range(depth):
            out.line("if True:")
            out.level = level + 1
        out.put(piece, "x = ")
        out.level = 0
    text = out.text()
    ast.parse(text)
    assert formatted(text) == text


def formatted(text: str) -> str:
    """The text as `ruff format` writes it."""
    command = [sys.executable, "-m", "ruff", "format", "--line-length", "100", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return done.stdout
