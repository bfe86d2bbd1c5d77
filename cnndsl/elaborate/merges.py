"""Joining branches: `concat { | a | b }`, `add(a, b)`, `residual { ... }`."""

from __future__ import annotations

from ..bind import bind_operator
from ..build import Flow, Place
from ..diagnostics import fail, suggest
from ..source import Span
from ..syntax import Apply, Body, Branch, Each, Name, Parallel, Template
from .labels import define_labels, invent_name, spell_all, values_of
from .operators import add_operator, apply_ref, refuse_to_join
from .repeats import copies, repeat_count, rounds
from .run import MERGES, Context, Run
from .shapes import annotated
from .work import rule_for, work_through

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


@rule_for(Parallel)
def parallel_statement(run: Run, statement: Parallel, flow: Flow, context: Context) -> Flow:
    times = repeat_count(run, statement.times, context)
    labels = spell_all(run, statement.labels, context)
    label = labels[0] if labels else None
    word = merge_word(statement)
    for index, inside in enumerate(copies(run, statement, times, context)):
        results, ends = [], []
        for branch, around in branches_in(run, statement.branches, inside):
            results.append(work_through(run, branch, flow, around))
            ends.append(branch.statements[-1].span)
        if not results:
            fail(
                "E0209",
                f"`{word}` has no branches to join",
                statement.merge.span,
                help=["a loop over nothing has none, and a condition that does not hold has none"],
            )
        run.builder.row += 1
        place = Place(statement.merge.span, label, context.region)
        name = f"{label}_{index + 1}" if label and times is not None else label
        flow = merge(run, word, results, context, place, name, ends)
    flow = annotated(run, flow, statement, context)
    define_labels(run, labels, statement.labels, flow)
    return flow


def merge_word(statement: Parallel) -> str:
    """The word that says how branches are joined. Raises CnnError when none does."""
    word, span = statement.merge.id, statement.merge.span
    if word not in MERGES:
        help = suggest(word, MERGES, span) or ("`concat`, `add`, `sub` and `mul` do",)
        fail("E0201", f"`{word}` does not join branches", span, help=help)
    return word


def branches_in(
    run: Run, branches: tuple[Branch, ...], context: Context
) -> Iterator[tuple[Body, Context]]:
    """The branches that there are, with what surrounds each: loops and conditions are decided."""
    for branch in branches:
        if isinstance(branch, Body):
            yield branch, context.nested()
        elif isinstance(branch, Each):
            for inside in rounds(run, branch, context):
                yield from branches_in(run, branch.branches, inside)
        else:
            chosen = run.decide(branch.condition, context.scope)
            yield from branches_in(run, branch.then if chosen else branch.otherwise, context)


def merge(
    run: Run,
    word: str,
    branches: list[Flow],
    context: Context,
    place: Place,
    name: str | None,
    ends: list[Span] | None = None,
) -> Flow:
    """Join branches; `ends` are the places where they end, for messages."""
    values: list[str] = []
    marks: list[Span] = []
    for index, branch in enumerate(branches):
        if branch is None:
            return None
        values.extend(branch)
        marks.extend([ends[index]] * len(branch) if ends else [])
    op, posts = bind_operator(word, (), context.defaults, context.scope, place.span)
    node = name or invent_name(run, word, place)
    flow = add_operator(run, op, tuple(values), place, node, ends=tuple(marks))
    for post in posts:
        flow = apply_ref(run, post, (), flow, context, place, f"{name}_{post}" if name else None)
    return flow


def merge_named(
    run: Run, statement: Apply, flow: Flow, context: Context, place: Place, name: str | None
) -> Flow:
    """`concat(c3, up)`, or `concat` alone for all values of the flow."""
    assert statement.callee is not None
    branches: list[Flow] = []
    for argument in statement.arguments:
        value = argument.value
        if argument.name is not None or not isinstance(value, (Name, Template)):
            fail(
                "E0206",
                f"`{statement.callee.id}` joins labelled values",
                argument.span,
                help=[f"label them: `{statement.callee.id}(a, b)`, or give it branches"],
            )
        if isinstance(value, Name) and value.id == "identity":
            branches.append(flow)
        else:
            branches.append(values_of(run, value, context))
    if not statement.arguments:
        if flow is not None and len(flow) == 1:
            refuse_to_join(statement.callee.id, 1, statement.span)
        branches = [flow]
    return merge(run, statement.callee.id, branches, context, place, name)


def residual(
    run: Run, statement: Apply, flow: Flow, context: Context, place: Place, name: str | None
) -> Flow:
    """`residual { body }`: the body's result plus its input."""
    assert statement.callee is not None and statement.body is not None
    if statement.callee.id != "residual":
        fail(
            "E0201",
            f"`{statement.callee.id}` takes no body in braces",
            statement.callee.span,
            help=suggest(statement.callee.id, ["residual"], statement.callee.span)
            or ("`residual { ... }` does; branches begin with `|`: `add { | a | b }`",),
        )
    joined = True
    for argument in statement.arguments:
        if argument.name != "when":
            fail(
                "E0203",
                "`residual` has one argument, `when`",
                argument.span,
                help=["write `residual(when=stride == 1) { ... }`"],
            )
        joined = run.decide(argument.value, context.scope)
    result = work_through(run, statement.body, flow, context.nested())
    if not joined:
        return result
    run.builder.row += 1
    return merge(
        run,
        "add",
        [result, flow],
        context,
        Place(statement.callee.span, place.label, place.region),
        name,
    )
