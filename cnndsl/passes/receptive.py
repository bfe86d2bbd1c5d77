"""Receptive fields: which part of the input an element of a value depends on.

Along one axis, output `i` of a value reads the inputs from `first(i)` to `last(i)`.
Both are affine up to a period: with a period of P outputs in which the window
moves on by `step` inputs,

    first(P·q + r) = step·q + first(r)        last(P·q + r) = step·q + last(r)

Convolutions and pools have P = 1; a transposed convolution or an upsampling by s
has P = s and step 1. Such hulls are closed under composition and under union of
branches with the same rate step / P, so a function is summarised once, by the hull
from each of its inputs to each of its results, and composed at its call sites.
The hulls are exact (the brute-force test says so) unless a transposed convolution
leaves holes: there they may be too large, never too small.

An operator without windows (`fc`, global pools, `flatten`, `gn`) reads the whole
map. A gate, the 1x1 operand of a `mul` over a map, does too, but says little about
what a map sees; such a field is the field of the map, and marked `gated`.

Positions in the padding count, as they do in the literature.
"""

from __future__ import annotations

from math import gcd, lcm

from ..graph import Call, Graph, Module, Node, inference_graph
from ..ops.conv import Conv, Deconv, DwConv
from ..ops.pool import AvgPool, MaxPool
from ..ops.reshape import DepthToSpace, Upsample
from ..ops.windowed import DENSE
from ..record import Record
from ..window import Padding, axis

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from fractions import Fraction

    from ..op import Op
    from ..symbol import Size
    from ..types import TensorType
    from ..window import Axis

    Bounds = tuple[int, int]


class Reach(Record):
    """What a value reads along one axis.

    Arguments:
        size: the receptive field, the greatest number of neighbouring inputs that one
            output reads; the size of the input where it reads the whole.
        stride: distance between the fields of neighbouring outputs: an integer, a
            fraction after upsampling, 0 where it reads the whole.
        start: the first input that output 0 reads, negative in the padding. None where
            output 0 reads nothing, in the holes of a transposed convolution.
        whole: every output reads the whole input.
        irregular: it reads the whole because branches with different strides meet, so
            that no stride describes it.
    """

    size: Size
    stride: int | Fraction
    start: int | None
    whole: bool = False
    irregular: bool = False

    @property
    def centre(self) -> int | Fraction | None:
        """The middle of the field of output 0: -1/2 is between inputs -1 and 0."""
        if self.whole or self.start is None or not isinstance(self.size, int):
            return None
        return _ratio(2 * self.start + self.size - 1, 2)


class Field(Record):
    """The receptive field of a value along both axes.

    Arguments:
        height, width: along each axis.
        gated: what is read elsewhere also scales it, through a gate.
    """

    height: Reach
    width: Reach
    gated: bool = False

    @property
    def whole(self) -> bool:
        """Whether it is the whole input along both axes."""
        return self.height.whole and self.width.whole


class Hull(Record):
    """The inputs that an output reads along one axis, see the module.

    Arguments:
        step: how far the window moves in one period.
        bounds: first and last input of each output of a period; None where it reads nothing.
    """

    step: int = 1
    bounds: tuple[Bounds | None, ...] = ((0, 0),)

    @property
    def period(self) -> int:
        return len(self.bounds)

    def at(self, output: int) -> Bounds | None:
        """First and last input that an output reads."""
        turn, phase = divmod(output, len(self.bounds))
        bounds = self.bounds[phase]
        shift = self.step * turn
        return bounds and (bounds[0] + shift, bounds[1] + shift)

    def of(self, first: int, last: int) -> Bounds | None:
        """The hull of what the outputs `first..last` read."""
        ends = max(first, last - self.period + 1), min(last, first + self.period - 1)
        outer = [*range(first, ends[1] + 1), *range(max(ends[0], ends[1] + 1), last + 1)]
        read = [bounds for output in outer if (bounds := self.at(output))]
        return (min(a for a, _ in read), max(b for _, b in read)) if read else None

    def then(self, after: Hull) -> Hull:
        """What the outputs of `after` read through this one."""
        repeats = self.period // gcd(after.step, self.period)
        outputs = (after.at(j) for j in range(after.period * repeats))
        step = self.step * (after.step * repeats // self.period)
        return Hull(step, tuple(read and self.of(*read) for read in outputs))

    def union(self, other: Hull) -> Hull | None:
        """The hull of both; None when they move at different rates."""
        if self.step * other.period != other.step * self.period:
            return None
        period = lcm(self.period, other.period)
        step = self.step * period // self.period
        return Hull(step, tuple(_cover(self.at(j), other.at(j)) for j in range(period)))

    @property
    def reach(self) -> Reach:
        size = max((b - a + 1 for a, b in filter(None, self.bounds)), default=0)
        start = self.bounds[0][0] if self.bounds[0] else None
        return Reach(size, _ratio(self.step, self.period), start)


class Everything(Record):
    """The hull of what reads the whole input; `irregular` as in `Reach`."""

    irregular: bool = False


class Path(Record):
    """How a value depends on an input.

    Arguments:
        axes: the hulls along height and width; None when there is no path but through gates.
        gated: there is a path through a gate.
    """

    axes: tuple[Hull | Everything, Hull | Everything] | None
    gated: bool = False


IDENTITY = Path((Hull(), Hull()))
WHOLE = Path((Everything(), Everything()))
GATE = Path(None, gated=True)


def receptive_field(module: Module, value: str | None = None, input: str | None = None) -> Field:
    """The receptive field of one value of the main graph.

    Arguments:
        value: its name. Unset means the map before the head: the last value on the way
            to the first output that is not for training whose field is not the whole input.
        input: the input to look at, the first one of those that reach the value when unset.

    Raises KeyError when there is no such value or no path from the input to it.
    """
    fields = receptive_fields(module, input)
    return fields[before_head(module.main, fields) if value is None else value]


def receptive_fields(module: Module, input: str | None = None) -> dict[str, Field]:
    """The receptive field of every value of the main graph that depends on an input.

    Arguments:
        input: the input to look at; unset means for each value the first that reaches it.
    """
    inputs = module.main.inputs
    wanted = [i for i, value in enumerate(inputs) if input in (None, value.name)]
    result: dict[str, Field] = {}
    for name, known in paths(module).items():
        for i in [i for i in wanted if i in known][:1]:
            result[name] = _field(known[i], inputs[i].type)
    return result


def paths(module: Module) -> dict[str, Mapping[int, Path]]:
    """How every value of the main graph depends on each input, by the input's position."""
    summaries: dict[str, Paths] = {}
    known: dict[str, Mapping[int, Path]] = {}
    for function in module.functions:
        known = _follow(function, summaries)
        summaries[function.name] = [known[output.value] for output in function.outputs]
    return known


def before_head(main: Graph, fields: Mapping[str, Field]) -> str:
    """The value that a head reads: see `receptive_field`."""
    outputs = inference_graph(main).outputs or main.outputs
    producers = main.producers
    name = outputs[0].value
    while fields[name].whole and name in producers:
        inputs = [i for i in producers[name].inputs if i in fields]
        name = next((i for i in inputs if not fields[i].whole), inputs[0])
    return name


if TYPE_CHECKING:
    Paths = Sequence[Mapping[int, Path]]
    """For each value, how it depends on each input of the function, by its position."""


def _follow(graph: Graph, summaries: Mapping[str, Paths]) -> dict[str, Mapping[int, Path]]:
    """How every value of a function depends on the function's inputs."""
    types = graph.types
    known: dict[str, Mapping[int, Path]] = {
        value.name: {i: IDENTITY} for i, value in enumerate(graph.inputs)
    }
    for node in graph.nodes:
        read = [known[name] for name in node.inputs]
        for value, row in zip(node.outputs, _rows(node, types, summaries), strict=True):
            known[value.name] = _through(read, row)
    return known


def _rows(node: Node, types: Mapping[str, TensorType], summaries: Mapping[str, Paths]) -> Paths:
    """How each result of a node depends on each of the node's inputs."""
    if isinstance(node.op, Call):
        return summaries[node.op.function]
    inputs = [types[name] for name in node.inputs]
    return [op_paths(node.op, inputs, value.type) for value in node.outputs]


def _through(read: Sequence[Mapping[int, Path]], row: Mapping[int, Path]) -> dict[int, Path]:
    """Paths to a node's inputs, composed with the node's own; the union over its inputs."""
    result: dict[int, Path] = {}
    for k, step in row.items():
        for i, path in read[k].items():
            composed = then(path, step)
            result[i] = union(result[i], composed) if i in result else composed
    return result


def then(path: Path, step: Path) -> Path:
    if path.axes is None or step.axes is None:
        return GATE
    height, width = (_along(a, b) for a, b in zip(path.axes, step.axes, strict=True))
    return Path((height, width), path.gated or step.gated)


def _along(first: Hull | Everything, after: Hull | Everything) -> Hull | Everything:
    if isinstance(first, Everything):
        return first
    return after if isinstance(after, Everything) else first.then(after)


def union(a: Path, b: Path) -> Path:
    gated = a.gated or b.gated
    if a.axes is None or b.axes is None:
        return Path(a.axes or b.axes, gated)
    height, width = (_join(x, y) for x, y in zip(a.axes, b.axes, strict=True))
    return Path((height, width), gated)


def _join(a: Hull | Everything, b: Hull | Everything) -> Hull | Everything:
    if isinstance(a, Everything):
        return a
    if isinstance(b, Everything):
        return b
    return a.union(b) or Everything(irregular=True)


def op_paths(op: Op, inputs: Sequence[TensorType], out: TensorType) -> dict[int, Path]:
    """How a result of an operator depends on each of its inputs."""
    own = _own_path(op, inputs)
    return {
        i: GATE if _is_point(x) and not _is_point(out) and len(inputs) > 1 else own
        for i, x in enumerate(inputs)
    }


def _own_path(op: Op, inputs: Sequence[TensorType]) -> Path:
    """What an operator reads, the same of each input."""
    axes = op.axes(*inputs)
    if axes is not None:
        return Path((_axis_hull(axes[0]), _axis_hull(axes[1])))
    if isinstance(op, Deconv):
        return _deconv_path(op.canonical(*inputs))
    if isinstance(op, Upsample):
        return _upsample_path(op, inputs[0])
    if isinstance(op, DepthToSpace):
        square = Hull(1, ((0, 0),) * op.factor)
        return Path((square, square))
    if isinstance(op, Conv | DwConv | MaxPool | AvgPool):
        return _same_path(op)
    return WHOLE


def _axis_hull(axis: Axis) -> Hull:
    return Hull(axis.stride, ((-axis.lo, axis.extent - axis.lo),))


def _same_path(op: Conv | DwConv | MaxPool | AvgPool) -> Path:
    """`same` on a symbolic size, with the padding that it has on multiples of the stride."""
    dilation = DENSE if isinstance(op, AvgPool) else op.dilation
    height, width = (
        _axis_hull(axis(size, stride, (max((size - 1) * d + 1 - stride, 0) // 2, 0), d))
        for size, stride, d in zip(op.window.size, op.window.stride, dilation, strict=True)
    )
    return Path((height, width))


def _deconv_path(op: Deconv) -> Path:
    assert isinstance(op.pad, Padding)
    height, width = (
        _deconv_hull(size, stride, lo, d)
        for size, stride, lo, d in zip(
            op.window.size, op.window.stride, (op.pad.top, op.pad.left), op.dilation, strict=True
        )
    )
    return Path((height, width))


def _deconv_hull(size: int, stride: int, lo: int, dilation: int) -> Hull:
    """Output j reads each i with `j = stride·i − lo + t` for a tap t."""
    read = [
        [(j + lo - t) // stride for t in range(0, size * dilation, dilation)
         if (j + lo - t) % stride == 0]
        for j in range(stride)
    ]  # fmt: skip
    return Hull(1, tuple((min(i), max(i)) if i else None for i in read))


def _upsample_path(op: Upsample, x: TensorType) -> Path:
    (out,) = op.infer(x)
    height, width = (
        _upsample_hull(op, n, m, factor)
        for n, m, factor in zip(x.shape[:2], out.shape[:2], op.factor, strict=True)
    )
    return Path((height, width))


def _upsample_hull(op: Upsample, n: Size, m: Size, factor: int) -> Hull | Everything:
    """Output j has the source coordinate `(j + 1/2)·n/m − 1/2`, in `nearest` rounded.

    With `align_corners` it is `j·(n − 1)/(m − 1)`, less than one below `j·n/m`; the hull
    covers all it may be, so that it keeps the rate of the maps beside it.
    """
    if op.size is None:
        n, m = 1, factor
    if not isinstance(n, int) or not isinstance(m, int):
        return Everything(irregular=True)
    step, period = n // gcd(n, m), m // gcd(n, m)
    return Hull(step, tuple(_sources(op, j, step, period) for j in range(period)))


def _sources(op: Upsample, j: int, step: int, period: int) -> Bounds:
    """First and last input that output j of a resize by `period / step` reads."""
    if op.mode == "nearest":
        return j * step // period, j * step // period
    before, behind = (0, 1) if op.mode == "bilinear" else (1, 2)
    if op.align_corners:
        low = (j * step - max(period - step, 0)) // period
        high = (j * step + max(step - period, 0)) // period
        return low - before, high + behind
    at, rest = divmod((2 * j + 1) * step - period, 2 * period)
    return (at - before, at + behind) if rest else (at, at)


def _field(path: Path, input: TensorType) -> Field:
    height, width = path.axes or (Everything(), Everything())
    return Field(_reach(height, input.height), _reach(width, input.width), path.gated)


def _reach(hull: Hull | Everything, n: Size) -> Reach:
    if isinstance(hull, Everything):
        return Reach(n, 0, 0, whole=True, irregular=hull.irregular)
    return hull.reach


def _is_point(type: TensorType) -> bool:
    return type.area == 1


def _ratio(a: int, b: int) -> int | Fraction:
    """a / b, an integer where it is one."""
    if a % b == 0:
        return a // b
    from fractions import Fraction

    return Fraction(a, b)


def _cover(a: Bounds | None, b: Bounds | None) -> Bounds | None:
    """The least interval that covers both."""
    return (min(a[0], b[0]), max(a[1], b[1])) if a and b else a or b
