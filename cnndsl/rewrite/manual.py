"""The manual of rules, made from the rules: `cnnc rules` and the entries of `docs/rules.md`."""

from __future__ import annotations

import re

from ..render import wrap
from .catalogue import comment_above, comment_of
from .pattern import FREE
from .reading import read_rule
from .rule import KINDS, Rewrite, call_form
from .words import equation, promise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..evaluate.values import RuleRef
    from .catalogue import Chapter, RuleSet

WIDTH = 96
LINE = 100
NAMED = re.compile(r",\s*(\w+=(\w+))(?=[,)])")
"""An argument by name that is a word: mostly a hole that both sides have."""


def kind_of(rewrite: Rewrite) -> str:
    """`exact`, `exact in inference`, `reparametrised`, `approximate` or `architectural`."""
    kinds = [kind for kind in rewrite.kinds if kind != "simplify"]
    if not kinds:
        return "architectural"
    return "exact in inference" if "inference" in kinds else kinds[0]


def overview(chapters: Sequence[Chapter], sets: Sequence[RuleSet]) -> str:
    """Every rule on one line, by file, then the sets."""
    parts = [
        "\n".join([*wrap(chapter.title, WIDTH), "", *_rows(chapter.rules)]) for chapter in chapters
    ]
    names = max(len(found.name) for found in sets)
    rows = (_cut(f"  {found.name:{names}}  {found.text}") for found in sets)
    parts.append("\n".join(["Sets of rules.", "", *rows]))
    count = sum(len(chapter.rules) for chapter in chapters)
    return "\n\n".join([*parts, f"{count} rules; `cnnc rules NAME` explains one, or a set"])


def _rows(rules: Sequence[RuleRef]) -> list[str]:
    """Rules below each other: how each is called, its kind, what it says."""
    rows = [(call_form(ref.rule), kind_of(read_rule(ref)), ref) for ref in rules]
    names, kinds = (max(len(row[i]) for row in rows) for i in (0, 1))  # type: ignore[arg-type]
    return [_cut(f"  {name:{names}}  {kind:{kinds}}  {_gist(ref)}") for name, kind, ref in rows]


def _cut(line: str) -> str:
    return line if len(line) <= LINE else line[: LINE - 1].rstrip() + "…"


def _gist(ref: RuleRef) -> str:
    """The equation without what stays as it is; of a transform what its comment says."""
    rewrite = read_rule(ref)
    if rewrite.equation is None:
        return comment_above(ref.rule.span)
    left, sign, right = equation(rewrite).partition("  =>  ")
    right = "; ".join(part for part in right.split("; ") if not part.startswith("let "))
    sides = [{text for text, _ in NAMED.findall(side)} for side in (left, right)]

    def shown(argument: re.Match[str]) -> str:
        name, _, value = argument[1].partition("=")
        free = name in FREE and value not in ("true", "false")
        return "" if free or argument[1] in sides[0] & sides[1] else argument[0]

    return NAMED.sub(shown, left) + sign + NAMED.sub(shown, right)


def set_page(found: RuleSet) -> str:
    """A set in full: what it is for, and its rules."""
    lines = [f"{found.name}: a set of {len(found.rules)} rules"]
    lines += ["", *wrap(found.comment, WIDTH)] if found.comment else []
    return "\n".join([*lines, "", f"let {found.name} = {found.text}", "", *_rows(found.rules)])


def page(ref: RuleRef) -> str:
    """One rule in full: its text, its source, what it promises, what is proved, what it costs."""
    rewrite = read_rule(ref)
    lines = [f"{call_form(ref.rule)}: {kind_of(rewrite)}"]
    if rewrite.note:
        lines.append(rewrite.note)
    comment = comment_of(ref)
    if comment:
        lines += ["", *wrap(comment, WIDTH)]
    lines += ["", *ref.rule.span.text.splitlines(), ""]
    lines += [f"- {fact}" for fact in facts(rewrite)]
    return "\n".join(lines)


def facts(rewrite: Rewrite) -> tuple[str, ...]:
    """What a rule promises, and what is known of it before any network is seen."""
    from .static import check_statically
    from .static.words import lines

    repeats = (KINDS["simplify"],) if rewrite.repeats else ()
    return (promise(rewrite), *repeats, *lines(check_statically(rewrite)))
