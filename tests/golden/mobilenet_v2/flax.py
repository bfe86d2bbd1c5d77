"""MobileNetV2: the network `mobilenet_v2` in `flax.nnx`.

Sandler et al., MobileNetV2, 2018, Table 2.

    input        224x224x3, channels last, after the batch
    dialect      torch
    parameters   3,504,872
    MACs         300,774,272

Build it with `create`, and split it once for a fast jitted function:

    model = create(seed=0)
    model.eval()  # `model.train()` for training
    graphdef, state = nnx.split(model)

    @jax.jit
    def predict(state, x):
        return nnx.merge(graphdef, state)(x)

    predict(state, jnp.zeros((1, 224, 224, 3)))
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.typing import DTypeLike

KERNEL_INIT = nnx.initializers.he_normal()


class Inverted(nnx.Module):
    """The block `inverted`."""

    def __init__(
        self,
        in_features: int,
        t: int,
        n: int,
        stride: int = 1,
        *,
        dtype: DTypeLike,
        param_dtype: DTypeLike,
        rngs: nnx.Rngs,
    ) -> None:
        self.with_conv1 = t != 1
        self.residual = stride == 1 and in_features == n
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
        if self.with_conv1:
            self.conv1 = conv(in_features, t * in_features, (1, 1))
            self.bn1 = norm(t * in_features)
        self.dwconv1 = conv(
            t * in_features,
            t * in_features,
            (3, 3),
            strides=stride,
            padding=((1, 1), (1, 1)),
            feature_group_count=t * in_features,
        )
        self.bn2 = norm(t * in_features)
        self.conv2 = conv(t * in_features, n, (1, 1))
        self.bn3 = norm(n)

    def __call__(self, x: jax.Array) -> jax.Array:
        y = nnx.relu6(self.bn1(self.conv1(x))) if self.with_conv1 else x
        y = nnx.relu6(self.bn2(self.dwconv1(y)))
        y = self.bn3(self.conv2(y))
        if self.residual:
            y = y + x
        return y


class MobileNetV2(nnx.Module):
    """The network `mobilenet_v2`."""

    def __init__(
        self,
        classes: int = 1000,
        *,
        dtype: DTypeLike = jnp.float32,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
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
        inverted = partial(Inverted, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.conv1 = conv(3, 32, (3, 3), strides=2, padding=((1, 1), (1, 1)))
        self.bn1 = norm(32)
        self.inverted1 = inverted(32, t=1, n=16)
        self.inverteds1 = nnx.List([inverted(16, t=6, n=24, stride=2), inverted(24, t=6, n=24)])
        self.inverteds2 = nnx.List(
            [inverted(24, t=6, n=32, stride=2), *(inverted(32, t=6, n=32) for _ in range(2))]
        )
        self.inverteds3 = nnx.List(
            [inverted(32, t=6, n=64, stride=2), *(inverted(64, t=6, n=64) for _ in range(3))]
        )
        self.inverteds4 = nnx.List(
            [inverted(64, t=6, n=96), *(inverted(96, t=6, n=96) for _ in range(2))]
        )
        self.inverteds5 = nnx.List(
            [inverted(96, t=6, n=160, stride=2), *(inverted(160, t=6, n=160) for _ in range(2))]
        )
        self.inverted17 = inverted(160, t=6, n=320)
        self.conv2 = conv(320, 1280, (1, 1))
        self.bn2 = norm(1280)
        self.dropout1 = nnx.Dropout(0.2, rngs=rngs)
        self.fc1 = nnx.Linear(1280, classes, dtype=dtype, param_dtype=param_dtype, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = nnx.relu6(self.bn1(self.conv1(x)))  # 112x112x32
        x = self.inverted1(x)  # 112x112x16
        for inverted in self.inverteds1:  # 56x56x24
            x = inverted(x)
        for inverted in self.inverteds2:  # 28x28x32
            x = inverted(x)
        for inverted in self.inverteds3:  # 14x14x64
            x = inverted(x)
        for inverted in self.inverteds4:  # 14x14x96
            x = inverted(x)
        for inverted in self.inverteds5:  # 7x7x160
            x = inverted(x)
        x = self.inverted17(x)  # 7x7x320
        x = nnx.relu6(self.bn2(self.conv2(x)))  # 7x7x1280
        x = jnp.mean(x, axis=(1, 2))  # 1280
        x = self.dropout1(x)
        return nnx.softmax(self.fc1(x))


def create(seed: int = 0, **options: Any) -> MobileNetV2:
    """A model with new weights, in a fraction of the time that `MobileNetV2(...)` takes.

    The weights are drawn with NumPy, from the distributions that the constructor uses.
    """

    def skeleton() -> MobileNetV2:
        rngs = nnx.Rngs(seed)
        rngs.default = OneKey(seed, tag="default")
        return MobileNetV2(**options, rngs=rngs)

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
