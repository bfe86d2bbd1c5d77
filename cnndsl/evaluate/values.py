"""What expressions are worth: Python's own values, `Window`, `Symbol`, and these records."""

from __future__ import annotations

import math

from ..diagnostics import CnnError
from ..record import Record
from ..source import Span
from ..symbol import Size
from ..syntax import Block, Expr, Let, Rule
from ..window import Window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from ..namespace import Namespace
    from .scope import Scope


class Extents(Record):
    """Three or more factors: the shape `224x224x3`."""

    sizes: tuple[Size, ...]

    def __str__(self) -> str:
        return "x".join(map(str, self.sizes))


class OpRef(Record):
    """An operator as a value, with the arguments given so far: `relu`, `bn(scale=false)`."""

    word: str
    arguments: tuple[Given, ...] = ()

    def __str__(self) -> str:
        return self.word


class BlockRef(Record):
    """A block as a value, with the arguments given so far."""

    block: Block
    namespace: Namespace
    arguments: tuple[Given, ...] = ()

    def __str__(self) -> str:
        return self.block.name.id

    # Definitions are compared by identity: a deep comparison would cost more than it finds.
    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, BlockRef)
            and self.block is other.block
            and self.arguments == other.arguments
        )

    def __hash__(self) -> int:
        return hash((id(self.block), self.arguments))


class RuleRef(Record):
    """A rule as a value, with the arguments given so far: `factor_5x5`, `asym(7)`."""

    rule: Rule
    namespace: Namespace
    arguments: tuple[Given, ...] = ()

    def __str__(self) -> str:
        return self.rule.name.id + _in_brackets(self.arguments)

    # Definitions are compared by identity, as those of blocks.
    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, RuleRef)
            and self.rule is other.rule
            and self.arguments == other.arguments
        )

    def __hash__(self) -> int:
        return hash((id(self.rule), self.arguments))


def spoken(value: Any) -> str:
    """A value as the language writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(map(spoken, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _in_brackets(arguments: Iterable[Given]) -> str:
    """Arguments behind a name, with those of their own: `(gn(16), k=3)`."""
    shown = []
    for given in arguments:
        own = given.value.arguments if isinstance(given.value, OpRef | BlockRef) else ()
        name = f"{given.name}=" if given.name else ""
        shown.append(name + spoken(given.value) + _in_brackets(own))
    return f"({', '.join(shown)})" if shown else ""


Reference = OpRef | BlockRef | RuleRef
"""What is given arguments and stays what it is."""


class Closure(Record):
    """`let w(c) = ...` with the scope it was written in."""

    let: Let
    scope: Scope


class ArrowValue(Record):
    """`96→128`, its parts still expressions: a pattern decides which of them are tags."""

    parts: tuple[Expr, ...]
    values: tuple[Any, ...]


class Given(Record):
    """An argument as it was given: its name, its value, and its expression for messages.

    A bare word that names nothing is given as `Word`: the callee knows its flags.
    """

    name: str | None
    value: Any
    span: Span


class Word(Record):
    """A bare word that is no variable, operator or block: perhaps a flag, perhaps a typo.

    Arguments:
        doubtful: whether text that is missing or not understood may define it.
    """

    id: str
    doubtful: bool = False

    def __str__(self) -> str:
        return self.id


def no_doubt(value: Any) -> None:
    """Raise CnnError without a word for what may be defined in a text that nobody knows."""
    if isinstance(value, Word) and value.doubtful:
        raise CnnError()


UNKNOWN = object()
"""The value of a name whose definition is wrong."""


def known_value(value: Any) -> Any:
    """A value. Raises CnnError for an unknown one, without a word: that was said already."""
    if value is UNKNOWN:
        raise CnnError()
    return value


def rules_of(value: Any) -> tuple[RuleRef, ...] | None:
    """The rules of a value: a rule, or a list of rules and such lists; None for anything else."""
    if isinstance(value, RuleRef):
        return (value,)
    if not isinstance(value, tuple):
        return None
    rules: list[RuleRef] = []
    for part in value:
        found = rules_of(part)
        if found is None:
            return None
        rules += found
    return tuple(rules)


def describe(value: Any) -> str:
    """A value for a message: `` `64` (a whole number) ``."""
    if isinstance(value, bool):
        return f"`{str(value).lower()}` (a truth value)"
    if isinstance(value, int):
        return f"`{value}` (a whole number)"
    if isinstance(value, float):
        return f"`{value:g}` (a number)"
    if isinstance(value, str):
        return f"`{value}` (a word)"
    if isinstance(value, Window):
        return f"`{value}` (a window)"
    if isinstance(value, Extents):
        return f"`{value}` (a shape)"
    if isinstance(value, OpRef):
        return f"`{value}` (an operator)"
    if isinstance(value, BlockRef):
        return f"`{value}` (a block)"
    if isinstance(value, RuleRef):
        return f"`{value}` (a rule)"
    if isinstance(value, tuple):
        return f"a list of {len(value)}"
    if isinstance(value, ArrowValue):
        return f"a chain of {len(value.parts)} values"
    if isinstance(value, Closure):
        return f"`{value.let.name.id}` (a function)"
    return f"`{value}`"


def whole(value: Any) -> Any:
    """A float that is a whole number as an int; anything else as it is."""
    if isinstance(value, float) and math.isfinite(value) and value == int(value):
        return int(value)
    return value
