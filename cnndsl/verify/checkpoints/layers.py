"""Tensors of a file grouped to layers, and what each layer may be of ours.

PyTorch keeps a convolution as outputs × inputs × height × width and its transpose as
inputs × outputs × height × width, Keras has height × width × inputs × outputs and for the
transpose the last two swapped, Flax mirrors kernels of transposes. What a kernel is cannot
be told from the file alone, so a layer of the file is compared with one of ours.
"""

from __future__ import annotations

from ...record import Record
from ..trace import KERNELS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import numpy as np

    from ..trace import Shape, Slot, Step
    from .files import Checkpoint

ROLES = {
    "kernel": ("weight", "kernel"),
    "bias": ("bias",),
    "scale": ("weight", "scale", "gamma"),
    "shift": ("bias", "beta"),
    "mean": ("running_mean", "mean"),
    "variance": ("running_var", "var"),
}
"""What PyTorch and Flax call a weight of each role."""
NAMES = {name for names in ROLES.values() for name in names}
FLATTENED = {"torch": "chw", "keras": "hwc", "flax": "hwc"}
"""In which order each dialect flattens a map."""


class Layer(Record):
    """A layer of a file.

    Arguments:
        name: what its tensors' names have in common.
        place: where it stands in the order of the file: a number, or the names whose
            numbers are all that tells an order.
        weights: its tensors by role, as the file calls it, or by number.
    """

    name: str
    place: object
    weights: Mapping[str, np.ndarray]

    @property
    def shapes(self) -> tuple[tuple[str, Shape], ...]:
        return tuple((role, value.shape) for role, value in self.weights.items())


def layers_of(checkpoint: Checkpoint) -> list[Layer]:
    """The layers of a file, in its order."""
    grouped: dict[str, dict[str, np.ndarray]] = {}
    for name, value in checkpoint.tensors.items():
        layer, role = _owner(name, checkpoint.dialect)
        grouped.setdefault(layer, {})[role] = value
    found = []
    for name, weights in grouped.items():
        place = checkpoint.places.get(name, tuple(name.split(".")))
        for part, own in _parts(weights, checkpoint.dialect):
            found.append(Layer(name + part, place, own))
    return found


def _owner(tensor: str, dialect: str) -> tuple[str, str]:
    """The layer of a tensor and its role; a parameter on its own is a layer."""
    layer, _, role = tensor.rpartition("/" if dialect == "keras" else ".")
    return (layer, role) if dialect == "keras" or role in NAMES else (tensor, "")


def _parts(
    weights: dict[str, np.ndarray], dialect: str
) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """Keras's separable convolution is two layers, any other is one."""
    values = list(weights.values())
    if dialect == "keras" and [value.ndim for value in values[:2]] == [4, 4]:
        yield "/depthwise", {"0": values[0]}
        yield "/pointwise", {str(i): value for i, value in enumerate(values[1:])}
    else:
        yield "", weights


def fitted(layer: Layer, step: Step, dialect: str) -> dict[str, np.ndarray] | None:
    """The weights of a layer as those of a step of ours, None when they do not fit."""
    given = dict(layer.weights)
    found: dict[str, np.ndarray] = {}
    for number, slot in enumerate(step.weights):
        value = given.pop(str(number) if dialect == "keras" else _said(slot.role, given), None)
        if value is None:
            return None
        laid = _laid(value, slot, step, dialect) if slot.role == "kernel" else value
        if laid is None or not _same(laid.shape, slot.shape):
            return None
        found[slot.role] = laid.reshape(slot.shape)
    return None if given else found


def laid_out(layer: Layer, step: Step, dialect: str) -> Shape:
    """The shape that the main weight of a layer has, were it that of a step of ours."""
    slot, value = step.weights[0], max(layer.weights.values(), key=lambda value: value.ndim)
    laid = _laid(value, slot, step, dialect) if slot.role == "kernel" else value
    shape = value.shape if laid is None else laid.shape
    return shape[2:] if len(slot.shape) == 2 and shape[:2] == (1, 1) else shape


def _said(role: str, given: Mapping[str, np.ndarray]) -> str:
    """What the file calls a role; a layer with one weight may call it anything."""
    if list(given) == [""] and role == "scale":
        return ""
    return next((name for name in ROLES[role] if name in given), role)


def _same(a: Shape, b: Shape) -> bool:
    """Kernels have four sizes; where others have sizes 1 says nothing."""
    if len(a) == 4:
        return a == _four(b)
    return [size for size in a if size != 1] == [size for size in b if size != 1]


def _laid(value: np.ndarray, slot: Slot, step: Step, dialect: str) -> np.ndarray | None:
    """A kernel as height × width × inputs per group × outputs."""
    if value.ndim not in (2, 4) or step.kind not in (*KERNELS, "deconv"):
        return None
    layout = LAYOUTS[dialect, step.kind == "deconv"]
    return layout(value if value.ndim == 4 else _as_map(value, dialect), _four(slot.shape))


def _as_map(value: np.ndarray, dialect: str) -> np.ndarray:
    """The matrix of a linear layer as the kernel of a 1x1 convolution."""
    return value[:, :, None, None] if dialect == "torch" else value[None, None]


def _four(shape: Shape) -> Shape:
    return shape if len(shape) == 4 else (1, 1, *shape)


def _torch(value: np.ndarray, shape: Shape) -> np.ndarray:
    return value.transpose(2, 3, 1, 0)


def _torch_transposed(value: np.ndarray, shape: Shape) -> np.ndarray | None:
    """Groups stand one after the other along the inputs."""
    inputs, outputs, height, width = value.shape
    if not shape[2] or inputs % shape[2]:
        return None
    groups = inputs // shape[2]
    parts = value.reshape(groups, shape[2], outputs, height, width)
    return parts.transpose(3, 4, 1, 0, 2).reshape(height, width, shape[2], groups * outputs)


def _keras(value: np.ndarray, shape: Shape) -> np.ndarray:
    """A depthwise kernel is height × width × channels × multiplier."""
    if shape[2] == 1 and value.shape[2] != 1:
        return value.reshape(*value.shape[:2], 1, -1)
    return value


def _swapped(value: np.ndarray, shape: Shape) -> np.ndarray:
    return value.swapaxes(2, 3)


def _flax(value: np.ndarray, shape: Shape) -> np.ndarray:
    return value


def _mirrored(value: np.ndarray, shape: Shape) -> np.ndarray:
    return value[::-1, ::-1]


LAYOUTS: dict[tuple[str, bool], Callable[[np.ndarray, Shape], np.ndarray | None]] = {
    ("torch", False): _torch,
    ("torch", True): _torch_transposed,
    ("keras", False): _keras,
    ("keras", True): _swapped,
    ("flax", False): _flax,
    ("flax", True): _mirrored,
}
"""A kernel in our layout, by the dialect and whether it is of a transposed convolution."""
