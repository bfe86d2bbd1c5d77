"""`cnnc doctor`: what is installed, and what is missing for which command."""

from __future__ import annotations

import sys

from ..terminal import show
from ..version import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def configure(parser: ArgumentParser) -> None:
    """`doctor` has no options of its own."""


def run(options: Namespace) -> int:
    """What is installed, and what is missing for which command."""
    rows = [
        ("cnnc", __version__, ""),
        ("python", sys.version.split()[0], ""),
        ("dot", _dot_version(), "figures need Graphviz: apt install graphviz"),
        *((name, _installed(name), f"{why}: pip install {name}") for name, why in EXTRAS),
        ("output", getattr(sys.stdout, "encoding", None) or "", ""),
    ]
    lines = (f"{name:9} {found or f'missing ({hint})'}" for name, found, hint in rows)
    return show("\n".join(lines))


EXTRAS = (
    ("networkx", "graph queries need it"),
    ("jax", "emitted models run on it"),
    ("flax", "emitted models run on it"),
)


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
    from subprocess import SubprocessError, run

    dot = which("dot")
    if dot is None:
        return ""
    try:
        said = run([dot, "-V"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, SubprocessError):
        return ""
    return f"{said.stderr.strip()} ({dot})"
