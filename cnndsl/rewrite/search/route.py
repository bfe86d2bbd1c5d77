"""Depth: the longest path, which is no sum over places.

For a selection the longest path is found by walking through the network, with the length of
what was chosen in place of what stands there. What it says of other selections is linear in
their choices, so it can be a row of a knapsack:

    a path of the network is as long as its own layers, with those of the places that it passes
    exchanged:      at most D           must hold for every path, so rows are added as needed
    another selection is deeper by no more than its places are longer, summed up, than those of
    a selection that is not deep enough:     at least D      again rows, until one is
"""

from __future__ import annotations

from ...graph import Call, inference_graph
from ...record import Record
from .sites import step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from typing import Any

    from ...graph import Graph, Node
    from ...passes.depth import Lengths
    from ..places import Path
    from .fragments import Choice
    from .sites import Site, Space

    Picked = Mapping[int, Choice]
    """What was chosen at the sites that are changed, by their number."""
    Trail = tuple[Any, ...]
    """The passages so far: those before the last one, and it; empty at the start."""
    Arrival = tuple[int, Trail]
    Row = tuple[tuple[int, ...], ...]
    """A number for every site and alternative; the first one of a site is to stay."""

ANY = 1 << 20
"""More layers than any network has."""


class Passage(Record):
    """An operator of a path.

    Arguments:
        place: the calls that lead to it, and its name.
        entered: the value through which the path comes.
        layers: 1 when it counts.
    """

    place: Path
    entered: str
    layers: int


class Route(Record):
    """A longest path: its length, and the operators of the network as it was that lie on it."""

    length: int
    passages: tuple[Passage, ...]


def longest(space: Space, picked: Picked) -> Route:
    """The longest path when some sites are changed."""
    module = space.start.module
    main = inference_graph(module.main)
    walk = _Walk(space, picked)
    start = {value.name: (0, ()) for value in main.inputs}
    known = walk.through(main, (), start)
    ends = [known[output.value] for output in main.outputs if output.value in known]
    length, trail = max(ends, key=_length, default=(0, ()))
    return Route(length, tuple(_passages(trail))[::-1])


def _passages(trail: Trail) -> Iterator[Passage]:
    while trail:
        trail, passage = trail
        yield passage


def _length(arrival: Arrival) -> int:
    return arrival[0]


class _Walk:
    def __init__(self, space: Space, picked: Picked) -> None:
        self.functions = space.start.module.by_name
        self.ends: dict[Path, tuple[Site, Lengths]] = {}
        for number, choice in picked.items():
            site = space.sites[number]
            maker = self.functions[site.function].producers[site.piece.output]
            for path in site.paths:
                self.ends[*path, maker.name] = site, choice.lengths

    def through(
        self, graph: Graph, path: Path, start: Mapping[str, Arrival], alone: Collection[str] = ()
    ) -> dict[str, Arrival]:
        """The longest way to every value; `alone` is what stands at a site, as it was."""
        known = dict(start)
        for node in graph.nodes:
            if alone and node.name not in alone:
                continue
            if not alone and (end := self.ends.get((*path, node.name))):
                known.update(self.replaced(graph, path, known, *end))
                continue
            read = [name for name in node.inputs if name in known]
            if isinstance(node.op, Call):
                known.update(self.called(graph, path, node, known))
            elif read:
                entered = max(read, key=lambda name: known[name][0])
                length, trail = known[entered]
                passage = Passage((*path, node.name), entered, int(node.op.weighted))
                arrival = length + passage.layers, (trail, passage)
                known.update((value.name, arrival) for value in node.outputs)
        return known

    def called(
        self, graph: Graph, path: Path, node: Node, known: Mapping[str, Arrival]
    ) -> Iterator[tuple[str, Arrival]]:
        """The ways through a call."""
        assert isinstance(node.op, Call)
        callee = self.functions[node.op.function]
        start = {}
        for value, name in zip(callee.inputs, node.inputs, strict=True):
            if name in known:
                length, trail = known[name]
                start[value.name] = length, (trail, Passage((*path, node.name), name, 0))
        inside = self.through(callee, step(graph, path, node), start)
        for value, output in zip(node.outputs, callee.outputs, strict=True):
            if output.value in inside:
                yield value.name, inside[output.value]

    def replaced(
        self, graph: Graph, path: Path, known: Mapping[str, Arrival], site: Site, lengths: Lengths
    ) -> Iterator[tuple[str, Arrival]]:
        """The longest way through what a site becomes, along what it was."""
        ways = [
            (known[name][0] + length, name)
            for name, length in zip(site.piece.inputs, lengths, strict=True)
            if name in known and length is not None
        ]
        if ways:
            length, name = max(ways)
            was = self.through(graph, path, {name: (0, known[name][1])}, site.piece.nodes)
            yield site.piece.output, (length, was[site.piece.output][1])


# ------------------------------------------------------------------------- rows


def along(space: Space, route: Route) -> tuple[int, Row]:
    """The length of a path of the network as it is, and what each choice adds to it."""
    length = sum(passage.layers for passage in route.passages)
    rows = []
    for site in space.sites:
        visits = _visits(site, route)
        added = (sum(_added(*visit, c, length) for visit in visits) for c in site.choices)
        rows.append((0, *added))
    return length, tuple(rows)


def _added(entry: int, own: int, choice: Choice, length: int) -> int:
    """How much longer the path is; one that is cut through is as short as can be."""
    new = choice.lengths[entry]
    return -length if new is None else new - own


def _visits(site: Site, route: Route) -> list[tuple[int, int]]:
    """Each time that a path comes by a site: the input that it takes, and its layers there."""
    here = {(*path, name) for path in site.paths for name in site.piece.nodes}
    visits: list[tuple[int, int]] = []
    for passage in route.passages:
        if passage.place in here and passage.entered in site.piece.inputs:
            visits.append((site.piece.inputs.index(passage.entered), 0))
        if any(passage.place[:end] in here for end in range(1, len(passage.place) + 1)):
            entry, own = visits[-1]
            visits[-1] = entry, own + passage.layers
    return visits


def gains(space: Space, picked: Picked) -> Row:
    """How much deeper than a selection another one can be, by each of its choices."""
    return tuple(
        tuple(site.runs * _gain(now, later) for later in (site.lengths, *lengths))
        for number, site in enumerate(space.sites)
        for lengths in ([choice.lengths for choice in site.choices],)
        for now in (picked[number].lengths if number in picked else site.lengths,)
    )


def _gain(now: Lengths, later: Lengths) -> int:
    """How much longer one of the ways is, at most; one that was not there may be any length."""
    longer = [
        ANY if before is None else after - before
        for before, after in zip(now, later, strict=True)
        if after is not None
    ]
    return max(0, *longer) if longer else 0
