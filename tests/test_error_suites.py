"""`tests/errors/*.md`: specs and commands with the complete messages that they give.

A case is a heading, prose, blocks of files and an `error` block with the messages:

    cnn [name=FILE]      a spec, `net.cnn` if it has no name
    text name=FILE       another file; in `bin/` it can be run
    weights name=FILE    a checkpoint in safetensors; a line for each tensor: `fc.weight 10x8`
    sh                   command lines, `PATH= cnnc draw net.cnn -o net.svg`; without such a block
                         it is `cnnc check net.cnn`
    error [--strict]     the messages; options of `cnnc check`

`pytest tests/test_error_suites.py --update-golden` fills the error blocks in; a block
that holds codes only (`E0102`) is filled when the codes are right.
"""

from __future__ import annotations

import io
import json
import re
import shlex
import sys
from contextlib import redirect_stderr, redirect_stdout
from math import prod
from pathlib import Path

import pytest

from cnndsl import cli
from cnndsl.codes import CODES
from cnndsl.diagnostics import CnnError, Diagnostic
from cnndsl.record import Record
from cnndsl.render import render

FOLDER = Path(__file__).parent / "errors"
BLOCK = re.compile(r"^```(cnn|text|weights|sh|error)\b([^\n]*)\n(.*?)^```$", re.M | re.S)
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
        commands: command lines, if it is not `cnnc check`.
    """

    suite: Path
    title: str
    number: int
    files: tuple[tuple[str, str], ...]
    options: tuple[str, ...]
    expected: str
    commands: tuple[str, ...] = ()


def read_cases(suite: Path) -> list[Case]:
    """The cases of a suite; each ends with its error block."""
    cases: list[Case] = []
    text = suite.read_text(encoding="utf-8")
    files: dict[str, str] = {}
    commands: tuple[str, ...] = ()
    for block in BLOCK.finditer(text):
        kind, options, body = block.groups()
        if kind == "sh":
            commands = tuple(body.splitlines())
        elif kind != "error":
            files[options.strip().removeprefix("name=") or MAIN] = body
        else:
            titles = re.findall(r"^## (.+)$", text[: block.start()], re.MULTILINE)
            title = titles[-1] if titles else suite.stem
            given = tuple(options.split())
            whole = tuple(files.items())
            cases.append(Case(suite, title, len(cases), whole, given, body, commands))
            files, commands = {}, ()
    return cases


CASES = [case for suite in sorted(FOLDER.glob("*.md")) for case in read_cases(suite)]


def write_files(case: Case, folder: Path) -> None:
    for name, text in case.files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".safetensors"):
            path.write_bytes(checkpoint(text))
        else:
            path.write_text(text, encoding="utf-8")
            path.chmod(0o755 if name.startswith("bin/") else 0o644)


def checkpoint(text: str) -> bytes:
    """A file of safetensors with zeros; each line has a name and a shape."""
    header: dict[str, object] = {}
    end = 0
    for line in text.splitlines():
        name, size = line.split()
        shape = [int(extent) for extent in size.split("x")]
        start, end = end, end + 4 * prod(shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [start, end]}
    head = json.dumps(header).encode()
    return len(head).to_bytes(8, "little") + head + bytes(end)


def diagnostics_of(case: Case, folder: Path) -> list[Diagnostic]:
    """What the commands of a case, or `cnnc check`, find."""
    from cnndsl import driver

    if case.commands:
        return told(case, folder)[0]
    write_files(case, folder)
    try:
        done = driver.check(MAIN, strict="--strict" in case.options)
    except CnnError as problem:
        return list(problem.diagnostics)
    return [diagnostic for compiled in done for diagnostic in compiled.diagnostics]


def told(case: Case, folder: Path) -> tuple[list[Diagnostic], str]:
    """The diagnostics of a case, and what the person at the terminal reads."""
    if not case.commands:
        found = diagnostics_of(case, folder)
        return found, "\n\n".join(render(problem, width=100) for problem in found) + "\n"
    import cnndsl.render

    write_files(case, folder)
    found: list[Diagnostic] = []
    shown = _stream()
    render_all = cnndsl.render.render_all

    def kept(diagnostics: list[Diagnostic], **style: object) -> str:
        found.extend(diagnostics)
        return render_all(diagnostics, **style)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.syspath_prepend(str(folder))
        patch.setattr(cnndsl.render, "render_all", kept)
        for name in ("NO_COLOR", "FORCE_COLOR"):
            patch.delenv(name, raising=False)
        for line in case.commands:
            words = shlex.split(line)
            while "=" in words[0]:
                name, _, value = words.pop(0).partition("=")
                patch.setenv(name, value)
            assert words[0] == "cnnc", line
            with redirect_stderr(shown), redirect_stdout(_stream()):
                cli.main(words[1:])
    for name, _ in case.files:  # another case may have a module of the same name
        sys.modules.pop(name.removesuffix(".py"), None)
    return found, shown.buffer.getvalue().decode()  # type: ignore[attr-defined]


def _stream() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)


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
    found, text = told(case, tmp_path)
    assert text.strip(), "no error was found"
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
            assert "\n" in text or not {"{", "}"} & set(prose), text  # lines are a spec
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
