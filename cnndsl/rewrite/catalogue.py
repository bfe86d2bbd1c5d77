"""The rules that ship with the compiler, and those of a file."""

from __future__ import annotations

import os
from itertools import dropwhile, takewhile

from ..evaluate.expressions import value_of
from ..evaluate.scope import Scope
from ..evaluate.values import RuleRef, rules_of
from ..loader import Loader, read_source, shipped_folder
from ..namespace import Namespace
from ..record import Record
from ..syntax import Let, Rule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..source import Span


class Chapter(Record):
    """The rules of one file.

    Arguments:
        name: of the file, without its ending.
        title: what the comment at its top says.
    """

    name: str
    title: str
    rules: tuple[RuleRef, ...]


def catalogue() -> tuple[Chapter, ...]:
    """The shipped rules, file by file."""
    folder = os.path.join(shipped_folder(), "rules")
    names = sorted(name for name in os.listdir(folder) if name.endswith(".cnn"))
    chapters = (chapter(os.path.join(folder, name), f"rules/{name}") for name in names)
    return tuple(found for found in chapters if found.rules)


class RuleSet(Record):
    """Rules under one name: `let inference = [...]`.

    Arguments:
        text: the list as it stands in the file.
        comment: the one nearest above.
    """

    name: str
    text: str
    comment: str
    rules: tuple[RuleRef, ...]


def catalogue_sets() -> tuple[RuleSet, ...]:
    """The shipped sets of rules, in the order of their files."""
    folder = os.path.join(shipped_folder(), "rules")
    loader = Loader(folder)
    files = sorted(name for name in os.listdir(folder) if name.endswith(".cnn"))
    sources = (read_source(os.path.join(folder, name), f"rules/{name}") for name in files)
    return tuple(found for source in sources for found in _sets_in(loader.namespace(source)))


def _sets_in(namespace: Namespace) -> Iterator[RuleSet]:
    for item in namespace.file.items:
        if not isinstance(item, Let) or item.parameters is not None:
            continue
        rules = rules_of(value_of(item.name.id, Scope(namespace)))
        if rules:
            text = " ".join(item.value.span.text.split())
            yield RuleSet(item.name.id, text, comment_above(item.span), rules)


def chapter(path: str, name: str) -> Chapter:
    """The rules of a file. Raises CnnError when it cannot be read or has syntax errors."""
    from ..diagnostics import CnnError

    loader = Loader(os.path.dirname(os.path.abspath(path)))
    namespace = loader.namespace(read_source(path, name))
    if loader.diagnostics:
        raise CnnError(*loader.diagnostics)
    stem = os.path.splitext(os.path.basename(path))[0]
    return Chapter(stem, _title(namespace), rules_in(namespace))


def ships(ref: RuleRef) -> bool:
    """Whether a rule is one of those that ship, and not a user's."""
    path = ref.namespace.source.path
    folder = os.path.join(shipped_folder(), "rules")
    return path is not None and os.path.dirname(os.path.realpath(path)) == os.path.realpath(folder)


def rules_in(namespace: Namespace) -> tuple[RuleRef, ...]:
    """The rules that a file defines, in order."""
    items = (item for item in namespace.file.items if isinstance(item, Rule))
    return tuple(RuleRef(item, namespace) for item in items)


def _title(namespace: Namespace) -> str:
    """The comment that a file begins with, as one text."""
    lines = []
    for line in namespace.source.text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.lstrip("# ").rstrip())
    return " ".join(lines)


def comment_of(ref: RuleRef) -> str:
    """The comment right above a rule, as one text."""
    return _comment(reversed(_above(ref.rule.span)))


def comment_above(span: Span) -> str:
    """The nearest comment above, though it be of a whole group."""
    return _comment(dropwhile(lambda line: not line.startswith("#"), reversed(_above(span))))


def _above(span: Span) -> list[str]:
    return span.source.text[: span.start].rstrip(" \t").splitlines()


def _comment(upwards: Iterable[str]) -> str:
    lines = [*takewhile(lambda line: line.startswith("#"), upwards)]
    return " ".join(line.lstrip("# ").rstrip() for line in reversed(lines))
