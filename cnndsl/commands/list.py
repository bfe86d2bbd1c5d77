"""`cnnc list`: the shipped specs, or the models of a file."""

from __future__ import annotations

import os

from ..terminal import show
from .options import source_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Sequence


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", metavar="FILE", help="by default the shipped specs")


def run(options: Namespace) -> int:
    """The shipped specs, or the models of a file."""
    from .. import driver

    if options.file is not None:
        return show("\n".join(driver.models(source_of(options.file, "<stdin>"))))
    return show("\n".join(_entry(*spec) for spec in driver.shipped()))


def _entry(file: str, models: Sequence[str], note: str) -> str:
    """A spec with its source and its models, in a few lines."""
    from ..render import wrap

    lines = [f"  {line}" for line in wrap(note, 90)] if note else []
    lines += [f"    {line}" for line in wrap(" ".join(models), 88)]
    return "\n".join([os.path.basename(file), *lines])
