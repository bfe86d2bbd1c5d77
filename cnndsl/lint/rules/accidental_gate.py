"""W0304: a `mul` that broadcasts a map which is 1x1 at this input size only."""

from __future__ import annotations

from ...diagnostics import Label
from ...ops.merge import Mul
from ..rule import Finding, found, network_rule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...graph import Node
    from ..network import Network


@network_rule("W0304")
def accidental_gate(network: Network) -> Iterator[Finding]:
    for node, op in network.operators():
        if not isinstance(op, Mul) or network.types[node.outputs[0].name].area == 1:
            continue
        for value in node.inputs:
            maker = _shrinking_window(network, value)
            if maker is None:
                continue
            before = network.types[maker.inputs[0]]
            yield found(
                node,
                "`mul` scales whole channels by a map that happens to be 1x1",
                "the 1x1 map is broadcast",
                also=[Label(network.span(maker), f"{before.height}x{before.width} to 1x1 here")],
                notes=["with a larger input it is larger, and no longer fits or scales"],
                help=["`globalavgpool` makes one number of each channel at every size"],
            )


def _shrinking_window(network: Network, value: str) -> Node | None:
    """The window that made a map 1x1, if it was one."""
    node = network.producers.get(value)
    while node is not None and network.types[value].area == 1:
        inputs = network.inputs(node)
        if len(inputs) != 1 or network.op(node).axes(*inputs) is None:
            return None
        if inputs[0].area != 1:
            return node if network.op(node).family in ("conv", "pool") else None
        value = node.inputs[0]
        node = network.producers.get(value)
    return None
