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
from cnndsl.backends.flax import weight_map
from flax import nnx

from cnndsl.backend import backend
from cnndsl.graph import Graph, Module, Output
from cnndsl.ops.activation import Softmax
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
        inputs = [
            jax.ShapeDtypeStruct((2, *value.type.shape), "float32")
            for value in self.module.main.inputs
        ]
        result = jax.eval_shape(lambda s, *xs: nnx.merge(graphdef, s)(*xs), state, *inputs)
        named = self.named(result, training)
        assert all(x.shape[0] == 2 and x.dtype == "float32" for x in named.values())
        return {name: x.shape[1:] for name, x in named.items()}

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
        every = {**main, **extra}
        return {o.name: every[o.name] for o in outputs if o.name in every}

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
