"""Diagnostics as SARIF: the format, and that it says what the messages say."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from cnndsl.cli import main
from cnndsl.codes import CODES
from cnndsl.diagnostics import Diagnostic, Fix, Help, Label, error
from cnndsl.fixes import edited
from cnndsl.render.sarif import to_sarif
from cnndsl.source import Source, Span
from tests.test_render import check

SUBSET = json.loads((Path(__file__).parent / "data" / "sarif-subset.json").read_text())

TEXT = "# 😀 é\nconv 3x3 # 😀\n  rlu\r\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_of(*diagnostics: Diagnostic) -> dict[str, Any]:
    """The one run of a log that is as the standard says."""
    log = json.loads(to_sarif(diagnostics))
    check(log, SUBSET, SUBSET)
    (run,) = log["runs"]
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        for places in (result.get("locations", []), result.get("relatedLocations", [])):
            assert all(is_region(place["physicalLocation"]["region"]) for place in places)
            assert len(places) == len({json.dumps(place) for place in places})
    return run  # type: ignore[no-any-return]


def is_region(region: dict[str, int]) -> bool:
    start = region["startLine"], region["startColumn"]
    return (1, 1) <= start <= (region["endLine"], region["endColumn"]) and start[1] >= 1


def place(source: Source, word: str) -> Span:
    at = source.text.index(word)
    return Span(source, at, at + len(word))


@pytest.fixture
def net() -> Source:
    return Source("net.cnn", TEXT, "net.cnn")


def test_a_log_without_results() -> None:
    run = run_of()
    assert run["results"] == run["tool"]["driver"]["rules"] == []


def test_columns_are_utf_16(net: Source) -> None:
    after = Span(net, TEXT.index("é"), TEXT.index("é") + 1)
    (first, second) = run_of(error("E0103", "m", after), error("E0201", "m", place(net, "rlu")))[
        "results"
    ]
    region = first["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 1, "startColumn": 6, "endLine": 1, "endColumn": 7}
    region = second["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 3, "startColumn": 3, "endLine": 3, "endColumn": 6}


def test_a_result_says_everything(net: Source) -> None:
    label = Label(place(net, "conv"), "made here")
    help = Help("did you mean `relu`?", Fix(place(net, "rlu"), "relu"))
    found = error(
        "E0201", "there is no `rlu`", place(net, "rlu"), "here", also=[label, label], notes=["why"],
        help=[help, "`cnnc ops` lists them"],
    )  # fmt: skip
    (result,) = run_of(found)["results"]
    assert result["level"] == "error"
    assert result["message"]["text"].split("\n") == [
        "there is no `rlu`",
        "here",
        "why",
        "help: did you mean `relu`?",
        "help: `cnnc ops` lists them",
    ]
    (related,) = result["relatedLocations"]
    assert related["message"]["text"] == "made here"
    assert related["physicalLocation"]["region"]["startLine"] == 2


def applied(text: str, fix: dict[str, Any]) -> str:
    """The text after a fix, read as a tool reads it: in UTF-16 code units."""
    ((replacement,),) = [change["replacements"] for change in fix["artifactChanges"]]
    region, lines = replacement["deletedRegion"], text.split("\n")

    def offset(line: int, column: int) -> int:
        before = lines[line - 1].encode("utf-16-le")[: 2 * (column - 1)].decode("utf-16-le")
        return sum(len(one) + 1 for one in lines[: line - 1]) + len(before)

    start = offset(region["startLine"], region["startColumn"])
    end = offset(region["endLine"], region["endColumn"])
    return text[:start] + replacement["insertedContent"]["text"] + text[end:]


@pytest.mark.parametrize(
    ("word", "text"), [("rlu", "relu"), (" # 😀\n  rlu", "; relu"), ("é", ""), ("\r\n", "\n}\n")]
)
def test_fixes_are_the_edits(net: Source, word: str, text: str) -> None:
    fix = Fix(place(net, word), text)
    (result,) = run_of(error("E0201", "m", fix.span, help=[Help("do", fix)]))["results"]
    assert applied(TEXT, result["fixes"][0]) == edited(net, [fix]).text


def test_nothing_is_a_placeholder_or_a_link(net: Source) -> None:
    found = error("E0201", "write `d{0}` or [3a](1), not \x1b[2J\u202e", place(net, "rlu"))
    text = run_of(found)["results"][0]["message"]["text"]
    assert not re.search(r"(?<!\{)\{\d+\}(?!\})|\]\(", text)
    assert "\x1b" not in text and "\u202e" not in text


def test_rules_have_their_pages(net: Source) -> None:
    place = Span(net, 0, 1)
    run = run_of(*(error(code, "m", place) for code in CODES), error("E0101", "again", place))
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(CODES)
    for rule in rules:
        code = CODES[rule["id"]]
        assert rule["shortDescription"]["text"] == code.title
        assert code.text in rule["help"]["text"] and code.text in rule["help"]["markdown"]
        assert code.right.strip() in rule["help"]["markdown"]
        level = "warning" if code.code.startswith("W") else "error"
        assert rule["defaultConfiguration"]["level"] == level


def test_levels(net: Source) -> None:
    labels = (Label(Span(net, 0, 1)),)
    found = [Diagnostic("W0401", "m", labels, level=level) for level in ("", "info", "error")]
    assert [one["level"] for one in run_of(*found)["results"]] == ["warning", "note", "error"]


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("net.cnn", "net.cnn"),
        ("a b/ü%.cnn", "a%20b/%C3%BC%25.cnn"),
        ("/elsewhere/net.cnn", "file:///elsewhere/net.cnn"),
        (None, "%3Cstdin%3E"),
    ],
)
def test_files_are_relative(path: str | None, uri: str) -> None:
    source = Source(path or "<stdin>", "x", path)
    (result,) = run_of(error("E0201", "m", Span(source, 0, 1)))["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": uri}


def test_a_problem_without_a_place() -> None:
    (result,) = run_of(error("E0501", "there is no file `x.cnn`"))["results"]
    assert "locations" not in result


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    Path("net.cnn").write_text("model net { input 8x8x3; rlu }\n")
    assert main(["check", "net.cnn", "nowhere.cnn", "--output-format", "sarif"]) == 1
    out, err = capsys.readouterr()
    log = json.loads(out)
    check(log, SUBSET, SUBSET)
    assert not err
    assert [one["ruleId"] for one in log["runs"][0]["results"]] == ["E0201", "E0501"]
