"""What is wanted: less of one measure, budgets for others, and what must not be lost.

Costs of places add up. With them alone the cheapest alternative wins everywhere, every
convolution becomes depthwise, and what the network could learn is nobody's concern. So a
goal has to name something that holds the search back.
"""

from __future__ import annotations

import re

from ...diagnostics import fail
from ...notation import number
from ...numerals import number_value
from ...passes.cost import cost
from ...record import Record
from ..select import Bound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Literal, NoReturn

    from ...graph import Module
    from ...symbol import Size

    Axes = tuple[str, str]
    """Two measures, one against the other."""
    Reach = Mapping[Bound, tuple[int | None, int | None]]
    """How far each bound can be met: alone, and together with the others."""
    Relation = Literal["<=", ">="]

MEASURES = {
    "params": "parameters",
    "macs": "MACs",
    "depth": "depth",
    "changes": "changed places",
}
"""What can be minimised and bounded, in words. A place in a function counts as one change,
however many copies the function has."""
KEPT = {"receptive_field": ("window", "hull"), "shape": ("shape",)}
"""What can be kept, and the claims of rules that prove it."""

_BUDGET = re.compile(r"\s*(<=|>=)?\s*(\d[\d_]*(?:\.\d+)?)([KMGT%]?)\s*")


class Target(Record):
    """What the search is for.

    Arguments:
        objective: the measure that is to be as small as can be.
        bounds: budgets; values of `%` are numbers already.
        keep: what every rule must prove that it keeps.
        chosen: whether rules were named or forbidden.
    """

    objective: str
    bounds: tuple[Bound, ...] = ()
    keep: tuple[str, ...] = tuple(KEPT)
    chosen: bool = False

    @property
    def is_held(self) -> bool:
        """Whether something keeps the cheapest alternative from winning everywhere."""
        changes = self.objective == "changes" or any(b.measure == "changes" for b in self.bounds)
        return self.chosen or changes or any(bound.relation == ">=" for bound in self.bounds)

    def limit(self, measure: str, relation: Relation) -> int | None:
        """The strictest bound of that kind, if there is one."""
        found = [b.value for b in self.bounds if (b.measure, b.relation) == (measure, relation)]
        strictest = min if relation == "<=" else max
        return strictest(found) if found else None


def budget(measure: str, text: str, before: Size, relation: Relation = "<=") -> Bound:
    """`<=5M`, `5M`, `40%` as a bound. Raises ValueError with a hint.

    Arguments:
        before: how much the network has, which `%` is a part of.
        relation: the one that is meant without a sign.
    """
    found = _BUDGET.fullmatch(text)
    if found is None:
        raise ValueError(f"`{text}` is no budget: write `<=5M`, `>=3M` or `<=40%`")
    sign, digits, unit = found.groups()
    if sign is not None:
        relation = "<=" if sign == "<=" else ">="
    value = _share(digits, before, relation) if unit == "%" else number_value(digits + unit)
    if not isinstance(value, int):
        raise ValueError(f"`{digits}{unit}` is no whole number")
    return Bound(measure, relation, value)


def _share(digits: str, before: Size, relation: Relation) -> int | None:
    """That many percent of what there is, rounded to the safe side."""
    from fractions import Fraction
    from math import ceil, floor

    if not isinstance(before, int):
        return None
    exact = before * Fraction(digits.replace("_", "")) / 100
    return floor(exact) if relation == "<=" else ceil(exact)


# -------------------------------------------------------------------- refusals


def holds(bound: Bound, costs: Mapping[str, int]) -> bool:
    """Whether costs are within a bound."""
    value = costs[bound.measure]
    return value <= bound.value if bound.relation == "<=" else value >= bound.value


def check(target: Target) -> None:
    """Raise E1006 for a goal that holds nothing back."""
    if target.is_held:
        return
    fail(
        "E1006",
        "the goal does not say what must not be lost",
        notes=(
            "costs add up, so with costs alone the cheapest alternative would win everywhere: "
            "all convolutions depthwise",
        ),
        help=(
            "hold it back by `--min-depth 22`, `--min-params 3M`, `--min-macs 500M`, "
            "`--max-changes 8`, `--forbid depthwise_separable` or `--rules factor_5x5,asym`",
        ),
    )


def symbolic(module: Module) -> None:
    """Raise E1006 for costs that depend on the size of the input."""
    total = cost(module)
    for measure, size in (("params", total.params), ("macs", total.macs)):
        if not isinstance(size, int):
            fail(
                "E1006",
                f"the {MEASURES[measure]} depend on the size of the input: {number(size)}",
                help=("give the input a size: `--input 224x224x3`",),
            )


def unkept(unfit: Sequence[tuple[str, str]]) -> NoReturn:
    """Raise E1006: every setting of the knobs is refused, with the reason."""
    fail(
        "E1006",
        "no width, depth or resolution is left to try",
        notes=[f"{name}: {reason}" for name, reason in unfit],
        help=("leave it out, or keep less: `--keep shape`",),
    )


class Impossible(Record):
    """There is no selection within the bounds, or none was found."""

    reach: Reach
    proven: bool


def unreachable(answers: Sequence[Impossible]) -> NoReturn:
    """Raise E1006 with how far each bound can be met."""
    notes = []
    for bound in dict.fromkeys(bound for answer in answers for bound in answer.reach):
        best = min if bound.relation == "<=" else max
        ways = [answer.reach[bound] for answer in answers if bound in answer.reach]
        alone, together = (
            best((v for v in values if v is not None), default=None)
            for values in zip(*ways, strict=True)
        )
        word = "least" if bound.relation == "<=" else "most"
        said = [f"the {word} is {alone:,}"] if alone is not None else []
        if together is not None and together != alone:
            said.append(f"and {together:,} within the other bounds")
        notes.append(f"{MEASURES[bound.measure]} {bound.relation} {bound.value:,}: "
                     f"{', '.join(said) or 'cannot be met'}")  # fmt: skip
    proven = all(answer.proven for answer in answers)
    fail(
        "E1006",
        "no selection of these alternatives is within the bounds"
        if proven
        else "no selection within the bounds was found",
        notes=notes,
        help=("relax a bound, or allow more: fewer words after `--keep`, rules of your own",),
    )
