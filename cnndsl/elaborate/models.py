"""Models: following variants to the model with a body, dialects, claims of variants."""

from __future__ import annotations

import re

from ..bind import Defaults, bind_parameters, name_span, variables_of
from ..diagnostics import Help, Label, error, fail, suggest
from ..evaluate.expressions import (
    evaluate,
    evaluate_arguments,
    lookup,
    lookup_rule,
    no_rule,
    spell,
    value_of,
)
from ..evaluate.scope import Scope
from ..evaluate.values import Given, RuleRef, describe, rules_of
from ..graph import Graph, Module
from ..limits import BLOCK_DEPTH
from ..namespace import Namespace
from ..record import Record, replace
from ..source import Source, Span
from ..syntax import (
    Application,
    Body,
    CallExpr,
    Dialect,
    Expect,
    Expr,
    Let,
    Model,
    Name,
    Parameter,
    Range,
    SourceNote,
    String,
    Template,
)
from .blocks import add_choices, collect, plain_arguments
from .boundary import finish_outputs
from .labels import label_names, label_type
from .run import Context, Elaborated, Request, Run
from .work import work_on, work_through

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn


def elaborate_model(run: Run, model: Model, namespace: Namespace) -> Elaborated:
    """Elaborate a model: the base at the end of its chain of variants."""
    found = instance(run, model, namespace)
    base, scope = found.base, found.scope
    name = run.options.dialect or found.dialect or "torch"
    settings = dialect_defaults(name, namespace, dialect_place(run, model))
    context = Context(scope, settings)
    assert base.body is not None
    run.builder.reserved = frozenset(label_names(base.body))
    scope.labels = lambda name: label_type(run, name)
    flow = work_through(run, base.body, None, context)
    run.claiming = True
    check_inputs_used(run, base)
    for variant, inside in found.variants:
        variant_claims(run, variant, inside)
    finish_outputs(run, flow, base.name.span, is_model=True)
    arguments = plain_arguments(base.parameters, scope.variables)
    main = run.builder.finish(model.name.id, base.name.id, arguments, base.span)
    check_inputs_read(run, main)
    collect(run, run.builder)
    functions = (*run.functions.values(), main)
    module = Module(model.name.id, functions, name, run.source, tuple(run.constraints))
    requests = (*found.requests, *run.options.requests)
    return Elaborated(
        module, tuple(run.claims), tuple(run.warnings.values()), requests, settings, run.decisions
    )


def check_inputs_used(run: Run, base: Model) -> None:
    """Report shapes on the command line that no input takes."""
    given = len(run.options.inputs)
    if given > run.inputs_used and not run.is_wrong:
        has = f"{run.inputs_used} input{'s' * (run.inputs_used != 1)}"
        run.report(
            error("E0207", f"`--input` gives {given} shapes, the model has {has}", base.name.span)
        )


def check_inputs_read(run: Run, main: Graph) -> None:
    """Warn of inputs that nothing reads: the flow has left them behind."""
    if run.is_wrong:
        return
    read = {name for node in main.nodes for name in node.inputs}
    read.update(output.value for output in main.outputs)
    spans = run.builder.origins
    for value, after in zip(main.inputs, (*main.inputs[1:], None), strict=True):
        if value.name in read:
            continue
        leaves = [Label(spans[after.name], "the flow goes on from here")] if after else []
        warning = error(
            "W0401",
            f"nothing reads the input `{value.name}`",
            spans[value.name],
            also=leaves,
            help=[f"`from {value.name}` goes back to it; `concat` or `add` join two chains"],
        )
        run.warnings.setdefault((warning, warning.place), warning)


class Instance(Record):
    """A model with its parameters, at the end of a chain of variants.

    Arguments:
        base: the model that has a body.
        variants: the bodies of variants whose claims hold, with what surrounds them.
        scope: the values of the base's parameters.
        requests: the rules of all variants, those of the innermost first.
    """

    base: Model
    variants: tuple[tuple[Body, Context], ...]
    scope: Scope
    dialect: str | None
    requests: tuple[Request, ...]


def instance(run: Run, model: Model, namespace: Namespace) -> Instance:
    """Follow `model a = b(...)` to the model with a body, binding parameters on the way."""
    given: tuple[Given, ...] = ()
    settings = {setting.name: setting for setting in run.options.settings}
    variants: list[tuple[Body, Context]] = []
    dialect: str | None = None
    requests: tuple[Request, ...] = ()
    passed: list[str] = []
    claims = True  # those of a variant are about it as it stands: its arguments, dialect, rules
    while True:
        passed.append(model.name.id)
        own = {n.id for p in model.parameters for n in variables_of(p)}
        elsewhere = dialect is not None
        varied = bool(given) and model.base is not None and not model.parameters
        if varied:
            pass_on(model, given, settings)
            given = ()
        for name in [name for name in settings if name in own]:
            given = (*(g for g in given if g.name != name), settings.pop(name))
        given = override(given, model.parameters)
        scope = Scope(namespace)
        values = bind_parameters(
            model.name.id, model.parameters, given, Scope(namespace), model.name.span
        )
        scope.variables.update(values)
        add_choices(scope, model.parameters)
        if dialect is None and model.dialect is not None:
            dialect = model.dialect.id
            if namespace.dialect(dialect) is None:
                no_dialect(model.dialect, namespace)
        if model.base is None:
            family = any(p.default is None for p in model.parameters)
            run.claiming = not requests and (family or not (given or elsewhere))
            break
        claims = claims and not (varied or elsewhere or requests)
        requests = (*(requested(rule, scope) for rule in model.rules), *requests)
        if model.body is not None:
            run.source = run.source or own_source(model.body)
            if claims:
                variants.append((model.body, Context(scope)))
        model, namespace, given = base_of(run, model.base, namespace, scope, passed)
    for wrong, setting in settings.items():
        known = [n.id for p in model.parameters for n in variables_of(p)]
        has = ", ".join(f"`{k}`" for k in known) or "none"
        fail(
            "E0203",
            f"the model `{passed[0]}` has no parameter `{wrong}`",
            setting.span,
            f"its parameters: {has}",
            help=suggest(wrong or "", known, name_span(setting)),
        )
    return Instance(model, tuple(variants), scope, dialect, requests)


def requested(application: Application, scope: Scope) -> Request:
    """The rules that `asym(7) at 4a..4e` names, and their place. Raises CnnError."""
    call, span = application.rule, application.span
    rules = requested_rules(call, named_rules(call, scope))
    place = "" if application.place is None else place_text(application.place, scope)
    return Request(rules, place, span.text, span)


def requested_rules(call: CallExpr, value: Any) -> tuple[RuleRef, ...]:
    """A value as the rules that it must be. Raises CnnError."""
    rules = rules_of(value)
    if rules:
        return rules
    label = f"it is {describe(value)}"
    others = [part for part in value if not rules_of(part)] if isinstance(value, tuple) else ()
    if others:
        label = f"{describe(others[0])} is among its parts"
    help = ("a set is a list of rules: `[fold_bn, asym(7)]`; `cnnc rules` lists them",)
    fail("E0206", f"`{call.callee.id}` is no rule", call.span, label, help=help)


def named_rules(call: CallExpr, scope: Scope) -> Any:
    """The value of the name before a place: a `let`, a rule, or what else bears the name."""
    name = call.callee
    value = value_of(name.id, scope)
    for find in (lookup_rule, lookup):
        value = find(name.id, scope) if value is None else value
    if value is None:
        no_rule(name, scope.namespace)
    if not call.arguments:
        return value
    if isinstance(value, RuleRef):
        return replace(value, arguments=value.arguments + evaluate_arguments(call.arguments, scope))
    if rules_of(value):
        fail("E0205", f"`{name.id}` is a set of rules, which takes no arguments", call.span,
             help=["give them to its rules, in a list of your own"])  # fmt: skip
    return evaluate(call, scope)


def place_text(place: Expr, scope: Scope) -> str:
    """A place in one spelling: `conv2_x`, `4a..4e`, `3a, 4a..4e`."""
    if isinstance(place, Range):
        return f"{place_text(place.start, scope)}..{place_text(place.stop, scope)}"
    if isinstance(place, Name | Template):
        return spell(place, scope)
    assert isinstance(place, String)
    parts = re.sub(r"\s*\.\.\s*", "..", place.value).split(",")
    return ", ".join(part.strip() for part in parts if part.strip())


def own_source(body: Body) -> str:
    """The first `source` of a variant, which wins over that of its base."""
    notes = (s.text.value for s in body.statements if isinstance(s, SourceNote))
    return next(notes, "")


def pass_on(model: Model, given: tuple[Given, ...], settings: dict[str | None, Given]) -> None:
    """`resnet50(classes=10)`: a variant has no parameters, what it is given is its base's."""
    for argument in given:
        if argument.name is None:
            fail(
                "E0205",
                f"`{model.name.id}` takes named arguments only, those of its base",
                argument.span,
                help=[f"write `{model.name.id}(name=value)`"],
            )
        settings.setdefault(argument.name, argument)


def base_of(
    run: Run, call: CallExpr, namespace: Namespace, scope: Scope, passed: list[str]
) -> tuple[Model, Namespace, tuple[Given, ...]]:
    found = namespace.model(call.callee.id)
    if found is None:
        namespace.give_up(call.callee.id)
        names = [name for name in namespace.models() if name not in passed]
        help: tuple[Help | str, ...] = suggest(call.callee.id, names, call.callee.span)
        if namespace.rule(call.callee.id):
            help = (f"a rule rewrites a model: `net with {call.callee.id}`",)
        fail(
            "E0202",
            f"there is no model `{call.callee.id}`",
            call.callee.span,
            help=help,
        )
    if len(passed) > BLOCK_DEPTH.value or call.callee.id in passed:
        fail(
            "E0402",
            f"the model `{call.callee.id}` is a variant of itself",
            call.callee.span,
            help=["one of the models that lead back here needs a body of its own"],
        )
    return (*found, evaluate_arguments(call.arguments, scope))


def dialect_defaults(name: str, namespace: Namespace, place: Span) -> Defaults:
    """The settings of a dialect and of those it builds on, outermost first.

    Arguments:
        place: where it was asked for.
    """
    layers: list[Defaults] = []
    wanted: str | None = name
    while wanted is not None and len(layers) < BLOCK_DEPTH.value:
        found = namespace.dialect(wanted)
        if found is None:
            no_dialect(Name(wanted, place), namespace)
        dialect, namespace = found
        scope = Scope(namespace)
        layers.append(
            tuple(
                (word.id, evaluate_arguments(setting.arguments, scope))
                for setting in dialect.settings
                for word in setting.words
            )
        )
        wanted = dialect.base.id if dialect.base else None
    return tuple(entry for layer in reversed(layers) for entry in layer)


def dialect_place(run: Run, model: Model) -> Span:
    """Where the dialect was asked for: on the command line, or by the model."""
    if run.options.dialect is None:
        return model.dialect.span if model.dialect else model.name.span
    given = Source("--dialect", run.options.dialect)
    return Span(given, 0, len(given.text))


def no_dialect(name: Name, namespace: Namespace) -> NoReturn:
    namespace.give_up(name.id)
    known = [
        n
        for n in (*namespace.names(), *namespace.library.index)
        if isinstance((namespace.find(n) or namespace.library.find(n) or (None,))[0], Dialect)
    ]
    all_names = ", ".join(f"`{dialect}`" for dialect in sorted(set(known)))
    fail(
        "E0202",
        f"there is no dialect `{name.id}`",
        name.span,
        help=suggest(name.id, known, name.span) or (f"there are {all_names}",),
    )


def variant_claims(run: Run, body: Body, context: Context) -> None:
    """A variant's body says things about the network and adds nothing to it."""
    for statement in body.statements:
        if isinstance(statement, (Expect, SourceNote, Let)):
            work_on(run, statement, None, context)
        else:
            run.report(
                error(
                    "E0101",
                    "a variant only adds `expect`, `source` and `let`",
                    statement.span,
                    help=["write a model of its own, with a body"],
                )
            )


def override(given: tuple[Given, ...], parameters: tuple[Parameter, ...]) -> tuple[Given, ...]:
    """Settings win over arguments that a variant gives by position."""
    named = {g.name for g in given if g.name}
    kept: list[Given] = []
    position = 0
    for argument in given:
        if argument.name is not None:
            kept.append(argument)
            continue
        names = [n.id for n in parameters[position].names] if position < len(parameters) else []
        position += 1
        if not named & set(names):
            kept.append(replace(argument, name=names[0]) if len(names) == 1 else argument)
    return tuple(kept)
