"""ESPCNX3: the network `espcn_x3` in `flax.nnx`.

Shi et al., Real-Time Single Image and Video Super-Resolution, 2016, section 3.

    input        HxWx1, channels last, after the batch
    dialect      torch
    parameters   22,729
    MACs         22,624·H·W

Build it with `create`, and split it once for a fast jitted function:

    model = create(seed=0)
    model.eval()  # `model.train()` for training
    graphdef, state = nnx.split(model)

    @jax.jit
    def predict(state, x):
        return nnx.merge(graphdef, state)(x)

    predict(state, images)
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.typing import DTypeLike

KERNEL_INIT = nnx.initializers.he_normal()


def depth_to_space(x: jax.Array, factor: int, *, order: str = "crd") -> jax.Array:
    """Groups of factor * factor channels become squares of positions."""
    n, height, width, _ = x.shape
    if order == "crd":
        x = jnp.moveaxis(x.reshape(n, height, width, -1, factor, factor), 3, 5)
    else:
        x = x.reshape(n, height, width, factor, factor, -1)
    return x.swapaxes(2, 3).reshape(n, factor * height, factor * width, -1)


class ESPCNX3(nnx.Module):
    """The network `espcn_x3`."""

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
        self.conv1 = conv(1, 64, (5, 5), padding=((2, 2), (2, 2)))
        self.conv2 = conv(64, 32, (3, 3), padding=((1, 1), (1, 1)))
        self.conv3 = conv(32, 9, (3, 3), padding=((1, 1), (1, 1)))

    def __call__(self, x: jax.Array) -> jax.Array:
        x = nnx.tanh(self.conv1(x))  # HxWx64
        x = nnx.tanh(self.conv2(x))  # HxWx32
        x = self.conv3(x)  # HxWx9
        return depth_to_space(x, 3)


def create(seed: int = 0, **options: Any) -> ESPCNX3:
    """A model with new weights, in a fraction of the time that `ESPCNX3(...)` takes.

    The weights are drawn with NumPy, from the distributions that the constructor uses.
    """

    def skeleton() -> ESPCNX3:
        rngs = nnx.Rngs(seed)
        rngs.default = OneKey(seed, tag="default")
        return ESPCNX3(**options, rngs=rngs)

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
