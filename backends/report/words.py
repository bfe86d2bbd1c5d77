"""Conventions in words."""

from __future__ import annotations

from cnndsl.passes.cost import CONVENTIONS

MEANINGS = {
    "macs": "1 MAC = 1 multiply-accumulate; bias additions are not counted",
    "flops": "1 FLOP = 1 multiplication or addition, 2 for each multiply-accumulate; "
    "bias additions are not counted",
    "macs+bias": "1 for each multiply-accumulate and for each addition of a bias",
    "flops+bias": "2 for each multiply-accumulate, 1 for each addition of a bias",
    "macs+pool": "1 for each multiply-accumulate and for each element that a pool reads",
    "no-padding": "2 for each multiply-accumulate on real elements; products with padding are "
    "not counted (as XLA counts)",
    "all-ops": "every arithmetic operation: 2 for a multiply-accumulate and for a normalised "
    "element, 1 for a bias, an activation, an element that a pool or a merge works on",
}


def meaning(convention: str) -> str:
    """What a convention counts; presets of tools are spelled out."""
    if convention in MEANINGS:
        return MEANINGS[convention]
    prices = ", ".join(f"{fact} {price}" for fact, price in CONVENTIONS[convention].items())
    return f"as {convention} prints it, for layers that are modules of `torch.nn`: {prices}"


def percent(share: float | None) -> str:
    """`12.3`, without the sign."""
    return "" if share is None else f"{100 * share:.1f}"


def times(count: int) -> str:
    """`×3`, nothing for one."""
    return f"×{count}" if count > 1 else ""
