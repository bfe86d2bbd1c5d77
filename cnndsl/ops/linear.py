"""Fully connected layers: `fc`."""

from __future__ import annotations

from ..notation import number
from ..op import Ledger, Op, ShapeError, Weight, op
from ..types import TensorType
from ..window import Axis
from .checks import kind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..op import Count


@op("fc", family="linear")
class Fc(Op):
    """Fully connected layer: every output is a weighted sum of all channels.

    Arguments:
        channels: number of outputs.
        bias: add a bias per output.

    Shapes: C to `channels`; a 1x1 map is a vector; a sequence N × C, position by
    position, to N × channels. Costs: C · channels multiply-accumulates per position.
    Source: Rosenblatt, The perceptron, 1958.
    """

    channels: Count
    bias: bool = True

    positional = ("channels",)
    weighted = True

    def axes(self, x: TensorType) -> tuple[Axis, Axis] | None:
        return super().axes(x) if x.rank == 2 else None

    def infer(self, x: TensorType) -> tuple[TensorType, ...]:
        if x.is_map and x.area != 1:
            raise ShapeError(
                "E0306",
                f"`{self.word}` needs a vector, not {kind(x)}",
                argument=0,
                help=(
                    f"`flatten` before it reads every position: {number(x.elements)} inputs",
                    f"`globalavgpool` before it takes their mean: {number(x.channels)} inputs",
                ),
            )
        positions = x.shape[:-1] if x.rank == 2 else ()
        return (TensorType((*positions, self.channels), x.dtype),)

    def weights(self, x: TensorType) -> tuple[Weight, ...]:
        kernel = Weight("kernel", (x.channels, self.channels))
        return (kernel, Weight("bias", (self.channels,))) if self.bias else (kernel,)

    def work(self, x: TensorType) -> Ledger:
        (out,) = self.infer(x)
        mac = out.elements * x.channels
        bias: Ledger = {"bias": out.elements} if self.bias else {}
        return {"mac": mac, "mac.real": mac, **bias}
