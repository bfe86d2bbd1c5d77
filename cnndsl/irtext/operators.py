"""An operator with its arguments, as the language writes them: `conv(x) 3x3, 64, pad=1`.

Arguments that have their default are not written, but for the padding, whose default is of
the dialect. From the first gap on they have names.
"""

from __future__ import annotations

from ..arguments import ArgumentProblem, format_value, kind_of
from ..diagnostics import fail
from ..op import Op
from ..ops import OPS
from ..record import MISSING
from ..window import Padding
from .cursor import Cursor
from .scope import meant
from .values import read_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..source import Span


def write_arguments(op: Op) -> str:
    """The arguments that are not the default, and always the padding."""
    return ", ".join(_written(op))


def _written(op: Op) -> Iterator[str]:
    in_order = True
    for field in (*op.positional, *(f for f in op.fields if f not in op.positional)):
        value = getattr(op, field)
        if value == op.defaults.get(field, MISSING) and field != "pad":
            in_order = False
            continue
        text = _write_argument(value, kind_of(type(op), field).name)
        in_order = in_order and field in op.positional
        yield text if in_order else f"{field}={text}"


def _write_argument(value: object, kind: str) -> str:
    if isinstance(value, Padding) and min(value.height + value.width) < 0:
        return f"[{value.top}, {value.bottom}, {value.left}, {value.right}]"
    return format_value(value, kind)


def read_operator(cursor: Cursor, word: str, place: Span) -> Op:
    """An operator from its word, which stands at `place`, and the arguments that follow."""
    if word not in OPS:
        fail("E0201", f"there is no operator `{word}`", place, help=meant(word, OPS))
    kind = OPS[word]
    given = _read_arguments(cursor, kind)
    missing = [f for f in kind.fields if f not in given and f not in kind.defaults]
    if missing:
        fail("E0204", f"`{word}` needs `{missing[0]}`", place)
    return kind(**given)


def _read_arguments(cursor: Cursor, kind: type[Op]) -> dict[str, object]:
    positional = list(kind.positional)
    given: dict[str, object] = {}
    while cursor.token.text != ":" and cursor.token.kind not in ("newline", "end"):
        if given:
            cursor.expect(",")
        field = _read_field(cursor, kind, positional)
        if field in given:
            fail("E0205", f"`{field}` is given twice", cursor.last)
        given[field] = _read_argument(cursor, kind, field)
    return given


def _read_field(cursor: Cursor, kind: type[Op], positional: list[str]) -> str:
    """The argument that comes next: the one that is named, or the next by position."""
    if cursor.token.kind == "word" and cursor.following == "=":
        return _read_field_name(cursor, kind)
    if not positional:
        fail("E0205", f"`{kind.word}` takes no more arguments without a name", cursor.here)
    return positional.pop(0)


def _read_field_name(cursor: Cursor, kind: type[Op]) -> str:
    field = cursor.token.text
    if field not in kind.fields:
        message = f"`{kind.word}` has no argument `{field}`"
        fail("E0203", message, cursor.here, help=meant(field, kind.fields))
    cursor.next()
    cursor.expect("=")
    return field


def _read_argument(cursor: Cursor, kind: type[Op], field: str) -> object:
    first = cursor.at
    value = read_value(cursor, words=True)
    try:
        return kind_of(kind, field).convert(value)
    except ArgumentProblem as problem:
        message = f"`{field}` of `{kind.word}` {problem.message}"
        fail(problem.code, message, cursor.since(first), help=problem.help)
