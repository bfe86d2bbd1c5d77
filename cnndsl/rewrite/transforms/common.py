"""Common subexpressions: what is computed twice from the same values, by the same weights, is
computed once."""

from __future__ import annotations

from ...graph import Call, Node
from ...op import Op
from .local import local, replaced

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from ...types import TensorType
    from ..placing import Replacement
    from ..view import View

COMMUTES = ("add", "mul")


@local
def cse(view: View) -> Iterator[Replacement]:
    first: dict[Hashable, Node] = {}
    for node in view.graph.nodes:
        key = _key(view, node)
        before = first.setdefault(key, node) if key is not None else node
        if before is node or node.name in view.lent:
            continue
        pairs = zip(node.outputs, before.outputs, strict=True)
        yield replaced(view, [node], [], {again.name: once.name for again, once in pairs})


def _key(view: View, node: Node) -> Hashable | None:
    """What a node computes; None for what is its own: weights that nobody shares, and chance."""
    if _is_random(view, node.op):
        return None
    weighted = _has_weights(view, node.op, view.inputs(node))
    owner = (node.weights or node.name) if weighted else None
    commutes = isinstance(node.op, Op) and node.op.word in COMMUTES
    inputs = tuple(sorted(node.inputs)) if commutes else node.inputs
    return node.op, inputs, owner


def _is_random(view: View, op: Op | Call) -> bool:
    if isinstance(op, Call):
        return any(_is_random(view, node.op) for node in view.functions[op.function].nodes)
    return op.family == "regular"


def _has_weights(view: View, op: Op | Call, inputs: Sequence[TensorType]) -> bool:
    if isinstance(op, Op):
        return bool(op.weights(*inputs))
    graph = view.functions[op.function]
    types = graph.types
    return any(_has_weights(view, n.op, [types[value] for value in n.inputs]) for n in graph.nodes)
