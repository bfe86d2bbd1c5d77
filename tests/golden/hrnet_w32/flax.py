"""HRNetW32: the network `hrnet_w32` in `flax.nnx`.

Wang et al., Deep High-Resolution Representation Learning, 2019, Figure 2.

    input        224x224x3, channels last, after the batch
    dialect      torch
    parameters   41,232,680
    MACs         8,921,133,056

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
    """The block `shortcut_b` with stride=1."""

    def __init__(
        self, in_features: int, n: int, *, dtype: DTypeLike, param_dtype: DTypeLike, rngs: nnx.Rngs
    ) -> None:
        self.conv1 = nnx.Conv(
            in_features,
            n,
            (1, 1),
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
        self, in_features: int, n: int, *, dtype: DTypeLike, param_dtype: DTypeLike, rngs: nnx.Rngs
    ) -> None:
        self.project = in_features != 4 * n
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
        self.conv1 = conv(in_features, n, (1, 1))
        self.bn1 = norm(n)
        self.conv2 = conv(n, n, (3, 3), padding=((1, 1), (1, 1)))
        self.bn2 = norm(n)
        self.conv3 = conv(n, 4 * n, (1, 1))
        self.bn3 = norm(4 * n)
        if self.project:
            self.shortcut_b1 = ShortcutB(
                n, n=4 * n, dtype=dtype, param_dtype=param_dtype, rngs=rngs
            )

    def __call__(self, x: jax.Array) -> jax.Array:
        y = nnx.relu(self.bn1(self.conv1(x)))
        y = nnx.relu(self.bn2(self.conv2(y)))
        if self.project:
            x = self.shortcut_b1(x)
        return nnx.relu(self.bn3(self.conv3(y)) + x)


class Basic(nnx.Module):
    """The block `basic` with stride=1, shortcut=shortcut_b."""

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
        self.conv1 = conv(n, n, (3, 3), padding=((1, 1), (1, 1)))
        self.bn1 = norm(n)
        self.conv2 = conv(n, n, (3, 3), padding=((1, 1), (1, 1)))
        self.bn2 = norm(n)

    def __call__(self, x: jax.Array) -> jax.Array:
        y = nnx.relu(self.bn1(self.conv1(x)))
        return nnx.relu(self.bn2(self.conv2(y)) + x)


class Resample(nnx.Module):
    """The block `resample`."""

    def __init__(
        self,
        in_features: int,
        n: int,
        *,
        with_conv2: bool = False,
        dtype: DTypeLike,
        param_dtype: DTypeLike,
        rngs: nnx.Rngs,
    ) -> None:
        self.with_conv2 = with_conv2
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
        self.conv1 = conv(in_features, in_features, (3, 3), strides=2, padding=((1, 1), (1, 1)))
        self.bn1 = norm(in_features)
        if self.with_conv2:
            self.conv2 = conv(32, 32, (3, 3), strides=2, padding=((1, 1), (1, 1)))
            self.bn2 = norm(32)
        self.conv3 = conv(in_features, n, (3, 3), strides=2, padding=((1, 1), (1, 1)))
        self.bn3 = norm(n)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = nnx.relu(self.bn1(self.conv1(x)))
        if self.with_conv2:
            x = nnx.relu(self.bn2(self.conv2(x)))
        return self.bn3(self.conv3(x))


class Resample2(nnx.Module):
    """The block `resample`."""

    def __init__(
        self,
        in_features: int,
        n: int,
        reshape_factor: int,
        *,
        dtype: DTypeLike,
        param_dtype: DTypeLike,
        rngs: nnx.Rngs,
    ) -> None:
        self.reshape_factor = reshape_factor
        self.conv1 = nnx.Conv(
            in_features,
            n,
            (1, 1),
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
        x = self.bn1(self.conv1(x))
        return jnp.repeat(jnp.repeat(x, self.reshape_factor, axis=1), self.reshape_factor, axis=2)


class ResampleSteps1(nnx.Module):
    """The block `resample` with steps=1."""

    def __init__(
        self, in_features: int, n: int, *, dtype: DTypeLike, param_dtype: DTypeLike, rngs: nnx.Rngs
    ) -> None:
        self.conv1 = nnx.Conv(
            in_features,
            n,
            (3, 3),
            strides=2,
            padding=((1, 1), (1, 1)),
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


class HRNetW32(nnx.Module):
    """The network `hrnet_w32`."""

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
        norm = partial(
            nnx.BatchNorm,
            momentum=0.9,
            epsilon=1e-5,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        bottleneck = partial(Bottleneck, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        basic = partial(Basic, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        resample2 = partial(Resample2, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        resample_steps1 = partial(ResampleSteps1, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        resample = partial(Resample, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.conv1 = conv(3, 64, (3, 3), strides=2, padding=((1, 1), (1, 1)), use_bias=False)
        self.bn1 = norm(64)
        self.conv2 = conv(64, 64, (3, 3), strides=2, padding=((1, 1), (1, 1)), use_bias=False)
        self.bn2 = norm(64)
        self.stem = nnx.List([bottleneck(64, n=64), *(bottleneck(256, n=64) for _ in range(3))])
        self.x0_0 = conv(256, 32, (3, 3), padding=((1, 1), (1, 1)), use_bias=False)
        self.x0_0_bn = norm(32)
        self.x0_1 = conv(256, 64, (3, 3), strides=2, padding=((1, 1), (1, 1)), use_bias=False)
        self.x0_1_bn = norm(64)
        self.y0_0 = nnx.List([basic(n=32) for _ in range(4)])
        self.y0_1 = nnx.List([basic(n=64) for _ in range(4)])
        self.resample1 = resample2(64, n=32, reshape_factor=2)
        self.resample2 = resample_steps1(32, n=64)
        self.x1_2 = conv(64, 128, (3, 3), strides=2, padding=((1, 1), (1, 1)), use_bias=False)
        self.x1_2_bn = norm(128)
        self.y1_0 = nnx.List([basic(n=32) for _ in range(4)])
        self.y1_1 = nnx.List([basic(n=64) for _ in range(4)])
        self.y1_2 = nnx.List([basic(n=128) for _ in range(4)])
        self.resample3 = resample2(64, n=32, reshape_factor=2)
        self.resample4 = resample2(128, n=32, reshape_factor=4)
        self.resample5 = resample_steps1(32, n=64)
        self.resample6 = resample2(128, n=64, reshape_factor=2)
        self.resample7 = resample(32, n=128)
        self.resample8 = resample_steps1(64, n=128)
        self.y2_0 = nnx.List([basic(n=32) for _ in range(4)])
        self.y2_1 = nnx.List([basic(n=64) for _ in range(4)])
        self.y2_2 = nnx.List([basic(n=128) for _ in range(4)])
        self.resample9 = resample2(64, n=32, reshape_factor=2)
        self.resample10 = resample2(128, n=32, reshape_factor=4)
        self.resample11 = resample_steps1(32, n=64)
        self.resample12 = resample2(128, n=64, reshape_factor=2)
        self.resample13 = resample(32, n=128)
        self.resample14 = resample_steps1(64, n=128)
        self.y3_0 = nnx.List([basic(n=32) for _ in range(4)])
        self.y3_1 = nnx.List([basic(n=64) for _ in range(4)])
        self.y3_2 = nnx.List([basic(n=128) for _ in range(4)])
        self.resample15 = resample2(64, n=32, reshape_factor=2)
        self.resample16 = resample2(128, n=32, reshape_factor=4)
        self.resample17 = resample_steps1(32, n=64)
        self.resample18 = resample2(128, n=64, reshape_factor=2)
        self.resample19 = resample(32, n=128)
        self.resample20 = resample_steps1(64, n=128)
        self.y4_0 = nnx.List([basic(n=32) for _ in range(4)])
        self.y4_1 = nnx.List([basic(n=64) for _ in range(4)])
        self.y4_2 = nnx.List([basic(n=128) for _ in range(4)])
        self.resample21 = resample2(64, n=32, reshape_factor=2)
        self.resample22 = resample2(128, n=32, reshape_factor=4)
        self.resample23 = resample_steps1(32, n=64)
        self.resample24 = resample2(128, n=64, reshape_factor=2)
        self.resample25 = resample(32, n=128)
        self.resample26 = resample_steps1(64, n=128)
        self.x5_3 = conv(128, 256, (3, 3), strides=2, padding=((1, 1), (1, 1)), use_bias=False)
        self.x5_3_bn = norm(256)
        self.y5_0 = nnx.List([basic(n=32) for _ in range(4)])
        self.y5_1 = nnx.List([basic(n=64) for _ in range(4)])
        self.y5_2 = nnx.List([basic(n=128) for _ in range(4)])
        self.y5_3 = nnx.List([basic(n=256) for _ in range(4)])
        self.resample27 = resample2(64, n=32, reshape_factor=2)
        self.resample28 = resample2(128, n=32, reshape_factor=4)
        self.resample29 = resample2(256, n=32, reshape_factor=8)
        self.resample30 = resample_steps1(32, n=64)
        self.resample31 = resample2(128, n=64, reshape_factor=2)
        self.resample32 = resample2(256, n=64, reshape_factor=4)
        self.resample33 = resample(32, n=128)
        self.resample34 = resample_steps1(64, n=128)
        self.resample35 = resample2(256, n=128, reshape_factor=2)
        self.resample36 = resample(32, n=256, with_conv2=True)
        self.resample37 = resample(64, n=256)
        self.resample38 = resample_steps1(128, n=256)
        self.y6_0 = nnx.List([basic(n=32) for _ in range(4)])
        self.y6_1 = nnx.List([basic(n=64) for _ in range(4)])
        self.y6_2 = nnx.List([basic(n=128) for _ in range(4)])
        self.y6_3 = nnx.List([basic(n=256) for _ in range(4)])
        self.resample39 = resample2(64, n=32, reshape_factor=2)
        self.resample40 = resample2(128, n=32, reshape_factor=4)
        self.resample41 = resample2(256, n=32, reshape_factor=8)
        self.resample42 = resample_steps1(32, n=64)
        self.resample43 = resample2(128, n=64, reshape_factor=2)
        self.resample44 = resample2(256, n=64, reshape_factor=4)
        self.resample45 = resample(32, n=128)
        self.resample46 = resample_steps1(64, n=128)
        self.resample47 = resample2(256, n=128, reshape_factor=2)
        self.resample48 = resample(32, n=256, with_conv2=True)
        self.resample49 = resample(64, n=256)
        self.resample50 = resample_steps1(128, n=256)
        self.y7_0 = nnx.List([basic(n=32) for _ in range(4)])
        self.y7_1 = nnx.List([basic(n=64) for _ in range(4)])
        self.y7_2 = nnx.List([basic(n=128) for _ in range(4)])
        self.y7_3 = nnx.List([basic(n=256) for _ in range(4)])
        self.resample51 = resample2(64, n=32, reshape_factor=2)
        self.resample52 = resample2(128, n=32, reshape_factor=4)
        self.resample53 = resample2(256, n=32, reshape_factor=8)
        self.resample54 = resample_steps1(32, n=64)
        self.resample55 = resample2(128, n=64, reshape_factor=2)
        self.resample56 = resample2(256, n=64, reshape_factor=4)
        self.resample57 = resample(32, n=128)
        self.resample58 = resample_steps1(64, n=128)
        self.resample59 = resample2(256, n=128, reshape_factor=2)
        self.resample60 = resample(32, n=256, with_conv2=True)
        self.resample61 = resample(64, n=256)
        self.resample62 = resample_steps1(128, n=256)
        self.bottleneck1 = bottleneck(32, n=32)
        self.conv3 = conv(128, 256, (3, 3), strides=2, padding=((1, 1), (1, 1)))
        self.bn3 = norm(256)
        self.bottleneck2 = bottleneck(64, n=64)
        self.conv4 = conv(256, 512, (3, 3), strides=2, padding=((1, 1), (1, 1)))
        self.bn4 = norm(512)
        self.bottleneck3 = bottleneck(128, n=128)
        self.conv5 = conv(512, 1024, (3, 3), strides=2, padding=((1, 1), (1, 1)))
        self.bn5 = norm(1024)
        self.bottleneck4 = bottleneck(256, n=256)
        self.conv6 = conv(1024, 2048, (1, 1))
        self.bn6 = norm(2048)
        self.fc1 = nnx.Linear(2048, classes, dtype=dtype, param_dtype=param_dtype, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = nnx.relu(self.bn1(self.conv1(x)))  # 112x112x64
        x = nnx.relu(self.bn2(self.conv2(x)))  # 56x56x64
        stem = x
        for bottleneck in self.stem:  # 56x56x256
            stem = bottleneck(stem)
        x = nnx.relu(self.x0_0_bn(self.x0_0(stem)))  # 56x56x32
        y = nnx.relu(self.x0_1_bn(self.x0_1(stem)))  # 28x28x64
        y0_0 = x
        for basic in self.y0_0:  # 56x56x32
            y0_0 = basic(y0_0)
        y0_1 = y
        for basic in self.y0_1:  # 28x28x64
            y0_1 = basic(y0_1)
        x = nnx.relu(y0_0 + self.resample1(y0_1))  # 56x56x32
        x1_1 = nnx.relu(self.resample2(y0_0) + y0_1)  # 28x28x64
        y = nnx.relu(self.x1_2_bn(self.x1_2(x1_1)))  # 14x14x128
        y1_0 = x
        for basic in self.y1_0:  # 56x56x32
            y1_0 = basic(y1_0)
        y1_1 = x1_1
        for basic in self.y1_1:  # 28x28x64
            y1_1 = basic(y1_1)
        y1_2 = y
        for basic in self.y1_2:  # 14x14x128
            y1_2 = basic(y1_2)
        x = nnx.relu(y1_0 + self.resample3(y1_1) + self.resample4(y1_2))  # 56x56x32
        y = nnx.relu(self.resample5(y1_0) + y1_1 + self.resample6(y1_2))  # 28x28x64
        z = nnx.relu(self.resample7(y1_0) + self.resample8(y1_1) + y1_2)  # 14x14x128
        y2_0 = x
        for basic in self.y2_0:  # 56x56x32
            y2_0 = basic(y2_0)
        y2_1 = y
        for basic in self.y2_1:  # 28x28x64
            y2_1 = basic(y2_1)
        y2_2 = z
        for basic in self.y2_2:  # 14x14x128
            y2_2 = basic(y2_2)
        x = nnx.relu(y2_0 + self.resample9(y2_1) + self.resample10(y2_2))  # 56x56x32
        y = nnx.relu(self.resample11(y2_0) + y2_1 + self.resample12(y2_2))  # 28x28x64
        z = nnx.relu(self.resample13(y2_0) + self.resample14(y2_1) + y2_2)  # 14x14x128
        y3_0 = x
        for basic in self.y3_0:  # 56x56x32
            y3_0 = basic(y3_0)
        y3_1 = y
        for basic in self.y3_1:  # 28x28x64
            y3_1 = basic(y3_1)
        y3_2 = z
        for basic in self.y3_2:  # 14x14x128
            y3_2 = basic(y3_2)
        x = nnx.relu(y3_0 + self.resample15(y3_1) + self.resample16(y3_2))  # 56x56x32
        y = nnx.relu(self.resample17(y3_0) + y3_1 + self.resample18(y3_2))  # 28x28x64
        z = nnx.relu(self.resample19(y3_0) + self.resample20(y3_1) + y3_2)  # 14x14x128
        y4_0 = x
        for basic in self.y4_0:  # 56x56x32
            y4_0 = basic(y4_0)
        y4_1 = y
        for basic in self.y4_1:  # 28x28x64
            y4_1 = basic(y4_1)
        y4_2 = z
        for basic in self.y4_2:  # 14x14x128
            y4_2 = basic(y4_2)
        x = nnx.relu(y4_0 + self.resample21(y4_1) + self.resample22(y4_2))  # 56x56x32
        y = nnx.relu(self.resample23(y4_0) + y4_1 + self.resample24(y4_2))  # 28x28x64
        x5_2 = nnx.relu(self.resample25(y4_0) + self.resample26(y4_1) + y4_2)  # 14x14x128
        z = nnx.relu(self.x5_3_bn(self.x5_3(x5_2)))  # 7x7x256
        y5_0 = x
        for basic in self.y5_0:  # 56x56x32
            y5_0 = basic(y5_0)
        y5_1 = y
        for basic in self.y5_1:  # 28x28x64
            y5_1 = basic(y5_1)
        y5_2 = x5_2
        for basic in self.y5_2:  # 14x14x128
            y5_2 = basic(y5_2)
        y5_3 = z
        for basic in self.y5_3:  # 7x7x256
            y5_3 = basic(y5_3)
        x = self.resample29(y5_3)  # 56x56x32
        x = nnx.relu(y5_0 + self.resample27(y5_1) + self.resample28(y5_2) + x)
        y = self.resample32(y5_3)  # 28x28x64
        y = nnx.relu(self.resample30(y5_0) + y5_1 + self.resample31(y5_2) + y)
        z = self.resample35(y5_3)  # 14x14x128
        z = nnx.relu(self.resample33(y5_0) + self.resample34(y5_1) + y5_2 + z)
        u = self.resample38(y5_2)  # 7x7x256
        u = nnx.relu(self.resample36(y5_0) + self.resample37(y5_1) + u + y5_3)
        y6_0 = x
        for basic in self.y6_0:  # 56x56x32
            y6_0 = basic(y6_0)
        y6_1 = y
        for basic in self.y6_1:  # 28x28x64
            y6_1 = basic(y6_1)
        y6_2 = z
        for basic in self.y6_2:  # 14x14x128
            y6_2 = basic(y6_2)
        y6_3 = u
        for basic in self.y6_3:  # 7x7x256
            y6_3 = basic(y6_3)
        x = self.resample41(y6_3)  # 56x56x32
        x = nnx.relu(y6_0 + self.resample39(y6_1) + self.resample40(y6_2) + x)
        y = self.resample44(y6_3)  # 28x28x64
        y = nnx.relu(self.resample42(y6_0) + y6_1 + self.resample43(y6_2) + y)
        z = self.resample47(y6_3)  # 14x14x128
        z = nnx.relu(self.resample45(y6_0) + self.resample46(y6_1) + y6_2 + z)
        u = self.resample50(y6_2)  # 7x7x256
        u = nnx.relu(self.resample48(y6_0) + self.resample49(y6_1) + u + y6_3)
        y7_0 = x
        for basic in self.y7_0:  # 56x56x32
            y7_0 = basic(y7_0)
        y7_1 = y
        for basic in self.y7_1:  # 28x28x64
            y7_1 = basic(y7_1)
        y7_2 = z
        for basic in self.y7_2:  # 14x14x128
            y7_2 = basic(y7_2)
        y7_3 = u
        for basic in self.y7_3:  # 7x7x256
            y7_3 = basic(y7_3)
        shortcut = self.resample53(y7_3)  # 56x56x32
        shortcut = nnx.relu(y7_0 + self.resample51(y7_1) + self.resample52(y7_2) + shortcut)
        x = self.resample56(y7_3)  # 28x28x64
        x = nnx.relu(self.resample54(y7_0) + y7_1 + self.resample55(y7_2) + x)
        y = self.resample59(y7_3)  # 14x14x128
        y = nnx.relu(self.resample57(y7_0) + self.resample58(y7_1) + y7_2 + y)
        z = self.resample62(y7_2)  # 7x7x256
        z = nnx.relu(self.resample60(y7_0) + self.resample61(y7_1) + z + y7_3)
        shortcut = self.bottleneck1(shortcut)  # 56x56x128
        shortcut = nnx.relu(self.bn3(self.conv3(shortcut))) + self.bottleneck2(x)  # 28x28x256
        shortcut = nnx.relu(self.bn4(self.conv4(shortcut))) + self.bottleneck3(y)  # 14x14x512
        x = nnx.relu(self.bn5(self.conv5(shortcut))) + self.bottleneck4(z)  # 7x7x1024
        x = nnx.relu(self.bn6(self.conv6(x)))  # 7x7x2048
        x = jnp.mean(x, axis=(1, 2))  # 2048
        return nnx.softmax(self.fc1(x))


def create(seed: int = 0, **options: Any) -> HRNetW32:
    """A model with new weights, in a fraction of the time that `HRNetW32(...)` takes.

    The weights are drawn with NumPy, from the distributions that the constructor uses.
    """

    def skeleton() -> HRNetW32:
        rngs = nnx.Rngs(seed)
        rngs.default = OneKey(seed, tag="default")
        return HRNetW32(**options, rngs=rngs)

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
