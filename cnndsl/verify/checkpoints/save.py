"""Weights as a file for the emitted model, by the names that they have in it."""

from __future__ import annotations

import os

from ...backend import weighted_backend
from ...diagnostics import fail
from ...graph import Module
from ...output import folder_for, write_all
from ...version import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import numpy as np

    from ..weights import Weights


def save(path: str, module: Module, weights: Weights, source: str = "") -> None:
    """Write weights for the emitted code of a module, whole or not at all.

    A path that ends in `.orbax` or `/` becomes an Orbax checkpoint of the model's state; any
    other is a safetensors file.

    Arguments:
        source: the file that they are from, whose hash is noted.

    Raises CnnError with E0701.
    """
    if path.endswith((".orbax", "/")):
        _save_folder(path, _by_path(module, weights))
        return
    write_all({path: safetensors_of(module, weights, source)})


def safetensors_of(module: Module, weights: Weights, source: str = "") -> bytes:
    """The content of a safetensors file."""
    from safetensors.numpy import save as bytes_of

    tensors = _by_path(module, weights)
    named = {".".join(map(str, at)): value for at, value in tensors.items()}
    about = {"model": module.name, "cnnc": __version__}
    if os.path.isfile(source):
        about["source_sha256"] = _sha256(source)
    return bytes_of(named, about)


def _sha256(path: str) -> str:
    from hashlib import file_digest

    with open(path, "rb") as stream:
        return file_digest(stream, "sha256").hexdigest()


def _by_path(module: Module, weights: Weights) -> dict[tuple[str | int, ...], np.ndarray]:
    """Contiguous arrays as the emitted model keeps them."""
    import numpy as np

    arranged = weighted_backend().arrange(module, weights)
    return {path: np.ascontiguousarray(value, np.float32) for path, value in arranged.items()}


def _save_folder(path: str, tensors: dict[tuple[str | int, ...], np.ndarray]) -> None:
    """As nested mappings, which `nnx.replace_by_pure_dict` takes."""
    try:
        import orbax.checkpoint as ocp
    except ImportError:
        help = "pip install orbax-checkpoint, or write a `.safetensors` file"
        fail("E0701", f"cannot write `{path}`: Orbax is not installed", help=(help,))
    tree: dict[str, Any] = {}
    for (*parents, name), value in tensors.items():
        inner = tree
        for parent in parents:
            inner = inner.setdefault(str(parent), {})
        inner[str(name)] = value
    with folder_for(path) as folder, ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(folder, tree)
        checkpointer.wait_until_finished()
