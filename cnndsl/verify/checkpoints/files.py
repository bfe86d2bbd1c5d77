"""What a file of weights is, judged by its first bytes, and what is read from it.

No file is trusted: nothing in it is ever run, no other file is opened because it says so,
and no memory is taken for numbers that it only claims to have.
"""

from __future__ import annotations

import os

from ...diagnostics import CnnError, fail
from ...record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import BinaryIO, NoReturn

    import numpy as np

READERS = {
    "safetensors": "cnndsl.verify.checkpoints.safetensors",
    "torch": "cnndsl.verify.checkpoints.torch",
    "hdf5": "cnndsl.verify.checkpoints.hdf5",
    "keras": "cnndsl.verify.checkpoints.keras",
    "orbax": "cnndsl.verify.checkpoints.orbax",
}
"""Module of each format; its function `read(path)` gives the checkpoint."""
READABLE = "safetensors, PyTorch (.pth, .pt), Keras (.weights.h5, .h5, .keras), Orbax (a folder)"
MAX_BYTES = 16 << 30
"""Four times the largest convolutional networks."""
MAX_TENSORS = 50_000
MAX_NAME = 500


class Checkpoint(Record):
    """What a file holds.

    Arguments:
        path: the file.
        dialect: whose names and layouts it has: `torch`, `keras` or `flax`.
        tensors: every weight by its name, as it is laid out in the file. The last part of a
            name is the weight's role, or its number where the format knows no roles.
        places: for each layer where it stands in the order of the file, where that order
            is the program's; otherwise only numbers in names tell an order.
    """

    path: str
    dialect: str
    tensors: Mapping[str, np.ndarray]
    places: Mapping[str, object] = {}


def read_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a file of weights. Raises CnnError with E0905 when that cannot be done."""
    import warnings
    from importlib import import_module

    path = os.fspath(path)
    try:
        read: Callable[[str], Checkpoint] = import_module(READERS[_format(path)]).read
        with warnings.catch_warnings(action="ignore"):
            found = read(path)
        _check_names(path, found)
        return found
    except CnnError:
        raise
    except ImportError as problem:
        broken(path, f"`{problem.name}` is not installed", f"pip install {problem.name}")
    except MemoryError:
        broken(path, "there is not enough memory for it")
    except Exception as problem:  # whatever a library says about a file that is not whole
        said = (str(problem).splitlines() or [""])[0]
        broken(path, f"{type(problem).__name__}: {said}", "copy or download it again")


def broken(path: str, why: str, help: str = "") -> NoReturn:
    """Raise E0905: the file cannot be used, and what to do next."""
    fail("E0905", f"`{path}` cannot be read: {why}", help=(help,) if help else ())


def check_claim(path: str, claimed: int, held: int) -> None:
    """Raise E0905 when a file claims more bytes than it holds, or more than any network has."""
    if claimed > held:
        broken(
            path,
            f"it claims {claimed:,} bytes of weights and holds {held:,}",
            "a file that is whole holds what it claims, uncompressed; save it again",
        )
    if claimed > MAX_BYTES:
        broken(path, f"its weights have {claimed:,} bytes, and the limit is {MAX_BYTES:,}")


def _check_names(path: str, found: Checkpoint) -> None:
    if not found.tensors:
        broken(path, "it holds no weights")
    if len(found.tensors) > MAX_TENSORS or max(map(len, found.tensors)) > MAX_NAME:
        broken(path, "it holds more tensors, or longer names, than networks have")


def _format(path: str) -> str:
    if os.path.isdir(path):
        if os.path.exists(os.path.join(path, "_CHECKPOINT_METADATA")):
            return "orbax"
        broken(path, "it is a folder, and no checkpoint of Orbax", f"readable: {READABLE}")
    try:
        with open(path, "rb") as stream:
            return _format_of(path, stream)
    except OSError as problem:
        reason = problem.strerror or str(problem)
        broken(path, reason[:1].lower() + reason[1:], "the path is that of the folder you are in")


def _format_of(path: str, stream: BinaryIO) -> str:
    head = stream.read(16)
    if head.startswith(b"PK\x03\x04"):
        return _archive(path, stream)
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return "hdf5"
    if head.startswith(b"\x80"):
        return "torch"
    if head[8:9] == b"{":
        return "safetensors"
    if not head:
        broken(path, "it is empty", "copy or download it again")
    broken(path, "it is of no format that is known", f"readable: {READABLE}")


def _archive(path: str, stream: BinaryIO) -> str:
    from zipfile import BadZipFile, ZipFile

    try:
        names = ZipFile(stream).namelist()
    except BadZipFile:
        broken(path, "the archive is cut off or damaged", "copy or download it again")
    if "model.weights.h5" in names:
        return "keras"
    if any(name.endswith("/data.pkl") for name in names):
        return "torch"
    broken(path, "it is an archive without weights", f"readable: {READABLE}")
