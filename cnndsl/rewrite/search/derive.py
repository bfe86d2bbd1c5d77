"""A selection as a derivation: the engine applies its rules at its sites, and proves them.

What comes out is measured as a network of its own; nothing is taken over from the search.
"""

from __future__ import annotations

from ...graph import inference_graph
from ...passes.cost import cost
from ...passes.depth import depth
from ...passes.receptive import before_head, receptive_fields
from ..engine import apply_at
from ..journal import Sites
from ..places import occurrences

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ...graph import Module
    from ...passes.receptive import Field
    from ..engine import Derivation
    from ..places import Path
    from ..rule import Rewrite
    from .fragments import Choice
    from .route import Picked
    from .sites import Site, Space

    Place = tuple[Path, frozenset[str]]
    """The calls that lead to some operators, and their names."""
    Made = dict[Place, tuple[str, ...]]
    """The operators that took the place of others."""


def derive(space: Space, picked: Picked) -> tuple[Derivation, tuple[int, ...]]:
    """Apply what was chosen, and say at which sites the engine did something else."""
    chosen = {number: (space.sites[number], choice) for number, choice in picked.items()}
    outer = {number: _outer(site) for number, (site, _) in chosen.items()}
    made: Made = {}
    derivation = _applied(
        space.start, made, ((c.first, outer[number]) for number, (_, c) in chosen.items())
    )
    done = [number for number in chosen if all(place in made for place in outer[number])]
    inner = {number: list(_inner(chosen[number][1], outer[number], made)) for number in done}
    derivation = _applied(
        derivation, made,
        ((c.then, inner[number]) for number in done for c in (chosen[number][1],) if c.then),
    )  # fmt: skip
    right = {n for n in done if all(place in made for place in inner[n])}
    return derivation, tuple(number for number in chosen if number not in right)


def _outer(site: Site) -> list[Place]:
    return [(path, frozenset(site.piece.nodes)) for path in site.paths]


def _inner(choice: Choice, outer: Sequence[Place], made: Made) -> Iterator[Place]:
    """Where the second rule is applied: among the operators that the first one made."""
    for place in outer:
        for part in choice.parts:
            yield place[0], frozenset(made[place][position] for position in part)


def _applied(
    derivation: Derivation, made: Made, wanted: Iterable[tuple[Rewrite, Sequence[Place]]]
) -> Derivation:
    """Rules at their places, each rule in one step; `made` is added to."""
    places: dict[str, tuple[Rewrite, list[Place]]] = {}
    for rewrite, found in wanted:
        places.setdefault(rewrite.text, (rewrite, []))[1].extend(found)
    for rewrite, found in places.values():
        count = len(derivation.steps)
        operators = frozenset((path, name) for path, names in found for name in names)
        derivation = apply_at(derivation, rewrite, Sites(operators)).derivation
        for step in derivation.steps[count:]:
            paths = occurrences(step.after)
            for move in step.moves:
                for path in paths[move.function]:
                    made[path, frozenset(move.removed)] = move.created
    return derivation


# ---------------------------------------------------------------- measured anew


def measured(module: Module) -> dict[str, int]:
    """The measures of a network in inference."""
    total = cost(module)
    return {"params": total.params, "macs": total.macs, "depth": depth(module)}  # type: ignore[dict-item]


def lost(before: Module, after: Module, keep: Iterable[str]) -> str:
    """What of what is to be kept was not, or nothing."""
    kept: Mapping[str, bool] = {
        "shape": _shapes(before) == _shapes(after),
        "receptive_field": _fields(before) == _fields(after),
    }
    return next((word for word in keep if not kept[word]), "")


def _shapes(module: Module) -> object:
    return inference_graph(module.main).output_types


def _fields(module: Module) -> object:
    """Stride, start and size of the fields of the outputs, and before the head."""
    main = inference_graph(module.main)
    fields = receptive_fields(module)
    outputs = [output.value for output in main.outputs if output.value in fields]
    if not outputs:
        return ()
    return [_field(fields[value]) for value in (*outputs, before_head(module.main, fields))]


def _field(field: Field) -> object:
    return [
        "everything" if reach.whole else (reach.size, reach.stride, reach.start)
        for reach in (field.height, field.width)
    ]
