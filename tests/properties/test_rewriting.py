"""Random programs rewritten by random rules at random places.

Whatever a rule does, what comes out holds together: it is a spec, its costs are those of the
journal, and what a rule claims is true of the whole network, by means that the engine does not
use. `rules.py` writes the programs and chooses the rules.
"""

from __future__ import annotations

import hashlib
import itertools
import json

import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

np = pytest.importorskip("numpy")

from cnndsl.backend import backend  # noqa: E402
from cnndsl.diagnostics import CnnError  # noqa: E402
from cnndsl.graph import Module  # noqa: E402
from cnndsl.irtext import ir_hash, print_module, read_module  # noqa: E402
from cnndsl.passes.cost import cost  # noqa: E402
from cnndsl.passes.receptive import Field, receptive_fields  # noqa: E402
from cnndsl.record import replace  # noqa: E402
from cnndsl.rewrite.engine import Derivation, apply_all  # noqa: E402
from cnndsl.rewrite.journal import replay, sites_of, undo  # noqa: E402
from cnndsl.rewrite.rule import Rewrite  # noqa: E402
from cnndsl.rewrite.words import as_data, explained, summary  # noqa: E402
from tests.properties.effort import examples  # noqa: E402
from tests.properties.rules import (  # noqa: E402
    CALLS,
    applied,
    keepers,
    of_set,
    rewritable,
    shipped,
    started,
    steps,
)
from tests.properties.strategies import Chooser, Program, programs  # noqa: E402
from tests.support.hash_seeds import printed_by_all  # noqa: E402
from tests.support.printed import assert_says_the_same, printed, read  # noqa: E402
from tests.support.rewriting import both  # noqa: E402
from tests.support.weights import number_of, shapes  # noqa: E402

pytestmark = pytest.mark.slow  # minutes, even with few examples
MOST = 4
"""Rules that are applied one after the other."""
OTHER_SIZES = ("resolution", "compound")
"""Transforms that change inputs and outputs."""
HEADS = ("insert_head", "drop_dead")
"""Transforms of outputs that exist in training only."""

choices = st.binary(min_size=400, max_size=400).map(Chooser)


def rewritten(
    program: Program, choose: Chooser, rules: tuple[Rewrite, ...], count: int = MOST
) -> list[Derivation]:
    """The program as it is, and after each rule that found a place."""
    start = started(program)
    assume(start is not None)
    assert start is not None
    found = [start, *steps(start, choose, rules, count)]
    assume(len(found) > 1)
    for step in found[-1].steps:
        event(step.rewrite.name)
    return found


# ------------------------------------------------------------------ what comes out


@examples(50)
@given(rewritable(), choices)
def test_what_comes_out_is_a_spec(program: Program, choose: Chooser) -> None:
    """It is printed, means the same network, and its graph reads back."""
    *_, derivation = rewritten(program, choose, shipped())
    module = derivation.module
    assert_says_the_same(derivation.result)
    assert read_module(print_module(module)) == module
    assert_same_interface(derivation)


@examples(15)
@given(programs(symbolic=True), choices)
def test_sizes_may_be_open(program: Program, choose: Chooser) -> None:
    *_, derivation = rewritten(program, choose, shipped())
    assert_says_the_same(derivation.result)
    assert_same_interface(derivation)


def assert_same_interface(derivation: Derivation) -> None:
    """Inputs and outputs are what they were, as far as no rule is there to change them."""
    transforms = {step.rewrite.transform for step in derivation.steps}
    if transforms.isdisjoint(OTHER_SIZES):
        heads = not transforms.isdisjoint(HEADS)
        assert interface(derivation.module, heads) == interface(derivation.start, heads)


def interface(module: Module, without_heads: bool) -> object:
    main = module.main
    ends = zip(main.outputs, main.output_types, strict=True)
    return main.inputs, [
        (end.name, type, end.training, end.weight)
        for end, type in ends
        if not (without_heads and end.training)
    ]


@examples(40)
@given(rewritable(), choices)
def test_windows_are_kept_where_rules_say_so(program: Program, choose: Chooser) -> None:
    """The fields of all labelled values and outputs, on the whole network, by another pass."""
    keeping = tuple(rewrite for rewrite in shipped() if "window" in rewrite.keeps)
    found = rewritten(program, choose, keeping)
    fields = [labelled_fields(derivation.module) for derivation in found]
    for before, after in itertools.pairwise(fields):
        common = before.keys() & after.keys()
        assert {key: after[key] for key in common} == {key: before[key] for key in common}


def labelled_fields(module: Module) -> dict[tuple[str, str], Field]:
    """What outputs and labelled values read, by their names and those of the inputs."""
    main = module.main
    named = [(o.name, o.value) for o in main.outputs] + list(main.labels)
    return {
        (value.name, name): fields[end]
        for value in main.inputs
        for fields in [receptive_fields(module, value.name)]
        for name, end in named
        if end in fields
    }


# ------------------------------------------------------------------ the journal


@examples(30)
@given(rewritable(), choices)
def test_the_journal_adds_up(program: Program, choose: Chooser) -> None:
    """Costs of each step are those of its text and of its weights; changes are the whole."""
    start, *found = rewritten(program, choose, shipped())
    derivation = found[-1]
    first, last = cost(start.module), cost(read(printed(derivation.module)))
    for costs, before, after in (
        ([step.params for step in derivation.steps], first.params, last.params),
        ([step.macs for step in derivation.steps], first.macs, last.macs),
    ):
        assert sum(b - a for a, b in costs) == after - before
        assert [b for _, b in costs[:-1]] == [a for a, _ in costs[1:]]
    for further in found:
        if not any(output.training for output in further.module.main.outputs):
            held = number_of(shapes(further.module), trainable=True)
            assert further.steps[-1].params[1] == held
    totals = json.loads(backend("report").emit(derivation.result, format="json"))["totals"]
    assert (totals["parameters"], totals["macs"]) == (last.params, last.macs)
    written = json.loads(json.dumps(as_data(derivation)))
    assert [step["params"] for step in written["steps"]] == [
        list(s.params) for s in derivation.steps
    ]
    for text in (explained(derivation), summary(derivation)):
        assert all(step.rewrite.text in text for step in derivation.steps)


@examples(30)
@given(rewritable(), choices)
def test_a_step_that_is_taken_back_has_never_been(program: Program, choose: Chooser) -> None:
    """As far as the others find the same places without it."""
    *_, derivation = rewritten(program, choose, shipped())
    number = choose.number(1, len(derivation.steps))
    others = [step for step in derivation.steps if step.number != number]
    try:
        undone = undo(derivation, number)
    except CnnError as problem:
        assert [found.code for found in problem.diagnostics] == ["E1008"]
        event("others build on it")
        return
    assert_says_the_same(undone.result)
    never = replace(derivation, steps=())
    try:
        for step in others:
            never = applied(never, step.rewrite, step.places)
    except CnnError:
        event("a place that the step made")
        return
    if [sites_of(step) for step in never.steps] == [sites_of(step) for step in others]:
        event("the same places")
        assert ir_hash(undone.module) == ir_hash(never.module)


@examples(20)
@given(rewritable(), choices)
def test_replayed_on_itself(program: Program, choose: Chooser) -> None:
    start, *_, derivation = rewritten(program, choose, shipped())
    assert ir_hash(replay(derivation, start).module) == ir_hash(derivation.module)


# ------------------------------------------------------------------ numbers


@examples(60)
@given(rewritable(), choices)
def test_functions_are_kept(program: Program, choose: Chooser) -> None:
    """Whole numbers as weights: not one bit differs where the network computes with such."""
    *_, derivation = rewritten(program, choose, keepers())
    assert_computes_the_same(derivation)


@examples(30)
@given(rewritable(), st.sampled_from(["inference", "simplify", "merge_branches"]))
def test_sets_keep_functions_and_leave_less(program: Program, name: str) -> None:
    start = started(program)
    assume(start is not None)
    assert start is not None
    derivation = apply_all(start, of_set(name)).derivation
    assume(derivation.steps)
    assert_computes_the_same(derivation)
    assert_says_the_same(derivation.result)
    before, after = cost(start.module), cost(derivation.module)
    assert (after.macs, after.params) <= (before.macs, before.params)
    assert apply_all(derivation, of_set(name)).derivation is derivation


def assert_computes_the_same(derivation: Derivation) -> None:
    """Bit for bit, or up to the rounding of real functions."""
    for before, after in zip(*both(derivation), strict=True):
        if before.dtype != np.float64 and after.dtype != np.float64:
            event("whole numbers")
            assert np.array_equal(before, after)
            continue
        one, other = before.astype(float), after.astype(float)
        finite = np.isfinite(one)
        assert np.array_equal(finite, np.isfinite(other))
        largest = np.abs(one[finite]).max(initial=0)
        assert np.abs(one[finite] - other[finite]).max(initial=0) <= 1e-9 * largest


# ------------------------------------------------------------------ backends


@examples(12)
@given(rewritable(), choices)
def test_figures_and_code(program: Program, choose: Chooser) -> None:
    """Dot text comes out; what JAX finds are the shapes and the parameters of the IR."""
    pytest.importorskip("flax")
    from tests.properties.compiled import emitted

    *_, derivation = rewritten(program, choose, shipped())
    module = derivation.result
    assert "digraph" in backend("dot").emit(module)
    code = emitted(module)
    types = module.main.types
    assert code.output_shapes(training=True) == {
        output.name: types[output.value].shape for output in module.main.outputs
    }
    from flax import nnx

    assert code.number_of(nnx.Param) == cost(module, training=True).params


# ------------------------------------------------------------------ determinism

HASHES = """
import json, sys
from hashlib import sha256
from tests.properties.rules import of_set, started, shipped, steps
from tests.properties.strategies import Chooser, Program
from cnndsl.backend import backend
from cnndsl.irtext import print_module
from cnndsl.rewrite.engine import apply_all
from cnndsl.rewrite.words import as_data, explained
for text, model, settings, data in json.load(sys.stdin):
    start = started(Program(text, model, (), (), tuple(map(tuple, settings))))
    *_, derivation = [start, *steps(start, Chooser(bytes(data)), shipped(), 4)]
    derivation = apply_all(derivation, of_set("inference")).derivation
    for text in (
        print_module(derivation.module), backend("cnn").emit(derivation.result),
        backend("dot").emit(derivation.result), explained(derivation),
        json.dumps(as_data(derivation)),
    ):
        print(sha256(text.encode()).hexdigest())
"""


def test_hash_seeds_do_not_show() -> None:
    """Fresh interpreters with other hash seeds write the same bytes."""
    drawn: list[tuple[Program, bytes]] = []

    @examples(8)
    @given(rewritable(), choices)
    def collect(program: Program, choose: Chooser) -> None:
        rewritten(program, choose, shipped())
        drawn.append((program, choose.data))

    collect()
    cases = [(p.text, p.model, list(p.settings), list(data)) for p, data in drawn[-8:]]
    lines = printed_by_all(HASHES, cases, ("0", "4711"))
    program, data = drawn[-8:][0]
    start = started(program)
    assert start is not None
    *_, derivation = [start, *steps(start, Chooser(data), shipped(), MOST)]
    derivation = apply_all(derivation, of_set("inference")).derivation
    text = print_module(derivation.module)
    assert lines[0] == hashlib.sha256(text.encode()).hexdigest()


# ------------------------------------------------------------------ the generator itself


def test_every_rule_can_be_called() -> None:
    assert CALLS.keys() <= {rewrite.name for rewrite in shipped()}
    assert not [rewrite.text for rewrite in shipped() if rewrite.missing]


def test_rules_find_places() -> None:
    """Programs and places are such that rules apply, many different ones and often."""
    applied: list[str] = []
    tried: list[bool] = []

    @examples(60)
    @given(rewritable(), choices)
    def collect(program: Program, choose: Chooser) -> None:
        start = started(program)
        tried.append(start is not None)
        if start is not None:
            for derivation in steps(start, choose, shipped(), MOST):
                applied.append(derivation.steps[-1].rewrite.name)

    collect()
    assert sum(tried) >= 0.8 * len(tried)
    assert len(applied) >= 2.5 * len(tried)
    assert len({*applied}) >= 50
