"""Our side: the trace of a module, and the code that a backend emits for it, at work."""

from __future__ import annotations

from itertools import count

from ..backend import weighted_backend
from ..diagnostics import fail
from ..graph import Module, Node, Output, Value, inference_graph
from ..op import Op
from ..ops.activation import Softmax
from ..passes.flatten import flatten, paths
from ..record import replace
from .trace import Shape, Slot, Step, Trace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping, Sequence
    from typing import Any

    import numpy as np


def trace_of(module: Module) -> Trace:
    """What a module computes in inference. Keys of weights are those of `weight_map`."""
    graph = inference_graph(flatten(module))
    keys = paths(module)
    number = {value.name: i for i, value in enumerate(graph.inputs)}
    types = graph.types
    steps: list[Step] = []
    owner: dict[str, str] = {}
    for node in graph.nodes:
        assert isinstance(node.op, Op)
        source = node.weights if node.weights is not None else node.name
        owner[node.name] = owner.get(source, source)
        own = node.op.weights(*(types[name] for name in node.inputs))
        path = keys[owner[node.name]]
        slots = tuple(Slot(w.name, w.shape, (path, w.name)) for w in own)
        for value in node.outputs:
            number[value.name] = len(graph.inputs) + len(steps)
            steps.append(_step(node, value.type.shape, slots, number))
    outputs = tuple(number[output.value] for output in graph.outputs)
    return Trace(tuple(map(sizes, graph.inputs)), tuple(steps), outputs)


def sizes(value: Value) -> Shape:
    """The shape of a value. Raises CnnError with E0904 while it has symbolic sizes."""
    found = tuple(size for size in value.type.shape if isinstance(size, int))
    if len(found) < len(value.type.shape):
        fail(
            "E0904",
            f"the input is {value.type}, and a network runs with sizes only",
            help=("say which: `--input 224x224x3`",),
        )
    return found


def _step(
    node: Node, shape: tuple[Any, ...], slots: tuple[Slot, ...], number: Mapping[str, int]
) -> Step:
    from ..arguments import format_op

    assert isinstance(node.op, Op)
    inputs = tuple(number[name] for name in node.inputs)
    order = str(getattr(node.op, "order", ""))
    said = format_op(node.op)
    return Step(node.name, node.op.word, inputs, shape, slots, said, order, node.span)


class Emitted:
    """The code that a backend writes for a module, loaded.

    Arguments:
        module: the model.
        target: name of the backend, which must be able to say where weights live.
    """

    def __init__(self, module: Module, target: str = "flax") -> None:
        self.backend = weighted_backend(target)
        self.module = module
        self.python = _loaded(self.backend.emit(module), module.name)

    @property
    def model(self) -> Any:
        """The class of the model."""
        from typing import get_type_hints

        return get_type_hints(self.python.create)["return"]

    def filled(self, weights: Mapping[Hashable, np.ndarray]) -> Any:
        """The model with these weights; what exists in training only gets zeros."""
        import jax
        import jax.numpy as jnp
        from flax import nnx

        model = nnx.eval_shape(lambda: self.model(rngs=nnx.Rngs(0)))
        model.eval()
        graphdef, state = nnx.split(model)
        values = self.backend.arrange(self.module, weights)
        for path, variable in nnx.to_flat_state(state):
            if path in values:
                variable.set_value(jnp.asarray(values[path]))
            elif isinstance(variable, nnx.RngKey):
                variable.set_value(jax.random.key(0))
            else:
                missing = variable.get_value()
                variable.set_value(jnp.zeros(missing.shape, missing.dtype))
        return nnx.merge(graphdef, state)

    def run(
        self, weights: Mapping[Hashable, np.ndarray], inputs: Sequence[np.ndarray]
    ) -> dict[str, np.ndarray]:
        """The outputs in inference by name."""
        import jax
        import numpy as np
        from flax import nnx

        graphdef, state = nnx.split(self.filled(weights))
        predict = jax.jit(lambda s, *xs: nnx.merge(graphdef, s)(*xs))
        with jax.default_matmul_precision("highest"):
            result = predict(state, *inputs)
        names = [output.name for output in self.module.main.outputs if not output.training]
        found = {names[0]: result} if len(names) == 1 else result
        return {name: np.asarray(found[name]) for name in names}


def _loaded(source: str, name: str) -> Any:
    """The source as a Python module; tracebacks show its lines."""
    from linecache import cache
    from types import ModuleType

    file = f"<emitted {name}>"
    cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    module = ModuleType(name)
    exec(compile(source, file, "exec"), module.__dict__)
    return module


def every_value(
    module: Module, weights: Mapping[Hashable, np.ndarray], inputs: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """All values of the trace, computed by the code that is emitted for the flat module."""
    graph = inference_graph(flatten(module))
    names = [value.name for node in graph.nodes for value in node.outputs]
    exposed = replace(graph, outputs=tuple(Output(name, name) for name in names))
    emitted = Emitted(replace(module, functions=(exposed,)))
    path = paths(module)
    keys = emitted.backend.weight_map(emitted.module)
    found = emitted.run(
        {((name,), role): weights[path[name], role] for (name,), role in keys}, inputs
    )
    return [*inputs, *(found[name] for name in names)]


def with_training(module: Module) -> Module:
    """The module with the outputs of training as outputs like any other."""
    outputs = tuple(replace(output, training=False) for output in module.main.outputs)
    return _giving(module, outputs)


def with_logits(module: Module) -> tuple[Module, dict[str, str]]:
    """The module with what each last softmax reads as one more output.

    Probabilities forgive: where one class has nearly all of them, they hide differences.

    Returns the names of the new outputs by those that they belong to.
    """
    main = module.main
    names = {output.name for output in main.outputs}
    added: dict[str, Output] = {}
    for output in main.outputs:
        node = main.producers.get(output.value)
        if not output.training and node is not None and isinstance(node.op, Softmax):
            name = next(n for n in _fresh("logits") if n not in names)
            names.add(name)
            added[output.name] = Output(name, node.inputs[0])
    changed = _giving(module, (*main.outputs, *added.values()))
    return changed, {name: output.name for name, output in added.items()}


def _giving(module: Module, outputs: tuple[Output, ...]) -> Module:
    """The module with these outputs."""
    main = replace(module.main, outputs=outputs)
    return replace(module, functions=(*module.functions[:-1], main))


def _fresh(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}{number}" for number in count(2))
