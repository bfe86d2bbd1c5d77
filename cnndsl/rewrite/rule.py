"""Rules as the engine sees them: an equation of two fragments, conditions, claims, kind.

    rule factor_5x5 "Szegedy et al. 2016, sec. 3.1" {
      conv 5x5/s, n => conv 3x3, n; conv 3x3/s, n
      keeps window, shape
    }

The kind says how much of the function stays: none of it is promised of an
architectural rule, which has no kind at all.
"""

from __future__ import annotations

from ..bind import variables_of
from ..record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..evaluate.values import RuleRef
    from ..namespace import Namespace
    from ..syntax import Body, Expr, Rule
    from .pattern import Pattern

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
