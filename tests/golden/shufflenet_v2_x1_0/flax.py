"""ShuffleNetV2X10: the network `shufflenet_v2_x1_0` in `flax.nnx`.

Ma et al., ShuffleNet V2, 2018, Table 5.

    input        224x224x3, channels last, after the batch
    dialect      torch
    parameters   2,278,604
    MACs         144,907,992

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


def channel_shuffle(x: jax.Array, groups: int) -> jax.Array:
    """The first channels of all groups, then their second ones, and so on."""
    return x.reshape(*x.shape[:-1], groups, -1).swapaxes(-1, -2).reshape(x.shape)


class Reduce(nnx.Module):
    """The block `reduce`."""

    def __init__(
        self, in_features: int, n: int, *, dtype: DTypeLike, param_dtype: DTypeLike, rngs: nnx.Rngs
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
        self.dwconv1 = conv(
            in_features,
            in_features,
            (3, 3),
            strides=2,
            padding=((1, 1), (1, 1)),
            feature_group_count=in_features,
        )
        self.bn1 = norm(in_features)
        self.conv1 = conv(in_features, n // 2, (1, 1))
        self.bn2 = norm(n // 2)
        self.conv2 = conv(in_features, n // 2, (1, 1))
        self.bn3 = norm(n // 2)
        self.dwconv2 = conv(
            n // 2, n // 2, (3, 3), strides=2, padding=((1, 1), (1, 1)), feature_group_count=n // 2
        )
        self.bn4 = norm(n // 2)
        self.conv3 = conv(n // 2, n // 2, (1, 1))
        self.bn5 = norm(n // 2)

    def __call__(self, x: jax.Array) -> jax.Array:
        branch1 = self.bn1(self.dwconv1(x))
        branch1 = nnx.relu(self.bn2(self.conv1(branch1)))
        branch2 = nnx.relu(self.bn3(self.conv2(x)))
        branch2 = self.bn4(self.dwconv2(branch2))
        branch2 = nnx.relu(self.bn5(self.conv3(branch2)))
        x = jnp.concatenate([branch1, branch2], axis=-1)
        return channel_shuffle(x, 2)


class Unit(nnx.Module):
    """The block `unit`."""

    def __init__(self, n: int, *, dtype: DTypeLike, param_dtype: DTypeLike, rngs: nnx.Rngs) -> None:
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
        self.conv1 = conv(n // 2, n // 2, (1, 1))
        self.bn1 = norm(n // 2)
        self.dwconv1 = conv(
            n // 2, n // 2, (3, 3), padding=((1, 1), (1, 1)), feature_group_count=n // 2
        )
        self.bn2 = norm(n // 2)
        self.conv2 = conv(n // 2, n // 2, (1, 1))
        self.bn3 = norm(n // 2)

    def __call__(self, x: jax.Array) -> jax.Array:
        branch1, branch2 = jnp.split(x, 2, axis=-1)
        branch2 = nnx.relu(self.bn1(self.conv1(branch2)))
        branch2 = self.bn2(self.dwconv1(branch2))
        branch2 = nnx.relu(self.bn3(self.conv2(branch2)))
        x = jnp.concatenate([branch1, branch2], axis=-1)
        return channel_shuffle(x, 2)


class ShuffleNetV2X10(nnx.Module):
    """The network `shufflenet_v2_x1_0`."""

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
        reduce_ = partial(Reduce, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        unit = partial(Unit, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.conv1 = conv(3, 24, (3, 3), strides=2, padding=((1, 1), (1, 1)))
        self.conv1_bn = norm(24)
        # stage2: 28x28x116
        self.stage2_reduce1 = reduce_(24, n=116)
        self.stage2_units = nnx.List([unit(n=116) for _ in range(3)])
        # stage3: 14x14x232
        self.stage3_reduce1 = reduce_(116, n=232)
        self.stage3_units = nnx.List([unit(n=232) for _ in range(7)])
        # stage4: 7x7x464
        self.stage4_reduce1 = reduce_(232, n=464)
        self.stage4_units = nnx.List([unit(n=464) for _ in range(3)])
        self.conv5 = conv(464, 1024, (1, 1))
        self.conv5_bn = norm(1024)
        self.fc1 = nnx.Linear(1024, classes, dtype=dtype, param_dtype=param_dtype, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = nnx.relu(self.conv1_bn(self.conv1(x)))  # 112x112x24
        x = nnx.max_pool(x, (3, 3), strides=(2, 2), padding=((1, 1), (1, 1)))  # 56x56x24
        x = self.stage2_reduce1(x)  # 28x28x116
        for unit in self.stage2_units:
            x = unit(x)
        x = self.stage3_reduce1(x)  # 14x14x232
        for unit in self.stage3_units:
            x = unit(x)
        x = self.stage4_reduce1(x)  # 7x7x464
        for unit in self.stage4_units:
            x = unit(x)
        x = nnx.relu(self.conv5_bn(self.conv5(x)))  # 7x7x1024
        x = jnp.mean(x, axis=(1, 2))  # 1024
        return nnx.softmax(self.fc1(x))


def create(seed: int = 0, **options: Any) -> ShuffleNetV2X10:
    """A model with new weights, in a fraction of the time that `ShuffleNetV2X10(...)` takes.

    The weights are drawn with NumPy, from the distributions that the constructor uses.
    """

    def skeleton() -> ShuffleNetV2X10:
        rngs = nnx.Rngs(seed)
        rngs.default = OneKey(seed, tag="default")
        return ShuffleNetV2X10(**options, rngs=rngs)

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
