"""The `when` of a rule: what must hold at a site, in words where it does not.

Conditions are expressions of the language over the holes; `in` is the first
input, labels are the values that have them. These predicates look at the graph:
"""

from __future__ import annotations

from ..diagnostics import CnnError, fail
from ..evaluate.expressions import evaluate
from ..evaluate.scope import Scope
from ..evaluate.values import BlockRef, OpRef, describe, spoken
from ..op import OPS, Op
from ..ops.activation import Times
from ..ops.merge import Add
from ..ops.norm import Bn
from ..ops.pool import AvgPool
from ..ops.reshape import ConstantPad
from ..record import Record, replace
from ..source import Span
from ..symbol import Symbol
from ..syntax import Attribute, Binary, CallExpr, Expr, Name, Unary
from ..types import TensorType
from ..window import IDENTITY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..graph import Node
    from .rule import Rewrite
    from .view import Match, View
    from .windows import Reading

    Predicate = Callable[..., bool]

MONOTONE = ("relu", "relu6", "leakyrelu", "sigmoid", "tanh", "hsigmoid")
"""Activations that never fall."""
IDEMPOTENT = ("relu", "relu6", "abs")
"""Activations that change nothing the second time."""
HOMOGENEOUS = ("relu", "leakyrelu", "abs")
"""Activations that a positive factor may pass through."""
WRONG = ("E0202", "E0204", "E0205", "E1001")
"""Errors in a condition that are the rule's, whatever the site."""
LARGE = 2**20
"""Height or width of a map whose size is open."""


class Site:
    """What predicates may look at."""

    def __init__(self, rewrite: Rewrite, match: Match, view: View) -> None:
        assert rewrite.equation is not None
        self.view = view
        self.match = match
        pattern = rewrite.equation.left
        self.labels = {name: match.value(number) for name, number in pattern.labels}
        self.inputs = {name: match.value(number) for name, number in pattern.inputs}
        self.labels.update(self.inputs)
        self.scope = Scope(rewrite.namespace, dict(match.holes), labels=self.type_of)
        self.scope.variables["in"] = view.types[match.value(pattern.inputs[0][1])]
        self.scope.variables["out"] = view.types[match.value(pattern.outputs[0][1])]

    def window(self, value: str) -> Reading:
        """The window of the operator that gives a value; what flows in is read as it is."""
        if value in self.inputs.values():
            return IDENTITY, IDENTITY
        node = self.view.producers[value]
        return node.op.axes(*self.view.inputs(node)) if isinstance(node.op, Op) else None

    def type_of(self, label: str) -> TensorType | None:
        value = self.labels.get(label)
        return self.view.types[value] if value is not None else None


def with_defaults(rewrite: Rewrite, match: Match, view: View) -> Match:
    """The match with values for the parameters whose defaults are of its site. Raises CnnError."""
    if not rewrite.inferred:
        return match
    scope = Site(rewrite, match, view).scope
    for name, default in rewrite.inferred:
        scope.variables[name] = evaluate(default, scope)
    found = tuple((name, scope.variables[name]) for name, _ in rewrite.inferred)
    return replace(match, holes=match.holes + found)


def unmet(rewrite: Rewrite, match: Match, view: View) -> str:
    """Why the conditions of a rule do not hold at a match; nothing when they do."""
    site = Site(rewrite, match, view)
    for condition in rewrite.conditions:
        for part in conjuncts(condition):
            if not holds(part, site):
                return f"`{part.span.text}` does not hold{values(part, site.scope)}"
    return ""


def conjuncts(expr: Expr) -> list[Expr]:
    if isinstance(expr, Binary) and expr.operator == "and":
        return conjuncts(expr.left) + conjuncts(expr.right)
    return [expr]


def holds(expr: Expr, site: Site) -> bool:
    """The truth of a condition. Raises CnnError when it has none."""
    if isinstance(expr, Binary) and expr.operator in ("and", "or"):
        decided = holds(expr.left, site)
        return decided if decided == (expr.operator == "or") else holds(expr.right, site)
    if isinstance(expr, Unary) and expr.operator == "not":
        return not holds(expr.operand, site)
    if isinstance(expr, CallExpr) and expr.callee.id in PREDICATES:
        return _ask(expr, site)
    value = evaluate(expr, site.scope)
    if not isinstance(value, bool):
        fail("E1001", "a condition is `true` or `false`", expr.span, f"this is {describe(value)}",
             help=["compare it, `n > 1`, or ask, `monotone(f)`"])  # fmt: skip
    return value


def _ask(expr: CallExpr, site: Site) -> bool:
    about, predicate = PREDICATES[expr.callee.id]
    kinds = about.split()
    if len(expr.arguments) != len(kinds):
        count = len(expr.arguments)
        fail("E0205", f"`{expr.callee.id}` asks about {ABOUT[about]}, not {count}", expr.span,
             help=["name one that the left side has; conditions are joined by `and`"])  # fmt: skip
    pairs = zip(kinds, expr.arguments, strict=True)
    return predicate(site, *(_asked(kind, expr, a.value, site) for kind, a in pairs))


def _asked(kind: str, expr: CallExpr, argument: Expr, site: Site) -> object:
    """What a predicate is asked about: the name of a value, or an operator."""
    if kind == "value":
        name = argument.id if isinstance(argument, Name) else ""
        if name not in site.labels:
            fail("E1001", f"`{expr.callee.id}` asks about a value that has a label", argument.span,
                 help=["give it one on the left side: `y: relu`"])  # fmt: skip
        return site.labels[name]
    value = evaluate(argument, site.scope)
    if not isinstance(value, OpRef):
        fail("E1001", f"`{expr.callee.id}` asks about an operator", argument.span,
             f"this is {describe(value)}",
             help=["a name alone is one on the left side: `f; maxpool k`"])  # fmt: skip
    return value


def values(expr: Expr, scope: Scope) -> str:
    """`: k = 4, in.channels = 3`, what a condition speaks of."""
    shown: dict[str, str] = {}
    for part in _spoken_of(expr):
        try:
            value = evaluate(part, scope)
        except CnnError:
            continue
        known = isinstance(value, OpRef | BlockRef) and str(value) == part.span.text
        if not known and not isinstance(value, TensorType):
            shown[part.span.text] = spoken(value)
    text = ", ".join(f"{name} = {value}" for name, value in shown.items())
    return f": {text}" if text else ""


def _spoken_of(part: object) -> Iterator[Name | Attribute]:
    """Names in an expression, with what is asked of them: `k`, `in.channels`."""
    if isinstance(part, Name) or (isinstance(part, Attribute) and isinstance(part.value, Name)):
        yield part
    elif isinstance(part, tuple):
        for inner in part:
            yield from _spoken_of(inner)
    elif isinstance(part, CallExpr):
        yield from _spoken_of(part.arguments)
    elif isinstance(part, Record) and not isinstance(part, Span):
        for field in type(part).fields:
            yield from _spoken_of(getattr(part, field))


def _pointwise(site: Site, f: OpRef) -> bool:
    return is_pointwise(f.word)


def is_pointwise(word: str) -> bool:
    return OPS[word].family == "activation" and word != "softmax"


def _normalises(site: Site, f: OpRef) -> bool:
    return f.word in ("bn", "gn", "ln")


def _channelwise(site: Site, f: OpRef) -> bool:
    return is_channelwise(f.word)


def is_channelwise(word: str) -> bool:
    """Every channel of the output depends on that channel of the input alone, equally."""
    return word in ("maxpool", "avgpool", "upsample", "pad", "crop") or is_pointwise(word)


def _homogeneous(site: Site, f: OpRef) -> bool:
    return f.word in HOMOGENEOUS


def _nonnegative(site: Site, value: str) -> bool:
    return site.view.bounds[value].low >= 0


def _idle(site: Site, value: str) -> bool:
    """Whether the operator that gives a value gives back its input."""
    from .idle import is_idle

    return is_idle(site.view.producers[value], site.view)


def _claimed(site: Site, value: str) -> bool:
    """Whether its layer is to take in first what reads it: a norm, a factor, or a stride."""
    readers = site.view.consumers.get(value, [])
    takes_factor = any(isinstance(reader.op, (Bn, Times)) for reader in readers)
    return takes_factor or _subsampled(site, readers)


def _subsampled(site: Site, readers: list[Node]) -> bool:
    """Whether one 1x1 window reads every other place only, perhaps behind an activation."""
    op = readers[0].op if len(readers) == 1 else None
    if not isinstance(op, Op):
        return False
    if is_pointwise(op.word):
        return _subsampled(site, site.view.consumers.get(readers[0].outputs[0].name, []))
    window = getattr(op, "window", None)
    return window is not None and window.size == (1, 1) != window.stride


def _summed(site: Site, one: str, other: str) -> bool:
    """Both are terms of one sum, where linear layers become one without a split."""
    return any(
        isinstance(reader.op, Add) and other in reader.inputs
        for reader in site.view.consumers.get(one, ())
    )


def _meets_map(site: Site, value: str) -> bool:
    """Whether every window of the pool that gives a value has an element of the map in it."""
    from ..passes.bounds import meets_map

    node = site.view.producers[value]
    return isinstance(node.op, Op) and meets_map(node.op, site.view.types[node.inputs[0]])


def _counts_padding(site: Site, value: str) -> bool:
    """The average that gives a value pads with zeros and divides by their number too."""
    from ..passes.bounds import has_padding

    node = site.view.producers[value]
    assert isinstance(node.op, AvgPool)
    return node.op.count_include_pad and has_padding(node.op, site.view.types[node.inputs[0]])


def _pads_below(site: Site, value: str) -> bool:
    """Whether the constant around a map is never above what is on it."""
    node = site.view.producers[value]
    assert isinstance(node.op, ConstantPad)
    return node.op.value <= site.view.bounds[node.inputs[0]].low


def _smaller(site: Site, one: str, other: str) -> bool:
    """The first value has fewer positions than the second; sizes that are open count as large."""
    less = site.view.types[other].area - site.view.types[one].area
    return (less.at(dict.fromkeys(less.variables, LARGE)) if isinstance(less, Symbol) else less) > 0


def _monotone(site: Site, f: OpRef) -> bool:
    return f.word in MONOTONE


def _idempotent(site: Site, f: OpRef) -> bool:
    return f.word in IDEMPOTENT


def _located(site: Site, value: str) -> bool:
    """Where its window lies is known: not while `same` waits for the size of the map."""
    return site.window(value) is not None


def _unpadded(site: Site, value: str) -> bool:
    """Its operator reads nothing but the map."""
    window = site.window(value)
    return window is not None and all(axis.lo <= 0 and axis.hi <= 0 for axis in window)


def _covers(site: Site, wide: str, narrow: str) -> bool:
    """The first operator reads all that the second one reads, at the same stride and place."""
    from .windows import unite

    a, b = site.window(wide), site.window(narrow)
    return a is not None and b is not None and tuple(map(unite, a, b)) == a


ABOUT = {"operator": "one operator", "value": "one value", "value value": "two values"}
"""What predicates ask about, in words."""
PREDICATES: dict[str, tuple[str, Predicate]] = {
    "pointwise": ("operator", _pointwise),
    "normalises": ("operator", _normalises),
    "channelwise": ("operator", _channelwise),
    "monotone": ("operator", _monotone),
    "idempotent": ("operator", _idempotent),
    "homogeneous": ("operator", _homogeneous),
    "nonnegative": ("value", _nonnegative),
    "idle": ("value", _idle),
    "claimed": ("value", _claimed),
    "summed": ("value value", _summed),
    "meets_map": ("value", _meets_map),
    "counts_padding": ("value", _counts_padding),
    "smaller": ("value value", _smaller),
    "pads_below": ("value", _pads_below),
    "located": ("value", _located),
    "unpadded": ("value", _unpadded),
    "covers": ("value value", _covers),
}
"""What each predicate asks about, and the answer."""
