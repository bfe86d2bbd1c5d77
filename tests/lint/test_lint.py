"""Levels, comments, settings of a project, the command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cnndsl import driver
from cnndsl.cli import main
from cnndsl.codes import CODES
from cnndsl.levels import LEVELS, allows_of
from cnndsl.lint.engine import lint
from cnndsl.lint.rule import load_rules
from cnndsl.lint.table import listing, markdown
from cnndsl.source import Source

ROOT = Path(__file__).parent.parent.parent
Captured = pytest.CaptureFixture[str]

BIASED = "model net {\n  input 32x32x3\n  conv 3x3, 16, bias=true, bn, relu\n}\n"
DROPS = "model net {\n  input 32x32x3\n  maxpool 3x3/3\n}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.cnn").write_text(BIASED)
    (tmp_path / "drops.cnn").write_text(DROPS)
    return tmp_path


def codes(text: str, **options: object) -> list[str]:
    return [d.code for d in lint(Source("net.cnn", text), **options)]  # type: ignore[arg-type]


# ----------------------------------------------------------------------- rules


def test_every_warning_is_a_rule_and_every_rule_has_a_page() -> None:
    assert list(load_rules()) == [code for code in CODES if code.startswith("W")]
    assert {rule.level for rule in load_rules().values()} <= set(LEVELS)
    names = [rule.name for rule in load_rules().values()]
    assert len(set(names)) == len(names)


def test_every_rule_is_a_module_of_its_own() -> None:
    files = [f for f in (ROOT / "cnndsl/lint/rules").glob("*.py") if f.stem != "__init__"]
    assert len(files) == len(load_rules())
    for file in files:
        code = file.read_text().split('"""')[1].partition(":")[0]
        assert f'"{code}"' in file.read_text() and code in load_rules(), file.name


def test_table_in_the_manual(golden) -> None:  # type: ignore[no-untyped-def]
    page = ROOT / "docs" / "tools.md"
    text = page.read_text(encoding="utf-8")
    head, rows, tail = text.partition("| code | level | what it finds |")
    rest = (rows + tail).split("\n\n", 1)[1]
    golden(page, f"{head}{markdown()}\n\n{rest}")
    assert listing().count("\n") == len(load_rules()) - 1


# ---------------------------------------------------------------------- levels


@pytest.mark.parametrize(
    ("level", "severity"),
    [("info", "info"), ("warning", "warning"), ("error", "error")],
)
def test_levels(level: str, severity: str) -> None:
    (found,) = lint(Source("net.cnn", BIASED), levels={"W0303": level})
    assert found.severity == severity and found.is_error == (severity == "error")


def test_off_and_select() -> None:
    assert codes(BIASED, levels={"W0303": "off"}) == []
    assert codes(BIASED, select=["W0301"]) == []
    (found,) = lint(Source("net.cnn", BIASED), levels={"W0303": "off"}, select=["W0303"])
    assert found.severity == "info"


def test_strict_is_for_warnings() -> None:
    (found,) = lint(Source("net.cnn", BIASED), strict=True)
    assert found.severity == "error"
    (found,) = lint(Source("net.cnn", BIASED), levels={"W0303": "info"}, strict=True)
    assert found.severity == "info"


def test_check_knows_levels_and_comments() -> None:
    def found(text: str, **options: object) -> list[str]:
        done = driver.check(Source("net.cnn", text), **options)  # type: ignore[arg-type]
        return [d.severity for model in done for d in model.diagnostics]

    assert found(DROPS) == ["warning"]
    assert found(DROPS, levels={"W0301": "info"}) == ["info"]
    assert found(DROPS, levels={"W0301": "off"}) == []
    assert found(DROPS.replace("/3\n", "/3  # cnnc: allow W0301\n"), strict=True) == []


# ------------------------------------------------------------- once for a place


def test_one_message_for_a_place() -> None:
    text = """
        block unit(n, biased) { conv 3x3, n, bias=biased, bn, relu }
        model family(biased) { input 32x32x3; unit(8, biased) × 3; unit(16, false) }
        model a = family(true)
        model b = family(false)
    """
    (found,) = lint(Source("net.cnn", text))
    assert found.code == "W0303"
    assert found.notes[-1] == "so in 3 of 8 uses, the first in `a`"


def test_what_the_library_does_is_reported_where_it_is_asked_for() -> None:
    text = """use std (bottleneck)
model net {
  input 32x32x3
  conv 3x3, 64, relu
  bottleneck(64, stride=2, stride_on=first)
}
"""
    (found,) = lint(Source("net.cnn", text))
    assert found.code == "W0308" and found.place is not None
    assert str(found.place) == "net.cnn:5:3"
    assert found.labels[1].span.source.name == "std/residual.cnn"
    allowed = text.replace("first)\n", "first)  # cnnc: allow W0308\n")
    assert codes(allowed) == []


def test_what_another_file_says_is_reported_at_the_model(folder: Path) -> None:
    (folder / "base.cnn").write_text(
        "model base(biased) {\n  input 8x8x3\n  conv 3x3, 8, bias=biased, bn, relu\n}\n"
    )
    use = 'use "./base.cnn" (base)\n'
    (folder / "two.cnn").write_text(f"{use}model two = base(true)\n")
    (found,) = lint("two.cnn")
    assert str(found.place) == "two.cnn:2:7"
    (folder / "two.cnn").write_text(f"{use}model two = base(true)  # cnnc: allow W0303\n")
    assert lint("two.cnn") == []


# -------------------------------------------------------------------- comments


@pytest.mark.parametrize(
    ("text", "covered"),
    [
        ("model net {\n  relu  # cnnc: allow W0301\n  tanh\n}\n", "  relu"),
        ("model net {\n  # cnnc: allow W0301 why\n  relu\n  tanh\n}\n", "  relu\n"),
        ("model net {\n  # cnnc: allow W0301\n\n  # more\n  relu\n}\n", "  relu\n"),
        ("block a {  # cnnc: allow W0301\n  relu\n}\nblock b { relu }\n", "block a {  # cnnc"),
        ("# cnnc: allow W0301\nblock a {\n  relu\n}\nblock b { relu }\n", "block a {\n  relu\n}"),
        ("model net {\n  concat {  # cnnc: allow W0301\n    | relu\n  }\n}\n", "  concat {  #"),
        ("relu\n# cnnc: allow W0301", "# cnnc"),
    ],
)
def test_what_a_comment_is_about(text: str, covered: str) -> None:
    from cnndsl.loader import Loader

    namespace = Loader(".").namespace(Source("net.cnn", text))
    (allow,) = allows_of(namespace)
    assert allow.scope.text.startswith(covered)
    if covered.endswith("}"):
        assert allow.scope.text == covered


def test_fixes(folder: Path, capsys: Captured) -> None:
    text = BIASED.replace("bias=true, bn", "bn")
    (folder / "net.cnn").write_text(
        "use std\n" + text.replace("relu\n", "relu  # cnnc: allow W0303\n")
    )
    assert main(["lint", "--fix", "net.cnn"]) == 0
    assert (folder / "net.cnn").read_text() == text
    assert "nothing to say" in capsys.readouterr().err


# ------------------------------------------------------------------- a project


@pytest.mark.parametrize(
    ("name", "section"), [("cnnc.toml", "lint"), ("pyproject.toml", "tool.cnnc.lint")]
)
def test_configuration(folder: Path, name: str, section: str, capsys: Captured) -> None:
    (folder / name).write_text(f'[{section}]\nW0303 = "error"\n')
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "deep" / "er" / "net.cnn").write_text(BIASED)
    assert main(["lint", "deep/er/net.cnn"]) == 1
    assert "error[W0303]" in capsys.readouterr().err
    assert main(["lint", "net.cnn", "--level", "W0303=off"]) == 0


def test_the_nearest_configuration_counts(folder: Path) -> None:
    (folder / "deep").mkdir()
    (folder / "deep" / "net.cnn").write_text(BIASED)
    (folder / "cnnc.toml").write_text('[lint]\nW0303 = "error"\n')
    (folder / "deep" / "pyproject.toml").write_text("[project]\nname = 'lint'\n")
    assert main(["lint", "deep/net.cnn"]) == 1
    (folder / "deep" / "pyproject.toml").write_text('[tool.cnnc.lint]\nW0303 = "info"\n')
    assert main(["lint", "deep/net.cnn"]) == 0
    (folder / "deep" / "cnnc.toml").write_text('[lint]\nW0303 = "error"\n')
    assert main(["lint", "deep/net.cnn"]) == 1


def test_check_reads_it_too(folder: Path, capsys: Captured) -> None:
    (folder / "cnnc.toml").write_text('[lint]\nW0301 = "error"\n')
    assert main(["check", "drops.cnn"]) == 1
    assert main(["check", "drops.cnn", "--level", "W0301=off"]) == 0
    assert capsys.readouterr().err.count("[W0301]") == 1


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("[lint]\nW0333 = 'off'\n", "`W0333` is no code of a warning", "2:1"),
        ("[lint]\nW0303 = 'loud'\n", "`loud` is no level of `W0303`", "2:1"),
        ("[lint]\nW0303 = 3\n", "`3` is no level of `W0303`", "2:1"),
        ("[lint]\nW0303 = \n", "`cnnc.toml` is not TOML", "2:9"),
        ("[lint\n", "`cnnc.toml` is not TOML", "1:6"),
        ("lint = 3\n", "`lint` is a section", "1:1"),
        ("[other]\nx = 1\n[lint]\nE0301 = 'off'\n", "`E0301` is no code of a warning", "4:1"),
        ("[lint]\n\"strange key\" = 'off'\n", "`strange key` is no code", "2:2"),
        ("[lint]\nW0303 = ['off']\n", "is no level", "2:1"),
    ],
)
def test_wrong_configuration(
    folder: Path, text: str, message: str, place: str, capsys: Captured
) -> None:
    (folder / "cnnc.toml").write_text(text)
    assert main(["lint", "net.cnn"]) == 2
    said = capsys.readouterr().err
    assert "error[E0706]" in said and message in said
    assert f"--> cnnc.toml:{place}\n" in said


def test_a_configuration_that_is_no_text(folder: Path, capsys: Captured) -> None:
    (folder / "cnnc.toml").write_bytes(b"[lint]\nx = '\xff'\n")
    assert main(["lint", "net.cnn"]) != 70
    assert "E0107" in capsys.readouterr().err


# ----------------------------------------------------------------- the command


def test_exit_codes(folder: Path, capsys: Captured) -> None:
    assert main(["lint", "net.cnn", "drops.cnn"]) == 0
    said = capsys.readouterr()
    assert said.out == "" and "warning[W0303]" in said.err and "warning[W0301]" in said.err
    assert main(["lint", "net.cnn", "--strict"]) == 1
    assert main(["lint", "net.cnn", "--level", "W0303=loud"]) == 2
    assert main(["lint", "net.cnn", "--select", "W9"]) == 2
    assert main(["lint"]) == 2
    assert main(["lint", "missing.cnn"]) == 4
    (folder / "wrong.cnn").write_text("model net { input 8x8x3; reul }")
    assert main(["lint", "wrong.cnn", "net.cnn"]) == 1
    said = capsys.readouterr()
    assert "E0201" in said.err and "W0303" in said.err


def test_formats(folder: Path, capsys: Captured) -> None:
    options = ["lint", "net.cnn", "--level", "W0303=info", "--output-format"]
    assert main([*options, "json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["diagnostics"]
    assert (found["code"], found["severity"]) == ("W0303", "info")
    assert main([*options, "github"]) == 0
    assert capsys.readouterr().out.startswith("::notice file=net.cnn,line=3")
    assert main([*options, "sarif"]) == 0
    (result,) = json.loads(capsys.readouterr().out)["runs"][0]["results"]
    assert result["level"] == "note"


def test_list_of_rules(capsys: Captured) -> None:
    assert main(["lint", "--rules"]) == 0
    assert "W0305  warning  branches that are shifted" in capsys.readouterr().out


def test_one_model_of_a_file(folder: Path) -> None:
    (folder / "two.cnn").write_text(BIASED + DROPS.replace("net", "other"))
    assert [d.code for d in lint("two.cnn")] == ["W0303", "W0301"]
    assert [d.code for d in lint("two.cnn:other")] == ["W0301"]


def test_summary_counts_all_kinds(folder: Path, capsys: Captured) -> None:
    levels = ["--level", "W0303=info", "--level", "W0301=error"]
    main(["lint", "net.cnn", "drops.cnn", *levels])
    assert "1 warning and 1 hint; more about the first: cnnc explain W0301" in (
        capsys.readouterr().err
    )
