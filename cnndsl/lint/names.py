"""Which names a tree defines, and which it reads."""

from __future__ import annotations

from ..syntax import (
    Apply,
    Block,
    Dialect,
    Each,
    For,
    Group,
    Input,
    Let,
    Model,
    Name,
    Parallel,
    Parameter,
    Rule,
    Share,
    Stage,
    Use,
    walk,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from .file import LintedFile


def names_in(node: Any) -> Iterator[Name]:
    """Every name in a tree, those that it defines too."""
    return (name for name in walk(node) if isinstance(name, Name))


def defined_names(file: LintedFile) -> set[int]:
    """The names that define something, by identity: everything else reads one."""
    return {id(name) for node in walk(file.namespace.file) for name in _defined(node)}


def _defined(node: Any) -> Iterator[Any]:
    if isinstance(node, Block | Model | Dialect | Rule | Let | For | Each | Stage):
        yield node.name
    if isinstance(node, Let):
        yield from node.parameters or ()
    if isinstance(node, Use):
        yield from node.names or ()
    if isinstance(node, Parameter):
        yield from (*node.names, *(node.choices or ()))
    if isinstance(node, Apply | Parallel | Group | Share | Input):
        yield from node.labels
    if isinstance(node, Input):
        yield from node.names
