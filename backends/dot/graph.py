"""From a scene to DOT text, the same bytes for the same scene."""

from __future__ import annotations

from cnndsl.escape import LONGEST, dot_markup, dot_string, visible
from cnndsl.record import Record

from .scene import Box, Edge, Frame, Scene
from .style import (
    BAND,
    BORDER,
    CHANGES,
    EDGE,
    FONT,
    FRAME,
    INK,
    MERGE_SIGNS,
    NOTE,
    PAPER,
    TRAINING,
    style_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

LONGEST_NAME, LONGEST_LABEL = 60, 240
WIDEST, NARROW = 46, 20
"""Characters in a line of a label where it can be broken, in upright figures and others."""
SIZE, SMALL = 9, 8


class Written(str):
    """A value as it stands in DOT, with its quotes or brackets."""


EMPTY = Written('""')


class Look(Record):
    """How a scene is written.

    Arguments:
        theme: `paper` or `grey`.
        direction: `TB`, `BT` or `LR`, where the flow goes.
        font: names of fonts, a generic one last.
    """

    theme: str = "paper"
    direction: str = "TB"
    font: str = FONT

    @property
    def upright(self) -> bool:
        """Whether the flow is vertical."""
        return self.direction != "LR"


def dot_text(
    scene: Scene,
    look: Look,
    name: str,
    caption: str = "",
    facts: Mapping[str, str] | None = None,
    notes: Iterable[str] = (),
) -> str:
    """The DOT text of a scene.

    Arguments:
        name: the figure's name.
        caption: an HTML-like label under the figure.
        facts: attributes of the graph that Graphviz ignores and `render` reads.
        notes: comments at the top.
    """
    lines = [f"// {visible(note)}" for note in notes]
    lines.append(f"digraph {quote(name)} {{")
    lines += [f"  {line}" for line in _header(look, caption, facts or {})]
    groups = _groups(scene)
    for item in scene.items:
        lines += [f"  {line}" for line in _item(item, look, groups)]
    order = scene.edges if look.upright else _reversed_branches(scene.edges)
    kinds = {box.id: box.kind for box in scene.boxes}
    lines += [f"  {_edge(edge, look, kinds)}" for edge in order]
    lines += [f"  {line}" for line in _levels(scene, look)]
    lines.append("}")
    return "\n".join(lines) + "\n"


# ----------------------------------------------------------------------- labels


def quote(text: str) -> Written:
    """A DOT string."""
    return Written(dot_string(text))


def quote_label(text: str, longest: int = LONGEST) -> Written:
    """A plain label: Graphviz reads HTML entities in it."""
    return Written(dot_string(text, longest, entities=True))


def wrap(text: str, widest: int = WIDEST) -> str:
    """The text in lines, broken behind commas and between operators."""
    lines: list[str] = []
    for line in text.split("\n"):
        rest = line if len(line) <= LONGEST_LABEL else line[: LONGEST_LABEL - 1] + "…"
        while len(rest) > widest:
            at = max(rest.rfind(", ", 0, widest) + 1, rest.rfind(" · ", 0, widest))
            if at <= 0:
                at = rest.rfind(" ", 1, widest)
            if at <= 0:
                break
            lines.append(rest[:at].rstrip())
            rest = rest[at:].strip().removeprefix("· ")
        lines.append(rest)
    return "\n".join(lines)


# ------------------------------------------------------------------------- parts


def _attributes(values: Mapping[str, str | int | float | None]) -> str:
    """`[a=1, b="x"]`"""
    written = []
    for name, value in values.items():
        if value is None or value == "":
            continue
        if isinstance(value, (int, float)):
            written.append(f"{name}={value:g}")
        else:
            written.append(f"{name}={value if isinstance(value, Written) else quote(value)}")
    return f"[{', '.join(written)}]"


def _header(look: Look, caption: str, facts: Mapping[str, str]) -> Iterator[str]:
    spread = (0.17, 0.24) if look.upright else (0.14, 0.34)
    graph: dict[str, str | int | float | None] = {
        "rankdir": look.direction,
        "ordering": "out",
        "newrank": "true",
        "nodesep": spread[0],
        "ranksep": spread[1],
        "pad": 0.12,
        "fontname": look.font,
        "fontsize": SIZE,
        "fontcolor": INK,
        "bgcolor": PAPER,
        "labelloc": "b",
        "label": Written(f"<{caption}>") if caption else None,
        **{f"data_{name}": value for name, value in facts.items()},
    }
    yield f"graph {_attributes(graph)}"
    node: dict[str, str | int | float | None] = {
        "shape": "box",
        "style": "filled",
        "fontname": look.font,
        "fontsize": SIZE,
        "fontcolor": INK,
        "color": BORDER,
        "penwidth": 0.7,
        "height": 0.24,
        "width": 0.3,
        "margin": "0.09,0.035",
    }
    yield f"node {_attributes(node)}"
    edge: dict[str, str | int | float | None] = {
        "fontname": look.font,
        "fontsize": SMALL,
        "fontcolor": NOTE,
        "color": EDGE,
        "penwidth": 0.8,
        "arrowsize": 0.5,
    }
    yield f"edge {_attributes(edge)}"


def _item(item: Box | Frame, look: Look, groups: Mapping[str, str]) -> Iterator[str]:
    if isinstance(item, Box):
        if item.kind != "title" or look.upright:
            values = {**_box(item, look), "group": groups.get(item.id)}
            yield f"{item.id} {_attributes(values)}"
        return
    yield f"subgraph {item.id} {{"
    yield f"  graph {_attributes(_frame(item, look))}"
    for inner in item.items:
        for line in _item(inner, look, groups):
            yield f"  {line}"
    yield "}"


def _groups(scene: Scene) -> dict[str, str]:
    """For each box on a straight chain of two or more the name of the chain."""
    chain: dict[str, str] = {}
    for edge in scene.edges:
        if edge.weight > 1 and not edge.hidden:
            name = chain.setdefault(edge.source, f"g{edge.source[1:]}")
            chain.setdefault(edge.target, name)
    return chain


def _frame(frame: Frame, look: Look) -> dict[str, str | int | float | None]:
    stage = frame.kind == "stage"
    fill, border = BAND if stage else FRAME
    title = frame.title if not (stage and look.upright) else ""
    if not look.upright and not stage:
        title = title or _head_title(frame)
    return {
        "style": "rounded,dashed" if frame.training else "rounded",
        "bgcolor": fill,
        "color": TRAINING if frame.training else border,
        "penwidth": 0.8,
        "margin": 7,
        "labelloc": "t",
        "labeljust": "l",
        "label": _bold(dot_markup(title)) if title else EMPTY,
    }


def _head_title(frame: Frame) -> str:
    """In a horizontal figure the title of a block stands above its frame's content."""
    head = next((b for b in frame.items if isinstance(b, Box) and b.kind == "head"), None)
    if head is None:
        return ""
    parts = [head.label, head.text, f"× {head.count}" if head.count > 1 else ""]
    return " ".join(part for part in parts if part)


def _box(box: Box, look: Look) -> dict[str, str | int | float | None]:
    """The attributes of a box."""
    values = {
        "box": _plain_box,
        "head": _head,
        "merge": _circle,
        "port": _port,
        "title": _title,
    }[box.kind](box, look)
    data = {f"data_{name}": value for name, value in box.data}
    return {**values, "class": f"{box.kind} {box.family}".strip(), **data}


def _plain_box(box: Box, look: Look) -> dict[str, str | int | float | None]:
    style = style_of(box.family, look.theme)
    corners = ["filled", *(["rounded"] if style.rounded else [])]
    if box.training:
        corners.append("dashed")
    return {
        "label": _label(box, WIDEST if look.upright else NARROW),
        "style": ",".join(corners),
        "fillcolor": style.fill,
        "fontcolor": style.text if style.text != INK else None,
        "color": _border(box, look),
        "penwidth": 2 if box.change else 1.1 if style.heavy else None,
    }


def _border(box: Box, look: Look) -> str | None:
    if box.change and look.theme != "grey":
        return CHANGES[(box.change - 1) % len(CHANGES)]
    return TRAINING if box.training else None


def _label(box: Box, widest: int) -> Written:
    """Plain, or HTML-like where a name or a count is bold."""
    mark = f" ({box.change})" if box.change else ""
    text = wrap(box.text + mark, widest)
    if not box.label and box.count == 1:
        return quote_label(text)
    lines = [dot_markup(line) for line in text.split("\n")]
    if box.label:
        gap = "<br/>" if "\n" in box.text and len(lines) > 1 else "&nbsp; "
        lines[0] = (
            f"<b>{dot_markup(box.label, LONGEST_NAME)}</b>{gap}{lines[0]}"
            if lines[0]
            else f"<b>{dot_markup(box.label, LONGEST_NAME)}</b>"
        )
    if box.count > 1:
        lines[0] = f"{lines[0]}&nbsp; <b>× {box.count}</b>"
    return Written(f"<{'<br/>'.join(lines)}>")


def _head(box: Box, look: Look) -> dict[str, str | int | float | None]:
    """The title of an opened block is where the flow enters it."""
    if not look.upright:
        return _point()
    lines = [dot_markup(line) for line in wrap(box.text, 56).split("\n") if line]
    label = f"{dot_markup(box.label, LONGEST_NAME)}&nbsp; " if box.label else ""
    times = f"&nbsp; × {box.count}" if box.count > 1 else ""
    text = label + "<br/>".join(lines) + times
    return {
        "label": _bold(text or "×"),
        "shape": "plaintext",
        "style": EMPTY,
        "margin": "0.04,0.035",
        "height": 0.2,
        "width": 0,
        "fontcolor": NOTE if box.training else None,
    }


def _point() -> dict[str, str | int | float | None]:
    return {"label": EMPTY, "shape": "point", "width": 0.04, "height": 0.04, "color": EDGE}


def _circle(box: Box, look: Look) -> dict[str, str | int | float | None]:
    return {
        "label": quote_label(MERGE_SIGNS.get(box.text, box.text)),
        "shape": "circle",
        "fixedsize": "true",
        "width": 0.19,
        "height": 0.19,
        "margin": 0,
        "fontsize": 14 if box.text == "mul" else None,
        "fillcolor": PAPER,
    }


def _port(box: Box, look: Look) -> dict[str, str | int | float | None]:
    return {
        "label": quote_label(box.text, LONGEST_NAME),
        "shape": "plaintext",
        "style": EMPTY,
        "margin": "0.03,0.02",
        "height": 0.2,
        "width": 0,
        "fontcolor": TRAINING if box.training else None,
    }


def _title(box: Box, look: Look) -> dict[str, str | int | float | None]:
    text = dot_markup(box.text, LONGEST_NAME)
    return {"label": _bold(text), "shape": "plain", "style": EMPTY, "margin": 0.02}


def _bold(markup: str) -> Written:
    return Written(f"<<b>{markup}</b>>")


# ------------------------------------------------------------------------- edges


def _edge(edge: Edge, look: Look, kinds: Mapping[str, str]) -> str:
    ends = f"{edge.source} -> {edge.target}"
    if edge.hidden:
        return f"{ends} {_attributes({'style': 'invis', 'weight': edge.weight})}"
    values: dict[str, str | int | float | None] = {
        "label": f" {edge.label}" if edge.label else None,
        "style": "dashed" if edge.dashed or edge.training else None,
        "color": TRAINING if edge.training else None,
        "weight": edge.weight if edge.weight != 1 else None,
    }
    if kinds[edge.target] == "head":
        values["arrowhead"] = "none"
    if edge.side and look.upright:
        free = edge.dashed and kinds[edge.source] != "head"
        source = "" if kinds[edge.source] == "merge" or edge.inner or free else ":e"
        target = ":e" if kinds[edge.target] == "merge" else ""
        ends = f"{edge.source}{source} -> {edge.target}{target}"
    if edge.side and not edge.dashed:
        values["label"] = values["label"] or "  "
    written = _attributes(values)
    return ends if written == "[]" else f"{ends} {written}"


def _reversed_branches(edges: Iterable[Edge]) -> list[Edge]:
    """In a horizontal figure Graphviz puts the first branch lowest."""
    by_source: dict[str, list[Edge]] = {}
    for edge in edges:
        by_source.setdefault(edge.source, []).append(edge)
    return [edge for group in by_source.values() for edge in reversed(group)]


def _levels(scene: Scene, look: Look) -> Iterator[str]:
    """Boxes on one line, with invisible edges that keep their order."""
    for ids in (*scene.level, *(_title_levels(scene.items) if look.upright else ())):
        ordered = ids if look.upright else tuple(reversed(ids))
        yield f"{{ rank=same; {' -> '.join(ordered)} [style=invis] }}"


def _title_levels(items: Iterable[Box | Frame]) -> Iterator[tuple[str, ...]]:
    """The title of a stage stands left of its first box."""
    for item in items:
        if isinstance(item, Frame):
            if item.kind == "stage":
                title, first = _first_boxes(item)
                if first is not None:
                    yield title.id, first.id
            yield from _title_levels(item.items)


def _first_boxes(frame: Frame) -> tuple[Box, Box | None]:
    from .scene import boxes_in

    title, *rest = boxes_in(frame.items)
    return title, next((box for box in rest if box.kind != "title"), None)
