"""What is known of a rule, in words: for the command that explains rules, and for their manual."""

from __future__ import annotations

from .instances import CHANNELS
from .polynomials import ZERO, Polynomial, is_positive, quotient, reduced, unknown
from .verdict import CHECKED, PROVED, REFUTED, listed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from . import Static
    from .costs import Costs, Formula


def lines(static: Static) -> tuple[str, ...]:
    """All that is known, line by line."""
    found = [window(static), params(static), macs(static), *guards(static), ends(static)]
    return tuple(line for line in found if line)


def window(static: Static) -> str:
    """`window proved for every s and maps of every size`"""
    known = static.window
    match known.result:
        case "proved":
            text = f"{known.text} and" if known.text else "for"
            return f"{known.claim} proved {text} maps of every size"
        case "checked":
            where = f"checked {known.text} and " if known.text else ""
            return f"{known.claim} {where}proved at every place"
        case "unknown":
            return f"{known.claim} proved at every place"
        case "refuted":
            return f"{known.claim} refuted: {known.text}"
    return ""


def params(static: Static) -> str:
    """`parameters 25·C·n → 9·C·n + 9·n², 18/25 at equal widths`"""
    if static.costs is None:
        return static.sample
    return _change("parameters", static.costs.params, static.costs)


def macs(static: Static) -> str:
    """`MACs/O 25·C·n → 9·s²·C·n + 9·n², (9·s² + 9)/25 at equal widths`; O are the positions of
    the output.
    """
    costs = static.costs
    if costs is None:
        return ""
    line = _change("MACs/O" if costs.is_dense else "MACs", costs.macs, costs)
    once = _change("MACs for each map", costs.fixed, costs)
    return "; ".join(part for part in (line, once) if part)


def guards(static: Static) -> tuple[str, ...]:
    """`fewer parameters when n < 16·C/9`, likewise for MACs."""
    costs = static.costs
    if costs is None:
        return ()
    whole = costs.macs if not costs.fixed.saved.terms else None
    told: dict[str, list[str]] = {}
    for what, formula in (("parameters", costs.params), ("MACs", whole)):
        text = guard(formula, costs) if formula is not None else ""
        if text:
            told.setdefault(text, []).append(what)
    return tuple(text.replace("*", listed(what)) for text, what in told.items())


def guard(formula: Formula, costs: Costs) -> str:
    """When the right side has less of something, `*`: `fewer * when n < 16·C/9`, or nothing."""
    saved = formula.saved
    if is_positive(saved, costs.least):
        return "fewer *"
    if is_positive(-saved, costs.least):
        return "more *"
    names = (*costs.free, *(n for n in costs.widths if n != CHANNELS and n not in costs.free))
    bounds = (_bound(saved, name, costs) for name in names)
    return next((f"fewer * when {bound}" for bound in bounds if bound), "")


def _bound(saved: Polynomial, name: str, costs: Costs) -> str:
    """Where a polynomial that is linear in a variable is above 0, as a bound for it."""
    (whole,) = reduced(saved)
    constant, factor = whole.coefficient(name, 0), whole.coefficient(name, 1)
    if constant + factor * unknown(name) != whole or not factor.terms or not constant.terms:
        return ""
    if is_positive(-factor, costs.least):
        return f"{name} < {quotient(constant, -factor, costs.order)}"
    if is_positive(factor, costs.least):
        return f"{name} > {quotient(-constant, factor, costs.order)}"
    return ""


def ends(static: Static) -> str:
    """`ends: each time fewer MACs`"""
    known = static.ends
    if known.result == REFUTED:
        return f"does not end: {known.text}"
    return f"ends: {known.text}" if known.result in (PROVED, CHECKED) else ""


def _change(what: str, formula: Formula, costs: Costs) -> str:
    left, right = formula.left.text(costs.order), formula.right.text(costs.order)
    if left == right:
        return "" if left == "0" else f"{what} stay {left}"
    text = f"{what} {left} → {right}"
    ratio = _ratio(formula, costs)
    where = [f"{name} = {value}" for name, value in costs.at.items()]
    shown = [f"{text}, {ratio}" if ratio else text, *([f"for {listed(where)}"] if where else [])]
    return ", ".join(shown)


def _ratio(formula: Formula, costs: Costs) -> str:
    """`18/25 at equal widths`: right over left, with parameters at their defaults."""
    usual = costs.usual
    alike = dict.fromkeys(costs.widths, unknown(CHANNELS))
    left, right = (
        side.put(usual).put(alike) if _can_put(side, usual) else ZERO
        for side in (formula.left, formula.right)
    )
    if not left.terms or not right.terms:
        return ""
    ratio = quotient(right, left, costs.order)
    given = [f"{n} = {p.text(costs.order)}" for n, p in usual.items() if n in costs.order]
    at = [f"with {listed(given)}"] if given else []
    at += ["at equal widths"] if len(costs.widths) > 1 else []
    return " ".join([ratio, *at])


def _can_put(side: Polynomial, values: Mapping[str, Polynomial]) -> bool:
    """Whether no sum would come under a fraction."""
    under = {name for powers, _ in side.terms for name, power in powers if power < 0}
    return all(len(values[name].terms) == 1 for name in under if name in values)
