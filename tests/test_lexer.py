"""The lexer: what a word is depends on its neighbours."""

from __future__ import annotations

import pytest

from cnndsl.lexer import scan
from cnndsl.numerals import number_value
from cnndsl.source import Source


def kinds(text: str) -> str:
    """The kinds of the tokens of a text, without the end."""
    return " ".join(kind for kind, *_ in scan(Source("t.cnn", text)).tokens[:-1])


def texts(text: str) -> list[str]:
    return [token[1] for token in scan(Source("t.cnn", text)).tokens[:-1]]


def codes(text: str) -> list[str]:
    return [problem.code for problem in scan(Source("t.cnn", text)).diagnostics]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("relu\n\n;;\n# note\nbn", "NAME _SEP NAME"),
        ("\n\nrelu;\n", "NAME"),
        ("a { \n relu \n }", "NAME LBRACE NAME RBRACE"),
        ("a {\n | b\n | c; d }", "NAME LBRACE BAR NAME BAR NAME _SEP NAME RBRACE"),
        ("if a { }\nelse { }", "IF NAME LBRACE RBRACE ELSE LBRACE RBRACE"),
        ("f(\n1,\n2)\nbn", "NAME _CALL NUMBER COMMA NUMBER RPAR _SEP NAME"),
        ("a\n=>\nb\n⇒ c", "NAME IMPLIES NAME IMPLIES NAME"),
        (
            "model a = b with c,\n d at e,\n\n f\n",
            "MODEL NAME EQUAL NAME WITH NAME COMMA NAME AT NAME COMMA NAME",
        ),
        ("f (1)", "NAME LPAR NUMBER RPAR"),
        ("a\r\nb", "NAME _SEP NAME"),
        ("\ufeffrelu", "NAME"),
    ],
)
def test_separators(text, expected):
    assert kinds(text) == expected
    assert not codes(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3a: relu", "LABEL NAME"),
        ("a, b: cell", "LABEL LABEL NAME"),
        ("d{i}: relu", "LABEL NAME"),
        ("p{i+1}_x, q: relu", "LABEL LABEL NAME"),
        ("relu : 3", "NAME COLON NUMBER"),
        ("conv 3x3, 64: 3x3x3", "NAME DIMS COMMA NUMBER COLON DIMS"),
        ("default conv: relu", "DEFAULT NAME COLON NAME"),
        ("left: input 3x3x1", "LABEL INPUT DIMS"),
        ("from 4a, d{i}", "FROM INTNAME COMMA TEMPLATE"),
        ("f(source, from, stage=1)", "NAME _CALL NAME COMMA NAME COMMA NAME EQUAL NUMBER RPAR"),
        ("concat{ relu }", "NAME LBRACE NAME RBRACE"),
        ("concat{relu}", "NAME LBRACE NAME RBRACE"),
        ("cnn 1\ncnn 1", "CNN NUMBER _SEP NAME NUMBER"),
        ("se(in.channels)", "NAME _CALL NAME DOT NAME RPAR"),
        ("for i in 0..4", "FOR NAME IN NUMBER RANGE NUMBER"),
        (
            "rule r { a; when b; c: when { when d } }",
            "RULE NAME LBRACE NAME _SEP WHEN NAME _SEP LABEL NAME LBRACE NAME NAME RBRACE RBRACE",
        ),
        (
            "rule r { keeps a => weights b\ntransform c }",
            "RULE NAME LBRACE KEEPS NAME IMPLIES WEIGHTS NAME _SEP TRANSFORM NAME RBRACE",
        ),
        ("block b { when a; keeps b }", "BLOCK NAME LBRACE NAME NAME _SEP NAME NAME RBRACE"),
        ("model at(with) { at with }", "MODEL NAME _CALL NAME RPAR LBRACE NAME NAME RBRACE"),
        ("model a = at in with with at at at", "MODEL NAME EQUAL NAME IN NAME WITH NAME AT NAME"),
        (
            'model a = b with c(at) at "4a"',
            "MODEL NAME EQUAL NAME WITH NAME _CALL NAME RPAR AT STRING",
        ),
        ("f(a in {b}) {}", "NAME _CALL NAME IN _CHOICES NAME _CHOICES_END RPAR LBRACE RBRACE"),
    ],
)
def test_words(text, expected):
    assert kinds(text) == expected
    assert not codes(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("conv 3x3", "NAME DIMS"),
        ("conv 3×3×64", "NAME DIMS"),
        ("input HxWx1", "INPUT DIMS"),
        ("3x3/2, 64", "_WINDOW DIMS SLASH NUMBER COMMA NUMBER"),
        ("1×k, 64", "_WINDOW NUMBER TIMES NAME COMMA NUMBER"),
        ("conv k×k", "NAME NAME TIMES NAME"),
        ("conv k x k", "NAME NAME TIMES NAME"),
        ("conv H×W×c", "NAME NAME TIMES NAME TIMES NAME"),
        ("input c × 3x3", "INPUT NAME TIMES NUMBER TIMES NUMBER"),
        ("unit(64) x 3", "NAME _CALL NUMBER RPAR TIMES NUMBER"),
        ("{ } x n", "LBRACE RBRACE TIMES NAME"),
        ("add x, y", "NAME NAME COMMA NAME"),
        ("fc x", "NAME NAME"),
        ("fc x\nrelu", "NAME NAME _SEP NAME"),
        ("fc x if x else x", "NAME NAME IF NAME ELSE NAME"),
        ("let x = 3", "LET NAME EQUAL NUMBER"),
        ("fc x(3)", "NAME NAME _CALL NUMBER RPAR"),
    ],
)
def test_times_and_sizes(text, expected):
    assert kinds(text) == expected
    assert not codes(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("64", 64),
        ("25_557_032", 25557032),
        ("0.3", 0.3),
        ("1e-5", 1e-5),
        ("40%", 0.4),
        ("100%", 1),
        ("12.5%", 0.125),
        ("4.09G", 4_090_000_000),
        ("3.86G", 3_860_000_000),
        ("2.5K", 2500),
        ("1M", 1_000_000),
        ("0.5T", 500_000_000_000),
        ("1.0", 1.0),
        ("9" * 19, int("9" * 19)),
        ("9" * 20, None),
        ("1e300", None),
        ("1e999999", None),
        ("1" * 18 + "G", None),
    ],
)
def test_values_of_numbers(text, value):
    found = number_value(text)
    assert found == value
    assert type(found) is type(value)


def test_suffix_or_operator():
    assert texts("dropout 40%") == ["dropout", "40%"]
    assert texts("fc 7%2") == ["fc", "7", "%", "2"]
    assert texts("fc 7 % 2") == ["fc", "7", "%", "2"]
    assert texts("fc 7%(n)") == ["fc", "7", "%", "(", "n", ")"]
    assert texts("from 4e") == ["from", "4e"]


def test_twins_have_one_spelling():
    assert texts("f(a -> b)") == texts("f(a → b)")
    assert texts("expect a ≥ 3 +- 1%") == texts("expect a >= 3 ± 1%")
    assert texts("fc 1 +-2") == ["fc", "1", "+", "-", "2"]


def test_positions_and_comments():
    scanned = scan(Source("t.cnn", "# one \n  conv 3x3 # two\r\n"))
    assert scanned.tokens[:2] == [("NAME", "conv", 9, 13), ("DIMS", "3x3", 14, 17)]
    assert [comment[1] for comment in scanned.comments] == ["# one", "# two"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("fc 08", "E0104"),
        ("fc 3.", "E0104"),
        ("fc .5", "E0104"),
        ("fc 1_", "E0104"),
        ("conv 1xk, 3", "E0104"),
        ("conv 3X3, 3", "E0104"),
        ("conv 03x3, 3", "E0104"),
        ("fc 1.5.2", "E0104"),
        ("fc " + "1" * 20, "E0603"),
        ("fc 1e99", "E0603"),
        ('source "abc', "E0105"),
        ("source 'abc'", "E0103"),
        ("source “abc”", "E0103"),
        ("conv 3x3 – 1", "E0103"),
        ("fc § ", "E0103"),
        ("fc\u00a03", "E0103"),
        ("größe 3", "E0103"),
        ("fc \x00", "E0107"),
        ("relu # \u202e", "E0107"),
        ('source "\u200b"', "E0107"),
        ("a\rb", "E0107"),
        ("n" * 65, "E0604"),
        ('source "' + "n" * 2001 + '"', "E0604"),
        ("fc a && b", "E0109"),
        ("relu // note", "E0109"),
        ("f(1", "E0102"),
        ("f(1]", "E0102"),
        ("a {", "E0102"),
        ("a }", "E0102"),
        ("f(1\n}", "E0102"),
        ("fc " + "(" * 65, "E0602"),
        ("{" * 65, "E0602"),
        ("if a { }" + " else if a { }" * 64, "E0602"),
        ("fc " + "-" * 101 + "1", "E0602"),
        ("fc 1" + " + 1" * 101, "E0602"),
    ],
)
def test_problems(text, code):
    assert codes(text)[:1] == [code]


def test_a_problem_is_reported_once():
    assert codes("fc $ $ $") == ["E0103"]
    assert codes("relu // a\nbn // b\nrelu // c") == ["E0109"]
    assert codes("\x00" * 10) == ["E0107"]


def test_the_forgotten_bracket_is_the_one_reported():
    text = "model m {\n  add {\n    | relu\n  bn\n}\nblock b { relu }\n"
    (problem,) = scan(Source("t.cnn", text)).diagnostics
    assert problem.place.start == text.index("{", 9)

    text = "model m {\n  relu\n  }\n  bn\n}\n"
    (problem,) = scan(Source("t.cnn", text)).diagnostics
    assert problem.place.start == text.index("}")
