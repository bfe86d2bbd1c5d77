"""Claims on windows tried out on instances: all small numbers, and the first one that is wrong.

A hole that the right side and the conditions never speak of cannot have been meant for all of
its values. It suffices that the claim holds for some of them: at places with others the rule is
not applied, because claims are proved there, too. The same goes for paddings that the left side
leaves open.
"""

from __future__ import annotations

from itertools import product
from math import prod

from ...evaluate.values import spoken
from ...window import IDENTITY
from ..fit import paths
from ..placing import NotHere
from ..windows import in_words, readings
from .holes import PADDINGS
from .instances import SIZES, Bench, Ground, Unmatched
from .symbolic import names_in
from .verdict import CHECKED, REFUTED, UNKNOWN, Verdict, listed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ...graph import Graph
    from ...window import Axis
    from ..rule import Rewrite
    from .holes import Number, Values
    from .instances import Instance

    Pair = tuple[str, str]
    """An input and an output."""

LARGEST: Mapping[str, int] = {"size": 7, "stride": 4, "dilation": 3, "argument": 4}
"""Up to which numbers instances are tried, if there are not too many."""
MOST_VALUES = 2000
MOST_ATTEMPTS = 240
MOST_RIGHT = 100
MOST_WRONG = 8
"""Enough to see for which numbers a claim is right."""
MAPS = (12, 13, 14, 15, 16, 17)
"""Sizes of maps on which a difference that symbols show must show."""


class Trial:
    """All small numbers in place of the holes that windows may depend on."""

    def __init__(
        self, rewrite: Rewrite, bench: Bench, instance: Instance, padding: int, claim: str
    ) -> None:
        self.bench = bench
        self.sized = Bench(rewrite, Ground(is_sized=True))
        self.base = instance.values
        self.paddings = dict.fromkeys((padding, *range(len(PADDINGS))))
        self.claim = claim
        rule = rewrite.ref.rule
        meant = names_in((rule.right, rewrite.conditions), deep=True)
        own = [n for hole in bench.holes.values() for n in hole.numbers]
        tried = [number for number in own if number.role in LARGEST]
        self.bounds = _lowered({n.name: LARGEST[n.role] for n in tried if self.matters(n, padding)})
        self.meant = [name for name in self.bounds if name.partition(".")[0] in meant]
        self.narrowed: list[Values] = []
        """Where the claim holds only for some values of what the rule is not meant for all of."""

    def matters(self, number: Number, padding: int) -> bool:
        """Whether windows may depend on a number; on an argument, whether they seem to."""
        if number.role != "argument":
            return True
        seen = []
        for value in number.options:
            try:
                instance = self.bench.make({**self.base, number.name: value}, padding)
            except (Unmatched, NotHere):
                continue
            seen.append([_field(instance.right, pair, "window") for _, pair in pairs(instance)])
        return len(seen) < 2 or any(field != seen[0] for field in seen)

    def verdict(self) -> Verdict:
        """What all instances together say."""
        wrong: list[tuple[Values, str]] = []
        right: list[Values] = []
        groups = self.groups()
        for group in groups[:MOST_ATTEMPTS]:
            if len(right) == MOST_RIGHT or len(wrong) == MOST_WRONG:
                break
            for values, text in self.decided(group, thorough=not right):
                if text:
                    wrong.append((values, text))
                else:
                    right.append(values)
        if wrong:
            values, text = wrong[0]
            shown = self.shown(values)
            text = f"for {shown} {text}" if shown else text
            return Verdict(self.claim, REFUTED, text, self.separated(right, [v for v, _ in wrong]))
        if not right:
            return Verdict(self.claim, UNKNOWN)
        is_all = len(groups) <= MOST_ATTEMPTS and len(right) < MOST_RIGHT
        return Verdict(self.claim, CHECKED, self.tried(right, is_all))

    def groups(self) -> list[list[Values]]:
        """Instances that differ only in what the rule is not meant for all of, small ones first."""
        ranges = [range(1, bound + 1) for bound in self.bounds.values()]
        found: dict[tuple[int, ...], list[Values]] = {}
        for chosen in sorted(product(*ranges), key=lambda numbers: (sum(numbers), numbers)):
            values = {**self.base, **dict(zip(self.bounds, chosen, strict=True))}
            found.setdefault(tuple(values[name] for name in self.meant), []).append(values)
        return list(found.values())

    def decided(self, group: list[Values], thorough: bool) -> list[tuple[Values, str]]:
        """The first instance for which the claim holds, or else the first for which it does not,
        and why; nothing where the rule does not apply at all.

        Arguments:
            thorough: whether to find out if it holds for some values only.
        """
        right: list[Values] = []
        wrong: list[tuple[Values, str]] = []
        for values in group:
            text = self.best(values)
            if text:
                wrong.append((values, text))
            elif text is not None:
                right.append(values)
            if right and (wrong or not thorough):
                break
        if right and wrong:
            self.narrowed.append(right[0])
        return [(values, "") for values in right[:1]] or wrong[:1]

    def best(self, values: Values) -> str | None:
        """How an instance differs if it does with every padding; None when it has no match."""
        found = None
        for padding in self.paddings:
            try:
                text = self.difference(values, padding)
            except (Unmatched, NotHere):
                continue
            if not text:
                return ""
            found = found or text
        return found

    def difference(self, values: Values, padding: int) -> str:
        """In what an instance differs; what symbols show must show on some map, too."""
        text = differs(self.bench.make(values, padding), self.claim)
        if not text or self.bench.ground.is_sized or not self.bench.ground.is_map:
            return text
        for size in MAPS:
            try:
                sized = self.sized.make({**values, **dict.fromkeys(SIZES, size)}, padding)
            except (Unmatched, NotHere):
                continue
            if found := differs(sized, self.claim):
                return found
        return ""

    def shown(self, values: Values) -> str:
        """`k = 3 and s = 2`: the holes in question."""
        names = [
            h for h in self.bench.holes.values() if {n.name for n in h.numbers} & {*self.meant}
        ]
        return listed([f"{h.name} = {spoken(h.value(values))}" for h in names]) if names else ""

    def separated(self, right: list[Values], wrong: list[Values]) -> str:
        """A condition that all instances meet for which the claim holds, and no other: `s == 1`."""
        for name in self.meant:
            kept = {values[name] for values in right} - {values[name] for values in wrong}
            if len(kept) == 1:
                return f"{name} == {kept.pop()}"
        return ""

    def tried(self, right: list[Values], is_all: bool) -> str:
        """`for k ≤ 7 and s = 2`, or only for some of these numbers."""
        told = [(name, right) for name in self.meant]
        told += [(n, self.narrowed) for n in self.bounds if n not in self.meant and self.narrowed]
        shown = []
        for name, instances in told:
            numbers = {values[name] for values in instances}
            shown.append(f"{name} {'≤' if len(numbers) > 1 else '='} {max(numbers)}")
        some = "" if is_all else "some "
        return f"for {some}{listed(shown)}" if shown else ""


def _lowered(bounds: dict[str, int]) -> dict[str, int]:
    """The bounds, the largest lowered until there are few enough values."""
    while prod(bounds.values()) > MOST_VALUES:
        bounds[max(bounds, key=lambda name: bounds[name])] -= 1
    return bounds


def differs(instance: Instance, claim: str) -> str:
    """In what the sides of an instance differ although the rule claims otherwise, or nothing."""
    left, right = instance.left, instance.right
    for old, new in zip(left.output_types, right.output_types, strict=True):
        if old != new:
            return f"the right side gives {new}, the left side {old}"
    if claim == "shape":
        return ""
    before, after = readings(left, {}), readings(right, {})
    for pair, other in pairs(instance):
        if _field(left, pair, claim) != _field(right, other, claim):
            was, would = in_words(before.get(pair)), in_words(after.get(other))
            also = " with gaps" if was == would else ""
            return f"the right side reads {would}{also}; the left side {was}"
    return ""


def _field(graph: Graph, pair: Pair, claim: str) -> object:
    """The strides and the offsets that an output reads; None for the whole map."""
    types = graph.types
    nodes = {node.name: node for node in graph.nodes}
    offsets: set[tuple[int, int]] = set()
    strides: set[tuple[int, int]] = set()
    for path in paths(graph, *pair):
        rows, columns = IDENTITY, IDENTITY
        for name in path:
            axes = nodes[name].op.axes(*(types[v] for v in nodes[name].inputs))  # type: ignore[union-attr]
            if axes is None:
                return None
            rows, columns = rows.then(axes[0]), columns.then(axes[1])
        strides.add((rows.stride, columns.stride))
        offsets |= {(y, x) for y in _offsets(rows) for x in _offsets(columns)}
    if claim == "hull" and offsets:
        return strides, [(min(side), max(side)) for side in zip(*offsets, strict=True)]
    return strides, offsets


def _offsets(axis: Axis) -> list[int]:
    return [t - axis.lo for t in range(axis.extent + 1) if axis.taps >> t & 1]


def pairs(instance: Instance) -> Iterator[tuple[Pair, Pair]]:
    """Each input and output of the left side, and those of the right side."""
    left, right = instance.left, instance.right
    for source, other in zip(left.inputs, right.inputs, strict=False):
        for sink, twin in zip(left.outputs, right.outputs, strict=True):
            yield (source.name, sink.name), (other.name, twin.name)
