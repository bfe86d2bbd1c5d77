"""Weights carried between frameworks: layers in order of execution, checked by kind and shape."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from cnndsl.graph import Graph, Module, Node
from cnndsl.op import Op
from cnndsl.ops.reshape import Flatten
from cnndsl.verify.weights import random_values

from .weights import Path, Weights, owners

Layer = tuple[str, dict[str, np.ndarray]]
"""A layer's name, and its weights by role, kernels laid out as in the IR."""


class DoNotMatch(AssertionError):
    """Two lists of layers are not the same network."""


def carried(module: Module, layers: Sequence[Layer], flattened: str = "hwc") -> Weights:
    """The layers of another framework as the weights of a module, matched one by one.

    Arguments:
        flattened: in which order the framework flattens a map before a linear layer.

    Raises DoNotMatch for the first pair that differs in roles or shapes.
    """
    weights: Weights = {}
    ours = list(weighted(module))
    if len(ours) != len(layers):
        raise DoNotMatch(f"{len(ours)} layers here, {len(layers)} there")
    for (path, graph, node), (name, given) in zip(ours, layers, strict=True):
        assert isinstance(node.op, Op)
        types = graph.types
        expected = {w.name: w.shape for w in node.op.weights(*(types[v] for v in node.inputs))}
        found = {role: value.shape for role, value in given.items()}
        if found != expected:
            raise DoNotMatch(f"{'.'.join(path)} has {expected}, {name} has {found}")
        for role, value in given.items():
            if role == "kernel" and value.ndim == 2:
                value = reordered(value, graph, node, flattened)
            weights[path, role] = value
    return weights


def weighted(module: Module) -> Iterator[tuple[Path, Graph, Node]]:
    """The operators that have weights of their own, in order of execution."""
    for path, owner, graph, node in owners(module):
        assert isinstance(node.op, Op)
        types = graph.types
        if path == owner and node.op.weights(*(types[name] for name in node.inputs)):
            yield path, graph, node


def reordered(kernel: np.ndarray, graph: Graph, node: Node, flattened: str) -> np.ndarray:
    """The rows of a linear layer in the order in which this graph flattens its input."""
    producer = graph.producers.get(node.inputs[0])
    if producer is None or not isinstance(producer.op, Flatten):
        return kernel
    height, width, channels = graph.types[producer.inputs[0]].shape
    maps = {
        "hwc": kernel.reshape(-1, kernel.shape[-1]),
        "chw": kernel.reshape(channels, height, width, -1).transpose(1, 2, 0, 3),
    }[flattened].reshape(height, width, channels, -1)
    if producer.op.order == "chw":
        maps = maps.transpose(2, 0, 1, 3)
    return np.ascontiguousarray(maps.reshape(kernel.shape))


# ----------------------------------------------------------------- PyTorch


def randomise_torch(model: Any, seed: int = 0) -> None:
    """Random weights, biases, scales, shifts and statistics for a PyTorch model."""
    import torch

    rng = np.random.default_rng(seed)
    roles = {"running_mean": "mean", "running_var": "variance", "bias": "bias"}
    with torch.no_grad():
        for layer in model.modules():
            norm = isinstance(layer, torch.nn.BatchNorm2d)
            tensors = [*layer.named_parameters(recurse=False), *layer.named_buffers(recurse=False)]
            for name, tensor in tensors:
                if name == "num_batches_tracked":
                    continue
                role = roles.get(name, "scale" if norm else "kernel")
                role = "shift" if norm and role == "bias" else role
                shape = tuple(tensor.shape)
                flat = (int(np.prod(shape[1:])), shape[0]) if role == "kernel" else shape
                value = random_values(role, flat, rng)
                value = value.T.reshape(shape) if role == "kernel" else value
                tensor.copy_(torch.tensor(value))


def torch_layers(model: Any, example: Any) -> list[Layer]:
    """The layers with weights in the order in which a PyTorch model runs them."""
    import torch

    order: list[tuple[str, Any]] = []
    hooks = [
        layer.register_forward_hook(lambda m, _i, _o, name=name: order.append((name, m)))
        for name, layer in model.named_modules()
        if isinstance(layer, (torch.nn.Conv2d, torch.nn.Linear, torch.nn.BatchNorm2d))
    ]
    with torch.inference_mode():
        model(example)
    for hook in hooks:
        hook.remove()
    return [(name, torch_weights(layer)) for name, layer in order]


def torch_weights(layer: Any) -> dict[str, np.ndarray]:
    import torch

    weight, bias = layer.weight.detach().numpy(), layer.bias
    shift = {} if bias is None else {"bias": bias.detach().numpy()}
    if isinstance(layer, torch.nn.Conv2d):
        return {"kernel": weight.transpose(2, 3, 1, 0), **shift}
    if isinstance(layer, torch.nn.Linear):
        return {"kernel": weight.T, **shift}
    mean, variance = layer.running_mean.numpy(), layer.running_var.numpy()
    return {"scale": weight, "shift": shift["bias"], "mean": mean, "variance": variance}
