"""Names: texts that are legal, and different from each other."""

from __future__ import annotations

import re
from functools import partial

from cnndsl.lexer.scanner import EXPRESSION_WORDS, RESERVED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping

LONGEST = 64


def legal(text: str) -> str:
    """A text as a label: letters, digits and `_`, no word of expressions, not too long."""
    text = re.sub(r"\W", "_", text, flags=re.ASCII)[:LONGEST] or "_"
    is_number = re.fullmatch(r"\d+(?:[xX]\d.*)?", text)
    return f"_{text}"[:LONGEST] if is_number or text in EXPRESSION_WORDS else text


def legal_name(text: str) -> str:
    """A text as the name of a block or a model: no digit begins it, no statement begins so."""
    text = legal(text)
    return f"_{text}"[:LONGEST] if text[0].isdigit() or text in RESERVED else text


def numbered(text: str, is_free: Callable[[str], bool]) -> str:
    """The text, with a number behind it if it is not free."""
    result, number = text, 1
    while not is_free(result):
        number += 1
        result = f"{text[: LONGEST - 6]}_{number}"
    return result


def unique(text: str, taken: Container[str]) -> str:
    """The text, with a number behind it if it is taken."""
    return numbered(text, lambda result: result not in taken)


def choose(
    wanted: Iterable[tuple[str, str]],
    fallback: Iterable[tuple[str, str]],
    kept: Mapping[str, tuple[str, ...]],
) -> dict[str, str]:
    """A label for each value, no label twice.

    Arguments:
        wanted: values with labels that would be right, the best ones first.
        fallback: values with labels that may get a number.
        kept: labels that are for certain values only.
    """
    result: dict[str, str] = {}
    taken: set[str] = set()

    def is_free(label: str, value: str) -> bool:
        return label not in taken and kept.get(label, (value,)) == (value,)

    for value, label in wanted:
        text = legal(label)
        if value not in result and is_free(text, value):
            result[value] = text
            taken.add(text)
    for value, label in fallback:
        if value not in result:
            text = result[value] = numbered(legal(label), partial(is_free, value=value))
            taken.add(text)
    return result
