"""Applying rules to a module, definition by definition, with a journal of what was done.

A left side is looked for in each function once, however often it is called; `hierarchy`
puts the right sides there, everywhere or in some copies. A rule that is no equation is a
function of the module, and its result is a step like any other.
"""

from __future__ import annotations

from ..diagnostics import fail, suggest
from ..elaborate.blocks import passes_through
from ..graph import Graph, Module
from ..history import Change, History
from ..limits import NODES, REWRITES
from ..op import Op
from ..passes.cost import Cost, cost
from ..record import Record, replace
from ..syntax import Transform
from .calls import same
from .hierarchy import function_at, is_at, needed, rewritten
from .match import find
from .places import Places, calls, occurrences
from .placing import NotHere, Replacement, passed_by, put_in_place
from .refusals import ELSEWHERE
from .replacement import replacement
from .rule import Rewrite, call_form
from .view import Match, Refusal, View

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..bind import Defaults
    from ..source import Span
    from ..symbol import Size
    from .hierarchy import Where
    from .moves import Move
    from .places import Path
    from .transforms import Mover
    from .transforms import Transform as Function


class Step(Record):
    """One rule applied at some places: an entry of the journal.

    Arguments:
        number: counts from 1.
        places: as asked for; empty for everywhere.
        before, after: the modules.
        moves: what was replaced in each function.
        copies: how often each rewritten function stands in the network.
        origins: for each operator that rules made, the step that made it, after this one.
        mover: moves all weights at once, where no move can do so by itself.
    """

    number: int
    rewrite: Rewrite
    places: str
    before: Module
    after: Module
    moves: tuple[Move, ...]
    copies: tuple[tuple[str, int], ...]
    origins: tuple[tuple[tuple[str, str], int], ...]
    mover: Mover | None = None

    @property
    def sites(self) -> int:
        """How many places of the network it changed, all copies counted."""
        copies = dict(self.copies)
        return sum(copies[move.function] for move in self.moves)

    @property
    def params(self) -> tuple[Size, Size]:
        """Parameters before and after."""
        return _costs(self.before).params, _costs(self.after).params

    @property
    def macs(self) -> tuple[Size, Size]:
        """Multiply-accumulates of inference before and after."""
        return _costs(self.before).macs, _costs(self.after).macs


def _costs(module: Module) -> Cost:
    return cost(module, training=False)


class Derivation(Record):
    """A network and the steps that led to it.

    Arguments:
        settings: those of the model's dialect.
        max_nodes: limit for the number of operators with all calls inlined.
    """

    start: Module
    steps: tuple[Step, ...] = ()
    settings: Defaults = ()
    max_nodes: int = NODES.cap

    @property
    def module(self) -> Module:
        """What the steps led to, without the calls that they left nothing in."""
        return _without_idle_calls(self.steps[-1].after) if self.steps else self.start

    @property
    def origins(self) -> Mapping[tuple[str, str], int]:
        """The number of the step that made an operator, by function and name."""
        return dict(self.steps[-1].origins) if self.steps else {}

    @property
    def result(self) -> Module:
        """The module with its history."""
        return replace(self.module, history=self.history)

    @property
    def history(self) -> History:
        """What reports and figures say of it."""
        return History(
            tuple(
                Change(
                    step.number,
                    f"{step.rewrite.text}{f' at {step.places}' if step.places else ''}",
                    step.rewrite.note,
                    step.sites,
                    step.params,
                    step.macs,
                )
                for step in self.steps
            ),
            self.steps[-1].origins if self.steps else (),
        )


def _without_idle_calls(module: Module) -> Module:
    """The module as it would be elaborated: a call of what does nothing is no call."""
    idle: set[str] = set()
    functions: list[Graph] = []
    for graph in module.functions:
        gone = {node.name for node, callee in calls(graph) if callee in idle}
        functions.append(graph := passed_by(graph, gone) if gone else graph)
        if not graph.nodes and passes_through(graph):
            idle.add(graph.name)
    return replace(module, functions=needed(functions, module.main.name)) if idle else module


class Attempt(Record):
    """What came of trying a rule: the derivation, and why it did not apply elsewhere."""

    derivation: Derivation
    refusals: tuple[Refusal, ...]


def apply(
    derivation: Derivation, rewrite: Rewrite, places: str = "", span: Span | None = None
) -> Attempt:
    """Apply one rule wherever it fits. The derivation is unchanged where it fits nowhere."""
    if rewrite.missing:
        fail("E0204", f"`{rewrite.name}` needs a value for `{rewrite.missing[0]}`",
             span or rewrite.ref.rule.name.span,
             help=[f"call it as `{call_form(rewrite.ref.rule)}`"])  # fmt: skip
    chosen = Places(derivation.module, places)
    chosen.check(derivation.start, span)
    if rewrite.transform is not None:
        return _transformed(derivation, rewrite, chosen)
    return apply_at(derivation, rewrite, chosen, places)


def apply_at(derivation: Derivation, rewrite: Rewrite, chosen: Where, places: str = "") -> Attempt:
    """Apply an equation where it fits and where it is wanted."""
    refusals: list[Refusal] = []
    while (changed := _round(derivation, rewrite, places, chosen, refusals)) is not None:
        derivation = changed
        if not rewrite.repeats:
            break
    return Attempt(derivation, tuple(refusals))


def _transformed(derivation: Derivation, rewrite: Rewrite, chosen: Places) -> Attempt:
    from .transforms import Untransformed

    function = _transform_of(rewrite)
    while True:
        module = derivation.module
        try:
            result = function(module, rewrite, chosen.on(module))
        except Untransformed as problem:
            return Attempt(derivation, (Refusal(module.main.name, "", str(problem), 0),))
        if result.module == module:
            return Attempt(derivation, (Refusal(module.main.name, "", "nothing changes", 0),))
        derivation = _extended(
            derivation, rewrite, chosen.text, result.module, result.moves, result.mover
        )
        if not rewrite.repeats:
            return Attempt(derivation, ())


def _transform_of(rewrite: Rewrite) -> Function:
    """The function that a rule names. Raises CnnError when there is none."""
    from .transforms import TRANSFORMS, find_transform

    name = next(c.name for c in rewrite.ref.rule.clauses if isinstance(c, Transform))
    function = find_transform(name.id)
    if function is None:
        near = suggest(name.id, TRANSFORMS, name.span)
        help = near or (f"there are {', '.join(f'`{known}`' for known in sorted(TRANSFORMS))}",)
        fail("E1001", f"there is no transform `{name.id}`", name.span, help=help)
    return function


def apply_all(derivation: Derivation, rewrites: Sequence[Rewrite], places: str = "",
              span: Span | None = None) -> Attempt:  # fmt: skip
    """Apply a set of rules in turn, again and again while those that simplify find something."""
    refusals: list[Refusal] = []
    repeated = [rewrite for rewrite in rewrites if rewrite.repeats]
    todo: Iterable[Rewrite] = rewrites
    while True:
        count = len(derivation.steps)
        for rewrite in todo:
            attempt = apply(derivation, rewrite, places, span)
            derivation = attempt.derivation
            refusals += attempt.refusals
        if len(derivation.steps) == count or not repeated:
            break
        todo = repeated
    return Attempt(derivation, tuple(refusals))


def _round(
    derivation: Derivation, rewrite: Rewrite, places: str, chosen: Where, refusals: list[Refusal]
) -> Derivation | None:
    module = derivation.module
    chosen = chosen.on(module)
    paths = {} if chosen.everywhere else occurrences(module)
    sites = {
        graph.name: _sites(derivation, rewrite, graph, chosen, paths.get(graph.name, []), refusals)
        for graph in module.functions
    }
    if not any(sites.values()):
        return None
    after, moves = rewritten(module, sites, chosen)
    if not moves:  # wanted only where weights are borrowed: copies are rewritten with the lender
        return None
    return _extended(derivation, rewrite, places, after, moves)


def _sites(
    derivation: Derivation,
    rewrite: Rewrite,
    graph: Graph,
    chosen: Where,
    paths: Sequence[Path],
    refusals: list[Refusal],
) -> list[Replacement]:
    """The replacements of a function that are wanted somewhere, none of which touch each other."""
    module = derivation.module
    view = View(graph, module)
    found: list[Replacement] = []
    touched: set[str] = set()
    size = len(graph.nodes)
    taken = {node.name for node in graph.nodes} | {v.name for v in graph.inputs}
    for match in find(rewrite, view, refusals):
        if not (chosen.everywhere or any(is_at(match, path, chosen) for path in paths)):
            refusals.append(Refusal(graph.name, match.nodes[0], ELSEWHERE, 0))
            continue
        if touched & {*match.removed}:
            continue
        try:
            new = replacement(rewrite, match, view, derivation.settings, taken)
            if _unchanged(new, view):
                raise NotHere("it would give back what stands there")
        except NotHere as reason:
            refusals.append(_refusal(match, view, str(reason)))
            continue
        taken.update(node.name for node in new.nodes)
        touched.update(match.removed)
        found.append(new)
        size += len(new.nodes) - len(match.removed)
        _check_size(derivation, rewrite, size)
    return _without_cycles(found, view, refusals)


def _refusal(match: Match, view: View, reason: str) -> Refusal:
    name, progress = match.nodes[0], len(match.nodes) + 2
    return Refusal(view.graph.name, name, reason, progress, view.nodes[name].span)


def _without_cycles(
    found: list[Replacement], view: View, refusals: list[Refusal]
) -> list[Replacement]:
    """The replacements, without those that would close a circle.

    One that gives a single value never does: what is replaced leads to that value alone, so a
    circle through it would have been there before.
    """
    if not any(len(new.gives) > 1 for new in found):
        return found
    try:
        put_in_place(view.graph, found)
    except NotHere:
        kept: list[Replacement] = []
        for new in found:
            try:
                put_in_place(view.graph, [*kept, new])
                kept.append(new)
            except NotHere as reason:
                refusals.append(_refusal(new.match, view, str(reason)))
        return kept
    return found


def _unchanged(new: Replacement, view: View) -> bool:
    """Whether a rule would put back what it took away."""
    old = [view.nodes[name] for name in sorted(new.match.removed, key=view.order.__getitem__)]
    if [node.inputs for node in old] != [node.inputs for node in new.nodes]:
        return False
    functions = {function.name: function for function in new.functions}
    pairs = zip(old, new.nodes, strict=True)
    return all(same(a.op, view.functions, b.op, functions) for a, b in pairs)


def _extended(
    derivation: Derivation,
    rewrite: Rewrite,
    places: str,
    after: Module,
    moves: Sequence[Move],
    mover: Mover | None = None,
) -> Derivation:
    paths = occurrences(after)
    operators = (graph.name for graph, node in after.walk() if isinstance(node.op, Op))
    _check_size(derivation, rewrite, sum(len(paths[function]) for function in operators))
    number = len(derivation.steps) + 1
    if number > REWRITES.value:
        fail(
            REWRITES.code,
            f"`{rewrite.text}` still finds something after {REWRITES.value:,} steps",
            rewrite.ref.rule.name.span,
            help=[REWRITES.help],
        )
    made = {(move.function, name): number for move in moves for name in move.created}
    older = _carried(derivation, after)
    step = Step(
        number,
        rewrite,
        places,
        derivation.module,
        after,
        tuple(moves),
        tuple((name, len(found)) for name, found in paths.items()),
        tuple({**older, **made}.items()),
        mover,
    )
    return replace(derivation, steps=(*derivation.steps, step))


def _check_size(derivation: Derivation, rewrite: Rewrite, size: int) -> None:
    """Stop before the network is larger than a spec may be."""
    limit = derivation.max_nodes
    if size > limit:
        fail(
            NODES.code,
            f"this network would have {size:,} nodes or more; the limit is {limit:,}",
            rewrite.ref.rule.name.span,
            help=[NODES.help],
        )


def _carried(derivation: Derivation, after: Module) -> dict[tuple[str, str], int]:
    """Origins of operators that are still there, in the functions that have them now."""
    if not derivation.steps:
        return {}
    known = derivation.origins
    kept: dict[tuple[str, str], int] = {}
    for name, paths in occurrences(after).items():
        before = function_at(derivation.module, paths[0])
        if before is None:
            continue
        nodes = {node.name for node in after.by_name[name].nodes}
        kept.update(
            ((name, node), number)
            for (function, node), number in known.items()
            if function == before.name and node in nodes
        )
    return kept
