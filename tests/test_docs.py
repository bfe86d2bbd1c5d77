"""The documentation says what is so: its examples are run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from cnndsl import cli
from cnndsl.diagnostics import CnnError
from cnndsl.driver import check, compile_model
from cnndsl.parser import parse
from cnndsl.passes.flatten import flatten
from cnndsl.printer import format_source
from cnndsl.source import Source
from tests import test_error_suites as suites
from tests.test_error_suites import Case

ROOT = Path(__file__).parent.parent
Captured = pytest.CaptureFixture[str]
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


PAGES = sorted((ROOT / "docs" / "language").glob("*.md"))
MISTAKES = [case for page in PAGES for case in suites.read_cases(page)]


def examples(page: Path) -> list[str]:
    """The complete examples of a page about a construct: those that no error follows."""
    found = blocks(str(page))
    after = [*(language for language, _ in found[1:]), ""]
    return [
        text
        for (language, text), following in zip(found, after, strict=True)
        if language == "cnn" and following != "error"
    ]


EXAMPLES = [
    pytest.param(text, number == 0, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, text in enumerate(examples(page))
]


def test_the_manual_links_its_pages() -> None:
    manual = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"\]\(language/([\w-]+)\.md\)", manual)) == [p.stem for p in PAGES]


@pytest.mark.parametrize(("text", "first"), EXAMPLES)
def test_examples_of_the_pages_are_proved(text: str, first: bool) -> None:
    source = Source("example.cnn", text)
    assert format_source(source) == text
    compiled = check(source)
    assert all(model.claims and not model.diagnostics for model in compiled)
    about = {re.split(r"[ (]", claim.text)[0] for model in compiled for claim in model.claims}
    assert not first or ("params" in about and len(about) > 1)


def test_the_table_of_roundings() -> None:
    """Each row: width, multiplier, product, rounded down, to the nearest multiple, `round_to`."""
    text = (ROOT / "docs" / "language" / "rounding.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| ([\d.]+) \| ([\d.]+) \|(.*?)\|[^|]*\|$", text, re.MULTILINE)
    assert len(rows) == 5
    for width, by, product, found in rows:
        assert float(width) * float(by) == pytest.approx(float(product))
        words = (
            f"floor({product})",
            f"max(8, 8 * round({product} / 8))",
            f"round_to({product}, 8)",
        )
        channels = "\n".join(f"conv 1x1, {word}" for word in words)
        (model,) = check(Source("net.cnn", f"model net {{\ninput 1x1x1\n{channels}\n}}\n"))
        made = [node.outputs[0].type.channels for node in model.module.main.nodes]
        assert made == [int(cell) for cell in found.split("|")]
    (whole,) = re.findall(r"MobileNetV2 1.4 has ([\d,]+) parameters", text)
    assert compile_model("mobilenet_v2.cnn:mobilenet_v2_1_4").cost.params == int(
        whole.replace(",", "")
    )


@pytest.mark.parametrize("case", MISTAKES, ids=suites.name_of)
def test_mistakes_of_the_pages(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, update: bool
) -> None:
    suites.test_messages(case, tmp_path, monkeypatch, update)
    suites.test_style(case, tmp_path, monkeypatch)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_page_has_an_example_and_its_limits(page: Path) -> None:
    assert examples(page) and [case for case in MISTAKES if case.suite == page]
    for link in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / link).exists(), link


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
    return [line for line in found if not re.search(r"\bmy\.cnn|--weights\b", line)]


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
    (shown,) = [text for _, text in blocks("README.md") if text.startswith("error[E0301]")]
    text = (
        "block bottleneck(n) {\n  add {\n    | conv 1x1, n, bn, relu\n      conv 3x3, n, bn, relu\n"
        "      conv 1x1, 4*n, bn\n    | identity\n  }\n  relu\n}\n\nmodel net {\n"
        "  input 56x56x64\n  bottleneck(64)\n}\n"
    )
    with pytest.raises(CnnError) as caught:
        check(Source("net.cnn", text))
    from cnndsl.render import render

    assert render(caught.value.diagnostics[0]).rstrip() == shown.rstrip()


# -------------------------------------------------------------- the guide to rewriting

GUIDE = (ROOT / "docs" / "rewriting.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.+)\n((?:(?!^## ).*\n)*)", GUIDE, re.MULTILINE))
WEIGHTS = {"resnet50.safetensors": "resnet50.cnn", "a0.safetensors": "repvgg.cnn:repvgg_a0"}
"""Files of weights that the guide takes for granted, and the models that they are drawn for."""


def transcript(section: str) -> list[tuple[str, str]]:
    """The commands of a section with what they print, the names of its files with their texts."""
    found = []
    for kind, text in re.findall(r"^```(.*)\n((?:(?!^```$).*\n)*)^```$", section, re.MULTILINE):
        if kind.startswith("cnn name="):
            found.append((kind.removeprefix("cnn name="), text))
        elif kind == "console":
            parts = re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE)
            assert parts, text
            found += parts
    return found


def is_shown(expected: str, printed: str) -> bool:
    """Whether lines were printed; one of dots stands for any number of them."""
    lines = ("(?:.*\\n)*?" if line == "..." else re.escape(line) + "\\n" for line in
             expected.splitlines())  # fmt: skip
    return re.fullmatch("".join(lines), printed) is not None


@pytest.mark.parametrize("title", [t for t, text in SECTIONS.items() if "$ cnnc" in text])
def test_the_guide_shows_what_is_printed(
    title: str, capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    draw_weights([file for file in WEIGHTS if file in SECTIONS[title]])
    for file, text in transcript(GUIDE[: GUIDE.index(f"## {title}")]):
        if not file.startswith("cnnc "):
            Path(file).write_text(text, encoding="utf-8")
    for line, text in transcript(SECTIONS[title]):
        if not line.startswith("cnnc "):
            Path(line).write_text(text, encoding="utf-8")
            continue
        if line.startswith("cnnc draw"):
            pytest.importorskip("pygraphviz")
        cli.main(shlex.split(line)[1:])
        printed = capsys.readouterr()
        assert is_shown(text, printed.out + printed.err), printed.out + printed.err
        check_deployed(*re.findall(r"cnnc rewrite (\S+) .*--weights (\S+) -o (\S+)", line))


@pytest.mark.parametrize("line", sorted(set(re.findall(r"`(cnnc \w+ [^`]+)`", GUIDE))))
def test_commands_in_the_sentences_of_the_guide_run(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if line.startswith("cnnc draw"):
        pytest.importorskip("pygraphviz")
    monkeypatch.chdir(tmp_path)
    assert cli.main(shlex.split(line)[1:]) == 0


def draw_weights(files: list[str]) -> None:
    if files:
        pytest.importorskip("flax")
    for file in files:
        from cnndsl.verify.module_weights import draw, write

        module = compile_model(WEIGHTS[file]).module
        write(module, draw(module, 1), file)


def check_deployed(*written: tuple[str, str, str]) -> None:
    """What was written computes what was given, here on small images."""
    for spec, weights, out in written:
        moved = Path(out).with_suffix(".safetensors")
        if moved.exists():
            before, after = outputs(spec, weights), outputs(out, str(moved))
            assert abs(before - after).max() <= 1e-5 * abs(before).max()


def outputs(spec: str, weights: str) -> Any:
    import numpy as np

    from cnndsl.interpret import interpret
    from cnndsl.verify.module_weights import flat, read

    module = compile_model(spec, input="32x32x3").module
    graph = flatten(module)
    x = np.random.default_rng(0).normal(size=(1, 32, 32, 3))
    found = interpret(graph, {graph.inputs[0].name: x}, flat(module, read(module, weights)))
    return found[graph.outputs[0].value]


def test_the_guide_counts() -> None:
    """Numbers of its sentences: sets, norms, blocks, and the sums behind its claims."""
    from cnndsl.rewrite.catalogue import catalogue_sets

    (deploy,) = (found for found in catalogue_sets() if found.name == "inference")
    assert f"a set: {len(deploy.rules)} rules" in GUIDE
    densenet = compile_model("densenet.cnn:densenet121", rewrite=["fold_bn"])
    assert densenet.derivation is not None
    norms, left = (
        sum(getattr(node.op, "word", "") == "bn" for node in flatten(module).nodes)
        for module in (densenet.derivation.start, densenet.module)
    )
    assert f"of its {norms} norms {norms - left} are folded" in GUIDE
    text = "".join(blocks_of(SECTIONS["Where a network comes from"]))
    derived = (ROOT / "specs" / "derived.cnn").read_text(encoding="utf-8")
    assert all(f"{line} {{" in derived for line in text.splitlines() if line.startswith("model "))


def blocks_of(section: str) -> list[str]:
    return [text for _, text in BLOCK.findall(section)]


def test_the_guide_links_what_there_is() -> None:
    marks = str.maketrans(" ", "-", '",')
    anchors = {title.lower().translate(marks) for title in SECTIONS}
    for link in re.findall(r"\]\(([^)]+)\)", GUIDE):
        file, _, anchor = link.partition("#")
        assert not file or (ROOT / "docs" / file).exists(), link
        assert not anchor or file or anchor in anchors, link
