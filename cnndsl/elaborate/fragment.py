"""Statements elaborated on their own, with given inputs: the right side of a rule."""

from __future__ import annotations

from ..bind import Defaults
from ..build import Flow, GraphBuilder
from ..diagnostics import CnnError
from ..evaluate.scope import Scope
from ..graph import Graph
from ..limits import counted
from ..record import Record
from ..syntax import Body, Statement
from ..types import TensorType
from .boundary import finish_outputs
from .labels import label_names, label_type
from .run import Context, Frame, Options, Run
from .work import work_on

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from ..namespace import Namespace

    DefaultsFor = Callable[[Statement], Defaults]


class Fragment(Record):
    """What statements became: their graph, and the functions that it calls.

    Arguments:
        statements: for each node of the graph, the number of its statement.
    """

    graph: Graph
    functions: tuple[Graph, ...]
    statements: tuple[int, ...]


def elaborate_fragment(
    body: Body,
    namespace: Namespace,
    inputs: Sequence[tuple[str, TensorType]],
    variables: Mapping[str, Any],
    settings: Defaults,
    defaults: DefaultsFor = lambda statement: (),
) -> Fragment:
    """Elaborate statements as those of a block. Raises CnnError.

    Arguments:
        inputs: names and types of the values that flow in.
        variables: values of names.
        settings: those of the dialect.
        defaults: further ones for a statement.
    """
    with counted():
        return _elaborate(body, namespace, inputs, variables, settings, defaults)


def _elaborate(
    body: Body,
    namespace: Namespace,
    inputs: Sequence[tuple[str, TensorType]],
    variables: Mapping[str, Any],
    settings: Defaults,
    defaults: DefaultsFor,
) -> Fragment:
    run = Run(Options(), {})
    run.builder = GraphBuilder()
    run.builder.reserved = frozenset(label_names(body))
    run.frames.append(Frame("", id(body), body.span, (), 0, [False]))
    scope = Scope(namespace, dict(variables), labels=lambda name: label_type(run, name))
    scope.variables["in"] = inputs[0][1]
    flow: Flow = tuple(run.builder.input(name, type) for name, type in inputs)
    run.builder.labels.update((name, (value.name,)) for (name, _), value in zip(
        inputs, run.builder.inputs, strict=True))  # fmt: skip
    context = Context(scope, settings)
    made: list[int] = []
    own: Defaults = ()  # of `default` among the statements
    for number, statement in enumerate(body.statements):
        given = (*settings, *defaults(statement), *own)
        context.defaults = given
        flow = work_on(run, statement, flow, context)
        own = (*own, *context.defaults[len(given) :])
        made += [number] * (len(run.builder.nodes) - len(made))
    finish_outputs(run, flow, body.span, is_model=False)
    if run.is_wrong:
        raise CnnError(*run.problems)
    graph = run.builder.finish("rule", "rule", (), body.span)
    return Fragment(graph, tuple(run.functions.values()), tuple(made))
