"""`docs/rules.md` is what the rules say now."""

from __future__ import annotations

from cnndsl.rewrite.catalogue import catalogue

from .page import PAGE, text


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == text(), "python -m tests.rewrite.publish writes it"


def test_every_rule_has_an_entry() -> None:
    page = PAGE.read_text(encoding="utf-8")
    names = [ref.rule.name.id for chapter in catalogue() for ref in chapter.rules]
    assert len(set(names)) == len(names)
    assert all(f"\n### {name}\n" in page for name in names)
