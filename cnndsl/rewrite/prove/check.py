"""Does a rule keep what it says it keeps? Tried on networks made from its own left side.

A rule that keeps the function is applied, random whole numbers are carried over as its weights,
and both networks are computed exactly: every number of every output must be the same. All rules
are held to their types and to the windows that they claim. Rules that simplify must leave less.

    verdict = check_rule(rewrite)
    verdict.counterexample          # None, or the smallest network on which it is wrong
"""

from __future__ import annotations

from collections import Counter
from itertools import product
from random import Random

from ...backend import backend
from ...diagnostics import CnnError
from ...passes.cost import cost
from ...record import Record
from ..engine import Derivation, apply
from .choices import Choices, Unfit
from .contexts import embed
from .samples import Sampler
from .trial import SEEDS, Problem, Trial, judge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...bind import Defaults
    from ...graph import Module
    from ..rule import Rewrite

CASES = 60
KEPT = (0, 0, 0.7, 0.95)
"""Shares of the decisions that are taken again."""
MOST_TRIES = 25
"""Drawings for each case that is wanted; most rules need two."""
PATIENCE = 40
"""The same while there is no case at all."""
MOST_WRONG = 20
"""Mistakes to look at for one that says whether just the border is wrong."""
MOST_WEIGHTS = 10_000
MOST_SMALLER = 600
"""Smaller networks that are tried once one is found on which a rule is wrong."""
MOST_REASONS = 3


class Counterexample(Record):
    """A network on which a rule is wrong, the smallest that was found.

    Arguments:
        text: the network in the language.
        after: what the rule makes of it.
        choices: all that was drawn, by name.
    """

    problem: Problem
    text: str
    after: str
    choices: tuple[tuple[str, object], ...]


class Verdict(Record):
    """What came of checking a rule.

    Arguments:
        tried: networks drawn.
        cases: those to which the rule was applied, and in which all was well.
        exact: those of them whose outputs were the same to the last bit.
        contexts: how many of the cases were in each context.
        refusals: why it did not apply elsewhere, the most frequent reasons first.
    """

    rule: str
    tried: int
    cases: int
    exact: int
    contexts: tuple[tuple[str, int], ...]
    refusals: tuple[str, ...]
    counterexample: Counterexample | None = None


def check_rule(
    rewrite: Rewrite,
    cases: int = CASES,
    seed: int = 0,
    settings: Defaults = (),
    contexts: Sequence[str] = (),
    tries: int = 0,
) -> Verdict:
    """Apply a rule to random networks and see whether it keeps its promises.

    Arguments:
        cases: how many applications are wanted.
        settings: those of the dialect that right sides are elaborated with.
        contexts: names of those to try; all unless told.
        tries: networks to draw at most; many for each case unless told.

    Raises CnnError when its right side is wrong wherever it stands.
    """
    sampler = Sampler(rewrite)
    done: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    exact = 0
    wrong: list[tuple[Choices, Trial]] = []
    for tried, (choices, trial) in enumerate(trials(sampler, seed, settings, contexts), 1):
        if isinstance(trial, str):
            refused.update([trial] if trial else [])
        elif trial.problem is not None:
            wrong.append((choices, trial))
        else:
            exact += trial.exact
            done[str(choices.made["context"])] += 1
        enough = done.total() == cases or (wrong and _tells(wrong))
        if enough or tried >= (tries or cases * (MOST_TRIES if done else PATIENCE)):
            break
    found = _smallest(sampler, *wrong[-1], settings, contexts) if wrong else None
    reasons = tuple(reason for reason, _ in refused.most_common(MOST_REASONS))
    placed = tuple(sorted(done.items()))
    return Verdict(rewrite.text, tried, done.total(), exact, placed, reasons, found)


def _tells(wrong: Sequence[tuple[Choices, Trial]]) -> bool:
    """Whether the last mistake found says where it is, or others hardly would."""
    problem = wrong[-1][1].problem
    return len(wrong) == MOST_WRONG or (problem is not None and problem.at_border is not None)


def trials(
    sampler: Sampler, seed: int = 0, settings: Defaults = (), contexts: Sequence[str] = ()
) -> Iterator[tuple[Choices, Trial | str]]:
    """One network after the other, what was chosen, and what the rule came to there.

    Half of them keep much of what fitted last: conditions seldom hold by chance.
    """
    random = Random(f"{sampler.rewrite.text} {seed}")
    last: dict[str, object] = {}
    while True:
        share = random.choice(KEPT)
        again = {name: value for name, value in last.items() if random.random() < share}
        choices = Choices(random, again)
        trial = attempt(sampler, choices, settings, contexts)
        if isinstance(trial, Trial) and trial.problem is None:
            last = choices.made
        yield choices, trial


def attempt(
    sampler: Sampler, choices: Choices, settings: Defaults = (), contexts: Sequence[str] = ()
) -> Trial | str:
    """Apply the rule to what the choices draw; the reason why not where it refuses."""
    try:
        sample = sampler.draw(choices)
        module = embed(sample, choices, contexts)
    except Unfit as reason:
        return str(reason)
    size = cost(module).params
    if isinstance(size, int) and size > MOST_WEIGHTS:
        return "the network is larger than those that are tried"
    try:
        came = apply(Derivation(module, (), settings), sample.rewrite)
    except CnnError as problem:
        if sample.rewrite is sampler.rewrite:
            raise
        return problem.diagnostics[0].message  # of the values drawn for its parameters
    if came.derivation.steps:
        return judge(came.derivation, choices)
    nearest = max(came.refusals, key=lambda refusal: refusal.progress, default=None)
    return nearest.reason if nearest is not None else ""


# -------------------------------------------------------------- counterexample


def _smallest(
    sampler: Sampler, choices: Choices, found: Trial, settings: Defaults, contexts: Sequence[str]
) -> Counterexample:
    """The simplest network that is wrong in the same way, decision by decision."""
    tries = 0
    before: Choices | None = None
    while choices is not before and tries < MOST_SMALLER:
        before = choices
        for name in before.options:
            for value, weights in product(_simpler(choices, name), SEEDS[:2]):
                tries += 1
                smaller = Choices(None, {**choices.made, name: value, "weights": weights})
                again = attempt(sampler, smaller, settings, contexts)
                if isinstance(again, Trial) and _alike(again.problem, found.problem):
                    choices, found = smaller, again
                    break
    assert found.problem is not None
    start, end = found.derivation.start, found.derivation.module
    return Counterexample(found.problem, _text(start), _text(end), tuple(choices.made.items()))


def _simpler(choices: Choices, name: str) -> tuple[object, ...]:
    """The simpler options of a decision, the simplest first; none when it is not taken."""
    options = choices.options.get(name, ())
    return options[: options.index(choices.made[name])] if name != "weights" and options else ()


def _alike(a: Problem | None, b: Problem | None) -> bool:
    """Whether two problems are of one kind: at the border, elsewhere, or no numbers at all."""
    if a is None or b is None:
        return False
    return (a.at_border, not a.positions) == (b.at_border, not b.positions)


def _text(module: Module) -> str:
    """A network in the language."""
    return backend("cnn").emit(module)
