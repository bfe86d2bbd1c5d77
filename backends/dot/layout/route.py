"""The lines of steps, from where they leave a part to where they enter another."""

from __future__ import annotations

from .parts import Grid, Part, Step
from .path import CORNER, back, down, down_to_circle, out

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .path import Path

SPREAD = 10.0
"""How far beside its middle a box is entered, if several lines enter it."""
NEAR = 3.0
"""How far below the top of its row a circle may stand for lines to meet it from the side."""
BOTH = 5
"""A lane enters a box this part of its height above the middle where another one leaves it."""


def route(grid: Grid, step: Step, entering: Mapping[Part, int], both: set[Part]) -> Path:
    """The line of a step.

    Arguments:
        entering: how many lines enter each part.
        both: parts where one lane ends and another begins.
    """
    return _lane(grid, step, both) if step.lane else _hop(grid, step, entering)


def _hop(grid: Grid, step: Step, entering: Mapping[Part, int]) -> Path:
    tail, head = step.tail, step.head
    first, last = grid.zone(head.row)
    start, goal = step.start, step.goal
    if step.link.side:
        if _can_leave(grid, tail, goal):
            return [*out((tail.right, tail.middle), goal), ((goal, head.y),)]
        if head.round and _is_clear(grid, head, start):
            return [((start, tail.end),), *back(start, (head.right, head.middle))]
    if head.round and head.y - last < NEAR:
        return down_to_circle((start, tail.end), first, (goal, head.middle), head.size / 2)
    if head.item is not None and head.sheet is None and entering[head] > 1:
        room = min(SPREAD, head.after / 2)
        goal += max(-room, min(room, (start - goal) / 4))
    return down((start, tail.end), first, last, (goal, head.y))


def _lane(grid: Grid, step: Step, both: set[Part]) -> Path:
    tail, head, x = step.tail, step.head, step.x
    if step.leaves:
        aside = tail.size / BOTH if tail in both else 0.0
        path = out((tail.right, tail.middle + aside), x)
    elif tail.kind == "gate" and tail.x == x:
        path = [((x, tail.y),)]
    else:
        first, last = grid.zone(tail.row + 1)
        path = down((step.start, tail.end), first, last, (x, last))
    if step.enters:
        aside = head.size / BOTH if head in both else 0.0
        return [*path, *back(x, (head.right, head.middle - aside))]
    if head.kind == "gate" and head.x == x:
        return [*path, ((x, head.y),)]
    first, last = grid.zone(head.row)
    return [*path, ((x, first),), *down((x, first), first, last, (step.goal, head.y))[1:]]


def _can_leave(grid: Grid, tail: Part, x: float) -> bool:
    """Whether a line can leave a part sideways and turn at `x`."""
    if tail.item is None or tail.sheet is not None or tail.round:
        return False
    return _is_clear(grid, tail, x)


def _is_clear(grid: Grid, part: Part, x: float) -> bool:
    """Whether nothing stands between the right side of a part and `x`, nor there."""
    if x < part.right + CORNER:
        return False
    layer = grid.layers[part.row]
    beside = layer[layer.index(part) + 1 :]
    return not any(other.solid and other.left < x + CORNER for other in beside)
