"""The faults: each is one small change of a module's syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from copy import deepcopy
from itertools import islice, takewhile, zip_longest

from cnndsl.record import Record

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt), ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
}  # fmt: skip
_ARITHMETIC: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub,), ast.Sub: (ast.Add,), ast.Mult: (ast.FloorDiv, ast.Add),
    ast.Div: (ast.Mult,), ast.FloorDiv: (ast.Mult, ast.Add), ast.Mod: (ast.FloorDiv,),
    ast.Pow: (ast.Mult,), ast.BitOr: (ast.BitAnd,), ast.BitAnd: (ast.BitOr,),
    ast.LShift: (ast.RShift,), ast.RShift: (ast.LShift,),
}  # fmt: skip
_TWINS = {"min": "max", "max": "min", "any": "all", "all": "any", "sum": "max"}


LONGEST = 100
AROUND = 40
"""Letters around a change, of lines that are longer."""


class Fault(Record):
    """A change of one expression or statement of a module.

    Arguments:
        line: where it is.
        before, after: the line, as Python prints it.
        number: which one of the module.
        field, value: what is set in the syntax tree.
    """

    line: int
    before: str
    after: str
    number: int
    field: str
    value: object

    @property
    def name(self) -> str:
        """What it does, without the line, which moves."""
        return f"{self.before} → {self.after}"

    def into(self, source: str) -> ast.Module:
        """The module with the fault."""
        tree = ast.parse(source)
        node = next(islice(_nodes(tree), self.number, None))
        setattr(node, self.field, deepcopy(self.value))
        return ast.fix_missing_locations(tree)


def faults(source: str) -> list[Fault]:
    """Every fault of a module, in the order of the text."""
    tree = ast.parse(source)
    text = ast.unparse(tree).splitlines()
    found = [
        _fault(tree, text, node, number, field, value)
        for number, node in enumerate(_nodes(tree))
        for field, value in list(_changes(node))
    ]
    return sorted(found, key=lambda fault: fault.line)


def _fault(
    tree: ast.Module, text: list[str], node: ast.expr | ast.stmt, number: int, field: str,
    value: object,
) -> Fault:  # fmt: skip
    healthy = getattr(node, field)
    setattr(node, field, value)
    faulty = ast.unparse(tree).splitlines()
    setattr(node, field, healthy)
    pairs = zip_longest(text, faulty, fillvalue="")
    before, after = next((one, other) for one, other in pairs if one != other)
    return Fault(node.lineno, *_clipped(before.strip(), after.strip()), number, field, value)


def _clipped(before: str, after: str) -> tuple[str, str]:
    """Two long lines with some letters around what differs."""
    start = _same(before, after)
    end = _same(before[start:][::-1], after[start:][::-1])
    return _part(before, start, end), _part(after, start, end)


def _same(one: str, other: str) -> int:
    """How many letters two lines begin with in common."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _part(line: str, start: int, end: int) -> str:
    first = max(0, start - AROUND) if len(line) > LONGEST else 0
    last = min(len(line), len(line) - end + AROUND) if len(line) > LONGEST else len(line)
    return f"{'…' * (first > 0)}{line[first:last]}{'…' * (last < len(line))}"


def _nodes(node: ast.AST) -> Iterator[ast.expr | ast.stmt]:
    """What runs, outermost first: no annotations, docstrings, messages, or what types need."""
    if isinstance(node, (ast.expr, ast.stmt)):
        yield node
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "bases"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _is_silent(child):
                yield from _nodes(child)


def _is_silent(node: ast.AST) -> bool:
    match node:
        case ast.Expr(value=ast.Constant()) | ast.Import() | ast.ImportFrom():
            return True
        case ast.If(test=ast.Name("TYPE_CHECKING")):
            return True
        case ast.Assign(targets=[ast.Name("TYPE_CHECKING" | "__all__")]):
            return True
        case ast.Assert():  # the type checker's business
            return True
        case ast.Call(func=ast.Name("fail" | "error")):  # messages have tests of their own
            return True
    return False


def _changes(node: ast.AST) -> Iterator[tuple[str, object]]:
    """The field to set, and its value, for each fault of a node."""
    match node:
        case ast.Compare(ops=[op, *rest]):
            for other in _COMPARISONS[type(op)]:
                yield "ops", [other(), *rest]
        case ast.BinOp(op=op) | ast.AugAssign(op=op):
            for operator in _ARITHMETIC.get(type(op), ()):
                yield "op", operator()
        case ast.BoolOp(op=op):
            yield "op", ast.Or() if isinstance(op, ast.And) else ast.And()
        case ast.UnaryOp(op=ast.USub()):
            yield "op", ast.UAdd()
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield "operand", ast.UnaryOp(ast.Not(), operand)
        case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
            yield "test", ast.UnaryOp(ast.Not(), test)
        case ast.Constant(value=bool(value)):
            yield "value", not value
        case ast.Constant(value=int(value)):
            yield "value", value + 1
        case ast.Constant(value=float(value)):
            yield "value", value + 1.0
        case ast.Constant(value=str(value)) if value:
            yield "value", f"{value}?"
        case ast.Call(func=ast.Name(id=name)) if name in _TWINS:
            yield "func", ast.Name(_TWINS[name], ast.Load())
        case ast.Return(value=ast.Constant(value=None)):
            pass
        case ast.Return(value=ast.expr()):
            yield "value", ast.Constant(None)
