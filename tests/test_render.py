"""Diagnostics as text, JSON and annotations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnndsl.diagnostics import Diagnostic, Fix, Help, Label, error
from cnndsl.escape import visible
from cnndsl.render import columns, render, render_all, wrap
from cnndsl.render.github import to_github
from cnndsl.render.json import to_json
from cnndsl.source import Source, Span

SCHEMA = Path(__file__).parent.parent / "docs" / "diagnostics-schema.json"

TEXT = """\
block unit(n) {
  add {
    | conv 3x3, 4*n, bn
      relu
    | identity
  }
}
"""


def span(source: Source, word: str, nth: int = 0) -> Span:
    """The nth place of a word."""
    at = -1
    for _ in range(nth + 1):
        at = source.text.index(word, at + 1)
    return Span(source, at, at + len(word))


def lines(diagnostic: Diagnostic, **options: Any) -> list[str]:
    return render(diagnostic, **options).split("\n")


@pytest.fixture
def net() -> Source:
    return Source("net.cnn", TEXT)


def test_one_label(net: Source) -> None:
    found = render(error("E0201", "there is no operator `relu`", span(net, "relu"), "here"))
    assert (
        found
        == """\
error[E0201]: there is no operator `relu`
 --> net.cnn:4:7
  |
4 |       relu
  |       ^^^^ here"""
    )


def test_labels_on_several_lines_notes_and_help(net: Source) -> None:
    found = render(
        error(
            "E0301",
            "`add` needs equal shapes",
            span(net, "identity"),
            "56x56x64: channels differ",
            also=[Label(span(net, "conv 3x3, 4*n, bn"), "56x56x256")],
            notes=["256 ≠ 64"],
            help=["project the shortcut: `shortcut_b(4*n, stride)`"],
        )
    )
    assert (
        found
        == """\
error[E0301]: `add` needs equal shapes
 --> net.cnn:5:7
  |
3 |     | conv 3x3, 4*n, bn
  |       ----------------- 56x56x256
4 |       relu
5 |     | identity
  |       ^^^^^^^^ 56x56x64: channels differ
  |
  = 256 ≠ 64
  = help: project the shortcut: `shortcut_b(4*n, stride)`"""
    )


def test_gap_is_elided(net: Source) -> None:
    found = lines(
        error("E0208", "twice", span(net, "identity"), also=[Label(span(net, "unit"), "first")])
    )
    assert found[3:] == ["1 | block unit(n) {", "  |       ---- first", "...",
                         "5 |     | identity", "  |       ^^^^^^^^"]  # fmt: skip


def test_several_labels_on_one_line_hang_below_each_other(net: Source) -> None:
    found = lines(
        error("E0207", "m", span(net, "4*n"), "fourth",
              also=[Label(span(net, "conv"), "first"), Label(span(net, "3x3"), "second"),
                    Label(span(net, "bn"), "last")])
    )  # fmt: skip
    assert found[3:] == [
        "3 |     | conv 3x3, 4*n, bn",
        "  |       ---- ---  ^^^  -- last",
        "  |       |    |    fourth",
        "  |       |    second",
        "  |       first",
    ]


def test_overlapping_labels_show_the_main_one_on_top(net: Source) -> None:
    found = lines(
        error("E0207", "m", span(net, "4*n"), "small",
              also=[Label(span(net, "conv 3x3, 4*n, bn"), "large")])
    )  # fmt: skip
    assert found[4:] == [
        "  |       ----------^^^----",
        "  |       |         small",
        "  |       large",
    ]


def test_other_file() -> None:
    first, second = Source("a.cnn", 'use "b.cnn"\n'), Source("b.cnn", 'use "a.cnn"\n')
    found = render(
        error("E0502", "these files use each other", span(first, '"b.cnn"'),
              also=[Label(span(second, '"a.cnn"'), "closes the circle")])
    )  # fmt: skip
    assert (
        found
        == """\
error[E0502]: these files use each other
 --> a.cnn:1:5
  |
1 | use "b.cnn"
  |     ^^^^^^^
 ::: b.cnn:1:5
  |
1 | use "a.cnn"
  |     ------- closes the circle"""
    )


def test_span_over_lines_is_marked_on_its_first(net: Source) -> None:
    whole = span(net, "add").to(span(net, "identity"))
    assert lines(error("E0301", "m", whole, "here"))[3:] == ["2 |   add {", "  |   ^^^^^ here"]


def test_end_of_file_has_a_caret() -> None:
    source = Source("net.cnn", "model m {")
    end = Span(source, 9, 9)
    assert lines(error("E0102", "m", end))[3:] == ["1 | model m {", "  |          ^"]
    source = Source("net.cnn", "")
    assert lines(error("E0403", "m", Span(source, 0, 0)))[3:] == ["1 |", "  | ^"]


def test_without_a_place() -> None:
    found = error("E0701", "cannot write `x`", notes=["the old file is untouched"])
    assert render(found) == "error[E0701]: cannot write `x`\n  = the old file is untouched"


# --------------------------------------------------------------------- fixes


def fixed(source: Source, place: Span, text: str) -> list[str]:
    """The lines that show a fix."""
    found = lines(error("E0101", "m", place, help=[Help("do this", Fix(place, text))]))
    return found[found.index("help: do this") + 1 :]


def test_fix_replaces(net: Source) -> None:
    assert fixed(net, span(net, "relu"), "silu") == ["  |", "4 |       silu", "  |       ~~~~"]


def test_fix_inserts(net: Source) -> None:
    assert fixed(net, span(net, "bn"), "bn, relu") == [
        "  |",
        "3 |     | conv 3x3, 4*n, bn, relu",
        "  |                        ++++++",
    ]


def test_fix_inserts_in_front(net: Source) -> None:
    assert fixed(net, span(net, "conv"), "dwconv")[2] == "  |       ++"


def test_fix_removes(net: Source) -> None:
    assert fixed(net, span(net, ", bn"), "") == [
        "  |",
        "3 -     | conv 3x3, 4*n, bn",
        "3 +     | conv 3x3, 4*n",
    ]


def test_fix_removes_a_line(net: Source) -> None:
    assert fixed(net, span(net, "relu"), "") == ["  |", "4 -       relu"]


def test_fix_adds_a_line(net: Source) -> None:
    end = span(net, "identity")
    place = Span(net, end.end, end.end)
    assert fixed(net, place, "\n  }") == ["  |", "5 |     | identity", "6 +   }"]


# ------------------------------------------------------- width and characters


@pytest.mark.parametrize("width", [40, 60, 100])
def test_long_line_is_cut_but_never_its_caret(width: int) -> None:
    source = Source("net.cnn", f"{'a' * 300} wrong {'b' * 300}")
    found = lines(error("E0202", "m", span(source, "wrong"), "this word"), width=width)
    assert max(map(len, found)) <= width
    assert found[3].startswith("1 | …") and found[3].endswith("…")
    at = found[4].index("^^^^^")
    assert found[3][at : at + 5] == "wrong"


def test_long_label_moves_below_and_wraps(net: Source) -> None:
    found = lines(error("E0202", "m", span(net, "identity"), "word " * 15), width=40)
    assert found[4] == "  |       ^^^^^^^^"
    assert found[5] == "  |       word word word word word word"
    assert max(map(len, found)) <= 40


def test_tabs_are_four_columns() -> None:
    source = Source("net.cnn", "\tconv\tx")
    assert lines(error("E0101", "m", span(source, "x")))[3:] == [
        "1 |     conv    x",
        "  |             ^",
    ]


def test_wide_and_combining_characters() -> None:
    source = Source("net.cnn", "日本 e\u0301 x")
    assert lines(error("E0103", "m", span(source, "x")))[3:] == [
        "1 | 日本 e\u0301 x",
        "  |        ^",
    ]


def test_hidden_characters_are_shown() -> None:
    source = Source("n\u202et.cnn", "a \x1b[31m\u200b x")
    found = lines(error("E0103", "bad \x07 character", span(source, "\u200b")))
    assert found == [
        "error[E0103]: bad ␇ character",
        " --> n⟦U+202E⟧t.cnn:1:8",
        "  |",
        "1 | a ␛[31m⟦U+200B⟧ x",
        "  |        ^^^^^^^^",
    ]


def test_ascii_mode() -> None:
    source = Source("net.cnn", "3×3 日 \x1b")
    found = render(
        error("E0103", "256 ≠ 64 → no", span(source, "日"), "⌊5 / 2⌋", notes=["·"]), unicode=False
    )
    assert found.isascii()
    assert found.split("\n")[3:5] == ["1 | 3x3 <U+65E5> <U+001B>", "  |     ^^^^^^^^ floor(5 / 2)"]


def test_color_paints_and_nothing_else(net: Source) -> None:
    found = error("W0301", "m", span(net, "relu"), "here", notes=["n"], help=["h"])
    painted = render(found, color=True)
    assert "\x1b[1;33mwarning[W0301]\x1b[0m" in painted
    for code in ("\x1b[0m", "\x1b[1m", "\x1b[1;33m", "\x1b[1;34m", "\x1b[1;32m"):
        painted = painted.replace(code, "")
    assert painted == render(found)


def test_wrap_keeps_long_words_and_indentation() -> None:
    assert wrap("aaa bbb ccc", 7) == ["aaa bbb", "ccc"]
    assert wrap("a" * 30 + " b", 7) == ["a" * 30, "b"]
    assert wrap("  aa bb cc", 7) == ["  aa bb", "  cc"]
    assert wrap("one\ntwo", 9) == ["one", "two"]


def test_columns() -> None:
    assert [columns(text) for text in ("abc", "日本", "e\u0301", "❤\ufe0f")] == [3, 4, 1, 1]


@given(st.text())
def test_visible_hides_nothing(text: str) -> None:
    shown = visible(text)
    assert all(character.isprintable() or character == "\xa0" for character in shown)
    assert visible(text, unicode=False).isascii()
    assert visible(shown) == shown


@given(st.text(max_size=60), st.integers(0, 60), st.integers(0, 20), st.integers(20, 120),
       st.text(max_size=80), st.booleans())  # fmt: skip
def test_any_text_and_span_renders(
    text: str, start: int, size: int, width: int, label: str, unicode: bool
) -> None:
    source = Source("net.cnn", text)
    start = min(start, len(text))
    place = Span(source, start, min(start + size, len(text)))
    also = [Label(Span(source, 0, start), label)]
    fix = Help("do", Fix(place, label))
    found = render(
        error("E0101", "m", place, label, also=also, help=[fix]), width=width, unicode=unicode
    )
    shown = [line for line in found.split("\n") if "^" in line]
    assert shown
    assert all(character.isprintable() or character in "\n\xa0" for character in found)
    assert unicode or found.isascii()


# ------------------------------------------------------- several, and for tools


def test_render_all_counts_and_limits(net: Source) -> None:
    one = error("E0201", "m", span(net, "relu"))
    warning = error("W0301", "w", span(net, "conv"))
    found = render_all([one] * 3 + [warning], limit=2)
    assert found.count("error[E0201]") == 2
    assert found.endswith(
        "… and 2 more\n\n3 errors and 1 warning; more about the first: cnnc explain E0201"
    )
    assert render_all([one]).endswith("1 error; more: cnnc explain E0201")
    assert render_all([]) == ""


def problems(net: Source) -> list[Diagnostic]:
    place = span(net, "relu")
    return [
        error("E0203", "m", place, "l", notes=["n"], help=["h", Help("fix", Fix(place, "silu"))]),
        error("W0301", "over lines", span(net, "add").to(span(net, "identity"))),
        error("E0701", "no place"),
    ]


def test_json(net: Source) -> None:
    document = json.loads(to_json(problems(net)))
    first, second, third = document["diagnostics"]
    assert document["version"] == 1
    assert first["code"] == "E0203" and first["severity"] == "error"
    place = {"file": "net.cnn", "line": 4, "column": 7, "end_line": 4, "end_column": 11}
    assert {key: first[key] for key in place} == place
    assert first["labels"] == [{**place, "text": "l"}]
    assert first["help"][0] == {"text": "h", "fix": None}
    edit = {**place, "replacement": "silu", "safe": True}
    assert first["help"][1] == {"text": "fix", "fix": edit}
    assert second["severity"] == "warning" and second["end_line"] == 5
    assert third["file"] is None and third["labels"] == []


def test_json_follows_its_schema(net: Source) -> None:
    schema = json.loads(SCHEMA.read_text())
    models = [{"name": "m", "parameters": 1, "macs": "H*W", "expectations":
               [{"text": "params = 1", "holds": True, "found": "1"}]}]  # fmt: skip
    check(json.loads(to_json(problems(net), models)), schema, schema)
    with pytest.raises(AssertionError):
        check({"version": 1, "diagnostics": []}, schema, schema)


def check(value: Any, schema: Any, root: Any) -> None:
    """The part of JSON Schema that ours uses."""
    if "$ref" in schema:
        return check(value, root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    if "const" in schema:
        assert value == schema["const"]
    if "enum" in schema:
        assert value in schema["enum"]
    if "anyOf" in schema:
        assert any(fits(value, one, root) for one in schema["anyOf"])
        return None
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool,
             "null": type(None)}  # fmt: skip
    allowed = schema.get("type", list(kinds))
    names = [allowed] if isinstance(allowed, str) else allowed
    assert isinstance(value, tuple(kinds[name] for name in names))
    if isinstance(value, dict):
        assert set(schema.get("required", ())) <= set(value) <= set(schema["properties"])
        for key, item in value.items():
            check(item, schema["properties"][key], root)
    if isinstance(value, list):
        for item in value:
            check(item, schema["items"], root)
    return None


def fits(value: Any, schema: Any, root: Any) -> bool:
    try:
        check(value, schema, root)
    except AssertionError:
        return False
    return True


def test_github(net: Source) -> None:
    source = Source("a,b:c.cnn", "100% x\n")
    found = to_github([error("E0101", "m\n::error::x", span(source, "x"), "50%", notes=["n"])])
    assert found == (
        "::error file=a%2Cb%3Ac.cnn,line=1,endLine=1,col=6,endColumn=7,title=E0101"
        "::m%0A::error::x%0A50%25%0An\n"
    )
    assert to_github([error("W0301", "m")]) == "::warning title=W0301::m\n"
