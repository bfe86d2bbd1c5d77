"""LeNet: the network `lenet` in `flax.nnx`.

LeCun et al., Gradient-Based Learning Applied to Document Recognition, 1998, Figure 2.

    input        32x32x1, channels last, after the batch
    dialect      torch
    parameters   61,706
    MACs         416,520

Build it with `create`, and split it once for a fast jitted function:

    model = create(seed=0)
    model.eval()  # `model.train()` for training
    graphdef, state = nnx.split(model)

    @jax.jit
    def predict(state, x):
        return nnx.merge(graphdef, state)(x)

    predict(state, jnp.zeros((1, 32, 32, 1)))
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.typing import DTypeLike

KERNEL_INIT = nnx.initializers.he_normal()


class LeNet(nnx.Module):
    """The network `lenet`."""

    def __init__(
        self,
        classes: int = 10,
        *,
        dtype: DTypeLike = jnp.float32,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        conv = partial(
            nnx.Conv, kernel_init=KERNEL_INIT, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        linear = partial(nnx.Linear, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.C1 = conv(1, 6, (5, 5), padding="VALID")
        self.C3 = conv(6, 16, (5, 5), padding="VALID")
        self.C5 = linear(400, 120)
        self.F6 = linear(120, 84)
        self.fc1 = linear(84, classes)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = nnx.tanh(self.C1(x))  # 28x28x6
        x = nnx.avg_pool(x, (2, 2), strides=(2, 2))  # 14x14x6
        x = nnx.tanh(self.C3(x))  # 10x10x16
        S4 = nnx.avg_pool(x, (2, 2), strides=(2, 2))  # 5x5x16
        x = S4.reshape(S4.shape[0], -1)  # 400
        x = nnx.tanh(self.C5(x))  # 120
        x = nnx.tanh(self.F6(x))  # 84
        return nnx.softmax(self.fc1(x))


def create(seed: int = 0, **options: Any) -> LeNet:
    """A model with new weights, in a fraction of the time that `LeNet(...)` takes.

    The weights are drawn with NumPy, from the distributions that the constructor uses.
    """

    def skeleton() -> LeNet:
        rngs = nnx.Rngs(seed)
        rngs.default = OneKey(seed, tag="default")
        return LeNet(**options, rngs=rngs)

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
