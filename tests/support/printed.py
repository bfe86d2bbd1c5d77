"""A module as the text of a spec: printed, read again, compared."""

from __future__ import annotations

from typing import Any

from cnndsl import driver
from cnndsl.backend import backend
from cnndsl.graph import Module
from cnndsl.op import Op
from cnndsl.passes.cost import cost
from cnndsl.passes.flatten import flatten
from cnndsl.printer import format_source
from cnndsl.source import Source


def printed(module: Module) -> str:
    return backend("cnn").emit(module)


def read(text: str) -> Module:
    return driver.compile_model(Source("printed.cnn", text), max_nodes=100_000).module


def essence(module: Module) -> tuple[Any, ...]:
    """What a module computes, with numbers for names."""
    flat = flatten(module)
    values: dict[str, Any] = {value.name: f"input {i}" for i, value in enumerate(flat.inputs)}
    numbers: dict[str, int] = {}
    types = flat.types
    nodes = []
    for number, node in enumerate(flat.nodes):
        numbers[node.name] = number
        values.update((value.name, (number, port)) for port, value in enumerate(node.outputs))
        assert isinstance(node.op, Op)
        has_weights = bool(node.op.weights(*(types[value] for value in node.inputs)))
        owner = numbers[node.weights] if node.weights and has_weights else None
        made = tuple(value.type for value in node.outputs)
        nodes.append((node.op, tuple(values[value] for value in node.inputs), made, owner))
    outputs = [(o.name, values[o.value], o.training, o.weight) for o in flat.outputs]
    return [value.type for value in flat.inputs], nodes, outputs


def assert_says_the_same(module: Module) -> str:
    """Print a module, read it, and print it again."""
    text = printed(module)
    again = read(text)
    assert essence(again) == essence(module)
    assert [v.name for v in again.main.inputs] == [v.name for v in module.main.inputs]
    assert cost(again).total == cost(module).total
    assert cost(again, training=True).total == cost(module, training=True).total
    assert printed(again) == text
    assert format_source(Source("printed.cnn", text)) == text
    return text
