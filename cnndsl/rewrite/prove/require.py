"""Rules of users are checked before they are applied."""

from __future__ import annotations

from functools import cache

from ...diagnostics import fail
from ..reading import read_rule
from ..rule import Rewrite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...evaluate.values import RuleRef
    from .check import Verdict


def require_proof(rewrite: Rewrite) -> None:
    """Raise CnnError (E1005) unless a rule keeps what it says. Each rule is checked once."""
    if not rewrite.keeps_function:
        return  # what it keeps is proved at every place
    span = rewrite.ref.rule.name.span
    try:
        verdict = _verdict(rewrite.ref)
    except ImportError as missing:
        fail(
            "E1005",
            f"nothing shows that the rule `{rewrite.text}` is right",
            span,
            f"without {missing.name} it cannot be tried",
            help=["`pip install numpy`: a rule that keeps the function is run in exact arithmetic"],
        )
    found = verdict.counterexample
    if found is not None:
        fail(
            "E1005",
            f"the rule `{rewrite.text}` is wrong: {found.problem.text}",
            span,
            notes=[
                f"for example in\n{_model(found.text)}",
                f"which becomes\n{_model(found.after)}",
            ],
        )
    if not verdict.cases and rewrite.keeps_function:
        fail(
            "E1005",
            f"nothing shows that the rule `{rewrite.text}` is right",
            span,
            notes=[
                f"it applies to none of {verdict.tried:,} networks made from its left side",
                *verdict.refusals,
            ],
        )


@cache
def _verdict(ref: RuleRef) -> Verdict:
    from .check import check_rule

    return check_rule(read_rule(ref))


def _model(text: str) -> str:
    """A file of the language without its first line, the version."""
    return text.partition("\n")[2].strip()
