"""The second step of a layout: who stands left of whom in a row.

Rows begin as a walk through the graph meets their parts, edges in the order in which they are
given, so branches stand as they were written. Sweeps that sort each row by the mean position
of neighbours are kept only where they leave fewer crossings.
"""

from __future__ import annotations

from itertools import pairwise
from math import fsum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    Neighbours = Sequence[Sequence[int]]

SWEEPS = 8
WORK = 600_000
"""Steps that all sweeps together may take."""


def order(rows: Sequence[int], below: Neighbours) -> list[list[int]]:
    """The parts of each row, from left to right.

    Arguments:
        rows: the row of each part.
        below: for each part its neighbours in the next row, in the order of drawing.
    """
    above: list[list[int]] = [[] for _ in rows]
    for part, targets in enumerate(below):
        for target in targets:
            above[target].append(part)
    best = _as_met(rows, below, above)
    links = sum(map(len, below))
    fewest = crossings(best, below)
    layers = best
    for sweep in range(min(SWEEPS, WORK // (len(rows) + links + 1))):
        if not fewest:
            break
        layers = _swept(layers, above if sweep % 2 == 0 else below, down=sweep % 2 == 0)
        found = crossings(layers, below)
        if found < fewest:
            best, fewest = layers, found
    return best


def _as_met(rows: Sequence[int], below: Neighbours, above: Neighbours) -> list[list[int]]:
    """Each row in the order in which a walk from the top meets its parts."""
    layers: list[list[int]] = [[] for _ in range(max(rows, default=-1) + 1)]
    seen = [False] * len(rows)
    starts = sorted((part for part in range(len(rows)) if not above[part]), key=rows.__getitem__)
    for start in starts:
        waiting = [start]
        while waiting:
            part = waiting.pop()
            if not seen[part]:
                seen[part] = True
                layers[rows[part]].append(part)
                waiting.extend(reversed(below[part]))
    return layers


def _swept(layers: Sequence[Sequence[int]], beside: Neighbours, down: bool) -> list[list[int]]:
    """Rows sorted by the mean place of the neighbours on one side; others stay where they are."""
    result = [list(layer) for layer in layers]
    place: dict[int, float] = {}
    for layer in result if down else reversed(result):
        wanted = {
            part: fsum(place[other] for other in beside[part]) / len(beside[part])
            for part in layer
            if beside[part]
        }
        moving = iter(sorted(wanted, key=wanted.__getitem__))
        layer[:] = [next(moving) if part in wanted else part for part in layer]
        place.update((part, float(at)) for at, part in enumerate(layer))
    return result


def crossings(layers: Sequence[Sequence[int]], below: Neighbours) -> int:
    """How many pairs of edges cross."""
    total = 0
    for upper, lower in pairwise(layers):
        place = {part: at for at, part in enumerate(lower)}
        ends = [at for part in upper for at in sorted(place[t] for t in below[part])]
        total += _inversions(ends, len(lower))
    return total


def _inversions(values: Sequence[int], size: int) -> int:
    """Pairs that stand the wrong way round, counted with a tree of sums."""
    tree = [0] * (size + 1)
    found = 0
    for seen, value in enumerate(values):
        smaller, at = 0, value + 1
        while at:
            smaller += tree[at]
            at &= at - 1
        found += seen - smaller
        at = value + 1
        while at <= size:
            tree[at] += 1
            at += at & -at
    return found
