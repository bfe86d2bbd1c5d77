"""What the pages in `docs/language` promise of each construct, for all small cases of it."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnndsl import driver
from cnndsl.graph import Module
from cnndsl.op import Op
from cnndsl.ops.conv import Conv
from cnndsl.ops.regular import DropPath
from cnndsl.passes.cost import cost
from cnndsl.passes.flatten import flatten
from cnndsl.passes.receptive import receptive_field
from cnndsl.source import Source
from tests.properties.effort import examples
from tests.support.weights import random_weights

small = st.integers(1, 4)
channels = st.integers(1, 16)


def model(*rows: str, before: str = "") -> Module:
    text = f"{before}\nmodel net {{\n" + "\n".join(rows) + "\n}\n"
    return driver.compile_model(Source("net.cnn", text)).module


def wiring(module: Module) -> list[tuple[Op, tuple[int, ...]]]:
    """The operators without calls, each with the numbers of the values that it reads."""
    flat = flatten(module)
    numbers = {value.name: i for i, value in enumerate(flat.inputs)}
    found = []
    for node in flat.nodes:
        assert isinstance(node.op, Op)
        found.append((node.op, tuple(numbers[value] for value in node.inputs)))
        for value in node.outputs:
            numbers[value.name] = len(numbers)
    return found


def params(module: Module) -> int:
    return int(cost(module).params)


# ------------------------------------------------------------------ dense.md

DENSE = """
block layer(k) { bn; relu; conv 1x1, 4*k, bias=false, bn, relu; conv 3x3, k, bias=false }
block dense(n, k) { concat { | identity | layer(k) } × n }
"""


@examples(30)
@given(channels, st.integers(1, 6), st.integers(1, 8))
def test_a_running_list_grows_by_k(c: int, n: int, k: int) -> None:
    module = model(f"input 6x6x{c}", f"dense({n}, {k})", before=DENSE)
    assert module.main.output_types[0].shape == (6, 6, c + n * k)
    lists = [c + i * k for i in range(n)]
    assert params(module) == sum(2 * x + x * 4 * k + 2 * 4 * k + 9 * 4 * k * k for x in lists)
    assert receptive_field(module).height.size == 1 + 2 * n


@examples(20)
@given(channels, st.integers(1, 5), st.integers(1, 4))
def test_each_layer_reads_all_before_it(c: int, n: int, k: int) -> None:
    """Written out with a label for each layer and one long `concat`, it is the same network."""
    block = DENSE.splitlines()[1]
    module = model(f"input 6x6x{c}", f"concat {{ | identity | layer({k}) }} × {n}", before=block)
    names = ["x0", *(f"x{i}" for i in range(1, n + 1))]
    rows = ["x0: input 6x6x" + str(c)]
    for i in range(1, n + 1):
        rows += [f"concat({', '.join(names[:i])})"] if i > 1 else []
        rows += [f"x{i}: layer({k})"]
    long = model(*rows, f"concat({', '.join(names)})", before=block)
    assert params(module) == params(long)
    assert cost(module).macs == cost(long).macs


# ------------------------------------------------------------------ cells.md

CELL = "block cell(n) { input before, x; y: add { | from before; conv 3x3, n | from x; conv 1x1, n }; output x, y }"  # fmt: skip # noqa: E501


@examples(30)
@given(channels, st.integers(1, 6), channels)
def test_two_states_are_the_written_out_cells(c: int, m: int, n: int) -> None:
    stem = f"y0: conv 1x1, {c}"
    cells = model("input 5x5x3", stem, "from y0, y0", f"s, t: cell({n}) × {m}", "from t",
                  before=CELL)  # fmt: skip
    states = ["y0", *(f"y{i}" for i in range(m + 1))]  # the first cell reads the stem twice
    rows = [
        f"y{i}: add {{ | from {states[i - 1]}; conv 3x3, {n} | from {states[i]}; conv 1x1, {n} }}"
        for i in range(1, m + 1)
    ]
    assert wiring(cells) == wiring(model("input 5x5x3", stem, *rows))


# ------------------------------------------------------------------ sharing.md


@examples(30)
@given(channels, channels, st.integers(1, 4), st.booleans())
def test_a_shared_tower_counts_once_and_works_at_each_use(
    c: int, n: int, uses: int, norm: bool
) -> None:
    tower = f"block tower {{ conv 3x3, {n}{', bn' if norm else ''}, relu; conv 1x1, 2 }}"
    alone = model(f"input 6x6x{c}", "tower", before=tower)
    sizes = [6 + i for i in range(uses)]
    rows = [f"i{size}: input {size}x{size}x{c}" for size in sizes]
    rows += ["from i6", "a6: tower"]
    rows += [row for size in sizes[1:] for row in (f"from i{size}", f"a{size}: share a6")]
    shared = model(*rows, *(f"output a{size}" for size in sizes), before=tower)
    assert params(shared) == params(alone)
    position = cost(alone).macs // 36
    assert cost(shared).macs == sum(position * size * size for size in sizes)


@examples(10)
@given(channels, st.integers(1, 8))
def test_twins_agree(c: int, n: int) -> None:
    """For equal inputs shared layers give equal values, and others do not."""
    pytest.importorskip("torch")
    from tests.support import reference

    def difference(second: str) -> np.ndarray:
        rows = (f"l: input 5x5x{c}", f"r: input 5x5x{c}", "from l", f"a: conv 3x3, {n}",
                "from r", second, "sub(a, b)")  # fmt: skip
        module = model(*rows)
        x = np.random.default_rng(0).normal(size=(1, 5, 5, c))
        return reference.run(module, random_weights(module), x, x)["output"]

    assert not difference("b: share a").any()
    assert difference(f"b: conv 3x3, {n}").all()


# ------------------------------------------------------------------ position.md


@examples(30)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(1, 9))
def test_rates_grow_over_the_whole_network(repeats: list[int], tenths: int) -> None:
    """Whatever the stages: 0 first, then in equal steps, and all but the last step at the end."""
    unit = "block unit(drop) { residual { conv 3x3, in.channels; droppath drop*nth / total } }"
    stages = [f"stage s{i} {{ unit(0.{tenths}) × {n} }}" for i, n in enumerate(repeats)]
    module = model("input 8x8x2", *stages, before=unit)
    rates = [node.op.rate for node in flatten(module).nodes if isinstance(node.op, DropPath)]
    total = sum(repeats)
    assert rates == pytest.approx([tenths / 10 * i / total for i in range(total)])
    assert all(a < b for a, b in pairwise(rates)) and rates[0] == 0


@examples(20)
@given(st.integers(1, 6), st.integers(0, 40))
def test_widths_may_grow_with_the_position(n: int, alpha: int) -> None:
    unit = f"block unit {{ conv 3x3, 16 + floor({alpha} * (nth + 1) / total) }}"
    module = model("input 8x8x2", f"unit() × {n}", before=unit)
    widths = [node.op.channels for node in flatten(module).nodes if isinstance(node.op, Conv)]
    assert widths == [16 + alpha * (i + 1) // n for i in range(n)]


# ------------------------------------------------------------------ rounding.md


def rounded(value: Fraction, multiple: int) -> int:
    module = model("input 1x1x1", f"conv 1x1, round_to({float(value)}, {multiple})")
    return int(module.main.output_types[0].channels)


@examples(80)
@given(st.integers(1, 6000), st.sampled_from([4, 8, 16]))
def test_round_to(hundredths: int, multiple: int) -> None:
    value = Fraction(hundredths, 100)
    found = rounded(value, multiple)
    assert found % multiple == 0 and found >= multiple
    assert found >= Fraction(9, 10) * value
    nearest = max(multiple, math.floor(value / multiple + Fraction(1, 2)) * multiple)
    if nearest >= Fraction(9, 10) * value:
        assert found == nearest
    else:
        assert found == nearest + multiple


# ------------------------------------------------------------------ pyramids.md


@examples(20)
@given(st.integers(2, 4), st.integers(1, 3), st.integers(1, 8))
def test_levels_of_a_pyramid_halve(levels: int, times: int, n: int) -> None:
    size = times * 2**levels
    module = model(
        f"input {size}x{size}x3",
        f"for i in 1..{levels + 1} {{ c{{i}}: conv 3x3/2, 2 * i }}",
        f"m{levels}: conv 1x1, {n}",
        f"for i in reversed(1..{levels}) {{ from m{{i + 1}}; upsample 2; "
        f"m{{i}}: add {{ | identity | from c{{i}}; conv 1x1, {n} }} }}",
        *(f"output m{i}" for i in range(1, levels + 1)),
    )
    expected = [(size >> i, size >> i, n) for i in range(1, levels + 1)]
    assert [type.shape for type in module.main.output_types] == expected


# ------------------------------------------------------------------ depth-to-space.md


@examples(30)
@given(small, small, small, st.integers(1, 3), st.sampled_from(["crd", "dcr"]))
def test_depth_to_space_undoes_space_to_depth(h: int, w: int, c: int, r: int, order: str) -> None:
    pytest.importorskip("torch")
    from tests.support import reference

    shape = (r * h, r * w, c)
    rows = f"input {r * h}x{r * w}x{c}", f"space_to_depth {r}, {order}"
    down = model(*rows)
    assert down.main.output_types[0].shape == (h, w, r * r * c)
    both = model(*rows, f"depth_to_space {r}, {order}")
    assert both.main.output_types[0].shape == shape and params(both) == 0
    x = np.arange(math.prod(shape), dtype=float).reshape(1, *shape)
    assert np.array_equal(reference.run(both, {}, x)["output"], x)


# ------------------------------------------------------------------ outputs.md


@examples(20)
@given(st.integers(1, 4), st.integers(0, 4), st.integers(2, 10))
def test_training_outputs_cost_nothing_in_inference(rows: int, heads: int, n: int) -> None:
    body = ["input 8x8x3", *(f"c{i}: conv 3x3, {4 + i}" for i in range(rows)), "globalavgpool",
            f"fc {n}"]  # fmt: skip
    tapped = [i for i in range(rows) if i < heads]
    aux = [f"from c{i} {{ globalavgpool; fc {n}; output aux{i}, training }}" for i in tapped]
    plain, trained = model(*body), model(*body, *aux)
    assert cost(trained) == cost(plain)
    assert [(o.name, o.training) for o in trained.main.outputs if not o.training] == [
        (o.name, o.training) for o in plain.main.outputs
    ]
    extra = sum((4 + i) * n + n for i in tapped)
    assert cost(trained, training=True).params == params(plain) + extra
