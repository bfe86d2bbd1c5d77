"""The journal: steps taken back, replayed, attributed."""

from __future__ import annotations

import itertools
import random

import pytest

from cnndsl.diagnostics import CnnError
from cnndsl.driver import compile_model
from cnndsl.irtext import ir_hash
from cnndsl.rewrite.engine import Derivation, apply
from cnndsl.rewrite.journal import dependants, replay, undo
from cnndsl.rewrite.reading import read_rule
from cnndsl.rewrite.rule import Rewrite
from cnndsl.rewrite.words import as_data, explained, summary
from cnndsl.source import Source

SPEC = """
use std
rule factor { conv 5x5/s, n => conv 3x3, n; conv 3x3/s, n; keeps window, shape }
rule widened { conv 3x3, n => conv 5x5, n; keeps shape }
rule grouped { conv k, n => conv(k, n, groups=2); when in.channels % 2 == 0 and n % 2 == 0 }
rule asym3 { conv 3x3, n => conv 1x3, n; conv 3x1, n; keeps window, shape }
rule smooth { maxpool k => avgpool k; keeps shape }
model net {
  input 32x32x8
  a: inception(8, 8→16, 4→8, pool→8)
  pool: maxpool 2x2
  b: inception(8, 8→16, 4→8, pool→8)
  c: conv 5x5, 16, bn, relu
  globalavgpool
  fc 10
}
model sibling { input 64x64x4; a: conv 5x5, 8, relu; x: maxpool 2x2; c: conv 3x3/2, 8 }
"""


def started(model: str = "net") -> tuple[Derivation, dict[str, Rewrite]]:
    compiled = compile_model(Source("net.cnn", SPEC), model)
    names = ("factor", "widened", "grouped", "asym3", "smooth")
    found = (compiled.namespace.rule(name) for name in names)
    from cnndsl.evaluate.values import RuleRef

    rewrites = [read_rule(RuleRef(*ref)) for ref in found if ref is not None]
    return Derivation(compiled.module, (), compiled.settings), dict(
        zip(names, rewrites, strict=True)
    )


def derived(*steps: str) -> Derivation:
    """`rule@place`, one after the other."""
    derivation, rewrites = started()
    for step in steps:
        name, _, place = step.partition("@")
        derivation = apply(derivation, rewrites[name], place).derivation
    assert len(derivation.steps) == len(steps)
    return derivation


def test_taking_everything_back_gives_the_original() -> None:
    derivation = derived("factor@a", "grouped@c", "smooth@pool")
    while derivation.steps:
        derivation = undo(derivation, len(derivation.steps))
    assert derivation.module == derivation.start


def test_a_step_in_the_middle_is_as_if_it_had_never_been() -> None:
    steps = ("factor@a", "grouped@c", "smooth@pool", "factor@b")
    for number in range(1, 5):
        without = derived(*steps[: number - 1], *steps[number:])
        assert ir_hash(undo(derived(*steps), number).module) == ir_hash(without.module)


def test_the_others_keep_their_places() -> None:
    """Without the first step the second one could apply to more: it does not."""
    derivation = derived("factor@a", "asym3@b")
    again = undo(derivation, 1)
    (step,) = again.steps
    assert step.sites == 1
    assert ir_hash(again.module) == ir_hash(derived("asym3@b").module)


def test_what_others_build_on_stays() -> None:
    derivation = derived("factor@c", "smooth", "asym3@c")
    assert dependants(derivation, 1) == (3,)
    with pytest.raises(CnnError, match="E1008"):
        undo(derivation, 1)
    assert ir_hash(undo(derivation, 2).module) == ir_hash(derived("factor@c", "asym3@c").module)


@pytest.mark.parametrize("seed", range(6))
def test_independent_steps_commute_with_taking_back(seed: int) -> None:
    generator = random.Random(seed)
    choices = ["factor@a", "factor@b", "factor@c", "smooth@pool", "grouped@a", "grouped@b"]
    one_rule_each = {}
    for step in generator.sample(choices, len(choices)):
        one_rule_each.setdefault(step.partition("@")[2], step)
    steps = list(one_rule_each.values())
    number = generator.randrange(len(steps)) + 1
    without = derived(*steps[: number - 1], *steps[number:])
    assert ir_hash(undo(derived(*steps), number).module) == ir_hash(without.module)


def test_there_is_no_such_step() -> None:
    with pytest.raises(CnnError, match="there is no step 3: the derivation has 1"):
        undo(derived("factor"), 3)


def test_replayed_on_a_sibling() -> None:
    onto, _ = started("sibling")
    found = replay(derived("factor@a", "smooth"), onto)
    assert [step.sites for step in found.steps] == [1, 1]
    assert found.module.name == "sibling"


def test_a_rule_that_a_sibling_has_no_place_for() -> None:
    onto, _ = started("sibling")
    with pytest.raises(CnnError, match="E1003"):
        replay(derived("factor@b"), onto)


def test_savings_add_up() -> None:
    derivation = derived("factor@a", "grouped@c", "factor@b")
    first, last = derivation.steps[0], derivation.steps[-1]
    total = last.params[1] - first.params[0]
    assert total == sum(after - before for before, after in (s.params for s in derivation.steps))
    for before, after in itertools.pairwise(derivation.steps):
        assert before.params[1] == after.params[0]
        assert before.macs[1] == after.macs[0]


def test_operators_know_the_step_that_made_them() -> None:
    derivation = derived("factor@c", "grouped@a")
    made = dict(derivation.history.made)
    main = derivation.module.main
    assert {made.get((main.name, node.name)) for node in main.nodes if "c_" in node.name} == {1}
    inside = [node.op.function for node in main.nodes if node.name == "a"]  # type: ignore[union-attr]
    assert {number for (function, _), number in made.items() if function == inside[0]} == {2}


def test_in_words() -> None:
    derivation = derived("factor@c", "smooth")
    said = explained(derivation)
    assert "1. factor" in said
    assert "conv 5x5, 16, bn, relu  =>  conv 3x3, 16, bn, relu; conv 3x3, 16, bn, relu" in said
    assert "every output reads the same inputs" in said
    # 5·5·40·16 weights become 3·3·40·16 + 3·3·16·16, and two numbers more for each new norm
    before, after = derivation.steps[0].params
    assert before - after == 25 * 40 * 16 - 9 * 40 * 16 - 9 * 16 * 16 - 32
    assert summary(derivation).splitlines()[-1].startswith("altogether")
    assert [step["rule"] for step in as_data(derivation)["steps"]] == ["factor", "smooth"]
