"""Shape annotations, and messages about shapes that do not fit."""

from __future__ import annotations

from ..build import Flow, Place
from ..diagnostics import CnnError, Diagnostic, Label, error, fail
from ..evaluate import Extents, describe, evaluate, whole
from ..graph import Call, Constraint, Node
from ..op import ShapeError
from ..source import Span
from ..symbol import Size, Symbol
from ..syntax import Expr, Input
from ..types import TensorType
from ..window import IDENTITY, Window
from .run import Context, Run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any


def annotated(run: Run, flow: Flow, statement: Any, context: Context) -> Flow:
    """Check the shape annotation; after an error it says what flows on."""
    shape = getattr(statement, "shape", None)
    if shape is None or isinstance(statement, Input):
        return flow
    try:
        claimed = shape_sizes(evaluate(shape, context.scope), shape)
    except CnnError as problem:
        for diagnostic in problem.diagnostics:
            run.report(diagnostic)
        return flow
    if flow is None:
        known = len(claimed) != 2 and run.builder.inputs
        return resume(run, claimed, shape) if known else None
    if run.options.changes_the_model:
        return flow
    if len(flow) != 1:
        fail(
            "E0209",
            f"a shape annotation is for one value, the flow carries {len(flow)}",
            shape.span,
        )
    found = run.builder.types[flow[0]]
    if found.is_map and len(claimed) == 2:  # height × width, as many tables have it
        claimed = (*claimed, found.channels)
    if same_shape(found.shape, claimed):
        return flow
    if not symbolic_claim(run, found.shape, claimed, shape.span):
        run.report(wrong_shape(run, found, claimed, flow[0], shape.span, statement))
        return None
    return flow


def resume(run: Run, claimed: tuple[Size, ...], shape: Expr) -> Flow:
    """Go on after an error with a value of the annotated shape."""
    name = run.builder.unique("unknown")
    run.builder.types[name] = TensorType(claimed)
    run.builder.origins[name] = shape.span
    return (name,)


def symbolic_claim(
    run: Run, found: tuple[Size, ...], claimed: tuple[Size, ...], span: Span
) -> bool:
    """Note what a symbolic annotation demands of the input's size."""
    if len(found) != len(claimed):
        return False
    pairs = [(a, b) for a, b in zip(found, claimed, strict=True) if a != b]
    if not all(isinstance(a, Symbol) or isinstance(b, Symbol) for a, b in pairs):
        return False
    for left, right in pairs:
        reason = "the shape annotation says so"
        run.builder.constraints.setdefault(Constraint(left, right, reason, span))
    return True


def wrong_shape(
    run: Run, found: TensorType, claimed: tuple[Size, ...], value: str, span: Span, statement: Any
) -> Diagnostic:
    wanted = "x".join(map(str, claimed))
    producer = next((n for n in run.builder.nodes if n.name == value), None)
    notes = []
    if producer is not None:
        before = ", ".join(str(run.builder.types[i]) for i in producer.inputs)
        notes.append(f"`{producer.name}` makes {found} from {before}")
        notes.extend(arithmetic(producer, run.builder.types))
    return error(
        "E0309",
        f"this is {found}, not {wanted}",
        span,
        "claimed here",
        notes=notes,
        help=["correct the annotation, or the statement it is about"],
    )


def shape_error(
    run: Run, problem: ShapeError, flow: tuple[str, ...], place: Place, marks: tuple[Span, ...] = ()
) -> Diagnostic:
    """A shape error with the place that made each operand what it is.

    Operands of branches are marked where the branch ends, and the one at fault is
    the place of the error; other operands are marked at the statement that made them.
    """
    operands: dict[Span, str] = {}
    for index, value in enumerate(flow):
        span = marks[index] if marks else run.builder.origins.get(value)
        if span is not None:
            operands.setdefault(span, str(run.builder.types[value]))
    notes = problem.notes
    if not operands:
        shown = ", ".join(f"`{v}` {run.builder.types[v]}" for v in flow)
        notes = (*notes, f"inputs: {shown}")
    main = marks[problem.argument or 0] if marks else place.span
    label = operands.pop(main, "here")
    also = [Label(span, text) for span, text in operands.items()]
    return error(
        problem.code, problem.message, main, label, also=also, notes=notes, help=problem.help
    )


def shape_sizes(value: Any, expr: Expr) -> tuple[Size, ...]:
    """The sizes that `224x224x3`, `10x64` or `1024` say."""
    value = whole(value)
    if isinstance(value, Extents):
        return value.sizes
    if isinstance(value, Window) and value.stride == (1, 1):
        return value.size
    if isinstance(value, int) and not isinstance(value, bool):
        return (value,)
    fail(
        "E0206",
        "a shape is written height x width x channels, or as one number",
        expr.span,
        f"this is {describe(value)}",
    )


def same_shape(found: tuple[Size, ...], claimed: tuple[Size, ...]) -> bool:
    """Equal, where a 1x1 map and a vector are the same."""
    return squeezed(found) == squeezed(claimed)


def arithmetic(node: Node, types: Mapping[str, TensorType]) -> Iterator[str]:
    """How a window made a height and a width of its input's."""
    x = types[node.inputs[0]]
    axes = None if isinstance(node.op, Call) else node.op.axes(x)
    if axes is None or not x.is_map or all(axis == IDENTITY for axis in axes):
        return
    for name, n, axis in (("height", x.height, axes[0]), ("width", x.width, axes[1])):
        yield (
            f"{name}: ⌊({n} + {axis.lo} + {axis.hi} − {axis.extent + 1}) / {axis.stride}⌋ + 1 "
            f"= {axis.size(n)}"
        )
        if axes[0] == axes[1] and x.height == x.width:
            return


def squeezed(shape: tuple[Size, ...]) -> tuple[Size, ...]:
    return shape[2:] if len(shape) == 3 and shape[:2] == (1, 1) else shape
