"""Source text and places in it."""

from __future__ import annotations

from bisect import bisect_right

from .record import Record


class Source:
    """A named text. `name` is what messages print; `path` is where it was read, if it was.

    A `shipped` one is part of the library: the user did not write it and cannot change it.
    """

    __slots__ = ("_starts", "name", "path", "shipped", "text")

    def __init__(self, name: str, text: str, path: str | None = None) -> None:
        self.name = name
        self.text = text
        self.path = path
        self.shipped = False
        self._starts: list[int] | None = None

    def __repr__(self) -> str:
        return f"Source({self.name!r})"

    @property
    def starts(self) -> list[int]:
        """Offset of the first character of each line."""
        if self._starts is None:
            self._starts = [0]
            find, at = self.text.find, 0
            while (at := find("\n", at) + 1) > 0:
                self._starts.append(at)
        return self._starts

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, both counted from 1, columns in code points."""
        line = bisect_right(self.starts, offset)
        return line, offset - self.starts[line - 1] + 1

    def line(self, number: int) -> str:
        """The text of a line (counted from 1), without its line break."""
        start = self.starts[number - 1]
        end = self.text.find("\n", start)
        return self.text[start : end if end >= 0 else len(self.text)].rstrip("\r")


class Span(Record):
    """The half-open range `start:end` of a source."""

    source: Source
    start: int
    end: int

    def __str__(self) -> str:
        if self.source.name.startswith("--"):  # an option, which has no lines
            return self.source.name
        line, column = self.source.position(self.start)
        return f"{self.source.name}:{line}:{column}"

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

    def last(self, length: int) -> Span:
        """The last characters of the range."""
        return Span(self.source, self.end - length, self.end)

    def to(self, other: Span) -> Span:
        """The range from the start of this span to the end of `other`."""
        return Span(self.source, self.start, max(self.end, other.end))
