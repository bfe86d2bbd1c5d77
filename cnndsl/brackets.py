"""Matching brackets, and finding the one that was forgotten.

An unclosed bracket is noticed far from where it was opened, so the lexer looks
for signs on the way: `}`, `|` and `;` never stand in parentheses, and neither
does a line that begins like a statement. For braces the indentation tells: a `}`
that stands further left than the line it closes leaves a brace open, one that
stands further right closes too much.
"""

from __future__ import annotations

import re
from collections import Counter

from ._tables import PATTERNS
from .diagnostics import Help, Label, did_you_mean
from .limits import NESTING
from .scanner import CLAUSE_WORDS, OPERAND_ENDS, STATEMENT_WORDS, Scanner
from .source import Source

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

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
_RULE = re.compile(r"(?:[^\n]|\n(?=[\s#}]))*?(?:=>|⇒|[\n{][ \t]*(?:transform|keeps) )")
_ITEM_LINE = re.compile(r"(?:block|model|dialect|rule|use)\b(?!:)")
_OPERAND_LINE = re.compile(r"[ \t]*(?!(?:if|else|and|or|not|in|then)\b)[A-Za-z0-9_]")
_STATEMENT_LINE = re.compile(
    r"[ \t]*(?:"
    r"(?:let|block|model) +[A-Za-z_]\w* *[({=]"
    r"|dialect +\w+ *[{=]"
    r"|(?:rule|keeps|weights|transform) +[A-Za-z_]"
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
_SIGN = re.compile(r'[()\[\]{}|;]|"[^"\n]*"|#[^\n]*')

_BOUNDS = frozenset(("_SEP", "LBRACE", "RBRACE", "BAR", "IMPLIES"))  # of statements
_OF_BRANCHES = {"FOR": "_EACH", "IF": "_WHEN"}  # the kind of word when `|` begins its body
_WITH_PARAMETERS = frozenset(("BLOCK", "MODEL", "VARIANT", "RULE"))
_CLAUSES = frozenset(CLAUSE_WORDS.values())
_CLOSERS = {"(": ")", "[": "]", "in {": "}", "{": "}"}
_CLOSER_KINDS = {"(": "RPAR", "[": "RSQB", "in {": "_CHOICES_END", "{": "RBRACE"}

FURTHER_LEFT = "this stands further left than the body it is in"

Mend = tuple[int, str]
"""A place, and what to do there: "-}" without the brace, "+{" and "+}" with one more."""


class Bracket:
    """An open bracket, with what held outside it."""

    __slots__ = (
        "closer",
        "has_branches",
        "indent",
        "level",
        "operators",
        "start",
        "statement",
        "text",
        "word",
    )

    def __init__(self, text: str, start: int, indent: int, outside: Brackets) -> None:
        self.text = text
        self.start = start
        self.indent = indent  # of its line
        self.level = outside.level
        self.operators = outside.operators
        self.statement = outside.statement  # the kind of the word whose body it opens
        self.word = outside.word  # and its number
        self.closer = -1  # where it is closed, when that was looked up
        self.has_branches = False

    @property
    def is_rule(self) -> bool:
        return self.statement == "RULE"


class Brackets(Scanner):
    """A scanner that keeps the open brackets."""

    def __init__(self, source: Source, start: int, end: int) -> None:
        super().__init__(source, start, end)
        self.brackets: list[Bracket] = []
        self.level = 0  # of nesting: brackets, braces and `else if`s
        self.suspect: tuple[Bracket, int] | None = None  # a brace that may be unclosed
        self.odd: Bracket | None = None  # of parentheses, which may be unclosed
        self.early: Mend | None = None  # a `}` that may close too much
        self.bare: Mend | None = None  # the end of a line that may lack its `{`
        self.blamed: Mend | None = None  # what must be wrong
        self.known: re.Match[str] | None = None  # the next line, asked for at an earlier one
        self.known_to = start  # up to here that is the answer
        self.mended: Counter[Mend] = Counter()  # what was wrong in earlier runs
        self.settled = -1  # the start of the last statement whose brackets were reported

    @property
    def in_parentheses(self) -> bool:
        """Whether the innermost open bracket is not a body's."""
        return bool(self.brackets) and self.brackets[-1].text != "{"

    @property
    def in_rule(self) -> bool:
        """Whether the innermost open bracket is the `{` of a rule."""
        return not self.in_parentheses and bool(self.brackets) and self.brackets[-1].is_rule

    # ---------------------------------------------------------------- opening

    def open_round(self, kind: str, text: str, start: int) -> None:
        attached = self.previous == "NAME" and self.tokens[-1][3] == start
        self.push("_CALL" if attached else kind, text, start)

    def open_brace(self, kind: str, text: str, start: int) -> None:
        follows_name = self.previous == "IN" and self.tokens[-2][0] == "NAME"
        if follows_name and (self.in_parentheses or self.statement in _WITH_PARAMETERS):
            self.push("_CHOICES", "in {", start)
            return
        self.forget_parentheses(start, "a body starts here")
        if self.statement in _CLAUSES and not self.text[self.at : self.line_end(self.at)].strip():
            help = self.fix("remove it", start, self.at, "")
            self._blame("a clause of a rule has no body", start, self.at, help=[help])
            return
        self.push(kind, text, start)
        self.operators = 0
        self.statement = ""

    def push(self, kind: str, text: str, start: int, indent: int | None = None) -> None:
        if text in ("(", "[") and self.is_first and not self.follows_label:
            help = "a statement begins with a word, a window or a label: `conv(3x3, 64)`"
            message = f"a statement does not begin with `{text}`"
            self._blame(message, start, self.at, help=[help])
            return
        indent = self.indent() if indent is None else indent
        bracket = Bracket(text, start, indent, self)
        self._suspect_outer(bracket)
        self.brackets.append(bracket)
        self.emit(kind, text, start, self.at)
        self.enter(start)

    def open_branches(self) -> None:
        """The first branch begins: a `for` or `if` whose body it begins is one of branches."""
        for bracket in reversed(self.brackets):
            bracket.has_branches = True
            if bracket.statement not in _OF_BRANCHES:
                break
            kind, text, start, end = self.tokens[bracket.word]
            self.tokens[bracket.word] = (_OF_BRANCHES.get(kind, kind), text, start, end)
            if self.tokens[bracket.word - 1][0] != "LBRACE":
                break

    def enter(self, start: int) -> None:
        """Go one level deeper."""
        self.level += 1
        if self.level <= NESTING.cap or not self.complete:
            return
        message = f"the nesting is too deep: {NESTING.cap} levels are the limit"
        self.report(NESTING.code, message, start, start + 1, help=[NESTING.help])
        self.complete = False
        self.at = self.end

    def indent(self) -> int:
        """The width of the blanks that the line begins with."""
        return self._indent_of(self.line_start)

    def _indent_of(self, line: int) -> int:
        found = _INDENT.match(self.text, line)
        return found.end() - line if found else 0

    def _suspect_outer(self, inner: Bracket) -> None:
        """A body's line that stands no further right than the body around it is odd."""
        if not self.brackets:
            return
        outer = self.brackets[-1]
        is_below = inner.text == "{" and outer.start < self.line_start <= inner.start
        if is_below and inner.indent <= outer.indent and self.suspect is None:
            self.suspect = outer, self.line_start + inner.indent

    # ---------------------------------------------------------------- closing

    def close_round(self, kind: str, text: str, start: int) -> None:
        if not self.in_parentheses:
            self._close_nothing(text, start)
            return
        if _CLOSERS[self.brackets[-1].text] != text and self.closes_later(self.at):
            self._close_nothing(text, start)
            return
        bracket = self._pop()
        right = _CLOSERS[bracket.text]
        if start - self.line_start == self.indent() < bracket.indent:
            self.odd = bracket  # this may be meant to close another one
        if right != text and self.in_parentheses and _CLOSERS[self.brackets[-1].text] == text:
            self._report_unclosed(bracket, start, f"this `{text}` closes a bracket around it")
            self.emit(_CLOSER_KINDS[bracket.text], right, start, start)
            bracket, right = self._pop(), text
        elif right != text:
            self._report_mismatch(bracket, right, text, start)
        self.emit(_CLOSER_KINDS[bracket.text], right, start, self.at)

    def _report_mismatch(self, bracket: Bracket, right: str, text: str, start: int) -> None:
        self._blame(
            f"`{bracket.text[-1]}` is closed by `{right}`, not by `{text}`",
            start,
            self.at,
            also=[Label(self.span(bracket.start, bracket.start + 1), "opened here")],
            help=[self.fix(f"write `{right}`", start, self.at, right)],
        )

    def close_brace(self, kind: str, text: str, start: int) -> None:
        if self.in_parentheses and self.brackets[-1].text == "in {":
            self._pop()
            self.emit("_CHOICES_END", text, start, self.at)
            return
        if self.in_parentheses and (first := self._first_choice()) is not None:
            help = self.fix("write it before the first choice", first, first, "{")
            self._blame("the `{` of these choices is missing", start, self.at, help=[help])
            return
        self.forget_parentheses(start, "its body ends here")
        if not self.brackets or (start, "-}") in self.mended:
            self._close_nothing(text, start)
            return
        self._suspect_closer(self._pop(), start)
        self.emit(kind, text, start, self.at)

    def _first_choice(self) -> int | None:
        """Where `act in relu, gelu}` has its first choice, at the end of it; None elsewhere."""
        for token in reversed(self.tokens):
            if token[0] == "IN":
                return token[3] + 1
            if token[0] not in ("NAME", "COMMA", "NUMBER", "TRUE", "FALSE", "NOT"):
                return None
        return None

    def _pop(self) -> Bracket:
        bracket = self.brackets.pop()
        self.level = bracket.level
        return bracket

    def _suspect_closer(self, bracket: Bracket, start: int) -> None:
        """Remember the first `}` whose column is not that of the line it closes."""
        column = start - self.line_start
        if not self.brackets:
            self.suspect = None
        if column == bracket.indent or bracket.start >= self.line_start:
            return
        if self.text[self.line_start : start].strip(" \t"):
            if self.early is None and self._goes_on(bracket):
                self.early, self.bare = (start, "-}"), None
            return
        if column > bracket.indent and self.early is None:
            self.early = start, "-}"
        elif column < bracket.indent and self.suspect is None and self.brackets:
            self.suspect = bracket, start

    def next_line(self) -> re.Match[str] | None:
        """The next line that is no comment: its indentation and its first character.

        Asked at the end of each of the lines between, so the answer is kept.
        """
        if self.at >= self.known_to:
            self.known = _NEXT_LINE.match(self.text, self.at, self.end)
            self.known_to = self.known.start(2) + 1 if self.known else self.end
        return self.known

    def suspect_line(self, start: int, line: int, indent: int) -> None:
        """Remember the first line that may lack its `{`, or stand behind a `}` that is missing."""
        found = self.next_line()
        if not found:
            return
        if not found[1] and not self.brackets:
            if found[2].isalnum():  # the next item
                self.early = self.bare = None
            return
        inner = self.brackets[-1] if self.brackets else None
        if inner is not None and len(found[1]) <= inner.indent and found[2] != "}":
            self.suspect = self.suspect or (inner, found.start(2))
        elif (
            self.bare is None and self.last_end > line and len(found[1]) > (indent if inner else 0)
        ):
            has_brace = self.previous == "LBRACE" or self.text.startswith("|", line + indent)
            self.bare = None if has_brace else (start, "+{")

    def _goes_on(self, bracket: Bracket) -> bool:
        """Whether the body that was just closed goes on in the next line."""
        found = self.next_line()
        if not found:
            return False
        indent = len(found[1])
        return indent > bracket.indent or (indent == bracket.indent and found[2] == "}")

    def _close_nothing(self, text: str, start: int) -> None:
        if text == "}" and (start, "-}") not in self.mended and self.blamed is None:
            self.blamed = min(filter(None, (self.early, self.bare)), default=None)
        remove = self.fix("remove it", start, self.at, "")
        self._blame(f"this `{text}` closes nothing", start, self.at, help=[remove])

    def _blame(self, message: str, start: int, end: int, label: str = "", **more: Any) -> None:
        """Report a bracket, if no other one of the statement was: one missing makes two wrong."""
        if not self.settle():
            self.report("E0102", message, start, end, label, **more)

    def settle(self) -> bool:
        """Let no bracket of this statement be reported; whether that was so already."""
        begins = self.last_end
        if self.gap is None:
            bounds = (token[3] for token in reversed(self.tokens) if token[0] in _BOUNDS)
            begins = next(bounds, 0)
        was, self.settled = self.settled, begins
        return was == begins

    # ------------------------------------------------------ what was forgotten

    def forget_parentheses(self, start: int | None, why: str = "") -> None:
        """Report the innermost open `(` or `[`, and close all up to the next brace."""
        if not self.in_parentheses:
            return
        innermost = self.brackets[-1]
        if self.odd is not None and self.odd.start > innermost.start:
            innermost = self.odd
        while self.in_parentheses:
            self._pop()
        self._report_unclosed(innermost, start, why)
        self.emit_bad(self.last_end)

    def forget_braces(self, item: int | None) -> None:
        """Close all braces: the next item, or the end of the file, has been reached."""
        if not self.brackets:
            return
        bracket, start, why = self.brackets[0], item, ""
        if item is not None:
            why = f"a new `{self.text[item : self._word_end(item)]}` starts here"
        if self.suspect is not None and self.suspect[0].start >= bracket.start:
            bracket, start = self.suspect
            if start != item:
                why = FURTHER_LEFT
                self.blamed = self.blamed or (start, "+}")
        self._report_unclosed(bracket, start, why)
        self.suspect = None
        self.gap = None
        end = self.last_end
        while self.brackets:
            self._pop()
            self.emit("RBRACE", "", end, end)

    def closes_before(self) -> bool:
        """Close what an earlier run found unclosed at the line that begins here."""
        start = self.at + self._indent_of(self.at)
        missing = self.mended[start, "+}"]
        for _ in range(missing):
            self._close_unclosed(start, FURTHER_LEFT)
        return missing > 0

    def _close_unclosed(self, start: int, why: str) -> None:
        self._report_unclosed(self._pop(), start, why)
        self.emit("RBRACE", "", self.last_end, self.last_end)

    def forget_bodies_of_branch(self, start: int) -> None:
        """Close what is open in a branch: another one begins, and no body inside has branches."""
        depths = [i for i, bracket in enumerate(self.brackets) if bracket.has_branches]
        while depths and len(self.brackets) > depths[-1] + 1:
            self._close_unclosed(start, "another branch starts here")

    def forget_body_of_if(self, start: int) -> None:
        """Close a body before an `else` that begins a statement."""
        if not self.in_parentheses and self.brackets and self.brackets[-1].statement == "IF":
            self._close_unclosed(start, "`else` follows the `}` of an `if`")

    def forget_bodies_of_side(self, start: int) -> None:
        """Close what is open in the side of a rule: the other side begins."""
        if any(bracket.is_rule for bracket in self.brackets):
            while not self.brackets[-1].is_rule:
                self._close_unclosed(start, "the other side starts here")

    def _report_unclosed(self, bracket: Bracket, start: int | None, why: str) -> None:
        end = self.last_end
        label = Label(self.span(end, end), "the file ends here")
        if start is not None:
            label = Label(self.span(start, self._word_end(start)), why)
        self._blame(
            f"this `{bracket.text[-1]}` is never closed",
            bracket.start,
            bracket.start + 1,
            "opened here",
            also=[label],
            help=[self._closer(bracket, start)],
        )

    def _closer(self, bracket: Bracket, start: int | None) -> Help:
        """The edit that closes a bracket before `start`, where something else begins."""
        sign = _CLOSERS[bracket.text]
        ends = (token[3] for token in reversed(self.tokens) if start is None or token[3] <= start)
        end = next(ends, self.last_end)
        text = sign
        if end <= bracket.start + 1:  # nobody means an empty body
            return Help(f"close it with `{sign}`")
        if bracket.text == "{" and "\n" in self.text[bracket.start : end]:
            line_end = self.text.find("\n", end, self.end)
            end = line_end if line_end >= 0 else self.end
            text = f"\n{' ' * bracket.indent}{sign}"
        elif bracket.text == "{":
            text = f" {sign}"
        return self.fix(f"close it with `{sign}`", end, end, text)

    def _word_end(self, start: int) -> int:
        found = _WORD.match(self.text, start, self.end)
        return found.end() if found else min(start + 1, self.end)

    # ------------------------------------------------------------------ lines

    def word_meant(self, word: str) -> str | None:
        """What an item or a statement should begin with, whose first word was just read."""
        rest = self.text[self.at : self.line_end(self.at)]
        forms = _STATEMENT_FORMS if self.brackets else _ITEM_FORMS
        fits = [name for name, form in forms.items() if form.match(rest)]
        return did_you_mean(word, fits) or (word.lower() if word.lower() in fits else None)

    def item_like(self, start: int) -> str:
        """The word of the item that a header and a body look most like."""
        header, _, body = self.text[start : start + LOOK_AHEAD].partition("{")
        if _RULE.match(self.text, start, self.end):
            return "rule"
        if _SETTING.match(body):
            return "dialect"
        return "model" if "=" in header.partition("(")[0] else "block"

    def line_end(self, start: int) -> int:
        end = self.text.find("\n", start, self.end)
        return end if end >= 0 else self.end

    def starts_item(self) -> bool:
        """Whether the line that begins here is an item, although braces are open."""
        if not self.brackets:
            return False
        return bool(_ITEM_LINE.match(self.text, self.at, self.end)) or self._is_misspelt_item()

    def _is_misspelt_item(self) -> bool:
        """Whether it would be one but for its word: no statement is two words and a `{`."""
        found = TWO_WORDS.match(self.text, self.at, self.end)
        return found is not None and found[1] not in STATEMENT_WORDS

    @property
    def lacks_brace(self) -> bool:
        """Whether the next line begins with a `|` that no body around it allows."""
        found = self.next_line()
        if not found or found[2] != "|" or self.previous in ("LBRACE", "BAR", "IMPLIES"):
            return False
        if not self.brackets or self.brackets[-1].text != "{":
            return False
        return not self.brackets[-1].has_branches

    def runs_on(self, text: str) -> bool:
        """Whether a line's end or `;` means nothing, being in parentheses."""
        if text == ";":
            if not self.closes_later(self.at):
                self.forget_parentheses(self.at - 1, "the statement ends here")
            return False
        if not self._abandons(self.at):
            return True
        found = _INDENT.match(self.text, self.at)
        start = found.end() if found else self.at
        self.forget_parentheses(start, "the next statement starts here")
        return False

    def _abandons(self, start: int) -> bool:
        """Whether the line at `start` is a new statement although a bracket is open."""
        if _STATEMENT_LINE.match(self.text, start, self.end):
            return True
        is_operand = self.previous in OPERAND_ENDS and _OPERAND_LINE.match(self.text, start)
        if not is_operand and not _LABEL_LINE.match(self.text, start, self.end):
            return False
        if self._indent_of(start) <= self.brackets[-1].indent:
            return True
        return not self.closes_later(start)  # if it does, a comma is missing, or `:` is wrong

    def closes_later(self, start: int) -> bool:
        """Whether the open bracket is closed before the statement must be over."""
        bracket = self.brackets[-1]
        if bracket.closer >= start:
            return True
        depth = 0
        for found in _SIGN.finditer(self.text, start, min(self.end, start + LOOK_AHEAD)):
            sign = found[0]
            if sign in "{}|;":
                return False
            depth += (sign in "([") - (sign in ")]")
            if depth < 0:
                bracket.closer = found.start() if sign == _CLOSERS[bracket.text] else -1
                return bracket.closer >= 0
        return False
