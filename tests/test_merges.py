"""Merges: what fits, which input is to blame, and what would bring it to the others' shape."""

from __future__ import annotations

import pytest

from cnndsl.op import ShapeError
from cnndsl.ops.merge import Add, Concat, Merge, Mul, Sub
from cnndsl.symbol import variable
from cnndsl.types import TensorType

H = variable("H")
Shape = tuple[object, ...]


def types(*shapes: Shape) -> list[TensorType]:
    return [TensorType(shape) for shape in shapes]  # type: ignore[arg-type]


def refused(merge: Merge, *shapes: Shape) -> ShapeError:
    with pytest.raises(ShapeError) as caught:
        merge.infer(*types(*shapes))
    return caught.value


def test_what_fits() -> None:
    a, b = (8, 8, 4), (8, 8, 6)
    assert Add().infer(*types(a, a, a)) == tuple(types(a))
    assert Concat().infer(*types(a, b)) == tuple(types((8, 8, 10)))
    assert Concat().infer(*types((4,), (6,))) == tuple(types((10,)))
    assert Mul().infer(*types((4,), a)) == Mul().infer(*types(a, (1, 1, 4))) == tuple(types(a))
    assert Mul().infer(*types((4,), (1, 1, 4))) == tuple(types((1, 1, 4)))
    assert Add().infer(*types((H, 8, 4), (7, 8, 4))) == tuple(types((H, 8, 4)))


def test_how_many_values_are_merged() -> None:
    """Rules may leave one value of many."""
    arities = [(1, None), (1, None), (2, 2), (2, None)]
    assert [Concat.arity, Add.arity, Sub.arity, Mul.arity] == arities


def test_the_odd_one_is_to_blame() -> None:
    a, b = (8, 8, 4), (8, 8, 6)
    for shapes, odd in (((a, b, a), (1,)), ((b, a, a), (0,)), ((a, b, b), (0,)), ((a, b), (1,))):
        problem = refused(Add(), *shapes)
        assert (problem.argument, problem.odd) == (odd[0], odd)


@pytest.mark.parametrize(
    ("merge", "shapes", "code", "message"),
    [
        (Add(), ((8, 8, 4), (8, 6, 5)), "E0301",
         "`add` needs equal shapes, not 8x8x4 and 8x6x5: width 6 ≠ 8, channels 5 ≠ 4"),
        (Add(), ((50, 8), (49, 9)), "E0301",
         "`add` needs equal shapes, not 50x8 and 49x9: length 49 ≠ 50, channels 9 ≠ 8"),
        (Sub(), ((8,), (9,)), "E0301",
         "`sub` needs equal shapes, not 8 and 9: channels 9 ≠ 8"),
        (Add(), ((8, 8, 4), (4,)), "E0301",
         "`add` needs equal shapes, not 8x8x4 and 4: one is a map, the other a vector"),
        (Add(), ((8, 4), (4,)), "E0301",
         "`add` needs equal shapes, not 8x4 and 4: one is a sequence, the other a vector"),
        (Concat(), ((8, 8, 4), (7, 8, 6)), "E0302",
         "`concat` needs equal heights and widths, not 8x8x4 and 7x8x6: height 7 ≠ 8"),
        (Mul(), ((8, 8, 4), (5,)), "E0301",
         "`mul` needs equal shapes, or equal channels to scale, not 8x8x4 and 5: channels 5 ≠ 4"),
    ],
)  # fmt: skip
def test_in_what_they_differ(
    merge: Merge, shapes: tuple[Shape, ...], code: str, message: str
) -> None:
    problem = refused(merge, *shapes)
    assert (problem.code, problem.message) == (code, message)


GENERAL = "give the branches equal strides, and paddings that keep the size"
BY_ONE = "`pad` or `crop` the larger or the smaller one by one"


@pytest.mark.parametrize(
    ("one", "other", "help"),
    [
        ((8, 8, 4), (8, 8, 6), "`conv 1x1, 6` brings an input of 4 channels to 6"),
        ((8, 8, 4), (4,), "pool or flatten the map, or scale it by the vector with `mul`"),
        ((8, 8, 4), (4, 4, 4), "`conv 1x1/2, 4` brings an input of 8x8x4 to 4x4x4"),
        ((64, 64, 3), (16, 16, 5), "`conv 1x1/4, 5` brings an input of 64x64x3 to 16x16x5"),
        ((64, 64, 3), (8, 8, 3), "`conv 1x1/8, 3` brings an input of 64x64x3 to 8x8x3"),
        ((64, 64, 3), (4, 4, 3), "`conv 1x1/16, 3` brings an input of 64x64x3 to 4x4x3"),
        ((65, 65, 3), (3, 3, 3), "`conv 1x1/32, 3` brings an input of 65x65x3 to 3x3x3"),
        ((50, 8), (25, 8), "`conv 1x1/2, 8` brings an input of 50x8 to 25x8"),
        ((8, 8, 4), (7, 7, 4), BY_ONE),
        ((8, 8, 4), (7, 8, 4), BY_ONE),
        ((50, 8), (49, 8), BY_ONE),
        ((10, 10, 4), (6, 6, 4),
         "`crop 2` brings an input of 10x10x4 to 6x6, or give the windows paddings that keep "
         "the size"),
        ((10, 9, 4), (6, 6, 4), GENERAL),
        ((10, 10, 4), (7, 7, 4), GENERAL),
        ((10, 4), (6, 4), GENERAL),
        ((H, 10, 4), (H, 6, 4), GENERAL),
        ((H, 10, 4), (7, 6, 4), GENERAL),
    ],
)  # fmt: skip
def test_what_would_help(one: Shape, other: Shape, help: str) -> None:
    assert refused(Add(), one, other).help == refused(Add(), other, one).help == (help,)


def test_other_helps() -> None:
    (strided,) = refused(Concat(), (8, 8, 4), (4, 4, 6)).help
    assert strided == "a window with stride 2 brings an input of 8x8x4 to 4x4"
    (scale,) = refused(Mul(), (8, 8, 4), (5,)).help
    assert scale == "a scale has as many channels as the map: end its branch with 4"


def test_sizes_that_are_not_known_must_be_equal() -> None:
    assert Add().equations(*types((H, 8, 4), (7, 8, 4), (H, 8, 4))) == ((H, 7),)
    assert Concat().equations(*types((H, 8, 4), (7, 8, 6))) == ((H, 7),)
