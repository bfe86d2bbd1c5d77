"""Instances of a rule: its left side with numbers for its holes, and what stands in its place.

The left side is elaborated like any other statements, with the holes as variables; the rule itself
must then find it, and its right side is elaborated and fitted as at any other place. Maps are
H×W with symbols, so what holds of an instance holds for maps of every size; where a rule asks
for the size, it is a number as well.
"""

from __future__ import annotations

from itertools import zip_longest

from ...arguments import ArgumentProblem
from ...diagnostics import CnnError
from ...elaborate.fragment import elaborate_fragment
from ...evaluate.scope import Scope
from ...evaluate.values import Given
from ...graph import Graph, Module
from ...passes.flatten import flatten
from ...record import Record, replace
from ...symbol import variable
from ...syntax import Apply, Name
from ...types import TensorType, map_type
from ...window import Padding
from ..fit import PADDED
from ..match import find
from ..pattern import LAYERS
from ..placing import NotHere
from ..replacement import both_sides
from ..view import View
from .holes import PADDINGS, guessed, holes_of, numbered, parameters_of, values_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ...bind import Defaults
    from ...syntax import Body
    from ..rule import Rewrite
    from ..view import Match
    from .holes import Number, Values

CHANNELS = "C"
"""What the channels of the input are called."""
SIZES = ("H", "W")
"""What the sizes of a map are called."""
HALF = 0
"""The number of padding by half."""
MOST_TRIALS = 200
MOST_MISFITS = 60


class Unmatched(Exception):
    """With these numbers the left side is not what the rule looks for."""


class Ground(Record):
    """What flows in.

    Arguments:
        is_map: whether it is a map, or a vector.
        is_sized: whether the map's size is known: two more numbers.
        rectified: whether it comes out of a `relu`.
    """

    is_map: bool = True
    is_sized: bool = False
    rectified: bool = False

    def type(self, values: Values) -> TensorType:
        channels = values[CHANNELS]
        if not self.is_map:
            return TensorType((channels,))
        height, width = (values[n] if self.is_sized else variable(n) for n in SIZES)
        return map_type(height, width, channels)

    @property
    def numbers(self) -> tuple[Number, ...]:
        sizes = SIZES if self.is_sized else ()
        return (numbered(CHANNELS, "width"), *(numbered(name, "extent") for name in sizes))


GROUNDS = (Ground(), Ground(is_sized=True), Ground(is_map=False), Ground(rectified=True))


class Instance(Record):
    """Both sides with all numbers known: graphs whose inputs and outputs correspond.

    Neither has calls.
    """

    values: Values
    left: Graph
    right: Graph

    @property
    def fits(self) -> bool:
        """Whether the right side gives what the left one does."""
        return self.left.output_types == self.right.output_types


class Bench:
    """Where instances of one rule are made, from one kind of input."""

    def __init__(self, rewrite: Rewrite, ground: Ground) -> None:
        assert rewrite.equation is not None
        self.rewrite = rewrite
        self.pattern = rewrite.equation.left
        self.ground = ground
        self.holes = holes_of(rewrite)
        self.is_guess = bool(guessed(rewrite))
        own = (number for hole in self.holes.values() for number in hole.numbers)
        self.numbers = {number.name: number for number in (*ground.numbers, *own)}

    def make(self, values: Values, padding: int = HALF) -> Instance:
        """Raises Unmatched, NotHere when the right side does not fit, CnnError when it never can.

        Arguments:
            padding: the number in `PADDINGS` of what may have any on the left side.
        """
        rule = self.rewrite.ref.rule
        assert rule.left is not None
        scope = Scope(self.rewrite.namespace, dict(self.rewrite.given))
        inputs = [(name, self.ground.type(values)) for name, _ in self.pattern.inputs]
        defaults = self._defaults(PADDINGS[padding])
        try:
            made = values_of(self.holes, values, scope)
            fragment = elaborate_fragment(
                self._statements(rule.left),
                self.rewrite.namespace,
                inputs,
                dict(scope.variables),
                (),
                lambda statement: defaults,
            )
        except (ArgumentProblem, CnnError):
            raise Unmatched from None
        view = View(fragment.graph, Module("rule", (*fragment.functions, fragment.graph)))
        arguments = tuple((n, made[n]) for n in parameters_of(rule) if n in made)
        rewrite = replace(self.rewrite, given=(*self.rewrite.given, *arguments))
        try:
            match = self._match(rewrite, view, made)
            left, right, whole = both_sides(rewrite, match, view, ())
        except CnnError as problem:
            if not self.is_guess:
                raise
            raise NotHere(problem.diagnostics[0].message) from None
        return Instance(
            values,
            flatten(Module("left", (*fragment.functions, left))),
            flatten(Module("right", (*whole.functions, right))),
        )

    def _statements(self, left: Body) -> Body:
        if not self.ground.rectified:
            return left
        first = Apply((), Name("relu", left.span), (), None, None, None, left.span)
        return replace(left, statements=(first, *left.statements))

    def _defaults(self, padding: Padding | str) -> Defaults:
        """What the left side leaves open: no biases, and these paddings.

        Pools have no padding by half, and transposed convolutions one that keeps multiples.
        """
        span = self.rewrite.ref.rule.span
        is_half = padding == "half"
        pads = {
            cls.word: Padding() if is_half and cls.family == "pool" else padding for cls in PADDED
        }
        pads["deconv"] = "same" if is_half else padding
        bias = Given("bias", False, span)
        return (
            *((word, (bias,)) for word in LAYERS),
            *((word, (Given("pad", pad, span),)) for word, pad in pads.items()),
        )

    def _match(self, rewrite: Rewrite, view: View, made: Mapping[str, object]) -> Match:
        """The match of the whole left side, with the values that it was made with."""
        count = len(view.graph.nodes) - self.ground.rectified
        counted = [n for n, h in self.holes.items() if h.numbers[0].role != "choice"]
        for match in find(rewrite, view):
            found = dict(match.holes)
            alike = all(found.get(name) == made[name] for name in counted)  # sums have no order
            if len(match.removed) == count and alike:
                return match
        raise Unmatched


# ----------------------------------------------------------------------- search


class Search(Record):
    """What came of looking for an instance.

    Arguments:
        bench, instance: where one was found, and it; None where there is none.
        padding: with which.
        reason: why the right side did not fit, where the left side could be made.
        is_guess: whether parameters had to be guessed, so that nothing follows from that.
    """

    bench: Bench | None
    instance: Instance | None
    padding: int = HALF
    reason: str = ""
    is_guess: bool = False


def first_instance(rewrite: Rewrite) -> Search:
    """An instance with small numbers. Raises CnnError for a rule that is wrong everywhere."""
    misfits: list[str] = []
    benches = [Bench(rewrite, ground) for ground in GROUNDS]
    for trials in (_usual, _changed, _mixed):
        for bench in benches:
            for values, padding in trials(bench.numbers):
                try:
                    instance = bench.make(values, padding)
                except Unmatched:
                    continue
                except NotHere as problem:
                    misfits.append(str(problem))
                else:
                    if instance.fits:
                        return Search(bench, instance, padding)
                    misfits.append(_misfit(instance))
                if len(misfits) == MOST_MISFITS:
                    return Search(None, None, HALF, misfits[0], bench.is_guess)
    return Search(None, None, HALF, misfits[0] if misfits else "", benches[0].is_guess)


def several(bench: Bench, most: int) -> list[Instance]:
    """Instances with small numbers, as many as there are up to some."""
    found: dict[tuple[int, ...], Instance] = {}
    for trials in (_usual, _changed, _mixed):
        for values, padding in trials(bench.numbers):
            if len(found) == most:
                break
            try:
                instance = bench.make(values, padding)
            except (Unmatched, NotHere):
                continue
            if instance.fits:
                found[(padding, *values.values())] = instance
    return list(found.values())


def _misfit(instance: Instance) -> str:
    types = zip(instance.left.output_types, instance.right.output_types, strict=True)
    old, new = next((old, new) for old, new in types if old != new)
    return f"it would give {new} where {old} is needed"


def _usual(numbers: Mapping[str, Number]) -> Iterator[tuple[Values, int]]:
    """The most usual numbers."""
    yield {name: number.options[0] for name, number in numbers.items()}, HALF


def _changed(numbers: Mapping[str, Number]) -> Iterator[tuple[Values, int]]:
    """One other than usual, or the size of the map, or the padding."""
    ((usual, _),) = _usual(numbers)
    for row in zip_longest(*(number.options[1:] for number in numbers.values())):
        for name, value in zip(numbers, row, strict=True):
            if value is not None:
                yield {**usual, name: value}, HALF
            if value is not None and name in SIZES:
                yield {**usual, **dict.fromkeys(SIZES, value)}, HALF
    for padding in range(len(PADDINGS)):
        yield usual, padding


def _mixed(numbers: Mapping[str, Number]) -> Iterator[tuple[Values, int]]:
    """Several other than usual: always the same ones."""
    from random import Random

    ((usual, _),) = _usual(numbers)
    random = Random(0)
    for _ in range(MOST_TRIALS):
        changed = random.sample(list(numbers), random.randint(1, len(numbers)))
        other = {name: random.choice(numbers[name].options) for name in changed}
        yield {**usual, **other}, random.randrange(len(PADDINGS))
