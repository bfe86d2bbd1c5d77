"""What values must be: truth values, numbers and lists that are not too large."""

from __future__ import annotations

import math

from ..diagnostics import fail
from ..limits import INTEGER, LIST, TERMS, spend
from ..source import Span
from ..symbol import Symbol
from .values import describe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def truth(value: Any, span: Span) -> bool:
    """A condition's value. Raises CnnError unless it is true or false."""
    if not isinstance(value, bool):
        fail(
            "E0206",
            "a condition is `true` or `false`",
            span,
            f"this is {describe(value)}",
            help=["compare it: `n > 0`"],
        )
    return value


def is_number(value: Any) -> bool:
    """Whether it is a number or a symbolic size."""
    return isinstance(value, (int, float, Symbol)) and not isinstance(value, bool)


def is_plain(value: Any) -> bool:
    """Whether it is a number that is known."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def checked(value: Any, span: Span) -> Any:
    """A number that is not too large. Raises CnnError."""
    if isinstance(value, int) and abs(value) > INTEGER.value:
        fail(INTEGER.code, "this number is beyond 2^63 - 1", span, help=[INTEGER.help])
    if isinstance(value, float) and not math.isfinite(value):
        fail(INTEGER.code, "this number is too large", span, help=[INTEGER.help])
    if isinstance(value, Symbol):
        check_symbol(value, span)
    return value


def check_symbol(size: Symbol, span: Span) -> None:
    """Raise CnnError when a symbolic size is too long, or has too large a number in it."""
    if size.weight > TERMS.value:
        message = f"this symbolic size has {size.weight:,} terms; the limit is {TERMS.value}"
        fail(TERMS.code, message, span, help=[TERMS.help])
    if any(abs(factor) > INTEGER.value for _, factor in size.terms):
        message = "a number in this symbolic size is beyond 2^63 - 1"
        fail(INTEGER.code, message, span, help=[INTEGER.help])


def check_length(length: int, span: Span) -> None:
    """Count the elements of a new list. Raises CnnError when there are too many."""
    if length > LIST.value:
        message = f"a list of {length:,} elements or more; the limit is {LIST.value:,}"
        fail(LIST.code, message, span, help=[LIST.help])
    spend(max(length, 0), span)


def elements(values: tuple[Any, ...]) -> int:
    """How many elements a list has with the lists in it; LIST + 1 when there are more."""
    count, open_lists = 0, [values]
    while open_lists and count <= LIST.value:
        inner = open_lists.pop()
        count += len(inner)
        open_lists += [value for value in inner if isinstance(value, tuple)]
    return count
