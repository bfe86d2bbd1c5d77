"""`.keras`: an archive whose `model.weights.h5` has the weights. Nothing else in it is read."""

from __future__ import annotations

import os
from io import BytesIO
from zipfile import ZipFile

from . import hdf5
from .files import Checkpoint, check_claim

WEIGHTS = "model.weights.h5"


def read(path: str) -> Checkpoint:
    with ZipFile(path) as archive:
        entry = archive.getinfo(WEIGHTS)
        check_claim(path, entry.file_size, os.path.getsize(path))
        return hdf5.read_from(path, BytesIO(archive.read(entry)), entry.file_size)
