"""What differs between functions of one form: the parameters of their block.

    conv 1x1, 64; conv 3x3, 64; conv 1x1, 256        conv 1x1, n
    conv 1x1, 128; conv 3x3, 128; conv 1x1, 512      conv 3x3, n
                                                     conv 1x1, 4 * n

Each literal has a column of values, one for each function. Equal values stay as they are.
Others are an argument that the functions were made for, the channels of their input, a
multiple or a part of those, or a parameter of their own.
"""

from __future__ import annotations

from cnndsl.arguments import known_words
from cnndsl.evaluate.functions import FUNCTIONS
from cnndsl.lexer.scanner import RESERVED
from cnndsl.op import OPS
from cnndsl.syntax import Attribute, Binary
from cnndsl.window import Window

from .labels import legal, unique
from .literal import AT, name, number, pair, side, strided

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence
    from typing import Any

    from cnndsl.graph import Graph
    from cnndsl.syntax import Expr

    from .literal import Literal

    Column = tuple[Any, ...]
    """The values of one literal, or of one argument, in each function of a block."""

LARGEST_FACTOR = 16
"""`4 * n` is a relation, `37 * n` a coincidence."""
UNSAFE = frozenset(
    {*OPS, *(op.family for op in OPS.values()), *known_words(), *FUNCTIONS, *RESERVED}
    | {"identity", "linear", "residual", "copy", "in", "nth", "total"}
)
"""Words that mean something in a block, so that no parameter and no block has them as its name."""


class Parameters:
    """Expressions for columns of values, and the parameters that they need.

    Arguments:
        graphs: the functions.
        columns: the literals of each place in their statements.
        taken: names of blocks and other words that are no names for parameters.
    """

    def __init__(
        self,
        graphs: Sequence[Graph],
        columns: Sequence[tuple[Literal, ...]],
        taken: Container[str] = UNSAFE,
    ) -> None:
        self.taken = taken
        self.channels: Column = tuple(graph.inputs[0].type.channels for graph in graphs)
        self.known = {self._safe(word): column for word, column in _arguments(graphs).items()}
        self.exact: list[str] = []
        self.asked: set[str] = set()
        self.expressions: list[Expr | None] = []
        values = {part for column in columns for part in _parts(column)}
        while True:  # a parameter that one column needs may explain those before it
            self.exact = [word for word, column in self.known.items() if column in values]
            self.asked.clear()
            known = len(self.known)
            self.expressions = [self._express(column) for column in columns]
            if len(self.known) == known:
                break

    @property
    def used(self) -> tuple[tuple[str, Column], ...]:
        """The parameters with their values, those with a default last."""
        used = [(word, column) for word, column in self.known.items() if word in self.asked]
        return tuple(sorted(used, key=lambda parameter: _has_default(parameter[1])))

    def _express(self, column: tuple[Literal, ...]) -> Expr | None:
        """An expression that has these values; None where they are all the same."""
        values = tuple(literal.value for literal in column)
        word = column[0].id
        if len(set(values)) == 1:
            return None
        if all(isinstance(value, Window) for value in values) and word == "window":
            return self._same(values) or self._window(values)
        if all(isinstance(value, int) for value in values):
            return self._count(values, word)
        return self._same(values) or self._new(values, word)

    def _window(self, values: Column) -> Expr:
        """A window whose size or stride differs, or both."""
        sizes, strides = _split(values)
        size: Expr = pair(*sizes[0].size)
        if len(set(sizes)) > 1:
            size = self._same(sizes) or self._new(sizes, "k")
        if len(set(strides)) == 1:
            return strided(size, strides[0])
        if all(isinstance(stride, int) for stride in strides):
            return strided(size, self._count(strides, "stride"))
        return strided(size, self._same(strides) or self._new(strides, "stride"))

    def _count(self, values: Column, word: str) -> Expr:
        """Whole numbers: what explains them, nearest first."""
        same = self._same(values)
        if same is not None:
            return same
        channels = Attribute(name("in"), "channels", AT)
        if values == self.channels:
            return channels
        related = [
            (known not in self.exact, factor, known, expression)
            for known, column in self.known.items()
            for factor, expression in _related(values, column, name(known))
        ]
        if related:
            *_, known, expression = min(related, key=lambda found: found[:3])
            self.asked.add(known)
            return expression
        for _, expression in _related(values, self.channels, channels):
            return expression
        return self._new(values, "n" if word == "channels" else word)

    def _safe(self, word: str) -> str:
        return f"{word}_" if word in self.taken else word

    def _same(self, values: Column) -> Expr | None:
        """The parameter that has these values."""
        for known, column in self.known.items():
            if column == values:
                self.known[known] = values  # as they are to be spelled
                self.asked.add(known)
                return name(known)
        return None

    def _new(self, values: Column, word: str) -> Expr:
        """A parameter of its own."""
        word = unique(self._safe("k" if word == "window" else word), self.known)
        self.known[word] = values
        self.asked.add(word)
        return name(word)


def defaults(columns: Sequence[tuple[str, Column]]) -> dict[str, int]:
    """The parameters that are 1 for some function, which is their default."""
    return {parameter: 1 for parameter, column in columns if _has_default(column)}


def _has_default(column: Column) -> bool:
    return 1 in column and all(isinstance(value, int) for value in column)


def _arguments(graphs: Sequence[Graph]) -> dict[str, Column]:
    """The arguments that the functions were made for, without truth values."""
    given = [dict(graph.arguments) for graph in graphs]
    columns = {word: tuple(arguments.get(word) for arguments in given) for word in given[0]}
    return {
        legal(word): column
        for word, column in columns.items()
        if not any(isinstance(value, bool) or value is None for value in column)
    }


def _parts(column: tuple[Literal, ...]) -> Iterator[Column]:
    """The values of a column, and those of the sizes and strides in it."""
    values = tuple(literal.value for literal in column)
    yield values
    if all(isinstance(value, Window) for value in values):
        yield from _split(values)


def _split(windows: Column) -> tuple[Column, Column]:
    """The sizes and the strides of windows."""
    sizes = tuple(Window(*window.size) for window in windows)
    return sizes, tuple(side(window.stride) for window in windows)


def _related(values: Column, column: Column, base: Expr) -> Iterator[tuple[int, Expr]]:
    """`4 * n` or `n/2`, if all values are that, with its factor."""
    if not all(isinstance(value, int) and value for value in (*values, *column)):
        return
    factor, divisor = values[0] // column[0], column[0] // values[0]
    if 1 < factor <= LARGEST_FACTOR and _is_multiple(values, column, factor):
        yield factor, Binary("*", number(factor), base, AT)
    if 1 < divisor <= LARGEST_FACTOR and _is_multiple(column, values, divisor):
        yield divisor, Binary("/", base, number(divisor), AT)


def _is_multiple(values: Column, column: Column, factor: int) -> bool:
    return all(value == factor * base for value, base in zip(values, column, strict=True))
