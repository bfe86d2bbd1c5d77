"""Where each weight of a module lives in the emitted model.

>>> from cnndsl.driver import compile_model
>>> module = compile_model("resnet50.cnn").module
>>> place = weight_map(module)[("conv2_x_bottleneck1", "conv1"), "kernel"]
>>> place.path, place.flipped
(('conv2_x', 0, 'conv1', 'kernel'), False)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cnndsl.graph import Call, Graph, Module
from cnndsl.record import Record

from .classes import classes_of
from .planned import Placed

if TYPE_CHECKING:
    import numpy as np

Key = tuple[tuple[str, ...], str]
"""Names of nodes from the main flow through the calls down to an operator, and the role."""


class Place(Record):
    """A variable of the emitted model.

    Arguments:
        path: attributes, and positions in lists, down to the variable.
        flipped: whether a kernel is stored mirrored along height and width, as
            transposed convolutions are.
    """

    path: tuple[str | int, ...]
    flipped: bool = False


def weight_map(module: Module) -> dict[Key, Place]:
    """The place of every weight and running statistic. Shared weights stand once."""
    _, placed = classes_of(module)
    found: dict[Key, Place] = {}
    _collect(module, module.main, placed, (), (), found)
    return found


def arrange(module: Module, weights: Mapping[Key, np.ndarray]) -> dict[tuple[Any, ...], Any]:
    """Weights laid out as in the IR, by their paths in the emitted model.

    With them, the model takes them over:

        model = create()
        state = nnx.state(model)
        for path, variable in nnx.to_flat_state(state):
            if path in arranged:
                variable.set_value(jnp.asarray(arranged[path]))
        nnx.update(model, state)
    """
    places = weight_map(module)
    return {
        places[key].path: value[::-1, ::-1] if places[key].flipped else value
        for key, value in weights.items()
    }


def _collect(
    module: Module,
    graph: Graph,
    placed: Mapping[str, Placed],
    nodes: tuple[str, ...],
    path: tuple[str | int, ...],
    found: dict[Key, Place],
) -> None:
    """Add the weights of one function, called at `nodes` and built at `path`."""
    here = placed[graph.name]
    if here.cls is None:
        return
    paths = here.cls.paths(here.copy)
    functions = module.by_name
    said = {node.name: step.said for step in here.steps for node in step.nodes}
    for node in graph.nodes:
        if node.name not in paths or node.weights is not None:
            continue
        at = (*path, *paths[node.name])
        if isinstance(node.op, Call):
            _collect(module, functions[node.op.function], placed, (*nodes, node.name), at, found)
            continue
        rule = said[node.name]
        assert rule is not None
        names = dict(rule.variables)
        types = graph.types
        for weight in node.op.weights(*(types[value] for value in node.inputs)):
            flipped = rule.flipped and weight.name == "kernel"
            place = Place((*at, names[weight.name]), flipped)
            found[(*nodes, node.name), weight.name] = place
