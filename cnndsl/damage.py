"""What syntax errors leave of a file: the items that are whole, and words that are in doubt.

An item without an error in it means what it says, whatever is wrong elsewhere. Of an item with
one, and of the text that belongs to none, nothing is known but the words of lines that stand at
the margin, where items begin: each of them may be a name that was meant to be defined there, and
where no name can be told, any name may have been.
"""

from __future__ import annotations

import re

from .lexer.scanner import RESERVED
from .record import Record
from .syntax import Use

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .diagnostics import Diagnostic
    from .source import Source
    from .syntax import File, Item

# `block unit(`, `unit(`, `let [width =`, `model net`, `rule fold exact`
_HEADER = re.compile(
    r"\W*(?:\w+\W+)?([A-Za-z_]\w*)[ \t]*(?:[^\w\s,)]|$)|rule[ \t]+([A-Za-z_]\w*)[ \t]+\w"
)
_NO_NAMES = RESERVED | {"use"}
_MARGIN = re.compile(r"^(?!\s|#)[^\n#]+", re.MULTILINE)
_WORD = re.compile(r"\w+")


class Damage(Record):
    """What is in doubt in one file.

    Arguments:
        items: names of the items that are not whole.
        words: what may be names of theirs, or of others that were not understood.
        hides_names: whether there may be other names.
    """

    items: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()
    hides_names: bool = False


UNHURT = Damage()


def damage_of(source: Source, file: File, problems: Sequence[Diagnostic]) -> Damage:
    """What the syntax errors of a file leave in doubt."""
    if not any(problem.is_error for problem in problems):
        return UNHURT
    hurt = {id(item) for problem in problems for item in _hurt(source, file, problem)}
    hurt |= {id(item) for item in file.items if source.text.startswith("{", item.span.start)}
    broken = [item for item in file.items if id(item) in hurt]
    names = (item.name.id for item in broken if not isinstance(item, Use))
    whole = (item for item in file.items if id(item) not in hurt)
    lines = list(_margin(source.text, whole))
    words = frozenset(word for line in lines for word in _WORD.findall(line))
    return Damage(frozenset(names), words, "use" in words or any(map(_hides_name, lines)))


def _hurt(source: Source, file: File, problem: Diagnostic) -> Iterator[Item]:
    """The items that an error is in, or whose end it puts in doubt."""
    for label in problem.labels:
        place = label.span.start
        before = None
        for item in file.items:
            if item.span.start > place:
                break
            before = item
        if before is None:
            continue
        is_inside = place <= before.span.end
        begins_next = is_inside and place == before.span.start and label is not problem.labels[0]
        is_rest = source.text[place : place + 1] == "}" or _is_indented(source.text, place)
        if (is_inside and not begins_next) or (not is_inside and is_rest):
            yield before


def _is_indented(text: str, place: int) -> bool:
    start = text.rfind("\n", 0, place) + 1
    return text[start : start + 1].isspace()


def _margin(text: str, whole: Iterator[Item]) -> Iterator[str]:
    """The lines at the margin of what is no item, or no whole one."""
    starts, ends = [0], []
    for item in whole:
        ends.append(item.span.start)
        starts.append(item.span.end)
    for start, end in zip(starts, [*ends, len(text)], strict=True):
        yield from _MARGIN.findall(text[start:end])


def _hides_name(line: str) -> bool:
    """Whether a line may be the header of an item whose name cannot be told."""
    found = _HEADER.match(line)
    name = (found[1] or found[2]) if found else ""
    is_header = line[0] not in "})]" and _WORD.search(line) is not None
    return is_header and (not name or name in _NO_NAMES)
