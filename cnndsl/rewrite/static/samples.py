"""Instances with numbers far apart, and the formulas that go through their costs.

Operators are looked at one by one as long as there are the same in all instances; then each has
few terms. Widths that have to be those of the input are tied to it, and windows with many
holes are taken for square.
"""

from __future__ import annotations

from random import Random

from ...record import replace
from ..placing import NotHere
from .bills import Bill, bill
from .holes import square_pairs
from .instances import CHANNELS, Unmatched
from .interpolation import FEWEST, interpolated
from .polynomials import ZERO

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from fractions import Fraction

    from .holes import Values
    from .instances import Bench, Search
    from .interpolation import Fit
    from .polynomials import Polynomial

    Ask = Callable[[Values], Sequence[Fraction] | None]

SAMPLES: Mapping[str, tuple[int, ...]] = {
    "size": (3, 5, 7, 9, 11, 13, 25, 47, 23, 35, 2, 4, 6, 8),
    "stride": (2, 1, 3, 4, 5, 6),
    "dilation": (2, 1, 3, 4, 5, 6),
    "count": (2, 1, 3, 4, 5, 6),
    "extent": (12, 24, 36, 48, 60, 6),
    "width": tuple(960 * n for n in (2, 3, 5, 7, 8, 9, 11, 1, 4, 6)),
    "groups": (2, 3, 4, 5, 6, 8),
    "argument": (2, 3, 4, 5, 6, 8, 12, 16, 1),
}
"""Numbers for each role; widths are divisible by what rules divide them by."""
BOUND = ("size", "dilation", "argument")
"""What conditions bind to each other, a size to a dilation for example."""
MOST_TRIALS = 40
MOST_VARIABLES = 9
"""With more of them windows are taken for square."""


def best_sampling(bench: Bench, found: Search) -> Sampling | None:
    """The samples with the most variables; widths are tied to the input's where they must be."""
    numbers = bench.numbers.values()
    widths = [n.name for n in numbers if n.role == "width" and n.name != CHANNELS]
    is_large = sum(number.role in SAMPLES for number in numbers) > MOST_VARIABLES
    squares = square_pairs(bench.rewrite) if is_large else {}
    best: Sampling | None = None
    for tied in dict.fromkeys([(), *((name,) for name in widths), tuple(widths)]):
        samples = Sampling(bench, found, {**squares, **dict.fromkeys(tied, CHANNELS)})
        if samples.fit is None:
            continue
        if best is None or len(samples.fixed) < len(best.fixed):
            best = samples
        if not best.fixed & {CHANNELS, *widths}:
            break
    return best


class Sampling:
    """Instances to interpolate from.

    Arguments:
        tied: numbers that are others: windows that are square, widths that are the input's.
    """

    def __init__(self, bench: Bench, found: Search, tied: Mapping[str, str]) -> None:
        assert found.instance is not None
        self.bench = bench
        self.padding = found.padding
        self.tied = tied
        self.known: dict[tuple[int, ...], Bill | None] = {}
        self.constant = {name: number.options[0] for name, number in bench.numbers.items()}
        self.constant.update(found.instance.values)
        varying = [n for n in bench.numbers.values() if n.role in SAMPLES and n.name not in tied]
        self.choices = {number.name: SAMPLES[number.role] for number in varying}
        self.base = next((p for p in self.points() if self.bill(p) is not None), {})
        self.is_uniform = True
        self.fit = self.formulas() if self.base else None
        for name in self.fit.fixed if self.fit is not None else ():
            self.better(name)

    @property
    def fixed(self) -> set[str]:
        """Variables that are none."""
        return set(self.fit.fixed) if self.fit is not None else set()

    def better(self, fixed: str) -> None:
        """Begin where a variable has more values, if a window of some size gives it some."""
        roles = {name: self.bench.numbers[name].role for name in self.choices}
        small = {n: s[0] for n, s in self.choices.items() if roles[n] in BOUND}
        if roles[fixed] not in BOUND:
            return
        bases = [
            {**self.base, **small, name: number}
            for name, role in roles.items()
            for number in (self.choices[name] if role == "size" else ())
        ]
        ranked = {min(self.freedom(base, n) for n in small): base for base in reversed(bases)}
        if not ranked or max(ranked) < FEWEST:
            return
        was, self.base = self.base, ranked[max(ranked)]
        fit = self.formulas()
        if fit is not None and len(fit.fixed) < len(self.fixed):
            self.fit = fit
        else:
            self.base = was

    def freedom(self, base: Values, name: str) -> int:
        """How many values a variable has from here."""
        if self.bill(base) is None:
            return 0
        return sum(self.bill({**base, name: n}) is not None for n in self.choices[name])

    def points(self) -> Iterator[dict[str, int]]:
        """Points where no two numbers are the same by chance."""
        yield {n: s[2 * i % len(s)] for i, (n, s) in enumerate(self.choices.items())}
        random = Random(0)
        for _ in range(MOST_TRIALS):
            yield {name: random.choice(samples) for name, samples in self.choices.items()}

    def bill(self, point: Values) -> Bill | None:
        values = {**self.constant, **point}
        values.update((name, values[other]) for name, other in self.tied.items())
        key = tuple(values.values())
        if key not in self.known:
            try:
                instance = self.bench.make(values, self.padding)
            except (Unmatched, NotHere):
                self.known[key] = None
            else:
                self.known[key] = bill(instance) if instance.fits else None
        return self.known[key]

    def formulas(self) -> Fit | None:
        """The totals, from the operators one by one if they are always the same."""
        start = self.bill(self.base)
        assert start is not None
        try:
            fit = interpolated(self.detailed, self.base, self.choices, Random(0))
            if fit is not None and self.confirms(self.detailed, fit):
                return replace(fit, polynomials=_added(fit.polynomials, start))
        except _Varies:
            self.is_uniform = False
        fit = interpolated(self.totals, self.base, self.choices, Random(0))
        return fit if fit is not None and self.confirms(self.totals, fit) else None

    def detailed(self, point: Values) -> Sequence[Fraction] | None:
        found, start = self.bill(point), self.bill(self.base)
        assert start is not None
        if found is None:
            return None
        if (found.words, found.split) != (start.words, start.split):
            raise _Varies
        return [amount for row in found.rows for amount in row]

    def totals(self, point: Values) -> Sequence[Fraction] | None:
        found = self.bill(point)
        return found.totals if found is not None else None

    def confirms(self, ask: Ask, fit: Fit) -> bool:
        """Whether formulas hold where units like to be different: equal widths, no stride."""
        roles = {n: self.bench.numbers[n].role for n in self.base if n not in fit.fixed}
        alike = {n: self.base[CHANNELS] for n, role in roles.items() if role == "width"}
        ones = [{n: 1} for n, role in roles.items() if role in ("stride", "argument")]
        for change in (alike, *ones, *({**alike, **one} for one in ones)):
            point = {**self.base, **change}
            row = ask(point)
            if row is not None and [*row] != [p.at(point) for p in fit.polynomials]:
                return False
        return True


class _Varies(Exception):
    """Other instances have other operators."""


def _added(polynomials: Sequence[Polynomial], start: Bill) -> tuple[Polynomial, ...]:
    """The sums of both sides, from what each operator costs."""
    rows = [polynomials[i : i + 3] for i in range(0, len(polynomials), 3)]
    sides = (rows[: start.split], rows[start.split :])
    return tuple(sum((row[i] for row in side), ZERO) for side in sides for i in range(3))
