"""Diagnostics are data: a code, a message that stands alone, labelled spans, notes, help.

The core creates and collects them; `render/` turns them into text, JSON or
SARIF at the rim, and `codes.py` has the page that `cnnc explain CODE` prints.
"""

from __future__ import annotations

from .record import Record
from .source import Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import NoReturn


MOST_COMPARED = 500
"""Names that a misspelt one is compared with, when there are more."""


class Label(Record):
    """A marked range of the source. The first label of a diagnostic is its place."""

    span: Span
    text: str = ""


class Fix(Record):
    """An edit: replace `span` by `text`.

    Arguments:
        safe: whether it may be applied without asking. A guess among equals is not, and
            neither is what makes another network of a spec.
    """

    span: Span
    text: str
    safe: bool = True


class Help(Record):
    """What to do next, in a sentence, and as an edit where that is possible."""

    text: str
    fix: Fix | None = None


class Diagnostic(Record):
    """One problem, once.

    Arguments:
        code: stable code, `E0301`; the letter is the severity (E error, W warning).
        message: one line that stands alone, user text in backticks.
        labels: marked places, the first one is where the problem is.
        notes: provenance and arithmetic, one sentence each.
        help: the next steps.
        level: of a warning that is taken for more or for less, `error` or `info`.
    """

    code: str
    message: str
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: tuple[Help, ...] = ()
    level: str = ""

    @property
    def is_error(self) -> bool:
        return self.level == "error" or self.code.startswith(("E", "I"))

    @property
    def severity(self) -> str:
        """`error`, `warning`, `info` or `internal error`: its level, or what its letter says."""
        kinds = {"E": "error", "W": "warning"}
        return self.level or kinds.get(self.code[:1], "internal error")

    @property
    def place(self) -> Span | None:
        return self.labels[0].span if self.labels else None


class CnnError(Exception):
    """Raised when a step cannot go on. Carries every diagnostic found so far."""

    def __init__(self, *diagnostics: Diagnostic) -> None:
        super().__init__("; ".join(f"{d.code}: {d.message}" for d in diagnostics))
        self.diagnostics = diagnostics


def error(
    code: str,
    message: str,
    span: Span | None = None,
    label: str = "",
    *,
    also: Iterable[Label] = (),
    notes: Iterable[str] = (),
    help: Iterable[Help | str] = (),
) -> Diagnostic:
    """A diagnostic with its main label at `span`; `help` takes plain sentences too."""
    first = (Label(span, label),) if span is not None else ()
    return Diagnostic(
        code,
        message,
        first + tuple(also),
        tuple(notes),
        tuple(h if isinstance(h, Help) else Help(h) for h in help),
    )


def suggest(word: str, known: Iterable[str], span: Span) -> tuple[Help, ...]:
    """The help that a word was perhaps misspelt: an edit, safe when no other is as near."""
    near = nearest(word, known)
    if not near:
        return ()
    return (Help(f"did you mean `{near[0]}`?", Fix(span, near[0], safe=len(near) == 1)),)


def fail(
    code: str,
    message: str,
    span: Span | None = None,
    label: str = "",
    *,
    also: Iterable[Label] = (),
    notes: Iterable[str] = (),
    help: Iterable[Help | str] = (),
) -> NoReturn:
    """Raise `CnnError` with one diagnostic."""
    raise CnnError(error(code, message, span, label, also=also, notes=notes, help=help))


def once(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Each diagnostic once; the same words at two places are two, though they are equal."""
    return list({(diagnostic, diagnostic.place): diagnostic for diagnostic in diagnostics}.values())


def distance(a: str, b: str, most: int | None = None) -> int:
    """Restricted Damerau-Levenshtein distance: edits and swaps of neighbours.

    Arguments:
        most: where larger distances do not matter, `most + 1` stands for all of them.
    """
    while a and b and a[0] == b[0]:
        a, b = a[1:], b[1:]
    while a and b and a[-1] == b[-1]:
        a, b = a[:-1], b[:-1]
    previous: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a):
        before, previous, row = previous, row, [i + 1]
        for j, y in enumerate(b):
            cost = min(previous[j + 1] + 1, row[j] + 1, previous[j] + (x != y))
            if i and j and x == b[j - 1] and a[i - 1] == y:
                cost = min(cost, before[j - 1] + 1)
            row.append(cost)
        if most is not None and min(row) > most and min(previous) >= most:
            return most + 1
    return row[-1]


def nearest(word: str, known: Iterable[str]) -> list[str]:
    """The known words that are equally near to `word`, or none when none is near."""
    limit = max(1, len(word) // 3) if len(word) > 1 else 0
    lower = word.lower()
    similar = {name for name in known if abs(len(name) - len(word)) <= limit and name != word}
    if len(similar) > MOST_COMPARED:  # whoever has so many names did not write them by hand
        alike = sorted(name for name in similar if name[:2] == word[:2])
        similar = set(alike[:MOST_COMPARED])
    ranked = sorted(
        (distance(lower, name.lower(), limit), abs(len(name) - len(word)), name)
        for name in similar
    )
    if not ranked or ranked[0][0] > limit:
        return []
    return [name for far, longer, name in ranked if (far, longer) == ranked[0][:2]]


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """The known word nearest to `word`, among equals of its length, or None when none is near."""
    return next(iter(nearest(word, known)), None)
