"""What is drawn, before it is DOT: boxes in frames, edges, and boxes that stand level."""

from __future__ import annotations

from cnndsl.record import Record


class Box(Record):
    """A node of the figure.

    Arguments:
        id: `n0`, `n1`, ... in the order of drawing.
        kind: `box`; `head`, the title of an opened block, where the flow enters it;
            `merge`, a circle; `port`, an input or output; `title` of a stage.
        text: what it says, lines divided by line breaks.
        label: the user's name, bold before the text.
        count: how many equal copies it stands for in a row.
        family: of its first operator that has weights, else of its first; `block` for a call.
        training: it exists in training only.
        change: the number of the rule that made it or something inside it; 0 for none.
        data: facts for readers of the file: path, op, shape, count, parameters, macs.
    """

    id: str
    kind: str
    text: str
    label: str = ""
    count: int = 1
    family: str = ""
    training: bool = False
    change: int = 0
    data: tuple[tuple[str, str], ...] = ()


class Frame(Record):
    """Boxes with a border around them: a stage, an opened block, a repeated run."""

    id: str
    kind: str
    title: str
    items: tuple[Box | Frame, ...]
    training: bool = False


class Edge(Record):
    """A flow between boxes.

    Arguments:
        source, target: ids of boxes.
        label: the shape that flows, where it changes.
        side: it runs beside the main flow: a skip connection, a projection.
        dashed: a projection.
        inner: an edge of a side branch that does not leave the fork.
        training: it exists in training only.
        weight: how straight it wants to be.
        hidden: not drawn, it keeps the fork above its merge.
    """

    source: str
    target: str
    label: str = ""
    side: bool = False
    dashed: bool = False
    inner: bool = False
    training: bool = False
    weight: int = 1
    hidden: bool = False


class Scene(Record):
    """A whole figure.

    Arguments:
        items: from the input to the outputs.
        edges: in the order in which they leave a box, left to right.
        level: ids of boxes that stand on one line, from left to right.
    """

    items: tuple[Box | Frame, ...]
    edges: tuple[Edge, ...]
    level: tuple[tuple[str, ...], ...]

    @property
    def boxes(self) -> tuple[Box, ...]:
        """All boxes in the order of drawing."""
        return tuple(boxes_in(self.items))


def boxes_in(items: tuple[Box | Frame, ...]) -> list[Box]:
    """All boxes, those in frames too."""
    found: list[Box] = []
    for item in items:
        if isinstance(item, Box):
            found.append(item)
        else:
            found.extend(boxes_in(item.items))
    return found
