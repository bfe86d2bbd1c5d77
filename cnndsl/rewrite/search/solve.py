"""The best selection of a space: sums by `select`, the depth by rows that are added as needed.

What is no sum is looked at afterwards. A selection that is too shallow or too deep adds a
row that it does not meet and no right one misses (`route`), and the question is asked again.
"""

from __future__ import annotations

from ...record import Record, replace
from .. import select
from ..select import Bound, Goal, Selection, Unreachable
from .goal import Impossible
from .route import along, gains, longest
from .tables import SUMS, Cut, Tables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...passes.depth import Lengths
    from .fragments import Choice
    from .goal import Axes, Reach, Target
    from .route import Picked, Route
    from .sites import Space

ROUNDS = 30
"""Rows about depth for one question, at most."""


class Solution(Record):
    """A selection within the bounds.

    Arguments:
        picked: what was chosen at the sites that change.
        costs: of all measures.
        value, bound: of the objective; no selection has less than the bound.
        proven: whether none is better.
    """

    picked: Picked
    costs: Mapping[str, int]
    value: int
    bound: int
    proven: bool

    @property
    def gap(self) -> float:
        """How much better, relatively, another selection could be."""
        return (self.value - self.bound) / max(1, self.value)


class Solver:
    """Questions about one space; rows that one of them adds serve the others too."""

    def __init__(self, space: Space, target: Target) -> None:
        self.space = space
        self.target = target
        self.least = target.limit("depth", ">=")
        self.most = target.limit("depth", "<=")
        self.sums = tuple(bound for bound in target.bounds if bound.measure in SUMS)
        self.tables = Tables(space, target)
        self._excluded(self._as_it_is(), self.most)

    # -------------------------------------------------------------- questions

    def best(self) -> Solution | Impossible:
        """The selection with the least of the objective within the bounds."""
        objective = "macs" if self.target.objective == "depth" else self.target.objective
        found = self._within(objective, self.most)
        if isinstance(found, Impossible):
            return replace(found, reach={**found.reach, **self._depths()})
        return self._shallowest(found) if self.target.objective == "depth" else found

    def _shallowest(self, found: Solution) -> Solution:
        """By bisection: the fewest MACs at the least depth that there is."""
        low = floor = 0
        while low < found.costs["depth"]:
            middle = (low + found.costs["depth"]) // 2
            other = self._within("macs", middle)
            if isinstance(other, Solution):
                found = other
                continue
            low = middle + 1
            floor = low if other.proven else floor
        depth = found.costs["depth"]
        return replace(found, value=depth, bound=floor, proven=floor == depth)

    def front(self, points: int, axes: Axes) -> tuple[Solution, ...]:
        """Selections that have less of one measure only with more of the other, all proved.

        The budgets for the two do not hold, all other bounds do.
        """
        bounds = [b for b in self.sums if b.relation == ">=" or b.measure not in axes]
        found: list[Solution] = []
        for _ in range(ROUNDS):
            rows = (*bounds, *self.tables.rows(self.most))
            selections = select.pareto(
                self.tables.sites(), self.tables.base, *axes, points, rows, self.tables.exclusive
            )
            found = [self._solution(selection) for selection in selections]
            wrong = [point for point in found if self._excluded(point, self.most)]
            if not wrong:
                break
        return tuple(point for point in found if point.proven and self._fits(point, self.most))

    # ---------------------------------------------------------------- answers

    def _within(self, objective: str, most: int | None) -> Solution | Impossible:
        found = self._settled(objective, most)
        if not isinstance(found, int):
            return found
        # One path alone may be made long enough, which is more than is asked for.
        deepest = Cut(">=", *along(self.space, self._deepest()))
        sure = self._settled(objective, most, (deepest,))
        if isinstance(sure, Solution):
            return replace(sure, bound=found, proven=False)
        return Impossible({}, proven=False)

    def _settled(
        self, objective: str, most: int | None, further: tuple[Cut, ...] = ()
    ) -> Solution | Impossible | int:
        """The best selection of the right depth; only a bound when the rounds do not suffice."""
        ties = tuple(measure for measure in SUMS if measure != objective)
        bound = 0
        for _ in range(ROUNDS):
            goal = Goal(objective, (*self.sums, *self.tables.rows(most, *further)), ties=ties)
            found = select.select(
                self.tables.sites(*further), goal, self.tables.base, self.tables.exclusive
            )
            if isinstance(found, Unreachable):
                return Impossible(self._reach(found, most), found.proven)
            solution, bound = self._solution(found), max(bound, found.bound)
            if not self._excluded(solution, most):
                settled = solution.proven or bound == solution.value
                return replace(solution, bound=bound, proven=settled)
        return bound

    def _as_it_is(self) -> Solution:
        """Every site stays."""
        depth = longest(self.space, {}).length
        costs = {**self.tables.base, "changes": 0, "depth": depth}
        return Solution({}, costs, costs[self.target.objective], 0, proven=False)

    def _solution(self, found: Selection) -> Solution:
        picked = {
            number: site.choices[at - 1]
            for number, site in enumerate(self.space.sites)
            if (at := int(found.choice[str(number)]))
        }
        depth = longest(self.space, picked).length
        costs = {measure: found.costs.get(measure, 0) for measure in SUMS}
        return Solution(picked, {**costs, "depth": depth}, found.value, found.bound, found.proven)

    def _fits(self, solution: Solution, most: int | None) -> bool:
        depth = solution.costs["depth"]
        return (self.least or 0) <= depth <= (depth if most is None else most)

    def _excluded(self, solution: Solution, most: int | None) -> bool:
        """Whether a selection has the wrong depth; if so, there is a row against it from now on."""
        depth = solution.costs["depth"]
        if self.least is not None and depth < self.least:
            self.tables.cuts.append(Cut(">=", depth, gains(self.space, solution.picked)))
        elif most is not None and depth > most:
            self.tables.cuts.append(
                Cut("<=", *along(self.space, longest(self.space, solution.picked)))
            )
        return not self._fits(solution, most)

    def _reach(self, found: Unreachable, most: int | None) -> Reach:
        """How far each bound of a sum can be met."""

        def value(nearest: Selection | None, together: bool) -> int | None:
            if nearest is None:
                return None
            fits = not together or self._fits(self._solution(nearest), most)
            return nearest.value if fits else None

        return {
            reach.bound: (value(reach.alone, False), value(reach.together, True))
            for reach in found.reach
            if reach.bound.measure in SUMS
        }

    def _depths(self) -> Reach:
        """How far the bounds of the depth can be met."""
        top = self._as_it_is().costs["depth"] + sum(map(max, gains(self.space, {})))
        ends = {">=": top, "<=": 0}
        return {
            bound: (self._nearest(bound, ends, ()), self._nearest(bound, ends, self.sums))
            for bound in self.target.bounds
            if bound.measure == "depth"
        }

    def _nearest(
        self, bound: Bound, ends: Mapping[str, int], others: tuple[Bound, ...]
    ) -> int | None:
        """The greatest or the least depth within other bounds, by bisection."""

        def depth(*limit: Bound) -> int | None:
            target = replace(self.target, objective="changes", bounds=(*others, *limit))
            solver = Solver(self.space, target)
            found = solver._within("changes", solver.most)
            return found.costs["depth"] if isinstance(found, Solution) else None

        near, end = depth(), ends[bound.relation]
        while near is not None and near != end:
            middle = near + (end - near) // 2 if end < near else near + (end - near + 1) // 2
            reached = depth(replace(bound, value=middle))
            if reached is not None:
                near = reached
            else:
                end = middle + (1 if end < near else -1)
        return near

    def _deepest(self) -> Route:
        """The longest path when every site is as long as it can be beside those before it."""
        rivals = {frozenset(pair) for pair in self.space.exclusive}
        picked: dict[int, Choice] = {}
        for number, site in enumerate(self.space.sites):
            at = max((0, *self.tables.options[number]), key=lambda at: _sum(site.lengths_of(at)))
            if at and not any(frozenset((number, other)) in rivals for other in picked):
                picked[number] = site.choices[at - 1]
        return longest(self.space, picked)


def _sum(lengths: Lengths) -> int:
    return sum(length or 0 for length in lengths)
