"""What the operators of a side read, with symbols for the holes.

An instance tells how a side is wired; sizes, strides, dilations and paddings are read off the
text once more, with symbols in place of the numbers. That is right as long as the numbers do
not decide which operators there are: where a loop, a condition or the arguments of a block speak
of a hole, it is `Unclear`. What speaks of no hole is in all instances what it is in this one.
"""

from __future__ import annotations

from ...arguments import flag
from ...diagnostics import CnnError
from ...evaluate.expressions import evaluate_word, lookup, value_of
from ...evaluate.scope import Scope
from ...evaluate.values import BlockRef, Extents, Word
from ...op import OPS, Op
from ...ops.conv import Conv, DwConv, Local
from ...ops.pool import AvgPool, MaxPool
from ...ops.reshape import ConstantPad, Crop, SpaceToDepth
from ...record import Record
from ...symbol import Size, Symbol, variable
from ...syntax import (
    Apply,
    Attribute,
    Binary,
    Body,
    CallExpr,
    Dims,
    Each,
    Expect,
    Expr,
    From,
    Input,
    Let,
    List,
    Name,
    Number,
    Output,
    Share,
    SourceNote,
    Unary,
    When,
)
from ...window import Axis, Padding, Window
from ..conditions import conjuncts
from ..fit import PADDED
from .taps import NOTHING, Progression, Reach, normal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from ...graph import Graph, Node
    from ...source import Span
    from ..rule import Rewrite
    from .holes import Hole
    from .taps import Least

    Reading = tuple[Reach, Reach] | None
    """Along height and width; None where the whole map is read."""

POINTWISE = ("pointwise", "monotone", "idempotent", "homogeneous", "normalises")
"""Predicates of operators that read their own position alone, norms over maps aside."""
POSITIVE = ("size", "stride", "dilation", "width", "groups", "count")
"""Roles of numbers that are at least 1."""
WINDOWED = (Conv, DwConv, Local, MaxPool, AvgPool)
ARITHMETIC = ("+", "-", "*", "/")
WIRES = (Body, From, Input, Output, Share, Expect, SourceNote)
"""Statements that only say what flows where."""
UNDECISIVE = ("span", "labels", "shape")


class Unclear(Exception):
    """What is read is more than arithmetic of the holes."""


class Known(Record):
    """What a rule says of its holes.

    Arguments:
        variables: their values with symbols, as the evaluator takes them.
        least: least values of the symbols.
        pointwise: holes for operators that read their own position alone.
        open: names whose values are not those of one instance.
    """

    variables: Mapping[str, object]
    least: Least
    pointwise: frozenset[str]
    open: frozenset[str]


def known(rewrite: Rewrite, holes: Mapping[str, Hole]) -> Known:
    """Symbols for the holes, and what the conditions say of them."""
    assert rewrite.equation is not None
    parts = [(name, number) for hole in holes.values() for name, number in hole.parts]
    least = {name: 1 for name, number in parts if number.role in POSITIVE}
    exact: dict[str, Size] = {}
    pointwise: set[str] = set()
    for condition in rewrite.conditions:
        for part in conjuncts(condition):
            if isinstance(part, CallExpr) and part.callee.id in POINTWISE:
                pointwise |= names_in(part.arguments)
            elif isinstance(part, Binary):
                compare(part, least, exact)
    variables = dict(rewrite.given)
    for hole in holes.values():
        if all(number.role != "choice" for number in hole.numbers):
            variables[hole.name] = hole.make(*(exact.get(n, variable(n)) for n, _ in hole.parts))
    labels = {name for name, _ in rewrite.equation.left.labels}
    local = {*holes, *dict(rewrite.inferred), *labels, "in", "out"}
    return Known(variables, least, frozenset(pointwise), frozenset(local))


def compare(condition: Binary, least: dict[str, int], exact: dict[str, Size]) -> None:
    """Take note of `k > 1`, `s == 1`, `s != 1`."""
    left, right = condition.left, condition.right
    if not (isinstance(left, Name) and isinstance(right, Number) and isinstance(right.value, int)):
        return
    name, number = left.id, right.value
    bound = least.get(name, number)
    if condition.operator == "==":
        exact[name] = number
    elif condition.operator in (">", ">="):
        least[name] = max(bound, number + (condition.operator == ">"))
    elif condition.operator == "!=" and bound == number and name in least:
        least[name] = number + 1


def names_in(part: object, deep: bool = False) -> set[str]:
    """All names in a piece of syntax; in bodies inside of it only if `deep`."""
    if isinstance(part, Name):
        return {part.id}
    if isinstance(part, Body) and not deep:
        return set()
    fields = part.fields if isinstance(part, Record) else ()
    inner = part if isinstance(part, tuple) else [getattr(part, f) for f in fields if f != "span"]
    return {name for item in inner for name in names_in(item, deep)}


class Side:
    """One side of a rule: its graph in some instance, and its text."""

    def __init__(self, rewrite: Rewrite, known: Known, body: Body, graph: Graph) -> None:
        self.known = known
        self.graph = graph
        self.types = graph.types
        self.open = set(known.open)
        self.scope = Scope(rewrite.namespace, dict(known.variables))
        self.free = WINDOWED if body is rewrite.ref.rule.left else PADDED
        self.statements: dict[Span, Apply] = {}
        self.walk(body)
        self.fitted: set[str] = set()
        self.windows = {node.name: self.window(node) for node in graph.nodes}

    # --------------------------------------------------------------- statements

    def walk(self, part: Record) -> None:
        """Note operators and `let`. Raises Unclear when a hole decides what there is."""
        if isinstance(part, Let):
            self.let(part)
        elif isinstance(part, Apply) and self.is_operator(part):
            self.statements[part.span] = part
        elif not isinstance(part, WIRES) and self.open & names_in(_control(part)):
            raise Unclear
        for inner in _inside(part):
            self.walk(inner)

    def is_operator(self, statement: Apply) -> bool:
        """Whether its arguments decide nothing but the operator itself."""
        word = _word(statement)
        if statement.body is not None or statement.times is not None:
            return False
        found = lookup(word, self.scope)
        return word in self.known.pointwise or (word in OPS and not isinstance(found, BlockRef))

    def let(self, statement: Let) -> None:
        name = statement.name.id
        if self.open & names_in(statement.value):
            self.open.add(name)
        try:
            self.scope.variables[name] = self.value(statement.value)
        except Unclear:
            return  # who asks for it will find nothing

    # ---------------------------------------------------------------- operators

    def window(self, node: Node) -> Reading:
        """What an operator reads; paddings that are free to choose are None."""
        op = node.op
        assert isinstance(op, Op)
        statement = self.statements.get(node.span) if node.span is not None else None
        word = _word(statement) if statement is not None else ""
        if type(op).axes is Op.axes or word in self.known.pointwise:
            return NOTHING, NOTHING
        axes = op.axes(*(self.types[value] for value in node.inputs))
        if axes is None:
            return None
        said = self.said(statement, type(op)) if statement is not None and word == op.word else {}
        is_free = isinstance(op, self.free) and "pad" not in said and statement is not None
        if is_free:
            self.fitted.add(node.name)
        if not any(self.open & names_in(value) for value in said.values()):
            rows, columns = (_constant(axis, is_free) for axis in axes)
        elif isinstance(op, WINDOWED):
            rows, columns = self.windowed(type(op), said, is_free)
        elif isinstance(op, SpaceToDepth):
            factor = self.pair(said["factor"])
            rows, columns = (Reach(n, (Progression(1, n),), 0, 0) for n in factor)
        elif isinstance(op, (ConstantPad, Crop)):
            sign = 1 if isinstance(op, ConstantPad) else -1
            pads = self.pads(said["amount"], (0, 0))
            rows, columns = (Reach(1, (), sign * lo, sign * hi) for lo, hi in pads)
        else:
            raise Unclear
        return rows, columns

    def said(self, statement: Apply, cls: type[Op]) -> dict[str, object]:
        """What is said of each field: an expression, or the value that a bare word stands for."""
        fields: dict[str, object] = {}
        positional = list(cls.positional)
        for argument in statement.arguments:
            value = argument.value
            if argument.name is not None:
                fields[argument.name] = value
                continue
            word = value.id if isinstance(value, Name) else ""
            if word and word not in self.open and value_of(word, self.scope) is None:
                found = flag(cls, word)
                if found is not None:
                    fields[found[0]] = found[1]
            elif positional:
                fields[positional.pop(0)] = value
        return fields

    def windowed(
        self, cls: type[Op], said: Mapping[str, object], is_free: bool
    ) -> tuple[Reach, Reach]:
        sizes, strides = self.split(said["window"])
        dilations = self.pair(said.get("dilation", 1))
        extents = [(n - 1) * d for n, d in zip(sizes, dilations, strict=True)]
        pad = said.get("pad", cls.defaults["pad"])
        pads = ((None, None),) * 2 if is_free else self.pads(pad, extents)
        rounding = self.rounding(said)
        along = zip(sizes, strides, dilations, pads, strict=True)
        rows, columns = (self.reach(*axis, rounding) for axis in along)
        return rows, columns

    def reach(
        self, size: Size, stride: Size, step: Size, pad: Sequence[Size | None], rounding: str
    ) -> Reach:
        taps = normal((Progression(step, size),), self.known.least)
        lo, hi = pad
        if rounding != "floor" and hi is not None and (size, hi) != (1, 0):
            # A window that hangs over is more padding behind: how much these decide.
            hi = hi + variable(f"{rounding}({size}, {stride}, {step}, {lo}, {hi})")
        return Reach(stride, taps, lo, hi)

    def split(self, value: object) -> tuple[tuple[Size, Size], tuple[Size, Size]]:
        """Sizes and strides of a window, along height and width."""
        if isinstance(value, Binary) and value.operator == "/":
            return self.pair(value.left), self.pair(value.right)
        found = self.value(value)
        return self.pair(found), found.stride if isinstance(found, Window) else (1, 1)

    def pads(
        self, value: object, extents: Sequence[Size]
    ) -> tuple[tuple[Size, Size], tuple[Size, Size]]:
        """Paddings before and behind, along height and width."""
        found = self.value(value)
        if isinstance(found, Padding):
            return found.height, found.width
        if isinstance(found, tuple) and len(found) == 4:
            return (found[0], found[1]), (found[2], found[3])
        if found == "half":
            rows, columns = ((extent + 1) // 2 for extent in extents)
        elif found == "valid":
            rows = columns = 0
        else:
            rows, columns = self.pair(found)
        return (rows, rows), (columns, columns)

    def rounding(self, said: Mapping[str, object]) -> str:
        value = said.get("rounding", "floor")
        return value.id if isinstance(value, Name) else str(value)

    # ------------------------------------------------------------------- values

    def pair(self, value: object) -> tuple[Size, Size]:
        """One along height, one along width."""
        match self.value(value):
            case Window() as window:
                return window.size
            case Extents(sizes) | tuple(sizes) if len(sizes) == 2:
                rows, columns = sizes
                return rows, columns
            case bool():
                raise Unclear
            case int() | Symbol() as number:
                return number, number
        raise Unclear

    def value(self, value: object) -> Any:
        """The value of an expression. Raises Unclear when it decides something."""
        if not isinstance(value, Expr):
            return value
        if self.open & names_in(value) and not _is_arithmetic(value):
            raise Unclear
        try:
            found = evaluate_word(value, self.scope)
        except CnnError:
            raise Unclear from None
        return found.id if isinstance(found, Word) else found


def _word(statement: Apply) -> str:
    return statement.callee.id if statement.callee is not None else "conv"


def _control(part: Record) -> tuple[object, ...]:
    """What decides the effect of a statement: no labels, no annotations."""
    return tuple(getattr(part, name) for name in part.fields if name not in UNDECISIVE)


def _inside(part: Record) -> Iterator[Record]:
    """Statements of a body, bodies and branches of a statement."""
    for name in part.fields:
        value = getattr(part, name)
        for inner in value if isinstance(value, tuple) else (value,):
            if name == "statements" or isinstance(inner, (Body, Each, When)):
                yield inner


def _is_arithmetic(expr: object) -> bool:
    """Whether symbols may take the place of numbers: nothing is compared, nothing is rounded."""
    match expr:
        case Name() | Number():
            return True
        case Attribute(value=inner) | Unary(operator="-", operand=inner):
            return _is_arithmetic(inner)
        case Binary(operator=operator, left=left, right=right):
            return operator in ARITHMETIC and _is_arithmetic(left) and _is_arithmetic(right)
        case Dims(factors=parts) | List(items=parts):
            return all(map(_is_arithmetic, parts))
    return False


def _constant(axis: Axis, is_free: bool) -> Reach:
    """The window of an operator that no hole decides."""
    offsets = [t for t in range(axis.extent + 1) if axis.taps >> t & 1]
    step = offsets[1] if len(offsets) > 1 else 1
    if offsets != list(range(0, axis.extent + 1, step)):
        raise Unclear
    taps = (Progression(step, len(offsets)),) if len(offsets) > 1 else ()
    return Reach(axis.stride, taps, *((None, None) if is_free else (axis.lo, axis.hi)))
