"""Repeats and loops: how many copies, and the limit on what they add up to."""

from __future__ import annotations

from ..diagnostics import fail
from ..evaluate import describe, evaluate, whole
from ..source import Span
from ..symbol import Symbol
from ..syntax import Each, Expr, For
from .run import MAX_NODES_CAP, Context, Run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def repeat_count(run: Run, times: Expr | None, context: Context) -> int | None:
    if times is None:
        return None
    value = whole(evaluate(times, context.scope))
    if isinstance(value, Symbol):
        fail("E0310", "a repeat needs a known number", times.span, f"this is {value}")
    if not isinstance(value, int) or isinstance(value, bool):
        fail("E0206", "a repeat counts in whole numbers", times.span, f"this is {describe(value)}")
    if value < 0:
        fail("E0207", "a repeat cannot be negative", times.span, f"this is `{value}`")
    if value > MAX_NODES_CAP:
        fail(
            "E0601",
            f"{value:,} copies are more than the hard limit of {MAX_NODES_CAP:,}",
            times.span,
        )
    return value


def rounds(run: Run, loop: For | Each, context: Context) -> Iterator[Context]:
    """The contexts of a loop's rounds; what they add to the network is watched."""
    values = evaluate(loop.values, context.scope)
    if not isinstance(values, tuple):
        fail(
            "E0206",
            "`for` goes through a range or a list",
            loop.values.span,
            f"this is {describe(values)}",
            help=["write `for i in 0..4 { ... }`"],
        )
    start = run.builder.expanded
    for index, value in enumerate(values):
        yield context.nested(**{loop.name.id: value})
        check_size(run, start, len(values), index, loop.span)


def check_size(run: Run, start: int, times: int | None, index: int, span: Span) -> None:
    """Stop before the limit is passed: the first copy says what all copies will cost."""
    grown = run.builder.expanded - start
    limit = run.options.max_nodes
    expected = start + grown * times if times is not None and index == 0 else start + grown
    if expected <= limit:
        return
    product = f"{times:,} copies of {grown:,}" if times is not None and index == 0 else ""
    fail(
        "E0601",
        f"this network would expand to {expected:,} nodes or more; the limit is {limit:,}",
        span,
        product,
        help=[f"raise the limit with `--max-nodes` (up to {MAX_NODES_CAP:,}) if this is meant"],
    )
