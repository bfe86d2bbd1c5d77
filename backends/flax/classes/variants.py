"""How functions of different structure fit into one class.

Their steps are put side by side, as a longest common subsequence; a step that some of the
functions lack is optional. Then the class is wired: its values are numbered, and each stands for
one value in every function. Where an optional step is absent, its result stands for one of its
inputs, the bypass, so what comes after it reads the same number either way.

Each function here speaks for a variant, that is for all copies of its structure. The numbers of
a class count its inputs first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cnndsl.record import Record

from ..code import Differs
from ..planned import FunctionPlan, Step


class Merged(Record):
    """One step of merged variants: its position in each variant, None where absent."""

    at: tuple[int | None, ...]

    @property
    def absent(self) -> tuple[bool, ...]:
        """Which variants do not have it."""
        return tuple(position is None for position in self.at)

    @property
    def optional(self) -> bool:
        return None in self.at

    def steps(self, plans: Sequence[FunctionPlan]) -> list[Step | None]:
        """The step in each variant."""
        return [
            one.steps[position] if position is not None else None
            for one, position in zip(plans, self.at, strict=True)
        ]

    def step(self, plans: Sequence[FunctionPlan]) -> Step:
        """The step in some variant."""
        return next(step for step in self.steps(plans) if step is not None)


class Wiring(Record):
    """How members of a class are connected, by numbers of values.

    Arguments:
        inputs, outputs: of each member.
        results: the outputs of the class.
    """

    inputs: tuple[tuple[int, ...], ...]
    outputs: tuple[tuple[int, ...], ...]
    results: tuple[int, ...]


class Run(Record):
    """Neighbouring steps that the same variants have.

    Arguments:
        first, last: their positions.
        result: the one value of theirs that is read elsewhere.
        bypass: the value that stands for it where they are absent.
    """

    first: int
    last: int
    result: int
    bypass: int


# ------------------------------------------------------------------- alignment


def align(
    merged: Sequence[Merged], plans: Sequence[FunctionPlan], new: FunctionPlan
) -> tuple[Merged, ...]:
    """Merged steps with those of one more variant, by their longest common subsequence.

    Arguments:
        plans: the variants merged so far.
    """
    left = [_key(one.step(plans)) for one in merged]
    right = [_key(step) for step in new.steps]
    length = _common_lengths(left, right)
    result: list[Merged] = []
    i = j = 0
    none = (None,) * len(plans)
    while i < len(left) or j < len(right):
        if i < len(left) and j < len(right) and left[i] == right[j]:
            result.append(Merged((*merged[i].at, j)))
            i, j = i + 1, j + 1
        elif j == len(right) or (i < len(left) and length[i + 1][j] >= length[i][j + 1]):
            result.append(Merged((*merged[i].at, None)))
            i += 1
        else:
            result.append(Merged((*none, j)))
            j += 1
    return tuple(result)


def _key(step: Step) -> tuple[object, ...]:
    """Equal for steps that may stand side by side: of one statement and one pattern."""
    return step.place[0], step.pattern


def _common_lengths(left: Sequence[object], right: Sequence[object]) -> list[list[int]]:
    """The length of the longest common subsequence of what follows any two positions."""
    length = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for i in reversed(range(len(left))):
        for j in reversed(range(len(right))):
            best = max(length[i + 1][j], length[i][j + 1])
            length[i][j] = 1 + length[i + 1][j + 1] if left[i] == right[j] else best
    return length


# ---------------------------------------------------------------------- wiring


def wire(
    plans: Sequence[FunctionPlan], merged: Sequence[Merged], bypasses: Mapping[int, int]
) -> Wiring:
    """Connect members so that every variant reads what it read. Raises Differs.

    Arguments:
        bypasses: for each optional step, the input that its result stands for where it is absent.
    """
    meaning: list[list[str | None]] = [
        [plan.graph.inputs[i].name for plan in plans] for i in range(len(plans[0].graph.inputs))
    ]
    inputs: list[tuple[int, ...]] = []
    outputs: list[tuple[int, ...]] = []
    for index, member in enumerate(merged):
        steps, some = member.steps(plans), member.step(plans)
        read = tuple(
            _find(meaning, [s.inputs[i] if s is not None else None for s in steps])
            for i in range(len(some.inputs))
        )
        around = meaning[read[bypasses[index]]] if index in bypasses else [None] * len(plans)
        made = range(len(meaning), len(meaning) + len(some.outputs))
        meaning += (
            [s.outputs[port] if s is not None else b for s, b in zip(steps, around, strict=True)]
            for port in range(len(some.outputs))
        )
        inputs.append(read)
        outputs.append(tuple(made))
    results = tuple(
        _find(meaning, [plan.outputs[i] for plan in plans]) for i in range(len(plans[0].outputs))
    )
    return Wiring(tuple(inputs), tuple(outputs), results)


def _find(meaning: Sequence[Sequence[str | None]], wanted: Sequence[str | None]) -> int:
    """The newest value that is, in each variant, the wanted one."""
    for number in reversed(range(len(meaning))):
        if all(w is None or m == w for m, w in zip(meaning[number], wanted, strict=True)):
            return number
    raise Differs


# --------------------------------------------------------------- optional runs


def optional_spans(merged: Sequence[Merged]) -> list[tuple[int, int]]:
    """First and last position of neighbouring steps that the same variants have."""
    spans: list[tuple[int, int]] = []
    for index, one in enumerate(merged):
        if not one.optional:
            continue
        if spans and spans[-1][1] == index - 1 and merged[index - 1].absent == one.absent:
            spans[-1] = spans[-1][0], index
        else:
            spans.append((index, index))
    return spans


def runs_of(
    merged: Sequence[Merged], wiring: Wiring, bypasses: Mapping[int, int]
) -> tuple[Run, ...]:
    """The optional runs. Raises Differs where one has more results than one, or none."""
    found = []
    for first, last in optional_spans(merged):
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
        found.append(Run(first, last, results[0], bypass))
    return tuple(found)
