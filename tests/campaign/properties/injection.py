"""Hostile names and texts change nothing in an output but its words.

A case takes one kind of output and one text, and compares the output with its benign twin, which
says letters in the same places. Both are read by the parser of somebody else.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from functools import cache
from shutil import which

from cnndsl.backend import backend
from cnndsl.backends.dot import BACKEND as FIGURES
from cnndsl.diagnostics import Diagnostic, Fix, Help, Label, error
from cnndsl.driver import compile_model
from cnndsl.escape import xml
from cnndsl.irtext import print_module, read_module
from cnndsl.render import for_tools, render_all
from cnndsl.rewrite.search.pareto import Front, Point, as_csv, as_json
from cnndsl.rewrite.search.plot import svg
from cnndsl.source import Source, Span
from tests.campaign.property import Property
from tests.support import structure
from tests.support.hostile import benign, hostile, network
from tests.support.structure import Structure


def _flax(text: str) -> Structure:
    return structure.python(backend("flax").emit(network(text)))


def _dot(level: str, direction: str) -> Callable[[str], Structure]:
    def emit(text: str) -> Structure:
        return structure.dot(FIGURES.emit(network(text), level=level, direction=direction))

    return emit


def _figure(layout: str, level: str) -> Callable[[str], Structure]:
    def draw(text: str) -> Structure:
        drawn = FIGURES.render(network(text), "svg", layout=layout, level=level)
        return structure.svg(drawn.decode())

    return draw


def _report(format: str, read: Callable[[str], Structure]) -> Callable[[str], Structure]:
    return lambda text: read(backend("report").emit(network(text), format=format))


def _spec(text: str) -> Structure:
    """The network as a spec, which compiles; a label is kept where the language has it."""
    source = Source("emitted.cnn", backend("cnn").emit(network(text)))
    structure.check_seen(source.text)
    main = compile_model(source).module.main
    numbers = {name: number for number, name in enumerate(main.types)}
    return [(type(n.op), *(numbers[value] for value in n.inputs)) for n in main.nodes]


def _ir(text: str) -> Structure:
    """The text of the graph, which reads back equal."""
    written = print_module(network(text))
    structure.check_seen(written)
    assert print_module(read_module(written)) == written
    return len(written.splitlines())


def _diagnostics(text: str) -> list[Diagnostic]:
    """Every part of a message, in a file of this name whose only line is the text."""
    source = Source(f"{text}.cnn", " ".join(text.splitlines()) or "x")
    span = Span(source, 0, len(source.text))
    help = (Help(text, Fix(span, text)), Help(text))
    found = error("E0201", text, span, text, also=[Label(span, text)], notes=[text], help=help)
    return [found, Diagnostic("W0101", text)]


def _messages(color: bool) -> Callable[[str], Structure]:
    return lambda text: structure.terminal(render_all(_diagnostics(text), color=color))


def _tools(format: str, read: Callable[[str], Structure]) -> Callable[[str], Structure]:
    return lambda text: read(for_tools(format, _diagnostics(text)))


def _front(text: str) -> Front:
    points = tuple(Point(10 * i, 100 - 10 * i, 3, i, text) for i in range(1, 4))
    return Front(text, ("macs", "params"), points, points[0], points[1], ())


SINKS: dict[str, Callable[[str], Structure]] = {
    "Python": _flax,
    "DOT, blocks": _dot("block", "TB"),
    "DOT, operators": _dot("op", "LR"),
    "DOT, stages": _dot("network", "TB"),
    "report": _report("text", structure.terminal),
    "Markdown": _report("markdown", structure.markdown),
    "CSV": _report("csv", structure.comma_separated),
    "JSON": _report("json", structure.json_document),
    "spec": _spec,
    "IR": _ir,
    "messages": _messages(color=False),
    "messages in colour": _messages(color=True),
    "diagnostics as JSON": _tools("json", structure.json_document),
    "SARIF": _tools("sarif", structure.json_document),
    "annotations": _tools("github", structure.annotations),
    "plot": lambda text: structure.svg(svg(_front(text))),
    "plot as CSV": lambda text: structure.comma_separated(as_csv(_front(text))),
    "plot as JSON": lambda text: structure.json_document(as_json(_front(text))),
    "SVG": _figure("dot", "layer"),
    "SVG, our layout": _figure("own", "layer"),
    "SVG, our layout, stages": _figure("own", "network"),
    "XML": lambda text: structure.svg(f'<svg title="{xml(text)}">{xml(text)}</svg>'),
}


DRAWN = 0.005
"""Share of the cases that are drawn: that takes longer than all others together."""


def twin(sink: str, text: str) -> str:
    """Where the length of names decides what stands on a line, they must stay as long."""
    return re.sub(r"\W", "_", text, flags=re.ASCII) if sink == "Python" else benign(text)


@cache
def _expected(sink: str, text: str) -> Structure:
    return SINKS[sink](text)


def run(random: random.Random) -> dict[str, int]:
    """One text in one kind of output."""
    sink = random.choice(sorted(SINKS.keys() - {"SVG"}))
    if random.random() < DRAWN and which("dot"):
        sink = "SVG"
    text = hostile(random)
    assert SINKS[sink](text) == _expected(sink, twin(sink, text)), f"{sink}: {ascii(text)[:200]}"
    return {sink: 1}


PROPERTY = Property(
    name="injection",
    claim="Hostile names, texts and file names change no structure of any output, and no "
    "character of an output is hidden.",
    run=run,
    cases=4_000,
    nightly=20_000 * len(SINKS),
)
