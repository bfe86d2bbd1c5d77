"""Folding batch norms and other affine maps per channel into their neighbours."""

from __future__ import annotations

from fractions import Fraction
from math import isqrt

import numpy as np

from . import carrier

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ..engine import Layer
    from . import Arrays, Held


def root(values: Any) -> Any:
    """Square roots; those of exact squares stay exact."""
    if values.dtype != object:
        return np.sqrt(values)
    roots = [_exact_root(Fraction(value)) for value in values]
    if any(value is None for value in roots):
        return np.sqrt(values.astype(float))
    return np.array(roots, dtype=object)


def _exact_root(value: Fraction) -> Fraction | None:
    found = Fraction(isqrt(value.numerator), isqrt(value.denominator))
    return found if found * found == value else None


def affine(bn: Held) -> tuple[Any, Any]:
    """Factor and offset per channel of a batch norm in inference."""
    mean, variance = bn["mean"], bn["variance"]
    epsilon = bn.op.eps  # type: ignore[attr-defined]
    if variance.dtype == object:
        epsilon = Fraction(epsilon)
    factor = bn.arrays.get("scale", 1) / root(variance + epsilon)
    return factor, bn.arrays.get("shift", 0) - mean * factor


@carrier
def fold_bn(old: Sequence[Held], new: Sequence[Layer], holes: Mapping[str, Any]) -> list[Arrays]:
    """`conv; bn`: the kernel times the factor, the bias moved along (Jacob et al., 2018)."""
    conv, bn = old
    factor, offset = affine(bn)
    bias = conv.arrays.get("bias", 0)
    return [{"kernel": conv["kernel"] * factor, "bias": bias * factor + offset}]
