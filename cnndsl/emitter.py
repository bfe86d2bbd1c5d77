"""Emitting source code: lines, indentation, and calls wrapped as `ruff format` wraps them.

No formatter runs in the compiler. A statement is a tree of pieces: on one line if it
fits; else with what is in its brackets on a line of its own; else with one item per
line and a trailing comma. A formatter leaves all three alone:

    >>> print("\\n".join(layout(call("f", "x", padding=group("(", "1", "2")), before="y = ")))
    y = f(x, padding=(1, 2))
"""

from __future__ import annotations

from .record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

WIDTH = 100
INDENT = "    "
CLOSING = {"(": ")", "[": "]", "{": "}"}


class Group(Record):
    """Items in brackets: a call, a tuple, a list; `head` ends in the opening bracket."""

    head: str
    items: tuple[Piece, ...]

    @property
    def close(self) -> str:
        return CLOSING[self.head[-1]]


class Comprehension(Record):
    """`[element for x in y]`; `head` ends in the opening bracket."""

    head: str
    element: Piece
    clause: str

    @property
    def close(self) -> str:
        return CLOSING[self.head[-1]]


class Infix(Record):
    """Operands joined by one operator: `a + b + c`."""

    symbol: str
    operands: tuple[Piece, ...]


Piece = str | Group | Comprehension | Infix
"""A part of a statement; plain text is never broken."""


def group(head: str, *items: Piece) -> Group:
    """Items in brackets."""
    return Group(head, items)


def call(function: str, *arguments: Piece, **keywords: Piece) -> Group:
    """A call; keywords keep their order."""
    return Group(f"{function}(", (*arguments, *(named(k, v) for k, v in keywords.items())))


def named(name: str, piece: Piece) -> Piece:
    """The keyword argument `name=piece`."""
    return prefixed(f"{name}=", piece)


def prefixed(prefix: str, piece: Piece) -> Piece:
    """The piece with a text directly before it."""
    if isinstance(piece, str):
        return prefix + piece
    if isinstance(piece, Group):
        return Group(prefix + piece.head, piece.items)
    if isinstance(piece, Comprehension):
        return Comprehension(prefix + piece.head, piece.element, piece.clause)
    first, *rest = piece.operands
    return Infix(piece.symbol, (prefixed(prefix, first), *rest))


def flat(piece: Piece) -> str:
    """The piece on one line."""
    if isinstance(piece, str):
        return piece
    if isinstance(piece, Infix):
        return f" {piece.symbol} ".join(map(flat, piece.operands))
    if isinstance(piece, Comprehension):
        return f"{piece.head}{flat(piece.element)} {piece.clause}{piece.close}"
    inside = ", ".join(map(flat, piece.items))
    return f"{piece.head}{inside}{',' if _is_single_tuple(piece) else ''}{piece.close}"


def layout(
    piece: Piece, indent: int = 0, before: str = "", after: str = "", width: int = WIDTH
) -> list[str]:
    """The lines of a statement, `before` and `after` around the piece.

    Arguments:
        indent: number of levels.
        width: lines longer than this are broken where they can be.
    """
    margin = INDENT * indent
    line = f"{margin}{before}{flat(piece)}{after}"
    if len(line) <= width or isinstance(piece, str):
        return [line]
    if isinstance(piece, Infix):
        return _layout_infix(piece, indent, before, after, width)
    if not isinstance(piece, Comprehension) and not piece.items:
        return [line]
    return [
        f"{margin}{before}{piece.head}",
        *_layout_inside(piece, indent + 1, width),
        f"{margin}{piece.close}{after}",
    ]


def _layout_inside(piece: Group | Comprehension, indent: int, width: int) -> list[str]:
    """What stands between the brackets: arguments on one line if they fit, else one per line."""
    margin = INDENT * indent
    if isinstance(piece, Comprehension):
        line = f"{margin}{flat(piece.element)} {piece.clause}"
        if len(line) <= width:
            return [line]
        return [*layout(piece.element, indent, width=width), f"{margin}{piece.clause}"]
    line = f"{margin}{', '.join(map(flat, piece.items))}"
    if len(line) <= width and _is_call(piece):
        return [line]
    if len(piece.items) == 1 and not _is_single_tuple(piece):
        return layout(piece.items[0], indent, width=width)
    return [text for item in piece.items for text in layout(item, indent, "", ",", width)]


def _layout_infix(piece: Infix, indent: int, before: str, after: str, width: int) -> list[str]:
    """Operands on lines of their own, in parentheses unless brackets are around already."""
    bare = not before and after == ","
    inner = indent if bare else indent + 1
    line = f"{INDENT * inner}{flat(piece)}"
    if not bare and len(line) <= width:
        return [f"{INDENT * indent}{before}(", line, f"{INDENT * indent}){after}"]
    first, *others = piece.operands
    lines = layout(first, inner, width=width)
    for operand in others:
        lines += layout(operand, inner, f"{piece.symbol} ", width=width)
    if bare:
        return [*lines[:-1], lines[-1] + after]
    return [f"{INDENT * indent}{before}(", *lines, f"{INDENT * indent}){after}"]


def _is_single_tuple(piece: Group) -> bool:
    """Whether it is a tuple of one item, which needs its comma, and no call."""
    return len(piece.items) == 1 and piece.head[-1] == "(" and not _is_call(piece)


def _is_call(piece: Group) -> bool:
    """Whether the brackets hold arguments, and not the items of a tuple or a list."""
    head = piece.head
    return head[-1] == "(" and len(head) > 1 and (head[-2].isalnum() or head[-2] in "_)]")


class Emitter:
    """Collects the lines of a file.

    >>> out = Emitter()
    >>> out.line("def f(x):")
    >>> with out.indented():
    ...     out.line("return x")
    >>> out.text()
    'def f(x):\\n    return x\\n'
    """

    def __init__(self, width: int = WIDTH) -> None:
        self.width = width
        self.lines: list[str] = []
        self.level = 0

    def line(self, text: str = "") -> None:
        """One line at the current indentation."""
        self.lines.append(INDENT * self.level + text if text else "")

    def block(self, lines: Iterable[str]) -> None:
        """Lines that bring their own relative indentation."""
        for line in lines:
            self.line(line)

    def blank(self, count: int = 1) -> None:
        """Empty lines."""
        self.lines.extend([""] * count)

    def put(self, piece: Piece, before: str = "", after: str = "", comment: str = "") -> None:
        """A statement, with a comment behind it if that fits and above it otherwise."""
        lines = layout(piece, self.level, before, after, self.width)
        if comment and len(lines) == 1 and len(lines[0]) + len(comment) + 4 <= self.width:
            lines = [f"{lines[0]}  # {comment}"]
        elif comment:
            self.line(f"# {comment}")
        self.lines.extend(lines)

    def indented(self) -> Emitter:
        """`with out.indented():` one level deeper."""
        return self

    def __enter__(self) -> Emitter:
        self.level += 1
        return self

    def __exit__(self, *_: object) -> None:
        self.level -= 1

    def text(self) -> str:
        """The whole file."""
        return "\n".join(self.lines) + "\n"
