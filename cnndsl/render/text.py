"""Diagnostics as text for people.

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
"""

from __future__ import annotations

from ..diagnostics import Diagnostic, Help, Label
from ..limits import ERRORS
from .canvas import WIDTH, Style
from .characters import wrap
from .excerpt import edited, excerpt, lines_visible, mark_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ..source import Source

KINDS = ("error", "warning", "hint")
"""What the summary counts, the gravest first."""


def render(
    diagnostic: Diagnostic, *, color: bool = False, width: int = WIDTH, unicode: bool = True
) -> str:
    """A diagnostic as text for people, without a line break at the end."""
    return "\n".join(_lines(diagnostic, Style(color, width, unicode)))


def _lines(diagnostic: Diagnostic, style: Style) -> Iterator[str]:
    kind = diagnostic.severity
    main = {"warning": "warning", "info": "note"}.get(kind, "error")
    head = style.paint(main, f"{kind}[{diagnostic.code}]")
    yield head + style.paint("bold", f": {style.visible(diagnostic.message)}")
    gutter = _gutter(diagnostic)
    for index, (source, labels) in enumerate(_by_source(diagnostic.labels)):
        arrow = "-->" if index == 0 else ":::"
        place = style.visible(str(labels[0].span))
        yield f"{'':{gutter}}{style.paint('note', arrow)} {place}"
        marks = [
            mark_of(label, main, "^", style)
            if label is diagnostic.labels[0]
            else mark_of(label, "note", "-", style)
            for label in labels
        ]
        yield from excerpt(source, marks, gutter, style)
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
    first, *rest = wrap(lines_visible(text, style), room)
    yield f"{'':{gutter}} {style.paint('note', '=')} {style.paint('help', lead)}{first}"
    for line in rest:
        yield f"{'':{gutter + 3 + len(lead)}}{line}".rstrip()


def _help(help: Help, gutter: int, style: Style) -> Iterator[str]:
    """A next step with an edit: the sentence and the edited lines."""
    if help.fix is not None:
        first, *rest = wrap(lines_visible(help.text, style), max(style.width - 6, 30))
        yield f"{style.paint('help', 'help')}: {first}"
        yield from (f"      {line}" for line in rest)
        yield from edited(help.fix, gutter, style)


def render_all(
    diagnostics: Sequence[Diagnostic],
    *,
    color: bool = False,
    width: int = WIDTH,
    unicode: bool = True,
    limit: int = ERRORS.default,
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
    kinds = [_counted_as(diagnostic) for diagnostic in diagnostics]
    parts = [counted(kinds.count(kind), kind) for kind in KINDS if kind in kinds]
    first = diagnostics[min(range(len(kinds)), key=lambda i: KINDS.index(kinds[i]))].code
    which = "" if len({d.code for d in diagnostics}) == 1 else " about the first"
    return f"{_and(parts)}; more{which}: cnnc explain {first}"


def _and(parts: Sequence[str]) -> str:
    """`1 error, 2 warnings and 1 hint`"""
    *before, last = parts
    return f"{', '.join(before)} and {last}" if before else last


def _counted_as(diagnostic: Diagnostic) -> str:
    """What a diagnostic is in the summary, where a strict warning stays a warning."""
    if diagnostic.code[:1] != "W":
        return "error"
    return "hint" if diagnostic.level == "info" else "warning"


def counted(number: int, noun: str) -> str:
    """`1 error`, `2 errors`"""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
