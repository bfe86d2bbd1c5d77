"""W0402: a definition, or a `use`, that nothing in the file needs."""

from __future__ import annotations

from ...diagnostics import Fix, Help
from ...source import Span
from ...syntax import Block, Dialect, Let, Model, Name, Rule, Use
from ..names import defined_names, names_in
from ..rule import Finding, file_rule, found

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..file import LintedFile

KINDS = {Block: "block", Let: "constant", Rule: "rule", Dialect: "dialect"}


@file_rule("W0402")
def unused_definition(file: LintedFile) -> Iterator[Finding]:
    defined = defined_names(file)
    read: dict[str, list[int]] = {}
    for name in names_in(file.namespace.file):
        if id(name) not in defined:
            read.setdefault(name.id, []).append(name.span.start)
    needs_all = file.has_models
    items = set(map(id, file.namespace.file.items))
    for item in file.namespace.file.items:
        if isinstance(item, Use):
            yield from _unused_use(item, set(read), file)
        elif not isinstance(item, Model) and needs_all:
            yield from _unused(
                item, read, f"the file has models, and none needs this {_kind(item)}"
            )
    for let in file.nodes(Let):
        if id(let) not in items:
            yield from _unused(let, read, "no statement behind it reads this name")


def _kind(item: Let | Block | Rule | Dialect) -> str:
    return "function" if isinstance(item, Let) and item.parameters else KINDS[type(item)]


def _unused(
    item: Let | Block | Rule | Dialect, read: Mapping[str, list[int]], why: str
) -> Iterator[Finding]:
    own = range(item.span.start, item.span.end)
    if all(start in own for start in read.get(item.name.id, ())):
        yield found(
            item.name.span,
            f"nothing uses the {_kind(item)} `{item.name.id}`",
            why,
            help=["remove it"],
        )


def _line(span: Span) -> Fix | None:
    """The edit that removes a line, where nothing else stands on it."""
    source = span.source
    line, _ = source.position(span.start)
    start, text = source.starts[line - 1], source.line(line)
    alone = text.strip() == span.text and "\n" not in span.text
    return (
        Fix(Span(source, start, min(start + len(text) + 1, len(source.text))), "")
        if alone
        else None
    )


def _unused_use(use: Use, read: set[str], file: LintedFile) -> Iterator[Finding]:
    if use.names is not None:
        for name in use.names:
            if name.id not in read:
                yield found(
                    name.span,
                    f"nothing uses `{name.id}`",
                    "it comes from another file",
                    help=["remove it from the list"],
                )
        return
    known = next((set(n.items) for u, n in file.namespace.imports if u is use), None)
    if known is None and isinstance(use.module, Name):
        known = set(file.namespace.library.index)
    if known is not None and not known & read:
        module = use.module.id if isinstance(use.module, Name) else use.module.value
        yield found(
            use.span,
            f"nothing uses a name of `{module}`",
            f"it defines {len(known)} names",
            help=[Help("remove it", _line(use.span))],
        )
