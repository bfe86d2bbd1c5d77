"""Applying the edits of diagnostics, as far as they help.

`mend` applies every edit that is safe, checks the texts again, and goes on while there is
something to do. What a check finds decides: edits that leave their error where it was, or
that bring more errors than they remove, are taken back.
"""

from __future__ import annotations

from .diagnostics import Diagnostic, Fix
from .record import Record
from .source import Source

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    Sources = tuple[Source, ...]
    Check = Callable[[Sources], Sequence[Diagnostic]]

MAX_CHECKS = 200
"""A file with more mistakes than that is mended in several runs."""

_HOLES = ("E01", "E05", "E06")  # what stands in the way of finding other errors
_CLAIMS = ("E0309",)  # found last
_OF_NAMES = ("E0201", "E0202", "E0203")


class Applied(Record):
    """An edit that was made, and what it mended."""

    diagnostic: Diagnostic
    fix: Fix


class Mended(Record):
    """Texts after their edits, the edits in their order, and what is still to be said."""

    sources: tuple[Source, ...]
    applied: tuple[Applied, ...]
    diagnostics: tuple[Diagnostic, ...]


def mend(sources: Sources, check: Check) -> Mended:
    """Apply safe edits to the sources while that helps.

    Edits of a round do not overlap: the first one wins, the others wait. When a round is of no
    use, half of it is tried, and an edit that is of no use alone is not tried again.

    Arguments:
        check: finds what is wrong with all of them together.
    """
    found = tuple(check(sources))
    applied: tuple[Applied, ...] = ()
    refused: set[tuple[str, str, str]] = set()
    seen = {_texts(sources)}
    most: int | None = None
    for _ in range(MAX_CHECKS):
        edits = list(_edits(sources, found, refused))[:most]
        if not edits:
            break
        after = tuple(edited(source, [edit.fix for edit in edits]) for source in sources)
        left = tuple(check(after))
        if _helped(edits, sources, after, found, left) and _texts(after) not in seen:
            seen.add(_texts(after))
            sources, found, applied, most = after, left, (*applied, *edits), None
        elif len(edits) > 1:
            most = len(edits) // 2
        else:
            refused.add(_key(edits[0]))
            most = None
    return Mended(sources, applied, found)


def _texts(sources: Sources) -> tuple[str, ...]:
    return tuple(source.text for source in sources)


def edited(source: Source, fixes: Iterable[Fix]) -> Source:
    """The source after those of the edits that are its own; they do not overlap."""
    pieces, end = [], 0
    for fix in sorted(_of(source, fixes), key=_place):
        pieces += [source.text[end : fix.span.start], fix.text]
        end = fix.span.end
    if not pieces:
        return source
    return Source(source.name, "".join([*pieces, source.text[end:]]), source.path)


def _edits(
    sources: Sources, diagnostics: Iterable[Diagnostic], refused: set[tuple[str, str, str]]
) -> Iterator[Applied]:
    """The first safe edit of each diagnostic, without those that overlap an earlier one."""
    taken: list[Fix] = []
    for diagnostic in diagnostics:
        fixes = (help.fix for help in diagnostic.help if help.fix is not None)
        safe = (Applied(diagnostic, fix) for fix in fixes if fix.safe and _is_of(sources, fix))
        edit = next((edit for edit in safe if _key(edit) not in refused), None)
        if edit is not None and not any(_overlap(edit.fix, other) for other in taken):
            taken.append(edit.fix)
            yield edit


def _is_of(sources: Sources, fix: Fix) -> bool:
    """Whether an edit changes one of the sources."""
    return fix.span.source in sources and fix.text != fix.span.text


def _overlap(one: Fix, other: Fix) -> bool:
    """Whether two edits touch: where they meet, the order would matter."""
    if one.span.source is not other.span.source:
        return False
    return one.span.start <= other.span.end and other.span.start <= one.span.end


def _key(edit: Applied) -> tuple[str, str, str]:
    """An edit wherever it has moved to."""
    return edit.diagnostic.code, edit.diagnostic.message, edit.fix.text


def _of(source: Source, fixes: Iterable[Fix]) -> list[Fix]:
    return [fix for fix in fixes if fix.span.source is source]


def _place(fix: Fix) -> int:
    return fix.span.start


# ------------------------------------------------------------------------ judging


def _helped(
    edits: Sequence[Applied],
    before: Sources,
    after: Sources,
    found: Sequence[Diagnostic],
    left: Sequence[Diagnostic],
) -> bool:
    """Whether every error that was to be mended is gone, and no more are there than before."""
    fixes = [edit.fix for edit in edits]
    now = dict(zip(before, after, strict=True))
    mended = {_identity(edit.diagnostic, now, fixes) for edit in edits}
    return _amount(left) <= _amount(found) and mended.isdisjoint(map(_identity, left))


def _identity(
    diagnostic: Diagnostic, now: dict[Source, Source] | None = None, fixes: Sequence[Fix] = ()
) -> tuple[str, str, Source | None, int]:
    """A diagnostic with the place that it has now, after the edits.

    Another unknown name in the place of one is the same mistake.
    """
    place = diagnostic.place
    message = "" if diagnostic.code in _OF_NAMES else diagnostic.message
    if place is None:
        return diagnostic.code, message, None, 0
    moved = sum(
        len(fix.text) - (fix.span.end - fix.span.start)
        for fix in _of(place.source, fixes)
        if fix.span.end <= place.start
    )
    source = (now or {}).get(place.source, place.source)
    return diagnostic.code, message, source, place.start + moved


def _amount(diagnostics: Iterable[Diagnostic]) -> tuple[int, int, int, int]:
    """How much is wrong. What one kind of error hides from the check does not count as new.

    An item with a syntax error is not elaborated, one with errors is not held against its
    claims, and warnings are for what has no errors.
    """
    holes = others = claims = warnings = 0
    for diagnostic in diagnostics:
        if not diagnostic.is_error:
            warnings += 1
        elif diagnostic.code.startswith(_HOLES):
            holes += 1
        elif diagnostic.code in _CLAIMS:
            claims += 1
        else:
            others += 1
    return holes, others, claims, warnings
