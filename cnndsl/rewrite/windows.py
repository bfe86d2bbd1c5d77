"""Windows of fragments: what an output reads of an input, as one window for each axis.

Along a chain windows compose. Where branches meet, their taps are united after
they are aligned; branches whose strides or sizes differ have no common window, and a
row beside a column, a cross, has but the outline of one.
Equality of two such windows holds for maps of every size (`cnndsl.window`).
"""

from __future__ import annotations

from ..graph import Call, Graph
from ..window import IDENTITY, Axis, Padding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..op import Op
    from ..types import TensorType

    Reading = tuple[Axis, Axis] | None
    """Windows along height and width; None when it is none: the whole map, or no one stride."""


class Outline(tuple[Axis, Axis]):
    """Windows along height and width of which not every pair of taps is read."""


def readings(graph: Graph, functions: Mapping[str, Graph]) -> dict[tuple[str, str], Reading]:
    """The window from each input to each output that reads it."""
    found: dict[tuple[str, str], Reading] = {}
    for source in graph.inputs:
        known: dict[str, Reading] = {source.name: (IDENTITY, IDENTITY)}
        types = graph.types
        for node in graph.nodes:
            read = [value for value in node.inputs if value in known]
            if not read:
                continue
            if isinstance(node.op, Call):
                callee = functions[node.op.function]
                inner = readings(callee, functions)
                for value, output in zip(node.outputs, callee.outputs, strict=True):
                    parts = [
                        _then(known[name], inner[given.name, output.name])
                        for name, given in zip(node.inputs, callee.inputs, strict=True)
                        if name in known and (given.name, output.name) in inner
                    ]
                    if parts:
                        known[value.name] = _united(parts)
                continue
            axes = _axes(node.op, [types[value] for value in node.inputs])
            joined = _united([known[value] for value in read])
            for value in node.outputs:
                known[value.name] = _then(joined, axes)
        for output in graph.outputs:
            if output.value in known:
                found[source.name, output.name] = known[output.value]
    return found


def _axes(op: Op, types: Sequence[TensorType]) -> Reading:
    """The window of an operator; none where it rounds up over rows that it cropped off."""
    axes, pad = op.axes(*types), getattr(op, "pad", None)
    if axes is None or not isinstance(pad, Padding):
        return axes
    ends = zip(axes, (pad.bottom, pad.right), strict=True)
    return None if any(end < 0 and axis.hi > end for axis, end in ends) else axes


def _then(first: Reading, after: Reading) -> Reading:
    if first is None or after is None or any(map(_returns, first, after)):
        return None
    whole = first[0].then(after[0]), first[1].then(after[1])
    return Outline(whole) if isinstance(first, Outline) or isinstance(after, Outline) else whole


def _returns(first: Axis, after: Axis) -> bool:
    """Whether rows that are cropped off come back as zeros, which no one window reads."""
    return (first.lo < 0 < after.lo) or (first.hi < 0 < after.hi)


def _united(parts: list[Reading]) -> Reading:
    first, *others = parts
    for other in others:
        if first is None or other is None:
            return None
        height, width = unite(first[0], other[0]), unite(first[1], other[1])
        first = None if height is None or width is None else (height, width)
    return first if first is None or _is_whole(first, parts) else Outline(first)


def _is_whole(united: tuple[Axis, Axis], parts: list[Reading]) -> bool:
    """Whether parts read all pairs of taps: one does alone, or they differ along one side only."""
    exact = [part for part in parts if not isinstance(part, Outline)]
    along = len(exact) == len(parts) and any(
        all(part is not None and part[side] == united[side] for part in parts) for side in (0, 1)
    )
    return united in exact or along


def unite(a: Axis, b: Axis) -> Axis | None:
    """The window that reads what both read; None when their outputs do not lie side by side."""
    room = a.lo + a.hi - a.extent
    if a.stride != b.stride or room != b.lo + b.hi - b.extent:
        return None
    lo = max(a.lo, b.lo)
    taps = a.taps << (lo - a.lo) | b.taps << (lo - b.lo)
    return Axis(a.stride, lo, room - lo + taps.bit_length() - 1, taps)


def keeps_window(a: Reading, b: Reading) -> bool:
    """The same inputs, at the same stride and alignment."""
    return a is not None and a == b and not isinstance(a, Outline) and not isinstance(b, Outline)


def keeps_hull(a: Reading, b: Reading) -> bool:
    """The same extent, stride and alignment, whatever lies between the ends."""
    return a is not None and b is not None and list(map(_hull, a)) == list(map(_hull, b))


def _hull(axis: Axis) -> tuple[int, int, int, int]:
    return axis.stride, axis.lo, axis.hi, axis.extent


def in_words(reading: Reading) -> str:
    """A window for people: `5x5/2, padding 2`."""
    if reading is None:
        return "no window"
    sizes = "x".join(str(axis.extent + 1) for axis in reading)
    strides = dict.fromkeys(axis.stride for axis in reading)
    stride = "" if strides == {1: None} else "/" + "x".join(map(str, strides))
    pads = dict.fromkeys(pad for axis in reading for pad in (axis.lo, axis.hi))
    padding = str(*pads) if len(pads) == 1 else str([p for a in reading for p in (a.lo, a.hi)])
    holes = any(axis.taps != (2 << axis.extent) - 1 for axis in reading)
    holes = holes or isinstance(reading, Outline)
    return f"{sizes}{stride}, padding {padding}{', with holes' if holes else ''}"
