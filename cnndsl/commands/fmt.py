"""`cnnc fmt`: specs in their one layout."""

from __future__ import annotations

import os

from ..diagnostics import CnnError, Diagnostic
from ..exits import IN_SPEC, OK, exit_code
from ..terminal import difference, report, say, show
from .options import STDIN, standard_input

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="a spec, a folder of specs, or `-`: standard input"
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if needed")
    parser.add_argument("--diff", action="store_true", help="write nothing; print the changes")
    parser.add_argument(
        "--stdin-filename", metavar="NAME", default="<stdin>", help="the name messages give to `-`"
    )


def run(options: Namespace) -> int:
    """Format files in place, all of them or, when one has an error, the others."""
    diagnostics: list[Diagnostic] = []
    changed: dict[str, bytes] = {}
    for argument in options.files:
        try:
            paths = _paths(argument)
        except CnnError as problem:
            diagnostics += problem.diagnostics
            continue
        for path in paths:
            try:
                _format_one(path, options, changed)
            except CnnError as problem:
                diagnostics += problem.diagnostics
    if not (options.check or options.diff):
        try:
            _write(changed)
        except CnnError as problem:
            diagnostics += problem.diagnostics
    report(diagnostics, options.color)
    return exit_code(diagnostics) or (IN_SPEC if options.check and changed else OK)


def _paths(argument: str) -> list[str]:
    """A file, or those in a folder. Raises CnnError."""
    if argument == STDIN or not os.path.isdir(argument):
        return [argument]
    from ..loader import specs_below

    return specs_below(argument)


def _format_one(path: str, options: Namespace, changed: dict[str, bytes]) -> None:
    """The new text of a file, if it differs, into `changed`. Raises CnnError."""
    from ..loader import decode_source, read_source
    from ..printer import format_source

    if path == STDIN:
        source = decode_source(standard_input(), options.stdin_filename)
    else:
        source = read_source(path, path)
    text = format_source(source)
    if path == STDIN and not (options.check or options.diff):
        changed[path] = text.encode()
        return
    if text == source.text:
        return
    changed[path] = text.encode()
    if options.diff:
        show(difference(source, text))
    elif options.check:
        say(f"would format {source.name}")


def _write(changed: dict[str, bytes]) -> None:
    """All files or none; then which. Raises CnnError."""
    from ..output import write_all

    write_all(changed)
    for path in changed:
        if path != STDIN:
            say(f"formatted {path}")
