"""Blocks on the left side of rules: which calls are meant, and what their layers hand on."""

from __future__ import annotations

import pytest

from cnndsl.diagnostics import CnnError
from cnndsl.driver import Compiled, compile_model
from cnndsl.ops.conv import Conv
from cnndsl.passes.flatten import flatten
from cnndsl.source import Source

BLOCKS = """
use std
block unit(n, k=3x3, act=relu) { conv k, n, bn, act; conv 1x1, n }
block other(n) { conv 5x5, n; conv 3x3, n }
block gated(n, gate=identity) { conv 3x3, n; gate }
block doubled(c) { times c }
"""


def compiled(rule: str, body: str, rules: str = "r", start: str = "") -> Compiled:
    text = f"{BLOCKS}{rule}\nmodel base {{ input 16x16x8; {body} }}\n"
    text += f"model first = base {start}\nmodel net = first with {rules}\n"
    return compile_model(Source("net.cnn", text), "net")


def refused(rule: str, body: str, rules: str = "r", start: str = "") -> str:
    with pytest.raises(CnnError) as caught:
        compiled(rule, body, rules, start)
    (problem,) = caught.value.diagnostics
    labels = (label.text for label in problem.labels)
    return "\n".join((problem.message, *labels, *problem.notes))


def words(result: Compiled) -> list[str]:
    return [node.op.word for node in flatten(result.module).nodes]


# ------------------------------------------------------------------- which ones


def test_arguments_that_are_not_mentioned_have_their_default() -> None:
    rule = "rule r { unit(n) => conv 3x3, n }"
    assert words(compiled(rule, "unit(8)")) == ["conv"]
    assert "`k` is 5x5, the rule means 3x3" in refused(rule, "unit(8, 5x5)")
    assert "`act` is silu, the rule means relu" in refused(rule, "unit(8, act=silu)")


def test_holes_of_a_call_may_be_windows_operators_and_blocks() -> None:
    rule = "rule r { unit(n, k, act=f) => conv k, n; f }"
    result = compiled(rule, "unit(8, 5x5, act=silu)")
    assert words(result) == ["conv", "silu"]
    assert result.module.main.nodes[0].op.window.height == 5


def test_a_block_with_arguments_of_its_own_is_not_taken_for_one_without() -> None:
    """The IR keeps the name `doubled` alone: with another factor it is another block."""
    rule = "rule r(g) { gated(n, gate=g) => conv 3x3, n; g }"
    call = "gated(8, gate=doubled(3))"
    assert words(compiled(rule, call, "r(doubled(3))")) == ["conv", "times"]
    assert "another `gated`" in refused(rule, call, "r(doubled(2))")


def test_a_block_that_was_rewritten_is_no_longer_meant() -> None:
    """Its name and arguments stay, what it does not."""
    rules = "rule r { unit(n) => conv 3x3, n }\nrule s { relu => silu }"
    assert "another `unit`" in refused(rules, "unit(8)", "r", "with s")


def test_patterns_of_parameters_are_taken_apart() -> None:
    rule = "rule r { inception(a, b→c, d→e, pool→f) => conv 1x1, a + c + e + f }"
    result = compiled(rule, "inception(2, 3→4, 5→6, pool→7)")
    assert result.module.main.nodes[0].op.channels == 2 + 4 + 6 + 7


def test_a_rule_that_gives_a_block_of_the_same_name_does_change_it() -> None:
    rule = "rule r { unit(n, k=3x3) => unit(n, k=5x5) }"
    result = compiled(rule, "unit(8); unit(8)")
    sizes = [n.op.window.height for n in flatten(result.module).nodes if isinstance(n.op, Conv)]
    assert sizes == [5, 1, 5, 1]


def test_one_that_gives_the_same_again_applies_nowhere() -> None:
    assert "applies nowhere" in refused("rule r { unit(n) => unit(n, k=3x3) }", "unit(8)")


# -------------------------------------------------------------- what is handed on


def test_a_default_of_the_model_is_in_force_on_the_right() -> None:
    """The block says nothing of norms: all its convolutions have what the model says."""
    rule = "rule r { other(n) => inception_naive(2, 4, 2) }"
    body = "default conv: bn, relu; other(16)"
    result = compiled(rule, body)
    assert words(result) == [*["conv", "bn", "relu"] * 3, "maxpool", "concat"]


def test_what_only_some_layers_have_is_no_default() -> None:
    rule = "rule r { unit(n) => other(n) }"
    assert words(compiled(rule, "unit(8)")) == ["conv", "conv"]


def test_a_bias_that_a_norm_makes_needless_is_no_default() -> None:
    """In `basic` no convolution has one, since a norm follows each; alone they have."""
    result = compiled("rule r { basic(n) => conv 3x3, n, linear }", "basic(8)")
    assert result.module.main.nodes[0].op.bias is True


def test_a_bias_that_the_model_takes_away_is() -> None:
    body = "default conv: bias=false; other(8)"
    result = compiled("rule r { other(n) => conv 3x3, n }", body)
    assert result.module.main.nodes[0].op.bias is False


def test_defaults_may_stand_on_the_right() -> None:
    rule = "rule r { unit(n) => default conv: bias=false; other(n) }"
    result = compiled(rule, "unit(8)")
    biases = [n.op.bias for n in flatten(result.module).nodes if isinstance(n.op, Conv)]
    assert biases == [False, False]


def test_blocks_on_the_right_pad_as_they_say() -> None:
    """Fitted paddings are those of the rule's own operators: a pool in a block has none."""
    rule = "rule r { shortcut_b(n, s) => shortcut_d(n, s) }"
    result = compiled(rule, "shortcut_b(8, 2)")
    (pool,) = (n for n in flatten(result.module).nodes if n.op.word == "avgpool")
    assert (pool.op.pad.top, pool.op.rounding) == (0, "ceil")


# --------------------------------------------------------------------- the place


def test_new_operators_stand_in_their_branch() -> None:
    """Behind what they read, before the other branch; what both sides begin with does not move."""
    body = "add { | conv 3x3, 8, bn | other(8) }"
    rule = """rule r {
      input x, y
      from x
      bn
      z: identity
      add(z, y)
      =>
      from x
      bn
      z: relu
      add(z, y)
    }"""
    main = compiled(rule, body).module.main
    assert [node.name for node in main.nodes][:3] == ["conv1", "bn1", "bn1_relu"]
    assert main.nodes[0].row == main.nodes[1].row < main.nodes[2].row


def test_a_cross_is_not_the_square_around_it() -> None:
    rule = "rule r {{ conv 3x3, n => concat {{ | conv {}, n/2 | conv {}, n/2 }}; keeps {} }}"
    assert "with holes" in refused(rule.format("1x3", "3x1", "window"), "conv 3x3, 8")
    for fine in (("1x3", "3x1", "hull"), ("3x1", "3x3", "window")):
        assert words(compiled(rule.format(*fine), "conv 3x3, 8")) == ["conv", "conv", "concat"]
