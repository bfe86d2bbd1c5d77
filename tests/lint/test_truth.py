"""What the rules about windows say, against lists of what each output reads.

The lists are made element by element, without the algebra that the rules stand on.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cnndsl.diagnostics import CnnError, Diagnostic
from cnndsl.lint.engine import lint
from cnndsl.source import Source

Reads = dict[int, set[int]]
"""The inputs that each output reads, those in the padding too."""


class Step:
    """A window along the rows of a map; columns are left as they are."""

    def __init__(self, size: int, stride: int, dilation: int, before: int, behind: int) -> None:
        self.size, self.stride, self.dilation = size, stride, dilation
        self.before, self.behind = before, behind

    def outputs(self, n: int) -> int:
        """Counted by sliding the window until it no longer fits."""
        place, count = -self.before, 0
        while place + (self.size - 1) * self.dilation <= n + self.behind - 1:
            place, count = place + self.stride, count + 1
        return count

    def reads(self, output: int) -> set[int]:
        start = output * self.stride - self.before
        return {start + tap * self.dilation for tap in range(self.size)}

    def text(self, channels: int = 2) -> str:
        return (
            f"conv {self.size}x1/{self.stride}x1, {channels}, dilation={self.dilation}x1, "
            f"pad=[{self.before}, {self.behind}, 0, 0], relu"
        )


steps = st.builds(
    Step,
    size=st.integers(1, 4),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 3),
    before=st.integers(0, 3),
    behind=st.integers(0, 3),
)


def composed(chain: list[Step], output: int) -> set[int]:
    """What one output of a chain reads of its input."""
    wanted = {output}
    for step in reversed(chain):
        wanted = {read for value in wanted for read in step.reads(value)}
    return wanted


def size_of(chain: list[Step], n: int) -> int:
    for step in chain:
        n = step.outputs(n)
    return n


def lines(chain: list[Step]) -> str:
    return "; ".join(step.text() for step in chain)


def findings(text: str, code: str) -> list[Diagnostic]:
    """What a rule says about a spec, which must be one."""
    try:
        return lint(Source("net.cnn", text), select=[code])
    except CnnError:
        assume(False)
        raise


@given(steps, st.integers(1, 14))
@settings(max_examples=150, deadline=None)
def test_rows_left_out(step: Step, n: int) -> None:
    count = step.outputs(n)
    assume(count >= 1)
    last = max(read for output in range(count) for read in step.reads(output))
    lost = max(n - 1 - last, 0)
    found = findings(f"model net {{ input {n}x4x2; {step.text()} }}", "W0301")
    if (step.size - 1) * step.dilation + 1 < step.stride:
        assert not found  # such a window skips rows everywhere
        return
    assert bool(found) == (lost > 0)
    for warning in found:
        assert (f"last {lost} rows" if lost > 1 else "last row") in warning.message


@given(steps, st.integers(4, 14))
@settings(max_examples=100, deadline=None)
def test_the_padding_that_is_proposed_keeps_all_rows(step: Step, n: int) -> None:
    assume(step.outputs(n) >= 1)
    text = f"model net {{ input {n}x4x2; {step.text()} }}"
    for warning in findings(text, "W0301"):
        proposed = warning.help[0].text.split("`")[1]
        old = f"pad=[{step.before}, {step.behind}, 0, 0]"
        assert not findings(text.replace(old, proposed), "W0301")


chains = st.lists(steps, min_size=1, max_size=3)


def with_strides(chain: list[Step], strides: list[int]) -> list[Step]:
    return [
        Step(step.size, stride, step.dilation, step.before, step.behind)
        for step, stride in zip(chain, strides, strict=True)
    ]


def fitted(size: int, wanted: int, first: int) -> tuple[str, int]:
    """A statement that gives a map of another size that size, and how far it moves it."""
    missing = wanted - size
    before = min(first, abs(missing))
    word = "pad" if missing > 0 else "crop"
    text = f"{word} [{before}, {abs(missing) - before}, 0, 0]"
    return text, -before if missing > 0 else before


@given(chains, chains, st.integers(16, 30), st.integers(0, 3), st.data())
@settings(max_examples=400, deadline=None)
def test_shifted_branches(
    first: list[Step], second: list[Step], n: int, before: int, data: st.DataObject
) -> None:
    strides = data.draw(st.permutations([step.stride for step in first]))
    second = with_strides((second * 3)[: len(first)], strides)
    sizes = size_of(first, n), size_of(second, n)
    assume(min(sizes) >= 1)
    fit, moved = fitted(sizes[1], sizes[0], before)
    apart = middle(composed(first, 5)) - middle(composed(second, 5 + moved))
    text = f"model net {{ input {n}x4x2; add {{ | {lines(first)} | {lines(second)}; {fit} }} }}"
    found = findings(text, "W0305")
    assert bool(found) == (abs(apart) >= max(Fraction(1), Fraction(product(first), 2)))
    for warning in found:
        assert f"shifted by {float(abs(apart)):g} row" in warning.message


@given(chains, st.integers(8, 16), st.integers(0, 4))
@settings(max_examples=150, deadline=None)
def test_branches_that_come_back(chain: list[Step], n: int, before: int) -> None:
    """Down by a stride and up again, beside a map that stays: the mean over a period counts."""
    rate = product(chain)
    size = size_of(chain, n)
    assume(size >= 1)
    fit, moved = fitted(n, size * rate, before)
    up = f"{lines(chain)}; upsample {rate}x1"
    text = f"model net {{ input {n}x4x2; add {{ | {up} | {fit} }} }}"
    middles = [middle(composed(chain, output // rate)) for output in range(rate)]
    apart = sum((m - (moved + o) for o, m in enumerate(middles)), Fraction(0)) / rate
    assert bool(findings(text, "W0305")) == (abs(apart) >= 1)


dilated = st.builds(
    Step,
    size=st.integers(1, 3),
    stride=st.just(1),
    dilation=st.integers(1, 4),
    before=st.integers(0, 3),
    behind=st.integers(0, 3),
)


@given(st.lists(dilated, min_size=1, max_size=5))
@settings(max_examples=300, deadline=None)
def test_gridding(chain: list[Step]) -> None:
    read = sorted(composed(chain, 0))
    holes = any(b - a > 1 for a, b in pairwise(read))
    in_a_row = sum(step.size > 1 and step.dilation > 1 for step in chain)
    found = findings(f"model net {{ input 48x4x2; {lines(chain)} }}", "W0306")
    assert bool(found) == (holes and in_a_row >= 2)
    for warning in found:
        reach = read[-1] - read[0] + 1
        assert f"of {reach} rows in reach, {len(read)} are read" in warning.labels[0].text


@given(st.lists(steps, min_size=1, max_size=3))
@settings(max_examples=150, deadline=None)
def test_unread_positions(readers: list[Step]) -> None:
    """Some way inside a large map, where no border is near."""
    period = 1
    for step in readers:
        period *= step.stride
    inside = range(60, 60 + period)
    read = {row for step in readers for output in range(80) for row in step.reads(output)}
    missed = [row for row in inside if row not in read]
    gaps = all((step.size - 1) * step.dilation + 1 < step.stride for step in readers)
    body = "; ".join(f"from a; {step.text()}; output y{i}" for i, step in enumerate(readers))
    found = findings(f"model net {{ input 90x4x2; a: conv 1x1, 2, relu; {body} }}", "W0308")
    assert bool(found) == (bool(missed) and gaps)


def product(chain: list[Step]) -> int:
    rate = 1
    for step in chain:
        rate *= step.stride
    return rate


def middle(read: set[int]) -> Fraction:
    return Fraction(min(read) + max(read), 2)
