"""Syntax trees back to text, and `cnnc fmt`, which is that plus the comments.

One layout and no options: two spaces per body, one statement per line, output
sizes in a column of their own. Two things stay as the author had them, because
they carry meaning for readers: a body, a branch or the equation of a rule written
on one line stays on one line if it fits, and blank lines stay, one at a time.

`format_source` trusts nobody, itself included: before it returns a text it
parses it and compares trees and comments.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from itertools import groupby, pairwise

from .diagnostics import CnnError, fail
from .lexer import scan
from .parser import parse
from .record import Record
from .scanner import Token
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
from .tree import is_window_and_stride

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

WIDTH = 100
# What is longer than this stays out of its column, and so does what follows it:
STATEMENT = 72
LABEL = 16
ARGUMENT = 16
_BLANK_LINE = re.compile(r"\n[ \t\r]*\n")


def format_source(source: Source) -> str:
    """The text of a source in the one layout, with all its comments.

    Raises `CnnError` with the syntax errors if there are any, and with I9001 if
    the result would not say the same.
    """
    tree, problems = parse(source)
    if any(problem.is_error for problem in problems):
        raise CnnError(*problems)
    text = Formatter(source).print(tree)
    _verify(source, tree, text)
    return text


def print_file(file: File) -> str:
    """The text of a tree. Parsing it gives the tree again."""
    return Printer().print(file)


def _verify(source: Source, tree: File, text: str) -> None:
    result = Source(source.name, text)
    again, problems = parse(result)
    says_the_same = not problems and again == tree and _comments(source) == _comments(result)
    if says_the_same and Formatter(result).print(again) == text:
        return
    fail(
        "I9001",
        "the formatter would change what this file says, so nothing was changed",
        notes=["this is a bug of cnnc"],
        help=["please report it with the file"],
    )


def _comments(source: Source) -> list[str]:
    return [comment[1] for comment in scan(source).comments]


# ----------------------------------------------------------------- expressions

# How tightly each construct binds; a looser one inside needs parentheses.
_CONDITIONAL, _THEN, _ARROW, _OR, _AND, _NOT, _COMPARISON, _RANGE, _SIZE = range(9)
_SUM, _PRODUCT, _SIGNED, _POWER, _POSTFIX, _ATOM = range(9, 15)
_BINARY = {
    "or": _OR,
    "and": _AND,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">=", "in"), _COMPARISON),
    **dict.fromkeys("+-", _SUM),
    **dict.fromkeys("*/%", _PRODUCT),
    "**": _POWER,
}


def print_expression(expression: Expr) -> str:
    """The text of an expression."""
    return _within(expression, _CONDITIONAL)


def _within(expression: Expr, level: int) -> str:
    """The text of an expression where only what binds as tightly as `level` may stand."""
    text, own = _PRINTERS[type(expression)](expression)
    return f"({text})" if own < level else text


def _number(number: Number) -> tuple[str, int]:
    return number.text, _SIGNED if number.text.startswith("-") else _ATOM


def _string(string: String) -> tuple[str, int]:
    return f'"{string.value}"', _ATOM


def _bool(value: Bool) -> tuple[str, int]:
    return "true" if value.value else "false", _ATOM


def _name(name: Name) -> tuple[str, int]:
    return name.id, _ATOM


def _template(template: Template) -> tuple[str, int]:
    parts = [p if isinstance(p, str) else f"{{{print_expression(p)}}}" for p in template.parts]
    return "".join(parts), _ATOM


def _dims(dims: Dims) -> tuple[str, int]:
    if all(_is_digits(factor) for factor in dims.factors):
        return "x".join(print_expression(factor) for factor in dims.factors), _ATOM
    factors = [_factor(factor) for factor in dims.factors]
    if is_window_and_stride(dims.factors):
        factors[-1] = f"({factors[-1]})"
    if not all(_is_short(factor) for factor in dims.factors):
        return " × ".join(factors), _SIZE
    is_token = all(re.fullmatch(r"\d+|[A-Z]", factor) for factor in factors)
    return "×".join(factors), _ATOM if is_token else _SIZE


def _factor(factor: Expr) -> str:
    text = _within(factor, _SUM)
    return f"({text})" if re.search(r"^\w+[x×]\w|\w[x×]\w+$", text) else text


def _is_digits(expression: Expr) -> bool:
    return isinstance(expression, Number) and expression.text.isdigit()


def _is_short(expression: Expr) -> bool:
    return _is_digits(expression) or (isinstance(expression, Name) and len(expression.id) == 1)


def _attribute(attribute: Attribute) -> tuple[str, int]:
    value = _within(attribute.value, _POSTFIX)
    if isinstance(attribute.value, Number):
        value = f"({value})"
    return f"{value}.{attribute.name}", _POSTFIX


def _index(index: Index) -> tuple[str, int]:
    return f"{_within(index.value, _POSTFIX)}[{print_expression(index.index)}]", _POSTFIX


def _list(items: List) -> tuple[str, int]:
    return f"[{', '.join(print_expression(item) for item in items.items)}]", _ATOM


def _call(call: CallExpr) -> tuple[str, int]:
    return f"{call.callee.id}({_arguments(call.arguments)})", _ATOM


def _unary(unary: Unary) -> tuple[str, int]:
    if unary.operator == "not":
        return f"not {_within(unary.operand, _NOT)}", _NOT
    return f"-{_within(unary.operand, _SIGNED)}", _SIGNED


def _binary(binary: Binary) -> tuple[str, int]:
    sign, level = binary.operator, _BINARY[binary.operator]
    if sign == "**":
        return f"{_within(binary.left, _POSTFIX)}**{_within(binary.right, _SIGNED)}", level
    if level == _COMPARISON:
        return f"{_within(binary.left, _RANGE)} {sign} {_within(binary.right, _RANGE)}", level
    if sign == "/" and isinstance(binary.left, Dims):
        return _divided_size(binary.left, binary.right)
    left, right = _within(binary.left, level), _within(binary.right, level + 1)
    tight = sign in "*/" and _is_simple(binary.left) and _is_simple(binary.right)
    return (f"{left}{sign}{right}" if tight else f"{left} {sign} {right}"), level


def _divided_size(size: Dims, divisor: Expr) -> tuple[str, int]:
    """`7x7/2`, `k×k/stride`"""
    text, level = _dims(size)
    right = _within(divisor, _SIGNED)
    simple = len(size.factors) == 2 and all(isinstance(f, Name | Number) for f in size.factors)
    if level == _ATOM:
        return f"{text}/{right}", _PRODUCT
    return (f"{text}/{right}", _SIZE) if simple else (f"({text})/{right}", _PRODUCT)


def _is_simple(expression: Expr) -> bool:
    return isinstance(expression, Name | Number)


def _conditional(choice: Conditional) -> tuple[str, int]:
    then, condition = _within(choice.then, _THEN), _within(choice.condition, _OR)
    return f"{then} if {condition} else {_within(choice.otherwise, _CONDITIONAL)}", _CONDITIONAL


def _arrow(arrow: Arrow) -> tuple[str, int]:
    return "→".join(_within(part, _OR) for part in arrow.parts), _ARROW


def _then(then: Then) -> tuple[str, int]:
    return f"{_within(then.first, _ARROW)} then {_within(then.rest, _ARROW)}", _THEN


def _range(span: Range) -> tuple[str, int]:
    return f"{_within(span.start, _SIZE)}..{_within(span.stop, _SIZE)}", _RANGE


_PRINTERS: dict[type, Callable[[Any], tuple[str, int]]] = {
    Number: _number,
    String: _string,
    Bool: _bool,
    Name: _name,
    Template: _template,
    Dims: _dims,
    Attribute: _attribute,
    Index: _index,
    List: _list,
    CallExpr: _call,
    Unary: _unary,
    Binary: _binary,
    Conditional: _conditional,
    Arrow: _arrow,
    Then: _then,
    Range: _range,
}


def _argument(argument: Argument) -> str:
    name = "" if argument.name is None else f"{argument.name}="
    return name + print_expression(argument.value)


def _arguments(arguments: Iterable[Argument]) -> str:
    return ", ".join(_argument(argument) for argument in arguments)


def _parameter(parameter: Parameter) -> str:
    text = "→".join(name.id for name in parameter.names)
    if parameter.choices is None:
        return text if parameter.default is None else f"{text}={_default_of(parameter)}"
    text += f" in {{{_names(parameter.choices)}}}"
    return text if parameter.default is None else f"{text} = {_default_of(parameter)}"


def _default_of(parameter: Parameter) -> str:
    return "" if parameter.default is None else print_expression(parameter.default)


def _names(names: Iterable[Expr]) -> str:
    return ", ".join(print_expression(name) for name in names)


# ------------------------------------------------------------------ statements


class Equation(Record):
    """The sides of a rule, which are printed as one thing."""

    left: Body
    right: Body
    span: Span


class Sign(Record):
    """The `=>` between them."""

    span: Span


class Tab(Record):
    """A place in a line that may move to the right, into a column.

    Arguments:
        at: what stands before it, in characters.
        name: what the column is called; there may be others of this name.
    """

    at: int
    name: tuple[str | None, ...]


class Row:
    """One statement, item or comment on its lines, before columns are aligned."""

    __slots__ = ("blank", "comment", "glued", "lines", "shape", "tabs")

    def __init__(self, lines: list[str], shape: str | None = None, blank: bool = False) -> None:
        self.lines = lines
        self.shape = shape
        self.tabs: tuple[Tab, ...] = ()
        self.comment: str | None = None
        self.blank = blank  # a blank line comes before it
        self.glued = False  # it followed the row before on the same line


class Printer:
    """Prints a tree whose layout nobody has chosen yet."""

    def print(self, file: File) -> str:
        rows = self._edition(file)
        rows += self._rows(file.items, file.span.end, 0)
        lines = _aligned(_without_blank(rows))
        return "\n".join(lines) + "\n" if lines else ""

    def _edition(self, file: File) -> list[Row]:
        return [Row([f"cnn {file.edition.text}"])] if file.edition else []

    # ------------------------------------------- what the formatter overrides

    def _rows(self, nodes: Sequence[Any], stop: int, indent: int) -> list[Row]:
        """The rows of statements, items or list entries, which end before offset `stop`."""
        rows: list[Row] = []
        for node in nodes:
            row = Row(self._lines(node, indent), _shape(node))
            row.tabs = _tabs(node, row.lines)
            is_long = len(row.lines) > 1 or (bool(rows) and len(rows[-1].lines) > 1)
            row.blank = isinstance(node, Block | Model | Dialect | Rule) and is_long
            row.glued = _is_plain(node) and bool(rows)
            rows.append(row)
        return rows

    def _opens(self, head: str, start: int) -> str:
        """A line that opens a body with the first `{` at or after offset `start`."""
        return f"{head} {{"

    def _has_comments(self, node: Any) -> bool:
        """Whether comments stand within a node."""
        return False

    def _end_of_commented(self, items: Sequence[Any]) -> int | None:
        """The offset of the `)` after the entries of a list if comments stand before it."""
        return None

    def _sign(self, node: Equation) -> Sign:
        """The `=>` of an equation."""
        return Sign(node.span)

    def _stays_flat(self, node: Statement | Item | Branch | Equation) -> bool:
        """Whether the bodies of a node may stand on one line."""
        if isinstance(node, Body):
            return len(node.statements) <= 1
        if isinstance(node, Equation):
            return len(node.left.statements) <= 2 and len(node.right.statements) <= 2
        if isinstance(node, Rule):
            return len(_contents(node)) <= 1
        if isinstance(node, Parallel | Each | When):
            return len(node.branches) <= 2
        return not isinstance(node, Model | Block)

    # --------------------------------------------------------------- statements

    def _lines(self, node: Any, indent: int) -> list[str]:
        """A node without the size after it."""
        if isinstance(node, Parameter | Argument):
            return [_parameter(node) if isinstance(node, Parameter) else _argument(node)]
        if not self._has_comments(node):
            flat = self._flat(node)
            if flat is not None and _fits(flat, _shape(node), indent):
                return [flat]
        return self._spread(node, indent)

    def _flat(self, node: Any) -> str | None:
        """A node on one line, or None if it should not be."""
        if isinstance(node, Parallel | Each):
            return self._flat_join(node)
        if isinstance(node, When):
            return self._flat_when(node)
        if isinstance(node, If):
            return self._flat_if(node)
        if isinstance(node, Dialect):
            return self._flat_dialect(node)
        if isinstance(node, Rule):
            return self._flat_rule(node)
        if isinstance(node, Equation):
            return self._flat_equation(node)
        head, body, tail = _parts(node)
        if body is None:
            return head + tail
        inside = self._flat_body(body)
        if inside is None or not self._stays_flat(node):
            return None
        return f"{head} {inside}{tail}" if head else inside + tail

    def _flat_body(self, body: Body) -> str | None:
        if not body.statements:
            return "{ }"
        inside = self._flat_row(body.statements)
        return None if inside is None or not self._stays_flat(body) else f"{{ {inside} }}"

    def _flat_row(self, statements: Iterable[Statement]) -> str | None:
        texts = []
        for statement in statements:
            text = self._flat(statement)
            if text is None:
                return None
            texts.append(_with_shape(text, _shape(statement)))
        return "; ".join(texts)

    def _flat_join(self, node: Parallel | Each) -> str | None:
        inside = self._flat_branches(node.branches)
        if inside is None or not self._stays_flat(node):
            return None
        return f"{_join_head(node)} {inside}{_times(node)}"

    def _flat_branches(self, branches: Sequence[Branch]) -> str | None:
        text = "{"
        for branch in branches:
            if isinstance(branch, Body):
                inside, before = self._flat_row(branch.statements), " | "
            else:
                inside, before = self._flat(branch), " " if text == "{" else "; "
            if inside is None:
                return None
            text += before + inside
        return text + " }"

    def _flat_when(self, node: When) -> str | None:
        then, otherwise = self._flat_branches(node.then), node.otherwise
        if then is None or not self._stays_flat(node):
            return None
        text = f"if {print_expression(node.condition)} {then}"
        if not otherwise:
            return text
        nested = _else_when(node)
        rest = self._flat_when(nested) if nested else self._flat_branches(otherwise)
        return None if rest is None else f"{text} else {rest}"

    def _flat_if(self, node: If) -> str | None:
        text, otherwise = f"if {print_expression(node.condition)}", node.otherwise
        then = self._flat_body(node.then)
        if then is None or not self._stays_flat(node):
            return None
        if otherwise is None:
            return f"{text} {then}"
        rest = self._flat_if(nested) if (nested := _else_if(node)) else self._flat_body(otherwise)
        return None if rest is None else f"{text} {then} else {rest}"

    def _flat_dialect(self, node: Dialect) -> str | None:
        head = _dialect_head(node)
        if not node.settings:
            return f"{head} {{ }}"
        if not self._stays_flat(node):
            return None
        return f"{head} {{ {'; '.join(_setting(setting) for setting in node.settings)} }}"

    def _flat_rule(self, node: Rule) -> str | None:
        texts = [self._flat(part) for part in _contents(node)]
        if None in texts or not self._stays_flat(node):
            return None
        return f"{_rule_head(node)} {{ {'; '.join(map(str, texts))} }}"

    def _flat_equation(self, node: Equation) -> str | None:
        left, right = self._flat_row(node.left.statements), self._flat_row(node.right.statements)
        if left is None or right is None or not self._stays_flat(node):
            return None
        return f"{left} => {right}"

    # ------------------------------------------------------------ several lines

    def _spread(self, node: Any, indent: int) -> list[str]:
        if isinstance(node, Parallel | Each):
            return self._spread_join(node, indent)
        if isinstance(node, When):
            return self._spread_when(node, indent)
        if isinstance(node, If):
            return self._spread_if(node, indent)
        if isinstance(node, Dialect):
            return self._spread_dialect(node, indent)
        if isinstance(node, Rule):
            return self._spread_rule(node, indent)
        if isinstance(node, Equation):
            return self._spread_equation(node, indent)
        head, body, tail = _parts(node)
        lines = self._head(node, head, indent)
        if body is None:
            lines[-1] += tail
            return lines
        return self._with_body(lines, body, tail, indent)

    def _with_body(self, head: list[str], body: Body, tail: str, indent: int) -> list[str]:
        opening = self._opens(head[-1], body.span.start)
        opening = opening if head[-1] else opening.lstrip()
        rows = self._rows(body.statements, body.span.end - 1, indent + 2)
        inside = _aligned(_without_blank(rows), indent + 2)
        if not inside and opening.endswith("{"):
            return [*head[:-1], f"{opening} }}{tail}"]
        return [*head[:-1], opening, *_indented(inside), "}" + tail]

    def _head(self, node: Any, head: str, indent: int) -> list[str]:
        """What stands before the body, with a list in parentheses wrapped if need be."""
        items, opening, closing = _wrappable(node)
        end = self._end_of_commented(items)
        fixed = _after_parameters(node) if isinstance(node, Rule) else ""  # no list to wrap
        if end is None and _fits(head.removesuffix(fixed) + " {", None, indent):
            return [head]
        if end is None and isinstance(node, Model) and node.rules:
            return _wrapped_rules(node, WIDTH - indent - 2)
        if not items:
            return [head]
        if end is not None:
            rows = self._rows(items, end, indent + 2)
            _add_commas(rows)
            return [opening, *_indented(_aligned(_without_blank(rows), indent + 2)), closing]
        texts = [self._lines(item, 0)[0] for item in items]
        return [opening, *_indented(_filled(texts, WIDTH - indent - 2)), closing]

    def _spread_if(self, node: If, indent: int) -> list[str]:
        head = [f"if {print_expression(node.condition)}"]
        lines = self._with_body(head, node.then, "", indent)
        while node.otherwise is not None:
            closing, nested = lines.pop(), _else_if(node)
            if nested is None:
                return lines + self._with_body([f"{closing} else"], node.otherwise, "", indent)
            head = [f"{closing} else if {print_expression(nested.condition)}"]
            lines += self._with_body(head, nested.then, "", indent)
            node = nested
        return lines

    def _spread_join(self, node: Parallel | Each, indent: int) -> list[str]:
        head = self._head(node, _join_head(node), indent)
        start = node.merge.span.end if isinstance(node, Parallel) else node.values.span.end
        lines = [*head[:-1], self._opens(head[-1], start)]
        return [*lines, *self._branches(node.branches, indent), "}" + _times(node)]

    def _spread_when(self, node: When, indent: int) -> list[str]:
        head = f"if {print_expression(node.condition)}"
        lines = [self._opens(head, node.condition.span.end)]
        while True:
            lines += [*self._branches(node.then, indent), "}"]
            nested, start = _else_when(node), node.then[-1].span.end
            if nested is None:
                break
            head = f"}} else if {print_expression(nested.condition)}"
            lines[-1], node = self._opens(head, start), nested
        if node.otherwise:
            lines[-1] = self._opens("} else", start)
            lines += [*self._branches(node.otherwise, indent), "}"]
        return lines

    def _branches(self, branches: Sequence[Branch], indent: int) -> list[str]:
        lines = []
        for number, branch in enumerate(branches):
            inside = self._branch(branch, indent + 2)
            lines += inside[1:] if number == 0 and not inside[0] else inside
        return _indented([*lines, *self._closing_comments(branches[-1].span.end)])

    def _branch(self, branch: Branch, indent: int) -> list[str]:
        if not isinstance(branch, Body):
            return _aligned(self._rows((branch,), 0, indent), indent)
        rows = self._rows(branch.statements, 0, indent + 2)
        comments = []
        while rows and rows[0].lines[0].startswith("#"):
            comments += _aligned([rows.pop(0)])
        if not rows:  # only a text with errors has an empty branch
            return [*comments, "|"]
        blank = [""] if rows[0].blank else []
        rows[0].blank = False
        lines = _aligned(_joined(rows, WIDTH - indent - 2), indent + 2)
        return [*comments, *blank, "| " + lines[0], *_indented(lines[1:])]

    def _closing_comments(self, start: int) -> list[str]:
        """Comments after the last branch, which ends at offset `start`."""
        return []

    def _spread_dialect(self, node: Dialect, indent: int) -> list[str]:
        opening = self._opens(_dialect_head(node), node.name.span.end)
        rows = self._rows(node.settings, node.span.end - 1, indent + 2)
        for row in rows:  # settings are defaults without the word
            row.lines[0] = row.lines[0].removeprefix("default ")
        return [opening, *_indented(_aligned(_without_blank(rows), indent + 2)), "}"]

    def _spread_rule(self, node: Rule, indent: int) -> list[str]:
        head = self._head(node, _rule_head(node), indent)
        opening = self._opens(head[-1], node.name.span.end)
        rows = self._rows(_contents(node), node.span.end - 1, indent + 2)
        return [*head[:-1], opening, *_indented(_aligned(_without_blank(rows), indent + 2)), "}"]

    def _spread_equation(self, node: Equation, indent: int) -> list[str]:
        rows: list[Row] = []
        for nodes in (node.left.statements, (self._sign(node),), node.right.statements):
            rows += _joined(_without_blank(self._rows(nodes, 0, indent)), WIDTH - indent)
        for row in rows:
            row.tabs = ()  # an equation is no table
        return _aligned(rows, indent)


class Formatter(Printer):
    """Prints the tree of a source with its comments, in the author's choice of lines."""

    def __init__(self, source: Source) -> None:
        scanned = scan(source)
        self.source = source
        self.text = source.text
        self.comments: list[Token] = scanned.comments
        self.at = 0  # the next comment
        self.last = 0  # where the last thing printed ended
        self.opening = [token[2] for token in scanned.tokens if token[0] == "LBRACE"]
        self.parentheses = [token[2] for token in scanned.tokens if token[0] == "RPAR"]
        self.closing = [token[2] for token in scanned.tokens if token[0] == "RBRACE"]
        self.signs = [token[2:] for token in scanned.tokens if token[0] == "IMPLIES"]

    def _edition(self, file: File) -> list[Row]:
        if not file.edition:
            return []
        row = Row([f"cnn {file.edition.text}"])
        rows = [*self._comment_rows(file.edition.span.start), row]
        self._end(row, file.edition.span.end)
        return rows

    def _rows(self, nodes: Sequence[Any], stop: int, indent: int) -> list[Row]:
        rows: list[Row] = []
        end = -1
        for node in nodes:
            start = node.span.start
            hoisted = self._comment_rows(self._hoist(node))
            rows += hoisted
            row = Row([], _shape(node), blank=self._has_blank_line(start))
            row.glued = end >= 0 and not hoisted and "\n" not in self.text[end:start]
            row.lines = self._lines(node, indent)
            row.tabs = _tabs(node, row.lines)
            end = node.span.end
            self._end(row, end)
            rows.append(row)
        return rows + self._comment_rows(stop)

    def _hoist(self, node: Any) -> int:
        """Comments before this offset are printed before the node."""
        inside = isinstance(node, Equation) or _wrappable(node)[0]
        return int(node.span.start) if inside else min(self._body_start(node), node.span.end)

    def _body_start(self, node: Any) -> int:
        at = bisect_left(self.opening, node.span.start)
        return self.opening[at] if at < len(self.opening) else len(self.text)

    def _comment_rows(self, stop: int) -> list[Row]:
        """The comments up to an offset, each on a line of its own."""
        rows = []
        while self.at < len(self.comments) and self.comments[self.at][2] < stop:
            _, text, start, end = self.comments[self.at]
            rows.append(Row([text], blank=self._has_blank_line(start)))
            self.last = end
            self.at += 1
        return rows

    def _has_blank_line(self, start: int) -> bool:
        return bool(_BLANK_LINE.search(self.text, self.last, start))

    def _end(self, row: Row, end: int) -> None:
        """Give a row the comment that follows it on its line."""
        self.last = end
        comment = self._comment_on_line(end)
        if comment is not None:
            row.comment = comment

    def _comment_on_line(self, end: int) -> str | None:
        """Take the next comment if only a separator stands between it and offset `end`."""
        if self.at == len(self.comments):
            return None
        _, text, start, stop = self.comments[self.at]
        if start < end or self.text[end:start].strip(" \t,;"):
            return None
        self.last = stop
        self.at += 1
        return text

    def _opens(self, head: str, start: int) -> str:
        brace = self.opening[bisect_left(self.opening, start)]
        self.last = brace + 1
        comment = self._comment_on_line(brace + 1)
        return f"{head} {{" if comment is None else f"{head} {{  {comment}"

    def _has_comments(self, node: Any) -> bool:
        return self.at < len(self.comments) and self.comments[self.at][2] < node.span.end

    def _end_of_commented(self, items: Sequence[Any]) -> int | None:
        if not items or self.at == len(self.comments):
            return None
        end = self.parentheses[bisect_left(self.parentheses, items[-1].span.end)]
        return end if self.comments[self.at][2] < end else None

    def _stays_flat(self, node: Statement | Item | Branch | Equation) -> bool:
        start = node.span.start
        if not isinstance(node, Body | Equation):
            start = self._body_start(node)
        return "\n" not in self.text[start : node.span.end]

    def _sign(self, node: Equation) -> Sign:
        place = self.signs[bisect_left(self.signs, (node.left.span.end, 0))]
        return Sign(Span(self.source, *place))

    def _closing_comments(self, start: int) -> list[str]:
        return _aligned(self._comment_rows(self.closing[bisect_left(self.closing, start)]))


# ---------------------------------------------------------- pieces of statements


def _parts(node: Any) -> tuple[str, Body | None, str]:
    """What stands before a node's body, the body, and what stands behind it."""
    return _STATEMENTS[type(node)](node)


def _labels(labels: Sequence[Ref]) -> str:
    return f"{_names(labels)}: " if labels else ""


def _times(node: Apply | Parallel | Group | Each) -> str:
    times = None if isinstance(node, Each) else node.times
    return "" if times is None else f" × {_factor(times)}"


def _shape(node: Any) -> str | None:
    shape = getattr(node, "shape", None)
    if shape is None or isinstance(node, Input):
        return None
    return print_expression(shape)


def _with_shape(text: str, shape: str | None) -> str:
    return text if shape is None else f"{text} : {shape}"


def _apply(node: Apply) -> tuple[str, Body | None, str]:
    labels = _labels(node.labels)
    if node.callee is None:
        return labels + _arguments(node.arguments), None, ""
    head = labels + node.callee.id
    if node.body is not None:
        inside = f"({_arguments(node.arguments)})" if node.arguments else ""
        return head + inside, node.body, _times(node)
    if _is_call(node):
        return f"{head}({_arguments(node.arguments)})", None, _times(node)
    return f"{head} {_arguments(node.arguments)}".rstrip(), None, ""


def _is_call(node: Apply) -> bool:
    """Whether the arguments stand in parentheses: when they must, or as the author had it."""
    if node.times is not None or node.callee is None:
        return True
    span = node.callee.span
    return span.text == node.callee.id and span.source.text.startswith("(", span.end)


def _join_head(node: Parallel | Each) -> str:
    if isinstance(node, Each):
        return _loop(node)
    inside = f"({_arguments(node.arguments)})" if node.arguments else ""
    return _labels(node.labels) + node.merge.id + inside


def _group(node: Group) -> tuple[str, Body | None, str]:
    return _labels(node.labels).rstrip(), node.body, _times(node)


def _stage(node: Stage) -> tuple[str, Body | None, str]:
    return f"stage {print_expression(node.name)}", node.body, ""


def _from(node: From) -> tuple[str, Body | None, str]:
    return f"from {_names(node.refs)}", node.body, ""


def _share(node: Share) -> tuple[str, Body | None, str]:
    return f"{_labels(node.labels)}share {print_expression(node.ref)}", None, ""


def _else_if(node: If) -> If | None:
    """The `if` of an `else if`."""
    statements = node.otherwise.statements if node.otherwise else ()
    return statements[0] if len(statements) == 1 and isinstance(statements[0], If) else None


def _else_when(node: When) -> When | None:
    only = node.otherwise[0] if len(node.otherwise) == 1 else None
    return only if isinstance(only, When) else None


def _for(node: For) -> tuple[str, Body | None, str]:
    return _loop(node), node.body, ""


def _loop(node: For | Each) -> str:
    return f"for {node.name.id} in {print_expression(node.values)}"


def _input(node: Input) -> tuple[str, Body | None, str]:
    value = _names(node.names) if node.shape is None else print_expression(node.shape)
    return f"{_labels(node.labels)}input {value}", None, ""


def _output(node: Output) -> tuple[str, Body | None, str]:
    return f"output {_arguments(node.arguments)}".rstrip(), None, ""


def _default(node: Default) -> tuple[str, Body | None, str]:
    return f"default {_setting(node)}", None, ""


def _setting(node: Default) -> str:
    return f"{_names(node.words)}: {_arguments(node.arguments)}"


def _expect(node: Expect) -> tuple[str, Body | None, str]:
    subjects = f"({_names(node.subjects)})" if node.subjects else ""
    text = f"expect {node.metric.id}{subjects} {node.relation} {print_expression(node.value)}"
    if node.tolerance is not None:
        text += f" ±{node.tolerance.text}"
    if node.note is not None:
        text += f" {print_expression(node.note)}"
    return text, None, ""


def _source_note(node: SourceNote) -> tuple[str, Body | None, str]:
    return f"source {print_expression(node.text)}", None, ""


def _let(node: Let) -> tuple[str, Body | None, str]:
    inside = "" if node.parameters is None else f"({_names(node.parameters)})"
    return f"let {node.name.id}{inside} = {print_expression(node.value)}", None, ""


def _use(node: Use) -> tuple[str, Body | None, str]:
    names = "" if node.names is None else f" ({_names(node.names)})"
    return f"use {print_expression(node.module)}{names}", None, ""


def _block(node: Block) -> tuple[str, Body | None, str]:
    return f"block {node.name.id}{_parameters(node.parameters)}", node.body, ""


def _parameters(parameters: Sequence[Parameter]) -> str:
    return f"({', '.join(_parameter(p) for p in parameters)})" if parameters else ""


def _model(node: Model) -> tuple[str, Body | None, str]:
    head = f"model {node.name.id}"
    if node.base is None:
        return head + _parameters(node.parameters), node.body, ""
    head += f" = {node.base.callee.id}"
    if node.base.arguments:
        head += f"({_arguments(node.base.arguments)})"
    return head + _in_dialect(node) + _with_rules(node), node.body, ""


def _in_dialect(node: Model) -> str:
    return f" in {node.dialect.id}" if node.dialect else ""


def _with_rules(node: Model) -> str:
    return f" with {', '.join(map(_application, node.rules))}" if node.rules else ""


def _application(application: Application) -> str:
    rule, place = application.rule, application.place
    called = print_expression(rule) if rule.arguments else rule.callee.id
    return called if place is None else f"{called} at {print_expression(place)}"


def _wrapped_rules(node: Model, width: int) -> list[str]:
    """The head of a variant whose rules do not fit on one line."""
    head = _model(node)[0].removesuffix(_with_rules(node))
    first, *others = map(_application, node.rules)
    lines = _filled([f"{head} with {first}", *others], width - 4)
    return [lines[0], *(f"    {line}" for line in lines[1:])]


def _rule_head(node: Rule) -> str:
    return f"rule {node.name.id}{_parameters(node.parameters)}{_after_parameters(node)}"


def _after_parameters(node: Rule) -> str:
    note = "" if node.note is None else f" {print_expression(node.note)}"
    return note + "".join(f" {kind.id}" for kind in node.kinds)


def _contents(node: Rule) -> tuple[Equation | Clause, ...]:
    """What stands in the braces of a rule."""
    if node.left is None or node.right is None:
        return node.clauses
    span = node.left.span.to(node.right.span)
    return Equation(node.left, node.right, span), *node.clauses


def _condition(node: Condition) -> tuple[str, Body | None, str]:
    return f"when {print_expression(node.value)}", None, ""


def _keeps(node: Keeps) -> tuple[str, Body | None, str]:
    return f"keeps {_names(node.claims)}", None, ""


def _carrier(node: Carrier) -> tuple[str, Body | None, str]:
    return f"weights {node.name.id}", None, ""


def _sign(node: Sign) -> tuple[str, Body | None, str]:
    return "=>", None, ""


def _transform(node: Transform) -> tuple[str, Body | None, str]:
    return f"transform {node.name.id}", None, ""


def _dialect_head(node: Dialect) -> str:
    return f"dialect {node.name.id}" + (f" = {node.base.id}" if node.base else "")


_STATEMENTS: dict[type, Callable[[Any], tuple[str, Body | None, str]]] = {
    Apply: _apply,
    Group: _group,
    Stage: _stage,
    From: _from,
    Share: _share,
    For: _for,
    Input: _input,
    Output: _output,
    Default: _default,
    Expect: _expect,
    SourceNote: _source_note,
    Let: _let,
    Use: _use,
    Block: _block,
    Model: _model,
    Condition: _condition,
    Keeps: _keeps,
    Carrier: _carrier,
    Transform: _transform,
    Sign: _sign,
}


def _wrappable(node: Any) -> tuple[Sequence[Any], str, str]:
    """The list in a node's parentheses, and the lines before and after it."""
    if isinstance(node, Block | Model) and node.parameters:
        word = "block" if isinstance(node, Block) else "model"
        return node.parameters, f"{word} {node.name.id}(", ")"
    if isinstance(node, Model) and node.base is not None:
        opening = f"model {node.name.id} = {node.base.callee.id}("
        return node.base.arguments, opening, ")" + _in_dialect(node) + _with_rules(node)
    if isinstance(node, Rule) and node.parameters:
        return node.parameters, f"rule {node.name.id}(", ")" + _after_parameters(node)
    if isinstance(node, Parallel):
        return node.arguments, f"{_labels(node.labels)}{node.merge.id}(", ")"
    if isinstance(node, Apply) and node.callee is not None and (node.body or _is_call(node)):
        return node.arguments, f"{_labels(node.labels)}{node.callee.id}(", ")"
    return (), "", ""


# ---------------------------------------------------------------------- layout


def _is_plain(node: Any) -> bool:
    """Whether a statement has no body."""
    return type(node) in _STATEMENTS and _parts(node)[1] is None


def _fits(text: str, shape: str | None, indent: int) -> bool:
    return indent + len(_with_shape(text, shape)) <= WIDTH


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"  {line}" if line else "" for line in lines]


def _filled(texts: Sequence[str], width: int) -> list[str]:
    """Entries of a list on as few lines as they need."""
    lines = [""]
    for number, text in enumerate(texts, 1):
        entry = text + ("," if number < len(texts) else "")
        if lines[-1] and len(lines[-1]) + 1 + len(entry) > width:
            lines.append(entry)
        else:
            lines[-1] = f"{lines[-1]} {entry}".lstrip()
    return lines


def _without_blank(rows: list[Row]) -> list[Row]:
    """Rows that begin a file or a body."""
    if rows:
        rows[0].blank = False
    return rows


def _add_commas(rows: list[Row]) -> None:
    """Commas behind all entries of a list but the last; rows of comments have none."""
    entries = [row for row in rows if not row.lines[0].startswith("#")]
    for row in entries[:-1]:
        row.lines[-1] += ","


def _joined(rows: list[Row], width: int) -> list[Row]:
    """Rows that stood on one line, on one line again if they fit."""
    result = rows[:1]
    for row in rows[1:]:
        last = result[-1]
        text = f"{_with_shape(last.lines[-1], last.shape)}; {row.lines[0]}"
        can = row.glued and len(last.lines) == len(row.lines) == 1 and last.comment is None
        if can and len(_with_shape(text, row.shape)) <= width:
            last.lines, last.tabs = [text], ()
            last.shape, last.comment = row.shape, row.comment
        else:
            result.append(row)
    return result


def _groups(rows: list[Row]) -> list[list[Row]]:
    """Rows that share columns: one-line rows with no blank line between them."""
    groups: list[list[Row]] = []
    for row in rows:
        alone = len(row.lines) > 1
        if groups and not row.blank and not alone and len(groups[-1][-1].lines) == 1:
            groups[-1].append(row)
        else:
            groups.append([row])
    return groups


def _aligned(rows: list[Row], indent: int = 0) -> list[str]:
    """The lines of rows, with what belongs under each other in columns."""
    lines: list[str] = []
    for group in _groups(rows):
        texts = _texts(group, WIDTH - indent)
        for row, text in zip(group, texts, strict=True):
            lines += [""] if row.blank else []
            lines += [*row.lines[:-1], text]
    return lines


def _texts(rows: list[Row], width: int) -> list[str]:
    """The last lines of rows, each with its size and its comment."""
    plain = _with_sizes(rows, [row.lines[-1] for row in rows])
    table = _with_sizes(rows, _table(rows))
    is_too_wide = any(len(new) > width >= len(old) for old, new in zip(plain, table, strict=True))
    return _with_comments(rows, plain if is_too_wide else table, width)


def _with_sizes(rows: list[Row], texts: list[str]) -> list[str]:
    """The texts, with the sizes in one column."""
    sized = [text for row, text in zip(rows, texts, strict=True) if row.shape]
    column = max((len(text) for text in sized if len(text) <= STATEMENT), default=0)
    return [
        _with_shape(text if row.shape is None else text.ljust(column), row.shape)
        for row, text in zip(rows, texts, strict=True)
    ]


def _with_comments(rows: list[Row], texts: list[str], width: int) -> list[str]:
    """The texts, with the comments behind them in one column."""
    lengths = [len(text) for row, text in zip(rows, texts, strict=True) if row.comment]
    column = max((length for length in lengths if length <= width), default=0)
    return [
        f"{text.ljust(column)}  {row.comment}" if row.comment else text
        for row, text in zip(rows, texts, strict=True)
    ]


def _tabs(node: Any, lines: list[str]) -> tuple[Tab, ...]:
    """Where columns may begin: behind the label, and before the arguments in parentheses."""
    label = _labels(getattr(node, "labels", ()))
    if len(lines) > 1 or len(label) > LABEL + len(": "):
        return ()
    at = len(label)
    tabs = [Tab(at, ())]
    if not isinstance(node, Apply) or node.callee is None or node.body or not _is_call(node):
        return tuple(tabs)
    at += len(node.callee.id) + 1
    names: tuple[str | None, ...] = (node.callee.id,)
    for argument, following in pairwise(node.arguments):
        text = _argument(argument)
        if len(text) > ARGUMENT:
            break
        at += len(text) + 2
        names = (*names, argument.name)
        tabs.append(Tab(at, (*names, following.name)))
    return tuple(tabs)


def _table(rows: list[Row]) -> list[str]:
    """Texts with their cells in columns.

    What labels name is in one as long as labels follow each other. Arguments are in one with
    those of the same call that stand behind the same names and begin at the same place.
    """
    cells = [_cells(row) for row in rows]
    labelled = [number for number, row in enumerate(rows) if not _is_comment(row)]
    for has_label, run in groupby(labelled, key=lambda number: bool(cells[number][0].strip())):
        if has_label:
            _pad(cells, 0, list(run))
    for index in range(1, max(map(len, cells)) - 1):
        columns: dict[tuple[int, tuple[str | None, ...]], list[int]] = defaultdict(list)
        for number, row in enumerate(rows):
            if index < len(row.tabs):
                start = len(cells[number][0])
                columns[start, row.tabs[index].name].append(number)
        for column in columns.values():
            _pad(cells, index, column)
    return ["".join(texts) for texts in cells]


def _cells(row: Row) -> list[str]:
    """The last line of a row, taken apart at its tabs; before the first is the label."""
    text = row.lines[-1]
    ends = [tab.at for tab in row.tabs] or [0]
    return [text[start:end] for start, end in pairwise([0, *ends, len(text)])]


def _pad(cells: list[list[str]], index: int, column: list[int]) -> None:
    width = max(len(cells[number][index]) for number in column)
    for number in column:
        cells[number][index] = cells[number][index].ljust(width)


def _is_comment(row: Row) -> bool:
    return row.lines[0].startswith("#")
