"""FPN: the network `fpn` in `flax.nnx`.

Lin et al., Feature Pyramid Networks, 2016, Figure 3.

    input        HxWx3, channels last, after the batch
    dialect      torch
    parameters   26,852,416
    MACs         138,096·H·W

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


class ShortcutB(nnx.Module):
    """The block `shortcut_b`."""

    def __init__(
        self,
        in_features: int,
        n: int,
        stride: int = 1,
        *,
        dtype: DTypeLike,
        param_dtype: DTypeLike,
        rngs: nnx.Rngs,
    ) -> None:
        self.conv1 = nnx.Conv(
            in_features,
            n,
            (1, 1),
            strides=stride,
            use_bias=False,
            kernel_init=KERNEL_INIT,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        self.bn1 = nnx.BatchNorm(
            n, momentum=0.9, epsilon=1e-5, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.bn1(self.conv1(x))


class Bottleneck(nnx.Module):
    """The block `bottleneck`."""

    def __init__(
        self,
        in_features: int,
        n: int,
        stride: int = 1,
        *,
        dtype: DTypeLike,
        param_dtype: DTypeLike,
        rngs: nnx.Rngs,
    ) -> None:
        self.project = stride != 1 or in_features != 4 * n
        conv = partial(
            nnx.Conv,
            use_bias=False,
            kernel_init=KERNEL_INIT,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        norm = partial(
            nnx.BatchNorm,
            momentum=0.9,
            epsilon=1e-5,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        self.conv1 = conv(in_features, n, (1, 1))
        self.bn1 = norm(n)
        self.conv2 = conv(n, n, (3, 3), strides=stride, padding=((1, 1), (1, 1)))
        self.bn2 = norm(n)
        self.conv3 = conv(n, 4 * n, (1, 1))
        self.bn3 = norm(4 * n)
        if self.project:
            self.shortcut_b1 = ShortcutB(
                in_features, n=4 * n, stride=stride, dtype=dtype, param_dtype=param_dtype, rngs=rngs
            )

    def __call__(self, x: jax.Array) -> jax.Array:
        y = nnx.relu(self.bn1(self.conv1(x)))
        y = nnx.relu(self.bn2(self.conv2(y)))
        if self.project:
            x = self.shortcut_b1(x)
        return nnx.relu(self.bn3(self.conv3(y)) + x)


class Backbone(nnx.Module):
    """The block `backbone`."""

    def __init__(self, *, dtype: DTypeLike, param_dtype: DTypeLike, rngs: nnx.Rngs) -> None:
        bottleneck = partial(Bottleneck, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.conv1 = nnx.Conv(
            3,
            64,
            (7, 7),
            strides=2,
            padding=((3, 3), (3, 3)),
            use_bias=False,
            kernel_init=KERNEL_INIT,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        self.bn1 = nnx.BatchNorm(
            64, momentum=0.9, epsilon=1e-5, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.c2 = nnx.List([bottleneck(64, n=64), *(bottleneck(256, n=64) for _ in range(2))])
        self.c3 = nnx.List(
            [bottleneck(256, n=128, stride=2), *(bottleneck(512, n=128) for _ in range(3))]
        )
        self.c4 = nnx.List(
            [bottleneck(512, n=256, stride=2), *(bottleneck(1024, n=256) for _ in range(5))]
        )
        self.c5 = nnx.List(
            [bottleneck(1024, n=512, stride=2), *(bottleneck(2048, n=512) for _ in range(2))]
        )

    def __call__(self, x: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
        x = nnx.relu(self.bn1(self.conv1(x)))
        x = nnx.max_pool(x, (3, 3), strides=(2, 2), padding=((1, 1), (1, 1)))
        c2 = x
        for bottleneck in self.c2:
            c2 = bottleneck(c2)
        c3 = c2
        for bottleneck in self.c3:
            c3 = bottleneck(c3)
        c4 = c3
        for bottleneck in self.c4:
            c4 = bottleneck(c4)
        c5 = c4
        for bottleneck in self.c5:
            c5 = bottleneck(c5)
        return c2, c3, c4, c5


class FPN(nnx.Module):
    """The network `fpn`."""

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
        self.c2 = Backbone(dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.m5 = conv(2048, 256, (1, 1))
        self.conv1 = conv(1024, 256, (1, 1))
        self.conv2 = conv(512, 256, (1, 1))
        self.conv3 = conv(256, 256, (1, 1))
        self.p2 = conv(256, 256, (3, 3), padding=((1, 1), (1, 1)))
        self.p3 = conv(256, 256, (3, 3), padding=((1, 1), (1, 1)))
        self.p4 = conv(256, 256, (3, 3), padding=((1, 1), (1, 1)))
        self.p5 = conv(256, 256, (3, 3), padding=((1, 1), (1, 1)))

    def __call__(self, x: jax.Array) -> dict[str, jax.Array]:
        c2, c3, c4, c5 = self.c2(x)
        m5 = self.m5(c5)  # ((H + 31)//32)x((W + 31)//32)x256
        branch2 = jnp.repeat(jnp.repeat(m5, 2, axis=1), 2, axis=2)
        m4 = self.conv1(c4) + branch2  # ((H + 15)//16)x((W + 15)//16)x256
        branch2 = jnp.repeat(jnp.repeat(m4, 2, axis=1), 2, axis=2)
        m3 = self.conv2(c3) + branch2  # ((H + 7)//8)x((W + 7)//8)x256
        branch2 = jnp.repeat(jnp.repeat(m3, 2, axis=1), 2, axis=2)
        x = self.conv3(c2) + branch2  # ((H + 3)//4)x((W + 3)//4)x256
        return {"p2": self.p2(x), "p3": self.p3(m3), "p4": self.p4(m4), "p5": self.p5(m5)}


def create(seed: int = 0, **options: Any) -> FPN:
    """A model with new weights, in a fraction of the time that `FPN(...)` takes.

    The weights are drawn with NumPy, from the distributions that the constructor uses.
    """

    def skeleton() -> FPN:
        rngs = nnx.Rngs(seed)
        rngs.default = OneKey(seed, tag="default")
        return FPN(**options, rngs=rngs)

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
