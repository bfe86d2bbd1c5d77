"""What all operators with a window share: explicit padding, axes, sizes, the checks."""

from __future__ import annotations

from ..limits import WINDOW
from ..op import ShapeError
from ..symbol import Size
from ..types import TensorType
from ..window import Axis, Padding, Window, axis, half_padding, same_padding, same_size
from .checks import kind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from ..op import Pad, Pair
    from ..window import Rounding

DENSE = (1, 1)


def canonical_padding(pad: Pad, window: Window, dilation: Pair, x: TensorType) -> Pad:
    """`half`, `same` and `valid` as numbers. `same` stays where a symbolic size decides it."""
    if isinstance(pad, Padding):
        return pad
    if pad == "valid":
        return Padding()
    if pad == "half":
        rows = half_padding(window.height, dilation[0])
        columns = half_padding(window.width, dilation[1])
        return Padding(*rows, *columns)
    high = same_padding(window.height, window.stride_h, dilation[0], x.height)
    wide = same_padding(window.width, window.stride_w, dilation[1], x.width)
    return "same" if high is None or wide is None else Padding(*high, *wide)


def window_axes(
    window: Window,
    pad: Pad,
    x: TensorType,
    dilation: Pair = DENSE,
    rounding: Rounding = "floor",
) -> tuple[Axis, Axis] | None:
    """The axes of a window; None while `same` waits for a concrete size."""
    check_extent(window, dilation)
    pad = canonical_padding(pad, window, dilation, x)
    if not isinstance(pad, Padding):
        return None
    return (
        axis(window.height, window.stride_h, pad.height, dilation[0], rounding),
        axis(window.width, window.stride_w, pad.width, dilation[1], rounding),
    )


def windowed_sizes(
    window: Window,
    pad: Pad,
    x: TensorType,
    dilation: Pair = DENSE,
    rounding: Rounding = "floor",
) -> tuple[Size, Size]:
    """Height and width of the output. Raises ShapeError when the window does not fit."""
    axes = window_axes(window, pad, x, dilation, rounding)
    if axes is None:
        return same_size(x.height, window.stride_h), same_size(x.width, window.stride_w)
    for n, along, name in ((x.height, axes[0], "height"), (x.width, axes[1], "width")):
        if isinstance(size := along.size(n), int) and size < 1:
            _does_not_fit(x, axes, window, dilation, name)
        if rounding == "strict":
            _check_tiles(n, along, window, name)
    return axes[0].size(x.height), axes[1].size(x.width)


def tiling_equations(
    axes: tuple[Axis, Axis] | None, x: TensorType, rounding: Rounding
) -> tuple[tuple[Size, Size], ...]:
    """What `strict` asks of symbolic sizes: the last window ends at the border."""
    if rounding != "strict" or axes is None:
        return ()
    pairs = (
        ((along.size(n) - 1) * along.stride, n + (along.lo + along.hi - along.extent - 1))
        for n, along in ((x.height, axes[0]), (x.width, axes[1]))
    )
    return tuple((last, border) for last, border in pairs if last != border)


def check_extent(window: Window, dilation: Pair) -> None:
    """Raise when a dilated window spans more than WINDOW rows or columns."""
    span = max((k - 1) * d + 1 for k, d in zip(window.size, dilation, strict=True))
    if span > WINDOW.value:
        message = f"the window spans {span:,} rows or columns; the limit is {WINDOW.value:,}"
        raise ShapeError(WINDOW.code, message, help=(WINDOW.help,))


def _does_not_fit(
    x: TensorType, axes: tuple[Axis, Axis], window: Window, dilation: Pair, name: str
) -> NoReturn:
    """Raise: along one axis at least, the window spans more than the padded map."""
    sides = list(zip((x.height, x.width), axes, window.size, strict=True))
    n, along, _ = sides[name == "width"]
    needed = along.extent + 1 - along.lo - along.hi
    dilated = f" with dilation {max(dilation)}" if dilation != DENSE else ""
    room = [
        n + along.lo + along.hi if isinstance(n, int) else along.extent + 1 for n, along, _ in sides
    ]
    short = max(along.extent + 1 - rows for along, rows in zip(axes, room, strict=True))
    padding = max(along.lo for along in axes) + -(-short // 2)
    most = [max(min(k, rows), 1) for (_, _, k), rows in zip(sides, room, strict=True)]
    smaller = f"a window of at most {most[0]}x{most[1]}"
    if dilated or most == [1, 1]:
        smaller = "a smaller dilation" if dilated else "a larger map, after fewer strides"
    raise ShapeError(
        "E0303",
        f"a {window.height}x{window.width} window{dilated} does not fit into {kind(x)}",
        argument=0,
        notes=(f"{name}: {along.formula(n)}; the smallest {name} that fits is {needed}",),
        help=(f"{smaller}, or `pad={padding}`, makes it fit",),
    )


def _check_tiles(n: Size, along: Axis, window: Window, name: str) -> None:
    if not isinstance(n, int) or along.dropped(n) == 0:
        return
    left = along.dropped(n)
    raise ShapeError(
        "E0304",
        f"a {window} window does not tile its input (rounding=strict)",
        argument=0,
        notes=(f"{name}: ({along.reach(n)}) / {along.stride} leaves a remainder of {left}",),
        help=(
            f"{name}s {n - left} and {n - left + along.stride} tile; "
            "`floor` drops the rest, `ceil` pads it",
        ),
    )
