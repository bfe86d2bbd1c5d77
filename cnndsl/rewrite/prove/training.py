"""What a network computes while it is trained: norms by the batch, and elements dropped.

The elements that are dropped are the same each time, so that two networks can be compared: a
rule that loses a `dropout`, or puts it elsewhere, does not keep the function.
"""

from __future__ import annotations

from ...graph import Graph, Node, Value
from ...ops.norm import Bn
from ...ops.regular import Dropout, DropPath
from ...record import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from numpy.typing import NDArray

    Array = NDArray[Any]
    Weights = Mapping[str, Mapping[str, Array]]

OTHERWISE = (Bn, Dropout, DropPath)
"""Operators that compute something else in training."""


def is_trained(*graphs: Graph) -> bool:
    """Whether any of the flat graphs computes something else in training."""
    return any(isinstance(node.op, OTHERWISE) for graph in graphs for node in graph.nodes)


def in_training(
    graph: Graph, images: Mapping[str, Array], weights: Weights, drops: bool = True
) -> dict[str, Array]:
    """Every value of a flat graph in training.

    Arguments:
        drops: whether elements are dropped.
    """
    import numpy as np

    from ...interpret import interpret

    values = {name: image.astype(float) for name, image in images.items()}
    with np.errstate(all="ignore"):
        for node in graph.nodes:
            x = values[node.inputs[0]]
            held = weights
            if isinstance(node.op, Bn):
                holder = node.weights or node.name
                over = tuple(range(x.ndim - 1))
                held = {holder: {**weights[holder], "mean": x.mean(over), "variance": x.var(over)}}
            values |= interpret(_alone(graph, node), values, held)
            if drops and isinstance(node.op, (Dropout, DropPath)):
                mask = np.arange(x.size).reshape(x.shape) % 3 > 0
                values[node.outputs[0].name] = np.where(mask, x, 0)
    return values


def _alone(graph: Graph, node: Node) -> Graph:
    """One operator as a graph."""
    types = graph.types
    inputs = tuple(Value(name, types[name]) for name in dict.fromkeys(node.inputs))
    return replace(graph, inputs=inputs, nodes=(node,), outputs=(), labels=())
