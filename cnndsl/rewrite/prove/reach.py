"""What outputs read: found by marking rows and columns of the input and looking where they arrive.

One image of a batch has a row that is no number, and whatever depends on it is none either. This
is found by computing the network, so it owes nothing to the algebra of windows that it checks.
"""

from __future__ import annotations

from ...passes.flatten import flatten
from ...types import as_map
from ..windows import readings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from ...graph import Graph, Module
    from ...types import TensorType

    Array = NDArray[Any]
    Inside = tuple[Array, Array]
    """Which rows and which columns of an output have a window that lies on the map."""

SIDES = ("rows", "columns")


def misread(before: Module, after: Module, hull: bool) -> tuple[str, str, str] | None:
    """The first output that does not read what it did, the side and the input; None if all do.

    Arguments:
        hull: it may leave out what lies between the ends.

    At the border of a map, zeros between two layers hide a part of what the window of both
    reads. So only windows that lie on the map are compared.
    """
    import numpy as np

    graph = flatten(before)
    reads, now = dependence(graph), dependence(flatten(after))
    for key, old in reads.items():
        source, output, side = key
        rows, columns = inside_map(graph, source, output) or (slice(None), slice(None))
        across = 2 - SIDES.index(side)
        was, new = (
            np.asarray(marks[:, rows][:, :, columns].any(axis=across)) for marks in (old, now[key])
        )
        if (_ends(was) != _ends(new)).any() if hull else (was != new).any():
            return output, side, source
    return None


def dependence(graph: Graph) -> dict[tuple[str, str, str], Array]:
    """For each input, output and side: which row (or column) each position depends on."""
    import numpy as np

    from ...interpret import draw_integers, interpret

    weights = {
        name: {role: x.astype(float) for role, x in roles.items()}
        for name, roles in draw_integers(graph, np.random.default_rng(0)).items()
    }
    found: dict[tuple[str, str, str], Array] = {}
    for source in graph.inputs:
        for axis, side in enumerate(SIDES):
            count = _side(source.type, axis)
            values = {v.name: np.ones((count, *sizes(v.type))) for v in graph.inputs}
            lines = values[source.name].reshape(count, *sizes(as_map(source.type)))
            lines.swapaxes(1, 1 + axis)[range(count), range(count)] = np.nan
            with np.errstate(invalid="ignore"):
                results = interpret(graph, values, weights)
            for output, type in zip(graph.outputs, graph.output_types, strict=True):
                marks = np.isnan(results[output.value].astype(float))
                marks = marks.reshape(count, *sizes(as_map(type)))
                found[source.name, output.name, side] = marks.any(axis=3)
    return found


def inside_map(graph: Graph, source: str, output: str) -> Inside | None:
    """Where the windows of an output lie on the map; None when it has no window."""
    import numpy as np

    reading = readings(graph, {}).get((source, output))
    if reading is None:
        return None
    results = dict(zip((o.name for o in graph.outputs), graph.output_types, strict=True))
    found = []
    for side, axis in enumerate(reading):
        first = np.arange(_side(results[output], side)) * axis.stride - axis.lo
        last = first + axis.extent
        found.append(np.asarray((first >= 0) & (last < _side(graph.types[source], side))))
    return found[0], found[1]


def sizes(type: TensorType) -> tuple[int, ...]:
    """The shape of a value whose sizes are known."""
    return tuple(size for size in type.shape if isinstance(size, int))


def _side(type: TensorType, axis: int) -> int:
    """Height or width; that of a vector is 1."""
    return sizes(as_map(type))[axis]


def _ends(marks: Array) -> Array:
    """The first and the last that is marked, and whether there is any."""
    import numpy as np

    return np.stack([marks.argmax(axis=0), marks[::-1].argmax(axis=0), marks.any(axis=0)])
