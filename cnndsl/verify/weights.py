"""Weights as arrays laid out as in the IR: random ones, and those of another framework."""

from __future__ import annotations

from .trace import SILENT, Trace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    import numpy as np

    from .match import Pairing
    from .trace import Shape

    Weights = dict[Hashable, np.ndarray]


SUMMAND = 0.3
"""Factor of what goes into a sum: the weights of deep residual networks begin small, too."""


def draw(trace: Trace, seed: int = 0) -> Weights:
    """Random weights and statistics, none of them trivial, under which values stay tame.

    Without care each residual unit doubles the variance, and after forty of them sigmoids are
    saturated and rounding is all that is left to compare.
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    found = {key: random_values(slot.role, slot.shape, rng) for key, slot in trace.slots.items()}
    for key in _summands(trace):
        found[key] = found[key] * np.float32(SUMMAND)
    return found


def _summands(trace: Trace) -> set[Hashable]:
    """The last weights before each sum, but for statistics."""
    found: set[Hashable] = set()
    for value in (value for step in trace.steps if step.kind == "add" for value in step.inputs):
        step = trace.maker(value)
        while step is not None and step.kind in SILENT:
            step = trace.maker(step.inputs[0])
        if step is not None:
            found.update(s.key for s in step.weights if s.role not in ("mean", "variance"))
    return found


def random_values(role: str, shape: Shape, rng: np.random.Generator) -> np.ndarray:
    """Random float32 values that suit a role; the shape of a kernel ends in inputs, outputs."""
    from math import prod

    import numpy as np

    fan_in = prod(shape[-4:-1])  # `local` has its positions in front

    kinds: Mapping[str, Callable[[], np.ndarray]] = {
        "kernel": lambda: rng.normal(0.0, (1.5 / fan_in) ** 0.5, shape),
        "bias": lambda: rng.normal(0.0, 0.1, shape),
        "scale": lambda: rng.uniform(0.5, 1.5, shape),
        "shift": lambda: rng.normal(0.0, 0.2, shape),
        "mean": lambda: rng.normal(0.0, 0.2, shape),
        "variance": lambda: rng.uniform(0.5, 1.5, shape),
    }
    return kinds[role]().astype(np.float32)


def carried_over(
    weights: Mapping[Hashable, np.ndarray], pairing: Pairing, ours: Trace, theirs: Trace
) -> Weights:
    """Our weights as those of the other network."""
    found: Weights = {}
    for a, b in pairing.steps.items():
        for slot in ours.steps[a].weights:
            key = pairing.weights[slot.key]
            shape = next(s.shape for s in theirs.steps[b].weights if s.key == key)
            value = weights[slot.key]
            if slot.role == "kernel":
                value = _rows(value, flattened(ours, a), flattened(theirs, b))
            found[key] = value.reshape(shape)
    return found


def carried_back(
    weights: Mapping[Hashable, np.ndarray], pairing: Pairing, ours: Trace, theirs: Trace
) -> Weights:
    """The other network's weights as ours."""
    found: Weights = {}
    for a, b in pairing.steps.items():
        for slot in ours.steps[a].weights:
            value = weights[pairing.weights[slot.key]]
            if slot.role == "kernel":
                value = _rows(value, flattened(theirs, b), flattened(ours, a))
            found[slot.key] = value.reshape(slot.shape)
    return found


def flattened(trace: Trace, position: int) -> tuple[Shape, str] | None:
    """The map that a step reads as a vector, and the order of its elements in it."""
    step = trace.steps[position]
    while len(step.inputs) == 1 and len(trace.shape(step.inputs[0])) == 1:
        before = trace.maker(step.inputs[0])
        if before is None:
            return None
        if before.kind == "flatten":
            shape = trace.shape(before.inputs[0])
            return (shape, before.order) if len(shape) == 3 else None
        if before.weights and before.kind not in ("bn", *SILENT):
            return None
        step = before
    return None


def _rows(
    kernel: np.ndarray, given: tuple[Shape, str] | None, wanted: tuple[Shape, str] | None
) -> np.ndarray:
    """The rows of a matrix in the order in which another network flattens the same map."""
    if given is None or wanted is None or given[1] == wanted[1]:
        return kernel
    height, width, channels = given[0]
    if given[1] == "chw":
        maps = kernel.reshape(channels, height, width, -1).transpose(1, 2, 0, 3)
    else:
        maps = kernel.reshape(height, width, channels, -1).transpose(2, 0, 1, 3)
    return maps.reshape(kernel.shape)
