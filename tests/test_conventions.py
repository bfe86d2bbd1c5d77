"""What each convention counts, operator by operator, on a map of 4 × 4 × 2."""

from __future__ import annotations

import pytest

from cnndsl.driver import compile_model
from cnndsl.passes.cost import CONVENTIONS, cost, count
from cnndsl.source import Source

ELEMENTS = 4 * 4 * 2
MACS = 4 * 4 * 2 * 3
BIASES = 4 * 4 * 3
WINDOWS, READ = 2 * 2 * 2, 2 * 2 * 2 * 9

ALL = dict.fromkeys(CONVENTIONS, 0)


def every(macs: int, real: int | None = None) -> dict[str, int]:
    """The conventions that count a multiply-accumulate once, and those that count it twice."""
    once = ("macs", "macs+bias", "macs+pool", "fvcore", "ptflops-aten", "thop", "onnx-tool")
    twice = ("flops", "flops+bias", "all-ops", "torch")
    real = macs if real is None else real
    return {**dict.fromkeys(once, macs), **dict.fromkeys(twice, 2 * macs), "no-padding": 2 * real}


def pool(**counted: int) -> dict[str, int]:
    return {"macs+pool": ELEMENTS, **{name.replace("_", "-"): n for name, n in counted.items()}}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("conv 1x1, 3", every(MACS)),
        ("conv 1x1, 3, bias=true", every(MACS) | {
            "macs+bias": MACS + BIASES, "flops+bias": 2 * MACS + BIASES,
            "all-ops": 2 * MACS + BIASES, "ptflops-aten": MACS + BIASES,
            "onnx-tool": MACS + BIASES,
        }),
        ("conv 3x3, 3, pad=1", every(9 * MACS, real=10 * 10 * 2 * 3)),
        ("bn", {"all-ops": 2, "fvcore": 2, "thop": 4, "onnx-tool": 31}),
        ("ln", {"all-ops": 2, "fvcore": 5, "thop": 4}),
        ("gn 2", {"all-ops": 2, "fvcore": 5}),
        ("relu", {"all-ops": 1, "onnx-tool": 1}),
        ("relu6", {"all-ops": 1, "onnx-tool": 2}),
        ("hsigmoid", {"all-ops": 1, "onnx-tool": 4}),
        ("hswish", {"all-ops": 1, "onnx-tool": 5}),
        ("sigmoid", {"all-ops": 1, "onnx-tool": 32}),
        ("silu", {"all-ops": 1, "onnx-tool": 33}),
        ("tanh", {"all-ops": 1}),
        ("maxpool 3x3/1, pad=0", pool(all_ops=READ, onnx_tool=READ)),
        ("avgpool 3x3/1, pad=0", pool(all_ops=READ, thop=WINDOWS, onnx_tool=READ)),
        ("globalavgpool", pool(all_ops=ELEMENTS, fvcore=ELEMENTS, thop=ELEMENTS + 2,
                               onnx_tool=ELEMENTS + 4 * 2)),
        ("add { | identity | identity }", {"all-ops": 1, "onnx-tool": 1}),
        ("sub { | identity | identity }", {"all-ops": 1, "onnx-tool": 1}),
        ("mul { | identity | identity }", {"all-ops": 1, "onnx-tool": 1}),
        ("upsample 2x2", {"all-ops": 4}),
        ("concat { | identity | identity }", {}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_each_operator(body: str, expected: dict[str, int]) -> None:
    """Small numbers are counts for each element."""
    bias = "" if "bias" in body else "  default conv: bias=false\n"
    source = Source("net.cnn", f"model net {{\n  input 4x4x2\n{bias}  {body}\n}}\n")
    total = cost(compile_model(source).module).total
    found = {name: count(total, name) for name in CONVENTIONS}
    small = not any(word in body for word in ("conv", "pool"))
    assert found == ALL | {name: n * ELEMENTS if small else n for name, n in expected.items()}


def test_one_s_own_prices() -> None:
    assert (
        count({"mac": 10, "bias": 3, "act.relu": 5, "act.tanh": 7}, {"act.*": 2, "bias": 1}) == 27
    )


def test_a_model_without_operators_costs_nothing() -> None:
    module = compile_model(Source("net.cnn", "model net { input 4x4x2 }")).module
    found = cost(module)
    assert (found.params, found.macs, found.activations, found.statistics) == (0, 0, 0, 0)
