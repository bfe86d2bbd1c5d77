"""Where a network may be rewritten, and into what.

A site is a place of a function, whatever may stand there: rules that begin at the same
operators and end at the same ones compete for it. A function's copies are one site: its
costs count as often as the function runs, or as often as it has weights of its own. Sites
that have operators in common exclude each other. What exists in training only is no site.
"""

from __future__ import annotations

from itertools import combinations

from ...graph import Call, inference_graph
from ...passes.cost import cost
from ...passes.depth import lengths
from ...record import Record
from ..match import find
from ..places import calls
from ..view import View
from .fragments import Choice, Piece, choices, piece
from .menu import layer_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ...graph import Graph, Module, Node
    from ...passes.depth import Lengths
    from ..engine import Derivation
    from ..places import Path, Places
    from ..view import Match
    from .menu import Menu

    Copies = Mapping[str, Mapping[Path, int]]


class Site(Record):
    """A place with its alternatives.

    Arguments:
        name: the calls that lead to it and its first operator: `3a.conv_4`.
        function: the function that it is in.
        piece: what stands there.
        paths: the copies that are meant, without those that borrow weights.
        runs: how often they run.
        lengths: layers with weights on the longest path from each input.
        choices: what it may become, apart from staying as it is.
    """

    name: str
    function: str
    piece: Piece
    paths: tuple[Path, ...]
    runs: int
    lengths: Lengths
    choices: tuple[Choice, ...]

    def costs(self, at: int) -> dict[str, int]:
        """What a choice adds to the network: they count from 1, and 0 is to stay."""
        if at == 0:
            return {"params": 0, "macs": 0, "changes": 0}
        choice = self.choices[at - 1]
        return {
            "params": len(self.paths) * choice.params,
            "macs": self.runs * choice.macs,
            "changes": 1,
        }

    def lengths_of(self, at: int) -> Lengths:
        """Layers from each input after a choice."""
        return self.choices[at - 1].lengths if at else self.lengths


class Space(Record):
    """A network with everything that the search may make of it.

    Arguments:
        start: the network, and the steps that led to it.
        params, macs: of the network as it is, in inference.
        exclusive: pairs of sites of which one is changed at most.
    """

    start: Derivation
    sites: tuple[Site, ...]
    params: int
    macs: int
    exclusive: tuple[tuple[int, int], ...]

    @property
    def alternatives(self) -> int:
        """How many there are, staying as it is included."""
        return sum(1 + len(site.choices) for site in self.sites)


def space(start: Derivation, menu: Menu, places: Places) -> Space:
    """Everything that the rules of a menu may do at some places of a network."""
    module = start.module
    copies = copies_of(module)
    known: dict[tuple[Graph, ...], tuple[Choice, ...]] = {}
    sites = []
    for graph in module.functions:
        for match in _matches(graph, module, menu) if copies[graph.name] else ():
            paths = {
                path: runs
                for path, runs in copies[graph.name].items()
                if all(places.contains(path, name) for name in match.nodes)
            }
            cut = piece(graph, match.removed, module.by_name) if paths else None
            if cut is None:
                continue
            key = cut.module.functions
            if key not in known:
                known[key] = choices(cut.module, menu, start.settings)
            if known[key]:
                sites.append(_site(graph, match, cut, paths, known[key]))
    total = cost(module)
    sites.sort(key=lambda site: _position(site, module))
    assert isinstance(total.params, int) and isinstance(total.macs, int), "no input has a size"
    return Space(start, tuple(sites), total.params, total.macs, tuple(_exclusive(sites, module)))


def copies_of(module: Module) -> Copies:
    """For each function the copies that have weights of their own, and how often they run.

    A copy that borrows its weights runs as the lender does, whose path it has here.
    """
    found: dict[str, dict[Path, int]] = {graph.name: {} for graph in module.functions}
    waiting: list[tuple[Graph, Path]] = [(inference_graph(module.main), ())]
    while waiting:
        graph, path = waiting.pop()
        found[graph.name][path] = found[graph.name].get(path, 0) + 1
        inward = [(module.by_name[name], step(graph, path, node)) for node, name in calls(graph)]
        waiting += reversed(inward)
    return found


def step(graph: Graph, path: Path, node: Node) -> Path:
    """The path of what a call runs: that of the lender when it borrows its weights."""
    lenders = {other.name: other.weights for other in graph.nodes}
    name = node.name
    while (lender := lenders.get(name)) is not None:
        name = lender
    return (*path, name)


def _matches(graph: Graph, module: Module, menu: Menu) -> Iterator[Match]:
    """One match for each place where some rule fits, in the order of the operators."""
    view = View(graph, module)
    living = {node.name for node in inference_graph(graph).nodes}
    seen: set[frozenset[str]] = set()
    for node in graph.nodes:
        if node.name not in living:
            continue
        layer = layer_of(node, graph)
        for offer in menu.offers:
            for rewrite in menu.rewrites(offer, layer):
                found = find(rewrite, view, anchors=[node])
                fresh = [match for match in found if frozenset(match.removed) not in seen]
                seen.update(frozenset(match.removed) for match in found)
                yield from (match for match in fresh if living.issuperset(match.removed))
                if found:
                    break


def _site(
    graph: Graph,
    match: Match,
    cut: Piece,
    paths: Mapping[Path, int],
    alternatives: tuple[Choice, ...],
) -> Site:
    name = ".".join((*next(iter(paths)), match.nodes[0]))
    here = lengths(cut.module)[0]
    return Site(name, graph.name, cut, tuple(paths), sum(paths.values()), here, alternatives)


def _position(site: Site, module: Module) -> tuple[int, ...]:
    """Where a site stands in the flow: the position of each call on the way, and its own."""
    graph, found = module.main, []
    for name in (*site.paths[0], site.piece.nodes[0]):
        position, node = next((i, n) for i, n in enumerate(graph.nodes) if n.name == name)
        found.append(position)
        if isinstance(node.op, Call):
            graph = module.by_name[node.op.function]
    return tuple(found)


def _exclusive(sites: Sequence[Site], module: Module) -> Iterator[tuple[int, int]]:
    """Pairs of sites that have operators in common, or of which one contains the other."""
    inside = _reached(module)
    for (i, one), (j, other) in combinations(enumerate(sites), 2):
        if one.function == other.function:
            meet = bool({*one.piece.nodes} & {*other.piece.nodes})
        else:
            meet = other.function in _within(one, inside) or one.function in _within(other, inside)
        if meet:
            yield i, j


def _within(site: Site, inside: Mapping[str, set[str]]) -> set[str]:
    """The functions that a site's operators call, directly or not."""
    found: set[str] = set()
    for node in site.piece.module.main.nodes:
        if isinstance(node.op, Call):
            found |= inside[node.op.function]
    return found


def _reached(module: Module) -> dict[str, set[str]]:
    """For each function, itself and all that it calls."""
    reached: dict[str, set[str]] = {}
    for graph in module.functions:
        reached[graph.name] = {graph.name}.union(*(reached[name] for _, name in calls(graph)))
    return reached
