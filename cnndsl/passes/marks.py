"""Marks in the source that say where sizes come from, for messages about shapes."""

from __future__ import annotations

from ..diagnostics import Label
from ..ops.merge import Concat
from ..types import TensorType, as_map
from .origin import formula, history

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..source import Span
    from ..symbol import Size
    from .origin import Room, Step

MAX_STEPS = 3
"""How many statements are marked for the size of one value."""


class Marks:
    """Texts for places of the source, each place once."""

    def __init__(self) -> None:
        self.texts: dict[Span, list[str]] = {}

    def add(self, span: Span | None, text: str) -> None:
        if span is not None and text not in self.texts.setdefault(span, []):
            self.texts[span].append(text)

    def add_sizes(self, steps: Sequence[Step], most: int = MAX_STEPS) -> None:
        """Mark the last windows that changed the height and width, with the arithmetic."""
        changes = [step for step in steps if step.op is not None and step.resizes]
        kept = [*changes[:most], *(step for step in changes[most:] if step.halves_odd)]
        for step in reversed(kept):
            before, after = positions(step.before), positions(step.after)
            known = step.place is not None and any(
                text.startswith(f"{after}") for text in self.texts.get(step.place, ())
            )
            text = f"from {before}" if known else f"{before} becomes {after}"
            arithmetic = formula(step)
            if step.room.calls:
                self.add(step.place, text)
                self.add(step.span, arithmetic or text)
            else:
                self.add(step.place, f"{text}: {arithmetic}" if arithmetic else text)

    def add_channels(self, steps: Sequence[Step]) -> None:
        """Mark what decided the number of channels."""
        step = next((s for s in steps if s.op is not None and s.decides_channels), None)
        if step is None:
            return
        if isinstance(step.op, Concat):
            parts = " + ".join(str(type.channels) for type in step.inputs)
            self.add(step.place, f"channels: {parts} = {step.after.channels}")
            return
        for span in (step.span, step.place):
            if span not in self.texts:
                self.add(span, f"{step.after.channels} channels")

    def labels(self, main: Span) -> list[Label]:
        """All labels, that of the problem's place first."""
        found = {main: self.texts.get(main, []), **self.texts}
        return [Label(span, ", ".join(texts)) for span, texts in found.items()]


def positions(type: TensorType) -> TensorType:
    """Height and width alone, as they are printed."""
    return TensorType(as_map(type).shape[:-1])


def size_labels(
    room: Room, value: str, claimed: Sequence[Size], most: int = MAX_STEPS
) -> list[Label]:
    """Marks at what decided those sizes of a value that are not as they are claimed."""
    steps = list(history(room, value))
    found = as_map(steps[0].after).shape
    wanted = tuple(claimed) if len(claimed) == 3 else (1, 1, *claimed)
    marks = Marks()
    if found[:2] != wanted[:2]:
        marks.add_sizes(steps, most)
    if found[2:] != wanted[2:]:
        marks.add_channels(steps)
    return [Label(span, ", ".join(texts)) for span, texts in marks.texts.items()]
