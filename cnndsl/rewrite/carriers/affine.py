"""Affine maps of each channel, folded into the layers beside them.

In inference a batch norm is `factor · x + offset` for each channel, and so is a depthwise
convolution of 1x1. Behind a layer the factor scales its outputs; in front of it, its inputs,
and the offset becomes a bias, if no padding is read in its place.
"""

from __future__ import annotations

from fractions import Fraction
from math import isqrt

import numpy as np

from . import carrier

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ..moves import Layer
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


def affine(layer: Held) -> tuple[Any, Any]:
    """Factor and offset of each channel: of a norm, a scale, or a depthwise 1x1."""
    if layer.op.word != "bn":
        factor = layer.arrays.get("scale", layer.arrays.get("kernel"))
        return np.reshape(factor, -1), layer.arrays.get("bias", 0)
    mean, variance = layer["mean"], layer["variance"]
    epsilon = layer.op.eps  # type: ignore[attr-defined]
    if variance.dtype == object:
        epsilon = Fraction(epsilon)
    factor = layer.arrays.get("scale", 1) / root(variance + epsilon)
    return factor, layer.arrays.get("shift", 0) - mean * factor


def made(layer: Layer, kernel: Any, bias: Any = 0) -> Arrays:
    """The arrays of a new layer, as large as it needs them."""
    needs = {weight.name: weight.shape for weight in layer.op.weights(*layer.inputs)}
    arrays = {"kernel": kernel.reshape(needs["kernel"])}
    if "bias" in needs:
        arrays["bias"] = bias + np.zeros(needs["bias"], kernel.dtype)
    return arrays


def each_input(kernel: Any, values: Any) -> Any:
    """A number for each input channel, as it meets the last two axes of a kernel."""
    inputs, outputs = kernel.shape[-2:]
    groups = values.reshape(-1, inputs)
    return groups.repeat(outputs // len(groups), axis=0).T


@carrier
def fold_affine(
    old: Sequence[Held], new: Sequence[Layer], holes: Mapping[str, Any]
) -> list[Arrays]:
    """`layer; affine`: the kernel times the factor, the bias moved along (Jacob et al., 2018)."""
    layer, behind = old
    factor, offset = affine(behind)
    bias = layer.arrays.get("bias", 0)
    return [made(new[0], layer["kernel"] * factor, bias * factor + offset)]


@carrier
def fold_affine_forward(
    old: Sequence[Held], new: Sequence[Layer], holes: Mapping[str, Any]
) -> list[Arrays]:
    """`affine; layer`: what the factor and the offset of an input add up to in each output."""
    before, layer = old
    factor, offset = affine(before)
    kernel, bias = layer["kernel"], layer.arrays.get("bias", 0)
    inputs = each_input(kernel, offset + 0 * factor)
    gained = (kernel * inputs).sum(axis=tuple(range(kernel.ndim - 1)))
    return [made(new[0], kernel * each_input(kernel, factor), bias + gained)]


@carrier
def as_affine(old: Sequence[Held], new: Sequence[Layer], holes: Mapping[str, Any]) -> list[Arrays]:
    """A norm or a scale as a depthwise 1x1."""
    factor, offset = affine(old[0])
    return [made(new[0], factor, offset)]


@carrier
def scale(old: Sequence[Held], new: Sequence[Layer], holes: Mapping[str, Any]) -> list[Arrays]:
    """`layer; times f`: everything times the hole `f`."""
    (layer,) = old
    kernel, bias = layer["kernel"], layer.arrays.get("bias", 0)
    factor = holes["f"] if kernel.dtype.kind == "f" else Fraction(holes["f"])
    return [made(new[0], kernel * factor, bias * factor)]


@carrier
def drop_bias(old: Sequence[Held], new: Sequence[Layer], holes: Mapping[str, Any]) -> list[Arrays]:
    """`layer; bn`: the mean that the norm takes away has no bias in it any more."""
    layer, norm = old
    mean = norm["mean"] - layer["bias"]
    return [made(new[0], layer["kernel"]), {**norm.arrays, "mean": mean}]


@carrier
def split_affine(
    old: Sequence[Held], new: Sequence[Layer], holes: Mapping[str, Any]
) -> list[Arrays]:
    """`concat; affine`: each part of the channels with its own numbers."""
    ends = np.cumsum([layer.inputs[0].channels for layer in new])[:-1]
    factor, offset = affine(old[0])
    parts = np.split(factor, ends), np.split(offset + 0 * factor, ends)
    return [made(*row) for row in zip(new, *parts, strict=True)]


@carrier
def join_affine(
    old: Sequence[Held], new: Sequence[Layer], holes: Mapping[str, Any]
) -> list[Arrays]:
    """`affine` in every branch of a concat: their numbers, one after the other."""
    pairs = [affine(layer) for layer in old]
    factor = np.concatenate([factor for factor, _ in pairs])
    offset = np.concatenate([offset + 0 * factor for factor, offset in pairs])
    return [made(new[0], factor, offset)]
