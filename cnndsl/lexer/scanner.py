"""What the lexer stands on: kinds of words, the tokens so far, and reports.

Terminals are declared in `grammar/cnn.lark`; `BAD` is a token that no rule takes,
for what was reported already.
"""

from __future__ import annotations

from .._tables import LITERALS
from ..diagnostics import Diagnostic, Fix, Help, Label, error
from ..limits import OPERATORS, TOKENS
from ..source import Source, Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

Token = tuple[str, str, int, int]
"""Kind, text, start, end."""

KINDS = {text: kind for kind, text in LITERALS}
WORDS = {text: kind for text, kind in KINDS.items() if text.isalpha()}
EXPRESSION_WORDS = {
    word: WORDS[word] for word in ("if", "else", "and", "or", "not", "in", "then", "true", "false")
}
CLAUSE_WORDS = {word: WORDS[word] for word in ("when", "keeps", "weights", "transform")}
VARIANT_WORDS = {word: WORDS[word] for word in ("with", "at")}
LATER_WORDS = {"train": "TRAIN"}
_LOCAL_WORDS = ("cnn", *EXPRESSION_WORDS, *CLAUSE_WORDS, *VARIANT_WORDS)
STATEMENT_WORDS = {
    **{word: kind for word, kind in WORDS.items() if word not in _LOCAL_WORDS},
    "if": "IF",
    **LATER_WORDS,
}
RESERVED = frozenset({*EXPRESSION_WORDS, *STATEMENT_WORDS})

# After the first kinds no separator is needed, before the second ones neither.
_OPENERS = frozenset(("_SEP", "LBRACE", "BAR", "IMPLIES"))
_CLOSERS = frozenset(("RBRACE", "BAR", "IMPLIES", "ELSE"))
STARTERS = _OPENERS | {"LABEL"}
OPERAND_ENDS = frozenset(
    ("NAME", "INTNAME", "NUMBER", "DIMS", "TEMPLATE", "STRING", "TRUE", "FALSE")
) | {"RPAR", "RSQB", "RBRACE"}
# What makes a syntax tree deeper without a bracket.
_DEEPENING = frozenset(
    ("PLUS", "MINUS", "STAR", "SLASH", "PERCENT", "POWER", "COMPARE", "DOT", "LSQB")
) | {"AND", "OR", "NOT", "IF", "THEN", "IN"}


class Scanner:
    """A range of a text, with the tokens and the problems found so far."""

    def __init__(self, source: Source, start: int, end: int) -> None:
        self.source = source
        self.text = source.text
        self.at = start
        self.end = end
        self.line_start = start
        self.tokens: list[Token] = []
        self.most_tokens = TOKENS.value
        self.diagnostics: list[Diagnostic] = []
        self.complete = True  # false when the scanner gave up
        self.previous = "_SEP"  # the kind of the last token
        self.gap: Token | None = None  # a separator, if another token follows
        self.statement = ""  # the kind of the word that began it, up to its body
        self.word = 0  # the number of that word's token
        self.operators = 0  # of the expression so far

    def emit(self, kind: str, text: str, start: int, end: int) -> None:
        if self.gap is not None:
            if self.previous not in _OPENERS and kind not in _CLOSERS:
                self.tokens.append(self.gap)
            self.gap = None
        self.tokens.append((kind, text, start, end))
        self.previous = kind
        if len(self.tokens) > self.most_tokens:
            self._too_many(start)
        if kind in _DEEPENING:
            self._deepen(start)

    def _too_many(self, start: int) -> None:
        """Give up: a text of so many words was not written to be read."""
        if self.complete:
            message = f"this file has more than {TOKENS.value:,} words, numbers and signs"
            self.report(TOKENS.code, message, start, start + 1, help=[TOKENS.help])
        self.complete = False
        self.at = self.end

    def emit_bad(self, at: int) -> None:
        """Let the parser give up the statement: its error is known already."""
        self.emit("BAD", "", at, at)

    def _deepen(self, start: int) -> None:
        self.operators += 1
        if self.operators != OPERATORS.cap + 1:
            return
        message = f"this expression is too long: {OPERATORS.cap} operators are the limit"
        self.report(OPERATORS.code, message, start, self.at, help=[OPERATORS.help])
        self.emit_bad(self.at)

    @property
    def is_first(self) -> bool:
        """Whether the next token begins a statement."""
        return self.gap is not None or self.previous in STARTERS

    @property
    def follows_label(self) -> bool:
        return self.previous == "LABEL" and self.gap is None

    @property
    def last_end(self) -> int:
        """Where the last token ends."""
        return self.tokens[-1][3] if self.tokens else self.at

    def span(self, start: int, end: int) -> Span:
        return Span(self.source, start, end)

    def report(
        self,
        code: str,
        message: str,
        start: int,
        end: int,
        label: str = "",
        *,
        also: Iterable[Label] = (),
        help: Iterable[Help | str] = (),
    ) -> None:
        place = self.span(start, end)
        self.diagnostics.append(error(code, message, place, label, also=also, help=help))

    def fix(self, sentence: str, start: int, end: int, text: str) -> Help:
        return Help(sentence, Fix(self.span(start, end), text))
