"""Why a rule did not apply, as a message."""

from __future__ import annotations

from ..diagnostics import fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

    from ..source import Span
    from .match import Refusal


def nowhere(rule: str, place: str, span: Span | None, refusals: Sequence[Refusal]) -> NoReturn:
    """Raise: a rule that was asked for applies at none of its places."""
    nearest = sorted(refusals, key=lambda refusal: -refusal.progress)
    told = dict.fromkeys(f"at `{r.node}`: {r.reason}" if r.node else r.reason for r in nearest)
    where = f" at `{place}`" if place else ""
    fail(
        "E1003",
        f"`{rule}` applies nowhere{where}",
        span,
        notes=list(told)[:5],
        help=(f"`cnnc rules {rule.partition('(')[0]}` shows what it looks for",),
    )
