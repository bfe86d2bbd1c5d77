"""Windows along one axis whose sizes and strides are polynomials: sums of progressions.

A kernel of n taps that lie a apart reads the progression {0, a, …, (n−1)·a}, and windows
that follow each other read the sums of one element of each: a Minkowski sum. It has a
normal form, since a progression of one element adds nothing and

    {0…m−1}·a + {0…n−1}·b·a  =  {0 … (m−1) + (n−1)·b}·a     for 1 ≤ b ≤ m,

because the copies of the first one, b·a apart, leave no gap. Where b = 1 the windows
overlap, as in 3x3, 3x3 = 5x5; where b = m they tile. Equal normal forms are equal windows for
all values of the variables; of different ones nothing is said.
"""

from __future__ import annotations

from ...record import Record
from ...symbol import Size, Symbol, product, variable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Least = Mapping[str, int]
    """The least value of variables; what is not in it may be anything."""


class Progression(Record):
    """`{0, step, …, (count − 1)·step}`"""

    step: Size
    count: Size

    @property
    def extent(self) -> Size:
        return (self.count - 1) * self.step


class Reach(Record):
    """A window along one axis.

    Arguments:
        stride: distance between the windows of neighbouring outputs.
        taps: what it reads, in normal form.
        lo, hi: padding before and behind; None where it may be anything.
    """

    stride: Size
    taps: tuple[Progression, ...]
    lo: Size | None
    hi: Size | None

    @property
    def extent(self) -> Size:
        """Distance between the first and the last tap."""
        return sum((part.extent for part in self.taps), 0)

    def then(self, after: Reach, least: Least) -> Reach:
        """The window of this one followed by `after`."""
        further = (Progression(part.step * self.stride, part.count) for part in after.taps)
        return Reach(
            self.stride * after.stride,
            normal((*self.taps, *further), least),
            _padded(self.lo, self.stride, after.lo),
            _padded(self.hi, self.stride, after.hi),
        )


NOTHING = Reach(1, (), 0, 0)
"""The window that reads its position alone."""


def _padded(first: Size | None, stride: Size, after: Size | None) -> Size | None:
    return None if first is None or after is None else first + stride * after


def normal(parts: Iterable[Progression], least: Least) -> tuple[Progression, ...]:
    """The normal form of a sum of progressions, as far as the least values decide it."""
    rest = [part for part in parts if part.count != 1]
    while (pair := _adjoining(rest, least)) is not None:
        fine, coarse, times = pair
        rest.remove(fine)
        rest.remove(coarse)
        rest.append(Progression(fine.step, fine.count + (coarse.count - 1) * times))
    return tuple(sorted(rest, key=str))


def _adjoining(
    parts: list[Progression], least: Least
) -> tuple[Progression, Progression, Size] | None:
    """Two progressions that are one, and the ratio of their steps."""
    for i, fine in enumerate(parts):
        for j, coarse in enumerate(parts):
            times = quotient(coarse.step, fine.step) if i != j else None
            if times is not None and at_least(fine.count - times, 0, least):
                return fine, coarse, times
    return None


def quotient(size: Size, divisor: Size) -> Size | None:
    """The polynomial that times `divisor` is `size`; None where a single term does not divide."""
    if size == divisor:
        return 1
    (term, *others) = divisor.terms if isinstance(divisor, Symbol) else (((), divisor),)
    if others:
        return None
    atoms, factor = term
    found: Size = 0
    for monomial, coefficient in size.terms if isinstance(size, Symbol) else (((), size),):
        left = list(monomial)
        for atom in atoms:
            if atom not in left:
                return None
            left.remove(atom)
        if coefficient % factor:
            return None
        found = found + Symbol(((tuple(left), coefficient // factor),)) * 1
    return found


def at_least(size: Size, bound: int, least: Least) -> bool:
    """Whether a polynomial is at least so much for all values of its variables.

    It is when no coefficient is negative once each variable counts from its least value.
    """
    rest = shifted(size, least) if isinstance(size, Symbol) else size
    if rest is None:
        return False
    if isinstance(rest, int):
        return rest >= bound
    constant = dict(rest.terms).get((), 0)
    return constant >= bound and all(factor >= 0 for monomial, factor in rest.terms if monomial)


def shifted(size: Symbol, least: Least) -> Size | None:
    """The polynomial in variables that count from 0; None with floors or without bounds."""
    total: Size = 0
    for monomial, factor in size.terms:
        if not all(isinstance(atom, str) and atom in least for atom in monomial):
            return None
        total = total + product(variable(str(a)) + least[str(a)] for a in monomial) * factor
    return total
