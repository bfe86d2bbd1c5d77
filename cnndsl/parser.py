"""Tokens to a syntax tree: a table-driven LALR(1) parser that survives errors.

`parse` always returns a tree, of what could be understood, with all independent
syntax errors. The table comes from `grammar/cnn.lark` (see `tables.py`); what a
rule makes of its children is said in `tree.py`, and the words of the messages
are in `unexpected.py`.

After an error the parser returns to the start of the statement, where the stack
was last in order, and goes on behind the statement; when that has a body, the
body's statements are still parsed, in a stand-in for the broken header.
"""

from __future__ import annotations

import gc

from ._tables import ROWS, RULES, STARTS, STATES
from .diagnostics import Diagnostic
from .lexer import MAX_ERRORS, Tokens, scan, scan_expression
from .lexer.scanner import Token
from .source import Source, Span
from .syntax import Expr, File
from .tree import TreeBuilder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Steps = tuple[int | None, ...]

_ROWS = [dict(zip(row[::2], row[1::2], strict=True)) for row in ROWS]
TABLE: list[dict[Any, Any]] = [_ROWS[row] for row in STATES]

# A statement begins after the first four, a list of statements ends with the next one,
# and the others end a branch or the sides of a rule and begin something else.
_BEGINNERS = frozenset(("_EACH", "_WHEN", "WHEN", "KEEPS", "WEIGHTS", "TRANSFORM"))
_MARKS = frozenset(("_SEP", "LBRACE", "BAR", "IMPLIES", "RBRACE")) | _BEGINNERS
_BOUNDS = frozenset(("_SEP", "LBRACE", "BAR", "IMPLIES", "RBRACE", "$END"))
_DOUBTFUL = ("E0102", "E0103", "E0105")  # what is wrong around them may be their fault


def parse(source: Source) -> tuple[File, tuple[Diagnostic, ...]]:
    """The syntax tree of a text and its syntax errors, in the order of the text."""
    collects = gc.isenabled()
    gc.disable()  # a tree is all live: looking for garbage makes parsing quadratic
    try:
        return _parse(source)
    finally:
        if collects:
            gc.enable()


def _parse(source: Source) -> tuple[File, tuple[Diagnostic, ...]]:
    scanned = scan(source)
    parser = Parser(source, scanned, "file")
    tree = parser.run() if scanned.complete else None
    items = tree.items if isinstance(tree, File) else ()
    edition = tree.edition if isinstance(tree, File) else None
    file = File(edition, items, Span(source, 0, len(source.text)))
    return file, _merge(scanned, parser)


def parse_expression(
    source: Source, start: int = 0, end: int | None = None
) -> tuple[Expr | None, tuple[Diagnostic, ...]]:
    """The expression in the range `start:end` of a text, or None; and the errors."""
    scanned = scan_expression(source, start, len(source.text) if end is None else end)
    parser = Parser(source, scanned, "expression")
    tree = parser.run() if scanned.complete else None
    return tree, _merge(scanned, parser)


def _merge(scanned: Tokens, parser: Parser) -> tuple[Diagnostic, ...]:
    """All diagnostics in the order of the text, one for each cause."""
    found: dict[tuple[int, str], Diagnostic] = {}
    unexpected = {_start(problem) for problem in parser.diagnostics}
    for problem in scanned.diagnostics:
        start = _start(problem)
        is_known = problem.code == "E0102" and (start in unexpected or start in parser.outdone)
        if not is_known and not any(a <= start < b for a, b in parser.skipped):
            found[start, problem.message] = problem
    said = {start for start, _ in found}
    for problem in parser.diagnostics:
        if _start(problem) not in said:
            found.setdefault((_start(problem), problem.message), problem)
    unsaid = (*scanned.diagnostics, *parser.unsaid)  # a text with errors is never right
    return tuple(sorted(found.values(), key=_start)) or unsaid[:1]


def _start(problem: Diagnostic) -> int:
    return problem.place.start if problem.place else 0


class Parser:
    """One run over the tokens of one source."""

    def __init__(self, source: Source, scanned: Tokens, start: str) -> None:
        self.source = source
        self.tokens = scanned.tokens
        self.doubtful = [_start(p) for p in scanned.diagnostics if p.code in _DOUBTFUL]
        self.start = start
        self.builder = TreeBuilder(source, self._parse_range)
        self.diagnostics = self.builder.diagnostics
        self.rules = [
            (symbol, length, _bound(self.builder, method), _plan(length, steps))
            for symbol, length, method, steps in RULES
        ]
        self.states = [STARTS[start]]
        self.values: list[Any] = []
        self.starts: list[int] = []
        self.ends: list[int] = []
        # For each open list of statements: the stack's height and top where the
        # statement began, and the number of its first token.
        self.marks = [(1, STARTS[start], 0)]
        self.skipped: list[tuple[int, int]] = []
        self.outdone: set[int] = set()  # brackets that are wrong because of what is before them
        self.unsaid: list[Diagnostic] = []  # as it seemed that others say it
        self.foreign = -1  # the statement after the last one in another language

    def _parse_range(self, start: int, end: int) -> Expr | None:
        value, problems = parse_expression(self.source, start, end)
        self.diagnostics.extend(problems)
        return value

    def run(self) -> Any:
        """The value of the start symbol, or None."""
        at = 0
        while True:
            at = self._consume(self.tokens, at)
            if at == len(self.tokens):
                return self.values[-1]
            after = self._recover(at)
            if after is None:
                return None
            at = after

    def _consume(self, tokens: list[Token], at: int) -> int:
        """Parse on from token `at`; the number of the first token that does not fit."""
        states, values, starts, ends = self.states, self.values, self.starts, self.ends
        source, rules, table, marks, last = self.source, self.rules, TABLE, self.marks, len(tokens)
        while at < last:
            token = tokens[at]
            kind = token[0]
            while (action := table[states[-1]].get(kind)) is not None and action < 0:
                symbol, length, build, steps = rules[-action - 1]
                if build is None and length == 1:
                    states[-1] = table[states[-2]][symbol] - 1
                    continue
                start, end = (starts[-length], ends[-1]) if length else (token[2], token[2])
                children = values[-length:] if length else []
                if steps is not None:
                    children = _children(children, steps)
                if build is None:
                    value = children[0]
                elif build is list:
                    value = children
                else:
                    value = build(Span(source, start, end), *children)
                if length:
                    del states[-length:], values[-length:], starts[-length:], ends[-length:]
                states.append(table[states[-1]][symbol] - 1)
                values.append(value)
                starts.append(start)
                ends.append(end)
            if action is None:
                return at
            at += 1
            if action == 0:
                continue
            states.append(action - 1)
            values.append(token)
            starts.append(token[2])
            ends.append(token[3])
            if kind in _MARKS:
                if kind == "LBRACE":
                    marks.append((len(states), action - 1, at))
                elif kind == "RBRACE":
                    marks.pop()
                elif kind in _BEGINNERS:
                    marks[-1] = len(states) - 1, states[-2], at - 1
                else:
                    marks[-1] = len(states), action - 1, at
        return at

    # --------------------------------------------------------------- recovery

    def expected(self) -> set[str]:
        """The kinds of token that could come next."""
        kinds = [kind for kind in TABLE[self.states[-1]] if kind.isupper()]
        return {kind for kind in kinds if self._accepts(kind)}

    def _accepts(self, kind: str) -> bool:
        """Whether a token of this kind would be shifted, after the reductions it causes."""
        states = list(self.states)
        while (action := TABLE[states[-1]].get(kind)) is not None:
            if action >= 0:
                return True
            symbol, length, _, _ = self.rules[-action - 1]
            if length:
                del states[-length:]
            states.append(TABLE[states[-1]][symbol] - 1)
        return False

    def _recover(self, at: int) -> int | None:
        """Report token `at` and return the token to go on with, or None at the end."""
        from .unexpected import explain
        from .unexpected.found import Unexpected

        height, state, first = self.marks[-1]
        kind = self.tokens[at][0]
        depth = len(self.marks) - 1
        explanation = explain(
            Unexpected(self.source, self.tokens, at, first, self.expected(), depth)
        )
        is_known = kind == "BAD" or (explanation.foreign and first == self.foreign)
        is_said = not is_known and not self._is_doubtful(at)
        (self.diagnostics if is_said else self.unsaid).append(explanation.diagnostic)
        if self.start != "file" or len(self.diagnostics) >= MAX_ERRORS:
            return None
        if kind == "_SEP" and self.tokens[at + 1][0] == "LBRACE" and self._accepts("LBRACE"):
            return at + 1  # a body that begins on the next line
        if explanation.misses_bar:
            place = self.tokens[at][2]
            self._stand_in([("BAR", "", place, place)], at)
            return at
        # Unless the statement was complete, go back to its start.
        broken = len(self.states) >= height and self.states[height - 1] == state
        if broken:
            self._cut(height)
            self.builder.broken.add(self.tokens[first - 1][3] if first else 0)
        after = self._skip(at, first, broken, explanation.skips_body)
        if explanation.foreign:
            self.foreign = after
        if explanation.skips_body and is_said:
            self.skipped.append((self.tokens[first][2], self.tokens[after][2]))
        if after == at and not self._accepts(kind):
            return at + 1 if kind != "$END" else None
        return after

    def _is_doubtful(self, at: int) -> bool:
        """Whether signs around token `at` are wrong, so that what is expected is a guess.

        Of a bracket on a later line nothing is said then.
        """
        start = end = at
        while start > 0 and self.tokens[start - 1][0] not in _BOUNDS:
            start -= 1
        while self.tokens[end][0] not in _BOUNDS:
            end += 1
        end += self.tokens[end][:2] == ("RBRACE", "")  # supplied before what ends the line
        first, last = self.tokens[start][2], self.tokens[end][2]
        last = len(self.source.text) if self.tokens[end][0] == "$END" else last
        near = [p for p in self.doubtful if first <= p < last or self._closes(p, first)]
        line = self.source.text.find("\n", self.tokens[at][2])
        self.outdone.update(place for place in near if 0 <= line < place)
        return not self.outdone.issuperset(near)

    def _closes(self, place: int, start: int) -> bool:
        """Whether a `}` too many stands on the line of a statement, whose `{` may be missing."""
        text = self.source.text
        return start <= place and text[place] == "}" and "\n" not in text[start:place]

    def _cut(self, height: int) -> None:
        del self.states[height:]
        del self.values[height - 1 :], self.starts[height - 1 :], self.ends[height - 1 :]

    def _skip(self, at: int, first: int, broken: bool, skips_body: bool) -> int:
        """The token after a statement in which token `at` is wrong."""
        depth = 0
        while (kind := self.tokens[at][0]) != "$END":
            if depth == 0:
                if kind == "_SEP" and broken:
                    self.marks[-1] = (*self.marks[-1][:2], at + 1)
                    return at + 1
                if kind in ("_SEP", "RBRACE"):
                    return at
                if kind in ("BAR", "IMPLIES") and self._accepts(kind):
                    return at
                if kind == "LBRACE" and broken and not skips_body:
                    self._stand_in(self._header(at, first), first)
                    if self._accepts("LBRACE"):
                        return at
                    self._take_away(at)
                    continue
            depth += (kind == "LBRACE") - (kind == "RBRACE")
            at += 1
        return at

    def _take_away(self, at: int) -> None:
        """Make the `{` that is token `at` the end of a statement, and drop its `}`."""
        tokens, depth, end = self.tokens, 1, at + 1
        while depth and tokens[end][0] != "$END":
            depth += (tokens[end][0] == "LBRACE") - (tokens[end][0] == "RBRACE")
            end += 1
        if tokens[end - 1][0] == "RBRACE":
            del tokens[end - 1]
        place = tokens[at][2]
        tokens[at : at + 1 + (tokens[at + 1][0] == "_SEP")] = [("_SEP", "", place, place)]

    def _stand_in(self, tokens: list[Token], first: int) -> None:
        """Parse tokens that are not there, in a statement that begins with token `first`."""
        self._consume(tokens, 0)
        self.marks[-1] = (*self.marks[-1][:2], first)

    def _header(self, at: int, first: int) -> list[Token]:
        """A header for a body whose own header is broken."""
        kind, text, _, _ = self.tokens[first]
        place = self.tokens[at][2]
        name = ("NAME", text if kind == "NAME" else "", place, place)
        if len(self.marks) == 1:
            item = kind if kind in ("DIALECT", "RULE") else "BLOCK"
            return [(item, "", place, place), name]
        if kind in ("IF", "_EACH", "_WHEN"):
            word = "IF" if kind == "IF" else "_WHEN"
            return [(word, "", place, place), ("TRUE", "true", place, place)]
        has_branches = self.tokens[at + 1][0] == "BAR"
        return [name] if kind == "NAME" or has_branches else []


def _bound(builder: TreeBuilder, method: str) -> Callable[..., Any] | None:
    if method == "=":
        return None
    return list if method == "" else getattr(builder, method)


def _plan(length: int, steps: Steps) -> Steps | None:
    """The steps, or None when they only say: all children as they are."""
    return None if steps == tuple(range(length)) else steps


def _children(children: list[Any], steps: Steps) -> list[Any]:
    """The children that a rule hands on; the list of a repetition grows in place."""
    result: list[Any] | None = None
    for step in steps:
        if step is not None and step < 0 and result is None:
            result = children[~step]
            continue
        result = result if result is not None else []
        if step is None:
            result.append(None)
        elif step >= 0:
            result.append(children[step])
        else:
            result.extend(children[~step])
    return result if result is not None else []
