"""Channels kept, dropped or doubled, each bundle so many times, and the weights along with them.

    0 times   the channel goes: `prune_class`, `drop_channel`
    1 time    it stays
    n times   it stands there n times, and whoever reads it divides its weights by n: `widen`

Copies stand right behind each other. From where an operator makes its channels, their order is
followed through all others, so that every kernel knows what it reads.
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from math import floor

from ...graph import Graph, Module
from ...ops.activation import Softmax
from ...ops.merge import Add, Mul, Sub
from ...ops.norm import Gn, Ln, Lrn
from ...ops.reshape import DepthToSpace, Shuffle
from ...passes.flatten import flatten
from ..carriers import NotCarried
from . import Transformed, Untransformed, arguments, transform
from .channels import MADE, Channels, Class, makes, operator, rows, sources
from .rebuild import changes, resized

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from ...graph import Node
    from ...op import Op
    from ..places import Places
    from ..rule import Rewrite
    from . import Weights
    from .rebuild import Types

    Counts = Mapping[int, int]
    """How often each bundle of channels is there afterwards; once if it is not listed."""
    Choice = Callable[[Weights], Counts]
    Layouts = Mapping[str, Sequence[int]]
    """For each value, which of its old channels the new ones are."""

MIXES = (Ln, Gn, Lrn, Softmax)
"""Operators in which a channel depends on others, with no kernel that could make up for it."""


# ----------------------------------------------------------------- the rules


@transform
def widen(module: Module, rewrite: Rewrite, places: Places) -> Transformed:
    """`widen(1.5)`: half of the channels twice, and the function is what it was (Net2Net)."""
    factor = arguments(rewrite)["factor"]
    channels = Channels(module, lockstep=True)
    counts: dict[int, int] = {}
    for kind in _unmixed(channels, places, (*MIXES, DepthToSpace, Shuffle)):
        times, more = divmod(floor(kind.size * factor + 0.5), kind.size)
        counts.update((bundle, times + (i < more)) for i, bundle in enumerate(kind.bundles))
    return _selected(module, channels, counts, lambda weights: counts)


@transform
def prune_class(module: Module, rewrite: Rewrite, places: Places) -> Transformed:
    """`prune_class(30%)`: three of ten channels of every class go, those that weigh least."""
    share = Fraction(arguments(rewrite)["fraction"]).limit_denominator(10**6)
    channels = Channels(module, lockstep=True)
    numbers = [(k, min(floor(k.size * share), k.size - 1)) for k in channels.free(places)]

    def choose(weights: Weights) -> Counts:
        from ..magnitude import magnitudes

        weight = magnitudes(channels, weights)
        least = ((sorted(k.bundles, key=weight.__getitem__), number) for k, number in numbers)
        return {bundle: 0 for bundles, number in least for bundle in bundles[:number]}

    return _selected(module, channels, _last(numbers), choose)


@transform
def drop_channel(module: Module, rewrite: Rewrite, places: Places) -> Transformed:
    """`drop_channel(3)`: three channels of every class go, which all who read them find zero."""
    count = arguments(rewrite)["count"]
    channels = Channels(module, lockstep=True)
    numbers = [(k, count) for k in _unmixed(channels, places, MIXES) if k.size > count]

    def choose(weights: Weights) -> Counts:
        from ..magnitude import zeros

        gone = zeros(channels, weights)
        return {bundle: 0 for k, number in numbers for bundle in _some(k, gone, number)}

    return _selected(module, channels, _last(numbers), choose)


def _last(numbers: Sequence[tuple[Class, int]]) -> Counts:
    """So many channels of each class gone, for those who only ask how many stay."""
    return {bundle: 0 for kind, number in numbers for bundle in kind.bundles[kind.size - number :]}


def _some(kind: Class, zeros: set[int], number: int) -> Sequence[int]:
    found = [bundle for bundle in kind.bundles if bundle in zeros]
    if len(found) < number:
        has = f"`{kind.makers[0]}` has {len(found)} channels that are always zero"
        raise NotCarried(f"{has}, and {number} would go")
    return found[:number]


def _unmixed(channels: Channels, places: Places, mixing: tuple[type[Op], ...]) -> list[Class]:
    """The free classes that go through none of some operators."""
    mixed = {
        kind.number
        for node in channels.graph.nodes
        if isinstance(node.op, mixing)
        for kind in channels.classes_in(node.inputs[0])
    }
    return [kind for kind in channels.free(places) if kind.number not in mixed]


def _selected(module: Module, channels: Channels, counts: Counts, choice: Choice) -> Transformed:
    """The module with so many channels.

    Arguments:
        counts: of which bundles, as long as there are no weights to tell.
        choice: of which bundles, for some weights; as many of every class.
    """

    def amount(some: Sequence[int]) -> int:
        return sum(counts.get(channels.bundle(channel), 1) for channel in some)

    after = resized(module, channels.operators(amount))
    graph = flatten(after)
    try:
        layouts(channels, graph, counts)
    except NotCarried as problem:
        raise Untransformed(str(problem)) from None

    def mover(weights: Weights) -> Weights:
        return _moved(channels, graph, layouts(channels, graph, choice(weights)), weights)

    return Transformed(after, changes(module, after), mover)


# ----------------------------------------------------------------- where channels are


def layouts(channels: Channels, graph: Graph, counts: Counts) -> Layouts:
    """Where each channel of the new graph was in the old one. Raises NotCarried."""
    types = graph.types
    found: dict[str, Sequence[int]] = {
        value.name: range(value.type.channels) for value in graph.inputs
    }
    for old, new in zip(channels.graph.nodes, graph.nodes, strict=True):
        read = [found[name] for name in new.inputs]
        if isinstance(new.op, (Add, Sub, Mul)) and any(list(r) != list(read[0]) for r in read):
            raise NotCarried(f"`{new.name}` would join different channels")
        before, now = channels.inputs(old), [types[name] for name in new.inputs]
        was = sources(operator(old), before)
        for value, a, b in zip(new.outputs, was, sources(operator(new), now), strict=True):
            pairs = enumerate(zip(a, channels.bundles(value.name), strict=True))
            made = [
                place
                for place, (source, bundle) in pairs
                for _ in range(counts.get(bundle, 1) if source == MADE else 0)
            ]
            found[value.name] = _placed(new, a, b, _joined(read, before), made)
    return found


def _joined(read: Sequence[Sequence[int]], before: Types) -> list[int]:
    """The layouts of some inputs as that of all of them side by side."""
    joined: list[int] = []
    offset = 0
    for layout, type in zip(read, before, strict=True):
        joined += [offset + place for place in layout]
        offset += type.channels
    return joined


def _placed(
    node: Node, was: list[int], now: list[int], read: Sequence[int], made: Sequence[int]
) -> Sequence[int]:
    """The old places of an output's new channels, by the old places of what they come from.

    Where several come from one source, the first of them is the first of the old ones, and so on.
    """
    if was == list(range(len(was))) and now == list(range(len(now))):
        return read[: len(now)]
    seen: Counter[int] = Counter()
    places: dict[tuple[int, int], int] = {}
    for place, source in enumerate(was):
        if source != MADE:
            places[source, seen[source]] = place
            seen[source] += 1
    fresh = iter(made)
    seen.clear()
    if len(made) != now.count(MADE):
        raise NotCarried(f"`{node.name}` would make other channels than those that are left")
    result = []
    for source in now:
        key = (MADE, 0) if source == MADE else (read[source], seen[source])
        seen[source] += 1
        if source != MADE and key not in places:
            raise NotCarried(f"channels would come to another part of `{node.name}`")
        result.append(next(fresh) if source == MADE else places[key])
    return result


# ----------------------------------------------------------------- weights


def _moved(channels: Channels, graph: Graph, layouts: Layouts, weights: Weights) -> Weights:
    """The weights of the new graph. Those that there are not yet are not made either."""
    moved = dict(weights)
    for old, new in zip(channels.graph.nodes, graph.nodes, strict=True):
        path = channels.paths[old.name]
        if old.weights is not None or path not in weights:
            continue
        out = layouts[new.outputs[0].name]
        kernels = makes(operator(old), channels.inputs(old))
        read = _rows(channels, old, new, layouts[new.inputs[0]]) if kernels else None
        moved[path] = {
            role: _cut(array, out, read if role == "kernel" else None)
            for role, array in weights[path].items()
        }
    return moved


def _rows(channels: Channels, old: Node, new: Node, layout: Sequence[int]) -> Sequence[int]:
    """Which rows of the old kernel a new one has; those of a group are those of all groups."""
    (x,) = channels.inputs(old)
    ours = rows(operator(new), list(layout))
    theirs = rows(operator(old), list(range(x.channels)))
    pairs = zip(ours, theirs, strict=True)
    relative = [[place - group[0] for place in row] for row, group in pairs]
    if any(row != relative[0] for row in relative):
        raise NotCarried(f"the groups of `{new.name}` would have different channels")
    return relative[0]


def _cut(array: Any, out: Sequence[int], read: Sequence[int] | None) -> Any:
    """Some outputs of an array; and some inputs, each divided by how often it is there."""
    array = array.take(list(out), axis=-1)
    if read is None:
        return array
    array = array.take(list(read), axis=-2)
    times = Counter(read)
    if max(times.values()) == 1:
        return array
    return array * _shares([times[place] for place in read], array)[:, None]


def _shares(times: Sequence[int], like: Any) -> Any:
    """One over some numbers, as exact as an array is."""
    import numpy as np

    if like.dtype.kind == "f":
        return 1 / np.array(times, like.dtype)
    return np.array([Fraction(1, count) for count in times], dtype=object)
