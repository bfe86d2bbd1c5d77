"""Messages about shapes that do not fit: what each operand is, and the lines that made it so."""

from __future__ import annotations

from ..build import Place
from ..diagnostics import Diagnostic, error
from ..op import Op, ShapeError
from ..passes.marks import Marks, positions
from ..passes.origin import Room, Step, history, needed_input, own_steps
from ..source import Span
from ..types import as_map
from .run import Run

CAUSES = {"E0303": "size", "E0304": "size", "E0305": "channels", "E0307": "channels"}
"""What a problem with one operand is about."""


def room_of(run: Run) -> Room:
    """The nodes so far, of this block and of those that call it."""
    builders = [frame.builder for frame in run.frames] + [run.builder]
    flows = [()] + [frame.flow for frame in run.frames]
    room: Room | None = None
    for builder, flow in zip(builders, flows, strict=True):
        if builder is None:
            continue
        names = [value.name for value in builder.inputs]
        outside = {} if room is None else {n: (room, v) for n, v in zip(names, flow, strict=False)}
        room = Room(builder.nodes, builder.types, run.functions, outside, builder.origins)
    assert room is not None
    return room


def shape_error(
    run: Run,
    problem: ShapeError,
    op: Op,
    flow: tuple[str, ...],
    place: Place,
    ends: tuple[Span, ...] = (),
) -> Diagnostic:
    """A shape error, with the place that made each operand what it is.

    Arguments:
        ends: where the branches end whose values these are; the one at fault is then the
            place of the error. Other operands are marked at the statements that made them.
    """
    room = room_of(run)
    histories = [list(history(room, value)) for value in flow]
    fault = problem.argument or 0
    marks = Marks()
    origins = run.builder.origins
    incoming = [value for value in flow if value not in origins]
    if len(incoming) == 1 and not (ends and len(flow) > 1):
        marks.add(place.span, f"{room.types[incoming[0]]} comes in")
    for index, value in enumerate(flow):
        type = str(room.types[value])
        marks.add(ends[index] if ends else origins.get(value), type)
        marks.add(histories[index][0].place, type)
    if len(flow) > 1:
        differ(marks, histories)
    elif CAUSES.get(problem.code) == "size":
        marks.add_sizes(histories[0])
    elif CAUSES.get(problem.code) == "channels":
        marks.add_channels(histories[0])
    odd = odd_step(histories) if problem.code in ("E0301", "E0302") else None
    code, message, help = problem.code, problem.message, problem.help
    if odd is not None and rounding_explains(histories):
        code, help = "E0308", (even_out(odd, histories),)
        message = f"{message.rpartition(': ')[0]}: an odd size was halved on the way"
    elif len(flow) > 1:
        help = keep_size(histories, fault) or help
    if problem.code == "E0303" and op.family == "pool":
        help = (*help, "`globalavgpool` takes the mean of maps of every size")
    notes = [*problem.notes, *table(run, flow, problem.odd, bool(ends))]
    if problem.code == "E0303":
        notes += at_input(op, histories[0])
    first, *also = marks.labels(ends[fault] if ends else place.span)
    return error(code, message, first.span, first.text, also=also, notes=notes, help=help)


# ----------------------------------------------------------------------- marks


def differ(marks: Marks, histories: list[list[Step]]) -> None:
    """Mark what made operands different, after the value that they have in common."""
    own = own_steps(histories)
    sizes = {as_map(steps[0].after).shape[:-1] for steps in histories} - {(1, 1)}
    channels = {steps[0].after.channels for steps in histories}
    for steps in own:
        if len(sizes) > 1:
            marks.add_sizes(steps)
        if len(channels) > 1:
            marks.add_channels(steps)


# ----------------------------------------------------------------------- notes


def table(run: Run, flow: tuple[str, ...], odd: tuple[int, ...], branches: bool) -> list[str]:
    """All operands of a merge of more than two, the odd ones marked."""
    if len(flow) < 3:
        return []
    names = {value[0]: f"`{label}`" for label, value in run.builder.labels.items() if value}
    rows = []
    for index, value in enumerate(flow):
        name = f"branch {index + 1}" if branches else names.get(value, f"input {index + 1}")
        rows.append((name, str(run.builder.types[value]), " (differs)" if index in odd else ""))
    return ["inputs: " + ", ".join(f"{name} {type}{mark}" for name, type, mark in rows)]


def at_input(op: Op, steps: list[Step]) -> list[str]:
    """How large the model's input must be for a window to fit."""
    axes = op.axes(steps[0].after)
    if axes is None or len(steps) < 2:
        return []
    needs = [
        needed_input(steps, axis, max(along.extent + 1 - along.lo - along.hi, 1))
        for axis, along in enumerate(axes)
    ]
    if None in needs:
        return []
    (height, high), (width, wide) = (need for need in needs if need is not None)
    return [f"the input of the network is {height}x{width}; at least {high}x{wide} is needed there"]


# ------------------------------------------------------------------------ help


def odd_step(histories: list[list[Step]]) -> Step | None:
    """Where an odd size was halved, in the history of one operand alone."""
    odd = [step for steps in own_steps(histories) for step in steps if step.halves_odd]
    return odd[0] if odd else None


def rounding_explains(histories: list[list[Step]]) -> bool:
    """Whether sizes differ by less than the strides between them."""
    stride = 1
    for steps in own_steps(histories):
        whole = 1
        for step in steps:
            whole *= step.stride
        stride = max(stride, whole)
    shapes = [as_map(steps[0].after).shape for steps in histories]
    if len({len(shape) for shape in shapes}) > 1:
        return False
    sizes = [[n for n in axis if isinstance(n, int)] for axis in zip(*shapes, strict=True)][:-1]
    apart = [max(axis) - min(axis) for axis in sizes if axis]
    return 0 < max(apart, default=0) < stride


def even_out(odd: Step, histories: list[list[Step]]) -> str:
    """What to do about a size that was odd when it was halved."""
    steps = next(steps for steps in histories if odd in steps)
    because = f"{positions(odd.before)} is no multiple of the stride {odd.stride}"
    last = steps[-1]
    if last.op is not None or not last.after.is_map or last.room.outside:
        return f"{because}: `pad` or `crop` before the values meet"
    stride = 1
    for step in steps:
        stride *= step.stride
    return (
        f"{because}: give the input a height and width that are multiples of {stride}, "
        "or `pad` or `crop` before the values meet"
    )


def keep_size(histories: list[list[Step]], fault: int) -> tuple[str, ...]:
    """The padding that is missing, where one window without enough of it is the cause."""
    if all(steps[0].op is None and not steps[0].room.outside for steps in histories):
        return ("give the inputs of the network the same height and width",)
    own = [[s for s in steps if s.op is not None and s.resizes] for steps in own_steps(histories)]
    if len(own[fault]) != 1 or any(steps for i, steps in enumerate(own) if i != fault):
        return ()
    (step,) = own[fault]
    window = getattr(step.op, "window", None)
    if window is None or step.op is None or window.stride != (1, 1) or not hasattr(step.op, "pad"):
        return ()
    odd = window.height % 2 and window.width % 2
    pad = "half" if odd else "same"
    return (f"`{step.op.word} {window}, pad={pad}` keeps {positions(step.before)}",)
