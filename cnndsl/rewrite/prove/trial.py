"""One application of a rule: whether what it led to keeps what the rule says it keeps."""

from __future__ import annotations

from ...diagnostics import CnnError
from ...graph import Module
from ...irtext import print_module, read_module
from ...op import Op
from ...passes.cost import cost, count
from ...passes.flatten import flatten, paths
from ...record import Record, replace
from ..carry import carry
from ..engine import Derivation
from ..replacement import retyped
from .choices import Choices
from .reach import inside_map, misread, sizes
from .training import in_training, is_trained

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from numpy.random import Generator
    from numpy.typing import NDArray

    from ...graph import Graph
    from ...symbol import Size

    Array = NDArray[Any]
    Weights = Mapping[str, Mapping[str, Array]]

BATCH = 2
LARGEST = 3
"""Magnitude of inputs and weights."""
SEEDS = range(100)
SILENT = {"kernel", "bias", "shift", "mean"}
"""What is zero where a channel says nothing."""
SIGNS = ("any", "any", "never above zero")
"""What inputs are like."""
ROUNDED = 1e-9
"""Relative difference that is rounding, where a real function leaves no choice."""
MISTAKES = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What a carrier raises that is given layers it was not made for."""
AMOUNTS = ("MACs", "layers", "weights", "operators", "operations", "outputs")
"""What simplifying makes less; the first that changes counts."""


class Problem(Record):
    """What is wrong.

    Arguments:
        text: half a sentence.
        positions: rows and columns of the output that differ.
        at_border: whether just those differ whose windows reach over the border; None where
            nothing tells, for every window does or there are no windows.
    """

    text: str
    positions: tuple[tuple[int, int], ...] = ()
    at_border: bool | None = None


class Trial(Record):
    """What an application led to, and what is wrong with it.

    Arguments:
        exact: whether all outputs were the same to the last bit.
    """

    derivation: Derivation
    problem: Problem | None
    exact: bool = False


def judge(derivation: Derivation, choices: Choices) -> Trial | str:
    """What is wrong with a derivation by one rule; the reason if weights cannot be moved."""
    rewrite = derivation.steps[0].rewrite
    problem = form(derivation) or reach(derivation)
    if problem is None and rewrite.repeats:
        problem = progress(derivation)
    if problem is not None or rewrite.is_architectural:
        return Trial(derivation, problem)
    seed, signs = choices.take("weights", SEEDS), choices.take("signs", SIGNS)
    try:
        return function(derivation, seed, signs, choices.take("silent channels", (0, 0, 0, 1)))
    except CnnError as refusal:
        if refusal.diagnostics[0].code != "E1007":
            raise
        return refusal.diagnostics[0].message


def form(derivation: Derivation) -> Problem | None:
    """Whether the result is a network with the same outputs, and its text reads back."""
    before, after = derivation.start, derivation.module
    functions = after.by_name
    for graph in after.functions:
        if retyped(graph, functions) != graph:
            return Problem(f"the types in `{graph.name}` are not those of its operators")
    training = "inference" not in derivation.steps[0].rewrite.kinds
    if _interface(before, training) != _interface(after, training):
        return Problem("inputs and outputs are not those of before")
    if read_module(print_module(after)) != after:
        return Problem("the text of the result does not read back")
    return None


def _interface(module: Module, training: bool) -> object:
    """Inputs and outputs, with or without those that exist in training only."""
    main = module.main
    outputs = zip(main.outputs, main.output_types, strict=True)
    return main.inputs, [(o.name, t) for o, t in outputs if training or not o.training]


def reach(derivation: Derivation) -> Problem | None:
    """Whether outputs read what they did, if the rule says so."""
    keeps = derivation.steps[0].rewrite.keeps
    if not {"window", "hull"} & {*keeps}:
        return None
    found = misread(derivation.start, derivation.module, hull="window" not in keeps)
    if found is None:
        return None
    output, side, source = found
    return Problem(f"`{output}` does not read the {side} of `{source}` that it did")


# -------------------------------------------------------------------- progress


def progress(derivation: Derivation) -> Problem | None:
    """Whether a rule that is repeated leaves less each time, so that it comes to an end."""
    for step in derivation.steps:
        before, after = measure(step.before), measure(step.after)
        if not after < before:
            return Problem(f"it does not simplify: {_counted(before)} become {_counted(after)}")
    return None


def measure(module: Module) -> tuple[Size, ...]:
    """The `AMOUNTS` of a network."""
    costs = cost(module, training=True)
    graph = flatten(module)
    types = graph.types
    layers = sum(
        isinstance(node.op, Op) and bool(node.op.weights(*(types[v] for v in node.inputs)))
        for node in graph.nodes
    )
    weights = costs.params + costs.statistics
    work = count(costs.total, "all-ops")
    return costs.macs, layers, weights, len(graph.nodes), work, len(graph.outputs)


def _counted(amounts: tuple[Size, ...]) -> str:
    return ", ".join(f"{n} {word}" for n, word in zip(amounts, AMOUNTS, strict=True))


# -------------------------------------------------------------------- function


def function(derivation: Derivation, seed: int, signs: str = SIGNS[0], silent: int = 0) -> Trial:
    """Whether both networks compute the same with the weights carried over.

    Arguments:
        silent: how many channels of every layer say nothing.
    """
    import numpy as np

    from ...interpret import interpret

    random = np.random.default_rng(seed)
    before, after = flatten(derivation.start), flatten(derivation.module)
    weights = _drawn(before, random, silent)
    try:
        moved = _moved(derivation, weights)
    except _Lost as mistake:
        return Trial(derivation, Problem(str(mistake)))
    if not all(step.rewrite.keeps_function for step in derivation.steps):
        return Trial(derivation, None)
    images = _images(before, random, signs)
    with np.errstate(all="ignore"):
        old, new = interpret(before, images, weights), interpret(after, images, moved)
    problem, exact = _compared(before, after, old, new)
    kinds = {kind for step in derivation.steps for kind in step.rewrite.kinds}
    if problem is None and "inference" not in kinds and is_trained(before, after):
        drops = "reparametrised" not in kinds  # other parameters, other masks
        old = in_training(before, images, weights, drops)
        new = in_training(after, images, moved, drops)
        problem, _ = _compared(before, after, old, new)
        problem = problem and replace(problem, text=f"while training, {problem.text}")
    return Trial(derivation, problem, exact)


def _drawn(graph: Graph, random: Generator, silent: int) -> dict[str, dict[str, Array]]:
    """Whole numbers as weights."""
    from ...interpret import draw_integers

    weights = draw_integers(graph, random, LARGEST)
    for roles in weights.values():
        for role in SILENT & roles.keys():
            roles[role][..., :silent] = 0
    return weights


def _images(graph: Graph, random: Generator, signs: str) -> dict[str, Array]:
    """A batch of whole numbers for every input."""
    most = 0 if signs == SIGNS[-1] else LARGEST
    shapes = {value.name: (BATCH, *sizes(value.type)) for value in graph.inputs}
    return {
        name: random.integers(-LARGEST, most, shape, endpoint=True)
        for name, shape in shapes.items()
    }


class _Lost(Exception):
    """Weights do not arrive, for the reason that the text says."""


def _moved(derivation: Derivation, weights: Weights) -> dict[str, dict[str, Array]]:
    """Weights of the flat graph before as those of the one after."""
    import numpy as np

    names = paths(derivation.start)
    exact = derivation.steps[0].rewrite.keeps_function
    kind = object if exact else float
    held = {names[n]: {r: x.astype(kind) for r, x in roles.items()} for n, roles in weights.items()}
    try:
        carried = carry(derivation, held)
    except MISTAKES as mistake:
        carrier = derivation.steps[0].rewrite.carrier
        raise _Lost(f"`{carrier}` fails: {type(mistake).__name__}: {mistake}") from None
    if carried.fresh:
        raise _Lost(f"nothing says what `{'.'.join(carried.fresh[0])}` holds")
    places = paths(derivation.module).items()
    moved = {
        name: {role: np.asarray(x) for role, x in carried.weights[path].items()}
        for name, path in places
        if path in carried.weights
    }
    _check_shapes(flatten(derivation.module), moved)
    costs = cost(derivation.module, training=True)
    arrived = sum(x.size for roles in moved.values() for x in roles.values())
    if arrived != costs.params + costs.statistics:
        raise _Lost(f"{arrived} weights arrive, and the costs say {costs.params}")
    return moved


def _check_shapes(graph: Graph, weights: Weights) -> None:
    """Every operator has just the weights that it needs."""
    types = graph.types
    for node in graph.nodes:
        if not isinstance(node.op, Op) or node.weights is not None:
            continue
        needs = {w.name: w.shape for w in node.op.weights(*(types[v] for v in node.inputs))}
        given = {role: x.shape for role, x in weights.get(node.name, {}).items()}
        if needs != given:
            raise _Lost(f"`{node.name}` gets {_said(given)}, and it needs {_said(needs)}")


def _said(shapes: Mapping[str, tuple[int, ...]]) -> str:
    said = (f"{role} {'x'.join(map(str, shape))}" for role, shape in shapes.items())
    return ", ".join(said) or "nothing"


def _compared(
    before: Graph, after: Graph, old: Mapping[str, Array], new: Mapping[str, Array]
) -> tuple[Problem | None, bool]:
    """The first output that differs, and whether all had to be equal to the last bit."""
    results = {output.name: old[output.value] for output in before.outputs}
    exact = True
    for output in after.outputs:
        wrong, is_exact = _differ(results[output.name], new[output.value])
        exact = exact and is_exact
        if wrong.any():
            return _described(before, output.name, wrong), False
    return None, exact


def _differ(old: Array, new: Array) -> tuple[Array, bool]:
    """Where two results differ, and whether they had to be equal to the last bit.

    Nothing is promised of what was no number: the greatest element of a window without any.
    """
    import numpy as np

    if old.dtype != np.float64 and new.dtype != np.float64:
        return np.asarray(old != new, dtype=bool), True
    old, new = old.astype(float), new.astype(float)
    finite = np.isfinite(old)
    margin = ROUNDED * max(1.0, np.abs(old[finite]).max(initial=0.0))
    return finite & ~np.isclose(old, new, 0, margin), False


def _described(graph: Graph, output: str, wrong: Array) -> Problem:
    """How much of an output is wrong, and where."""
    import numpy as np

    text = f"{int(wrong.sum())} of {wrong.size} numbers of `{output}` differ"
    if wrong.ndim < 4:
        return Problem(text)
    places = wrong.any(axis=(0, 3))
    positions = tuple((int(i), int(j)) for i, j in np.argwhere(places))
    inside = inside_map(graph, graph.inputs[0].name, output)
    if inside is None:
        return Problem(text, positions)
    within = np.logical_and.outer(*inside)
    if not within.any():
        return Problem(text, positions)
    at_border = not (places & within).any()
    return Problem(text + ", all of them at the border" * at_border, positions, at_border)
