"""How much a warning counts: off, info, warning or error, and where the text allows it.

A level comes from the command line, from a project's configuration, or from the rule itself.
`# cnnc: allow W0301` is for one place: the statement, block or model that begins on its line, or
on the next one when the comment stands alone.
"""

from __future__ import annotations

import re

from .diagnostics import Diagnostic
from .lexer import scan
from .record import Record, replace
from .source import Source, Span
from .syntax import Body, File, walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from .namespace import Namespace

LEVELS = ("off", "info", "warning", "error")

DEFAULTS: dict[str, str] = {}
"""Every warning a warning."""

_DIRECTIVE = re.compile(r"#\s*cnnc:\s*(?P<word>\w*)(?P<codes>(?:[\s,]*\b[A-Z]\d+\b)*)")
CODE = re.compile(r"[A-Z]\d+")


class Allow(Record):
    """A code that the text allows.

    Arguments:
        code: as written, perhaps one that does not exist.
        span: of the code in the comment.
        scope: the text that it is about.
    """

    code: str
    span: Span
    scope: Span

    def covers(self, diagnostic: Diagnostic) -> bool:
        place = diagnostic.place
        return (
            diagnostic.code == self.code
            and place is not None
            and place.source is self.scope.source
            and self.scope.start <= place.start < self.scope.end
        )


class Directive(Record):
    """A comment for the compiler: `# cnnc: allow W0301, W0303 as in the paper`.

    Arguments:
        word: what it says to do.
        codes: the codes that follow.
    """

    word: str
    codes: tuple[Span, ...]
    span: Span


def weighed(
    diagnostics: Iterable[Diagnostic],
    files: Iterable[Namespace],
    levels: Mapping[str, str] = DEFAULTS,
    strict: bool = False,
) -> list[Diagnostic]:
    """Warnings at their levels, without those that are off or that the text allows.

    Arguments:
        files: those whose comments count.
        levels: the level of each code that is no plain warning.
        strict: what would be a warning is an error.
    """
    found = list(diagnostics)
    allows = [allow for file in files for allow in allows_of(file)] if found else []
    return [
        at_level(diagnostic, level, strict)
        for diagnostic in found
        if (level := levels.get(diagnostic.code, "warning")) != "off"
        if not any(allow.covers(diagnostic) for allow in allows)
    ]


def at_level(diagnostic: Diagnostic, level: str, strict: bool) -> Diagnostic:
    """A diagnostic that counts as much as its level says."""
    level = "error" if strict and level == "warning" else level
    return diagnostic if level == "warning" else replace(diagnostic, level=level)


def directives(source: Source) -> Iterator[Directive]:
    """The comments for the compiler, in their order."""
    if "cnnc:" not in source.text:
        return
    for _, text, start, end in scan(source).comments:
        found = _DIRECTIVE.match(text)
        if found:
            first = start + found.start("codes")
            codes = (
                Span(source, first + code.start(), first + code.end())
                for code in CODE.finditer(found["codes"])
            )
            yield Directive(found["word"], tuple(codes), Span(source, start, end))


def allows_of(namespace: Namespace) -> Iterator[Allow]:
    """What the comments of a file allow."""
    for directive in directives(namespace.source):
        if directive.word == "allow" and directive.codes:
            scope = _scope(directive.span, namespace.file)
            for code in directive.codes:
                yield Allow(code.text, code, scope)


def _scope(comment: Span, file: File) -> Span:
    """The line that a comment is about, with all that begins on it."""
    source = comment.source
    line, column = source.position(comment.start)
    if not source.line(line)[: column - 1].strip():
        line = _next_line(source, line)
    start = source.starts[line - 1]
    end = start + len(source.line(line))
    begun = [
        node.span.end
        for node in walk(file)
        if start <= node.span.start <= end and not isinstance(node, (File, Body))
    ]
    return Span(source, start, max([end + 1, *begun]))


def _next_line(source: Source, line: int) -> int:
    """The next line that says something, or the last one."""
    for number in range(line + 1, len(source.starts) + 1):
        if source.line(number).split("#")[0].strip():
            return number
    return line
