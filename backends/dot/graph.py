"""From a scene to DOT text, the same bytes for the same scene."""

from __future__ import annotations

from cnndsl.escape import LONGEST, dot_markup, dot_string, visible

from .caption import PER_ROW, Caption
from .face import SIZE, SMALL, THIN, Face, Line, Run, border, face
from .figure import Figure, Look
from .scene import Box, Edge, Frame, Scene, boxes_in
from .style import BORDER, EDGE, INK, NOTE, PAPER, TRAINING, Style

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    Value = str | int | float | None


class Written(str):
    """A value as it stands in DOT, with its quotes or brackets."""


EMPTY = Written('""')


def dot_text(figure: Figure) -> str:
    """The DOT text of a figure."""
    scene, look = figure.scene, figure.look
    lines = [f"// {visible(note[:LONGEST])}" for note in figure.notes]
    name = dot_string(figure.name, entities=True)  # Graphviz reads entities in names of graphs, too
    lines.append(f"digraph {name} {{")
    lines += [f"  {line}" for line in _header(figure)]
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


def _label(lines: Sequence[Line]) -> Written:
    """Plain, or HTML-like where something is bold."""
    if not any(run.bold for line in lines for run in line):
        text = "\n".join(" ".join(run.text for run in line) for line in lines)
        return Written(dot_string(text, entities=True))  # Graphviz reads entities in labels
    if all(run.bold for line in lines for run in line):
        return _bold("<br/>".join(_markup(line) for line in lines))
    return Written(f"<{'<br/>'.join(_markup(line, bold=True) for line in lines)}>")


def _markup(line: Line, bold: bool = False) -> str:
    return "&nbsp; ".join(
        f"<b>{dot_markup(run.text)}</b>" if bold and run.bold else dot_markup(run.text)
        for run in line
    )


def _bold(markup: str) -> Written:
    return Written(f"<<b>{markup}</b>>")


# ----------------------------------------------------------------------- caption


def caption_markup(caption: Caption) -> str:
    """An HTML-like table: the name, the facts, the legend, notes."""
    rows = [f"<tr><td><b>{dot_markup(caption.name)}</b></td></tr>"]
    rows += [f"<tr><td>{dot_markup(line)}</td></tr>" for line in caption.facts]
    if caption.chips:
        rows.append(f"<tr><td>{_chips(caption.chips)}</td></tr>")
    rows += [
        f'<tr><td><font point-size="{SMALL}" color="{NOTE}">{dot_markup(line)}</font></td></tr>'
        for line in caption.notes
    ]
    return (
        f'<table border="0" cellborder="0" cellspacing="0" cellpadding="1">{"".join(rows)}</table>'
    )


def _chips(styles: Sequence[Style]) -> str:
    """A table of the families' names on their colours."""
    rows = []
    for start in range(0, len(styles), PER_ROW):
        inside = "".join(
            f'<td bgcolor="{style.fill}"><font point-size="{SMALL}" color="{style.text}">'
            f"{dot_markup(style.title)}</font></td>"
            for style in styles[start : start + PER_ROW]
        )
        rows.append(f"<tr>{inside}</tr>")
    return (
        f'<table border="0" cellborder="0" cellspacing="3" cellpadding="1">{"".join(rows)}</table>'
    )


# ------------------------------------------------------------------------- parts


def _attributes(values: Mapping[str, Value]) -> str:
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


def _header(figure: Figure) -> Iterator[str]:
    look, caption = figure.look, figure.caption
    spread = (0.17, 0.24) if look.upright else (0.14, 0.34)
    graph: dict[str, Value] = {
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
        "label": Written(f"<{caption_markup(caption)}>") if caption else None,
        "data_title": figure.title,
        "data_description": figure.description,
    }
    yield f"graph {_attributes(graph)}"
    node: dict[str, Value] = {
        "shape": "box",
        "style": "filled",
        "fontname": look.font,
        "fontsize": SIZE,
        "fontcolor": INK,
        "color": BORDER,
        "penwidth": THIN,
        "height": 0.24,
        "width": 0.3,
        "margin": "0.09,0.035",
    }
    yield f"node {_attributes(node)}"
    edge: dict[str, Value] = {
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


def _frame(frame: Frame, look: Look) -> dict[str, Value]:
    seen = border(frame, look)
    return {
        "style": "rounded,dashed" if seen.dashed else "rounded",
        "bgcolor": seen.fill,
        "color": seen.color,
        "penwidth": 0.8,
        "margin": 7,
        "labelloc": "t",
        "labeljust": "l",
        "label": _label([(Run(seen.title, bold=True),)]) if seen.title else EMPTY,
    }


def _box(box: Box, look: Look) -> dict[str, Value]:
    """The attributes of a box."""
    data = {f"data_{name}": value for name, value in box.data}
    return {**_shape(face(box, look), box), "class": f"{box.kind} {box.family}".strip(), **data}


def _shape(seen: Face, box: Box) -> dict[str, Value]:
    if seen.shape == "point":
        return {"label": EMPTY, "shape": "point", "width": 0.04, "height": 0.04, "color": EDGE}
    label: dict[str, Value] = {"label": _label(seen.lines)}
    if seen.shape == "circle":
        return {**label, **_CIRCLE, "fontsize": _unless(SIZE, seen.size), "fillcolor": seen.fill}
    ink = _unless(INK, seen.ink)
    if seen.shape == "text":
        return {**label, **_TEXT[box.kind], "fontcolor": ink}
    style = ["filled", *(["rounded"] * seen.rounded), *(["dashed"] * seen.dashed)]
    return {
        **label,
        "style": ",".join(style),
        "fillcolor": seen.fill,
        "fontcolor": ink,
        "color": _unless(BORDER, seen.border),
        "penwidth": _unless(THIN, seen.width),
    }


def _unless(default: Value, value: Value) -> Value:
    """Nothing where the header of the file has said it."""
    return None if value == default else value


_CIRCLE: dict[str, Value] = {
    "shape": "circle", "fixedsize": "true", "width": 0.19, "height": 0.19, "margin": 0
}  # fmt: skip
_LOW: dict[str, Value] = {"height": 0.2, "width": 0}
_TEXT: dict[str, dict[str, Value]] = {
    "head": {"shape": "plaintext", "style": EMPTY, "margin": "0.04,0.035", **_LOW},
    "port": {"shape": "plaintext", "style": EMPTY, "margin": "0.03,0.02", **_LOW},
    "title": {"shape": "plain", "style": EMPTY, "margin": 0.02},
}


# ------------------------------------------------------------------------- edges


def _edge(edge: Edge, look: Look, kinds: Mapping[str, str]) -> str:
    ends = f"{edge.source} -> {edge.target}"
    if edge.hidden:
        return f"{ends} {_attributes({'style': 'invis', 'weight': edge.weight})}"
    values: dict[str, Value] = {
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
    title, *rest = boxes_in(frame.items)
    return title, next((box for box in rest if box.kind != "title"), None)
