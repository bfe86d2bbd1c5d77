"""What reports, figures and emitted code say of the rules that rewrote a network."""

from __future__ import annotations

import json
import re

import pytest

from cnndsl.backend import backend
from cnndsl.driver import compile_model
from cnndsl.graph import Module
from cnndsl.notation import change
from cnndsl.source import Source

SPEC = """
rule factor "Szegedy et al. 2016" { conv 5x5/s, n => conv 3x3, n; conv 3x3/s, n; keeps window }
block unit(n) { conv 5x5, n, relu; conv 1x1, n, relu }
model net { input 32x32x8; a: unit(8); b: unit(8); c: conv 5x5, 8; globalavgpool; fc 10 }
model other = net with factor at a, factor at c
"""


@pytest.fixture(scope="module")
def module() -> Module:
    return compile_model(Source("net.cnn", SPEC), "other").module


def test_the_report_says_what_each_rule_saved(module: Module) -> None:
    data = json.loads(backend("report").emit(module, format="json"))
    first, second = data["rewrites"]
    assert first["rule"] == "factor at a" and second["rule"] == "factor at c"
    # each 5·5·8·8 kernel becomes two of 3·3·8·8, with a bias more: 1600 → 1152 + 8
    assert [p[0] - p[1] for p in (first["parameters"], second["parameters"])] == [440, 440]
    assert second["parameters"][1] == data["totals"]["parameters"]
    text = backend("report").emit(module)
    assert re.search(r"factor at c +1 +\S+ +−\S+ % +\S+ +−\S+ %", text)
    assert "Szegedy et al. 2016" in text


def test_a_network_without_rules_has_no_such_section() -> None:
    plain = compile_model(Source("net.cnn", SPEC), "net").module
    assert "Rewrites" not in backend("report").emit(plain)
    assert json.loads(backend("report").emit(plain, format="json"))["rewrites"] == []


@pytest.mark.parametrize("theme", ["paper", "grey"])
def test_boxes_have_the_number_of_their_rule(module: Module, theme: str) -> None:
    text = backend("dot").emit(module, theme=theme)
    boxes = {
        label: line
        for line in text.splitlines()
        for label in ("a", "b", "c")
        if f"<b>{label}</b>" in line
    }
    assert "(1)" in boxes["a"] and "penwidth=2" in boxes["a"]
    assert "(1)" not in boxes["b"] and "penwidth=2" not in boxes["b"]
    assert "(2)" in text and "(1) factor at a: 1 place, parameters −" in text
    assert ("#d55e00" in text) == (theme == "paper")


def test_emitted_code_names_the_rules(module: Module) -> None:
    pytest.importorskip("flax")
    text = backend("flax").emit(module)
    assert "rewritten by   factor at a, factor at c" in text


def test_history_is_no_part_of_what_a_network_is(module: Module) -> None:
    text = backend("cnn").emit(module)
    again = compile_model(Source("again.cnn", text)).module
    assert again.history.changes == () and module.history.changes
    assert again.main.outputs == module.main.outputs


def test_changes_in_words() -> None:
    assert change(1000, 899) == "1,000 → 899 (−10.1 %)"
    assert change(100_000, 99_957) == "100,000 → 99,957 (−0.043 %)"
    assert change(7, 7) == "7, as before"
