"""W0303: a bias that the batch norm behind it takes away again."""

from __future__ import annotations

from ...ops.norm import Bn
from ..rule import Finding, found, network_rule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...graph import Node
    from ...op import Op
    from ..network import Network


@network_rule("W0303")
def bias_before_norm(network: Network) -> Iterator[Finding]:
    for node, op in network.operators():
        if not getattr(op, "bias", False) or _from_dialect(network, op):
            continue
        readers = _norms(network, node)
        if readers:
            count = network.types[node.outputs[0].name].channels
            yield found(
                node,
                f"the bias of `{op.word}` is taken away by the batch norm behind it",
                f"{count:,} parameters without an effect",
                notes=[
                    "the norm subtracts the mean of each channel, "
                    "and a constant adds to a channel what it adds to the mean"
                ],
                help=["write `bias=false`"],
            )


def _norms(network: Network, node: Node) -> list[Node]:
    """The batch norms that read a node, if nothing else does."""
    value = node.outputs[0].name
    readers = network.readers.get(value, [])
    alone = value not in network.outputs and all(isinstance(r.op, Bn) for r in readers)
    return readers if alone else []


def _from_dialect(network: Network, op: Op) -> bool:
    """Whether the model's dialect asks for biases: that is a decision about all of them."""
    return any(
        word in (op.word, op.family) and given.name == "bias" and given.value is True
        for word, arguments in network.compiled.settings
        for given in arguments
    )
