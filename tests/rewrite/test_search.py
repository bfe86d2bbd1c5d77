"""The search: against every combination through the engine, on published networks, as a command."""

from __future__ import annotations

import functools
import itertools
import json
import random
import re
import shlex
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from cnndsl.cli import main
from cnndsl.driver import compile_model, request
from cnndsl.passes.claims import Subject
from cnndsl.passes.receptive import receptive_field
from cnndsl.rewrite.engine import Attempt, Derivation, apply_at
from cnndsl.rewrite.places import Places
from cnndsl.rewrite.reading import read_rule
from cnndsl.rewrite.rule import Rewrite
from cnndsl.rewrite.search.derive import derive, measured
from cnndsl.rewrite.search.goal import MEASURES, Impossible, Target, budget, holds
from cnndsl.rewrite.search.menu import TABLE, Menu, menu
from cnndsl.rewrite.search.optimise import Optimum, optimise
from cnndsl.rewrite.search.pareto import front
from cnndsl.rewrite.search.plot import HEIGHT, WIDTH, scale, svg
from cnndsl.rewrite.search.route import longest
from cnndsl.rewrite.search.sites import Space, space
from cnndsl.rewrite.search.solve import Solution, Solver
from cnndsl.rewrite.select import Bound
from cnndsl.source import Source

pytest.importorskip("scipy")

KEEP = ("receptive_field", "shape")

NETS = {
    # Two paths of different length, so that changes move the longest one from one to the other.
    "branches": """
rule threes { conv 5x5/s, n => conv 3x3, n; conv 3x3/s, n; keeps window, shape }
rule spread { conv 3x3/s, n => dwconv 3x3/s; conv 1x1, n; keeps window, shape }
rule halved { conv 3x3/s, n => conv 3x3/s, n, groups=2; keeps window, shape }
model net {
  input 12x12x4
  a: conv 3x3/2, 8, relu
  concat {
    | conv 1x1, 4; conv 1x1, 4
    | b: conv 5x5, 8, relu
    | c: conv 3x3, 4, relu
  }
  d: conv 3x3, 6, bn, relu
  globalavgpool
  fc 5
}
""",
    # A function that runs three times, once with borrowed weights, and a head for training.
    "copies": """
rule spread { conv 3x3/s, n => dwconv 3x3/s; conv 1x1, n; keeps window, shape }
rule wide { conv 3x3/s, n => conv 1x1, 2*n; conv 3x3/s, n; keeps window, shape }
block unit(n) { add { | conv 3x3, n, bn, relu | identity } }
model net {
  input 8x8x4
  first: conv 3x3, 4, relu
  one: unit(4)
  two: unit(4)
  three: share two
  from one { conv 3x3, 2; globalavgpool; fc 3; output aux, training }
  globalavgpool
  fc 3
}
""",
    # Rules that begin and end elsewhere than others do; one that shortens a path.
    "overlaps": """
rule one_for_two { conv 3x3, m; conv 3x3, n => conv 5x5, n; keeps window, shape }
rule spread { conv 3x3/s, n => dwconv 3x3/s; conv 1x1, n; keeps window, shape }
model net {
  input 9x9x3
  a: conv 3x3, 4
  b: conv 3x3, 4
  c: conv 3x3, 4
  concat { | conv 1x1, 2; conv 1x1, 2; conv 1x1, 2 | d: conv 3x3, 2; e: conv 3x3, 2 }
}
""",
    # Places inside a block that is itself a place.
    "nested": """
use std
rule spread { conv 3x3/s, n => dwconv 3x3/s; conv 1x1, n; keeps window, shape }
rule deeper { basic(n) => bottleneck(n/4); keeps shape }
model net { input 8x8x8; conv 3x3, 8; basic(8); basic(8); conv 3x3, 4, relu; globalavgpool }
""",
}  # fmt: skip


def searched(name: str, keep: tuple[str, ...] = KEEP) -> tuple[Derivation, Menu]:
    compiled = compile_model(Source("net.cnn", NETS[name]), "net")
    own = [item.name.id for item in compiled.namespace.file.items if hasattr(item, "clauses")]
    refs = [request(rule, compiled.namespace, "--rules").rules[0] for rule in own]
    start = Derivation(compiled.module, (), compiled.settings)
    return start, menu(compiled.namespace.library, keep, refs)


@functools.cache
def everything(name: str) -> tuple[Space, list[tuple[dict[int, int], dict[str, int]]]]:
    """All combinations of a network's alternatives, each derived by the engine and measured."""
    start, rules = searched(name, () if name == "nested" else KEEP)
    found = space(start, rules, Places(start.module, ""))
    rivals = {frozenset(pair) for pair in found.exclusive}
    combinations = []
    for at in itertools.product(*(range(len(site.choices) + 1) for site in found.sites)):
        chosen = {number: k for number, k in enumerate(at) if k}
        if any(frozenset(pair) in rivals for pair in itertools.combinations(chosen, 2)):
            continue
        picked = {number: found.sites[number].choices[k - 1] for number, k in chosen.items()}
        derivation, refused = derive(found, picked)
        assert not refused
        measures = {**measured(derivation.module), "changes": len(chosen)}
        assert longest(found, picked).length == measures["depth"]
        combinations.append((chosen, measures))
    return found, combinations


# ----------------------------------------------------------- against brute force


@pytest.mark.parametrize("name", NETS)
def test_costs_of_places_add_up(name: str) -> None:
    found, combinations = everything(name)
    assert len(combinations) > 20
    for chosen, measures in combinations:
        for measure, base in (("params", found.params), ("macs", found.macs)):
            added = sum(found.sites[n].costs(k)[measure] for n, k in chosen.items())
            assert base + added == measures[measure]


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("objective", MEASURES)
@pytest.mark.parametrize("seed", range(6))
def test_no_combination_is_better(name: str, objective: str, seed: int) -> None:
    found, combinations = everything(name)
    draw = random.Random(f"{name} {objective} {seed}")
    bounds = []
    for measure in draw.sample(list(MEASURES), draw.randint(1, 3)):
        values = sorted({measures[measure] for _, measures in combinations})
        relation = draw.choice(["<=", ">="]) if measure != "changes" else "<="
        bounds.append(Bound(measure, relation, draw.choice(values) + draw.randint(-1, 1)))
    target = Target(objective, tuple(bounds), ())
    answer = Solver(found, target).best()
    fitting = [m for _, m in combinations if all(holds(bound, m) for bound in bounds)]
    assert answer.proven
    if not fitting:
        assert isinstance(answer, Impossible)
        for bound, (alone, _) in answer.reach.items():
            best = min if bound.relation == "<=" else max
            assert alone == best(m[bound.measure] for _, m in combinations)
        return
    assert isinstance(answer, Solution)
    assert answer.value == answer.bound == min(m[objective] for m in fitting)
    assert answer.costs in fitting


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("axes", [("macs", "params"), ("changes", "macs"), ("params", "changes")])
def test_the_front_has_all_that_is_worth_having(name: str, axes: tuple[str, str]) -> None:
    found, combinations = everything(name)
    deepest = max(m["depth"] for _, m in combinations)
    target = Target("macs", (Bound("depth", ">=", deepest - 1), Bound("macs", "<=", 1)), ())
    points = Solver(found, target).front(100, axes)
    fitting = {(m[axes[0]], m[axes[1]]) for _, m in combinations if m["depth"] >= deepest - 1}
    worth = {
        a for a in fitting if not any(b != a and b[0] <= a[0] and b[1] <= a[1] for b in fitting)
    }
    limited = "macs" not in axes  # a budget for what is not drawn holds
    assert not points if limited else {tuple(p.costs[x] for x in axes) for p in points} == worth


def test_the_rounds_may_not_suffice(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deep selection is found in any case, with a bound that no selection is below."""
    found, combinations = everything("branches")
    monkeypatch.setattr("cnndsl.rewrite.search.solve.ROUNDS", 1)
    deepest = max(m["depth"] for _, m in combinations)
    least = min(m["changes"] for _, m in combinations if m["depth"] == deepest)
    answer = Solver(found, Target("changes", (Bound("depth", ">=", deepest),), ())).best()
    assert isinstance(answer, Solution)
    assert answer.bound < least <= answer.value and not answer.proven
    assert answer.costs["depth"] == deepest


def test_how_far_bounds_can_be_met_together() -> None:
    found, combinations = everything("overlaps")
    least = min(m["params"] for _, m in combinations)
    target = Target("macs", (Bound("params", "<=", least), Bound("changes", "<=", 1)), ())
    answer = Solver(found, target).best()
    assert isinstance(answer, Impossible)
    one = min(m["params"] for _, m in combinations if m["changes"] <= 1)
    few = min(m["changes"] for _, m in combinations if m["params"] <= least)
    assert dict(answer.reach) == {target.bounds[0]: (least, one), target.bounds[1]: (0, few)}


def test_what_the_engine_refuses_is_no_alternative(monkeypatch: pytest.MonkeyPatch) -> None:
    start, rules = searched("overlaps")
    _, combinations = everything("overlaps")

    def refuse(derivation: Derivation, rewrite: Rewrite, *rest: Any) -> Attempt:
        if rewrite.name == "spread":
            return Attempt(derivation, ())
        return apply_at(derivation, rewrite, *rest)

    bounds = (Bound("changes", "<=", 2),)
    free = optimise(start, rules, Target("params", bounds, KEEP))
    monkeypatch.setattr("cnndsl.rewrite.search.derive.apply_at", refuse)
    bound = optimise(start, rules, Target("params", bounds, KEEP))
    assert free.after["params"] == min(m["params"] for _, m in combinations if m["changes"] <= 2)
    assert "spread" not in [step.rewrite.name for step in bound.derivation.steps]
    assert free.after["params"] < bound.after["params"] <= free.before["params"]


# ------------------------------------------------------------------------ sites


def test_copies_are_one_site_and_borrowed_weights_count_once() -> None:
    found, _ = everything("copies")
    sites = {site.name: site for site in found.sites}
    assert list(sites) == ["first", "one.conv1"]  # nothing of the head that exists in training
    unit = sites["one.conv1"]
    assert (len(unit.paths), unit.runs) == (2, 3)
    spread = [choice.name for choice in unit.choices].index("spread") + 1
    costs = unit.costs(spread)
    # 3x3, 4 → 4 channels with a norm: 144 + 8 become 36 + 8 + 16 + 8, on 8x8 maps
    assert costs == {"params": 2 * (68 - 152), "macs": 3 * 64 * (52 - 144), "changes": 1}


def test_places_limit_the_sites() -> None:
    start, rules = searched("copies")
    found = space(start, rules, Places(start.module, "one"))
    assert [(site.name, site.paths, site.runs) for site in found.sites] == [
        ("one.conv1", (("one",),), 1)
    ]
    choice = found.sites[0].choices[0]
    derivation, refused = derive(found, {0: choice})
    assert not refused and derivation.steps[0].sites == 1


def test_rules_that_end_elsewhere_exclude_each_other() -> None:
    found, _ = everything("overlaps")
    pairs = {
        tuple(sorted((found.sites[i].piece.nodes[0], found.sites[j].piece.nodes[0])))
        for i, j in found.exclusive
    }
    assert ("a", "b") in pairs and ("a", "d") not in pairs


def test_alternatives_are_two_rules_deep() -> None:
    found, _ = everything("branches")
    names = [c.name for site in found.sites if site.name == "b" for c in site.choices]
    assert names == [
        "threes",
        "threes, then spread",
        "threes, then spread in part 1 of 2",
        "threes, then halved",
        "threes, then halved in part 1 of 2",
    ]  # with 8 channels before and behind each part, part 2 is as good as part 1


def test_rules_of_any_operator_are_tried_inside() -> None:
    text = """
rule pair { relu => relu6; relu6; keeps window, shape }
rule threes { conv 5x5/s, n => conv 3x3, n; conv 3x3/s, n; keeps window, shape }
model net { input 8x8x4; conv 5x5, 4, relu }
"""
    compiled = compile_model(Source("net.cnn", text))
    rules = (request(name, compiled.namespace).rules[0] for name in ("threes", "pair"))
    start = Derivation(compiled.module, (), compiled.settings)
    chosen = menu(compiled.namespace.library, KEEP, tuple(rules))
    found = space(start, chosen, Places(start.module, ""))
    assert [[c.name for c in site.choices] for site in found.sites] == [["threes"]]


def test_what_cannot_be_measured_is_no_alternative() -> None:
    compiled = compile_model(Source("net.cnn", "model net { input 8x8x4; conv 3x3, 4, relu }"))
    refs = request("swap_relu(silu)", compiled.namespace, "--rules").rules
    start = Derivation(compiled.module, (), compiled.settings)
    found = space(start, menu(compiled.namespace.library, KEEP, refs), Places(start.module, ""))
    assert not found.sites


# -------------------------------------------------------------------- the rules


def test_every_rule_of_the_table_is_used_somewhere() -> None:
    """Each row has a layer or a block where it applies, with the arguments it says."""
    texts = {
        "bottleneck_to_basic": "use std\nmodel net { input 8x8x8; bottleneck(4) }",
        "basic_to_bottleneck": "use std\nmodel net { input 8x8x8; basic(8) }",
        "gap_head": "model net { input 8x8x8; conv 3x3, 8; flatten; fc 10 }",
        "pool_to_stride": "model net { input 8x8x8; conv 3x3, 8; maxpool 2x2/2 }",
        "stride_in_3x3": "model net { input 8x8x8; conv 1x1/2, 8; conv 3x3, 8 }",
        "deep_stem": "model net { input 32x32x3; conv 7x7/2, 32, bn, relu }",
        "fuse_mbconv": "model net { input 8x8x8; conv 1x1, 16; dwconv 3x3 }",
        "grid_reduction": "model net { input 8x8x16; conv 3x3/2, 32, relu }",
        "inverted_residual": "model net { input 8x8x16; conv 3x3, 16, bn, relu }",
        "large_kernel": "model net { input 24x24x16; conv 7x7, 16 }",
        "factor": "model net { input 24x24x16; conv 7x7, 16 }",
        "factor_5x5": "model net { input 24x24x16; conv 5x5, 16 }",
    }
    for entry in TABLE:
        text = texts.get(entry.rule, "model net { input 8x8x32; conv 3x3, 32, relu }")
        compiled = compile_model(Source("net.cnn", text))
        rules = menu(compiled.namespace.library, ())
        alone = Menu([offer for offer in rules.offers if offer.entry == entry])
        start = Derivation(compiled.module, (), compiled.settings)
        found = space(start, alone, Places(start.module, ""))
        names = [choice.name for site in found.sites for choice in site.choices]
        assert names, entry.rule
        for name in names:  # as the user may write it
            rewrite = read_rule(request(name.split(", then")[0], compiled.namespace).rules[0])
            assert rewrite.name == entry.rule


# ----------------------------------------------------------- published networks


@functools.cache
def googlenet() -> Optimum:
    compiled = compile_model("googlenet")
    target = Target("macs", (Bound("params", "<=", 5_000_000), Bound("changes", "<=", 6),
                             Bound("depth", ">=", 26)), KEEP)  # fmt: skip
    start = Derivation(compiled.module, (), compiled.settings)
    return optimise(start, menu(compiled.namespace.library, KEEP), target)


def test_googlenet_within_budgets() -> None:
    optimum = googlenet()
    before, after = optimum.derivation.start, optimum.derivation.module
    answer = optimum.best.answer
    assert isinstance(answer, Solution) and answer.proven
    found = measured(after)
    assert optimum.before == {"params": 6_998_552, "macs": 1_582_671_872, "depth": 22}
    assert found["params"] <= 5_000_000 and found["depth"] >= 26 and len(answer.picked) <= 6
    assert Subject(after).cost(training=False).macs == answer.value == found["macs"]
    assert receptive_field(after) == receptive_field(before)
    assert after.main.output_types == before.main.output_types
    assert all("window" in s.rewrite.keeps or "hull" in s.rewrite.keeps
               for s in optimum.derivation.steps)  # fmt: skip


def test_googlenet_is_better_than_by_hand() -> None:
    """Whatever six places are rewritten at random within the budgets, it is no better."""
    optimum = googlenet()
    found = optimum.best.space
    draw = random.Random(7)
    for _ in range(2_000):
        numbers = draw.sample(range(len(found.sites)), 6)
        costs = [
            found.sites[n].costs(draw.randint(1, len(found.sites[n].choices))) for n in numbers
        ]
        if found.params + sum(c["params"] for c in costs) <= 5_000_000:
            assert found.macs + sum(c["macs"] for c in costs) >= optimum.after["macs"]


# ---------------------------------------------------------------------- command

NET = """\
model net {
  input 32x32x8
  a: conv 5x5, 16, bn, relu
  b: conv 3x3/2, 32, bn, relu
  c: conv 3x3, 32, bn, relu
  globalavgpool
  fc 10
}
model free { input H×W×8; conv 3x3, 8 }
"""
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "net.cnn").write_text(NET, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys: Captured, *arguments: str, code: int = 0) -> tuple[str, str]:
    assert main(["optimise", *arguments]) == code
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return captured.out, captured.err


def test_the_report_and_the_spec(capsys: Captured, folder: Path) -> None:
    out, _ = run(capsys, "net.cnn:net", "--params", "<=50%", "--max-changes", "2", "-o", "out.cnn")
    result = compile_model("out.cnn")
    # 25·8·16 + 9·16·32 + 9·32·32, norms, the classifier
    before = 3200 + 4608 + 9216 + 2 * (16 + 32 + 32) + 330
    assert f"parameters      {before:,} → {result.cost.params:,}" in out
    assert result.cost.params <= before / 2
    assert "optimal: no selection of these alternatives is better" in out
    assert "changed places  2 " in out


def test_the_report_as_data(capsys: Captured, folder: Path) -> None:
    out, _ = run(capsys, "net.cnn:net", "--objective", "params", "--max-changes", "1", "--json")
    data = json.loads(out)
    (changed,) = data["changes"]
    before, after = changed["params"]
    assert data["before"]["params"] - data["after"]["params"] == before - after > 0
    assert data["proved"] and data["value"] == data["bound"] == data["after"]["params"]
    assert [step["sites"] for step in data["steps"]] == [1] * len(data["steps"])


def test_the_spec_on_standard_output(capsys: Captured, folder: Path) -> None:
    out, err = run(capsys, "net.cnn:net", "--max-changes", "1", "-o", "-")
    assert compile_model(Source("out.cnn", out)).cost.macs < compile_model("net.cnn:net").cost.macs
    assert "optimal" in err


def test_settings_of_the_whole(capsys: Captured, folder: Path) -> None:
    out, _ = run(capsys, "net.cnn:net", "--width", "0.5,1", "--resolution", "16,32",
                 "--max-changes", "0", "--objective", "params", "--macs", "<=800K")  # fmt: skip
    lines = [line for line in out.splitlines() if ": " in line]
    # 16x16 maps: 256·25·8·16 + 64·9·(16·32 + 32·32) + 320 = 1.7 M at full width
    assert lines[0].startswith("width(0.5), resolution(16): ") and lines[0].endswith("; chosen")
    assert "resolution(16): no selection is within the bounds" in lines[2]
    out, _ = run(capsys, "net.cnn:net", "--resolution", "16,32", "--max-changes", "0", "--json")
    assert [s["name"] for s in json.loads(out)["settings"]] == ["resolution(16)", "resolution(32)"]


def test_nothing_held_the_search_back(capsys: Captured, folder: Path) -> None:
    out, _ = run(capsys, "net.cnn:net", "--min-depth", "1")
    assert "no bound held the search back" in out
    out, _ = run(capsys, "net.cnn:net", "--max-changes", "1")
    assert "no bound held the search back" not in out


@pytest.mark.parametrize(
    ("arguments", "said", "code"),
    [
        (("--params", "<=9K"), "E1006", 1),  # nothing must not be lost
        (("--params", "<=100", "--min-depth", "2"), "parameters <= 100: the least is", 1),
        (("--min-depth", "99"), "depth >= 99: the most is", 1),
        (("--rules", "deep_stem"), "does not prove that it keeps the receptive field", 1),
        (("--rules", "width(2)"), "it is no equation", 1),
        (("--rules", "drop_dropout"), "it simplifies, which is no choice", 1),
        (("--rules", "asymm"), "did you mean `asym`?", 2),
        (("--rules", "asym at a"), "`--at` says where", 2),
        (("--forbid", "asymm"), "did you mean `asym`?", 2),
        (("--max-changes", "1", "--keep", "shap"), "did you mean `shape`?", 2),
        (("--max-changes", "1", "--params", "5Q"), "is no budget", 2),
        (("--max-changes", "1.5"), "is no whole number", 2),
        (("--max-changes", "1", "--objective", "speed"), "is none of", 2),
        (("--max-changes", "1", "--at", "z"), "there is no place `z`", 1),
        (("--max-changes", "1", "--width", "wide"), "`wide` is no width", 2),
        (("--max-changes", "1", "--depth", "2"), "no width, depth or resolution is left", 1),
        (("--max-changes", "1", "--pareto", "front.png"), "names no format", 2),
        (("--max-changes", "1", "--pareto", "f.svg", "--axes", "macs,depth"), "is no pair", 2),
        (("--max-changes", "1", "--pareto", "f.svg", "--points", "1"), "two ends", 2),
        (("--max-changes", "1", "--json", "-o", "-"), "both would go", 2),
        (("--max-changes", "1", "-o", "net.cnn"), "E0703", 4),
    ],
)
def test_wrong_input_writes_nothing(
    capsys: Captured, folder: Path, arguments: tuple[str, ...], said: str, code: int
) -> None:
    before = sorted(folder.iterdir())
    out, err = run(capsys, "net.cnn:net", *arguments, code=code)
    assert said in " ".join(err.split())
    assert not out and sorted(folder.iterdir()) == before


def test_without_scipy(capsys: Captured, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("scipy")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "scipy", None)
    _, err = run(capsys, "net.cnn:net", "--max-changes", "1", "-o", "out.cnn", code=2)
    assert "the search needs `scipy`" in err and not (folder / "out.cnn").exists()


def test_sizes_must_be_known(capsys: Captured, folder: Path) -> None:
    _, err = run(capsys, "net.cnn:free", "--max-changes", "1", code=1)
    assert "depend on the size of the input" in err
    run(capsys, "net.cnn:free", "--max-changes", "1", "--input", "8x8x8")


@pytest.mark.parametrize(
    ("text", "relation", "value"),
    [
        ("<=5M", "<=", 5_000_000), ("5M", "<=", 5_000_000), (">=1.5K", ">=", 1500),
        ("40%", "<=", 40), (">= 33.3%", ">=", 34), ("33.3%", "<=", 33), ("1_000", "<=", 1000),
    ],
)  # fmt: skip
def test_budgets(text: str, relation: str, value: int) -> None:
    assert budget("params", text, 101 if "40" in text else 100) == Bound("params", relation, value)


# ------------------------------------------------------------------------ front


def test_points_as_data(capsys: Captured, folder: Path) -> None:
    arguments = ("net.cnn:net", "--max-changes", "2", "--axes", "changes,macs")
    run(capsys, *arguments, "--pareto", "front.json")
    run(capsys, *arguments, "--pareto", "front.csv")
    points = json.loads((folder / "front.json").read_text())["points"]
    lines = (folder / "front.csv").read_text().splitlines()
    assert lines[0] == "kind,macs,params,depth,changes,setting"
    assert len(lines) == len(points) + 1
    kinds = [point["kind"] for point in points]
    assert kinds == ["original", "chosen"] + ["front"] * (len(points) - 2)
    assert [p["changes"] for p in points[2:]] == list(range(len(points) - 2))
    assert points[1]["macs"] == points[4]["macs"]  # the best with two changes


def test_the_figure(capsys: Captured, folder: Path) -> None:
    arguments = ("net.cnn:net", "--max-changes", "2", "--axes", "changes,macs")
    run(capsys, *arguments, "--pareto", "one.svg")
    run(capsys, *arguments, "--pareto", "two.svg")
    text = (folder / "one.svg").read_text(encoding="utf-8")
    assert text == (folder / "two.svg").read_text(encoding="utf-8")
    figure = ElementTree.fromstring(text)
    for element in figure.iter():
        for name, text in element.attrib.items():
            if name in ("x", "cx", "x1", "x2", "y", "cy", "y1", "y2"):
                assert 0 <= float(text) <= (WIDTH if "x" in name else HEIGHT)
    words = [element.text for element in figure.iter() if element.tag.endswith("text")]
    assert {"net", "MACs", "changed places", "front", "chosen", "as it was"} <= {*words}


def test_names_are_escaped() -> None:
    optimum = googlenet()
    found = front(optimum, 3)
    odd = type(found)("<&>", found.axes, found.points, found.original, found.chosen, found.limits)
    assert "<&>" not in svg(odd) and "&lt;&amp;&gt;" in svg(odd)


@pytest.mark.parametrize("most", [0, 1, 7, 99, 1234, 6_998_552, 1_582_671_872])
def test_ticks_are_round(most: int) -> None:
    axis = scale("macs", most, 10, 110)
    steps = {b - a for a, b in itertools.pairwise(axis.ticks)}
    assert axis.ticks[-1] >= most and 2 <= len(axis.ticks) <= 8 and len(steps) == 1
    assert str(steps.pop()).rstrip("0") in {"1", "2", "5"}
    assert 10 <= axis.at(most) <= 110


# ----------------------------------------------------------------------- manual

PAGE = (Path(__file__).parents[2] / "docs" / "search.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    return PAGE.split(f"```{language}\n")[1].split("```")[0]


def test_the_example_of_the_manual(
    capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tower.cnn").write_text(block("cnn"), encoding="utf-8")
    command, _, expected = block("console").partition("\n")
    out, _ = run(capsys, *shlex.split(command.removeprefix("$ cnnc optimise ")))
    assert out == expected
    # the sum that the page does: 51,328 less 1,128; and for c, by the same rules
    assert 32 * 8 + 25 * 8 + 8 * 64 + 2 * (8 + 8 + 64) == 1_128
    assert 128 * 16 + 16 * 64 + 9 * 16 + 16 * 64 + 2 * (16 + 64 + 16 + 64) == 4_560
    before, after = (compile_model(file).cost.params for file in ("tower.cnn", "smaller.cnn"))
    assert before - after == (51_328 - 1_128) + (147_712 - 4_560)


def test_the_table_of_the_manual() -> None:
    rows = re.findall(r"^\| (`.*?) \|", PAGE.split("## What is tried")[1].split("##")[0], re.M)
    named = [rule for row in rows for rule in re.findall(r"`(\w+)`( \+)?", row)]
    assert sorted(named) == sorted((e.rule, " +" if e.inside else "") for e in TABLE)


def test_options_of_the_manual() -> None:
    from argparse import ArgumentParser

    from cnndsl.commands import optimise as command

    parser = ArgumentParser()
    command.configure(parser)
    known = {o for action in parser._actions for o in action.option_strings}
    assert set(re.findall(r"`(--[\w-]+)", PAGE)) <= known
