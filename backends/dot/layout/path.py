"""Lines: straight pieces, curves that begin and end along the flow, round corners."""

from __future__ import annotations

from math import cos, hypot, radians, sin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Point = tuple[float, float]
    Path = list[tuple[Point, ...]]
    """The first point; then one point for a straight piece, three for a curve."""

CORNER = 7.0
ROUND = 0.5523
"""Where the control points of a quarter of a circle are."""
STEEPEST = radians(58)
FLAT = 60.0
"""An edge from this far aside meets a circle at the steepest angle."""
STRAIGHT = 0.75
"""Points aside that nobody sees."""


def down(start: Point, first: float, last: float, end: Point) -> Path:
    """Along the flow, over to the other side between `first` and `last`, along the flow."""
    (x1, y1), (x2, y2) = start, end
    if abs(x1 - x2) < STRAIGHT:
        return [((x2, y1),), ((x2, y2),)]
    middle = (first + last) / 2
    path: Path = [(start,)]
    if first > y1:
        path.append(((x1, first),))
    path.append(((x1, middle), (x2, middle), (x2, last)))
    if y2 > last:
        path.append((end,))
    return path


def down_to_circle(start: Point, first: float, centre: Point, radius: float) -> Path:
    """To the side of a circle that the line comes from."""
    (x1, y1), (x2, y2) = start, centre
    if abs(x1 - x2) < STRAIGHT:
        return [((x2, y1),), ((x2, y2 - radius),)]
    angle = STEEPEST * max(-1.0, min(1.0, (x1 - x2) / FLAT))
    away = (sin(angle), -cos(angle))
    tip = (x2 + radius * away[0], y2 + radius * away[1])
    reach = 0.5 * abs(x1 - tip[0]) if abs(angle) == STEEPEST else 8.0
    reach = min(reach, 0.8 * (tip[1] - first) / -away[1])
    path: Path = [(start,)]
    if first > y1:
        path.append(((x1, first),))
    path.append(
        (
            (x1, first + 0.6 * (tip[1] - first)),
            (tip[0] + reach * away[0], tip[1] + reach * away[1]),
            tip,
        )
    )
    return path


def out(start: Point, x: float) -> Path:
    """Across the flow and round a corner to go along it at `x`."""
    y1 = start[1]
    bend = CORNER * (1 - ROUND)
    return [
        (start,),
        ((x - CORNER, y1),),
        ((x - bend, y1), (x, y1 + bend), (x, y1 + CORNER)),
    ]


def back(x: float, end: Point) -> Path:
    """From `x` round a corner to a place across the flow."""
    y2 = end[1]
    bend = CORNER * (1 - ROUND)
    return [
        ((x, y2 - CORNER),),
        ((x, y2 - bend), (x - bend, y2), (x - CORNER, y2)),
        (end,),
    ]


def joined(*paths: Path) -> Path:
    """One path through all of them; straight pieces fill gaps."""
    result: Path = []
    for path in paths:
        for at, piece in enumerate(path):
            if at == 0 and result and _near(result[-1][-1], piece[-1]):
                continue
            result.append(piece)
    return result


def _near(a: Point, b: Point) -> bool:
    return abs(a[0] - b[0]) < 0.01 and abs(a[1] - b[1]) < 0.01


def moved(path: Path, by: Callable[[Point], Point]) -> Path:
    """All points of a path somewhere else."""
    return [tuple(by(point) for point in piece) for piece in path]


def shortened(path: Path, length: float) -> tuple[Path, Point]:
    """The path without its end, where an arrow is, and the direction of the arrow."""
    tip = path[-1][-1]
    before = path[-1][-2] if len(path[-1]) > 1 else path[-2][-1]
    size = hypot(tip[0] - before[0], tip[1] - before[1]) or 1.0
    way = ((tip[0] - before[0]) / size, (tip[1] - before[1]) / size)
    end = (tip[0] - length * way[0], tip[1] - length * way[1])
    return [*path[:-1], (*path[-1][:-1], end)], way
