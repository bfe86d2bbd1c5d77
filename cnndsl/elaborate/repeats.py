"""Repeats and loops: their copies, and the limit on what they add up to.

A network that is too large is refused before it is built. Copies that ask for nothing that
differs between them settle: when one has the same operators and types as the one before it, so
have all that follow, and what they come to is a product. Other copies are counted as they are
made, which ends at the limit, and not at what the spec asks for.
"""

from __future__ import annotations

import re
from math import prod

from ..diagnostics import Label, fail
from ..evaluate.expressions import evaluate
from ..evaluate.values import describe, whole
from ..limits import NODES, spend
from ..notation import number
from ..source import Span
from ..symbol import Symbol
from ..syntax import Apply, Each, Expr, For, Group, Parallel
from .run import Context, Factor, Run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SETTLING = 3
"""Copies after the first one in which a repeat may come to rest: a stride, channels."""
SHOWN = 6
"""Repeats around one another that a message marks, the innermost."""


def repeat_count(run: Run, times: Expr | None, context: Context) -> int | None:
    if times is None:
        return None
    value = whole(evaluate(times, context.scope))
    if isinstance(value, Symbol):
        fail("E0310", "a repeat needs a known number", times.span, f"this is {number(value)}",
             help=["give the input a fixed size, in the spec or with `--input`"])  # fmt: skip
    if not isinstance(value, int) or isinstance(value, bool):
        fail(
            "E0206",
            "a repeat counts in whole numbers",
            times.span,
            f"this is {describe(value)}",
            help=["round it: `floor(x)`, `ceil(x)` or `round(x)`"],
        )
    if value < 0:
        fail(
            "E0207",
            "a repeat cannot be negative",
            times.span,
            f"this is `{value}`",
            help=["a repeat of 0 leaves it out; `max(0, n)` ends there"],
        )
    if value > NODES.cap:
        message = f"{value:,} copies are more than the hard limit of {NODES.cap:,}"
        also = factor_labels(context.factors)
        fail(NODES.code, message, times.span, also=also, help=[NODES.instead])
    return value


def copies(
    run: Run, statement: Apply | Group | Parallel, times: int | None, context: Context
) -> Iterator[Context]:
    """What surrounds each copy of a repeat, or the statement where nothing repeats it."""
    if statement.times is None or times is None:
        yield context
        check_size(run, statement.span, context)
        return
    factor = Factor(times, statement.times.span)
    inside = (context.copy(index, factor) for index in range(times))
    yield from _watched(run, inside, times, statement.span, context, r"\b(?:then|copy)\b")


def rounds(run: Run, loop: For | Each, context: Context) -> Iterator[Context]:
    """What surrounds each round of a loop."""
    values = evaluate(loop.values, context.scope)
    if not isinstance(values, tuple):
        fail(
            "E0206",
            "`for` goes through a range or a list",
            loop.values.span,
            f"this is {describe(values)}",
            help=["write `for i in 0..4 { ... }`"],
        )
    factor = Factor(len(values), loop.values.span)
    inside = (context.round(loop.name.id, value, factor) for value in values)
    asked = rf"\b{loop.name.id}\b"
    yield from _watched(run, inside, len(values), loop.span, context, asked)


def check_size(run: Run, span: Span, context: Context) -> None:
    """Stop when the network is larger than its limit."""
    if run.builder.expanded > run.options.max_nodes:
        _too_large(run, f"{run.builder.expanded:,} nodes or more", "", span, context)


def _watched(
    run: Run, inside: Iterable[Context], times: int, span: Span, context: Context, asked: str
) -> Iterator[Context]:
    """The contexts, one by one; what was built in each is watched.

    Arguments:
        asked: a pattern of the words with which a copy asks which one it is.
    """
    builder, limit = run.builder, run.options.max_nodes
    nodes, size, reads = [len(builder.nodes)], [builder.expanded], run.positions_read
    for index, around in enumerate(inside):
        spend(1, span)
        yield around
        nodes.append(len(builder.nodes))
        size.append(builder.expanded)
        each = size[-1] - size[-2]
        expected = size[-1] + each * (times - index - 1)
        if expected <= limit:
            continue
        if size[-1] > limit:
            _too_large(run, f"{size[-1]:,} nodes or more", "", span, context)
        settles = 0 < index <= SETTLING and _are_equal(run, nodes[-3:])
        if settles and run.positions_read == reads and not re.search(asked, _body(span)):
            outer = prod(factor.times for factor in context.factors)
            total = f"{size[0] + (expected - size[0]) * outer:,} nodes"
            about = "about " if outer > 1 else ""
            _too_large(run, about + total, f"{times:,} copies of {each:,}", span, context)


def _body(span: Span) -> str:
    """The text of a repeat behind its first word, which is the `for` of a loop."""
    return span.text.partition("{")[2] or span.text


def _are_equal(run: Run, starts: list[int]) -> bool:
    """Whether the nodes of the last two copies have the same operators and types."""
    before, here, end = starts
    made = [
        (node.op, tuple(value.type for value in node.outputs))
        for node in run.builder.nodes[before:end]
    ]
    return made[: here - before] == made[here - before :]


def _too_large(run: Run, size: str, product: str, span: Span, context: Context) -> None:
    """Raise: the network has so many nodes, and these are the repeats around the place."""
    fail(
        NODES.code,
        f"this network would expand to {size}; the limit is {run.options.max_nodes:,}",
        span,
        product,
        also=factor_labels(context.factors),
        help=[NODES.help],
    )


def factor_labels(factors: tuple[Factor, ...]) -> list[Label]:
    """The repeats around a place, each with how often it repeats."""
    repeating = [factor for factor in factors if factor.times != 1][-SHOWN:]
    return [Label(factor.span, f"all of it {factor.times:,} times") for factor in repeating]
