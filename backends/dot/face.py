"""The face of a box: what is written in it, line by line, and how it is painted."""

from __future__ import annotations

from cnndsl.escape import visible
from cnndsl.record import Record

from .figure import Look
from .scene import Box, Frame
from .style import (
    BAND,
    BORDER,
    CHANGES,
    EDGE,
    FRAME,
    INK,
    MERGE_SIGNS,
    NOTE,
    PAPER,
    TRAINING,
    style_of,
)

LONGEST_NAME, LONGEST_LABEL = 60, 240
WIDEST, NARROW, HEAD = 46, 20, 56
"""Characters in a line of a label where it can be broken, in upright figures, others, titles."""
SIZE, SMALL = 9, 8
THIN, THICK, CHANGED = 0.7, 1.1, 2


class Run(Record):
    """A part of a line; the runs of a line stand a gap apart."""

    text: str
    bold: bool = False


Line = tuple[Run, ...]


class Face(Record):
    """How a box looks.

    Arguments:
        lines: what is written in it.
        shape: `box`, `circle`, `point`, or `text` without anything around it.
        size: of the type.
        ink, fill, border: colours.
        width: of the border.
        rounded, dashed: the border.
    """

    lines: tuple[Line, ...]
    shape: str = "box"
    size: int = SIZE
    ink: str = INK
    fill: str = PAPER
    border: str = BORDER
    width: float = THIN
    rounded: bool = False
    dashed: bool = False


class Border(Record):
    """How a frame looks; its title is bold."""

    title: str
    fill: str
    color: str
    dashed: bool


def border(frame: Frame, look: Look) -> Border:
    """The look of a frame. In an upright figure the title of a stage or block is a box."""
    stage = frame.kind == "stage"
    fill, color = BAND if stage else FRAME
    title = frame.title if not (stage and look.upright) else ""
    if not look.upright and not stage:
        title = title or _head_title(frame)
    return Border(title, fill, TRAINING if frame.training else color, frame.training)


def _head_title(frame: Frame) -> str:
    """In a horizontal figure the title of a block stands above its frame's content."""
    head = next((b for b in frame.items if isinstance(b, Box) and b.kind == "head"), None)
    if head is None:
        return ""
    parts = [head.label, head.text, f"× {head.count}" if head.count > 1 else ""]
    return " ".join(part for part in parts if part)


def face(box: Box, look: Look) -> Face:
    """The face of a box."""
    return {"box": _box, "head": _head, "merge": _merge, "port": _port, "title": _title}[box.kind](
        box, look
    )


def _box(box: Box, look: Look) -> Face:
    style = style_of(box.family, look.theme)
    return Face(
        _labelled(box, WIDEST if look.upright else NARROW),
        ink=style.text,
        fill=style.fill,
        border=_border(box, look),
        width=CHANGED if box.change else THICK if style.heavy else THIN,
        rounded=style.rounded,
        dashed=box.training,
    )


def _border(box: Box, look: Look) -> str:
    if box.change and look.theme != "grey":
        return CHANGES[(box.change - 1) % len(CHANGES)]
    return TRAINING if box.training else BORDER


def _labelled(box: Box, widest: int) -> tuple[Line, ...]:
    """The user's name before the first line, the number of copies behind it."""
    mark = f" ({box.change})" if box.change else ""
    lines = [_line(line) for line in wrap(box.text + mark, widest).split("\n")]
    if box.label:
        name = Run(_cut(box.label), bold=True)
        apart = "\n" in box.text and len(lines) > 1 and lines[0]
        lines[:1] = [(name,), lines[0]] if apart else [(name, *lines[0])]
    if box.count > 1:
        lines[0] = (*lines[0], Run(f"× {box.count}", bold=True))
    return tuple(lines)


def _head(box: Box, look: Look) -> Face:
    """The title of an opened block is where the flow enters it."""
    if not look.upright:
        return Face((), "point", fill=EDGE, border=EDGE)
    lines = [_line(line, bold=True) for line in wrap(box.text, HEAD).split("\n") if line] or [()]
    if box.label:
        lines[0] = (Run(_cut(box.label), bold=True), *lines[0])
    if box.count > 1 or lines == [()]:
        times = f"× {box.count}" if box.count > 1 else "×"
        lines[-1] = (*lines[-1], Run(times, bold=True))
    return Face(tuple(lines), "text", ink=NOTE if box.training else INK)


def _merge(box: Box, look: Look) -> Face:
    sign = MERGE_SIGNS.get(box.text, box.text)
    return Face((_line(sign),), "circle", size=14 if box.text == "mul" else SIZE)


def _port(box: Box, look: Look) -> Face:
    return Face((_line(_cut(box.text)),), "text", ink=TRAINING if box.training else INK)


def _title(box: Box, look: Look) -> Face:
    return Face((_line(_cut(box.text), bold=True),), "text")


# ------------------------------------------------------------------------- texts


def _line(text: str, bold: bool = False) -> Line:
    return (Run(visible(text), bold),) if text else ()


def _cut(text: str) -> str:
    shown = visible(text[: LONGEST_NAME + 1])
    return shown if len(shown) <= LONGEST_NAME else f"{shown[: LONGEST_NAME - 1]}…"


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
