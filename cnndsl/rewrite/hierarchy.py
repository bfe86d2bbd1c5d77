"""Right sides put into a module of functions that call each other.

What is wanted everywhere rewrites each function once, however often it is called. What is
wanted at some places splits the functions that lie on the way to them: copies that are
rewritten alike stay one function.
"""

from __future__ import annotations

from ..graph import Call, Graph, Module
from ..op import Op
from ..record import replace
from .moves import Layer, Move
from .places import calls
from .placing import put_in_place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Protocol

    from .places import Path
    from .placing import Replacement
    from .view import Match

    class Where(Protocol):
        """Which operators are meant."""

        @property
        def everywhere(self) -> bool: ...

        def on(self, module: Module) -> Where:
            """The same places of another state of the module."""

        def contains(self, path: tuple[str, ...], node: str) -> bool: ...


def is_at(match: Match, path: Path, chosen: Where) -> bool:
    """Whether a match is wanted in the copy of its function at a path."""
    return all(chosen.contains(path, name) for name in match.nodes)


def rewritten(
    module: Module, sites: Mapping[str, Sequence[Replacement]], chosen: Where
) -> tuple[Module, list[Move]]:
    """The module with the replacements of each function, at some places or everywhere."""
    if chosen.everywhere:
        return _rewrite_definitions(module, sites)
    return _rewrite_places(module, sites, chosen)


def _rewrite_definitions(
    module: Module, sites: Mapping[str, Sequence[Replacement]]
) -> tuple[Module, list[Move]]:
    moves: list[Move] = []
    called = _Functions(module)
    functions: list[Graph] = []
    for graph in module.functions:
        found = sites[graph.name]
        if found:
            found = [called.adopt(new) for new in found]
            functions += called.take()
            graph = put_in_place(graph, found)
            moves += [_move(graph.name, new) for new in found]
        functions.append(graph)
    return replace(module, functions=needed(functions, module.main.name)), moves


def _rewrite_places(
    module: Module, sites: Mapping[str, Sequence[Replacement]], chosen: Where
) -> tuple[Module, list[Move]]:
    """Rewrite some copies: functions are split into as many as there are different fates."""
    split = _Split(module, sites, chosen)
    main = split.function(module.main, ())
    functions = tuple(split.functions.values())
    return replace(module, functions=needed(functions, main)), split.moves


class _Split:
    """Functions in as many versions as their copies need."""

    def __init__(
        self, module: Module, sites: Mapping[str, Sequence[Replacement]], chosen: Where
    ) -> None:
        self.module = module
        self.sites = sites
        self.chosen = chosen
        self.called = _Functions(module)
        self.functions: dict[str, Graph] = {}
        self.versions: dict[object, str] = {}
        self.moves: list[Move] = []

    def function(self, graph: Graph, path: tuple[str, ...]) -> str:
        """The name of the version of a function that stands at a path."""
        callees: dict[str, str] = {}
        for node, name in calls(graph):
            lender = callees.get(node.weights or "")
            inner = (*path, node.name)
            callees[node.name] = lender or self.function(self.module.by_name[name], inner)
        wanted = tuple(
            number
            for number, new in enumerate(self.sites[graph.name])
            if is_at(new.match, path, self.chosen)
        )
        key = graph.name, wanted, tuple(callees.items())
        if key not in self.versions:
            self.versions[key] = self.make(graph, wanted, callees)
        return self.versions[key]

    def make(self, graph: Graph, wanted: tuple[int, ...], callees: Mapping[str, str]) -> str:
        found = [self.called.adopt(self.sites[graph.name][number]) for number in wanted]
        for function in self.called.take():
            self.functions[function.name] = function
        nodes = tuple(
            replace(node, op=Call(callees[node.name])) if node.name in callees else node
            for node in graph.nodes
        )
        before = replace(graph, nodes=nodes, name=self.called.version(graph))
        after = put_in_place(before, found) if found else before
        self.functions[after.name] = after
        self.moves += [_move(after.name, new) for new in found]
        return after.name


class _Functions:
    """Names of functions, and those that right sides bring along."""

    def __init__(self, module: Module) -> None:
        self.known = dict(module.by_name)
        self.used: set[str] = set()
        self.new: list[Graph] = []

    def adopt(self, new: Replacement) -> Replacement:
        """The replacement with its callees under names that are free, or those of equal ones."""
        if not new.functions:
            return new
        renamed: dict[str, str] = {}
        for function in new.functions:
            moved = _recalled(function, renamed)
            same = next(
                (k for k in self.known.values() if replace(k, name="") == replace(moved, name="")),
                None,
            )
            if same is None:
                name = self.free(function.name)
                same = self.known[name] = replace(moved, name=name)
                self.new.append(same)
            renamed[function.name] = same.name
        nodes = tuple(
            replace(n, op=Call(renamed[n.op.function])) if isinstance(n.op, Call) else n
            for n in new.nodes
        )
        right = _recalled(new.right, renamed)
        return replace(new, nodes=nodes, functions=(), right=right)

    def take(self) -> list[Graph]:
        """Functions that came since the last time."""
        new, self.new = self.new, []
        return new

    def free(self, wanted: str) -> str:
        name, number = wanted, 1
        while name in self.known:
            number += 1
            name = f"{wanted}_{number}"
        return name

    def version(self, graph: Graph) -> str:
        """The name of the next version of a function: its own for the first."""
        if graph.name not in self.used:
            self.used.add(graph.name)
            return graph.name
        name = self.free(graph.definition)
        self.known[name] = graph
        return name


def _recalled(graph: Graph, names: Mapping[str, str]) -> Graph:
    nodes = tuple(
        replace(n, op=Call(names.get(n.op.function, n.op.function)))
        if isinstance(n.op, Call)
        else n
        for n in graph.nodes
    )
    return replace(graph, nodes=nodes)


def _move(function: str, new: Replacement) -> Move:
    first = next(node for node in new.left.nodes if node.name == new.match.nodes[0])
    return Move(
        function,
        _layers(new.left, new.layers),
        _layers(new.right, new.heirs),
        new.match.holes,
        new.match.removed,
        tuple(node.name for node in new.nodes),
        new.left,
        new.right,
        first.span,
    )


def _layers(graph: Graph, names: Sequence[str]) -> tuple[Layer, ...]:
    """Operators of one side with their input types."""
    types = graph.types
    nodes = {node.name: node for node in graph.nodes}
    return tuple(
        Layer(name, op, tuple(types[value] for value in nodes[name].inputs))
        for name in names
        if isinstance(op := nodes[name].op, Op)
    )


def needed(functions: Iterable[Graph], main: str) -> tuple[Graph, ...]:
    """The functions that the main one reaches, callees first."""
    by_name = {graph.name: graph for graph in functions}
    order: dict[str, Graph] = {}

    def visit(name: str) -> None:
        if name in order:
            return
        for _, callee in calls(by_name[name]):
            visit(callee)
        order[name] = by_name[name]

    visit(main)
    return tuple(order.values())


def function_at(module: Module, path: Sequence[str]) -> Graph | None:
    """The function at a path, or None when the path does not lead anywhere."""
    graph = module.main
    for name in path:
        callee = next((function for node, function in calls(graph) if node.name == name), None)
        if callee is None:
            return None
        graph = module.by_name[callee]
    return graph
