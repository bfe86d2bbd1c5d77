"""Linear folding: batch norms, affine maps, kernels in a row and side by side, morphisms.

Weights and maps are whole numbers, and the two networks compute the same numbers or the rule
is wrong: there is no tolerance for a border to hide under. Conditions are tested twice, that
they refuse, and that what they refuse would be wrong.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from cnndsl.diagnostics import CnnError
from cnndsl.driver import Compiled, compile_model
from cnndsl.evaluate.expressions import lookup_rule
from cnndsl.evaluate.scope import Scope
from cnndsl.evaluate.values import rules_of
from cnndsl.interpret import draw_integers, interpret
from cnndsl.passes.flatten import flatten, paths
from cnndsl.record import replace
from cnndsl.rewrite.carry import carry
from cnndsl.rewrite.catalogue import catalogue
from cnndsl.rewrite.engine import Derivation, apply
from cnndsl.rewrite.reading import read_rule
from cnndsl.source import Source
from cnndsl.verify.module_weights import check, draw

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cnndsl.graph import Module
    from cnndsl.rewrite.carry import Weights

SIZES = "9x8", "8x11"
"""Odd and even, higher and wider."""


def compiled(body: str, *rules: str, size: str = SIZES[0]) -> Compiled:
    text = body if "input" in body else f"input {size}x4; {body}"
    return compile_model(Source("net.cnn", f"model net {{ {text} }}"), rewrite=rules)


def whole_numbers(module: Module) -> Weights:
    drawn = draw_integers(flatten(module), np.random.default_rng(0))
    return {path: drawn[name] for name, path in paths(module).items() if name in drawn}


def doubles(module: Module) -> Weights:
    drawn = draw(module)
    return {p: {r: np.float64(x) for r, x in arrays.items()} for p, arrays in drawn.items()}


def values(module: Module, weights: Weights, inputs: dict[str, Any]) -> dict[str, Any]:
    named = {name: weights[path] for name, path in paths(module).items() if path in weights}
    return interpret(flatten(module), inputs, named)


def outputs(module: Module, weights: Weights, inputs: dict[str, Any]) -> list[Any]:
    found = values(module, weights, inputs)
    return [found[output.value] for output in flatten(module).outputs]


def images(module: Module) -> dict[str, Any]:
    """Whole numbers of both signs, none of them zero: padding stands out."""
    rng = np.random.default_rng(1)
    shapes: dict[str, Any] = {v.name: (2, *v.type.shape) for v in module.main.inputs}
    return {n: rng.integers(1, 9, s) * rng.choice((-1, 1), s) for n, s in shapes.items()}


def both(derivation: Derivation) -> tuple[list[Any], list[Any]]:
    """What a network computes before and after, on weights of whole numbers."""
    start, module = derivation.start, derivation.module
    weights, inputs = whole_numbers(start), images(start)
    carried = carry(derivation, weights)
    assert not carried.fresh
    return outputs(start, weights, inputs), outputs(module, carried.weights, inputs)


def agree(derivation: Derivation) -> bool:
    before, after = both(derivation)
    assert all(x.dtype != np.float64 for x in before + after)
    return all(map(np.array_equal, before, after))


def words(module: Module) -> list[str]:
    return [node.op.word for node in flatten(module).nodes]  # type: ignore[union-attr]


# ----------------------------------------------------------------------- every rule

RULES = (
    ("bn_as_affine", "bn", "dwconv"),
    ("bn_as_affine", "conv 3x3, 6; bn(scale=false)", "conv dwconv"),
    ("layerscale_as_affine", "layerscale", "dwconv"),
    ("fold_bn", "conv(3x2/2, 6, pad=[2, 0, 1, 1], groups=2, bias=true); bn", "conv"),
    ("fold_bn", "conv(3x3, 5, dilation=2); bn(scale=false, eps=1e-3)", "conv"),
    ("fold_bn", "conv(3x3, 5); bn(shift=false); relu", "conv relu"),
    ("fold_bn_depthwise", "dwconv(3x3/2, 2, bias=true); bn", "dwconv"),
    ("fold_bn_transposed", "deconv(3x2/2, 6, pad=[1, 0, 0, 1], groups=2); bn", "deconv"),
    ("fold_bn_transposed", "deconv(3x3/2, 6, output_padding=1, bias=true); bn", "deconv"),
    ("fold_bn_local", "local(3x3/2, 3); bn", "local"),
    ("fold_bn_local", "local(3x3/2, 3, bias=false); bn", "local"),
    ("fold_bn_fc", "flatten; fc(3); bn", "flatten fc"),
    ("fold_bn_fc", "flatten; fc(3, bias=false); bn", "flatten fc"),
    ("fold_bn_forward_fc", "flatten; bn; fc(3)", "flatten fc"),
    ("fold_affine", "conv(3x3/2, 6, groups=2); dwconv 1x1", "conv"),
    ("fold_affine", "conv(3x3, 6, bias=false); dwconv(1x1, bias=false)", "conv"),
    ("fold_affine_depthwise", "dwconv(2x3, 2, pad=[1, 0, 0, 2]); dwconv 1x1", "dwconv"),
    ("fold_affine_transposed", "deconv(3x3/2, 6, groups=2); dwconv 1x1", "deconv"),
    ("fold_layerscale_fc", "flatten; fc 3; layerscale", "flatten fc"),
    ("fold_times", "conv(3x3, 5); times 0.1", "conv"),
    ("fold_affine_forward", "dwconv 1x1; conv(3x2/2, 6, valid, groups=2)", "conv"),
    ("fold_affine_forward", "dwconv 1x1; conv(3x3, 6, pad=[-1, 0, 0, -2])", "conv"),
    ("fold_affine_forward", "dwconv(1x1, bias=false); conv(3x3/2, 8, groups=4, dilation=2)",
     "conv"),
    ("fold_affine_forward_depthwise", "dwconv 1x1; dwconv(3x2, 3, valid)", "dwconv"),
    ("fold_affine_forward_depthwise", "dwconv(1x1, bias=false); dwconv(3x3/2, 2)", "dwconv"),
    ("fold_affine_forward_transposed", "dwconv(1x1, bias=false); deconv(3x3/2, 6, pad=1, groups=2)",
     "deconv"),
    ("merge_affine", "dwconv 1x1; dwconv(1x1, bias=false)", "dwconv"),
    ("split_affine", "x: relu; y: conv 1x1, 3; concat(x, y); dwconv 1x1",
     "relu conv dwconv dwconv concat"),
    ("join_affine", "x: relu; y: conv 1x1, 3; concat { | from x; dwconv 1x1 | from y; dwconv 1x1 }",
     "relu conv concat dwconv"),
    ("drop_bias_before_bn", "conv(3x3/2, 6, groups=2, bias=true); bn(eps=1e-3)", "conv bn"),
    ("drop_bias_before_bn_depthwise", "dwconv(3x3, 2, bias=true); bn(scale=false)", "dwconv bn"),
    ("drop_bias_before_bn_transposed", "deconv(3x3/2, 6, bias=true); bn", "deconv bn"),
    ("drop_bias_before_bn_fc", "flatten; fc(3); bn(momentum=0.01)", "flatten fc bn"),
    ("merge_kxk_1x1", "conv(3x2/2x1, 6, pad=[1, 0, 2, 1]); conv 1x1, 5", "conv"),
    ("merge_kxk_1x1", "conv(3x3, 6, dilation=2, groups=2); conv(1x1, 8, groups=2)", "conv"),
    ("merge_1x1_kxk", "conv(1x1, 6, bias=false); conv(3x2/2, 5, pad=[2, 0, 0, 1])", "conv"),
    ("merge_1x1_kxk", "conv(1x1, 6, groups=2); conv(3x3, 4, valid, dilation=2, groups=2)", "conv"),
    ("merge_kxk_kxk", "conv(3x2/2x1, 6, pad=[1, 2, 0, 1]); conv(2x3/1x2, 5, valid)", "conv"),
    ("merge_kxk_kxk", "conv(2x2/2, 6, groups=2); conv(3x1, 4, valid, groups=2, bias=false)",
     "conv"),
    ("merge_depthwise", "dwconv(3x2, 2); dwconv(2x2/2, 2, valid)", "dwconv"),
    ("merge_separable", "dwconv(3x2/2, 2, pad=[1, 0, 2, 0]); conv 1x1, 5", "conv"),
    ("merge_transposed_1x1", "deconv(3x2/2, 6, pad=[1, 0, 0, 0], groups=2); conv(1x1, 4, groups=2)",
     "deconv"),
    ("merge_fc", "flatten; fc 5; fc(3, bias=false)", "flatten fc"),
    ("conv_then_avgpool", "conv(3x2/2x1, 6, groups=2); avgpool 2x3/1x2", "conv"),
    ("conv_then_avgpool", "conv(3x3, 6); avgpool(2x2/2, count_include_pad=false)", "conv"),
    ("merge_1x1_avgpool", "conv(1x1, 6, groups=2, bias=false); avgpool(3x2/2, pad=[1, 0, 1, 1])",
     "conv"),
    ("merge_1x1_avgpool", "conv(1x1, 5); avgpool(3x3/2, count_include_pad=false)", "conv"),
    ("merge_parallel", "add { | conv(3x3/2, 6, groups=2) | conv(1x1/2, 6, groups=2) }", "conv"),
    ("merge_parallel", "add { | conv(1x1, 5, bias=false) | conv(2x4, 5, pad=[1, 0, 2, 1]) }",
     "conv"),
    ("merge_parallel",
     "add { | conv(5x3, 5, dilation=1x2) | conv(3x2, 5, pad=[2, 2, 2, 0], dilation=2) }", "conv"),
    ("merge_acb", "add { | conv(3x3/2, 5) | conv(1x3/2, 5, bias=false) | conv 3x1/2, 5 }", "conv"),
    ("merge_parallel_depthwise", "add { | dwconv 1x1/2, 2 | dwconv 5x5/2, 2 }", "dwconv"),
    ("merge_parallel_transposed",
     "add { | deconv(3x3/2, 6, groups=2) | deconv(3x3/2, 6, groups=2, bias=false) }", "deconv"),
    ("merge_parallel_fc", "flatten; add { | fc 3 | fc(3, bias=false) }", "flatten fc"),
    ("absorb_depthwise", "add { | conv(3x3/2, 8, groups=2) | dwconv 1x1/2, 2 }", "conv"),
    ("absorb_depthwise", "add { | dwconv(3x3, dilation=2) | conv 5x5, 4 }", "conv"),
    ("absorb_identity", "add { | identity | conv(3x2, 4, pad=[0, 2, 1, 0], groups=2) }", "conv"),
    ("absorb_identity", "residual { conv(3x3, 4, dilation=2, bias=false) }", "conv"),
    ("absorb_identity_depthwise", "residual { dwconv 3x3 }", "dwconv"),
    ("absorb_avgpool", "add { | conv(3x3/2, 4, groups=2) | avgpool 3x3/2, pad=1 }", "conv"),
    ("absorb_avgpool",
     "add { | conv(3x4, 4, pad=[1, 1, 1, 1]) | avgpool(1x2, count_include_pad=false) }", "conv"),
    ("absorb_avgpool_depthwise", "add { | dwconv 3x3/2 | avgpool 3x3/2, pad=1 }", "dwconv"),
    ("deepen", "relu", "relu conv relu"),
    ("deepen(2)", "relu6", "relu6 conv relu6"),
    ("deepen_depthwise(5)", "abs", "abs dwconv abs"),
    ("deepen_fc", "flatten; relu", "flatten relu fc relu"),
    ("zero_branch", "relu", "relu conv relu conv add"),
    ("zero_branch(2)", "conv 3x3, 5; relu", "conv relu conv relu conv add"),
    ("enlarge", "conv(3x2/2, 6, pad=[2, 0, 1, 1], groups=2)", "conv"),
    ("enlarge(2)", "conv(1x1/2, 6, dilation=2)", "conv"),
    ("enlarge_depthwise", "dwconv(3x3, 2, dilation=2)", "dwconv"),
    ("decouple_exact", "conv(3x2/2, 6, pad=[2, 0, 1, 1], dilation=1x2, groups=2)", "dwconv conv"),
)  # fmt: skip


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("rule", "body", "expected"), RULES, ids=lambda x: x.split(" ")[0])
def test_a_rule_keeps_every_number(rule: str, body: str, expected: str, size: str) -> None:
    result = compiled(body, rule, size=size)
    assert result.derivation is not None
    assert words(result.module) == expected.split()
    assert agree(result.derivation)


def test_every_rule_has_a_case() -> None:
    files = {"inference", "merge", "morphism"}
    chapters = [chapter for chapter in catalogue() if chapter.name in files]
    assert {rule.partition("(")[0] for rule, *_ in RULES} == {
        ref.rule.name.id for chapter in chapters for ref in chapter.rules
    }


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_weights_stay_of_their_kind(kind: str) -> None:
    result = compiled("residual { conv 3x3, 4; bn }; relu", "fold_bn", "absorb_identity", "deepen")
    assert result.derivation is not None
    weights = draw(result.derivation.start)
    given = {p: {r: x.astype(kind) for r, x in a.items()} for p, a in weights.items()}
    found = carry(result.derivation, given).weights
    assert {x.dtype for arrays in found.values() for x in arrays.values()} == {np.dtype(kind)}


# ----------------------------------------------------------------------- refusals

CONDITIONS = (
    ("fold_affine_forward", "dwconv 1x1; conv 3x3, 6", "`not b or unpadded(y)`"),
    ("fold_affine_forward", "dwconv 1x1; conv(3x3, 6, pad=[-1, 0, 0, 1])",
     "`not b or unpadded(y)`"),
    ("fold_affine_forward_depthwise", "dwconv 1x1; dwconv 3x3", "`not b or unpadded(y)`"),
    ("merge_1x1_kxk", "conv 1x1, 6; conv 3x3, 5", "`not b or unpadded(y)`"),
    ("merge_1x1_avgpool", "conv 1x1, 6; avgpool 3x3, pad=1", "`unpadded(y) or c and not b`"),
    ("merge_1x1_avgpool", "conv(1x1, 6, bias=false); avgpool(3x3, pad=1, count_include_pad=false)",
     "`unpadded(y) or c and not b`"),
    ("absorb_avgpool", "add { | conv 3x3, 4 | avgpool(3x3, pad=1, count_include_pad=false) }",
     "`c or unpadded(z)`"),
    ("absorb_avgpool_depthwise",
     "add { | dwconv 3x3 | avgpool(3x3, pad=1, count_include_pad=false) }", "`c or unpadded(z)`"),
)  # fmt: skip


def rule(name: str) -> Any:
    value = lookup_rule(name, Scope(compiled("relu").namespace))
    (ref,) = rules_of(value) or ()
    return read_rule(ref)


def refusal(body: str, name: str, size: str = SIZES[0]) -> str:
    with pytest.raises(CnnError) as caught:
        compiled(body, name, size=size)
    (problem,) = caught.value.diagnostics
    assert problem.code == "E1003"
    return "\n".join((*(label.text for label in problem.labels), *problem.notes))


def test_weights_that_are_shared_are_made_once() -> None:
    text = """
    block twice { conv 3x3, 4; relu }
    model net { input 9x9x4; a: twice(); share a; conv 1x1, 2 }
    """
    result = compile_model(Source("net.cnn", text), rewrite=("deepen",))
    assert result.derivation is not None
    assert agree(result.derivation)
    check(result.module, carry(result.derivation, draw(result.derivation.start)).weights)


def forced(body: str, name: str, size: str = SIZES[0]) -> Derivation:
    """The rule without its conditions and claims."""
    start = compiled(body, size=size)
    rewrite = replace(rule(name), conditions=(), keeps=())
    attempt = apply(Derivation(start.module, (), start.settings), rewrite)
    assert attempt.derivation.steps
    return attempt.derivation


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("name", "body", "reason"), CONDITIONS)
def test_conditions_refuse_what_would_be_wrong(
    name: str, body: str, reason: str, size: str
) -> None:
    assert reason in refusal(body, name, size)
    assert not agree(forced(body, name, size))


def test_wrong_offsets_show_along_the_border_alone() -> None:
    """The mistake that made users of Diverse Branch Block doubt their numbers."""
    ((before,), (after,)) = both(forced("dwconv 1x1; conv 3x3, 6", "fold_affine_forward"))
    wrong = np.any(before != after, axis=(0, 3))
    assert wrong[0].all() and wrong[-1].all() and wrong[:, 0].all() and wrong[:, -1].all()
    assert not wrong[1:-1, 1:-1].any()


def test_an_identity_in_front_of_another_activation_is_none() -> None:
    assert "`idempotent(f)` does not hold" in refusal("silu", "deepen")
    ((before,), (after,)) = both(forced("silu", "deepen"))
    assert np.abs(before - after).max() > 0.25


COVERS = (
    ("merge_parallel", "add { | conv 1x3, 5 | conv 3x1, 5 }"),
    ("merge_parallel",
     "add { | conv(2x2, 5, pad=[0, 1, 0, 1]) | conv(1x1, 5, pad=[1, -1, 0, 0]) }"),
    ("merge_parallel", "add { | conv(2x2, 5, pad=1, dilation=2) | conv 1x1, 5 }"),
    ("merge_parallel_depthwise", "add { | dwconv(3x3, dilation=2) | dwconv 3x3 }"),
    ("absorb_depthwise", "add { | conv 3x3, 4 | dwconv 5x5 }"),
    ("absorb_identity", "residual { conv(3x3, 4, pad=[-1, 3, 1, 1]) }"),
    ("absorb_identity", "residual { conv(2x2, 4, pad=1, dilation=2) }"),
    ("absorb_identity_depthwise", "residual { dwconv(1x1, pad=[1, -1, 0, 0]) }"),
    ("absorb_avgpool", "add { | conv 1x1, 4 | avgpool 3x3, pad=1 }"),
)  # fmt: skip


@pytest.mark.parametrize(("name", "body"), COVERS)
def test_kernels_fit_where_all_their_taps_are(name: str, body: str) -> None:
    assert "covers(" in refusal(body, name)


@pytest.mark.parametrize(("size", "fits"), [("9x9", True), ("8x8", False)])
def test_padding_of_tensorflow_is_aligned_on_odd_sizes_alone(size: str, fits: bool) -> None:
    body = "add { | conv 3x3/2, 5, same | conv 1x1/2, 5, same }"
    if not fits:
        assert "covers(" in refusal(body, "merge_parallel", size)
        return
    result = compiled(body, "merge_parallel", size=size)
    assert result.derivation is not None and agree(result.derivation)


REFUSED = (
    ("fold_bn", "y: conv(3x3, 4, bias=true); z: bn; add(y, z)", "needs the value of `y` too"),
    ("fold_bn", "y: conv(3x3, 4, bias=true); output y; bn; output z", "is an output"),
    ("fold_bn", "y: conv(3x3, 4, bias=true); bn; relu; share y; bn", "weights"),
    ("fold_bn", "conv 3x3, 4; relu; bn", "no `bn` stands beside"),
    ("fold_affine", "conv 3x3, 4; dwconv 1x1/2", "the stride is 2, the rule means 1"),
    ("fold_affine", "conv 3x3, 4; dwconv 1x1, 2", "`multiplier` is 2, the rule means 1"),
    ("fold_affine", "conv 3x3, 4; dwconv 1x1, pad=1", "`pad` is 1, the rule says 0"),
    ("fold_affine_forward_transposed", "dwconv 1x1; deconv 3x3/2, 4", "`bias` is true"),
    ("fold_affine_forward_transposed", "dwconv(1x1, bias=false, pad=1); deconv 3x3/2, 4", "`pad`"),
    ("merge_kxk_1x1", "conv 3x3, 6; conv 1x1, 5, pad=1", "`pad` is 1, the rule says 0"),
    ("merge_kxk_1x1", "conv 3x3, 6; conv 1x1/2, 5", "the stride is 2, the rule means 1"),
    ("merge_kxk_1x1", "conv 3x3, 6; relu; conv 1x1, 5", "no `conv` stands beside"),
    ("merge_kxk_1x1", "conv(3x3, 6, groups=2); conv 1x1, 5", "`groups` is 1, the rule says 2"),
    ("merge_1x1_kxk", "conv(1x1, 6, pad=1, bias=false); conv 3x3, 5", "`pad` is 1"),
    ("merge_1x1_kxk", "conv(1x1/2, 6, bias=false); conv 3x3, 5", "the stride is 2"),
    ("merge_kxk_kxk", "conv(3x3, 6, bias=false); conv 3x3, 5", "`pad` is 1, the rule says 0"),
    ("merge_kxk_kxk", "conv 3x3, 6; conv(3x3, 5, valid, dilation=2)", "`dilation`"),
    ("merge_depthwise", "dwconv 3x3; dwconv 3x3", "`pad` is 1, the rule says 0"),
    ("conv_then_avgpool", "conv 3x3, 6; avgpool 3x3, pad=1", "`pad` is 1, the rule says 0"),
    ("conv_then_avgpool", "conv 3x3, 6; avgpool 2x2/2, ceil", "`rounding` is ceil"),
    ("merge_parallel", "add { | conv 3x3, 4 | relu; conv 3x3, 4 }", "no `conv` stands beside"),
    ("merge_parallel", "add { | conv 3x3, 4 | conv(3x3, 4, groups=2) }", "`groups`"),
    ("merge_parallel_transposed", "add { | deconv 3x3, 4, pad=1 | deconv 1x1, 4 }", "`window`"),
    ("absorb_identity", "x: relu; y: conv 3x3, 4; add(y, x, y)", "added twice"),
    ("drop_bias_before_bn", "conv(3x3, 4, bias=false); bn", "`bias` is false"),
    ("drop_bias_before_bn", "local 3x3, 4; bn", ""),
    ("enlarge", "input H×W×4; conv 3x3/2, 5, same", "`located(y)` does not hold"),
    ("merge_parallel", "input H×W×4; add { | conv 3x3/2, 5, same | conv 1x1/2, 5 }", "covers"),
    ("decouple_exact", "conv 1x1, 5", "`h*w > 1` does not hold"),
    ("deepen_fc", "relu", "vector"),
)  # fmt: skip


@pytest.mark.parametrize(("name", "body", "reason"), REFUSED)
def test_what_is_not_the_left_side(name: str, body: str, reason: str) -> None:
    assert reason in refusal(body, name)


# ----------------------------------------------------------------------- sums, sets, round trips


def test_further_terms_of_a_sum_stay() -> None:
    body = "y: add { | conv 3x3/2, 4 | maxpool 3x3/2, pad=1 | conv 1x1/2, 4 | avgpool 1x1/2 }; relu"
    result = compiled(body, "merge_branches")
    assert result.derivation is not None
    assert words(result.module) == ["conv", "maxpool", "add", "relu"]
    assert dict(result.module.main.labels)["y"] == result.module.main.nodes[2].outputs[0].name
    assert agree(result.derivation)


def test_the_map_itself_may_be_added_again_and_again() -> None:
    result = compiled("x: relu; y: conv 3x3, 4; add(x, y, x, x)", "absorb_identity")
    assert result.derivation is not None
    assert words(result.module) == ["relu", "conv"]
    assert agree(result.derivation)


def test_a_norm_in_front_of_a_layer() -> None:
    body = "bn; conv 3x3, 6, valid; relu; bn; dwconv 3x3, valid; relu; bn; conv 3x3, 4"
    forward = "fold_affine_forward", "fold_affine_forward_depthwise"
    result = compiled(body, "bn_as_affine", *forward)
    assert result.derivation is not None
    expected = ["conv", "relu", "dwconv", "relu", "dwconv", "conv"]
    assert words(result.module) == expected  # the last one is padded
    assert agree(result.derivation)


def test_taps_taken_apart_come_together_again() -> None:
    result = compiled("conv(3x2/2, 6, pad=[1, 0, 2, 1])", "decouple_exact", "merge_separable")
    assert result.derivation is not None
    weights = whole_numbers(result.derivation.start)
    ((_, before),) = weights.items()
    ((_, after),) = carry(result.derivation, weights).weights.items()
    assert before.keys() == after.keys()
    assert all(np.array_equal(before[role], after[role]) for role in before)


# ----------------------------------------------------------------------- published blocks

BLOCKS = {
    "RepVGG": ("add { | conv 3x3, 4, bn | conv 1x1, 4, bn | bn }; relu", "conv 3x3, 4; relu"),
    "RepVGG, grouped": (
        "add { | conv 3x3/2, 6, groups=2, bn | conv 1x1/2, 6, groups=2, bn }",
        "conv 3x3/2, 6, groups=2",
    ),
    "ACNet": ("add { | conv 3x3, 6, bn | conv 1x3, 6, bn | conv 3x1, 6, bn }", "conv 3x3, 6"),
    "ACNet, strided": (
        "add { | conv 5x5/2, 6, bn | conv 1x5/2, 6, bn | conv 5x1/2, 6, bn }",
        "conv 5x5/2, 6",
    ),
    "MobileOne": (
        "add { | dwconv 3x3, bn | dwconv 3x3, bn | dwconv 3x3, bn | dwconv 1x1, bn | bn }; relu",
        "dwconv 3x3; relu",
    ),
    "RepLKNet": ("add { | dwconv 13x13, bn | dwconv 5x5, bn }; relu", "dwconv 13x13; relu"),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("block", BLOCKS)
def test_blocks_of_many_branches_become_one_layer(block: str, size: str) -> None:
    trained, deployed = BLOCKS[block]
    result = compiled(trained, "merge_branches", size=size)
    assert result.derivation is not None
    assert layers(result.module) == layers(compiled(deployed, size=size).module)
    assert agree(result.derivation)


def layers(module: Module) -> list[object]:
    return [node.op for node in flatten(module).nodes]


def test_a_norm_alone_is_an_affine_branch() -> None:
    rules = "fold_bn", "bn_as_affine", "merge_parallel", "absorb_depthwise"
    result = compiled(BLOCKS["RepVGG"][0], *rules)
    assert result.derivation is not None
    assert layers(result.module) == layers(compiled(BLOCKS["RepVGG"][1]).module)
    assert agree(result.derivation)


def test_asymmetric_convolutions_merge_at_once() -> None:
    result = compiled(BLOCKS["ACNet"][0], "fold_bn", "merge_acb")
    assert result.derivation is not None
    assert [step.sites for step in result.derivation.steps] == [3, 1]
    assert layers(result.module) == layers(compiled("conv 3x3, 6").module)
    assert agree(result.derivation)


@pytest.mark.parametrize("size", SIZES)
def test_a_diverse_branch_block(size: str) -> None:
    """Its authors pad with what the norm makes of zero: the norm stands behind the padding."""
    text = f"""
    let merge = [fold_bn, conv_then_avgpool, merge_kxk_kxk, merge_parallel]
    model net {{
      input {size}x4
      add {{
        | conv 1x1, 6, bn
        | conv 3x3, 6, bn
        | conv 1x1, 5, pad=1, bn; conv 3x3, 6, valid, bn
        | conv 1x1, 6, pad=1, bn; avgpool 3x3; bn
      }}
    }}
    """
    result = compile_model(Source("net.cnn", text), rewrite=("merge",))
    assert result.derivation is not None
    assert layers(result.module) == layers(compiled("conv 3x3, 6", size=size).module)
    assert agree(result.derivation)


def test_an_expanded_network() -> None:
    body = "conv 1x1, 8, bias=false; conv 3x3/2, 8; conv 1x1, 5; relu"
    result = compiled(body, "merge_1x1_kxk", "merge_kxk_1x1")
    assert result.derivation is not None
    assert layers(result.module) == layers(compiled("conv 3x3/2, 5; relu").module)
    assert agree(result.derivation)


SPECS = (
    ("convnext.cnn:convnext_tiny", ("layerscale_as_affine", "fold_affine"), "layerscale"),
    ("inception_resnet_v2.cnn", ("fold_norms", "fold_times"), "times"),
    ("mobilenet_v2.cnn", ("fold_norms",), "bn"),
)  # fmt: skip


@pytest.mark.parametrize(("spec", "rules", "gone"), SPECS)
def test_networks_are_rid_of_what_is_linear(spec: str, rules: tuple[str, ...], gone: str) -> None:
    assert gone in words(compile_model(spec).module)
    assert gone not in words(compile_model(spec, rewrite=rules).module)


def test_repvgg_a0_is_deployed() -> None:
    """Published: 9.11M parameters in training and 8.31M deployed (8,309,384 in one model zoo).

    By hand, deployed: 9 · c · n + n for each 3x3, and the classifier.
    """
    spec, size = "repvgg.cnn:repvgg_a0", "64x64x3"
    result = compile_model(spec, input=size, rewrite=("merge_branches",))
    derivation = result.derivation
    assert derivation is not None
    widths = [3, 48, *[48] * 2, *[96] * 4, *[192] * 14, 1280]
    pairs = list(pairwise(widths))
    convolutions = sum(9 * c * n + n for c, n in pairs)
    assert result.cost.params == convolutions + 1281 * 1000 == 8_309_384
    assert compile_model(spec).cost.params == 9_108_968
    assert layers(result.module) == layers(compile_model(f"{spec}_deployed", input=size).module)
    assert words(result.module)[:-3] == ["conv", "relu"] * len(pairs)

    weights = doubles(derivation.start)
    carried = carry(derivation, weights)
    rng = np.random.default_rng(0)
    inputs = {value.name: rng.normal(size=(1, 64, 64, 3)) for value in derivation.start.main.inputs}
    before, after = (
        values(module, arrays, inputs)
        for module, arrays in ((derivation.start, weights), (result.module, carried.weights))
    )
    assert np.abs(before["fc1"]).max() > 0.1
    assert np.abs(before["fc1"] - after["fc1"]).max() < 1e-9


def test_a_block_of_repvgg_is_what_torch_computes() -> None:
    """The branches in PyTorch, one convolution of the carried kernel beside them."""
    torch = pytest.importorskip("torch")
    from torch.nn import functional

    result = compiled(BLOCKS["RepVGG"][0].removesuffix("; relu"), "merge_branches")
    assert result.derivation is not None
    weights = doubles(result.derivation.start)
    ((_, kept),) = carry(result.derivation, weights).weights.items()
    named = {
        path[-1]: {role: torch.tensor(x) for role, x in arrays.items()}
        for path, arrays in [*weights.items(), (("one",), kept)]
    }
    x = torch.randn(2, 4, 9, 8, dtype=torch.float64)

    def convolved(layer: str) -> Any:
        kernel = named[layer]["kernel"].permute(3, 2, 0, 1)
        return functional.conv2d(x, kernel, named[layer].get("bias"), padding="same")

    def normed(layer: str, y: Any) -> Any:
        roles = named[layer]
        statistics = roles["mean"], roles["variance"], roles["scale"], roles["shift"]
        return functional.batch_norm(y, *statistics, eps=1e-5)

    trained = normed("bn1", convolved("conv1")) + normed("bn2", convolved("conv2"))
    assert torch.allclose(trained + normed("bn3", x), convolved("one"), rtol=0, atol=1e-12)
