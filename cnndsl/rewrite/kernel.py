"""The one kernel of a fragment of convolutions: what it does, whatever it is made of.

A chain of convolutions is a convolution, whose taps are sums of the taps of its parts,

    K[a + s·b] = Σ K₁[a] · K₂[b],        s the stride of the first,

and so is a sum of chains. Windows compose as in `cnndsl.window`, and say how kernels are aligned.
"""

from __future__ import annotations

import numpy as np

from ..interpret.windows import mixed
from ..ops.conv import Conv, DwConv
from ..ops.linear import Fc
from ..ops.merge import Add
from ..ops.reshape import Identity
from ..record import Record
from ..window import IDENTITY
from .transforms.channels import operator
from .windows import unite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ..graph import Graph
    from ..types import TensorType
    from ..window import Axis

    Roles = Mapping[str, Any]


class Kernel(Record):
    """A convolution without its bias.

    Arguments:
        taps: height × width × inputs × outputs, zeros where nothing is read.
        axes: the windows along height and width.
    """

    taps: Any
    axes: tuple[Axis, Axis]


def kernel_of(graph: Graph, weights: Mapping[str, Roles]) -> Kernel | None:
    """The kernel from the only input to the only output; None if there is no such kernel."""
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        return None
    types = graph.types
    (x,) = graph.inputs
    start = Kernel(np.eye(x.type.channels)[None, None], (IDENTITY, IDENTITY))
    known: dict[str, Kernel] = {x.name: start}
    for node in graph.nodes:
        op, read = operator(node), [known[name] for name in node.inputs]
        if isinstance(op, (Conv, DwConv, Fc)):
            roles = weights.get(node.weights or node.name, {})
            made = _behind(read[0], op, types[node.inputs[0]], roles["kernel"], read[0] is start)
        elif isinstance(op, Add):
            made = _sum(read)
        else:
            made = read[0] if isinstance(op, Identity) else None
        if made is None:
            return None
        known[node.outputs[0].name] = made
    return known[graph.outputs[0].value]


def _behind(
    first: Kernel, op: Conv | DwConv | Fc, x: TensorType, kernel: Any, alone: bool
) -> Kernel | None:
    """The kernel of `first` and an operator behind it."""
    if isinstance(op, Fc):
        return Kernel(kernel[None, None] if alone else first.taps @ kernel, first.axes)
    axes = op.axes(x)
    if axes is None:
        return None
    groups = op.groups if isinstance(op, Conv) else x.channels
    whole = first.axes[0].then(axes[0]), first.axes[1].then(axes[1])
    sizes = [axis.extent + 1 for axis in whole]
    taps = np.zeros((*sizes, first.taps.shape[2], kernel.shape[-1]))
    high, wide = first.taps.shape[:2]
    for i, j in np.ndindex(*op.window.size):
        down = first.axes[0].stride * op.dilation[0] * i
        across = first.axes[1].stride * op.dilation[1] * j
        part = kernel[i, j] if alone and groups == 1 else mixed(first.taps, kernel[i, j], groups)
        taps[down : down + high, across : across + wide] += part
    return Kernel(taps, whole)


def _sum(parts: Sequence[Kernel]) -> Kernel | None:
    """Kernels side by side, aligned by their paddings."""
    axes = parts[0].axes
    for part in parts[1:]:
        high, wide = unite(axes[0], part.axes[0]), unite(axes[1], part.axes[1])
        if high is None or wide is None:
            return None
        axes = high, wide
    taps = np.zeros((*(axis.extent + 1 for axis in axes), *parts[0].taps.shape[2:]))
    for part in parts:
        top, left = (whole.lo - own.lo for whole, own in zip(axes, part.axes, strict=True))
        high, wide = part.taps.shape[:2]
        taps[top : top + high, left : left + wide] += part.taps
    return Kernel(taps, axes)
