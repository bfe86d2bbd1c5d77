"""NASNetMobile: the network `nasnet_mobile` in `flax.nnx`.

Zoph et al., Learning Transferable Architectures, 2017, Figure 2.

    input        224x224x3, channels last, after the batch
    dialect      torch
    parameters   5,289,978
    MACs         563,638,816

Build it with `create`, and split it once for a fast jitted function:

    model = create(seed=0)
    model.eval()  # `model.train()` for training
    graphdef, state = nnx.split(model)

    @jax.jit
    def predict(state, x):
        return nnx.merge(graphdef, state)(x)

    predict(state, jnp.zeros((1, 224, 224, 3)))
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.typing import DTypeLike

KERNEL_INIT = nnx.initializers.he_normal()


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


class Sep(nnx.Module):
    """The block `sep`."""

    def __init__(
        self,
        in_features: int,
        k: int,
        n: int,
        stride: int = 1,
        *,
        dtype: DTypeLike,
        param_dtype: DTypeLike,
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
            momentum=0.9997,
            epsilon=0.001,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        self.dwconv1 = conv(
            in_features,
            in_features,
            (k, k),
            strides=stride,
            padding="SAME",
            feature_group_count=in_features,
        )
        self.conv1 = conv(in_features, n, (1, 1))
        self.bn1 = norm(n)
        self.dwconv2 = conv(n, n, (k, k), padding="SAME", feature_group_count=n)
        self.conv2 = conv(n, n, (1, 1))
        self.bn2 = norm(n)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = nnx.relu(x)
        x = self.dwconv1(x)
        x = nnx.relu(self.bn1(self.conv1(x)))
        x = self.dwconv2(x)
        return self.bn2(self.conv2(x))


class Adjust(nnx.Module):
    """The block `adjust`."""

    def __init__(
        self, p_features: int, n: int, *, dtype: DTypeLike, param_dtype: DTypeLike, rngs: nnx.Rngs
    ) -> None:
        conv = partial(
            nnx.Conv,
            use_bias=False,
            kernel_init=KERNEL_INIT,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        self.conv1 = conv(p_features, n // 2, (1, 1))
        self.conv2 = conv(p_features, n // 2, (1, 1))
        self.bn1 = nnx.BatchNorm(
            n, momentum=0.9997, epsilon=0.001, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )

    def __call__(self, p: jax.Array, x: jax.Array) -> jax.Array:
        x = nnx.relu(p)
        branch1 = nnx.avg_pool(x, (1, 1), strides=(2, 2))
        branch2 = jnp.pad(x, ((0, 0), (0, 1), (0, 1), (0, 0)))
        branch2 = branch2[:, 1:, 1:]
        branch2 = nnx.avg_pool(branch2, (1, 1), strides=(2, 2))
        x = jnp.concatenate([self.conv1(branch1), self.conv2(branch2)], axis=-1)
        return self.bn1(x)


class Adjust2(nnx.Module):
    """The block `adjust`."""

    def __init__(
        self, p_features: int, n: int, *, dtype: DTypeLike, param_dtype: DTypeLike, rngs: nnx.Rngs
    ) -> None:
        self.conv1 = nnx.Conv(
            p_features,
            n,
            (1, 1),
            use_bias=False,
            kernel_init=KERNEL_INIT,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        self.bn1 = nnx.BatchNorm(
            n, momentum=0.9997, epsilon=0.001, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )

    def __call__(self, p: jax.Array, x: jax.Array) -> jax.Array:
        x = nnx.relu(p)
        return self.bn1(self.conv1(x))


class Reduction(nnx.Module):
    """The block `reduction`."""

    def __init__(
        self,
        before_features: int,
        x_features: int,
        n: int,
        reshape_padding: int,
        sep2_features: int,
        *,
        p_adjust: bool = False,
        dtype: DTypeLike,
        param_dtype: DTypeLike,
        rngs: nnx.Rngs,
    ) -> None:
        self.reshape_padding = reshape_padding
        self.with_p = before_features != sep2_features
        sep = partial(Sep, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        if self.with_p:
            self.p: Adjust | Adjust2
            if p_adjust:
                self.p = Adjust(32, n=22, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
            else:
                self.p = Adjust2(
                    before_features, n=n, dtype=dtype, param_dtype=param_dtype, rngs=rngs
                )
        self.h = nnx.Conv(
            x_features,
            n,
            (1, 1),
            use_bias=False,
            kernel_init=KERNEL_INIT,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        self.h_bn = nnx.BatchNorm(
            n, momentum=0.9997, epsilon=0.001, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.sep1 = sep(n, k=5, n=n, stride=2)
        self.sep2 = sep(sep2_features, k=7, n=n, stride=2)
        self.sep3 = sep(sep2_features, k=7, n=n, stride=2)
        self.sep4 = sep(sep2_features, k=5, n=n, stride=2)
        self.sep5 = sep(n, k=3, n=n)

    def __call__(self, before: jax.Array, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        if self.with_p:
            before = self.p(before, x)
        z = nnx.relu(x)
        h = self.h_bn(self.h(z))
        padded = jnp.pad(h, ((0, 0), (self.reshape_padding, 1), (self.reshape_padding, 1), (0, 0)))
        a = self.sep1(h) + self.sep2(before)
        b = nnx.max_pool(padded, (3, 3), strides=(2, 2)) + self.sep3(before)
        branch1 = nnx.avg_pool(padded, (3, 3), strides=(2, 2)) + self.sep4(before)
        branch2 = avg_pool_inside(a, (3, 3), padding=((1, 1), (1, 1)))
        branch2 = branch2 + b
        branch3 = self.sep5(a) + nnx.max_pool(padded, (3, 3), strides=(2, 2))
        y = jnp.concatenate([b, branch1, branch2, branch3], axis=-1)
        return x, y


class Normal(nnx.Module):
    """The block `normal`."""

    def __init__(
        self,
        before_features: int,
        x_features: int,
        n: int,
        *,
        p_adjust: bool = False,
        dtype: DTypeLike,
        param_dtype: DTypeLike,
        rngs: nnx.Rngs,
    ) -> None:
        sep = partial(Sep, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.p: Adjust | Adjust2
        if p_adjust:
            self.p = Adjust(before_features, n=n, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        else:
            self.p = Adjust2(before_features, n=n, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.h = nnx.Conv(
            x_features,
            n,
            (1, 1),
            use_bias=False,
            kernel_init=KERNEL_INIT,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        self.h_bn = nnx.BatchNorm(
            n, momentum=0.9997, epsilon=0.001, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.sep1 = sep(n, k=5, n=n)
        self.sep2 = sep(n, k=3, n=n)
        self.sep3 = sep(n, k=5, n=n)
        self.sep4 = sep(n, k=3, n=n)
        self.sep5 = sep(n, k=3, n=n)

    def __call__(self, before: jax.Array, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        p = self.p(before, x)
        z = nnx.relu(x)
        h = self.h_bn(self.h(z))
        branch1 = self.sep1(h) + self.sep2(p)
        branch2 = self.sep3(p) + self.sep4(p)
        branch3 = avg_pool_inside(h, (3, 3), padding=((1, 1), (1, 1)))
        branch3 = branch3 + p
        branch4a = avg_pool_inside(p, (3, 3), padding=((1, 1), (1, 1)))
        branch4b = avg_pool_inside(p, (3, 3), padding=((1, 1), (1, 1)))
        branch4 = branch4a + branch4b
        branch5 = self.sep5(h) + h
        y = jnp.concatenate([p, branch1, branch2, branch3, branch4, branch5], axis=-1)
        return x, y


class NASNetMobile(nnx.Module):
    """The network `nasnet_mobile`."""

    def __init__(
        self,
        classes: int = 1000,
        *,
        dtype: DTypeLike = jnp.float32,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        reduction = partial(Reduction, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        normal = partial(Normal, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.s = nnx.Conv(
            3,
            32,
            (3, 3),
            strides=2,
            padding="VALID",
            use_bias=False,
            kernel_init=KERNEL_INIT,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        self.s_bn = nnx.BatchNorm(
            32, momentum=0.9997, epsilon=0.001, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.reduction1 = reduction(32, 32, n=11, reshape_padding=1, sep2_features=32)
        self.reduction2 = reduction(
            32, 44, n=22, reshape_padding=0, sep2_features=22, p_adjust=True
        )
        self.a1 = nnx.List(
            [
                normal(44, 88, n=44, p_adjust=True),
                normal(88, 264, n=44),
                *(normal(264, 264, n=44) for _ in range(2)),
            ]
        )
        self.b1 = reduction(264, 264, n=88, reshape_padding=0, sep2_features=88)
        self.c1 = nnx.List(
            [
                normal(264, 352, n=88, p_adjust=True),
                normal(352, 528, n=88),
                *(normal(528, 528, n=88) for _ in range(2)),
            ]
        )
        self.d1 = reduction(528, 528, n=176, reshape_padding=0, sep2_features=176)
        self.e1 = nnx.List(
            [
                normal(528, 704, n=176, p_adjust=True),
                normal(704, 1056, n=176),
                *(normal(1056, 1056, n=176) for _ in range(2)),
            ]
        )
        self.fc1 = nnx.Linear(1056, classes, dtype=dtype, param_dtype=param_dtype, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = x[:, :-1, :-1]  # 223x223x3
        s = self.s_bn(self.s(x))  # 111x111x32
        x, y = self.reduction1(s, s)  # 111x111x32, 56x56x44
        x, y = self.reduction2(x, y)  # 56x56x44, 28x28x88
        for normal in self.a1:  # 28x28x264, 28x28x264
            x, y = normal(x, y)
        x, y = self.b1(x, y)  # 28x28x264, 14x14x352
        for normal in self.c1:  # 14x14x528, 14x14x528
            x, y = normal(x, y)
        x, y = self.d1(x, y)  # 14x14x528, 7x7x704
        for normal in self.e1:  # 7x7x1056, 7x7x1056
            x, y = normal(x, y)
        x = nnx.relu(y)  # 7x7x1056
        x = jnp.mean(x, axis=(1, 2))  # 1056
        return nnx.softmax(self.fc1(x))


def create(seed: int = 0, **options: Any) -> NASNetMobile:
    """A model with new weights, in a fraction of the time that `NASNetMobile(...)` takes.

    The weights are drawn with NumPy, from the distributions that the constructor uses.
    """

    def skeleton() -> NASNetMobile:
        rngs = nnx.Rngs(seed)
        rngs.default = OneKey(seed, tag="default")
        return NASNetMobile(**options, rngs=rngs)

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
