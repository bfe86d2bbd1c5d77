"""Merges of several values: `concat`, `add`, `sub`, `mul`."""

from __future__ import annotations

from ..op import Ledger, Op, ShapeError, op
from ..symbol import Size, Symbol
from ..types import TensorType
from ..window import Axis

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar


KINDS = {1: "vector", 2: "sequence", 3: "map"}


class Merge(Op):
    """Base of the merges: which inputs must agree, and in which sizes."""

    code: ClassVar[str] = "E0301"
    needs: ClassVar[str] = "equal shapes"

    def aligned(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        """The inputs as they must agree, each as large as the output."""
        return inputs

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        aligned = self.aligned(*inputs)
        usual = max(aligned, key=aligned.count)  # blame the odd one, not the second
        differences = [_differences(x, usual) for x in aligned]
        odd = tuple(i for i, text in enumerate(differences) if text)
        if not odd:
            return (aligned[0],)
        x, other = inputs[odd[0]], inputs[aligned.index(usual)]
        raise ShapeError(
            self.code,
            f"`{self.word}` needs {self.needs}, not {other} and {x}: {differences[odd[0]]}",
            argument=odd[0],
            odd=odd,
            help=self.advice(x, other),
        )

    def advice(self, x: TensorType, other: TensorType) -> tuple[str, ...]:
        """What may bring two inputs to one shape."""
        if x.rank != other.rank:
            return ("pool or flatten the map, or scale it by the vector with `mul`",)
        apart = {
            abs(a - b)
            for a, b in zip(x.shape[:-1], other.shape[:-1], strict=True)
            if isinstance(a, int) and isinstance(b, int)
        }
        if apart <= {0}:
            big, small = sorted((x.channels, other.channels), reverse=True)
            return (f"`conv 1x1, {big}` brings an input of {small} channels to {big}",)
        stride = _stride_between(x, other)
        if stride is not None:
            return (self.projection(*stride),)
        if apart <= {0, 1}:
            return ("`pad` or `crop` the larger or the smaller one by one",)
        (more, *others) = {a - b for a, b in zip(x.shape[:-1], other.shape[:-1], strict=True)}
        if x.is_map and not others and isinstance(more, int) and more % 2 == 0:
            larger, smaller = (x, other) if more > 0 else (other, x)
            size = TensorType(smaller.shape[:-1])
            return (f"`crop {abs(more) // 2}` brings an input of {larger} to {size}, or give the "
                    "windows paddings that keep the size",)  # fmt: skip
        return ("give the branches equal strides, and paddings that keep the size",)

    def projection(self, big: TensorType, small: TensorType, stride: int) -> str:
        """How one input reaches the size of another by a stride."""
        return f"`conv 1x1/{stride}, {small.channels}` brings an input of {big} to {small}"

    def equations(self, *inputs: TensorType) -> tuple[tuple[Size, Size], ...]:
        first, *others = self.aligned(*inputs)
        pairs = (pair for x in others for pair in zip(first.shape, x.shape, strict=True))
        return tuple(dict.fromkeys((a, b) for a, b in pairs if a != b))

    def work(self, *inputs: TensorType) -> Ledger:
        (out,) = self.infer(*inputs)
        return {self.word: out.elements * (len(inputs) - 1)}


@op("concat", family="merge")
class Concat(Merge):
    """Concatenation of the channels of all inputs, in order.

    Shapes: maps with equal H × W to H × W × the sum of the channels; vectors likewise.
    Costs: every element of the output is written once.
    Source: Szegedy et al., Going deeper with convolutions, 2014.
    """

    arity = (1, None)
    code = "E0302"
    needs = "equal heights and widths"

    def aligned(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        return tuple(x.with_channels(sum(x.channels for x in inputs)) for x in inputs)

    def projection(self, big: TensorType, small: TensorType, stride: int) -> str:
        size = TensorType(small.shape[:-1])
        return f"a window with stride {stride} brings an input of {big} to {size}"

    def work(self, *inputs: TensorType) -> Ledger:
        (out,) = self.infer(*inputs)
        return {"concat": out.elements}


@op("add", family="merge")
class Add(Merge):
    """Elementwise sum of all inputs.

    Shapes: all inputs and the output are equal. Costs: n − 1 additions per element.
    Source: He et al., Deep residual learning for image recognition, 2015.
    """

    arity = (1, None)


@op("sub", family="merge")
class Sub(Merge):
    """Elementwise difference, the first input minus the second.

    Shapes: both inputs and the output are equal. Costs: one subtraction per element.
    Source: Koch et al., Siamese neural networks for one-shot image recognition, 2015.
    """

    arity = (2, 2)


@op("mul", family="merge")
class Mul(Merge):
    """Elementwise product of all inputs; vectors and 1x1 maps scale the channels of maps.

    Shapes: all inputs are equal, save that C and 1 × 1 × C fit any H × W × C, which is the
    output. Costs: n − 1 multiplications per element.
    Source: Hu et al., Squeeze-and-excitation networks, 2017.
    """

    arity = (2, None)
    needs = "equal shapes, or equal channels to scale"

    def aligned(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        whole = [x for x in inputs if x.area != 1]
        full = whole[0] if whole else max(inputs, key=lambda x: x.rank)
        positions = full.shape[:-1]
        return tuple(
            TensorType((*positions, x.channels), x.dtype) if x.area == 1 else x for x in inputs
        )

    def advice(self, x: TensorType, other: TensorType) -> tuple[str, ...]:
        scale, full = (x, other) if x.area == 1 else (other, x)
        if scale.area != 1:
            return super().advice(x, other)
        return (f"a scale has as many channels as the map: end its branch with {full.channels}",)


def _differences(x: TensorType, usual: TensorType) -> str:
    """In what the sizes differ for sure: `height 28 ≠ 56, channels 64 ≠ 128`, or nothing."""
    if x.rank != usual.rank:
        return f"one is a {KINDS[usual.rank]}, the other a {KINDS[x.rank]}"
    return ", ".join(
        f"{axis} {a} ≠ {b}"
        for axis, a, b in zip(_axis_names(x), x.shape, usual.shape, strict=True)
        if a != b and not isinstance(a, Symbol) and not isinstance(b, Symbol)
    )


def _axis_names(x: TensorType) -> tuple[str, ...]:
    return {2: ("length", "channels"), 3: ("height", "width", "channels")}.get(
        x.rank, ("channels",)
    )


def _stride_between(x: TensorType, other: TensorType) -> tuple[TensorType, TensorType, int] | None:
    """The larger map, the smaller one, and the stride that leads from one to the other."""
    for big, small in ((x, other), (other, x)):
        for stride in (2, 4, 8, 16, 32):
            if [Axis(stride).size(n) for n in big.shape[:-1]] == list(small.shape[:-1]):
                return big, small, stride
    return None
