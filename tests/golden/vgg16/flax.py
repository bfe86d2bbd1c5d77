"""VGG16: the network `vgg16` in `flax.nnx`.

Simonyan and Zisserman, Very Deep Convolutional Networks, 2014, Table 1.

    input        224x224x3, channels last, after the batch
    dialect      torch
    parameters   138,357,544
    MACs         15,470,264,320

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


class VGG16(nnx.Module):
    """The network `vgg16`."""

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
        self.conv1_1 = conv(3, 64, (3, 3), padding=((1, 1), (1, 1)))
        self.conv1_2 = conv(64, 64, (3, 3), padding=((1, 1), (1, 1)))
        self.conv2_1 = conv(64, 128, (3, 3), padding=((1, 1), (1, 1)))
        self.conv2_2 = conv(128, 128, (3, 3), padding=((1, 1), (1, 1)))
        self.conv3_1 = conv(128, 256, (3, 3), padding=((1, 1), (1, 1)))
        self.conv3_2 = conv(256, 256, (3, 3), padding=((1, 1), (1, 1)))
        self.conv3_3 = conv(256, 256, (3, 3), padding=((1, 1), (1, 1)))
        self.conv4_1 = conv(256, 512, (3, 3), padding=((1, 1), (1, 1)))
        self.conv4_2 = conv(512, 512, (3, 3), padding=((1, 1), (1, 1)))
        self.conv4_3 = conv(512, 512, (3, 3), padding=((1, 1), (1, 1)))
        self.conv5_1 = conv(512, 512, (3, 3), padding=((1, 1), (1, 1)))
        self.conv5_2 = conv(512, 512, (3, 3), padding=((1, 1), (1, 1)))
        self.conv5_3 = conv(512, 512, (3, 3), padding=((1, 1), (1, 1)))
        self.fc1 = linear(25088, 4096)
        self.dropout1 = dropout(0.5)
        self.fc2 = linear(4096, 4096)
        self.dropout2 = dropout(0.5)
        self.fc3 = linear(4096, classes)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = nnx.relu(self.conv1_1(x))  # 224x224x64
        x = nnx.relu(self.conv1_2(x))
        x = nnx.max_pool(x, (2, 2), strides=(2, 2))  # 112x112x64
        x = nnx.relu(self.conv2_1(x))  # 112x112x128
        x = nnx.relu(self.conv2_2(x))
        x = nnx.max_pool(x, (2, 2), strides=(2, 2))  # 56x56x128
        x = nnx.relu(self.conv3_1(x))  # 56x56x256
        x = nnx.relu(self.conv3_2(x))
        x = nnx.relu(self.conv3_3(x))
        x = nnx.max_pool(x, (2, 2), strides=(2, 2))  # 28x28x256
        x = nnx.relu(self.conv4_1(x))  # 28x28x512
        x = nnx.relu(self.conv4_2(x))
        x = nnx.relu(self.conv4_3(x))
        x = nnx.max_pool(x, (2, 2), strides=(2, 2))  # 14x14x512
        x = nnx.relu(self.conv5_1(x))
        x = nnx.relu(self.conv5_2(x))
        x = nnx.relu(self.conv5_3(x))
        x = nnx.max_pool(x, (2, 2), strides=(2, 2))  # 7x7x512
        x = x.reshape(x.shape[0], -1)  # 25088
        x = nnx.relu(self.fc1(x))  # 4096
        x = self.dropout1(x)
        x = nnx.relu(self.fc2(x))
        x = self.dropout2(x)
        return nnx.softmax(self.fc3(x))


def create(seed: int = 0, **options: Any) -> VGG16:
    """A model with new weights, in a fraction of the time that `VGG16(...)` takes.

    The weights are drawn with NumPy, from the distributions that the constructor uses.
    """

    def skeleton() -> VGG16:
        rngs = nnx.Rngs(seed)
        rngs.default = OneKey(seed, tag="default")
        return VGG16(**options, rngs=rngs)

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
