"""The spelling of numbers and sizes: `25_557_032`, `40%`, `4.09G`, `224x224x3`."""

from __future__ import annotations

import re

from .limits import DIGITS

_POWERS = {"%": -2, "K": 3, "M": 6, "G": 9, "T": 12}


def number_value(text: str) -> int | float | None:
    """The value of a number as written, exact where it is whole; None if it is too large.

    >>> number_value("4.09G"), number_value("40%"), number_value("1_000")
    (4090000000, 0.4, 1000)
    """
    power = _POWERS.get(text[-1])
    digits = (text if power is None else text[:-1]).replace("_", "")
    if power is None and digits.isdigit():
        return int(digits) if len(digits) <= DIGITS.value else None
    mantissa, _, exponent = digits.lower().partition("e")
    if len(exponent) > 5 or len(mantissa) > 100:
        return None
    whole, _, fraction = mantissa.partition(".")
    shift = int(exponent or 0) + (power or 0) - len(fraction)
    value = None if power is None else _whole(whole + fraction, shift)
    if value is not None:
        return value
    number = float(f"{whole}{fraction}e{shift}")
    return number if number < 10**DIGITS.value else None


def _whole(digits: str, shift: int) -> int | None:
    """`digits` × 10^shift if that is a whole number of at most 19 digits."""
    if shift < 0 and digits[shift:].strip("0") == "":
        digits, shift = digits[:shift] or "0", 0
    if shift < 0 or len(digits.lstrip("0")) + shift > DIGITS.value:
        return None
    return int(digits + "0" * shift)


def corrected(text: str) -> str:
    """A number with zeros or underscores out of place, as it should be written.

    >>> corrected("08"), corrected("1__0_"), corrected("0.5")
    ('8', '1_0', '0.5')
    """
    text = re.sub(r"_+(?=_)|_+(?!\d)", "", text)
    return re.sub(r"^[0_]+(?=\d)", "", text)


def spelling_of_number(text: str) -> str:
    """How something that looks like a number should be written, or "".

    >>> spelling_of_number("3."), spelling_of_number("3X3"), spelling_of_number("1xk")
    ('3', '3x3', '1×k')
    """
    if re.fullmatch(r"\d+\.+", text):
        return text.rstrip(".")
    if re.fullmatch(r"\.\d+(?:[eE]-?\d+)?[%KMGT]?", text):
        return "0" + text
    if re.fullmatch(r"\d+(?:[xX]\d+)+", text):
        return text.replace("X", "x")
    if found := re.fullmatch(r"((?:\d+x)+)([A-Za-z_]\w*)", text):
        return found[1].replace("x", "×") + found[2]
    return ""
