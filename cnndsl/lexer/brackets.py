"""Brackets that open and close, and the braces that look wrong.

The indentation tells: a `}` that stands further left than the line it closes leaves
a brace open, one that stands further right closes too much.
"""

from __future__ import annotations

from ..diagnostics import Label
from ..limits import NESTING
from .scanner import CLAUSE_WORDS
from .unclosed import CLOSER_KINDS, CLOSERS, WITH_PARAMETERS, Bracket, Mend, Unclosed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..source import Source

_OF_BRANCHES = {"FOR": "_EACH", "IF": "_WHEN"}  # the kind of word when `|` begins its body
_CLAUSES = frozenset(CLAUSE_WORDS.values())
# Statements whose bodies are not repeated.
_ONCE = WITH_PARAMETERS | {"DIALECT", "STAGE", "FOR", "IF", "ELSE"}


class Brackets(Unclosed):
    """A scanner that opens and closes brackets."""

    def __init__(self, source: Source, start: int, end: int) -> None:
        super().__init__(source, start, end)
        self.early: Mend | None = None  # a `}` that may close too much
        self.bare: Mend | None = None  # the end of a line that may lack its `{`

    # ---------------------------------------------------------------- opening

    def open_round(self, kind: str, text: str, start: int) -> None:
        attached = self.previous == "NAME" and self.tokens[-1][3] == start
        self.push("_CALL" if attached else kind, text, start)

    def open_brace(self, kind: str, text: str, start: int) -> None:
        kinds = [token[0] for token in self.tokens[-2:]]
        follows_name = kinds in (["NAME", "IN"], ["BAD", "IN"])
        if follows_name and (self.in_parentheses or self.statement in WITH_PARAMETERS):
            self.push("_CHOICES", "in {", start)
            return
        self.forget_parentheses(start, "a body starts here")
        if self.statement in _CLAUSES and not self.text[self.at : self.line_end(self.at)].strip():
            help = self.fix("remove it", start, self.at, "")
            self.blame("a clause of a rule has no body", start, self.at, help=[help])
            return
        indent = self._indent_of_statement()
        if self.previous == "ELSE":
            self.statement = "ELSE"
        self.push(kind, text, start, indent)
        self.operators = 0
        self.statement = ""

    def _indent_of_statement(self) -> int:
        """The indentation of the line that a header begins on."""
        begins = self.tokens[self.word][2] if self.statement else self.line_start
        if begins >= self.line_start:
            return self.indent()
        return self.indent_of(self.text.rfind("\n", 0, begins) + 1)

    def push(self, kind: str, text: str, start: int, indent: int | None = None) -> None:
        if text in ("(", "[") and self.is_first and not self.follows_label:
            help = "a statement begins with a word, a window or a label: `conv(3x3, 64)`"
            message = f"a statement does not begin with `{text}`"
            self.blame(message, start, self.at, help=[help])
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

    # ---------------------------------------------------------------- closing

    def close_round(self, kind: str, text: str, start: int) -> None:
        if not self.in_parentheses:
            self._close_nothing(text, start)
            return
        if CLOSERS[self.brackets[-1].text] != text and self.closes_later(self.at):
            self._close_nothing(text, start)
            return
        if self._parameters_go_on():
            remove = self.fix("remove it", start, self.at, "")
            self.blame("the list goes on behind this `)`", start, self.at, help=[remove])
            return
        bracket = self.pop()
        right = CLOSERS[bracket.text]
        if start - self.line_start == self.indent() < bracket.indent:
            self.odd = bracket  # this may be meant to close another one
        if right != text and self.in_parentheses and CLOSERS[self.brackets[-1].text] == text:
            self.report_unclosed(bracket, start, f"this `{text}` closes a bracket around it")
            self.emit(CLOSER_KINDS[bracket.text], right, start, start)
            bracket, right = self.pop(), text
        elif right != text:
            self._report_mismatch(bracket, right, text, start)
        self.emit(CLOSER_KINDS[bracket.text], right, start, self.at)

    def _parameters_go_on(self) -> bool:
        """Whether a `)` of a header is followed by more parameters and another `)`."""
        is_outermost = [b.text for b in self.brackets[-2:]] in (["("], ["{", "("])
        return is_outermost and self.parameter_follows() and self.closes_later(self.at)

    def _report_mismatch(self, bracket: Bracket, right: str, text: str, start: int) -> None:
        self.blame(
            f"`{bracket.text[-1]}` is closed by `{right}`, not by `{text}`",
            start,
            self.at,
            also=[Label(self.span(bracket.start, bracket.start + 1), "opened here")],
            help=[self.fix(f"write `{right}`", start, self.at, right)],
        )

    def close_brace(self, kind: str, text: str, start: int) -> None:
        if self.in_parentheses and "in {" in [bracket.text for bracket in self.brackets[-2:]]:
            self._close_choices(text, start)
            return
        if self.in_parentheses and (first := self._first_choice()) is not None:
            help = self.fix("write it before the first choice", first, first, "{")
            self.blame("the `{` of these choices is missing", start, self.at, help=[help])
            return
        self.forget_parentheses(start, "its body ends here")
        if not self.brackets or (start, "-}") in self.mended:
            self._close_nothing(text, start)
            return
        if self._repeats_nothing():
            self._report_unopened(start)
            return
        bracket = self.pop()
        self._suspect_closer(bracket, start)
        self.after_branches = self.tokens[bracket.word][0] in ("_EACH", "_WHEN")
        self.emit(kind, text, start, self.at)

    def _close_choices(self, text: str, start: int) -> None:
        bracket = self.pop()
        if bracket.text != "in {":
            place = bracket.start, bracket.start + 1
            remove = self.fix("remove it: choices are names alone", *place, "")
            self.blame(f"this `{bracket.text}` is never closed", *place, help=[remove])
            self.emit(CLOSER_KINDS[bracket.text], CLOSERS[bracket.text], start, start)
            self.pop()
        self.emit("_CHOICES_END", text, start, self.at)

    def _repeats_nothing(self) -> bool:
        """Whether `} × 3` would close a body from a line above that is not repeated."""
        bracket = self.brackets[-1]
        is_body = bracket.statement in _ONCE and bracket.start < self.line_start
        return is_body and self.repeat_follows()

    def _report_unopened(self, start: int) -> None:
        first = self.line_start + self.indent()
        help = self.fix("write it where the body begins", first, first, "{ ")
        message = "the `{` of this repeated body is missing"
        self.blame(message, start, self.at, help=[help])
        self.emit_bad(start)

    def _first_choice(self) -> int | None:
        """Where `act in relu, gelu}` has its first choice, at the end of it; None elsewhere."""
        for token in reversed(self.tokens):
            if token[0] == "IN":
                return token[3] + 1
            if token[0] not in ("NAME", "COMMA", "NUMBER", "TRUE", "FALSE", "NOT"):
                return None
        return None

    def _close_nothing(self, text: str, start: int) -> None:
        if text == "}" and (start, "-}") not in self.mended and self.blamed is None:
            self.blamed = min(filter(None, (self.early, self.bare)), default=None)
        remove = self.fix("remove it", start, self.at, "")
        self.blame(f"this `{text}` closes nothing", start, self.at, help=[remove])

    # --------------------------------------------------------------- suspects

    def _suspect_outer(self, inner: Bracket) -> None:
        """A body's line that stands no further right than the body around it is odd."""
        if not self.brackets:
            return
        outer = self.brackets[-1]
        is_below = inner.text == "{" and outer.start < self.line_start <= inner.start
        if is_below and inner.indent <= outer.indent and self.suspect is None:
            self.suspect = outer, self.line_start + inner.indent

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
        begins = found[2].isalnum() or found[2] in "_{|"
        if inner is not None and len(found[1]) <= inner.indent and begins:
            self.suspect = self.suspect or (inner, found.start(2))
            return
        is_deeper = len(found[1]) > (indent if inner else 0)
        if self.bare is None and self.last_end > line and is_deeper:
            has_brace = self.previous == "LBRACE" or self.text.startswith("|", line + indent)
            self.bare = None if has_brace else (start, "+{")

    def _goes_on(self, bracket: Bracket) -> bool:
        """Whether the body that was just closed goes on in the next line."""
        found = self.next_line()
        if not found:
            return False
        indent = len(found[1])
        return indent > bracket.indent or (indent == bracket.indent and found[2] == "}")
