"""A function of the module as statements: where the flow goes, what needs a label."""

from __future__ import annotations

import itertools

from cnndsl.graph import Call, Graph, Node
from cnndsl.ops.linear import Fc
from cnndsl.record import Record
from cnndsl.syntax import (
    Apply,
    Argument,
    Body,
    CallExpr,
    Each,
    From,
    Input,
    Name,
    Output,
    Parallel,
    Range,
    Share,
)
from cnndsl.syntax import Stage as StageStatement

from .labels import choose
from .literal import AT, Label, Literal, callee, name, number, positional, shape
from .loops import roll
from .outputs import declared, declared_in_place, has_plain_ends, is_plain, with_endings
from .repeats import LONGEST, Draft, fold
from .structure import Branch, Ending, Item, Join, Line, Stage, made, staged, structure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Protocol

    from cnndsl.syntax import Statement
    from cnndsl.types import TensorType

    from .settings import Settings, Ways

    Flow = tuple[str, ...]

    class Book(Protocol):
        """What a page refers to."""

        @property
        def settings(self) -> Settings: ...

        @property
        def ways(self) -> Mapping[str, Mapping[str, Ways]]: ...

        @property
        def names(self) -> set[str]:
            """Those of blocks, and words that mean something in a block."""

        def call(self, function: str) -> tuple[Name, tuple[Argument, ...]]:
            """The block that a function became, and its arguments."""


LETTERS = tuple("ijmrst") + tuple(f"i{number}" for number in range(100))
"""Names for the variable of a loop."""
LEAST_EQUAL = 3
"""Branches that are written as a loop."""
SHORT = 2
"""Statements of a stage that stands on one line, with its size behind it."""


class Style(Record):
    """How a body is written.

    Arguments:
        sizes: whether statements say what size they give.
        longest: statements in a group that is written as a repeat.
        is_model: whether it is the model and no block.
    """

    sizes: bool = False
    longest: int = LONGEST
    is_model: bool = False


def statements(graph: Graph, book: Book, style: Style) -> tuple[Statement, ...]:
    """The body of a block, or of the model."""
    needed: set[str] = set()
    while True:  # once to learn which values are read by their labels, once with these
        page = _Page(graph, book, style, needed)
        result = page.body()
        if page.asked <= needed:
            return result
        needed = needed | page.asked


class _Page:
    def __init__(self, graph: Graph, book: Book, style: Style, needed: set[str]) -> None:
        self.graph = graph
        self.book = book
        self.style = style
        self.is_model = style.is_model
        self.needed = needed
        self.asked: set[str] = set()
        self.types = graph.types
        ways = book.ways[graph.name]
        items = structure(graph, ways)
        self.ways = ways
        self.declared = declared_in_place(graph) if self.is_model else ()
        self.items = staged(with_endings(items, graph, self.declared))
        self.stages = {stage.name: stage.gives for stage in _stages(self.items)}
        shares = (item.shares for item in made(self.items) if isinstance(item, Line))
        self.shared = {origin.name for origin in shares if origin is not None}
        self.labels = self._labels()
        taken = {*dict(graph.arguments), *book.names}
        self.variable = next(letter for letter in LETTERS if letter not in taken)
        marked = (i for i in made(self.items) if self.labels[i.gives[0]] == i.nodes[0].label)
        self.named = {*needed, *(value for item in marked for value in item.gives)}
        if len(graph.inputs) > 1:
            self.named.update(value.name for value in graph.inputs)

    # ------------------------------------------------------------------ labels

    def refs(self, flow: Flow) -> tuple[Name, ...]:
        """The labels of values, which will be defined."""
        return tuple(self.ref(value) for value in flow)

    def ref(self, value: str) -> Name:
        self.asked.add(value)
        return Label(self.labels[value], AT)

    def defined(self, flow: Flow, mark: str | None) -> tuple[str, ...]:
        """The labels that a statement defines: those that are read, or were there."""
        labels = tuple(self.labels[value] for value in flow)
        if self.stages.get(labels[0]) == flow:
            return ()
        return labels if mark in labels or not self.needed.isdisjoint(flow) else ()

    def _labels(self) -> dict[str, str]:
        """A label for every value: an input's name, the user's label, or the maker's name."""
        graph, named = self.graph, dict(self.graph.labels)
        makers = list(made(self.items))
        origins = {item.gives for item in makers if not item.names.isdisjoint(self.shared)}
        wanted = [(value.name, value.name) for value in graph.inputs]
        if self.is_model:
            outputs = (o for o in graph.outputs if o not in self.declared)
            wanted += [(o.value, o.name) for o in outputs if not is_plain(o.name)]
        wanted += [(named[n.label], n.label) for n in graph.nodes if n.label in named]
        ends = [(gives, title) for title, gives in self.stages.items() if gives not in origins]
        wanted += [(gives[0], title) for gives, title in ends if len(gives) == 1]
        wanted += [(value, label) for label, value in named.items() if label not in self.stages]
        kept = {o.name: (o.value,) for o in graph.outputs} if self.is_model else {}
        fallback = [(value.name, value.name) for value in graph.inputs]
        fallback += [
            (value, item.nodes[0].name if len(item.gives) == 1 else value)
            for item in makers
            for value in item.gives
        ]
        return choose(wanted, fallback, {**kept, **self.stages})

    def fold(self, drafts: Sequence[Draft]) -> list[Draft]:
        """The statements with repeats and loops."""
        return roll(fold(drafts, self.style.longest), self.variable)

    # ------------------------------------------------------------------ body

    def body(self) -> tuple[Statement, ...]:
        before, flow = self.inputs()
        outputs = [o for o in self.graph.outputs if not (self.is_model and o.training)]
        wanted = tuple(output.value for output in outputs)
        drafts, flow = self.flow_through(self.items, flow, wanted)
        after = self.outputs(flow) if self.is_model else self.results(flow, wanted)
        inside = [draft.finished() for draft in self.fold(drafts)]
        if not inside and not after and not self.is_model:
            inside = [_identity()]
        return (*before, *inside, *after)

    def inputs(self) -> tuple[list[Statement], Flow]:
        values = tuple(value.name for value in self.graph.inputs)
        if self.is_model:
            return [self.input(index) for index in range(len(values))], values[-1:]
        if len(values) == 1 and self.needed.isdisjoint(values):
            return [], values
        names = tuple(name(self.labels[value]) for value in values)
        return [Input((), names, None, AT)], values

    def input(self, index: int) -> Input:
        value = self.graph.inputs[index]
        is_usual = value.name == ("x" if index == 0 else f"x_{index + 1}")
        is_label = value.name in self.needed or value.name in dict(self.graph.labels)
        labels = (name(self.labels[value.name]),) if is_label or not is_usual else ()
        return Input(labels, (), shape(value.type), AT)

    def results(self, flow: Flow, wanted: Flow) -> list[Statement]:
        """What a block gives, unless that is the end of its flow."""
        if flow == wanted:
            return []
        if len(set(wanted)) == len(wanted) > 1:
            return [Output(tuple(positional(ref) for ref in self.refs(wanted)), AT)]
        return [From(self.refs(wanted), None, AT)]

    def outputs(self, flow: Flow) -> list[Statement]:
        """The outputs of the model that are no ends of side chains."""
        outputs = self.graph.outputs
        ends = tuple(output.value for output in outputs if not output.training)
        if has_plain_ends(self.graph):
            return [] if flow == ends else [From(self.refs(ends), None, AT)]
        result: list[Statement] = []
        together: list[Argument] = []
        for output in outputs[len(self.declared) :]:
            is_label = self.labels[output.value] == output.name
            if is_label and not output.training and output.weight == 1:
                together.append(positional(self.ref(output.value)))
                continue
            result += [Output(tuple(together), AT)] if together else []
            together = []
            if flow == (output.value,):
                result.append(declared(output))
            else:
                inside = Body((declared(output),), AT)
                result.append(From((self.ref(output.value),), inside, AT))
        return [*result, *([Output(tuple(together), AT)] if together else [])]

    # ------------------------------------------------------------------ flow

    def flow_through(
        self, items: Sequence[Item], flow: Flow, wanted: Flow
    ) -> tuple[list[Draft], Flow]:
        """The statements for items one behind the other, and the flow behind them.

        What starts elsewhere follows a `from`. It is a side chain in braces where the flow
        before it goes on behind it.
        """
        drafts: list[Draft] = []
        at = 0
        while at < len(items):
            start = _start(items[at], flow)
            if start is not None:
                end = at + 1
                while end < len(items) and items[at:end][-1].gives in items[end].starts:
                    end += 1
                going_on = items[end].starts if end < len(items) else (wanted,)
                last = items[end - 1]
                is_aside = isinstance(last, Ending) and last.gives not in going_on
                if is_aside or set(going_on) == {flow}:
                    drafts.append(self.side_chain(items[at:end], start))
                    at = end
                    continue
                drafts.append(Draft(From(self.refs(start), None, AT)))
                flow = start
            drafts.append(self.draft(items[at], flow))
            flow = items[at].gives
            at += 1
        return drafts, flow

    def side_chain(self, items: Sequence[Item], start: Flow) -> Draft:
        drafts, _ = self.flow_through(items, start, items[-1].gives)
        body = Body(tuple(draft.without_size().finished() for draft in self.fold(drafts)), AT)
        return Draft(From(self.refs(start), body, AT))

    def draft(self, item: Item, flow: Flow) -> Draft:
        if isinstance(item, Stage):
            return self.stage(item, flow)
        if isinstance(item, Ending):
            return Draft(declared(item.output))
        first, mark = item.nodes[0], item.nodes[0].label
        statement = self.join(item, flow) if isinstance(item, Join) else self.line(item)
        is_call = isinstance(statement, Apply) and isinstance(first.op, Call)
        labels, size = self.defined(item.gives, mark), self.size(item.gives, flow)
        is_shared = not item.names.isdisjoint(self.shared)
        return Draft(statement, labels, mark, size, _tells_size(item), is_call, is_shared)

    def stage(self, stage: Stage, flow: Flow) -> Draft:
        drafts, end = self.flow_through(stage.items, flow, stage.gives)
        drafts = self.fold(drafts)
        size = None
        if len(drafts) <= SHORT:
            drafts = [draft.without_size() for draft in drafts]
            size = self.size(end, flow)
        body = Body(tuple(draft.finished() for draft in drafts), AT)
        return Draft(StageStatement(name(stage.name), body, None, AT), size=size)

    def size(self, flow: Flow, before: Flow) -> TensorType | None:
        """The type of a value, where it has not the shape of the flow before."""
        if len(flow) != 1 or not self.style.sizes:
            return None
        type = self.types[flow[0]]
        is_same = len(before) == 1 and self.types[before[0]].shape == type.shape
        return None if is_same else type

    # ------------------------------------------------------------------ statements

    def line(self, line: Line) -> Statement:
        if line.shares is not None:
            origin = next(i for i in made(self.items) if line.shares.name in i.names)
            return Share((), self.refs(origin.gives)[0], None, AT)
        first, *posts = line.nodes
        word, arguments = self.said(first)
        after = tuple(positional(self.post(node)) for node in posts)
        return Apply((), word, (*arguments, *after), None, None, None, AT)

    def said(self, node: Node) -> tuple[Name, tuple[Argument, ...]]:
        """The word of an operator or a block, and its arguments."""
        if isinstance(node.op, Call):
            return self.book.call(node.op.function)
        op = node.op
        arguments = self.book.settings.arguments(op, self.ways[node.name])
        if op.family == "activation" and not arguments:
            return Literal("act", AT, op.word), ()
        return name(op.word), arguments

    def post(self, node: Node) -> Name | CallExpr:
        word, arguments = self.said(node)
        return CallExpr(word, arguments, AT) if arguments else word

    def join(self, join: Join, flow: Flow) -> Statement:
        if join.is_named and len(join.branches) > 1:
            if flow == join.node.inputs:
                return Apply((), name(join.word), (), None, None, None, AT)
            values = (
                self.ref(value) if (value,) != flow or value in self.named else name("identity")
                for value in join.node.inputs
            )
            arguments = tuple(map(positional, values))
            return Apply((), callee(join.word), arguments, None, None, None, AT)
        bodies = tuple(self.branch(branch, flow) for branch in join.branches)
        if _is_residual(join, flow):
            return Apply((), name("residual"), (), bodies[0], None, None, AT)
        return Parallel((), name(join.word), (), self.branches(bodies), None, None, AT)

    def branches(self, bodies: Sequence[Body]) -> tuple[Body | Each, ...]:
        """The branches of a merge, many equal ones as a loop."""
        result: list[Body | Each] = []
        for body, group in itertools.groupby(bodies):
            copies = list(group)
            if len(copies) < LEAST_EQUAL:
                result += copies
            else:
                values = Range(number(0), Literal("times", AT, len(copies)), AT)
                result.append(Each(name(self.variable), values, (body,), AT))
        return tuple(result)

    def branch(self, branch: Branch, flow: Flow) -> Body:
        drafts, end = self.flow_through(branch.items, flow, (branch.value,))
        if end != (branch.value,):
            drafts.append(Draft(From((self.ref(branch.value),), None, AT)))
        inside = [draft.without_size().finished() for draft in self.fold(drafts)]
        return Body(tuple(inside) or (_identity(),), AT)


def _is_residual(join: Join, flow: Flow) -> bool:
    """Whether it is the result of a body plus the flow before it."""
    if join.word != "add" or len(join.branches) != 2:
        return False
    body, rest = join.branches
    return not rest.items and (rest.value,) == flow and flow in body.starts


def _start(item: Item, flow: Flow) -> Flow | None:
    """The flow that an item needs before it, if it is not there; None if it is, or none helps."""
    if flow in item.starts:
        return None
    if not isinstance(item, Join):
        return _first_start(item)
    most = max(item.starts, key=item.starts.count)
    return most if item.starts.count(most) > 1 else None


def _first_start(item: Item) -> Flow | None:
    if isinstance(item, Stage):
        return _start(item.items[0], ())
    return item.starts[0]


def _tells_size(item: Item) -> bool:
    """Whether an argument says the size: that of `fc`."""
    if not isinstance(item, Line) or item.shares is not None:
        return False
    return isinstance(item.nodes[0].op, Fc)


def _identity() -> Apply:
    return Apply((), name("identity"), (), None, None, None, AT)


def _stages(items: Iterable[Item]) -> Iterator[Stage]:
    for item in items:
        if isinstance(item, Stage):
            yield item
            yield from _stages(item.items)
