"""Diagnostics as text for people, as JSON for tools, as annotations for GitHub.

    error[E0301]: `add` needs equal shapes
      --> resnet50.cnn:14:5
       |
    12 |     | conv 1x1, 4*n, bn
       |       ----------------- 56x56x256
    13 |       relu
    14 |     | identity
       |       ^^^^^^^^ 56x56x64: channels differ
       |
       = 256 ≠ 64
       = help: project the shortcut: `shortcut_b(4*n, stride)`

The same records feed all three. User text reaches a terminal only through
`visible`, which turns control, bidi and zero-width characters into marks that
can be seen.
"""

from __future__ import annotations

from .diagnostics import MAX_REPORTED, Diagnostic, Fix, Help, Label
from .record import Record
from .source import Source, Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any

    Paint = Callable[[str, str], str]

TAB = 4
WIDTH = 100
LEAST = 24  # columns; a text that has fewer left moves to the left
JSON_VERSION = 1

COLORS = {
    "error": "\x1b[1;31m",
    "warning": "\x1b[1;33m",
    "note": "\x1b[1;34m",
    "help": "\x1b[1;32m",
    "bold": "\x1b[1m",
}
RESET = "\x1b[0m"

ASCII = {
    "×": "x", "→": "->", "⇒": "=>", "←": "<-", "≠": "!=", "≤": "<=", "≥": ">=", "≡": "=",
    "·": "*", "−": "-", "–": "-", "—": "-", "±": "+-", "…": "...", "′": "'", "∞": "inf",
    "⌊": "floor(", "⌋": ")", "⌈": "ceil(", "⌉": ")", "“": '"', "”": '"', "‘": "'", "’": "'",
    "✓": "ok", "✗": "x", "⟦": "<", "⟧": ">",
}  # fmt: skip


# ----------------------------------------------------------------- characters


def visible(text: str, unicode: bool = True) -> str:
    """`text` on one line with nothing hidden: `␛` for ESC, `⟦U+202E⟧` for bidi controls."""
    if text.isascii() and text.isprintable():
        return text
    return "".join([_shown(character, unicode) for character in text])


def _shown(character: str, unicode: bool) -> str:
    if " " <= character <= "~":
        return character
    code = ord(character)
    if unicode and code < 0x20:
        return chr(0x2400 + code)
    if unicode and code == 0x7F:
        return "␡"
    if unicode and (character.isprintable() or character == "\N{NO-BREAK SPACE}"):
        return character
    if character in ASCII:
        return ASCII[character]
    return f"⟦U+{code:04X}⟧" if unicode else f"<U+{code:04X}>"


def columns(text: str) -> int:
    """Columns of a terminal that `text` takes: 2 for East Asian wide, 0 for combining."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(
        2 if east_asian_width(c) in "WF" else 0 if combining(c) or _is_selector(c) else 1
        for c in text
    )


def _is_selector(character: str) -> bool:
    return "\ufe00" <= character <= "\ufe0f"


def wrap(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` columns, broken at spaces; long words stay whole."""
    lines: list[str] = []
    for paragraph in text.rstrip().split("\n"):
        indent = paragraph[: len(paragraph) - len(paragraph.lstrip())]
        line = paragraph
        while columns(line) > width:
            cut = _break(line, width, len(indent))
            if cut < 0:
                break
            lines.append(line[:cut])
            line = indent + line[cut + 1 :]
        lines.append(line)
    return lines


def _break(line: str, width: int, indent: int) -> int:
    """Index of the last space that keeps the line within `width`, else of the first one."""
    best = line.find(" ", indent)
    at = best
    while at >= 0 and columns(line[:at]) <= width:
        best, at = at, line.find(" ", at + 1)
    return best


# --------------------------------------------------------------------- styles


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


# ------------------------------------------------------------------- excerpts


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


def _mark(label: Label, kind: str, sign: str, style: Style) -> Mark:
    """The label on its first line; of a span over several lines only that part is marked."""
    source = label.span.source
    line, column = source.position(label.span.start)
    text = source.line(line)
    start = min(column - 1, len(text))
    end = min(start + max(label.span.end - label.span.start, 1), max(len(text), start + 1))
    if label.span.end - label.span.start > end - start:
        end = start + max(len(text[start:end].rstrip()), 1)
    return Mark(line, start, end, _lines_visible(label.text, style), kind, sign)


def _lines_visible(text: str, style: Style) -> str:
    """`visible` for text that may have lines of its own."""
    return "\n".join(style.visible(line) for line in text.split("\n"))


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
    main = next((mark for mark in marks if mark.sign == "^"), marks[0] if marks else None)
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


def _excerpt(source: Source, marks: Sequence[Mark], gutter: int, style: Style) -> Iterator[str]:
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
        text, *below = _marked(_row(source.line(number), style), here, room, style)
        yield _join(style.paint("note", f"{number:>{gutter}} |"), text)
        for line in below:
            yield _join(bar, line)
        previous = number


def _plain(source: Source, number: int, gutter: int, room: int, style: Style) -> Iterator[str]:
    row = _row(source.line(number), style)
    text = _clip(row, _cut(row, (), room), style)
    yield _join(style.paint("note", f"{number:>{gutter}} |"), text)


def _join(gutter: str, text: str) -> str:
    return f"{gutter} {text}" if text else gutter


# ---------------------------------------------------------------------- fixes


def _fix(fix: Fix, gutter: int, style: Style) -> Iterator[str]:
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
    text, *below = _marked(_row(head + new + tail, style), [mark], room, style)
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
        row = _row(text, style)
        shown = _clip(row, _cut(row, (), room), style)
        kind = {"|": "note", "-": "error", "+": "help"}[sign]
        yield _join(style.paint("note", f"{line:>{gutter}} ") + style.paint(kind, sign), shown)


# ----------------------------------------------------------------- diagnostics


def severity(diagnostic: Diagnostic) -> str:
    """`error`, `warning` or `internal error`, from the letter of the code.

    A warning that counts as an error (`--strict`) is called one.
    """
    if diagnostic.strict:
        return "error"
    kinds = {"E": "error", "W": "warning"}
    return kinds.get(diagnostic.code[:1], "internal error")


def render(
    diagnostic: Diagnostic, *, color: bool = False, width: int = WIDTH, unicode: bool = True
) -> str:
    """A diagnostic as text for people, without a line break at the end."""
    return "\n".join(_lines(diagnostic, Style(color, width, unicode)))


def _lines(diagnostic: Diagnostic, style: Style) -> Iterator[str]:
    kind = severity(diagnostic)
    main = "warning" if kind == "warning" else "error"
    head = style.paint(main, f"{kind}[{diagnostic.code}]")
    yield head + style.paint("bold", f": {style.visible(diagnostic.message)}")
    gutter = _gutter(diagnostic)
    for index, (source, labels) in enumerate(_by_source(diagnostic.labels)):
        arrow = "-->" if index == 0 else ":::"
        place = style.visible(str(labels[0].span))
        yield f"{'':{gutter}}{style.paint('note', arrow)} {place}"
        marks = [
            _mark(label, main, "^", style)
            if label is diagnostic.labels[0]
            else _mark(label, "note", "-", style)
            for label in labels
        ]
        yield from _excerpt(source, marks, gutter, style)
    plain = [help for help in diagnostic.help if help.fix is None]
    if diagnostic.labels and (diagnostic.notes or plain):
        yield style.paint("note", f"{'':{gutter}} |")
    for note in diagnostic.notes:
        yield from _note("", note, gutter, style)
    for help in plain:
        yield from _note("help: ", help.text, gutter, style)
    for help in diagnostic.help:
        yield from _help(help, gutter, style)


def _gutter(diagnostic: Diagnostic) -> int:
    """Columns for the line numbers: the longest one in any excerpt."""
    spans = [label.span for label in diagnostic.labels]
    numbers = [span.source.position(span.start)[0] for span in spans]
    for fix in [help.fix for help in diagnostic.help if help.fix is not None]:
        numbers.append(fix.span.source.position(fix.span.end)[0] + fix.text.count("\n"))
    return max((len(str(number)) for number in numbers), default=1)


def _by_source(labels: Iterable[Label]) -> list[tuple[Source, list[Label]]]:
    """Labels by their source; the source of the first label comes first."""
    groups: dict[int, tuple[Source, list[Label]]] = {}
    for label in labels:
        source = label.span.source
        groups.setdefault(id(source), (source, []))[1].append(label)
    return list(groups.values())


def _note(lead: str, text: str, gutter: int, style: Style) -> Iterator[str]:
    room = max(style.width - gutter - 3 - len(lead), 30)
    first, *rest = wrap(_lines_visible(text, style), room)
    yield f"{'':{gutter}} {style.paint('note', '=')} {style.paint('help', lead)}{first}"
    for line in rest:
        yield f"{'':{gutter + 3 + len(lead)}}{line}".rstrip()


def _help(help: Help, gutter: int, style: Style) -> Iterator[str]:
    """A next step with an edit: the sentence and the edited lines."""
    if help.fix is not None:
        first, *rest = wrap(_lines_visible(help.text, style), max(style.width - 6, 30))
        yield f"{style.paint('help', 'help')}: {first}"
        yield from (f"      {line}" for line in rest)
        yield from _fix(help.fix, gutter, style)


def render_all(
    diagnostics: Sequence[Diagnostic],
    *,
    color: bool = False,
    width: int = WIDTH,
    unicode: bool = True,
    limit: int = MAX_REPORTED,
) -> str:
    """Several diagnostics, a blank line between them, and one line that counts them.

    One alone that is about no file (a wrong path, say) stands without that line.
    """
    style = Style(color, width, unicode)
    shown = [
        render(diagnostic, color=color, width=width, unicode=unicode)
        for diagnostic in diagnostics[:limit]
    ]
    hidden = len(diagnostics) - len(shown)
    if hidden > 0:
        shown.append(f"{style.ellipsis} and {hidden:,} more")
    if diagnostics and (len(diagnostics) > 1 or diagnostics[0].place is not None):
        shown.append(summary(diagnostics))
    return "\n\n".join(shown)


def summary(diagnostics: Sequence[Diagnostic]) -> str:
    """`2 errors and 1 warning; more about the first: cnnc explain E0301`"""
    errors = [d for d in diagnostics if d.code[:1] != "W"]
    warnings = len(diagnostics) - len(errors)
    parts = [counted(len(errors), "error")] if errors else []
    parts += [counted(warnings, "warning")] if warnings else []
    first = (errors or diagnostics)[0].code
    which = "" if len({d.code for d in diagnostics}) == 1 else " about the first"
    return f"{' and '.join(parts)}; more{which}: cnnc explain {first}"


def counted(number: int, noun: str) -> str:
    """`1 error`, `2 errors`"""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


# ------------------------------------------------------------------ for tools


def to_json(diagnostics: Iterable[Diagnostic], models: Iterable[dict[str, Any]] = ()) -> str:
    """Diagnostics as JSON; `docs/diagnostics-schema.json` is its schema.

    Lines and columns count from 1, columns in code points; `end_column` is the
    column behind the last character.
    """
    from json import dumps

    document = {
        "version": JSON_VERSION,
        "diagnostics": [_as_json(diagnostic) for diagnostic in diagnostics],
        "models": list(models),
    }
    return dumps(document, ensure_ascii=True, indent=2) + "\n"


NOWHERE = dict.fromkeys(("file", "line", "column", "end_line", "end_column"))


def _as_json(diagnostic: Diagnostic) -> dict[str, Any]:
    return {
        "code": diagnostic.code,
        "severity": severity(diagnostic),
        "message": diagnostic.message,
        **_place(diagnostic.place),
        "labels": [{**_place(label.span), "text": label.text} for label in diagnostic.labels],
        "notes": list(diagnostic.notes),
        "help": [
            {
                "text": help.text,
                "fix": help.fix and {**_place(help.fix.span), "replacement": help.fix.text},
            }
            for help in diagnostic.help
        ],
    }


def _place(span: Span | None) -> dict[str, Any]:
    if span is None:
        return dict(NOWHERE)
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.end)
    return {
        "file": span.source.name,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
    }


def to_github(diagnostics: Iterable[Diagnostic]) -> str:
    """Diagnostics as workflow commands, which GitHub shows beside the changed lines."""
    return "".join(_annotation(diagnostic) + "\n" for diagnostic in diagnostics)


def _annotation(diagnostic: Diagnostic) -> str:
    kind = "warning" if severity(diagnostic) == "warning" else "error"
    properties = {"title": diagnostic.code}
    if diagnostic.place is not None:
        place = _place(diagnostic.place)
        properties = {
            "file": place["file"],
            "line": str(place["line"]),
            "endLine": str(place["end_line"]),
            "col": str(place["column"]),
            "endColumn": str(place["end_column"]),
            "title": diagnostic.code,
        }
    text = [diagnostic.message, *(label.text for label in diagnostic.labels[:1] if label.text)]
    text += [*diagnostic.notes, *(f"help: {help.text}" for help in diagnostic.help)]
    settings = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    lines = "\n".join(text)
    return f"::{kind} {settings}::{_data(lines)}"


def _data(text: str) -> str:
    lines = text.replace("%", "%25").split("\n")
    return "%0A".join(visible(line.replace("\r", "")) for line in lines)


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
