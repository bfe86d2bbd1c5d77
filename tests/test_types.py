"""Types of values: maps, sequences and vectors."""

from __future__ import annotations

from cnndsl.symbol import variable
from cnndsl.types import TensorType, as_map, map_type

H, W = variable("H"), variable("W")


def test_a_map() -> None:
    type = map_type(6, 4, 3)
    assert type == TensorType((6, 4, 3), "float32")
    assert (type.rank, type.is_map, type.height, type.width, type.channels) == (3, True, 6, 4, 3)
    assert (type.elements, type.area) == (72, 24)
    assert type.with_channels(5) == map_type(6, 4, 5)
    assert as_map(type) is type


def test_a_sequence() -> None:
    type = TensorType((50, 768), "bfloat16")
    assert (type.rank, type.is_map, type.height, type.width, type.channels) == (2, False, 1, 1, 768)
    assert (type.elements, type.area) == (38_400, 50)
    assert type.with_channels(64) == TensorType((50, 64), "bfloat16")
    assert as_map(type) is type


def test_a_vector() -> None:
    type = TensorType((10,), "float16")
    assert (type.rank, type.is_map, type.height, type.width, type.channels) == (1, False, 1, 1, 10)
    assert (type.elements, type.area) == (10, 1)
    assert as_map(type) == TensorType((1, 1, 10), "float16")
    assert TensorType((10,)).dtype == "float32"


def test_types_are_written_as_in_specs() -> None:
    written = {
        map_type(6, 4, 3): "6x4x3",
        map_type(H, W, 3): "HxWx3",
        map_type(2 * H, (W + 1) // 2, 3): "(2*H)x((W + 1)//2)x3",
        map_type(H + 1, W, 3): "(H + 1)xWx3",
    }
    assert {type: str(type) for type in written} == written
