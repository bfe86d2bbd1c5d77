"""The commonest statement: an operator or a block, perhaps repeated, perhaps labelled."""

from __future__ import annotations

from ..build import Flow, Place, Step
from ..diagnostics import CnnError
from ..evaluate.expressions import evaluate_arguments
from ..evaluate.values import OpRef
from ..syntax import Apply
from .labels import define_labels, spell_all, without_shape
from .merges import merge_named, residual
from .operators import apply_ref, find_callee
from .repeats import copies, repeat_count
from .run import MERGES, Context, Run
from .shapes import annotated
from .work import keep, rule_for


@rule_for(Apply)
def apply_statement(run: Run, statement: Apply, flow: Flow, context: Context) -> Flow:
    times = repeat_count(run, statement.times, context)
    labels = spell_all(run, statement.labels, context)
    label = labels[0] if labels else None
    steps: list[Step] = []
    for index, inside in enumerate(copies(run, statement, times, context)):
        place = Place(without_shape(statement), label, context.region)
        name = f"{label}_{index + 1}" if label and times is not None else label
        try:
            flow = apply_once(run, statement, flow, inside, place, name, labels, steps)
        except CnnError as problem:
            keep(run, problem, inside)
            flow = None
    flow = annotated(run, flow, statement, context)
    define_labels(run, labels, statement.labels, flow)
    if label:
        run.builder.steps[label] = steps
    return flow


def apply_once(
    run: Run,
    statement: Apply,
    flow: Flow,
    context: Context,
    place: Place,
    name: str | None,
    labels: tuple[str, ...],
    steps: list[Step],
) -> Flow:
    run.builder.row += 1
    if statement.body is not None:
        return residual(run, statement, flow, context, place, name)
    callee = statement.callee
    word = callee.id if callee is not None else "conv"
    if word in MERGES and callee is not None:
        return merge_named(run, statement, flow, context, place, name)
    ref = find_callee(callee, context.scope) if callee is not None else OpRef("conv")
    given = evaluate_arguments(statement.arguments, context.scope)
    return apply_ref(run, ref, given, flow, context, place, name, labels, steps)
