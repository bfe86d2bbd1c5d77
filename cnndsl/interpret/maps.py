"""Operators that look at a whole map, or put its elements elsewhere."""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate
from math import floor, prod

import numpy as np

from .exact import constant, multilinear, quotient, real, type_of
from .pointwise import normalised, scaled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..op import Op
    from ..ops.norm import Gn
    from ..ops.reshape import (
        DepthToSpace,
        Flatten,
        PadChannels,
        Shuffle,
        SpaceToDepth,
        Split,
        Upsample,
    )
    from .exact import Array, Roles, Rules


# ----------------------------------------------------------------- over the whole map


def globalavgpool(op: Op, roles: Roles, x: Array) -> Array:
    area = prod(x.shape[1:3])
    sums = multilinear(lambda x: np.sum(x, axis=(1, 2)), x, terms=area)
    return quotient(sums, constant(area))


def globalmaxpool(op: Op, roles: Roles, x: Array) -> Array:
    greatest: Array = x.max(axis=(1, 2))
    return greatest


def gn(op: Gn, roles: Roles, x: Array) -> Array:
    groups = real(x).reshape(len(x), -1, op.groups, x.shape[-1] // op.groups)
    return scaled(normalised(groups, (1, 3), op.eps).reshape(x.shape), roles)


# ----------------------------------------------------------------- resizing


def upsample(op: Upsample, roles: Roles, x: Array) -> Array:
    _, height, width, channels = x.shape
    high, wide = op.size or (height * op.factor[0], width * op.factor[1])
    if op.mode == "nearest":
        rows, columns = nearest(height, high), nearest(width, wide)
        return x.take(rows, axis=1).take(columns, axis=2)
    weights = INTERPOLATIONS[op.mode]

    def resize(x: Array, rows: Array, columns: Array) -> Array:
        tall = rows @ x.reshape(len(x), height, -1)
        whole: Array = columns @ tall.reshape(len(x), -1, width, channels)
        return whole

    down = interpolation(height, high, op.align_corners, weights)
    across = interpolation(width, wide, op.align_corners, weights)
    return multilinear(resize, x, down, across, terms=len(weights(Fraction(0))) ** 2)


def nearest(n: int, m: int) -> list[int]:
    """For each of m elements, that of n in which its left edge falls."""
    return [i * n // m for i in range(m)]


def linear(t: Fraction) -> dict[int, Fraction]:
    """The weights of the elements around a place `t` behind one, by their distance from that."""
    return {0: 1 - t, 1: t}


def cubic(t: Fraction) -> dict[int, Fraction]:
    """The same for Keys' cubic convolution, with the constant that PyTorch has."""
    a = Fraction(-3, 4)

    def near(d: Fraction) -> Fraction:
        return (a + 2) * d**3 - (a + 3) * d**2 + 1

    def far(d: Fraction) -> Fraction:
        return a * (d**3 - 5 * d**2 + 8 * d - 4)

    return {-1: far(1 + t), 0: near(t), 1: near(1 - t), 2: far(2 - t)}


INTERPOLATIONS = {"bilinear": linear, "bicubic": cubic}


def interpolation(
    n: int, m: int, corners: bool, weights: Callable[[Fraction], dict[int, Fraction]]
) -> Array:
    """The matrix that makes m elements of n; beyond the border the outermost go on."""
    matrix = np.zeros((m, n), dtype=object)
    for i in range(m):
        place = _aligned_corners(i, n, m) if corners else _aligned_edges(i, n, m)
        for distance, weight in weights(place - floor(place)).items():
            matrix[i, min(max(floor(place) + distance, 0), n - 1)] += weight
    return matrix


def _aligned_corners(i: int, n: int, m: int) -> Fraction:
    return Fraction(i * (n - 1), max(m - 1, 1))


def _aligned_edges(i: int, n: int, m: int) -> Fraction:
    return Fraction((2 * i + 1) * n - m, 2 * m)


# ----------------------------------------------------------------- moves


def flatten(op: Flatten, roles: Roles, x: Array) -> Array:
    x = x.transpose(0, 3, 1, 2) if op.order == "chw" else x
    return x.reshape(len(x), -1)


def pad_channels(op: PadChannels, roles: Roles, x: Array) -> Array:
    more = np.zeros((*x.shape[:-1], op.channels - x.shape[-1]), x.dtype)
    return np.concatenate([x, more], axis=-1)


def depth_to_space(op: DepthToSpace, roles: Roles, x: Array) -> Array:
    (batch, height, width, _), f = x.shape, op.factor
    if op.order == "crd":
        x = x.reshape(batch, height, width, -1, f, f).transpose(0, 1, 4, 2, 5, 3)
    else:
        x = x.reshape(batch, height, width, f, f, -1).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(batch, height * f, width * f, -1)


def space_to_depth(op: SpaceToDepth, roles: Roles, x: Array) -> Array:
    (batch, height, width, channels), f = x.shape, op.factor
    x = x.reshape(batch, height // f, f, width // f, f, channels)
    x = x.transpose(0, 1, 3, 5, 2, 4) if op.order == "crd" else x.transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(batch, height // f, width // f, -1)


def shuffle(op: Shuffle, roles: Roles, x: Array) -> Array:
    return x.reshape(*x.shape[:-1], op.groups, -1).swapaxes(-1, -2).reshape(x.shape)


def split(op: Split, roles: Roles, x: Array) -> Sequence[Array]:
    ends = list(accumulate(part.channels for part in op.infer(type_of(x))))
    return np.split(x, ends[:-1], axis=-1)


RULES: Rules = {
    "globalavgpool": globalavgpool,
    "globalmaxpool": globalmaxpool,
    "gn": gn,
    "upsample": upsample,
    "flatten": flatten,
    "pad_channels": pad_channels,
    "depth_to_space": depth_to_space,
    "space_to_depth": space_to_depth,
    "shuffle": shuffle,
    "split": split,
}
