"""Functional Keras models, from `keras.applications` or anywhere else, on any backend."""

from __future__ import annotations

import os
from math import prod

from ...diagnostics import fail
from ..trace import Slot, Step, Trace
from . import Target, built, factory, refuse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Hashable, Iterator, Mapping, Sequence
    from typing import Any

    import numpy as np

    from ..trace import Shape

KINDS = {
    "Conv2D": "conv",
    "DepthwiseConv2D": "dwconv",
    "Conv2DTranspose": "deconv",
    "Dense": "fc",
    "BatchNormalization": "bn",
    "LayerNormalization": "ln",
    "GroupNormalization": "gn",
    "Add": "add",
    "CustomScaleLayer": "add",  # of Inception-ResNet: a + scale * b
    "Multiply": "mul",
    "Subtract": "sub",
    "Concatenate": "concat",
    "MaxPooling2D": "maxpool",
    "AveragePooling2D": "avgpool",
    "GlobalAveragePooling2D": "globalavgpool",
    "GlobalMaxPooling2D": "globalmaxpool",
    "ZeroPadding2D": "pad",
    "Cropping2D": "crop",
    "Flatten": "flatten",
    "Reshape": "reshape",
    "Dropout": "dropout",
    "SpatialDropout2D": "dropout",
    "ReLU": "relu",
    "Softmax": "softmax",
    "UpSampling2D": "upsample",
    "LayerScale": "layerscale",
    "StochasticDepth": "droppath",
}
"""The language's word for a layer; `Activation` has the name of its function."""

ROLES = {
    "kernel": "kernel",
    "bias": "bias",
    "gamma": "scale",
    "beta": "shift",
    "moving_mean": "mean",
    "moving_variance": "variance",
    "depthwise_kernel": "kernel",
    "pointwise_kernel": "kernel",
}
PREPROCESSING = ("Rescaling", "Normalization")
"""Layers in front of some networks that turn pixels into what the others get."""
SHOWN = ("filters", "units", "kernel_size", "pool_size", "strides", "padding", "dilation_rate",
         "groups", "epsilon", "use_bias")  # fmt: skip
"""Settings that a message shows."""


def open_network(target: Target, inputs: tuple[Shape, ...]) -> KerasReference:
    """`keras:ResNet50` or `keras:MODULE:FACTORY`, without pretrained weights."""
    os.environ.setdefault("KERAS_BACKEND", "jax")
    import keras

    options: dict[str, Any] = {}
    if len(target.path) == 1:
        make = getattr(keras.applications, target.path[0], None)
        if not callable(make):
            from ...diagnostics import did_you_mean

            near = did_you_mean(target.path[0], dir(keras.applications))
            hint = f"did you mean `keras:{near}`?" if near else ""
            refuse(target.text, f"keras.applications has no `{target.path[0]}`", hint)
        options = {"weights": None, "input_shape": inputs[0]}
        if "include_preprocessing" in make.__code__.co_varnames:
            options["include_preprocessing"] = False
    else:
        make = factory(target)
    model = built(target, make, **options)
    model = getattr(model, "_functional", model)
    if not hasattr(model, "operations"):
        refuse(target.text, "it is no functional Keras model, so its layers cannot be followed")
    return KerasReference(target.text, model)


class KerasReference:
    """A functional model without the scaling of pixels in front and the softmax at the end."""

    def __init__(self, name: str, model: Any) -> None:
        import keras

        self.name = name
        self.versions = f"Keras {keras.__version__} on {keras.backend.backend()}"
        self.whole = model
        self.model = _without_preprocessing(model)
        self.parameters = sum(prod(v.shape) for v in model.trainable_weights)
        self.variables: dict[Hashable, tuple[str, Any]] = {}
        self.tensors: dict[int, Any] = {}
        self.steps: list[Step] = []
        inputs = tuple(tuple(tensor.shape[1:]) for tensor in self.model.inputs)
        outputs = self._follow(self.model, range(len(inputs)), shown=True)
        self.trace = Trace(inputs, tuple(self.steps), tuple(outputs))

    def read(self) -> dict[Hashable, np.ndarray]:
        import keras

        return {
            key: _to_ir(cls, variable.name, keras.ops.convert_to_numpy(variable.value))
            for key, (cls, variable) in self.variables.items()
        }

    def write(self, weights: Mapping[Hashable, np.ndarray]) -> None:
        for key, value in weights.items():
            cls, variable = self.variables[key]
            variable.assign(_from_ir(cls, variable.name, value, tuple(variable.shape)))

    def load(self, path: str) -> None:
        """Take the weights of a checkpoint. Raises CnnError with E0905 or E0906.

        Keras finds layers by their order; in its older files by their names, where all are there.
        """
        import warnings

        from ..checkpoints import read_checkpoint

        given = {name.rpartition("/")[0] for name in read_checkpoint(path).tensors}
        own = {layer.name for layer in self.whole.layers if layer.weights}
        named = path.endswith(".h5") and not path.endswith(".weights.h5") and own <= given
        try:
            with warnings.catch_warnings(action="ignore"):
                self.whole.load_weights(path, **({"by_name": True} if named else {}))
        except Exception as problem:
            said = (str(problem).splitlines() or [""])[0]
            help = "build the network with the arguments with which the file was made"
            fail("E0906", f"`{path}` does not fit `{self.name}`", notes=(said,), help=(help,))

    def run(
        self, inputs: Sequence[np.ndarray], wanted: Container[int] | None = None
    ) -> Iterator[tuple[int, np.ndarray]]:
        import keras

        shown = {n: t for n, t in self.tensors.items() if wanted is None or n in wanted}
        values = keras.Model(self.model.inputs, list(shown.values()))(list(inputs), training=False)
        yield from enumerate(inputs)
        for number, value in zip(shown, values, strict=True):
            yield number, keras.ops.convert_to_numpy(value)

    def _follow(self, model: Any, inputs: Sequence[int], shown: bool) -> list[int]:
        """Add the steps of a model to the trace. Returns the numbers of its outputs.

        Arguments:
            inputs: the values that it reads.
            shown: whether its tensors can be asked for; those of inner models cannot.
        """
        number = {id(t): value for t, value in zip(model.inputs, inputs, strict=True)}
        for operation, given, made in _calls(model):
            read = [number[id(tensor)] for tensor in given]
            inner = getattr(operation, "_functional", operation)  # what a Sequential wraps
            if hasattr(inner, "operations"):
                (value,) = self._follow(inner, read, shown=False)
            else:
                value = self._add(operation, tuple(read), tuple(made.shape[1:]))
            number[id(made)] = value
            if shown:
                self.tensors[value] = made
        return [number[id(tensor)] for tensor in model.outputs]

    def _add(self, operation: Any, inputs: tuple[int, ...], shape: Shape) -> int:
        """Add the steps of a layer: one, or two for a separable convolution."""
        cls = type(operation).__name__
        said = _said(operation, cls)
        slots = self._slots(operation, cls)
        kind = _kind(operation, cls, shape, bool(slots))
        first = len(self.model.inputs)
        if cls == "SeparableConv2D":
            depthwise, slots = slots[:1], slots[1:]
            between = (*shape[:-1], depthwise[0].shape[-1])
            self.steps.append(Step(operation.name, "dwconv", inputs, between, depthwise, said))
            inputs, kind = (first + len(self.steps) - 1,), "conv"
        order = "hwc" if kind == "flatten" else ""
        self.steps.append(Step(operation.name, kind, inputs, shape, slots, said, order))
        return first + len(self.steps) - 1

    def _slots(self, layer: Any, cls: str) -> tuple[Slot, ...]:
        found = []
        for variable in getattr(layer, "weights", ()):
            key = (variable.path, id(variable))
            role = "scale" if cls == "LayerScale" else ROLES.get(variable.name, "")
            if role:
                shape = _ir_shape(cls, variable.name, tuple(variable.shape))
                found.append(Slot(role, shape, key))
                self.variables[key] = cls, variable
        return tuple(found)


def _without_preprocessing(model: Any) -> Any:
    """The model from the first tensor that is no longer pixels."""
    import keras

    if len(model.inputs) != 1:
        return model
    start = model.inputs[0]
    for operation, given, made in _calls(model):
        if type(operation).__name__ not in PREPROCESSING or given[0] is not start:
            break
        start = made
    return model if start is model.inputs[0] else keras.Model(start, model.outputs)


def _calls(model: Any) -> Iterator[tuple[Any, list[Any], Any]]:
    """Every operation of a functional model with its tensors, in order of execution."""
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for node in model._nodes_by_depth[depth]:
            if not node.is_input:
                (made,) = node.outputs
                yield node.operation, list(node.input_tensors), made


def _kind(operation: Any, cls: str, shape: Shape, weighted: bool) -> str:
    """The language's word; a last softmax is taken out of a layer with weights."""
    import keras

    activation = getattr(getattr(operation, "activation", None), "__name__", "")
    if cls == "Activation":
        return activation
    if weighted and activation == "softmax":
        operation.activation = keras.activations.linear
    if cls == "Dense" and len(shape) == 3:
        return "conv"
    if cls == "Reshape" and len(shape) == 1:
        return "flatten"
    return KINDS.get(cls, cls.lower())


# ------------------------------------------------------------------------ layouts


def _ir_shape(cls: str, name: str, shape: Shape) -> Shape:
    if name == "depthwise_kernel" or (cls == "DepthwiseConv2D" and name == "kernel"):
        height, width, channels, multiplier = shape
        return height, width, 1, channels * multiplier
    if cls == "Conv2DTranspose" and name == "kernel":
        height, width, after, before = shape
        return height, width, before, after
    return shape


def _to_ir(cls: str, name: str, value: np.ndarray) -> np.ndarray:
    if cls == "Conv2DTranspose" and name == "kernel":
        return value.swapaxes(2, 3)
    return value.reshape(_ir_shape(cls, name, value.shape))


def _from_ir(cls: str, name: str, value: np.ndarray, shape: Shape) -> np.ndarray:
    if cls == "Conv2DTranspose" and name == "kernel":
        return value.swapaxes(2, 3)
    return value.reshape(shape)


def _said(operation: Any, cls: str) -> str:
    """`Conv2D kernel_size=(3, 3), strides=(2, 2)`"""
    found = [f"{n}={getattr(operation, n)}" for n in SHOWN if hasattr(operation, n)]
    return f"{cls} {', '.join(found)}".rstrip()
