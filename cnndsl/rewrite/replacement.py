"""The right side of a rule at one site: elaborated, fitted, proved, named, put in place."""

from __future__ import annotations

from heapq import heapify, heappop, heappush

from ..diagnostics import CnnError
from ..elaborate.fragment import Fragment, elaborate_fragment
from ..evaluate import Given
from ..graph import Call, Graph, Node, Output, Value
from ..op import OPS, Op, ShapeError
from ..ops.norm import Bn
from ..record import Record, replace
from ..syntax import Apply, Body
from ..types import TensorType
from .calls import altered, called, shown
from .fit import fitted
from .match import Match, View, operator_value
from .pattern import LAYERS, PatternNode
from .windows import in_words, keeps_hull, keeps_window, readings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from ..bind import Defaults
    from ..syntax import Statement
    from .rule import Rewrite

PADDED = ("conv", "dwconv", "maxpool", "avgpool")
"""Operators whose padding is fitted when a right side does not say it."""
WRONG_RULE = ("E0101", "E0201", "E0202", "E0203", "E0204", "E0205", "E0208", "E0209", "E0210")
"""Errors on a right side that are the rule's, whatever the site."""


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


def replacement(
    rewrite: Rewrite, match: Match, view: View, settings: Defaults, taken: Iterable[str]
) -> Replacement:
    """Elaborate the right side at a match. Raises NotHere, or CnnError for a wrong rule.

    Arguments:
        settings: those of the model's dialect.
        taken: names that new operators must not have.
    """
    left, graph, right = both_sides(rewrite, match, view, settings)
    _prove(rewrite, left, graph, view, right.functions)
    names = _names(rewrite, match, view, graph, right, set(taken))
    nodes, gives = _placed(rewrite, match, view, graph, names)
    return Replacement(
        match,
        *_with_others(_kept(rewrite, match, view), view, nodes, gives),
        right.functions,
        left,
        _alone(left, nodes, gives),
        tuple(n.name for n in left.nodes if _weighted(n, left)),
        tuple(names[n.name] for n in graph.nodes if _weighted(n, graph)),
    )


def both_sides(
    rewrite: Rewrite, match: Match, view: View, settings: Defaults
) -> tuple[Graph, Graph, Fragment]:
    """What was matched, what would take its place, and the elaboration that this came from.

    Paddings are fitted, claims are not proved. Raises NotHere, or CnnError for a wrong rule.
    """
    if reason := altered(rewrite, match, view, settings):
        raise NotHere(reason)
    left = fragment_of(rewrite, match, view)
    right = _elaborated(rewrite, match, view, left, settings)
    return left, _with_outputs(rewrite, left, _fit(rewrite, left, right, view)), right


def _alone(left: Graph, nodes: tuple[Node, ...], gives: tuple[tuple[str, str], ...]) -> Graph:
    """The new operators as a graph beside the old one."""
    given = dict(gives)
    outputs = tuple(replace(output, value=given[output.value]) for output in left.outputs)
    return replace(left, name="right", definition="right", nodes=nodes, outputs=outputs)


def _weighted(node: Node, graph: Graph) -> bool:
    types = graph.types
    return isinstance(node.op, Op) and bool(node.op.weights(*(types[v] for v in node.inputs)))


def fragment_of(rewrite: Rewrite, match: Match, view: View) -> Graph:
    """The matched operators as a graph of their own, in the order of the rule."""
    assert rewrite.equation is not None
    pattern = rewrite.equation.left
    listed = [
        node
        for part, name, chain in zip(pattern.nodes, match.nodes, match.chains, strict=True)
        for node in (_part(part, match, view.nodes[name]), *map(view.nodes.__getitem__, chain))
    ]
    inputs = tuple(
        Value(value, view.types[value])
        for value in dict.fromkeys(match.value(number) for _, number in pattern.inputs)
    )
    nodes = _sorted(listed, {v.name for v in inputs})
    outputs = tuple(Output(name, match.value(number)) for name, number in pattern.outputs)
    return Graph("left", "left", (), inputs, tuple(nodes), outputs)


def _part(pattern: PatternNode, match: Match, node: Node) -> Node:
    """What the rule means of an operator: not the further terms of a sum."""
    further = match.others(pattern, node)
    return replace(node, inputs=match.operands(pattern)) if further else node


# ------------------------------------------------------------------ elaboration


def _elaborated(
    rewrite: Rewrite, match: Match, view: View, left: Graph, settings: Defaults
) -> Fragment:
    assert rewrite.equation is not None
    pattern = rewrite.equation.left
    inputs = [(name, view.types[match.value(number)]) for name, number in pattern.inputs]
    labels = {name: view.types[match.value(number)] for name, number in pattern.labels}
    variables = {
        **labels,
        "out": view.types[match.value(pattern.outputs[0][1])],
        **dict(match.holes),
    }
    defaults = _layer_defaults(rewrite, match, view)
    try:
        return elaborate_fragment(
            rewrite.equation.right, rewrite.namespace, inputs, variables, settings, defaults
        )
    except CnnError as problem:
        if problem.diagnostics[0].code in WRONG_RULE:  # others may follow from the first
            raise
        raise NotHere(f"its right side does not fit: {problem.diagnostics[0].message}") from None


def _layer_defaults(rewrite: Rewrite, match: Match, view: View) -> Callable[[Statement], Defaults]:
    """What layers on the right side take over from those on the left, in order."""
    assert rewrite.equation is not None
    inherited: list[Defaults] = []
    rows = zip(rewrite.equation.left.nodes, match.nodes, match.chains, strict=True)
    for pattern, name, chain in rows:
        op = view.nodes[name].op
        if isinstance(op, Call):
            inherited.append(shown(called(view.nodes[name], view.functions), pattern.span))
        if pattern.word not in LAYERS or isinstance(op, Call):
            continue
        given = []
        before_norm = bool(chain) and isinstance(view.nodes[chain[0]].op, Bn)
        bias = getattr(op, "bias", True)
        if not rewrite.equation.layered or bias == before_norm:
            given.append(Given("bias", bias, pattern.span))  # not what it would be by itself
        if rewrite.equation.layered:
            posts = [operator_value(view.nodes[n].op) for n in chain]  # type: ignore[arg-type]
            given += [Given(None, post, pattern.span) for post in posts]
        inherited.append(tuple((word, tuple(given)) for word in LAYERS))
    seen: list[Statement] = []

    def defaults(statement: Statement) -> Defaults:
        half = Given("pad", "half", rewrite.ref.rule.span)
        own = any(word in PADDED for word in _words(statement))  # not those of a block it calls
        padding = tuple((word, (half,)) for word in PADDED) if own else ()
        if not inherited:
            return padding
        number = len(seen)
        if any(word in LAYERS for word in _words(statement)):
            seen.append(statement)
        return padding + inherited[min(number, len(inherited) - 1)]

    return defaults


def _words(part: object) -> Iterator[str]:
    """The operators and blocks that a statement, or what stands in it, applies."""
    if isinstance(part, Apply):
        yield part.callee.id if part.callee is not None else "conv"
    inner = [getattr(part, name, None) for name in ("body", "then", "otherwise")]
    inner += getattr(part, "branches", ())
    inner += getattr(part, "statements", ())
    for other in inner:
        if other is not None:
            yield from _words(other)


def _fit(rewrite: Rewrite, left: Graph, right: Fragment, view: View) -> Graph:
    assert rewrite.equation is not None
    said = explicit_pads(rewrite.equation.right)
    graph = right.graph
    free = frozenset(node.name for node in graph.nodes if node.span not in said)
    inputs = [value.name for value in graph.inputs]
    pairs = zip(left.inputs, inputs, strict=False)
    renamed = {value.name: name for value, name in pairs}
    before = readings(left, view.functions)
    outputs = {o.name: r.name for o, r in zip(left.outputs, graph.outputs, strict=False)}
    wanted = {
        (renamed[source], outputs[sink]): reading
        for (source, sink), reading in before.items()
        if source in renamed and sink in outputs
    }
    functions = {f.name: f for f in right.functions}
    found = fitted(graph, functions, free, wanted)
    if found is None:
        raise NotHere("no padding keeps the output where it is")
    try:
        return retyped(found, functions)
    except ShapeError as problem:
        raise NotHere(f"its right side does not fit: {problem.message}") from None


def explicit_pads(body: Body) -> set[object]:
    """Spans of the statements that say their padding."""
    found: set[object] = set()

    def look(statement: object) -> None:
        if isinstance(statement, Apply):
            if any(argument.name == "pad" for argument in statement.arguments):
                found.add(statement.span)
            callee = statement.callee.id if statement.callee is not None else "conv"
            if callee not in OPS:  # an operator that stands for a hole keeps its own
                found.add(statement.span)
        for name in ("body", "then", "otherwise"):
            inner = getattr(statement, name, None)
            if isinstance(inner, Body):
                for nested in inner.statements:
                    look(nested)
        for branch in getattr(statement, "branches", ()):
            if isinstance(branch, Body):
                for nested in branch.statements:
                    look(nested)
            else:
                look(branch)

    for statement in body.statements:
        look(statement)
    return found


def retyped(graph: Graph, functions: Mapping[str, Graph]) -> Graph:
    """The graph with its types inferred anew. Raises ShapeError."""
    types: dict[str, TensorType] = {value.name: value.type for value in graph.inputs}
    nodes = []
    for node in graph.nodes:
        given = tuple(types[value] for value in node.inputs)
        if isinstance(node.op, Call):
            results = functions[node.op.function].output_types
        else:
            results = node.op.infer(*given)
        outputs = tuple(Value(v.name, t) for v, t in zip(node.outputs, results, strict=True))
        types.update((v.name, v.type) for v in outputs)
        nodes.append(replace(node, outputs=outputs))
    return replace(graph, nodes=tuple(nodes))


# ------------------------------------------------------------------------ proof


def _with_outputs(rewrite: Rewrite, left: Graph, right: Graph) -> Graph:
    """The right side with its outputs in the order of the left one's."""
    if len(left.outputs) != len(right.outputs):
        raise NotHere(
            f"its right side gives {len(right.outputs)} values, the left one {len(left.outputs)}"
        )
    by_name = {output.name: output for output in right.outputs}
    names = [output.name for output in left.outputs]
    if set(names) == set(by_name):
        return replace(right, outputs=tuple(by_name[name] for name in names))
    return right


def _prove(
    rewrite: Rewrite, left: Graph, right: Graph, view: View, functions: tuple[Graph, ...]
) -> None:
    """The types agree, and the window where the rule claims so."""
    for old, new in zip(left.output_types, right.output_types, strict=True):
        if old != new:
            raise NotHere(f"it would give {new} where {old} is needed")
    if not {"window", "hull"} & {*rewrite.keeps}:
        return
    everything = {**view.functions, **{f.name: f for f in functions}}
    before, after = readings(left, view.functions), readings(right, everything)
    holds = keeps_window if "window" in rewrite.keeps else keeps_hull
    names = dict(zip((o.name for o in right.outputs), (o.name for o in left.outputs), strict=True))
    inputs = dict(zip((v.name for v in right.inputs), (v.name for v in left.inputs), strict=False))
    renamed = {(inputs.get(i, i), names[o]): reading for (i, o), reading in after.items()}
    for pair in {**before, **renamed}:
        was, would = before.get(pair), renamed.get(pair)
        if not holds(was, would):
            raise NotHere(f"the window would be {in_words(would)}, it is {in_words(was)}")


# ---------------------------------------------------------------------- placing


def _names(
    rewrite: Rewrite, match: Match, view: View, right: Graph, fragment: Fragment, taken: set[str]
) -> dict[str, str]:
    """Names of the new operators: those of the old ones where they correspond.

    The name of a value that others read goes to the operator that gives it from now on.
    """
    assert rewrite.equation is not None
    sums = _kept(rewrite, match, view)
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

    def give(node: str, wanted: str) -> None:
        name, number = wanted, 1
        while name in taken and (name not in free or makers.get(name, node) != node):
            number += 1
            name = f"{wanted}_{number}"
        taken.add(name)
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


def _placed(
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


def _kept(rewrite: Rewrite, match: Match, view: View) -> dict[str, tuple[str, ...]]:
    """Sums of which only a part is replaced, with the terms beside it."""
    assert rewrite.equation is not None
    rows = zip(rewrite.equation.left.nodes, match.nodes, strict=True)
    others = {name: match.others(pattern, view.nodes[name]) for pattern, name in rows}
    return {name: values for name, values in others.items() if values}


def _with_others(
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
    first = {min(r.match.removed, key=_position(graph)): r for r in replacements}
    removed = {name for r in replacements for name in r.match.removed}
    nodes: list[Node] = []
    rows: dict[str, tuple[int, int]] = {}
    for node in graph.nodes:
        if node.name in first:
            new = first[node.name].nodes
            own = {value.name for other in new for value in other.outputs}
            reads = {old: value for old, value in taken.items() if old not in own}
            nodes += (_reading(other, reads) for other in new)
            rows.update(_rows(first[node.name], graph, removed))
        if node.name not in removed:
            nodes.append(_reading(node, taken))
            rows[node.name] = (node.row, -1)
    numbered: dict[tuple[int, int], int] = {}
    ordered = tuple(
        replace(node, row=numbered.setdefault(rows[node.name], len(numbered)))
        for node in _sorted(nodes, {value.name for value in graph.inputs})
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


def _taken_over(replacements: Sequence[Replacement]) -> dict[str, str]:
    """The value that takes the place of each old one, through those that are passed on."""
    given = {old: new for r in replacements for old, new in r.gives}
    made = {v.name for r in replacements for node in r.nodes for v in node.outputs}

    def current(value: str) -> str:
        new = given.get(value, value)
        return new if new in made or new == value else current(new)

    return {old: current(old) for old in given}


def _reading(node: Node, taken: Mapping[str, str]) -> Node:
    """A node that reads what took the place of its inputs."""
    return replace(node, inputs=tuple(taken.get(value, value) for value in node.inputs))


def _rows(new: Replacement, graph: Graph, removed: set[str]) -> dict[str, tuple[int, int]]:
    """Rows of new operators: the last one goes on with what is left of the old statement."""
    last = max(new.match.removed, key=_position(graph))
    row = next(node.row for node in graph.nodes if node.name == last)
    before = graph.nodes[: _position(graph)(last)]
    begins = not any(node.row == row and node.name not in removed for node in before)
    alone = len({node.row for node in new.nodes}) == 1
    end = new.nodes[-1].row if new.nodes and (begins or alone) else None
    rows = {node.name: (row, -1 if node.row == end else node.row) for node in new.nodes}
    old = {node.name: node for node in graph.nodes}
    for node in new.nodes:  # what a rule says on both sides begins it, and stays where it was
        was = old.get(node.name)
        if was is None or (was.op, was.inputs) != (node.op, node.inputs):
            break
        rows[node.name] = (was.row, -1)
    return rows


def _position(graph: Graph) -> Callable[[str], int]:
    order = {node.name: number for number, node in enumerate(graph.nodes)}
    return lambda name: order[name]


def _sorted(nodes: Sequence[Node], known: set[str]) -> list[Node]:
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
