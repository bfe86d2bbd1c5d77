"""Hostile inputs: the right code, a documented exit, within two seconds and 300 MB."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cnndsl.exits import IN_SPEC, INPUT_OUTPUT, LIMIT, MISSING_TOOL, OK, USAGE
from tests.hostile.cases import CASES, Case
from tests.hostile.runner import MEGABYTES, SECONDS, SLOWER

PATIENCE = 4
"""How much slower the machine of a test run may be; what explodes takes longer than that."""
DOCUMENTED = {OK, IN_SPEC, USAGE, MISSING_TOOL, INPUT_OUTPUT, LIMIT}
ROOT = Path(__file__).parent.parent.parent

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
    pytest.mark.xdist_group("hostile"),
]


@pytest.fixture(scope="module")
def found(request: pytest.FixtureRequest) -> dict[str, list[dict[str, Any]]]:
    """What came of all cases, from one process that forks for each command."""
    everything = ["--all"] if request.config.getoption("--slow") else []
    done = subprocess.run(
        [sys.executable, "-m", "tests.hostile.runner", *everything],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = map(json.loads, done.stdout.splitlines())
    return {line["case"]: line["results"] for line in lines}


def complaints(case: Case, results: list[dict[str, Any]]) -> list[str]:
    """What is not as it must be."""
    said = []
    for number, result in enumerate(results):
        what, text = " ".join(result["arguments"])[:80], result["said"]
        if number == 0:
            codes = set(re.findall(r"^error\[([A-Z]\d+)\]", text, re.MULTILINE))
            if not codes >= set(case.codes) or (codes and not case.codes):
                said.append(f"{what}: {sorted(codes)}, not {list(case.codes)}: {text[:500]}")
            if result["exit"] != case.exit:
                said.append(f"{what}: exit {result['exit']}, not {case.exit}: {text[:500]}")
        if result["exit"] not in DOCUMENTED:
            said.append(f"{what}: exit {result['exit']}: {text[:500]}")
        if "Traceback" in text or "internal error" in text:
            said.append(f"{what}: {text[:500]}")
        if result["strange"]:
            said.append(f"{what}: prints {result['strange']}")
        seconds = SLOWER.get(result["arguments"][0], SECONDS)
        if result["seconds"] > PATIENCE * seconds:
            said.append(f"{what}: {result['seconds']:.1f} seconds")
        if result["megabytes"] > MEGABYTES:
            said.append(f"{what}: {result['megabytes']:.0f} MB")
    return said


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_case(case: Case, found: dict[str, list[dict[str, Any]]]) -> None:
    assert not complaints(case, found[case.name])


def test_there_are_enough() -> None:
    assert len(CASES) >= 80
    assert len({case.name for case in CASES}) == len(CASES)
