"""Operators with a window: convolutions, pools, borders.

Nothing here goes from pixel to pixel. For each tap of a kernel there is one strided view of the
map, that which this tap reads in all windows, and the views are multiplied, summed, compared.
"""

from __future__ import annotations

from functools import reduce

import numpy as np

from ..window import Padding
from .exact import alike, constant, multilinear, quotient, real, total, type_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..ops.conv import Conv, Deconv, DwConv, Local
    from ..ops.pool import AvgPool, MaxPool
    from ..ops.reshape import ConstantPad, Crop
    from ..symbol import Size
    from ..window import Axis
    from .exact import Array, Roles, Rules

    Windowed = Conv | DwConv | Local | MaxPool | AvgPool


# ----------------------------------------------------------------- padding, windows


def framed(x: Array, rows: tuple[int, int], columns: tuple[int, int], fill: float = 0) -> Array:
    """The map from one row and column to before another; `fill` where it has none."""
    (top, bottom), (left, right) = rows, columns
    part = x[:, max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    if part.shape[1:3] == (bottom - top, right - left):
        return part
    result = np.full((len(x), bottom - top, right - left, x.shape[3]), fill, x.dtype)
    row, column = max(-top, 0), max(-left, 0)
    result[:, row : row + part.shape[1], column : column + part.shape[2]] = part
    return result


def padded(x: Array, pad: Padding, fill: float = 0) -> Array:
    """The map with rows and columns added; negative amounts crop."""
    _, height, width, _ = x.shape
    rows, columns = (-pad.top, height + pad.bottom), (-pad.left, width + pad.right)
    return framed(x, rows, columns, fill)


def as_map(x: Array) -> Array:
    """A vector as a 1x1 map."""
    return x[:, None, None] if x.ndim == 2 else x


def windows(op: Windowed, x: Array, fill: float = 0) -> Iterator[Array]:
    """What each tap reads in all windows, tap by tap, row by row."""
    type = type_of(x)
    rows, columns = _axes(op, x)
    high, wide = _size(rows, type.height), _size(columns, type.width)
    bordered = padded(x, _pad(op, x), fill)
    read = framed(bordered, (0, _span(rows, high)), (0, _span(columns, wide)), fill)
    for row in _taps(rows):
        for column in _taps(columns):
            view = read[:, row :: rows.stride, column :: columns.stride]
            yield view[:, :high, :wide]


def populations(op: MaxPool | AvgPool, x: Array, padding: bool) -> Array:
    """How many elements each window has: of the map, or of its padding too."""
    type, pad = type_of(x), _pad(op, x)
    rows, columns = _axes(op, x)
    down = _population(rows, type.height, pad.height, padding)
    across = _population(columns, type.width, pad.width, padding)
    return np.expand_dims(np.outer(down, across), -1)


def _population(axis: Axis, n: Size, pad: tuple[int, int], padding: bool) -> Array:
    starts = axis.stride * np.arange(_size(axis, n)) - axis.lo
    read = np.add.outer(starts, _taps(axis))
    lo, hi = pad if padding else (min(pad[0], 0), min(pad[1], 0))
    counts: Array = ((read >= -lo) & (read < n + hi)).sum(axis=1)
    return counts


def _axes(op: Windowed, x: Array) -> tuple[Axis, Axis]:
    axes = op.axes(type_of(x))
    assert axes is not None  # the sizes of an array are numbers
    return axes


def _pad(op: Windowed | Deconv, x: Array) -> Padding:
    pad = op.canonical(type_of(x)).pad
    assert isinstance(pad, Padding)
    return pad


def _size(axis: Axis, n: Size) -> int:
    size = axis.size(n)
    assert isinstance(size, int)
    return size


def _span(axis: Axis, size: int) -> int:
    """How many rows so many windows read."""
    return axis.stride * (size - 1) + axis.extent + 1


def _taps(axis: Axis) -> list[int]:
    return [tap for tap in range(axis.extent + 1) if axis.taps >> tap & 1]


# ----------------------------------------------------------------- convolutions


def conv(op: Conv, roles: Roles, x: Array) -> Array:
    return _convolved(op, roles, as_map(x), op.groups)


def dwconv(op: DwConv, roles: Roles, x: Array) -> Array:
    x = as_map(x)
    return _convolved(op, roles, x, x.shape[3])


def _convolved(op: Conv | DwConv, roles: Roles, x: Array, groups: int) -> Array:
    kernel = roles["kernel"]

    def convolve(x: Array, kernel: Array) -> Array:
        matrices = kernel.reshape(-1, *kernel.shape[2:])
        taps = zip(windows(op, x), matrices, strict=True)
        return reduce(np.add, (mixed(view, matrix, groups) for view, matrix in taps))

    terms = op.window.area * kernel.shape[2]
    return biased(multilinear(convolve, x, kernel, terms=terms), roles)


def mixed(x: Array, matrix: Array, groups: int) -> Array:
    """Each group of channels times its columns of the matrix."""
    pixels = x.reshape(-1, groups, len(matrix)).swapaxes(0, 1)
    blocks = matrix.reshape(len(matrix), groups, -1).swapaxes(0, 1)
    return (pixels @ blocks).swapaxes(0, 1).reshape(*x.shape[:-1], -1)


def deconv(op: Deconv, roles: Roles, x: Array) -> Array:
    """Every tap spreads the map over a grid; the grids are summed, then the border is cut."""
    x, kernel = as_map(x), roles["kernel"]
    pad, more = _pad(op, x), op.output_padding

    def spread(x: Array, kernel: Array) -> Array:
        (_, height, width, _), (down, across) = x.shape, op.window.stride
        rows, columns = (
            (n - 1) * stride + (size - 1) * dilation + 1
            for n, size, stride, dilation in zip(
                (height, width), op.window.size, op.window.stride, op.dilation, strict=True
            )
        )
        result = np.zeros((len(x), rows, columns, op.channels), x.dtype)
        for row, column in np.ndindex(*op.window.size):
            top, left = row * op.dilation[0], column * op.dilation[1]
            grid = result[:, top::down, left::across][:, :height, :width]
            grid += mixed(x, kernel[row, column], op.groups)
        cut = Padding(-pad.top, more[0] - pad.bottom, -pad.left, more[1] - pad.right)
        return padded(result, cut)

    terms = op.window.area * kernel.shape[2]
    return biased(multilinear(spread, x, kernel, terms=terms), roles)


def local(op: Local, roles: Roles, x: Array) -> Array:
    kernel = roles["kernel"]

    def connect(x: Array, kernel: Array) -> Array:
        matrices = np.moveaxis(kernel.reshape(*kernel.shape[:2], -1, *kernel.shape[4:]), 2, 0)
        taps = zip(windows(op, x), matrices, strict=True)
        return reduce(np.add, ((view[..., None, :] @ matrix)[..., 0, :] for view, matrix in taps))

    terms = op.window.area * kernel.shape[4]
    return biased(multilinear(connect, as_map(x), kernel, terms=terms), roles)


def biased(x: Array, roles: Roles) -> Array:
    return total(x, roles["bias"]) if "bias" in roles else x


# ----------------------------------------------------------------- pools


def maxpool(op: MaxPool, roles: Roles, x: Array) -> Array:
    """Padding never wins. Without elements the greatest is −∞, and only floats have that."""
    if not populations(op, x, padding=False).all():
        x = real(x)
    lowest = np.iinfo(np.int64).min if x.dtype == np.int64 else -np.inf
    return reduce(np.maximum, windows(op, x, lowest))


def avgpool(op: AvgPool, roles: Roles, x: Array) -> Array:
    sums = multilinear(lambda x: reduce(np.add, windows(op, x)), x, terms=op.window.area)
    return quotient(sums, populations(op, x, op.count_include_pad))


# ----------------------------------------------------------------- borders


def pad(op: ConstantPad, roles: Roles, x: Array) -> Array:
    x, value = alike(x, constant(op.value))
    return padded(x, op.amount, value.item())


def crop(op: Crop, roles: Roles, x: Array) -> Array:
    (top, bottom), (left, right) = op.amount.height, op.amount.width
    return padded(x, Padding(-top, -bottom, -left, -right))


RULES: Rules = {
    "conv": conv,
    "dwconv": dwconv,
    "deconv": deconv,
    "local": local,
    "maxpool": maxpool,
    "avgpool": avgpool,
    "pad": pad,
    "crop": crop,
}
