"""Matching arguments with what a callee declares: fields of an operator, parameters of a block."""

from __future__ import annotations

import re

from .arguments import ArgumentProblem, flag, kind_of, signature
from .diagnostics import Fix, Help, fail, suggest
from .evaluate.expressions import evaluate_word, unknown_name
from .evaluate.scope import Scope
from .evaluate.values import ArrowValue, BlockRef, Given, OpRef, Word, describe, no_doubt, whole
from .op import Op
from .ops import OPS
from .source import Span
from .symbol import Symbol
from .syntax import Argument, Name, Parameter
from .types import TensorType
from .window import Window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

Ref = OpRef | BlockRef
Defaults = tuple[tuple[str, tuple[Given, ...]], ...]
"""`default` statements in force, outermost first: the word and what was given for it."""

REPEAT_HELP = "to repeat a layer, put its arguments in parentheses: `conv(3x3, 64) × 2`"
FAMILIES = frozenset(cls.family for cls in OPS.values())


def bind_operator(
    word: str, given: tuple[Given, ...], defaults: Defaults, scope: Scope, span: Span
) -> tuple[Op, tuple[Ref, ...]]:
    """The operator that the arguments say, and the post-ops after it.

    Explicit arguments win over the innermost `default`, that over the outer ones and
    over the dialect, and these over the operator's own defaults. An explicit list of
    post-ops replaces a default one.
    """
    cls = OPS[word]
    fields: dict[str, Any] = {}
    posts: tuple[Ref, ...] = ()
    for name, settings in defaults:
        if name == word or name == cls.family:
            binding = _Binding(cls, scope, lenient=name != word)
            binding.take(settings)
            fields.update(binding.fields)
            posts = binding.refs if binding.refs else posts
    binding = _Binding(cls, scope)
    binding.take(given)
    fields.update(binding.fields)
    posts = binding.refs if binding.refs else posts
    missing = [name for name in cls.fields if name not in cls.defaults and name not in fields]
    if missing:
        fail(
            "E0204",
            f"`{word}` needs its argument `{missing[0]}`",
            span,
            help=(f"write it as `{signature(cls)}`",),
        )
    return cls(**fields), tuple(ref for ref in posts if ref != OpRef("identity"))


class _Binding:
    """Collects the fields and post-ops of one list of arguments."""

    def __init__(self, cls: type[Op], scope: Scope, lenient: bool = False) -> None:
        self.cls = cls
        self.scope = scope
        self.lenient = lenient
        self.fields: dict[str, Any] = {}
        self.refs: tuple[Ref, ...] = ()
        self.window: Span | None = None
        self._position = 0

    def take(self, given: Sequence[Given]) -> None:
        for argument in given:
            if argument.name is not None:
                self._named(argument)
            elif isinstance(argument.value, (OpRef, BlockRef)):
                self.refs += (argument.value,)
            elif isinstance(argument.value, (Word, str)):
                self._flag(argument)
            else:
                self._positional(argument)

    def _named(self, argument: Given) -> None:
        name = argument.name
        assert name is not None
        if name in self.cls.fields:
            self._set(name, argument)
        elif not self.lenient:
            from .foreign import argument_help

            place = name_span(argument)
            foreign = argument_help(name, argument.span, self.window)
            near = suggest(name, self.cls.fields, place) or (f"it is `{signature(self.cls)}`",)
            fail(
                "E0203",
                f"`{self.cls.word}` has no argument `{name}`",
                place,
                help=(foreign,) if foreign else near,
            )

    def _flag(self, argument: Given) -> None:
        word = str(argument.value)
        found = flag(self.cls, word)
        if found is not None:
            if found[0] in self.fields:
                self._twice(found[0], argument)
            self.fields[found[0]] = found[1]
        elif word in OPS:  # a bare one, or a choice of the block: `act in {relu, gelu}`
            self.refs += (OpRef(word),)
        elif not self.lenient:
            self._unknown_flag(word, argument)

    def _unknown_flag(self, word: str, argument: Given) -> None:
        no_doubt(argument.value)
        flags = [
            choice
            for name in self.cls.fields
            for choice in (*kind_of(self.cls, name).choices, name)
            if flag(self.cls, choice)
        ]
        near = suggest(word, flags, argument.span)
        if near:
            fail(
                "E0203",
                f"`{self.cls.word}` knows no flag `{word}`",
                argument.span,
                help=near,
            )
        unknown_name(Name(word, argument.span), self.scope)

    def _positional(self, argument: Given) -> None:
        names = self.cls.positional
        if self._position >= len(names):
            fail(
                "E0205",
                f"`{self.cls.word}` takes no further argument",
                argument.span,
                f"this is {describe(argument.value)}",
                help=(_output_size(argument.span) or f"it is `{signature(self.cls)}`",),
            )
        if isinstance(argument.value, Window):
            self.window = argument.span
        self._set(names[self._position], argument)
        self._position += 1

    def _set(self, name: str, argument: Given) -> None:
        if name in self.fields:
            self._twice(name, argument)
        value = argument.value
        if isinstance(value, Symbol):
            fail(
                "E0310",
                f"`{name}` needs a known number",
                argument.span,
                "a symbolic size is used here",
                help=("give the input a fixed size with `--input`",),
            )
        if isinstance(value, Word):
            value = value.id
        kind = kind_of(self.cls, name)
        try:
            self.fields[name] = kind.convert(value)
        except ArgumentProblem as problem:
            no_doubt(argument.value)
            if isinstance(argument.value, Word) and not kind.choices:
                unknown_name(Name(argument.value.id, argument.span), self.scope)
            message = f"`{name}` of `{self.cls.word}` {problem}"
            help = (*problem.help, REPEAT_HELP) if isinstance(value, Window) else problem.help
            help = help or (f"`cnnc ops {self.cls.word}` explains it",)
            fail(problem.code, message, argument.span, help=help)

    def _twice(self, name: str, argument: Given) -> None:
        fail(
            "E0205",
            f"`{name}` of `{self.cls.word}` is given twice",
            argument.span,
            help=["leave one of the two out"],
        )


def _output_size(span: Span) -> Help | None:
    """The edit that makes `28x28x64` behind a bare operator what it looks like."""
    if re.fullmatch(r"\d+(?:[x×]\d+){2}", span.text):
        return Help("an output size follows a `:`", Fix(span, f": {span.text}"))
    return None


# ------------------------------------------------------------------ parameters


def bind_parameters(
    callee: str,
    parameters: tuple[Parameter, ...],
    given: tuple[Given, ...],
    scope: Scope,
    span: Span,
) -> dict[str, Any]:
    """Values of a block's or model's parameters, in their order.

    Arguments:
        scope: where the defaults are evaluated: the file of the definition. Earlier
            parameters are visible in later defaults.
    """
    by_name = {name.id: p for p in parameters for name in variables_of(p)}
    positional: list[Given] = [g for g in given if g.name is None]
    named: dict[str, Given] = {}
    for argument in given:
        if argument.name is None:
            continue
        if argument.name not in by_name:
            _unknown_parameter(callee, argument, by_name, parameters)
        if argument.name in named:
            fail(
                "E0205",
                f"`{argument.name}` is given twice",
                argument.span,
                help=["leave one of the two out"],
            )
        named[argument.name] = argument
    if len(positional) > len(parameters):
        extra = positional[len(parameters)]
        fail(
            "E0205",
            f"`{callee}` takes {_count(len(parameters), 'argument')}, "
            f"this is number {len(parameters) + 1}",
            extra.span,
            help=(f"call it as `{call_form(callee, parameters)}`",),
        )
    values: dict[str, Any] = {}
    inner = scope.inner()
    for index, parameter in enumerate(parameters):
        at = positional[index] if index < len(positional) else None
        if len(parameter.names) > 1:
            bound = _bind_pattern(callee, parameter, at, named, span)
        else:
            form = call_form(callee, parameters)
            value = _bind_one(callee, parameter, at, named, inner, span, form)
            bound = {parameter.names[0].id: value}
        values.update(bound)
        inner.variables.update(bound)
    return values


def variables_of(parameter: Parameter) -> tuple[Name, ...]:
    """The names that a parameter binds: the parts of its pattern that are no tags."""
    if len(parameter.names) == 1:
        return parameter.names
    return tuple(name for name in parameter.names if not is_tag(name.id))


def is_tag(name: str) -> bool:
    """Words of operators and their families are tags in a pattern: `pool→np`."""
    return name in OPS or name in FAMILIES


def call_form(callee: str, parameters: tuple[Parameter, ...]) -> str:
    """How a block is called: `inception(n1, r3→n3, pool→np)`."""
    shown = [
        "→".join(name.id for name in p.names) + ("=..." if p.default is not None else "")
        for p in parameters
    ]
    return f"{callee}({', '.join(shown)})"


def _bind_pattern(
    callee: str,
    parameter: Parameter,
    argument: Given | None,
    named: dict[str, Given],
    span: Span,
) -> dict[str, Any]:
    form = "→".join(name.id for name in parameter.names)
    if argument is None:
        wanted = [name.id for name in variables_of(parameter)]
        missing = [name for name in wanted if name not in named]
        if missing:
            fail(
                "E0204",
                f"`{callee}` needs its argument `{form}`",
                span,
                help=(f"write it as a chain, for example `{_example(parameter)}`",),
            )
        return {name: _plain(callee, name, named[name]) for name in wanted}
    value = argument.value
    if not isinstance(value, ArrowValue) or len(value.parts) != len(parameter.names):
        fail(
            "E0206",
            f"`{callee}` takes `{form}` here",
            argument.span,
            f"this is {describe(value)}",
            help=(f"write it as a chain, for example `{_example(parameter)}`",),
        )
    bound: dict[str, Any] = {}
    for name, part, content in zip(parameter.names, value.parts, value.values, strict=True):
        if is_tag(name.id):
            if not isinstance(part, Name) or part.id != name.id:
                fail(
                    "E0206",
                    f"this part of `{form}` is the word `{name.id}`",
                    part.span,
                    help=(f"write `{_example(parameter)}`",),
                )
            continue
        bound[name.id] = _plain(callee, name.id, Given(None, content, part.span))
    return bound


def _bind_one(
    callee: str,
    parameter: Parameter,
    argument: Given | None,
    named: dict[str, Given],
    scope: Scope,
    span: Span,
    form: str,
) -> Any:
    name = parameter.names[0].id
    if argument is not None and name in named:
        fail(
            "E0205", f"`{name}` is given twice", named[name].span, help=["leave one of the two out"]
        )
    argument = argument or named.get(name)
    default = None
    if parameter.default is not None:
        default = evaluate_word(parameter.default, scope)
    if argument is None:
        if parameter.default is None:
            fail(
                "E0204",
                f"`{callee}` needs its argument `{name}`",
                span,
                help=(f"call it as `{form}`",),
            )
        argument = Given(name, default, parameter.default.span)
    if parameter.choices is not None:
        return _choice(callee, parameter, argument)
    value = _plain(callee, name, argument)
    return value if default is None else _like_default(callee, name, value, default, argument)


def _choice(callee: str, parameter: Parameter, argument: Given) -> str:
    choices = [choice.id for choice in parameter.choices or ()]
    name = parameter.names[0].id
    value = argument.value
    word = str(value) if isinstance(value, (Word, str, OpRef, BlockRef)) else None
    if word not in choices:
        no_doubt(value)
        fail(
            "E0207",
            f"`{name}` of `{callee}` is one of {', '.join(f'`{c}`' for c in choices)}",
            argument.span,
            f"this is {describe(value)}",
            help=suggest(word or "", choices, value_span(argument)),
        )
    return word


def _plain(callee: str, name: str, argument: Given) -> Any:
    value = argument.value
    if isinstance(value, Word):
        no_doubt(value)
        fail(
            "E0202",
            f"nothing here is called `{value.id}`",
            argument.span,
            f"given for `{name}` of `{callee}`",
            help=suggest(value.id, OPS, value_span(argument)),
        )
    if isinstance(value, ArrowValue):
        fail("E0206", f"`{name}` of `{callee}` is one value, not a chain", argument.span)
    return whole(value)


def _like_default(callee: str, name: str, value: Any, default: Any, argument: Given) -> Any:
    """Check that a value is of the kind of the parameter's default."""
    for kinds, wanted in _LIKE:
        if isinstance(default, kinds) and (kinds is bool or not isinstance(default, bool)):
            fits = isinstance(value, kinds) and (kinds is bool or not isinstance(value, bool))
            if not fits:
                fail(
                    "E0206",
                    f"`{name}` of `{callee}` must be {wanted}",
                    argument.span,
                    f"this is {describe(value)}",
                )
            return value
    return value


_LIKE: tuple[tuple[Any, str], ...] = (
    (bool, "`true` or `false`"),
    ((int, float, Symbol), "a number"),
    (Window, "a window such as `3x3`"),
    (tuple, "a list"),
    ((OpRef, BlockRef), "an operator or a block"),
    (str, "a text"),
    (TensorType, "a value"),
)


def _unknown_parameter(
    callee: str, argument: Given, known: dict[str, Parameter], parameters: tuple[Parameter, ...]
) -> None:
    assert argument.name is not None
    place = name_span(argument)
    near = suggest(argument.name, known, place)
    form = call_form(callee, parameters)
    fail(
        "E0203",
        f"`{callee}` has no parameter `{argument.name}`",
        place,
        help=near or (f"it is `{form}`",),
    )


def name_span(argument: Given | Argument) -> Span:
    """The place of the name in `name=value`."""
    span = argument.span
    return Span(span.source, span.start, span.start + len(argument.name or ""))


def value_span(argument: Given) -> Span:
    """The place of the value in `name=value`, or of a value alone."""
    if argument.name is None:
        return argument.span
    value = argument.span.text.partition("=")[2].lstrip()
    return argument.span.last(len(value))


def _example(parameter: Parameter) -> str:
    return "→".join(name.id if is_tag(name.id) else "64" for name in parameter.names)


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'s' * (number != 1)}"
