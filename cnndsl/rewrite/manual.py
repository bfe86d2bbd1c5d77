"""The manual of rules, made from the rules: `cnnc rules` and the entries of `docs/rules.md`."""

from __future__ import annotations

from ..render import wrap
from .catalogue import comment_of
from .rule import KINDS, Rewrite, call_form, read_rule
from .words import equation, promise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..evaluate import RuleRef
    from .catalogue import Chapter

WIDTH = 96


def kind_of(rewrite: Rewrite) -> str:
    """`exact`, `exact in inference`, `reparametrised`, `approximate` or `architectural`."""
    kinds = [kind for kind in rewrite.kinds if kind != "simplify"]
    if not kinds:
        return "architectural"
    return "exact in inference" if "inference" in kinds else kinds[0]


def overview(chapters: Sequence[Chapter]) -> str:
    """Every rule on one line, by file."""
    parts = []
    for chapter in chapters:
        rows = [
            (call_form(ref.rule), kind_of(read_rule(ref)), _short(ref)) for ref in chapter.rules
        ]
        names, kinds = (max(len(row[i]) for row in rows) for i in (0, 1))
        lines = [*wrap(chapter.title, WIDTH), ""]
        lines += [f"  {name:{names}}  {kind:{kinds}}  {text}" for name, kind, text in rows]
        parts.append("\n".join(lines))
    count = sum(len(chapter.rules) for chapter in chapters)
    return "\n\n".join([*parts, f"{count} rules; `cnnc rules NAME` explains one"])


def _short(ref: RuleRef) -> str:
    text = equation(read_rule(ref))
    return text if len(text) <= WIDTH else text[: WIDTH - 1].rstrip() + "…"


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
