"""Statements that compute nothing: `default`, `let`, `source`, `expect`."""

from __future__ import annotations

from ..bind import FAMILIES
from ..build import Flow
from ..diagnostics import CnnError, fail, suggest
from ..evaluate.expressions import evaluate, evaluate_arguments, spell
from ..evaluate.values import UNKNOWN, Closure, Extents, describe
from ..ops import OPS
from ..symbol import Symbol
from ..syntax import Default, Expect, Let, SourceNote
from ..window import Window
from .run import Claim, Context, Run
from .shapes import shape_sizes
from .work import rule_for


@rule_for(Default)
def default_statement(run: Run, statement: Default, flow: Flow, context: Context) -> Flow:
    given = evaluate_arguments(statement.arguments, context.scope)
    for word in statement.words:
        if word.id not in OPS and word.id not in FAMILIES:
            fail(
                "E0201",
                f"`default` is for operators; `{word.id}` is none",
                word.span,
                help=suggest(word.id, [*OPS, *FAMILIES], word.span),
            )
        context.defaults = (*context.defaults, (word.id, given))
    return flow


@rule_for(Let)
def let_statement(run: Run, statement: Let, flow: Flow, context: Context) -> Flow:
    name = statement.name.id
    if statement.parameters is not None:
        context.scope.variables[name] = Closure(statement, context.scope)
    else:
        try:
            context.scope.variables[name] = evaluate(statement.value, context.scope)
        except CnnError:
            context.scope.variables[name] = UNKNOWN
            raise
    return flow


@rule_for(SourceNote)
def source_statement(run: Run, statement: SourceNote, flow: Flow, context: Context) -> Flow:
    if not run.frames and not run.source:
        run.source = statement.text.value
    return flow


@rule_for(Expect)
def expect_statement(run: Run, statement: Expect, flow: Flow, context: Context) -> Flow:
    if run.options.changes_the_model or run.frames or not run.claiming:
        return flow
    value = evaluate(statement.value, context.scope)
    if isinstance(value, (Window, Extents)):
        value = shape_sizes(value, statement.value)
    if isinstance(value, bool) or not isinstance(value, (int, float, tuple, Symbol)):
        fail(
            "E0206",
            "a claim compares with a number, a formula or a shape",
            statement.value.span,
            f"this is {describe(value)}",
        )
    tolerance = statement.tolerance
    run.claims.append(
        Claim(
            statement.metric.id,
            tuple(spell(ref, context.scope) for ref in statement.subjects),
            statement.relation.replace("==", "="),
            value,
            statement.value.span.text,
            None if tolerance is None else float(tolerance.value),
            statement.note.value if statement.note else "",
            statement.span,
        )
    )
    return flow
