"""Operators that move elements: shapes and costs by hand, and what they refuse."""

from __future__ import annotations

import pytest

from cnndsl.op import Op, ShapeError
from cnndsl.ops.reshape import (
    ConstantPad,
    Crop,
    DepthToSpace,
    Flatten,
    Identity,
    PadChannels,
    Shuffle,
    SpaceToDepth,
    Split,
    Upsample,
)
from cnndsl.symbol import variable
from cnndsl.types import TensorType, map_type
from cnndsl.window import Axis, Padding

H, W = variable("H"), variable("W")
X = map_type(6, 4, 12)
SIDES = Padding(1, 2, 3, 4)


@pytest.mark.parametrize(
    ("op", "shapes"),
    [
        (Flatten(), [(288,)]),
        (ConstantPad(SIDES), [(9, 11, 12)]),
        (Crop(Padding(1, 2, 0, 3)), [(3, 1, 12)]),
        (PadChannels(12), [(6, 4, 12)]),
        (PadChannels(20), [(6, 4, 20)]),
        (DepthToSpace(2), [(12, 8, 3)]),
        (SpaceToDepth(2), [(3, 2, 48)]),
        (Shuffle(3), [(6, 4, 12)]),
        (Split((3,)), [(6, 4, 4)] * 3),
        (Split((5, 7)), [(6, 4, 5), (6, 4, 7)]),
        (Split(), [(6, 4, 6)] * 2),
    ],
)  # fmt: skip
def test_every_element_of_the_output_is_moved(op: Op, shapes: list[tuple[int, ...]]) -> None:
    found = op.infer(X)
    assert [type.shape for type in found] == shapes
    assert op.work(X) == {"move": sum(int(type.elements) for type in found)}


def test_maps_are_resized() -> None:
    assert Upsample().infer(X) == (map_type(12, 8, 12),)
    assert Upsample((3, 1)).infer(X) == (map_type(18, 4, 12),)
    assert Upsample(size=(7, 5), mode="bicubic").infer(X) == (map_type(7, 5, 12),)
    assert Upsample((3, 1)).work(X) == {"resize": 18 * 4 * 12}
    assert Upsample((3, 1)).formulas(X) == ("6 · 3 = 18", "4 · 1 = 4")
    assert Upsample(size=(7, 5)).formulas(X) is None
    assert DepthToSpace(2).formulas(X) == ("6 · 2 = 12", "4 · 2 = 8")


def test_what_nothing_is_said_about() -> None:
    assert (Flatten().order, ConstantPad(SIDES).value) == ("hwc", 0.0)
    upsample = Upsample()
    assert (upsample.mode, upsample.align_corners, upsample.size) == ("nearest", False, None)
    assert DepthToSpace(2).order == SpaceToDepth(2).order == "crd"
    assert Identity().infer(X) == (X,)


def test_what_each_output_reads() -> None:
    assert ConstantPad(SIDES).axes(X) == (Axis(lo=1, hi=2), Axis(lo=3, hi=4))
    assert Crop(SIDES).axes(X) == (Axis(lo=-1, hi=-2), Axis(lo=-3, hi=-4))
    assert SpaceToDepth(3).axes(X) == (Axis(3, taps=0b111), Axis(3, taps=0b111))
    assert Shuffle(3).axes(X) == PadChannels(20).axes(X) == (Axis(), Axis())
    for op in (Flatten(), Upsample(), DepthToSpace(2)):
        assert op.axes(X) is None


def test_squares_of_three() -> None:
    assert SpaceToDepth(3).infer(map_type(6, 9, 2)) == (map_type(2, 3, 18),)
    assert DepthToSpace(3).infer(map_type(2, 3, 18)) == (map_type(6, 9, 2),)


def test_sizes_that_are_not_known_must_be_multiples() -> None:
    square = SpaceToDepth(2)
    assert square.equations(map_type(H, W, 3)) == ((H // 2 * 2, H), (W // 2 * 2, W))
    assert square.equations(map_type(H, H, 3)) == ((H // 2 * 2, H),)
    assert square.equations(X) == ()
    assert square.infer(map_type(H, 4, 3)) == (map_type(H // 2, 2, 12),)
    assert Crop(Padding(1, 1, 1, 1)).infer(map_type(H, 4, 3)) == (map_type(H - 2, 2, 3),)


@pytest.mark.parametrize(
    ("op", "x", "code", "message", "note", "help"),
    [
        (Flatten(), map_type(H, 4, 3), "E0310",
         "`flatten` needs a map of known size, not Hx4x3", None,
         "`globalavgpool` gives a vector from maps of every size"),
        (Crop(Padding(3, 3, 0, 0)), X, "E0303",
         "`crop 3x0` leaves nothing of the map 6x4x12", "height: 6 without 6 is 0",
         "crop less than 6 rows or columns in all"),
        (Crop(Padding(0, 0, 2, 3)), X, "E0303",
         "`crop [0, 0, 2, 3]` leaves nothing of the map 6x4x12", "width: 4 without 5 is -1",
         "crop less than 4 rows or columns in all"),
        (PadChannels(11), X, "E0304",
         "`pad_channels` to 11 channels, but there are 12 already", None,
         "its argument is the total: at least 12"),
        (DepthToSpace(3), X, "E0305",
         "`depth_to_space 3` needs a multiple of 9 channels, not 12", None,
         "9 channels would become 1, 18 would become 2"),
        (DepthToSpace(4), X, "E0305",
         "`depth_to_space 4` needs a multiple of 16 channels, not 12", None,
         "16 channels would become 1"),
        (SpaceToDepth(3), X, "E0304",
         "`space_to_depth 3` cannot divide the map 6x4x12 into squares", "width 4 = 3 · 1 + 1",
         "first `crop` the map to 6x3, or `pad` it to 6x6"),
        (SpaceToDepth(4), X, "E0304",
         "`space_to_depth 4` cannot divide the map 6x4x12 into squares", "height 6 = 4 · 1 + 2",
         "first `crop` the map to 4x4, or `pad` it to 8x4"),
        (SpaceToDepth(6), X, "E0304",
         "`space_to_depth 6` cannot divide the map 6x4x12 into squares", "width 4 = 6 · 0 + 4",
         "first `pad` the map to 6x6"),
        (Shuffle(5), X, "E0305",
         "12 channels cannot be divided into 5 equal groups", "12 = 5 · 2 + 2", None),
        (Split((5,)), X, "E0305",
         "12 channels cannot be divided into 5 equal parts", "12 = 5 · 2 + 2", None),
        (Split((5, 6)), X, "E0307",
         "the parts of `split` have 11 channels together, the input has 12", "5 + 6 = 11",
         "`split [5, 7]` or `split 2` divides 12 channels"),
        (Split((5, 6, 1, 1, 1)), X, "E0307",
         "the parts of `split` have 14 channels together, the input has 12",
         "5 + 6 + 1 + 1 + 1 = 14", "make them 12 in all"),
        (Split((5, 6, 7)), X, "E0307",
         "the parts of `split` have 18 channels together, the input has 12", "5 + 6 + 7 = 18",
         "`split [5, 6, 1]` or `split 3` divides 12 channels"),
        (Split((12, 6)), X, "E0307",
         "the parts of `split` have 18 channels together, the input has 12", "12 + 6 = 18",
         "`split 2` divides 12 channels"),
    ],
)  # fmt: skip
def test_what_does_not_fit(
    op: Op, x: TensorType, code: str, message: str, note: str | None, help: str | None
) -> None:
    with pytest.raises(ShapeError) as caught:
        op.infer(x)
    problem = caught.value
    assert (problem.code, problem.message, problem.argument) == (code, message, 0)
    assert problem.notes == (() if note is None else (note,))
    assert help is None or problem.help == (help,)


def test_both_sides_of_squares_are_named() -> None:
    with pytest.raises(ShapeError) as caught:
        SpaceToDepth(5).infer(X)
    assert caught.value.notes == ("height 6 = 5 · 1 + 1", "width 4 = 5 · 0 + 4")


def test_corners_have_a_meaning_between_elements_only() -> None:
    for mode in ("bilinear", "bicubic"):
        assert Upsample(mode=mode, align_corners=True).infer(X)  # type: ignore[arg-type]
    with pytest.raises(ShapeError) as caught:
        Upsample(align_corners=True).infer(X)
    assert caught.value.code == "E0207"
    assert caught.value.help == ("give it `mode=bilinear`, or leave `align_corners` out",)


@pytest.mark.parametrize(
    "op", [Flatten(), ConstantPad(SIDES), Crop(SIDES), Upsample(), DepthToSpace(2), SpaceToDepth(2)]
)
def test_a_map_is_needed(op: Op) -> None:
    with pytest.raises(ShapeError) as caught:
        op.infer(TensorType((288,)))
    assert caught.value.code == "E0306"
