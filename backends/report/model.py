"""A report as data: one object, which every format writes.

All sums agree: a line with lines below it has the sum of theirs, and the lines of the
main flow have the totals. Amounts are integers, or formulas for symbolic inputs.
"""

from __future__ import annotations

from cnndsl.history import Change
from cnndsl.record import Record
from cnndsl.symbol import Size
from cnndsl.types import TensorType

VERSION = 1
"""Of the JSON form; it changes when a reader would have to."""


class Amounts(Record):
    """What a part of a network costs, with all its copies.

    Arguments:
        parameters: trainable weights.
        statistics: running means and variances, which are no parameters.
        macs: multiply-accumulates.
        amount: operations in the convention of the report.
    """

    parameters: Size = 0
    statistics: Size = 0
    macs: Size = 0
    amount: Size = 0

    def __add__(self, other: Amounts) -> Amounts:
        return Amounts(
            self.parameters + other.parameters,
            self.statistics + other.statistics,
            self.macs + other.macs,
            self.amount + other.amount,
        )


class Line(Record):
    """A row of the table.

    Arguments:
        kind: `row`, operators of one statement; `call` of a block; `repeat`, a run of
            rows; `stage`.
        path: names of the calls around it and its own, divided by `.`.
        label: what the user calls it.
        text: what it says, `conv 3x3, 64 · bn · relu`.
        count: equal copies in a row.
        copies: how often the network has it, through all repeats and calls around it.
        outputs: the types it gives.
        amounts: of all copies together.
        share: of the network's operations, None where they are a formula.
        field: receptive field of its output, height × width; `all` is the whole input.
        lines: what is inside, if it is shown.
    """

    kind: str
    path: str
    label: str
    text: str
    count: int
    copies: int
    outputs: tuple[TensorType, ...]
    amounts: Amounts
    share: float | None = None
    field: str = ""
    lines: tuple[Line, ...] = ()


class Block(Record):
    """A function: a block for given arguments and input types.

    Arguments:
        name: of the function.
        definition: the block.
        call: the block with its arguments.
        inputs, outputs: types.
        calls: how often one run of the network runs it.
        owners: how many of those have weights of their own.
        each, total: what one call costs, and what all of them cost.
        depth: layers with weights on its longest path.
        inner: other blocks call it.
    """

    name: str
    definition: str
    call: str
    inputs: tuple[TensorType, ...]
    outputs: tuple[TensorType, ...]
    calls: int
    owners: int
    each: Amounts
    total: Amounts
    depth: int
    inner: bool


class Head(Record):
    """What exists for a training output only.

    Arguments:
        name: of the output.
        output: its type.
        weight: factor of its loss.
        amounts: what it costs.
        lines: its rows.
    """

    name: str
    output: TensorType
    weight: float
    amounts: Amounts
    lines: tuple[Line, ...]


class Coverage(Record):
    """Which operators the operations come from; none is left out.

    Arguments:
        operators: how many the network has, through all calls.
        counted: words of those with a cost in this convention, and how many there are.
        free: words of those without.
        shared: layers that use the weights of others.
    """

    operators: int
    counted: tuple[tuple[str, int], ...]
    free: tuple[tuple[str, int], ...]
    shared: int


class Report(Record):
    """Everything that is reported about a module.

    Arguments:
        name, source, dialect: of the model.
        level: `layer` or `block`.
        convention: how operations are counted.
        meaning: that convention in words.
        inputs, outputs: names and types.
        lines: the main flow, stages with their rows.
        total: of inference.
        flops: two for each multiply-accumulate.
        activations: elements that operators write.
        depth: layers with weights on the longest path.
        field, stride: receptive field of the map before the head, and the distance
            between neighbouring fields.
        blocks: each function once.
        heads: what exists in training only.
        coverage: which operators were counted.
        domain: for which input sizes all this holds.
        changes: the rules that rewrote it.
        multiples: for symbolic sizes a number that divides them, as far as that is known.
    """

    name: str
    source: str
    dialect: str
    level: str
    convention: str
    meaning: str
    inputs: tuple[tuple[str, TensorType], ...]
    outputs: tuple[tuple[str, TensorType], ...]
    lines: tuple[Line, ...]
    total: Amounts
    flops: Size
    activations: Size
    depth: int
    field: str
    stride: str
    blocks: tuple[Block, ...]
    heads: tuple[Head, ...]
    coverage: Coverage
    domain: tuple[str, ...]
    changes: tuple[Change, ...]
    multiples: tuple[tuple[str, int], ...]
