"""Rewriting: rules in the user's own language, matched, proved, applied and recorded.

    rule  ─ read_rule ─▶ Rewrite ─ find ─▶ matches ─ replacement ─▶ proved right sides
    Derivation ─ apply ─▶ Derivation with one more step: the journal

`reading` and `pattern` read rules, `match` finds left sides, `replacement` elaborates
and proves right sides, `engine` applies them on the hierarchical IR, `carry`
and `carriers` move what was trained, `transforms` are rules that are no equations.
`static` and `prove` check rules before they are applied: those that ship in the tests,
those of users when they are asked for.
"""

from __future__ import annotations

from ..limits import NODES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..bind import Defaults
    from ..elaborate.run import Request
    from ..graph import Module
    from .engine import Derivation


def derive(
    module: Module,
    requests: Sequence[Request],
    settings: Defaults = (),
    max_nodes: int = NODES.default,
) -> Derivation:
    """Apply what was asked for, in order. Raises CnnError when a rule finds no place.

    Arguments:
        settings: those of the model's dialect.
        max_nodes: limit for the number of operators with all calls inlined.
    """
    from ..diagnostics import CnnError
    from .catalogue import ships
    from .engine import Derivation, apply_all
    from .prove import require_proof
    from .reading import read_rule
    from .refusals import asked_at, nowhere
    from .static import refuse_wrong

    derivation = Derivation(module, (), settings, max_nodes)
    for request in requests:
        try:
            rewrites = [read_rule(ref) for ref in request.rules]
            for rewrite in rewrites:
                if not ships(rewrite.ref):
                    refuse_wrong(rewrite)
                    require_proof(rewrite)
            attempt = apply_all(derivation, rewrites, request.place, request.span)
        except CnnError as problem:
            raise asked_at(request, problem) from None
        if len(attempt.derivation.steps) == len(derivation.steps):
            text = request.text.partition(" at ")[0]
            nowhere(
                rewrites, text, request.place, request.span, attempt.refusals, derivation.module
            )
        derivation = attempt.derivation
    return derivation
