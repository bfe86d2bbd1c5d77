"""Rules as the engine sees them: an equation of two fragments, conditions, claims, kind.

A rule is an item of the language. This module takes its syntax apart once:

    rule factor_5x5 "Szegedy et al. 2016, sec. 3.1" {
      conv 5x5/s, n => conv 3x3, n; conv 3x3/s, n
      keeps window, shape
    }

The kind says how much of the function stays: none of it is promised of an
architectural rule, which has no kind at all.
"""

from __future__ import annotations

from ..bind import name_span, variables_of
from ..diagnostics import CnnError, fail, suggest
from ..evaluate.expressions import evaluate, known, lookup
from ..evaluate.functions import FUNCTIONS
from ..evaluate.scope import Scope
from ..evaluate.values import RuleRef, whole
from ..record import Record
from ..source import Source
from ..syntax import Body, Carrier, Condition, Expect, Expr, Keeps, Name, Rule, Transform
from .conditions import PREDICATES
from .pattern import Pattern, names_of, read_pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ..namespace import Namespace

KINDS: dict[str, str] = {
    "exact": "the same function, and the same gradients while training",
    "reparametrised": "the same function, learnt along another path",
    "inference": "the same function once training is over",
    "approximate": "nearly the same function; the error is measured",
    "simplify": "applied until nothing is left to simplify",
}
"""What the words before a rule's body promise."""
FUNCTION = ("exact", "reparametrised", "inference")
"""Kinds that keep the function."""
CLAIMS: dict[str, str] = {
    "window": "every output reads the same inputs, at the same stride and alignment",
    "hull": "every output reads as far as before, though not every input between",
    "shape": "the output has the same shape for every input",
}
"""What `keeps` may claim. The types at a site must agree in any case."""


class Equation(Record):
    """`left => right`

    Arguments:
        left: what is looked for.
        right: the statements that take its place, elaborated anew at each site.
        layered: statements on both sides are layers of a table: an operator with
            weights stands with the norms and activations behind it.
    """

    left: Pattern
    right: Body
    layered: bool


class Rewrite(Record):
    """A rule with its arguments, ready to be applied.

    Arguments:
        text: how it is called, `asym(7)`.
        given: values of the parameters that were given one, or have a default.
        inferred: those that only a site can tell: `m=n`, the channels found there.
        equation: the two sides, or None when `transform` names a function.
    """

    name: str
    text: str
    note: str
    kinds: tuple[str, ...]
    given: tuple[tuple[str, object], ...]
    inferred: tuple[tuple[str, Expr], ...]
    equation: Equation | None
    transform: str | None
    conditions: tuple[Expr, ...]
    keeps: tuple[str, ...]
    carrier: str | None
    ref: RuleRef

    @property
    def keeps_function(self) -> bool:
        return any(kind in FUNCTION for kind in self.kinds)

    @property
    def is_architectural(self) -> bool:
        return not self.keeps_function and "approximate" not in self.kinds

    @property
    def repeats(self) -> bool:
        """Whether it is applied until it finds nothing more."""
        return "simplify" in self.kinds

    @property
    def namespace(self) -> Namespace:
        return self.ref.namespace

    @property
    def missing(self) -> tuple[str, ...]:
        """Parameters that have no value, and get none from a site either."""
        holes = self.equation.left.holes if self.equation is not None else ()
        found = {*dict(self.given), *dict(self.inferred), *holes}
        return tuple(name for name in parameters_of(self.ref.rule) if name not in found)


def _no_claims(right: Body) -> None:
    """Raise for an `expect`: a right side stands in networks that it knows nothing of."""
    for statement in right.statements:
        if isinstance(statement, Expect):
            help = "what a rule keeps stands behind `keeps`; `expect` is for models"
            fail("E1001", "a right side claims nothing", statement.span, help=[help])


def read_rule(ref: RuleRef) -> Rewrite:
    """Check a rule and its arguments. Raises CnnError."""
    rule = ref.rule
    kinds = _kinds(rule)
    given = _arguments(ref)
    clauses: dict[type, list[Any]] = {Condition: [], Keeps: [], Carrier: [], Transform: []}
    for clause in rule.clauses:
        clauses[type(clause)].append(clause)
    for form, word in ((Carrier, "weights"), (Transform, "transform")):
        if len(clauses[form]) > 1:
            fail("E1001", f"a rule has one `{word}`", clauses[form][1].span,
                 help=["what it names does it for all layers of the rule"])  # fmt: skip
    layered = not any(kind in (*FUNCTION, "approximate") for kind in kinds)
    equation = None
    if rule.left is not None and rule.right is not None:
        left = read_pattern(rule.left, ref.namespace, parameters_of(rule), layered)
        _no_claims(rule.right)
        equation = Equation(left, rule.right, layered)
    elif not clauses[Transform]:
        fail("E1001", f"the rule `{rule.name.id}` has no equation", rule.name.span,
             help=["write `left => right`, or name its function with `transform`"])  # fmt: skip
    _check_names(ref, [clause.value for clause in clauses[Condition]], equation)
    carrier = clauses[Carrier][0].name.id if clauses[Carrier] else None
    transform = clauses[Transform][0].name.id if clauses[Transform] else None
    return Rewrite(
        rule.name.id,
        str(ref),
        rule.note.value if rule.note else "",
        kinds,
        tuple(given.items()),
        _of_site(rule, given, equation),
        equation,
        transform,
        tuple(clause.value for clause in clauses[Condition]),
        _claims(clauses[Keeps]),
        carrier,
        ref,
    )


def _kinds(rule: Rule) -> tuple[str, ...]:
    for word in rule.kinds:
        _known(word, KINDS, "kind of rule")
    return tuple(word.id for word in rule.kinds)


def _claims(clauses: list[Keeps]) -> tuple[str, ...]:
    words = [word for clause in clauses for word in clause.claims]
    for word in words:
        _known(word, CLAIMS, "claim that can be proved")
    return tuple(dict.fromkeys(word.id for word in words))


def _known(word: Name, words: Mapping[str, str], what: str) -> None:
    if word.id in words:
        return
    near = suggest(word.id, words, word.span)
    help = near or (f"there are {', '.join(f'`{w}`' for w in words)}",)
    fail("E1001", f"`{word.id}` is no {what}", word.span, help=help)


def _check_names(ref: RuleRef, conditions: Sequence[Expr], equation: Equation | None) -> None:
    """Every name of a condition means something wherever the rule is applied."""
    own = {*parameters_of(ref.rule), "in", "out"}
    if equation is not None:
        left = equation.left
        own.update((*left.holes, *dict(left.labels), *dict(left.inputs)))
    scope = Scope(ref.namespace)
    for name in (name for condition in conditions for name in names_of(condition)):
        if name.id not in own and name.id not in PREDICATES and not known(name.id, scope):
            near = suggest(name.id, [*own, *PREDICATES, *FUNCTIONS], name.span)
            help = "conditions are about holes, parameters and labels of the left side"
            fail("E0202", f"nothing here is called `{name.id}`", name.span,
                 help=near or (help,))  # fmt: skip


def _arguments(ref: RuleRef) -> dict[str, object]:
    """Values of the parameters. One without a value is a hole that the left side fills."""
    parameters = ref.rule.parameters
    names = parameters_of(ref.rule)
    values: dict[str, object] = {}
    position = 0
    for argument in ref.arguments:
        name = argument.name
        if name is None:
            if position == len(names):
                count = f"{len(names) or 'no'} argument{'s' * (len(names) != 1)}"
                fail("E0205", f"`{ref.rule.name.id}` takes {count}", argument.span,
                     help=[f"call it as `{call_form(ref.rule)}`"])  # fmt: skip
            name = names[position]
            position += 1
        elif name not in names:
            near = suggest(name, names, name_span(argument))
            help = near or (f"call it as `{call_form(ref.rule)}`",)
            fail("E0203", f"the rule `{ref.rule.name.id}` has no parameter `{name}`",
                 name_span(argument), help=help)  # fmt: skip
        if name in values:
            fail("E0205", f"`{name}` is given twice", argument.span, help=["leave one of them out"])
        values[name] = whole(argument.value)
    scope = Scope(ref.namespace, dict(values))
    for parameter in parameters:
        name = parameter.names[0].id
        default = parameter.default
        if name in values or default is None or _holes_of(default, scope):
            continue
        values[name] = scope.variables[name] = evaluate(default, scope)
    return {name: values[name] for name in names if name in values}


def _of_site(
    rule: Rule, given: Mapping[str, object], equation: Equation | None
) -> tuple[tuple[str, Expr], ...]:
    """The defaults that speak of holes: they have values where those have some."""
    holes = equation.left.holes if equation is not None else ()
    late = [(p.names[0].id, p.default) for p in rule.parameters if p.default is not None]
    found = tuple((name, default) for name, default in late if name not in given)
    for _, default in found:
        for name in names_of(default):
            if name.id not in holes and name.id not in given:
                near = suggest(name.id, (*holes, *given), name.span)
                help = near or ("a default speaks of holes and of parameters before it",)
                fail("E0202", f"nothing here is called `{name.id}`", name.span, help=help)
    return found


def _holes_of(expr: Expr, scope: Scope) -> list[Name]:
    """The names of an expression that have no value yet."""
    return [name for name in names_of(expr) if lookup(name.id, scope) is None]


def parameters_of(rule: Rule) -> list[str]:
    return [name.id for parameter in rule.parameters for name in variables_of(parameter)]


def call_form(rule: Rule) -> str:
    """How a rule is called: `asym(k, m=n)`."""
    shown = [
        name.id if parameter.default is None else f"{name.id}={parameter.default.span.text}"
        for parameter in rule.parameters
        for name in variables_of(parameter)
    ]
    return f"{rule.name.id}({', '.join(shown)})" if shown else rule.name.id


def rule_of_pattern(text: str, namespace: Namespace, option: str = "--find") -> Rewrite:
    """A left side alone, as the command line gives it: `conv 5x5`. Raises CnnError."""
    from ..parser import parse

    source = Source(option, f"rule find {{ {text} => identity }}")
    file, problems = parse(source)
    if problems:
        raise CnnError(*problems)
    (rule,) = file.items
    assert isinstance(rule, Rule)
    return read_rule(RuleRef(rule, namespace))
