"""What a network computes, step by step, whoever wrote it: the common form of both sides.

Shapes have no batch and their channels last. Values are numbered: first the inputs of
the network, then the result of each step.
"""

from __future__ import annotations

from math import prod

from ..record import Record, replace
from ..source import Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Hashable, Iterator, Sequence
    from typing import Protocol

    import numpy as np

Shape = tuple[int, ...]

JOINS = frozenset({"add", "mul", "concat", "sub"})
"""Steps that bring several values together, in the language's words."""
UNORDERED = frozenset({"add", "mul"})
SILENT = frozenset({"dropout", "droppath", "identity"})
"""Steps that change nothing in inference."""
KERNELS = frozenset({"conv", "dwconv", "fc"})
"""Kinds whose kernels mean the same when their shapes are: a 1x1 convolution is an `fc`."""


def shown(shape: Sequence[int]) -> str:
    """`56x56x64`"""
    return "x".join(map(str, shape))


class Slot(Record):
    """A weight of a step.

    Arguments:
        role: `kernel`, `bias`, `scale`, `shift`, `mean` or `variance`.
        shape: as in the IR; kernels are height × width × inputs per group × outputs.
        key: the tensor in its own program; the same key in two steps is a shared weight.
    """

    role: str
    shape: Shape
    key: Hashable


class Step(Record):
    """One operation.

    Arguments:
        name: what its program calls it, `layer1.0.conv1`.
        kind: the word of the language's operator; the program's own word where there is none.
        inputs: the values it reads, in order. Constants are left out.
        shape: of its result.
        weights: the weights it holds.
        said: how its program says it, `Conv2D 3x3, stride 2`.
        order: of a `flatten`, `chw` or `hwc`.
        span: the statement, where there is one.
    """

    name: str
    kind: str
    inputs: tuple[int, ...]
    shape: Shape
    weights: tuple[Slot, ...] = ()
    said: str = ""
    order: str = ""
    span: Span | None = None


class Trace(Record):
    """A run of a network.

    Arguments:
        inputs: the shapes of its inputs.
        steps: in an order in which they can be computed.
        outputs: the values it gives.
    """

    inputs: tuple[Shape, ...]
    steps: tuple[Step, ...]
    outputs: tuple[int, ...]

    def maker(self, value: int) -> Step | None:
        """The step that makes a value, None for an input."""
        position = value - len(self.inputs)
        return self.steps[position] if position >= 0 else None

    def value(self, position: int) -> int:
        """The value that a step makes."""
        return position + len(self.inputs)

    def shape(self, value: int) -> Shape:
        step = self.maker(value)
        return self.inputs[value] if step is None else step.shape

    @property
    def slots(self) -> dict[Hashable, Slot]:
        """Every weight once, by its key."""
        return {slot.key: slot for step in self.steps for slot in step.weights}

    def pruned(self) -> Trace:
        """Without the steps that no output needs."""
        needed = set(self.outputs)
        kept: list[int] = []
        for position in reversed(range(len(self.steps))):
            if self.value(position) in needed:
                kept.append(position)
                needed.update(self.steps[position].inputs)
        kept.reverse()
        number = {value: value for value in range(len(self.inputs))}
        number.update({self.value(old): self.value(new) for new, old in enumerate(kept)})
        steps = tuple(_renumbered(self.steps[position], number) for position in kept)
        return Trace(self.inputs, steps, tuple(number[value] for value in self.outputs))

    def before_softmax(self, value: int) -> int:
        """The value that a last softmax reads; the value itself where there is none."""
        step = self.maker(value)
        while step is not None and step.kind in ("softmax", *SILENT):
            (value,) = step.inputs
            step = self.maker(value)
        return value

    @property
    def parameters(self) -> int:
        """Elements of its trainable weights."""
        slots = self.slots.values()
        return sum(prod(slot.shape) for slot in slots if slot.role not in ("mean", "variance"))

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one image, counted from the shapes that ran."""
        return sum(self._macs(step) for step in self.steps)

    def _macs(self, step: Step) -> int:
        kernel = next((slot.shape for slot in step.weights if slot.role == "kernel"), None)
        if kernel is None:
            return 0
        if step.kind == "local":
            return prod(kernel)
        places = self.shape(step.inputs[0]) if step.kind == "deconv" else step.shape
        return prod(places[:-1]) * prod(kernel)


def _renumbered(step: Step, number: dict[int, int]) -> Step:
    return replace(step, inputs=tuple(number[value] for value in step.inputs))


if TYPE_CHECKING:

    class Reference(Protocol):
        """A network of another framework, built and traced.

        Arguments:
            name: what the user calls it, `keras:ResNet50`.
            versions: the programs that run it, `Keras 3.15.1 on JAX 0.10.2`.
            trace: what it computes in inference.
            parameters: elements of all its trainable weights.
        """

        name: str
        versions: str
        trace: Trace
        parameters: int

        def read(self) -> dict[Hashable, np.ndarray]:
            """Its weights by key, laid out as in the IR."""

        def write(self, weights: dict[Hashable, np.ndarray]) -> None:
            """Replace weights."""

        def load(self, path: str) -> None:
            """Take the weights of a checkpoint. Raises CnnError with E0905 or E0906."""

        def run(
            self, inputs: Sequence[np.ndarray], wanted: Container[int] | None = None
        ) -> Iterator[tuple[int, np.ndarray]]:
            """Values by number, batch first and channels last; at least those of the outputs.

            Values that the framework does not show are left out.

            Arguments:
                wanted: keep these only; all of them are more than some machines can hold.
            """
