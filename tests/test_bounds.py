"""Bounds of values, against what networks compute and against curves drawn by PyTorch."""

from __future__ import annotations

from fractions import Fraction
from math import inf

import numpy as np
import pytest
from hypothesis import given

torch = pytest.importorskip("torch")

from cnndsl.driver import compile_model  # noqa: E402
from cnndsl.graph import Module  # noqa: E402
from cnndsl.interpret import draw_integers, interpret  # noqa: E402
from cnndsl.ops import OPS  # noqa: E402
from cnndsl.passes.bounds import RULES, SAME, Bounds, bounds  # noqa: E402
from cnndsl.passes.flatten import flatten  # noqa: E402
from cnndsl.source import Source  # noqa: E402
from tests.properties.compiled import compiled  # noqa: E402
from tests.properties.effort import examples  # noqa: E402
from tests.properties.strategies import Program, programs  # noqa: E402

ANYWHERE = -inf, inf

CHAINS = {
    "relu": (0, inf),
    "relu6": (0, 6),
    "relu; times -0.5": (-inf, 0),
    "sigmoid": (0, 1),
    "softmax": (0, 1),
    "hsigmoid; times 6; relu6": (0, 6),
    "tanh; times -2": (-2, 2),
    "tanh; abs": (0, 1),
    "tanh; leakyrelu 0.25": (-0.25, 1),
    "tanh; leakyrelu 4": (-4, 1),
    "sigmoid; times -1; relu": (0, 0),
    "sigmoid; hswish": (0, 1),
    "hswish": (-0.375, inf),
    "relu6; times 0.5": (0, 3),
    "conv 3x3, 4": ANYWHERE,
    "relu; bn": ANYWHERE,
    "relu; lrn": (0, inf),
    "tanh; lrn": (-1, 1),
    "tanh; lrn(k=0.5)": ANYWHERE,
    "sigmoid; times -1; lrn(k=0.5)": (-inf, 0),
    "sigmoid; flatten": (0, 1),
    "sigmoid; globalavgpool": (0, 1),
    "sigmoid; times -1; globalmaxpool": (-1, 0),
    "sigmoid; crop 1; shuffle 2; space_to_depth 2": (0, 1),
    "sigmoid; upsample(2, bilinear)": (0, 1),
    "sigmoid; upsample(2, bicubic)": ANYWHERE,
    "sigmoid; pad 1, value=-0.5": (-0.5, 1),
    "sigmoid; pad 1, value=0.5": (0, 1),
    "sigmoid; times -1; pad_channels 8": (-1, 0),
    "sigmoid; pad 1, value=3; crop 1": (0, 3),
    "concat { | sigmoid | tanh }": (-1, 1),
    "add { | sigmoid | tanh | relu6 }": (-1, 8),
    "sub { | sigmoid | relu6 }": (-6, 1),
    "mul { | tanh | relu6 }": (-6, 6),
    "mul { | relu | sigmoid }": (0, inf),
    "mul { | conv 1x1, 4 | sigmoid; times 0 }": (0, 0),
    "sigmoid; maxpool 3x3, pad=1": (0, 1),
    "sigmoid; times -1; maxpool 3x3/2": (-1, 0),
    "sigmoid; maxpool 2x2/2, pad=2": (-inf, 1),
    "sigmoid; pad 1, value=2; avgpool 3x3/2": (0, 2),
    "hsigmoid; times -1; avgpool 3x3, pad=1": (-1, 0),
    "sigmoid; times -1; pad 1, value=-1; avgpool 3x3": (-1, 0),
    "sigmoid; avgpool(2x2/2, pad=2, count_include_pad=false)": ANYWHERE,
    "sigmoid; avgpool(3x3, pad=1, count_include_pad=false)": (0, 1),
    "sigmoid; dropout 75%": (0, 4),
    "tanh; droppath 50%": (-2, 2),
}
"""What is between which numbers; for dropout in training too."""


def module(body: str) -> Module:
    return compile_model(Source("net.cnn", f"model net {{ input 8x8x4; {body} }}")).module


def output(module: Module) -> Bounds:
    return bounds(module.main, module)[module.main.outputs[0].value]


@pytest.mark.parametrize(("body", "expected"), CHAINS.items())
def test_bounds_are_as_narrow_as_can_be_told(body: str, expected: tuple[float, float]) -> None:
    found = output(module(body))
    assert (float(found.low), float(found.high)) == expected


def test_fractions_are_not_rounded() -> None:
    """0.1 is a little more than a tenth, and so is what comes of it."""
    assert output(module("relu6; times 0.1")) == Bounds(0, 6 * Fraction(0.1))
    assert not Bounds(0, Fraction(6, 10)).holds(output(module("relu6; times 0.1")))


@pytest.mark.parametrize(
    ("word", "curve"),
    [
        ("silu", torch.nn.functional.silu),
        ("gelu", torch.nn.functional.gelu),
        ("gelu(approximate=true)", lambda x: torch.nn.functional.gelu(x, approximate="tanh")),
        ("hswish", torch.nn.functional.hardswish),
    ],
)
def test_dips_are_as_deep_as_the_curve(word: str, curve: object) -> None:
    values = curve(torch.linspace(-20, 0, 400_001, dtype=torch.float64))  # type: ignore[operator]
    least = output(module(word)).low
    assert 0 <= float(values.min()) - float(least) < 2e-4


def test_blocks_pass_bounds_on() -> None:
    text = """
    block half { times 0.5 }
    block twice { input a, b; c: add(a, b); from a; d: half; output c, d }
    model net {
      x: input 8x8x4
      y: relu6
      from x; z: tanh
      from y, z; u, v: twice
      from z, z; p, q: twice
      concat(u, v, p, q)
    }
    """
    net = compile_model(Source("net.cnn", text)).module
    found = bounds(net.main, net)
    concat = net.main.nodes[-1]
    assert [(float(found[v].low), float(found[v].high)) for v in concat.inputs] == [
        (-1, 7), (0, 3), (-2, 2), (-0.5, 0.5),
    ]  # fmt: skip
    inner = next(graph for graph in net.functions if graph.definition == "half")
    assert set(bounds(inner, net).values()) == {Bounds()}


def test_every_operator_has_bounds_or_weights_or_none() -> None:
    unbounded = {"conv", "dwconv", "deconv", "local", "fc", "bn", "ln", "gn", "layerscale"}
    assert {*RULES, *SAME} | unbounded == set(OPS)
    assert not {*RULES, *SAME} & unbounded and not {*RULES} & {*SAME}


@examples(60)
@given(programs())
def test_random_networks_stay_within_their_bounds(program: Program) -> None:
    module = compiled(program)
    graph = flatten(module)
    rng = np.random.default_rng(0)
    found = bounds(graph, module)
    for size in (1, 100):
        inputs = {v.name: rng.normal(size=(2, *v.type.shape)) * size for v in graph.inputs}
        values = interpret(graph, inputs, draw_integers(graph, rng, 2))
        for name, x in values.items():
            slack = 1e-9 * max(1, np.abs(x).max(initial=0, where=np.isfinite(x)))
            inside = (x >= float(found[name].low) - slack) & (x <= float(found[name].high) + slack)
            assert inside.all() or np.isnan(x).any(), name


@examples(60)
@given(programs())
def test_calls_have_the_bounds_of_what_they_call(program: Program) -> None:
    module = compiled(program)
    graph = flatten(module)
    inside, through = bounds(graph, module), bounds(module.main, module)
    for flat, output in zip(graph.outputs, module.main.outputs, strict=True):
        assert inside[flat.value] == through[output.value]
