"""The faults are what they say, and a trial tells tests that notice from tests that do not."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.mutation.__main__ import equivalents, targets
from tests.mutation.faults import faults

SOURCE = '''
"""Of a window."""
from math import ceil
def size(n: int = 1, k: int = 3) -> int:
    """How many fit."""
    if n < k and not k == 2:
        return 0
    return min(n - k + 1, -n)
'''


def test_faults_of_a_function() -> None:
    condition, result = "if n < k and (not k == 2):", "return min(n - k + 1, -n)"
    assert [(fault.before, fault.after) for fault in faults(SOURCE) if fault.line > 5] == [
        (condition, "if not (n < k and (not k == 2)):"),
        (condition, "if n < k or not k == 2:"),
        (condition, "if n <= k and (not k == 2):"),
        (condition, "if n >= k and (not k == 2):"),
        (condition, "if n < k and (not not k == 2):"),
        (condition, "if n < k and (not k != 2):"),
        (condition, "if n < k and (not k == 3):"),
        ("return 0", "return None"),
        ("return 0", "return 1"),
        (result, "return None"),
        (result, "return max(n - k + 1, -n)"),
        (result, "return min(n - k - 1, -n)"),
        (result, "return min(n + k + 1, -n)"),
        (result, "return min(n - k + 2, -n)"),
        (result, "return min(n - k + 1, +n)"),
    ]


def test_each_fault_is_one_change() -> None:
    """Annotations, docstrings and imports stay; nothing else differs but the place."""
    healthy = ast.unparse(ast.parse(SOURCE)).splitlines()
    for fault in faults(SOURCE):
        faulty = ast.unparse(fault.into(SOURCE)).splitlines()
        changed = [pair for pair in zip(healthy, faulty, strict=True) if pair[0] != pair[1]]
        assert len(changed) == 1, fault.name


@pytest.mark.parametrize("target", targets().values(), ids=lambda target: target.name)
def test_targets_are_there(target) -> None:  # type: ignore[no-untyped-def]
    assert faults(target.source)
    assert all(Path(re.split("::| ", test)[0]).exists() for test in target.tests)


@pytest.mark.parametrize("name", equivalents())
def test_reviewed_faults_are_there(name: str) -> None:
    """A fault that the code has no place for any more is no longer reviewed."""
    known = {fault.name for fault in faults(targets()[name].source)}
    assert known >= equivalents()[name].keys()
