"""Characters that do not belong in a `.cnn` text, and what people meant by them."""

from __future__ import annotations

import re

from ..diagnostics import Diagnostic, Fix, Help, error
from ..source import Source, Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# What keyboards and word processors put in place of our signs.
LOOK_ALIKES = {
    **dict.fromkeys("–—−‐‑‒", "-"),
    **dict.fromkeys("·∗⋅•", "*"),
    **dict.fromkeys("∕÷", "/"),
    **dict.fromkeys("✕✖⨯х", "×"),
    **dict.fromkeys("➔⟶➝", "→"),
    "≡": "==",
    "^": "**",
    "：": ":",
    "，": ",",
    "；": ";",
    "（": "(",
    "）": ")",
    "［": "[",
    "］": "]",
    "｛": "{",
    "｝": "}",
    "＝": "=",
    "｜": "|",
}
# Letters of other alphabets that look like ours.
LETTERS = str.maketrans(
    "аеорсухіјѕАВЕКМНОРСТХΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", "aeopcyxijsABEKMHOPCTXABEZHIKMNOPTYXo"
)
QUOTES = "'‘’‚“”„«»`"

# Control, zero-width and bidirectional characters: a reader could not see them,
# or would see something else than the compiler. Half surrogates are no characters.
INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e"
    "\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]|\r(?!\n)"
)


def describe(char: str) -> str:
    """Code point and name of a character."""
    import unicodedata

    return f"U+{ord(char):04X} {unicodedata.name(char, 'without a name').lower()}"


def invisible_characters(source: Source, start: int, end: int) -> Iterator[Diagnostic]:
    """E0107 for each kind of invisible character, at its first place."""
    places: dict[str, list[int]] = {}
    for found in INVISIBLE.finditer(source.text, start, end):
        places.setdefault(found[0], []).append(found.start())
    for char, (first, *others) in places.items():
        span = Span(source, first, first + 1)
        yield error(
            "E0107",
            f"there is an invisible character here: {describe(char)}",
            span,
            notes=[f"and {len(others)} more of the same in this file"] if others else [],
            help=[Help("remove it", Fix(span, ""))],
        )
