"""What calls of PyTorch's functions do, in the language's words."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from math import prod

import torch
from torch import Tensor
from torch.overrides import resolve_name

from ...record import Record
from . import tensors
from .tensors import Moved

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

    from ..trace import Shape

KINDS = {
    "max_pool2d": "maxpool",
    "avg_pool2d": "avgpool",
    "local_response_norm": "lrn",
    "leaky_relu": "leakyrelu",
    "hardswish": "hswish",
    "hardsigmoid": "hsigmoid",
    "interpolate": "upsample",
    "upsample": "upsample",
    "pixel_shuffle": "depth_to_space",
    "pixel_unshuffle": "space_to_depth",
    "channel_shuffle": "shuffle",
    "native_channel_shuffle": "shuffle",
    "dropout2d": "dropout",
    "alpha_dropout": "dropout",
    "feature_alpha_dropout": "dropout",
    "absolute": "abs",
    "multiply": "mul",
    "subtract": "sub",
    "divide": "div",
    "true_divide": "div",
}
"""The language's word for a function; the others keep their names."""

SIGNATURES = {
    "conv2d": ("conv", ("input", "kernel", "bias", "", "", "", "groups")),
    "conv_transpose2d": ("deconv", ("input", "kernel", "bias", "", "", "", "groups")),
    "linear": ("fc", ("input", "kernel", "bias")),
    "matmul": ("fc", ("input", "kernel")),
    "mm": ("fc", ("input", "kernel")),
    "addmm": ("fc", ("bias", "input", "kernel")),
    "batch_norm": ("bn", ("input", "mean", "variance", "scale", "shift")),
    "torch.batch_norm": ("bn", ("input", "scale", "shift", "mean", "variance")),
    "layer_norm": ("ln", ("input", "shape", "scale", "shift")),
    "group_norm": ("gn", ("input", "groups", "scale", "shift")),
    "instance_norm": ("gn", ("input", "mean", "variance", "scale", "shift")),
    "torch.instance_norm": ("gn", ("input", "scale", "shift", "mean", "variance")),
    "prelu": ("prelu", ("input", "slope")),
}
"""The word for a function with weights, and what its arguments are."""
KEYWORDS = {
    "running_mean": "mean", "running_var": "variance", "normalized_shape": "shape",
    "other": "kernel", "mat1": "input", "mat2": "kernel",
}  # fmt: skip
"""What an argument is that is passed by its name; `weight` and `bias` depend on the function."""
ROLES = frozenset({"kernel", "bias", "mean", "variance", "scale", "shift", "slope"})
PRODUCTS = frozenset({"matmul", "mm", "addmm"})
"""Functions that are layers only where one factor is a matrix of weights."""
FORMS = {"conv2d": "conv", "conv_transpose2d": "deconv", "linear": "linear"}
"""How the kernel of a function is laid out."""

CHANNELS_FIRST = frozenset({
    "conv2d", "conv_transpose2d", "batch_norm", "group_norm", "instance_norm", "max_pool2d",
    "avg_pool2d", "adaptive_avg_pool2d", "adaptive_max_pool2d", "interpolate", "pixel_shuffle",
    "pixel_unshuffle", "channel_shuffle", "local_response_norm", "prelu",
})  # fmt: skip
"""Functions that know axis 1 as the channels."""
COPIES = frozenset({"contiguous", "clone", "detach", "to", "type", "type_as", "float", "double"})
TRANSPOSES = frozenset({
    "permute", "transpose", "swapaxes", "swapdims", "movedim", "moveaxis", "t", "T", "mT",
    "adjoint", "H", "mH",
})  # fmt: skip
RESHAPES = frozenset({
    "view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "view_as", "reshape_as",
    "ravel",
})  # fmt: skip
PARTS = frozenset({
    "chunk", "split", "split_with_sizes", "tensor_split", "unbind", "narrow", "select",
    "__getitem__", "index_select",
})  # fmt: skip
REDUCTIONS = {"mean": "mean", "amax": "max", "max": "max", "sum": "sum"}


class Value(Record):
    """A tensor that depends on the inputs.

    Arguments:
        tensor: itself.
        number: in the trace; a tensor that is changed in place gets a new one.
        last: whether its channels are.
        sizes: batch and all.
    """

    tensor: Tensor
    number: int
    last: bool
    sizes: Shape


class Call(Record):
    """A call of a function that reads values.

    Arguments:
        function: what is called.
        name: without what says that it works in place.
        args, kwargs: all of them.
        read: the values among them.
    """

    function: Callable[..., Any]
    name: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    read: tuple[Value, ...]

    def layer(self) -> tuple[str, dict[str, Any]] | None:
        """The word for a layer with weights, and its arguments by what they are."""
        full = resolve_name(self.function) or ""
        kind, words = SIGNATURES.get(full) or SIGNATURES.get(self.name, ("", ()))
        found = dict(zip(words, self.args, strict=False))
        found.update((_word(name, words), value) for name, value in self.kwargs.items())
        values = {id(value.tensor) for value in self.read}
        if not kind or id(found.get("input")) not in values:
            return None
        kernel = found.get("kernel")
        if self.name in PRODUCTS and (id(kernel) in values or getattr(kernel, "ndim", 0) != 2):
            return None
        return kind, found

    @property
    def main(self) -> Value:
        """The value that the result is like: the first of those with most axes."""
        return max(self.read, key=lambda value: len(value.sizes))

    def on_axes(self) -> list[int] | None:
        """The sizes of the result for an input whose axis `i` has size `i + 2`.

        A function that only moves, or drops, axes shows by it what it does.
        """
        rank = len(self.main.sizes)
        probe = torch.empty(tuple(range(2, 2 + rank)), device="meta")
        args = [probe if value is self.main.tensor else value for value in self.args]
        kwargs = {k: probe if v is self.main.tensor else v for k, v in self.kwargs.items()}
        try:
            return list(next(tensors_in(self.function(*args, **kwargs))).shape)
        except (RuntimeError, StopIteration):
            return None


def of_layer(kind: str, call: Call, arguments: Mapping[str, Any]) -> Moved:
    """The word for a layer with weights; one over other axes than the channels has none."""
    value = call.main
    if call.name in CHANNELS_FIRST:
        return Moved(kind, last=False)
    inner = value.last or len(value.sizes) < 3
    if not inner or (kind == "ln" and len(arguments.get("shape", ())) != 1):
        return Moved(call.name, value.last)
    return Moved("conv" if kind == "fc" and len(value.sizes) == 4 else kind, value.last)


def moved(call: Call, after: Shape) -> Moved:
    """The word for a function without weights, and where the channels are in its result."""
    name, value = call.name, call.main
    before, last = value.sizes, value.last
    if name in COPIES and before == after:
        return Moved("", last)
    if name in TRANSPOSES and len(before) == len(after):
        sizes = call.on_axes()
        return tensors.transposed([s - 2 for s in sizes], last) if sizes else Moved(name, last)
    if name in RESHAPES or (name in PARTS and prod(before) == prod(after)):
        return tensors.reshaped(before, after, last)
    if name in PARTS:
        return tensors.part(before, after, last)
    if name in ("cat", "concat", "concatenate"):
        return tensors.joined(before, after, last)
    if name in REDUCTIONS and len(call.read) == 1:
        sizes = call.on_axes()
        axes = [i for i in range(len(before)) if sizes is not None and i + 2 not in sizes]
        return tensors.reduced(REDUCTIONS[name], axes, len(before), last)
    if name == "pad":
        return tensors.bordered(before, after, last)
    return Moved(_word_of(call, after), last and name not in CHANNELS_FIRST)


def _word_of(call: Call, after: Shape) -> str:
    name = call.name
    numbers = [v for v in (*call.args, *call.kwargs.values()) if isinstance(v, (int, float))]
    if name in ("adaptive_avg_pool2d", "adaptive_max_pool2d"):
        kind = name.removeprefix("adaptive_").removesuffix("_pool2d")
        if after[2:] == (1, 1):
            return f"global{kind}pool"
        return "identity" if after == call.main.sizes else f"{kind}pool"
    if name in ("clamp", "clip", "hardtanh") and numbers[:2] in ([0, 6], [0]):
        return "relu6" if len(numbers) > 1 else "relu"
    if name in ("mul", "multiply", "div", "true_divide", "divide") and numbers:
        return "times"
    return KINDS.get(name, name)


def name_of(function: Any) -> str:
    """`add` for `Tensor.add_`, `T` for the property."""
    name: str = getattr(function, "__name__", type(function).__name__)
    if name == "__get__":
        return str(getattr(function.__self__, "__name__", name))
    return name if name.endswith("__") else name.removesuffix("_")


def _word(keyword: str, words: Sequence[str]) -> str:
    """What an argument is that is passed by its name."""
    if keyword == "weight":
        return next((word for word in ("kernel", "scale", "slope") if word in words), keyword)
    if keyword == "bias":
        return "bias" if "bias" in words else "shift"
    return KEYWORDS.get(keyword, keyword)


def tensors_in(value: Any) -> Iterator[Tensor]:
    """The tensors in lists, dictionaries and dataclasses, in order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from tensors_in(inner)
    elif isinstance(value, dict):
        yield from tensors_in(list(value.values()))
    elif is_dataclass(value) and not isinstance(value, type):
        yield from tensors_in([getattr(value, field.name) for field in fields(value)])
