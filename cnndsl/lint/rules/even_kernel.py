"""W0302: a window of even size that should keep the size of its map."""

from __future__ import annotations

from ..rule import Finding, found, network_rule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...window import Axis
    from ..network import Network


@network_rule("W0302")
def even_kernel(network: Network) -> Iterator[Finding]:
    for node, op in network.operators():
        axes = op.axes(*network.inputs(node))
        if op.family not in ("conv", "pool") or axes is None or "[" in network.span(node).text:
            continue  # four amounts in brackets are a decision
        for axis, name in zip(axes, ("row", "column"), strict=True):
            text = _oddity(axis, name)
            if text:
                yield found(
                    node,
                    f"an even window cannot keep the size of its map: {text}",
                    f"{axis.lo} {name}{'' if axis.lo == 1 else 's'} before, {axis.hi} behind",
                    notes=[f"the middle of {axis.extent + 1} {name}s is between two of them"],
                    help=[f"an odd size, {axis.extent} or {axis.extent + 2}, has a middle; "
                          "`pad=[...]` says that it is meant"],
                )  # fmt: skip
                break


def _oddity(axis: Axis, name: str) -> str:
    """What an even window of stride 1 does, where its padding is about half of it."""
    if axis.stride != 1 or axis.extent % 2 == 0 or (axis.lo < 1 and axis.hi < 1):
        return ""
    if axis.lo + axis.hi == axis.extent and axis.lo != axis.hi:
        return f"this one shifts it by half a {name}"
    if axis.lo == axis.hi == (axis.extent + 1) // 2:
        return f"this one adds a {name}"
    return ""
