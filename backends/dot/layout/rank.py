"""The first step of a layout: in which row each part stands.

A part stands one row below the lowest of those that lead to it. Parts that must stand level
are ranked as one, and what nothing leads to stands just above what it leads to.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    Step = tuple[int, int, int]


def ranks(count: int, steps: Sequence[Step], level: Sequence[Sequence[int]] = ()) -> list[int]:
    """The row of each of `count` parts, the first row being 0.

    Arguments:
        steps: source, target, and how many rows lie between them at least.
        level: parts that stand in one row; left out where a way leads from one to another.
    """
    groups = _groups(count, level)
    found = _longest(count, steps, groups)
    if found is None:
        found = _longest(count, steps, list(range(count)))
    assert found is not None, "the graph has a cycle"
    return _pulled(found, steps, groups)


def _groups(count: int, level: Sequence[Sequence[int]]) -> list[int]:
    """For each part the first of those that it stands level with."""
    leader = list(range(count))

    def find(part: int) -> int:
        while leader[part] != part:
            part = leader[part]
        return part

    for first, *rest in level:
        for other in rest:
            leader[find(other)] = find(first)
    return [find(part) for part in range(count)]


def _longest(count: int, steps: Sequence[Step], groups: Sequence[int]) -> list[int] | None:
    """Longest ways from the top; None where the groups make a circle."""
    after: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    waiting = [0] * count
    for source, target, least in steps:
        after[groups[source]].append((groups[target], least))
        waiting[groups[target]] += 1
    found = [0] * count
    ready = [part for part in range(count) if groups[part] == part and not waiting[part]]
    done = 0
    while ready:
        part = ready.pop()
        done += 1
        for target, least in after[part]:
            found[target] = max(found[target], found[part] + least)
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    if done < sum(groups[part] == part for part in range(count)):
        return None
    return [found[groups[part]] for part in range(count)]


def _pulled(found: list[int], steps: Sequence[Step], groups: Sequence[int]) -> list[int]:
    """Lone parts that nothing leads to come down to what they lead to."""
    led = {groups[target] for _, target, _ in steps}
    shared = {group for part, group in enumerate(groups) if group != part}
    lowest: dict[int, int] = {}
    for source, target, least in steps:
        if groups[source] not in led and groups[source] not in shared:
            lowest[source] = min(lowest.get(source, found[target] - least), found[target] - least)
    return [lowest.get(part, row) for part, row in enumerate(found)]
