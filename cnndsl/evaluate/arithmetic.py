"""Operators on numbers, lists, windows and symbolic sizes."""

from __future__ import annotations

import operator as python

from ..diagnostics import fail
from ..limits import INTEGER
from ..symbol import Symbol
from ..syntax import Binary, Expr
from ..window import Window
from .checks import check_length, checked, elements, is_number, is_plain
from .values import describe, whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn


def divide(left: Any, right: Any, expr: Binary, fractional: bool) -> Any:
    """`7x7/2`, `H/2`, `n/4`; whole numbers only divide exactly, but inside `floor(...)`."""
    if isinstance(left, Window):
        return _with_stride(left, whole(right), expr)
    if not is_number(left) or not is_number(right):
        _not_numbers(left, right, expr)
    if right == 0:
        _by_zero(expr)
    if isinstance(left, Symbol) or isinstance(right, Symbol):
        if isinstance(right, int):
            return checked(left // right, expr.span)
        fail("E0310", "a symbolic size cannot divide", expr.right.span)
    if isinstance(left, int) and isinstance(right, int):
        if left % right == 0:
            return left // right
        if not fractional:
            fail(
                "E0304",
                f"{left} / {right} is not a whole number",
                expr.span,
                f"remainder {left % right}",
                help=(
                    "say how to round it: `floor(a / b)`, `ceil(a / b)`, or "
                    "`round_to(a / b, 8)` for channels",
                ),
            )
    return checked(left / right, expr.span)


def _with_stride(window: Window, stride: Any, expr: Binary) -> Window:
    if window.stride != (1, 1):
        fail(
            "E0206",
            "this window has a stride already",
            expr.span,
            help=["leave one of the two out"],
        )
    if isinstance(stride, Window) and stride.stride == (1, 1):
        down, across = stride.size
    elif isinstance(stride, int) and not isinstance(stride, bool):
        down = across = stride
    else:
        fail(
            "E0206",
            "a stride is a whole number, or `2x1` (down x across)",
            expr.right.span,
            f"this is {describe(stride)}",
        )
    if down < 1 or across < 1:
        fail(
            "E0207",
            "a stride is at least 1",
            expr.right.span,
            help=["`3x3/1`, or `3x3`, reads every position"],
        )
    return Window(window.height, window.width, down, across)


def arithmetic(left: Any, right: Any, expr: Binary) -> Any:
    """Comparisons, sums, products, remainders and powers; lists are joined by `+`."""
    operator = expr.operator
    if operator in _COMPARE:
        _require_known(left, expr.left)
        _require_known(right, expr.right)
        if not is_plain(left) or not is_plain(right):
            _not_numbers(left, right, expr)
        return _COMPARE[operator](left, right)
    if isinstance(left, tuple) and isinstance(right, tuple) and operator == "+":
        check_length(elements(left) + elements(right), expr.span)
        return left + right
    if not is_number(left) or not is_number(right):
        _not_numbers(left, right, expr)
    if operator == "**":
        return _power(left, right, expr)
    if operator == "%":
        if right == 0:
            _by_zero(expr)
        if isinstance(left, Symbol) or isinstance(right, Symbol):
            fail("E0310", "`%` needs known numbers", expr.span, "a symbolic size is used here")
        return checked(left % right, expr.span)
    if (isinstance(left, float) and isinstance(right, Symbol)) or (
        isinstance(right, float) and isinstance(left, Symbol)
    ):
        fail("E0310", "a symbolic size counts in whole numbers", expr.span)
    return checked(_ARITHMETIC[operator](left, right), expr.span)


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": python.lt,
    "<=": python.le,
    ">": python.gt,
    ">=": python.ge,
}
_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": python.add,
    "-": python.sub,
    "*": python.mul,
}


def _power(left: Any, right: Any, expr: Binary) -> Any:
    if not is_plain(left) or not is_plain(right) or abs(right) > 64 or abs(left) > 10**6:
        fail(INTEGER.code, "this power is too large", expr.span, help=[INTEGER.help])
    if left == 0 and right < 0:
        _by_zero(expr)
    try:
        result = left**right
    except OverflowError:
        fail(INTEGER.code, "this power is too large", expr.span, help=[INTEGER.help])
    if isinstance(result, complex):
        fail(
            "E0206",
            "a negative number has no such power",
            expr.span,
            help=["whole powers of it are defined"],
        )
    return checked(result, expr.span)


def _by_zero(expr: Binary) -> NoReturn:
    help = "choose another divisor, or ask first: `a / b if b != 0 else 1`"
    fail("E0207", "division by zero", expr.span, help=[help])


def _require_known(value: Any, expr: Expr) -> None:
    if isinstance(value, Symbol):
        fail(
            "E0310",
            "a symbolic size cannot be compared",
            expr.span,
            f"this is {value}",
            help=("give the input a fixed size, in the spec or with `--input`",),
        )


def _not_numbers(left: Any, right: Any, expr: Binary) -> Any:
    wrong, value = (expr.right, right) if is_number(left) else (expr.left, left)
    fail("E0206", f"`{expr.operator}` works on numbers", wrong.span, f"this is {describe(value)}")
