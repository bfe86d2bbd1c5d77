"""GoogLeNet: the network `googlenet` in `flax.nnx`.

Szegedy et al., Going Deeper with Convolutions, 2014, Table 1.

    input        224x224x3, channels last, after the batch
    dialect      torch
    parameters   6,998,552
    MACs         1,582,671,872

Build it with `create`, and split it once for a fast jitted function:

    model = create(seed=0)
    model.eval()  # `model.train()` for training
    graphdef, state = nnx.split(model)

    @jax.jit
    def predict(state, x):
        return nnx.merge(graphdef, state)(x)

    predict(state, jnp.zeros((1, 224, 224, 3)))

In training it returns the pair of its output and the auxiliary outputs `aux1`, `aux2`, by name.
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
AUX_WEIGHTS = {"aux1": 0.3, "aux2": 0.3}
"""Weight of the loss of each auxiliary output."""


def local_response_norm(
    x: jax.Array, size: int, *, alpha: float, beta: float, k: float
) -> jax.Array:
    """Divides by (k + alpha * the sum of the squares of `size` channels around) ** beta."""
    around = (size // 2, (size - 1) // 2)
    window, padding = [1] * (x.ndim - 1) + [size], [(0, 0)] * (x.ndim - 1) + [around]
    sums = lax.reduce_window(x * x, 0.0, lax.add, window, [1] * x.ndim, padding)
    return x / (k + alpha * sums) ** beta


def avg_pool_inside(
    x: jax.Array,
    window: tuple[int, int],
    *,
    strides: tuple[int, int] = (1, 1),
    padding: str | Sequence[tuple[int, int]],
) -> jax.Array:
    """Average pool that does not count padding; Flax divides by float32 numbers."""
    y = nnx.avg_pool(x, window, strides, padding, count_include_pad=False)
    return y.astype(x.dtype)


class Inception(nnx.Module):
    """The block `inception` with wide=5x5."""

    def __init__(
        self,
        in_features: int,
        n1: int,
        r3: int,
        n3: int,
        r5: int,
        n5: int,
        np_: int,
        *,
        dtype: DTypeLike,
        param_dtype: DTypeLike,
        rngs: nnx.Rngs,
    ) -> None:
        conv = partial(
            nnx.Conv, kernel_init=KERNEL_INIT, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.conv1 = conv(in_features, n1, (1, 1))
        self.conv2 = conv(in_features, r3, (1, 1))
        self.conv3 = conv(r3, n3, (3, 3), padding=((1, 1), (1, 1)))
        self.conv4 = conv(in_features, r5, (1, 1))
        self.conv5 = conv(r5, n5, (5, 5), padding=((2, 2), (2, 2)))
        self.conv6 = conv(in_features, np_, (1, 1))

    def __call__(self, x: jax.Array) -> jax.Array:
        branch1 = nnx.relu(self.conv1(x))
        branch2 = nnx.relu(self.conv2(x))
        branch2 = nnx.relu(self.conv3(branch2))
        branch3 = nnx.relu(self.conv4(x))
        branch3 = nnx.relu(self.conv5(branch3))
        branch4 = nnx.max_pool(x, (3, 3), padding=((1, 1), (1, 1)))
        branch4 = nnx.relu(self.conv6(branch4))
        return jnp.concatenate([branch1, branch2, branch3, branch4], axis=-1)


class Auxiliary(nnx.Module):
    """The block `auxiliary`."""

    def __init__(
        self,
        in_features: int,
        classes: int,
        *,
        dtype: DTypeLike,
        param_dtype: DTypeLike,
        rngs: nnx.Rngs,
    ) -> None:
        linear = partial(nnx.Linear, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.conv1 = nnx.Conv(
            in_features,
            128,
            (1, 1),
            kernel_init=KERNEL_INIT,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        self.fc1 = linear(2048, 1024)
        self.dropout1 = nnx.Dropout(0.7, rngs=rngs)
        self.fc2 = linear(1024, classes)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = avg_pool_inside(x, (5, 5), strides=(3, 3), padding=((0, 2), (0, 2)))
        x = nnx.relu(self.conv1(x))
        x = x.reshape(x.shape[0], -1)
        x = nnx.relu(self.fc1(x))
        x = self.dropout1(x)
        return self.fc2(x)


class GoogLeNet(nnx.Module):
    """The network `googlenet`."""

    def __init__(
        self,
        classes: int = 1000,
        *,
        dtype: DTypeLike = jnp.float32,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.deterministic = False  # `eval()` and `train()` switch it
        conv = partial(
            nnx.Conv, kernel_init=KERNEL_INIT, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        inception = partial(Inception, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        auxiliary = partial(Auxiliary, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.conv1 = conv(3, 64, (7, 7), strides=2, padding=((3, 3), (3, 3)))
        self.conv2_reduce = conv(64, 64, (1, 1))
        self.conv2 = conv(64, 192, (3, 3), padding=((1, 1), (1, 1)))
        self.inception_3a = inception(192, n1=64, r3=96, n3=128, r5=16, n5=32, np_=32)
        self.inception_3b = inception(256, n1=128, r3=128, n3=192, r5=32, n5=96, np_=64)
        self.inception_4a = inception(480, n1=192, r3=96, n3=208, r5=16, n5=48, np_=64)
        self.inception_4b = inception(512, n1=160, r3=112, n3=224, r5=24, n5=64, np_=64)
        self.inception_4c = inception(512, n1=128, r3=128, n3=256, r5=24, n5=64, np_=64)
        self.inception_4d = inception(512, n1=112, r3=144, n3=288, r5=32, n5=64, np_=64)
        self.inception_4e = inception(528, n1=256, r3=160, n3=320, r5=32, n5=128, np_=128)
        self.inception_5a = inception(832, n1=256, r3=160, n3=320, r5=32, n5=128, np_=128)
        self.inception_5b = inception(832, n1=384, r3=192, n3=384, r5=48, n5=128, np_=128)
        self.dropout1 = nnx.Dropout(0.4, rngs=rngs)
        self.linear = nnx.Linear(1024, classes, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.auxiliary1 = auxiliary(512, classes=classes)
        self.auxiliary2 = auxiliary(528, classes=classes)

    def __call__(self, x: jax.Array) -> jax.Array | tuple[jax.Array, dict[str, jax.Array]]:
        x = nnx.relu(self.conv1(x))  # 112x112x64
        x = nnx.max_pool(x, (3, 3), strides=(2, 2), padding=((0, 1), (0, 1)))  # 56x56x64
        x = local_response_norm(x, 5, alpha=0.0001 / 5, beta=0.75, k=1.0)
        x = nnx.relu(self.conv2_reduce(x))
        x = nnx.relu(self.conv2(x))  # 56x56x192
        x = local_response_norm(x, 5, alpha=0.0001 / 5, beta=0.75, k=1.0)
        x = nnx.max_pool(x, (3, 3), strides=(2, 2), padding=((0, 1), (0, 1)))  # 28x28x192
        x = self.inception_3a(x)  # 28x28x256
        x = self.inception_3b(x)  # 28x28x480
        x = nnx.max_pool(x, (3, 3), strides=(2, 2), padding=((0, 1), (0, 1)))  # 14x14x480
        inception_4a = self.inception_4a(x)  # 14x14x512
        x = self.inception_4b(inception_4a)
        x = self.inception_4c(x)
        inception_4d = self.inception_4d(x)  # 14x14x528
        x = self.inception_4e(inception_4d)  # 14x14x832
        x = nnx.max_pool(x, (3, 3), strides=(2, 2), padding=((0, 1), (0, 1)))  # 7x7x832
        x = self.inception_5a(x)
        x = self.inception_5b(x)  # 7x7x1024
        x = jnp.mean(x, axis=(1, 2))  # 1024
        x = self.dropout1(x)
        x = nnx.softmax(self.linear(x))  # 1000
        if self.deterministic:
            return x
        return x, {"aux1": self.auxiliary1(inception_4a), "aux2": self.auxiliary2(inception_4d)}


def create(seed: int = 0, **options: Any) -> GoogLeNet:
    """A model with new weights, in a fraction of the time that `GoogLeNet(...)` takes.

    The weights are drawn with NumPy, from the distributions that the constructor uses.
    """

    def skeleton() -> GoogLeNet:
        rngs = nnx.Rngs(seed)
        rngs.default = OneKey(seed, tag="default")
        return GoogLeNet(**options, rngs=rngs)

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
