"""ZFNet: the network `zfnet` in `flax.nnx`.

Zeiler and Fergus, Visualizing and Understanding Convolutional Networks, 2013, Figure 3.

    input        224x224x3, channels last, after the batch
    dialect      torch
    parameters   107,627,624
    MACs         2,476,704,896

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


class ZFNet(nnx.Module):
    """The network `zfnet`."""

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
        self.conv1 = conv(3, 96, (7, 7), strides=2, padding=((1, 1), (1, 1)))
        self.conv2 = conv(96, 256, (5, 5), strides=2, padding="VALID")
        self.conv3 = conv(256, 512, (3, 3), padding=((1, 1), (1, 1)))
        self.conv4 = conv(512, 1024, (3, 3), padding=((1, 1), (1, 1)))
        self.conv5 = conv(1024, 512, (3, 3), padding=((1, 1), (1, 1)))
        self.fc6 = linear(18432, 4096)
        self.dropout1 = dropout(0.5)
        self.fc7 = linear(4096, 4096)
        self.dropout2 = dropout(0.5)
        self.fc8 = linear(4096, classes)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = nnx.relu(self.conv1(x))  # 110x110x96
        x = nnx.max_pool(x, (3, 3), strides=(2, 2), padding=((0, 1), (0, 1)))  # 55x55x96
        x = nnx.relu(self.conv2(x))  # 26x26x256
        x = nnx.max_pool(x, (3, 3), strides=(2, 2), padding=((0, 1), (0, 1)))  # 13x13x256
        x = nnx.relu(self.conv3(x))  # 13x13x512
        x = nnx.relu(self.conv4(x))  # 13x13x1024
        x = nnx.relu(self.conv5(x))  # 13x13x512
        pool3 = nnx.max_pool(x, (3, 3), strides=(2, 2), padding=((0, 1), (0, 1)))  # 6x6x512
        x = pool3.reshape(pool3.shape[0], -1)  # 18432
        x = nnx.relu(self.fc6(x))  # 4096
        x = self.dropout1(x)
        x = nnx.relu(self.fc7(x))
        x = self.dropout2(x)
        return nnx.softmax(self.fc8(x))


def create(seed: int = 0, **options: Any) -> ZFNet:
    """A model with new weights, in a fraction of the time that `ZFNet(...)` takes.

    The weights are drawn with NumPy, from the distributions that the constructor uses.
    """

    def skeleton() -> ZFNet:
        rngs = nnx.Rngs(seed)
        rngs.default = OneKey(seed, tag="default")
        return ZFNet(**options, rngs=rngs)

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
