"""`docs/museum.md`: published mistakes of other tools, each with the message that it gives here.

A page in the form of the error suites; `pytest tests/test_museum.py --update-golden` fills in
the messages.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cnndsl.diagnostics import CnnError
from cnndsl.driver import check
from cnndsl.source import Source
from tests import test_error_suites as suites
from tests.test_error_suites import Case

PAGE = Path(__file__).parent.parent / "docs" / "museum.md"
EXHIBITS = suites.read_cases(PAGE)


def name_of(exhibit: Case) -> str:
    return f"{exhibit.title} ({exhibit.number})"


@pytest.mark.parametrize("exhibit", EXHIBITS, ids=name_of)
def test_is_flagged_with_this_message(
    exhibit: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, update: bool
) -> None:
    suites.test_messages(exhibit, tmp_path, monkeypatch, update)


@pytest.mark.parametrize("exhibit", EXHIBITS, ids=name_of)
def test_messages_are_in_style(
    exhibit: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suites.test_style(exhibit, tmp_path, monkeypatch)
    suites.test_fixes_mend(exhibit, tmp_path, monkeypatch)


def test_every_exhibit_is_listed() -> None:
    text = PAGE.read_text(encoding="utf-8")
    titles = re.findall(r"^## (.+)$", text, re.MULTILINE)
    anchors = [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles]
    assert re.findall(r"^\| \[\d\]\(#(.+?)\)", text, re.MULTILINE) == anchors
    assert len(titles) == 7 and {exhibit.title for exhibit in EXHIBITS} == set(titles)


# ------------------------------------------------------------ what the page says besides


def mended(title: str, number: int, *changes: tuple[str, str]) -> Source:
    """An exhibit with some of its text changed."""
    (text,) = [dict(case.files)["net.cnn"] for case in EXHIBITS
               if case.title == title and case.number == number]  # fmt: skip
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return Source("net.cnn", text)


def messages(source: Source) -> list[str]:
    with pytest.raises(CnnError) as caught:
        check(source)
    return [problem.message for problem in caught.value.diagnostics]


def test_the_last_fault_of_dnngraph() -> None:
    source = mended("1. GoogLeNet in DNNGraph", 1, ("inception(150", "inception(160"))
    assert messages(source) == ["expected `depth = 22`, found 21"]
    (whole,) = check(
        mended(
            "1. GoogLeNet in DNNGraph",
            1,
            ("inception(150", "inception(160"),
            ("  conv 3x3, 192 ", "  conv 1x1, 64\n  conv 3x3, 192 "),
        )
    )
    assert whole.cost.params == 6_998_552


def test_what_darknet_computes() -> None:
    """Adding the channels that both have is a shortcut of option A."""
    (net,) = check(
        mended(
            "2. ResNet-50 in Darknet",
            2,
            ("block bottleneck", "use std (shortcut_a)\nblock bottleneck"),
            ("  residual {\n    conv 1x1, n,", "  add {\n    | conv 1x1, n,"),
            ("    conv 1x1, 4*n, bn\n", "    conv 1x1, 4*n, bn\n    | shortcut_a(4*n, stride)\n"),
        )
    )
    assert net.cost.params + net.cost.statistics == 22_825_896


def test_the_missing_stages_of_neural() -> None:
    source = mended(
        "4. ResNet-18 in Neural",
        5,
        ("  residual {\n    conv 3x3/2, 128, relu", "  add {\n    | conv 3x3/2, 128, relu"),
        ("    conv 1x1/2, 128", "    | conv 1x1/2, 128"),
    )
    assert messages(source) == ["expected `depth = 18`, found 10"]


def test_the_code_of_efficientnet() -> None:
    """With the strides of the code the paper's numbers hold."""
    assert check(
        mended(
            "6. Papers and their code",
            7,
            ("mbconv(3x3, 6, 80) × 3                   : 28x28x80",
             "mbconv(3x3, 6, 80, stride=2 then 1) × 3  : 14x14x80"),
            ("112, stride=2 then 1)", "112)"),
        )
    )  # fmt: skip


def test_the_options_of_timm_are_written_right() -> None:
    (net,) = check(mended("7. Block strings in timm", 9, ("es=", "se="), ("n=hz", "n=hs")))
    assert not net.diagnostics
