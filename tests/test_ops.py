"""Operators: shapes against torch and JAX, counts against hand-made ones and XLA, messages."""

from __future__ import annotations

import inspect
import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cnndsl import op as op_module
from cnndsl.arguments import KINDS
from cnndsl.op import Ledger, Op, ShapeError
from cnndsl.ops import OPS
from cnndsl.ops.activation import Abs, Relu, Softmax, Times
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
from cnndsl.symbol import Size, Symbol, at, variable
from cnndsl.types import TensorType, map_type
from cnndsl.window import Padding, Window

OPERATORS = sorted(OPS.values(), key=lambda op: op.word)
H, W = variable("H"), variable("W")

sides = st.integers(1, 20)
windows = st.builds(Window, *[st.integers(1, 5)] * 2, *[st.integers(1, 3)] * 2)
dilations = st.tuples(*[st.integers(1, 3)] * 2)
paddings = st.builds(Padding, *[st.integers(0, 3)] * 4)
pads = paddings | st.sampled_from(["half", "same", "valid"])
roundings = st.sampled_from(["floor", "ceil"])


def vector(channels: int) -> TensorType:
    return TensorType((channels,))


def sequence(length: Size, channels: int) -> TensorType:
    return TensorType((length, channels))


def shape(op: Op, *inputs: TensorType) -> tuple[Size, ...]:
    (out,) = op.canonical(*inputs).infer(*inputs)
    return out.shape


def value(type: TensorType, point: dict[str, int]) -> TensorType:
    return TensorType(tuple(at(size, point) for size in type.shape), type.dtype)


def total(ledger: Ledger, prefix: str) -> Size:
    return sum((count for fact, count in ledger.items() if fact.startswith(prefix)), 0)


# ------------------------------------------------------------------ every operator


@pytest.mark.parametrize("op", OPERATORS, ids=lambda op: op.word)
def test_declarations_are_complete(op):
    text = inspect.getdoc(op)
    lead, *paragraphs = text.split("\n\n")
    assert lead.endswith(".")
    assert any(paragraph.startswith("Shapes: ") for paragraph in paragraphs)
    assert "Costs: " in text
    explained = re.findall(r"^    ([\w, ]+):", text, re.MULTILINE)
    names = [name for group in explained for name in group.split(", ")]
    assert sorted(names) == sorted(op.fields)
    assert set(op.positional) <= set(op.fields)
    assert set(op.annotations.values()) <= set(KINDS)
    assert re.fullmatch(r"[a-z_0-9]+", op.word)
    least, most = op.arity
    assert least >= 1 and (most is None or most >= least)


MAP = map_type(8, 6, 12)
EXAMPLES: list[tuple[Op, tuple[TensorType, ...], tuple[tuple[Size, ...], ...]]] = [
    (Conv(Window(3, 3), 5), (MAP,), ((8, 6, 5),)),
    (Conv(Window(3, 3), 5), (vector(4),), ((1, 1, 5),)),
    (DwConv(Window(3, 3, 2, 2), 2), (MAP,), ((4, 3, 24),)),
    (Deconv(Window(2, 2, 2, 2), 7), (MAP,), ((16, 12, 7),)),
    (Local(Window(3, 3), 5), (MAP,), ((8, 6, 5),)),
    (Local(Window(3, 3, 2, 2), 5, "valid"), (MAP,), ((3, 2, 5),)),
    (Local(Window(3, 3), 5), (vector(4),), ((1, 1, 5),)),
    (Fc(10), (vector(12),), ((10,),)),
    (Fc(10), (map_type(1, 1, 12),), ((10,),)),
    (Fc(10), (sequence(49, 12),), ((49, 10),)),
    (MaxPool(Window(2, 2, 2, 2)), (MAP,), ((4, 3, 12),)),
    (AvgPool(Window(2, 2, 2, 2)), (MAP,), ((4, 3, 12),)),
    (GlobalAvgPool(), (MAP,), ((12,),)),
    (GlobalMaxPool(), (MAP,), ((12,),)),
    *[(op, (MAP,), ((8, 6, 12),)) for op in (Bn(), Ln(), Gn(3), Lrn(), Relu(), Softmax())],
    *[(op, (vector(9),), ((9,),)) for op in (Bn(), Ln(), Gn(3), Relu(), Softmax(), Dropout())],
    (LayerScale(), (MAP,), ((8, 6, 12),)),
    (Concat(), (MAP, map_type(8, 6, 3)), ((8, 6, 15),)),
    (Concat(), (vector(3), vector(4), vector(5)), ((12,),)),
    (Add(), (MAP, MAP, MAP), ((8, 6, 12),)),
    (Sub(), (MAP, MAP), ((8, 6, 12),)),
    (Sub(), (vector(12), vector(12)), ((12,),)),
    (Abs(), (MAP,), ((8, 6, 12),)),
    (Times(0.17), (MAP,), ((8, 6, 12),)),
    (Mul(), (MAP, vector(12)), ((8, 6, 12),)),
    (Mul(), (map_type(1, 1, 12), MAP), ((8, 6, 12),)),
    (Mul(), (map_type(1, 1, 12), vector(12)), ((1, 1, 12),)),
    (Mul(), (vector(12), sequence(5, 12)), ((5, 12),)),
    (Flatten(), (MAP,), ((576,),)),
    (ConstantPad(Padding(1, 2, 3, 4)), (MAP,), ((11, 13, 12),)),
    (PadChannels(20), (MAP,), ((8, 6, 20),)),
    (Crop(Padding(1, 2, 3, 2)), (MAP,), ((5, 1, 12),)),
    (Upsample(), (MAP,), ((16, 12, 12),)),
    (Upsample((1, 3), "bilinear", True), (MAP,), ((8, 18, 12),)),
    (Upsample(size=(7, 7)), (MAP,), ((7, 7, 12),)),
    (DepthToSpace(2), (MAP,), ((16, 12, 3),)),
    (DepthToSpace(2, "dcr"), (MAP,), ((16, 12, 3),)),
    (SpaceToDepth(2), (MAP,), ((4, 3, 48),)),
    (Shuffle(4), (MAP,), ((8, 6, 12),)),
    (Split(), (MAP,), ((8, 6, 6), (8, 6, 6))),
    (Split((3, 4, 5)), (vector(12),), ((3,), (4,), (5,))),
    (Identity(), (MAP,), ((8, 6, 12),)),
    (Dropout(0.4), (MAP,), ((8, 6, 12),)),
    (DropPath(0.2), (MAP,), ((8, 6, 12),)),
]


@pytest.mark.parametrize(("op", "inputs", "expected"), EXAMPLES, ids=lambda x: None)
def test_shapes(op, inputs, expected):
    assert tuple(out.shape for out in op.canonical(*inputs).infer(*inputs)) == expected


def test_examples_use_every_family():
    assert {op.family for op, _, _ in EXAMPLES} == {op.family for op in OPERATORS}


@pytest.mark.parametrize(("op", "inputs", "expected"), EXAMPLES, ids=lambda x: None)
def test_ledgers_hold_documented_facts(op, inputs, expected):
    source = inspect.getsource(op_module)
    facts = re.search(r'Ledger = .*?"""(.*?)"""', source, re.DOTALL).group(1)
    known = re.findall(r"^    ((?:[a-z]+(?:\.\w+)*(?:, )?)+) ", facts, re.MULTILINE)
    words = {word for group in known for word in group.split(", ")}
    ledger = op.ledger(*inputs)
    assert ledger["in"] == sum(x.elements for x in inputs)
    assert ledger["out"] == sum(TensorType(out).elements for out in expected)
    for fact in ledger:
        general = re.sub(r"^(norm|act|weight|pool)\.\w+", lambda m: m[1] + ".KIND", fact)
        assert general.replace("weight.KIND", "weight.ROLE") in words


@pytest.mark.parametrize(("op", "inputs", "expected"), EXAMPLES, ids=lambda x: None)
def test_symbolic_maps_agree_with_numbers(op, inputs, expected):
    """The same operator on H×W, filled in, is the operator on 8x6."""
    if not any(x.is_map and x.area != 1 for x in inputs) or isinstance(op, (Flatten, Local)):
        return
    point = {"H": 8, "W": 6}
    symbolic = tuple(
        map_type(H, W, x.channels) if x.is_map and x.area != 1 else x for x in inputs
    )
    outputs = op.canonical(*symbolic).infer(*symbolic)
    assert tuple(value(out, point).shape for out in outputs) == expected
    assert {fact: at(n, point) for fact, n in op.ledger(*symbolic).items()} == op.ledger(*inputs)


# ------------------------------------------------------------------ against the frameworks


@st.composite
def windowed(draw):
    """A map, and a window with arguments that fits into it."""
    x = map_type(draw(sides), draw(sides), 4)
    window, pad, dilation = draw(windows), draw(pads), draw(dilations)
    try:
        Conv(window, 1, pad, dilation).infer(x)
    except ShapeError:
        assume(False)
    return x, window, pad, dilation


def lax_padding(op: Conv | DwConv | MaxPool) -> list[tuple[int, int]]:
    assert isinstance(op.pad, Padding)
    return [op.pad.height, op.pad.width]


@settings(deadline=None, max_examples=60)
@given(windowed(), st.sampled_from([1, 2, 4]))
def test_convolutions_have_the_shapes_of_jax(setting, groups):
    jax = pytest.importorskip("jax")
    x, window, pad, dilation = setting
    dense = Conv(window, 8, pad, dilation, groups).canonical(x)
    depthwise = DwConv(window, 3, pad, dilation).canonical(x)
    for op, number in ((dense, groups), (depthwise, 4)):
        kernel = op.weights(x)[0]
        out = jax.eval_shape(
            lambda a, w, op=op, number=number: jax.lax.conv_general_dilated(
                a, w, op.window.stride, lax_padding(op), rhs_dilation=op.dilation,
                feature_group_count=number, dimension_numbers=("NHWC", "HWIO", "NHWC"),
            ),
            jax.ShapeDtypeStruct((1, *x.shape), "float32"),
            jax.ShapeDtypeStruct(kernel.shape, "float32"),
        )  # fmt: skip
        assert out.shape[1:] == shape(op, x)


@settings(deadline=None, max_examples=60)
@given(windowed(), st.sampled_from(["same", "valid"]))
def test_same_and_valid_are_jaxs(setting, pad):
    jax = pytest.importorskip("jax")
    x, window, _, dilation = setting
    found = jax.lax.padtype_to_pads(
        x.shape[:2], tuple((k - 1) * d + 1 for k, d in zip(window.size, dilation, strict=True)),
        window.stride, pad.upper(),
    )  # fmt: skip
    (rows, columns) = found
    assert Conv(window, 1, pad, dilation).canonical(x).pad == Padding(*rows, *columns)


@settings(deadline=None, max_examples=60)
@given(windowed(), roundings)
def test_pools_have_the_shapes_of_torch(setting, rounding):
    torch = pytest.importorskip("torch")
    x, window, _, dilation = setting
    pad = (window.height // 2, window.width // 2)
    data = torch.empty((1, 4, x.height, x.width), device="meta")
    sides = Padding(pad[0], pad[0], pad[1], pad[1])
    ceil = rounding == "ceil"
    for op, name, options in (
        (MaxPool(window, sides, dilation, rounding), "max_pool2d", (dilation, ceil)),
        (AvgPool(window, sides, rounding), "avg_pool2d", (ceil,)),
    ):
        pool = getattr(torch.nn.functional, name)
        try:
            found = shape(op, x)
        except ShapeError as problem:
            assert problem.code == "E0303"
            with pytest.raises(RuntimeError, match="too small"):
                pool(data, window.size, window.stride, pad, *options)
        else:
            out = pool(data, window.size, window.stride, pad, *options)
            assert (*out.shape[2:], 4) == found


@settings(deadline=None, max_examples=60)
@given(sides, sides, windows, dilations, st.integers(0, 2), st.data())
def test_transposed_convolutions_are_torchs(height, width, window, dilation, pad, data):
    torch = pytest.importorskip("torch")
    limits = [max(s, d) - 1 for s, d in zip(window.stride, dilation, strict=True)]
    extra = tuple(data.draw(st.integers(0, limit)) for limit in limits)
    op = Deconv(window, 6, Padding(pad, pad, pad, pad), extra, dilation, 2)
    x = map_type(height, width, 4)
    try:
        found = shape(op, x)
    except ShapeError as problem:
        assert problem.code == "E0303"
        return
    out = torch.nn.functional.conv_transpose2d(
        torch.empty((1, 4, height, width), device="meta"),
        torch.empty((4, 3, *window.size), device="meta"),
        None, window.stride, pad, extra, 2, dilation,
    )  # fmt: skip
    assert (*out.shape[2:], 6) == found


@settings(deadline=None, max_examples=60)
@given(sides, sides, windows)
def test_same_transposed_convolutions_are_jaxs(height, width, window):
    jax = pytest.importorskip("jax")
    x = map_type(height, width, 4)
    out = jax.eval_shape(
        lambda a, w: jax.lax.conv_transpose(a, w, window.stride, "SAME"),
        jax.ShapeDtypeStruct((1, *x.shape), "float32"),
        jax.ShapeDtypeStruct((*window.size, 4, 6), "float32"),
    )
    found = shape(Deconv(window, 6, "same"), x)
    assert out.shape[1:] == found == (height * window.stride_h, width * window.stride_w, 6)


@given(windowed(), roundings)
def test_a_word_for_the_padding_needs_no_canonical_form(setting, rounding):
    x, window, pad, dilation = setting
    for op in (
        Conv(window, 8, pad, dilation),
        DwConv(window, 2, pad, dilation),
        MaxPool(window, pad, dilation, rounding),
        AvgPool(window, pad, rounding),
    ):
        explicit = op.canonical(x)
        assert explicit.canonical(x) == explicit
        assert isinstance(explicit.pad, Padding)
        try:
            assert explicit.ledger(x) == op.ledger(x)
            assert explicit.axes(x) == op.axes(x)
        except ShapeError:
            assert isinstance(op, AvgPool)


@given(windowed(), roundings)
def test_windows_on_symbolic_maps_agree_with_numbers(setting, rounding):
    x, window, pad, dilation = setting
    x = map_type(x.height + 12, x.width + 12, 4)
    point = {"H": x.height, "W": x.width}
    unknown = map_type(H, W, 4)
    for op in (
        Conv(window, 8, pad, dilation),
        DwConv(window, 2, pad, dilation),
        Deconv(window, 8, pad, (0, 0), dilation),
        MaxPool(window, pad, dilation, rounding),
        AvgPool(window, pad, rounding),
    ):
        general = op.canonical(unknown)
        symbolic = {fact: at(n, point) for fact, n in general.ledger(unknown).items()}
        counted = op.canonical(x).ledger(x)
        if getattr(general, "pad", None) == "same":  # the padding is known for each size only
            assert symbolic.pop("mac.real", 0) >= counted.pop("mac.real", 0)
        assert symbolic == counted


# ------------------------------------------------------------------ counts


def test_the_stem_of_resnet():
    ledger = Conv(Window(7, 7, 2, 2), 64, bias=False).ledger(map_type(224, 224, 3))
    assert ledger == {
        "in": 150_528,
        "out": 802_816,
        "mac": 118_013_952,
        "mac.real": 116_214_528,
        "weight.kernel": 9_408,
    }


HAND_COUNTED = [
    ("fc on a sequence of 49", Fc(32), sequence(49, 16), 25_088, 512 + 32),
    ("even kernel, same", Conv(Window(2, 2), 16, "same"), map_type(14, 14, 16), 200_704, 1_040),
    ("transposed", Deconv(Window(2, 2, 2, 2), 8), map_type(7, 7, 4), 6_272, 128 + 8),
    ("transposed, groups", Deconv(Window(2, 2, 2, 2), 16, groups=4), map_type(7, 7, 16),
     12_544, 256 + 16),
    ("transposed, depthwise", Deconv(Window(2, 2, 2, 2), 32, groups=32), map_type(7, 7, 32),
     6_272, 128 + 32),
    ("3x3, 8 to 8", Conv(Window(3, 3), 8, bias=False), map_type(14, 14, 8), 112_896, 576),
    ("MobileNet's first depthwise", DwConv(Window(3, 3), bias=False), map_type(112, 112, 32),
     3_612_672, 288),
    ("ResNeXt's grouped", Conv(Window(3, 3), 128, groups=32, bias=False), map_type(56, 56, 128),
     14_450_688, 4_608),
    ("locally connected", Local(Window(9, 9), 16), map_type(63, 63, 16), 63 * 63 * 81 * 256,
     63 * 63 * (81 * 256 + 16)),
    ("VGG's fc6", Fc(4096), vector(25_088), 102_760_448, 102_764_544),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "op", "x", "mac", "weights"), HAND_COUNTED, ids=[row[0] for row in HAND_COUNTED]
)
def test_hand_counted_layers(name, op, x, mac, weights):
    ledger = op.canonical(x).ledger(x)
    assert ledger["mac"] == mac
    assert total(ledger, "weight.") == weights


@pytest.mark.parametrize("op", [
    Conv(Window(7, 7, 2, 2), 6),
    Conv(Window(3, 3), 6, "same", groups=2),
    Conv(Window(2, 4, 3, 1), 6, "same"),
    Conv(Window(3, 3), 6, Padding(5, 0, 1, 2), (3, 2)),
    Conv(Window(3, 3, 2, 2), 6, "valid"),
    DwConv(Window(5, 3, 2, 1), 2),
    Deconv(Window(2, 2, 2, 2), 6),
    Deconv(Window(3, 3, 2, 2), 6, Padding(1, 1, 1, 1), (1, 1)),
    Deconv(Window(4, 4, 2, 2), 6, "same"),
    Deconv(Window(3, 2, 1, 3), 6, "same", dilation=(2, 1)),
], ids=str)  # fmt: skip
def test_real_macs_are_those_that_xla_counts(op):
    jax = pytest.importorskip("jax")
    x = map_type(11, 14, 4)
    op = op.canonical(x)
    groups = getattr(op, "groups", 4)
    padding, enlarge, stride = lax_padding(op), (1, 1), op.window.stride
    if isinstance(op, Deconv):
        extents = [(k - 1) * d for k, d in zip(op.window.size, op.dilation, strict=True)]
        padding = [
            (extent - lo, extent - hi + extra)
            for extent, (lo, hi), extra in zip(extents, padding, op.output_padding, strict=True)
        ]
        enlarge, stride = stride, (1, 1)

    def convolve(a, w):
        return jax.lax.conv_general_dilated(
            a, w, stride, padding, enlarge, op.dilation,
            feature_group_count=groups, dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )  # fmt: skip

    arguments = [
        jax.ShapeDtypeStruct(dims, "float32")
        for dims in ((1, *x.shape), op.weights(x)[0].shape)
    ]
    assert jax.eval_shape(convolve, *arguments).shape[1:] == shape(op, x)
    counted = jax.jit(convolve).lower(*arguments).compile().cost_analysis()["flops"]
    assert counted == 2 * op.ledger(x)["mac.real"]


def test_weights():
    def weights(op, x):
        return {weight.name: weight.shape for weight in op.weights(x)}

    assert weights(Conv(Window(3, 5), 8, groups=2), MAP) == {"kernel": (3, 5, 6, 8), "bias": (8,)}
    assert weights(DwConv(Window(3, 3), 2, bias=False), MAP) == {"kernel": (3, 3, 1, 24)}
    assert weights(Deconv(Window(2, 2), 8, bias=False), MAP) == {"kernel": (2, 2, 12, 8)}
    assert weights(Local(Window(3, 5, 2, 2), 4, "valid"), MAP) == {
        "kernel": (3, 1, 3, 5, 12, 4), "bias": (3, 1, 4)
    }  # fmt: skip
    assert weights(Local(Window(1, 1), 4, bias=False), MAP) == {"kernel": (8, 6, 1, 1, 12, 4)}
    assert weights(Fc(10), vector(7)) == {"kernel": (7, 10), "bias": (10,)}
    assert list(weights(Bn(), MAP)) == ["scale", "shift", "mean", "variance"]
    assert list(weights(Bn(scale=False), MAP)) == ["shift", "mean", "variance"]
    assert weights(Ln(shift=False), MAP) == {"scale": (12,)}
    assert weights(LayerScale(), MAP) == {"scale": (12,)}
    assert weights(Relu(), MAP) == {}
    assert [w.trainable for w in Bn().weights(MAP)] == [True, True, False, False]


def test_work():
    elements = 8 * 6 * 12
    for op, inputs, work in [
        (MaxPool(Window(3, 3, 2, 2), "half"), (MAP,),
         {"pool.max.in": elements, "pool.max.out": 144, "pool.max.window": 144 * 9}),
        (GlobalAvgPool(), (MAP,),
         {"pool.global.in": elements, "pool.global.out": 12, "pool.global.window": elements}),
        (Bn(), (MAP,), {"norm.batch": elements}),
        (Lrn(), (MAP,), {"norm.lrn": elements}),
        (LayerScale(), (MAP,), {"mul": elements}),
        (Relu(), (MAP,), {"act.relu": elements}),
        (Add(), (MAP, MAP, MAP), {"add": 2 * elements}),
        (Add(), (MAP,), {"add": 0}),
        (Sub(), (MAP, MAP), {"sub": elements}),
        (Abs(), (MAP,), {"act.abs": elements}),
        (Times(0.17), (MAP,), {"mul": elements}),
        (Mul(), (MAP, vector(12)), {"mul": elements}),
        (Concat(), (MAP, MAP), {"concat": 2 * elements}),
        (Upsample(), (MAP,), {"resize": 4 * elements}),
        (Flatten(), (MAP,), {"move": elements}),
        (Crop(Padding(1, 1, 1, 1)), (MAP,), {"move": 6 * 4 * 12}),
        (Split((4, 8)), (MAP,), {"move": elements}),
        (DepthToSpace(2), (MAP,), {"move": elements}),
        (SpaceToDepth(2), (MAP,), {"move": elements}),
        (Identity(), (MAP,), {}),
        (Dropout(), (MAP,), {"random": elements}),
        (Fc(10, bias=False), (vector(12),), {"mac": 120, "mac.real": 120}),
        (Fc(10), (sequence(3, 12),), {"mac": 360, "mac.real": 360, "bias": 30}),
        (Conv(Window(2, 2, 2, 2), 5, "valid"), (MAP,),
         {"mac": 2880, "mac.real": 2880, "bias": 60}),
        (Deconv(Window(2, 2, 2, 2), 7), (MAP,),
         {"mac": 16_128, "mac.real": 16_128, "bias": 16 * 12 * 7}),
    ]:  # fmt: skip
        assert op.work(*inputs) == work


@pytest.mark.parametrize(("op", "inputs", "expected"), EXAMPLES, ids=lambda x: None)
def test_axes_give_the_size_of_the_output(op, inputs, expected):
    axes = op.axes(*inputs)
    full = max(inputs, key=lambda x: x.area)
    if axes is not None and full.is_map:
        assert (axes[0].size(full.height), axes[1].size(full.width)) == expected[0][:2]


@given(windowed(), roundings)
def test_axes_give_the_size_of_windowed_outputs(setting, rounding):
    x, window, pad, dilation = setting
    assume(max(window.size) <= min(x.shape[:2]))
    for op in (
        Conv(window, 8, pad, dilation),
        DwConv(window, 2, pad, dilation),
        MaxPool(window, pad, dilation, rounding),
        AvgPool(window, pad, rounding),
    ):
        rows, columns = op.axes(x)
        assert (rows.size(x.height), columns.size(x.width)) == shape(op, x)[:2]


# ------------------------------------------------------------------ symbolic sizes


def test_merges_say_which_symbolic_sizes_must_be_equal():
    up = (H // 2) * 2
    inputs = map_type(H, W, 4), map_type(up, W, 4), map_type(H, 7, 4)
    assert Add().equations(*inputs) == ((H, up), (W, 7))
    assert Add().infer(*inputs) == (inputs[0],)
    assert Concat().equations(*inputs) == ((H, up), (W, 7))
    assert Concat().infer(*inputs) == (map_type(H, W, 12),)
    assert Mul().equations(*inputs, vector(4)) == ((H, up), (W, 7))
    assert Mul().equations(vector(4), map_type(H, W, 4)) == ()
    assert Add().equations(MAP, MAP) == ()


def test_strict_windows_say_when_symbolic_sizes_tile():
    pool = MaxPool(Window(3, 3, 2, 2), rounding="strict")
    (pair, _) = pool.equations(map_type(H, W, 4))
    tiles = [n for n in range(3, 12) if at(pair[0], {"H": n}) == at(pair[1], {"H": n})]
    assert tiles == [3, 5, 7, 9, 11]
    assert pool.equations(map_type(7, 9, 4)) == ()
    assert MaxPool(Window(3, 3, 2, 2)).equations(map_type(H, W, 4)) == ()
    assert MaxPool(Window(3, 3), rounding="strict").equations(map_type(H, W, 4)) == ()


def test_squares_say_which_symbolic_sizes_they_divide():
    squares = SpaceToDepth(3)
    (pair,) = squares.equations(map_type(H, 6, 4))
    assert [n for n in range(1, 12) if at(pair[0], {"H": n}) == at(pair[1], {"H": n})] == [3, 6, 9]
    assert squares.equations(map_type(6, 9, 4)) == ()
    assert len(squares.equations(map_type(H, H, 4))) == 1
    assert DepthToSpace(3).infer(map_type(H, W, 18)) == (map_type(3 * H, 3 * W, 2),)
    with pytest.raises(ShapeError, match="cannot divide the map Hx7x4 into squares"):
        squares.infer(map_type(H, 7, 4))


def test_symbolic_concrete_mixtures_still_find_certain_mismatches():
    with pytest.raises(ShapeError, match="width 8 ≠ 7"):
        Add().infer(map_type(H, 7, 4), map_type(H, 8, 4))
    with pytest.raises(ShapeError, match="channels 8 ≠ 4"):
        Add().infer(map_type(H, W, 4), map_type(H, W, 8))


def test_same_with_a_stride_stays_a_word_on_symbolic_maps():
    conv = Conv(Window(3, 3, 2, 2), 8, "same")
    x = map_type(H, W, 3)
    assert conv.canonical(x) == conv
    assert conv.axes(x) is None
    assert shape(conv, x) == ((H + 1) // 2, (W + 1) // 2, 8)
    assert isinstance(conv.ledger(x)["mac"], Symbol)


# ------------------------------------------------------------------ messages


REFUSED = [
    (Add(), (map_type(56, 56, 64), map_type(56, 56, 256)), "E0301",
     "`add` needs equal shapes, not 56x56x64 and 56x56x256: channels 256 ≠ 64"),
    (Add(), (map_type(56, 56, 64), map_type(28, 28, 64)), "E0301",
     "`add` needs equal shapes, not 56x56x64 and 28x28x64: height 28 ≠ 56, width 28 ≠ 56"),
    (Add(), (map_type(7, 7, 64), vector(64)), "E0301",
     "`add` needs equal shapes, not 7x7x64 and 64: one is a map, the other a vector"),
    (Sub(), (map_type(7, 7, 64), vector(64)), "E0301",
     "`sub` needs equal shapes, not 7x7x64 and 64: one is a map, the other a vector"),
    (Mul(), (map_type(7, 7, 64), vector(32)), "E0301",
     "`mul` needs equal shapes, or equal channels to scale, not 7x7x64 and 32: "
     "channels 32 ≠ 64"),
    (Concat(), (map_type(27, 28, 96), map_type(28, 28, 64), map_type(28, 28, 32)), "E0302",
     "`concat` needs equal heights and widths, not 28x28x64 and 27x28x96: height 27 ≠ 28"),
    (MaxPool(Window(7, 7)), (map_type(5, 9, 8),), "E0303",
     "a 7x7 window does not fit into the map 5x9x8"),
    (Crop(Padding(3, 3, 0, 0)), (map_type(6, 9, 8),), "E0303",
     "`crop 3x0` leaves nothing of the map 6x9x8"),
    (Deconv(Window(2, 2), 8, Padding(4, 4, 4, 4)), (map_type(3, 3, 8),), "E0303",
     "the padding of `deconv` cuts the whole result off"),
    (MaxPool(Window(3, 3, 3, 3), rounding="strict"), (map_type(7, 7, 8),), "E0304",
     "a 3x3/3 window does not tile its input (rounding=strict)"),
    (PadChannels(64), (map_type(7, 7, 128),), "E0304",
     "`pad_channels` to 64 channels, but there are 128 already"),
    (Conv(Window(3, 3), 64, groups=5), (map_type(7, 7, 64),), "E0305",
     "64 input channels cannot be divided into 5 equal groups"),
    (Conv(Window(3, 3), 63, groups=4), (map_type(7, 7, 64),), "E0305",
     "63 output channels cannot be divided into 4 equal groups"),
    (DepthToSpace(3), (map_type(7, 7, 64),), "E0305",
     "`depth_to_space 3` needs a multiple of 9 channels, not 64"),
    (SpaceToDepth(2), (map_type(7, 6, 64),), "E0304",
     "`space_to_depth 2` cannot divide the map 7x6x64 into squares"),
    (SpaceToDepth(2), (vector(64),), "E0306",
     "`space_to_depth` needs a map (height × width × channels), not the vector 64"),
    (Gn(32), (map_type(7, 7, 48),), "E0305",
     "48 channels cannot be divided into 32 equal groups"),
    (Split((3,)), (map_type(7, 7, 64),), "E0305",
     "64 channels cannot be divided into 3 equal parts"),
    (Fc(10), (map_type(7, 7, 512),), "E0306", "`fc` needs a vector, not the map 7x7x512"),
    (Fc(10), (map_type(H, W, 512),), "E0306", "`fc` needs a vector, not the map HxWx512"),
    (GlobalAvgPool(), (vector(2048),), "E0306",
     "`globalavgpool` needs a map (height × width × channels), not the vector 2048"),
    (Conv(Window(1, 1), 8), (sequence(49, 64),), "E0306",
     "`conv` needs a map (height × width × channels), not the sequence 49x64"),
    (Split((50, 50)), (map_type(7, 7, 116),), "E0307",
     "the parts of `split` have 100 channels together, the input has 116"),
    (Local(Window(3, 3), 8), (map_type(H, W, 512),), "E0310",
     "`local` needs a map of known size, not HxWx512"),
    (Flatten(), (map_type(H, W, 512),), "E0310",
     "`flatten` needs a map of known size, not HxWx512"),
    (Upsample(align_corners=True), (MAP,), "E0207",
     "`align_corners` of `upsample` has no meaning for mode=nearest"),
    (Conv(Window(2**20, 1), 8), (MAP,), "E0603",
     "the window spans 1,048,576 rows or columns; the limit is 16,384"),
    (Deconv(Window(2, 2), 8, dilation=(1, 2**30)), (MAP,), "E0603",
     f"the window spans {2**30 + 1:,} rows or columns; the limit is 16,384"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("op", "inputs", "code", "message"), REFUSED, ids=[f"{r[0].word}-{r[2]}" for r in REFUSED]
)
def test_messages(op, inputs, code, message):
    with pytest.raises(ShapeError) as caught:
        op.canonical(*inputs).infer(*inputs)
    problem = caught.value
    assert (problem.code, problem.message) == (code, message)
    assert all(problem.notes) and all(problem.help)


def test_messages_blame_the_odd_one():
    with pytest.raises(ShapeError) as caught:
        Concat().infer(map_type(27, 27, 96), map_type(28, 28, 64), map_type(28, 28, 32))
    assert caught.value.argument == 0
    assert caught.value.odd == (0,)
    assert "by one" in caught.value.help[0]


def test_messages_do_the_arithmetic():
    def problem(op, x):
        with pytest.raises(ShapeError) as caught:
            op.infer(x)
        return caught.value

    window = problem(MaxPool(Window(7, 7, 2, 2), Padding(1, 1, 1, 1)), map_type(3, 9, 8))
    assert window.notes == (
        "height: ⌊(3 + 2·1 − 7) / 2⌋ + 1 = 0; the smallest height that fits is 5",
    )
    assert window.help[0] == "a window of at most 5x7, or `pad=2`, makes it fit"
    groups = problem(Conv(Window(3, 3), 64, groups=5), map_type(7, 7, 64))
    assert groups.notes == ("64 = 5 · 12 + 4",)
    assert groups.help == (
        "64 can be divided into 1, 2, 4, 8 groups; 60 and 65 channels can be divided into 5",
    )
    squares = problem(DepthToSpace(3), map_type(7, 7, 64))
    assert squares.help == ("63 channels would become 7, 72 would become 8",)
    squares = problem(SpaceToDepth(2), map_type(7, 5, 64))
    assert squares.notes == ("height 7 = 2 · 3 + 1", "width 5 = 2 · 2 + 1")
    strict = problem(MaxPool(Window(3, 3, 3, 3), rounding="strict"), map_type(7, 9, 8))
    assert strict.notes == ("height: (7 − 3) / 3 leaves a remainder of 1",)
    assert strict.help == ("heights 6 and 9 tile; `floor` drops the rest, `ceil` pads it",)
    fc = problem(Fc(10), map_type(7, 7, 512))
    assert fc.help == (
        "`flatten` before it reads every position: 25,088 inputs",
        "`globalavgpool` before it takes their mean: 512 inputs",
    )


def test_errors_about_huge_numbers_come_at_once():
    with pytest.raises(ShapeError, match="equal groups"):
        Conv(Window(1, 1), 2**31 - 1, groups=2).infer(map_type(7, 7, 2))
    with pytest.raises(ShapeError, match="spans"):
        MaxPool(Window(2**31 - 1, 2**31 - 1)).infer(MAP)
