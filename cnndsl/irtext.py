"""The text form of the intermediate representation, which reads back equal.

    module tiny in torch "An example, 2024"

    func double_1 = double(n=64) (x: 32x32x3) {
      0  conv1 = conv(x) 3x3, 64, pad=1, bias=false  : 32x32x64
      0  relu1 = relu(conv1)                         : 32x32x64
      output out = relu1
    }

    func tiny = tiny() (x: 32x32x3) {
      in stem:
      0  d0: double1 = @double_1(x)                  : 32x32x64
      in:
      1  s -> a, b = split(double1)                  : 32x32x32, 32x32x32
      ...
    }

A line is a node: the row, the label if there is one, its name, its results after `->`
unless it is one of the same name, the operator or `@` the function, its inputs, its
arguments as the language writes them, its types. `in` opens a region for the lines below
it. `conv(x; weights=conv1)` uses the weights of another node. Names that are no words
stand in quotes. Spans are not written.

The reader is strict: names are defined once and before their use, and every type is
what the operator gives for its inputs, so that what it returns is a valid module.
"""

from __future__ import annotations

import re

from .arguments import ArgumentProblem, format_value, kind_of
from .diagnostics import did_you_mean, fail
from .graph import Call, Constraint, Graph, Module, Node, Output, Value
from .op import Op, ShapeError
from .ops import OPS
from .record import MISSING
from .source import Source, Span
from .symbol import Symbol, variable
from .types import TensorType
from .window import Padding, Window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import NoReturn, TypeVar

    from .symbol import Size

    T = TypeVar("T")

WIDEST = 76
"""Types stand in one column as long as the text before them is not longer than this."""
DEEPEST = 50
"""Brackets in brackets that the reader accepts."""
LONGEST_NUMBER = 100
"""Digits of a number that the reader accepts."""


def print_module(module: Module) -> str:
    """The text of a module."""
    source = f" {_quoted(module.source)}" if module.source else ""
    lines = [f"module {_name(module.name)} in {_name(module.dialect)}{source}"]
    lines += map(_constraint, module.constraints)
    for function in module.functions:
        lines += ["", *_function(function)]
    return "\n".join(lines) + "\n"


def read_module(text: str, name: str = "<ir>") -> Module:
    """The module that a text says. Raises CnnError at the first place that is wrong."""
    return _Reader(Source(name, text)).module()


def ir_hash(module: Module) -> str:
    """SHA-256 of the text, in hexadecimal: equal for equal modules."""
    from hashlib import sha256

    return sha256(print_module(module).encode()).hexdigest()


# Printing


def _constraint(constraint: Constraint) -> str:
    right = ">= 1" if constraint.right is None else f"== {constraint.right}"
    return f"constraint {constraint.left} {right} {_quoted(constraint.reason)}"


def _function(graph: Graph) -> Iterator[str]:
    arguments = ", ".join(f"{_name(name)}={_value(value)}" for name, value in graph.arguments)
    inputs = ", ".join(f"{_name(value.name)}: {_type(value.type)}" for value in graph.inputs)
    definition = f"{_name(graph.definition)}({arguments})"
    yield f"func {_name(graph.name)} = {definition} ({inputs}) {{"
    digits = max((len(str(node.row)) for node in graph.nodes), default=0)
    statements = [f"{node.row:{digits}}  {_statement(node)}" for node in graph.nodes]
    column = max((len(s) for s in statements if len(s) <= WIDEST), default=0)
    region: tuple[str, ...] = ()
    for node, statement in zip(graph.nodes, statements, strict=True):
        if node.region != region:
            region = node.region
            yield f"  in{' ' if region else ''}{_names(region)}:"
        types = ", ".join(_type(value.type) for value in node.outputs)
        yield f"  {statement:{column}}  : {types}".rstrip()
    for output in graph.outputs:
        yield f"  {_output(output)}"
    for label, value in graph.labels:
        yield f"  label {_name(label)} = {_name(value)}"
    yield "}"


def _statement(node: Node) -> str:
    """A node without its row and its types."""
    label = "" if node.label is None else f"{_name(node.label)}: "
    results = ""
    if [value.name for value in node.outputs] != [node.name]:
        results = f" -> {_names(value.name for value in node.outputs)}".rstrip()
    what = f"@{_name(node.op.function)}" if isinstance(node.op, Call) else node.op.word
    weights = "" if node.weights is None else f"; weights={_name(node.weights)}"
    arguments = "" if isinstance(node.op, Call) else " " + ", ".join(_fields(node.op))
    applied = f"{what}({_names(node.inputs)}{weights}){arguments}".rstrip()
    return f"{label}{_name(node.name)}{results} = {applied}"


def _fields(op: Op) -> Iterator[str]:
    """The arguments that are not the default, and always the padding."""
    in_order = True
    for field in (*op.positional, *(f for f in op.fields if f not in op.positional)):
        value = getattr(op, field)
        if value == op.defaults.get(field, MISSING) and field != "pad":
            in_order = False
            continue
        text = _field_value(value, kind_of(type(op), field).name)
        in_order = in_order and field in op.positional
        yield text if in_order else f"{field}={text}"


def _field_value(value: object, kind: str) -> str:
    if isinstance(value, Padding) and min(value.height + value.width) < 0:
        return f"[{value.top}, {value.bottom}, {value.left}, {value.right}]"
    return format_value(value, kind)


def _output(output: Output) -> str:
    training = ", training" if output.training else ""
    weight = "" if output.weight == 1 else f", weight={output.weight!r}"
    return f"output {_name(output.name)} = {_name(output.value)}{training}{weight}"


def _type(type: TensorType) -> str:
    """`56x56x64`, `H×W×3`, and the dtype behind it unless it is float32."""
    sizes = map(_size, type.shape)
    sign = "×" if any(isinstance(size, Symbol) for size in type.shape) else "x"
    return sign.join(sizes) + (f" {_name(type.dtype)}" if type.dtype != "float32" else "")


def _size(size: Size) -> str:
    text = str(size)
    return f"({text})" if " " in text or "*" in text else text


def _value(value: object) -> str:
    """The value of a block's argument: strings in quotes, so that they differ from words."""
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case int() | float() | Window():
            return str(value)
        case str():
            return _quoted(value)
        case Padding(top, bottom, left, right):
            return f"pad[{top}, {bottom}, {left}, {right}]"
        case tuple():
            return f"[{', '.join(map(_value, value))}]"
        case _:
            raise TypeError(f"a {type(value).__name__} cannot be an argument in the IR")


def _names(names: Iterable[str]) -> str:
    return ", ".join(map(_name, names))


def _name(name: str) -> str:
    return name if _BARE.fullmatch(name) else _quoted(name)


def _quoted(text: str) -> str:
    """In double quotes; what would break the line is escaped."""
    escaped = "".join(
        f"\\{c}" if c in '"\\' else c if c.isprintable() else f"\\u{{{ord(c):x}}}" for c in text
    )
    return f'"{escaped}"'


# Reading

_BARE = re.compile(r"[\w.]+")
_TOKEN = re.compile(
    r'(?P<string>"(?:[^"\\\n]|\\.)*")'
    r"|(?P<word>[0-9][0-9.]*[eE][-+][0-9]+(?!\w)|[\w.]+)"
    r"|(?P<sign>->|==|>=|//|[][(){}@:;,=+*/×-])"
    r"|(?P<newline>\n)"
    r"|(?P<blank>[ \t\r]+|\#[^\n]*)"
)
_INTEGER = re.compile(r"[0-9]+")
_FLOAT = re.compile(r"[0-9]+\.[0-9]*(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+|inf|nan")
_EXTENTS = re.compile(r"[0-9]+(?:x[0-9]+)*")
_ESCAPE = re.compile(r'\\(?:u\{([0-9a-f]{1,6})\}|(["\\]))')
_WORDS: dict[str, object] = {"true": True, "false": False, "none": None}


class _Token:
    """A piece of text; kind is `string`, `word`, `sign`, `newline` or `end`."""

    __slots__ = ("end", "kind", "start", "text")

    def __init__(self, kind: str, text: str, start: int, end: int) -> None:
        self.kind = kind
        self.text = text
        self.start = start
        self.end = end


def _tokens(source: Source) -> list[_Token]:
    result: list[_Token] = []
    at, text = 0, source.text
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            string = text[at] == '"'
            message = "this string is never closed" if string else f"`{text[at]}` means nothing"
            fail("E0105" if string else "E0103", message, Span(source, at, at + 1))
        if match.lastgroup != "blank":
            result.append(_Token(str(match.lastgroup), match[0], at, match.end()))
        at = match.end()
    result.append(_Token("end", "", at, at))
    return result


class _Reader:
    """Recursive descent over the tokens; `function` and its parts build one graph at a time."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.tokens = _tokens(source)
        self.at = 0
        self.depth = 0
        self.functions: dict[str, Graph] = {}

    # Tokens

    @property
    def token(self) -> _Token:
        return self.tokens[self.at]

    def span(self, first: int | None = None) -> Span:
        """The token at hand, or all from the one numbered `first` to the last one read."""
        if first is None:
            return Span(self.source, self.token.start, self.token.end)
        return Span(self.source, self.tokens[first].start, self.tokens[self.at - 1].end)

    def fail(self, expected: str) -> NoReturn:
        found = {"end": "the end of the text", "newline": "the end of the line"}
        shown = found.get(self.token.kind, f"`{self.token.text}`")
        fail("E0101", f"{shown} cannot stand here", self.span(), f"expected {expected}")

    def next(self) -> _Token:
        token = self.token
        self.at += 1
        return token

    def accept(self, text: str) -> bool:
        """Read this sign or word if it comes next."""
        if self.token.text != text:
            return False
        self.at += 1
        return True

    def expect(self, text: str) -> None:
        if not self.accept(text):
            self.fail(f"`{text}`")

    def end_line(self) -> None:
        """Read the end of the line and empty lines."""
        if self.token.kind not in ("newline", "end"):
            self.fail("the end of the line")
        self.skip_lines()

    def skip_lines(self) -> None:
        while self.token.kind == "newline":
            self.at += 1

    def is_word(self) -> bool:
        return self.token.kind in ("word", "string")

    def name(self, what: str = "a name") -> str:
        if not self.is_word():
            self.fail(what)
        return self.string() if self.token.kind == "string" else self.next().text

    def string(self) -> str:
        if self.token.kind != "string":
            self.fail("a string")
        body = self.token.text[1:-1]
        if "\\" in _ESCAPE.sub("", body):
            fail("E0101", 'an escape is `\\\\`, `\\"` or `\\u{...}`', self.span())
        numbers = [int(number, 16) for number, _ in _ESCAPE.findall(body) if number]
        if any(number > 0x10FFFF for number in numbers):
            fail("E0101", "there is no such character", self.span())
        self.at += 1
        return _ESCAPE.sub(lambda m: chr(int(m[1], 16)) if m[1] else m[2], body)

    def integer(self, what: str = "a whole number") -> int:
        if not (self.token.kind == "word" and _INTEGER.fullmatch(self.token.text)):
            self.fail(what)
        return self.to_int(self.next().text)

    def to_int(self, digits: str) -> int:
        if len(digits) > LONGEST_NUMBER:
            message = f"a number with {len(digits)} digits is too large"
            fail("E0603", message, self.span(self.at - 1))
        return int(digits)

    def sequence(self, item: Callable[[], T], *closing: str) -> tuple[T, ...]:
        """Items with commas between them, up to a sign that is not read."""
        items: list[T] = []
        while self.token.text not in closing:
            if items:
                self.expect(",")
            items.append(item())
        return tuple(items)

    def nested(self, item: Callable[[], T]) -> T:
        """One level of brackets deeper."""
        if self.depth >= DEEPEST:
            fail("E0602", f"brackets are nested more than {DEEPEST} levels deep", self.span())
        self.depth += 1
        result = item()
        self.depth -= 1
        return result

    # Module and functions

    def module(self) -> Module:
        self.skip_lines()
        self.expect("module")
        name = self.name()
        self.expect("in")
        dialect = self.name()
        source = self.string() if self.token.kind == "string" else ""
        self.end_line()
        constraints: list[Constraint] = []
        while self.token.text == "constraint":
            constraints.append(self.constraint())
        while self.token.kind != "end":
            function = self.function()
            self.functions[function.name] = function
        if not self.functions:
            self.fail("`func`")
        functions = tuple(self.functions.values())
        return Module(name, functions, dialect, source, tuple(constraints))

    def constraint(self) -> Constraint:
        first = self.at
        self.expect("constraint")
        left = self.size()
        if self.accept("=="):
            right: Size | None = self.size()
        else:
            self.expect(">=")
            self.expect("1")
            right = None
        constraint = Constraint(left, right, self.string(), self.span(first))
        self.end_line()
        return constraint

    def function(self) -> Graph:
        first = self.at
        self.expect("func")
        name = self.new(self.functions, "function")
        self.expect("=")
        definition = self.name()
        self.expect("(")
        arguments = self.sequence(self.argument, ")")
        self.expect(")")
        self.expect("(")
        types: dict[str, TensorType] = {}
        inputs = self.sequence(lambda: self.input(types), ")")
        self.expect(")")
        span = self.span(first)
        self.expect("{")
        self.end_line()
        nodes = self.nodes(types)
        outputs, labels = self.endings(types)
        self.expect("}")
        self.end_line()
        return Graph(name, definition, arguments, inputs, nodes, outputs, labels, span)

    def new(self, taken: Mapping[str, object], what: str) -> str:
        """A name that is not taken."""
        span = self.span()
        name = self.name()
        if name in taken:
            fail("E0208", f"there are two {what}s named `{name}`", span)
        return name

    def known(self, names: Mapping[str, object], what: str) -> str:
        """A name that is defined above."""
        span = self.span()
        name = self.name()
        if name not in names:
            message = f"there is no {what} `{name}` before this place"
            fail("E0202", message, span, help=_nearest(name, names))
        return name

    def argument(self) -> tuple[str, object]:
        name = self.name()
        self.expect("=")
        return name, self.value(words=False)

    def input(self, types: dict[str, TensorType]) -> Value:
        name = self.new(types, "value")
        self.expect(":")
        types[name] = self.type()
        return Value(name, types[name])

    def endings(
        self, types: dict[str, TensorType]
    ) -> tuple[tuple[Output, ...], tuple[tuple[str, str], ...]]:
        """The outputs and labels of a function."""
        outputs: list[Output] = []
        labels: list[tuple[str, str]] = []
        while self.accept("output"):
            outputs.append(self.output(types))
        while self.accept("label"):
            name = self.name()
            self.expect("=")
            labels.append((name, self.known(types, "value")))
            self.end_line()
        return tuple(outputs), tuple(labels)

    def output(self, types: dict[str, TensorType]) -> Output:
        name = self.name()
        self.expect("=")
        value = self.known(types, "value")
        training, weight = False, 1.0
        while self.accept(","):
            if self.accept("training"):
                training = True
            else:
                self.expect("weight")
                self.expect("=")
                weight = self.factor()
        self.end_line()
        return Output(name, value, training, weight)

    def factor(self) -> float:
        place = self.span()
        value = self.value(words=False)
        if isinstance(value, bool) or not isinstance(value, int | float):
            fail("E0206", "the weight of an output is a number", place)
        return float(value)

    # Nodes

    def nodes(self, types: dict[str, TensorType]) -> tuple[Node, ...]:
        nodes: dict[str, Node] = {}
        region: tuple[str, ...] = ()
        while True:
            if self.accept("in"):
                region = self.sequence(self.name, ":")
                self.expect(":")
                self.end_line()
            elif self.token.kind == "word" and _INTEGER.fullmatch(self.token.text):
                node = self.node(region, nodes, types)
                nodes[node.name] = node
            elif self.token.text in ("output", "label", "}"):
                return tuple(nodes.values())
            else:
                self.fail("a node, which begins with the number of its row, `output`, or `}`")

    def node(
        self, region: tuple[str, ...], nodes: dict[str, Node], types: dict[str, TensorType]
    ) -> Node:
        first = self.at
        row = self.integer()
        label = self.label()
        name = self.new(nodes, "node")
        names = self.results(name, types)
        self.expect("=")
        op, inputs, weights = self.application(nodes, types)
        span = self.span(first)
        self.expect(":")
        found = self.sequence(self.type, "\n", "")
        self.check_types(op, [types[i] for i in inputs], found, names, span)
        self.end_line()
        outputs = tuple(Value(n, t) for n, t in zip(names, found, strict=True))
        types.update((value.name, value.type) for value in outputs)
        return Node(name, op, inputs, outputs, row, label, region, weights, span)

    def label(self) -> str | None:
        """`3a:`, if it is there."""
        if not self.is_word() or self.tokens[self.at + 1].text != ":":
            return None
        name = self.name()
        self.expect(":")
        return name

    def results(self, name: str, types: Mapping[str, object]) -> tuple[str, ...]:
        """`-> a, b`; without it the one result has the node's name."""
        if not self.accept("->"):
            names: tuple[str, ...] = (name,)
        else:
            names = self.sequence(self.name, "=")
        for i, result in enumerate(names):
            if result in types or result in names[:i]:
                fail("E0208", f"there are two values named `{result}`", self.span(self.at - 1))
        return names

    def application(
        self, nodes: dict[str, Node], types: dict[str, TensorType]
    ) -> tuple[Op | Call, tuple[str, ...], str | None]:
        """`conv(x; weights=conv1) 3x3, 64`: the operator or call, its inputs, its weights."""
        place = self.at
        call = self.accept("@")
        word = self.known(self.functions, "function") if call else self.name("an operator")
        self.expect("(")
        inputs = self.sequence(lambda: self.known(types, "value"), ";", ")")
        weights = None
        if self.accept(";"):
            self.expect("weights")
            self.expect("=")
            weights = self.known(nodes, "node")
        self.expect(")")
        if call:
            return Call(word), inputs, weights
        return self.op(word, self.span(place)), inputs, weights

    def op(self, word: str, place: Span) -> Op:
        """An operator from its word and the arguments that follow."""
        if word not in OPS:
            fail("E0201", f"there is no operator `{word}`", place, help=_nearest(word, OPS))
        kind = OPS[word]
        positional = list(kind.positional)
        given: dict[str, object] = {}
        while self.token.text != ":" and self.token.kind not in ("newline", "end"):
            if given:
                self.expect(",")
            field = self.field(kind, positional)
            if field in given:
                fail("E0205", f"`{field}` is given twice", self.span(self.at - 1))
            given[field] = self.field_value(kind, field)
        missing = [f for f in kind.fields if f not in given and f not in kind.defaults]
        if missing:
            fail("E0204", f"`{word}` needs `{missing[0]}`", place)
        return kind(**given)

    def field(self, kind: type[Op], positional: list[str]) -> str:
        """The argument that comes next: the one that is named, or the next by position."""
        if self.token.kind == "word" and self.tokens[self.at + 1].text == "=":
            if self.token.text not in kind.fields:
                message = f"`{kind.word}` has no argument `{self.token.text}`"
                fail("E0203", message, self.span(), help=_nearest(self.token.text, kind.fields))
            field = self.next().text
            self.expect("=")
            return field
        if not positional:
            fail("E0205", f"`{kind.word}` takes no more arguments without a name", self.span())
        return positional.pop(0)

    def field_value(self, kind: type[Op], field: str) -> object:
        first = self.at
        value = self.value(words=True)
        try:
            return kind_of(kind, field).convert(value)
        except ArgumentProblem as problem:
            message = f"`{field}` of `{kind.word}` {problem.message}"
            fail(problem.code, message, self.span(first), help=problem.help)

    def check_types(
        self,
        op: Op | Call,
        inputs: list[TensorType],
        found: tuple[TensorType, ...],
        names: tuple[str, ...],
        place: Span,
    ) -> None:
        """Fail unless the node gives these types."""
        if isinstance(op, Call):
            word, results = f"@{op.function}", self.call_types(op, inputs, place)
        else:
            word, results = op.word, _inferred(op, inputs, place)
        if not len(results) == len(found) == len(names):
            fail("E0209", f"`{word}` gives {len(results)} results", place)
        for expected, type in zip(results, found, strict=True):
            if expected != type:
                message = f"`{word}` gives {_type(expected)} here, not {_type(type)}"
                fail("E0309", message, place)

    def call_types(
        self, call: Call, inputs: list[TensorType], place: Span
    ) -> tuple[TensorType, ...]:
        callee = self.functions[call.function]
        wanted = [value.type for value in callee.inputs]
        if inputs != wanted:
            takes = ", ".join(map(_type, wanted)) or "nothing"
            fail("E0209", f"`@{call.function}` takes {takes}", place)
        return callee.output_types

    # Types, sizes and values

    def type(self) -> TensorType:
        """`56x56x64`, `H×W×3`, and perhaps a dtype."""
        first = self.at
        shape = self.shape()
        if len(shape) > 3 or any(isinstance(n, int) and n < 1 for n in shape):
            fail("E0206", "a shape is one, two or three sizes of at least 1", self.span(first))
        if isinstance(shape[-1], Symbol):
            fail("E0310", "the number of channels is no whole number", self.span(first))
        return TensorType(shape, self.name()) if self.is_word() else TensorType(shape)

    def shape(self) -> tuple[Size, ...]:
        if "x" in self.token.text and _EXTENTS.fullmatch(self.token.text):
            return tuple(self.to_int(n) for n in self.next().text.split("x"))
        sizes = [self.atom()]
        while self.accept("×"):
            sizes.append(self.atom())
        return tuple(sizes)

    def size(self) -> Size:
        """A sum of products of sizes."""
        total = self.product()
        while self.token.text in ("+", "-"):
            total = total + self.product() if self.next().text == "+" else total - self.product()
        return total

    def product(self) -> Size:
        if self.accept("-"):
            return -self.nested(self.product)
        result = self.atom()
        while self.token.text in ("*", "//"):
            result = result * self.atom() if self.next().text == "*" else self.floor(result)
        return result

    def floor(self, size: Size) -> Size:
        place = self.span()
        divisor = self.atom()
        if not isinstance(divisor, int) or divisor < 1:
            fail("E0207", "a size is divided by a whole number of at least 1", place)
        return size // divisor

    def atom(self) -> Size:
        if self.accept("("):
            inner = self.nested(self.size)
            self.expect(")")
            return inner
        if self.token.kind != "word":
            self.fail("a size")
        if _INTEGER.fullmatch(self.token.text):
            return self.integer()
        if not self.token.text.isidentifier():
            self.fail("a size")
        return variable(self.next().text)

    def value(self, words: bool) -> object:
        """An argument's value. Words that are no numbers are text where they may stand."""
        if self.token.kind == "string":
            return self.string()
        if self.accept("["):
            return self.nested(lambda: self.items(words))
        if self.accept("-"):
            return self.negative()
        if self.token.kind != "word":
            self.fail("a value")
        text = self.token.text
        if text == "pad" and self.tokens[self.at + 1].text == "[":
            return self.padding()
        number = self.number()
        if number is not None:
            return number
        self.at += 1
        if text in _WORDS and not (words and text == "none"):
            return _WORDS[text]
        if not words:
            self.at -= 1
            self.fail("a value; a string stands in quotes")
        return text

    def items(self, words: bool) -> tuple[object, ...]:
        items = self.sequence(lambda: self.value(words), "]")
        self.expect("]")
        return items

    def negative(self) -> int | float:
        number = self.number()
        if not isinstance(number, int | float):
            self.fail("a number")
        return -number

    def number(self) -> int | float | Window | None:
        """A number or a window, or None when the next word is neither."""
        text = self.token.text
        if self.token.kind != "word":
            return None
        if _FLOAT.fullmatch(text):
            return float(self.next().text)
        if _INTEGER.fullmatch(text):
            return self.integer()
        if text.count("x") == 1 and _EXTENTS.fullmatch(text):
            return self.window()
        return None

    def window(self) -> Window:
        """`7x7`, `7x7/2`, `7x7/2x1`."""
        height, width = self.pair()
        if not self.accept("/"):
            return Window(height, width)
        return Window(height, width, *self.pair())

    def pair(self) -> tuple[int, int]:
        text = self.token.text
        if not _EXTENTS.fullmatch(text) or text.count("x") > 1:
            self.fail("a size such as `3x3`")
        self.at += 1
        numbers = [self.to_int(n) for n in text.split("x")]
        return numbers[0], numbers[-1]

    def padding(self) -> Padding:
        """`pad[1, 1, 0, 0]`."""
        place = self.span()
        self.at += 2
        amounts = [n for n in self.items(words=False) if type(n) is int]
        if len(amounts) != 4:
            fail("E0206", "a padding is four whole numbers", place)
        return Padding(*amounts)


def _nearest(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """A help that names what was probably meant."""
    near = did_you_mean(name, known)
    return (f"did you mean `{near}`?",) if near else ()


def _inferred(op: Op, inputs: list[TensorType], place: Span) -> tuple[TensorType, ...]:
    """What an operator gives, its problems as errors at `place`."""
    least, most = op.arity
    if len(inputs) < least or (most is not None and len(inputs) > most):
        fail("E0209", f"`{op.word}` does not take {len(inputs)} inputs", place)
    try:
        return op.canonical(*inputs).infer(*inputs)
    except ShapeError as problem:
        fail(problem.code, problem.message, place, notes=problem.notes, help=problem.help)
