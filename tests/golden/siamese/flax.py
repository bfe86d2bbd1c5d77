"""Siamese: the network `siamese` in `flax.nnx`.

Koch et al., Siamese Neural Networks for One-shot Image Recognition, 2015, Figure 4.

    input        `left` 105x105x1, `right` 105x105x1, channels last, after the batch
    dialect      torch
    parameters   38,951,745
    MACs         1,817,251,840

Build it with `create`, and split it once for a fast jitted function:

    model = create(seed=0)
    model.eval()  # `model.train()` for training
    graphdef, state = nnx.split(model)

    @jax.jit
    def predict(state, left, right):
        return nnx.merge(graphdef, state)(left, right)

    predict(state, ..., ...)
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.typing import DTypeLike

KERNEL_INIT = nnx.initializers.he_normal()


class Tower(nnx.Module):
    """The block `tower` with n=4096."""

    def __init__(self, *, dtype: DTypeLike, param_dtype: DTypeLike, rngs: nnx.Rngs) -> None:
        conv = partial(
            nnx.Conv, kernel_init=KERNEL_INIT, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.conv1 = conv(1, 64, (10, 10), padding="VALID")
        self.conv2 = conv(64, 128, (7, 7), padding="VALID")
        self.conv3 = conv(128, 128, (4, 4), padding="VALID")
        self.conv4 = conv(128, 256, (4, 4), padding="VALID")
        self.fc1 = nnx.Linear(9216, 4096, dtype=dtype, param_dtype=param_dtype, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = nnx.relu(self.conv1(x))
        x = nnx.max_pool(x, (2, 2), strides=(2, 2))
        x = nnx.relu(self.conv2(x))
        x = nnx.max_pool(x, (2, 2), strides=(2, 2))
        x = nnx.relu(self.conv3(x))
        x = nnx.max_pool(x, (2, 2), strides=(2, 2))
        x = nnx.relu(self.conv4(x))
        x = x.reshape(x.shape[0], -1)
        return nnx.sigmoid(self.fc1(x))


class Siamese(nnx.Module):
    """The network `siamese`."""

    def __init__(
        self,
        *,
        dtype: DTypeLike = jnp.float32,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.a = Tower(dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.fc1 = nnx.Linear(4096, 1, dtype=dtype, param_dtype=param_dtype, rngs=rngs)

    def __call__(self, left: jax.Array, right: jax.Array) -> jax.Array:
        x = jnp.abs(self.a(left) - self.a(right))  # 4096
        return nnx.sigmoid(self.fc1(x))


def create(seed: int = 0, **options: Any) -> Siamese:
    """A model with new weights, in a fraction of the time that `Siamese(...)` takes.

    The weights are drawn with NumPy, from the distributions that the constructor uses.
    """

    def skeleton() -> Siamese:
        rngs = nnx.Rngs(seed)
        rngs.default = OneKey(seed, tag="default")
        return Siamese(**options, rngs=rngs)

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
