"""Kernels as products of smaller ones, nearest in the least squares' sense.

    separable   K[i, j, c, n]  ~  Σ_r A[i, c, r] · B[j, r, n]
    channel     K[i, j, c, n]  ~  Σ_r A[i, j, c, r] · B[r, n]
    tucker2     K[i, j, c, n]  ~  Σ_ab A[c, a] · G[i, j, a, b] · B[b, n]
    cp          K[i, j, c, n]  ~  Σ_r A[c, r] · H[i, r] · W[j, r] · B[r, n]
    decoupled   K[i, j, c, n]  ~  Σ_t D[t, i, j, c] · P[t, c, n]

The rank is read off the layers of the right side. At full rank all are exact. Factors are
floats, and as large as each other where nothing else decides.
"""

from __future__ import annotations

import numpy as np

from . import carrier

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ..moves import Layer
    from . import Arrays, Held

SWEEPS = 100
"""Most rounds of alternating least squares."""
SETTLED = 1e-5
"""They end when the error falls by no more than this part of the kernel's length."""


# ----------------------------------------------------------------- factorisations


def halves(matrix: Any, rank: int) -> tuple[Any, Any]:
    """The best two factors of a matrix (Eckart and Young, 1936), as long as each other."""
    if len(matrix) < matrix.shape[1]:
        right, left = halves(matrix.T, rank)
        return left.T, right.T
    basis = _basis(matrix.T, rank)
    image = matrix @ basis
    scale = np.sqrt(np.linalg.norm(image, axis=0))
    scale[scale == 0] = 1
    return image / scale, (basis * scale).T


def _basis(tensor: Any, rank: int) -> Any:
    """The directions of the first axis along which a tensor is longest.

    They are orthonormal however small the rest is, so all of them together lose nothing, and an
    SVD, which is many times slower, has no better ones.
    """
    rows = tensor.reshape(len(tensor), -1)
    _, directions = np.linalg.eigh(rows @ rows.T)
    return directions[:, ::-1][:, :rank]


def separable(kernel: Any, rank: int) -> tuple[Any, Any]:
    """Columns height × 1 and rows 1 × width."""
    height, width, inputs, outputs = kernel.shape
    matrix = kernel.transpose(0, 2, 1, 3).reshape(height * inputs, width * outputs)
    columns, rows = halves(matrix, rank)
    return (
        columns.reshape(height, 1, inputs, rank),
        rows.reshape(rank, width, outputs).swapaxes(0, 1)[None],
    )


def channel(kernel: Any, rank: int) -> tuple[Any, Any]:
    """Kernels of the same size, and what mixes them."""
    *head, outputs = kernel.shape
    few, mix = halves(kernel.reshape(-1, outputs), rank)
    return few.reshape(*head, rank), mix[None, None]


def tucker2(kernel: Any, inputs: int, outputs: int) -> tuple[Any, Any, Any]:
    """Bases of the channels before and behind, and the kernel between them (HOSVD)."""
    before = _basis(kernel.transpose(2, 0, 1, 3), inputs)
    behind = _basis(kernel.transpose(3, 0, 1, 2), outputs)
    core = np.einsum("ijcn,ca,nb->ijab", kernel, before, behind, optimize=True)
    return before[None, None], core, behind.T[None, None]


def parallel_factors(kernel: Any, rank: int) -> list[Any]:
    """A factor for each axis, by alternating least squares from a fixed start (CP)."""
    rng = np.random.default_rng(0)
    factors = [rng.normal(size=(n, rank)) for n in kernel.shape]
    axes = np.argsort(kernel.shape, kind="stable")
    length, last = np.linalg.norm(kernel), np.inf
    for _ in range(SWEEPS):
        for axis in axes:
            factors[axis] = _update(kernel, factors, axis)
        error = length**2 - np.prod([f.T @ f for f in factors], axis=0).sum()
        error = float(np.sqrt(max(error, 0)))
        if last - error <= SETTLED * length:
            break
        last = error
    largest = axes[-1]
    products = _products(factors, largest)
    matrix = np.moveaxis(kernel, largest, -1).reshape(len(products), -1)
    factors[largest] = np.linalg.lstsq(products, matrix, rcond=None)[0].T
    return _balanced(factors)


def _update(kernel: Any, factors: Sequence[Any], axis: int) -> Any:
    """The best factor of one axis, the others as they are, by the normal equations."""
    rest = [i for i in range(kernel.ndim) if i != axis]
    operands = [part for i in rest for part in (factors[i], (i, kernel.ndim))]
    whole = tuple(range(kernel.ndim))
    seen = np.einsum(kernel, whole, *operands, (axis, kernel.ndim), optimize=True)
    gram = np.prod([factors[i].T @ factors[i] for i in rest], axis=0)
    return seen @ np.linalg.pinv(gram, hermitian=True)


def _products(factors: Sequence[Any], axis: int) -> Any:
    """Khatri-Rao product of all factors but one: a row for each combination of the others."""
    rest = [factor for i, factor in enumerate(factors) if i != axis]
    product = rest[0]
    for factor in rest[1:]:
        product = (product[:, None] * factor).reshape(-1, factor.shape[1])
    return product


def _balanced(factors: Sequence[Any]) -> list[Any]:
    """The same product with columns of equal length in all factors."""
    lengths = np.array([np.linalg.norm(factor, axis=0) for factor in factors])
    mean = np.prod(lengths, axis=0) ** (1 / len(factors))
    scales = np.divide(mean, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    return [factor * scale for factor, scale in zip(factors, scales, strict=True)]


def decoupled(kernel: Any, terms: int) -> list[tuple[Any, Any]]:
    """Depthwise and pointwise kernels, one pair for each term: each input channel by itself."""
    height, width, inputs, outputs = kernel.shape
    matrices = kernel.transpose(2, 0, 1, 3).reshape(inputs, height * width, outputs)
    left, values, right = np.linalg.svd(matrices, full_matrices=False)
    root = np.sqrt(values)
    deep = (left * root[:, None]).transpose(2, 1, 0).reshape(-1, height, width, 1, inputs)
    point = (root[:, :, None] * right).swapaxes(0, 1)[:, None, None]
    return list(zip(deep[:terms], point[:terms], strict=True))


# ----------------------------------------------------------------- carriers


def _made(layer: Held, new: Sequence[Layer], kernels: Sequence[Any]) -> list[Arrays]:
    """A kernel for each new layer, as precise as the old one; the bias where there is one."""
    given = layer["kernel"].dtype
    kind = given if given.kind == "f" else np.dtype(np.float64)
    made: list[Arrays] = []
    for heir, kernel in zip(new, kernels, strict=True):
        roles = [weight.name for weight in heir.op.weights(*heir.inputs)]
        bias = {"bias": layer["bias"]} if "bias" in roles else {}
        made.append({"kernel": kernel.astype(kind), **bias})
    return made


def _floats(layer: Held) -> Any:
    return layer["kernel"].astype(np.float64)


def _width(layer: Layer) -> int:
    """The channels that a layer gives."""
    (kernel, *_) = layer.op.weights(*layer.inputs)
    return kernel.shape[-1]


@carrier
def svd_separable(
    old: Sequence[Held], new: Sequence[Layer], holes: Mapping[str, Any]
) -> list[Arrays]:
    """Columns, then rows."""
    (conv,) = old
    return _made(conv, new, separable(_floats(conv), _width(new[0])))


@carrier
def svd_channel(
    old: Sequence[Held], new: Sequence[Layer], holes: Mapping[str, Any]
) -> list[Arrays]:
    """Few kernels, then what mixes them."""
    (conv,) = old
    return _made(conv, new, channel(_floats(conv), _width(new[0])))


@carrier
def svd_fc(old: Sequence[Held], new: Sequence[Layer], holes: Mapping[str, Any]) -> list[Arrays]:
    """Two matrices."""
    (fc,) = old
    return _made(fc, new, halves(_floats(fc), _width(new[0])))


@carrier
def tucker(old: Sequence[Held], new: Sequence[Layer], holes: Mapping[str, Any]) -> list[Arrays]:
    """Channels, the kernel between fewer of them, channels."""
    (conv,) = old
    return _made(conv, new, tucker2(_floats(conv), _width(new[0]), _width(new[1])))


@carrier
def cp(old: Sequence[Held], new: Sequence[Layer], holes: Mapping[str, Any]) -> list[Arrays]:
    """Channels, columns, rows, channels."""
    (conv,) = old
    down, across, before, behind = parallel_factors(_floats(conv), _width(new[0]))
    kernels = before[None, None], down[:, None, None], across[None, :, None], behind.T[None, None]
    return _made(conv, new, kernels)


@carrier
def decouple(old: Sequence[Held], new: Sequence[Layer], holes: Mapping[str, Any]) -> list[Arrays]:
    """Depthwise and pointwise in turn."""
    (conv,) = old
    pairs = decoupled(_floats(conv), len(new) // 2)
    return _made(conv, new, [kernel for pair in pairs for kernel in pair])
