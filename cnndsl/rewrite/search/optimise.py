"""The search as a whole: what may be done, the best of it, the network that it makes, the proof.

Around it runs a loop over what is set for the network as a whole, its width, depth and
resolution. Each setting is searched to the end, and the best one is derived.
"""

from __future__ import annotations

from ...record import Record, replace
from ..engine import Derivation, apply
from ..places import Places
from .derive import derive, lost, measured
from .goal import MEASURES, Impossible, check, holds, symbolic, unkept, unreachable
from .sites import Space, space
from .solve import Solution, Solver

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..rule import Rewrite
    from .goal import Target
    from .menu import Menu
    from .route import Picked

    Knobs = tuple[Rewrite, ...]
    """Rules for the network as a whole."""

UNCHANGED = "nothing changes"
"""What the engine says of a rule for the whole network that has nothing to do."""


class Candidate(Record):
    """What came of one setting of the knobs.

    Arguments:
        answer: why there is none, or the best selection.
    """

    knobs: Knobs
    space: Space
    answer: Solution | Impossible | None = None

    @property
    def name(self) -> str:
        return _name(self.knobs)


class Optimum(Record):
    """The result of a search.

    Arguments:
        before, after: measures of the network as it was and as it is.
        candidates: one for each setting of the knobs that keeps what is to be kept.
        unfit: the settings that do not, or cannot be, with the reason.
        best: the candidate that was derived.
        derivation: all that was done, from the network as it was.
    """

    target: Target
    before: Mapping[str, int]
    after: Mapping[str, int]
    candidates: tuple[Candidate, ...]
    unfit: tuple[tuple[str, str], ...]
    best: Candidate
    derivation: Derivation


def optimise(
    start: Derivation,
    menu: Menu,
    target: Target,
    places: str = "",
    settings: Iterable[Knobs] = ((),),
) -> Optimum:
    """Search, derive, prove. Raises CnnError with E1006 when nothing is within the bounds.

    Arguments:
        places: where rules may be applied; everywhere when empty.
        settings: of the knobs, each tried.
    """
    check(target)
    symbolic(start.module)
    candidates: list[Candidate] = []
    unfit: list[tuple[str, str]] = []
    for knobs in settings:
        turned, reason = _turned(start, knobs, target)
        if reason:
            unfit.append((_name(knobs), reason))
            continue
        meant = Places(turned.module, places)
        meant.check(start.start)
        candidates.append(_searched(Candidate(knobs, space(turned, menu, meant)), target))
    if not candidates:
        unkept(unfit)
    best, derivation = _best(candidates, target)
    before, after = measured(start.module), measured(derivation.module)
    assert isinstance(best.answer, Solution)
    assert {**best.answer.costs, **after} == best.answer.costs, "the costs are not what was found"
    assert all(holds(bound, best.answer.costs) for bound in target.bounds), "a bound does not hold"
    assert not lost(start.module, derivation.module, target.keep), "something was not kept"
    return Optimum(target, before, after, tuple(candidates), tuple(unfit), best, derivation)


def _turned(start: Derivation, knobs: Knobs, target: Target) -> tuple[Derivation, str]:
    """The network with its knobs turned, and why that is not what is wanted, or nothing."""
    turned = start
    for knob in knobs:
        attempt = apply(turned, knob)
        for refusal in attempt.refusals:
            if refusal.reason != UNCHANGED:
                return start, refusal.reason
        turned = attempt.derivation
    word = lost(start.module, turned.module, target.keep)
    return turned, f"it changes the {word.replace('_', ' ')}" if word else ""


def _searched(candidate: Candidate, target: Target) -> Candidate:
    return replace(candidate, answer=Solver(candidate.space, target).best())


def _best(candidates: list[Candidate], target: Target) -> tuple[Candidate, Derivation]:
    """The candidate with the least of the objective, derived.

    Where the engine refuses what was chosen, it is no alternative, and the search goes on
    without it.
    """
    while True:
        solved = [c for c in candidates if isinstance(c.answer, Solution)]
        if not solved:
            unreachable([c.answer for c in candidates if isinstance(c.answer, Impossible)])
        best = min(solved, key=_rank)
        derivation, refused = derive(best.space, _picked(best))
        if not refused:
            return best, derivation
        candidates[candidates.index(best)] = _searched(_without(best, refused), target)


def _picked(candidate: Candidate) -> Picked:
    return candidate.answer.picked if isinstance(candidate.answer, Solution) else {}


def _rank(candidate: Candidate) -> tuple[int, ...]:
    """The objective first; of equal candidates the one with the least of everything."""
    answer = candidate.answer
    assert isinstance(answer, Solution)
    return answer.value, *(answer.costs[measure] for measure in MEASURES)


def _without(candidate: Candidate, refused: Iterable[int]) -> Candidate:
    """The candidate without what was chosen at some sites."""
    picked = _picked(candidate)
    sites = list(candidate.space.sites)
    for number in refused:
        left = tuple(c for c in sites[number].choices if c != picked[number])
        sites[number] = replace(sites[number], choices=left)
    return replace(candidate, space=replace(candidate.space, sites=tuple(sites)))


def _name(knobs: Knobs) -> str:
    return ", ".join(knob.text for knob in knobs) or "as it is"
