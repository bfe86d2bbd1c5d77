"""The documentation says what is so: its examples are run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from cnndsl import cli
from cnndsl.diagnostics import CnnError
from cnndsl.driver import check
from cnndsl.parser import parse
from cnndsl.source import Source

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(file: str) -> list[tuple[str, str]]:
    """Language and text of the fenced blocks of a file."""
    return BLOCK.findall((ROOT / file).read_text(encoding="utf-8"))


def as_body(text: str) -> str:
    """Statements of an example as the body of a block."""
    return f"block example {{\n{text}\n}}\n"


@pytest.mark.parametrize("text", [text for _, text in blocks("docs/language.md")])
def test_examples_of_the_manual_parse(text: str) -> None:
    whole = re.search(r"^(?:model|block|use|cnn)\b", text, re.MULTILINE)
    text = text if whole else as_body(text)
    _, problems = parse(Source("manual.cnn", text.replace("{ ... }", "{ relu }")))
    assert not problems


def test_the_first_example_of_the_manual_compiles() -> None:
    (compiled,) = check(Source("manual.cnn", blocks("docs/language.md")[0][1]))
    assert compiled.module.name == "googlenet"


def test_the_example_of_the_readme_compiles() -> None:
    (compiled,) = check(Source("readme.cnn", "use std\n" + blocks("README.md")[0][1]))
    assert len(compiled.claims) == 2


def commands() -> list[str]:
    """The lines of the README that begin with `cnnc` and need no file of one's own."""
    lines = [line for _, text in blocks("README.md") for line in text.splitlines()]
    found = [line.split("  #")[0].strip() for line in lines if line.startswith("cnnc ")]
    return [line for line in found if "my.cnn" not in line]


@pytest.mark.parametrize("command", commands())
def test_commands_of_the_readme_run(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if " draw " in command:
        pytest.importorskip("pygraphviz")
    monkeypatch.chdir(tmp_path)
    assert cli.main(shlex.split(command)[1:]) == 0
    output = re.search(r"-o (\S+)", command)
    assert output is None or (tmp_path / output[1]).stat().st_size > 1000


def test_python_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pygraphviz")
    monkeypatch.chdir(tmp_path)
    (code,) = [text for language, text in blocks("README.md") if language == "python"]
    names: dict[str, object] = {}
    exec(code, names)
    claimed = re.search(r"macs +# ([\d_]+), exactly", code)
    assert claimed and names["model"].cost().macs == int(claimed[1])  # type: ignore[attr-defined]


def test_the_message_of_the_readme_is_the_one_that_is_printed(tmp_path: Path) -> None:
    shown = blocks("README.md")[-1][1]
    text = (
        "block bottleneck(n) {\n  add {\n    | conv 1x1, n, bn, relu\n      conv 3x3, n, bn, relu\n"
        "      conv 1x1, 4*n, bn\n    | identity\n  }\n  relu\n}\n\nmodel net {\n"
        "  input 56x56x64\n  bottleneck(64)\n}\n"
    )
    with pytest.raises(CnnError) as caught:
        check(Source("net.cnn", text))
    from cnndsl.render import render

    assert render(caught.value.diagnostics[0]).rstrip() == shown.rstrip()
