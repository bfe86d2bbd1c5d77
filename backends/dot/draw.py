"""From the IR to a scene: which boxes, which frames, which edges.

A level says how deep calls are opened. Equal copies in a row are one box, or one
frame, times N (`cnndsl.passes.outline` says when copies are equal).
"""

from __future__ import annotations

from cnndsl.graph import Call, Graph, Module, Node
from cnndsl.notation import shape
from cnndsl.op import Ledger, Op
from cnndsl.ops.conv import Conv
from cnndsl.ops.reshape import PadChannels
from cnndsl.passes.cost import Cost, add_ledgers, count, parameters, without_weights
from cnndsl.passes.outline import (
    Item,
    Repeat,
    Row,
    call_text,
    fold,
    known_multiples,
    label_text,
    nodes_of,
    only_row,
    outline,
    row_text,
    shown_values,
    training_only,
)
from cnndsl.record import Record, replace
from cnndsl.types import TensorType

from .plan import STRAIGHT, Axis, Link, Plan, Unit
from .scene import Box, Edge, Frame, Scene
from .stages import Group, groups

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    Facts = tuple[tuple[str, str], ...]
    Canvas = list[Box | Frame]

DEEPEST = 60
"""Frames in one another; Graphviz fails between 1,000 and 5,000."""


class View(Record):
    """What is shown.

    Arguments:
        depth: how many levels of calls are opened; None for the stages only.
        ops: every operator has a box of its own.
        opened, closed: patterns of definitions and labels whose calls are opened, or
            not, whatever the depth.
        shapes: `changes`, `all` or `none`.
    """

    depth: int | None = 0
    ops: bool = False
    opened: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    shapes: str = "changes"


class End(Record):
    """Where a value comes from: a box, and the type that flows."""

    box: str
    type: TensorType


class Drawn(Record):
    """A unit that has been drawn.

    Arguments:
        entries: the box that takes each value; one box for all when it is alone.
        box: its box, when it is but one box.
    """

    entries: tuple[str, ...]
    box: str | None = None

    def entry(self, argument: int) -> str:
        """The box that takes a value."""
        return self.entries[argument if len(self.entries) > 1 else 0]


class Where(Record):
    """The place in the module of what is being drawn.

    Arguments:
        path: names of the calls around it.
        times: product of the folds around it.
        lent: it uses the weights of another call and has none of its own.
        training: it exists in training only.
    """

    path: tuple[str, ...] = ()
    times: int = 1
    lent: bool = False
    training: bool = False


class Body(Record):
    """The function that is being drawn.

    Arguments:
        graph: the function.
        where: its place in the module.
        ends: where its values come from; drawing adds to it.
        canvas: what is in the innermost frame; drawing adds to it.
    """

    graph: Graph
    where: Where
    ends: dict[str, End]
    canvas: Canvas

    def give(self, row: Row, box: str) -> None:
        """Let a box give all values of a row."""
        made = (value for node in row.nodes for value in node.outputs)
        self.ends.update((value.name, End(box, value.type)) for value in made)


def draw(module: Module, view: View, costs: Cost) -> Scene:
    """The scene of a module. The costs are those of training, so that nothing is left out."""
    return _Drawer(module, view, costs).scene()


class _Drawer:
    """Collects boxes and edges. Numbers are given in the order of drawing."""

    def __init__(self, module: Module, view: View, costs: Cost) -> None:
        self.module = module
        self.functions = module.by_name
        self.view = view
        self.costs = costs
        self.training = training_only(module)
        self.edges: list[Edge] = []
        self.level: list[tuple[str, ...]] = []
        self.boxes = 0
        self.frames = 0
        self.multiples = known_multiples(module)
        self.made = dict(module.history.made)
        self.inside: dict[str, int] = {}
        self._layers: dict[str, tuple[int, bool, bool]] = {}

    def scene(self) -> Scene:
        """Inputs, the main flow, outputs."""
        main = self.module.main
        canvas: Canvas = []
        ends = {v.name: self._port(canvas, _input_name(v.name), v.type) for v in main.inputs}
        body = Body(main, Where(), ends, canvas)
        if self.view.depth is None:
            self._groups(body)
        else:
            self._items(body, self._outline(main), tuple(ends))
        for output in main.outputs:
            end = ends[output.value]
            port = self._port(canvas, output.name, end.type, output.training)
            label = "" if self.view.shapes == "none" else shape(end.type, self.multiples)
            self._edge(end, port.box, label=label, training=output.training)
        return Scene(tuple(canvas), tuple(self.edges), tuple(self.level))

    # ------------------------------------------------------------------- parts

    def _box(self, canvas: Canvas, kind: str, text: str, **more: Any) -> str:
        box = Box(f"n{self.boxes}", kind, text, **more)
        self.boxes += 1
        canvas.append(box)
        return box.id

    def _port(self, canvas: Canvas, name: str, type: TensorType, training: bool = False) -> End:
        data = (("path", name), ("shape", str(type)))
        return End(self._box(canvas, "port", name, training=training, data=data), type)

    def frame(self, kind: str, title: str, items: Iterable[Box | Frame], training: bool) -> Frame:
        """A frame with the next number."""
        self.frames += 1
        return Frame(f"cluster_{self.frames - 1}", kind, title, tuple(items), training)

    def title(self, canvas: Canvas, name: str) -> None:
        """The title of a stage."""
        self._box(canvas, "title", name)

    def _edge(self, end: End, target: str, **more: Any) -> None:
        self.edges.append(Edge(end.box, target, **more))

    # --------------------------------------------------------------- functions

    def _outline(self, graph: Graph) -> tuple[Item, ...]:
        if not self.view.ops:
            return outline(graph)
        return fold(graph, tuple(Row(((node,),)) for node in graph.nodes))

    def _items(self, body: Body, items: Sequence[Item], inputs: tuple[str, ...]) -> None:
        """Draw items of a function, in the frames of their stages, and their edges."""
        plan = Plan(inputs, tuple(self._unit(item, body.where) for item in items))
        shown = shown_values(items)
        drawn: list[Drawn] = []
        stages = _Stages(self, body.canvas, body.where.training)
        for item in items:
            here = replace(
                body, canvas=stages.canvas(item.region), where=self._where(item, body.where)
            )
            drawn.append(self._item(item, here))
            ends = body.ends
            ends.update((name, ends[own]) for name, own in shown.items() if own in ends)
        stages.close()
        self._wire(body, plan, drawn)

    def _where(self, item: Item, where: Where) -> Where:
        """The place of an item: in training only, or that of the items beside it."""
        aside = not where.path and all(node.name in self.training for node in nodes_of([item]))
        return replace(where, training=True) if aside else where

    def _wire(self, body: Body, plan: Plan, drawn: Sequence[Drawn]) -> None:
        """The edges of a plan, in its order."""
        shapes = _Shapes(self, body, plan)
        for step in plan.order:
            if isinstance(step, Axis):
                self._axis(plan, step, drawn, body.ends)
                continue
            unit = plan.unit(step.target)
            self._edge(
                body.ends[step.value],
                drawn[step.target - plan.inputs].entry(step.argument),
                label=shapes.label(step),
                side=step in plan.side,
                dashed=step in plan.dashed,
                inner=step in plan.inner,
                training=body.where.training or (unit is not None and unit.training),
                weight=plan.weight(step),
            )
        for numbers in plan.level:
            boxes = [drawn[number - plan.inputs].box for number in numbers]
            if all(boxes):
                self.level.append(tuple(box for box in boxes if box))

    def _axis(
        self, plan: Plan, axis: Axis, drawn: Sequence[Drawn], ends: Mapping[str, End]
    ) -> None:
        values = {link.value for link in plan.main_out(axis.source)}
        target = drawn[axis.target - plan.inputs]
        if len(values) == 1 and target.box is not None:
            self._edge(ends[values.pop()], target.box, weight=9, hidden=True)

    def _unit(self, item: Item, where: Where) -> Unit:
        """An item as the plan sees it."""
        nodes = list(nodes_of([item]))
        made = tuple(value.name for node in nodes for value in node.outputs)
        inside = set(made)
        first = item.nodes if isinstance(item, Row) else tuple(nodes_of(item.items))
        reads = tuple(name for node in first for name in node.inputs if name not in inside)
        layers = self._count_layers(nodes)
        op = first[0].op
        merge = op.word if isinstance(op, Op) and op.family == "merge" else ""
        training = self._where(item, where).training and not where.training
        return Unit(reads, made, merge, *layers, training)

    def _count_layers(self, nodes: Iterable[Node]) -> tuple[int, bool, bool]:
        """Layers with weights; whether all are 1x1 convolutions; whether channels change."""
        total, pointwise, widens = 0, True, False
        for node in nodes:
            if isinstance(node.op, Call):
                layers, small, wider = self._layers_of(node.op.function)
            else:
                layers = int(node.op.weighted)
                single = isinstance(node.op, Conv) and node.op.window.area == 1
                small, wider = single or not layers, single or isinstance(node.op, PadChannels)
            total, pointwise, widens = total + layers, pointwise and small, widens or wider
        return total, pointwise, widens

    def _layers_of(self, function: str) -> tuple[int, bool, bool]:
        if function not in self._layers:
            self._layers[function] = self._count_layers(self.functions[function].nodes)
        return self._layers[function]

    # ------------------------------------------------------------------- items

    def _item(self, item: Item, body: Body) -> Drawn:
        if isinstance(item, Repeat):
            return self._repeat(item, body)
        if item.function is None:
            return self._row(item, body)
        callee = self.functions[item.function]
        if not self._opens(callee, item, body.where):
            return self._call(item, callee, body)
        row = None if self.view.ops else only_row(callee)
        if row is not None:
            return self._plain(item, body, row_text(row, self.functions), _family(row))
        return self._opened(item, callee, body)

    def _opens(self, callee: Graph, row: Row, where: Where) -> bool:
        """Whether the body of a call is shown."""
        names = (callee.definition, callee.name, *row.labels)
        level = len(where.path)
        if level >= DEEPEST or _matches(names, self.view.closed):
            return False
        return level < (self.view.depth or 0) or _matches(names, self.view.opened)

    def _plain(self, row: Row, body: Body, text: str, family: str) -> Drawn:
        """A row as one box."""
        id = self._box(
            body.canvas,
            "box",
            text + _borrowed(row),
            label=label_text(row.labels),
            count=row.count,
            family=family,
            training=body.where.training,
            change=max((self._change(body.graph, node) for node in row.nodes), default=0),
            data=self._data(body, row),
        )
        body.give(row, id)
        return Drawn((id,), id)

    def _row(self, row: Row, body: Body) -> Drawn:
        op = row.first.op
        if isinstance(op, Op) and op.family == "merge" and len(row.first.inputs) > 1:
            return self._merge(row, op, body)
        return self._plain(row, body, row_text(row, self.functions), _family(row))

    def _merge(self, row: Row, op: Op, body: Body) -> Drawn:
        """A circle; operators behind the merge in its row have a box of their own."""
        head = Row((row.nodes[:1],))
        training = body.where.training
        data = self._data(body, head)
        circle = self._box(
            body.canvas, "merge", op.word, family="merge", training=training, data=data
        )
        body.give(head, circle)
        if len(row.nodes) == 1:
            return Drawn((circle,), circle)
        rest = self._row(Row((row.nodes[1:],)), body)
        end = End(circle, row.first.outputs[0].type)
        self._edge(end, rest.entry(0), weight=STRAIGHT, training=training)
        return Drawn((circle,))

    def _call(self, row: Row, callee: Graph, body: Body) -> Drawn:
        """A call as one box."""
        note = "\nwith projection" if self._projects(callee) else ""
        return self._plain(row, body, call_text(callee) + note, "block")

    def _projects(self, callee: Graph) -> bool:
        """Whether the shortcut of a residual block is a projection."""
        units = tuple(self._unit(item, Where(("",))) for item in outline(callee))
        return bool(Plan(tuple(value.name for value in callee.inputs), units).dashed)

    def _opened(self, row: Row, callee: Graph, body: Body) -> Drawn:
        """A call as a frame around the body of the function."""
        where = body.where
        text, label = call_text(callee) + _borrowed(row), label_text(row.labels)
        inside: Canvas = []
        if len(callee.inputs) == 1:
            title, value = "", callee.inputs[0]
            head = self._box(
                inside, "head", text, label=label, count=row.count, training=where.training
            )
            ends = {value.name: End(head, value.type)}
        else:
            times = [f"× {row.count}"] if row.count > 1 else []
            title = " ".join([*filter(None, [label]), text, *times])
            ends = {v.name: self._port(inside, v.name, v.type) for v in callee.inputs}
            self.level.append(tuple(end.box for end in ends.values()))
        entries = tuple(end.box for end in ends.values())
        path = (*where.path, row.first.name)
        lent = where.lent or any(node.weights for node in row.nodes)
        below = Where(path, where.times * row.count, lent, where.training)
        self._items(Body(callee, below, ends, inside), self._outline(callee), tuple(ends))
        body.canvas.append(self.frame("block", title, inside, where.training))
        for output, value in zip(callee.outputs, row.first.outputs, strict=True):
            body.ends[value.name] = ends[output.value]
        return Drawn(entries)

    def _repeat(self, repeat: Repeat, body: Body) -> Drawn:
        """A run of rows in a frame of its own."""
        where = replace(body.where, times=body.where.times * repeat.count)
        inside: Canvas = []
        head = self._box(inside, "head", "", count=repeat.count, training=where.training)
        (entry,) = dict.fromkeys(self._unit(repeat, where).reads)
        ends = {entry: End(head, body.ends[entry].type)}
        self._items(Body(body.graph, where, ends, inside), repeat.items, (entry,))
        body.canvas.append(self.frame("repeat", "", inside, where.training))
        del ends[entry]
        body.ends.update(ends)
        return Drawn((head,))

    # ------------------------------------------------------------------ stages

    def _groups(self, body: Body) -> None:
        """The network level: a box for each stage, or for each size of the map."""
        found = groups(body.graph, outline(body.graph), self.training)
        plan = Plan(tuple(body.ends), tuple(_group_unit(group) for group in found))
        ledgers = self.costs.nodes(body.graph)
        drawn = []
        for group in found:
            made = str(group.nodes[-1].outputs[-1].type)
            amounts = _amounts([ledgers[node.name] for node in group.nodes], 1)
            id = self._box(
                body.canvas,
                "box",
                "\n".join(("", *group.lines(self.functions))),
                label=group.title,
                family="block",
                training=group.training,
                data=(("path", group.title), ("shape", made), *amounts),
            )
            body.give(Row((group.nodes,)), id)
            drawn.append(Drawn((id,), id))
        self._wire(body, plan, drawn)

    # ------------------------------------------------------------------- facts

    def _change(self, graph: Graph, node: Node) -> int:
        """The last rule that made an operator, or one inside a call."""
        made = self.made.get((graph.name, node.name), 0)
        if not isinstance(node.op, Call):
            return made
        name = node.op.function
        if name not in self.inside:
            callee = self.functions[name]
            self.inside[name] = max(
                (self._change(callee, inner) for inner in callee.nodes), default=0
            )
        return max(made, self.inside[name])

    def _data(self, body: Body, row: Row) -> Facts:
        """Facts about a box; parameters and MACs are those of all its copies together."""
        ledgers = self.costs.nodes(body.graph)
        found = [ledgers[node.name] for copy in row.copies for node in copy]
        if body.where.lent:
            found = [without_weights(ledger) for ledger in found]
        words = " ".join(node.op.word for node in row.nodes if isinstance(node.op, Op))
        facts = {
            "path": ".".join((*body.where.path, row.first.name)),
            "op": row.function or words,
            "shape": ", ".join(str(value.type) for value in row.last.outputs),
            "count": str(body.where.times * row.count),
        }
        return (*facts.items(), *_amounts(found, body.where.times))


class _Stages:
    """Opens a frame where a stage begins and closes it where it ends."""

    def __init__(self, drawer: _Drawer, canvas: Canvas, training: bool) -> None:
        self.drawer = drawer
        self.training = training
        self.region: tuple[str, ...] = ()
        self.open: list[Canvas] = [canvas]

    def canvas(self, region: tuple[str, ...]) -> Canvas:
        """What is in the innermost frame of a stage."""
        shared = 0
        for mine, its in zip(self.region, region, strict=False):
            if mine != its:
                break
            shared += 1
        while len(self.region) > shared:
            self._leave()
        for name in region[shared:]:
            self.region = (*self.region, name)
            self.open.append([])
            self.drawer.title(self.open[-1], name)
        return self.open[-1]

    def close(self) -> None:
        """End all stages."""
        while self.region:
            self._leave()

    def _leave(self) -> None:
        items = self.open.pop()
        self.open[-1].append(self.drawer.frame("stage", self.region[-1], items, self.training))
        self.region = self.region[:-1]


class _Shapes:
    """Which edges say what shape flows: those behind a change of shape, once each."""

    def __init__(self, drawer: _Drawer, body: Body, plan: Plan) -> None:
        self.types = body.graph.types
        self.plan = plan
        self.choice = drawer.view.shapes
        self.multiples = drawer.multiples
        self.top = not body.where.path
        self.said: set[str] = set()

    def label(self, link: Link) -> str:
        """The label of a link; inside of blocks only changes of height and width count."""
        if self.choice == "none" or link in self.plan.side or link.value in self.said:
            return ""
        if self.choice == "all" or self._changed(link):
            self.said.add(link.value)
            return shape(self.types[link.value], self.multiples)
        return ""

    def _changed(self, link: Link) -> bool:
        unit = self.plan.unit(link.source)
        if unit is None:
            return self.top
        before = self.types[unit.reads[0]].shape
        after = self.types[link.value].shape
        return before != after if self.top else before[:-1] != after[:-1]


def _input_name(name: str) -> str:
    """`x` is the name of an input that was given none."""
    return "input" if name == "x" else name


def _borrowed(row: Row) -> str:
    """A note that a layer uses the weights of another."""
    owners = dict.fromkeys(node.weights for node in row.nodes if node.weights)
    return f"\nweights of {', '.join(owners)}" if owners else ""


def _family(row: Row) -> str:
    ops = [node.op for node in row.nodes if isinstance(node.op, Op)]
    return next((op.family for op in ops if op.weighted), ops[0].family)


def _group_unit(group: Group) -> Unit:
    made = tuple(value.name for node in group.nodes for value in node.outputs)
    inside = set(made)
    reads = (name for node in group.nodes for name in node.inputs if name not in inside)
    return Unit(tuple(dict.fromkeys(reads)), made, training=group.training)


def _matches(names: Iterable[str], patterns: tuple[str, ...]) -> bool:
    if not patterns:
        return False
    from fnmatch import fnmatchcase

    return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)


def _amounts(ledgers: Iterable[Ledger], times: int) -> Facts:
    total = add_ledgers(ledgers)
    found = {"parameters": parameters(total), "macs": count(total, "macs")}
    return tuple((name, str(amount * times)) for name, amount in found.items())
