"""Rules that people have written and that are wrong, each with the weights that it would carry.

Every one of them has passed somebody's tests: on odd sizes, on inputs behind a `relu`, away from
the border, with freshly initialised norms. Here each must be found out, and the counterexample
must say whether it is the border that is wrong, which names the mistake.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from cnndsl.diagnostics import CnnError
from cnndsl.driver import compile_model
from cnndsl.evaluate.values import RuleRef
from cnndsl.interpret import draw_integers, interpret
from cnndsl.loader import Loader
from cnndsl.passes.flatten import flatten, paths
from cnndsl.record import Record
from cnndsl.render import render_all
from cnndsl.rewrite import replacement
from cnndsl.rewrite.carriers import CARRIERS, NotCarried
from cnndsl.rewrite.carry import carry
from cnndsl.rewrite.engine import Derivation, apply
from cnndsl.rewrite.prove import require_proof
from cnndsl.rewrite.prove.check import Verdict, check_rule
from cnndsl.rewrite.reading import read_rule
from cnndsl.rewrite.rule import Rewrite
from cnndsl.source import Source

Arrays = list[dict[str, Any]]


def rule(text: str) -> Rewrite:
    """The first rule of a text."""
    loader = Loader(".")
    namespace = loader.namespace(Source("wrong.cnn", text))
    assert not loader.diagnostics
    name = text.removeprefix("rule ").split()[0]
    found = namespace.rule(name)
    assert found is not None
    return read_rule(RuleRef(*found))


# ----------------------------------------------------------------------- carriers, wrong ones


def affine(bn: Any) -> tuple[Any, Any]:
    """Factor and offset of a batch norm whose deviations are whole."""
    deviation = [Fraction(float(v + Fraction(bn.op.eps)) ** 0.5) for v in bn["variance"]]
    factor = bn.arrays.get("scale", 1) / np.array(deviation, dtype=object)
    return factor, bn.arrays.get("shift", 0) - bn["mean"] * factor


def bn_forward(old: Any, new: Any, holes: Any) -> Arrays:
    """`bn; conv`: as if the padding were normalised, too."""
    bn, conv = old
    factor, offset = affine(bn)
    groups, outputs = conv.op.groups, conv.op.channels
    inputs = np.arange(bn.inputs[0].channels).reshape(groups, -1)
    mine = inputs[np.arange(outputs) // (outputs // groups)]  # outputs × inputs of their group
    kernel = conv["kernel"] * factor[mine].T
    bias = conv.arrays.get("bias", 0) + (conv["kernel"] * offset[mine].T).sum(axis=(0, 1, 2))
    return [{"kernel": kernel, "bias": bias}]


def product(first: Any, second: Any) -> Any:
    """The kernel of two convolutions in a row, both with stride 1."""
    (a, b, c, _), (d, e, _, n) = first.shape, second.shape
    kernel = np.zeros((a + d - 1, b + e - 1, c, n), dtype=object)
    for i, j in np.ndindex(d, e):
        kernel[i : i + a, j : j + b] += np.tensordot(first, second[i, j], 1)
    return kernel


def merged(old: Any, new: Any, holes: Any) -> Arrays:
    """`conv; conv`: as if the first one's bias reached into the second one's padding."""
    first, second = old
    through = np.tensordot(second["kernel"].sum(axis=(0, 1)).T, first.arrays.get("bias", 0), 1) \
        if "bias" in first.arrays else 0  # fmt: skip
    bias = second.arrays.get("bias", 0) + through
    made = {"kernel": product(first["kernel"], second["kernel"]), "bias": bias}
    roles = [weight.name for weight in new[0].op.weights(*new[0].inputs)]
    return [{role: made[role] for role in roles}]


def in_the_middle(kernel: Any, size: tuple[int, int]) -> Any:
    """A kernel with zeros around it."""
    wide = np.zeros((*size, *kernel.shape[2:]), dtype=object)
    top, left = (size[0] - kernel.shape[0]) // 2, (size[1] - kernel.shape[1]) // 2
    wide[top : top + kernel.shape[0], left : left + kernel.shape[1]] = kernel
    return wide


def summed(old: Any, new: Any, holes: Any) -> Arrays:
    """Convolutions side by side: every kernel in the middle of the largest."""
    size = new[0].op.window.size
    kernel = sum(in_the_middle(conv["kernel"], size) for conv in old)
    return [{"kernel": kernel, "bias": sum(conv["bias"] for conv in old)}]


def kept(old: Any, new: Any, holes: Any) -> Arrays:
    return [dict(layer.arrays) for layer in old]


def mean_kernel(old: Any, new: Any, holes: Any) -> Arrays:
    """A pool as a convolution that divides by the same number everywhere."""
    (conv,) = new
    height, width = conv.op.window.size
    identity = np.eye(conv.op.channels, dtype=int).astype(object)
    return [{"kernel": np.tile(identity * Fraction(1, height * width), (height, width, 1, 1))}]


def bias_first(old: Any, new: Any, holes: Any) -> Arrays:
    """The bias of a separable pair moved in front of its second half."""
    first, second = old
    total = second["kernel"].sum(axis=(0, 1, 2))
    if not total.all():
        raise NotCarried("a sum of weights is zero")
    return [{**first.arrays, "bias": second["bias"] / (total * Fraction(1))},
            {"kernel": second["kernel"]}]  # fmt: skip


def constant_forward(old: Any, new: Any, holes: Any) -> Arrays:
    """What a norm makes of zeros, as a bias behind the padded convolution."""
    bn, conv = old
    _, offset = affine(bn)
    through = np.tensordot(conv["kernel"].sum(axis=(0, 1)).T, offset, 1)
    return [{"kernel": conv["kernel"], "bias": conv.arrays.get("bias", 0) + through}]


def scale_forward(old: Any, new: Any, holes: Any) -> Arrays:
    """A factor moved past a `relu`, whatever its sign."""
    scale, conv = old
    return [{**conv.arrays, "kernel": conv["kernel"] * scale["scale"][:, None]}]


def identity(old: Any, new: Any, holes: Any) -> Arrays:
    (conv,) = new
    unit = np.eye(conv.op.channels, dtype=int).astype(object)[None, None]
    return [{"kernel": in_the_middle(unit, conv.op.window.size)}]


# ----------------------------------------------------------------------- rules, wrong ones


class Mutant(Record):
    """A wrong rule.

    Arguments:
        at_border: whether just the border is wrong.
        unfitted: the engine would refuse its paddings, so it must not look at them.
    """

    text: str
    carrier: Any = None
    at_border: bool = False
    unfitted: bool = False

    @property
    def name(self) -> str:
        return self.text.split()[1]


MUTANTS = (
    Mutant(
        """rule bn_into_padded_conv inference {
  bn; conv(k, n, pad=p, dilation=d, groups=g, bias=b)
  => conv(k, n, pad=p, dilation=d, groups=g, bias=true)
  weights wrong
}""",
        bn_forward,
        at_border=True,
    ),
    Mutant(
        """rule biased_1x1_into_padded reparametrised {
  conv(1x1, m, pad=0, bias=b); conv(k, n, pad=p, bias=c) => conv(k, n, pad=p, bias=true)
  weights wrong
}""",
        merged,
        at_border=True,
    ),
    Mutant(
        """rule two_3x3_are_one_5x5 reparametrised {
  conv(3x3, m, same, bias=false); conv(3x3, n, same, bias=false)
  => conv(5x5, n, pad=same, bias=false)
  weights wrong
}""",
        merged,
        at_border=True,
    ),
    Mutant(
        """rule enlarge_strided_same exact {
  conv(1x1/2, n, bias=true) => conv(3x3/2, n, pad=same, bias=true)
  weights wrong
}""",
        summed,
    ),
    Mutant(
        """rule repvgg_strided_same reparametrised {
  add { | conv(3x3/2, n, pad=same, bias=true) | conv(1x1/2, n, pad=same, bias=true) }
  => conv(3x3/2, n, pad=same, bias=true)
  weights wrong
}""",
        summed,
    ),
    Mutant(
        """rule acnet_strided_same reparametrised {
  add {
    | conv(3x3/2, n, pad=same, bias=true)
    | conv(1x3/2, n, pad=same, bias=true)
    | conv(3x1/2, n, pad=same, bias=true)
  }
  => conv(3x3/2, n, pad=same, bias=true)
  weights wrong
}""",
        summed,
    ),
    Mutant(
        """rule hoist_stride_same exact {
  conv(k/1, m, pad=same, bias=b); conv(1x1/2, n, pad=0, bias=c)
  => conv(k/2, m, pad=same); conv(1x1, n)
  weights wrong
}""",
        kept,
        unfitted=True,
    ),
    Mutant(
        "rule zeros_into_maxpool exact { pad a; maxpool(k, pad=0) => maxpool(k, pad=a) }",
        at_border=True,
    ),
    Mutant(
        """rule bias_before_counted_pool exact {
  conv(1x1, n, pad=0, bias=true); avgpool(k, pad=p, count_include_pad=true)
  => avgpool(k, pad=p, count_include_pad=true); conv(1x1, n, bias=true)
  weights wrong
}""",
        kept,
        at_border=True,
    ),
    Mutant(
        """rule uncounted_pool_is_conv exact {
  avgpool(k, pad=p, count_include_pad=false) => conv(k, in.channels, pad=p, bias=false)
  weights wrong
}""",
        mean_kernel,
        at_border=True,
    ),
    Mutant(
        """rule bias_inside_separable exact {
  dwconv(h×1, bias=false); dwconv(1×w, bias=true)
  => dwconv(h×1, bias=true); dwconv(1×w, bias=false)
  weights wrong
}""",
        bias_first,
        at_border=True,
    ),
    Mutant(
        """rule constant_into_bias inference {
  times 0; bn; conv(k, n, pad=p, bias=b) => times 0; conv(k, n, pad=p, bias=true)
  weights wrong
}""",
        constant_forward,
        at_border=True,
    ),
    Mutant(
        """rule any_scale_past_relu inference {
  layerscale; relu; conv(k, n, pad=p, bias=b) => relu; conv(k, n, pad=p)
  weights wrong
}""",
        scale_forward,
    ),
    Mutant(
        """rule deepen_after_swish exact {
  hswish => hswish; conv(3x3, in.channels, bias=false); hswish
  weights wrong
}""",
        identity,
    ),
    Mutant(
        """rule pad_into_uncounted_pool exact {
  pad a; avgpool(k, pad=0, count_include_pad=false) => avgpool(k, pad=a, count_include_pad=false)
}""",
        at_border=True,
    ),
)
SHIFTED = {
    "rule stride_first { conv 5x5/2, n => conv 3x3/2, n; conv 3x3, n; keeps window, shape }":
        "the window would be 7x7/2",
    "rule twos { conv 3x3, n => conv 2x2, n, pad=same; conv 2x2, n, pad=same; keeps window }":
        "the window would be 3x3, padding [0, 2, 0, 2], it is 3x3, padding 1",
    "rule early { conv 4x4/2, n => conv 2x2, n, pad=same; conv 3x3/2, n, pad=same; keeps hull }":
        "the window would be 4x4/2, padding [0, 2, 0, 2], it is 4x4/2, padding 1",
}  # fmt: skip
"""Architectural rules that read something else, and what the engine says to them."""


def verdict(mutant: Mutant, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Verdict:
    if mutant.carrier is not None:
        monkeypatch.setitem(CARRIERS, "wrong", mutant.carrier)
    if mutant.unfitted:
        monkeypatch.setattr(replacement, "fitted", lambda graph, *rest: graph)
    return check_rule(rule(mutant.text), **options)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_wrong_rules_are_found_out(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    found = verdict(mutant, monkeypatch)
    assert found.counterexample is not None, found
    assert (found.counterexample.problem.at_border is True) == mutant.at_border
    assert found.counterexample.text.count("\n") < 14, found.counterexample.text


@pytest.mark.parametrize("seed", range(1, 4))
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
@pytest.mark.slow
def test_wrong_rules_are_found_out_by_any_luck(
    mutant: Mutant, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert verdict(mutant, monkeypatch, seed=seed).counterexample is not None


# ----------------------------------------------------------------------- windows


@pytest.mark.parametrize("text", SHIFTED, ids=lambda text: text.split()[1])
def test_shifted_windows_are_found_out_twice(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the algebra at every place, and by marks on the input if the algebra looks away."""
    wrong = rule(text)
    left, _, _ = text.partition("{")[2].partition("=>")
    model = f"model net {{ input 8x8x3; {left.strip().replace(' n', ' 4')}, same }}"
    came = apply(Derivation(compile_model(Source("net.cnn", model)).module), wrong)
    assert not came.derivation.steps
    assert any(refusal.reason.startswith(SHIFTED[text]) for refusal in came.refusals)

    monkeypatch.setattr(replacement, "keeps_window", lambda old, new: True)
    monkeypatch.setattr(replacement, "keeps_hull", lambda old, new: True)
    monkeypatch.setattr(replacement, "fitted", lambda graph, *rest: graph)
    found = check_rule(wrong)
    assert found.counterexample is not None
    assert "does not read" in found.counterexample.problem.text


# ----------------------------------------------------------------------- why others missed them


def numbers(
    body: str, text: str, carrier: Any, monkeypatch: pytest.MonkeyPatch, **weights: Any
) -> tuple[Any, Any]:
    """What a network computes before and after a rule, with some of its weights given."""
    monkeypatch.setitem(CARRIERS, "wrong", carrier)
    module = compile_model(Source("net.cnn", f"model net {{ {body} }}")).module
    derivation = apply(Derivation(module), rule(text)).derivation
    assert derivation.steps
    rng = np.random.default_rng(0)
    drawn = draw_integers(flatten(module), rng)
    for roles in drawn.values():
        roles.update({role: np.full(x.shape, weights[role], object) for role, x in roles.items()
                      if role in weights})  # fmt: skip
    held = {path: drawn[name] for name, path in paths(module).items() if name in drawn}
    carried = carry(derivation, held).weights
    images = {v.name: rng.integers(-9, 10, (2, *v.type.shape)) for v in module.main.inputs}
    results = []
    for graph, places, given in (
        (flatten(module), paths(module), held),
        (flatten(derivation.module), paths(derivation.module), carried),
    ):
        named = {name: given[path] for name, path in places.items() if path in given}
        results.append(interpret(graph, images, named)[graph.outputs[0].value])
    return results[0], results[1]


def test_fresh_norms_hide_a_wrong_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the start of training a norm adds nothing, so nothing is missing in the padding."""
    mutant = MUTANTS[0]
    fresh = {"scale": 1, "shift": 0, "mean": 0, "variance": 1 - Fraction(1e-5)}
    body = "input 8x8x3; bn; conv 3x3, 4"
    before, after = numbers(body, mutant.text, mutant.carrier, monkeypatch, **fresh)
    assert (before == after).all()
    before, after = numbers(body, mutant.text, mutant.carrier, monkeypatch)
    wrong = (before != after).any(axis=(0, 3))
    assert wrong.sum() == 28
    assert not wrong[1:-1, 1:-1].any()


@pytest.mark.parametrize("name", ["enlarge_strided_same", "hoist_stride_same"])
def test_odd_sizes_hide_a_wrong_padding(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mutant = next(mutant for mutant in MUTANTS if mutant.name == name)
    monkeypatch.setattr(replacement, "fitted", lambda graph, *rest: graph)
    layers = {"enlarge": "conv(1x1/2, 4, bias)", "hoist": "conv(3x3, 4, same); conv 1x1/2, 4"}
    body = f"input 9x9x3; {layers[name.split('_')[0]]}"
    before, after = numbers(body, mutant.text, mutant.carrier, monkeypatch)
    assert (before == after).all()
    body = body.replace("9x9", "8x8")
    before, after = numbers(body, mutant.text, mutant.carrier, monkeypatch)
    assert (before != after).any(axis=(0, 3)).all()


def test_inputs_without_a_sign_hide_a_wrong_pool() -> None:
    """Zeros around a maximum are right where nothing is below zero, and a rule can say so."""
    text = "rule zeros exact { input x; pad 1; maxpool(3x3, pad=0) => maxpool(3x3, pad=1)"
    assert check_rule(rule(text + " }")).counterexample is not None
    verdict = check_rule(rule(text + "; when nonnegative(x) }"))
    assert verdict.counterexample is None
    assert verdict.cases > 0


# ----------------------------------------------------------------------- users


def test_a_wrong_rule_of_a_user_is_refused_with_a_counterexample() -> None:
    with pytest.raises(CnnError) as caught:
        require_proof(rule("rule lost exact { pad a; maxpool(k, pad=0) => maxpool(k, pad=a) }"))
    (problem,) = caught.value.diagnostics
    assert problem.code == "E1005"
    assert problem.message.startswith("the rule `lost` is wrong: ")
    assert problem.message.endswith(" numbers of `y1` differ, all of them at the border")
    before, after = problem.notes
    assert before.startswith("for example in\nmodel net {\n  input ")
    assert "\n  pad " in before
    assert after.startswith("which becomes\nmodel net {")
    assert "pad=" in after
    assert "= for example in\n    model net {\n" in render_all([problem])


def test_a_rule_that_nothing_shows_right_is_refused() -> None:
    with pytest.raises(CnnError) as caught:
        require_proof(rule("rule far exact { conv(k, n); relu => conv(k, n); abs; when n == 999 }"))
    (problem,) = caught.value.diagnostics
    assert problem.code == "E1005"
    assert problem.message == "nothing shows that the rule `far` is right"
    assert any("`n == 999` does not hold" in note for note in problem.notes)


def test_weights_that_nobody_carries_are_missed() -> None:
    with pytest.raises(CnnError, match="nothing says what `relu1_2` holds"):
        require_proof(rule("rule bare exact { relu => conv(1x1, in.channels); relu }"))


def test_a_carrier_for_other_layers_is_no_accident_of_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(CARRIERS, "wrong", bn_forward)
    with pytest.raises(CnnError, match="`wrong` fails: ValueError: not enough values"):
        require_proof(rule("rule odd inference { bn => dwconv 1x1; weights wrong }"))


def test_right_rules_pass() -> None:
    require_proof(rule("rule same exact { relu; relu => relu }"))
    require_proof(rule("rule other { conv 5x5, n => conv 3x3, n; conv 3x3, n; keeps window }"))
