"""Blocks on the left side of a rule.

The name and the arguments of a call say less than they seem to: a function may have
been rewritten, an argument may have arguments of its own, and a model's `default`s are
in its layers. So the call that a rule means is elaborated anew, with the defaults that
the function shows, and must give the very function that stands there.
"""

from __future__ import annotations

from collections import Counter

from ..bind import Defaults
from ..diagnostics import CnnError
from ..elaborate.fragment import elaborate_fragment
from ..evaluate.values import Given, spoken
from ..graph import Call, Graph, Node
from ..op import Op
from ..ops.norm import Bn
from ..record import Record, replace
from ..syntax import Apply, Argument, Body, Name
from .match import operator_value
from .pattern import BELONGING, LAYERS, PatternNode
from .view import Match, View

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ..source import Span
    from .rule import Rewrite

SETTINGS = ("bias", "rounding", "count_include_pad")
"""Arguments that a `default` of a model is likely to set for the blocks that it calls."""


def altered(rewrite: Rewrite, match: Match, view: View, settings: Defaults) -> str:
    """Why a call is not of the block that the rule means, or nothing."""
    assert rewrite.equation is not None
    reasons = (
        _otherwise(rewrite, pattern, match, view, name, settings)
        for pattern, name in zip(rewrite.equation.left.nodes, match.nodes, strict=True)
        if pattern.is_block
    )
    return next(filter(None, reasons), "")


def _otherwise(
    rewrite: Rewrite, pattern: PatternNode, match: Match, view: View, name: str, settings: Defaults
) -> str:
    """How a call differs from what the rule means, or nothing."""
    node = view.nodes[name]
    inputs = [(f"x{i + 1}", view.types[value]) for i, value in enumerate(node.inputs)]
    seen = shown(called(node, view.functions), pattern.span)
    body = Body((_statement(pattern),), pattern.span)
    try:
        meant = elaborate_fragment(
            body, rewrite.namespace, inputs, dict(match.holes), settings, lambda statement: seen
        )
    except CnnError as problem:
        return f"a `{pattern.word}` as the rule says it fails: {problem.diagnostics[0].message}"
    functions = {graph.name: graph for graph in meant.functions}
    found = meant.graph.nodes[-1].op
    if same(node.op, view.functions, found, functions):
        return ""
    assert isinstance(node.op, Call) and isinstance(found, Call)
    told = dict(view.functions[node.op.function].arguments)
    for argument, value in functions[found.function].arguments:
        if told.get(argument) != value:
            return f"`{argument}` is {spoken(told.get(argument))}, the rule means {spoken(value)}"
    return f"it is another `{pattern.word}` than the rule means, or was rewritten before"


def _statement(pattern: PatternNode) -> Apply:
    arguments = tuple(Argument(name, value, pattern.span) for name, value in pattern.said)
    callee = Name(pattern.word, pattern.span)
    return Apply((), callee, arguments, None, None, None, pattern.span)


# --------------------------------------------------------------------- defaults


def shown(graphs: Iterable[Graph], span: Span, mostly: bool = False) -> Defaults:
    """What all operators of one word have in common in some functions.

    It may have been a `default` of the model. What a block says itself wins over it, so
    nothing is lost where it was not.

    Arguments:
        mostly: whether norms and activations that most layers have will do.
    """
    found: dict[str, list[_Layer]] = {}
    for graph in graphs:
        for node in graph.nodes:
            if isinstance(node.op, Op) and node.op.family not in BELONGING:
                found.setdefault(node.op.word, []).append(_layer(node.op, node, graph, span))
    return tuple((word, _common(layers, mostly)) for word, layers in found.items())


class _Layer(Record):
    """What an operator shows.

    Arguments:
        own_bias: whether it has a bias, or none, as it would without being told.
    """

    named: tuple[Given, ...]
    posts: tuple[Given, ...]
    own_bias: bool


def _layer(op: Op, node: Node, graph: Graph, span: Span) -> _Layer:
    behind = tuple(_posts(node, graph)) if op.word in LAYERS else ()
    named = tuple(Given(name, getattr(op, name), span) for name in SETTINGS if name in op.fields)
    before_norm = op.word != "fc" and any(isinstance(after, Bn) for after in behind[:1])
    posts = tuple(Given(None, operator_value(after), span) for after in behind)
    return _Layer(named, posts, getattr(op, "bias", None) != before_norm)


def _common(layers: list[_Layer], mostly: bool) -> tuple[Given, ...]:
    first = layers[0].named
    named = [given for given in first if all(given in layer.named for layer in layers)]
    if all(layer.own_bias for layer in layers):
        named = [given for given in named if given.name != "bias"]
    ((posts, count),) = Counter(layer.posts for layer in layers).most_common(1)
    return (*named, *(posts if mostly or count == len(layers) else ()))


def called(node: Node, functions: Mapping[str, Graph]) -> Iterator[Graph]:
    """The function that a node calls, and those that it calls in turn."""
    if isinstance(node.op, Call):
        graph = functions[node.op.function]
        yield graph
        for inner in graph.nodes:
            yield from called(inner, functions)


def _posts(node: Node, graph: Graph) -> Iterator[Op]:
    """The norms and activations behind a layer. A softmax ends a network, not a layer."""
    last = node.outputs[0].name
    while True:
        readers = [n for n in graph.nodes if last in n.inputs]
        if len(readers) != 1 or any(output.value == last for output in graph.outputs):
            return
        (after,) = readers
        if not isinstance(after.op, Op) or after.op.family not in BELONGING:
            return
        if after.op.word == "softmax":
            return
        yield after.op
        last = after.outputs[0].name


# --------------------------------------------------------------------- equality


def same(a: Op | Call, of_a: Mapping[str, Graph], b: Op | Call, of_b: Mapping[str, Graph]) -> bool:
    """Whether two operators, or the functions that are called, are the same but for names.

    Rates do not count: they depend on the position in the network.
    """
    if isinstance(a, Call) and isinstance(b, Call):
        return _same_graph(of_a[a.function], of_a, of_b[b.function], of_b)
    return _unrated(a) == _unrated(b)


def _same_graph(a: Graph, of_a: Mapping[str, Graph], b: Graph, of_b: Mapping[str, Graph]) -> bool:
    if len(a.nodes) != len(b.nodes) or [v.type for v in a.inputs] != [v.type for v in b.inputs]:
        return False
    names = dict(zip((v.name for v in a.inputs), (v.name for v in b.inputs), strict=True))
    for one, other in zip(a.nodes, b.nodes, strict=True):
        if tuple(names.get(value) for value in one.inputs) != other.inputs:
            return False
        if not same(one.op, of_a, other.op, of_b):
            return False
        pairs = zip(one.outputs, other.outputs, strict=True)
        names.update((mine.name, its.name) for mine, its in pairs)
    return [names.get(o.value) for o in a.outputs] == [o.value for o in b.outputs]


def _unrated(op: Op | Call) -> Op | Call:
    return replace(op, rate=0.0) if isinstance(op, Op) and "rate" in type(op).fields else op
