"""`tests/errors/*.md`: specs with the complete messages that they give.

A case is a heading, prose, a `cnn` block and an `error` block. `cnn name=blocks.cnn`
marks a file beside the main one, `error --strict` adds options of `cnnc check`.
`pytest tests/test_error_suites.py --update-golden` fills the error blocks in; a block
that holds codes only (`E0102`) is filled when the codes are right.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cnndsl.codes import CODES
from cnndsl.diagnostics import CnnError, Diagnostic
from cnndsl.record import Record
from cnndsl.render import render

FOLDER = Path(__file__).parent / "errors"
BLOCK = re.compile(r"^```(cnn|error)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODES_ONLY = re.compile(r"(?:[EW]\d{4}\s*)+")
MAIN = "net.cnn"


class Case(Record):
    """One case of a suite.

    Arguments:
        suite: the Markdown file.
        title: of the case.
        number: which one in the file, from 0.
        files: texts by name.
        options: of `cnnc check`.
        expected: the messages.
    """

    suite: Path
    title: str
    number: int
    files: tuple[tuple[str, str], ...]
    options: tuple[str, ...]
    expected: str


def read_cases(suite: Path) -> list[Case]:
    """The cases of a suite; each ends with its error block."""
    cases: list[Case] = []
    text = suite.read_text(encoding="utf-8")
    files: dict[str, str] = {}
    for block in BLOCK.finditer(text):
        kind, options, body = block.groups()
        if kind == "cnn":
            files[options.strip().removeprefix("name=") or MAIN] = body
            continue
        titles = re.findall(r"^## (.+)$", text[: block.start()], re.MULTILINE)
        title = titles[-1] if titles else suite.stem
        given = tuple(options.split())
        cases.append(Case(suite, title, len(cases), tuple(files.items()), given, body))
        files = {}
    return cases


CASES = [case for suite in sorted(FOLDER.glob("*.md")) for case in read_cases(suite)]


def diagnostics_of(case: Case, folder: Path) -> list[Diagnostic]:
    """What `cnnc check` finds in a case."""
    from cnndsl import driver

    for name, text in case.files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    try:
        done = driver.check(MAIN, strict="--strict" in case.options)
    except CnnError as problem:
        return list(problem.diagnostics)
    return [diagnostic for compiled in done for diagnostic in compiled.diagnostics]


def rewrite(case: Case, text: str) -> None:
    """Put the messages into the suite."""
    whole = case.suite.read_text(encoding="utf-8")
    blocks = [block for block in BLOCK.finditer(whole) if block[1] == "error"]
    start, end = blocks[case.number].span(3)
    case.suite.write_text(whole[:start] + text + whole[end:], encoding="utf-8")


def name_of(case: Case) -> str:
    return f"{case.suite.stem}: {case.title}"


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_messages(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, update: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    found = diagnostics_of(case, tmp_path)
    assert found, "no error was found"
    text = "\n\n".join(render(diagnostic, width=100) for diagnostic in found) + "\n"
    if CODES_ONLY.fullmatch(case.expected):
        assert [diagnostic.code for diagnostic in found] == case.expected.split()
        if not update:
            pytest.fail("the messages are not filled in; --update-golden does it")
    if update:
        if text != case.expected:
            rewrite(case, text)
        return
    assert text == case.expected


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_style(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What holds for every message: it has a page and a place, and is said calmly."""
    monkeypatch.chdir(tmp_path)
    for diagnostic in diagnostics_of(case, tmp_path):
        assert diagnostic.code in CODES
        assert not diagnostic.message.endswith(".") and "\n" not in diagnostic.message
        helps = [help.text for help in diagnostic.help]
        labels = [label.text for label in diagnostic.labels]
        for text in (diagnostic.message, *diagnostic.notes, *helps, *labels):
            prose = re.sub(r"`[^`]*`", "", text)
            assert "!" not in prose, text
            assert not re.search(r"__|None|<\w+ object|\bTrue\b|\bFalse\b", text), text
            assert "{" not in prose and "}" not in prose, text
        if diagnostic.place is not None:
            assert 0 <= diagnostic.place.start <= diagnostic.place.end
            assert diagnostic.place.end <= len(diagnostic.place.source.text)


def test_suites_have_cases() -> None:
    for suite in FOLDER.glob("*.md"):
        assert read_cases(suite), suite.name
    titles = [name_of(case) for case in CASES]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_fixes_mend(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fix may be applied without asking: afterwards its problem is gone."""
    monkeypatch.chdir(tmp_path)
    for diagnostic in diagnostics_of(case, tmp_path):
        for help in diagnostic.help:
            if help.fix is None or help.fix.span.source.name not in dict(case.files):
                continue
            span = help.fix.span
            mended = span.source.text[: span.start] + help.fix.text + span.source.text[span.end :]
            name = span.source.name
            files = tuple({**dict(case.files), name: mended}.items())
            again = diagnostics_of(
                Case(case.suite, case.title, 0, files, case.options, ""), tmp_path
            )
            assert (diagnostic.code, diagnostic.message) not in [
                (other.code, other.message)
                for other in again
                if other.place and other.place.start <= span.start <= other.place.end
            ], help.text
