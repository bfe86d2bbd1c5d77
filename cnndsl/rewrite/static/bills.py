"""What the operators of one instance cost: parameters, and MACs by position.

The ledgers of the operators are asked, as for any network, on large maps. Of the MACs, a
polynomial in H and W with floors, the factor of H·W is what counts there; over that of the output
it is the work for one position of the output. Three sizes that are a period of all floors apart
give it exactly.
"""

from __future__ import annotations

from fractions import Fraction
from math import lcm, prod

from ...op import Op
from ...record import Record
from ...symbol import Symbol, at
from ...types import TensorType
from .instances import SIZES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...graph import Node
    from ...symbol import Size
    from .instances import Instance

    Costing = tuple[Fraction, Fraction, Fraction]
    """Parameters, MACs for each position, other MACs."""

LARGE = 1000
"""Maps of at least this size are large: all windows fit many times."""


class Bill(Record):
    """What the operators of one instance cost.

    Arguments:
        words: those that cost anything, of the left side and then of the right.
        rows: for each its parameters, its MACs for each position, its other MACs.
        split: how many are on the left side.
    """

    words: tuple[str, ...]
    rows: tuple[Costing, ...]
    split: int

    @property
    def totals(self) -> tuple[Fraction, ...]:
        """The sums of both sides."""
        sides = (self.rows[: self.split], self.rows[self.split :])
        return tuple(sum((row[i] for row in side), Fraction(0)) for side in sides for i in range(3))


def bill(instance: Instance) -> Bill:
    """The costs of an instance, operator by operator."""
    left, right = instance.left, instance.right
    sizes = [n for g in (left, right) for type in g.types.values() for n in type.shape]
    period = lcm(*(size.period for size in sizes if isinstance(size, Symbol)))
    first = -(-LARGE // period)
    maps = [(first + n) * period for n in range(3)]
    is_symbolic = any(isinstance(size, Symbol) for size in sizes)
    areas = [_sized(left.output_types[0], n).area for n in maps]
    unit = _growth(areas, period) or Fraction(1 if is_symbolic else at(areas[0], {}))
    rows: dict[str, list[tuple[str, Costing]]] = {}
    for graph in (left, right):
        types = [{name: _sized(type, n) for name, type in graph.types.items()} for n in maps]
        rows[graph.name] = [
            (node.op.word, costing)
            for node in graph.nodes
            if isinstance(node.op, Op)
            and any(costing := _costing(node, node.op, types, unit, period, is_symbolic))
        ]
    every = [*rows[left.name], *rows[right.name]]
    words, costings = tuple(word for word, _ in every), tuple(costing for _, costing in every)
    return Bill(words, costings, len(rows[left.name]))


def _costing(
    node: Node,
    op: Op,
    types: Sequence[Mapping[str, TensorType]],
    unit: Fraction,
    period: int,
    is_symbolic: bool,
) -> Costing:
    inputs = [[known[value] for value in node.inputs] for known in types]
    weights = op.weights(*inputs[0]) if node.weights is None else ()
    params = sum(prod(weight.shape) for weight in weights if weight.trainable)
    macs = [at(op.work(*given).get("mac", 0), {}) for given in inputs]
    once = is_symbolic and macs[0] == macs[1]
    many = _growth(macs, period) if is_symbolic else Fraction(macs[0])
    return Fraction(params), many / unit, Fraction(macs[0] if once else 0)


def _sized(type: TensorType, size: int) -> TensorType:
    """A type on a square map of known size."""
    values = dict.fromkeys(SIZES, size)
    return TensorType(tuple(at(n, values) for n in type.shape), type.dtype)


def _growth(values: Sequence[Size], step: int) -> Fraction:
    """The factor of N² in a polynomial, from its values for N, N + step and N + 2·step."""
    small, middle, large = (at(value, {}) for value in values)
    return Fraction(large - 2 * middle + small, 2 * step * step)
