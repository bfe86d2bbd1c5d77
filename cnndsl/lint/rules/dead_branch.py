"""W0404: a condition that comes to the same in every use."""

from __future__ import annotations

from ...syntax import Apply, Block, If, Model, Name, When, walk
from ..names import names_in
from ..rule import Finding, file_rule, found

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...syntax import Expr
    from ..file import LintedFile


@file_rule("W0404")
def dead_branch(file: LintedFile) -> Iterator[Finding]:
    for item in file.definitions():
        for condition, word in _conditions(item):
            outcomes = file.decisions(condition)
            if len(outcomes) == 1 and not _is_open(condition, item):
                (holds,) = outcomes
                never = "the `else` of it" if holds else "what it guards"
                yield found(
                    condition.span,
                    f"this condition always {'holds' if holds else 'fails'}",
                    f"{never} never counts" if word == "if" else "in every use",
                    help=["write what is left of it"],
                )


def _conditions(item: Block | Model) -> Iterator[tuple[Expr, str]]:
    for node in walk(item.body):
        if isinstance(node, If | When):
            yield node.condition, "if"
        elif isinstance(node, Apply) and node.body is not None:
            yield from ((a.value, "residual") for a in node.arguments if a.name == "when")


def _is_open(condition: Expr, item: Block | Model) -> bool:
    """Whether the condition asks for what another use may give: options, inputs, positions."""
    options = {"in", "copy", "nth", "total"}
    for parameter in item.parameters:
        options.update(name.id for name in parameter.names)
    return any(isinstance(n, Name) and n.id in options for n in names_in(condition))
