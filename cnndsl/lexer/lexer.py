"""One run over a text, one regular expression at a time."""

from __future__ import annotations

import re

from .._tables import PATTERNS
from ..diagnostics import Diagnostic, Help
from ..limits import ERRORS, STRING
from ..record import Record
from ..source import Source
from .characters import INVISIBLE, LETTERS, LOOK_ALIKES, QUOTES, describe, invisible_characters
from .lines import WORD
from .scanner import EXPRESSION_WORDS, KINDS, OPERAND_ENDS, WORDS, Token
from .words import Words

MAX_ERRORS = ERRORS.cap  # after so many nobody reads on

# A second spelling, and the first one.
TWINS = {"->": "→", "=>": "⇒", "≥": ">=", "≤": "<=", "≠": "!=", "+-": "±"}
OPERATORS = {text: kind for text, kind in KINDS.items() if text not in WORDS}
FOREIGN = {"&&": "and", "&": "and", "||": "or", "!": "not"}

# Statements that need a body.
_BODIES = frozenset(("BLOCK", "MODEL", "DIALECT", "RULE", "STAGE", "FOR", "IF"))

_BETWEEN = frozenset(("**", "*", "/", "-", "×", "=", ","))  # signs that begin no statement

_CLOSER_AHEAD = re.compile(r"[ \t]*[)\]]")
_BLANK_LINES = re.compile(r"(?:[ \t]*+\r?\n)*+")
_PLAIN_WORD = re.compile(WORD)
_FOREIGN_WORD = re.compile(r"\w+")
_COMMENTS = {
    "//": re.compile(r"//[^\n]*(?:\n[ \t]*//[^\n]*)*"),
    "/*": re.compile(r"/\*.*?\*/(?=[ \t\r]*(?:\n|\Z))", re.DOTALL),
}
_LINE_OF_COMMENT = re.compile(r"([ \t]*)(?://+|/?\*+)?")
_QUOTED = re.compile(rf"“[^\n”\"]*”|«[^\n»\"]*»|[{QUOTES}][^\n{QUOTES}\"#]*[{QUOTES}]")

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


class Lexer(Words):
    """One run over a text."""

    def __init__(self, source: Source, start: int, end: int) -> None:
        super().__init__(source, start, end)
        self.comments: list[Token] = []
        self.said: dict[str, int] = {}  # what was reported, and on which line

    def run(self) -> Tokens:
        if self.at == 0 and self.text.startswith("\ufeff"):
            self.at = 1
        self.diagnostics += invisible_characters(self.source, self.at, self.end)
        handlers = {
            "NAME": self.read_name,
            "INTNAME": self.read_integer_name,
            "TEMPLATE": self.read_template,
            "NUMBER": self.read_number,
            "DIMS": self.read_size,
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

    # ---------------------------------------------------------------- strings

    def _string(self, text: str, start: int) -> None:
        if len(text) - 2 > STRING.value:
            self.too_long("string", STRING, len(text) - 2, start)
        self.emit("STRING", text, start, self.at)

    def _unclosed_string(self, start: int) -> None:
        text = self.text[start : self.line_end(start)].rstrip()
        if self.statement in _BODIES or self.in_variant():
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
            self.part_size()
        elif kind == "COLON" and self.in_parentheses and self.text[start - 1].isspace():
            self.forget_parentheses(start, "the output size starts here")
        elif kind == "COLON" and self.begins_size():
            self.close_unclosed(start, "the output size starts here")
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
            self.bad_number(start)
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
        if self.in_variant():
            indent = 0  # its header may take several lines
        self.line_start = self.at
        if self.in_parentheses and self.runs_on("\n"):
            return
        if self.in_variant() and self.previous == "COMMA":
            return  # a list of rules goes on
        if _CLOSER_AHEAD.match(self.text, self.at, self.end):
            return  # no statement begins with it
        if self.lacks_parenthesis():
            self._supply_parenthesis()
            return
        self.forget_branches(line)
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
        if not found or len(found[1]) <= indent or self.previous == "COLON":
            return
        if found[2] == "{" and not self.is_repeated(found.start(2)):
            return
        self._brace_is_missing("write it at the end of the line", indent)

    def _supply_parenthesis(self) -> None:
        """Open the list of a header behind its name."""
        end = self.last_end
        help = self.fix("write it behind the name", end, end, "(")
        self.report("E0102", "the `(` of this list is missing", end, end, help=[help])
        self.push("_CALL", "(", end)

    def _brace_is_missing(self, sentence: str, indent: int) -> None:
        """Open a body behind the last token."""
        end = self.last_end
        help = self.fix(sentence, end, end, " {")
        if self.previous == "BAD":
            help = Help("write it after the `)`")
        self.report("E0102", "the `{` of this body is missing", end, end, help=[help])
        self.push("LBRACE", "{", end, indent)
        self.brackets[-1].reported = len(self.diagnostics) - 1
        self.operators = 0
        self.statement = ""

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
            self.bad_number(start)
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
        found = _PLAIN_WORD.match(self.text, self.at, self.end)
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
        if self.is_first and self.comes(":"):
            self.emit("LABEL", meant, start, self.at)
            self.at += 1
        elif _PLAIN_WORD.fullmatch(meant):
            self.read_name(meant, start)
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
