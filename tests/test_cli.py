"""The command line: exit codes, streams, and that no input ends in a traceback."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cnndsl.cli import main
from cnndsl.commands import COMMANDS, doctor
from cnndsl.manual import markdown, words
from cnndsl.terminal import use_color

ROOT = Path(__file__).parent.parent
NET = """\
model net(classes = 10) {
  input 32x32x3
  conv 3x3, 64, relu
  globalavgpool
  fc classes
  expect params = 2_442
}
"""
WRONG = "model net {\n  input 32x32x3\n  cnov 3x3, 64\n  conv 3, 64\n}\n"

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder with one good and one bad spec."""
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM", "CNNC_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "net.cnn").write_text(NET)
    (tmp_path / "wrong.cnn").write_text(WRONG)
    return tmp_path


def run(*arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """`cnnc` in a process of its own."""
    command = [sys.executable, "-m", "cnndsl", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env)


def stdin(monkeypatch: pytest.MonkeyPatch, text: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))


# ---------------------------------------------------------------------- usage


def test_overview_and_version(capsys: Captured) -> None:
    for arguments in ([], ["--help"], ["-h"], ["help"]):
        assert main(arguments) == 0
        assert capsys.readouterr().out.startswith("usage: cnnc COMMAND")
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("cnnc ")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command(command: str, capsys: Captured) -> None:
    assert main([command, "--help"]) == 0
    first = capsys.readouterr().out
    assert first.startswith(f"usage: cnnc {command}")
    assert main(["help", command]) == 0
    assert capsys.readouterr().out == first


@pytest.mark.parametrize(
    ("arguments", "message", "help"),
    [
        ("chekc net.cnn", "there is no command `chekc`", "did you mean `cnnc check`?"),
        ("net.cnn", "what is to be done with `net.cnn`?", "`cnnc check net.cnn` checks it"),
        ("--foo", "there is no option `--foo`", "see `cnnc --help`"),
        ("check", "`cnnc check` needs FILE[:MODEL]", "usage: cnnc check"),
        ("check net.cnn --stirct", "`cnnc check` has no option `--stirct`",
         "did you mean `--strict`?"),
        ("compile net.cnn other.cnn", "`cnnc compile` has no use for `other.cnn`", "see"),
        ("check net.cnn --max-nodes 0", "`--max-nodes`: a number from 1 to 100,000 is needed",
         "usage"),
        ("check net.cnn --color maybe", "`--color`: `maybe` is none of auto, always, never",
         "usage"),
        ("check net.cnn --output-format jsno", "did you mean `json`?", "usage"),
        ("compile net.cnn --set classes", "write it as `name=value`, not `classes`", "usage"),
        ("compile net.cnn -o", "`-o/--output`: expected one argument", "usage"),
        ("draw net.cnn -o net.bmp", "the ending of `net.bmp` names no format", "use .svg"),
        ("explain E0311", "there is no code `E0311`", "did you mean"),
        ("explain conv", "`conv` is no code", "`cnnc ops conv` explains the operator"),
        ("ops cnv", "there is no operator `cnv`", "did you mean `conv`?"),
    ],
)  # fmt: skip
def test_usage_errors(arguments: str, message: str, help: str, capsys: Captured) -> None:
    assert main(arguments.split()) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("cnnc: ")
    assert message in captured.err and help in captured.err


def test_options_may_stand_before_the_command(capsys: Captured) -> None:
    assert main(["--strict", "--color", "never", "check", "net.cnn"]) == 0
    assert main(["check", "--strict", "net.cnn", "--max-nodes", "100", "net.cnn"]) == 0
    assert capsys.readouterr().out.count("ok net") == 3


# ---------------------------------------------------------------------- check


def test_check_holds(capsys: Captured) -> None:
    assert main(["check", "net.cnn"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "ok net: 2,442 parameters, 1.77 M MACs, 1 expectation holds\n"
    assert captured.err == ""


def test_check_reports_all_errors_of_all_files(capsys: Captured) -> None:
    assert main(["check", "net.cnn", "wrong.cnn", "missing.cnn"]) == 1
    captured = capsys.readouterr()
    assert captured.out.startswith("ok net:")
    for part in ("error[E0201]", "did you mean `conv`?", "error[E0206]", "missing.cnn"):
        assert part in captured.err
    assert captured.err.endswith("; more about the first: cnnc explain E0201\n")


def test_check_json(capsys: Captured) -> None:
    assert main(["check", "net.cnn", "wrong.cnn", "--output-format", "json"]) == 1
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert [found["code"] for found in document["diagnostics"]] == ["E0201", "E0206"]
    assert document["models"][0]["parameters"] == 2442
    assert document["models"][0]["expectations"] == [
        {"text": "params = 2_442", "holds": True, "found": "2442"}
    ]
    assert captured.err == ""


def test_check_github(capsys: Captured) -> None:
    assert main(["check", "wrong.cnn", "--output-format=github"]) == 1
    assert capsys.readouterr().out.startswith("::error file=wrong.cnn,line=3,")


def test_check_one_model(folder: Path, capsys: Captured) -> None:
    (folder / "two.cnn").write_text(NET + NET.replace("model net", "model other"))
    assert main(["check", "two.cnn:other"]) == 0
    assert capsys.readouterr().out.startswith("ok other:")
    assert main(["check", "two.cnn"]) == 0
    assert capsys.readouterr().out.count("ok ") == 2


def test_strict(folder: Path, capsys: Captured) -> None:
    (folder / "net.cnn").write_text("model net {\n  input 32x32x3\n  maxpool 3x3/3\n}\n")
    assert main(["check", "net.cnn"]) == 0
    assert "warning[W0301]" in capsys.readouterr().err
    assert main(["check", "--strict", "net.cnn"]) == 1


def test_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    stdin(monkeypatch, WRONG.encode())
    assert main(["check", "-", "--stdin-filename", "my/net.cnn"]) == 1
    assert "--> my/net.cnn:3:3" in capsys.readouterr().err
    stdin(monkeypatch, NET.encode())
    assert main(["check", "-"]) == 0


@pytest.mark.parametrize("content", [b"\xff\xfe", b"\x00", b"model \x1b[31m", "é".encode("latin1")])
def test_bytes_that_are_no_text(
    content: bytes, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    stdin(monkeypatch, content)
    assert main(["check", "-"]) == 1
    captured = capsys.readouterr()
    assert "error[E0107]" in captured.err
    assert "\x1b" not in captured.err


# ------------------------------------------------------------------ exit codes


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("check missing.cnn", 4),
        ("check .", 4),
        ("compile net.cnn -o no/such/folder.py", 4),
        ("compile net.cnn -o net.cnn", 4),
        ("compile net.cnn -o wrong.cnn", 4),
        ("compile net.cnn --target nothing", 2),
        ("compile net.cnn:other", 2),
        ("compile net.cnn --set clases=10", 2),
        ("check net.cnn --max-nodes 2", 5),
    ],
)
def test_exit_codes(arguments: str, code: int, folder: Path, capsys: Captured) -> None:
    assert main(arguments.split()) == code
    assert "error[E" in capsys.readouterr().err
    assert (folder / "net.cnn").read_text() == NET
    assert (folder / "wrong.cnn").read_text() == WRONG


def test_internal_error(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    def broken(_: object) -> int:
        raise ZeroDivisionError("deep inside")

    monkeypatch.setattr(doctor, "run", broken)
    assert main(["doctor"]) == 70
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("internal error[I9001]: ZeroDivisionError in cnnc")
    report = Path(line.rpartition(" ")[2])
    assert "deep inside" in report.read_text()
    report.unlink()
    monkeypatch.setenv("CNNC_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        main(["doctor"])


def test_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(doctor, "run", interrupted)
    assert main(["doctor"]) == 130


def test_termination_leaves_the_old_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def terminated(_: int) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    (folder / "net.dot").write_text("old")
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(os, "fsync", terminated)
    try:
        assert main(["draw", "net.cnn", "-o", "net.dot"]) == 143
    finally:
        signal.signal(signal.SIGTERM, before)
    assert (folder / "net.dot").read_text() == "old"
    assert sorted(os.listdir(folder)) == ["net.cnn", "net.dot", "wrong.cnn"]


def test_closed_pipe_is_silent() -> None:
    command = f"{sys.executable} -m cnndsl ops | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_full_standard_output() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-m", "cnndsl", "ops"], stdout=full, text=True,
                              stderr=subprocess.PIPE, check=False)  # fmt: skip
    assert done.returncode == 4
    assert done.stderr.startswith("error[E0701]: cannot write standard output: no space left")
    assert len(done.stderr.splitlines()) <= 3


# ---------------------------------------------------------------------- colour


@pytest.mark.parametrize(
    ("choice", "environment", "terminal", "expected"),
    [
        ("auto", {}, True, True),
        ("auto", {}, False, False),
        ("auto", {"NO_COLOR": "1"}, True, False),
        ("auto", {"NO_COLOR": ""}, True, True),
        ("auto", {"FORCE_COLOR": "1"}, False, True),
        ("auto", {"FORCE_COLOR": "0"}, False, False),
        ("auto", {"TERM": "dumb"}, True, False),
        ("always", {"NO_COLOR": "1"}, False, True),
        ("never", {"FORCE_COLOR": "1"}, True, False),
    ],
)
def test_use_color(
    choice: str,
    environment: dict[str, str],
    terminal: bool,
    expected: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert use_color(choice, terminal) is expected


def test_color_of_messages(capsys: Captured) -> None:
    main(["check", "wrong.cnn", "--color=always"])
    assert "\x1b[1;31merror[E0201]\x1b[0m" in capsys.readouterr().err
    main(["compile", "--color", "always", "wrong.cnn"])
    assert "\x1b[1;31m" in capsys.readouterr().err


def test_messages_in_ascii() -> None:
    done = run("check", "wrong.cnn", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert done.returncode == 1 and done.stderr.isascii()


# --------------------------------------------------------------- the other commands


def test_explain(capsys: Captured) -> None:
    for code in ("E0301", "e0301", "error[E0301]"):
        assert main(["explain", code]) == 0
        assert capsys.readouterr().out.startswith("E0301: ")
    assert main(["explain"]) == 0
    assert "W0301" in capsys.readouterr().out


def test_ops(capsys: Captured) -> None:
    assert main(["ops"]) == 0
    overview = capsys.readouterr().out
    for word in words():
        assert main(["ops", word]) == 0
        entry = capsys.readouterr().out
        assert entry.startswith(word) and f"\n  {word}" in overview
        assert "    \n" not in entry and max(map(len, entry.splitlines())) <= 100


def test_manual_is_fresh(golden) -> None:  # type: ignore[no-untyped-def]
    golden(ROOT / "docs" / "ops.md", markdown())


def test_list_of_a_file(capsys: Captured) -> None:
    assert main(["list", "net.cnn"]) == 0
    assert capsys.readouterr().out == "net\n"


def test_list(capsys: Captured) -> None:
    assert main(["list"]) == 0
    assert "resnet.cnn" in capsys.readouterr().out


def test_doctor(capsys: Captured) -> None:
    assert main(["doctor"]) == 0
    assert "python" in capsys.readouterr().out


TIDY = "model net {\n  input 32x32x3\n  conv 3x3, 64\n}\n"
UGLY = "model net {\n      input 32x32x3\n  conv 3x3, 64\n}\n"


def test_fmt(folder: Path, capsys: Captured) -> None:
    file = folder / "net.cnn"
    file.write_text(UGLY)
    assert main(["fmt", "--check", "net.cnn"]) == 1
    assert main(["fmt", "--diff", "net.cnn"]) == 0
    captured = capsys.readouterr()
    assert "would format net.cnn" in captured.err
    assert "-      input 32x32x3\n+  input 32x32x3" in captured.out
    assert file.read_text() == UGLY
    assert main(["fmt", "net.cnn"]) == 0
    assert file.read_text() == TIDY
    assert main(["fmt", "--check", "net.cnn"]) == 0


def test_fmt_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    stdin(monkeypatch, UGLY.encode())
    assert main(["fmt", "-"]) == 0
    assert capsys.readouterr().out == TIDY


def test_fmt_as_the_page_shows_it(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    page = (Path(__file__).parent.parent / "docs" / "tools.md").read_text(encoding="utf-8")
    section = page.split("## `cnnc fmt`\n")[1]
    text, shown, *_ = re.findall(r"^```\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    stdin(monkeypatch, text.encode())
    assert main(["fmt", "-"]) == 0
    assert "$ cnnc fmt - < net.cnn\n" + capsys.readouterr().out == shown


def test_fmt_of_a_folder(folder: Path, capsys: Captured) -> None:
    """All specs in it, however deep, but nothing that a link leads to."""
    ugly = ["a.cnn", "deep/er/b.cnn", "away/c.cnn", "specs/.git/d.cnn", "specs/e.txt"]
    for name in ugly:
        place = folder / ("" if name.startswith(("away", "specs")) else "specs") / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(UGLY)
    (folder / "specs" / "link").symlink_to(folder / "away")
    (folder / "specs" / "link.cnn").symlink_to(folder / "away" / "c.cnn")
    (folder / "specs" / "folder.cnn").mkdir()
    assert main(["fmt", "specs"]) == 0
    assert capsys.readouterr().err == "formatted specs/a.cnn\nformatted specs/deep/er/b.cnn\n"
    changed = [path for path in folder.rglob("?.*") if path.read_text() == TIDY]
    assert sorted(path.name for path in changed) == ["a.cnn", "b.cnn"]
    assert main(["fmt", "--check", "specs"]) == 0


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (UGLY.replace("\n", "\r\n").encode(), TIDY),
        (b"\xef\xbb\xbf" + UGLY.encode(), TIDY),
        (UGLY.replace("      ", "\t").rstrip().encode(), TIDY),
        (b"\n\n" + UGLY.encode() + b"\n\n\n", TIDY),
        (b"# only\r\n\r\n\r\n# comments", "# only\n\n# comments\n"),
        (b"", ""),
        (b"\xef\xbb\xbf", ""),
    ],
    ids=["CRLF", "BOM", "tab", "blank lines", "comments", "empty", "only a BOM"],
)
def test_fmt_of_bytes(folder: Path, data: bytes, expected: str) -> None:
    (folder / "x.cnn").write_bytes(data)
    assert main(["fmt", "x.cnn"]) == 0
    assert (folder / "x.cnn").read_bytes() == expected.encode()


def test_fmt_that_is_wrong_writes_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    (folder / "x.cnn").write_text(UGLY)
    monkeypatch.setattr("cnndsl.printer.pieces.print_expression", lambda expression: "1x1")
    assert main(["fmt", "x.cnn"]) == 70
    said = capsys.readouterr().err
    assert "internal error[I9001]" in said and "please report it with the file" in said
    assert (folder / "x.cnn").read_text() == UGLY
    assert main(["fmt", "--check", "x.cnn"]) == main(["fmt", "--diff", "x.cnn"]) == 70


def test_fmt_keeps_a_file_with_errors(folder: Path, capsys: Captured) -> None:
    broken = "model net {\n   input ,\n"
    (folder / "broken.cnn").write_text(broken)
    assert main(["fmt", "broken.cnn", "net.cnn"]) == 1
    assert "error[E01" in capsys.readouterr().err
    assert (folder / "broken.cnn").read_text() == broken


def test_compile_to_a_file_and_to_standard_output(folder: Path, capsys: Captured) -> None:
    assert main(["compile", "net.cnn", "-o", "net.py", "--set", "classes=7"]) == 0
    written = (folder / "net.py").read_text()
    compile(written, "net.py", "exec")
    assert main(["compile", "net.cnn", "--set", "classes=7", "--target", "flax"]) == 0
    assert capsys.readouterr().out == written


def test_compile_warns_and_still_writes(folder: Path, capsys: Captured) -> None:
    (folder / "net.cnn").write_text("model net {\n  input 32x32x3\n  maxpool 3x3/3\n}\n")
    assert main(["compile", "net.cnn", "-o", "net.py"]) == 0
    assert "warning[W0301]" in capsys.readouterr().err
    assert main(["compile", "net.cnn", "-o", "strict.py", "--strict"]) == 1
    assert not (folder / "strict.py").exists()


def test_report(capsys: Captured) -> None:
    assert main(["report", "net.cnn"]) == 0
    assert "2,442" in capsys.readouterr().out
    assert main(["report", "net.cnn", "--json"]) == 0
    json.loads(capsys.readouterr().out)


def test_draw(folder: Path, capsys: Captured) -> None:
    assert main(["draw", "net.cnn"]) == 0
    assert "digraph" in capsys.readouterr().out
    assert main(["draw", "net.cnn", "-o", "net.svg"]) == 0
    assert "<svg" in (folder / "net.svg").read_text()


# ------------------------------------------------------------------- start-up


@pytest.mark.parametrize(
    ("arguments", "forbidden"),
    [
        ("--version", ("argparse", "cnndsl.render", "cnndsl.op", "json")),
        ("explain E0301", ("cnndsl.op", "cnndsl.parser", "cnndsl.render")),
        ("check net.cnn", ("networkx", "jax", "numpy", "rich", "dataclasses", "typing",
                           "pathlib", "json", "shutil", "cnndsl.render", "cnndsl.codes",
                           "cnndsl.manual")),
    ],
)  # fmt: skip
def test_imports_only_what_it_needs(arguments: str, forbidden: tuple[str, ...]) -> None:
    """In a bare interpreter, without what the installation itself loads."""
    code = (
        "import sys; before = set(sys.modules)\n"
        f"sys.path[:0] = {[str(ROOT), *sys.path]!r}\n"
        "from cnndsl.__main__ import main\n"
        f"sys.argv = ['cnnc', *{arguments.split()!r}]\n"
        "assert main() == 0\n"
        "print('\\n'.join(set(sys.modules) - before), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True,
                          check=True)  # fmt: skip
    assert set(done.stderr.split()) & set(forbidden) == set()
