"""The syntax tree on one page: what was written, before it means anything.

Every node has a `span`, which does not count for equality, so two trees are
equal when their texts say the same.
"""

from __future__ import annotations

from .record import Record
from .source import Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

# ----------------------------------------------------------------- expressions


class Number(Record):
    """`64`, `1e-5`, `40%`, `4.09G`. `text` is the spelling, which knows its precision."""

    value: int | float
    text: str
    span: Span


class String(Record):
    value: str
    span: Span


class Bool(Record):
    """`true`, `false`"""

    value: bool
    span: Span


class Name(Record):
    """A bare word: a variable, an operator, a block, a flag."""

    id: str
    span: Span


class Template(Record):
    """A family of labels: `d{i}`. `parts` alternates text and expressions."""

    parts: tuple[str | Expr, ...]
    span: Span


class Dims(Record):
    """`3x3`, `224x224x3`, `H×W×3`, `k×k`: two or more factors."""

    factors: tuple[Expr, ...]
    span: Span


class Attribute(Record):
    """`in.channels`"""

    value: Expr
    name: str
    span: Span


class Index(Record):
    """`depths[0]`"""

    value: Expr
    index: Expr
    span: Span


class List(Record):
    """`[3, 4, 6, 3]`"""

    items: tuple[Expr, ...]
    span: Span


class Argument(Record):
    """`64` (name is None) or `stride=2`."""

    name: str | None
    value: Expr
    span: Span


class CallExpr(Record):
    """`bn(scale=false)`, `round_to(c, 8)` inside an expression."""

    callee: Name
    arguments: tuple[Argument, ...]
    span: Span


class Unary(Record):
    """`-x`, `not x`"""

    operator: str
    operand: Expr
    span: Span


class Binary(Record):
    """`+ - * / % **`, `== != < <= > >=`, `and or`, and `in`. ASCII spellings."""

    operator: str
    left: Expr
    right: Expr
    span: Span


class Conditional(Record):
    """`a if condition else b`"""

    condition: Expr
    then: Expr
    otherwise: Expr
    span: Span


class Arrow(Record):
    """`96→128`, `pool→32`: values that a parameter pattern takes apart."""

    parts: tuple[Expr, ...]
    span: Span


class Then(Record):
    """`2 then 1`: `first` for the first copy of a repeat, `rest` for the others."""

    first: Expr
    rest: Expr
    span: Span


class Range(Record):
    """`0..4`: 0, 1, 2, 3"""

    start: Expr
    stop: Expr
    span: Span


Expr = (
    Number
    | String
    | Bool
    | Name
    | Template
    | Dims
    | Attribute
    | Index
    | List
    | CallExpr
    | Unary
    | Binary
    | Conditional
    | Arrow
    | Then
    | Range
)

Ref = Name | Template  # a label; `3a` is a Name too

# ------------------------------------------------------------------ statements


class Body(Record):
    """`{ ... }`, or the statements of one branch."""

    statements: tuple[Statement, ...]
    span: Span


class Apply(Record):
    """`3a: inception(64, 96→128) × 2 : 28x28x256`, the statement of a table's row.

    `callee` is None for a statement that begins with a window. `body` is there
    for words that take one: `residual { ... }`. `labels` are the names of its
    value, or of its values when there are several.
    """

    labels: tuple[Ref, ...]
    callee: Name | None
    arguments: tuple[Argument, ...]
    body: Body | None
    times: Expr | None
    shape: Expr | None
    span: Span


class Each(Record):
    """`for i in 0..4 { | a | b }` among branches: those of all rounds, side by side."""

    name: Name
    values: Expr
    branches: tuple[Branch, ...]
    span: Span


class When(Record):
    """`if stride == 1 { | a } else { | b }` among branches."""

    condition: Expr
    then: tuple[Branch, ...]
    otherwise: tuple[Branch, ...]
    span: Span

    @property
    def branches(self) -> tuple[Branch, ...]:
        return self.then + self.otherwise


Branch = Body | Each | When


class Parallel(Record):
    """`concat { | a | b }`, likewise `add`, `sub` and `mul`."""

    labels: tuple[Ref, ...]
    merge: Name
    arguments: tuple[Argument, ...]
    branches: tuple[Branch, ...]
    times: Expr | None
    shape: Expr | None
    span: Span


class Group(Record):
    """`{ ... } × 3`"""

    labels: tuple[Ref, ...]
    body: Body
    times: Expr | None
    shape: Expr | None
    span: Span


class Stage(Record):
    """`stage conv2_x { ... }`: a named part of the network."""

    name: Ref
    body: Body
    shape: Expr | None
    span: Span


class From(Record):
    """`from 4a` moves the flow; `from 4a { ... }` is a side chain that leaves it."""

    refs: tuple[Ref, ...]
    body: Body | None
    span: Span


class Share(Record):
    """`right: share left`: the layer or block of `left` again, with its weights."""

    labels: tuple[Ref, ...]
    ref: Ref
    shape: Expr | None
    span: Span


class If(Record):
    condition: Expr
    then: Body
    otherwise: Body | None
    span: Span


class For(Record):
    """`for i in 0..4 { ... }`"""

    name: Name
    values: Expr
    body: Body
    span: Span


class Input(Record):
    """`input 224x224x3` in a model (`shape`), `input p, h` in a block (`names`)."""

    labels: tuple[Ref, ...]
    names: tuple[Name, ...]
    shape: Expr | None
    span: Span


class Output(Record):
    """`output logits`, `output aux1, training, weight = 0.3`"""

    arguments: tuple[Argument, ...]
    span: Span


class Default(Record):
    """`default conv: bn, relu`, `default maxpool, avgpool: ceil`; a setting of a dialect."""

    words: tuple[Name, ...]
    arguments: tuple[Argument, ...]
    span: Span


class Expect(Record):
    """`expect macs = 3.86G ±1% "the paper's 3.8e9"`, `expect shape(4a) = 14x14x512`"""

    metric: Name
    subjects: tuple[Ref, ...]
    relation: str
    value: Expr
    tolerance: Number | None
    note: String | None
    span: Span


class SourceNote(Record):
    """`source "He et al., 2015, Table 1"`"""

    text: String
    span: Span


class Let(Record):
    """`let k = 32`, `let w(c) = round_to(c * width, 8)`; also an item of a file."""

    name: Name
    parameters: tuple[Name, ...] | None
    value: Expr
    span: Span


Statement = (
    Apply
    | Parallel
    | Group
    | Stage
    | From
    | Share
    | If
    | For
    | Input
    | Output
    | Default
    | Expect
    | SourceNote
    | Let
)

# ----------------------------------------------------------------------- items


class Parameter(Record):
    """`n`, `stride = 1`, `mode in {a, b} = a`, `r3→n3`. `names` are a pattern's parts."""

    names: tuple[Name, ...]
    choices: tuple[Name, ...] | None
    default: Expr | None
    span: Span


class Use(Record):
    """`use std`, `use std (inception)`, `use "./blocks.cnn" (my_block)`. No names: all."""

    module: Name | String
    names: tuple[Name, ...] | None
    span: Span


class Block(Record):
    name: Name
    parameters: tuple[Parameter, ...]
    body: Body
    span: Span


class Application(Record):
    """`asym(7) at 4a..4e` behind the `with` of a variant. `place` is None for everywhere."""

    rule: CallExpr
    place: Expr | None
    span: Span


class Model(Record):
    """`model m(...) { ... }`, or a variant.

    `model m = base(...) in keras with factor_5x5, asym(7) at 4a..4e { expect ... }`
    """

    name: Name
    parameters: tuple[Parameter, ...]
    base: CallExpr | None
    dialect: Name | None
    rules: tuple[Application, ...]
    body: Body | None
    span: Span


class Dialect(Record):
    """`dialect mine = torch { conv: bias=true; bn: eps=1e-3 }`"""

    name: Name
    base: Name | None
    settings: tuple[Default, ...]
    span: Span


class Condition(Record):
    """`when k > 1 and divides(n, 4)` of a rule."""

    value: Expr
    span: Span


class Keeps(Record):
    """`keeps window, shape` of a rule."""

    claims: tuple[Name, ...]
    span: Span


class Carrier(Record):
    """`weights fold_bn` of a rule: the function that moves its weights."""

    name: Name
    span: Span


class Transform(Record):
    """`transform width` of a rule that is no equation: the function that rewrites."""

    name: Name
    span: Span


Clause = Condition | Keeps | Carrier | Transform


class Rule(Record):
    """`rule asym(k) "source" exact { conv k×k, n => conv 1×k, n; conv k×1, n; when k > 1 }`

    Arguments:
        note: where it was published.
        kinds: `exact`, `inference`, `simplify`, ...
        left, right: the statements that are replaced, and those in their place; None
            for a rule with a `transform`.
        clauses: what follows them.
    """

    name: Name
    parameters: tuple[Parameter, ...]
    note: String | None
    kinds: tuple[Name, ...]
    left: Body | None
    right: Body | None
    clauses: tuple[Clause, ...]
    span: Span


Item = Use | Let | Block | Model | Dialect | Rule


class File(Record):
    """A whole `.cnn` text."""

    edition: Number | None
    items: tuple[Item, ...]
    span: Span


def parts(node: Any) -> list[Any]:
    """The nodes directly in a node, in the order of its fields."""
    values = [node.__dict__[field] for field in node.fields] if node is not None else []
    flat = [part for value in values for part in (value if type(value) is tuple else (value,))]
    return [part for part in flat if isinstance(part, Record) and not isinstance(part, Span)]


def walk(node: Any) -> Iterator[Any]:
    """A node and all nodes in it, each before its parts."""
    stack = [node]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(parts(node)))
