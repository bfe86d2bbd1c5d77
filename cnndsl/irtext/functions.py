"""A function: its head, its nodes, its outputs and labels.

    func double_1 = double(n=64) (x: 32x32x3) {
      0  conv1 = conv(x) 3x3, 64, pad=1  : 32x32x64
      output out = conv1
      label 3a = conv1
    }

The second name is the definition, with the arguments that this function is made for.
"""

from __future__ import annotations

from ..diagnostics import fail
from ..graph import Graph, Output, Value
from .cursor import Cursor
from .nodes import read_nodes, write_nodes
from .scope import Scope, read_known, read_new
from .sizes import read_type, write_type
from .values import read_value, write_value
from .words import read_name, write_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import TypeVar

    T = TypeVar("T")

WEIGHT = Output.defaults["weight"]
"""The weight of an output that is not written."""


def write_function(graph: Graph) -> Iterator[str]:
    """Its lines."""
    yield f"{_write_head(graph)} {{"
    yield from (f"  {line}" for line in write_nodes(graph.nodes))
    yield from (f"  {_write_output(output)}" for output in graph.outputs)
    yield from (f"  {_write_label(*label)}" for label in graph.labels)
    yield "}"


def read_function(cursor: Cursor, functions: Mapping[str, Graph]) -> Graph:
    """A function, which may call those before it."""
    first = cursor.at
    scope = Scope(functions)
    cursor.expect("func")
    name = read_new(cursor, functions, "function")
    cursor.expect("=")
    definition = read_name(cursor)
    arguments = _read_list(cursor, _read_argument)
    inputs = _read_list(cursor, lambda cursor: _read_input(cursor, scope))
    span = cursor.since(first)
    cursor.expect("{")
    cursor.end_line()
    nodes = read_nodes(cursor, scope)
    outputs = tuple(_read_outputs(cursor, scope))
    labels = tuple(_read_labels(cursor, scope))
    cursor.expect("}")
    cursor.end_line()
    return Graph(name, definition, arguments, inputs, nodes, outputs, labels, span)


# The head


def _write_head(graph: Graph) -> str:
    arguments = ", ".join(f"{write_name(n)}={write_value(value)}" for n, value in graph.arguments)
    inputs = ", ".join(f"{write_name(v.name)}: {write_type(v.type)}" for v in graph.inputs)
    definition = f"{write_name(graph.definition)}({arguments})"
    return f"func {write_name(graph.name)} = {definition} ({inputs})"


def _read_list(cursor: Cursor, item: Callable[[Cursor], T]) -> tuple[T, ...]:
    cursor.expect("(")
    items = cursor.sequence(item, ")")
    cursor.expect(")")
    return items


def _read_argument(cursor: Cursor) -> tuple[str, object]:
    name = read_name(cursor)
    cursor.expect("=")
    return name, read_value(cursor)


def _read_input(cursor: Cursor, scope: Scope) -> Value:
    name = read_new(cursor, scope.types, "value")
    cursor.expect(":")
    scope.types[name] = read_type(cursor)
    return Value(name, scope.types[name])


# Outputs and labels


def _write_output(output: Output) -> str:
    training = ", training" if output.training else ""
    weight = "" if output.weight == WEIGHT else f", weight={write_value(output.weight)}"
    return f"output {write_name(output.name)} = {write_name(output.value)}{training}{weight}"


def _read_outputs(cursor: Cursor, scope: Scope) -> Iterator[Output]:
    while cursor.accept("output"):
        name, value = _read_named(cursor, scope)
        training, weight = False, WEIGHT
        while cursor.accept(","):
            if cursor.accept("training"):
                training = True
            else:
                weight = _read_weight(cursor)
        cursor.end_line()
        yield Output(name, value, training, weight)


def _read_weight(cursor: Cursor) -> float:
    cursor.expect("weight")
    cursor.expect("=")
    place = cursor.here
    value = read_value(cursor)
    if isinstance(value, bool) or not isinstance(value, int | float):
        fail("E0206", "the weight of an output is a number", place)
    return float(value)


def _write_label(label: str, value: str) -> str:
    return f"label {write_name(label)} = {write_name(value)}"


def _read_labels(cursor: Cursor, scope: Scope) -> Iterator[tuple[str, str]]:
    while cursor.accept("label"):
        yield _read_named(cursor, scope)
        cursor.end_line()


def _read_named(cursor: Cursor, scope: Scope) -> tuple[str, str]:
    """`out = conv1`: a name, and the value that has it."""
    name = read_name(cursor)
    cursor.expect("=")
    return name, read_known(cursor, scope.types, "value")
