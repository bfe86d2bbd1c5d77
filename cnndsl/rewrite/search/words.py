"""The result of a search in words, and as data for programs."""

from __future__ import annotations

from ...notation import change, number, scaled
from ...passes.cost import cost
from ..words import as_data as journal
from ..words import table
from .goal import MEASURES
from .solve import Solution

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ...passes.depth import Lengths
    from ..select import Bound
    from .optimise import Candidate, Optimum
    from .sites import Site

    Pair = tuple[int, int]


def report(optimum: Optimum) -> str:
    """What was done where, what it saves, and that nothing better can be done."""
    parts = [_places(optimum), _measures(optimum), "\n".join(_certificates(optimum))]
    return "\n\n".join(part for part in parts if part)


def _places(optimum: Optimum) -> str:
    rows = [
        (
            row["place"] + (f" and {row['copies'] - 1} more" if row["copies"] > 1 else ""),
            row["becomes"],
            _arrow(*map(number, row["params"])),
            _arrow(*map(scaled, row["macs"])),
            _arrow(*map(number, row["depth"])),
        )
        for row in _changes(optimum.best)
    ]
    return table([("place", "becomes", "parameters", "MACs", "depth"), *rows]) if rows else ""


def _arrow(before: str, after: str) -> str:
    return before if before == after else f"{before} → {after}"


def _changes(candidate: Candidate) -> Iterator[dict[str, Any]]:
    """Each changed place with its costs before and after, all copies together."""
    assert isinstance(candidate.answer, Solution)
    for at, choice in candidate.answer.picked.items():
        site = candidate.space.sites[at]
        costs = site.costs(1 + site.choices.index(choice))
        params, macs = _costs(site)
        yield {
            "place": site.name,
            "becomes": choice.name,
            "copies": len(site.paths),
            "params": (params, params + costs["params"]),
            "macs": (macs, macs + costs["macs"]),
            "depth": (_longest(site.lengths), _longest(choice.lengths)),
        }


def _costs(site: Site) -> Pair:
    """Parameters and MACs of what stands at a place, in all its copies."""
    total = cost(site.piece.module)
    assert isinstance(total.params, int) and isinstance(total.macs, int)
    return len(site.paths) * total.params, site.runs * total.macs


def _longest(lengths: Lengths) -> int:
    return max((length for length in lengths if length is not None), default=0)


def _measures(optimum: Optimum) -> str:
    """Every measure before and after, and what was wanted of it."""
    target, best = optimum.target, optimum.best.answer
    assert isinstance(best, Solution)
    rows = []
    for measure, words in MEASURES.items():
        wanted = [f"{b.relation} {number(b.value)}" for b in target.bounds if b.measure == measure]
        if measure == target.objective:
            wanted.append("as little as can be")
        before, after = optimum.before.get(measure, 0), best.costs[measure]
        said = change(before, after) if measure in ("params", "macs") else number(after)
        if measure == "depth":
            said = _arrow(number(before), number(after))
        rows.append((words, said, ", ".join(wanted)))
    kept = " and ".join(word.replace("_", " ") for word in target.keep)
    proof = ("kept", kept, "proved at every place, and of the whole") if kept else ()
    return table([*rows, *([proof] if proof else [])])


# ----------------------------------------------------------------- certificates


def _certificates(optimum: Optimum) -> Iterator[str]:
    """That the result is the best one, or how much better another one could be."""
    best = optimum.best
    if len(optimum.candidates) + len(optimum.unfit) > 1:
        for candidate in optimum.candidates:
            chosen = "; chosen" if candidate is best else ""
            yield f"{candidate.name}: {_certificate(candidate, optimum)}{chosen}"
        yield from (f"{name}: {reason}" for name, reason in optimum.unfit)
    else:
        yield _certificate(best, optimum)
    if not optimum.target.chosen and cheapest_everywhere(best, optimum.target.objective):
        yield (
            "every place has its cheapest alternative: no bound held the search back; "
            "`--max-changes`, `--min-params` or `--forbid` would"
        )


def _certificate(candidate: Candidate, optimum: Optimum) -> str:
    answer, objective = candidate.answer, optimum.target.objective
    where = f"{len(candidate.space.sites)} sites, {candidate.space.alternatives} alternatives"
    if not isinstance(answer, Solution):
        proved = ", proved" if answer is not None and answer.proven else ""
        return f"no selection is within the bounds ({where}{proved})"
    what = f"{number(answer.value)} {MEASURES[objective]}: "
    if answer.proven:
        best = f"optimal: no selection of these alternatives is better ({where}, proved)"
    else:
        best = (
            f"not proved to be optimal: no selection of these alternatives has less than "
            f"{number(answer.bound)}, which is {100 * answer.gap:.2g} % less ({where})"
        )
    return best if len(optimum.candidates) == 1 else what + best


def cheapest_everywhere(candidate: Candidate, objective: str) -> bool:
    """Whether each place has what costs least, so that nothing but costs decided."""
    answer, space = candidate.answer, candidate.space
    assert isinstance(answer, Solution)
    if objective not in ("params", "macs") or not answer.picked or space.exclusive:
        return False
    least = sum(
        min(site.costs(at)[objective] for at in range(len(site.choices) + 1))
        for site in space.sites
    )
    return answer.value == least + (space.macs if objective == "macs" else space.params)


# ------------------------------------------------------------------------- data


def as_data(optimum: Optimum) -> dict[str, Any]:
    """The result for programs."""
    target, best = optimum.target, optimum.best
    answer = best.answer
    assert isinstance(answer, Solution)
    return {
        "model": optimum.derivation.start.name,
        "objective": target.objective,
        "bounds": [_bound(bound) for bound in target.bounds],
        "keep": list(target.keep),
        "before": dict(optimum.before),
        "after": {**optimum.after, "changes": answer.costs["changes"]},
        "value": answer.value,
        "bound": answer.bound,
        "proved": answer.proven,
        "sites": len(best.space.sites),
        "alternatives": best.space.alternatives,
        "changes": list(_changes(best)),
        "settings": [_setting(candidate) for candidate in optimum.candidates]
        + [{"name": name, "refused": reason} for name, reason in optimum.unfit],
        "steps": journal(optimum.derivation)["steps"],
    }


def _bound(bound: Bound) -> dict[str, Any]:
    return {"measure": bound.measure, "relation": bound.relation, "value": bound.value}


def _setting(candidate: Candidate) -> dict[str, Any]:
    answer = candidate.answer
    if not isinstance(answer, Solution):
        return {"name": candidate.name, "value": None}
    return {
        "name": candidate.name,
        "value": answer.value,
        "bound": answer.bound,
        "proved": answer.proven,
    }
