"""One elaboration: what it was asked for, what surrounds a statement, what it has found."""

from __future__ import annotations

from ..bind import Defaults
from ..build import GraphBuilder
from ..diagnostics import CnnError, Diagnostic, Label
from ..evaluate.checks import truth
from ..evaluate.expressions import evaluate
from ..evaluate.scope import Scope
from ..evaluate.values import Given, RuleRef
from ..graph import Constraint, Graph, Module
from ..limits import ERRORS, NODES
from ..record import Record, replace
from ..source import Span
from ..symbol import Size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from ..syntax import Expr


MAX_SITES = 5  # how many calls a message lists
ENOUGH = 4
"""Failures are counted up to so many times what is printed; each costs a search for its help."""
MERGES = ("concat", "add", "sub", "mul")
NO_DECISIONS: dict[Span, set[bool]] = {}


class Claim(Record):
    """An `expect` with its values: what a spec says about its network.

    Arguments:
        metric: `params`, `macs`, `flops`, `depth`, `receptive_field`, `shape`.
        subjects: labels, or `training`.
        relation: `=`, `>=`, `<=`, `>`, `<`.
        value: a number, a formula in the sizes of the input, or the sizes of a shape.
        text: the number as written, which says how precise it is.
        tolerance: allowed relative difference, or None.
        note: where the claim comes from.
    """

    metric: str
    subjects: tuple[str, ...]
    relation: str
    value: float | Size | tuple[Size, ...]
    text: str
    tolerance: float | None
    note: str
    span: Span


class Request(Record):
    """The rules that a variant asks for at once: `asym(7) at 4a..4e`.

    Arguments:
        rules: one, or those of a set.
        place: the labels where they may be applied, as in `3a, 4a..4e`; "" for everywhere.
        text: the request as written.
    """

    rules: tuple[RuleRef, ...]
    place: str
    text: str
    span: Span


class Elaborated(Record):
    """The result: a module, the claims about it, warnings, and what is to be rewritten.

    Arguments:
        settings: those of its dialect, which right sides of rules are elaborated with.
        decisions: what each condition came to, in all copies and calls.
    """

    module: Module
    claims: tuple[Claim, ...]
    warnings: tuple[Diagnostic, ...]
    requests: tuple[Request, ...] = ()
    settings: Defaults = ()
    decisions: Mapping[Span, set[bool]] = NO_DECISIONS


class Options(Record):
    """What the command line may change.

    Arguments:
        settings: parameters of the model, as given arguments.
        inputs: shapes that replace those of the inputs, in order.
        dialect: name of a dialect that replaces the model's.
        max_nodes: limit for the number of operators with all calls inlined.
        requests: rules to apply after those of the model.
    """

    settings: tuple[Given, ...] = ()
    inputs: tuple[tuple[Size, ...], ...] = ()
    dialect: str | None = None
    max_nodes: int = NODES.default
    requests: tuple[Request, ...] = ()

    @property
    def changes_the_model(self) -> bool:
        """Whether the spec's claims are about another network than this one."""
        return bool(self.settings or self.inputs or self.dialect or self.requests)


class Frame(Record):
    """A block being elaborated: for messages, and for `nth`.

    Arguments:
        name: the block; a side of a rule has none.
        span: the call.
        rounds: the copies and the rounds of loops that the call is in.
        builder, flow: the graph around, and the values of it that flow in.
    """

    name: str
    definition: int
    span: Span
    rounds: tuple[str, ...]
    nth: int
    positional: list[bool]
    builder: GraphBuilder | None = None
    flow: tuple[str, ...] = ()


class Factor(Record):
    """How often a repeat or a loop does what is in it, and where it says so."""

    times: int
    span: Span


class Enough(CnnError):
    """Raised when so much is wrong that nobody reads on."""


class Context:
    """What surrounds a statement: variables, defaults in force, stages, rounds of loops."""

    __slots__ = ("defaults", "factors", "region", "rounds", "scope")

    def __init__(
        self,
        scope: Scope,
        defaults: Defaults = (),
        region: tuple[str, ...] = (),
        rounds: tuple[str, ...] = (),
        factors: tuple[Factor, ...] = (),
    ) -> None:
        self.factors = factors
        self.scope = scope
        self.defaults = defaults
        self.region = region
        self.rounds = rounds

    def nested(self) -> Context:
        inside = self.scope.inner()
        return Context(inside, self.defaults, self.region, self.rounds, self.factors)

    def copy(self, index: int, factor: Factor) -> Context:
        """The context of one copy of a repeat."""
        scope = self.scope.inner(index)
        scope.variables["copy"] = index
        rounds = (*self.rounds, f"copy {index + 1} of {factor.times:,}")
        return Context(scope, self.defaults, self.region, rounds, (*self.factors, factor))

    def round(self, name: str, value: Any, factor: Factor) -> Context:
        """The context of one round of a loop."""
        scope = self.scope.inner(**{name: value})
        rounds = (*self.rounds, f"round `{name}` = {value}")
        return Context(scope, self.defaults, self.region, rounds, (*self.factors, factor))


class Run:
    """The state of one elaboration. `problems` collects what is wrong, once each.

    Arguments:
        options: what the command line changes.
        totals: how often each block is called in all, from an earlier run, for `total`.
    """

    def __init__(self, options: Options, totals: Mapping[int, int]) -> None:
        self.options = options
        self.totals = totals
        self.calls: dict[int, int] = {}
        self.reads_total = False
        self.positions_read = 0
        self.problems: list[Diagnostic] = []
        self.failures = 0
        self.warnings: dict[tuple[Diagnostic, Span | None], Diagnostic] = {}
        self.constraints: dict[Constraint, None] = {}
        self.claims: list[Claim] = []
        self.source = ""
        self.claiming = True
        self.decisions: dict[Span, set[bool]] = {}
        self.functions: dict[str, Graph] = {}
        self.expanded: dict[str, int] = {}
        self.frames: list[Frame] = []
        self.builder = GraphBuilder()
        self.memo: dict[Any, Graph | None] = {}
        self.interned: dict[Graph, Graph] = {}
        self.inputs_used = 0
        self._equal: dict[Defaults, int] = {}
        self._numbers: dict[int, tuple[int, Defaults]] = {}  # the tuple is kept alive for its id
        self._seen: set[tuple[str, str, int]] = set()

    def number_of(self, defaults: Defaults) -> int:
        """A number for defaults in force; equal ones have equal numbers.

        The memo of functions asks at each call of a block, and most calls have the very
        same tuple, so its contents are hashed once.
        """
        known = self._numbers.get(id(defaults))
        if known is None:
            number = self._equal.setdefault(defaults, len(self._equal))
            known = self._numbers[id(defaults)] = (number, defaults)
        return known[0]

    def decide(self, condition: Expr, scope: Scope) -> bool:
        """Whether a condition holds. Raises CnnError."""
        chosen = truth(evaluate(condition, scope), condition.span)
        self.decisions.setdefault(condition.span, set()).add(chosen)
        return chosen

    def report(self, diagnostic: Diagnostic, rounds: tuple[str, ...] = ()) -> None:
        """Keep a diagnostic, once for each place, with the use site when inside a block.

        Arguments:
            rounds: the copies and the rounds of loops that it is in.
        """
        place = diagnostic.place
        key = (diagnostic.code, str(place), place.end if place else 0)
        if key in self._seen:
            return
        self._seen.add(key)
        diagnostic = in_own_file(diagnostic, self.frames)
        place = diagnostic.place
        later = [text for text in rounds if not text.startswith("copy 1 ")]
        notes = [f"in {', '.join(later)}"] if later else []
        notes += use_sites([frame for frame in self.frames if frame.name and frame.span != place])
        self.problems.append(replace(diagnostic, notes=(*diagnostic.notes, *notes)))

    @property
    def is_wrong(self) -> bool:
        """Whether anything was found wrong, here or in what this needs."""
        return bool(self.problems or self.failures)

    def failed(self) -> None:
        """Count a statement that is wrong. Raises Enough after very many."""
        self.failures += 1
        if self.failures >= ENOUGH * ERRORS.value:
            raise Enough(*self.problems)


def in_own_file(diagnostic: Diagnostic, frames: Sequence[Frame]) -> Diagnostic:
    """The diagnostic with a place that the user wrote: the call that leads into the library."""
    place = diagnostic.place
    if place is None or not place.source.shipped:
        return diagnostic
    own = [frame for frame in frames if frame.name and not frame.span.source.shipped]
    if not own:
        return diagnostic
    call = Label(own[-1].span, f"in this call of `{own[-1].name}`")
    return replace(diagnostic, labels=(call, *diagnostic.labels))


def use_sites(frames: Sequence[Frame]) -> Iterator[str]:
    """The calls that lead to a place, the innermost first."""
    hidden = len(frames) - MAX_SITES
    for number, frame in enumerate(reversed(frames)):
        if hidden <= 1 or number < MAX_SITES - 1 or number == len(frames) - 1:
            rounds = "".join(f", {text}" for text in frame.rounds)
            yield f"in block `{frame.name}`, used at {frame.span}{rounds}"
        elif number == MAX_SITES - 1:
            yield f"… through {hidden} more calls"
