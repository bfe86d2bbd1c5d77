"""Where a rule is to be applied: `4a..4e`, `inception*`, `conv2_x.bottleneck1`.

A place names a label, a stage, a block or an operator; whatever is inside it is
meant too. Dots lead inwards, `*` stands for any letters, two dots for a range of
neighbours, and commas separate places.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from ..diagnostics import did_you_mean, fail
from ..graph import Call, Graph, Module, Node
from ..record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..source import Span

    Path = tuple[str, ...]
    """The calls that lead from the main graph to a function."""

MOST_PATHS = 100_000


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

    def on(self, module: Module) -> Places:
        """The same places of another state of the module."""
        return self if self.everywhere or module is self.module else Places(module, self.text)

    def contains(self, path: Path, node: str) -> bool:
        """Whether an operator of the function at a path is meant."""
        return self.everywhere or any(self._meets(r, path, node) for r in self.ranges)

    def _meets(self, wanted: Range, path: Path, node: str) -> bool:
        graph, parts = self.module.main, wanted.first[:-1]
        for name in (*path, node):
            step = next(n for n in graph.nodes if n.name == name)
            names = names_of(step)
            while parts and any(fnmatchcase(n, parts[0]) for n in names):
                parts = parts[1:]
            if not parts and _between(graph, step, wanted.first[-1], wanted.last[-1]):
                return True
            if isinstance(step.op, Call):
                graph = self.module.by_name[step.op.function]
        return False

    def check(self, start: Module, span: Span | None = None) -> None:
        """Raise CnnError for a place that is neither here nor where the derivation began."""
        known: dict[str, None] = {}
        for graph in (*self.module.functions, *start.functions) if self.ranges else ():
            for node in graph.nodes:
                known.update(dict.fromkeys(names_of(node)))
        for wanted in self.ranges:
            for part in (*wanted.first, *wanted.last):
                if not any(fnmatchcase(name, part) for name in known):
                    near = did_you_mean(part, known)
                    fail(
                        "E1003",
                        f"there is no place `{part}` in `{self.module.name}`",
                        span,
                        help=[
                            f"did you mean `{near}`?"
                            if near
                            else "a place is a label, a stage, a block or an operator"
                        ],
                    )


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


def _between(graph: Graph, node: Node, first: str, last: str) -> bool:
    """Whether a node is named so, or stands between two that are."""
    if first == last:
        return any(fnmatchcase(name, first) for name in names_of(node))
    order = {n.name: i for i, n in enumerate(graph.nodes)}
    starts = [order[n.name] for n in graph.nodes if _is_named(n, first)]
    ends = [order[n.name] for n in graph.nodes if _is_named(n, last)]
    return bool(starts and ends) and starts[0] <= order[node.name] <= ends[-1]


def _is_named(node: Node, pattern: str) -> bool:
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
        if count > MOST_PATHS:
            fail("E0601", f"`{module.name}` has more than {MOST_PATHS:,} places of blocks")
        calls = [node for node in functions[name].nodes if isinstance(node.op, Call)]
        stack += [(node.op.function, (*path, node.name)) for node in reversed(calls)]  # type: ignore[union-attr]
    return found


def calls(graph: Graph) -> Iterator[tuple[Node, str]]:
    """The calls of a function, and the function that each calls."""
    for node in graph.nodes:
        if isinstance(node.op, Call):
            yield node, node.op.function
