"""Lines of a source with marks below them, and as they are after an edit."""

from __future__ import annotations

from ..record import Record, replace
from .canvas import Canvas, Style
from .characters import columns, wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..diagnostics import Fix, Label
    from ..source import Source

TAB = 4
LEAST = 24  # columns; a text that has fewer left moves to the left
REACH = 1_000  # characters before and behind a mark that are looked at


class Mark(Record):
    """A label on one line of the source, from index `start` to `end` of its characters."""

    line: int
    start: int
    end: int
    text: str
    kind: str
    sign: str


class Row(Record):
    """A line as it is shown: `places[i]` is the column of its character i."""

    text: str
    places: tuple[int, ...]


def _row(line: str, style: Style) -> Row:
    """A line with tabs expanded and hidden characters made visible."""
    if line.isascii() and line.isprintable():
        return Row(line, tuple(range(len(line) + 1)))
    shown: list[str] = []
    places = [0]
    for character in line:
        text = " " * TAB if character == "\t" else style.visible(character)
        shown.append(text)
        places.append(places[-1] + columns(text))
    return Row("".join(shown), tuple(places))


def mark_of(label: Label, kind: str, sign: str, style: Style) -> Mark:
    """The label on its first line; of a span over several lines only that part is marked."""
    source = label.span.source
    line, column = source.position(label.span.start)
    text = source.line(line)
    start = min(column - 1, len(text))
    end = min(start + max(label.span.end - label.span.start, 1), max(len(text), start + 1))
    if label.span.end - label.span.start > end - start:
        end = start + max(len(text[start:end].rstrip()), 1)
    return Mark(line, start, end, lines_visible(label.text, style), kind, sign)


def lines_visible(text: str, style: Style) -> str:
    """`visible` for text that may have lines of its own."""
    return "\n".join(style.visible(line) for line in text.split("\n"))


def _around(line: str, marks: Sequence[Mark]) -> tuple[str, Sequence[Mark]]:
    """The part of a very long line that may come into sight, with its marks moved along."""
    if len(line) <= 2 * REACH:
        return line, marks
    main = _main(marks)
    first = max(main.start - REACH, 0)
    part = line[first : main.start + REACH]

    def moved(index: int) -> int:
        return min(max(index - first, 0), len(part))

    return part, [replace(m, start=moved(m.start), end=moved(m.end)) for m in marks]


def _main(marks: Sequence[Mark]) -> Mark:
    return next((mark for mark in marks if mark.sign == "^"), marks[0])


class Cut(Record):
    """The part of a row that fits: columns `low` to `high`."""

    low: int
    high: int

    def column(self, place: int) -> int:
        return min(max(place, self.low), self.high) - self.low


def _cut(row: Row, marks: Sequence[Mark], room: int) -> Cut:
    """Where to cut a row that is too long, so that its main mark stays in sight."""
    total = max(row.places[-1], 1)
    if total <= room:
        return Cut(0, max(room, total))
    main = _main(marks) if marks else None
    if main is None or row.places[main.end if main.end < len(row.places) else -1] < room:
        return Cut(0, room)
    low = min(max(row.places[main.start] - room // 3, 0), total + 1 - room)
    return Cut(low, low + room)


def _clip(row: Row, cut: Cut, style: Style) -> str:
    """The text of the row between the columns of the cut, with signs where it was cut."""
    total = row.places[-1]
    if cut.low == 0 and total <= cut.high:
        return row.text
    before = style.ellipsis if cut.low else ""
    after = style.ellipsis if total > cut.high else ""
    low, high = cut.low + len(before), cut.high - len(after)
    kept = Canvas()
    place, last = 0, -1
    for character in row.text:
        size = columns(character)
        if size and low <= place and place + size <= high:
            kept.put(place - cut.low, character, "")
            last = place - cut.low
        elif not size and last in kept.cells:
            kept.cells[last] = (kept.cells[last][0] + character, "")
        place += size
    kept.put(0, before, "")
    if after:
        kept.put(high - cut.low, after, "")
    return kept.text(lambda _, text: text)


def _marked(row: Row, marks: Sequence[Mark], room: int, style: Style) -> Iterator[str]:
    """The row and the rows of marks and their texts below it."""
    cut = _cut(row, marks, room)
    yield _clip(row, cut, style)
    placed = [(_extent(row, mark, cut), mark) for mark in marks]
    placed.sort(key=lambda item: (item[0], item[1].sign == "^"))
    first = Canvas()
    for (start, end), mark in sorted(placed, key=lambda item: item[1].sign == "^"):
        first.put(start, mark.sign * (end - start), mark.kind)
    hanging = [(start, mark) for (start, _), mark in placed if mark.text]
    if hanging and (inline := _inline(placed, room)):
        first.put(inline[0], inline[1].text, inline[1].kind)
        hanging = [(start, mark) for start, mark in hanging if mark is not inline[1]]
    yield first.text(style.paint)
    while hanging:
        start, mark = hanging.pop()
        yield from _hanging(start, mark, hanging, room, style)


def _extent(row: Row, mark: Mark, cut: Cut) -> tuple[int, int]:
    """Columns of a mark, at least one, even behind the end of the line."""
    last = len(row.places) - 1
    start = row.places[min(mark.start, last)]
    end = row.places[mark.end] if mark.end <= last else row.places[last] + 1
    start = min(cut.column(start), cut.high - cut.low - 1)
    return start, max(cut.column(end), start + 1)


def _inline(placed: Sequence[tuple[tuple[int, int], Mark]], room: int) -> tuple[int, Mark] | None:
    """The mark whose text can stand on the row of marks, behind all of them."""
    rightmost = max(end for (_, end), _ in placed)
    (_, end), mark = placed[-1]
    if end != rightmost or not mark.text or "\n" in mark.text:
        return None
    return (end + 1, mark) if end + 1 + columns(mark.text) <= room else None


def _hanging(
    start: int, mark: Mark, waiting: Sequence[tuple[int, Mark]], room: int, style: Style
) -> Iterator[str]:
    """A text below its mark; bars lead to the marks that still wait for theirs."""
    size = max(columns(line) for line in mark.text.split("\n"))
    fits = start + size <= room or room - start >= LEAST
    column = start if fits else max(room - max(size, LEAST), 0)
    for line in wrap(mark.text, max(room - column, LEAST)):
        canvas = Canvas()
        for left, other in waiting:
            if left < start:
                canvas.put(left, "|", other.kind)
        canvas.put(column, line, mark.kind)
        yield canvas.text(style.paint)


def excerpt(source: Source, marks: Sequence[Mark], gutter: int, style: Style) -> Iterator[str]:
    """The marked lines of one source with line numbers; `...` for what is between."""
    room = max(style.width - gutter - 3, 20)
    bar = style.paint("note", f"{'':{gutter}} |")
    yield bar
    previous = 0
    for number in sorted({mark.line for mark in marks}):
        if previous and number == previous + 2:
            yield from _plain(source, number - 1, gutter, room, style)
        elif previous and number > previous + 2:
            yield style.paint("note", "...")
        here = [mark for mark in marks if mark.line == number]
        line, seen = _around(source.line(number), here)
        text, *below = _marked(_row(line, style), seen, room, style)
        yield _join(style.paint("note", f"{number:>{gutter}} |"), text)
        for line in below:
            yield _join(bar, line)
        previous = number


def _plain(source: Source, number: int, gutter: int, room: int, style: Style) -> Iterator[str]:
    row = _row(source.line(number)[:REACH], style)
    text = _clip(row, _cut(row, (), room), style)
    yield _join(style.paint("note", f"{number:>{gutter}} |"), text)


def _join(gutter: str, text: str) -> str:
    return f"{gutter} {text}" if text else gutter


# ---------------------------------------------------------------------- edits


def edited(fix: Fix, gutter: int, style: Style) -> Iterator[str]:
    """The lines as they are after the edit, with what changed marked."""
    source = fix.span.source
    first, column = source.position(fix.span.start)
    last, end = source.position(fix.span.end)
    head = source.line(first)[: column - 1]
    tail = source.line(last)[end - 1 :]
    yield style.paint("note", f"{'':{gutter}} |")
    if first == last and fix.text.strip() and "\n" not in fix.text:
        yield from _edited_line(first, head, fix, tail, gutter, style)
        return
    old = [source.line(number) for number in range(first, last + 1)]
    new = [line.rstrip() for line in (head + fix.text + tail).split("\n")]
    if not fix.text and not (head + tail).strip():
        new = []
    yield from _changed_lines(first, old, new, gutter, style)


def _edited_line(
    number: int, head: str, fix: Fix, tail: str, gutter: int, style: Style
) -> Iterator[str]:
    old, new, at = fix.span.text, fix.text, len(head)
    sign, start, end = "~", at, at + len(new)
    if new.startswith(old):
        sign, start = "+", at + len(old)
    elif new.endswith(old):
        sign, end = "+", at + len(new) - len(old)
    mark = Mark(number, start, max(end, start + 1), "", "help", sign)
    room = max(style.width - gutter - 3, 20)
    line, marks = _around(head + new + tail, [mark])
    text, *below = _marked(_row(line, style), marks, room, style)
    yield _join(style.paint("note", f"{number:>{gutter}} |"), text)
    for line in below:
        yield _join(style.paint("note", f"{'':{gutter}} |"), line)


def _changed_lines(
    number: int, old: list[str], new: list[str], gutter: int, style: Style
) -> Iterator[str]:
    """Lines removed (`-`) and added (`+`), after one line that stays."""
    stays = 0
    while stays < min(len(old), len(new)) and old[stays] == new[stays]:
        stays += 1
    same = 0
    while same < min(len(old), len(new)) - stays and old[-1 - same] == new[-1 - same]:
        same += 1
    rows = [(number + stays - 1, "|", old[stays - 1])] if stays else []
    rows += [(number + i, "-", old[i]) for i in range(stays, len(old) - same)]
    rows += [(number + i, "+", new[i]) for i in range(stays, len(new) - same)]
    room = max(style.width - gutter - 3, 20)
    for line, sign, text in rows:
        row = _row(text[:REACH], style)
        shown = _clip(row, _cut(row, (), room), style)
        kind = {"|": "note", "-": "error", "+": "help"}[sign]
        yield _join(style.paint("note", f"{line:>{gutter}} ") + style.paint(kind, sign), shown)
