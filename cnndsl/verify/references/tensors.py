"""What the adapters of frameworks with plain tensors share: where channels and weights are.

Such a framework moves channels by transposing. Each value is followed with a flag: whether
its channels are `last`, or in axis 1. Axis 0 is the batch.
"""

from __future__ import annotations

from ...diagnostics import fail
from ...record import Record, replace
from ..checkpoints.choice import listed
from ..trace import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

    import numpy as np

    from ..trace import Shape, Step


# ------------------------------------------------------------------------ values


def channel_axis(rank: int, last: bool) -> int:
    return rank - 1 if last or rank < 3 else 1


def shape_of(sizes: Sequence[int], last: bool) -> Shape:
    """A shape as a trace has it: no batch, channels last."""
    axis = channel_axis(len(sizes), last)
    return (*(s for i, s in enumerate(sizes) if i not in (0, axis)), *sizes[max(axis, 1) :][:1])


def channels_last(value: np.ndarray, last: bool) -> np.ndarray:
    import numpy as np

    return value if last or value.ndim < 3 else np.moveaxis(value, 1, -1)


def as_input(value: np.ndarray) -> np.ndarray:
    """A map with its channels in axis 1; other inputs as they are."""
    import numpy as np

    return np.ascontiguousarray(np.moveaxis(value, -1, 1)) if value.ndim == 4 else value


class Moved(Record):
    """What an operation that only moves elements does.

    Arguments:
        kind: empty where nothing moves once channels are last.
        last: of the result.
        order: of a `flatten`.
    """

    kind: str
    last: bool
    order: str = ""


def transposed(order: Sequence[int], last: bool) -> Moved:
    """Axes in another order; moving the channels alone is a matter of layout."""
    axis = channel_axis(len(order), last)
    place = order.index(axis)
    others = [i for i in order if i != axis]
    if order[0] == 0 and place in (1, len(order) - 1) and others == sorted(others):
        return Moved("", place == len(order) - 1)
    return Moved("transpose", last)


def reshaped(before: Sequence[int], after: Sequence[int], last: bool) -> Moved:
    if before == after:
        return Moved("", last)
    if len(before) > 2 and len(after) == 2 and before[0] == after[0]:
        return Moved("flatten", last, "hwc" if last else "chw")
    if len(before) == 2 and len(after) > 2:  # a vector belongs to either layout
        channels = before[-1]
        fits = [after[channel_axis(len(after), flag)] == channels for flag in (last, not last)]
        return Moved("reshape", last if fits[0] or not fits[1] else not last)
    return Moved("reshape", last)


def part(before: Sequence[int], after: Sequence[int], last: bool) -> Moved:
    """Some of the elements."""
    if len(before) != len(after):
        return Moved("slice", last)
    cut = {axis for axis, (a, b) in enumerate(zip(before, after, strict=True)) if a != b}
    axis = channel_axis(len(before), last)
    if not cut:
        return Moved("", last)
    return Moved("split" if cut == {axis} else "slice" if cut & {0, axis} else "crop", last)


def joined(before: Sequence[int], after: Sequence[int], last: bool) -> Moved:
    """Values behind each other; along the channels that is a `concat`."""
    axis = channel_axis(len(before), last)
    same = all(a == b for i, (a, b) in enumerate(zip(before, after, strict=True)) if i != axis)
    return Moved("concat" if same else "join", last)


def bordered(before: Sequence[int], after: Sequence[int], last: bool) -> Moved:
    """Elements added or taken away around a value."""
    axis = channel_axis(len(before), last)
    if before[axis] != after[axis]:
        return Moved("pad_channels", last)
    return Moved("crop" if any(b < a for a, b in zip(before, after, strict=True)) else "pad", last)


def reduced(word: str, axes: Iterable[int], rank: int, last: bool) -> Moved:
    """A mean or a maximum over some axes; over all positions it is a global pool."""
    positions = set(range(1, rank)) - {channel_axis(rank, last)}
    pool = {"mean": "globalavgpool", "max": "globalmaxpool"}
    return Moved(pool.get(word, word) if set(axes) == positions else word, last)


# ----------------------------------------------------------------------- weights


class Stored(Record):
    """A weight in the memory of its framework.

    Arguments:
        array: a view that can be written.
        form: how it is laid out, `conv` and `deconv` with outputs × inputs per group or
            inputs × outputs per group in front, `linear` outputs × inputs, `vector` with
            axes of one element around the channels, or empty: as in the IR.
        groups: of a `deconv`.
    """

    array: np.ndarray
    form: str = ""
    groups: int = 1

    def read(self) -> np.ndarray:
        import numpy as np

        if self.form == "deconv":
            parts = np.split(self.array, self.groups)
            return np.concatenate([p.transpose(2, 3, 0, 1) for p in parts], 3)
        if self.form == "vector":
            return self.array.reshape(-1).copy()
        axes = {"conv": (2, 3, 1, 0), "linear": (1, 0)}
        return self.array.transpose(axes.get(self.form, range(self.array.ndim))).copy()

    def write(self, value: np.ndarray) -> None:
        import numpy as np

        if self.form == "deconv":
            parts = np.split(value, self.groups, 3)
            value = np.concatenate([p.transpose(2, 3, 0, 1) for p in parts])
        elif self.form in ("conv", "linear"):
            value = value.transpose((3, 2, 0, 1) if self.form == "conv" else (1, 0))
        self.array[...] = value.reshape(self.array.shape)

    @property
    def shape(self) -> Shape:
        """As in the IR."""
        sizes = self.array.shape
        if self.form == "conv":
            return sizes[2], sizes[3], sizes[1], sizes[0]
        if self.form == "deconv":
            return sizes[2], sizes[3], sizes[0] // self.groups, sizes[1] * self.groups
        return (self.array.size,) if self.form == "vector" else sizes[:: -1 if self.form else 1]


class Store:
    """The weights of a reference.

    Arguments:
        name: what the user calls the reference.
        memory: every tensor of its program by name, as arrays that can be written.
    """

    def __init__(self, name: str, memory: Mapping[str, np.ndarray]) -> None:
        self.name = name
        self.memory = memory
        self.stored: dict[Hashable, Stored] = {}
        """Those that are used, by key: the name, or the name and which part of it."""

    def read(self) -> dict[Hashable, np.ndarray]:
        return {key: weight.read() for key, weight in self.stored.items()}

    def write(self, weights: Mapping[Hashable, np.ndarray]) -> None:
        for key, value in weights.items():
            self.stored[key].write(value)

    def load(self, path: str) -> None:
        """Take the weights of a checkpoint. Raises CnnError with E0905 or E0906.

        What the network does not use may be missing from it.
        """
        from ..checkpoints import read_checkpoint

        given = _unwrapped(read_checkpoint(path).tensors, self.memory)
        used = {key[0] if isinstance(key, tuple) else key for key in self.stored}
        missing = [name for name in self.memory if name in used and name not in given]
        found = {name: value for name, value in given.items() if name in self.memory}
        notes = [f"it lacks {listed(missing, 4)}"] if missing else []
        unknown = [name for name in given if name not in found]
        notes += [f"the network has no {listed(unknown, 4)}"] if missing and unknown else []
        notes += [
            f"`{name}` is {shown(value.shape)} there, and {shown(self.memory[name].shape)} here"
            for name, value in found.items()
            if value.shape != self.memory[name].shape
        ][:3]
        if notes:
            help = "build the network with the arguments with which the file was made"
            fail("E0906", f"`{path}` does not fit `{self.name}`", notes=notes, help=(help,))
        for name, value in found.items():
            self.memory[name][...] = value


def _unwrapped(
    given: Mapping[str, np.ndarray], own: Mapping[str, np.ndarray]
) -> Mapping[str, np.ndarray]:
    """Names without what wrappers write before all of them, `module.` for instance."""
    while given and not own.keys() & given.keys():
        heads = {name.partition(".")[0] for name in given}
        if len(heads) > 1 or any("." not in name for name in given):
            return given
        given = {name.partition(".")[2]: value for name, value in given.items()}
    return given


def is_per_channel(weight: Sequence[int], value: Sequence[int], last: bool) -> bool:
    """Whether a weight that is broadcast over a value has one element for each channel."""
    axis = channel_axis(len(value), last) - len(value)
    return all(size == 1 or i == axis for i, size in enumerate(weight, -len(weight)))


def with_layers(steps: Sequence[Step], inputs: int, outputs: Iterable[int]) -> tuple[Step, ...]:
    """Steps in which layers that are written out as arithmetic are layers.

    `x @ kernel + bias` is an `fc`, and `(x - mean) / deviation * scale + shift` an `ln`. The
    sum becomes the layer, and what it reads a product without weights, so that the values
    stay those that are computed.
    """
    from collections import Counter

    readers = Counter(value for step in steps for value in step.inputs)
    readers.update(outputs)
    found = list(steps)
    for position, step in enumerate(steps):
        if step.kind != "add" or len(step.inputs) != 1 or not step.weights:
            continue
        before = step.inputs[0] - inputs
        if before < 0 or readers[step.inputs[0]] != 1:
            continue
        product = found[before]
        (added,) = step.weights
        if [slot.role for slot in product.weights] == ["kernel"]:
            layer = replace(product, weights=(*product.weights, added))
        elif product.kind == "layerscale" and _is_normal(steps, product.inputs[0] - inputs, inputs):
            weights = (*product.weights, replace(added, role="shift"))
            layer = replace(product, kind="ln", weights=weights)
        else:
            continue
        found[before] = replace(product, kind="product", weights=())
        found[position] = replace(layer, inputs=step.inputs)
    return tuple(found)


def _is_normal(steps: Sequence[Step], position: int, inputs: int) -> bool:
    """Whether a step divides the distance of its elements from the mean of their channels."""

    def maker(value: int) -> Step | None:
        return steps[value - inputs] if value >= inputs else None

    quotient = steps[position] if position >= 0 else None
    distance = maker(quotient.inputs[0]) if quotient and quotient.kind == "div" else None
    if distance is None or distance.kind != "sub" or len(distance.inputs) != 2:
        return False
    mean = maker(distance.inputs[1])
    return (
        mean is not None
        and mean.kind == "mean"
        and mean.inputs == distance.inputs[:1]
        and mean.shape == (*distance.shape[:-1], 1)
    )
