"""The constructors of a loop's rounds.

In a class with one copy each round has its own. In others the number of rounds is a parameter,
so there is one constructor for all, `for i in range(n)`, and what it says is constant, rises
with `i`, or is other in the first round: the three ways in which networks are built.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

from ..code import Apply, Differs, Either, Expr, Join, Many, Text, Value, merge, walk
from ..planned import Step
from .differences import Differences

Say = Callable[[Sequence[Expr]], Expr]
"""One expression for what the copies with the loop say."""


def rounds(differences: Differences, steps: Sequence[Step | None], hint: str) -> tuple[Expr, ...]:
    """The constructor of each round, or the number of rounds and the constructor of round i.

    Arguments:
        steps: the loop in each copy.
        hint: what new parameters are called after.
    """
    present = [step for step in steps if step is not None]
    where = [step is not None for step in steps]
    say = partial(differences.say, where=where, hint=hint)
    if len(steps) == 1:
        return tuple(say([make]) for make in present[0].makes)
    counts = [Many("(", (Value(len(step.makes), "count"),)) for step in present]
    count = differences.say(counts, where, f"{hint}_count")
    return count, _round(present, say)


def _round(steps: Sequence[Step], say: Say) -> Expr:
    """The constructor of round i of every copy."""
    first = [step.makes[0] for step in steps]
    parts: list[Expr] = []
    for place, values in enumerate(zip(*(_values(make) for make in first), strict=True)):
        series = [[_values(make)[place].value for make in step.makes] for step in steps]
        parts.append(_series(series, values[0].kind, say))
    every = iter(parts)
    return merge(first, lambda _: next(every))


def _series(series: Sequence[Sequence[object]], kind: str, say: Say) -> Expr:
    """A value of every round in terms of i: constant, rising, or other in the first.

    Arguments:
        series: for each copy, the value in each round.
    """

    def value(values: Sequence[object]) -> Expr:
        return say([Value(v, kind) for v in values])

    if all(len(set(s)) == 1 for s in series):
        return value([s[0] for s in series])
    numbers = [[v for v in s if isinstance(v, int)] for s in series]
    if all(
        len(n) == len(s) and len({b - a for a, b in pairwise(n)}) == 1
        for n, s in zip(numbers, series, strict=True)
    ):
        start, step = value([n[0] for n in numbers]), value([n[1] - n[0] for n in numbers])
        return Join("+", (start, Join("*", (step, Text("i")))))
    if all(len(set(s[1:])) == 1 for s in series):
        first, later = value([s[0] for s in series]), value([s[1] for s in series])
        return Either(first, Text("i == 0"), later)
    raise Differs


def _values(make: Apply) -> list[Value]:
    """The values of a constructor call, in order."""
    return [part for part in walk(make) if isinstance(part, Value)]
