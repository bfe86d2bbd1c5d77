"""Sizes that may be symbolic: integer polynomials over variables and exact floors.

A size is an `int`, or a `Symbol` such as `(H + 1)//2*64`. Plain networks never
leave `int`; a network with `input H×W×3` runs through the same code with symbols.

Two laws keep symbols canonical, so that equal chains of windows print equally:
`⌊(n·a + b) / n⌋ = a + ⌊b / n⌋` and `⌊(⌊x / m⌋ + c) / n⌋ = ⌊(x + c·m) / (m·n)⌋`.
"""

from __future__ import annotations

from math import lcm

from .record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Floor(Record):
    """The atom `⌊numerator / divisor⌋`."""

    numerator: Symbol
    divisor: int

    def __str__(self) -> str:
        inner = str(self.numerator)
        return f"(({inner})//{self.divisor})" if " " in inner else f"({inner}//{self.divisor})"


Atom = str | Floor
Monomial = tuple[Atom, ...]


class Symbol:
    """A polynomial with integer coefficients; immutable, compared by structure.

    Arguments:
        terms: coefficient of each monomial; a monomial is a sorted tuple of atoms,
            `()` for the constant, `("H", "H")` for H squared.

    `weight` counts the variables, constants and floors that its text has: a few operations
    make a symbol of any length, so whoever makes one looks at it.
    """

    __slots__ = ("_hash", "terms", "weight")

    def __init__(self, terms: Iterable[tuple[Monomial, int]]) -> None:
        self.terms = tuple(sorted(((m, c) for m, c in terms if c), key=_order))
        self._hash = hash(self.terms)
        self.weight: int = sum(
            [sum([_weight(atom) for atom in monomial]) or 1 for monomial, _ in self.terms]
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Symbol) and self.terms == other.terms

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return f"Symbol({str(self)!r})"

    def __add__(self, other: Size) -> Size:
        sums = dict(self.terms)
        for monomial, factor in _terms(other):
            sums[monomial] = sums.get(monomial, 0) + factor
        return _simplest(sums)

    __radd__ = __add__

    def __neg__(self) -> Size:
        return self * -1

    def __sub__(self, other: Size) -> Size:
        return self + -other

    def __rsub__(self, other: Size) -> Size:
        return -self + other

    def __mul__(self, other: Size) -> Size:
        products: dict[Monomial, int] = {}
        for left, a in self.terms:
            for right, b in _terms(other):
                monomial = tuple(sorted(left + right, key=str))
                products[monomial] = products.get(monomial, 0) + a * b
        return _simplest(products)

    __rmul__ = __mul__

    def __floordiv__(self, divisor: int) -> Size:
        if divisor == 1:
            return self
        whole = _simplest({m: c // divisor for m, c in self.terms})
        rest = _simplest({m: c % divisor for m, c in self.terms})
        if isinstance(rest, int):
            return whole  # 0 <= rest < divisor
        return whole + _floor(rest, divisor)

    def __str__(self) -> str:
        return " + ".join(_text(m, c) for m, c in self.terms).replace("+ -", "- ")

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables in it, sorted."""
        found: set[str] = set()
        for monomial, _ in self.terms:
            for atom in monomial:
                found.update(atom.numerator.variables if isinstance(atom, Floor) else (atom,))
        return tuple(sorted(found))

    @property
    def period(self) -> int:
        """P such that replacing a variable x by x + P shifts every floor by a whole number."""
        result = 1
        for monomial, _ in self.terms:
            for atom in monomial:
                if isinstance(atom, Floor):
                    result = lcm(result, atom.divisor * atom.numerator.period)
        return result

    def at(self, values: Mapping[str, int]) -> int:
        """The value for given variables. Raises KeyError when one is missing."""
        total = 0
        for monomial, factor in self.terms:
            for atom in monomial:
                if isinstance(atom, Floor):
                    factor *= atom.numerator.at(values) // atom.divisor
                else:
                    factor *= values[atom]
            total += factor
        return total


Size = int | Symbol


def variable(name: str) -> Symbol:
    """The symbol of one variable."""
    return Symbol((((name,), 1),))


def at(size: Size, values: Mapping[str, int]) -> int:
    """The value of a size, symbolic or not."""
    return size if isinstance(size, int) else size.at(values)


def product(sizes: Iterable[Size]) -> Size:
    """The product of sizes; 1 for none."""
    result: Size = 1
    for size in sizes:
        result = result * size
    return result


def _terms(size: Size) -> tuple[tuple[Monomial, int], ...]:
    return size.terms if isinstance(size, Symbol) else (((), size),)


def _simplest(terms: Mapping[Monomial, int]) -> Size:
    kept = {m: c for m, c in terms.items() if c}
    if not kept:
        return 0
    if len(kept) == 1 and () in kept:
        return kept[()]
    return Symbol(kept.items())


def _floor(rest: Symbol, divisor: int) -> Symbol:
    """`⌊rest / divisor⌋` as one atom, merged with a floor inside when it stands alone."""
    constant = dict(rest.terms).get((), 0)
    varying = [(m, c) for m, c in rest.terms if m]
    if len(varying) == 1 and varying[0][1] == 1 and len(varying[0][0]) == 1:
        (inner,) = varying[0][0]
        if isinstance(inner, Floor):
            merged = (inner.numerator + constant * inner.divisor) // (inner.divisor * divisor)
            assert isinstance(merged, Symbol)
            return merged
    return Symbol((((Floor(rest, divisor),), 1),))


def _weight(atom: Atom) -> int:
    return 1 if isinstance(atom, str) else 1 + atom.numerator.weight


def _order(term: tuple[Monomial, int]) -> tuple[int, str]:
    """Highest degree first, then by text: the order in which people write polynomials."""
    monomial, _ = term
    return -len(monomial), "*".join(map(str, monomial))


def _text(monomial: Monomial, factor: int) -> str:
    if not monomial:
        return str(factor)
    names = "*".join(str(atom) for atom in monomial)
    if abs(factor) == 1:
        return names if factor > 0 else f"-{names}"
    return f"{factor}*{names}"
