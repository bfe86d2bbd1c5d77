"""What the copies of a block differ in, said by as few parameters as possible.

Where copies have different values, the vector of these values (one per copy) is
looked for among the arguments of the block: as an argument itself, as a simple
multiple or part of one, as a sum or a product of two. What is found holds for every
copy that there is. What is not found becomes a parameter of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import Any

from cnndsl.graph import Graph
from cnndsl.record import Record, replace
from cnndsl.window import Window

from .code import Expr, Formula, Value
from .naming import Names, identifier

Vector = tuple[Any, ...]
"""A value for each copy; None for a copy without the place."""

MANY = 8
"""Numbers of at least this size in some copy may count channels."""
LARGEST_FACTOR = 16
DEFAULTS: dict[str, Any] = {"stride": 1, "dilation": 1, "groups": 1}


class Parameter(Record):
    """A parameter of a class.

    Arguments:
        values: for each copy.
        positional: whether calls give it by position.
        default: what calls may leave out.
    """

    name: str
    kind: str
    values: Vector
    positional: bool = False
    has_default: bool = False
    default: Any = None

    @property
    def annotation(self) -> str:
        """Its type, as text."""
        if self.kind == "code":
            return "Callable[[jax.Array], jax.Array]"
        kinds = {type(value) for value in self.values}
        kind = kinds.pop() if len(kinds) == 1 else float if kinds == {int, float} else object
        return kind.__name__


class Parameters:
    """The parameters of a class, found while its places are worked through.

    Arguments:
        graphs: the copies.
        taken: names that the class uses otherwise.
    """

    def __init__(self, graphs: Sequence[Graph], names: Names) -> None:
        self.graphs = graphs
        self.names = names
        self.used: dict[str, Parameter] = {}
        self.stored: dict[str, None] = {}
        self.candidates: dict[str, Vector] = {}
        self._known: list[tuple[Formula, Vector, str]] = []
        self._inputs: list[str] = []
        self._arguments()
        self._channels()

    # ----------------------------------------------------------- what is known

    def _arguments(self) -> None:
        """The block's own parameters that are numbers, truth values or words."""
        for position, (name, _) in enumerate(self.graphs[0].arguments):
            values = tuple(graph.arguments[position][1] for graph in self.graphs)
            if all(isinstance(v, (bool, int, float, str)) for v in values):
                self.candidates[self.names.new(identifier(name))] = values
            elif all(isinstance(v, Window) for v in values):
                self._window(identifier(name), values)

    def _window(self, name: str, windows: Sequence[Any]) -> None:
        sides: list[tuple[str, Vector]]
        if all(w.height == w.width for w in windows):
            sides = [(name, tuple(w.height for w in windows))]
        else:
            sides = [(f"{name}_height", tuple(w.height for w in windows)),
                     (f"{name}_width", tuple(w.width for w in windows))]  # fmt: skip
        if all(w.stride_h == w.stride_w for w in windows):
            sides.append((f"{name}_stride", tuple(w.stride_h for w in windows)))
        for side, values in sides:
            if len(set(values)) > 1:
                self.candidates[self.names.new(side)] = values

    def _channels(self) -> None:
        for position, value in enumerate(self.graphs[0].inputs):
            name = "in_features"
            if len(self.graphs[0].inputs) > 1:
                name = f"{identifier(value.name)}_features"
            name = self.names.new(name)
            self._inputs.append(name)
            self.candidates[name] = tuple(g.inputs[position].type.channels for g in self.graphs)

    # --------------------------------------------------------------- resolving

    def resolve(self, values: Sequence[Value | None], hint: str) -> Expr:
        """What to write at a place with these values, None for copies without the place."""
        given = [v for v in values if v is not None]
        kind = given[0].kind
        vector = tuple(v.value if v is not None else None for v in values)
        if all(v == given[0] and type(v.value) is type(given[0].value) for v in given):
            return given[0]
        formula = self.find(vector, kind)
        if formula is not None:
            return self.use(formula, kind)
        return self.use(self._new(vector, kind, hint), kind)

    def classes(self, values: Sequence[Value | None]) -> Expr | None:
        """The argument that a number of classes is, even if it is the same in all copies."""
        vector = tuple(v.value if v is not None else None for v in values)
        own = {identifier(name) for name, _ in self.graphs[0].arguments}
        for name, known in self.candidates.items():
            if name in own and _agrees(known, vector):
                return self.use(Formula("{0}", (name,)), "classes")
        return None

    def find(self, vector: Vector, kind: str) -> Formula | None:
        """The first formula over known names that gives the vector."""
        for formula, values in self._plain(kind):
            if _agrees(values, vector):
                return formula
        for formula, values, known in self._known:
            if known == kind and _agrees(values, vector):
                return formula
        for formula, values in self._derived(kind):
            if _agrees(values, vector):
                self._known.append((formula, values, kind))
                return formula
        return None

    def use(self, formula: Formula, kind: str = "") -> Formula:
        """Make parameters of the names in a formula."""
        for name in formula.names:
            if name not in self.used or not self.used[name].kind:
                self.used[name] = self._parameter(name, kind)
        return formula

    def store(self, formula: Formula) -> None:
        """Note that `__call__` needs the names of a formula."""
        self.stored.update(dict.fromkeys(formula.names))

    def flag(self, present: Sequence[bool], wanted: str, channels: Vector) -> Formula:
        """The condition under which copies have an optional part.

        Arguments:
            channels: those of the part's result, in each copy.
        """
        for formula, values in self._conditions(channels):
            if values == tuple(present):
                return self.use(formula)
        name = self.names.new(identifier(wanted))
        self.candidates[name] = tuple(present)
        self.used[name] = Parameter(name, "flag", tuple(present), False, True, False)
        return Formula("{0}", (name,))

    def _new(self, vector: Vector, kind: str, hint: str) -> Formula:
        name = self._named_as_argument(vector) if kind == "code" else None
        name = name or self.names.new(identifier(hint))
        some = next(v for v in vector if v is not None)
        filler = 0 if isinstance(some, int) and not isinstance(some, bool) else some
        self.candidates[name] = tuple(filler if v is None else v for v in vector)
        parameter = self._parameter(name, kind)
        if None in vector and not parameter.has_default:
            parameter = replace(parameter, has_default=True, default=filler)
        self.used[name] = parameter
        return Formula("{0}", (name,))

    def _named_as_argument(self, vector: Vector) -> str | None:
        """The block's argument that differs just where the vector does, such as `act`."""
        if None in vector:
            return None
        for position, (name, _) in enumerate(self.graphs[0].arguments):
            words = tuple(graph.arguments[position][1] for graph in self.graphs)
            if all(isinstance(w, str) for w in words) and (
                len(set(words)) == len(set(vector)) == len(set(zip(words, vector, strict=True)))
            ):
                known = identifier(name)
                if known in self.used:
                    return None
                return known
        return None

    def _parameter(self, name: str, kind: str) -> Parameter:
        values = self.candidates[name]
        default = DEFAULTS.get(kind)
        has_default = default is not None and default in values
        return Parameter(name, kind, values, name in self._inputs, has_default, default)

    # ---------------------------------------------------------------- formulas

    def _derived(self, kind: str) -> Iterator[tuple[Formula, Vector]]:
        """Formulas of several terms that may say a place of this kind, the plainest first."""
        if kind == "padding":
            yield from self._halves()
        elif kind in ("features", "classes", "groups"):
            yield from self._channel_counts()

    def _plain(self, kind: str) -> Iterator[tuple[Formula, Vector]]:
        for name, values in self.candidates.items():
            known = self.used.get(name)
            if kind == "flag" or kind in ("bias", "scale"):
                if all(isinstance(v, bool) for v in values):
                    yield Formula("{0}", (name,)), values
                    yield Formula("not {0}", (name,), 0), tuple(not v for v in values)
            elif known is None:
                if kind != "padding" or name.startswith("pad"):
                    yield Formula("{0}", (name,)), values
            elif _kin(known.kind, kind):
                yield Formula("{0}", (name,)), values

    def _halves(self) -> Iterator[tuple[Formula, Vector]]:
        """Padding by half a kernel."""
        kernels = [(p.name, p.values) for p in self.used.values() if p.kind == "kernel"]
        dilations = [(p.name, p.values) for p in self.used.values() if p.kind == "dilation"]
        for name, values in kernels:
            yield Formula("{0} // 2", (name,), 2), tuple(v // 2 for v in values)
        for name, values in kernels:
            for other, factors in dilations:
                products = tuple(v // 2 * d for v, d in zip(values, factors, strict=True))
                yield Formula("{0} // 2 * {1}", (name, other), 2), products

    def _channel_counts(self) -> Iterator[tuple[Formula, Vector]]:
        """Multiples, parts, sums and products of numbers that count channels."""
        counts = [(n, v) for n, v in self._numbers() if max(v) >= MANY]
        for name, values in counts:
            for factor in range(2, LARGEST_FACTOR + 1):
                scaled = tuple(factor * v for v in values)
                yield Formula(f"{factor} * {{0}}", (name,), 2), scaled
                if all(v % factor == 0 for v in values):
                    parts = tuple(v // factor for v in values)
                    yield Formula(f"{{0}} // {factor}", (name,), 2), parts
        for name, factors in self._numbers():
            for other, values in counts:
                if name != other and max(factors) < MANY:
                    product = tuple(a * b for a, b in zip(factors, values, strict=True))
                    yield Formula("{0} * {1}", (name, other), 2), product
        for size in (2, 3, 4):
            for terms in combinations(counts, size):
                names = tuple(name for name, _ in terms)
                sums = tuple(map(sum, zip(*(v for _, v in terms), strict=True)))
                template = " + ".join(f"{{{i}}}" for i in range(size))
                yield Formula(template, names, 1), sums
        for (a, x), (b, y) in combinations(counts, 2):
            for first, second, p, q in ((a, b, x, y), (b, a, y, x)):
                differences = tuple(i - j for i, j in zip(p, q, strict=True))
                yield Formula("{0} - {1}", (first, second), 1), differences

    def _numbers(self) -> Iterator[tuple[str, Vector]]:
        for name, values in self.candidates.items():
            if all(isinstance(v, int) and not isinstance(v, bool) for v in values):
                yield name, values

    def _conditions(self, channels: Vector) -> Iterator[tuple[Formula, tuple[bool, ...]]]:
        """Truth values over known names, the plainest first."""
        for name, values in self.candidates.items():
            if all(isinstance(v, bool) for v in values):
                yield Formula("{0}", (name,)), values
                yield Formula("not {0}", (name,), 0), tuple(not v for v in values)
        padding = {name for name, p in self.used.items() if p.kind == "padding"}
        numbers = [
            (n, v)
            for n, v in self._numbers()
            if 1 in v and len(set(v)) > 1 and n not in self._inputs and n not in padding
        ]
        strides = [(n, v) for n, v in numbers if n in self.used and self.used[n].kind == "stride"]
        yield from _ones((n, v) for n, v in numbers if (n, v) not in strides)
        result = self.find(channels, "features")
        inputs = self._inputs[0]
        if result is not None and inputs not in result.names:
            yield from self._changes(result, channels, strides)
        yield from _ones(strides)

    def _changes(
        self, result: Formula, channels: Vector, strides: Sequence[tuple[str, Vector]]
    ) -> Iterator[tuple[Formula, tuple[bool, ...]]]:
        """Whether the shape changes: by a stride or in the channels, or in the channels alone."""
        inputs = self._inputs[0]
        names = (inputs, *result.names)
        wanted = result.template.format(*(f"{{{i + 1}}}" for i in range(len(result.names))))
        changes = tuple(i != c for i, c in zip(self.candidates[inputs], channels, strict=True))
        for name, values in strides:
            strided = tuple(v != 1 or c for v, c in zip(values, changes, strict=True))
            at = f"{{{len(names)}}}"
            text = f"{at} != 1 or {{0}} != {wanted}"
            yield Formula(text, (*names, name), 0), strided
            text = f"{at} == 1 and {{0}} == {wanted}"
            yield Formula(text, (*names, name), 0), tuple(not s for s in strided)
        yield Formula(f"{{0}} != {wanted}", names, 0), changes
        yield Formula(f"{{0}} == {wanted}", names, 0), tuple(not c for c in changes)

    # ----------------------------------------------------------------- results

    def ordered(self) -> tuple[Parameter, ...]:
        """The parameters: inputs' channels, the block's own in its order, then the others."""
        own = [name for name in self.candidates if name in self.used]
        inputs = [name for name in self._inputs if name in self.used]
        names = [*inputs, *(name for name in own if name not in inputs)]
        used = [self.used[name] for name in names]
        return (
            *(p for p in used if not p.has_default),
            *(p for p in used if p.has_default),
        )


def _ones(
    numbers: Iterable[tuple[str, Vector]],
) -> Iterator[tuple[Formula, tuple[bool, ...]]]:
    """Whether a number is 1."""
    for name, values in numbers:
        yield Formula("{0} != 1", (name,), 0), tuple(v != 1 for v in values)
        yield Formula("{0} == 1", (name,), 0), tuple(v == 1 for v in values)


def _agrees(values: Vector, vector: Vector) -> bool:
    return all(
        w is None or (v == w and isinstance(v, bool) == isinstance(w, bool))
        for v, w in zip(values, vector, strict=True)
    )


def _kin(one: str, other: str) -> bool:
    """Whether a name that measures one kind may say another."""
    channels = {"features", "classes", "groups", "count", ""}
    return one == other or one == "" or (one in channels and other in channels)
