"""Diagnostics as SARIF 2.1.0, which code scanning services and editors read."""

from __future__ import annotations

import re

from ..escape import json_text, visible_lines
from ..version import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ..codes import Code
    from ..diagnostics import Diagnostic, Fix, Label
    from ..source import Source, Span

LEVELS = {"warning": "warning", "info": "note"}
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"


def to_sarif(diagnostics: Sequence[Diagnostic]) -> str:
    """A log with one run. Columns count UTF-16 code units, as editors do.

    A file below the working folder is named relative to it.
    """
    codes = list(dict.fromkeys(diagnostic.code for diagnostic in diagnostics))
    run = {
        "tool": {"driver": _driver(codes)},
        "columnKind": "utf16CodeUnits",
        "results": [_result(diagnostic, codes) for diagnostic in diagnostics],
    }
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json_text(document)


def _driver(codes: Sequence[str]) -> dict[str, Any]:
    from ..codes import CODES

    return {
        "name": "cnnc",
        "version": __version__,
        "semanticVersion": __version__,
        "rules": [_rule(CODES[code]) for code in codes],
    }


def _rule(code: Code) -> dict[str, Any]:
    from ..codes import page, page_as_markdown

    return {
        "id": code.code,
        "shortDescription": {"text": code.title},
        "help": {"text": page(code), "markdown": page_as_markdown(code)},
        "defaultConfiguration": {"level": "warning" if code.code.startswith("W") else "error"},
    }


def _result(diagnostic: Diagnostic, codes: Sequence[str]) -> dict[str, Any]:
    first, *others = diagnostic.labels or (None,)
    steps = [f"help: {help.text}" for help in diagnostic.help]
    said = [diagnostic.message, *([first.text] if first and first.text else ())]
    result: dict[str, Any] = {
        "ruleId": diagnostic.code,
        "ruleIndex": codes.index(diagnostic.code),
        "level": LEVELS.get(diagnostic.severity, "error"),
        "message": _message("\n".join([*said, *diagnostic.notes, *steps])),
    }
    if first is not None:
        result["locations"] = [{"physicalLocation": _location(first.span)}]
    if others:
        result["relatedLocations"] = [_related(label) for label in dict.fromkeys(others)]
    fixes = [_fix(help.text, help.fix) for help in diagnostic.help if help.fix is not None]
    if fixes:
        result["fixes"] = fixes
    return result


def _message(text: str) -> dict[str, str]:
    """Text in which nothing is a placeholder (`{0}`) or a link (`[3a](1)`)."""
    literal = re.sub(r"\{(\d+)\}", r"{{\1}}", visible_lines(text))
    return {"text": literal.replace("](", "] (")}


def _related(label: Label) -> dict[str, Any]:
    message = {"message": _message(label.text)} if label.text else {}
    return {"physicalLocation": _location(label.span), **message}


def _fix(sentence: str, fix: Fix) -> dict[str, Any]:
    replacement = {"deletedRegion": _region(fix.span), "insertedContent": {"text": fix.text}}
    change = {"artifactLocation": _artifact(fix.span.source), "replacements": [replacement]}
    return {"description": _message(sentence), "artifactChanges": [change]}


def _location(span: Span) -> dict[str, Any]:
    return {"artifactLocation": _artifact(span.source), "region": _region(span)}


def _region(span: Span) -> dict[str, int]:
    line, column = _position(span.source, span.start)
    end_line, end_column = _position(span.source, span.end)
    return {
        "startLine": line,
        "startColumn": column,
        "endLine": end_line,
        "endColumn": end_column,
    }


def _position(source: Source, offset: int) -> tuple[int, int]:
    """Line and column from 1, in UTF-16 code units; most characters are one."""
    line, column = source.position(offset)
    before = source.text[offset - column + 1 : offset]
    return line, column if before.isascii() else 1 + sum(1 + (c > "\uffff") for c in before)


def _artifact(source: Source) -> dict[str, str]:
    """The file as a relative URI; one that is elsewhere with its whole path."""
    import os
    from urllib.parse import quote

    name = source.name
    if source.path is not None:
        path = os.path.abspath(source.path)
        here = os.path.relpath(path)
        name = path if here.startswith(os.pardir) else here
    uri = quote(name.replace(os.sep, "/").encode(errors="backslashreplace"))
    return {"uri": f"file://{uri}" if os.path.isabs(name) else uri}
