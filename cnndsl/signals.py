"""The signals that end a program, and steps that none of them comes between."""

from __future__ import annotations

import signal
from contextlib import contextmanager, suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

SIGNALS = {"SIGINT": "Ctrl-C", "SIGTERM": "SIGTERM", "SIGHUP": "SIGHUP"}
"""What ends a run, as far as the system has it, and what people call it."""


@contextmanager
def postponed() -> Iterator[None]:
    """Signals that arrive meanwhile act afterwards: for steps of which all happen or none."""
    arrived: list[int] = []
    before: dict[int, Any] = {}
    try:
        with suppress(ValueError):  # not in the main thread
            for number in numbers():
                if signal.getsignal(number) not in (None, signal.SIG_IGN):  # None: not Python's
                    before[number] = signal.signal(number, lambda n, _: arrived.append(n))
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in arrived[:1]:
            signal.raise_signal(number)


def numbers() -> list[int]:
    """Their numbers on this system."""
    return [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
