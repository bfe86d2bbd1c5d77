"""Flax backend: a model as a Python module in `flax.nnx`."""

from __future__ import annotations

from collections.abc import Mapping

from cnndsl.graph import Module

from .module import EmissionError, emit_module
from .weights import Place, arrange, weight_map

__all__ = ["BACKEND", "EmissionError", "FlaxBackend", "Place", "arrange", "weight_map"]


class FlaxBackend:
    """Writes Python: one `nnx.Module` per block, the model, and `create(seed)`."""

    name = "flax"
    description = "a Python module in flax.nnx"
    suffix = ".py"

    def emit(self, module: Module, *, facts: Mapping[str, object] | None = None) -> str:
        """The module's text.

        Arguments:
            facts: counts for the header, by name.
        """
        return emit_module(module, facts)


BACKEND = FlaxBackend()
