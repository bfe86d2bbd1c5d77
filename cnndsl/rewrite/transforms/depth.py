"""Depth: runs of units made longer or shorter, ⌈factor · n⌉ units in place of n.

A run is a chain of calls of one block that all give the same type. New units stand behind its
last one and are like it; what is inside of units stays. A unit that stands alone is a run too,
unless it has runs inside. If it changes the type of its input it cannot be repeated; then its
block is elaborated again, for what the unit gives: whether that one has a residual connection
or how narrow its gate is, the block knows best.
"""

from __future__ import annotations

from math import ceil

from ...graph import Call, Graph, Module, Node, Value
from ...op import Op
from ...record import Record, replace
from . import Transformed, Untransformed, arguments, transform
from .further import further
from .rebuild import changes, rebuilt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...namespace import Library
    from ..places import Places
    from ..rule import Rewrite
    from .rebuild import Path


@transform
def depth(module: Module, rewrite: Rewrite, places: Places) -> Transformed:
    """`depth(1.2)`: runs of n units have ⌈1.2 · n⌉, and new units begin fresh."""
    factor = arguments(rewrite)["factor"]
    after = deepened(module, rewrite.namespace.library, places, factor)
    return Transformed(after, changes(module, after))


def deepened(module: Module, library: Library, places: Places, factor: float) -> Module:
    """The module with the runs at some places so much longer. Raises Untransformed."""
    growth = _Growth(module, library, places, factor)
    after = rebuilt(growth.module, growth.edit)
    if not growth.meant:
        raise Untransformed("no whole run of units stands there that could be repeated")
    return after


class Run(Record):
    """Units in a row, and the call of a further one."""

    units: tuple[Node, ...]
    next: Op | Call


class _Growth:
    """Runs found once for each function, and then extended wherever it stands.

    Attributes:
        module: with the functions of further units.
        units: the paths of all units, old and new.
        meant: how many runs there are at the places.
    """

    def __init__(self, module: Module, library: Library, places: Places, factor: float) -> None:
        self.places = places
        self.factor = factor
        self.units: set[Path] = set()
        self.meant = 0
        found = _Runs(module, library)
        self.runs = {graph.name: list(found.of(graph)) for graph in module.functions}
        self.module = replace(module, functions=(*found.new, *module.functions))

    def edit(self, path: Path, graph: Graph) -> Graph:
        """A function at a place, its runs as long as they are to be."""
        if any(path[:i] in self.units for i in range(1, len(path) + 1)):
            return graph
        for run in self.runs[graph.name]:
            self.units.update((*path, unit.name) for unit in run.units)
            if all(self.places.contains(path, unit.name) for unit in run.units):
                graph = self._resized(path, graph, run)
                self.meant += 1
        return graph

    def _resized(self, path: Path, graph: Graph, run: Run) -> Graph:
        count = ceil(self.factor * len(run.units))
        if count <= len(run.units):
            return _without(graph, run.units[count:], run.units[count - 1])
        last = run.units[-1]
        taken = {node.name for node in graph.nodes} | graph.types.keys()
        more: list[Node] = []
        for _ in range(count - len(run.units)):
            before = more[-1] if more else last
            name = _free(last.name, taken)
            output = Value(name, last.outputs[0].type)
            inputs = (before.outputs[0].name,)
            more.append(replace(last, name=name, op=run.next, inputs=inputs, outputs=(output,)))
            self.units.add((*path, name))
        return _behind(graph, last, more)


def _free(base: str, taken: set[str]) -> str:
    number = 2
    while f"{base}_{number}" in taken:
        number += 1
    taken.add(f"{base}_{number}")
    return f"{base}_{number}"


def _without(graph: Graph, gone: Sequence[Node], last: Node) -> Graph:
    """The graph without the end of a run; who read it reads what is the last unit now."""
    names = {node.name for node in gone}
    kept = tuple(node for node in graph.nodes if node.name not in names)
    given = {node.outputs[0].name: last.outputs[0].name for node in gone}
    return _reading(replace(graph, nodes=kept), given)


def _behind(graph: Graph, last: Node, more: Sequence[Node]) -> Graph:
    """The graph with further units, each on a row of its own."""
    graph = _reading(graph, {last.outputs[0].name: more[-1].outputs[0].name})
    nodes: list[Node] = []
    below = 0
    for node in graph.nodes:
        nodes.append(replace(node, row=node.row + below))
        if node.name == last.name:
            nodes += [replace(unit, row=last.row + i) for i, unit in enumerate(more, 1)]
            below = len(more)
    return replace(graph, nodes=tuple(nodes))


def _reading(graph: Graph, given: dict[str, str]) -> Graph:
    """The graph with other values in place of some."""

    def now(name: str) -> str:
        return given.get(name, name)

    nodes = tuple(replace(node, inputs=tuple(map(now, node.inputs))) for node in graph.nodes)
    outputs = tuple(replace(output, value=now(output.value)) for output in graph.outputs)
    labels = tuple((label, now(value)) for label, value in graph.labels)
    return replace(graph, nodes=nodes, outputs=outputs, labels=labels)


class _Runs:
    """The runs of a module, and functions for the units that they lack.

    Attributes:
        new: the functions of further units.
    """

    def __init__(self, module: Module, library: Library) -> None:
        self.module = module
        self.library = library
        self.functions = module.by_name
        self.names = {*self.functions}
        self.new: list[Graph] = []

    def of(self, graph: Graph) -> Iterator[Run]:
        """The runs of a function that can be continued."""
        types = graph.types
        for units in self._chains(graph):
            last = units[-1]
            if len(units) == 1 and self._has_rows(self._callee(last)):
                continue
            if types[last.inputs[0]] == last.outputs[0].type:
                yield Run(tuple(units), last.op)
            elif (call := self._further(last)) is not None:
                yield Run(tuple(units), call)

    def _chains(self, graph: Graph) -> list[list[Node]]:
        """Calls of one block in a row that give the same type, each with weights of its own."""
        lent = {node.weights for node in graph.nodes}
        found: list[list[Node]] = []
        for node in graph.nodes:
            alone = node.weights is None and node.name not in lent
            simple = len(node.inputs) == len(node.outputs) == 1
            if not (isinstance(node.op, Call) and alone and simple):
                continue
            if found and self._continues(found[-1][-1], node):
                found[-1].append(node)
            else:
                found.append([node])
        return found

    def _has_rows(self, graph: Graph) -> bool:
        """Whether there are units in a row, in a function or in what it calls."""
        inner = (self._callee(node) for node in graph.nodes if isinstance(node.op, Call))
        return any(len(units) > 1 for units in self._chains(graph)) or any(
            map(self._has_rows, inner)
        )

    def _continues(self, before: Node, node: Node) -> bool:
        return (
            node.inputs == (before.outputs[0].name,)
            and node.outputs[0].type == before.outputs[0].type
            and self._callee(node).definition == self._callee(before).definition
        )

    def _callee(self, node: Node) -> Graph:
        assert isinstance(node.op, Call)
        return self.functions[node.op.function]

    def _further(self, unit: Node) -> Call | None:
        """The call of a unit that reads what this one gives; None if its block gives no such."""
        made = further(unit, self.module, self.library)
        if made is None:
            return None
        names: dict[str, str] = {}
        for function in made.functions:
            nodes = tuple(
                replace(n, op=Call(names[n.op.function])) if isinstance(n.op, Call) else n
                for n in function.nodes
            )
            names[function.name] = name = _free(function.name, self.names)
            self.new.append(replace(function, name=name, nodes=nodes))
        op = made.graph.nodes[0].op
        assert isinstance(op, Call)
        return Call(names[op.function])
