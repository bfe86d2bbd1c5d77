"""Emitted Flax code at work: load it, look at what it would make, fill it, run it."""

from __future__ import annotations

import linecache
import types
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, get_type_hints

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from cnndsl.backend import backend
from cnndsl.backends.flax import weight_map
from cnndsl.graph import Graph, Module, Node, Output
from cnndsl.ops.activation import Softmax
from cnndsl.ops.regular import Mask
from cnndsl.passes.flatten import flatten
from cnndsl.record import replace

from .weights import Weights

Shape = tuple[int, ...]
_numbers = count()


def emit(module: Module) -> str:
    """The module as Python source."""
    return backend("flax").emit(module)


def load(source: str, name: str = "emitted") -> types.ModuleType:
    """The source as a Python module; tracebacks show its lines."""
    file = f"<{name} {next(_numbers)}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    module = types.ModuleType(name)
    exec(compile(source, file, "exec"), module.__dict__)
    return module


class Emitted:
    """The code of a module, and the class of its model.

    Arguments:
        source: the text; the backend's by default.
    """

    def __init__(self, module: Module, source: str | None = None) -> None:
        self.module = module
        self.source = emit(module) if source is None else source
        self.python = load(self.source, module.name)
        self.model: type[nnx.Module] = get_type_hints(self.python.create)["return"]

    def skeleton(self, **options: Any) -> nnx.Module:
        """The model with shapes in place of weights, as Flax makes it."""
        made: nnx.Module = nnx.eval_shape(lambda: self.model(**options, rngs=nnx.Rngs(0)))
        return made

    def variables(self) -> dict[tuple[str | int, ...], Any]:
        """Weights and statistics, without random keys, by path."""
        flat = nnx.to_flat_state(nnx.state(self.skeleton(), (nnx.Param, nnx.BatchStat)))
        return dict(flat)

    def number_of(self, kind: type) -> int:
        """How many elements Flax holds of one kind of variable."""
        flat = self.variables().values()
        return sum(int(np.prod(v.shape, dtype=np.int64)) for v in flat if type(v) is kind)

    def output_shapes(self, training: bool = False) -> dict[str, Shape]:
        """Shapes of the outputs by name, as JAX finds them, without the batch."""
        model = self.skeleton()
        evaluating(model, training)
        graphdef, state = nnx.split(model)
        result = jax.eval_shape(
            lambda s, *xs: nnx.merge(graphdef, s)(*xs), state, *self.inputs(2)
        )
        named = self.named(result, training)
        assert all(x.shape[0] == 2 and x.dtype == "float32" for x in named.values())
        return {name: x.shape[1:] for name, x in named.items()}

    def output_types(self, dtype: Any) -> dict[str, str]:
        """Element types of the outputs by name, when everything is of one type."""
        model = self.skeleton(dtype=dtype)
        evaluating(model, False)
        graphdef, state = nnx.split(model)
        result = jax.eval_shape(
            lambda s, *xs: nnx.merge(graphdef, s)(*xs), state, *self.inputs(1, dtype)
        )
        return {name: str(x.dtype) for name, x in self.named(result).items()}

    def inputs(self, batch: int, dtype: Any = "float32") -> list[jax.ShapeDtypeStruct]:
        """Abstract inputs."""
        types = [value.type for value in self.module.main.inputs]
        return [jax.ShapeDtypeStruct((batch, *t.shape), dtype) for t in types]

    def jaxpr(self) -> Any:
        """What JAX traces for one image in inference."""
        model = self.skeleton()
        evaluating(model, False)
        graphdef, state = nnx.split(model)
        function = jax.make_jaxpr(lambda s, *xs: nnx.merge(graphdef, s)(*xs))
        return function(state, *self.inputs(1)).jaxpr

    def named(self, result: Any, training: bool = False) -> dict[str, Any]:
        """What the model returned, by the names of the outputs."""
        outputs = self.module.main.outputs
        extra: Mapping[str, Any] = {}
        if training and any(output.training for output in outputs):
            result, extra = result
        names = [output.name for output in outputs if not output.training]
        main = {names[0]: result} if len(names) == 1 else dict(result)
        assert set(main) == set(names)  # JAX sorts keys
        assert set(extra) == {o.name for o in outputs if o.training and training}
        return self.ordered({**main, **extra})

    def filled(self, weights: Weights, dtype: Any = jnp.float32) -> nnx.Module:
        """The model with these weights; every variable gets one, and every weight is used."""
        model = self.skeleton(dtype=dtype, param_dtype=dtype)
        graphdef, state = nnx.split(model)
        places = weight_map(self.module)
        assert places.keys() == weights.keys()
        by_path = {place.path: (key, place.flipped) for key, place in places.items()}
        assert len(by_path) == len(places)
        for path, variable in nnx.to_flat_state(state):
            if isinstance(variable, (nnx.Param, nnx.BatchStat)):
                key, flipped = by_path.pop(path)
                value = weights[key][::-1, ::-1] if flipped else weights[key]
                assert value.shape == variable.shape, (key, path)
                variable.set_value(jnp.asarray(value, dtype))
            elif isinstance(variable, nnx.RngKey):
                variable.set_value(jax.random.key(0))
            else:
                variable.set_value(jnp.zeros(variable.shape, variable.dtype))
        assert not by_path
        filled: nnx.Module = nnx.merge(graphdef, state)
        return filled

    def run(
        self,
        weights: Weights,
        *inputs: np.ndarray,
        dtype: Any = jnp.float32,
        training: bool = False,
    ) -> dict[str, np.ndarray]:
        """The outputs in inference by name.

        Arguments:
            training: with the outputs that exist only in training; masks stay off and
                batch norms keep their statistics.
        """
        model = self.filled(weights, dtype)
        evaluating(model, training)
        graphdef, state = nnx.split(model)
        predict = jax.jit(lambda s, *xs: nnx.merge(graphdef, s)(*xs))
        result = predict(state, *(jnp.asarray(x, dtype) for x in inputs))
        return {name: np.asarray(x) for name, x in self.named(result, training).items()}


    def train(
        self, weights: Weights, factors: Mapping[str, np.ndarray], *inputs: np.ndarray
    ) -> tuple[dict[str, np.ndarray], Weights, Weights]:
        """Outputs of a step of training, gradients, and the statistics afterwards.

        In float64; the loss is the sum of all outputs times their factors.
        """
        model = self.filled(weights, jnp.float64)
        model.train()

        def loss(model: nnx.Module, *xs: jax.Array) -> tuple[jax.Array, Any]:
            outputs = self.named(model(*xs), training=True)  # type: ignore[operator]
            return sum((x * factors[name]).sum() for name, x in outputs.items()), outputs

        step = nnx.jit(nnx.grad(loss, has_aux=True))
        gradients, outputs = step(model, *map(jnp.asarray, inputs))
        statistics = nnx.state(model, nnx.BatchStat)
        named = {name: np.asarray(x) for name, x in self.ordered(outputs).items()}
        return named, self.by_key(gradients), self.by_key(statistics)

    def ordered(self, outputs: Mapping[str, Any]) -> dict[str, Any]:
        """The outputs in their order, which a jitted function loses."""
        return {o.name: outputs[o.name] for o in self.module.main.outputs if o.name in outputs}

    def by_key(self, state: nnx.State) -> Weights:
        """Variables as they are laid out in the IR."""
        flat = dict(nnx.to_flat_state(state))
        found: Weights = {}
        for key, place in weight_map(self.module).items():
            if place.path in flat:
                value = np.asarray(flat[place.path].get_value())
                found[key] = value[::-1, ::-1] if place.flipped else value
        return found


def evaluating(model: nnx.Module, training: bool) -> None:
    """Inference; with `training`, only the model itself believes that it is trained."""
    model.eval()
    if training and hasattr(model, "deterministic"):
        model.deterministic = False


def with_logits(module: Module) -> Module:
    """The module with one more output in front, `logits`: what goes into its last softmax.

    Probabilities forgive: where one class has nearly all of them, they hide differences.
    """
    main = module.main
    last = next(node for node in reversed(main.nodes) if isinstance(node.op, Softmax))
    outputs = (Output("logits", last.inputs[0]), *main.outputs)
    return replace(module, functions=(*module.functions[:-1], replace(main, outputs=outputs)))


def without_masks(module: Module) -> Module:
    """The module with rate 0 for dropout and stochastic depth."""
    functions = tuple(
        replace(graph, nodes=tuple(map(_without_mask, graph.nodes))) for graph in module.functions
    )
    return replace(module, functions=functions)


def _without_mask(node: Node) -> Node:
    return replace(node, op=replace(node.op, rate=0.0)) if isinstance(node.op, Mask) else node


def exposed(module: Module) -> Module:
    """The module without calls and with every value as an output."""
    graph = flatten(module)
    names = [value.name for node in graph.nodes for value in node.outputs]
    return replace(module, functions=(_giving(graph, names),))


def exposed_functions(module: Module) -> list[Module]:
    """For each function, a module whose main graph it is, with all its values as outputs."""
    found = []
    for index, graph in enumerate(module.functions):
        names = [value.name for node in graph.nodes for value in node.outputs]
        if names:
            functions = (*module.functions[:index], _giving(graph, names))
            found.append(replace(module, functions=functions))
    return found


def _giving(graph: Graph, names: Sequence[str]) -> Graph:
    return replace(graph, outputs=tuple(Output(name, name) for name in names))
