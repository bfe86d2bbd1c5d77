"""Whether a rule that is applied until nothing is left comes to an end.

It does if every application leaves less behind: fewer MACs, or as many and fewer layers, and so on
through `AMOUNTS`, which no chain of applications can lower for ever. The formulas prove it where
one side's are larger term by term; instances with small numbers are tried in any case.
"""

from __future__ import annotations

from ...graph import Module
from ...notation import number
from ...record import replace
from ..prove.trial import AMOUNTS, measure
from .instances import Bench, several
from .polynomials import is_positive
from .verdict import CHECKED, PROVED, REFUTED, UNKNOWN, Verdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...graph import Graph
    from ...symbol import Size
    from ..rule import Rewrite
    from .costs import Costs
    from .instances import Search

SIMPLIFY = "simplify"
MOST_INSTANCES = 12


def ends(rewrite: Rewrite, found: Search, costs: Costs | None = None) -> Verdict:
    """Whether a rule that says `simplify` comes to an end."""
    if not rewrite.repeats:
        return Verdict()
    if found.bench is None or found.instance is None:
        return Verdict(SIMPLIFY, UNKNOWN)
    ground = replace(found.bench.ground, is_sized=found.bench.ground.is_map)
    instances = [found.instance] if not ground.is_map else []
    instances += several(Bench(rewrite, ground), MOST_INSTANCES)
    less: set[str] = set()
    for instance in instances:
        before, after = _measured(instance.left), _measured(instance.right)
        if not after < before:
            shown = f"{_counted(before)} become {_counted(after)}"
            return Verdict(SIMPLIFY, REFUTED, shown)
        less.add(next(a for a, n, m in zip(AMOUNTS, before, after, strict=True) if n != m))
    if not less:
        return Verdict(SIMPLIFY, UNKNOWN)
    text = f"each time fewer {' or '.join(a for a in AMOUNTS if a in less)}"
    return Verdict(SIMPLIFY, PROVED if _proves(costs, less) else CHECKED, text)


def _measured(graph: Graph) -> tuple[Size, ...]:
    return measure(Module(graph.name, (graph,)))


def _counted(amounts: Sequence[Size]) -> str:
    return ", ".join(f"{number(n)} {word}" for n, word in zip(amounts, AMOUNTS, strict=True))


def _proves(costs: Costs | None, less: set[str]) -> bool:
    """Whether what instances show holds for all values."""
    if costs is None or costs.at or not costs.is_uniform:
        return False
    saved = [formula.saved for formula in (costs.macs, costs.fixed) if formula.saved.terms]
    if saved:
        return all(is_positive(formula, costs.least) for formula in saved)
    if less == {"weights"}:
        return is_positive(costs.params.saved, costs.least)
    return less in ({"layers"}, {"operators"})  # as many in all instances
