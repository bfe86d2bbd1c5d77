"""Diagnostics as workflow commands, which GitHub shows beside the changed lines."""

from __future__ import annotations

from ..escape import github_message, github_property

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..diagnostics import Diagnostic


def to_github(diagnostics: Iterable[Diagnostic]) -> str:
    """Diagnostics as workflow commands, which GitHub shows beside the changed lines."""
    return "".join(_annotation(diagnostic) + "\n" for diagnostic in diagnostics)


def _annotation(diagnostic: Diagnostic) -> str:
    kind = {"warning": "warning", "info": "notice"}.get(diagnostic.severity, "error")
    properties = {"title": diagnostic.code}
    if diagnostic.place is not None:
        source = diagnostic.place.source
        line, column = source.position(diagnostic.place.start)
        end_line, end_column = source.position(diagnostic.place.end)
        place = {"file": source.name, "line": line, "endLine": end_line}
        place |= {"col": column, "endColumn": end_column}
        properties = {name: str(value) for name, value in place.items()} | properties
    text = [diagnostic.message, *(label.text for label in diagnostic.labels[:1] if label.text)]
    text += [*diagnostic.notes, *(f"help: {help.text}" for help in diagnostic.help)]
    settings = ",".join(f"{key}={github_property(value)}" for key, value in properties.items())
    lines = "\n".join(text)
    return f"::{kind} {settings}::{github_message(lines)}"
