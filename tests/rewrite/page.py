"""`docs/rules.md`: every shipped rule, how it is proved, and on how many networks it was tried.

The rules speak for themselves; the counts are those of `tests/data/rules.json`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cnndsl.evaluate.values import RuleRef
from cnndsl.rewrite.catalogue import Chapter, catalogue, comment_of
from cnndsl.rewrite.manual import facts, kind_of
from cnndsl.rewrite.reading import read_rule
from cnndsl.rewrite.rule import Rewrite, call_form

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "rules.md"
COUNTS = ROOT / "tests" / "data" / "rules.json"

HEAD = Path(__file__).with_name("page_head.md")


def text() -> str:
    """The whole page."""
    counts = json.loads(COUNTS.read_text(encoding="utf-8"))
    chapters = catalogue()
    total = sum(len(chapter.rules) for chapter in chapters)
    tried = sum(row["cases"] for row in counts.values())
    parts = [
        f"{HEAD.read_text(encoding='utf-8')}\n{total} rules, {tried:,} cases.\n",
        _overview(chapters, counts),
    ]
    parts += [_chapter(chapter) for chapter in chapters]
    return "\n".join(parts)


def _overview(chapters: tuple[Chapter, ...], counts: dict[str, Any]) -> str:
    rows = [
        "| rule | kind | keeps | proof | cases | bit-equal |",
        "| --- | --- | --- | --- | ---: | ---: |",
    ]
    for chapter in chapters:
        for ref in chapter.rules:
            rewrite = read_rule(ref)
            row = counts.get(rewrite.name, {})
            cells = (
                f"[{rewrite.name}](#{rewrite.name})",
                kind_of(rewrite),
                ", ".join(rewrite.keeps),
                _proof(rewrite),
                str(row.get("cases", "")),
                str(row["exact"]) if row.get("exact") else "",
            )
            rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def _proof(rewrite: Rewrite) -> str:
    """What shows that a rule is right."""
    if rewrite.keeps_function:
        gradients = ", gradients" if "exact" in rewrite.kinds else ""
        return f"outputs{gradients}"
    if rewrite.equation is None:
        return "published totals"
    return "windows" if {"window", "hull"} & {*rewrite.keeps} else "shapes"


def _chapter(chapter: Chapter) -> str:
    lines = [
        f"## {chapter.name}",
        "",
        f"{chapter.title} ([{chapter.name}.cnn](../specs/rules/{chapter.name}.cnn))",
    ]
    for ref in chapter.rules:
        lines += ["", *_entry(ref)]
    return "\n".join(lines) + "\n"


def _entry(ref: RuleRef) -> list[str]:
    rewrite = read_rule(ref)
    comment = comment_of(ref)
    lines = [
        f"### {rewrite.name}",
        "",
        f"`{call_form(ref.rule)}`, {kind_of(rewrite)}. {rewrite.note}".rstrip(),
    ]
    lines += ["", comment] if comment else []
    lines += ["", "```", ref.rule.span.text, "```", ""]
    return [*lines, *(f"- {fact}" for fact in facts(rewrite))]


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
