"""Bounds: between which numbers every value lies, whatever comes in and whatever was learnt.

    relu                 from 0 on
    relu6                from 0 to 6
    sigmoid; maxpool     from 0 to 1

Interval arithmetic from the inputs, which may be anything, to the outputs. Arithmetic is in
fractions, so a bound is never rounded to the wrong side, and it holds in training as well as in
inference. What weights take part in has no bounds.
"""

from __future__ import annotations

from fractions import Fraction
from functools import reduce
from math import inf
from operator import add

from ..graph import Call, Graph, Module
from ..ops.pool import MaxPool
from ..ops.windowed import DENSE
from ..record import Record
from ..window import Padding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..op import Op
    from ..ops.activation import LeakyRelu, Times
    from ..ops.norm import Lrn
    from ..ops.pool import AvgPool
    from ..ops.regular import Dropout
    from ..ops.reshape import ConstantPad, Upsample
    from ..types import TensorType

    Number = Fraction | float
    """A fraction, or an infinity."""
    Rule = Callable[..., "Bounds"]
    Known = dict[tuple[str, tuple["Bounds", ...]], tuple["Bounds", ...]]
    """What functions give, by their name and the bounds of their inputs."""


class Bounds(Record):
    """From `low` to `high`, both included."""

    low: Number = -inf
    high: Number = inf

    def hull(self, other: Bounds) -> Bounds:
        """The bounds of what is one or the other."""
        return Bounds(min(self.low, other.low), max(self.high, other.high))

    def holds(self, other: Bounds) -> bool:
        """Whether the other bounds lie within these."""
        return self.low <= other.low and other.high <= self.high

    def __add__(self, other: Bounds) -> Bounds:
        return Bounds(self.low + other.low, self.high + other.high)

    def __neg__(self) -> Bounds:
        return Bounds(-self.high, -self.low)

    def __mul__(self, other: Bounds) -> Bounds:
        ends = [_product(a, b) for a in (self.low, self.high) for b in (other.low, other.high)]
        return Bounds(min(ends), max(ends))


NOUGHT = Fraction(0)
ANYTHING = Bounds()
ZERO = Bounds(NOUGHT, NOUGHT)
UNIT = Bounds(NOUGHT, Fraction(1))


def bounds(graph: Graph, module: Module) -> dict[str, Bounds]:
    """The bounds of every value of a function, by its name."""
    return _bounds(graph, (ANYTHING,) * len(graph.inputs), module.by_name, {})


def _bounds(
    graph: Graph, inputs: tuple[Bounds, ...], functions: Mapping[str, Graph], known: Known
) -> dict[str, Bounds]:
    found = {value.name: bound for value, bound in zip(graph.inputs, inputs, strict=True)}
    types = graph.types
    for node in graph.nodes:
        read = tuple(found[name] for name in node.inputs)
        if isinstance(node.op, Call):
            results = _called(node.op.function, read, functions, known)
        else:
            given = [types[name] for name in node.inputs]
            results = (_applied(node.op, given, read),) * len(node.outputs)
        found.update(zip((value.name for value in node.outputs), results, strict=True))
    return found


def _called(
    name: str, inputs: tuple[Bounds, ...], functions: Mapping[str, Graph], known: Known
) -> tuple[Bounds, ...]:
    if (name, inputs) not in known:
        inner = _bounds(functions[name], inputs, functions, known)
        known[name, inputs] = tuple(inner[output.value] for output in functions[name].outputs)
    return known[name, inputs]


def _applied(op: Op, types: Sequence[TensorType], inputs: Sequence[Bounds]) -> Bounds:
    """The bounds of what an operator gives: of all its results alike."""
    if op.word in SAME:
        return reduce(Bounds.hull, inputs)
    rule = RULES.get(op.word)
    return rule(op, types, *inputs) if rule is not None else ANYTHING


# ------------------------------------------------------------------- operators


def clipped(high: Number) -> Rule:
    """Rectifiers: from zero to a cap."""

    def rule(op: Op, types: Sequence[TensorType], x: Bounds) -> Bounds:
        return Bounds(*(min(max(end, NOUGHT), high) for end in (x.low, x.high)))

    return rule


def leakyrelu(op: LeakyRelu, types: Sequence[TensorType], x: Bounds) -> Bounds:
    """It rises with x."""
    slope = Fraction(op.slope)
    return Bounds(*(end if end >= 0 else slope * end for end in (x.low, x.high)))


def abs_(op: Op, types: Sequence[TensorType], x: Bounds) -> Bounds:
    return Bounds(max(x.low, -x.high, NOUGHT), max(x.high, -x.low))


def times(op: Times, types: Sequence[TensorType], x: Bounds) -> Bounds:
    factor = Fraction(op.factor)
    return x * Bounds(factor, factor)


def dipping(least: Fraction) -> Rule:
    """Activations that lie between 0 and x above zero, and between `least` and 0 below."""

    def rule(op: Op, types: Sequence[TensorType], x: Bounds) -> Bounds:
        return Bounds(NOUGHT if x.low >= 0 else least, max(x.high, NOUGHT))

    return rule


def within(bound: Bounds) -> Rule:
    return lambda op, types, *inputs: bound


def lrn(op: Lrn, types: Sequence[TensorType], x: Bounds) -> Bounds:
    """Divided by a positive number, which is at least 1 where k is."""
    return _towards_zero(x) if op.k >= 1 else _signed(x)


def sum_(op: Op, types: Sequence[TensorType], *inputs: Bounds) -> Bounds:
    return reduce(add, inputs)


def difference(op: Op, types: Sequence[TensorType], x: Bounds, y: Bounds) -> Bounds:
    return x + -y


def product(op: Op, types: Sequence[TensorType], *inputs: Bounds) -> Bounds:
    return reduce(Bounds.__mul__, inputs)


def maxpool(op: MaxPool, types: Sequence[TensorType], x: Bounds) -> Bounds:
    """A window with nothing but padding in it gives −∞."""
    return x if meets_map(op, types[0]) else Bounds(high=x.high)


def avgpool(op: AvgPool, types: Sequence[TensorType], x: Bounds) -> Bounds:
    """Padding that counts is zeros; the mean of nothing has no bounds."""
    if op.count_include_pad:
        return _towards_zero(x) if has_padding(op, types[0]) else x
    return x if meets_map(op, types[0]) else ANYTHING


def pad(op: ConstantPad, types: Sequence[TensorType], x: Bounds) -> Bounds:
    value = Fraction(op.value)
    return x.hull(Bounds(value, value))


def upsample(op: Upsample, types: Sequence[TensorType], x: Bounds) -> Bounds:
    """Means of what lies around, save that cubics overshoot."""
    return x if op.mode != "bicubic" or x.low == x.high else ANYTHING


def dropped(op: Dropout, types: Sequence[TensorType], x: Bounds) -> Bounds:
    """Zero or enlarged in training, untouched in inference."""
    factor = 1 / (1 - Fraction(op.rate))
    return x.hull(ZERO).hull(x * Bounds(factor, factor))


def towards_zero(op: Op, types: Sequence[TensorType], x: Bounds) -> Bounds:
    return _towards_zero(x)


def meets_map(op: Op, x: TensorType) -> bool:
    """Whether every window of a pool surely has an element of the map in it."""
    axes = op.axes(x)
    if axes is None:
        return False
    gaps = op.dilation if isinstance(op, MaxPool) else DENSE
    return all(
        max(axis.lo, axis.hi) <= axis.extent and (gap == 1 or (isinstance(n, int) and gap <= n))
        for axis, gap, n in zip(axes, gaps, (x.height, x.width), strict=True)
    )


def has_padding(op: MaxPool | AvgPool, x: TensorType) -> bool:
    """Whether a pool pads, or may: `same` waits for a size where that is open."""
    return op.canonical(x).pad != Padding()


def _towards_zero(x: Bounds) -> Bounds:
    return x.hull(ZERO)


def _signed(x: Bounds) -> Bounds:
    """The sign is all that is known."""
    return Bounds(NOUGHT if x.low >= 0 else -inf, NOUGHT if x.high <= 0 else inf)


def _product(a: Number, b: Number) -> Number:
    """The product of two ends, where zero times anything is zero."""
    return NOUGHT if a == 0 or b == 0 else a * b


SAME = (
    "identity", "flatten", "crop", "depth_to_space", "space_to_depth", "shuffle", "split",
    "concat", "globalavgpool", "globalmaxpool",
)  # fmt: skip
"""Operators whose results are elements of their inputs, or means of them."""
RULES: dict[str, Rule] = {
    "relu": clipped(inf),
    "relu6": clipped(Fraction(6)),
    "leakyrelu": leakyrelu,
    "abs": abs_,
    "times": times,
    "silu": dipping(Fraction("-0.2785")),
    "gelu": dipping(Fraction("-0.1701")),
    "hswish": dipping(Fraction("-0.375")),
    "hsigmoid": within(UNIT),
    "sigmoid": within(UNIT),
    "softmax": within(UNIT),
    "tanh": within(Bounds(Fraction(-1), Fraction(1))),
    "lrn": lrn,
    "add": sum_,
    "sub": difference,
    "mul": product,
    "maxpool": maxpool,
    "avgpool": avgpool,
    "pad": pad,
    "pad_channels": towards_zero,
    "upsample": upsample,
    "dropout": dropped,
    "droppath": dropped,
}
