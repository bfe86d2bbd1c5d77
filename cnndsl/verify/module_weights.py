"""Weights of a module by path and role, read from files and written to them.

    weights = read(module, "resnet50.pth")
    weights["conv3_x_2", "conv1"]["kernel"].shape
    write(module, weights, "resnet50.safetensors")

A path is the names of the calls down to an operator, and its own. It outlives a rewrite that
gives a call another function, for the call keeps its name. Arrays are laid out as `Op.weights`
says. An operator that uses the weights of another has none of its own here.
"""

from __future__ import annotations

from ..diagnostics import fail
from ..graph import Module
from ..passes.flatten import flatten, paths
from . import weights as verified
from .checkpoints import convert, read_checkpoint, save
from .ours import trace_of, with_training
from .trace import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping
    from typing import TypeVar

    import numpy as np

    from ..passes.flatten import Path
    from .trace import Shape

    T = TypeVar("T")
    Weights = Mapping[Path, Mapping[str, np.ndarray]]
    """The arrays of each operator by role."""


def read(module: Module, file: str) -> Weights:
    """The weights of a file, another framework's or one of ours, as `cnnc verify` reads it.

    Heads for training only may be missing. Raises CnnError with E0905 when the file cannot be
    read, and with E0906 when it is of another network or nothing tells which layer is which.
    """
    return by_path(convert(module, read_checkpoint(file)).weights)


def write(module: Module, weights: Weights, file: str, source: str = "") -> None:
    """Write weights for the emitted code of a module, whole or not at all.

    Arguments:
        file: a safetensors file; an Orbax folder where it ends in `.orbax` or `/`.
        source: the file that they are from, whose hash is noted.

    Raises CnnError with E0906 where they do not fit, with E0701 where nothing can be written.
    """
    check(module, weights)
    save(file, module, by_key(weights), source)


def draw(module: Module, seed: int = 0) -> Weights:
    """Random weights and statistics, none of them trivial, under which values stay tame."""
    return by_path(verified.draw(trace_of(with_training(module)), seed))


def flat(module: Module, weights: Weights) -> dict[str, Mapping[str, np.ndarray]]:
    """The weights by the names of the flat graph, whose nodes say with whom they share.

    Raises CnnError with E0906 where they do not fit.
    """
    check(module, weights)
    return {name: weights[path] for name, path in paths(module).items() if path in weights}


def renamed(module: Module, other: Module, weights: Weights) -> Weights:
    """The weights by the paths of another module of the same network, operator by operator."""
    pairs = zip(_operators(module), _operators(other), strict=True)
    return {after: weights[before] for before, after in pairs if before in weights}


def _operators(module: Module) -> list[Path]:
    """Where all operators are, in their order."""
    places = paths(module)
    return [places[node.name] for node in flatten(module).nodes]


def shapes(module: Module) -> dict[Path, dict[str, Shape]]:
    """The shapes of all weights that a module has, shared ones once."""
    slots = trace_of(with_training(module)).slots
    return by_path({key: slot.shape for key, slot in slots.items()})


def check(module: Module, weights: Weights) -> None:
    """Raise CnnError with E0906 for the first operator whose weights are not what it needs."""
    wanted = shapes(module)
    inference = by_path(trace_of(module).pruned().slots)
    for path in {**wanted, **weights}:
        need = wanted.get(path, {})
        given = {role: value.shape for role, value in weights.get(path, {}).items()}
        if given == need or (not given and path not in inference):
            continue
        fail(
            "E0906",
            f"these weights are not those of `{module.name}`: for `{'.'.join(path)}` there is "
            f"{_said(given)}, and it needs {_said(need)}",
        )


def _said(shapes: Mapping[str, Shape]) -> str:
    """`kernel 3x3x64x64, bias 64`"""
    return ", ".join(f"{role} {shown(shape)}" for role, shape in shapes.items()) or "nothing"


def by_key(weights: Weights) -> verified.Weights:
    """The weights by path and role in one, as `verify` and the backends take them."""
    return {(path, role): value for path, roles in weights.items() for role, value in roles.items()}


def by_path(keyed: Mapping[Hashable, T]) -> dict[Path, dict[str, T]]:
    """What is known by path and role in one, by path and then by role."""
    found: dict[Path, dict[str, T]] = {}
    for key, value in keyed.items():
        assert isinstance(key, tuple)
        path, role = key
        found.setdefault(path, {})[role] = value
    return found
