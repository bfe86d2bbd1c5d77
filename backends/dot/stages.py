"""The coarsest view: a box for each stage, and for each map size outside of stages."""

from __future__ import annotations

from cnndsl.graph import Graph, Node
from cnndsl.notation import shape
from cnndsl.passes.outline import Item, Repeat, Row, label_text, nodes_of, row_text
from cnndsl.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from cnndsl.types import TensorType

MOST_LINES = 6


class Group(Record):
    """Neighbouring rows of the main flow.

    Arguments:
        title: the stage, or the size of its maps.
        items: the rows, folded.
        training: they exist in training only.
    """

    title: str
    items: tuple[Item, ...]
    training: bool = False

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Every node of every copy."""
        return tuple(nodes_of(self.items))

    def lines(self, functions: Mapping[str, Graph]) -> list[str]:
        """What is in it, in a few lines."""
        lines = list(_lines(self.items, functions))
        if len(lines) <= MOST_LINES:
            return lines
        kept = lines[: MOST_LINES - 1]
        return [*kept, f"… {len(lines) - len(kept)} more rows"]


def groups(main: Graph, items: Sequence[Item], training: frozenset[str]) -> list[Group]:
    """The main flow in groups; what only training needs comes last, in groups of its own."""
    aside = [item for item in items if all(node.name in training for node in nodes_of([item]))]
    flow = [item for item in items if item not in aside]
    types = main.types
    found: list[Group] = []
    for part, is_training in ((flow, False), (aside, True)):
        start, key = 0, ""
        for at, item in enumerate([*part, None]):
            new = "" if item is None else _key(item, types)
            joined = not is_training or item is None or _reads(item, part[at - 1])
            if at and (new != key or not joined):
                found.append(Group(key, tuple(part[start:at]), is_training))
                start = at
            key = new
    return found


def _reads(item: Item, before: Item) -> bool:
    """Whether an item goes on where another one ended."""
    made = {value.name for node in nodes_of([before]) for value in node.outputs}
    return any(name in made for node in nodes_of([item]) for name in node.inputs)


def _key(item: Item, types: Mapping[str, TensorType]) -> str:
    """The stage of an item, or else the size of the map that it gives."""
    if item.region:
        return item.region[0]
    node = list(nodes_of([item]))[-1]
    type = node.outputs[-1].type
    if not type.is_map:
        return "head"
    return shape(type).rpartition("×")[0]


def _lines(items: Iterable[Item], functions: Mapping[str, Graph]) -> Iterator[str]:
    run: list[Row] = []
    for item in items:
        if isinstance(item, Row) and run and _same_definition(run[-1], item, functions):
            run.append(item)
            continue
        yield from _run(run, functions)
        run = [item] if isinstance(item, Row) else []
        if isinstance(item, Repeat):
            inner = " → ".join(_lines(item.items, functions))
            yield f"({inner}) × {item.count}"
    yield from _run(run, functions)


def _same_definition(a: Row, b: Row, functions: Mapping[str, Graph]) -> bool:
    if a.function is None or b.function is None or not (a.labels and b.labels):
        return False
    return functions[a.function].definition == functions[b.function].definition


def _run(run: Sequence[Row], functions: Mapping[str, Graph]) -> Iterator[str]:
    """Labelled calls of one definition share a line: `inception 4a … 4e`."""
    if len(run) > 1:
        labels = [label for row in run for label in row.labels]
        assert run[0].function is not None
        yield f"{functions[run[0].function].definition} {label_text(labels)}"
    else:
        for row in run:
            times = f" × {row.count}" if row.count > 1 else ""
            yield row_text(row, functions) + times
