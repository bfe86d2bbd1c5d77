"""Are the conditions of a rule needed? Each is turned round alone, and the rule tried anyway."""

from __future__ import annotations

from ...record import Record, replace
from ...syntax import Unary
from ..conditions import conjuncts
from .check import CASES, check_rule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..rule import Rewrite


class Need(Record):
    """What happens where one condition alone does not hold.

    Arguments:
        condition: as written.
        cases: applications that went well all the same.
        wrong: what is wrong otherwise, or nothing.
    """

    condition: str
    cases: int
    wrong: str

    @property
    def is_idle(self) -> bool:
        """Whether the rule is right without it."""
        return bool(self.cases) and not self.wrong


TRIES = 400
"""Networks to draw: most rules cannot be applied at all where a condition does not hold."""


def needs(rewrite: Rewrite, cases: int = CASES, seed: int = 0) -> tuple[Need, ...]:
    """For each condition, how the rule fares where it does not hold and the others do."""
    found = []
    for part, variant in _without(rewrite):
        verdict = check_rule(variant, cases, seed, tries=TRIES)
        wrong = verdict.counterexample
        text = wrong.problem.text if wrong is not None else ""
        found.append(Need(part, verdict.cases, text))
    return tuple(found)


def _without(rewrite: Rewrite) -> Iterator[tuple[str, Rewrite]]:
    """The rule with one condition turned round."""
    parts = [part for condition in rewrite.conditions for part in conjuncts(condition)]
    for number, part in enumerate(parts):
        others = (*parts[:number], *parts[number + 1 :])
        turned = Unary("not", part, part.span)
        yield part.span.text, replace(rewrite, conditions=(*others, turned))
