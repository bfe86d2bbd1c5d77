"""Text to tokens.

The patterns are declared in `grammar/cnn.lark`. What a pattern cannot say is
decided here, from the neighbours of a word:

- a statement ends with its line or with `;`, but not inside `( )` and `[ ]`;
- `3a:` is a label at the start of a statement only, and so are the statement
  words (`from`, `input`, ...): elsewhere they are plain names;
- the clauses of a rule (`when`, `keeps`, ...) begin statements of rules only, and
  `with` and `at` are words in the header of a variant only;
- a `for` or an `if` whose body begins with `|` is one of branches;
- `x` between two values is `×`;
- a `(` directly after a name opens the arguments of a call.

Every problem is reported once, and then repaired or replaced by a `BAD` token,
for which the parser gives up the statement without a second message.
"""

from __future__ import annotations

from collections import Counter

from .lexer import MAX_ERRORS, Lexer, Tokens

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..source import Source
    from .unclosed import Mend

__all__ = ["MAX_ERRORS", "Tokens", "scan", "scan_expression"]

MAX_MENDED = 8


def scan(source: Source) -> Tokens:
    """The tokens of a text."""
    mended: Counter[Mend] = Counter()
    while True:
        lexer = Lexer(source, 0, len(source.text))
        lexer.mended = mended
        tokens = lexer.run()
        if lexer.blamed is None or mended.total() == MAX_MENDED:
            return tokens
        mended[lexer.blamed] += 1  # a brace too many or too few: read again with it mended


def scan_expression(source: Source, start: int, end: int) -> Tokens:
    """The tokens of an expression in the range `start:end` of a text."""
    lexer = Lexer(source, start, end)
    lexer.previous = "EQUAL"  # what follows is no statement
    return lexer.run()
