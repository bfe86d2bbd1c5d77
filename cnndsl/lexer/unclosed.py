"""The open brackets, and the ones that were forgotten.

An unclosed bracket is noticed far from where it was opened, so the lexer looks
for signs on the way: `}`, `|` and `;` never stand in parentheses, and neither
does a line that begins like a statement. For braces the indentation tells, see
`brackets.py`.
"""

from __future__ import annotations

from collections import Counter

from ..diagnostics import Help, Label
from ..record import replace
from .lines import Lines
from .scanner import OPERAND_ENDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..source import Source

_BOUNDS = frozenset(("_SEP", "LBRACE", "RBRACE", "BAR", "IMPLIES"))  # of statements
WITH_PARAMETERS = frozenset(("BLOCK", "MODEL", "VARIANT", "RULE"))
_BEFORE_LISTS = ("BLOCK", "MODEL", "RULE", "EQUAL")  # and a name
CLOSERS = {"(": ")", "[": "]", "in {": "}", "{": "}"}
CLOSER_KINDS = {"(": "RPAR", "[": "RSQB", "in {": "_CHOICES_END", "{": "RBRACE"}

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
        "reported",
        "start",
        "statement",
        "text",
        "word",
    )

    def __init__(self, text: str, start: int, indent: int, outside: Unclosed) -> None:
        self.text = text
        self.start = start
        self.indent = indent  # of its line
        self.level = outside.level
        self.operators = outside.operators
        self.statement = outside.statement  # the kind of the word whose body it opens
        self.word = outside.word  # and its number
        self.closer = -1  # where it is closed, when that was looked up
        self.has_branches = False
        self.reported = -1  # the number of the message that it is missing

    @property
    def is_rule(self) -> bool:
        return self.statement == "RULE"


class Unclosed(Lines):
    """A scanner that keeps the open brackets."""

    def __init__(self, source: Source, start: int, end: int) -> None:
        super().__init__(source, start, end)
        self.brackets: list[Bracket] = []
        self.level = 0  # of nesting: brackets, braces and `else if`s
        self.suspect: tuple[Bracket, int] | None = None  # a brace that may be unclosed
        self.odd: Bracket | None = None  # of parentheses, which may be unclosed
        self.blamed: Mend | None = None  # what must be wrong
        self.mended: Counter[Mend] = Counter()  # what was wrong in earlier runs
        self.after_branches = False  # whether the last `}` ended those of a `for` or `if`
        self.settled = -1  # the start of the last statement whose brackets were reported

    @property
    def in_parentheses(self) -> bool:
        """Whether the innermost open bracket is not a body's."""
        return bool(self.brackets) and self.brackets[-1].text != "{"

    @property
    def in_rule(self) -> bool:
        """Whether the innermost open bracket is the `{` of a rule."""
        return not self.in_parentheses and bool(self.brackets) and self.brackets[-1].is_rule

    def pop(self) -> Bracket:
        bracket = self.brackets.pop()
        self.level = bracket.level
        return bracket

    def blame(self, message: str, start: int, end: int, label: str = "", **more: Any) -> None:
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

    # ------------------------------------------------------------ parentheses

    def forget_parentheses(self, start: int | None, why: str = "") -> None:
        """Report the innermost open `(` or `[`, and close all up to the next brace."""
        if not self.in_parentheses:
            return
        innermost = self.brackets[-1]
        if self.odd is not None and self.odd.start > innermost.start:
            innermost = self.odd
        while self.in_parentheses:
            self.pop()
        self.report_unclosed(innermost, start, why)
        self.emit_bad(self.last_end)

    def runs_on(self, text: str) -> bool:
        """Whether a line's end or `;` means nothing, being in parentheses."""
        if text == ";":
            if not self.closes_later(self.at):
                self.forget_parentheses(self.at - 1, "the statement ends here")
            return False
        if not self._abandons(self.at):
            return True
        start = self.at + self.indent_of(self.at)
        self.forget_parentheses(start, "the next statement starts here")
        return False

    def _abandons(self, start: int) -> bool:
        """Whether the line at `start` is a new statement although a bracket is open."""
        if self.is_statement(start):
            return True
        is_operand = self.previous in OPERAND_ENDS and self.begins_operand(start)
        if not is_operand and not self.is_labelled(start):
            return False
        if self.indent_of(start) <= self.brackets[-1].indent:
            return True
        return not self.closes_later(start)  # if it does, a comma is missing, or `:` is wrong

    def closes_later(self, start: int) -> bool:
        """Whether the open bracket is closed before the statement must be over."""
        bracket = self.brackets[-1]
        if bracket.closer >= start:
            return True
        bracket.closer = self.closer_ahead(start, CLOSERS[bracket.text])
        return bracket.closer >= 0

    def lacks_parenthesis(self) -> bool:
        """Whether the next line is in a list of a header whose `(` was forgotten."""
        found = self.next_line()
        kinds = [token[0] for token in self.tokens[-2:]]
        if self.statement not in WITH_PARAMETERS or not found or kinds[1:] != ["NAME"]:
            return False
        if self.is_statement(self.at):
            return False
        return kinds[0] in _BEFORE_LISTS and found[1] != "" and self.closer_ahead(self.at, ")") >= 0

    # ----------------------------------------------------------------- bodies

    def forget_braces(self, item: int | None) -> None:
        """Close all braces: the next item, or the end of the file, has been reached."""
        if not self.brackets:
            return
        bracket, start, why = self.brackets[0], item, ""
        if item is not None:
            why = f"a new `{self.text[item : self.word_end(item)]}` starts here"
        if self.suspect is not None and self.suspect[0].start >= bracket.start:
            bracket, start = self.suspect
            if start != item:
                why = FURTHER_LEFT
                self.blamed = self.blamed or (start, "+}")
        self.report_unclosed(bracket, start, why)
        self.suspect = None
        self.gap = None
        end = self.last_end
        while self.brackets:
            self.pop()
            self.emit("RBRACE", "", end, end)

    def closes_before(self) -> bool:
        """Close what an earlier run found unclosed at the line that begins here."""
        start = self.at + self.indent_of(self.at)
        missing = self.mended[start, "+}"]
        for _ in range(missing):
            self.close_unclosed(start, FURTHER_LEFT)
        return missing > 0

    def close_unclosed(self, start: int, why: str) -> None:
        bracket = self.pop()
        if self.suspect is not None and self.suspect[0] is bracket:
            self.suspect = None
        self.report_unclosed(bracket, start, why)
        self.emit("RBRACE", "", self.last_end, self.last_end)

    def forget_branches(self, line: int) -> None:
        """Close a body of branches that began on `line`, when the next one begins no branch.

        That can be seen behind a `for` or an `if` only: elsewhere a statement goes on.
        """
        found = self.next_line()
        if self.previous != "RBRACE" or not self.brackets or not found or not self.after_branches:
            return
        bracket = self.brackets[-1]
        ends = bracket.has_branches and bracket.start >= line
        if ends and not self.begins_branch(found.start(2)):
            self.close_unclosed(found.start(2), "no branch starts here")

    def forget_bodies_of_branch(self, start: int) -> None:
        """Close what is open in a branch: another one begins, and no body inside has branches."""
        depths = [i for i, bracket in enumerate(self.brackets) if bracket.has_branches]
        while depths and len(self.brackets) > depths[-1] + 1:
            self.close_unclosed(start, "another branch starts here")

    def forget_body_of_if(self, start: int) -> None:
        """Close a body before an `else` that begins a statement."""
        if not self.in_parentheses and self.brackets and self.brackets[-1].statement == "IF":
            self.close_unclosed(start, "`else` follows the `}` of an `if`")

    def forget_bodies_of_side(self, start: int) -> None:
        """Close what is open in the side of a rule: the other side begins."""
        if not any(bracket.is_rule for bracket in self.brackets) or self.brackets[-1].is_rule:
            return
        if self.suspect is not None:
            self.blamed = self.blamed or (self.suspect[1], "+}")
        while not self.brackets[-1].is_rule:
            self.close_unclosed(start, "the other side starts here")

    def starts_item(self) -> bool:
        """Whether the line that begins here is an item, although braces are open."""
        return bool(self.brackets) and self.is_item()

    @property
    def lacks_brace(self) -> bool:
        """Whether the next line begins with a `|` that no body around it allows."""
        found = self.next_line()
        if not found or found[2] != "|" or self.previous in ("LBRACE", "BAR", "IMPLIES"):
            return False
        if not self.brackets or self.brackets[-1].text != "{":
            return False
        return not self.brackets[-1].has_branches

    def begins_size(self) -> bool:
        """Whether the `:` that begins a line ends a body, as its `}` is missing."""
        if self.gap is None or not self.brackets or self.brackets[-1].statement:
            return False
        bracket = self.brackets[-1]
        after = self.line_behind(self.line_end(self.at))
        ends = after is None or len(after[1]) <= bracket.indent
        return ends and bracket.text == "{" and bracket.start < self.line_start

    # ---------------------------------------------------------------- reports

    def report_unclosed(self, bracket: Bracket, start: int | None, why: str) -> None:
        if bracket.reported >= 0:  # a body without braces is one mistake
            missing = self.diagnostics[bracket.reported]
            help = (*missing.help, self._closer(bracket, start))
            self.diagnostics[bracket.reported] = replace(missing, help=help)
            return
        end = self.last_end
        label = Label(self.span(end, end), "the file ends here")
        if start is not None:
            label = Label(self.span(start, self.word_end(start)), why)
        self.blame(
            f"this `{bracket.text[-1]}` is never closed",
            bracket.start,
            bracket.start + 1,
            "opened here",
            also=[label],
            help=[self._closer(bracket, start)],
        )

    def _closer(self, bracket: Bracket, start: int | None) -> Help:
        """The edit that closes a bracket before `start`, where something else begins."""
        sign = CLOSERS[bracket.text]
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
