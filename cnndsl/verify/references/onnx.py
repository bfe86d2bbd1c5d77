"""ONNX files: every node is a step, and what depends on no input is a constant."""

from __future__ import annotations

import math
import os

import numpy as np
import onnx
from onnx import external_data_helper, helper, inliner, numpy_helper

from ...diagnostics import CnnError
from ...record import Record
from ..checkpoints.files import broken, check_claim
from ..trace import Slot, Step, Trace, shown
from . import Target, refuse, tensors
from .tensors import Moved, Store, Stored

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Hashable, Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from ..trace import Shape

KINDS = {
    "ConvTranspose": "deconv",
    "Gemm": "fc",
    "BatchNormalization": "bn",
    "LayerNormalization": "ln",
    "InstanceNormalization": "gn",
    "GroupNormalization": "gn",
    "LRN": "lrn",
    "MaxPool": "maxpool",
    "AveragePool": "avgpool",
    "GlobalAveragePool": "globalavgpool",
    "GlobalMaxPool": "globalmaxpool",
    "HardSwish": "hswish",
    "HardSigmoid": "hsigmoid",
    "Swish": "silu",
    "Resize": "upsample",
    "Upsample": "upsample",
    "DepthToSpace": "depth_to_space",
    "SpaceToDepth": "space_to_depth",
}
"""The language's word for an operator; the others keep their names, in small letters."""

ROLES = {
    "Conv": ("", "kernel", "bias"),
    "ConvTranspose": ("", "kernel", "bias"),
    "Gemm": ("", "kernel", "bias"),
    "MatMul": ("", "kernel"),
    "BatchNormalization": ("", "scale", "shift", "mean", "variance"),
    "LayerNormalization": ("", "scale", "shift"),
    "InstanceNormalization": ("", "scale", "shift"),
    "GroupNormalization": ("", "scale", "shift"),
    "PRelu": ("", "slope"),
    "Mul": ("scale", "scale"),
    "Add": ("bias", "bias"),
}
"""What the inputs of an operator are where they are weights."""
STATISTICS = ("mean", "variance")
CHANNELS_FIRST = frozenset({
    "Conv", "ConvTranspose", "BatchNormalization", "InstanceNormalization", "GroupNormalization",
    "LRN", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "DepthToSpace",
    "SpaceToDepth",
})  # fmt: skip
"""Operators that know axis 1 as the channels."""
COPIES = frozenset({"Identity", "Cast", "CastLike"})
RESHAPES = frozenset({"Reshape", "Flatten", "Squeeze", "Unsqueeze"})
PARTS = frozenset({"Split", "Slice", "Gather"})
REDUCTIONS = {"ReduceMean": "mean", "ReduceMax": "max", "ReduceSum": "sum"}
MAX_BYTES = (2 << 30) - 1
"""The greatest message of protocol buffers."""


def open_network(target: Target, inputs: tuple[Shape, ...]) -> OnnxReference:
    """`onnx:FILE`. Raises CnnError with E0905 for a file that cannot be read."""
    model = _loaded(target.text.partition(":")[2])
    return OnnxReference(target.text, model, inputs)


class OnnxReference(Store):
    """A graph, run by ONNX Runtime, or by ONNX itself where that is not installed."""

    def __init__(self, name: str, model: onnx.ModelProto, inputs: Sequence[Shape]) -> None:
        initializers = model.graph.initializer
        super().__init__(name, {t.name: np.array(numpy_helper.to_array(t)) for t in initializers})
        self.model = model
        self.versions = _versions()
        self.feeds = _feeds(name, model.graph, inputs)
        ends = [output.name for output in model.graph.output]
        names = [name for node in model.graph.node for name in node.output if name]
        zeros = [np.zeros(feed.sizes, feed.dtype) for feed in self.feeds]
        walk = _Walk(self, dict(zip(names, self._compute(zeros, names), strict=True)))
        outputs = tuple(walk.values[name].number for name in ends if name in walk.values)
        if not outputs:
            refuse(name, "it gives nothing that is computed from its inputs")
        self.stored = walk.stored
        self.shown = walk.shown
        self.parameters = sum(walk.stored[key].array.size for key in walk.trainable)
        steps = tensors.with_layers(walk.steps, len(inputs), outputs)
        shapes = tuple(tensors.shape_of(feed.sizes, feed.last) for feed in self.feeds)
        self.trace = Trace(shapes, steps, outputs)

    def run(
        self, inputs: Sequence[np.ndarray], wanted: Container[int] | None = None
    ) -> Iterator[tuple[int, np.ndarray]]:
        given = [feed.fed(value) for feed, value in zip(self.feeds, inputs, strict=True)]
        shown = [s for s in self.shown if wanted is None or s[0] in wanted]
        values = self._compute(given, [name for _, name, _ in shown])
        yield from enumerate(inputs)
        for (number, _, last), value in zip(shown, values, strict=True):
            one = value[: len(inputs[0])] if value.ndim else value
            yield number, tensors.channels_last(one, last)

    def _compute(self, given: Sequence[np.ndarray], names: Sequence[str]) -> list[np.ndarray]:
        """Values of the graph by name, with the weights as they are now."""
        graph = self.model.graph
        used = {key for key in self.stored if isinstance(key, str)}
        for tensor in graph.initializer:
            if tensor.name in used:
                tensor.CopyFrom(numpy_helper.from_array(self.memory[tensor.name], tensor.name))
        del graph.output[:], graph.value_info[:]
        graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
        feeds = dict(zip((feed.name for feed in self.feeds), given, strict=True))
        try:
            return [np.asarray(value) for value in _executed(self.model, feeds)]
        except Exception as problem:
            shapes = ", ".join(shown(value.shape) for value in given)
            refuse(self.name, f"it does not run on inputs of {shapes}: {_said(problem)}")


def _executed(model: onnx.ModelProto, feeds: Mapping[str, np.ndarray]) -> list[Any]:
    try:
        import onnxruntime
    except ImportError:
        from onnx.reference import ReferenceEvaluator

        return list(ReferenceEvaluator(model).run(None, dict(feeds)))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return list(session.run(None, dict(feeds)))


def _versions() -> str:
    try:
        import onnxruntime
    except ImportError:
        return f"ONNX {onnx.__version__}"
    return f"ONNX {onnx.__version__} on ONNX Runtime {onnxruntime.__version__}"


# ---------------------------------------------------------------------- the file


def _loaded(path: str) -> onnx.ModelProto:
    """The model with all its tensors in it, its functions written out."""
    again = "export or download it again"
    try:
        size = os.path.getsize(path)
        if size > MAX_BYTES:
            broken(path, f"it has {size:,} bytes, and the limit is {MAX_BYTES:,}")
        model = onnx.load(path, format="protobuf", load_external_data=False)
        for tensor in _every_tensor(model):
            size += _fetch(path, tensor)
            if size > MAX_BYTES:
                broken(path, f"its weights have more than {MAX_BYTES:,} bytes")
        if not model.graph.node:
            broken(path, "it holds no network", again)
        if model.functions:
            model = inliner.inline_local_functions(model)
        _own_initializers(model.graph)
        for tensor in model.graph.initializer:
            numpy_helper.to_array(tensor)
    except CnnError:
        raise
    except OSError as problem:
        reason = problem.strerror or str(problem)
        broken(path, reason[:1].lower() + reason[1:])
    except Exception as problem:  # whatever the library says about a file that is not whole
        broken(path, _said(problem), again)
    return model


def _every_tensor(message: Any) -> Iterator[onnx.TensorProto]:
    """The tensors anywhere in a model, a graph or a node. Raises ValueError for broken names."""
    if isinstance(message, onnx.TensorProto):
        yield message
    for field, value in message.ListFields():
        for inner in value if field.is_repeated else (value,):
            if field.message_type is not None:
                yield from _every_tensor(inner)
            elif field.type == field.TYPE_STRING and isinstance(inner, bytes):
                raise ValueError("a name in it is no text")


def _fetch(path: str, tensor: onnx.TensorProto) -> int:
    """Read the numbers of a tensor that are in a file beside the model. Returns their bytes."""
    if not external_data_helper.uses_external_data(tensor):
        return 0
    info = external_data_helper.ExternalDataInfo(tensor)
    folder, place = os.path.dirname(path), os.path.join(os.path.dirname(path), info.location)
    beside = os.path.basename(place) == info.location and info.location.strip(".")
    if not beside or os.path.islink(place):
        broken(
            path,
            f"it wants weights from `{info.location}`",
            "only files beside it are read; export it with its weights inside",
        )
    size: int = math.prod(tensor.dims) * _dtype(tensor.data_type).itemsize
    check_claim(path, (info.offset or 0) + size, os.path.getsize(place))
    external_data_helper.load_external_data_for_tensor(tensor, folder)
    tensor.data_location = onnx.TensorProto.DEFAULT
    del tensor.external_data[:]
    return size


def _dtype(number: int) -> np.dtype[Any]:
    return helper.tensor_dtype_to_np_dtype(number)


def _own_initializers(graph: onnx.GraphProto) -> None:
    """Constants become initializers, and so do copies of initializers.

    PyTorch keeps one of several weights that happen to be equal, and copies it to the others.
    """
    found = {tensor.name: tensor for tensor in graph.initializer}
    for node in list(graph.node):
        source = None
        if node.op_type == "Constant" and [a.name for a in node.attribute] == ["value"]:
            source = node.attribute[0].t
        elif node.op_type == "Identity":
            source = found.get(node.input[0])
        if source is not None:
            tensor = found[node.output[0]] = graph.initializer.add()
            tensor.CopyFrom(source)
            tensor.name = node.output[0]
            graph.node.remove(node)


def _said(problem: Exception) -> str:
    """The first line of what a library says."""
    return (str(problem).strip().splitlines() or [type(problem).__name__])[0]


class _Feed(Record):
    """An input of the graph.

    Arguments:
        name: in the graph.
        sizes: batch and all.
        last: whether its channels are.
        dtype: of its elements.
    """

    name: str
    sizes: Shape
    last: bool
    dtype: np.dtype[Any]

    def fed(self, value: np.ndarray) -> np.ndarray:
        """A value as the graph takes it, as often as its batch is large."""
        value = value if self.last else tensors.as_input(value)
        return np.concatenate([value] * (self.sizes[0] // len(value))).astype(self.dtype)


def _feeds(name: str, graph: onnx.GraphProto, inputs: Sequence[Shape]) -> list[_Feed]:
    """The inputs of a graph, with our sizes where it leaves them open."""
    weights = {tensor.name for tensor in graph.initializer}
    declared = [value for value in graph.input if value.name not in weights]
    if len(declared) != len(inputs):
        s = "" if len(declared) == 1 else "s"
        refuse(name, f"it has {len(declared)} input{s}, and the spec has {len(inputs)}")
    return [_feed(name, value, shape) for value, shape in zip(declared, inputs, strict=True)]


def _feed(name: str, value: onnx.ValueInfoProto, shape: Shape) -> _Feed:
    kind = value.type.tensor_type
    dtype = _dtype(kind.elem_type)
    if dtype.kind != "f":
        refuse(name, f"its input `{value.name}` is {dtype}, and images here are floating point")
    first = (1, shape[-1], *shape[:-1]) if len(shape) == 3 else (1, *shape)
    if not kind.HasField("shape"):
        return _Feed(value.name, first, len(shape) == 2, dtype)
    sizes = [size.dim_value for size in kind.shape.dim]
    fits = [_fits(sizes, given) for given in (first, (1, *shape))]
    last = len(shape) == 2 or (fits[1] and not fits[0])
    ours = (1, *shape) if last else first
    if len(sizes) != len(ours) and 0 in sizes:
        refuse(name, f"its input `{value.name}` has {len(sizes)} axes, not {len(ours)}")
    given = ours if len(sizes) == len(ours) else sizes
    return _Feed(value.name, tuple(s or o for s, o in zip(sizes, given, strict=True)), last, dtype)


def _fits(sizes: Sequence[int], given: Sequence[int]) -> bool:
    return len(sizes) == len(given) and all(
        size in (0, own) for size, own in zip(sizes[1:], given[1:], strict=True)
    )


# --------------------------------------------------------------------- the graph


class _Value(Record):
    """A tensor that depends on the inputs.

    Arguments:
        number: in the trace.
        last: whether its channels are.
        sizes: batch and all.
    """

    number: int
    last: bool
    sizes: Shape


class _Walk:
    """The nodes of a graph as steps.

    Arguments:
        reference: whose graph it is.
        every: an example of every value that a node makes.
    """

    def __init__(self, reference: OnnxReference, every: Mapping[str, np.ndarray]) -> None:
        self.name = reference.name
        self.constants = {**every, **reference.memory}
        """What has any value; those among them that depend on the inputs are in `values`."""
        self.roots = {name: name for name in reference.memory}
        """The initializer that a constant is a view of."""
        self.values: dict[str, _Value] = {}
        self.steps: list[Step] = []
        self.shown: list[tuple[int, str, bool]] = []
        """Number, name and layout of the values that steps make."""
        self.stored: dict[Hashable, Stored] = {}
        self.trainable: set[Hashable] = set()
        for number, feed in enumerate(reference.feeds):
            self.values[feed.name] = _Value(number, feed.last, feed.sizes)
        self.inputs = len(self.values)
        for node in reference.model.graph.node:
            self._follow(_Node(node))

    def _follow(self, node: _Node) -> None:
        if node.holds_graphs:
            refuse(self.name, f"`{node.op}` holds graphs of its own, which cannot be followed")
        read = [self.values[name] for name in node.inputs if name in self.values]
        if not read or node.op in ("Shape", "Size"):
            self._view(node)
            return
        main = max(read, key=lambda value: len(value.sizes))
        for name in node.outputs:
            sizes = self.constants[name].shape
            slots = self._slots(node, main, sizes)
            does = self._does(node, main, sizes, slots, len(read))
            if not does.kind:
                self.values[name] = _Value(main.number, does.last, sizes)
                continue
            number = self.inputs + len(self.steps)
            self.values[name] = _Value(number, does.last, sizes)
            self.shown.append((number, name, does.last))
            shape = tensors.shape_of(sizes, does.last)
            inputs = tuple(value.number for value in read)
            self.steps.append(
                Step(node.name, does.kind, inputs, shape, slots, node.said, does.order)
            )

    def _view(self, node: _Node) -> None:
        """Follow a weight through nodes that only look at it in another way."""
        source = node.inputs[0] if node.inputs else ""
        if source not in self.roots:
            return
        array, (name,) = self.constants[source], node.outputs
        if node.op == "Transpose":
            array = array.transpose(node.get("perm"))
        elif node.op in COPIES | RESHAPES and self.constants[name].dtype == array.dtype:
            array = array.reshape(self.constants[name].shape)
        else:
            return
        if np.shares_memory(array, self.constants[source]):
            self.constants[name], self.roots[name] = array, self.roots[source]

    def _slots(self, node: _Node, main: _Value, sizes: Shape) -> tuple[Slot, ...]:
        found = []
        for role, name in zip(ROLES.get(node.op, ()), node.inputs, strict=False):
            if not name or name in self.values:
                continue
            array = self.constants[name]
            per_channel = tensors.is_per_channel(array.shape, sizes, main.last) and array.ndim > 0
            channels = tensors.shape_of(sizes, main.last)[-1:]
            if node.op in ("Mul", "Add") and not (per_channel and (array.size,) == channels):
                continue
            if node.op == "MatMul" and (array.ndim != 2 or role != "kernel"):
                continue
            if name not in self.roots:
                refuse(self.name, f"`{node.name}` computes its {role} from other constants")
            key = self.roots[name]
            form, groups = node.form(array) if role == "kernel" else ("vector", 1)
            stored = self.stored.setdefault(key, Stored(array, form, groups))
            found.append(Slot(role, stored.shape, key))
            if role not in STATISTICS:
                self.trainable.add(key)
        return tuple(found)

    def _does(
        self, node: _Node, main: _Value, sizes: Shape, slots: Sequence[Slot], read: int
    ) -> Moved:
        """What a node does in the language's words, and where the channels are in its result."""
        op, last, before = node.op, main.last, main.sizes
        if op in COPIES:
            return Moved("", last)
        if op == "Transpose":
            order = node.get("perm") or list(reversed(range(len(before))))
            return tensors.transposed(order, last)
        if op in RESHAPES or (op in PARTS and math.prod(before) == math.prod(sizes)):
            return tensors.reshaped(before, sizes, last)
        if op in PARTS:
            return tensors.part(before, sizes, last)
        if op == "Concat":
            return tensors.joined(before, sizes, last)
        if op == "Pad":
            return tensors.bordered(before, sizes, last)
        if op in REDUCTIONS:
            axes = [axis % len(before) for axis in self._axes(node, len(before))]
            return tensors.reduced(REDUCTIONS[op], axes, len(before), last)
        if op in ("MatMul", "LayerNormalization", "Gemm"):
            return self._along_last(node, main, slots)
        if op in ("Mul", "Div") and read == 1:
            return Moved("layerscale" if slots else "times", last)
        if op == "Clip":
            return Moved(self._clip(node), last)
        return Moved(KINDS.get(op, op.lower()), last and op not in CHANNELS_FIRST)

    def _along_last(self, node: _Node, main: _Value, slots: Sequence[Slot]) -> Moved:
        """Layers over the last axis, which has to be the channels."""
        rank = len(main.sizes)
        plain = node.get("axis", -1) in (-1, rank - 1)
        if node.op == "Gemm":
            plain = (node.get("alpha", 1.0), node.get("beta", 1.0), node.get("transA", 0)) == (
                1,
                1,
                0,
            )
        if not slots or not plain or (rank > 2 and not main.last):
            return Moved(node.op.lower(), main.last)
        kind = "ln" if node.op == "LayerNormalization" else "conv" if rank == 4 else "fc"
        return Moved(kind, main.last)

    def _axes(self, node: _Node, rank: int) -> Iterable[int]:
        given = node.get("axes")
        if given is None and len(node.inputs) > 1 and node.inputs[1]:
            given = self.constants[node.inputs[1]].tolist()
        return given if given is not None else range(rank)

    def _clip(self, node: _Node) -> str:
        names = (*node.inputs[1:], "", "")[:2]
        bounds = [
            float(self.constants[name]) if name else node.get(word)
            for name, word in zip(names, ("min", "max"), strict=True)
        ]
        return {(0.0, 6.0): "relu6", (0.0, None): "relu"}.get((bounds[0], bounds[1]), "clip")


class _Node:
    """A node with its attributes."""

    def __init__(self, node: onnx.NodeProto) -> None:
        self.op = node.op_type
        self.inputs = list(node.input)
        self.outputs = [name for name in node.output if name]
        self.name = node.name or self.outputs[0]
        graphs = (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS)
        self.holds_graphs = any(attribute.type in graphs for attribute in node.attribute)
        self.attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}

    def get(self, name: str, default: Any = None) -> Any:
        return self.attributes.get(name, default)

    def form(self, kernel: np.ndarray) -> tuple[str, int]:
        """How a kernel is laid out, and its groups where that matters."""
        if self.op == "Gemm":
            return ("linear" if self.get("transB", 0) else ""), 1
        forms = {"Conv": "conv", "ConvTranspose": "deconv"} if kernel.ndim == 4 else {}
        return forms.get(self.op, ""), self.get("group", 1)

    @property
    def said(self) -> str:
        """`Conv(kernel_shape=[3, 3], strides=[1, 1])`"""
        shown = (
            f"{name}={value.decode(errors='replace') if isinstance(value, bytes) else value}"
            for name, value in self.attributes.items()
            if isinstance(value, (int, float, bytes, list))
        )
        return f"{self.op}({', '.join(shown)})"
