"""A property: a function of a seed that fails, or counts what it saw."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from traceback import format_exception_only, format_tb

from cnndsl.record import Record

LONGEST = 6000
"""Characters of what is kept of a failure."""


class Goal(Record):
    """A share that must be reached over many cases: `Goal("found", "seeded", 0.99)`.

    Arguments:
        part, whole: names of counts.
        least: the smallest share that will do, 1 for all.
        most: the greatest one.
    """

    part: str
    whole: str
    least: float = 0.0
    most: float = 1.0

    def holds(self, counts: Mapping[str, int]) -> bool:
        whole = counts.get(self.whole, 0)
        return not whole or self.least <= counts.get(self.part, 0) / whole <= self.most


class Property(Record):
    """What must hold for every case.

    Arguments:
        name: a word or two, `syntax errors`.
        claim: one sentence, as the page prints it.
        run: tries one case, drawn from the generator of random numbers that it is given, and
            returns counts for the goals and the page. It raises whatever it likes on a
            failure: an exception that the compiler should not raise is one too.
        cases: how many in a test run; about 20 seconds on one core, at most.
        nightly: how many in a night.
        goals: shares to be reached; a failure is never allowed.
        where: the file, for the page.
    """

    name: str
    claim: str
    run: Callable[[random.Random], Mapping[str, int] | None]
    cases: int
    nightly: int
    goals: tuple[Goal, ...] = ()
    where: str = ""


class Failure(Record):
    """A case that failed; `python -m tests.campaign --only NAME --seed SEED` tries it again."""

    property: str
    seed: str
    what: str


class Tally(Record):
    """What some cases came to, and the processor time that they took in seconds."""

    cases: int
    counts: Mapping[str, int]
    failures: tuple[Failure, ...] = ()
    seconds: float = 0.0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.cases + other.cases,
            dict(Counter(self.counts) + Counter(other.counts)),
            self.failures + other.failures,
            self.seconds + other.seconds,
        )


NOTHING = Tally(0, {})


def generator(property: Property, seed: str) -> random.Random:
    """The random numbers of a case, the same on every machine."""
    return random.Random(f"{property.name}/{seed}")


def attempt(property: Property, seed: str) -> Tally:
    """One case."""
    start = time.process_time()
    counts: Mapping[str, int] | None = None
    failures: tuple[Failure, ...] = ()
    try:
        counts = property.run(generator(property, seed))
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as problem:  # RecursionError and MemoryError are failures
        failures = (Failure(property.name, seed, _said(problem)),)
    return Tally(1, dict(counts or {}), failures, time.process_time() - start)


def _said(problem: BaseException) -> str:
    """An exception with its notes, which hold Hypothesis's example, and the last line of code."""
    if isinstance(problem, BaseExceptionGroup):
        return "\n".join(map(_said, problem.exceptions))[:LONGEST]
    last = format_tb(problem.__traceback__)[-1]
    return ("".join(format_exception_only(problem)) + last)[:LONGEST]


def tally(property: Property, seeds: Iterable[str]) -> Tally:
    """Many cases."""
    total = NOTHING
    for seed in seeds:
        total += attempt(property, seed)
    return total


def complaints(property: Property, found: Tally) -> list[str]:
    """Why these cases do not do: failures, and goals that were missed."""
    said = [f"seed {failure.seed}: {failure.what}" for failure in found.failures]
    for goal in property.goals:
        if not goal.holds(found.counts):
            part, whole = (found.counts.get(name, 0) for name in (goal.part, goal.whole))
            said.append(f"{goal.part}: {part} of {whole}; goal: {goal.least} to {goal.most}")
    return said
