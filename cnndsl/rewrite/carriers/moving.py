"""Weights that are put beside each other, divided, or arranged anew; nothing is computed but
products with factors that pass from one layer into the next."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from . import NotCarried, carrier
from .affine import affine, each_input, made
from .kernels import Linear, kernel_shape, linear, regrouped, superposed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ..moves import Layer
    from . import Arrays, Held

INPUTS, OUTPUTS = -2, -1
"""Axes of a kernel."""


# ------------------------------------------------------------ side by side, apart


@carrier
def side_by_side(
    old: Sequence[Held], new: Sequence[Layer], holes: Mapping[str, Any]
) -> list[Arrays]:
    """Two chains of layers as one, whose outputs are theirs, one after the other."""
    half = len(old) // 2
    pairs = zip(old[:half], old[half:], strict=True)
    return [
        {role: np.concatenate([a[role], b[role]], axis=OUTPUTS) for role in a.arrays}
        for a, b in pairs
    ]


@carrier
def outputs_apart(
    old: Sequence[Held], new: Sequence[Layer], holes: Mapping[str, Any]
) -> list[Arrays]:
    """One layer as several, each with some of its outputs."""
    (layer,) = old
    ends = np.cumsum([kernel_shape(part)[OUTPUTS] for part in new])[:-1]
    roles = {role: np.split(x, ends, axis=OUTPUTS) for role, x in layer.arrays.items()}
    return [{role: parts[i] for role, parts in roles.items()} for i in range(len(new))]


@carrier
def inputs_apart(
    old: Sequence[Held], new: Sequence[Layer], holes: Mapping[str, Any]
) -> list[Arrays]:
    """One layer as several that are added up, each with some of its inputs; the first has the
    bias."""
    (layer,) = old
    ends = np.cumsum([kernel_shape(part)[INPUTS] for part in new])[:-1]
    first, *others = np.split(layer["kernel"], ends, axis=INPUTS)
    return [{**layer.arrays, "kernel": first}, *({"kernel": kernel} for kernel in others)]


@carrier
def inputs_joined(
    old: Sequence[Held], new: Sequence[Layer], holes: Mapping[str, Any]
) -> list[Arrays]:
    """Several layers that are added up as one, which has all their inputs."""
    kernel = np.concatenate([layer["kernel"] for layer in old], axis=INPUTS)
    return [made(new[0], kernel, sum(layer.arrays.get("bias", 0) for layer in old))]


@carrier
def densify(old: Sequence[Held], new: Sequence[Layer], holes: Mapping[str, Any]) -> list[Arrays]:
    """A grouped layer with zeros between its groups."""
    (layer,) = old
    channels = layer.inputs[0].channels
    return [{**layer.arrays, "kernel": regrouped(layer["kernel"], channels, channels)}]


@carrier
def superpose_norm(
    old: Sequence[Held], new: Sequence[Layer], holes: Mapping[str, Any]
) -> list[Arrays]:
    """A layer and a norm beside it as one: a tap that scales every channel by itself."""
    layer, norm = old
    factor, offset = affine(norm)
    tap = Linear(np.reshape(factor, (1, 1, 1, -1)), offset)
    return [superposed((linear(layer), tap), new[0])]


# --------------------------------------------------------------- the same numbers


@carrier
def reshape(old: Sequence[Held], new: Sequence[Layer], holes: Mapping[str, Any]) -> list[Arrays]:
    """The same numbers in the same order, as a kernel of another shape."""
    (layer,) = old
    return [made(new[0], layer["kernel"], layer.arrays.get("bias", 0))]


@carrier
def unflatten(old: Sequence[Held], new: Sequence[Layer], holes: Mapping[str, Any]) -> list[Arrays]:
    """The inputs of a fully connected layer as positions of the map that was flattened, whose
    order the hole `o` says."""
    (layer,) = old
    kernel = layer["kernel"]
    if holes["o"] == "chw":
        high, wide, channels, _ = kernel_shape(new[0])
        kernel = np.moveaxis(kernel.reshape(channels, high, wide, -1), 0, INPUTS)
    return [made(new[0], kernel, layer.arrays.get("bias", 0))]


@carrier
def to_squares(old: Sequence[Held], new: Sequence[Layer], holes: Mapping[str, Any]) -> list[Arrays]:
    """A strided kernel as one on squares of positions: zeros around it fill the outer squares."""
    (layer,) = old
    kernel = layer["kernel"]
    side = layer.op.window.stride_h  # type: ignore[attr-defined]
    high, wide, _, outputs = kernel_shape(new[0])
    before, after = layer.op.pad, new[0].op.pad  # type: ignore[attr-defined]
    top, left = after.top * side - before.top, after.left * side - before.left
    whole = np.zeros((high * side, wide * side, *kernel.shape[2:]), kernel.dtype)
    whole[top : top + kernel.shape[0], left : left + kernel.shape[1]] = kernel
    squares = whole.reshape(high, side, wide, side, -1, outputs).transpose(0, 2, 4, 1, 3, 5)
    return [made(new[0], squares, layer.arrays.get("bias", 0))]


@carrier
def from_squares(
    old: Sequence[Held], new: Sequence[Layer], holes: Mapping[str, Any]
) -> list[Arrays]:
    """A kernel on squares of `q` × `q` positions as one on the positions."""
    (layer,) = old
    side = holes["q"]
    high, wide, _, outputs = kernel_shape(layer)
    if holes["o"] == "crd":
        kernel = layer["kernel"].reshape(high, wide, -1, side, side, outputs)
        kernel = kernel.transpose(0, 3, 1, 4, 2, 5)
    else:
        kernel = layer["kernel"].reshape(high, wide, side, side, -1, outputs)
        kernel = kernel.transpose(0, 2, 1, 3, 4, 5)
    return [made(new[0], kernel, layer.arrays.get("bias", 0))]


@carrier
def shuffle_inputs(
    old: Sequence[Held], new: Sequence[Layer], holes: Mapping[str, Any]
) -> list[Arrays]:
    """A kernel that finds each input where it was before the shuffle into `h` groups."""
    (layer,) = old
    kernel = layer["kernel"]
    order = np.argsort(shuffled(kernel.shape[INPUTS], holes["h"]))
    return [{**layer.arrays, "kernel": kernel.take(order, axis=INPUTS)}]


@carrier
def shuffle_outputs(
    old: Sequence[Held], new: Sequence[Layer], holes: Mapping[str, Any]
) -> list[Arrays]:
    """A layer whose outputs are shuffled into `h` groups at once."""
    (layer,) = old
    order = shuffled(kernel_shape(layer)[OUTPUTS], holes["h"])
    return [{role: x.take(order, axis=OUTPUTS) for role, x in layer.arrays.items()}]


def shuffled(channels: int, groups: int) -> Any:
    """For each channel behind a shuffle, the one that it was."""
    return np.arange(channels).reshape(groups, -1).T.reshape(-1)


# ------------------------------------------------------------------------ factors


@carrier
def migrate_scale(
    old: Sequence[Held], new: Sequence[Layer], holes: Mapping[str, Any]
) -> list[Arrays]:
    """`layerscale; f; layer`: the factors with the inputs of the layer."""
    before, layer = old
    return [_scaled(layer, _positive(before["scale"]))]


@carrier
def drop_bn_scale(
    old: Sequence[Held], new: Sequence[Layer], holes: Mapping[str, Any]
) -> list[Arrays]:
    """`bn; f; layer`: the same for the factors of a norm, whose offsets are divided by them."""
    norm, layer = old
    factor = _positive(norm["scale"])
    kept = {role: x for role, x in norm.arrays.items() if role != "scale"}
    if "shift" in kept:
        kept["shift"] = _ratio(kept["shift"], factor)
    return [kept, _scaled(layer, factor)]


def _positive(factor: Any) -> Any:
    if not (factor > 0).all():
        raise NotCarried("a factor that is not above zero changes what the activation does")
    return factor


def _scaled(layer: Held, factor: Any) -> Arrays:
    kernel = layer["kernel"]
    return {**layer.arrays, "kernel": kernel * each_input(kernel, factor)}


def _ratio(x: Any, y: Any) -> Any:
    """x / y, exact for exact numbers."""
    if "f" in (x.dtype.kind, y.dtype.kind):
        return x / y
    return np.array([Fraction(a) / Fraction(b) for a, b in zip(x, y, strict=True)], dtype=object)
