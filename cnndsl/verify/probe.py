"""Where two runs part: the first of our values that the other network never computes.

Values are compared by number alone, so layers need not be cut in the same places: one
framework's `Conv2D` with an activation is two steps of ours. A value of ours that the other
network lacks is no news while something behind it is there again.
"""

from __future__ import annotations

from ..record import Record
from .trace import Step, Trace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np


class Parting(Record):
    """The first difference.

    Arguments:
        ours: the step whose value the other network lacks.
        theirs: the step that has something else in its place, where one can be told.
        apart: the largest difference of the two values, in units of the largest value;
            None where their shapes differ.
    """

    ours: Step
    theirs: Step | None
    apart: float | None


def relative(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference, in units of the largest expected value."""
    import numpy as np

    scale = float(np.abs(expected).max(initial=0.0))
    apart = float(np.abs(found - expected).max(initial=0.0))
    return apart / scale if scale else apart


def part(
    ours: Trace,
    mine: Sequence[np.ndarray],
    theirs: Trace,
    others: Mapping[int, np.ndarray],
    tolerance: float,
) -> Parting | None:
    """The first difference, None where every value has its like."""
    like = _likes(mine, others, tolerance)
    good = {value for value, found in like.items() if found is not None}
    healed = _healed(ours, good)
    for position, step in enumerate(ours.steps):
        value = ours.value(position)
        if value in good or value in healed or not good.issuperset(step.inputs):
            continue
        partner = _partner(step, ours, theirs, like, others)
        return _parting(step, mine[value], partner, theirs, others)
    return None


def _parting(
    step: Step,
    mine: np.ndarray,
    partner: int | None,
    theirs: Trace,
    others: Mapping[int, np.ndarray],
) -> Parting:
    if partner is None:
        return Parting(step, None, None)
    other = others.get(partner)
    comparable = other is not None and other.shape == mine.shape
    apart = relative(mine, other) if comparable and other is not None else None
    return Parting(step, theirs.maker(partner), apart)


def _likes(
    mine: Sequence[np.ndarray], others: Mapping[int, np.ndarray], tolerance: float
) -> dict[int, int | None]:
    """A value of theirs for each of ours that equals it."""
    shapes: dict[tuple[int, ...], list[int]] = {}
    for number, value in others.items():
        shapes.setdefault(value.shape, []).append(number)
    found: dict[int, int | None] = {}
    for number, value in enumerate(mine):
        candidates = shapes.get(value.shape, [])
        found[number] = next(
            (c for c in candidates if relative(value, others[c]) <= tolerance), None
        )
    return found


def _healed(trace: Trace, good: set[int]) -> set[int]:
    """Values behind which a good one comes, so that they were only cut differently."""
    healed: set[int] = set()
    for position in reversed(range(len(trace.steps))):
        value = trace.value(position)
        if value in good or value in healed:
            healed.update(trace.steps[position].inputs)
    return healed


def _partner(
    step: Step,
    ours: Trace,
    theirs: Trace,
    like: Mapping[int, int | None],
    others: Mapping[int, np.ndarray],
) -> int | None:
    """Their value made from the same inputs that we have no like of."""
    taken = {value for value in like.values() if value is not None}
    read = {like[value] for value in step.inputs}
    free = [
        (position, other)
        for position, other in enumerate(theirs.steps)
        if theirs.value(position) not in taken
        and read <= set(other.inputs)
        and theirs.value(position) in others
    ]
    alike = [position for position, other in free if other.kind == step.kind]
    same = [position for position, other in free if other.shape == step.shape]
    chosen = next(iter([*alike, *same, *(position for position, _ in free)]), None)
    return None if chosen is None else theirs.value(chosen)
