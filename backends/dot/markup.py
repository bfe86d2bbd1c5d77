"""What every SVG has, whoever laid it out: a title, a description, the facts of each box."""

from __future__ import annotations

from cnndsl.escape import xml

from .figure import Figure
from .scene import Box

HEADER = '<?xml version="1.0" encoding="UTF-8"?>\n'

FACTS = {
    "path": "{}",
    "op": "{}",
    "shape": "{}",
    "count": "× {}",
    "parameters": "{} parameters",
    "macs": "{} MACs",
}
"""What the title of a box says, in this order."""


def root(figure: Figure, attributes: str) -> str:
    """The opening of the file, with texts for those who cannot see the figure."""
    return (
        f'<svg role="img" aria-labelledby="figure-title figure-description" {attributes}>'
        f'\n<title id="figure-title">{xml(figure.title)}</title>'
        f'\n<desc id="figure-description">{xml(figure.description)}</desc>'
    )


def group(box: Box) -> str:
    """The opening of the group of a box."""
    kind = f"node {box.kind} {box.family}".strip()
    data = "".join(f' data-{name}="{xml(value)}"' for name, value in box.data if value)
    said = " · ".join(_said(box))
    title = f"\n<title>{xml(said)}</title>" if said else ""
    return f'<g id="{box.id}" class="{kind}"{data}>{title}'


def _said(box: Box) -> list[str]:
    facts = dict(box.data)
    return [
        pattern.format(f"{int(value):,}" if value.isdecimal() else value)
        for name, pattern in FACTS.items()
        if (value := facts.get(name, "")) and (name, value) != ("count", "1")
    ]
