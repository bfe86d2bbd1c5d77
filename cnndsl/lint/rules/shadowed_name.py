"""W0201: a name that hides another one."""

from __future__ import annotations

from ...bind import is_tag
from ...diagnostics import Label
from ...syntax import Block, Each, For, Let, Model, Name, parts
from ..rule import Finding, file_rule, found

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ..file import LintedFile

    Names = dict[str, Name]


@file_rule("W0201")
def shadowed_name(file: LintedFile) -> Iterator[Finding]:
    items = file.namespace.file.items
    outer = {item.name.id: item.name for item in items if isinstance(item, Let | Block)}
    for item in items:
        if isinstance(item, Block | Model):
            names = [name for p in item.parameters for name in p.names if not is_tag(name.id)]
            yield from _hidden(names, outer)
            yield from _within(item.body, outer | {name.id: name for name in names})


def _within(node: Any, outer: Names) -> Iterator[Finding]:
    """What names in a body, a loop or a statement hide."""
    if isinstance(node, For | Each):
        yield from _hidden([node.name], outer)
        outer = outer | {node.name.id: node.name}
    for part in parts(node):
        if isinstance(part, Let):
            yield from _hidden([part.name, *(part.parameters or ())], outer)
            outer = outer | {part.name.id: part.name}  # for what follows in this body
        else:
            yield from _within(part, outer)


def _hidden(names: list[Name], outer: Names) -> Iterator[Finding]:
    for name in names:
        if name.id in outer:
            yield found(
                name.span,
                f"`{name.id}` hides another `{name.id}`",
                "from here on it is this one",
                also=[Label(outer[name.id].span, "the other one")],
                help=["give one of them another name"],
            )
