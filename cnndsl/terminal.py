"""What reaches the person at the terminal: results, messages, colours.

Results go to standard output, messages to standard error.
"""

from __future__ import annotations

import os
import sys

from .diagnostics import Diagnostic
from .escape import visible_lines
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

    write_stdout(f"{visible_lines(text)}\n".encode())
    return OK


def say(text: str) -> None:
    """A message, to standard error."""
    put(visible_lines(text, is_unicode(sys.stderr)))


def put(text: str) -> None:
    """A message with colours, in which everything is visible already.

    When nobody can hear it, that is no reason not to do the work.
    """
    if sys.stderr is None:
        return
    try:
        print(text, file=sys.stderr, flush=True)
    except (OSError, ValueError):
        from .output import discard

        discard(sys.stderr)


def style_of(stream: TextIO | None, choice: str = "auto") -> Style:
    """Colours, width and signs that suit a stream."""
    from .render import WIDTH, Style

    terminal = stream is not None and not stream.closed and stream.isatty()
    width = WIDTH
    if terminal:
        from shutil import get_terminal_size

        width = max(get_terminal_size((WIDTH, 24)).columns, 40)
    return Style(use_color(choice, terminal), width, is_unicode(stream))


def is_unicode(stream: TextIO | None) -> bool:
    """Whether a stream has all signs."""
    encoding = getattr(stream, "encoding", None) or "ascii"
    return encoding.lower().replace("-", "").startswith("utf")


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
        put(text)


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
