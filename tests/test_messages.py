"""The checklist for messages, over every snapshot of `tests/errors`.

A message has a code with a page, says in one line what is wrong, stands in a file that the
user wrote, names the next step, and comes once for each mistake. What the suites show is what
holds here; how it is rendered is compared in `test_error_suites.py`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from cnndsl.codes import CODES
from cnndsl.diagnostics import Diagnostic
from cnndsl.loader import shipped_folder
from tests.test_error_suites import CASES, Case, name_of, told

WIDTH = 160
"""Of a message: two lines of a terminal."""
LEAST = 350
"""Snapshots in all."""
EACH = 4
"""Snapshots of a code."""
COMMON = dict.fromkeys(
    ("E0101", "E0201", "E0202", "E0203", "E0206", "E0301", "E0302", "E0303", "E0309"), 8
)
"""Codes of the mistakes that are made most, which have more."""
EXEMPT = {"E0107": "bytes that are no text are not for Markdown"}
OUTSIDE = r"--\w|<"
"""What a place may be in that is no file: an option, standard input."""


@cache
def found(case: Case) -> tuple[Diagnostic, ...]:
    """The diagnostics of a case."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return tuple(told(case, Path(folder))[0])


def prose(diagnostic: Diagnostic) -> Iterator[str]:
    """All sentences of a diagnostic, without what is quoted in them."""
    labels = [label.text for label in diagnostic.labels]
    helps = [help.text for help in diagnostic.help]
    for text in (diagnostic.message, *diagnostic.notes, *helps, *labels):
        yield re.sub(r"`[^`]*`|\"[^\"]*\"", "", text)


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_stands_alone(case: Case) -> None:
    """One line, neither too long nor a sentence with a full stop, and it has a page."""
    for diagnostic in found(case):
        message = diagnostic.message
        assert diagnostic.code in CODES
        assert message.strip() == message and "\n" not in message
        assert not message.endswith((".", ":", ",")), message
        assert len(message) <= WIDTH, message
        assert not re.match(r"[A-Z][a-z]", message), f"begins like a sentence: {message}"


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_says_nothing_of_the_compiler(case: Case) -> None:
    """No names of tokens, of classes, of Python's values; no blame and no exclamation."""
    for diagnostic in found(case):
        for text in prose(diagnostic):
            assert not re.search(r"__|\b(None|True|False)\b|<\w+ object|Traceback", text), text
            assert not re.search(r"\b(LPAR|RPAR|LBRACE|RBRACE|NEWLINE|NAME|ANON)\b", text), text
            assert not re.search(r"\b\w+(Error|Exception)\b", text), text
            assert "!" not in text.replace("!=", ""), text


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_stands_in_a_file_of_the_user(case: Case) -> None:
    """Every label lies within its text, the first one in a text that the user can change."""
    own = {name for name, _ in case.files}
    for diagnostic in found(case):
        for label in diagnostic.labels:
            assert 0 <= label.span.start <= label.span.end <= len(label.span.source.text)
        place = diagnostic.place
        if place is not None and not re.match(OUTSIDE, place.source.name):
            assert place.source.name in own, place
            assert not place.source.shipped
            assert not (place.source.path or "").startswith(shipped_folder())


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_names_the_next_step(case: Case) -> None:
    """What may stand there, why it is wrong, or what to do."""
    for diagnostic in found(case):
        expected = any(label.text.startswith("expected ") for label in diagnostic.labels)
        assert diagnostic.help or diagnostic.notes or expected, diagnostic.message


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_comes_once_for_each_mistake(case: Case) -> None:
    """No place has two messages of one code."""
    places = [(d.code, str(d.place), d.message) for d in found(case)]
    assert len(set(places)) == len(places)
    lines = Counter(str(d.place) for d in found(case) if d.place is not None)
    assert all(count == 1 for count in lines.values()), lines


def test_there_are_many() -> None:
    assert len(CASES) >= LEAST


def test_every_code_has_its_cases() -> None:
    seen = Counter(code for case in CASES for code in {d.code for d in found(case)})
    few = {
        code: seen[code]
        for code in CODES
        if code not in EXEMPT and code.startswith("E") and seen[code] < COMMON.get(code, EACH)
    }
    assert not few
    assert sum(code.startswith("E") for code in CODES) >= 60
