"""A module built anew, place by place: copies that come out alike stay one function.

    rebuilt(module, edit)           `edit(path, graph)` is what stands at a path from now on
    rebuilt(module, inputs=types)   the same operators on other inputs
    resized(module, operators)      other operators at some places, the same flow

Types are inferred on the way, and a function that two places need in two forms becomes two.
"""

from __future__ import annotations

from ...graph import Call, Graph, Module, Node, Output, Value
from ...op import Op, ShapeError
from ...record import replace
from ..engine import Layer, Move, function_at, needed
from ..places import occurrences
from . import Untransformed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ...types import TensorType

    Path = tuple[str, ...]
    Edit = Callable[[Path, Graph], Graph]


def as_it_is(path: Path, graph: Graph) -> Graph:
    """The edit that changes nothing."""
    return graph


def rebuilt(
    module: Module, edit: Edit = as_it_is, inputs: Sequence[TensorType] | None = None
) -> Module:
    """The module with every function edited at every place. Raises Untransformed.

    Arguments:
        inputs: types of the main inputs, where they are others.
    """
    types = [value.type for value in module.main.inputs] if inputs is None else inputs
    builder = _Builder(module, edit)
    main = builder.function(module.main, (), types)
    functions = {graph.name: graph for graph in builder.named.values()}
    return replace(module, functions=needed(functions.values(), main.name))


def resized(module: Module, operators: Mapping[Path, Op]) -> Module:
    """The module with other operators at the given paths. Raises Untransformed."""

    def edit(path: Path, graph: Graph) -> Graph:
        nodes = tuple(
            replace(node, op=operators.get((*path, node.name), node.op)) for node in graph.nodes
        )
        return replace(graph, nodes=nodes)

    return rebuilt(module, edit)


class _Builder:
    def __init__(self, module: Module, edit: Edit) -> None:
        self.functions = module.by_name
        self.edit = edit
        self.named: dict[tuple[str, Graph], Graph] = {}
        self.taken: set[str] = set()

    def function(self, graph: Graph, path: Path, given: Sequence[TensorType]) -> Graph:
        """The function that stands at a path, for inputs of these types."""
        origin, graph = graph.name, self.edit(path, graph)
        inputs = tuple(Value(v.name, t) for v, t in zip(graph.inputs, given, strict=True))
        types = {value.name: value.type for value in inputs}
        nodes: list[Node] = []
        for node in graph.nodes:
            read = [types[name] for name in node.inputs]
            if isinstance(node.op, Call):
                callee = self.function(
                    self.functions[node.op.function], (*path, node.name), read
                )
                node = replace(node, op=Call(callee.name))
                found = callee.output_types
            else:
                found = _inferred(node, path, read)
            results = tuple(Value(v.name, t) for v, t in zip(node.outputs, found, strict=True))
            types.update((value.name, value.type) for value in results)
            nodes.append(replace(node, outputs=results))
        return self.version(origin, replace(graph, inputs=inputs, nodes=tuple(nodes)))

    def version(self, origin: str, graph: Graph) -> Graph:
        """The function under a name of its own, or what came of the same one like this."""
        key = origin, graph
        if key not in self.named:
            name, number = graph.name, 1
            while name in self.taken or (number > 1 and name in self.functions):
                number += 1
                name = f"{graph.definition}_{number}"
            self.taken.add(name)
            self.named[key] = replace(graph, name=name)
        return self.named[key]


def _inferred(node: Node, path: Path, read: Sequence[TensorType]) -> tuple[TensorType, ...]:
    assert isinstance(node.op, Op)
    try:
        return node.op.infer(*read)
    except ShapeError as problem:
        where = ".".join((*path, node.name))
        raise Untransformed(f"`{where}` would not fit: {problem.message}") from None


def changes(before: Module, after: Module) -> tuple[Move, ...]:
    """For each function the operators that are not what they were, and their weights."""
    moves = []
    for name, paths in occurrences(after).items():
        graph, old = after.by_name[name], function_at(before, paths[0])
        if old is not None and old != graph:
            moves += _changed(old, graph)
    return tuple(moves)


def _changed(old: Graph, new: Graph) -> Iterable[Move]:
    """One move for all operators of a function that are others, or have other weights."""
    before, after = old.types, new.types
    known = {node.name: node for node in old.nodes}
    pairs = [(known[n.name], n) for n in new.nodes if isinstance(n.op, Op) and n.name in known]
    shaped = [
        (a, b, _layer(a, before), _layer(b, after))
        for a, b in pairs
        if isinstance(a.op, Op)
    ]
    differ = [(a, b, x, y) for a, b, x, y in shaped if a.op != b.op or _shapes(x) != _shapes(y)]
    if not differ:
        return
    said = [(a, b) for a, b, _, _ in differ if a.op != b.op] or [(a, b) for a, b, _, _ in differ]
    names = tuple(a.name for a, _ in said)
    yield Move(
        new.name,
        tuple(x for _, _, x, _ in differ if _shapes(x)),
        tuple(y for _, _, _, y in differ if _shapes(y)),
        (),
        names,
        names,
        part(old, [a for a, _ in said]),
        part(new, [b for _, b in said]),
        differ[0][0].span,
    )


def _layer(node: Node, types: Mapping[str, TensorType]) -> Layer:
    assert isinstance(node.op, Op)
    return Layer(node.name, node.op, tuple(types[name] for name in node.inputs))


def _shapes(layer: Layer) -> dict[str, tuple[int, ...]]:
    return {weight.name: weight.shape for weight in layer.op.weights(*layer.inputs)}


def part(graph: Graph, nodes: Sequence[Node]) -> Graph:
    """Some nodes of a graph as one of their own; what others read of them are its outputs."""
    types = graph.types
    made = [value.name for node in nodes for value in node.outputs]
    read = dict.fromkeys(name for node in nodes for name in node.inputs)
    inputs = tuple(Value(name, types[name]) for name in read if name not in made)
    outputs = tuple(Output(name, name) for name in made if name not in read)
    return Graph("part", "part", (), inputs, tuple(nodes), outputs)
