"""W0308: positions of a map that are computed and that no window reads."""

from __future__ import annotations

from math import lcm

from ...diagnostics import Label
from ..network import POINTWISE
from ..rule import Finding, found, network_rule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...graph import Node
    from ...window import Axis
    from ..network import Network


@network_rule("W0308")
def unread_positions(network: Network) -> Iterator[Finding]:
    for value, readers in network.readers.items():
        maker = network.before(value, *POINTWISE)
        if maker is None or network.op(maker).family == "reshape":
            continue  # copies cost nothing
        if value in network.outputs or not network.types[value].is_map:
            continue
        axes = [_axes(network, reader, value) for reader in readers]
        known = [pair for pair in axes if pair is not None]
        if len(known) < len(axes) or not all(_skips(*pair) for pair in known):
            continue
        read, period = _read(known)
        if read == period:
            continue
        node = readers[0]
        yield found(
            node,
            f"of {period} positions that are computed, {read} {'is' if read == 1 else 'are'} read",
            f"the stride of {_stride(*known[0])} skips what this window does not cover",
            also=[Label(network.span(maker), f"{network.types[value]} is computed here")],
            notes=[f"{1 - read / period:.0%} of the work before it is in vain"],
            help=["stride where the map is made, or in a window as large as the stride"],
        )


def _axes(network: Network, reader: Node, value: str) -> tuple[Axis, Axis] | None:
    """The windows of a reader that has nothing but them."""
    op = network.op(reader)
    if op.family not in ("conv", "pool") or reader.inputs != (value,):
        return None
    return op.axes(network.types[value])


def _skips(height: Axis, width: Axis) -> bool:
    """Whether there are gaps between neighbouring windows."""
    return any(axis.stride > axis.extent + 1 for axis in (height, width))


def _read(pairs: list[tuple[Axis, Axis]]) -> tuple[int, int]:
    """How many positions of a period are read, and how many there are."""
    rows = lcm(*(height.stride for height, _ in pairs))
    columns = lcm(*(width.stride for _, width in pairs))
    read = {
        (row, column)
        for height, width in pairs
        for row in _residues(height, rows)
        for column in _residues(width, columns)
    }
    return len(read), rows * columns


def _residues(axis: Axis, period: int) -> set[int]:
    taps = [t for t in range(axis.extent + 1) if axis.taps >> t & 1]
    return {
        (first - axis.lo + tap) % period for first in range(0, period, axis.stride) for tap in taps
    }


def _stride(height: Axis, width: Axis) -> str:
    one = height.stride == width.stride
    return str(height.stride) if one else f"{height.stride}x{width.stride}"
