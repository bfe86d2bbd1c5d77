"""What the language means: small texts and the graphs they give."""

from __future__ import annotations

import pytest

from cnndsl import driver
from cnndsl.diagnostics import CnnError
from cnndsl.elaborate import Elaborated, elaborate
from cnndsl.evaluate.expressions import lookup
from cnndsl.evaluate.scope import Scope
from cnndsl.graph import Call, Graph, Module
from cnndsl.loader import Loader
from cnndsl.op import Op
from cnndsl.source import Source
from cnndsl.window import Padding, Window


def module(text: str, model: str | None = None, **options: object) -> Module:
    return driver.compile_model(Source("test.cnn", text), model, **options).module  # type: ignore[arg-type]


def net(*rows: str, before: str = "", input: str = "32x32x8") -> Module:
    """A model of the given rows."""
    body = "\n".join(f"  {row}" for row in (f"input {input}", *rows))
    return module(f"{before}\nmodel m {{\n{body}\n}}\n")


def words(graph: Graph) -> list[str]:
    """Operator words and called functions, in order."""
    return [n.op.function if isinstance(n.op, Call) else n.op.word for n in graph.nodes]


def op(module: Module, index: int = 0) -> Op:
    found = module.main.nodes[index].op
    assert isinstance(found, Op)
    return found


def shape(module: Module) -> str:
    return "; ".join(map(str, module.main.output_types))


def codes(text: str, **options: object) -> list[str]:
    with pytest.raises(CnnError) as caught:
        module(text, **options)
    return [diagnostic.code for diagnostic in caught.value.diagnostics]


# ------------------------------------------------------------ statements, windows


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("conv 3x3, 16", "32x32x16"),
        ("conv(3x3, 16)", "32x32x16"),
        ("3x3/2, 16", "16x16x16"),
        ("conv 7x7/2, 16", "16x16x16"),
        ("conv 1x7, 16", "32x32x16"),
        ("conv 3x3/2x1, 16", "16x32x16"),
        ("conv 3x3, 16, valid", "30x30x16"),
        ("conv 3x3, 16, pad=0", "30x30x16"),
        ("conv 3x3, 16, pad=1x0", "32x30x16"),
        ("conv 3x3, 16, pad=[0, 1, 2, 3]", "31x35x16"),
        ("conv 3x3/2, 16, same", "16x16x16"),
        ("conv 2x2, 16", "33x33x16"),
        ("conv 3x3, 16, dilation=2", "32x32x16"),
        ("conv 3x3, 16, groups=4", "32x32x16"),
        ("dwconv 3x3/2", "16x16x8"),
        ("dwconv 3x3, multiplier=2", "32x32x16"),
        ("deconv 2x2/2, 4", "64x64x4"),
        ("deconv 3x3/2, 4, pad=1, output_padding=1", "64x64x4"),
        ("deconv 3x3/2, 4, same", "64x64x4"),
        ("maxpool 3x3/2", "15x15x8"),
        ("maxpool 3x3/2, ceil", "16x16x8"),
        ("avgpool 2x2/2", "16x16x8"),
        ("globalavgpool", "8"),
        ("flatten; fc 10", "10"),
        ("upsample 2", "64x64x8"),
        ("upsample 2x1, bilinear", "64x32x8"),
        ("pad 1", "34x34x8"),
        ("crop [1, 0, 0, 2]", "31x30x8"),
        ("pad_channels 12", "32x32x12"),
        ("shuffle 2", "32x32x8"),
        ("split 2; concat", "32x32x8"),
        ("dropout 40%", "32x32x8"),
    ],
)  # fmt: skip
def test_rows_and_their_shapes(row: str, expected: str) -> None:
    assert shape(net(row)) == expected


def test_hidden_values_are_spelled_out() -> None:
    conv = op(net("conv 5x5/2, 16"))
    assert conv.window == Window(5, 5, 2, 2)  # type: ignore[attr-defined]
    assert conv.pad == Padding(2, 2, 2, 2)  # type: ignore[attr-defined]
    assert conv.bias is True  # type: ignore[attr-defined]


def test_bias_is_left_out_where_only_batch_norms_read_the_convolution() -> None:
    made = net("a: conv 3x3, 16", "bn", "conv 3x3, 16, bn", "conv 3x3, 16", "relu")
    assert [n.op.bias for n in made.main.nodes if n.op.word == "conv"] == [False, False, True]  # type: ignore[union-attr]


def test_a_tapped_convolution_before_a_norm_keeps_its_bias() -> None:
    made = net("a: conv 3x3, 16", "b: bn", "concat(a, b)")
    assert op(made).bias is True  # type: ignore[attr-defined]


def test_post_operators_apply_in_order() -> None:
    assert words(net("conv 3x3, 16, bn, relu, dropout(0.1)").main) == [
        "conv", "bn", "relu", "dropout",
    ]  # fmt: skip


def test_ascii_twins_mean_the_same() -> None:
    unicode = (
        "use std\nmodel m { input 28x28x192; inception(64, 96→128, 16→32, pool→32); unit × 2 }"
    )
    unicode = unicode.replace("unit × 2", "conv(3x3, 8) × 2")
    ascii = unicode.replace("→", "->").replace("×", "x")
    assert module(unicode) == module(ascii)


# ---------------------------------------------------------------- defaults, dialects


def test_an_explicit_list_replaces_the_default_and_linear_means_none() -> None:
    made = net("default conv: bn, relu", "conv 3x3, 8", "conv 3x3, 8, silu", "conv 3x3, 8, linear")
    assert words(made.main) == ["conv", "bn", "relu", "conv", "silu", "conv"]


def test_defaults_flow_into_blocks_and_end_with_their_scope() -> None:
    made = net(
        "{ default conv: relu; b }",
        "conv 3x3, 8",
        before="block b { conv 3x3, 8; conv 3x3, 8, bn }",
    )
    assert words(made.by_name["b"]) == ["conv", "relu", "conv", "bn"]
    assert words(made.main) == ["b", "conv"]


def test_a_default_for_a_family_leaves_out_what_a_member_lacks() -> None:
    made = net("default pool: ceil", "maxpool 3x3/2", "avgpool 3x3/2", "globalavgpool")
    assert [str(v.type) for n in made.main.nodes for v in n.outputs] == ["16x16x8", "8x8x8", "8"]


def test_the_strongest_setting_wins() -> None:
    text = """
dialect loud { conv: pad=valid, bias=true }
model m {
  default conv: bias=false
  input 32x32x8
  conv 3x3, 8
  conv 3x3, 8, bias=true, pad=1
}
model n = m in loud
"""
    first, second = (node.op for node in module(text, "n").main.nodes)
    assert (first.pad, first.bias) == (Padding(), False)  # type: ignore[union-attr]
    assert (second.pad, second.bias) == (Padding(1, 1, 1, 1), True)  # type: ignore[union-attr]
    assert module(text, "m").dialect == "torch"


def test_a_dialect_may_build_on_another() -> None:
    text = """
dialect a { bn: eps=1e-3, momentum=0.5 }
dialect b = a { bn: momentum=0.25 }
model m { input 8x8x4; bn }
"""
    norm = op(module(text, "m", dialect="b"))
    assert (norm.eps, norm.momentum) == (1e-3, 0.25)  # type: ignore[attr-defined]


# ------------------------------------------------------------------- repeats, loops


def test_copies_share_one_function() -> None:
    made = net("b(8) × 5", before="block b(n) { conv 3x3, n, bn, relu }")
    assert words(made.main) == ["b"] * 5
    assert [f.name for f in made.functions] == ["b", "m"]


def test_then_gives_the_first_copy_another_value() -> None:
    made = net("b(stride=2 then 1) × 3", before="block b(stride) { conv 3x3/stride, 8 }")
    assert [str(v.type) for n in made.main.nodes for v in n.outputs] == ["16x16x8"] * 3
    assert len(made.functions) == 3


def test_copy_is_the_number_of_the_copy() -> None:
    made = net("{ conv 3x3, 4 * (copy + 1) } × 3")
    assert shape(made) == "32x32x12"


def test_zero_copies_are_none() -> None:
    assert words(net("conv(3x3, 8) × 0", "relu").main) == ["relu"]


def test_families_of_labels() -> None:
    made = net(
        "for i in 0..3 { d{i}: conv 3x3, 8 * 2**i }",
        "for i in reversed(0..2) { u{i}: add { | from d{i} | conv 3x3, 8 * 2**i } }",
    )
    labels = dict(made.main.labels)
    assert set(labels) == {"d0", "d1", "d2", "u1", "u0"}
    assert shape(made) == "32x32x8"


# ---------------------------------------------------------- branches, taps, sharing


def test_branches_see_the_same_input() -> None:
    made = net("concat { | conv 1x1, 4 | conv 3x3, 6; relu | identity }")
    assert shape(made) == "32x32x18"
    conv1, conv3, relu, concat = made.main.nodes
    assert conv1.inputs == conv3.inputs == ("x",)
    assert concat.inputs == (conv1.name, relu.name, "x")


def test_branches_may_be_looped_and_conditional() -> None:
    made = net(
        "concat { | identity; for r in 1..4 { | conv 3x3, r, dilation=r | conv 1x1, 2 * r } }",
        "add { | conv 1x1, 26; if 1 == 2 { | relu } else if 2 == 2 { | bn | sigmoid } }",
    )
    written = net(
        "concat { | identity | conv 3x3, 1 | conv 1x1, 2 | conv 3x3, 2, dilation=2 | conv 1x1, 4"
        " | conv 3x3, 3, dilation=3 | conv 1x1, 6 }",
        "add { | conv 1x1, 26 | bn | sigmoid }",
    )
    assert made == written and shape(made) == "32x32x26"


def test_looped_branches_nest_and_name_their_values() -> None:
    made = net(
        "y0: conv 1x1, 4",
        "y1: conv 1x1, 4",
        "add { for i in 0..2 { for j in 0..2 { if i != j { | from y{j}; z{i}: relu } } } }",
        "concat(z0, z1)",
    )
    assert words(made.main) == ["conv", "conv", "relu", "relu", "add", "concat"]
    assert [made.main.nodes[i].inputs for i in (2, 3, 5)] == [("y1",), ("y0",), ("z0", "z1")]


def test_branches_of_one_block_are_one_function() -> None:
    made = net(
        "add { for i in 0..32 { | path(4, 8) } } : 32x32x8",
        before="block path(d, n) { conv 1x1, d, bn; conv 3x3, d, bn; conv 1x1, n, bias=false }",
    )
    assert words(made.main) == ["path"] * 32 + ["add"]
    assert [f.name for f in made.functions] == ["path", "m"]


def test_residual_and_its_condition() -> None:
    assert words(net("residual { conv 3x3, 8 }").main) == ["conv", "add"]
    assert words(net("residual(when = 1 == 2) { conv 3x3, 8 }").main) == ["conv"]


def test_a_side_chain_leaves_the_flow() -> None:
    made = net(
        "a: conv 3x3, 4", "from a { conv 3x3, 16; output side }", "conv 3x3, 2", "output end"
    )
    assert [output.name for output in made.main.outputs] == ["side", "end"]
    assert shape(made) == "32x32x16; 32x32x2"


def test_training_outputs_do_not_replace_the_end_of_the_flow() -> None:
    made = net("a: conv 3x3, 4", "from a { fc_head; output aux, training, weight = 0.3 }", "relu",
               before="block fc_head { globalavgpool; fc 10 }")  # fmt: skip
    assert [(o.name, o.training, o.weight) for o in made.main.outputs] == [
        ("output", False, 1.0), ("aux", True, 0.3),
    ]  # fmt: skip


def test_blocks_with_several_inputs_and_outputs_carry_them_through_a_repeat() -> None:
    made = net(
        "a: conv 1x1, 8", "b: conv 3x3, 8", "from a, b", "cell() × 3", "concat",
        before="block cell { input p, h; y: add(p, h); output h, y }",
    )  # fmt: skip
    assert words(made.main) == ["conv", "conv", "cell", "cell", "cell", "concat"]
    assert made.main.nodes[3].inputs == tuple(v.name for v in made.main.nodes[2].outputs)


def test_split_names_its_parts() -> None:
    made = net("left, right: split 2", "from right { y: conv 3x3, 4 }", "concat(left, y)")
    assert shape(made) == "32x32x8"
    assert [v.name for v in made.main.nodes[0].outputs] == ["left", "right"]


def test_share_uses_the_weights_again() -> None:
    text = """
block tower(n) { conv 3x3, n, bn, relu }
model siamese {
  left: input 20x20x1
  a: tower(4)
  right: input 24x24x1
  b: share a
  output a; output b
}
"""
    made = module(text)
    first, second = made.main.nodes
    assert (first.weights, second.weights) == (None, first.name)
    compiled = driver.compile_model(Source("s.cnn", text))
    assert compiled.cost.params == 3 * 3 * 4 + 2 * 4
    assert compiled.cost.macs == 9 * 4 * (20 * 20 + 24 * 24)


# ------------------------------------------------------------------- blocks, families


def test_patterns_mirror_the_call() -> None:
    text = "block b(a, r→n, pool→p) { conv 1x1, a + r + n + p }"
    assert shape(net("b(1, 2→3, pool→4)", before=text)) == "32x32x10"
    assert shape(net("b(1, r=2, n=3, p=4)", before=text)) == "32x32x10"


def test_blocks_and_operators_are_values() -> None:
    text = """
block half(n, act) { conv 3x3/2, n, act }
block twice(unit, n) { unit(n); unit(n) }
model m { input 32x32x8; twice(half(act=silu), 16) }
"""
    made = module(text)
    assert shape(made) == "8x8x16"
    assert words(made.by_name["half"]) == ["conv", "silu"]


def test_enumerations_defaults_and_conditions() -> None:
    text = """
block b(n, at in {first, last} = last) {
  if at == first { conv 1x1/2, n } else { conv 1x1, n }
  conv 3x3/(2 if at == last else 1), n
}
"""
    first = net("b(8, at=first)", before=text).by_name["b"]
    last = net("b(8)", before=text).by_name["b"]
    assert [n.op.window.stride_h for n in first.nodes] == [2, 1]  # type: ignore[union-attr]
    assert [n.op.window.stride_h for n in last.nodes] == [1, 2]  # type: ignore[union-attr]


def test_in_is_the_input_of_the_block() -> None:
    text = "block b { conv 1x1, 2 * in.channels; conv 1x1, in.channels + in.height }"
    assert shape(net("b", before=text)) == "32x32x40"


def test_nth_and_total_count_the_calls_of_a_block() -> None:
    made = net(
        "b(8) × 2",
        "b(8)",
        before="block b(n) { residual { conv 3x3, n; droppath 0.3 * nth / total } }",
    )
    rates = [
        n.op.rate
        for f in made.functions
        for n in f.nodes
        if getattr(n.op, "word", "") == "droppath"
    ]  # type: ignore[union-attr]
    assert rates == pytest.approx([0.0, 0.1, 0.2])


def test_a_block_may_call_itself_while_a_condition_holds() -> None:
    text = "block down(n) { conv 3x3/2, 8; if n > 1 { down(n - 1) } }"
    assert shape(net("down(4)", before=text)) == "2x2x8"


def test_families_and_variants() -> None:
    text = """
model family(depths, width = 8) {
  input 32x32x3
  for d in depths { conv(3x3, width) × d }
}
model small = family([1, 2])
model wide = family([1, 2], width=16) in keras
"""
    assert len(module(text, "small").main.nodes) == 3
    assert shape(module(text, "wide")) == "32x32x16"
    assert module(text, "wide").dialect == "keras"
    assert shape(module(text, "small", settings={"width": "4"})) == "32x32x4"
    assert shape(module(text, "small", settings={"depths": "[0, 1]"}, input="8x8x3")) == "8x8x8"


def test_the_source_of_a_variant_wins() -> None:
    text = """
model base(n) { source "A, 2015"; input 8x8x3; conv 1x1, n }
model plain = base(4)
model varied = base(4) { source "B, 2017" }
model mine = varied(n=5)
"""
    sources = [module(text, model).source for model in ("plain", "varied", "mine")]
    assert sources == ["A, 2015", "B, 2017", "B, 2017"]


REWRITTEN = """
rule mine exact { dropout rate => identity }
let both = [mine, factor_5x5]
let plan(k) = [asym(k), [both]]
model base(n = 4) { input 32x32x3; a: conv 5x5, n; b: conv 7x7, n; expect params = 1 }
model one = base with mine at a { expect params = 2 }
model two = one with asym(7) at " a, b .. c", plan(3) at a..b, both at x_y { expect params = 3 }
model three = two(n=5)
model four = two with mine { expect params = 4 }
model family(depth) { input 8x8x3; conv(3x3, 4) × depth; expect depth = 7 }
model member = family(2) with mine
"""


def elaborated(name: str, text: str = REWRITTEN) -> Elaborated:
    namespace = Loader(".").namespace(Source("test.cnn", text))
    found = namespace.model(name)
    assert found is not None
    return elaborate(*found)


def test_rules_of_variants_are_collected_from_the_base_on() -> None:
    requests = elaborated("two").requests
    assert [(", ".join(map(str, r.rules)), r.place, r.text) for r in requests] == [
        ("mine", "a", "mine at a"),
        ("asym(7)", "a, b..c", 'asym(7) at " a, b .. c"'),
        ("asym(3), mine, factor_5x5", "a..b", "plan(3) at a..b"),
        ("mine, factor_5x5", "x_y", "both at x_y"),
    ]
    assert requests[0].span.text == "mine at a"
    assert [str(*r.rules) for r in elaborated("four").requests if len(r.rules) == 1] == [
        "mine",
        "asym(7)",
        "mine",
    ]
    assert [r.text for r in elaborated("three").requests] == [r.text for r in requests]
    assert elaborated("base").requests == ()


@pytest.mark.parametrize(
    ("model", "claimed"),
    [("base", [1]), ("one", [2]), ("two", [3]), ("three", []), ("four", [4]), ("member", [])],
)
def test_claims_about_a_base_are_not_about_what_rules_make_of_it(
    model: str, claimed: list[int]
) -> None:
    assert [claim.value for claim in elaborated(model).claims] == claimed


def test_the_catalogue_is_read_for_those_who_use_it() -> None:
    loader = Loader(".")
    namespace = loader.namespace(Source("test.cnn", REWRITTEN))
    base, one, two = (namespace.model(name) for name in ("base", "one", "two"))
    assert base and one and two
    elaborate(*base)
    elaborate(*one)
    assert "rules" not in vars(loader.library)
    elaborate(*two)
    assert loader.library.rules["factor_5x5"] == "rules/factor.cnn"


def test_a_rule_of_the_catalogue_hides_nothing() -> None:
    """Its name means the rule only where it would mean nothing otherwise."""
    made = net(
        "asym(3)",
        "conv 3x3, factor_5x5",
        before="""
block asym(n) { conv 1x1, n }
let factor_5x5 = 6
""",
    )
    assert shape(made) == "32x32x6"
    loader = Loader(".")
    namespace = loader.namespace(Source("test.cnn", "let k = 1"))
    assert lookup("factor_5x5", Scope(namespace)) is None
    assert "rules" not in vars(loader.library)


def test_functions_and_constants() -> None:
    text = """
let width = 1.4
let w(c) = round_to(c * width, 8)
model m { let n = w(32); input 8x8x3; conv 1x1, n; conv 1x1, w(10) + max(1, 2) + len([1, 2]) }
"""
    assert shape(module(text)) == "8x8x20"


@pytest.mark.parametrize("name", ["copy", "self", "run", "nth", "variables"])
def test_a_variable_may_have_any_name(name: str) -> None:
    text = f"let double({name}) = 2 * {name}"
    made = net(f"for {name} in 2..4 {{ conv 1x1, double({name}) }}", before=text)
    assert [n.op.channels for n in made.main.nodes] == [4, 6]  # type: ignore[union-attr]


# ---------------------------------------------------------------- symbolic sizes, claims


def test_symbolic_sizes_compose_exactly() -> None:
    made = net("conv 3x3/2, 8", "maxpool 2x2/2", "conv 3x3/2, 4", input="H×W×3")
    (out,) = made.main.output_types
    for h in range(8, 40):
        fixed = net("conv 3x3/2, 8", "maxpool 2x2/2", "conv 3x3/2, 4", input=f"{h}x9x3")
        values = {"H": h, "W": 9}
        assert [s if isinstance(s, int) else s.at(values) for s in out.shape] == list(
            fixed.main.output_types[0].shape
        )


def test_claims_are_proved_to_the_digits_given() -> None:
    body = "model m {{ input 8x8x4; conv 3x3, 10; expect {} }}"
    params = 3 * 3 * 4 * 10 + 10
    assert params == 370
    for claim in ("params = 370", "params = 0.37K", "params = 0.4K", "params = 400 ±10%",
                  "macs = 23_040", "flops = 46_080", "depth = 1", "receptive_field = 3",
                  "shape(conv1) = 8x8x10", "params >= 370", "activations = 640"):  # fmt: skip
        module(body.format(claim))
    for claim in (
        "params = 371",
        "params = 0.38K",
        "params = 400 ±5%",
        "params > 370",
        "depth = 2",
    ):
        assert codes(body.format(claim)) == ["E0309"]


def test_claims_about_open_sizes_are_formulas() -> None:
    body = "model m {{ input H×W×4; conv 3x3, 10; expect {} }}"
    for claim in ("macs = 360*H*W", "macs = W * 360 * H", "flops = 720*H*W", "params = 370"):
        module(body.format(claim))
    for claim in ("macs = 361*H*W", "macs = 360*H*H", "macs < 361*H*W", "params = 370*H"):
        assert codes(body.format(claim)) == ["E0309"]
    assert codes(body.format("macs = 360")) == ["E0310"]


def test_an_override_puts_claims_aside() -> None:
    text = "model m(n = 4) { input 8x8x4; conv 3x3, n : 8x8x4; expect params = 148 }"
    module(text)
    module(text, settings={"n": "5"})
    module(text, input="9x9x4")


# ---------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("cnov 3x3, 4", ["E0201"]),
        ("Conv2d 3x3, 4", ["E0201"]),
        ("conv 3x3", ["E0204"]),
        ("conv 3x3, 4, 5", ["E0205"]),
        ("conv 3x3, 4, stride=2", ["E0203"]),
        ("conv 3, 4", ["E0206"]),
        ("conv 3x3/0, 4", ["E0207"]),
        ("conv 3x3, nope", ["E0202"]),
        ("conv 3x3, 4, groups=3", ["E0305"]),
        ("conv 99x99, 4, pad=0", ["E0303"]),
        ("fc 10", ["E0306"]),
        ("from nowhere", ["E0202"]),
        ("a: relu; a: relu", ["E0208"]),
        ("split 2; relu", ["E0209"]),
        ("add", ["E0209"]),
        ("conv 3x3, 7 / 2", ["E0304"]),
        ("maxpool 3x3/3, strict", ["E0304"]),
        ("conv(3x3, 4) × 1.5", ["E0206"]),
        ("conv(3x3, 4) × 999999", ["E0601"]),
        ("{ { relu } × 1000 } × 1000", ["E0601"]),
        ("add { | conv 3x3, 5 | identity }", ["E0301"]),
        ("add { for i in 0..2 { | conv 3x3, 4 + i } }", ["E0301"]),
        ("add { for i in 0..0 { | relu } }", ["E0209"]),
        ("add { if 1 == 2 { | relu } }", ["E0209"]),
        ("add { for i in 3 { | relu } }", ["E0206"]),
        ("add { if 3 { | relu } }", ["E0206"]),
        ("add { for i in 0..99999 { | relu } }", ["E0601"]),
        ("for i in 0..2 { | relu }", ["E0101"]),
        ("if 1 == 1 { | relu } else { | bn }", ["E0101"]),
        ("add { | for i in 0..2 { | relu } }", ["E0101"]),
        ("add { for i in 0..2 { | relu }; bn }", ["E0101"]),
        ("add { if 1 == 1 { | relu } else { bn } }", ["E0101"]),
        ("add { for i in 0..2 { relu } }", ["E0201"]),
        ("concat { | conv 3x3/2, 4 | identity }", ["E0302"]),
        ("conv 3x3, 4 : 8x8x5", ["E0309"]),
        ("expect speed = 3", ["E0203"]),
        ("b(1, 2)", ["E0205"]),
        ("b", ["E0204"]),
        ("b(m=3)", ["E0204", "E0203"]),
        ("loop(3)", ["E0402"]),
        ("share zz", ["E0202"]),
        ("cnov 3x3, 4; conv 3x3, nope; fc 10, bais=true", ["E0201", "E0202", "E0203"]),
    ],
)  # fmt: skip
def test_mistakes_are_reported_once_each(body: str, expected: list[str]) -> None:
    text = f"""
block b(n) {{ conv 1x1, n }}
block loop(n) {{ loop(n) }}
model m {{ input 8x8x4; {body} }}
"""
    found = codes(text)
    assert found == expected or (found[0] in expected and len(found) == 1)


def test_a_variant_with_other_arguments_does_not_inherit_claims() -> None:
    text = """
model whole(n = 4) { input 8x8x4; conv 3x3, n, bn; expect params = 152 }
model other = whole(n=5)
model same = whole
model elsewhere = whole in keras
model there = whole in keras { expect params = 156 }
model back = there in torch
model family(n) { input 8x8x4; conv 3x3, n; expect depth = 2 }
model member = family(3)
model member_elsewhere = family(3) in keras
"""
    for name in ("other", "same", "elsewhere", "there", "back"):
        module(text, name)
    for name in ("member", "member_elsewhere"):
        with pytest.raises(CnnError):
            module(text, name)


def test_a_value_that_nothing_uses_is_a_warning() -> None:
    text = "model m { input 8x8x4; a: conv 3x3, 4; lost: conv 3x3, 64; from a; relu }"
    (warning,) = driver.compile_model(Source("m.cnn", text)).diagnostics
    assert warning.code == "W0401" and "`lost`" in warning.message
    assert codes(text, strict=True) == ["W0401"]


def test_a_choice_that_is_called_like_an_operator_is_one() -> None:
    text = """
    block unit(n, act in {relu, gelu} = relu) { conv 1x1, n, act }
    model net { input 4x4x3; unit(8, gelu); unit(8) }
    """
    module = driver.compile_model(Source("net.cnn", text)).module
    words = [node.op.word for _, node in module.walk() if isinstance(node.op, Op)]
    assert words == ["conv", "gelu", "conv", "relu"]
