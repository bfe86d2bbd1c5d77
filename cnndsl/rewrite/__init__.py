"""Rewriting: rules in the user's own language, matched, proved, applied and recorded.

    rule  ─ read_rule ─▶ Rewrite ─ find ─▶ matches ─ replacement ─▶ proved right sides
    Derivation ─ apply ─▶ Derivation with one more step: the journal

`rule` and `pattern` read rules, `match` finds left sides, `replacement` elaborates
and proves right sides, `engine` applies them on the hierarchical IR, `weights`
and `carriers` move what was trained, `transforms` are rules that are no equations.
"""

from __future__ import annotations

from ..diagnostics import fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

    from ..bind import Defaults
    from ..elaborate.run import Request
    from ..graph import Module
    from ..source import Span
    from .engine import Derivation
    from .match import Refusal


def derive(module: Module, requests: Sequence[Request], settings: Defaults = ()) -> Derivation:
    """Apply what was asked for, in order. Raises CnnError when a rule finds no place.

    Arguments:
        settings: those of the model's dialect.
    """
    from .engine import Derivation, apply_all
    from .rule import read_rule

    derivation = Derivation(module, (), settings)
    for request in requests:
        rewrites = [read_rule(ref) for ref in request.rules]
        attempt = apply_all(derivation, rewrites, request.place, request.span)
        if len(attempt.derivation.steps) == len(derivation.steps):
            nowhere(
                request.text.partition(" at ")[0], request.place, request.span, attempt.refusals
            )
        derivation = attempt.derivation
    return derivation


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
