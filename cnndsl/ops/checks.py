"""Checks of an operator's inputs that several operators share. All raise ShapeError."""

from __future__ import annotations

from math import isqrt

from ..op import ShapeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..types import TensorType


def check_map(word: str, x: TensorType) -> None:
    """Raise unless `x` is a map."""
    if not x.is_map:
        raise ShapeError(
            "E0306",
            f"`{word}` needs a map (height × width × channels), not {kind(x)}",
            argument=0,
            help=("put it before `flatten`, `globalavgpool` or `fc`, which end the maps",),
        )


def check_divisible(channels: int, groups: int, name: str = "", parts: str = "groups") -> None:
    """Raise unless the channels can be divided into equal groups.

    Arguments:
        name: which channels: `input`, `output`, or nothing.
        parts: what they are divided into.
    """
    if channels % groups == 0:
        return
    named = f"{name} channels" if name else "channels"
    near = sorted(sorted(_divisors(channels), key=lambda d: abs(d - groups))[:4])
    below, above = channels // groups * groups, -(-channels // groups) * groups
    fitting = f"{below} and {above}" if below else str(above)
    raise ShapeError(
        "E0305",
        f"{channels} {named} cannot be divided into {groups} equal {parts}",
        argument=0,
        notes=(f"{channels} = {groups} · {channels // groups} + {channels % groups}",),
        help=(
            f"{channels} can be divided into {', '.join(map(str, near))} {parts}; "
            f"{fitting} channels can be divided into {groups}",
        ),
    )


def kind(x: TensorType) -> str:
    """A type in words: `the vector 2048`, `the sequence 196x768`, `the map 7x7x512`."""
    words = {1: "vector", 2: "sequence", 3: "map"}
    return f"the {words.get(x.rank, 'tensor')} {x}"


def _divisors(n: int) -> list[int]:
    small = [d for d in range(1, isqrt(n) + 1) if n % d == 0]
    return sorted({*small, *(n // d for d in small)})
