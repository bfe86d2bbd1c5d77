"""A figure as SVG, laid out here, with the texts, colours and facts that DOT would have."""

from __future__ import annotations

from math import fsum

from cnndsl.escape import xml

from ..caption import PER_ROW, Caption
from ..face import SIZE, SMALL, Face, Line, Run, border
from ..figure import Figure
from ..markup import HEADER, group, root
from ..scene import Box, Edge, Frame
from ..style import EDGE, INK, NOTE, PAPER, TRAINING, Style
from .desk import BESIDE, GAP, LEADING, ROW, Desk
from .lift import ASIDE, ROOT
from .metrics import text_width
from .parts import Link, Part, Sheet
from .path import joined, moved, shortened
from .sheet import lay_out

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .path import Path, Point

    Area = tuple[float, float, float, float]

BASELINE = 0.36
"""From the middle of a line to where letters stand, in sizes of the type."""
PAD = 9.0
"""Around the figure, and above its caption."""
ARROW, HALF = 5.2, 1.9
"""Length and half of the width of an arrow."""
THIN = 0.8
DASHES = ' stroke-dasharray="4 2.5"'
FRAME_CORNER, BOX_CORNER = 8, 6
CHIP, CHIP_PAD, CHIP_GAP = 11.0, 3.5, 4.0
"""Height of a colour in the legend, around its text, between two."""


def svg(figure: Figure) -> str:
    """The figure, the same bytes everywhere."""
    return _Drawing(figure).text()


class _Drawing:
    """What is drawn, in the order in which things cover each other."""

    def __init__(self, figure: Figure) -> None:
        self.figure = figure
        self.look = figure.look
        self.desk = Desk(figure)
        self.sheet = lay_out(self.desk)
        width, height = self.desk.turned(self.sheet.width, self.sheet.length)
        wide, high = _caption_size(figure.caption)
        self.width = max(width, wide) + 2 * PAD
        self.height = height + high + 2 * PAD
        self.corner = ((self.width - width) / 2, PAD)
        self.frames: list[str] = []
        self.boxes: list[str] = []
        self.labels: list[str] = []
        self.paths: dict[Link, Path] = {}

    def text(self) -> str:
        """The file."""
        self._walk(self.sheet, ROOT, 0.0, 0.0)
        size = f"{_n(self.width)} {_n(self.height)}"
        attributes = (
            f'width="{_n(self.width)}pt" height="{_n(self.height)}pt" viewBox="0 0 {size}" '
            'xmlns="http://www.w3.org/2000/svg"'
        )
        parts = [
            f"{HEADER}{root(self.figure, attributes)}",
            f'<rect width="100%" height="100%" fill="{PAPER}"/>',
            f'<g font-family="{xml(self.look.font)}" font-size="{SIZE}" fill="{INK}">',
            *self.frames,
            *self._edges(),
            *self.labels,
            *self.boxes,
            *_caption(self.figure.caption, self.width / 2, self.height - PAD),
            "</g>\n</svg>\n",
        ]
        return "\n".join(parts)

    def _walk(self, sheet: Sheet, id: str, x: float, y: float) -> None:
        """Everything in a sheet, whose corner is `x` across the flow and `y` along it."""
        for link in self.desk.links.get(id, ()):
            self.paths[link] = moved(link.path, lambda p: self._place(x + p[0], y + p[1]))
        for part in sheet.parts:
            if part.sheet is not None and isinstance(part.item, Frame):
                if part.item.kind != ASIDE:
                    self.frames.append(self._frame(part.item, self._area(part, x, y)))
                self._walk(part.sheet, part.item.id, x + part.x, y + part.y)
            elif isinstance(part.item, Box):
                self.boxes.append(self._box(part.item, self._area(part, x, y)))
            else:
                self.labels.append(self._label(part, x, y))

    def _place(self, x: float, y: float) -> Point:
        """A place across the flow and along it, on paper."""
        if self.look.direction == "LR":
            x, y = y, x
        elif self.look.direction == "BT":
            y = self.sheet.length - y
        return self.corner[0] + x, self.corner[1] + y

    def _area(self, part: Part, x: float, y: float) -> Area:
        """Left, top, width and height on paper."""
        x1, y1 = self._place(x + part.left, y + part.y)
        x2, y2 = self._place(x + part.right, y + part.end)
        return min(x1, x2), min(y1, y2), abs(x2 - x1), abs(y2 - y1)

    # ------------------------------------------------------------------- parts

    def _frame(self, frame: Frame, area: Area) -> str:
        seen = border(frame, self.look)
        dashes = DASHES if seen.dashed else ""
        return (
            f'<g id="{frame.id}" class="cluster {frame.kind}">'
            f'<rect {_at(area)} rx="{FRAME_CORNER}" fill="{seen.fill}" stroke="{seen.color}" '
            f'stroke-width="{THIN}"{dashes}/></g>'
        )

    def _box(self, box: Box, area: Area) -> str:
        seen = self.desk.faces[box.id]
        x, y, width, height = area
        across, down = x + width / 2, y + height / 2
        return "\n".join(
            [group(box), *_outline(seen, area), *_lines(seen.lines, across, down, seen), "</g>"]
        )

    def _label(self, part: Part, x: float, y: float) -> str:
        """What an edge says, or a frame."""
        if part.kind == "heading":
            left, top, _, height = self._area(part, x, y)
            middle = top + height / 2
            return _text((Run(part.text, bold=True),), left, middle, SIZE, INK, anchor="start")
        across, down = self._place(x + part.x, y + part.middle)
        if self.desk.upright:
            place, anchor = (across + BESIDE, down), "start"
        else:
            place, anchor = (across, down - BESIDE - LEADING * SMALL / 2), "middle"
        return _text((Run(part.text),), *place, SMALL, NOTE, anchor)

    def _edges(self) -> Iterator[str]:
        heads = {box.id for box in self.figure.scene.boxes if box.kind == "head"}
        for edge, way in zip(self.figure.scene.edges, self.desk.lifted.ways, strict=True):
            if not edge.hidden:
                path = joined(*(self.paths[link] for link in way))
                yield _edge(edge, path, arrow=edge.target not in heads)


# ------------------------------------------------------------------------ shapes


def _outline(seen: Face, area: Area) -> list[str]:
    """The border and the fill of a box."""
    if seen.shape == "text":  # what a pointer has to hit to see the facts
        return [f'<rect {_at(area)} fill="{PAPER}" fill-opacity="0"/>']
    x, y, width, height = area
    stroke = f'fill="{seen.fill}" stroke="{seen.border}" stroke-width="{seen.width:g}"'
    if seen.shape != "box":
        radius = _n(width / 2)
        return [
            f'<circle cx="{_n(x + width / 2)}" cy="{_n(y + height / 2)}" r="{radius}" {stroke}/>'
        ]
    corner = f'rx="{BOX_CORNER}" ' if seen.rounded else ""
    return [f"<rect {_at(area)} {corner}{stroke}{DASHES if seen.dashed else ''}/>"]


def _edge(edge: Edge, path: Path, arrow: bool) -> str:
    color = TRAINING if edge.training else EDGE
    dashes = DASHES if edge.dashed or edge.training else ""
    tip = path[-1][-1]
    head = ""
    if arrow:
        path, (across, down) = shortened(path, ARROW)
        x, y = path[-1][-1]
        corners = (tip, (x - HALF * down, y + HALF * across), (x + HALF * down, y - HALF * across))
        points = " ".join(f"{_n(x)},{_n(y)}" for x, y in corners)
        head = f'<polygon points="{points}" fill="{color}"/>'
    ends = f'data-from="{edge.source}" data-to="{edge.target}"'
    return (
        f'<g class="edge" {ends}><path d="{_d(path)}" fill="none" stroke="{color}" '
        f'stroke-width="{THIN}"{dashes}/>{head}</g>'
    )


def _d(path: Path) -> str:
    """The path as SVG has it."""
    commands = {1: "L", 3: "C"}
    (start,), *pieces = path
    written = [f"M{_n(start[0])} {_n(start[1])}"]
    written += [
        commands[len(piece)] + " ".join(f"{_n(x)} {_n(y)}" for x, y in piece) for piece in pieces
    ]
    return "".join(written)


def _at(area: Area) -> str:
    x, y, width, height = area
    return f'x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}"'


def _n(value: float) -> str:
    """A number with two digits at most behind its point."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


# ------------------------------------------------------------------------- texts


def _lines(lines: tuple[Line, ...], across: float, down: float, seen: Face) -> Iterator[str]:
    """Lines around a middle."""
    step = seen.size * LEADING
    first = down - step * (len(lines) - 1) / 2
    for number, line in enumerate(lines):
        yield _text(line, across, first + number * step, seen.size, seen.ink)


def _text(
    line: Line, x: float, middle: float, size: float, ink: str, anchor: str = "middle"
) -> str:
    """A line of text around a height."""
    bold = all(run.bold for run in line)
    style = "".join(
        [
            f' text-anchor="{anchor}"' if anchor != "start" else "",
            f' font-size="{size:g}"' if size != SIZE else "",
            f' fill="{ink}"' if ink != INK else "",
            ' font-weight="bold"' if bold else "",
        ]
    )
    runs = GAP.join(
        f'<tspan font-weight="bold">{xml(run.text)}</tspan>'
        if run.bold and not bold
        else xml(run.text)
        for run in line
    )
    return f'<text x="{_n(x)}" y="{_n(middle + BASELINE * size)}"{style}>{runs}</text>'


# ----------------------------------------------------------------------- caption


def _caption_size(caption: Caption | None) -> Point:
    """Its width, and its height with what is above it."""
    if caption is None:
        return 0.0, 0.0
    widths = [text_width(caption.name, SIZE, bold=True)]
    widths += [text_width(line, SIZE) for line in caption.facts]
    widths += [text_width(line, SMALL) for line in caption.notes]
    rows = _chip_rows(caption.chips)
    widths += [fsum(map(_chip_width, row)) + (len(row) - 1) * CHIP_GAP for row in rows]
    texts = 1 + len(caption.facts) + len(caption.notes)
    return max(widths), PAD + texts * ROW + len(rows) * (CHIP + CHIP_GAP)


def _caption(caption: Caption | None, across: float, end: float) -> Iterator[str]:
    """Lines and colours around a middle, down to `end`."""
    if caption is None:
        return
    y = end - _caption_size(caption)[1] + PAD
    for line in ((Run(caption.name, bold=True),), *((Run(fact),) for fact in caption.facts)):
        yield _text(line, across, y + ROW / 2, SIZE, INK)
        y += ROW
    for row in _chip_rows(caption.chips):
        x = across - (fsum(map(_chip_width, row)) + (len(row) - 1) * CHIP_GAP) / 2
        y += CHIP_GAP / 2
        for style in row:
            width = _chip_width(style)
            yield f'<rect {_at((x, y, width, CHIP))} fill="{style.fill}"/>'
            yield _text((Run(style.title),), x + width / 2, y + CHIP / 2, SMALL, style.text)
            x += width + CHIP_GAP
        y += CHIP + CHIP_GAP / 2
    for note in caption.notes:
        yield _text((Run(note),), across, y + ROW / 2, SMALL, NOTE)
        y += ROW


def _chip_rows(styles: tuple[Style, ...]) -> list[tuple[Style, ...]]:
    return [styles[start : start + PER_ROW] for start in range(0, len(styles), PER_ROW)]


def _chip_width(style: Style) -> float:
    return text_width(style.title, SMALL) + 2 * CHIP_PAD
