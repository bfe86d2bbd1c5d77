"""Whole networks, drawn from pieces that rules like to rewrite."""

from __future__ import annotations

from ...graph import Graph, Output
from ...op import OPS
from .choices import Choices, Unfit
from .net import NOWHERE, Net

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Piece = Callable[["_Network", str], str]

LENGTHS = tuple(range(1, 11))
POINTWISE = ("relu", "relu6", "leakyrelu", "abs", "hswish", "times")
LAYERS = ("conv", "conv", "dwconv", "bn", "maxpool", "avgpool", "pad", "crop", "dropout",
          "upsample", "layerscale")  # fmt: skip


def draw_network(choices: Choices) -> Graph:
    """A network as a function of its own. Raises Unfit when no piece fits."""
    network = _Network(choices)
    builder = network.net.builder
    flow = builder.input("x", network.net.draw_type("x"))
    for _ in range(choices.take("length", LENGTHS)):
        flow = network.piece(flow)
    if not builder.nodes:
        raise Unfit
    builder.outputs = [*network.heads, Output("output", flow)]
    return builder.finish("left", "left", (), NOWHERE)


class _Network:
    """A network under construction; every piece reads one value and gives one."""

    def __init__(self, choices: Choices) -> None:
        self.choices = choices
        self.net = Net(choices)
        self.heads: list[Output] = []
        self.pieces = 0

    def piece(self, flow: str) -> str:
        """One more piece, if what is drawn fits."""
        self.pieces += 1
        nodes = self.net.builder.nodes
        count = len(nodes)
        try:
            return PIECES[self.choices.take(f"piece {self.pieces}", tuple(PIECES))](self, flow)
        except Unfit:
            del nodes[count:]
            return flow

    def take(self, name: str, *usual: str) -> str:
        return self.choices.take(f"{name} {self.pieces}", usual)

    def operator(self, word: str, *inputs: str) -> tuple[str, ...]:
        """An operator with drawn arguments."""
        types = self.net.types(inputs)
        arguments = self.net.arguments(OPS[word], types, 2 if word == "split" else 1)
        return self.net.add(OPS[word](**arguments.drawn()), inputs)

    def layer(self, flow: str) -> str:
        (flow,) = self.operator(self.take("layer", *LAYERS), flow)
        return flow

    def unit(self, flow: str) -> str:
        for word in ("conv", "bn", "relu"):
            (flow,) = self.operator(word, flow)
        return flow

    def pointwise(self, flow: str) -> str:
        (flow,) = self.operator(self.take("function", *POINTWISE), flow)
        return flow

    def sum(self, flow: str) -> str:
        """A layer that keeps the shape, and its input."""
        type = self.net.builder.types[flow]
        layer = self.layer(flow)
        if self.net.builder.types[layer] != type:
            raise Unfit
        return self.net.add(OPS["add"](), [layer, flow])[0]

    def branches(self, flow: str) -> str:
        merge = self.take("merge", "concat", "add", "mul")
        return self.net.add(OPS[merge](), [self.layer(flow), self.layer(flow)])[0]

    def siblings(self, flow: str) -> str:
        """The same operator on both parts of a value, joined again."""
        parts = self.operator("split", flow)
        word = self.take("sibling", *POINTWISE, "maxpool")
        op = OPS[word](**self.net.arguments(OPS[word], self.net.types(parts)).drawn())
        joined = [self.net.add(op, [part])[0] for part in parts]
        return self.net.add(OPS["concat"](), joined)[0]

    def head(self, flow: str) -> str:
        """An output that exists in training only."""
        name = f"head{len(self.heads) + 1}"
        self.heads.append(Output(name, self.layer(flow), training=True))
        return flow


PIECES: dict[str, Piece] = {
    "layer": _Network.layer,
    "pointwise": _Network.pointwise,
    "unit": _Network.unit,
    "sum": _Network.sum,
    "branches": _Network.branches,
    "siblings": _Network.siblings,
    "head": _Network.head,
}
