"""What a layout works on: parts that stand in rows, links between them, sheets.

Everything is measured across the flow (`x`) and along it (`y`), in points, whichever way the
figure is turned in the end. Parts, links and steps change while their sheet is laid out, and
not afterwards.
"""

from __future__ import annotations

from ..scene import Box, Frame

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .path import Path

NORTH, SOUTH = "north", "south"
"""The borders of a frame where the flow enters and leaves."""
CROOKED = 12.0
"""How far beside its entry the flow may leave a frame."""


class Part:
    """What stands in a row of a sheet.

    Attributes:
        kind: that of the box or frame; else `bend` of a long link, `label` beside one, `gate`,
            a place on the border of the sheet, or `heading` of the sheet.
        before, after: how far it reaches to either side of its anchor, `x`.
        size: how long it is along the flow, from `y` on.
        item, sheet: what it is, and what is in it when that is a frame.
        text: of a label or a heading.
    """

    __slots__ = ("after", "before", "item", "kind", "row", "sheet", "size", "text", "x", "y")

    def __init__(
        self,
        kind: str,
        before: float = 0.0,
        after: float = 0.0,
        size: float = 0.0,
        item: Box | Frame | None = None,
        sheet: Sheet | None = None,
        text: str = "",
    ) -> None:
        self.kind = kind
        self.before = before
        self.after = after
        self.size = size
        self.item = item
        self.sheet = sheet
        self.text = text
        self.row = 0
        self.x = 0.0
        self.y = 0.0

    @property
    def solid(self) -> bool:
        """Whether no line may cross it."""
        return self.kind not in ("bend", "gate")

    @property
    def round(self) -> bool:
        """Whether it is the circle of a merge."""
        return self.kind == "merge"

    @property
    def middle(self) -> float:
        return self.y + self.size / 2

    @property
    def end(self) -> float:
        return self.y + self.size

    @property
    def left(self) -> float:
        return self.x - self.before

    @property
    def right(self) -> float:
        return self.x + self.after

    def gate(self, border: str, source: str) -> float:
        """Where the flow from a box passes the border, from the anchor on."""
        return self.sheet.gates[border, source] if self.sheet is not None else 0.0

    def axis(self, border: str, source: str) -> float:
        """What should stand straight below or above its neighbour, from the anchor on.

        Where the flow goes aside in a frame, that is its middle: a chain of such frames would
        wander off otherwise.
        """
        if self.sheet is None or self.sheet.straight:
            return self.gate(border, source)
        return self.sheet.width / 2


class Link:
    """The part of one or more edges that lies in one sheet.

    Attributes:
        source: the box where the edges begin, in this sheet or elsewhere.
        tail, head: ids of items of the sheet, or its borders.
        label: what the edge says, if it says it here.
        weight, side, dashed, hidden: as in `Edge`, of all edges together.
        path: how it is drawn.
    """

    __slots__ = ("dashed", "head", "hidden", "label", "path", "side", "source", "tail", "weight")

    def __init__(self, source: str, tail: str, head: str, label: str) -> None:
        self.source = source
        self.tail = tail
        self.head = head
        self.label = label
        self.weight = 1
        self.side = self.dashed = self.hidden = True
        self.path: Path = []

    @property
    def lane(self) -> bool:
        """Whether it runs at the side of all else."""
        return self.side and not self.dashed


class Step:
    """A piece of a link: between two neighbouring rows, or in a lane.

    Attributes:
        lane: whether it is in a lane, whose place is `x`.
        leaves, enters: whether the lane begins, or ends, at the side of a box.
    """

    __slots__ = ("enters", "head", "lane", "leaves", "link", "tail", "x")

    def __init__(self, link: Link, tail: Part, head: Part, lane: bool = False) -> None:
        self.link = link
        self.tail = tail
        self.head = head
        self.lane = lane
        self.leaves = self.enters = False
        self.x = 0.0

    @property
    def start(self) -> float:
        """Where it leaves its tail."""
        return self.tail.x + self.tail.gate(SOUTH, self.link.source)

    @property
    def goal(self) -> float:
        """Where it enters its head."""
        return self.head.x + self.head.gate(NORTH, self.link.source)


class Grid:
    """The rows of a sheet.

    Attributes:
        layers: the parts of each row, from left to right.
        gaps: before each row and behind the last.
        tops: where each row begins; `bottom` is where the last one ends.
        right: how far each row reaches, and what is behind the last one.
        last: in each row the last part that no line may cross.
    """

    def __init__(self, layers: list[list[Part]], gaps: list[float]) -> None:
        self.layers = layers
        self.gaps = gaps
        self.tops: list[float] = []
        self.bottom = 0.0
        for layer, gap in zip(layers, gaps, strict=False):
            self.tops.append(self.bottom + gap)
            self.bottom = self.tops[-1] + max((part.size for part in layer), default=0.0)
        self.right = [max((part.right for part in layer), default=0.0) for layer in layers]
        self.right.append(0.0)
        solid = ([part for part in layer if part.solid] for layer in layers)
        self.last = {parts[-1] for parts in solid if parts}

    def zone(self, row: int) -> tuple[float, float]:
        """The gap before a row, where lines change sides."""
        end = self.tops[row] if row < len(self.tops) else self.bottom + self.gaps[row]
        return end - self.gaps[row], end


class Sheet:
    """A frame that has been laid out; its corner is at (0, 0).

    Attributes:
        width, length: across the flow and along it.
        parts: what is drawn in it.
        gates: where the flow from a box passes a border.
        straight: whether the flow leaves it below where it enters it.
    """

    def __init__(
        self,
        width: float,
        length: float,
        parts: list[Part],
        gates: dict[tuple[str, str], float],
    ) -> None:
        self.width = width
        self.length = length
        self.parts = parts
        self.gates = gates
        north = [x for (border, _), x in gates.items() if border == NORTH]
        south = [x for (border, _), x in gates.items() if border == SOUTH]
        self.straight = any(abs(a - b) < CROOKED for a in north for b in south)
