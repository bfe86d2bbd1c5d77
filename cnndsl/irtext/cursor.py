"""A place between the tokens of a text: what every reader asks, and how it moves on.

Readers are functions that take a cursor, read what they are for, and leave the cursor behind
it. They decide by the token at hand, never go back, and raise at the first that does not fit.
"""

from __future__ import annotations

from ..diagnostics import fail
from ..source import Source, Span
from .tokens import Token, scan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn, TypeVar

    T = TypeVar("T")

DEEPEST = 50
"""Brackets in brackets that the reader accepts."""
_NO_TEXT = {"end": "the end of the text", "newline": "the end of the line"}
"""How messages call the tokens that cannot be shown."""


class Cursor:
    """The token at hand; `at` is its number."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.tokens = scan(source)
        self.at = 0
        self.depth = 0

    # Looking

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    @property
    def following(self) -> str:
        """The text behind a token at hand that is not the end."""
        return self.tokens[self.at + 1].text

    @property
    def here(self) -> Span:
        """The token at hand."""
        return Span(self.source, self.token.start, self.token.end)

    @property
    def last(self) -> Span:
        """The token before it, which was read last."""
        return self.since(self.at - 1)

    def since(self, first: int) -> Span:
        """All that was read from the token numbered `first` on."""
        return Span(self.source, self.tokens[first].start, self.tokens[self.at - 1].end)

    # Moving

    def next(self) -> Token:
        token = self.token
        self.at += 1
        return token

    def accept(self, text: str) -> bool:
        """Read this sign or word if it comes next."""
        if self.token.text != text:
            return False
        self.at += 1
        return True

    def expect(self, text: str) -> None:
        if not self.accept(text):
            self.fail(f"`{text}`")

    def fail(self, expected: str) -> NoReturn:
        shown = _NO_TEXT.get(self.token.kind, f"`{self.token.text}`")
        fail("E0101", f"{shown} cannot stand here", self.here, f"expected {expected}")

    def end_line(self) -> None:
        """Read the end of the line and empty lines."""
        if self.token.kind not in ("newline", "end"):
            self.fail("the end of the line")
        self.skip_lines()

    def skip_lines(self) -> None:
        while self.token.kind == "newline":
            self.at += 1

    # With readers

    def sequence(self, item: Callable[[Cursor], T], *closing: str) -> tuple[T, ...]:
        """Items with commas between them, up to a sign that is not read."""
        items: list[T] = []
        while self.token.text not in closing:
            if items:
                self.expect(",")
            items.append(item(self))
        return tuple(items)

    def nested(self, item: Callable[[Cursor], T]) -> T:
        """One level of brackets deeper."""
        if self.depth >= DEEPEST:
            fail("E0602", f"brackets are nested more than {DEEPEST} levels deep", self.here)
        self.depth += 1
        result = item(self)
        self.depth -= 1
        return result
