"""Whether a rule keeps what it claims to keep, window, hull or shape, wherever it applies.

First a proof is tried, for every size and stride at once: both sides are read with symbols for
the holes, and the taps of their windows are brought to normal form. Paddings on the right are
chosen so that the output stays where it is (`cnndsl.rewrite.fit`); whenever that succeeds, a
chain with the strides and taps of the left side has its window, so nothing else is to be proved.
Where it fails, instances decide (`trial`).
"""

from __future__ import annotations

from ...record import Record
from ...symbol import Symbol
from ..conditions import conjuncts
from ..fit import paths
from .symbolic import Side, Unclear, known
from .taps import NOTHING, at_least
from .trial import Trial, pairs
from .verdict import PROVED, UNKNOWN, Verdict, listed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..rule import Rewrite
    from .instances import Bench, Instance, Search
    from .taps import Least, Reach
    from .trial import Pair

STRONGEST = ("window", "hull", "shape")
"""The claims, each of which implies those after it, as far as positions are concerned."""


def verdict(rewrite: Rewrite, found: Search) -> Verdict:
    """What is known of the strongest claim of a rule."""
    claim = next((claim for claim in STRONGEST if claim in rewrite.keeps), "")
    if not claim:
        return Verdict()
    if found.bench is None or found.instance is None:
        return Verdict(claim, UNKNOWN)
    try:
        variables = proof(rewrite, found.bench, found.instance, claim)
    except Unclear:
        return Trial(rewrite, found.bench, found.instance, found.padding, claim).verdict()
    return Verdict(claim, PROVED, f"for every {listed(variables)}" if variables else "")


# ------------------------------------------------------------------------ proof


class Way(Record):
    """A way from an input to an output.

    Arguments:
        reading: what the output reads this way, along height and width.
        is_fitted: whether paddings on it are chosen so that the output stays in place.
    """

    reading: tuple[Reach, Reach]
    is_fitted: bool


def proof(rewrite: Rewrite, bench: Bench, instance: Instance, claim: str) -> tuple[str, ...]:
    """The holes for all values of which a claim is proved. Raises Unclear when it is not."""
    rule = rewrite.ref.rule
    assert rule.left is not None and rule.right is not None
    facts = known(rewrite, bench.holes)
    left = Side(rewrite, facts, rule.left, instance.left)
    right = Side(rewrite, facts, rule.right, instance.right)
    covered = _covered(rewrite)
    for pair, other in pairs(instance):
        before, after = _ways(left, pair, covered), _ways(right, other, ())
        if before or after:
            _check(_only(before), after, claim, facts.least)
    windows = [part for side in (left, right) for window in side.windows.values()
               for part in window or ()]  # fmt: skip
    symbols = set().union(*map(_symbols, windows))
    return tuple(n for n, hole in bench.holes.items() if symbols & {part for part, _ in hole.parts})


def _ways(side: Side, pair: Pair, covered: Sequence[Pair]) -> list[Way]:
    """The ways of a side that matter. Raises Unclear where one reads the whole map."""
    found: list[Way] = []
    chosen: set[str] = set()
    for path in _uncovered(side, list(paths(side.graph, *pair)), covered):
        rows, columns = NOTHING, NOTHING
        for name in path:
            window = side.windows[name]
            if window is None:
                raise Unclear
            rows = rows.then(window[0], side.known.least)
            columns = columns.then(window[1], side.known.least)
        fresh = side.fitted.intersection(path) - chosen
        chosen |= fresh
        found.append(Way((rows, columns), bool(fresh)))
    return found


def _covered(rewrite: Rewrite) -> list[Pair]:
    """The labels in `covers(wide, narrow)`: what the narrow one reads the wide one reads."""
    parts = [part for condition in rewrite.conditions for part in conjuncts(condition)]
    calls = [p for p in parts if getattr(getattr(p, "callee", None), "id", "") == "covers"]
    return [tuple(a.value.id for a in call.arguments) for call in calls]  # type: ignore[union-attr, misc]


def _uncovered(
    side: Side, ways: list[tuple[str, ...]], covered: Sequence[Pair]
) -> list[tuple[str, ...]]:
    """The paths without those that differ from another by a narrow operator for a wide one."""
    labels = {node.name: node.label for node in side.graph.nodes}

    def rest(path: tuple[str, ...], label: str) -> list[str]:
        return [n for n in path if labels[n] != label and side.windows[n] != (NOTHING, NOTHING)]

    def is_covered(path: tuple[str, ...]) -> bool:
        return any(
            rest(path, narrow) == rest(other, wide) and wide in map(labels.get, other)
            for wide, narrow in covered
            for other in ways
            if other != path
        )

    return [path for path in ways if not is_covered(path)]


def _only(ways: list[Way]) -> tuple[Reach, Reach]:
    """What all ways of a left side read alike."""
    readings = {way.reading for way in ways}
    if len(readings) != 1:
        raise Unclear
    (reading,) = readings
    if len(ways) > 1 and any(axis.lo is None for axis in reading):
        raise Unclear
    return reading


def _check(before: tuple[Reach, Reach], after: list[Way], claim: str, least: Least) -> None:
    """Raise Unclear unless the right side reads what the claim says."""
    whole: list[list[bool]] = []
    for way in after:
        axes = list(zip(before, way.reading, strict=True))
        if any(a.stride != b.stride for a, b in axes):
            raise Unclear
        if claim == "shape":
            whole.append([way.is_fitted or _same_size(a, b) for a, b in axes])
            if not all(whole[-1]):
                raise Unclear
            continue
        whole.append([_same(a, b, way.is_fitted, claim) for a, b in axes])
        for (a, b), same in zip(axes, whole[-1], strict=True):
            if not same and not _inside(a, b, way.is_fitted, claim, least):
                raise Unclear
    # Of two products of windows, only one that contains the other is their union.
    if not (any(map(all, whole)) if claim == "window" else all(map(any, zip(*whole, strict=True)))):
        raise Unclear


def _same_size(a: Reach, b: Reach) -> bool:
    if a.lo is None or a.hi is None or b.lo is None or b.hi is None:
        return False
    return a.lo + a.hi - a.extent == b.lo + b.hi - b.extent


def _same(a: Reach, b: Reach, is_fitted: bool, claim: str) -> bool:
    """Whether two windows with the same stride read the same, at the same place."""
    placed = is_fitted or (a.lo is not None and (a.lo, a.hi) == (b.lo, b.hi))
    return placed and (a.taps == b.taps if claim == "window" else a.extent == b.extent)


def _inside(a: Reach, b: Reach, is_fitted: bool, claim: str, least: Least) -> bool:
    """Whether the first window reads all that the second one does."""
    dense = not a.taps or (len(a.taps) == 1 and a.taps[0].step == 1)
    if (claim == "window" and not dense) or not at_least(a.extent - b.extent, 0, least):
        return False
    if is_fitted:  # what is missing is missing on both sides
        return True
    if a.lo is None or b.lo is None:
        return False
    offset = a.lo - b.lo
    return at_least(offset, 0, least) and at_least(a.extent - b.extent - offset, 0, least)


def _symbols(reach: Reach) -> set[str]:
    sizes = [reach.stride, reach.lo, reach.hi]
    sizes += [size for part in reach.taps for size in (part.step, part.count)]
    return {name for size in sizes if isinstance(size, Symbol) for name in size.variables}
