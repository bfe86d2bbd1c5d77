"""Orbax's folders, as `StandardCheckpointer` writes them."""

from __future__ import annotations

import os

from .files import Checkpoint, check_claim
from .safetensors import dialect_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


def read(path: str) -> Checkpoint:
    import numpy as np
    import orbax.checkpoint as ocp

    at = os.path.abspath(path)
    with ocp.StandardCheckpointer() as checkpointer:
        described = _leaves(checkpointer.metadata(at).item_metadata.tree)
        claimed = sum(int(np.prod(leaf.shape)) * leaf.dtype.itemsize for _, leaf in described)
        check_claim(path, 0, claimed)
        content = checkpointer.restore(at)
    tensors = {
        ".".join(part for part in name if part != "value"): np.asarray(leaf, np.float32)
        for name, leaf in _leaves(content)
        if np.issubdtype(np.asarray(leaf).dtype, np.floating)
    }
    return Checkpoint(path, dialect_of(tensors), tensors)


def _leaves(tree: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The arrays of nested mappings, by path."""
    if not isinstance(tree, dict):
        yield path, tree
        return
    for name, inner in tree.items():
        yield from _leaves(inner, (*path, str(name)))
