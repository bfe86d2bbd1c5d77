"""Multiply-accumulates of a traced program, counted product by product."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any


def macs(jaxpr: Any) -> int:
    """Products of real elements in all convolutions and matrix products of a program.

    Products with padding, and with the holes that a transposed convolution spreads its
    input by, do not count.
    """
    return sum(
        _convolution(e) if e.primitive.name == "conv_general_dilated" else _product(e)
        for e in equations(jaxpr)
        if e.primitive.name in ("conv_general_dilated", "dot_general")
    )


def equations(jaxpr: Any) -> Iterator[Any]:
    """The equations of a program and of those inside of it."""
    for equation in jaxpr.eqns:
        yield equation
        for value in equation.params.values():
            for inner in value if isinstance(value, (tuple, list)) else (value,):
                inner = getattr(inner, "jaxpr", inner)
                if hasattr(inner, "eqns"):
                    yield from equations(inner)


def _convolution(equation: Any) -> int:
    image, kernel = (v.aval.shape for v in equation.invars)
    (result,) = (v.aval.shape for v in equation.outvars)
    p = equation.params
    layout = p["dimension_numbers"]
    pairs = prod(
        _pairs(*axis)
        for axis in zip(
            [image[i] for i in layout.lhs_spec[2:]],
            [kernel[i] for i in layout.rhs_spec[2:]],
            [result[i] for i in layout.out_spec[2:]],
            p["window_strides"], p["padding"], p["lhs_dilation"], p["rhs_dilation"],
            strict=True,
        )
    )  # fmt: skip
    outputs, inputs = (kernel[i] for i in layout.rhs_spec[:2])
    return int(image[layout.lhs_spec[0]] * pairs * outputs * inputs)


def _pairs(
    n: int, size: int, out: int, stride: int, padding: tuple[int, int], holes: int, dilation: int
) -> int:
    """Pairs of an output and a tap that fall on an element."""
    places = (i * stride - padding[0] + tap * dilation for i in range(out) for tap in range(size))
    return sum(at % holes == 0 and 0 <= at // holes < n for at in places)


def _product(equation: Any) -> int:
    left, _ = (v.aval.shape for v in equation.invars)
    (result,) = (v.aval.shape for v in equation.outvars)
    (contracted, _), _ = equation.params["dimension_numbers"]
    return prod(result) * prod(left[i] for i in contracted)
