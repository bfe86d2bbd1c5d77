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

from ..graph import Call, Graph
from ..ops.conv import Conv, DwConv
from ..ops.pool import AvgPool, MaxPool
from ..record import replace
from ..window import IDENTITY, Axis, Padding
from .windows import readings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .windows import Reading

PADDED = (Conv, DwConv, MaxPool, AvgPool)
"""Operators whose padding can be chosen."""


def fitted(
    graph: Graph,
    functions: Mapping[str, Graph],
    free: frozenset[str],
    wanted: Mapping[tuple[str, str], Reading],
) -> Graph | None:
    """The graph with the paddings of its `free` nodes chosen; None when none will do.

    Arguments:
        wanted: the window of the left side from each input to each output.

    Types are those of before: the caller infers them again.
    """
    types = graph.types
    windows: dict[str, Reading] = {}
    for node in graph.nodes:
        if isinstance(node.op, Call):
            windows[node.name] = next(
                iter(readings(functions[node.op.function], functions).values())
            )
        else:
            windows[node.name] = node.op.axes(*(types[value] for value in node.inputs))
    unknown = {n.name for n in graph.nodes if n.name in free and isinstance(n.op, PADDED)}
    pads: dict[str, Padding] = {}
    ways = {pair: list(paths(graph, *pair)) for pair in wanted}
    for pair, reading in wanted.items():
        # The widest way first: what it pads, narrower ones beside it crop again.
        for path in sorted(ways[pair], key=lambda path: -_extent(path, windows)):
            asked = unknown.intersection(path) - pads.keys()
            parts = [windows[name] for name in path]
            if not asked or reading is None or None in parts:
                continue
            sides = [
                _solve(path, [part[side] for part in parts if part], reading[side], asked)
                for side in (0, 1)
            ]
            if not all(sides):
                return None
            rows, columns = sides
            for name in asked:
                pads[name] = Padding(*rows[name], *columns[name])
                windows[name] = _padded(windows[name], pads[name])
    if any(_comes_back(path, windows, pads) for found in ways.values() for path in found):
        return None
    changed = tuple(
        replace(n, op=replace(n.op, pad=pads[n.name])) if n.name in pads else n for n in graph.nodes
    )
    return replace(graph, nodes=changed)


def _extent(path: tuple[str, ...], windows: Mapping[str, Reading]) -> int:
    """How far a way reads, along both axes together."""
    rows, columns = IDENTITY, IDENTITY
    for name in path:
        window = windows[name]
        if window is not None:
            rows, columns = rows.then(window[0]), columns.then(window[1])
    return rows.extent + columns.extent


def _comes_back(
    path: tuple[str, ...], windows: Mapping[str, Reading], pads: Mapping[str, Padding]
) -> bool:
    """Whether a padding was chosen that cuts off what a later one adds again, as zeros."""
    cut: set[tuple[int, str]] = set()
    for name in path:
        for side, axis in enumerate(windows[name] or ()):
            ends = {"lo": axis.lo, "hi": axis.hi}
            if any(ends[end] > 0 and (side, end) in cut for end in ends):
                return True
            cut |= {(side, end) for end in ends if ends[end] < 0 and name in pads}
    return False


def _padded(window: Reading, pad: Padding) -> Reading:
    if window is None:
        return None
    rows, columns = window
    return (
        replace(rows, lo=pad.top, hi=pad.bottom),
        replace(columns, lo=pad.left, hi=pad.right),
    )


def paths(graph: Graph, source: str, sink: str) -> Iterator[tuple[str, ...]]:
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
    path: tuple[str, ...], parts: Sequence[Axis], wanted: Axis, asked: set[str]
) -> dict[str, tuple[int, int]]:
    """Paddings along one axis of the windows that are asked for; none when none will do.

    Where the strides differ there is no window to keep, and paddings stay half.
    """
    whole = IDENTITY
    unknown: list[tuple[str, int, Axis]] = []  # name, product of the strides before, window
    for name, axis in zip(path, parts, strict=True):
        if name in asked:
            unknown.append((name, whole.stride, axis))
            axis = replace(axis, lo=0, hi=0)
        whole = whole.then(axis)
    if whole.stride != wanted.stride:
        return {name: (axis.lo, axis.hi) for name, _, axis in unknown}
    surplus = whole.extent - wanted.extent
    room = [(factor, axis.extent) for _, factor, axis in unknown]
    lows = shares(wanted.lo + surplus // 2 - whole.lo, room)
    highs = shares(wanted.hi + surplus - surplus // 2 - whole.hi, room)
    if lows is None or highs is None:
        return {}
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
