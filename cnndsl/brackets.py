"""Matching brackets, and finding the one that was forgotten.

An unclosed bracket is noticed far from where it was opened, so the lexer looks
for signs on the way: `}`, `|` and `;` never stand in parentheses, and neither
does a line that begins like a statement. For braces the indentation tells: a `}`
that stands further left than the line it closes leaves a brace open, one that
stands further right closes too much.
"""

from __future__ import annotations

import re

from ._tables import PATTERNS
from .diagnostics import Help, Label
from .scanner import OPERAND_ENDS, Scanner
from .source import Source

MAX_NESTING = 64
LOOK_AHEAD = 4000

WORD = r"(?:{TEMPLATE}|{INTNAME}|{NAME})".format(**dict(PATTERNS))
_WORD = re.compile(WORD)
_INDENT = re.compile(r"[ \t]*")
_ITEM_LINE = re.compile(r"(?:(?:block|model|dialect)[ \t]+[A-Za-z_]\w*[ \t]*[({=]|rule[ \t]+\w)")
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
    rf"|{WORD}:[ \t]+[A-Za-z0-9_{{]"
    r"|\})"
)
_SIGN = re.compile(r'[()\[\]{}|;]|"[^"\n]*"|#[^\n]*')

_OF_BRANCHES = {"FOR": "_EACH", "IF": "_WHEN"}  # the kind of word when `|` begins its body
_CLOSERS = {"(": ")", "[": "]", "in {": "}", "{": "}"}
_CLOSER_KINDS = {"(": "RPAR", "[": "RSQB", "in {": "_CHOICES_END", "{": "RBRACE"}


class Bracket:
    """An open bracket, with what held outside it."""

    __slots__ = ("closer", "indent", "level", "operators", "start", "statement", "text", "word")

    def __init__(self, text: str, start: int, indent: int, outside: Brackets) -> None:
        self.text = text
        self.start = start
        self.indent = indent  # of its line
        self.level = outside.level
        self.operators = outside.operators
        self.statement = outside.statement  # the kind of the word whose body it opens
        self.word = outside.word  # and its number
        self.closer = -1  # where it is closed, when that was looked up

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
        self.early: int | None = None  # a `}` that may close too much
        self.blamed: int | None = None  # and one that does
        self.surplus: set[int] = set()  # those blamed in an earlier run

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
        if self.in_parentheses and self.previous == "IN":
            self.push("_CHOICES", "in {", start)
            return
        self.forget_parentheses(start, "a body starts here")
        self.push(kind, text, start)
        self.operators = 0
        self.statement = ""

    def push(self, kind: str, text: str, start: int, indent: int | None = None) -> None:
        indent = self.indent() if indent is None else indent
        bracket = Bracket(text, start, indent, self)
        self._suspect_outer(bracket)
        self.brackets.append(bracket)
        self.emit(kind, text, start, self.at)
        self.enter(start)

    def open_branches(self) -> None:
        """The first branch begins: a `for` or `if` whose body it begins is one of branches."""
        for bracket in reversed(self.brackets):
            if bracket.statement not in _OF_BRANCHES:
                break
            kind, text, start, end = self.tokens[bracket.word]
            self.tokens[bracket.word] = (_OF_BRANCHES.get(kind, kind), text, start, end)
            if self.tokens[bracket.word - 1][0] != "LBRACE":
                break

    def enter(self, start: int) -> None:
        """Go one level deeper."""
        self.level += 1
        if self.level <= MAX_NESTING or not self.complete:
            return
        message = f"the nesting is too deep: {MAX_NESTING} levels are the limit"
        self.report("E0602", message, start, start + 1, help=["name the inner parts as blocks"])
        self.complete = False
        self.at = self.end

    def indent(self) -> int:
        """The width of the blanks that the line begins with."""
        found = _INDENT.match(self.text, self.line_start)
        return found.end() - self.line_start if found else 0

    def _suspect_outer(self, inner: Bracket) -> None:
        """A body's line that stands no further right than the body around it is odd."""
        if not self.brackets:
            self.early = self.early if inner.indent else None
            return
        outer = self.brackets[-1]
        is_below = inner.text == "{" and outer.start < self.line_start <= inner.start
        if is_below and inner.indent <= outer.indent and self.suspect is None:
            self.suspect = outer, inner.start

    # ---------------------------------------------------------------- closing

    def close_round(self, kind: str, text: str, start: int) -> None:
        if not self.in_parentheses:
            self._close_nothing(text, start)
            return
        bracket = self._pop()
        right = _CLOSERS[bracket.text]
        if right != text and self.in_parentheses and _CLOSERS[self.brackets[-1].text] == text:
            self._report_unclosed(bracket, start, f"this `{text}` closes a bracket around it")
            self.emit(_CLOSER_KINDS[bracket.text], right, start, start)
            bracket, right = self._pop(), text
        elif right != text:
            self._report_mismatch(bracket, right, text, start)
        self.emit(_CLOSER_KINDS[bracket.text], right, start, self.at)

    def _report_mismatch(self, bracket: Bracket, right: str, text: str, start: int) -> None:
        self.report(
            "E0102",
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
        self.forget_parentheses(start, "its body ends here")
        if not self.brackets or start in self.surplus:
            self._close_nothing(text, start)
            return
        self._suspect_closer(self._pop(), start)
        self.emit(kind, text, start, self.at)

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
            return
        if column > bracket.indent and self.early is None:
            self.early = start
        elif column < bracket.indent and self.suspect is None and self.brackets:
            self.suspect = bracket, start

    def _close_nothing(self, text: str, start: int) -> None:
        if text == "}" and start not in self.surplus and self.blamed is None:
            self.blamed = self.early
        remove = self.fix("remove it", start, self.at, "")
        self.report("E0102", f"this `{text}` closes nothing", start, self.at, help=[remove])

    # ------------------------------------------------------ what was forgotten

    def forget_parentheses(self, start: int | None, why: str = "") -> None:
        """Report the innermost open `(` or `[`, and close all up to the next brace."""
        if not self.in_parentheses:
            return
        innermost = self.brackets[-1]
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
            why = "this stands further left than the body it is in"
        self._report_unclosed(bracket, start, why)
        self.suspect = None
        self.gap = None
        end = self.last_end
        while self.brackets:
            self._pop()
            self.emit("RBRACE", "", end, end)

    def _report_unclosed(self, bracket: Bracket, start: int | None, why: str) -> None:
        end = self.last_end
        label = Label(self.span(end, end), "the file ends here")
        if start is not None:
            label = Label(self.span(start, self._word_end(start)), why)
        self.report(
            "E0102",
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

    def starts_item(self) -> bool:
        """Whether the line that begins here is an item, although braces are open."""
        return bool(self.brackets) and bool(_ITEM_LINE.match(self.text, self.at, self.end))

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
        if self.previous not in OPERAND_ENDS or not _OPERAND_LINE.match(self.text, start):
            return False
        return not self.closes_later(start)  # if it does, a comma is missing

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
