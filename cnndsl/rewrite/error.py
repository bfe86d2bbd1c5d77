"""How far an approximate step is off, measured: never a product of bounds.

    errors(step, before, after)      for each place, of the kernel and of what comes out
    network_error(old, new, ...)     of the outputs of two whole networks

Errors are relative, in the Euclidean norm: 0.1 means that a tenth of the length is wrong. A
fragment is run on white noise, with its bias and its borders, on a map no larger than it needs.
A transform is no fragment, so the whole network is run before and after it.
"""

from __future__ import annotations

from ..graph import Graph, Module, inference_graph
from ..passes.flatten import flatten, paths
from ..record import Record, replace
from ..symbol import Symbol
from ..types import TensorType, map_type
from .places import occurrences
from .transforms import Untransformed
from .transforms.rebuild import rebuilt
from .transforms.resolution import with_its_weights

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .carry import Path, Weights
    from .engine import Step
    from .moves import Move

LARGEST = 32
"""Height and width of the maps that fragments run on, where the network's are larger."""


class Error(Record):
    """The relative error at one place.

    Arguments:
        function: the function of the module.
        name: the first operator that was replaced, by its path.
        weight: of the kernel; None where no one kernel says what the fragment does.
        output: of what comes out for white noise.
    """

    function: str
    name: str
    weight: float | None
    output: float


def errors(step: Step, before: Weights, after: Weights) -> tuple[Error, ...]:
    """The errors of a step at all of its places, from the weights before and after it."""
    if step.mover is not None:
        output = network_error(step.before, step.after, before, after)
        lost = lost_share(before, after)
        return (Error(step.after.main.name, step.rewrite.text, lost, output),)
    places = occurrences(step.after)
    found = (
        _error(step, move, path, before, after)
        for move in step.moves
        for path in places[move.function]
    )
    return tuple(error for error in found if error is not None)


def network_error(
    old: Module, new: Module, before: Weights, after: Weights, seed: int = 0
) -> float:
    """The relative error of all outputs together, for one random input."""
    one, other = _inference(old), _inference(new)
    return relative(_outputs(one, (), before, seed), _outputs(other, (), after, seed))


def relative(exact: Any, approximate: Any) -> float:
    """The length of the difference, measured in the length of what would be right."""
    import numpy as np

    length, off = np.linalg.norm(exact), np.linalg.norm(exact - approximate)
    return float(off / length) if length else float(off)


def lost_share(before: Weights, after: Weights) -> float:
    """What kernels lost whose channels were cut off, measured in the length of all kernels."""
    old, new = _square(before), _square(after)
    return float(max(old - new, 0.0) / old) ** 0.5 if old else 0.0


def _square(weights: Weights) -> float:
    """The squared length of all kernels."""
    kernels = (arrays["kernel"] for arrays in weights.values() if "kernel" in arrays)
    return sum(float((kernel.astype(float) ** 2).sum()) for kernel in kernels)


def _error(step: Step, move: Move, path: Path, before: Weights, after: Weights) -> Error | None:
    """The error at one place; None where there are no weights, or those of another."""
    if not move.old or (*path, move.old[0].name) not in before:
        return None
    left, right = _fragments(step, move)
    output = relative(_outputs(left, path, before, 0), _outputs(right, path, after, 0))
    weight = _of_kernels(left, right, path, before, after)
    return Error(move.function, ".".join((*path, move.old[0].name)), weight, output)


def _of_kernels(
    left: Module, right: Module, path: Path, before: Weights, after: Weights
) -> float | None:
    from .kernel import kernel_of

    exact = kernel_of(flatten(left), _roles(left, path, before))
    made = kernel_of(flatten(right), _roles(right, path, after))
    if exact is None or made is None or exact.axes != made.axes:
        return None
    return relative(exact.taps, made.taps)


def _fragments(step: Step, move: Move) -> tuple[Module, Module]:
    """Both sides as modules, on a small map if that is all the same to them."""
    left, right = _alone(step.before, move.left), _alone(step.after, move.right)
    small = [_small(value.type) for value in move.left.inputs]
    try:
        return (
            rebuilt(left, inputs=small, adapt=with_its_weights),
            rebuilt(right, inputs=small, adapt=with_its_weights),
        )
    except Untransformed:
        return left, right


def _alone(module: Module, graph: Graph) -> Module:
    """A fragment as the main flow, under a name that no function has."""
    return replace(module, functions=(*module.functions, replace(graph, name="")))


def _small(type: TensorType) -> TensorType:
    if not type.is_map:
        return type
    height, width, channels = _sizes(type)
    return map_type(min(height, LARGEST), min(width, LARGEST), channels, type.dtype)


def _sizes(type: TensorType) -> tuple[int, ...]:
    """The sizes of a type; where any will do, the largest that fragments have."""
    return tuple(LARGEST if isinstance(size, Symbol) else size for size in type.shape)


def _inference(module: Module) -> Module:
    return replace(module, functions=(*module.functions[:-1], inference_graph(module.main)))


def _outputs(module: Module, path: Path, weights: Weights, seed: int) -> Any:
    """All that comes out of a module that stands at a path, for white noise."""
    import numpy as np

    from ..interpret import interpret

    graph = flatten(module)
    rng = np.random.default_rng(seed)
    inputs = {value.name: rng.normal(size=(1, *_sizes(value.type))) for value in graph.inputs}
    values = interpret(graph, inputs, _roles(module, path, weights))
    return np.concatenate([values[output.value].ravel() for output in graph.outputs])


def _roles(module: Module, path: Path, weights: Weights) -> dict[str, dict[str, Any]]:
    """The weights by the names of the flat graph, as floats."""
    return {
        name: {role: array.astype(float) for role, array in weights[(*path, *inner)].items()}
        for name, inner in paths(module).items()
        if (*path, *inner) in weights
    }
