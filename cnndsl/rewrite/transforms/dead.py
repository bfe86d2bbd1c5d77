"""What inference does not need: heads for training, and operators whose values nobody reads."""

from __future__ import annotations

from ...graph import Graph, Module, Node, Value, living
from ...op import Op
from ...record import replace
from ..hierarchy import needed
from ..moves import Layer, Move
from . import Transformed, Untransformed, transform

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..places import Places
    from ..rule import Rewrite


@transform
def drop_dead(module: Module, rewrite: Rewrite, places: Places) -> Transformed:
    """Heads end in outputs of the whole network, so places are not asked for."""
    if not places.everywhere:
        raise Untransformed("it looks at the whole network")
    functions = [_alive(graph) for graph in module.functions]
    moves = [
        _move(before, after)
        for before, after in zip(module.functions, functions, strict=True)
        if len(after.nodes) < len(before.nodes)
    ]
    return Transformed(replace(module, functions=needed(functions, module.main.name)), tuple(moves))


def _alive(graph: Graph) -> Graph:
    """The function without what only training needs, or nobody."""
    kept = living(graph, tuple(output for output in graph.outputs if not output.training))
    types = kept.types
    labels = tuple((label, value) for label, value in kept.labels if value in types)
    return replace(kept, nodes=_with_heirs(kept.nodes), labels=labels)


def _with_heirs(kept: tuple[Node, ...]) -> tuple[Node, ...]:
    """Weights that a dead operator lent stay under its name, with the first that borrowed them."""
    known = {node.name for node in kept}
    nodes = []
    for node in kept:
        if node.weights is not None and node.weights not in known:
            known.add(node.weights)
            node = replace(node, name=node.weights, weights=None)
        nodes.append(node)
    return tuple(nodes)


def _move(before: Graph, after: Graph) -> Move:
    """The journal's entry for what is gone."""
    alive = {node.name for node in after.nodes}
    dead = tuple(node for node in before.nodes if node.name not in alive)
    types = before.types
    layers = tuple(
        Layer(node.name, node.op, tuple(types[name] for name in node.inputs))
        for node in dead
        if isinstance(node.op, Op) and node.weights is None
    )
    inputs = tuple(Value(name, types[name]) for name in _read(dead))
    left = Graph("left", "left", (), inputs, dead, ())
    removed = tuple(node.name for node in dead)
    nothing = replace(left, name="right", definition="right", nodes=())
    return Move(after.name, layers, (), (), removed, (), left, nothing, dead[0].span)


def _read(nodes: tuple[Node, ...]) -> list[str]:
    """The values that come from elsewhere."""
    made = {value.name for node in nodes for value in node.outputs}
    return [name for name in dict.fromkeys(n for node in nodes for n in node.inputs)
            if name not in made]  # fmt: skip
