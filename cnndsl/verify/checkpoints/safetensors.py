"""`.safetensors`: a JSON header and raw numbers. The package checks the one against the other."""

from __future__ import annotations

import os

from .files import Checkpoint, broken, check_claim

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np

FLOATS = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}
"""Weights are floating-point numbers; what counts batches is none."""


def read(path: str) -> Checkpoint:
    import ml_dtypes  # noqa: F401 - teaches NumPy bfloat16
    import numpy as np
    from safetensors import SafetensorError, deserialize

    check_claim(path, 0, os.path.getsize(path))
    with open(path, "rb") as stream:
        content = stream.read()
    try:
        entries = deserialize(content)  # type: ignore[no-untyped-call]
    except SafetensorError as problem:
        broken(path, f"its header is wrong ({problem})", "copy or download it again")
    tensors: dict[str, np.ndarray] = {}
    for name, entry in sorted(entries):
        if entry["dtype"] in FLOATS:
            raw = np.frombuffer(entry["data"], np.dtype(FLOATS[entry["dtype"]]))
            tensors[name] = raw.reshape(entry["shape"]).astype(np.float32, copy=False)
    return Checkpoint(path, dialect_of(tensors), tensors)


def dialect_of(names: Iterable[str]) -> str:
    """PyTorch says `weight`, Flax says `kernel`."""
    return "torch" if any(name.split(".")[-1] == "weight" for name in names) else "flax"
