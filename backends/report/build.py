"""From a module to its report."""

from __future__ import annotations

from cnndsl.graph import Call, Graph, Module, Node, inference_graph
from cnndsl.op import Ledger, Op
from cnndsl.passes.cost import (
    Cost,
    add_ledgers,
    copies,
    cost,
    count,
    parameters,
    statistics,
    without_weights,
)
from cnndsl.passes.depth import depth
from cnndsl.passes.domain import domain
from cnndsl.passes.outline import (
    Item,
    Repeat,
    Row,
    call_text,
    fold,
    known_multiples,
    label_text,
    nodes_of,
    outline,
    row_text,
    rows,
)
from cnndsl.passes.receptive import Field, before_head, receptive_fields
from cnndsl.record import Record, replace
from cnndsl.types import TensorType

from .model import Amounts, Block, Coverage, Head, Line, Report
from .words import meaning

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class Where(Record):
    """The place of a line: the calls around it, their copies, and whether weights are lent."""

    path: tuple[str, ...] = ()
    copies: int = 1
    lent: bool = False


def build(module: Module, level: str, convention: str) -> Report:
    """The report of a module."""
    return _Builder(module, level, convention).report()


class _Builder:
    def __init__(self, module: Module, level: str, convention: str) -> None:
        self.module = module
        self.level = level
        self.convention = convention
        self.functions = module.by_name
        self.costs = cost(module)
        self.training = cost(module, training=True)
        self.main = inference_graph(module.main)
        self.total = self._amounts([self.costs.total])
        self.fields = receptive_fields(module)

    def report(self) -> Report:
        """The whole report."""
        module, costs = self.module, self.costs
        before = self.fields.get(before_head(module.main, self.fields))
        return Report(
            name=module.name,
            source=module.source,
            dialect=module.dialect,
            level=self.level,
            convention=self.convention,
            meaning=meaning(self.convention),
            inputs=tuple((value.name, value.type) for value in module.main.inputs),
            outputs=_outputs(self.main),
            lines=_in_stages(self._lines(self.main, outline(self.main), costs)),
            total=self.total,
            flops=costs.flops,
            activations=costs.activations,
            depth=depth(module),
            field=field_text(before),
            stride=_stride(before),
            blocks=tuple(self._blocks()),
            heads=tuple(self._heads()),
            coverage=self._coverage(),
            domain=domain(module).describe() if module.constraints else (),
            changes=module.history.changes,
            multiples=tuple(known_multiples(module).items()),
        )

    # ------------------------------------------------------------------- lines

    def _lines(
        self, graph: Graph, items: Sequence[Item], costs: Cost, where: Where | None = None
    ) -> list[tuple[tuple[str, ...], Line]]:
        """The lines of a function with their stages."""
        where = where or Where()
        return [(item.region, self._line(graph, item, costs, where)) for item in items]

    def _line(self, graph: Graph, item: Item, costs: Cost, where: Where) -> Line:
        ledgers = costs.nodes(graph)
        found = [ledgers[node.name] for node in nodes_of([item])]
        amounts = self._amounts(found, where.copies, where.lent)
        times = where.copies * item.count
        field = ""
        if not where.path and where.copies == 1:
            field = field_text(self.fields.get(_last(item).outputs[0].name))
        outputs = tuple(value.type for value in _last(item).outputs)
        share = self._share(amounts) if costs is self.costs else None
        if isinstance(item, Repeat):
            path = ".".join((*where.path, _first(item).name))
            inner = self._lines(graph, item.items, costs, replace(where, copies=times))
            lines = tuple(line for _, line in inner)
            return Line(
                "repeat", path, "", "", item.count, times, outputs, amounts, share, field, lines
            )
        return Line(
            "row" if item.function is None else "call",
            ".".join((*where.path, item.first.name)),
            label_text(item.labels),
            row_text(item, self.functions) + _borrowed(item),
            item.count,
            times,
            outputs,
            amounts,
            share,
            field,
            self._inside(graph, item, costs, where, times),
        )

    def _inside(
        self, graph: Graph, row: Row, costs: Cost, where: Where, times: int
    ) -> tuple[Line, ...]:
        """The lines of a called function, at the level that shows them."""
        if row.function is None or self.level != "layer":
            return ()
        callee = self.functions[row.function]
        lent = where.lent or _lends(costs.nodes(graph)[row.first.name], row.first)
        inner = Where((*where.path, row.first.name), times, lent)
        lines = self._lines(callee, outline(callee), costs, inner)
        return tuple(line for _, line in lines)

    def _amounts(self, ledgers: Iterable[Ledger], times: int = 1, lent: bool = False) -> Amounts:
        total = add_ledgers(ledgers)
        if lent:
            total = without_weights(total)
        return Amounts(
            parameters(total) * times,
            statistics(total) * times,
            count(total, "macs") * times,
            count(total, self.convention) * times,
        )

    def _share(self, amounts: Amounts) -> float | None:
        part, whole = amounts.amount, self.total.amount
        if not isinstance(part, int) or not isinstance(whole, int) or whole == 0:
            return None
        return round(part / whole, 6)

    # ------------------------------------------------------------------ blocks

    def _blocks(self) -> Iterable[Block]:
        """Each function that inference calls, in the order of their first calls."""
        graphs = (*self.module.functions[:-1], self.main)
        calls = copies(graphs)
        owners = self._owners(graphs)
        outer = {node.op.function for node in self.main.nodes if isinstance(node.op, Call)}
        for name in _first_calls(self.main, self.functions):
            graph = self.functions[name]
            ledger = self.costs.functions[name]
            work, weights = without_weights(ledger), _only_weights(ledger)
            total = self._amounts([work], calls[name]) + self._amounts([weights], owners[name])
            yield Block(
                name=name,
                definition=graph.definition,
                call=call_text(graph),
                inputs=tuple(value.type for value in graph.inputs),
                outputs=graph.output_types,
                calls=calls[name],
                owners=owners[name],
                each=self._amounts([ledger]),
                total=total,
                depth=depth(Module("", self._with_callees(graph))),
                inner=name not in outer,
            )

    def _with_callees(self, graph: Graph) -> tuple[Graph, ...]:
        names = {graph.name, *_first_calls(graph, self.functions)}
        return tuple(function for function in self.module.functions if function.name in names)

    def _owners(self, graphs: Sequence[Graph]) -> dict[str, int]:
        """How often each function is called with weights of its own."""
        result = {graph.name: 0 for graph in graphs}
        result[graphs[-1].name] = 1
        for graph in reversed(graphs):
            ledgers = self.costs.nodes(graph)
            for node in graph.nodes:
                if isinstance(node.op, Call) and not _lends(ledgers[node.name], node):
                    result[node.op.function] += result[graph.name]
        return result

    # ------------------------------------------------------------------- heads

    def _heads(self) -> Iterable[Head]:
        """For each training output, what neither inference nor a head before it has."""
        main = self.module.main
        known = {node.name for node in self.main.nodes}
        types = main.types
        for output in main.outputs:
            if not output.training:
                continue
            nodes = [n for n in _needed(main, output.value) if n.name not in known]
            known.update(node.name for node in nodes)
            items = fold(main, [row for row in rows(main) if row.first in nodes])
            lines = tuple(line for _, line in self._lines(main, items, self.training))
            ledgers = self.training.nodes(main)
            amounts = self._amounts(ledgers[node.name] for node in nodes)
            yield Head(output.name, types[output.value], output.weight, amounts, lines)

    # ---------------------------------------------------------------- coverage

    def _coverage(self) -> Coverage:
        """Every operator by whether it costs something in this convention."""
        graphs = (*self.module.functions[:-1], self.main)
        calls = copies(graphs)
        counted: dict[str, int] = {}
        free: dict[str, int] = {}
        shared = 0
        for graph in graphs:
            ledgers = self.costs.nodes(graph)
            for node in graph.nodes:
                shared += calls[graph.name] if node.weights else 0
                if isinstance(node.op, Op) and calls[graph.name]:
                    found = counted if count(ledgers[node.name], self.convention) != 0 else free
                    found[node.op.word] = found.get(node.op.word, 0) + calls[graph.name]
        operators = sum(counted.values()) + sum(free.values())
        return Coverage(operators, _sorted(counted), _sorted(free), shared)


def _in_stages(lines: Iterable[tuple[tuple[str, ...], Line]]) -> tuple[Line, ...]:
    """The lines, those of a stage below a line with their sum."""
    result: list[Line] = []
    region: tuple[str, ...] = ()
    for stage, line in lines:
        if not stage:
            result.append(line)
        elif stage[:1] == region[:1]:
            result[-1] = _joined(result[-1], line)
        else:
            result.append(_stage(stage[0], line))
        region = stage
    return tuple(result)


def _stage(name: str, line: Line) -> Line:
    share, field = line.share, line.field
    return Line("stage", name, name, "", 1, 1, line.outputs, line.amounts, share, field, (line,))


def _joined(stage: Line, line: Line) -> Line:
    share = None if stage.share is None or line.share is None else stage.share + line.share
    return replace(
        stage,
        outputs=line.outputs,
        amounts=stage.amounts + line.amounts,
        share=None if share is None else round(share, 6),
        field=line.field,
        lines=(*stage.lines, line),
    )


def field_text(field: Field | None) -> str:
    """`11×11`, `all` for the whole input, nothing for what depends on no input."""
    if field is None:
        return ""
    if field.whole:
        return "all"
    return "×".join("all" if r.whole else str(r.size) for r in (field.height, field.width))


def _stride(field: Field | None) -> str:
    if field is None or field.whole:
        return ""
    strides = [str(reach.stride) for reach in (field.height, field.width)]
    return strides[0] if strides[0] == strides[1] else "×".join(strides)


def _outputs(graph: Graph) -> tuple[tuple[str, TensorType], ...]:
    types = graph.types
    return tuple((output.name, types[output.value]) for output in graph.outputs)


def _first(item: Item) -> Node:
    return next(iter(nodes_of([item])))


def _last(item: Item) -> Node:
    return list(nodes_of([item]))[-1]


def _borrowed(row: Row) -> str:
    owners = dict.fromkeys(node.weights for node in row.nodes if node.weights)
    return f", weights of {', '.join(owners)}" if owners else ""


def _lends(ledger: Ledger, node: Node) -> bool:
    """Whether a node's weights are counted at another node that uses them too."""
    return node.weights is not None and not _only_weights(ledger)


def _only_weights(ledger: Ledger) -> Ledger:
    kept = without_weights(ledger)
    return {fact: amount for fact, amount in ledger.items() if fact not in kept}


def _first_calls(main: Graph, functions: Mapping[str, Graph]) -> list[str]:
    """The functions that are called from the main graph, each before those inside it."""
    found: dict[str, None] = {}

    def visit(graph: Graph) -> None:
        for node in graph.nodes:
            if isinstance(node.op, Call) and node.op.function not in found:
                found[node.op.function] = None
                visit(functions[node.op.function])

    visit(main)
    return list(found)


def _needed(graph: Graph, value: str) -> list[Node]:
    """The nodes that a value depends on, in order."""
    names = {value}
    kept: list[Node] = []
    for node in reversed(graph.nodes):
        if any(made.name in names for made in node.outputs):
            names.update(node.inputs)
            kept.append(node)
    return kept[::-1]


def _sorted(counts: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
