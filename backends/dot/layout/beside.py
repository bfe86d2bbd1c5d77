"""What runs beside the main flow: skip connections in lanes, then what is for training only.

Both stand right of everything in the rows that they pass, and of nothing else, so they nest and
lie as near as they can.
"""

from __future__ import annotations

from bisect import bisect_left

from .parts import Grid, Part, Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LANE = 9.0
ASIDE = 14.0
"""Gaps to what stands left of them."""


def put_lanes(grid: Grid, lanes: Iterable[Step], free: set[Part]) -> None:
    """Give each lane its place, the shortest first; one source has one lane.

    Arguments:
        free: gates that stand where their lanes are.
    """
    bundles: dict[tuple[Part, str], list[Step]] = {}
    for step in lanes:
        step.leaves = step.tail in grid.last and step.tail.sheet is None and not step.tail.round
        step.enters = step.head in grid.last and step.head.sheet is None
        bundles.setdefault((step.tail, step.link.source), []).append(step)
    passed = {key: _passed(grid, steps, free) for key, steps in bundles.items()}
    for key in sorted(bundles, key=lambda key: passed[key][1] - passed[key][0]):
        first, last = passed[key]
        if first > last:
            _turn(bundles[key])
            continue
        x = max(grid.right[first : last + 1]) + LANE
        grid.right[first : last + 1] = [x] * (last + 1 - first)
        for step in bundles[key]:
            step.x = x
            for part in {step.tail, step.head} & free:
                part.x = x


def _passed(grid: Grid, steps: Sequence[Step], free: set[Part]) -> tuple[int, int]:
    """The first and the last row that the lane of one source runs through."""
    starts = (s.tail.row + (not s.leaves and s.tail not in free) for s in steps)
    ends = (s.head.row - (not s.enters and s.head not in free) for s in steps)
    return max(min(starts), 0), min(max(ends), len(grid.layers) - 1)


def _turn(steps: Iterable[Step]) -> None:
    """Between neighbouring rows a lane is a line like others."""
    for step in steps:
        step.lane = False


def put_aside(grid: Grid, part: Part, row: int, label: Part | None, behind: float) -> None:
    """Put a part right of the rows that it stands beside, from `row` on, below its label."""
    part.row = row
    part.y = grid.zone(row)[1]
    if label is not None:
        label.y = part.y
        part.y += label.size + behind
    end = max(bisect_left(grid.tops, part.end), row + 1)
    reach = grid.right[row:end]
    part.x = max(reach) + ASIDE
    grid.right[row:end] = [part.right] * len(reach)
