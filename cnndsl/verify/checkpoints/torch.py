"""`.pth` and `.pt`: pickles of tensors, read by PyTorch with nothing else allowed in them."""

from __future__ import annotations

import os
from collections.abc import Mapping

from .files import Checkpoint, broken, check_claim

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

WRAPPERS = ("state_dict", "model_state_dict", "model", "module", "network", "net", "params")
"""Where training programs put the weights, beside optimisers and counters."""
SAFE_SINCE = (2, 6)
"""Before, `weights_only` could be got round (CVE-2025-32434)."""
ADVICE = (
    "save only the weights, with the program that made it: "
    "`torch.save(model.state_dict(), FILE)` or `safetensors.torch.save_model(model, FILE)`"
)


def read(path: str) -> Checkpoint:
    import pickle

    import torch

    _check_version(path, torch.__version__)
    _check_archive(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as problem:
        broken(path, _reason(str(problem)), ADVICE)
    except (RuntimeError, EOFError, ValueError, KeyError, AttributeError):
        broken(path, "it is cut off or damaged", "copy or download it again")
    state = _state(path, content)
    _check_views(path, state)
    tensors = {
        name: tensor.detach().to(torch.float32).numpy()
        for name, tensor in state.items()
        if tensor.is_floating_point()
    }
    return Checkpoint(path, "torch", tensors, _Places(tensors))


class _Places(dict[str, object]):
    """A program lists its tensors in the order in which it defines them."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        super().__init__()
        for name in names:
            self.setdefault(name.rpartition(".")[0], len(self))


def _check_version(path: str, version: str) -> None:
    numbers = tuple(int(part) for part in version.split(".")[:2])
    if numbers < SAFE_SINCE:
        wanted = ".".join(map(str, SAFE_SINCE))
        broken(path, f"PyTorch {version} is not safe to read it with", f"install {wanted} or later")


def _check_archive(path: str) -> None:
    """PyTorch stores uncompressed: an archive cannot unpack to more than its file."""
    from zipfile import ZipFile, is_zipfile

    if is_zipfile(path):
        with ZipFile(path) as archive:
            claimed = sum(entry.file_size for entry in archive.infolist())
        check_claim(path, claimed, os.path.getsize(path))


def _reason(said: str) -> str:
    """What is wrong with a pickle, without PyTorch's advice to trust it."""
    from re import search

    found = search(r"GLOBAL ([\w.]+)", said)
    if found is None:
        return "it is no file of weights"
    return f"it asks to run `{found[1]}`, which no weights need, and was not allowed to"


def _state(path: str, content: object) -> dict[str, Any]:
    """The mapping of names to tensors, wherever it is in the content."""
    import torch

    trail = ""
    while isinstance(content, Mapping):
        found = {str(k): v for k, v in content.items() if isinstance(v, torch.Tensor)}
        if found:
            return found
        inner = {str(k): v for k, v in content.items() if isinstance(v, Mapping) and v}
        known = [name for name in WRAPPERS if name in inner]
        if not known and len(inner) > 1:
            broken(path, f"it holds several things: {', '.join(inner)}", ADVICE)
        trail = next(iter([*known, *inner]), "")
        content = inner.get(trail)
    broken(path, "it holds no weights by name", ADVICE)


def _check_views(path: str, state: Mapping[str, Any]) -> None:
    """A tensor that shows few numbers many times is not a weight."""
    import torch

    for name, tensor in state.items():
        if tensor.layout is not torch.strided or tensor.is_meta or tensor.is_quantized:
            broken(path, f"`{name}` is no plain tensor", ADVICE)
        check_claim(path, tensor.nbytes, tensor.untyped_storage().nbytes())
