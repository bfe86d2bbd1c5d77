"""What reaches the person at the terminal: results, messages, colours.

Results go to standard output, messages to standard error.
"""

from __future__ import annotations

import os
import sys

from .diagnostics import Diagnostic
from .exits import OK
from .limits import ERRORS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any, TextIO

    from .render import Style
    from .source import Source


def show(text: str) -> int:
    """A result, to standard output."""
    from .output import write_stdout

    write_stdout(f"{text}\n".encode(errors="backslashreplace"))
    return OK


def say(text: str) -> None:
    """A message, to standard error."""
    if sys.stderr is not None:
        print(text, file=sys.stderr)


def flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not stream.closed:
            stream.flush()


def style_of(stream: TextIO | None, choice: str = "auto") -> Style:
    """Colours, width and signs that suit a stream."""
    from .render import WIDTH, Style

    terminal = stream is not None and not stream.closed and stream.isatty()
    width = WIDTH
    if terminal:
        from shutil import get_terminal_size

        width = max(get_terminal_size((WIDTH, 24)).columns, 40)
    encoding = getattr(stream, "encoding", None) or "ascii"
    unicode = encoding.lower().replace("-", "").startswith("utf")
    return Style(use_color(choice, terminal), width, unicode)


def use_color(choice: str, terminal: bool) -> bool:
    """`--color` first, then NO_COLOR, FORCE_COLOR and TERM, then whether a person reads."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") != "0":
        return True
    return terminal and os.environ.get("TERM") != "dumb"


def report(diagnostics: Sequence[Diagnostic], color: str) -> None:
    """Diagnostics as text, to standard error."""
    if diagnostics:
        from .render import render_all

        style = style_of(sys.stderr, color)
        text = render_all(
            diagnostics,
            color=style.color,
            width=style.width,
            unicode=style.unicode,
            limit=ERRORS.value,
        )
        say(text)


def publish(
    diagnostics: Sequence[Diagnostic],
    format: str,
    color: str,
    models: Iterable[dict[str, Any]] = (),
) -> None:
    """Diagnostics as `--output-format` says: text is a message, what tools read a result.

    Arguments:
        models: what JSON says about the models without errors.
    """
    if format == "text":
        return report(diagnostics, color)
    from .output import write_stdout
    from .render import for_tools

    write_stdout(for_tools(format, diagnostics, models).encode(errors="backslashreplace"))


def difference(source: Source, text: str) -> str:
    """A source and its new text as a patch."""
    from difflib import unified_diff

    old, new = source.text.splitlines(), text.splitlines()
    return "\n".join(unified_diff(old, new, source.name, source.name, lineterm=""))
