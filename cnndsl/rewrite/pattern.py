"""The left side of a rule as a graph with holes.

A left side is written like the body of a block. A name that means nothing yet
is a hole: it stands for whatever is there, and means that from then on.

    conv k/s, n           k, s and n are holes: size, stride and channels
    conv(3x3, n, pad=p)   p too; without it any padding will do
    f; maxpool k          f stands for any operator with one input
    concat { | a: relu | identity }

Arguments that are not mentioned have their default value, save those of `FREE`.
"""

from __future__ import annotations

from ..arguments import flag
from ..bind import REPEAT_HELP, name_span, variables_of
from ..diagnostics import fail, suggest
from ..elaborate.merges import merge_word
from ..evaluate.expressions import lookup
from ..evaluate.functions import FUNCTIONS
from ..evaluate.scope import Scope
from ..evaluate.values import BlockRef, OpRef
from ..op import OPS
from ..record import Record, replace
from ..render import counted
from ..source import Span
from ..syntax import (
    Apply,
    Argument,
    Arrow,
    Attribute,
    Binary,
    Body,
    CallExpr,
    Conditional,
    Dims,
    Each,
    Expr,
    For,
    From,
    Group,
    If,
    Index,
    Input,
    Let,
    List,
    Name,
    Output,
    Parallel,
    Statement,
    Template,
    Unary,
    When,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import NoReturn

    from ..namespace import Namespace

FREE = frozenset(("pad", "bias", "eps", "momentum", "scale", "shift", "rate"))
"""Arguments that may be anything when a left side does not mention them."""
LAYERS = ("conv", "dwconv", "deconv", "local", "fc")
"""Operators that are layers of their own in a table; norms and activations belong to them."""
BELONGING = ("norm", "activation")
"""Families of what belongs to the layer before it."""
MERGES = ("concat", "add", "sub", "mul")
COMMUTES = ("add", "mul")
INSTEAD = {
    "a loop": "write its rounds one after the other; the right side may have loops",
    "a repeat": "write its copies one after the other; the right side may have repeats",
    "a choice": "write a rule for each case, or a condition in `when`",
    "a size": "ask for it in `when`: `out.height == 28`",
    "a `let`": "write its value; names of the left side are holes",
    "`residual`": "write it as `add { | ... | identity }`",
    "an input with a size": "name it, `input x`, and ask for its size in `when`",
    "this": "a left side has operators, blocks, branches, `from`, `input` and `output`",
}
"""What cannot stand on a left side, and what can."""
POST_HELP = "an operator with arguments stands alone: `conv k, n; bn eps=e`"
ASSOCIATIVE = ("add",)
"""Merges of which a left side may mean a part; the other operands stay beside the right side."""


class PatternNode(Record):
    """One operator or call of a left side.

    Arguments:
        word: the operator's word, or the name of a block.
        is_block: whether it is a call of a block.
        hole: the name that stands for the whole operator, if any will do.
        said: arguments and what is said of them, in the order of the text.
        inputs, outputs: its values; numbers of this pattern.
        carries: norms and activations behind it belong to it.
        label: the user's label.
    """

    word: str
    is_block: bool
    hole: str | None
    said: tuple[tuple[str, Expr], ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    carries: bool
    label: str | None
    span: Span


class Pattern(Record):
    """A graph with holes.

    Arguments:
        inputs: names of the values that flow in, and their numbers.
        outputs: names of those that flow out, and their numbers.
        labels: values that conditions and the right side may ask for.
        holes: the names that it fills.
    """

    nodes: tuple[PatternNode, ...]
    inputs: tuple[tuple[str, int], ...]
    outputs: tuple[tuple[str, int], ...]
    labels: tuple[tuple[str, int], ...]
    holes: tuple[str, ...]
    span: Span


def read_pattern(body: Body, namespace: Namespace, given: Iterable[str], layered: bool) -> Pattern:
    """The graph of a left side. Raises CnnError.

    Arguments:
        given: the rule's parameters: known when they have a value, holes otherwise.
    """
    return _Reader(namespace, set(given), layered).read(body)


class _Reader:
    def __init__(self, namespace: Namespace, given: set[str], layered: bool) -> None:
        self.scope = Scope(namespace)
        self.layered = layered
        self.given = given
        self.holes: dict[str, None] = {}
        self.nodes: list[PatternNode] = []
        self.labels: dict[str, int] = {}
        self.inputs: dict[str, int] = {}
        self.outputs: list[tuple[str, int]] = []
        self.values = 0

    def read(self, body: Body) -> Pattern:
        flow: tuple[int, ...] = ()
        if not any(isinstance(s, Input) for s in body.statements):
            self.inputs["x"] = self.value()
            flow = (self.inputs["x"],)
        flow = self.body(body, flow)
        if not self.nodes:
            fail("E1001", "the left side of a rule has no operator", body.span,
                 help=["`identity` alone is found everywhere"])  # fmt: skip
        if not self.outputs:
            many = len(flow) > 1
            self.outputs = [
                (f"output_{i + 1}" if many else "output", v) for i, v in enumerate(flow)
            ]
        self.check_reached(body.span)
        return Pattern(
            tuple(map(self.settled, self.nodes)),
            tuple(self.inputs.items()),
            tuple(self.outputs),
            tuple(self.labels.items()),
            tuple(self.holes),
            body.span,
        )

    def check_reached(self, span: Span) -> None:
        """Every operator must be found from the first one, through values that they have."""
        reached = {*self.nodes[0].inputs, *self.nodes[0].outputs}
        rest = list(self.nodes[1:])
        while found := [n for n in rest if reached & {*n.inputs, *n.outputs}]:
            for node in found:
                reached.update(node.inputs + node.outputs)
                rest.remove(node)
        if rest:
            fail("E1001", "this side falls apart: its parts share no value", rest[0].span,
                 "nothing before reads or gives what this does",
                 help=["let both read one `input`, or write what joins them"])  # fmt: skip

    def settled(self, node: PatternNode) -> PatternNode:
        """A layer whose norm or activation is spelled out carries none besides."""
        spelled = any(
            node.outputs[0] in other.inputs and (other.hole or _belongs(other.word))
            for other in self.nodes
        )
        return replace(node, carries=False) if node.carries and spelled else node

    def value(self) -> int:
        self.values += 1
        return self.values

    # -------------------------------------------------------------- statements

    def body(self, body: Body, flow: tuple[int, ...]) -> tuple[int, ...]:
        for statement in body.statements:
            flow = self.statement(statement, flow)
        return flow

    def statement(self, statement: Statement, flow: tuple[int, ...]) -> tuple[int, ...]:
        if isinstance(statement, Apply | Parallel):
            if statement.times is not None or statement.shape is not None:
                refuse(statement)
            if isinstance(statement, Parallel):
                return self.labelled(statement, self.parallel(statement, flow))
            if statement.body is None:
                return self.labelled(statement, self.apply(statement, flow))
        if isinstance(statement, From):
            start = tuple(self.named(ref) for ref in statement.refs)
            if statement.body is None:
                return start
            self.body(statement.body, start)
            return flow
        if isinstance(statement, Input) and statement.shape is None:
            self.inputs.update((name.id, self.value()) for name in statement.names)
            self.labels.update(self.inputs)
            return tuple(self.inputs.values())
        if isinstance(statement, Output):
            self.output(statement, flow)
            return flow
        refuse(statement)

    def labelled(self, statement: Apply | Parallel, flow: tuple[int, ...]) -> tuple[int, ...]:
        names = [ref.id for ref in statement.labels if isinstance(ref, Name)]
        if len(names) != len(statement.labels):
            fail("E1001", "labels of a rule are plain names", statement.span)
        if len(names) > 1:
            _check_count(names, flow, statement.span)
        self.labels.update(zip(names, flow, strict=False))
        return flow

    def named(self, ref: Name | Template) -> int:
        name = ref.id if isinstance(ref, Name) else ""
        if name in self.labels:
            return self.labels[name]
        help = suggest(name, self.labels, ref.span)
        known = ", ".join(f"`{label}`" for label in self.labels)
        fail("E0202", f"there is no label `{ref.span.text}` above this line", ref.span,
             help=help or ([f"the labels above are {known}"] if known else []))  # fmt: skip

    def output(self, statement: Output, flow: tuple[int, ...]) -> None:
        names = [a.value for a in statement.arguments if isinstance(a.value, Name)]
        if any(name.id in self.labels for name in names):
            self.outputs += [(name.id, self.named(name)) for name in names]
        else:
            _check_count(names, flow, statement.span)
            self.outputs += [(n.id, v) for n, v in zip(names, flow, strict=True)]

    def apply(self, statement: Apply, flow: tuple[int, ...]) -> tuple[int, ...]:
        word = statement.callee.id if statement.callee is not None else "conv"
        if word in MERGES:
            values = tuple(self.named(a.value) for a in statement.arguments)  # type: ignore[arg-type]
            return self.node(word, statement, (), values or flow, 1, None)
        if word == "identity":
            return flow
        found = lookup(word, self.scope)
        if isinstance(found, BlockRef):
            return self.block(found, statement, flow)
        if not isinstance(found, OpRef):
            return self.any_operator(word, statement, flow)
        fields, posts = self.arguments(word, statement.arguments)
        count = self.results(word, statement)
        follows = self.layered and word in LAYERS and posts is None
        label = _label(statement) if not posts else None
        flow = self.node(word, statement, fields, flow, count, label, carries=follows)
        for post in posts or ():
            inner, _ = self.arguments(post.id, ())
            flow = self.node(post.id, statement, inner, flow, 1, None)
        return flow

    def results(self, word: str, statement: Apply) -> int:
        """How many values an operator gives; only `split` gives several."""
        return max(1, len(statement.labels)) if word == "split" else 1

    def block(self, ref: BlockRef, statement: Apply, flow: tuple[int, ...]) -> tuple[int, ...]:
        fields = [
            part
            for position, argument in enumerate(statement.arguments)
            for part in _parts(ref, position, argument)
        ]
        for _, value in fields:
            self.fill(value)
        label = _label(statement)
        outputs = tuple(self.value() for _ in range(max(1, len(statement.labels))))
        self.nodes.append(
            PatternNode(
                ref.block.name.id,
                True,
                None,
                tuple(fields),
                flow,
                outputs,
                False,
                label,
                statement.span,
            )
        )
        return outputs

    def any_operator(self, word: str, statement: Apply, flow: tuple[int, ...]) -> tuple[int, ...]:
        """A callee that names nothing is a hole for an operator."""
        if statement.arguments:
            assert statement.callee is not None
            place = statement.callee.span
            near = suggest(word, [*OPS, *self.scope.names()], place)
            help = near or ("a name that stands for any operator takes no arguments",)
            fail("E0201", f"there is no operator or block `{word}`", place, help=help)
        self.holes.setdefault(word)
        output = self.value()
        self.nodes.append(
            PatternNode(
                "", False, word, (), flow, (output,), False, _label(statement), statement.span
            )
        )
        return (output,)

    def node(
        self,
        word: str,
        statement: Apply | Parallel,
        fields: tuple[tuple[str, Expr], ...],
        inputs: tuple[int, ...],
        results: int,
        label: str | None,
        carries: bool = False,
    ) -> tuple[int, ...]:
        outputs = tuple(self.value() for _ in range(results))
        self.nodes.append(
            PatternNode(word, False, None, fields, inputs, outputs, carries, label, statement.span)
        )
        return outputs

    def parallel(self, statement: Parallel, flow: tuple[int, ...]) -> tuple[int, ...]:
        values: list[int] = []
        for branch in statement.branches:
            if not isinstance(branch, Body):
                refuse(branch)
            values += self.body(branch, flow)
        label = _label(statement)
        return self.node(merge_word(statement), statement, (), tuple(values), 1, label)

    # --------------------------------------------------------------- arguments

    def arguments(
        self, word: str, arguments: tuple[Argument, ...]
    ) -> tuple[tuple[tuple[str, Expr], ...], list[Name] | None]:
        """What is said of each field, and the post-ops; None when none were said."""
        cls = OPS[word]
        fields: list[tuple[str, Expr]] = []
        posts: list[Name] | None = None
        position = 0
        for argument in arguments:
            value = argument.value
            if argument.name is not None:
                if argument.name not in cls.fields:
                    place = name_span(argument)
                    help = suggest(argument.name, cls.fields, place)
                    fail("E0203", f"`{word}` has no argument `{argument.name}`", place, help=help)
                if not (isinstance(value, Name) and flag(cls, value.id)):
                    self.fill(value)
                fields.append((argument.name, value))
                continue
            if isinstance(value, Name) and not self.is_value(value.id):
                if value.id in OPS or value.id == "linear":
                    posts = (posts or []) + ([value] if value.id in OPS else [])
                    continue
                found = flag(cls, value.id)
                if found is not None and position >= len(cls.positional):
                    fields.append((found[0], value))
                    continue
            if position >= len(cls.positional):
                own = isinstance(value, CallExpr) and value.callee.id in OPS
                fail("E0205", f"`{word}` takes no further argument", argument.span,
                     help=[POST_HELP if own else REPEAT_HELP])  # fmt: skip
            self.fill(value)
            fields.append((cls.positional[position], value))
            position += 1
        return tuple(fields), posts

    def is_value(self, name: str) -> bool:
        return name in self.given or name in self.holes

    def fill(self, expr: Expr) -> None:
        """Names in an argument that mean nothing yet are holes, if they stand plainly there."""
        plain = set(_plain_names(expr))
        for name in names_of(expr):
            if name.id in self.holes or lookup(name.id, self.scope) is not None:
                continue
            if name in plain:
                self.holes.setdefault(name.id)
            elif name.id not in self.given:
                help = "a hole stands alone, as a factor of a size, or as a stride"
                fail("E1001", f"`{name.id}` has no value here", name.span, help=[help])


def _check_count(names: Sequence[object], flow: Sequence[int], span: Span) -> None:
    if len(names) != len(flow):
        fail("E1001", f"{counted(len(names), 'name')} for {counted(len(flow), 'value')}", span,
             help=["an operator gives one value, `split` as many as it has names"])  # fmt: skip


def refuse(part: Statement | Each | When) -> NoReturn:
    """Raise: this cannot stand on a left side."""
    what = "this"
    if isinstance(part, For | Each):
        what = "a loop"
    elif isinstance(part, If | When):
        what = "a choice"
    elif isinstance(part, Input):
        what = "an input with a size"
    elif isinstance(part, Let):
        what = "a `let`"
    elif isinstance(part, Apply | Parallel | Group) and part.times is not None:
        what = "a repeat"
    elif isinstance(part, Apply | Parallel) and part.shape is not None:
        what = "a size"
    elif isinstance(part, Apply) and part.callee is not None and part.callee.id == "residual":
        what = "`residual`"
    message = f"{what} cannot stand on the left side of a rule"
    fail("E1001", message, part.span, help=[INSTEAD[what]])


def _parts(ref: BlockRef, position: int, argument: Argument) -> list[tuple[str, Expr]]:
    """The parameters of a block that an argument is for: `r3→n3` is for two."""
    parameters = ref.block.parameters
    if argument.name is not None:
        known, place = [n.id for p in parameters for n in variables_of(p)], name_span(argument)
        if argument.name not in known:
            fail("E0203", f"`{ref}` has no parameter `{argument.name}`", place,
                 help=suggest(argument.name, known, place))  # fmt: skip
        return [(argument.name, argument.value)]
    if position >= len(parameters):
        fail("E0205", f"`{ref}` takes no further argument", argument.span)
    names, value = parameters[position].names, argument.value
    values = value.parts if isinstance(value, Arrow) else (value,)
    if len(values) != len(names):
        form = "→".join(name.id for name in names)
        fail("E0206", f"`{ref}` takes `{form}` here", argument.span)
    bound = {name.id for name in variables_of(parameters[position])}
    return [(n.id, v) for n, v in zip(names, values, strict=True) if n.id in bound]


def _belongs(word: str) -> bool:
    return word in OPS and OPS[word].family in BELONGING


def _label(statement: Apply | Parallel) -> str | None:
    first = statement.labels[0] if statement.labels else None
    return first.id if isinstance(first, Name) else None


def _plain_names(expr: Expr) -> Iterator[Name]:
    """Names that can be read off a value: `n`, `k×k`, `k/s`."""
    if isinstance(expr, Name):
        yield expr
    elif isinstance(expr, Dims):
        for factor in expr.factors:
            yield from _plain_names(factor)
    elif isinstance(expr, Binary) and expr.operator == "/":
        yield from _plain_names(expr.left)
        yield from _plain_names(expr.right)


def names_of(expr: Expr) -> Iterator[Name]:
    """All names of an expression that are values."""
    if isinstance(expr, Name):
        yield expr
    elif isinstance(expr, Dims):
        yield from (n for factor in expr.factors for n in names_of(factor))
    elif isinstance(expr, Binary):
        yield from names_of(expr.left)
        yield from names_of(expr.right)
    elif isinstance(expr, Unary):
        yield from names_of(expr.operand)
    elif isinstance(expr, List):
        yield from (n for item in expr.items for n in names_of(item))
    elif isinstance(expr, CallExpr):
        if expr.callee.id not in FUNCTIONS:
            yield expr.callee
        yield from (n for argument in expr.arguments for n in names_of(argument.value))
    elif isinstance(expr, Conditional):
        for part in (expr.condition, expr.then, expr.otherwise):
            yield from names_of(part)
    elif isinstance(expr, Index):
        yield from names_of(expr.value)
        yield from names_of(expr.index)
    elif isinstance(expr, Attribute) and not (
        isinstance(expr.value, Name) and expr.value.id == "in"
    ):
        yield from names_of(expr.value)
