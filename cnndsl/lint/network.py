"""A network as rules see it: one graph without calls, and who makes and reads each value."""

from __future__ import annotations

from functools import cached_property

from ..graph import Call, Node
from ..ops.activation import Activation, Times
from ..ops.norm import Bn, LayerScale
from ..ops.regular import Mask
from ..passes.flatten import unfold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..driver import Compiled
    from ..graph import Graph
    from ..op import Op
    from ..source import Source, Span
    from ..types import TensorType


class Network:
    """One model, as it was written: rules that rewrite it come later.

    Arguments:
        compiled: the model.
        source: the text that is linted; what others define is seen where it asks for it.
    """

    def __init__(self, compiled: Compiled, source: Source) -> None:
        self.compiled = compiled
        self.module = compiled.elaborated.module
        self.name = self.module.name
        self.graph: Graph
        self.graph, self._paths = unfold(self.module)
        self.types = self.graph.types
        self.producers = self.graph.producers
        self.outputs = {output.value for output in self.graph.outputs}
        self.position = {node.name: i for i, node in enumerate(self.graph.nodes)}
        self._source = source
        found = compiled.namespace.model(self.name)
        assert found is not None
        self.definition = found[0].name.span
        self._before: dict[tuple[str, tuple[type[Op], ...]], Node | None] = {}
        self._sites: dict[tuple[str, ...], Span | None] = {}

    @cached_property
    def readers(self) -> dict[str, list[Node]]:
        """The nodes that read each value."""
        readers: dict[str, list[Node]] = {}
        for node in self.graph.nodes:
            for value in node.inputs:
                readers.setdefault(value, []).append(node)
        return readers

    def inputs(self, node: Node) -> tuple[TensorType, ...]:
        return tuple(self.types[value] for value in node.inputs)

    def op(self, node: Node) -> Op:
        assert not isinstance(node.op, Call)
        return node.op

    def operators(self) -> Iterator[tuple[Node, Op]]:
        """Every node with its operator, in order."""
        for node in self.graph.nodes:
            yield node, self.op(node)

    def before(self, value: str, *through: type[Op]) -> Node | None:
        """What makes a value, looking through operators of these classes."""
        passed: list[str] = []
        while (value, through) not in self._before:
            passed.append(value)
            node = self.producers.get(value)
            if node is None or not isinstance(node.op, through):
                self._before[value, through] = node
            else:
                value = node.inputs[0]
        found = self._before[value, through]
        for value in passed:  # long chains are asked about at every link
            self._before[value, through] = found
        return found

    def span(self, node: Node) -> Span:
        """Where a node is written."""
        assert node.span is not None
        return node.span

    def site(self, node: Node) -> Span:
        """Where the text asks for a node: its statement, the call that leads to it, the model."""
        if self.is_own(node.span):
            return self.span(node)
        return self._call(self._paths[node.name][:-1]) or self.definition

    def is_own(self, span: Span | None) -> bool:
        return span is not None and span.source is self._source

    def _call(self, path: tuple[str, ...]) -> Span | None:
        """The innermost of the text's own calls on a path of calls."""
        if path not in self._sites:
            nodes = {node.name: node for node in self._caller(path).nodes} if path else {}
            span = nodes[path[-1]].span if path else None
            self._sites[path] = span if not path or self.is_own(span) else self._call(path[:-1])
        return self._sites[path]

    def _caller(self, path: tuple[str, ...]) -> Graph:
        """The function in which the last call of a path stands."""
        graph = self.module.main
        functions = self.module.by_name
        for name in path[:-1]:
            call = next(node for node in graph.nodes if node.name == name).op
            assert isinstance(call, Call)
            graph = functions[call.function]
        return graph


POINTWISE = (Activation, Bn, LayerScale, Mask)
"""Operators whose outputs read the inputs at their own positions."""

LINEAR_POINTWISE = (Bn, LayerScale, Mask, Times)
"""Those of them that are linear in inference."""
