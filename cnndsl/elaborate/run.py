"""One elaboration: what it was asked for, what surrounds a statement, what it has found."""

from __future__ import annotations

from ..bind import Defaults
from ..build import GraphBuilder
from ..diagnostics import Diagnostic
from ..evaluate import Given, RuleRef, Scope
from ..graph import Constraint, Graph, Module
from ..record import Record, replace
from ..source import Span
from ..symbol import Size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


MAX_NODES = 20_000
MAX_NODES_CAP = 100_000
MAX_BLOCK_DEPTH = 32
MERGES = ("concat", "add", "sub", "mul")


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
    """

    module: Module
    claims: tuple[Claim, ...]
    warnings: tuple[Diagnostic, ...]
    requests: tuple[Request, ...] = ()
    settings: Defaults = ()


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
    max_nodes: int = MAX_NODES
    requests: tuple[Request, ...] = ()

    @property
    def changes_the_model(self) -> bool:
        """Whether the spec's claims are about another network than this one."""
        return bool(self.settings or self.inputs or self.dialect or self.requests)


class Frame(Record):
    """A block being elaborated: for messages, and for `nth`. A side of a rule has no name."""

    name: str
    definition: int
    span: Span
    copy: tuple[int, int] | None
    nth: int
    positional: list[bool]


class Context:
    """What surrounds a statement: variables, defaults in force, stages, the repeat."""

    __slots__ = ("defaults", "region", "repeat", "scope")

    def __init__(
        self,
        scope: Scope,
        defaults: Defaults = (),
        region: tuple[str, ...] = (),
        repeat: tuple[int, int] | None = None,
    ) -> None:
        self.scope = scope
        self.defaults = defaults
        self.region = region
        self.repeat = repeat

    def nested(self, /, **variables: Any) -> Context:
        return Context(self.scope.inner(**variables), self.defaults, self.region, self.repeat)

    def copy(self, index: int, of: int) -> Context:
        """The context of one copy of a repeat."""
        scope = self.scope.inner(index)
        scope.variables["copy"] = index
        return Context(scope, self.defaults, self.region, (index, of))


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
        self.problems: list[Diagnostic] = []
        self.warnings: dict[Diagnostic, None] = {}
        self.constraints: dict[Constraint, None] = {}
        self.claims: list[Claim] = []
        self.source = ""
        self.claiming = True
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

    def report(self, diagnostic: Diagnostic) -> None:
        """Keep a diagnostic, once for each place, with the use site when inside a block."""
        place = diagnostic.place
        key = (diagnostic.code, str(place), place.end if place else 0)
        if key in self._seen:
            return
        self._seen.add(key)
        inside = [frame for frame in self.frames[-3:] if frame.name and frame.span != place]
        if inside:
            diagnostic = replace(
                diagnostic, notes=(*diagnostic.notes, *map(use_site, reversed(inside)))
            )
        self.problems.append(diagnostic)


def use_site(frame: Frame) -> str:
    copy = f", copy {frame.copy[0] + 1} of {frame.copy[1]}" if frame.copy else ""
    return f"in block `{frame.name}`, used at {frame.span}{copy}"
