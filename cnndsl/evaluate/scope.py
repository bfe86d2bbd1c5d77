"""Scopes: what can be named at a place. What a name is worth there, `expressions.py` says."""

from __future__ import annotations

from ..op import OPS
from .functions import FUNCTIONS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..namespace import Namespace
    from ..types import TensorType

    LabelType = Callable[[str], TensorType | None]
    Position = Callable[[str], int]


class Scope:
    """Names visible at a place: variables of the block, then those of the file.

    Arguments:
        variables: values by name.
        namespace: the file, for its blocks and its `let` items.
        parent: the scope around this one.
        labels: types of the labelled values seen so far.
        copy: which copy of the innermost repeat is being built; `then` asks for it.
        on_position: called when `nth` or `total` is read; gives their values.

    `fractional` is true inside `floor`, `ceil`, `round` and `round_to`, which may be
    given a fraction: there a division need not be exact.
    """

    __slots__ = (
        "copy", "fractional", "labels", "namespace", "on_position", "parent", "variables",
    )  # fmt: skip

    def __init__(
        self,
        namespace: Namespace,
        variables: dict[str, Any] | None = None,
        parent: Scope | None = None,
        labels: LabelType | None = None,
        copy: int = 0,
        on_position: Position | None = None,
    ) -> None:
        self.namespace = namespace
        self.variables = variables if variables is not None else {}
        self.parent = parent
        self.labels: LabelType | None = labels or (parent.labels if parent else None)
        self.copy = copy
        self.fractional: bool = parent.fractional if parent else False
        self.on_position: Position | None = on_position or (parent.on_position if parent else None)

    def inner(self, copy: int | None = None, /, **variables: Any) -> Scope:
        """A scope inside this one."""
        at = self.copy if copy is None else copy
        return Scope(self.namespace, variables, self, copy=at)

    def holder(self, name: str) -> Scope | None:
        """The innermost scope that has the variable `name`."""
        scope: Scope | None = self
        while scope is not None and name not in scope.variables:
            scope = scope.parent
        return scope

    def names(self) -> list[str]:
        """All names a reader could have meant here."""
        found: list[str] = []
        scope: Scope | None = self
        while scope is not None:
            found.extend(scope.variables)
            scope = scope.parent
        return [*found, *self.namespace.names(), *OPS, *FUNCTIONS]
