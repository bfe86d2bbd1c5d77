"""Words that are no names, and definitions where none can stand."""

from __future__ import annotations

from ..lexer.scanner import EXPRESSION_WORDS, LATER_WORDS
from ..tree import reserved
from .found import ITEMS, Explanation, Unexpected

_DEFINERS = ITEMS | {"LET", "FOR", "STAGE", "_CHOICES"}
_LISTS_OF_NAMES = frozenset(("BLOCK", "MODEL", "RULE", "LET", "USE"))


def later(found: Unexpected) -> Explanation | None:
    """`train ...`"""
    if found.text not in LATER_WORDS or found.kind != LATER_WORDS[found.text]:
        return None
    known = found.error(
        "E0106",
        f"`{found.text}` is reserved for a later edition of the language",
        "",
        "leave it out" if found.is_first else f"call it `{found.text}_`",
    )
    return Explanation(known.diagnostic, skips_body=True)


def reserved_name(found: Unexpected) -> Explanation | None:
    """`block if(n) { }`, `let then = 3`"""
    if found.text not in EXPRESSION_WORDS or "NAME" not in found.expected:
        return None
    in_a_list = found.opening[0] in _LISTS_OF_NAMES and "NUMBER" not in found.expected
    if found.before[0] not in _DEFINERS and not in_a_list:
        return None
    return Explanation(reserved(found.text, found.span))


def nested_item(found: Unexpected) -> Explanation | None:
    """`block` inside a body"""
    if found.depth == 0 or found.kind not in ITEMS | {"USE"} or not found.is_first:
        return None
    nested = found.error(
        "E0101",
        f"`{found.text}` cannot stand in a body",
        "",
        "move it to the top level of the file",
    )
    return Explanation(nested.diagnostic, skips_body=found.kind == "RULE")
