"""Every code has a page, and the examples of the pages do what they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cnndsl import driver
from cnndsl.codes import CODES, Code, index, markdown, page
from cnndsl.diagnostics import CnnError, Diagnostic
from cnndsl.lint.engine import lint
from cnndsl.lint.rule import load_rules

ROOT = Path(__file__).parent.parent
WITHOUT_EXAMPLE = {
    "E0802": "the text is right",
    "E0107": "a control character would be invisible",
    "E0602": "65 braces",
    "E0701": "the text is right",
    "E0702": "the text is right",
    "E0703": "the text is right",
    "E0705": "the text is right",
    "E0706": "the text is right",
    "E0801": "the text is right",
    **dict.fromkeys(
        ("E0901", "E0902", "E0903", "E0904", "E0905", "E0906"), "another network is needed"
    ),
    **dict.fromkeys(("E1006", "E1007", "E1008"), "an option is needed"),
    "I9001": "the text is right",
}
WITH_EXAMPLE = [code for code in CODES.values() if code.code not in WITHOUT_EXAMPLE]


def used_codes() -> set[str]:
    """The codes that the source text of the compiler mentions."""
    files = [*ROOT.glob("cnndsl/**/*.py"), *ROOT.glob("backends/**/*.py")]
    texts = [file.read_text(encoding="utf-8") for file in files if file.name != "codes.py"]
    return {code for text in texts for code in re.findall(r'"([EW]\d{4})"', text)}


def test_codes_and_pages_are_the_same_set() -> None:
    assert sorted(used_codes()) == sorted(code for code in CODES if code != "I9001")


def test_pages_are_in_order() -> None:
    severities = "EWI"
    assert list(CODES) == sorted(CODES, key=lambda code: (severities.index(code[0]), code))


def test_only_some_pages_have_no_example() -> None:
    assert {code.code for code in CODES.values() if not code.wrong} == set(WITHOUT_EXAMPLE)


def problems(code: Code, example: str, folder: Path) -> list[Diagnostic]:
    """What the compiler says about an example, and the linter about one of a warning."""
    for name, text in (*code.files, ("net.cnn", example)):
        (folder / name).write_text(text, encoding="utf-8")
    try:
        if code.code.startswith("W"):
            off = load_rules()[code.code].level == "off"
            return lint("net.cnn", select=[code.code] if off else [])
        done = driver.check("net.cnn")
    except CnnError as problem:
        return list(problem.diagnostics)
    return [diagnostic for compiled in done for diagnostic in compiled.diagnostics]


@pytest.mark.parametrize("code", WITH_EXAMPLE, ids=lambda code: code.code)
def test_examples(code: Code, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = problems(code, code.wrong, tmp_path)
    assert [diagnostic.code for diagnostic in found] == [code.code]
    if code.right:
        assert problems(code, code.right, tmp_path) == []


def test_page_and_index() -> None:
    shown = page(CODES["E0301"])
    assert shown.startswith("E0301: values of different shapes")
    assert "\nWrong:\n\n    model net {\n" in shown
    assert "```" not in shown
    assert index().count("\n") == len(CODES) - 1


def test_no_line_is_too_long() -> None:
    assert max(map(len, markdown().splitlines())) <= 100


def test_document_is_fresh(golden) -> None:  # type: ignore[no-untyped-def]
    golden(ROOT / "docs" / "errors.md", markdown())
