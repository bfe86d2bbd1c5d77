"""Which layer of one network is which layer of another, found from structure alone.

Both traces are reduced to their anchors, the steps with weights and the joins, and each
anchor gets a colour that says what it is and, step by step, what is around it: its kind
and the shapes of its weights, the colours of what it reads (in order for `concat`) and of
what reads it. Anchors of the same colour correspond. Where a network is symmetric several
anchors have one colour; the first of them on each side are paired, and the colours refined,
until all are paired. Names, and the order in which layers were written, play no part.
"""

from __future__ import annotations

from collections import Counter, defaultdict

from ..record import Record
from .trace import JOINS, KERNELS, SILENT, UNORDERED, Shape, Step, Trace, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping

Color = int


class Mismatch(Exception):
    """The networks are not the same.

    Arguments:
        ours, theirs: positions of the first steps that differ, where there are such.
        why: what differs, as a sentence.
        sizes: positions of the first steps that are alike and give other sizes, if any.
    """

    def __init__(
        self,
        ours: int | None,
        theirs: int | None,
        why: str,
        sizes: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(why)
        self.ours = ours
        self.theirs = theirs
        self.why = why
        self.sizes = sizes


class Pairing(Record):
    """What corresponds.

    Arguments:
        steps: position of their step by that of ours, for steps with weights.
        weights: key of their weight by that of ours.
    """

    steps: Mapping[int, int]
    weights: Mapping[Hashable, Hashable]


def match(ours: Trace, theirs: Trace) -> Pairing:
    """Pair the weighted steps of two traces. Raises Mismatch."""
    if ours.inputs != theirs.inputs:
        raise Mismatch(None, None, _about_inputs(ours.inputs, theirs.inputs))
    if len(ours.outputs) != len(theirs.outputs):
        why = f"ours gives {len(ours.outputs)} outputs, theirs {len(theirs.outputs)}"
        raise Mismatch(None, None, why)
    palette: dict[object, Color] = {}
    mine, others = _Anchors(ours, palette), _Anchors(theirs, palette)
    mine.refine()
    others.refine()
    if Counter(mine.colors.values()) != Counter(others.colors.values()):
        raise _difference(mine, others)
    pairs = _paired(mine, others)
    steps = {a: b for a, b in sorted(pairs.items()) if ours.steps[a].weights}
    return Pairing(steps, _weights(ours, theirs, steps))


def _paired(ours: _Anchors, theirs: _Anchors) -> dict[int, int]:
    """Break one symmetry after the other, the first in order of execution first."""
    fresh = 0
    while True:
        groups: dict[Color, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
        for position, color in ours.colors.items():
            groups[color][0].append(position)
        for position, color in theirs.colors.items():
            groups[color][1].append(position)
        if any(len(mine) != len(others) for mine, others in groups.values()):
            raise _difference(ours, theirs)
        tied = min((group for group in groups.values() if len(group[0]) > 1), default=None)
        if tied is None:
            return {mine[0]: others[0] for mine, others in groups.values()}
        fresh -= 1
        ours.colors[tied[0][0]] = theirs.colors[tied[1][0]] = fresh
        ours.refine()
        theirs.refine()


def _weights(ours: Trace, theirs: Trace, steps: Mapping[int, int]) -> dict[Hashable, Hashable]:
    """Weights by role. Raises Mismatch where one side shares a weight and the other does not."""
    found: dict[Hashable, Hashable] = {}
    back: dict[Hashable, Hashable] = {}
    for a, b in steps.items():
        roles = {slot.role: slot.key for slot in theirs.steps[b].weights}
        for slot in ours.steps[a].weights:
            key = roles[slot.role]
            if found.setdefault(slot.key, key) != key or back.setdefault(key, slot.key) != slot.key:
                raise Mismatch(a, b, "one side shares weights that the other side has twice")
    return found


class _Anchors:
    """The steps with weights and the joins of a trace, and their colours."""

    def __init__(self, trace: Trace, palette: dict[object, Color]) -> None:
        self.trace = trace
        self.palette = palette
        consumers = Counter(value for step in trace.steps for value in step.inputs)
        consumers.update(trace.outputs)
        self.consumers = consumers
        self.origin: dict[int, int] = {}
        """The anchor or input (below zero) that each value comes from."""
        self.inputs: dict[int, tuple[int, ...]] = {}
        for value in range(len(trace.inputs)):
            self.origin[value] = -1 - value
        for position, step in enumerate(trace.steps):
            self.origin[trace.value(position)] = self._origin(position, step)
        ends = [self.origin[value] for value in trace.outputs]
        self.inputs = self._needed(ends)
        self.readers: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for anchor, operands in self.inputs.items():
            ordered = trace.steps[anchor].kind not in UNORDERED
            for number, operand in enumerate(operands):
                self.readers[operand].append((anchor, number if ordered else 0))
        self.colors: dict[int, Color] = {
            anchor: self._color("is", *nature(trace.steps[anchor]),
                                tuple(i for i, end in enumerate(ends) if end == anchor))
            for anchor in self.inputs
        }  # fmt: skip

    def refine(self) -> None:
        """Colour until nothing more is told apart."""
        while True:
            before = len(set(self.colors.values()))
            self._downwards()
            self._upwards()
            if len(set(self.colors.values())) == before:
                return

    def _downwards(self) -> None:
        for anchor in self.inputs:
            self.colors[anchor] = self._color("down", self.colors[anchor], self._read(anchor))

    def _upwards(self) -> None:
        for anchor in reversed(self.inputs):
            readers = sorted(
                (self.colors[reader], number) for reader, number in self.readers[anchor]
            )
            self.colors[anchor] = self._color("up", self.colors[anchor], tuple(readers))

    def _read(self, anchor: int) -> tuple[Color, ...]:
        """The colours of what an anchor reads; inputs of the network have their number."""
        found = [self.colors[i] if i >= 0 else i for i in self.inputs[anchor]]
        return tuple(sorted(found) if self.trace.steps[anchor].kind in UNORDERED else found)

    def _color(self, *what: object) -> Color:
        return self.palette.setdefault(what, len(self.palette))

    def _origin(self, position: int, step: Step) -> int:
        """Where the result of a step comes from; anchors are noted with what they read.

        A join of a value with itself is an activation, x · sigmoid(x), and no anchor.
        """
        if not step.inputs:
            return -1 - len(self.trace.inputs)
        if not step.weights and len(step.inputs) == 1:
            return self.origin[step.inputs[0]]
        operands = tuple(self._operands(step))
        if step.kind in UNORDERED:
            operands = tuple(dict.fromkeys(operands))
        self.inputs[position] = operands
        alike = not step.weights and len(set(operands)) == 1
        return operands[0] if alike else position

    def _needed(self, ends: Iterable[int]) -> dict[int, tuple[int, ...]]:
        """Anchors without the joins that stand inside other ones, which nobody reads."""
        needed = set(ends)
        for position in reversed(self.inputs):
            if position in needed:
                needed.update(self.inputs[position])
        return {a: operands for a, operands in self.inputs.items() if a in needed}

    def _operands(self, step: Step) -> Iterable[int]:
        """Where the operands of an anchor come from; (a + b) + c counts as a + b + c."""
        for value in step.inputs:
            inner = self._inner(value, step.kind)
            if inner is None:
                yield self.origin[value]
            else:
                yield from self.inputs[inner]

    def _inner(self, value: int, kind: str) -> int | None:
        """The join of the same kind that makes a value, for nobody else unless copied whole."""
        if kind not in JOINS - {"sub"}:
            return None

        def private(at: int) -> bool:
            return kind == "concat" or self.consumers[at] == 1

        step, at = self.trace.maker(value), value
        while step is not None and step.kind in SILENT and private(at):
            (at,) = step.inputs
            step = self.trace.maker(at)
        position = at - len(self.trace.inputs)
        same = position in self.inputs and self.trace.steps[position].kind == kind
        return position if same and private(at) else None


def nature(step: Step) -> tuple[str, tuple[tuple[str, Shape], ...]]:
    """What a step is by itself: its kind and the shapes of its weights."""
    kind = "kernel" if step.kind in KERNELS else step.kind
    return kind, tuple(sorted((slot.role, essential(slot.shape)) for slot in step.weights))


def essential(shape: Shape) -> Shape:
    """A shape without the 1 x 1 in front: a 1x1 convolution is a matrix, a 1x1 map a vector."""
    return shape[2:] if len(shape) > 2 and shape[:2] == (1, 1) else shape


# ------------------------------------------------------------------- differences


def _difference(ours: _Anchors, theirs: _Anchors) -> Mismatch:
    """The first step that has no counterpart, judged by all that comes before it."""
    palette: dict[object, Color] = {}
    a, b = _past(ours, palette), _past(theirs, palette)
    sizes = _other_sizes(ours, theirs, a, b)
    left = Counter(b.values())
    for position, color in a.items():
        if left[color]:
            left[color] -= 1
            continue
        partner = _partner(position, ours, theirs, a, b, left)
        return Mismatch(position, partner, _compared(position, partner, ours, theirs), sizes)
    left = Counter(b.values()) - Counter(a.values())
    for position, color in b.items():
        if left[color]:
            step = theirs.trace.steps[position]
            return Mismatch(None, position, f"theirs has {described(step)} and ours does not")
    return Mismatch(None, None, "the same layers are wired in different ways")


def _past(anchors: _Anchors, palette: dict[object, Color]) -> dict[int, Color]:
    """Colours from the inputs downwards only."""
    found: dict[int, Color] = {}
    for position in anchors.inputs:
        step = anchors.trace.steps[position]
        read = [found[i] if i >= 0 else i for i in anchors.inputs[position]]
        if step.kind in UNORDERED:
            read.sort()
        what = (*nature(step), tuple(read))
        found[position] = palette.setdefault(what, len(palette))
    return found


def _other_sizes(
    ours: _Anchors, theirs: _Anchors, a: Mapping[int, Color], b: Mapping[int, Color]
) -> tuple[int, int] | None:
    """The first steps with the same past whose results have other sizes."""
    like = {color: position for position, color in reversed([*b.items()])}
    for position, color in a.items():
        other = like.get(color)
        if other is not None:
            mine, its = ours.trace.steps[position].shape, theirs.trace.steps[other].shape
            if essential(mine) != essential(its):
                return position, other
    return None


def _partner(
    position: int,
    ours: _Anchors,
    theirs: _Anchors,
    a: Mapping[int, Color],
    b: Mapping[int, Color],
    left: Mapping[Color, int],
) -> int | None:
    """Their step that reads the same and is not taken; one of the same kind if there is any."""

    def read(anchors: _Anchors, colors: Mapping[int, Color], at: int) -> list[int]:
        return sorted(colors[i] if i >= 0 else i for i in anchors.inputs[at])

    wanted = read(ours, a, position)
    kind = nature(ours.trace.steps[position])[0]
    free = [p for p, color in b.items() if left[color] and read(theirs, b, p) == wanted]
    alike = [p for p in free if nature(theirs.trace.steps[p])[0] == kind]
    return next(iter(alike or free), None)


def _compared(a: int, b: int | None, ours: _Anchors, theirs: _Anchors) -> str:
    mine = ours.trace.steps[a]
    if b is None and not mine.weights:
        return (
            f"ours brings {len(mine.inputs)} values together here (`{mine.kind}`), theirs does not"
        )
    if b is None:
        return f"theirs has nothing like {described(mine)} at this place"
    other = theirs.trace.steps[b]
    if nature(mine) == nature(other):
        return f"theirs brings the same values together in another order (`{mine.kind}`)"
    return f"ours is {described(mine)}, theirs is {described(other)}"


def described(step: Step) -> str:
    """`conv with kernel 3x3x64x64 and bias 64`"""
    if not step.weights:
        return f"a join (`{step.kind}`)"
    parts = [f"{slot.role} {shown(slot.shape)}" for slot in step.weights]
    return f"`{step.kind}` with {', '.join(parts)}"


def _about_inputs(ours: tuple[Shape, ...], theirs: tuple[Shape, ...]) -> str:
    def said(shapes: tuple[Shape, ...]) -> str:
        return ", ".join(map(shown, shapes))

    return f"ours reads {said(ours)}, theirs {said(theirs)}"
