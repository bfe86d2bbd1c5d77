"""Where a size comes from: the operators that made a value what it is, and where they stand.

A value's history goes back from operator to operator: into the functions that are called, out
to the places that call the function it is in, up to an input of the model. Where an operator
joins several values, the history follows the first that has the size of the result.
"""

from __future__ import annotations

from ..graph import Call
from ..op import Op
from ..record import Record
from ..types import as_map

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ..graph import Graph, Node
    from ..source import Span
    from ..symbol import Size
    from ..types import TensorType


class Room:
    """Nodes among which values are looked for, and the rooms that they come from.

    Arguments:
        nodes, types: of the graph, which may be unfinished.
        functions: those that its nodes call.
        outside: for each input, the room and the value that flow in; none for a model.
        spans: the statements of a model's inputs.
        calls: the places of the calls that lead here, outermost first; none where looking began.
    """

    def __init__(
        self,
        nodes: Iterable[Node],
        types: Mapping[str, TensorType],
        functions: Mapping[str, Graph],
        outside: Mapping[str, tuple[Room, str]] = {},
        spans: Mapping[str, Span] = {},
        calls: tuple[Span, ...] = (),
    ) -> None:
        self.makers = {value.name: node for node in nodes for value in node.outputs}
        self.types = types
        self.functions = functions
        self.outside = outside
        self.spans = spans
        self.calls = calls
        self._inner: dict[str, Room] = {}

    def inside(self, node: Node, function: Graph) -> Room:
        """The room of a function at a call."""
        if node.name not in self._inner:
            flow = zip((value.name for value in function.inputs), node.inputs, strict=True)
            outside = {name: (self, value) for name, value in flow}
            calls = self.calls if node.span is None else (*self.calls, node.span)
            self._inner[node.name] = Room(
                function.nodes, function.types, self.functions, outside, calls=calls
            )
        return self._inner[node.name]


class Step(Record):
    """A value on the way back, and the operator that made it.

    Arguments:
        room, value: which one; the history of another value may pass here too.
        op: the operator; None for an input of the model.
        inputs: the types of the operator's inputs.
        before: that of the input that the history follows.
        after: the type of the value.
        span: the operator's statement.
    """

    room: Room
    value: str
    op: Op | None
    inputs: tuple[TensorType, ...]
    before: TensorType
    after: TensorType
    span: Span | None

    @property
    def place(self) -> Span | None:
        """The statement in the room where looking began: the operator's, or a call around it."""
        return self.room.calls[0] if self.room.calls else self.span

    @property
    def resizes(self) -> bool:
        """Whether it changes the height or the width."""
        return as_map(self.before).shape[:-1] != as_map(self.after).shape[:-1]

    @property
    def decides_channels(self) -> bool:
        """Whether the number of channels is its own doing."""
        return hasattr(self.op, "channels") or self.before.channels != self.after.channels

    @property
    def stride(self) -> int:
        """By how much it divides the height; 1 where it does not."""
        axes = None if self.op is None else self.op.axes(self.before)
        return 1 if axes is None else axes[0].stride

    @property
    def halves_odd(self) -> bool:
        """Whether a stride divides a height or a width with a remainder."""
        axes = None if self.op is None else self.op.axes(self.before)
        if axes is None or not self.resizes:
            return False
        sizes = zip(as_map(self.before).shape, axes, strict=False)
        return any(isinstance(n, int) and n % axis.stride for n, axis in sizes)


def history(room: Room, value: str) -> Iterator[Step]:
    """A value, what it was made of, and so on, up to an input of the model."""
    while True:
        node = room.makers.get(value)
        if node is None:
            if value not in room.outside:
                type = room.types[value]
                yield Step(room, value, None, (), type, type, room.spans.get(value))
                return
            room, value = room.outside[value]
        elif isinstance(node.op, Call):
            function = room.functions[node.op.function]
            index = [output.name for output in node.outputs].index(value)
            room, value = room.inside(node, function), function.outputs[index].value
        else:
            after = room.types[value]
            source = _followed(room, node, after)
            inputs = tuple(room.types[name] for name in node.inputs)
            yield Step(room, value, node.op, inputs, room.types[source], after, node.span)
            value = source


def _followed(room: Room, node: Node, after: TensorType) -> str:
    """The input that a history goes on with: the first of the result's height and width."""
    size = as_map(after).shape[:-1]
    alike = (value for value in node.inputs if as_map(room.types[value]).shape[:-1] == size)
    return next(alike, node.inputs[0])


def own_steps(histories: list[list[Step]]) -> list[list[Step]]:
    """Of each history the steps that are not in all others: what comes after the common value."""
    common = set.intersection(*({(id(s.room), s.value) for s in steps} for steps in histories))
    return [[s for s in steps if (id(s.room), s.value) not in common] for steps in histories]


def formula(step: Step) -> str:
    """The arithmetic of a step that changes height or width: one axis, or both where they differ.

    Gives nothing where there is none, as for a global pool.
    """
    formulas = None if step.op is None else step.op.formulas(step.before)
    if formulas is None:
        return ""
    if formulas[0] == formulas[1]:
        return formulas[0]
    sizes = zip(as_map(step.before).shape, as_map(step.after).shape, formulas, strict=False)
    named = zip(("height", "width"), sizes, strict=False)
    return ", ".join(f"{axis} {text}" for axis, (n, m, text) in named if n != m)


def needed_input(steps: Iterable[Step], axis: int, needed: int) -> tuple[Size, int] | None:
    """The model's input along an axis, and how large it must be for `needed` at the first step.

    Gives None where that is not for windows alone to say.
    """
    for step in steps:
        if step.op is None:
            return (step.after.height, step.after.width)[axis], needed
        axes = step.op.axes(step.before)
        if axes is None or not step.after.is_map:
            return None
        along = axes[axis]
        needed = max((needed - 1) * along.stride + along.extent + 1 - along.lo - along.hi, 1)
    return None
