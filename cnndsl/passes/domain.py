"""Domains: the input sizes for which a network with symbolic sizes is well-formed.

A condition is `f = 0` or `f ≥ 0` for a size f, a sum of floors of sums. In one variable
x such an f is affine on every residue class of its period p,

    f(r + p·q) = f(r) + s·q        with one slope s for all r,

so that each condition holds on each class for all x, for none, up to a bound or from a
bound on. Classes of all conditions meet in those of the least common multiple of their
periods, bounds in their maximum and minimum: the solution is exact, for every x ≥ 1.

An equality `x = y + c` of two variables is used to replace one by the other. What else
has two variables, or products of sizes, is reported as not solved.
"""

from __future__ import annotations

from math import lcm

from ..graph import Constraint, Module
from ..record import Record
from ..symbol import Floor, Symbol, at, variable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..symbol import Size

    Bounds = tuple[int, int | None]
    """Least and greatest solution in a class; None where they do not end."""
    Classes = list[Bounds | None]
    """The solutions in each residue class; None where there are none."""

LONGEST_PERIOD = 2**15
MOST_EXCEPTIONS = 1000
MOST_SHOWN = 12


class Variable(Record):
    """The sizes that one variable may have.

    From `least` on these are the numbers that are one of `residues` modulo `modulus`;
    below it there are only the numbers in `also`.

    Arguments:
        name: the variable.
        modulus: the least one that describes them.
        residues: none of them when there is no solution or finitely many.
        least: the first of the regular solutions, 0 when there are none.
        also: the others.
        because: the conditions that the modulus comes from.
        bound: the condition that does not hold for the number before `least`.
    """

    name: str
    modulus: int = 1
    residues: tuple[int, ...] = (0,)
    least: int = 1
    also: tuple[int, ...] = ()
    because: tuple[Constraint, ...] = ()
    bound: Constraint | None = None

    def __contains__(self, value: int) -> bool:
        if value in self.also:
            return True
        return value >= self.least and value % self.modulus in self.residues


class Equality(Record):
    """A variable that another one determines: `name = value`."""

    name: str
    value: Size
    because: Constraint

    def __str__(self) -> str:
        return f"{self.name} = {self.value}"


class Domain(Record):
    """The sizes for which a network is well-formed.

    Arguments:
        variables: what each free variable may be.
        equalities: variables that others determine.
        unsolved: conditions on which nothing more is said.
        never: a condition that no size fulfils.
    """

    variables: tuple[Variable, ...] = ()
    equalities: tuple[Equality, ...] = ()
    unsolved: tuple[Constraint, ...] = ()
    never: Constraint | None = None

    def describe(self) -> tuple[str, ...]:
        """One sentence for each group of variables and each open condition."""
        if self.never is not None:
            return (f"no size: {text(self.never)}",)
        groups: dict[str, list[str]] = {}
        for free in self.variables:
            groups.setdefault(_describe(free), []).append(free.name)
        return (
            *(sentence.format(", ".join(names)) for sentence, names in groups.items()),
            *map(str, self.equalities),
            *(f"not solved: {text(constraint)}" for constraint in self.unsolved),
        )


def solve(constraints: Sequence[Constraint], variables: Iterable[str] = ()) -> Domain:
    """The solutions of all constraints in whole numbers of at least 1.

    Arguments:
        variables: names that are to be in the result even if nothing restricts them.
    """
    equalities, rest = _eliminate(constraints)
    fixed = {equality.name for equality in equalities}
    names = dict.fromkeys(name for name in variables if name not in fixed)
    unsolved: list[Constraint] = []
    by_variable: dict[str, list[Condition]] = {name: [] for name in names}
    for condition in rest:
        if isinstance(condition.size, int):
            if not condition.fulfilled(condition.size):
                return Domain(equalities=equalities, never=condition.constraint)
            continue
        for name in condition.size.variables:
            by_variable.setdefault(name, [])
        if condition.solvable:
            by_variable[condition.size.variables[0]].append(condition)
        else:
            unsolved.append(condition.constraint)
    free = tuple(
        _solve_variable(name, conditions, unsolved)
        for name, conditions in sorted(by_variable.items())
    )
    return Domain(free, equalities, tuple(dict.fromkeys(unsolved)))


def domain(module: Module) -> Domain:
    """The sizes of its inputs for which a module is well-formed."""
    sizes = (size for value in module.main.inputs for size in value.type.shape)
    names = (name for size in sizes if isinstance(size, Symbol) for name in size.variables)
    return solve(module.constraints, names)


def holds(constraints: Iterable[Constraint], values: Mapping[str, int]) -> Constraint | None:
    """The first constraint that given sizes violate, or None."""
    for constraint in constraints:
        left = at(constraint.left, values)
        if left < 1 if constraint.right is None else left != at(constraint.right, values):
            return constraint
    return None


def text(constraint: Constraint) -> str:
    """A constraint in one line, with its reason."""
    right = "≥ 1" if constraint.right is None else f"= {constraint.right}"
    return f"{constraint.left} {right} ({constraint.reason})"


class Condition(Record):
    """`size = 0`, or `size ≥ 0` when `positive`, and the constraint that says so."""

    size: Size
    positive: bool
    constraint: Constraint

    def fulfilled(self, value: int) -> bool:
        return value >= 0 if self.positive else value == 0

    @property
    def solvable(self) -> bool:
        """Whether it is affine in one variable, with a period that is not too long."""
        size = self.size
        return (
            isinstance(size, Symbol)
            and len(size.variables) == 1
            and _is_affine(size)
            and size.period <= LONGEST_PERIOD
        )

    def classes(self) -> Classes:
        """The solutions in each residue class of the size's period."""
        assert isinstance(self.size, Symbol)
        (name,) = self.size.variables
        period = self.size.period
        values = [self.size.at({name: r}) for r in range(period + 1)]
        slope = values[period] - values[0]
        return [
            _solutions(r or period, values[r or period], slope, period, self.positive)
            for r in range(period)
        ]


def _condition(constraint: Constraint) -> Condition:
    if constraint.right is None:
        return Condition(constraint.left - 1, True, constraint)
    return Condition(constraint.left - constraint.right, False, constraint)


def _solutions(x: int, value: int, slope: int, period: int, positive: bool) -> Bounds | None:
    """Where `f ≥ 0` or `f = 0` in the class of x, its least number, with `f(x) = value`."""
    if slope == 0:
        return (x, None) if value == 0 or (positive and value > 0) else None
    if not positive:
        turns, rest = divmod(-value, slope)
        return (x + period * turns,) * 2 if rest == 0 and turns >= 0 else None
    if slope > 0:
        return x + period * max(0, -(value // slope)), None
    return (x, x + period * (value // -slope)) if value >= 0 else None


def _eliminate(
    constraints: Sequence[Constraint],
) -> tuple[tuple[Equality, ...], list[Condition]]:
    """Equalities of two variables, and all other conditions with them put in."""
    conditions = [_condition(constraint) for constraint in constraints]
    equalities: list[Equality] = []
    while (found := next(filter(None, map(_equality, conditions)), None)) is not None:
        values: dict[str, Size] = {found.name: found.value}
        equalities = [Equality(e.name, _substitute(e.value, values), e.because) for e in equalities]
        equalities.append(found)
        conditions = [
            Condition(_substitute(c.size, values), c.positive, c.constraint)
            for c in conditions
            if c.constraint is not found.because
        ]
        conditions.append(Condition(found.value - 1, True, found.because))
    return tuple(equalities), list(dict.fromkeys(conditions))


def _equality(condition: Condition) -> Equality | None:
    """`y = x + c`, when the condition says that and nothing else; x comes before y."""
    if condition.positive or not isinstance(condition.size, Symbol):
        return None
    terms = dict(condition.size.terms)
    constant = terms.pop((), 0)
    match sorted(terms.items(), key=str):
        case [((str() as x,), (1 | -1) as factor), ((str() as y,), other)] if other == -factor:
            return Equality(y, variable(x) + constant * factor, condition.constraint)
        case _:
            return None


def _substitute(size: Size, values: Mapping[str, Size]) -> Size:
    """The size with variables replaced."""
    if isinstance(size, int):
        return size
    total: Size = 0
    for monomial, factor in size.terms:
        term: Size = factor
        for atom in monomial:
            if isinstance(atom, Floor):
                term = term * (_substitute(atom.numerator, values) // atom.divisor)
            else:
                term = term * values.get(atom, variable(atom))
        total = total + term
    return total


def _is_affine(size: Symbol) -> bool:
    return all(
        len(monomial) <= 1
        and all(_is_affine(atom.numerator) for atom in monomial if isinstance(atom, Floor))
        for monomial, _ in size.terms
    )


def _solve_variable(
    name: str, conditions: Iterable[Condition], unsolved: list[Constraint]
) -> Variable:
    """All conditions on one variable; those that are too long to solve go to `unsolved`."""
    total: Classes = [(1, None)]
    solved: list[tuple[Constraint, Classes]] = []
    for condition in {(c.size, c.positive): c for c in reversed(list(conditions))}.values():
        classes = condition.classes()
        met = _meet(total, classes)
        if met is None or sum(map(len, _exceptions(met))) > MOST_EXCEPTIONS:
            unsolved.append(condition.constraint)
            continue
        total = met
        solved.append((condition.constraint, classes))
    return _variable(name, total, solved)


def _meet(a: Classes, b: Classes) -> Classes | None:
    """The common solutions; None when the period would be too long."""
    period = lcm(len(a), len(b))
    if period > LONGEST_PERIOD:
        return None
    return [_common(r, period, a[r % len(a)], b[r % len(b)]) for r in range(period)]


def _common(r: int, period: int, a: Bounds | None, b: Bounds | None) -> Bounds | None:
    """The numbers of the class r modulo period within both bounds."""
    if a is None or b is None:
        return None
    low = max(a[0], b[0])
    low += (r - low) % period
    ends = [end for end in (a[1], b[1]) if end is not None]
    if not ends:
        return low, None
    high = min(ends) - (min(ends) - r) % period
    return (low, high) if low <= high else None


def _regular(classes: Classes) -> int:
    """The first number from which on a number's class decides whether it is a solution."""
    period = len(classes)
    starts = (b[0] - period if b[1] is None else b[1] for b in classes if b is not None)
    return max(0, *starts, 0) + 1


def _exceptions(classes: Classes) -> list[range]:
    """The solutions before that number."""
    period, end = len(classes), _regular(classes)
    return [
        range(b[0], end if b[1] is None else b[1] + 1, period) for b in classes if b is not None
    ]


def _variable(
    name: str, classes: Classes, solved: Sequence[tuple[Constraint, Classes]]
) -> Variable:
    """The simplest description of the solutions."""
    period = len(classes)
    modulus, residues = _simplest(period, _endless(classes))
    because = _responsible(modulus, residues, solved)
    also = tuple(sorted(x for numbers in _exceptions(classes) for x in numbers))
    if not residues:
        return Variable(name, 1, (), 0, also, because)
    regular = _regular(classes)
    least = next(x for x in range(regular, regular + period) if x % modulus in residues)
    before = range(least - 1, max(0, least - 1 - modulus), -1)
    tried = [x for x in before if x % modulus in residues]
    bound = next((c for x in tried for c, own in solved if not _solves(x, own)), None)
    return Variable(name, modulus, residues, least, also, because, bound)


def _endless(classes: Classes) -> tuple[int, ...]:
    """The classes whose solutions do not end."""
    return tuple(r for r, b in enumerate(classes) if b is not None and b[1] is None)


def _solves(x: int, classes: Classes) -> bool:
    bounds = classes[x % len(classes)]
    return bounds is not None and bounds[0] <= x and (bounds[1] is None or x <= bounds[1])


def _simplest(period: int, residues: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
    """The same set with the least modulus."""
    wanted = set(residues)
    for modulus in (m for m in range(1, period + 1) if period % m == 0):
        fewer = {r % modulus for r in wanted}
        if len(fewer) * (period // modulus) == len(wanted):
            return modulus, tuple(sorted(fewer))
    return period, residues


def _responsible(
    modulus: int, residues: tuple[int, ...], solved: Sequence[tuple[Constraint, Classes]]
) -> tuple[Constraint, ...]:
    """Constraints that give the residues together; one alone if there is such a one."""
    own = [(c, *_simplest(len(classes), _endless(classes))) for c, classes in solved]
    for constraint, m, rs in own:
        if (m, rs) == (modulus, residues) and (m, rs) != (1, (0,)):
            return (constraint,)
    chosen: list[Constraint] = []
    known: tuple[int, tuple[int, ...]] = (1, (0,))
    for constraint, m, rs in sorted(own, key=lambda item: -item[1]):
        both = lcm(known[0], m)
        common = (r for r in range(both) if r % known[0] in known[1] and r % m in rs)
        narrower = _simplest(both, tuple(common))
        if narrower != known:
            known = narrower
            chosen.append(constraint)
    return tuple(chosen)


def _describe(free: Variable) -> str:
    """A sentence with `{}` in the place of the name."""
    others = ", ".join(map(str, free.also[:MOST_SHOWN]))
    others += ", …" if len(free.also) > MOST_SHOWN else ""
    if not free.residues:
        return f"only {{}} = {others}" if others else "no {}"
    sentence = "all {}"
    if free.modulus > 1:
        excluded = [r for r in range(free.modulus) if r not in free.residues]
        shown = excluded if len(excluded) < len(free.residues) else free.residues
        sign = "≡" if shown is free.residues else "≢"
        listed = ", ".join(map(str, shown[:MOST_SHOWN]))
        listed += ", …" if len(shown) > MOST_SHOWN else ""
        sentence += f" {sign} {listed} mod {free.modulus},"
    sentence += f" ≥ {free.least}" if free.least > 1 else ""
    return sentence.rstrip(",") + (f", and {others}" if others else "")
