"""W0305: branches of equal size whose elements do not see the same places.

From the merge back to the value where its branches part, each way is one composed window
(`passes/receptive.py`). Where the middles of those of two branches differ, elements are joined
that belong to different places, although all sizes fit. A branch that joins several ways itself
has a least and a greatest middle.
"""

from __future__ import annotations

from fractions import Fraction
from heapq import heappop, heappush

from ...diagnostics import Label
from ...passes.receptive import Hull, op_paths
from ...record import Record
from ..rule import Finding, found, network_rule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...graph import Node
    from ..network import Network

MERGES = ("concat", "add", "sub", "mul")
AXES = ("row", "column")


class Way(Record):
    """From a value to one operand of a merge, along one axis.

    Arguments:
        hull: what the operand reads of the value.
        nodes: those on the way, the one that reads the value first.
    """

    hull: Hull
    nodes: tuple[Node, ...] = ()


class Branch(Record):
    """All ways from a value to one operand: those with the least and the greatest middle."""

    low: Way
    high: Way

    def joined(self, other: Branch) -> Branch:
        low = min(self.low, other.low, key=lambda way: middle(way.hull))
        return Branch(low, max(self.high, other.high, key=lambda way: middle(way.hull)))


class Shift(Record):
    """Two branches that do not fit along an axis.

    Arguments:
        axis: 0 for rows, 1 for columns.
        fork: the value that both read.
        ways: the nearest two ways from it, one of each branch.
    """

    axis: int
    fork: str
    ways: tuple[Way, Way]

    @property
    def distance(self) -> Fraction:
        """In rows of the fork, or of the merge where those are smaller."""
        a, b = self.ways
        return abs(middle(a.hull) - middle(b.hull)) / min(Fraction(1), rate(a.hull))


@network_rule("W0305")
def shifted_branches(network: Network) -> Iterator[Finding]:
    for node, op in network.operators():
        out = network.types[node.outputs[0].name]
        if op.word in MERGES and len(node.inputs) > 1 and out.is_map and out.area != 1:
            shifts = [shift for axis in (0, 1) if (shift := _Search(network, node, axis).run())]
            if shifts:
                yield _finding(network, node, shifts)


class _Search:
    """Going back from a merge along one axis, latest values first, until its branches meet."""

    def __init__(self, network: Network, merge: Node, axis: int) -> None:
        self.network = network
        self.axis = axis
        self.here: dict[str, dict[int, Branch]] = {}
        self.heap: list[tuple[int, str]] = []
        self.group = list(range(len(merge.inputs)))
        for branch, value in enumerate(merge.inputs):
            if network.types[value].area != 1:  # a gate is at no place
                self._meet(value, branch, Branch(Way(Hull()), Way(Hull())))

    def run(self) -> Shift | None:
        """The first two branches that do not fit."""
        while self.heap and len(set(self.group)) > 1:
            value = heappop(self.heap)[1]
            branches = self.here.pop(value)
            first, its = next(iter(branches.items()))
            for other, branch in branches.items():
                if self.group[other] != self.group[first]:
                    ways = apart(its, branch)
                    if ways is not None:
                        return Shift(self.axis, value, ways)
                    self._unite(first, other)
            together = len({self.group[branch] for branch in branches}) == 1
            self._step_back(value, {first: its} if together else branches)
        return None

    def _unite(self, first: int, other: int) -> None:
        old, new = self.group[other], self.group[first]
        self.group = [new if group == old else group for group in self.group]

    def _meet(self, value: str, branch: int, way: Branch) -> None:
        if value not in self.here:
            node = self.network.producers.get(value)
            heappush(self.heap, (-self.network.position[node.name] if node else 1, value))
        here = self.here.setdefault(value, {})
        here[branch] = here[branch].joined(way) if branch in here else way

    def _step_back(self, value: str, branches: dict[int, Branch]) -> None:
        """Take the branches from a value to the inputs of the node that makes it."""
        node = self.network.producers.get(value)
        for index, hull in steps(self.network, value, self.axis).items():
            assert node is not None
            for number, branch in branches.items():
                low, high = (
                    Way(hull.then(way.hull), (node, *way.nodes))
                    for way in (branch.low, branch.high)
                )
                self._meet(node.inputs[index], number, Branch(low, high))


def steps(network: Network, value: str, axis: int) -> dict[int, Hull]:
    """What the maker of a value reads of each of its inputs, as far as it has a window."""
    node = network.producers.get(value)
    if node is None:
        return {}
    paths = op_paths(network.op(node), network.inputs(node), network.types[value])
    hulls = {index: path.axes[axis] for index, path in paths.items() if path.axes is not None}
    return {index: hull for index, hull in hulls.items() if isinstance(hull, Hull)}


def apart(a: Branch, b: Branch) -> tuple[Way, Way] | None:
    """The nearest ways of two branches, if those do not fit."""
    ways = (a.low, b.high) if middle(a.low.hull) > middle(b.high.hull) else (a.high, b.low)
    (first, second), between = ways, middle(ways[0].hull) - middle(ways[1].hull)
    if ways[0] is a.high and between >= 0:
        return None  # their ranges overlap
    return ways if is_shifted(first.hull, second.hull) else None


def is_shifted(a: Hull, b: Hull) -> bool:
    """Whether two hulls are apart by a row of the fork, and by half a row of the merge."""
    least = max(min(Fraction(1), rate(a)), rate(a) / 2)
    return rate(a) == rate(b) and abs(middle(a) - middle(b)) >= least


def rate(hull: Hull) -> Fraction:
    """How far the window moves for each output."""
    return Fraction(hull.step, hull.period)


def middle(hull: Hull) -> Fraction:
    """The middle of what output 0 reads, the mean over a period."""
    middles = [
        Fraction(bounds[0] + bounds[1], 2) - rate(hull) * phase
        for phase, bounds in enumerate(hull.bounds)
        if bounds is not None
    ]
    return sum(middles, Fraction(0)) / max(len(middles), 1)


def _finding(network: Network, merge: Node, shifts: list[Shift]) -> Finding:
    shift = shifts[0]
    name = AXES[shift.axis]
    distance = " and ".join(_counted(shift.distance, AXES[shift.axis]) for shift in shifts)
    also = [
        Label(
            network.span(way.nodes[-1]), f"is centred at {name} {_number(middle(way.hull))} of it"
        )
        for way in shift.ways
        if way.nodes and way.nodes[-1].span != merge.span
    ]
    first, second = (_number(middle(way.hull)) for way in shift.ways)
    fork = network.producers.get(shift.fork)
    return found(
        merge,
        f"`{network.op(merge).word}` joins branches that are shifted by {distance}",
        "all sizes fit, the places do not",
        also=[*([Label(network.span(fork), "both branches read this")] if fork else []), *also],
        notes=[
            f"both read `{shift.fork}`; output 0 of one has its middle at {name} {first}, "
            f"that of the other at {name} {second}",
            *_cause(network, shift),
        ],
        help=["pad every window alike before and behind, and crop alike, in both branches"],
    )


def _cause(network: Network, shift: Shift) -> list[str]:
    """The window that moves its branch most."""
    moves = [move for way in shift.ways for move in _moves(network, shift.axis, way)]
    distance, node = max(moves, key=lambda move: move[0], default=(Fraction(0), None))
    if node is None or not distance:
        return []
    line = network.span(node).source.position(network.span(node).start)[0]
    word, name = network.op(node).word, AXES[shift.axis]
    return [f"`{word}` of line {line} moves its branch most, by {_counted(distance, name)}"]


def _moves(network: Network, axis: int, way: Way) -> Iterator[tuple[Fraction, Node]]:
    """How far each node on a way moves it, in rows of the fork."""
    scale = Fraction(1)
    for node in way.nodes:
        hull = next(iter(steps(network, node.outputs[0].name, axis).values()))
        yield abs(middle(hull)) * scale, node
        scale *= rate(hull)


def _counted(number: Fraction, noun: str) -> str:
    return f"{_number(number)} {noun}{'' if number == 1 else 's'}"


def _number(number: Fraction) -> str:
    return f"{float(number):g}".replace("-", "−")
