"""JAX and XLA as witnesses: shapes, parameters and FLOPs of emitted code as they find them."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest

jax = pytest.importorskip("jax")
nnx = pytest.importorskip("flax.nnx")

from cnndsl import driver  # noqa: E402
from cnndsl.graph import Graph, Module, Node, Output, Value  # noqa: E402
from cnndsl.op import Op  # noqa: E402
from cnndsl.ops.activation import Relu, Softmax, Tanh  # noqa: E402
from cnndsl.ops.conv import Conv  # noqa: E402
from cnndsl.ops.linear import Fc  # noqa: E402
from cnndsl.ops.merge import Add, Concat  # noqa: E402
from cnndsl.ops.norm import Bn, Lrn  # noqa: E402
from cnndsl.ops.pool import AvgPool, GlobalAvgPool, MaxPool  # noqa: E402
from cnndsl.ops.regular import Dropout  # noqa: E402
from cnndsl.ops.reshape import Flatten  # noqa: E402
from cnndsl.passes.cost import cost  # noqa: E402
from cnndsl.passes.cost import count as price  # noqa: E402
from cnndsl.record import replace  # noqa: E402
from cnndsl.types import TensorType  # noqa: E402
from tests.support.comments import assert_comments_are_true  # noqa: E402
from tests.support.emitted import Emitted, evaluating, exposed  # noqa: E402
from tests.support.networks import cases, compiled, concrete  # noqa: E402
from tests.support.weights import number_of, owners, shapes  # noqa: E402

COUNTED = ["lenet.cnn", "alexnet.cnn", "vgg.cnn:vgg11", "resnet.cnn:resnet18", "googlenet.cnn"]


# ------------------------------------------------------------------ shapes, parameters


@pytest.mark.parametrize(("path", "model"), cases(always=("resnet50", "resnet50_keras")))
def test_shapes_and_parameters(path: str, model: str) -> None:
    """Parameters, statistics and the shape of every value."""
    module = compiled(path, model)
    emitted = Emitted(module)
    report = cost(module, training=True)
    assert emitted.number_of(nnx.Param) == report.params == number_of(shapes(module), True)
    assert emitted.number_of(nnx.BatchStat) == report.statistics
    emitted.module = module = concrete(path, model, module)
    types = module.main.types
    assert emitted.output_shapes(training=True) == {
        output.name: types[output.value].shape for output in module.main.outputs
    }
    inside = exposed(module)
    types = inside.main.types
    expected = {o.name: types[o.value].shape for o in inside.main.outputs}
    assert len(expected) >= len(inside.main.nodes) > 5
    assert Emitted(inside).output_shapes() == expected


@pytest.mark.parametrize("spec", [*COUNTED, "resnet.cnn:resnet50", "vgg.cnn:vgg16_keras"])
def test_comments_in_emitted_code_are_true(spec: str) -> None:
    seen = assert_comments_are_true(Emitted(driver.compile_model(spec).module))
    assert seen >= 5


# ------------------------------------------------------------------ FLOPs


@pytest.mark.parametrize("spec", COUNTED)
def test_flops_of_networks(spec: str) -> None:
    """2 · `mac.real` and the prices of `elementwise`, to the precision of XLA's float32 sums.

    That holds for the program as JAX hands it over. What XLA makes of it differs by the
    elements that several fusions compute again, and by constants folded: less than 1e-3
    of the whole.
    """
    module = driver.compile_model(spec).module
    before, after = flops(Emitted(module))
    total = cost(module).total
    convolutions = int(price(total, "no-padding"))
    expected = convolutions + sum(
        elementwise(node.op, [graph.types[v] for v in node.inputs])
        for graph, node in executed(module)
    )
    rest = (expected - convolutions) / expected
    print(
        f"{spec}: 2·mac.real {convolutions:,}, elementwise {rest:.4%}, "
        f"handed over {before - expected:+,.0f}, compiled {after / expected - 1:+.5%}"
    )
    exact = expected < 2**24
    assert before == expected if exact else abs(before - expected) < 1e-6 * expected
    assert abs(after - expected) < 1e-3 * expected
    assert 0 < rest < 0.02


@pytest.mark.parametrize("spec", COUNTED)
def test_flops_of_layers(spec: str) -> None:
    """Each convolution and `fc` alone: exactly 2 · `mac.real`, as far as float32 can say."""
    module = driver.compile_model(spec).module
    layers = {
        (node.op, graph.types[node.inputs[0]])
        for graph, node in executed(module)
        if isinstance(node.op, (Conv, Fc))
    }
    assert len(layers) >= 3
    for op, x in sorted(layers, key=str):
        alone = replace(op, bias=False)
        (out,) = alone.infer(x)
        node = Node("layer", alone, ("x",), (Value("layer", out),))
        graph = Graph("one", "one", (), (Value("x", x),), (node,), (Output("output", "layer"),))
        for found in flops(Emitted(Module("one", (graph,)))):
            assert np.float32(found) == np.float32(2 * alone.ledger(x)["mac.real"]), (alone, x)


def executed(module: Module) -> list[tuple[Graph, Node]]:
    """Every operator that inference runs."""
    from cnndsl.graph import inference_graph

    inference = replace(module, functions=(*module.functions[:-1], inference_graph(module.main)))
    return [(graph, node) for _, _, graph, node in owners(inference)]


def elementwise(op: object, inputs: list[TensorType]) -> int:
    """What XLA counts for an operator on one image besides products of weights.

    Exponentials, powers, roots and tanh are counted apart ("transcendentals").
    """
    assert isinstance(op, Op)
    (x, *_) = inputs
    (out,) = op.infer(*inputs)
    match op:
        case Conv() | Fc():
            return out.elements if op.bias else 0
        case Relu():
            return x.elements  # one comparison
        case Bn():
            return 3 * x.elements + 2 * x.channels  # − mean, · factor, + shift; factor: + eps, ·
        case Lrn():
            return (op.size + 3) * x.elements  # square, size − 1 sums, · α, + k, division
        case MaxPool():
            return out.elements * (op.window.area - 1)
        case AvgPool():
            assert op.count_include_pad or not any(vars(op.pad).values())
            return out.elements * op.window.area  # the sum, and a division
        case GlobalAvgPool():
            return x.elements
        case Add():
            return (len(inputs) - 1) * out.elements
        case Softmax():
            return prod(x.shape[:-1]) * (4 * x.channels - 1)  # max, −, sum, division
        case Concat() | Flatten() | Dropout() | Tanh():
            return 0
    raise AssertionError(f"no price for {op}")


def flops(emitted: Emitted) -> tuple[float, float]:
    """XLA's count for one image: of the program as JAX hands it over, and as compiled."""
    model = emitted.skeleton()
    evaluating(model, False)
    graphdef, state = nnx.split(model)
    inputs = [
        jax.ShapeDtypeStruct((1, *v.type.shape), "float32") for v in emitted.module.main.inputs
    ]
    lowered = jax.jit(lambda s, *xs: nnx.merge(graphdef, s)(*xs)).lower(state, *inputs)
    return lowered.cost_analysis()["flops"], lowered.compile().cost_analysis()["flops"]
