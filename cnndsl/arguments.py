"""Arguments of operators: from values of the language to fields, and back to text.

Every field of an operator has a kind, the name of its annotation: `Window`, `Count`,
`Pad`. `KINDS` says of each kind what it accepts, how that becomes the field's value,
and how the language writes it. Signatures, messages, the manual and the printer are
made from it, so no operator has code of its own for any of them.
"""

from __future__ import annotations

from .diagnostics import did_you_mean
from .limits import SIZE
from .op import Op
from .record import MISSING, Record
from .window import Padding, Window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

AUTO = "auto"
"""The word for a value that the compiler chooses: None in the field."""


class ArgumentProblem(Exception):
    """A value does not fit an argument.

    Arguments:
        code: E0206 for the wrong kind of value, E0207 out of range, E0603 too large.
        message: without the name of the argument in front: `must be 1 or more, not 0`.
        help: the next steps.
    """

    def __init__(self, code: str, message: str, *help: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.help = help


class Kind(Record):
    """A kind of argument.

    Arguments:
        name: as fields are annotated.
        describe: what it accepts, in words.
        convert: from a value of the language to the field's; raises ArgumentProblem.
        choices: the words among its values.
        write: from the field's value to the language's text.
    """

    name: str
    describe: str
    convert: Callable[[object], Any]
    choices: tuple[str, ...] = ()
    write: Callable[[Any], str] | None = None


def kind_of(op: type[Op], field: str) -> Kind:
    """The kind of an operator's argument."""
    return KINDS[op.annotations[field]]


def flag(op: type[Op], word: str) -> tuple[str, object] | None:
    """The field that a bare word sets, and the value: `ceil`, `valid`, `bias`."""
    for field in op.fields:
        kind = kind_of(op, field)
        if word in kind.choices and word != AUTO:
            return field, word
        if field == word and kind.name.startswith("bool"):
            return field, True
    return None


def known_words() -> tuple[str, ...]:
    """All words that are values of arguments, sorted."""
    return tuple(sorted({word for kind in KINDS.values() for word in kind.choices}))


def signature(op: type[Op]) -> str:
    """What a user may write: `conv window, channels, pad=half, dilation=1, ...`."""
    shown = (
        f"{field}={format_value(op.defaults[field], op.annotations[field])}"
        if field in op.defaults
        else field
        for field in op.fields
    )
    return f"{op.word} {', '.join(shown)}".rstrip()


def format_op(op: Op) -> str:
    """The shortest statement that gives this operator: `conv 3x3, 64, pad=1, bias=false`."""
    shown = []
    in_order = True
    for field in (*op.positional, *(f for f in op.fields if f not in op.positional)):
        value = getattr(op, field)
        if value == op.defaults.get(field, MISSING):
            in_order = False
            continue
        text = format_value(value, op.annotations[field])
        if flag(type(op), text) == (field, value):
            shown.append(text)
        elif value is True and flag(type(op), field) == (field, True):
            shown.append(field)
        elif in_order and field in op.positional:
            shown.append(text)
        else:
            shown.append(f"{field}={text}")
    return f"{op.word} {', '.join(shown)}".rstrip()


def format_value(value: object, kind: str = "") -> str:
    """A field's value as the language writes it, the inverse of its kind's `convert`.

    The kind decides what a tuple is: a pair `2x1`, or parts. Without it a tuple is a list.
    """
    write = KINDS[kind].write if kind else None
    match value:
        case None:
            return AUTO
        case _ if write is not None:
            return write(value)
        case bool():
            return "true" if value else "false"
        case float():
            return _write_float(value)
        case tuple():
            return f"[{', '.join(format_value(item) for item in value)}]"
        case _:
            return str(value)


def _show(value: object) -> str:
    """A value in a message, in backticks."""
    return f"`{format_value(value)}`"


def _wrong(expected: str, value: object, *help: str) -> ArgumentProblem:
    return ArgumentProblem("E0206", f"must be {expected}, not {_show(value)}", *help)


def _out_of_range(expected: str, value: object, *help: str) -> ArgumentProblem:
    return ArgumentProblem("E0207", f"must be {expected}, not {_show(value)}", *help)


def _meant(value: object, choices: tuple[str, ...]) -> tuple[str, ...]:
    """A help that names the choice nearest to a misspelt word."""
    nearest = did_you_mean(value, choices) if isinstance(value, str) else None
    return (f"did you mean `{nearest}`?",) if nearest else ()


def _whole(value: object, describe: str, least: int) -> int:
    """A whole number from `least` to SIZE; floats that are whole count."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, float):
        raise _wrong(describe, value, "round it: `floor(x)`, `ceil(x)` or `round_to(x, 8)`")
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong(describe, value)
    if value < least:
        raise _out_of_range(describe, value)
    if value > SIZE.value:
        what = f"is too large: {value:,}; the limit is {SIZE.value:,}"
        raise ArgumentProblem(SIZE.code, what, SIZE.help)
    return value


def _whole_kind(name: str, describe: str, least: int) -> Kind:
    return Kind(name, describe, lambda value: _whole(value, describe, least))


def _real_kind(name: str, describe: str, fits: Callable[[float], bool]) -> Kind:
    def convert(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise _wrong(describe, value)
        if not (fits(value) and abs(value) < 1e300):
            raise _out_of_range(describe, value)
        return float(value)

    return Kind(name, describe, convert)


def _choice_kind(name: str, *choices: str) -> Kind:
    describe = _either([f"`{choice}`" for choice in choices])

    def convert(value: object) -> str:
        if isinstance(value, str) and value in choices:
            return value
        raise _wrong(describe, value, *_meant(value, choices))

    return Kind(name, describe, convert, choices)


def _optional(kind: Kind) -> Kind:
    def convert(value: object) -> Any:
        return None if value is None or value == AUTO else kind.convert(value)

    describe = f"{kind.describe}, or `{AUTO}`"
    return Kind(f"{kind.name} | None", describe, convert, (*kind.choices, AUTO), kind.write)


def _pair_kind(name: str, describe: str, least: int) -> Kind:
    def convert(value: object) -> tuple[int, int]:
        match value:
            case Window(height, width, 1, 1):
                return _whole(height, describe, least), _whole(width, describe, least)
            case Window():
                raise _wrong(describe, value, "leave the stride out")
            case (height, width):
                return _whole(height, describe, least), _whole(width, describe, least)
            case _:
                number = _whole(value, describe, least)
                return number, number

    return Kind(name, describe, convert, write=_write_pair)


def _padding_kind(name: str, describe: str, least: int, choices: tuple[str, ...] = ()) -> Kind:
    def amounts(*values: object) -> Padding:
        return Padding(*(_whole(value, describe, least) for value in values))

    def convert(value: object) -> Padding | str:
        match value:
            case str() if value in choices:
                return value
            case Padding(top, bottom, left, right) | (top, bottom, left, right):
                return amounts(top, bottom, left, right)
            case Window(rows, columns, 1, 1):
                return amounts(rows, rows, columns, columns)
            case Window() | tuple() | str():
                raise _wrong(describe, value, *_meant(value, choices))
            case _:
                return amounts(value, value, value, value)

    return Kind(name, describe, convert, choices)


def _window(value: object) -> Window:
    if isinstance(value, Window):
        if min(value.size + value.stride) < 1:
            raise _out_of_range("at least 1 in size and stride", value)
        return Window(*(_whole(size, "a whole number", 1) for size in value.size + value.stride))
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        raise _wrong(_WINDOW, value, f"write `{value}x{value}`")
    raise _wrong(_WINDOW, value)


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise _wrong("`true` or `false`", value)
    return value


def _parts(value: object) -> tuple[int, ...]:
    if not isinstance(value, tuple):
        return (_whole(value, _PARTS, 1),)
    if len(value) < 2:
        raise _wrong(_PARTS, value)
    return tuple(_whole(part, _PARTS, 1) for part in value)


def _write_float(value: float) -> str:
    """`1e-5`, `0.1`, and `2` for 2.0."""
    if value.is_integer() and abs(value) < 1e16:
        return str(int(value))
    if not abs(value) < 1e-3:
        return repr(value).replace("e+", "e")
    digits = next(text for p in range(17) if float(text := f"{value:.{p}e}") == value)
    mantissa, exponent = digits.split("e")
    return f"{mantissa}e{int(exponent)}"


def _write_pair(pair: tuple[int, int]) -> str:
    height, width = pair
    return str(height) if height == width else f"{height}x{width}"


def _write_parts(parts: tuple[int, ...]) -> str:
    return str(parts[0]) if len(parts) == 1 else f"[{', '.join(map(str, parts))}]"


def _either(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


_WINDOW = "a window such as `3x3` or `7x7/2`"
_PARTS = "a number of equal parts, or the channels of each part: `[58, 58]`"
_BOOL = Kind("bool", "`true` or `false`", _boolean)
_PAIR = _pair_kind("Pair", "a whole number of at least 1, or two: `2x1`, rows x columns", 1)

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("Window", _WINDOW, _window),
        _whole_kind("Count", "a whole number of at least 1", 1),
        _whole_kind("Natural", "a whole number of at least 0", 0),
        _real_kind("float", "a number", lambda value: True),
        _real_kind("Positive", "a number greater than 0", lambda value: value > 0),
        _real_kind(
            "Probability", "a probability of at least 0 and less than 1", lambda p: 0 <= p < 1
        ),
        _real_kind("Momentum", "a number greater than 0 and at most 1", lambda m: 0 < m <= 1),
        _BOOL,
        _optional(_BOOL),
        _PAIR,
        _optional(_PAIR),
        _pair_kind("Offsets", "a whole number of at least 0, or two: `1x0`, rows x columns", 0),
        _padding_kind(
            "Pad",
            "`half`, `same`, `valid`, a whole number, `1x0` (rows x columns), "
            "or `[top, bottom, left, right]`",
            -SIZE.value,
            ("half", "same", "valid"),
        ),
        _padding_kind(
            "Padding",
            "a whole number of at least 0, `1x0` (rows x columns), or `[top, bottom, left, right]`",
            0,
        ),
        Kind("Parts", _PARTS, _parts, write=_write_parts),
        _choice_kind("Rounding", "floor", "ceil", "strict"),
        _choice_kind("Order", "hwc", "chw"),
        _choice_kind("BlockOrder", "crd", "dcr"),
        _choice_kind("ResizeMode", "nearest", "bilinear", "bicubic"),
        _choice_kind("LrnMode", "mean", "sum"),
    )
}
"""Every kind of argument by the name of its annotation."""
