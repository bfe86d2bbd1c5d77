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
        pads: steps of theirs that pad its input.
        apart: the largest difference of the two values, in units of the largest value;
            None where their shapes differ.
    """

    ours: Step
    theirs: Step | None
    apart: float | None
    pads: tuple[Step, ...] = ()


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
    healed = _healed(ours, good) | _only_ours(ours, theirs, like)
    for position, step in enumerate(ours.steps):
        value = ours.value(position)
        if value in good or value in healed or not good.issuperset(step.inputs):
            continue
        partner = _partner(step, theirs, like, others)
        if partner is None:
            return Parting(step, None, None)
        return _parting(step, mine[value], *partner, theirs, others)
    return None


def _parting(
    step: Step,
    mine: np.ndarray,
    partner: int,
    pads: tuple[Step, ...],
    theirs: Trace,
    others: Mapping[int, np.ndarray],
) -> Parting:
    mine, other = _compact(mine), _compact(others[partner])
    apart = relative(mine, other) if other.shape == mine.shape else None
    return Parting(step, theirs.maker(partner), apart, pads)


def _likes(
    mine: Sequence[np.ndarray], others: Mapping[int, np.ndarray], tolerance: float
) -> dict[int, int | None]:
    """A value of theirs for each of ours that equals it."""
    shapes: dict[tuple[int, ...], list[int]] = {}
    for number, value in others.items():
        shapes.setdefault(_compact(value).shape, []).append(number)
    found: dict[int, int | None] = {}
    for number, value in enumerate(map(_compact, mine)):
        candidates = shapes.get(value.shape, [])
        found[number] = next(
            (c for c in candidates if relative(value, _compact(others[c])) <= tolerance), None
        )
    return found


def _compact(value: np.ndarray) -> np.ndarray:
    """A map of one position as a vector, which it is in some frameworks."""
    return value[:, 0, 0] if value.ndim == 4 and value.shape[1:3] == (1, 1) else value


def _healed(trace: Trace, good: set[int]) -> set[int]:
    """Values behind which a good one comes, so that they were only cut differently."""
    healed: set[int] = set()
    for position in reversed(range(len(trace.steps))):
        value = trace.value(position)
        if value in good or value in healed:
            healed.update(trace.steps[position].inputs)
    return healed


def _only_ours(ours: Trace, theirs: Trace, like: Mapping[int, int | None]) -> set[int]:
    """Last softmaxes that the other network leaves to its user."""
    theirs_have = {
        value for step in theirs.steps if step.kind == "softmax" for value in step.inputs
    }
    found: set[int] = set()
    for value in ours.outputs:
        start = ours.before_softmax(value)
        while value != start and like[start] not in theirs_have:
            found.add(value)
            step = ours.maker(value)
            assert step is not None
            (value,) = step.inputs
    return found


def _partner(
    step: Step,
    theirs: Trace,
    like: Mapping[int, int | None],
    others: Mapping[int, np.ndarray],
) -> tuple[int, tuple[Step, ...]] | None:
    """Their value made from the same inputs that we have no like of, and the padding before."""
    taken = {value for value in like.values() if value is not None}
    read = {like[value] for value in step.inputs}
    pads: list[Step] = []
    free: list[int] = []
    for position, other in enumerate(theirs.steps):
        value = theirs.value(position)
        if not read.intersection(other.inputs):
            continue
        if other.kind == "pad":
            read.add(value)
            pads.append(other)
        elif value not in taken and value in others:
            free.append(position)
    alike = [position for position in free if theirs.steps[position].kind == step.kind]
    same = [position for position in free if theirs.steps[position].shape == step.shape]
    for position in (*alike, *same, *free):
        behind = theirs.steps[position].inputs
        before = tuple(pad for pad in pads if theirs.maker(behind[0]) is pad)
        return theirs.value(position), before
    return None
