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
        self.changed: set[Span] = set()

    def add(self, span: Span | None, text: str) -> None:
        if span is not None and text not in self.texts.setdefault(span, []):
            self.texts[span].append(text)

    def add_sizes(self, steps: Sequence[Step], most: int = MAX_STEPS) -> None:
        """Mark the last statements that changed the height and width, with the arithmetic."""
        changes = [step for step in steps if step.op is not None and step.resizes]
        places: dict[Span | None, list[Step]] = {}
        for step in changes:
            places.setdefault(step.place, []).append(step)
        groups = list(places.values())
        kept = groups[:most]
        kept += [group for group in groups[most:] if any(step.halves_odd for step in group)]
        for group in reversed(kept):
            self._add_change(group)

    def _add_change(self, group: Sequence[Step]) -> None:
        """Mark one statement, which may have changed the size more than once."""
        last = group[0]
        place = last.place
        if place is None or place in self.changed:
            return
        self.changed.add(place)
        sizes = [positions(step.after) for step in group] + [positions(group[-1].before)]
        known = any(text.startswith(f"{sizes[0]}") for text in self.texts.get(place, ()))
        text = f"from {sizes[1]}" if known else f"{sizes[1]} becomes {sizes[0]}"
        if len(group) > 1:
            text = " → ".join(map(str, reversed(sizes)))
        arithmetic = formula(last) if len(group) == 1 else ""
        if last.room.calls and last.span is not None and last.span not in self.texts:
            self.add(last.span, arithmetic or text)
            arithmetic = ""
        self.add(place, f"{text}: {arithmetic}" if arithmetic else text)

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
