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
from operator import add, le, mul, sub

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
    Choice = tuple[int, ...]
    Path = tuple[Any, ...]
    """A partial selection: the one before it, and a cell; empty at the start."""

EFFORT = 200_000
"""Partial selections kept side by side; where more are needed the gap is reported."""
SECONDS = 10.0
"""For a proposal."""
NEAR = 1e-4
"""How far from its optimum, relatively, HiGHS may leave off: the search does the rest."""
MARGIN = 1e-5
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
    best = _best(problem, goal)
    if isinstance(best, Selection):
        return best
    return Unreachable(tuple(_reach(problem, goal.bounds)), best.proven)


def _reach(problem: _Problem, bounds: tuple[Bound, ...]) -> Iterator[Reach]:
    for place, bound in enumerate(bounds):
        others = bounds[:place] + bounds[place + 1 :]
        alone, together = (
            _best(problem, Goal(bound.measure, held, maximise=bound.relation == ">="))
            for held in ((), others)
        )
        yield Reach(
            bound,
            alone if isinstance(alone, Selection) else None,
            together if isinstance(together, Selection) else None,
        )


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
    """Selections that can have less `x` only with more `y`, by rising `x`.

    All of them when there are at most `points`, else that many, spread out: inside the
    widest gap the least `y` is sought for an `x` up to its middle (epsilon constraint).
    Empty when nothing is within the bounds.

    Arguments:
        points: the two ends at least.
    """
    problem = _Problem(tuple(sites), base or {}, tuple(exclusive), effort)
    ends = _best(problem, Goal(x, bounds, ties=(y,))), _best(problem, Goal(y, bounds, ties=(x,)))
    found = {end.costs[x]: end for end in ends if isinstance(end, Selection)}
    gaps = [(min(found), max(found))] if found else []
    while len(found) < points and (gaps := [gap for gap in gaps if gap[1] - gap[0] > 1]):
        low, high = gaps.pop(gaps.index(max(gaps, key=lambda gap: gap[1] - gap[0])))
        for most in dict.fromkeys(((low + high) // 2, high - 1)):
            point = _best(problem, Goal(y, (*bounds, Bound(x, "<=", most)), ties=(x,)))
            if isinstance(point, Selection) and point.costs[x] > low:
                found[point.costs[x]] = point
                gaps += [(low, point.costs[x]), (most, high)]
                break
            low = most  # nothing lies between
    return _front([found[at] for at in sorted(found)], y)


def _front(points: Sequence[Selection], y: str) -> tuple[Selection, ...]:
    """Points by rising `x` without those that others dominate: only proven ones never are."""
    kept: list[Selection] = []
    for point in points:
        if not kept or point.costs[y] < kept[-1].costs[y]:
            kept.append(point)
    return tuple(kept)


# -------------------------------------------------------------------- answers


class _Problem(Record):
    """What is the same for every question."""

    sites: tuple[Site, ...]
    base: Mapping[str, int]
    exclusive: tuple[tuple[Place, Place], ...]
    effort: int

    def table(self, measure: str, sign: int = 1) -> Table:
        return tuple(
            tuple(sign * choice.costs.get(measure, 0) for choice in site.alternatives)
            for site in self.sites
        )


class _Nothing(Record):
    """No selection. Not proven when the effort did not suffice to say so."""

    proven: bool


def _best(problem: _Problem, goal: Goal) -> Selection | _Nothing:
    """The optimum, or the best that was found."""
    model = _model(problem, goal)
    highs = _Highs(model)
    proposal = highs.proposal()
    if proposal is None:
        scale, most = 0, 0
    else:
        scale, most = highs.scale, model.cost_of(proposal) - 1
    cut = _cut(model, highs.prices(elastic=proposal is None), scale, most)
    better, complete = _search(model, cut, problem.effort)
    choice = proposal if better is None else better
    if choice is None:
        return _Nothing(complete)
    bound = model.cost_of(choice) if complete else most - cut.limit // scale
    return _selection(problem, goal, choice, model.objective(bound), complete)


def _selection(
    problem: _Problem, goal: Goal, choice: Choice, bound: int, proven: bool
) -> Selection:
    """The choice by name, and what it costs in every measure."""
    chosen = {
        site.name: site.alternatives[at] for site, at in zip(problem.sites, choice, strict=True)
    }
    costs = dict.fromkeys((goal.objective, *goal.ties, *(b.measure for b in goal.bounds)), 0)
    for part in (problem.base, *(alternative.costs for alternative in chosen.values())):
        for measure, cost in part.items():
            costs[measure] = costs.get(measure, 0) + cost
    names = {site: alternative.name for site, alternative in chosen.items()}
    return Selection(names, costs, costs[goal.objective], bound, proven)


# ---------------------------------------------------------------------- model


class _Row(Record):
    """The numbers of what is chosen add up to `limit` at most. Each site has a 0."""

    table: Table
    limit: int


class _Model(Record):
    """A question in whole numbers, as small as they can be.

    Arguments:
        cost: what is to be least; each site has a 0.
        least, unit, weight, sign, base: the objective is
            `base + sign · ⌊(least + unit · cost) / weight⌋`; what is rounded off are ties.
        rows: budgets, the finest first.
        cliques: of each at most one alternative is chosen; the same as `bans`.
        bits, bans: for every alternative a bit of its own, and those of its rivals.
    """

    cost: Table
    least: int
    unit: int
    weight: int
    sign: int
    base: int
    rows: tuple[_Row, ...]
    cliques: tuple[_Row, ...]
    bits: Table
    bans: Table

    def cost_of(self, choice: Choice) -> int:
        return _total(self.cost, choice)

    def objective(self, cost: int) -> int:
        return self.base + self.sign * ((self.least + self.unit * cost) // self.weight)

    def allows(self, choice: Choice) -> bool:
        """Whether a choice is within every budget and has no rivals."""
        rows = (*self.rows, *self.cliques)
        return all(_total(row.table, choice) <= row.limit for row in rows)


def _model(problem: _Problem, goal: Goal) -> _Model:
    sign = -1 if goal.maximise else 1
    weight, terms = 1, []
    for measure in reversed(goal.ties):
        table, _ = _grounded(problem.table(measure))
        terms.append((weight, table))
        weight *= sum(map(max, table)) + 1
    terms.append((weight, problem.table(goal.objective, sign)))
    cost, least = _grounded(_weighted(terms))
    unit = _unit(cost)
    rows = [_budget(problem, bound) for bound in goal.bounds]
    bits, bans, cliques = _rivals(problem)
    return _Model(
        _divided(cost, unit),
        least,
        unit,
        weight,
        sign,
        problem.base.get(goal.objective, 0),
        tuple(sorted(rows, key=lambda row: -max(map(max, row.table), default=0))),
        cliques,
        bits,
        bans,
    )


def _budget(problem: _Problem, bound: Bound) -> _Row:
    sign = 1 if bound.relation == "<=" else -1
    table, least = _grounded(problem.table(bound.measure, sign))
    limit = sign * (bound.value - problem.base.get(bound.measure, 0)) - least
    unit = _unit(table)
    return _Row(_divided(table, unit), limit // unit)


def _rivals(problem: _Problem) -> tuple[Table, Table, tuple[_Row, ...]]:
    """Bits, bans and cliques of alternatives that exclude each other."""
    cells = {
        (site.name, choice.name): (i, j)
        for i, site in enumerate(problem.sites)
        for j, choice in enumerate(site.alternatives)
    }
    bits = {cell: 1 << at for at, cell in enumerate(cells.values())}
    bans = dict.fromkeys(bits, 0)
    rivals: dict[tuple[Cell, int], set[Cell]] = {}
    for pair in problem.exclusive:
        one, other = sorted(cells[place] for place in pair)
        bans[one] |= bits[other]
        bans[other] |= bits[one]
        rivals.setdefault((one, other[0]), set()).add(other)
    # Alternatives of one site with the same rivals make one clique: of two sites that
    # overlap, one is rewritten or the other.
    alike: dict[tuple[int, frozenset[Cell]], set[Cell]] = {}
    for (one, _), others in rivals.items():
        alike.setdefault((one[0], frozenset(others)), set()).add(one)
    cliques = ({*ones, *others} for (_, others), ones in alike.items())
    shape = [range(len(site.alternatives)) for site in problem.sites]

    def table(values: Mapping[Cell, int]) -> Table:
        return tuple(tuple(values.get((i, j), 0) for j in js) for i, js in enumerate(shape))

    return table(bits), table(bans), tuple(_Row(table(dict.fromkeys(c, 1)), 1) for c in cliques)


def _cut(model: _Model, prices: Sequence[int], scale: int, most: int) -> _Row:
    """What follows from all rows at these prices for selections that cost `most` at most."""
    rows = (*model.rows, *model.cliques)
    terms = [(price, row.table) for price, row in zip(prices, rows, strict=True)]
    table, least = _grounded(_weighted([(scale, model.cost), *terms]))
    spent = sum(price * row.limit for price, row in zip(prices, rows, strict=True))
    return _Row(table, scale * most + spent - least)


def _grounded(table: Table) -> tuple[Table, int]:
    """A table with the least number of each site taken off, and the sum of these."""
    least = [min(numbers) for numbers in table]
    shifted = (tuple(n - low for n in numbers) for low, numbers in zip(least, table, strict=True))
    return tuple(shifted), sum(least)


def _weighted(terms: Sequence[tuple[int, Table]]) -> Table:
    """The sum of tables, each times a number."""
    weights = [weight for weight, _ in terms]
    return tuple(
        tuple(sum(map(mul, weights, numbers)) for numbers in zip(*site, strict=True))
        for site in zip(*(table for _, table in terms), strict=True)
    )


def _unit(table: Table) -> int:
    """The greatest number that divides all."""
    return gcd(*(number for numbers in table for number in numbers)) or 1


def _divided(table: Table, unit: int) -> Table:
    return tuple(tuple(number // unit for number in numbers) for numbers in table)


def _total(table: Table, choice: Choice) -> int:
    return sum(numbers[at] for numbers, at in zip(table, choice, strict=True))


# --------------------------------------------------------------------- advice


class _Highs:
    """The model as HiGHS sees it, each row divided by its largest number.

    Behind the alternatives stands one more variable, the excess over the rows that is
    allowed. It is 0, except where prices are sought that show why nothing fits.
    """

    def __init__(self, model: _Model) -> None:
        self.model = model
        self.rows = (*model.rows, *model.cliques)
        self.largest = max(map(max, model.cost), default=0) or 1
        self.scales = [max(map(max, row.table), default=0) or 1 for row in self.rows]
        self.scale = SCALE * max(self.scales, default=1)

    def proposal(self) -> Choice | None:
        """A selection near the optimum that is within the budgets, whatever HiGHS thinks."""
        options = {"mip_rel_gap": NEAR, "time_limit": SECONDS}
        found = self._solve(MARGIN, False, integrality=1, options=options).x
        if found is None:
            return None
        choice, at = [], 0
        for numbers in self.model.cost:
            there = found[at : at + len(numbers)]
            choice.append(int(there.argmax()))
            at += len(numbers)
        return tuple(choice) if self.model.allows(tuple(choice)) else None

    def prices(self, elastic: bool) -> list[int]:
        """What one unit of each row is worth, over SCALE units of cost."""
        duals = self._solve(0.0, elastic).ineqlin.marginals
        if duals is None:
            return [0] * len(self.rows)
        unit = self.scale if elastic else self.scale * self.largest
        return [max(0, round(-d * (unit / s))) for d, s in zip(duals, self.scales, strict=True)]

    def _solve(self, margin: float, elastic: bool, **options: Any) -> Any:
        from scipy.optimize import linprog
        from scipy.sparse import csr_array

        shape = [len(numbers) for numbers in self.model.cost]
        columns = sum(shape)
        entries = []
        for i, (row, scale) in enumerate(zip(self.rows, self.scales)):
            at = 0
            for numbers in row.table:
                for n in numbers:
                    if n:
                        entries.append((n / scale, i, at))
                    at += 1
            entries.append((-1.0, i, columns))
        data, ii, jj = zip(*entries) if entries else ((), (), ())
        A = csr_array((data, (ii, jj)), shape=(len(self.rows), columns + 1))
        import numpy as np

        e = csr_array(
            (np.ones(columns), (np.repeat(np.arange(len(shape)), shape), np.arange(columns))),
            shape=(len(shape), columns + 1),
        )
        limits = [(row.limit + 0.5) / scale - margin for row, scale in zip(self.rows, self.scales)]
        cost = [n / self.largest for numbers in self.model.cost for n in numbers]
        if elastic:
            cost = [0.0] * columns
        return linprog(
            [*cost, float(elastic)],
            A,
            limits,
            e,
            np.ones(len(shape)),
            bounds=[(0, 1)] * columns + [(0, None if elastic else 0)],
            method="highs",
            **options,
        )


# --------------------------------------------------------------------- search


def _search(model: _Model, cut: _Row, effort: int) -> tuple[Choice | None, bool]:
    """The best choice that every row and the cut let through; whether the search was complete."""
    gauges = (*model.rows, cut)
    if any(gauge.limit < 0 for gauge in gauges):
        return None, True
    states: list[_State] = [((0,) * (1 + len(gauges)), 0, ())]
    for layer in _layers(model, gauges):
        states = _undominated(_longer(states, *layer), len(model.rows))
        STAT.append(len(states))
        if len(states) > effort:
            return None, False
    if not states:
        return None, True
    _, _, path = min(states)
    chosen = {}
    while path:
        path, site, at = path
        chosen[site] = at
    return tuple(chosen[site] for site in range(len(chosen))), True


STAT = []
ORDER = "given"


def _layers(model: _Model, gauges: Sequence[_Row]):
    sites = []
    for i, costs in enumerate(model.cost):
        sites.append([])
        for j, cost in enumerate(costs):
            step = (cost, *(gauge.table[i][j] for gauge in gauges))
            if all(map(le, step[1:], (g.limit for g in gauges))):
                sites[-1].append((step, model.bits[i][j], model.bans[i][j], (i, j)))
    if ORDER == "given":
        sites.sort(key=lambda o: len(o) > 1)
    if ORDER == "len":
        sites.sort(key=len)
    if ORDER == "regret":
        sites.sort(key=lambda o: (len(o) > 1, -min([x[0][-1] for x in o if x[0][-1]], default=0)))
    if ORDER == "tergre":
        sites.sort(key=lambda o: (len(o) > 1, min([x[0][-1] for x in o if x[0][-1]], default=0)))
    room, later, layers = tuple(g.limit for g in gauges), 0, []
    for options in reversed(sites):
        layers.append((options, room, later))
        least = tuple(min((o[0][1 + k] for o in options), default=0) for k in range(len(gauges)))
        room = tuple(map(sub, room, least))
        for o in options:
            later |= o[1]
    return layers[::-1]


def _longer(states, options, room, later):
    for vector, banned, path in states:
        for step, bit, bans, cell in options:
            if banned & bit:
                continue
            there = tuple(map(add, vector, step))
            if all(map(le, there[1:], room)):
                yield there, (banned | bans) & later, (path, *cell)


def _undominated(states, rows):
    groups = {}
    for state in states:
        groups.setdefault((state[1], state[0][3 : 1 + rows]), []).append(state)
    kept = []
    for group in groups.values():
        ascending, descending = [], []
        for state in sorted(group):
            one, other = (*state[0][1:3], 0, 0)[:2]
            at = bisect_right(ascending, one)
            if at and descending[at - 1] <= other:
                continue
            kept.append(state)
            end = at
            while end < len(descending) and descending[end] >= other:
                end += 1
            ascending[at:end] = [one]
            descending[at:end] = [other]
    return kept
