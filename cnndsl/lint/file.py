"""A file as rules see it: its tree, and the networks that come of it."""

from __future__ import annotations

from ..record import Record
from ..syntax import Block, Model, walk
from .network import Network

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, TypeVar

    from ..namespace import Namespace
    from ..source import Span

    N = TypeVar("N")


class LintedFile(Record):
    """A file.

    Arguments:
        namespace: its tree and what its names mean.
        networks: its models.
    """

    namespace: Namespace
    networks: tuple[Network, ...]

    @property
    def has_models(self) -> bool:
        """Whether it is more than a library for other files."""
        return bool(self.namespace.models())

    def nodes(self, kind: type[N]) -> Iterator[N]:
        """The nodes of a kind in its tree."""
        return (node for node in walk(self.namespace.file) if isinstance(node, kind))

    def definitions(self) -> Iterator[Block | Model]:
        """Its blocks and models."""
        return (item for item in self.namespace.file.items if isinstance(item, Block | Model))

    def decisions(self, condition: Any) -> set[bool]:
        """What a condition came to in all networks."""
        span: Span = condition.span
        chosen = (network.compiled.elaborated.decisions for network in self.networks)
        return {outcome for decisions in chosen for outcome in decisions.get(span, ())}
