"""An interpreter of the IR on `torch.nn.functional`, independent of every backend.

It walks the functions of a module as they stand (no pass runs before it) and says
each operator in PyTorch's own words. Sizes of outputs are not computed by the
compiler's formulas: windows are laid out one by one.

Values are torch tensors, channels last with the batch in front, in the float type
of the inputs; run it on float64 to have a truth for float32 code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from cnndsl.graph import Call, Graph, Module, Node
from cnndsl.op import Op
from cnndsl.ops import activation, conv, linear, merge, norm, pool, regular, reshape
from cnndsl.record import Record
from cnndsl.types import TensorType
from cnndsl.window import Padding

from .weights import Path, Weights

T = TypeVar("T", bound=Op)
Values = dict[str, Tensor]
Roles = Mapping[str, Tensor]
Rule = Callable[[Any, Roles, Sequence[TensorType], Sequence[Tensor]], "Tensor | Sequence[Tensor]"]

RULES: dict[type[Op], Rule] = {}


def run(
    module: Module,
    weights: Weights,
    *inputs: np.ndarray,
    dtype: torch.dtype = torch.float64,
    training: bool = False,
) -> dict[str, np.ndarray]:
    """The outputs of a module in inference by their names.

    Arguments:
        training: whether outputs that exist only in training are among them. Masks stay
            off and batch norms keep their statistics.
    """
    outputs, _ = interpret(module, weights, *inputs, dtype=dtype)
    return {
        output.name: outputs[output.name]
        for output in module.main.outputs
        if training or not output.training
    }


def interpret(
    module: Module, weights: Weights, *inputs: np.ndarray, dtype: torch.dtype = torch.float64
) -> tuple[dict[str, np.ndarray], dict[Path, tuple[np.ndarray, ...]]]:
    """The outputs by name, and the results of every operator by its path."""
    with torch.inference_mode():
        run = _Run(module, weights, dtype)
        results = run.graph(module.main, (), (), [torch.tensor(x, dtype=dtype) for x in inputs])
    named = zip(module.main.outputs, results, strict=True)
    every = {path: tuple(t.numpy() for t in values) for path, values in run.results.items()}
    return {output.name: value.numpy() for output, value in named}, every


class Step(Record):
    """One step of training, without an optimizer and without masks.

    Arguments:
        outputs: by name, of this batch.
        gradients: of the sum of all outputs times their factors, for every parameter.
        statistics: running means and variances afterwards.
        slopes: gradients of that sum for every input.
    """

    outputs: dict[str, np.ndarray]
    gradients: Weights
    statistics: Weights
    slopes: tuple[np.ndarray, ...]


def train(
    module: Module, weights: Weights, factors: Mapping[str, np.ndarray], *inputs: np.ndarray
) -> Step:
    """One step of training in float64. A variance counts as biased, as in Flax and Keras.

    Arguments:
        factors: of each output in the loss.
    """
    run = _Run(module, weights, torch.float64, batch=True)
    parameters = {
        (path, role): value.requires_grad_()
        for path, roles in run.roles.items()
        for role, value in roles.items()
        if role not in ("mean", "variance")
    }
    given = [torch.tensor(x, requires_grad=True) for x in inputs]
    results = run.graph(module.main, (), (), given)
    outputs = {o.name: x for o, x in zip(module.main.outputs, results, strict=True)}
    loss = sum((x * torch.tensor(factors[name])).sum() for name, x in outputs.items())
    assert isinstance(loss, Tensor)
    if loss.requires_grad:
        loss.backward()
    return Step(
        {name: x.detach().numpy() for name, x in outputs.items()},
        {key: _slope(p) for key, p in parameters.items()},
        {
            (path, role): value.numpy()
            for path, roles in run.roles.items()
            for role, value in roles.items()
            if role in ("mean", "variance")
        },
        tuple(map(_slope, given)),
    )


def _slope(x: Tensor) -> np.ndarray:
    """The gradient, zeros where nothing depends on it."""
    return (torch.zeros_like(x) if x.grad is None else x.grad).numpy()


class _Run:
    """One walk over a module.

    Arguments:
        batch: batch norms use the statistics of the batch and update their own.
    """

    def __init__(
        self, module: Module, weights: Weights, dtype: torch.dtype, batch: bool = False
    ) -> None:
        self.functions = module.by_name
        self.batch = batch
        self.results: dict[Path, Sequence[Tensor]] = {}
        self.roles: dict[Path, dict[str, Tensor]] = {}
        for (path, role), value in weights.items():
            self.roles.setdefault(path, {})[role] = torch.tensor(value, dtype=dtype)

    def graph(
        self, graph: Graph, path: Path, owner: Path, inputs: Sequence[Tensor]
    ) -> list[Tensor]:
        """Results of a function whose weights stand under `owner`."""
        values = {value.name: x for value, x in zip(graph.inputs, inputs, strict=True)}
        origin: dict[str, str] = {}
        for node in graph.nodes:
            source = node.weights if node.weights is not None else node.name
            origin[node.name] = origin.get(source, source)
            here, whose = (*path, node.name), (*owner, origin[node.name])
            arguments = [values[name] for name in node.inputs]
            if isinstance(node.op, Call):
                results = self.graph(self.functions[node.op.function], here, whose, arguments)
            else:
                results = self.node(node, graph, whose, arguments)
                self.results[here] = results
            values.update(
                (value.name, result) for value, result in zip(node.outputs, results, strict=True)
            )
        return [values[output.value] for output in graph.outputs]

    def node(
        self, node: Node, graph: Graph, owner: Path, inputs: Sequence[Tensor]
    ) -> list[Tensor]:
        assert isinstance(node.op, Op)
        types = graph.types
        roles = self.roles.get(owner, {})
        if self.batch and isinstance(node.op, norm.Bn):
            roles = _of_batch(node.op, roles, inputs[0])
        result = RULES[type(node.op)](
            node.op, roles, [types[name] for name in node.inputs], inputs
        )
        return [result] if isinstance(result, Tensor) else list(result)


def rule(cls: type[T]) -> Callable[[Rule], Rule]:
    """Register what an operator does."""

    def register(function: Rule) -> Rule:
        RULES[cls] = function
        return function

    return register


def elementwise(function: Callable[[Any, Tensor], Tensor]) -> Rule:
    """The rule of an operator without weights that reads one value."""
    return lambda op, roles, types, inputs: function(op, inputs[0])


# ----------------------------------------------------------------- layouts, padding


def channels_first(x: Tensor) -> Tensor:
    """A map or vector as N × C × H × W."""
    x = x[:, None, None, :] if x.ndim == 2 else x
    return x.permute(0, 3, 1, 2)


def channels_last(x: Tensor) -> Tensor:
    return x.permute(0, 2, 3, 1)


def bordered(x: Tensor, amounts: Padding, value: float = 0.0) -> Tensor:
    """N × C × H × W with rows and columns added; negative amounts crop."""
    sides = (amounts.left, amounts.right, amounts.top, amounts.bottom)
    return F.pad(x, sides, value=value)


def explicit(pad: Any, x: TensorType, size: Any, stride: Any, dilation: Any) -> Padding:
    """The padding in numbers; a compiled module keeps a word only for symbolic sizes."""
    if isinstance(pad, Padding):
        return pad
    assert pad == "same", pad
    sides: list[int] = []
    for n, k, s, d in zip((x.height, x.width), size, stride, dilation, strict=True):
        assert isinstance(n, int)
        missing = max(0, (len(range(0, n, s)) - 1) * s + (k - 1) * d + 1 - n)
        sides += [missing // 2, missing - missing // 2]
    return Padding(*sides)


def overhang(n: int, lo: int, hi: int, extent: int, stride: int) -> int:
    """Rows behind the padding that the last window of a pool needs when rounding up.

    A window may begin on the map or on the padding before it, not behind the map.
    """
    last = 0
    starts = range(0, n + lo, stride)
    for start in starts:
        last = start
        if start + extent + 1 >= n + lo + hi:
            break
    return max(0, last + extent + 1 - (n + lo + hi))


def overhanging(op: Any, x: TensorType, pad: Padding, dilation: Any) -> Padding:
    """The rows and columns that rounding up adds behind."""
    if op.rounding != "ceil":
        return Padding()
    (h, w), (kh, kw), (sh, sw) = (x.height, x.width), op.window.size, op.window.stride
    assert isinstance(h, int) and isinstance(w, int)
    rows = overhang(h, pad.top, pad.bottom, (kh - 1) * dilation[0], sh)
    columns = overhang(w, pad.left, pad.right, (kw - 1) * dilation[1], sw)
    return Padding(0, rows, 0, columns)


# ----------------------------------------------------------------- weighted layers


@rule(conv.Conv)
def _conv(op: Any, roles: Roles, types: Any, inputs: Any) -> Tensor:
    return _convolve(op, roles, types[0], inputs[0], op.groups)


@rule(conv.DwConv)
def _dwconv(op: Any, roles: Roles, types: Any, inputs: Any) -> Tensor:
    return _convolve(op, roles, types[0], inputs[0], types[0].channels)


def _convolve(op: Any, roles: Roles, type: TensorType, x: Tensor, groups: int) -> Tensor:
    pad = explicit(op.pad, type, op.window.size, op.window.stride, op.dilation)
    y = F.conv2d(
        bordered(channels_first(x), pad).contiguous(),
        roles["kernel"].permute(3, 2, 0, 1).contiguous(),
        roles.get("bias"),
        op.window.stride,
        dilation=op.dilation,
        groups=groups,
    )
    return channels_last(y)


@rule(conv.Deconv)
def _deconv(op: Any, roles: Roles, types: Any, inputs: Any) -> Tensor:
    """The whole spread, then the rows that the transposed convolution pads are cut off."""
    kernel = roles["kernel"]  # height × width × inputs per group × outputs
    parts = [part.permute(2, 3, 0, 1) for part in kernel.chunk(op.groups, dim=3)]
    y = F.conv_transpose2d(
        channels_first(inputs[0]),
        torch.cat(parts, dim=0),
        None,
        op.window.stride,
        dilation=op.dilation,
        groups=op.groups,
    )
    pad, (rows, columns) = op.pad, op.output_padding
    assert isinstance(pad, Padding)
    cut = Padding(-pad.top, rows - pad.bottom, -pad.left, columns - pad.right)
    y = channels_last(bordered(y, cut))
    return y + roles["bias"] if "bias" in roles else y


@rule(conv.Local)
def _local(op: Any, roles: Roles, types: Any, inputs: Any) -> Tensor:
    """The windows as columns, each multiplied by the matrix of its position."""
    pad = explicit(op.pad, types[0], op.window.size, op.window.stride, (1, 1))
    x = bordered(channels_first(inputs[0]), pad)
    columns = F.unfold(x, op.window.size, stride=op.window.stride)
    kernel = roles["kernel"].movedim(4, 2)  # channels before taps, as `unfold` has them
    rows, width, *_, channels = kernel.shape
    matrices = kernel.reshape(rows * width, -1, channels)
    y = torch.einsum("nkp,pkf->npf", columns, matrices).reshape(len(x), rows, width, channels)
    return y + roles["bias"] if "bias" in roles else y


@rule(linear.Fc)
def _fc(op: Any, roles: Roles, types: Any, inputs: Any) -> Tensor:
    x = inputs[0].flatten(1) if types[0].is_map else inputs[0]
    return F.linear(x, roles["kernel"].T, roles.get("bias"))


# ----------------------------------------------------------------- pools


@rule(pool.MaxPool)
def _maxpool(op: Any, roles: Roles, types: Any, inputs: Any) -> Tensor:
    pad = explicit(op.pad, types[0], op.window.size, op.window.stride, op.dilation)
    extra = overhanging(op, types[0], pad, op.dilation)
    x = bordered(bordered(channels_first(inputs[0]), pad, -torch.inf), extra, -torch.inf)
    return channels_last(F.max_pool2d(x, op.window.size, op.window.stride, 0, op.dilation))


@rule(pool.AvgPool)
def _avgpool(op: Any, roles: Roles, types: Any, inputs: Any) -> Tensor:
    """Sums of the elements, divided by sums of ones where elements count."""
    pad = explicit(op.pad, types[0], op.window.size, op.window.stride, (1, 1))
    extra = overhanging(op, types[0], pad, (1, 1))
    x = channels_first(inputs[0])
    counted = bordered(torch.ones_like(x), pad, 1.0 if op.count_include_pad else 0.0)

    def sums(t: Tensor) -> Tensor:
        return F.avg_pool2d(
            bordered(t, extra), op.window.size, op.window.stride, divisor_override=1
        )

    return channels_last(sums(bordered(x, pad)) / sums(counted))


@rule(pool.GlobalAvgPool)
def _globalavgpool(op: Any, roles: Roles, types: Any, inputs: Any) -> Tensor:
    return inputs[0].mean(dim=(1, 2))


@rule(pool.GlobalMaxPool)
def _globalmaxpool(op: Any, roles: Roles, types: Any, inputs: Any) -> Tensor:
    return inputs[0].amax(dim=(1, 2))


# ----------------------------------------------------------------- normalisation


@rule(norm.Bn)
def _bn(op: Any, roles: Roles, types: Any, inputs: Any) -> Tensor:
    y = (inputs[0] - roles["mean"]) / torch.sqrt(roles["variance"] + op.eps)
    return _affine(y, roles)


def _affine(y: Tensor, roles: Roles) -> Tensor:
    y = y * roles["scale"] if "scale" in roles else y
    return y + roles["shift"] if "shift" in roles else y


def _of_batch(op: norm.Bn, roles: dict[str, Tensor], x: Tensor) -> dict[str, Tensor]:
    """The roles with the batch's own statistics; the running ones move towards them."""
    elements = x.flatten(0, -2)
    fresh = {"mean": elements.mean(dim=0), "variance": elements.var(dim=0, correction=0)}
    for role, value in fresh.items():
        roles[role] = (1 - op.momentum) * roles[role] + op.momentum * value.detach()
    return {**roles, **fresh}


@rule(norm.Ln)
def _ln(op: Any, roles: Roles, types: Any, inputs: Any) -> Tensor:
    channels = (inputs[0].shape[-1],)
    return F.layer_norm(inputs[0], channels, roles.get("scale"), roles.get("shift"), op.eps)


@rule(norm.Gn)
def _gn(op: Any, roles: Roles, types: Any, inputs: Any) -> Tensor:
    """Written out: `group_norm`'s gradient crashes on maps that are not contiguous."""
    x = inputs[0]
    groups = x.reshape(len(x), -1, op.groups, x.shape[-1] // op.groups)
    mean = groups.mean(dim=(1, 3), keepdim=True)
    variance = groups.var(dim=(1, 3), correction=0, keepdim=True)
    y = ((groups - mean) / torch.sqrt(variance + op.eps)).reshape(x.shape)
    return _affine(y, roles)


@rule(norm.LayerScale)
def _layerscale(op: Any, roles: Roles, types: Any, inputs: Any) -> Tensor:
    return inputs[0] * roles["scale"]


@rule(norm.Lrn)
def _lrn(op: Any, roles: Roles, types: Any, inputs: Any) -> Tensor:
    """PyTorch divides alpha by the size; a sum has to undo that."""
    alpha = op.alpha * op.size if op.mode == "sum" else op.alpha
    x = inputs[0]
    y = F.local_response_norm(x.reshape(len(x), -1, x.shape[-1]).movedim(-1, 1), op.size, alpha,
                              op.beta, op.k)  # fmt: skip
    return y.movedim(1, -1).reshape(x.shape)


# ----------------------------------------------------------------- activations


RULES.update({
    activation.Relu: elementwise(lambda op, x: F.relu(x)),
    activation.Relu6: elementwise(lambda op, x: F.relu6(x)),
    activation.LeakyRelu: elementwise(lambda op, x: F.leaky_relu(x, op.slope)),
    activation.Silu: elementwise(lambda op, x: F.silu(x)),
    activation.HSwish: elementwise(lambda op, x: F.hardswish(x)),
    activation.HSigmoid: elementwise(lambda op, x: F.hardsigmoid(x)),
    activation.Gelu: elementwise(
        lambda op, x: F.gelu(x, approximate="tanh" if op.approximate else "none")
    ),
    activation.Abs: elementwise(lambda op, x: x.abs()),
    activation.Times: elementwise(lambda op, x: op.factor * x),
    activation.Sigmoid: elementwise(lambda op, x: F.sigmoid(x)),
    activation.Tanh: elementwise(lambda op, x: F.tanh(x)),
    activation.Softmax: elementwise(lambda op, x: F.softmax(x, dim=-1)),
    regular.Dropout: elementwise(lambda op, x: x),
    regular.DropPath: elementwise(lambda op, x: x),
    reshape.Identity: elementwise(lambda op, x: x),
})  # fmt: skip


# ----------------------------------------------------------------- merges


@rule(merge.Concat)
def _concat(op: Any, roles: Roles, types: Any, inputs: Any) -> Tensor:
    return torch.cat(list(inputs), dim=-1)


@rule(merge.Add)
def _add(op: Any, roles: Roles, types: Any, inputs: Any) -> Tensor:
    total = inputs[0]
    for x in inputs[1:]:
        assert x.shape == total.shape
        total = total + x
    return total


@rule(merge.Sub)
def _sub(op: Any, roles: Roles, types: Any, inputs: Any) -> Tensor:
    minuend, subtrahend = inputs
    return torch.sub(minuend, subtrahend)


@rule(merge.Mul)
def _mul(op: Any, roles: Roles, types: Any, inputs: Any) -> Tensor:
    """Vectors and 1x1 maps scale the channels of the largest input."""
    full = max(inputs, key=lambda x: (x[0, ..., 0].numel(), x.ndim))
    product = torch.ones_like(full)
    for x in inputs:
        if x.shape != full.shape:
            assert x[0].numel() == full.shape[-1]
            x = x.reshape(len(x), *[1] * (full.ndim - 2), -1)
        product = product * x
    return product


# ----------------------------------------------------------------- moves


@rule(reshape.Flatten)
def _flatten(op: Any, roles: Roles, types: Any, inputs: Any) -> Tensor:
    x = channels_first(inputs[0]) if op.order == "chw" else inputs[0]
    return x.flatten(1)


@rule(reshape.ConstantPad)
def _pad(op: Any, roles: Roles, types: Any, inputs: Any) -> Tensor:
    return channels_last(bordered(channels_first(inputs[0]), op.amount, op.value))


@rule(reshape.Crop)
def _crop(op: Any, roles: Roles, types: Any, inputs: Any) -> Tensor:
    _, height, width, _ = inputs[0].shape
    top, bottom, left, right = (getattr(op.amount, side) for side in Padding.fields)
    return inputs[0][:, top : height - bottom, left : width - right]


@rule(reshape.PadChannels)
def _pad_channels(op: Any, roles: Roles, types: Any, inputs: Any) -> Tensor:
    return F.pad(inputs[0], (0, op.channels - inputs[0].shape[-1]))


@rule(reshape.Upsample)
def _upsample(op: Any, roles: Roles, types: Any, inputs: Any) -> Tensor:
    x = channels_first(inputs[0])
    height, width = x.shape[2:]
    size = op.size or (height * op.factor[0], width * op.factor[1])
    if op.mode == "nearest":
        rows, columns = nearest(height, size[0]), nearest(width, size[1])
        return channels_last(x[:, :, rows][:, :, :, columns])
    return channels_last(F.interpolate(x, size, mode=op.mode, align_corners=op.align_corners))


def nearest(n: int, m: int) -> list[int]:
    """Which of n elements each of m shows: the one in which its left edge falls.

    Exactly; `torch.nn.functional.interpolate` computes this in float32 and is one off
    for some sizes, which a test of this file shows.
    """
    return [i * n // m for i in range(m)]


@rule(reshape.DepthToSpace)
def _depth_to_space(op: Any, roles: Roles, types: Any, inputs: Any) -> Tensor:
    """With `dcr` the channels of a square stand apart; a shuffle brings them together."""
    x = channels_first(inputs[0])
    if op.order == "dcr":
        x = F.channel_shuffle(x, op.factor**2)
    return channels_last(F.pixel_shuffle(x, op.factor))


@rule(reshape.SpaceToDepth)
def _space_to_depth(op: Any, roles: Roles, types: Any, inputs: Any) -> Tensor:
    x = F.pixel_unshuffle(channels_first(inputs[0]), op.factor)
    if op.order == "dcr":
        x = F.channel_shuffle(x, inputs[0].shape[-1])
    return channels_last(x)


@rule(reshape.Shuffle)
def _shuffle(op: Any, roles: Roles, types: Any, inputs: Any) -> Tensor:
    return channels_last(F.channel_shuffle(channels_first(inputs[0]), op.groups)).reshape(
        inputs[0].shape
    )


@rule(reshape.Split)
def _split(op: Any, roles: Roles, types: Any, inputs: Any) -> Sequence[Tensor]:
    channels = inputs[0].shape[-1]
    parts = [channels // op.parts[0]] * op.parts[0] if len(op.parts) == 1 else list(op.parts)
    return inputs[0].split(parts, dim=-1)
