"""Flattening: one graph without calls, for backends and algorithms that want just that.

A call is replaced by the nodes of the function that it calls. Their names become paths,
`conv3_x.unit_2.conv1`, their regions gain the name of the call, and weights that a call
shares with an earlier one are shared node by node. The work is linear in the result and
there is no recursion, however deep the calls are.
"""

from __future__ import annotations

from ..graph import Call, Graph, Module, Node, Value
from ..record import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Owners = dict[str, "str | Owners"]
    """Where the weights of each node are: a flat node, or for a call, those of its nodes."""
    Path = tuple[str, ...]
    """Names of nodes from the main flow through the calls down to an operator."""


def flatten(module: Module) -> Graph:
    """The main graph with all calls replaced by what they call."""
    return _Flattener(module).run()


def paths(module: Module) -> dict[str, Path]:
    """Where each node of the flat graph comes from, by its name there."""
    return unfold(module)[1]


def unfold(module: Module) -> tuple[Graph, dict[str, Path]]:
    """The flat graph, and where each of its nodes comes from."""
    flattener = _Flattener(module)
    return flattener.run(), flattener.paths


class _Frame:
    """A function while it is copied to one place.

    Arguments:
        graph: the function.
        path: the calls down to it.
        region: put before its regions.
        values: the flat value of each value known so far.
        shared: where its weights are, if they belong to an earlier call.
        call: the call that it replaces.
    """

    def __init__(
        self,
        graph: Graph,
        path: Path,
        region: tuple[str, ...],
        inputs: Sequence[str],
        shared: Owners | None = None,
        call: Node | None = None,
    ) -> None:
        self.graph = graph
        self.path = path
        self.prefix = "".join(f"{name}." for name in path)
        self.region = region
        self.values = {v.name: i for v, i in zip(graph.inputs, inputs, strict=True)}
        self.shared = shared
        self.call = call
        self.owners: Owners = {}
        self.rows: dict[int, int] = {}
        self.nodes: Iterator[Node] = iter(graph.nodes)

    def owner(self, node: Node) -> str | Owners | None:
        """Where the weights of a node are, if they are not its own."""
        if node.weights is not None:
            return self.owners.get(node.weights)
        return None if self.shared is None else self.shared.get(node.name)


class _Flattener:
    def __init__(self, module: Module) -> None:
        self.functions = module.by_name
        self.main = module.main
        self.nodes: list[Node] = []
        self.paths: dict[str, Path] = {}
        self.labels: list[tuple[str, str]] = []
        self.node_names: set[str] = set()
        self.value_names = {value.name for value in module.main.inputs}
        self.rows = 0

    def run(self) -> Graph:
        main = _Frame(self.main, (), (), [value.name for value in self.main.inputs])
        stack = [main]
        while stack:
            frame = stack[-1]
            node = next(frame.nodes, None)
            if node is None:
                self._leave(stack.pop(), stack)
            elif isinstance(node.op, Call):
                stack.append(self._enter(frame, node, self.functions[node.op.function]))
            else:
                self._copy(frame, node)
        return replace(
            self.main,
            nodes=tuple(self.nodes),
            outputs=tuple(replace(o, value=main.values[o.value]) for o in self.main.outputs),
            labels=tuple(self.labels),
        )

    def _enter(self, frame: _Frame, call: Node, callee: Graph) -> _Frame:
        """Begin to copy a function to the place of a call."""
        inputs = [frame.values[name] for name in call.inputs]
        region = (*frame.region, *call.region, call.name)
        owner = frame.owner(call)
        shared = owner if isinstance(owner, dict) else None
        inner = _Frame(callee, (*frame.path, call.name), region, inputs, shared, call)
        frame.owners[call.name] = inner.owners if shared is None else shared
        return inner

    def _leave(self, frame: _Frame, stack: Sequence[_Frame]) -> None:
        """The function's labels, and its results as those of the call."""
        for label, named in frame.graph.labels:
            self.labels.append((f"{frame.prefix}{label}", frame.values[named]))
        if frame.call is not None:
            for value, output in zip(frame.call.outputs, frame.graph.outputs, strict=True):
                stack[-1].values[value.name] = frame.values[output.value]

    def _copy(self, frame: _Frame, node: Node) -> None:
        name = _fresh(f"{frame.prefix}{node.name}", self.node_names)
        owner = frame.owner(node)
        frame.owners[node.name] = name if owner is None else owner
        copy = Node(
            name,
            node.op,
            tuple(frame.values[value] for value in node.inputs),
            tuple(self._result(frame, value) for value in node.outputs),
            self._row(frame, node.row),
            node.label,
            (*frame.region, *node.region),
            owner if isinstance(owner, str) else None,
            node.span,
        )
        self.nodes.append(copy)
        self.paths[name] = (*frame.path, node.name)

    def _result(self, frame: _Frame, value: Value) -> Value:
        name = _fresh(f"{frame.prefix}{value.name}", self.value_names)
        frame.values[value.name] = name
        return Value(name, value.type)

    def _row(self, frame: _Frame, row: int) -> int:
        """Rows are counted anew, in the order in which they come."""
        if row not in frame.rows:
            frame.rows[row] = self.rows
            self.rows += 1
        return frame.rows[row]


def _fresh(name: str, taken: set[str]) -> str:
    """The name, with a number behind it when it is taken."""
    result, number = name, 1
    while result in taken:
        number += 1
        result = f"{name}_{number}"
    taken.add(result)
    return result
