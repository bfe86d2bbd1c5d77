"""Pooling: `maxpool`, `avgpool`, `globalavgpool`, `globalmaxpool`."""

from __future__ import annotations

from ..op import Ledger, Op, op
from ..record import replace
from ..symbol import Size
from ..types import TensorType, map_type
from ..window import Axis, Padding, Window
from .checks import check_map
from .windowed import (
    DENSE,
    canonical_padding,
    tiling_equations,
    window_axes,
    windowed_sizes,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..op import Pad, Pair
    from ..window import Rounding


@op("maxpool", family="pool")
class MaxPool(Op):
    """Greatest element of each window, channel by channel.

    Arguments:
        window: size and stride, `3x3/2`.
        pad: as for `conv`; the padding never wins (it counts as −∞).
        dilation: distance between the elements of a window.
        rounding: of the output size: `floor` drops rows and columns that do not fill a
            window, `ceil` lets windows hang over the border as long as they start before
            it, `strict` makes leftover rows and columns an error.

    Shapes: H × W × C to ⌊(H + pad − extent) / stride⌋ + 1, likewise W, × C.
    Costs: out · kh · kw comparisons.
    Source: Riesenhuber and Poggio, Hierarchical models of object recognition, 1999.
    """

    window: Window
    pad: Pad = Padding()
    dilation: Pair = DENSE
    rounding: Rounding = "floor"

    positional = ("window",)

    def canonical(self, x: TensorType) -> MaxPool:
        pad = canonical_padding(self.pad, self.window, self.dilation, x)
        return self if pad == self.pad else replace(self, pad=pad)

    def axes(self, x: TensorType) -> tuple[Axis, Axis] | None:
        return window_axes(self.window, self.pad, x, self.dilation, self.rounding)

    def infer(self, x: TensorType) -> tuple[TensorType, ...]:
        check_map(self.word, x)
        size = windowed_sizes(self.window, self.pad, x, self.dilation, self.rounding)
        return (map_type(*size, x.channels, x.dtype),)

    def equations(self, x: TensorType) -> tuple[tuple[Size, Size], ...]:
        return tiling_equations(self.axes(x), x, self.rounding)

    def work(self, x: TensorType) -> Ledger:
        return _window_work("max", self.window, x, *self.infer(x))


@op("avgpool", family="pool")
class AvgPool(Op):
    """Mean of each window, channel by channel.

    Arguments:
        window: size and stride, `2x2/2`.
        pad, rounding: as for `maxpool`.
        count_include_pad: divide by the size of the window even where it covers padding;
            otherwise by the number of elements of the map in it. What hangs over the
            border because of `ceil` is never counted.

    Shapes: H × W × C to ⌊(H + pad − kh) / stride⌋ + 1, likewise W, × C.
    Costs: out · kh · kw additions.
    Source: LeCun et al., Gradient-based learning applied to document recognition, 1998.
    """

    window: Window
    pad: Pad = Padding()
    rounding: Rounding = "floor"
    count_include_pad: bool = True

    positional = ("window",)

    def canonical(self, x: TensorType) -> AvgPool:
        pad = canonical_padding(self.pad, self.window, DENSE, x)
        return self if pad == self.pad else replace(self, pad=pad)

    def axes(self, x: TensorType) -> tuple[Axis, Axis] | None:
        return window_axes(self.window, self.pad, x, DENSE, self.rounding)

    def infer(self, x: TensorType) -> tuple[TensorType, ...]:
        check_map(self.word, x)
        size = windowed_sizes(self.window, self.pad, x, DENSE, self.rounding)
        return (map_type(*size, x.channels, x.dtype),)

    def equations(self, x: TensorType) -> tuple[tuple[Size, Size], ...]:
        return tiling_equations(self.axes(x), x, self.rounding)

    def work(self, x: TensorType) -> Ledger:
        return _window_work("avg", self.window, x, *self.infer(x))


class GlobalPool(Op):
    """Base of the pools over a whole map."""

    def axes(self, x: TensorType) -> tuple[Axis, Axis] | None:
        return None

    def infer(self, x: TensorType) -> tuple[TensorType, ...]:
        check_map(self.word, x)
        return (TensorType((x.channels,), x.dtype),)

    def work(self, x: TensorType) -> Ledger:
        return {
            "pool.global.in": x.elements,
            "pool.global.out": x.channels,
            "pool.global.window": x.elements,
        }


@op("globalavgpool", family="pool")
class GlobalAvgPool(GlobalPool):
    """Mean of each channel over the whole map.

    Shapes: H × W × C to C. Costs: H · W · C additions.
    Source: Lin et al., Network in Network, 2013, sec. 3.2.
    """


@op("globalmaxpool", family="pool")
class GlobalMaxPool(GlobalPool):
    """Greatest element of each channel over the whole map.

    Shapes: H × W × C to C. Costs: H · W · C comparisons.
    Source: Oquab et al., Is object localization for free?, 2015.
    """


def _window_work(name: str, window: Window, x: TensorType, out: TensorType) -> Ledger:
    return {
        f"pool.{name}.in": x.elements,
        f"pool.{name}.out": out.elements,
        f"pool.{name}.window": out.elements * window.area,
    }
