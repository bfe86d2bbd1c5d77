"""Figures read back: where boxes and edges are, and whether that can be."""

from __future__ import annotations

import random
import re
from math import hypot
from xml.dom import minidom
from xml.dom.minidom import Element

from cnndsl.graph import Graph, Module, Node, Output, Value
from cnndsl.ops.activation import Relu
from cnndsl.ops.merge import Add
from cnndsl.record import Record
from cnndsl.types import map_type

Point = tuple[float, float]
TOUCH = 1.0
"""Points between the end of an edge and its box that nobody sees."""


class Area(Record):
    """A box or a frame on paper."""

    id: str
    kind: str
    text: str
    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> Point:
        return self.x + self.width / 2, self.y + self.height / 2

    def holds(self, other: Area, slack: float = 0.1) -> bool:
        return (
            self.x <= other.x + slack
            and self.y <= other.y + slack
            and self.x + self.width >= other.x + other.width - slack
            and self.y + self.height >= other.y + other.height - slack
        )

    def meets(self, other: Area, slack: float = 0.1) -> bool:
        return (
            self.x + slack < other.x + other.width
            and other.x + slack < self.x + self.width
            and self.y + slack < other.y + other.height
            and other.y + slack < self.y + self.height
        )

    def distance(self, point: Point) -> float:
        dx = max(self.x - point[0], 0, point[0] - self.x - self.width)
        dy = max(self.y - point[1], 0, point[1] - self.y - self.height)
        return hypot(dx, dy)

    def deep(self, point: Point) -> bool:
        """Whether a point is well inside."""
        return (
            self.x + TOUCH < point[0] < self.x + self.width - TOUCH
            and self.y + TOUCH < point[1] < self.y + self.height - TOUCH
        )


class Line(Record):
    """An edge, with points on it, the tip of its arrow last."""

    source: str
    target: str
    points: tuple[Point, ...]


class Drawn(Record):
    """A figure."""

    boxes: dict[str, Area]
    frames: tuple[Area, ...]
    edges: tuple[Line, ...]

    def named(self, text: str) -> Area:
        return next(box for box in self.boxes.values() if box.text.startswith(text))


def check_svg(content: bytes) -> Drawn:
    """Read one of our own figures, and raise where something stands or runs where it must not."""
    drawn = read_svg(content)
    assert drawn.boxes
    _check_nesting(drawn)
    near = _by_height(drawn)
    for edge in drawn.edges:
        for end, id in ((edge.points[0], edge.source), (edge.points[-1], edge.target)):
            box = drawn.boxes[id]
            apart = box.distance(end)
            assert apart <= TOUCH, f"an edge of {box.text!r} ends {apart:.1f} points away"
        for point in edge.points:
            for id in near.get(int(point[1] // STRIP), ()):
                crossed = id not in (edge.source, edge.target) and drawn.boxes[id].deep(point)
                assert not crossed, f"{edge.source} -> {edge.target} crosses {drawn.boxes[id]}"
    return drawn


STRIP = 20.0


def _by_height(drawn: Drawn) -> dict[int, list[str]]:
    """The boxes that are in each strip of the paper."""
    found: dict[int, list[str]] = {}
    for box in drawn.boxes.values():
        for strip in range(int(box.y // STRIP), int((box.y + box.height) // STRIP) + 1):
            found.setdefault(strip, []).append(box.id)
    return found


def _check_nesting(drawn: Drawn) -> None:
    """Of two areas one is in the other, if that is a frame, or they have nothing in common."""
    areas = sorted((*drawn.boxes.values(), *drawn.frames), key=lambda area: area.x)
    frames = {frame.id for frame in drawn.frames}
    active: list[Area] = []
    for area in areas:
        active = [other for other in active if other.x + other.width > area.x]
        for other in active:
            nested = (other.id in frames and other.holds(area)) or (
                area.id in frames and area.holds(other)
            )
            assert nested or not area.meets(other), f"{area} overlaps {other}"
        active.append(area)


def read_svg(content: bytes) -> Drawn:
    """The boxes, frames and edges of one of our own figures."""
    root = minidom.parseString(content).documentElement
    assert root is not None
    boxes: dict[str, Area] = {}
    frames = []
    edges = []
    for group in root.getElementsByTagName("g"):
        kind = group.getAttribute("class")
        if kind.startswith("node"):
            assert group.getAttribute("id") not in boxes
            boxes[group.getAttribute("id")] = _area(group)
        elif kind.startswith("cluster"):
            frames.append(_area(group))
        elif kind == "edge":
            edges.append(_line(group))
    return Drawn(boxes, tuple(frames), tuple(edges))


def _area(group: Element) -> Area:
    def number(element: Element, name: str) -> float:
        return float(element.getAttribute(name))

    texts = group.getElementsByTagName("text")
    text = "\n".join(_words(element) for element in texts).replace("\u00a0", " ")
    who = group.getAttribute("id"), group.getAttribute("class"), text
    for circle in group.getElementsByTagName("circle"):
        r = number(circle, "r")
        return Area(*who, number(circle, "cx") - r, number(circle, "cy") - r, 2 * r, 2 * r)
    (rect,) = group.getElementsByTagName("rect")
    return Area(*who, *(number(rect, name) for name in ("x", "y", "width", "height")))


def _words(element: Element) -> str:
    return "".join(
        child.data if child.nodeType == child.TEXT_NODE else _words(child)
        for child in element.childNodes
    )


def _line(group: Element) -> Line:
    points = _points(group.getElementsByTagName("path")[0].getAttribute("d"))
    for arrow in group.getElementsByTagName("polygon"):
        x, y = arrow.getAttribute("points").split(" ")[0].split(",")
        points.append((float(x), float(y)))
    return Line(group.getAttribute("data-from"), group.getAttribute("data-to"), tuple(points))


def _points(path: str) -> list[Point]:
    """Points on a path, near each other."""
    found: list[Point] = []
    for command, text in re.findall(r"([MLC])([^MLC]*)", path):
        numbers = [float(word) for word in text.split()]
        points = list(zip(numbers[::2], numbers[1::2], strict=True))
        if command == "C":
            found += _curve(found[-1], *points)
        else:
            found += _between(found[-1], points[0]) if found else points
    return found


def _between(a: Point, b: Point) -> list[Point]:
    steps = int(hypot(b[0] - a[0], b[1] - a[1]) // 5) + 1
    return [
        (a[0] + (b[0] - a[0]) * k / steps, a[1] + (b[1] - a[1]) * k / steps)
        for k in range(1, steps + 1)
    ]


def _curve(a: Point, b: Point, c: Point, d: Point) -> list[Point]:
    found: list[Point] = []
    steps = int((hypot(b[0] - a[0], b[1] - a[1]) + hypot(d[0] - b[0], d[1] - b[1])) // 5) + 4
    for k in range(1, steps + 1):
        t = k / steps
        u = 1 - t
        weights = (u**3, 3 * u * u * t, 3 * u * t * t, t**3)
        x, y = (sum(w * p[i] for w, p in zip(weights, (a, b, c, d), strict=True)) for i in (0, 1))
        found.append((x, y))
    return found


def facts(content: bytes) -> list[dict[str, str]]:
    """What each box says of itself in its attributes, in the order of their numbers."""
    root = minidom.parseString(content).documentElement
    assert root is not None
    found = {}
    for group in root.getElementsByTagName("g"):
        if group.getAttribute("class").startswith("node"):
            pairs = group.attributes.items()
            data = {name[5:]: value for name, value in pairs if name.startswith("data-")}
            assert group.getAttribute("id") not in found, "every box once"
            found[group.getAttribute("id")] = data
    return [found[id] for id in sorted(found, key=lambda id: int(id[1:]))]


def chain(length: int, farthest: int = 9, numbers: random.Random | None = None) -> Module:
    """Layers in a row, every other one a sum with an earlier one, irregular enough not to fold."""
    numbers = numbers or random.Random(length)
    x = map_type(8, 8, 3)
    names = ["x"]
    nodes = []
    for k in range(length):
        name, last = f"c{k}", names[-1]
        earlier = names[max(0, len(names) - 2 - numbers.randrange(farthest))]
        op, reads = (Add(), (last, earlier)) if k % 2 and earlier != last else (Relu(), (last,))
        nodes.append(Node(name, op, reads, (Value(name, x),), k))
        names.append(name)
    output = (Output("o", names[-1]),)
    return Module("m", (Graph("m", "m", (), (Value("x", x),), tuple(nodes), output),))
