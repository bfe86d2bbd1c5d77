"""How each operator is said in Flax: one rule per operator.

A rule gives the expression that applies the operator, and for an operator with
weights or random state the constructor of its `flax.nnx` module. Numbers are
`Value`s, so that copies of a block that differ in them can share one class.
Everything is channels last, with the batch in front.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from cnndsl.op import Op
from cnndsl.ops.activation import (
    Abs,
    Gelu,
    HSigmoid,
    HSwish,
    LeakyRelu,
    Relu,
    Relu6,
    Sigmoid,
    Silu,
    Softmax,
    Tanh,
    Times,
)
from cnndsl.ops.conv import Conv, Deconv, DwConv, Local
from cnndsl.ops.linear import Fc
from cnndsl.ops.merge import Add, Concat, Mul, Sub
from cnndsl.ops.norm import Bn, Gn, LayerScale, Ln, Lrn
from cnndsl.ops.pool import AvgPool, GlobalAvgPool, GlobalMaxPool, MaxPool
from cnndsl.ops.regular import Dropout, DropPath
from cnndsl.ops.reshape import (
    ConstantPad,
    Crop,
    DepthToSpace,
    Flatten,
    Identity,
    PadChannels,
    Shuffle,
    SpaceToDepth,
    Split,
    Upsample,
)
from cnndsl.ops.windowed import canonical_padding
from cnndsl.record import Record
from cnndsl.types import TensorType, as_map
from cnndsl.window import Padding

from .code import (
    Apply,
    Arg,
    Attribute,
    Expr,
    Join,
    Keyword,
    Many,
    Method,
    Own,
    Pads,
    Subscript,
    Text,
    Value,
    call,
    features,
    pair,
    sides,
    text_of,
)

T = TypeVar("T", bound=Op)
ONE, TRUE = Text("1"), Text("True")
NONE = Padding()
NO_PADDING = sides((0, 0), (0, 0))


class Site(Record):
    """Where an operator stands.

    Arguments:
        types: of its inputs.
        ranks: dimensions of its inputs in emitted code, without the batch: a vector
            that only convolutions read stays a 1x1 map.
        keepdims: whether a global pool gives such a map.
    """

    types: tuple[TensorType, ...]
    ranks: tuple[int, ...]
    keepdims: bool = False


class Said(Record):
    """What a rule gives.

    Arguments:
        apply: the value of the step; with several results, a sequence of them.
        make: constructor of its module, without `rngs` and the dtypes.
        variables: the module's variable for each weight, by the weight's role.
        flipped: whether the kernel is stored mirrored along height and width.
        typed: whether the module takes `dtype` and `param_dtype`.
    """

    apply: Expr
    make: Apply | None = None
    variables: tuple[tuple[str, str], ...] = ()
    flipped: bool = False
    typed: bool = True


RULES: dict[type[Op], Callable[[Any, Site], Said]] = {}
"""The rule of every operator."""


def rule(cls: type[T]) -> Callable[[Callable[[T, Site], Said]], Callable[[T, Site], Said]]:
    """Register the rule of an operator."""

    def register(function: Callable[[T, Site], Said]) -> Callable[[T, Site], Said]:
        RULES[cls] = function
        return function

    return register


def say(op: Op, site: Site) -> Said:
    """What to emit for an operator."""
    return RULES[type(op)](op, site)


# ---------------------------------------------------------------- convolutions


@rule(Conv)
def conv(op: Conv, site: Site) -> Said:
    return _convolution(op, site, op.channels, op.groups)


@rule(DwConv)
def dwconv(op: DwConv, site: Site) -> Said:
    channels = site.types[0].channels
    return _convolution(op, site, channels * op.multiplier, channels)


@rule(Deconv)
def deconv(op: Deconv, site: Site) -> Said:
    """As a convolution of the input spread by the stride, whose kernel is mirrored."""
    x = site.types[0]
    pad = _explicit(op.pad)
    spread = []
    for size, dilation, (lo, hi), extra in zip(
        op.window.size, op.dilation, (pad.height, pad.width), op.output_padding, strict=True
    ):
        extent = (size - 1) * dilation
        spread.append((extent - lo, extent - hi + extra))
    strides = _both(op.window.stride, "stride")
    common: tuple[Keyword, ...] = (
        Keyword("padding", sides(*spread)),
        Keyword("kernel_dilation", _both(op.dilation, "dilation"), Value(1, "dilation")),
    )
    if op.groups == 1:
        function = "nnx.ConvTranspose"
        keywords = (Keyword("strides", strides, Value(1, "stride")), *common)
    else:  # nnx.ConvTranspose has no groups
        function = "nnx.Conv"
        common = (*common, Keyword("feature_group_count", Value(op.groups, "groups")))
        keywords = (Keyword("input_dilation", strides, Value(1, "stride")), *common)
    make = _with_kernel(function, x.channels, op.channels, op.window.size, keywords, op.bias)
    return Said(call(Own(), _as_map(site)), make, KERNEL_BIAS, flipped=True)


def _convolution(op: Conv | DwConv, site: Site, channels: int, groups: int) -> Said:
    if isinstance(op.pad, Padding):
        padding: Expr = _pads(op, op.pad, site.types[0])
    else:
        padding = Text('"SAME"')
    keywords = (
        Keyword("strides", _both(op.window.stride, "stride"), Value(1, "stride")),
        Keyword("padding", padding),
        Keyword("kernel_dilation", _both(op.dilation, "dilation"), Value(1, "dilation")),
        Keyword("feature_group_count", Value(groups, "groups"), Value(1, "groups")),
    )
    inputs = site.types[0].channels
    make = _with_kernel("nnx.Conv", inputs, channels, op.window.size, keywords, op.bias)
    return Said(call(Own(), _as_map(site)), make, KERNEL_BIAS)


@rule(Local)
def local(op: Local, site: Site) -> Said:
    kernel, *_ = op.weights(*site.types)
    pad = _explicit(op.pad)
    keywords = (
        Keyword("positions", pair(kernel.shape[:2], "count")),
        Keyword("strides", pair(op.window.stride, "stride"), pair((1, 1), "stride")),
        Keyword("padding", sides(pad.height, pad.width), NO_PADDING),
        Keyword("use_bias", Value(op.bias, "bias"), Value(True, "bias")),
    )
    arguments = (
        features(site.types[0].channels),
        features(op.channels),
        pair(op.window.size, "kernel"),
    )
    make = Apply(Text("LocalConv"), arguments, keywords)
    return Said(call(Own(), _as_map(site)), make, KERNEL_BIAS)


def _pads(op: Conv | DwConv | MaxPool, pad: Padding, x: TensorType) -> Pads:
    """Padding in numbers, with the note whether it is what `SAME` gives."""
    same = canonical_padding("same", op.window, op.dilation, as_map(x))
    return Pads(sides(pad.height, pad.width), pad == same)


KERNEL_BIAS = (("kernel", "kernel"), ("bias", "bias"))


def _with_kernel(
    function: str,
    inputs: int,
    channels: int,
    size: tuple[int, int],
    keywords: tuple[Keyword, ...],
    bias: bool | None,
) -> Apply:
    arguments = (features(inputs), features(channels), pair(size, "kernel"))
    more = (
        Keyword("use_bias", Value(bias is not False, "bias"), Value(True, "bias")),
        Keyword("kernel_init", Text("KERNEL_INIT")),
    )
    return Apply(Text(function), arguments, (*keywords, *more))


def _both(values: tuple[int, int], kind: str) -> Expr:
    """One number where height and width agree, else a pair."""
    return Value(values[0], kind) if values[0] == values[1] else pair(values, kind)


def _explicit(pad: Any) -> Padding:
    assert isinstance(pad, Padding), f"padding {pad!r} was not made explicit"
    return pad


def _as_map(site: Site, index: int = 0) -> Expr:
    """An input as a map: vectors become 1x1."""
    arg = Arg(index)
    return Subscript(arg, ":, None, None, :") if site.ranks[index] == 1 else arg


# ------------------------------------------------------------ fully connected


@rule(Fc)
def fc(op: Fc, site: Site) -> Said:
    x: Expr = Subscript(Arg(0), ":, 0, 0, :") if site.ranks[0] == 3 else Arg(0)
    bias = Keyword("use_bias", Value(op.bias, "bias"), Value(True, "bias"))
    arguments = (features(site.types[0].channels), features(op.channels))
    return Said(call(Own(), x), Apply(Text("nnx.Linear"), arguments, (bias,)), KERNEL_BIAS)


# ----------------------------------------------------------------------- pools


@rule(MaxPool)
def maxpool(op: MaxPool, site: Site) -> Said:
    padding = _pool_padding(op, site)
    if op.dilation == (1, 1):
        return Said(_pool("nnx.max_pool", op, padding))
    window, strides = pair(op.window.size, "kernel"), pair(op.window.stride, "stride")
    if isinstance(padding, Pads):
        padding = padding.sides
    else:
        spans = ((k - 1) * d + 1 for k, d in zip(op.window.size, op.dilation, strict=True))
        size = Subscript(Attribute(Arg(0), "shape"), "1:3")
        padding = call("lax.padtype_to_pads", size, pair(list(spans), "span"), strides, padding)
    dilation = pair(op.dilation, "dilation")
    keywords = {"strides": strides, "dilation": dilation, "padding": padding}
    return Said(call("dilated_max_pool", Arg(0), window, **keywords))


@rule(AvgPool)
def avgpool(op: AvgPool, site: Site) -> Said:
    """Flax divides by the window, or by the elements that are no padding of the call.

    What `ceil` adds behind is never counted, what the operator declares is counted or
    not: both can only be said by padding twice.
    """
    axes = op.axes(*site.types)
    if axes is None:
        return Said(_average(op, Text('"SAME"'), counted=op.count_include_pad))
    pad = _explicit(op.pad)
    effective = [(axis.lo, axis.hi) for axis in axes]
    extra = [(0, axis.hi - hi) for axis, (_, hi) in zip(axes, _sides(pad), strict=True)]
    (top, bottom), (left, right) = effective
    same = canonical_padding("same", op.window, (1, 1), site.types[0])
    pads = Pads(sides(*effective), same == Padding(top, bottom, left, right))
    if not op.count_include_pad:
        return Said(_average(op, pads, counted=not any(map(any, effective))))
    if not any(map(any, extra)):
        return Said(_average(op, pads))
    x = _padded(Arg(0), pad) if pad != NONE else Arg(0)
    return Said(_average(op, sides(*extra), x, counted=False))


def _average(
    op: AvgPool,
    padding: Expr,
    x: Expr = Arg(0),  # noqa: B008 - immutable
    counted: bool = True,
) -> Expr:
    """The pool of Flax, or one that does not count padding."""
    return _pool("nnx.avg_pool" if counted else "avg_pool_inside", op, padding, x)


@rule(GlobalAvgPool)
def globalavgpool(op: GlobalAvgPool, site: Site) -> Said:
    return Said(_over_map("jnp.mean", site))


@rule(GlobalMaxPool)
def globalmaxpool(op: GlobalMaxPool, site: Site) -> Said:
    return Said(_over_map("jnp.max", site))


def _over_map(function: str, site: Site) -> Expr:
    axes = Keyword("axis", Text("(1, 2)"))
    keep = (Keyword("keepdims", TRUE),) if site.keepdims else ()
    return Apply(Text(function), (Arg(0),), (axes, *keep))


def _pool_padding(op: MaxPool, site: Site) -> Expr:
    axes = op.axes(*site.types)
    if axes is None:
        return Text('"SAME"')
    (top, bottom), (left, right) = ((axis.lo, axis.hi) for axis in axes)
    return _pads(op, Padding(top, bottom, left, right), site.types[0])


def _pool(
    function: str,
    op: MaxPool | AvgPool,
    padding: Expr,
    x: Expr = Arg(0),  # noqa: B008 - immutable
) -> Expr:
    strides = pair(op.window.stride, "stride")
    keywords = (
        Keyword("strides", strides, pair((1, 1), "stride")),
        Keyword("padding", padding, NO_PADDING),
    )
    return Apply(Text(function), (x, pair(op.window.size, "kernel")), keywords)


def _sides(pad: Padding) -> tuple[tuple[int, int], tuple[int, int]]:
    return pad.height, pad.width


def _padded(x: Expr, pad: Padding) -> Expr:
    """`x` with rows and columns of zeros around."""
    none = Text("(0, 0)")
    rows, columns = pair(pad.height, "padding"), pair(pad.width, "padding")
    return call("jnp.pad", x, Many("(", (none, rows, columns, none)))


# --------------------------------------------------------------- normalisation


@rule(Bn)
def bn(op: Bn, site: Site) -> Said:
    momentum = Keyword("momentum", Value(round(1 - op.momentum, 12), "momentum"))
    variables = (*AFFINE, ("mean", "mean"), ("variance", "var"))
    return _norm("nnx.BatchNorm", op, site, (momentum,), variables)


@rule(Ln)
def ln(op: Ln, site: Site) -> Said:
    return _norm("nnx.LayerNorm", op, site, (EXACT_VARIANCE,))


@rule(Gn)
def gn(op: Gn, site: Site) -> Said:
    groups = Keyword("num_groups", Value(op.groups, "groups"))
    return _norm("nnx.GroupNorm", op, site, (groups, EXACT_VARIANCE))


@rule(Lrn)
def lrn(op: Lrn, site: Site) -> Said:
    alpha: Expr = Value(op.alpha, "alpha")
    if op.mode == "mean":
        alpha = Join("/", (alpha, Value(op.size, "count")))
    keywords = (
        Keyword("alpha", alpha),
        Keyword("beta", Value(op.beta, "beta")),
        Keyword("k", Value(op.k, "k")),
    )
    arguments = (Arg(0), Value(op.size, "count"))
    return Said(Apply(Text("local_response_norm"), arguments, keywords))


@rule(LayerScale)
def layerscale(op: LayerScale, site: Site) -> Said:
    arguments = (features(site.types[0].channels), Value(op.init, "init"))
    return Said(call(Own(), Arg(0)), Apply(Text("LayerScale"), arguments), (("scale", "scale"),))


EXACT_VARIANCE = Keyword("use_fast_variance", Text("False"))
"""The mean of squares less the square of the mean cancels where they are close."""
AFFINE = (("scale", "scale"), ("shift", "bias"))


def _norm(
    function: str,
    op: Bn | Ln | Gn,
    site: Site,
    more: tuple[Keyword, ...] = (),
    variables: tuple[tuple[str, str], ...] = AFFINE,
) -> Said:
    keywords = (
        *more,
        Keyword("epsilon", Value(op.eps, "epsilon")),
        Keyword("use_bias", Value(op.shift, "bias"), Value(True, "bias")),
        Keyword("use_scale", Value(op.scale, "scale"), Value(True, "scale")),
    )
    make = Apply(Text(function), (features(site.types[0].channels),), keywords)
    return Said(call(Own(), Arg(0)), make, variables)


# ----------------------------------------------------------------- activations


def _function(name: str) -> Said:
    return Said(Apply(Value(name, "code"), (Arg(0),)))


@rule(Relu)
def relu(op: Relu, site: Site) -> Said:
    return _function("nnx.relu")


@rule(Relu6)
def relu6(op: Relu6, site: Site) -> Said:
    return _function("nnx.relu6")


@rule(LeakyRelu)
def leakyrelu(op: LeakyRelu, site: Site) -> Said:
    slope = Keyword("negative_slope", Value(op.slope, "slope"))
    return Said(Apply(Text("nnx.leaky_relu"), (Arg(0),), (slope,)))


@rule(Silu)
def silu(op: Silu, site: Site) -> Said:
    return _function("nnx.silu")


@rule(HSwish)
def hswish(op: HSwish, site: Site) -> Said:
    return _function("nnx.hard_swish")


@rule(HSigmoid)
def hsigmoid(op: HSigmoid, site: Site) -> Said:
    return _function("nnx.hard_sigmoid")


@rule(Gelu)
def gelu(op: Gelu, site: Site) -> Said:
    approximate = Keyword("approximate", Text(text_of(op.approximate)))
    return Said(Apply(Text("nnx.gelu"), (Arg(0),), (approximate,)))


@rule(Abs)
def absolute(op: Abs, site: Site) -> Said:
    return _function("jnp.abs")


@rule(Times)
def times(op: Times, site: Site) -> Said:
    return Said(Join("*", (Value(float(op.factor), "factor"), Arg(0))))


@rule(Sigmoid)
def sigmoid(op: Sigmoid, site: Site) -> Said:
    return _function("nnx.sigmoid")


@rule(Tanh)
def tanh(op: Tanh, site: Site) -> Said:
    return _function("nnx.tanh")


@rule(Softmax)
def softmax(op: Softmax, site: Site) -> Said:
    return _function("nnx.softmax")


# ---------------------------------------------------------------------- merges


@rule(Concat)
def concat(op: Concat, site: Site) -> Said:
    values = Many("[", tuple(Arg(i) for i in range(len(site.types))))
    if len(site.types) == 1:
        return Said(Arg(0))
    return Said(Apply(Text("jnp.concatenate"), (values,), (Keyword("axis", Text("-1")),)))


@rule(Add)
def add(op: Add, site: Site) -> Said:
    if len(site.types) == 1:
        return Said(Arg(0))
    return Said(Join("+", tuple(Arg(i) for i in range(len(site.types)))))


@rule(Sub)
def sub(op: Sub, site: Site) -> Said:
    return Said(Join("-", (Arg(0), Arg(1))))


@rule(Mul)
def mul(op: Mul, site: Site) -> Said:
    """Vectors scale maps and sequences channel by channel, 1x1 maps as well."""
    rank = max(site.ranks)
    if rank == 3 and any(r == 2 for r in site.ranks):  # a 1x1 map scales a sequence
        factors = [Subscript(Arg(i), ":, 0") if r == 3 else Arg(i) for i, r in _ranked(site)]
        rank = 2
    else:
        factors = [Arg(i) for i, _ in _ranked(site)]
    missing = {1: {2: ":, None, :", 3: ":, None, None, :"}.get(rank)}
    return Said(
        Join(
            "*",
            tuple(
                Subscript(factor, index) if (index := missing.get(r)) else factor
                for factor, (_, r) in zip(factors, _ranked(site), strict=True)
            ),
        )
    )


def _ranked(site: Site) -> Sequence[tuple[int, int]]:
    return list(enumerate(site.ranks))


# --------------------------------------------------------------------- reshape


@rule(Flatten)
def flatten(op: Flatten, site: Site) -> Said:
    x: Expr = Arg(0)
    if op.order == "chw":
        x = Method(x, "transpose", tuple(Text(str(i)) for i in (0, 3, 1, 2)))
    batch = Subscript(Attribute(Arg(0), "shape"), "0")
    return Said(Method(x, "reshape", (batch, Text("-1"))))


@rule(ConstantPad)
def constant_pad(op: ConstantPad, site: Site) -> Said:
    """Negative amounts crop."""
    top, bottom, left, right = _amounts(op.amount)
    x = _cropped(Arg(0), *(max(0, -n) for n in (top, bottom, left, right)))
    pad = Padding(*(max(0, n) for n in (top, bottom, left, right)))
    if pad == NONE:
        return Said(x)
    padded = _padded(x, pad)
    if op.value == 0:
        return Said(padded)
    assert isinstance(padded, Apply)
    constant = Keyword("constant_values", Value(float(op.value), "constant"))
    return Said(Apply(padded.function, padded.arguments, (constant,)))


@rule(Crop)
def crop(op: Crop, site: Site) -> Said:
    """Negative amounts pad with zeros."""
    amounts = _amounts(op.amount)
    pad = Padding(*(max(0, -n) for n in amounts))
    x = _cropped(Arg(0), *(max(0, n) for n in amounts))
    return Said(_padded(x, pad) if pad != NONE else x)


@rule(PadChannels)
def pad_channels(op: PadChannels, site: Site) -> Said:
    rank = site.ranks[0]
    present = Subscript(Attribute(Arg(0), "shape"), "-1")
    none = Text("(0, 0)")
    last = Many("(", (Text("0"), Join("-", (features(op.channels), present))))
    return Said(call("jnp.pad", Arg(0), Many("(", (none,) * rank + (last,))))


@rule(Upsample)
def upsample(op: Upsample, site: Site) -> Said:
    """Nearest neighbours by a whole factor are repeats; all else is interpolation."""
    if op.mode == "nearest" and op.size is None:
        x: Expr = Arg(0)
        for axis, factor in enumerate(op.factor, start=1):
            if factor != 1:
                along = Keyword("axis", Text(str(axis)))
                x = Apply(Text("jnp.repeat"), (x, Value(factor, "factor")), (along,))
        return Said(x)
    if op.mode == "nearest":
        return Said(call("nearest", Arg(0), _target(op)))
    no = Text("False")
    cubic = Keyword("cubic", Text(str(op.mode == "bicubic")), no)
    corners = Keyword("align_corners", Text(str(op.align_corners)), no)
    return Said(Apply(Text("resize"), (Arg(0), _target(op)), (cubic, corners)))


@rule(DepthToSpace)
def depth_to_space(op: DepthToSpace, site: Site) -> Said:
    return _squares("depth_to_space", op)


@rule(SpaceToDepth)
def space_to_depth(op: SpaceToDepth, site: Site) -> Said:
    return _squares("space_to_depth", op)


def _squares(function: str, op: DepthToSpace | SpaceToDepth) -> Said:
    order = Keyword("order", Value(op.order, "order"), Value("crd", "order"))
    return Said(Apply(Text(function), (Arg(0), Value(op.factor, "factor")), (order,)))


@rule(Shuffle)
def shuffle(op: Shuffle, site: Site) -> Said:
    return Said(call("channel_shuffle", Arg(0), Value(op.groups, "groups")))


@rule(Split)
def split(op: Split, site: Site) -> Said:
    if len(op.parts) == 1:
        where: Expr = Value(op.parts[0], "count")
    else:
        ends = [sum(op.parts[: i + 1]) for i in range(len(op.parts) - 1)]
        where = Many("[", tuple(features(end) for end in ends))
    return Said(Apply(Text("jnp.split"), (Arg(0), where), (Keyword("axis", Text("-1")),)))


@rule(Identity)
def identity(op: Identity, site: Site) -> Said:
    return Said(Arg(0))


def _amounts(amount: Padding) -> tuple[int, int, int, int]:
    return amount.top, amount.bottom, amount.left, amount.right


def _cropped(x: Expr, top: int, bottom: int, left: int, right: int) -> Expr:
    if not top + bottom + left + right:
        return x
    return Subscript(x, f":, {_slice(top, bottom)}, {_slice(left, right)}")


def _slice(lo: int, hi: int) -> str:
    return f"{lo or ''}:{-hi if hi else ''}"


def _target(op: Upsample) -> Expr:
    """The output's height and width."""
    if op.size is not None:
        return pair(op.size, "size")
    shape = Attribute(Arg(0), "shape")
    height, width = (Subscript(shape, str(axis)) for axis in (1, 2))
    return Many(
        "(",
        tuple(
            Join("*", (Value(factor, "factor"), size))
            for factor, size in zip(op.factor, (height, width), strict=True)
        ),
    )


# -------------------------------------------------------------- regularisation


@rule(Dropout)
def dropout(op: Dropout, site: Site) -> Said:
    return Said(call(Own(), Arg(0)), call("nnx.Dropout", Value(op.rate, "rate")), typed=False)


@rule(DropPath)
def droppath(op: DropPath, site: Site) -> Said:
    """Dropout with one decision per sample."""
    shared = Text(text_of(tuple(range(1, site.ranks[0] + 1))))
    make = call("nnx.Dropout", Value(op.rate, "rate"), broadcast_dims=shared)
    return Said(call(Own(), Arg(0)), make, typed=False)
