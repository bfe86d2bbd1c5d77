"""What weights say about channels: how much they weigh, and which of them are always zero."""

from __future__ import annotations

import numpy as np

from ..interpret import RULES
from ..ops.activation import Activation, Softmax
from ..ops.merge import Add, Concat, Mul, Sub
from ..ops.norm import Bn, LayerScale
from ..ops.pool import AvgPool, GlobalAvgPool, GlobalMaxPool, MaxPool
from ..ops.regular import Dropout, DropPath
from ..ops.reshape import (
    ConstantPad,
    Crop,
    DepthToSpace,
    Flatten,
    Identity,
    PadChannels,
    Shuffle,
    SpaceToDepth,
    Split,
    Upsample,
)
from .transforms.channels import Channels, is_depthwise, makes, operator, rows, sources

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ..graph import Node
    from .transforms import Weights

    Roles = Mapping[str, Any]


KEEPS = (MaxPool, GlobalAvgPool, GlobalMaxPool, Upsample, Crop, Identity, Dropout, DropPath)
"""Operators that give a constant map as it is. The border of a pool never wins."""


def _held(channels: Channels, node: Node, weights: Weights) -> Roles:
    """The weights of a node of the flat graph, which may be those of another, as floats."""
    held = weights.get(channels.paths[node.weights or node.name], {})
    return {role: array.astype(float) for role, array in held.items()}


# ----------------------------------------------------------------- how much


def magnitudes(channels: Channels, weights: Weights) -> dict[int, float]:
    """How much each bundle weighs: norms of the kernels that make it, each times the factor of
    the batch norm behind it, all together."""
    factors = dict(_factors(channels, weights))
    squares = dict.fromkeys(map(channels.bundle, range(len(channels.parents))), 0.0)
    for node in channels.graph.nodes:
        kernel = _held(channels, node, weights).get("kernel")
        if kernel is None or not makes(operator(node), channels.inputs(node)):
            continue
        value = node.outputs[0].name
        norms = (kernel**2).sum(axis=tuple(range(kernel.ndim - 1)))
        for bundle, square in zip(
            channels.bundles(value), norms * factors.get(value, 1) ** 2, strict=True
        ):
            squares[bundle] += float(square)
    return squares


def _factors(channels: Channels, weights: Weights) -> Any:
    """What batch norms multiply the values by that they read."""
    for node in channels.graph.nodes:
        held = _held(channels, node, weights)
        if isinstance(node.op, Bn) and "variance" in held:
            deviation = np.sqrt(held["variance"] + node.op.eps)
            yield node.inputs[0], held.get("scale", 1.0) / deviation


# ----------------------------------------------------------------- always zero


def zeros(channels: Channels, weights: Weights) -> set[int]:
    """The bundles that are zero at every operator whose kernels read them."""
    known = constants(channels, weights)
    read: dict[int, bool] = {}
    for node in channels.graph.nodes:
        if makes(operator(node), channels.inputs(node)):
            value = node.inputs[0]
            for bundle, number in zip(channels.bundles(value), known[value], strict=True):
                read[bundle] = read.get(bundle, True) and number == 0
    return {bundle for bundle, zero in read.items() if zero}


def constants(channels: Channels, weights: Weights) -> dict[str, Any]:
    """For each value the number that a channel is everywhere, whatever comes in; else nan."""
    known: dict[str, Any] = {
        value.name: np.full(value.type.channels, np.nan) for value in channels.graph.inputs
    }
    for node in channels.graph.nodes:
        read = [known[name] for name in node.inputs]
        results = _constant(channels, node, _held(channels, node, weights), read)
        known.update(zip((value.name for value in node.outputs), results, strict=True))
    return known


def _constant(channels: Channels, node: Node, roles: Roles, read: Sequence[Any]) -> Sequence[Any]:
    op, types, x = operator(node), channels.inputs(node), read[0]
    if makes(op, types):
        return [_filtered(roles, np.full(len(channels.values[node.outputs[0].name]), np.nan))]
    if is_depthwise(op, types[0]):
        return [_filtered(roles, x[sources(op, types)[0]])]
    if isinstance(op, (Add, Sub, Mul)):
        return [_merged(op, read)]
    if isinstance(op, Bn):
        return [_normalised(op, roles, x)]
    if isinstance(op, LayerScale):
        scale = roles.get("scale", np.full(len(x), np.nan))
        return [np.where(scale == 0, 0, x * scale)]
    if isinstance(op, Activation) and not isinstance(op, Softmax):
        with np.errstate(invalid="ignore"):  # what is unknown stays unknown
            return [np.asarray(RULES[op.word](op, {}, x[None]))[0]]
    if isinstance(op, (Concat, Split, Shuffle, Flatten, PadChannels, SpaceToDepth)):
        joined = np.append(np.concatenate(read), 0.0)  # what is made here are zeros
        return [joined[places] for places in sources(op, types)]
    if isinstance(op, DepthToSpace):
        squares = np.array([x[row] for row in rows(op, range(len(x)))])
        return [np.where((squares == squares[0]).all(axis=0), squares[0], np.nan)]
    if isinstance(op, KEEPS):
        return [x]
    if isinstance(op, (AvgPool, ConstantPad)) and not getattr(op, "value", 0):
        return [np.where(x == 0, 0, np.nan)]
    return [np.full(value.type.channels, np.nan) for value in node.outputs]


def _filtered(roles: Roles, x: Any) -> Any:
    """What is left of constants behind kernels: the bias, where nothing is added to it."""
    if "kernel" not in roles:
        return np.full(len(x), np.nan)
    kernel, bias = roles["kernel"], np.asarray(roles.get("bias", 0.0))
    silent = (x == 0) | ~kernel.any(axis=tuple(range(kernel.ndim - 1)))
    even = bias if bias.ndim < 2 else np.where(bias.any(axis=(0, 1)), np.nan, 0)
    return np.where(silent, even, np.nan)


def _normalised(op: Bn, roles: Roles, x: Any) -> Any:
    if "variance" not in roles:
        return np.full(len(x), np.nan)
    scale = np.asarray(roles.get("scale", 1.0))
    shift = roles.get("shift", 0.0)
    factor = scale / np.sqrt(roles["variance"] + op.eps)
    return np.where(scale == 0, shift, (x - roles["mean"]) * factor + shift)


def _merged(op: Add | Sub | Mul, read: Sequence[Any]) -> Any:
    if isinstance(op, Add):
        return sum(read)
    if isinstance(op, Sub):
        return read[0] - read[1]
    return np.where(np.any([x == 0 for x in read], axis=0), 0, np.prod(read, axis=0))
