"""ResNet502015: the network `resnet50_2015` in `flax.nnx`.

He et al., Deep Residual Learning for Image Recognition, 2015, Table 1.

    input        224x224x3, channels last, after the batch
    dialect      torch
    parameters   25,557,032
    MACs         3,857,973,248

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
        self.conv1 = conv(in_features, n, (1, 1), strides=stride)
        self.bn1 = norm(n)
        self.conv2 = conv(n, n, (3, 3), padding=((1, 1), (1, 1)))
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


class ResNet502015(nnx.Module):
    """The network `resnet50_2015`."""

    def __init__(
        self,
        classes: int = 1000,
        *,
        dtype: DTypeLike = jnp.float32,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
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
        self.conv1_bn = nnx.BatchNorm(
            64, momentum=0.9, epsilon=1e-5, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        # conv2_x: 56x56x256
        self.conv2_x = nnx.List([bottleneck(64, n=64), *(bottleneck(256, n=64) for _ in range(2))])
        # conv3_x: 28x28x512
        self.conv3_x = nnx.List(
            [bottleneck(256, n=128, stride=2), *(bottleneck(512, n=128) for _ in range(3))]
        )
        # conv4_x: 14x14x1024
        self.conv4_x = nnx.List(
            [bottleneck(512, n=256, stride=2), *(bottleneck(1024, n=256) for _ in range(5))]
        )
        # conv5_x: 7x7x2048
        self.conv5_x = nnx.List(
            [bottleneck(1024, n=512, stride=2), *(bottleneck(2048, n=512) for _ in range(2))]
        )
        self.fc1 = nnx.Linear(2048, classes, dtype=dtype, param_dtype=param_dtype, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = nnx.relu(self.conv1_bn(self.conv1(x)))  # 112x112x64
        x = nnx.max_pool(x, (3, 3), strides=(2, 2), padding=((1, 1), (1, 1)))  # 56x56x64
        for bottleneck in self.conv2_x:  # 56x56x256
            x = bottleneck(x)
        for bottleneck in self.conv3_x:  # 28x28x512
            x = bottleneck(x)
        for bottleneck in self.conv4_x:  # 14x14x1024
            x = bottleneck(x)
        for bottleneck in self.conv5_x:  # 7x7x2048
            x = bottleneck(x)
        x = jnp.mean(x, axis=(1, 2))  # 2048
        return nnx.softmax(self.fc1(x))


def create(seed: int = 0, **options: Any) -> ResNet502015:
    """A model with new weights, in a fraction of the time that `ResNet502015(...)` takes.

    The weights are drawn with NumPy, from the distributions that the constructor uses.
    """

    def skeleton() -> ResNet502015:
        rngs = nnx.Rngs(seed)
        rngs.default = OneKey(seed, tag="default")
        return ResNet502015(**options, rngs=rngs)

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
