"""Tables of text: columns as wide as they must be, long cells in several lines."""

from __future__ import annotations

from cnndsl.escape import markdown
from cnndsl.record import Record
from cnndsl.render import columns as wide

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

GAP = "  "
NARROWEST = 10


class Column(Record):
    """A column.

    Arguments:
        title: above it.
        right: numbers stand right.
        shrinks: its cells may be broken into lines when the table is too wide.
    """

    title: str
    right: bool = False
    shrinks: bool = False


class Row(Record):
    """A row of cells.

    Arguments:
        cells: one for each column.
        indent: of the first cell, in levels.
        rule: a line is drawn above it.
    """

    cells: tuple[str, ...]
    indent: int = 0
    rule: bool = False


def text_table(columns: Sequence[Column], rows: Sequence[Row], width: int) -> list[str]:
    """The lines of a table that is at most `width` wide if its columns can be."""
    kept = [k for k in range(len(columns)) if any(row.cells[k] for row in rows)]
    columns = [columns[k] for k in kept]
    rows = [_indented(row, kept) for row in rows]
    widths = _widths(columns, rows, width)
    rule = "─" * (sum(widths) + len(GAP) * (len(widths) - 1))
    lines = []
    if any(column.title for column in columns):
        lines = [*_row([column.title for column in columns], columns, widths), rule]
    for row in rows:
        if row.rule:
            lines.append(rule)
        lines += _row(row.cells, columns, widths, "  " * (row.indent + 1))
    return lines


def markdown_table(columns: Sequence[Column], rows: Sequence[Row]) -> list[str]:
    """The lines of a Markdown table, its source aligned too."""
    kept = [k for k in range(len(columns)) if any(row.cells[k] for row in rows)]
    columns = [columns[k] for k in kept]
    cells = [[markdown(column.title) for column in columns]]
    for row in rows:
        texts = [markdown(row.cells[k]) for k in kept]
        texts[0] = "&emsp;" * row.indent + texts[0]
        if row.rule:
            texts = [f"**{text}**" if text else "" for text in texts]
        cells.append(texts)
    widths = [max(3, *(wide(row[k]) for row in cells)) for k in range(len(columns))]
    marks = [
        "-" * (w - 1) + ":" if column.right else "-" * w
        for column, w in zip(columns, widths, strict=True)
    ]
    return [_pipes(row, columns, widths) for row in (cells[0], marks, *cells[1:])]


def wrapped(text: str, width: int) -> list[str]:
    """The text in lines, broken at spaces, or between factors where there are none."""
    lines: list[str] = []
    while len(text) > width:
        at = text.rfind(" ", 1, width + 1)
        if at < 1:
            at = max(text.rfind("·", 1, width), text.rfind("×", 1, width))
        if at < 1:
            at = width
        lines.append(text[:at].rstrip())
        text = text[at:].lstrip()
    return [*lines, text]


def _indented(row: Row, kept: Iterable[int]) -> Row:
    first, *others = (row.cells[k] for k in kept)
    return Row(("  " * row.indent + first, *others), row.indent, row.rule)


def _widths(columns: Sequence[Column], rows: Sequence[Row], width: int) -> list[int]:
    """As wide as the cells; where that is too much, the columns that may shrink do."""
    widths = [
        max(wide(column.title), *(wide(row.cells[k]) for row in rows), 1)
        for k, column in enumerate(columns)
    ]
    over = sum(widths) + len(GAP) * (len(widths) - 1) - width
    while over > 0:
        flexible = [k for k, c in enumerate(columns) if c.shrinks and widths[k] > NARROWEST]
        if not flexible:
            break
        widest = max(flexible, key=lambda k: widths[k])
        widths[widest] -= 1
        over -= 1
    return widths


def _row(
    cells: Sequence[str], columns: Sequence[Column], widths: Sequence[int], hang: str = ""
) -> list[str]:
    """The lines of one row; the first cell goes on indented."""
    stacks = [_cell(cell, width, hang if k == 0 else "")
              for k, (cell, width) in enumerate(zip(cells, widths, strict=True))]  # fmt: skip
    height = max(map(len, stacks))
    lines = []
    for at in range(height):
        parts = [stack[at] if at < len(stack) else "" for stack in stacks]
        padded = (
            _padded(part, width, column.right)
            for part, column, width in zip(parts, columns, widths, strict=True)
        )
        lines.append(GAP.join(padded).rstrip())
    return lines


def _cell(text: str, width: int, hang: str) -> list[str]:
    if len(text) <= width:
        return [text]
    margin = text[: len(text) - len(text.lstrip())]
    first, *rest = wrapped(text.lstrip(), max(width - len(margin), 8))
    indent = hang if len(hang) < width - 8 else ""
    again = wrapped(" ".join(rest), max(width - len(indent), 8)) if rest else []
    return [margin + first, *(indent + line for line in again)]


def _padded(text: str, width: int, right: bool) -> str:
    gap = " " * (width - wide(text))
    return gap + text if right else text + gap


def _pipes(cells: Sequence[str], columns: Sequence[Column], widths: Sequence[int]) -> str:
    padded = (
        _padded(cell, width, column.right)
        for cell, column, width in zip(cells, columns, widths, strict=True)
    )
    return f"| {' | '.join(padded)} |"
