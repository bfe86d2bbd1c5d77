"""One alternative for every site: the best selection under budgets, and the proof.

Rewrites of different sites leave each other alone, so their costs add up, and the choice
is a multiple-choice knapsack problem. A solver in floating point cannot be its judge: at
10¹⁰ MACs it takes a selection that is over a budget by one for one that is not. So HiGHS
sets prices, and whole numbers decide.

The linear relaxation gives a unit of every budget a price. For any prices λ ≥ 0, however
they were found, a selection within the budgets costs at least

    Σ over sites of min over alternatives (cost + λ·use)  −  λ·budget

and each choice that is not a site's minimum adds its regret. A search builds selections
site by site, in whole numbers, and drops those whose regrets put them above a ceiling,
those over a budget, and those that another one dominates. What it finds below the ceiling
is the optimum; when it finds nothing, nothing is there, and the ceiling rises. Good prices
keep the ceilings low, and below a low ceiling most sites have one alternative left.
"""

from __future__ import annotations

from bisect import bisect_right
from heapq import nsmallest
from itertools import chain
from math import gcd, inf
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
    Choice = tuple[int, ...]
    """The position of an alternative for every site."""
    Table = tuple[tuple[int, ...], ...]
    """A number for every alternative of every site."""
    Cell = tuple[int, int]
    """The positions of a site and of one of its alternatives."""
    Option = tuple[tuple[int, ...], int, int, Cell]
    """An alternative: what it adds to cost and gauges, its bit, the bits it bans."""
    Layer = tuple[list[Option], tuple[int, ...], int]
    """The options of a site; the room in each gauge, and the bits, of the sites behind it."""
    State = tuple[tuple[int, ...], int, tuple[Any, ...]]
    """Sites chosen: their cost and gauges, what they ban, and the path: one before, a cell."""

EFFORT = 500_000
"""Partial selections looked at below one ceiling; where that is too few the gap is reported."""
SCALE = 1 << 40
"""Steps of a price between nothing and its rough size."""
FIRST = 5
"""So many different regrets lie below the first ceiling; each ceiling is twice as high."""


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
        alone: the selection with the least of the measure, or the most, when there is no
            other budget; None when sites exclude each other so that there is none.
        together: the same when the other budgets hold; None when they cannot.
    """

    bound: Bound
    alone: Selection | None
    together: Selection | None


class Unreachable(Record):
    """No selection is within the budgets.

    Arguments:
        proven: False when none was found, with an effort that leaves some out.
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
        effort: partial selections looked at below one ceiling.

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
        nearest = (
            _best(problem, Goal(bound.measure, held, maximise=bound.relation == ">="))
            for held in ((), others)
        )
        yield Reach(bound, *(best if isinstance(best, Selection) else None for best in nearest))


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

    Raises ImportError without SciPy.
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
    """Points by rising `x` without those that others dominate; proven ones never are."""
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
    choice, least, proven = _deepen(model, problem.effort)
    if choice is None:
        return _Nothing(proven)
    chosen = [s.alternatives[at] for s, at in zip(problem.sites, choice, strict=True)]
    costs = dict.fromkeys((goal.objective, *goal.ties, *(b.measure for b in goal.bounds)), 0)
    for part in (problem.base, *(alternative.costs for alternative in chosen)):
        for measure, cost in part.items():
            costs[measure] = costs.get(measure, 0) + cost
    names = {s.name: alternative.name for s, alternative in zip(problem.sites, chosen, strict=True)}
    return Selection(names, costs, costs[goal.objective], model.objective(least), proven)


def _deepen(model: _Model, effort: int) -> tuple[Choice | None, int, bool]:
    """The cheapest choice, a cost that none is below, and whether the choice settles it."""
    regrets, reasons = _cuts(model)
    floor, top = -(regrets.limit // model.scale), sum(map(max, model.cost))
    least, height = floor, _first_height(regrets.table) // model.scale + 1
    best: Choice | None = None
    while True:
        ceiling = min(least + height, top)
        below = _Row(regrets.table, regrets.limit + model.scale * ceiling)
        choice, complete = _search(model, (below, *reasons), effort)
        if choice is not None and model.cost_of(choice) <= top:
            best, top = choice, model.cost_of(choice) - 1  # now only cheaper ones matter
        if complete and ceiling >= top:
            return best, top + 1, True
        if complete:
            floor, height = ceiling + 1, 2 * height
        elif best is not None or ceiling == top:
            return best, floor, False
        else:
            height = top - least


def _first_height(regrets: Table) -> int:
    """A regret that few are below. Sites that are alike count once."""
    different = nsmallest(FIRST, {regret for numbers in regrets for regret in numbers})
    return max(different, default=0)


# ---------------------------------------------------------------------- model


class _Row(Record):
    """The numbers of what is chosen add up to `limit` at most. The least of each site is 0."""

    table: Table
    limit: int


class _Model(Record):
    """A question in whole numbers, as small as they can be.

    Arguments:
        cost: what is to be least; the least of each site is 0.
        least, unit, weight, sign, base: the objective is
            `base + sign · ⌊(least + unit · cost) / weight⌋`; what is rounded off are ties.
        budgets: the finest first.
        cliques: of each at most one alternative is chosen; `bans` in another form.
        bits, bans: for alternatives with rivals a bit of their own, and those of the rivals.
    """

    cost: Table
    least: int
    unit: int
    weight: int
    sign: int
    base: int
    budgets: tuple[_Row, ...]
    cliques: tuple[_Row, ...]
    bits: Table
    bans: Table

    @property
    def rows(self) -> tuple[_Row, ...]:
        return (*self.budgets, *self.cliques)

    @property
    def scale(self) -> int:
        """What a unit of cost is in a cut."""
        return SCALE * max((_largest(row.table) for row in self.rows), default=1)

    def cost_of(self, choice: Choice) -> int:
        return sum(numbers[at] for numbers, at in zip(self.cost, choice, strict=True))

    def objective(self, cost: int) -> int:
        return self.base + self.sign * ((self.least + self.unit * cost) // self.weight)


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
    budgets = sorted((_budget(problem, b) for b in goal.bounds), key=lambda b: -_largest(b.table))
    base = problem.base.get(goal.objective, 0)
    return _Model(
        _divided(cost, unit), least, unit, weight, sign, base, tuple(budgets), *_rivals(problem)
    )


def _budget(problem: _Problem, bound: Bound) -> _Row:
    sign = 1 if bound.relation == "<=" else -1
    table, least = _grounded(problem.table(bound.measure, sign))
    limit = sign * (bound.value - problem.base.get(bound.measure, 0)) - least
    unit = _unit(table)
    return _Row(_divided(table, unit), limit // unit)


def _rivals(problem: _Problem) -> tuple[tuple[_Row, ...], Table, Table]:
    """Cliques, bits and bans of alternatives that exclude each other."""
    cells = {
        (site.name, choice.name): (i, j)
        for i, site in enumerate(problem.sites)
        for j, choice in enumerate(site.alternatives)
    }
    pairs = [sorted(cells[place] for place in pair) for pair in problem.exclusive]
    bits = {cell: 1 << at for at, cell in enumerate(sorted(set(chain.from_iterable(pairs))))}
    bans = dict.fromkeys(bits, 0)
    rivals: dict[tuple[Cell, int], set[Cell]] = {}
    for one, other in pairs:
        bans[one] |= bits[other]
        bans[other] |= bits[one]
        rivals.setdefault((one, other[0]), set()).add(other)
    # Alternatives of a site that have the same rivals at another share a clique: of two
    # sites that overlap, one is rewritten or the other.
    alike: dict[tuple[int, frozenset[Cell]], set[Cell]] = {}
    for (one, _), others in rivals.items():
        alike.setdefault((one[0], frozenset(others)), set()).add(one)

    def table(values: Mapping[Cell, int]) -> Table:
        return tuple(
            tuple(values.get((i, j), 0) for j in range(len(site.alternatives)))
            for i, site in enumerate(problem.sites)
        )

    cliques = (dict.fromkeys((*ones, *others), 1) for (_, others), ones in alike.items())
    return tuple(_Row(table(clique), 1) for clique in cliques), table(bits), table(bans)


def _cuts(model: _Model) -> tuple[_Row, tuple[_Row, ...]]:
    """The regrets of choices of cost 0, and what else the prices say."""
    prices = _prices(model)
    if prices is not None:
        return _cut(model, model.scale, prices), ()
    # Nothing fits, or hardly: the prices that show why prune the search instead.
    free = [0] * len(model.rows)
    reasons = _prices(model, elastic=True) or free
    return _cut(model, model.scale, free), (_cut(model, 0, reasons),)


def _cut(model: _Model, scale: int, prices: Sequence[int]) -> _Row:
    """What the rows at these prices imply for choices of cost 0, in units of 1 / scale.

    For choices of cost c the limit is `scale · c` higher.
    """
    priced = list(zip(prices, model.rows, strict=True))
    terms = [(price, row.table) for price, row in priced]
    table, least = _grounded(_weighted([(scale, model.cost), *terms]))
    return _Row(table, sum(price * row.limit for price, row in priced) - least)


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


def _largest(table: Table) -> int:
    """The largest number, at least 1."""
    return max(1, max(map(max, table), default=1))


# --------------------------------------------------------------------- prices


def _prices(model: _Model, elastic: bool = False) -> list[int] | None:
    """What a unit of every row is worth in cost, times the model's scale.

    None where the relaxation has no solution; elastic, with rows that may be exceeded and
    the least excess sought, it has one.
    """
    if not model.rows or not model.cost:
        return [0] * len(model.rows)
    from scipy.optimize import linprog  # type: ignore[import-untyped]
    from scipy.sparse import csr_array  # type: ignore[import-untyped]

    sizes = [_largest(row.table) for row in model.rows]
    most = _largest(model.cost)
    columns = [at for at, numbers in enumerate(model.cost) for _ in numbers]
    behind = len(columns)  # the excess, behind the alternatives
    entries = [
        (number / size, at, column)
        for at, (row, size) in enumerate(zip(model.rows, sizes, strict=True))
        for column, number in enumerate((*chain.from_iterable(row.table), -size))
        if number
    ]
    values, rows, places = zip(*entries, strict=True)
    cost = [0.0 if elastic else number / most for number in chain.from_iterable(model.cost)]
    solved = linprog(
        [*cost, float(elastic)],
        csr_array((values, (rows, places)), shape=(len(sizes), behind + 1)),
        [row.limit / size for row, size in zip(model.rows, sizes, strict=True)],
        csr_array(([1.0] * behind, (columns, range(behind))), shape=(len(model.cost), behind + 1)),
        [1.0] * len(model.cost),
        [*[(0, 1)] * behind, (0, None if elastic else 0)],
        method="highs",
    )
    if solved.status != 0:
        return None
    worth = zip(solved.ineqlin.marginals, sizes, strict=True)
    return [max(0, round(-dual * (model.scale * most / size))) for dual, size in worth]


# --------------------------------------------------------------------- search


def _search(model: _Model, cuts: tuple[_Row, ...], effort: int) -> tuple[Choice | None, bool]:
    """The cheapest choice that the budgets and cuts let through; whether none was left out."""
    gauges = (*model.budgets, *cuts)
    if any(gauge.limit < 0 for gauge in gauges):
        return None, True
    states: list[State] = [((0,) * (1 + len(gauges)), 0, ())]
    complete, regret = True, 1 + len(model.budgets)
    layers = _layers(model, gauges, regret)
    work = sum(len(options) for options, _, _ in layers)
    for layer in layers:
        effort, work = effort - len(states) * len(layer[0]), work - len(layer[0])
        states = _undominated(_longer(states, layer), len(model.budgets))
        width = max(1, effort // max(1, work))
        if len(states) > width:
            states, complete = nsmallest(width, states, key=lambda s: s[0][regret]), False
    if not states:
        return None, complete
    _, _, path = min(states)
    chosen = {}
    while path:
        path, site, at = path
        chosen[site] = at
    return tuple(chosen[site] for site in range(len(chosen))), complete


def _layers(model: _Model, gauges: Sequence[_Row], regret: int) -> list[Layer]:
    """The options of each site that fit at all; where the second best costs most, first."""
    limits = [gauge.limit for gauge in gauges]
    sites: list[list[Option]] = []
    for i, costs in enumerate(model.cost):
        steps = ((cost, *(g.table[i][j] for g in gauges)) for j, cost in enumerate(costs))
        sites.append(
            [
                (step, model.bits[i][j], model.bans[i][j], (i, j))
                for j, step in enumerate(steps)
                if all(map(le, step[1:], limits))
            ]
        )
    sites.sort(key=lambda options: sorted(step[regret] for step, *_ in options)[1:2] or [inf])
    layers: list[Layer] = []
    room, later = tuple(limits), 0
    for options in sites:  # the one that is chosen last comes first
        layers.append((options, room, later))
        least = map(min, zip(*(step[1:] for step, *_ in options), strict=True))
        room = tuple(map(sub, room, least))
        later |= sum(bit for _, bit, _, _ in options)
    return layers[::-1]


def _longer(states: Iterable[State], layer: Layer) -> Iterator[State]:
    """Every state with every option that the rest of the sites leave room for."""
    options, room, later = layer
    for vector, banned, path in states:
        for step, bit, bans, cell in options:
            there = tuple(map(add, vector, step))
            if not banned & bit and all(map(le, there[1:], room)):
                yield there, (banned | bans) & later, (path, *cell)


def _undominated(states: Iterable[State], budgets: int) -> list[State]:
    """Without states that another one equals or betters in cost and every budget.

    Only states that ban the same are compared, and those alike in all budgets but two.
    """
    groups: dict[tuple[int, tuple[int, ...]], list[State]] = {}
    for state in states:
        groups.setdefault((state[1], state[0][3 : 1 + budgets]), []).append(state)
    return [state for group in groups.values() for state in _staircase(group)]


def _staircase(group: list[State]) -> Iterator[State]:
    """Those of a group that have less of the first or the second budget than all cheaper ones."""
    firsts: list[int] = []  # rising, and the seconds falling
    seconds: list[int] = []
    for state in sorted(group):
        first, second = (*state[0][1:3], 0)[:2]
        at = bisect_right(firsts, first)
        if at and seconds[at - 1] <= second:
            continue
        end = at
        while end < len(seconds) and seconds[end] >= second:
            end += 1
        firsts[at:end], seconds[at:end] = [first], [second]
        yield state
