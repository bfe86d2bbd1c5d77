"""W0307: channel counts that hardware pads."""

from __future__ import annotations

from ..rule import Finding, found, network_rule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..network import Network

UNIT = 8


@network_rule("W0307", level="off")
def odd_channels(network: Network) -> Iterator[Finding]:
    ends = _last_layers(network)
    for node, op in network.operators():
        channels = network.types[node.outputs[0].name].channels
        if not op.weighted or channels % UNIT == 0 or node.name in ends:
            continue
        low = channels // UNIT * UNIT
        near = f"{low} and {low + UNIT} are" if low else f"{UNIT} is"
        yield found(
            node,
            f"{channels} channels are no multiple of {UNIT}",
            f"{channels} = {UNIT} · {low // UNIT} + {channels - low}",
            notes=["matrix units work on channels eight at a time and compute the rest in vain"],
            help=[f"{near} the nearest; `round_to(c, {UNIT})` rounds in the spec"],
        )


def _last_layers(network: Network) -> set[str]:
    """The layers that give the outputs, whose channels are the task's."""
    ends: set[str] = set()
    values, seen = list(network.outputs), set(network.outputs)
    while values:
        node = network.producers.get(values.pop())
        if node is not None and network.op(node).weighted:
            ends.add(node.name)
        elif node is not None:
            values += [value for value in node.inputs if value not in seen]
            seen.update(node.inputs)
    return ends
