"""Operators that look at one position at a time: layers, norms, activations, merges, masks."""

from __future__ import annotations

from functools import reduce
from math import erfc, pi, prod, sqrt

import numpy as np

from .exact import alike, constant, multilinear, product, quotient, real, root, total
from .windows import biased

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..op import Op
    from ..ops.activation import Gelu, LeakyRelu, Times
    from ..ops.linear import Fc
    from ..ops.norm import Bn, LayerScale, Ln, Lrn
    from .exact import Array, Roles, Rules


def fc(op: Fc, roles: Roles, x: Array) -> Array:
    x = x.reshape(len(x), -1) if x.ndim == 4 else x
    return biased(multilinear(np.matmul, x, roles["kernel"], terms=x.shape[-1]), roles)


# ----------------------------------------------------------------- normalisation


def bn(op: Bn, roles: Roles, x: Array) -> Array:
    """One factor and one offset for each channel, exact if the deviations are rational."""
    deviation = root(total(roles["variance"], constant(op.eps)))
    factor = quotient(roles.get("scale", constant(1)), deviation)
    offset = total(roles.get("shift", constant(0)), np.negative(product(roles["mean"], factor)))
    return total(product(x, factor), offset)


def ln(op: Ln, roles: Roles, x: Array) -> Array:
    return scaled(normalised(real(x), -1, op.eps), roles)


def normalised(x: Array, axes: int | tuple[int, ...], eps: float) -> Array:
    """Mean 0 and variance 1 along these axes."""
    centred = x - x.mean(axis=axes, keepdims=True)
    variance = np.square(centred).mean(axis=axes, keepdims=True)
    return quotient(centred, np.sqrt(variance + eps))


def scaled(x: Array, roles: Roles) -> Array:
    """The learnt factor and offset, if there are any."""
    x = product(x, roles["scale"]) if "scale" in roles else x
    return total(x, roles["shift"]) if "shift" in roles else x


def layerscale(op: LayerScale, roles: Roles, x: Array) -> Array:
    return scaled(x, roles)


def lrn(op: Lrn, roles: Roles, x: Array) -> Array:
    x = real(x)
    channels = x.shape[-1]
    sides = [(0, 0)] * (x.ndim - 1) + [(op.size // 2, (op.size - 1) // 2)]
    squares = np.pad(np.square(x), sides)
    sums = reduce(np.add, (squares[..., i : i + channels] for i in range(op.size)))
    alpha = op.alpha / op.size if op.mode == "mean" else op.alpha
    return quotient(x, (op.k + alpha * sums) ** op.beta)


# ----------------------------------------------------------------- activations


def relu(x: Array) -> Array:
    return np.maximum(x, 0)


def relu6(x: Array) -> Array:
    return np.minimum(relu(x), 6)


def hsigmoid(x: Array) -> Array:
    return quotient(relu6(total(x, constant(3))), constant(6))


def hswish(x: Array) -> Array:
    return product(x, hsigmoid(x))


def sigmoid(x: Array) -> Array:
    return np.exp(-np.logaddexp(0, -x))


def silu(x: Array) -> Array:
    return product(x, sigmoid(x))


def softmax(x: Array) -> Array:
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return quotient(powers, powers.sum(axis=-1, keepdims=True))


def leakyrelu(op: LeakyRelu, roles: Roles, x: Array) -> Array:
    return np.where(x < 0, *alike(product(x, constant(op.slope)), x))


def times(op: Times, roles: Roles, x: Array) -> Array:
    return product(x, constant(op.factor))


def gelu(op: Gelu, roles: Roles, x: Array) -> Array:
    x = real(x)
    if op.approximate:
        return product(x, (1 + np.tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))) / 2)
    return product(x, np.vectorize(erfc, otypes=[np.float64])(-x / sqrt(2)) / 2)


# ----------------------------------------------------------------- merges


def concat(op: Op, roles: Roles, *inputs: Array) -> Array:
    return np.concatenate(alike(*inputs), axis=-1)


def add(op: Op, roles: Roles, *inputs: Array) -> Array:
    return total(*inputs)


def sub(op: Op, roles: Roles, minuend: Array, subtrahend: Array) -> Array:
    return total(minuend, np.negative(subtrahend))


def mul(op: Op, roles: Roles, *inputs: Array) -> Array:
    """What has one position scales the channels of all positions."""
    rank = max(inputs, key=lambda x: (positions(x), x.ndim)).ndim
    return product(
        *(x if positions(x) > 1 else x.reshape(len(x), *[1] * (rank - 2), -1) for x in inputs)
    )


def positions(x: Array) -> int:
    return prod(x.shape[1:-1])


# ----------------------------------------------------------------- the table


def elementwise(function: Callable[[Array], Array]) -> Callable[[Op, Roles, Array], Array]:
    """The rule of an operator without arguments and weights."""
    return lambda op, roles, x: function(x)


def on_floats(function: Callable[[Array], Array]) -> Callable[[Op, Roles, Array], Array]:
    """The same for a real function."""
    return lambda op, roles, x: function(real(x))


identity = elementwise(lambda x: x)

RULES: Rules = {
    "fc": fc,
    "bn": bn,
    "ln": ln,
    "layerscale": layerscale,
    "lrn": lrn,
    "relu": elementwise(relu),
    "relu6": elementwise(relu6),
    "leakyrelu": leakyrelu,
    "silu": on_floats(silu),
    "hswish": elementwise(hswish),
    "hsigmoid": elementwise(hsigmoid),
    "gelu": gelu,
    "abs": elementwise(np.abs),
    "times": times,
    "sigmoid": on_floats(sigmoid),
    "tanh": on_floats(np.tanh),
    "softmax": on_floats(softmax),
    "concat": concat,
    "add": add,
    "sub": sub,
    "mul": mul,
    "identity": identity,
    "dropout": identity,
    "droppath": identity,
}
