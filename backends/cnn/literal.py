"""Values in statements: which of them may become parameters, and how all of them are written.

A statement is made as a syntax tree in which numbers, windows and activations are still
values, `Literal`s. Where the specialisations of a block differ in them they become its
parameters; the others are spelled out in the end.
"""

from __future__ import annotations

from cnndsl.record import Record, replace
from cnndsl.source import Source, Span
from cnndsl.syntax import Argument, Binary, Dims, Name, Number
from cnndsl.window import Window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from cnndsl.symbol import Floor, Size
    from cnndsl.syntax import Expr
    from cnndsl.types import TensorType

AT = Span(Source("", ""), 0, 0)
"""The place of everything that nobody has written."""


class Literal(Name):
    """A value where an expression stands; its `id` is what a parameter for it would be called."""

    value: Any


class Label(Name):
    """A label where it is defined or read."""


class Part(float):
    """A number as part of another one: `20% * 3/16`, the rate of the third of 16 blocks."""

    def __new__(cls, whole: float, part: int, of: int) -> Part:
        self = super().__new__(cls, whole * part / of)
        self.whole, self.part, self.of = whole, part, of
        return self

    whole: float
    part: int
    of: int


def name(text: str) -> Name:
    """A name in a tree."""
    return Name(text, AT)


def callee(text: str) -> Name:
    """The name of what is called with parentheses."""
    return Name(text, Span(Source("", f"{text}()"), 0, len(text)))


def positional(value: Expr) -> Argument:
    """An argument without a name."""
    return Argument(None, value, AT)


def literals(node: object) -> Iterator[Literal]:
    """All literals of a tree, in the order in which they are written."""
    if isinstance(node, Literal):
        yield node
    elif isinstance(node, tuple):
        for item in node:
            yield from literals(item)
    elif isinstance(node, Record):
        for field in node.fields:
            yield from literals(getattr(node, field))


def rewrite(node: Any, change: Callable[[Any], Any]) -> Any:
    """A tree with every part for which `change` gives something replaced by that."""
    changed = change(node)
    return rewrite_parts(node, change) if changed is None else changed


def rewrite_parts(node: Any, change: Callable[[Any], Any]) -> Any:
    """A tree with its parts rewritten, itself not."""
    if isinstance(node, tuple):
        return tuple(rewrite(item, change) for item in node)
    if not isinstance(node, Record) or isinstance(node, Span):
        return node
    parts = {field: rewrite(getattr(node, field), change) for field in node.fields}
    return replace(node, **parts)


def skeleton(node: Any) -> Any:
    """A tree without the values of its literals: equal for trees that differ in these alone."""
    return rewrite(node, lambda part: _hollow(part) if isinstance(part, Literal) else None)


def _hollow(literal: Literal) -> Literal:
    return replace(literal, value=None)


# -------------------------------------------------------------------------- spelling


def spell(literal: Literal) -> Expr:
    """The expression for a value."""
    value = literal.value
    if isinstance(value, Window):
        return window(value)
    if isinstance(value, str):
        return name(value)
    if isinstance(value, Part) and value.part:
        return part_of(value, number(value.part))
    return percentage(value) if literal.id == "rate" else number(value)


def part_of(value: Part, part: Expr) -> Expr:
    """`20% * 3/16`"""
    return Binary("/", Binary("*", percentage(value.whole), part, AT), number(value.of), AT)


def number(value: float) -> Number:
    """A number in its shortest spelling: `64`, `0.1`, `1e-3`."""
    return Number(value, _shortest(value), AT)


def percentage(value: float) -> Number:
    """A probability: `20%`, and as a plain number where that has many digits."""
    text = f"{100 * value:.4g}"
    exact = "e" not in text and float(f"{text}e-2") == value
    return Number(value, f"{text}%", AT) if exact else number(value)


def window(value: Window) -> Expr:
    """`3x3/2`"""
    return strided(pair(*value.size), side(value.stride))


def strided(size: Expr, stride: int | Window | Expr) -> Expr:
    """A size with its stride behind it, unless that is 1."""
    if stride == 1:
        return size
    if isinstance(stride, int):
        return Binary("/", size, number(stride), AT)
    return Binary("/", size, window(stride) if isinstance(stride, Window) else stride, AT)


def side(values: tuple[int, int]) -> int | Window:
    """Two numbers along height and width as the language has them: one if they are equal."""
    return values[0] if values[0] == values[1] else Window(*values)


def pair(height: int, width: int) -> Dims:
    """`2x1`"""
    return Dims((number(height), number(width)), AT)


def shape(type: TensorType) -> Expr:
    """`56x56x64`, `H/2 × W/2 × 64`"""
    sizes = tuple(_size(size) for size in type.shape)
    return sizes[0] if len(sizes) == 1 else Dims(sizes, AT)


def is_short(size: Size) -> bool:
    """Whether a size is a number, a variable, or a part of one."""
    if isinstance(size, int):
        return True
    ((monomial, factor), *others) = size.terms
    if others or factor != 1 or len(monomial) != 1:
        return False
    (atom,) = monomial
    return isinstance(atom, str) or is_short(atom.numerator)


def _size(size: Size) -> Expr:
    """A polynomial over variables and floors; `/` rounds down where sizes are symbolic."""
    if isinstance(size, int):
        return number(size)
    terms = [_term(monomial, factor) for monomial, factor in size.terms]
    total = terms[0]
    for term in terms[1:]:
        total = Binary("+", total, term, AT)
    return total


def _term(monomial: tuple[str | Floor, ...], factor: int) -> Expr:
    atoms = [name(atom) if isinstance(atom, str) else _floor(atom) for atom in monomial]
    factors: list[Expr] = [number(factor), *atoms] if factor != 1 or not atoms else [*atoms]
    product = factors[0]
    for atom in factors[1:]:
        product = Binary("*", product, atom, AT)
    return product


def _floor(atom: Floor) -> Expr:
    return Binary("/", _size(atom.numerator), number(atom.divisor), AT)


def _shortest(value: float) -> str:
    if isinstance(value, int) or (value.is_integer() and abs(value) < 1e16):
        return str(int(value))
    digits = next(text for p in range(17) if float(text := f"{value:.{p}e}") == value)
    mantissa, exponent = digits.split("e")
    scientific, plain = f"{mantissa}e{int(exponent)}", repr(value)
    return scientific if "e" in plain or len(scientific) < len(plain) else plain
