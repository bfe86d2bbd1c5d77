"""Random well-typed `.cnn` texts, whose shapes the generator knows by itself.

A program is drawn as a small tree of statements. Each statement can say its text and
can work out its shapes: sizes are found by laying windows out one by one, so nothing
here shares a formula with the compiler. While a program grows, its flow is worked out
along; a statement that does not fit is left out. A block's body is worked out again at
every call, with that call's arguments, inputs and defaults.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import gcd
from typing import Any

from hypothesis import reject
from hypothesis import strategies as st

from cnndsl.ops import OPS

Shape = tuple[int, ...]
Flow = tuple[Shape, ...]

WORDS = frozenset(OPS)
LIMIT = 4096
"""Elements of a value, so that programs stay cheap."""
SAME_WORDS = ("relu", "relu6", "leakyrelu", "silu", "hswish", "hsigmoid", "gelu", "abs", "sigmoid",
              "tanh")  # fmt: skip
AWKWARD_LABELS = (
    "conv1", "x", "3a", "b_1", "lambda", "self", "rngs", "jax", "nnx", "kernel", "eval",
    "conv1_2", "out", "params", "_0", "l", "match", "print", "dtype", "bn1", "2b", "relu",
)  # fmt: skip


COUNTS = ("n", "m", "x", "rngs", "in_features", "dtype", "padding", "features", "self")
BLOCKS = ("unit", "cell", "se", "dense_layer", "block2", "Module", "create", "draw", "nnx", "Net")


class Invalid(Exception):
    """A statement does not fit where it stands."""


def ensure(condition: bool) -> None:
    if not condition:
        raise Invalid


# ------------------------------------------------------------------ sizes, by laying out


def windows(n: int, size: int, stride: int, lo: int, hi: int, dilation: int, ceil: bool) -> int:
    """How many windows fit on n elements with padding; rounding up lets one hang over."""
    extent, end = (size - 1) * dilation + 1, n + lo + hi
    starts = [at for at in range(0, max(end, 0), stride) if at + extent <= end]
    ensure(bool(starts))
    over = starts[-1] + stride
    hangs = ceil and starts[-1] + extent < end and over < n + lo
    return len(starts) + hangs


def same_sides(n: int, size: int, stride: int, dilation: int) -> tuple[int, int]:
    """TensorFlow's padding: as many windows as strides, the odd row behind."""
    count = len(range(0, n, stride))
    total = max(0, (count - 1) * stride + (size - 1) * dilation + 1 - n)
    return total // 2, total - total // 2


def half_sides(size: int, dilation: int) -> tuple[int, int]:
    half = ((size - 1) * dilation + 1) // 2
    return half, half


def spread(n: int, size: int, stride: int, dilation: int) -> int:
    """Rows that n elements cover when each spreads over a window."""
    return max(i * stride + tap * dilation for i in range(n) for tap in range(size)) + 1


# ------------------------------------------------------------------ arguments


@dataclass(frozen=True)
class Number:
    """A whole number as an expression, in Python's arithmetic and in the language's."""

    text: str

    def at(self, env: Env) -> int:
        names = {**env.variables, "in_": _Shape(env.within)}
        value = eval(self.text.replace("in.", "in_."), {}, names)
        ensure(isinstance(value, int) and 1 <= value <= 64)
        return int(value)


@dataclass(frozen=True)
class _Shape:
    shape: Shape | None

    @property
    def channels(self) -> int:
        assert self.shape is not None
        return self.shape[-1]


@dataclass(frozen=True)
class Condition:
    text: str

    def at(self, env: Env) -> bool:
        names = {**env.variables, "in_": _Shape(env.within)}
        return bool(eval(self.text.replace("in.", "in_."), {}, names))


@dataclass(frozen=True)
class Window:
    """A size and a stride; each is literal or the name of a parameter."""

    size: tuple[int, int] | str
    stride: tuple[int, int] | str = (1, 1)

    @property
    def text(self) -> str:
        size = self.size if isinstance(self.size, str) else "x".join(map(str, self.size))
        if isinstance(self.stride, str):
            return f"{size}/{self.stride}"
        down, across = self.stride
        if down == across == 1:
            return size
        return f"{size}/{down}" if down == across else f"{size}/{down}x{across}"

    def at(self, env: Env) -> tuple[tuple[int, int], tuple[int, int]]:
        size = env.variables[self.size] if isinstance(self.size, str) else self.size
        stride = env.variables[self.stride] if isinstance(self.stride, str) else self.stride
        return size, (stride, stride) if isinstance(stride, int) else stride


Pad = str | tuple[int, int, int, int]


def pad_text(pad: Pad) -> str:
    if isinstance(pad, str):
        return pad
    top, bottom, left, right = pad
    if len({*pad}) == 1:
        return str(top)
    if top == bottom and left == right and min(pad) >= 0:
        return f"{top}x{left}"
    return f"[{top}, {bottom}, {left}, {right}]"


def sides(
    pad: Pad, x: Shape, size: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Padding in numbers, along height and width."""
    if not isinstance(pad, str):
        return pad[:2], pad[2:]
    if pad == "valid":
        return (0, 0), (0, 0)
    if pad == "half":
        rows, columns = (half_sides(k, d) for k, d in zip(size, dilation, strict=True))
        return rows, columns
    rows, columns = (same_sides(*at) for at in zip(x[:2], size, stride, dilation, strict=True))
    return rows, columns


# ------------------------------------------------------------------ environments


@dataclass(frozen=True)
class Defaults:
    """What statements that say nothing get, as far as shapes depend on it."""

    conv: Pad = "half"
    deconv: Pad = "valid"
    pool: Pad = "valid"
    ceil: bool = False
    include: bool = True


DIALECTS = {
    "torch": Defaults(),
    "keras": Defaults(conv="same", deconv="same", include=False),
    "caffe": Defaults(conv="valid", ceil=True),
    "paper": Defaults(ceil=True),
}


@dataclass
class Env:
    """What is known at a place of the program while its shapes are worked out."""

    variables: dict[str, Any] = field(default_factory=dict)
    strides: tuple[str, ...] = ()
    defaults: Defaults = Defaults()
    within: Shape | None = None
    labels: dict[str, Flow] = field(default_factory=dict)
    outputs: list[tuple[str, Shape, bool]] = field(default_factory=list)
    copy: int = 0

    def copies(self, times: int | None) -> list[Env]:
        """The scopes of the copies of a repeat; itself for what is no repeat."""
        if times is None:
            return [self]
        variables = self.variables
        return [
            replace(self, copy=i, variables={**variables, "copy": i}) for i in range(times)
        ]

    def nested(self, **variables: Any) -> Env:
        """A scope inside: defaults and variables are its own, labels are not."""
        return replace(self, variables={**self.variables, **variables})


class Statement:
    """Base of all statements."""

    def lines(self, unrolled: bool = False) -> list[str]:
        """The text; with `unrolled`, repeats are written as often as they run, if that is
        the same."""
        raise NotImplementedError

    def run(self, env: Env, flow: Flow) -> Flow:
        raise NotImplementedError


def run_all(body: Sequence[Statement], env: Env, flow: Flow) -> Flow:
    for statement in body:
        flow = statement.run(env, flow)
        for shape in flow:
            elements = 1
            for extent in shape:
                elements *= extent
            ensure(elements <= LIMIT)
    return flow


def indented(body: Sequence[Statement], unrolled: bool = False) -> list[str]:
    return [f"  {line}" for statement in body for line in statement.lines(unrolled)]


def alike(lines: Sequence[str]) -> bool:
    """Whether lines say the same in all copies of a repeat, and have no labels."""
    return not any(re.search(r"\b(copy|then)\b|^ *\w+(, \w+)*: ", line) for line in lines)


def shape_text(shape: Shape) -> str:
    return "x".join(map(str, shape))


# ------------------------------------------------------------------ statements


@dataclass(frozen=True)
class Op(Statement):
    """One operator on one value, with its post-ops, maybe several times."""

    text: str
    shape: Callable[[Env, Shape], Shape]
    label: str = ""
    times: int | None = None
    annotation: str = ""

    def lines(self, unrolled: bool = False) -> list[str]:
        label = f"{self.label}: " if self.label else ""
        annotation = f" : {self.annotation}" if self.annotation else ""
        if self.times is None:
            return [f"{label}{self.text}{annotation}"]
        if unrolled and not label and alike([self.text]):
            return [self.text] * (self.times - 1) + [f"{self.text}{annotation}"]
        word, _, arguments = self.text.partition(" ")
        if not word.isidentifier() or word not in WORDS:  # a window at the beginning
            word, arguments = "conv", self.text
        return [f"{label}{word}({arguments}) × {self.times}{annotation}"]

    def run(self, env: Env, flow: Flow) -> Flow:
        ensure(len(flow) == 1)
        (x,) = flow
        for inside in env.copies(self.times):
            x = self.shape(inside, x)
        if self.label:
            env.labels[self.label] = (x,)
        return (x,)


@dataclass(frozen=True)
class Plain(Statement):
    """A line that changes the environment or takes another flow."""

    text: str
    change: Callable[[Env, Flow], Flow]

    def lines(self, unrolled: bool = False) -> list[str]:
        return [self.text]

    def run(self, env: Env, flow: Flow) -> Flow:
        return self.change(env, flow)


@dataclass(frozen=True)
class Braces(Statement):
    """`{ ... }`, repeated, or a stage, a side chain, `if`, `for`, `residual`."""

    head: str
    body: tuple[Statement, ...]
    tail: str
    change: Callable[[Env, Flow, Sequence[Statement]], Flow]

    def lines(self, unrolled: bool = False) -> list[str]:
        head = f"{self.head} " if self.head else ""
        inside = indented(self.body, unrolled)
        times = int(self.tail.split()[-1]) if self.tail else 1
        if unrolled and times > 1 and alike(inside):
            return [f"{head}{{", *inside, "}"] * times
        return [f"{head}{{", *inside, f"}}{self.tail}"]

    def run(self, env: Env, flow: Flow) -> Flow:
        return self.change(env, flow, self.body)


@dataclass(frozen=True)
class Choice(Braces):
    """`if` with a body for the other case."""

    otherwise: tuple[Statement, ...] = ()

    def lines(self, unrolled: bool = False) -> list[str]:
        if not self.otherwise:
            return super().lines(unrolled)
        otherwise = indented(self.otherwise, unrolled)
        return [*super().lines(unrolled)[:-1], "} else {", *otherwise, "}"]


@dataclass(frozen=True)
class Branches(Statement):
    """`concat { | ... | ... }`, maybe several times one after the other."""

    word: str
    branches: tuple[tuple[Statement, ...], ...]
    label: str = ""
    times: int | None = None

    def lines(self, unrolled: bool = False) -> list[str]:
        label = f"{self.label}: " if self.label else ""
        result = [f"{label}{self.word} {{"]
        for branch in self.branches:
            inside = [line for s in branch for line in s.lines(unrolled)] or ["identity"]
            result.append(f"  | {inside[0]}")
            result += [f"    {line}" for line in inside[1:]]
        if unrolled and self.times is not None and alike(result):
            return [*result, "}"] * self.times
        return [*result, "}" if self.times is None else f"}} × {self.times}"]

    def run(self, env: Env, flow: Flow) -> Flow:
        for inside in env.copies(self.times):
            results = [x for b in self.branches for x in run_all(b, inside.nested(), flow)]
            flow = (merge(self.word, results),)
        if self.label:
            env.labels[self.label] = flow
        return flow


def merge(word: str, shapes: Sequence[Shape]) -> Shape:
    """The shape of `concat`, `add`, `sub` or `mul`."""
    full = max(shapes, key=lambda s: (_area(s), len(s)))
    if word == "concat":
        ensure(len({s[:-1] for s in shapes}) == 1)
        return (*full[:-1], sum(s[-1] for s in shapes))
    ensure(len({s[-1] for s in shapes}) == 1)
    if word in ("add", "sub"):
        ensure(len(set(shapes)) == 1)
    else:
        ensure(all(s == full or _area(s) == 1 for s in shapes))
    return full


def _area(shape: Shape) -> int:
    area = 1
    for extent in shape[:-1]:
        area *= extent
    return area


INNER = {
    "thin": "conv 1x1, n, pad=0",
    "wide": "conv 3x3, n, pad=1, relu",
    "fitting": "if in.channels != n { conv 1x1, n, pad=0, bn }",
    "deep": "thin(n); relu; wide(n)",
}
"""Blocks that are arguments of blocks: all give a map of the same size with n channels."""


@dataclass(frozen=True)
class Inner:
    """One of them as a value."""

    name: str

    def shape(self, x: Shape, count: int) -> Shape:
        return (*_as_map(x)[:2], count)


@dataclass
class Block:
    """A block: parameters with the arguments of its first call, and its body.

    Arguments:
        kinds: of its parameters by name: `count`, `stride`, `window`, `word`.
        defaults: texts of parameters that need not be given.
        inputs: names of its inputs, if it has several.
        sample: arguments and inputs for which it certainly works.
    """

    name: str
    kinds: dict[str, str]
    defaults: dict[str, tuple[str, Any]]
    body: tuple[Statement, ...]
    inputs: tuple[str, ...]
    sample: tuple[dict[str, tuple[str, Any]], Flow]

    def text(self, unrolled: bool = False) -> list[str]:
        shown = [f"{n} = {self.defaults[n][0]}" if n in self.defaults else n for n in self.kinds]
        parameters = f"({', '.join(shown)})" if shown else ""
        inputs = [f"  input {', '.join(self.inputs)}"] if self.inputs else []
        body = indented(self.body, unrolled)
        return [f"block {self.name}{parameters} {{", *inputs, *body, "}"]

    def run(self, env: Env, flow: Flow, values: dict[str, Any]) -> Flow:
        known = {**{n: v for n, (_, v) in self.defaults.items()}, **values}
        labels = {n: (x,) for n, x in zip(self.inputs, flow, strict=False)}
        inside = Env(known, (), env.defaults, flow[0], labels)
        flow = run_all(self.body, inside, flow)
        return tuple(shape for _, shape, _ in inside.outputs) or flow


@dataclass
class _TextBlock(Block):
    """A block that is written by hand."""

    written: list[str]
    work: Callable[[Env, Flow], Flow]

    def text(self, unrolled: bool = False) -> list[str]:
        return self.written

    def run(self, env: Env, flow: Flow, values: dict[str, Any]) -> Flow:
        return self.work(replace(env, variables=values), flow)


@dataclass(frozen=True)
class Call(Statement):
    """A call of a block; an argument is a text with the value for each copy."""

    block: Block
    arguments: tuple[tuple[str, str, Callable[[Env], Any]], ...]
    times: int | None = None
    labels: tuple[str, ...] = ()
    positional: int = 0

    def lines(self, unrolled: bool = False) -> list[str]:
        shown = [
            text if i < self.positional else f"{name}={text}"
            for i, (name, text, _) in enumerate(self.arguments)
        ]
        times = f" × {self.times}" if self.times is not None else ""
        arguments = f"({', '.join(shown)})" if shown or times else ""
        labels = f"{', '.join(self.labels)}: " if self.labels else ""
        given = f"({', '.join(shown)})" if shown else ""
        if unrolled and self.times is not None and not labels and alike(shown):
            return [f"{self.block.name}{given}"] * self.times
        return [f"{labels}{self.block.name}{arguments}{times}"]

    def run(self, env: Env, flow: Flow) -> Flow:
        for inside in env.copies(self.times):
            values = {name: value(inside) for name, _, value in self.arguments}
            flow = self.block.run(env, flow, values)
        if len(self.labels) == len(flow):
            env.labels.update((label, (x,)) for label, x in zip(self.labels, flow, strict=True))
        return flow


# ------------------------------------------------------------------ drawing


class Chooser:
    """Makes choices from bytes; when they end, it chooses the simplest.

    Hypothesis draws all bytes at once: evenly, where many small draws would be varied in
    a few places from one example to the next. Smaller bytes are simpler programs.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def number(self, low: int, high: int) -> int:
        if self.at >= len(self.data) or low == high:
            return low
        self.at += 1
        return low + self.data[self.at - 1] % (high - low + 1)

    def chance(self, of: int) -> bool:
        """True once in `of` times; false is simpler."""
        return self.number(0, of - 1) == of - 1

    def one(self, options: Sequence[Any]) -> Any:
        return options[self.number(0, len(options) - 1)]


@dataclass(frozen=True)
class Program:
    """A text, the model in it to compile, and what the generator knows of it.

    Arguments:
        unrolled: another text for the same, with repeats written out.
    """

    text: str
    model: str
    inputs: tuple[tuple[str, Shape], ...]
    outputs: tuple[tuple[str, Shape, bool], ...]
    settings: tuple[tuple[str, str], ...] = ()
    unrolled: str = ""


CHOICES = 500


def programs(symbolic: bool = False) -> st.SearchStrategy[Program]:
    """Programs; with `symbolic`, every input is H×W and no size is fixed."""

    def program(data: bytes) -> Program:
        try:
            return _Generator(Chooser(data), symbolic).program()
        except Invalid:
            reject()

    return st.binary(min_size=CHOICES, max_size=CHOICES).map(program)


class _Generator:
    def __init__(self, choose: Chooser, symbolic: bool) -> None:
        self.choose = choose
        self.symbolic = symbolic
        self.blocks: list[Block] = []
        self.used: set[str] = set()
        self.numbered = 0
        self.dialect = "torch"
        self.in_block = False

    # -------------------------------------------------------------- programs

    def program(self) -> Program:
        c = self.choose
        self.dialect = c.one(["torch", "torch", "torch", "keras", "caffe", "paper"])
        env = Env(defaults=DIALECTS[self.dialect])
        width, settings = self._model_parameter(env)
        body: list[Statement] = []
        flow: Flow = ()
        inputs = self._inputs()
        for position, (name, shape) in enumerate(inputs):
            statement = self._input(name, shape)
            flow = self._take(body, statement, env, flow)
            for _ in range(c.number(1, 3) if position + 1 < len(inputs) else 0):
                flow = self._grow(body, env, flow, 0)
            if len(inputs) > 1:
                flow = self._name(body, env, flow, f"end{position}")
        if len(inputs) > 1:
            flow = self._join_inputs(body, env, flow, len(inputs))
        for _ in range(c.number(1, 7)):
            flow = self._grow(body, env, flow, 0)
        if c.chance(2):
            flow = self._finish(body, env, flow)
        self._last_output(body, env, flow)
        if not any(not training for _, _, training in env.outputs):
            ends = ["output"] if len(flow) == 1 else [f"output_{i + 1}" for i in range(len(flow))]
            env.outputs[:0] = [(n, x, False) for n, x in zip(ends, flow, strict=True)]
        return self._assemble(body, env, width, settings, inputs)

    def _assemble(
        self,
        body: list[Statement],
        env: Env,
        width: str,
        settings: tuple[tuple[str, str], ...],
        inputs: list[tuple[str, Shape]],
    ) -> Program:
        first = ["cnn 1"] if self.choose.chance(3) else []
        texts = []
        for unrolled in (False, True):
            lines = list(first)
            if any("block" in block.kinds.values() for block in self.blocks):
                lines += [f"block {name}(n) {{ {text} }}" for name, text in INNER.items()]
            for block in self.blocks:
                lines += [*block.text(unrolled), ""]
            lines += [f"model net{width} {{", *indented(body, unrolled), "}"]
            if self.dialect != "torch":
                lines.append(f"model other = net in {self.dialect}")
            texts.append("\n".join(lines) + "\n")
        model = "net" if self.dialect == "torch" else "other"
        return Program(
            texts[0], model, tuple(inputs), tuple(env.outputs), settings, texts[1]
        )

    def _model_parameter(self, env: Env) -> tuple[str, tuple[tuple[str, str], ...]]:
        """Maybe a parameter of the model, and maybe a setting that overrides its default."""
        if not self.choose.chance(3):
            return "", ()
        default, chosen = self.choose.number(2, 12), self.choose.number(2, 12)
        override = self.choose.chance(2)
        env.variables["width"] = chosen if override else default
        settings = (("width", str(chosen)),) if override and self.dialect == "torch" else ()
        if override and not settings:
            env.variables["width"] = default
        return f"(width = {default})", settings

    def _inputs(self) -> list[tuple[str, Shape]]:
        c = self.choose
        if self.symbolic:
            return [("x", (c.number(8, 14), c.number(8, 14), c.number(1, 8)))]
        kind = c.number(0, 11)
        if kind == 11:
            return [("x", (c.number(2, 9), 2 * c.number(1, 6)))]  # a sequence
        if kind == 10:
            return [("x", (c.number(1, 12),))]
        count = 2 if kind >= 8 else 1
        names = ["x"] if count == 1 else ["left", "right"]
        return [(n, (c.number(5, 17), c.number(5, 17), c.number(1, 12))) for n in names]

    def _input(self, name: str, shape: Shape) -> Statement:
        labelled = name != "x" or self.choose.chance(2)

        def change(env: Env, flow: Flow) -> Flow:
            if labelled:
                env.labels[name] = (shape,)
            return (shape,)

        text = f"H×W×{shape[-1]}" if self.symbolic else shape_text(shape)
        label = f"{name}: " if labelled else ""
        self.used.add(name)
        return Plain(f"{label}input {text}", change)

    def _join_inputs(self, body: list[Statement], env: Env, flow: Flow, count: int) -> Flow:
        """Bring the ends of all inputs together: pooled to vectors, and concatenated."""
        names = []
        for position in range(count):
            label = f"end{position}"
            flow = self._take(body, self._from(label), env, flow)
            if len(flow) > 1:
                flow = self._take(body, Plain("concat", _concat_all), env, flow)
            if len(flow[0]) == 3:
                pool = Op("globalavgpool", lambda env, x: (x[2],), label=f"pooled{position}")
                flow = self._take(body, pool, env, flow)
                names.append(f"pooled{position}")
            else:
                names.append(label)

        def change(env: Env, flow: Flow) -> Flow:
            return (merge("concat", [x for name in names for x in env.labels[name]]),)

        return self._take(body, Plain(f"concat({', '.join(names)})", change), env, flow)

    def _name(self, body: list[Statement], env: Env, flow: Flow, label: str) -> Flow:
        """Give the flow a label."""

        def change(env: Env, flow: Flow, inside: Sequence[Statement]) -> Flow:
            flow = run_all(inside, env.nested(), flow)
            env.labels[label] = flow
            return flow

        if len(flow) > 1:
            flow = self._take(body, Plain("concat", _concat_all), env, flow)
        relu = Op("relu", lambda env, x: x)
        return self._take(body, Braces(f"{label}:", (relu,), "", change), env, flow)

    def _finish(self, body: list[Statement], env: Env, flow: Flow) -> Flow:
        """A classifier at the end."""
        if len(flow) == 1 and len(flow[0]) == 3:
            flow = self._take(body, self._collapse(flow[0]), env, flow)
        if len(flow) == 1:
            count = self.choose.number(2, 10)
            fc = Op(f"fc {count}", lambda env, x: _dense(x, count))
            flow = self._take(body, fc, env, flow)
        if len(flow) == 1 and self.choose.chance(2):
            flow = self._take(body, Op("softmax", lambda env, x: x), env, flow)
        return flow

    def _last_output(self, body: list[Statement], env: Env, flow: Flow) -> None:
        """With outputs declared on the way, the end of the flow needs a declaration too."""
        declared = any(not training for _, _, training in env.outputs)
        if declared or self.choose.chance(4):
            def change(env: Env, flow: Flow) -> Flow:
                names = ["end"] if len(flow) == 1 else [f"end_{i + 1}" for i in range(len(flow))]
                env.outputs += [(n, x, False) for n, x in zip(names, flow, strict=True)]
                return flow

            self._take(body, Plain("output end", change), env, flow)

    # -------------------------------------------------------------- growing

    def _take(self, body: list[Statement], statement: Statement, env: Env, flow: Flow) -> Flow:
        """Append a statement that fits for sure, whatever its size."""
        flow = statement.run(env, flow)
        body.append(statement)
        return flow

    def _grow(self, body: list[Statement], env: Env, flow: Flow, depth: int) -> Flow:
        """Append a random statement; none, when what is drawn does not fit."""
        try:
            statement = self._statement(env, flow, depth)
            before = dict(env.labels), list(env.outputs), env.defaults
            try:
                result = run_all([statement], env, flow)
            except Invalid:
                env.labels, env.outputs[:], env.defaults = before[0], before[1], before[2]
                raise
        except Invalid:
            return flow
        body.append(statement)
        return result

    def _body(
        self, env: Env, flow: Flow, depth: int, low: int, high: int
    ) -> tuple[Statement, ...]:
        """A body that fits onto this flow in a copy of this scope."""
        body: list[Statement] = []
        inside = replace(env.nested(), labels=dict(env.labels), outputs=[])
        for _ in range(self.choose.number(low, high)):
            flow = self._grow(body, inside, flow, depth + 1)
        return tuple(body)

    def _statement(self, env: Env, flow: Flow, depth: int) -> Statement:
        c = self.choose
        if len(flow) > 1:
            return self._gather(env, flow)
        x = flow[0]
        kinds: list[Callable[[Env, Shape, int], Statement]] = [self._simple] * 5
        if len(x) == 3:
            kinds += [self._conv] * 5 + [self._transposed]
        if depth < 3:
            kinds += [self._default, self._group, self._branching, self._residual, self._dense]
            if len(x) == 3:
                kinds += [self._aligned] * 2 + [self._gate]
            if depth == 0 and not self.in_block:
                kinds += [self._call] * 4 + [self._side_chain, self._stage]
                if len(x) == 3:
                    kinds += [self._cells]
                if len(x) == 3 and not self.symbolic:
                    kinds += [self._pyramid]
            elif self.in_block and any(not block.inputs for block in self.blocks):
                kinds += [self._call]
            if depth == 0:
                kinds += [self._jump, self._split, self._named_merge, self._share]
            if self.in_block:
                kinds += [self._if] * 2
                if "inner" in env.variables:
                    kinds += [self._inner] * 3
            if depth <= 1:
                kinds += [self._for]
        return c.one(kinds)(env, x, depth)

    # -------------------------------------------------------------- arguments

    def _count(self, env: Env, low: int = 1, high: int = 16) -> Number:
        """A number of channels: literal, or in terms of parameters."""
        c = self.choose
        names = [n for n, v in env.variables.items() if isinstance(v, int)]
        if self.in_block and env.within is not None:
            names.append("in.channels")
        options = [str(c.number(low, high))]
        if names:
            name = c.one(names)
            options += [name, name, f"2 * {name}", f"{name} + {c.number(1, 8)}"]
        number = Number(c.one(options))
        number.at(env)
        return number

    def _size(self, n: int, most: int = 5) -> int:
        return self.choose.number(1, max(1, min(n, most)))

    def _window(self, env: Env, x: Shape, strides: bool = True) -> Window:
        c = self.choose
        sizes = [n for n, v in env.variables.items() if isinstance(v, tuple)]
        steps = env.strides
        size: tuple[int, int] | str = (self._size(x[0]), self._size(x[1]))
        if c.chance(2):
            size = (c.one([3, 1, 2, 5]),) * 2
        if sizes and c.chance(2):
            size = c.one(sizes)
        stride: tuple[int, int] | str = (1, 1)
        if strides and c.chance(2):
            stride = (c.number(1, 3), c.number(1, 3)) if c.chance(2) else (2, 2)
        if strides and steps and c.chance(2):
            stride = c.one(steps)
        return Window(size, stride)

    def _pad(self) -> Pad | None:
        c = self.choose
        kind = c.number(0, 6)
        if kind == 6:
            return tuple(c.number(-1, 3) for _ in range(4))  # type: ignore[return-value]
        if kind == 5:
            return (c.number(0, 2),) * 2 + (c.number(0, 2),) * 2  # type: ignore[return-value]
        return (None, None, "half", "same", "valid")[kind]

    def _posts(self, env: Env) -> list[str]:
        """Post-ops, which keep every shape."""
        c = self.choose
        words = ["bn", "relu", *SAME_WORDS, "dropout(0.3)", "leakyrelu(slope=0.1)", "ln",
                 "times(0.3)"]  # fmt: skip
        words += [n for n, v in env.variables.items() if isinstance(v, str)]
        return [c.one(words) for _ in range(c.one([0, 0, 1, 2, 2]))]

    def _label(self, depth: int) -> str:
        """A new label; only where it is defined once."""
        if depth or not self.choose.chance(3):
            return ""
        name = self.choose.one(AWKWARD_LABELS) if self.choose.chance(2) else ""
        return self._fresh(name or "node")

    def _fresh(self, name: str) -> str:
        wanted = name
        while name in self.used:
            self.numbered += 1
            name = f"{wanted}{self.numbered}"
        self.used.add(name)
        return name

    def _finished(self, op: Op, env: Env, x: Shape, depth: int) -> Op:
        """The operator with a label, a repeat and an annotation, now and then."""
        c = self.choose
        op = replace(op, label=self._label(depth))
        if c.chance(6):
            op = replace(op, times=c.number(1, 3))
        if not self.in_block and not self.symbolic and depth == 0 and c.chance(3):
            trial = replace(env, labels=dict(env.labels), outputs=[])
            op = replace(op, annotation=shape_text(op.run(trial, (x,))[0]))
        return op

    # -------------------------------------------------------------- operators

    def _conv(self, env: Env, x: Shape, depth: int) -> Statement:
        c = self.choose
        word = c.one(["conv", "conv", "", "dwconv", "deconv", "maxpool", "avgpool"])
        if word in ("maxpool", "avgpool"):
            return self._finished(self._pool(env, x, word), env, x, depth)
        if word == "deconv":
            return self._finished(self._deconv(env, x), env, x, depth)
        window = self._window(env, x)
        if isinstance(window.size, str) and not word:
            word = "conv"  # only a literal window begins a statement
        dilation = (c.number(1, 2), c.number(1, 3)) if c.chance(4) else (1, 1)
        pad = self._pad()
        arguments = [window.text]
        count = self._count(env) if word != "dwconv" else None
        multiplier = c.number(1, 3) if word == "dwconv" and c.chance(2) else 1
        groups = 1
        if count is not None:
            arguments.append(count.text)
            common = gcd(x[-1], count.at(env))
            if common > 1 and c.chance(3):
                groups = c.one([g for g in range(2, common + 1) if common % g == 0])
                arguments.append(f"groups={groups}")
        elif multiplier > 1:
            arguments.append(str(multiplier))
        arguments += self._common(pad, dilation, env)

        def shape(env: Env, x: Shape) -> Shape:
            x = _as_map(x)
            outputs = x[2] * multiplier if count is None else count.at(env)
            ensure(x[2] % groups == 0 and outputs % groups == 0)
            given = env.defaults.conv if pad is None else pad
            return (*_windowed(x, window.at(env), given, dilation, False), outputs)

        return self._finished(Op(f"{word} {', '.join(arguments)}".strip(), shape), env, x, depth)

    def _common(self, pad: Pad | None, dilation: tuple[int, int], env: Env) -> list[str]:
        """Arguments of all convolutions, and post-ops."""
        c = self.choose
        arguments = []
        if pad is not None:
            bare = isinstance(pad, str) and c.chance(2)
            arguments.append(pad_text(pad) if bare else f"pad={pad_text(pad)}")
        if dilation != (1, 1):
            down, across = dilation
            text = str(down) if down == across else f"{down}x{across}"
            arguments.append(f"dilation={text}")
        if c.chance(4):
            arguments.append(c.one(["bias=false", "bias"]))
        if c.chance(6):
            return [*arguments, "linear"]
        return arguments + self._posts(env)

    def _transposed(self, env: Env, x: Shape, depth: int) -> Statement:
        return self._finished(self._deconv(env, x), env, x, depth)

    def _deconv(self, env: Env, x: Shape) -> Op:
        c = self.choose
        window = self._window(env, x)
        _size, stride = window.at(env)
        dilation = (c.number(1, 2), c.number(1, 2)) if c.chance(3) else (1, 1)
        pad = c.one([None, None, "same", "half", (1, 1, 1, 1), (0, 1, 0, 0), (1, 0, 0, 2)])
        limits = [max(s, d) - 1 for s, d in zip(stride, dilation, strict=True)]
        extra = tuple(c.number(0, limit) for limit in limits) if c.chance(2) else (0, 0)
        count = self._count(env)
        arguments = [window.text, count.text]
        groups = 1
        common = gcd(x[-1], count.at(env))
        if common > 1 and c.chance(3):
            groups = c.one([g for g in range(2, common + 1) if common % g == 0])
            arguments.append(f"groups={groups}")
        if extra != (0, 0):
            down, across = extra
            text = str(down) if down == across else f"{down}x{across}"
            arguments.append(f"output_padding={text}")
        arguments += self._common(pad, dilation, env)

        def shape(env: Env, x: Shape) -> Shape:
            x = _as_map(x)
            size, stride = window.at(env)
            given = env.defaults.deconv if pad is None else pad
            outputs = count.at(env)
            ensure(x[2] % groups == 0 and outputs % groups == 0)
            result = []
            for axis in range(2):
                n, k, s, d = x[axis], size[axis], stride[axis], dilation[axis]
                whole = spread(n, k, s, d)
                if given == "same":
                    cut = whole - n * s
                elif given == "half":
                    cut = sum(half_sides(k, d))
                else:
                    cut = 0 if isinstance(given, str) else sum(given[2 * axis : 2 * axis + 2])
                result.append(whole - cut + extra[axis])
            ensure(min(result) >= 1)
            return (result[0], result[1], outputs)

        return Op(f"deconv {', '.join(arguments)}", shape)

    def _local(self, env: Env, x: Shape) -> Op:
        """Without padding, whose products its code computes."""
        window, count = self._window(env, x), self._count(env)
        arguments = [window.text, count.text, "valid"]
        if self.choose.chance(3):
            arguments.append("bias=false")
        arguments += self._posts(env)

        def shape(env: Env, x: Shape) -> Shape:
            return (*_windowed(_map(x), window.at(env), "valid", (1, 1), False), count.at(env))

        return Op(f"local {', '.join(arguments)}", shape)

    def _pool(self, env: Env, x: Shape, word: str) -> Op:
        c = self.choose
        window = self._window(env, x)
        dilation = (1, 1)
        if word == "maxpool" and c.chance(4):
            dilation = (c.number(1, 2), c.number(1, 2))
        pads = [None, None, "same", "half", (1, 1, 1, 1), (0, 1, 1, 0), (1, 1, 0, 0)]
        pad: Pad | None = c.one(pads)
        rounding = c.one([None, None, "ceil", "floor"])
        include = c.one([None, True, False]) if word == "avgpool" else None
        arguments = [window.text]
        if pad is not None:
            arguments.append(f"pad={pad_text(pad)}")
        if dilation != (1, 1):
            down, across = dilation
            arguments.append(f"dilation={down}" if down == across else f"dilation={down}x{across}")
        if rounding:
            arguments.append(c.one([rounding, f"rounding={rounding}"]))
        if include is not None:
            arguments.append(f"count_include_pad={str(include).lower()}")
        arguments += self._posts(env)

        def shape(env: Env, x: Shape) -> Shape:
            given = env.defaults.pool if pad is None else pad
            ceil = env.defaults.ceil if rounding is None else rounding == "ceil"
            return (*_windowed(x, window.at(env), given, dilation, ceil, real=True), x[2])

        return Op(f"{word} {', '.join(arguments)}", shape)

    def _simple(self, env: Env, x: Shape, depth: int) -> Statement:
        """An operator without a window, for any rank."""
        c = self.choose
        options: list[Callable[[], Op]] = [
            lambda: Op(c.one(SAME_WORDS), lambda env, x: x),
            lambda: Op(c.one(["bn", "bn scale=false", "bn shift=false, eps=0.01"]), lambda e, x: x),
            lambda: Op(c.one(["ln", "ln scale=false", "ln eps=1e-3"]), lambda env, x: x),
            lambda: Op(c.one(["layerscale", "layerscale 0.1"]), lambda env, x: x),
            lambda: Op(c.one(["dropout 40%", "droppath 0.1", "gelu approximate"]), lambda e, x: x),
            lambda: Op(c.one(["times 0.5", "times -0.1", "times 2"]), lambda env, x: x),
            lambda: self._drop_deeper(),
            lambda: self._grouped("gn", x),
            lambda: Op("softmax", lambda env, x: x),
        ]
        if len(x) != 2:
            options.append(lambda: self._lrn())
        if len(x) == 3:
            options += [
                lambda: self._grouped("shuffle", x),
                lambda: self._upsample(x),
                lambda: self._upsample(x),
                lambda: self._squares(x),
                lambda: self._border(),
                lambda: self._border(),
                lambda: self._more_channels(env, x),
            ]
            if not self.symbolic and not self.in_block:  # a block may be shared at other sizes
                options.append(lambda: self._local(env, x))
            if depth == 0 and not self.in_block and c.chance(3):
                options = [lambda: self._collapse(x)]
        else:
            options += [lambda: self._fc(env)] * 3
        return self._finished(c.one(options)(), env, x, depth)

    def _fc(self, env: Env) -> Op:
        count = self._count(env)
        more = [*(["bias=false"] if self.choose.chance(3) else []), *self._posts(env)]
        text = ", ".join([count.text, *more])

        def shape(env: Env, x: Shape) -> Shape:
            return _dense(x, count.at(env))

        return Op(f"fc {text}", shape)

    def _grouped(self, word: str, x: Shape) -> Op:
        groups = self.choose.one([g for g in range(1, x[-1] + 1) if x[-1] % g == 0])

        def shape(env: Env, x: Shape) -> Shape:
            ensure(x[-1] % groups == 0)
            return x

        return Op(f"{word} {groups}", shape)

    def _drop_deeper(self) -> Op:
        """Stochastic depth whose rate grows with the number of the call."""
        ensure(self.in_block)
        return Op("droppath 0.2 * (nth + 1) / (total + 1)", lambda env, x: x)

    def _lrn(self) -> Op:
        text = self.choose.one(["lrn", "lrn 3", "lrn 4, alpha=0.5", "lrn 5, mode=sum, k=2"])
        return Op(text, lambda env, x: x)

    def _upsample(self, x: Shape) -> Op:
        c = self.choose
        mode = c.one(["nearest", "bilinear", "bicubic"])
        more = f", mode={mode}" if mode != "nearest" else ""
        if mode != "nearest" and c.chance(2):
            more += ", align_corners"
        if c.chance(3) and not self.symbolic:
            size = c.number(1, 14), c.number(1, 14)
            text = f"upsample size={size[0]}x{size[1]}{more}"
            return Op(text, lambda env, x: (*size, _map(x)[2]))
        down, across = c.number(1, 3), c.number(1, 2)
        text = f"{down}x{across}" if down != across or c.chance(2) else str(down)
        return Op(f"upsample {text}{more}", lambda env, x: (_map(x)[0] * down, x[1] * across, x[2]))

    def _squares(self, x: Shape) -> Op:
        """`depth_to_space` and `space_to_depth` by a factor that fits."""
        c = self.choose
        order = c.one(["", ", crd", ", dcr"])
        down = [] if self.symbolic else [r for r in (2, 3) if x[0] % r == x[1] % r == 0]
        if down and c.chance(2):
            r = c.one(down)

            def gather(env: Env, x: Shape) -> Shape:
                ensure(_map(x)[0] % r == x[1] % r == 0)
                return (x[0] // r, x[1] // r, x[2] * r * r)

            return Op(f"space_to_depth {r}{order}", gather)
        r = c.one([r for r in (1, 2, 3) if x[2] % (r * r) == 0])

        def spread(env: Env, x: Shape) -> Shape:
            ensure(_map(x)[2] % (r * r) == 0)
            return (x[0] * r, x[1] * r, x[2] // (r * r))

        return Op(f"depth_to_space {r}{order}", spread)

    def _border(self) -> Op:
        c = self.choose
        word = c.one(["pad", "crop"])
        amounts = tuple(c.number(0, 2) for _ in range(4))
        sign = 1 if word == "pad" else -1
        value = ", value=0.5" if word == "pad" and c.chance(3) else ""

        def shape(env: Env, x: Shape) -> Shape:
            height = _map(x)[0] + sign * (amounts[0] + amounts[1])
            width = x[1] + sign * (amounts[2] + amounts[3])
            ensure(height >= 1 and width >= 1)
            return height, width, x[2]

        return Op(f"{word} {pad_text(amounts)}{value}", shape)  # type: ignore[arg-type]

    def _more_channels(self, env: Env, x: Shape) -> Op:
        total = x[2] + self.choose.number(0, 5)

        def shape(env: Env, x: Shape) -> Shape:
            ensure(_map(x)[2] <= total)
            return (*x[:2], total)

        return Op(f"pad_channels {total}", shape)

    def _collapse(self, x: Shape) -> Op:
        """From a map to a vector."""
        words = ["globalavgpool", "globalmaxpool"]
        words += [] if self.symbolic else ["flatten", "flatten chw"]
        word = self.choose.one(words)
        if word.startswith("global"):
            return Op(word, lambda env, x: (_map(x)[2],))
        return Op(word, lambda env, x: (_map(x)[0] * x[1] * x[2],))

    # -------------------------------------------------------------- structure

    def _default(self, env: Env, x: Shape, depth: int) -> Statement:
        """`default`: arguments and post-ops for what follows in this scope."""
        c = self.choose
        word, setting = c.one([
            ("conv", "bn, relu"), ("conv", "relu"), ("conv", "pad=valid"), ("conv", "pad=same, bn"),
            ("pool", "ceil"), ("pool", "floor"), ("maxpool", "pad=half"), ("bn", "eps=1e-3"),
            ("lrn", "k=2, mode=sum"), ("fc", "tanh"), ("avgpool", "count_include_pad=false"),
        ])  # fmt: skip

        def change(env: Env, flow: Flow) -> Flow:
            changes: dict[str, Any] = {
                "pad=valid": {"conv": "valid"},
                "pad=same, bn": {"conv": "same"},
                "ceil": {"ceil": True},
                "floor": {"ceil": False},
            }.get(setting, {})
            ensure(setting != "pad=half")  # half a window may be more than a small map has
            if word == "conv" and "conv" in changes:  # the family: `deconv` has the argument too
                changes["deconv"] = changes["conv"]
            env.defaults = replace(env.defaults, **changes)
            return flow

        return Plain(f"default {word}: {setting}", change)

    def _group(self, env: Env, x: Shape, depth: int) -> Statement:
        times = self.choose.one([None, 2, 3, 4])
        inside = env if times is None else env.nested(copy=0)
        body = self._body(inside, (x,), depth + (times is not None), 1, 3)
        ensure(bool(body))

        def change(env: Env, flow: Flow, body: Sequence[Statement]) -> Flow:
            for inside in env.copies(times):
                flow = run_all(body, inside.nested(), flow)
            return flow

        return Braces("", body, f" × {times}" if times is not None else "", change)

    def _stage(self, env: Env, x: Shape, depth: int) -> Statement:
        body = self._body(env, (x,), depth, 1, 3)
        ensure(bool(body))
        name = self._fresh("deep")

        def change(env: Env, flow: Flow, body: Sequence[Statement]) -> Flow:
            flow = run_all(body, env.nested(), flow)
            env.labels[name] = flow
            return flow

        return Braces(f"stage {name}", body, "", change)

    def _branching(self, env: Env, x: Shape, depth: int) -> Statement:
        """Branches as they come; they fit or the statement is left out."""
        word = self.choose.one(["concat", "concat", "add", "mul", "sub"])
        keep = word != "concat"
        branches = [
            self._keeping(env, x, depth) if keep else self._body(env, (x,), depth, 0, 2)
            for _ in range(2 if word == "sub" else self.choose.number(2, 3))
        ]
        times = self.choose.number(1, 3) if depth and self.choose.chance(3) else None
        return Branches(word, tuple(branches), self._label(depth), times)

    def _dense(self, env: Env, x: Shape, depth: int) -> Statement:
        """`concat { | identity | layer } × n`, as in DenseNet: the input of each copy is wider."""
        c = self.choose
        count = self._count(env, 1, 4)
        layer: list[Statement] = []
        if c.chance(2):
            layer.append(self._same_size(env, x, self._count(env, 1, 6)))
        layer.append(self._same_size(env, x, count))
        branches: list[tuple[Statement, ...]] = [(), tuple(layer)]
        branches = branches if c.chance(2) else branches[::-1]
        return Branches("concat", tuple(branches), self._label(depth), c.number(1, 4))

    def _keeping(self, env: Env, x: Shape, depth: int) -> tuple[Statement, ...]:
        """A body that keeps the shape."""
        body: list[Statement] = []
        inside = replace(env.nested(), labels=dict(env.labels), outputs=[])
        for _ in range(self.choose.number(0, 2)):
            op = self._same_size(inside, x, Number(str(x[-1])))
            try:
                if run_all([op], inside, (x,)) == (x,):
                    body.append(op)
            except Invalid:
                continue
        return tuple(body)

    def _same_size(self, env: Env, x: Shape, count: Number) -> Op:
        """An operator that keeps height and width and gives so many channels."""
        c = self.choose
        if len(x) != 3:
            posts = self._posts(env)
            text = ", ".join([count.text, *posts])
            return Op(f"fc {text}", lambda env, x: _dense(x, count.at(env)))
        return self._strided(env, x, count, 1) if c.chance(2) else Op(
            f"conv 1x1, {', '.join([count.text, 'pad=0', *self._posts(env)])}",
            lambda env, x: (*_as_map(x)[:2], count.at(env)),
        )

    def _strided(self, env: Env, x: Shape, count: Number, stride: int | str) -> Op:
        """A convolution that gives ⌈n / stride⌉ rows and columns."""
        c = self.choose
        if c.chance(3):
            size, pad = (c.number(1, 4), c.number(1, 4)), "same"
        else:
            size, pad = (c.one([1, 3, 5]), c.one([1, 3, 5])), "half"
        steps = (stride, stride) if isinstance(stride, int) else stride
        window = Window(size, steps)  # type: ignore[arg-type]
        arguments = [window.text, count.text, f"pad={pad}", *self._posts(env)]

        def shape(env: Env, x: Shape) -> Shape:
            return (*_windowed(x, window.at(env), pad, (1, 1), False), count.at(env))

        return Op(f"conv {', '.join(arguments)}", shape)

    def _aligned(self, env: Env, x: Shape, depth: int) -> Statement:
        """Branches of different convolutions with one stride."""
        c = self.choose
        stride: int | str = c.one([1, 2, 3, *env.strides])
        word = c.one(["add", "concat"])
        count = self._count(env)
        branches = []
        for _ in range(c.number(2, 3)):
            own = count if word == "add" else self._count(env)
            body: list[Statement] = list(self._keeping(env, x, depth))
            body.append(self._strided(env, x, own, stride))
            branches.append(tuple(body))
        if word == "concat" and stride != 1:
            window = Window((3, 3), (stride, stride) if isinstance(stride, int) else stride)

            def pool(env: Env, x: Shape) -> Shape:
                sizes = _windowed(x, window.at(env), (1, 1, 1, 1), (1, 1), False, real=True)
                return (*sizes, x[2])

            branches.append((Op(f"maxpool {window.text}, pad=1, floor", pool),))
        return Branches(word, tuple(branches), self._label(depth))

    def _residual(self, env: Env, x: Shape, depth: int) -> Statement:
        body = self._keeping(env, x, depth)
        conditional = self.in_block and self.choose.chance(2)
        count = Number(str(x[-1]))
        if self.in_block and self.choose.chance(2):
            count = Number("in.channels")
            ensure(count.at(env) == x[-1])
        body = (*body, self._same_size(env, x, count))
        condition = Condition(self.choose.one(["in.channels > 4", "in.channels == 6"]))
        when = f"(when={condition.text})" if conditional else ""

        def change(env: Env, flow: Flow, body: Sequence[Statement]) -> Flow:
            result = run_all(body, env.nested(), flow)
            if conditional and not condition.at(env):
                return result
            return (merge("add", [*result, *flow]),)

        return Braces(f"residual{when}", body, "", change)

    def _gate(self, env: Env, x: Shape, depth: int) -> Statement:
        """Squeeze and excitation: a product with a vector or a 1x1 map."""
        c = self.choose
        pool = c.one(["globalavgpool", "globalmaxpool"])
        squeeze = self._count(env, 1, 6)
        word = c.one(["conv 1x1, ", "fc "])
        channels = str(x[2])
        if self.in_block and env.within is not None and env.within[-1] == x[2]:
            channels = c.one([channels, "in.channels"])
        full = Number(channels)
        vector = word == "fc "

        def dense(count: Number) -> Callable[[Env, Shape], Shape]:
            return lambda env, x: (count.at(env),) if vector else (1, 1, count.at(env))

        gate = (
            Op(pool, lambda env, x: (_map(x)[2],)),
            Op(f"{word}{squeeze.text}, relu", dense(squeeze)),
            Op(f"{word}{full.text}, {c.one(['sigmoid', 'hsigmoid'])}", dense(full)),
        )
        branches: list[tuple[Statement, ...]] = [(), gate]
        return Branches("mul", tuple(branches if c.chance(2) else branches[::-1]))

    def _if(self, env: Env, x: Shape, depth: int) -> Statement:
        c = self.choose
        counts = [n for n, v in env.variables.items() if isinstance(v, int)]
        left = c.one([*counts, "in.channels"])
        right = c.one([*[n for n in counts if n != left], str(c.number(1, 8))])
        condition = Condition(f"{left} {c.one(['!=', '==', '>', '<='])} {right}")
        chosen = condition.at(env)
        body = self._body(env, (x,), depth, 1, 2)
        ensure(bool(body))
        text = condition.text if chosen else f"not ({condition.text})"
        otherwise = self._body(env, (x,), depth, 1, 2) if c.chance(2) else ()

        def change(env: Env, flow: Flow, body: Sequence[Statement]) -> Flow:
            taken = body if condition.at(env) == chosen else otherwise
            return run_all(taken, env.nested(), flow)

        return Choice(f"if {text}", body, "", change, otherwise)

    def _inner(self, env: Env, x: Shape, depth: int) -> Statement:
        """A call of the block that is an argument."""
        ensure(len(x) == 3)
        count = self._count(env)

        def change(env: Env, flow: Flow) -> Flow:
            (x,) = flow
            return (env.variables["inner"].shape(_map(x), count.at(env)),)

        return Plain(f"inner({count.text})", change)

    def _for(self, env: Env, x: Shape, depth: int) -> Statement:
        c = self.choose
        index = f"i{depth}"
        if index in env.variables:
            raise Invalid
        start, count = c.number(0, 2), c.number(1, 3)
        values = list(range(start, start + count))
        listed = f"{start}..{start + count}"
        if c.chance(3):
            values, listed = values[::-1], f"reversed({listed})"
        first = env.nested(**{index: values[0]})
        ensure(values[0] > 0)  # the body is drawn for the first value, as a number of channels
        body = self._body(first, (x,), depth + 1, 1, 2)
        ensure(bool(body))

        def change(env: Env, flow: Flow, body: Sequence[Statement]) -> Flow:
            for value in values:
                flow = run_all(body, env.nested(**{index: value}), flow)
            return flow

        return Braces(f"for {index} in {listed}", body, "", change)

    def _pyramid(self, env: Env, x: Shape, depth: int) -> Statement:
        """Down and up again with connections across, as in U-Net."""
        c = self.choose
        levels = c.number(1, 2)
        ensure(min(x[:2]) >= 2**levels)
        family, base = self._fresh("d"), c.number(1, 4)
        up = c.one(["upsample 2", "deconv 2x2/2, base", "upsample 2, mode=bilinear"])
        up = up.replace("base", str(base))
        merged = c.one(["concat", "add"])
        lines = [
            f"for i in 0..{levels} {{",
            f"  {family}{{i}}: conv 3x3, {base} * (i + 1), pad=1, relu",
            "  maxpool 2x2/2, ceil, pad=0",
            "}",
            f"for i in reversed(0..{levels}) {{",
            f"  {up}",
            f"  conv 1x1, {base} * (i + 1), pad=0, linear",
            f"  {merged} {{ | from {family}{{i}} | identity }}",
            "}",
        ]
        ensure(all(n % 2**levels == 0 for n in x[:2]))

        def change(env: Env, flow: Flow) -> Flow:
            for i in range(levels):
                size = x[0] >> i, x[1] >> i
                env.labels[f"{family}{i}"] = ((*size, base * (i + 1)),)
            self.used.update(f"{family}{i}" for i in range(levels))
            return ((*x[:2], base * (2 if merged == "concat" else 1)),)

        return _Lines(tuple(lines), change)

    # -------------------------------------------------------------- labels

    def _labels(self, env: Env, fits: Callable[[Shape], bool]) -> list[str]:
        return [n for n, f in env.labels.items() if len(f) == 1 and fits(f[0])]

    def _from(self, label: str) -> Statement:
        return Plain(f"from {label}", lambda env, flow: env.labels[label])

    def _jump(self, env: Env, x: Shape, depth: int) -> Statement:
        labels = self._labels(env, lambda shape: True)
        ensure(bool(labels))
        return self._from(self.choose.one(labels))

    def _named_merge(self, env: Env, x: Shape, depth: int) -> Statement:
        """`concat(a, identity)`"""
        c = self.choose
        word = c.one(["concat", "add", "sub", "mul"])
        fits = {
            "concat": lambda s: s[:-1] == x[:-1],
            "add": lambda s: s == x,
            "sub": lambda s: s == x,
            "mul": lambda s: s[-1] == x[-1] and (s == x or _area(s) == 1),
        }
        labels = self._labels(env, fits[word])
        ensure(bool(labels))
        names = [c.one(labels) for _ in range(1 if word == "sub" else c.number(1, 2))]
        names.insert(c.number(0, len(names)), "identity")

        def change(env: Env, flow: Flow) -> Flow:
            shapes = [s for n in names for s in (flow if n == "identity" else env.labels[n])]
            return (merge(word, shapes),)

        return Plain(f"{word}({', '.join(names)})", change)

    def _side_chain(self, env: Env, x: Shape, depth: int) -> Statement:
        """`from a { ...; output name }`"""
        c = self.choose
        labels = self._labels(env, lambda shape: True)
        ensure(bool(labels))
        label = c.one(labels)
        body = self._body(env, env.labels[label], 1, 1, 3)
        ensure(bool(body))
        name, training = self._fresh("out"), c.chance(2)

        def output(env: Env, flow: Flow) -> Flow:
            names = [name] if len(flow) == 1 else [f"{name}_{i + 1}" for i in range(len(flow))]
            env.outputs += [(n, shape, training) for n, shape in zip(names, flow, strict=True)]
            return flow

        def change(env: Env, flow: Flow, body: Sequence[Statement]) -> Flow:
            run_all(body, env.nested(), env.labels[label])
            return flow

        flags = ", training, weight=0.3" if training else ""
        end = Plain(f"output {name}{flags}", output)
        return Braces(f"from {label}", (*body, end), "", change)

    def _split(self, env: Env, x: Shape, depth: int) -> Statement:
        c = self.choose
        parts = [p for p in range(2, min(4, x[-1]) + 1) if x[-1] % p == 0]
        if parts and c.chance(2):
            count = c.one(parts)
            sizes, text = [x[-1] // count] * count, f"split {count}"
        else:
            ensure(x[-1] >= 2)
            first = c.number(1, x[-1] - 1)
            sizes = [first, x[-1] - first]
            text = f"split [{sizes[0]}, {sizes[1]}]"
        labels = [self._fresh("part") for _ in sizes] if c.chance(2) else []

        def change(env: Env, flow: Flow) -> Flow:
            (x,) = flow
            ensure(sum(sizes) == x[-1])
            result = tuple((*x[:-1], size) for size in sizes)
            env.labels.update((n, (s,)) for n, s in zip(labels, result, strict=False))
            return result

        return Plain(f"{', '.join(labels)}: {text}" if labels else text, change)

    def _gather(self, env: Env, flow: Flow) -> Statement:
        """From several values to one."""
        c = self.choose
        names = [
            name
            for shape in dict.fromkeys(flow)
            for name in self._labels(env, lambda s, shape=shape: s == shape)
        ]
        if names and c.chance(2):
            return self._from(c.one(names))
        if len(set(flow)) == 1 and c.chance(2):
            return Plain("add", lambda env, flow: (merge("add", flow),))
        return Plain("concat", _concat_all)

    def _share(self, env: Env, x: Shape, depth: int) -> Statement:
        """A layer or a block with a label, and a second use of its weights."""
        c = self.choose
        plain = [block for block in self.blocks if not block.inputs]
        if plain and not self.in_block and c.chance(2):
            return self._share_call(c.one(plain), env)
        label = self._fresh("twin")
        count = Number(str(x[-1]))
        text = f"fc {count.text}" if len(x) != 3 else f"conv 3x3, {count.text}, pad=1"
        text += "".join(f", {post}" for post in self._posts(env))
        smaller = "maxpool 1x1/2, pad=0"
        between = c.one(["relu", "dropout 0.2", *([smaller] if len(x) == 3 else [])])
        again = self._fresh("again") if c.chance(2) else ""

        def change(env: Env, flow: Flow) -> Flow:
            (y,) = flow
            ensure(len(y) == len(x) and y[-1] == x[-1])
            env.labels[label] = flow
            if between == smaller:
                y = (len(range(0, y[0], 2)), len(range(0, y[1], 2)), y[2])
            if again:
                env.labels[again] = (y,)
            return (y,)

        again_label = f"{again}: " if again else ""
        return _Lines((f"{label}: {text}", between, f"{again_label}share {label}"), change)

    def _share_call(self, block: Block, env: Env) -> Statement:
        call = replace(self._call_of(block, env, None), labels=(self._fresh("twin"),))
        again = self._fresh("again") if self.choose.chance(2) else ""

        def change(env: Env, flow: Flow) -> Flow:
            """The block fits onto another input if its body does, with equal channels."""
            first = call.run(env, flow)
            ensure(len(flow) == len(first) == 1 and flow[0] == first[0])
            if again:
                env.labels[again] = first
            return first

        label = f"{again}: " if again else ""
        return _Lines((*call.lines(), f"{label}share {call.labels[0]}"), change)

    # -------------------------------------------------------------- blocks

    def _call(self, env: Env, x: Shape, depth: int) -> Statement:
        """A call of a block, an old one or a new one."""
        c = self.choose
        own = [block for block in self.blocks if not block.inputs]
        if not own or (not self.in_block and c.chance(3) and len(own) < 3):
            ensure(not self.in_block)
            self.blocks.append(self._block(env, x))
        plain = [block for block in self.blocks if not block.inputs]
        ensure(bool(plain))
        block = c.one(plain)
        times = c.one([None, None, 2, 3, 4, 7])
        for _ in range(3):
            call = self._call_of(block, env, times)
            trial = replace(env, labels=dict(env.labels), outputs=[])
            try:
                run_all([call], trial, (x,))
            except Invalid:
                times = None
                continue
            label = self._label(depth)
            return replace(call, labels=(label,) if label else ())
        raise Invalid

    def _call_of(self, block: Block, env: Env, times: int | None) -> Call:
        c = self.choose
        given = []
        for name, kind in block.kinds.items():
            if name in block.defaults and c.chance(2):
                continue
            given.append((name, *self._argument(kind, env, times)))
        positional = 0
        for (name, _, _), wanted in zip(given, block.kinds, strict=False):
            if name != wanted:
                break
            positional += 1
        return Call(block, tuple(given), times, (), c.number(0, positional))

    def _argument(
        self, kind: str, env: Env, times: int | None
    ) -> tuple[str, Callable[[Env], Any]]:
        """A text and its value; in a repeat it may be `2 then 1`."""
        c = self.choose
        if kind == "window":
            size = c.one([3, 1, 5, 2]), c.one([3, 1, 5, 2])
            return f"{size[0]}x{size[1]}", lambda env: size
        if kind == "word":
            word = c.one(SAME_WORDS)
            return word, lambda env: word
        if kind == "block":
            name = c.one(list(INNER))
            return name, lambda env: Inner(name)
        if kind == "stride":
            first = c.number(1, 3)
            if times is not None and c.chance(2):
                return f"{first} then 1", lambda env: first if env.copy == 0 else 1
            return str(first), lambda env: first
        first, rest = self._count(env), self._count(env)
        if times is not None and c.chance(2):
            return (
                f"{first.text} then {rest.text}",
                lambda env: (rest if env.copy else first).at(env),
            )
        return first.text, first.at

    def _cells(self, env: Env, x: Shape, depth: int) -> Statement:
        """A block with two inputs and two results, called on its own results, as in NASNet."""
        c = self.choose
        count = c.number(1, 8)
        name, times = self._fresh("cell"), c.one([None, 1, 2, 3])
        stride = c.one([1, 1, 2])
        first = self._strided(env, x, Number("n"), 1).text
        second = c.one(["maxpool 3x3/1, pad=1, floor", "dwconv 3x3/1, 1, pad=1, relu", "relu"])
        merged = c.one(["add", "concat"])
        ends = c.one(["output h, y", "from h, y", "output older = h, newer = y"][:2])
        lines = [
            f"block {name}(n) {{",
            "  input p, h",
            f"  from p; a: {first}",
            f"  from h; b: conv 1x1, n, pad=0, bn; c: {second}",
            f"  y: {merged}(a, b, c)",
            f"  {ends}",
            "}",
        ]

        def run(env: Env, flow: Flow) -> Flow:
            p, h = (_map(shape) for shape in flow)
            n = env.variables["n"]
            left, right = (*p[:2], n), (*h[:2], n)
            return h, merge(merged, [left, right, right])

        block = _TextBlock(name, {"n": "count"}, {}, (), ("p", "h"), ({}, ()), lines, run)
        self.blocks.append(block)
        value = ("n", str(count), lambda env: count)
        call = Call(block, (value,), times, (), 1)
        before = self._fresh("before")
        shorter = Window((1, 1), (stride, stride))

        def change(env: Env, flow: Flow) -> Flow:
            (x,) = flow
            small = (*(len(range(0, n, stride)) for n in _map(x)[:2]), x[2])
            env.labels[before] = (small,)  # type: ignore[assignment]
            return call.run(env, (small, (*small[:2], count)))  # type: ignore[arg-type]

        return _Lines(
            (
                f"{before}: maxpool {shorter.text}, pad=0, floor",
                f"{before}_2: conv 3x3, {count}, pad=1, linear",
                f"from {before}, {before}_2",
                *call.lines(),
            ),
            change,
        )

    def _block(self, env: Env, x: Shape) -> Block:
        """A new block whose body fits onto this value."""
        c = self.choose
        name = self._fresh(c.one(BLOCKS if c.chance(3) else BLOCKS[:4]))
        counts = COUNTS if c.chance(3) else COUNTS[:2]
        kinds = {c.one(counts): "count"}
        kinds |= {"s": "stride"} if not c.chance(4) else {}
        kinds |= {"k": "window"} if c.chance(2) else {}
        kinds |= {c.one(counts): "count"} if c.chance(3) else {}
        kinds |= {"act": "word"} if c.chance(3) else {}
        kinds |= {"inner": "block"} if c.chance(3) else {}
        sample: dict[str, tuple[str, Any]] = {}
        for parameter, kind in kinds.items():
            text, value = self._argument(kind, Env(), None)
            sample[parameter] = text, value(Env())
        defaults: dict[str, tuple[str, Any]] = {}
        for parameter in reversed(kinds):
            if not c.chance(2):
                break
            defaults[parameter] = sample[parameter]
        values = {n: v for n, (_, v) in sample.items()}
        outer, self.used = self.used, {"x", *kinds}
        self.in_block = True
        steps = tuple(n for n, kind in kinds.items() if kind == "stride")
        inside = Env(values, steps, env.defaults, x)
        body: list[Statement] = []
        flow: Flow = (x,)
        for _ in range(c.number(1, 4)):
            flow = self._grow(body, inside, flow, 0)
        if len(flow) > 1:
            flow = self._take(body, Plain("concat", _concat_all), inside, flow)
        self.in_block = False
        self.used = outer
        ensure(bool(body))
        return Block(name, kinds, defaults, tuple(body), (), (sample, (x,)))


@dataclass(frozen=True)
class _Lines(Statement):
    """Several lines of text that belong together."""

    text: tuple[str, ...]
    change: Callable[[Env, Flow], Flow]

    def lines(self, unrolled: bool = False) -> list[str]:
        return list(self.text)

    def run(self, env: Env, flow: Flow) -> Flow:
        return self.change(env, flow)


def _concat_all(env: Env, flow: Flow) -> Flow:
    return (merge("concat", flow),)


def _dense(x: Shape, count: int) -> Shape:
    """After `fc`, which reads vectors, sequences and 1x1 maps."""
    ensure(len(x) != 3 or x[:2] == (1, 1))
    return (x[0], count) if len(x) == 2 else (count,)


def _map(x: Shape) -> Shape:
    ensure(len(x) == 3)
    return x


def _as_map(x: Shape) -> Shape:
    ensure(len(x) in (1, 3))
    return (1, 1, *x) if len(x) == 1 else x


def _windowed(
    x: Shape,
    window: tuple[tuple[int, int], tuple[int, int]],
    pad: Pad,
    dilation: tuple[int, int],
    ceil: bool,
    real: bool = False,
) -> tuple[int, int]:
    """Height and width after a window.

    Arguments:
        real: whether every window must see an element of the map.
    """
    ensure(len(x) == 3)
    size, stride = window
    amounts = sides(pad, x, size, stride, dilation)
    found = []
    for n, k, s, (lo, hi), d in zip(x[:2], size, stride, amounts, dilation, strict=True):
        ensure(n + lo >= 1 and n + hi >= 1 and n + lo + hi >= 1)
        count = windows(n, k, s, lo, hi, d, ceil)
        if real:
            ensure(all(any(_reads(n, i * s - lo, k, d)) for i in range(count)))
        found.append(count)
    return found[0], found[1]


def _reads(n: int, start: int, size: int, dilation: int) -> Iterator[bool]:
    return (0 <= start + tap * dilation < n for tap in range(size))
