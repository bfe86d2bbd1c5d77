"""From a scene to frames that can be laid out one by one.

An edge between boxes in different frames is cut at the borders: a link to the border in each
frame that it leaves, one between the frames, and links from the border in each that it enters.
What only training needs and nothing else reads is put in a frame without a border, which stands
beside the rest.
"""

from __future__ import annotations

from ..scene import Box, Edge, Frame, Scene
from .parts import NORTH, SOUTH, Link

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Item = Box | Frame

ROOT = ""
ASIDE = "aside"


class Lifted:
    """The links of each frame, and those that make up each edge.

    Attributes:
        items: the figure's, training in frames of its own.
        links: by frame.
        ways: for each edge of the scene its links, from source to target.
    """

    def __init__(self, scene: Scene) -> None:
        self.parents = dict(_parents(scene.items, ROOT))
        self.items = self._beside(scene)
        self.links: dict[str, list[Link]] = {}
        self._known: dict[tuple[str, str, str, str, str], Link] = {}
        self.ways = [self._way(edge) for edge in scene.edges]

    def _way(self, edge: Edge) -> list[Link]:
        """The links of an edge, from its source to its target."""
        sources, targets = self._around(edge.source), self._around(edge.target)
        shared = 0
        while sources[-1 - shared] == targets[-1 - shared]:
            shared += 1
        inner, outer = sources[: len(sources) - shared], targets[: len(targets) - shared]
        common = self.parents[inner[-1]]
        cuts = [
            *((self.parents[item], item, SOUTH) for item in inner[:-1]),
            (common, inner[-1], outer[-1]),
            *((self.parents[item], NORTH, item) for item in reversed(outer[:-1])),
        ]
        return [
            self._link(edge, frame, tail, head, edge.label if frame == common else "")
            for frame, tail, head in cuts
        ]

    def _around(self, item: str) -> list[str]:
        """An item and the frames around it, the outermost last."""
        found = [item]
        while found[-1] in self.parents:
            found.append(self.parents[found[-1]])
        return found

    def _link(self, edge: Edge, frame: str, tail: str, head: str, label: str) -> Link:
        key = (frame, edge.source, tail, head, label)
        if key not in self._known:
            self._known[key] = Link(edge.source, tail, head, label)
            self.links.setdefault(frame, []).append(self._known[key])
        link = self._known[key]
        link.weight = max(link.weight, edge.weight)
        link.side &= edge.side
        link.dashed &= edge.dashed
        link.hidden &= edge.hidden
        return link

    # --------------------------------------------------------------- training

    def _beside(self, scene: Scene) -> tuple[Item, ...]:
        """What belongs together of the training in a frame, if one line leads to it."""
        training = {item.id for item in scene.items if item.training}
        groups = {id: id for id in training}

        def group(id: str) -> str:
            while groups[id] != id:
                id = groups[id]
            return id

        led: dict[str, set[tuple[str, str]]] = {}
        for edge in scene.edges if training else ():
            tail, head = self._child(edge.source), self._child(edge.target)
            if tail in training and head in training:
                groups[group(tail)] = group(head)
            elif head in training:
                led.setdefault(head, set()).add((edge.source, edge.label))
        members: dict[str, list[Item]] = {}
        for item in scene.items:
            if item.id in training:
                members.setdefault(group(item.id), []).append(item)
        result = [item for item in scene.items if item.id not in training]
        for number, inside in enumerate(members.values()):
            if len(set().union(*(led.get(item.id, ()) for item in inside))) != 1:
                result += inside
                continue
            aside = Frame(f"{ASIDE}_{number}", ASIDE, "", tuple(inside), training=True)
            self.parents[aside.id] = ROOT
            self.parents.update((item.id, aside.id) for item in inside)
            result.append(aside)
        return tuple(result)

    def _child(self, id: str) -> str:
        """The item of the figure itself that a box is in."""
        while self.parents[id] != ROOT:
            id = self.parents[id]
        return id


def _parents(items: Iterable[Item], parent: str) -> Iterator[tuple[str, str]]:
    """Each item and the frame that it is in."""
    for item in items:
        yield item.id, parent
        if isinstance(item, Frame):
            yield from _parents(item.items, item.id)
