"""`cnnc draw`: a model as a figure."""

from __future__ import annotations

import os

from ..exits import UsageError
from ..terminal import say
from .options import (
    STDIN,
    choice,
    compile_given,
    option_file,
    option_output,
    options_for_spec,
    write,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


FORMATS = ("svg", "pdf", "png", "dot")

FIGURE_OPTIONS = {
    "level": "what is a box: network (a stage), block (default), layer or op",
    "direction": "where the flow goes: TB (default), BT or LR",
    "shapes": "sizes on the edges: changes (default), all or none",
    "theme": "paper (default) or grey",
    "opened": "blocks or labels that are opened at any level: `conv4_x,incep*`",
    "closed": "blocks or labels that stay closed at any level",
    "font": "names of fonts, a generic one last",
    "layout": "auto (default), dot, or own, which writes SVG and needs no Graphviz",
}

FIGURE_PARTS = {
    "caption": "the caption",
    "legend": "the legend",
    "training": "what exists in training only",
}


def configure(parser: ArgumentParser) -> None:
    option_file(parser)
    parser.add_argument(
        "--format", type=choice(*FORMATS), metavar="FORMAT",
        help="svg, pdf, png or dot; by default the ending of OUT says it",
    )  # fmt: skip
    for name, what in FIGURE_OPTIONS.items():
        parser.add_argument(f"--{name}", metavar=name.upper(), help=what)
    for name, what in FIGURE_PARTS.items():
        parser.add_argument(
            f"--no-{name}", dest=name, action="store_const", const=False, help=f"leave out {what}"
        )
    option_output(parser)
    options_for_spec(parser)


def run(options: Namespace) -> int:
    from ..backend import figure_backend

    format = options.format or _format_of(options.output)
    compiled = compile_given(options)
    names = (*FIGURE_OPTIONS, *FIGURE_PARTS)
    given = {name: getattr(options, name) for name in names}
    chosen = {name: value for name, value in given.items() if value is not None}
    drawing = figure_backend().draw(compiled.module, format, **chosen)
    code = write(options, drawing.content)
    if drawing.notes:
        say(f"note: {'; '.join(drawing.notes)}")
    return code


def _format_of(path: str) -> str:
    """The format of a figure from the ending of its name. Raises UsageError."""
    if path == STDIN:
        return "dot"
    ending = os.path.splitext(path)[1].lstrip(".").lower()
    if ending in FORMATS:
        return ending
    known = ", ".join(f".{format}" for format in FORMATS)
    raise UsageError(f"the ending of `{path}` names no format", f"use {known}, or give `--format`")
