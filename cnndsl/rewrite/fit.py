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

from ..graph import Graph
from ..op import Op
from ..ops.conv import Conv, DwConv
from ..ops.pool import AvgPool, MaxPool
from ..record import replace
from ..window import IDENTITY, Axis, Padding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .windows import Reading


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
        replace(n, op=replace(n.op, pad=pads[n.name])) if n.name in pads else n for n in graph.nodes
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
    parts = [(factor, axis.extent) for _, factor, axis in unknown]
    lows, highs = shares(lo, parts), shares(hi, parts)
    if lows is None or highs is None:
        return None
    return {n: (low, high) for (n, _, _), low, high in zip(unknown, lows, highs, strict=True)}


def shares(amount: int, parts: Sequence[tuple[int, int]]) -> tuple[int, ...] | None:
    """What each window of a chain pads on one side, so that all of them pad by `amount`.

    Each share is at most the extent of its window, and they are as near to half of it as
    they can be; of equally near ones those that pad earlier. Only the first window crops,
    and then the others do not pad: what was cut off would come back as zeros. Gives None
    when there are none.

    Arguments:
        parts: for each window the product of the strides before it, and its extent.
    """
    if amount < 0:
        crops = bool(parts) and parts[0][0] == 1
        return (amount, *[0] * (len(parts) - 1)) if crops else None
    best: dict[int, tuple[int, tuple[int, ...]]] = {0: (0, ())}
    for factor, extent in parts:
        longer: dict[int, tuple[int, tuple[int, ...]]] = {}
        for padded, (distance, chosen) in best.items():
            for share in range(min(extent, (amount - padded) // factor) + 1):
                there = padded + share * factor
                # Later shares are added alike, so the best way to a sum stays the best.
                way = (distance + (2 * share - extent) ** 2, (*chosen, -share))
                longer[there] = min(way, longer.get(there, way))
        best = longer
    return tuple(-share for share in best[amount][1]) if amount in best else None


def _side(padding: Padding, side: int) -> tuple[int, int]:
    return padding.width if side else padding.height
