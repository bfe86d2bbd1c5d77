"""The right side of a rule at one site: elaborated, fitted, proved, named."""

from __future__ import annotations

from ..diagnostics import CnnError, Help
from ..elaborate.fragment import Fragment, elaborate_fragment
from ..evaluate.values import Given
from ..graph import Call, Graph, Node, Output, Value
from ..op import OPS, Op, ShapeError
from ..ops.norm import Bn
from ..record import replace
from ..render import counted
from ..syntax import Apply, Body
from ..types import TensorType
from .calls import altered, called, shown
from .fit import fitted
from .match import operator_value
from .pattern import LAYERS, PatternNode
from .placing import NotHere, Replacement, in_order, kept_sums, named, placed, with_others
from .view import Match, View
from .windows import in_words, keeps_hull, keeps_window, readings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping

    from ..bind import Defaults
    from ..syntax import Statement
    from .rule import Rewrite

PADDED = ("conv", "dwconv", "maxpool", "avgpool")
"""Operators whose padding is fitted when a right side does not say it."""
NAMES = Help("names on the right are holes and labels of the left side, parameters, and `let`s")
WRONG_RULE = ("E0101", "E0201", "E0202", "E0203", "E0204", "E0205", "E0208", "E0209", "E0210")
"""Errors on a right side that are the rule's, whatever the site."""


def replacement(
    rewrite: Rewrite, match: Match, view: View, settings: Defaults, taken: Container[str]
) -> Replacement:
    """Elaborate the right side at a match. Raises NotHere, or CnnError for a wrong rule.

    Arguments:
        settings: those of the model's dialect.
        taken: names that new operators must not have.
    """
    left, graph, right = both_sides(rewrite, match, view, settings)
    _prove(rewrite, left, graph, view, right.functions)
    names = named(rewrite, match, view, graph, taken)
    nodes, gives = placed(rewrite, match, view, graph, names)
    return Replacement(
        match,
        *with_others(kept_sums(rewrite, match, view), view, nodes, gives),
        right.functions,
        left,
        _alone(left, nodes, gives),
        _weighted(left),
        tuple(names[name] for name in _weighted(graph)),
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


def _weighted(graph: Graph) -> tuple[str, ...]:
    """The names of the operators that have weights."""
    types = graph.types
    return tuple(
        node.name
        for node in graph.nodes
        if isinstance(node.op, Op) and node.op.weights(*(types[v] for v in node.inputs))
    )


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
    nodes = in_order(listed, {v.name for v in inputs})
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
        first = problem.diagnostics[0]
        if first.code in WRONG_RULE:  # others may follow from the first
            help = first.help or ((NAMES,) if first.code == "E0202" else ())
            raise CnnError(replace(first, help=help)) from None
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
        given = counted(len(right.outputs), "value")
        raise NotHere(f"its right side gives {given}, the left one {len(left.outputs)}")
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
