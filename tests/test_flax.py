"""Emitted Flax code: every operator against PyTorch, and what the classes look like."""

from __future__ import annotations

import ast
import inspect
import itertools
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

jax = pytest.importorskip("jax")
torch = pytest.importorskip("torch")
nnx = pytest.importorskip("flax.nnx")

import jax.numpy as jnp  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from cnndsl.backend import BUILT_IN, backend  # noqa: E402
from cnndsl.backends.flax import BACKEND, Place, arrange, weight_map  # noqa: E402
from cnndsl.backends.flax.helpers import HELPERS  # noqa: E402
from cnndsl.backends.flax.naming import (  # noqa: E402
    MODULE_ATTRIBUTES,
    Names,
    class_name,
    identifier,
    plural,
    snake,
)
from cnndsl.backends.flax.rules import RULES  # noqa: E402
from cnndsl.diagnostics import CnnError  # noqa: E402
from cnndsl.driver import compile_model  # noqa: E402
from cnndsl.graph import Graph, Module, Node, Output, Value  # noqa: E402
from cnndsl.op import Op  # noqa: E402
from cnndsl.ops import OPS  # noqa: E402
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
    PadChannels,
    Shuffle,
    SpaceToDepth,
    Split,
    Upsample,
)
from cnndsl.source import Source  # noqa: E402
from cnndsl.symbol import Size, variable  # noqa: E402
from cnndsl.types import TensorType  # noqa: E402
from cnndsl.window import Padding, Window  # noqa: E402
from tests.support.structure import check_python  # noqa: E402

ROOT = Path(__file__).parent.parent
TOLERANCE = 1e-5
CLASSES = r"^class (\w+)\(nnx\.Module\)"
Weights = dict[tuple[tuple[str, ...], str], np.ndarray]


# --------------------------------------------------------------------- harness


def network(op: Op, *shapes: tuple[Size, ...]) -> Module:
    """A module that applies one operator to its inputs."""
    inputs = tuple(Value(f"x{i}", TensorType(shape)) for i, shape in enumerate(shapes))
    types = [value.type for value in inputs]
    exact = op.canonical(*types)
    results = exact.infer(*types)
    outputs = tuple(Value(f"y{i}", type) for i, type in enumerate(results))
    node = Node("layer", exact, tuple(value.name for value in inputs), outputs)
    returned = tuple(Output(value.name, value.name) for value in outputs)
    return Module("net", (Graph("net", "net", (), inputs, (node,), returned),))


def compiled(text: str, model: str | None = None, **options: Any) -> Module:
    """The module of a spec."""
    return compile_model(Source("test.cnn", text), model, **options).module


def load(module: Module) -> ModuleType:
    """Emitted code as a Python module."""
    loaded = ModuleType(module.name)
    exec(compile(BACKEND.emit(module), "emitted.py", "exec"), loaded.__dict__)
    return loaded


def weights_of(module: Module, seed: int = 0) -> Weights:
    """Random weights, statistics too, by their place in the module."""
    rng = np.random.default_rng(seed)
    found: Weights = {}
    functions = module.by_name

    def visit(graph: Graph, path: tuple[str, ...]) -> None:
        types = graph.types
        for node in graph.nodes:
            here = (*path, node.name)
            if node.weights is not None:
                continue
            if not isinstance(node.op, Op):
                visit(functions[node.op.function], here)
                continue
            for weight in node.op.weights(*(types[name] for name in node.inputs)):
                values = rng.standard_normal(weight.shape)
                if weight.name == "kernel":
                    values /= np.sqrt(np.prod(weight.shape[:-1]))
                if weight.name in ("variance", "scale"):
                    values = np.exp(values / 2)
                found[here, weight.name] = values.astype(np.float32)

    visit(module.main, ())
    return found


def filled(module: Module, weights: Mapping[Any, np.ndarray]) -> Any:
    """The emitted model with these weights, for inference."""
    model = load(module).create(seed=0)
    arranged = arrange(module, weights)
    graphdef, state = nnx.split(model)
    for path, variable_ in nnx.to_flat_state(state):
        if path in arranged:
            assert variable_.get_value().shape == arranged[path].shape, path
            variable_.set_value(jnp.asarray(arranged.pop(path)))
        else:
            assert "rngs" in path, path
    assert not arranged
    model = nnx.merge(graphdef, state)
    model.eval()
    return model


def images(*shapes: tuple[int, ...], batch: int = 2) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [rng.standard_normal((batch, *shape)).astype(np.float32) for shape in shapes]


def difference(found: Any, expected: Any) -> float:
    """The greatest difference in units of the greatest expected value."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    return float(np.abs(found - expected).max() / max(np.abs(expected).max(), 1e-30))


def nchw(x: np.ndarray) -> Any:
    """A map, vector or sequence as a float64 tensor with channels first."""
    t = torch.tensor(x, dtype=torch.float64)
    return t.movedim(-1, 1) if t.ndim > 2 else t


def nhwc(t: Any) -> np.ndarray:
    return np.asarray(t.movedim(1, -1) if t.ndim > 2 else t)


def tensors(weights: Weights) -> dict[str, Any]:
    """The weights of the one layer, by role, as PyTorch lays them out."""
    found = {role: torch.tensor(v, dtype=torch.float64) for (_, role), v in weights.items()}
    if "kernel" in found and found["kernel"].ndim == 4:
        found["kernel"] = found["kernel"].permute(3, 2, 0, 1)
    return found


def agrees(
    op: Op,
    shapes: Iterable[tuple[Size, ...]],
    reference: Callable[..., Any],
    sizes: Iterable[tuple[tuple[int, ...], ...]] = (),
) -> None:
    """Emitted code and the reference give the same, on every size."""
    shapes = tuple(shapes)
    module = network(op, *shapes)
    weights = weights_of(module)
    model = filled(module, weights)
    for concrete in sizes or [shapes]:
        inputs = images(*concrete)  # type: ignore[arg-type]
        found = model(*inputs)
        expected = reference(tensors(weights), *map(nchw, inputs))
        several = isinstance(expected, (list, tuple))
        found = list(found.values()) if several else [found]
        for y, t in zip(found, expected if several else [expected], strict=True):
            assert difference(y, nhwc(t)) < TOLERANCE


def test_every_operator_has_a_rule() -> None:
    missing = [word for word, cls in OPS.items() if cls not in RULES]
    assert not missing, f"write a rule for {', '.join(missing)} in backends/flax/rules.py"
    assert set(RULES) == set(OPS.values())


# ---------------------------------------------------------------- convolutions


def padded(t: Any, pad: Padding, value: float = 0.0) -> Any:
    return F.pad(t, (pad.left, pad.right, pad.top, pad.bottom), value=value)


CONVOLUTIONS = [
    Conv(Window(3, 3), 6),
    Conv(Window(7, 7, 2, 2), 6, Padding(3, 3, 3, 3)),
    Conv(Window(4, 4, 2, 2), 6, Padding(1, 2, 0, 1)),
    Conv(Window(3, 3), 6, dilation=(2, 3)),
    Conv(Window(1, 7), 8, groups=4),
    Conv(Window(3, 3, 2, 1), 6, bias=False),
    Conv(Window(3, 3, 2, 2), 6, "same"),
    Conv(Window(3, 3), 6, Padding(-1, 2, -2, 0)),
    Conv(Window(1, 1, 2, 2), 6),
    DwConv(Window(3, 3)),
    DwConv(Window(5, 3, 2, 2), 2, bias=False),
    DwConv(Window(3, 3), 3, "valid", dilation=(2, 1)),
]


@pytest.mark.parametrize("op", CONVOLUTIONS, ids=repr)
def test_convolutions(op: Any) -> None:
    shape = (9, 12, 8)
    exact = op.canonical(TensorType(shape))
    groups = 8 if isinstance(op, DwConv) else op.groups

    def reference(w: Any, x: Any) -> Any:
        x = padded(x, exact.pad)
        return F.conv2d(x, w["kernel"], w.get("bias"), op.window.stride, 0, op.dilation, groups)

    agrees(op, [shape], reference)


@pytest.mark.parametrize("op", [Conv(Window(3, 3, 2, 2), 6, "same"),
                                DwConv(Window(5, 4, 3, 2), 1, "same")], ids=repr)  # fmt: skip
def test_same_padding_follows_symbolic_sizes(op: Any) -> None:
    symbolic = (variable("H"), variable("W"), 4)

    def reference(w: Any, x: Any) -> Any:
        exact = op.canonical(TensorType((*x.shape[2:], 4)))
        groups = 4 if isinstance(op, DwConv) else 1
        x = padded(x, exact.pad)
        return F.conv2d(x, w["kernel"], w["bias"], op.window.stride, groups=groups)

    agrees(op, [symbolic], reference, [((h, w, 4),) for h, w in [(8, 8), (9, 11), (12, 7)]])


def test_a_convolution_reads_a_vector_as_a_map() -> None:
    def reference(w: Any, x: Any) -> Any:
        return F.conv2d(x[:, :, None, None], w["kernel"], w["bias"])

    agrees(Conv(Window(1, 1), 6), [(8,)], reference)


DECONVOLUTIONS = [
    (Window(2, 2, 2, 2), 0, 0, 1, 1),
    (Window(3, 3, 2, 2), 1, 1, 1, 1),
    (Window(4, 4, 2, 2), 1, 0, 1, 1),
    (Window(5, 5, 3, 3), 2, 2, 1, 2),
    (Window(3, 3, 1, 1), 0, 0, 2, 1),
    (Window(3, 3, 2, 2), 1, 1, 2, 4),
    (Window(3, 3, 2, 2), 3, 0, 1, 1),
    (Window(3, 3, 1, 1), 2, 0, 1, 1),
    (Window(3, 3, 2, 2), 2, 0, 1, 4),
    (Window(1, 1, 3, 3), 0, 2, 1, 1),
    (Window(1, 1, 2, 2), 0, 0, 1, 4),
]


@pytest.mark.parametrize(("window", "pad", "extra", "dilation", "groups"), DECONVOLUTIONS)
@pytest.mark.parametrize("bias", [False, True])
def test_transposed_convolutions(
    window: Window, pad: int, extra: int, dilation: int, groups: int, bias: bool
) -> None:
    op = Deconv(
        window, 8, Padding(pad, pad, pad, pad), (extra, extra), (dilation, dilation), groups, bias
    )
    agrees(op, [(5, 6, 12)], lambda w, x: transposed(op, w, x, pad, extra))


def transposed(op: Deconv, w: Any, x: Any, pad: Any, extra: Any) -> Any:
    # PyTorch: inputs x outputs per group; here: outputs x inputs per group
    parts = w["kernel"].chunk(op.groups, dim=0)
    kernel = torch.cat([part.transpose(0, 1) for part in parts], dim=0)
    return F.conv_transpose2d(
        x, kernel, w.get("bias"), op.window.stride, pad, extra, op.groups, op.dilation
    )


@pytest.mark.parametrize(
    "op",
    [
        Deconv(Window(3, 4, 2, 3), 8, Padding(0, 1, 2, 0), (1, 0)),
        Deconv(Window(2, 2, 3, 3), 8, "same"),
        Deconv(Window(5, 4, 2, 2), 8, "same", groups=2),
    ],
    ids=repr,
)
def test_transposed_convolutions_with_uneven_padding(op: Any) -> None:
    """The whole transposed convolution, with rows cut off or added."""
    exact = op.canonical(TensorType((5, 6, 12)))
    cut = exact.pad

    def reference(w: Any, x: Any) -> Any:
        y = transposed(op, {"kernel": w["kernel"]}, x, 0, 0)
        y = padded(y, Padding(-cut.top, op.output_padding[0] - cut.bottom,
                              -cut.left, op.output_padding[1] - cut.right))  # fmt: skip
        return y + w["bias"][:, None, None]

    agrees(op, [(5, 6, 12)], reference)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("pad", ["valid", Padding(1, 2, 0, 3), Padding(-1, 1, 2, -1)], ids=str)
@pytest.mark.parametrize("window", [Window(3, 2), Window(2, 3, 2, 1), Window(1, 1)], ids=str)
def test_locally_connected(window: Window, pad: Any, bias: bool) -> None:
    """Position by position: the window that a convolution would see, and weights of its own."""
    op = Local(window, 5, pad, bias)
    amounts = op.canonical(TensorType((7, 6, 3))).pad

    def reference(w: Any, x: Any) -> Any:
        x = padded(x, amounts)  # type: ignore[arg-type]
        rows, columns = w["kernel"].shape[:2]
        y = torch.empty(len(x), 5, rows, columns, dtype=x.dtype)
        for i, j in itertools.product(range(rows), range(columns)):
            top, left = i * window.stride_h, j * window.stride_w
            seen = x[:, :, top : top + window.height, left : left + window.width]
            y[:, :, i, j] = torch.einsum("nchw,hwcf->nf", seen, w["kernel"][i, j])
        return y + w["bias"].permute(2, 0, 1) if bias else y

    agrees(op, [(7, 6, 3)], reference)


def test_a_locally_connected_layer_with_equal_kernels_is_a_convolution() -> None:
    module = network(Local(Window(3, 3), 8, bias=False), (6, 5, 4))
    kernel = weights_of(network(Conv(Window(3, 3), 8, bias=False), (6, 5, 4)))
    (shared,) = kernel.values()
    model = filled(module, {key: np.broadcast_to(shared, (6, 5, *shared.shape)) for key in kernel})
    (x,) = images((6, 5, 4))
    weight = torch.tensor(shared, dtype=torch.float64).permute(3, 2, 0, 1)
    assert difference(model(x), nhwc(F.conv2d(nchw(x), weight, padding=1))) < TOLERANCE


def test_kernels_of_positions_begin_as_those_of_convolutions() -> None:
    module = network(Local(Window(5, 5), 16), (12, 12, 8))
    code = load(module)
    for model in (code.create(seed=0), code.Net(rngs=nnx.Rngs(0))):
        (kernel,) = (v for p, v in nnx.to_flat_state(nnx.state(model)) if p[-1] == "kernel")
        assert float(kernel.get_value().std()) == pytest.approx((2 / 200) ** 0.5, rel=0.01)


# ------------------------------------------------------------------ other layers


@pytest.mark.parametrize("bias", [False, True])
def test_fully_connected(bias: bool) -> None:
    def vector(w: Any, x: Any) -> Any:
        return F.linear(x.flatten(1), w["kernel"].T, w.get("bias"))

    def sequence(w: Any, x: Any) -> Any:
        return F.linear(x.movedim(1, -1), w["kernel"].T, w.get("bias")).movedim(-1, 1)

    agrees(Fc(5, bias), [(8,)], vector)
    agrees(Fc(5, bias), [(1, 1, 8)], vector)
    agrees(Fc(5, bias), [(7, 8)], sequence)


POOLS = [
    (Window(*k, *s), Padding(*p), rounding)
    for k, s in [((3, 3), (2, 2)), ((2, 2), (2, 2)), ((3, 2), (3, 1))]
    for p in [(0, 0, 0, 0), (1, 1, 1, 1), (0, 1, 1, 0)]
    for rounding in ("floor", "ceil")
]


def window_pool(t: Any, op: Any, pool: Callable[..., Any], **more: Any) -> Any:
    """PyTorch's pool with its own ceil mode; uneven padding by hand."""
    pad = op.pad
    ceil = op.rounding == "ceil"
    if (pad.top, pad.left) == (pad.bottom, pad.right):
        more["padding"] = (pad.top, pad.left)
        return pool(t, op.window.size, op.window.stride, ceil_mode=ceil, **more)
    return None


@pytest.mark.parametrize(("window", "pad", "rounding"), POOLS)
@pytest.mark.parametrize("size", [(9, 10), (8, 7)])
def test_max_pools(window: Window, pad: Padding, rounding: Any, size: tuple[int, int]) -> None:
    op = MaxPool(window, pad, rounding=rounding)

    def reference(_: Any, x: Any) -> Any:
        x = x - 5.0  # a padding of zeros would win
        y = window_pool(x, op, F.max_pool2d)
        if y is None:
            x = padded(x, pad, -torch.inf)
            y = F.max_pool2d(x, window.size, window.stride, ceil_mode=rounding == "ceil")
            expected = op.infer(TensorType((*size, 3)))[0].shape
            y = y[:, :, : expected[0], : expected[1]]
        return y + 5.0

    agrees(op, [(*size, 3)], reference)


@pytest.mark.parametrize(("window", "pad", "rounding"), POOLS)
@pytest.mark.parametrize("counted", [False, True])
@pytest.mark.parametrize("size", [(9, 10), (8, 7)])
def test_average_pools(
    window: Window, pad: Padding, rounding: Any, counted: bool, size: tuple[int, int]
) -> None:
    op = AvgPool(window, pad, rounding, counted)

    def reference(_: Any, x: Any) -> Any:
        y = window_pool(x, op, F.avg_pool2d, count_include_pad=counted)
        if y is not None:
            return y
        ones = padded(torch.ones_like(x), pad, float(counted))
        more = {"ceil_mode": rounding == "ceil", "divisor_override": 1}
        sums = F.avg_pool2d(padded(x, pad), window.size, window.stride, **more)
        counts = F.avg_pool2d(ones, window.size, window.stride, **more)
        expected = op.infer(TensorType((*size, 3)))[0].shape
        return (sums / counts)[:, :, : expected[0], : expected[1]]

    agrees(op, [(*size, 3)], reference)


@pytest.mark.parametrize("rounding", ["floor", "ceil"])
def test_dilated_max_pools(rounding: Any) -> None:
    op = MaxPool(Window(3, 2, 2, 1), Padding(1, 1, 1, 1), (2, 3), rounding)

    def reference(_: Any, x: Any) -> Any:
        more = {"dilation": op.dilation, "ceil_mode": rounding == "ceil"}
        return F.max_pool2d(x, op.window.size, op.window.stride, 1, **more)

    agrees(op, [(10, 11, 3)], reference)


def test_dilated_max_pools_have_gradients() -> None:
    op = MaxPool(Window(3, 3, 2, 2), Padding(1, 1, 1, 1), (2, 2))
    model = filled(network(op, (9, 9, 2)), {})
    (x,) = images((9, 9, 2))
    gradient = jax.grad(lambda x: (model(x) ** 2).sum())(x)
    t = nchw(x).requires_grad_()
    (F.max_pool2d(t, 3, 2, 1, 2) ** 2).sum().backward()
    assert difference(gradient, nhwc(t.grad)) < TOLERANCE


@pytest.mark.parametrize("dilation", [(1, 1), (2, 2)])
def test_same_max_pools_follow_symbolic_sizes(dilation: Any) -> None:
    op = MaxPool(Window(3, 3, 2, 2), "same", dilation)

    def reference(_: Any, x: Any) -> Any:
        exact = op.canonical(TensorType((*x.shape[2:], 3)))
        x = padded(x, exact.pad, -torch.inf)  # type: ignore[arg-type]
        return F.max_pool2d(x, 3, 2, 0, dilation)

    sizes = [((h, w, 3),) for h, w in [(8, 8), (9, 11), (12, 7)]]
    agrees(op, [(variable("H"), variable("W"), 3)], reference, sizes)


@pytest.mark.parametrize("counted", [False, True])
def test_same_average_pools_follow_symbolic_sizes(counted: bool) -> None:
    op = AvgPool(Window(3, 3, 2, 2), "same", count_include_pad=counted)

    def reference(_: Any, x: Any) -> Any:
        pad: Any = op.canonical(TensorType((*x.shape[2:], 3))).pad
        ones = padded(torch.ones_like(x), pad, float(counted))
        sums = F.avg_pool2d(padded(x, pad), 3, 2, divisor_override=1)
        return sums / F.avg_pool2d(ones, 3, 2, divisor_override=1)

    sizes = [((h, w, 3),) for h, w in [(8, 8), (9, 11), (12, 7)]]
    agrees(op, [(variable("H"), variable("W"), 3)], reference, sizes)


def test_global_pools() -> None:
    agrees(GlobalAvgPool(), [(4, 5, 3)], lambda _, x: x.mean((2, 3)))
    agrees(GlobalMaxPool(), [(4, 5, 3)], lambda _, x: x.amax((2, 3)))


@pytest.mark.parametrize("shape", [(5, 6, 8), (8,), (7, 8)])
@pytest.mark.parametrize(("scale", "shift"), [(a, b) for a in (False, True) for b in (False, True)])
def test_norms(shape: tuple[int, ...], scale: bool, shift: bool) -> None:
    def batch(w: Any, x: Any) -> Any:
        affine = w.get("scale"), w.get("shift")
        return F.batch_norm(x, w["mean"], w["variance"], *affine, eps=1e-3)

    def layer(w: Any, x: Any) -> Any:
        y = F.layer_norm(x.movedim(1, -1), (8,), w.get("scale"), w.get("shift"), 1e-4)
        return y.movedim(-1, 1)

    def groups(w: Any, x: Any) -> Any:
        return F.group_norm(x, 4, w.get("scale"), w.get("shift"), 1e-4)

    agrees(Bn(1e-3, 0.1, scale, shift), [shape], batch)
    agrees(Ln(1e-4, scale, shift), [shape], layer)
    agrees(Gn(4, 1e-4, scale, shift), [shape], groups)


@pytest.mark.parametrize("shape", [(5, 6, 8), (8,), (7, 8)])
def test_layer_scale(shape: tuple[int, ...]) -> None:
    def reference(w: Any, x: Any) -> Any:
        return (x.movedim(1, -1) * w["scale"]).movedim(-1, 1)

    agrees(LayerScale(), [shape], reference)


@pytest.mark.parametrize("size", [1, 2, 5, 6])
@pytest.mark.parametrize("mode", ["mean", "sum"])
def test_local_response_norm(size: int, mode: Any) -> None:
    op = Lrn(size, 0.2, 0.6, 1.5, mode)
    alpha = op.alpha * (size if mode == "sum" else 1)

    def reference(_: Any, x: Any) -> Any:
        y = F.local_response_norm(x.reshape(*x.shape[:2], -1), size, alpha, op.beta, op.k)
        return y.reshape(x.shape)

    agrees(op, [(4, 5, 9)], reference)
    agrees(op, [(9,)], reference)


ACTIVATIONS: list[tuple[Op, Callable[[Any], Any]]] = [
    (Relu(), F.relu),
    (Relu6(), F.relu6),
    (LeakyRelu(), F.leaky_relu),
    (LeakyRelu(0.3), lambda x: F.leaky_relu(x, 0.3)),
    (Silu(), F.silu),
    (HSwish(), F.hardswish),
    (HSigmoid(), F.hardsigmoid),
    (Gelu(), F.gelu),
    (Gelu(True), lambda x: F.gelu(x, approximate="tanh")),
    (Abs(), torch.abs),
    (Times(0.17), lambda x: 0.17 * x),
    (Times(-2), lambda x: -2 * x),
    (Sigmoid(), F.sigmoid),
    (Tanh(), F.tanh),
    (Softmax(), lambda x: F.softmax(x, 1)),
]


@pytest.mark.parametrize(("op", "function"), ACTIVATIONS, ids=[repr(op) for op, _ in ACTIVATIONS])
def test_activations(op: Op, function: Callable[[Any], Any]) -> None:
    agrees(op, [(4, 5, 3)], lambda _, x: function(x))
    agrees(op, [(7,)], lambda _, x: function(x))


def test_merges() -> None:
    maps = [(4, 5, 3)] * 3
    agrees(Concat(), [(4, 5, 3), (4, 5, 2), (4, 5, 1)], lambda _, *x: torch.cat(x, 1))
    agrees(Concat(), [(3,), (2,)], lambda _, *x: torch.cat(x, 1))
    agrees(Concat(), [(4, 5, 3)], lambda _, x: x)
    agrees(Add(), maps, lambda _, a, b, c: a + b + c)
    agrees(Add(), [(4, 5, 3)], lambda _, x: x)
    agrees(Sub(), maps[:2], lambda _, a, b: a - b)
    agrees(Mul(), maps, lambda _, a, b, c: a * b * c)


def test_differences_keep_their_parentheses() -> None:
    module = compiled("""
model net {
  input 4x4x3
  a: relu
  b: tanh
  from a
  sub { | from a | sub { | from b | sub(a, b) } }
  output difference
}
""")
    (x,) = images((4, 4, 3))
    a, b = np.maximum(x, 0), np.tanh(np.maximum(x, 0))
    assert difference(filled(module, {})(x), a - (b - (a - b))) < TOLERANCE


def test_products_broadcast_vectors_and_small_maps() -> None:
    def spread(t: Any) -> Any:
        return t[:, :, None, None] if t.ndim == 2 else t

    for shapes in itertools.permutations([(4, 5, 3), (3,), (1, 1, 3)]):
        agrees(Mul(), shapes, lambda _, *x: spread(x[0]) * spread(x[1]) * spread(x[2]))
    agrees(Mul(), [(3,), (1, 1, 3)], lambda _, a, b: spread(a) * b)
    agrees(Mul(), [(7, 3), (3,)], lambda _, a, b: a * b[:, :, None])
    agrees(Mul(), [(1, 1, 3), (7, 3)], lambda _, a, b: a[..., 0] * b)


def test_moves() -> None:
    shape = (4, 6, 6)
    agrees(Flatten("chw"), [shape], lambda _, x: x.flatten(1))
    agrees(Flatten("hwc"), [shape], lambda _, x: x.movedim(1, -1).flatten(1))
    agrees(Crop(Padding(1, 2, 0, 3)), [shape], lambda _, x: x[:, :, 1:2, 0:3])
    agrees(PadChannels(9), [shape], lambda _, x: F.pad(x, (0, 0, 0, 0, 0, 3)))
    agrees(PadChannels(9), [(6,)], lambda _, x: F.pad(x, (0, 3)))
    agrees(Shuffle(3), [shape], lambda _, x: F.channel_shuffle(x, 3))
    agrees(Split((3,)), [shape], lambda _, x: x.split(2, 1))
    agrees(Split((1, 2, 3)), [shape], lambda _, x: x.split([1, 2, 3], 1))


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_squares_of_positions(factor: int) -> None:
    """The default is PyTorch's; `dcr` element by element, as ONNX defines it."""
    r = factor
    flat, square = (4, 5, 2 * r * r), (4 * r, 5 * r, 2)

    def spread(_: Any, x: Any) -> Any:
        y = torch.empty(len(x), 2, 4 * r, 5 * r, dtype=x.dtype)
        for i, j, c in itertools.product(range(r), range(r), range(2)):
            y[:, c, i::r, j::r] = x[:, (i * r + j) * 2 + c]
        return y

    def gathered(_: Any, x: Any) -> Any:
        return torch.cat([x[:, :, i::r, j::r] for i in range(r) for j in range(r)], 1)

    symbolic = (variable("H"), variable("W"), 2)
    agrees(DepthToSpace(r), [flat], lambda _, x: F.pixel_shuffle(x, r))
    agrees(SpaceToDepth(r), [square], lambda _, x: F.pixel_unshuffle(x, r))
    agrees(SpaceToDepth(r), [symbolic], lambda _, x: F.pixel_unshuffle(x, r), [(square,)])
    agrees(DepthToSpace(r, "dcr"), [flat], spread)
    agrees(SpaceToDepth(r, "dcr"), [square], gathered)


@pytest.mark.parametrize("value", [0.0, -2.5])
@pytest.mark.parametrize("pad", [Padding(1, 2, 0, 3), Padding(-1, 2, 1, -2), Padding(-1, 0, 0, 0)])
def test_pads(pad: Padding, value: float) -> None:
    agrees(ConstantPad(pad, value), [(4, 6, 3)], lambda _, x: padded(x, pad, value))


UPSAMPLES = [
    *(Upsample((2, 2), mode, corners) for mode in ("bilinear", "bicubic")
      for corners in (False, True)),
    *(Upsample((3, 1), mode, corners) for mode in ("bilinear", "bicubic")
      for corners in (False, True)),
    *(Upsample((2, 2), mode, corners, (5, 13)) for mode in ("bilinear", "bicubic")
      for corners in (False, True)),
    Upsample((2, 2), "bilinear", True, (1, 1)),
    Upsample((2, 2), "bicubic", True, (1, 3)),
]  # fmt: skip


@pytest.mark.parametrize("op", UPSAMPLES, ids=repr)
def test_interpolation(op: Any) -> None:
    def reference(_: Any, x: Any) -> Any:
        h, w = x.shape[2:]
        size = op.size or (op.factor[0] * h, op.factor[1] * w)
        return F.interpolate(x, size, mode=op.mode, align_corners=op.align_corners)

    agrees(op, [(7, 6, 3)], reference)
    agrees(op, [(1, 4, 3)], reference)
    symbolic = (variable("H"), variable("W"), 3)
    agrees(op, [symbolic], reference, [((3, 8, 3),), ((5, 4, 3),)])


def test_nearest_neighbours() -> None:
    def reference(op: Any) -> Callable[..., Any]:
        def apply(_: Any, x: Any) -> Any:
            h, w = x.shape[2:]
            return F.interpolate(x, op.size or (op.factor[0] * h, op.factor[1] * w))

        return apply

    for op in (Upsample(), Upsample((3, 1)), Upsample((1, 2)), Upsample(size=(5, 13))):
        agrees(op, [(7, 6, 3)], reference(op))
        agrees(op, [(variable("H"), variable("W"), 3)], reference(op), [((3, 8, 3),)])


def test_masks_are_identities_in_inference_and_random_in_training() -> None:
    for op, axes in ((Dropout(0.25), (0, 1, 2, 3)), (DropPath(0.25), (0,))):
        model = filled(network(op, (8, 8, 4)), {})
        x = np.ones((400, 8, 8, 4), np.float32)
        assert (np.asarray(model(x)) == x).all()
        model.train()
        y, again = np.asarray(model(x)), np.asarray(model(x))
        assert (y != again).any()
        assert set(np.unique(y)) == {np.float32(0), np.float32(1 / 0.75)}
        kept = (y != 0).mean(axis=tuple(i for i in range(4) if i not in axes))
        if axes == (0,):
            assert set(np.unique(kept)) == {0.0, 1.0}
        assert abs((y != 0).mean() - 0.75) < 0.08


def test_drop_path_masks_vectors_and_sequences_by_sample() -> None:
    for shape in ((6,), (5, 6)):
        model = filled(network(DropPath(0.5), shape), {})
        model.train()
        y = np.asarray(model(np.ones((50, *shape), np.float32))).reshape(50, -1)
        assert (y.min(axis=1) == y.max(axis=1)).all()
        assert 0 < y.mean() < 2


# ------------------------------------------------------------------- structure

RESNET = """
block shortcut(n, stride) { if stride != 1 or in.channels != n { conv 1x1/stride, n, bn } }
block bottleneck(n, stride = 1) {
  add {
    | conv 1x1, n, bn, relu
      conv 3x3/stride, n, bn, relu
      conv 1x1, 4 * n, bn
    | shortcut(4 * n, stride)
  }
  relu
}
model resnet(classes = 1000) {
  source "He et al., 2015"
  input 32x32x3
  conv1: conv 7x7/2, 16, bn, relu
  stage conv2_x { bottleneck(8) × 2 }
  stage conv3_x { bottleneck(16, stride = 2 then 1) × 3 }
  globalavgpool
  fc classes
}
"""


def test_one_class_for_all_copies_of_a_block() -> None:
    text = BACKEND.emit(compiled(RESNET))
    assert re.findall(CLASSES, text, re.M) == ["Shortcut", "Bottleneck", "ResNet"]
    assert "self.conv2_x = nnx.List([bottleneck(16, n=8), bottleneck(32, n=8)])" in text
    assert "[bottleneck(32, n=16, stride=2), *(bottleneck(64, n=16) for _ in range(2))]" in text
    assert "self.project = stride != 1 or in_features != 4 * n" in text
    assert (
        "        for bottleneck in self.conv3_x:  # 8x8x64\n            x = bottleneck(x)" in text
    )
    assert "self.fc1 = nnx.Linear(64, classes" in text


def test_the_bottleneck_reads_as_people_write_it() -> None:
    text = BACKEND.emit(compiled(RESNET))
    body = text[text.index("class Bottleneck") : text.index("class ResNet")]
    assert body.endswith("""\
        self.conv1 = conv(in_features, n, (1, 1))
        self.bn1 = norm(n)
        self.conv2 = conv(n, n, (3, 3), strides=stride, padding=((1, 1), (1, 1)))
        self.bn2 = norm(n)
        self.conv3 = conv(n, 4 * n, (1, 1))
        self.bn3 = norm(4 * n)
        if self.project:
            self.shortcut1 = Shortcut(
                in_features, n=4 * n, stride=stride, dtype=dtype, param_dtype=param_dtype, rngs=rngs
            )

    def __call__(self, x: jax.Array) -> jax.Array:
        y = nnx.relu(self.bn1(self.conv1(x)))
        y = nnx.relu(self.bn2(self.conv2(y)))
        if self.project:
            x = self.shortcut1(x)
        return nnx.relu(self.bn3(self.conv3(y)) + x)


""")


def test_the_header_tells_what_it_is() -> None:
    text = BACKEND.emit(compiled(RESNET), facts={"parameters": 12345678, "MACs": "H*W"})
    doc = text.split('"""')[1]
    assert doc.startswith("ResNet: the network `resnet` in `flax.nnx`.\n\nHe et al., 2015.\n")
    assert re.search(r"input +32x32x3", doc)
    assert re.search(r"parameters +12,345,678\n", doc)
    assert re.search(r"MACs +H\*W\n", doc)
    assert "create(seed=0)" in doc


def test_repeats_inside_a_block_are_loops_with_a_count() -> None:
    text = BACKEND.emit(
        compiled("""
block layer(k) { bn; relu; conv 3x3, k }
block dense(n, k) { concat { | identity | layer(k) } × n }
model net { input 8x8x4; dense(2, 3); dense(4, 3); globalavgpool; fc 2 }
""")
    )
    assert "for i in range(n)" in text
    assert "Layer(in_features + 3 * i, " in text
    assert "for layer in self.layers:" in text
    assert "x = jnp.concatenate([x, layer(x)], axis=-1)" in text


def test_activations_are_arguments() -> None:
    text = BACKEND.emit(
        compiled("""
block unit(n, act = relu) { conv 3x3, n, bn, act }
model net { input 8x8x4; unit(4); unit(8, hswish); globalavgpool; fc 2 }
""")
    )
    assert "act: Callable[[jax.Array], jax.Array]" in text
    assert "self.unit2 = unit(n=8, act=nnx.hard_swish)" in text
    assert "return self.act(self.bn1(self.conv1(x)))" in text


def test_blocks_of_other_structure_are_classes_with_telling_names() -> None:
    module = compiled("""
block unit(n, stride = 1) {
  if stride == 1 { a, b: split 2; concat { | from a | from b; conv 3x3, n / 2 } }
  else { concat { | conv 3x3/2, n / 2 | conv 3x3/2, n / 2 } }
}
model net { input 8x8x4; unit(8, 2); unit(8); unit(8, 2); globalavgpool; fc 2 }
""")
    text = BACKEND.emit(module)
    assert re.findall(CLASSES, text, re.M) == ["UnitStride2", "UnitStride1", "Net"]
    same_as_reference(module)


def test_calls_that_carry_several_values_are_a_loop() -> None:
    module = compiled("""
block cell(n) { input p, x; from p; q: conv 1x1, n; from x; z: conv 3x3, n
                y: add(q, z); output x, y }
model net { input 8x8x4; a, b: split 2; from a, b; cell(4) × 3; c: cell(4); concat }
""")
    text = BACKEND.emit(module)
    assert "for cell in self.cells:" in text
    assert "            x, y = cell(x, y)" in text
    same_as_reference(module)


def test_a_call_may_choose_its_class() -> None:
    module = compiled("""
block pre(n) { bn; conv 1x1, n }
block post(n) { conv 1x1, n; bn }
block unit(n, inner) { conv 3x3, n; inner(n); relu }
model net { input 8x8x4; unit(4, pre); unit(6, post); unit(8, pre); globalavgpool; fc 2 }
""")
    text = BACKEND.emit(module)
    assert re.findall(CLASSES, text, re.M) == ["Pre", "Post", "Unit", "Net"]
    assert "else:" in text
    same_as_reference(module)


def test_alternatives_are_if_and_else() -> None:
    module = compiled("""
block unit(n, wide) {
  conv 3x3, n, relu
  if wide { conv 3x3, n, bn } else { conv 1x1, n, relu }
  conv 3x3, n
}
model net { input 8x8x4; unit(4, true); unit(6, false); unit(8, true); globalavgpool; fc 2 }
""")
    text = BACKEND.emit(module)
    assert re.findall(CLASSES, text, re.M) == ["Unit", "Net"]
    assert "x = self.bn1(self.conv2(x)) if self.wide else nnx.relu(self.conv2_2(x))" in text
    assert "        else:\n            self.conv2_2 = " in text
    assert text.count("self.wide = wide") == 1
    same_as_reference(module)


def test_blocks_that_do_nothing_vanish() -> None:
    module = compiled("""
block maybe(on) { if on { conv 1x1, 4 } }
block swap { input a, b; output b; output a }
block twice(on) { maybe(on); maybe(on) }
model net { input 8x8x4; twice(false); twice(true); globalavgpool; fc 2 }
""")
    text = BACKEND.emit(module)
    assert text.count("self.twice") == 2
    same_as_reference(module)


# -------------------------------------------------------- whole modules, by hand


def reference(module: Module, weights: Weights, *inputs: np.ndarray) -> dict[str, np.ndarray]:
    """Every node by the code emitted for it alone; calls are followed.

    Operators are tested against PyTorch above: this tests classes, wiring and names.
    """
    functions = module.by_name
    made: dict[tuple[Any, ...], Callable[..., Any]] = {}

    def single(op: Op, types: list[TensorType], own: Weights) -> Callable[..., Any]:
        return filled(network(op, *(t.shape for t in types)), own)

    def call(graph: Graph, path: tuple[str, ...], values: list[Any]) -> list[Any]:
        known = dict(zip((v.name for v in graph.inputs), values, strict=True))
        types = graph.types
        origin: dict[str, str] = {}
        for node in graph.nodes:
            origin[node.name] = origin.get(node.weights or node.name, node.weights or node.name)
            at = (*path, origin[node.name])
            given = [known[name] for name in node.inputs]
            if not isinstance(node.op, Op):
                results = call(functions[node.op.function], at, given)
            else:
                own = {(("layer",), r): w for (p, r), w in weights.items() if p == at}
                key = (at, node.op, tuple(types[name] for name in node.inputs))
                if key not in made:
                    made[key] = single(node.op, [types[name] for name in node.inputs], own)
                result = made[key](*given)
                results = list(result.values()) if isinstance(result, dict) else [result]
            known.update((v.name, r) for v, r in zip(node.outputs, results, strict=True))
        return [known[output.value] for output in graph.outputs]

    results = call(module.main, (), list(inputs))
    names = [output.name for output in module.main.outputs]
    return {n: np.asarray(r) for n, r in zip(names, results, strict=True)}


def same_as_reference(module: Module, *, training: bool = False) -> Any:
    """Emitted code gives what its operators give one by one; returns the model."""
    weights = weights_of(module)
    model = filled(module, weights)
    inputs = images(*(value.type.shape for value in module.main.inputs))  # type: ignore[arg-type]
    expected = reference(module, weights, *inputs)
    if training:
        model.deterministic = False
    found = model(*inputs)
    extra: dict[str, Any] = {}
    if training:
        found, extra = found
    main = [o.name for o in module.main.outputs if not o.training]
    given = {main[0]: found} if len(main) == 1 else found
    for name, value in {**given, **extra}.items():
        assert difference(value, expected[name]) < TOLERANCE, name
    assert list(given) == main
    assert set(extra) == {o.name for o in module.main.outputs if o.training and training}
    return model


def test_auxiliary_outputs_exist_in_training() -> None:
    module = compiled("""
block head(n) { globalavgpool; fc 8, relu; dropout 50%; fc n }
model net(classes = 5) {
  input 16x16x3
  a: conv 3x3/2, 8, bn, relu
  b: conv 3x3/2, 8, bn, relu
  from a { head(classes); output first, training, weight=0.3 }
  from b { globalavgpool; fc classes; output second, training, weight=0.5 }
  globalavgpool
  fc classes
}
""")
    same_as_reference(module)
    model = same_as_reference(module, training=True)
    loaded = load(module)
    assert loaded.AUX_WEIGHTS == {"first": 0.3, "second": 0.5}
    model.train()
    assert model.deterministic is False
    model.eval()
    assert model.deterministic is True
    assert load(module).create(classes=7).head1.fc2.out_features == 7


def test_training_updates_statistics_and_gives_gradients() -> None:
    module = compiled(RESNET)
    model = load(module).create(seed=1, classes=4)
    (x,) = images((32, 32, 3))
    before = np.asarray(model.conv1_bn.mean.get_value())

    def loss(model: Any) -> Any:
        return (model(x) ** 2).mean()

    gradients = nnx.jit(nnx.grad(loss))(model)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradients))
    assert (np.asarray(model.conv1_bn.mean.get_value()) != before).any()
    model.eval()
    kept = np.asarray(model.conv1_bn.mean.get_value())
    assert model(x).shape == (2, 4)
    assert (np.asarray(model.conv1_bn.mean.get_value()) == kept).all()


def test_several_inputs_and_outputs() -> None:
    module = compiled("""
block mix(n) { input a, b; s: add(a, b); d: mul(a, b); from s; s1: conv 3x3, n
               from d; d1: conv 1x1, n; output s1, d1 }
model net {
  left: input 8x8x4
  right: input 8x8x4
  from left, right
  u, v: mix(4)
  from u, v
  mix(6) × 1
  p, q: mix(6)
  from p; globalavgpool; fc 2
  y: identity
  output y
  output q
}
""")
    model = same_as_reference(module)
    names = list(inspect.signature(model.__call__).parameters)
    assert names == ["left", "right"]


def test_shared_weights_are_one_module_called_twice() -> None:
    module = compiled("""
block tower(n) { conv 3x3, n, bn, relu; conv 3x3, n }
model net {
  left: input 8x8x4
  right: input 8x8x4
  from left
  a: tower(6)
  c: conv 1x1, 3
  from right
  share a
  d: share c
  add(c, d)
}
""")
    same_as_reference(module)
    text = BACKEND.emit(module)
    assert text.count("self.a(") == 2
    assert text.count("self.c(") == 2
    model = load(module).create()
    assert set(nnx.state(model, nnx.Param)) == {"a", "c"}


def test_a_shared_layer_may_give_the_output() -> None:
    module = compiled("""
model net(classes = 3) { input 8x8x4; globalavgpool; a: fc 3; relu; fc 4; share a }
""")
    same_as_reference(module)
    assert load(module).create(classes=7).a.out_features == 7


def test_sharing_with_same_padding_on_other_sizes() -> None:
    module = compiled("""
model net {
  left: input 8x8x4
  right: input 9x9x4
  from left
  a: conv 3x3/2, 4, pad=same
  l: globalavgpool
  from right
  share a
  r: globalavgpool
  add(l, r)
}
""")
    assert "SAME" in BACKEND.emit(module)
    same_as_reference(module)


def test_sharing_what_needs_other_settings_is_refused() -> None:
    inputs = Value("a", TensorType((8, 8, 4))), Value("b", TensorType((8, 8, 4)))
    first = Conv(Window(3, 3), 4, Padding(1, 1, 1, 1))
    other = Conv(Window(3, 3), 4, Padding(0, 0, 0, 0))
    nodes = (
        Node("u", first, ("a",), (Value("u", TensorType((8, 8, 4))),)),
        Node("v", other, ("b",), (Value("v", TensorType((6, 6, 4))),), weights="u"),
    )
    outputs = Output("u", "u"), Output("v", "v")
    module = Module("net", (Graph("net", "net", (), inputs, nodes, outputs),))
    with pytest.raises(CnnError) as caught:
        BACKEND.emit(module)
    assert caught.value.diagnostics[0].code == "E0801"


def test_split_gives_two_values() -> None:
    module = compiled("""
model net { input 8x8x6; a, b: split [2, 4]; from a; u: conv 3x3, 3
            from b; v: conv 1x1, 3; add(u, v); shuffle 3 }
""")
    same_as_reference(module)


def test_symbolic_sizes_are_not_baked_in() -> None:
    module = compiled("""
model net {
  input H×W×3
  a: conv 3x3, 4, relu
  maxpool 2x2/2
  conv 3x3/2, 6, pad=same
  upsample 2, bilinear
  upsample 2
  deconv 2x2/2, 4
  maxpool 2x2/2
  add { | identity | from a }
  mul { | identity | globalavgpool; fc 4, sigmoid }
}
""")
    weights = weights_of(module)
    model = filled(module, weights)
    for size in ((8, 8, 3), (16, 12, 3)):
        assert model(*images(size)).shape == (2, *size[:2], 4)


# ---------------------------------------------------------- parameters, weights


def test_parameter_names_follow_the_nodes() -> None:
    module = compiled(RESNET)
    places = weight_map(module)
    first = ("conv2_x_bottleneck1", "conv1")
    assert places[first, "kernel"] == Place(("conv2_x", 0, "conv1", "kernel"))
    shortcut = ("conv3_x_bottleneck1", "shortcut1", "bn1")
    assert places[shortcut, "variance"] == Place(("conv3_x", 0, "shortcut1", "bn1", "var"))
    assert places[("fc1",), "bias"] == Place(("fc1", "bias"))


@pytest.mark.parametrize("text", [RESNET])
def test_every_weight_has_a_place_and_every_variable_a_weight(text: str) -> None:
    module = compiled(text)
    weights = weights_of(module)
    places = weight_map(module)
    assert places.keys() == weights.keys()
    model = nnx.eval_shape(lambda: load(module).ResNet(rngs=nnx.Rngs(0)))
    state = nnx.state(model, (nnx.Param, nnx.BatchStat))
    shapes = {path: v.get_value().shape for path, v in nnx.to_flat_state(state)}
    assert {places[key].path: value.shape for key, value in weights.items()} == shapes


def test_the_constructor_and_create_draw_alike() -> None:
    module = compiled("""
model net { input 8x8x64; a: conv 3x3, 128; b: bn; c: dwconv 3x3; d: deconv 2x2/2, 64
            globalavgpool; e: fc 300; f: layerscale 0.1; dropout 50% }
""")
    loaded = load(module)
    eager = loaded.Net(rngs=nnx.Rngs(0))
    drawn = loaded.create(seed=3)
    one, other = (nnx.to_flat_state(nnx.state(m, nnx.Param)) for m in (eager, drawn))
    for (path, a), (path_b, b) in zip(one, other, strict=True):
        assert path == path_b
        x, y = np.asarray(a.get_value()), np.asarray(b.get_value())
        assert x.shape == y.shape and x.dtype == y.dtype
        assert abs(x.mean() - y.mean()) <= 6 * x.std() / np.sqrt(x.size)
        assert abs(x.std() - y.std()) <= 0.1 * x.std()
        assert abs(abs(x).max() - abs(y).max()) <= 0.2 * abs(x).max()
    again, other_seed = loaded.create(seed=3), loaded.create(seed=4)
    kernel = np.asarray(drawn.a.kernel.get_value())
    assert (np.asarray(again.a.kernel.get_value()) == kernel).all()
    assert (np.asarray(other_seed.a.kernel.get_value()) != kernel).any()


def test_dtypes_are_options() -> None:
    model = load(compiled(RESNET)).create(dtype=jnp.bfloat16, param_dtype=jnp.bfloat16)
    leaves = jax.tree.leaves(nnx.state(model, nnx.Param))
    assert {leaf.dtype for leaf in leaves} == {jnp.dtype(jnp.bfloat16)}
    (x,) = images((32, 32, 3))
    assert model(x).dtype == jnp.bfloat16


# ------------------------------------------------------------------------ names


WORDS_OF_EMITTED_CODE = (
    *("Any", "Callable", "DTypeLike", "Sequence", "jax", "jnp", "lax", "nnx", "np", "partial"),
    *("reduce", "interpolation", "cubic_kernel", "create", "draw", "OneKey", "KERNEL_INIT"),
    *("AUX_WEIGHTS", "deterministic", "dtype", "param_dtype", "rngs", "self", "i", "l", "I", "O"),
)


def test_no_layer_has_a_name_of_emitted_code(golden_sources: list[ast.Module]) -> None:
    """Whatever our modules import or define beside their classes."""
    found = set()
    for tree in golden_sources:
        for node in ast.walk(tree):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                found |= {alias.asname or alias.name for alias in node.names}
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                found.add(node.name)
            elif isinstance(node, ast.Assign):
                found.add(ast.unparse(node.targets[0]))
    found.discard("annotations")
    assert {"jnp", "create"} < found
    assert {name: identifier(name) for name in found} == {name: f"{name}_" for name in found}


@pytest.fixture
def golden_sources() -> list[ast.Module]:
    files = (Path(__file__).parent / "golden").rglob("flax.py")
    return [ast.parse(file.read_text(encoding="utf-8")) for file in files]


def test_names_of_flax_modules_are_avoided() -> None:
    public = {name for name in dir(nnx.Module) if not name.startswith("_")}
    assert public == MODULE_ATTRIBUTES


@pytest.mark.parametrize(
    ("name", "prefix", "expected"),
    [
        ("3a", "inception", "inception_3a"),
        ("3a", "=1; import os", "import_os_3a"),
        ("3a", "3b", "b_3a"),
        ("3a", "3", "node_3a"),
        ("use_running_average", "fc", "use_running_average_"),
        ("KERNEL_INIT", "fc", "KERNEL_INIT_"),
        ("conv1", "conv", "conv1"),
        ("lambda", "fc", "lambda_"),
        ("train", "fc", "train_"),
        ("b-1", "fc", "b_1"),
        ("list", "fc", "list_"),
        ("resize", "fc", "resize_"),
        ("x", "fc", "x"),
        ("", "fc", "value"),
        ("_-_", "fc", "value"),
        *((word, "fc", f"{word}_") for word in WORDS_OF_EMITTED_CODE),
    ],
)
def test_identifiers(name: str, prefix: str, expected: str) -> None:
    assert identifier(name, prefix) == expected


def test_class_names() -> None:
    names = {
        "resnet50": "ResNet50", "googlenet": "GoogLeNet", "vgg16_bn": "VGG16BN", "unet": "UNet",
        "mobilenet_v2": "MobileNetV2", "dense_layer": "DenseLayer", "se": "SE", "se_net": "SENet",
        "mbconv": "MBConv", "convnext_tiny": "ConvNeXtTiny", "lenet5": "LeNet5",
        "zfnet": "ZFNet", "myBlock": "MyBlock",
        "nasnet_mobile": "NASNetMobile", "espcn_x3": "ESPCNX3", "deepface": "DeepFace",
        "net": "Net", "v1": "V1", "3a": "Net3a",
        "any": "Any_", "_": "Block",
    }  # fmt: skip
    assert {name: class_name(name) for name in names} == names


def test_variables_of_classes() -> None:
    names = {"DenseLayer": "dense_layer", "MBConv": "mbconv", "SE": "se", "AbC": "ab_c"}
    assert {name: snake(name) for name in names} == names
    assert [plural("dense_layer"), plural("stages")] == ["dense_layers", "stages"]


def test_names_are_never_given_twice() -> None:
    names = Names(["a"])
    assert [names.new(n) for n in ("a", "b", "a", "a_2", "b")] == [
        "a_2",
        "b",
        "a_3",
        "a_2_2",
        "b_2",
    ]


NASTY = """
block partial(n) { conv 1x1, n }
block create(n) { conv 1x1, n }
block any(dtype, self) { conv 1x1, dtype; conv 1x1, self, relu }
block net(x) { rngs: conv 1x1, x; x: conv 1x1, x; add { | from rngs | from x | conv 1x1, x } }
model net_model {
  input 8x8x4
  eval: conv 1x1, 4
  self: conv 1x1, 4
  lambda: conv 1x1, 4
  resize: partial(4)
  3a: create(4)
  a1: any(5, 4)
  any(6, 4)
  net(8)
  net(4)
  l: conv 1x1, 4
  deterministic: add { | from resize | from 3a | from self | from lambda | identity }
  upsample 2, bilinear
  jnp: conv 1x1, 4
  nnx: add { | identity | conv 1x1, 4 }
  add { | identity | from nnx }
}
"""


def test_nasty_names() -> None:
    same_as_reference(compiled(NASTY))


# -------------------------------------------------------- every spec in the house

SPECS = sorted([*(ROOT / "specs").glob("*.cnn")])


def models(path: Path) -> list[str]:
    text = path.read_text()
    found = re.findall(r"^model\s+(\w+)(\s*\(([^){]*)\))?", text, re.M)
    free = [name for name, _, parameters in found
            if all("=" in p for p in parameters.split(",") if p.strip())]  # fmt: skip
    return [f"{path}:{name}" for name in free]


@pytest.fixture(scope="module")
def emitted() -> dict[str, str]:
    """The code of every model."""
    found = {}
    for path in SPECS:
        for spec in models(path):
            found[spec] = BACKEND.emit(compile_model(spec).module)
    assert len(found) > 20
    return found


def test_everything_does_only_what_it_may(emitted: dict[str, str]) -> None:
    """Kinds of syntax, imports, names and what is taken from libraries, all of them reviewed."""
    for text in emitted.values():
        check_python(text)


def test_everything_is_formatted_and_clean(emitted: dict[str, str], tmp_path: Path) -> None:
    pytest.importorskip("ruff")
    for spec, text in emitted.items():
        (tmp_path / f"{Path(spec).name.replace('.cnn:', '_')}.py").write_text(text)
    extra = {"dilated": MaxPool(Window(3, 3), dilation=(2, 2)), "nearest": Upsample(size=(5, 5)),
             "resize": Upsample(mode="bicubic"), "shuffle": Shuffle(2), "lrn": Lrn(),
             "local": Local(Window(3, 3), 8), "up": DepthToSpace(2), "down": SpaceToDepth(3, "dcr"),
             "pad": ConstantPad(Padding(1, 2, 3, 4), 1.5)}  # fmt: skip
    for name, op in extra.items():
        (tmp_path / f"op_{name}.py").write_text(BACKEND.emit(network(op, (9, 9, 4))))
    ruff = [sys.executable, "-m", "ruff"]
    config = ["--config", str(ROOT / "pyproject.toml")]
    for command in (["format", "--diff"], ["check"]):
        done = subprocess.run(
            [*ruff, *command, *config, str(tmp_path)], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_emission_has_no_side_effects_and_imports_only_what_it_needs(
    emitted: dict[str, str],
) -> None:
    for text in emitted.values():
        imported = set(re.findall(r"^(?:import|from) (\w+)", text, re.M))
        assert imported <= {"collections", "functools", "typing", "jax", "numpy", "flax"}
        assert str(ROOT) not in text


def test_emission_does_not_depend_on_hashes() -> None:
    code = (
        "from cnndsl.driver import compile_model; from cnndsl.backends.flax import BACKEND;"
        f"print(BACKEND.emit(compile_model({str(ROOT / 'specs/googlenet.cnn')!r}).module))"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PATH": ""},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(texts) == 1


def test_the_backend_is_found_by_name() -> None:
    assert backend("flax") is BACKEND
    assert BACKEND.suffix == ".py"
    with pytest.raises(CnnError, match=r"did you mean|no backend"):
        backend("flx")


def test_backends_that_ship_are_the_entry_points() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = project["entry-points"]["cnndsl.backends"]
    assert declared == {name: f"{module}:BACKEND" for name, module in BUILT_IN.items()}


def test_helpers_are_there_only_where_they_are_used() -> None:
    text = BACKEND.emit(network(Conv(Window(1, 1), 3), (4, 4, 3)))
    assert not any(name in text for name in HELPERS)
