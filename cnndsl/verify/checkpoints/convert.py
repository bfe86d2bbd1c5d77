"""Weights of a file as ours, without the program that they are from.

The layers of the file and ours must be the same one by one, by shapes, and `pairing` finds
which is which. A file of our own says by its names where everything belongs.
"""

from __future__ import annotations

from ...backend import weighted_backend
from ...diagnostics import fail
from ...escape import visible
from ...graph import Module
from ...record import Record, replace
from ..match import Pairing
from ..trace import shown
from ..weights import carried_back
from .choice import Choice, listed, misfit, setting
from .files import Checkpoint
from .layers import FLATTENED, fitted, layers_of
from .own import Ours
from .pairing import Undecided, paired

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping
    from typing import NoReturn

    from ..trace import Trace
    from ..weights import Weights

AGAINST = {
    "torch": "torch:MODULE:FACTORY",
    "keras": "keras:NAME",
    "flax": "flax:MODULE:CLASS",
}
"""How the program is named that can say which layer is which."""


class Conversion(Record):
    """Weights of ours, and what became of the rest.

    Arguments:
        weights: arrays laid out as in the IR, by the keys of `weight_map`.
        layers: how many layers they belong to.
        left_out: layers of the file for which the model has no place.
        missing: layers of ours, used in training only, that are not in the file.
    """

    weights: Weights
    layers: int
    left_out: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def described(found: Conversion) -> str:
    """What was taken, and what was not, for the terminal."""
    lines = [f"{found.layers} layers, paired by names, order and shapes; `--against` proves it"]
    if found.left_out:
        lines.append(f"left out, the model has no place for them: {listed(found.left_out)}")
    if found.missing:
        lines.append(f"not in the file, for training only: {listed(found.missing)}")
    return "\n".join(map(visible, lines))


def convert(module: Module, checkpoint: Checkpoint) -> Conversion:
    """The weights of a file for a module.

    Auxiliary heads are taken over when the file has them, else they stay as they are; parts
    of the file that are more than the network are left out.

    Raises CnnError with E0906 when the file has other layers, or when nothing tells which
    layer is which.
    """
    places = weighted_backend().weight_map(module)
    names = {".".join(map(str, place.path)): key for key, place in places.items()}
    ours = Ours(module)
    if checkpoint.tensors.keys() <= names.keys():
        flipped = {key for key, place in places.items() if place.flipped}
        return _by_name(ours, checkpoint, names, flipped)
    pairs = _pairs(ours, checkpoint)
    found, steps = _fitted(ours, checkpoint, pairs)
    here = Pairing({step: step for step in steps}, {key: key for key in found})
    there = _flattening(ours.trace, FLATTENED[checkpoint.dialect])
    taken = set(pairs.values())
    return Conversion(
        carried_back(found, here, ours.trace, there),
        len(pairs),
        tuple(x.name for i, x in enumerate(layers_of(checkpoint)) if i not in taken),
        tuple(layer.name for i, layer in enumerate(ours.layers) if i not in pairs),
    )


def _pairs(ours: Ours, checkpoint: Checkpoint) -> dict[int, int]:
    """Position of a layer of the file by that of ours."""
    layers = layers_of(checkpoint)
    choice = Choice(checkpoint.path, layers, ours, checkpoint.dialect)
    number = {position: i for i, position in enumerate(choice.ours)}
    mine = [
        replace(own, earlier=frozenset(number[i] for i in own.earlier if i in number))
        for own in (ours.layers[i] for i in choice.ours)
    ]
    others = [layers[i] for i in choice.theirs]
    theirs, own = choice.colors
    colors = [theirs[i] for i in choice.theirs], [own[i] for i in choice.ours]
    try:
        pairs = paired(others, mine, colors)
    except Undecided as tie:
        _undecided(
            checkpoint, [others[i].name for i in tie.theirs], [mine[i].name for i in tie.ours]
        )
    return {choice.ours[a]: choice.theirs[b] for a, b in pairs.items()}


def _undecided(checkpoint: Checkpoint, theirs: list[str], ours: list[str]) -> NoReturn:
    fail(
        "E0906",
        f"nothing in `{checkpoint.path}` tells which layer is which",
        notes=(f"{listed(theirs)} may each be any of {listed(ours)}: their shapes are equal",),
        help=(f"name the program they are from: `--against {AGAINST[checkpoint.dialect]}`",),
    )


def _fitted(
    ours: Ours, checkpoint: Checkpoint, pairs: Mapping[int, int]
) -> tuple[Weights, list[int]]:
    """The arrays of paired layers in our layout, and the steps of our trace that read them."""
    layers = layers_of(checkpoint)
    found: Weights = {}
    for a, b in pairs.items():
        step = ours.step(a)
        values = fitted(layers[b], step, checkpoint.dialect)
        if values is None:  # where a kernel could be one of a transposed convolution too
            _undecided(checkpoint, [layers[b].name], [step.name])
        found.update({slot.key: values[slot.role] for slot in step.weights})
    return found, [ours.layers[a].step for a in pairs]


def _flattening(trace: Trace, order: str) -> Trace:
    """The trace as a framework runs it that flattens in another order."""
    steps = (replace(s, order=order) if s.kind == "flatten" else s for s in trace.steps)
    return replace(trace, steps=tuple(steps))


def _by_name(
    ours: Ours, checkpoint: Checkpoint, names: Mapping[str, Hashable], flipped: set[Hashable]
) -> Conversion:
    """The weights of a file whose names are those of the emitted model."""
    path, module = checkpoint.path, ours.module
    found: Weights = {names[name]: value for name, value in checkpoint.tensors.items()}
    missing = []
    for position, layer in enumerate(ours.layers):
        for slot in ours.step(position).weights:
            if slot.key not in found:
                missing.append(layer.name)
                if layer.inference:
                    misfit(path, module, f"it has no {slot.role} for `{layer.name}`")
                continue
            shape = found[slot.key].shape
            if shape != slot.shape:
                why = f"for `{layer.name}` it has {shown(shape)}, and that is {shown(slot.shape)}"
                misfit(path, module, why, help=setting(module, shape, slot.shape))
    absent = tuple(dict.fromkeys(missing))
    found.update({key: found[key][::-1, ::-1] for key in flipped & found.keys()})
    return Conversion(found, len(ours.layers) - len(absent), (), absent)
