"""A graph under construction: names, types, nodes in order, warnings about windows."""

from __future__ import annotations

from .diagnostics import Diagnostic, error
from .graph import Call, Constraint, Graph, Node, Output, Value
from .leftover import left_out
from .op import Op
from .ops.conv import Conv, Deconv, DwConv
from .ops.norm import Bn
from .record import Record, replace
from .source import Span
from .symbol import Symbol
from .types import TensorType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

Flow = tuple[str, ...] | None
"""The values that flow from one statement to the next; None after an error."""


class Step(Record):
    """How a node of a labelled statement was made, so that `share` can make it again."""

    node: str
    again: Callable[[tuple[TensorType, ...]], Op | Call]


class Place(Record):
    """Where nodes are being added: the statement, its label and the stages around it."""

    span: Span
    label: str | None
    region: tuple[str, ...]


class GraphBuilder:
    """Collects the nodes of one graph. `expanded` counts its operators with all calls inlined."""

    def __init__(self) -> None:
        self.inputs: list[Value] = []
        self.nodes: list[Node] = []
        self.outputs: list[Output] = []
        self.types: dict[str, TensorType] = {}
        self.labels: dict[str, Flow] = {}
        self.steps: dict[str, list[Step]] = {}
        self.definitions: dict[str, Span] = {}
        self.origins: dict[str, Span] = {}
        self.row = 0
        self.expanded = 0
        self.constraints: dict[Constraint, None] = {}
        self.warnings: list[Diagnostic] = []
        self.reserved: frozenset[str] = frozenset()
        self._counters: dict[str, int] = {}

    def input(self, name: str, type: TensorType, span: Span | None = None) -> str:
        """Add an input; returns the name of its value."""
        unique = self.unique(name)
        self.inputs.append(Value(unique, type))
        self.types[unique] = type
        if span is not None:
            self.origins[unique] = span
        return unique

    def add(
        self,
        op: Op | Call,
        inputs: tuple[str, ...],
        types: tuple[TensorType, ...],
        place: Place,
        name: str,
        results: tuple[str, ...] = (),
        weights: str | None = None,
    ) -> tuple[str, ...]:
        """Add a node; returns the names of its values."""
        names = (name,) if len(types) == 1 else tuple(self.unique(result) for result in results)
        outputs = tuple(Value(n, t) for n, t in zip(names, types, strict=True))
        for value in outputs:
            self.types[value.name] = value.type
            self.origins[value.name] = place.span
        self.nodes.append(
            Node(
                name, op, inputs, outputs, self.row, place.label, place.region, weights, place.span
            )
        )
        if isinstance(op, Op):
            self._watch(op, tuple(self.types[i] for i in inputs), types, place.span)
        return names

    def unique(self, base: str) -> str:
        """`base`, or `base_2`, `base_3`, ... when it is taken."""
        name, number = base, max(self._counters.get(base, 1), 1)
        while name in self.types or name in self._counters:
            number += 1
            name = f"{base}_{number}"
        self._counters[base] = number
        self._counters.setdefault(name, 0)
        return name

    def numbered(self, word: str) -> str:
        """The next free name of a family: `conv1`, `conv2`, ..."""
        while True:
            self._counters[f"#{word}"] = number = self._counters.get(f"#{word}", 0) + 1
            name = f"{word}{number}"
            if name not in self.types and name not in self._counters and name not in self.reserved:
                self._counters[name] = 0
                return name

    def _watch(
        self, op: Op, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...], span: Span
    ) -> None:
        """Note what symbolic sizes must satisfy, and rows that a window leaves out."""
        for left, right in op.equations(*inputs):
            reason = f"`{op.word}` needs equal sizes"
            self.constraints.setdefault(Constraint(left, right, reason, span))
        for output in outputs:
            for size in output.shape:
                if isinstance(size, Symbol):
                    reason = f"the output of `{op.word}` is not empty"
                    self.constraints.setdefault(Constraint(size, None, reason, span))
        dropped = left_out(op, inputs[0], span)
        if dropped is not None:
            self.warnings.append(dropped)

    def finish(
        self, name: str, definition: str, arguments: tuple[tuple[str, object], ...], span: Span
    ) -> Graph:
        """The finished graph, with every undecided bias decided."""
        readers: dict[str, list[Op | Call]] = {}
        for node in self.nodes:
            for value in node.inputs:
                readers.setdefault(value, []).append(node.op)
        kept = {output.value for output in self.outputs}
        used = kept | readers.keys()
        for node in self.nodes:
            if not any(value.name in used for value in node.outputs):
                self.warnings.append(_unused(node))
        nodes = tuple(_with_bias(node, readers, kept) for node in self.nodes)
        labels = tuple(
            (label, flow[0]) for label, flow in self.labels.items() if flow and len(flow) == 1
        )
        return Graph(
            name,
            definition,
            arguments,
            tuple(self.inputs),
            nodes,
            tuple(self.outputs),
            labels,
            span,
        )


def _with_bias(node: Node, readers: dict[str, list[Op | Call]], kept: set[str]) -> Node:
    """A convolution that only batch norms read has no bias: the norm would cancel it."""
    op = node.op
    if not isinstance(op, (Conv, DwConv, Deconv)) or op.bias is not None:
        return node
    value = node.outputs[0].name
    users = readers.get(value, [])
    cancelled = bool(users) and value not in kept and all(isinstance(user, Bn) for user in users)
    return replace(node, op=replace(op, bias=not cancelled))


def _unused(node: Node) -> Diagnostic:
    what = f"`{node.label}`" if node.label else "this"
    return error(
        "W0401",
        f"nothing uses the value of {what}",
        node.span,
        "it is computed and counted all the same",
        help=["remove it, or join it to the flow, or make it an `output`"],
    )
