"""The window algebra against brute force and against the frameworks' own formulas."""

from __future__ import annotations

from math import floor

from hypothesis import assume, given
from hypothesis import strategies as st

from cnndsl.symbol import at, variable
from cnndsl.window import (
    IDENTITY,
    Axis,
    Padding,
    Window,
    axis,
    dense_taps,
    half_padding,
    same_padding,
    same_size,
    transposed_formula,
    transposed_pairs,
    transposed_size,
)

H = variable("H")

strides = st.integers(1, 4)
margins = st.integers(-3, 4)
kernels = st.integers(1, 7)
dilations = st.integers(1, 3)
sizes = st.integers(1, 40)
axes = st.builds(Axis, strides, margins, margins, st.integers(1, 127))


def taps_of(a: Axis) -> set[int]:
    return {t for t in range(a.extent + 1) if a.taps >> t & 1}


def outputs(a: Axis, n: int) -> range:
    """The outputs whose whole extent lies on the padded input, counted one by one."""
    count = 0
    while a.stride * count + a.extent < n + a.lo + a.hi:
        count += 1
    return range(count)


def reads(a: Axis, i: int) -> set[int]:
    return {a.stride * i - a.lo + t for t in taps_of(a)}


@given(axes, sizes)
def test_size_counts_the_windows_that_fit(a, n):
    assert max(0, a.size(n)) == len(outputs(a, n))


@given(axes, axes, axes)
def test_composition_is_associative(a, b, c):
    assert a.then(b).then(c) == a.then(b.then(c))


@given(axes)
def test_identity_is_neutral(a):
    assert IDENTITY.then(a) == a == a.then(IDENTITY)


@given(axes, axes, st.integers(-20, 60))
def test_composing_windows_composes_sizes(a, b, n):
    assert a.then(b).size(n) == b.size(a.size(n))


@given(axes, axes)
def test_composing_windows_composes_sizes_of_symbols(a, b):
    assert a.then(b).size(H) == b.size(a.size(H))


@given(axes, axes, st.integers(-3, 5))
def test_composition_reads_what_the_two_windows_read(a, b, i):
    through = set().union(*(reads(a, j) for j in reads(b, i)))
    assert reads(a.then(b), i) == through


@given(axes, sizes)
def test_pairs_are_the_taps_on_real_elements(a, n):
    counted = sum(0 <= j < n for i in outputs(a, n) for j in reads(a, i))
    assert a.pairs(n) == counted


@given(axes, sizes)
def test_symbolic_sizes_and_pairs_agree_with_numbers(a, n):
    n += a.extent + max(0, -a.lo) + max(0, -a.hi)
    assert at(a.size(H), {"H": n}) == a.size(n)
    assert at(a.pairs(H), {"H": n}) == a.pairs(n)


@given(axes, sizes)
def test_dropped_rows_are_read_by_no_window(a, n):
    assume(a.size(n) >= 1)
    last = a.stride * (a.size(n) - 1) + a.extent
    assert a.dropped(n) == n + a.lo + a.hi - 1 - last


@given(kernels, dilations)
def test_dense_taps(size, dilation):
    assert taps_of(Axis(taps=dense_taps(size, dilation))) == {i * dilation for i in range(size)}


@given(sizes, kernels, strides, dilations, st.data())
def test_ceil_is_pytorchs(n, size, stride, dilation, data):
    """`pooling_output_shape` of ATen: the last window must start before the right padding."""
    pad = data.draw(st.integers(0, size // 2))
    expected = -(-(n + 2 * pad - dilation * (size - 1) - 1) // stride) + 1
    if (expected - 1) * stride >= n + pad:
        expected -= 1
    assume(n + 2 * pad > dilation * (size - 1))
    assert axis(size, stride, (pad, pad), dilation, "ceil").size(n) == expected


@given(sizes, kernels, strides, dilations)
def test_same_is_tensorflows(n, size, stride, dilation):
    """The formula in the documentation of `tf.nn`."""
    extent = (size - 1) * dilation + 1
    total = max(extent - (n % stride or stride), 0)
    before, behind = same_padding(size, stride, dilation, n)
    if stride > 1:
        assert (before, behind) == (total // 2, total - total // 2)
    assert before + behind == max(total, 0)
    assert axis(size, stride, (before, behind), dilation).size(n) == -(-n // stride)
    assert at(same_size(H, stride), {"H": n}) == same_size(n, stride) == -(-n // stride)


@given(kernels, strides, dilations)
def test_same_of_a_symbol_is_known_where_it_is_constant(size, stride, dilation):
    padding = same_padding(size, stride, dilation, H)
    assert (padding is None) == (stride > 1)
    if padding is not None:
        assert padding == same_padding(size, stride, dilation, 1000)
        assert axis(size, 1, padding, dilation).size(H) == H


@given(kernels, dilations)
def test_half_padding_keeps_odd_sizes(size, dilation):
    extent = (size - 1) * dilation + 1
    kept = axis(size, 1, half_padding(size, dilation), dilation).size(H)
    assert kept == (H if extent % 2 else H + 1)


@given(sizes, kernels, strides, margins, margins, dilations, st.integers(0, 3))
def test_transposed_against_brute_force(n, size, stride, lo, hi, dilation, extra):
    positions = {i * stride + t * dilation for i in range(n) for t in range(size)}
    length = max(positions) + 1 - lo - hi + extra
    assert transposed_size(n, size, stride, (lo, hi), dilation, extra) == length
    kept = sum(
        0 <= i * stride + t * dilation - lo < length for i in range(n) for t in range(size)
    )
    assert transposed_pairs(n, size, stride, (lo, hi), dilation, extra) == kept


@given(sizes, kernels, strides, margins, margins, dilations, st.integers(0, 3))
def test_transposed_symbols_agree_with_numbers(n, size, stride, lo, hi, dilation, extra):
    n += (size - 1) * dilation + abs(lo) + abs(hi)
    along = size, stride, (lo, hi), dilation, extra
    assert at(transposed_size(H, *along), {"H": n}) == transposed_size(n, *along)
    assert at(transposed_pairs(H, *along), {"H": n}) == transposed_pairs(n, *along)


@given(kernels, strides, st.integers(0, 3), dilations, sizes)
def test_transposed_undoes_the_size_of_the_convolution(size, stride, pad, dilation, n):
    """It leads back to the smallest input with this output size; `extra` to the others."""
    forward = axis(size, stride, (pad, pad), dilation)
    assume(forward.size(n) >= 1)
    extra = forward.dropped(n)
    assert transposed_size(forward.size(n), size, stride, (pad, pad), dilation, extra) == n


def test_values_print_as_they_are_written():
    written = [
        (Window(7, 7, 2, 2), "7x7/2"),
        (Window(1, 7), "1x7"),
        (Window(3, 3, 2, 1), "3x3/2x1"),
        (Padding(1, 1, 1, 1), "1"),
        (Padding(1, 1, 0, 0), "1x0"),
        (Padding(0, 0, 1, 1), "0x1"),
        (Padding(0, 1, 0, 1), "[0, 1, 0, 1]"),
        (Padding(-1, -1, 0, 0), "[-1, -1, 0, 0]"),
        (Padding(0, 0, -1, -1), "[0, 0, -1, -1]"),
    ]
    assert [str(value) for value, _ in written] == [text for _, text in written]


def both_sides(formula: str) -> list[float]:
    """What is left and right of `=`, computed by Python."""
    signs = {"⌊": "floor(", "⌋": ")", "·": "*", "−": "-"}
    text = "".join(signs.get(sign, sign) for sign in formula)
    return [eval(side, {"floor": floor}) for side in text.split("=")]


@given(axes, sizes)
def test_formulas_are_true(a, n):
    assume(a.size(n) >= 1)
    assert both_sides(a.formula(n)) == [len(outputs(a, n))] * 2


@given(sizes, kernels, strides, margins, margins, dilations, st.integers(0, 3))
def test_transposed_formulas_are_true(n, size, stride, lo, hi, dilation, extra):
    shape = n, size, stride, (lo, hi), dilation, extra
    assert both_sides(transposed_formula(*shape)) == [transposed_size(*shape)] * 2


def test_formulas_are_written_as_in_papers():
    written = {
        Axis(): "28 = 28",
        Axis(stride=2): "⌊(28 − 1) / 2⌋ + 1 = 14",
        Axis(1, 1, 1, 0b111): "28 + 2·1 − 3 + 1 = 28",
        Axis(2, 0, 1, 0b111): "⌊(28 + 0 + 1 − 3) / 2⌋ + 1 = 14",
        Axis(1, 0, -1): "28 + 0 − 1 = 27",
    }
    assert {window: window.formula(28) for window in written} == written
    cropped = transposed_formula(7, 4, 2, (1, 0), 1, 0)
    assert cropped == "(7 − 1) · 2 − 1 + 4 = 15"
    assert transposed_formula(7, 3, 2, (0, 0), 2, 1) == "(7 − 1) · 2 + 5 + 1 = 18"


def test_a_plain_kernel_needs_no_more_than_its_size():
    assert dense_taps(3) == 0b111
    assert axis(3) == Axis(1, 0, 0, 0b111)
    assert half_padding(5) == (2, 2)
