"""Which channels of a network belong together, and how many there may be.

Every channel is made somewhere: by an input, by a kernel, as zeros. All other operators carry
channels along, and `sources` says which. Channels that are added or multiplied are one and the
same decision, a *bundle*; bundles that are made by the same operators are a *class*. The
channels of inputs and outputs, and all that is tied to them, never change.

The analysis runs on the flat graph, where a value is just a list of channels. Results are told by
path, so that copies of a block that come out alike are one function again (`rebuild`).
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import pairwise
from math import lcm

from ...graph import Module
from ...op import Op
from ...ops.conv import Conv, Deconv, DwConv, Local
from ...ops.linear import Fc
from ...ops.merge import Add, Concat, Mul, Sub
from ...ops.norm import Gn
from ...ops.reshape import DepthToSpace, Flatten, PadChannels, Shuffle, SpaceToDepth, Split
from ...passes.flatten import flatten, paths
from ...record import Record, replace
from ...symbol import Symbol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ...graph import Node
    from ...types import TensorType
    from ..places import Places
    from .rebuild import Path

    Amount = Callable[[Sequence[int]], Fraction | int]
    """How many channels there are to be in place of some."""

MADE = -1
"""The source of a channel that an operator makes itself."""
KERNELS = (Conv, Deconv, Local, Fc)
"""Operators whose kernels read all channels, or a group of them, and make new ones."""


# ----------------------------------------------------------------- operators


def operator(node: Node) -> Op:
    """The operator of a node of a flat graph."""
    assert isinstance(node.op, Op)
    return node.op


def is_depthwise(op: Op, x: TensorType) -> bool:
    """Whether every channel has kernels of its own. One channel in one group has not."""
    return isinstance(op, DwConv) or (isinstance(op, Conv) and 1 < op.groups == x.channels)


def makes(op: Op, inputs: Sequence[TensorType]) -> bool:
    """Whether an operator's kernel makes its channels, rather than to filter each."""
    return isinstance(op, KERNELS) and not is_depthwise(op, inputs[0])


def sources(op: Op, inputs: Sequence[TensorType]) -> list[list[int]]:
    """For each output, where its channels are in the inputs put side by side."""
    count = inputs[0].channels
    if makes(op, inputs):
        (out,) = op.infer(*inputs)
        return [[MADE] * out.channels]
    if is_depthwise(op, inputs[0]):
        (out,) = op.infer(*inputs)
        return [_repeat(range(count), out.channels // count)]
    if isinstance(op, Concat):
        return [list(range(sum(x.channels for x in inputs)))]
    if isinstance(op, Split):
        ends = [0]
        for part in op.infer(*inputs):
            ends.append(ends[-1] + part.channels)
        return [list(range(a, b)) for a, b in pairwise(ends)]
    if isinstance(op, PadChannels):
        return [[*range(count), *[MADE] * (op.channels - count)]]
    if isinstance(op, Shuffle):
        return [[i for column in zip(*rows(op, range(count)), strict=True) for i in column]]
    if isinstance(op, DepthToSpace):
        return [rows(op, range(count))[0]]
    if isinstance(op, SpaceToDepth):
        return [_spread(count, op.factor**2, op.order == "crd")]
    if isinstance(op, Flatten):
        area = inputs[0].area
        assert not isinstance(area, Symbol)  # `flatten` itself refuses those
        return [_spread(count, area, op.order == "chw")]
    return [list(range(count))]


def _repeat(items: Iterable[int], times: int) -> list[int]:
    return [item for item in items for _ in range(times)]


def _spread(channels: int, positions: int, channels_first: bool) -> list[int]:
    """Positions become channels: all of one channel follow each other, or all channels of one."""
    return _repeat(range(channels), positions) if channels_first else [*range(channels)] * positions


def parts(op: Op) -> int:
    """Into how many equal parts an operator divides its channels."""
    if isinstance(op, (Conv, Deconv, Gn, Shuffle)):
        return op.groups
    if isinstance(op, DepthToSpace):
        return op.factor**2
    return op.parts[0] if isinstance(op, Split) and len(op.parts) == 1 else 1


def rows(op: Op, channels: Sequence[int]) -> list[list[int]]:
    """The parts, whose i-th channels are treated alike."""
    count = parts(op)
    if isinstance(op, DepthToSpace) and op.order == "crd":
        return [list(channels[i::count]) for i in range(count)]
    size = len(channels) // count
    return [list(channels[i * size : (i + 1) * size]) for i in range(count)]


# ----------------------------------------------------------------- the analysis


class Class(Record):
    """Channels that are made by the same operators.

    Arguments:
        number: its place among all classes.
        bundles: each counts once, whatever number of values it stands in.
        makers: names of the flat nodes that make them.
        fixed: tied to an input or an output.
        multiple: what their number must be a multiple of.
    """

    number: int
    bundles: tuple[int, ...]
    makers: tuple[str, ...]
    fixed: bool
    multiple: int

    @property
    def size(self) -> int:
        return len(self.bundles)


class Channels:
    """The channels of a module.

    Arguments:
        lockstep: which channel goes matters, not just how many there are. Then those at the same
            place of each group of a grouped convolution, of a shuffle, of a group norm go
            together, and two bundles are of one class only if no value can tell them apart.

    Attributes:
        values: for each value of the flat graph, the channels that it is made of, as numbers.
    """

    def __init__(self, module: Module, lockstep: bool) -> None:
        self.graph = flatten(module)
        self.paths = paths(module)
        self.types = self.graph.types
        self.lockstep = lockstep
        self.values: dict[str, list[int]] = {}
        self.made: dict[str, list[int]] = {}
        self.parents: list[int] = []
        self.divided: list[tuple[list[int], int]] = []
        for value in self.graph.inputs:
            self.values[value.name] = self._new(value.name, value.type.channels)
        for node in self.graph.nodes:
            self._visit(node)
        self._tie_shared()
        self.classes = self._classes()
        self.class_of = {b: kind for kind in self.classes for b in kind.bundles}

    def inputs(self, node: Node) -> list[TensorType]:
        return [self.types[name] for name in node.inputs]

    def bundle(self, channel: int) -> int:
        """The number of the bundle that a channel belongs to."""
        while self.parents[channel] != channel:
            self.parents[channel] = channel = self.parents[self.parents[channel]]
        return channel

    def bundles(self, value: str) -> list[int]:
        return [self.bundle(channel) for channel in self.values[value]]

    # -------------------------------------------------------------- building

    def _new(self, maker: str, count: int) -> list[int]:
        made = list(range(len(self.parents), len(self.parents) + count))
        self.parents += made
        self.made[maker] = made
        return made

    def _tie(self, first: Iterable[int], second: Iterable[int]) -> None:
        for a, b in zip(first, second, strict=True):
            self.parents[self.bundle(b)] = self.bundle(a)

    def _visit(self, node: Node) -> None:
        op, types = operator(node), self.inputs(node)
        read = [self.values[name] for name in node.inputs]
        if isinstance(op, (Add, Sub, Mul)):
            for other in read[1:]:
                self._tie(read[0], other)
        joined = [channel for channels in read for channel in channels]
        for value, places in zip(node.outputs, sources(op, types), strict=True):
            if places == list(range(len(joined))):
                self.values[value.name] = read[0] if len(read) == 1 else joined
                continue
            made = iter(self._new(node.name, places.count(MADE)) if MADE in places else ())
            self.values[value.name] = [joined[i] if i != MADE else next(made) for i in places]
        if parts(op) > 1 and not is_depthwise(op, types[0]):
            self._divide(op, read[0])
            if node.name in self.made:
                self._divide(op, self.made[node.name])

    def _divide(self, op: Op, channels: list[int]) -> None:
        """Note that a part is treated like the others, or just that there are so many parts."""
        if not (self.lockstep or isinstance(op, DepthToSpace)):
            self.divided.append((channels, parts(op)))
        elif not isinstance(op, Split):
            first, *others = rows(op, channels)
            for row in others:
                self._tie(first, row)

    def _tie_shared(self) -> None:
        """Operators with one set of weights have their channels in common."""
        known = {node.name: node for node in self.graph.nodes}
        for node in self.graph.nodes:
            lender = known.get(node.weights or "")
            if lender is None:
                continue
            ours = [*node.inputs, *(value.name for value in node.outputs)]
            theirs = [*lender.inputs, *(value.name for value in lender.outputs)]
            for a, b in zip(theirs, ours, strict=True):
                self._tie(self.values[a], self.values[b])

    # -------------------------------------------------------------- classes

    def _classes(self) -> tuple[Class, ...]:
        ends = [v.name for v in self.graph.inputs] + [o.value for o in self.graph.outputs]
        fixed = {bundle for name in ends for bundle in self.bundles(name)}
        told = {id(channels): channels for channels in self.made.values()}
        if self.lockstep:
            told.update((id(channels), channels) for channels in self.values.values())
        numbers = self._apart([*told.values(), list(fixed)])
        members: dict[int, list[int]] = {}
        for bundle, number in numbers.items():
            members.setdefault(number, []).append(bundle)
        makers: dict[int, list[str]] = {}
        for name, made in self.made.items():
            for number in dict.fromkeys(numbers[self.bundle(channel)] for channel in made):
                makers.setdefault(number, []).append(name)
        multiples: dict[int, int] = {}
        for channels, count in self.divided:
            for number in {numbers[self.bundle(channel)] for channel in channels}:
                multiples[number] = lcm(multiples.get(number, 1), count)
        return tuple(
            Class(
                place, tuple(bundles), tuple(makers[n]), bundles[0] in fixed, multiples.get(n, 1)
            )
            for place, (n, bundles) in enumerate(members.items())
        )  # fmt: skip

    def _apart(self, lists: Iterable[Sequence[int]]) -> dict[int, int]:
        """A number for each bundle; those that stand equally often in every list share one."""
        numbers = dict.fromkeys(map(self.bundle, range(len(self.parents))), 0)
        count = 1
        for channels in lists:
            known: dict[tuple[int, int], int] = {}
            for bundle, times in Counter(map(self.bundle, channels)).items():
                key = numbers[bundle], times
                known.setdefault(key, count + len(known))
                numbers[bundle] = known[key]
            count += len(known)
        return numbers

    def classes_in(self, value: str) -> list[Class]:
        """The classes that a value has channels of."""
        found = {kind.number: kind for kind in map(self.class_of.__getitem__, self.bundles(value))}
        return list(found.values())

    def free(self, places: Places) -> list[Class]:
        """The classes that may change, all of whose makers are at some places."""
        return [
            kind
            for kind in self.classes
            if not kind.fixed and all(self._contains(places, name) for name in kind.makers)
        ]

    def _contains(self, places: Places, maker: str) -> bool:
        *path, name = self.paths[maker]
        return places.contains(tuple(path), name)

    # -------------------------------------------------------------- new sizes

    def operators(self, amount: Amount) -> dict[Path, Op]:
        """The operators that are others when there are other numbers of channels."""
        found: dict[Path, Op] = {}
        for node in self.graph.nodes:
            op = operator(node)
            changed = self._sized(op, node, amount)
            if changed != op:
                found[self.paths[node.name]] = changed
        return found

    def _sized(self, op: Op, node: Node, amount: Amount) -> Op:
        sizes = [Fraction(amount(self.values[value.name])) for value in node.outputs]
        if isinstance(op, Conv) and is_depthwise(op, self.types[node.inputs[0]]):
            groups = Fraction(amount(self.values[node.inputs[0]]))
            return replace(op, channels=round(sizes[0]), groups=round(groups))
        if isinstance(op, (*KERNELS, PadChannels)):
            return replace(op, channels=round(sizes[0]))
        if isinstance(op, Split) and (len(op.parts) > 1 or (self.lockstep and len({*sizes}) > 1)):
            ends = [round(sum(sizes[:i])) for i in range(len(sizes) + 1)]
            return replace(op, parts=tuple(b - a for a, b in pairwise(ends)))
        return op
