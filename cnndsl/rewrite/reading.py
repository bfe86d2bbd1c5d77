"""Rules of the language taken apart, once: what is wrong with one is said before it is applied."""

from __future__ import annotations

from ..bind import name_span
from ..diagnostics import CnnError, fail, suggest
from ..evaluate.expressions import evaluate, known, lookup
from ..evaluate.functions import FUNCTIONS
from ..evaluate.scope import Scope
from ..evaluate.values import RuleRef, whole
from ..source import Source
from ..syntax import Body, Carrier, Condition, Expect, Expr, Keeps, Name, Rule, Transform
from .conditions import PREDICATES
from .pattern import names_of, read_pattern
from .rule import CLAIMS, FUNCTION, KINDS, Equation, Rewrite, call_form, parameters_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ..namespace import Namespace


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
