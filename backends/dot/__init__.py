"""Figures of networks: DOT text for Graphviz, PDF and PNG where it is installed, SVG anywhere.

    from cnndsl.backends.dot import BACKEND
    BACKEND.emit(module, level="layer")
    BACKEND.render(module, "svg", level="block", direction="LR")

`Options` has every option with its default.
"""

from __future__ import annotations

from cnndsl.diagnostics import did_you_mean, fail
from cnndsl.graph import Module
from cnndsl.record import Record, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from cnndsl.passes.cost import Cost

    from .draw import View
    from .figure import Figure
    from .render import Drawing
    from .scene import Scene

LEVELS = ("network", "block", "layer", "op")


class Options(Record):
    """What a figure looks like.

    Arguments:
        level: `network` (a box for each stage or map size), `block` (calls are boxes),
            `layer` (calls are opened, a box for each statement), `op` (a box for each
            operator).
        direction: `TB`, `BT` or `LR`, where the flow goes.
        shapes: on edges: `changes`, `all` or `none`.
        theme: `paper` or `grey`.
        caption, legend: whether they stand under the figure.
        opened, closed: definitions or labels whose calls are opened, or not, at any
            level; a tuple or a text with commas, `*` and `?` as in file names.
        training: draw what exists in training only.
        max_boxes: above it, calls are folded level by level, and the figure says so.
        font: names of fonts, a generic one last.
        layout: `dot`, `own` for that of `layout/`, or `auto`, the first that works.
    """

    level: str = "block"
    direction: str = "TB"
    shapes: str = "changes"
    theme: str = "paper"
    caption: bool = True
    legend: bool = True
    opened: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    training: bool = True
    max_boxes: int = 300
    font: str = "Helvetica,Arial,sans-serif"
    layout: str = "auto"


class DotBackend(Record):
    """See `cnndsl.backend`."""

    name: str = "dot"
    description: str = "figures: DOT text for Graphviz, and SVG, PDF or PNG made with it"
    suffix: str = ".dot"

    def emit(self, module: Module, **options: Any) -> str:
        """The DOT text of a figure; options are the fields of `Options`."""
        from .graph import dot_text

        return dot_text(_figure(module, _options(options)))

    def render(self, module: Module, format: str = "svg", **options: Any) -> bytes:
        """The figure as `svg`, `pdf`, `png` or `dot`. Raises CnnError with E0702 without `dot`."""
        return self.draw(module, format, **options).content

    def draw(self, module: Module, format: str = "svg", **options: Any) -> Drawing:
        """The same, with notes on what had to be done for it."""
        from .render import render

        chosen = _options(options)
        return render(_figure(module, chosen), format, chosen.layout)


BACKEND = DotBackend()


def _options(given: dict[str, Any]) -> Options:
    """The options, checked."""
    from .render import LAYOUTS
    from .style import THEMES

    for name in given:
        if name not in Options.fields:
            _unknown("an option of figures", name, Options.fields)
    options = Options(**given)
    choices = {
        "level": LEVELS,
        "direction": ("TB", "BT", "LR"),
        "shapes": ("changes", "all", "none"),
        "theme": THEMES,
        "layout": LAYOUTS,
    }
    for name, known in choices.items():
        if getattr(options, name) not in known:
            _unknown(f"a {name} of figures", str(getattr(options, name)), known)
    lists = {name: _patterns(getattr(options, name)) for name in ("opened", "closed")}
    return replace(options, **lists)


def _patterns(value: str | Iterable[str]) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    return tuple(part.strip() for part in parts if part.strip())


def _unknown(what: str, word: str, known: Iterable[str]) -> None:
    near = did_you_mean(word, known)
    help = f"did you mean `{near}`?" if near else f"there are: {', '.join(known)}"
    fail("E0801", f"`{word}` is not {what}", help=(help,))


def _figure(module: Module, options: Options) -> Figure:
    from cnndsl.passes.cost import cost

    from .caption import alternative_text, caption_of, change_notes, facts_of
    from .figure import Figure, Look

    if not options.training:
        module = _without_training(module)
    facts = facts_of(module, cost(module))
    scene, folded = _scene(module, options, cost(module, training=True))
    notes = [*folded, *change_notes(module.history)]
    caption = caption_of(facts, scene, options.theme, options.legend, notes)
    return Figure(
        module.name,
        scene,
        Look(options.theme, options.direction, options.font),
        caption if options.caption else None,
        ", ".join((facts.name, *facts.phrases)),
        alternative_text(module, facts),
        (f"{module.name}, level {options.level}", *notes),
        tuple(folded),
    )


def _without_training(module: Module) -> Module:
    from cnndsl.graph import inference_graph

    return replace(module, functions=(*module.functions[:-1], inference_graph(module.main)))


def _scene(module: Module, options: Options, costs: Cost) -> tuple[Scene, list[str]]:
    """The scene, folded until it has no more boxes than it may, and what was folded."""
    from .draw import draw

    wanted = 0
    for view, drawn in _ladder(module, options):
        scene, said = draw(module, view, costs), drawn
        if len(scene.boxes) <= options.max_boxes:
            break
        wanted = wanted or len(scene.boxes)
    if not wanted:
        return scene, []
    many = f"{wanted:,} boxes (limit {options.max_boxes:,})"
    return scene, [f"level {options.level} would have {many}: drawn {said}"]


def _ladder(module: Module, options: Options) -> Iterable[tuple[View, str]]:
    """Views from the one that was asked for to the coarsest."""
    from .draw import View

    asked = View(0, False, options.opened, options.closed, options.shapes)
    deepest = _call_depth(module)
    if options.level == "op":
        yield replace(asked, depth=deepest, ops=True), "with a box for each operator"
    if options.level in ("op", "layer"):
        for depth in range(deepest, 0, -1):
            yield replace(asked, depth=depth), f"with {depth} of {deepest} levels of blocks opened"
    if options.level != "network":
        yield asked, "with blocks folded"
    if options.opened:
        yield View(shapes=options.shapes), "with blocks folded"
    yield View(None, shapes=options.shapes), "as stages"


def _call_depth(module: Module) -> int:
    """How deep calls are nested."""
    from cnndsl.graph import Call

    depths: dict[str, int] = {}
    for graph in module.functions:
        calls = (node.op.function for node in graph.nodes if isinstance(node.op, Call))
        depths[graph.name] = max((depths[name] + 1 for name in calls), default=0)
    return depths[module.main.name]
