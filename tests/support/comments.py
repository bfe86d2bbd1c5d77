"""Do the shapes in the comments of emitted code hold? JAX says, while the code runs."""

from __future__ import annotations

import re
import sys
from types import FrameType
from typing import Any

from .emitted import Emitted

COMMENTED = re.compile(r"\s+(\w+) = .*  # (\d+(?:x\d+)*)$")
LOOP = re.compile(r"\s+for \w+ in .*:  # (\d+(?:x\d+)*)$")


def assert_comments_are_true(emitted: Emitted) -> int:
    """Watch the code run on abstract values; returns how many comments were compared.

    After each line `x = ...  # 56x56x64`, x must have that shape behind the batch, and
    after a loop with such a comment what its body assigns.
    """
    lines = emitted.source.splitlines()
    file = emitted.model.__call__.__code__.co_filename
    compared: set[int] = set()
    wrong: list[str] = []

    def look(frame: FrameType, number: int) -> None:
        """After line `number`, and before the one that the frame is at."""
        if found := COMMENTED.fullmatch(lines[number - 1]):
            name, expected = found[1], found[2]
        elif (found := LOOP.fullmatch(lines[number - 1])) and frame.f_lineno != number + 1:
            name, expected = lines[number].split()[0], found[1]
        else:
            return
        if name in frame.f_locals:
            shape = "x".join(map(str, frame.f_locals[name].shape[1:]))
            compared.add(number)
            if shape != expected:
                wrong.append(f"line {number} says {expected}, JAX {shape}")

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename != file:
            return None
        last = frame.f_lineno

        def local(frame: FrameType, event: str, _: Any) -> Any:
            nonlocal last
            if event in ("line", "return"):
                look(frame, last)
                last = frame.f_lineno
            return local

        return local

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        emitted.output_shapes(training=True)
    finally:
        sys.settrace(before)
    assert not wrong, wrong
    return len(compared)
