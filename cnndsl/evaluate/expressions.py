"""The value of each form of expression, and what names mean."""

from __future__ import annotations

from ..diagnostics import Help, fail, suggest
from ..limits import CALL_DEPTH, NAME, SIZE, spend
from ..op import OPS
from ..record import replace
from ..symbol import Symbol
from ..syntax import (
    Arrow,
    Attribute,
    Binary,
    Bool,
    CallExpr,
    Conditional,
    Dims,
    Expr,
    Index,
    Let,
    List,
    Name,
    Number,
    Range,
    String,
    Template,
    Then,
    Unary,
)
from ..types import TensorType
from ..window import Padding, Window
from .arithmetic import arithmetic, divide
from .checks import check_length, checked, elements, truth
from .functions import FUNCTIONS, POSITION, ROUNDING
from .scope import Scope
from .values import (
    UNKNOWN,
    ArrowValue,
    BlockRef,
    Closure,
    Extents,
    Given,
    OpRef,
    Reference,
    RuleRef,
    Word,
    describe,
    known_value,
    rules_of,
    whole,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    from ..namespace import Namespace


def evaluate(expr: Expr, scope: Scope, depth: int = 0) -> Any:
    """The value of an expression. Raises CnnError."""
    if depth > CALL_DEPTH.value:
        message = f"this expression leads more than {CALL_DEPTH.value} levels deep"
        fail(CALL_DEPTH.code, message, expr.span, help=[CALL_DEPTH.help])
    spend(1, expr.span)
    return _RULES[type(expr)](expr, scope, depth + 1)


def evaluate_word(expr: Expr, scope: Scope) -> Any:
    """Like `evaluate`, but a bare name that means nothing gives a `Word`."""
    if isinstance(expr, Name):
        value = lookup(expr.id, scope)
        return Word(expr.id, scope.namespace.is_doubtful(expr.id)) if value is None else value
    return evaluate(expr, scope)


def value_of(name: str, scope: Scope) -> Any:
    """The variable `name`, or None. Raises CnnError when its definition is wrong."""
    holder = scope.holder(name)
    if holder is not None:
        return known_value(holder.variables[name])
    if name in POSITION and scope.on_position:
        return scope.on_position(name)
    if name in scope.namespace.unclear:
        return known_value(UNKNOWN)
    found = scope.namespace.let(name)
    if found is None:
        return None
    let, home = found
    if let.parameters is not None:
        return Closure(let, Scope(home))
    return home.constant(let, lambda: evaluate(let.value, Scope(home)))


def lookup(name: str, scope: Scope) -> Any:
    """What a bare name means: a variable, a block, an operator; None when nothing."""
    value = value_of(name, scope)
    if value is not None:
        return value
    found = scope.namespace.block(name)
    if found is not None:
        return BlockRef(*found)
    if name == "linear":
        return OpRef("identity")
    return OpRef(name) if name in OPS else None


def lookup_rule(name: str, scope: Scope) -> Any:
    """What a name means among rules: one of the file, one or a set of the catalogue, or None.

    Asked last, where a name would mean nothing otherwise: so flags and holes do not
    depend on the catalogue, and nobody reads its files who does not use them.
    """
    found = scope.namespace.rule(name)
    if found is not None:
        return RuleRef(*found)
    item, home = scope.namespace.library.rule(name) or (None, None)
    if home is None or not isinstance(item, Let) or item.parameters is not None:
        return None
    let = item
    value = home.constant(let, lambda: evaluate(let.value, Scope(home)))
    return value if rules_of(value) else None


def known(name: str, scope: Scope) -> bool:
    """Whether a name means anything at all."""
    if name in FUNCTIONS or lookup(name, scope) is not None:
        return True
    return lookup_rule(name, scope) is not None


def no_rule(name: Name, namespace: Namespace) -> NoReturn:
    """Raise: there is no rule and no set of this name."""
    namespace.give_up(name.id)
    near = suggest(name.id, namespace.rules(), name.span)
    help = near or ("`cnnc rules` lists the catalogue",)
    fail("E0202", f"there is no rule `{name.id}`", name.span, help=help)


def evaluate_arguments(arguments: tuple[Any, ...], scope: Scope) -> tuple[Given, ...]:
    """Arguments with their values, bare words kept."""
    return tuple(
        Given(argument.name, evaluate_word(argument.value, scope), argument.span)
        for argument in arguments
    )


def _number(expr: Number, scope: Scope, depth: int) -> int | float:
    return expr.value


def _bool(expr: Bool, scope: Scope, depth: int) -> bool:
    return expr.value


def _string(expr: String, scope: Scope, depth: int) -> str:
    return expr.value


def _name(expr: Name, scope: Scope, depth: int) -> Any:
    value = lookup(expr.id, scope)
    if value is not None:
        return value
    if scope.labels is not None and (type := scope.labels(expr.id)) is not None:
        return type
    found = lookup_rule(expr.id, scope)
    return unknown_name(expr, scope) if found is None else found


def unknown_name(expr: Name, scope: Scope) -> Any:
    """Raise: a name that nothing defines."""
    from ..foreign import LAYERS, layer_help

    scope.namespace.give_up(expr.id)
    help = suggest(expr.id, scope.names(), expr.span)
    if scope.namespace.offers(expr.id):
        sentence = f"the standard library has `{expr.id}`: add `use std` at the top"
        help = (scope.namespace.add_standard(sentence),)
    if expr.id in LAYERS:
        help = (layer_help(expr.span),)
    if expr.id in POSITION:
        help = (Help("`nth` and `total` count the calls of a block, and are known inside it"),)
    help = help or (Help(f"`let {expr.id} = ...` defines it, a parameter makes it an argument"),)
    fail("E0202", f"nothing here is called `{expr.id}`", expr.span, help=help)


def _template(expr: Template, scope: Scope, depth: int) -> Any:
    name = spell(expr, scope)
    if scope.labels is not None and (type := scope.labels(name)) is not None:
        return type
    fail(
        "E0202",
        f"there is no label `{name}`",
        expr.span,
        help=["a label is known from its line on"],
    )


def spell(ref: Name | Template, scope: Scope) -> str:
    """The label that a reference spells: `d{i}` with i = 2 is `d2`."""
    if isinstance(ref, Name):
        return ref.id
    parts = []
    for part in ref.parts:
        if isinstance(part, str):
            parts.append(part)
            continue
        value = evaluate(part, scope)
        if not isinstance(value, (int, str)) or isinstance(value, bool) or str(value)[:1] == "-":
            fail(
                "E0206",
                "a label is made of words and whole numbers",
                part.span,
                f"this is {describe(value)}",
            )
        parts.append(str(value))
    name = "".join(parts)
    if len(name) > NAME.value:
        message = f"this label has {len(name):,} characters; the limit is {NAME.value:,}"
        fail(NAME.code, message, ref.span, help=[NAME.help])
    return name


def _dims(expr: Dims, scope: Scope, depth: int) -> Window | Extents:
    sizes = [_factor(factor, scope, depth) for factor in expr.factors]
    if len(sizes) == 2 and all(isinstance(size, int) for size in sizes):
        return Window(sizes[0], sizes[1])
    return Extents(tuple(sizes))


def _factor(expr: Expr, scope: Scope, depth: int) -> Any:
    value = whole(evaluate(expr, scope, depth))
    if isinstance(value, Window) and value.stride == (1, 1):
        help = ["to repeat a layer, put its arguments in parentheses: `conv(3x3, 64) × 2`"]
        fail("E0206", "a window cannot be a factor of a size", expr.span, help=help)
    if isinstance(value, Symbol):
        return value
    if not isinstance(value, int) or isinstance(value, bool):
        help = ["to repeat a layer, put its arguments in parentheses: `conv(3x3, 64) × 2`"]
        fail(
            "E0206",
            "the factors of a size are whole numbers",
            expr.span,
            f"this is {describe(value)}",
            help=help,
        )
    if not 0 <= value <= SIZE.value:
        fail(
            "E0603",
            f"a size must lie between 0 and 2^31 - 1, not {value:,}",
            expr.span,
            help=["are two numbers written as one?"],
        )
    return value


def _attribute(expr: Attribute, scope: Scope, depth: int) -> Any:
    value = (
        value_of("in", scope)
        if isinstance(expr.value, Name) and expr.value.id == "in"
        else evaluate(expr.value, scope, depth)
    )
    known: tuple[str, ...] = ()
    if isinstance(value, TensorType):
        known = ("channels", "height", "width")
    elif isinstance(value, Window):
        known = ("height", "width", "stride")
    elif isinstance(value, Padding):
        known = Padding.fields
    elif value is None:
        fail(
            "E0202",
            "`in` is the input of a block; there is none here",
            expr.value.span,
            help=["`in` has a meaning in blocks, and in models after `input`"],
        )
    if expr.name not in known:
        has = f"it has {', '.join(f'`{name}`' for name in known)}" if known else ""
        fail(
            "E0203" if known else "E0206",
            f"{describe(value)} has no `{expr.name}`",
            expr.span,
            has,
            help=suggest(expr.name, known, expr.span.last(len(expr.name))),
        )
    if expr.name == "stride":
        return value.stride_h
    return getattr(value, expr.name)


def _index(expr: Index, scope: Scope, depth: int) -> Any:
    values = evaluate(expr.value, scope, depth)
    index = whole(evaluate(expr.index, scope, depth))
    if not isinstance(values, tuple):
        fail(
            "E0206",
            "only a list has elements",
            expr.value.span,
            f"this is {describe(values)}",
            help=["a list is written `[64, 128, 256]`"],
        )
    if not isinstance(index, int) or not 0 <= index < len(values):
        fail(
            "E0207",
            f"this list has the elements 0 to {len(values) - 1}",
            expr.index.span,
            f"this is {describe(index)}",
            help=[f"the last one is number {len(values) - 1}: counting begins at 0"],
        )
    return values[index]


def _list(expr: List, scope: Scope, depth: int) -> tuple[Any, ...]:
    values: list[Any] = []
    for item in expr.items:
        name = item.callee if isinstance(item, CallExpr) else item
        if values and rules_of(values[-1]) and isinstance(name, Name) and not known(name.id, scope):
            no_rule(name, scope.namespace)
        values.append(evaluate(item, scope, depth))
    made = tuple(values)
    check_length(elements(made), expr.span)
    return made


def _call(expr: CallExpr, scope: Scope, depth: int) -> Any:
    name = expr.callee.id
    value = value_of(name, scope)
    if isinstance(value, Closure):
        return _apply_closure(value, expr, scope, depth)
    if isinstance(value, Reference) or (value is None and name not in FUNCTIONS):
        target = value if value is not None else _callee(expr.callee, scope)
        given = target.arguments + evaluate_arguments(expr.arguments, scope)
        return replace(target, arguments=given)
    if value is not None:
        fail(
            "E0206",
            f"`{name}` is not a function",
            expr.span,
            f"it is {describe(value)}",
            help=[f"`let {name}(n) = ...` defines one"],
        )
    inside = scope.inner()
    inside.fractional = scope.fractional or name in ROUNDING
    arguments = [evaluate(argument.value, inside, depth) for argument in expr.arguments]
    if any(argument.name for argument in expr.arguments):
        fail(
            "E0205",
            f"`{name}` takes no named arguments",
            expr.span,
            help=["give them by position, without a name"],
        )
    least, most, function = FUNCTIONS[name]
    if not least <= len(arguments) <= most:
        count = str(least) if least == most else f"{least} or more"
        fail(
            "E0205" if len(arguments) > most else "E0204",
            f"`{name}` takes {count} argument{'s' * (count != '1')}, not {len(arguments)}",
            expr.span,
            help=["docs/language.md lists the functions"],
        )
    try:
        return checked(function(*arguments), expr.span)
    except (TypeError, ValueError, OverflowError, ArithmeticError):
        shown = ", ".join(describe(argument) for argument in arguments)
        fail("E0206", f"`{name}` cannot work on these values", expr.span, f"given {shown}")


def _callee(name: Name, scope: Scope) -> Reference:
    """What is called: a block, an operator or a rule."""
    found = lookup(name.id, scope)
    found = lookup_rule(name.id, scope) if found is None else found
    if found is None:
        unknown_name(name, scope)
    if not isinstance(found, Reference):
        fail(
            "E0206",
            f"`{name.id}` takes no arguments",
            name.span,
            f"it is {describe(found)}",
            help=["leave the parentheses out"],
        )
    return found


def _apply_closure(closure: Closure, expr: CallExpr, scope: Scope, depth: int) -> Any:
    spend(3, expr.span)  # a scope and its variables
    names = [parameter.id for parameter in closure.let.parameters or ()]
    values = [evaluate(argument.value, scope, depth) for argument in expr.arguments]
    if len(values) != len(names) or any(argument.name for argument in expr.arguments):
        expected = ", ".join(names)
        count = f"{len(names)} argument{'s' * (len(names) != 1)}"
        fail(
            "E0204" if len(values) < len(names) else "E0205",
            f"`{expr.callee.id}` takes {count}, not {len(values):,}",
            expr.span,
            help=[f"call it as `{expr.callee.id}({expected})`"],
        )
    return evaluate(
        closure.let.value, closure.scope.inner(**dict(zip(names, values, strict=True))), depth
    )


def _unary(expr: Unary, scope: Scope, depth: int) -> Any:
    value = evaluate(expr.operand, scope, depth)
    if expr.operator == "not":
        return not truth(value, expr.operand.span)
    if isinstance(value, bool) or not isinstance(value, (int, float, Symbol)):
        fail(
            "E0206",
            "only a number can be negative",
            expr.span,
            f"this is {describe(value)}",
            help=["leave the sign out"],
        )
    return checked(-value, expr.span)


def _binary(expr: Binary, scope: Scope, depth: int) -> Any:
    left = evaluate_operand(expr.left, expr.right, scope, depth)
    if expr.operator in ("and", "or"):
        decided = truth(left, expr.left.span)
        if decided == (expr.operator == "or"):
            return decided
        return truth(evaluate(expr.right, scope, depth), expr.right.span)
    right = evaluate_operand(expr.right, expr.left, scope, depth)
    if expr.operator == "in":
        if not isinstance(right, tuple):
            fail(
                "E0206",
                "`in` looks into a list",
                expr.right.span,
                f"this is {describe(right)}",
                help=["write `n in [64, 128]`, or compare with `==`"],
            )
        return left in right
    if expr.operator in ("==", "!="):
        return (left == right) == (expr.operator == "==")
    if expr.operator == "/":
        return divide(left, right, expr, scope.fractional)
    return arithmetic(left, right, expr)


def evaluate_operand(expr: Expr, other: Expr, scope: Scope, depth: int) -> Any:
    """An operand of a comparison: `stride_on == first` compares words."""
    if isinstance(expr, Name):
        value = lookup(expr.id, scope)
        return _name(expr, scope, depth) if value is None else value
    return evaluate(expr, scope, depth)


def _conditional(expr: Conditional, scope: Scope, depth: int) -> Any:
    chosen = truth(evaluate(expr.condition, scope, depth), expr.condition.span)
    return evaluate_branch(expr.then if chosen else expr.otherwise, scope, depth)


def evaluate_branch(expr: Expr, scope: Scope, depth: int) -> Any:
    """A branch of a conditional may be a bare word: `same if keep else valid`."""
    if isinstance(expr, Name):
        return evaluate_word(expr, scope)
    return evaluate(expr, scope, depth)


def _arrow(expr: Arrow, scope: Scope, depth: int) -> ArrowValue:
    return ArrowValue(expr.parts, tuple(evaluate_word(part, scope) for part in expr.parts))


def _then(expr: Then, scope: Scope, depth: int) -> Any:
    return evaluate_branch(expr.rest if scope.copy else expr.first, scope, depth)


def _range(expr: Range, scope: Scope, depth: int) -> tuple[int, ...]:
    start, stop = (whole(evaluate(bound, scope, depth)) for bound in (expr.start, expr.stop))
    for bound, value in ((expr.start, start), (expr.stop, stop)):
        if not isinstance(value, int) or isinstance(value, bool):
            fail(
                "E0206",
                "the ends of a range are whole numbers",
                bound.span,
                f"this is {describe(value)}",
            )
    check_length(stop - start, expr.span)
    return tuple(range(start, stop))


_RULES: dict[type, Callable[[Any, Scope, int], Any]] = {
    Number: _number,
    Bool: _bool,
    String: _string,
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
