"""Values of Hypothesis strategies for properties: `drawn(programs(), random)`.

A property has its own random numbers. Hypothesis takes them as a buffer of bytes, through the
door that it keeps open for fuzzers, and makes a value of them: the same for the same bytes,
whatever was drawn before.
"""

from __future__ import annotations

import random
from functools import lru_cache
from typing import Any, TypeVar

from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import SearchStrategy

Value = TypeVar("Value")

BYTES = 8192
"""As much as Hypothesis would read of its own."""
TRIES = 1000


def drawn(strategy: SearchStrategy[Value], numbers: random.Random) -> Value:
    """One value. Bytes that make none are drawn again."""
    found, taker = _taker(strategy)
    found.clear()
    for _ in range(TRIES):
        taker.hypothesis.fuzz_one_input(numbers.randbytes(BYTES))
        if found:
            return found.pop()
    raise AssertionError(f"{strategy} made nothing of {TRIES} buffers of {BYTES} bytes")


@lru_cache(maxsize=16)
def _taker(strategy: SearchStrategy[Any]) -> tuple[list[Any], Any]:
    """A test that keeps what it is given, and where it keeps it."""
    found: list[Any] = []

    @settings(database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(strategy)
    def take(value: Any) -> None:
        found.append(value)

    return found, take
