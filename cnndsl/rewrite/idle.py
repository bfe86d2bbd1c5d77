"""Operators that give back what they are given: trivial windows, factors of one, and activations
of values that lie where they change nothing."""

from __future__ import annotations

from fractions import Fraction

from ..graph import Call
from ..op import Op
from ..passes.bounds import Bounds
from ..window import Padding, Window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..graph import Node
    from ..ops.activation import Times
    from ..ops.pool import AvgPool, MaxPool
    from ..ops.regular import Dropout
    from ..ops.reshape import ConstantPad, Crop, Shuffle, SpaceToDepth
    from ..types import TensorType
    from .view import View

    Idle = Callable[..., bool]

FIXED: dict[str, Bounds] = {
    "relu": Bounds(Fraction(0)),
    "relu6": Bounds(Fraction(0), Fraction(6)),
    "leakyrelu": Bounds(Fraction(0)),
    "abs": Bounds(Fraction(0)),
}
"""Where each activation is the identity."""


def is_idle(node: Node, view: View) -> bool:
    """Whether an operator gives back its input, by its arguments or by what its input is."""
    if isinstance(node.op, Call):
        return False
    value, op = node.inputs[0], node.op
    if op.word in FIXED:
        return FIXED[op.word].holds(view.bounds[value])
    rule = RULES.get(op.word)
    return rule is not None and rule(op, view.types[value])


def pool(op: MaxPool | AvgPool, x: TensorType) -> bool:
    return op.window == Window(1, 1) and op.canonical(x).pad == Padding()


def border(op: ConstantPad | Crop, x: TensorType) -> bool:
    return op.amount == Padding()


def same_type(op: Op, x: TensorType) -> bool:
    return op.infer(x) == (x,)


def shuffle(op: Shuffle, x: TensorType) -> bool:
    return op.groups in (1, x.channels)


def block(op: SpaceToDepth, x: TensorType) -> bool:
    return op.factor == 1


def times(op: Times, x: TensorType) -> bool:
    return op.factor == 1


def dropout(op: Dropout, x: TensorType) -> bool:
    return op.rate == 0


RULES: dict[str, Idle] = {
    "maxpool": pool,
    "avgpool": pool,
    "pad": border,
    "crop": border,
    "pad_channels": same_type,
    "upsample": same_type,
    "split": same_type,
    "shuffle": shuffle,
    "depth_to_space": block,
    "space_to_depth": block,
    "times": times,
    "dropout": dropout,
    "droppath": dropout,
}
