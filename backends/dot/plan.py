"""Plans: which edges are the main flow, which run at the side, what stands level.

A plan is made for the units of one function, be they rows, calls or whole stages.
Units and inputs are numbered in topological order, inputs first, and sets of them
are bit masks.
"""

from __future__ import annotations

from cnndsl.record import Record

STRAIGHT = 20
"""Weight of an edge that nothing else leaves or joins."""


class Unit(Record):
    """What is drawn as one thing.

    Arguments:
        reads: the values from outside, in order.
        makes: the values that it gives.
        merge: the word of the merge that it is, if it is one.
        layers: how many layers with weights it has.
        pointwise: none of them but 1x1 convolutions.
        widens: it changes the number of channels, as a shortcut may have to.
        training: it exists in training only.
    """

    reads: tuple[str, ...]
    makes: tuple[str, ...]
    merge: str = ""
    layers: int = 0
    pointwise: bool = True
    widens: bool = False
    training: bool = False


class Link(Record):
    """The edge that brings a value to a unit.

    Arguments:
        source, target: numbers of the units; an input of the function is one too.
        argument: which of the values that the target reads.
        value: its name.
    """

    source: int
    target: int
    argument: int
    value: str


class Axis(Record):
    """An invisible edge from a fork to its merge, between the branches in the middle."""

    source: int
    target: int


class Plan:
    """How the units of a function are laid out.

    Attributes:
        links: all edges.
        side: links that run beside the main flow.
        dashed: links of projections.
        inner: those of them that do not leave the fork.
        level: runs of units that stand on one line.
        order: links and axes, as they leave each unit from left to right.
    """

    def __init__(self, inputs: tuple[str, ...], units: tuple[Unit, ...]) -> None:
        self.inputs = len(inputs)
        self.units = units
        self.links = _links(inputs, units)
        self.arriving: list[list[Link]] = [[] for _ in range(len(inputs) + len(units))]
        self.leaving: list[list[Link]] = [[] for _ in range(len(inputs) + len(units))]
        for link in self.links:
            self.arriving[link.target].append(link)
            self.leaving[link.source].append(link)
        self._above = self._reached()
        self.side = {link for link in self.links if self._is_skip(link)}
        self.dashed: set[Link] = set()
        self.inner: set[Link] = set()
        self.level: list[tuple[int, ...]] = []
        for at in range(self.inputs, self.inputs + len(units)):
            if len(self.arriving[at]) > 1:
                self._merge(at)
        self.order = self._order()

    def unit(self, number: int) -> Unit | None:
        """The unit of a number; None for an input."""
        return self.units[number - self.inputs] if number >= self.inputs else None

    def weight(self, link: Link) -> int:
        """How straight a link is drawn."""
        if link in self.side or self._in_training(link.target):
            return 1
        alone = len(self.main_out(link.source)) == len(self.main_in(link.target)) == 1
        return STRAIGHT if alone else 1

    def main_out(self, number: int) -> list[Link]:
        """Links of the main flow that leave a unit."""
        return [
            link
            for link in self.leaving[number]
            if link not in self.side and not self._in_training(link.target)
        ]

    def main_in(self, number: int) -> list[Link]:
        """Links of the main flow that arrive at a unit."""
        return [link for link in self.arriving[number] if link not in self.side]

    def _in_training(self, number: int) -> bool:
        unit = self.unit(number)
        return unit is not None and unit.training

    def _reached(self) -> list[int]:
        """For each unit, all that lies before it, as a bit mask."""
        above = [0] * len(self.arriving)
        for number, links in enumerate(self.arriving):
            for link in links:
                above[number] |= above[link.source] | 1 << link.source
        return above

    def _is_skip(self, link: Link) -> bool:
        """Whether there is a longer way between the ends of a link."""
        return any(
            self._above[other.source] >> link.source & 1
            for other in self.arriving[link.target]
            if other.source != link.source
        )

    # ------------------------------------------------------------------ merges

    def _merge(self, merge: int) -> None:
        """Find the projections among the branches of a merge, and what stands level."""
        branches = [self._branch(link) for link in self.arriving[merge] if link not in self.side]
        unit = self.unit(merge)
        projections = [
            branch
            for branch in branches
            if unit is not None and unit.merge == "add" and self._is_projection(branch, merge)
        ]
        mains = [branch for branch in branches if branch not in projections]
        if not mains:
            return
        for branch in projections:
            self.side.update(branch)
            self.dashed.update(branch)
            self.inner.update(branch[1:])
            self._beside(branch, mains[0])
        parallel = len({branch[0].source for branch in mains}) == 1
        if len(mains) > 1 and parallel and all(len(branch) > 1 for branch in mains):
            self.level.append(tuple(branch[-1].source for branch in mains))
            self._heads(mains)

    def _heads(self, branches: list[tuple[Link, ...]]) -> None:
        """The first units of the longest branches stand level too."""
        longest = max(map(len, branches))
        heads = tuple(b[0].target for b in branches if len(b) == longest)
        if longest > 2 and len(heads) > 1:
            self.level.append(heads)

    def _branch(self, last: Link) -> tuple[Link, ...]:
        """The links of a chain that ends in `last`, from the fork on."""
        chain = [last]
        while True:
            at = chain[0].source
            if at < self.inputs or len(self.leaving[at]) > 1 or len(self.arriving[at]) != 1:
                return tuple(chain)
            chain.insert(0, self.arriving[at][0])

    def _is_projection(self, branch: tuple[Link, ...], merge: int) -> bool:
        """Whether a branch is a shortcut: at most a 1x1 convolution beside two or more layers."""
        fork = branch[0].source
        own = {link.source for link in branch[1:]}
        inside = [unit for number in own if (unit := self.unit(number)) is not None]
        if not any(unit.widens for unit in inside):
            return False
        if not all(unit.pointwise for unit in inside) or sum(unit.layers for unit in inside) > 1:
            return False
        others = sum(
            unit.layers
            for number in range(fork + 1, merge)
            if number not in own
            and (unit := self.unit(number)) is not None
            and self._above[merge] >> number & 1
            and self._above[number] >> fork & 1
        )
        return others > 1

    def _beside(self, projection: tuple[Link, ...], main: tuple[Link, ...]) -> None:
        """A projection of one unit stands beside the middle of the main branch."""
        middle = [link.source for link in main[1:]]
        if len(projection) == 2 and middle and main[0].source == projection[0].source:
            self.level.append((middle[len(middle) // 2], projection[0].target))

    # ------------------------------------------------------------------- order

    def _order(self) -> list[Link | Axis]:
        """Branches as written, what runs at the side right of them, training last."""
        axes = self._axes()
        result: list[Link | Axis] = []
        for number, leaving in enumerate(self.leaving):
            main = self.main_out(number)
            aside = [link for link in leaving if link in self.side]
            rest = [
                link for link in leaving if link not in self.side and self._in_training(link.target)
            ]
            if number in axes:
                half = len(main) // 2
                result += [*main[:half], axes[number], *main[half:]]
            else:
                result += main
            result += [*aside, *rest]
        return result

    def _axes(self) -> dict[int, Axis]:
        """By fork, the axis of a merge over an even number of branches."""
        dominators = self._dominators()
        axes: dict[int, Axis] = {}
        for merge in range(self.inputs, len(self.arriving)):
            links = self.main_in(merge)
            if len(links) < 2:
                continue
            common = dominators[merge] & ~(1 << merge)
            fork = common.bit_length() - 1
            if fork >= 0 and len(self.main_out(fork)) % 2 == 0:
                axes[fork] = Axis(fork, merge)
        return axes

    def _dominators(self) -> list[int]:
        """For each unit, those through which all ways to it lead, itself too."""
        result: list[int] = []
        for number, links in enumerate(self.arriving):
            common = -1 if links else 0
            for link in links:
                common &= result[link.source]
            result.append(common | 1 << number)
        return result


def _links(inputs: tuple[str, ...], units: tuple[Unit, ...]) -> list[Link]:
    maker = {name: number for number, name in enumerate(inputs)}
    links = []
    for number, unit in enumerate(units, len(inputs)):
        for argument, name in enumerate(unit.reads):
            links.append(Link(maker[name], number, argument, name))
        maker.update((name, number) for name in unit.makes)
    return links
