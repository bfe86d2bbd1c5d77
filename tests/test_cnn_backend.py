"""The backend `cnn`: what it prints is the same network, in the layout of `cnnc fmt`."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given

from cnndsl import driver
from cnndsl.diagnostics import CnnError
from cnndsl.graph import Module, Node
from cnndsl.parser import parse
from cnndsl.passes.flatten import flatten
from cnndsl.printer import format_source
from cnndsl.record import Record, replace
from cnndsl.source import Source
from cnndsl.syntax import Body, Expect, File
from tests.conftest import Golden
from tests.properties.compiled import compiled
from tests.properties.effort import examples
from tests.properties.strategies import Program, programs
from tests.support import networks
from tests.support.printed import assert_says_the_same, essence, printed, read

GOLDENS = {
    "googlenet": "googlenet.cnn",
    "hrnet_w32": "hrnet.cnn:hrnet_w32",
    "nasnet_mobile": "nasnet.cnn:nasnet_mobile",
    "resnet50_keras": "resnet.cnn:resnet50_keras",
    "efficientnet_b0": "efficientnet.cnn:efficientnet_b0",
    "siamese": "siamese.cnn",
}


# ------------------------------------------------------------------ networks


@pytest.mark.parametrize("path, model", networks.cases(always=("hrnet_w32", "nasnet_mobile")))
def test_shipped_networks_say_the_same(path: str, model: str) -> None:
    module = networks.compiled(path, model)
    text = assert_says_the_same(module)
    again = read(text)
    assert [node.region for node in again.main.nodes] == [n.region for n in module.main.nodes]
    demands = {(demand.left, demand.right) for demand in module.constraints}
    assert {(demand.left, demand.right) for demand in again.constraints} == demands
    written = sum(_statements_of(graph.span.text) for graph in _definitions(module))
    assert _statements_of(text) <= 2.5 * written


def _definitions(module: Module) -> list[Any]:
    """One function of each definition, which knows its text."""
    return list({graph.definition: graph for graph in module.functions}.values())


def _statements_of(text: str) -> int:
    """Statements of a text, claims left out; branches count as what is in them."""
    tree, problems = parse(Source("counted.cnn", text))
    assert not problems
    return _count(tree)


def _count(node: Any) -> int:
    if isinstance(node, tuple):
        return sum(map(_count, node))
    if not isinstance(node, Record) or isinstance(node, Expect):
        return 0
    own = len(node.statements) if isinstance(node, Body) else 0
    own += len(node.items) if isinstance(node, File) else 0
    claims = [s for s in node.statements if isinstance(s, Expect)] if isinstance(node, Body) else []
    return own - len(claims) + sum(_count(getattr(node, f)) for f in node.fields if f != "span")


@examples(150)
@given(programs())
def test_random_programs_say_the_same(program: Program) -> None:
    assert_says_the_same(compiled(program))


@examples(50)
@given(programs(symbolic=True))
def test_random_programs_of_any_size_say_the_same(program: Program) -> None:
    assert_says_the_same(compiled(program))


@pytest.mark.parametrize("name", GOLDENS)
def test_goldens(name: str, golden: Golden) -> None:
    golden(f"{name}/explicit.cnn", printed(driver.compile_model(GOLDENS[name]).module))


# ------------------------------------------------------------------ graphs of other tools


def foreign(module: Module) -> Module:
    """The module as another tool might have made it: no labels, no rows, names of its own."""
    functions = []
    for graph in module.functions:
        names = {name: f"{index}/Conv2D:0" for index, name in enumerate(graph.types)}
        names |= {node.name: f"{node.name}.{i}" for i, node in enumerate(graph.nodes)}

        def renamed(node: Node, row: int, names: dict[str, str] = names) -> Node:
            outputs = tuple(replace(value, name=names[value.name]) for value in node.outputs)
            inputs = tuple(names[value] for value in node.inputs)
            weights = names[node.weights] if node.weights else None
            return Node(names[node.name], node.op, inputs, outputs, row, weights=weights)

        functions.append(
            replace(
                graph,
                arguments=(),
                inputs=tuple(replace(value, name=names[value.name]) for value in graph.inputs),
                nodes=tuple(renamed(node, row) for row, node in enumerate(graph.nodes)),
                outputs=tuple(replace(o, value=names[o.value]) for o in graph.outputs),
                labels=(),
            )
        )
    return replace(module, name="torch-jit-export", functions=tuple(functions))


@examples(100)
@given(programs())
def test_foreign_graphs_say_the_same(program: Program) -> None:
    module = foreign(compiled(program))
    assert essence(read(printed(module))) == essence(module)


def test_a_copy_that_is_shared_is_no_repeat() -> None:
    """`share` of a repeat would be of all its copies."""
    text = "block u { dwconv 1x1 }\nmodel net { input 5x5x1; u() × 2; y: u(); share y }"
    module = foreign(driver.compile_model(Source("net.cnn", text)).module)
    assert essence(read(printed(module))) == essence(module)


def test_an_input_may_be_unread() -> None:
    """Rules leave such inputs: what reads them goes, the interface of the network stays."""
    text = "model net { left: input 5x5x1; right: input 5x5x1; from left; relu }"
    assert_says_the_same(driver.compile_model(Source("net.cnn", text)).module)


@examples(100)
@given(programs())
def test_flat_graphs_say_the_same(program: Program) -> None:
    module = compiled(program)
    flat = replace(module, functions=(flatten(module),))
    assert essence(read(printed(flat))) == essence(flat)


def test_branches_are_found_in_a_flat_graph() -> None:
    module = driver.compile_model("densenet.cnn:densenet121").module
    text = printed(foreign(replace(module, functions=(flatten(module),))))
    layer = "concat { | identity | bn; relu; conv 1x1, 128; bn; relu; conv 3x3, 32 } × "
    assert re.findall(re.escape(layer) + r"(\d+)", text) == ["6", "12", "24", "16"]


def test_weights_that_no_share_can_say_are_refused() -> None:
    module = read("model m { input 8x8x4; a: conv 3x3, 4; b: conv 3x3, 4, pad=0, relu }")
    first, second, *rest = module.main.nodes
    nodes = (first, replace(second, weights=first.name), *rest)
    with pytest.raises(CnnError) as caught:
        printed(replace(module, functions=(replace(module.main, nodes=nodes),)))
    assert [d.code for d in caught.value.diagnostics] == ["E0801"]


# ------------------------------------------------------------------ texts

SAME = {
    "branches": """
        cnn 1

        model m {
          input 8x8x4
          concat { | conv 1x1, 4 | maxpool 3x3, pad=1; conv 1x1, 8, bn, relu }
          residual { conv 3x3, 12, bn, relu; conv 3x3, 12, bn }
          relu
          add { | identity | conv 1x1, 12, bn }
          residual { mul { | identity | globalavgpool; conv 1x1, 12, sigmoid } } × 3
        }
    """,
    "many equal branches": """
        cnn 1

        block path { conv 1x1, 4, bn, relu }

        model m {
          input 8x8x16
          concat { for i in 0..8 { | path } } : 8x8x32
        }
    """,
    "taps, side chains, several values": """
        cnn 1

        block cell {
          input p, h
          from p
          conv_p: conv 1x1, 4, bn
          from h
          conv_h: conv 3x3, 4, bn
          y:      add(conv_p, conv_h)
          output h, y
        }

        model m {
          stem: input 8x8x4
          from stem, stem
          a, b: cell() × 2
          from a {
            globalavgpool
            fc 3
            output aux, training, weight=0.3
          }
          from b
          kept, rest: split 2
          concat { | from kept | from rest; conv 1x1, 2, relu }
          last: conv 1x1, 4
          output last, a
        }
    """,
    "shared layers": """
        cnn 1

        block tower {
          conv 3x3/2, 4, relu
          conv 3x3, 8, relu
        }

        model m {
          left:  input 16x16x4
          right: input 16x16x4
          from left { a: tower }
          b: share a
          sub(a, b)
          abs
          globalavgpool
          c: fc 8, relu
          share c
        }
    """,
    "a skip around smaller maps": """
        cnn 1

        model m {
          input H×W×4
          d0: conv 3x3, 4, relu
          maxpool 2x2/2
          d1: conv 3x3, 8, relu
          maxpool 2x2/2
          conv 3x3, 16, relu
          deconv 2x2/2, 8
          concat(d1, identity)
          deconv 2x2/2, 4
          concat(d0, identity)
        }
    """,
    "settings that all share": """
        cnn 1

        model m {
          default leakyrelu: slope=0.2
          default conv: pad=same, bias=false
          default dwconv: bias=true
          default bn: eps=1e-3, momentum=0.01
          default avgpool: ceil, count_include_pad=false

          input 30x30x4
          conv 3x3/2, 8, bn, leakyrelu
          dwconv(3x3, bn, leakyrelu) × 2
          conv 1x1, 8, bn, leakyrelu
          avgpool 2x2/2
          avgpool 2x2
          conv 3x3/2, 8, pad=0
          conv 1x1, 8
          dropout 20%
        }
    """,
    "a block and its arguments": """
        cnn 1

        block unit(k, n, act, stride=1) {
          conv k, n, act
          conv 3x3/stride, 2*n, act
          conv 1x1, in.channels
        }

        model m {
          input 32x32x8
          unit(3x3, 8,  relu)
          conv 1x1, 16
          unit(5x5, 8,  silu, stride=2)
          unit(3x3, 16, relu, stride=2 then 1) × 3
        }
    """,
    "rates that grow": """
        cnn 1

        block unit(rate) {
          residual { conv 3x3, in.channels, bn, relu; droppath rate }
        }

        model m {
          input 8x8x4
          unit(10%*copy / 6) × 4
          conv 3x3/2, 8
          unit(10% * (4 + copy) / 6) × 3
        }
    """,
    "loops over labels": """
        cnn 1

        model m {
          input 64x64x4
          c2: conv 3x3, 8, relu
          c3: conv 3x3, 8, relu
          c4: conv 3x3, 8, relu
          m5: conv 1x1, 8, bn
          for i in reversed(2..5) { tanh; m{i}: add { | from c{i}; conv 1x1, 8 | identity } }
          for i in 2..6 { from m{i}; p{i}: conv 3x3, 8 }
          output p2, p3, p4, p5
        }
    """,
}
"""Texts that come out as they are, sizes in the column apart."""


@pytest.mark.parametrize("name", SAME)
def test_texts_come_out_as_they_are(name: str) -> None:
    text = "\n".join(line[8:] for line in SAME[name].strip("\n").splitlines()).rstrip() + "\n"
    assert _without_sizes(assert_says_the_same(read(text))) == _without_sizes(text)


def _without_sizes(text: str) -> str:
    return re.sub(r" +: [\dHW][^{};|\n]*$", "", text, flags=re.MULTILINE)


EDGES = {
    "names that mean something in a block": """
        block i(n) { conv 3x3, n, relu }
        block se(act) { conv 3x3, 4, act }
        block f(unit, act, se) { unit(act); conv 3x3, se, act }
        model m {
          in1: input 12x12x4
          in2: i(4); in3: i(8); in4: i(8); in5: i(8); in6: i(8)
          f(se, relu, 4); f(se, silu, 8)
          from in3; p3: i(8)
          from in4; p4: i(8)
          from in5; p5: i(8)
          from in6; p6: i(8)
          add(p3, p4, p5, p6)
        }
    """,
    "labels that no copy changes": """
        model m {
          x1: input 12x12x4
          y1: residual { conv 3x3, 4 }
          y2: add { | conv 3x3, 4 | from x1 | from y1 }
          y3: add { | conv 3x3, 4 | from x1 | from y2 }
          y4: add { | conv 3x3, 4 | from x1 | from y3 }
          y5: add { | conv 3x3, 4 | from x1 | from y4 }
          concat(y1, y2, y3, y4, y5)
        }
    """,
    "negative numbers, uneven ones": """
        model m {
          input 12x12x4
          times -0.5
          deconv 3x3, 4, pad=[-1, 0, 1, 2], output_padding=1
          pad [0, 1, 0, 1]; crop 1x0
          upsample 2x1, bilinear
          conv 3x3/2x1, 8, pad=same, dilation=1x2
          split [2, 6]
          concat
        }
    """,
    "residuals in residuals": """
        model m {
          input 12x12x4
          { residual { residual { conv 3x3, 4; residual { conv 3x3, 4 } }; relu }; relu } × 2
          residual { residual { residual { residual { residual { residual { relu; abs } } } } } }
        }
    """,
    "outputs in an order of their own": """
        model m {
          input 12x12x4
          output seen, training
          a: conv 3x3, 4
          output a, training, weight=0.5
          b: conv 3x3, 8
          output b
          from a { output again }
          conv 3x3, 2
          output c, training
        }
    """,
    "one value, many names": """
        block same { input p, q; output q, p }
        model m {
          x: input 12x12x4
          y: identity
          from x, y
          left, right: same
          add(left, right, y, x)
          stage s { z: relu }
          u: identity
          output u
        }
    """,
}
"""Texts that say the same in any case."""


@pytest.mark.parametrize("name", EDGES)
def test_edges_say_the_same(name: str) -> None:
    assert_says_the_same(read(EDGES[name]))


SHORTER = {
    "unequal blocks have names that say why": (
        """
        block shortcut(n, stride) {
          if stride != 1 or in.channels != n { conv 1x1/stride, n, bn }
        }
        block basic(n, stride=1) {
          add { | conv 3x3/stride, n, bn, relu; conv 3x3, n, bn | shortcut(n, stride) }
          relu
        }
        model m {
          input 32x32x16
          stage one { basic(16) × 2 }
          stage two { basic(32, stride=2 then 1) × 3 }
        }
        """,
        """
        block basic(n) {
          residual { conv 3x3, n, bn, relu; conv 3x3, n, bn }
          relu
        }

        block shortcut { conv 1x1/2, 32, bn }

        block basic_shortcut {
          add { | conv 3x3/2, 32, bn, relu; conv 3x3, 32, bn | shortcut }
          relu
        }

        model m {
          input 32x32x16
          stage one { basic(16) × 2 }
          stage two { basic_shortcut; basic(32) × 2 } : 16x16x32
        }
        """,
    ),
    "what is decided is gone": (
        """
        let w(c) = round_to(c * 1.4, 8)
        model m(deep=true) {
          input 32x32x3
          default conv: bn, relu
          default pool: ceil
          for i in 0..3 { conv 3x3, w(16 * 2**i); maxpool 3x3/2 }
          if deep { conv 3x3, 7, linear }
          globalavgpool
        }
        """,
        """
        model m {
          default maxpool: ceil

          input 32x32x3
          conv 3x3, 24, bn, relu : 32x32x24
          maxpool 3x3/2          : 16x16x24
          conv 3x3, 48, bn, relu : 16x16x48
          maxpool 3x3/2          : 8x8x48
          conv 3x3, 88, bn, relu : 8x8x88
          maxpool 3x3/2          : 4x4x88
          conv 3x3, 7            : 4x4x7
          globalavgpool          : 7
        }
        """,
    ),
    "blocks that call themselves": (
        """
        block down(n) {
          conv 3x3/2, n, relu
          if n < 32 { down(2 * n) }
        }
        model m { input 32x32x3; down(8) }
        """,
        """
        block down { conv 3x3/2, 32, relu }

        block down_down {
          conv 3x3/2, 16, relu
          down
        }

        block down_n8 {
          conv 3x3/2, 8, relu
          down_down
        }

        model m {
          input 32x32x3
          down_n8 : 4x4x32
        }
        """,
    ),
    "sizes in a block that is always the same": (
        """
        block stem {
          conv 5x5/2, 8
          maxpool 2x2/2
          conv 3x3, 16, pad=0
        }
        model m { input 32x32x3; stem }
        """,
        """
        block stem {
          conv 5x5/2, 8      : 16x16x8
          maxpool 2x2/2      : 8x8x8
          conv 3x3, 16, pad=0 : 6x6x16
        }

        model m {
          input 32x32x3
          stem : 6x6x16
        }
        """,
    ),
}
"""Texts, and what they come out as."""


@pytest.mark.parametrize("name", SHORTER)
def test_texts_come_out_explicit(name: str) -> None:
    given, expected = ("\n".join(line[8:] for line in t.splitlines()) for t in SHORTER[name])
    text = assert_says_the_same(read(given.strip() + "\n"))
    assert text == format_source(Source("expected.cnn", f"cnn 1\n\n{expected.strip()}\n"))
