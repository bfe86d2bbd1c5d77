"""Code run by fresh interpreters whose sets and dictionaries are in other orders."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def printed_by_all(code: str, cases: Any, seeds: tuple[str, ...]) -> list[str]:
    """The words that the code prints, which reads the cases as JSON; the same for all seeds."""
    printed = {
        subprocess.run(
            [sys.executable, "-c", code],
            input=json.dumps(cases),
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in seeds
    }
    assert len(printed) == 1
    return printed.pop().split()
