"""Random integer weights under which a network of exact operators computes in whole numbers."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ..op import Op
from ..ops.norm import Bn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..graph import Graph
    from ..types import TensorType
    from .exact import Roles

DEVIATIONS = 1, 2
"""What a batch norm divides by."""


def draw_integers(graph: Graph, rng: np.random.Generator, limit: int = 3) -> dict[str, Roles]:
    """Weights of every node that holds some, by its name and by role.

    Arguments:
        limit: the greatest magnitude. Factors are never zero.

    The variances of batch norms are squares once `eps` is added, and their factors can be divided
    by the roots, so that whole numbers stay whole.
    """
    types = graph.types
    drawn: dict[str, Roles] = {}
    for node in graph.nodes:
        if isinstance(node.op, Op) and node.weights is None:
            drawn[node.name] = _roles(node.op, [types[name] for name in node.inputs], rng, limit)
    return {name: roles for name, roles in drawn.items() if roles}


def _roles(op: Op, inputs: Sequence[TensorType], rng: np.random.Generator, limit: int) -> Roles:
    roles: Roles = {
        weight.name: rng.integers(-limit, limit, weight.shape, np.int64, endpoint=True)
        for weight in op.weights(*inputs)
    }
    if "scale" in roles:
        signs = rng.choice((-1, 1), roles["scale"].shape)
        roles["scale"] = signs * rng.integers(1, limit, signs.shape, endpoint=True)
    if isinstance(op, Bn):
        deviation = rng.choice(DEVIATIONS if op.scale else DEVIATIONS[:1], inputs[0].channels)
        roles["variance"] = deviation.astype(object) ** 2 - Fraction(op.eps)
        if op.scale:
            roles["scale"] = roles["scale"] * deviation
    return roles
