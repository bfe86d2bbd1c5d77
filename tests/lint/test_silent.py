"""`silent.md`: specs in which a rule that is near finds nothing, and no other one either."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cnndsl.lint.engine import lint
from cnndsl.lint.rule import load_rules
from cnndsl.loader import shipped_files
from cnndsl.render import render_all
from cnndsl.source import Source

BLOCK = re.compile(r"^## (W\d+) ([^\n]+)\n+```cnn ?([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CASES = BLOCK.findall((Path(__file__).parent / "silent.md").read_text(encoding="utf-8"))
LOUD = (Path(__file__).parent.parent / "errors" / "11-warnings.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}: {case[1]}")
def test_silent(case: tuple[str, str, str, str]) -> None:
    _, _, levels, text = case
    given = dict(setting.split("=") for setting in levels.split())
    assert render_all(lint(Source("net.cnn", text), levels=given)) == ""


def test_every_rule_is_tried_often() -> None:
    """Eight specs and more for each rule, some of them right."""
    for code in load_rules():
        silent = sum(case[0] == code for case in CASES)
        loud = len(re.findall(rf"^## {code} ", LOUD, re.MULTILINE))
        assert silent >= 4 and loud >= 4 and silent + loud >= 8, code


@pytest.mark.parametrize("path", shipped_files(), ids=lambda path: Path(path).stem)
def test_shipped_specs(path: str) -> None:
    """What ships is clean, or says in a comment why it is meant."""
    assert render_all(lint(path)) == ""
