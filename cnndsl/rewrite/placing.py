"""Putting right sides in place: names of new operators, rows, labels, the order of the graph."""

from __future__ import annotations

from heapq import heapify, heappop, heappush

from ..graph import Call, Graph, Node, Value
from ..record import Record, replace
from .pattern import LAYERS
from .view import Match, View

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence

    from .rule import Rewrite


class NotHere(Exception):
    """A rule does not apply at a site, for the reason that the text says."""


class Replacement(Record):
    """What takes the place of a match.

    Arguments:
        nodes: the new operators; their rows count from 0.
        gives: for each value that the match gave, the one in its place.
        functions: functions that the new operators call.
        left, right: both sides as graphs of their own, with the same inputs.
        layers: names of the old operators that have weights, in the order of the rule.
        heirs: names of the new ones, in order.
    """

    match: Match
    nodes: tuple[Node, ...]
    gives: tuple[tuple[str, str], ...]
    functions: tuple[Graph, ...]
    left: Graph
    right: Graph
    layers: tuple[str, ...]
    heirs: tuple[str, ...]


def named(
    rewrite: Rewrite, match: Match, view: View, right: Graph, taken: Container[str]
) -> dict[str, str]:
    """Names of the new operators: those of the old ones where they correspond.

    The name of a value that others read goes to the operator that gives it from now on.
    """
    assert rewrite.equation is not None
    sums = kept_sums(rewrite, match, view)
    removed = [view.nodes[name] for name in match.removed if name not in sums]
    free = {node.name for node in removed}
    pairs = zip(rewrite.equation.left.outputs, right.outputs, strict=True)
    makers = {
        match.value(number): right.producers[output.value].name
        for (_, number), output in pairs
        if output.value in right.producers
    }
    layers = [n.name for n in removed if _word(n) in LAYERS]
    fresh = [n.name for n in right.nodes if _word(n) in LAYERS]
    names: dict[str, str] = {}
    given: set[str] = set()
    numbers: dict[str, int] = {}

    def is_free(name: str, node: str) -> bool:
        if name in free:
            return makers.get(name, node) == node
        return name not in taken and name not in given

    def give(node: str, wanted: str) -> None:
        number = numbers.get(wanted, 1)
        name = wanted if number == 1 else f"{wanted}_{number}"
        while not is_free(name, node):
            number += 1
            name = f"{wanted}_{number}"
        if not any(old.startswith(wanted) for old in free):
            numbers[wanted] = number  # those below are taken for good
        given.add(name)
        free.discard(name)
        names[node] = name

    base = layers[0] if layers else match.nodes[0]
    if len(fresh) == len(layers):
        for node, name in zip(fresh, layers, strict=True):
            give(node, name)
    else:
        for number, node in enumerate(fresh):
            give(node, base if len(fresh) == 1 else f"{base}_{number + 1}")
    for other in reversed(right.nodes):
        if other.name in names:
            continue
        alike = [old.name for old in removed if _word(old) == _word(other) and old.name in free]
        give(other.name, alike[-1] if alike else f"{base}_{_word(other)}")
    return names


def _word(node: Node) -> str:
    return node.op.function if isinstance(node.op, Call) else node.op.word


def placed(
    rewrite: Rewrite, match: Match, view: View, right: Graph, names: Mapping[str, str]
) -> tuple[tuple[Node, ...], tuple[tuple[str, str], ...]]:
    """The new operators with their names, and what takes the place of each old value."""
    assert rewrite.equation is not None
    pattern = rewrite.equation.left
    given = (match.value(number) for _, number in pattern.inputs)
    values = {v.name: name for v, name in zip(right.inputs, given, strict=True)}
    for node in right.nodes:
        several = len(node.outputs) > 1
        for number, value in enumerate(node.outputs):
            name = names[node.name]
            values[value.name] = f"{name}_{number + 1}" if several else name
    first = view.nodes[match.nodes[0]]
    given_values = [match.value(number) for _, number in pattern.outputs]
    ends = {value: view.producers[value] for value in given_values if value in view.producers}
    producers = right.producers
    labels: dict[int, str | None] = {}
    gives: list[tuple[str, str]] = []
    for (_, number), output in zip(pattern.outputs, right.outputs, strict=True):
        old = match.value(number)
        gives.append((old, values[output.value]))
        if output.value in producers and old in ends:
            labels[producers[output.value].row] = ends[old].label
    nodes = tuple(
        Node(
            names[node.name],
            node.op,
            tuple(values[value] for value in node.inputs),
            tuple(Value(values[value.name], value.type) for value in node.outputs),
            node.row,
            labels.get(node.row),
            first.region,
            names[node.weights] if node.weights is not None else None,
            first.span,
        )
        for node in right.nodes
    )
    return nodes, tuple(gives)


def kept_sums(rewrite: Rewrite, match: Match, view: View) -> dict[str, tuple[str, ...]]:
    """Sums of which only a part is replaced, with the terms beside it."""
    assert rewrite.equation is not None
    rows = zip(rewrite.equation.left.nodes, match.nodes, strict=True)
    others = {name: match.others(pattern, view.nodes[name]) for pattern, name in rows}
    return {name: values for name, values in others.items() if values}


def with_others(
    sums: Mapping[str, tuple[str, ...]],
    view: View,
    nodes: tuple[Node, ...],
    gives: tuple[tuple[str, str], ...],
) -> tuple[tuple[Node, ...], tuple[tuple[str, str], ...]]:
    """What takes the place of a part of a sum, added to the rest of it."""
    for name, others in sums.items():
        old = view.nodes[name]
        (total,) = (value.name for value in old.outputs)
        part = dict(gives)[total]
        row = max((node.row for node in nodes), default=-1) + 1
        nodes = tuple(replace(n, label=None if _makes(n, part) else n.label) for n in nodes)
        nodes += (replace(old, inputs=(part, *others), row=row),)
        gives = tuple((value, total if value == total else new) for value, new in gives)
    return nodes, gives


def _makes(node: Node, value: str) -> bool:
    return any(output.name == value for output in node.outputs)


def put_in_place(graph: Graph, replacements: Sequence[Replacement]) -> Graph:
    """The graph with replacements that do not overlap. Raises NotHere when it has a cycle.

    New operators stand where the first of the old ones stood, or behind what they read.
    """
    taken = _taken_over(replacements)
    order = {node.name: number for number, node in enumerate(graph.nodes)}
    first = {min(r.match.removed, key=order.__getitem__): r for r in replacements}
    removed = {name for r in replacements for name in r.match.removed}
    kept = {n.row: n for n in reversed(graph.nodes) if n.name not in removed}
    nodes: list[Node] = []
    rows: dict[str, tuple[int, int]] = {}
    for node in graph.nodes:
        if node.name in first:
            new = first[node.name]
            own = {value.name for other in new.nodes for value in other.outputs}
            nodes += (_reading(other, taken, own) for other in new.nodes)
            last = graph.nodes[max(order[name] for name in new.match.removed)]
            begins = last.row not in kept or order[kept[last.row].name] > order[last.name]
            rows.update(_rows(new, last.row, begins))
            rows.update(_stayed(new, graph, order))
        if node.name not in removed:
            nodes.append(_reading(node, taken))
            rows[node.name] = (node.row, -1)
    numbered: dict[tuple[int, int], int] = {}
    ordered = tuple(
        replace(node, row=numbered.setdefault(rows[node.name], len(numbered)))
        for node in in_order(nodes, {value.name for value in graph.inputs})
    )
    gone = {value.name for node in graph.nodes if node.name in removed for value in node.outputs}
    labels = tuple(
        (label, taken.get(value, value))
        for label, value in graph.labels
        if value not in gone or value in taken
    )
    return replace(
        graph,
        nodes=ordered,
        outputs=tuple(replace(o, value=taken.get(o.value, o.value)) for o in graph.outputs),
        labels=labels,
    )


def passed_by(graph: Graph, names: set[str]) -> Graph:
    """The graph without some of its nodes, which give what they are given."""
    gone = [node for node in graph.nodes if node.name in names]
    pairs = (zip((v.name for v in n.outputs), n.inputs, strict=True) for n in gone)
    taken = _through({old: new for pair in pairs for old, new in pair}, set())
    nodes = [_reading(node, taken) for node in graph.nodes if node.name not in names]
    rows = {row: number for number, row in enumerate(dict.fromkeys(n.row for n in nodes))}
    return replace(
        graph,
        nodes=tuple(replace(node, row=rows[node.row]) for node in nodes),
        outputs=tuple(replace(o, value=taken.get(o.value, o.value)) for o in graph.outputs),
        labels=tuple((label, taken.get(value, value)) for label, value in graph.labels),
    )


def _taken_over(replacements: Sequence[Replacement]) -> dict[str, str]:
    """The value that takes the place of each old one, through those that are passed on."""
    made = {v.name for r in replacements for node in r.nodes for v in node.outputs}
    return _through({old: new for r in replacements for old, new in r.gives}, made)


def _through(given: Mapping[str, str], made: set[str]) -> dict[str, str]:
    """What takes the place of each value in the end; what is made is an end."""

    def current(value: str) -> str:
        new = given.get(value, value)
        return new if new in made or new == value else current(new)

    return {old: current(old) for old in given}


def _reading(node: Node, taken: Mapping[str, str], own: Container[str] = ()) -> Node:
    """A node that reads what took the place of its inputs, save those of `own`."""
    inputs = (value if value in own else taken.get(value, value) for value in node.inputs)
    return replace(node, inputs=tuple(inputs))


def _rows(new: Replacement, row: int, begins: bool) -> dict[str, tuple[int, int]]:
    """Rows of new operators: the last one goes on with what is left of the old statement.

    Arguments:
        row: of the last of the old operators.
        begins: whether nothing that stays comes before it in that row.
    """
    alone = len({node.row for node in new.nodes}) == 1
    end = new.nodes[-1].row if new.nodes and (begins or alone) else None
    return {node.name: (row, -1 if node.row == end else node.row) for node in new.nodes}


def _stayed(
    new: Replacement, graph: Graph, order: Mapping[str, int]
) -> Iterator[tuple[str, tuple[int, int]]]:
    """What a rule says on both sides begins it, and stays in its row."""
    for node in new.nodes:
        was = graph.nodes[order[node.name]] if node.name in order else None
        if was is None or (was.op, was.inputs) != (node.op, node.inputs):
            return
        yield node.name, (was.row, -1)


def in_order(nodes: Sequence[Node], known: set[str]) -> list[Node]:
    """The nodes so that values are made before they are read, else in their order."""
    makers = {value.name: i for i, node in enumerate(nodes) for value in node.outputs}
    waiting: list[int] = []
    readers: dict[int, list[int]] = {}
    for i, node in enumerate(nodes):
        needs = {makers[value] for value in node.inputs if value in makers and value not in known}
        waiting.append(len(needs))
        for maker in needs:
            readers.setdefault(maker, []).append(i)
    ready = [i for i, count in enumerate(waiting) if count == 0]
    heapify(ready)
    order: list[Node] = []
    while ready:
        i = heappop(ready)
        order.append(nodes[i])
        for reader in readers.get(i, ()):
            waiting[reader] -= 1
            if waiting[reader] == 0:
                heappush(ready, reader)
    if len(order) < len(nodes):
        raise NotHere("the graph would have a cycle")
    return order
