"""What is said of a rule before any network is seen, against brute force and published formulas.

Windows are compared with sets of positions, made by hand from sizes, strides and paddings alone;
costs with the formulas of the papers, at random numbers; ends with the numbers of networks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import product
from math import prod
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cnndsl.diagnostics import CnnError, Diagnostic
from cnndsl.driver import compile_model
from cnndsl.graph import Graph
from cnndsl.loader import Loader
from cnndsl.op import Op
from cnndsl.ops.conv import Conv
from cnndsl.ops.reshape import ConstantPad, SpaceToDepth
from cnndsl.rewrite.catalogue import catalogue, rules_in
from cnndsl.rewrite.placing import NotHere
from cnndsl.rewrite.reading import read_rule
from cnndsl.rewrite.rule import Rewrite
from cnndsl.rewrite.static import check_statically, refuse_wrong
from cnndsl.rewrite.static.costs import Costs, costs
from cnndsl.rewrite.static.instances import (
    SIZES,
    Bench,
    Ground,
    Search,
    Unmatched,
    first_instance,
)
from cnndsl.rewrite.static.interpolation import MOST_TERMS, interpolated
from cnndsl.rewrite.static.polynomials import is_positive, polynomial, quotient, unknown
from cnndsl.rewrite.static.taps import NOTHING, Progression, Reach, at_least, normal
from cnndsl.rewrite.static.taps import quotient as whole_quotient
from cnndsl.rewrite.static.termination import ends
from cnndsl.rewrite.static.verdict import Verdict
from cnndsl.rewrite.static.windows import verdict
from cnndsl.rewrite.static.words import lines
from cnndsl.source import Source
from cnndsl.symbol import Size, at, variable
from cnndsl.window import Axis, Padding, axis
from tests.properties.effort import examples

SHIPPED = {
    ref.rule.name.id: read_rule(ref)
    for chapter in catalogue()
    for ref in chapter.rules
    if ref.rule.left is not None
}
BY_PLACE = {
    "swap_projection": "which projection it puts in place",
    "swap_shortcut": "which shortcut it puts in place",
    "swap_bottleneck_shortcut": "which shortcut it puts in place",
    "swap_norm": "which norm it puts in place",
    "swap_relu": "which activation it puts in place",
    "factor": "which windows it puts in place",
    "group_join": "five numbers must fit together",
    "absorb_avgpool_depthwise": "five numbers must fit together",
}
"""Rules of which nothing is said before a place is known, for it depends on what this is."""
PROVED = [
    "factor_5x5", "asym", "svd_separable", "svd_channel", "tucker", "cp", "reduce",
    "bottleneck_conv", "depthwise_separable", "group", "group_shuffle", "aggregate",
    "fuse_mbconv", "split_mbconv", "fire_module", "pool_to_conv", "pool_to_dwconv",
    "grid_reduction", "expand_bank", "fold_bn", "merge_kxk_1x1", "merge_1x1_kxk", "merge_kxk_kxk",
    "merge_parallel", "merge_acb", "conv_then_avgpool", "absorb_identity", "absorb_norm",
    "fuse_siblings", "hoist_stride", "patchify", "absorb_space_to_depth", "pad_into_conv",
    "swap_maxpool_act", "deep_stem", "blurpool", "decouple_exact", "enlarge",
]  # fmt: skip


def rule(text: str) -> Rewrite:
    """The first rule of a text."""
    loader = Loader(".")
    namespace = loader.namespace(Source("own.cnn", text))
    assert not loader.diagnostics
    return read_rule(rules_in(namespace)[0])


def window_of(text: str) -> Verdict:
    rewrite = rule(text)
    return verdict(rewrite, first_instance(rewrite))


def costs_of(text: str) -> Costs:
    rewrite = rule(text)
    found = costs(rewrite, first_instance(rewrite))
    assert found is not None
    return found


# ---------------------------------------------------------------------------- taps

LETTERS = ("k", "s", "d")
LEAST = dict.fromkeys(LETTERS, 1)


def sizes() -> st.SearchStrategy[Size]:
    """A number, a letter, a product of letters, or one more than a letter."""
    letters = st.sampled_from(LETTERS).map(variable)
    return st.one_of(
        st.integers(1, 4),
        letters,
        st.builds(lambda a, b: a * b, letters, letters),
        letters.map(lambda letter: letter + 1),
    )


def progressions() -> st.SearchStrategy[list[Progression]]:
    return st.lists(st.builds(Progression, sizes(), sizes()), max_size=4)


def sums(parts: tuple[Progression, ...] | list[Progression], values: dict[str, int]) -> set[int]:
    """All sums of one element of each progression."""
    choices = [[at(p.step, values) * i for i in range(at(p.count, values))] for p in parts]
    return {sum(chosen) for chosen in product(*choices)}


VALUES = st.fixed_dictionaries({letter: st.integers(1, 4) for letter in LETTERS})


@given(progressions(), VALUES)
@examples(200)
def test_the_normal_form_has_the_same_sums(
    parts: list[Progression], values: dict[str, int]
) -> None:
    form = normal(parts, LEAST)
    assert sums(form, values) == sums(parts, values)
    assert len(form) <= len(parts)
    assert normal(form, LEAST) == form


@given(st.permutations(range(3)), st.integers(1, 5), st.integers(1, 5), st.integers(2, 5))
@examples(60)
def test_dense_sums_are_one_progression(order: list[int], m: int, n: int, b: int) -> None:
    """With numbers alone the form is complete: no gap, one progression."""
    parts = [Progression(1, m), Progression(b, n), Progression(1, 2)]
    form = normal([parts[i] for i in order], {})
    reached = sums(parts, {})
    dense = reached == set(range(len(reached)))
    assert dense == (len(form) <= 1 and all(part.step == 1 for part in form))


AXES = st.builds(
    axis,
    st.integers(1, 4),
    st.integers(1, 3),
    st.tuples(st.integers(-1, 3), st.integers(-1, 3)),
    st.integers(1, 3),
)


def reach(one: Axis, step: int) -> Reach:
    count = bin(one.taps).count("1")
    return Reach(one.stride, normal([Progression(step, count)], {}), one.lo, one.hi)


@given(st.lists(AXES, max_size=4))
@examples(200)
def test_chains_compose_as_windows_do(chain: list[Axis]) -> None:
    whole, symbolic = Axis(), NOTHING
    for one in chain:
        offsets = [t for t in range(one.extent + 1) if one.taps >> t & 1]
        whole = whole.then(one)
        symbolic = symbolic.then(reach(one, offsets[1] if len(offsets) > 1 else 1), {})
    assert (symbolic.stride, symbolic.lo, symbolic.hi) == (whole.stride, whole.lo, whole.hi)
    assert symbolic.extent == whole.extent
    assert sums(symbolic.taps, {}) == {t for t in range(whole.extent + 1) if whole.taps >> t & 1}


def test_symbols_decide_what_they_can() -> None:
    k, s = variable("k"), variable("s")
    three = Progression(1, 3)
    assert normal([three, Progression(s, 3)], LEAST) == (three, Progression(s, 3))  # gaps at s = 4
    assert normal([Progression(1, s + 1), Progression(s, 3)], LEAST) == (Progression(1, s * 3 + 1),)
    assert normal([Progression(s, k), Progression(s, k)], LEAST) == (Progression(s, k * 2 - 1),)
    assert normal([Progression(1, k), Progression(k, s)], LEAST) == (Progression(1, k * s),)


@given(sizes(), sizes(), VALUES)
@examples(100)
def test_comparisons_and_quotients_are_true(a: Size, b: Size, values: dict[str, int]) -> None:
    if at_least(a - b, 0, LEAST):
        assert at(a, values) >= at(b, values)
    ratio = whole_quotient(a * b, b)
    assert ratio is None or at(ratio, values) * at(b, values) == at(a * b, values)


# ------------------------------------------------------------------------- windows


def reads(op: Op, n: int, along: int) -> list[set[int]] | None:
    """The positions that each output of an operator reads along one side, by definition."""
    if isinstance(op, SpaceToDepth):
        return [set(range(op.factor * i, op.factor * (i + 1))) for i in range(n // op.factor)]
    if isinstance(op, ConstantPad):
        lo, hi = (op.amount.height, op.amount.width)[along]
        return [{i - lo} & set(range(n)) for i in range(n + lo + hi)]
    window = getattr(op, "window", None)
    if window is None:
        return [{i} for i in range(n)]
    lo, hi = (op.pad.height, op.pad.width)[along]  # type: ignore[attr-defined]
    step = getattr(op, "dilation", (1, 1))[along]
    size, stride = window.size[along], window.stride[along]
    count = (n + lo + hi - (size - 1) * step - 1) // stride + 1
    starts = [i * stride - lo for i in range(count)]
    return [{start + t * step for t in range(size)} & set(range(n)) for start in starts]


def positions(graph: Graph, n: int, along: int, source: str) -> list[list[set[int]]]:
    """For each output, the positions of an input that each of its positions depends on."""
    known = {v.name: [{i} if v.name == source else set() for i in range(n)] for v in graph.inputs}
    for node in graph.nodes:
        assert isinstance(node.op, Op)
        given = [known[value] for value in node.inputs]
        joined = [set().union(*row) for row in zip(*given, strict=True)]
        wanted = reads(node.op, len(joined), along)
        assert wanted is not None
        result = [set().union(*(joined[i] for i in inner)) for inner in wanted]
        known.update((value.name, result) for value in node.outputs)
    return [known[output.value] for output in graph.outputs]


def middle(found: list[list[set[int]]]) -> list[set[int]]:
    """What is read far from the border, where paddings are read as well."""
    return [row for rows in found for row in rows[len(rows) // 3 : 2 * len(rows) // 3]]


def random_instances(rewrite: Rewrite, found: Search, count: int) -> Iterator[tuple[Graph, Graph]]:
    """Instances beyond those that the check has looked at."""
    assert found.bench is not None and found.instance is not None
    bench = Bench(rewrite, Ground(is_sized=True))
    random = Random(rewrite.name)
    for _ in range(400 * count):
        values = {**found.instance.values, **dict.fromkeys(SIZES, 24)}
        for name, number in bench.numbers.items():
            if number.role in ("size", "stride", "dilation", "padding"):
                values[name] = random.randint(number.role != "padding", 4)
            if number.role == "size":
                values[name] = random.randint(1, 9)
        try:
            instance = bench.make(values, random.randrange(6))
        except (Unmatched, NotHere):
            continue
        yield instance.left, instance.right
        count -= 1
        if not count:
            return


@pytest.mark.parametrize("name", PROVED)
def test_what_is_proved_is_so(name: str) -> None:
    """Sizes, strides and paddings that no check has seen, position by position."""
    rewrite = SHIPPED[name]
    found = first_instance(rewrite)
    known = verdict(rewrite, found)
    assert known.result == "proved", known
    tried = 0
    for left, right in random_instances(rewrite, found, 6):
        tried += 1
        pairs = zip(left.inputs, right.inputs, strict=False)
        for (source, other), n, along in product(pairs, (60, 72), (0, 1)):
            before = positions(left, n, along, source.name)
            after = positions(right, n, along, other.name)
            assert [*map(len, before)] == [*map(len, after)]
            rows = [*zip(middle(before), middle(after), strict=True)]
            if known.claim == "window":
                assert all(old == new for old, new in rows)
            elif known.claim == "hull":
                assert all((min(a), max(a)) == (min(b), max(b)) for a, b in rows)
    assert tried


@pytest.mark.parametrize("name", SHIPPED)
def test_no_shipped_rule_is_refuted(name: str) -> None:
    rewrite = SHIPPED[name]
    found = first_instance(rewrite)
    known, end = verdict(rewrite, found), ends(rewrite, found)
    assert (found.instance is None) == (name in BY_PLACE), found.reason
    if name in BY_PLACE:
        return
    assert known.result == ("" if not known.claim else known.result)
    assert known.result in ("", "proved", "checked"), known
    assert end.result in ("", "checked"), end


WRONG = {
    "early": (
        "conv 5x5/s, n => conv 3x3/s, n; conv 3x3, n; keeps window",
        "for s = 2 the right side reads 7x7/2, padding 3; the left side 5x5/2, padding 2",
        "s == 1",
    ),
    "deep": (
        "conv 7x7/2, n => conv 3x3/2, n; conv 3x3, n; conv 3x3, n; keeps window",
        "the right side reads 11x11/2, padding 5; the left side 7x7/2, padding 3",
        "",
    ),
    "cross": (
        "conv k×k, n => concat { | conv 1×k, n/2 | conv k×1, n/2 }; when k % 2 == 1; keeps window",
        "for k = 3 the right side reads 3x3, padding 1, with holes; the left side 3x3, padding 1",
        "k == 1",
    ),
    "gaps": (
        "conv(3x3/s, n, dilation=2) => conv 3x3, n; conv 3x3/s, n; keeps window",
        "for s = 1 the right side reads 5x5, padding 2; the left side 5x5, padding 2, with holes",
        "",
    ),
    "same": (
        "conv(3x3/s, n, pad=p) => conv(3x3/s, n, pad=same); keeps window",
        "for s = 2 the right side reads 3x3/2, padding [0, 1, 0, 1]; "
        "the left side 3x3/2, padding 1",
        "s == 1",
    ),
    "narrow": (
        "conv k×k/s, n => let m = k - 1; conv(m×m/s, n); when k > 1; keeps hull",
        "for k = 2 and s = 1 the right side reads 1x1, padding [-1, 0, -1, 0]; "
        "the left side 2x2, padding 0",
        "",
    ),
    "shrunk": (
        "conv(5x5/s, n, pad=2) => conv(3x3, n, pad=1); conv(3x3/s, n, pad=0); keeps shape",
        "for s = 1 the right side gives 10x10x4, the left side 12x12x4",
        "",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_windows_are_refuted_by_the_smallest_numbers(name: str) -> None:
    text, message, holds = WRONG[name]
    known = window_of(f"rule {name} {{ {text} }}")
    assert (known.result, known.text) == ("refuted", message)
    assert known.holds == holds


@pytest.mark.parametrize(
    ("text", "every"),
    [
        ("conv 5x5/s, n => conv 3x3, n; conv 3x3/s, n", "for every s"),
        ("conv 5x5/s, n => conv 3x3/s, n; conv 3x3, n; when s == 1", ""),
        ("conv 7x7/2, n => conv 3x3/2, n; conv 3x3, n", ""),
        ("conv 11x11/4, n => conv 3x3/2, n; conv 3x3/2, n; conv 2x2, n", ""),
        ("conv k×k/s, n => conv 1×k/(1×s), n; conv k×1/(s×1), n", "for every k and s"),
        ("conv(5x5/s, n, pad=2) => conv(3x3, n, pad=1); conv(3x3/s, n, pad=1)", "for every s"),
        ("conv k/s, n => concat { | conv k/s, n/2 | conv k/s, n/2 }", "for every k and s"),
        ("conv(k×k, n, dilation=d) => conv(k×1, n, dilation=d); conv(1×k, n, dilation=d)",
         "for every k and d"),
        ("pad p; conv(k, n, pad=0) => conv(k, n, pad=p)", "for every p and k"),
    ],
)  # fmt: skip
def test_right_windows_are_proved(text: str, every: str) -> None:
    known = window_of(f"rule right {{ {text}; keeps window }}")
    assert (known.result, known.text) == ("proved", every)


@pytest.mark.parametrize(
    ("text", "tried"),
    [
        # Where the numbers decide which operators there are, small ones are tried.
        ("conv k/s, n => if s == 1 { conv k, n } else { conv k/s, n }", "for k ≤ 7 and s ≤ 4"),
        ("conv k×k/s, n => let m = (k + 1)/2; conv(m×m, n); conv(m×m/s, n); when k % 2 == 1",
         "for k ≤ 7 and s ≤ 4"),
        # What the right side does not speak of is decided at the place.
        ("conv k/s, n => conv 3x3/s, n", "for s ≤ 4 and k = 3"),
        ("conv 3x3/s, n => conv 3x3, n", "for s = 1"),
    ],
)  # fmt: skip
def test_other_windows_are_tried(text: str, tried: str) -> None:
    known = window_of(f"rule other {{ {text}; keeps window }}")
    assert (known.result, known.text) == ("checked", tried)


def test_what_one_branch_cuts_off_does_not_come_back_as_zeros() -> None:
    """The 1x1 branch beside an unpadded 5x5 crops; the convolution that both share must not."""
    net = "model base { input 16x16x8; conv(5x5, 8, pad=0) }\nmodel net = base with fire_module(4)"
    found = compile_model(Source("net.cnn", net), "net")
    ops = [node.op for node in found.module.main.nodes]
    assert [op.pad for op in ops if isinstance(op, Conv)] == [
        Padding(),
        Padding(-2, -2, -2, -2),
        Padding(),
    ]


# --------------------------------------------------------------------------- costs

Numbers = dict[str, int]
Ratio = Callable[..., Fraction | int | float]

TABLES: dict[str, tuple[str, str]] = {
    # name: parameters right over left, MACs right over left
    "factor_5x5": ("9*m*(C+n)/(25*C*n)", "9*m*(C*s**2+n)/(25*C*n)"),
    "asym": ("m*(C+n)/(k*C*n)", "m*(C*s+n)/(k*C*n)"),
    "expand_bank": ("1/k", "1/k"),
    "bottleneck_conv": ("(C*b+k**2*b**2+b*n)/(k**2*C*n)", "(C*b*s**2+k**2*b**2+b*n)/(k**2*C*n)"),
    "reduce": ("(C*c+k**2*c*n)/(k**2*C*n)", "(C*c*s**2+k**2*c*n)/(k**2*C*n)"),
    "depthwise_separable": ("1/n+1/k**2", "1/n+1/k**2"),
    "group": ("1/g", "1/g"),
    "group_shuffle": ("1/g", "1/g"),
    "fuse_mbconv": ("k**2*C/(C+k**2)", "k**2*C/(C*s**2+k**2)"),
    "split_mbconv": ("(C+k**2)/(k**2*C)", "(C*s**2+k**2)/(k**2*C)"),
    "fire_module": ("(C*q+q*n*(1+k**2)/2)/(k**2*C*n)",) * 2,
    "grid_reduction": ("(n-C)/n",) * 2,
    "blurpool": ("1", "4"),
    "stride_in_3x3": ("1", "(s**2*C*b+k**2*b*n/g)/(C*b+k**2*b*n/g)"),
    "deep_stem": ("9*(C*m+m*m+m*n)/(49*C*n)",) * 2,
    "avg_shortcut": ("1", "1"),
    "resize_conv": ("k**2/w**2", "k**2*s**2/w**2"),
    "gap_head": ("1/(H*W)", "1/(H*W)"),
    "dilate": ("((k-1)/d+1)**2/k**2",) * 2,
    "large_kernel": ("((2*d-1)**2+((k+1)/d-1)**2+n)/(k**2*n)",) * 2,
    "svd_separable": ("rank*(k*C+l*n)/(k*l*C*n)", "rank*(k*C*t+l*n)/(k*l*C*n)"),
    "svd_channel": ("rank*(k**2*C+n)/(k**2*C*n)",) * 2,
    "svd_fc": ("rank*(C+n)/(C*n)",) * 2,
    "cp": ("rank*(C+k+l+n)/(k*l*C*n)", "rank*(C*s*t+k*t+l+n)/(k*l*C*n)"),
    "decouple": ("terms*(k**2*C+C*n)/(k**2*C*n)",) * 2,
    "merge_kxk_1x1": ("k**2*C*n/(k**2*C*m+m*n)",) * 2,
    "merge_1x1_kxk": ("k**2*C*n/(C*m+k**2*m*n)", "k**2*C*n/(C*m*s**2+k**2*m*n)"),
    "merge_kxk_kxk": ("(h+s*(j-1))**2*C*n/(h**2*C*m+j**2*m*n)",
                      "(h+s*(j-1))**2*C*n/(h**2*u**2*C*m+j**2*m*n)"),
    "merge_parallel": ("k**2/(k**2+l**2)",) * 2,
    "merge_acb": ("k**2/(k**2+2*k)",) * 2,
    "fuse_siblings": ("1", "1"),
    "conv_over_concat": ("1", "1"),
    "densify": ("g", "g"),
    "swap_conv_gap": ("1", "1/(H*W)"),
    "swap_gap_fc": ("1", "H*W"),
    "patchify": ("1", "1"),
    "pool_to_stride": ("1", "1/s**2"),
}  # fmt: skip
"""Ratios as papers print them, biases and norms aside; `n` outputs, `C` inputs, `s` the stride."""


@pytest.mark.parametrize("name", TABLES)
def test_formulas_are_those_of_the_papers(name: str) -> None:
    rewrite = SHIPPED[name]
    found = costs(rewrite, first_instance(rewrite))
    assert found is not None
    random = Random(name)
    for _ in range(5):
        values = {n: Fraction(random.randint(2, 60)) for n in "HWCnmbckslutjhqgdw"}
        values |= {n: Fraction(random.randint(2, 60)) for n in ("rank", "terms")}
        for formula, published in zip((found.params, found.macs), TABLES[name], strict=True):
            ratio = formula.right.at(values) / formula.left.at(values)
            assert ratio == eval(published, {}, dict(values)), (name, published)


def test_published_numbers_of_widths() -> None:
    """ResNet-C's stem, 3→32→32→64: three times the work of 7x7."""
    rewrite = SHIPPED["deep_stem"]
    found = costs(rewrite, first_instance(rewrite))
    assert found is not None
    values = {"C": 3, "m": 32, "n": 64}
    ratio = found.params.right.at(values) / found.params.left.at(values)
    assert round(float(ratio), 2) == 3.03


def test_the_lines_of_a_rule() -> None:
    text = "rule f { conv 5x5/s, n => conv 3x3, n; conv 3x3/s, n; keeps window, shape }"
    assert lines(check_statically(rule(text))) == (
        "window proved for every s and maps of every size",
        "parameters 25·C·n → 9·C·n + 9·n², 18/25 at equal widths",
        "MACs/O 25·C·n → 9·s²·C·n + 9·n², 9·(s² + 1)/25 at equal widths",
        "fewer parameters when n < 16·C/9",
        "fewer MACs when n < C·(25 - 9·s²)/9",
    )
    assert lines(check_statically(SHIPPED["asym"])) == (
        "window proved for every k and s and maps of every size",
        "parameters k²·C·n → k·C·m + k·n·m, 2/k with m = n at equal widths",
        "MACs/O k²·C·n → k·s·C·m + k·n·m, (s + 1)/k with m = n at equal widths",
        "fewer parameters when m < k·C·n/(C + n)",
        "fewer MACs when m < k·C·n/(s·C + n)",
    )
    assert lines(check_statically(SHIPPED["fold_bn"]))[-2:] == (
        "fewer parameters",
        "ends: each time fewer layers",
    )


def test_guards_are_where_it_pays() -> None:
    """The bounds of the papers, at numbers on both sides of them."""
    found = costs(SHIPPED["asym"], first_instance(SHIPPED["asym"]))
    assert found is not None
    for C, n, k, s, m in product((3, 64), (8, 64), (3, 7), (1, 2), range(1, 200, 7)):
        values = {"C": C, "n": n, "k": k, "s": s, "m": m}
        assert (found.params.saved.at(values) > 0) == (m < Fraction(k * C * n, C + n))
        assert (found.macs.saved.at(values) > 0) == (m < Fraction(k * C * n, C * s + n))


def test_costs_of_a_block_that_decides_are_an_example() -> None:
    """A projection where the shape changes: no formula holds for all strides and widths."""
    known = check_statically(SHIPPED["basic_to_bottleneck"])
    assert known.costs is None and known.guard == ()
    # conv 3x3/2 64→64, 3x3 64→64, a projection, three norms; 1x1 64→16, 3x3/2, 1x1 16→64
    before = 9 * 64 * 64 * 2 + 64 * 64 + 6 * 64
    after = 64 * 16 + 9 * 16 * 16 + 16 * 64 + 64 * 64 + 2 * (16 + 16 + 64 + 64)
    assert known.sample.startswith(f"parameters {before:,} → {after:,}, MACs/O ")
    assert known.sample.endswith("for C = 64, n = 64 and s = 2")


def test_loops_are_formulas_if_they_are_some() -> None:
    text = "rule tower(t) { conv 1x1, n => for i in 0..t { conv 1x1, n } ; keeps shape }"
    found = costs_of(text)
    assert found.params.right.text(found.order) == "n²·t + C·n - n²"
    assert not found.is_uniform


# ------------------------------------------------------------------- interpolation

NAMES = ("x", "y", "z")


def powers() -> st.SearchStrategy[tuple[tuple[str, int], ...]]:
    each = st.fixed_dictionaries({name: st.integers(-1, 2) for name in NAMES})
    return each.map(lambda p: tuple(sorted((name, power) for name, power in p.items() if power)))


@given(st.dictionaries(powers(), st.fractions(-9, 9, max_denominator=4), max_size=4))
@examples(40)
def test_polynomials_are_found_again(terms: dict[tuple[tuple[str, int], ...], Fraction]) -> None:
    assume(prod(len({0, *(dict(t).get(n, 0) for t in terms)}) for n in NAMES) <= MOST_TERMS)
    wanted = polynomial(terms.items())
    choices = dict.fromkeys(NAMES, (3, 5, 2, 7, 4, 11, 13, 6))
    base = {"x": 17, "y": 19, "z": 23}
    fit = interpolated(lambda p: [wanted.at(p)], base, choices, Random(0))
    assert fit is not None
    assert fit.polynomials == (wanted,)
    assert fit.fixed == ()


@pytest.mark.parametrize(
    "function",
    [lambda x, y: 2**x, lambda x, y: x * y // 2, lambda x, y: max(x, y), lambda x, y: x % 3],
)
def test_what_is_no_polynomial_is_not_taken_for_one(function: Callable[[int, int], int]) -> None:
    fit = interpolated(
        lambda p: [Fraction(function(p["x"], p["y"]))],
        {"x": 5, "y": 3},
        {"x": (2, 3, 4, 5, 6, 7, 8, 9), "y": (2, 3, 4, 5, 6, 7, 8, 9)},
        Random(0),
    )
    assert fit is None


def test_variables_with_few_values_are_none() -> None:
    fit = interpolated(
        lambda p: [Fraction(p["x"] ** 2 * p["y"])] if p["y"] in (2, 4) else None,
        {"x": 3, "y": 2},
        {"x": (2, 3, 4, 5, 6), "y": (2, 3, 4, 5, 6)},
        Random(0),
    )
    assert fit is not None
    assert fit.fixed == ("y",)
    assert fit.polynomials[0] == unknown("x") * unknown("x") * polynomial([((), Fraction(2))])


@given(st.dictionaries(powers(), st.fractions(-9, 9, max_denominator=4), max_size=3))
@examples(60)
def test_texts_of_ratios_are_true(terms: dict[tuple[tuple[str, int], ...], Fraction]) -> None:
    over, under = polynomial(terms.items()), polynomial([((("x", 1),), Fraction(6))])
    superscripts = str.maketrans({"²": "**2", "³": "**3", "⁴": "**4", "·": "*"})
    values = {"x": Fraction(3), "y": Fraction(5), "z": Fraction(7)}
    if over.terms:
        text = quotient(over, under, NAMES).translate(superscripts)
        assert eval(text, {}, dict(values)) == pytest.approx(float(over.at(values) / 18))
    if is_positive(over, {}):
        assert all(over.at({"x": x, "y": y, "z": 1}) > 0 for x in (1, 9) for y in (1, 9))


# ------------------------------------------------------------------------ refusals


def refused(text: str, call: str = "") -> Diagnostic:
    """What is said when a rule of one's own is asked for."""
    name = rule(text).name
    net = f"{text}\nmodel base {{ input 32x32x8; conv 5x5, 16; relu }}\n"
    with pytest.raises(CnnError) as caught:
        compile_model(Source("net.cnn", f"{net}model net = base with {call or name}"), "net")
    (problem,) = caught.value.diagnostics
    return problem


def test_a_claim_that_is_wrong_elsewhere_is_refused_where_it_would_be_right() -> None:
    """At stride 1 the rule is right, but it says so of every stride."""
    text, message, _ = WRONG["early"]
    problem = refused(f"rule early {{ {text} }}")
    assert problem.code == "E1004"
    assert problem.message == "`early` does not keep the window"
    assert problem.notes[0] == message
    assert problem.help[0].text == "it does `when s == 1`"
    assert problem.place is not None and problem.place.text == "window"


def test_a_right_side_that_fits_nowhere_is_refused() -> None:
    problem = refused("rule more { conv 5x5, n => conv 5x5, n + 1; keeps shape }")
    assert problem.code == "E1001"
    assert problem.notes[0] == "it would give HxWx5 where HxWx4 is needed"


def test_what_a_right_side_says_wrongly_is_told_as_it_is() -> None:
    problem = refused("rule odd { conv 5x5, n => conv 5x5, m }")
    assert (problem.code, problem.place and problem.place.text) == ("E0202", "m")


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        # A wide map and a narrow input: 1x1 behind k×k is cheaper than both as one.
        ("rule wide simplify { conv k, m; conv 1x1, n => conv k, n }", "MACs"),
        ("rule swap exact simplify { relu; abs => abs; relu }", "2 operators"),
        ("rule same exact simplify { relu => relu }", "1 operators"),
    ],
)
def test_a_rule_without_an_end_is_refused(text: str, numbers: str) -> None:
    problem = refused(text)
    assert (problem.code, problem.place and problem.place.text) == ("E1004", "simplify")
    assert "does not end" in problem.message
    before, after = problem.notes[0].split(" become ")
    assert numbers in before and numbers in after


def test_ends_are_proved_by_formulas() -> None:
    for name, what in (
        ("merge_acb", "MACs"),
        ("fold_bn", "layers"),
        ("drop_bias_before_bn", "weights"),
        ("pad_into_conv", "operators"),
    ):
        known = check_statically(SHIPPED[name]).ends
        assert (known.result, known.text) == ("proved", f"each time fewer {what}")


def test_rules_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rewrite = rule("rule f { conv 5x5/s, n => conv 3x3, n; conv 3x3/s, n; keeps window }")
    refuse_wrong(rewrite)
    monkeypatch.setattr("cnndsl.rewrite.static.first_instance", None)
    refuse_wrong(rewrite)
