"""W0202: one setting written again and again."""

from __future__ import annotations

from ...syntax import Apply, Argument, Number, walk
from ..rule import Finding, file_rule, found

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..file import LintedFile

MANY = 4


@file_rule("W0202", level="off")
def repeated_setting(file: LintedFile) -> Iterator[Finding]:
    for item in file.namespace.file.items:
        places: dict[tuple[str, str, str], list[Argument]] = {}
        for statement in walk(item):
            if isinstance(statement, Apply):
                word = statement.callee.id if statement.callee else "conv"
                for argument in statement.arguments:
                    if argument.name and isinstance(argument.value, Number):
                        key = word, argument.name, argument.value.text
                        places.setdefault(key, []).append(argument)
        for (word, name, text), same in places.items():
            if len(same) >= MANY:
                yield found(
                    same[0].span,
                    f"`{name}={text}` stands {len(same)} times behind `{word}`",
                    "the first of them",
                    help=[f"`default {word}: {name}={text}` says it once"],
                )
