"""DenseNet121: the network `densenet121` in `flax.nnx`.

Huang et al., Densely Connected Convolutional Networks, 2016, Table 1.

    input        224x224x3, channels last, after the batch
    dialect      torch
    parameters   7,978,856
    MACs         2,834,161,664

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


class DenseLayer(nnx.Module):
    """The block `dense_layer` with k=32."""

    def __init__(
        self, in_features: int, *, dtype: DTypeLike, param_dtype: DTypeLike, rngs: nnx.Rngs
    ) -> None:
        norm = partial(
            nnx.BatchNorm,
            momentum=0.9,
            epsilon=1e-5,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        conv = partial(
            nnx.Conv,
            use_bias=False,
            kernel_init=KERNEL_INIT,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        self.bn1 = norm(in_features)
        self.conv1 = conv(in_features, 128, (1, 1))
        self.bn2 = norm(128)
        self.conv2 = conv(128, 32, (3, 3), padding=((1, 1), (1, 1)))

    def __call__(self, x: jax.Array) -> jax.Array:
        x = nnx.relu(self.bn1(x))
        x = nnx.relu(self.bn2(self.conv1(x)))
        return self.conv2(x)


class Dense(nnx.Module):
    """The block `dense` with k=32."""

    def __init__(
        self, in_features: int, n: int, *, dtype: DTypeLike, param_dtype: DTypeLike, rngs: nnx.Rngs
    ) -> None:
        self.dense_layers = nnx.List(
            [
                DenseLayer(in_features + 32 * i, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
                for i in range(n)
            ]
        )

    def __call__(self, x: jax.Array) -> jax.Array:
        for dense_layer in self.dense_layers:
            x = jnp.concatenate([x, dense_layer(x)], axis=-1)
        return x


class Transition(nnx.Module):
    """The block `transition` with theta=0.5."""

    def __init__(
        self, in_features: int, *, dtype: DTypeLike, param_dtype: DTypeLike, rngs: nnx.Rngs
    ) -> None:
        self.bn1 = nnx.BatchNorm(
            in_features, momentum=0.9, epsilon=1e-5, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.conv1 = nnx.Conv(
            in_features,
            in_features // 2,
            (1, 1),
            use_bias=False,
            kernel_init=KERNEL_INIT,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )

    def __call__(self, x: jax.Array) -> jax.Array:
        x = nnx.relu(self.bn1(x))
        x = self.conv1(x)
        return nnx.avg_pool(x, (2, 2), strides=(2, 2))


class DenseNet121(nnx.Module):
    """The network `densenet121`."""

    def __init__(
        self,
        classes: int = 1000,
        *,
        dtype: DTypeLike = jnp.float32,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        norm = partial(
            nnx.BatchNorm,
            momentum=0.9,
            epsilon=1e-5,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        dense = partial(Dense, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        transition = partial(Transition, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
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
        self.bn1 = norm(64)
        self.dense1 = dense(64, n=6)
        self.transition1 = transition(256)
        self.dense2 = dense(128, n=12)
        self.transition2 = transition(512)
        self.dense3 = dense(256, n=24)
        self.transition3 = transition(1024)
        self.dense4 = dense(512, n=16)
        self.bn2 = norm(1024)
        self.fc1 = nnx.Linear(1024, classes, dtype=dtype, param_dtype=param_dtype, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = nnx.relu(self.bn1(self.conv1(x)))  # 112x112x64
        x = nnx.max_pool(x, (3, 3), strides=(2, 2), padding=((1, 1), (1, 1)))  # 56x56x64
        x = self.dense1(x)  # 56x56x256
        x = self.transition1(x)  # 28x28x128
        x = self.dense2(x)  # 28x28x512
        x = self.transition2(x)  # 14x14x256
        x = self.dense3(x)  # 14x14x1024
        x = self.transition3(x)  # 7x7x512
        x = self.dense4(x)  # 7x7x1024
        x = nnx.relu(self.bn2(x))
        x = jnp.mean(x, axis=(1, 2))  # 1024
        return nnx.softmax(self.fc1(x))


def create(seed: int = 0, **options: Any) -> DenseNet121:
    """A model with new weights, in a fraction of the time that `DenseNet121(...)` takes.

    The weights are drawn with NumPy, from the distributions that the constructor uses.
    """

    def skeleton() -> DenseNet121:
        rngs = nnx.Rngs(seed)
        rngs.default = OneKey(seed, tag="default")
        return DenseNet121(**options, rngs=rngs)

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
