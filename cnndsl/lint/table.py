"""The rules as a table, for `cnnc lint --rules` and for docs/lint.md.

python -m cnndsl.lint.table > docs/lint-rules.md
"""

from __future__ import annotations

from ..codes import CODES
from .rule import load_rules


def listing() -> str:
    """A line for each rule, for the terminal."""
    return "\n".join(
        f"{rule.code}  {rule.level:7}  {CODES[rule.code].title}" for rule in load_rules().values()
    )


def markdown() -> str:
    """The same for the manual."""
    rows = [
        f"| [{code}](errors.md#{_anchor(code)}) | {rule.level} | {CODES[code].title} |"
        for code, rule in load_rules().items()
    ]
    return "\n".join(["| code | level | what it finds |", "| --- | --- | --- |", *rows])


def _anchor(code: str) -> str:
    """What GitHub makes of a heading."""
    title = CODES[code].title.lower()
    kept = "".join(c for c in title if c.isalnum() or c in " -_")
    return f"{code.lower()}-{kept.replace(' ', '-')}"
