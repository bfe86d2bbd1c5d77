"""The third step of a layout: how far from the left each part stands.

Each part wants to stand straight below or above its nearest kin: the neighbours that its
heaviest edges lead to, or the middle one of them. A row gives all its parts what they want as
nearly as their widths allow; the least squares under that are found by pooling neighbours
that push each other. Rows are gone through down and up. In between, columns of parts that are
each other's nearest kin are put on one line where there is room.
"""

from __future__ import annotations

from math import fsum, inf
from operator import itemgetter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    Pull = tuple[int, float, int]
    """A neighbour, how far from it the part wants to stand, the weight of the edge."""
    Pulls = Sequence[Sequence[Pull]]

SWEEPS, LEAST = 16, 4
WORK = 1_500_000
"""Steps that all sweeps together may take, as far as there are enough of them."""


def place(
    layers: Sequence[Sequence[int]],
    above: Pulls,
    below: Pulls,
    gaps: Sequence[Sequence[float]],
) -> list[float]:
    """The place of each part.

    Arguments:
        layers: the parts of each row, from left to right.
        above, below: what pulls each part, on either side.
        gaps: how far each part stands from the one left of it, at least; first 0.
    """
    places = [0.0] * sum(map(len, layers))
    for layer, apart in zip(layers, gaps, strict=True):
        at = -fsum(apart) / 2
        for part, gap in zip(layer, apart, strict=True):
            at += gap
            places[part] = at
    sweeps = max(LEAST, min(SWEEPS, WORK // (len(places) + 1)))
    both = [[*a, *b] for a, b in zip(above, below, strict=True)]
    rows = list(zip(layers, gaps, strict=True))
    columns = _columns(above, below)
    between = _between(layers, gaps)
    for sweep in range(sweeps):
        rough = sweep < LEAST - 2
        down = sweep % 2 == 0
        pulls = (above if down else below) if rough else both
        for layer, apart in rows if down else reversed(rows):
            _settle(layer, apart, pulls, places)
        if not rough:
            for column in columns:
                _straighten(column, between, places)
    return places


def _settle(
    layer: Sequence[int],
    gaps: Sequence[float],
    pulls: Pulls,
    places: list[float],
) -> None:
    """Give the parts of a row what they want, as nearly as there is room."""
    blocks: list[tuple[float, float, int]] = []  # mean, weight, number of parts
    offset = 0.0
    for part, gap in zip(layer, gaps, strict=True):
        offset += gap
        wanted, weight = _wanted(part, pulls[part], places)
        mean, size = wanted - offset, 1
        while blocks and blocks[-1][0] > mean:
            before, heavy, many = blocks.pop()
            mean = (mean * weight + before * heavy) / (weight + heavy)
            weight += heavy
            size += many
        blocks.append((mean, weight, size))
    offset = 0.0
    at = 0
    for mean, _, size in blocks:
        for part, gap in zip(layer[at : at + size], gaps[at : at + size], strict=True):
            offset += gap
            places[part] = mean + offset
        at += size


def _wanted(part: int, pulls: Sequence[Pull], places: Sequence[float]) -> tuple[float, float]:
    """Where a part wants to stand, and how much."""
    if len(pulls) == 1:
        other, shift, weight = pulls[0]
        return places[other] + shift, weight * weight
    if not pulls:
        return places[part], 0.01
    heaviest = max(map(itemgetter(2), pulls))
    kin = sorted(places[o] + shift for o, shift, weight in pulls if weight == heaviest)
    middle = len(kin) // 2
    wanted = kin[middle] if len(kin) % 2 else (kin[middle - 1] + kin[middle]) / 2
    return wanted, heaviest * heaviest


# ----------------------------------------------------------------------- columns


def _columns(above: Pulls, below: Pulls) -> list[list[tuple[int, float]]]:
    """Chains of parts that are each other's nearest kin, and how far each is off its first."""
    follows: dict[int, tuple[int, float]] = {}
    for part, pulls in enumerate(below):
        kin = _only_heaviest(pulls)
        if kin is not None and (back := _only_heaviest(above[kin[0]])) and back[0] == part:
            follows[part] = kin[0], -kin[1]
    columns = []
    for part in sorted(set(follows) - {after for after, _ in follows.values()}):
        column, offset = [(part, 0.0)], 0.0
        while part in follows:
            part, shift = follows[part]
            offset += shift
            column.append((part, offset))
        columns.append(column)
    return columns


def _only_heaviest(pulls: Sequence[Pull]) -> Pull | None:
    """The neighbour that pulls more than all others."""
    if not pulls:
        return None
    best = max(pulls, key=itemgetter(2))
    return best if sum(pull[2] == best[2] for pull in pulls) == 1 else None


def _between(
    layers: Sequence[Sequence[int]], gaps: Sequence[Sequence[float]]
) -> dict[int, tuple[int, float, int, float]]:
    """For each part its neighbours in the row, -1 for none, and how far away they must be."""
    found = {}
    for layer, apart in zip(layers, gaps, strict=True):
        before = [-1, *layer[:-1]]
        after = [*layer[1:], -1]
        room = [*apart[1:], 0.0]
        for part, left, gap, right, gap_after in zip(
            layer, before, apart, after, room, strict=True
        ):
            found[part] = left, gap, right, gap_after
    return found


def _straighten(
    column: Sequence[tuple[int, float]],
    between: dict[int, tuple[int, float, int, float]],
    places: list[float],
) -> None:
    """Put a column on one line as far as its neighbours let it; else in as few as will do."""
    start = 0
    low, high = -inf, inf
    for at, (part, offset) in enumerate(column):
        left, gap, right, gap_after = between[part]
        least = places[left] + gap - offset if left >= 0 else -inf
        most = places[right] - gap_after - offset if right >= 0 else inf
        if max(low, least) > min(high, most):
            _line_up(column[start:at], low, high, places)
            start, low, high = at, least, most
        else:
            low, high = max(low, least), min(high, most)
    _line_up(column[start:], low, high, places)


def _line_up(
    column: Sequence[tuple[int, float]], low: float, high: float, places: list[float]
) -> None:
    if len(column) > 1:
        mean = fsum(places[part] - offset for part, offset in column) / len(column)
        place = max(low, min(high, mean))
        for part, offset in column:
            places[part] = place + offset
