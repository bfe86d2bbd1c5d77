"""Selections against all combinations, an integer program and arithmetic by hand."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest

from cnndsl.rewrite.select import (
    Alternative,
    Bound,
    Goal,
    Selection,
    Site,
    Unreachable,
    pareto,
    select,
)

Costs = dict[str, int]


def site(name: str, **alternatives: Costs) -> Site:
    return Site(name, tuple(Alternative(key, costs) for key, costs in alternatives.items()))


def drawn(rng: random.Random, sites: int, most: int, near: bool, measures: str = "abcd"):
    """Sites with up to four alternatives; `near`: many sums differ by one or two."""

    def number() -> int:
        return most // 4 * rng.randint(0, 4) + rng.randint(-2, 3) if near else rng.randint(0, most)

    return [
        site(f"s{i}", **{f"a{j}": {m: number() for m in measures} for j in range(4)})
        for i in range(sites)
    ]


def combinations(sites, base, exclusive) -> Iterator[Costs]:
    """What every allowed combination costs."""
    for chosen in product(*(s.alternatives for s in sites)):
        taken = {(s.name, a.name) for s, a in zip(sites, chosen, strict=True)}
        if not any(one in taken and other in taken for one, other in exclusive):
            measures = {*base, *(m for a in chosen for m in a.costs)}
            yield {m: base.get(m, 0) + sum(a.costs.get(m, 0) for a in chosen) for m in measures}


def within(costs: Costs, bounds) -> bool:
    return all(
        costs[b.measure] <= b.value if b.relation == "<=" else costs[b.measure] >= b.value
        for b in bounds
    )


def checked(found: Selection, sites, base, exclusive) -> Costs:
    """The costs of a selection, added up here."""
    chosen = [next(a for a in s.alternatives if a.name == found.choice[s.name]) for s in sites]
    taken = set(found.choice.items())
    assert not any(one in taken and other in taken for one, other in exclusive)
    for measure, cost in found.costs.items():
        assert cost == base.get(measure, 0) + sum(a.costs.get(measure, 0) for a in chosen)
    return found.costs


# ------------------------------------------------------- against all combinations


@pytest.mark.parametrize("seed", range(40))
def test_is_the_best_of_all_combinations(seed):
    rng = random.Random(seed)
    sites = drawn(rng, 6, rng.choice([3, 50, 10**7, 10**10, 10**14]), near=seed % 2 == 0)
    base = {"a": rng.randint(0, 100), "b": rng.randint(-100, 100)}
    cells = [(s.name, a.name) for s in sites for a in s.alternatives]
    exclusive = [tuple(rng.sample(cells, 2)) for _ in range(rng.choice([0, 6]))]
    exclusive = [(one, other) for one, other in exclusive if one[0] != other[0]]
    everything = list(combinations(sites, base, exclusive))
    reached = rng.choice(everything)
    bounds = tuple(
        Bound(m, rng.choice(["<=", ">="]), reached[m] + rng.choice([-1, 0, 0, 1]))
        for m in rng.sample("bcd", rng.randint(0, 3))
    )
    goal = Goal("a", bounds, seed % 3 == 0, rng.choice([(), ("b",), ("c", "d")]))

    def rank(costs: Costs) -> tuple[int, ...]:
        return (-costs["a"] if goal.maximise else costs["a"], *(costs[m] for m in goal.ties))

    found = select(sites, goal, base, exclusive)
    allowed = [costs for costs in everything if within(costs, bounds)]
    if not allowed:
        assert isinstance(found, Unreachable)
        assert found.proven
        return
    assert isinstance(found, Selection)
    costs = checked(found, sites, base, exclusive)
    assert within(costs, bounds)
    assert rank(costs) == min(map(rank, allowed))
    assert found.proven
    assert found.gap == 0
    assert found.bound == found.value == costs["a"]


@pytest.mark.parametrize("seed", range(12))
def test_what_can_be_reached_when_the_budgets_cannot(seed):
    rng = random.Random(seed)
    sites = drawn(rng, 5, 10**9, near=False)
    base = {"a": 7}
    exclusive = [(("s0", "a0"), ("s1", "a0")), (("s2", "a1"), ("s3", "a3"))]
    everything = list(combinations(sites, base, exclusive))
    least = min(costs["a"] for costs in everything)
    most = max(costs["b"] for costs in everything)
    bounds = (
        Bound("a", "<=", least + rng.choice([-1, 10**8])),
        Bound("b", ">=", most + rng.choice([-(10**8), 1])),
        Bound("c", "<=", 10**9),
    )
    found = select(sites, Goal("d", bounds), base, exclusive)
    allowed = [costs for costs in everything if within(costs, bounds)]
    assert isinstance(found, Selection) == bool(allowed)
    if isinstance(found, Selection):
        return
    for place, reach in enumerate(found.reach):
        best = max if reach.bound.relation == ">=" else min
        assert reach.bound == bounds[place]
        for held, nearest in (
            ((), reach.alone),
            (bounds[:place] + bounds[place + 1 :], reach.together),
        ):
            values = [c[reach.bound.measure] for c in everything if within(c, held)]
            assert (nearest is None) == (not values)
            if nearest is not None:
                assert nearest.costs[reach.bound.measure] == best(values)
                checked(nearest, sites, base, exclusive)


# --------------------------------------------------------- against HiGHS's own


@pytest.mark.parametrize("seed", range(4))
def test_agrees_with_an_integer_program(seed):
    """Numbers so small that floating point is no excuse; too many sites to try them all."""
    from scipy.optimize import LinearConstraint, milp

    rng = np.random.default_rng(seed)
    cost, *budgets = rng.integers(0, 500, (3, 40, 6))
    limits = [int(use.mean(1).sum() * 0.7) for use in budgets]
    one_each = np.kron(np.eye(40), np.ones(6))
    solved = milp(
        cost.ravel(),
        integrality=np.ones(240),
        bounds=(0, 1),
        constraints=[
            LinearConstraint(one_each, 1, 1),
            LinearConstraint([use.ravel() for use in budgets], -np.inf, limits),
        ],
        options={"mip_rel_gap": 0},
    )
    sites = [
        site(
            f"s{i}",
            **{
                f"a{j}": {"cost": int(cost[i, j]), **{str(k): int(u[i, j]) for k, u in uses}}
                for j in range(6)
            },
        )
        for uses in [list(enumerate(budgets))]
        for i in range(40)
    ]
    goal = Goal("cost", tuple(Bound(str(k), "<=", limit) for k, limit in enumerate(limits)))
    found = select(sites, goal)
    assert isinstance(found, Selection)
    assert found.proven
    assert found.value == round(solved.fun)
    assert within(checked(found, sites, {}, []), goal.bounds)


# ------------------------------------------------------------------- by hand


def test_one_more_than_the_budget_is_too_many():
    """A float of 64 bits cannot tell these budgets apart; the second allows a change less."""
    huge = 10**20
    sites = [site(f"s{i}", keep={"macs": huge + i, "loss": 0}, cut={"loss": 1}) for i in range(9)]
    kept = sum(huge + i for i in range(5))  # the five cheapest to keep
    exact = select(sites, Goal("loss", (Bound("macs", "<=", kept),)))
    assert isinstance(exact, Selection)
    assert (exact.value, exact.costs["macs"], exact.proven) == (4, kept, True)
    less = select(sites, Goal("loss", (Bound("macs", "<=", kept - 1),)))
    assert isinstance(less, Selection)
    assert (less.value, less.proven) == (5, True)


def test_no_sites():
    fits = select([], Goal("macs", (Bound("macs", "<=", 5),)), {"macs": 5})
    assert fits == Selection({}, {"macs": 5}, 5, 5, True)
    over = select([], Goal("macs", (Bound("macs", "<=", 4),)), {"macs": 5})
    assert isinstance(over, Unreachable)
    assert over.reach[0].alone is not None
    assert over.reach[0].alone.value == 5


def test_a_measure_nobody_names_is_nothing():
    found = select([site("s", only={})], Goal("x", (Bound("y", "<=", 0),), ties=("z",)))
    assert found == Selection({"s": "only"}, {"x": 0, "z": 0, "y": 0}, 0, 0, True)


def test_sites_that_leave_no_choice():
    sites = [site("s", only={"a": 1}), site("t", only={"a": 1})]
    found = select(sites, Goal("a", (Bound("a", "<=", 9),)), {}, [(("s", "only"), ("t", "only"))])
    assert isinstance(found, Unreachable)
    assert found.proven
    assert found.reach[0].alone is None
    assert found.reach[0].together is None


def test_budgets_that_only_together_are_too_small():
    sites = [site("s", wide={"params": 9, "macs": 1}, deep={"params": 1, "macs": 9})]
    goal = Goal("params", (Bound("params", "<=", 5), Bound("macs", "<=", 5)))
    found = select(sites, goal)
    assert isinstance(found, Unreachable)
    reached = [(r.alone.value, r.together.value) for r in found.reach if r.alone and r.together]
    assert reached == [(1, 9), (1, 9)]


def test_without_enough_effort_the_gap_is_told():
    rng = random.Random(3)
    sites = drawn(rng, 40, 10**9, near=False, measures="abc")
    limits = [sum(s.alternatives[0].costs[m] for s in sites) for m in "bc"]
    goal = Goal("a", (Bound("b", "<=", limits[0]), Bound("c", "<=", limits[1])))
    best = select(sites, goal)
    hasty = select(sites, goal, effort=300)
    assert isinstance(best, Selection)
    assert isinstance(hasty, Selection)
    assert best.proven
    assert not hasty.proven
    assert hasty.bound <= best.value <= hasty.value
    assert hasty.gap == (hasty.value - hasty.bound) / hasty.value > 0
    assert within(checked(hasty, sites, {}, []), goal.bounds)


def test_many_sites_that_are_alike():
    """Forty times the same choice: the optimum is a sum by hand."""
    sites = [site(f"s{i}", keep={"macs": 10**8}, cut={"macs": 10**7, "loss": 3}) for i in range(40)]
    found = select(sites, Goal("loss", (Bound("macs", "<=", 22 * 10**8),)))
    # c cuts leave 40·10⁸ − c·9·10⁷ MACs: at least 20 cuts
    assert isinstance(found, Selection)
    assert (found.value, found.proven) == (60, True)


def test_needs_scipy(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(ImportError):
        select([site("s", a={"x": 1})], Goal("x", (Bound("x", "<=", 1),)))


# --------------------------------------------------------------------- pareto


@pytest.mark.parametrize("seed", range(8))
def test_the_front_is_that_of_all_combinations(seed):
    rng = random.Random(seed)
    sites = drawn(rng, 4, rng.choice([4, 30, 10**10]), near=seed % 2 == 0)
    base = {"a": 3}
    bounds = (Bound("c", "<=", sum(s.alternatives[0].costs["c"] for s in sites)),)
    front: list[tuple[int, int]] = []
    costs = (c for c in combinations(sites, base, []) if within(c, bounds))
    for point in sorted((c["a"], c["b"]) for c in costs):
        if not front or point[1] < front[-1][1]:
            front.append(point)

    def found(points: int) -> list[tuple[int, int]]:
        selections = pareto(sites, base, "a", "b", points, bounds)
        assert all(s.proven for s in selections)
        return [(s.costs["a"], s.costs["b"]) for s in selections]

    assert found(1000) == front
    some = found(4)
    assert set(some) <= set(front)
    assert len(some) == min(4, len(front))
    assert {some[0], some[-1]} == {front[0], front[-1]}


def test_a_front_with_nothing_on_it():
    sites = [site("s", only={"macs": 1, "params": 1})]
    assert pareto(sites, bounds=(Bound("macs", "<=", 0),)) == ()
    assert [s.costs for s in pareto(sites)] == [{"macs": 1, "params": 1}]
