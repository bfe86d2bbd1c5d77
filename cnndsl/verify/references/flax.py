"""Flax modules, `nnx` and `linen`, as JAX traces them in inference.

Every layer of Flax is one call in the traced program, so its arithmetic need not be
understood; what is between the layers are JAX's own operations. Weights are known by their
paths in the model, `conv2_x.0.conv1.kernel`.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from inspect import signature

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen, nnx
from jax.extend import core

from ...diagnostics import CnnError
from ...record import Record, replace
from ..trace import Slot, Step, Trace, shown
from . import Target, built, factory, refuse, tensors
from .tensors import Moved, Store, Stored

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Sequence
    from typing import Any

    from ..trace import Shape

KINDS = {
    "Conv": "conv",
    "ConvTranspose": "deconv",
    "Linear": "fc",
    "Dense": "fc",
    "BatchNorm": "bn",
    "LayerNorm": "ln",
    "GroupNorm": "gn",
}
"""The language's word for a layer of Flax."""
NORMS = ("bn", "ln", "gn")
ROLES = {"kernel": "kernel", "bias": "bias", "scale": "scale", "mean": "mean", "var": "variance"}
FLAGS = {"train": False, "training": False, "is_training": False, "deterministic": True,
         "use_running_average": True}  # fmt: skip
"""What linen models call the difference between training and inference."""
MARK = "cnnc_layer_"
CALLS = ("jit", "pjit", "closed_call", "custom_jvp_call", "custom_vjp_call", "checkpoint", "remat2")
"""Primitives that call a program of their own."""
LOOPS = ("scan", "while", "cond")
UNCHANGED = ("copy", "copy_p", "convert_element_type", "stop_gradient", "optimization_barrier")
POINTWISE = frozenset({
    "abs", "add", "and", "clamp", "cos", "div", "eq", "erf", "erf_inv", "erfc", "exp", "exp2",
    "expm1", "floor", "ge", "gt", "integer_pow", "is_finite", "le", "log", "log1p", "logistic",
    "lt", "max", "min", "mul", "ne", "neg", "not", "or", "pow", "round", "rsqrt", "select_n",
    "sign", "sin", "sqrt", "square", "sub", "tan", "tanh", "xor",
})  # fmt: skip
"""Primitives that compute each element by itself."""


def open_network(target: Target, inputs: tuple[Shape, ...]) -> FlaxReference:
    """`flax:MODULE:CLASS`, or a function that gives a module; `rngs` is added where it is taken."""
    make = factory(target)
    start = getattr(make, "__init__", make) if isinstance(make, type) else make
    words = signature(start).parameters
    model = built(target, make, **({"rngs": nnx.Rngs(0)} if "rngs" in words else {}))
    if not isinstance(model, (nnx.Module, linen.Module)):
        refuse(target.text, f"it gives a `{type(model).__name__}`, which is no module of Flax")
    try:
        zeros = [np.zeros((1, *shape), np.float32) for shape in inputs]
        program = _Nnx(model) if isinstance(model, nnx.Module) else _Linen(model, zeros)
        return FlaxReference(target.text, program, inputs)
    except CnnError:
        raise
    except Exception as problem:
        said = (str(problem).splitlines() or [""])[0]
        shapes = ", ".join(map(shown, inputs))
        why = f"it does not run on inputs of {shapes}: {type(problem).__name__}: {said}"
        refuse(target.text, why)


class FlaxReference(Store):
    """A module in inference mode."""

    def __init__(self, name: str, program: _Nnx | _Linen, inputs: Sequence[Shape]) -> None:
        super().__init__(name, program.memory)
        import flax

        self.versions = f"Flax {flax.__version__} on JAX {jax.__version__}"
        self.parameters = program.parameters
        self.program = program
        zeros = [np.zeros((1, *shape), np.float32) for shape in inputs]
        names = list(program.memory)
        self.traced = jax.make_jaxpr(self._called)(list(program.memory.values()), zeros)
        walk = _Walk(name, self.traced, names, len(inputs))
        self.stored = {key: _stored(key, walk.transposed, self.memory) for key in walk.used}
        steps = tuple(replace(step, weights=self._slots(step)) for step in walk.steps)
        steps = tensors.with_layers(steps, len(inputs), walk.outputs)
        self.trace = Trace(tuple(inputs), steps, walk.outputs)

    def run(
        self, inputs: Sequence[np.ndarray], wanted: Container[int] | None = None
    ) -> Iterator[tuple[int, np.ndarray]]:
        names = list(self.memory)

        @jax.jit
        def values(weights: Any, xs: Any) -> dict[int, Any]:
            found = _Walk(self.name, self.traced, names, len(inputs), [*weights, *xs]).values
            return {n: x for n, x in found.items() if wanted is None or n in wanted}

        with jax.default_matmul_precision("highest"):
            found = values(list(self.memory.values()), list(inputs))
        for number, value in found.items():
            yield number, np.asarray(value)

    def _called(self, weights: Any, inputs: Any) -> list[Any]:
        return _in_order(self.program(dict(zip(self.memory, weights, strict=True)), inputs))

    def _slots(self, step: Step) -> tuple[Slot, ...]:
        return tuple(replace(s, shape=self.stored[s.key].shape) for s in step.weights)


def _in_order(result: Any) -> list[Any]:
    """What a model gives, as a list; JAX would sort the keys of a mapping."""
    parts = list(result.values()) if isinstance(result, Mapping) else result
    if not isinstance(parts, (list, tuple)):
        return [parts]
    return [inner for part in parts for inner in _in_order(part)]


def _stored(key: str, transposed: Mapping[str, bool], memory: Mapping[str, np.ndarray]) -> Stored:
    """Where a weight is. Kernels of transposed convolutions are mirrored, or the other way round.

    Arguments:
        transposed: kernels of transposed convolutions, and whether they are those of the
            convolution that is transposed.
    """
    array = memory[key]
    if key in transposed:
        array = array.swapaxes(2, 3) if transposed[key] else array[::-1, ::-1]
    return Stored(array)


# ---------------------------------------------------------------------- programs


class _Nnx:
    """An `nnx` module as a function of its weights and inputs."""

    def __init__(self, model: Any) -> None:
        model.eval()
        self.graphdef, self.state = nnx.split(model)
        flat = [(".".join(map(str, p)), v) for p, v in nnx.to_flat_state(self.state)]
        kept = {name: v for name, v in flat if jnp.issubdtype(v.get_value().dtype, jnp.floating)}
        self.memory = {name: np.array(v.get_value(), np.float32) for name, v in kept.items()}
        self.parameters = sum(
            self.memory[name].size for name, v in kept.items() if issubclass(v.type, nnx.Param)
        )
        modules = {type(module) for _, module in nnx.iter_modules(model)}
        self.layers: list[Any] = [cls for cls in modules if _kind(cls, nnx)]

    def __call__(self, weights: Mapping[str, Any], inputs: Sequence[Any]) -> Any:
        state = nnx.from_flat_state(
            (path, variable.replace(weights.get(".".join(map(str, path)), variable.get_value())))
            for path, variable in nnx.to_flat_state(self.state)
        )
        with _marked(self.layers):
            return nnx.merge(self.graphdef, state)(*inputs)


@contextmanager
def _marked(classes: Sequence[Any]) -> Iterator[None]:
    """While it lasts, each layer is a call of its own in what JAX traces."""
    before = {cls: cls.__dict__.get("__call__") for cls in classes}

    def wrapped(cls: Any) -> Callable[..., Any]:
        call = cls.__call__

        def layer(self: Any, x: Any, *rest: Any, **options: Any) -> Any:
            return _layer(self, lambda x: call(self, x, *rest, **options), x)

        return layer

    for cls in classes:
        cls.__call__ = wrapped(cls)
    try:
        yield
    finally:
        for cls, call in before.items():
            if call is None:
                del cls.__call__
            else:
                cls.__call__ = call


def _layer(layer: Any, call: Callable[[Any], Any], x: Any) -> Any:
    """Call a layer under the name of what it is."""
    kind = _kind(type(layer), nnx) or _kind(type(layer), linen)
    turned = "_turned" if getattr(layer, "transpose_kernel", False) else ""
    call.__name__ = f"{MARK}{kind}{turned}"
    return jax.jit(call)(x)


def _kind(cls: type, library: Any) -> str:
    """The word for a class of layers; empty for other modules."""
    bases = (base for base in cls.__mro__ if base is getattr(library, base.__name__, None))
    return next((KINDS[base.__name__] for base in bases if base.__name__ in KINDS), "")


class _Linen:
    """A `linen` module as a function of its weights and inputs."""

    def __init__(self, model: linen.Module, zeros: Sequence[np.ndarray]) -> None:
        words = signature(type(model).__call__).parameters
        self.model = model
        self.flags: dict[str, Any] = {word: value for word, value in FLAGS.items() if word in words}
        init = jax.jit(lambda key: model.init(key, *zeros, **self.flags))
        self.variables = init(jax.random.key(0))
        leaves = jax.tree_util.tree_leaves_with_path(self.variables)
        self.memory = {_dotted(path): np.array(value, np.float32) for path, value in leaves}
        self.parameters = sum(x.size for n, x in self.memory.items() if n.startswith("params."))

    def __call__(self, weights: Mapping[str, Any], inputs: Sequence[Any]) -> Any:
        variables = jax.tree_util.tree_map_with_path(
            lambda path, _: weights[_dotted(path)], self.variables
        )

        def interceptor(call: Any, args: Any, options: Any, context: Any) -> Any:
            if context.method_name != "__call__" or not _kind(type(context.module), linen):
                return call(*args, **options)
            x, *rest = args
            return _layer(context.module, lambda x: call(x, *rest, **options), x)

        with linen.intercept_methods(interceptor):
            return self.model.apply(variables, *inputs, **self.flags)


def _dotted(path: Any) -> str:
    return ".".join(str(part.key) for part in path)


# ---------------------------------------------------------------- the traced program


class _Value(Record):
    """What is known of a variable of the program.

    Arguments:
        number: in the trace; None for what does not depend on the inputs.
        weights: the weights that it is made of, for one that depends on nothing else.
        last: whether its channels are last.
        root: the value that it is computed from, position by position.
        array: while the program runs.
    """

    number: int | None = None
    weights: tuple[str, ...] = ()
    last: bool = True
    root: int | None = None
    array: Any = None


class _Walk:
    """The steps of a traced program, and their values where arrays are given.

    Arguments:
        name: of the reference, for messages.
        names: of the weights, the first inputs of the program.
        inputs: how many follow.
        arrays: all of them, when it is to be run.
    """

    def __init__(
        self, name: str, program: Any, names: Sequence[str], inputs: int,
        arrays: Sequence[Any] | None = None,
    ) -> None:  # fmt: skip
        self.name = name
        self.running = arrays is not None
        self.inputs = inputs
        self.steps: list[Step] = []
        self.values: dict[int, Any] = {}
        self.used: dict[str, None] = {}
        self.transposed: dict[str, bool] = {}
        given = arrays or [None] * (len(names) + inputs)
        known = [_Value(weights=(n,), array=x) for n, x in zip(names, given, strict=False)]
        for number, array in enumerate(given[len(names) :]):
            known.append(_Value(number=number, root=number, array=array))
            self.values[number] = array
        results = self._program(program.jaxpr, program.consts, known)
        self.outputs = tuple(self._output(value) for value in results)

    def _output(self, value: _Value) -> int:
        if value.number is None:
            refuse(self.name, "one of its outputs does not depend on its inputs")
        return value.number

    def _program(
        self, jaxpr: Any, constants: Sequence[Any], given: Sequence[_Value]
    ) -> list[_Value]:
        known: dict[Any, _Value] = {}
        known.update(zip(jaxpr.constvars, (_Value(array=c) for c in constants), strict=True))
        known.update(zip(jaxpr.invars, given, strict=True))

        def value(atom: Any) -> _Value:
            return _Value(array=atom.val) if isinstance(atom, core.Literal) else known[atom]

        for equation in jaxpr.eqns:
            read = [value(atom) for atom in equation.invars]
            known.update(zip(equation.outvars, self._equation(equation, read), strict=True))
        return [value(atom) for atom in jaxpr.outvars]

    def _equation(self, equation: Any, read: list[_Value]) -> list[_Value]:
        word = equation.primitive.name
        data = [value for value in read if value.number is not None]
        inner = _inner(equation)
        if not data:
            names = tuple(dict.fromkeys(name for value in read for name in value.weights))
            return [_Value(weights=names, array=x) for x in self._computed(equation, read)]
        if str(equation.params.get("name", "")).startswith(MARK):
            return [self._marked(equation, inner, read)]
        if word in UNCHANGED:
            (array,) = self._computed(equation, read)
            return [replace(data[0], array=array)]
        weighted = [value for value in read if value.weights]
        if word in CALLS and (weighted or len(data) > 1 or len(equation.outvars) > 1):
            return self._program(inner.jaxpr, inner.consts, read)
        if weighted and word in LOOPS:
            refuse(self.name, f"`{word}` hides layers, so they cannot be followed")
        if len(equation.outvars) > 1:
            return self._several(equation, read)
        return [self._one(equation, inner, read, data, weighted)]

    def _computed(self, equation: Any, read: Sequence[_Value]) -> list[Any]:
        """The arrays that an equation gives, nothing when nothing is run."""
        if not self.running:
            return [None] * len(equation.outvars)
        arrays = [value.array for value in read]
        inner = _inner(equation)
        if equation.primitive.name in CALLS:
            return list(jax.core.eval_jaxpr(inner.jaxpr, inner.consts, *arrays))
        found = equation.primitive.bind(*arrays, **equation.params)
        return list(found) if equation.primitive.multiple_results else [found]

    # ------------------------------------------------------------------ steps

    def _add(
        self, kind: str, equation: Any, data: Sequence[_Value], array: Any, *,
        last: bool | None = None, weights: tuple[Slot, ...] = (), order: str = "",
        root: int | None = None, result: int = 0,
    ) -> _Value:  # fmt: skip
        """A new step, and its value."""
        number = self.inputs + len(self.steps)
        last = data[0].last if last is None else last
        sizes = equation.outvars[result].aval.shape
        read = tuple(value.number for value in data if value.number is not None)
        shape = tensors.shape_of(sizes, last)
        self.steps.append(Step(kind, kind, read, shape, weights, _said(kind, equation), order))
        if self.running:
            self.values[number] = tensors.channels_last(array, last)
        return _Value(number, (), last, number if root is None else root, array)

    def _marked(self, equation: Any, inner: Any, read: list[_Value]) -> _Value:
        """A layer of Flax."""
        kind, _, turned = equation.params["name"].removeprefix(MARK).partition("_")
        data = [value for value in read if value.number is not None]
        names = [name for value in read for name in value.weights]
        convolution = next((e for e in inner.jaxpr.eqns if _is_convolution(e)), None)
        if kind == "conv" and convolution is not None:
            kind = _convolution(convolution)
        (array,) = self._computed(equation, read)
        if kind == "fc" and len(equation.outvars[0].aval.shape) == 4:
            kind = "conv"
        slots = self._slots(kind, names, bool(turned))
        found = self._add(kind, convolution or equation, data, array, weights=slots)
        self.steps[-1] = replace(self.steps[-1], name=_layer_name(names) or kind)
        return found

    def _slots(self, kind: str, names: Sequence[str], turned: bool = False) -> tuple[Slot, ...]:
        """The weights of a layer; their shapes are filled in later."""
        found = []
        for name in dict.fromkeys(names):
            role = ROLES.get(name.rpartition(".")[2], "scale")
            role = "shift" if role == "bias" and kind in NORMS else role
            if role == "kernel" and kind == "deconv":
                self.transposed[name] = turned
            self.used[name] = None
            found.append(Slot(role, (), name))
        return tuple(found)

    def _one(
        self, equation: Any, inner: Any, read: Sequence[_Value], data: Sequence[_Value],
        weighted: Sequence[_Value],
    ) -> _Value:  # fmt: skip
        """An operation with one result."""
        word = equation.primitive.name
        (array,) = self._computed(equation, read)
        if weighted:
            return self._with_weights(equation, data, weighted, array)
        roots = {value.root for value in data}
        if len(data) == 1:
            kept = data[0].root if _pointwise(equation, inner) else None
            moved = _moved(equation, data[0])
            if moved.kind == "":
                return replace(data[0], last=moved.last, array=array)
            return self._add(moved.kind, equation, data, array,
                             last=moved.last, order=moved.order, root=kept)  # fmt: skip
        if word == "concatenate":
            before = equation.invars[0].aval.shape
            kind = tensors.joined(before, equation.outvars[0].aval.shape, data[0].last).kind
            return self._add(kind, equation, data, array)
        if len(roots) > 1 or word not in POINTWISE:
            return self._add(word, equation, data, array)
        (root,) = roots
        if word == "add":  # a sum of two functions of one value may well be a join
            return self._add(word, equation, data, array, root=root)
        first = replace(data[0], number=root)
        kind = "softmax" if word == "div" and self._kind(data[0]) == "exp" else "activation"
        return self._add(kind, equation, [first], array, root=root)

    def _kind(self, value: _Value) -> str:
        position = (value.number or 0) - self.inputs
        return self.steps[position].kind if position >= 0 else ""

    def _with_weights(
        self, equation: Any, data: Sequence[_Value], weighted: Sequence[_Value], array: Any
    ) -> _Value:
        """An operation of a value and a weight, outside of Flax's layers."""
        word = equation.primitive.name
        names = [name for value in weighted for name in value.weights]
        rank = len(equation.outvars[0].aval.shape)
        if _is_convolution(equation):
            kind = _convolution(equation)
        elif word == "dot_general":
            kind = "conv" if rank == 4 else "fc"
        else:
            kind = "layerscale" if word == "mul" else word
        slots = self._slots(kind, names)
        if kind in ("conv", "dwconv", "deconv", "fc"):
            slots = tuple(replace(slot, role="kernel") for slot in slots)
        elif kind == "add":
            slots = tuple(replace(slot, role="bias") for slot in slots)
        return self._add(kind, equation, data, array, weights=slots)

    def _several(self, equation: Any, read: Sequence[_Value]) -> list[_Value]:
        """An operation with several results, each of which is a step."""
        data = [value for value in read if value.number is not None]
        word = equation.primitive.name
        arrays = self._computed(equation, read)
        return [self._add(word, equation, data, x, result=i) for i, x in enumerate(arrays)]


def _inner(equation: Any) -> Any:
    """The program that an equation calls, None where it calls none."""
    for word in ("jaxpr", "call_jaxpr", "fun_jaxpr"):
        found = equation.params.get(word)
        if found is not None:
            return found if hasattr(found, "consts") else core.ClosedJaxpr(found, ())
    return None


def _is_convolution(equation: Any) -> bool:
    return bool(equation.primitive.name == "conv_general_dilated")


def _convolution(equation: Any) -> str:
    """Which of the convolutions it is."""
    if any(step != 1 for step in equation.params["lhs_dilation"]):
        return "deconv"
    groups = equation.params["feature_group_count"]
    spec = equation.params["dimension_numbers"].lhs_spec
    return "dwconv" if 1 < groups == equation.invars[0].aval.shape[spec[1]] else "conv"


def _layer_name(names: Sequence[str]) -> str:
    return names[0].rpartition(".")[0] if names else ""


def _pointwise(equation: Any, inner: Any) -> bool:
    """Whether positions stay apart: what activations and softmax are made of."""
    word = equation.primitive.name
    if inner is not None:
        return all(_pointwise(e, _inner(e)) for e in inner.jaxpr.eqns)
    before = equation.invars[0].aval.shape
    if word.startswith("reduce_window") or word == "cumsum":
        return all(n == 1 for n in equation.params.get("window_dimensions", (2,))[:-1])
    if word.startswith("reduce_"):
        return tuple(equation.params["axes"]) == (len(before) - 1,)
    if word in ("broadcast_in_dim", "reshape"):
        after = equation.outvars[0].aval.shape
        return [n for n in before if n > 1] == [n for n in after if n > 1]
    return word in POINTWISE or word in UNCHANGED


def _moved(equation: Any, value: _Value) -> Moved:
    """What an operation of one value is called, and where its channels are afterwards."""
    word = equation.primitive.name
    before = next(a.aval.shape for a in equation.invars if not isinstance(a, core.Literal))
    after = equation.outvars[0].aval.shape
    if word == "transpose":
        return tensors.transposed(equation.params["permutation"], value.last)
    if word in ("reshape", "squeeze", "expand_dims"):
        return tensors.reshaped(before, after, value.last)
    if word in ("slice", "dynamic_slice", "gather"):
        return tensors.part(before, after, value.last)
    if word == "pad":
        return tensors.bordered(before, after, value.last)
    name = str(equation.params.get("name", word)).strip("_") if word in CALLS else word
    return Moved(name, value.last)


def _said(kind: str, equation: Any) -> str:
    """`conv_general_dilated window_strides=(2, 2), padding=((3, 3), (3, 3))`"""
    shown = ("window_strides", "padding", "lhs_dilation", "rhs_dilation", "feature_group_count",
             "window_dimensions", "axes", "permutation", "new_sizes", "dimension")  # fmt: skip
    told = [f"{word}={equation.params[word]}" for word in shown if word in equation.params]
    return f"{kind} {', '.join(told)}".rstrip()
