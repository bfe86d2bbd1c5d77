"""Keras's HDF5 files. The configuration of the model, if there is one, is never looked at.

There are two layouts. In the older one every layer is a group that names its weights, in
order. In the newer one a layer's weights are `vars/0`, `vars/1`, … in a group that is named
by the class of the layer and counted: `layers/conv2d_3/vars/0`. Both lists are in Keras's
order of weights, so weights are known by their number here: `conv1/0`.
"""

from __future__ import annotations

import os
from itertools import count

from .files import Checkpoint, broken, check_claim

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    import numpy as np

    Path = tuple[str, ...]

CONTAINERS = ("layers", "_layer_checkpoint_dependencies")
"""Groups that only hold layers, and say nothing."""
TRAINING = ("optimizer", "optimizer_weights", "metrics", "compile_metrics")
MAX_OBJECTS = 200_000
AGAIN = "save it again with `model.save_weights(FILE)`"


def read(path: str) -> Checkpoint:
    return read_from(path, path, os.path.getsize(path))


def read_from(path: str, source: Any, size: int) -> Checkpoint:
    """Read `source`, a path or a stream, which `path` is called and has `size` bytes."""
    import h5py

    with h5py.File(source, "r") as file:
        datasets = dict(_datasets(path, file))
        check_claim(path, sum((d.size or 0) * d.dtype.itemsize for d in datasets.values()), size)
        root = ("model_weights",) if "model_weights" in file else ()
        group = file[root[0]] if root else file
        if "layer_names" in group.attrs or "layer_names0" in group.attrs:
            named = _older(group, datasets, root)
        else:
            named = _newer(file, datasets)
        return _numbered(path, named)


def _numbered(path: str, named: Iterator[tuple[str, object, Any]]) -> Checkpoint:
    """Weights by the name of their layer and their number in it."""
    import numpy as np

    tensors: dict[str, np.ndarray] = {}
    places: dict[str, object] = {}
    counted: dict[str, int] = {}
    for layer, place, dataset in named:
        if dataset.dtype.kind == "f" and dataset.size:
            number = counted[layer] = counted.get(layer, -1) + 1
            tensors[f"{layer}/{number}"] = np.asarray(dataset[()], np.float32)
            places.setdefault(layer, place)
    return Checkpoint(path, "keras", tensors, places)


def _datasets(path: str, file: Any) -> Iterator[tuple[Path, Any]]:
    """Every array of the file itself by its path; whatever leads elsewhere is refused."""
    import h5py

    seen: set[int] = set()
    stack: list[tuple[Path, Any]] = [((), file)]
    while stack:
        at, group = stack.pop()
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                broken(path, f"`{'/'.join((*at, name))}` leads to another place or file", AGAIN)
            found = group[name]
            address = h5py.h5o.get_info(found.id).addr
            if address in seen or len(seen) > MAX_OBJECTS:
                broken(path, f"`{'/'.join((*at, name))}` is there more than once", AGAIN)
            seen.add(address)
            if isinstance(found, h5py.Group):
                stack.append(((*at, name), found))
            elif isinstance(found, h5py.Dataset):
                if found.external or found.is_virtual:
                    broken(path, f"`{'/'.join((*at, name))}` is in another file", AGAIN)
                yield (*at, name), found


# ----------------------------------------------------------------- the two layouts


def _older(group: Any, datasets: dict[Path, Any], root: Path) -> Iterator[tuple[str, object, Any]]:
    """Layer, place and array of each weight, in the order in which the file lists them."""
    place = count()
    for layer in _listed(group, "layer_names"):
        if layer not in group:
            continue
        for weight in _listed(group[layer], "weight_names"):
            inner = tuple(weight.split("/"))
            dataset = datasets.get((*root, layer, *inner))
            if dataset is not None:
                scopes = inner[:-1]
                own = not scopes or scopes[-1] == layer
                name = layer if own else "/".join((layer, *scopes))  # a model in a model
                yield name, next(place), dataset


def _listed(group: Any, name: str) -> list[str]:
    """A list of names, which long ones are cut into pieces for."""
    pieces = [name] if name in group.attrs else []
    number = 0
    while f"{name}{number}" in group.attrs:
        pieces.append(f"{name}{number}")
        number += 1
    found = [entry for piece in pieces for entry in group.attrs[piece]]
    return [entry.decode() if isinstance(entry, bytes) else str(entry) for entry in found]


def _newer(file: Any, datasets: dict[Path, Any]) -> Iterator[tuple[str, object, Any]]:
    """The same; layers of one class are counted in the order of the program."""
    groups: dict[Path, list[tuple[int, Any]]] = {}
    for path, dataset in datasets.items():
        if len(path) > 2 and path[-2] == "vars" and path[0] not in TRAINING and path[-1].isdigit():
            groups.setdefault(path[:-2], []).append((int(path[-1]), dataset))
    for path in sorted(groups):
        for _, dataset in sorted(groups[path], key=lambda pair: pair[0]):
            yield _name(file, path), path, dataset


def _name(file: Any, path: Path) -> str:
    """What the user calls a layer, where the file says it."""
    parts = []
    for depth, part in enumerate(path):
        if part in CONTAINERS:
            continue
        said = None
        if depth and path[depth - 1] in CONTAINERS:
            variables = file["/".join(path[: depth + 1])].get("vars")
            said = None if variables is None else variables.attrs.get("name")
        parts.append(said if isinstance(said, str) else part)
    return "/".join(parts)
