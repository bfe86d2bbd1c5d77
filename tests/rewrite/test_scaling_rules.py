"""Wider, deeper, larger networks; channels that are doubled, dropped, pruned.

What the papers publish is the truth for `width`, `depth` and `resolution`. For what keeps the
function it is the network itself, computed in fractions where nothing rounds.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from cnndsl.backend import backend
from cnndsl.diagnostics import CnnError
from cnndsl.driver import compile_model
from cnndsl.graph import Module
from cnndsl.op import Op
from cnndsl.passes.cost import cost
from cnndsl.passes.flatten import flatten
from cnndsl.record import replace
from cnndsl.rewrite.carry import carry
from cnndsl.rewrite.engine import Derivation
from cnndsl.rewrite.error import errors
from cnndsl.rewrite.journal import undo
from cnndsl.rewrite.transforms.channels import Channels, Class
from cnndsl.source import Source
from cnndsl.verify.module_weights import check, draw
from tests.support.rewriting import (
    agree,
    compiled,
    derived,
    images,
    outputs,
    refusal,
    whole_numbers,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cnndsl.rewrite.carry import Weights


def model(name: str, *rules: str) -> Module:
    """A shipped model, `resnet:resnet50`, with rules applied."""
    return compile_model(f"specs/{name.replace(':', '.cnn:')}", rewrite=rules).module


def network(text: str, *rules: str) -> Derivation:
    derivation = compile_model(Source("net.cnn", text), rewrite=rules).derivation
    assert derivation is not None
    return derivation


def doubles(module: Module, seed: int = 0) -> Weights:
    drawn = draw(module, seed)
    return {p: {r: np.float64(x) for r, x in arrays.items()} for p, arrays in drawn.items()}


def totals(module: Module) -> tuple[Any, Any]:
    return cost(module).params, cost(module).macs


def operators(module: Module) -> list[tuple[Op, tuple[Any, ...]]]:
    """All operators with the types of their results, but for rates of dropout."""
    return [
        (
            replace(node.op, rate=0.0) if "rate" in type(node.op).fields else node.op,
            tuple(value.type for value in node.outputs),
        )
        for node in flatten(module).nodes
        if isinstance(node.op, Op) and node.op.word != "droppath"
    ]


# ----------------------------------------------------------------- published networks

PUBLISHED = [
    # Howard et al. 2017, Tables 6 and 7
    ("mobilenet:mobilenet_1_0", "mobilenet:mobilenet_0_75", ["width(0.75)"], 2_585_560),
    ("mobilenet:mobilenet_1_0", "mobilenet:mobilenet_0_5", ["width(0.5)"], 1_331_592),
    ("mobilenet:mobilenet_1_0", "mobilenet:mobilenet_0_25", ["width(0.25)"], 470_072),
    ("mobilenet:mobilenet_1_0", "mobilenet:mobilenet_1_0_192", ["resolution(192)"], 4_231_976),
    ("mobilenet:mobilenet_1_0", "mobilenet:mobilenet_1_0_160", ["resolution(160)"], 4_231_976),
    ("mobilenet:mobilenet_1_0", "mobilenet:mobilenet_1_0_128", ["resolution(128)"], 4_231_976),
    # Sandler et al. 2018; the last convolution is no narrower for factors below 1
    ("mobilenet_v2:mobilenet_v2", "mobilenet_v2:mobilenet_v2_1_4", ["width(1.4)"], 6_108_776),
    ("mobilenet_v2:mobilenet_v2", "mobilenet_v2:mobilenet_v2_0_75",
     ["width(0.75) at conv1..inverted17"], 2_636_424),
    ("mobilenet_v2:mobilenet_v2", "mobilenet_v2:mobilenet_v2_0_5",
     ["width(0.5) at conv1..inverted17"], 1_968_680),
    ("mobilenet_v2:mobilenet_v2", "mobilenet_v2:mobilenet_v2_0_35",
     ["width(0.35) at conv1..inverted17"], 1_677_128),
    # Ma et al. 2018: the stem and the last convolution stay
    ("shufflenet_v2:shufflenet_v2_x1_0", "shufflenet_v2:shufflenet_v2_x1_5",
     ["width(1.5) at stage2..stage4"], 3_503_624),
    # Tan and Le 2019, in either order, and with the paddings of TensorFlow
    ("efficientnet:efficientnet_b0", "efficientnet:efficientnet_b1", ["compound_b1"], 7_794_184),
    ("efficientnet:efficientnet_b0", "efficientnet:efficientnet_b2", ["compound_b2"], 9_109_994),
    ("efficientnet:efficientnet_b0", "efficientnet:efficientnet_b3", ["compound_b3"], 12_233_232),
    ("efficientnet:efficientnet_b0", "efficientnet:efficientnet_b3",
     ["resolution(300)", "width(1.2)", "depth(1.4)"], 12_233_232),
    ("efficientnet:efficientnet_b0_keras", "efficientnet:efficientnet_b1_keras",
     ["compound_b1"], 7_794_184),
    ("efficientnet:efficientnet_b0_keras", "efficientnet:efficientnet_b3_keras",
     ["compound_b3"], 12_233_232),
    # He et al. 2015, Table 1
    ("resnet:resnet50", "resnet:resnet101", ["depth(3.8) at conv4_x"], 44_549_160),
    ("resnet:resnet101", "resnet:resnet50", ["depth(25%) at conv4_x"], 25_557_032),
    ("resnet:resnet34", "resnet:resnet18",
     ["depth(60%) at conv2_x", "depth(50%) at conv3_x", "depth(30%) at conv4_x",
      "depth(60%) at conv5_x"], 11_689_512),
]  # fmt: skip


@pytest.mark.parametrize(("base", "goal", "rules", "params"), PUBLISHED)
def test_published_networks_follow_from_each_other(
    base: str, goal: str, rules: list[str], params: int
) -> None:
    """Not the totals only: every operator and every type is that of the published network."""
    made = model(base, *rules)
    assert cost(made).params == params
    assert operators(made) == operators(model(goal))


def test_published_macs() -> None:
    """Howard et al. 2017, Table 7; Tan and Le 2019, Table 2, with two digits more."""
    for size, millions in ((192, 418), (160, 291), (128, 186)):
        macs = cost(model("mobilenet:mobilenet_1_0", f"resolution({size})")).macs
        assert round(macs / 1e6) == millions  # type: ignore[operator]
    assert cost(model("efficientnet:efficientnet_b0", "compound_b3")).macs == 1_827_141_392


def test_twice_as_wide_a_resnet() -> None:
    """Chen et al. 2020, SimCLR: 94 million parameters without the classifier."""
    params = cost(model("resnet:resnet50", "width(2)")).params
    assert params - 4096 * 1000 - 1000 == 93_907_072


def test_compound_scaling_doubles_the_work() -> None:
    """Tan and Le 2019, sec. 3.3: phi more is 2 to the power of phi times the MACs, about."""
    base = cost(model("efficientnet:efficientnet_b0")).macs
    for phi in (1, 2, 3):
        macs = cost(model("efficientnet:efficientnet_b0", f"compound({phi})")).macs
        assert 0.9 < macs / base / 2**phi < 1.35  # type: ignore[operator]
    assert model("efficientnet:efficientnet_b0", "compound(-1)").main.inputs[0].type.height == 195


# ----------------------------------------------------------------- classes of channels


def classes(body: str, lockstep: bool = False) -> list[Class]:
    return list(Channels(compiled(body).module, lockstep).classes)


def free(body: str, lockstep: bool = False) -> list[tuple[int, tuple[str, ...]]]:
    """Size and makers of the classes that may change."""
    return [(k.size, k.makers) for k in classes(body, lockstep) if not k.fixed]


@pytest.mark.parametrize("lockstep", [False, True])
def test_inputs_and_outputs_are_fixed(lockstep: bool) -> None:
    assert free("conv 3x3, 8, bn, relu", lockstep) == []
    assert free("conv 3x3, 8; globalavgpool; fc 2", lockstep) == [(8, ("conv1",))]
    assert free("residual { conv 3x3, 6; conv 3x3, 4 }; conv 1x1, 3", lockstep) == [(6, ("conv1",))]


@pytest.mark.parametrize("lockstep", [False, True])
def test_a_residual_stream_is_one_class(lockstep: bool) -> None:
    unit = "residual { conv 3x3, 6; conv 3x3, 8, bn }; relu"
    body = f"conv 1x1, 8; {unit}; maxpool 2x2; {unit}; conv 1x1, 3"
    assert free(body, lockstep) == [
        (8, ("conv1", "conv3", "conv5")), (6, ("conv2",)), (6, ("conv4",)),
    ]  # fmt: skip


@pytest.mark.parametrize("lockstep", [False, True])
def test_concatenation_keeps_classes_apart(lockstep: bool) -> None:
    """DenseNet: every layer reads what all before it made, and each has a width of its own."""
    body = "conv 1x1, 8; concat { | identity | conv 3x3, 5 } × 3; conv 1x1, 2"
    assert free(body, lockstep) == [
        (8, ("conv1",)), (5, ("conv2",)), (5, ("conv3",)), (5, ("conv4",)),
    ]  # fmt: skip


@pytest.mark.parametrize("lockstep", [False, True])
def test_a_sum_with_a_concatenation_has_two_classes(lockstep: bool) -> None:
    body = "1x1, 2; add { | 3x3, 8 | concat { | conv 1x1, 3 | conv 1x1, 5 } }; conv 1x1, 2"
    assert Counter(free(body, lockstep)) == Counter(
        [(2, ("conv1",)), (3, ("conv2", "conv3")), (5, ("conv2", "conv4"))]
    )


@pytest.mark.parametrize("lockstep", [False, True])
def test_depthwise_kernels_make_no_channels(lockstep: bool) -> None:
    body = "conv 1x1, 6; dwconv 3x3, bn, relu; conv(3x3, 6, groups=6); dwconv(3x3, 2); conv 1x1, 3"
    assert free(body, lockstep) == [(6, ("conv1",))]


def test_one_channel_in_one_group_is_not_depthwise() -> None:
    assert free("conv 1x1, 1; conv 3x3, 5; conv 1x1, 2") == [(1, ("conv1",)), (5, ("conv2",))]


def test_a_gate_belongs_to_what_it_scales() -> None:
    """Squeeze and excitation: the second convolution makes the channels of the stream."""
    body = "conv 1x1, 8; mul { | identity | globalavgpool; 1x1, 2, relu; 1x1, 8, sigmoid }"
    assert free(f"{body}; conv 1x1, 3") == [(8, ("conv1", "conv3")), (2, ("conv2",))]


def test_groups_divide_what_they_read_and_make() -> None:
    body = "conv 1x1, 12; conv(3x3, 8, groups=4); conv 1x1, 3"
    one, two = (kind for kind in classes(body) if not kind.fixed)
    assert (one.size, one.multiple) == (12, 4)
    assert (two.size, two.multiple) == (8, 4)


def test_in_lockstep_a_bundle_has_a_channel_of_every_group() -> None:
    assert free("conv 1x1, 12; conv(3x3, 8, groups=4); conv 1x1, 3", lockstep=True) == [
        (3, ("conv1",)), (2, ("conv2",)),
    ]  # fmt: skip
    assert free("conv 1x1, 12; gn 4; conv 1x1, 3", lockstep=True) == [(3, ("conv1",))]


def test_the_same_value_twice_is_the_same_channels() -> None:
    body = "a: conv 1x1, 6; concat(a, a); conv 1x1, 3"
    assert free(body) == free(body, lockstep=True) == [(6, ("a",))]


def test_zeros_that_are_padded_are_channels_too() -> None:
    """Option A of residual networks: the shortcut's zeros meet half of the new channels."""
    body = "conv 1x1, 4; add { | conv 1x1, 10 | pad_channels 10 }; conv 1x1, 3"
    assert free(body) == [(4, ("conv1", "conv2")), (6, ("conv2", "pad_channels1"))]


def test_shared_layers_have_their_channels_in_common() -> None:
    """What the first one reads is made by the one before it, what the second reads by the first."""
    ((size, makers),) = free("a: conv 1x1, 4; b: conv 3x3, 4; share b; conv 1x1, 2")
    assert size == 4
    assert len(makers) == 3


@pytest.mark.parametrize("order", ["crd", "dcr"])
def test_squares_of_pixels_take_their_channels_together(order: str) -> None:
    body = f"conv 1x1, 8; depth_to_space(2, order={order}); conv 1x1, 6"
    body = f"{body}; space_to_depth(2, order={order}); conv 1x1, 3"
    assert free(body) == free(body, lockstep=True) == [(2, ("conv1",)), (6, ("conv2",))]
    assert free(f"conv 1x1, 8; depth_to_space(2, order={order})") == []  # the output is tied


def test_a_shuffle_ties_only_what_is_selected() -> None:
    body = "conv 1x1, 8; shuffle 2; conv 1x1, 2"
    assert free(body) == [(8, ("conv1",))]
    assert free(body, lockstep=True) == [(4, ("conv1",))]


# ----------------------------------------------------------------- width


def widths(body: str, *rules: str) -> list[int]:
    """Channels that convolutions and fully connected layers give."""
    graph = flatten(derived(body, *rules).module)
    words = ("conv", "fc", "deconv", "local")
    return [n.outputs[0].type.channels for n in graph.nodes if n.op.word in words]  # type: ignore[union-attr]


def test_width_rounds_as_mobilenet() -> None:
    """To the nearest multiple of 8, at least 8, and not below 90 %."""
    body = "conv 1x1, {}; conv 1x1, 3"
    for n, factor, m in ((32, 0.75, 24), (18, 1.01, 24), (24, 0.5, 16), (6, 0.5, 8), (11, 0.9, 16)):
        assert widths(body.format(n), f"width({factor})") == [m, 3]
    assert widths(body.format(10), "width(0.5, multiple=1)") == [5, 3]
    assert widths(body.format(64), "width(0.5, multiple=12)") == [36, 3]


def test_groups_stay_whole() -> None:
    body = "conv 1x1, 64; conv(3x3, 64, groups=16); conv 1x1, 3"
    assert widths(body, "width(0.4)") == [32, 32, 3]
    grouped = "conv 1x1, 60; conv(3x3, 60, groups=6); conv 1x1, 3"
    assert widths(grouped, "width(0.4)") == [24, 24, 3]  # a multiple of 6 and of 8
    assert widths(grouped, "width(0.5, multiple=1)") == [30, 30, 3]


def test_a_depthwise_convolution_in_groups_stays_depthwise() -> None:
    module = derived("conv 1x1, 16; conv(3x3, 16, groups=16); conv 1x1, 3", "width(0.5)").module
    op = flatten(module).nodes[1].op
    assert (op.channels, op.groups) == (8, 8)  # type: ignore[union-attr]


def test_expansions_and_squeezes_follow_what_they_read() -> None:
    """MobileNetV2 and EfficientNet: six times the rounded input, a quarter of it in the gate."""
    body = (
        "conv 1x1, 24; residual { conv 1x1, 144; dwconv 3x3;"
        " mul { | identity | globalavgpool; conv 1x1, 6, relu; conv 1x1, 144, sigmoid };"
        " conv 1x1, 24 }; conv 1x1, 3"
    )
    assert widths(body, "width(1.4)") == [32, 192, 8, 192, 32, 3]  # not 24, 200, 8, 200, 32
    plain = "conv 1x1, 24; conv 1x1, 144; conv 3x3, 24; conv 1x1, 3"
    assert widths(plain, "width(1.4)") == [32, 200, 32, 3]


def test_parts_keep_their_proportion() -> None:
    body = "1x1, 32; a, b: split [8, 24]; concat { | from a; 1x1, 8 | from b }; conv 1x1, 3"
    split = flatten(derived(body, "width(0.5)").module).nodes[1].op
    assert split.parts == (4, 12)  # type: ignore[union-attr]


def test_only_classes_that_lie_at_the_places_change() -> None:
    body = "a: conv 1x1, 32; residual { b: conv 3x3, 64; c: conv 3x3, 32 }; d: conv 1x1, 3"
    assert widths(body, "width(0.5) at b") == [32, 32, 32, 3]
    assert widths(body, "width(0.5) at a..c") == [16, 32, 16, 3]
    assert "nothing changes" in refusal(body, "width(0.5) at a")  # `c` makes the stream too


@pytest.mark.parametrize(
    ("body", "rule", "reason"),
    [
        ("conv 1x1, 32; conv 1x1, 3", "width(0)", "factor > 0"),
        ("conv 1x1, 32; conv 1x1, 3", "width(1, multiple=0.5)", "multiple % 1 == 0"),
        ("conv 1x1, 32; conv 1x1, 3", "width(1)", "nothing changes"),
        ("conv 1x1, 32", "width(0.5)", "nothing changes"),
        ("conv 1x1, 32; conv 1x1, 3", "widen(0.5)", "factor >= 1"),
        ("conv 1x1, 32; conv 1x1, 3", "prune_class(1.5)", "fraction < 1"),
        ("conv 1x1, 32; conv 1x1, 3", "drop_channel(0)", "count > 0"),
        ("conv 1x1, 32; conv 1x1, 3", "depth(2)", "no whole run of units"),
        ("conv 3x3, 32; flatten; fc 3", "resolution(12)", "its weights depend on the size"),
        ("input 12; fc 3", "resolution(12)", "not maps of one size"),
        ("input H×W×3; conv 3x3, 3", "resolution(12)", "maps of every size"),
        ("conv 7x7, 3, pad=0", "resolution(5)", "does not fit"),
    ],
)
def test_why_not(body: str, rule: str, reason: str) -> None:
    assert reason in refusal(body, rule)


@pytest.mark.parametrize(
    ("rule", "code"),
    [("width", "E0204"), ("width(wide)", "E0206"), ("resolution(large)", "E0206"),
     ("resolution(-8)", "E0206"), ("resolution(7x7/2)", "E0206"), ("compound", "E0204")],
)  # fmt: skip
def test_wrong_arguments(rule: str, code: str) -> None:
    with pytest.raises(CnnError) as caught:
        compiled("conv 1x1, 32; conv 1x1, 3", rule)
    assert caught.value.diagnostics[0].code == code


def test_new_widths_begin_fresh_and_the_rest_keeps_its_weights() -> None:
    body = "a: conv 1x1, 32, bn; b: conv 1x1, 8; c: conv 1x1, 8; d: conv 1x1, 3"
    derivation = derived(body, "width(0.5) at a")
    weights = doubles(derivation.start)
    carried = carry(derivation, weights)
    assert carried.fresh == (("a",), ("a_bn",), ("b",))
    assert {path for path, arrays in carried.weights.items()} == {("c",), ("d",)}


# ----------------------------------------------------------------- functions stay folded

FOLDED = ["resnet:resnet50", "mobilenet_v2:mobilenet_v2", "densenet:densenet121",
          "googlenet:googlenet", "hrnet:hrnet_w18"]  # fmt: skip


@pytest.mark.parametrize("name", FOLDED)
def test_copies_that_come_out_alike_stay_one_function(name: str) -> None:
    before = model(name)
    for rule in ("width(0.5)", "widen(1.5)", "prune_class(25%)"):
        assert len(model(name, rule).functions) == len(before.functions), rule


def test_arguments_tell_the_new_channels() -> None:
    after = model("mobilenet_v2:mobilenet_v2", "width(1.4)")
    arguments = [
        dict(graph.arguments) for graph in after.functions if graph.definition == "inverted"
    ]
    assert {a["n"] for a in arguments} == {24, 32, 48, 88, 136, 224, 448}
    assert {a["t"] for a in arguments} == {1, 6}


ROUND_TRIPS = [
    ("mobilenet_v2:mobilenet_v2", "width(1.4)"),
    ("resnext:resnext50", "prune_class(30%)"),
    ("shufflenet_v2:shufflenet_v2_x0_5", "prune_class(30%)"),
    ("efficientnet:efficientnet_b0", "compound_b1"),
    ("resnet:resnet50", "depth(50%)"),
    ("mobilenet:mobilenet_keras", "resolution(161)"),
]


@pytest.mark.parametrize(("name", "rule"), ROUND_TRIPS)
def test_the_result_is_a_spec_again(name: str, rule: str) -> None:
    module = model(name, rule)
    again = compile_model(Source("again.cnn", backend("cnn").emit(module))).module
    assert totals(again) == totals(module)


# ----------------------------------------------------------------- widen, Net2Net

SMALL = {
    "chain": "conv 3x3, 5, bn, relu; conv 3x3/2, 6, bn, relu; conv 1x1, 3",
    "residual": "conv 3x3, 5; residual { 3x3, 6, relu; conv 3x3, 5, bn }; relu; conv 1x1, 3",
    "concat": "conv 1x1, 5; concat { | identity | conv 3x3, 4 | maxpool 3x3/1, pad=1 }; 3x3, 3",
    "twice": "a: conv 1x1, 5; concat(a, a); conv 1x1, 3",
    "groups": "conv 1x1, 12; conv(3x3, 8, groups=4, relu); conv 1x1, 3",
    "depthwise": "conv 1x1, 5; dwconv(3x3/2, 2, bn, relu); conv(3x3, 10, groups=10); conv 1x1, 3",
    "one channel": "conv 1x1, 1; conv 3x3, 4; conv 1x1, 3",
    "gate": "conv 1x1, 6; mul { | identity | globalavgpool; fc 2; fc 6, hsigmoid }; conv 1x1, 3",
    "flatten": "conv 3x3/3, 5; flatten; fc 4, relu; fc 3",
    "flatten chw": "conv 3x3/3, 5; flatten(chw); fc 4; fc 3",
    "deconv": "conv 1x1, 4; deconv(2x2/2, 6, groups=2, relu); deconv(3x3, 4); conv 1x1, 3",
    "local": "conv 3x3/3, 4; local 2x2, 5, relu; conv 1x1, 3",
    "zeros": "conv 1x1, 4; add { | conv 1x1, 7 | pad_channels 7 }; relu; conv 1x1, 3",
    "split": "conv 1x1, 8; a, b: split [3, 5]; concat { | from a; 3x3, 3 | from b }; conv 1x1, 3",
    "space": "conv 1x1, 3; crop [1, 0, 0, 0]; space_to_depth 2; conv 1x1, 3",
    "space dcr": "conv 1x1, 3; crop [1, 0, 0, 0]; space_to_depth(2, order=dcr); conv 1x1, 3",
    "shared": "a: conv 1x1, 5; b: conv 3x3, 5, relu; share b; conv 1x1, 3",
    "pools": "conv 3x3, 5; avgpool 2x2; upsample 2; maxpool 3x3/2; globalavgpool; fc 3",
}


@pytest.mark.parametrize("factor", [1.2, 1.5, 2, 3.4])
@pytest.mark.parametrize("name", SMALL)
def test_widening_keeps_every_number(name: str, factor: float) -> None:
    """In whole numbers and fractions, without a tolerance."""
    derivation = derived(SMALL[name], f"widen({factor})")
    assert cost(derivation.module).params > cost(derivation.start).params  # type: ignore[operator]
    assert agree(derivation)


WIDENED = ["resnet_cifar:resnet20", "mobilenet:mobilenet_0_25", "squeezenet:squeezenet",
           "shufflenet_v2:shufflenet_v2_x0_5"]  # fmt: skip


@pytest.mark.parametrize("name", WIDENED)
def test_widened_networks_compute_the_same(name: str) -> None:
    file, _, variant = name.partition(":")
    derivation = compile_model(f"specs/{file}.cnn:{variant}", rewrite=["widen(1.3)"]).derivation
    assert derivation is not None
    weights, inputs = doubles(derivation.start), images(derivation.start)
    carried = carry(derivation, weights)
    assert not carried.fresh
    check(derivation.module, carried.weights)
    (exact,) = outputs(derivation.start, weights, inputs)
    (made,) = outputs(derivation.module, carried.weights, inputs)
    assert np.abs(exact - made).max() < 1e-9 * np.abs(exact).max()


def test_copies_are_spread_evenly() -> None:
    assert widths("conv 1x1, 10; conv 1x1, 3", "widen(1.35)") == [14, 3]
    derivation = derived("conv 1x1, 3, bn; conv 1x1, 2", "widen(2)")
    weights = whole_numbers(derivation.start)
    made = carry(derivation, weights).weights
    for role, array in weights[("bn1",)].items():
        assert list(made[("bn1",)][role]) == [x for x in array for _ in range(2)]
    assert (made["conv2",]["kernel"].sum(axis=2) == weights["conv2",]["kernel"].sum(axis=2)).all()


@pytest.mark.parametrize("norm", ["ln", "gn 1", "lrn", "gn 2"])
def test_channels_that_a_norm_mixes_are_not_widened(norm: str) -> None:
    body = f"conv 1x1, 6; {norm}; conv 3x3, 5; conv 1x1, 3"
    assert widths(body, "widen(2)") == [6, 10, 3]
    derivation = derived(body, "widen(2)")
    weights, inputs = doubles(derivation.start), images(derivation.start)
    (exact,) = outputs(derivation.start, weights, inputs)
    (made,) = outputs(derivation.module, carry(derivation, weights).weights, inputs)
    assert made == pytest.approx(exact)


def test_a_shuffled_stream_is_not_widened_but_what_is_inside_is() -> None:
    """The first convolution is, for the half that goes into the branch and nowhere else."""
    body = (
        "conv 1x1, 8; { a, b: split 2; concat { | from a | from b; conv 1x1, 6; conv 1x1, 4 };"
        " shuffle 2 } × 2; conv 1x1, 3"
    )
    assert widths(body, "widen(2)") == [12, 12, 4, 12, 4, 3]
    assert agree(derived(body, "widen(2)"))


# ----------------------------------------------------------------- prune


PRUNED = {
    **SMALL,
    "pixels": "conv 1x1, 12; depth_to_space 2; conv 1x1, 3",
    "pixels dcr": "conv 1x1, 12; depth_to_space(2, order=dcr); conv 1x1, 3",
    "shuffle": "conv 1x1, 12; shuffle 3; a, b: split 2; concat(b, a); 3x3, 9, groups=3; 1x1, 3",
}


def silenced(derivation: Derivation, gone: set[int]) -> Weights:
    """Weights under which some bundles of channels are zero at all of their readers.

    Kernels, biases and what norms add are set to zero wherever one of the bundles stands.
    """
    channels = Channels(derivation.start, lockstep=True)
    weights = {p: dict(arrays) for p, arrays in whole_numbers(derivation.start).items()}
    for node in channels.graph.nodes:
        held = weights.get(channels.paths[node.name], {})
        silent = [bundle in gone for bundle in channels.bundles(node.outputs[0].name)]
        for role in {*held} & {"kernel", "bias", "shift", "mean"}:
            held[role] = np.where(silent, 0, held[role])
        if "kernel" in held:
            held["kernel"] = np.where(silent, 0, np.where(held["kernel"] == 0, 1, held["kernel"]))
    return weights


def chosen(derivation: Derivation, share: float) -> set[int]:
    """Other bundles than the last of each class."""
    rng = np.random.default_rng(5)
    return {
        int(bundle)
        for kind in Channels(derivation.start, lockstep=True).classes
        if not kind.fixed
        for bundle in rng.permutation(kind.bundles)[: int(kind.size * share)]
    }


@pytest.mark.parametrize("name", PRUNED)
def test_channels_of_zeros_are_pruned_first_and_exactly(name: str) -> None:
    derivation = derived(PRUNED[name], "prune_class(40%)")
    weights = silenced(derivation, chosen(derivation, 0.4))
    assert agree(derivation, weights)


def test_a_shuffled_network_is_pruned_exactly_too() -> None:
    """Every channel keeps its place among the channels that stay, through shuffles and parts."""
    derivation = compile_model(
        "specs/shufflenet_v2.cnn:shufflenet_v2_x0_5", rewrite=["prune_class(30%)"]
    ).derivation
    assert derivation is not None
    weights = silenced(derivation, chosen(derivation, 0.3))
    weights = {p: {r: np.float64(x) / 4 for r, x in a.items()} for p, a in weights.items()}
    inputs = images(derivation.start)
    (exact,) = outputs(derivation.start, weights, inputs)
    (made,) = outputs(derivation.module, carry(derivation, weights).weights, inputs)
    assert made == pytest.approx(exact)


def test_what_goes_has_the_smallest_kernels_and_factors() -> None:
    """Kernel norm times what the batch norm multiplies it by: here 1, 2, 3, 4 times 4, 1, 1, 1."""
    derivation = derived("conv(1x1, 4, bias=false); bn; conv 1x1, 2", "prune_class(50%)")
    weights = doubles(derivation.start)
    unit = np.ones((1, 1, 4, 4)) * [1, 2, 3, 4]
    ones = np.ones(4)
    norm = {"scale": np.array([4.0, 1, 1, -1]), "shift": ones, "mean": ones, "variance": ones}
    weights = {**weights, ("conv1",): {"kernel": unit}, ("bn1",): norm}
    made = carry(derivation, weights).weights
    assert made["conv1",]["kernel"][0, 0, 0].tolist() == [1, 4]
    assert made["bn1",]["scale"].tolist() == [4, -1]
    assert (made["conv2",]["kernel"] == weights["conv2",]["kernel"][:, :, [0, 3]]).all()


def test_all_makers_of_a_stream_have_a_say() -> None:
    body = "default conv: bias=false; conv 1x1, 2; residual { conv 1x1, 2 }; conv 1x1, 2"
    derivation = derived(f"input 9x8x4; {body}", "prune_class(50%)")
    weights = doubles(derivation.start)
    one = np.ones((1, 1, 4, 2)) * [3, 4]
    other = np.ones((1, 1, 2, 2)) * [9, 1]
    weights = {**weights, ("conv1",): {"kernel": one}, ("conv2",): {"kernel": other}}
    made = carry(derivation, weights).weights
    assert made["conv1",]["kernel"].flat[0] == 3  # 36 + 162 is more than 64 + 2
    assert made["conv2",]["kernel"].tolist() == [[[[9]]]]


def test_a_class_never_loses_its_last_channel() -> None:
    assert widths("conv 1x1, 1; conv 1x1, 2; conv 1x1, 3", "prune_class(99%)") == [1, 1, 3]


def test_pruning_is_measured() -> None:
    derivation = derived("conv 3x3, 8, relu; conv 3x3, 8, relu; conv 1x1, 3", "prune_class(25%)")
    (step,) = derivation.steps
    weights = doubles(derivation.start)
    after = carry(derivation, weights).weights
    (error,) = errors(step, weights, after)
    kernels = [np.concatenate([w[p]["kernel"].ravel() for p in weights]) for w in (weights, after)]
    whole, kept = (np.linalg.norm(kernel) for kernel in kernels)
    assert error.weight == pytest.approx(np.sqrt(1 - (kept / whole) ** 2))
    assert 0 < error.output < 1


# ----------------------------------------------------------------- drop


@pytest.mark.parametrize("name", PRUNED)
def test_channels_of_zeros_are_dropped_exactly(name: str) -> None:
    derivation = derived(PRUNED[name], "drop_channel")
    channels = Channels(derivation.start, lockstep=True)
    gone = {k.bundles[0] for k in channels.classes if not k.fixed and k.size > 1}
    assert agree(derivation, silenced(derivation, gone))


def carried_away(body: str, rule: str, weights: Any) -> str:
    derivation = derived(body, rule)
    with pytest.raises(CnnError) as caught:
        carry(derivation, {**doubles(derivation.start), **weights})
    (problem,) = caught.value.diagnostics
    assert problem.code == "E1007"
    return problem.message


def test_channels_that_are_not_zero_cannot_be_dropped() -> None:
    body = "conv 1x1, 2, relu; conv 3x3, 2"
    half = {"kernel": np.ones((1, 1, 4, 2)) * [0, 1], "bias": np.array([0.0, 1])}
    biased = {**half, "bias": np.array([1.0, 1])}
    negative = {**half, "bias": np.array([-1.0, 1])}
    message = carried_away(body, "drop_channel", {("conv1",): biased})
    assert "`conv1` has 0 channels that are always zero, and 1 would go" in message
    for kernel in (half, negative):  # `relu` makes a zero of what is negative
        derivation = derived(body, "drop_channel")
        weights = {**doubles(derivation.start), ("conv1",): kernel}
        (exact,) = outputs(derivation.start, weights, images(derivation.start))
        made = carry(derivation, weights).weights
        (found,) = outputs(derivation.module, made, images(derivation.start))
        assert found == pytest.approx(exact)
        assert made["conv1",]["bias"].tolist() == [1]


def test_a_channel_must_be_zero_for_every_reader() -> None:
    """Behind the norm it is not: 0 times a factor and a shift."""
    body = "a: conv(1x1, 2, bias=false); concat { | bn | identity }; conv 1x1, 2"
    zero = np.ones((1, 1, 4, 2)) * [0, 1]
    assert "`a` has 0 channels" in carried_away(body, "drop_channel", {("a",): {"kernel": zero}})


# ----------------------------------------------------------------- depth

UNITS = """
block unit(n, stride=1) {
  add { | conv 3x3/stride, n, bn, relu; conv 3x3, n, bn | shortcut(n, stride) }
  relu
}
block shortcut(n, stride) { if stride != 1 or in.channels != n { conv 1x1/stride, n } }
"""


def calls(module: Module) -> list[str]:
    return [node.name for node in module.main.nodes if hasattr(node.op, "function")]


def test_runs_grow_at_their_end() -> None:
    text = f"{UNITS}model net {{ input 16x16x4; a: unit(4) × 2; b: unit(8, stride=2 then 1) × 3 }}"
    assert calls(network(text, "depth(1.5)").module) == [
        "a_1", "a_2", "a_2_2", "b_1", "b_2", "b_3", "b_3_2", "b_3_3",
    ]  # fmt: skip
    assert calls(network(text, "depth(2) at a_*").module) == [
        "a_1", "a_2", "a_2_2", "a_2_3", "b_1", "b_2", "b_3",
    ]  # fmt: skip
    assert calls(network(text, "depth(40%)").module) == ["a_1", "b_1", "b_2"]


def test_what_reads_the_end_of_a_run_reads_its_new_end() -> None:
    text = f"{UNITS}model net {{ input 16x16x4; a: unit(4) × 2; conv 1x1, 4; add(a, conv1) }}"
    text = text.replace("conv 1x1, 4; add(a, conv1)", "c: conv 1x1, 4; add(a, c)")
    for rule, end in (("depth(2)", "a_2_3"), ("depth(50%)", "a_1")):
        main = network(text, rule).module.main
        assert dict(main.labels)["a"] == end
        assert main.nodes[-1].inputs == (end, "c")


def test_a_single_unit_that_changes_its_input_is_elaborated_again() -> None:
    """The new one has no projection: the block says so."""
    text = f"{UNITS}model net {{ input 16x16x4; a: unit(8, stride=2); conv 1x1, 3 }}"
    module = network(text, "depth(2)").module
    graphs = module.by_name
    shapes = [graphs[n.op.function] for n in module.main.nodes if hasattr(n.op, "function")]
    assert [len(graph.nodes) for graph in shapes] == [8, 7]
    twice = text.replace("stride=2)", "stride=2 then 1) × 2")
    assert operators(module) == operators(network(twice, "fold_bn").start)


def test_a_single_unit_that_was_rewritten_has_no_known_successor() -> None:
    text = f"{UNITS}model net {{ input 16x16x4; a: unit(8, stride=2); conv 1x1, 3 }}"
    with pytest.raises(CnnError) as caught:
        network(text, "fold_bn", "depth(2)")
    assert "no whole run of units" in caught.value.diagnostics[0].notes[0]


def test_what_is_inside_of_units_stays() -> None:
    module = model("efficientnet:efficientnet_b0", "depth(3) at mbconv2..mbconv3")
    gates = Counter(
        sum(1 for n in graph.nodes if getattr(n.op, "function", "").startswith("se"))
        for graph in module.functions
        if graph.definition == "mbconv"
    )
    assert {*gates} == {1}


def test_a_stack_is_no_unit_if_it_has_units() -> None:
    stack = "block stack(n) { unit(n, stride=2 then 1) × 2 }"
    text = f"{UNITS}{stack}\nmodel net {{ input 16x16x4; a: stack(8); b: stack(16) }}"
    derivation = network(text, "depth(2)")
    assert calls(derivation.module) == ["a", "b"]
    assert [
        len(graph.nodes) for graph in derivation.module.functions if graph.definition == "stack"
    ] == [4, 4]
    (one, other) = (
        len(graph.nodes)
        for graph in network(text, "depth(2) at b").module.functions
        if graph.definition == "stack"
    )
    assert (one, other) == (2, 4)


def test_shared_units_are_no_run() -> None:
    text = f"{UNITS}model net {{ input 16x16x4; a: unit(4); share a; share a }}"
    with pytest.raises(CnnError):
        network(text, "depth(2)")


def test_new_units_begin_fresh_and_old_ones_keep_their_weights() -> None:
    text = f"{UNITS}model net {{ input 16x16x4; a: unit(4) × 2 }}"
    derivation = network(text, "depth(1.5)")
    weights = doubles(derivation.start)
    carried = carry(derivation, weights)
    assert {path[0] for path in carried.fresh} == {"a_2_2"}
    assert len(carried.fresh) == 4
    assert carried.weights == weights


def test_units_that_go_take_their_weights_along() -> None:
    text = f"{UNITS}model net {{ input 16x16x4; a: unit(4) × 2 }}"
    derivation = network(text, "depth(50%)")
    carried = carry(derivation, doubles(derivation.start))
    assert not carried.fresh
    check(derivation.module, carried.weights)


# ----------------------------------------------------------------- resolution


def test_weights_are_those_of_every_resolution() -> None:
    name = "specs/mobilenet.cnn:mobilenet_0_25"
    derivation = compile_model(name, rewrite=["resolution(64x96)"]).derivation
    assert derivation is not None
    weights = doubles(derivation.start)
    carried = carry(derivation, weights)
    assert carried.weights == weights and not carried.fresh
    assert derivation.module.main.inputs[0].type.shape == (64, 96, 3)
    outputs(derivation.module, carried.weights, images(derivation.module))


def test_paddings_of_tensorflow_depend_on_the_size() -> None:
    """`same` at 112 is one row behind; at 113 it is one on each side."""
    keras = model("mobilenet:mobilenet_keras", "resolution(225)")
    torch = model("mobilenet:mobilenet_1_0", "resolution(225)")
    first = [module.main.nodes[0].op.pad for module in (keras, torch)]  # type: ignore[union-attr]
    assert [(pad.top, pad.bottom) for pad in first] == [(1, 1), (1, 1)]
    even = model("mobilenet:mobilenet_keras", "resolution(160)").main.nodes[0].op.pad  # type: ignore[union-attr]
    assert (even.top, even.bottom) == (0, 1)


def test_all_maps_that_come_in_are_resized() -> None:
    text = "model net { a: input 32x32x3; b: input 32x32x3; concat(a, b); conv 3x3/2, 4 }"
    main = network(text, "resolution(20x24)").module.main
    assert [value.type.shape for value in main.inputs] == [(20, 24, 3), (20, 24, 3)]
    assert main.output_types[0].shape == (10, 12, 4)


# ----------------------------------------------------------------- the journal


def test_the_journal_tells_every_run_and_every_function() -> None:
    text = f"{UNITS}model net {{ input 16x16x4; a: unit(8) × 2; b: unit(16) × 3; conv 1x1, 3 }}"
    deeper, wider = network(text, "depth(1.5)", "width(2)").steps
    assert [(move.removed, move.created) for move in deeper.moves] == [
        (("a_2",), ("a_2", "a_2_2")),
        (("b_3",), ("b_3", "b_3_2", "b_3_3")),
    ]
    assert deeper.sites == 2
    told = {move.function: [node.op.channels for node in move.right.nodes] for move in wider.moves}  # type: ignore[union-attr]
    assert told == {"shortcut": [16], "unit": [16, 16], "unit_2": [16, 16],
                    "shortcut_2": [32], "unit_3": [32, 32], "unit_4": [32, 32],
                    "net": [3]}  # fmt: skip
    assert wider.sites == 11  # `unit_2` twice, `unit_4` four times


def test_a_step_can_be_taken_back_unless_others_build_on_it() -> None:
    text = f"{UNITS}model net {{ input 16x16x4; a: unit(8) × 2; conv 1x1, 3 }}"
    derivation = network(text, "width(2)", "depth(2)")
    assert undo(derivation, 1).module == network(text, "depth(2)").module
    assert undo(derivation, 2).module == network(text, "width(2)").module
    with pytest.raises(CnnError) as caught:
        undo(network(text, "widen(2)", "prune_class(50%)"), 1)
    assert caught.value.diagnostics[0].code == "E1008"


def test_weights_go_through_several_steps() -> None:
    """Doubled, approximated at full rank, and back to so many channels: nothing was lost."""
    body = "conv 3x3, 4, relu; conv 3x3, 5, relu; globalavgpool; fc 3"
    derivation = derived(body, "widen(2)", "svd_channel(8) at conv1", "prune_class(10%)")
    weights, inputs = doubles(derivation.start), images(derivation.start)
    carried = carry(derivation, weights)
    assert not carried.fresh
    check(derivation.module, carried.weights)
    first = carry(replace(derivation, steps=derivation.steps[:2]), weights).weights
    (exact,) = outputs(derivation.start, weights, inputs)
    (made,) = outputs(derivation.steps[1].after, first, inputs)
    assert made == pytest.approx(exact)
