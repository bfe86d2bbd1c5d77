"""Sizes, which may be sums and products of variables, and the types that are made of them.

A type of numbers is one word, `56x56x64`. With a symbol in it, `H×(W//2)×64`, the sign is
`×`, because `HxW` would be a name; a size of several parts stands in parentheses.
"""

from __future__ import annotations

from ..diagnostics import fail
from ..symbol import Symbol, variable
from ..types import TensorType
from .cursor import Cursor
from .words import extents, is_integer, is_name, read_extents, read_integer, read_name, write_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..symbol import Size

DTYPE = TensorType.defaults["dtype"]
"""The dtype that is not written."""


# Types


def write_type(type: TensorType) -> str:
    """`56x56x64`, `H×W×3`, and the dtype behind it unless it is float32."""
    sign = "×" if any(isinstance(size, Symbol) for size in type.shape) else "x"
    shape = sign.join(map(_write_factor, type.shape))
    return shape if type.dtype == DTYPE else f"{shape} {write_name(type.dtype)}"


def _write_factor(size: Size) -> str:
    text = str(size)
    return f"({text})" if " " in text or "*" in text else text


def read_type(cursor: Cursor) -> TensorType:
    """`56x56x64`, `H×W×3`, and perhaps a dtype."""
    first = cursor.at
    shape = _read_shape(cursor)
    if len(shape) > 3 or any(isinstance(n, int) and n < 1 for n in shape):
        fail("E0206", "a shape is one, two or three sizes of at least 1", cursor.since(first))
    if isinstance(shape[-1], Symbol):
        fail("E0310", "the number of channels is no whole number", cursor.since(first))
    return TensorType(shape, read_name(cursor) if is_name(cursor) else DTYPE)


def _read_shape(cursor: Cursor) -> tuple[Size, ...]:
    if extents(cursor.token.text) > 1:
        return read_extents(cursor)
    sizes = [_read_factor(cursor)]
    while cursor.accept("×"):
        sizes.append(_read_factor(cursor))
    return tuple(sizes)


# Sizes


def write_size(size: Size) -> str:
    """As symbols are shown everywhere; `read_size` knows no more than they use."""
    return str(size)


def read_size(cursor: Cursor) -> Size:
    """A sum of products of sizes."""
    total = _read_product(cursor)
    while cursor.token.text in ("+", "-"):
        sign = cursor.next().text
        product = _read_product(cursor)
        total = total + product if sign == "+" else total - product
    return total


def _read_product(cursor: Cursor) -> Size:
    if cursor.accept("-"):
        return -cursor.nested(_read_product)
    result = _read_factor(cursor)
    while cursor.token.text in ("*", "//"):
        if cursor.next().text == "*":
            result = result * _read_factor(cursor)
        else:
            result = result // _read_divisor(cursor)
    return result


def _read_divisor(cursor: Cursor) -> int:
    place = cursor.here
    divisor = _read_factor(cursor)
    if not isinstance(divisor, int) or divisor < 1:
        fail("E0207", "a size is divided by a whole number of at least 1", place)
    return divisor


def _read_factor(cursor: Cursor) -> Size:
    """A number, a variable, or a size in parentheses."""
    if cursor.accept("("):
        inner = cursor.nested(read_size)
        cursor.expect(")")
        return inner
    if is_integer(cursor):
        return read_integer(cursor)
    if cursor.token.kind != "word" or not cursor.token.text.isidentifier():
        cursor.fail("a size")
    return variable(cursor.next().text)
