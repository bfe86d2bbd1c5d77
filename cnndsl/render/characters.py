"""How much room text takes on a terminal, and where it can be broken into lines."""

from __future__ import annotations


def columns(text: str) -> int:
    """Columns of a terminal that `text` takes: 2 for East Asian wide, 0 for combining."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(
        2 if east_asian_width(c) in "WF" else 0 if combining(c) or _is_selector(c) else 1
        for c in text
    )


def _is_selector(character: str) -> bool:
    return "\ufe00" <= character <= "\ufe0f"


def wrap(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` columns, broken at spaces; long words stay whole."""
    lines: list[str] = []
    for paragraph in text.rstrip().split("\n"):
        indent = paragraph[: len(paragraph) - len(paragraph.lstrip())]
        line = paragraph
        while columns(line) > width:
            cut = _break(line, width, len(indent))
            if cut < 0:
                break
            lines.append(line[:cut])
            line = indent + line[cut + 1 :]
        lines.append(line)
    return lines


def _break(line: str, width: int, indent: int) -> int:
    """Index of the last space that keeps the line within `width`, else of the first one."""
    best = line.find(" ", indent)
    at = best
    while at >= 0 and columns(line[:at]) <= width:
        best, at = at, line.find(" ", at + 1)
    return best
