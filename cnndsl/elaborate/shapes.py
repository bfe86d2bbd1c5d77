"""Shape annotations, and messages about shapes that do not fit."""

from __future__ import annotations

from ..build import Flow, Place
from ..diagnostics import CnnError, Diagnostic, Label, error, fail
from ..evaluate import Extents, describe, evaluate, whole
from ..graph import Call, Constraint, Node
from ..op import ShapeError
from ..ops.merge import Concat
from ..source import Span
from ..symbol import Size, Symbol
from ..syntax import Expr, Input
from ..types import TensorType, as_map
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
        notes.extend(arithmetic(*innermost(run, producer)))
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
    the place of the error; other operands are marked at the statement that made them,
    and what comes into a block at the statement that reads it. Where sizes differ, so are
    the windows that made them differ.
    """
    types = run.builder.types
    operands: dict[Span, str] = {}
    unplaced: list[str] = []
    for index, value in enumerate(flow):
        span = marks[index] if marks else run.builder.origins.get(value)
        if span is None:
            unplaced.append(value)
        else:
            operands.setdefault(span, str(types[value]))
    if len(unplaced) == 1:
        operands.setdefault(place.span, f"{types[unplaced[0]]} comes in")
    for span, before, after in resized(run, flow, problem.argument or 0):
        size = f", from {before}" if span in operands else f"{before} becomes {after}"
        operands[span] = operands.get(span, "") + size
    notes = problem.notes
    if len(unplaced) > 1:
        notes = (*notes, f"inputs: {', '.join(f'`{v}` {types[v]}' for v in unplaced)}")
    main = marks[problem.argument or 0] if marks else place.span
    label = operands.pop(main, "here")
    also = [Label(span, text) for span, text in operands.items()]
    return error(
        problem.code, problem.message, main, label, also=also, notes=notes, help=problem.help
    )


def resized(run: Run, flow: tuple[str, ...], at_fault: int) -> list[tuple[Span, str, str]]:
    """The windows that changed the height and width of the operand at fault, or else of another.

    Only those after the value that all operands come from count. Operands of one position,
    vectors among them, are not compared by size.
    """
    builder = run.builder
    positions = {value: as_map(builder.types[value]).shape[:-1] for value in builder.types}
    if len({positions[value] for value in flow} - {(1, 1)}) < 2:
        return []
    makers = {value.name: node for node in builder.nodes for value in node.outputs}
    lines = [list(line_of(value, makers)) for value in flow]
    shared = set.intersection(*map(set, lines))
    for line in (lines[at_fault], *lines):
        own = [value for value in line if value not in shared]
        found = [
            (node.span, str(TensorType(before)), str(TensorType(positions[value])))
            for value in own
            if (node := makers.get(value)) is not None and node.span is not None
            if (before := positions[node.inputs[0]]) != positions[value]
        ]
        if found:
            return found
    return []


def line_of(value: str, makers: Mapping[str, Node]) -> Iterator[str]:
    """A value, what it was made of, and so on; of several inputs the first."""
    yield value
    while (node := makers.get(value)) is not None:
        value = node.inputs[0]
        yield value


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


def innermost(run: Run, node: Node) -> tuple[Node, Mapping[str, TensorType]]:
    """The operator that made what a call of a block gives, and the types beside it."""
    types: Mapping[str, TensorType] = run.builder.types
    while isinstance(node.op, Call):
        function = run.functions[node.op.function]
        made = {value.name: inner for inner in function.nodes for value in inner.outputs}
        result = made.get(function.outputs[0].value)
        if result is None:  # an input that is passed on
            break
        node, types = result, function.types
    return node, types


def arithmetic(node: Node, types: Mapping[str, TensorType]) -> Iterator[str]:
    """How branches add up to channels, or how a window made a height and a width."""
    if isinstance(node.op, Concat):
        channels = [types[value].channels for value in node.inputs]
        yield f"channels: {' + '.join(map(str, channels))} = {sum(channels)}"
        return
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
