"""Drawing a figure, which does not fail while there is a way left.

    dot                 where it is there, and the figure is not too big for it
    dot, less exact     for big figures, or when it takes too long
    our own layout      SVG without Graphviz, or when that fails

What was done, if it is not the first of these, is said in a line.
"""

from __future__ import annotations

from cnndsl.diagnostics import fail
from cnndsl.limits import FIGURE_TIME
from cnndsl.record import Record, replace

from .figure import Figure
from .graph import dot_text
from .graphviz import INSTALL, Failed, Graphviz, Slow, installed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

FORMATS = ("svg", "pdf", "png")
LAYOUTS = ("auto", "dot", "own")
FIRST = 0.6
"""The share of the time that the first attempt gets."""

MANY_BOXES = 1_500
MANY_EDGES = 6
"""Edges for each box; above it a graph is dense."""
QUICK = ("-Gnslimit=2", "-Gnslimit1=2", "-Gmclimit=0.5")
STRAIGHT = (*QUICK, "-Gsplines=line")


class Drawing(Record):
    """A figure that has been drawn.

    Arguments:
        content: of the file.
        notes: what had to be done for it, a phrase each.
    """

    content: bytes
    notes: tuple[str, ...] = ()


def render(figure: Figure, format: str, layout: str = "auto") -> Drawing:
    """The figure as a file.

    Arguments:
        format: `svg`, `pdf`, `png` or `dot`.
        layout: `dot`, `own`, or `auto`, the first of them that works.

    Raises CnnError with E0702 when Graphviz is needed and does not draw.
    """
    drawn = _drawn(figure, format, layout)
    return replace(drawn, notes=(*figure.folded, *drawn.notes))


def _drawn(figure: Figure, format: str, layout: str) -> Drawing:
    if format == "dot":
        return Drawing(dot_text(figure).encode())
    if format not in FORMATS:
        fail("E0801", f"`{format}` is not a format of figures",
             help=(f"there are: {', '.join((*FORMATS, 'dot'))}",))  # fmt: skip
    if layout == "own":
        return Drawing(_own(figure, format))
    try:
        graphviz = installed()
        if graphviz is None:
            raise Failed("there is no Graphviz on this machine", help=INSTALL)
        return _with_dot(graphviz, figure, format)
    except Failed as problem:
        if format == "svg" and layout == "auto":
            return Drawing(_own(figure), (f"drawn without Graphviz: {problem.reason}",))
        fail("E0702", problem.reason, notes=problem.notes, help=(_without(format), *problem.help))


def _own(figure: Figure, format: str = "svg") -> bytes:
    from .layout import svg

    if format != "svg":
        fail("E0801", "our own layout is written as SVG only", help=("`-o figure.svg`",))
    return svg(figure).encode()


def _without(format: str) -> str:
    """What to do without Graphviz."""
    if format == "svg":
        return "`--layout own` needs no Graphviz"
    return f"SVG needs no Graphviz, and can be turned into {format.upper()}: `-o figure.svg`"


def _with_dot(graphviz: Graphviz, figure: Figure, format: str) -> Drawing:
    """The first attempt that is quick enough. Raises Failed."""
    text = dot_text(figure)
    whole = FIGURE_TIME.value
    first = FIRST * whole
    attempts: list[tuple[Sequence[str], float]]
    if _is_big(figure):
        note = "`dot` was asked to be quick, since the figure is large"
        attempts = [(QUICK, first), (STRAIGHT, whole - first)]
    else:
        note = f"`dot` was asked to be quick, since {first:g} seconds were not enough"
        attempts = [((), first), (STRAIGHT, whole - first)]
    for options, seconds in attempts:
        try:
            content = graphviz.draw(figure, text, format, options, seconds)
        except Slow:
            continue
        return Drawing(content, (note,) if options else ())
    raise Failed(
        f"`dot` needed more than {whole:g} seconds for this figure",
        help=(FIGURE_TIME.instead, FIGURE_TIME.help),
    )


def _is_big(figure: Figure) -> bool:
    boxes = len(figure.boxes)
    return boxes > MANY_BOXES or len(figure.scene.edges) > MANY_EDGES * max(boxes, 1)
