"""Weights moved along a derivation, place by place.

Every place of a rewritten function has arrays of its own, so a carrier runs once
for each. What a rule says nothing about stays: where the function is kept, layers
inherit in their order; otherwise an operator of the same name and shapes does, and
whatever else is new on an architectural right side begins fresh.
"""

from __future__ import annotations

from ..diagnostics import fail, suggest
from ..graph import Call
from ..op import Op
from ..passes.flatten import flatten, paths
from ..record import Record
from ..syntax import Carrier
from .carriers import CARRIERS, Held, NotCarried, find_carrier
from .places import occurrences

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from ..graph import Module
    from .carriers import Arrays
    from .engine import Derivation, Step
    from .moves import Layer, Move
    from .rule import Rewrite

    Path = tuple[str, ...]
    Weights = Mapping[Path, Mapping[str, Any]]


class Carried(Record):
    """The weights after a derivation.

    Arguments:
        weights: arrays by path and role.
        fresh: paths of operators that have no weights yet: they are to be trained.
    """

    weights: Weights
    fresh: tuple[Path, ...] = ()


def carry(derivation: Derivation, weights: Weights) -> Carried:
    """The weights of the derived module from those of its start. Raises CnnError (E1007)."""
    held = {path: dict(arrays) for path, arrays in weights.items()}
    fresh: dict[Path, None] = {}
    for step in derivation.steps:
        if step.mover is not None:
            held = _all_moved(step, held)
            continue
        places = occurrences(step.after)
        for move in step.moves:
            for path in places[move.function]:
                _move(step, move, path, held, fresh)
                fresh.update(dict.fromkeys(_begun(step, move, path)))
    holders = {*_holders(derivation.module)}
    kept = {path: arrays for path, arrays in held.items() if path in holders}
    begun = tuple(path for path in fresh if path in holders and path not in held)
    return Carried(_of_one_kind(kept, weights), begun)


def _holders(module: Module) -> list[Path]:
    """Where weights are: not in a call that is dropped, nor in one that shares another's."""
    graph, places = flatten(module), paths(module)
    types = graph.types
    return [
        places[node.name]
        for node in graph.nodes
        if isinstance(node.op, Op) and node.weights is None
        if node.op.weights(*(types[name] for name in node.inputs))
    ]


def _all_moved(step: Step, held: Weights) -> dict[Path, Any]:
    """The weights after a step that moves them all at once."""
    assert step.mover is not None
    try:
        return dict(step.mover(held))
    except NotCarried as reason:
        span = step.rewrite.ref.rule.span
        fail("E1007", f"`{step.rewrite.text}` cannot move the weights: {reason}", span)


def _begun(step: Step, move: Move, path: Path) -> Iterator[Path]:
    """The operators with weights in calls that are new."""
    graph = step.after.by_name[move.function]
    came = {*move.created} - {*move.removed}
    calls = [n.name for n in graph.nodes if n.name in came and isinstance(n.op, Call)]
    if calls:
        holders = _holders(step.after)
        for call in calls:
            inside = (*path, call)
            yield from (found for found in holders if found[: len(inside)] == inside)


def _of_one_kind(made: Weights, given: Weights) -> Weights:
    """Whole numbers that a carrier makes from nothing, as the floats that the network has."""
    kinds = {array.dtype for arrays in given.values() for array in arrays.values()}
    if len(kinds) != 1 or (kind := kinds.pop()).kind != "f":
        return made
    return {
        path: {role: x.astype(kind) if x.dtype.kind == "i" else x for role, x in arrays.items()}
        for path, arrays in made.items()
    }


def _move(
    step: Step, move: Move, path: Path, held: dict[Path, Any], fresh: dict[Path, None]
) -> None:
    old = {layer.name: held.pop((*path, layer.name), None) for layer in move.old}
    missing = [name for name, arrays in old.items() if arrays is None]
    if len(missing) == len(old) and old:
        if any((*path, name) in fresh for name in missing):
            fresh.update(((*path, layer.name), None) for layer in move.new)
        return  # a shared call, whose weights are those of another, or one not trained yet
    given = [Held(layer.name, layer.op, layer.inputs, old[layer.name] or {}) for layer in move.old]
    try:
        made = carried(step.rewrite, given, move.new, dict(move.holes))
    except NotCarried as reason:
        where = ".".join((*path, move.old[0].name))
        fail("E1007", f"`{step.rewrite.text}` cannot move the weights of `{where}`: {reason}",
             move.span)  # fmt: skip
    for layer, arrays in zip(move.new, made, strict=True):
        if arrays is None:
            fresh.setdefault((*path, layer.name))
        else:
            held[(*path, layer.name)] = arrays


def carried(
    rewrite: Rewrite, old: Sequence[Held], new: Sequence[Layer], holes: Mapping[str, object]
) -> list[Arrays | None]:
    """Arrays of the layers on the right side; None for those that begin fresh."""
    named = {layer.name: layer for layer in old}
    if rewrite.carrier is None and rewrite.keeps_function and _same_weights(old, new):
        return [dict(layer.arrays) for layer in old]
    if rewrite.carrier is None:
        return [_inherited(layer, named) for layer in new]
    function = find_carrier(rewrite.carrier)
    if function is None:
        name = next(c.name for c in rewrite.ref.rule.clauses if isinstance(c, Carrier))
        near = suggest(name.id, CARRIERS, name.span)
        help = near or (f"there are {', '.join(f'`{known}`' for known in sorted(CARRIERS))}",)
        fail("E1001", f"there is no carrier `{name.id}`", name.span, help=help)
    made = function(old, new, holes)
    return [dict(arrays) for arrays in made]


def _inherited(layer: Layer, old: Mapping[str, Held]) -> Arrays | None:
    before = old.get(layer.name)
    if before is None or _shapes(before.op, before.inputs) != _shapes(layer.op, layer.inputs):
        return None
    return dict(before.arrays)


def _same_weights(old: Sequence[Held], new: Sequence[Layer]) -> bool:
    """Whether both sides have the same weights in the same order, under whatever names."""
    return [_shapes(a.op, a.inputs) for a in old] == [_shapes(b.op, b.inputs) for b in new]


def _shapes(op: Op, inputs: tuple[Any, ...]) -> dict[str, tuple[int, ...]]:
    return {weight.name: weight.shape for weight in op.weights(*inputs)}
