"""What an operator is: one frozen record whose fields are its arguments.

The class says what the operator *is*: word, arguments, shape rule, weights,
costs, window. How it is *said* in Flax, in DOT or in a table is the matter of a
backend. To add an operator, write its class in `ops/` under `@op`, and one rule
in each backend that emits code; everything else (argument checking, manual,
reports, figures, property tests) reads the fields.
"""

from __future__ import annotations

from math import prod

from .record import Record
from .symbol import Size
from .types import TensorType
from .window import Axis, Padding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import ClassVar, Literal, TypeVar

    from .window import Rounding as Rounding

    T = TypeVar("T", bound="type[Op]")
    # The kinds of arguments. `arguments.py` knows the range of each by this name.
    Count = int  # at least 1
    Natural = int  # at least 0
    Positive = float  # greater than 0
    Probability = float  # 0 <= p < 1
    Momentum = float  # 0 < m <= 1
    Pair = tuple[int, int]  # along height, along width; both at least 1
    Offsets = tuple[int, int]  # along height, along width; both at least 0
    Pad = Padding | Literal["half", "same", "valid"]
    Parts = tuple[int, ...]  # channel counts, or one number of equal parts

Ledger = dict[str, Size]
"""Exact counts of one operator or a sum of them, by the name of the fact.

    mac                multiply-accumulates
    mac.real           those of them that do not read padding (what XLA counts)
    in, out            elements read and written
    bias               additions of a bias
    norm.KIND          elements normalised: batch, layer, group, lrn
    act.KIND           elements through an activation, KIND is its word
    pool.KIND.in       elements read by a pool: max, avg, global
    pool.KIND.out      elements it writes
    pool.KIND.window   elements written times the size of the window
    add, sub, mul      elementwise additions, subtractions and multiplications
    concat             elements written by `concat`
    resize             elements written by `upsample`
    move               elements written and nothing computed: pad, crop, shuffle, split, flatten
    random             elements masked by dropout or droppath (in training)
    weight.ROLE        parameters by role: kernel, bias, scale, shift; and mean, variance,
                       the running statistics, which are no parameters
"""


class Weight(Record):
    """One tensor of weights.

    Arguments:
        name: the role: `kernel`, `bias`, `scale`, `shift`, `mean`, `variance`.
        shape: kernels are height × width × inputs per group × outputs; those of `local` have
            the height and width of its output in front.
    """

    name: str
    shape: tuple[int, ...]

    @property
    def trainable(self) -> bool:
        return self.name not in ("mean", "variance")


class ShapeError(Exception):
    """The inputs of an operator do not fit.

    Arguments:
        code: the diagnostic's code.
        message: one line that stands alone.
        argument: position of the input at fault, or None.
        odd: positions of all inputs at fault, where several are compared.
        notes: the arithmetic.
        help: the next steps.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        argument: int | None = None,
        odd: tuple[int, ...] = (),
        notes: tuple[str, ...] = (),
        help: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.argument = argument
        self.odd = odd
        self.notes = notes
        self.help = help


class Op(Record):
    """Base of all operators. Fields with their defaults are the arguments of the language."""

    word: ClassVar[str] = ""
    family: ClassVar[str] = ""
    positional: ClassVar[tuple[str, ...]] = ()
    """Fields that may be given without their name, in order."""
    arity: ClassVar[tuple[int, int | None]] = (1, 1)
    """Least and greatest number of inputs; None for any number."""
    weighted: ClassVar[bool] = False
    """Whether it counts as a layer in a network's depth (convolutions and `fc`)."""

    def canonical(self, *inputs: TensorType) -> Op:
        """The same operator with every value spelled out that depends on the input's type."""
        return self

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        """Types of the outputs. Raises ShapeError."""
        return (inputs[0],)

    def weights(self, *inputs: TensorType) -> tuple[Weight, ...]:
        """The weights it holds, in the order in which files list them."""
        return ()

    def work(self, *inputs: TensorType) -> Ledger:
        """What it computes, without the elements in and out and the weights."""
        return {}

    def axes(self, *inputs: TensorType) -> tuple[Axis, Axis] | None:
        """The windows along height and width; None when it reads more than a window."""
        return Axis(), Axis()

    def formulas(self, *inputs: TensorType) -> tuple[str, str] | None:
        """How the output's height and width follow from the input's, as people write it."""
        axes = self.axes(*inputs)
        if axes is None:
            return None
        return axes[0].formula(inputs[0].height), axes[1].formula(inputs[0].width)

    def equations(self, *inputs: TensorType) -> tuple[tuple[Size, Size], ...]:
        """Pairs of sizes, not both numbers, that must be equal for the inputs to fit."""
        return ()

    def ledger(self, *inputs: TensorType) -> Ledger:
        """All facts of this operator on these inputs."""
        outputs = self.infer(*inputs)
        facts = {
            "in": sum((t.elements for t in inputs), 0),
            "out": sum((t.elements for t in outputs), 0),
            **self.work(*inputs),
        }
        for weight in self.weights(*inputs):
            facts[f"weight.{weight.name}"] = prod(weight.shape)
        return facts


OPS: dict[str, type[Op]] = {}
"""Every operator by its word."""


def op(word: str, family: str) -> Callable[[T], T]:
    """Register an operator under its word. `family` is its only hint for presentation."""

    def register(cls: T) -> T:
        cls.word, cls.family = word, family
        OPS[word] = cls
        return cls

    return register
