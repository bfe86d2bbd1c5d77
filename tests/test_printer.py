"""The printer and the formatter: what is printed says what the tree says."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cnndsl.diagnostics import CnnError
from cnndsl.lexer import scan
from cnndsl.parser import parse, parse_expression
from cnndsl.printer import Row, format_source, print_expression, print_file
from cnndsl.source import Source
from cnndsl.syntax import File
from tests.support.trees import Maker


def tree_of(text: str) -> File:
    tree, problems = parse(Source("test.cnn", text))
    assert not problems, problems
    return tree


def formatted(text: str) -> str:
    return format_source(Source("test.cnn", text))


# ---------------------------------------------------------------- random trees

randoms = st.randoms(use_true_random=False)
values = randoms.map(lambda random: Maker(random).value(4))
files = randoms.map(lambda random: Maker(random).file())


moderate = settings(
    max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)


@moderate
@given(values)
def test_expressions_read_back(value):
    text = print_expression(value)
    again, problems = parse_expression(Source("made", text))
    assert not problems, (text, problems)
    assert again == value, text


@moderate
@given(files)
def test_files_read_back(file):
    text = print_file(file)
    again, problems = parse(Source("made", text))
    assert not problems, (text, problems)
    assert again == file, text
    assert print_file(again) == text or formatted(text)


@moderate
@given(files, randoms)
def test_formatting_keeps_comments(file, random):
    text = with_comments(print_file(file), random)
    tree, problems = parse(Source("made", text))
    if problems:  # a line break where a statement may not have one
        return
    result = formatted(text)
    assert comments(result) == comments(text)
    assert parse(Source("made", result))[0] == tree


def with_comments(text: str, random: random.Random) -> str:
    """Comments and blank lines at random line ends, and within brackets."""
    lines = []
    for number, line in enumerate(text.splitlines()):
        if random.random() < 0.2:
            lines.append(f"  # own line {number}")
        if random.random() < 0.1:
            lines.append("")
        if random.random() < 0.2 and '"' not in line:
            line = re.sub(r"([(\[,{|;])(?![^(\[]*=\d)", rf"\1  # within {number}\n", line, count=1)
        lines.append(f"{line} # end {number}" if random.random() < 0.2 else line)
    return "\n".join(lines)


def comments(text: str) -> list[str]:
    return [comment[1] for comment in scan(Source("made", text)).comments]


# ------------------------------------------------------------------- the layout


def test_a_spec_reads_like_a_table():
    assert formatted(
        """
model   googlenet( classes = 1000 )   {
    input 224 x 224 x 3
    conv1: conv(7x7/2,64) : 112x112x64
    maxpool 3x3/2:56x56x64     # halves
    lrn; dropout 40%           # twice

    3a : 1
}
""".replace("3a : 1", "3a: inception(64, 96 -> 128, pool->32) x depths [0] : 28x28x256")
    ) == (
        """\
model googlenet(classes=1000) {
  input 224x224x3
  conv1: conv(7x7/2, 64) : 112x112x64
  maxpool 3x3/2          : 56x56x64  # halves
  lrn
  dropout 40%                        # twice

  3a: inception(64, 96→128, pool→32) × depths[0] : 28x28x256
}
"""
    )


TABLE = """\
model m {
  input 28x28x192
  pool1:        maxpool 3x3/2  # labels that follow each other
  # are not interrupted by a comment
  conv2_reduce: conv 1x1, 64   # sentences have no columns
  conv2:        conv 3x3/2, 192
  lrn
  a_label_of_17_car: conv 1x1, 8
  3a: inception(64,  96→128,  16→32, pool→32) : 28x28x256
  3b: inception(128, 128→192, 32→96, pool→64, wide) × 2
  relu                         # is no row of the table
  3c: inception(32,  64→128,  8→16,  pool→32) : 28x28
  relu
  pool: maxpool 3x3/2          # is another table's label
  3d:   inception(1, 2→3, 4→5, pool→6)
  unit(64,  stride=1, pad=0)                  : 14x14
  unit(8*n, stride=2)                         : 7x7
  unit(8, pad=0)               # another name
  unit(f(an_argument, too_long), stride=2)

  unit(8, stride=2)  # another table
}
"""


def test_labels_and_arguments_have_columns():
    assert formatted(TABLE) == TABLE
    assert formatted(re.sub(r"(?<=\S) +(?=\S)", " ", TABLE)) == TABLE


def test_columns_make_no_line_too_long():
    call = f"  a: unit({'n, ' * 27}n)"
    text = f"model m {{\n{call}\n  unit_1: unit(1, 2)\n}}\n"
    assert len(call) == 93
    assert formatted(text) == text.replace("a: ", "a:      ")
    text = f"model m {{\n{call}\n  a_longer_label: unit(1, 2)\n}}\n"
    assert formatted(text) == text


def test_lines_that_the_author_chose():
    text = """\
block shortcut_b(n, stride) { if stride != 1 { conv 1x1/stride, n, bn } else { identity } }
block inception(n1, r3→n3, pool→np) {
  concat {
    | conv 1x1, n1
    | conv 1x1, r3; conv 3x3, n3
    | maxpool 3x3/1
      conv 1x1, np
  }
  concat { | identity | conv 1x1, n1 } × 3
  if a {
    relu
  } else if b {
    bn
  } else {
    lrn
  }
}
model resnet18 = resnet([2, 2, 2, 2], basic) in torch { expect params = 11_689_512 }
dialect mine = torch { conv: bias=true; bn: eps=1e-3 }
"""
    assert formatted(text) == text


def test_rules_read_as_equations():
    text = """\
rule factor_5x5 "Szegedy et al. 2016, sec. 3.1" {
  conv 5x5/s, n => conv 3x3, n; conv 3x3/s, n  # on one line
  keeps window, shape
}
# a rule of its own
rule fold_bn "Ioffe and Szegedy 2015" exact inference {  # for inference
  # what the network has
  conv(k, n, pad=p, groups=g, bias=b); bn
  =>                                      # becomes
  conv(k, n, pad=p, groups=g, bias=true)  # one layer

  when k > 1  # why
  weights fold_bn
  # no more
}
rule fuse exact {
  input x
  from x { a: conv k, m }
  output a
  =>
  a: conv k, m
  output a
}
rule drop_dropout exact inference { dropout rate => identity }
rule width(factor) { transform width }
model v2 = googlenet with factor_5x5, asym(7) at 4a..4e { expect params = 6M }
model v3 = googlenet(classes=10) in keras with asym(7) at "3a, 4a..4e", drop_dropout, fold_bn,
    factor_5x5 at d{2}
"""
    assert formatted(text) == text
    assert formatted("rule a{relu\n=>  bn;when k>1 ; keeps  a,b}") == (
        "rule a {\n  relu\n  =>\n  bn\n  when k > 1\n  keeps a, b\n}\n"
    )
    assert formatted("rule a { relu   ⇒   bn}") == "rule a { relu => bn }\n"
    long = f"rule a {{ conv 3x3, {'n' * 50} => conv 3x3, {'m' * 40} }}"
    assert formatted(long) == (
        f"rule a {{\n  conv 3x3, {'n' * 50}\n  =>\n  conv 3x3, {'m' * 40}\n}}\n"
    )


def test_comments_stay_where_they_are():
    text = """\
# the file
cnn 1  # the edition

use std  # the library
# before
block b(
  # the width
  n,
  stride=1  # of the first layer
) {  # the body
  relu  # trailing

  # dangling
}
model m {
  concat {  # branches
    # first
    | conv 1x1, n  # one
    # second
    | identity
    # none left
  }  # done
  if a { relu }  # else nothing
  f(
    1,
    # two
    2
  )
  # the end
}
# of the file
"""
    assert formatted(text) == text


def test_long_calls_are_wrapped():
    arguments = ", ".join(f"argument_{number}={number}" for number in range(12))
    text = formatted(f"model m {{ cell({arguments}) × 3 : 7x7x64; relu }}")
    assert max(map(len, text.splitlines())) <= 100
    assert text.splitlines()[-3:] == ["  ) × 3 : 7x7x64", "  relu", "}"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3x3/2", "3x3/2"),
        ("H x W x 3", "H×W×3"),
        ("k x k", "k×k"),
        ("k×k / s", "k×k/s"),
        ("k×(k/2)", "k × (k/2)"),
        ("H/4 x W/4 x 64", "H/4 × W/4 × 64"),
        ("resolution×resolution×3", "resolution × resolution × 3"),
        ("4 * n + 1", "4*n + 1"),
        ("64*2 ** i", "64 * 2**i"),
        ("in.channels/4", "in.channels / 4"),
        ("1x1/(a if b else c)", "1x1/(a if b else c)"),
        ("(a)", "a"),
        ("a-(b-c)", "a - (b - c)"),
        ("96 -> 128", "96→128"),
        ("f( a = 1 , 2 )", "f(a=1, 2)"),
    ],
)
def test_spelling_of_expressions(text, expected):
    value, problems = parse_expression(Source("t.cnn", text))
    assert not problems
    assert print_expression(value) == expected


def test_errors_are_not_formatted():
    with pytest.raises(CnnError) as caught:
        formatted("model m { = }")
    assert [problem.code for problem in caught.value.diagnostics] == ["E0101"]


def test_an_empty_file_stays_empty():
    assert formatted("\n\n") == ""
    assert formatted("# only this") == "# only this\n"


FAULTS = {
    "another number": ("pieces.print_expression", lambda expression: "7"),
    "no labels": ("pieces.labels_text", lambda node: ""),
    "a lost comment": ("layout.Printer.row", lambda printer, node, indent: Row(["relu"])),
    "comments in another order": (
        "comments.Formatter._comment_rows",
        lambda formatter, stop: [Row([c[1]]) for c in formatter.comments] if stop > 60 else [],
    ),
    "no text": ("layout.aligned", lambda rows, indent=0: [""]),
    "no brace": ("comments.Formatter.opening", lambda formatter, start: ""),
    "a line more each time": (
        "comments.Formatter.print",
        lambda formatter, file: formatter.text.rstrip("\n") + "\n" + "\n" * len(formatter.text),
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_the_formatter_finds_its_own_faults(name, monkeypatch):
    text = "model m {\n  input 3\n  # one\n  a: fc 2*8 : 16  # two\n  # three\n}\n"
    assert formatted(text) == text
    place, fault = FAULTS[name]
    monkeypatch.setattr(f"cnndsl.printer.{place}", fault)
    with pytest.raises(CnnError) as caught:
        formatted(text)
    assert [problem.code for problem in caught.value.diagnostics] == ["I9001"]
