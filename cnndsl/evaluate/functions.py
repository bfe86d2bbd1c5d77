"""The built-in functions of the language."""

from __future__ import annotations

import math

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

POSITION = ("nth", "total")
"""The number of a call of the block around it, and of all calls."""


def _round(value: float) -> int:
    """To the nearest whole number, halves up."""
    return math.floor(value + 0.5)


def _round_to(value: float, multiple: int) -> int:
    """The nearest multiple, at least one of them and never below 90 % of the value.

    The channel rounding of the MobileNet and EfficientNet papers' code.
    """
    rounded = max(multiple, math.floor(value + multiple / 2) // multiple * multiple)
    return rounded + multiple if rounded < 0.9 * value else rounded


ROUNDING = ("floor", "ceil", "round", "round_to")

FUNCTIONS: Mapping[str, tuple[int, int, Callable[..., Any]]] = {
    "min": (1, 64, lambda *values: min(*values) if len(values) > 1 else min(values[0])),
    "max": (1, 64, lambda *values: max(*values) if len(values) > 1 else max(values[0])),
    "floor": (1, 1, math.floor),
    "ceil": (1, 1, math.ceil),
    "round": (1, 1, _round),
    "round_to": (2, 2, _round_to),
    "len": (1, 1, len),
    "sum": (1, 1, sum),
    "reversed": (1, 1, lambda values: tuple(reversed(values))),
}
"""Built-in functions: least and greatest number of arguments, and the function."""
