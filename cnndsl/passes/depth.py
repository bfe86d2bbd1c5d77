"""Depth: the greatest number of weighted layers on a path from an input to an output.

This is the number in a network's name: 16 in VGG-16, 50 in ResNet-50. Convolutions
and `fc` count (`op.weighted`), nothing else does, and training outputs are no
outputs. Each function is summarised once, as the longest path from each of its
inputs to each of its results; paths compose as a product of matrices over
(max, +), so calls are never expanded.
"""

from __future__ import annotations

from ..graph import Call, Graph, Module, Node

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Lengths = tuple[int | None, ...]
    """Longest path from each input of the function; None where there is no path."""


def depth(module: Module) -> int:
    """The number of weighted layers on the longest path of the main graph."""
    rows = zip(module.main.outputs, lengths(module), strict=True)
    found = (length for output, row in rows if not output.training for length in row)
    return max((length for length in found if length is not None), default=0)


def lengths(module: Module) -> tuple[Lengths, ...]:
    """The longest path of the main graph from each input (columns) to each output (rows)."""
    summaries: dict[str, tuple[Lengths, ...]] = {}
    for graph in module.functions:
        summaries[graph.name] = _summary(graph, summaries)
    return summaries[module.main.name]


def _summary(graph: Graph, summaries: Mapping[str, tuple[Lengths, ...]]) -> tuple[Lengths, ...]:
    """The longest path from each input (columns) to each output (rows)."""
    arity = len(graph.inputs)
    known: dict[str, Lengths] = {
        value.name: tuple(0 if i == k else None for i in range(arity))
        for k, value in enumerate(graph.inputs)
    }
    for node in graph.nodes:
        read = [known[name] for name in node.inputs]
        for value, row in zip(node.outputs, _rows(node, summaries), strict=True):
            known[value.name] = _longest(row, read, arity)
    return tuple(known[output.value] for output in graph.outputs)


def _rows(node: Node, summaries: Mapping[str, tuple[Lengths, ...]]) -> Sequence[Lengths]:
    """The length that the node itself adds between each input and each result."""
    if isinstance(node.op, Call):
        return summaries[node.op.function]
    return [(int(node.op.weighted),) * len(node.inputs)] * len(node.outputs)


def _longest(row: Lengths, read: Sequence[Lengths], arity: int) -> Lengths:
    """`max over k: row[k] + read[k][i]`, for each input i of the function."""
    best: list[int | None] = [None] * arity
    for step, lengths in zip(row, read, strict=True):
        if step is not None:
            best = [_later(old, new, step) for old, new in zip(best, lengths, strict=True)]
    return tuple(best)


def _later(best: int | None, length: int | None, step: int) -> int | None:
    """The longer of a path and another one that goes on for `step` layers."""
    if length is None:
        return best
    return length + step if best is None else max(best, length + step)
