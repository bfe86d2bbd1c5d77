"""Blocks: one function of the module for each combination of arguments, types and defaults."""

from __future__ import annotations

from ..bind import bind_parameters, variables_of
from ..build import Flow, GraphBuilder, Place, Step
from ..diagnostics import CnnError, fail
from ..evaluate.scope import Scope
from ..evaluate.values import BlockRef, Given
from ..graph import Call, Graph
from ..limits import BLOCK_DEPTH
from ..op import Op
from ..record import replace
from ..syntax import Block, Input, Parameter
from ..types import TensorType
from ..window import Padding, Window
from .boundary import finish_outputs, require_input
from .labels import invent_name, label_names, label_type
from .run import Context, Frame, Run
from .work import work_through

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


def call_block(
    run: Run,
    ref: BlockRef,
    given: tuple[Given, ...],
    flow: Flow,
    context: Context,
    place: Place,
    name: str | None,
    labels: tuple[str, ...] = (),
    steps: list[Step] | None = None,
) -> Flow:
    block = ref.block
    values = bind_parameters(
        block.name.id, block.parameters, ref.arguments + given, Scope(ref.namespace), place.span
    )
    nth = run.calls.get(id(block), 0)
    run.calls[id(block)] = nth + 1
    if flow is None:
        require_input(run, place.span)
        return None
    function = specialise(run, ref, values, flow, context, place, nth)
    if function is None:
        return None
    if not function.nodes and passes_through(function):
        return flow
    node = name or invent_name(run, block.name.id, place)
    node = node if node not in run.builder.types else run.builder.unique(node)
    if steps is not None:
        again = context, place, nth
        steps.append(Step(node, respecialise(run, ref, values, flow, *again)))
    return add_call(run, function, flow, place, node, labels)


def add_call(
    run: Run,
    function: Graph,
    flow: tuple[str, ...],
    place: Place,
    node: str,
    labels: tuple[str, ...] = (),
    weights: str | None = None,
) -> Flow:
    types = function.output_types
    if len(types) > 1 and len(labels) == len(types):
        names = labels
    else:
        names = tuple(f"{node}_{output.name}" for output in function.outputs)
    run.builder.expanded += run.expanded[function.name]
    return run.builder.add(Call(function.name), flow, types, place, node, names, weights)


def respecialise(
    run: Run,
    ref: BlockRef,
    values: dict[str, Any],
    flow: tuple[str, ...],
    context: Context,
    place: Place,
    nth: int,
) -> Callable[[tuple[TensorType, ...]], Op | Call]:
    def again(types: tuple[TensorType, ...]) -> Op | Call:
        function = specialise(run, ref, values, flow, context, place, nth, types)
        if function is None:
            raise CnnError()
        return Call(function.name)

    return again


def specialise(
    run: Run,
    ref: BlockRef,
    values: dict[str, Any],
    flow: tuple[str, ...],
    context: Context,
    place: Place,
    nth: int,
    types: tuple[TensorType, ...] = (),
) -> Graph | None:
    """The function of a block for these arguments and inputs; None when it is wrong."""
    around = flow if not types else ()  # `share` gives other values
    types = types or tuple(run.builder.types[value] for value in flow)
    key = (id(ref.block), tuple(values.items()), types, run.number_of(context.defaults))
    if key in run.memo:
        return run.memo[key]
    if len(run.frames) >= BLOCK_DEPTH.value:
        chain = " → ".join(frame.name for frame in run.frames[-6:])
        fail(
            BLOCK_DEPTH.code,
            f"blocks are called more than {BLOCK_DEPTH.value} deep",
            place.span,
            notes=[f"the last calls: {chain} → {ref.block.name.id}"],
            help=[BLOCK_DEPTH.instead, BLOCK_DEPTH.help],
        )
    positional = [False]
    frame = Frame(
        ref.block.name.id,
        id(ref.block),
        place.span,
        context.rounds,
        nth,
        positional,
        run.builder,
        around,
    )
    run.frames.append(frame)
    outer, run.builder = run.builder, GraphBuilder()
    wrong = len(run.problems), run.failures
    try:
        function = elaborate_block(run, ref, values, types, context)
    finally:
        built, run.builder = run.builder, outer
        run.frames.pop()
    if function is None or (len(run.problems), run.failures) != wrong:
        if not positional[0]:
            run.memo[key] = None
        return None
    collect(run, built)
    function = keep(run, function, built.expanded)
    if positional[0]:
        for frame in run.frames:
            frame.positional[0] = True
    else:
        run.memo[key] = function
    return function


def keep(run: Run, function: Graph, expanded: int) -> Graph:
    """Give a new function its name; an equal one that exists already is used instead."""
    known = run.interned.get(function)
    if known is not None:
        return known
    name, number = function.definition, 1
    while name in run.functions:
        number += 1
        name = f"{function.definition}_{number}"
    named = replace(function, name=name)
    if function.nodes or not passes_through(function):
        run.functions[name] = named
    run.expanded[name] = expanded
    run.interned[function] = named
    return named


def elaborate_block(
    run: Run, ref: BlockRef, values: dict[str, Any], types: tuple[TensorType, ...], context: Context
) -> Graph | None:
    block = ref.block
    scope = Scope(
        ref.namespace,
        dict(values),
        labels=lambda name: label_type(run, name),
        on_position=lambda word: position(run, word),
    )
    add_choices(scope, block.parameters)
    scope.variables["in"] = types[0]
    run.builder.reserved = frozenset(label_names(block.body))
    names = input_names(block, len(types))
    flow: Flow = tuple(
        run.builder.input(name, type) for name, type in zip(names, types, strict=True)
    )
    inside = Context(scope, context.defaults, factors=context.factors)
    flow = work_through(run, block.body, flow, inside)
    finish_outputs(run, flow, block.name.span, is_model=False)
    if not run.builder.outputs:
        return None
    arguments = plain_arguments(block.parameters, values)
    return run.builder.finish("", block.name.id, arguments, block.span)


def position(run: Run, word: str) -> int:
    """`nth` and `total` of the block being elaborated."""
    frame = run.frames[-1]
    frame.positional[0] = True
    run.positions_read += 1
    if word == "nth":
        return frame.nth
    run.reads_total = True
    return run.totals.get(frame.definition, 1)


def collect(run: Run, built: GraphBuilder) -> None:
    run.constraints.update(built.constraints)
    for warning in built.warnings:
        run.warnings.setdefault((warning, warning.place), warning)


def add_choices(scope: Scope, parameters: tuple[Parameter, ...]) -> None:
    """Words of enumerations are constants where the parameter is visible."""
    for parameter in parameters:
        for choice in parameter.choices or ():
            scope.variables.setdefault(choice.id, choice.id)


def input_names(block: Block, count: int) -> list[str]:
    for statement in block.body.statements:
        if isinstance(statement, Input) and len(statement.names) == count:
            return [name.id for name in statement.names]
    return ["x"] if count == 1 else [f"x{i + 1}" for i in range(count)]


def passes_through(function: Graph) -> bool:
    """Whether a function gives its inputs as they are."""
    return [o.value for o in function.outputs] == [v.name for v in function.inputs]


def plain_arguments(
    parameters: tuple[Parameter, ...], values: Mapping[str, Any]
) -> tuple[tuple[str, object], ...]:
    return tuple(
        (name.id, plain_value(values[name.id]))
        for parameter in parameters
        for name in variables_of(parameter)
    )


def plain_value(value: Any) -> object:
    """A value as the IR keeps it: numbers, words, windows, tuples of those."""
    if isinstance(value, tuple):
        return tuple(plain_value(item) for item in value)
    if isinstance(value, (bool, int, float, str, Window, Padding)) or value is None:
        return value
    return str(value)
