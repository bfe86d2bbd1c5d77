"""Names, labels and numbers: what they are is told by what stands beside them."""

from __future__ import annotations

import re

from ..diagnostics import Help
from ..limits import DIGITS, NAME, STRING
from ..numerals import corrected, number_value, spelling_of_number
from .brackets import Brackets
from .lines import ITEM_WORDS, TWO_WORDS, WORD
from .scanner import (
    CLAUSE_WORDS,
    EXPRESSION_WORDS,
    OPERAND_ENDS,
    STATEMENT_WORDS,
    VARIANT_WORDS,
    Token,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..limits import Limit
    from ..source import Source

_VALUE = r"(?!(?:if|else|and|or|not|in|then)\b)[A-Za-z0-9_(\[]"
_VALUE_AHEAD = re.compile(rf"[ \t]+{_VALUE}")
_TIMES_AHEAD = re.compile(rf"[ \t]*(?:×|x[ \t]+{_VALUE})")
_WORD_AHEAD = re.compile(r"[ \t]+(?!x[ \t])\w")
_NUMBER_AHEAD = re.compile(r"[ \t]+\d")
_LABELS = re.compile(rf"{WORD}(?:[ \t]*,[ \t]*{WORD})*:(?![:=])")
_LABEL = re.compile(WORD)
_NUMBER_LIKE = re.compile(r"[A-Za-z0-9_.]*[A-Za-z0-9_]|\.+")


class Words(Brackets):
    """A scanner that reads words and numbers."""

    def __init__(self, source: Source, start: int, end: int) -> None:
        super().__init__(source, start, end)
        self.longest_name = NAME.value

    def read_name(self, word: str, start: int) -> None:
        if len(word) > self.longest_name:
            self.too_long("name", NAME, len(word), start)
        if self.is_first:
            self._first_word(word, start)
            return
        kind = "NAME"
        if word in EXPRESSION_WORDS:
            kind = self._expression_word(word)
        elif word == "x" and self._is_times():
            kind = "TIMES"
            self.part_size()
        elif word in VARIANT_WORDS and self.in_variant() and self.previous in OPERAND_ENDS:
            kind = VARIANT_WORDS[word]
        self.emit(kind, word, start, self.at)

    def in_variant(self) -> bool:
        """Whether this is the header of a variant, behind its `=`."""
        return self.statement == "VARIANT" and not self.in_parentheses

    def _first_word(self, word: str, start: int) -> None:
        if self._labels(start):
            return
        kind = "NAME"
        if word in STATEMENT_WORDS:
            kind = self.statement = STATEMENT_WORDS[word]
        elif word in CLAUSE_WORDS and self.in_rule and not self.follows_label:
            kind = self.statement = CLAUSE_WORDS[word]
        elif word in EXPRESSION_WORDS:
            if word == "else" and self.previous != "RBRACE":
                self.forget_body_of_if(start)
            kind = self._expression_word(word)
        elif word == "cnn" and not self.tokens and _NUMBER_AHEAD.match(self.text, self.at):
            kind = "CNN"
        elif not self.follows_label and not self._is_half():
            kind = self._misspelt(word, start)
        self.emit(kind, word, start, self.at)
        self.word = len(self.tokens) - 1

    def _is_half(self) -> bool:
        """Whether the word goes on with a letter that no name has."""
        return self.text[self.at : self.at + 1].isalpha()

    def _misspelt(self, word: str, start: int) -> str:
        """The kind of a first word that should be another one, `NAME` if it is right."""
        meant = self.word_meant(word, is_item=not self.brackets)
        what = "statement" if self.brackets else "item of a file"
        help: Help | str = f"items begin with {', '.join(f'`{item}`' for item in ITEM_WORDS)}"
        if meant is not None:
            help = self.fix(f"did you mean `{meant}`?", start, self.at, meant)
        elif not self.brackets and TWO_WORDS.match(self.text, start, self.end):
            meant = self.item_like(start)
        else:
            return "NAME"
        self.report("E0101", f"`{word}` begins no {what}", start, self.at, help=[help])
        self.statement = STATEMENT_WORDS[meant]
        return self.statement

    def _expression_word(self, word: str) -> str:
        if word == "in" and self.comes(".") and not self.comes(".."):
            return "NAME"  # `in.channels`: what arrives at a block
        if word == "if" and self.previous == "ELSE":
            self.enter(self.at)
        return EXPRESSION_WORDS[word]

    def comes(self, text: str) -> bool:
        return self.text.startswith(text, self.at, self.end)

    def _is_times(self) -> bool:
        """Whether the `x` just read stands between two values."""
        ahead = _VALUE_AHEAD.match(self.text, self.at, self.end)
        return self.previous in OPERAND_ENDS and ahead is not None

    def read_integer_name(self, word: str, start: int) -> None:
        if not (self.is_first and self._labels(start)):
            self.emit("INTNAME", word, start, self.at)

    def read_template(self, text: str, start: int) -> None:
        if len(text) > STRING.value:
            self.too_long("label", STRING, len(text), start)
            self.emit_bad(start)
            return
        is_name = text.count("{") > 1 or _WORD_AHEAD.match(self.text, self.at, self.end)
        if not self.is_first or self.follows_label:
            self.emit("TEMPLATE", text, start, self.at)
        elif self._labels(start):
            return
        elif is_name:  # the colon of a label is missing
            self.emit("TEMPLATE", text, start, self.at)
        else:
            self.at = start + text.index("{")  # `concat{...`: a word and its body
            self.read_name(text[: self.at - start], start)

    def _labels(self, start: int) -> bool:
        """Take `a, b:` apart, if that is what stands here."""
        if self.follows_label:
            return False
        found = _LABELS.match(self.text, start, self.end)
        if not found or found[0] == "else:":
            return False
        self.at = found.end()
        for label in _LABEL.finditer(self.text, start, self.at - 1):
            self.emit("LABEL", label[0], *label.span())
        return True

    # ---------------------------------------------------------------- numbers

    def read_number(self, text: str, start: int) -> None:
        if self.comes(".") and not self.comes(".."):
            self.bad_number(start)
            return
        if not text.isdigit() or len(text) > DIGITS.cap or (text[0] == "0" and len(text) > 1):
            text = self._checked(text, start, self.at)
        if self.is_first and _TIMES_AHEAD.match(self.text, self.at, self.end):
            self.emit("_WINDOW", "", start, start)
        self.emit("NUMBER", text, start, self.at)

    def _checked(self, text: str, start: int, end: int) -> str:
        """A number, or a legal one in its place after a message."""
        right = corrected(text)
        if right != text:
            self._report_number(text, right, start, end)
        if number_value(right) is not None:
            return right
        message = f"this number is too large: {DIGITS.value} digits are the limit"
        self.report(DIGITS.code, message, start, end, help=[DIGITS.help])
        return "0"

    def _report_number(self, text: str, right: str, start: int, end: int) -> None:
        what = "size" if "x" in text.lower() else "number"
        helps = [self.fix(f"write `{right}`", start, end, right)] if right else []
        self.report("E0104", f"`{text}` is not a {what}", start, end, help=helps)

    def bad_number(self, start: int) -> None:
        """`3.`, `.5`, `1.5x`, `1xk`: digits that are no number, no size and no name."""
        found = _NUMBER_LIKE.match(self.text, start, self.end)
        self.at = found.end() if found else self.at
        if self.comes(".") and not self.comes(".."):
            self.at += 1
        text = self.text[start : self.at]
        self._report_number(text, spelling_of_number(text), start, self.at)
        if self.is_first:
            self.emit("_WINDOW", "", start, start)
        self.emit("NUMBER", "1", start, self.at)

    def read_size(self, text: str, start: int) -> None:
        for kind, part, begin, end in split_size(text, start):
            if kind == "NUMBER" and (part[0] == "0" or len(part) > DIGITS.cap):
                self._checked(part, begin, end)
        if self.is_first:
            self.emit("_WINDOW", "", start, start)
        follows_times = self.previous == "TIMES"
        self.emit("DIMS", text, start, self.at)
        if follows_times:
            self.part_size()

    def part_size(self) -> None:
        """Make `H×W` before or after a `×` three tokens, so that all is one size."""
        if self.tokens and self.tokens[-1][0] == "DIMS":
            _, text, start, _ = self.tokens.pop()
            self.tokens += split_size(text, start)
            self.previous = self.tokens[-1][0]

    def too_long(self, what: str, limit: Limit, length: int, start: int) -> None:
        message = f"this {what} has {length:,} characters; the limit is {limit.value:,}"
        self.report(limit.code, message, start, self.at, help=[limit.help])


def split_size(text: str, start: int) -> Iterator[Token]:
    """`3x3` as the tokens of `3 × 3`."""
    for part in re.finditer(r"\d+|[A-Z]|[x×]", text):
        sign = part[0]
        kind = "TIMES" if sign in "x×" else "NUMBER" if sign[0].isdigit() else "NAME"
        yield kind, sign, start + part.start(), start + part.end()
