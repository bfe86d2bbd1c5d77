"""Width: every class of channels times a factor, rounded as in MobileNet.

Two kinds of classes follow others, as the papers of mobile networks define them. An
*expansion*, `t * in.channels` for a depthwise convolution, stays the multiple that it is
(MobileNetV2), and the *squeeze* of a gate keeps its share of what is gated (SENet).
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from functools import cache
from math import lcm

from ...evaluate.functions import FUNCTIONS
from . import Transformed, Untransformed, arguments, transform
from .channels import Channels, Class, is_depthwise, makes, operator
from .rebuild import changes, resized

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...graph import Module, Node
    from ..places import Places
    from ..rule import Rewrite


@transform
def width(module: Module, rewrite: Rewrite, places: Places) -> Transformed:
    """`width(0.75)`: all layers are 0.75 times as wide, their weights begin fresh."""
    given = arguments(rewrite)
    after = scaled(module, places, given["factor"], given["multiple"])
    return Transformed(after, changes(module, after))


def scaled(module: Module, places: Places, factor: float, multiple: int = 8) -> Module:
    """The module with its free classes times a factor. Raises Untransformed."""
    channels = Channels(module, lockstep=False)
    sizes = _Sizes(channels, channels.free(places), factor, multiple)
    after = resized(module, channels.operators(sizes.amount))
    if after.main.output_types != module.main.output_types:
        raise Untransformed("the outputs would change")
    return after


class _Sizes:
    """How many channels each class is to have."""

    def __init__(
        self, channels: Channels, free: Sequence[Class], factor: float, multiple: int
    ) -> None:
        self.channels = channels
        self.free = {kind.number for kind in free}
        self.factor = factor
        self.multiple = multiple
        self.nodes = {node.name: node for node in channels.graph.nodes}
        self.readers: dict[int, list[Class]] = {}
        self.filtered: set[int] = set()
        for node in channels.graph.nodes:
            self._note(node)
        self.size = cache(self._size)

    def _note(self, node: Node) -> None:
        """Who reads which class, and which go through depthwise convolutions."""
        op, types = operator(node), self.channels.inputs(node)
        if makes(op, types):
            made = self.channels.classes_in(node.outputs[0].name)
            for kind in self._read(node):
                self.readers.setdefault(kind.number, []).extend(made)
        elif is_depthwise(op, types[0]):
            self.filtered.update(kind.number for kind in self._read(node))

    def _read(self, node: Node) -> list[Class]:
        return self.channels.classes_in(node.inputs[0])

    def amount(self, channels: Sequence[int]) -> Fraction:
        """How many channels there will be in place of some."""
        kinds = Counter(
            self.channels.class_of[self.channels.bundle(channel)] for channel in channels
        )
        return sum((Fraction(n * self.size(k), k.size) for k, n in kinds.items()), Fraction(0))

    def _size(self, kind: Class) -> int:
        if kind.number not in self.free:
            return kind.size
        source = self._source(kind)
        if source is not None and self._is_squeeze(kind, source):
            return max(1, round(Fraction(kind.size * self.size(source), source.size)))
        if source is not None and self._is_expansion(kind, source):
            return kind.size // source.size * self.size(source)
        return int(round_to(kind.size * self.factor, lcm(self.multiple, kind.multiple)))

    def _source(self, kind: Class) -> Class | None:
        """The other free class, if it is one, that the first maker reads."""
        first = self.nodes.get(kind.makers[0])
        read = self._read(first) if first is not None else []
        follows = len(read) == 1 and read[0].number in self.free - {kind.number}
        return read[0] if follows and kind.multiple == 1 else None

    def _is_expansion(self, kind: Class, source: Class) -> bool:
        """Whether it is made wider for a depthwise convolution, and narrowed again behind it."""
        return (
            kind.number in self.filtered
            and kind.size % source.size == 0
            and all(reader.size < kind.size for reader in self.readers.get(kind.number, ()))
        )

    def _is_squeeze(self, kind: Class, source: Class) -> bool:
        """Whether it is read off whole maps of the source, and for the source alone."""
        first = self.nodes[kind.makers[0]]
        pooled = self.channels.types[first.inputs[0]].area == 1
        readers = self.readers.get(kind.number, ())
        return pooled and {reader.number for reader in readers} == {source.number}


round_to = FUNCTIONS["round_to"][2]
"""The nearest multiple, at least one of them and never below 90 % of the value."""
