"""Backends: what turns a compiled model into text, found by name.

The core never imports a backend by name. Those that ship stand in `BUILT_IN`,
because looking up entry points costs more than compiling a network; others are
found through the entry point group `cnndsl.backends` of whatever is installed.
"""

from __future__ import annotations

import re

from .diagnostics import did_you_mean, fail
from .graph import Module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from importlib.metadata import EntryPoint
    from typing import Any, Protocol

    class Backend(Protocol):
        """What a backend is.

        Arguments:
            name: what `--target` calls it.
            description: what it writes, in one line.
            suffix: of the files it writes, `.py`.

        An attribute `requires` has the packages that the text runs on, each with the
        earliest version, `{"flax": "0.12"}`; without it the text needs none.
        """

        name: str
        description: str
        suffix: str

        def emit(self, module: Module, **options: Any) -> str:
            """The text for a module. Options are the backend's own."""

    class WeightedBackend(Backend, Protocol):
        """A backend that can say where its code keeps each weight."""

        def weight_map(self, module: Module) -> Mapping[Any, Any]:
            """The place of each weight by the path of its operator and its role.

            A place has a `path`, attributes and positions down to the variable, and
            `flipped`, whether a kernel is mirrored along height and width.
            """

        def arrange(self, module: Module, weights: Mapping[Any, Any]) -> dict[Any, Any]:
            """Weights laid out as in the IR, as the code keeps them, by their paths."""

    class FigureBackend(Backend, Protocol):
        """A backend whose text can be drawn."""

        def draw(self, module: Module, format: str, **options: Any) -> Drawing:
            """The figure as `svg`, `pdf`, `png` or text."""

    class Drawing(Protocol):
        """A figure that has been drawn.

        Arguments:
            content: of the file.
            notes: what had to be done for it, a phrase each.
        """

        @property
        def content(self) -> bytes: ...

        @property
        def notes(self) -> tuple[str, ...]: ...


GROUP = "cnndsl.backends"
ATTRIBUTE = "BACKEND"

BUILT_IN = {
    "cnn": "cnndsl.backends.cnn",
    "dot": "cnndsl.backends.dot",
    "flax": "cnndsl.backends.flax",
    "report": "cnndsl.backends.report",
}
"""Module of each backend that ships; its attribute `BACKEND` is the backend."""


def backend(name: str) -> Backend:
    """The backend of that name. Raises CnnError with E0705 when there is none."""
    if name in BUILT_IN:
        from importlib import import_module

        found: Backend = getattr(import_module(BUILT_IN[name]), ATTRIBUTE)
        return found
    installed = _installed()
    if name in installed:
        loaded: Backend = installed[name].load()
        return loaded
    known = backends()
    near = did_you_mean(name, known)
    fail(
        "E0705",
        f"there is no backend `{name}`",
        notes=(f"backends: {', '.join(known)}",),
        help=(
            f"did you mean `{near}`?" if near else
            f"a package that brings one declares the entry point group `{GROUP}`; "
            "after adding it, install the package again",
        ),
    )  # fmt: skip


def figure_backend(name: str = "dot") -> FigureBackend:
    """A backend that draws. Raises CnnError with E0705 when the one of that name does not."""
    found = backend(name)
    if not hasattr(found, "draw"):
        fail("E0705", f"the backend `{name}` does not draw", help=("`dot` does",))
    return found  # type: ignore[return-value]


def weighted_backend(name: str = "flax") -> WeightedBackend:
    """A backend whose code can be given weights. Raises CnnError with E0705 otherwise."""
    found = backend(name)
    if not hasattr(found, "weight_map"):
        fail("E0705", f"the backend `{name}` has no weights", help=("`flax` has",))
    return found  # type: ignore[return-value]


def requirements(backend: Backend) -> Iterator[tuple[str, str, str]]:
    """Each package that the text of a backend runs on: name, earliest version, the one found.

    The version found is empty where the package is not installed. Nothing is imported.
    """
    from importlib.metadata import PackageNotFoundError, version

    for package, least in getattr(backend, "requires", {}).items():
        try:
            yield package, least, version(package)
        except PackageNotFoundError:
            yield package, least, ""


def is_older(found: str, least: str) -> bool:
    """Whether a version comes before another: `0.9.1` before `0.12`."""
    numbers = [[int(n) for n in re.findall(r"\d+", text)[:3]] for text in (found, least)]
    return numbers[0] < numbers[1]


def check_requirements(backend: Backend) -> None:
    """Raise CnnError with E0802 unless what a backend writes can run here."""
    for package, least, found in requirements(backend):
        if not found or is_older(found, least):
            fail(
                "E0802",
                f"what the target `{backend.name}` writes needs {package} {least} or later",
                notes=(f"{package} {found} is installed" if found else f"{package} is missing",),
                help=(f"pip install '{package}>={least}'",),
            )


def backends() -> tuple[str, ...]:
    """The names of all backends, sorted."""
    return tuple(sorted({*BUILT_IN, *_installed()}))


def _installed() -> dict[str, EntryPoint]:
    """Entry points of installed packages by name."""
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=GROUP)}
