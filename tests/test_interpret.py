"""The exact interpreter, against the one on PyTorch, exact arithmetic written out, and itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given

torch = pytest.importorskip("torch")

from cnndsl import driver  # noqa: E402
from cnndsl.graph import Graph, Module, Node, Output, Value  # noqa: E402
from cnndsl.interpret import RULES, draw_integers, exact, interpret  # noqa: E402
from cnndsl.op import OPS, Op  # noqa: E402
from cnndsl.ops.activation import (  # noqa: E402
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
from cnndsl.ops.conv import Conv, Deconv, DwConv, Local  # noqa: E402
from cnndsl.ops.linear import Fc  # noqa: E402
from cnndsl.ops.merge import Add, Concat, Mul, Sub  # noqa: E402
from cnndsl.ops.norm import Bn, Gn, LayerScale, Ln, Lrn  # noqa: E402
from cnndsl.ops.pool import AvgPool, GlobalAvgPool, GlobalMaxPool, MaxPool  # noqa: E402
from cnndsl.ops.regular import Dropout, DropPath  # noqa: E402
from cnndsl.ops.reshape import (  # noqa: E402
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
from cnndsl.passes.flatten import flatten  # noqa: E402
from cnndsl.types import TensorType  # noqa: E402
from cnndsl.window import Padding, Window  # noqa: E402
from tests.properties.compiled import compiled  # noqa: E402
from tests.properties.effort import examples  # noqa: E402
from tests.properties.strategies import Program, programs  # noqa: E402
from tests.support import reference  # noqa: E402
from tests.support.weights import Weights, random_weights  # noqa: E402

Shape = tuple[int, ...]
Flat = dict[str, dict[str, np.ndarray]]

MAP, WIDE, VECTOR, SEQUENCE = (7, 6, 4), (9, 12, 4), (4,), (5, 4)
UNEVEN = Padding(2, 1, 0, 3)
CROPPING = Padding(-1, 2, 1, -2)

EXACT: tuple[tuple[Op, Shape, ...], ...] = (
    (Conv(Window(3, 3), 5), MAP),
    (Conv(Window(3, 2, 2, 1), 6, UNEVEN, (1, 2), 2, False), WIDE),
    (Conv(Window(2, 3, 1, 3), 8, CROPPING, (2, 1), 4), MAP),
    (Conv(Window(4, 4, 2, 2), 3, "same"), MAP),
    (Conv(Window(1, 1), 3, "valid"), VECTOR),
    (DwConv(Window(3, 3, 2, 2)), MAP),
    (DwConv(Window(3, 2), 3, CROPPING, (2, 2), False), WIDE),
    (DwConv(Window(1, 1), 2), VECTOR),
    (Deconv(Window(2, 2, 2, 2), 3), MAP),
    (Deconv(Window(3, 4, 2, 3), 6, UNEVEN, (1, 2), (2, 1), 2, False), MAP),
    (Deconv(Window(2, 2, 3, 3), 4, Padding(-2, -1, 1, 0), groups=4), MAP),
    (Deconv(Window(4, 3, 2, 2), 2, "same"), MAP),
    (Deconv(Window(3, 3), 2), VECTOR),
    (Local(Window(3, 2, 2, 1), 3, UNEVEN), MAP),
    (Local(Window(2, 2), 2, CROPPING, False), MAP),
    (Local(Window(1, 1), 2), VECTOR),
    (Fc(3), VECTOR),
    (Fc(3, bias=False), (1, 1, 4)),
    (Fc(3), SEQUENCE),
    (MaxPool(Window(2, 2, 2, 2)), MAP),
    (MaxPool(Window(3, 3, 2, 2), Padding(1, 1, 1, 1), rounding="ceil"), MAP),
    (MaxPool(Window(2, 3, 1, 2), Padding(2, 1, 0, 2), (2, 1)), WIDE),
    (MaxPool(Window(4, 3, 2, 2), CROPPING, (1, 2), "ceil"), WIDE),
    (AvgPool(Window(2, 2, 2, 2)), MAP),
    (AvgPool(Window(3, 3, 2, 2), Padding(1, 1, 1, 1), "ceil"), MAP),
    (AvgPool(Window(3, 3, 2, 2), Padding(1, 1, 1, 1), "ceil", False), MAP),
    (AvgPool(Window(3, 2, 3, 2), Padding(-1, -2, 1, 1), "ceil"), WIDE),
    (AvgPool(Window(3, 2, 3, 2), Padding(-1, -2, 1, 1), "ceil", False), WIDE),
    (GlobalAvgPool(), MAP),
    (GlobalMaxPool(), MAP),
    (Bn(2**-10), MAP),
    (Bn(2**-10, scale=False), VECTOR),
    (Bn(2**-10, shift=False), SEQUENCE),
    (LayerScale(), MAP),
    (Relu(), MAP),
    (Relu6(), MAP),
    (LeakyRelu(0.25), MAP),
    (LeakyRelu(3.0), MAP),
    (HSwish(), MAP),
    (HSigmoid(), MAP),
    (Abs(), MAP),
    (Times(-0.375), MAP),
    (Concat(), MAP, (7, 6, 1), MAP),
    (Add(), MAP, MAP, MAP),
    (Sub(), VECTOR, VECTOR),
    (Mul(), VECTOR, MAP, (1, 1, 4)),
    (Mul(), SEQUENCE, VECTOR),
    (Mul(), VECTOR, (1, 1, 4)),
    (Flatten("hwc"), MAP),
    (Flatten("chw"), MAP),
    (ConstantPad(UNEVEN, -1.5), MAP),
    (ConstantPad(CROPPING), MAP),
    (Crop(Padding(1, 2, 0, 3)), MAP),
    (PadChannels(7), MAP),
    (PadChannels(4), VECTOR),
    (Upsample((2, 3)), MAP),
    (Upsample(size=(5, 11)), MAP),
    (DepthToSpace(2, "crd"), (3, 2, 12)),
    (DepthToSpace(2, "dcr"), (3, 2, 12)),
    (SpaceToDepth(3, "crd"), (9, 6, 2)),
    (SpaceToDepth(3, "dcr"), (9, 6, 2)),
    (Shuffle(2), MAP),
    (Shuffle(2), VECTOR),
    (Split((2,)), MAP),
    (Split((3, 1)), SEQUENCE),
    (Identity(), MAP),
    (Dropout(), VECTOR),
    (DropPath(), MAP),
)
"""Operators without a real function; where they divide, by numbers that floats divide by, too."""

THIRDS: tuple[tuple[Op, Shape, ...], ...] = tuple(
    (Upsample(factor, mode, corners, size), MAP)
    for factor, size in (((2, 3), None), ((2, 2), (5, 11)), ((2, 2), (1, 13)))
    for mode in ("bilinear", "bicubic")
    for corners in (False, True)
)
"""Operators that are exact here, while floats round on the way."""

HOMOGENEOUS = tuple(
    case
    for case in EXACT + THIRDS
    if case[0].word not in ("relu6", "hswish", "hsigmoid", "pad", "mul")
)
"""Operators that are linear in pieces and have no constants, their offsets left aside."""

REAL: tuple[tuple[Op, Shape, ...], ...] = (
    (Bn(), MAP),
    (Ln(), MAP),
    (Ln(1e-3, scale=False), SEQUENCE),
    (Ln(shift=False), VECTOR),
    (Gn(2), MAP),
    (Gn(4, scale=False, shift=False), MAP),
    (Gn(1), SEQUENCE),
    (Lrn(5, 0.3, 0.75, 2.0, "sum"), MAP),
    (Lrn(4, 0.3, 0.5), MAP),
    (Lrn(2, 0.3), VECTOR),
    (Silu(), MAP),
    (Gelu(), MAP),
    (Gelu(approximate=True), MAP),
    (Sigmoid(), MAP),
    (Tanh(), MAP),
    (Softmax(), MAP),
    (Softmax(), VECTOR),
)
"""Operators that real functions are in."""


def named(case: tuple[Op, Shape, ...]) -> str:
    return f"{case[0].word}-{'x'.join(map(str, case[1]))}"


def alone(op: Op, *shapes: Shape) -> Module:
    """A module with one operator."""
    types = [TensorType(shape) for shape in shapes]
    inputs = tuple(Value(f"x{i}", type) for i, type in enumerate(types))
    results = tuple(Value(f"y{i}", type) for i, type in enumerate(op.infer(*types)))
    node = Node("y", op.canonical(*types), tuple(v.name for v in inputs), results)
    outputs = tuple(Output(v.name, v.name) for v in results)
    return Module("m", (Graph("m", "m", (), inputs, (node,), outputs),))


def by_place(weights: Flat) -> Weights:
    """Weights of a flat graph as the interpreter on PyTorch wants them, in float64."""
    return {
        ((name,), role): value.astype(np.float64)
        for name, roles in weights.items()
        for role, value in roles.items()
    }


def by_node(weights: Weights) -> Flat:
    """Weights of a module for its flat graph, whose names are paths."""
    flat: Flat = {}
    for (path, role), value in weights.items():
        flat.setdefault(".".join(path), {})[role] = value
    return flat


def drawn(graph: Graph, seed: int = 0, limit: int = 9) -> dict[str, np.ndarray]:
    """Whole numbers for the inputs, two in a batch."""
    rng = np.random.default_rng(seed)
    return {
        value.name: rng.integers(-limit, limit, (2, *value.type.shape), endpoint=True)
        for value in graph.inputs
    }


def outputs(graph: Graph, inputs: Mapping[str, np.ndarray], weights: Flat) -> list[np.ndarray]:
    values = interpret(graph, inputs, weights)
    return [values[output.value] for output in graph.outputs]


def truth(module: Module, inputs: Mapping[str, np.ndarray], weights: Flat) -> list[np.ndarray]:
    """What PyTorch computes of it in float64."""
    arrays = [inputs[value.name].astype(np.float64) for value in module.main.inputs]
    return list(reference.run(module, by_place(weights), *arrays).values())


def close(found: np.ndarray, expected: np.ndarray) -> bool:
    """Equal but for rounding, by the measure of the greatest element."""
    x = found.astype(np.float64)
    margin = 1e-12 * max(1.0, np.abs(expected).max())
    return x.shape == expected.shape and np.allclose(x, expected, 0, margin)


# ----------------------------------------------------------------- each operator


def test_every_operator_has_a_rule_and_a_case() -> None:
    assert RULES.keys() == OPS.keys()
    assert {op.word for op, *_ in EXACT + THIRDS + REAL} == OPS.keys()


@pytest.mark.parametrize("case", EXACT + THIRDS + REAL, ids=named)
def test_floats_are_those_of_torch(case: tuple[Op, Shape, ...]) -> None:
    module = alone(*case)
    rng = np.random.default_rng(0)
    inputs = {v.name: rng.normal(0, 3, (2, *v.type.shape)) for v in module.main.inputs}
    weights = by_node(random_weights(module))
    found = outputs(module.main, inputs, weights)
    assert all(x.dtype == np.float64 for x in found)
    assert all(map(close, found, truth(module, inputs, weights)))


@pytest.mark.parametrize("case", EXACT, ids=named)
def test_whole_numbers_are_exactly_those_of_torch(case: tuple[Op, Shape, ...]) -> None:
    """Floats are exact, too, at this size: divisions round once at the end, as ours to float."""
    module = alone(*case)
    inputs = drawn(module.main)
    weights = draw_integers(module.main, np.random.default_rng(0))
    found = outputs(module.main, inputs, weights)
    assert all(x.dtype != np.float64 for x in found)
    for x, expected in zip(found, truth(module, inputs, weights), strict=True):
        assert np.array_equal(x.astype(np.float64), expected)


@pytest.mark.parametrize("case", THIRDS + REAL, ids=named)
def test_whole_numbers_become_floats_where_they_must(case: tuple[Op, Shape, ...]) -> None:
    module = alone(*case)
    inputs = drawn(module.main, limit=3)
    weights = draw_integers(module.main, np.random.default_rng(0))
    if case[0].word == "bn":
        weights["y"]["variance"] = np.array([1, 2, 3, 4])
    found = outputs(module.main, inputs, weights)
    assert all((x.dtype == np.float64) == (case in REAL) for x in found)
    assert all(map(close, found, truth(module, inputs, weights)))


@pytest.mark.parametrize("case", EXACT + THIRDS, ids=named)
@pytest.mark.parametrize("limits", [{"REAL": 0}, {"REAL": 0, "WORD": 0}], ids=["words", "objects"])
def test_wider_numbers_give_the_same(
    case: tuple[Op, Shape, ...], limits: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if nothing fitted into floats, and nothing into words."""
    graph = alone(*case).main
    inputs = drawn(graph)
    weights = draw_integers(graph, np.random.default_rng(0))
    expected = outputs(graph, inputs, weights)
    for name, limit in limits.items():
        monkeypatch.setattr(exact, name, limit)
    found = outputs(graph, inputs, weights)
    assert all(map(np.array_equal, found, expected))
    assert "WORD" not in limits or all(x.dtype == object for x in found)


@pytest.mark.parametrize("case", HOMOGENEOUS, ids=named)
def test_fractions_scale_as_whole_numbers_do(case: tuple[Op, Shape, ...]) -> None:
    """Without offsets: f(x / 7) = f(x) / 7."""
    graph = alone(*case).main
    weights = {
        name: {
            role: value * (role not in ("bias", "shift", "mean")) for role, value in roles.items()
        }
        for name, roles in draw_integers(graph, np.random.default_rng(0)).items()
    }
    whole = drawn(graph)
    parts = {name: x * Fraction(1, 7) for name, x in whole.items()}
    found = zip(outputs(graph, whole, weights), outputs(graph, parts, weights), strict=True)
    assert all(np.array_equal(x, y * 7) for x, y in found)


# ----------------------------------------------------------------- arithmetic, written out


def convolution(x: np.ndarray, kernel: np.ndarray, op: Conv) -> np.ndarray:
    """Product by product, in Python's own numbers."""
    assert isinstance(op.pad, Padding)
    _, height, width, _ = x.shape
    high, wide, inputs, filters = kernel.shape
    (across, along), pad = op.dilation, op.pad
    tops = range(-pad.top, height + pad.bottom - (high - 1) * across, op.window.stride_h)
    lefts = range(-pad.left, width + pad.right - (wide - 1) * along, op.window.stride_w)
    result = np.zeros((len(x), len(tops), len(lefts), filters), dtype=object)
    for n, i, j, f in np.ndindex(*result.shape):
        first = f // (filters // op.groups) * inputs
        for a, b, c in np.ndindex(high, wide, inputs):
            row, column = tops[i] + a * across, lefts[j] + b * along
            if 0 <= row < height and 0 <= column < width:
                result[n, i, j, f] += x[n, row, column, first + c] * kernel[a, b, c, f]
    return result


@pytest.mark.parametrize("bits", [4, 24, 30, 31, 40, 62, 90])
@pytest.mark.parametrize("denominator", [1, 6])
@pytest.mark.parametrize(
    "op",
    [
        Conv(Window(3, 2), 2, Padding(1, 2, 0, 1), bias=False),
        Conv(Window(2, 2, 2, 1), 4, Padding(-1, 1, 2, 0), (2, 1), 2, False),
    ],
    ids=["plain", "grouped"],
)
def test_convolutions_are_exact_at_every_size(bits: int, denominator: int, op: Conv) -> None:
    rng = np.random.default_rng(bits)

    def numbers(*shape: int) -> np.ndarray:
        digits = rng.integers(-9, 10, (*shape, 1 + bits // 3)).astype(object)
        return sum(digits[..., i] * 8**i for i in range(digits.shape[-1])) * Fraction(
            1, denominator
        )

    x, kernel = numbers(1, 5, 4, 4), numbers(*op.window.size, 4 // op.groups, op.channels)
    (found,) = outputs(alone(op, (5, 4, 4)).main, {"x0": x}, {"y": {"kernel": kernel}})
    assert np.array_equal(found, convolution(x, kernel, op))


BIG = 2**62 - 1


@pytest.mark.parametrize(
    ("op", "given", "expected"),
    [
        (Add(), (BIG, BIG, BIG), 3 * BIG),
        (Sub(), (-BIG, BIG), -2 * BIG),
        (Mul(), (3, (2**53 + 1) // 3), 2**53 + 1),
        (Mul(), (BIG, BIG), BIG**2),
        (Mul(), (BIG, BIG, 0), 0),
        (Times(4), (BIG,), 4 * BIG),
        (Times(0.1), (BIG,), BIG * Fraction(0.1)),
        (Abs(), (-(2**63),), 2**63),
        (LeakyRelu(3.0), (-BIG,), -3 * BIG),
        (HSwish(), (BIG,), BIG),
        (HSigmoid(), (1,), Fraction(2, 3)),
        (Relu6(), (Fraction(13, 2),), 6),
        (Identity(), (np.uint64(2**64 - 1),), 2**64 - 1),
        (Concat(), (2**70,), 2**70),
    ],
    ids=lambda value: value.word if isinstance(value, Op) else "",
)
def test_nothing_overflows(op: Op, given: Sequence[object], expected: object) -> None:
    graph = alone(op, *[(1,)] * len(given)).main
    inputs = {f"x{i}": np.array([[value]]) for i, value in enumerate(given)}
    (found,) = outputs(graph, inputs, {})
    assert found.item() == expected
    assert isinstance(found.item(), (int, Fraction))


def test_sums_over_a_map_do_not_overflow() -> None:
    x = np.full((1, 4, 4, 1), BIG)
    x[0, 0, 0, 0] -= 1
    for op in (GlobalAvgPool(), AvgPool(Window(4, 4))):
        (found,) = outputs(alone(op, (4, 4, 1)).main, {"x0": x}, {})
        assert found.item() == Fraction(16 * BIG - 1, 16)


def test_a_batch_norm_is_exact_if_its_deviation_is_rational() -> None:
    x = np.arange(-10, 10).reshape(5, 4)
    variance = np.array([1, 4, 9, Fraction(1, 4)]) - Fraction(1e-5)
    roles = {"mean": [1, -2, 3, 4], "scale": [2, 1, -5, 3], "shift": [0, 1, 2, 3]}
    (found,) = outputs(alone(Bn(), (4,)).main, {"x0": x}, {"y": {**roles, "variance": variance}})
    for row, column in np.ndindex(5, 4):
        mean, scale, shift = (roles[role][column] for role in ("mean", "scale", "shift"))
        deviation = [1, 2, 3, Fraction(1, 2)][column]
        expected = Fraction(int(x[row, column]) - mean) / deviation * scale + shift
        assert found[row, column] == expected


def test_lines_stay_lines_when_they_are_resized() -> None:
    """Of an element at each whole number, bilinear interpolation gives the place itself."""
    for n, m in product((1, 2, 5, 8), (1, 3, 7, 16)):
        ramp = np.arange(n).reshape(1, 1, n, 1)
        corners = Upsample(mode="bilinear", align_corners=True, size=(1, m))
        (found,) = outputs(alone(corners, (1, n, 1)).main, {"x0": ramp}, {})
        assert list(found.flat) == [Fraction(i * (n - 1), max(m - 1, 1)) for i in range(m)]
        edges = Upsample(mode="bilinear", size=(1, m))
        (found,) = outputs(alone(edges, (1, n, 1)).main, {"x0": ramp}, {})
        centres = [Fraction(n * (2 * i + 1), 2 * m) - Fraction(1, 2) for i in range(m)]
        assert list(found.flat) == [min(max(place, 0), n - 1) for place in centres]


@pytest.mark.parametrize("kind", [np.int64, np.float64, object])
def test_windows_with_nothing_in_them(kind: type) -> None:
    """They have no greatest element and no mean, which only floats can say."""
    x = np.arange(-9, -1).reshape(1, 2, 4, 1).astype(kind)
    for op in (MaxPool(Window(2, 2), UNEVEN), AvgPool(Window(2, 2), UNEVEN, "floor", False)):
        module = alone(op, (2, 4, 1))
        (found,), (expected,) = outputs(module.main, {"x0": x}, {}), truth(module, {"x0": x}, {})
        assert not np.isfinite(expected).all()
        assert np.array_equal(found, expected, equal_nan=True)


# ----------------------------------------------------------------- whole networks

NETWORKS = (
    ("lenet.cnn", {}, None),
    ("resnet_cifar.cnn:resnet_cifar", {"n": "1"}, "16x16x3"),
    ("siamese.cnn", {}, "65x65x1,65x65x1"),
    ("shufflenet_v2.cnn:shufflenet_v2_x0_5", {}, "32x32x3"),
    ("espcn.cnn:espcn_x3", {}, None),
)


def every_value(
    module: Module, weights: Weights, inputs: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """What PyTorch computes in float64, by the names of the flat graph."""
    arrays = [x.astype(np.float64) for x in inputs.values()]
    _, results = reference.interpret(module, weights, *arrays)
    return {
        value.name: x
        for node in flatten(module).nodes
        for value, x in zip(node.outputs, results[tuple(node.name.split("."))], strict=True)
    }


def follows(module: Module, size: int = 8) -> bool:
    """Whether all values on random floats are those of PyTorch."""
    graph, weights = flatten(module), random_weights(module)
    rng = np.random.default_rng(0)
    inputs = {
        value.name: rng.normal(
            size=(2, *(n if isinstance(n, int) else size for n in value.type.shape))
        )
        for value in graph.inputs
    }
    found, expected = (
        interpret(graph, inputs, by_node(weights)),
        every_value(module, weights, inputs),
    )
    return all(close(found[name], x) for name, x in expected.items())


@pytest.mark.parametrize(("spec", "settings", "size"), NETWORKS, ids=[n for n, *_ in NETWORKS])
def test_networks_compute_what_they_do_on_torch(
    spec: str, settings: dict[str, str], size: str | None
) -> None:
    assert follows(driver.compile_model(spec, settings=settings, input=size).module)


@examples(25)
@given(programs())
def test_random_networks_compute_what_they_do_on_torch(program: Program) -> None:
    assert follows(compiled(program))


def test_a_whole_network_in_whole_numbers() -> None:
    """Means of four are quarters; PyTorch's floats are off by less, for they add `eps`."""
    spec = "resnet_cifar.cnn:resnet_cifar"
    module = driver.compile_model(spec, settings={"n": "1"}, input="8x8x3").module
    graph = flatten(module)
    weights, inputs = draw_integers(graph, np.random.default_rng(0), 1), drawn(graph, limit=2)
    found = interpret(graph, inputs, weights)
    by_path = {
        (tuple(path[0].split(".")), role): x for (path, role), x in by_place(weights).items()
    }
    expected = every_value(module, by_path, inputs)
    (softmax,) = (node.name for node in graph.nodes if isinstance(node.op, Softmax))
    for name, x in expected.items():
        assert name == softmax or np.array_equal(4 * found[name], np.rint(4 * x)), name


@examples(25)
@given(programs())
def test_random_networks_are_the_same_in_wider_numbers(program: Program) -> None:
    graph = flatten(compiled(program))
    weights, inputs = draw_integers(graph, np.random.default_rng(0), 2), drawn(graph, limit=2)
    expected = interpret(graph, inputs, weights)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact, "REAL", 0)
        patch.setattr(exact, "WORD", 0)
        found = interpret(graph, inputs, weights)
    for name, value in expected.items():  # products of products leave the range of float64
        assert np.array_equal(found[name], value, equal_nan=value.dtype == np.float64)


# ----------------------------------------------------------------- weights, mistakes


@pytest.mark.parametrize("scale", [True, False])
def test_drawn_weights_keep_whole_numbers_whole(scale: bool) -> None:
    graph = alone(Bn(scale=scale), (64,)).main
    weights = draw_integers(graph, np.random.default_rng(0))
    deviations = {v + Fraction(1e-5) for v in weights["y"]["variance"]}
    assert deviations == ({1, 4} if scale else {1})
    assert "scale" not in weights["y"] or 0 not in weights["y"]["scale"]
    (found,) = outputs(graph, drawn(graph), weights)
    assert found.dtype == np.int64


def test_weights_are_drawn_for_those_who_hold_them() -> None:
    graph = flatten(driver.compile_model("siamese.cnn").module)
    held = {
        node.name
        for node in graph.nodes
        if node.op.weights(*(graph.types[name] for name in node.inputs))
    }
    shared = {node.name for node in graph.nodes if node.weights is not None}
    assert shared
    assert draw_integers(graph, np.random.default_rng(0)).keys() == held - shared


def test_nothing_is_stretched_to_fit() -> None:
    graph = alone(Bn(), (3, 2, 4)).main
    good = draw_integers(graph, np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"`x0` has shape \(1, 3, 1, 4\).*3x2x4"):
        interpret(graph, {"x0": np.zeros((1, 3, 1, 4))}, good)
    with pytest.raises(ValueError, match=r"scale of `y` has shape \(1,\), not \(4,\)"):
        bad = {"y": {**good["y"], "scale": np.ones(1)}}
        interpret(graph, {"x0": np.zeros((1, 3, 2, 4))}, bad)
    with pytest.raises(ValueError, match="`y` needs a scale"):
        interpret(graph, {"x0": np.zeros((1, 3, 2, 4))}, {})
    with pytest.raises(TypeError, match="numbers are needed"):
        interpret(graph, {"x0": np.full((1, 3, 2, 4), "one")}, good)
    module = driver.compile_model("resnet_cifar.cnn:resnet_cifar", settings={"n": "1"}).module
    with pytest.raises(TypeError, match="flatten the module first"):
        weights = by_node(random_weights(module))
        interpret(module.main, {"x": np.zeros((1, 32, 32, 3))}, weights)
