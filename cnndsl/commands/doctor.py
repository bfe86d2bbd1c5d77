"""`cnnc doctor`: what is installed, and what is missing for which command."""

from __future__ import annotations

import sys

from ..escape import visible
from ..terminal import show
from ..version import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator


PATIENCE = 5
"""Seconds for `dot -V`."""


def configure(parser: ArgumentParser) -> None:
    """`doctor` has no options of its own."""


def run(options: Namespace) -> int:
    """What is installed, and what is missing for which command."""
    rows = [
        ("cnnc", __version__, ""),
        ("python", sys.version.split()[0], ""),
        ("dot", _dot_version(), "PDF and PNG figures need Graphviz: apt install graphviz"),
        ("networkx", _installed("networkx"), "graph queries need it: pip install networkx"),
        *_requirements(),
        ("output", getattr(sys.stdout, "encoding", None) or "", ""),
    ]
    lines = (f"{name:9} {found or f'missing ({hint})'}" for name, found, hint in rows)
    return show("\n".join(lines))


def _requirements() -> Iterator[tuple[str, str, str]]:
    """What emitted code runs on."""
    from ..backend import backend, is_older, requirements

    for package, least, found in requirements(backend("flax")):
        old = f"{found} (too old: emitted models need {least})"
        shown = old if found and is_older(found, least) else found
        yield package, shown, f"emitted models run on it: pip install '{package}>={least}'"


def _installed(name: str) -> str:
    """The version of an installed package, or nothing; it is not imported."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _dot_version() -> str:
    """What `dot -V` says, or nothing."""
    from shutil import which

    from ..program import Unfinished, run

    dot = which("dot")
    if dot is None:
        return ""
    try:
        ran = run([dot, "-V"], seconds=PATIENCE)
    except (OSError, Unfinished) as problem:
        return f"does not work: {problem} ({dot})"
    return f"{visible(ran.said.strip())[:200]} ({dot})"
