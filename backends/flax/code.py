"""Expressions of emitted code, before they are text.

A rule says an operator as an expression whose numbers are `Value` leaves. Copies of
a block then have expressions of one shape that differ in some values, and those
become the parameters of the block's class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from cnndsl.emitter import Group, Infix, Piece, flat, named
from cnndsl.escape import python_string
from cnndsl.record import Record


class Expr(Record):
    """Base of all expressions."""


class Text(Expr):
    """Code that is the same in all copies."""

    text: str


class Value(Expr):
    """A number, truth value or word that may differ between copies.

    Arguments:
        value: `code` values are source text, all others Python values.
        kind: what it measures: features, classes (features of an output), kernel, stride,
            padding, dilation, groups, count, rate, flag, code, or nothing in particular. It
            decides how a value may be derived from another, and names the parameters that are
            left over.
    """

    value: Any
    kind: str = ""


class Formula(Expr):
    """A value in terms of names: `{0} // 2` of `n`.

    Arguments:
        template: the text, `{i}` for the name number i.
        names: parameters of the class.
        level: how tightly it binds: 3 an atom, 2 a product, 1 a sum, 0 anything else.
    """

    template: str
    names: tuple[str, ...]
    level: int = 3

    def text(self, prefix: str = "") -> str:
        """The formula with `prefix` (such as `self.`) before each name."""
        return self.template.format(*(prefix + name for name in self.names))


class Arg(Expr):
    """An input of the step, by position."""

    index: int


class Ref(Expr):
    """A value of the graph, by number."""

    value: int


class Own(Expr):
    """The module that the step owns."""


class Many(Expr):
    """A tuple `(`, or a list `[`."""

    head: str
    items: tuple[Expr, ...]


class Keyword(Expr):
    """A keyword argument, left out where it equals the default."""

    name: str
    value: Expr
    default: Expr | None = None


class Apply(Expr):
    """A call."""

    function: Expr
    arguments: tuple[Expr, ...]
    keywords: tuple[Keyword, ...] = ()


class Method(Expr):
    """A call of a method."""

    receiver: Expr
    name: str
    arguments: tuple[Expr, ...]
    keywords: tuple[Keyword, ...] = ()


class Subscript(Expr):
    """`receiver[text]`."""

    receiver: Expr
    text: str


class Attribute(Expr):
    """`receiver.name`."""

    receiver: Expr
    name: str


class Join(Expr):
    """Operands joined by a binary operator."""

    symbol: str
    operands: tuple[Expr, ...]


class Either(Expr):
    """`yes if condition else no`."""

    yes: Expr
    condition: Expr
    no: Expr


class Pads(Expr):
    """Padding of a window.

    Arguments:
        sides: the amounts, `((top, bottom), (left, right))`.
        same: whether `SAME` padding gives these amounts for the input at hand, so that
            copies with different amounts may all say `SAME`.
    """

    sides: Many
    same: bool | None


class Differs(Exception):
    """Two expressions have different shapes."""


# ----------------------------------------------------------------- constructors


def features(value: int) -> Value:
    """A number of channels."""
    return Value(value, "features")


def pair(values: Sequence[int], kind: str) -> Many:
    """A tuple of two numbers, along height and width."""
    return Many("(", tuple(Value(v, kind) for v in values))


def sides(rows: Sequence[int], columns: Sequence[int]) -> Many:
    """Padding as `((top, bottom), (left, right))`."""
    return Many("(", (pair(rows, "padding"), pair(columns, "padding")))


def call(function: str | Expr, *arguments: Expr, **keywords: Expr) -> Apply:
    """A call without defaults."""
    named = tuple(Keyword(name, value) for name, value in keywords.items())
    return Apply(Text(function) if isinstance(function, str) else function, arguments, named)


def text_of(value: Any) -> str:
    """A Python value as people write it."""
    if isinstance(value, float) and value == value and abs(value) != float("inf"):
        short = f"{value:.12g}"
        text = short if abs(float(short) - value) <= 1e-15 * abs(value) else repr(value)
        text = text.replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")
        return text if any(c in text for c in ".e") else f"{text}.0"
    if isinstance(value, str):
        return python_string(value)
    return repr(value)


# -------------------------------------------------------------------- traversal


def rewrite(expr: Expr, change: Callable[[Expr], Expr | None]) -> Expr:
    """The expression with every part replaced for which `change` gives something."""
    changed = change(expr)
    if changed is not None:
        return changed
    parts = {name: _rewrite_field(expr.__dict__[name], change) for name in expr.fields}
    if all(parts[name] is expr.__dict__[name] for name in expr.fields):
        return expr
    return type(expr)(**parts)


def _rewrite_field(field: Any, change: Callable[[Expr], Expr | None]) -> Any:
    if isinstance(field, Expr):
        return rewrite(field, change)
    if isinstance(field, tuple) and any(isinstance(item, Expr) for item in field):
        items = tuple(_rewrite_field(item, change) for item in field)
        same = all(a is b for a, b in zip(items, field, strict=True))
        return field if same else items
    return field


def walk(expr: Expr) -> Iterator[Expr]:
    """Every part of an expression, itself first. Defaults of keywords are no parts."""
    yield expr
    for name in expr.fields:
        field = expr.__dict__[name]
        if name == "default" and isinstance(expr, Keyword):
            continue
        for item in field if isinstance(field, tuple) else (field,):
            if isinstance(item, Expr):
                yield from walk(item)


def shape(expr: Expr) -> Expr:
    """The expression without its values: equal for copies that one class can say."""

    def without(part: Expr) -> Expr | None:
        if isinstance(part, Value):
            return Value(None, "features" if part.kind == "classes" else part.kind)
        return Pads(part.sides, None) if isinstance(part, Pads) and part.same is not None else None

    return rewrite(rewrite(expr, without), without)


def merge(exprs: Sequence[Expr], resolve: Callable[[list[Value]], Expr]) -> Expr:
    """One expression for several of equal shape; `resolve` says each place of values.

    Raises Differs when the shapes are not equal.
    """
    first = exprs[0]
    if any(type(e) is not type(first) for e in exprs):
        raise Differs
    if isinstance(first, Value):
        return resolve([e for e in exprs if isinstance(e, Value)])
    if isinstance(first, Pads):
        pads = [e for e in exprs if isinstance(e, Pads)]
        if any(p.sides != first.sides for p in pads) and all(p.same for p in pads):
            return Text('"SAME"')
        return merge([p.sides for p in pads], resolve)
    parts: dict[str, Any] = {}
    for name in first.fields:
        fields = [e.__dict__[name] for e in exprs]
        if isinstance(first, Keyword) and name == "default":
            parts[name] = fields[0]
        else:
            parts[name] = _merge_fields(fields, resolve)
    return type(first)(**parts)


def _merge_fields(fields: list[Any], resolve: Callable[[list[Value]], Expr]) -> Any:
    first = fields[0]
    if isinstance(first, Expr):
        return merge(fields, resolve)
    if isinstance(first, tuple) and any(isinstance(item, Expr) for item in first):
        if any(len(field) != len(first) for field in fields):
            raise Differs
        columns = zip(*fields, strict=True)
        return tuple(_merge_fields(list(column), resolve) for column in columns)
    if any(field != first for field in fields):
        raise Differs
    return first


# -------------------------------------------------------------------- rendering


class Scope(Record):
    """What names mean where an expression stands.

    Arguments:
        refs: variable of each value of the graph.
        own: text of the module that the step owns.
        prefix: before parameters: `self.` outside of `__init__`.
    """

    refs: dict[int, str]
    own: str = ""
    prefix: str = ""


def render(expr: Expr, scope: Scope) -> Piece:
    """The expression as a piece of a statement."""
    return _RENDER[type(expr)](expr, scope)


def line(expr: Expr, scope: Scope) -> str:
    """The expression on one line."""
    return flat(render(expr, scope))


def _arguments(expr: Apply | Method, scope: Scope) -> tuple[Piece, ...]:
    shown = [k for k in expr.keywords if k.default is None or k.value != k.default]
    return (
        *(render(a, scope) for a in expr.arguments),
        *(named(k.name, render(k.value, scope)) for k in shown),
    )


def _render_apply(expr: Apply, scope: Scope) -> Piece:
    return Group(f"{line(expr.function, scope)}(", _arguments(expr, scope))


def _render_method(expr: Method, scope: Scope) -> Piece:
    receiver = _operand(expr.receiver, scope, 3)
    return Group(f"{flat(receiver)}.{expr.name}(", _arguments(expr, scope))


def _render_join(expr: Join, scope: Scope) -> Piece:
    first, *others = expr.operands
    level = _level(expr)
    right = level if expr.symbol in "+*" else level + 1
    return Infix(
        expr.symbol,
        (_operand(first, scope, level), *(_operand(e, scope, right) for e in others)),
    )


def _operand(expr: Expr, scope: Scope, level: int) -> Piece:
    """The expression, in parentheses where it binds less tightly than `level`."""
    piece = render(expr, scope)
    if isinstance(expr, Either) or (isinstance(expr, (Join, Formula)) and _level(expr) < level):
        return f"({flat(piece)})"
    return piece


def _level(expr: Join | Formula) -> int:
    if isinstance(expr, Formula):
        return expr.level
    return 2 if expr.symbol in "*//" else 1


def _render_either(expr: Either, scope: Scope) -> Piece:
    return f"{line(expr.yes, scope)} if {line(expr.condition, scope)} else {line(expr.no, scope)}"


_RENDER: dict[type[Expr], Callable[[Any, Scope], Piece]] = {
    Text: lambda e, _: e.text,
    Value: lambda e, _: e.value if e.kind == "code" else text_of(e.value),
    Formula: lambda e, scope: e.text(scope.prefix),
    Ref: lambda e, scope: scope.refs[e.value],
    Own: lambda _, scope: scope.own,
    Many: lambda e, scope: Group(e.head, tuple(render(i, scope) for i in e.items)),
    Keyword: lambda e, scope: named(e.name, render(e.value, scope)),
    Apply: _render_apply,
    Method: _render_method,
    Subscript: lambda e, scope: f"{flat(_operand(e.receiver, scope, 3))}[{e.text}]",
    Attribute: lambda e, scope: f"{flat(_operand(e.receiver, scope, 3))}.{e.name}",
    Join: _render_join,
    Either: _render_either,
}
