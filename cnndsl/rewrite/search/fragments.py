"""What a piece of a network may become: the alternatives of a place, with what each costs.

A place is cut out as a module of its own, and the engine rewrites that. So an alternative
is a short derivation, proved as every other, and its costs are those of a few operators.
Pieces that are alike, whatever their operators are called, have the same alternatives.
"""

from __future__ import annotations

from ...graph import Graph, Module, Node, Output, Value
from ...passes.cost import cost
from ...passes.depth import lengths
from ...record import Record
from ..engine import Derivation, apply_at
from ..hierarchy import needed
from ..journal import Sites
from ..places import Places
from ..windows import readings
from .menu import layer_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from ...bind import Defaults
    from ...passes.cost import Cost
    from ...passes.depth import Lengths
    from ..rule import Rewrite
    from .menu import Menu, Offer

    Parts = tuple[tuple[int, ...], ...]

NAME = "fragment"


class Piece(Record):
    """Operators of a function with one result, as a module of their own.

    Arguments:
        nodes: their names in the function, in the order of the piece.
        inputs, output: the values that they read and the one that they give, there.
    """

    module: Module
    nodes: tuple[str, ...]
    inputs: tuple[str, ...]
    output: str


class Choice(Record):
    """Something that a piece may become.

    Arguments:
        name: `bottleneck_conv(64), then group(2)`
        params, macs: how many more there are, in one copy.
        lengths: layers with weights on the longest path from each input.
        first: the rule.
        then: the rule that is applied inside what the first one makes.
        parts: for each place where it is, the operators that it replaces: their positions
            among those that the first one makes.
    """

    name: str
    params: int
    macs: int
    lengths: Lengths
    first: Rewrite
    then: Rewrite | None = None
    parts: Parts = ()


def piece(graph: Graph, wanted: Collection[str], functions: Mapping[str, Graph]) -> Piece | None:
    """Cut operators out of a function; None when they give several values."""
    nodes = [node for node in graph.nodes if node.name in wanted]
    types = graph.types
    made = {value.name for node in nodes for value in node.outputs}
    read = {name for node in graph.nodes if node.name not in wanted for name in node.inputs}
    read |= {output.value for output in graph.outputs}
    given = [value.name for node in nodes for value in node.outputs if value.name in read]
    if len(given) != 1:
        return None
    inputs = [
        name for name in dict.fromkeys(v for n in nodes for v in n.inputs) if name not in made
    ]
    names = {name: f"x{number}" for number, name in enumerate(inputs)}
    copied = []
    for number, node in enumerate(nodes):
        several = len(node.outputs) > 1
        for port, value in enumerate(node.outputs):
            names[value.name] = f"n{number}_{port}" if several else f"n{number}"
        outputs = tuple(Value(names[value.name], value.type) for value in node.outputs)
        read_here = tuple(names[name] for name in node.inputs)
        copied.append(Node(f"n{number}", node.op, read_here, outputs, number))
    main = Graph(
        NAME, NAME, (), tuple(Value(names[name], types[name]) for name in inputs), tuple(copied),
        (Output("result", names[given[0]]),),
    )  # fmt: skip
    module = Module(NAME, needed([*functions.values(), main], NAME))
    return Piece(module, tuple(n.name for n in nodes), tuple(inputs), given[0])


# ----------------------------------------------------------------- alternatives


def choices(module: Module, menu: Menu, settings: Defaults) -> tuple[Choice, ...]:
    """What a piece may become; of choices that measure and keep the same, the first.

    Arguments:
        settings: those of the model's dialect.
    """
    found: dict[object, Choice | None] = {_measured(module): None}
    before = cost(module)
    for name, derivation in _derivations(Derivation(module, (), settings), menu):
        measures = _measured(derivation.module)
        if measures not in found:
            found[measures] = _choice(name, derivation, before)
    return tuple(choice for choice in found.values() if choice is not None)


def _measured(module: Module) -> object:
    """What tells alternatives apart."""
    total = cost(module)
    windows = tuple(readings(module.main, module.by_name).values())
    return total.params, total.macs, lengths(module), windows


def _derivations(start: Derivation, menu: Menu) -> Iterator[tuple[str, Derivation]]:
    """One rule that replaces all of a piece; then one more inside, wherever it fits or once."""
    whole = {node.name for node in start.module.main.nodes}
    inside = [offer for offer in menu.offers if offer.entry.inside]
    for rewrite in _instances(menu, menu.offers, start.module.main):
        once = apply_at(start, rewrite, Places(start.module, "")).derivation
        if not once.steps or [{*move.removed} for move in once.steps[0].moves] != [whole]:
            continue
        yield rewrite.text, once
        made = once.steps[0].moves[0].created
        for further in _instances(menu, inside, once.module.main):
            name = f"{rewrite.text}, then {further.text}"
            twice = apply_at(once, further, _at(made)).derivation
            moves = [move for step in twice.steps[1:] for move in step.moves]
            if not moves or any(not {*move.removed} <= {*made} for move in moves):
                continue
            yield name, twice
            for number, move in enumerate(moves if len(moves) > 1 else (), 1):
                alone = apply_at(once, further, _at(move.removed)).derivation
                yield f"{name} in part {number} of {len(moves)}", alone


def _instances(menu: Menu, offers: Sequence[Offer], graph: Graph) -> Iterator[Rewrite]:
    """Rules with the arguments that suit the layers of a graph."""
    layers = dict.fromkeys(layer_of(node, graph) for node in graph.nodes)
    for offer in offers:
        found = (rewrite for layer in layers for rewrite in menu.rewrites(offer, layer))
        yield from {rewrite.text: rewrite for rewrite in found}.values()


def _at(names: Iterable[str]) -> Sites:
    """Operators of the main graph."""
    return Sites(frozenset(((), name) for name in names))


def _choice(name: str, derivation: Derivation, before: Cost) -> Choice:
    after = cost(derivation.module)
    first, *later = derivation.steps
    made = first.moves[0].created
    return Choice(
        name,
        after.params - before.params,  # type: ignore[arg-type]
        after.macs - before.macs,  # type: ignore[arg-type]
        lengths(derivation.module)[0],
        first.rewrite,
        later[0].rewrite if later else None,
        tuple(tuple(map(made.index, move.removed)) for step in later for move in step.moves),
    )
