"""A space as `select` takes it: numbers for every alternative, and rows about depth.

An alternative that another one of its site equals or betters in all that is asked for is
left out. One that is longer than another counts as better where a depth is to be reached.
"""

from __future__ import annotations

from operator import le

from ...record import Record
from ..select import Alternative, Bound
from ..select import Site as Question

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .goal import Relation, Target
    from .route import Row
    from .sites import Site, Space

SUMS = ("params", "macs", "changes")
"""Measures that are sums over sites."""


class Cut(Record):
    """A row about depth.

    Arguments:
        relation: `>=` when a selection has to be deep enough, `<=` when a path has to be short.
        length: of the selection that it excludes, or of the path.
    """

    relation: Relation
    length: int
    row: Row


class Tables:
    """The numbers of a space; rows are added to them.

    Arguments:
        options: the choices of each site that are worth looking at, counted from 1.
        exclusive: pairs of alternatives that are never chosen together.
    """

    def __init__(self, space: Space, target: Target) -> None:
        self.space = space
        self.least = target.limit("depth", ">=")
        self.base = {"params": space.params, "macs": space.macs}
        self.options = [worthwhile(site, target) for site in space.sites]
        self.exclusive = [
            ((str(i), str(j)), (str(k), str(m)))
            for i, k in space.exclusive
            for j in self.options[i]
            for m in self.options[k]
        ]
        self.cuts: list[Cut] = []

    def sites(self, *further: Cut) -> list[Question]:
        """Sites and alternatives are called by their numbers; 0 is to stay."""
        cuts = (*self.cuts, *further)
        sites = []
        for number, site in enumerate(self.space.sites):
            alternatives = []
            for at in (0, *self.options[number]):
                costs = site.costs(at)
                costs.update((f"row {k}", cut.row[number][at]) for k, cut in enumerate(cuts))
                alternatives.append(Alternative(str(at), costs))
            sites.append(Question(str(number), tuple(alternatives)))
        return sites

    def rows(self, most: int | None, *further: Cut) -> list[Bound]:
        """The bounds of the rows, when the depth may be so much at most."""
        limits = {">=": self.least, "<=": most}
        return [
            Bound(f"row {number}", cut.relation, limit - cut.length)
            for number, cut in enumerate((*self.cuts, *further))
            if (limit := limits[cut.relation]) is not None
        ]


def worthwhile(site: Site, target: Target) -> tuple[int, ...]:
    """The choices of a site, counted from 1, that no other one, nor staying, is as good as."""
    signs = {measure: {1} for measure in SUMS}
    for bound in target.bounds:
        signs.setdefault(bound.measure, set()).add(1 if bound.relation == "<=" else -1)
    if target.objective == "depth":
        signs.setdefault("depth", set()).add(1)

    def vector(at: int) -> list[int]:
        lengths = [n or 0 for n in site.lengths_of(at)]
        found = [s * site.costs(at)[measure] for measure in SUMS for s in signs[measure]]
        return found + [s * n for s in signs.get("depth", ()) for n in lengths]

    vectors = [vector(at) for at in range(len(site.choices) + 1)]
    return tuple(
        at
        for at, own in enumerate(vectors)
        if at
        and not any(
            all(map(le, other, own)) and (other != own or number < at)
            for number, other in enumerate(vectors)
            if number != at
        )
    )
