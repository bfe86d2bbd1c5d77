"""Rows of a function, folds of equal rows, and how calls and operators are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from cnndsl import driver
from cnndsl.graph import Module
from cnndsl.passes.outline import (
    Item,
    Repeat,
    Row,
    call_text,
    label_text,
    nodes_of,
    outline,
    row_text,
    rows,
    shown_values,
)
from cnndsl.source import Source

ROOT = Path(__file__).parent.parent
SPECS = sorted([*(ROOT / "specs").glob("*.cnn")])


def compiled(text: str) -> Module:
    return driver.compile_model(Source("test.cnn", text)).module


def net(body: str, before: str = "") -> Module:
    return compiled(f"{before}\nmodel m {{ input 16x16x8; {body} }}")


def said(module: Module) -> list[str]:
    """The outline of the main flow in words."""

    def words(item: Item) -> str:
        if isinstance(item, Repeat):
            text = f"({'; '.join(map(words, item.items))})"
        else:
            text = row_text(item, module.by_name)
        return f"{text} x{item.count}" if item.count > 1 else text

    return [words(item) for item in outline(module.main)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("conv 3x3, 8, bn, relu", ["conv 3x3, 8 · bn · relu"]),
        ("conv 3x3, 8; bn; relu", ["conv 3x3, 8", "bn", "relu"]),
        ("{ conv 3x3, 8 } × 3", ["conv 3x3, 8 x3"]),
        ("{ conv 3x3, 4 } × 3", ["conv 3x3, 4", "conv 3x3, 4 x2"]),
        ("{ conv 1x1, 4; conv 3x3, 8 } × 4", ["(conv 1x1, 4; conv 3x3, 8) x4"]),
        ("{ conv 1x1, 4; conv 3x3, 8 } × 2", ["conv 1x1, 4", "conv 3x3, 8"] * 2),
        (
            "{ { conv 1x1, 8 } × 3; conv 3x3, 8 } × 3",
            ["(conv 1x1, 8 x3; conv 3x3, 8) x3"],
        ),
        ("{ residual { conv 3x3, 8, relu } } × 3", ["(conv 3x3, 8 · relu; add) x3"]),
        (
            "a: conv 3x3, 8; b: conv 3x3, 8; concat(a, b)",
            ["conv 3x3, 8", "conv 3x3, 8", "concat"],
        ),
        (
            "conv 3x3, 8, groups=4; dwconv 3x3, multiplier=2",
            ["conv 3x3, 8, groups=4", "dwconv 3x3, 2"],
        ),
    ],
)
def test_rows_and_folds(body: str, expected: list[str]) -> None:
    assert said(net(body)) == expected


def test_a_tapped_copy_ends_a_fold() -> None:
    body = "conv 3x3, 8; a: conv 3x3, 8; conv 3x3, 8; b: conv 3x3, 8; concat(a, b)"
    assert said(net(body)) == ["conv 3x3, 8 x2", "conv 3x3, 8 x2", "concat"]


def test_stages_end_a_fold() -> None:
    body = "stage one { { conv 3x3, 8 } × 2 }; stage two { { conv 3x3, 8 } × 3 }"
    assert said(net(body)) == ["conv 3x3, 8 x2", "conv 3x3, 8 x3"]


def test_lent_weights_are_not_folded() -> None:
    assert said(net("a: conv 3x3, 8; share a; share a")) == ["conv 3x3, 8"] * 3


def test_calls_that_carry_two_values_fold() -> None:
    text = """
    block cell(n) {
      input before, x
      from x { new: conv 3x3, n }
      sum: add(new, before)
      output x, sum
    }
    model m { input 16x16x8; first: conv 3x3, 8; from first, first; a, b: cell(8) × 5; from b }
    """
    assert said(compiled(text)) == ["conv 3x3, 8", "cell(8)", "cell(8) x4"]


def test_calls_are_written_as_their_definition_says() -> None:
    before = """
    block a(n, k = 3x3, act = relu) { conv k, n, act }
    block b(r3→n3, pool→np) { conv 1x1, r3; conv 3x3, n3; conv 1x1, np }
    block c { relu }
    """
    body = "a(8); a(8, 5x5); a(4, act=silu); b(4→8, pool→16); c"
    module = net(body, before)
    assert [call_text(function) for function in module.functions[:-1]] == [
        "a(8)", "a(8, k=5x5)", "a(4, act=silu)", "b(4→8, pool→16)", "c",
    ]  # fmt: skip


def test_labels() -> None:
    assert [label_text(labels) for labels in ((), ("a",), ("a", "b"), ("a", "b", "c"))] == [
        "", "a", "a, b", "a … c",
    ]  # fmt: skip


@pytest.mark.parametrize("spec", SPECS, ids=lambda path: path.stem)
def test_outlines_keep_every_node_in_order(spec: Path) -> None:
    module = driver.compile_model(str(spec), driver.models(str(spec))[-1]).module
    for function in module.functions:
        items = outline(function)
        assert tuple(nodes_of(items)) == function.nodes
        assert tuple(node for row in rows(function) for node in row.nodes) == function.nodes
        types, shown = function.types, shown_values(items)
        folded = [item for item in items if item.count > 1]
        for name, first in shown.items():
            assert types[name] == types[first] or len(folded) < len(items)
        for item in items:
            if isinstance(item, Row):
                assert len({tuple(node.op for node in copy) for copy in item.copies}) == 1
