"""The desk that the sheets of a figure are laid out on: how large everything is."""

from __future__ import annotations

from math import fsum

from ..face import SIZE, SMALL, Face, Line, border, face
from ..figure import Figure
from ..scene import Box, Frame
from .lift import ASIDE, Lifted
from .metrics import text_width
from .parts import Part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .path import Point

GAP = "\u00a0\u00a0"
"""Between the runs of a line."""
LEADING = 1.2
"""From one line to the next, in sizes of the type."""
PADDING = {"box": (6.5, 2.5), "text": (3.0, 2.0), "title": (1.5, 1.5)}
"""Around a text, to the sides and above."""
LEAST = {"box": (21.6, 17.3), "text": (0.0, 14.4), "title": (0.0, 12.0)}
"""Width and height, at least."""
CIRCLE, POINT = 13.7, 2.9
BESIDE = 3.0
"""Between a line and what it says."""
LOW = 10.0
"""Height of what an edge says."""
ROW = 12.0
"""Height of a line of its own."""
BENDS = 30_000


class Desk:
    """What all sheets of a figure share."""

    def __init__(self, figure: Figure) -> None:
        self.look = figure.look
        self.upright = figure.look.upright
        self.bends = BENDS
        self.faces = {box.id: face(box, self.look) for box in figure.scene.boxes}
        self.lifted = Lifted(figure.scene)
        self.links = self.lifted.links
        self.level: dict[str, list[list[str]]] = {}
        for ids in figure.scene.level:
            parents = [self.lifted.parents[id] for id in ids]
            kept = [id for id, parent in zip(ids, parents, strict=True) if parent == parents[0]]
            self.level.setdefault(parents[0], []).append(kept)

    def part(self, box: Box) -> Part | None:
        """A box as a part; None if it is not drawn."""
        if box.kind == "title" and not self.upright:
            return None
        width, size = self.turned(*_size(self.faces[box.id], box.kind))
        return Part(box.kind, width / 2, width / 2, size, box)

    def label(self, text: str) -> Part:
        """What an edge says, right of the line or above it."""
        width = text_width(text, SMALL)
        if self.upright:
            return Part("label", 2 * BESIDE, 2 * BESIDE + width, LOW, text=text)
        return Part("label", BESIDE + LOW, BESIDE, width + 2 * BESIDE, text=text)

    def heading(self, frame: Frame) -> Part | None:
        """What a frame says, if it says anything."""
        title = border(frame, self.look).title if frame.kind != ASIDE else ""
        if not title:
            return None
        width = text_width(title, SIZE, bold=True)
        across, along = self.turned(width, ROW)
        return Part("heading", 0.0, across, along, text=title)

    def turned(self, a: float, b: float) -> Point:
        """A size across the flow and along it from width and height, or the other way."""
        return (a, b) if self.upright else (b, a)


def _size(seen: Face, kind: str) -> Point:
    """The width and the height of a box."""
    if seen.shape in ("circle", "point"):
        size = CIRCLE if seen.shape == "circle" else POINT
        return size, size
    shape = "title" if kind == "title" else seen.shape
    (beside, above), (least, low) = PADDING[shape], LEAST[shape]
    width = max((line_width(line, seen.size) for line in seen.lines), default=0.0)
    height = len(seen.lines) * seen.size * LEADING
    return max(width + 2 * beside, least), max(height + 2 * above, low)


def line_width(line: Line, size: float) -> float:
    """The width of a line with runs in it."""
    gaps = max(len(line) - 1, 0) * text_width(GAP, size)
    return fsum(text_width(run.text, size, run.bold) for run in line) + gaps
