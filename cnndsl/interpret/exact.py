"""Exact arithmetic on arrays: machine words while they are large enough, then Python's numbers.

An array is of one of three kinds:

    int64     whole numbers below 2**62
    object    integers and fractions of Python, exact at any size
    float64   results of real functions, and all that is computed from them

The kind changes only where it must. An operation that may grow bounds its result before it
computes it, so nothing overflows; a division that leaves a rest gives fractions.
"""

from __future__ import annotations

from fractions import Fraction
from functools import reduce
from math import isqrt, lcm, prod
from numbers import Rational

import numpy as np

from ..types import TensorType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[Any]
    Roles = dict[str, Array]
    Rules = dict[str, Callable[..., Array | Sequence[Array]]]

WORD = 2**62
"""Whole numbers below it are int64."""
REAL = 2**53
"""Whole numbers below it are exact in float64, too, whose matrix products are the fastest."""

_fraction = np.frompyfunc(Fraction, 2, 1)


def number(values: ArrayLike) -> Array:
    """An array of any numbers as one of the three kinds."""
    x = np.asarray(values)
    if x.dtype.kind == "O":
        exact = all(isinstance(v, Rational) for v in x.flat)
        return settled(x) if exact else real(x)
    if x.dtype.kind == "f":
        return real(x)
    if x.dtype.kind not in "biu":
        raise TypeError(f"numbers are needed, not {x.dtype}")
    return x.astype(np.int64, copy=False) if bound(x) < WORD else x.astype(object)


def constant(value: float | Fraction) -> Array:
    """One number, exactly."""
    return settled(np.array(Fraction(value), dtype=object))


def type_of(x: Array) -> TensorType:
    """The type of a batch."""
    return TensorType(x.shape[1:])


def is_real(*arrays: Array) -> bool:
    """Whether one of the arrays holds floats, so that all have to."""
    return any(x.dtype == np.float64 for x in arrays)


def real(x: Array) -> Array:
    """The nearest floats."""
    return x.astype(np.float64, copy=False)


def alike(*arrays: Array) -> tuple[Array, ...]:
    """The arrays as the one kind that holds them all."""
    kind = np.dtype(np.float64) if is_real(*arrays) else np.result_type(*arrays)
    return tuple(x.astype(kind, copy=False) for x in arrays)


def bound(whole: Array) -> int:
    """The greatest magnitude of whole numbers, at least 1."""
    return max(1, int(whole.max(initial=0)), -int(whole.min(initial=0)))


def settled(exact: Array) -> Array:
    """Exact numbers as words if they are whole and fit."""
    numerators, denominator = _over_one(exact)
    return numerators if denominator == 1 else _fractions(numerators, denominator)


def total(*terms: Array) -> Array:
    """The sum, element by element."""
    terms = alike(*terms)
    if terms[0].dtype == np.int64 and sum(map(bound, terms)) >= WORD:
        terms = tuple(x.astype(object) for x in terms)
    return reduce(np.add, terms)


def multilinear(function: Callable[..., Array], *factors: Array, terms: int) -> Array:
    """What `function` gives, which is linear in each of its arguments.

    Arguments:
        terms: how many products, at most, it sums up for one element of the result.
    """
    if is_real(*factors):
        return function(*map(real, factors))
    numerators, denominators = zip(*map(_over_one, factors), strict=True)
    largest = terms * prod(map(bound, numerators))
    kind = np.float64 if largest < REAL else np.int64 if largest < WORD else object
    result = function(*(x.astype(kind, copy=False) for x in numerators))
    whole = result.astype(np.int64) if kind is np.float64 else result
    denominator = prod(denominators)
    return settled(whole) if denominator == 1 else quotient(whole, constant(denominator))


def product(*factors: Array) -> Array:
    """The product, element by element."""
    return multilinear(lambda *xs: reduce(np.multiply, xs), *factors, terms=1)


def quotient(x: Array, y: Array) -> Array:
    """x / y, element by element. Only floats can be divided by zero."""
    if is_real(x, y) or not np.all(y):
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.divide(real(x), real(y))
    return _fractions(x, y) if np.any(x % y != 0) else settled(np.asarray(x // y))


def root(x: Array) -> Array:
    """The square root, exact if all are rational."""
    if not is_real(x):
        roots = [Fraction(isqrt(v.numerator), isqrt(v.denominator)) for v in x.astype(object).flat]
        exact = np.array(roots, dtype=object).reshape(x.shape)
        if np.all(exact * exact == x):
            return settled(exact)
    return np.sqrt(real(x))


def _over_one(exact: Array) -> tuple[Array, int]:
    """Whole numbers, as words if they fit, over one denominator."""
    if exact.dtype != object:
        return exact, 1
    denominator = lcm(*(int(v.denominator) for v in exact.flat))
    numerators = [int(v.numerator) * (denominator // int(v.denominator)) for v in exact.flat]
    kind = np.int64 if max(map(abs, numerators), default=0) < WORD else object
    return np.array(numerators, dtype=kind).reshape(exact.shape), denominator


def _fractions(x: Array, y: Array | int) -> Array:
    return np.asarray(_fraction(x, y), dtype=object)
