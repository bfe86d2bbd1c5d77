"""Texts that mean something to whoever reads an output, and a network that is called by them."""

from __future__ import annotations

import random
from collections.abc import Sequence

from cnndsl.graph import Call, Constraint, Graph, Module, Node, Output, Value
from cnndsl.history import Change, History
from cnndsl.ops.activation import Relu
from cnndsl.ops.conv import Conv
from cnndsl.ops.merge import Concat
from cnndsl.symbol import variable
from cnndsl.types import map_type
from cnndsl.window import Window

TEXTS = (
    # quotes, escapes and the ends of lines
    '"', "'", '"""', "'''", '""', "\\", "\\\\", '\\"', "\\n", "\\N \\G \\L \\E", "back\\slash\\",
    "a\nb", "a\r\nb", "a\rb", "\t", "\x0b\x0c", "\x85", "\u2028", "\u2029", "tail\n", "\n# head",
    # what cannot be seen
    "\0", "\x1b[31mred\x1b[0m", "\x1b]8;;https://example.org\x07link\x1b]8;;\x07", "\x9b31m",
    "\x07", "\x08\x08\x08", "\x7f", "\u202etxt.exe", "\u2066\u2069", "\u200b", "\u200d", "\xad",
    "\ufeff", "\ufffe", "\uffff", "\ud800", "\udfff", "\U000e0041", "\u3164", "\u034f",
    # Python
    '"""\nimport os\n"""', "{x}", "{{", "}}", "%s%n%(x)s", "${HOME}", "$(x)", "`x`", "__import__",
    "lambda", "None", "self", "x = 1; import os", "f'{1}'", "# type: ignore", "# noqa",
    # SVG, HTML
    "<b>x</b>", "</text><script>alert(1)</script>", "</svg>", "<!--", "-->", "<![CDATA[", "]]>",
    "&amp;", "&#0;", "&#x202e;", "&undefined;", "<?xml?>", "javascript:alert(1)", '" onload="x',
    "<img src=x onerror=x>", "<!DOCTYPE x [<!ENTITY y 'z'>]>",
    # DOT
    "a:b", '"]; evil [URL="javascript:x"]; "', "}", "{a|b}", "-> n0", "label=<", "<<b>>", "n0",
    "node", "subgraph", 'data_path="x"]', "// x", "/* x */", "*/",
    # Markdown, CSV, spreadsheets
    "|", "\\|", "a | b", "| --- |", "# head", "- item", "+ item", "* item", "1. item", "> quote",
    "---", "===", "    code", "```", "~~~", "[x](javascript:y)", "![x](y)", "<https://x.y>",
    "**x**", "$x$", "=1+1", "+1", "-1+cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", ",", ";", "a,b",
    'a","b',
    # annotations, JSON, our language
    "::error::x", "::set-output name=x::y", "%0A::error::x", "%25", ":,", '{"a": 1}', "\\u0000",
    "//", "#", '" in evil', "..", "$END",
    # and what is merely long or foreign
    "x" * 300, "x" * 20_000, "漢字", "é" * 70, "e\u0301\u0301\u0301", "שלום", "👩‍👩‍👧", "𝔘nicode",
)  # fmt: skip


def hostile(random: random.Random) -> str:
    """One of the texts, or several in a row with words between them."""
    count = random.choice((1, 1, 2, 3, 5))
    parts = [random.choice(TEXTS) for _ in range(count)]
    return random.choice(("", " ", "x", "\n")).join(parts)


def benign(text: str) -> str:
    """Its twin: as long, of letters."""
    return "a" * min(max(len(text), 1), 300)


NAMES = 18
"""Things in a network that have a name."""


def network(text: str) -> Module:
    """A network in which everything that can have a name has this one, with a number."""
    return network_of([f"{text}{number}" for number in range(NAMES)], text)


def network_of(t: Sequence[str], text: str) -> Module:
    """A network in which everything that can have a name has one of these, and the text as notes.

    It has a block that is called twice, stages, two inputs, labels, an auxiliary output, a rule.
    """
    side = variable("H")
    x, y, z = map_type(side, 8, 3), map_type(side, 8, 4), map_type(side, 8, 8)
    block = Graph(
        t[0], t[1], ((t[2], text), (t[3], 4)), (Value(t[4], x),),
        (
            Node(t[5], Relu(), (t[4],), (Value(t[5], x),), 0, t[5]),
            Node(t[6], Conv(Window(3, 3), 4), (t[5],), (Value(t[6], y),), 1, t[6], (t[7],)),
        ),
        (Output(t[8], t[6]),), ((t[9], t[6]),),
    )  # fmt: skip
    main = Graph(
        t[10], t[10], ((t[2], 3),), (Value(t[4], x), Value(t[11], x)),
        (
            Node(t[12], Call(t[0]), (t[4],), (Value(t[12], y),), 0, t[12], (t[7],)),
            Node(t[13], Call(t[0]), (t[11],), (Value(t[13], y),), 1, t[13], (t[7], t[14])),
            Node(t[15], Concat(), (t[12], t[13]), (Value(t[15], z),), 2, t[15]),
            Node(t[16], Conv(Window(3, 3), 4), (t[15],), (Value(t[16], y),), 3, t[16]),
        ),
        (Output(t[8], t[16]), Output(t[17], t[15], True, 0.3)),
        ((t[9], t[15]),),
    )  # fmt: skip
    changes = (Change(1, text, text, 2, (10, 9), (10, 9)),)
    return Module(
        t[10], (block, main), "torch", text, (Constraint(side, None, text),),
        History(changes, (((t[10], t[16]), 1),)),
    )  # fmt: skip
