"""Finding a left side in a graph, anchored at its first operator.

From the anchor the pattern is followed along the values that are known so far,
to their producer or to one of their consumers, in the order of arguments; only
`add` and `mul` may change theirs, and a sum at the end of a left side may have
further terms. What an author never has to write is checked
too: values inside the match are used nowhere else, and weights that go away are
nobody else's. A match that comes to nothing leaves the reason why, and the one
that came furthest is what `--why-not` tells.
"""

from __future__ import annotations

from itertools import permutations

from ..arguments import AUTO, ArgumentProblem, flag, format_value, kind_of
from ..diagnostics import CnnError
from ..evaluate.expressions import evaluate, lookup, value_of
from ..evaluate.scope import Scope
from ..evaluate.values import BlockRef, Given, OpRef, spoken
from ..graph import Call, Node
from ..op import Op
from ..record import replace
from ..syntax import Binary, Dims, Expr, Name
from ..window import Window
from .conditions import WRONG, unmet, with_defaults
from .pattern import ASSOCIATIVE, BELONGING, COMMUTES, FREE, Pattern, PatternNode, names_of
from .view import Match, Refusal, View

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from ..types import TensorType
    from .rule import Rewrite


def find(
    rewrite: Rewrite,
    view: View,
    refusals: list[Refusal] | None = None,
    anchors: Iterable[Node] | None = None,
) -> list[Match]:
    """Every place of a function where a rule's left side stands, each once.

    Matches may overlap. `refusals` collects the reasons of those that came to nothing.
    With `anchors` the left side is to begin at one of these operators.
    """
    assert rewrite.equation is not None
    pattern = rewrite.equation.left
    found: dict[frozenset[str], Match] = {}
    for node in view.graph.nodes if anchors is None else anchors:
        if not _could_be(pattern.nodes[0], node, view):
            continue
        search = _Search(rewrite, view, pattern)
        match = search.at(node)
        if match is not None:
            found.setdefault(frozenset(match.removed), match)
        elif refusals is not None and search.refusal is not None:
            refusals.append(search.refusal)
    return list(found.values())


def _could_be(pattern: PatternNode, node: Node, view: View) -> bool:
    if isinstance(node.op, Call):
        return pattern.is_block and view.functions[node.op.function].definition == pattern.word
    if pattern.hole:
        return node.op.arity == (1, 1)
    return not pattern.is_block and node.op.word == pattern.word


class _State:
    """What is known on one branch of the search."""

    __slots__ = ("chains", "holes", "nodes", "values")

    def __init__(self, holes: dict[str, Any]) -> None:
        self.holes = holes
        self.values: dict[int, str] = {}
        self.nodes: dict[int, str] = {}
        self.chains: dict[int, tuple[str, ...]] = {}

    def copy(self) -> _State:
        other = _State(dict(self.holes))
        other.values = dict(self.values)
        other.nodes = dict(self.nodes)
        other.chains = dict(self.chains)
        return other


class _Mismatch(Exception):
    """A candidate does not fit, for the reason that the text says.

    Arguments:
        fitted: how much of it had fitted before, less than 1.
    """

    def __init__(self, reason: str, fitted: float = 0) -> None:
        super().__init__(reason)
        self.fitted = fitted


class _Search:
    """The search from one anchor."""

    def __init__(self, rewrite: Rewrite, view: View, pattern: Pattern) -> None:
        self.rewrite = rewrite
        self.view = view
        self.pattern = pattern
        self.refusal: Refusal | None = None
        self.order = _order(pattern)

    def at(self, node: Node) -> Match | None:
        for state in self.take(0, node, _State(dict(self.rewrite.given))):
            for match in self.extend(1, state):
                return match
        return None

    def refuse(self, node: Node, reason: str, progress: float) -> None:
        if self.refusal is None or progress > self.refusal.progress:
            self.refusal = Refusal(self.view.graph.name, node.name, reason, progress, node.span)

    def extend(self, step: int, state: _State) -> Iterator[Match]:
        if step == len(self.order):
            match = self.finished(state)
            if match is not None:
                yield match
            return
        index = self.order[step]
        pattern = self.pattern.nodes[index]
        last = self.view.nodes[state.nodes[self.order[step - 1]]]
        taken = state.nodes.values()
        candidates = [node for node in self.candidates(pattern, state) if node.name not in taken]
        if not candidates:
            self.refuse(last, f"no {_wanted(pattern)} stands beside it", step)
        for node in candidates:
            for further in self.take(index, node, state.copy(), step):
                yield from self.extend(step + 1, further)

    def candidates(self, pattern: PatternNode, state: _State) -> Iterator[Node]:
        """Operators at the right place, with the right word."""
        known = next((v for v in pattern.outputs if v in state.values), None)
        if known is not None:
            node = self.view.producers.get(state.values[known])
            while node is not None and pattern.carries and _belongs(node):
                node = self.view.producers.get(node.inputs[0])
            if node is not None and _could_be(pattern, node, self.view):
                yield node
            return
        start = next(v for v in pattern.inputs if v in state.values)
        for node in self.view.consumers.get(state.values[start], ()):
            if _could_be(pattern, node, self.view):
                yield node

    def take(self, index: int, node: Node, state: _State, progress: int = 0) -> Iterator[_State]:
        """The states in which a pattern's node is this node of the graph."""
        pattern = self.pattern.nodes[index]
        try:
            self.check(pattern, node, state)
        except _Mismatch as problem:
            self.refuse(node, str(problem), progress + problem.fitted)
            return
        state.nodes[index] = node.name
        state.chains[index] = chain = self.chain(pattern, node)
        results = [value.name for value in node.outputs]
        if chain:
            results = [self.view.nodes[chain[-1]].outputs[0].name]
        if not _joins(state.values, pattern.outputs, results):
            self.refuse(node, "it gives another value than the rule means", progress)
            return
        many = len(pattern.inputs)
        orders = permutations(node.inputs, many) if pattern.word in COMMUTES else (node.inputs,)
        for inputs in dict.fromkeys(orders):
            further = state.copy()
            if _joins(further.values, pattern.inputs, list(inputs)):
                yield further

    def chain(self, pattern: PatternNode, node: Node) -> tuple[str, ...]:
        """The norms and activations that belong to a layer."""
        chain: list[str] = []
        last = node
        while pattern.carries:
            after = self.view.next(last.outputs[0].name)
            if after is None or not _belongs(after):
                break
            chain.append(after.name)
            last = after
        return tuple(chain)

    # ---------------------------------------------------------------- operators

    def check(self, pattern: PatternNode, node: Node, state: _State) -> None:
        more = len(node.inputs) - len(pattern.inputs)
        if more and not (more > 0 and self.may_have_more(pattern)):
            raise _Mismatch(
                f"it joins {len(node.inputs)} values, the rule joins {len(pattern.inputs)}"
            )
        op = node.op
        scope = Scope(self.rewrite.namespace, state.holes)
        if isinstance(op, Call):
            given = dict(self.view.functions[op.function].arguments)
            for name, expr in pattern.said:
                if name not in given:
                    raise _Mismatch(f"it is another `{pattern.word}` than the rule means")
                self.argument(name, expr, given[name], state, scope)
            return
        if len(node.outputs) != len(pattern.outputs):
            raise _Mismatch(
                f"it gives {len(node.outputs)} values, the rule means {len(pattern.outputs)}"
            )
        if pattern.hole:
            value = operator_value(op)
            if state.holes.setdefault(pattern.hole, value) != value:
                raise _Mismatch("it is not the same operator again")
            return
        self.fields(pattern, op, self.view.inputs(node), state, scope)

    def may_have_more(self, pattern: PatternNode) -> bool:
        """Whether it may join further values: nothing of the left side reads the result."""
        read = {number for node in self.pattern.nodes for number in node.inputs}
        return pattern.word in ASSOCIATIVE and not read & {*pattern.outputs}

    def fields(
        self, pattern: PatternNode, op: Op, types: tuple[TensorType, ...], state: _State,
        scope: Scope,
    ) -> None:  # fmt: skip
        cls = type(op)
        mentioned = {name for name, _ in pattern.said}
        count = len(mentioned)
        for number, (name, expr) in enumerate(pattern.said):
            try:
                self.said(name, expr, op, types, state, scope)
            except _Mismatch as reason:
                raise _Mismatch(str(reason), (number + reason.fitted) / (count + 1)) from None
        for name in cls.fields:
            if name in mentioned or name in FREE or name not in cls.defaults:
                continue
            value, default = getattr(op, name), cls.defaults[name]
            if value != default:
                shown, meant = (format_value(v, cls.annotations[name]) for v in (value, default))
                problem = f"`{name}` is {shown}, the rule means {meant}"
                raise _Mismatch(problem, count / (count + 1))

    def said(
        self, name: str, expr: Expr, op: Op, types: tuple[TensorType, ...], state: _State,
        scope: Scope,
    ) -> None:  # fmt: skip
        """An argument that the left side mentions."""
        cls, value = type(op), getattr(op, name)
        if name == "window" and not isinstance(expr, Name):
            self.window(expr, value, state, scope)
            return
        word = expr.id if isinstance(expr, Name) else ""
        if word and word not in state.holes and lookup(word, scope) is None:
            literal = flag(cls, word)
            if literal is None:
                state.holes[word] = AUTO if value is None else value
                return
            wanted: Any = literal[1]
        else:
            wanted = evaluate(expr, scope)
        try:
            same = replace(op, **{name: kind_of(cls, name).convert(wanted)}).canonical(*types)
        except ArgumentProblem as problem:
            raise _Mismatch(f"`{name}` {problem}") from None
        if same != op:
            shown = format_value(value, cls.annotations[name])
            raise _Mismatch(f"`{name}` is {shown}, the rule says {spoken(wanted)}")

    def window(self, expr: Expr, window: Window, state: _State, scope: Scope) -> None:
        size, stride = expr, None
        if isinstance(expr, Binary) and expr.operator == "/":
            size, stride = expr.left, expr.right
        self.pair("window", size, window.size, state, scope)
        if stride is not None:
            try:
                self.pair("stride", stride, window.stride, state, scope)
            except _Mismatch as reason:
                raise _Mismatch(str(reason), 0.5) from None
        elif window.stride != (1, 1):
            shown = spoken(Window(1, 1, *window.stride)).partition("/")[2]
            raise _Mismatch(f"the stride is {shown}, the rule means 1", 0.5)

    def pair(
        self, what: str, expr: Expr, pair: tuple[int, int], state: _State, scope: Scope
    ) -> None:
        """`k×k`, `3x3`, a hole for a whole window; `2`, `s`, `1×s` for strides."""
        if isinstance(expr, Dims) and len(expr.factors) == 2:
            try:
                for factor, number in zip(expr.factors, pair, strict=True):
                    self.argument(what, factor, number, state, scope)
            except _Mismatch:
                shown = "x".join(map(str, pair))
                said = _as_said(expr, scope)
                raise _Mismatch(f"the {what} is {shown}, the rule says {said}") from None
            return
        value: object = Window(*pair)
        if what == "stride" and pair[0] == pair[1]:
            value = pair[0]
        self.argument(what, expr, value, state, scope)

    def argument(self, name: str, expr: Expr, value: object, state: _State, scope: Scope) -> None:
        if isinstance(expr, Name) and lookup(expr.id, scope) is None:
            state.holes[expr.id] = self.meant(value, scope)
            return
        wanted = evaluate(expr, scope)
        if wanted != value and str(wanted) != value:
            raise _Mismatch(f"the {name} is {spoken(value)}, the rule says {spoken(wanted)}")

    def meant(self, value: object, scope: Scope) -> object:
        """The block or operator that an argument of a call was, of which the name is kept."""
        found = lookup(value, scope) if isinstance(value, str) else None
        return found if isinstance(found, (BlockRef, OpRef)) else value

    # ---------------------------------------------------------------- the whole

    def finished(self, state: _State) -> Match | None:
        count = range(len(self.pattern.nodes))
        match = Match(
            self.view.graph.name,
            tuple(state.nodes[i] for i in count),
            tuple(state.chains[i] for i in count),
            tuple(sorted(state.values.items())),
            tuple((name, value) for name, value in state.holes.items()),
        )
        steps = len(self.order)
        first = self.view.nodes[match.nodes[0]]
        reason = self.escapes(match)
        if reason:
            self.refuse(first, reason, steps)
            return None
        try:
            match = with_defaults(self.rewrite, match, self.view)
            reason = unmet(self.rewrite, match, self.view)
        except CnnError as problem:
            if problem.diagnostics[0].code in WRONG:
                raise
            found = problem.diagnostics[0]
            label = found.labels[0].text if found.labels else ""
            reason = f"{found.message}: {label}" if label else found.message
        if reason:
            self.refuse(first, reason, steps + 1)
            return None
        return match

    def escapes(self, match: Match) -> str:
        """Why what goes away is still needed, or nothing."""
        view, removed = self.view, set(match.removed)
        given = {match.value(number) for _, number in self.pattern.outputs}
        rows = zip(self.pattern.nodes, match.nodes, strict=True)
        beside = {v for pattern, name in rows for v in match.others(pattern, view.nodes[name])}
        for name in match.removed:
            node = view.nodes[name]
            for value in node.outputs:
                if value.name in given:
                    continue
                if value.name in view.outputs:
                    return f"the value of `{name}` is an output"
                if value.name in beside:
                    return f"the value of `{name}` is added twice"
                users = view.consumers.get(value.name, [])
                outside = next((user for user in users if user.name not in removed), None)
                if outside is not None:
                    return f"`{outside.name}` needs the value of `{name}` too"
            if node.weights is not None:
                return f"`{name}` shares the weights of `{node.weights}`"
            if name in view.lent:
                return f"the weights of `{name}` are shared"
        return ""


def _as_said(expr: Expr, scope: Scope) -> str:
    """An expression as its value, or with the values that it has already."""
    try:
        return spoken(evaluate(expr, scope))
    except CnnError:
        known = {name.id: value_of(name.id, scope) for name in names_of(expr)}
        values = [f"{name} = {spoken(v)}" for name, v in known.items() if v is not None]
        return expr.span.text + (f" with {', '.join(values)}" if values else "")


def operator_value(op: Op) -> OpRef:
    """An operator as a value of the language, all its arguments given."""
    from ..source import Source, Span

    nowhere = Span(Source("", ""), 0, 0)
    given = tuple(
        Given(name, getattr(op, name), nowhere)
        for name in op.fields
        if getattr(op, name) is not None
    )
    return OpRef(op.word, given)


def _order(pattern: Pattern) -> tuple[int, ...]:
    """The nodes, each beside one that comes before it."""
    order = [0]
    known = {*pattern.nodes[0].inputs, *pattern.nodes[0].outputs}
    rest = list(range(1, len(pattern.nodes)))
    while rest:
        index = next(
            i for i in rest if known & {*pattern.nodes[i].inputs, *pattern.nodes[i].outputs}
        )
        known.update(pattern.nodes[index].inputs + pattern.nodes[index].outputs)
        order.append(index)
        rest.remove(index)
    return tuple(order)


def _joins(known: dict[int, str], numbers: tuple[int, ...], names: list[str]) -> bool:
    """Whether the values may be these; if so they are from now on."""
    if len(numbers) > len(names):
        return False
    for number, name in zip(numbers, names, strict=False):
        if known.setdefault(number, name) != name:
            return False
    return True


def _belongs(node: Node) -> bool:
    return isinstance(node.op, Op) and node.op.family in BELONGING


def _wanted(pattern: PatternNode) -> str:
    return "operator" if pattern.hole else f"`{pattern.word}`"
