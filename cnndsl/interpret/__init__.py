"""What a graph computes: an exact interpreter of the IR on NumPy, and integer weights for it.

    graph = flatten(module)
    values = interpret(graph, {"x": image}, draw_integers(graph, numpy.random.default_rng(0)))

On whole numbers and fractions, every operator without a real function in it is exact. Graphs
that compute the same then give equal numbers, with no tolerance for an error to hide under.

`exact` is the arithmetic; `windows`, `pointwise` and `maps` are the operators.
"""

from __future__ import annotations

from ..op import Op
from . import maps, pointwise, windows
from .draw import draw_integers as draw_integers
from .exact import number, type_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike

    from ..graph import Graph, Node
    from ..op import Weight
    from ..types import TensorType
    from .exact import Array, Rules

    Weights = Mapping[str, Mapping[str, ArrayLike]]

RULES: Rules = {**windows.RULES, **pointwise.RULES, **maps.RULES}
"""What each operator computes, by its word: `rule(op, weights by role, *inputs)`."""


def interpret(graph: Graph, inputs: Mapping[str, ArrayLike], weights: Weights) -> dict[str, Array]:
    """Every value of a flat graph by its name, in inference.

    Arguments:
        inputs: by name, with the batch in front and channels last.
        weights: by the node that holds them, then by role, laid out as `Op.weights` says.

    What is exact is int64 if it is whole and fits, otherwise an object array of integers and
    `Fraction`s; all else is float64. Raises ValueError for an array of another shape than the
    graph says, which NumPy might stretch in silence.
    """
    values = {v.name: _batch(v.name, number(inputs[v.name]), v.type) for v in graph.inputs}
    for node in graph.nodes:
        results = _results(node, [values[name] for name in node.inputs], weights)
        for value, result in zip(node.outputs, results, strict=True):
            values[value.name] = _batch(value.name, result, value.type)
    return values


def _results(node: Node, inputs: Sequence[Array], weights: Weights) -> Sequence[Array]:
    """What a node makes of its inputs."""
    if not isinstance(node.op, Op):
        raise TypeError(f"`{node.name}` is a call: flatten the module first")
    holder = node.weights or node.name
    held = weights.get(holder, {})
    roles = {
        weight.name: _weight(holder, held, weight)
        for weight in node.op.weights(*map(type_of, inputs))
    }
    results = RULES[node.op.word](node.op, roles, *inputs)
    return results if isinstance(results, (list, tuple)) else (results,)


def _batch(name: str, x: Array, type: TensorType) -> Array:
    """The array, if it is a batch of this type. A symbolic size may be any."""
    pairs = zip(x.shape[1:], type.shape, strict=False)
    if x.ndim != type.rank + 1 or any(isinstance(n, int) and m != n for m, n in pairs):
        raise ValueError(f"`{name}` has shape {x.shape}, which is no batch of {type}")
    return x


def _weight(holder: str, held: Mapping[str, ArrayLike], weight: Weight) -> Array:
    """The array of a weight, if there is one of its shape."""
    if weight.name not in held:
        raise ValueError(f"`{holder}` needs a {weight.name}")
    x = number(held[weight.name])
    if x.shape != weight.shape:
        raise ValueError(f"{weight.name} of `{holder}` has shape {x.shape}, not {weight.shape}")
    return x
