"""Every shipped rule on networks made from its own left side, and all that simplify together.

Rules that keep the function are compared bit for bit on whole numbers; what a rule claims about
windows is found by marking the input. `tests/data/rules.json` has what came of it.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from cnndsl import driver
from cnndsl.graph import Graph, Module
from cnndsl.passes.flatten import flatten
from cnndsl.rewrite.carry import carry
from cnndsl.rewrite.engine import Derivation, apply_all
from cnndsl.rewrite.prove.check import Verdict, check_rule
from cnndsl.rewrite.prove.choices import Choices, Unfit
from cnndsl.rewrite.prove.contexts import CONTEXTS
from cnndsl.rewrite.prove.networks import draw_network
from cnndsl.rewrite.prove.samples import Sampler
from cnndsl.rewrite.prove.trial import function, measure
from cnndsl.rewrite.rule import Rewrite
from cnndsl.source import Source
from cnndsl.verify.module_weights import by_key, by_path
from tests.properties.compiled import compiled
from tests.properties.effort import examples
from tests.properties.strategies import Program, programs
from tests.rewrite import proofs
from tests.support import reference
from tests.support.weights import random_weights

PUBLISHED = Path(__file__).parent.parent / "data" / "rules.json"
SHIPPED = proofs.shipped()
TRIED = [rewrite for rewrite in SHIPPED if proofs.is_tried(rewrite)]
SIMPLIFYING = [rewrite for rewrite in SHIPPED if rewrite.repeats]
EXACT = [r for r in TRIED if "exact" in r.kinds and "inference" not in r.kinds]
NEED_A_PLACE = {"aux_head": "which value it reads"}
"""Rules that are asked for at a place, and why."""


def by_name(rewrite: Rewrite) -> str:
    return rewrite.name


def shown(verdict: Verdict) -> str:
    """A counterexample to read."""
    found = verdict.counterexample
    if found is None:
        return ""
    return f"{verdict.rule}: {found.problem.text}\n\n{found.text}\nbecomes\n\n{found.after}"


def published() -> dict[str, Any]:
    rows: dict[str, Any] = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    return rows


# ----------------------------------------------------------------------- every rule


@pytest.mark.parametrize("rewrite", TRIED, ids=by_name)
def test_rule_keeps_what_it_says(rewrite: Rewrite) -> None:
    """On random networks, in contexts that rules have been wrong about; as published."""
    if rewrite.name in NEED_A_PLACE:
        pytest.skip(f"asked for at a place: {NEED_A_PLACE[rewrite.name]}")
    verdict = check_rule(rewrite, proofs.CASES)
    assert not shown(verdict), shown(verdict)
    assert verdict.cases == proofs.CASES, verdict.refusals
    assert proofs.row(rewrite, verdict) == published()[rewrite.name], (
        "write the file anew: python -m tests.rewrite.publish"
    )


@pytest.mark.parametrize("rewrite", TRIED, ids=by_name)
@pytest.mark.parametrize("seed", (1, 2))
@pytest.mark.slow
def test_rule_keeps_what_it_says_by_any_luck(rewrite: Rewrite, seed: int) -> None:
    verdict = check_rule(rewrite, 150, seed)
    assert not shown(verdict), shown(verdict)


def test_what_is_published_is_all_that_ships() -> None:
    tried = [r.name for r in TRIED if r.name not in NEED_A_PLACE]
    assert list(published()) == tried


def test_rules_that_keep_the_function_are_compared_bit_for_bit() -> None:
    """All but those few networks that have a real function in them, or no number."""
    rows = [row for row in published().values() if row["kind"] not in KINDS_WITHOUT_FUNCTION]
    assert sum(row["exact"] for row in rows) > 0.95 * sum(row["cases"] for row in rows)
    assert all(row["exact"] > row["cases"] / 2 for row in rows)


KINDS_WITHOUT_FUNCTION = ("architectural", "approximate")


def test_verdicts_depend_on_the_seed_alone() -> None:
    rewrite = next(rewrite for rewrite in TRIED if rewrite.name == "fold_bn")
    verdict = check_rule(rewrite, 10, seed=5)
    assert check_rule(rewrite, 10, seed=5) == verdict
    assert check_rule(rewrite, 10, seed=6) != verdict


# ----------------------------------------------------------------------- contexts

HOSTILE = ("merge_kxk_1x1", "merge_parallel", "fold_bn", "conv_over_concat", "fuse_siblings")
"""Rules whose left sides have values inside, several inputs, weights."""


@pytest.mark.parametrize("name", CONTEXTS)
@pytest.mark.parametrize("rule", HOSTILE)
def test_contexts_are_survived(rule: str, name: str) -> None:
    """A rule may refuse there, or it must be right."""
    rewrite = next(rewrite for rewrite in TRIED if rewrite.name == rule)
    verdict = check_rule(rewrite, 4, seed=1, contexts=[name])
    assert not shown(verdict), shown(verdict)


# ----------------------------------------------------------------------- conditions

NOTHING_TO_DO = "it would put back what it takes away, or something dearer"
GUARDS = {
    "decouple_exact: h*w > 1": NOTHING_TO_DO,
    "patchify: k > 1": NOTHING_TO_DO,
    "stem_space_to_depth: s > 1": NOTHING_TO_DO,
    "stride_into_previous: s*t > 1": NOTHING_TO_DO,
    "swap_maxpool_act: meets_map(y)": "a window with nothing in it has no greatest element",
}
"""Conditions without which a rule is right all the same, and what they are for."""


def test_conditions_are_needed() -> None:
    """Where one alone does not hold, the rule would be wrong, or cannot be applied at all."""
    idle = {
        f"{name}: {condition}"
        for name, row in published().items()
        for condition, said in row["conditions"].items()
        if said == "idle"
    }
    assert idle == GUARDS.keys()


# ----------------------------------------------------------------------- samples


def test_samples_reach_into_every_corner() -> None:
    """Even and flat windows, uneven strides and paddings, crops, groups, vectors, small maps."""
    rewrite = next(rewrite for rewrite in TRIED if rewrite.name == "densify")
    sampler = Sampler(rewrite)
    seen: Counter[str] = Counter()
    random = Random(0)
    for _ in range(2000):
        try:
            graph = sampler.draw(Choices(random)).graph
        except Unfit:
            continue
        for node in graph.nodes:
            if node.op.word == "conv":
                x, op = graph.types[node.inputs[0]], node.op
                pads = op.pad.height + op.pad.width
                seen.update(
                    {
                        "even": op.window.height % 2 == 0,
                        "flat": op.window.height != op.window.width,
                        "uneven stride": op.window.stride_h != op.window.stride_w,
                        "uneven padding": len(set(pads)) > 1,
                        "crop": min(pads) < 0,
                        "padding beyond the window": op.pad.top >= op.window.height,
                        "taps apart": op.dilation != (1, 1),
                        "groups": op.groups > 1,
                        "depthwise": op.groups == x.channels == op.channels > 1,
                        "one output": op.channels == 1 < x.channels,
                        "no bias": not op.bias,
                        "strides over elements": op.window.stride_h > op.window.height,
                        "vector": x.rank == 1,
                        "odd map": x.height % 2 == 1,
                        "flat map": x.height != x.width,
                        "one row": x.is_map and x.height == 1,
                    }
                )
    assert len(seen) == 16
    assert all(seen.values()), seen


# ----------------------------------------------------------------------- gradients


def trained(module: Module, weights: Any, images: list[Any]) -> reference.Step:
    """One step of training, with a random sum of the outputs as the loss."""
    rng = np.random.default_rng(0)
    outputs = zip(module.main.outputs, module.main.output_types, strict=True)
    shapes = {output.name: (len(images[0]), *type.shape) for output, type in outputs}
    factors = {name: rng.normal(size=shapes[name]) for name in sorted(shapes)}
    return reference.train(module, by_key(weights), factors, *images)


def close(a: Any, b: Any) -> bool:
    return np.allclose(a, b, 0, 1e-7 * max(1.0, np.abs(a).max(initial=0.0)))


@pytest.mark.parametrize("rewrite", EXACT, ids=by_name)
def test_exact_rules_keep_outputs_and_gradients_while_training(rewrite: Rewrite) -> None:
    for trial in proofs.applications(rewrite, proofs.GRADIENT_CASES):
        start, end = trial.derivation.start, trial.derivation.module
        held = by_path(random_weights(start))
        carried = carry(trial.derivation, held)
        rng = np.random.default_rng(0)
        images = [rng.normal(size=(3, *v.type.shape)) for v in start.main.inputs]
        old, new = trained(start, held, images), trained(end, carried.weights, images)
        if not all(np.isfinite(x).all() for x in old.outputs.values()):
            continue  # the greatest element of a window that has none
        assert all(close(x, new.outputs[name]) for name, x in old.outputs.items())
        assert all(map(close, old.slopes, new.slopes))


# ----------------------------------------------------------------------- simplifying


def meaning(graph: Graph) -> tuple[object, ...]:
    """What each output is computed of, whatever the operators are called."""
    known: dict[str, int] = {v.name: hash(v) for v in graph.inputs}
    for node in graph.nodes:
        made = hash((node.op, node.weights, tuple(known[value] for value in node.inputs)))
        known.update((v.name, hash((made, port))) for port, v in enumerate(node.outputs))
    outputs = ((output.name, known[output.value]) for output in graph.outputs)
    return len(graph.nodes), tuple(sorted(outputs))


def simplified(module: Module, random: Random) -> Derivation:
    rules = random.sample(SIMPLIFYING, len(SIMPLIFYING))
    return apply_all(Derivation(module), rules).derivation


def settles(module: Module, random: Random) -> tuple[Derivation, bool]:
    """Whatever the order, as much is left, and nothing more is to be done.

    Tells whether what is left is the same. It may not be: of `relu; relu6` on values below 6
    either one can go.
    """
    first, second = simplified(module, random), simplified(module, random)
    assert measure(first.module) <= measure(module)
    assert measure(first.module) == measure(second.module)
    assert not simplified(first.module, random).steps
    return first, meaning(flatten(first.module)) == meaning(flatten(second.module))


@pytest.mark.parametrize("seed", range(8))
def test_simplifying_settles_in_any_order(seed: int) -> None:
    random = Random(seed)
    steps = networks = same = 0
    while networks < 15:
        try:
            module = Module("net", (draw_network(Choices(random)),))
        except Unfit:
            continue
        networks += 1
        derivation, alike = settles(module, random)
        same += alike
        steps += len(derivation.steps)
        if derivation.steps:
            trial = function(derivation, seed)
            assert trial.problem is None, trial.problem
    assert steps > networks
    assert same >= networks - 1


@examples(15)
@given(programs())
def test_simplifying_random_programs_settles(program: Program) -> None:
    settles(compiled(program), Random(program.text))


FOUND = [
    # What scales one of two siblings is folded into it before they become one.
    "add { | conv 1x1, 1; conv 1x3, 1 | conv 1x1, 1; times(0.3) }",
    # A stride behind two siblings goes into both of them first.
    "add { | conv 1x1, 1; conv 1x1/2, 1 | conv 1x1, 1; conv 1x1/2, 1 }",
]
"""What was left differently once, as small as it gets."""


@pytest.mark.parametrize("body", FOUND)
def test_what_settled_in_two_ways_settles(body: str) -> None:
    module = driver.compile_model(Source("net.cnn", f"model net {{ input 5x6x3; {body} }}")).module
    for seed in range(10):
        settles(module, Random(seed))
