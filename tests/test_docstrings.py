"""The examples in docstrings say what happens."""

from __future__ import annotations

import builtins
import doctest
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def modules_with_examples() -> list[str]:
    found = []
    for top, package in (("cnndsl", "cnndsl"), ("backends", "cnndsl.backends")):
        for file in sorted((ROOT / top).rglob("*.py")):
            if ">>>" in file.read_text(encoding="utf-8"):
                parts = file.relative_to(ROOT / top).with_suffix("").parts
                found.append(".".join([package, *parts]).removesuffix(".__init__"))
    return found


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builtins, "_", None, raising=False)  # which an example would leave behind
    result = doctest.testmod(import_module(name))
    assert result.attempted > 0 == result.failed
