"""A front: the selections that have less of one measure only with more of another.

It is the same whatever the budgets for the two are; all other bounds hold for every point.
"""

from __future__ import annotations

from ...escape import csv_cell, json_text
from ...record import Record
from .solve import Solution, Solver

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..select import Bound
    from .goal import Axes
    from .optimise import Optimum

AXES: Axes = ("macs", "params")


class Point(Record):
    """A selection.

    Arguments:
        setting: of the network as a whole.
        changes: places that are rewritten.
    """

    macs: int
    params: int
    depth: int
    changes: int
    setting: str


class Front(Record):
    """Points by rising first measure, and two for comparison.

    Arguments:
        original: the network as it was, which changes nothing.
        chosen: the result of the search.
        limits: budgets for the two measures.
    """

    name: str
    axes: Axes
    points: tuple[Point, ...]
    original: Point
    chosen: Point
    limits: tuple[Bound, ...]


def front(optimum: Optimum, points: int, axes: Axes = AXES) -> Front:
    """Up to so many points for each setting, each proved, without those that others equal."""
    found = [
        _point(solution.costs, candidate.name)
        for candidate in optimum.candidates
        for solution in Solver(candidate.space, optimum.target).front(points, axes)
    ]
    best = optimum.best
    assert isinstance(best.answer, Solution)
    return Front(
        optimum.derivation.start.name,
        axes,
        _undominated(found, axes),
        _point({**optimum.before, "changes": 0}, ""),
        _point(best.answer.costs, best.name),
        tuple(b for b in optimum.target.bounds if b.measure in axes and b.relation == "<="),
    )


def _point(costs: Mapping[str, int], setting: str) -> Point:
    return Point(costs["macs"], costs["params"], costs["depth"], costs["changes"], setting)


def _undominated(found: Sequence[Point], axes: Axes) -> tuple[Point, ...]:
    def along(point: Point) -> tuple[int, int]:
        return getattr(point, axes[0]), getattr(point, axes[1])

    kept: list[Point] = []
    for point in sorted(found, key=along):
        if not kept or along(point)[1] < along(kept[-1])[1]:
            kept.append(point)
    return tuple(kept)


# ------------------------------------------------------------------------ files


def as_csv(found: Front) -> str:
    """A line for each point; the network as it was and the chosen one are marked."""
    import csv
    from io import StringIO

    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("kind", *Point.fields))
    for kind, point in _all(found):
        values = (point.macs, point.params, point.depth, point.changes, csv_cell(point.setting))
        writer.writerow((kind, *values))
    return text.getvalue()


def as_json(found: Front) -> str:
    """All points as JSON."""
    rows = [
        {"kind": kind, **{name: getattr(point, name) for name in Point.fields}}
        for kind, point in _all(found)
    ]
    return json_text({"model": found.name, "points": rows})


def _all(found: Front) -> list[tuple[str, Point]]:
    points = [("front", point) for point in found.points]
    return [("original", found.original), ("chosen", found.chosen), *points]
