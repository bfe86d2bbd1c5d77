"""Chains of windows against published factorisations, sets of offsets and perturbed inputs."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnndsl.rewrite.chains import chains, fit_padding, listed
from cnndsl.window import Padding, Window


def square(size: int, stride: int = 1) -> Window:
    return Window(size, size, stride, stride)


def ratios(window: Window, longest: int = 3, **options: object) -> dict[str, tuple]:
    return {str(c): (c.parameters, c.macs) for c in chains(window, longest, **options)}


# ---------------------------------------------------------------------- costs


@pytest.mark.parametrize(
    ("window", "chain", "parameters", "macs"),
    [
        # Szegedy et al. 2016, section 3.1: 28 % less; section 3.2: 3x1 after 1x3, 33 % less
        (square(5), "3x3; 3x3", Fraction(18, 25), Fraction(18, 25)),
        (square(3), "1x3; 3x1", Fraction(6, 9), Fraction(6, 9)),
        # Simonyan and Zisserman 2015, section 2.3: three 3x3 against 7x7, 81 % more weights
        (square(7), "3x3; 3x3; 3x3", Fraction(27, 49), Fraction(27, 49)),
        # the first part makes a map four times the size of the whole's
        (square(5, 2), "3x3; 3x3/2", Fraction(18, 25), Fraction(4 * 9 + 9, 25)),
        (square(5, 2), "3x3/2; 2x2", Fraction(13, 25), Fraction(13, 25)),
        (square(5, 2), "2x2; 2x2/2; 2x2", Fraction(12, 25), Fraction(4 * 4 + 4 + 4, 25)),
        (square(7, 2), "3x3/2; 3x3", Fraction(18, 49), Fraction(18, 49)),
        (square(7, 2), "3x3/2; 2x2; 2x2", Fraction(17, 49), Fraction(17, 49)),
        (square(7), "4x4; 4x4", Fraction(32, 49), Fraction(32, 49)),
        (square(11, 4), "3x3/2; 5x5/2", Fraction(34, 121), Fraction(4 * 9 + 25, 121)),
        (square(11, 4), "3x3/2; 3x3/2; 2x2", Fraction(22, 121), Fraction(49, 121)),
        (square(3, 2), "2x2; 2x2/2", Fraction(8, 9), Fraction(4 * 4 + 4, 9)),
    ],
)
def test_costs_of_known_chains(window, chain, parameters, macs):
    assert ratios(window)[chain] == (parameters, macs)


@pytest.mark.parametrize(
    ("window", "two", "three"),
    [
        (square(5), "3x3; 3x3", "2x2; 2x2; 3x3"),
        (square(5, 2), "3x3/2; 2x2", "2x2; 2x2/2; 2x2"),
        (square(7, 2), "3x3/2; 3x3", "3x3/2; 2x2; 2x2"),
        (square(7), "4x4; 4x4", "3x3; 3x3; 3x3"),
        (square(11, 4), "3x3/2; 5x5/2", "3x3/2; 3x3/2; 2x2"),
        (square(3, 2), "2x2; 2x2/2", None),
    ],
)
def test_the_cheapest_square_chains(window, two, three):
    found = [chain for chain in chains(window) if chain.is_square]
    best = {n: next((str(c) for c in found if len(c.windows) == n), None) for n in (3, 2)}
    assert best == {2: two, 3: three if three else best[3]}


def test_a_stem_of_three_3x3_is_not_a_7x7():
    """He et al. 2019, ResNet-C: its window is 11x11/2."""
    stem = "3x3/2; 3x3; 3x3"
    assert stem not in ratios(square(7, 2))
    assert stem in ratios(square(11, 2))


def test_the_ranking_is_by_both_ratios():
    found = chains(square(6, 2))
    sums = [chain.parameters + chain.macs for chain in found]
    assert sums == sorted(sums)
    assert len(set(map(str, found))) == len(found)


def test_widths_between_the_parts():
    # 3x3, 64 -> 32, then 3x3, 32 -> 64, against 5x5, 64 -> 64
    assert ratios(square(5), 2, channels=(64, 32, 64))["3x3; 3x3"][0] == Fraction(9, 25)
    third = ratios(square(5), 2, channels=(1, Fraction(1, 3), 2))["3x3; 3x3"][0]
    assert third == (9 * Fraction(1, 3) + 9 * Fraction(2, 3)) / 50


def test_a_dilated_part():
    """Two 3x3, one with its taps three apart, have the window of 9x9."""
    name = "3x3; 3x3 dilation 3"
    assert ratios(square(9), 2, dilation=3)[name] == (Fraction(18, 81), Fraction(18, 81))
    assert name not in ratios(square(9), 2, dilation=2)


def test_what_no_chain_can_be():
    assert chains(square(1)) == chains(square(1, 2)) == chains(square(2), 1) == ()


# ------------------------------------------------------------ against all chains


def offsets(parts: tuple[Window, ...]) -> tuple[frozenset, tuple[int, int]]:
    """What output (0, 0) of a chain reads, window by window from behind, and its strides."""
    read, down, right = {(0, 0)}, 1, 1
    for part in reversed(parts):
        read = {
            (y * part.stride_h + dy, x * part.stride_w + dx)
            for y, x in read
            for dy, dx in product(range(part.height), range(part.width))
        }
        down, right = down * part.stride_h, right * part.stride_w
    return frozenset(read), (down, right)


@pytest.mark.parametrize(
    ("window", "longest"),
    [(square(3), 3), (square(4), 2), (square(3, 2), 2), (Window(4, 2, 2, 1), 2), (Window(1, 5), 3)],
)
def test_finds_every_chain(window, longest):
    whole = offsets((window,))
    small = [
        Window(*part)
        for part in product(
            range(1, window.height + 1),
            range(1, window.width + 1),
            range(1, window.stride_h + 1),
            range(1, window.stride_w + 1),
        )
        if part[0] * part[1] < window.area and part != (1, 1, 1, 1)
    ]
    right = {
        parts
        for count in range(2, longest + 1)
        for parts in product(small, repeat=count)
        if offsets(parts) == whole
    }
    found = [chain.windows for chain in chains(window, longest)]
    assert set(found) == right
    assert len(found) == len(right)


# ----------------------------------------------------- against perturbed inputs


def response(maps: np.ndarray, window: Window, padding: Padding, dilation=(1, 1)) -> np.ndarray:
    """Sums over windows of maps that are padded with zeros; negative amounts crop."""
    crop = [[max(0, -p) for p in side] for side in (padding.height, padding.width)]
    maps = maps[:, crop[0][0] : maps.shape[1] - crop[0][1], crop[1][0] : maps.shape[2] - crop[1][1]]
    sides = ((max(0, p) for p in side) for side in (padding.height, padding.width))
    maps = np.pad(maps, ((0, 0), *map(tuple, sides)))
    extents = [(size - 1) * d for size, d in zip(window.size, dilation, strict=True)]
    height, width = (max(0, n - e) for n, e in zip(maps.shape[1:], extents, strict=True))
    total = np.zeros((len(maps), height, width), np.int64)
    for y, x in product(range(window.height), range(window.width)):
        dy, dx = y * dilation[0], x * dilation[1]
        total += maps[:, dy : dy + height, dx : dx + width]
    return total[:, :: window.stride_h, :: window.stride_w]


@pytest.mark.parametrize(
    ("window", "padding"),
    [
        (square(5), Padding(2, 2, 2, 2)),
        (square(5, 2), Padding(2, 2, 2, 2)),
        (square(4, 2), Padding(1, 2, 2, 1)),
        (square(7, 2), Padding(3, 3, 3, 3)),
        (Window(5, 3, 1, 2), Padding(-1, 4, 0, 1)),
        (square(5, 2), Padding()),
        (square(7, 2), Padding()),
    ],
)
@pytest.mark.parametrize("size", [(9, 10), (12, 7)])
def test_parts_read_what_the_whole_reads(window, padding, size):
    """Every output changes with the same inputs. Sums of ones never cancel."""
    height, width = size
    maps = np.eye(height * width, dtype=np.int64).reshape(-1, height, width)
    whole = response(maps, window, padding) > 0
    found = chains(window, 2, dilation=2) + chains(window, 3)[:25]
    for chain in found:
        paddings = chain.fit(padding)
        assert paddings is not None
        parts = maps
        for step in zip(chain.windows, paddings, chain.dilations, strict=True):
            parts = response(parts, *step)
        inside = parts > 0
        assert inside.shape == whole.shape, chain
        # Parts that pad in the middle see zeros where the whole sees a border: never more.
        assert not (inside & ~whole).any(), chain
        if all(p == Padding() for p in paddings[1:]):
            assert (inside == whole).all(), chain


@pytest.mark.parametrize("window", [square(5), square(6, 2), square(7, 3), Window(8, 3, 4, 1)])
def test_parts_have_the_size_of_the_whole(window):
    half = Padding(*[window.height // 2] * 2, *[window.width // 2] * 2)

    def size(n: int, step: tuple[int, int, int], padding: tuple[int, int]) -> int:
        return (n + sum(padding) - (step[0] - 1) * step[2] - 1) // step[1] + 1

    for chain in chains(window):
        paddings = chain.fit(half)
        assert paddings is not None
        for n in range(window.height, 40):
            rows = n
            for step, padding in zip(chain.steps(0), paddings, strict=True):
                rows = size(rows, step, padding.height)
            assert rows == size(n, (window.height, window.stride_h, 1), half.height)


# -------------------------------------------------------------------- padding


steps = st.lists(
    st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(1, 2)), min_size=1, max_size=3
)


@given(st.integers(0, 12), st.integers(0, 12), steps)
def test_paddings_are_the_most_balanced_ones(lo, hi, axes):
    found = fit_padding((lo, hi), axes)
    extents = [(size - 1) * dilation for size, _, dilation in axes]
    before = [1]
    for _, stride, _ in axes[:-1]:
        before.append(before[-1] * stride)

    def ways(amount: int) -> list[tuple[int, ...]]:
        shares = product(*(range(extent + 1) for extent in extents))
        return [s for s in shares if sum(map(int.__mul__, s, before)) == amount]

    def distance(shares: tuple[int, ...]) -> float:
        return sum((share - extent / 2) ** 2 for share, extent in zip(shares, extents, strict=True))

    if found is None:
        assert not ways(lo) or not ways(hi)
        return
    for side, amount in enumerate((lo, hi)):
        shares = tuple(pair[side] for pair in found)
        nearest = min(map(distance, ways(amount)))
        assert shares == max(s for s in ways(amount) if distance(s) == nearest)


def test_only_the_first_window_crops():
    assert fit_padding((-3, 2), [(3, 2, 1), (3, 1, 1)]) == ((-3, 0), (0, 1))
    assert fit_padding((0, 0), []) == ()
    assert fit_padding((1, 0), []) is None
    assert fit_padding((0, -1), []) is None


def test_every_padding_up_to_the_extent_fits():
    for chain in chains(Window(9, 1, 2, 1), 3, dilation=2):
        assert all(fit_padding((n, 8 - n), chain.steps(0)) is not None for n in range(9))


# ---------------------------------------------------------------------- words


def test_the_ranking_as_a_table():
    found = [chain for chain in chains(square(7, 2)) if chain.is_square][:3]
    assert listed(found, Padding(3, 3, 3, 3)) == (
        "chain            parameters  MACs  paddings",
        "3x3/2; 2x2; 2x2        0.35  0.35  1; 1; 0",
        "3x3/2; 3x3             0.37  0.37  1; 1",
        "2x2; 2x2/2; 3x3        0.35  0.59  1; 0; 1",
    )


def test_a_padding_that_no_parts_have():
    found = [chain for chain in chains(square(5), 2) if chain.is_square]
    assert listed(found, Padding(9, 9, 9, 9))[1].endswith("none fits")
