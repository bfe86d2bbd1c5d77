"""Outputs: which need no declaration, and where the others are declared."""

from __future__ import annotations

import itertools
import re

from cnndsl.graph import Graph
from cnndsl.syntax import Argument, Output

from .literal import AT, name, number, positional
from .structure import Ending, Step, made

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from cnndsl.graph import Output as Result


def is_plain(title: str) -> bool:
    """Whether it is the name of an output that nobody named."""
    return re.fullmatch(r"output(?:_\d+)?", title) is not None


def has_plain_ends(graph: Graph) -> bool:
    """Whether the end of the flow gives the outputs: they come first and nobody named them."""
    ends = [output for output in graph.outputs if not output.training]
    count = len(ends)
    names = ["output"] if count == 1 else [f"output_{i + 1}" for i in range(count)]
    return [output.name for output in graph.outputs[:count]] == names


def declared(output: Result) -> Output:
    """`output aux1, training, weight=0.3`"""
    is_bare = output.name == "output" and not output.training
    arguments = [] if is_bare else [positional(name(output.name))]
    if output.training:
        arguments.append(positional(name("training")))
    if output.weight != 1:
        arguments.append(Argument("weight", number(output.weight), AT))
    return Output(tuple(arguments), AT)


def declared_in_place(graph: Graph) -> tuple[Result, ...]:
    """The outputs of training that are declared where they are made, not at the end.

    Outputs keep their order, and those at the end of the flow, which are not declared, come
    first. So it is all behind these, or all before the first output that is declared.
    """
    if has_plain_ends(graph):
        return tuple(output for output in graph.outputs if output.training)
    return tuple(itertools.takewhile(lambda output: output.training, graph.outputs))


def with_endings(
    items: Sequence[Step], graph: Graph, outputs: Sequence[Result]
) -> list[Step | Ending]:
    """The items with declarations of outputs, each behind what makes it, in their order."""
    known = {value.name for value in graph.inputs}
    waiting = list(outputs)
    result: list[Step | Ending] = []
    for item in (None, *items):
        if item is not None:
            result.append(item)
            known.update(value for inner in made([item]) for value in inner.gives)
        while waiting and waiting[0].value in known:
            region = item.region if item is not None else ()
            result.append(Ending(waiting.pop(0), region))
    return result
