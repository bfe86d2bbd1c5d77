"""Functions of one definition as one class, where their structure allows it.

Copies with the same steps become one class whose parameters are what they differ
in. A copy that lacks some steps of the others (an identity shortcut, a first block
without expansion) shares the class too: those steps become optional, and where
they are absent the value before them is used. Copies that fit neither way become a
class of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise, product

from cnndsl.graph import Call, Graph, Module
from cnndsl.op import Op
from cnndsl.record import Record, replace

from .classifier import classifiers
from .code import Apply, Differs, Either, Expr, Formula, Join, Many, Text, Value, walk
from .code import merge as merge_exprs
from .naming import ARGUMENTS, IMPORTED, Names, class_name, identifier, plural, snake
from .parameters import Parameter, Parameters
from .plan import FunctionPlan, Placed, Step, plan

MOST_OPTIONAL = 3
SETTINGS = ("classes", "num_classes")


class Group(Record):
    """Optional steps, one after the other.

    Arguments:
        first, last: positions of the members.
        result: the value that the rest of the class reads.
        bypass: the value that stands for it where the steps are absent.
        name: attribute that says whether they are there.
        condition: the same in terms of the parameters.
        negated: whether they are there where the attribute is false.
    """

    first: int
    last: int
    result: int
    bypass: int
    name: str
    condition: Formula
    negated: bool = False

    @property
    def test(self) -> str:
        """The condition as text, outside of `__init__`."""
        return f"not self.{self.name}" if self.negated else f"self.{self.name}"


class Member(Record):
    """One step of a class.

    Arguments:
        steps: the step in each copy; None where a copy does not have it.
        inputs, outputs: values of the class, by number.
        name: attribute of its module, if it has one.
        owner: whether the module is another member's.
        makes: constructor; of a loop, those of its rounds, or in a class with several copies
            the number of rounds and the constructor of round i; of a call, one for each class.
        apply: the value of the step.
        conditions: when a call is of each of its classes but the last.
    """

    steps: tuple[Step | None, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    name: str | None
    owner: bool
    makes: tuple[Expr, ...]
    apply: Expr
    conditions: tuple[Formula, ...] = ()

    @property
    def step(self) -> Step:
        """The step in some copy."""
        return next(step for step in self.steps if step is not None)

    @property
    def classes(self) -> tuple[ClassPlan, ...]:
        """The classes that a call is of, each once."""
        found = {s.cls.name: s.cls for s in self.steps if s is not None and s.cls is not None}
        return tuple(found.values())


class ClassPlan:
    """A class to emit.

    Arguments:
        name: of the class.
        definition: the block or model it comes from.
        copies: the functions it stands for.
    """

    def __init__(
        self,
        name: str,
        definition: str,
        copies: Sequence[FunctionPlan],
        members: Sequence[Member],
        groups: Sequence[Group],
        inputs: int,
        outputs: Sequence[int],
        parameters: Sequence[Parameter],
        stored: Sequence[str],
    ) -> None:
        self.name = name
        self.definition = definition
        self.copies = tuple(copies)
        self.members = tuple(members)
        self.groups = tuple(groups)
        self.inputs = inputs
        self.outputs = tuple(outputs)
        self.parameters = tuple(parameters)
        self.stored = tuple(stored)

    @property
    def graph(self) -> Graph:
        """Some copy."""
        return self.copies[0].graph

    def paths(self, copy: int) -> dict[str, tuple[str | int, ...]]:
        """For each node of a copy that has a module, the path of that module."""
        found: dict[str, tuple[str | int, ...]] = {}
        for member in self.members:
            step = member.steps[copy]
            if step is None or member.name is None:
                continue
            if step.is_loop:
                found.update((n.name, (member.name, i)) for i, n in enumerate(step.nodes))
            else:
                found[step.node.name] = (member.name,)
        return found


def classes_of(module: Module) -> tuple[list[ClassPlan], dict[str, Placed]]:
    """The classes of a module, callees first, and what became of each function."""
    placed: dict[str, Placed] = {}
    classes: list[ClassPlan] = []
    names = Names([*IMPORTED, class_name(module.name)])
    families = list(_families(module))
    layers = classifiers(module)
    for graphs in families:
        plans = [plan(graph, placed, layers.get(graph.name, frozenset())) for graph in graphs]
        is_model = graphs[0] is module.main
        rest: list[FunctionPlan] = []
        for one in plans:
            if one.empty and not is_model:
                inputs = [value.name for value in one.graph.inputs]
                results = tuple(inputs.index(value) for value in one.outputs)
                placed[one.graph.name] = Placed(None, 0, results)
            else:
                rest.append(one)
        if is_model:
            built_here = [_Cluster(rest).build(class_name(module.name), is_model)]
        else:
            same = [g for f in families for g in f if g.definition == graphs[0].definition]
            built_here = list(_build(_clusters(rest), same, names))
        for built in built_here:
            classes.append(built)
            for copy, one in enumerate(built.copies):
                placed[one.graph.name] = Placed(built, copy)
    return classes, placed


def _build(
    clusters: Sequence[_Cluster], family: Sequence[Graph], names: Names
) -> Iterator[ClassPlan]:
    """The classes of one definition; what cannot share a class after all is taken apart."""
    for cluster in clusters:
        name = names.new(_telling_name([one.graph for one in cluster.copies], family), "")
        try:
            yield cluster.build(name, taken=names.taken)
        except Differs:
            names.taken.discard(name)
            yield from _build(cluster.pieces(), family, names)


def _telling_name(copies: Sequence[Graph], family: Sequence[Graph]) -> str:
    """The definition's name, with the argument that makes these copies different from others."""
    name = class_name(copies[0].definition)
    others = [graph for graph in family if all(graph is not copy for copy in copies)]
    if not others:
        return name
    candidates = [
        (position, argument, value)
        for position, (argument, value) in enumerate(copies[0].arguments)
        if isinstance(value, (bool, int, str))
    ]
    for position, argument, value in sorted(candidates, key=lambda c: type(c[2]) is int):
        if any(graph.arguments[position][1] != value for graph in copies):
            continue
        if all(graph.arguments[position][1] != value for graph in others):
            if isinstance(value, bool):
                return f"{name}{'With' if value else 'Without'}{class_name(argument)}"
            return f"{name}{class_name(f'{argument}_{value}')}"
    return name


def _families(module: Module) -> Iterator[list[Graph]]:
    """Functions that may share a class: of one definition, and all callees come before.

    Functions of a block that calls itself are apart by the height of their calls.
    """
    heights: dict[str, int] = {}
    by_name = module.by_name
    order = _definitions_in_order(module)
    recursive = order is None
    families: dict[tuple[str, int], list[Graph]] = {}
    for graph in module.functions[:-1]:
        called = [n.op.function for n in graph.nodes if isinstance(n.op, Call)]
        heights[graph.name] = 1 + max((heights[name] for name in called), default=0)
        key = (graph.definition, heights[graph.name] if recursive else 0)
        families.setdefault(key, []).append(by_name[graph.name])
    if order is None:
        keys = sorted(families, key=lambda key: key[1])
    else:
        keys = sorted(families, key=lambda key: order.index(key[0]))
    for key in keys:
        yield families[key]
    yield [module.main]


def _definitions_in_order(module: Module) -> list[str] | None:
    """The blocks, callees first; None when one calls itself."""
    by_name = module.by_name
    calls: dict[str, dict[str, None]] = {}
    for graph, node in module.walk():
        callees = calls.setdefault(graph.definition, {})
        if isinstance(node.op, Call) and graph is not module.main:
            callees[by_name[node.op.function].definition] = None
    done: dict[str, bool] = {}
    order: list[str] = []

    def visit(definition: str) -> bool:
        if definition in done:
            return done[definition]
        done[definition] = False
        if not all(visit(callee) for callee in calls.get(definition, {})):
            return False
        done[definition] = True
        order.append(definition)
        return True

    for graph in module.functions[:-1]:
        if not visit(graph.definition):
            return None
    return order


# -------------------------------------------------------------------- clusters


class _Merged(Record):
    """One step of merged variants: its position in each variant, None where absent."""

    at: tuple[int | None, ...]


class _Cluster:
    """Copies that share a class: variants of structure, each with the copies that have it."""

    def __init__(self, first: list[FunctionPlan]) -> None:
        self.variants = [first]
        self.merged = [_Merged((i,)) for i in range(len(first[0].steps))]
        self.bypasses: dict[int, int] = {}
        self.wiring = _wire(self.variants, self.merged, {})

    @property
    def copies(self) -> list[FunctionPlan]:
        return [one for variant in self.variants for one in variant]

    def join(self, variant: list[FunctionPlan]) -> bool:
        """Take a variant in, if its steps are those of this class save for optional ones."""
        graphs = [plans[0].graph for plans in (*self.variants, variant)]
        if len({len(g.inputs) for g in graphs}) > 1 or len({len(g.outputs) for g in graphs}) > 1:
            return False
        if len({plans[0].ranks for plans in (*self.variants, variant)}) > 1:
            return False
        variants = [*self.variants, variant]
        merged = _align(self.merged, self.variants, variant[0])
        runs = _optional_runs(merged)
        if len(runs) > MOST_OPTIONAL or 3 * sum(None not in m.at for m in merged) < len(merged):
            return False
        optional = [i for i, m in enumerate(merged) if None in m.at]
        widths = [len(_some(variants, merged[i]).inputs) for i in optional]
        for choice in product(*map(range, widths)):
            bypasses = dict(zip(optional, choice, strict=True))
            try:
                wiring = _wire(variants, merged, bypasses)
                _groups(merged, wiring, bypasses)
            except Differs:
                continue
            self.variants, self.merged, self.bypasses = variants, merged, bypasses
            self.wiring = wiring
            return True
        return False

    def pieces(self) -> list[_Cluster]:
        """The variants apart, or the copies when there is one variant."""
        if len(self.variants) > 1:
            return [_Cluster(variant) for variant in self.variants]
        return [_Cluster([one]) for one in self.copies]

    def build(self, name: str, is_model: bool = False, taken: Iterable[str] = ()) -> ClassPlan:
        """The class. `taken` are names of classes."""
        return _Builder(self, name, is_model, taken).build()


class _Wiring(Record):
    """How members of a class are connected; values are numbered, the inputs first."""

    inputs: tuple[tuple[int, ...], ...]
    outputs: tuple[tuple[int, ...], ...]
    results: tuple[int, ...]


def _clusters(plans: Sequence[FunctionPlan]) -> list[_Cluster]:
    """Group copies by structure, then let variants join one another."""
    variants: dict[tuple[object, ...], list[FunctionPlan]] = {}
    for one in plans:
        variants.setdefault(_structure(one), []).append(one)
    clusters: list[_Cluster] = []
    for variant in sorted(variants.values(), key=lambda v: -len(v[0].steps)):
        if not any(cluster.join(variant) for cluster in clusters):
            clusters.append(_Cluster(variant))
    return clusters


def _structure(one: FunctionPlan) -> tuple[object, ...]:
    """Equal for copies with the same steps, connected in the same way."""
    number = {value.name: i for i, value in enumerate(one.graph.inputs)}
    nodes: dict[str | None, int] = {None: -1}
    parts: list[object] = [tuple(value.type.rank for value in one.graph.inputs)]
    for index, step in enumerate(one.steps):
        for node in step.nodes:
            nodes[node.name] = index
        wired = tuple(number[value] for value in step.inputs)
        parts.append((step.pattern, wired, nodes[step.owner]))
        for value in step.outputs:
            number[value] = len(number)
    parts.append(tuple(number[value] for value in one.outputs))
    return tuple(parts)


def _some(variants: Sequence[list[FunctionPlan]], merged: _Merged) -> Step:
    """The step in a variant that has it."""
    return next(
        plans[0].steps[at] for plans, at in zip(variants, merged.at, strict=True) if at is not None
    )


def _align(
    merged: Sequence[_Merged], variants: Sequence[list[FunctionPlan]], new: FunctionPlan
) -> list[_Merged]:
    """Merged steps with those of one more variant, by their longest common subsequence."""
    left = [_key(_some(variants, m)) for m in merged]
    right = [_key(step) for step in new.steps]
    length = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for i in reversed(range(len(left))):
        for j in reversed(range(len(right))):
            best = max(length[i + 1][j], length[i][j + 1])
            length[i][j] = 1 + length[i + 1][j + 1] if left[i] == right[j] else best
    result: list[_Merged] = []
    i = j = 0
    none = (None,) * len(variants)
    while i < len(left) or j < len(right):
        if i < len(left) and j < len(right) and left[i] == right[j]:
            result.append(_Merged((*merged[i].at, j)))
            i, j = i + 1, j + 1
        elif j == len(right) or (i < len(left) and length[i + 1][j] >= length[i][j + 1]):
            result.append(_Merged((*merged[i].at, None)))
            i += 1
        else:
            result.append(_Merged((*none, j)))
            j += 1
    return result


def _key(step: Step) -> tuple[object, ...]:
    return step.place[0], step.pattern


def _wire(
    variants: Sequence[list[FunctionPlan]], merged: Sequence[_Merged], bypasses: Mapping[int, int]
) -> _Wiring:
    """Connect members so that every variant reads what it read. Raises Differs."""
    plans = [variant[0] for variant in variants]
    meaning: list[list[str | None]] = [
        [plan.graph.inputs[i].name for plan in plans] for i in range(len(plans[0].graph.inputs))
    ]
    inputs: list[tuple[int, ...]] = []
    outputs: list[tuple[int, ...]] = []
    for index, member in enumerate(merged):
        steps = [
            p.steps[at] if at is not None else None for p, at in zip(plans, member.at, strict=True)
        ]
        some = next(step for step in steps if step is not None)
        read = tuple(
            _find(meaning, [s.inputs[i] if s is not None else None for s in steps])
            for i in range(len(some.inputs))
        )
        inputs.append(read)
        made = []
        for port in range(len(some.outputs)):
            around = meaning[read[bypasses[index]]] if index in bypasses else [None] * len(plans)
            made.append(len(meaning))
            meaning.append(
                [
                    s.outputs[port] if s is not None else b
                    for s, b in zip(steps, around, strict=True)
                ]
            )
        outputs.append(tuple(made))
    results = tuple(
        _find(meaning, [plan.outputs[i] for plan in plans]) for i in range(len(plans[0].outputs))
    )
    return _Wiring(tuple(inputs), tuple(outputs), results)


def _find(meaning: Sequence[Sequence[str | None]], wanted: Sequence[str | None]) -> int:
    """The newest value that is, in each variant, the wanted one."""
    for number in reversed(range(len(meaning))):
        if all(w is None or m == w for m, w in zip(meaning[number], wanted, strict=True)):
            return number
    raise Differs


def _optional_runs(merged: Sequence[_Merged]) -> list[tuple[int, int]]:
    """First and last position of neighbouring steps that the same variants have."""
    runs: list[tuple[int, int]] = []
    for index, member in enumerate(merged):
        if None not in member.at:
            continue
        if runs and runs[-1][1] == index - 1 and _absent(merged[index - 1]) == _absent(member):
            runs[-1] = runs[-1][0], index
        else:
            runs.append((index, index))
    return runs


def _absent(member: _Merged) -> tuple[bool, ...]:
    return tuple(at is None for at in member.at)


def _groups(
    merged: Sequence[_Merged], wiring: _Wiring, bypasses: Mapping[int, int]
) -> list[tuple[int, int, int, int]]:
    """Optional runs with their one result and the value that stands for it. Raises Differs."""
    found = []
    for first, last in _optional_runs(merged):
        inside = {v for i in range(first, last + 1) for v in wiring.outputs[i]}
        outside = [*wiring.results]
        for index, read in enumerate(wiring.inputs):
            if not first <= index <= last:
                outside += read
        results = sorted(inside & set(outside))
        if len(results) != 1:
            raise Differs
        bypass = results[0]
        while bypass in inside:
            index = next(i for i, values in enumerate(wiring.outputs) if bypass in values)
            bypass = wiring.inputs[index][bypasses[index]]
        found.append((first, last, results[0], bypass))
    return found


# -------------------------------------------------------------------- building


class _Builder:
    """Makes the class of a cluster: names its modules, merges what its copies say."""

    def __init__(self, cluster: _Cluster, name: str, is_model: bool, taken: Iterable[str]) -> None:
        self.cluster = cluster
        self.name = name
        self.copies = cluster.copies
        self.is_model = is_model
        graphs = [one.graph for one in self.copies]
        self.settings = _settings(graphs[0]) if is_model else {}
        self.parameters = Parameters(graphs, Names([*ARGUMENTS, *IMPORTED, *taken]))
        known = self.settings if is_model else self.parameters.candidates
        self.names = Names([*ARGUMENTS, *known, "deterministic"])
        self.modules: dict[str, str] = {}
        self.conditions: dict[tuple[bool, ...], tuple[str, Formula]] = {}

    def build(self) -> ClassPlan:
        wiring = self.cluster.wiring
        attributes = [self._attribute(index) for index in range(len(self.cluster.merged))]
        self.parameters.names.taken.update(name for name in attributes if name is not None)
        found: dict[int, Member] = {}
        optional = [None in merged.at for merged in self.cluster.merged]
        for index in sorted(range(len(attributes)), key=lambda i: optional[i]):
            attribute, steps = attributes[index], self._steps(index)
            some = next(step for step in steps if step is not None)
            apply = self._merge(steps, lambda s: s.apply, attribute or some.family, stored=True)
            makes: tuple[Expr, ...] = ()
            if some.is_loop:
                makes = self._rounds(steps, attribute or some.family)
            elif some.makes:
                makes = self._constructors(steps, attribute or some.family)
            inputs, outputs = wiring.inputs[index], wiring.outputs[index]
            owner = some.owner is not None
            found[index] = Member(steps, inputs, outputs, attribute, owner, makes, apply)
        members = [found[index] for index in range(len(attributes))]
        members = [self._with_choice(member) for member in members]
        groups = [
            Group(first, last, result, bypass, *self._condition(members, first, last))
            for first, last, result, bypass in _groups(
                self.cluster.merged, wiring, self.cluster.bypasses
            )
        ]
        used = self.parameters.ordered()
        if self.settings:
            used = tuple(
                Parameter(name, "features", (value,), True, True, value)
                for name, value in self.settings.items()
                if any(_mentions(make, name) for m in members for make in m.makes)
            )
        graph = self.copies[0].graph
        return ClassPlan(
            self.name, graph.definition, self.copies, members, groups, len(graph.inputs),
            wiring.results, used, tuple(self.parameters.stored),
        )  # fmt: skip

    def _steps(self, index: int) -> tuple[Step | None, ...]:
        """The step in each copy."""
        at = self.cluster.merged[index].at
        return tuple(
            one.steps[position] if position is not None else None
            for variant, position in zip(self.cluster.variants, at, strict=True)
            for one in variant
        )

    # ------------------------------------------------------------------- names

    def _attribute(self, index: int) -> str | None:
        """The attribute of a step's module: the node's name, or the stage's for a loop."""
        steps = [step for step in self._steps(index) if step is not None]
        some = steps[0]
        if some.owner is not None:
            name = self.modules[some.owner]
            if any(self.modules.get(step.owner or "") != name for step in steps):
                raise Differs
            self.modules.update((step.node.name, name) for step in steps)
            return name
        if not some.makes:
            return None
        if some.is_loop:
            wanted = self._loop_name(some)
        else:
            callee = some.cls.definition if some.cls is not None else some.family
            wanted = identifier(some.node.name, callee, attribute=True)
        name = self.names.new(wanted)
        for step in steps:
            for node in step.nodes:
                self.modules[node.name] = name
        return name

    def _loop_name(self, step: Step) -> str:
        node, cls = step.node, step.cls
        assert cls is not None
        if node.region and self._fills_region(step):
            return identifier(node.region[-1], "stage", attribute=True)
        if node.label:
            return identifier(node.label, cls.definition, attribute=True)
        stem = _stem(step)
        name = identifier(plural(stem), cls.definition, attribute=True)
        alike = [s for s in self.copies[0].steps if s.is_loop and _stem(s) == stem]
        if len(alike) == 1:
            return name
        return f"{name}{1 + next((i for i, s in enumerate(alike) if s is step), len(alike))}"

    def _fills_region(self, step: Step) -> bool:
        """Whether the stage has no other modules than those of the loop."""
        region = step.node.region
        for other in self.copies[0].steps:
            inside = other.node.region[: len(region)] == region
            if inside and other is not step and (other.makes or other.owner):
                return False
        return True

    def _condition(
        self, members: Sequence[Member], first: int, last: int
    ) -> tuple[str, Formula, bool]:
        """The attribute and the condition of optional steps, and whether it is negated."""
        group = members[first : last + 1]
        present = tuple(step is not None for step in group[0].steps)
        absent = tuple(not there for there in present)
        if absent in self.conditions:
            return *self.conditions[absent], True
        if present not in self.conditions:
            wanted = _flag_name(group, members[last + 1 :])
            formula = self.parameters.flag(present, wanted, self._channels(members, last))
            known = formula.template == "{0}"
            name = formula.names[0] if known else self.names.new(identifier(wanted))
            self.conditions[present] = name, formula
        return *self.conditions[present], False

    def _channels(self, members: Sequence[Member], last: int) -> tuple[int, ...]:
        """The channels of the first value that is read where optional steps are or are not."""
        result = members[last].outputs[0]
        for member in members:
            if result in member.inputs:
                at = member.inputs.index(result)
                return tuple(
                    one.graph.types[step.inputs[at]].channels if step is not None else 0
                    for one, step in zip(self.copies, member.steps, strict=True)
                )
        at = self.cluster.wiring.results.index(result)
        return tuple(one.graph.types[one.outputs[at]].channels for one in self.copies)

    def _with_choice(self, member: Member) -> Member:
        """A call of several classes with the conditions that choose."""
        if len(member.classes) < 2 or not member.makes:
            return member
        here = [step for step in member.steps if step is not None]
        types = {len(step.types[0].shape): step.types[0].channels for step in here}
        channels = tuple(
            step.types[0].channels if step is not None else next(iter(types.values()))
            for step in member.steps
        )
        conditions = tuple(
            self.parameters.flag(
                [step is not None and step.cls is cls for step in member.steps],
                f"{member.name}_{snake(cls.name)}",
                channels,
            )
            for cls in member.classes[:-1]
        )
        return replace(member, conditions=conditions)

    # ----------------------------------------------------------------- merging

    def _constructors(self, steps: Sequence[Step | None], hint: str) -> tuple[Expr, ...]:
        """The constructor of a module; of a call, one for each class that copies call."""
        names = dict.fromkeys(s.cls.name if s.cls else "" for s in steps if s is not None)
        found = []
        for name in names:
            chosen = [
                s if s is not None and (s.cls.name if s.cls else "") == name else None
                for s in steps
            ]
            found.append(self._merge(chosen, lambda s: s.makes[0], hint))
        return tuple(found)

    def _merge(
        self,
        steps: Sequence[Step | None],
        part: Callable[[Step], Expr],
        hint: str,
        stored: bool = False,
    ) -> Expr:
        """One expression for what all copies say."""
        present = [part(step) for step in steps if step is not None]
        where = [step is not None for step in steps]
        return self._merge_present(present, where, hint, stored)

    def _merge_present(
        self, present: Sequence[Expr], where: Sequence[bool], hint: str, stored: bool = False
    ) -> Expr:
        def resolve(values: list[Value]) -> Expr:
            if self.is_model:
                return values[0] if stored else self._setting(values[0])
            every = iter(values)
            spread = [next(every) if there else None for there in where]
            kind = values[0].kind or "value"
            if any(v.kind == "classes" for v in values):
                classes = self.parameters.classes(spread)
                if classes is not None:
                    return classes
                spread = [Value(v.value, "features") if v is not None else None for v in spread]
                kind = "features"
            expr = self.parameters.resolve(spread, f"{hint}_{kind}")
            if stored and isinstance(expr, Formula):
                self.parameters.store(expr)
            return expr

        return merge_exprs(present, resolve)

    def _setting(self, value: Value) -> Expr:
        """A value of a model, or the setting that it follows."""
        if value.kind == "classes":
            for name, number in self.settings.items():
                if value.value == number:
                    return Text(name)
        return value

    def _rounds(self, steps: Sequence[Step | None], hint: str) -> tuple[Expr, ...]:
        """Constructors of the rounds of a loop.

        In a class with one copy each round has its own. In others the number of rounds is
        a parameter, so there is one for all: `for i in range(n)`.
        """
        present = [step for step in steps if step is not None]
        where = [step is not None for step in steps]
        if len(steps) == 1:
            return tuple(self._merge_present([m], [True], hint) for m in present[0].makes)
        count = self._merge_present(
            [Many("(", (Value(len(s.makes), "count"),)) for s in present], where, f"{hint}_count"
        )
        return count, self._round(present, where, hint)

    def _round(self, steps: Sequence[Step], where: Sequence[bool], hint: str) -> Expr:
        """The constructor of round i of every copy."""
        first = [step.makes[0] for step in steps]
        parts: list[Expr] = []
        for place, values in enumerate(zip(*(_values(make) for make in first), strict=True)):
            series = [[_values(make)[place].value for make in step.makes] for step in steps]
            parts.append(self._series(series, values[0].kind, where, hint))
        say = iter(parts)
        return merge_exprs(first, lambda _: next(say))

    def _series(
        self, series: list[list[object]], kind: str, where: Sequence[bool], hint: str
    ) -> Expr:
        """A value of every round in terms of i: constant, rising, or other in the first."""

        def say(values: Sequence[object]) -> Expr:
            return self._merge_present([Value(v, kind) for v in values], where, f"{hint}")

        if all(len(set(s)) == 1 for s in series):
            return say([s[0] for s in series])
        numbers = [[v for v in s if isinstance(v, int)] for s in series]
        if all(
            len(n) == len(s) and len({b - a for a, b in pairwise(n)}) == 1
            for n, s in zip(numbers, series, strict=True)
        ):
            start, step = say([n[0] for n in numbers]), say([n[1] - n[0] for n in numbers])
            return Join("+", (start, Join("*", (step, Text("i")))))
        if all(len(set(s[1:])) == 1 for s in series):
            first, later = say([s[0] for s in series]), say([s[1] for s in series])
            return Either(first, Text("i == 0"), later)
        raise Differs


def _stem(step: Step) -> str:
    """The name of a step's first node without its number."""
    name = step.node.name
    word = step.cls.definition if step.cls is not None else ""
    end = name.rfind(word) + len(word)
    return name[:end] if name[end:].isdigit() else name


def _values(make: Apply) -> list[Value]:
    """The values of a constructor call, in order."""
    return [part for part in walk(make) if isinstance(part, Value)]


def _flag_name(group: Sequence[Member], after: Sequence[Member]) -> str:
    """What to call the parameter that says whether optional steps are there."""
    words = [node_word(member.step) for member in group]
    if words[-1] == "add" and not any(member.makes for member in group[:-1]):
        return "residual"
    result = group[-1].outputs[0]
    reader = next((member for member in after if result in member.inputs), None)
    if reader is not None and node_word(reader.step) == "add":
        return "project"
    named = next((member for member in group if member.name is not None), None)
    return f"with_{named.name if named is not None else words[0]}"


def node_word(step: Step) -> str:
    """The operator's word, or the block's name."""
    op = step.node.op
    return op.word if isinstance(op, Op) else op.function


def _settings(graph: Graph) -> dict[str, int]:
    """Arguments of a model that its users change most: the number of classes."""
    return {
        identifier(name): value
        for name, value in graph.arguments
        if name in SETTINGS and isinstance(value, int) and not isinstance(value, bool)
    }


def _mentions(expr: Expr, name: str) -> bool:
    return any(isinstance(part, Text) and part.text == name for part in walk(expr))
