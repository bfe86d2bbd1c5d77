"""What a rule costs and saves, as formulas: parameters and MACs of both sides.

Nothing is written down by hand. Instances are elaborated, the ledgers of their operators say
what they cost (`bills`), and formulas in the holes follow by exact interpolation (`samples`).
Biases that a left side leaves open are not counted: the formulas are those of tables.
"""

from __future__ import annotations

from fractions import Fraction

from ...record import Record, replace
from ...syntax import Binary, Dims, Name, Number
from ..conditions import conjuncts
from .holes import parameters_of
from .instances import CHANNELS, SIZES, Bench
from .polynomials import ZERO, Polynomial, polynomial, unknown
from .samples import SAMPLES, best_sampling
from .symbolic import compare

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...syntax import Expr, Parameter
    from ..rule import Rewrite
    from .holes import Hole
    from .instances import Search

ROLES = tuple(SAMPLES)
"""In this order variables are written; widths and what is multiplied with them come last."""
AREA = unknown(SIZES[0]) * unknown(SIZES[1])


class Formula(Record):
    """A quantity of both sides."""

    left: Polynomial
    right: Polynomial

    @property
    def saved(self) -> Polynomial:
        return self.left - self.right


class Costs(Record):
    """What both sides cost.

    Arguments:
        params: parameters.
        macs: MACs, for each position of the output if `is_dense`.
        fixed: MACs that are the same for maps of every size, if `is_dense`.
        is_dense: whether the output is a map.
        order: the variables, as they are to be written.
        widths: those that are numbers of channels.
        free: those that whoever applies the rule may choose.
        usual: what parameters are that are not given.
        least: least values of variables.
        at: what the formulas are for: `{"d": "2", "n": "C"}`.
        is_uniform: whether all instances have the same operators.
    """

    params: Formula
    macs: Formula
    fixed: Formula
    is_dense: bool
    order: tuple[str, ...]
    widths: tuple[str, ...]
    free: tuple[str, ...]
    usual: Mapping[str, Polynomial]
    least: Mapping[str, int]
    at: Mapping[str, str]
    is_uniform: bool


def costs(rewrite: Rewrite, found: Search) -> Costs | None:
    """The costs of a rule as formulas; None where they are no polynomials."""
    if found.bench is None or found.instance is None or rewrite.equation is None:
        return None
    ground = found.bench.ground
    usual = _usual(rewrite, found.bench.holes)
    bench = Bench(_without(rewrite, usual), ground)
    samples = best_sampling(bench, found)
    if samples is None or samples.fit is None:
        return None
    left, right = samples.fit.polynomials[:3], samples.fit.polynomials[3:]
    params, macs, fixed = (Formula(a, b) for a, b in zip(left, right, strict=True))
    is_dense = found.instance.left.output_types[0].is_map
    if not is_dense and ground.is_map and not ground.is_sized:  # positions are those of the input
        macs = Formula(macs.left * AREA + fixed.left, macs.right * AREA + fixed.right)
        fixed = Formula(ZERO, ZERO)
    names = [name for name in samples.choices if name not in samples.fit.fixed]
    role = {name: bench.numbers[name].role for name in names}
    widths = {name for name in names if role[name] == "width"}
    chosen = parameters_of(rewrite.ref.rule).keys() - rewrite.equation.left.holes
    order = sorted(names, key=lambda name: (ROLES.index(role[name]), name != CHANNELS))
    return Costs(
        params,
        macs,
        fixed,
        is_dense,
        tuple(dict.fromkeys((*SIZES, *order))),
        tuple(n for n in names if n in widths or widths & usual.get(n, ZERO).variables),
        tuple(name for name in names if name in chosen),
        usual,
        _least(rewrite),
        {**{name: str(samples.base[name]) for name in samples.fit.fixed}, **samples.tied},
        samples.is_uniform,
    )


def _usual(rewrite: Rewrite, holes: Mapping[str, Hole]) -> dict[str, Polynomial]:
    """Parameters that were not given, with their defaults where these are numbers or formulas."""
    found: dict[str, Polynomial] = {}
    given = dict(rewrite.given)
    for name, parameter in _not_given(rewrite).items():
        value = given.get(name)
        formula = None
        if isinstance(value, int) and not isinstance(value, bool):
            formula = polynomial([((), Fraction(value))])
        elif value is None and parameter.default is not None:
            formula = _formula(parameter.default, holes)
        if formula is not None:
            found[name] = formula
    return found


def _not_given(rewrite: Rewrite) -> dict[str, Parameter]:
    arguments = rewrite.ref.arguments
    positional = sum(argument.name is None for argument in arguments)
    named = {argument.name for argument in arguments}
    every = list(parameters_of(rewrite.ref.rule).items())
    return {name: p for name, p in every[positional:] if name not in named and p.default}


def _formula(expr: Expr, holes: Mapping[str, Hole]) -> Polynomial | None:
    """A default as a formula: `n`, `n/4`."""
    if isinstance(expr, Number) and isinstance(expr.value, int):
        return polynomial([((), Fraction(expr.value))])
    if isinstance(expr, Name) and expr.id in holes:
        return unknown(expr.id)
    if not isinstance(expr, Binary) or expr.operator not in ("+", "-", "*", "/"):
        return None
    left, right = _formula(expr.left, holes), _formula(expr.right, holes)
    if left is None or right is None:
        return None
    if expr.operator == "/":
        return left * right.inverse if len(right.terms) == 1 else None
    return {"+": left + right, "-": left - right, "*": left * right}[expr.operator]


def _without(rewrite: Rewrite, names: Mapping[str, Polynomial]) -> Rewrite:
    """The rule with parameters that are left open."""
    given = tuple((name, value) for name, value in rewrite.given if name not in names)
    inferred = tuple((name, value) for name, value in rewrite.inferred if name not in names)
    return replace(rewrite, given=given, inferred=inferred)


def _least(rewrite: Rewrite) -> dict[str, int]:
    """Least values that the conditions tell, above 1."""
    least: dict[str, int] = {}
    for condition in rewrite.conditions:
        for part in conjuncts(condition):
            if isinstance(part, Binary):
                compare(part, least, {})
            if _is_more_than_a_point(part):
                least[part.left.id] = 2  # type: ignore[union-attr]
    return least


def _is_more_than_a_point(part: Expr) -> bool:
    """Whether a condition is `k != 1x1`."""
    if not isinstance(part, Binary) or part.operator != "!=" or not isinstance(part.left, Name):
        return False
    factors = part.right.factors if isinstance(part.right, Dims) else ()
    return bool(factors) and all(isinstance(f, Number) and f.value == 1 for f in factors)
