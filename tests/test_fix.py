"""`cnnc check --fix`: what it mends, what it leaves alone, what it writes."""

from __future__ import annotations

import io
import os
import re
import sys
from pathlib import Path

import pytest

from cnndsl import driver
from cnndsl.cli import main
from cnndsl.diagnostics import CnnError, Diagnostic, Fix, Help, error, suggest
from cnndsl.fixes import Mended, edited, mend
from cnndsl.loader import read_source
from cnndsl.output import write_all
from cnndsl.source import Source, Span
from tests.test_error_suites import CASES, Case, name_of

NET = """\
model net {
  input 16x16x3
  conv 3x3, 8, pad=1, relu
  MaxPool2d 2x2/2
  globalavgpool
  fc 10
}
"""
RIGHT = NET.replace("MaxPool2d", "maxpool")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str, text: str) -> Path:
    path = Path(name)
    path.write_bytes(text.encode())
    return path


# ------------------------------------------------------------- the command line


def test_a_file_is_mended(capsys: pytest.CaptureFixture[str]) -> None:
    net = write("net.cnn", NET)
    assert main(["check", "net.cnn", "--fix"]) == 0
    out, err = capsys.readouterr()
    assert net.read_text() == RIGHT
    assert err == "fixed net.cnn:4:3 E0201: `MaxPool2d` → `maxpool`\n"
    assert out.startswith("ok net: ")


def test_what_remains_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    net = write("net.cnn", NET.replace("fc 10", "fc 2, 3"))
    assert main(["check", "net.cnn", "--fix"]) == 1
    err = capsys.readouterr().err
    assert "maxpool" in net.read_text()
    assert err.startswith("fixed net.cnn:4:3 E0201") and "error[E0205]" in err


def test_a_file_without_mistakes_is_not_written() -> None:
    net = write("net.cnn", RIGHT)
    os.utime(net, (1, 1))
    assert main(["check", "net.cnn", "--fix"]) == 0
    assert net.stat().st_mtime == 1


def test_differences_are_shown_and_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    net = write("net.cnn", NET)
    assert main(["check", "net.cnn", "--diff"]) == 0
    out, err = capsys.readouterr()
    assert net.read_text() == NET
    assert "-  MaxPool2d 2x2/2\n+  maxpool 2x2/2\n" in out and "ok net" not in out
    assert "would fix net.cnn:4:3 E0201: `MaxPool2d` → `maxpool`" in err and "ok net" in err


@pytest.mark.parametrize("text", [NET, RIGHT])
def test_standard_input(
    text: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert main(["check", "-", "--fix"]) == 0
    out, err = capsys.readouterr()
    assert out == RIGHT
    assert "ok net" in err


def test_standard_output_is_for_one_result(capsys: pytest.CaptureFixture[str]) -> None:
    write("net.cnn", NET)
    assert main(["check", "net.cnn", "--diff", "--output-format", "json"]) == 2
    assert "would both go to standard output" in capsys.readouterr().err
    assert main(["check", "-", "--fix", "--output-format", "sarif"]) == 2


def test_files_that_use_each_other_are_mended_together() -> None:
    blocks = write("blocks.cnn", "block unit(n) { cnov 3x3, n, bn }\n")
    net = write("net.cnn", 'use "./blocks.cnn"\n' + NET.replace("relu", "relu; unti(8)"))
    assert main(["check", "net.cnn", "blocks.cnn", "--fix"]) == 0
    assert blocks.read_text() == "block unit(n) { conv 3x3, n, bn }\n"
    assert net.read_text() == 'use "./blocks.cnn"\n' + RIGHT.replace("relu", "relu; unit(8)")


def test_a_used_file_is_not_written() -> None:
    blocks = write("blocks.cnn", "block unit(n) { cnov 3x3, n, bn }\n")
    write("net.cnn", 'use "./blocks.cnn"\n' + NET.replace("relu", "relu; unit(8)"))
    assert main(["check", "net.cnn", "--fix"]) == 1
    assert "cnov" in blocks.read_text()


def test_a_shipped_spec_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    specs = Path("shipped")
    (specs / "std").mkdir(parents=True)
    (specs / "rules").mkdir()
    net = write("shipped/net.cnn", NET)
    monkeypatch.setattr("cnndsl.loader.shipped_folder", lambda: str(specs.absolute()))
    assert main(["check", "net.cnn", "--fix"]) == 1
    assert net.read_text() == NET


def test_a_file_that_is_named_twice() -> None:
    net = write("net.cnn", NET)
    assert main(["check", "net.cnn", "./net.cnn:net", "--fix"]) == 0
    assert net.read_text() == RIGHT


def test_line_ends_stay() -> None:
    net = write("net.cnn", NET.replace("\n", "\r\n"))
    assert main(["check", "net.cnn", "--fix"]) == 0
    assert net.read_bytes() == RIGHT.replace("\n", "\r\n").encode()


def test_a_file_that_cannot_be_written_is_as_it_was(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = write("one.cnn", NET), write("two.cnn", NET)

    def full(source: str, target: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cnndsl.output.os.replace", full)
    assert main(["check", "one.cnn", "two.cnn", "--fix"]) == 4
    assert "E0701" in capsys.readouterr().err
    assert one.read_text() == two.read_text() == NET
    assert sorted(os.listdir(".")) == ["one.cnn", "two.cnn"]


def test_the_page_shows_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    page = (Path(__file__).parent.parent / "docs" / "tools.md").read_text(encoding="utf-8")
    spec, *shown = re.findall(r"^```\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)[:3]
    write("net.cnn", spec)
    for text in shown:
        command, _, expected = text.partition("\n")
        main(command.removeprefix("$ cnnc ").split())
        out, err = capsys.readouterr()
        assert err + out == expected


# ------------------------------------------------------------------ what is kept


def checked(sources: tuple[Source, ...]) -> list[Diagnostic]:
    try:
        return [found for one in driver.check(sources[0]) for found in one.diagnostics]
    except CnnError as problem:
        return list(problem.diagnostics)


def mended(text: str) -> Mended:
    return mend((Source("net.cnn", text),), checked)


def test_a_guess_among_equals_is_not_made() -> None:
    text = RIGHT.replace("conv 3x3, 8", "let wide = 8; let wise = 9; conv 3x3, wixe")
    found = mended(text)
    assert found.sources[0].text == text and not found.applied
    (help,) = found.diagnostics[0].help
    assert help.fix is not None and not help.fix.safe


def test_a_word_with_one_nearest_neighbour_is_safe() -> None:
    place = Span(Source("net.cnn", "rlu"), 0, 3)
    (help,) = suggest("rlu", ["relu", "bn", "conv"], place)
    assert help.fix == Fix(place, "relu", safe=True)


TEXT = Source("a.cnn", "one two three")


def found_at(start: int, end: int, text: str, code: str = "E0201", safe: bool = True) -> Diagnostic:
    place = Span(TEXT, start, end)
    return error(code, f"wrong: {place.text}", place, help=[Help("", Fix(place, text, safe))])


def judged(*, before: list[Diagnostic], after: dict[str, list[Diagnostic]]) -> str:
    """The text after `mend`, when these diagnostics are found in it and in others."""
    verdicts = {TEXT.text: before} | after

    def check(sources: tuple[Source, ...]) -> list[Diagnostic]:
        return verdicts.get(sources[0].text, [])

    return mend((TEXT,), check).sources[0].text


def test_an_edit_that_is_of_no_use_is_taken_back() -> None:
    def check(sources: tuple[Source, ...]) -> list[Diagnostic]:
        place = Span(sources[0], 0, 3)
        return [error("E0201", "not in French", place, help=[Help("", Fix(place, "ein"))])]

    assert mend((TEXT,), check).sources[0] is TEXT
    assert judged(before=[found_at(0, 3, "ein")], after={}) == "ein two three"


def test_more_errors_are_not_accepted() -> None:
    wrong = found_at(0, 3, "ein")
    others = [error("E0203", f"new {n}", Span(TEXT, n, n + 1)) for n in range(2)]
    assert judged(before=[wrong], after={"ein two three": others}) == TEXT.text
    assert judged(before=[wrong], after={"ein two three": others[:1]}) == "ein two three"


def test_errors_that_a_syntax_error_hid_are_not_new() -> None:
    wrong = found_at(0, 3, "ein", code="E0108")
    others = [error("E0203", f"new {n}", Span(TEXT, n, n + 1)) for n in range(9)]
    assert judged(before=[wrong], after={"ein two three": others}) == "ein two three"


def in_german(now: Source) -> list[Diagnostic]:
    """Each English word of a text, with an edit."""
    words = {"one": "ein", "two": "zwei", "three": "drei"}
    places = [Span(now, *found.span()) for found in re.finditer(r"\w+", now.text)]
    return [
        error("E0201", place.text, place, help=[Help("", Fix(place, words[place.text]))])
        for place in places
        if place.text in words
    ]


def test_one_bad_edit_does_not_stop_the_others() -> None:
    def check(sources: tuple[Source, ...]) -> list[Diagnostic]:
        (now,) = sources
        worse = [error("E0101", "worse", Span(now, 0, 1))] if "zwei" in now.text else []
        return [*worse, *in_german(now)]

    found = mend((TEXT,), check)
    assert found.sources[0].text == "ein two drei"
    assert [edit.fix.text for edit in found.applied] == ["ein", "drei"]
    assert [left.message for left in found.diagnostics] == ["two"]


def test_edits_that_touch_wait() -> None:
    source = Source("a.cnn", "ab")
    seen: list[str] = []

    def check(sources: tuple[Source, ...]) -> list[Diagnostic]:
        (now,) = sources
        seen.append(now.text)
        places = [Span(now, at, at + 1) for at in range(2)]
        return [
            error("E0201", place.text, place, help=[Help("", Fix(place, place.text.upper()))])
            for place in places
            if place.text.islower()
        ]

    assert mend((source,), check).sources[0].text == "AB"
    assert seen == ["ab", "Ab", "AB"]


def test_edits_of_one_text_do_not_move_each_other() -> None:
    fixes = [found.help[0].fix for found in in_german(TEXT)]
    assert edited(TEXT, [fix for fix in reversed(fixes) if fix is not None]).text == "ein zwei drei"


def test_an_edit_that_is_not_safe_is_not_made() -> None:
    assert judged(before=[found_at(0, 3, "ein", safe=False)], after={}) == TEXT.text


def test_writing_is_for_given_files_only() -> None:
    """The formatter and `--fix` write over specs, everything else must not."""
    net = write("net.cnn", NET)
    with pytest.raises(CnnError):
        write_all({"net.cnn": b""}, ["other.cnn"])
    assert net.read_text() == NET


def test_guesses_that_lead_nowhere_are_not_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`tall` and `tell` are words in the block, and none of them an operator there."""
    text = (
        "block unit(n, act in {tall, tell} = tall) { conv 3x3, n, act }\n"
        "model net { input 8x8x3; unit(8, tell) }\n"
    )
    file = tmp_path / "net.cnn"
    file.write_text(text, encoding="utf-8")
    assert main(["check", str(file), "--fix"]) == 1
    assert file.read_text(encoding="utf-8") == text
    assert "fixed" not in capsys.readouterr().out


# ------------------------------------------------- every message that shows an edit


def in_files(case: Case) -> tuple[Source, ...]:
    """The specs of a case, the main one first."""
    specs = {name: text for name, text in case.files if name.endswith(".cnn")}
    for name, text in specs.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        write(name, text)
    return tuple(read_source(name, name) for name in sorted(specs, key="net.cnn".__ne__))


def is_safe(fix: Fix | None, sources: tuple[Source, ...]) -> bool:
    return fix is not None and fix.safe and fix.span.source in sources


WITH_EDITS = [case for case in CASES if "\nhelp: " in case.expected and not case.commands]


@pytest.mark.parametrize("case", WITH_EDITS, ids=name_of)
def test_no_edit_that_a_message_shows_is_refused(case: Case) -> None:
    try:
        sources = in_files(case)
    except CnnError:
        return  # a file that is no text
    if not sources:
        return

    def check(sources: tuple[Source, ...]) -> list[Diagnostic]:
        try:
            done = driver.check(sources[0], strict="--strict" in case.options, opened=sources)
        except CnnError as problem:
            return list(problem.diagnostics)
        return [found for one in done for found in one.diagnostics]

    result = mend(sources, check)
    refused = [
        f"{found.code}: {found.message}"
        for found in result.diagnostics
        for help in found.help
        if is_safe(help.fix, result.sources)
    ]
    assert not refused
