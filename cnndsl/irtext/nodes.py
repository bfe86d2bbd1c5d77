"""The nodes of a function, a line each, below the regions that they are in.

    in stem:
    0  3a: conv1 = conv(x) 3x3, 64, pad=1  : 32x32x64

The last column is told by the others: it is there for who reads, and is checked.
"""

from __future__ import annotations

from ..diagnostics import fail
from ..graph import Call, Node, Value
from .checks import check_types, given_types
from .cursor import Cursor
from .operators import read_operator, write_arguments
from .scope import Scope, read_known, read_new
from .sizes import read_type, write_type
from .words import is_integer, is_name, read_integer, read_name, write_name, write_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..op import Op

WIDEST = 76
"""Types stand in one column as long as the text before them is not longer than this."""


# Writing


def write_nodes(nodes: tuple[Node, ...]) -> Iterator[str]:
    """Their lines, and those of their regions."""
    digits = max((len(str(node.row)) for node in nodes), default=0)
    statements = [f"{node.row:{digits}}  {_write_statement(node)}" for node in nodes]
    column = max((len(s) for s in statements if len(s) <= WIDEST), default=0)
    region: tuple[str, ...] = ()
    for node, statement in zip(nodes, statements, strict=True):
        if node.region != region:
            region = node.region
            yield f"in{' ' if region else ''}{write_names(region)}:"
        types = ", ".join(write_type(value.type) for value in node.outputs)
        yield f"{statement:{column}}  : {types}".rstrip()


def _write_statement(node: Node) -> str:
    """A node without its row and its types."""
    label = "" if node.label is None else f"{write_name(node.label)}: "
    return f"{label}{write_name(node.name)}{_write_results(node)} = {_write_application(node)}"


def _write_results(node: Node) -> str:
    names = [value.name for value in node.outputs]
    return "" if names == [node.name] else f" -> {write_names(names)}".rstrip()


def _write_application(node: Node) -> str:
    weights = "" if node.weights is None else f"; weights={write_name(node.weights)}"
    operands = f"({write_names(node.inputs)}{weights})"
    if isinstance(node.op, Call):
        return f"@{write_name(node.op.function)}{operands}"
    return f"{node.op.word}{operands} {write_arguments(node.op)}".rstrip()


# Reading


def read_nodes(cursor: Cursor, scope: Scope) -> tuple[Node, ...]:
    """All nodes of a function, up to its outputs."""
    region: tuple[str, ...] = ()
    while cursor.token.text not in ("output", "label", "}"):
        if cursor.accept("in"):
            region = _read_region(cursor)
        elif is_integer(cursor):
            node = _read_node(cursor, scope, region)
            scope.nodes[node.name] = node
        else:
            cursor.fail("a node, which begins with the number of its row, `output`, or `}`")
    return tuple(scope.nodes.values())


def _read_region(cursor: Cursor) -> tuple[str, ...]:
    region = cursor.sequence(read_name, ":")
    cursor.expect(":")
    cursor.end_line()
    return region


def _read_node(cursor: Cursor, scope: Scope, region: tuple[str, ...]) -> Node:
    first = cursor.at
    row = read_integer(cursor)
    label = _read_label(cursor)
    name = read_new(cursor, scope.nodes, "node")
    names = _read_results(cursor, name, scope.types)
    cursor.expect("=")
    op, inputs, weights = _read_application(cursor, scope)
    span = cursor.since(first)
    cursor.expect(":")
    types = cursor.sequence(read_type, "\n", "")
    given = given_types(op, tuple(scope.types[i] for i in inputs), scope.functions, span)
    check_types(op, given, types, len(names), span)
    cursor.end_line()
    scope.types.update(zip(names, types, strict=True))
    outputs = tuple(map(Value, names, types))
    return Node(name, op, inputs, outputs, row, label, region, weights, span)


def _read_label(cursor: Cursor) -> str | None:
    """`3a:`, if it is there."""
    if not is_name(cursor) or cursor.following != ":":
        return None
    label = read_name(cursor)
    cursor.expect(":")
    return label


def _read_results(cursor: Cursor, node: str, types: Mapping[str, object]) -> tuple[str, ...]:
    """`-> a, b`; without it the one result has the node's name."""
    names = cursor.sequence(read_name, "=") if cursor.accept("->") else (node,)
    for i, name in enumerate(names):
        if name in types or name in names[:i]:
            fail("E0208", f"there are two values named `{name}`", cursor.last)
    return names


def _read_application(
    cursor: Cursor, scope: Scope
) -> tuple[Op | Call, tuple[str, ...], str | None]:
    """`conv(x; weights=conv1) 3x3, 64`: the operator or call, its inputs, its weights."""
    first = cursor.at
    call = cursor.accept("@")
    word = (
        read_known(cursor, scope.functions, "function")
        if call
        else read_name(cursor, "an operator")
    )
    cursor.expect("(")
    inputs = cursor.sequence(lambda cursor: read_known(cursor, scope.types, "value"), ";", ")")
    weights = _read_weights(cursor, scope)
    cursor.expect(")")
    op = Call(word) if call else read_operator(cursor, word, cursor.since(first))
    return op, inputs, weights


def _read_weights(cursor: Cursor, scope: Scope) -> str | None:
    """`; weights=conv1`, if it is there: the node whose weights are used."""
    if not cursor.accept(";"):
        return None
    cursor.expect("weights")
    cursor.expect("=")
    return read_known(cursor, scope.nodes, "node")
