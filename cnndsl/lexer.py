"""Text to tokens, one regular expression at a time.

The patterns are declared in `grammar/cnn.lark`. What a pattern cannot say is
decided here, from the neighbours of a word:

- a statement ends with its line or with `;`, but not inside `( )` and `[ ]`;
- `3a:` is a label at the start of a statement only, and so are the statement
  words (`from`, `input`, ...): elsewhere they are plain names;
- `x` between two values is `×`;
- a `(` directly after a name opens the arguments of a call.

Every problem is reported once and then repaired or replaced by a `BAD` token,
which the parser takes for an error that needs no second message.
"""

from __future__ import annotations

import re

from ._tables import LITERALS, PATTERNS
from .diagnostics import Diagnostic, Fix, Help, Label, error
from .record import Record
from .source import Source, Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

Token = tuple[str, str, int, int]
"""Kind, text, start, end."""

MAX_NESTING = 64
MAX_OPERATORS = 100
MAX_NAME = 64
MAX_STRING = 2000
MAX_DIGITS = 19
LOOK_AHEAD = 4000

TEXTS = dict(LITERALS)
KINDS = {text: kind for kind, text in LITERALS}

WORDS = {text: kind for text, kind in KINDS.items() if text.isalpha()}
EXPRESSION_WORDS = {
    word: WORDS[word] for word in ("if", "else", "and", "or", "not", "in", "then", "true", "false")
}
LATER_WORDS = {"rule": "RULE", "train": "TRAIN"}
STATEMENT_WORDS = {
    **{word: kind for word, kind in WORDS.items() if word not in ("cnn", *EXPRESSION_WORDS)},
    "if": "IF",
    **LATER_WORDS,
}
RESERVED = frozenset({*EXPRESSION_WORDS, *STATEMENT_WORDS})

# A second spelling and the spelling that the tree has.
TWINS = {
    "->": "→",
    "=>": "⇒",
    "≥": ">=",
    "≤": "<=",
    "≠": "!=",
    "+-": "±",
}
OPERATORS = {
    **{text: kind for text, kind in KINDS.items() if text not in WORDS},
    "⇒": "IMPLIES",
}

# Characters that people's keyboards and word processors put in place of ours.
LOOK_ALIKES = {
    **dict.fromkeys("–—−‐‑‒", "-"),
    **dict.fromkeys("·∗⋅•", "*"),
    **dict.fromkeys("∕÷", "/"),
    **dict.fromkeys("✕✖⨯х", "×"),
    **dict.fromkeys("➔⟶➝", "→"),
    **dict.fromkeys("≡", "=="),
    "：": ":",
    "，": ",",
    "；": ";",
    "（": "(",
    "）": ")",
    "［": "[",
    "］": "]",
    "｛": "{",
    "｝": "}",
    "＝": "=",
    "｜": "|",
}
QUOTES = "'‘’‚“”„«»`"
FOREIGN = {"&&": "and", "&": "and", "||": "or", "!": "not"}

FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e"
    "\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]|\r(?!\n)"
)

_WORD = r"(?:{TEMPLATE}|{INTNAME}|{NAME})".format(**dict(PATTERNS))
_LABELS = re.compile(rf"{_WORD}(?:[ \t]*,[ \t]*{_WORD})*:(?![:=])")
_LABEL = re.compile(_WORD)
_VALUE = r"(?!(?:if|else|and|or|not|in|then)\b)[A-Za-z0-9_(\[]"
_OPERAND = re.compile(rf"\s+{_VALUE}")
_TIMES = re.compile(rf"[ \t]*(?:×|x[ \t]+{_VALUE})")
_OPERAND_LINE = re.compile(r"[ \t]*(?!(?:if|else|and|or|not|in|then)\b)[A-Za-z0-9_]")
_STATEMENT_LINE = re.compile(
    r"[ \t]*(?:"
    r"(?:let|block|model) +[A-Za-z_]\w* *[({=]"
    r"|dialect +\w+ *[{=]"
    r"|(?:input|from|share|expect|output) +[A-Za-z0-9_]"
    r"|default +\w+ *[,:]"
    r"|stage +\S+ *\{"
    r"|if (?!.*\belse\b)[^\n]*\{"
    r"|for +\w+ +in\b"
    r'|source *"'
    rf"|{_WORD}:[ \t]+[A-Za-z0-9_{{]"
    r"|\})"
)
_ITEM_LINE = re.compile(r"(?:block|model|dialect)[ \t]+[A-Za-z_]\w*[ \t]*[({=]")
_CLOSER = re.compile(r'[()\[\]{}|;]|"[^"\n]*"|#[^\n]*')
_NUMBER_LIKE = re.compile(r"[A-Za-z0-9_.]*[A-Za-z0-9_]|\.+")
_QUOTED = re.compile(rf"[{QUOTES}]([^\n{QUOTES}\"]*)[{QUOTES}]")
_INDENT = re.compile(r"[ \t]*")

_MASTER = re.compile(
    "[ \t]*(?:"
    + "|".join(f"(?P<{kind}>{pattern})" for kind, pattern in PATTERNS)
    + r"|(?P<FOREIGN>//|/\*|&&|\|\||&|!(?!=))"
    + "|(?P<OPERATOR>"
    + "|".join(re.escape(t) for t in sorted({*OPERATORS, *TWINS}, key=len, reverse=True))
    + ")|(?P<STRAY>[^\n]))"
)

# After the first kinds no separator is needed, before the second ones neither.
_OPENERS = frozenset(("_SEP", "LBRACE", "BAR", "IMPLIES"))
_CLOSERS = frozenset(("RBRACE", "BAR", "IMPLIES", "ELSE"))
_STARTERS = _OPENERS | {"LABEL"}
OPERAND_ENDS = frozenset(
    ("NAME", "INTNAME", "NUMBER", "DIMS", "TEMPLATE", "STRING", "TRUE", "FALSE")
) | {"RPAR", "RSQB", "RBRACE"}
# What makes a syntax tree deeper without a bracket.
_DEEPENING = frozenset(
    ("PLUS", "MINUS", "STAR", "SLASH", "PERCENT", "POWER", "COMPARE", "DOT", "LSQB")
) | {"AND", "OR", "NOT", "IF", "THEN", "IN"}


class Tokens(Record):
    """What a text consists of. `complete` is false when the lexer gave up."""

    tokens: list[Token]
    comments: list[Token]
    diagnostics: list[Diagnostic]
    complete: bool


def scan(source: Source) -> Tokens:
    """The tokens of a text."""
    return Lexer(source, 0, len(source.text)).run()


def scan_expression(source: Source, start: int, end: int) -> Tokens:
    """The tokens of an expression in the range `start:end` of a text."""
    lexer = Lexer(source, start, end)
    lexer.previous = "EQUAL"  # what follows is no statement
    return lexer.run()


class Bracket:
    """An open bracket, with what held outside it."""

    __slots__ = ("closer", "indent", "level", "operators", "start", "text")

    def __init__(self, text: str, start: int, indent: int, level: int, operators: int) -> None:
        self.text = text
        self.start = start
        self.indent = indent
        self.level = level
        self.operators = operators
        self.closer = -1


class Lexer:
    def __init__(self, source: Source, start: int, end: int) -> None:
        self.source = source
        self.text = source.text
        self.at = start
        self.end = end
        self.tokens: list[Token] = []
        self.comments: list[Token] = []
        self.diagnostics: list[Diagnostic] = []
        self.complete = True
        self.gap: Token | None = None  # a separator, if another token follows
        self.previous = "_SEP"
        self.statement = ""
        self.brackets: list[Bracket] = []
        self.level = 0  # of nesting: brackets, braces and `else if`s
        self.operators = 0  # of the expression so far
        self.line_start = start
        self.suspect: tuple[Bracket, int] | None = None
        self.unknown: dict[str, int] = {}  # characters reported, by line start

    def run(self) -> Tokens:
        self._refuse_invisible()
        if self.at == 0 and self.text.startswith("\ufeff"):
            self.at = 1
        match, text = _MASTER.match, self.text
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
        while found := match(text, self.at, self.end):
            kind = found.lastgroup
            assert kind is not None
            start, self.at = found.span(kind)
            handlers[kind](found[kind], start)
        return self._finish()

    def _finish(self) -> Tokens:
        last = self.tokens[-1][3] if self.tokens else min(self.at, self.end)
        if self.complete:
            self._close_brackets(None)
            self._close_braces(None)
        self.tokens.append(("$END", "", last, last))
        return Tokens(self.tokens, self.comments, self.diagnostics, self.complete)

    # --------------------------------------------------------------- emitting

    def _emit(self, kind: str, text: str, start: int, end: int) -> None:
        if self.gap is not None:
            if self.previous not in _OPENERS and kind not in _CLOSERS:
                self.tokens.append(self.gap)
            self.gap = None
        self.tokens.append((kind, text, start, end))
        self.previous = kind
        if kind in _DEEPENING:
            self._deepen(start)

    def _emit_bad(self, at: int) -> None:
        """Let the parser give up the statement: its error is known already."""
        self._emit("BAD", "", at, at)

    @property
    def _is_first(self) -> bool:
        """Whether the next token begins a statement."""
        return self.gap is not None or self.previous in _STARTERS

    @property
    def _follows_label(self) -> bool:
        return self.previous == "LABEL" and self.gap is None

    def _span(self, start: int, end: int) -> Span:
        return Span(self.source, start, end)

    def _report(
        self, code: str, message: str, start: int, end: int, label: str = "", *help: Help | str
    ) -> None:
        self.diagnostics.append(error(code, message, self._span(start, end), label, help=help))

    def _fix(self, sentence: str, start: int, end: int, text: str) -> Help:
        return Help(sentence, Fix(self._span(start, end), text))

    # ------------------------------------------------------------------ words

    def _name(self, word: str, start: int) -> None:
        if len(word) > MAX_NAME:
            self._too_long("name", MAX_NAME, start)
        if self.gap is not None or self.previous in _STARTERS:
            self._first_word(word, start)
            return
        kind = "NAME"
        if word in EXPRESSION_WORDS:
            kind = self._expression_word(word)
        elif word == "x" and self._is_times():
            kind = "TIMES"
            self._split_dims()
        self._emit(kind, word, start, self.at)

    def _first_word(self, word: str, start: int) -> None:
        if self._labels(start):
            return
        kind = "NAME"
        if word in STATEMENT_WORDS:
            kind = self.statement = STATEMENT_WORDS[word]
        elif word in EXPRESSION_WORDS:
            kind = self._expression_word(word)
        elif word == "cnn" and not self.tokens and _NUMBER_AHEAD.match(self.text, self.at):
            kind = "CNN"
        self._emit(kind, word, start, self.at)

    def _expression_word(self, word: str) -> str:
        if word == "in" and self._next(".") and not self._next(".."):
            return "NAME"  # `in.channels`: what arrives at a block
        if word == "if" and self.previous == "ELSE":
            self._enter(self.at)
        return EXPRESSION_WORDS[word]

    def _next(self, text: str) -> bool:
        return self.text.startswith(text, self.at)

    def _is_times(self) -> bool:
        """Whether the `x` just read stands between two values of one line."""
        return self.previous in OPERAND_ENDS and bool(_OPERAND.match(self.text, self.at, self.end))

    def _integer_name(self, word: str, start: int) -> None:
        if not (self._is_first and self._labels(start)):
            self._emit("INTNAME", word, start, self.at)

    def _template(self, text: str, start: int) -> None:
        if not self._is_first or self._follows_label:
            self._emit("TEMPLATE", text, start, self.at)
        elif not self._labels(start):
            self.at = start + text.index("{")  # `concat{...`: a word and its body
            self._name(text[: self.at - start], start)

    def _labels(self, start: int) -> bool:
        """Take `a, b:` apart, if that is what stands here."""
        if self._follows_label:
            return False
        found = _LABELS.match(self.text, start, self.end)
        if not found or found[0] == "else:":
            return False
        self.at = found.end()
        for label in _LABEL.finditer(self.text, start, self.at - 1):
            self._emit("LABEL", label[0], *label.span())
        return True

    # ---------------------------------------------------------------- numbers

    def _number(self, text: str, start: int) -> None:
        if self.text[self.at : self.at + 1] == "." and not self._next(".."):
            self._bad_number(start)
            return
        if not text.isdigit() or len(text) > MAX_DIGITS or (text[0] == "0" and len(text) > 1):
            text = self._checked_number(text, start)
        if self._is_first and _TIMES.match(self.text, self.at, self.end):
            self._emit("_WINDOW", "", start, start)
        self._emit("NUMBER", text, start, self.at)

    def _checked_number(self, text: str, start: int) -> str:
        """The number, or a legal one in its place after a message."""
        digits = text.split(".")[0].rstrip("%KMGT")
        whole = re.split("[eE]", digits)[0].replace("_", "")
        right = text
        if "__" in text or re.search(r"_(?!\d)", text):
            right = re.sub(r"_+(?!\d)", "", text.replace("__", "_"))
        elif whole != "0" and whole.startswith("0"):
            right = text.lstrip("0_") or "0"
            right = right if right[0].isdigit() else "0" + right
        if right != text:
            self._report_number(text, right, start)
        if len(whole) > MAX_DIGITS or number_value(right) is None:
            message = f"this number is too large: {MAX_DIGITS} digits are the limit"
            self._report("E0603", message, start, self.at)
            return "0"
        return right

    def _report_number(self, text: str, right: str, start: int) -> None:
        fix = self._fix(f"write `{right}`", start, self.at, right)
        what = "size" if "x" in text.lower() else "number"
        self._report("E0104", f"`{text}` is not a {what}", start, self.at, "", fix)

    def _bad_number(self, start: int) -> None:
        """`3.`, `.5`, `1.5x`, `1xk`: digits that are no number, no size and no name."""
        found = _NUMBER_LIKE.match(self.text, start, self.end)
        assert found
        text, self.at = found[0], found.end()
        if not text[-1].isdigit() and self._next("."):
            text, self.at = text + ".", self.at + 1
        if self._next(".") and not self._next(".."):
            text, self.at = text + ".", self.at + 1
        right = spelling_of_number(text)
        if right:
            self._report_number(text, right, start)
        else:
            self._report("E0104", f"`{text}` is not a number", start, self.at)
        if self._is_first:
            self._emit("_WINDOW", "", start, start)
        self._emit("NUMBER", "1", start, self.at)

    def _dims(self, text: str, start: int) -> None:
        for part in re.finditer(r"\d+", text):
            if len(part[0]) > MAX_DIGITS or (part[0][0] == "0" and len(part[0]) > 1):
                here, self.at = self.at, start + part.end()
                self._checked_number(part[0], start + part.start())
                self.at = here
        if self._is_first:
            self._emit("_WINDOW", "", start, start)
        follows_times = self.previous == "TIMES"
        self._emit("DIMS", text, start, self.at)
        if follows_times:
            self._split_dims()

    def _split_dims(self) -> None:
        """Make `H×W` before or after a `×` three tokens, so that all is one size."""
        if not self.tokens or self.tokens[-1][0] != "DIMS":
            return
        _, text, start, _ = self.tokens.pop()
        self.tokens += split_dims(text, start)
        self.previous = self.tokens[-1][0]

    # ---------------------------------------------------------------- strings

    def _string(self, text: str, start: int) -> None:
        if len(text) > MAX_STRING + 2:
            self._too_long("string", MAX_STRING, start)
        self._emit("STRING", text, start, self.at)

    def _unclosed_string(self, start: int) -> None:
        self.at = self._line_end(start)
        text = self.text[start : self.at].rstrip()
        self._report(
            "E0105",
            "this string is never closed",
            start,
            start + len(text),
            "it begins here and runs to the end of the line",
            'close it with `"` on the same line',
        )
        self._emit("STRING", text + '"', start, self.at)

    def _quoted(self, start: int) -> bool:
        """Report `'...'` and curly quotes once for both ends, and go on with the string."""
        found = _QUOTED.match(self.text, start, self.end)
        if not found:
            return False
        self.at = found.end()
        right = f'"{found[1]}"'
        fix = self._fix(f"write `{right}`", start, self.at, right)
        self._report("E0103", "strings stand in straight double quotes", start, self.at, "", fix)
        self._emit("STRING", right, start, self.at)
        return True

    def _comment(self, text: str, start: int) -> None:
        text = text.rstrip()
        self.comments.append(("COMMENT", text, start, start + len(text)))

    def _line_end(self, start: int) -> int:
        end = self.text.find("\n", start, self.end)
        return end if end >= 0 else self.end

    def _too_long(self, what: str, limit: int, start: int) -> None:
        message = f"this {what} is too long: {limit} characters are the limit"
        self._report("E0604", message, start, self.at)

    # -------------------------------------------------------------- operators

    def _compare(self, text: str, start: int) -> None:
        self._emit("COMPARE", text, start, self.at)

    def _operator(self, text: str, start: int) -> None:
        if text == "+-" and self.statement != "EXPECT":
            text, self.at = "+", start + 1
        text = TWINS.get(text, text)
        kind = OPERATORS.get(text, "COMPARE")
        act = _BRACKETS.get(text)
        if act is not None:
            act(self, kind, text, start)
            return
        if kind == "COMMA" and self.brackets:
            self.operators = self.brackets[-1].operators
        elif kind == "TIMES":
            self._split_dims()
        elif kind == "BAR" and self._in_parentheses and not self._closes_later(self.at):
            self._close_brackets(start, "a branch starts here")
        self._emit(kind, text, start, self.at)
        if kind == "DOT" and self.text[self.at : self.at + 1].isdigit():
            self.tokens.pop()
            self._bad_number(start)

    def _foreign(self, text: str, start: int) -> None:
        if text in ("//", "/*"):
            self._foreign_comment(text, start)
            return
        word = FOREIGN[text]
        fix = self._fix(f"write `{word}`", start, self.at, f" {word} ")
        self._report("E0109", f"`{text}` is written `{word}` here", start, self.at, "", fix)
        self._emit(EXPRESSION_WORDS[word], word, start, self.at)

    def _foreign_comment(self, text: str, start: int) -> None:
        line_end = self._line_end(start)
        closed = self.text.find("*/", start, self.end) + 2 if text == "/*" else 0
        self.at = max(closed, line_end) if closed >= 2 else line_end
        if not self._said("//", start):
            self._report(
                "E0109",
                f"`{text}` starts no comment here",
                start,
                start + len(text),
                "",
                "a comment starts with `#` and ends with the line",
            )

    def _said(self, what: str, start: int) -> bool:
        """Whether `what` was reported on this line or the one above; remembers it."""
        before = self.unknown.get(what, -1)
        self.unknown[what] = self.line_start
        if before < 0:
            return False
        return self.text.count("\n", before, start) <= 1

    # --------------------------------------------------------------- brackets

    @property
    def _in_parentheses(self) -> bool:
        return bool(self.brackets) and self.brackets[-1].text != "{"

    def _enter(self, start: int) -> None:
        self.level += 1
        if self.level <= MAX_NESTING or not self.complete:
            return
        message = f"the nesting is too deep: {MAX_NESTING} levels are the limit"
        self._report("E0602", message, start, start + 1, "", "name the inner parts as blocks")
        self.complete = False
        self.at = self.end

    def _deepen(self, start: int) -> None:
        self.operators += 1
        if self.operators != MAX_OPERATORS + 1:
            return
        message = f"this expression is too long: {MAX_OPERATORS} operators are the limit"
        self._report("E0602", message, start, self.at, "", "name its parts with `let`")
        self._emit_bad(self.at)

    def _push(self, kind: str, text: str, start: int) -> None:
        found = _INDENT.match(self.text, self.line_start)
        indent = found.end() - self.line_start if found else 0
        if text == "{" and self.brackets and self.suspect is None:
            outer = self.brackets[-1]
            if outer.start < self.line_start and indent <= outer.indent:
                self.suspect = outer, start
        self.brackets.append(Bracket(text, start, indent, self.level, self.operators))
        self._emit(kind, text, start, self.at)
        self._enter(start)

    def _pop(self) -> Bracket:
        bracket = self.brackets.pop()
        self.level = bracket.level
        return bracket

    def _open_round(self, kind: str, text: str, start: int) -> None:
        attached = self.previous == "NAME" and self.tokens[-1][3] == start
        self._push("_CALL" if attached else kind, text, start)

    def _open_brace(self, kind: str, text: str, start: int) -> None:
        if self._in_parentheses:
            if self.previous == "IN":
                self._push("_CHOICES", "in {", start)
                return
            self._close_brackets(start, "a body starts here")
        self._push(kind, text, start)
        self.operators = 0

    def _close_round(self, kind: str, text: str, start: int) -> None:
        if not self._in_parentheses:
            self._stray_closer(text, start)
            return
        bracket = self._pop()
        right = _PAIRS[bracket.text]
        if right != text:
            self._report_mismatch(bracket, right, text, start)
        self._emit(_PAIR_KINDS[bracket.text], right, start, self.at)

    def _report_mismatch(self, bracket: Bracket, right: str, text: str, start: int) -> None:
        fix = self._fix(f"write `{right}`", start, self.at, right)
        self.diagnostics.append(
            error(
                "E0102",
                f"`{bracket.text[-1]}` is closed by `{right}`, not by `{text}`",
                self._span(start, self.at),
                also=[self._opened(bracket)],
                help=[fix],
            )
        )

    def _opened(self, bracket: Bracket) -> Label:
        start = bracket.start
        return Label(self._span(start, start + 1), "opened here")

    def _close_brace(self, kind: str, text: str, start: int) -> None:
        if self._in_parentheses:
            if self.brackets[-1].text == "in {":
                self._pop()
                self._emit("_CHOICES_END", text, start, self.at)
                return
            self._close_brackets(start, "its block ends here")
        if not self.brackets:
            self._stray_closer(text, start)
            return
        bracket = self._pop()
        self._suspect(bracket, start)
        self._emit(kind, text, start, self.at)

    def _suspect(self, bracket: Bracket, start: int) -> None:
        """Remember the first `}` whose column is not that of the line it closes."""
        found = _INDENT.match(self.text, self.line_start)
        if not self.brackets:
            self.suspect = None
        elif (
            self.suspect is None
            and found
            and found.end() == start
            and bracket.start < self.line_start
            and start - self.line_start < bracket.indent
        ):
            self.suspect = bracket, start

    def _stray_closer(self, text: str, start: int) -> None:
        fix = self._fix("remove it", start, self.at, "")
        self._report("E0102", f"this `{text}` closes nothing", start, self.at, "", fix)

    def _close_brackets(self, start: int | None, why: str = "") -> None:
        """Report the innermost open `(` or `[` and forget all up to the next brace."""
        if not self._in_parentheses:
            return
        innermost = self.brackets[-1]
        while self._in_parentheses:
            self._pop()
        self._report_unclosed(innermost, start, why)
        self._emit_bad(self.tokens[-1][3])

    def _report_unclosed(self, bracket: Bracket, start: int | None, why: str) -> None:
        text = bracket.text[-1]
        end = self.tokens[-1][3]
        also = [Label(self._span(end, end), "the file ends here")]
        if start is not None:
            stop = self._word_end(start)
            also = [Label(self._span(start, stop), why)]
        closer = _PAIRS[bracket.text]
        self.diagnostics.append(
            error(
                "E0102",
                f"this `{text}` is never closed",
                self._span(bracket.start, bracket.start + 1),
                "opened here",
                also=also,
                help=[f"close it with `{closer}`"],
            )
        )

    def _word_end(self, start: int) -> int:
        found = _LABEL.match(self.text, start, self.end)
        return found.end() if found else min(start + 1, self.end)

    def _close_braces(self, item: int | None) -> None:
        """Close all braces because the next item or the end of the file is reached."""
        if not self.brackets:
            return
        bracket = self.brackets[0]
        start, why = item, f"a new `{self._word(item)}` starts here" if item is not None else ""
        if self.suspect is not None and self.suspect[0].start >= bracket.start:
            bracket, start = self.suspect
            why = "this stands further left than the body it is in"
        self._report_unclosed(bracket, start, why)
        self.suspect = None
        self.gap = None
        end = self.tokens[-1][3]
        while self.brackets:
            self._pop()
            self._emit("RBRACE", "", end, end)

    def _word(self, start: int) -> str:
        return self.text[start : self._word_end(start)]

    def _closes_later(self, start: int) -> bool:
        """Whether a `)` for the open bracket follows before the statement must be over."""
        bracket = self.brackets[-1]
        if bracket.closer >= start:
            return True
        depth = 0
        for found in _CLOSER.finditer(self.text, start, min(self.end, start + LOOK_AHEAD)):
            sign = found[0]
            if sign in "([":
                depth += 1
            elif sign in ")]":
                depth -= 1
                if depth < 0:
                    bracket.closer = found.start()
                    return True
            elif sign in "{}|;":
                return False
        return False

    # ------------------------------------------------------------------ lines

    def _separator(self, text: str, start: int) -> None:
        if text != ";":
            self.line_start = self.at
        if self._in_parentheses and self._stays_open(text):
            return
        if self.gap is None:
            self.gap = ("_SEP", text, start, self.at)
        self.statement = ""
        self.operators = 0
        self.level = self.brackets[-1].level + 1 if self.brackets else 0
        if self.brackets and text != ";" and _ITEM_LINE.match(self.text, self.at, self.end):
            self._close_braces(self.at)
            self.gap = ("_SEP", text, start, self.at)

    def _stays_open(self, text: str) -> bool:
        """Inside ( ) lines do not matter, unless the bracket was forgotten."""
        if text == ";":
            if self._closes_later(self.at):
                return False
            self._close_brackets(self.at - 1, "the statement ends here")
            return False
        if not self._abandons(self.at):
            return True
        found = _INDENT.match(self.text, self.at)
        assert found
        self._close_brackets(found.end(), "the next statement starts here")
        return False

    def _abandons(self, start: int) -> bool:
        """Whether the line at `start` is a new statement although a bracket is open."""
        if _STATEMENT_LINE.match(self.text, start, self.end):
            return True
        if self.previous not in OPERAND_ENDS:
            return False
        return bool(_OPERAND_LINE.match(self.text, start, self.end)) and not self._closes_later(
            start
        )

    # ------------------------------------------------------- other characters

    def _refuse_invisible(self) -> None:
        """Report control and bidirectional characters, each kind at its first place."""
        first: dict[str, int] = {}
        count: dict[str, int] = {}
        for found in FORBIDDEN.finditer(self.text, self.at, self.end):
            if found.start() == 0 and found[0] == "\ufeff":
                continue
            first.setdefault(found[0], found.start())
            count[found[0]] = count.get(found[0], 0) + 1
        for char, start in first.items():
            more = count[char] - 1
            notes = [f"and {more} more of the same in this file"] if more else []
            self.diagnostics.append(
                error(
                    "E0107",
                    f"there is an invisible character here: {describe(char)}",
                    self._span(start, start + 1),
                    notes=notes,
                    help=[self._fix("remove it", start, start + 1, "")],
                )
            )

    def _stray(self, char: str, start: int) -> None:
        if FORBIDDEN.match(char):
            return
        if char.isdigit() and char.isascii():
            self._bad_number(start)
        elif char == '"':
            self._unclosed_string(start)
        elif char in QUOTES and self._quoted(start):
            return
        elif char.isalnum() and char not in LOOK_ALIKES:
            self._foreign_word(start)
        else:
            self._unknown(char, start)

    def _foreign_word(self, start: int) -> None:
        """A name with letters beyond ASCII, whose ASCII beginning may be a token already."""
        self.at = _NON_ASCII_WORD.match(self.text, start, self.end).end()  # type: ignore[union-attr]
        char = self.text[start]
        if self.tokens and self.tokens[-1][3] == start and self.previous == "NAME":
            start = self.tokens.pop()[2]
            self.previous = self.tokens[-1][0] if self.tokens else "_SEP"
        word = self.text[start : self.at]
        self._report(
            "E0103",
            f"`{char}` cannot stand in a name: {describe(char)}",
            start,
            self.at,
            "",
            "names are made of the letters a to z, digits and `_`",
        )
        self._emit("NAME", word, start, self.at)

    def _unknown(self, char: str, start: int) -> None:
        twin = " " if char.isspace() else LOOK_ALIKES.get(char, "")
        if not self._known(char):
            message = f"`{char}` has no meaning here: {describe(char)}"
            shown = "a plain space" if twin == " " else f"`{twin}`"
            helps = [self._fix(f"write {shown}", start, self.at, twin)] if twin else []
            self._report("E0103", message, start, self.at, "", *helps)
        if twin == ";":
            self._separator(twin, start)
        elif twin == "":
            self._emit_bad(start)
        elif twin != " ":
            self._operator(twin, start)

    def _known(self, char: str) -> bool:
        known = self.unknown.get(char) == self.line_start
        self.unknown[char] = self.line_start
        return known


_NUMBER_AHEAD = re.compile(r"[ \t]+\d")
_NON_ASCII_WORD = re.compile(r"\w+")
_PAIRS = {"(": ")", "[": "]", "in {": "}", "{": "}"}
_PAIR_KINDS = {"(": "RPAR", "[": "RSQB", "in {": "_CHOICES_END"}
_BRACKETS = {
    "(": Lexer._open_round,
    "[": Lexer._push,
    "{": Lexer._open_brace,
    ")": Lexer._close_round,
    "]": Lexer._close_round,
    "}": Lexer._close_brace,
}


def split_dims(text: str, start: int) -> Iterator[Token]:
    """`3x3` as the tokens of `3 × 3`."""
    for part in re.finditer(r"\d+|[A-Z]|[x×]", text):
        sign = part[0]
        kind = "TIMES" if sign in "x×" else "NUMBER" if sign[0].isdigit() else "NAME"
        yield kind, sign, start + part.start(), start + part.end()


_POWERS = {"%": -2, "K": 3, "M": 6, "G": 9, "T": 12}


def number_value(text: str) -> int | float | None:
    """The value of a number as written, exact where it is whole; None if it is too large.

    >>> number_value("4.09G"), number_value("40%"), number_value("1_000")
    (4090000000, 0.4, 1000)
    """
    if text.isdigit():
        return int(text) if len(text) <= MAX_DIGITS else None
    power = _POWERS.get(text[-1])
    digits = text.replace("_", "") if power is None else text[:-1].replace("_", "")
    if power is None and digits.isdigit():
        return int(digits) if len(digits) <= MAX_DIGITS else None
    mantissa, _, exponent = digits.lower().partition("e")
    whole, _, fraction = mantissa.partition(".")
    if len(exponent) > 5 or len(mantissa) > 100:
        return None
    shift = int(exponent or 0) + (power or 0) - len(fraction)
    if power is not None:
        value = _whole(whole + fraction, shift)
        if value is not None:
            return value
    number = float(f"{whole}{fraction}e{shift}")
    return number if number < 1e19 else None


def _whole(digits: str, shift: int) -> int | None:
    """`digits` × 10^shift if that is a whole number of at most 19 digits."""
    if shift < 0 and digits[shift:].strip("0") == "":
        digits, shift = digits[:shift] or "0", 0
    if shift < 0 or len(digits.lstrip("0")) + shift > MAX_DIGITS:
        return None
    return int(digits + "0" * shift)


def spelling_of_number(text: str) -> str:
    """How something that looks like a number should be written, or ""."""
    if re.fullmatch(r"\d+\.+", text):
        return text.rstrip(".")
    if re.fullmatch(r"\.\d+", text):
        return "0" + text
    if re.fullmatch(r"\d+(?:X\d+)+", text):
        return text.replace("X", "x")
    if found := re.fullmatch(r"((?:\d+x)+)([A-Za-z_]\w*)", text):
        return found[1].replace("x", "×") + found[2]
    return ""


def describe(char: str) -> str:
    """Code point and name of a character."""
    import unicodedata

    return f"U+{ord(char):04X} {unicodedata.name(char, 'without a name').lower()}"
