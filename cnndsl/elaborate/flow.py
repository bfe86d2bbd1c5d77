"""Statements about the flow: groups, stages, taps, conditions, loops."""

from __future__ import annotations

from ..build import Flow
from ..evaluate.expressions import spell
from ..syntax import For, From, Group, If, Stage
from .labels import define_labels, spell_all, values_of
from .repeats import copies, repeat_count, rounds
from .run import Context, Run
from .shapes import annotated
from .work import rule_for, work_through


@rule_for(Group)
def group_statement(run: Run, statement: Group, flow: Flow, context: Context) -> Flow:
    times = repeat_count(run, statement.times, context)
    labels = spell_all(run, statement.labels, context)
    start = run.builder.expanded
    for inside in copies(run, statement, times, context):
        before = flow
        flow = work_through(run, statement.body, flow, inside.nested())
        if flow == before and run.builder.expanded == start:
            break  # nothing is repeated
    flow = annotated(run, flow, statement, context)
    define_labels(run, labels, statement.labels, flow)
    return flow


@rule_for(Stage)
def stage_statement(run: Run, statement: Stage, flow: Flow, context: Context) -> Flow:
    name = spell(statement.name, context.scope)
    inside = context.nested()
    inside.region = (*context.region, name)
    flow = work_through(run, statement.body, flow, inside)
    flow = annotated(run, flow, statement, context)
    define_labels(run, (name,), (statement.name,), flow)
    return flow


@rule_for(From)
def from_statement(run: Run, statement: From, flow: Flow, context: Context) -> Flow:
    taken: list[str] | None = []
    for ref in statement.refs:
        values = values_of(run, ref, context)
        taken = None if taken is None or values is None else [*taken, *values]
    start = None if taken is None else tuple(taken)
    if statement.body is None:
        return start
    work_through(run, statement.body, start, context.nested())
    return flow


@rule_for(If)
def if_statement(run: Run, statement: If, flow: Flow, context: Context) -> Flow:
    chosen = run.decide(statement.condition, context.scope)
    body = statement.then if chosen else statement.otherwise
    return flow if body is None else work_through(run, body, flow, context.nested())


@rule_for(For)
def for_statement(run: Run, statement: For, flow: Flow, context: Context) -> Flow:
    for inside in rounds(run, statement, context):
        flow = work_through(run, statement.body, flow, inside)
    return flow
