"""Activations: elementwise functions, and `softmax`."""

from __future__ import annotations

from ..op import Ledger, Op, op
from ..types import TensorType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..op import Positive


class Activation(Op):
    """Base of the activations: the type stays, every element costs one application."""

    def work(self, x: TensorType) -> Ledger:
        return {f"act.{self.word}": x.elements}


@op("relu", family="activation")
class Relu(Activation):
    """Rectifier, max(0, x).

    Shapes: unchanged. Costs: one comparison per element.
    Source: Nair and Hinton, Rectified linear units improve restricted Boltzmann machines, 2010.
    """


@op("relu6", family="activation")
class Relu6(Activation):
    """Rectifier capped at six, min(max(0, x), 6).

    Shapes: unchanged. Costs: two comparisons per element.
    Source: Krizhevsky, Convolutional deep belief networks on CIFAR-10, 2010.
    """


@op("leakyrelu", family="activation")
class LeakyRelu(Activation):
    """Rectifier with a small slope below zero, max(slope · x, x).

    Arguments:
        slope: factor of negative elements.

    Shapes: unchanged. Costs: a multiplication and a comparison per element.
    Source: Maas et al., Rectifier nonlinearities improve neural network acoustic models, 2013.
    """

    slope: Positive = 0.01

    positional = ("slope",)


@op("silu", family="activation")
class Silu(Activation):
    """Sigmoid linear unit, also called swish, x · sigmoid(x).

    Shapes: unchanged. Costs: a sigmoid and a multiplication per element.
    Source: Elfwing et al., Sigmoid-weighted linear units, 2017;
    Ramachandran et al., Searching for activation functions, 2017.
    """


@op("hswish", family="activation")
class HSwish(Activation):
    """Swish in linear pieces, x · relu6(x + 3) / 6.

    Shapes: unchanged. Costs: an addition, two comparisons and two multiplications per element.
    Source: Howard et al., Searching for MobileNetV3, 2019, sec. 5.2.
    """


@op("hsigmoid", family="activation")
class HSigmoid(Activation):
    """Sigmoid in linear pieces, relu6(x + 3) / 6.

    Shapes: unchanged. Costs: an addition, two comparisons and a multiplication per element.
    Source: Howard et al., Searching for MobileNetV3, 2019, sec. 5.2.
    """


@op("gelu", family="activation")
class Gelu(Activation):
    """Gaussian error linear unit, x · Φ(x) with Φ the normal distribution function.

    Arguments:
        approximate: compute Φ by a tanh instead of the error function.

    Shapes: unchanged. Costs: an error function or a tanh per element.
    Source: Hendrycks and Gimpel, Gaussian error linear units, 2016.
    """

    approximate: bool = False


@op("abs", family="activation")
class Abs(Activation):
    """Absolute value, |x|.

    Shapes: unchanged. Costs: one operation per element.
    Source: Jarrett et al., What is the best multi-stage architecture for object recognition?,
    2009, which rectifies by it.
    """


@op("times", family="activation")
class Times(Activation):
    """Product with a constant, factor · x.

    Arguments:
        factor: the constant.

    Shapes: unchanged. Costs: one multiplication per element.
    Source: Szegedy et al., Inception-v4, Inception-ResNet and the impact of residual
    connections on learning, 2016, sec. 3.3, which scales residuals down.
    """

    factor: float

    positional = ("factor",)

    def work(self, x: TensorType) -> Ledger:
        return {"mul": x.elements}


@op("sigmoid", family="activation")
class Sigmoid(Activation):
    """Logistic function, 1 / (1 + exp(−x)).

    Shapes: unchanged. Costs: an exponential and a division per element.
    """


@op("tanh", family="activation")
class Tanh(Activation):
    """Hyperbolic tangent.

    Shapes: unchanged. Costs: a hyperbolic tangent per element.
    Source: LeCun et al., Efficient BackProp, 1998, sec. 4.4.
    """


@op("softmax", family="activation")
class Softmax(Activation):
    """Exponentials of the channels of each position, divided by their sum.

    Shapes: unchanged. Costs: an exponential and a division per element.
    Source: Bridle, Probabilistic interpretation of feedforward classification networks, 1990.
    """
