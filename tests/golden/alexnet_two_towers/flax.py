"""AlexNetTwoTowers: the network `alexnet_two_towers` in `flax.nnx`.

Krizhevsky et al., ImageNet Classification with Deep Convolutional Neural Networks, 2012.

    input        227x227x3, channels last, after the batch
    dialect      torch
    parameters   60,965,224
    MACs         724,406,816

Build it with `create`, and split it once for a fast jitted function:

    model = create(seed=0)
    model.eval()  # `model.train()` for training
    graphdef, state = nnx.split(model)

    @jax.jit
    def predict(state, x):
        return nnx.merge(graphdef, state)(x)

    predict(state, jnp.zeros((1, 227, 227, 3)))
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import lax
from jax.typing import DTypeLike

KERNEL_INIT = nnx.initializers.he_normal()


def local_response_norm(
    x: jax.Array, size: int, *, alpha: float, beta: float, k: float
) -> jax.Array:
    """Divides by (k + alpha * the sum of the squares of `size` channels around) ** beta."""
    around = (size // 2, (size - 1) // 2)
    window, padding = [1] * (x.ndim - 1) + [size], [(0, 0)] * (x.ndim - 1) + [around]
    sums = lax.reduce_window(x * x, 0.0, lax.add, window, [1] * x.ndim, padding)
    return x / (k + alpha * sums) ** beta


class AlexNetTwoTowers(nnx.Module):
    """The network `alexnet_two_towers`."""

    def __init__(
        self,
        classes: int = 1000,
        *,
        dtype: DTypeLike = jnp.float32,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        conv = partial(
            nnx.Conv, kernel_init=KERNEL_INIT, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        linear = partial(nnx.Linear, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        dropout = partial(nnx.Dropout, rngs=rngs)
        self.conv1 = conv(3, 96, (11, 11), strides=4, padding="VALID")
        self.conv2 = conv(96, 256, (5, 5), padding=((2, 2), (2, 2)), feature_group_count=2)
        self.conv3 = conv(256, 384, (3, 3), padding=((1, 1), (1, 1)))
        self.conv4 = conv(384, 384, (3, 3), padding=((1, 1), (1, 1)), feature_group_count=2)
        self.conv5 = conv(384, 256, (3, 3), padding=((1, 1), (1, 1)), feature_group_count=2)
        self.fc6 = linear(9216, 4096)
        self.dropout1 = dropout(0.5)
        self.fc7 = linear(4096, 4096)
        self.dropout2 = dropout(0.5)
        self.fc8 = linear(4096, classes)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = nnx.relu(self.conv1(x))  # 55x55x96
        x = local_response_norm(x, 5, alpha=0.0001, beta=0.75, k=2.0)
        x = nnx.max_pool(x, (3, 3), strides=(2, 2))  # 27x27x96
        x = nnx.relu(self.conv2(x))  # 27x27x256
        x = local_response_norm(x, 5, alpha=0.0001, beta=0.75, k=2.0)
        x = nnx.max_pool(x, (3, 3), strides=(2, 2))  # 13x13x256
        x = nnx.relu(self.conv3(x))  # 13x13x384
        x = nnx.relu(self.conv4(x))
        x = nnx.relu(self.conv5(x))  # 13x13x256
        pool3 = nnx.max_pool(x, (3, 3), strides=(2, 2))  # 6x6x256
        x = pool3.reshape(pool3.shape[0], -1)  # 9216
        x = nnx.relu(self.fc6(x))  # 4096
        x = self.dropout1(x)
        x = nnx.relu(self.fc7(x))
        x = self.dropout2(x)
        return nnx.softmax(self.fc8(x))


def create(seed: int = 0, **options: Any) -> AlexNetTwoTowers:
    """A model with new weights, in a fraction of the time that `AlexNetTwoTowers(...)` takes.

    The weights are drawn with NumPy, from the distributions that the constructor uses.
    """

    def skeleton() -> AlexNetTwoTowers:
        rngs = nnx.Rngs(seed)
        rngs.default = OneKey(seed, tag="default")
        return AlexNetTwoTowers(**options, rngs=rngs)

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
