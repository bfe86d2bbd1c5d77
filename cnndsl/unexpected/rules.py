"""Mistakes in rules, and in variants that rules make."""

from __future__ import annotations

import re

from ..diagnostics import Help, error
from ..lexer.scanner import CLAUSE_WORDS
from ..source import Span
from .found import Explanation, Unexpected
from .words import CLAUSES, REFS

_LIKE_IMPLIES = frozenset(("ARROW", "EQUAL", "COMPARE"))


def other_arrow(found: Unexpected) -> Explanation | None:
    """`conv 5x5, n -> conv 3x3, n` in a rule that has no `=>`"""
    rule = found.rule
    if not rule or found.opening[0] in CLAUSES or any(token[0] == "IMPLIES" for token in rule):
        return None
    sign = found.tokens[found.at] if found.kind in _LIKE_IMPLIES else None
    depth = 0
    for token in found.tokens[found.first : found.at]:
        depth += (token[0] in ("LPAR", "LSQB", "_CALL")) - (token[0] in ("RPAR", "RSQB"))
        if token[0] == "ARROW" and depth == 0:
            sign = token
    if sign is None:
        return None
    fix = found.fix("write `=>`", "=>", *sign[2:])
    place = Span(found.source, *sign[2:])
    return Explanation(error("E0101", "the sides of a rule are joined by `=>`", place, help=[fix]))


def misplaced_implies(found: Unexpected) -> Explanation | None:
    """`=>` behind a clause, or in a body that is no rule"""
    if found.kind != "IMPLIES":
        return None
    if found.opening[0] in CLAUSES:
        return _clauses_first(found)
    return found.error("E0101", "only a rule has sides joined by `=>`", "", _BRACES)


def rule_without_brace(found: Unexpected) -> Explanation | None:
    """`rule a conv k, n => relu`"""
    if found.opening[0] != "RULE" or found.depth or "{" in found.line or not found.has_sides:
        return None
    return found.error("E0101", "the `{` of this rule is missing", "", _BRACES)


_BRACES = "the sides of a rule stand in braces: `rule name { relu => identity }`"


def _clauses_first(found: Unexpected) -> Explanation:
    message = "the sides of a rule come before its clauses"
    help = "write `when`, `keeps` and `weights` after what replaces the left side"
    return Explanation(found.error("E0101", message, "", help).diagnostic, foreign=True)


def statement_after_clauses(found: Unexpected) -> Explanation | None:
    if not found.is_first or "KEEPS" not in found.expected or "STAGE" in found.expected:
        return None
    return None if found.kind in ("RBRACE", "$END", "BAD") else _clauses_first(found)


def clause_in_line(found: Unexpected) -> Explanation | None:
    """`relu => identity when k > 1`"""
    if not found.rule or found.is_first:
        return None
    for at in (found.at, found.at - 1):
        kind, word, start, end = found.tokens[at]
        if kind == "NAME" and word in CLAUSE_WORDS and at > found.first:
            before = found.tokens[at - 1][3]
            help = found.fix("a clause begins with `;` or a new line", ";", before, before)
            place = Span(found.source, start, end)
            message = f"`;` is missing before `{word}`"
            return Explanation(error("E0108", message, place, help=[help]))
    return None


def clause_with_colon(found: Unexpected) -> Explanation | None:
    """`when: k > 1`"""
    kind, word, start, end = found.opening
    if not found.rule or kind != "LABEL" or word not in CLAUSE_WORDS:
        return None
    fix = found.fix(f"write `{word}`", "", end, end + 1)
    place = Span(found.source, start, end + 1)
    return Explanation(error("E0101", f"`{word}` is followed by no `:`", place, help=[fix]))


def if_as_clause(found: Unexpected) -> Explanation | None:
    """`if k > 1`, without a body"""
    if not found.rule or found.opening[0] != "IF" or "LBRACE" not in found.expected:
        return None
    fix = found.fix("write `when`", "when", *found.opening[2:])
    place = Span(found.source, *found.opening[2:])
    message = "the condition of a rule begins with `when`"
    return Explanation(error("E0101", message, place, help=[fix]))


def clause_outside(found: Unexpected) -> Explanation | None:
    """`when k > 1 { relu }` in a body, `keeps shape` at the top level"""
    word = found.opening[1]
    if found.opening[0] != "NAME" or word not in CLAUSE_WORDS or found.rule:
        return None
    if found.depth and (word != "when" or found.kind != "LBRACE"):
        return None
    place = Span(found.source, *found.opening[2:])
    help: Help | str = "it stands in the braces of one: `rule name { ... => ...; when k > 1 }`"
    if found.depth:
        help = found.fix("in a body a condition is written `if`", "if", *found.opening[2:])
    return Explanation(error("E0101", f"`{word}` is a clause of a rule", place, help=[help]))


def note_after_kinds(found: Unexpected) -> Explanation | None:
    """`rule a exact "He et al."`"""
    if found.kind != "STRING" or found.opening[0] != "RULE" or found.depth:
        return None
    sentence = 'write it behind the name: `rule fold_bn "Ioffe and Szegedy 2015" exact { ... }`'
    kind, _, start, _ = found.tokens[found.first + 2]
    help = Help(sentence)
    if kind == "NAME":
        right = f"{found.text} {found.source.text[start : found.before[3]]}"
        help = found.fix(sentence, right, start, found.end)
    return found.error("E0101", "the source of a rule comes before its kinds", "", help)


def rules_of_a_body(found: Unexpected) -> Explanation | None:
    """`model m with factor_5x5 { relu }`"""
    if not found.in_header or found.text != "with" or "WITH" in found.expected:
        return None
    help = "write a variant: `model name = base with rule`"
    return found.error("E0101", "only a variant is rewritten by rules", "", help)


def place_without_rule(found: Unexpected) -> Explanation | None:
    """`model v = m at conv2_x`"""
    if not found.in_header or found.text != "at" or "WITH" not in found.expected:
        return None
    help = "a place follows a rule: `with factor_5x5 at conv2_x`"
    return found.error("E0101", f"{found.message}: there is no rule here", "", help)


def late_dialect(found: Unexpected) -> Explanation | None:
    """`model v = m with factor_5x5 in keras`"""
    if not found.in_header or found.kind != "IN" or not found.since("WITH"):
        return None
    start = next(t[2] for t in found.tokens[found.first : found.at] if t[0] == "WITH")
    end = found.before[3]
    right = f"in {found.after[1]} {found.source.text[start:end]}"
    fix = found.fix("write `model name = base in keras with rule`", right, start, found.after[3])
    return found.error("E0101", "the dialect comes before `with`", "", fix)


def spaced_argument(found: Unexpected) -> Explanation | None:
    """`model v = m with asym 7`"""
    is_argument = found.kind in ("NUMBER", "DIMS") and "_CALL" in found.expected
    if not found.in_header or not is_argument or not found.since("WITH"):
        return None
    place = found.before[3], found.end
    fix = found.fix("write its arguments in parentheses", f"({found.text})", *place)
    return found.error("E0101", found.message, "", fix)


def unquoted_place(found: Unexpected) -> Explanation | None:
    """`model v = m with asym(7) at 3a, 4a..4e`, `... at conv2_x.unit`, `... at unit*`"""
    if not found.in_header or not found.since("AT"):
        return None
    if found.kind in REFS and found.before[0] == "COMMA":
        help = _in_quotes(found, 'several places stand in quotes: `at "3a, 4a..4e"`')
        return found.error("E0101", f"`{found.text}` is no rule", "", help)
    if found.kind not in ("DOT", "STAR"):
        return None
    help = _in_quotes(found, 'a place with dots or `*` stands in quotes: `at "conv2_x.unit*"`')
    return found.error("E0101", found.message, "", help)


def _in_quotes(found: Unexpected, sentence: str) -> Help:
    """The edit that puts what follows `at` on the line in quotes."""
    start = next(t[3] for t in reversed(found.tokens[: found.at]) if t[0] == "AT")
    place = re.compile(r"[ \t]*([^\n{#\"]*[^\s{#\"])").match(found.source.text, start)
    if place is None:
        return Help(sentence)
    return found.fix(sentence, f'"{place[1]}"', *place.span(1))


def with_on_next_line(found: Unexpected) -> Explanation | None:
    """`with` or `{` below the variant that it belongs to"""
    if found.depth or not found.is_first or found.text not in ("with", "{"):
        return None
    at = found.first - 2
    while at > 0 and found.tokens[at][0] not in ("MODEL", "_SEP", "RBRACE"):
        at -= 1
    if at < 0 or found.tokens[at][0] != "MODEL":
        return None
    fix = found.fix("write it here", " ", found.tokens[found.first - 1][2], found.start)
    message = f"`{found.text}` belongs on the line of its variant"
    below = found.error("E0101", message, "", fix)
    return Explanation(below.diagnostic, foreign=found.text == "{")
