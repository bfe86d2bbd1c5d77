"""What somebody else wrote, on its way out: each output in a few words, and names in Flax."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from itertools import pairwise

import pytest

from cnndsl.escape import (
    cnn_string,
    csv_cell,
    dot_markup,
    dot_read,
    dot_string,
    github_message,
    github_property,
    json_text,
    markdown,
    python_docstring,
    python_string,
    visible,
    visible_lines,
    xml,
)
from tests.support.hostile import TEXTS
from tests.support.structure import check_seen


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: ascii(text)[:30])
def test_nothing_stays_hidden(text: str) -> None:
    one_line = (
        visible, python_string, python_docstring, dot_string, dot_markup, xml, markdown, csv_cell,
        json_text, github_message, github_property,
    )  # fmt: skip
    for escape in one_line:
        found = escape(text).rstrip("\n")
        check_seen(found)
        assert "\n" not in found
    assert '"' not in cnn_string(text, 50) and len(cnn_string(text, 50)) <= 50
    check_seen(visible_lines(text), allowed="\t")
    assert ast.literal_eval(python_string(text)) == text
    assert ast.literal_eval(f'"""{python_docstring(text)}"""') == visible(text)
    assert json.loads(json_text(text)) == text
    assert len(dot_string(text)) < 16_384 > len(dot_markup(text))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (visible("a\x1b\u202eb\u3164"), "a␛⟦U+202E⟧b⟦U+3164⟧"),
        (visible("é\x07×→", unicode=False), "<U+00E9><U+0007>x->"),
        (visible_lines("a\n\tb\r"), "a\n\tb␍"),
        (python_string("it's"), '"it\'s"'),
        (visible("é\x7f"), "é␡"),
        (visible("a\u00a0b"), "a\u00a0b"),
        (python_string("abc"), '"abc"'),
        (python_docstring('a""" b"'), r"a\"\"" + '" b' + r"\""),
        (dot_string('a"\\N\nb'), r'"a\"\\N\nb"'),
        (dot_string("a&amp;"), '"a&amp;"'),
        (dot_read("a\\"), "a\\"),
        (dot_read(r"a\"\\N\nb"), 'a"\\N\nb'),
        (dot_string("a&amp;", entities=True), '"a&amp;amp;"'),
        (dot_markup("<b>\\N"), r"&lt;b&gt;\\N"),
        (xml('<a b="c">&\n'), "&lt;a b=&quot;c&quot;&gt;&amp; "),
        (markdown("a|b *c* $d$"), r"a\|b \*c\* \$d\$"),
        (markdown("a&b<c>"), "a&amp;b&lt;c&gt;"),
        (markdown("1. a"), r"1\. a"),
        (markdown(" really? "), "really?"),
        (markdown("- a"), r"\- a"),
        (markdown("---"), r"\---"),
        (markdown("-5 %, 1.5"), "-5 %, 1.5"),
        (csv_cell("=1+1"), "'=1+1"),
        (csv_cell(" @x"), "' @x"),
        (csv_cell("＝1"), "'＝1"),
        (csv_cell("a=1"), "a=1"),
        (csv_cell("?"), "?"),
        (cnn_string('a"b\nc', 9), "a'b c"),
        (cnn_string("abc", 2), "a…"),
        (json_text("\u202e\x7f×\U000e0041"), '"\\u202e\\u007f×\\udb40\\udc41"\n'),
        (json_text({"a": 1}), '{\n  "a": 1\n}\n'),
        (github_message("a\r\nb"), "a%0Ab"),
        (github_message("50%\n::error::x"), "50%25%0A::error::x"),
        (github_property("a:b,c"), "a%3Ab%2Cc"),
    ],
)
def test_each_output(found: str, expected: str) -> None:
    assert found == expected


def test_signs_of_ours_in_ascii() -> None:
    written = {
        "3×3 → 2, a ⇒ b, a ← b": "3x3 -> 2, a => b, a <- b",
        "a ≠ b ≤ c ≥ d ≡ e": "a != b <= c >= d = e",
        "a·b − c – d — e ± f … g′": "a*b - c - d - e +- f ... g'",
        "∞ ⌊a/2⌋ ⌈b/2⌉": "inf floor(a/2) ceil(b/2)",
        "“a” ‘b’ ✓ ✗ ⟦c⟧": "\"a\" 'b' ok x <c>",
    }
    assert {text: visible(text, unicode=False) for text in written} == written


@pytest.mark.parametrize("escape", [dot_string, dot_markup])
def test_long_texts_in_dot_are_cut(escape: Callable[[str], str]) -> None:
    whole, long = "a" * 2_000, "a" * 2_001
    assert escape(whole).strip('"') == whole
    assert escape(long).strip('"') == "a" * 1_999 + "…"


def test_layers_with_names_of_flax() -> None:
    """Every name that a module has itself, and those that `train` and `eval` set wherever."""
    nnx = pytest.importorskip("flax.nnx")
    from cnndsl.backends.flax.naming import ARGUMENTS, SWITCHED
    from cnndsl.graph import Graph, Module, Node, Output, Value
    from cnndsl.ops.conv import Conv
    from cnndsl.types import map_type
    from cnndsl.window import Window
    from tests.support.emitted import Emitted

    names = sorted({*dir(nnx.Module), *SWITCHED, *ARGUMENTS, "name", "path", "scope", "_state"})
    type = map_type(4, 4, 3)
    values = [Value(name, type) for name in ("x", *names)]
    nodes = [
        Node(after.name, Conv(Window(1, 1), 3), (before.name,), (after,))
        for before, after in pairwise(values)
    ]
    graph = Graph("net", "net", (), (values[0],), tuple(nodes), (Output("output", names[-1]),))
    model = Emitted(Module("net", (graph,))).skeleton()
    for switch in (model.train, model.eval):
        switch()
        assert sum(isinstance(part, nnx.Conv) for part in vars(model).values()) == len(names)
