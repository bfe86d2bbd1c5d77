"""A derivation in words: what reads well, and that nothing is said twice."""

from __future__ import annotations

import pytest

from cnndsl.driver import compile_model
from cnndsl.rewrite.engine import Derivation, Step
from cnndsl.rewrite.places import Places
from cnndsl.rewrite.reading import read_rule
from cnndsl.rewrite.sides import sides
from cnndsl.rewrite.words import explained, summary, why_not
from cnndsl.source import Source


def derived(body: str, rules: str, items: str = "") -> Derivation:
    """What rules make of a network with the shape of `body`."""
    text = f"use std\n{items}\nmodel net {{\n{body}\n}}\nmodel new = net with {rules}\n"
    found = compile_model(Source("net.cnn", text), "new").derivation
    assert found is not None
    return found


def both(step: Step, number: int = 0) -> tuple[str, str]:
    move = step.moves[number]
    return sides(move.left, move.right, step.before.by_name, step.after.by_name)


SIDES = [
    pytest.param(
        "input 8x8x8; conv 5x5, 16, bn, relu", "factor_5x5",
        "conv 5x5, 16, bn, relu", "conv 3x3, 16, bn, relu; conv 3x3, 16, bn, relu",
        id="rows",
    ),
    pytest.param(
        "input 8x8x8; conv 3x3, 16, relu", "expand_bank(3)",
        "conv 3x3, 16, relu", "concat { | conv 1x3, 8, relu | conv 3x1, 8, relu }",
        id="branches",
    ),
    pytest.param(
        "input 8x8x8; concat { | conv 1x1, 16 | conv 1x1, 4; relu }", "fuse_siblings",
        "{ | conv 1x1, 16 | conv 1x1, 4 }", "conv 1x1, 20; split [16, 4]",
        id="several outputs",
    ),
    pytest.param(
        "input 8x8x16; add { | conv 3x3, 16 | identity }", "absorb_identity",
        "add { | conv 3x3, 16 | identity }", "conv 3x3, 16",
        id="a branch without operators",
    ),
    pytest.param(
        "input 8x8x16; relu; dropout 50%", "drop_dropout", "dropout 50%", "identity",
        id="nothing in its place",
    ),
    pytest.param(
        "input 8x8x8; basic(16, stride=2)", "basic_to_inverted(6)",
        "basic(16, stride=2)", "inverted(6, 16, stride=2)",
        id="calls with their arguments",
    ),
    pytest.param(
        "input 8x8x8; conv 3x3, 16, bias=true; bn", "drop_bias_before_bn",
        "conv 3x3, 16, pad=1, bias, bn", "conv 3x3, 16, pad=1, bias=false, bn",
        id="all arguments where both sides would read alike",
    ),
    pytest.param(
        "input 8x8x8; basic(8) × 2; relu", "depth(2)", "basic(8)", "basic(8) × 3",
        id="runs are counted",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("body", "rules", "left", "right"), SIDES)
def test_both_sides(body: str, rules: str, left: str, right: str) -> None:
    assert both(derived(body, rules).steps[0]) == (left, right)


def test_sides_with_other_inputs_name_them() -> None:
    found = derived("input 8x8x16; basic(16)", "insert_se(4)")
    left, right = both(found.steps[0])
    assert left.startswith("add { | conv2, bn | ") and "bn; se(4) | " in right


def test_a_block_on_the_right_is_that_of_its_place() -> None:
    """Two specialisations of one block keep their own arguments."""
    found = derived("input 8x8x8; basic(16, stride=2); basic(32, stride=2)", "basic_to_inverted(6)")
    rights = {both(found.steps[0], number)[1] for number in (0, 1)}
    assert rights == {"inverted(6, 16, stride=2)", "inverted(6, 32, stride=2)"}


def test_equal_changes_are_told_once() -> None:
    body = "input 8x8x8\n" + "\n".join(f"l{i}: conv 5x5, 8, relu" for i in range(9))
    said = explained(derived(body, "factor_5x5"))
    assert said.count("conv 5x5, 8, relu  =>  ") == 1
    assert "l0 (net.cnn:5:1), l1 (net.cnn:6:1)" in said
    assert max(map(len, said.splitlines())) <= 100


def test_arguments_of_arguments_are_told() -> None:
    found = derived("input 8x8x32; conv 3x3, 32, bn", "swap_norm(gn(16))")
    assert summary(found).splitlines()[1].startswith("swap_norm(gn(16))  1 place ")


def reasons(body: str, rule: str, place: str = "") -> list[str]:
    compiled = compile_model(Source("net.cnn", f"use std\nmodel net {{\n{body}\n}}\n"))
    from cnndsl.driver import request

    (ref,) = request(rule, compiled.namespace).rules
    derivation = Derivation(compiled.module, (), compiled.settings)
    return why_not(read_rule(ref), derivation, Places(compiled.module, place)).splitlines()


def test_why_not_tells_each_reason_once_and_the_nearest_first() -> None:
    body = "input 8x8x8; a: conv 3x3, 8; b: conv 3x3, 8; c: conv(5x5, 8, dilation=2)"
    assert reasons(body, "factor_5x5") == [
        "`factor_5x5` applies nowhere",
        "   `dilation` is 2, the rule means 1",
        "      at c (net.cnn:3:46)",
        "   the window is 3x3, the rule says 5x5",
        "      at a (net.cnn:3:14), b",
    ]


def test_why_not_is_about_the_network_as_it_stands() -> None:
    """A rule that repeats finds nothing more in the end; that is no reason against it."""
    assert reasons("input 8x8x8; conv 3x3, 8, bn, relu", "fold_bn") == [
        "`fold_bn` applies to 1 place"
    ]


def test_why_not_where_nothing_is_alike() -> None:
    assert reasons("input 8x8x8; relu", "factor_5x5") == [
        "`factor_5x5` applies nowhere: no `conv` stands there"
    ]
