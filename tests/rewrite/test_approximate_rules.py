"""Kernels as products of smaller ones.

At full rank the network computes what it did. Below it, the errors are those that linear algebra
promises, computed here by NumPy's SVD from the kernels alone.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from cnndsl.driver import compile_model
from cnndsl.interpret import interpret
from cnndsl.passes.cost import cost
from cnndsl.passes.flatten import flatten, paths
from cnndsl.record import replace
from cnndsl.rewrite.carriers.low_rank import (
    channel,
    decoupled,
    halves,
    parallel_factors,
    separable,
    tucker2,
)
from cnndsl.rewrite.carry import carry
from cnndsl.rewrite.engine import Derivation
from cnndsl.rewrite.error import Error, errors, network_error, relative
from cnndsl.rewrite.kernel import kernel_of
from cnndsl.source import Source
from cnndsl.verify.module_weights import check, draw
from tests.support.rewriting import compiled, derived, outputs, refusal, words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cnndsl.graph import Graph, Module
    from cnndsl.rewrite.carry import Weights


def kernel(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=shape)


def doubles(module: Module, seed: int = 0) -> Weights:
    drawn = draw(module, seed)
    return {p: {r: np.float64(x) for r, x in arrays.items()} for p, arrays in drawn.items()}


def noise(module: Module) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    shapes: dict[str, Any] = {v.name: (2, *v.type.shape) for v in module.main.inputs}
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


def off(derivation: Derivation) -> float:
    """The relative error of what the network gives."""
    weights, inputs = doubles(derivation.start), noise(derivation.start)
    carried = carry(derivation, weights)
    assert not carried.fresh
    check(derivation.module, carried.weights)
    (exact,) = outputs(derivation.start, weights, inputs)
    (made,) = outputs(derivation.module, carried.weights, inputs)
    return relative(exact, made)


def measured(derivation: Derivation, seed: int = 0) -> tuple[Error, ...]:
    (step,) = derivation.steps
    weights = doubles(derivation.start, seed)
    return errors(step, weights, carry(derivation, weights).weights)


# ----------------------------------------------------------------- full rank

FULL = {
    "svd_separable": "svd_separable({separable})",
    "svd_channel": "svd_channel({channel})",
    "tucker": "tucker({inputs}, {outputs})",
    "cp": "cp({cp})",
    "decouple": "decouple({terms})",
}
CONVS = {
    "conv 3x3, 5": (3, 3, 5),
    "conv 3x3/2, 5, bias=false": (3, 3, 5),
    "conv 5x3/2x1, 6, pad=[2, 1, 0, 2]": (5, 3, 6),
    "conv 2x4, 3, pad=[1, 0, 0, 3]": (2, 4, 3),
    "conv 3x3/2, 7, dilation=2": (3, 3, 7),
    "conv 3x2, 4, dilation=1x3, pad=[0, 2, 1, 2]": (3, 2, 4),
    "conv 3x3/3, 5, pad=0": (3, 3, 5),
    "conv 3x3, 5, bn, relu": (3, 3, 5),
    "conv 3x3, 1": (3, 3, 1),
}
"""Kernels that stride, spread and pad unevenly: height, width and outputs; there are 4 inputs."""


@pytest.mark.parametrize("rule", FULL)
@pytest.mark.parametrize("conv", CONVS)
def test_full_rank_is_exact(conv: str, rule: str) -> None:
    """Borders and biases too: a bias between the factors would be wrong where there is padding."""
    high, wide, n = CONVS[conv]
    full = {
        "separable": min(4 * high, wide * n),
        "channel": min(high * wide * 4, n),
        "inputs": min(4, high * wide * n),
        "outputs": n,
        "cp": high * wide * 4 * n // max(high, wide, 4, n),
        "terms": min(high * wide, n),
    }
    for size in ("9x8", "8x11"):
        assert off(derived(f"input {size}x4; {conv}", FULL[rule].format(**full))) < 1e-10


def test_full_rank_of_a_fully_connected_layer_is_exact() -> None:
    assert off(derived("input 12; fc 7", "svd_fc(7)")) < 1e-10
    assert off(derived("input 7; fc 12, relu", "svd_fc(7)")) < 1e-10


@pytest.mark.parametrize("rule", ["svd_channel(3)", "tucker(2, 3)"])
def test_padding_may_be_wider_than_the_kernel(rule: str) -> None:
    (error,) = measured(derived("conv 3x3, 6, pad=4", rule))
    assert error.output == pytest.approx(error.weight, rel=0.2)


# ----------------------------------------------------------------- the best there is


def tail(matrix: Any, rank: int) -> float:
    """The share of a matrix beyond its first singular values (Eckart and Young)."""
    values = np.linalg.svd(matrix, compute_uv=False)
    return float(np.linalg.norm(values[rank:]) / np.linalg.norm(values))


@pytest.mark.parametrize("rank", range(1, 13))
def test_columns_and_rows_lose_the_tail_of_the_singular_values(rank: int) -> None:
    k = kernel(3, 3, 4, 5)
    columns, rows = separable(k, rank)
    made = np.einsum("iacr,ajrn->ijcn", columns, rows)
    expected = tail(k.swapaxes(1, 2).reshape(12, 15), rank)
    assert relative(k, made) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("rank", range(1, 6))
def test_few_kernels_lose_the_tail_of_the_singular_values(rank: int) -> None:
    k = kernel(3, 3, 4, 5)
    matrix = k.reshape(36, 5)
    few, mix = channel(k, rank)
    expected = pytest.approx(tail(matrix, rank), abs=1e-12)
    assert relative(k, np.einsum("ijcr,abrn->ijcn", few, mix)) == expected
    left, right = halves(matrix.T, rank)
    assert relative(matrix.T, left @ right) == expected


@pytest.mark.parametrize("a", range(1, 5))
@pytest.mark.parametrize("b", range(1, 6))
def test_tucker_is_within_the_bound_of_both_sides(a: int, b: int) -> None:
    """Kim et al. 2015: no worse than both tails together, no better than the greater."""
    k = kernel(3, 3, 4, 5)
    before, core, behind = tucker2(k, a, b)
    made = np.einsum("ca,ijab,bn->ijcn", before[0, 0], core, behind[0, 0])
    tails = tail(k.transpose(2, 0, 1, 3).reshape(4, -1), a), tail(k.reshape(-1, 5), b)
    assert max(tails) - 1e-12 <= relative(k, made) <= np.hypot(*tails) + 1e-12


@pytest.mark.parametrize("terms", range(1, 6))
def test_each_channel_is_decoupled_as_well_as_it_can(terms: int) -> None:
    k = kernel(3, 3, 4, 5)
    made = sum(deep[:, :, 0, :, None] * point[0, 0] for deep, point in decoupled(k, terms))
    matrices = k.transpose(2, 0, 1, 3).reshape(4, 9, 5)
    values = np.linalg.svd(matrices, compute_uv=False)
    expected = np.linalg.norm(values[:, terms:]) / np.linalg.norm(values)
    assert relative(k, made) == pytest.approx(expected, abs=1e-12)


def joined(factors: list[Any]) -> Any:
    return np.einsum("ir,jr,cr,nr->ijcn", *factors)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_cp_finds_a_kernel_that_is_a_sum_of_so_few_products(rank: int) -> None:
    k = joined([kernel(n, rank, seed=n) for n in (3, 3, 8, 9)])
    assert relative(k, joined(parallel_factors(k, rank))) < 1e-3


def test_factors_are_as_large_as_each_other() -> None:
    left, right = halves(kernel(12, 7), 4)
    assert np.linalg.norm(left, axis=0) == pytest.approx(np.linalg.norm(right, axis=1))
    lengths = [np.linalg.norm(f, axis=0) for f in parallel_factors(kernel(3, 3, 4, 5), 4)]
    assert np.ptp(lengths, axis=0) == pytest.approx(np.zeros(4))


def test_a_kernel_of_zeros_has_factors() -> None:
    nothing = np.zeros((3, 3, 2, 2))
    for parts in (separable(nothing, 2), parallel_factors(nothing, 2)):
        assert all(np.isfinite(part).all() for part in parts)


RANKS = {
    "svd_separable({})": 12,
    "svd_channel({})": 8,
    "tucker({0}, {0})": 4,
    "cp({})": 12,
    "decouple({})": 8,
}


@pytest.mark.parametrize("rule", RANKS)
def test_more_is_better(rule: str) -> None:
    found = [off(derived("conv 3x3/2, 8", rule.format(rank))) for rank in range(1, RANKS[rule] + 1)]
    assert found == sorted(found, reverse=True) or rule.startswith("cp")  # which has no best
    assert found[-1] < 0.7 * found[0]


# ----------------------------------------------------------------- shape and costs


def counts(body: str, rule: str) -> tuple[float, float]:
    """What is left of parameters and of MACs."""
    derivation = derived(body, rule)
    before, after = cost(derivation.start), cost(derivation.module)
    assert derivation.module.main.output_types == derivation.start.main.output_types
    return after.params / before.params, after.macs / before.macs  # type: ignore[operator]


def test_costs_are_those_of_the_papers() -> None:
    """C inputs, N outputs, k×k, stride 2 on an even map; r, a, b are ranks."""
    c, n, k, r, s = 32, 64, 3, 16, 2
    net = f"input 16x16x{c}; conv {k}x{k}/{s}, {n}, bias=false"
    full = k * k * c * n
    assert counts(net, f"svd_separable({r})") == pytest.approx(
        (r * (c + n) / (k * c * n), r * (c * s + n) / (k * c * n))
    )
    assert counts(net, f"svd_channel({r})") == pytest.approx((r * (k * k * c + n) / full,) * 2)
    a, b = 8, 12
    assert counts(net, f"tucker({a}, {b})") == pytest.approx(
        (
            (c * a + k * k * a * b + b * n) / full,
            (c * a * s * s + k * k * a * b + b * n) / full,
        )
    )
    assert counts(net, f"cp({r})")[0] == pytest.approx(r * (c + 2 * k + n) / full)
    assert counts(net, "decouple(2)") == pytest.approx((2 * (k * k * c + c * n) / full,) * 2)
    fc = counts(f"input {c}; fc({n}, bias=false)", f"svd_fc({r})")
    assert fc == pytest.approx((r * (c + n) / (c * n),) * 2)


def test_a_rank_below_one_is_a_share_of_the_full_rank() -> None:
    def channels(rule: str) -> list[int]:
        module = derived("conv 3x3, 8", rule).module
        return [node.outputs[0].type.channels for node in flatten(module).nodes]

    assert channels("svd_channel(50%)") == [4, 8]
    assert channels("svd_channel(1%)") == [1, 8]
    assert channels("svd_separable(0.25)") == [3, 8]
    assert channels("tucker(50%, 25%)") == [2, 2, 8]
    assert channels("tucker(3, 25%)") == [3, 2, 8]


def test_the_bias_is_the_last_ones() -> None:
    for rule in ("svd_separable(2)", "svd_channel(2)", "tucker(2, 2)", "cp(2)"):
        *inner, last = flatten(derived("conv 3x3, 8", rule).module).nodes
        assert not any(node.op.bias for node in inner)  # type: ignore[union-attr]
        assert last.op.bias  # type: ignore[union-attr]
    terms = flatten(derived("conv 3x3, 8", "decouple(3)").module).nodes[:-1]
    assert [node.op.bias for node in terms] == [False, True, False, False, False, False]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "rule",
    ["svd_channel(0)", "svd_channel(9)", "svd_channel(-1)", "svd_separable(13)", "tucker(5, 2)",
     "tucker(2, 9)", "cp(73)", "decouple(9)", "decouple(0)"],
)  # fmt: skip
def test_there_is_no_rank_beyond_the_full_one_and_none_below_one(rule: str) -> None:
    assert "does not hold" in refusal("conv 3x3, 8", rule)


def test_what_is_no_dense_kernel_is_left_alone() -> None:
    assert "groups" in refusal("conv 3x3, 8, groups=2", "svd_channel(2)")
    assert "`k > 1`" in refusal("conv 1x3, 8", "svd_separable(2)")
    assert "area" in refusal("conv 1x1, 8", "tucker(2, 2)")
    assert words(derived("conv 1x1, 8", "svd_channel(2)").module) == ["conv", "conv"]


def test_weights_keep_their_precision() -> None:
    derivation = derived("conv 3x3, 8", "svd_channel(2)")
    made = carry(derivation, draw(derivation.start)).weights
    assert {x.dtype for arrays in made.values() for x in arrays.values()} == {np.dtype("float32")}


def test_whole_numbers_and_fractions_become_floats() -> None:
    derivation = derived("conv 3x3, 8", "svd_channel(8)")
    shapes = {p: {r: x.shape for r, x in a.items()} for p, a in draw(derivation.start).items()}
    weights = {
        p: {r: np.full(s, Fraction(1, 3), dtype=object) for r, s in a.items()}
        for p, a in shapes.items()
    }
    made = carry(derivation, weights).weights
    (exact,) = outputs(derivation.start, weights, noise(derivation.start))
    (found,) = outputs(derivation.module, made, noise(derivation.start))
    assert found == pytest.approx(exact.astype(float))


# ----------------------------------------------------------------- the measured error


def response(graph: Graph, weights: Any, high: int, wide: int) -> Any:
    """What comes out for one at each position of each channel: the matrix of a linear graph."""
    (x,) = graph.inputs
    c = x.type.channels
    impulses = np.eye(high * wide * c).reshape(-1, high, wide, c)
    values = interpret(graph, {x.name: impulses}, weights)
    return values[graph.outputs[0].value].reshape(len(impulses), -1)


CHAINS = [
    "conv 3x3, 5",
    "conv 3x2/2, 5, dilation=2x1, pad=[1, 2, 0, 1]; dwconv(3x3/1x2, pad=0); conv 1x1, 3",
    "conv 1x1, 2; conv 3x1/3x1, 4; conv 1x3/1x2, 3, pad=[0, 0, 2, 1]",
    "conv 3x3, 6, groups=2, pad=2; conv 2x2/2, 4, groups=2",
    "add { | conv 3x3, 4 | conv 5x1, 4 | identity }; dwconv(2x2/2, 2, pad=0)",
]


@pytest.mark.parametrize("body", CHAINS)
def test_the_kernel_of_a_fragment_is_what_it_does(body: str) -> None:
    """Spread over the map by a plain loop, it is the answer to one at each place in turn.

    Only what comes in is padded here: a map between two windows has borders of its own.
    """
    high, wide = 7, 8
    module = compiled(
        f"default conv: bias=false; default dwconv: bias=false; input {high}x{wide}x4; {body}"
    ).module
    graph, held = flatten(module), doubles(module)
    weights = {name: held[path] for name, path in paths(module).items() if path in held}
    found = kernel_of(graph, weights)
    assert found is not None
    shape: Any = graph.output_types[0].shape
    spread = np.zeros((high, wide, 4, *shape))
    rows, columns = found.axes
    for i, j, a, b in np.ndindex(*shape[:2], *found.taps.shape[:2]):
        y, x = rows.stride * i - rows.lo + a, columns.stride * j - columns.lo + b
        if 0 <= y < high and 0 <= x < wide:
            spread[y, x, :, i, j, :] += found.taps[a, b]
    answer = response(graph, weights, high, wide)
    assert spread.reshape(answer.shape) == pytest.approx(answer)


@pytest.mark.parametrize("body", ["conv 3x3, 4, relu", "conv 3x3, 4, bn", "maxpool 2x2"])
def test_what_is_not_linear_has_no_kernel(body: str) -> None:
    module = compiled(body).module
    held = doubles(module)
    weights = {name: held[path] for name, path in paths(module).items() if path in held}
    assert kernel_of(flatten(module), weights) is None


def test_errors_are_told_place_by_place() -> None:
    block = "block unit { conv 3x3, 8, bn, relu }"
    body = "input 40x40x8; a: unit; b: unit; conv 1x1, 8"
    derivation = compile_model(
        Source("net.cnn", f"{block}\nmodel net {{ {body} }}"), rewrite=["svd_separable(6)"]
    ).derivation
    assert derivation is not None
    found = measured(derivation)
    assert [(error.function, error.name) for error in found] == [
        ("unit", "a.conv1"), ("unit", "b.conv1"),
    ]  # fmt: skip
    weights = doubles(derivation.start)
    for error, label in zip(found, "ab", strict=True):
        k = weights[label, "conv1"]["kernel"]
        assert error.weight == pytest.approx(tail(k.swapaxes(1, 2).reshape(24, 24), 6))
        assert error.output == pytest.approx(error.weight, rel=0.1)  # for white noise
    assert found[0].weight != found[1].weight


def test_the_bias_counts_for_the_output_only() -> None:
    derivation = derived("conv 3x3, 8", "svd_channel(2)")
    (step,) = derivation.steps
    weights = doubles(derivation.start)
    large = {p: {**a, "bias": a["bias"] + 100} for p, a in weights.items()}
    (small,) = measured(derivation)
    (error,) = errors(step, large, carry(derivation, large).weights)
    assert error.weight == small.weight
    assert error.output < small.output / 10


def test_fragments_are_measured_on_small_maps(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []

    def watched(graph: Graph, inputs: Any, weights: Any) -> Any:
        sizes.append(inputs[graph.inputs[0].name].shape)
        return interpret(graph, inputs, weights)

    monkeypatch.setattr("cnndsl.interpret.interpret", watched)
    measured(derived("input 100x20x4; conv 3x3, 8", "svd_channel(2)"))
    measured(derived("input 100x100x4; conv 40x40, 4, pad=0", "svd_channel(2)"))
    measured(derived("input 12; fc 8", "svd_fc(2)"))
    assert sizes[::2] == [(1, 32, 20, 4), (1, 100, 100, 4), (1, 12)]


def test_the_error_of_a_network_is_measured_at_its_end() -> None:
    derivation = derived(
        "conv 3x3, 8, relu; conv 3x3, 8, relu; globalavgpool; fc 3", "svd_channel(6)"
    )
    weights = doubles(derivation.start)
    made = carry(derivation, weights).weights
    found = network_error(derivation.start, derivation.module, weights, made)
    inputs = {"x": np.random.default_rng(0).normal(size=(1, 9, 8, 4))}
    exact, off = (
        outputs(module, held, inputs)[0]
        for module, held in ((derivation.start, weights), (derivation.module, made))
    )
    assert found == pytest.approx(np.linalg.norm(exact - off) / np.linalg.norm(exact))
    assert network_error(derivation.start, derivation.start, weights, weights) == 0


def test_errors_of_steps_that_follow_each_other() -> None:
    """Each is measured with the weights that it found and those that it left."""
    derivation = derived("conv 3x3, 8", "svd_separable(6)", "svd_channel(2)")
    first, second = derivation.steps
    weights = doubles(derivation.start)
    between = carry(replace(derivation, steps=(first,)), weights).weights
    after = carry(derivation, weights).weights
    assert len(errors(first, weights, between)) == 1
    assert [error.name for error in errors(second, between, after)] == ["conv1_1", "conv1_2"]
