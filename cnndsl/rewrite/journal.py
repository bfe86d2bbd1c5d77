"""The journal of a derivation: take steps back, and do them again elsewhere.

A step remembers the operators that it replaced, by the calls that lead to them.
Names of new operators follow from those of the old ones alone, so the other steps
find their places again when one of them is taken back.
"""

from __future__ import annotations

from ..diagnostics import CnnError, fail
from ..record import Record, replace
from .engine import Derivation, Step, apply, apply_at
from .places import occurrences
from .refusals import nowhere

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

    from ..graph import Module
    from .places import Path


class Sites(Record):
    """The places of a step, exactly: operators by the calls that lead to them."""

    everywhere = False

    operators: frozenset[tuple[Path, str]]

    def on(self, module: Module) -> Sites:
        return self

    def contains(self, path: Path, node: str) -> bool:
        return (path, node) in self.operators


def sites_of(step: Step) -> Sites:
    """The operators that a step replaced."""
    paths = occurrences(step.after)
    return Sites(
        frozenset(
            (path, name)
            for move in step.moves
            for path in paths[move.function]
            for name in move.removed
        )
    )


def dependants(derivation: Derivation, number: int) -> tuple[int, ...]:
    """The later steps that replaced what a step made, directly or through others."""
    needed = {number}
    origins: dict[tuple[Path, str], int] = {}
    for step in derivation.steps:
        if any(origins.get(site) in needed for site in sites_of(step).operators):
            needed.add(step.number)
        paths = occurrences(step.after)
        for move in step.moves:
            for path in paths[move.function]:
                origins.update(((path, name), step.number) for name in move.created)
    return tuple(sorted(needed - {number}))


def undo(derivation: Derivation, number: int) -> Derivation:
    """The derivation without one of its steps. Raises CnnError when others build on it."""
    if not 1 <= number <= len(derivation.steps):
        count = len(derivation.steps)
        fail("E1003", f"there is no step {number}: the derivation has {count}")
    if later := dependants(derivation, number):
        _refuse(derivation, number, later)
    kept = replace(derivation, steps=())
    for step in derivation.steps:
        if step.number == number:
            continue
        again = _again(kept, step)
        if again is None:
            _refuse(derivation, number, (step.number,))
        kept = again
    return kept


def _refuse(derivation: Derivation, number: int, later: Sequence[int]) -> NoReturn:
    named = (f"{step} (`{derivation.steps[step - 1].rewrite.text}`)" for step in later)
    fail(
        "E1008",
        f"step {number} cannot be taken back: others build on it",
        notes=[f"steps that build on it: {', '.join(named)}"],
        help=["take those back first, the last one before the others"],
    )


def _again(derivation: Derivation, step: Step) -> Derivation | None:
    """A step once more, at the operators that it replaced before; None where it cannot be taken."""
    if step.rewrite.transform is not None:
        try:
            return apply(derivation, step.rewrite, step.places).derivation
        except CnnError:  # there are no such places
            return None
    wanted = sites_of(step)
    found = apply_at(derivation, step.rewrite, wanted, step.places).derivation
    alike = (sites_of(other) for other in found.steps if other.rewrite is step.rewrite)
    done = {site for sites in alike for site in sites.operators}
    return found if wanted.operators <= done else None


def replay(derivation: Derivation, onto: Derivation) -> Derivation:
    """The same rules at the same places of another network.

    Places are taken as they were asked for, so that `4a..4e` of a sibling is its own. Where
    there is nothing to simplify a rule that simplifies is content. Raises CnnError when another
    rule applies nowhere, or none at all applies.
    """
    start = onto
    for number, step in enumerate(derivation.steps, 1):
        attempt = apply(onto, step.rewrite, step.places)
        is_all = onto is start and number == len(derivation.steps)
        may_rest = step.rewrite.repeats and not is_all
        if attempt.derivation is onto and not may_rest:
            text, place = step.rewrite.text, step.places
            nowhere([step.rewrite], text, place, None, attempt.refusals, onto.module)
        onto = attempt.derivation
    return onto
