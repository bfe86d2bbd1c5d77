"""Operators moved, joined, dropped and said otherwise: siblings, swaps, borders, squares, heads.

Weights and maps are whole numbers or fractions, and both networks compute the same ones.
Conditions are tested twice, that they refuse, and that what they refuse would be wrong.
"""

from __future__ import annotations

import random
from fractions import Fraction
from math import prod
from operator import le

import numpy as np
import pytest
from hypothesis import given

from cnndsl.driver import compile_model
from cnndsl.passes.cost import cost
from cnndsl.passes.flatten import flatten
from cnndsl.rewrite.carry import carry
from cnndsl.rewrite.catalogue import catalogue
from cnndsl.rewrite.engine import Derivation, apply_all
from cnndsl.source import Source
from cnndsl.verify.module_weights import check, draw
from tests.properties.compiled import compiled as network_of
from tests.properties.effort import examples
from tests.properties.strategies import Program, programs
from tests.support.rewriting import (
    agree,
    both,
    compiled,
    derived,
    forced,
    outputs,
    refusal,
    rules,
    whole_numbers,
    words,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cnndsl.graph import Module
    from cnndsl.rewrite.carry import Weights

SIZES = "9x8", "8x11"
"""Odd and even, higher and wider."""
SQUARES = "input 12x18x3; "
"""A map of squares of 2 × 2 and 3 × 3."""
WIDE = "input 6x7x12; "

# ----------------------------------------------------------------------- every rule

RULES = (
    ("fuse_siblings",
     "concat { | conv(3x2/2, 5, pad=[2, 0, 1, 1]) | conv(3x2/2, 2, pad=[2, 0, 1, 1]) }",
     "conv split concat"),
    ("fuse_siblings",
     "y: conv(3x3, 5, dilation=2, bias=false); from x; conv(3x3, 4, dilation=2, bias=false); "
     "output z; output y", "conv split"),
    ("fuse_siblings_bn", "concat { | conv 3x3, 5, bn(eps=1e-3) | conv 3x3, 2, bn(eps=1e-3) }",
     "conv bn split concat"),
    ("fuse_siblings_bn",
     "concat { | conv 1x1/2, 5, bn(scale=false) | conv 1x1/2, 2, bn(scale=false) }",
     "conv bn split concat"),
    ("hoist_over_split", "a, b: split [1, 3]; from a { c: relu }; from b { d: relu }; concat(d, c)",
     "relu split concat"),
    ("hoist_over_split",
     "a, b, c, d: split 4; from a { e: maxpool 3x3/2 }; from b { f: maxpool 3x3/2 }; from c { "
     "g: maxpool 3x3/2 }; from d { h: maxpool 3x3/2 }; concat(h, e, f, g)", "maxpool split concat"),
    ("hoist_over_concat", "concat { | conv 1x1, 3; relu6 | conv 3x3, 2; relu6 | relu6 }",
     "conv conv concat relu6"),
    ("hoist_over_concat",
     "concat { | relu; avgpool 3x3/2, pad=1 | conv 3x3, 2; avgpool 3x3/2, pad=1 }",
     "relu conv concat avgpool"),
    ("sink_into_concat", "concat { | relu | conv 3x3, 2 }; maxpool 3x2/2",
     "relu conv maxpool maxpool concat"),
    ("conv_over_concat", "concat { | relu | conv 3x3, 3 }; conv 3x2/2, 5",
     "relu conv conv conv add"),
    ("conv_over_concat", "concat { | relu | conv 3x3, 3 }; conv(3x3, 5, dilation=2, bias=false)",
     "relu conv conv conv add"),
    ("concat_under_conv", "add { | conv 3x3/2, 5 | abs; conv(3x3/2, 5, bias=false) }",
     "abs concat conv"),
    ("concat_under_conv", "add { | conv 3x3, 5 | abs; conv 3x3, 5 | conv 1x1, 5 }",
     "abs concat conv conv add"),
    ("group_split", "conv(3x2/2, 6, groups=2)", "split conv conv concat"),
    ("group_split", "input 7x8x6; conv(3x3, 9, groups=3, dilation=2, bias=false)",
     "split conv conv concat"),
    ("group_join",
     "a, b: split [1, 3]; from a { c: conv 3x3/2, 2 }; from b { d: conv(3x3/2, 6, groups=3) "
     "}; concat(c, d)", "conv"),
    ("densify", "conv(3x2/2, 6, groups=2)", "conv"),
    ("densify", "conv(3x3, 8, groups=4, bias=false)", "conv"),
    ("swap_pointwise_avgpool", "conv 1x1, 6; avgpool 2x3/2", "avgpool conv"),
    ("swap_pointwise_avgpool",
     "conv(1x1, 6, groups=2); avgpool(3x3/2, pad=1, count_include_pad=false)", "avgpool conv"),
    ("swap_pointwise_avgpool", "conv(1x1, 6, bias=false); avgpool(3x3/2, pad=1, ceil)",
     "avgpool conv"),
    ("swap_avgpool_pointwise", "avgpool 2x3/2, ceil; conv(1x1, 6, groups=2)", "conv avgpool"),
    ("swap_avgpool_pointwise", "avgpool(3x3, pad=1); conv(1x1, 6, bias=false)", "conv avgpool"),
    ("swap_pointwise_upsample", "upsample 2x3; conv 1x1, 3", "conv upsample"),
    ("swap_pointwise_upsample", "upsample(2, bilinear); conv(1x1, 6, groups=2)", "conv upsample"),
    ("swap_pointwise_upsample",
     "upsample(size=13x17, mode=bicubic, align_corners=true); conv 1x1, 3", "conv upsample"),
    ("hoist_stride", "conv(3x2, 5, pad=[1, 0, 2, 1]); conv 1x1/2x3, 3", "conv conv"),
    ("hoist_stride", "conv(3x3/2, 6, same, groups=2, bias=false); conv 1x1/2, 3", "conv conv"),
    ("hoist_stride_act", "conv(3x3, 5, same); leakyrelu 0.25; conv(1x1/2, 3)",
     "conv leakyrelu conv"),
    ("hoist_stride_act", "conv(3x3, 6, dilation=2); relu; conv(1x1/3, 4, groups=2)",
     "conv relu conv"),
    ("stride_into_previous", "conv(3x3/1x2, 5, groups=1); maxpool 1x1/2", "conv"),
    ("stride_into_next", "maxpool 1x1/2x1; conv(1x1/2, 6, groups=2)", "conv"),
    ("swap_maxpool_act", "relu; maxpool 3x3/2, pad=1, ceil", "maxpool relu"),
    ("swap_maxpool_act", "leakyrelu 0.25; maxpool(2x2, dilation=2)", "maxpool leakyrelu"),
    ("stem_space_to_depth", SQUARES + "conv(7x7/2, 4)", "space_to_depth conv"),
    ("stem_space_to_depth", SQUARES + "conv(3x5/3, 4, pad=[2, 0, 1, 4], bias=false)",
     "space_to_depth conv"),
    ("stem_space_to_depth", SQUARES + "conv(3x3/2, 4, same)", "space_to_depth conv"),
    ("patchify", SQUARES + "conv(3x3/3, 4, valid)", "space_to_depth conv"),
    ("absorb_space_to_depth", SQUARES + "space_to_depth 3; conv(2x1/2, 4, pad=[1, 0, 0, 2])",
     "conv"),
    ("absorb_space_to_depth", SQUARES + "space_to_depth 2, dcr; conv(3x3, 4, bias=false)", "conv"),
    ("depthwise_as_grouped", "dwconv(3x2/2, 3, dilation=2)", "conv"),
    ("grouped_as_depthwise", "conv(3x2/2, 8, groups=4, bias=false)", "dwconv"),
    ("drop_dropout", "conv 3x3, 3; dropout; relu", "conv relu"),
    ("drop_droppath", "residual { conv 3x3, 4; droppath 20% }", "conv add"),
    ("drop_dead",
     "conv 3x3, 3; y: relu; from x { conv 1x1, 2; globalavgpool; fc 2; output aux, training }",
     "conv relu"),
    ("pad_into_conv", "pad [1, 0, 0, 2]; conv(3x3/2, 6, pad=[0, 1, 1, 1], groups=2)", "conv"),
    ("pad_into_conv", "pad 2; conv(2x3, 5, valid, dilation=2)", "conv"),
    ("pad_into_dwconv", "pad [0, 1, 0, 1]; dwconv(3x3/2, 2, valid)", "dwconv"),
    ("pad_into_avgpool", "pad [0, 1, 0, 1]; avgpool(3x3/2, pad=1)", "avgpool"),
    ("pad_into_avgpool", "pad [2, 1, 0, 3]; avgpool(2x3, count_include_pad=false)", "avgpool"),
    ("pad_into_maxpool", "relu; pad [0, 1, 0, 1]; maxpool 3x3/2", "relu maxpool"),
    ("pad_into_maxpool", "relu6; pad 1, value=-2; maxpool(4x4/2, pad=1)", "relu6 maxpool"),
    ("drop_idle", "relu; maxpool 3x3, pad=1; relu", "relu maxpool"),
    ("drop_idle", "relu6; avgpool 3x3, pad=1; relu6; abs; leakyrelu", "relu6 avgpool"),
    ("drop_idle", "concat { | hsigmoid | relu6; times -1; abs }; relu6",
     "hsigmoid relu6 times abs concat"),
    ("drop_idle",
     "maxpool 1x1; avgpool 1x1; times 1; pad 0; crop 0; shuffle 4; upsample 1; pad_channels "
     "4; relu", "relu"),
    ("relu_before_relu6", "relu; relu6", "relu6"),
    ("pool_of_one", "input 1x1x5; globalavgpool; fc 3", "flatten fc"),
    ("flatten_merges",
     "concat { | concat { | relu | abs } | abs | concat { | conv 1x1, 2 | relu6 } }",
     "relu abs abs conv relu6 concat"),
    ("flatten_merges", "add { | add { | relu | abs } | add { | relu6 | conv 1x1, 4 } }",
     "relu abs relu6 conv add"),
    ("flatten_merges", "a, b: split [1, 3]; from b; c, d: split [2, 1]; concat(d, a, c)",
     "split concat"),
    ("flatten_merges", "y: relu; a, b: split [1, 3]; concat(y, a, b, y)", "relu concat"),
    ("flatten_merges", "a, b: split [1, 3]; concat(a, b); relu", "relu"),
    ("flatten_merges", "concat { | conv 1x1, 2 | abs }; a, b: split [2, 4]; concat(b, a)",
     "conv abs concat"),
    ("cse", "concat { | relu; maxpool 3x3, pad=1 | relu; maxpool 3x3, pad=1 | relu6 }",
     "relu maxpool relu6 concat"),
    ("cse", "y: conv 3x3, 3; from x; z: share y; concat(y, z)", "conv concat"),
    ("cse", "y: relu; from x; z: abs; a: add(y, z); b: add(z, y); concat(a, b)",
     "relu abs add concat"),
    ("cancel_space_to_depth", SQUARES + "space_to_depth 3; depth_to_space 3; relu", "relu"),
    ("cancel_depth_to_space", WIDE + "depth_to_space 2, dcr; space_to_depth 2, dcr; relu", "relu"),
    ("cancel_shuffle", WIDE + "shuffle 3; shuffle 4; relu", "relu"),
    ("cancel_pad", "pad [1, 0, 2, 3], value=5; crop [1, 0, 2, 3]; relu", "relu"),
    ("shuffle_into_next", WIDE + "shuffle 3; conv(3x2/2, 5)", "conv"),
    ("shuffle_into_previous", "conv(3x2/2, 6, bias=false); shuffle 2", "conv"),
    ("absorb_norm", "add { | conv(3x3, 4, groups=2) | bn | conv 1x1, 4 }", "conv conv add"),
    ("absorb_norm_depthwise", "add { | bn(scale=false) | dwconv(3x2, pad=[1, 1, 1, 0]) }",
     "dwconv"),
    ("swap_conv_gap", "conv 1x1, 6; globalavgpool", "globalavgpool fc"),
    ("swap_gap_fc", "globalavgpool; fc(3, bias=false)", "conv globalavgpool"),
    ("fc_as_pointwise", "globalavgpool; fc 3", "globalavgpool conv flatten"),
    ("fc_as_pointwise", "input 1x1x6; fc(3, bias=false)", "conv flatten"),
    ("pointwise_as_fc", "input 6; conv 1x1, 4; flatten", "fc"),
    ("pointwise_as_fc", "input 1x1x6; conv(1x1, 4, bias=false); flatten chw", "fc"),
    ("fc_as_conv", "flatten; fc 3", "conv flatten"),
    ("fc_as_conv", "flatten chw; fc(3, bias=false)", "conv flatten"),
    ("conv_as_fc", "input 3x5x2; conv(3x5, 4, valid); flatten chw", "flatten fc"),
)  # fmt: skip


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("rule", "body", "expected"), RULES, ids=lambda x: x.split(" ")[0])
def test_a_rule_keeps_every_number(rule: str, body: str, expected: str, size: str) -> None:
    derivation = derived(body if "input" in body else f"x: input {size}x4; {body}", rule)
    assert words(derivation.module) == expected.split()
    assert agree(derivation)


@pytest.mark.parametrize(("rule", "body", "expected"), RULES, ids=lambda x: x.split(" ")[0])
def test_fractions_are_moved_as_they_are(rule: str, body: str, expected: str) -> None:
    derivation = derived(body if "input" in body else f"x: input 9x8x4; {body}", rule)
    assert agree(derivation, sevenths(derivation.start))


def sevenths(module: Module) -> Weights:
    """Weights that are no whole numbers, save the statistics, whose roots must be rational."""
    return {
        path: {
            role: x if role in ("mean", "variance") else x.astype(object) * Fraction(1, 7)
            for role, x in arrays.items()
        }
        for path, arrays in whole_numbers(module).items()
    }


SCALED = (
    ("migrate_scale", "layerscale; relu; conv(3x3/2, 6, groups=2)", "relu conv"),
    ("migrate_scale", "layerscale; leakyrelu 0.25; conv(3x3, 5, bias=false)", "leakyrelu conv"),
    ("drop_bn_scale", "bn; relu; conv(3x3/2, 6, groups=2)", "bn relu conv"),
    ("drop_bn_scale", "bn(shift=false); abs; conv(1x1, 5)", "bn abs conv"),
)  # fmt: skip
"""Rules that move factors above zero."""


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("rule", "body", "expected"), SCALED)
def test_factors_above_zero_pass_through(rule: str, body: str, expected: str, size: str) -> None:
    derivation = derived(body, rule, size=size)
    assert words(derivation.module) == expected.split()
    assert agree(derivation, with_factors(derivation.start, abs))


@pytest.mark.parametrize("least", [-1, 0])
@pytest.mark.parametrize(("rule", "body", "expected"), SCALED)
def test_other_factors_are_not_carried(rule: str, body: str, expected: str, least: int) -> None:
    derivation = derived(body, rule)
    weights = with_factors(derivation.start, lambda scale: np.maximum(scale, least) * (scale < 3))
    with pytest.raises(Exception, match="not above zero") as caught:
        carry(derivation, weights)
    assert caught.value.diagnostics[0].code == "E1007"  # type: ignore[attr-defined]


def with_factors(module: Module, change: Any) -> Weights:
    return {
        path: {role: change(x) if role == "scale" else x for role, x in arrays.items()}
        for path, arrays in whole_numbers(module).items()
    }


def test_every_rule_has_a_case() -> None:
    chapters = [c for c in catalogue() if c.name in ("moving", "simplify", "heads")]
    shipped = {ref.rule.name.id for chapter in chapters for ref in chapter.rules}
    assert {rule for rule, *_ in (*RULES, *SCALED)} == shipped


# ----------------------------------------------------------------------- conditions

CONDITIONS = (
    ("sink_into_concat", "concat { | relu | conv 3x3, 2 }; softmax", "channelwise(f)"),
    ("group_join",
     "a, b: split 2; from a { c: conv 3x3, 2 }; from b { d: conv 3x3, 4 }; concat(c, d)",
     "m*h == n*g"),
    ("swap_pointwise_avgpool", "conv 1x1, 6; avgpool 3x3/2, pad=1", "counts_padding(y)"),
    ("swap_avgpool_pointwise", "avgpool 3x3, pad=1; conv 1x1, 6", "counts_padding(y)"),
    ("swap_maxpool_act", "abs; maxpool 3x3/2", "monotone(f)"),
    ("swap_maxpool_act", "relu; maxpool 2x2/2, pad=2", "meets_map(y)"),
    ("pad_into_avgpool", "pad 1; avgpool(3x3/2, pad=1, count_include_pad=false)", "unpadded(y)"),
    ("pad_into_maxpool", "pad [0, 1, 0, 1]; maxpool 3x3/2", "pads_below(border)"),
    ("pad_into_maxpool", "relu; pad [0, 1, 0, 1], value=1; maxpool 3x3/2", "pads_below(border)"),
    ("drop_idle", "relu; times -1; relu", "idle(y)"),
    ("drop_idle", "relu; times 2; relu6", "idle(y)"),
    ("cancel_shuffle", "input 6x7x12; shuffle 3; shuffle 3; relu", "g*h == in.channels"),
)  # fmt: skip


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("name", "body", "reason"), CONDITIONS)
def test_conditions_refuse_what_would_be_wrong(
    name: str, body: str, reason: str, size: str
) -> None:
    assert reason in refusal(body, name, size=size)
    derivation = forced(body, name, size)
    before, after = both(derivation)
    assert not all(map(np.array_equal, before, after))


def test_padding_that_counts_is_wrong_along_the_border_alone() -> None:
    ((before,), (after,)) = both(forced("conv 1x1, 6; avgpool 3x3, pad=1", CONDITIONS[2][0]))
    wrong = np.any(before != after, axis=(0, 3))
    assert wrong[0].all() and wrong[-1].all() and wrong[:, 0].all() and wrong[:, -1].all()
    assert not wrong[1:-1, 1:-1].any()


@pytest.mark.parametrize(("size", "shifted"), [("9x9", False), ("8x8", True)])
def test_a_stride_is_hoisted_with_the_padding_that_there_was(size: str, shifted: bool) -> None:
    """With the padding that `same` has at stride 2, every pixel of an even map would be wrong."""
    derivation = derived("conv 3x3, 5, same; conv 1x1/2, 3", "hoist_stride", size=size)
    assert agree(derivation)
    anew = compiled("conv 3x3/2, 5, same; conv 1x1, 3", size=size).module
    ops = [node.op for node in flatten(derivation.module).nodes]
    assert (ops != [node.op for node in flatten(anew).nodes]) == shifted


WIDE_OPEN = "input H×W×4; "

REFUSED = (
    ("fuse_siblings", "concat { | conv 3x3, 5 | conv 3x3, 2, pad=0; pad 1 }", "`pad`"),
    ("fuse_siblings", "concat { | conv 3x3, 5 | conv 1x1, 2 }", "`window`"),
    ("fuse_siblings", "concat { | conv 3x3, 4 | conv(3x3, 2, groups=2) }", "`groups`"),
    ("fuse_siblings", "concat { | conv 3x3, 4 | conv(3x3, 2, bias=false) }", "`bias`"),
    ("fuse_siblings", "concat { | conv 3x3, 4 | relu; conv 3x3, 2 }", "beside"),
    ("fuse_siblings", "y: conv 3x3, 4; from x; z: share y; concat(y, z)", "weights"),
    ("fuse_siblings",
     "y: conv 3x3, 4; from x { z: conv 3x3, 4 }; from z; share y; add(y, z); output u; output "
     "z", "weights"),
    ("fuse_siblings", "concat { | conv 3x3, 4, bn | conv 3x3, 2, bn }", "claimed(a)"),
    ("fuse_siblings", "concat { | conv 3x3, 4, times(0.5) | conv 3x3, 2 }", "claimed(a)"),
    ("fuse_siblings",
     "concat { | conv 3x3, 4; relu; conv 1x1/2, 4 | conv 3x3, 4; maxpool(1x1/2, pad=0) }",
     "claimed(a)"),
    ("fuse_siblings", "add { | conv 3x3, 4 | conv 3x3, 4 }", "summed(a, c)"),
    ("fuse_siblings_bn", "concat { | conv 3x3, 4, bn | conv 3x3, 2, bn(eps=1e-3) }", "`eps`"),
    ("fuse_siblings_bn",
     "y: conv 3x3, 4, bias=false; bn; z: relu; from x { u: conv 3x3, 2, bn }; conv 1x1, 2; "
     "concat(u, y)", "needs the value"),
    ("hoist_over_split", "a, b: split 2; from a { c: relu }; from b { d: relu6 }; concat(d, c)",
     ""),
    ("hoist_over_split", "a, b: split 2; from a { c: relu }; concat(b, c)", ""),
    ("hoist_over_split", "a, b: split 2; from a { c: relu }; from b { d: relu }; concat(d, c, b)",
     ""),
    ("hoist_over_split",
     "a, b: split 2; from a { c: softmax }; from b { d: softmax }; concat(d, c)", ""),
    ("hoist_over_concat", "concat { | conv 1x1, 2; relu | conv 1x1, 2; relu6 }", ""),
    ("hoist_over_concat", "y: relu; from x { z: relu }; concat(y, z, y)", ""),
    ("hoist_over_concat",
     "y: conv 1x1, 2; a: relu; from x; conv 1x1, 2; b: relu; concat(a, b); output z; output a", ""),
    ("hoist_over_concat", "concat { | upsample size=9x9 | conv 3x3/2, 3; upsample size=9x9 }", ""),
    ("flatten_merges", "y: concat { | relu | abs }; z: concat(y, x); output y; output z", ""),
    ("flatten_merges", "y: add { | relu | abs }; z: abs; concat(y, z)", ""),
    ("flatten_merges", "a, b: split [1, 3]; concat(b, a)", ""),
    ("flatten_merges", "a, b: split [1, 3]; concat(x, a, b, a)", ""),
    ("flatten_merges", "concat { | conv 1x1, 3 | abs }; a, b: split [2, 5]; concat(b, a)", ""),
    ("cse", "concat { | conv 3x3, 3 | conv 3x3, 3 }", ""),
    ("cse", "concat { | dropout | dropout }", ""),
    ("cse", "y: relu; z: abs; concat(y, z)", ""),
    ("conv_over_concat", "concat { | relu | abs | relu6 }; conv 3x3, 4", "joins 3 values"),
    ("conv_over_concat", "concat { | relu | abs }; conv(3x3, 4, groups=2)", "`groups`"),
    ("concat_under_conv", "add { | conv 3x3, 4 | abs; conv 1x1, 4 }", "`window`"),
    ("group_join",
     "input 7x8x6; a, b, r: split 3; from a { y: conv 3x3, 3 }; from b { z: conv 3x3, 3 }; "
     "concat(y, z)", "gives 3 values, the rule means 2"),
    ("hoist_stride", "conv 3x3, 5; conv 1x1/2, 3, pad=1", "`pad`"),
    ("hoist_stride", "conv 3x3, 5; conv 3x3/2, 3", "the window"),
    ("hoist_stride", "y: conv 3x3, 5; z: conv 1x1/2, 3; output y; output z", "is an output"),
    ("hoist_stride", WIDE_OPEN + "conv 3x3/2, 5, same; conv 1x1/2, 3", "located(y)"),
    ("stride_into_next", "maxpool 1x1/2; conv 3x3, 4", "the window"),
    ("swap_pointwise_avgpool", "conv 1x1, 5, pad=1; avgpool 2x2/2", "`pad`"),
    ("swap_pointwise_avgpool", "conv 3x3, 5; avgpool 2x2/2", "the window"),
    ("swap_pointwise_avgpool", "conv 1x1, 5; relu; avgpool 2x2/2", "beside"),
    ("swap_pointwise_avgpool", "conv 1x1, 5; avgpool(1x1)", "smaller(y, x)"),
    ("swap_pointwise_upsample", "upsample size=4x4; conv 1x1, 5", "smaller(x, y)"),
    ("patchify", "input 9x8x3; conv 2x2/2, 5, valid", "cannot divide"),
    ("patchify", "conv 2x2, 5, valid", "the stride"),
    ("stem_space_to_depth", "input 9x8x3; conv 3x3/2, 5", "cannot divide"),
    ("stem_space_to_depth", "input 8x8x3; conv(3x3/2, 5, dilation=2)", "`dilation`"),
    ("migrate_scale", "layerscale; relu6; conv 3x3, 5", "homogeneous(f)"),
    ("drop_bn_scale", "bn; silu; conv 3x3, 5", "homogeneous(f)"),
    ("grouped_as_depthwise", "conv(3x3, 4, groups=2)", "g == in.channels"),
    ("pad_into_conv", "pad 1, value=1; conv 3x3, 5", "`value`"),
    ("pad_into_conv", "y: pad 1; z: conv 3x3, 5; add(y, y); output u; output z", "needs the value"),
    ("pad_into_maxpool", "relu; pad 2; maxpool 3x3, pad=1", "no padding"),
    ("pool_of_one", "input 2x1x4; globalavgpool; fc 3", "in.height == 1"),
    ("cancel_space_to_depth", "input 4x4x4; space_to_depth 2; depth_to_space 2, dcr; relu",
     "`order`"),
    ("cancel_pad", "pad 1; crop [1, 1, 0, 1]; relu", "`amount`"),
    ("shuffle_into_next", "shuffle 2; conv(3x3, 4, groups=2)", "`groups`"),
    ("shuffle_into_previous", "conv(3x3, 4, groups=2); shuffle 2", "`groups`"),
    ("absorb_norm", "add { | conv(3x3, 4, pad=[-1, 3, 1, 1]) | bn }", "covers(y, x)"),
    ("swap_conv_gap", "conv 3x3, 4; globalavgpool", "the window"),
    ("swap_gap_fc", "globalavgpool; relu; fc 4", "beside"),
    ("fc_as_conv", "globalavgpool; fc 4", ""),
    ("fc_as_pointwise", "input 5x4; fc 3", "needs a map"),
    ("conv_as_fc", "input 4x5x2; conv(3x5, 4, valid); flatten", "y.height == 1"),
)  # fmt: skip


@pytest.mark.parametrize(("name", "body", "reason"), REFUSED)
def test_what_is_not_the_left_side(name: str, body: str, reason: str) -> None:
    text = body if "input" in body else f"x: input 9x8x4; {body}"
    assert reason in refusal(text, name)


# ----------------------------------------------------------------------- several at once


def inferred(module: Module, seed: int | None = None) -> Derivation:
    """The set `inference`, its rules in a random order where there is a seed."""
    chosen = rules("inference")
    if seed is not None:
        random.Random(seed).shuffle(chosen)
    return apply_all(Derivation(module), chosen).derivation


@pytest.mark.parametrize("order", range(4))
@pytest.mark.parametrize("size", SIZES)
def test_siblings_become_one_layer(size: str, order: int) -> None:
    """An Inception module: its reductions and its 1x1 are one convolution and one activation."""
    body = """
    concat {
      | conv 1x1, 4, bn, relu
      | conv 1x1, 3, bn, relu; conv 3x3, 4, bn, relu
      | conv 1x1, 2, bn, relu; conv 5x5, 2, bn, relu
      | maxpool 3x3, pad=1; conv 1x1, 2, bn, relu
    }
    """
    derivation = inferred(compiled(body, size=size).module, order)
    expected = ["conv", "relu", "split", *["conv", "relu"] * 2, "maxpool", "conv", "relu", "concat"]
    assert sorted(words(derivation.module)) == sorted(expected)
    assert agree(derivation)
    (split,) = (node.op for node in flatten(derivation.module).nodes if node.op.word == "split")  # type: ignore[union-attr]
    assert split.parts == (4, 3, 2)  # type: ignore[union-attr]


def test_siblings_that_are_joined_again_need_no_split() -> None:
    body = "concat { | conv 3x3/2, 4, relu | conv 3x3/2, 3, relu | conv 3x3/2, 2, relu }"
    derivation = derived(body, "inference")
    assert words(derivation.module) == ["conv", "relu"]
    assert agree(derivation)


def test_an_activation_of_one_part_stays_there() -> None:
    body = "concat { | conv 3x3, 4, relu | conv 3x3, 3, relu6 }"
    derivation = derived(body, "inference")
    assert words(derivation.module) == ["conv", "split", "relu", "relu6", "concat"]
    assert agree(derivation)


def test_rules_stay_at_their_places() -> None:
    text = """
    block pair { concat { | conv 3x3, 2, relu | conv 3x3, 2, relu } }
    model net { input 9x8x4; first: pair; second: pair; third: pair }
    """
    rewrite = ("inference at second..third",)
    derivation = compile_model(Source("net.cnn", text), rewrite=rewrite).derivation
    assert derivation is not None and agree(derivation)
    assert words(derivation.module).count("conv") == 2 + 1 + 1
    assert len(derivation.module.functions) == 3


def test_a_head_is_dropped_with_all_its_weights() -> None:
    text = """
    block head { conv 3x3, 2; globalavgpool; fc 2 }
    model net { x: input 9x8x4; y: conv 3x3, 3; from y { head; output aux, training }; relu }
    """
    result = compile_model(Source("net.cnn", text), rewrite=("drop_dead",))
    assert result.derivation is not None and agree(result.derivation)
    assert [graph.name for graph in result.module.functions] == ["net"]
    assert [output.training for output in result.module.main.outputs] == [False]
    check(result.module, carry(result.derivation, draw(result.derivation.start)).weights)


def test_weights_that_a_dead_head_lent_are_kept() -> None:
    body = """
    x: input 9x8x4
    from x { y: conv 3x3, 3; globalavgpool; output aux, training }
    abs
    share y
    """
    derivation = derived(body, "drop_dead")
    assert words(derivation.module) == ["abs", "conv"]
    assert agree(derivation)


def test_rules_for_open_sizes() -> None:
    body = WIDE_OPEN + "conv(1x1, 6, bias=false); avgpool 2x2/2; upsample 2; conv 1x1, 3"
    derivation = derived(body, "swap_pointwise_avgpool", "swap_pointwise_upsample")
    assert words(derivation.module) == ["avgpool", "conv", "conv", "upsample"]


@examples(25)
@given(programs())
def test_random_networks_give_the_same_in_inference(program: Program) -> None:
    """Nothing grows, nothing is left to do, and another order leaves as much."""
    module = network_of(program)
    derivation = inferred(module)
    assert apply_all(derivation, rules("inference")).derivation == derivation
    assert measure(inferred(module, 0).module) == measure(derivation.module)
    assert all(map(le, measure(derivation.module), measure(module)))
    for before, after in zip(*both(derivation), strict=True):
        exact = before.dtype != np.float64
        assert np.array_equal(before, after) if exact else np.allclose(before, after, 1e-9, 1e-9)


# ----------------------------------------------------------------------- whole networks

NETWORKS = {
    "googlenet": "64x64x3",
    "inception_v3": "299x299x3",
    "googlenet:googlenet_torchvision": "64x64x3",
    "inception_v3:inception_v3_keras": "75x75x3",
    "resnet:resnet50": "64x64x3",
    "mobilenet_v2": "64x64x3",
    "densenet:densenet121": "64x64x3",
    "repvgg:repvgg_a0": "64x64x3",
}


def network(spec: str) -> Module:
    return compile_model(spec, input=NETWORKS[spec]).module


@pytest.mark.parametrize("spec", NETWORKS)
def test_networks_give_the_same_in_inference(spec: str) -> None:
    derivation = inferred(network(spec))
    weights = {
        path: {role: np.float64(x) for role, x in arrays.items()}
        for path, arrays in draw(derivation.start).items()
    }
    carried = carry(derivation, weights)
    assert not carried.fresh
    check(derivation.module, carried.weights)
    image = np.random.default_rng(0).normal(size=(1, *derivation.start.main.inputs[0].type.shape))
    inputs = {value.name: image for value in derivation.start.main.inputs}
    (before,) = outputs(derivation.start, weights, inputs)
    (after,) = outputs(derivation.module, carried.weights, inputs)
    assert np.abs(before - after).max() < 1e-9 * np.abs(before).max()


@pytest.mark.parametrize("spec", NETWORKS)
def test_nothing_is_left_and_no_order_matters(spec: str) -> None:
    module = network(spec)
    derivation = inferred(module)
    assert apply_all(derivation, rules("inference")).derivation == derivation
    found = {measure(inferred(module, seed).module) for seed in range(3)}
    assert found == {measure(derivation.module)}
    assert all(map(le, measure(derivation.module), measure(module)))


def measure(module: Module) -> tuple[int, ...]:
    """Parameters, work and layers."""
    costs = cost(module, training=False)
    layers = [node for node in flatten(module).nodes if node.op.weighted]  # type: ignore[union-attr]
    return costs.params, costs.macs, len(layers)  # type: ignore[return-value]


def test_what_is_published_of_networks_without_norms() -> None:
    """RepVGG-A0 as it is deployed, table 4; VGG-16 as it was before batch norm."""
    deployed = compile_model("repvgg:repvgg_a0_deployed").module
    assert measure(inferred(compile_model("repvgg:repvgg_a0").module).module) == measure(deployed)
    plain = compile_model("vgg:vgg16").module
    assert measure(inferred(compile_model("vgg_bn:vgg16_bn").module).module) == measure(plain)


def test_transitions_of_a_densenet_pool_first() -> None:
    """Each transition, a 1x1 convolution before a mean of 2x2, does a quarter of the work."""
    module = compile_model("densenet:densenet121").module
    before, after = (measure(m)[1] for m in (module, inferred(module).module))
    transitions = ((56, 256, 128), (28, 512, 256), (14, 1024, 512))
    assert before - after == sum(size**2 * prod(c) * 3 // 4 for size, *c in transitions)
