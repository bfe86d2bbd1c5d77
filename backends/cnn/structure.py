"""The branches of a function, found in its wiring.

Nodes stand in a row as they did in their statement. Where a merge joins chains that stand
one behind the other just before it, and that nobody else reads, the chains are its branches:

    c1 = conv(x); c2 = conv(x); c3 = conv(c2); y = concat(c1, c3)
    concat { | c1 | c2; c3 }

The order of the nodes stays what it is, so what comes apart in it is not a branch but is
read by its label. That can say every graph.
"""

from __future__ import annotations

from cnndsl.diagnostics import fail
from cnndsl.graph import Call, Graph, Node
from cnndsl.ops.merge import Mul
from cnndsl.record import Record, replace

from .labels import legal, unique
from .settings import both

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from cnndsl.graph import Output
    from cnndsl.types import TensorType

    from .settings import Ways

    Flow = tuple[str, ...]

DEEPEST = 4
"""Branches within branches; what is deeper is read by its label."""


class Line(Record):
    """A statement without branches.

    Arguments:
        nodes: an operator with its post-operators, or one call.
        shares: the first node of the statement that it applies again, or None.
    """

    nodes: tuple[Node, ...]
    shares: Node | None = None

    @property
    def gives(self) -> Flow:
        return tuple(value.name for value in self.nodes[-1].outputs)

    @property
    def region(self) -> tuple[str, ...]:
        return self.nodes[0].region

    @property
    def starts(self) -> tuple[Flow, ...]:
        return (self.nodes[0].inputs,)

    @property
    def names(self) -> frozenset[str]:
        return frozenset(node.name for node in self.nodes)


class Branch(Record):
    """A branch of a merge: nothing but a value, or the statements that make it."""

    value: str
    items: tuple[Step, ...] = ()

    @property
    def starts(self) -> tuple[Flow, ...]:
        return self.items[0].starts if self.items else ((self.value,),)


class Join(Record):
    """A merge with its branches."""

    node: Node
    branches: tuple[Branch, ...]

    @property
    def nodes(self) -> tuple[Node, ...]:
        return (self.node,)

    @property
    def gives(self) -> Flow:
        return (self.node.outputs[0].name,)

    @property
    def region(self) -> tuple[str, ...]:
        return self.node.region

    @property
    def word(self) -> str:
        """`concat`, `add`, `sub` or `mul`."""
        assert not isinstance(self.node.op, Call)
        return self.node.op.word

    @property
    def is_named(self) -> bool:
        """Whether it joins values that are there already."""
        return not any(branch.items for branch in self.branches)

    @property
    def starts(self) -> tuple[Flow, ...]:
        """For each branch that cares, the flow that it needs; all values, if it joins them."""
        own = tuple(start for branch in self.branches for start in branch.starts)
        return (*own, self.node.inputs) if self.is_named else own

    @property
    def names(self) -> frozenset[str]:
        inner = (item.names for branch in self.branches for item in branch.items)
        return frozenset((self.node.name,)).union(*inner)

    @property
    def depth(self) -> int:
        inner = (i.depth for b in self.branches for i in b.items if isinstance(i, Join))
        return 1 + max(inner, default=0)


Step = Line | Join


class Stage(Record):
    """A named part of a function."""

    name: str
    items: tuple[Item, ...]

    @property
    def gives(self) -> Flow:
        return self.items[-1].gives

    @property
    def starts(self) -> tuple[Flow, ...]:
        return self.items[0].starts


class Ending(Record):
    """The declaration of an output, which leaves the flow as it is."""

    output: Output
    region: tuple[str, ...] = ()

    @property
    def gives(self) -> Flow:
        return (self.output.value,)

    @property
    def starts(self) -> tuple[Flow, ...]:
        return ((self.output.value,),)

    @property
    def names(self) -> frozenset[str]:
        return frozenset()


Item = Step | Stage | Ending
"""What comes one behind the other. `gives` is the flow behind it, `starts` are the flows
that it can begin with."""


def structure(graph: Graph, ways: Mapping[str, Ways]) -> list[Step]:
    """The statements of a function in the order of its nodes."""
    readers = _readers(graph)
    types = graph.types
    named = frozenset(node.weights for node in graph.nodes if node.weights is not None)
    makers = graph.producers
    labelled = ((label, makers[value]) for label, value in graph.labels if value in makers)
    named |= frozenset(maker.name for label, maker in labelled if maker.label == label)
    items: list[Step] = []
    for nodes, shares in _rows(graph, readers, ways):
        node = nodes[0]
        if _is_merge(node):
            items = _joined(items, node, readers, named, types)
        else:
            items.append(Line(tuple(nodes), shares))
    return items


def staged(items: Sequence[Step | Ending], depth: int = 0) -> list[Item]:
    """The items with those of each stage as one."""
    result: list[Item] = []
    at = 0
    while at < len(items):
        region = items[at].region[: depth + 1]
        end = at + 1
        if len(region) <= depth:
            result.append(items[at])
        else:
            while end < len(items) and items[end].region[: depth + 1] == region:
                end += 1
            result.append(Stage(region[depth], tuple(staged(items[at:end], depth + 1))))
        at = end
    return result


def tidy(graph: Graph) -> Graph:
    """The graph as text can say it.

    Stages and outputs have legal names, a stage is one run of nodes, and only what has weights
    shares them.
    """
    types = graph.types
    used: set[str] = set()
    path: list[tuple[str, str]] = []  # the stages that the last node is in, and their names
    nodes: list[Node] = []
    for node in graph.nodes:
        depth = 0
        while depth < min(len(path), len(node.region)) and path[depth][0] == node.region[depth]:
            depth += 1
        del path[depth:]
        for stage in node.region[depth:]:
            title = legal(stage)
            path.append((stage, "" if title in used else title))
            used.add(title)
        inputs = [types[value] for value in node.inputs]
        bare = not isinstance(node.op, Call) and not node.op.weights(*inputs)
        region = tuple(title for _, title in path if title)
        nodes.append(replace(node, region=region, weights=None if bare else node.weights))
    titles: list[str] = []
    for output in graph.outputs:
        titles.append(unique(legal(output.name), titles))
    pairs = zip(graph.outputs, titles, strict=True)
    outputs = tuple(replace(output, name=title) for output, title in pairs)
    return replace(graph, nodes=tuple(nodes), outputs=outputs)


def made(items: Iterable[Item]) -> Iterator[Step]:
    """What makes values, in branches and stages too."""
    for item in items:
        if isinstance(item, Stage):
            yield from made(item.items)
        elif isinstance(item, Join):
            for branch in item.branches:
                yield from made(branch.items)
            yield item
        elif isinstance(item, Line):
            yield item


def _readers(graph: Graph) -> dict[str, set[str]]:
    """The nodes that read each value; an output is a reader that is no node."""
    readers: dict[str, set[str]] = {}
    for node in graph.nodes:
        for value in node.inputs:
            readers.setdefault(value, set()).add(node.name)
    for output in graph.outputs:
        readers.setdefault(output.value, set()).add(f"output:{output.name}")
    return readers


def _is_merge(node: Node) -> bool:
    return not isinstance(node.op, Call) and node.op.family == "merge"


# -------------------------------------------------------------------------- rows


def _rows(
    graph: Graph, readers: Mapping[str, set[str]], ways: Mapping[str, Ways]
) -> Iterator[tuple[list[Node], Node | None]]:
    """The nodes of each statement, and the node whose statement it shares.

    A statement is shared whole. Where two have borrowed weights and differ in their
    post-operators, these are statements of their own.
    """
    alone: set[str] = set()
    while True:
        rows = _chains(graph, readers, alone)
        row_of = {node.name: row for row in rows for node in row}
        apart: set[str] = set()
        for row in rows:
            origin = row_of.get(row[0].weights or "")
            borrowed = [node for node in row if node.weights is not None]
            if borrowed and (origin is None or not _repeats(row, origin, ways)):
                apart.update(node.name for node in borrowed)
                apart.update(str(node.weights) for node in borrowed)
        if apart <= alone:
            break
        alone |= apart
    for row in rows:
        origin = row_of.get(row[0].weights or "")
        if row[0].name in apart:
            _refuse(row[0])
        yield row, origin[0] if origin is not None else None


def _chains(
    graph: Graph, readers: Mapping[str, set[str]], alone: Iterable[str]
) -> list[list[Node]]:
    rows: list[list[Node]] = []
    for node in graph.nodes:
        if rows and node.name not in alone and _continues(rows[-1], node, readers, alone):
            rows[-1].append(node)
        else:
            rows.append([node])
    return rows


def _continues(
    row: Sequence[Node], node: Node, readers: Mapping[str, set[str]], alone: Iterable[str]
) -> bool:
    """Whether a node is a post-operator of the row before it."""
    first, before = row[0], row[-1]
    if isinstance(first.op, Call) or _is_merge(first) or _is_merge(node) or first.name in alone:
        return False
    if (node.row, node.region) != (first.row, first.region) or len(node.outputs) != 1:
        return False
    if node.inputs != tuple(value.name for value in before.outputs):
        return False
    if readers[node.inputs[0]] != {node.name}:
        return False
    return not (_weighted(node) and any(_weighted(earlier) for earlier in row))


def _weighted(node: Node) -> bool:
    return not isinstance(node.op, Call) and node.op.weighted


def _repeats(row: Sequence[Node], origin: Sequence[Node], ways: Mapping[str, Ways]) -> bool:
    """Whether `share` of the statement `origin` gives this row."""
    return len(row) == len(origin) and all(
        node.weights in (None, first.name) and first.weights is None
        and _alike(node, first, ways)
        for node, first in zip(row, origin, strict=True)
    )  # fmt: skip


def _alike(node: Node, first: Node, ways: Mapping[str, Ways]) -> bool:
    if isinstance(node.op, Call) or isinstance(first.op, Call):
        return isinstance(node.op, Call) and isinstance(first.op, Call)
    if type(node.op) is not type(first.op):
        return False
    fixed = [field for field in node.op.fields if field not in node.op.defaults]
    if any(getattr(node.op, field) != getattr(first.op, field) for field in fixed):
        return False
    return all(both(ways[first.name], ways[node.name]).values())


def _refuse(node: Node) -> None:
    fail(
        "E0801",
        f"`{node.name}` cannot be written as `share {node.weights}`",
        node.span,
        notes=("the two have the same weights and are no equal layers",),
    )


# -------------------------------------------------------------------------- joins


def _joined(
    items: list[Step],
    node: Node,
    readers: Mapping[str, set[str]],
    named: frozenset[str],
    types: Mapping[str, TensorType],
) -> list[Step]:
    """The items with a merge and its branches as the last one.

    Arguments:
        named: nodes with a label, at which no branch ends: they were joined by it.
    """
    end = len(items)
    branches: list[tuple[Step, ...]] = []
    for value in reversed(node.inputs):
        is_named = end > 0 and any(maker.name in named for maker in items[end - 1].nodes)
        start = end if is_named else _start(items, end, value, node, readers)
        branches.insert(0, tuple(items[start:end]))
        end = start
    first = next((i for i, branch in enumerate(branches) if branch), 0)
    length = _main_path(branches, first, node, types)
    end += length
    branches[first] = branches[first][length:]
    join = Join(node, tuple(Branch(v, b) for v, b in zip(node.inputs, branches, strict=True)))
    if join.depth > DEEPEST:
        return [*items, Join(node, tuple(Branch(value) for value in node.inputs))]
    return [*items[:end], join]


def _start(
    items: Sequence[Step], end: int, value: str, node: Node, readers: Mapping[str, set[str]]
) -> int:
    """Where the chain begins that ends before `end` and gives a value to a merge alone."""
    at = end
    wanted: tuple[Flow, ...] = ((value,),)
    inside = frozenset((node.name,)) if node.inputs.count(value) == 1 else frozenset[str]()
    while at > 0:
        item = items[at - 1]
        if item.gives not in wanted or item.region != node.region:
            break
        if any(not readers[given] <= inside for given in item.gives):
            break
        at -= 1
        wanted, inside = item.starts, item.names
    return at


def _main_path(
    branches: Sequence[Sequence[Step]], first: int, node: Node, types: Mapping[str, TensorType]
) -> int:
    """How much of the first branch reads better as the flow before the merge.

    What others skip over is read by its label then. It is the sum so far in `a + b + c`, or a
    branch that leaves the size of the map that another one passes on and comes back to it, as
    the arms of a U do.
    """
    branch = branches[first]
    if not branch:
        return 0
    others = [pair for i, pair in enumerate(zip(node.inputs, branches, strict=True)) if i != first]
    starts = {start for value, other in others for start in Branch(value, tuple(other)).starts}
    sums = [i for i, item in enumerate(branch, 1) if item.nodes[-1].op == node.op]
    if sums and (len(branch) == 1 or starts.isdisjoint(branch[0].starts)):
        return sums[-1] if any(other for _, other in others) else len(branch)
    for value, other in others:
        if not other and (value,) in branch[0].starts:
            sizes = [types[given].shape[:-1] for item in branch for given in item.gives]
            ends = types[value].shape[:-1], sizes[-1]
            comes_back = not isinstance(node.op, Mul) or ends[0] == ends[1]
            if comes_back and any(size not in ends for size in sizes):
                return len(branch)
    return 0
