"""Architectures derived from earlier ones, `specs/derived.cnn`, against those written down.

The totals are claims of the spec. Here the derived network is compared with the shipped
spec of the same architecture, operator by operator, and its printed form is read again.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from cnndsl import driver
from cnndsl.backend import backend
from cnndsl.driver import Compiled, compile_model
from cnndsl.graph import Module, inference_graph
from cnndsl.op import Op
from cnndsl.passes.cost import cost
from cnndsl.passes.flatten import flatten
from cnndsl.rewrite.carry import carry
from cnndsl.source import Source
from cnndsl.verify.module_weights import draw

SPECS = Path(__file__).parent.parent.parent / "specs"

SAME = {
    "two_towers_from_one": ("alexnet.cnn", "alexnet", "groups=2"),
    "vgg13_from_shallow": ("vgg.cnn", "vgg13", ""),
    "inception_v3_from_wide": ("inception_v3.cnn", "inception_v3", "aux=false"),
    "resnet34_from_plain": ("resnet.cnn", "resnet34_a", ""),
    "resnet34_b_from_a": ("resnet.cnn", "resnet34", ""),
    "resnet34_c_from_a": ("resnet.cnn", "resnet34_c", ""),
    "resnet50_v2_from_v1": ("resnet_v2.cnn", "resnet50_v2", ""),
    "resnext50_from_resnet50": ("resnext.cnn", "resnext50", ""),
    "squeezenet_from_plain": ("squeezenet.cnn", "squeezenet", ""),
    "mobilenet_from_plain": ("mobilenet.cnn", "mobilenet_1_0", ""),
    "se_resnet50_from_resnet50": ("se_resnet.cnn", "se_resnet50", ""),
    "mobilenet_v2_from_basic": ("mobilenet_v2.cnn", "mobilenet_v2", ""),
    "resnet50_b_from_2015": ("resnet.cnn", "resnet50", ""),
    "resnet50_c_from_b": ("resnet_d.cnn", "resnet50_c", ""),
    "resnet50_d_from_c": ("resnet_d.cnn", "resnet50_d", ""),
}
"""What each derivation ends in: file, model, and arguments."""
OTHER = (
    "vgg16_gap", "googlenet_3a_from_naive", "googlenet_from_bare", "all_cnn", "densenet121_swapped"
)  # fmt: skip
"""Those that no other spec has."""


@pytest.fixture(scope="module")
def derived() -> dict[str, Compiled]:
    return {model.module.name: model for model in driver.check(str(SPECS / "derived.cnn"))}


def shipped(file: str, model: str, arguments: str) -> Module:
    text = f'use "./{file}" ({model})\nmodel wanted = {model}({arguments})\n'
    return compile_model(Source(file, text, str(SPECS / "wanted.cnn")), "wanted").module


def operators(module: Module) -> Counter[tuple[object, ...]]:
    """Operators with the types of what they read; 7x1 and then 1x7 counts as 1x7 and then 7x1."""
    graph = flatten(module)
    types = graph.types
    found: Counter[tuple[object, ...]] = Counter()
    for node in graph.nodes:
        assert isinstance(node.op, Op)
        found[str(node.op), tuple(map(str, (types[value] for value in node.inputs)))] += 1
    return found


def test_every_derivation_is_compared(derived: dict[str, Compiled]) -> None:
    rewritten = {name for name, model in derived.items() if model.derivation is not None}
    assert rewritten == {*SAME, *OTHER}


@pytest.mark.parametrize("name", SAME)
def test_it_ends_in_the_published_network(name: str, derived: dict[str, Compiled]) -> None:
    mine, theirs = derived[name].module, shipped(*SAME[name])
    if name == "inception_v3_from_wide":  # 1x7 comes first in every pair, there sometimes 7x1
        assert cost(mine).total == cost(theirs).total
        return
    assert operators(mine) == operators(theirs)


@pytest.mark.parametrize("name", [*SAME, *OTHER])
def test_it_is_printed_as_a_spec(name: str, derived: dict[str, Compiled]) -> None:
    text = backend("cnn").emit(derived[name].module)
    again = compile_model(Source("again.cnn", text), name)
    assert operators(again.module) == operators(derived[name].module)


def test_a_block_for_a_block_is_printed_by_its_name(derived: dict[str, Compiled]) -> None:
    text = backend("cnn").emit(derived["resnet50_d_from_c"].module)
    assert "| shortcut_d(4*n) }" in text
    assert "se(n/4)\n    | shortcut_b(4*n, stride)" in backend("cnn").emit(
        derived["se_resnet50_from_resnet50"].module
    )


def test_a_reduction_saves_what_the_lectures_say(derived: dict[str, Compiled]) -> None:
    """The 5x5 goes from 120,422,400 to 12,443,648, the 3x3 from 173,408,256 to 101,154,816."""
    steps = derived["googlenet_3a_from_naive"].derivation.steps  # type: ignore[union-attr]
    saved = [before - after for before, after in (step.macs for step in steps)]
    assert saved == [173_408_256 - 101_154_816, 120_422_400 - 12_443_648]


def test_a_swap_is_exact_and_saves_three_quarters(derived: dict[str, Compiled]) -> None:
    (step,) = derived["densenet121_swapped"].derivation.steps  # type: ignore[union-attr]
    assert step.rewrite.keeps_function
    assert step.sites == 3
    assert step.macs[0] - step.macs[1] == 3 * 102_760_448 * 3 // 4


def test_heads_leave_inference_as_it_is(derived: dict[str, Compiled]) -> None:
    """The weights of the network stay, those of both heads begin fresh. Their rectifiers are
    those that most convolutions of the network have."""
    derivation = derived["googlenet_from_bare"].derivation
    assert derivation is not None
    old, new = derivation.start, derivation.module
    published = shipped("googlenet.cnn", "googlenet", "")
    assert cost(new, training=True).total == cost(published, training=True).total
    assert operators(old) == Counter(
        (str(node.op), tuple(str(flatten(new).types[value]) for value in node.inputs))
        for node in inference_graph(flatten(new)).nodes
    )
    weights = draw(old)
    carried = carry(derivation, weights)
    assert carried.weights.keys() == weights.keys()
    assert {path[0] for path in carried.fresh} == {"auxiliary1", "auxiliary1_2"}
