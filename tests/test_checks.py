"""What operators ask of their inputs, and how sizes follow from sizes."""

from __future__ import annotations

import pytest

from cnndsl.op import ShapeError
from cnndsl.ops.activation import Gelu, LeakyRelu
from cnndsl.ops.checks import check_divisible, check_map, kind
from cnndsl.ops.conv import Conv
from cnndsl.ops.linear import Fc
from cnndsl.ops.norm import Bn, Gn, LayerScale, Ln, Lrn
from cnndsl.ops.pool import AvgPool, MaxPool
from cnndsl.ops.regular import Dropout, DropPath
from cnndsl.types import TensorType, map_type
from cnndsl.window import Axis, Padding, Window


def test_types_in_words() -> None:
    words = {
        TensorType((2048,)): "the vector 2048",
        TensorType((196, 768)): "the sequence 196x768",
        TensorType((7, 7, 512)): "the map 7x7x512",
        TensorType((2, 7, 7, 512)): "the tensor 2x7x7x512",
    }
    assert {type: kind(type) for type in words} == words


def test_a_map_is_needed() -> None:
    check_map("maxpool", map_type(4, 4, 8))
    with pytest.raises(ShapeError) as caught:
        check_map("maxpool", TensorType((2048,)))
    problem = caught.value
    assert (problem.code, problem.argument) == ("E0306", 0)
    assert (
        problem.message == "`maxpool` needs a map (height × width × channels), not the vector 2048"
    )


@pytest.mark.parametrize(
    ("channels", "groups", "help"),
    [
        (
            12,
            5,
            "12 can be divided into 2, 3, 4, 6 groups; 10 and 15 channels can be divided into 5",
        ),
        (7, 2, "7 can be divided into 1, 7 groups; 6 and 8 channels can be divided into 2"),
        (3, 4, "3 can be divided into 1, 3 groups; 4 channels can be divided into 4"),
    ],
)
def test_channels_that_cannot_be_divided(channels: int, groups: int, help: str) -> None:
    check_divisible(groups * 3, groups)
    with pytest.raises(ShapeError) as caught:
        check_divisible(channels, groups, "input")
    problem = caught.value
    assert (problem.code, problem.argument, problem.help) == ("E0305", 0, (help,))
    assert (
        problem.message == f"{channels} input channels cannot be divided into {groups} equal groups"
    )


def test_formulas_are_those_of_each_axis() -> None:
    height, width = Conv(Window(3, 5, 2, 1), 8).formulas(map_type(10, 20, 3)) or ("", "")
    assert height == "⌊(10 + 2·1 − 3) / 2⌋ + 1 = 5"
    assert width == "20 + 2·2 − 5 + 1 = 20"


def test_pools_are_pytorchs_where_nothing_else_is_said() -> None:
    for pool in (MaxPool(Window(2, 2)), AvgPool(Window(2, 2))):
        assert (pool.pad, pool.rounding) == (Padding(), "floor")
    assert AvgPool(Window(2, 2)).count_include_pad


def test_a_fully_connected_layer_reads_each_place_of_a_sequence_alone() -> None:
    assert Fc(10).axes(TensorType((50, 768))) == (Axis(), Axis())
    assert Fc(10).axes(TensorType((768,))) is None
    with pytest.raises(ShapeError) as caught:
        Fc(10).infer(map_type(7, 7, 512))
    assert (caught.value.code, caught.value.argument) == ("E0306", 0)
    assert [help.split("`")[1] for help in caught.value.help] == ["flatten", "globalavgpool"]  # type: ignore[union-attr]


def test_norms_are_pytorchs_where_nothing_else_is_said() -> None:
    nn = pytest.importorskip("torch").nn
    batch, layer = nn.BatchNorm2d(4), nn.LayerNorm(4)
    group, local = nn.GroupNorm(2, 4), nn.LocalResponseNorm(5)
    assert (Bn().eps, Bn().momentum) == (batch.eps, batch.momentum)
    assert (Bn().scale, Bn().shift) == (batch.affine, batch.affine)
    assert (Ln().eps, Ln().scale, Ln().shift) == (layer.eps, True, True)
    assert (Gn(2).eps, Gn(2).scale, Gn(2).shift) == (group.eps, group.affine, group.affine)
    lrn = Lrn()
    assert (lrn.size, lrn.alpha, lrn.beta, lrn.k) == (local.size, local.alpha, local.beta, local.k)
    assert lrn.mode == "mean"  # PyTorch divides alpha by the size
    assert LayerScale().init == 1e-6


def test_activations_are_pytorchs_where_nothing_else_is_said() -> None:
    nn = pytest.importorskip("torch").nn
    assert LeakyRelu().slope == nn.LeakyReLU().negative_slope
    assert Gelu().approximate is (nn.GELU().approximate != "none")
    assert Dropout().rate == DropPath().rate == nn.Dropout().p
