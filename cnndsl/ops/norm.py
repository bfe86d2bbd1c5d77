"""Normalisation: `bn`, `ln`, `gn`, `lrn`, and `layerscale`, which only scales."""

from __future__ import annotations

from ..op import Ledger, Op, Weight, op
from ..types import TensorType
from ..window import Axis
from .checks import check_divisible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from ..op import Count, Momentum, Positive

    LrnMode = Literal["mean", "sum"]


@op("bn", family="norm")
class Bn(Op):
    """Batch normalisation: each channel to mean 0 and variance 1 over batch and positions.

    In inference it is a fixed affine map of each channel by the running statistics.

    Arguments:
        eps: added to the variance.
        momentum: weight of a new batch in the running statistics (PyTorch's convention;
            Keras and Flax write 1 − momentum).
        scale, shift: whether a learnt factor and a learnt offset per channel follow.

    Shapes: unchanged. Costs: a multiplication and an addition per element in inference.
    Source: Ioffe and Szegedy, Batch normalization, 2015.
    """

    eps: Positive = 1e-5
    momentum: Momentum = 0.1
    scale: bool = True
    shift: bool = True

    def weights(self, x: TensorType) -> tuple[Weight, ...]:
        statistics = Weight("mean", (x.channels,)), Weight("variance", (x.channels,))
        return *_affine(self, x), *statistics

    def work(self, x: TensorType) -> Ledger:
        return {"norm.batch": x.elements}


@op("ln", family="norm")
class Ln(Op):
    """Layer normalisation: the channels of each position to mean 0 and variance 1.

    Arguments:
        eps, scale, shift: as for `bn`.

    Shapes: unchanged. Costs: mean, variance and an affine map of each element.
    Source: Ba et al., Layer normalization, 2016; over channels only as in
    Liu et al., A ConvNet for the 2020s, 2022.
    """

    eps: Positive = 1e-5
    scale: bool = True
    shift: bool = True

    def weights(self, x: TensorType) -> tuple[Weight, ...]:
        return _affine(self, x)

    def work(self, x: TensorType) -> Ledger:
        return {"norm.layer": x.elements}


@op("gn", family="norm")
class Gn(Op):
    """Group normalisation: each group of channels to mean 0 and variance 1 over the map.

    Arguments:
        groups: number of groups; 1 normalises over the whole map, as many as there are
            channels gives instance normalisation.
        eps, scale, shift: as for `bn`.

    Shapes: unchanged; C must be divisible by `groups`. Costs: mean, variance and an
    affine map of each element.
    Source: Wu and He, Group normalization, 2018.
    """

    groups: Count
    eps: Positive = 1e-5
    scale: bool = True
    shift: bool = True

    positional = ("groups",)

    def axes(self, x: TensorType) -> tuple[Axis, Axis] | None:
        return None

    def infer(self, x: TensorType) -> tuple[TensorType, ...]:
        check_divisible(x.channels, self.groups)
        return (x,)

    def weights(self, x: TensorType) -> tuple[Weight, ...]:
        return _affine(self, x)

    def work(self, x: TensorType) -> Ledger:
        return {"norm.group": x.elements}


@op("lrn", family="norm")
class Lrn(Op):
    """Local response normalisation: divide by (k + α · squares)^β of neighbouring channels.

    Arguments:
        size: number of neighbouring channels, the element's own in the middle.
        alpha, beta, k: the constants.
        mode: α multiplies the `mean` of the squares (PyTorch, Caffe: α / size · sum), or
            their `sum` (Krizhevsky et al., TensorFlow).

    Shapes: unchanged. Costs: `size` squares and one power per element.
    Source: Krizhevsky et al., ImageNet classification with deep CNNs, 2012, sec. 3.3.
    """

    size: Count = 5
    alpha: Positive = 1e-4
    beta: Positive = 0.75
    k: Positive = 1.0
    mode: LrnMode = "mean"

    positional = ("size",)

    def work(self, x: TensorType) -> Ledger:
        return {"norm.lrn": x.elements}


@op("layerscale", family="norm")
class LayerScale(Op):
    """A learnt factor per channel, small at first: a residual branch begins as almost nothing.

    Arguments:
        init: what every factor is at the start of training.

    Shapes: unchanged. Costs: a multiplication per element.
    Source: Touvron et al., Going deeper with image transformers, 2021, sec. 2.
    """

    init: Positive = 1e-6

    positional = ("init",)

    def weights(self, x: TensorType) -> tuple[Weight, ...]:
        return (Weight("scale", (x.channels,)),)

    def work(self, x: TensorType) -> Ledger:
        return {"mul": x.elements}


def _affine(norm: Bn | Ln | Gn, x: TensorType) -> tuple[Weight, ...]:
    """The learnt factor and offset of each channel."""
    wanted = (("scale", norm.scale), ("shift", norm.shift))
    return tuple(Weight(name, (x.channels,)) for name, use in wanted if use)
