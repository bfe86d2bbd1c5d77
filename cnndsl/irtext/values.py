"""Values of arguments: numbers, windows, paddings, lists, and the words that are values.

What a block is given may be anything, so there a string stands in quotes and a word is a
constant. Arguments of operators are written as in the language, where a word is text:
`mode=bilinear`; `operators.py` writes those, but they are read here too.
"""

from __future__ import annotations

import re

from ..diagnostics import fail
from ..window import Padding, Window
from .cursor import Cursor
from .words import extents, is_integer, read_extents, read_integer, read_string, write_string

CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "none": None}
"""Values that have a word."""
PADDING = "pad"
"""The word before the list that is a padding."""
_WORD_OF = {value: word for word, value in CONSTANTS.items()}
_FLOAT = re.compile(r"[0-9]+\.[0-9]*(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+|inf|nan")


def write_value(value: object) -> str:
    """The value of a block's argument: strings in quotes, so that they differ from words."""
    match value:
        case None | bool():
            return _WORD_OF[value]
        case int() | float() | Window():
            return str(value)
        case str():
            return write_string(value)
        case Padding(top, bottom, left, right):
            return PADDING + write_value((top, bottom, left, right))
        case tuple():
            return f"[{', '.join(map(write_value, value))}]"
        case _:
            raise TypeError(f"a {type(value).__name__} cannot be an argument in the IR")


def read_value(cursor: Cursor, words: bool = False) -> object:
    """A value. With `words`, as operators have it, a word that is no number is text."""
    if cursor.token.kind == "string":
        return read_string(cursor)
    if cursor.accept("["):
        return cursor.nested(lambda cursor: _read_items(cursor, words))
    if cursor.accept("-"):
        return _read_negative(cursor)
    if cursor.token.kind != "word":
        cursor.fail("a value")
    if cursor.token.text == PADDING and cursor.following == "[":
        return _read_padding(cursor)
    number = _read_number(cursor)
    return _read_word(cursor, words) if number is None else number


def _read_word(cursor: Cursor, words: bool) -> object:
    text = cursor.token.text
    if text in CONSTANTS and not (words and CONSTANTS[text] is None):
        return CONSTANTS[cursor.next().text]
    if not words:
        cursor.fail("a value; a string stands in quotes")
    return cursor.next().text


def _read_items(cursor: Cursor, words: bool) -> tuple[object, ...]:
    items = cursor.sequence(lambda cursor: read_value(cursor, words), "]")
    cursor.expect("]")
    return items


def _read_padding(cursor: Cursor) -> Padding:
    """`pad[1, 1, 0, 0]`."""
    place = cursor.here
    cursor.expect(PADDING)
    cursor.expect("[")
    items = cursor.nested(lambda cursor: _read_items(cursor, words=False))
    amounts = [n for n in items if type(n) is int]
    if len(amounts) != 4:
        fail("E0206", "a padding is four whole numbers", place)
    return Padding(*amounts)


def _read_negative(cursor: Cursor) -> int | float:
    number = _read_number(cursor)
    if not isinstance(number, int | float):
        cursor.fail("a number")
    return -number


def _read_number(cursor: Cursor) -> int | float | Window | None:
    """A number or a window, or None when the next word is neither."""
    if cursor.token.kind != "word":
        return None
    if _FLOAT.fullmatch(cursor.token.text):
        return float(cursor.next().text)
    if is_integer(cursor):
        return read_integer(cursor)
    return _read_window(cursor) if extents(cursor.token.text) == 2 else None


def _read_window(cursor: Cursor) -> Window:
    """`7x7`, `7x7/2`, `7x7/2x1`."""
    size = _read_pair(cursor)
    return Window(*size, *_read_pair(cursor)) if cursor.accept("/") else Window(*size)


def _read_pair(cursor: Cursor) -> tuple[int, int]:
    if extents(cursor.token.text) not in (1, 2):
        cursor.fail("a size such as `3x3`")
    numbers = read_extents(cursor)
    return numbers[0], numbers[-1]
