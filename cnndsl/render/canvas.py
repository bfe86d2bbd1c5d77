"""Colours and signs, and a row of characters to put them on."""

from __future__ import annotations

from ..escape import visible
from ..record import Record
from .characters import columns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Paint = Callable[[str, str], str]

WIDTH = 100

COLORS = {
    "error": "\x1b[1;31m",
    "warning": "\x1b[1;33m",
    "note": "\x1b[1;34m",
    "help": "\x1b[1;32m",
    "bold": "\x1b[1m",
}
RESET = "\x1b[0m"


class Style(Record):
    """How to render: colours, width, signs."""

    color: bool = False
    width: int = WIDTH
    unicode: bool = True

    def paint(self, kind: str, text: str) -> str:
        return f"{COLORS[kind]}{text}{RESET}" if self.color and text else text

    def visible(self, text: str) -> str:
        return visible(text, self.unicode)

    @property
    def ellipsis(self) -> str:
        return "…" if self.unicode else "..."


class Canvas:
    """One row of characters on which pieces are put at columns, later ones on top."""

    def __init__(self) -> None:
        self.cells: dict[int, tuple[str, str]] = {}

    def put(self, column: int, text: str, kind: str) -> None:
        """Write `text` from `column` on; zero-width characters join the one before."""
        last = column
        for character in text:
            size = columns(character)
            if size == 0 and last in self.cells:
                self.cells[last] = (self.cells[last][0] + character, kind)
                continue
            self.cells[column] = (character, kind)
            if size == 2:
                self.cells[column + 1] = ("", kind)
            last = column
            column += size

    def text(self, paint: Paint) -> str:
        """The row; runs of one kind are painted together, no blanks at the end."""
        pieces: list[str] = []
        run, kind = "", ""
        for column in range(max(self.cells, default=-1) + 1):
            character, new = self.cells.get(column, (" ", ""))
            if new != kind:
                pieces.append(paint(kind, run) if kind else run)
                run, kind = "", new
            run += character
        pieces.append(paint(kind, run) if kind else run)
        return "".join(pieces).rstrip()
