"""Auxiliary classifiers: a head at an inner value that exists in training only.

    googlenet(aux=false) with aux_head(auxiliary(1000), weight=0.3) at "4a, 4d"

What inference computes stays as it was, so no equation of two fragments is needed: a block
is elaborated on the value, and its result is one more output. Convolutions of the head have
behind them what most of the network's have, where they say nothing themselves.
"""

from __future__ import annotations

from ...elaborate.fragment import elaborate_fragment
from ...elaborate.models import dialect_defaults
from ...graph import Call, Graph, Module, Node, Output, Value
from ...op import Op
from ...record import Record, replace
from ...syntax import Apply, Body, Name
from ..calls import shown
from ..hierarchy import needed
from ..moves import Layer, Move
from ..places import Places
from . import Transformed, Untransformed, arguments, transform
from .further import home_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from ..rule import Rewrite


@transform
def insert_head(module: Module, rewrite: Rewrite, places: Places) -> Transformed:
    """One head behind each of the places."""
    if places.everywhere:
        raise Untransformed(f"it needs a place: `{rewrite.text} at 4a`")
    given = arguments(rewrite)
    moves: list[Move] = []
    for part in places.text.split(","):
        node = _last(module, Places(module, part))
        head = _elaborated(module, rewrite, node, given)
        module, move = _grown(module, head, node, given["weight"])
        moves.append(move)
    return Transformed(module, tuple(moves))


def _last(module: Module, place: Places) -> Node:
    """The last operator of the main flow at a place."""
    found = [node for node in module.main.nodes if place.contains((), node.name)]
    if not found:
        raise Untransformed(f"`{place.text.strip()}` is inside of a block, heads are outside")
    return found[-1]


class Head(Record):
    """A head on its own: a graph with one input, and the functions that it calls."""

    graph: Graph
    functions: tuple[Graph, ...]


def _elaborated(module: Module, rewrite: Rewrite, node: Node, given: Mapping[str, Any]) -> Head:
    span = rewrite.ref.rule.span
    body = Body((Apply((), Name("head", span), (), None, None, None, span),), span)
    usual = shown(module.functions, span, mostly=True)
    defaults = tuple((word, values) for word, values in usual if word != "fc")
    assert module.main.span is not None
    home = home_of(module.main.definition, module.main.span, rewrite.namespace.library)
    settings = dialect_defaults(module.dialect, home, span)
    inputs = [("x", node.outputs[0].type)]
    found = elaborate_fragment(
        body, rewrite.namespace, inputs, dict(given), settings, lambda statement: defaults
    )
    return Head(found.graph, found.functions)


def _grown(module: Module, head: Head, node: Node, weight: float) -> tuple[Module, Move]:
    """The module with a head behind an operator."""
    main = module.main
    functions, callees = _adopted(module, head.functions)
    taken = {*main.types} | {other.name for other in main.nodes}
    names = {head.graph.inputs[0].name: node.outputs[0].name}
    row = 1 + max(other.row for other in main.nodes)
    nodes: list[Node] = []
    for other in head.graph.nodes:
        name = _free(other.name, taken)
        taken.add(name)
        several = len(other.outputs) > 1
        outputs = tuple(
            Value(f"{name}_{i + 1}" if several else name, value.type)
            for i, value in enumerate(other.outputs)
        )
        names.update((old.name, new.name) for old, new in zip(other.outputs, outputs, strict=True))
        op = Call(callees[other.op.function]) if isinstance(other.op, Call) else other.op
        inputs = tuple(names[value] for value in other.inputs)
        nodes.append(replace(other, name=name, op=op, inputs=inputs, outputs=outputs,
                             row=row + other.row))  # fmt: skip
    known = {output.name for output in main.outputs}
    name = next(f"aux{i}" for i in range(1, 2 + len(known)) if f"aux{i}" not in known)
    output = Output(name, names[head.graph.outputs[0].value], training=True, weight=weight)
    after = replace(main, nodes=(*main.nodes, *nodes), outputs=(*main.outputs, output))
    grown = replace(module, functions=needed((*functions, after), after.name))
    return grown, _move(after, node, nodes, output)


def _adopted(
    module: Module, functions: Iterable[Graph]
) -> tuple[tuple[Graph, ...], dict[str, str]]:
    """All functions under names that are free, and the names of the new ones."""
    known = dict(module.by_name)
    names: dict[str, str] = {}
    for graph in functions:
        nodes = tuple(
            replace(n, op=Call(names[n.op.function])) if isinstance(n.op, Call) else n
            for n in graph.nodes
        )
        graph = replace(graph, nodes=nodes)
        same = [f for f in known.values() if replace(f, name="") == replace(graph, name="")]
        name = same[0].name if same else _free(graph.name, known)
        names[graph.name] = name
        known.setdefault(name, replace(graph, name=name))
    return tuple(known.values()), names


def _free(wanted: str, taken: Iterable[str]) -> str:
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted}_{number}"
    return name


def _move(main: Graph, node: Node, nodes: list[Node], output: Output) -> Move:
    """The journal's entry: the operator is still there, with a head beside it."""
    types = main.types
    inputs = tuple(Value(value, types[value]) for value in dict.fromkeys(node.inputs))
    value = node.outputs[0].name
    left = Graph("left", "left", (), inputs, (node,), (Output("output", value),))
    right = replace(left, name="right", definition="right", nodes=(node, *nodes),
                    outputs=(*left.outputs, output))  # fmt: skip
    layers = tuple(
        Layer(other.name, other.op, tuple(types[value] for value in other.inputs))
        for other in nodes
        if isinstance(other.op, Op)
    )
    created = tuple(other.name for other in nodes)
    return Move(main.name, (), layers, (), (node.name,), created, left, right, node.span)
