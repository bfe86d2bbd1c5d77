"""Rules on networks: where they match, what they leave alone, how definitions are split."""

from __future__ import annotations

import pytest

from cnndsl.backend import backend
from cnndsl.diagnostics import CnnError
from cnndsl.driver import Compiled, compile_model
from cnndsl.graph import Call
from cnndsl.ops.conv import Conv
from cnndsl.source import Source
from cnndsl.window import Padding

RULES = """
rule factor { conv 5x5/s, n => conv 3x3, n; conv 3x3/s, n; keeps window, shape }
rule group(g=2) { conv k, n => conv(k, n, groups=g); when in.channels % g == 0; keeps window }
rule separable { conv k/s, n => dwconv k/s; conv 1x1, n, linear; keeps window, shape }
rule drop inference simplify { dropout => identity }
rule siblings exact {
  input x
  from x { a: conv(k, m, pad=p, bias=c) }
  from x { b: conv(k, n, pad=p, bias=c) }
  output a, b
  =>
  conv(k, m + n, pad=p)
  a, b: split [m, n]
  output a, b
  weights side_by_side
}
rule swap exact { f; maxpool k => maxpool k; f; when monotone(f) }
rule first_of_two { conv k, n; conv m, n => conv k, n }
rule deep_stem { conv 7x7/2, n => conv 3x3/2, n; conv 3x3, n; conv 3x3, n; keeps shape }
"""


def compiled(text: str) -> Compiled:
    return compile_model(Source("net.cnn", RULES + text), "net")


def refused(text: str) -> str:
    """The code, the message, the labels and the notes of what goes wrong."""
    with pytest.raises(CnnError) as caught:
        compiled(text)
    (problem,) = caught.value.diagnostics
    labels = (label.text for label in problem.labels)
    return "\n".join((problem.code, problem.message, *labels, *problem.notes))


def convolutions(result: Compiled) -> list[Conv]:
    found = [node.op for _, node in result.module.walk()]
    return [op for op in found if isinstance(op, Conv)]


def network(body: str, rules: str) -> str:
    return f"model base {{ {body} }}\nmodel net = base with {rules}\n"


# ----------------------------------------------------------------------- layers


def test_norms_and_activations_follow_every_new_layer() -> None:
    result = compiled(network("input 32x32x8; conv 5x5, 16, bn, relu; gelu", "factor"))
    words = [node.op.word for node in result.module.main.nodes]  # type: ignore[union-attr]
    assert words[:8] == ["conv", "bn", "relu", "gelu", "conv", "bn", "relu", "gelu"]


def test_a_linear_layer_has_nothing_behind_it() -> None:
    result = compiled(network("input 32x32x8; conv 3x3, 16, bn, relu", "separable"))
    words = [node.op.word for node in result.module.main.nodes]  # type: ignore[union-attr]
    assert words == ["dwconv", "bn", "relu", "conv"]
    assert convolutions(result)[0].bias is True  # no norm follows any more


def test_what_others_read_ends_the_layer() -> None:
    """The sum reads the norm, so the activation is no part of the layer."""
    body = "input 32x32x16; a: conv 5x5, 16, bn; b: relu; add(a, b)"
    result = compiled(network(body, "factor"))
    words = [node.op.word for node in result.module.main.nodes]  # type: ignore[union-attr]
    assert words == ["conv", "bn", "conv", "bn", "relu", "add"]


# --------------------------------------------------------------------- paddings


@pytest.mark.parametrize(
    ("pad", "expected"),
    [
        ("valid", [Padding(), Padding()]),
        ("1", [Padding(1, 1, 1, 1), Padding()]),
        ("2", [Padding(1, 1, 1, 1), Padding(1, 1, 1, 1)]),
        ("[2, 1, 0, 3]", [Padding(1, 1, 0, 2), Padding(1, 0, 0, 1)]),
    ],
)
def test_paddings_are_fitted(pad: str, expected: list[Padding]) -> None:
    body = f"input 32x32x8; conv(5x5, 16, pad={pad})"
    pads = [conv.pad for conv in convolutions(compiled(network(body, "factor")))]
    assert pads == expected


def test_a_larger_field_stays_centred() -> None:
    """ResNet-C's stem: 11 in place of 7, so two more rows on each side; 112 stays 112."""
    result = compiled(network("input 224x224x3; conv 7x7/2, 64, bn, relu", "deep_stem"))
    assert [str(conv.pad) for conv in convolutions(result)] == ["1", "1", "1"]
    assert result.module.main.output_types[0].shape == (112, 112, 64)


def test_without_a_fitting_padding_nothing_is_done() -> None:
    said = refused(network("input 32x32x8; conv(5x5, 16, pad=5)", "factor"))
    assert "no padding keeps the output where it is" in said


# --------------------------------------------------------------------- matching


def test_unmentioned_arguments_have_their_default() -> None:
    said = refused(network("input 32x32x8; conv(5x5, 16, dilation=2)", "factor"))
    assert "`dilation` is 2, the rule means 1" in said


def test_a_value_that_is_read_elsewhere_is_not_taken_away() -> None:
    said = refused(network("input 32x32x8; a: relu; maxpool 2x2; from a; output a", "swap"))
    assert "the value of `a` is an output" in said


def test_shared_weights_are_not_taken_away() -> None:
    body = "input 32x32x8; a: conv 5x5, 8; b: share a; add(a, b)"
    said = refused(network(body, "factor"))
    assert "the weights of `a` are shared" in said
    assert "`b` shares the weights of `a`" in said


def test_several_values_go_in_and_out() -> None:
    body = "input 32x32x8; concat { | conv 1x1, 4, relu | conv 1x1, 6, gelu | conv 3x3, 2 }"
    result = compiled(network(body, "siblings"))
    assert sorted(conv.channels for conv in convolutions(result)) == [2, 10]
    assert result.module.main.output_types[0].channels == 12


def test_conditions_say_the_values_they_failed_on() -> None:
    said = refused(network("input 32x32x3; conv 3x3, 16", "group(2)"))
    assert "`in.channels % g == 0` does not hold: in.channels = 3, g = 2" in said


def test_rules_that_simplify_are_repeated() -> None:
    result = compiled(network("input 8x8x4; dropout; dropout; conv 1x1, 4; dropout", "drop"))
    assert [node.op.word for node in result.module.main.nodes] == ["conv"]  # type: ignore[union-attr]


# ------------------------------------------------------------------ definitions

BLOCKS = """
block unit(n) { residual { conv 3x3, n, bn, relu; conv 3x3, n, bn }; relu }
block pair(n) { first: unit(n); second: unit(n) }
model base {
  input 32x32x16
  stage s1 { a: pair(16); b: pair(16) }
  stage s2 { c: pair(16) }
}
"""


def calls(result: Compiled) -> dict[str, list[str]]:
    """The function at each call, function by function."""
    return {
        graph.name: [node.op.function for node in graph.nodes if isinstance(node.op, Call)]
        for graph in result.module.functions
    }


def test_a_rule_everywhere_rewrites_a_definition_once() -> None:
    result = compiled(BLOCKS + "model net = base with group")
    assert calls(result) == {"unit": [], "pair": ["unit", "unit"], "net": ["pair"] * 3}
    assert result.derivation is not None
    assert result.derivation.steps[0].sites == 12


@pytest.mark.parametrize(
    ("place", "sites"),
    [
        ("a", 4), ("s1", 8), ("b..c", 8), ('"pair"', 12), ('"a, c"', 8), ('"a.second"', 2),
        ('"*.first"', 6), ('"s1.b.conv1"', 2), ('"unit"', 12), ('"conv2"', 6),
    ],
)  # fmt: skip
def test_places(place: str, sites: int) -> None:
    result = compiled(BLOCKS + f"model net = base with group at {place}")
    assert result.derivation is not None
    assert result.derivation.steps[0].sites == sites
    grouped = sum(
        node.op.groups == 2
        for name, copies in result.derivation.steps[0].copies
        for node in result.module.by_name[name].nodes
        for _ in range(copies)
        if isinstance(node.op, Conv)
    )
    assert grouped == sites


def test_a_match_elsewhere_does_not_stand_in_the_way() -> None:
    chain = "input 8x8x4; a: conv 1x1, 4; b: conv 3x3, 4; c: conv 5x5, 4"
    result = compiled(network(chain, 'first_of_two at "b, c"'))
    assert [op.window.height for op in convolutions(result)] == [1, 3]  # not a and b, as everywhere


def test_copies_with_one_fate_stay_one_function() -> None:
    result = compiled(BLOCKS + 'model net = base with group at "a.second, c.second"')
    assert calls(result)["net"][0] == calls(result)["net"][2] != calls(result)["net"][1]
    assert len(result.module.functions) == 5  # two units, two pairs, the model


def test_a_place_that_is_not_there() -> None:
    assert refused(BLOCKS + "model net = base with group at d").startswith("E1003\nthere is no")


@pytest.mark.parametrize("place", ["", " at a", ' at "b.first"', " at s2"])
def test_the_result_is_a_spec_again(place: str) -> None:
    result = compiled(BLOCKS + f"model net = base with group{place}")
    text = backend("cnn").emit(result.module)
    again = compile_model(Source("again.cnn", text))
    assert again.cost.macs == result.cost.macs
    assert again.cost.params == result.cost.params
    assert backend("cnn").emit(again.module) == text


def test_shared_calls_stay_shared() -> None:
    text = BLOCKS + (
        "model twice { input 32x32x16; left: pair(16); right: share left; add(left, right) }\n"
        "model net = twice with group at left"
    )
    assert calls(compiled(text))["net"] == ["pair", "pair"]


def test_a_label_means_what_its_author_gave_it_to() -> None:
    """Blocks have operators that are called `conv1` too; a label wins over such names."""
    spec = """
block unit(n) { conv 5x5, n; conv 5x5, n }
model net { input 32x32x8; conv1: conv 5x5, 8; unit(8); unit(8) }
model one = net with factor_5x5 at conv1
model all = net with factor_5x5 at "unit*.conv1"
"""
    one, rest = (compile_model(Source("net.cnn", spec), name).derivation for name in ("one", "all"))
    assert one is not None and one.steps[0].sites == 1
    assert rest is not None and rest.steps[0].sites == 2
