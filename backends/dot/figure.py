"""A whole figure, before it is DOT or SVG."""

from __future__ import annotations

from cnndsl.record import Record

from .caption import Caption
from .scene import Box, Scene
from .style import FONT


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


class Figure(Record):
    """What every writer is given.

    Arguments:
        name: of the model.
        scene: boxes, frames and edges.
        caption: what stands under the figure, if anything does.
        title, description: for those who cannot see it.
        notes: for a comment at the top.
        folded: what was done to have no more boxes than there may be.
    """

    name: str
    scene: Scene
    look: Look
    caption: Caption | None
    title: str
    description: str
    notes: tuple[str, ...] = ()
    folded: tuple[str, ...] = ()

    @property
    def boxes(self) -> tuple[Box, ...]:
        """What is drawn; in a horizontal figure the title of a stage is that of its frame."""
        return tuple(b for b in self.scene.boxes if b.kind != "title" or self.look.upright)
