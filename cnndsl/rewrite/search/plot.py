"""A front as a figure: points and the stairs between them, in SVG of our own.

When not all points of a front are shown, the others lie on the stairs or under a step of
them. The look is that of the figures of networks: their ink, their font, colours that the
colour-blind tell apart, and a shape for each kind of point besides.
"""

from __future__ import annotations

from ...escape import xml
from ...notation import scaled
from ...record import Record
from .goal import MEASURES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .pareto import Front, Point

WIDTH, HEIGHT = 640, 440
LEFT, RIGHT, TOP, BOTTOM = 84, 24, 44, 60
"""Margins around the axes."""
FONT = "Helvetica,Arial,sans-serif"
INK, PAPER, NOTE, GRID = "#111111", "#ffffff", "#55555f", "#e3e3e8"
FRONT, CHOSEN, ORIGINAL = "#0072b2", "#d55e00", "#117733"
TICKS = 6
"""Ticks of an axis, about."""


class Scale(Record):
    """A measure along an axis: from 0 to the last tick."""

    measure: str
    ticks: tuple[int, ...]
    begin: float
    end: float

    def at(self, value: int) -> float:
        return self.begin + (self.end - self.begin) * value / self.ticks[-1]

    def of(self, point: Point) -> float:
        return self.at(getattr(point, self.measure))


def scale(measure: str, most: int, begin: float, end: float) -> Scale:
    """An axis with round ticks that reaches `most`."""
    step = _round_step(most)
    count = -(-max(most, 1) // step)
    return Scale(measure, tuple(step * i for i in range(count + 1)), begin, end)


def _round_step(most: int) -> int:
    """1, 2 or 5 times a power of ten, so that there are about `TICKS` steps."""
    power = 1
    while True:
        for digit in (1, 2, 5):
            if digit * power * TICKS >= most:
                return digit * power
        power *= 10


def svg(front: Front) -> str:
    """The figure."""
    shown = [front.original, front.chosen, *front.points]
    across, up = front.axes
    x = scale(across, max(getattr(point, across) for point in shown), LEFT, WIDTH - RIGHT)
    y = scale(up, max(getattr(point, up) for point in shown), HEIGHT - BOTTOM, TOP)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" font-family="{FONT}" font-size="12" fill="{INK}">',
        f"<title>{xml(front.name)}: {MEASURES[up]} against {MEASURES[across]}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{PAPER}"/>',
        *_axes(x, y),
        *_limits(front, x, y),
        *_staircase(front, x, y),
        *_marks(front, x, y),
        *_legend(front),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _axes(x: Scale, y: Scale) -> Iterator[str]:
    left, right, bottom = LEFT, WIDTH - RIGHT, HEIGHT - BOTTOM
    for tick in x.ticks:
        yield _line(x.at(tick), TOP, x.at(tick), bottom, GRID)
        yield _text(x.at(tick), bottom + 18, scaled(tick), "middle")
    for tick in y.ticks:
        yield _line(left, y.at(tick), right, y.at(tick), GRID)
        yield _text(left - 8, y.at(tick) + 4, scaled(tick), "end")
    yield _line(left, TOP, left, bottom, INK)
    yield _line(left, bottom, right, bottom, INK)
    yield _text((left + right) / 2, HEIGHT - 18, MEASURES[x.measure], "middle")
    middle = (TOP + bottom) / 2
    turned = f' transform="rotate(-90 18 {middle:.1f})"'
    yield _text(18, middle, MEASURES[y.measure], "middle", turned)


def _limits(front: Front, x: Scale, y: Scale) -> Iterator[str]:
    """Budgets as dashed lines; one that is beyond its axis is not drawn."""
    dashes = ' stroke-dasharray="5 4"'
    for bound in front.limits:
        axis = x if bound.measure == x.measure else y
        at = axis.at(bound.value)
        if bound.value > axis.ticks[-1]:
            continue
        if axis is x:
            yield _line(at, TOP, at, HEIGHT - BOTTOM, NOTE, dashes)
        else:
            yield _line(LEFT, at, WIDTH - RIGHT, at, NOTE, dashes)


def _staircase(front: Front, x: Scale, y: Scale) -> Iterator[str]:
    """From each point to where the next one begins, then down to it."""
    steps: list[str] = []
    for point in front.points:
        across, up = x.of(point), y.of(point)
        steps.append(f"H{across:.1f}V{up:.1f}" if steps else f"M{across:.1f} {up:.1f}")
    if len(steps) > 1:
        yield f'<path d="{"".join(steps)}" fill="none" stroke="{FRONT}" stroke-width="1.5"/>'


def _marks(front: Front, x: Scale, y: Scale) -> Iterator[str]:
    for point in front.points:
        yield _dot(x.of(point), y.of(point), point)
    yield _square(x.of(front.original), y.of(front.original), front.original)
    yield _diamond(x.of(front.chosen), y.of(front.chosen), front.chosen)


def _dot(across: float, up: float, point: Point | None = None) -> str:
    return f'<circle cx="{across:.1f}" cy="{up:.1f}" r="4" fill="{FRONT}">{_tip(point)}</circle>'


def _square(across: float, up: float, point: Point | None = None) -> str:
    shape = f'<rect x="{across - 5:.1f}" y="{up - 5:.1f}" width="10" height="10" '
    return f'{shape}fill="{PAPER}" stroke="{ORIGINAL}" stroke-width="2">{_tip(point)}</rect>'


def _diamond(across: float, up: float, point: Point | None = None) -> str:
    shape = f"M{across - 7:.1f} {up:.1f}l7 -7 7 7 -7 7z"
    return f'<path d="{shape}" fill="{CHOSEN}" stroke="{PAPER}">{_tip(point)}</path>'


def _legend(front: Front) -> Iterator[str]:
    yield _text(LEFT, 24, front.name, "start", ' font-size="14" font-weight="bold"')
    right, up = WIDTH - RIGHT, 20
    for words, mark in (("chosen", _diamond), ("as it was", _square), ("front", _dot)):
        right -= 7 * len(words)
        yield _text(right, up + 4, words)
        yield mark(right - 12, up)
        right -= 34


def _tip(point: Point | None) -> str:
    """What is shown when the pointer rests on a point."""
    if point is None:
        return ""
    said = [f"{point.params:,} parameters, {point.macs:,} MACs, depth {point.depth}"]
    said += [point.setting] if point.setting else []
    return f"<title>{xml('; '.join(said))}</title>"


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, more: str = "") -> str:
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{colour}"{more}/>'


def _text(x: float, y: float, words: str, anchor: str = "start", more: str = "") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f"<text {place}{more}>{xml(words)}</text>"
