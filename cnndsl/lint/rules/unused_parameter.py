"""W0403: a parameter that nothing reads."""

from __future__ import annotations

from ...bind import is_tag
from ...syntax import Apply, walk
from ..names import defined_names, names_in
from ..rule import Finding, file_rule, found

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..file import LintedFile


@file_rule("W0403")
def unused_parameter(file: LintedFile) -> Iterator[Finding]:
    defined = defined_names(file)
    values = _values(file, defined)
    for item in file.definitions():
        if item.name.id in values:
            continue  # others call it, with what they give to all blocks in its place
        read = {name.id for name in names_in(item) if id(name) not in defined}
        for name in [name for parameter in item.parameters for name in parameter.names]:
            if name.id not in read and not is_tag(name.id) and not name.id.startswith("_"):
                yield found(
                    name.span,
                    f"nothing reads the parameter `{name.id}` of `{item.name.id}`",
                    "whatever it is given changes nothing",
                    help=[f"remove it, or call it `_{name.id}` where a place must be kept"],
                )


def _values(file: LintedFile, defined: set[int]) -> set[str]:
    """Names that stand for what they name, and are not called on the spot."""
    tree = file.namespace.file
    called = {id(node.callee) for node in walk(tree) if isinstance(node, Apply)}
    others = called | defined
    return {name.id for name in names_in(tree) if id(name) not in others}
