"""Diagnostics as JSON; `docs/diagnostics-schema.json` is its schema."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from ..diagnostics import Diagnostic, Fix
    from ..source import Span

VERSION = 1


def to_json(diagnostics: Iterable[Diagnostic], models: Iterable[dict[str, Any]] = ()) -> str:
    """Diagnostics as JSON.

    Lines and columns count from 1, columns in code points; `end_column` is the
    column behind the last character.
    """
    from json import dumps

    document = {
        "version": VERSION,
        "diagnostics": [_as_json(diagnostic) for diagnostic in diagnostics],
        "models": list(models),
    }
    return dumps(document, ensure_ascii=True, indent=2) + "\n"


NOWHERE = dict.fromkeys(("file", "line", "column", "end_line", "end_column"))


def _as_json(diagnostic: Diagnostic) -> dict[str, Any]:
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        **_place(diagnostic.place),
        "labels": [{**_place(label.span), "text": label.text} for label in diagnostic.labels],
        "notes": list(diagnostic.notes),
        "help": [
            {
                "text": help.text,
                "fix": help.fix and _fix(help.fix),
            }
            for help in diagnostic.help
        ],
    }


def _fix(fix: Fix) -> dict[str, Any]:
    return {**_place(fix.span), "replacement": fix.text, "safe": fix.safe}


def _place(span: Span | None) -> dict[str, Any]:
    if span is None:
        return dict(NOWHERE)
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.end)
    return {
        "file": span.source.name,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
    }
