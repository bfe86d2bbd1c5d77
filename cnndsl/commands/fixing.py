"""`--fix` and `--diff`: the files of a command line, mended as far as it is safe."""

from __future__ import annotations

import os

from ..diagnostics import CnnError, Diagnostic
from ..escape import visible
from ..exits import UsageError
from ..record import Record, replace
from ..source import Source
from ..terminal import difference, say, show
from .options import STDIN, source_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable, Sequence

    from ..fixes import Applied


class Target(Record):
    """A `FILE:MODEL` of the command line.

    Arguments:
        source, model: the text, and the model that was named, if one was.
        path: where the text may be written, `-` for standard output; nothing for a spec that
            was found among the shipped ones.
    """

    source: Source
    model: str | None
    path: str | None


def options_for_fixes(parser: ArgumentParser) -> None:
    parser.add_argument("--fix", action="store_true", help="apply the edits that are safe")
    parser.add_argument(
        "--diff", action="store_true", help="print what `--fix` would change; write nothing"
    )


def open_targets(options: Namespace, problems: list[Diagnostic]) -> list[Target]:
    """The files of the command line, each read once; those that cannot be are problems."""
    _refuse_two_results(options)
    opened: dict[str, Source] = {}
    targets = []
    for spec in options.files:
        try:
            targets.append(_open(spec, options, opened))
        except CnnError as problem:
            problems += problem.diagnostics
    return targets


def _open(spec: str, options: Namespace, opened: dict[str, Source]) -> Target:
    if spec == STDIN:
        source = source_of(spec, options.stdin_filename)
        assert isinstance(source, Source)
        return Target(source, None, STDIN)
    from ..loader import find_model, read_source

    path, name, model = find_model(spec)
    key = os.path.realpath(path)
    if key not in opened:
        opened[key] = read_source(path, name)
    return Target(opened[key], model, path if path == name else None)


def fixed(
    targets: list[Target],
    options: Namespace,
    check: Callable[[list[Target]], Sequence[Diagnostic]],
) -> list[Target]:
    """The targets with safe edits applied and written, or shown when `--diff` asks for that.

    Arguments:
        check: finds what is wrong with all of them together.

    Raises CnnError when a file cannot be written.
    """
    from ..fixes import mend

    old = tuple(dict.fromkeys(target.source for target in targets if target.path is not None))
    mended = mend(old, lambda sources: check(_with(targets, old, sources)))
    done = _with(targets, old, mended.sources)
    if options.diff:
        for applied in mended.applied:
            _tell(applied, "would fix")
        for before, after in zip(old, mended.sources, strict=True):
            if before is not after:
                show(difference(before, after.text))
        return done
    from ..output import write_all

    write_all(
        {
            after.path: after.source.text.encode()
            for before, after in zip(targets, done, strict=True)
            if after.path == STDIN or (after.path and after.source is not before.source)
        }
    )
    for applied in mended.applied:
        _tell(applied, "fixed")
    return done


def results_are_taken(options: Namespace) -> bool:
    """Whether standard output is for a mended text or for changes."""
    return options.diff or (options.fix and STDIN in options.files)


def _refuse_two_results(options: Namespace) -> None:
    if options.output_format != "text" and results_are_taken(options):
        what = "changes" if options.diff else "mended text"
        raise UsageError(
            f"the {what} and the {options.output_format} would both go to standard output",
            "leave out `--output-format`",
        )


def _with(targets: Sequence[Target], old: Sequence[Source], new: Sequence[Source]) -> list[Target]:
    """The targets with other texts."""
    now = dict(zip(old, new, strict=True))
    return [replace(target, source=now.get(target.source, target.source)) for target in targets]


def _tell(applied: Applied, what: str) -> None:
    """`fixed net.cnn:4:5 E0201: `MaxPool2d` → `maxpool``"""
    fix = applied.fix
    old, new = fix.span.text, fix.text
    change = (
        f"`{old}` → `{new}`" if old and new else f"added `{new}`" if new else f"removed `{old}`"
    )
    say(f"{what} {visible(f'{fix.span} {applied.diagnostic.code}: {change}')}")
