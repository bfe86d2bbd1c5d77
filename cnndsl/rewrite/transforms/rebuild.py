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
from ..hierarchy import function_at, needed
from ..moves import Layer, Move
from ..places import occurrences
from . import Untransformed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ...types import TensorType

    Path = tuple[str, ...]
    Types = Sequence[TensorType]
    Edit = Callable[[Path, Graph], Graph]
    Adapt = Callable[[Op, Types, Types], Op]


def as_it_is(path: Path, graph: Graph) -> Graph:
    """The edit that changes nothing."""
    return graph


def the_same(op: Op, before: Types, now: Types) -> Op:
    """The adaptation of an operator that has none."""
    return op


def rebuilt(
    module: Module,
    edit: Edit = as_it_is,
    inputs: Types | None = None,
    adapt: Adapt = the_same,
) -> Module:
    """The module with every function edited at every place. Raises Untransformed.

    Arguments:
        inputs: types of the main inputs, where they are others.
        adapt: what becomes of an operator whose inputs were of some types and are of others.
    """
    types = [value.type for value in module.main.inputs] if inputs is None else inputs
    builder = _Builder(module, edit, adapt)
    main = builder.function(module.main, (), types)
    functions = {graph.name: graph for graph in builder.named.values()}
    return replace(module, functions=needed(functions.values(), main.name))


def resized(module: Module, operators: Mapping[Path, Op]) -> Module:
    """The module with other numbers of channels at the given paths. Raises Untransformed."""

    def edit(path: Path, graph: Graph) -> Graph:
        nodes = tuple(
            replace(node, op=operators.get((*path, node.name), node.op)) for node in graph.nodes
        )
        pairs = [(a.op, b.op) for a, b in zip(graph.nodes, nodes, strict=True)]
        return replace(graph, nodes=nodes, arguments=_arguments(graph, pairs))

    return rebuilt(module, edit)


def _arguments(
    graph: Graph, operators: Sequence[tuple[Op | Call, Op | Call]]
) -> tuple[tuple[str, object], ...]:
    """Arguments that are numbers of channels, as they are now.

    Nothing proves that an argument was meant so. Who relies on it elaborates the block again.
    """
    sizes: dict[object, set[object]] = {}
    for old, new in operators:
        sizes.setdefault(getattr(old, "channels", None), set()).add(getattr(new, "channels", None))

    def now(value: object) -> object:
        found = sizes.get(value, set()) if type(value) is int else set()
        return next(iter(found)) if len(found) == 1 else value

    return tuple((name, now(value)) for name, value in graph.arguments)


class _Builder:
    def __init__(self, module: Module, edit: Edit, adapt: Adapt) -> None:
        self.functions = module.by_name
        self.edit = edit
        self.adapt = adapt
        self.named: dict[tuple[str, Graph], Graph] = {}
        self.taken: set[str] = set()

    def function(self, graph: Graph, path: Path, given: Types) -> Graph:
        """The function that stands at a path, for inputs of these types."""
        origin, graph = graph.name, self.edit(path, graph)
        inputs = tuple(Value(v.name, t) for v, t in zip(graph.inputs, given, strict=True))
        before, now = graph.types, {value.name: value.type for value in inputs}
        nodes: list[Node] = []
        for node in graph.nodes:
            inner = (*path, node.name)
            read = [now[name] for name in node.inputs]
            op, types = self.operator(node.op, inner, [before[name] for name in node.inputs], read)
            results = tuple(Value(v.name, t) for v, t in zip(node.outputs, types, strict=True))
            now.update((value.name, value.type) for value in results)
            nodes.append(replace(node, op=op, outputs=results))
        return self.version(origin, replace(graph, inputs=inputs, nodes=tuple(nodes)))

    def operator(
        self, op: Op | Call, path: Path, before: Types, now: Types
    ) -> tuple[Op | Call, Types]:
        """What stands at a path, and the types of its results."""
        if isinstance(op, Call):
            callee = self.function(self.functions[op.function], path, now)
            return Call(callee.name), callee.output_types
        try:
            op = self.adapt(op, before, now)
            return op, op.infer(*now)
        except (ShapeError, Untransformed) as problem:
            where = ".".join(path)
            raise Untransformed(f"`{where}` does not fit then: {problem}") from None

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


def changes(before: Module, after: Module) -> tuple[Move, ...]:
    """What became of each function: operators that are others, runs that are longer or shorter."""
    moves: list[Move] = []
    for name, paths in occurrences(after).items():
        earlier = (function_at(before, path) for path in paths)
        old = next((graph for graph in earlier if graph is not None), None)
        if old is not None:
            new = after.by_name[name]
            moves += [*_operators(old, new), *_units(old, new)]
    return tuple(moves)


def _operators(old: Graph, new: Graph) -> Iterator[Move]:
    """One move for all operators of a function: what it tells, and the weights that fit no more."""
    was, now = _layers(old), _layers(new)
    differ = {name for name in was.keys() & now.keys() if was[name] != now[name]}
    if not differ:
        return
    went = [node for node in old.nodes if node.name in differ]
    came = [node for node in new.nodes if node.name in differ]
    removed, created = _told(went, new), _told(came, old)
    yield Move(
        new.name,
        tuple(_layer(node, old) for node in went if _weights(node, old)),
        tuple(_layer(node, new) for node in came if _weights(node, new)),
        (),
        tuple(node.name for node in removed),
        tuple(node.name for node in created),
        part(old, removed),
        part(new, created),
        went[0].span,
    )


def _units(old: Graph, new: Graph) -> Iterator[Move]:
    """For each run the last unit that stays, with those that went or came behind it."""
    gone, made = _behind(old, new), _behind(new, old)
    for node in old.nodes:
        if node.name in gone or node.name in made:
            (stays,) = (unit for unit in new.nodes if unit.name == node.name)
            before = [node, *gone.get(node.name, ())]
            now = [stays, *made.get(node.name, ())]
            went, came = (tuple(unit.name for unit in units) for units in (before, now))
            sides = part(old, before), part(new, now)
            yield Move(new.name, (), (), (), went, came, *sides, node.span)


def _behind(graph: Graph, other: Graph) -> dict[str, list[Node]]:
    """The calls that the other graph has not, by the name of the one behind which they stand."""
    known, producers = {node.name for node in other.nodes}, graph.producers
    start: dict[str, str] = {}
    found: dict[str, list[Node]] = {}
    for node in graph.nodes:
        if isinstance(node.op, Call) and node.name not in known:
            before = producers[node.inputs[0]].name
            start[node.name] = start.get(before, before)
            found.setdefault(start[node.name], []).append(node)
    return found


def _layers(graph: Graph) -> dict[str, tuple[Op | None, dict[str, tuple[int, ...]]]]:
    """What each operator is, and the shapes of its weights. Calls are looked at elsewhere."""
    return {
        node.name: (None if isinstance(node.op, Call) else node.op, _weights(node, graph))
        for node in graph.nodes
    }


def _told(nodes: Sequence[Node], other: Graph) -> Sequence[Node]:
    """Those that are another operator, or if there is none those that have other weights."""
    ops = {node.name: node.op for node in other.nodes}
    return [node for node in nodes if ops.get(node.name) != node.op] or nodes


def _layer(node: Node, graph: Graph) -> Layer:
    assert isinstance(node.op, Op)
    types = graph.types
    return Layer(node.name, node.op, tuple(types[name] for name in node.inputs))


def _weights(node: Node, graph: Graph) -> dict[str, tuple[int, ...]]:
    if isinstance(node.op, Call):
        return {}
    layer = _layer(node, graph)
    return {weight.name: weight.shape for weight in layer.op.weights(*layer.inputs)}


def part(graph: Graph, nodes: Sequence[Node]) -> Graph:
    """Some nodes of a graph as one of their own; what others read of them are its outputs."""
    types = graph.types
    made = [value.name for node in nodes for value in node.outputs]
    read = dict.fromkeys(name for node in nodes for name in node.inputs)
    inputs = tuple(Value(name, types[name]) for name in read if name not in made)
    outputs = tuple(Output(name, name) for name in made if name not in read)
    return Graph("part", "part", (), inputs, tuple(nodes), outputs)
