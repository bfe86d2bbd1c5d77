"""Layers are paired by structure: whatever the order, the names and the cut into joins."""

from __future__ import annotations

import random

import pytest

from cnndsl import driver
from cnndsl.record import replace
from cnndsl.source import Source
from cnndsl.verify.match import Mismatch, match
from cnndsl.verify.ours import trace_of
from cnndsl.verify.trace import UNORDERED, Slot, Step, Trace
from tests.support.networks import networks

BLOCKS = "use std\n"


def trace(*rows: str) -> Trace:
    text = BLOCKS + "model net {\ninput 16x16x4\n" + "\n".join(rows) + "\n}\n"
    return trace_of(driver.compile_model(Source("net.cnn", text)).module).pruned()


def disguised(original: Trace, seed: int) -> tuple[Trace, dict[int, int]]:
    """The same network under other names, computed in another order, its sums the other way.

    Returns where each step went, too.
    """
    rng = random.Random(seed)
    made = set(range(len(original.inputs)))
    waiting = list(range(len(original.steps)))
    order: list[int] = []
    while waiting:
        ready = [p for p in waiting if made.issuperset(original.steps[p].inputs)]
        chosen = rng.choice(ready)
        waiting.remove(chosen)
        order.append(chosen)
        made.add(original.value(chosen))
    number = {value: value for value in range(len(original.inputs))}
    number |= {original.value(old): original.value(new) for new, old in enumerate(order)}
    steps = []
    for new, old in enumerate(order):
        step = original.steps[old]
        inputs = [number[value] for value in step.inputs]
        if step.kind in UNORDERED:
            rng.shuffle(inputs)
        weights = tuple(replace(slot, key=("theirs", slot.key)) for slot in step.weights)
        steps.append(
            Step(f"step {new}", step.kind, tuple(inputs), step.shape, weights, order=step.order)
        )
    outputs = tuple(number[value] for value in original.outputs)
    return Trace(original.inputs, tuple(steps), outputs), {o: n for n, o in enumerate(order)}


def cases() -> list[tuple[str, str]]:
    """One model of each file, and every one that is not deep."""
    return [(path, model) for path, model in networks() if "1202" not in model]


@pytest.mark.parametrize(("path", "model"), cases(), ids=lambda value: str(value).split("/")[-1])
def test_every_shipped_network_is_itself(path: str, model: str) -> None:
    """The pairing of a network with its disguise is an isomorphism."""
    module = driver.compile_model(path, model, input=SIZES.get(model)).module
    ours = trace_of(module).pruned()
    theirs, _ = disguised(ours, seed=len(ours.steps))
    pairing = match(ours, theirs)
    weighted = [p for p, step in enumerate(ours.steps) if step.weights]
    assert sorted(pairing.steps) == weighted
    assert len(set(pairing.steps.values())) == len(weighted)
    theirs_of = dict(pairing.steps)
    for a, b in pairing.steps.items():
        mine, other = ours.steps[a], theirs.steps[b]
        assert (mine.kind, mine.shape) == (other.kind, other.shape)
        assert sources(ours, a) == {back(theirs_of, s) for s in sources(theirs, b)}


def sources(network: Trace, position: int) -> set[int]:
    """The weighted steps that a step reads, through whatever stands between."""
    found: set[int] = set()
    seen: set[int] = set()
    waiting = list(network.steps[position].inputs)
    while waiting:
        value = waiting.pop()
        if value in seen:
            continue
        seen.add(value)
        step = network.maker(value)
        if step is None:
            found.add(-1 - value)
        elif step.weights:
            found.add(value - len(network.inputs))
        else:
            waiting += step.inputs
    return found


def back(theirs_of: dict[int, int], position: int) -> int:
    """Our step for one of theirs."""
    if position < 0:
        return position
    return next(a for a, b in theirs_of.items() if b == position)


SIZES = {
    "fpn": "64x64x3", "retinanet": "128x128x3", "unet": "64x64x1", "espcn_x3": "16x16x1",
}  # fmt: skip


def test_a_1x1_convolution_is_a_full_connection() -> None:
    rows = ("globalavgpool", "{}", "relu", "fc 3")
    ours = trace(*(row.format("conv 1x1, 8") for row in rows))
    theirs = trace(*(row.format("fc 8") for row in rows))
    assert len(match(ours, theirs).steps) == 2


SUM = "a: add { | conv 1x1, 4 | conv 3x3, 4 }"


def test_nested_sums_are_one_sum() -> None:
    ours = trace("add { | conv 1x1, 4 | conv 3x3, 4 | identity }")
    theirs = trace(SUM, "add { | from a | identity }")
    with pytest.raises(Mismatch):  # here `a` adds to itself: the identity is behind the first sum
        match(ours, theirs)
    theirs = trace("x: identity", SUM, "from x", "add { | from a | identity }")
    assert len(match(ours, theirs).steps) == 2


def test_symmetric_branches() -> None:
    ours = trace(*["add { | conv 3x3, 4, relu | conv 3x3, 4, relu | conv 3x3, 4, relu }"] * 3)
    theirs, _ = disguised(ours, 7)
    assert len(set(match(ours, theirs).steps.values())) == 9


WRONG: dict[str, tuple[tuple[str, ...], tuple[str, ...], str]] = {
    "bias": (
        ("conv 3x3, 8, bias=true", "flatten; fc 2"),
        ("conv 3x3, 8, bias=false", "flatten; fc 2"),
        "ours is `conv` with kernel 3x3x4x8, bias 8, theirs is `conv` with kernel 3x3x4x8",
    ),
    "width": (
        ("conv 3x3, 8", "conv 3x3, 8", "flatten; fc 2"),
        ("conv 3x3, 8", "conv 3x3, 6", "flatten; fc 2"),
        "ours is `conv` with kernel 3x3x8x8, bias 8, theirs is `conv` with kernel 3x3x8x6, bias 6",
    ),
    "order of a concatenation": (
        ("concat { | conv 1x1, 2 | conv 3x3, 3 }", "flatten; fc 2"),
        ("concat { | conv 3x3, 3 | conv 1x1, 2 }", "flatten; fc 2"),
        "theirs brings the same values together in another order (`concat`)",
    ),
    "one layer more": (
        ("conv 3x3, 8", "flatten; fc 2"),
        ("conv 3x3, 8", "conv 3x3, 8", "flatten; fc 2"),
        "ours is `fc` with kernel 2048x2, bias 2, theirs is `conv` with kernel 3x3x8x8, bias 8",
    ),
    "no shortcut": (
        ("residual { conv 3x3, 4 }", "flatten; fc 2"),
        ("conv 3x3, 4", "flatten; fc 2"),
        "ours brings 2 values together here (`add`), theirs does not",
    ),
    "shared or not": (
        ("a: conv 3x3, 4", "share a", "flatten; fc 2"),
        ("conv 3x3, 4", "conv 3x3, 4", "flatten; fc 2"),
        "one side shares weights that the other side has twice",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_differs_is_named(case: str) -> None:
    mine, others, why = WRONG[case]
    with pytest.raises(Mismatch) as found:
        match(trace(*mine), trace(*others))
    assert found.value.why == why


def test_another_input() -> None:
    ours = trace("conv 3x3, 4")
    theirs = replace(ours, inputs=((16, 16, 3),))
    with pytest.raises(Mismatch, match="ours reads 16x16x4, theirs 16x16x3"):
        match(ours, theirs)


def test_macs_are_counted_from_shapes() -> None:
    """By hand: 16·16·3·3·4·8, 8·8·3·3·1·8 and 512·10; a transposed 2x2/2 from 8x8: 8·8·2·2·8·4."""
    found = trace("conv 3x3, 8", "dwconv 3x3/2", "flatten", "fc 10").macs
    assert found == 16 * 16 * 9 * 4 * 8 + 8 * 8 * 9 * 8 + 512 * 10
    assert trace("maxpool 2x2/2", "conv 1x1, 8", "deconv 2x2/2, 4").macs == (
        8 * 8 * 4 * 8 + 8 * 8 * 4 * 8 * 4
    )


def test_values_that_nothing_needs_are_left_out() -> None:
    slot = Slot("kernel", (1, 1, 4, 4), "k")
    dead = Step("dead", "conv", (0,), (4, 4, 4), (slot,))
    used = Step("used", "conv", (0,), (4, 4, 4), (replace(slot, key="u"),))
    last = Step("last", "relu", (2,), (4, 4, 4))
    kept = Trace(((4, 4, 4),), (dead, used, last), (3,)).pruned()
    assert [step.name for step in kept.steps] == ["used", "last"]
    assert (kept.steps[1].inputs, kept.outputs) == ((1,), (2,))
