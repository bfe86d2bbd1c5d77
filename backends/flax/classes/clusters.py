"""Which copies of a family share a class.

Copies of equal structure always do; together they are a variant. A variant joins others when its
steps are theirs save for a few optional ones, and when everything can then be wired so that each
copy still reads what it read. The longest variant comes first: others lack some of its steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

from cnndsl.record import Record

from ..code import Differs
from ..planned import FunctionPlan, Step
from .variants import Merged, Run, Wiring, align, optional_spans, runs_of, wire

MOST_OPTIONAL = 3

Variant = tuple[FunctionPlan, ...]
"""Copies of equal structure; the first speaks for all."""


class Cluster(Record):
    """Copies that share a class.

    Arguments:
        variants: the copies, by structure.
        merged: the steps of the class: where each is in each variant.
        runs: those that are optional.
    """

    variants: tuple[Variant, ...]
    merged: tuple[Merged, ...]
    wiring: Wiring
    runs: tuple[Run, ...] = ()

    @property
    def copies(self) -> Variant:
        return tuple(one for variant in self.variants for one in variant)

    def steps(self, index: int) -> tuple[Step | None, ...]:
        """A step of the class in each copy."""
        at = self.merged[index].at
        return tuple(
            one.steps[position] if position is not None else None
            for variant, position in zip(self.variants, at, strict=True)
            for one in variant
        )


def alone(copies: Sequence[FunctionPlan]) -> Cluster:
    """Copies of equal structure as a cluster."""
    merged = tuple(Merged((i,)) for i in range(len(copies[0].steps)))
    return Cluster((tuple(copies),), merged, wire([copies[0]], merged, {}))


def pieces(cluster: Cluster) -> list[Cluster]:
    """The variants apart, or the copies when there is one variant."""
    if len(cluster.variants) > 1:
        return [alone(variant) for variant in cluster.variants]
    return [alone([one]) for one in cluster.copies]


def clusters(plans: Sequence[FunctionPlan]) -> list[Cluster]:
    """Group copies by structure, then let variants join one another."""
    variants: dict[tuple[object, ...], list[FunctionPlan]] = {}
    for one in plans:
        variants.setdefault(_structure(one), []).append(one)
    found: list[Cluster] = []
    for variant in sorted(variants.values(), key=lambda v: -len(v[0].steps)):
        for index, cluster in enumerate(found):
            wider = _joined(cluster, tuple(variant))
            if wider is not None:
                found[index] = wider
                break
        else:
            found.append(alone(variant))
    return found


def _structure(one: FunctionPlan) -> tuple[object, ...]:
    """Equal for copies with the same steps, connected in the same way."""
    number = {value.name: i for i, value in enumerate(one.graph.inputs)}
    nodes: dict[str | None, int] = {None: -1}
    parts: list[object] = [tuple(value.type.rank for value in one.graph.inputs)]
    for index, step in enumerate(one.steps):
        for node in step.nodes:
            nodes[node.name] = index
        wired = tuple(number[value] for value in step.inputs)
        parts.append((step.pattern, wired, nodes[step.owner]))
        for value in step.outputs:
            number[value] = len(number)
    parts.append(tuple(number[value] for value in one.outputs))
    return tuple(parts)


def _joined(cluster: Cluster, variant: Variant) -> Cluster | None:
    """The cluster with one more variant; None where its steps do not fit."""
    variants = (*cluster.variants, variant)
    plans = [copies[0] for copies in variants]
    if len({_interface(one) for one in plans}) > 1:
        return None
    merged = align(cluster.merged, plans[:-1], plans[-1])
    common = sum(not one.optional for one in merged)
    if len(optional_spans(merged)) > MOST_OPTIONAL or 3 * common < len(merged):
        return None
    optional = [i for i, one in enumerate(merged) if one.optional]
    widths = [len(merged[i].step(plans).inputs) for i in optional]
    for choice in product(*map(range, widths)):
        fitting = _fitting(variants, merged, dict(zip(optional, choice, strict=True)))
        if fitting is not None:
            return fitting
    return None


def _interface(one: FunctionPlan) -> tuple[object, ...]:
    """What callers see of a function."""
    return len(one.graph.inputs), len(one.graph.outputs), one.ranks


def _fitting(
    variants: tuple[Variant, ...], merged: tuple[Merged, ...], bypasses: Mapping[int, int]
) -> Cluster | None:
    """The cluster with these bypasses of optional steps; None if it cannot be wired."""
    try:
        wiring = wire([copies[0] for copies in variants], merged, bypasses)
        return Cluster(variants, merged, wiring, runs_of(merged, wiring, bypasses))
    except Differs:
        return None
