"""One method per rule of `grammar/cnn.lark`: its children in, a syntax node out.

The parser calls the method that bears the name of the rule, or of the alias
after `->`, with the span of the rule and its children in order; an absent
`[x]` is None. A test keeps methods and rules the same set.
"""

from __future__ import annotations

import re
from itertools import zip_longest

from .diagnostics import Diagnostic, Fix, Help, error
from .lexer.scanner import RESERVED, Token
from .lexer.words import split_size
from .numerals import number_value
from .source import Source, Span
from .syntax import (
    Application,
    Apply,
    Argument,
    Arrow,
    Attribute,
    Binary,
    Block,
    Body,
    Bool,
    Branch,
    CallExpr,
    Carrier,
    Clause,
    Condition,
    Conditional,
    Default,
    Dialect,
    Dims,
    Each,
    Expect,
    Expr,
    File,
    For,
    From,
    Group,
    If,
    Index,
    Input,
    Item,
    Keeps,
    Let,
    List,
    Model,
    Name,
    Number,
    Output,
    Parallel,
    Parameter,
    Range,
    Ref,
    Rule,
    Share,
    SourceNote,
    Stage,
    Statement,
    String,
    Template,
    Then,
    Transform,
    Unary,
    Use,
    When,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TypeGuard

    ParseRange = Callable[[int, int], Expr | None]
    Equation = tuple[tuple[Body, ...], tuple[Span, ...]]  # sides, and the signs between

_HOLE = re.compile(r"\{([^}]*)\}")
_OPERATORS = {"**", "+", "-", "*", "/", "%"}


class TreeBuilder:
    """Makes the nodes of one source. `parse_range` parses the `{...}` of a template."""

    def __init__(self, source: Source, parse_range: ParseRange) -> None:
        self.source = source
        self.parse_range = parse_range
        self.diagnostics: list[Diagnostic] = []
        self.broken: set[int] = set()  # where statements began that have errors

    def _span(self, token: Token) -> Span:
        return Span(self.source, token[2], token[3])

    def _name(self, token: Token) -> Name:
        return Name(token[1], Span(self.source, token[2], token[3]))

    def _define(self, token: Token) -> Name:
        """A name that the user gives to something."""
        name = self._name(token)
        self._refuse_reserved(name)
        return name

    def _refuse_reserved(self, *names: Ref) -> None:
        for name in names:
            if isinstance(name, Name) and name.id in RESERVED:
                self.diagnostics.append(reserved(name.id, name.span))

    # -------------------------------------------------------------- the file

    def file(self, span: Span, edition: Number | None, *items: Item) -> File:
        return File(edition, items, span)

    def edition(self, span: Span, number: Token) -> Number:
        return self.number(self._span(number), number)

    def use(self, span: Span, module: Token, names: tuple[Name, ...] | None) -> Use:
        if module[0] == "STRING":
            return Use(self.string(self._span(module), module), names, span)
        return Use(self._name(module), names, span)

    def block(
        self, span: Span, name: Token, parameters: tuple[Parameter, ...] | None, body: Body
    ) -> Block:
        return Block(self._define(name), parameters or (), body, span)

    def model(
        self, span: Span, name: Token, parameters: tuple[Parameter, ...] | None, body: Body
    ) -> Model:
        return Model(self._define(name), parameters or (), None, None, (), body, span)

    def variant(
        self,
        span: Span,
        name: Token,
        base: CallExpr,
        dialect: Token | None,
        rules: tuple[Application, ...],
        body: Body | None,
    ) -> Model:
        chosen = self._name(dialect) if dialect else None
        return Model(self._define(name), (), base, chosen, rules, body, span)

    def base(self, span: Span, name: Token, arguments: tuple[Argument, ...] | None) -> CallExpr:
        return CallExpr(self._name(name), arguments or (), span)

    def applications(self, span: Span, *applications: Application) -> tuple[Application, ...]:
        return applications

    def application(self, span: Span, rule: CallExpr, place: Expr | None) -> Application:
        return Application(rule, place, span)

    def dialect(self, span: Span, name: Token, base: Token | None, *settings: Default) -> Dialect:
        return Dialect(self._define(name), self._name(base) if base else None, settings, span)

    def setting(self, span: Span, *children: Token | tuple[Argument, ...]) -> Default:
        *words, arguments = children
        return Default(tuple([self._name(word) for word in words]), arguments, span)  # type: ignore[arg-type]

    def rule(
        self,
        span: Span,
        name: Token,
        parameters: tuple[Parameter, ...] | None,
        note: Token | None,
        kinds: tuple[Name, ...],
        equation: Equation,
        clauses: tuple[Clause, ...],
    ) -> Rule:
        named = self._define(name)
        text = self.string(self._span(note), note) if note else None
        sides, signs = equation
        left, right = (sides[0], sides[-1]) if signs else (None, None)
        # What is missing may stand in what was not understood.
        is_broken = any(span.start < at <= span.end for at in self.broken)
        self.diagnostics += _problems_of_rule(named, sides, signs, clauses, is_broken)
        return Rule(named, parameters or (), text, kinds, left, right, clauses, span)

    def kinds(self, span: Span, *kinds: Token) -> tuple[Name, ...]:
        return tuple([self._name(kind) for kind in kinds])

    def equation(self, span: Span, *children: Body | Token) -> Equation:
        signs = tuple([self._span(sign) for sign in children[1::2]])  # type: ignore[arg-type]
        return children[::2], signs  # type: ignore[return-value]

    def side(self, span: Span, *statements: Statement) -> Body:
        return self.branch(span, *statements)

    def clauses(self, span: Span, *clauses: Clause) -> tuple[Clause, ...]:
        return clauses

    def condition(self, span: Span, value: Expr) -> Condition:
        return Condition(value, span)

    def keeps(self, span: Span, claims: tuple[Name, ...]) -> Keeps:
        return Keeps(claims, span)

    def carrier(self, span: Span, name: Token) -> Carrier:
        return Carrier(self._name(name), span)

    def transform(self, span: Span, name: Token) -> Transform:
        return Transform(self._name(name), span)

    def parameters(self, span: Span, *parameters: Parameter) -> tuple[Parameter, ...]:
        return parameters

    def parameter(
        self,
        span: Span,
        names: tuple[Name, ...],
        choices: tuple[Name, ...] | None,
        default: Expr | None,
    ) -> Parameter:
        return Parameter(names, choices, default, span)

    def pattern(self, span: Span, *names: Token) -> tuple[Name, ...]:
        return tuple([self._define(name) for name in names])

    def let(self, span: Span, name: Token, names: tuple[Name, ...] | None, value: Expr) -> Let:
        self._refuse_reserved(*(names or ()))
        return Let(self._define(name), names, value, span)

    # ------------------------------------------------------------ statements

    def body(self, span: Span, *statements: Statement) -> Body:
        return Body(statements, span)

    def branch(self, span: Span, *statements: Statement) -> Body:
        if statements:
            span = statements[0].span.to(statements[-1].span)
        return Body(statements, span)

    def branches(self, span: Span, *branches: Branch) -> tuple[Branch, ...]:
        for branch, after in zip_longest(branches, branches[1:]):
            if isinstance(branch, Body):
                self._refuse_empty(branch, after)
        return branches

    def each(self, span: Span, name: Token, values: Expr, branches: tuple[Branch, ...]) -> Each:
        return Each(self._define(name), values, branches, span)

    def when(
        self,
        span: Span,
        condition: Expr,
        then: tuple[Branch, ...],
        otherwise: tuple[Branch, ...] | When | None,
    ) -> When:
        if isinstance(otherwise, When):
            otherwise = (otherwise,)
        return When(condition, then, otherwise or (), span)

    def labels(self, span: Span, *tokens: Token) -> tuple[Ref, ...]:
        return tuple([self._label(token) for token in tokens])

    def _label(self, token: Token) -> Ref:
        if "{" in token[1]:
            return self.template(self._span(token), token)
        return self._define(token)

    def apply(
        self,
        span: Span,
        labels: tuple[Ref, ...],
        word: Token,
        arguments: tuple[Argument, ...] | None,
        shape: Expr | None,
    ) -> Apply:
        return Apply(labels, self._name(word), arguments or (), None, None, shape, span)

    def window(
        self,
        span: Span,
        labels: tuple[Ref, ...],
        arguments: tuple[Argument, ...],
        shape: Expr | None,
    ) -> Apply:
        if labels and shape is None and len(arguments) == 1:
            self._refuse_size(labels[-1], arguments[0].value)
        return Apply(labels, None, arguments, None, None, shape, span)

    def _refuse_size(self, label: Ref, value: Expr) -> None:
        """`relu: 112x112x64` is a label and a window; the size of `relu` was meant."""
        if not isinstance(value, Dims) or len(value.factors) < 3:
            return
        word, colon = label.span.text, Span(self.source, label.span.end, label.span.end)
        self.diagnostics.append(
            error(
                "E0101",
                f"`{word}:` is a label here, and a size is no statement",
                label.span.to(value.span),
                help=[Help("write a space before the `:` of an output size", Fix(colon, " "))],
            )
        )

    def call(
        self,
        span: Span,
        labels: tuple[Ref, ...],
        word: Token,
        arguments: tuple[Argument, ...],
        times: Expr | None,
        shape: Expr | None,
    ) -> Apply:
        return Apply(labels, self._name(word), arguments, None, times, shape, span)

    def wrap(
        self,
        span: Span,
        labels: tuple[Ref, ...],
        word: Token,
        arguments: tuple[Argument, ...] | None,
        body: Body,
        times: Expr | None,
        shape: Expr | None,
    ) -> Apply:
        return Apply(labels, self._name(word), arguments or (), body, times, shape, span)

    def parallel(
        self,
        span: Span,
        labels: tuple[Ref, ...],
        word: Token,
        arguments: tuple[Argument, ...] | None,
        branches: tuple[Branch, ...],
        times: Expr | None,
        shape: Expr | None,
    ) -> Parallel:
        return Parallel(labels, self._name(word), arguments or (), branches, times, shape, span)

    def _refuse_empty(self, branch: Body, after: Branch | None) -> None:
        if branch.statements or branch.span.end in self.broken:
            return
        fix = Fix(Span(self.source, branch.span.end, branch.span.end), " identity")
        help = Help("a branch that passes its input on is written `identity`", fix)
        if isinstance(after, Each | When):
            fix = Fix(Span(self.source, branch.span.start, after.span.start), "")
            help = Help("branches of a loop or a condition begin inside it: remove this `|`", fix)
        self.diagnostics.append(error("E0101", "this branch is empty", branch.span, help=[help]))

    def group(
        self,
        span: Span,
        labels: tuple[Ref, ...],
        body: Body,
        times: Expr | None,
        shape: Expr | None,
    ) -> Group:
        return Group(labels, body, times, shape, span)

    def share(self, span: Span, labels: tuple[Ref, ...], ref: Ref, shape: Expr | None) -> Share:
        return Share(labels, ref, shape, span)

    def input(self, span: Span, labels: tuple[Ref, ...], *values: Expr) -> Input:
        names = tuple([value for value in values if isinstance(value, Name)])
        if len(names) == len(values):
            self._refuse_reserved(*names)
            return Input(labels, names, None, span)
        if len(values) > 1:
            self.diagnostics.append(
                error(
                    "E0101",
                    "an input has one shape",
                    values[1].span,
                    "this comes after the shape",
                    help=["declare several inputs in several statements: `left: input 105x105x1`"],
                )
            )
        return Input(labels, (), values[0], span)

    def stage(self, span: Span, name: Ref, body: Body, shape: Expr | None) -> Stage:
        self._refuse_reserved(name)
        return Stage(name, body, shape, span)

    def from_(self, span: Span, *children: Ref | Body | None) -> From:
        *refs, body = children
        return From(tuple(refs), body, span)  # type: ignore[arg-type]

    def if_(self, span: Span, condition: Expr, then: Body, otherwise: Body | If | None) -> If:
        if isinstance(otherwise, If):
            otherwise = Body((otherwise,), otherwise.span)
        return If(condition, then, otherwise, span)

    def for_(self, span: Span, name: Token, values: Expr, body: Body) -> For:
        return For(self._define(name), values, body, span)

    def output(self, span: Span, arguments: tuple[Argument, ...] | None) -> Output:
        return Output(arguments or (), span)

    def default(
        self, span: Span, words: tuple[Name, ...], arguments: tuple[Argument, ...]
    ) -> Default:
        return Default(words, arguments, span)

    def expect(
        self,
        span: Span,
        metric: Token,
        subjects: tuple[Ref, ...] | None,
        relation: Token,
        value: Expr,
        tolerance: Token | None,
        note: Token | None,
    ) -> Expect:
        return Expect(
            self._name(metric),
            subjects or (),
            relation[1],
            value,
            self.number(self._span(tolerance), tolerance) if tolerance else None,
            self.string(self._span(note), note) if note else None,
            span,
        )

    def source_note(self, span: Span, text: Token) -> SourceNote:
        return SourceNote(self.string(self._span(text), text), span)

    # ----------------------------------------------------- lists of things

    def arguments(self, span: Span, *arguments: Argument) -> tuple[Argument, ...]:
        return arguments

    def parenthesised(self, span: Span, *arguments: Argument) -> tuple[Argument, ...]:
        return arguments

    def positional(self, span: Span, value: Expr) -> Argument:
        return Argument(None, value, span)

    def keyword(self, span: Span, name: Token, value: Expr) -> Argument:
        return Argument(name[1], value, span)

    def names(self, span: Span, *names: Token) -> tuple[Name, ...]:
        return tuple([self._name(name) for name in names])

    def refs(self, span: Span, *refs: Ref) -> tuple[Ref, ...]:
        return refs

    # ----------------------------------------------------------- expressions

    def name(self, span: Span, token: Token) -> Name:
        return Name(token[1], span)

    def template(self, span: Span, token: Token) -> Ref:
        text, start = token[1], token[2]
        parts: list[str | Expr] = []
        at = 0
        for hole in _HOLE.finditer(text):
            if hole.start() > at:
                parts.append(text[at : hole.start()])
            value = self.parse_range(start + hole.start(1), start + hole.end(1))
            parts.append(hole[0] if value is None else value)
            at = hole.end()
        if at < len(text):
            parts.append(text[at:])
        return Template(tuple(parts), span)

    def number(self, span: Span, token: Token) -> Number:
        value = number_value(token[1])
        return Number(0 if value is None else value, token[1], span)

    def size(self, span: Span, token: Token) -> Dims:
        parts = [part for part in split_size(token[1], token[2]) if part[0] != "TIMES"]
        return Dims(tuple([self._factor(part) for part in parts]), span)

    def _factor(self, part: Token) -> Expr:
        return self.number(self._span(part), part) if part[0] == "NUMBER" else self._name(part)

    def string(self, span: Span, token: Token) -> String:
        return String(token[1][1:-1], span)

    def boolean(self, span: Span, token: Token) -> Bool:
        return Bool(token[1] == "true", span)

    def call_value(self, span: Span, name: Token, arguments: tuple[Argument, ...]) -> CallExpr:
        return CallExpr(self._name(name), arguments, span)

    def list_(self, span: Span, *items: Expr) -> List:
        return List(items, span)

    def attribute(self, span: Span, value: Expr, name: Token) -> Attribute:
        return Attribute(value, name[1], span)

    def index(self, span: Span, value: Expr, index: Expr) -> Index:
        return Index(value, index, span)

    def unary(self, span: Span, operator: Token, operand: Expr) -> Unary:
        return Unary(operator[1], operand, span)

    def binary(self, span: Span, left: Expr, operator: Token, right: Expr) -> Binary:
        return Binary(operator[1], left, right, span)

    def dims(self, span: Span, *factors: Expr) -> Expr:
        if is_window_and_stride(factors) and factors[1].span.end == span.end:
            last = factors[1]
            window = Dims((factors[0], last.left), factors[0].span.to(last.left.span))
            return Binary("/", window, last.right, span)
        return Dims(factors, span)

    def range(self, span: Span, start: Expr, stop: Expr) -> Range:
        return Range(start, stop, span)

    def arrow(self, span: Span, *parts: Expr) -> Arrow:
        return Arrow(parts, span)

    def then(self, span: Span, first: Expr, rest: Expr) -> Then:
        return Then(first, rest, span)

    def conditional(self, span: Span, then: Expr, condition: Expr, otherwise: Expr) -> Conditional:
        return Conditional(condition, then, otherwise, span)


def is_window_and_stride(factors: tuple[Expr, ...]) -> TypeGuard[tuple[Expr, Binary]]:
    """Whether `k×k/2` is written: the window `k×k` with stride 2, not `k` by `k/2`."""
    if len(factors) != 2:
        return False
    first, last = factors
    if not isinstance(last, Binary) or last.operator != "/":
        return False
    return isinstance(first, Name | Number) and isinstance(last.left, Name | Number)


def reserved(word: str, span: Span) -> Diagnostic:
    """E0106 for a reserved word used as a name."""
    return error(
        "E0106",
        f"`{word}` is a word of the language and cannot be a name",
        span,
        help=[Help(f"call it `{word}_`", Fix(span, word + "_"))],
    )


def _problems_of_rule(
    name: Name,
    sides: Sequence[Body],
    signs: Sequence[Span],
    clauses: Sequence[Clause],
    is_broken: bool,
) -> Iterator[Diagnostic]:
    """A rule has two sides with one `=>` between them, or a `transform` and no sides.

    What is missing in a broken one may stand in what was not understood.
    """
    transforms = [clause for clause in clauses if isinstance(clause, Transform)]
    filled = [bool(side.statements) for side in sides]
    if len(signs) > 1:
        help = "write the second equation as a rule of its own"
        yield error("E0101", "a rule has one `=>`", signs[1], help=[help])
    elif filled[0] and not signs and (not is_broken or any(map(_arrow, sides[0].statements))):
        yield _missing_sign(sides[0].statements)
    elif is_broken:
        return
    elif signs and not all(filled):
        help = "what only passes its input on is written `identity`"
        if filled[0]:
            yield error("E0101", "nothing stands behind this `=>`", signs[0], help=[help])
        else:
            help = "write what is replaced before it: `conv 5x5, n => ...`"
            yield error("E0101", "nothing stands before this `=>`", signs[0], help=[help])
    elif not signs and not transforms:
        help = "write `what is replaced => what replaces it`, or `transform` and a name"
        yield error("E0101", "this rule replaces nothing", name.span, help=[help])
    if any(filled) and transforms:
        message = "a rule has sides or a `transform`, not both"
        yield error("E0101", message, transforms[0].span, help=["leave one of them out"])


def _arrow(statement: Statement) -> Arrow | None:
    """The `r → identity` of `dropout r → identity`, where `=>` was meant."""
    if not isinstance(statement, Apply) or not statement.arguments:
        return None
    value = statement.arguments[-1].value
    is_bare = value.span.end == statement.span.end
    return value if isinstance(value, Arrow) and is_bare else None


def _missing_sign(left: Sequence[Statement]) -> Diagnostic:
    """A rule without `=>`."""
    last = next(filter(_arrow, left), left[-1])
    help: Help | str = "write `=>` and what replaces it: `conv 5x5, n => conv 3x3, n; conv 3x3, n`"
    if arrow := _arrow(last):
        between = Span(last.span.source, arrow.parts[0].span.end, arrow.parts[1].span.start)
        help = Help("the sides of a rule are joined by `=>`", Fix(between, " => "))
    return error("E0101", "this rule has no `=>`", last.span, help=[help])
