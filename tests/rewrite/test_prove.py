"""The machinery that tries rules: drawings, marks on the input, conditions turned round."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest

from cnndsl.driver import compile_model
from cnndsl.graph import Graph
from cnndsl.interpret import draw_integers, interpret
from cnndsl.irtext import print_module
from cnndsl.passes.flatten import flatten
from cnndsl.rewrite.prove.check import check_rule, trials
from cnndsl.rewrite.prove.choices import Choices, Unfit
from cnndsl.rewrite.prove.contexts import CONTEXTS, embed
from cnndsl.rewrite.prove.necessity import needs
from cnndsl.rewrite.prove.reach import SIDES, dependence, misread
from cnndsl.rewrite.prove.samples import Sampler
from cnndsl.rewrite.prove.training import in_training
from cnndsl.source import Source
from tests.rewrite.test_mutants import rule
from tests.support import reference


def graph(body: str) -> Graph:
    return flatten(compile_model(Source("net.cnn", f"model net {{ {body} }}")).module)


# ----------------------------------------------------------------------- drawings

MERGE = rule("rule merge exact { add { | conv(k, n, pad=p) | conv(l, n, pad=q) } => conv(k, n) }")


def drawn(choices: Choices) -> str | None:
    try:
        return print_module(embed(Sampler(MERGE).draw(choices), choices))
    except Unfit:
        return None


def test_a_drawing_is_its_choices() -> None:
    random, found = Random(0), 0
    for _ in range(200):
        choices = Choices(random)
        text = drawn(choices)
        again = Choices(None, choices.made)
        assert drawn(again) == text
        assert again.made == choices.made
        found += text is not None
    assert found > 20


def test_simplest_choices_are_a_drawing() -> None:
    text = drawn(Choices(None))
    assert text is not None
    assert "1x1x1" in text


def test_every_context_is_drawn() -> None:
    seen = set()
    random = Random(0)
    for _ in range(3000):
        choices = Choices(random)
        if drawn(choices) is not None:
            seen.add(choices.made["context"])
    assert seen == CONTEXTS.keys() - {"same_input"}, "it has one input"


def test_numbers_of_conditions_are_tried() -> None:
    """No usual number of channels is 29."""
    text = "rule far exact { relu; relu => relu; when in.channels == 29 and in.height == 30 }"
    assert check_rule(rule(text), cases=5).cases == 5


def test_what_fitted_last_is_tried_again() -> None:
    """A condition that one drawing in hundreds meets by chance."""
    text = "rule rare exact { conv(k, n, pad=p, dilation=d, groups=g); relu; relu => "
    text += "conv(k, n, pad=p, dilation=d, groups=g); relu; when "
    text += "k.height == 4 and g == 3 and n == 6 }"
    verdict = check_rule(rule(text), cases=40)
    assert verdict.cases == 40
    assert verdict.tried < 1000


# ----------------------------------------------------------------------- marks


def perturbed(graph: Graph) -> dict[tuple[str, str, str], Any]:
    """Where a change of a row arrives; with weights and inputs above zero nothing hides it."""
    weights = {
        name: {role: np.ones(x.shape) for role, x in roles.items()}
        for name, roles in draw_integers(graph, np.random.default_rng(0)).items()
    }
    (source,) = graph.inputs
    height, width, channels = source.type.shape
    found = {}
    for axis, side in enumerate(SIDES):
        count = (height, width)[axis]
        image = np.ones((1, height, width, channels))
        for output in graph.outputs:
            rows = []
            for number in range(count):
                other = image.copy()
                other.swapaxes(1, 1 + axis)[:, number] += 1
                old, new = (
                    interpret(graph, {source.name: x}, weights)[output.value]
                    for x in (image, other)
                )
                rows.append((np.abs(old - new) > 1e-9).any(axis=(0, 3)))
            found[source.name, output.name, side] = np.stack(rows)
    return found


@pytest.mark.parametrize(
    "body",
    [
        "conv 3x3/2, 4; conv 2x3, 4",
        "conv(3x2, 4, pad=[2, 0, -1, 1], dilation=2x1); avgpool 2x2/2",
        "concat { | conv 1x1/2, 2 | conv 3x3/2, 2 }; deconv 2x2/2, 3",
        "pad [0, 2, 1, 0]; crop 1; dwconv 3x3/3, 2",
        "space_to_depth 2; conv 3x3, 4; upsample 2",
        "a: conv 3x3, 3; conv(3x3, 3, dilation=3); add(a, x)",
    ],
)
def test_marks_arrive_where_changes_do(body: str) -> None:
    net = graph(f"x: input 10x12x3; {body}")
    expected = perturbed(net)
    for key, marks in dependence(net).items():
        assert np.array_equal(marks, expected[key]), key


def test_windows_that_are_misread() -> None:
    def modules(*bodies: str) -> list[Any]:
        return [
            compile_model(Source("net.cnn", f"model net {{ input 11x12x2; {body} }}")).module
            for body in bodies
        ]

    two, one = modules("conv 3x3, 2; conv 3x3, 2", "conv 5x5, 2")
    assert misread(two, one, hull=False) is None
    (shifted,) = modules("conv(5x5, 2, pad=[1, 3, 2, 2])")
    assert misread(one, shifted, hull=True) == ("output", "rows", "x")
    (wide,) = modules("conv(3x3, 2, dilation=2)")
    assert misread(one, wide, hull=True) is None
    assert misread(one, wide, hull=False) == ("output", "rows", "x")


# ----------------------------------------------------------------------- training


def test_training_is_that_of_torch() -> None:
    """Statistics of the batch; PyTorch's dropout is off here, and so is ours."""
    module = compile_model(
        Source("net.cnn", "model net { input 5x6x3; conv 3x3, 4, bn, relu; dropout 50%; bn }")
    ).module
    net = flatten(module)
    rng = np.random.default_rng(0)
    weights = draw_integers(net, rng)
    images = {"x": rng.integers(-9, 10, (2, 5, 6, 3))}
    found = in_training(net, images, weights, drops=False)[net.outputs[0].value]
    places = {(name.split(".")[0],): roles for name, roles in weights.items()}
    keyed = {
        (path, role): x.astype(float) for path, roles in places.items() for role, x in roles.items()
    }
    factors = {"output": np.ones(found.shape)}
    step = reference.train(module, keyed, factors, images["x"].astype(float))
    assert np.allclose(found, step.outputs["output"])


@pytest.mark.parametrize("kind", ["exact", "reparametrised", "inference"])
def test_folding_a_norm_is_no_training(kind: str) -> None:
    """A rule that is right in inference only has to say so."""
    text = f"rule scale {kind} {{ bn => dwconv 1x1, bias=true; weights as_affine }}"
    verdict = check_rule(rule(text), cases=20)
    found = verdict.counterexample
    assert (found is None) == (kind == "inference")
    assert found is None or found.problem.text.startswith("while training, ")


@pytest.mark.parametrize("kind", ["exact", "inference"])
def test_dropping_a_dropout_is_no_training(kind: str) -> None:
    verdict = check_rule(rule(f"rule drop {kind} simplify {{ dropout r => identity }}"), cases=20)
    assert (verdict.counterexample is None) == (kind == "inference")


# ----------------------------------------------------------------------- measures


def test_rules_that_simplify_leave_less() -> None:
    found = check_rule(rule("rule swap exact simplify { relu; abs => abs; relu }")).counterexample
    assert found is not None
    assert "it does not simplify" in found.problem.text


# ----------------------------------------------------------------------- conditions


def test_conditions_are_turned_round_alone() -> None:
    text = "rule pads exact { y: pad a; z: maxpool(k, pad=0) => maxpool(k, pad=a); "
    text += "when pads_below(y) and k.height > 0 and (a == 7 or z.channels < 9) }"
    found = {need.condition: need for need in needs(rule(text))}
    assert "differ" in found["pads_below(y)"].wrong
    never = found["k.height > 0"]
    assert (never.cases, never.wrong, never.is_idle) == (0, "", False)


def test_conditions_that_are_not_needed() -> None:
    text = "rule twice exact { relu; relu => relu; when in.channels > 2 }"
    (need,) = needs(rule(text), cases=10)
    assert need.is_idle


def test_trials_of_a_rule_go_on() -> None:
    """They are drawn one by one, as many as one likes."""
    stream = trials(Sampler(rule("rule twice exact { relu; relu => relu }")))
    assert len([next(stream) for _ in range(30)]) == 30
