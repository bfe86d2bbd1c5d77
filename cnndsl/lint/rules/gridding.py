"""W0306: dilated windows in a row that leave holes between the positions they read.

Wang et al., Understanding Convolution for Semantic Segmentation, 2018: what several windows read
of the map at their start should be an interval without holes. Here the start is the last change
of resolution, and what is read comes from the window algebra, through branches and merges.
"""

from __future__ import annotations

from ...diagnostics import Label
from ...ops.conv import Deconv
from ...record import Record
from ...window import IDENTITY, Axis
from ..network import POINTWISE
from ..rule import Finding, found, network_rule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...graph import Node
    from ..network import Network


class Trail(Record):
    """What a value reads of the map where the resolution last changed.

    Arguments:
        root: the value at the start.
        axes: along height and width, composed.
        dilated: the dilated windows on the longest way.
    """

    root: str
    axes: tuple[Axis, Axis]
    dilated: tuple[Node, ...] = ()


@network_rule("W0306")
def gridding(network: Network) -> Iterator[Finding]:
    trails = follow(network)
    reported: set[str] = set()
    for value, trail in trails.items():
        if trail.root in reported or len(trail.dilated) < 2 or not any(map(holes, trail.axes)):
            continue
        if _goes_on(network, value, trail.root, trails):
            continue
        reported.add(trail.root)
        yield _finding(network, trail)


def follow(network: Network) -> dict[str, Trail]:
    """The trail of every map."""
    trails = {value.name: Trail(value.name, (IDENTITY, IDENTITY)) for value in network.graph.inputs}
    for node in network.graph.nodes:
        before = [trails[value] for value in node.inputs]
        for output in node.outputs:
            trail = _through(network, node, before)
            trails[output.name] = trail or Trail(output.name, (IDENTITY, IDENTITY))
    return trails


def holes(axis: Axis) -> int:
    """Positions between the first and the last one that are not read."""
    return axis.extent + 1 - axis.taps.bit_count()


def _through(network: Network, node: Node, before: Sequence[Trail]) -> Trail | None:
    """The trail behind a node; None where a new one begins."""
    op, types = network.op(node), network.inputs(node)
    if op.family == "merge":
        whole = [t for t, x in zip(before, types, strict=True) if x.area != 1] or before
        return _joined(whole) if len({trail.root for trail in whole}) == 1 else None
    axes = op.axes(*types)
    if len(before) != 1 or axes is None or not types[0].is_map or isinstance(op, Deconv):
        return None
    if isinstance(op, POINTWISE):
        return before[0]
    if any(axis.stride != 1 for axis in axes):
        return None
    height, width = (a.then(b) for a, b in zip(before[0].axes, axes, strict=True))
    own = (node,) if any(map(holes, axes)) else ()
    return Trail(before[0].root, (height, width), before[0].dilated + own)


def _joined(trails: Sequence[Trail]) -> Trail:
    """What a merge reads through all its operands."""
    first = trails[0]
    height, width = (_union([trail.axes[i] for trail in trails]) for i in (0, 1))
    longest = max((trail.dilated for trail in trails), key=len)
    return Trail(first.root, (height, width), longest)


def _union(axes: Sequence[Axis]) -> Axis:
    lo, hi = max(axis.lo for axis in axes), max(axis.hi for axis in axes)
    taps = 0
    for axis in axes:
        taps |= axis.taps << (lo - axis.lo)
    return Axis(1, lo, hi, taps)


def _goes_on(network: Network, value: str, root: str, trails: dict[str, Trail]) -> bool:
    """Whether all that reads a value is on the same trail: then its end decides."""
    readers = network.readers.get(value, ())
    return bool(readers) and all(
        trails[output.name].root == root for reader in readers for output in reader.outputs
    )


def _finding(network: Network, trail: Trail) -> Finding:
    *others, last = trail.dilated
    height, width = trail.axes
    axis, name = (height, "row") if holes(height) else (width, "column")
    rates = ", ".join(_rate(network, node) for node in trail.dilated)
    share = height.taps.bit_count() * width.taps.bit_count()
    area = (height.extent + 1) * (width.extent + 1)
    spans = dict.fromkeys(network.span(node) for node in others)
    spans.pop(network.span(last), None)
    return found(
        last,
        f"{len(trail.dilated)} dilated windows in a row leave holes in what they read",
        f"of {axis.extent + 1} {name}s in reach, {axis.taps.bit_count()} are read",
        also=[Label(span, "and this one") for span in spans],
        notes=[
            f"dilations {rates}: {share:,} of {area:,} positions in reach, {share / area:.0%}; "
            "neighbouring outputs read different ones"
        ],
        help=["begin with dilation 1, and let no number divide all the others: 1, 2, 5"],
        counted=False,  # it is about all windows together
    )


def _rate(network: Network, node: Node) -> str:
    height, width = getattr(network.op(node), "dilation", (1, 1))
    return str(height) if height == width else f"{height}x{width}"
