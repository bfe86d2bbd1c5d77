"""A project's levels: `[lint]` of `cnnc.toml`, or `[tool.cnnc.lint]` of `pyproject.toml`.

    [lint]
    W0301 = "error"
    W0307 = "info"

The nearest file above the spec counts; in one folder `cnnc.toml` wins. A wrong setting is
reported at its place in that file.
"""

from __future__ import annotations

import os
import re

from ..diagnostics import CnnError, error, suggest
from ..levels import LEVELS
from ..loader import read_source
from ..source import Source, Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from ..diagnostics import Diagnostic

CODE = "E0706"

SECTIONS = {"cnnc.toml": ("lint",), "pyproject.toml": ("tool", "cnnc", "lint")}
"""Where levels stand in each file; the first one wins."""

_MENTIONS = re.compile(r"""tool[\s."'={\]]*cnnc|cnnc[\s"']*\.[\s"']*lint""")
"""What a `pyproject.toml` with such a section has; for others the reader of TOML is not loaded."""

_PLACE = re.compile(r"\(at line (\d+), column (\d+)\)")


def configured_levels(path: str | None) -> dict[str, str]:
    """The levels that a project sets for its specs.

    Arguments:
        path: of a spec; None for a text that is in no file, which is at home here.

    Raises CnnError when they cannot be understood.
    """
    folder = os.path.dirname(os.path.abspath(path)) if path else os.getcwd()
    for source, section in _sections(folder):
        problems = list(_wrong(section, source))
        if problems:
            raise CnnError(*problems)
        return dict(section)
    return {}


def _sections(folder: str) -> Iterator[tuple[Source, Mapping[str, Any]]]:
    """The sections about levels, those of the nearest folder first."""
    while True:
        for name, keys in SECTIONS.items():
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                source = read_source(path, _shown(path))
                section = _section(source, keys)
                if section is not None:
                    yield source, section
        if folder == os.path.dirname(folder):
            return
        folder = os.path.dirname(folder)


def _shown(path: str) -> str:
    """A path as messages show it: from here, or from the root when it is elsewhere."""
    near = os.path.relpath(path)
    return path if near.startswith(os.pardir) else near


def _section(source: Source, keys: tuple[str, ...]) -> Mapping[str, Any] | None:
    """A section of a file, if it has it."""
    if len(keys) > 1 and not _MENTIONS.search(source.text):
        return None
    import tomllib

    try:
        table: Any = tomllib.loads(source.text)
    except tomllib.TOMLDecodeError as problem:
        raise CnnError(_syntax_error(source, str(problem))) from None
    for key in keys:
        table = table.get(key) if isinstance(table, dict) else None
    if table is not None and not isinstance(table, dict):
        place = _place(source, keys[-1])
        raise CnnError(error(CODE, "`lint` is a section: `[lint]`", place))
    return table


def _syntax_error(source: Source, message: str) -> Diagnostic:
    """What the reader of TOML says, at its place."""
    found = _PLACE.search(message)
    end = len(source.text)
    start = source.starts[int(found[1]) - 1] + int(found[2]) - 1 if found else end
    said = _PLACE.sub("", message).strip()
    return error(
        CODE, f"`{source.name}` is not TOML", Span(source, min(start, end), min(start + 1, end)),
        said[:1].lower() + said[1:],
    )  # fmt: skip


def _wrong(section: Mapping[str, Any], source: Source) -> Iterator[Diagnostic]:
    """Settings that are no code of a warning with a level."""
    from .rule import load_rules

    rules = load_rules()
    for code, level in section.items():
        place = _place(source, code)
        if code not in rules:
            help = suggest(code, rules, place)
            listed = ("`cnnc lint --rules` lists the codes",)
            yield error(CODE, f"`{code}` is no code of a warning", place, help=help or listed)
        elif level not in LEVELS:
            names = ", ".join(f'"{name}"' for name in LEVELS)
            message = f"`{level}` is no level of `{code}`"
            yield error(CODE, message, place, help=[f"a level is one of {names}"])


def _place(source: Source, key: str) -> Span:
    """Where a key of a section stands; readers of TOML do not say."""
    section = re.search(r"^\s*\[[^\]\n]*lint[^\]\n]*\]", source.text, re.MULTILINE)
    start = section.end() if section else 0
    found = re.compile(rf"(?<![\w-]){re.escape(key)}(?![\w-])").search(source.text, start)
    return Span(source, *found.span()) if found else Span(source, 0, 0)
