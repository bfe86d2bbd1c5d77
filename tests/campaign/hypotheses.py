"""Hypothesis tests as properties: a case is a run of the test from a seed, on many examples."""

from __future__ import annotations

import inspect
import os
import random
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any

import hypothesis

from tests.campaign.property import Property

ROOT = Path(__file__).parents[2]
NIGHTLY = 25
"""How many times as many examples in a night as in a test run."""

Test = Callable[..., None]


def hypotheses() -> Iterator[Property]:
    """Every Hypothesis test of the suite, random from now on in this process."""
    os.environ.setdefault("HYPOTHESIS_PROFILE", "campaign")
    os.environ.setdefault("KERAS_BACKEND", "jax")
    hypothesis.settings.register_profile("campaign", database=None, deadline=None)
    hypothesis.settings.load_profile("campaign")
    sys.path.insert(0, str(ROOT))
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        if "@given" not in file.read_text(encoding="utf-8"):
            continue
        module = import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))
        for name, test in vars(module).items():
            if getattr(test, "is_hypothesis_test", False) and test.__module__ == module.__name__:
                yield from _property(name, test, str(file.relative_to(ROOT)))


def _property(name: str, test: Test, where: str) -> Iterator[Property]:
    """The property of a test, unless it needs what only pytest can give it."""
    choices = _choices(test)
    if choices.keys() != inspect.signature(test).parameters.keys():
        return
    claim = (inspect.getdoc(test) or name.removeprefix("test_").replace("_", " ")).split("\n\n")[0]
    examples = test._hypothesis_internal_use_settings.max_examples  # type: ignore[attr-defined]
    runs = [dict(zip(choices, values, strict=True)) for values in product(*choices.values())]

    def run(numbers: random.Random) -> Mapping[str, int]:
        hypothesis.seed(numbers.getrandbits(64))(test)(**numbers.choice(runs))
        return {"examples": examples}

    words = name.removeprefix("test_").replace("_", " ")
    yield Property(words, re.sub(r"\s+", " ", claim), run, 1, NIGHTLY * len(runs), (), where)


def _choices(test: Test) -> dict[str, list[Any]]:
    """The values of a test's parameters, by `pytest.mark.parametrize`."""
    found: dict[str, list[Any]] = {}
    for mark in getattr(test, "pytestmark", ()):
        if mark.name == "parametrize" and isinstance(mark.args[0], str) and "," not in mark.args[0]:
            found[mark.args[0]] = [getattr(v, "values", (v,))[0] for v in mark.args[1]]
    return found
