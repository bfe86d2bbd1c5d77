"""A token that does not fit, with what is around it."""

from __future__ import annotations

from ..diagnostics import Diagnostic, Fix, Help, error
from ..lexer.scanner import Token
from ..record import Record
from ..source import Source, Span


class Explanation(Record):
    """A diagnostic, and how much of the text it speaks for.

    `foreign` is set where one message covers the statements that follow, as for text
    of another language; `skips_body` when the statement's `{ }` is not ours;
    `misses_bar` when the statement is a branch without its `|`.
    """

    diagnostic: Diagnostic
    foreign: bool = False
    skips_body: bool = False
    misses_bar: bool = False


class Unexpected:
    """Token `at` of a statement that begins with token `first` and is in `depth` bodies."""

    def __init__(
        self,
        source: Source,
        tokens: list[Token],
        at: int,
        first: int,
        expected: set[str],
        depth: int,
    ) -> None:
        self.source = source
        self.tokens = tokens
        self.at = at
        self.first = first
        self.expected = expected
        self.depth = depth
        self.kind, self.text, self.start, self.end = tokens[at]
        self.before = tokens[at - 1] if at > 0 else ("", "", 0, 0)
        self.after = tokens[min(at + 1, len(tokens) - 1)]
        self.opening = tokens[first]
        if self.kind == "_WINDOW":  # has no text of its own
            self.text, self.start, self.end = self.after[1:]

    @property
    def is_first(self) -> bool:
        return self.at == self.first

    @property
    def span(self) -> Span:
        """The token, or the place behind the one before when it has no text to show."""
        if self.kind in ("_SEP", "$END") or self.start == self.end or self.is_cut_short:
            return Span(self.source, self.before[3], self.before[3])
        return Span(self.source, self.start, self.end)

    @property
    def is_cut_short(self) -> bool:
        """Whether the line ended where a value had to follow: no separator is kept there."""
        ends = self.kind in ("BAR", "IMPLIES", "RBRACE", "ELSE") and "_SEP" not in self.expected
        ends = ends or self.lacks_value
        return ends and "\n" in self.source.text[self.before[3] : self.start]

    @property
    def lacks_value(self) -> bool:
        """Whether a list ends where a value had to follow."""
        return self.kind in ("RPAR", "RSQB") and "NUMBER" in self.expected

    @property
    def rule(self) -> list[Token]:
        """The tokens of the rule that the statement stands in directly, up to this one."""
        start = self.at
        while self.depth == 1 and start > 0:
            start -= 1
            if self.tokens[start][0] in ITEMS:
                break
        return self.tokens[start : self.at] if self.tokens[start][0] == "RULE" else []

    @property
    def in_header(self) -> bool:
        """Whether the statement is a model, before its body."""
        return self.opening[0] == "MODEL" and self.depth == 0

    def since(self, kind: str) -> bool:
        """Whether a token of this kind is in the statement, before this one."""
        return any(token[0] == kind for token in self.tokens[self.first : self.at])

    @property
    def line(self) -> str:
        """The statement's text up to the end of its line."""
        start, text = self.opening[2], self.source.text
        end = text.find("\n", start)
        return text[start : end if end >= 0 else len(text)]

    @property
    def has_sides(self) -> bool:
        """Whether that text looks like the sides of a rule."""
        return "=>" in self.line or "⇒" in self.line

    @property
    def message(self) -> str:
        """The sentence for a token that no mistake explains."""
        text = self.before[1]
        after = f" after `{text}`" if text.strip("\r\n;") and not self.is_first else ""
        if self.kind == "$END":
            return f"the text ends too early{after}"
        if self.lacks_value and self.is_cut_short:
            return f"a value is missing{after}"
        if self.kind == "_SEP" or self.is_cut_short:
            return f"this statement ends too early{after}"
        if self.kind == "RBRACE" and not self.text:
            return f"this body ends too early{after}"
        return f"unexpected `{self.text}`{after}"

    def error(self, code: str, message: str, label: str = "", *help: Help | str) -> Explanation:
        return Explanation(error(code, message, self.span, label, help=help))

    def fix(self, sentence: str, text: str, start: int = -1, end: int = -1) -> Help:
        """Replace the token, or the given range, by `text`."""
        start, end = (self.start, self.end) if start < 0 else (start, end)
        return Help(sentence, Fix(Span(self.source, start, end), text))


ITEMS = frozenset(("BLOCK", "MODEL", "DIALECT", "RULE"))
