"""Rates that grow over a network, as parts of the last one: `20% * 3/16` in place of 0.0375."""

from __future__ import annotations

from .literal import Part, percentage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

LEAST = 3
"""Rates that make a rule."""
MOST_PARTS = 512


def parts(rates: Iterable[float]) -> dict[float, Part]:
    """The rates as exact parts of one whole percentage; nothing where all are short numbers."""
    several = sorted(set(rates))
    if len(several) < LEAST or all(percentage(rate).text.endswith("%") for rate in several):
        return {}
    for of in range(2, MOST_PARTS + 1):
        for percent in range(1, 100):
            whole = float(f"{percent}e-2")
            if all(_is_part(rate, whole, of) for rate in several):
                return {rate: Part(whole, round(rate * of / whole), of) for rate in several}
    return {}


def _is_part(rate: float, whole: float, of: int) -> bool:
    part = round(rate * of / whole)
    return part <= of and whole * part / of == rate
