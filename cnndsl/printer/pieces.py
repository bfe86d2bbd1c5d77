"""What statements and items are made of: words, lists in parentheses, braces.

    3a: inception(64, pool→32) × 2      Entries, "× 2"
    if a { relu } else { bn }           "if a", Braces, "else", Braces

Pieces stand one space apart. On one line or on several, they are the same.
"""

from __future__ import annotations

from ..record import Record
from ..source import Span
from ..syntax import (
    Application,
    Apply,
    Argument,
    Block,
    Body,
    Carrier,
    Condition,
    Default,
    Dialect,
    Each,
    Expect,
    Expr,
    For,
    From,
    Group,
    If,
    Input,
    Keeps,
    Let,
    Model,
    Output,
    Parallel,
    Parameter,
    Ref,
    Rule,
    Share,
    SourceNote,
    Stage,
    Statement,
    Transform,
    Use,
    When,
)
from .expressions import (
    argument_text,
    arguments_text,
    factor_text,
    names_text,
    parameter_text,
    print_expression,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any


class Entries(Record):
    """A list in parentheses, `conv1: conv(` its entries `)`."""

    before: str
    items: tuple[Argument | Parameter, ...]
    after: str = ")"


class Applied(Record):
    """`with` the rules of a variant."""

    rules: tuple[str, ...]


class Braces(Record):
    """What stands in braces, which open at the first `{` that does not stand before `start`."""

    nodes: tuple[Any, ...]
    start: int
    has_branches: bool = False


class Side(Record):
    """The statements on one side of a rule's `=>`."""

    statements: tuple[Statement, ...]


Piece = str | Entries | Applied | Braces | Side


class Equation(Record):
    """The sides of a rule, which are printed as one thing."""

    left: Body
    right: Body
    span: Span


class Sign(Record):
    """The `=>` between them."""

    span: Span


class Setting(Record):
    """A default in a dialect, where the word `default` is left out."""

    default: Default
    span: Span


def pieces(node: Any) -> list[Piece]:
    """What a statement, an item, an argument or a parameter is made of, without its size."""
    return [piece for piece in _PIECES[type(node)](node) if piece]


def labels_text(node: Any) -> str:
    """The labels of a node, with what follows them."""
    labels: Sequence[Ref] = getattr(node, "labels", ())
    return f"{names_text(labels)}: " if labels else ""


def shape_text(node: Any) -> str | None:
    """The size that is annotated behind a statement."""
    shape = getattr(node, "shape", None)
    if shape is None or isinstance(node, Input):
        return None
    return print_expression(shape)


# ------------------------------------------------------------------ statements


def _apply(node: Apply) -> Iterator[Piece]:
    head = labels_text(node)
    if node.callee is None:
        yield head + arguments_text(node.arguments)
        return
    head += node.callee.id
    if node.body and not node.arguments:
        yield head
    elif node.body or _is_call(node):
        yield Entries(f"{head}(", node.arguments)
    else:
        yield f"{head} {arguments_text(node.arguments)}".rstrip()
    yield from _repeated(node.body, node.times)


def _is_call(node: Apply) -> bool:
    """Whether the arguments stand in parentheses: when they must, or as the author had it."""
    if node.times is not None or node.callee is None:
        return True
    span = node.callee.span  # of a tree without a text it is empty
    return span.text == node.callee.id and span.source.text.startswith("(", span.end)


def _repeated(body: Body | None, times: Expr | None) -> Iterator[Piece]:
    if body is not None:
        yield _body(body)
    if times is not None:
        yield f"× {factor_text(times)}"


def _body(body: Body) -> Braces:
    return Braces(body.statements, body.span.start)


def _parallel(node: Parallel) -> Iterator[Piece]:
    head = labels_text(node) + node.merge.id
    yield Entries(f"{head}(", node.arguments) if node.arguments else head
    yield Braces(node.branches, node.merge.span.end, has_branches=True)
    yield from _repeated(None, node.times)


def _group(node: Group) -> Iterator[Piece]:
    yield labels_text(node).rstrip()
    yield from _repeated(node.body, node.times)


def _stage(node: Stage) -> Iterator[Piece]:
    yield f"stage {print_expression(node.name)}"
    yield _body(node.body)


def _from(node: From) -> Iterator[Piece]:
    yield f"from {names_text(node.refs)}"
    yield from _repeated(node.body, None)


def _share(node: Share) -> Iterator[Piece]:
    yield f"{labels_text(node)}share {print_expression(node.ref)}"


def _if(node: If) -> Iterator[Piece]:
    while True:
        yield f"if {print_expression(node.condition)}"
        yield _body(node.then)
        if node.otherwise is None:
            return
        yield "else"
        first, *others = node.otherwise.statements or (None,)
        if others or not isinstance(first, If):
            yield _body(node.otherwise)
            return
        node = first


def _when(node: When) -> Iterator[Piece]:
    while True:
        yield f"if {print_expression(node.condition)}"
        yield Braces(node.then, node.condition.span.end, has_branches=True)
        if not node.otherwise:
            return
        yield "else"
        first, *others = node.otherwise
        if others or not isinstance(first, When):
            yield Braces(node.otherwise, node.then[-1].span.end, has_branches=True)
            return
        node = first


def _for(node: For) -> Iterator[Piece]:
    yield f"for {node.name.id} in {print_expression(node.values)}"
    yield _body(node.body)


def _each(node: Each) -> Iterator[Piece]:
    yield f"for {node.name.id} in {print_expression(node.values)}"
    yield Braces(node.branches, node.values.span.end, has_branches=True)


def _input(node: Input) -> Iterator[Piece]:
    value = names_text(node.names) if node.shape is None else print_expression(node.shape)
    yield f"{labels_text(node)}input {value}"


def _output(node: Output) -> Iterator[Piece]:
    yield f"output {arguments_text(node.arguments)}".rstrip()


def _default(node: Default) -> Iterator[Piece]:
    yield "default"
    yield from _setting(node)


def _setting(node: Default) -> Iterator[Piece]:
    yield f"{names_text(node.words)}: {arguments_text(node.arguments)}"


def _expect(node: Expect) -> Iterator[Piece]:
    subjects = f"({names_text(node.subjects)})" if node.subjects else ""
    yield f"expect {node.metric.id}{subjects} {node.relation} {print_expression(node.value)}"
    if node.tolerance is not None:
        yield f"±{node.tolerance.text}"
    if node.note is not None:
        yield print_expression(node.note)


def _source_note(node: SourceNote) -> Iterator[Piece]:
    yield f"source {print_expression(node.text)}"


def _let(node: Let) -> Iterator[Piece]:
    inside = "" if node.parameters is None else f"({names_text(node.parameters)})"
    yield f"let {node.name.id}{inside} = {print_expression(node.value)}"


# ----------------------------------------------------------------------- items


def _use(node: Use) -> Iterator[Piece]:
    yield f"use {print_expression(node.module)}"
    if node.names is not None:
        yield f"({names_text(node.names)})"


def _block(node: Block) -> Iterator[Piece]:
    yield _named("block", node)
    yield _body(node.body)


def _named(word: str, node: Block | Model | Rule) -> Piece:
    """The word of an item, its name and its parameters."""
    head = f"{word} {node.name.id}"
    return Entries(f"{head}(", node.parameters) if node.parameters else head


def _model(node: Model) -> Iterator[Piece]:
    if node.base is None:
        yield _named("model", node)
    else:
        head = f"model {node.name.id} = {node.base.callee.id}"
        dialect = f" in {node.dialect.id}" if node.dialect else ""
        arguments = node.base.arguments
        yield Entries(f"{head}(", arguments, f"){dialect}") if arguments else head + dialect
    if node.rules:
        yield Applied(tuple(map(_application, node.rules)))
    if node.body:
        yield _body(node.body)


def _application(application: Application) -> str:
    rule, place = application.rule, application.place
    called = print_expression(rule) if rule.arguments else rule.callee.id
    return called if place is None else f"{called} at {print_expression(place)}"


def _dialect(node: Dialect) -> Iterator[Piece]:
    base = f" = {node.base.id}" if node.base else ""
    yield f"dialect {node.name.id}{base}"
    settings = tuple(Setting(setting, setting.span) for setting in node.settings)
    yield Braces(settings, node.name.span.end)


# ----------------------------------------------------------------------- rules


def _rule(node: Rule) -> Iterator[Piece]:
    yield _named("rule", node)
    if node.note is not None:
        yield print_expression(node.note)
    yield from (kind.id for kind in node.kinds)
    spans = [node.name.span, *(p.span for p in node.parameters), *(k.span for k in node.kinds)]
    yield Braces(_contents(node), spans[-1].end)


def _contents(node: Rule) -> tuple[Any, ...]:
    if node.left is None or node.right is None:
        return node.clauses
    span = node.left.span.to(node.right.span)
    return Equation(node.left, node.right, span), *node.clauses


def _equation(node: Equation) -> Iterator[Piece]:
    yield Side(node.left.statements)
    yield "=>"
    yield Side(node.right.statements)


def _condition(node: Condition) -> Iterator[Piece]:
    yield f"when {print_expression(node.value)}"


def _keeps(node: Keeps) -> Iterator[Piece]:
    yield f"keeps {names_text(node.claims)}"


def _carrier(node: Carrier) -> Iterator[Piece]:
    yield f"weights {node.name.id}"


def _transform(node: Transform) -> Iterator[Piece]:
    yield f"transform {node.name.id}"


_PIECES: dict[type, Callable[[Any], Iterator[Piece]]] = {
    Apply: _apply,
    Argument: lambda node: iter([argument_text(node)]),
    Block: _block,
    Carrier: _carrier,
    Condition: _condition,
    Default: _default,
    Dialect: _dialect,
    Each: _each,
    Equation: _equation,
    Expect: _expect,
    For: _for,
    From: _from,
    Group: _group,
    If: _if,
    Input: _input,
    Keeps: _keeps,
    Let: _let,
    Model: _model,
    Output: _output,
    Parallel: _parallel,
    Parameter: lambda node: iter([parameter_text(node)]),
    Rule: _rule,
    Setting: lambda node: _setting(node.default),
    Share: _share,
    Sign: lambda node: iter(["=>"]),
    SourceNote: _source_note,
    Stage: _stage,
    Transform: _transform,
    Use: _use,
    When: _when,
}
