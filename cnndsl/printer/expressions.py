"""Expressions as text: how they are spelt, and which of them need parentheses."""

from __future__ import annotations

import re

from ..syntax import (
    Argument,
    Arrow,
    Attribute,
    Binary,
    Bool,
    CallExpr,
    Conditional,
    Dims,
    Expr,
    Index,
    List,
    Name,
    Number,
    Parameter,
    Range,
    String,
    Template,
    Then,
    Unary,
)
from ..tree import is_window_and_stride

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

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
    factors = [factor_text(factor) for factor in dims.factors]
    if is_window_and_stride(dims.factors):
        factors[-1] = f"({factors[-1]})"
    if not all(_is_short(factor) for factor in dims.factors):
        return " × ".join(factors), _SIZE
    is_token = all(re.fullmatch(r"\d+|[A-Z]", factor) for factor in factors)
    return "×".join(factors), _ATOM if is_token else _SIZE


def factor_text(factor: Expr) -> str:
    """An expression behind a `×`."""
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
    return f"{call.callee.id}({arguments_text(call.arguments)})", _ATOM


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


def argument_text(argument: Argument) -> str:
    """`64` or `stride=2`"""
    name = "" if argument.name is None else f"{argument.name}="
    return name + print_expression(argument.value)


def arguments_text(arguments: Iterable[Argument]) -> str:
    return ", ".join(argument_text(argument) for argument in arguments)


def parameter_text(parameter: Parameter) -> str:
    """`n`, `r3→n3`, `stride=1`, `mode in {a, b} = a`"""
    text = "→".join(name.id for name in parameter.names)
    if parameter.choices is None:
        return text if parameter.default is None else f"{text}={_default_of(parameter)}"
    text += f" in {{{names_text(parameter.choices)}}}"
    return text if parameter.default is None else f"{text} = {_default_of(parameter)}"


def _default_of(parameter: Parameter) -> str:
    return "" if parameter.default is None else print_expression(parameter.default)


def names_text(names: Iterable[Expr]) -> str:
    return ", ".join(print_expression(name) for name in names)
