"""The judge is judged: the interpreter on PyTorch against PyTorch's own arguments for the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from torch.nn import functional as F  # noqa: E402

from cnndsl.graph import Graph, Module, Node, Output, Value  # noqa: E402
from cnndsl.op import Op  # noqa: E402
from cnndsl.ops.conv import Conv, Deconv, DwConv, Local  # noqa: E402
from cnndsl.ops.norm import Bn, Gn, Lrn  # noqa: E402
from cnndsl.ops.pool import AvgPool, MaxPool  # noqa: E402
from cnndsl.ops.reshape import DepthToSpace, Flatten, SpaceToDepth, Upsample  # noqa: E402
from cnndsl.types import TensorType  # noqa: E402
from cnndsl.window import Padding, Window  # noqa: E402
from tests.properties.effort import examples  # noqa: E402
from tests.support import reference  # noqa: E402
from tests.support.weights import random_weights  # noqa: E402

pair = st.tuples(st.integers(1, 4), st.integers(1, 4))
strides = st.tuples(st.integers(1, 3), st.integers(1, 3))
dilations = st.tuples(st.integers(1, 2), st.integers(1, 2))


def apply(op: Op, x: np.ndarray) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """The operator alone on channels-last values; its result channels first, and its weights."""
    type = TensorType(x.shape[1:])
    outputs = tuple(Value(f"y{i}", t) for i, t in enumerate(op.infer(type)))
    node = Node("y", op, ("x",), outputs)
    graph = Graph("m", "m", (), (Value("x", type),), (node,), (Output("output", "y0"),))
    module = Module("m", (graph,))
    weights = random_weights(module, 1)
    result = torch.tensor(reference.run(module, weights, x)["output"])
    roles = {role: torch.tensor(w, dtype=torch.float64) for (_, role), w in weights.items()}
    return result.permute(0, 3, 1, 2) if result.ndim == 4 else result, roles


def image(height: int, width: int, channels: int = 4) -> tuple[np.ndarray, torch.Tensor]:
    x = np.random.default_rng(0).normal(size=(2, height, width, channels))
    return x, torch.tensor(x).permute(0, 3, 1, 2)


def assert_equal(found: torch.Tensor, expected: torch.Tensor) -> None:
    assert found.shape == expected.shape
    assert torch.allclose(found, expected, rtol=1e-12, atol=1e-12)


@examples(60)
@given(pair, strides, dilations, st.integers(0, 2), st.sampled_from([1, 2, 4]))
def test_convolutions(size, stride, dilation, pad, groups) -> None:  # type: ignore[no-untyped-def]
    x, nchw = image(9, 8)
    op = Conv(Window(*size, *stride), 8, Padding(pad, pad, pad, pad), dilation, groups)
    found, roles = apply(op, x)
    kernel = roles["kernel"].permute(3, 2, 0, 1)
    expected = F.conv2d(nchw, kernel, roles["bias"], stride, pad, dilation, groups)
    assert_equal(found, expected)


@examples(20)
@given(pair, strides, st.integers(1, 3))
def test_depthwise_convolutions(size, stride, multiplier) -> None:  # type: ignore[no-untyped-def]
    """Each input channel by itself, its outputs side by side."""
    x, nchw = image(9, 8)
    found, roles = apply(DwConv(Window(*size, *stride), multiplier, Padding()), x)
    parts = [
        F.conv2d(
            nchw[:, c : c + 1],
            roles["kernel"][..., c * multiplier : (c + 1) * multiplier].permute(3, 2, 0, 1),
            roles["bias"][c * multiplier : (c + 1) * multiplier],
            stride,
        )
        for c in range(4)
    ]
    assert_equal(found, torch.cat(parts, dim=1))


@examples(80)
@given(pair, strides, dilations, st.integers(0, 2), st.sampled_from([1, 2]), st.data())
def test_transposed_convolutions(size, stride, dilation, pad, groups, data) -> None:  # type: ignore[no-untyped-def]
    """With PyTorch's own padding, `output_padding` and groups."""
    x, nchw = image(5, 6)
    limits = [max(s, d) - 1 for s, d in zip(stride, dilation, strict=True)]
    extra = tuple(data.draw(st.integers(0, limit)) for limit in limits)
    spans = [(k - 1) * d + 1 for k, d in zip(size, dilation, strict=True)]
    assume(all(span + s > 2 * pad + 1 for span, s in zip(spans, stride, strict=True)))
    op = Deconv(Window(*size, *stride), 6, Padding(pad, pad, pad, pad), extra, dilation, groups)
    found, roles = apply(op, x)
    halves = roles["kernel"].chunk(groups, dim=3)
    kernel = torch.cat([half.permute(2, 3, 0, 1) for half in halves])
    expected = F.conv_transpose2d(
        nchw, kernel, roles["bias"], stride, pad, extra, groups, dilation
    )
    assert_equal(found, expected)


@examples(80)
@given(pair, strides, dilations, st.booleans(), st.booleans())
def test_pools(size, stride, dilation, ceil, include) -> None:  # type: ignore[no-untyped-def]
    x, nchw = image(9, 8)
    half = size[0] // 2, size[1] // 2
    sides = Padding(half[0], half[0], half[1], half[1])
    rounding = "ceil" if ceil else "floor"
    window = Window(*size, *stride)
    found, _ = apply(MaxPool(window, sides, dilation, rounding), x)
    assert_equal(found, F.max_pool2d(nchw, size, stride, half, dilation, ceil))
    found, _ = apply(AvgPool(window, sides, rounding, include), x)
    assert_equal(found, F.avg_pool2d(nchw, size, stride, half, ceil, include))


@examples(40)
@given(pair, strides, st.integers(0, 2))
def test_locally_connected(size, stride, pad) -> None:  # type: ignore[no-untyped-def]
    x, nchw = image(9, 8)
    found, roles = apply(Local(Window(*size, *stride), 5, Padding(pad, pad, pad, pad)), x)
    nchw = F.pad(nchw, (pad,) * 4)
    for i in range(found.shape[2]):
        for j in range(found.shape[3]):
            seen = nchw[:, :, i * stride[0] :, j * stride[1] :][:, :, : size[0], : size[1]]
            kernel, bias = roles["kernel"][i, j].permute(3, 2, 0, 1), roles["bias"][i, j]
            assert_equal(found[:, :, i : i + 1, j : j + 1], F.conv2d(seen, kernel, bias))


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_squares_of_positions(factor: int) -> None:
    """Each order by its definition, and each of the two operators undone by the other."""
    for order, shape in (("crd", (2, factor, factor)), ("dcr", (factor, factor, 2))):
        x, nchw = image(3, 2, 2 * factor**2)
        split = nchw.reshape(2, *shape, 3, 2)
        if order == "dcr":
            split = split.movedim(3, 1)
        expected = split.permute(0, 1, 4, 2, 5, 3).reshape(2, 2, 3 * factor, 2 * factor)
        found, _ = apply(DepthToSpace(factor, order), x)  # type: ignore[arg-type]
        assert_equal(found, expected)
        back, _ = apply(SpaceToDepth(factor, order), found.permute(0, 2, 3, 1).numpy())  # type: ignore[arg-type]
        assert_equal(back, nchw)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("corners", [False, True])
def test_interpolation(mode: str, corners: bool) -> None:
    x, nchw = image(5, 6)
    found, _ = apply(Upsample((2, 3), mode, corners), x)
    expected = F.interpolate(nchw, scale_factor=(2, 3), mode=mode, align_corners=corners)
    assert_equal(found, expected)


def test_nearest_neighbours_by_a_factor() -> None:
    x, nchw = image(5, 6)
    found, _ = apply(Upsample((2, 3)), x)
    assert_equal(found, F.interpolate(nchw, scale_factor=(2, 3)))


def test_nearest_neighbours_are_exact_where_torch_rounds() -> None:
    """Up to 64 elements, PyTorch's float32 differs from ⌊i·n / m⌋ for few sizes, by one."""
    wrong = 0
    for n in range(1, 65):
        data = torch.arange(n, dtype=torch.float64)[None, None]
        for m in range(1, 65):
            ours = torch.tensor(reference.nearest(n, m), dtype=torch.float64)
            theirs = F.interpolate(data, m)[0, 0]
            wrong += not torch.equal(ours, theirs)
            assert (ours - theirs).abs().max() <= 1
    assert wrong < 64 * 64 / 50


def test_normalisations() -> None:
    x, nchw = image(5, 6, 8)
    found, roles = apply(Bn(eps=1e-3), x)
    affine = roles["scale"], roles["shift"]
    expected = F.batch_norm(nchw, roles["mean"], roles["variance"], *affine, eps=1e-3)
    assert_equal(found, expected)
    found, roles = apply(Gn(4, 1e-3), x)
    assert_equal(found, F.group_norm(nchw, 4, roles["scale"], roles["shift"], 1e-3))
    found, _ = apply(Lrn(4, 0.5, 0.75, 2.0), x)
    assert_equal(found, F.local_response_norm(nchw, 4, 0.5, 0.75, 2.0))
    found, _ = apply(Lrn(5, 0.1, 0.75, 1.0, "sum"), x)
    squares = F.pad(nchw**2, (0, 0, 0, 0, 2, 2))
    sums = torch.stack([squares[:, i : i + 5].sum(dim=1) for i in range(8)], dim=1)
    assert_equal(found, nchw / (1 + 0.1 * sums) ** 0.75)


def test_flatten_orders() -> None:
    x, nchw = image(3, 4, 2)
    assert_equal(apply(Flatten("chw"), x)[0], nchw.flatten(1))
    assert_equal(apply(Flatten("hwc"), x)[0], torch.tensor(x).flatten(1))
