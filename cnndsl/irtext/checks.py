"""That the types behind a node are those which its operator or its function gives."""

from __future__ import annotations

from ..diagnostics import fail
from ..graph import Call
from ..op import Op, ShapeError
from .sizes import write_type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..graph import Graph
    from ..source import Span
    from ..types import TensorType

    Types = tuple[TensorType, ...]


def check_types(op: Op | Call, given: Types, written: Types, results: int, place: Span) -> None:
    """Raise CnnError unless there are as many results as given types, and of these types."""
    word = f"@{op.function}" if isinstance(op, Call) else op.word
    if not len(given) == len(written) == results:
        fail("E0209", f"`{word}` gives {len(given)} results", place)
    for expected, type in zip(given, written, strict=True):
        if expected != type:
            message = f"`{word}` gives {write_type(expected)} here, not {write_type(type)}"
            fail("E0309", message, place)


def given_types(op: Op | Call, inputs: Types, functions: Mapping[str, Graph], place: Span) -> Types:
    """The types of what a node gives. Raises CnnError where its inputs do not fit."""
    if isinstance(op, Call):
        return _of_function(functions[op.function], inputs, place)
    return _of_operator(op, inputs, place)


def _of_function(callee: Graph, inputs: Types, place: Span) -> Types:
    wanted = tuple(value.type for value in callee.inputs)
    if inputs != wanted:
        takes = ", ".join(map(write_type, wanted)) or "nothing"
        fail("E0209", f"`@{callee.name}` takes {takes}", place)
    return callee.output_types


def _of_operator(op: Op, inputs: Types, place: Span) -> Types:
    least, most = op.arity
    if len(inputs) < least or (most is not None and len(inputs) > most):
        fail("E0209", f"`{op.word}` does not take {len(inputs)} inputs", place)
    try:
        return op.canonical(*inputs).infer(*inputs)
    except ShapeError as problem:
        fail(problem.code, problem.message, place, notes=problem.notes, help=problem.help)
