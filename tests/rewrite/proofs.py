"""What is known of the shipped rules: how each is tried, and what came of it.

`python -m tests.rewrite.publish` writes `tests/data/rules.json`, which the docs show and the
tests compare with. Nothing in it depends on the machine.
"""

from __future__ import annotations

from itertools import islice
from typing import Any

from cnndsl.driver import request
from cnndsl.evaluate.values import RuleRef
from cnndsl.loader import Loader
from cnndsl.rewrite.catalogue import catalogue
from cnndsl.rewrite.prove.check import Verdict, trials
from cnndsl.rewrite.prove.necessity import Need, needs
from cnndsl.rewrite.prove.samples import Sampler
from cnndsl.rewrite.prove.trial import Trial
from cnndsl.rewrite.reading import read_rule
from cnndsl.rewrite.rule import Rewrite
from cnndsl.source import Source

CASES = 30
GRADIENT_CASES = 3
CALLS = {
    "factor": "factor([3x3, 3x3])",
    "aggregate": "aggregate(2, 32)",
    "swap_projection": "swap_projection(shortcut_d)",
    "swap_shortcut": "swap_shortcut(shortcut_c)",
    "swap_bottleneck_shortcut": "swap_bottleneck_shortcut(shortcut_c)",
}
"""Rules whose parameters nobody guesses."""


def shipped() -> list[Rewrite]:
    """Every shipped rule, with arguments where it needs some."""
    return [_called(ref) for chapter in catalogue() for ref in chapter.rules]


def _called(ref: RuleRef) -> Rewrite:
    call = CALLS.get(ref.rule.name.id)
    if call is not None:
        (ref,) = request(call, Loader(".").namespace(Source("calls.cnn", "use std"))).rules
    return read_rule(ref)


def is_tried(rewrite: Rewrite) -> bool:
    return rewrite.equation is not None or rewrite.keeps_function


def kind(rewrite: Rewrite) -> str:
    kinds = [word for word in rewrite.kinds if word != "simplify"]
    return " ".join(kinds) or "architectural"


def applications(rewrite: Rewrite, count: int) -> list[Trial]:
    """Places where a rule was applied and all was well."""
    found = (trial for _, trial in islice(trials(Sampler(rewrite)), 4000))
    return list(islice((t for t in found if isinstance(t, Trial) and not t.problem), count))


def row(rewrite: Rewrite, verdict: Verdict) -> dict[str, Any]:
    """What came of checking a rule, for the file."""
    return {
        "kind": kind(rewrite),
        "keeps": list(rewrite.keeps),
        "call": verdict.rule,
        "cases": verdict.cases,
        "exact": verdict.exact,
        "contexts": len(verdict.contexts),
        "conditions": conditions(rewrite),
    }


def conditions(rewrite: Rewrite) -> dict[str, str]:
    """What the rule is where one condition alone does not hold."""
    found = needs(rewrite) if rewrite.keeps_function else ()
    return {need.condition: _fate(need) for need in found}


def _fate(need: Need) -> str:
    if need.wrong.endswith("at the border"):
        return "wrong at the border"
    if need.wrong:
        return "wrong"
    return "idle" if need.is_idle else "refused"
