"""Statements that stand there several times, as repeats: `block(64) × 3`, `{ a; b } × 2`."""

from __future__ import annotations

from cnndsl.record import Record, replace
from cnndsl.syntax import Apply, Binary, Body, Group, Name, Parallel, Then

from .literal import (
    AT,
    Label,
    Literal,
    Part,
    is_short,
    literals,
    name,
    number,
    part_of,
    rewrite,
    shape,
    skeleton,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cnndsl.syntax import Expr, Statement
    from cnndsl.types import TensorType

LONGEST = 4
"""Statements in the longest group that is looked for as a repeated one."""
LEAST_VARIED = 3
"""Copies that may differ, as in `stride=2 then 1`."""


class Draft(Record):
    """A statement before its label and its size stand on it.

    Arguments:
        labels: of the value that it gives.
        mark: the label of its statement in the graph: copies of a repeat have the same.
        size: the type of its value, if it has another shape than the value before.
        tells: whether its arguments say the size.
        is_call: of a block.
        is_shared: whether a `share` applies it, and it alone, again.
    """

    statement: Statement
    labels: tuple[str, ...] = ()
    mark: str | None = None
    size: TensorType | None = None
    tells: bool = False
    is_call: bool = False
    is_shared: bool = False

    def finished(self) -> Statement:
        """The statement as it will be printed."""
        changes: dict[str, object] = {}
        if self.labels:
            changes["labels"] = tuple(Label(label, AT) for label in self.labels)
        if self.size is not None and not self.tells and all(map(is_short, self.size.shape)):
            changes["shape"] = shape(self.size)
        return replace(self.statement, **changes) if changes else self.statement

    def without_size(self) -> Draft:
        return replace(self, size=None)


def fold(drafts: Sequence[Draft], longest: int = LONGEST) -> list[Draft]:
    """The statements with each run of equal ones as one.

    Arguments:
        longest: statements in a group that is repeated; with 0 nothing is.
    """
    if longest == 0:
        return list(drafts)
    result: list[Draft] = []
    at = 0
    while at < len(drafts):
        period, count = _best(drafts, at, longest)
        one = drafts[at + count - 1]
        if count == 1:
            count = _varied(drafts, at)
            copies = [draft.statement for draft in drafts[at : at + count]]
            one = replace(drafts[at + count - 1], statement=_with_copies(copies))
        if period > 1:
            body = [draft.without_size() for draft in drafts[at : at + period]]
            inside = Body(tuple(draft.finished() for draft in fold(body)), AT)
            one = Draft(Group((), inside, None, None, AT))
        end = at + period * count
        result.append(one if count == 1 else _times(one, count, drafts[at:end]))
        at = end
    return result


def _times(draft: Draft, count: int, copies: Sequence[Draft]) -> Draft:
    """The statement as often as that, with the last size that any copy has."""
    times = Literal("times", AT, count)
    last = next((copy for copy in reversed(copies) if copy.size is not None), draft)
    statement = replace(draft.statement, times=times)
    return replace(draft, statement=statement, size=last.size, tells=last.tells)


def _best(drafts: Sequence[Draft], at: int, longest: int) -> tuple[int, int]:
    """Length and number of the copies from `at` on that spare most statements."""
    best, spared = (1, 1), 0
    for period in range(1, min(longest, (len(drafts) - at) // 2) + 1):
        count = 1
        while _follows(drafts, at, period, count):
            count += 1
        saving = (count - 1) * period - (period > 1)
        if count > 1 and saving > spared:
            best, spared = (period, count), saving
    return best


def _follows(drafts: Sequence[Draft], at: int, period: int, count: int) -> bool:
    """Whether one more copy follows the first ones."""
    start = at + period * count
    copy = drafts[start : start + period]
    if len(copy) < period or not all(_can_repeat(draft) for draft in copy):
        return False
    if not _may_be_labelled(drafts[at : start + period], period):
        return False
    pairs = zip(drafts[at : at + period], copy, strict=True)
    return all(one.statement == other.statement for one, other in pairs)


def _may_be_labelled(copies: Sequence[Draft], period: int) -> bool:
    """Whether one label is right for copies: the last one has it, and it is meant for all."""
    *others, last = copies
    if any(draft.labels for draft in others) or (period > 1 and last.labels):
        return False
    if last.is_shared:
        return False
    return not last.labels or all(draft.mark == last.mark for draft in others)


def _can_repeat(draft: Draft) -> bool:
    return isinstance(draft.statement, Apply | Parallel) and draft.statement.times is None


def _varied(drafts: Sequence[Draft], at: int) -> int:
    """How many calls from `at` on differ only as `2 then 1` and `copy` can say; at least 1."""
    count = 1
    for before, draft in zip(drafts[at:], drafts[at + 1 :], strict=False):
        if not draft.is_call or not _may_be_labelled(drafts[at : at + count + 1], 1):
            break
        if skeleton(draft.statement) != skeleton(before.statement):
            break
        if _callee(draft.statement) != _callee(before.statement):
            break
        copies = [draft.statement for draft in drafts[at : at + count + 1]]
        if any(_over_copies(column) is None for column in _columns(copies)):
            break
        count += 1
    return count if count >= LEAST_VARIED else 1


def _callee(statement: Statement) -> Name | None:
    return statement.callee if isinstance(statement, Apply) else None


def _columns(copies: Sequence[Statement]) -> Iterator[tuple[Literal, ...]]:
    return zip(*map(literals, copies), strict=True)


def _over_copies(column: tuple[Literal, ...]) -> Expr | None:
    """What a literal is in the copies of a repeat: equal, `2 then 1`, or a growing part."""
    first, *others = column
    if all(literal == others[0] for literal in others):
        return first if first == others[0] else Then(first, others[0], AT)
    values = [literal.value for literal in column]
    if not all(isinstance(value, Part) and value.of == values[0].of for value in values):
        return None
    start, step = values[0].part, values[1].part - values[0].part
    if any(value.part != start + step * i for i, value in enumerate(values)) or step < 1:
        return None
    copy: Expr = name("copy") if step == 1 else Binary("*", number(step), name("copy"), AT)
    return part_of(values[0], Binary("+", number(start), copy, AT) if start else copy)


def _with_copies(copies: Sequence[Statement]) -> Statement:
    """One statement for all copies."""
    if len(copies) == 1:
        return copies[0]
    columns = _columns(copies)

    def change(part: object) -> object:
        return _over_copies(next(columns)) if isinstance(part, Literal) else None

    changed: Statement = rewrite(copies[-1], change)
    return changed
