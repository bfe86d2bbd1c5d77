"""Shape annotations: what they prove, and what they say after an error."""

from __future__ import annotations

from ..build import Flow
from ..diagnostics import CnnError, Diagnostic, Fix, Help, error, fail
from ..evaluate.expressions import evaluate
from ..evaluate.values import Extents, describe, whole
from ..graph import Constraint
from ..passes.marks import size_labels
from ..source import Span
from ..symbol import Size, Symbol
from ..syntax import Expr, Input
from ..types import TensorType
from ..window import Window
from .provenance import room_of
from .run import Context, Run

TYPE_CHECKING = False
if TYPE_CHECKING:
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
        run.report(_for_several(len(flow), shape.span))
        return flow
    found = run.builder.types[flow[0]]
    if found.is_map and len(claimed) == 2:  # height × width, as many tables have it
        claimed = (*claimed, found.channels)
    if same_shape(found.shape, claimed):
        return flow
    if not symbolic_claim(run, found.shape, claimed, shape.span):
        run.report(wrong_shape(run, found, claimed, flow[0], shape.span))
        return None
    return flow


def _for_several(count: int, span: Span) -> Diagnostic:
    help = "`from a` chooses one of them, and `expect shape(a) = 28x28x64` is about one"
    message = f"a shape annotation is for one value, the flow carries {count}"
    return error("E0209", message, span, help=[help])


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
    run: Run, found: TensorType, claimed: tuple[Size, ...], value: str, span: Span
) -> Diagnostic:
    wanted = "x".join(map(str, claimed))
    help = Help("correct the annotation, or the statement it is about")
    if len(claimed) == 3 and (*claimed[1:], claimed[0]) == found.shape:
        help = Help("the order is height x width x channels", Fix(span, str(found)))
    return error(
        "E0309",
        f"this is {found}, not {wanted}",
        span,
        "claimed here",
        also=size_labels(room_of(run), value, claimed, most=1),
        help=[help],
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


def squeezed(shape: tuple[Size, ...]) -> tuple[Size, ...]:
    return shape[2:] if len(shape) == 3 and shape[:2] == (1, 1) else shape
