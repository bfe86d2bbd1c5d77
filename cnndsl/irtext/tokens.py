"""Text to tokens: strings, words, signs and line ends, without blanks and `#` comments.

A word is letters, digits, `_` and `.` in a row: a name, `64`, `3x3`, `1e-5`. What it is
depends on what may stand at its place, so the readers decide.
"""

from __future__ import annotations

import re

from ..diagnostics import fail
from ..source import Source, Span

WORD = r"[\w.]+"
"""A name of this form is written without quotes."""
_TOKEN = re.compile(
    r'(?P<string>"(?:[^"\\\n]|\\.)*")'
    rf"|(?P<word>[0-9][0-9.]*[eE][-+][0-9]+(?!\w)|{WORD})"
    r"|(?P<sign>->|==|>=|//|[][(){}@:;,=+*/×-])"
    r"|(?P<newline>\n)"
    r"|(?P<blank>[ \t\r]+|\#[^\n]*)"
)


class Token:
    """A piece of text; kind is `string`, `word`, `sign`, `newline` or `end`."""

    __slots__ = ("end", "kind", "start", "text")

    def __init__(self, kind: str, text: str, start: int, end: int) -> None:
        self.kind = kind
        self.text = text
        self.start = start
        self.end = end


def scan(source: Source) -> list[Token]:
    """All tokens; the last one is the end, and has no text."""
    result: list[Token] = []
    at, text = 0, source.text
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            string = text[at] == '"'
            message = "this string is never closed" if string else f"`{text[at]}` means nothing"
            fail("E0105" if string else "E0103", message, Span(source, at, at + 1))
        if match.lastgroup != "blank":
            result.append(Token(str(match.lastgroup), match[0], at, match.end()))
        at = match.end()
    result.append(Token("end", "", at, at))
    return result
