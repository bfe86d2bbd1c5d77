"""Which layers give the classes: those whose channels are the channels of an output.

A model with a parameter such as `classes` keeps it as an argument of its class. It is
the width of these layers only, even where other layers happen to be as wide.
"""

from __future__ import annotations

from cnndsl.graph import Call, Graph, Module, Node
from cnndsl.ops.conv import Conv, Deconv
from cnndsl.ops.linear import Fc

Layers = dict[str, frozenset[str]]
"""Names of nodes, by function."""

THROUGH = ("activation", "norm", "pool", "regular")
"""Families that leave the channels as they are."""
OTHERS = ("add", "sub", "crop", "pad", "upsample", "identity")


def classifiers(module: Module) -> Layers:
    """The layers, and the norms behind them, that decide the channels of the outputs."""
    found: dict[str, set[str]] = {}
    functions = module.by_name

    def trace(graph: Graph, producers: dict[str, Node], value: str) -> None:
        node = producers.get(value)
        if node is None or node.name in found.setdefault(graph.name, set()):
            return
        found[graph.name].add(node.name)
        if isinstance(node.op, Call):
            called = functions[node.op.function]
            position = [v.name for v in node.outputs].index(value)
            trace(called, called.producers, called.outputs[position].value)
        elif not isinstance(node.op, (Conv, Deconv, Fc)) and (
            node.op.family in THROUGH or node.op.word in OTHERS
        ):
            for name in node.inputs:
                trace(graph, producers, name)

    main = module.main
    for output in main.outputs:
        trace(main, main.producers, output.value)
    return {name: frozenset(nodes) for name, nodes in found.items()}
