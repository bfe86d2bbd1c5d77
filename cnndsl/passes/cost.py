"""Costs: exact integers (or symbols) by fact, for every node, every function and the module.

The ledger of a function is the sum of the ledgers of its nodes, and a call site
counts as the ledger of the function that it calls. So each function is visited
once, however often it is called:

    ledger(f)    = Σ over nodes n of f: ledger(n)
    ledger(call) = ledger(callee)

A node that uses the weights of another (`node.weights`) does all the work and has
no weights of its own. What a "FLOP" is differs from tool to tool, and each
definition is a dot product of a ledger with a table of coefficients.

    >>> count({"mac": 100, "bias": 5}, "flops+bias")
    205
"""

from __future__ import annotations

from ..graph import Call, Graph, Module, inference_graph
from ..op import Ledger
from ..record import Record
from ..symbol import Size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..graph import Node
    from ..types import TensorType

WEIGHT = "weight."
PARAMETERS = ("kernel", "bias", "scale", "shift")
STATISTICS = ("mean", "variance")

CONVENTIONS: dict[str, dict[str, int]] = {
    "macs": {"mac": 1},
    "flops": {"mac": 2},
    "macs+bias": {"mac": 1, "bias": 1},
    "flops+bias": {"mac": 2, "bias": 1},
    "macs+pool": {"mac": 1, "pool.max.in": 1, "pool.avg.in": 1, "pool.global.in": 1},
    "no-padding": {"mac.real": 2},
    "all-ops": {
        "mac": 2,
        "bias": 1,
        "norm.*": 2,
        "act.*": 1,
        "pool.max.window": 1,
        "pool.avg.window": 1,
        "pool.global.in": 1,
        "add": 1,
        "sub": 1,
        "mul": 1,
        "resize": 1,
    },
    "torch": {"mac": 2},
    "fvcore": {"mac": 1, "norm.batch": 2, "norm.layer": 5, "norm.group": 5, "pool.global.in": 1},
    "ptflops-aten": {"mac": 1, "bias": 1},
    "thop": {
        "mac": 1,
        "norm.batch": 4,
        "norm.layer": 4,
        "pool.avg.out": 1,
        "pool.global.in": 1,
        "pool.global.out": 1,
    },
    "onnx-tool": {
        "mac": 1,
        "bias": 1,
        "norm.batch": 31,
        "act.relu": 1,
        "act.relu6": 2,
        "act.hsigmoid": 4,
        "act.hswish": 5,
        "act.sigmoid": 32,
        "act.silu": 33,
        "pool.max.window": 1,
        "pool.avg.window": 1,
        "pool.global.in": 1,
        "pool.global.out": 4,
        "add": 1,
        "sub": 1,
        "mul": 1,
    },
}
"""Price of one unit of each fact; a fact that is not listed costs nothing.

    macs, flops    a multiply-accumulate counts 1, or 2 as two operations
    …+bias         and an addition of a bias 1
    macs+pool      and an element read by a pool 1
    no-padding     FLOPs of convolutions and `fc` without products with padding, as XLA counts
    all-ops        every arithmetic operation: 2 for a normalised element, 1 for an activation,
                   1 for each element that a pool or a merge reads or writes
    torch, fvcore, ptflops-aten, thop, onnx-tool
                   what these tools print, as if every layer were a `torch.nn` module

A key that ends in `.*` stands for all facts with that prefix.
"""


class Cost(Record):
    """The costs of a module.

    Arguments:
        total: one run of the main graph, and its weights.
        functions: one call of each function, by name; the last one is the main graph.
        ledgers: each node's facts, by function and node.
        copies: how often each function is called in one run of the main graph, through
            all levels.
    """

    total: Ledger
    functions: dict[str, Ledger]
    ledgers: dict[str, dict[str, Ledger]]
    copies: dict[str, int]

    def nodes(self, graph: Graph) -> dict[str, Ledger]:
        """The facts of every node of one function by the node's name."""
        return self.ledgers[graph.name]

    @property
    def params(self) -> Size:
        """Trainable parameters: kernels, biases, scales and shifts."""
        return parameters(self.total)

    @property
    def statistics(self) -> Size:
        """Elements of running means and variances, which are no parameters."""
        return statistics(self.total)

    @property
    def macs(self) -> Size:
        """Multiply-accumulates."""
        return count(self.total, "macs")

    @property
    def flops(self) -> Size:
        """Two operations for each multiply-accumulate."""
        return count(self.total, "flops")

    @property
    def activations(self) -> Size:
        """Elements that operators write; what a call returns is counted inside it."""
        return self.total.get("out", 0)


def cost(module: Module, training: bool = False) -> Cost:
    """The costs of a module; training counts the outputs that exist only then."""
    main = module.main if training else inference_graph(module.main)
    graphs = (*module.functions[:-1], main)
    functions: dict[str, Ledger] = {}
    ledgers: dict[str, dict[str, Ledger]] = {}
    for graph in graphs:
        ledgers[graph.name] = nodes = _node_ledgers(graph, functions)
        functions[graph.name] = add_ledgers(nodes.values())
    return Cost(functions[main.name], functions, ledgers, copies(graphs))


def copies(functions: Iterable[Graph]) -> dict[str, int]:
    """How often one run of the last function runs each of them, itself once."""
    graphs = tuple(functions)
    result = {graph.name: 0 for graph in graphs}
    result[graphs[-1].name] = 1
    for graph in reversed(graphs):
        for node in graph.nodes:
            if isinstance(node.op, Call):
                result[node.op.function] += result[graph.name]
    return result


def add_ledgers(ledgers: Iterable[Ledger]) -> Ledger:
    """The sum, fact by fact."""
    total: Ledger = {}
    for ledger in ledgers:
        for fact, amount in ledger.items():
            total[fact] = total.get(fact, 0) + amount
    return total


def without_weights(ledger: Ledger) -> Ledger:
    """The work alone, for a node that uses the weights of another."""
    return {fact: amount for fact, amount in ledger.items() if not fact.startswith(WEIGHT)}


def parameters(ledger: Ledger) -> Size:
    """The trainable weights in a ledger."""
    return _sum(ledger, PARAMETERS)


def statistics(ledger: Ledger) -> Size:
    """The running statistics in a ledger."""
    return _sum(ledger, STATISTICS)


def count(ledger: Ledger, convention: str | Mapping[str, int]) -> Size:
    """The sum of amount times price; the convention is a name or a table of one's own."""
    prices = CONVENTIONS[convention] if isinstance(convention, str) else convention
    total: Size = 0
    for fact, amount in ledger.items():
        total = total + amount * _price(fact, prices)
    return total


def _price(fact: str, prices: Mapping[str, int]) -> int:
    """The fact's own price, else that of its longest prefix with `.*`, else nothing."""
    if fact in prices:
        return prices[fact]
    prefix = fact
    while "." in prefix:
        prefix = prefix.rpartition(".")[0]
        if f"{prefix}.*" in prices:
            return prices[f"{prefix}.*"]
    return 0


def _sum(ledger: Ledger, roles: Iterable[str]) -> Size:
    return count(ledger, {WEIGHT + role: 1 for role in roles})


def _node_ledgers(graph: Graph, functions: Mapping[str, Ledger]) -> dict[str, Ledger]:
    """Each node's facts. Weights count at the first node that uses them."""
    types = graph.types
    result: dict[str, Ledger] = {}
    owners: dict[str, str] = {}
    counted: set[str] = set()
    for node in graph.nodes:
        ledger = _ledger(node, types, functions)
        source = node.weights or node.name
        owners[node.name] = owner = owners.get(source, source)
        result[node.name] = without_weights(ledger) if owner in counted else ledger
        counted.add(owner)
    return result


def _ledger(node: Node, types: Mapping[str, TensorType], functions: Mapping[str, Ledger]) -> Ledger:
    if isinstance(node.op, Call):
        return functions[node.op.function]
    return node.op.ledger(*(types[name] for name in node.inputs))
