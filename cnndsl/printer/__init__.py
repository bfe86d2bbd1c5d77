"""Syntax trees back to text, and `cnnc fmt`, which is that plus the comments.

One layout and no options. A few things stay as the author had them, because they carry
meaning for readers: a body, a branch or the equation of a rule written on one line stays on
one line if it fits, parentheses around a statement's arguments stay, and so do blank lines,
one at a time.

`expressions.py` spells expressions, `pieces.py` says what each statement and item is made of,
`layout.py` puts the pieces on lines, `columns.py` lines under each other, `comments.py` adds
what the tree does not have, and `formatter.py` trusts none of them.
"""

from __future__ import annotations

from .columns import Row
from .expressions import print_expression
from .formatter import format_source
from .layout import Printer, print_file
from .pieces import Braces, Side

__all__ = ["Braces", "Printer", "Row", "Side", "format_source", "print_expression", "print_file"]
