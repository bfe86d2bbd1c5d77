"""Weights of a module by place: which there are, and random ones that keep values tame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod

import numpy as np

from cnndsl.graph import Call, Graph, Module, Node
from cnndsl.op import Op
from cnndsl.verify.weights import random_values

Path = tuple[str, ...]
"""Names of nodes from the main flow through the calls down to an operator."""
Key = tuple[Path, str]
"""One weight: the operator that owns it, and its role."""
Weights = dict[Key, np.ndarray]


def owners(module: Module) -> Iterator[tuple[Path, Path, Graph, Node]]:
    """Every operator in execution order: its path, the path that owns its weights, its place."""
    functions = module.by_name

    def visit(graph: Graph, path: Path, owner: Path) -> Iterator[tuple[Path, Path, Graph, Node]]:
        origin: dict[str, str] = {}
        for node in graph.nodes:
            source = node.weights if node.weights is not None else node.name
            origin[node.name] = origin.get(source, source)
            here, whose = (*path, node.name), (*owner, origin[node.name])
            if isinstance(node.op, Call):
                yield from visit(functions[node.op.function], here, whose)
            else:
                yield here, whose, graph, node

    yield from visit(module.main, (), ())


def shapes(module: Module) -> dict[Key, tuple[int, ...]]:
    """The shape of every weight, in execution order; a shared one stands once."""
    found: dict[Key, tuple[int, ...]] = {}
    for path, owner, graph, node in owners(module):
        assert isinstance(node.op, Op)
        types = graph.types
        for weight in node.op.weights(*(types[name] for name in node.inputs)):
            if path == owner:
                found[owner, weight.name] = weight.shape
            else:
                assert found[owner, weight.name] == weight.shape
    return found


def random_weights(module: Module, seed: int = 0) -> Weights:
    """Weights of every role, none of them trivial, under which values neither die nor explode."""
    rng = np.random.default_rng(seed)
    return {
        (path, role): random_values(role, shape, rng)
        for (path, role), shape in shapes(module).items()
    }


def number_of(weights: Mapping[Key, tuple[int, ...]], trainable: bool) -> int:
    """How many elements are parameters, or running statistics."""
    return sum(
        prod(shape)
        for (_, role), shape in weights.items()
        if (role not in ("mean", "variance")) == trainable
    )
