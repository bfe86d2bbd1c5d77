"""W0406: two linear layers in a row, which are one linear layer."""

from __future__ import annotations

from ...diagnostics import Label
from ...ops.conv import Conv
from ...ops.linear import Fc
from ..network import LINEAR_POINTWISE
from ..rule import Finding, found, network_rule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...graph import Node
    from ...op import Op
    from ..network import Network


@network_rule("W0406")
def two_linear_layers(network: Network) -> Iterator[Finding]:
    for node, op in network.operators():
        before = network.before(node.inputs[0], *LINEAR_POINTWISE) if _is_dense(op) else None
        if before is None or not _same_kind(network.op(before), op) or _read_twice(network, before):
            continue
        wide = network.types[before.inputs[0]].channels
        middle = network.types[before.outputs[0].name].channels
        if middle < min(wide, network.types[node.outputs[0].name].channels):
            continue  # a matrix of low rank in two factors
        yield found(
            node,
            f"two `{op.word}` in a row with nothing between them that is not linear",
            "the second one",
            also=[] if before.span == node.span else [Label(network.span(before), "the first one")],
            notes=[
                "a linear map of a linear map is one linear map: together they can do no more "
                f"than one, {_one(network.op(before), op)}"
            ],
            help=["put an activation between them, or make them one"],
        )


def _is_dense(op: Op) -> bool:
    """Whether a layer mixes all channels with all, over a square."""
    if isinstance(op, Fc):
        return True
    return isinstance(op, Conv) and op.groups == 1 and op.window.height == op.window.width


def _same_kind(first: Op, second: Op) -> bool:
    """Not one over positions and one over channels, which together are worth one of both."""
    if not _is_dense(first) or first.word != second.word:
        return False
    if isinstance(first, Conv) and isinstance(second, Conv):
        return (first.window.area == 1) == (second.window.area == 1)
    return True


def _read_twice(network: Network, node: Node) -> bool:
    value = node.outputs[0].name
    return value in network.outputs or len(network.readers.get(value, ())) > 1


def _one(first: Op, second: Op) -> str:
    if isinstance(first, Conv) and isinstance(second, Conv):
        size = first.window.height + (second.window.height - 1) * first.window.stride_h
        return f"`conv {size}x{size}, {second.channels}`"
    assert isinstance(second, Fc)
    return f"`fc {second.channels}`"
