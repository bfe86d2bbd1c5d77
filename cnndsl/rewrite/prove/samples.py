"""Places where a rule stands, drawn from its own left side.

A left side says itself what may be tried: its holes stand for window sizes, strides, channels,
paddings or whole operators, and what they are is seen from where they stand. A drawing goes
through the left side in order and takes each hole, each free argument and the type of each
input from the options that make sense there; numbers that the rule's conditions speak of are
options too. What does not fit together is drawn anew.

A rule that is a transform has no left side; it is tried on whole networks.
"""

from __future__ import annotations

from ...arguments import AUTO, ArgumentProblem, flag, kind_of
from ...diagnostics import CnnError
from ...elaborate.fragment import elaborate_fragment
from ...evaluate.expressions import evaluate, evaluate_word, lookup
from ...evaluate.scope import Scope
from ...evaluate.values import BlockRef, Given, OpRef
from ...graph import Call, Graph, Output
from ...op import OPS, Op
from ...record import Record, replace
from ...syntax import Apply, Binary, Body, Dims, Expr, Name, Number, Parameter
from ...types import TensorType
from ...window import Window
from ..pattern import FREE
from ..reading import read_rule
from ..rule import Rewrite
from .choices import Choices, Unfit
from .net import CHANNELS, COUNTS, NOWHERE, SIZES, WINDOWS, Arguments, Net, in_order
from .networks import draw_network

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ..pattern import Pattern, PatternNode

LARGEST_SIZE = 32
LARGEST_CHANNELS = 64
"""Numbers that a rule speaks of are tried up to these."""
ARGUMENTS = (
    *COUNTS, *map(OpRef, ("relu", "hswish", "bn", "ln")),
    (Window(3, 3), Window(3, 3)), (Window(3, 3, 2, 2), Window(3, 3)),
)  # fmt: skip
"""What a rule's parameter may be when nothing says more: those of the wrong kind are refused."""
CHAINS = ((), ("relu",), ("bn",), ("bn", "relu"))
"""What may stand behind a layer and belong to it."""
EXACT = (
    "relu", "abs", "relu6", "leakyrelu", "hsigmoid", "hswish", "times", "maxpool", "avgpool",
    "bn", "pad", "crop", "dropout", "globalavgpool", "upsample", "conv", "dwconv",
)  # fmt: skip
"""Operators that compute in whole numbers and fractions, tried more often than others."""
UNSUITED = ("split", "identity")
"""Operators that never stand for any operator: several results, and none at all."""


class Sample(Record):
    """A left side with everything drawn.

    Arguments:
        rewrite: the rule, its parameters drawn too.
        graph: the left side as a function of its own.
        functions: those that it calls.
    """

    rewrite: Rewrite
    graph: Graph
    functions: tuple[Graph, ...]


class Sampler:
    """Draws places for one rule."""

    def __init__(self, rewrite: Rewrite) -> None:
        self.rewrite = rewrite
        sizes = {c for value in rewrite.conditions for c in _constants(value)}
        near = {n + d for n in sizes for d in (-1, 0, 1) if 1 < n <= LARGEST_SIZE}
        counts = {n for n in _constants(rewrite.ref.rule) if 0 < n <= LARGEST_CHANNELS}
        self.sizes = tuple(sorted({*SIZES, *near}))
        self.channels = tuple(sorted({*CHANNELS, *counts}))
        self._variants: dict[tuple[Given, ...], Rewrite] = {}

    def draw(self, choices: Choices) -> Sample:
        """A sample. Raises Unfit, or CnnError when the rule is wrong."""
        rewrite = self._with_arguments(choices)
        if rewrite.equation is None:
            return Sample(rewrite, draw_network(choices), ())
        return _Drawing(self, rewrite, choices).sample()

    def _with_arguments(self, choices: Choices) -> Rewrite:
        """The rule with values for its parameters: those given stay, defaults are one option."""
        ref = self.rewrite.ref
        positional = sum(argument.name is None for argument in ref.arguments)
        known = {argument.name for argument in ref.arguments}
        drawn: list[Given] = []
        for number, (name, parameter) in enumerate(_parameters(ref.rule.parameters)):
            if number < positional or name in known:
                continue
            options = self._argument(name, parameter)
            if options:
                drawn.append(Given(name, choices.take(f"argument {name}", options), NOWHERE))
        key = tuple(drawn)
        if key not in self._variants:
            called = replace(ref, arguments=ref.arguments + key)
            fresh = replace(read_rule(called), conditions=self.rewrite.conditions)
            self._variants[key] = fresh if drawn else self.rewrite
        return self._variants[key]

    def _argument(self, name: str, parameter: Parameter) -> Sequence[object]:
        """Values for a parameter; none where it has to stay, or is a hole of the left side."""
        equation = self.rewrite.equation
        if parameter.default is None:
            return () if equation is not None and name in equation.left.holes else ARGUMENTS
        value = dict(self.rewrite.given).get(name)
        return (value, *COUNTS) if isinstance(value, int) and not isinstance(value, bool) else ()


def _parameters(parameters: Sequence[Parameter]) -> Iterator[tuple[str, Parameter]]:
    for parameter in parameters:
        for name in parameter.names:
            yield name.id, parameter


def _constants(tree: object) -> Iterator[int]:
    """The whole numbers that are written in a piece of syntax."""
    if isinstance(tree, Number) and isinstance(tree.value, int):
        yield tree.value
    elif isinstance(tree, tuple):
        for item in tree:
            yield from _constants(item)
    elif isinstance(tree, Record):
        for field in tree.fields:
            if field != "span":
                yield from _constants(getattr(tree, field))


class _Drawing:
    """One way through a left side."""

    def __init__(self, sampler: Sampler, rewrite: Rewrite, choices: Choices) -> None:
        assert rewrite.equation is not None
        self.rewrite = rewrite
        self.choices = choices
        self.pattern: Pattern = rewrite.equation.left
        self.scope = Scope(rewrite.namespace, dict(rewrite.given))
        self.net = Net(choices, (), sampler.channels, sampler.sizes)
        self.values: dict[int, str] = {}

    def sample(self) -> Sample:
        self.inputs()
        for node in self.pattern.nodes:
            self.node(node)
        builder = self.net.builder
        builder.outputs = [
            Output(name, self.values[number]) for name, number in self.pattern.outputs
        ]
        graph = builder.finish("left", "left", (), self.pattern.span)
        return Sample(self.rewrite, graph, tuple(self.net.functions.values()))

    def inputs(self) -> None:
        """The inputs, now and then behind a `relu` that makes them nonnegative."""
        first: TensorType | None = None
        for name, number in self.pattern.inputs:
            type = self.net.draw_type(name, first)
            first = first or type
            value = self.net.builder.input(name, type)
            if self.choices.take(f"{name} nonnegative", (False, False, False, True)):
                (value,) = self.net.add(OPS["relu"](), [value])
            self.values[number] = value

    def node(self, node: PatternNode) -> None:
        inputs = tuple(self.values[number] for number in node.inputs)
        if node.is_block:
            results = self.block(node, inputs)
        else:
            op = self.operator(node, self.net.types(inputs))
            results = self.net.add(op, inputs, node.label)
        if node.carries:
            for word in self.choices.take(f"behind {results[0]}", CHAINS):
                results = self.net.add(OPS[word](), results)
        if len(results) < len(node.outputs):
            raise Unfit
        self.values.update(zip(node.outputs, results, strict=False))

    # ------------------------------------------------------------------ operators

    def operator(self, node: PatternNode, types: tuple[TensorType, ...]) -> Op:
        if node.hole:
            return self.any_operator(node.hole, types)
        cls, said = OPS[node.word], dict(node.said)
        arguments = self.net.arguments(cls, types, len(node.outputs))
        for field in in_order(cls):
            if field in said:
                arguments.known[field] = self.said(arguments, field, said[field])
            elif field in FREE or field not in cls.defaults:
                arguments.known[field] = arguments.value(field)
        return cls(**arguments.known)

    def any_operator(self, hole: str, types: tuple[TensorType, ...]) -> Op:
        """The operator that a hole stands for, the same one each time."""
        known = self.scope.variables.get(hole)
        if known is None:
            words = [w for w in sorted(OPS) if OPS[w].arity == (1, 1) and w not in UNSUITED]
            cls = OPS[self.choices.take(f"operator {hole}", (*EXACT, *EXACT, *words))]
            arguments = self.net.arguments(cls, types)
            given = (Given(name, v, NOWHERE) for name, v in arguments.drawn().items())
            known = self.scope.variables[hole] = OpRef(cls.word, tuple(given))
        return OPS[known.word](**{given.name or "": given.value for given in known.arguments})

    def said(self, arguments: Arguments, field: str, expr: Expr) -> object:
        """The value of an argument; what it leaves open is drawn."""
        word = expr.id if isinstance(expr, Name) else ""
        if field == "window" and not word:
            self.fill_window(arguments, expr)
        elif self.is_open(word):
            value = arguments.value(field)
            self.scope.variables[word] = AUTO if value is None else value
            return value
        elif word and lookup(word, self.scope) is None:
            literal = flag(arguments.cls, word)
            if literal is not None:
                return literal[1]
        try:
            return kind_of(arguments.cls, field).convert(evaluate(expr, self.scope))
        except (ArgumentProblem, CnnError) as problem:
            raise Unfit(str(problem)) from None

    def is_open(self, word: str) -> bool:
        return word in self.pattern.holes and word not in self.scope.variables

    def fill_window(self, arguments: Arguments, expr: Expr) -> None:
        """Draw the holes of `k/s`, `k×k`, `(1×k)/(1×s)`."""
        size, stride = expr, None
        if isinstance(expr, Binary) and expr.operator == "/":
            size, stride = expr.left, expr.right
        name = f"{arguments.name} window"
        self.fill_pair(size, arguments.size(name), keep=True)
        self.fill_pair(stride, arguments.stride(name), keep=False)

    def fill_pair(self, expr: Expr | None, pair: tuple[int, int], keep: bool) -> None:
        """Fill the holes of a size or a stride.

        Arguments:
            keep: a hole for both sides is a window even if they are equal.
        """
        height, width = pair
        square = height == width and not keep
        values: tuple[object, ...] = (height if square else Window(height, width),)
        names: tuple[Expr | None, ...] = (expr,)
        if isinstance(expr, Dims):
            names, values = expr.factors, pair
        for name, value in zip(names, values, strict=False):
            if isinstance(name, Name) and self.is_open(name.id):
                self.scope.variables[name.id] = value

    # ------------------------------------------------------------------ blocks

    def block(self, node: PatternNode, inputs: tuple[str, ...]) -> tuple[str, ...]:
        """A call of a block, elaborated as a model would call it."""
        ref = lookup(node.word, self.scope)
        assert isinstance(ref, BlockRef)
        parameters = dict(_parameters(ref.block.parameters))
        given = tuple(
            Given(name, self.block_argument(name, expr, parameters[name]), node.span)
            for name, expr in node.said
        )
        values = [(f"x{i}", type) for i, type in enumerate(self.net.types(inputs))]
        call = Body((Apply((), Name("block", NOWHERE), (), None, None, None, NOWHERE),), NOWHERE)
        try:
            found = elaborate_fragment(
                call, self.rewrite.namespace, values, {"block": replace(ref, arguments=given)}, ()
            )
        except CnnError as problem:
            raise Unfit(problem.diagnostics[0].message) from None
        (made, *others) = found.graph.nodes or (None,)
        if made is None or others or not isinstance(made.op, Call):
            raise Unfit
        names = self.adopt(found.functions)
        return self.net.add(Call(names[made.op.function]), inputs, node.label)

    def block_argument(self, name: str, expr: Expr, parameter: Parameter) -> object:
        """A parameter of a block takes one of its words, what its default is like, or a count."""
        try:
            if isinstance(expr, Name) and self.is_open(expr.id):
                self.scope.variables[expr.id] = self.choices.take(
                    f"block's {name}", self.block_options(parameter)
                )
            return evaluate_word(expr, self.scope)
        except CnnError as problem:
            raise Unfit(problem.diagnostics[0].message) from None

    def block_options(self, parameter: Parameter) -> Sequence[object]:
        if parameter.choices:
            return [choice.id for choice in parameter.choices]
        if parameter.default is None:
            return self.net.channels
        try:
            like = evaluate_word(parameter.default, Scope(self.rewrite.namespace))
        except CnnError:  # it depends on another parameter
            return self.net.channels
        if isinstance(like, bool):
            return (False, True)
        if isinstance(like, Window):
            return [Window(size, size) for size in WINDOWS]
        return COUNTS if isinstance(like, int) else (like,)

    def adopt(self, functions: Sequence[Graph]) -> Mapping[str, str]:
        """Their names here: another block of the same name may stand here already."""
        names: dict[str, str] = {}
        for function in functions:
            moved = _recalled(function, names)
            name, number = function.name, 1
            while self.net.functions.get(name, replace(moved, name=name)) != replace(
                moved, name=name
            ):
                number += 1
                name = f"{function.name}_{number}"
            names[function.name] = name
            self.net.functions[name] = replace(moved, name=name)
        return names


def _recalled(graph: Graph, names: Mapping[str, str]) -> Graph:
    """The function with its callees under other names."""
    nodes = tuple(
        replace(n, op=Call(names[n.op.function])) if isinstance(n.op, Call) else n
        for n in graph.nodes
    )
    return replace(graph, nodes=nodes)
