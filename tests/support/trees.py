"""Random syntax trees of every kind, only such as a text can have; most mean nothing."""

from __future__ import annotations

from cnndsl.numerals import number_value
from cnndsl.source import Source, Span
from cnndsl.syntax import (
    Application,
    Apply,
    Argument,
    Arrow,
    Attribute,
    Binary,
    Block,
    Body,
    Bool,
    CallExpr,
    Carrier,
    Condition,
    Conditional,
    Default,
    Dialect,
    Dims,
    Each,
    Expect,
    File,
    For,
    From,
    Group,
    If,
    Index,
    Input,
    Keeps,
    Let,
    List,
    Model,
    Name,
    Number,
    Output,
    Parallel,
    Parameter,
    Range,
    Rule,
    Share,
    SourceNote,
    Stage,
    String,
    Template,
    Then,
    Transform,
    Unary,
    Use,
    When,
)

AT = Span(Source("made", ""), 0, 0)
WORDS = ["n", "x", "k", "H", "r3", "conv", "conv2_x", "relu", "stride_on", "cnn", "a1"]
LABELS = [*WORDS, "3a", "4e", "5_b"]
NUMBERS = ["0", "1", "64", "25_557_032", "0.3", "1e-5", "40%", "12.5%", "4.09G", "3K", "1.5"]
BINARY = ["+", "-", "*", "/", "%", "**", "==", "!=", "<", "<=", ">", ">=", "and", "or", "in"]
TEXTS = ["", "He et al., Table 1", "50% of {a}; b | c", "#", "→ ×", "a\\b", "3x3: 'y'"]


class Maker:
    """Makes trees of random numbers."""

    def __init__(self, random):
        self.random = random

    def one(self, options):
        return options[self.random.randrange(len(options))]

    def some(self, make, least=0, most=3, *arguments):
        count = self.random.randint(least, most)
        return tuple([make(*arguments) for _ in range(count)])

    def maybe(self, make, *arguments):
        return make(*arguments) if self.random.randrange(2) else None

    # expressions

    def name(self):
        return Name(self.one(WORDS), AT)

    def number(self):
        text = self.one(NUMBERS)
        return Number(number_value(text), text, AT)

    def digits(self):
        text = self.one(["1", "3", "7", "224"])
        return Number(int(text), text, AT)

    def string(self):
        return String(self.one(TEXTS), AT)

    def ref(self):
        return self.template() if self.one(range(5)) == 0 else Name(self.one(LABELS), AT)

    def template(self):
        parts = [self.one(["d", "p1", "conv_"])]
        for _ in range(self.one([1, 1, 2])):
            parts.append(self.value(1, True))
            parts += [text] if (text := self.one(["", "_x", "2"])) else []
        return Template(tuple(parts), AT)

    def simple(self, in_template=False):
        makes = [self.name, self.number, self.digits, self.size, self.flag]
        if not in_template:
            makes += [self.string, self.ref]
        return self.one(makes)()

    def flag(self):
        return Bool(self.one([True, False]), AT)

    def size(self):
        return Dims(self.some(self.one([self.digits, self.name, self.simple_factor]), 2), AT)

    def simple_factor(self):
        return self.one([self.digits, self.name])()

    def value(self, depth=2, in_template=False):
        if depth == 0 or self.one(range(3)) == 0:
            return self.simple(in_template)
        return self.compound(lambda: self.value(depth - 1, in_template))

    def compound(self, value):
        kind = self.one(range(12))
        if kind == 0:
            return Dims(self.some(value, 2), AT)
        if kind == 1:
            base = Name("in", AT) if self.one([True, False]) else value()
            return Attribute(base, self.one(WORDS), AT)
        if kind == 2:
            return Index(value(), value(), AT)
        if kind == 3:
            return List(self.some(value), AT)
        if kind == 4:
            return CallExpr(self.name(), self.some(self.argument, 0, 3, value), AT)
        if kind == 5:
            return Unary(self.one(["-", "not"]), value(), AT)
        if kind == 6:
            return Conditional(value(), value(), value(), AT)
        if kind == 7:
            return Arrow(self.some(value, 2), AT)
        if kind == 8:
            return self.one([Then, Range])(value(), value(), AT)
        return Binary(self.one(BINARY), value(), value(), AT)

    def argument(self, value=None):
        name = self.one([None, None, *WORDS])
        return Argument(name, (value or self.value)(), AT)

    def arguments(self, least=0):
        return self.some(self.argument, least)

    # statements

    def labels(self):
        return self.some(self.ref, 0, 2) if self.one(range(4)) == 0 else ()

    def body(self, depth, least=0):
        return Body(self.some(self.statement, least, 3, depth - 1), AT)

    def statement(self, depth):
        if depth <= 0 or self.one([True, False]):
            return self.plain()
        return self.nested(depth)

    def plain(self):
        kind = self.one(range(14))
        shape = self.maybe(self.value)
        if kind < 4:
            times = self.maybe(self.value)
            return Apply(self.labels(), self.name(), self.arguments(), None, times, shape, AT)
        if kind == 4:
            arguments = (Argument(None, self.window(), AT), *self.arguments())
            return Apply(self.labels(), None, arguments, None, None, shape, AT)
        if kind == 5:
            return From(self.some(self.ref, 1), None, AT)
        if kind == 6:
            return Share(self.labels(), self.ref(), shape, AT)
        if kind == 7:
            return Input(self.labels(), self.some(self.name, 1), None, AT)
        if kind == 8:
            value = self.value()
            value = self.size() if isinstance(value, Name) else value
            return Input(self.labels(), (), value, AT)
        if kind == 9:
            return Output(self.arguments(), AT)
        if kind == 10:
            return Default(self.some(self.name, 1), self.arguments(1), AT)
        if kind == 11:
            return self.expect()
        if kind == 12:
            return SourceNote(self.string(), AT)
        return self.let()

    def window(self):
        size = Dims(self.some(self.digits, 2, 2), AT)
        return self.one([size, Binary("/", size, self.number(), AT)])

    def expect(self):
        relation = self.one(["=", "==", ">=", "<=", ">", "<"])
        tolerance, note = self.maybe(self.number), self.maybe(self.string)
        subjects = self.some(self.ref)
        return Expect(self.name(), subjects, relation, self.value(), tolerance, note, AT)

    def let(self):
        parameters = self.maybe(self.some, self.name, 1)
        return Let(self.name(), parameters, self.value(), AT)

    def nested(self, depth):
        kind = self.one(range(7))
        body, shape, times = self.body(depth), self.maybe(self.value), self.maybe(self.value)
        if kind == 0:
            return Apply(self.labels(), self.name(), self.arguments(), body, times, shape, AT)
        if kind == 1:
            branches = self.branches(depth)
            merge = self.name()
            return Parallel(self.labels(), merge, self.arguments(), branches, times, shape, AT)
        if kind == 2:
            return Group(self.labels(), body, times, shape, AT)
        if kind == 3:
            return Stage(self.ref(), body, shape, AT)
        if kind == 4:
            return From(self.some(self.ref, 1), body, AT)
        if kind == 5:
            return If(self.value(), body, self.maybe(self.body, depth), AT)
        return For(self.name(), self.value(), body, AT)

    def branches(self, depth):
        return self.some(self.branch, 1, 3, depth)

    def branch(self, depth):
        kind = self.one(range(6))
        if kind == 0 and depth:
            return Each(self.name(), self.value(), self.branches(depth - 1), AT)
        if kind == 1 and depth:
            otherwise = self.maybe(self.branches, depth - 1) or ()
            return When(self.value(), self.branches(depth - 1), otherwise, AT)
        return self.body(depth, 1)

    # items

    def parameter(self):
        choices = self.maybe(self.some, self.name, 1)
        return Parameter(self.some(self.name, 1), choices, self.maybe(self.value), AT)

    def item(self):
        kind = self.one(range(7))
        name, parameters = self.name(), self.some(self.parameter)
        if kind == 0:
            module = self.one([self.name, self.string])()
            return Use(module, self.maybe(self.some, self.name, 1), AT)
        if kind == 1:
            return self.let()
        if kind == 2:
            return Block(name, parameters, self.body(3), AT)
        if kind == 3:
            return Model(name, parameters, None, None, (), self.body(3), AT)
        if kind == 4:
            base = CallExpr(self.name(), self.arguments(), AT)
            dialect, body = self.maybe(self.name), self.maybe(self.body, 2)
            return Model(name, (), base, dialect, self.some(self.application), body, AT)
        if kind == 5:
            return Dialect(name, self.maybe(self.name), self.some(self.setting), AT)
        return self.rule(name, parameters)

    def application(self):
        return Application(CallExpr(self.name(), self.arguments(), AT), self.maybe(self.place), AT)

    def place(self):
        several = Range(self.ref(), self.ref(), AT)
        return self.one([self.ref(), several, self.string()])

    def rule(self, name, parameters):
        note, kinds = self.maybe(self.string), self.some(self.kind)
        if self.one(range(4)) == 0:
            clauses = (*self.some(self.clause), Transform(self.name(), AT))
            return Rule(name, parameters, note, kinds, None, None, clauses, AT)
        left, right = self.body(2, 1), self.body(2, 1)
        return Rule(name, parameters, note, kinds, left, right, self.some(self.clause), AT)

    def kind(self):
        return Name(self.one(["exact", "inference", "simplify"]), AT)

    def clause(self):
        kind = self.one(range(3))
        if kind == 0:
            return Condition(self.value(), AT)
        return Keeps(self.some(self.name, 1), AT) if kind == 1 else Carrier(self.name(), AT)

    def setting(self):
        return Default(self.some(self.name, 1), self.arguments(1), AT)

    def file(self):
        return File(self.maybe(self.digits), self.some(self.item), AT)
