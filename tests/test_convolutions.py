"""Convolutions: shapes, weights and costs by hand, and what they refuse."""

from __future__ import annotations

import pytest

from cnndsl.op import Op, ShapeError
from cnndsl.ops.conv import Conv, Deconv, DwConv, Local
from cnndsl.symbol import variable
from cnndsl.types import TensorType, map_type
from cnndsl.window import Axis, Padding, Window

H = variable("H")
X = map_type(8, 6, 4)
ONE = Padding(1, 1, 1, 1)


def weights(op: Op, x: TensorType = X) -> dict[str, tuple[int, ...]]:
    return {weight.name: weight.shape for weight in op.weights(x)}


def test_conv() -> None:
    op = Conv(Window(3, 3, 2, 1), 10, groups=2)
    assert op.infer(X) == (map_type(4, 6, 10),)
    assert weights(op) == {"kernel": (3, 3, 2, 10), "bias": (10,)}
    rows, columns = 2 + 3 + 3 + 3, 2 + 3 + 3 + 3 + 3 + 2  # taps that are no padding
    assert op.work(X) == {
        "mac": 4 * 6 * 9 * 2 * 10, "mac.real": rows * columns * 2 * 10, "bias": 4 * 6 * 10,
    }  # fmt: skip
    assert weights(Conv(Window(1, 1), 10, bias=False)) == {"kernel": (1, 1, 4, 10)}
    assert "bias" not in Conv(Window(1, 1), 10, bias=False).work(X)


def test_dwconv() -> None:
    op = DwConv(Window(3, 3, 2, 2), 3)
    assert op.infer(X) == (map_type(4, 3, 12),)
    assert weights(op) == {"kernel": (3, 3, 1, 12), "bias": (12,)}
    assert op.work(X) == {
        "mac": 4 * 3 * 9 * 12, "mac.real": (2 + 3 * 3) * (2 + 3 + 3) * 12, "bias": 4 * 3 * 12,
    }  # fmt: skip
    assert DwConv(Window(3, 3)).infer(X) == (X,)


def test_deconv() -> None:
    op = Deconv(Window(4, 2, 2, 2), 10, pad=Padding(1, 1, 0, 0), groups=2)
    assert op.infer(X) == (map_type(16, 12, 10),)
    assert op.formulas(X) == ("(8 − 1) · 2 − 1 − 1 + 4 = 16", "(6 − 1) · 2 + 2 = 12")
    assert weights(op) == {"kernel": (4, 2, 2, 10), "bias": (10,)}
    assert op.work(X) == {
        "mac": 8 * 6 * 8 * 2 * 10, "mac.real": (8 * 4 - 2) * (6 * 2) * 2 * 10, "bias": 16 * 12 * 10,
    }  # fmt: skip
    assert "bias" not in Deconv(Window(2, 2), 10, bias=False).work(X)
    assert Deconv(Window(3, 3), 2, output_padding=(1, 0)).infer(X) == (map_type(11, 8, 2),)
    assert op.axes(X) is None


@pytest.mark.parametrize(
    ("window", "dilation", "pad"),
    [
        (Window(4, 4, 2, 2), (1, 1), ONE),
        (Window(3, 3, 2, 2), (1, 1), Padding(0, 1, 0, 1)),
        (Window(1, 2, 2, 2), (1, 1), Padding(0, -1, 0, 0)),
        (Window(3, 2, 2, 1), (2, 3), Padding(1, 2, 1, 2)),
    ],
)
def test_same_multiplies_by_the_stride(
    window: Window, dilation: tuple[int, int], pad: Padding
) -> None:
    op = Deconv(window, 5, pad="same", dilation=dilation)
    assert op.canonical(X).pad == pad
    assert op.infer(X) == (map_type(8 * window.stride_h, 6 * window.stride_w, 5),)


def test_local() -> None:
    op = Local(Window(3, 3), 5, pad="valid")
    assert op.infer(X) == (map_type(6, 4, 5),)
    assert weights(op) == {"kernel": (6, 4, 3, 3, 4, 5), "bias": (6, 4, 5)}
    assert op.work(X) == {
        "mac": 6 * 4 * 9 * 4 * 5, "mac.real": 6 * 4 * 9 * 4 * 5, "bias": 6 * 4 * 5,
    }  # fmt: skip
    assert weights(Local(Window(3, 3), 5, bias=False)) == {"kernel": (8, 6, 3, 3, 4, 5)}
    assert Local(Window(3, 3), 5).canonical(X) == Local(Window(3, 3), 5, pad=ONE, bias=True)
    assert Local(Window(3, 3), 5, bias=False).canonical(X).bias is False


def test_a_vector_is_a_map_of_one_element() -> None:
    x = TensorType((4,))
    for dense in (Conv(Window(1, 1), 10), Deconv(Window(1, 1), 10), Local(Window(1, 1), 10)):
        assert dense.infer(x) == (map_type(1, 1, 10),)
        assert dense.work(x)["mac"] == 40
    depthwise = DwConv(Window(1, 1))
    assert depthwise.infer(x) == (map_type(1, 1, 4),)
    assert depthwise.work(x)["mac"] == 4


@pytest.mark.parametrize("make", [Conv, DwConv, Local])
def test_words_for_paddings(make: type[Conv]) -> None:
    op = make(Window(3, 5), 4)
    assert op.pad == "half"
    assert op.canonical(X).pad == Padding(1, 1, 2, 2)
    assert op.axes(X) == (Axis(1, 1, 1, 0b111), Axis(1, 2, 2, 0b11111))
    given = make(Window(3, 3), 4, pad=ONE)
    assert given.canonical(X).pad == ONE
    if make is not Local:
        dilated = make(Window(3, 3), 4, dilation=(2, 1))
        assert dilated.canonical(X).pad == Padding(2, 2, 1, 1)
        assert dilated.axes(X) == (Axis(1, 2, 2, 0b10101), Axis(1, 1, 1, 0b111))
        assert given.canonical(X) is given


def test_what_nothing_is_said_about() -> None:
    conv, dwconv, deconv = Conv(Window(3, 3), 4), DwConv(Window(3, 3)), Deconv(Window(3, 3), 4)
    assert (conv.dilation, conv.groups, conv.bias) == ((1, 1), 1, None)
    assert (dwconv.dilation, dwconv.multiplier, dwconv.bias) == ((1, 1), 1, None)
    assert (deconv.dilation, deconv.groups, deconv.bias) == ((1, 1), 1, None)
    assert (deconv.pad, deconv.output_padding) == (Padding(), (0, 0))


@pytest.mark.parametrize(
    ("op", "x", "code", "message"),
    [
        (Conv(Window(3, 3), 10, groups=3), X, "E0305",
         "4 input channels cannot be divided into 3 equal groups"),
        (Deconv(Window(3, 3), 9, groups=2), X, "E0305",
         "9 output channels cannot be divided into 2 equal groups"),
        (Deconv(Window(2, 2), 4, pad=Padding(5, 5, 0, 0)), X, "E0303",
         "the padding of `deconv` cuts the whole result off"),
        (Deconv(Window(2, 2), 4, pad=Padding(0, 0, 4, 3)), X, "E0303",
         "the padding of `deconv` cuts the whole result off"),
        (Local(Window(3, 3), 4), map_type(H, 6, 4), "E0310",
         "`local` needs a map of known size, not Hx6x4"),
        (Conv(Window(1, 1), 4), TensorType((50, 4)), "E0306",
         "`conv` needs a map (height × width × channels), not the sequence 50x4"),
    ],
)  # fmt: skip
def test_what_does_not_fit(op: Op, x: TensorType, code: str, message: str) -> None:
    with pytest.raises(ShapeError) as caught:
        op.infer(x)
    problem = caught.value
    assert (problem.code, problem.message, problem.argument) == (code, message, 0)


def test_a_result_of_one_element_is_left() -> None:
    op = Deconv(Window(2, 2), 4, pad=Padding(4, 4, 3, 3))
    assert op.infer(X) == (map_type(1, 1, 4),)
    assert Deconv(Window(2, 2, 2, 2), 4).infer(map_type(H, 6, 4)) == (map_type(2 * H, 12, 4),)


def test_all_have_weights() -> None:
    assert all(op.weighted for op in (Conv, DwConv, Deconv, Local))


def test_the_size_that_nothing_is_left_of() -> None:
    with pytest.raises(ShapeError) as caught:
        Deconv(Window(2, 2), 4, pad=Padding(5, 5, 0, 0)).infer(X)
    assert caught.value.notes == ("the output would be -1x7",)
