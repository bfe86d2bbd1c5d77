"""A compiled model as `.cnn` text again: everything that defaults filled in, written out.

    from cnndsl.backends.cnn import BACKEND
    print(BACKEND.emit(module))

What it prints compiles to the same graph, and prints as the same text.
"""

from __future__ import annotations

from cnndsl.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cnndsl.graph import Module


class CnnBackend(Record):
    """See `cnndsl.backend`."""

    name: str = "cnn"
    description: str = "the language itself: a model with all that its defaults and dialect say"
    suffix: str = ".cnn"

    def emit(self, module: Module) -> str:
        """The text of a module."""
        from .blocks import Book
        from .layout import Layout

        return Layout().print(Book(module).file())


BACKEND = CnnBackend()
