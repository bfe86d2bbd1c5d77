"""What an operator says: the arguments that differ from the defaults in force, and these.

An argument of a compiled operator can often be said in several ways: `pad=1` of a 3x3 is
`half`, and may be `same`; a bias that `auto` would choose can be left out. A setting that most
operators of a kind could say stands in a `default` line instead of in each statement.
"""

from __future__ import annotations

from cnndsl.arguments import AUTO, flag
from cnndsl.graph import Graph, Module
from cnndsl.op import OPS, Op
from cnndsl.ops.norm import Bn
from cnndsl.ops.regular import DropPath
from cnndsl.passes.cost import copies
from cnndsl.record import replace
from cnndsl.syntax import Argument, Bool, Default, List
from cnndsl.window import Padding, Window

from .literal import AT, Literal, name, number, pair, positional, side
from .rates import parts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from cnndsl.syntax import Expr
    from cnndsl.types import TensorType

    from .literal import Part

    Ways = dict[str, tuple[Any, ...]]
    """For each argument that has a default, the values that mean this operator here; that
    which is best to read comes first."""

LITERAL = ("Count", "Natural", "Positive", "Momentum", "Pair", "Offsets", "float")
"""Kinds of arguments whose values may become parameters, so that they are never left out of a
tree; at the end those that are the default are."""
COMMON = (
    "Pad", "Rounding", "bool", "bool | None", "Positive", "Momentum",
    "Order", "BlockOrder", "ResizeMode", "LrnMode",
)  # fmt: skip
"""Kinds of arguments that `default` lines are for: conventions and constants, no sizes."""
LEAST_SAVED = 2
"""Operators that a `default` line must spare a word."""
FEW = 8
"""So many times as many operators as it costs one."""


def ways_of(graph: Graph) -> dict[str, Ways]:
    """The ways to say each operator of a function, by node; a shared one says what all mean."""
    types = graph.types
    normed = _only_normed(graph)
    result: dict[str, Ways] = {}
    for node in graph.nodes:
        if isinstance(node.op, Op):
            inputs = tuple(types[value] for value in node.inputs)
            result[node.name] = _ways(node.op, inputs, node.outputs[0].name not in normed)
    for node in graph.nodes:
        if node.weights in result and node.name in result:
            result[node.weights] = both(result[node.weights], result[node.name])
    return result


def both(one: Ways, other: Ways) -> Ways:
    """The ways that two operators have in common."""
    return {field: tuple(v for v in one[field] if v in other[field]) for field in one}


def _ways(op: Op, inputs: tuple[TensorType, ...], biased: bool) -> Ways:
    return {field: tuple(_values(op, field, inputs, biased)) for field in op.defaults}


def _values(op: Op, field: str, inputs: tuple[TensorType, ...], biased: bool) -> Iterator[object]:
    value = getattr(op, field)
    if field == "bias":
        yield value
        if op.annotations[field] == "bool | None":
            chosen = getattr(replace(op, bias=None).canonical(*inputs), field)
            if value == (biased if chosen is None else chosen):
                yield None
        return
    if op.annotations[field] != "Pad":
        yield value
        return
    said = [
        word
        for word in ("same", "half")
        if getattr(replace(op, **{field: word}).canonical(*inputs), field) == value
    ]
    yield from dict.fromkeys([*said, value] if _is_uneven(value) else [value, *said])


def _only_normed(graph: Graph) -> frozenset[str]:
    """The values that nothing but batch norms read: `bias=auto` gives them no bias."""
    readers: dict[str, list[object]] = {output.value: [None] for output in graph.outputs}
    for node in graph.nodes:
        for value in node.inputs:
            readers.setdefault(value, []).append(node.op)
    return frozenset(v for v, ops in readers.items() if all(isinstance(op, Bn) for op in ops))


# -------------------------------------------------------------------------- defaults


class Settings:
    """The defaults in force in the whole network."""

    def __init__(self, hoisted: Mapping[tuple[str, str], Any], rates: Mapping[float, Part]) -> None:
        self.hoisted = hoisted
        self.rates = rates

    @classmethod
    def of(cls, module: Module, ways: Mapping[str, Mapping[str, Ways]]) -> Settings:
        """Those that spare words.

        Arguments:
            ways: of the operators, by function and node.
        """
        times = copies(module.functions)
        uses: dict[tuple[str, str], dict[tuple[Op, frozenset[Any]], int]] = {}
        for graph in module.functions:
            for node in graph.nodes:
                if isinstance(node.op, Op) and times[graph.name]:
                    for field, values in ways[graph.name][node.name].items():
                        use = uses.setdefault((node.op.word, field), {})
                        key = node.op, frozenset(values)
                        use[key] = use.get(key, 0) + times[graph.name]
        rates = parts(op.rate for use in uses.values() for op, _ in use if isinstance(op, DropPath))
        chosen = cls({}, rates)
        for word in OPS:
            chosen = cls({**chosen.hoisted, **dict(chosen._better(word, uses))}, rates)
        return chosen

    def _better(
        self, word: str, uses: Mapping[tuple[str, str], Mapping[tuple[Op, frozenset[Any]], int]]
    ) -> Iterator[tuple[tuple[str, str], Any]]:
        """Settings of an operator that save something, given those chosen so far."""
        for field in OPS[word].defaults:
            if OPS[word].annotations[field] not in COMMON:
                continue
            use = uses.get((word, field), {})
            found = {value for _, values in use for value in values}
            usual = self.value(word, field)
            better = [value for value in sorted(found, key=str) if _spares(use, value, usual)]
            if better:
                yield (word, field), max(better, key=lambda v: sum(v in key[1] for key in use))

    def value(self, word: str, field: str) -> Any:
        """What a statement means that says nothing. `default conv` is for its family, too."""
        cls = OPS[word]
        known = self.hoisted
        inherited = known.get((cls.family, field), cls.defaults[field])
        return known.get((word, field), inherited)

    def statements(self) -> list[Default]:
        """The `default` lines; operators with equal settings share one."""
        lines: dict[tuple[Argument, ...], list[str]] = {}
        for word in OPS:
            own = [(field, value) for (w, field), value in self.hoisted.items() if w == word]
            if own:
                said = tuple(_argument(OPS[word], field, value, False) for field, value in own)
                lines.setdefault(said, []).append(word)
        return [
            Default(tuple(name(word) for word in words), said, AT) for said, words in lines.items()
        ]

    def is_usual(self, word: str, argument: Argument) -> bool:
        """Whether a literal says what the statement means without it."""
        field, literal = argument.name, argument.value
        if field is None or not isinstance(literal, Literal) or field not in OPS[word].defaults:
            return False
        expected = _expression(self.value(word, field), field, OPS[word].annotations[field])
        return literal == expected

    def arguments(self, op: Op, ways: Ways) -> tuple[Argument, ...]:
        """What a statement must say to mean this operator, and literals that are usual."""
        shown: list[Argument] = []
        in_order = True
        for field in (*op.positional, *(f for f in op.fields if f not in op.positional)):
            if field not in op.defaults:
                value = getattr(op, field)
            elif self.value(op.word, field) in ways[field] and not _always_said(op, field):
                in_order = False
                if op.annotations[field] not in LITERAL:
                    continue
                value = getattr(op, field)
            else:
                value = ways[field][0]
            if isinstance(op, DropPath) and field == "rate":
                value = self.rates.get(value, value)
            shown.append(_argument(type(op), field, value, in_order and field in op.positional))
        return tuple(shown)


def _spares(use: Mapping[tuple[Op, frozenset[Any]], int], value: Any, usual: Any) -> bool:
    """Whether a default is better than the usual one: for most operators that differ in anything,
    or for nearly all that there are."""
    spared = {key: n for key, n in use.items() if value in key[1] and usual not in key[1]}
    burdened = {key: n for key, n in use.items() if usual in key[1] and value not in key[1]}
    several = len(spared) - len(burdened) >= LEAST_SAVED
    # What pads one side more than the other follows the rule of TensorFlow, even if it is alone.
    is_rule = value == "same" and any(map(_is_uneven, (way for key in spared for way in key[1])))
    total, least = sum(spared.values()), 1 if is_rule else LEAST_SAVED
    return several or (total >= least and FEW * sum(burdened.values()) <= total)


def _is_uneven(value: object) -> bool:
    return isinstance(value, Padding) and str(value).startswith("[")


def _always_said(op: Op, field: str) -> bool:
    """Whether an argument is written though it is the default: `upsample 2`, `dropout 50%`."""
    if field not in op.positional or isinstance(op.defaults[field], str):
        return False
    sized = field == "factor" and getattr(op, "size", None) is not None
    return op.family in ("reshape", "regular") and not sized


def _argument(op: type[Op], field: str, value: Any, in_order: bool) -> Argument:
    if field != "pad" and isinstance(value, str) and flag(op, value) == (field, value):
        return positional(name(value))
    expression = _expression(value, field, op.annotations[field])
    return Argument(None if in_order else field, expression, AT)


def _expression(value: Any, field: str, kind: str) -> Expr:
    """A field's value; what may differ from one specialisation to the next is a literal."""
    match value:
        case None:
            return name(AUTO)
        case bool():
            return Bool(value, AT)
        case str():
            return name(value)
        case Padding():
            return _padding(value, field)
        case Window():
            return Literal(field, AT, value)
        case (height, width) if kind.startswith(("Pair", "Offsets")):
            return Literal(field, AT, side((height, width)))
        case (count,):
            return Literal(field, AT, count)
        case tuple():
            return List(tuple(Literal(field, AT, part) for part in value), AT)
        case _:
            return Literal(field, AT, value)


def _padding(value: Padding, field: str) -> Expr:
    if value.top == value.bottom == value.left == value.right:
        return Literal(field, AT, value.top)
    sides = (value.top, value.bottom, value.left, value.right)
    if _is_uneven(value):
        return List(tuple(number(side) for side in sides), AT)
    return pair(value.top, value.left)
