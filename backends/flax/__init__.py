"""Flax backend: a model as a Python module in `flax.nnx`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from cnndsl.graph import Module
from cnndsl.notation import number, whole_formula
from cnndsl.passes.cost import cost
from cnndsl.symbol import Size

from .module import EmissionError, emit_module
from .weights import Key, Place, arrange, weight_map

__all__ = ["BACKEND", "EmissionError", "FlaxBackend", "Place", "arrange", "weight_map"]


class FlaxBackend:
    """Writes Python: one `nnx.Module` per block, the model, and `create(seed)`."""

    name = "flax"
    description = "a Python module in flax.nnx"
    suffix = ".py"
    requires: ClassVar = {"jax": "0.6", "flax": "0.12"}

    def emit(self, module: Module, *, facts: Mapping[str, object] | None = None) -> str:
        """The module's text.

        Arguments:
            facts: counts for the header, by name; by default parameters and MACs.
        """
        return emit_module(module, counts(module) if facts is None else facts)

    def weight_map(self, module: Module) -> dict[Key, Place]:
        """Where the emitted code keeps each weight."""
        return weight_map(module)

    def arrange(self, module: Module, weights: Mapping[Key, Any]) -> dict[tuple[Any, ...], Any]:
        """Weights laid out as in the IR, by their paths in the emitted model."""
        return arrange(module, weights)


def counts(module: Module) -> dict[str, object]:
    """What the header says of a network's size."""
    costs = cost(module)
    return {"parameters": _counted(costs.params), "MACs": _counted(costs.macs)}


def _counted(size: Size) -> str:
    """A number, or a formula for the sizes that lose nothing to rounding."""
    simple = None if isinstance(size, int) else whole_formula(size)
    return number(size) if simple is None else simple[0]


BACKEND = FlaxBackend()
