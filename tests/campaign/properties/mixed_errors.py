"""A syntax error in one item hides no mistake in the meaning of the others, and brings no other.

A file of `semantic_errors` has three mistakes of meaning; a block or model without any is damaged
as in `syntax_errors`. No statement with a mistake calls it, so all four must be found, and nothing
more. (Where the damage hides the name of a block, a name that nothing defines may be that one.)
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator

from cnndsl.diagnostics import Diagnostic
from tests.campaign.properties import semantic_errors, syntax_errors
from tests.campaign.properties.semantic_errors import Draft, Seeded
from tests.campaign.properties.syntax_errors import Damage
from tests.campaign.property import Goal, Property


def draw(random: random.Random) -> tuple[str, list[Seeded], Damage]:
    """A file, its mistakes, and what was done to a block or model besides."""
    while True:
        draft = semantic_errors.draft(random)
        text, mistakes = semantic_errors.written(draft)
        read = syntax_errors.read(text)
        for part in _able(draft):
            first = draft.start(part)
            lines = set(range(first, first + len(draft.texts[part]) + 1))
            for _ in range(20):
                damage = syntax_errors.draw_damage(read, random)
                if damage is None or not lines.issuperset((*damage.lines, *damage.statement)):
                    continue
                damaged = syntax_errors.damaged(text, [damage])
                header = damaged.split("\n")[first - 1]
                if _names(header, draft.texts[part][0]) or not any(map(_of_names, mistakes)):
                    return damaged, mistakes, damage


def _names(header: str, right: str) -> bool:
    """Whether a header still says the name that it had."""
    name = re.match(r"\w+ (\w+\(?)", right)
    return name is not None and name[1] in header


def _of_names(mistake: Seeded) -> bool:
    words = ("unknown", "misspelt", "constant", "block")
    return any(word in mistake.kind for word in words)


def _able(draft: Draft) -> Iterator[int]:
    """The blocks and models without which all mistakes are still to be found."""
    wrong = [draft.texts[part][line] for _, part, line in draft.wrong]
    for kind, part, _ in draft.wrong:
        if kind == "false claim":  # which is about all that the model calls
            wrong += draft.texts[part]
    right = set(range(len(draft.parts))) - {part for _, part, _ in draft.wrong}
    for part in sorted(right):
        name = draft.parts[part].name
        others = [line for i, text in enumerate(draft.texts) if i != part for line in text]
        is_needed = name in draft.broken | draft.relied or any(name in line for line in wrong)
        if not is_needed and draft.calls_all(others):
            yield part


def run(random: random.Random) -> Counter[str]:
    text, mistakes, damage = draw(random)
    problems = semantic_errors.problems_of(text)
    syntax, meaning = _parted(problems)
    missed, extra = semantic_errors.judge(mistakes, meaning)
    lost, more = syntax_errors.judge([damage], syntax)
    seeded = len(mistakes) + 1
    counts = Counter({"seeded": seeded, "found": seeded - len(missed) - len(lost)})
    counts["extra"] = len(extra) + len(more)
    return counts


def _parted(
    problems: tuple[Diagnostic, ...],
) -> tuple[tuple[Diagnostic, ...], tuple[Diagnostic, ...]]:
    """Syntax errors, and others."""
    syntax = tuple(problem for problem in problems if problem.code.startswith("E01"))
    return syntax, tuple(problem for problem in problems if problem not in syntax)


PROPERTY = Property(
    "mixed errors",
    "A syntax error in one item hides no mistake in the meaning of the others, and brings no other",
    run,
    cases=300,
    nightly=5_000,
    goals=(Goal("found", "seeded", least=1.0), Goal("extra", "seeded", most=0.0)),
)
