"""Kernels composed, laid over each other, and made from nothing.

A kernel has the axes height × width × inputs per group × outputs. A depthwise convolution has
one input per group, a fully connected layer is a window of 1x1. Two layers in a row are one
whose kernel sums over all ways from an input to an output; layers side by side are one in
which every kernel stands where its taps are.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ...record import Record
from ...window import Padding, Window
from . import carrier
from .affine import made

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from ...op import Op
    from ..moves import Layer
    from . import Arrays, Held

    Pair = tuple[int, int]


class Linear(Record):
    """What a layer computes: a sum over windows.

    Arguments:
        pad: rows and columns that the first window lies before the map.
    """

    kernel: Any
    bias: Any = 0
    pad: Pair = (0, 0)
    stride: Pair = (1, 1)
    dilation: Pair = (1, 1)


def linear(layer: Held) -> Linear:
    kernel = layer["kernel"].reshape(kernel_shape(layer))
    return Linear(kernel, layer.arrays.get("bias", 0), *geometry(layer.op))


def unit(channels: int, kind: Any = int) -> Linear:
    """The map itself."""
    return Linear(np.ones((1, 1, 1, channels), kind))


def mean(rows: int, columns: int, channels: int, kind: Any, pad: Pair = (0, 0)) -> Linear:
    """The mean of a window, padding counted."""
    share = 1 / (rows * columns) if kind.kind == "f" else Fraction(1, rows * columns)
    kernel = np.full((rows, columns, 1, channels), share, kind if kind.kind == "f" else object)
    return Linear(kernel, pad=pad)


# ---------------------------------------------------------------------- algebra


def composed(first: Linear, second: Linear, layer: Layer) -> Arrays:
    """Both in a row as one layer: one of them is 1x1, or neither is dilated."""
    height, width, inputs, outputs = kernel_shape(layer)
    before = regrouped(first.kernel, layer.inputs[0].channels, inputs)
    kernel = np.zeros((height, width, inputs, outputs), np.result_type(before, second.kernel))
    high, wide, _, middle = before.shape
    for row, column in np.ndindex(*second.kernel.shape[:2]):
        top, left = row * first.stride[0], column * first.stride[1]
        part = through(before, second.kernel[row, column])
        kernel[top : top + high, left : left + wide] += part
    offset = first.bias + np.zeros(middle, before.dtype)
    return made(layer, kernel, through(offset, second.kernel.sum((0, 1))) + second.bias)


def superposed(terms: Iterable[Linear], layer: Layer) -> Arrays:
    """All side by side as one layer, whose window covers theirs."""
    kernel, bias = 0, 0
    for term in terms:
        kernel = kernel + embedded(term, layer)
        bias = bias + term.bias
    return made(layer, kernel, bias)


def embedded(term: Linear, layer: Layer) -> Any:
    """A kernel at those taps of a layer that read what its own did."""
    shape = kernel_shape(layer)
    pad, _, dilation = geometry(layer.op)
    taps = [
        [(tap * term.dilation[side] - term.pad[side] + pad[side]) // dilation[side]
         for tap in range(term.kernel.shape[side])]
        for side in (0, 1)
    ]  # fmt: skip
    result = np.zeros(shape, term.kernel.dtype)
    result[np.ix_(*taps)] = regrouped(term.kernel, layer.inputs[0].channels, shape[2])
    return result


def regrouped(kernel: Any, channels: int, inputs: int) -> Any:
    """The kernel with so many inputs per group: zeros where a group had not reached."""
    height, width, few, outputs = kernel.shape
    parts, groups = inputs // few, channels // inputs
    old = kernel.reshape(height, width, few, groups, parts, -1)
    new = np.zeros((height, width, parts, *old.shape[2:]), kernel.dtype)
    for part in range(parts):
        new[:, :, part, :, :, part] = old[:, :, :, :, part]
    return new.reshape(height, width, inputs, outputs)


def through(kernel: Any, mixing: Any) -> Any:
    """Outputs of a kernel, mixed: `mixing` has the axes inputs per group × outputs."""
    inputs, outputs = mixing.shape
    if inputs == 1 and outputs == kernel.shape[-1]:
        return kernel * mixing[0]
    groups = kernel.shape[-1] // inputs
    pairs = zip(np.split(kernel, groups, -1), np.split(mixing, groups, -1), strict=True)
    return np.concatenate([part @ mix for part, mix in pairs], -1)


def kernel_shape(layer: Layer | Held) -> tuple[int, ...]:
    kernel, *_ = layer.op.weights(*layer.inputs)
    return (1,) * (4 - len(kernel.shape)) + kernel.shape


def geometry(op: Op) -> tuple[Pair, Pair, Pair]:
    """Padding in front, stride and dilation; those of 1x1 where there is no window."""
    pad = getattr(op, "pad", Padding())
    stride = getattr(op, "window", Window(1, 1)).stride
    return (pad.top, pad.left), stride, getattr(op, "dilation", (1, 1))


# --------------------------------------------------------------------- carriers


@carrier
def compose(old: Sequence[Held], new: Sequence[Layer], holes: Mapping[str, Any]) -> list[Arrays]:
    """Two layers in a row as one."""
    first, second = old
    return [composed(linear(first), linear(second), new[0])]


@carrier
def compose_mean(
    old: Sequence[Held], new: Sequence[Layer], holes: Mapping[str, Any]
) -> list[Arrays]:
    """A layer and the mean of a window of `q` × `r` behind it as one."""
    first = linear(old[0])
    behind = mean(holes["q"], holes["r"], first.kernel.shape[-1], first.kernel.dtype)
    return [composed(first, behind, new[0])]


@carrier
def superpose(old: Sequence[Held], new: Sequence[Layer], holes: Mapping[str, Any]) -> list[Arrays]:
    """Layers side by side as one; a single one in a larger window."""
    return [superposed(map(linear, old), new[0])]


@carrier
def superpose_identity(
    old: Sequence[Held], new: Sequence[Layer], holes: Mapping[str, Any]
) -> list[Arrays]:
    """A layer and its own input beside it as one."""
    term = linear(old[0])
    return [superposed((term, unit(new[0].inputs[0].channels, term.kernel.dtype)), new[0])]


@carrier
def superpose_mean(
    old: Sequence[Held], new: Sequence[Layer], holes: Mapping[str, Any]
) -> list[Arrays]:
    """A layer and the mean of a window of `q` × `r` with padding `o` beside it as one."""
    term, channels = linear(old[0]), new[0].inputs[0].channels
    pad = holes["o"].top, holes["o"].left
    beside = mean(holes["q"], holes["r"], channels, term.kernel.dtype, pad)
    return [superposed((term, beside), new[0])]


@carrier
def begin_as_identity(
    old: Sequence[Held], new: Sequence[Layer], holes: Mapping[str, Any]
) -> list[Arrays]:
    """New layers that change nothing yet."""
    return [superposed((unit(layer.inputs[0].channels),), layer) for layer in new]


@carrier
def begin_as_zero(
    old: Sequence[Held], new: Sequence[Layer], holes: Mapping[str, Any]
) -> list[Arrays]:
    """A new branch whose last layer gives zero, and learns at once from what the others let by."""
    *others, last = new
    zero = made(last, np.zeros(kernel_shape(last), int))
    return [*begin_as_identity(old, others, holes), zero]


@carrier
def decouple_taps(
    old: Sequence[Held], new: Sequence[Layer], holes: Mapping[str, Any]
) -> list[Arrays]:
    """A layer as depthwise kernels of one tap each, and the mixing of what they read."""
    (layer,), (spatial, mixing) = map(linear, old), new
    high, wide, inputs, outputs = layer.kernel.shape
    taps = np.eye(high * wide, dtype=layer.kernel.dtype).reshape(high, wide, 1, -1)
    kernel = layer.kernel.reshape(-1, inputs, outputs).swapaxes(0, 1)
    channels = spatial.inputs[0].channels
    return [made(spatial, np.tile(taps, channels)), made(mixing, kernel, layer.bias)]
