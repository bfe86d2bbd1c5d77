"""How operators look: one row per family, and no operator has a row of its own.

The fills are ordered by lightness, at least 8 L* apart, so that a black-and-white
print tells the families apart too, and at least 10 ΔE apart for the colour-blind; the
shape of the corners is a second channel. Every text has a contrast of 4.5:1 or more on
its fill. The tests measure all of this.
"""

from __future__ import annotations

from cnndsl.record import Record

INK = "#111111"
PAPER = "#ffffff"


class Style(Record):
    """The look of a family of boxes.

    Arguments:
        title: the family in the legend.
        fill: colour of the box.
        text: colour of what is written on it.
        rounded: round corners.
        heavy: a thicker border.
    """

    title: str
    fill: str
    text: str = INK
    rounded: bool = False
    heavy: bool = False


STYLES: dict[str, Style] = {
    "linear": Style("fully connected", "#545898", PAPER),
    "pool": Style("pooling", "#c1655c"),
    "norm": Style("normalisation", "#5aa48a", rounded=True),
    "reshape": Style("reshape, resize", "#bfab85"),
    "conv": Style("convolution", "#8bcdf5", rounded=True),
    "block": Style("block", "#aee8e3", heavy=True),
    "activation": Style("activation, dropout", "#fff4d5", rounded=True),
}
"""By family, from dark to light; the order of the legend is that of `LEGEND`."""

LEGEND = ("block", "conv", "pool", "norm", "activation", "linear", "reshape")

ALIASES = {"regular": "activation", "merge": "reshape"}
"""Families that share a row."""

GREYS = {
    "linear": "#5e5e5e",
    "pool": "#808080",
    "norm": "#969696",
    "reshape": "#adadad",
    "conv": "#c4c4c4",
    "block": "#dddddd",
    "activation": "#f4f4f4",
}
"""The same lightness without colour."""

MERGE_SIGNS = {"add": "+", "sub": "−", "mul": "·", "concat": "‖"}
"""What stands in the circle of a merge; in a circle `+` reads ⊕ and `·` reads ⊙."""

BORDER = "#333344"
EDGE = "#3c3c46"
NOTE = "#55555f"
"""Shapes on edges, captions, notes."""
TRAINING = "#6f6f78"
"""What exists in training only."""
CHANGES = ("#d55e00", "#0072b2", "#117733", "#aa4499")
"""Borders of what a rule made, in turn; each box has the number of the rule too."""
BAND = ("#f1f1f3", "#d4d4da")
"""Fill and border of a stage."""
FRAME = ("#ffffff", "#9a9aa4")
"""Fill and border of an opened block."""

FONT = "Helvetica,Arial,sans-serif"
THEMES = ("paper", "grey")


def style_of(family: str, theme: str = "paper") -> Style:
    """The row of a family; a family of somebody's own looks like `reshape`."""
    name = ALIASES.get(family, family)
    name = name if name in STYLES else "reshape"
    style = STYLES[name]
    if theme != "grey":
        return style
    return Style(style.title, GREYS[name], style.text, style.rounded, style.heavy)


def legend_family(family: str) -> str:
    """The row of the legend that a family falls under."""
    name = ALIASES.get(family, family)
    return name if name in STYLES else "reshape"
