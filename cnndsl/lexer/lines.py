"""What lines look like: of which statement or item they are the beginning.

All is told from the text. Nothing here knows which brackets are open.
"""

from __future__ import annotations

import re

from .._tables import PATTERNS
from ..diagnostics import did_you_mean
from .scanner import STATEMENT_WORDS, Scanner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..source import Source

LOOK_AHEAD = 4000

WORD = r"(?:{TEMPLATE}|{INTNAME}|{NAME})".format(**dict(PATTERNS))
_WORD = re.compile(WORD)
_INDENT = re.compile(r"[ \t]*")
ITEM_WORDS = ("block", "model", "let", "use", "dialect", "rule")
_LET = re.compile(r"[ \t]+\w+[ \t]*(?:\([^)\n]*\)[ \t]*)?=(?!=)")
# What follows the word of an item on its line.
_ITEM_FORMS = {
    **dict.fromkeys(("block", "rule"), re.compile(r"[ \t]+\w[^\n]*\{")),
    **dict.fromkeys(("model", "dialect"), re.compile(r"[ \t]+\w[^\n]*[{=]")),
    "let": _LET,
    "use": re.compile(r"[ \t]+(?:\"|\w+[ \t]*(?:\(|$))"),
}
# What follows the word of a statement, and no name of an operator or a block.
_STATEMENT_FORMS = {
    **dict.fromkeys(("let", "expect"), _LET),
    "for": re.compile(r"[ \t]+\w+[ \t]+in\b[^\n]*\{"),
    "stage": re.compile(r"[ \t]+\w+[ \t]*\{"),
}
TWO_WORDS = re.compile(r"(\w+)[ \t]+\w[^\n]*\{")
_SETTING = re.compile(r"\s*\w+:\s*\w+\s*(?:=|$)")
_LABELLED = re.compile(r"\s*\w+:\s")
_RULE = re.compile(r"(?:[^\n]|\n(?=[\s#}]))*?(?:=>|⇒|[\n{][ \t]*(?:transform|keeps) )")
_ITEM_LINE = re.compile(r"[(\[]?(?:block|model|dialect|rule|use)\b(?!:)")
_OPERAND_LINE = re.compile(r"[ \t]*(?!(?:if|else|and|or|not|in|then)\b)[A-Za-z0-9_]")
_STATEMENT_LINE = re.compile(
    r"[ \t]*(?:"
    r"[(\[]?(?:(?:let|block|model) +[A-Za-z_]\w* *[({=]|dialect +\w+ *[{=]|rule +[A-Za-z_])"
    r"|[(\[]?use +[a-z\"]"
    r"|(?:keeps|weights|transform) +[A-Za-z_]"
    r"|(?:input|from|share|expect|output) +[A-Za-z0-9_]"
    r"|default +\w+ *[,:]"
    r"|stage +\S+ *\{"
    r"|if (?!.*\belse\b)[^\n]*\{"
    r"|for +\w+ +in\b"
    r'|source *"'
    r"|\})"
)
_LABEL_LINE = re.compile(rf"[ \t]*{WORD}:[ \t]+[A-Za-z0-9_{{]")
_NEXT_LINE = re.compile(r"(?:[ \t]*+(?:#[^\n]*+)?\r?\n)*+([ \t]*+)([^\s#])")
_SIGN = re.compile(r'\bin[ \t]*\{[^{}\n]*\}|[()\[\]{}|;]|"[^"\n]*"|#[^\n]*')
_BRANCH_LINE = re.compile(r"[|}]|(?:for|if|else)\b")
_REPEAT = re.compile(r"[ \t]*(?:×|x[ \t]+\w)")
_REPEATED_LINE = re.compile(rf"\{{[^\n]*\}}{_REPEAT.pattern}")
_GOES_ON = re.compile(r"[ \t]*(?:[,=]|in\b)")
_PARAMETER_AHEAD = {
    "BLOCK": _GOES_ON,
    "RULE": _GOES_ON,
    "MODEL": re.compile(r"[ \t]*(?:,|in\b)"),  # a `=` makes it a variant
}


class Lines(Scanner):
    """A scanner that looks at the lines around."""

    def __init__(self, source: Source, start: int, end: int) -> None:
        super().__init__(source, start, end)
        self.known: re.Match[str] | None = None  # the next line, asked for at an earlier one
        self.known_to = start  # up to here that is the answer

    def indent(self) -> int:
        """The width of the blanks that the line begins with."""
        return self.indent_of(self.line_start)

    def indent_of(self, line: int) -> int:
        found = _INDENT.match(self.text, line)
        return found.end() - line if found else 0

    def line_end(self, start: int) -> int:
        end = self.text.find("\n", start, self.end)
        return end if end >= 0 else self.end

    def word_end(self, start: int) -> int:
        found = _WORD.match(self.text, start, self.end)
        return found.end() if found else min(start + 1, self.end)

    def next_line(self) -> re.Match[str] | None:
        """The next line that is no comment: its indentation and its first character.

        Asked at the end of each of the lines between, so the answer is kept.
        """
        if self.at >= self.known_to:
            self.known = self.line_behind(self.at)
            self.known_to = self.known.start(2) + 1 if self.known else self.end
        return self.known

    def line_behind(self, end: int) -> re.Match[str] | None:
        """The same of the line behind the one that ends there."""
        return _NEXT_LINE.match(self.text, end, self.end)

    # ------------------------------------------------------------------ items

    def is_item(self) -> bool:
        """Whether the line that begins here is an item, perhaps with another word."""
        if _ITEM_LINE.match(self.text, self.at, self.end):
            return True
        found = TWO_WORDS.match(self.text, self.at, self.end)  # no statement is like that
        return found is not None and found[1] not in STATEMENT_WORDS

    def word_meant(self, word: str, is_item: bool) -> str | None:
        """What an item or a statement should begin with, whose first word was just read."""
        rest = self.text[self.at : self.line_end(self.at)]
        forms = _ITEM_FORMS if is_item else _STATEMENT_FORMS
        fits = [name for name, form in forms.items() if form.match(rest)]
        return did_you_mean(word, fits) or (word.lower() if word.lower() in fits else None)

    def item_like(self, start: int) -> str:
        """The word of the item that a header and a body look most like."""
        header, _, body = self.text[start : start + LOOK_AHEAD].partition("{")
        if '"' in header or _RULE.match(self.text, start, self.end):
            return "rule"
        is_derived = "=" in header.partition("(")[0]
        if _SETTING.match(body) or (is_derived and _LABELLED.match(body)):
            return "dialect"
        return "model" if is_derived else "block"

    # ------------------------------------------------------------- statements

    def is_statement(self, start: int) -> bool:
        """Whether a line begins like a statement, and like nothing else."""
        return _STATEMENT_LINE.match(self.text, start, self.end) is not None

    def is_labelled(self, start: int) -> bool:
        return _LABEL_LINE.match(self.text, start, self.end) is not None

    def begins_operand(self, start: int) -> bool:
        return _OPERAND_LINE.match(self.text, start, self.end) is not None

    def begins_branch(self, start: int) -> bool:
        """Whether a word or sign may begin a branch, or end the last one."""
        return _BRANCH_LINE.match(self.text, start, self.end) is not None

    def is_repeated(self, start: int) -> bool:
        """Whether the `{` at `start` begins a line like `{ relu } × 3`, and is no header's."""
        return _REPEATED_LINE.match(self.text, start, self.end) is not None

    def repeat_follows(self) -> bool:
        """Whether `× 3` comes next."""
        return _REPEAT.match(self.text, self.at, self.end) is not None

    def parameter_follows(self) -> bool:
        """Whether a list of parameters goes on here, in the header of a statement."""
        form = _PARAMETER_AHEAD.get(self.statement)
        return form is not None and form.match(self.text, self.at, self.end) is not None

    def closer_ahead(self, start: int, closer: str) -> int:
        """Where, in the rest of a statement, this sign closes what is open; -1 if it does not."""
        depth = 0
        for found in _SIGN.finditer(self.text, start, min(self.end, start + LOOK_AHEAD)):
            sign = found[0]
            if sign in "{}|;":
                return -1
            depth += (sign in "([") - (sign in ")]")
            if depth < 0:
                return found.start() if sign == closer else -1
        return -1
