"""Rows of a body under each other: labels, arguments, sizes and comments in columns."""

from __future__ import annotations

from collections import defaultdict
from itertools import groupby, pairwise

from ..record import Record

WIDTH = 100
# What is longer than this stays out of its column, and so does what follows it:
STATEMENT = 72
LABEL = 16
ARGUMENT = 16


class Tab(Record):
    """A place in a line that may move to the right, into a column.

    Arguments:
        at: how many characters stand before it.
        name: what the column is called; there may be others of this name.
    """

    at: int
    name: tuple[str | None, ...]


class Row:
    """One statement, item or comment on its lines, before columns are aligned."""

    __slots__ = ("blank", "comment", "glued", "lines", "shape", "tabs")

    def __init__(self, lines: list[str], shape: str | None = None) -> None:
        self.lines = lines
        self.shape = shape
        self.tabs: tuple[Tab, ...] = ()
        self.comment: str | None = None
        self.blank = False  # a blank line comes before it
        self.glued = False  # it followed the row before on the same line

    @property
    def is_comment(self) -> bool:
        return self.lines[0].startswith("#")


def with_shape(text: str, shape: str | None) -> str:
    return text if shape is None else f"{text} : {shape}"


def tabs(label: str, call: str, arguments: list[tuple[str | None, str]]) -> tuple[Tab, ...]:
    """The places in `label: call(name=text, ...)` where columns may begin."""
    at = len(label)
    if at > LABEL + len(": "):
        return ()
    found = [Tab(at, ())]
    at += len(call)
    names: tuple[str | None, ...] = (call,)
    for (name, text), (following, _) in pairwise(arguments):
        if len(text) > ARGUMENT:
            break
        at += len(text) + len(", ")
        names = (*names, name)
        found.append(Tab(at, (*names, following)))
    return tuple(found)


def aligned(rows: list[Row], indent: int = 0) -> list[str]:
    """The lines of rows, with what belongs under each other in columns."""
    lines: list[str] = []
    for group in _groups(rows):
        texts = _texts(group, WIDTH - indent)
        for row, text in zip(group, texts, strict=True):
            lines += [""] if row.blank else []
            lines += [*row.lines[:-1], text]
    return lines


def _groups(rows: list[Row]) -> list[list[Row]]:
    """Rows that share columns: one-line rows with no blank line between them."""
    groups: list[list[Row]] = []
    for row in rows:
        alone = len(row.lines) > 1
        if groups and not row.blank and not alone and len(groups[-1][-1].lines) == 1:
            groups[-1].append(row)
        else:
            groups.append([row])
    return groups


def _texts(rows: list[Row], width: int) -> list[str]:
    """The last lines of rows, each with its size and its comment."""
    plain = _with_sizes(rows, [row.lines[-1] for row in rows])
    table = _with_sizes(rows, _table(rows))
    is_too_wide = any(len(new) > width >= len(old) for old, new in zip(plain, table, strict=True))
    return _with_comments(rows, plain if is_too_wide else table, width)


def _with_sizes(rows: list[Row], texts: list[str]) -> list[str]:
    """The texts, with the sizes in one column."""
    sized = [text for row, text in zip(rows, texts, strict=True) if row.shape]
    column = max((len(text) for text in sized if len(text) <= STATEMENT), default=0)
    return [
        with_shape(text if row.shape is None else text.ljust(column), row.shape)
        for row, text in zip(rows, texts, strict=True)
    ]


def _with_comments(rows: list[Row], texts: list[str], width: int) -> list[str]:
    """The texts, with the comments behind them in one column."""
    lengths = [len(text) for row, text in zip(rows, texts, strict=True) if row.comment]
    column = max((length for length in lengths if length <= width), default=0)
    return [
        f"{text.ljust(column)}  {row.comment}" if row.comment else text
        for row, text in zip(rows, texts, strict=True)
    ]


def _table(rows: list[Row]) -> list[str]:
    """Texts with their cells in columns.

    What labels name is in one as long as labels follow each other. Arguments are in one with
    those of the same call that stand behind the same names and begin at the same place.
    """
    cells = [_cells(row) for row in rows]
    statements = [number for number, row in enumerate(rows) if not row.is_comment]
    for has_label, run in groupby(statements, key=lambda number: bool(cells[number][0].strip())):
        if has_label:
            _pad(cells, 0, list(run))
    for index in range(1, max(map(len, cells)) - 1):
        columns: dict[tuple[int, tuple[str | None, ...]], list[int]] = defaultdict(list)
        for number, row in enumerate(rows):
            if index < len(row.tabs):
                columns[len(cells[number][0]), row.tabs[index].name].append(number)
        for column in columns.values():
            _pad(cells, index, column)
    return ["".join(texts) for texts in cells]


def _cells(row: Row) -> list[str]:
    """The last line of a row, taken apart at its tabs; before the first is the label."""
    text = row.lines[-1]
    ends = [tab.at for tab in row.tabs] or [0]
    return [text[start:end] for start, end in pairwise([0, *ends, len(text)])]


def _pad(cells: list[list[str]], index: int, column: list[int]) -> None:
    width = max(len(cells[number][index]) for number in column)
    for number in column:
        cells[number][index] = cells[number][index].ljust(width)
