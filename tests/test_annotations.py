"""Shape annotations, `conv 3x3, 8 : 32x32x8`: what they accept, say and let go on."""

from __future__ import annotations

import pytest

from cnndsl.diagnostics import CnnError, Diagnostic
from cnndsl.driver import compile_model
from cnndsl.graph import Module
from cnndsl.source import Source
from cnndsl.symbol import variable

H, W = variable("H"), variable("W")


def module(body: str, input: str = "32x32x3", **options: str) -> Module:
    text = f"model net {{\n  input {input}\n  {body}\n}}\n"
    return compile_model(Source("net.cnn", text), **options).module  # type: ignore[arg-type]


def problems(body: str, input: str = "32x32x3") -> list[Diagnostic]:
    with pytest.raises(CnnError) as caught:
        module(body, input)
    return list(caught.value.diagnostics)


def codes(body: str, input: str = "32x32x3") -> list[str]:
    return [problem.code for problem in problems(body, input)]


@pytest.mark.parametrize(
    "body",
    [
        "conv 3x3, 8 : 32x32x8",
        "conv 3x3/2, 8 : 16x16",
        "conv 5x3, 8, pad=0 : 28x30x8",
        "globalavgpool : 3",
        "globalavgpool : 1x1x3",
        "avgpool 32x32, pad=0 : 3",
        "globalavgpool; fc 10 : 10",
        "let c = 8; conv 3x3, c : 32 × 32 × c",
        "conv 3x3, 8 : 64/2 × 32 × 8",
    ],
)
def test_true_ones(body: str) -> None:
    assert not module(body).constraints


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("conv 3x3, 8 : 32x32x9", "this is 32x32x8, not 32x32x9"),
        ("conv 3x3/2, 8 : 16x15", "this is 16x16x8, not 16x15x8"),
        ("conv 3x3, 8 : 8", "this is 32x32x8, not 8"),
        ("globalavgpool : 2x1x3", "this is 3, not 2x1x3"),
        ("globalavgpool : 1x3", "this is 3, not 1x3"),
    ],
)
def test_wrong_ones(body: str, message: str) -> None:
    (problem,) = problems(body)
    assert (problem.code, problem.message) == ("E0309", message)


def test_another_order_can_be_mended() -> None:
    (problem,) = problems("conv 3x3/2x1, 8 : 8x16x32")
    (help,) = problem.help
    assert help.fix is not None and help.fix.text == "16x32x8"
    assert [help.fix for help in problems("conv 3x3, 8 : 32x8x32")[0].help] == [None]


@pytest.mark.parametrize(
    ("shape", "expected"), [("true", "E0206"), ("3x3/2", "E0206"), ("1.5", "E0206"), ("c", "E0202")]
)
def test_what_is_no_shape(shape: str, expected: str) -> None:
    """The statement is right, so the rest of the model is looked at with its value."""
    assert codes(f"conv 3x3, 8 : {shape}\n  conv 3x3, 8 : 32x32x7") == [expected, "E0309"]


def test_the_rest_is_looked_at_behind_a_broken_statement() -> None:
    """With the annotated shape; height × width alone are not enough."""
    assert codes("cnov 3x3, 8 : 32x32x8\n  conv 3x3, 4 : 32x32x5") == ["E0201", "E0309"]
    assert codes("cnov 3x3, 8 : 32x32\n  conv 3x3, 4 : 32x32x5") == ["E0201"]
    assert codes("cnov 3x3, 8 : 8\n  fc 4 : 5") == ["E0201", "E0309"]
    assert codes("conv 3x3, 8 : 32x32x9\n  fc 4 : 5") == ["E0309"]


def test_nothing_is_known_in_front_of_the_input() -> None:
    text = "model net {\n  cnov 3x3, 8 : 32x32x8\n  input 32x32x3\n  conv 3x3, 4\n}\n"
    with pytest.raises(CnnError) as caught:
        compile_model(Source("net.cnn", text))
    assert [problem.code for problem in caught.value.diagnostics] == ["E0201"]


def test_several_values_have_no_one_shape() -> None:
    (problem,) = problems("split 3 : 32x32x1\n  concat")
    assert (problem.code, problem.message) == (
        "E0209", "a shape annotation is for one value, the flow carries 3",
    )  # fmt: skip


def test_several_values_flow_on() -> None:
    assert codes("split 3 : 32x32x1\n  concat : 32x32x4") == ["E0209", "E0309"]


def test_symbolic_sizes_are_demanded() -> None:
    found = module("conv 3x3/2, 8 : 112 × W/2 × 8", "HxWx3").constraints
    assert [(c.left, c.right, c.reason) for c in found if c.right is not None] == [
        ((H + 1) // 2, 112, "the shape annotation says so"),
        ((W + 1) // 2, W // 2, "the shape annotation says so"),
    ]
    same = module("conv 3x3, 8 : HxWx8", "HxWx3").constraints
    assert all(constraint.right is None for constraint in same)


@pytest.mark.parametrize("shape", ["112x112x9", "8", "112x112x8x1"])
def test_symbolic_sizes_excuse_nothing_else(shape: str) -> None:
    assert codes(f"conv 3x3/2, 8 : {shape}", "HxWx3") == ["E0309"]


def test_annotations_are_about_the_model_as_it_is_written() -> None:
    assert module("conv 3x3/2, 8 : 16x16x8", input="32x32x3").main.outputs
    text = "model net {\n  input 32x32x3\n  conv 3x3/2, 8 : 16x16x8\n}\n"
    found = compile_model(Source("net.cnn", text), input="64x64x3").module
    assert found.main.types[found.main.outputs[0].value].shape == (32, 32, 8)
