"""Tensor types: shapes written height × width × channels, the batch unwritten."""

from __future__ import annotations

from .record import Record
from .symbol import Size, product


class TensorType(Record):
    """The type of a value.

    Arguments:
        shape: `(H, W, C)` for a map, `(C,)` for a vector, `(N, C)` for a sequence;
            channels come last. The batch dimension is not part of it.
        dtype: element type, named as in NumPy.
    """

    shape: tuple[Size, ...]
    dtype: str = "float32"

    def __str__(self) -> str:
        return "x".join(map(_factor, self.shape))

    @property
    def channels(self) -> int:
        channels = self.shape[-1]
        assert isinstance(channels, int)
        return channels

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def is_map(self) -> bool:
        return len(self.shape) == 3

    @property
    def height(self) -> Size:
        return self.shape[0] if self.is_map else 1

    @property
    def width(self) -> Size:
        return self.shape[1] if self.is_map else 1

    @property
    def elements(self) -> Size:
        return product(self.shape)

    @property
    def area(self) -> Size:
        """Number of positions: height × width of a map, length of a sequence."""
        return product(self.shape[:-1])

    def with_channels(self, channels: int) -> TensorType:
        return TensorType((*self.shape[:-1], channels), self.dtype)


def map_type(height: Size, width: Size, channels: int, dtype: str = "float32") -> TensorType:
    """The type of a map."""
    return TensorType((height, width, channels), dtype)


def as_map(type: TensorType) -> TensorType:
    """A vector seen as a 1x1 map; a map as it is."""
    return TensorType((1, 1, *type.shape), type.dtype) if type.rank == 1 else type


def _factor(size: Size) -> str:
    """A size as a factor of `HxWxC`: sums and products in parentheses."""
    if isinstance(size, int):
        return str(size)
    ((atoms, factor), *others) = size.terms
    return str(size) if len(atoms) == factor == 1 and not others else f"({size})"
