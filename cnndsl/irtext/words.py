"""Strings, names and whole numbers.

A name is written bare where it is a word, and as a string where it is not. The reader takes
both everywhere, so that a name may be any text.
"""

from __future__ import annotations

import re

from ..diagnostics import fail
from .cursor import Cursor
from .tokens import WORD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST_NUMBER = 100
"""Digits of a number that the reader accepts."""
ESCAPED = '"\\'
"""What a backslash stands before; characters that cannot be seen are `\\u{...}`."""
_BARE = re.compile(WORD)
_ESCAPE = re.compile(rf"\\(?:u\{{([0-9a-f]{{1,6}})\}}|([{re.escape(ESCAPED)}]))")
_INTEGER = re.compile(r"[0-9]+")
_EXTENTS = re.compile(r"[0-9]+(?:x[0-9]+)*")


# Strings


def write_string(text: str) -> str:
    """In double quotes; what would break the line is escaped."""
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(character: str) -> str:
    if character in ESCAPED:
        return f"\\{character}"
    return character if character.isprintable() else f"\\u{{{ord(character):x}}}"


def read_string(cursor: Cursor) -> str:
    if cursor.token.kind != "string":
        cursor.fail("a string")
    body = cursor.token.text[1:-1]
    if "\\" in _ESCAPE.sub("", body):
        fail("E0101", 'an escape is `\\\\`, `\\"` or `\\u{...}`', cursor.here)
    numbers = [int(number, 16) for number, _ in _ESCAPE.findall(body) if number]
    if any(number > 0x10FFFF for number in numbers):
        fail("E0101", "there is no such character", cursor.here)
    cursor.next()
    return _ESCAPE.sub(lambda m: chr(int(m[1], 16)) if m[1] else m[2], body)


# Names


def write_name(name: str) -> str:
    return name if _BARE.fullmatch(name) else write_string(name)


def write_names(names: Iterable[str]) -> str:
    return ", ".join(map(write_name, names))


def is_name(cursor: Cursor) -> bool:
    return cursor.token.kind in ("word", "string")


def read_name(cursor: Cursor, what: str = "a name") -> str:
    if not is_name(cursor):
        cursor.fail(what)
    return read_string(cursor) if cursor.token.kind == "string" else cursor.next().text


# Whole numbers, which need no writing of their own


def is_integer(cursor: Cursor) -> bool:
    return cursor.token.kind == "word" and _INTEGER.fullmatch(cursor.token.text) is not None


def read_integer(cursor: Cursor) -> int:
    if not is_integer(cursor):
        cursor.fail("a whole number")
    return _to_int(cursor.next().text, cursor)


def extents(text: str) -> int:
    """How many numbers a word joins: 3 for `56x56x64`, 1 for `7`, none in any other."""
    return text.count("x") + 1 if _EXTENTS.fullmatch(text) else 0


def read_extents(cursor: Cursor) -> tuple[int, ...]:
    """The numbers of a word that has some."""
    return tuple([_to_int(digits, cursor) for digits in cursor.next().text.split("x")])


def _to_int(digits: str, cursor: Cursor) -> int:
    """The number of digits in the token that was read last."""
    if len(digits) > LONGEST_NUMBER:
        message = f"a number with {len(digits)} digits is too large"
        fail("E0603", message, cursor.last)
    return int(digits)
