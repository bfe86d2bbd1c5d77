"""Working through statements, each by the rule for its form."""

from __future__ import annotations

from ..build import Flow
from ..diagnostics import CnnError
from ..limits import BLOCK_DEPTH, NODES, spend
from ..syntax import Body, Statement
from .labels import forget
from .run import Context, Enough, Run
from .shapes import annotated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    T = TypeVar("T", bound=Callable[[Run, Any, Flow, Context], Flow])


STATEMENTS: dict[type, Callable[[Run, Any, Flow, Context], Flow]] = {}
"""What each form of statement does to the flow. The modules of this package fill it."""


def rule_for(form: type) -> Callable[[T], T]:
    """Register the rule for a form of statement."""

    def register(rule: T) -> T:
        STATEMENTS[form] = rule
        return rule

    return register


def work_through(run: Run, body: Body, flow: Flow, context: Context) -> Flow:
    """Work through statements; a failed one is reported and leaves the flow unknown."""
    for statement in body.statements:
        flow = work_on(run, statement, flow, context)
    return flow


def work_on(run: Run, statement: Statement, flow: Flow, context: Context) -> Flow:
    """Work on one statement; an error is reported, and its annotation says what flows on."""
    spend(1, statement.span)
    try:
        return STATEMENTS[type(statement)](run, statement, flow, context)
    except CnnError as problem:
        keep(run, problem, context)
        for ref in getattr(statement, "labels", ()):
            forget(run, ref, context)
        return annotated(run, None, statement, context)


def keep(run: Run, problem: CnnError, context: Context) -> None:
    """Report what was raised, unless nothing can go on after it. Raises CnnError then."""
    if isinstance(problem, Enough):
        raise problem
    for diagnostic in problem.diagnostics:
        if diagnostic.code in (NODES.code, BLOCK_DEPTH.code):
            raise problem
        run.report(diagnostic, context.rounds)
    run.failed()
