"""Regularisation, active in training only: `dropout`, `droppath`."""

from __future__ import annotations

from ..op import Ledger, Op, op
from ..types import TensorType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..op import Probability


class Mask(Op):
    """Base of the random masks: the type stays, every element is kept or dropped."""

    def work(self, x: TensorType) -> Ledger:
        return {"random": x.elements}


@op("dropout", family="regular")
class Dropout(Mask):
    """Set random elements to zero in training and scale the others by 1 / (1 − rate).

    Arguments:
        rate: probability that an element is dropped, `40%`.

    Shapes: unchanged. Costs: a random number per element in training, nothing in inference.
    Source: Srivastava et al., Dropout, 2014.
    """

    rate: Probability = 0.5

    positional = ("rate",)


@op("droppath", family="regular")
class DropPath(Mask):
    """Stochastic depth: set the whole branch of random samples to zero in training.

    The samples that are kept are scaled by 1 / (1 − rate).

    Arguments:
        rate: probability that a sample is dropped, `20%`.

    Shapes: unchanged. Costs: a random number per sample and a multiplication per element
    in training, nothing in inference.
    Source: Huang et al., Deep networks with stochastic depth, 2016.
    """

    rate: Probability = 0.5

    positional = ("rate",)
