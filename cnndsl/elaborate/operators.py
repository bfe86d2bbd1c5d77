"""Applying operators with their post-operators, and applying them again with `share`."""

from __future__ import annotations

from math import prod

from ..bind import Ref, bind_operator
from ..build import Flow, Place, Step
from ..diagnostics import CnnError, Label, fail, suggest
from ..evaluate.checks import check_symbol
from ..evaluate.expressions import lookup, spell
from ..evaluate.scope import Scope
from ..evaluate.values import BlockRef, Given, OpRef, describe
from ..graph import Call
from ..limits import INTEGER, SIZE, STEPS_OF_OPERATOR, spend
from ..op import Op, ShapeError
from ..ops import OPS
from ..ops.reshape import Identity
from ..source import Span
from ..symbol import Symbol
from ..syntax import Name, Share
from ..types import TensorType
from .blocks import add_call, call_block
from .boundary import require_input
from .labels import define_labels, invent_name, spell_all, values_of, without_shape
from .provenance import shape_error
from .run import Context, Run
from .shapes import annotated
from .work import rule_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import NoReturn

    from ..op import Weight


FORMS = ("residual", "input", "from", "share", "output", "default", "source", "expect")
"""What else a statement may begin with."""


def find_callee(name: Name, scope: Scope) -> Ref:
    """The operator or block that a statement begins with."""
    value = lookup(name.id, scope)
    if isinstance(value, (OpRef, BlockRef)):
        return value
    if value is not None:
        fail(
            "E0206",
            f"`{name.id}` is not an operator or a block",
            name.span,
            f"it is {describe(value)}",
            help=["`cnnc ops` lists the operators; a block is written `block name { ... }`"],
        )
    from ..foreign import LAYERS, layer_help

    if name.id == "residual":
        help = "write what its input is added to: `residual { conv 3x3, 64; relu }`"
        fail("E0204", "`residual` needs a body in braces", name.span, help=[help])
    if name.id in LAYERS:
        fail("E0201", f"there is no operator `{name.id}`", name.span, help=[layer_help(name.span)])
    if scope.namespace.offers(name.id):
        sentence = "the standard library has it: add `use std` at the top"
        fail(
            "E0201",
            f"there is no operator or block `{name.id}` here",
            name.span,
            help=[scope.namespace.add_standard(sentence)],
        )
    if scope.namespace.model(name.id):
        fail(
            "E0201",
            f"`{name.id}` is a model; only operators and blocks are applied",
            name.span,
            help=["write the shared part as a `block`, and call it from both models"],
        )
    if scope.namespace.rule(name.id):
        fail(
            "E0201",
            f"`{name.id}` is a rule; only operators and blocks are applied",
            name.span,
            help=[f"a rule rewrites a whole model: `model v2 = net with {name.id}`"],
        )
    scope.namespace.give_up(name.id)
    near = suggest(name.id, [*OPS, *scope.names(), *FORMS], name.span)
    fail(
        "E0201",
        f"there is no operator or block `{name.id}`",
        name.span,
        help=near or ("`cnnc ops` lists the operators",),
    )


def apply_ref(
    run: Run,
    ref: Ref,
    given: tuple[Given, ...],
    flow: Flow,
    context: Context,
    place: Place,
    name: str | None,
    labels: tuple[str, ...] = (),
    steps: list[Step] | None = None,
) -> Flow:
    """Apply an operator (with its post-ops) or a block."""
    if isinstance(ref, BlockRef):
        return call_block(run, ref, given, flow, context, place, name, labels, steps)
    op, posts = bind_operator(
        ref.word, ref.arguments + given, context.defaults, context.scope, place.span
    )
    flow = add_operator(
        run, op, flow, place, name or invent_name(run, ref.word, place), labels, steps
    )
    for post in posts:
        after = f"{name}_{post}" if name else None
        flow = apply_ref(run, post, (), flow, context, place, after, steps=steps)
    return flow


def add_operator(
    run: Run,
    op: Op,
    flow: Flow,
    place: Place,
    name: str,
    labels: tuple[str, ...] = (),
    steps: list[Step] | None = None,
    weights: str | None = None,
    ends: tuple[Span, ...] = (),
) -> Flow:
    """Add an operator to the graph, its hidden values spelled out and its types checked.

    `ends` are the places where the branches end whose values these are.
    """
    if flow is None:
        require_input(run, place.span)
        return None
    if isinstance(op, Identity):
        return flow
    least, most = op.arity
    if len(flow) < least or (most is not None and len(flow) > most):
        wrong_arity(run, op, flow, place)
    types = tuple(run.builder.types[value] for value in flow)
    try:
        exact = op.canonical(*types)
        results = exact.infer(*types)
    except ShapeError as problem:
        raise CnnError(shape_error(run, problem, op, flow, place, ends)) from None
    check_limits(exact, types, results, place.span)
    spend(STEPS_OF_OPERATOR, place.span)
    node = name if name not in run.builder.types else run.builder.unique(name)
    if len(results) > 1 and len(labels) == len(results):
        names = labels
    else:
        names = tuple(f"{node}_{i + 1}" for i in range(len(results)))
    values = run.builder.add(exact, flow, results, place, node, names, weights)
    run.builder.expanded += 1
    if steps is not None:
        steps.append(Step(node, lambda inputs: op.canonical(*inputs)))
    return values


def wrong_arity(run: Run, op: Op, flow: tuple[str, ...], place: Place) -> NoReturn:
    if op.family == "merge":
        refuse_to_join(op.word, len(flow), place.span)
    fail(
        "E0209",
        f"`{op.word}` takes one value, the flow carries {len(flow)}",
        place.span,
        f"these are {', '.join(f'`{value}`' for value in flow)}",
        help=["join them with `concat` or `add`, or choose one with `from`"],
    )


def refuse_to_join(word: str, count: int, span: Span) -> NoReturn:
    """Raise: a merge that has one value only, or more than it takes."""
    many = "two values" if OPS[word].arity[1] == 2 else "two values or more"
    fail(
        "E0209",
        f"`{word}` joins {many}, not {'one' if count == 1 else count}",
        span,
        help=[f"name them, `{word}(a, b)`, or give it branches"],
    )


def check_limits(
    op: Op, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...], span: Span
) -> None:
    """Raise when an operator makes a value that no memory holds, or has such weights."""
    for type in outputs:
        for size in type.shape:
            if isinstance(size, Symbol):
                check_symbol(size, span)
        elements = type.elements
        if isinstance(elements, int) and elements > INTEGER.value:
            message = f"a value of {type} has more than 2^63 - 1 elements"
            fail(INTEGER.code, message, span, help=[INTEGER.help])
        if any(isinstance(size, int) and size > SIZE.value for size in type.shape):
            fail(SIZE.code, f"a size of {type} is beyond 2^31 - 1", span, help=[SIZE.help])
    if sum(prod(weight.shape) for weight in op.weights(*inputs)) > INTEGER.value:
        message = f"`{op.word}` has more than 2^63 - 1 weights here"
        fail(INTEGER.code, message, span, help=[INTEGER.help])


@rule_for(Share)
def share_statement(run: Run, statement: Share, flow: Flow, context: Context) -> Flow:
    name = spell(statement.ref, context.scope)
    steps = run.builder.steps.get(name)
    if steps is None:
        values_of(run, statement.ref, context)
        fail(
            "E0210",
            f"`{name}` has no layers that could be shared",
            statement.ref.span,
            help=["`share` takes the label of an operator or a call of a block"],
        )
    labels = spell_all(run, statement.labels, context)
    label = labels[0] if labels else None
    run.builder.row += 1
    place = Place(without_shape(statement), label, context.region)
    for step in steps:
        flow = share_step(run, step, flow, place, label)
    flow = annotated(run, flow, statement, context)
    define_labels(run, labels, statement.labels, flow)
    return flow


def share_step(run: Run, step: Step, flow: Flow, place: Place, label: str | None) -> Flow:
    if flow is None:
        return None
    origin = next(node for node in run.builder.nodes if node.name == step.node)
    before = tuple(run.builder.types[value] for value in origin.inputs)
    types = tuple(run.builder.types[value] for value in flow)

    def differ(why: str, help: str) -> NoReturn:
        there = [] if origin.span is None else [Label(origin.span, f"{before[0]} comes in there")]
        fail(
            "E0312",
            f"`{place.label or origin.name}` cannot share the weights of `{origin.name}`: {why}",
            place.span,
            f"{types[0]} comes in here",
            also=there,
            help=[help],
        )

    if [t.channels for t in before] != [t.channels for t in types]:
        channels = before[0].channels
        differ("the channels differ", f"bring the value to {channels} channels before it")
    try:
        op = step.again(types)
        if list(_weights(run, op, types)) != list(_weights(run, origin.op, before)):
            differ(
                "its weights belong to positions",
                "bring the map to the same height and width before it, or use `conv`",
            )
        name = run.builder.unique(label) if label else run.builder.unique(step.node)
        if isinstance(op, Call):
            return add_call(run, run.functions[op.function], flow, place, name, weights=origin.name)
        return add_operator(
            run, op, flow, place, name, weights=origin.name if op.weights(*types) else None
        )
    except ShapeError as problem:
        assert isinstance(origin.op, Op)
        raise CnnError(shape_error(run, problem, origin.op, flow, place)) from None


def _weights(run: Run, op: Op | Call, types: tuple[TensorType, ...]) -> Iterator[Weight]:
    """The weights of an operator, or of all operators of a function."""
    if isinstance(op, Op):
        yield from op.weights(*types)
        return
    graph = run.functions[op.function]
    for node in graph.nodes:
        yield from _weights(run, node.op, tuple(graph.types[value] for value in node.inputs))
