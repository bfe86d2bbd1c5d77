"""A module: its first line, the constraints on its sizes, its functions.

    module tiny in torch "An example, 2024"
    constraint (H//2) >= 1 "the pool fits"

Functions stand in the order of the module, callees before callers.
"""

from __future__ import annotations

from ..graph import Constraint, Module
from ..source import Source
from .cursor import Cursor
from .functions import read_function, write_function
from .sizes import read_size, write_size
from .words import read_name, read_string, write_name, write_string

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..graph import Graph
    from ..symbol import Size


def print_module(module: Module) -> str:
    """The text of a module."""
    return "\n".join(_lines(module)) + "\n"


def read_module(text: str, name: str = "<ir>") -> Module:
    """The module that a text says. Raises CnnError at the first place that is wrong."""
    return _read_module(Cursor(Source(name, text)))


def ir_hash(module: Module) -> str:
    """SHA-256 of the text, in hexadecimal: equal for equal modules."""
    from hashlib import sha256

    return sha256(print_module(module).encode()).hexdigest()


def _lines(module: Module) -> Iterator[str]:
    source = f" {write_string(module.source)}" if module.source else ""
    yield f"module {write_name(module.name)} in {write_name(module.dialect)}{source}"
    yield from map(_write_constraint, module.constraints)
    for function in module.functions:
        yield ""
        yield from write_function(function)


def _read_module(cursor: Cursor) -> Module:
    cursor.skip_lines()
    cursor.expect("module")
    name = read_name(cursor)
    cursor.expect("in")
    dialect = read_name(cursor)
    source = read_string(cursor) if cursor.token.kind == "string" else ""
    cursor.end_line()
    constraints = tuple(_read_constraints(cursor))
    functions: dict[str, Graph] = {}
    while cursor.token.kind != "end":
        function = read_function(cursor, functions)
        functions[function.name] = function
    if not functions:
        cursor.fail("`func`")
    return Module(name, tuple(functions.values()), dialect, source, constraints)


def _write_constraint(constraint: Constraint) -> str:
    left, right = write_size(constraint.left), constraint.right
    compared = ">= 1" if right is None else f"== {write_size(right)}"
    return f"constraint {left} {compared} {write_string(constraint.reason)}"


def _read_constraints(cursor: Cursor) -> Iterator[Constraint]:
    while cursor.token.text == "constraint":
        first = cursor.at
        cursor.next()
        left, right = read_size(cursor), _read_right(cursor)
        reason = read_string(cursor)
        yield Constraint(left, right, reason, cursor.since(first))
        cursor.end_line()


def _read_right(cursor: Cursor) -> Size | None:
    """`== H`, or `>= 1`, which has no right side."""
    if cursor.accept("=="):
        return read_size(cursor)
    cursor.expect(">=")
    cursor.expect("1")
    return None
