"""The layout of the printed text: what stands on one line, where blank lines are."""

from __future__ import annotations

from cnndsl.printer import Printer, Row
from cnndsl.syntax import Apply, Block, Body, Default, From, Group, Input, Model, Stage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

MOST_ON_A_LINE = 2


class Layout(Printer):
    """Prints a tree as a person lays it out; `cnnc fmt` leaves it as it is."""

    def _rows(self, nodes: Sequence[Any], stop: int, indent: int) -> list[Row]:
        rows = super()._rows(nodes, stop, indent)
        for index, (node, row) in enumerate(zip(nodes, rows, strict=True)):
            if isinstance(node, Block | Model):
                row.blank = row.blank or index == 0
            elif isinstance(node, Input) and node.shape is not None:
                row.blank = index > 0 and isinstance(nodes[index - 1], Default)
        return rows

    def _stays_flat(self, node: Any) -> bool:
        if isinstance(node, Body):
            return len(node.statements) <= MOST_ON_A_LINE and all(map(_is_line, node.statements))
        if isinstance(node, Block):
            return len(node.body.statements) == 1
        if isinstance(node, Stage | From | Apply):
            return True
        return super()._stays_flat(node)


def _is_line(statement: Any) -> bool:
    """Whether a statement is short: it has no body, or repeats one."""
    return isinstance(statement, Group) or getattr(statement, "body", None) is None
