"""The layout of the printed text: what stands on one line, where blank lines are."""

from __future__ import annotations

from cnndsl.printer import Braces, Printer, Row, Side
from cnndsl.syntax import Block, Default, Dialect, Group, Input, Model

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

MOST_ON_A_LINE = 2


class Layout(Printer):
    """Prints a tree as a person lays it out; `cnnc fmt` leaves it as it is."""

    def rows(self, nodes: Sequence[Any], stop: int, indent: int) -> list[Row]:
        rows = super().rows(nodes, stop, indent)
        for index, (node, row) in enumerate(zip(nodes, rows, strict=True)):
            if isinstance(node, Block | Model):
                row.blank = row.blank or index == 0
            elif isinstance(node, Input) and node.shape is not None:
                row.blank = index > 0 and isinstance(nodes[index - 1], Default)
        return rows

    def stays_flat(self, node: Any, inside: Braces | Side) -> bool:
        if isinstance(inside, Side) or inside.has_branches or isinstance(node, Model | Dialect):
            return super().stays_flat(node, inside)
        most = 1 if isinstance(node, Block) else MOST_ON_A_LINE
        return len(inside.nodes) <= most and all(map(_is_line, inside.nodes))


def _is_line(statement: Any) -> bool:
    """Whether a statement is short: it has no body, or repeats one."""
    return isinstance(statement, Group) or getattr(statement, "body", None) is None
