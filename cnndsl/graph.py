"""The intermediate representation on one page: a module of typed graphs.

A `Module` holds functions: one graph for each specialised block and one for the
model's main flow. A node applies an operator or calls a function. Nodes stand in
topological order; every value has a name that is unique in its graph and a type.
Everything is immutable: a pass builds a new graph.
"""

from __future__ import annotations

from .history import NOTHING, History
from .op import Op
from .record import Record
from .source import Span
from .symbol import Size
from .types import TensorType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    import networkx


class Value(Record):
    """A named, typed value: an input of a graph or a result of a node."""

    name: str
    type: TensorType


class Call(Record):
    """A call of another function of the module: a block at its place of use."""

    function: str


class Node(Record):
    """One operator or call.

    Arguments:
        name: unique in the graph; weights, reports and emitted code use it. The first
            result has the same name unless the results are labelled.
        op: what is applied.
        inputs: names of the values it reads, in order.
        outputs: its results.
        row: the statement it came from, counted in the graph. `conv 3x3, 64, bn, relu` is
            one row with three nodes.
        label: the user's label of that statement, if it has one.
        region: names of the stages around it, outermost first.
        weights: name of an earlier node whose weights it uses, if it has none of its own.
        span: the statement.
    """

    name: str
    op: Op | Call
    inputs: tuple[str, ...]
    outputs: tuple[Value, ...]
    row: int = 0
    label: str | None = None
    region: tuple[str, ...] = ()
    weights: str | None = None
    span: Span | None = None


class Output(Record):
    """A result of a graph.

    Arguments:
        name: what the user calls it.
        value: the value it gives.
        training: computed in training only (auxiliary heads).
        weight: factor of its loss in training.
    """

    name: str
    value: str
    training: bool = False
    weight: float = 1.0


class Graph(Record):
    """A function: the main flow of a model, or a block for given arguments and input types.

    Arguments:
        name: unique in the module.
        definition: the block or model it comes from.
        arguments: the values of the definition's parameters, in their order.
        inputs, nodes, outputs: the graph, nodes in topological order.
        labels: the value that each label names.
        span: the definition.
    """

    name: str
    definition: str
    arguments: tuple[tuple[str, object], ...]
    inputs: tuple[Value, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[Output, ...]
    labels: tuple[tuple[str, str], ...] = ()
    span: Span | None = None

    @property
    def types(self) -> dict[str, TensorType]:
        """The type of every value by its name."""
        values = {value.name: value.type for value in self.inputs}
        for node in self.nodes:
            values.update((value.name, value.type) for value in node.outputs)
        return values

    @property
    def producers(self) -> dict[str, Node]:
        """The node that makes each value; the graph's inputs are not in it."""
        return {value.name: node for node in self.nodes for value in node.outputs}

    @property
    def output_types(self) -> tuple[TensorType, ...]:
        types = self.types
        return tuple(types[output.value] for output in self.outputs)

    def to_networkx(self) -> networkx.MultiDiGraph:
        """The graph for networkx's algorithms.

        Nodes are named as here, inputs and outputs (`output:NAME`) are nodes too, with
        the record as attribute `node`. An edge has the keys `port` (which result),
        `argument` (which input) and `type`.
        """
        from networkx import MultiDiGraph

        result = MultiDiGraph(name=self.name)
        origin: dict[str, tuple[str, int]] = {}
        types = self.types
        for value in self.inputs:
            result.add_node(value.name, node=value)
            origin[value.name] = (value.name, 0)
        for node in self.nodes:
            result.add_node(node.name, node=node)
            origin.update((v.name, (node.name, port)) for port, v in enumerate(node.outputs))
            for argument, name in enumerate(node.inputs):
                source, port = origin[name]
                key = (port, argument)
                attributes = {"port": port, "argument": argument, "type": types[name]}
                result.add_edge(source, node.name, key, **attributes)
        for output in self.outputs:
            target = f"output:{output.name}"
            result.add_node(target, node=output)
            source, port = origin[output.value]
            attributes = {"port": port, "argument": 0, "type": types[output.value]}
            result.add_edge(source, target, (port, 0), **attributes)
        return result


class Constraint(Record):
    """A condition on symbolic input sizes: `left == right`, or `left >= 1` when right is None."""

    left: Size
    right: Size | None
    reason: str
    span: Span | None = None


class Module(Record):
    """A compiled model.

    Arguments:
        name: the model.
        functions: every graph, callees before callers; the last one is the main flow.
        dialect: name of the dialect it was elaborated in.
        source: where the architecture was published, as the spec says.
        constraints: conditions on the symbolic sizes of the input.
        history: the rules that rewrote it.
    """

    name: str
    functions: tuple[Graph, ...]
    dialect: str = "torch"
    source: str = ""
    constraints: tuple[Constraint, ...] = ()
    history: History = NOTHING

    @property
    def main(self) -> Graph:
        return self.functions[-1]

    @property
    def by_name(self) -> dict[str, Graph]:
        return {function.name: function for function in self.functions}

    def walk(self) -> Iterator[tuple[Graph, Node]]:
        """Every node of every function, each function once."""
        for function in self.functions:
            for node in function.nodes:
                yield function, node


def inference_graph(graph: Graph) -> Graph:
    """The graph without training outputs and without what only they need."""
    outputs = tuple(output for output in graph.outputs if not output.training)
    return graph if len(outputs) == len(graph.outputs) else living(graph, outputs)


def living(graph: Graph, outputs: tuple[Output, ...]) -> Graph:
    """The graph with these outputs alone, without what none of them needs."""
    from .record import replace

    needed = {output.value for output in outputs}
    kept: list[Node] = []
    for node in reversed(graph.nodes):
        if any(value.name in needed for value in node.outputs):
            needed.update(node.inputs)
            kept.append(node)
    return replace(graph, nodes=tuple(reversed(kept)), outputs=outputs)
