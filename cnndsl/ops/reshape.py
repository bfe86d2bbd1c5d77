"""Operators that move elements: borders, sizes, the order of elements, `split`, `identity`."""

from __future__ import annotations

from ..notation import signed
from ..op import Ledger, Op, ShapeError, op
from ..symbol import Size, Symbol
from ..types import TensorType, map_type
from ..window import Axis, Padding, dense_taps
from .checks import check_divisible, check_map, kind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from ..op import Count, Pair, Parts

    BlockOrder = Literal["crd", "dcr"]
    Order = Literal["hwc", "chw"]
    ResizeMode = Literal["nearest", "bilinear", "bicubic"]


class Move(Op):
    """Base of the operators that write every element of the output once and compute nothing."""

    def work(self, x: TensorType) -> Ledger:
        return {"move": sum((out.elements for out in self.infer(x)), 0)}


@op("flatten", family="reshape")
class Flatten(Move):
    """All elements of a map as one vector.

    Arguments:
        order: `hwc`, channels vary fastest (TensorFlow, JAX), or `chw`, columns vary
            fastest (PyTorch, Caffe).

    Shapes: H × W × C to H·W·C. Costs: every element is moved at most once.
    """

    order: Order = "hwc"

    positional = ("order",)

    def axes(self, x: TensorType) -> tuple[Axis, Axis] | None:
        return None

    def infer(self, x: TensorType) -> tuple[TensorType, ...]:
        check_map(self.word, x)
        if isinstance(x.elements, Symbol):
            raise ShapeError(
                "E0310",
                f"`{self.word}` needs a map of known size, not {x}",
                argument=0,
                help=("`globalavgpool` gives a vector from maps of every size",),
            )
        return (TensorType((x.elements,), x.dtype),)


class Border(Move):
    """Base of the operators that change the border of a map."""

    def axes(self, x: TensorType) -> tuple[Axis, Axis]:
        raise NotImplementedError

    def infer(self, x: TensorType) -> tuple[TensorType, ...]:
        check_map(self.word, x)
        rows, columns = self.axes(x)
        return (map_type(rows.size(x.height), columns.size(x.width), x.channels, x.dtype),)


@op("pad", family="reshape")
class ConstantPad(Border):
    """Rows and columns of a constant around a map.

    Arguments:
        amount: a number, `1x0` (rows x columns), or `[top, bottom, left, right]`.
        value: the constant.

    Shapes: H × W × C to top + H + bottom, left + W + right, × C.
    Costs: every element is moved at most once.
    """

    amount: Padding
    value: float = 0.0

    positional = ("amount",)

    def axes(self, x: TensorType) -> tuple[Axis, Axis]:
        (top, bottom), (left, right) = self.amount.height, self.amount.width
        return Axis(lo=top, hi=bottom), Axis(lo=left, hi=right)


@op("crop", family="reshape")
class Crop(Border):
    """A map without rows and columns at its border.

    Arguments:
        amount: a number, `1x0` (rows x columns), or `[top, bottom, left, right]`.

    Shapes: H × W × C to H − top − bottom, W − left − right, × C.
    Costs: every element is moved at most once.
    Source: Long et al., Fully convolutional networks, 2014.
    """

    amount: Padding

    positional = ("amount",)

    def axes(self, x: TensorType) -> tuple[Axis, Axis]:
        (top, bottom), (left, right) = self.amount.height, self.amount.width
        return Axis(lo=-top, hi=-bottom), Axis(lo=-left, hi=-right)

    def infer(self, x: TensorType) -> tuple[TensorType, ...]:
        (out,) = super().infer(x)
        for n, left, name in ((x.height, out.height, "height"), (x.width, out.width, "width")):
            if isinstance(left, int) and left < 1:
                raise ShapeError(
                    "E0303",
                    f"`{self.word} {self.amount}` leaves nothing of {kind(x)}",
                    argument=0,
                    notes=(f"{name}: {n} without {n - left} is {left}",),
                    help=(f"crop less than {n} rows or columns in all",),
                )
        return (out,)


@op("pad_channels", family="reshape")
class PadChannels(Move):
    """Channels of zeros behind those of the input, the free shortcut of residual networks.

    Arguments:
        channels: number of output channels, those of the input included.

    Shapes: H × W × C to H × W × channels. Costs: every element is moved at most once.
    Source: He et al., Deep residual learning for image recognition, 2015, option A.
    """

    channels: Count

    positional = ("channels",)

    def infer(self, x: TensorType) -> tuple[TensorType, ...]:
        if self.channels < x.channels:
            raise ShapeError(
                "E0304",
                f"`{self.word}` to {self.channels} channels, but there are {x.channels} already",
                argument=0,
                help=(f"its argument is the total: at least {x.channels}",),
            )
        return (x.with_channels(self.channels),)


@op("upsample", family="reshape")
class Upsample(Op):
    """A map resized by interpolation.

    Arguments:
        factor: along height and width, `2` or `2x1`.
        mode: `nearest`, `bilinear` or `bicubic`.
        align_corners: whether the centres of the corner elements stay at the corners
            (`bilinear`, `bicubic`); otherwise the outer edges do.
        size: the output's height and width, `28x28`; `factor` then does not matter.

    Shapes: H × W × C to factor · H, factor · W, × C, or `size` × C.
    Costs: one interpolation per element of the output.
    Source: Odena et al., Deconvolution and checkerboard artifacts, 2016.
    """

    factor: Pair = (2, 2)
    mode: ResizeMode = "nearest"
    align_corners: bool = False
    size: Pair | None = None

    positional = ("factor",)

    def axes(self, x: TensorType) -> tuple[Axis, Axis] | None:
        return None

    def formulas(self, x: TensorType) -> tuple[str, str] | None:
        return None if self.size else enlarged(x, *self.factor)

    def infer(self, x: TensorType) -> tuple[TensorType, ...]:
        check_map(self.word, x)
        if self.align_corners and self.mode == "nearest":
            raise ShapeError(
                "E0207",
                "`align_corners` of `upsample` has no meaning for mode=nearest",
                help=("give it `mode=bilinear`, or leave `align_corners` out",),
            )
        height, width = self.size or (x.height * self.factor[0], x.width * self.factor[1])
        return (map_type(height, width, x.channels, x.dtype),)

    def work(self, x: TensorType) -> Ledger:
        (out,) = self.infer(x)
        return {"resize": out.elements}


@op("depth_to_space", family="reshape")
class DepthToSpace(Move):
    """Pixel shuffle: groups of factor² channels become squares of factor × factor positions.

    Arguments:
        factor: height and width of a square.
        order: `crd`, the channels of one square follow each other (`torch.nn.PixelShuffle`),
            or `dcr`, first come those of the upper left positions of all squares, then
            those to the right of them (`tf.nn.depth_to_space`). The names are ONNX's.

    Shapes: H × W × C to factor · H, factor · W, × C / factor², which must be whole.
    Costs: every element is moved at most once.
    Source: Shi et al., Real-time single image and video super-resolution, 2016.
    """

    factor: Count
    order: BlockOrder = "crd"

    positional = ("factor",)

    def axes(self, x: TensorType) -> tuple[Axis, Axis] | None:
        return None

    def formulas(self, x: TensorType) -> tuple[str, str]:
        return enlarged(x, self.factor, self.factor)

    def infer(self, x: TensorType) -> tuple[TensorType, ...]:
        check_map(self.word, x)
        area = self.factor**2
        channels = -(-x.channels // area)
        if x.channels != area * channels:
            raise ShapeError(
                "E0305",
                f"`{self.word} {self.factor}` needs a multiple of {area} channels, "
                f"not {x.channels}",
                argument=0,
                help=(
                    f"{area * (channels - 1)} channels would become {channels - 1}, "
                    f"{area * channels} would become {channels}"
                    if channels > 1
                    else f"{area} channels would become 1",
                ),
            )
        return (map_type(x.height * self.factor, x.width * self.factor, channels, x.dtype),)


@op("space_to_depth", family="reshape")
class SpaceToDepth(Move):
    """The reverse of `depth_to_space`: squares of factor × factor positions become channels.

    Arguments:
        factor: height and width of a square.
        order: `crd`, the channels of one square follow each other (`torch.nn.PixelUnshuffle`),
            or `dcr`, first come all channels of the upper left positions, then those of the
            positions to the right of them (`tf.nn.space_to_depth`, ONNX).

    Shapes: H × W × C to H / factor, W / factor, which must be whole, × factor² · C.
    Costs: every element is moved at most once.
    Source: Redmon and Farhadi, YOLO9000, 2016, the passthrough layer.
    """

    factor: Count
    order: BlockOrder = "crd"

    positional = ("factor",)

    def axes(self, x: TensorType) -> tuple[Axis, Axis]:
        square = Axis(self.factor, taps=dense_taps(self.factor))
        return square, square

    def infer(self, x: TensorType) -> tuple[TensorType, ...]:
        check_map(self.word, x)
        sides = ((x.height, "height"), (x.width, "width"))
        over = [(n, n % self.factor, name) for n, name in sides if isinstance(n, int)]
        over = [(n, rest, name) for n, rest, name in over if rest]
        if over:
            raise ShapeError(
                "E0304",
                f"`{self.word} {self.factor}` cannot divide {kind(x)} into squares",
                argument=0,
                notes=tuple(
                    f"{name} {n} = {self.factor} · {n // self.factor} + {rest}"
                    for n, rest, name in over
                ),
                help=(self._help(x),),
            )
        height, width = x.height // self.factor, x.width // self.factor
        return (map_type(height, width, x.channels * self.factor**2, x.dtype),)

    def _help(self, x: TensorType) -> str:
        if not isinstance(x.height, int) or not isinstance(x.width, int):
            return "first `pad` or `crop` the map"
        down = [n // self.factor * self.factor for n in (x.height, x.width)]
        up = [-(-n // self.factor) * self.factor for n in (x.height, x.width)]
        cropped = f"`crop` the map to {down[0]}x{down[1]}, or " if all(down) else ""
        return f"first {cropped}`pad` {'it' if cropped else 'the map'} to {up[0]}x{up[1]}"

    def equations(self, x: TensorType) -> tuple[tuple[Size, Size], ...]:
        sizes = dict.fromkeys((x.height, x.width))
        return tuple((n // self.factor * self.factor, n) for n in sizes if isinstance(n, Symbol))


@op("shuffle", family="reshape")
class Shuffle(Move):
    """Channel shuffle: the groups take turns, so that the next grouped convolution mixes them.

    Arguments:
        groups: number of groups; the channels, seen as groups × rest, are transposed.

    Shapes: unchanged; C must be divisible by `groups`.
    Costs: every element is moved at most once.
    Source: Zhang et al., ShuffleNet, 2017.
    """

    groups: Count

    positional = ("groups",)

    def infer(self, x: TensorType) -> tuple[TensorType, ...]:
        check_divisible(x.channels, self.groups)
        return (x,)


@op("split", family="reshape")
class Split(Move):
    """The channels divided among several outputs, in order.

    Arguments:
        parts: a number of equal parts, or the channels of each part, `[58, 58]`.

    Shapes: H × W × C to H × W × part for each part; the parts sum to C.
    Costs: every element is moved at most once.
    Source: Ma et al., ShuffleNet V2, 2018.
    """

    parts: Parts = (2,)

    positional = ("parts",)

    def infer(self, x: TensorType) -> tuple[TensorType, ...]:
        return tuple(x.with_channels(part) for part in self._channels(x.channels))

    def _channels(self, channels: int) -> tuple[int, ...]:
        if len(self.parts) == 1:
            (count,) = self.parts
            check_divisible(channels, count, parts="parts")
            return (channels // count,) * count
        if sum(self.parts) != channels:
            raise ShapeError(
                "E0307",
                f"the parts of `{self.word}` have {sum(self.parts)} channels together, "
                f"the input has {channels}",
                argument=0,
                notes=(f"{' + '.join(map(str, self.parts))} = {sum(self.parts)}",),
                help=_mended(self.parts, channels),
            )
        return self.parts


def _mended(parts: tuple[int, ...], channels: int) -> tuple[str, ...]:
    """What a split could be: the last part of another size, or equal parts."""
    last = channels - sum(parts[:-1])
    own = [f"`split [{', '.join(map(str, (*parts[:-1], last)))}]`"] if last > 0 else []
    equal = [f"`split {len(parts)}`"] if channels % len(parts) == 0 else []
    better = " or ".join(own + equal)
    return (f"{better} divides {channels} channels" if better else f"make them {channels} in all",)


@op("identity", family="reshape")
class Identity(Op):
    """The input unchanged: the branch of a residual connection.

    Shapes: unchanged. Costs: none.
    """


def enlarged(x: TensorType, rows: int, columns: int) -> tuple[str, str]:
    """How height and width follow from factors."""
    sizes = ((x.height, rows), (x.width, columns))
    high, wide = (f"{signed(n)} · {factor} = {signed(n * factor)}" for n, factor in sizes)
    return high, wide
