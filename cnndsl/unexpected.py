"""What to say about a token that does not fit.

`explain` asks a list of functions, each for one mistake that people make; the
first one that recognises its mistake answers. The last one says what may stand
here, in the words of `HUMAN`.
"""

from __future__ import annotations

import re

from .diagnostics import Diagnostic, Fix, Help, Label, error
from .lexer import EXPRESSION_WORDS, LATER_WORDS, RESERVED, STATEMENT_WORDS, Token
from .record import Record
from .source import Source, Span
from .tree import reserved

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Explanation(Record):
    """A diagnostic, and how much of the text it speaks for.

    `foreign` is set for text of another language, where one message covers the
    statements that follow; `skips_body` when the statement's `{ }` is not ours.
    """

    diagnostic: Diagnostic
    foreign: bool = False
    skips_body: bool = False


class Unexpected:
    """Token `at` of a statement that begins with token `first` and is in `depth` bodies."""

    def __init__(
        self,
        source: Source,
        tokens: list[Token],
        at: int,
        first: int,
        expected: set[str],
        depth: int,
    ) -> None:
        self.source = source
        self.tokens = tokens
        self.at = at
        self.first = first
        self.expected = expected
        self.depth = depth
        self.kind, self.text, self.start, self.end = tokens[at]
        self.previous = tokens[at - 1] if at > 0 else ("", "", 0, 0)
        self.opening = tokens[first]

    @property
    def next(self) -> Token:
        return self.tokens[min(self.at + 1, len(self.tokens) - 1)]

    @property
    def span(self) -> Span:
        """The token, or the place behind the one before when it has no text to show."""
        if self.kind in ("_SEP", "$END") or self.start == self.end:
            return Span(self.source, self.previous[3], self.previous[3])
        return Span(self.source, self.start, self.end)

    @property
    def statement(self) -> str:
        """The statement's first line."""
        start = self.opening[2]
        end = self.source.text.find("\n", start)
        return self.source.text[start : end if end >= 0 else len(self.source.text)].strip()

    def error(
        self, code: str, message: str, label: str = "", *help: Help | str, span: Span | None = None
    ) -> Explanation:
        return Explanation(error(code, message, span or self.span, label, help=help))


def explain(found: Unexpected) -> Explanation:
    """The message for a token that does not fit."""
    for mistake in _MISTAKES:
        explanation = mistake(found)
        if explanation is not None:
            return explanation
    return _anything_else(found)


def _anything_else(found: Unexpected) -> Explanation:
    words = in_words(found.expected)
    return found.error("E0101", _message(found), f"expected {words}" if words else "")


def _message(found: Unexpected) -> str:
    before = f" after `{found.previous[1]}`" if found.previous[1].strip() and found.at > found.first else ""
    if found.kind == "$END":
        return f"the file ends too early{before}"
    if found.kind == "_SEP":
        return f"the statement ends too early{before}"
    if found.kind == "RBRACE":
        return f"the body ends too early{before}"
    return f"unexpected `{found.text}`{before}"


_MISTAKES: list[Callable[[Unexpected], Explanation | None]] = []

HUMAN = {
    "_SEP": "the end of the line",
}


def in_words(kinds: Iterable[str]) -> str:
    return ", ".join(sorted(kinds))
