"""W0101: a comment that allows what nothing finds. The engine knows which ones were of use."""

from __future__ import annotations

from ..rule import Finding, file_rule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..file import LintedFile


@file_rule("W0101")
def useless_allow(file: LintedFile) -> Iterator[Finding]:
    yield from ()
