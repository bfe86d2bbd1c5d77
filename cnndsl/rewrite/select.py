"""One alternative for every site: the best selection under budgets, and the proof.

Rewrites of different sites leave each other alone, so their costs add up, and the choice
is a multiple-choice knapsack problem. A solver in floating point cannot be its judge: at
10¹⁰ MACs it takes a selection that is over the budget by one for one that is not. So
HiGHS proposes, and whole numbers decide:

1. The linear relaxation gives every budget a price. For any prices λ ≥ 0, however they
   were found, what a selection within the budgets costs is at least

       Σ over sites of min over alternatives (cost + λ·use)  −  λ·budget

2. The mixed integer program gives a selection, which is added up anew.
3. A search over partial selections, site after site, drops those that cannot come below
   the proposal by this bound, those over a budget, and those that another one dominates.
   What is left at the end is better than the proposal. Where nothing is, the proposal is
   the optimum, and that is the certificate.

Good prices leave the search little to do: most alternatives fall to the bound at once.
"""

from __future__ import annotations

from bisect import bisect_right
from math import gcd

from ..record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any, Literal

    Place = tuple[str, str]
    """A site and one of its alternatives, by name."""
    Exclusive = Iterable[tuple[Place, Place]]
    """Pairs that are never chosen together."""
    Table = tuple[tuple[int, ...], ...]
    """A number for every alternative of every site."""
    Cell = tuple[int, int]
    """The position of a site and that of one of its alternatives."""
    Path = tuple[Any, ...]
    """A partial selection: the one before it, and a cell; empty at the start."""

EFFORT = 200_000
"""Partial selections kept side by side; where more are needed the gap is reported."""
SECONDS = 10.0
"""For a proposal."""
NEAR = 1e-4
"""How far from its optimum, relatively, HiGHS may leave off: the search does the rest."""
MARGINS = (0.0, 1e-5)
"""Parts of a budget kept free: HiGHS may exceed what it is given by a millionth."""
SCALE = 1 << 40
"""Prices are whole multiples of 1 / SCALE."""


class Alternative(Record):
    """What a site may become. Costs by measure are whole numbers; one not named is 0."""

    name: str
    costs: Mapping[str, int]


class Site(Record):
    """A place with a choice of at least one alternative. Names of sites are unique."""

    name: str
    alternatives: tuple[Alternative, ...]


class Bound(Record):
    """`params <= 5000000`"""

    measure: str
    relation: Literal["<=", ">="]
    value: int

    def holds(self, costs: Mapping[str, int]) -> bool:
        cost = costs.get(self.measure, 0)
        return cost <= self.value if self.relation == "<=" else cost >= self.value


class Goal(Record):
    """What is sought.

    Arguments:
        objective: the measure that is to be as small as can be, or as large.
        bounds: budgets.
        ties: measures that decide, in this order, between selections that are equally
            good; the smaller is the better.
    """

    objective: str
    bounds: tuple[Bound, ...] = ()
    maximise: bool = False
    ties: tuple[str, ...] = ()


class Selection(Record):
    """A selection within the budgets.

    Arguments:
        choice: the name of an alternative for every site.
        costs: in all measures, with the base.
        value: of the objective.
        bound: no selection is better than this.
        proven: whether no other selection is better, ties included.
    """

    choice: Mapping[str, str]
    costs: Mapping[str, int]
    value: int
    bound: int
    proven: bool

    @property
    def gap(self) -> float:
        """How much better, relatively, another selection could be."""
        return abs(self.value - self.bound) / max(1, abs(self.value))


class Reach(Record):
    """How far one budget can be met.

    Arguments:
        alone: the selection that comes nearest to it, or farthest within it, when it is
            the only one; None when sites exclude each other so that there is none.
        together: the same when the other budgets hold; None when they cannot.
    """

    bound: Bound
    alone: Selection | None
    together: Selection | None


class Unreachable(Record):
    """No selection is within the budgets.

    Arguments:
        proven: False when the search was too large to say that there is none.
    """

    reach: tuple[Reach, ...]
    proven: bool


# ------------------------------------------------------------------ questions


def select(
    sites: Sequence[Site],
    goal: Goal,
    base: Mapping[str, int] | None = None,
    exclusive: Exclusive = (),
    effort: int = EFFORT,
) -> Selection | Unreachable:
    """The best selection under the budgets of the goal.

    Arguments:
        base: costs that every selection has.
        effort: partial selections kept side by side while proving.

    Raises ImportError without SciPy.
    """
    problem = _Problem(tuple(sites), base or {}, tuple(exclusive), effort)
    best = problem.best(goal)
    if isinstance(best, Selection):
        return best
    return Unreachable(tuple(_reach(problem, goal.bounds)), best.is_complete)


def pareto(
    sites: Sequence[Site],
    base: Mapping[str, int] | None = None,
    x: str = "macs",
    y: str = "params",
    points: int = 12,
    bounds: tuple[Bound, ...] = (),
    exclusive: Exclusive = (),
    effort: int = EFFORT,
) -> tuple[Selection, ...]:
    """Selections for which no other has both less `x` and less `y`, by rising `x`.

    All of them when there are at most `points`, else that many, spread over the front:
    where neighbours are farthest apart the best `y` is sought for an `x` between them.
    Empty when nothing is within the bounds.
    """
    problem = _Problem(tuple(sites), base or {}, tuple(exclusive), effort)
    first = problem.best(Goal(x, bounds, ties=(y,)))
    last = problem.best(Goal(y, bounds, ties=(x,)))
    if not isinstance(first, Selection) or not isinstance(last, Selection):
        return ()
    found = {first.costs.get(x, 0): first, last.costs.get(x, 0): last}
    gaps = [(min(found), max(found))]  # between them nothing is known
    while gaps and len(found) < points:
        left, right = gaps.pop(gaps.index(max(gaps, key=lambda gap: gap[1] - gap[0])))
        for most in ((left + right) // 2, right - 1):
            ...
    return tuple(found[at] for at in sorted(found))
