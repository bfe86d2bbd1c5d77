"""Polynomials with fractions and negative powers."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import gcd, lcm

from ...record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Powers = tuple[tuple[str, int], ...]
    """Variables with their powers, sorted, none of them 0."""

SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


class Polynomial(Record):
    """A sum of products of powers; each product once, none with factor 0."""

    terms: tuple[tuple[Powers, Fraction], ...]

    def __add__(self, other: Polynomial) -> Polynomial:
        return polynomial([*self.terms, *other.terms])

    def __neg__(self) -> Polynomial:
        return Polynomial(tuple((powers, -factor) for powers, factor in self.terms))

    def __sub__(self, other: Polynomial) -> Polynomial:
        return self + -other

    def __mul__(self, other: Polynomial) -> Polynomial:
        pairs = product(self.terms, other.terms)
        return polynomial((times(a, b), x * y) for (a, x), (b, y) in pairs)

    def at(self, values: Mapping[str, int | Fraction]) -> Fraction:
        """The value for given variables."""
        total = Fraction(0)
        for powers, factor in self.terms:
            for name, power in powers:
                factor *= Fraction(values[name]) ** power
            total += factor
        return total

    @property
    def inverse(self) -> Polynomial:
        """1 over a single term."""
        ((powers, factor),) = self.terms
        return polynomial([(tuple((name, -power) for name, power in powers), 1 / factor)])

    @property
    def variables(self) -> set[str]:
        return {name for powers, _ in self.terms for name, _ in powers}

    def put(self, values: Mapping[str, Polynomial]) -> Polynomial:
        """The polynomial with others for variables. Negative powers take single terms only."""
        total = ZERO
        for powers, factor in self.terms:
            part = polynomial([((), factor)])
            for name, power in powers:
                part = part * _power(values.get(name, unknown(name)), power)
            total = total + part
        return total

    def coefficient(self, name: str, power: int) -> Polynomial:
        """What a power of a variable is multiplied by."""
        rest = (
            (tuple(p for p in powers if p[0] != name), factor)
            for powers, factor in self.terms
            if dict(powers).get(name, 0) == power
        )
        return polynomial(rest)

    def text(self, order: Sequence[str]) -> str:
        """`9·s²·C·n + 9·n²`, variables in this order."""
        if not self.terms:
            return "0"
        place = {name: number for number, name in enumerate(order)}

        def rank(term: tuple[Powers, Fraction]) -> tuple[int, list[int]]:
            powers = dict(term[0])
            return -sum(powers.values()), [-powers.get(name, 0) for name in order]

        terms = sorted(self.terms, key=rank)
        first = next((term for term in terms if term[1] > 0), terms[0])  # no sign in front
        terms.remove(first)
        parts = [_text(powers, factor, place) for powers, factor in (first, *terms)]
        return " + ".join(parts).replace("+ -", "- ")


def polynomial(terms: Iterable[tuple[Powers, Fraction]]) -> Polynomial:
    """The sum of terms."""
    sums: dict[Powers, Fraction] = {}
    for powers, factor in terms:
        sums[powers] = sums.get(powers, Fraction(0)) + factor
    return Polynomial(tuple(sorted((p, f) for p, f in sums.items() if f)))


ZERO = polynomial([])
ONE = polynomial([((), Fraction(1))])


def unknown(name: str) -> Polynomial:
    """A variable."""
    return polynomial([(((name, 1),), Fraction(1))])


def times(a: Powers, b: Powers) -> Powers:
    """The product of two products."""
    sums = dict(a)
    for name, power in b:
        sums[name] = sums.get(name, 0) + power
    return tuple(sorted((name, power) for name, power in sums.items() if power))


def _power(base: Polynomial, exponent: int) -> Polynomial:
    if exponent < 0:
        base, exponent = base.inverse, -exponent
    result = ONE
    for _ in range(exponent):
        result = result * base
    return result


def _text(powers: Powers, factor: Fraction, place: Mapping[str, int]) -> str:
    over = [str(factor.numerator)] if abs(factor.numerator) != 1 else []
    under = [str(factor.denominator)] if factor.denominator != 1 else []
    for name, power in sorted(powers, key=lambda p: place.get(p[0], len(place))):
        shown = name + (str(abs(power)).translate(SUPERSCRIPTS) if abs(power) != 1 else "")
        (over if power > 0 else under).append(shown)
    sign = "-" if factor == -abs(factor) and abs(factor.numerator) == 1 else ""
    top = sign + ("·".join(over) or "1")
    if not under:
        return top
    return f"{top}/{under[0]}" if len(under) == 1 else f"{top}/({'·'.join(under)})"


def quotient(over: Polynomial, under: Polynomial, order: Sequence[str]) -> str:
    """`9·(s² + 1)/25`: one polynomial over another, in lowest terms as far as products go."""
    over, under = reduced(over, under)
    top, bottom = _product_text(over, order), _product_text(under, order)
    if bottom == "1":
        return top
    return f"{top}/{bottom}" if bottom.isalnum() or bottom[0] == "(" else f"{top}/({bottom})"


def _product_text(sum: Polynomial, order: Sequence[str]) -> str:
    """`9·(s² + 1)`: a sum in parentheses behind what its terms have in common."""
    if len(sum.terms) < 2:
        return sum.text(order)
    shared = _common(sum.terms)
    rest = (sum * shared.inverse).text(order)
    return f"({rest})" if shared == ONE else f"{shared.text(order)}·({rest})"


def reduced(*parts: Polynomial) -> tuple[Polynomial, ...]:
    """The same ratio in whole numbers and powers, without a common product."""
    shared = _common([term for part in parts for term in part.terms])
    return tuple(part * shared.inverse for part in parts)


def _common(terms: Sequence[tuple[Powers, Fraction]]) -> Polynomial:
    """The greatest product that leaves whole numbers and powers when terms are divided by it."""
    names = sorted({name for powers, _ in terms for name, _ in powers})
    least = [(name, min(dict(powers).get(name, 0) for powers, _ in terms)) for name in names]
    scale = lcm(*(factor.denominator for _, factor in terms))
    divisor = gcd(*(int(factor * scale) for _, factor in terms)) or 1
    return polynomial([(tuple(p for p in least if p[1]), Fraction(divisor, scale))])


def is_positive(polynomial: Polynomial, least: Mapping[str, int]) -> bool:
    """Whether a polynomial is above 0 for all values of its variables, which are at least 1 or so.

    It is when no factor is negative once each variable counts from its least value.
    """
    (whole,) = reduced(polynomial)
    counted = {name: _from(name, least.get(name, 1)) for name in whole.variables}
    terms = whole.put(counted).terms
    return bool(terms) and terms[0][0] == () and all(factor > 0 for _, factor in terms)


def _from(name: str, least: int) -> Polynomial:
    return unknown(name) + polynomial([((), Fraction(least))])
