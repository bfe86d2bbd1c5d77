"""`pad=fit`: the paddings of a right side that keep its output where it was.

The author of a rule says how large windows are; how the maps around them are
padded follows. Along one axis the paddings of a chain add up,

    lo = Σ lo_i · (product of the strides before i),    likewise hi,

so with the window of the left side given, each window that says nothing about its
padding gets the share nearest to half of its size. Where the right side reads
further than the left one (a field of 11 in place of 7), the surplus is padded on
both sides, so that sizes and centres stay.
"""

from __future__ import annotations

from itertools import product

from ..graph import Graph
from ..op import Op
from ..ops.conv import Conv, DwConv
from ..ops.pool import AvgPool, MaxPool
from ..record import replace
from ..window import IDENTITY, Axis, Padding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .windows import Reading

MOST_TRIALS = 100_000


def fitted(
    graph: Graph, free: frozenset[str], wanted: Mapping[tuple[str, str], Reading]
) -> Graph | None:
    """The graph with the paddings of its `free` nodes chosen; None when none will do.

    Arguments:
        wanted: the window of the left side from each input to each output.

    Types are those of before: the caller infers them again.
    """
    pads: dict[str, Padding] = {}
    nodes = {node.name: node for node in graph.nodes}
    for (source, sink), reading in wanted.items():
        if reading is None:
            continue
        for path in _paths(graph, source, sink):
            found = [
                _solve(path, side, reading[side], free - pads.keys(), pads, graph)
                for side in (0, 1)
            ]
            if any(solution is None for solution in found):
                return None
            for name in path:
                if name in free and name not in pads and _windowed(nodes[name].op):
                    (top, bottom), (left, right) = (f[name] for f in found if f is not None)
                    pads[name] = Padding(top, bottom, left, right)
    changed = tuple(
        replace(n, op=replace(n.op, pad=pads[n.name])) if n.name in pads else n  # type: ignore[type-var]
        for n in graph.nodes
    )
    return replace(graph, nodes=changed)


def _windowed(op: object) -> bool:
    return isinstance(op, (Conv, DwConv, MaxPool, AvgPool))


def _paths(graph: Graph, source: str, sink: str) -> Iterator[tuple[str, ...]]:
    """The ways from an input to an output, as names of nodes."""
    producers = graph.producers
    start = next(o.value for o in graph.outputs if o.name == sink)

    def back(value: str) -> Iterator[tuple[str, ...]]:
        if value == source:
            yield ()
        node = producers.get(value)
        for name in dict.fromkeys(node.inputs) if node is not None else ():
            for path in back(name):
                yield (*path, node.name)  # type: ignore[union-attr]

    yield from back(start)


def _solve(
    path: tuple[str, ...],
    side: int,
    wanted: Axis,
    free: frozenset[str],
    known: Mapping[str, Padding],
    graph: Graph,
) -> dict[str, tuple[int, int]] | None:
    """Paddings along one axis of the free windows of a path."""
    types = graph.types
    whole = IDENTITY
    unknown: list[tuple[str, int, Axis]] = []  # name, product of the strides before, window
    for name in path:
        node = next(node for node in graph.nodes if node.name == name)
        if not isinstance(node.op, Op):
            return None
        axes = node.op.axes(*(types[value] for value in node.inputs))
        if axes is None:
            return None
        axis = axes[side]
        if name in known and _windowed(node.op):
            axis = replace(axis, lo=_side(known[name], side)[0], hi=_side(known[name], side)[1])
        elif name in free and _windowed(node.op):
            unknown.append((name, whole.stride, axis))
            axis = replace(axis, lo=0, hi=0)
        whole = whole.then(axis)
    if whole.stride != wanted.stride:
        return None
    surplus = whole.extent - wanted.extent
    lo = wanted.lo + surplus // 2 - whole.lo
    hi = wanted.hi + surplus - surplus // 2 - whole.hi
    lows, highs = _shares(lo, unknown), _shares(hi, unknown)
    if lows is None or highs is None:
        return None
    return {n: (low, high) for (n, _, _), low, high in zip(unknown, lows, highs, strict=True)}


def _shares(total: int, parts: list[tuple[str, int, Axis]]) -> tuple[int, ...] | None:
    """Amounts that add up to the total, nearest to half of each window."""
    if not parts:
        return () if total == 0 else None
    if total < 0:  # a crop: only the first window may begin inside the map
        rest = _shares(0, parts[1:])
        return (total, *rest) if rest is not None and parts[0][1] == 1 else None
    *before, (_, factor, last) = parts
    best: tuple[tuple[int, ...], tuple[int, ...]] | None = None
    ranges = [range(min(axis.extent, total // scale) + 1) for _, scale, axis in before]
    for trial, amounts in enumerate(product(*ranges)):
        if trial == MOST_TRIALS:
            break
        rest = total - sum(a * scale for a, (_, scale, _) in zip(amounts, before, strict=True))
        if rest < 0 or rest % factor or rest // factor > last.extent:
            continue
        chosen = (*amounts, rest // factor)
        off = [abs(2 * a - axis.extent) for a, (_, _, axis) in zip(chosen, parts, strict=True)]
        rank = (sum(o * o for o in off), *off)
        if best is None or rank < best[0]:
            best = rank, chosen
    return best[1] if best is not None else None


def _side(padding: Padding, side: int) -> tuple[int, int]:
    return padding.width if side else padding.height
