"""Numbers and formulas as people read them have the value that they stand for."""

from __future__ import annotations

import random
from fractions import Fraction
from math import ceil, floor

import pytest

from cnndsl.notation import number, on_multiples, scaled, shape, whole_formula
from cnndsl.symbol import Size, Symbol, at, variable
from cnndsl.types import map_type

H, W = variable("H"), variable("W")


def read(formula: str, sizes: dict[str, int]) -> Fraction:
    """The value of a formula."""
    python = formula.replace(",", "").replace("·", "*").replace("−", "-")
    for sign, word in (("⌊", "floor("), ("⌋", ")"), ("⌈", "ceil("), ("⌉", ")")):
        python = python.replace(sign, word)
    names = {name: Fraction(size) for name, size in sizes.items()}
    return Fraction(eval(python, {"floor": floor, "ceil": ceil, **names}))


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0"),
        (25557032, "25,557,032"),
        (H, "H"),
        (-H + 1, "−H + 1"),
        (H - W, "H − W"),
        (576 * H * W, "576·H·W"),
        (9408 * ((H + 1) // 2) * ((W + 1) // 2), "9,408·⌈H/2⌉·⌈W/2⌉"),
        ((H + 3) // 2, "⌈H/2⌉ + 1"),
        ((H + 4) // 3, "⌊(H + 1)/3⌋ + 1"),
        (64 * H * W + 32 * H, "32·H·(2·W + 1)"),
        (H * W // 2, "⌊(H·W)/2⌋"),
        ((2 * H + 31) // 32, "⌈(2·H)/32⌉"),
    ],
)
def test_numbers(size: Size, text: str) -> None:
    assert number(size) == text


def test_scaled() -> None:
    found = [scaled(size) for size in (7, 999, 1000, 1_583_000_000, 4_089_184_256, 5 * 10**12)]
    assert found == ["7", "999", "1 k", "1.583 G", "4.089 G", "5 T"]


def test_shapes() -> None:
    assert shape(map_type(56, 56, 64)) == "56×56×64"
    half = map_type((H + 1) // 2, W // 2, 8)
    assert shape(half) == "⌈H/2⌉×⌊W/2⌋×8"
    assert shape(half, {"H": 2, "W": 4}) == "H/2×W/2×8"
    assert shape(map_type(H + 1, W, 8)) == "(H + 1)×W×8"


def test_whole_formulas() -> None:
    size = 147 * ((H + 1) // 2) * ((W + 1) // 2) + 3
    assert isinstance(size, Symbol) and whole_formula(size) == ("3·(49·H·W + 4)/4", 2)
    assert whole_formula(H + W) is None  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(200))
def test_formulas_have_their_value(seed: int) -> None:
    draw = random.Random(seed)
    size: Size = draw.randint(-5, 5)
    for _ in range(draw.randint(1, 4)):
        factor: Size = draw.randint(-9, 60)
        for name in draw.sample(["H", "W"], draw.randint(0, 2)):
            part: Size = variable(name) * draw.choice([1, 1, 2]) + draw.randint(-1, 31)
            for _ in range(draw.randint(0, 2)):
                part = (part + draw.randint(0, 3)) // draw.choice([2, 3, 4])
            factor = factor * part
        size = size + factor
    sizes = {"H": draw.randint(1, 300), "W": draw.randint(1, 300)}
    assert read(number(size), sizes) == at(size, sizes)
    if isinstance(size, Symbol):
        period = size.period
        whole = {name: period * value for name, value in sizes.items()}
        if on_multiples(size, {"H": period, "W": period}) is not None:
            assert read(number(size, {"H": period, "W": period}), whole) == at(size, whole)
        plain = whole_formula(size)
        if plain is not None:
            assert read(plain[0], whole) == at(size, whole)
