"""A frame laid out: its parts in rows, gates in its borders, lines between them.

Frames inside it are laid out before and are parts like boxes, so nothing ever overlaps them.
Rows, order and places come from `rank`, `order` and `place`, and `beside` adds what runs at the
side. A line changes sides in the gap between two rows, where nothing stands, or crosses a row
where nothing stands in its way.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from math import fsum, inf

from ..scene import Box, Frame
from .beside import put_aside, put_lanes
from .lift import ASIDE, ROOT
from .order import order
from .parts import NORTH, SOUTH, Grid, Link, Part, Sheet, Step
from .path import joined
from .place import place
from .rank import ranks
from .route import route

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .desk import Desk
    from .place import Pull

MARGIN = 7.0
"""Between the border of a frame and what is in it."""
UPRIGHT, LEVEL = (12.0, 17.0), (10.0, 20.0)
"""Gaps across the flow and along it, in upright figures and others."""
BEFORE, BEHIND = 5.0, 10.0
"""Gaps around a row where nothing but labels and bends are; an arrow is in the second."""
AROUND = 8.0
"""Between a line and what it passes."""
FARTHER, WIDEST = 0.05, 16.0
"""How much wider a gap becomes for each point that a line has to go across, and at most."""
FIRM, LOOSE = 8, 1
"""How much more a link with bends weighs where it runs straight, and where it changes sides."""


def lay_out(desk: Desk) -> Sheet:
    """The sheet of the whole figure, and of all frames in it; the links get their paths."""
    return _laid_out(desk, Frame(ROOT, ASIDE, "", desk.lifted.items), border=False)


def _laid_out(desk: Desk, frame: Frame, border: bool) -> Sheet:
    laying = _Laying(desk, frame, MARGIN if border else 0.0)
    laying.rank()
    laying.chain()
    laying.order()
    laying.place()
    laying.stack()
    laying.beside()
    laying.shift()
    laying.draw()
    return laying.sheet()


def _part(desk: Desk, item: Box | Frame) -> Part | None:
    """An item as a part, frames laid out; None if it is not drawn."""
    if isinstance(item, Box):
        return desk.part(item)
    sheet = _laid_out(desk, item, border=item.kind != ASIDE)
    kind = ASIDE if item.kind == ASIDE else "frame"
    return Part(kind, 0.0, sheet.width, sheet.length, item, sheet)


class _Laying:
    """A sheet in the making."""

    def __init__(self, desk: Desk, frame: Frame, margin: float) -> None:
        self.desk = desk
        self.id = frame.id
        self.margin = margin
        self.gaps = UPRIGHT if desk.upright else LEVEL
        self.links = desk.links.get(frame.id, [])
        parts = {item.id: part for item in frame.items if (part := _part(desk, item))}
        heading = desk.heading(frame)
        self.titles = [part for part in parts.values() if part.kind == "title"]
        self.titles += [heading] if heading else []
        self.asides = {id: part for id, part in parts.items() if part.kind == ASIDE}
        self.flow = {id: part for id, part in parts.items() if part.kind not in ("title", ASIDE)}
        self.gates: dict[tuple[str, str], Part] = {}
        self.free: set[Part] = set()
        self._find_gates()
        self.labels: list[Part] = []
        self.steps: list[Step] = []
        self.length = 0.0
        self.left = self.top = 0.0

    def _find_gates(self) -> None:
        """Where the flow passes the borders. Gates of lanes alone stand where the lanes are."""
        for link in self.links:
            for border, end in ((NORTH, link.tail), (SOUTH, link.head)):
                if end == border:
                    gate = self.gates.setdefault((border, link.source), Part("gate"))
                    self.free.add(gate)
        for link in self.links:
            if not link.lane:
                self.free -= {*self._ends(link)}
        self.bound = {border for (border, _), gate in self.gates.items() if gate not in self.free}

    def _ends(self, link: Link) -> tuple[Part, Part]:
        known = {**self.asides, **self.flow} if self.asides else self.flow
        tail = known[link.tail] if link.tail != NORTH else self.gates[NORTH, link.source]
        head = known[link.head] if link.head != SOUTH else self.gates[SOUTH, link.source]
        return tail, head

    # -------------------------------------------------------------------- rows

    def rank(self) -> None:
        """The row of each part; gates stand before and behind all others."""
        numbers = {id: number for number, id in enumerate(self.flow)}
        steps = [
            (numbers[link.tail], numbers[link.head], 2 if link.label else 1)
            for link in self.links
            if link.tail in numbers and link.head in numbers
        ]
        level = [
            [numbers[id] for id in ids if id in numbers] for ids in self.desk.level.get(self.id, ())
        ]
        found = ranks(len(numbers), steps, [members for members in level if members])
        first = int(NORTH in self.bound)
        for part, row in zip(self.flow.values(), found, strict=True):
            part.row = row + first
        self.rows = first + max(found, default=-1) + 1 + (SOUTH in self.bound)
        for (border, _), gate in self.gates.items():
            gate.row = 0 if border == NORTH else self.rows - 1
            if gate in self.free:
                gate.row = -1 if border == NORTH else self.rows

    def chain(self) -> None:
        """Links in steps from row to row, with bends and labels; those too long get lanes."""
        ends = [(link, *self._ends(link)) for link in self.links]
        ends = [found for found in ends if found[2].kind != ASIDE]
        long = self._too_long({link: head.row - tail.row for link, tail, head in ends})
        for link, tail, head in ends:
            lane = link.lane or link in long
            rows = range(tail.row + 1, head.row)
            start = tail
            for row in rows[-1:] if lane and link.label else () if lane else rows:
                said = link.label and row == head.row - 1
                part = self.desk.label(link.label) if said else Part("bend")
                part.row = row
                self.labels.append(part)
                self.steps.append(Step(link, start, part, lane))
                start, lane = part, False
            self.steps.append(Step(link, start, head, lane))

    def _too_long(self, spans: dict[Link, int]) -> set[Link]:
        """The longest links, if all together need more bends than there may be."""
        bends = {link: span - 1 for link, span in spans.items() if not link.lane}
        total = sum(bends.values())
        found: set[Link] = set()
        for link in sorted(bends, key=bends.__getitem__, reverse=True):
            if total <= self.desk.bends:
                break
            total -= bends[link]
            found.add(link)
        self.desk.bends -= total
        return found

    def order(self) -> None:
        """The parts of each row, from left to right."""
        gates = [gate for gate in self.gates.values() if gate not in self.free]
        self.parts = [*gates, *self.flow.values(), *self.labels]
        self.numbers = {part: number for number, part in enumerate(self.parts)}
        below: list[list[int]] = [[] for _ in self.parts]
        for step in self.steps:
            if not step.lane:
                below[self.numbers[step.tail]].append(self.numbers[step.head])
        layers = order([part.row for part in self.parts], below)
        self.layers = [[self.parts[number] for number in layer] for layer in layers]

    # ------------------------------------------------------------------ places

    def place(self) -> None:
        """How far from the left each part stands."""
        above: list[list[Pull]] = [[] for _ in self.parts]
        below: list[list[Pull]] = [[] for _ in self.parts]
        leaving = Counter(step.tail for step in self.steps if not step.lane)
        entering = Counter(step.head for step in self.steps if not step.lane)
        for step in self.steps:
            if not step.lane:
                tail, head = self.numbers[step.tail], self.numbers[step.head]
                source = step.link.source
                shift = step.tail.axis(SOUTH, source) - step.head.axis(NORTH, source)
                bent = not (step.tail.solid and step.head.solid)
                alone = leaving[step.tail] == entering[step.head] == 1
                weight = step.link.weight * ((FIRM if alone else LOOSE) if bent else 1)
                above[head].append((tail, shift, weight))
                below[tail].append((head, -shift, weight))
        layers = [[self.numbers[part] for part in layer] for layer in self.layers]
        apart = [
            [0.0, *(a.after + self._between(a, b) + b.before for a, b in pairwise(layer))]
            for layer in self.layers
        ]
        for part, x in zip(self.parts, place(layers, above, below, apart), strict=True):
            part.x = x

    def _between(self, a: Part, b: Part) -> float:
        return self.gaps[0] if a.solid and b.solid else AROUND

    def stack(self) -> None:
        """How far from the top each row stands; boxes are centred in it, frames begin there."""
        far = [0.0] * (self.rows + 1)
        for step in self.steps:
            if not step.lane:
                row = step.head.row
                far[row] = max(far[row], abs(step.start - step.goal))
        for row in self._turns():
            far[row] = inf
        gaps = [self._gap(row) + min(FARTHER * far[row], WIDEST) for row in range(self.rows + 1)]
        self.grid = Grid(self.layers, gaps)
        for layer, top in zip(self.layers, self.grid.tops, strict=True):
            highest = max((part.size for part in layer if part.sheet is None), default=0.0)
            for part in layer:
                part.y = top if part.sheet is not None else top + (highest - part.size) / 2
        self.length = self.grid.bottom + (0.0 if SOUTH in self.bound else self.margin)

    def _turns(self) -> set[int]:
        """Rows before which lines go far aside: to and from lanes, and to what stands aside."""
        lanes = [step for step in self.steps if step.lane]
        found = {self._ends(link)[0].row + 1 for link in self.links if link.head in self.asides}
        found |= {step.tail.row + 1 for step in lanes if step.tail.sheet or step.tail.round}
        return found | {step.head.row for step in lanes if step.head.sheet}

    def _gap(self, row: int) -> float:
        """The gap before a row."""
        if row == 0:
            return 0.0 if NORTH in self.bound else self.margin
        if (row == 1 and NORTH in self.bound) or (row == self.rows - 1 and SOUTH in self.bound):
            return self.margin
        if row < self.rows and not _has_items(self.layers[row]):
            return BEFORE
        return self.gaps[1] if _has_items(self.layers[row - 1]) else BEHIND

    def beside(self) -> None:
        """Lanes, then what is for training only: the lowest first, so that lines to those
        farther to the right pass above it."""
        put_lanes(self.grid, [step for step in self.steps if step.lane], self.free)
        steps = [Step(link, *self._ends(link)) for link in self.links if link.head in self.asides]
        for step in sorted(steps, key=lambda step: -step.tail.row):
            link, part = step.link, step.head
            label = self.desk.label(link.label) if link.label else None
            put_aside(self.grid, part, step.tail.row + 1, label, BEHIND)
            if label is not None:
                label.x = part.x + part.gate(NORTH, link.source)
                self.parts.append(label)
            self.length = max(self.length, part.end + self.margin)
        self.steps += steps
        self.parts += self.asides.values()

    def shift(self) -> None:
        """Put the titles, and move all so that the corner is at (0, 0)."""
        for (border, _), gate in self.gates.items():
            gate.y = 0.0 if border == NORTH else self.length
        left = min((part.left for part in self.parts), default=0.0)
        if self.desk.upright:
            left = min(left, self._put_titles(left))
        else:
            self.length = max([self.length, *(part.size + 2 * MARGIN for part in self.titles)])
            self.top = fsum(part.after for part in self.titles)
        right = max([*self.grid.right, *(part.right for part in self.parts)], default=0.0)
        self.width = right - left + self.top + 2 * self.margin
        move = self.margin + self.top - left
        for part in {*self.parts, *self.free, *(self.titles if self.desk.upright else ())}:
            part.x += move
        for step in self.steps:
            step.x += move
        if not self.desk.upright:
            for part in self.titles:
                part.x, part.y = self.margin / 2, MARGIN

    def _put_titles(self, left: float) -> float:
        """Titles stand left of the first row. Returns how far they reach."""
        if not self.titles:
            return left
        row = next((row for row, layer in enumerate(self.layers) if _has_items(layer)), 0)
        boxes = [part.middle for part in self.layers[row] if part.item and part.sheet is None]
        beside = min(part.left for layer in self.layers[: row + 1] for part in layer)
        for part in self.titles:
            part.y = boxes[0] - part.size / 2 if boxes else self.grid.tops[row] + MARGIN
            part.x = min(beside - self.gaps[0] - part.after, left + part.before)
        return min(part.left for part in self.titles)

    # -------------------------------------------------------------------- lines

    def draw(self) -> None:
        """The path of each link."""
        entering = Counter(step.head for step in self.steps if not (step.link.hidden or step.lane))
        lanes = [step for step in self.steps if step.lane]
        both = {s.head for s in lanes if s.enters} & {s.tail for s in lanes if s.leaves}
        for step in self.steps:
            step.link.path = joined(step.link.path, route(self.grid, step, entering, both))

    def sheet(self) -> Sheet:
        drawn = [part for part in self.parts if part.solid]
        gates = {key: part.x for key, part in self.gates.items()}
        return Sheet(self.width, self.length, [*self.titles, *drawn], gates)


def _has_items(layer: list[Part]) -> bool:
    return any(part.item is not None for part in layer)
