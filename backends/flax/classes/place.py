"""Every function of a module gets its class.

Families are worked through callees first, because a step that is a call names the class it
calls. What cannot share a class after all, as only building it shows, is taken apart and tried
again in smaller pieces.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cnndsl.graph import Graph, Module

from ..classifier import classifiers
from ..code import Differs
from ..naming import IMPORTED, Names, class_name
from ..plan import plan
from ..planned import ClassPlan, FunctionPlan, Placed
from .build import build
from .clusters import Cluster, alone, clusters, pieces
from .families import families, telling_name


def classes_of(module: Module) -> tuple[list[ClassPlan], dict[str, Placed]]:
    """The classes of a module, callees first, and what became of each function."""
    placed: dict[str, Placed] = {}
    classes: list[ClassPlan] = []
    names = Names([*IMPORTED, class_name(module.name)])
    layers = classifiers(module)
    for graphs in families(module):
        plans = [plan(graph, placed, layers.get(graph.name, frozenset())) for graph in graphs]
        if graphs[0] is module.main:
            built = [build(alone(plans), class_name(module.name), is_model=True)]
        else:
            placed.update((one.graph.name, _without_class(one)) for one in plans if one.empty)
            same = [g for g in module.functions if g.definition == graphs[0].definition]
            found = clusters([one for one in plans if not one.empty])
            built = list(_build_all(found, same, names))
        for cls in built:
            placed.update((one.graph.name, Placed(cls, i)) for i, one in enumerate(cls.copies))
        classes += built
    return classes, placed


def _without_class(one: FunctionPlan) -> Placed:
    """A function that gives its inputs as they are: calls of it are left out."""
    inputs = [value.name for value in one.graph.inputs]
    return Placed(None, 0, tuple(inputs.index(value) for value in one.outputs))


def _build_all(
    found: Sequence[Cluster], same: Sequence[Graph], names: Names
) -> Iterator[ClassPlan]:
    """The classes of one family; what cannot share a class after all is taken apart.

    Arguments:
        same: every function of the definition.
        names: of all classes.
    """
    for cluster in found:
        name = names.new(telling_name([one.graph for one in cluster.copies], same), "")
        try:
            yield build(cluster, name, taken=names.taken)
        except Differs:
            names.taken.discard(name)
            yield from _build_all(pieces(cluster), same, names)
