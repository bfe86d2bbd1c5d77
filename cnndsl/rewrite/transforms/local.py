"""Transforms of operators with any number of inputs or outputs, which no equation can name.

    @local
    def hoist_over_split(view):
        for node in view.graph.nodes:
            ...
            yield replaced(view, removed, nodes, gives)

Such a transform looks at one function at a time and tells what takes the place of what, as an
equation would; the rest, places and copies and the journal, is the same for both.
"""

from __future__ import annotations

from ...graph import Graph, Node, Output, Value
from ...record import replace
from ..hierarchy import rewritten
from ..placing import Replacement
from ..view import Match, View
from . import Transformed, transform

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ...graph import Module
    from ..places import Places
    from ..rule import Rewrite
    from . import Transform

    Finder = Callable[[View], Iterator[Replacement]]


def local(find: Finder) -> Transform:
    """Register a transform by what it finds in a function. Of two that overlap the first counts."""

    def run(module: Module, rewrite: Rewrite, places: Places) -> Transformed:
        views = [View(graph, module) for graph in module.functions]
        sites = {view.graph.name: _apart(view, find(view)) for view in views}
        if not any(sites.values()):
            return Transformed(module)
        after, moves = rewritten(module, sites, places)
        return Transformed(after, tuple(moves))

    run.__name__ = find.__name__
    return transform(run)


def _apart(view: View, found: Iterator[Replacement]) -> list[Replacement]:
    """Those that touch none before them, nor what it begins to read."""
    touched: set[str] = set()
    needed: set[str] = set()
    kept = []
    for new in found:
        removed, needs = {*new.match.removed}, _needs(view, new)
        if removed & (touched | needed) or needs & touched:
            continue
        touched |= removed
        needed |= needs
        kept.append(new)
    return kept


def _needs(view: View, new: Replacement) -> set[str]:
    """The makers of values that only the new side reads: nothing says what takes their place."""
    read = {name for node in new.right.nodes for name in node.inputs}
    read |= {output.value for output in new.right.outputs}
    fresh = read - {name for node in new.left.nodes for name in node.inputs}
    return {view.producers[name].name for name in fresh if name in view.producers} - {
        *new.match.removed
    }


def replaced(
    view: View, removed: Sequence[Node], nodes: Sequence[Node], gives: Mapping[str, str]
) -> Replacement:
    """New operators in place of old ones without weights.

    Arguments:
        gives: for each value of old operators that others read, the one in its place.
    """
    made = {value.name for node in removed for value in node.outputs}
    read = dict.fromkeys(name for node in removed for name in node.inputs if name not in made)
    inputs = tuple(Value(name, view.types[name]) for name in read)
    outputs = tuple(Output(name, name) for name in gives)
    left = Graph("left", "left", (), inputs, tuple(removed), outputs)
    right = replace(
        left,
        name="right",
        definition="right",
        nodes=tuple(replace(node, row=row) for row, node in enumerate(nodes)),
        outputs=tuple(Output(name, new) for name, new in gives.items()),
    )
    names = tuple(node.name for node in removed)
    match = Match(view.graph.name, names, ((),) * len(names), (), ())
    return Replacement(match, right.nodes, tuple(gives.items()), (), left, right, (), ())


def free(view: View, wanted: str) -> str:
    """The name, with a number behind it when an operator or a value has it already."""
    name, number = wanted, 1
    while name in view.nodes or name in view.types:
        number += 1
        name = f"{wanted}_{number}"
    return name
