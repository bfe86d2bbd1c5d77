"""The layers of a module as `pairing` sees them, those for training among them."""

from __future__ import annotations

from ...graph import Call, Graph, Module
from ...passes.flatten import flatten
from ...record import Record, replace
from ..ours import trace_of, with_training

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from ...source import Span
    from ..trace import Step, Trace

    Statement = tuple[Span | None, ...]


class Own(Record):
    """A layer of ours.

    Arguments:
        name: in the flat module.
        step: its place in the trace; the first one of several that share its weights.
        inference: whether it is used in inference.
        earlier: which of our layers it depends on.
        groups: the calls, stages and statements that it belongs to.
        branches: the branches of joins that it belongs to, each the join and a number.
        statement: the calls down to it and its own statement, outermost first.
    """

    name: str
    step: int
    inference: bool
    earlier: frozenset[int]
    groups: tuple[Hashable, ...]
    statement: Statement
    branches: tuple[tuple[int, int], ...] = ()


class Ours:
    """The layers of a module, each once, in order of execution.

    Arguments:
        module: the model.
        trace: what it computes, with the outputs that only training has.
        layers: its layers.
    """

    def __init__(self, module: Module) -> None:
        everything = with_training(module)
        self.module = module
        self.trace = trace_of(everything)
        self.layers = tuple(_layers(module, everything, self.trace))

    def step(self, layer: int) -> Step:
        return self.trace.steps[self.layers[layer].step]


def _layers(module: Module, everything: Module, trace: Trace) -> list[Own]:
    needed = trace_of(module).pruned().slots
    about = {name: (groups, said) for name, groups, said in _places(everything)}
    found: list[Own] = []
    number: dict[Hashable, int] = {}
    behind: list[frozenset[int]] = [frozenset() for _ in trace.inputs]
    branches: dict[int, list[tuple[int, int]]] = {}
    for position, step in enumerate(trace.steps):
        read = [behind[value] for value in step.inputs]
        earlier = frozenset[int]().union(*read)
        for index, layers in enumerate(read if len(read) > 1 else ()):
            for layer in layers.difference(*read[:index], *read[index + 1 :]):
                branches.setdefault(layer, []).append((position, index))
        if step.weights:
            key = step.weights[0].key
            if key not in number:
                number[key] = len(found)
                groups, said = about[step.name]
                found.append(Own(step.name, position, key in needed, earlier, groups, said))
            earlier |= {number[key]}
        behind.append(earlier)
    return [replace(own, branches=tuple(branches.get(i, ()))) for i, own in enumerate(found)]


def _places(module: Module) -> Iterator[tuple[str, tuple[Hashable, ...], Statement]]:
    """Each operator of the flat module: its groups, and its statement with those of its calls."""
    functions = module.by_name

    def visit(graph: Graph, calls: Statement) -> Iterator[Statement]:
        for node in graph.nodes:
            if isinstance(node.op, Call):
                yield from visit(functions[node.op.function], (*calls, node.span))
            else:
                yield (*calls, node.span)

    for node, said in zip(flatten(module).nodes, visit(module.main, ()), strict=True):
        regions = (node.region[: depth + 1] for depth in range(len(node.region)))
        yield node.name, (*regions, node.row), said
