"""What a tree does not have: comments, blank lines, and which lines the author chose.

Comments are printed in their order, each as soon as a line ends that may have it behind it
or before it. The one that is next is always known, so that none is lost or printed twice.
"""

from __future__ import annotations

import re
from bisect import bisect_left

from ..lexer import scan
from ..source import Span
from .columns import Row
from .layout import Printer
from .pieces import Braces, Entries, Equation, Side, Sign, pieces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ..source import Source
    from ..syntax import File

_BLANK_LINE = re.compile(r"\n[ \t\r]*\n")


class Formatter(Printer):
    """Prints the tree of a source with its comments, in the author's choice of lines."""

    def __init__(self, source: Source) -> None:
        scanned = scan(source)
        self.source = source
        self.text = source.text
        self.comments = scanned.comments
        self.at = 0  # the next comment
        self.last = 0  # where the last thing printed ended
        self.places: dict[str, list[int]] = {"LBRACE": [], "RBRACE": [], "RPAR": [], "IMPLIES": []}
        for kind, _, start, _ in scanned.tokens:
            if kind in self.places:
                self.places[kind].append(start)

    def edition(self, file: File) -> list[Row]:
        if not file.edition:
            return []
        comments = self._comment_rows(file.edition.span.start)
        rows = [*comments, *super().edition(file)]
        self._end(rows[-1], file.edition.span.end)
        return rows

    def rows(self, nodes: Sequence[Any], stop: int, indent: int) -> list[Row]:
        rows: list[Row] = []
        end = -1
        for node in nodes:
            start = node.span.start
            hoisted = self._comment_rows(self._hoist(node))
            blank = self._has_blank_line(start)
            row = self.row(node, indent)
            row.blank = blank
            row.glued = end >= 0 and not hoisted and "\n" not in self.text[end:start]
            end = node.span.end
            self._end(row, end)
            rows += [*hoisted, row]
        return rows + self._comment_rows(stop)

    def stays_flat(self, node: Any, inside: Braces | Side) -> bool:
        start = node.span.start
        if isinstance(inside, Braces):
            start = self._next("LBRACE", inside.start)
        return "\n" not in self.text[start : node.span.end]

    def has_comments(self, node: Any) -> bool:
        return self.at < len(self.comments) and self.comments[self.at][2] < node.span.end

    def end_of_commented(self, items: Sequence[Any]) -> int | None:
        if not items or self.at == len(self.comments):
            return None
        end = self._next("RPAR", items[-1].span.end)
        return end if self.comments[self.at][2] < end else None

    def opening(self, start: int) -> str:
        self.last = self._next("LBRACE", start) + 1
        comment = self._comment_on_line(self.last)
        return "{" if comment is None else f"{{  {comment}"

    def end(self, braces: Braces) -> int:
        return self._next("RBRACE", braces.nodes[-1].span.end if braces.nodes else braces.start)

    def sign(self, node: Equation) -> Sign:
        start = self._next("IMPLIES", node.left.span.end)
        return Sign(Span(self.source, start, start + len("=>")))

    def _next(self, kind: str, start: int) -> int:
        """Where the first token of a kind stands, at or after an offset."""
        places = self.places[kind]
        at = bisect_left(places, start)
        return places[at] if at < len(places) else len(self.text)

    def _hoist(self, node: Any) -> int:
        """Comments before this offset are printed before the node."""
        for piece in pieces(node):
            if isinstance(piece, Side) or (isinstance(piece, Entries) and piece.items):
                return int(node.span.start)
            if isinstance(piece, Braces):
                return self._next("LBRACE", node.span.start)
        return int(node.span.end)

    def _comment_rows(self, stop: int) -> list[Row]:
        """The comments up to an offset, each on a line of its own."""
        rows = []
        while self.at < len(self.comments) and self.comments[self.at][2] < stop:
            _, text, start, end = self.comments[self.at]
            row = Row([text])
            row.blank = self._has_blank_line(start)
            rows.append(row)
            self.last = end
            self.at += 1
        return rows

    def _has_blank_line(self, start: int) -> bool:
        return bool(_BLANK_LINE.search(self.text, self.last, start))

    def _end(self, row: Row, end: int) -> None:
        """Give a row the comment that follows it on its line."""
        self.last = end
        row.comment = self._comment_on_line(end)

    def _comment_on_line(self, end: int) -> str | None:
        """Take the next comment if only a separator stands between it and offset `end`."""
        if self.at == len(self.comments):
            return None
        _, text, start, stop = self.comments[self.at]
        if start < end or self.text[end:start].strip(" \t,;"):
            return None
        self.last = stop
        self.at += 1
        return text
