"""Which layer of a file is which layer of ours, from names, order and shapes.

Both sides are cut into cells of layers that may correspond, at first by what fits what.
Four rules cut finer, until every cell holds one layer of each side:

    sets        Layers whose names begin alike are a set; so are the layers of a call, of a
                stage, of a statement, and of one branch of a join. A set of names
                corresponds to a set of ours with layers of the same cells, where there are
                as many such sets on both sides.
    order       Within a cell, the file's order is ours as far as both have one: the file's
                where its program wrote it or names differ in a number, ours where one layer
                depends on the other.
    statements  Layers that are one statement of the spec have names that end alike: where
                `layer1.1.conv3` is the third convolution of its unit, `layer1.0.conv3` is too.
                Of two names that do, the one that agrees further.
    custom      Our network leaves the order of branches open. Where all those that are decided
                stand in the file in the order in which ours are joined, the others do too.

What is still undecided is refused, never guessed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import accumulate, combinations
from re import split

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

    from .layers import Layer
    from .own import Own

    Members = frozenset[int]
    Kind = frozenset[tuple[int, int]]


class Undecided(Exception):
    """Some layers of the file and of ours that nothing tells apart.

    Arguments:
        theirs, ours: their positions.
    """

    def __init__(self, theirs: Sequence[int], ours: Sequence[int]) -> None:
        super().__init__(theirs, ours)
        self.theirs = theirs
        self.ours = ours


def paired(
    theirs: Sequence[Layer],
    ours: Sequence[Own],
    colors: tuple[Sequence[int], Sequence[int]],
) -> dict[int, int]:
    """Position in the file by position of ours.

    Arguments:
        colors: of the layers of each side; those that fit each other have the same, and
            both sides have each as often.

    Raises Undecided.
    """
    cells = _Cells(theirs, ours, colors)
    rules = (cells.by_sets, cells.by_order, cells.by_statements, cells.by_custom)
    while any(rule() for rule in rules):
        pass
    for mine, others in cells.groups():
        if len(mine) > 1:
            raise Undecided(others, mine)
    return {mine[0]: others[0] for mine, others in cells.groups()}


class _Cells:
    """The cell of each layer, numbered; both sides have as many in each."""

    def __init__(
        self,
        theirs: Sequence[Layer],
        ours: Sequence[Own],
        colors: tuple[Sequence[int], Sequence[int]],
    ) -> None:
        self.theirs = theirs
        self.ours = ours
        self.others: list[int] = list(colors[0])
        self.mine: list[int] = list(colors[1])
        self.names = [_parts(layer.name) for layer in theirs]
        self.prefixes = _sets([accumulate((part,) for part in name) for name in self.names])
        self.places = _sets([(*own.groups, *own.branches) for own in ours])

    def groups(self) -> list[tuple[list[int], list[int]]]:
        """Layers of ours and of the file by cell, in our order."""
        found: dict[int, tuple[list[int], list[int]]] = {}
        for position, cell in enumerate(self.mine):
            found.setdefault(cell, ([], []))[0].append(position)
        for position, cell in enumerate(self.others):
            found[cell][1].append(position)
        return list(found.values())

    def cut(self, mine: Mapping[int, Hashable], others: Mapping[int, Hashable]) -> bool:
        """Tell layers with different marks apart. False when nothing is gained, or too much."""
        a = [(cell, mine.get(i)) for i, cell in enumerate(self.mine)]
        b = [(cell, others.get(i)) for i, cell in enumerate(self.others)]
        if Counter(a) != Counter(b) or len(set(a)) == len(set(self.mine)):
            return False
        number = {mark: i for i, mark in enumerate(dict.fromkeys(a))}
        self.mine = [number[mark] for mark in a]
        self.others = [number[mark] for mark in b]
        return True

    # ------------------------------------------------------------------- sets

    def by_sets(self) -> bool:
        """Cut by all sets, those that are alone with their layers first."""
        theirs, ours = self._alike(self.prefixes, self.others), self._alike(self.places, self.mine)
        sizes = Counter(self.mine)
        telling = [
            (len(sets), kind)
            for kind, sets in ours.items()
            if len(sets) == len(theirs.get(kind, ()))
            and any(len(sets) * n < sizes[cell] for cell, n in kind)
        ]
        gained = False
        for _, kind in sorted(telling, key=lambda pair: pair[0]):
            mine = dict.fromkeys(frozenset().union(*ours[kind]), True)
            others = dict.fromkeys(frozenset().union(*theirs[kind]), True)
            gained = self.cut(mine, others) or gained
        return gained

    @staticmethod
    def _alike(sets: Iterable[Members], cells: Sequence[int]) -> dict[Kind, list[Members]]:
        """Sets by the cells of their layers, and how many are in each."""
        found: dict[Kind, list[Members]] = defaultdict(list)
        for members in sets:
            found[frozenset(Counter(cells[i] for i in members).items())].append(members)
        return found

    # ------------------------------------------------------------------ order

    def by_order(self) -> bool:
        """Cut every cell wherever all that is in front comes first, on both sides."""
        mine: dict[int, Hashable] = {}
        others: dict[int, Hashable] = {}
        for own, other in self.groups():
            if len(own) > 1:
                a = _ranked(own, lambda i, j: i in self.ours[j].earlier)
                b = _ranked(other, self._comes_first)
                cuts = a.keys() & b.keys()
                mine.update(_between(a, cuts))
                others.update(_between(b, cuts))
        return self.cut(mine, others)

    def _comes_first(self, i: int, j: int) -> bool:
        return comes_first(self.theirs[i].place, self.theirs[j].place)

    def _counted_first(self, i: int, j: int) -> bool:
        return comes_first((self.theirs[i].name,), (self.theirs[j].name,))

    # ------------------------------------------------------------- statements

    def by_statements(self) -> bool:
        """Cut one cell by what names that end alike are elsewhere."""
        groups = self.groups()
        known = [(mine[0], others[0]) for mine, others in groups if len(mine) == 1]
        return any(
            self._by_statement(mine, others, known) for mine, others in groups if len(mine) > 1
        )

    def _by_statement(
        self, mine: Sequence[int], others: Sequence[int], known: Iterable[tuple[int, int]]
    ) -> bool:
        depth = self._telling(mine)
        statement = {i: self.ours[i].statement[-depth:] for i in mine}
        roles = self.theirs[others[0]].weights.keys()
        endings: dict[tuple[str, ...], set[Hashable]] = defaultdict(set)
        for i, j in known:
            said = self.ours[i].statement[-depth:]
            if said in statement.values() and self.theirs[j].weights.keys() == roles:
                for ending in _endings(self.names[j]):
                    endings[ending].add(said)
        found: dict[Hashable, list[tuple[int, int]]] = defaultdict(list)
        for j in others:
            ending = next((e for e in _endings(self.names[j]) if e in endings), ())
            if len(endings.get(ending, ())) == 1:
                found[next(iter(endings[ending]))].append((len(ending), j))
        mark: dict[int, Hashable] = {}
        for said, n in Counter(statement.values()).items():
            longest = max(found[said], default=(0, 0))[0]
            best = [j for length, j in found[said] if length == longest]
            mark.update(dict.fromkeys(best, said) if len(best) == n else {})
        sure = set(mark.values())
        return self.cut({i: said for i, said in statement.items() if said in sure}, mark)

    def _telling(self, mine: Sequence[int]) -> int:
        """How much of the statements tells these layers apart best."""
        deepest = max(len(self.ours[i].statement) for i in mine)
        kinds = {
            depth: len({self.ours[i].statement[-depth:] for i in mine})
            for depth in range(1, deepest + 1)
        }
        return max(kinds, key=lambda depth: (kinds[depth], -depth))

    # ----------------------------------------------------------------- custom

    def by_custom(self) -> bool:
        """Cut every cell in the order of both sides, if what is known speaks for it.

        Where the order of the file does not, the numbers in names may.
        """
        return self._by_custom(self._comes_first) or self._by_custom(self._counted_first)

    def _by_custom(self, first: Callable[[int, int], bool]) -> bool:
        groups = self.groups()
        known = [(mine[0], others[0]) for mine, others in groups if len(mine) == 1]
        if len(known) == len(groups) or not self._customary(known, first):
            return False
        mine: dict[int, int] = {}
        others: dict[int, int] = {}
        for own, other in groups:
            fronts = _ranked(other, first)
            if len(fronts) == len(other) and self._written(own):
                mine.update({i: number for number, i in enumerate(own, 1)})
                others.update(_between(fronts, fronts))
        return self.cut(mine, others)

    def _written(self, own: Sequence[int]) -> bool:
        """Whether layers of ours are one behind the other, or in one branch before another."""
        return all(
            i in self.ours[j].earlier or self._parallel(i, j) for i, j in combinations(own, 2)
        )

    def _customary(
        self, known: Sequence[tuple[int, int]], first: Callable[[int, int], bool]
    ) -> bool:
        """Whether branches are in the same order on both sides wherever that is known."""
        pairs = [(a, b) for (i, a), (j, b) in combinations(known, 2) if self._parallel(i, j)]
        return not any(first(b, a) for a, b in pairs) and any(first(a, b) for a, b in pairs)

    def _parallel(self, i: int, j: int) -> bool:
        """Whether two layers are in different branches of one join, the first one in front."""
        there = dict(self.ours[j].branches)
        return any(there.get(join, number) > number for join, number in self.ours[i].branches)


# ------------------------------------------------------------------------ helpers


def _parts(name: str) -> tuple[str, ...]:
    return tuple(part for part in split(r"[./_]", name) if part)


def _endings(name: tuple[str, ...]) -> Iterable[tuple[str, ...]]:
    """The longest first."""
    return (name[start:] for start in range(len(name)))


def _sets(groups: Iterable[Iterable[Hashable]]) -> list[Members]:
    """The members of each group; groups with the same members count once."""
    members: dict[Hashable, set[int]] = defaultdict(set)
    for position, names in enumerate(groups):
        for name in names:
            members[name].add(position)
    return list(dict.fromkeys(frozenset(found) for found in members.values()))


def _ranked(members: Sequence[int], first: Callable[[int, int], bool]) -> dict[int, Members]:
    """Where the members can be cut: those in front, all of which come before the others.

    By how many stand in front; the last one is all of them.
    """
    behind = {i: [j for j in members if j != i and first(i, j)] for i in members}
    before = Counter(j for others in behind.values() for j in others)
    ordered = sorted(members, key=lambda i: (before[i], -len(behind[i])))
    found = {len(members): frozenset(members)}
    for at in range(1, len(members)):
        front, rest = ordered[:at], set(ordered[at:])
        if all(rest.issubset(behind[i]) for i in front):
            found[at] = frozenset(front)
    return found


def _between(fronts: Mapping[int, Members], cuts: Iterable[int]) -> dict[int, int]:
    """For each member, the first of the cuts that it stands in front of."""
    found: dict[int, int] = {}
    for cut in sorted(cuts):
        for member in fronts[cut]:
            found.setdefault(member, cut)
    return found


def comes_first(a: object, b: object) -> bool:
    """Whether one place in a file is before another.

    Places are numbers, or names, of which only numbers are compared: `conv1` is before
    `conv2` and `conv2d` before `conv2d_1`, but `conv` is not before `head`.
    """
    if isinstance(a, int) and isinstance(b, int):
        return a < b
    assert isinstance(a, tuple) and isinstance(b, tuple)
    for x, y in zip(a, b, strict=False):
        if x != y:
            return _counted_first(str(x), str(y))
    return False


def _counted_first(x: str, y: str) -> bool:
    if y.startswith(x) and y[len(x) :].lstrip("_").isdigit():
        return True  # the first of several has no number
    a, b = split(r"(\d+)", x), split(r"(\d+)", y)
    if len(a) != len(b) or a[::2] != b[::2]:
        return False
    return [_size(number) for number in a[1::2]] < [_size(number) for number in b[1::2]]


def _size(number: str) -> tuple[int, str]:
    """What digits are compared by, however many a file may have."""
    digits = number.lstrip("0")
    return len(digits), digits
