"""Diagnostics for people and for tools: the same records, one module for each reader.

`text.py` is for a terminal, `json.py`, `sarif.py` and `github.py` are for programs. Whoever
reads the first never imports the others.
"""

from __future__ import annotations

from .canvas import WIDTH, Style
from .characters import columns, wrap
from .text import counted, render, render_all, summary

__all__ = [
    "WIDTH", "Style", "columns", "counted", "render", "render_all", "summary", "wrap"
]  # fmt: skip

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from ..diagnostics import Diagnostic


def for_tools(
    format: str, diagnostics: Sequence[Diagnostic], models: Iterable[dict[str, Any]] = ()
) -> str:
    """Diagnostics as `json`, `sarif` or `github`.

    Arguments:
        models: what is known about the models without errors, for JSON.
    """
    if format == "github":
        from .github import to_github

        return to_github(diagnostics)
    if format == "sarif":
        from .sarif import to_sarif

        return to_sarif(diagnostics)
    from .json import to_json

    return to_json(diagnostics, models)
