"""Convolutions: `conv`, `dwconv`, `deconv`, and `local`, which shares nothing."""

from __future__ import annotations

from ..op import Ledger, Op, ShapeError, Weight, op
from ..record import replace
from ..symbol import Size, Symbol
from ..types import TensorType, as_map, map_type
from ..window import Axis, Padding, Window, transposed_formula, transposed_pairs, transposed_size
from .checks import check_divisible, kind
from .windowed import DENSE, canonical_padding, check_extent, window_axes, windowed_sizes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..op import Count, Offsets, Pad, Pair


@op("conv", family="conv")
class Conv(Op):
    """Convolution (cross-correlation) of a map with `channels` kernels.

    Arguments:
        window: kernel size and stride, `7x7/2`.
        channels: number of output channels.
        pad: `half` (k // 2 on every side), `same` (TensorFlow's), `valid`, a number,
            `1x0` (rows x columns), or `[top, bottom, left, right]`.
        dilation: distance between the kernel's taps.
        groups: number of independent groups; both channel counts must be divisible.
        bias: add a bias per channel. Unset means: yes, unless every consumer is `bn`.

    Shapes: H × W × C to ⌊(H + pad − extent) / stride⌋ + 1, likewise W, × channels.
    A vector is a 1x1 map. Costs: out · kh · kw · C / groups multiply-accumulates.
    """

    window: Window
    channels: Count
    pad: Pad = "half"
    dilation: Pair = DENSE
    groups: Count = 1
    bias: bool | None = None

    positional = ("window", "channels")
    weighted = True

    def canonical(self, x: TensorType) -> Conv:
        pad = canonical_padding(self.pad, self.window, self.dilation, as_map(x))
        return self if pad == self.pad else replace(self, pad=pad)

    def axes(self, x: TensorType) -> tuple[Axis, Axis] | None:
        return window_axes(self.window, self.pad, as_map(x), self.dilation)

    def infer(self, x: TensorType) -> tuple[TensorType, ...]:
        x = conv_input(self.word, x)
        _check_groups(self, x.channels)
        size = windowed_sizes(self.window, self.pad, x, self.dilation)
        return (map_type(*size, self.channels, x.dtype),)

    def weights(self, x: TensorType) -> tuple[Weight, ...]:
        kernel = (*self.window.size, x.channels // self.groups, self.channels)
        return kernel_and_bias(kernel, self.bias, self.channels)

    def work(self, x: TensorType) -> Ledger:
        (out,) = self.infer(x)
        per_pair = x.channels // self.groups * self.channels
        return multiply_accumulate(self, as_map(x), out, per_pair)


@op("dwconv", family="conv")
class DwConv(Op):
    """Depthwise convolution: every input channel has kernels of its own.

    Arguments:
        window: kernel size and stride, `3x3/2`.
        multiplier: outputs per input channel.
        pad, dilation, bias: as for `conv`.

    Shapes: H × W × C to H' × W' × multiplier·C. Costs: out · kh · kw MACs.
    Source: Sifre, Rigid-motion scattering for image classification, 2014.
    """

    window: Window
    multiplier: Count = 1
    pad: Pad = "half"
    dilation: Pair = DENSE
    bias: bool | None = None

    positional = ("window", "multiplier")
    weighted = True

    def canonical(self, x: TensorType) -> DwConv:
        pad = canonical_padding(self.pad, self.window, self.dilation, as_map(x))
        return self if pad == self.pad else replace(self, pad=pad)

    def axes(self, x: TensorType) -> tuple[Axis, Axis] | None:
        return window_axes(self.window, self.pad, as_map(x), self.dilation)

    def infer(self, x: TensorType) -> tuple[TensorType, ...]:
        x = conv_input(self.word, x)
        size = windowed_sizes(self.window, self.pad, x, self.dilation)
        return (map_type(*size, x.channels * self.multiplier, x.dtype),)

    def weights(self, x: TensorType) -> tuple[Weight, ...]:
        channels = x.channels * self.multiplier
        return kernel_and_bias((*self.window.size, 1, channels), self.bias, channels)

    def work(self, x: TensorType) -> Ledger:
        (out,) = self.infer(x)
        return multiply_accumulate(self, as_map(x), out, out.channels)


@op("deconv", family="conv")
class Deconv(Op):
    """Transposed convolution: the gradient of a convolution used as a layer.

    Arguments:
        window: kernel size and stride; the stride enlarges, `2x2/2`.
        channels: number of output channels.
        pad: rows and columns cut off the result, the padding of the convolution
            that it transposes; `same` gives stride · H.
        output_padding: rows and columns added behind, to reach one of the sizes
            that the transposed convolution maps to the input.
        dilation, groups, bias: as for `conv`.

    Shapes: (H − 1) · stride − pad + extent + output_padding. Costs: C / groups · channels
    MACs for each input position and tap.
    """

    window: Window
    channels: Count
    pad: Pad = Padding()
    output_padding: Offsets = (0, 0)
    dilation: Pair = DENSE
    groups: Count = 1
    bias: bool | None = None

    positional = ("window", "channels")
    weighted = True

    def canonical(self, x: TensorType) -> Deconv:
        if isinstance(self.pad, Padding):
            return self
        if self.pad == "same":
            (top, bottom), (left, right) = (
                _crop_to_multiple((size - 1) * dilation + 1 - stride)
                for size, stride, dilation in zip(
                    self.window.size, self.window.stride, self.dilation, strict=True
                )
            )
            return replace(self, pad=Padding(top, bottom, left, right))
        return replace(self, pad=canonical_padding(self.pad, self.window, self.dilation, x))

    def axes(self, x: TensorType) -> tuple[Axis, Axis] | None:
        return None

    def _along(self, x: TensorType) -> tuple[tuple[int, int, tuple[int, int], int, int], ...]:
        """Size, stride, padding, dilation and output padding of each axis."""
        check_extent(self.window, self.dilation)
        pad = self.canonical(x).pad
        assert isinstance(pad, Padding)
        sides = (pad.height, pad.width)
        return tuple(
            zip(
                self.window.size,
                self.window.stride,
                sides,
                self.dilation,
                self.output_padding,
                strict=True,
            )
        )

    def formulas(self, x: TensorType) -> tuple[str, str]:
        rows, columns = self._along(x)
        return transposed_formula(x.height, *rows), transposed_formula(x.width, *columns)

    def infer(self, x: TensorType) -> tuple[TensorType, ...]:
        x = conv_input(self.word, x)
        _check_groups(self, x.channels)
        sizes = [
            transposed_size(n, *along)
            for n, along in zip((x.height, x.width), self._along(x), strict=True)
        ]
        if any(isinstance(n, int) and n < 1 for n in sizes):
            raise ShapeError(
                "E0303",
                "the padding of `deconv` cuts the whole result off",
                argument=0,
                notes=(f"the output would be {sizes[0]}x{sizes[1]}",),
                help=("give it less padding",),
            )
        return (map_type(sizes[0], sizes[1], self.channels, x.dtype),)

    def weights(self, x: TensorType) -> tuple[Weight, ...]:
        kernel = (*self.window.size, x.channels // self.groups, self.channels)
        return kernel_and_bias(kernel, self.bias, self.channels)

    def work(self, x: TensorType) -> Ledger:
        (out,) = self.infer(x)
        x = as_map(x)
        per_pair = x.channels // self.groups * self.channels
        rows, columns = self._along(x)
        real = transposed_pairs(x.height, *rows) * transposed_pairs(x.width, *columns)
        return {
            "mac": x.area * self.window.area * per_pair,
            "mac.real": real * per_pair,
            **({"bias": out.elements} if self.bias is not False else {}),
        }


@op("local", family="conv")
class Local(Op):
    """Locally connected layer: a convolution with other kernels at every position.

    Arguments:
        window: kernel size and stride, `9x9`.
        channels: number of output channels.
        pad: as for `conv`.
        bias: add a bias per element of the output. Unset means: yes, before `bn` too,
            whose mean over the map does not cancel it.

    Shapes: as `conv`; the map's size must be known, for the weights belong to positions.
    Costs: out · kh · kw · C multiply-accumulates, and as many parameters.
    Source: LeCun, Generalization and network design strategies, 1989.
    """

    window: Window
    channels: Count
    pad: Pad = "half"
    bias: bool | None = None

    positional = ("window", "channels")
    weighted = True

    def canonical(self, x: TensorType) -> Local:
        pad = canonical_padding(self.pad, self.window, DENSE, as_map(x))
        return replace(self, pad=pad, bias=self.bias is not False)

    def axes(self, x: TensorType) -> tuple[Axis, Axis] | None:
        return window_axes(self.window, self.pad, as_map(x))

    def infer(self, x: TensorType) -> tuple[TensorType, ...]:
        x = conv_input(self.word, x)
        if isinstance(x.area, Symbol):
            raise ShapeError(
                "E0310",
                f"`{self.word}` needs a map of known size, not {x}",
                argument=0,
                help=("a `conv` shares its kernels, so that it fits maps of every size",),
            )
        size = windowed_sizes(self.window, self.pad, x)
        return (map_type(*size, self.channels, x.dtype),)

    def weights(self, x: TensorType) -> tuple[Weight, ...]:
        (out,) = self.infer(x)
        height, width, _ = out.shape
        assert isinstance(height, int) and isinstance(width, int)
        kernel = (height, width, *self.window.size, x.channels, self.channels)
        weights = (Weight("kernel", kernel), Weight("bias", (height, width, self.channels)))
        return weights if self.bias is not False else weights[:1]

    def work(self, x: TensorType) -> Ledger:
        (out,) = self.infer(x)
        return multiply_accumulate(self, as_map(x), out, x.channels * self.channels)


def conv_input(word: str, x: TensorType) -> TensorType:
    """The input as a map. Raises ShapeError for a sequence."""
    x = as_map(x)
    if not x.is_map:
        raise ShapeError(
            "E0306",
            f"`{word}` needs a map (height × width × channels), not {kind(x)}",
            argument=0,
            help=("`fc` reads a sequence, position by position",),
        )
    return x


def kernel_and_bias(
    kernel: tuple[int, ...], bias: bool | None, channels: int
) -> tuple[Weight, ...]:
    """The weights of a layer with a kernel; an undecided bias counts as one."""
    if bias is False:
        return (Weight("kernel", kernel),)
    return Weight("kernel", kernel), Weight("bias", (channels,))


def multiply_accumulate(
    conv: Conv | DwConv | Local, x: TensorType, out: TensorType, per_pair: int
) -> Ledger:
    """The work of a convolution with `per_pair` products for each pair (output, tap)."""
    axes = conv.axes(x)
    mac = out.area * conv.window.area * per_pair
    real: Size = mac
    if axes is not None:
        real = axes[0].pairs(x.height) * axes[1].pairs(x.width) * per_pair
    bias: Ledger = {"bias": out.elements} if conv.bias is not False else {}
    return {"mac": mac, "mac.real": real, **bias}


def _crop_to_multiple(total: int) -> tuple[int, int]:
    """`total` rows to cut, the odd one behind; a negative total adds rows behind."""
    return (total // 2, total - total // 2) if total > 0 else (0, total)


def _check_groups(conv: Conv | Deconv, inputs: int) -> None:
    check_divisible(inputs, conv.groups, "input")
    check_divisible(conv.channels, conv.groups, "output")
