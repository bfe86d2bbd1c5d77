"""A function as rules see it, and what they find in it: a match, or why there is none."""

from __future__ import annotations

from functools import cached_property

from ..record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..graph import Graph, Module, Node
    from ..passes.bounds import Bounds
    from ..source import Span
    from ..types import TensorType
    from .pattern import PatternNode


class Refusal(Record):
    """Why a rule does not apply somewhere.

    Arguments:
        node: name of the operator where it came to nothing.
        reason: half a sentence: `the stride is 2, the rule says 1`.
        progress: how much had fitted before; the furthest refusal is the one to tell.
    """

    function: str
    node: str
    reason: str
    progress: float
    span: Span | None = None


class Match(Record):
    """A left side found in a function.

    Arguments:
        nodes: the matched operators, in the order of the pattern.
        chains: for each, the norms and activations behind it that belong to it.
        values: the graph's value for each value of the pattern.
        holes: what the holes stand for.
    """

    function: str
    nodes: tuple[str, ...]
    chains: tuple[tuple[str, ...], ...]
    values: tuple[tuple[int, str], ...]
    holes: tuple[tuple[str, object], ...]

    @property
    def removed(self) -> tuple[str, ...]:
        """Everything that goes away."""
        return (*self.nodes, *(name for chain in self.chains for name in chain))

    def value(self, number: int) -> str:
        return dict(self.values)[number]

    def operands(self, pattern: PatternNode) -> tuple[str, ...]:
        """The values that a pattern's operator joins here."""
        return tuple(map(self.value, pattern.inputs))

    def others(self, pattern: PatternNode, node: Node) -> tuple[str, ...]:
        """Further terms of a sum, of which the rule says nothing."""
        rest = list(node.inputs)
        for value in self.operands(pattern):
            rest.remove(value)
        return tuple(rest)


class View:
    """A function with what matching asks for again and again."""

    def __init__(self, graph: Graph, module: Module) -> None:
        self.graph = graph
        self.functions = module.by_name
        self.module = module
        self.types = graph.types
        self.nodes = {node.name: node for node in graph.nodes}
        self.order = {name: number for number, name in enumerate(self.nodes)}
        self.producers = graph.producers
        self.consumers: dict[str, list[Node]] = {}
        for node in graph.nodes:
            for value in dict.fromkeys(node.inputs):
                self.consumers.setdefault(value, []).append(node)
        self.outputs = {output.value for output in graph.outputs}
        self.lent = {node.weights for node in graph.nodes if node.weights is not None}

    @cached_property
    def bounds(self) -> dict[str, Bounds]:
        """Between which numbers its values lie."""
        from ..passes.bounds import bounds

        return bounds(self.graph, self.module)

    def inputs(self, node: Node) -> tuple[TensorType, ...]:
        return tuple(self.types[value] for value in node.inputs)

    def next(self, value: str) -> Node | None:
        """The only consumer of a value that nobody else sees."""
        users = self.consumers.get(value, [])
        alone = len(users) == 1 and value not in self.outputs
        return users[0] if alone and users[0].inputs.count(value) == 1 else None
