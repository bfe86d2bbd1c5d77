"""EfficientNetB0: the network `efficientnet_b0` in `flax.nnx`.

Tan and Le, EfficientNet, 2019, Table 1.

    input        224x224x3, channels last, after the batch
    dialect      torch
    parameters   5,288,548
    MACs         385,814,752

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


class SE(nnx.Module):
    """The block `se` with act=silu, gate=sigmoid."""

    def __init__(
        self, in_features: int, n: int, *, dtype: DTypeLike, param_dtype: DTypeLike, rngs: nnx.Rngs
    ) -> None:
        conv = partial(
            nnx.Conv, kernel_init=KERNEL_INIT, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.conv1 = conv(in_features, n, (1, 1))
        self.conv2 = conv(n, in_features, (1, 1))

    def __call__(self, x: jax.Array) -> jax.Array:
        y = jnp.mean(x, axis=(1, 2), keepdims=True)
        y = nnx.silu(self.conv1(y))
        return x * nnx.sigmoid(self.conv2(y))


class MBConv(nnx.Module):
    """The block `mbconv` with drop=0.2."""

    def __init__(
        self,
        in_features: int,
        k: int,
        t: int,
        n: int,
        stride: int = 1,
        droppath1_rate: float = 0.025,
        *,
        dtype: DTypeLike,
        param_dtype: DTypeLike,
        rngs: nnx.Rngs,
    ) -> None:
        self.with_conv1 = t != 1
        self.with_droppath1 = stride == 1 and in_features == n
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
            (k, k),
            strides=stride,
            padding=((k // 2, k // 2), (k // 2, k // 2)),
            feature_group_count=t * in_features,
        )
        self.bn2 = norm(t * in_features)
        self.se1 = SE(
            t * in_features, n=in_features // 4, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.conv2 = conv(t * in_features, n, (1, 1))
        self.bn3 = norm(n)
        if self.with_droppath1:
            self.droppath1 = nnx.Dropout(droppath1_rate, broadcast_dims=(1, 2, 3), rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        y = nnx.silu(self.bn1(self.conv1(x))) if self.with_conv1 else x
        y = nnx.silu(self.bn2(self.dwconv1(y)))
        y = self.se1(y)
        y = self.bn3(self.conv2(y))
        if self.with_droppath1:
            y = self.droppath1(y) + x
        return y


class EfficientNetB0(nnx.Module):
    """The network `efficientnet_b0`."""

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
        mbconv = partial(MBConv, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.conv1 = conv(3, 32, (3, 3), strides=2, padding=((1, 1), (1, 1)))
        self.bn1 = norm(32)
        self.mbconv1 = mbconv(32, k=3, t=1, n=16)
        self.mbconvs1 = nnx.List([mbconv(16, k=3, t=6, n=24, stride=2), mbconv(24, k=3, t=6, n=24)])
        self.mbconvs2 = nnx.List(
            [mbconv(24, k=5, t=6, n=40, stride=2), mbconv(40, k=5, t=6, n=40, droppath1_rate=0.05)]
        )
        self.mbconvs3 = nnx.List(
            [
                mbconv(40, k=3, t=6, n=80, stride=2),
                mbconv(80, k=3, t=6, n=80, droppath1_rate=0.075),
                mbconv(80, k=3, t=6, n=80, droppath1_rate=0.0875),
            ]
        )
        self.mbconvs4 = nnx.List(
            [
                mbconv(80, k=5, t=6, n=112),
                mbconv(112, k=5, t=6, n=112, droppath1_rate=0.1125),
                mbconv(112, k=5, t=6, n=112, droppath1_rate=0.125),
            ]
        )
        self.mbconvs5 = nnx.List(
            [
                mbconv(112, k=5, t=6, n=192, stride=2),
                mbconv(192, k=5, t=6, n=192, droppath1_rate=0.15),
                mbconv(192, k=5, t=6, n=192, droppath1_rate=0.1625),
                mbconv(192, k=5, t=6, n=192, droppath1_rate=0.175),
            ]
        )
        self.mbconv16 = mbconv(192, k=3, t=6, n=320)
        self.conv2 = conv(320, 1280, (1, 1))
        self.bn2 = norm(1280)
        self.dropout1 = nnx.Dropout(0.2, rngs=rngs)
        self.fc1 = nnx.Linear(1280, classes, dtype=dtype, param_dtype=param_dtype, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = nnx.silu(self.bn1(self.conv1(x)))  # 112x112x32
        x = self.mbconv1(x)  # 112x112x16
        for mbconv in self.mbconvs1:  # 56x56x24
            x = mbconv(x)
        for mbconv in self.mbconvs2:  # 28x28x40
            x = mbconv(x)
        for mbconv in self.mbconvs3:  # 14x14x80
            x = mbconv(x)
        for mbconv in self.mbconvs4:  # 14x14x112
            x = mbconv(x)
        for mbconv in self.mbconvs5:  # 7x7x192
            x = mbconv(x)
        x = self.mbconv16(x)  # 7x7x320
        x = nnx.silu(self.bn2(self.conv2(x)))  # 7x7x1280
        x = jnp.mean(x, axis=(1, 2))  # 1280
        x = self.dropout1(x)
        return nnx.softmax(self.fc1(x))


def create(seed: int = 0, **options: Any) -> EfficientNetB0:
    """A model with new weights, in a fraction of the time that `EfficientNetB0(...)` takes.

    The weights are drawn with NumPy, from the distributions that the constructor uses.
    """

    def skeleton() -> EfficientNetB0:
        rngs = nnx.Rngs(seed)
        rngs.default = OneKey(seed, tag="default")
        return EfficientNetB0(**options, rngs=rngs)

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
