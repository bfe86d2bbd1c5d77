"""Polynomials found from samples, exactly.

`interpolated` needs nothing but a function that can be asked for values. It asks along each
variable first, which tells the powers that occur, and then at as many other points as there are
products of such powers. More points than needed are asked, and all of them must fit: what is no
polynomial is not taken for one.
"""

from __future__ import annotations

from fractions import Fraction

from ...record import Record
from .polynomials import Polynomial, polynomial, times

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from random import Random

    from .polynomials import Powers

    Point = Mapping[str, int]
    Row = Sequence[Fraction]

DEGREES = (0, 1, 2, 3, -1, -2)
"""The lowest power of a variable, in the order in which they are tried."""
POINTS = (5, 8)
"""Samples along a variable, and along one that needs more."""
FEWEST = 4
"""A variable with fewer is no variable, unless nothing depends on it."""
MOST_TERMS = 40
ATTEMPTS = 12
"""Points that are tried for each that is wanted."""
SPARE = 3
"""Points that are asked only to confirm."""


class Fit(Record):
    """Polynomials, and the variables that are none: they have a few values only."""

    polynomials: tuple[Polynomial, ...]
    fixed: tuple[str, ...]


def interpolated(
    ask: Callable[[Point], Row | None],
    base: Point,
    choices: Mapping[str, Sequence[int]],
    random: Random,
) -> Fit | None:
    """The polynomials that a function of several variables gives; None where they are none.

    Arguments:
        ask: the values at a point; None where there are none.
        base: a point that has values.
        choices: numbers for each variable.
    """
    start = ask(base)
    if start is None:
        return None
    fixed: list[str] = []
    supports: list[list[Powers]] = [[()] for _ in start]
    points: list[tuple[Point, Row]] = []
    for name, numbers in choices.items():
        line, powers = _along(ask, base, name, numbers)
        if len(line) < FEWEST and (len(line) < 2 or any(row != line[0][1] for _, row in line)):
            fixed.append(name)
            continue
        if powers is None:
            return None
        points += [({**base, name: number}, row) for number, row in line]
        for quantity, found in enumerate(powers):
            supports[quantity] = [
                times(one, ((name, power),)) for one in supports[quantity] for power in found
            ]
    most = max(map(len, supports), default=0)
    if most > MOST_TERMS:
        return None
    varying = [name for name in choices if name not in fixed]
    wanted = len(points) + most + SPARE
    for _ in range(ATTEMPTS * wanted if varying else 0):
        if len(points) == wanted:
            break
        point = {**base, **{name: random.choice(choices[name]) for name in varying}}
        row = ask(point)
        if row is not None:
            points.append((point, row))
    solved: list[Polynomial] = []
    for quantity, support in enumerate(supports):
        one = _solved(support, [(point, row[quantity]) for point, row in points or [(base, start)]])
        if one is None:
            return None
        solved.append(one)
    return Fit(tuple(solved), tuple(fixed))


def _along(
    ask: Callable[[Point], Row | None], base: Point, name: str, numbers: Sequence[int]
) -> tuple[list[tuple[int, Row]], list[list[int]] | None]:
    """Values along one variable, and its powers in each of them."""
    line: list[tuple[int, Row]] = []
    powers: list[list[int]] | None = None
    for number in numbers:
        row = ask({**base, name: number})
        if row is None:
            continue
        line.append((number, row))
        if len(line) in POINTS:
            powers = _powers(line)
            if powers is not None or len(line) == POINTS[-1]:
                break
    return line, powers if powers is not None else _powers(line)


def _powers(line: Sequence[tuple[int, Row]]) -> list[list[int]] | None:
    """The powers of one variable in functions of it; None where a few do not suffice."""
    found = [
        _powers_of([(number, row[quantity]) for number, row in line])
        for quantity in range(len(line[0][1]) if line else 0)
    ]
    return None if None in found else found  # type: ignore[return-value]


def _powers_of(line: Sequence[tuple[int, Fraction]]) -> list[int] | None:
    if all(value == 0 for _, value in line):
        return []
    for count in range(1, len(line)):
        for lowest in DEGREES:
            degrees = range(lowest, lowest + count)
            support = [(("x", degree),) if degree else () for degree in degrees]
            found = _solved(support, [({"x": number}, value) for number, value in line])
            if found is not None:
                return [dict(powers).get("x", 0) for powers, _ in found.terms]
    return None


def _solved(
    support: Sequence[Powers], points: Sequence[tuple[Point, Fraction]]
) -> Polynomial | None:
    """The sum of these products that has all the values; None when there is not just one."""
    count = len(support)
    rows = [[*(_product(powers, point) for powers in support), value] for point, value in points]
    rank = 0
    for column in range(count):
        pivot = next((i for i in range(rank, len(rows)) if rows[i][column]), None)
        if pivot is None:
            return None
        rows[rank], rows[pivot] = rows[pivot], rows[rank]
        lead = rows[rank]
        scale = lead[column]
        lead[:] = [entry / scale for entry in lead]
        for i, row in enumerate(rows):
            if i != rank and (times := row[column]):
                rows[i] = [a - times * b for a, b in zip(row, lead, strict=True)]
        rank += 1
    if any(row[count] for row in rows[rank:]):
        return None
    return polynomial((powers, rows[i][count]) for i, powers in enumerate(support))


def _product(powers: Powers, point: Point) -> Fraction:
    result = Fraction(1)
    for name, power in powers:
        result *= Fraction(point[name]) ** power
    return result
