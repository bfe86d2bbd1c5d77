"""Numbers, formulas and shapes as people read them, for reports and figures.

    >>> number(25557032), scaled(4089184256)
    ('25,557,032', '4.089 G')

A symbolic size is a polynomial over variables and floors, with `⌊(H + 31)/32⌋` written
`⌈H/32⌉`; common factors stand in front, `64·(10·⌊H/2⌋·⌊W/2⌋ + 3·H·W)`. Where the variables
are known to be multiples of a number, floors go away: `on_multiples`.
"""

from __future__ import annotations

from .symbol import Floor, Size, Symbol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from fractions import Fraction

    from .types import TensorType

    Terms = list[tuple[tuple[str, ...], Fraction | int]]
    """Factors of each term, sorted, and its coefficient."""
    Product = dict[tuple[str, ...], Fraction]

UNITS = ((12, "T"), (9, "G"), (6, "M"), (3, "k"))


def number(size: Size, multiples: Mapping[str, int] | None = None) -> str:
    """`25,557,032`, or a formula.

    Arguments:
        multiples: for variables of the formula, a number that divides them.
    """
    return f"{size:,}" if isinstance(size, int) else formula(size, multiples)


def signed(size: Size) -> str:
    """A number in a formula, with a minus sign where it is negative."""
    return number(size).replace("-", "−")


def change(before: Size, after: Size, shown: Callable[[Size], str] = number) -> str:
    """`25,557,032 → 25,530,472 (−0.1 %)`"""
    if before == after:
        return f"{shown(before)}, as before"
    if not isinstance(before, int) or not isinstance(after, int) or before == 0:
        return f"{shown(before)} → {shown(after)}"
    return f"{shown(before)} → {shown(after)} ({signed_percent(before, after)})"


def signed_percent(before: int, after: int) -> str:
    """`−0.104 %` as `−0.10 %`: two digits at least, and one behind the point."""
    share = 100 * abs(after - before) / before
    shown = f"{share:.1f}" if share >= 1 else f"{share:.2g}"
    return f"{'−' if after < before else '+'}{shown} %"


def scaled(size: Size) -> str:
    """`4.089 G`: four digits, k is 1,000; a formula as it is."""
    if isinstance(size, int):
        for power, unit in UNITS:
            if size >= 10**power:
                return f"{size / 10**power:.4g} {unit}"
    return number(size)


def shape(type: TensorType, multiples: Mapping[str, int] | None = None) -> str:
    """`56×56×64`, `⌊H/2⌋×⌊W/2⌋×64`"""
    return "×".join(_side(size, multiples) for size in type.shape)


def formula(size: Symbol, multiples: Mapping[str, int] | None = None) -> str:
    """A polynomial with its common factor in front."""
    terms = on_multiples(size, multiples) if multiples else None
    if terms is None:
        terms = [(tuple(map(_atom, atoms)), factor) for atoms, factor in size.terms]
    return _polynomial(terms)


def whole_formula(size: Symbol) -> tuple[str, int] | None:
    """The formula for variables that are multiples of the size's period, and that period.

    Gives None for a formula that has no floors to lose.
    """
    period = size.period
    if period == 1 or on_multiples(size, dict.fromkeys(size.variables, period)) is None:
        return None
    return formula(size, dict.fromkeys(size.variables, period)), period


def on_multiples(size: Symbol, multiples: Mapping[str, int]) -> Terms | None:
    """The terms of a size without floors, where its variables are multiples of numbers.

    Gives None where a floor stays: the numbers do not divide enough.
    """
    from fractions import Fraction

    result: Product = {}
    for atoms, factor in size.terms:
        product: Product = {(): Fraction(factor)}
        for atom in atoms:
            plain = _without_floor(atom, multiples)
            if plain is None:
                return None
            product = _times(product, plain)
        for names, amount in product.items():
            result[names] = result.get(names, Fraction(0)) + amount
    kept = ((names, amount) for names, amount in result.items() if amount)
    return sorted(kept, key=lambda term: (-len(term[0]), term[0]))


def _without_floor(atom: str | Floor, multiples: Mapping[str, int]) -> Product | None:
    """An atom as a sum of products; None when it stays a floor."""
    from fractions import Fraction

    if isinstance(atom, str):
        return {(atom,): Fraction(1)}
    inner = on_multiples(atom.numerator, multiples)
    if inner is None:
        return None
    result = {names: Fraction(factor) / atom.divisor for names, factor in inner}
    for names, factor in result.items():
        step = factor
        for name in names:
            step *= multiples.get(name, 1)
        if names and step.denominator != 1:
            return None
    constant = result.pop((), Fraction(0))
    result[()] = Fraction(constant.numerator // constant.denominator)
    return result


def _times(a: Product, b: Product) -> Product:
    result: Product = {}
    for left, x in a.items():
        for right, y in b.items():
            names = tuple(sorted(left + right))
            result[names] = result.get(names, x * 0) + x * y
    return result


# ------------------------------------------------------------------------- text


def _polynomial(terms: Terms) -> str:
    """`64·(10·H·W + 3)/5`"""
    from math import gcd, lcm

    if not terms:
        return "0"
    below = lcm(*(amount.denominator for _, amount in terms))
    whole = [(names, int(amount * below)) for names, amount in terms]
    common = gcd(*(amount for _, amount in whole))
    shared, rest = _shared(whole)
    text = " + ".join(_term(names, amount // common) for names, amount in rest)
    text = text.replace("+ −", "− ")
    if len(rest) > 1 and (common > 1 or shared or below > 1):
        text = f"({text})"
    front = [f"{common:,}"] if common > 1 else []
    front += shared
    if front:
        text = "·".join(front) + ("" if text == "1" else f"·{text}")
    return f"{text}/{below:,}" if below > 1 else text


def _shared(terms: list[tuple[tuple[str, ...], int]]) -> tuple[list[str], Terms]:
    """The factors that all terms have, and the terms without them."""
    left = [list(names) for names, _ in terms]
    shared = []
    for name in terms[0][0]:
        if all(name in names for names in left):
            shared.append(name)
            for names in left:
                names.remove(name)
    return shared, [(tuple(n), amount) for n, (_, amount) in zip(left, terms, strict=True)]


def _term(names: tuple[str, ...], amount: Fraction | int) -> str:
    if not names:
        return f"{amount:,}".replace("-", "−")
    sign = "−" if amount < 0 else ""
    digits = [] if abs(amount) == 1 else [f"{abs(amount):,}"]
    return sign + "·".join([*digits, *names])


def _atom(atom: str | Floor) -> str:
    if isinstance(atom, str):
        return atom
    divisor = atom.divisor
    rounded_up = atom.numerator - (divisor - 1)
    up = isinstance(rounded_up, Symbol) and all(atoms for atoms, _ in rounded_up.terms)
    inner = formula(rounded_up if up and isinstance(rounded_up, Symbol) else atom.numerator)
    text = f"{inner}/{divisor}" if inner.isalnum() else f"({inner})/{divisor}"
    return f"⌈{text}⌉" if up else f"⌊{text}⌋"


def _side(size: Size, multiples: Mapping[str, int] | None) -> str:
    """A size as a factor of a shape."""
    if isinstance(size, int):
        return str(size)
    text = formula(size, multiples)
    alone = text[0] in "⌊⌈" and text[-1] in "⌋⌉" and text.count("⌊") + text.count("⌈") == 1
    return text if alone or " " not in text else f"({text})"
