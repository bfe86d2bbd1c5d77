"""DeepFace: the network `deepface` in `flax.nnx`.

Taigman et al., DeepFace, 2014, Figure 2.

    input        152x152x3, channels last, after the batch
    dialect      torch
    parameters   118,923,774
    MACs         517,624,448

Build it with `create`, and split it once for a fast jitted function:

    model = create(seed=0)
    model.eval()  # `model.train()` for training
    graphdef, state = nnx.split(model)

    @jax.jit
    def predict(state, x):
        return nnx.merge(graphdef, state)(x)

    predict(state, jnp.zeros((1, 152, 152, 3)))
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import lax
from jax.typing import DTypeLike

KERNEL_INIT = nnx.initializers.he_normal()


class LocalConv(nnx.Module):
    """A convolution with other kernels and biases at every position of the output."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        kernel_size: tuple[int, int],
        *,
        positions: tuple[int, int],
        strides: tuple[int, int] = (1, 1),
        padding: Sequence[tuple[int, int]] = ((0, 0), (0, 0)),
        use_bias: bool = True,
        dtype: DTypeLike,
        param_dtype: DTypeLike,
        rngs: nnx.Rngs,
    ) -> None:
        draw = nnx.initializers.he_normal(batch_axis=(0, 1))
        shape = (*positions, *kernel_size, in_features, out_features)
        self.kernel = nnx.Param(draw(rngs.params(), shape, param_dtype))
        zeros = jnp.zeros((*positions, out_features), param_dtype)
        self.bias = nnx.Param(zeros) if use_bias else None
        self.strides, self.padding, self.dtype = strides, padding, dtype

    def __call__(self, x: jax.Array) -> jax.Array:
        borders = ((0, 0, 0), *((lo, hi, 0) for lo, hi in self.padding), (0, 0, 0))
        x = lax.pad(x.astype(self.dtype), jnp.array(0, self.dtype), borders)
        kernel = self.kernel[...].astype(self.dtype)
        rows, columns, height, width, *features = kernel.shape
        down, across = self.strides
        taps = [
            x[:, i : i + down * rows : down, j : j + across * columns : across]
            for i in range(height)
            for j in range(width)
        ]
        kernel = kernel.reshape(rows, columns, height * width, *features)
        y = jnp.einsum("tnhwc,hwtcf->nhwf", jnp.stack(taps), kernel)
        return y if self.bias is None else y + self.bias[...].astype(self.dtype)


class DeepFace(nnx.Module):
    """The network `deepface`."""

    def __init__(
        self,
        *,
        dtype: DTypeLike = jnp.float32,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        conv = partial(
            nnx.Conv, kernel_init=KERNEL_INIT, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        local_conv = partial(LocalConv, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        linear = partial(nnx.Linear, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.C1 = conv(3, 32, (11, 11), padding="VALID")
        self.C3 = conv(32, 16, (9, 9), padding="VALID")
        self.L4 = local_conv(16, 16, (9, 9), positions=(55, 55))
        self.L5 = local_conv(16, 16, (7, 7), positions=(25, 25), strides=(2, 2))
        self.L6 = local_conv(16, 16, (5, 5), positions=(21, 21))
        self.F7 = linear(7056, 4096)
        self.dropout1 = nnx.Dropout(0.5, rngs=rngs)
        self.F8 = linear(4096, 4030)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = nnx.relu(self.C1(x))  # 142x142x32
        x = nnx.max_pool(x, (3, 3), strides=(2, 2), padding=((0, 1), (0, 1)))  # 71x71x32
        x = nnx.relu(self.C3(x))  # 63x63x16
        x = nnx.relu(self.L4(x))  # 55x55x16
        x = nnx.relu(self.L5(x))  # 25x25x16
        L6 = nnx.relu(self.L6(x))  # 21x21x16
        x = L6.reshape(L6.shape[0], -1)  # 7056
        x = nnx.relu(self.F7(x))  # 4096
        x = self.dropout1(x)
        return nnx.softmax(self.F8(x))


def create(seed: int = 0, **options: Any) -> DeepFace:
    """A model with new weights, in a fraction of the time that `DeepFace(...)` takes.

    The weights are drawn with NumPy, from the distributions that the constructor uses.
    """

    def skeleton() -> DeepFace:
        rngs = nnx.Rngs(seed)
        rngs.default = OneKey(seed, tag="default")
        return DeepFace(**options, rngs=rngs)

    graphdef, state = nnx.split(nnx.eval_shape(skeleton))
    generator = np.random.default_rng(seed)
    for number, (path, variable) in enumerate(nnx.to_flat_state(state)):
        missing = variable.get_value()
        if isinstance(variable, nnx.RngKey):
            variable.set_value(jax.random.fold_in(jax.random.key(seed), number))
        else:
            values = draw(generator, str(path[-1]), missing.shape)
            variable.set_value(jnp.asarray(values, missing.dtype))
    return nnx.merge(graphdef, state)


class OneKey(nnx.RngStream):
    """Gives the same key each time: a skeleton is only shapes, and counting slows tracing."""

    def __call__(self) -> jax.Array:
        return self.key[...]

    def fork(self, **_: Any) -> nnx.RngStream:
        return nnx.RngStream(self.key[...], tag=self.tag)


def draw(generator: np.random.Generator, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """He normal kernels (LeCun normal in `nnx.Linear`), scales and variances 1, all else 0."""
    if name != "kernel":
        return np.full(shape, 1.0 if name in ("scale", "var") else 0.0, np.float32)
    values = generator.standard_normal(shape, np.float32)
    while (outside := np.abs(values) > 2).any():
        values[outside] = generator.standard_normal(outside.sum(), np.float32)
    gain = 1 if len(shape) == 2 else 2
    truncated = 0.87962566  # standard deviation of a normal distribution cut off at 2
    return values * np.float32(np.sqrt(gain / np.prod(shape[-4:-1])) / truncated)
