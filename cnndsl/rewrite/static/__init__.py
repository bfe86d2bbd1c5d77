"""What is known of a rule before any network is seen: its window, its costs, that it ends.

    Rewrite ─ instances ─▶ both sides with numbers ─┬─ windows ─▶ proved, checked or refuted
                                                    ├─ costs ─▶ formulas and when they pay
                                                    └─ termination ─▶ whether it comes to an end

Everything here is a function of the rule. `check_statically` says all that is known, `refuse_wrong`
is what a rule must pass before it is applied; places are proved one by one besides.
"""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache

from ...diagnostics import fail
from ...record import Record
from ..placing import NotHere
from .bills import bill
from .costs import costs
from .instances import Unmatched, first_instance
from .samples import SAMPLES
from .termination import ends
from .verdict import REFUTED, Verdict, listed
from .windows import verdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...evaluate.values import RuleRef
    from ...source import Span
    from ..rule import Rewrite
    from .costs import Costs, Formula
    from .instances import Search


WIDE = 64
"""Channels in an example."""


class Static(Record):
    """What is known of a rule.

    Arguments:
        window: of its strongest claim.
        costs: its costs as formulas, where there are some.
        sample: otherwise those of one instance, in words.
        ends: whether it comes to an end if it is applied again and again.
    """

    window: Verdict
    costs: Costs | None
    sample: str
    ends: Verdict

    @property
    def params(self) -> Formula | None:
        return self.costs.params if self.costs is not None else None

    @property
    def macs(self) -> Formula | None:
        return self.costs.macs if self.costs is not None else None

    @property
    def guard(self) -> tuple[str, ...]:
        """When it saves parameters and MACs."""
        from .words import guards

        return guards(self)


def check_statically(rewrite: Rewrite) -> Static:
    """All that is known of a rule. Raises CnnError when its right side never holds together."""
    if rewrite.equation is None:
        return Static(Verdict(), None, "", Verdict())
    found = first_instance(rewrite)
    formulas = costs(rewrite, found)
    sample = "" if formulas is not None else _sample(found)
    return Static(verdict(rewrite, found), formulas, sample, ends(rewrite, found, formulas))


def _sample(found: Search) -> str:
    """The costs of one instance, where they depend on the units that a rule puts in place."""
    bench, instance = found.bench, found.instance
    if bench is None or instance is None:
        return ""
    roles = {name: bench.numbers[name].role for name in instance.values}
    wide = {n: WIDE if roles[n] == "width" else number for n, number in instance.values.items()}
    with suppress(Unmatched, NotHere):
        instance = bench.make(wide, found.padding)
    totals = bill(instance).totals
    if not any(totals):
        return ""
    params, macs, _, fewer, less, _ = (f"{float(amount):,.0f}" for amount in totals)
    where = [f"{n} = {v}" for n, v in instance.values.items() if roles[n] in SAMPLES]
    return f"parameters {params} → {fewer}, MACs/O {macs} → {less}, for {listed(where)}"


def refuse_wrong(rewrite: Rewrite) -> None:
    """Raise CnnError (E1004) for a rule with a claim that is not true, E1001 for one that can
    apply nowhere. Each rule is looked at once.
    """
    if rewrite.equation is not None:
        _refuse_wrong(rewrite.ref)


@lru_cache(maxsize=256)
def _refuse_wrong(ref: RuleRef) -> None:
    from ..reading import read_rule

    rewrite = read_rule(ref)
    found = first_instance(rewrite)
    name = rewrite.name
    if found.reason and not found.is_guess:
        fail("E1001", f"the right side of `{name}` fits nowhere", ref.rule.name.span,
             notes=[found.reason])  # fmt: skip
    window = verdict(rewrite, found)
    if window.result == REFUTED:
        fail(
            "E1004",
            f"`{name}` does not keep the {window.claim}",
            _claimed(rewrite, window.claim),
            notes=[window.text],
            help=[f"it does `when {window.holds}`"] if window.holds else [],
        )
    end = ends(rewrite, found)
    if end.result == REFUTED:
        fail(
            "E1004",
            f"`{name}` does not end: it does not always leave less behind",
            _claimed(rewrite, "simplify"),
            notes=[end.text],
            help=["leave `simplify` out, or say with `when` where it is less"],
        )


def _claimed(rewrite: Rewrite, word: str) -> Span:
    """Where a rule says so."""
    rule = rewrite.ref.rule
    said = [*rule.kinds, *(w for c in rule.clauses for w in getattr(c, "claims", ()))]
    return next((name.span for name in said if name.id == word), rule.name.span)
