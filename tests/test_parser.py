"""The parser: trees, recovery from errors, and no surprise on any input."""

from __future__ import annotations

import gc
import random
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cnndsl import tables
from cnndsl._tables import RULES
from cnndsl.lexer import scan, scan_expression
from cnndsl.parser import TABLE, Parser, parse, parse_expression
from cnndsl.printer import format_source, print_expression, print_file
from cnndsl.record import replace
from cnndsl.source import Source
from cnndsl.syntax import (
    Application,
    Apply,
    Argument,
    Binary,
    Block,
    Body,
    Bool,
    CallExpr,
    Carrier,
    Condition,
    Dims,
    Each,
    Expect,
    For,
    From,
    If,
    Input,
    Keeps,
    Model,
    Name,
    Number,
    Parallel,
    Range,
    Rule,
    Share,
    String,
    Template,
    Transform,
    When,
)
from cnndsl.tree import TreeBuilder
from cnndsl.unexpected.words import HUMAN, in_words

GRAMMAR = Path(__file__).parent.parent / "grammar"
EXAMPLE = re.compile(r"^- \*\*(\w+)\*\*: `([^`]+)`", re.MULTILINE)

INCEPTION = """
use std                               # the standard library
use "./blocks.cnn" (my_block)         # a file beside this one

model googlenet(classes = 1000, aux = true) {
  source "Szegedy et al., Going Deeper with Convolutions, 2014, Table 1"
  default conv: relu
  default pool: ceil

  input 224x224x3
  conv1: conv 7x7/2, 64                                : 112x112x64
  maxpool 3x3/2                                        : 56x56x64
  lrn
  conv2: conv 3x3, 192                                 : 56x56x192
  3a: inception(64, 96→128, 16→32, pool→32)            : 28x28x256
  4a: inception(192, 96→208, 16→48, pool→64)           : 14x14x512
  if aux { from 4a { auxiliary(classes); output aux1, training, weight = 0.3 } }
  globalavgpool                                        : 1024
  dropout 40%
  fc classes
  softmax
}

block inception(n1, r3→n3, r5→n5, pool→np) {
  concat {
    | conv 1x1, n1
    | conv 1x1, r3; conv 3x3, n3
    | conv 1x1, r5; conv 5x5, n5
    | maxpool 3x3/1, pad=1; conv 1x1, np
  }
}
"""

RESNET = """
block bottleneck(n, stride = 1, expand = 4, shortcut = shortcut_b,
                 stride_on in {first, middle} = middle) {
  add {
    | conv 1x1/(stride if stride_on == first else 1), n, bn, relu
      conv 3x3/(stride if stride_on == middle else 1), n, bn, relu
      conv 1x1, expand*n, bn
    | shortcut(expand*n, stride)
  }
  relu
}
block shortcut_a(n, stride) { subsample(stride); pad_channels n }
block shortcut_b(n, stride) { if stride != 1 or in.channels != n { conv 1x1/stride, n, bn } }
block shortcut_c(n, stride) { conv 1x1/stride, n, bn }

model resnet(depths, unit = bottleneck, classes = 1000, stride_on in {first, middle} = middle) {
  source "He et al., Deep Residual Learning for Image Recognition, 2015, Table 1"
  default conv: bn
  input 224x224x3
  conv1: conv 7x7/2, 64, bn, relu                                   : 112x112x64
  maxpool 3x3/2, pad=1                                              : 56x56x64
  stage conv2_x { unit(64,  stride_on=stride_on) × depths[0] }
  stage conv3_x { unit(128, stride = 2 then 1, stride_on=stride_on) × depths[1] }
}
model resnet50  = resnet([3, 4, 6, 3])      { expect params = 25_557_032; expect macs = 4.09G }
model resnet50_2015 = resnet([3, 4, 6, 3], stride_on=first) {
  expect macs = 3.86G "the paper's 3.8e9"
}
model resnet18  = resnet([2, 2, 2, 2], basic) { expect params = 11_689_512 }
model resnet50_keras = resnet([3,4,6,3], stride_on=first) in keras
"""

HARDER = """
block dense(n, k) { concat { | identity | dense_layer(k) } × n }         # the repeat is the list
block se(n) { mul { | identity | globalavgpool; conv 1x1, n, relu; conv 1x1, in.channels } }

block mbconv(k, t, n, stride = 1, drop = 0.2) {                          # k is a window
  residual(when = stride == 1 and in.channels == n) {
    if t != 1 { conv 1x1, t * in.channels, bn, silu }
    dwconv k/stride, bn, silu
    se(in.channels / 4)
    conv 1x1, n, bn
    droppath drop * nth / total
  }
}
model efficientnet(width = 1.0, depth = 1.0, resolution = 224) {
  let w(c) = round_to(c * width, 8)
  let d(n) = ceil(n * depth)
  input resolution × resolution × 3
  mbconv(5x5, 6, w(40), stride = 2 then 1) × d(2)
}
model unet(classes = 2) {
  input H×W×1
  for i in 0..4 { d{i}: double(64 * 2**i); maxpool 2x2/2 }
  double(1024)
  for i in reversed(0..4) { deconv 2x2/2, 64 * 2**i; concat { | from d{i} | identity }; double(2) }
  conv 1x1, classes, linear
}
model fpn = base(1) { concat(c3, up); add(a, b) }
"""

REWRITES = """
rule factor_5x5 "Szegedy et al. 2016, sec. 3.1" {
  conv 5x5/s, n  =>  conv 3x3, n; conv 3x3/s, n
  keeps window, shape
}
rule asym(k) "Szegedy et al. 2016, sec. 3.2" {
  conv k×k/s, n
  => conv 1×k/(1×s), n; conv k×1/(s×1), n   # strides per axis
  when k > 1 and k % 2 == 1; keeps window, shape
}
rule fold_bn "Ioffe and Szegedy 2015" exact inference simplify {
  conv(k, n, pad=p, groups=g, bias=b); bn
  =>
  conv(k, n, pad=p, groups=g, bias=true)
  weights fold_bn
}
rule fuse_siblings exact {
  input x
  from x { a: conv k, m }
  from x { b: conv k, n }
  output a, b ⇒
  conv k, m + n
  a, b: split [m, n]
  output a, b
}
rule width(factor) { transform width }
rule drop_dropout exact inference { dropout rate => identity }
let inference = [drop_dropout, fold_bn]
model v2 = googlenet with factor_5x5, asym(7) at 4a..4e { expect params = 6M }
model v3 = googlenet(classes=10) in keras with asym(7) at "3a, 4a..4e",
  inference at conv2_x, width(0.5)
"""

DESIGN = (INCEPTION, RESNET, HARDER, REWRITES)


def tree_of(text: str):
    tree, problems = parse(Source("t.cnn", text))
    assert not problems, problems
    return tree


def statement_of(text: str):
    (item,) = tree_of(f"model m {{ {text} }}").items
    (statement,) = item.body.statements
    return statement


def problems_of(text: str) -> list[tuple[int, str]]:
    """Line and code of each problem."""
    source = Source("t.cnn", text)
    return [(source.position(p.place.start)[0], p.code) for p in parse(source)[1]]


# ----------------------------------------------------------------- the grammar


def test_tables_are_fresh():
    assert tables.main(["--check"]) == 0


def test_conflicts_are_refused():
    with pytest.raises(ValueError, match="Shift/Reduce"):
        tables.build('file: file "+" file | "x"\nexpression: "y"\n')
    with pytest.raises(ValueError, match="Reduce/Reduce"):
        tables.build('file: a | b\na: "x"\nb: "x"\nexpression: "y"\n')


def test_every_rule_has_a_method():
    named = {method for _, _, method, _ in RULES if method not in ("", "=")}
    methods = {name for name in vars(TreeBuilder) if not name.startswith("_")}
    assert methods == named


def test_every_terminal_has_a_human_name():
    kinds = {kind for row in TABLE for kind in row if kind.isupper()}
    assert kinds == set(HUMAN)
    assert in_words(kinds)


def test_every_rule_has_an_example():
    grammar = (GRAMMAR / "cnn.lark").read_text("utf-8")
    rules = re.findall(r"^\??([a-z]\w*):", grammar, re.MULTILINE)
    examples = EXAMPLE.findall((GRAMMAR / "README.md").read_text("utf-8"))
    assert sorted(name for name, _ in examples) == sorted(rules)


@pytest.mark.parametrize(
    ("rule", "example"), EXAMPLE.findall((GRAMMAR / "README.md").read_text("utf-8"))
)
def test_the_example_of(rule, example):
    assert any(rule in used for used in map(rules_used, placed(example)))


def placed(example: str):
    """An example as an expression, as a statement and as an item."""
    yield "expression", example
    yield "file", f"model m {{ {example} }}"
    yield "file", example


LENGTHS = [(symbol, length) for symbol, length, _, _ in RULES]
ALWAYS_UNIT = {s for s, _ in LENGTHS} - {symbol for symbol, length in LENGTHS if length != 1}


def rules_used(start_and_text) -> set[str]:
    """The rules by which a text is parsed; none if it has errors."""
    start, text = start_and_text
    source = Source("t.cnn", text)
    scanned = scan(source) if start == "file" else scan_expression(source, 0, len(text))
    parser = Parser(source, scanned, start)
    used = set()

    def recording(symbol, length, build, steps):
        def record(span, *children):
            used.add(symbol)
            return build(span, *children) if build else children[0]

        is_unit = build is None and length == 1 and symbol not in ALWAYS_UNIT
        return symbol, length, build if is_unit or build is list else record, steps

    parser.rules = [recording(*rule) for rule in parser.rules]
    result = parser.run()
    return set() if scanned.diagnostics or parser.diagnostics or result is None else used


# ----------------------------------------------------------------------- trees


@pytest.mark.parametrize("text", DESIGN)
def test_the_design_parses(text):
    tree = tree_of(text)
    printed = format_source(Source("t.cnn", text))
    assert tree_of(printed) == tree
    assert tree_of(print_file(tree)) == tree


@pytest.mark.parametrize(
    ("text", "grouped"),
    [
        ("4*n", "(4 * n)"),
        ("64 * 2**i", "(64 * (2 ** i))"),
        ("-2**2", "(-(2 ** 2))"),
        ("2**-1**2", "(2 ** (-(1 ** 2)))"),
        ("2**3**2", "(2 ** (3 ** 2))"),
        ("a - b - c", "((a - b) - c)"),
        ("a / b / c", "((a / b) / c)"),
        (
            "1x1/(stride if stride_on == first else 1)",
            "(1x1 / (stride if (stride_on == first) else 1))",
        ),
        ("drop * nth / total", "((drop * nth) / total)"),
        ("2 then 1", "(2 then 1)"),
        ("96→128", "(96 → 128)"),
        ("a or b→c", "((a or b) → c)"),
        ("a→b then c", "((a → b) then c)"),
        ("2 then 1 if a else b", "((2 then 1) if a else b)"),
        ("a if b else c if d else e", "(a if b else (c if d else e))"),
        ("k % 2 == 1", "((k % 2) == 1)"),
        ("not a == b and c", "((not (a == b)) and c)"),
        ("a in 0..4", "(a in (0 .. 4))"),
        ("reversed(0..4)", "reversed((0 .. 4))"),
        ("se(in.channels / 4)", "se(((in . channels) / 4))"),
        ("3x3/s", "(3x3 / s)"),
        ("k/stride", "(k / stride)"),
        ("k×k", "(k × k)"),
        ("k×k/2", "((k × k) / 2)"),
        ("k×(k/2)", "(k × (k / 2))"),
        ("H/4 × W/4 × 64", "((H / 4) × (W / 4) × 64)"),
        ("H×W×c", "(H × W × c)"),
        ("a + 1 × b", "((a + 1) × b)"),
        ("0..a × b", "(0 .. (a × b))"),
        ("depths[i + 1].x", "((depths [ (i + 1)) . x)"),
    ],
)
def test_precedence(text, grouped):
    value, problems = parse_expression(Source("t.cnn", text))
    assert not problems
    assert explicit(value) == grouped


def explicit(value) -> str:
    """An expression with all its parentheses."""
    kind = type(value).__name__
    v = {name: getattr(value, name) for name in value.fields if name != "span"}
    if kind == "Binary":
        return f"({explicit(v['left'])} {v['operator']} {explicit(v['right'])})"
    if kind == "Unary":
        gap = " " if v["operator"] == "not" else ""
        return f"({v['operator']}{gap}{explicit(v['operand'])})"
    if kind == "Dims" and all(isinstance(factor, Number) for factor in v["factors"]):
        return print_expression(value)
    if kind in ("Dims", "Arrow"):
        sign = " × " if kind == "Dims" else " → "
        return f"({sign.join(explicit(part) for part in next(iter(v.values())))})"
    if kind == "Conditional":
        condition, then, otherwise = map(explicit, v.values())
        return f"({then} if {condition} else {otherwise})"
    if kind == "CallExpr":
        return f"{v['callee'].id}({', '.join(explicit(a.value) for a in v['arguments'])})"
    if kind in ("Then", "Range", "Attribute", "Index"):
        sign = {"Then": "then", "Range": "..", "Attribute": ".", "Index": "["}[kind]
        left, right = v.values()
        return f"({explicit(left)} {sign} {right if isinstance(right, str) else explicit(right)})"
    return print_expression(value)


def test_statements():
    statement = statement_of("3a: conv 7x7/2, 64, pad=same : 112x112x64")
    assert isinstance(statement, Apply)
    assert [label.id for label in statement.labels] == ["3a"]
    assert [argument.name for argument in statement.arguments] == [None, None, "pad"]
    assert isinstance(statement.shape, Dims)
    assert statement.body is statement.times is None

    assert statement_of("3x3/2, 64") == statement_of("3x3/2, 64")
    assert statement_of("3x3/2, 64").callee is None
    assert statement_of("conv(3x3, 64)") == statement_of("conv 3x3, 64")
    assert statement_of("relu()") == statement_of("relu")
    assert statement_of("conv(3x3, 64,)") == statement_of("conv 3x3, 64")

    statement = statement_of("a, d{i}: cell(p) × 3 : 4")
    assert isinstance(statement.labels[1], Template)
    assert statement.times == Number(3, "3", statement.span)

    statement = statement_of("residual(when=true) { relu }")
    assert isinstance(statement, Apply)
    assert isinstance(statement.body, Body)
    assert isinstance(statement.arguments[0].value, Bool)

    statement = statement_of("add(a) { | relu; bn | identity } × n")
    assert isinstance(statement, Parallel)
    assert [len(branch.statements) for branch in statement.branches] == [2, 1]

    statement = statement_of("concat { for i in 0..4 { | relu | bn }; if a { | relu }\n| relu }")
    assert isinstance(statement, Parallel)
    each, when, chain = statement.branches
    assert isinstance(each, Each) and len(each.branches) == 2
    assert isinstance(when, When) and (len(when.then), when.otherwise) == (1, ())
    assert isinstance(chain, Body)
    chained = "add { if a { | relu } else if b { | bn } else { | relu } }"
    (when,) = statement_of(chained).branches
    assert isinstance(when.otherwise[0], When)

    statement = statement_of("from 4a, d{i} { relu }")
    assert isinstance(statement, From)
    assert len(statement.refs) == 2
    assert isinstance(statement_of("right: share left : 3"), Share)

    statement = statement_of("if a { relu } else if b { bn } else { }")
    assert isinstance(statement, If)
    assert isinstance(statement.otherwise.statements[0], If)
    assert isinstance(statement_of("for i in 0..4 { }"), For)


def test_inputs():
    assert statement_of("input p, h") == Input((), (name("p"), name("h")), None, AT)
    assert statement_of("input p").names
    assert isinstance(statement_of("input 3x3x1").shape, Dims)
    assert statement_of("left: input 3x3x1").labels == (name("left"),)
    assert problems_of("model m { input 3x3x1, 4 }") == [(1, "E0101")]


AT = Source("t.cnn", "") and tree_of("").span


def name(text: str) -> Name:
    return Name(text, AT)


def test_expectations():
    statement = statement_of('expect macs = 3.86G ±1% "the paper"')
    assert isinstance(statement, Expect)
    assert (statement.metric.id, statement.relation) == ("macs", "=")
    assert statement.tolerance.value == 0.01
    assert statement.note.value == "the paper"
    assert statement_of("expect shape(4a, d{i}) >= 14x14").subjects[0] == name("4a")
    assert statement_of("expect a ≥ 1").relation == ">="


def test_items():
    tree = tree_of(
        "cnn 1\nuse std (a, b); let k = 32\n"
        "block b(r3→n3, m in {p, q} = p, s = 1) { relu }\n"
        "model m { relu }\nmodel v = m in torch { expect a = 1 }; model w = m(1)\n"
        "dialect d = torch { conv, dwconv: bias=true; bn: eps=1e-5 }\n"
    )
    assert tree.edition == Number(1, "1", AT)
    _, _, block, _, variant, _, dialect = tree.items
    assert isinstance(block, Block)
    pattern, choice, plain = block.parameters
    assert [part.id for part in pattern.names] == ["r3", "n3"]
    assert [part.id for part in choice.choices] == ["p", "q"]
    assert choice.default == name("p")
    assert plain.choices is None
    assert isinstance(variant, Model)
    assert variant.base.arguments == ()
    assert variant.dialect == name("torch")
    assert [word.id for word in dialect.settings[0].words] == ["conv", "dwconv"]


def test_rules():
    factor, asym, fold, fuse, width, drop, _, v2, v3 = tree_of(REWRITES).items
    assert isinstance(factor, Rule)
    assert factor.note.value == "Szegedy et al. 2016, sec. 3.1"
    assert factor.kinds == ()
    assert [len(side.statements) for side in (factor.left, factor.right)] == [1, 2]
    assert factor.clauses == (Keeps((name("window"), name("shape")), AT),)
    assert asym.parameters[0].names == (name("k"),)
    assert [type(clause) for clause in asym.clauses] == [Condition, Keeps]
    assert asym.right.span.text == "conv 1×k/(1×s), n; conv k×1/(s×1), n"
    assert fold.kinds == (name("exact"), name("inference"), name("simplify"))
    assert [len(side.statements) for side in (fold.left, fold.right)] == [2, 1]
    assert fold.clauses == (Carrier(name("fold_bn"), AT),)
    assert [len(side.statements) for side in (fuse.left, fuse.right)] == [4, 3]
    assert width == Rule(
        name("width"), width.parameters, None, (), None, None, (Transform(name("width"), AT),), AT
    )
    assert (
        drop
        == tree_of("rule drop_dropout exact inference {\ndropout rate\n⇒\nidentity\n}").items[0]
    )

    everywhere, there = v2.rules
    assert everywhere == Application(CallExpr(name("factor_5x5"), (), AT), None, AT)
    assert there.rule.arguments[0].value == Number(7, "7", AT)
    assert there.place == Range(name("4a"), name("4e"), AT)
    assert there.span.text == "asym(7) at 4a..4e"
    assert v3.dialect == name("keras")
    assert [application.place for application in v3.rules] == [
        String("3a, 4a..4e", AT),
        name("conv2_x"),
        None,
    ]


def test_words_of_rules_are_names_elsewhere():
    words = ("when", "keeps", "weights", "transform", "with", "at")
    for word in words:
        tree_of(
            f"let {word} = 3\n"
            f"block {word}({word}, n=1) {{ {word}: {word}({word}); {word} {word} }}\n"
            f"rule r({word}) {{ {word}: conv {word} => add {{ | {word} {word} | from {word} }} }}\n"
            f"rule {word} {word} {{ relu => relu; weights {word}; keeps {word}; when {word} }}\n"
            f"model {word} = {word} in {word} with {word} at {word}, {word} {{ }}\n"
        )


def test_spans():
    text = "model m {\n  3a: conv (k + 1)x k, d{i + 1} : 4\n}\n".replace(")x k", ") × k")
    (model,) = tree_of(text).items
    (statement,) = model.body.statements
    assert model.span.text == text.strip()
    assert statement.span.text == "3a: conv (k + 1) × k, d{i + 1} : 4"
    assert statement.labels[0].span.text == "3a"
    assert statement.callee.span.text == "conv"
    size, template = (argument.value for argument in statement.arguments)
    assert size.span.text == "(k + 1) × k"
    assert template.span.text == "d{i + 1}"
    assert isinstance(template.parts[1], Binary)
    assert template.parts[1].span.text == "i + 1"
    assert isinstance(statement.arguments[0], Argument)


# -------------------------------------------------------------------- recovery

DAMAGE = {
    "a comma too many": lambda line: line.replace(", ", ",, ", 1),
    "an operator at the end": lambda line: line + " +" if re.search(r", .*\w$", line) else line,
    "no closing parenthesis": lambda line: line[:-1] if re.search(r"\w\(.*\)$", line) else line,
    "a sign at the start": lambda line: re.sub(r"^(\s*)", r"\1= ", line),
    "an unknown character": lambda line: line + " $",
    "an open string": lambda line: re.sub(r", [^,()]*$", ', "abc', line),
    "a missing comma": lambda line: re.sub(r"(\d), (\d)", r"\1 \2", line, count=1),
    "a parenthesis too many": lambda line: line + ")",
    "an assignment": lambda line: re.sub(r"\S.*", "y = Conv2d(3, 64)", line),
    "a bad number": lambda line: re.sub(r"(?<![\w.])(\d\d)\b", r"0\1", line, count=1),
    "an open list": lambda line: re.sub(r", [^,()]*$", ", [1, 2", line),
    "two statements": lambda line: line + " relu relu",
}


def damaged(rng: random.Random) -> tuple[str, list[int]]:
    """A text with five damaged lines, and their numbers."""
    lines = "".join(DESIGN).splitlines()
    simple = re.compile(r"  +(?!\||source|default|use|if|expect)[\w].*[^{⇒]$")
    candidates = [
        number
        for number, line in enumerate(lines)
        if simple.match(line) and not re.search(r"[#{:]", line)
    ]
    hit: dict[int, str] = {}
    while len(hit) < 5:
        number = rng.choice(candidates)
        line = DAMAGE[rng.choice(list(DAMAGE))](lines[number])
        if line != lines[number] and not any(abs(number - other) < 2 for other in hit):
            hit[number] = line
    for number, line in hit.items():
        lines[number] = line
    return "\n".join(lines), sorted(number + 1 for number in hit)


@pytest.mark.parametrize("seed", range(60))
def test_five_errors_are_five_errors(seed):
    text, lines = damaged(random.Random(seed))
    assert [line for line, _ in problems_of(text)] == lines, text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("model m {\n  stage a {\n    relu\n  stage b {\n    bn\n  }\n}\n", [(2, "E0102")]),
        ("block a(n) {\n  relu\n\nblock b { bn }\n", [(1, "E0102")]),
        ("block a(n)\n  relu\n}\nblock b { = }\n", [(1, "E0102"), (4, "E0101")]),
        ("model m {\n  relu\n  }\n  bn = 3\n}\n", [(3, "E0102"), (4, "E0109")]),
        ("block a(n = ) {\n  fc ,\n}\n", [(1, "E0101"), (2, "E0101")]),
        (
            "model m {\n  if a = 1 {\n    fc ,\n  } else {\n    bn\n  }\n}\n",
            [(2, "E0101"), (3, "E0101")],
        ),
        ("model m {\n  concat(a=) {\n    | fc ,\n    | bn\n  }\n}\n", [(2, "E0101"), (3, "E0101")]),
        ("dialect d = {\n  conv: bias=true\n}\n", [(1, "E0101")]),
        ("model m {\n  conv(3x3, 64\n  relu\n  3a: f(1,\n  bn\n}\n", [(2, "E0102"), (4, "E0102")]),
        ("rule a { conv ⇒ $ ?b }\nmodel m { = }\n", [(1, "E0103"), (1, "E0103"), (2, "E0101")]),
        (
            "rule a {\n  conv ,\n  bn, = 3\n  => fc 1 2\n  when k >\n  keeps 3\n}\nmodel m { = }\n",
            [(2, "E0101"), (3, "E0101"), (4, "E0108"), (5, "E0101"), (6, "E0101"), (8, "E0101")],
        ),
        (
            "rule a(k=) {\n  relu => fc ,\n}\nrule b { }\n",
            [(1, "E0101"), (2, "E0101"), (4, "E0101")],
        ),
        (
            "rule a {\n  f(1, => g(2\n  when k\n}\nrule b { relu }\n",
            [(2, "E0102"), (2, "E0102"), (5, "E0101")],
        ),
        ("rule a {\n  relu => bn\nrule b { = }\n", [(1, "E0102"), (3, "E0101")]),
        ("model a = b with c,\n  d at\nmodel e { = }\n", [(2, "E0101"), (3, "E0101")]),
        ("train { sgd }\n", [(1, "E0106")]),
        ("import torch\nclass A(nn.Module):\n  def f(self):\n    x = 3\n", [(1, "E0109")]),
        ('name: "net"\nlayer {\n  name: "conv1"\n}\nlayer {\n}\n', [(1, "E0109")]),
        ("model m {\n  x = Conv2d(3)\n  y = relu(x)\n}\n", [(2, "E0109"), (3, "E0109")]),
        ("relu\nbn\nmodel m { = }\n", [(1, "E0101"), (3, "E0101")]),
    ],
)
def test_recovery(text, expected):
    assert problems_of(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "block from { relu }",
        "block if(n) { relu }",
        "block b(share) { relu }",
        "rule rule { relu => bn }",
        "rule a(if) { relu => bn }",
        "model m { stage rule { relu } }",
        "model m(source=1) { relu }",
        "dialect train { conv: ceil }",
        "let stage = 3",
        "let f(input) = 3",
        "let f(a, then) = 3",
        "model m { input from, x }",
        "model m { stage block { relu } }",
        "model m { for let in 0..3 { relu } }",
        "model m { output: relu }",
        "model m { let not = 3 }",
    ],
)
def test_reserved_words_are_no_names(text):
    assert problems_of(text) == [(1, "E0106")]


def test_what_is_sound_is_kept():
    tree, problems = parse(Source("t.cnn", "model a { relu; = ; bn }\n$\nmodel b { lrn }\n"))
    assert len(problems) == 2
    assert [item.name.id for item in tree.items] == ["a", "b"]
    assert [s.callee.id for s in tree.items[0].body.statements] == ["relu", "bn"]


# ---------------------------------------------------------------- any input


SIGNS = "{}()[]|;:,.=→×x+-*/%<>!#\"'\n \t0123456789abHWin&$§\u202e\x00\r€“–"


def mutated(rng: random.Random, text: str) -> str:
    kind = rng.randrange(6)
    if kind == 0:
        return "".join(rng.choice(SIGNS) for _ in range(rng.randrange(200)))
    if kind == 1:
        return bytes(rng.randrange(256) for _ in range(rng.randrange(300))).decode("latin1")
    for _ in range(rng.randint(1, 6)):
        tokens = scan(Source("t.cnn", text)).tokens
        (_, _, start, end), (_, other, _, _) = rng.choice(tokens), rng.choice(tokens)
        if kind == 2:  # a character more or less
            start = rng.randrange(len(text) + 1)
            end = start + rng.randrange(2)
            other = rng.choice(SIGNS)
        elif kind == 3:  # a token less
            other = ""
        elif kind == 4:  # a token more
            start = end
        text = text[:start] + other + text[end:]
    return text


@pytest.mark.parametrize("seed", range(250))
def test_any_text_gives_a_tree_or_problems(seed):
    rng = random.Random(seed)
    text = mutated(rng, rng.choice(DESIGN))
    source = Source("t.cnn", text)
    tree, problems = parse(source)
    for problem in problems:
        assert problem.message
        for label in problem.labels:
            assert 0 <= label.span.start <= label.span.end <= len(text)
    if not problems:
        format_source(source)
    print_file(tree)


@pytest.mark.parametrize(
    "text",
    [
        "model m { fc " + "(" * 5000,
        "model m { fc " + "-" * 5000 + "1 }",
        "model m { fc " + "not " * 5000 + "1 }",
        "model m { fc 1" + "+1" * 5000 + " }",
        "model m { fc a" + ".b" * 5000 + " }",
        "model m { fc a" + "[0]" * 5000 + " }",
        "model m { fc 2" + "**2" * 5000 + " }",
        "model m { fc " + "a if b else " * 5000 + "1 }",
        "model m " + "{" * 5000,
        "model m { if a { }" + " else if a { }" * 5000 + " }",
        "}" * 5000,
        "model m { concat {" + "|" * 5000,
        "$\n" * 5000,
    ],
)
def test_depth_is_limited(text):
    tree, problems = parse(Source("t.cnn", text))
    assert problems
    assert tree == replace(tree)
    assert hash(tree) == hash(replace(tree))
    repr(tree)
    print_file(tree)


def test_time_grows_with_the_length():
    rows = "  conv 3x3/2, 64, bn, relu\n  3a: inception(64, 96→128, pool→32) : 28x28x256\n"

    def seconds(count: int) -> float:
        text = "model m {\n" + rows * count + "}\n"
        start = time.process_time()
        assert not parse(Source("t.cnn", text))[1]
        return time.process_time() - start

    seconds(100)
    assert seconds(4000) <= 8 * seconds(1000)


def test_the_garbage_collector_is_as_before():
    assert gc.isenabled()
    parse(Source("t.cnn", "$"))
    assert gc.isenabled()
    gc.disable()
    try:
        parse(Source("t.cnn", "$"))
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_start_up_is_light():
    program = (
        "import sys; import cnndsl.parser, cnndsl.printer, cnndsl.unexpected;"
        "heavy = {'lark', 'dataclasses', 'typing', 'inspect', 'pathlib', 'hypothesis'};"
        "print(*sorted(heavy & set(sys.modules)))"
    )
    command = [sys.executable, "-S", "-c", program]
    root = str(GRAMMAR.parent)
    result = subprocess.run(command, capture_output=True, text=True, cwd=root, check=True)
    assert result.stdout.split() == []
