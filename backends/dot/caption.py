"""The caption under a figure, its legend, and the text for those who cannot see it."""

from __future__ import annotations

from cnndsl.graph import Module
from cnndsl.history import Change, History
from cnndsl.notation import number, scaled, shape, signed_percent, whole_formula
from cnndsl.passes.cost import Cost
from cnndsl.passes.depth import depth
from cnndsl.passes.outline import Item, Repeat, known_multiples, label_text, outline, row_text
from cnndsl.record import Record

from .scene import Scene
from .style import LEGEND, Style, legend_family, style_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cnndsl.graph import Graph
    from cnndsl.symbol import Size

MOST_CHANGES = 12
"""Rules that the caption lists."""
PER_LINE = 46
"""Characters in a line of the caption."""
PER_ROW = 3
"""Families in a row of the legend."""


class Caption(Record):
    """What stands under a figure.

    Arguments:
        name: of the model.
        facts, notes: lines.
        chips: the families that occur, for the legend.
    """

    name: str
    facts: tuple[str, ...]
    chips: tuple[Style, ...] = ()
    notes: tuple[str, ...] = ()


class Facts(Record):
    """What the caption says of a model."""

    name: str
    input: str
    parameters: str
    macs: str
    depth: str

    @property
    def phrases(self) -> tuple[str, ...]:
        return (
            f"input {self.input}",
            f"{self.parameters} parameters",
            self.macs,
            f"depth {self.depth}",
        )


def facts_of(module: Module, costs: Cost) -> Facts:
    """The facts of a module, those of inference."""
    shapes = " + ".join(shape(value.type) for value in module.main.inputs)
    parameters, layers = number(costs.params), str(depth(module))
    return Facts(module.name, shapes, parameters, _operations(module, costs.macs), layers)


def _operations(module: Module, macs: Size) -> str:
    """MACs; a formula without its floors, for the sizes that it is then right for."""
    if isinstance(macs, int):
        return f"{scaled(macs)} MACs"
    multiples = known_multiples(module)
    whole = whole_formula(macs)
    if whole is None or all(multiples.get(name) == whole[1] for name in macs.variables):
        return f"{number(macs, multiples)} MACs"
    return f"{whole[0]} MACs at multiples of {whole[1]}"


def caption_of(
    facts: Facts, scene: Scene, theme: str, legend: bool, notes: Iterable[str]
) -> Caption:
    """The name, the facts, the legend, notes."""
    said = _filled(legend_notes(scene)) if legend else []
    said += [line for note in notes for line in _filled(note.split(" "), " ")]
    chips = _legend(scene, theme) if legend else ()
    return Caption(facts.name, tuple(_filled(facts.phrases)), chips, tuple(said))


def legend_notes(scene: Scene) -> list[str]:
    """What dashes and counts mean, as far as they occur."""
    notes = []
    if any(edge.dashed for edge in scene.edges):
        notes.append("dashed edge: projection")
    if any(box.training for box in scene.boxes):
        notes.append("grey, dashed: training only")
    if any(box.count > 1 for box in scene.boxes):
        notes.append("× N: N equal copies")
    return notes


def change_notes(history: History) -> list[str]:
    """What the numbers in boxes mean: the rules, and what they saved."""
    notes = [_change_note(change) for change in history.changes[:MOST_CHANGES]]
    more = len(history.changes) - len(notes)
    return [*notes, f"and {more} more"] if more else notes


def _change_note(found: Change) -> str:
    places = f"{found.sites:,} place{'s' * (found.sites != 1)}"
    saved = [
        f"{what} {signed_percent(before, after)}"
        for what, (before, after) in (("parameters", found.params), ("MACs", found.macs))
        if isinstance(before, int) and isinstance(after, int) and before != after and before
    ]
    return f"({found.number}) {found.rule}: {', '.join([places, *saved])}"


def _filled(phrases: Iterable[str], gap: str = " · ") -> list[str]:
    """Phrases in lines of a width."""
    lines: list[str] = []
    for phrase in phrases:
        if lines and len(lines[-1]) + len(phrase) + len(gap) <= PER_LINE:
            lines[-1] += gap + phrase
        else:
            lines.append(phrase)
    return lines


def _legend(scene: Scene, theme: str) -> tuple[Style, ...]:
    """The families that occur, if there are several."""
    present = {legend_family(box.family) for box in scene.boxes if box.kind == "box"}
    styles = tuple(style_of(family, theme) for family in LEGEND if family in present)
    return styles if len(styles) > 1 else ()


def alternative_text(module: Module, facts: Facts) -> str:
    """The network in a sentence or two, stage by stage."""
    parts: list[str] = []
    region = ""
    for item in outline(module.main):
        stage = item.region[0] if item.region else ""
        text = _said(item, module.by_name)
        if stage and stage != region:
            parts.append(f"stage {stage}: {text}")
        else:
            parts.append(text)
        region = stage
    outputs = ", ".join(
        f"{output.name} {shape(type)}{' (training only)' if output.training else ''}"
        for output, type in zip(module.main.outputs, module.main.output_types, strict=True)
    )
    flow = "; ".join(parts) if len(parts) <= 60 else "; ".join([*parts[:59], "and so on"])
    numbers = ", ".join(facts.phrases[1:])
    return f"{facts.name}: input {facts.input}; {flow}. Output {outputs}. {numbers}."


def _said(item: Item, functions: Mapping[str, Graph]) -> str:
    times = f", {item.count} times" if item.count > 1 else ""
    if isinstance(item, Repeat):
        inside = ", then ".join(_said(inner, functions) for inner in item.items)
        return f"({inside}){times}"
    label = label_text(item.labels)
    text = row_text(item, functions).replace(" · ", ", ")
    return f"{label}: {text}{times}" if label else f"{text}{times}"
