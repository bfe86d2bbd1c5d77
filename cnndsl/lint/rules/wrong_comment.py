"""W0102: a comment for the compiler that says nothing it knows."""

from __future__ import annotations

from ...codes import CODES
from ...diagnostics import did_you_mean
from ...levels import directives
from ..rule import RULES, Finding, file_rule, found

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..file import LintedFile

FORM = "write `# cnnc: allow W0301`, and the reason behind it"


@file_rule("W0102")
def wrong_comment(file: LintedFile) -> Iterator[Finding]:
    for directive in directives(file.namespace.source):
        if directive.word != "allow":
            message = f"`cnnc: {directive.word}` is no comment that the compiler knows"
            yield found(directive.span, message, help=[FORM])
        elif not directive.codes:
            yield found(directive.span, "this comment allows no code", help=[FORM])
        for code in directive.codes:
            if code.text not in RULES:
                near = did_you_mean(code.text, RULES)
                known = "is an error, which cannot be allowed" if code.text in CODES else ""
                yield found(
                    code,
                    f"`{code.text}` {known or 'is no code of a warning'}",
                    help=[f"did you mean `{near}`?"] if near and not known else [FORM],
                )
