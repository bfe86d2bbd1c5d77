"""Text to tokens, one regular expression at a time.

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

import re
from collections import Counter

from ._tables import PATTERNS
from .brackets import ITEM_WORDS, TWO_WORDS, WORD, Brackets, Mend
from .characters import INVISIBLE, LETTERS, LOOK_ALIKES, QUOTES, describe, invisible_characters
from .diagnostics import Diagnostic, Help
from .limits import DIGITS, ERRORS, NAME, STRING
from .numerals import corrected, number_value, spelling_of_number
from .record import Record
from .scanner import (
    CLAUSE_WORDS,
    EXPRESSION_WORDS,
    KINDS,
    OPERAND_ENDS,
    STATEMENT_WORDS,
    VARIANT_WORDS,
    WORDS,
    Token,
)
from .source import Source

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .limits import Limit

MAX_ERRORS = ERRORS.cap  # after so many nobody reads on
MAX_MENDED = 8

# A second spelling, and the first one.
TWINS = {"->": "→", "=>": "⇒", "≥": ">=", "≤": "<=", "≠": "!=", "+-": "±"}
OPERATORS = {text: kind for text, kind in KINDS.items() if text not in WORDS}
FOREIGN = {"&&": "and", "&": "and", "||": "or", "!": "not"}

# Statements that need a body.
_BODIES = frozenset(("BLOCK", "MODEL", "DIALECT", "RULE", "STAGE", "FOR", "IF"))

_BETWEEN = frozenset(("**", "*", "/", "-", "×", "=", ","))  # signs that begin no statement

_VALUE = r"(?!(?:if|else|and|or|not|in|then)\b)[A-Za-z0-9_(\[]"
_VALUE_AHEAD = re.compile(rf"[ \t]+{_VALUE}")
_TIMES_AHEAD = re.compile(rf"[ \t]*(?:×|x[ \t]+{_VALUE})")
_WORD_AHEAD = re.compile(r"[ \t]+(?!x[ \t])\w")
_CLOSER_AHEAD = re.compile(r"[ \t]*[)\]]")
_NUMBER_AHEAD = re.compile(r"[ \t]+\d")
_LABELS = re.compile(rf"{WORD}(?:[ \t]*,[ \t]*{WORD})*:(?![:=])")
_LABEL = re.compile(WORD)
_NUMBER_LIKE = re.compile(r"[A-Za-z0-9_.]*[A-Za-z0-9_]|\.+")
_BLANK_LINES = re.compile(r"(?:[ \t]*+\r?\n)*+")
_FOREIGN_WORD = re.compile(r"\w+")
_COMMENTS = {
    "//": re.compile(r"//[^\n]*(?:\n[ \t]*//[^\n]*)*"),
    "/*": re.compile(r"/\*.*?\*/(?=[ \t\r]*(?:\n|\Z))", re.DOTALL),
}
_LINE_OF_COMMENT = re.compile(r"([ \t]*)(?://+|/?\*+)?")
_QUOTED = re.compile(rf"“[^\n”\"]*”|«[^\n»\"]*»|[{QUOTES}][^\n{QUOTES}\"]*[{QUOTES}]")

_TOKEN = re.compile(
    "[ \t]*(?:"
    + "|".join(f"(?P<{kind}>{pattern})" for kind, pattern in PATTERNS)
    + r"|(?P<FOREIGN>//|/\*|&&|\|\||&|!(?!=))"
    + "|(?P<OPERATOR>"
    + "|".join(re.escape(text) for text in sorted({*OPERATORS, *TWINS}, key=len, reverse=True))
    + r")|(?P<STRAY>[^ \t\n]))"
)


class Tokens(Record):
    """What a text consists of. `complete` is false when the lexer gave up."""

    tokens: list[Token]
    comments: list[Token]
    diagnostics: list[Diagnostic]
    complete: bool


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


class Lexer(Brackets):
    """One run over a text."""

    def __init__(self, source: Source, start: int, end: int) -> None:
        super().__init__(source, start, end)
        self.comments: list[Token] = []
        self.said: dict[str, int] = {}  # what was reported, and on which line
        self.longest_name = NAME.value

    def run(self) -> Tokens:
        if self.at == 0 and self.text.startswith("\ufeff"):
            self.at = 1
        self.diagnostics += invisible_characters(self.source, self.at, self.end)
        handlers = {
            "NAME": self._name,
            "INTNAME": self._integer_name,
            "TEMPLATE": self._template,
            "NUMBER": self._number,
            "DIMS": self._dims,
            "STRING": self._string,
            "COMPARE": self._compare,
            "OPERATOR": self._operator,
            "FOREIGN": self._foreign,
            "COMMENT": self._comment,
            "STRAY": self._stray,
            "_SEP": self._separator,
        }
        match, text, problems = _TOKEN.match, self.text, self.diagnostics
        while (found := match(text, self.at, self.end)) and len(problems) < MAX_ERRORS:
            kind = found.lastgroup or ""
            start, self.at = found.span(kind)
            handlers[kind](found[kind], start)
        return self._finish()

    def _finish(self) -> Tokens:
        self.complete = self.complete and len(self.diagnostics) < MAX_ERRORS
        if self.complete:
            self.forget_parentheses(None)
            self.forget_braces(None)
        last = min(self.last_end, self.end)
        self.tokens.append(("$END", "", last, last))
        return Tokens(self.tokens, self.comments, self.diagnostics, self.complete)

    # ------------------------------------------------------------------ words

    def _name(self, word: str, start: int) -> None:
        if len(word) > self.longest_name:
            self._too_long("name", NAME, len(word), start)
        if self.is_first:
            self._first_word(word, start)
            return
        kind = "NAME"
        if word in EXPRESSION_WORDS:
            kind = self._expression_word(word)
        elif word == "x" and self._is_times():
            kind = "TIMES"
            self._split_size()
        elif word in VARIANT_WORDS and self._in_variant() and self.previous in OPERAND_ENDS:
            kind = VARIANT_WORDS[word]
        self.emit(kind, word, start, self.at)

    def _in_variant(self) -> bool:
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
        meant = self.word_meant(word)
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
        if word == "in" and self._comes(".") and not self._comes(".."):
            return "NAME"  # `in.channels`: what arrives at a block
        if word == "if" and self.previous == "ELSE":
            self.enter(self.at)
        return EXPRESSION_WORDS[word]

    def _comes(self, text: str) -> bool:
        return self.text.startswith(text, self.at, self.end)

    def _is_times(self) -> bool:
        """Whether the `x` just read stands between two values."""
        ahead = _VALUE_AHEAD.match(self.text, self.at, self.end)
        return self.previous in OPERAND_ENDS and ahead is not None

    def _integer_name(self, word: str, start: int) -> None:
        if not (self.is_first and self._labels(start)):
            self.emit("INTNAME", word, start, self.at)

    def _template(self, text: str, start: int) -> None:
        if len(text) > STRING.value:
            self._too_long("label", STRING, len(text), start)
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
            self._name(text[: self.at - start], start)

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

    def _number(self, text: str, start: int) -> None:
        if self._comes(".") and not self._comes(".."):
            self._bad_number(start)
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

    def _bad_number(self, start: int) -> None:
        """`3.`, `.5`, `1.5x`, `1xk`: digits that are no number, no size and no name."""
        found = _NUMBER_LIKE.match(self.text, start, self.end)
        self.at = found.end() if found else self.at
        if self._comes(".") and not self._comes(".."):
            self.at += 1
        text = self.text[start : self.at]
        self._report_number(text, spelling_of_number(text), start, self.at)
        if self.is_first:
            self.emit("_WINDOW", "", start, start)
        self.emit("NUMBER", "1", start, self.at)

    def _dims(self, text: str, start: int) -> None:
        for kind, part, begin, end in split_size(text, start):
            if kind == "NUMBER" and (part[0] == "0" or len(part) > DIGITS.cap):
                self._checked(part, begin, end)
        if self.is_first:
            self.emit("_WINDOW", "", start, start)
        follows_times = self.previous == "TIMES"
        self.emit("DIMS", text, start, self.at)
        if follows_times:
            self._split_size()

    def _split_size(self) -> None:
        """Make `H×W` before or after a `×` three tokens, so that all is one size."""
        if self.tokens and self.tokens[-1][0] == "DIMS":
            _, text, start, _ = self.tokens.pop()
            self.tokens += split_size(text, start)
            self.previous = self.tokens[-1][0]

    # ---------------------------------------------------------------- strings

    def _string(self, text: str, start: int) -> None:
        if len(text) - 2 > STRING.value:
            self._too_long("string", STRING, len(text) - 2, start)
        self.emit("STRING", text, start, self.at)

    def _unclosed_string(self, start: int) -> None:
        text = self.text[start : self.line_end(start)].rstrip()
        if self.statement in _BODIES:
            text = text.partition(" {")[0]
        elif text.endswith(" }"):
            text = text[:-1].rstrip()
        self.at = start + len(text)
        self.settle()  # the string may have swallowed brackets
        self.report(
            "E0105",
            "this string is never closed",
            start,
            start + len(text),
            "it runs to the end of the line",
            help=[self._closing_quote(start, text)],
        )
        self.emit("STRING", text + '"', start, self.at)

    def _closing_quote(self, start: int, text: str) -> Help:
        """The edit that ends a string, before a comment on its line."""
        end = start + len(text.partition(" #")[0].rstrip())
        return self.fix('close it with `"` on the same line', end, end, '"')

    def _quoted(self, start: int) -> bool:
        """Report `'...'` and curly quotes once for both ends, and go on with the string."""
        found = _QUOTED.match(self.text, start, self.end)
        if not found:
            return False
        self.at = found.end()
        right = f'"{found[0][1:-1]}"'
        fix = self.fix(f"write `{right}`", start, self.at, right)
        message = "strings stand in straight double quotes"
        self.report("E0103", message, start, self.at, help=[fix])
        self.emit("STRING", right, start, self.at)
        return True

    def _comment(self, text: str, start: int) -> None:
        text = text.rstrip()
        self.comments.append(("COMMENT", text, start, start + len(text)))

    def _too_long(self, what: str, limit: Limit, length: int, start: int) -> None:
        message = f"this {what} has {length:,} characters; the limit is {limit.value:,}"
        self.report(limit.code, message, start, self.at, help=[limit.help])

    # -------------------------------------------------------------- operators

    def _compare(self, text: str, start: int) -> None:
        self.emit("COMPARE", text, start, self.at)

    def _operator(self, text: str, start: int) -> None:
        if text == "+-" and self.statement != "EXPECT":
            text, self.at = "+", start + 1
        text = TWINS.get(text, text)
        kind = OPERATORS.get(text, "COMPARE")
        if text in _BRACKETS:
            _BRACKETS[text](self, kind, text, start)
            return
        if kind == "COMMA" and self.brackets:
            self.operators = self.brackets[-1].operators
        elif kind == "TIMES":
            self._split_size()
        elif kind == "COLON" and self.in_parentheses and self.text[start - 1].isspace():
            self.forget_parentheses(start, "the output size starts here")
        elif kind == "BAR" and self.in_parentheses and not self.closes_later(self.at):
            self.forget_parentheses(start, "a branch starts here")
        elif kind == "BAR" and self.statement in ("FOR", "IF") and self.gap is None:
            self._brace_is_missing("write it before the `|`", self.indent())
            self.open_branches()
        elif kind == "BAR" and self.previous == "LBRACE":
            self.open_branches()
        elif kind == "BAR" and not self.in_parentheses:
            self.forget_bodies_of_branch(start)
        elif kind == "DOT" and self._begins_number(start):
            self._bad_number(start)
            return
        elif kind == "EQUAL" and self.statement == "MODEL" and not self.in_parentheses:
            self.statement = "VARIANT"  # which needs no body
        elif kind == "IMPLIES":
            self.forget_parentheses(start, "the other side starts here")
            self.forget_bodies_of_side(start)
            self.statement = ""
            self.operators = 0
        self.emit(kind, text, start, self.at)

    def _begins_number(self, start: int) -> bool:
        """Whether a `.` that was read begins `.5`, which is not an attribute."""
        is_attached = self.last_end == start and self.previous in OPERAND_ENDS
        return self.text[self.at : self.at + 1].isdigit() and not is_attached

    def _separator(self, text: str, start: int) -> None:
        end = self.at
        if text != ";":
            self._end_of_line(start, end)
            return
        if not (self.in_parentheses and self.runs_on(text)):
            self._end_statement(text, start, end)

    def _end_of_line(self, start: int, end: int) -> None:
        indent, line = self.indent(), self.line_start
        if found := _BLANK_LINES.match(self.text, end, self.end):
            self.at = found.end()
        if self._in_variant():
            indent = 0  # its header may take several lines
        self.line_start = self.at
        if self.in_parentheses and self.runs_on("\n"):
            return
        if self._in_variant() and self.previous == "COMMA":
            return  # a list of rules goes on
        if _CLOSER_AHEAD.match(self.text, self.at, self.end):
            return  # no statement begins with it
        if self.starts_item():
            self.forget_braces(self.at)
        elif self.closes_before():
            pass
        elif self.statement in _BODIES or (start, "+{") in self.mended or self.lacks_brace:
            self._supply_brace(indent)
        else:
            self.suspect_line(start, line, indent)
        self._end_statement("\n", start, end)

    def _end_statement(self, text: str, start: int, end: int) -> None:
        if self.gap is None:
            self.gap = ("_SEP", text, start, end)
        self.statement = ""
        self.operators = 0
        self.level = self.brackets[-1].level + 1 if self.brackets else 0

    def _supply_brace(self, indent: int) -> None:
        """Open a body whose `{` was forgotten, if the next line is further right."""
        found = self.next_line()
        if not found or found[2] == "{" or len(found[1]) <= indent or self.previous == "COLON":
            return
        self._brace_is_missing("write it at the end of the line", indent)

    def _brace_is_missing(self, sentence: str, indent: int) -> None:
        """Open a body behind the last token."""
        end = self.last_end
        help = self.fix(sentence, end, end, " {")
        if self.previous == "BAD":
            help = Help("write it after the `)`")
        self.report("E0102", "the `{` of this body is missing", end, end, help=[help])
        self.push("LBRACE", "{", end, indent)

    # --------------------------------------------------------- what is not ours

    def _foreign(self, text: str, start: int) -> None:
        if text in ("//", "/*"):
            self._foreign_comment(text, start)
            return
        word = FOREIGN[text]
        before = "" if self.text[start - 1 : start].isspace() else " "
        after = "" if self.text[self.at : self.at + 1].isspace() else " "
        fix = self.fix(f"write `{word}`", start, self.at, f"{before}{word}{after}")
        self.report("E0109", f"`{text}` is written `{word}` here", start, self.at, help=[fix])
        self.emit(EXPRESSION_WORDS[word], word, start, self.at)

    def _foreign_comment(self, text: str, start: int) -> None:
        self.at = self.line_end(start)
        closed = self.text.find("*/", start + 2, self.end)
        if text == "/*" and closed >= 0:
            self.at = closed + 2
        line_above = self.said.get("//")
        self.said["//"] = self.line_start
        if line_above is not None and self.text.count("\n", line_above, start) <= 1:
            return
        help = self._our_comment(text, start)
        self.report("E0109", f"`{text}` starts no comment here", start, start + 2, help=[help])

    def _our_comment(self, text: str, start: int) -> Help:
        """The edit that makes a comment of another language ours, with the lines below it."""
        sentence = "a comment starts with `#` and ends with the line"
        found = _COMMENTS[text].match(self.text, start, self.end)
        if not found:
            return Help(sentence)
        lines = found[0].removesuffix("*/").rstrip().split("\n")
        right = "\n".join(_LINE_OF_COMMENT.sub(r"\1#", line, count=1) for line in lines)
        return self.fix(sentence, start, found.end(), right)

    def _stray(self, char: str, start: int) -> None:
        if INVISIBLE.match(char):
            return  # reported at the start
        if char.isdigit() and char.isascii():
            self._bad_number(start)
        elif char == '"':
            self._unclosed_string(start)
        elif char == "?" and self._hole(start):
            return  # what follows is its name
        elif char.isalnum() and char not in LOOK_ALIKES:
            self._foreign_word(char, start)
        elif char not in QUOTES or not self._quoted(start):
            self._unknown(char, start)

    def _hole(self, start: int) -> bool:
        """`?n` in a rule, as other languages of rules write what may be anything."""
        found = _LABEL.match(self.text, self.at, self.end)
        if not found or not any(bracket.is_rule for bracket in self.brackets):
            return False
        if self.said.get("?") != self.line_start:
            fix = self.fix(f"write `{found[0]}`", start, self.at, "")
            message = "a name that is not defined is a hole: it needs no `?`"
            self.report("E0103", message, start, found.end(), help=[fix])
        self.said["?"] = self.line_start
        return True

    def _foreign_word(self, char: str, start: int) -> None:
        """A name with letters beyond ASCII, whose ASCII beginning may be a token already."""
        found = _FOREIGN_WORD.match(self.text, start, self.end)
        self.at = found.end() if found else self.at
        if self.last_end == start and self.tokens and self.tokens[-1][1][:1].isidentifier():
            start = self.tokens.pop()[2]
            self.previous = self.tokens[-1][0] if self.tokens else "_SEP"
            self.statement = self.statement if len(self.tokens) > self.word else ""
        word = self.text[start : self.at]
        meant = word.translate(LETTERS)
        message = f"`{char}` cannot stand in a name: {describe(char)}"
        helps: list[Help | str] = ["names are made of the letters a to z, digits and `_`"]
        if meant.isascii():
            helps = [self.fix(f"write `{meant}`", start, self.at, meant)]
        self.report("E0103", message, start, self.at, help=helps)
        if self.is_first and self._comes(":"):
            self.emit("LABEL", meant, start, self.at)
            self.at += 1
        elif _LABEL.fullmatch(meant):
            self._name(meant, start)
        else:
            self.emit("NAME", word, start, self.at)

    def _unknown(self, char: str, start: int) -> None:
        twin = " " if char.isspace() else LOOK_ALIKES.get(char, "")
        if self.said.get(char) != self.line_start:
            shown = "a plain space" if twin == " " else f"`{twin}`"
            helps: list[Help | str] = ["remove it, or write it in a string or a comment"]
            if twin:
                helps = [self.fix(f"write {shown}", start, self.at, twin)]
            message = f"`{char}` has no meaning here: {describe(char)}"
            self.report("E0103", message, start, self.at, help=helps)
        self.said[char] = self.line_start
        if twin == ";":
            self._separator(twin, start)
        elif twin == "==":
            self._compare(twin, start)
        elif twin == "" and not self.is_first:
            self.emit_bad(start)
        elif twin.strip() and not (self.is_first and twin in _BETWEEN):
            self._operator(twin, start)


_BRACKETS = {
    "(": Lexer.open_round,
    "[": Lexer.push,
    "{": Lexer.open_brace,
    ")": Lexer.close_round,
    "]": Lexer.close_round,
    "}": Lexer.close_brace,
}


def split_size(text: str, start: int) -> Iterator[Token]:
    """`3x3` as the tokens of `3 × 3`."""
    for part in re.finditer(r"\d+|[A-Z]|[x×]", text):
        sign = part[0]
        kind = "TIMES" if sign in "x×" else "NUMBER" if sign[0].isdigit() else "NAME"
        yield kind, sign, start + part.start(), start + part.end()
