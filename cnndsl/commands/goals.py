"""What the options of `cnnc optimise` ask for: bounds, rules, settings of the whole network."""

from __future__ import annotations

from ..diagnostics import did_you_mean
from ..exits import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from ..driver import Compiled
    from ..evaluate.values import RuleRef
    from ..rewrite.search.goal import Relation, Target
    from ..rewrite.search.optimise import Knobs
    from ..rewrite.select import Bound

BUDGETS: dict[str, tuple[str, Relation]] = {
    "params": ("params", "<="),
    "macs": ("macs", "<="),
    "min_params": ("params", ">="),
    "min_macs": ("macs", ">="),
    "min_depth": ("depth", ">="),
    "max_depth": ("depth", "<="),
    "max_changes": ("changes", "<="),
}
"""The bound that each option means."""
KNOBS = {"width": "0.5,0.75,1", "depth": "0.5,1", "resolution": "160,192,224"}
"""Rules for the network as a whole, with examples; each option has the name of its rule."""


def target(options: Namespace, compiled: Compiled) -> Target:
    from ..rewrite.search.goal import Target

    return Target(
        options.objective,
        tuple(_bounds(options, compiled)),
        _kept(options.keep),
        bool(options.rules or options.forbid),
    )


def _bounds(options: Namespace, compiled: Compiled) -> Iterator[Bound]:
    from ..passes.depth import depth
    from ..rewrite.search.goal import budget

    before = {
        "params": compiled.cost.params, "macs": compiled.cost.macs,
        "depth": depth(compiled.module), "changes": 0,
    }  # fmt: skip
    for option, (measure, relation) in BUDGETS.items():
        text = getattr(options, option)
        if text is None:
            continue
        try:
            bound = budget(measure, text, before[measure], relation)
        except ValueError as problem:
            raise UsageError(f"`--{option.replace('_', '-')}`: {problem}") from None
        yield bound


def _kept(text: str) -> tuple[str, ...]:
    from ..rewrite.search.goal import KEPT

    words = [word.strip() for word in text.split(",") if word.strip()]
    if words == ["none"]:
        return ()
    for word in words:
        if word not in KEPT:
            near = did_you_mean(word, KEPT)
            hint = f"did you mean `{near}`?" if near else f"there are {', '.join(KEPT)} and none"
            raise UsageError(f"nothing proves that `{word}` is kept", hint)
    return tuple(dict.fromkeys(words))


# -------------------------------------------------------------------- the rules


def rules(text: str, compiled: Compiled) -> list[RuleRef]:
    """`asym(7), factor_5x5` as rules. Raises CnnError."""
    from ..driver import request

    found: list[RuleRef] = []
    for part in _parts(text):
        asked = request(part, compiled.namespace, "--rules")
        if asked.place:
            raise UsageError(f"`{part}` names places", "`--at` says where rules may be applied")
        found += asked.rules
    return found


def _parts(text: str) -> Iterator[str]:
    """The text between commas that are not inside brackets."""
    depth, start = 0, 0
    for position, character in enumerate(f"{text},"):
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            if part := text[start:position].strip():
                yield part
            start = position + 1


def forbidden(text: str, compiled: Compiled) -> set[str]:
    words = {word.strip() for word in text.split(",") if word.strip()}
    known = compiled.namespace.rules()
    for word in sorted(words.difference(known)):
        near = did_you_mean(word, known)
        hint = f"did you mean `{near}`?" if near else "`cnnc rules` lists them"
        raise UsageError(f"there is no rule `{word}`", hint)
    return words


def settings(options: Namespace, compiled: Compiled) -> list[Knobs]:
    """Every combination of widths, depths and resolutions; 1 leaves the first two as they are."""
    from itertools import product

    from ..driver import request
    from ..rewrite.reading import read_rule

    calls = [
        [f"{knob}({value})" if value != "1" else "" for value in _values(knob, options)]
        for knob in KNOBS
    ]
    return [
        tuple(read_rule(request(c, compiled.namespace, "--rules").rules[0]) for c in chosen if c)
        for chosen in product(*calls)
    ]


def _values(knob: str, options: Namespace) -> list[str]:
    """`0.5, 0.75, 1` as its parts. Raises UsageError for what is no size or factor."""
    from re import fullmatch

    values = [part.strip() for part in getattr(options, knob).split(",") if part.strip()]
    for value in values:
        if not fullmatch(r"\d+(x\d+)?" if knob == "resolution" else r"\d+(\.\d+)?", value):
            raise UsageError(f"`{value}` is no {knob}", f"`--{knob} {KNOBS[knob]}`")
    return values or ["1"]
