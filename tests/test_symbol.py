"""Symbols: laws of rings and floors, against integers at random points."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnndsl.symbol import Symbol, at, product, variable

H, W = variable("H"), variable("W")

points = st.fixed_dictionaries({"H": st.integers(-50, 300), "W": st.integers(-50, 300)})
divisors = st.integers(1, 12)
sizes = st.recursive(
    st.integers(-20, 20) | st.sampled_from([H, W]),
    lambda inner: (
        st.tuples(inner, inner).map(lambda pair: pair[0] + pair[1])
        | st.tuples(inner, inner).map(lambda pair: pair[0] - pair[1])
        | st.tuples(inner, inner).map(lambda pair: pair[0] * pair[1])
        | st.tuples(inner, divisors).map(lambda pair: pair[0] // pair[1])
    ),
    max_leaves=6,
)
linear = st.builds(
    lambda a, b, m, c, n: a * H + (b * H + H // m + c) // n,
    st.integers(-5, 5), st.integers(-5, 5), divisors, st.integers(-5, 5), divisors,
)  # fmt: skip


@given(sizes, sizes, points)
def test_arithmetic_is_that_of_the_values(a, b, point):
    assert at(a + b, point) == at(a, point) + at(b, point)
    assert at(a - b, point) == at(a, point) - at(b, point)
    assert at(a * b, point) == at(a, point) * at(b, point)


@given(sizes, divisors, points)
def test_floor_is_that_of_the_values(a, n, point):
    assert at(a // n, point) == at(a, point) // n


@given(sizes, sizes, sizes)
def test_ring_laws_hold_by_structure(a, b, c):
    assert a + b == b + a
    assert a * b == b * a
    assert (a + b) + c == a + (b + c)
    assert (a * b) * c == a * (b * c)
    assert a * (b + c) == a * b + a * c
    assert a - a == 0
    assert a + 0 == a == a * 1
    assert a * 0 == 0
    assert hash(a + b) == hash(b + a)


@given(sizes, sizes, divisors)
def test_whole_multiples_leave_a_floor(a, b, n):
    assert (a * n + b) // n == a + b // n


@given(st.integers(-9, 9), divisors, st.integers(-9, 9), divisors)
def test_nested_floors_of_a_variable_are_one(b, m, c, n):
    assert ((H + b) // m + c) // n == (H + b + c * m) // (m * n)


@given(sizes, points)
def test_text_is_an_expression_with_the_same_value(a, point):
    assert eval(str(a), {}, dict(point)) == at(a, point)


@given(linear, st.integers(-100, 100))
def test_a_period_shifts_every_floor_by_a_whole_number(a, n):
    """So a size that is linear grows by the same amount in each period."""
    if not isinstance(a, Symbol):
        return
    step = a.at({"H": a.period}) - a.at({"H": 0})
    assert a.at({"H": n + a.period}) - a.at({"H": n}) == step


def test_numbers_stay_numbers():
    assert isinstance(H - H, int)
    assert isinstance(0 * H, int)
    assert isinstance((H + 3 - H) // 2, int)
    assert product([]) == 1
    assert product([H, 2, W]) == 2 * H * W


def test_variables_are_found_inside_floors():
    assert ((H + W) // 2 * W + 1).variables == ("H", "W")
    with pytest.raises(KeyError):
        (H + W).at({"H": 1})


def test_text():
    assert str((H + 1) // 2 * 64) == "64*((H + 1)//2)"
    assert str(H * H - 2 * H + 1) == "H*H - 2*H + 1"
    assert str(((H + 1) // 2 + 1) // 2) == "((H + 3)//4)"


def test_a_weight_counts_what_the_text_has():
    weights = {
        H: 1,
        H + 1: 2,
        2 * H * W + 3: 3,
        H * H * W: 3,
        (H + 1) // 2: 3,
        ((H + 1) // 2 + W) // 3: 5,
        5 * ((H + 1) // 2) * W + W: 5,
    }
    assert {size: size.weight for size in weights} == weights


def test_the_period_is_the_smallest():
    periods = {H: 1, H // 3: 3, H // 4 + W // 6: 12, (H // 2 + W) // 3: 6}
    assert {size: size.period for size in periods} == periods


def test_python_shows_the_text():
    assert repr((H + 1) // 2) == "Symbol('((H + 1)//2)')"
