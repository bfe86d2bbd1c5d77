"""Runs of statements that differ in the numbers of their labels alone, as loops.

    from m2; p2: conv 3x3, 256          for i in 2..4 { from m{i}; p{i}: conv 3x3, 256 }
    from m3; p3: conv 3x3, 256

One number in each label that changes goes up by one from copy to copy, or down by one in all
of them; a label that no copy changes is one from before the loop.
"""

from __future__ import annotations

import re

from cnndsl.lexer.scanner import EXPRESSION_WORDS
from cnndsl.record import Record
from cnndsl.syntax import Binary, Body, CallExpr, For, From, Range, Stage, Template

from .literal import AT, Label, name, number, positional, rewrite
from .repeats import Draft

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from cnndsl.syntax import Expr, Statement

LONGEST = 64
"""Statements in the longest body that is looked for."""
LEAST_SPARED = 3
"""Statements that a loop must spare."""


class Pattern(Record):
    """How a label changes: the text around a number, the number in the first copy, the step."""

    before: str
    number: int
    after: str
    step: int

    def at(self, copy: int) -> str:
        return f"{self.before}{self.number + copy * self.step}{self.after}"


def roll(drafts: Sequence[Draft], variable: str) -> list[Draft]:
    """The statements with loops over `variable` for those that differ in their labels.

    A loop may begin with a `from` that says where the flow is already.
    """
    forms = [_form(draft.finished()) for draft in drafts]
    result: list[Draft] = []
    at = 0
    while at < len(drafts):
        period, count, spared = _best(forms, at)
        body = [draft.finished() for draft in drafts[at : at + period]]
        patterns = _patterns(forms, at, period)
        labels = drafts[at - 1].labels if at else ()
        if len(labels) == 1 and _is_followed(labels[0], forms[at + 1 : at + LONGEST]):
            here = From((Label(labels[0], AT),), None, AT)
            longer = [_form(here), *forms[at:]]
            found = _best(longer, 0)
            if found[2] > spared + 1:
                period, count, _ = found
                body = [here, *(draft.finished() for draft in drafts[at : at + period - 1])]
                patterns = _patterns(longer, 0, period)
                at -= 1
        result.append(drafts[at] if count == 1 else Draft(_loop(body, patterns, count, variable)))
        at += period * count
    return result


Form = tuple[object, tuple[str, ...]]
"""A statement without its labels, and these in order."""


def _form(statement: Statement) -> Form:
    labels: list[str] = []

    def change(part: object) -> object:
        if isinstance(part, Stage | For):  # their names and variables would get mixed up
            labels.append("")
        if not isinstance(part, Label):
            return None
        labels.append(part.id)
        return Label("", AT)

    return rewrite(statement, change), tuple(labels)


def _is_followed(label: str, forms: Sequence[Form]) -> bool:
    """Whether a `from` comes that could be the next one after a `from` with this label."""
    here, _ = _form(From((Label("", AT),), None, AT))
    return any(form == here and _pattern(label, labels[0]) for form, labels in forms)


def _best(forms: Sequence[Form], at: int) -> tuple[int, int, int]:
    """Length and number of the copies from `at` on that spare most statements, and how many."""
    best = 1, 1, LEAST_SPARED - 1
    for period in range(1, min(LONGEST, (len(forms) - at) // 2) + 1):
        patterns = _patterns(forms, at, period)
        if patterns:
            count = 2
            while _continues(forms, at, period, count, patterns):
                count += 1
            spared = (count - 1) * period - 1
            if spared > best[2]:
                best = period, count, spared
    return best


def _patterns(forms: Sequence[Form], at: int, period: int) -> dict[str, Pattern]:
    """How labels change from the first to the second copy; nothing if that is no loop."""
    found: dict[str, Pattern | None] = {}
    pairs = zip(forms[at : at + period], forms[at + period : at + 2 * period], strict=False)
    for (first, labels), (second, others) in pairs:
        if first != second or "" in labels:
            return {}
        for one, other in zip(labels, others, strict=True):
            pattern = _pattern(one, other) if one != other else None
            if found.setdefault(one, pattern) != pattern or (pattern is None and one != other):
                return {}
    patterns = {label: pattern for label, pattern in found.items() if pattern is not None}
    return patterns if len({pattern.step for pattern in patterns.values()}) == 1 else {}


def _pattern(one: str, other: str) -> Pattern | None:
    """The pattern of labels like `x1_0` and `x2_0`."""
    for digits in re.finditer(r"\d+", one):
        start, end = digits.span()
        before, after, value = one[:start], one[end:], int(digits[0])
        for step in (1, -1):
            pattern = Pattern(before, value, after, step)
            is_name = before and before not in EXPRESSION_WORDS  # `in{i}` reads as a word
            if is_name and pattern.at(0) == one and pattern.at(1) == other:
                return pattern
    return None


def _continues(
    forms: Sequence[Form], at: int, period: int, count: int, patterns: dict[str, Pattern]
) -> bool:
    """Whether one more copy follows the first ones."""
    start = at + period * count
    copy = forms[start : start + period]
    if len(copy) < period:
        return False
    for (first, labels), (form, others) in zip(forms[at : at + period], copy, strict=True):
        expected = (patterns[one].at(count) if one in patterns else one for one in labels)
        if first != form or tuple(expected) != others:
            return False
    return all(pattern.number + count * pattern.step >= 0 for pattern in patterns.values())


def _loop(
    body: Sequence[Statement], patterns: dict[str, Pattern], count: int, variable: str
) -> For:
    first = next(iter(patterns.values()))
    ends = sorted((first.number, first.number + (count - 1) * first.step))
    values: Expr = Range(number(ends[0]), number(ends[1] + 1), AT)
    if first.step < 0:
        values = CallExpr(name("reversed"), (positional(values),), AT)

    def change(part: object) -> object:
        if not isinstance(part, Label) or part.id not in patterns:
            return None
        pattern = patterns[part.id]
        texts = (pattern.before, _shifted(variable, pattern.number - first.number), pattern.after)
        return Template(tuple(text for text in texts if text), AT)

    return For(name(variable), values, Body(rewrite(tuple(body), change), AT), AT)


def _shifted(variable: str, by: int) -> Expr:
    if by == 0:
        return name(variable)
    return Binary("+" if by > 0 else "-", name(variable), number(abs(by)), AT)
