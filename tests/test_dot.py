"""Figures: what is drawn, that it is true, that Graphviz draws it."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import combinations, pairwise
from pathlib import Path
from shutil import which
from xml.dom import minidom

import pytest

from cnndsl import driver
from cnndsl.backends.dot import BACKEND, LEVELS
from cnndsl.backends.dot.face import wrap
from cnndsl.backends.dot.style import GREYS, LEGEND, NOTE, PAPER, STYLES, TRAINING
from cnndsl.diagnostics import CnnError
from cnndsl.escape import LONGEST, dot_read, dot_string, visible
from cnndsl.graph import Call, Graph, Module, Node, Output, Value
from cnndsl.ops.activation import Relu
from cnndsl.ops.conv import Conv
from cnndsl.passes.cost import cost
from cnndsl.passes.flatten import flatten
from cnndsl.source import Source
from cnndsl.types import map_type
from cnndsl.window import Window

ROOT = Path(__file__).parent.parent
SPECS = sorted([*(ROOT / "specs").glob("*.cnn")])
needs_dot = pytest.mark.skipif(which("dot") is None, reason="Graphviz is not installed")

RESIDUAL = """
block shortcut(n, stride) { if stride != 1 or in.channels != n { conv 1x1/stride, n, bn } }
block bottleneck(n, stride = 1) {
  add {
    | conv 1x1, n, bn, relu; conv 3x3/stride, n, bn, relu; conv 1x1, 4 * n, bn
    | shortcut(4 * n, stride)
  }
  relu
}
model residual {
  input 56x56x64
  stage conv2_x { bottleneck(64) × 3 }
  stage conv3_x { bottleneck(128, stride = 2 then 1) × 4 }
  globalavgpool; fc 10
}
"""
INCEPTION = """
block inception(n1, r3→n3, r5→n5, pool→np) {
  concat {
    | conv 1x1, n1, relu
    | conv 1x1, r3, relu; conv 3x3, n3, relu
    | conv 1x1, r5, relu; conv 5x5, n5, relu
    | maxpool 3x3/1, pad=1; conv 1x1, np, relu
  }
}
block auxiliary(n) { avgpool 5x5/3; flatten; fc n }
model inception_net {
  input 28x28x192
  3a: inception(64, 96→128, 16→32, pool→32)
  3b: inception(128, 128→192, 32→96, pool→64)
  from 3a { auxiliary(10); output aux, training, weight = 0.3 }
  globalavgpool; dropout 40%; fc 10
}
"""
DENSE = """
block dense_layer(k) { bn; relu; conv 1x1, 4 * k; bn; relu; conv 3x3, k }
block dense(n, k) { concat { | identity | dense_layer(k) } × n }
model densenet { input 28x28x64; dense(40, 32); globalavgpool; fc 10 }
"""
UNET = """
block double(n) { conv 3x3, n, relu; conv 3x3, n, relu }
model unet {
  input 64x64x1
  for i in 0..3 { d{i}: double(16 * 2**i); maxpool 2x2/2 }
  double(128)
  for i in reversed(0..3) {
    deconv 2x2/2, 16 * 2**i
    concat { | from d{i} | identity }
    double(16 * 2**i)
  }
  conv 1x1, 2
}
"""


def compiled(text: str, model: str | None = None) -> Module:
    return driver.compile_model(Source("test.cnn", text), model).module


def statements(dot: str) -> dict[str, dict[str, str]]:
    """The attributes of every box."""
    found = re.finditer(r"^ *(n\d+) \[(.*)\]$", dot, re.MULTILINE)
    return {one[1]: attributes(one[2]) for one in found}


def attributes(text: str) -> dict[str, str]:
    pattern = r'(\w+)=("(?:[^"\\]|\\.)*"|<(?:[^<>]|<[^>]*>)*>|[^,\]]+)'
    return {name: value.strip('"') for name, value in re.findall(pattern, text)}


def edges(dot: str) -> list[tuple[str, str, dict[str, str]]]:
    """Source, target and attributes of every edge that is drawn."""
    found = re.finditer(r"^ *(n\d+)(?::e)? -> (n\d+)(?::e)?(?: \[(.*)\])?$", dot, re.MULTILINE)
    every = [(one[1], one[2], attributes(one[3] or "")) for one in found]
    return [edge for edge in every if edge[2].get("style") != "invis"]


def label(box: dict[str, str]) -> str:
    """What a box says, without markup."""
    text = re.sub(r"^<|>$", "", box["label"]).replace("&nbsp;", " ").replace("\\n", "\n")
    return re.sub(r"<[^>]*>", "", text.replace("<br/>", "\n")).strip()


def labels(dot: str) -> list[str]:
    """What the boxes say, from the input on; operators and blocks only."""
    return [label(b) for b in statements(dot).values() if b["class"].startswith("box")]


# ------------------------------------------------------------------------- levels


def test_blocks_fold_and_a_first_copy_with_other_arguments_stands_apart() -> None:
    assert labels(BACKEND.emit(compiled(RESIDUAL))) == [
        "bottleneck(64)\nwith projection",
        "bottleneck(64)  × 2",
        "bottleneck(128, stride=2)\nwith projection",
        "bottleneck(128)  × 3",
        "globalavgpool",
        "fc 10",
    ]


def test_network_level_has_a_box_for_each_stage() -> None:
    assert labels(BACKEND.emit(compiled(RESIDUAL), level="network")) == [
        "conv2_x\nbottleneck(64)\nbottleneck(64) × 2",
        "conv3_x\nbottleneck(128, stride=2)\nbottleneck(128) × 3",
        "head\nglobalavgpool\nfc 10",
    ]


def test_layer_level_opens_blocks_and_merges_what_follows_a_convolution() -> None:
    dot = BACKEND.emit(compiled(RESIDUAL), level="layer")
    assert labels(dot)[:5] == [
        "conv 1x1, 64 · bn · relu",
        "conv 3x3, 64 · bn · relu",
        "conv 1x1, 256 · bn",
        "conv 1x1, 256 · bn",
        "relu",
    ]
    heads = [label(b) for b in statements(dot).values() if b["class"].startswith("head")]
    assert heads == [
        "bottleneck(64)",
        "bottleneck(64)  × 2",
        "bottleneck(128, stride=2)",
        "bottleneck(128)  × 3",
    ]


def test_op_level_has_a_box_for_each_operator() -> None:
    module = compiled(INCEPTION)
    boxes = statements(BACKEND.emit(module, level="op")).values()
    drawn = [box for box in boxes if "data_op" in box]
    assert len(drawn) == len(flatten(module).nodes)
    assert all(" " not in box["data_op"] for box in drawn)


def test_rows_that_repeat_are_one_box() -> None:
    rows = "input 8x8x16; { conv 3x3, 16, relu } × 3; { conv 1x1, 8; conv 3x3, 16 } × 4"
    dot = BACKEND.emit(compiled(f"model m {{ {rows} }}"))
    assert labels(dot) == ["conv 3x3, 16 · relu  × 3", "conv 1x1, 8", "conv 3x3, 16"]
    assert [label(b) for b in statements(dot).values() if "head" in b["class"]] == ["× 4"]


def test_equal_calls_on_other_types_are_not_folded() -> None:
    dot = BACKEND.emit(compiled("model m { input 8x8x3; conv 3x3, 16; conv 3x3, 16 }"))
    assert labels(dot) == ["conv 3x3, 16", "conv 3x3, 16"]


def test_shared_weights_are_not_folded_and_say_so() -> None:
    rows = "input 8x8x16; a: conv 3x3, 16; b: share a; c: share a"
    dot = BACKEND.emit(compiled(f"model m {{ {rows} }}"))
    assert labels(dot)[1:] == ["b\nconv 3x3, 16\nweights of a", "c\nconv 3x3, 16\nweights of a"]


def test_calls_are_opened_and_closed_by_name() -> None:
    module = compiled(INCEPTION)
    opened = BACKEND.emit(module, opened="3a")
    assert "conv 5x5, 32 · relu" in labels(opened)
    assert "conv 5x5, 96 · relu" not in labels(opened)
    closed = BACKEND.emit(module, level="layer", closed="incep*")
    assert "auxiliary(10)" not in labels(closed)
    assert "3a  inception(64, 96→128, 16→32, pool→32)" in labels(closed)


@pytest.mark.parametrize("spec", SPECS, ids=lambda path: path.stem)
@pytest.mark.parametrize("level", LEVELS)
def test_boxes_have_all_costs_and_name_real_nodes(spec: Path, level: str) -> None:
    module = driver.compile_model(str(spec), driver.models(str(spec))[-1]).module
    boxes = list(statements(BACKEND.emit(module, level=level, max_boxes=10**6)).values())
    total = cost(module, training=True)
    for fact, amount in (("parameters", total.params), ("macs", total.macs)):
        found = sum(symbolic(box[f"data_{fact}"]) for box in boxes if f"data_{fact}" in box)
        assert found == symbolic(str(amount))
    if level != "network":
        paths = {node.name for node in flatten(module).nodes}
        drawn = [dot_read(b["data_path"]) for b in boxes if b.get("data_op")]
        assert all(path in paths or any(p.startswith(f"{path}.") for p in paths) for path in drawn)


def symbolic(text: str) -> int:
    """A cost as a number, a formula at a size that fits all nets."""
    return int(eval(text, {"H": 256, "W": 128}))


# -------------------------------------------------------------------------- edges


def test_identity_is_solid_projection_is_dashed() -> None:
    dot = BACKEND.emit(compiled(RESIDUAL), level="layer")
    boxes = statements(dot)
    heads = [id for id, box in boxes.items() if box["class"].startswith("head")]
    assert f"{heads[1]}:e -> n" in dot  # the identity of the second block, beside the flow
    dashed = [(s, t) for s, t, a in edges(dot) if a.get("style") == "dashed"]
    assert [label(boxes[t]) for s, t in dashed if s in heads] == [
        "conv 1x1, 256 · bn",
        "conv 1x1/2, 512 · bn",
    ]
    assert len(dashed) == 4


def test_a_zero_padded_shortcut_is_dashed_and_a_pool_branch_is_not() -> None:
    text = """
    model m {
      input 8x8x16
      add { | conv 3x3/2, 32, bn, relu; conv 3x3, 32, bn | maxpool 1x1/2; pad_channels 32 }
      add { | conv 3x3, 32, relu; conv 3x3, 32 | maxpool 3x3/1, pad=1 }
    }"""
    found = [a.get("style") for _, _, a in edges(BACKEND.emit(compiled(text)))]
    assert found.count("dashed") == 3


def test_branches_keep_their_order() -> None:
    dot = BACKEND.emit(compiled(INCEPTION), level="layer")
    boxes = statements(dot)
    head = next(id for id, box in boxes.items() if label(box).startswith("3a"))
    heads = [label(boxes[target]) for source, target, _ in edges(dot) if source == head]
    assert heads == [
        "conv 1x1, 64 · relu",
        "conv 1x1, 96 · relu",
        "conv 1x1, 16 · relu",
        "maxpool 3x3",
    ]


def test_what_is_for_training_only_is_grey_and_dashed() -> None:
    dot = BACKEND.emit(compiled(INCEPTION))
    (aux,) = [box for box in statements(dot).values() if "auxiliary" in label(box)]
    assert "dashed" in aux["style"] and aux["color"] == TRAINING
    grey = [a for _, _, a in edges(dot) if a.get("color") == TRAINING]
    assert len(grey) == 2 and all(a["style"] == "dashed" for a in grey)
    assert "grey, dashed: training only" in dot
    assert "auxiliary" not in BACKEND.emit(compiled(INCEPTION), training=False)


def test_shapes_stand_where_they_change() -> None:
    module = compiled("model m { input 8x8x3; conv 3x3, 16; relu; maxpool 2x2/2; flatten }")

    def shown(choice: str) -> list[str]:
        found = edges(BACKEND.emit(module, shapes=choice))
        return [a.get("label", "").strip() for _, _, a in found]

    assert shown("changes") == ["8×8×3", "8×8×16", "", "4×4×16", "256"]
    assert shown("all") == ["8×8×3", "8×8×16", "8×8×16", "4×4×16", "256"]
    assert shown("none") == [""] * 5


def test_symbolic_shapes_lose_floors_that_the_sizes_rule_out() -> None:
    module = compiled(UNET.replace("64x64x1", "H×W×1"))
    dot = BACKEND.emit(module)
    assert "H/4×W/4×64" in dot and "⌊" not in dot.split("n0 [")[1]
    assert "·H·W MACs" in dot


# ----------------------------------------------------------------------- promises


def test_emission_is_deterministic() -> None:
    script = (
        "from cnndsl import driver; from cnndsl.source import Source\n"
        "from cnndsl.backends.dot import BACKEND\n"
        f"module = driver.compile_model(Source('t', {INCEPTION!r})).module\n"
        "print(BACKEND.emit(module, level='layer'), BACKEND.emit(module, direction='LR'))"
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
    assert len(found) == 1 and len(found.pop()) > 1000


def test_too_many_boxes_fold_and_the_figure_says_so() -> None:
    module = compiled(DENSE)
    dot = BACKEND.emit(module, level="layer", max_boxes=100)
    assert len(statements(dot)) <= 100
    assert "// level layer would have 325 boxes (limit 100): drawn with 1 of 2 levels" in dot
    assert "level layer would have 325" in re.sub(r"<[^>]*>", " ", dot.split("label=")[1])
    assert len(statements(BACKEND.emit(module, level="op", max_boxes=10))) <= 10


def test_a_long_chain_is_drawn_in_time() -> None:
    nodes = []
    for k in range(3000):
        made = Value(f"c{k}", map_type(8, 8, 4 + k % 3))
        read = f"c{k - 1}" if k else "x"
        nodes.append(Node(made.name, Conv(Window(3, 3), 4 + k % 3), (read,), (made,), k))
    x = Value("x", map_type(8, 8, 6))
    main = Graph("m", "m", (), (x,), tuple(nodes), (Output("o", "c2999"),))
    start = time.perf_counter()
    dot = BACKEND.emit(Module("m", (main,)), level="op")
    assert time.perf_counter() - start < 10
    assert len(statements(dot)) <= 300


def test_frames_are_not_nested_too_deep() -> None:
    x = map_type(8, 8, 3)
    graphs = []
    for k in range(80):
        inner: Relu | Call = Call(f"f{k - 1}") if k else Relu()
        nodes = (
            Node("a", Relu(), ("x",), (Value("a", x),), 0),
            Node("b", inner, ("a",), (Value("b", x),), 1),
        )
        outputs = (Output("o", "b"),)
        graphs.append(Graph(f"f{k}", "f", (("n", k),), (Value("x", x),), nodes, outputs))
    dot = BACKEND.emit(Module("deep", tuple(graphs)), level="op", max_boxes=10**6)
    assert dot.count("subgraph") == 60


def test_unknown_options_are_errors_with_advice() -> None:
    module = compiled(UNET)
    for options, advice in (
        ({"level": "layers"}, "did you mean `layer`?"),
        ({"direction": "UP"}, "there are: TB, BT, LR"),
        ({"theme": "papr"}, "did you mean `paper`?"),
        ({"shape": "all"}, "did you mean `shapes`?"),
    ):
        with pytest.raises(CnnError) as caught:
            BACKEND.emit(module, **options)
        (problem,) = caught.value.diagnostics
        assert problem.code == "E0801" and problem.help[0].text == advice


def test_golden(golden: Callable[[str, str], None]) -> None:
    golden("dot/residual.dot", BACKEND.emit(compiled(RESIDUAL), level="layer"))
    golden("dot/inception.dot", BACKEND.emit(compiled(INCEPTION)))


# -------------------------------------------------------------------------- looks


def lightness(color: str) -> float:
    y = luminance(color)
    return 116 * y ** (1 / 3) - 16 if y > 0.008856 else 903.3 * y


def linear(color: str) -> list[float]:
    parts = [int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]


def luminance(color: str) -> float:
    r, g, b = linear(color)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a: str, b: str) -> float:
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def lab(rgb: list[float]) -> tuple[float, float, float]:
    r, g, b = rgb
    x = (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047
    y = 0.2126 * r + 0.7152 * g + 0.0722 * b
    z = (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883
    fx, fy, fz = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


# Viénot et al. 1999 for protan and deutan, Brettel's plane for tritan, on linear RGB.
SIMULATIONS = {
    "protan": ((0.1124, 0.8876, 0.0), (0.1124, 0.8876, 0.0), (0.0040, -0.0040, 1.0)),
    "deutan": ((0.2928, 0.7072, 0.0), (0.2928, 0.7072, 0.0), (-0.0223, 0.0223, 1.0)),
    "tritan": ((1.0, 0.1446, -0.1446), (0.0, 0.8593, 0.1407), (0.0, 0.8593, 0.1407)),
}


@pytest.mark.parametrize("palette", ["paper", "grey"])
def test_fills_differ_in_lightness(palette: str) -> None:
    fills = [style.fill for style in STYLES.values()] if palette == "paper" else [*GREYS.values()]
    found = [lightness(fill) for fill in fills]
    assert all(b - a >= 8 for a, b in pairwise(found)), found
    assert set(LEGEND) == set(STYLES) == set(GREYS) and len(fills) <= 7


@pytest.mark.parametrize("vision", SIMULATIONS)
def test_fills_differ_for_the_colour_blind(vision: str) -> None:
    matrix = SIMULATIONS[vision]
    seen = []
    for style in STYLES.values():
        rgb = linear(style.fill)
        mixed = [sum(m * c for m, c in zip(row, rgb, strict=True)) for row in matrix]
        seen.append(lab([min(max(c, 0.0), 1.0) for c in mixed]))
    assert min(math.dist(a, b) for a, b in combinations(seen, 2)) >= 10


def test_text_can_be_read_on_every_fill() -> None:
    for family, style in STYLES.items():
        assert contrast(style.text, style.fill) >= 4.5
        assert contrast(style.text, GREYS[family]) >= 4.5
    assert contrast(NOTE, PAPER) >= 4.5 and contrast(TRAINING, PAPER) >= 4.5


def test_long_labels_are_wrapped_and_cut() -> None:
    text = wrap("inception(64, 96→128, 16→32, pool→32, and, some, more, words)", 30)
    assert max(map(len, text.split("\n"))) <= 30
    assert len(wrap("x" * 5000)) <= 240


# ----------------------------------------------------------------------- escaping

HOSTILE = [
    "<b>x</b>", "a:b", "&undefined;", '"]; evil [URL="javascript:alert(1)"', "back\\slash\\",
    "\\N \\G \\L",
    "a\nb\rc", "nul\0esc\x1b[31m", "\u202ertl", "&amp; &lt;", "</title><script>", "x" * 20_000,
    "𝔘nicode 漢字", "{a|b}", "-->", "<!-- c", "%s%n", "\ud800", "node", "graph", "n0",
    "cluster_0", 'data_path="x"]', "label=<", "<<b>>", '\\"', "\\", "'; rm", "$(x)",
]  # fmt: skip


def hostile_module(text: str) -> Module:
    """A module where every name is the same text."""
    x, y = map_type(8, 8, 3), map_type(8, 8, 4)
    block = Graph(
        "f", text, ((text, text),), (Value("i", x),),
        (
            Node("k", Relu(), ("i",), (Value("k", x),), 0, text),
            Node("k2", Conv(Window(3, 3), 4), ("k",), (Value("k2", y),), 1, text),
        ),
        (Output("o", "k2"),),
    )  # fmt: skip
    main = Graph(
        text, "m", (), (Value(text, x),),
        (
            Node(f"call {text}", Call("f"), (text,), (Value("c0", y),), 0, text),
            Node("c", Conv(Window(3, 3), 4), ("c0",), (Value("c", y),), 1, text, (text,)),
            Node("r", Relu(), ("c",), (Value("r", y),), 2, text),
        ),
        (Output(text, "r"),),
    )  # fmt: skip
    return Module(text, (block, main), source=text)


def skeleton(dot: str) -> str:
    """A DOT text without its strings."""
    return re.sub(r'"(?:[^"\\]|\\.)*"|<(?:[^<>]|<[^>]*>)*>(?=[,\]])', "@", dot.split("\n", 1)[1])


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:24])
@pytest.mark.parametrize("level", ["network", "block", "layer"])
def test_hostile_names_change_nothing_but_texts(text: str, level: str) -> None:
    dot = BACKEND.emit(hostile_module(text), level=level)
    assert skeleton(dot) == skeleton(BACKEND.emit(hostile_module("benign"), level=level))
    assert not [c for c in dot if ord(c) < 32 and c != "\n"] and "\u202e" not in dot
    assert max(map(len, re.findall(r'"(?:[^"\\]|\\.)*"', dot))) < 16_000


@needs_dot
@pytest.mark.parametrize("text", HOSTILE[:14], ids=lambda text: ascii(text)[:24])
def test_hostile_names_in_svg(text: str) -> None:
    def structure(name: str) -> list[int]:
        svg = minidom.parseString(BACKEND.render(hostile_module(name), "svg", level="layer"))
        tags = ("g", "polygon", "path", "ellipse", "a", "image", "script")
        return [len(svg.getElementsByTagName(tag)) for tag in tags]

    found = structure(text)
    assert found == structure("benign") and found[-3:] == [0, 0, 0]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:24])
def test_quoting_is_undone_by_unquoting(text: str) -> None:
    read = dot_read(dot_string(text)[1:-1])
    whole = "\n".join(map(visible, text.split("\n")))
    assert read == whole or (len(whole) > LONGEST and read == f"{whole[: LONGEST - 1]}…")


# ---------------------------------------------------------------------- rendering


@needs_dot
def test_svg_has_a_title_a_description_and_facts() -> None:
    module = compiled(RESIDUAL)
    raw = BACKEND.render(module, "svg")
    assert raw == BACKEND.render(module, "svg") and b"<!--" not in raw
    root = minidom.parseString(raw).documentElement
    assert root is not None and root.getAttribute("role") == "img"
    texts = {tag: root.getElementsByTagName(tag)[0].firstChild.data for tag in ("title", "desc")}
    assert texts["title"].startswith("residual, input 56×56×64, ")
    assert "stage conv2_x: bottleneck(64); bottleneck(64), 2 times; stage" in texts["desc"]
    groups = [g for g in root.getElementsByTagName("g") if g.getAttribute("data-op")]
    drawn = sum(int(g.getAttribute("data-parameters")) for g in groups)
    assert drawn == cost(module).params
    assert {g.getAttribute("data-path") for g in groups} >= {"globalavgpool"} or len(groups) == 6


@needs_dot
def test_pdf_has_no_date() -> None:
    module = compiled(UNET)
    first = BACKEND.render(module, "pdf")
    time.sleep(1.1)
    assert first == BACKEND.render(module, "pdf") and first.startswith(b"%PDF")
    assert b"/CreationDate (D:0000" in first


@needs_dot
def test_png_and_dot() -> None:
    module = compiled(UNET)
    assert BACKEND.render(module, "png").startswith(b"\x89PNG")
    assert BACKEND.render(module, "dot") == BACKEND.emit(module).encode()


@needs_dot
@pytest.mark.parametrize("text", [RESIDUAL, INCEPTION], ids=["residual", "inception"])
def test_no_edge_crosses_a_box_or_a_title(text: str) -> None:
    dot = BACKEND.emit(compiled(text), level="layer", legend=False, caption=False)
    plain = subprocess.run(
        ["dot", "-Tplain"], input=dot.encode(), capture_output=True, check=True
    ).stdout.decode()
    boxes: dict[str, tuple[float, ...]] = {}
    for line in plain.splitlines():
        words = line.split(" ")
        if words[0] == "node":
            boxes[words[1]] = tuple(map(float, words[2:6]))
    for line in plain.splitlines():
        words = line.split(" ")
        if words[0] != "edge" or " invis " in line:
            continue
        numbers = [float(word) for word in words[4 : 4 + 2 * int(words[3])]]
        points = list(zip(numbers[::2], numbers[1::2], strict=True))
        for name, (x, y, width, height) in boxes.items():
            if name not in words[1:3]:
                inside = [
                    p for p in curve(points)
                    if abs(p[0] - x) < width / 2 - 0.01 and abs(p[1] - y) < height / 2 - 0.01
                ]  # fmt: skip
                assert not inside, (words[1:3], name)


def curve(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Points on a chain of Bézier curves."""
    found = []
    for k in range(0, len(points) - 3, 3):
        a, b, c, d = points[k : k + 4]
        for step in range(21):
            t = step / 20
            u = 1 - t
            weights = (u**3, 3 * u * u * t, 3 * u * t * t, t**3)
            found.append(tuple(sum(w * p[i] for w, p in zip(weights, (a, b, c, d), strict=True))
                               for i in (0, 1)))  # fmt: skip
    return found  # type: ignore[return-value]


@needs_dot
def test_branches_stand_from_left_to_right_as_written() -> None:
    dot = BACKEND.emit(compiled(INCEPTION), level="layer", closed="auxiliary")
    names = {id: label(box) for id, box in statements(dot).items()}
    plain = subprocess.run(["dot", "-Tplain"], input=dot.encode(), capture_output=True, check=True)
    places = {
        words[1]: (float(words[2]), float(words[3]))
        for line in plain.stdout.decode().splitlines()
        if (words := line.split(" "))[0] == "node"
    }
    row = ["conv 1x1, 64 · relu", "conv 3x3, 128 · relu", "conv 5x5, 32 · relu"]
    found = [next(places[id] for id, name in names.items() if name == text) for text in row]
    assert [x for x, _ in found] == sorted(x for x, _ in found)
    assert len({y for _, y in found}) == 1


def test_every_family_has_a_look() -> None:
    from cnndsl.backends.dot.style import ALIASES
    from cnndsl.op import OPS

    families = {op.family for op in OPS.values()}
    assert families <= set(STYLES) | set(ALIASES) and set(ALIASES.values()) <= set(STYLES)
