"""Reports: all formats from one object, sums that agree at every level, nothing left out."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction
from math import ceil, floor
from pathlib import Path
from typing import Any

import pytest

from cnndsl import driver
from cnndsl.backends.report import BACKEND, LEVELS
from cnndsl.backends.report.model import Amounts, Line, Report
from cnndsl.backends.report.words import meaning
from cnndsl.diagnostics import CnnError
from cnndsl.escape import markdown
from cnndsl.graph import Graph, Module, Node, Output, Value
from cnndsl.op import Op
from cnndsl.ops.conv import Conv
from cnndsl.passes.cost import CONVENTIONS, cost, count
from cnndsl.passes.flatten import flatten
from cnndsl.render import columns
from cnndsl.source import Source
from cnndsl.types import map_type
from cnndsl.window import Window

ROOT = Path(__file__).parent.parent
SPECS = sorted([*(ROOT / "specs").glob("*.cnn")])
SCHEMA = json.loads((ROOT / "docs/report-schema.json").read_text(encoding="utf-8"))

RESIDUAL = """
block shortcut(n, stride) { if stride != 1 or in.channels != n { conv 1x1/stride, n, bn } }
block basic(n, stride = 1) {
  add { | conv 3x3/stride, n, bn, relu; conv 3x3, n, bn | shortcut(n, stride) }
  relu
}
model small(classes = 10) {
  source "A | B, 2015, *Table 1*"
  input 32x32x3
  conv1: conv 3x3, 16, bn, relu
  stage one { basic(16) × 3 }
  two: { basic(32, stride = 2 then 1) × 3 }
  { conv 1x1, 8; conv 3x3, 32 } × 4
  from two { conv 1x1, 4; globalavgpool; fc classes; output aux, training, weight = 0.3 }
  globalavgpool; fc classes
}
"""
SHARED = """
block tower(n) { conv 3x3, n, bn, relu; conv 3x3, n, bn, relu }
model siamese {
  a: input 32x32x3
  left: tower(16)
  from a { right: share left }
  concat(left, right)
  globalavgpool; fc 10
}
"""
UNET = """
block double(n) { conv 3x3, n, relu; conv 3x3, n, relu }
model unet {
  input H×W×1
  for i in 0..2 { d{i}: double(16 * 2**i); maxpool 2x2/2 }
  double(64)
  for i in reversed(0..2) {
    deconv 2x2/2, 16 * 2**i
    concat { | from d{i} | identity }
    double(16 * 2**i)
  }
  conv 1x1, 2
}
"""


def compiled(text: str, **options: Any) -> Module:
    return driver.compile_model(Source("test.cnn", text), **options).module


def spec(path: Path) -> Module:
    return driver.compile_model(str(path), driver.models(str(path))[-1]).module


def leaves(lines: tuple[Line, ...]) -> Iterator[Line]:
    for line in lines:
        if line.lines:
            yield from leaves(line.lines)
        else:
            yield line


def inside(lines: tuple[Line, ...]) -> Iterator[Line]:
    for line in lines:
        yield line
        yield from inside(line.lines)


def total(lines: Iterator[Line] | tuple[Line, ...]) -> Amounts:
    result = Amounts()
    for line in lines:
        result = result + line.amounts
    return result


# --------------------------------------------------------------------------- sums


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
@pytest.mark.parametrize("level", LEVELS)
def test_sums_agree_at_all_levels(path: Path, level: str) -> None:
    module = spec(path)
    costs, report = cost(module), BACKEND.report(module, level)
    assert report.total == Amounts(costs.params, costs.statistics, costs.macs, costs.macs)
    assert total(report.lines) == total(leaves(report.lines)) == report.total
    for line in inside(report.lines):
        if line.lines:
            assert total(line.lines) == line.amounts
    heads = Amounts()
    for head in report.heads:
        assert total(head.lines) == total(leaves(head.lines)) == head.amounts
        heads = heads + head.amounts
    training = cost(module, training=True)
    assert (report.total + heads).parameters == training.params
    assert (report.total + heads).macs == training.macs


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_every_operator_is_in_the_coverage(path: Path) -> None:
    module = spec(path)
    coverage = BACKEND.report(module, convention="all-ops").coverage
    flat = flatten(without_heads(module))
    words = Counter(node.op.word for node in flat.nodes if isinstance(node.op, Op))
    assert Counter(dict(coverage.counted)) + Counter(dict(coverage.free)) == words
    assert coverage.operators == sum(words.values())


def without_heads(module: Module) -> Module:
    from cnndsl.graph import inference_graph
    from cnndsl.record import replace

    return replace(module, functions=(*module.functions[:-1], inference_graph(module.main)))


def test_lines_of_a_residual_network() -> None:
    report = BACKEND.report(compiled(RESIDUAL))
    found = [(line.kind, line.label, line.text, line.count) for line in report.lines]
    assert found == [
        ("row", "conv1", "conv 3x3, 16 · bn · relu", 1),
        ("stage", "one", "", 1),
        ("call", "", "basic(32, stride=2)", 1),
        ("call", "", "basic(32)", 2),
        ("repeat", "", "", 4),
        ("row", "", "globalavgpool", 1),
        ("row", "", "fc 10", 1),
    ]
    (inner,) = report.lines[1].lines
    assert (inner.text, inner.count, inner.copies) == ("basic(16)", 3, 3)
    assert inner.amounts.parameters == 3 * (2 * 9 * 16 * 16 + 4 * 16)
    assert report.lines[0].field == "3×3" and report.lines[-1].field == "all"
    assert [(line.copies, line.field) for line in report.lines[4].lines] == [(4, ""), (4, "")]


def test_layer_level_shows_what_is_in_the_blocks() -> None:
    report = BACKEND.report(compiled(RESIDUAL), "layer")
    first = report.lines[1].lines[0]
    assert [line.text for line in first.lines] == [
        "conv 3x3, 16 · bn · relu", "conv 3x3, 16 · bn", "add", "relu",
    ]  # fmt: skip
    assert {line.copies for line in first.lines} == {3}


def test_blocks_are_listed_once_with_calls_and_sums() -> None:
    report = BACKEND.report(compiled(RESIDUAL))
    found = {(b.call, b.calls, b.depth, b.inner) for b in report.blocks}
    assert found == {
        ("basic(16)", 3, 2, False),
        ("basic(32, stride=2)", 1, 2, False),
        ("shortcut(32, 2)", 1, 1, True),
        ("basic(32)", 2, 2, False),
    }
    for block in report.blocks:
        assert block.total.parameters == block.calls * block.each.parameters
        assert block.total.macs == block.calls * block.each.macs


def test_heads_stand_apart() -> None:
    (head,) = BACKEND.report(compiled(RESIDUAL)).heads
    assert (head.name, head.weight, str(head.output)) == ("aux", 0.3, "10")
    assert head.amounts.parameters == 32 * 4 + 4 + 4 * 10 + 10
    assert {line.share for line in inside(head.lines)} == {None}, "no part of an inference"
    text = BACKEND.emit(compiled(RESIDUAL))
    assert "Training only: aux, loss × 0.3" in text
    assert re.search(r"aux \(training\) +182  parameters besides", text)


def test_shared_weights_count_once_and_their_work_twice() -> None:
    report = BACKEND.report(compiled(SHARED), "layer")
    left, right = report.lines[:2]
    assert right.amounts.parameters == 0 and left.amounts.parameters == 2800
    assert right.amounts.macs == left.amounts.macs and right.text.endswith("weights of left")
    (tower,) = report.blocks
    assert (tower.calls, tower.owners, tower.total.parameters) == (2, 1, 2800)
    assert tower.total.macs == 2 * tower.each.macs and report.coverage.shared == 1
    assert "2 (1 lent)" in BACKEND.emit(compiled(SHARED))


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_every_convention_has_a_meaning_and_sums(convention: str) -> None:
    module = compiled(RESIDUAL)
    report = BACKEND.report(module, convention=convention)
    assert report.total.amount == count(cost(module).total, convention)
    assert total(report.lines) == report.total
    assert len(meaning(convention)) > 20
    shares = [line.share or 0 for line in leaves(report.lines)]
    assert sum(shares) == pytest.approx(1, abs=1e-4)


def test_published_numbers() -> None:
    report = BACKEND.report(driver.compile_model("resnet50.cnn").module)
    assert (report.total.parameters, report.total.macs) == (25_557_032, 4_089_184_256)
    assert (report.flops, report.depth, report.field) == (2 * 4_089_184_256, 50, "427×427")


# ------------------------------------------------------------------------ formats


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
@pytest.mark.parametrize("level", LEVELS)
def test_text_has_a_hundred_columns(path: Path, level: str) -> None:
    text = BACKEND.emit(spec(path), level=level)
    assert max(map(columns, text.splitlines())) <= 100
    assert not [line for line in text.splitlines() if line != line.rstrip()]


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
@pytest.mark.parametrize("level", LEVELS)
def test_json_follows_its_schema(path: Path, level: str) -> None:
    data = json.loads(BACKEND.emit(spec(path), format="json", level=level))
    assert list(problems(data, SCHEMA)) == []
    assert data["level"] == level


@pytest.mark.parametrize("text", [RESIDUAL, SHARED], ids=["residual", "shared"])
@pytest.mark.parametrize("level", LEVELS)
def test_all_formats_say_the_same(text: str, level: str) -> None:
    module = compiled(text)
    report = BACKEND.report(module, level, "flops+bias")
    data = json.loads(BACKEND.emit(module, "json", level, "flops+bias"))
    records = list(csv.DictReader(io.StringIO(BACKEND.emit(module, "csv", level, "flops+bias"))))
    main = [record for record in records if record["part"] == "main"]
    for fact, amount in (
        ("parameters", report.total.parameters),
        ("statistics", report.total.statistics),
        ("macs", report.total.macs),
        ("operations", report.total.amount),
    ):
        assert data["totals"][fact] == amount
        assert sum(line[fact] for line in data["lines"]) == amount
        assert sum(int(record[fact]) for record in main) == amount
    expected = [line.amounts.parameters for line in leaves(report.lines)]
    assert [int(record["parameters"]) for record in main] == expected
    assert [record["operation"] for record in main] == [line.text for line in leaves(report.lines)]
    for format in ("text", "markdown"):
        shown = BACKEND.emit(module, format, level, "flops+bias")
        for line in inside(report.lines):
            assert f"{line.amounts.amount:,}" in shown or line.amounts.amount == 0
        assert f"{report.total.parameters:,}" in shown
        assert f"{report.total.amount:,}" in shown


def test_markdown_tables_are_tables() -> None:
    text = BACKEND.emit(compiled(RESIDUAL), format="markdown", level="layer")
    assert "A \\| B, 2015, \\*Table 1\\*" in text
    blocks = [block.split("\n") for block in text.split("\n\n") if block.startswith("|")]
    assert len(blocks) == 4
    for block in blocks:
        assert len({len(row) for row in block}) == 1, "aligned"
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in block}) == 1
        assert re.fullmatch(r"\|( -+:? \|)+", block[1])


def test_text(golden: Callable[[str, str], None]) -> None:
    golden("report/small.txt", BACKEND.emit(compiled(RESIDUAL), level="layer"))
    golden("report/unet.txt", BACKEND.emit(compiled(UNET)))
    golden("report/small.md", BACKEND.emit(compiled(SHARED), format="markdown"))
    golden("report/siamese.json", BACKEND.emit(compiled(SHARED), format="json"))
    golden("report/small.csv", BACKEND.emit(compiled(RESIDUAL), format="csv"))


def problems(value: object, schema: dict[str, Any], at: str = "$") -> Iterator[str]:
    """What a JSON value has against a schema, for the words that ours uses."""
    if "$ref" in schema:
        yield from problems(value, SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]], at)
        return
    if "anyOf" in schema:
        if not any(not list(problems(value, one, at)) for one in schema["anyOf"]):
            yield f"{at}: none of anyOf"
        return
    if "const" in schema and value != schema["const"]:
        yield f"{at}: not {schema['const']}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: not in {schema['enum']}"
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float),
             "null": type(None)}  # fmt: skip
    if "type" in schema and (
        not isinstance(value, kinds[schema["type"]]) or isinstance(value, bool)  # type: ignore[arg-type]
    ):
        yield f"{at}: no {schema['type']}"
        return
    if isinstance(value, (int, float)) and value < schema.get("minimum", value):
        yield f"{at}: below {schema['minimum']}"
    if isinstance(value, str) and len(value) < schema.get("minLength", 0):
        yield f"{at}: too short"
    if isinstance(value, list):
        for k, item in enumerate(value):
            yield from problems(item, schema["items"], f"{at}[{k}]")
    if isinstance(value, dict):
        named, others = schema.get("properties", {}), schema.get("additionalProperties", True)
        for name in schema.get("required", ()):
            if name not in value:
                yield f"{at}: no {name}"
        for name, item in value.items():
            if name in named:
                yield from problems(item, named[name], f"{at}.{name}")
            elif others is False:
                yield f"{at}: {name} is unknown"
            elif isinstance(others, dict):
                yield from problems(item, others, f"{at}.{name}")


def test_the_schema_checker_finds_faults() -> None:
    data = json.loads(BACKEND.emit(compiled(SHARED), format="json"))
    for change in (
        lambda d: d.pop("totals"),
        lambda d: d.update(more=1),
        lambda d: d["totals"].update(depth="3"),
        lambda d: d["totals"].update(macs=-1),
        lambda d: d["lines"][0].update(kind="else"),
        lambda d: d.update(version=2),
    ):
        broken = json.loads(json.dumps(data))
        change(broken)
        assert list(problems(broken, SCHEMA))


# ----------------------------------------------------------------------- formulas


def test_formulas_of_a_symbolic_network() -> None:
    module = compiled(UNET)
    report, data = BACKEND.report(module), json.loads(BACKEND.emit(module, format="json"))
    text = BACKEND.emit(module)
    for height, width in ((16, 16), (64, 32)):
        concrete = BACKEND.report(compiled(UNET, input=f"{height}x{width}x1"))
        sizes = {"H": height, "W": width}
        assert eval(data["totals"]["macs"], dict(sizes)) == concrete.total.macs
        for line, other in zip(report.lines, concrete.lines, strict=True):
            assert evaluated(line.amounts.macs, sizes) == other.amounts.macs
        (shown,) = re.findall(r"^MACs +(.*?)  ", text, re.MULTILINE)
        assert read(shown, sizes) == concrete.total.macs
    assert data["domain"] and "all H, W ≡ 0 mod 4" in text
    assert "⌊" not in text and "H/4×W/4×64" in text


def evaluated(size: object, sizes: dict[str, int]) -> int:
    return int(eval(str(size), dict(sizes)))


def read(formula: str, sizes: dict[str, int]) -> Fraction:
    """The value of a formula as people read it."""
    python = formula.replace(",", "").replace("·", "*").replace("−", "-")
    for sign, word in (("⌊", "floor("), ("⌋", ")"), ("⌈", "ceil("), ("⌉", ")")):
        python = python.replace(sign, word)
    names = {name: Fraction(size) for name, size in sizes.items()}
    return Fraction(eval(python, {"floor": floor, "ceil": ceil, **names}))


def test_formulas_with_floors_also_stand_for_multiples() -> None:
    rows = "input H×W×3; conv 3x3/2, 8; conv 3x3/2, 8; globalavgpool; fc 10"
    module = compiled(f"model m {{ {rows} }}")
    text = BACKEND.emit(module)
    assert "54·⌈H/2⌉" not in text and "216·⌈H/2⌉·⌈W/2⌉" in text
    plain, period = re.search(  # type: ignore[union-attr]
        r"^ +(\S.*\S)  where H, W are multiples of (\d+)$", text, re.MULTILINE
    ).groups()
    assert period == "4"
    macs = cost(module).macs
    for sizes in ({"H": 4, "W": 8}, {"H": 224, "W": 32}):
        assert read(plain, sizes) == evaluated(macs, sizes)


# ----------------------------------------------------------------------- promises

HOSTILE = [
    "a|b", "`x`", "*b* _i_", "<script>", "=1+1", "+x", "-x", "@x", 'q"u,o\nte', "\x1b[31m",
    "\u202ex", "[l](u)", "\\", "#", "漢字", "\ud800", "&amp;", "~~s~~", "nul\0",
]  # fmt: skip


def hostile_module(text: str) -> Module:
    x, y = map_type(8, 8, 3), map_type(8, 8, 4)
    block = Graph(
        "f", text, ((text, text),), (Value("i", x),),
        (Node("k", Conv(Window(3, 3), 4), ("i",), (Value("k", y),), 0, text),), (Output("o", "k"),),
    )  # fmt: skip
    from cnndsl.graph import Call

    node = Node(f"c{text}", Call("f"), ("x",), (Value("c", y),), 0, text, (text,))
    main = Graph(text, "m", (), (Value("x", x),), (node,), (Output(text, "c"),))
    return Module(text, (block, main), source=text, dialect="torch")


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_hostile_names_stay_texts(text: str) -> None:
    module, benign = hostile_module(text), hostile_module("benign")
    for format in ("text", "markdown"):
        shown = BACKEND.emit(module, format, "layer")
        assert not [c for c in shown if ord(c) < 32 and c != "\n"] and "\u202e" not in shown
        assert shown.count("\n") == BACKEND.emit(benign, format, "layer").count("\n")
    markdown = BACKEND.emit(module, "markdown")
    rows = [row for row in markdown.split("\n") if row.startswith("|")]
    pipes = Counter(len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) for row in rows)
    expected = BACKEND.emit(benign, "markdown").split("\n")
    assert pipes == Counter(row.count("|") for row in expected if row.startswith("|"))
    assert json.loads(BACKEND.emit(module, "json").encode("utf-8", "replace"))["level"] == "block"
    (record,) = csv.DictReader(io.StringIO(BACKEND.emit(module, "csv")))
    assert record["parameters"] == "112"
    assert not any(str(value).startswith(("=", "+", "-", "@")) for value in record.values())


def test_markdown_signs_are_escaped() -> None:
    assert markdown("a|b_c*<x>&") == "a\\|b\\_c\\*&lt;x&gt;&amp;"


def test_reports_are_deterministic_and_import_little() -> None:
    script = (
        "import sys\nfrom cnndsl import driver; from cnndsl.source import Source\n"
        "from cnndsl.backends.report import BACKEND\n"
        f"module = driver.compile_model(Source('t', {RESIDUAL!r})).module\n"
        "before = set(sys.modules)\n"
        "print(BACKEND.emit(module, level='layer'))\n"
        "late = {'json', 'csv', 'typing', 'dataclasses', 'networkx', 'graphviz', 'jax'}\n"
        "print(sorted(late & (set(sys.modules) - before)))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    (text,) = found
    assert text.rstrip().endswith(b"[]"), text[-200:]


def test_unknown_options_are_errors_with_advice() -> None:
    module = compiled(SHARED)
    for options, advice in (
        ({"format": "markdwn"}, "did you mean `markdown`?"),
        ({"level": "layers"}, "did you mean `layer`?"),
        ({"convention": "flop"}, "did you mean `flops`?"),
    ):
        with pytest.raises(CnnError) as caught:
            BACKEND.emit(module, **options)
        (problem,) = caught.value.diagnostics
        assert (problem.code, problem.help[0].text) == ("E0801", advice)


def test_a_report_is_one_object() -> None:
    report = BACKEND.report(compiled(SHARED))
    assert isinstance(report, Report) and report == BACKEND.report(compiled(SHARED))
