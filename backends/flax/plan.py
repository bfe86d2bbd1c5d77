"""One function of the module as steps: what to construct, what to call, what repeats.

Identities and blocks that do nothing disappear here; a run of calls of one class,
each working on the result of the one before, becomes a loop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cnndsl.diagnostics import fail
from cnndsl.graph import Call, Graph, Node
from cnndsl.op import Op
from cnndsl.ops.conv import Conv, Deconv, DwConv
from cnndsl.ops.merge import Mul
from cnndsl.ops.pool import GlobalAvgPool, GlobalMaxPool
from cnndsl.record import replace
from cnndsl.types import TensorType

from .code import Apply, Arg, Expr, Keyword, Own, Pads, Text, Value, call, rewrite, walk
from .planned import ClassPlan, FunctionPlan, Placed, Step
from .rules import Said, Site, say

MOST_STEPS_REPEATED = 3


def plan(
    graph: Graph, placed: Mapping[str, Placed], classifiers: frozenset[str] = frozenset()
) -> FunctionPlan:
    """The steps of a function.

    Arguments:
        placed: every function that it calls.
        classifiers: nodes whose channels are those of an output of the model.
    """
    return _Planner(graph, placed, classifiers).plan()


class _Planner:
    def __init__(
        self, graph: Graph, placed: Mapping[str, Placed], classifiers: frozenset[str]
    ) -> None:
        self.graph = graph
        self.placed = placed
        self.classifiers = {self._owner(n) for n in graph.nodes if n.name in classifiers}
        self.same: dict[str, str] = {}
        self.types = graph.types
        self.ranks = {value.name: value.type.rank for value in graph.inputs}
        self.makes: dict[str, tuple[Apply, ...]] = {}
        self.shared = {node.weights for node in graph.nodes if node.weights is not None}

    def plan(self) -> FunctionPlan:
        self._resolve_identities()
        readers = self._readers()
        steps = [
            self._step(node, readers)
            for node in self.graph.nodes
            if not all(value.name in self.same for value in node.outputs)
        ]
        outputs = tuple(self._real(output.value) for output in self.graph.outputs)
        ranks = tuple(self.ranks[value] for value in outputs)
        return FunctionPlan(self.graph, _with_loops(steps, outputs, self.shared), outputs, ranks)

    def _real(self, value: str) -> str:
        """The value behind identities."""
        while value in self.same:
            value = self.same[value]
        return value

    def _resolve_identities(self) -> None:
        for node in self.graph.nodes:
            if isinstance(node.op, Call):
                placed = self.placed[node.op.function]
                if placed.cls is None:
                    for value, index in zip(node.outputs, placed.results, strict=True):
                        self.same[value.name] = node.inputs[index]
            else:
                if say(node.op, self._site(node)).apply == Arg(0):
                    self.same[node.outputs[0].name] = node.inputs[0]

    def _types(self, node: Node) -> tuple[TensorType, ...]:
        return tuple(self.types[value] for value in node.inputs)

    def _readers(self) -> dict[str, list[Node | None]]:
        """Who reads each value; None stands for an output of the graph."""
        readers: dict[str, list[Node | None]] = {}
        for node in self.graph.nodes:
            if all(value.name in self.same for value in node.outputs):
                continue
            for value in node.inputs:
                readers.setdefault(self._real(value), []).append(node)
        for output in self.graph.outputs:
            readers.setdefault(self._real(output.value), []).append(None)
        return readers

    def _step(self, node: Node, readers: Mapping[str, list[Node | None]]) -> Step:
        inputs = tuple(self._real(value) for value in node.inputs)
        outputs = tuple(value.name for value in node.outputs)
        types = tuple(value.type for value in node.outputs)
        said: Said | None = None
        cls: ClassPlan | None = None
        makes: tuple[Apply, ...]
        if isinstance(node.op, Call):
            placed = self.placed[node.op.function]
            cls = placed.cls
            assert cls is not None
            makes = (construct(cls, placed.copy),)
            apply: Expr = call(Own(), *map(Arg, range(len(inputs))))
            ranks = cls.copies[placed.copy].ranks
            family = "call"
        else:
            keepdims = self._stays_map(node, readers)
            site = Site(self._types(node), tuple(self.ranks[v] for v in inputs), keepdims)
            said = say(node.op, site)
            apply = said.apply
            makes = (said.make,) if said.make is not None else ()
            if self._owner(node) in self.classifiers:
                makes = tuple(map(_as_classifier, makes))
            if node.name in self.shared or node.weights is not None:
                makes = self._for_all_users(node, makes)
            ranks = (3,) if keepdims else tuple(t.rank for t in types)
            family = node.op.family
        self.ranks.update(zip(outputs, ranks, strict=True))
        owner = node.weights if makes else None
        if owner is not None:
            self._check_shared(node, makes)
        self.makes[node.name] = makes
        return Step(
            (node,), inputs, outputs, apply, () if owner else makes, said, cls, family, owner,
            ranks, types,
        )  # fmt: skip

    def _for_all_users(self, node: Node, makes: tuple[Apply, ...]) -> tuple[Apply, ...]:
        """With `SAME` padding where the nodes that share a module need different amounts."""
        root = self._owner(node)
        users = [n for n in self.graph.nodes if self._owner(n) == root]
        said = [say(n.op, self._site(n)).make for n in users if isinstance(n.op, Op)]
        pads = [p for make in said if make for p in walk(make) if isinstance(p, Pads)]
        if all(p.sides == pads[0].sides for p in pads) or not all(p.same for p in pads):
            return makes
        return tuple(_with_same_padding(make) for make in makes)

    def _owner(self, node: Node) -> str:
        """The node whose module a node uses, its own or another's."""
        while node.weights is not None:
            owner = node.weights
            node = next(n for n in self.graph.nodes if n.name == owner)
        return node.name

    def _site(self, node: Node) -> Site:
        types = self._types(node)
        return Site(types, tuple(t.rank for t in types))

    def _check_shared(self, node: Node, makes: tuple[Apply, ...]) -> None:
        """Raise unless the module of the node whose weights this one uses can do its work."""
        owner = next(n for n in self.graph.nodes if n.name == node.weights)
        if self.makes[owner.name] == makes:
            return
        fail(
            "E0801",
            f"Flax cannot apply the layer `{owner.name}` again as `{node.name}`: "
            "it would need other settings for this input",
            node.span,
            notes=("padding that depends on the size, as `same` does, can differ",),
            help=("give the layer explicit padding",),
        )

    def _stays_map(self, node: Node, readers: Mapping[str, list[Node | None]]) -> bool:
        """Whether only convolutions, and products with maps, read this global pool."""
        if not isinstance(node.op, (GlobalAvgPool, GlobalMaxPool)):
            return False
        return all(
            reader is not None
            and (
                isinstance(reader.op, (Conv, DwConv, Deconv))
                or (isinstance(reader.op, Mul) and any(t.is_map for t in self._types(reader)))
            )
            for reader in readers.get(node.outputs[0].name, [None])
        )


def _with_same_padding(make: Apply) -> Apply:
    """The constructor with `SAME` in place of amounts."""
    changed = rewrite(make, lambda e: Text('"SAME"') if isinstance(e, Pads) else None)
    assert isinstance(changed, Apply)
    return changed


def _as_classifier(make: Apply) -> Apply:
    """The constructor with its last number of channels, those of the output, as classes."""
    counts = [i for i, a in enumerate(make.arguments) if isinstance(a, Value)]
    if not counts:
        return make
    last = make.arguments[counts[-1]]
    assert isinstance(last, Value)
    arguments = list(make.arguments)
    if last.kind == "features":
        arguments[counts[-1]] = Value(last.value, "classes")
    return Apply(make.function, tuple(arguments), make.keywords)


def construct(cls: ClassPlan, copy: int) -> Apply:
    """The constructor of a copy of a class."""
    arguments: list[Expr] = []
    keywords: list[Keyword] = []
    for parameter in cls.parameters:
        value = parameter.values[copy]
        said = Value(parameter.default if value is None else value, parameter.kind)
        if parameter.positional:
            arguments.append(said)
        else:
            default = None
            if parameter.has_default:
                default = Value(parameter.default, parameter.kind)
            keywords.append(Keyword(parameter.name, said, default))
    return Apply(Text(cls.name), tuple(arguments), tuple(keywords))


# ----------------------------------------------------------------------- loops


def _with_loops(
    steps: Sequence[Step], outputs: Sequence[str], shared: set[str]
) -> tuple[Step, ...]:
    """The steps with runs of equal rounds as loops."""
    readers: dict[str, list[int]] = {}
    for index, step in enumerate(steps):
        for value in step.inputs:
            readers.setdefault(value, []).append(index)
    for value in outputs:
        readers.setdefault(value, []).append(-1)
    result: list[Step] = []
    at = 0
    while at < len(steps):
        rounds = _rounds_of_calls(steps, at, readers, shared)
        if rounds >= 2:
            result.append(_loop_of_calls(steps[at : at + rounds]))
            at += rounds
            continue
        for period in range(1, MOST_STEPS_REPEATED + 1):
            rounds = _rounds(steps, at, period, readers, shared)
            if rounds >= 2:
                result.append(_loop(steps, at, period, rounds))
                at += period * rounds
                break
        else:
            result.append(steps[at])
            at += 1
    return tuple(result)


def _rounds(
    steps: Sequence[Step],
    start: int,
    period: int,
    readers: Mapping[str, list[int]],
    shared: set[str],
) -> int:
    """How many equal rounds of `period` steps begin at `start`; 0 or 1 for no loop."""
    if not _can_be_round(steps[start : start + period], period, shared):
        return 0
    rounds = 1
    while True:
        begin = start + rounds * period
        following = steps[begin : begin + period]
        before = steps[begin - period : begin]
        if not (
            _can_be_round(following, period, shared)
            and _alike(before, following)
            and _carries(steps, start, begin, period)
            and _is_private(begin - period, period, steps, readers, closed=True)
        ):
            break
        rounds += 1
    last = start + (rounds - 1) * period
    if rounds > 1 and not _is_private(last, period, steps, readers, closed=False):
        rounds -= 1
    return rounds


def _rounds_of_calls(
    steps: Sequence[Step], start: int, readers: Mapping[str, list[int]], shared: set[str]
) -> int:
    """How many equal calls with several results, each of them read by the next call, follow."""
    first = steps[start]
    if len(first.outputs) < 2 or first.cls is None or first.owner or first.node.name in shared:
        return 0
    feeds = _feeds(steps, start)
    rounds = 1
    while feeds is not None and start + rounds < len(steps):
        at = start + rounds
        before, step = steps[at - 1], steps[at]
        alike = step.cls is first.cls and step.place == first.place and not step.owner
        if (
            not alike
            or step.node.name in shared
            or _feeds(steps, at - 1) != feeds
            or any(readers.get(value) != [at] * feeds.count(i)
                   for i, value in enumerate(before.outputs))
        ):  # fmt: skip
            break
        rounds += 1
    return rounds


def _feeds(steps: Sequence[Step], at: int) -> tuple[int | None, ...] | None:
    """Which result of a call each input of the next one is, None for a value read by both.

    None for the whole if it is no such pair.
    """
    if at + 1 == len(steps):
        return None
    one, other = steps[at], steps[at + 1]
    if len(one.inputs) != len(other.inputs):
        return None
    found: list[int | None] = []
    initial: dict[int, str] = {}
    for before, after in zip(one.inputs, other.inputs, strict=True):
        if after in one.outputs:
            result = one.outputs.index(after)
            if initial.setdefault(result, before) != before:
                return None
            found.append(result)
        elif before == after:
            found.append(None)
        else:
            return None
    return tuple(found) if set(range(len(one.outputs))) <= set(found) else None


def _loop_of_calls(steps: Sequence[Step]) -> Step:
    """Calls with several results as one step; its first inputs are what is carried along."""
    first, last = steps[0], steps[-1]
    feeds = _feeds(steps, 0)
    assert feeds is not None
    count = len(first.outputs)
    inputs = [first.inputs[feeds.index(result)] for result in range(count)]
    arguments: list[Expr] = []
    for value, result in zip(first.inputs, feeds, strict=True):
        if result is None:
            arguments.append(Arg(len(inputs)))
            inputs.append(value)
        else:
            arguments.append(Arg(result))
    makes = tuple(step.makes[0] for step in steps)
    nodes = tuple(step.node for step in steps)
    return replace(
        first, nodes=nodes, inputs=tuple(inputs), outputs=last.outputs,
        apply=call(Own(), *arguments), makes=makes, family="loop", types=last.types,
    )  # fmt: skip


def _can_be_round(steps: Sequence[Step], period: int, shared: set[str]) -> bool:
    """One call with weights of its own, and nothing else that has a module."""
    if len(steps) != period or any(len(step.outputs) != 1 or step.owner for step in steps):
        return False
    owning = [step for step in steps if step.makes]
    if len(owning) != 1 or owning[0].cls is None or owning[0].node.name in shared:
        return False
    inside = [value for step in steps for value in step.inputs]
    body = [step.outputs[0] for step in steps[:-1]]
    return all(inside.count(value) == 1 for value in body)


def _alike(one: Sequence[Step], other: Sequence[Step]) -> bool:
    return all(
        a.place == b.place and a.apply == b.apply and a.cls is b.cls and a.ranks == b.ranks
        for a, b in zip(one, other, strict=True)
    )


def _carries(steps: Sequence[Step], start: int, begin: int, period: int) -> bool:
    """Whether the round at `begin` reads the one before as the first one reads one value."""
    carried = _carried(steps, start, period)
    if carried is None:
        return False
    before = steps[begin - 1].outputs[0]
    inside = {s.outputs[0]: i for i, s in enumerate(steps[begin : begin + period])}
    first = {s.outputs[0]: i for i, s in enumerate(steps[start : start + period])}
    reads = False
    for a, b in zip(steps[start : start + period], steps[begin : begin + period], strict=True):
        for x, y in zip(a.inputs, b.inputs, strict=True):
            if x == carried and y == before:
                reads = True
            elif x in first:
                if inside.get(y) != first[x]:
                    return False
            elif x == carried or x != y:
                return False
    return reads


def _carried(steps: Sequence[Step], start: int, period: int) -> str | None:
    """The value that the first round reads where the second reads the first's result."""
    if start + 2 * period > len(steps):
        return None
    result = steps[start + period - 1].outputs[0]
    for a, b in zip(
        steps[start : start + period], steps[start + period : start + 2 * period], strict=True
    ):
        for x, y in zip(a.inputs, b.inputs, strict=True):
            if y == result:
                return x
    return None


def _is_private(
    begin: int,
    period: int,
    steps: Sequence[Step],
    readers: Mapping[str, list[int]],
    closed: bool,
) -> bool:
    """Whether nobody outside reads a round; its result may be read by the next one."""
    for offset in range(period):
        read_by = readers.get(steps[begin + offset].outputs[0], [])
        if offset < period - 1:
            allowed = range(begin, begin + period)
        elif closed:
            allowed = range(begin + period, begin + 2 * period)
        else:
            return True
        if any(reader not in allowed for reader in read_by):
            return False
    return True


def _loop(steps: Sequence[Step], start: int, period: int, rounds: int) -> Step:
    """The rounds as one step."""
    body = steps[start : start + period]
    carried = _carried(steps, start, period)
    assert carried is not None
    inputs = [carried]
    values: dict[str, Expr] = {carried: Arg(0)}
    for step in body:
        for value in step.inputs:
            if value not in values and all(value != s.outputs[0] for s in body):
                values[value] = Arg(len(inputs))
                inputs.append(value)
        values[step.outputs[0]] = substitute(step.apply, [values[v] for v in step.inputs])
    every = steps[start : start + period * rounds]
    owning = [step for step in every if step.makes]
    last = every[-1]
    return Step(
        tuple(step.node for step in owning),
        tuple(inputs),
        last.outputs,
        values[body[-1].outputs[0]],
        tuple(step.makes[0] for step in owning),
        None,
        owning[0].cls,
        "loop",
        None,
        last.ranks,
        last.types,
    )


def substitute(expr: Expr, values: Sequence[Expr]) -> Expr:
    """The expression with its arguments filled in."""
    return rewrite(expr, lambda e: values[e.index] if isinstance(e, Arg) else None)


def uses(expr: Expr, index: int) -> int:
    """How often an argument occurs."""
    return sum(isinstance(part, Arg) and part.index == index for part in walk(expr))
