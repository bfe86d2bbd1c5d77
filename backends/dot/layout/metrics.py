"""How wide a text is, without a font: the advance widths of Helvetica, which Arial shares.

Figures are laid out with these on every machine, so they are the same everywhere. A letter
that is not in the table is as wide as most are, or twice that in East Asian scripts.
"""

from __future__ import annotations

WIDTHS = {
    191: "'", 222: "ijl", 260: "|", 278: " !,./:;I[\\]ft\u00a0", 333: "()-`r·²³", 334: "{}",
    355: '"', 389: "*", 413: "‖", 469: "^", 500: "Jcksvxyz", 549: "≥≤±",
    556: "#$0123456789?L_abdeghnopqu–", 584: "+<=>~×−", 611: "FTZ", 667: "&ABEKPSVXY",
    722: "CDHNRUw", 778: "GOQ", 833: "Mm½", 889: "%", 944: "W", 1000: "→…—", 1015: "@",
}  # fmt: skip
BOLD = {
    238: "'", 278: " ,./I\\ijl\u00a0", 280: "|", 333: "!()-:;[]`ft·²³", 389: "*r{}", 474: '"',
    498: "‖", 500: "z", 549: "≥≤±", 556: "#$0123456789J_aceksvxy–", 584: "+<=>^~×−",
    611: "?FLTZbdghnopqu", 667: "EPSVXY", 722: "&ABCDHKNRU", 778: "GOQw", 833: "M½",
    889: "%m", 944: "W", 975: "@", 1000: "→…—",
}  # fmt: skip
"""Thousandths of the size of the type, and the letters that are as wide."""

OTHER, WIDE = 600, 1000

_TABLES = tuple(
    {letter: width for width, letters in table.items() for letter in letters}
    for table in (WIDTHS, BOLD)
)


def text_width(text: str, size: float, bold: bool = False) -> float:
    """The width of a line in points."""
    table = _TABLES[bold]
    return sum(table.get(letter) or _other(letter) for letter in text) * size / 1000


def _other(letter: str) -> int:
    from unicodedata import combining, east_asian_width

    if combining(letter):
        return 0
    return WIDE if east_asian_width(letter) in "WF" else OTHER
