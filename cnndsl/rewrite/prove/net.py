"""A network under construction, whose operators are made of drawn arguments.

Arguments are drawn by their kinds: windows of every shape, strides and paddings that differ
along the sides, groups that divide the channels.
"""

from __future__ import annotations

from ...arguments import kind_of
from ...build import GraphBuilder, Place
from ...graph import Call, Graph
from ...op import Op, ShapeError
from ...source import Source, Span
from ...types import TensorType, map_type
from ...window import Padding, Window
from .choices import Choices, Unfit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

SIZES = tuple(range(7, 15))
"""Heights and widths, odd and even."""
SMALL_SIZES = tuple(range(1, 7))
"""Those that are tried less often."""
CHANNELS = (1, 2, 3, 4, 6)
WINDOWS = (1, 2, 3, 4, 5)
STRIDES = (1, 1, 1, 2, 3)
COUNTS = (1, 2, 3, 4)
LATER = ("pad", "groups")
"""Arguments whose options depend on others."""
NOWHERE = Span(Source("", ""), 0, 0)


def in_order(cls: type[Op]) -> list[str]:
    """The arguments so that each comes behind those that its options depend on."""
    return sorted(cls.fields, key=lambda field: field in LATER)


class Net:
    """A graph under construction, and the functions that it calls.

    Arguments:
        channels: numbers of channels to draw from.
        sizes: heights and widths to draw from.
    """

    def __init__(
        self,
        choices: Choices,
        functions: Sequence[Graph] = (),
        channels: Sequence[int] = CHANNELS,
        sizes: Sequence[int] = SIZES,
    ) -> None:
        self.choices = choices
        self.builder = GraphBuilder()
        self.functions = {function.name: function for function in functions}
        self.channels = channels
        self.sizes = sizes

    def types(self, values: Sequence[str]) -> tuple[TensorType, ...]:
        return tuple(self.builder.types[value] for value in values)

    def add(
        self,
        op: Op | Call,
        inputs: Sequence[str],
        label: str | None = None,
        weights: str | None = None,
    ) -> tuple[str, ...]:
        """The results of one more operator or call. Raises Unfit."""
        if isinstance(op, Call):
            word, results = op.function, self.functions[op.function].output_types
        else:
            word = op.word
            op, results = self.exact(op, self.types(inputs))
        builder = self.builder
        name = builder.unique(label) if label else builder.numbered(word)
        names = tuple(f"{name}_{number + 1}" for number in range(len(results)))
        builder.row += 1
        place = Place(NOWHERE, label, ())
        return builder.add(op, tuple(inputs), results, place, name, names, weights)

    def exact(self, op: Op, types: tuple[TensorType, ...]) -> tuple[Op, tuple[TensorType, ...]]:
        """The operator with all spelled out, and the types of its results."""
        least, most = op.arity
        if len(types) < least or (most is not None and len(types) > most):
            raise Unfit
        try:
            exact = op.canonical(*types)
            return exact, exact.infer(*types)
        except ShapeError as problem:
            raise Unfit(problem.message) from None

    def draw_type(self, name: str, first: TensorType | None = None) -> TensorType:
        """The type of an input, often that of the first one."""
        take = self.choices.take
        if first is not None and take(f"{name} like the first", (True, True, True, False)):
            return first
        channels = take(f"{name} channels", self.channels)
        if take(f"{name} is a vector", (False, False, False, False, True)):
            return TensorType((channels,))
        if first is not None and first.is_map and take(f"{name} as large", (True, False)):
            return first.with_channels(channels)
        usual = (*self.sizes, *self.sizes, *SMALL_SIZES)
        height = take(f"{name} height", usual, SMALL_SIZES)
        return map_type(height, take(f"{name} width", usual, SMALL_SIZES), channels)

    def arguments(
        self, cls: type[Op], types: tuple[TensorType, ...], results: int = 1
    ) -> Arguments:
        """Drawn arguments for the next operator."""
        name = f"{cls.word} {len(self.builder.nodes) + 1}"
        return Arguments(self.choices, self.channels, cls, types, results, name)


class Arguments:
    """Draws the arguments of one operator.

    Arguments:
        results: how many results it is to have.
        name: put before the names of the decisions.
        known: the arguments so far.
    """

    def __init__(
        self,
        choices: Choices,
        channels: Sequence[int],
        cls: type[Op],
        types: tuple[TensorType, ...],
        results: int,
        name: str,
    ) -> None:
        self.choices = choices
        self.options = channels
        self.cls = cls
        self.types = types
        self.results = results
        self.name = name
        self.known: dict[str, Any] = {}

    def value(self, field: str) -> Any:
        """A value for an argument, as its field holds it."""
        kind = kind_of(self.cls, field)
        draw = BY_FIELD.get(field) or BY_KIND.get(kind.name)
        name = f"{self.name} {field}"
        if draw is not None:
            return kind.convert(draw(self, name))
        return self.choices.take(name, kind.choices or (self.cls.defaults.get(field),))

    def drawn(self) -> dict[str, Any]:
        """All arguments, drawn."""
        for field in in_order(self.cls):
            self.known[field] = self.value(field)
        return self.known

    def groups(self, name: str) -> int:
        inputs = self.types[0].channels
        together = (inputs, self.known.get("channels", inputs))
        return self.choices.take(
            name, [n for n in range(1, inputs + 1) if all(c % n == 0 for c in together)]
        )

    def channels(self, name: str) -> int:
        """Often as many as there are."""
        inputs = self.types[0].channels
        if self.cls.word == "pad_channels":
            return inputs + self.choices.take(name, (0, 1, 2))
        if self.choices.take(f"{name} as before", (False, False, True)):
            return inputs
        return self.choices.take(name, self.options)

    def window(self, name: str) -> Window:
        return Window(*self.size(name), *self.stride(name))

    def size(self, name: str) -> tuple[int, int]:
        """Any, and now and then that of the map."""
        map_ = self.types[0]
        if self.choices.take(f"{name} covers the map", (False,) * 9 + (True,)):
            assert isinstance(map_.height, int) and isinstance(map_.width, int)
            return map_.height, map_.width
        return self.choices.pair(f"{name} size", WINDOWS)

    def stride(self, name: str) -> tuple[int, int]:
        """Any, and half of the time the same along both sides."""
        height, width = self.choices.pair(f"{name} stride", STRIDES)
        square = self.choices.take(f"{name} stride square", (True, False))
        return height, height if square else width

    def pad(self, name: str) -> Padding:
        """None, half of the window, that but shifted, or any; one manner in one drawing."""
        take = self.choices.take
        manner = take("padding", ("none", "half", "half", "shifted", "any", "any"))
        window, dilation = self.known["window"], self.known.get("dilation", (1, 1))
        amounts: list[int] = []
        for side, size, apart in zip(("rows", "columns"), window.size, dilation, strict=True):
            extent = (size - 1) * apart
            if manner == "none":
                amounts += [0, 0]
            elif manner == "any":
                amounts += [take(f"{name} {side} {end}", (0, 1, 2, 3, -1)) for end in ("lo", "hi")]
            else:
                shifts = (0, 1, -1) if manner == "shifted" else (0,)
                lo, hi = (take(f"shift of {side} {end}", shifts) for end in ("lo", "hi"))
                amounts += [extent // 2 + lo, extent - extent // 2 + hi]
        return Padding(*amounts)

    def amount(self, name: str) -> Padding:
        return Padding(*(self.choices.take(f"{name} {side}", (0, 1, 2)) for side in Padding.fields))

    def parts(self, name: str) -> int | tuple[int, ...]:
        """Channels of each part: any that add up, or the number of equal parts."""
        rest, sizes = self.types[0].channels, []
        if self.results > 1 and rest % self.results == 0 and self.choices.take(
            f"{name} equal", (True, False)
        ):  # fmt: skip
            return self.results
        for number in range(self.results - 1):
            most = rest - (self.results - 1 - number)
            if most < 1:
                raise Unfit
            sizes.append(self.choices.take(f"{name} {number}", range(1, most + 1)))
            rest -= sizes[-1]
        return (*sizes, rest) if sizes else 1


BY_FIELD: Mapping[str, Callable[[Arguments, str], object]] = {
    "groups": Arguments.groups,
    "channels": Arguments.channels,
    "bias": lambda draw, name: draw.choices.take(name, (False, True)),
    "value": lambda draw, name: draw.choices.take(name, (0.0, 0.0, -1.0, 2.0)),
    "slope": lambda draw, name: draw.choices.take(name, (0.25, 0.5, 2.0)),
    "factor": lambda draw, name: draw.choices.take(name, (2, 1, 3)),
}
"""How an argument is drawn that has options of its own."""
BY_KIND: Mapping[str, Callable[[Arguments, str], object]] = {
    "Window": Arguments.window,
    "Pad": Arguments.pad,
    "Padding": Arguments.amount,
    "Parts": Arguments.parts,
    "Count": lambda draw, name: draw.choices.take(name, COUNTS),
    "Pair": lambda draw, name: draw.choices.pair(name, (1, 2)),
    "Pair | None": lambda draw, name: draw.choices.take(name, (None, (20, 16), (9, 17))),
    "Offsets": lambda draw, name: draw.choices.pair(name, (0, 1)),
    "bool": lambda draw, name: draw.choices.take(name, (False, True)),
}
"""How the others are drawn; what is not here keeps its default."""
