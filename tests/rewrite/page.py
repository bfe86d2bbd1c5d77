"""`docs/rules.md`: every shipped rule, how it is proved, and on how many networks it was tried.

The rules speak for themselves; the counts are those of `tests/data/rules.json`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cnndsl.evaluate import RuleRef
from cnndsl.rewrite.catalogue import Chapter, catalogue, comment_of
from cnndsl.rewrite.manual import facts, kind_of
from cnndsl.rewrite.rule import Rewrite, call_form, read_rule

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "rules.md"
COUNTS = ROOT / "tests" / "data" / "rules.json"

HEAD = """\
# The rules that ship

What a rule is and how one is written is in [language/rules.md](language/rules.md), how rules are used
in [rewriting.md](rewriting.md). This page is made from the rules themselves
(`python -m tests.rewrite.publish`); `cnnc rules NAME` prints an entry.

A rule says how much of the function it keeps, and that is proved:

| kind | what stays | how it is proved |
| --- | --- | --- |
| exact | the function, and its gradients while training | outputs equal bit for bit, in exact arithmetic, on random networks made from the rule's own left side in surroundings that should break it; gradients for the input equal |
| reparametrised | the function; training takes another path | outputs equal bit for bit |
| inference | the function once training is over | outputs equal bit for bit, with random running statistics |
| approximate | nearly the function | the error is measured on the weights at hand; none is left at full rank |
| architectural | what `keeps` says; the network is to be trained again | windows and shapes by the window algebra, for every size, and again at every place |

A *case* is a network on which the rule was applied; *bit-equal* says in how many of them all numbers were
whole or fractions, so that nothing could hide under a tolerance. In the others a real function
(a sigmoid, say) follows, and outputs agree to 1e-9. `C` are the channels of the input, `O` the positions of the
output.

"""


def text() -> str:
    """The whole page."""
    counts = json.loads(COUNTS.read_text(encoding="utf-8"))
    chapters = catalogue()
    total = sum(len(chapter.rules) for chapter in chapters)
    tried = sum(row["cases"] for row in counts.values())
    parts = [HEAD + f"{total} rules, {tried:,} cases.\n", _overview(chapters, counts)]
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
