"""Where a rule is to be applied: `4a..4e`, `inception*`, `conv2_x.bottleneck1`.

A place names a label, a stage, a block or an operator; whatever is inside it is
meant too. Dots lead inwards, `*` stands for any letters, two dots for a range of
neighbours, and commas separate places. A word that the author of the network gave,
as a label or a stage, means what he gave it to: with a stem that is labelled `conv1`
the first convolutions of all blocks, which are called so too, are not meant.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from ..diagnostics import Help, did_you_mean, fail, suggest
from ..graph import Call, Graph, Module, Node
from ..limits import PLACES
from ..record import Record
from ..source import Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import NoReturn

    Path = tuple[str, ...]
    """The calls that lead from the main graph to a function."""

PLACE = "a place is a label, a stage, a block or an operator"


class Range(Record):
    """`4a..4e`, or one place when both ends are the same; parts are the words between dots."""

    first: tuple[str, ...]
    last: tuple[str, ...]


class Places:
    """Some places of a module; everywhere when the text is empty.

    Arguments:
        text: as the user writes it.
    """

    def __init__(self, module: Module, text: str) -> None:
        self.module = module
        self.text = text
        self.everywhere = not text.strip()
        self.ranges = [_read(part.strip()) for part in text.split(",") if part.strip()]
        self.functions = module.by_name
        self.given = _given(module.functions)
        self._by_name: dict[str, dict[str, Node]] = {}
        self._between: dict[tuple[str, Range], frozenset[str]] = {}

    def on(self, module: Module) -> Places:
        """The same places of another state of the module."""
        return self if self.everywhere or module is self.module else Places(module, self.text)

    def contains(self, path: Path, node: str) -> bool:
        """Whether an operator of the function at a path is meant."""
        return self.everywhere or any(self._meets(r, path, node) for r in self.ranges)

    def _meets(self, wanted: Range, path: Path, node: str) -> bool:
        graph, parts = self.module.main, wanted.first[:-1]
        for name in (*path, node):
            step = self._nodes(graph)[name]
            while parts and _is_named(step, parts[0], self.given):
                parts = parts[1:]
            if not parts and name in self._named(graph, wanted):
                return True
            if isinstance(step.op, Call):
                graph = self.functions[step.op.function]
        return False

    def _nodes(self, graph: Graph) -> dict[str, Node]:
        """The operators of a function by name, looked up once."""
        if graph.name not in self._by_name:
            self._by_name[graph.name] = {node.name: node for node in graph.nodes}
        return self._by_name[graph.name]

    def _named(self, graph: Graph, wanted: Range) -> frozenset[str]:
        """The operators of a function that are named so, or stand between two that are."""
        key = graph.name, wanted
        if key not in self._between:
            nodes = _between(graph, wanted, self._given_for(graph, wanted))
            self._between[key] = frozenset(node.name for node in nodes)
        return self._between[key]

    def _given_for(self, graph: Graph, wanted: Range) -> frozenset[str]:
        """The labels that win over names: behind a dot, those of the function alone."""
        return self.given if len(wanted.first) == 1 else _given((graph,))

    def check(self, start: Module, span: Span | None = None) -> None:
        """Raise CnnError for a place that is neither here nor where the derivation began."""
        graphs = (*self.module.functions, *start.functions) if self.ranges else ()
        known = dict.fromkeys(n for graph in graphs for node in graph.nodes for n in names_of(node))
        for wanted in self.ranges:
            for part in (*wanted.first, *wanted.last):
                if not any(fnmatchcase(name, part) for name in known):
                    self._unknown(part, known, span)
            self._check_order(wanted, graphs, span)

    def _unknown(self, part: str, known: Iterable[str], span: Span | None) -> NoReturn:
        near, where = did_you_mean(part, known), _part(span, part)
        help: Sequence[Help | str] = suggest(part, known, where) if where is not None else ()
        message = f"there is no place `{part}` in `{self.module.name}`"
        fail("E1003", message, where, help=help or (f"did you mean `{near}`?" if near else PLACE,))

    def _check_order(self, wanted: Range, graphs: tuple[Graph, ...], span: Span | None) -> None:
        """The ends of a range stand in one function, the first one first."""
        first, last = wanted.first[-1], wanted.last[-1]
        found = (_ends(graph, wanted, self._given_for(graph, wanted)) for graph in graphs)
        ends = [pair for pair in found if pair is not None]
        if first == last or any(start <= stop for start, stop in ends):
            return
        text = f"{first}..{last}"
        if ends:
            fail("E1003", f"`{last}` stands before `{first}`", _part(span, text),
                 help=[f"write `{last}..{first}`"])  # fmt: skip
        fail("E1003", f"`{first}` and `{last}` are not side by side", _part(span, text),
             help=["both ends of a range stand in one block; commas separate places"])  # fmt: skip


def _read(text: str) -> Range:
    first, dots, last = text.partition("..")
    start = tuple(first.strip().split("."))
    if not dots:
        return Range(start, start)
    return Range(start, (*start[:-1], *last.strip().split(".")))


def names_of(node: Node) -> tuple[str, ...]:
    """What a user may call an operator: its stages, its label, its name, its block."""
    block = (node.op.function,) if isinstance(node.op, Call) else ()
    label = (node.label,) if node.label else ()
    return (*node.region, *label, node.name, *block)


def _given(graphs: Iterable[Graph]) -> frozenset[str]:
    """The labels and stages of functions."""
    nodes = [node for graph in graphs for node in graph.nodes]
    labels = {node.label for node in nodes if node.label is not None}
    return frozenset(labels.union(*(node.region for node in nodes)))


def _between(graph: Graph, wanted: Range, given: frozenset[str]) -> tuple[Node, ...]:
    """The operators that are named so, or that stand between two that are."""
    if wanted.first == wanted.last:
        return tuple(node for node in graph.nodes if _is_named(node, wanted.last[-1], given))
    ends = _ends(graph, wanted, given)
    return graph.nodes[ends[0] : ends[1] + 1] if ends is not None else ()


def _ends(graph: Graph, wanted: Range, given: frozenset[str]) -> tuple[int, int] | None:
    """Where a range begins and ends in a function, or None where it has not both ends."""
    first, last = wanted.first[-1], wanted.last[-1]
    starts = [number for number, node in enumerate(graph.nodes) if _is_named(node, first, given)]
    stops = [number for number, node in enumerate(graph.nodes) if _is_named(node, last, given)]
    return (starts[0], stops[-1]) if starts and stops else None


def _part(span: Span | None, text: str) -> Span | None:
    """Where a place is named in the text that asks for it."""
    if span is None or (at := span.text.rfind(text)) < 0:
        return span
    return Span(span.source, span.start + at, span.start + at + len(text))


def _is_named(node: Node, pattern: str, given: frozenset[str]) -> bool:
    """Whether an operator is meant: by its label or stage, if the word is one of those."""
    if pattern in given:
        return pattern == node.label or pattern in node.region
    return any(fnmatchcase(name, pattern) for name in names_of(node))


def occurrences(module: Module) -> dict[str, list[Path]]:
    """The paths at which each function stands."""
    found: dict[str, list[Path]] = {graph.name: [] for graph in module.functions}
    functions = module.by_name
    stack: list[tuple[str, Path]] = [(module.main.name, ())]
    count = 0
    while stack:
        name, path = stack.pop()
        found[name].append(path)
        count += 1
        if count > PLACES.value:
            message = f"`{module.name}` has more than {PLACES.value:,} places of blocks"
            fail(PLACES.code, message, help=[PLACES.help])
        calls = [node for node in functions[name].nodes if isinstance(node.op, Call)]
        stack += [(node.op.function, (*path, node.name)) for node in reversed(calls)]  # type: ignore[union-attr]
    return found


def calls(graph: Graph) -> Iterator[tuple[Node, str]]:
    """The calls of a function, and the function that each calls."""
    for node in graph.nodes:
        if isinstance(node.op, Call):
            yield node, node.op.function
