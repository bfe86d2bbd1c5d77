"""UNet: the network `unet` in `flax.nnx`.

Ronneberger et al., U-Net, 2015, Figure 1, with padding.

    input        HxWx1, channels last, after the batch
    dialect      torch
    parameters   31,030,658
    MACs         733,888·H·W

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


class Double(nnx.Module):
    """The block `double`."""

    def __init__(
        self, in_features: int, n: int, *, dtype: DTypeLike, param_dtype: DTypeLike, rngs: nnx.Rngs
    ) -> None:
        conv = partial(
            nnx.Conv, kernel_init=KERNEL_INIT, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.conv1 = conv(in_features, n, (3, 3), padding=((1, 1), (1, 1)))
        self.conv2 = conv(n, n, (3, 3), padding=((1, 1), (1, 1)))

    def __call__(self, x: jax.Array) -> jax.Array:
        x = nnx.relu(self.conv1(x))
        return nnx.relu(self.conv2(x))


class Expand(nnx.Module):
    """The block `expand` with margin=0."""

    def __init__(
        self, x_features: int, n: int, *, dtype: DTypeLike, param_dtype: DTypeLike, rngs: nnx.Rngs
    ) -> None:
        self.y = nnx.ConvTranspose(
            x_features,
            n,
            (2, 2),
            strides=2,
            padding=((1, 1), (1, 1)),
            kernel_init=KERNEL_INIT,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        self.double1 = Double(x_features, n=n, dtype=dtype, param_dtype=param_dtype, rngs=rngs)

    def __call__(self, skip: jax.Array, x: jax.Array) -> jax.Array:
        x = jnp.concatenate([skip, self.y(x)], axis=-1)
        return self.double1(x)


class UNet(nnx.Module):
    """The network `unet`."""

    def __init__(
        self,
        classes: int = 2,
        *,
        dtype: DTypeLike = jnp.float32,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        double = partial(Double, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        expand = partial(Expand, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.d0 = double(1, n=64)
        self.d1 = double(64, n=128)
        self.d2 = double(128, n=256)
        self.d3 = double(256, n=512)
        self.u4 = double(512, n=1024)
        self.u3 = expand(1024, n=512)
        self.u2 = expand(512, n=256)
        self.u1 = expand(256, n=128)
        self.u0 = expand(128, n=64)
        self.conv1 = nnx.Conv(
            64,
            classes,
            (1, 1),
            kernel_init=KERNEL_INIT,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )

    def __call__(self, x: jax.Array) -> jax.Array:
        d0 = self.d0(x)  # HxWx64
        x = nnx.max_pool(d0, (2, 2), strides=(2, 2))  # (H//2)x(W//2)x64
        d1 = self.d1(x)  # (H//2)x(W//2)x128
        x = nnx.max_pool(d1, (2, 2), strides=(2, 2))  # (H//4)x(W//4)x128
        d2 = self.d2(x)  # (H//4)x(W//4)x256
        x = nnx.max_pool(d2, (2, 2), strides=(2, 2))  # (H//8)x(W//8)x256
        d3 = self.d3(x)  # (H//8)x(W//8)x512
        x = nnx.max_pool(d3, (2, 2), strides=(2, 2))  # (H//16)x(W//16)x512
        x = self.u4(x)  # (H//16)x(W//16)x1024
        x = self.u3(d3, x)  # (H//8)x(W//8)x512
        x = self.u2(d2, x)  # (H//4)x(W//4)x256
        x = self.u1(d1, x)  # (H//2)x(W//2)x128
        x = self.u0(d0, x)  # HxWx64
        return self.conv1(x)


def create(seed: int = 0, **options: Any) -> UNet:
    """A model with new weights, in a fraction of the time that `UNet(...)` takes.

    The weights are drawn with NumPy, from the distributions that the constructor uses.
    """

    def skeleton() -> UNet:
        rngs = nnx.Rngs(seed)
        rngs.default = OneKey(seed, tag="default")
        return UNet(**options, rngs=rngs)

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
