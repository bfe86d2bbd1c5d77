"""Pieces on lines: on one where they fit and nothing speaks against it, or spread over several."""

from __future__ import annotations

from ..syntax import Apply, Block, Body, Dialect, File, Model, Rule
from .columns import WIDTH, Row, Tab, aligned, tabs, with_shape
from .expressions import argument_text
from .pieces import (
    Applied,
    Braces,
    Entries,
    Equation,
    Piece,
    Side,
    Sign,
    labels_text,
    pieces,
    shape_text,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any


def print_file(file: File) -> str:
    """The text of a tree. Parsing it gives the tree again."""
    return Printer().print(file)


class Printer:
    """Prints a tree whose layout nobody has chosen yet."""

    def print(self, file: File) -> str:
        rows = self.edition(file)
        rows += self.rows(file.items, file.span.end, 0)
        lines = aligned(_without_blank(rows))
        return "\n".join(lines) + "\n" if lines else ""

    def edition(self, file: File) -> list[Row]:
        return [Row([f"cnn {file.edition.text}"])] if file.edition else []

    # ------------------------------------------- what a formatter knows better

    def rows(self, nodes: Sequence[Any], stop: int, indent: int) -> list[Row]:
        """The rows of statements, items or list entries, which end before offset `stop`."""
        rows: list[Row] = []
        for node in nodes:
            row = self.row(node, indent)
            is_long = len(row.lines) > 1 or (bool(rows) and len(rows[-1].lines) > 1)
            row.blank = isinstance(node, Block | Model | Dialect | Rule) and is_long
            row.glued = bool(rows) and not any(isinstance(p, Braces) for p in pieces(node))
            rows.append(row)
        return rows

    def stays_flat(self, node: Any, inside: Braces | Side) -> bool:
        """Whether what a node has inside may stand on one line with it."""
        if isinstance(inside, Side) or inside.has_branches:
            return len(inside.statements if isinstance(inside, Side) else inside.nodes) <= 2
        return isinstance(node, Dialect) or (
            len(inside.nodes) <= 1 and not isinstance(node, Model | Block)
        )

    def has_comments(self, node: Any) -> bool:
        """Whether comments stand within a node."""
        return False

    def end_of_commented(self, items: Sequence[Any]) -> int | None:
        """The offset of the `)` after the entries of a list if comments stand before it."""
        return None

    def opening(self, start: int) -> str:
        """The first `{` at or after an offset, with a comment if one follows it."""
        return "{"

    def end(self, braces: Braces) -> int:
        """The offset of the `}`."""
        return braces.start

    def sign(self, node: Equation) -> Sign:
        """The `=>` of an equation."""
        return Sign(node.span)

    # ---------------------------------------------------------------- one line

    def row(self, node: Any, indent: int) -> Row:
        """A node on its lines, without the comments around it."""
        row = Row(self._lines(node, indent), shape_text(node))
        if len(row.lines) == 1:
            row.tabs = _tabs(node)
        return row

    def _lines(self, node: Any, indent: int) -> list[str]:
        if not self.has_comments(node):
            flat = self._flat(node)
            if flat is not None and indent + len(with_shape(flat, shape_text(node))) <= WIDTH:
                return [flat]
        if isinstance(node, Equation):
            return self._spread_equation(node, indent)
        return self._spread(node, indent)

    def _flat(self, node: Any) -> str | None:
        """A node on one line, or None if it should not be."""
        texts = []
        for piece in pieces(node):
            text = self._flat_piece(node, piece)
            if text is None:
                return None
            texts.append(text)
        return " ".join(texts)

    def _flat_piece(self, node: Any, piece: Piece) -> str | None:
        if isinstance(piece, str):
            return piece
        if isinstance(piece, Entries):
            return _on_one_line(piece)
        if isinstance(piece, Applied):
            return _applied(piece)
        if isinstance(piece, Braces) and not piece.nodes:
            return "{ }"
        if not self.stays_flat(node, piece):
            return None
        if isinstance(piece, Side):
            return self._flat_row(piece.statements)
        inside = (self._flat_branches if piece.has_branches else self._flat_row)(piece.nodes)
        return None if inside is None else f"{{ {inside} }}"

    def _flat_row(self, nodes: Iterable[Any]) -> str | None:
        texts = []
        for node in nodes:
            text = self._flat(node)
            if text is None:
                return None
            texts.append(with_shape(text, shape_text(node)))
        return "; ".join(texts)

    def _flat_branches(self, branches: Iterable[Any]) -> str | None:
        text = ""
        for branch in branches:
            if isinstance(branch, Body):
                inside, before = self._flat_row(branch.statements), " | " if text else "| "
            else:
                inside, before = self._flat(branch), "; " if text else ""
            if inside is None:
                return None
            text += before + inside
        return text

    # ------------------------------------------------------------ several lines

    def _spread(self, node: Any, indent: int) -> list[str]:
        lines = [""]
        for piece in pieces(node):
            if isinstance(piece, Entries):
                lines = self._spread_entries(piece, _length_after(node), indent)
            else:
                lines += self._spread_piece(piece, lines.pop(), indent)
        return lines

    def _spread_piece(self, piece: Piece, before: str, indent: int) -> list[str]:
        """The lines of a piece, the first of which begins with what stands before it."""
        if isinstance(piece, Applied):
            return _spread_rules(piece, before, indent)
        before = f"{before} " if before else ""
        if isinstance(piece, Braces):
            return self._spread_braces(piece, before, indent)
        return [f"{before}{piece}"]

    def _spread_entries(self, entries: Entries, after: int, indent: int) -> list[str]:
        end, text = self.end_of_commented(entries.items), _on_one_line(entries)
        if end is None and (not entries.items or indent + len(text) + after <= WIDTH):
            return [text]
        if end is None:
            texts = [self._lines(item, 0)[0] for item in entries.items]
            lines = _filled(texts, WIDTH - indent - 2)
        else:
            rows = self.rows(entries.items, end, indent + 2)
            _add_commas(rows)
            lines = aligned(_without_blank(rows), indent + 2)
        return [entries.before, *_indented(lines), entries.after]

    def _spread_braces(self, braces: Braces, before: str, indent: int) -> list[str]:
        opening = before + self.opening(braces.start)
        if braces.has_branches:
            inside = self._branches(braces, indent + 2)
        else:
            rows = self.rows(braces.nodes, self.end(braces), indent + 2)
            inside = aligned(_without_blank(rows), indent + 2)
        if not inside and opening.endswith("{"):
            return [f"{opening} }}"]
        return [opening, *_indented(inside), "}"]

    def _branches(self, braces: Braces, indent: int) -> list[str]:
        lines: list[str] = []
        for branch in braces.nodes:
            inside = self._branch(branch, indent)
            lines += inside if lines or inside[0] else inside[1:]
        return lines + aligned(self.rows((), self.end(braces), indent), indent)

    def _branch(self, branch: Any, indent: int) -> list[str]:
        if not isinstance(branch, Body):
            return aligned(self.rows((branch,), 0, indent), indent)
        rows = self.rows(branch.statements, 0, indent + 2)
        comments = []
        while rows and rows[0].is_comment:
            comments += aligned([rows.pop(0)])
        if not rows:  # only a text with errors has an empty branch
            return [*comments, "|"]
        blank = [""] if rows[0].blank else []
        lines = aligned(_joined(_without_blank(rows), WIDTH - indent - 2), indent + 2)
        return [*comments, *blank, "| " + lines[0], *_indented(lines[1:])]

    def _spread_equation(self, node: Equation, indent: int) -> list[str]:
        rows: list[Row] = []
        for nodes in (node.left.statements, (self.sign(node),), node.right.statements):
            rows += _joined(_without_blank(self.rows(nodes, 0, indent)), WIDTH - indent)
        for row in rows:
            row.tabs = ()  # an equation is no table
        return aligned(rows, indent)


def _tabs(node: Any) -> tuple[Tab, ...]:
    label, first = labels_text(node), pieces(node)[0]
    if not isinstance(first, Entries) or not isinstance(node, Apply):
        return tabs(label, "", [])
    arguments = [(item.name, argument_text(item)) for item in node.arguments]
    return tabs(label, first.before.removeprefix(label), arguments)


def _length_after(node: Any) -> int:
    """How much stands on a line behind a list in parentheses, if the rest wraps where it can."""
    _, *others = pieces(node)
    if any(not isinstance(piece, str) for piece in others):
        return len(" {")
    return len(with_shape("".join(f" {piece}" for piece in others), shape_text(node)))


def _spread_rules(applied: Applied, before: str, indent: int) -> list[str]:
    line = f"{before} {_applied(applied)}"
    if indent + len(line) + len(" {") <= WIDTH:
        return [line]
    first, *others = applied.rules
    lines = _filled([f"{before} with {first}", *others], WIDTH - indent - 6)
    return [lines[0], *(f"    {line}" for line in lines[1:])]


def _applied(applied: Applied) -> str:
    return f"with {', '.join(applied.rules)}"


def _on_one_line(entries: Entries) -> str:
    inside = ", ".join(str(pieces(item)[0]) for item in entries.items)
    return f"{entries.before}{inside}{entries.after}"


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"  {line}" if line else "" for line in lines]


def _filled(texts: Sequence[str], width: int) -> list[str]:
    """Entries of a list on as few lines as they need."""
    lines = [""]
    for number, text in enumerate(texts, 1):
        entry = text + ("," if number < len(texts) else "")
        if lines[-1] and len(lines[-1]) + 1 + len(entry) > width:
            lines.append(entry)
        else:
            lines[-1] = f"{lines[-1]} {entry}".lstrip()
    return lines


def _without_blank(rows: list[Row]) -> list[Row]:
    """Rows that begin a file or a body."""
    if rows:
        rows[0].blank = False
    return rows


def _add_commas(rows: list[Row]) -> None:
    """Commas behind all entries of a list but the last; rows of comments have none."""
    entries = [row for row in rows if not row.is_comment]
    for row in entries[:-1]:
        row.lines[-1] += ","


def _joined(rows: list[Row], width: int) -> list[Row]:
    """Rows that stood on one line, on one line again if they fit."""
    result = rows[:1]
    for row in rows[1:]:
        last = result[-1]
        text = f"{with_shape(last.lines[-1], last.shape)}; {row.lines[0]}"
        can = row.glued and len(last.lines) == len(row.lines) == 1 and last.comment is None
        if can and len(with_shape(text, row.shape)) <= width:
            last.lines, last.tabs = [text], ()
            last.shape, last.comment = row.shape, row.comment
        else:
            result.append(row)
    return result
