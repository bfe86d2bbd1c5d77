"""What can go wrong around a run: the old output stays, nothing else does, a message says why.

Every command that writes is tried with every fault that its files can have; what needs a process
of its own (closed streams, limits, signals) is tried with one of them.
"""

from __future__ import annotations

import errno
import itertools
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from cnndsl import output
from cnndsl.cli import main
from cnndsl.diagnostics import CnnError
from cnndsl.exits import IN_SPEC, INPUT_OUTPUT, INTERNAL, LIMIT, MISSING_TOOL, OK, USAGE
from cnndsl.program import run
from cnndsl.record import Record
from cnndsl.signals import SIGNALS

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals, links and limits")

ROOT = Path(__file__).parent.parent
NET = "model net {\n  input 8x8x3\n  conv 3x3, 8, bn, relu\n  globalavgpool\n  fc 10\n}\n"
LOOSE = "model net{input 8x8x3\nconv 3x3,8,bn\nglobalavgpool\nfc 10}\n"
TYPO = "model net {\n  input 8x8x3\n  cnov 3x3, 8\n  globalavgpool\n  fc 10\n}\n"
OLD = b"old\n"


class Writer(Record):
    """A command that writes.

    Arguments:
        arguments: with `OUT` where the output is named.
        ending: of the output.
        spec: what it reads; it is its own output where it has no other.
    """

    arguments: str
    ending: str
    spec: str = NET

    @property
    def in_place(self) -> bool:
        return "OUT" not in self.arguments

    def command(self, out: str = "out") -> list[str]:
        return [out if word == "OUT" else word for word in self.arguments.split()]


WRITERS = {
    "compile": Writer("compile net.cnn -o OUT", ".py"),
    "compile, graph": Writer("compile net.cnn --print-after flatten -o OUT", ".txt"),
    "report": Writer("report net.cnn --csv -o OUT", ".csv"),
    "draw": Writer("draw net.cnn --format dot -o OUT", ".dot"),
    "rewrite": Writer("rewrite net.cnn --rule fold_bn -o OUT", ".txt"),
    "explain": Writer("rewrite net.cnn --rule fold_bn --explain -o OUT", ".txt"),
    "fmt": Writer("fmt net.cnn", ".cnn", LOOSE),
    "fix": Writer("check net.cnn --fix", ".cnn", TYPO),
}
ELSEWHERE = [name for name, writer in WRITERS.items() if not writer.in_place]
IN_PLACE = [name for name, writer in WRITERS.items() if writer.in_place]
Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working folder."""
    (tmp_path / "w").mkdir()
    monkeypatch.chdir(tmp_path / "w")
    yield tmp_path / "w"
    for path in (tmp_path, *tmp_path.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)


def listing(folder: Path | str = ".") -> list[str]:
    return sorted(os.listdir(folder))


def said(text: str, start: str = "error[") -> str:
    """The message, which is one and no traceback."""
    assert "Traceback" not in text and "internal error" not in text, text
    heads = [line for line in text.splitlines() if line.startswith(("error[", "cnnc: "))]
    assert len(heads) == 1 and heads[0].startswith(start), text
    return heads[0]


# ------------------------------------------------------------------- places for files


def no_folder(ending: str) -> str:
    return f"missing/out{ending}"


def is_a_folder(ending: str) -> str:
    os.mkdir(f"out{ending}")
    return f"out{ending}"


def named_as_a_folder(ending: str) -> str:
    return f"out{ending}/"


def below_a_file(ending: str) -> str:
    Path("file").write_bytes(OLD)
    return f"file/out{ending}"


def too_long(ending: str) -> str:
    return "x" * 300 + ending


def path_too_long(ending: str) -> str:
    return f"{'x' * 200}/" * 30 + f"out{ending}"


def loop(ending: str) -> str:
    os.symlink(f"b{ending}", f"a{ending}")
    os.symlink(f"a{ending}", f"b{ending}")
    return f"a{ending}"


def link_to_no_folder(ending: str) -> str:
    os.symlink(f"missing/out{ending}", f"out{ending}")
    return f"out{ending}"


def full_device(ending: str) -> str:
    return "/dev/full"


def link_to_a_full_device(ending: str) -> str:
    os.symlink("/dev/full", f"out{ending}")
    return f"out{ending}"


def nothing(ending: str) -> str:
    return ""


def nul(ending: str) -> str:
    return f"a\0b{ending}"


PLACES: dict[str, Callable[[str], str]] = {
    place.__name__: place
    for place in (
        no_folder, is_a_folder, named_as_a_folder, below_a_file, too_long, path_too_long, loop,
        link_to_no_folder, full_device, link_to_a_full_device, nothing, nul,
    )
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", ELSEWHERE)
def test_outputs_that_cannot_be(name: str, place: str, capsys: Captured) -> None:
    writer = WRITERS[name]
    Path("net.cnn").write_text(writer.spec)
    out = PLACES[place](writer.ending)
    before = listing()
    assert main(writer.command(out)) == 4
    assert said(capsys.readouterr().err).startswith("error[E0701]: cannot write")
    assert listing() == before


@pytest.mark.parametrize("name", ELSEWHERE)
def test_the_output_is_the_input(name: str, capsys: Captured) -> None:
    writer = WRITERS[name]
    Path("net.cnn").write_text(writer.spec)
    os.symlink("net.cnn", f"out{writer.ending}")
    for out in ("net.cnn", "./net.cnn", f"out{writer.ending}"):
        assert main(writer.command(out)) == 4
        said(capsys.readouterr().err, "error[E0703]")
    assert Path("net.cnn").read_text() == writer.spec


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_dangling_link_is_followed(name: str) -> None:
    writer = WRITERS[name]
    Path("net.cnn").write_text(writer.spec)
    os.symlink("there", f"out{writer.ending}")
    assert main(writer.command(f"out{writer.ending}")) == 0
    assert os.path.islink(f"out{writer.ending}") and os.path.isfile("there")


# ------------------------------------------------------------------- disks that fail


def failing(call: str, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The call of the system fails from its so-and-so-manieth time on."""
    real, count = getattr(os, call), 0

    def broken(*arguments: Any, **options: Any) -> Any:
        nonlocal count
        count += 1
        if count >= number:
            raise OSError(errno.EIO, "Input/output error")
        return real(*arguments, **options)

    monkeypatch.setattr(os, call, broken)


@pytest.mark.parametrize("call", ["fsync", "replace", "chmod"])
@pytest.mark.parametrize("name", WRITERS)
def test_a_disk_that_fails(
    name: str, call: str, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    writer = WRITERS[name]
    Path("net.cnn").write_text(writer.spec)
    out = f"out{writer.ending}"
    Path(out).write_bytes(OLD)
    before = listing()
    with monkeypatch.context() as context:
        failing(call, 1, context)
        assert main(writer.command(out)) == 4
    assert "input/output error" in said(capsys.readouterr().err, "error[E0701]")
    assert Path(out).read_bytes() == OLD and Path("net.cnn").read_text() == writer.spec
    assert listing() == before


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("links", [True, False])
def test_a_disk_that_vanishes_between_two_renames(
    number: int, links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files that were in place already are taken back, old and new ones."""
    Path("a").write_bytes(b"1")
    Path("c").write_bytes(b"3")
    real, count = os.replace, 0

    def broken(source: str, target: str) -> None:
        nonlocal count
        count += 1
        if count == number:
            raise OSError(errno.ENODEV, "No such device")
        real(source, target)

    with monkeypatch.context() as context:
        context.setattr(os, "replace", broken)
        if not links:
            failing("link", 1, context)
        with pytest.raises(CnnError) as caught:
            output.write_all({"a": b"new", "b": b"new", "c": b"new"})
    assert caught.value.diagnostics[0].code == "E0701"
    assert listing() == ["a", "c"]
    assert (Path("a").read_bytes(), Path("c").read_bytes()) == (b"1", b"3")
    output.write_all({"a": b"new", "b": b"new", "c": b"new"})
    assert {Path(name).read_bytes() for name in listing()} == {b"new"} and len(listing()) == 3


@pytest.mark.parametrize("number", range(1, 7))
def test_an_interrupt_at_any_rename(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("a").write_bytes(b"1")
    real, count = os.replace, 0

    def interrupted(source: str, target: str) -> None:
        nonlocal count
        count += 1
        if count == number // 2 + 1 and number % 2 == 0:
            raise KeyboardInterrupt
        real(source, target)
        if count == number // 2 + 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(os, "replace", interrupted)
        try:
            output.write_all({"a": b"new", "b": b"new"})
        except KeyboardInterrupt:
            assert listing() == ["a"] and Path("a").read_bytes() == b"1"
        else:
            assert listing() == ["a", "b"]


def test_an_interrupt_behind_the_only_rename(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is whole and in place; there is nothing to take back."""
    Path("a").write_bytes(OLD)
    real = os.replace

    def interrupted(source: str, target: str) -> None:
        real(source, target)
        raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(os, "replace", interrupted)
        with pytest.raises(KeyboardInterrupt):
            output.write_all({"a": b"new"})
    assert listing() == ["a"] and Path("a").read_bytes() == b"new"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_at_any_line(number: signal.Signals) -> None:
    """Old files stay or new ones are there, all of them; nothing else is left."""

    class Raised(KeyboardInterrupt):
        pass

    def handler(*_: object) -> None:
        raise Raised

    def interrupted(line: int) -> bool:
        """Write with a signal in front of this line of all that run, if there are so many."""
        left = line

        def trace(frame: FrameType, event: str, _: object) -> Callable[..., Any] | None:
            nonlocal left
            if frame.f_code.co_filename != output.__file__:
                return None
            left -= event == "line"
            if event == "line" and left == 0:
                signal.raise_signal(number)
            return trace

        sys.settrace(trace)
        try:
            output.write_all({"a": b"new", "b": b"new"})
        finally:
            sys.settrace(None)
        return left > 0

    before = signal.signal(number, handler)
    try:
        for line in itertools.count(1):
            Path("a").write_bytes(OLD)
            Path("b").unlink(missing_ok=True)
            done = False
            with suppress(Raised):
                done = interrupted(line)
            if Path("b").exists():
                assert listing() == ["a", "b"] and Path("a").read_bytes() == b"new", line
            else:
                assert listing() == ["a"] and Path("a").read_bytes() == OLD, line
            if done:
                break
        assert line > 50 and Path("b").exists()
    finally:
        signal.signal(number, before)


def test_two_names_of_one_file(capsys: Captured) -> None:
    Path("net.cnn").write_text(LOOSE)
    assert main(["fmt", "net.cnn", "./net.cnn"]) == 0
    assert listing() == ["net.cnn"]
    with pytest.raises(CnnError) as caught:
        output.write_all({"a": b"1", "./a": b"2"})
    assert caught.value.diagnostics[0].code == "E0703" and listing() == ["net.cnn"]
    for out in ("front.svg", "./front.svg"):
        assert main(
            ["optimise", "net.cnn", "--max-changes", "1", "--pareto", "front.svg", "-o", out]
        ) in (2, 4)
    assert listing() == ["net.cnn"]


def test_a_broken_file_does_not_hide_another(capsys: Captured) -> None:
    """`fmt` says what is wrong with one file and why another cannot be written."""
    Path("bad.cnn").write_text("model {")
    Path("net.cnn").write_text(LOOSE)
    with pytest.MonkeyPatch.context() as context:
        failing("replace", 1, context)
        assert main(["fmt", "bad.cnn", "net.cnn"]) == 1
    text = capsys.readouterr().err
    assert "E0701" in text and "bad.cnn:1" in text and "formatted" not in text


# ------------------------------------------------------------------ processes


def cnnc(*arguments: str | bytes, **options: Any) -> subprocess.CompletedProcess[str]:
    """`cnnc` in a process of its own."""
    command = [sys.executable, "-m", "cnndsl", *arguments]
    settings = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": environment()}
    return subprocess.run(command, text=True, timeout=60, check=False, **{**settings, **options})


def environment(**changes: str | None) -> dict[str, str]:
    found: dict[str, str | None] = {**os.environ, "PYTHONPATH": str(ROOT), **changes}
    return {name: value for name, value in found.items() if value is not None}


@pytest.fixture
def net(folder: Path) -> Writer:
    (folder / "net.cnn").write_text(NET)
    (folder / "out.py").write_bytes(OLD)
    return WRITERS["compile"]


def check_untouched(done: subprocess.CompletedProcess[str], code: int = 4) -> None:
    assert done.returncode == code, done.stderr
    if done.stderr is not None:
        said(done.stderr)
    assert listing() == ["net.cnn", "out.py"] and Path("out.py").read_bytes() == OLD


@pytest.fixture
def bound() -> list[str]:
    """What makes permissions bind a process of root, as they bind everybody else."""
    if os.geteuid():
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("permissions do not bind root")
    return ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all"]


def cnnc_bound(bound: list[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*bound, sys.executable, "-m", "cnndsl", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env=environment()
    )


def test_a_folder_that_may_not_be_written(net: Writer, bound: list[str], folder: Path) -> None:
    folder.chmod(0o555)
    check_untouched(cnnc_bound(bound, *net.command("out.py")))


def test_a_file_that_is_write_protected(net: Writer, bound: list[str], folder: Path) -> None:
    (folder / "out.py").chmod(0o444)
    done = cnnc_bound(bound, *net.command("out.py"))
    check_untouched(done)
    assert "it is write-protected" in done.stderr


def test_a_spec_that_may_not_be_read(net: Writer, bound: list[str], folder: Path) -> None:
    (folder / "net.cnn").chmod(0)
    done = cnnc_bound(bound, *net.command("out.py"))
    check_untouched(done)
    assert "cannot read `net.cnn`: permission denied" in done.stderr


def limit_files(size: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.parametrize("size", [0, 1, 1000])
def test_a_limit_of_file_sizes(net: Writer, size: int) -> None:
    done = cnnc(*net.command("out.py"), preexec_fn=limit_files(size))
    check_untouched(done)
    assert "file too large" in done.stderr


def test_a_full_disk(net: Writer, folder: Path) -> None:
    disk = folder.parent / "disk"
    disk.mkdir()
    script = (
        f"mount -t tmpfs -o size=64k tmpfs {disk} || exit 99; cp out.py {disk}/out.py; "
        f"cat /dev/zero > {disk}/filler 2>/dev/null; {sys.executable} -m cnndsl "
        f"compile net.cnn -o {disk}/out.py; echo $?; ls -A {disk}; cat {disk}/out.py"
    )
    command = ["unshare", "-rm", "sh", "-c", script]
    if shutil.which("unshare") is None:
        pytest.skip("no disk can be made here")
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env=environment()
    )
    if done.returncode in (1, 99) and not done.stdout:
        pytest.skip("no disk can be made here")
    assert done.stdout.split() == ["4", "filler", "out.py", "old"]
    assert "no space left on device" in said(done.stderr, "error[E0701]")


@pytest.mark.parametrize("command", ["check net.cnn", "compile net.cnn", "--help", "fmt --help",
                                     "list", "check net.cnn --output-format json"])  # fmt: skip
def test_standard_output_is_full(net: Writer, command: str) -> None:
    with open("/dev/full", "w") as full:
        done = cnnc(*command.split(), stdout=full)
    assert done.returncode == 4
    assert "cannot write standard output: no space left" in said(done.stderr)


@pytest.mark.parametrize(("spec", "code"), [(NET, 0), (TYPO, 1)])
def test_nobody_hears_the_messages(net: Writer, spec: str, code: int) -> None:
    """The work is done all the same, and the exit code says how it went."""
    Path("net.cnn").write_text(spec)
    with open("/dev/full", "w") as full:
        assert cnnc("check", "net.cnn", stderr=full).returncode == code
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as pipe:
        assert cnnc("check", "net.cnn", stderr=pipe).returncode == code


def test_the_reader_leaves(net: Writer) -> None:
    for command in (["check", "net.cnn"], ["compile", "net.cnn"], ["list"], ["--help"]):
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, "w") as pipe:
            done = cnnc(*command, stdout=pipe)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams(net: Writer, closed: str) -> None:
    """Even the numbers of the closed streams are used for files then."""
    run = f"{sys.executable} -m cnndsl"
    script = (
        f"{run} compile net.cnn -o out.py {closed}; echo $?; {run} check net.cnn {closed}; echo $?"
    )
    done = subprocess.run(
        ["sh", "-c", script], capture_output=True, text=True, timeout=60, check=False,
        env=environment(),
    )  # fmt: skip
    codes = [line for line in done.stdout.split("\n") if line.isdecimal()]
    assert codes == ["0", "4" if ">&-" in closed.replace("2>&-", "") else "0"]
    assert "Traceback" not in done.stderr
    compile(Path("out.py").read_text(), "out.py", "exec")
    assert listing() == ["net.cnn", "out.py"]


def test_standard_input_is_closed(net: Writer) -> None:
    script = f"{sys.executable} -m cnndsl check - <&-"
    done = subprocess.run(
        ["sh", "-c", script], capture_output=True, text=True, timeout=60, check=False,
        env=environment(),
    )  # fmt: skip
    assert done.returncode == 2 and "standard input is closed" in said(done.stderr, "cnnc: ")


def test_the_working_folder_is_gone(net: Writer, folder: Path) -> None:
    script = f"mkdir gone; cd gone; rmdir ../gone; {sys.executable} -m cnndsl"
    for command, code in (
        (f"compile {folder}/net.cnn -o out.py", 4),
        (f"compile {folder}/net.cnn -o -", 0),
        ("check net.cnn", 4),
        ("fmt net.cnn", 4),
    ):
        done = subprocess.run(
            ["sh", "-c", f"{script} {command}"], capture_output=True, text=True, timeout=60,
            check=False, env=environment(),
        )  # fmt: skip
        assert done.returncode == code, (command, done.stderr)
        if code:
            said(done.stderr)


@pytest.mark.parametrize(
    "changes",
    [
        {"HOME": None}, {"HOME": "/nowhere"}, {"TMPDIR": "/nowhere"}, {"PATH": None},
        {"LC_ALL": "C"}, {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"LC_ALL": "nowhere.nothing"}, {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin-1"}, {"COLUMNS": "0"}, {"COLUMNS": "x"}, {"TERM": ""},
    ],
    ids=str,
)  # fmt: skip
def test_environments(net: Writer, changes: dict[str, str | None]) -> None:
    done = cnnc(*net.command("out.py"), env=environment(**changes))
    assert (done.returncode, done.stderr) == (0, "")
    compile(Path("out.py").read_text(), "out.py", "exec")


def test_a_mistake_of_ours_without_a_place_for_the_report(net: Writer) -> None:
    """The report goes into the working folder, or nowhere."""
    code = "import cnndsl.commands.doctor as d, cnndsl.cli as c\nd.run = lambda _: 1 / 0\n"
    code += "import tempfile\ntempfile.tempdir = '/nowhere'\nraise SystemExit(c.main(['doctor']))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False,
        env=environment(TMPDIR="/nowhere"),
    )  # fmt: skip
    assert done.returncode == 70 and len(done.stderr.splitlines()) == 1
    assert "CNNC_DEBUG=1" in done.stderr


NAMES = [b"\xff\xfe.cnn", b"\x1b[31mred.cnn", "\u202egnp.cnn".encode(), b"a\nb.cnn", b"-x.cnn",
         b"'; touch x.cnn", b"$(x).cnn", b"a b.cnn", b"%s.cnn", b"::error::.cnn"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_names_of_files(name: bytes, folder: Path, capsys: Captured) -> None:
    """Names that are no text or that a terminal would obey: they work, and do nothing else."""
    path = os.fsdecode(name)
    for spec, code in ((NET, 0), (TYPO, 1), (LOOSE, 0)):
        with open(path, "w") as file:
            file.write(spec)
        for command in (["check"], ["check", "--output-format", "github"], ["fmt", "--diff"]):
            assert main([*command, "--", path]) == (0 if command[0] == "fmt" else code)
            check_shown(capsys)
    assert main(["fmt", "--", path]) == 0
    assert main(["check", "--", f"{path}x"]) == 4
    assert main(["compile", path, "-o", f"{path}/x"]) in (2, 4)
    assert main([path]) == main(["--", path]) == main(["explain", "--", path]) == 2
    check_shown(capsys)
    assert os.listdir(os.fsencode(folder)) == [name]


def check_shown(capsys: Captured) -> None:
    captured = capsys.readouterr()
    shown = captured.out + captured.err
    assert "Traceback" not in shown and "internal error" not in shown, shown
    assert not {"\x1b", "\u202e", "\x07"} & set(shown), shown


# --------------------------------------------------------------------------- dot

DOTS = {
    "missing": None,
    "crashing": "kill -SEGV $$",
    "failing": "cat >/dev/null; echo no >&2; exit 3",
    "babbling": "cat >/dev/null; yes | head -c 100000 >&2; exit 1",
    "silent": "exit 0",
    "deaf": "exec 0<&-; exit 1",
}


@pytest.mark.parametrize("kind", DOTS)
def test_drawing_programs(kind: str, net: Writer, folder: Path) -> None:
    """Whatever `dot` does, a figure is whole or as it was."""
    (folder / "bin").mkdir()
    script = DOTS[kind]
    if script is not None:
        (folder / "bin" / "dot").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "bin" / "dot").chmod(0o755)
    Path("net.svg").write_bytes(OLD)
    before = listing()
    path = f"{folder}/bin:/usr/bin:/bin" if script is not None else f"{folder}/bin"
    done = cnnc("draw", "net.cnn", "-o", "net.svg", env=environment(PATH=path))
    assert "Traceback" not in done.stderr and "internal" not in done.stderr, done.stderr
    assert listing() == before
    if done.returncode:
        assert done.returncode == 3 and Path("net.svg").read_bytes() == OLD
        said(done.stderr, "error[E0702]")
    else:
        assert Path("net.svg").read_bytes().endswith(b"</svg>\n")


def test_the_drawing_program_ends_with_us(net: Writer, folder: Path) -> None:
    """Who stops `cnnc` stops `dot` too."""
    (folder / "bin").mkdir()
    (folder / "bin" / "dot").write_text("#!/bin/sh\necho $$ > pid\nexec sleep 60\n")
    (folder / "bin" / "dot").chmod(0o755)
    process = subprocess.Popen(
        [sys.executable, "-m", "cnndsl", "draw", "net.cnn", "-o", "net.svg"],
        stderr=subprocess.PIPE, text=True, env=environment(PATH=f"{folder}/bin:/usr/bin:/bin"),
    )  # fmt: skip
    import time

    for _ in range(600):
        if Path("pid").exists() and Path("pid").read_text().strip():
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, text = process.communicate(timeout=30)
    assert process.returncode == 143
    assert text == "cnnc: stopped by SIGTERM\n"
    with pytest.raises(ProcessLookupError):
        os.kill(int(Path("pid").read_text()), 0)
    assert not Path("net.svg").exists()


# -------------------------------------------------------------------- exit codes


def test_the_documented_exit_codes() -> None:
    """The table of the manual has every code that there is, and no other."""
    text = (ROOT / "docs" / "tools.md").read_text(encoding="utf-8")
    table = text.partition("## Exit codes")[2].partition("\n\nWhen several")[0]
    rows = re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE)
    listed = [int(number) for row in rows for number in row.split(",")]
    stopped = {128 + getattr(signal, name) for name in SIGNALS}
    known = {OK, IN_SPEC, USAGE, MISSING_TOOL, INPUT_OUTPUT, LIMIT, INTERNAL, *stopped}
    assert sorted(listed) == sorted(known)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("check net.cnn", OK), ("fmt --check net.cnn", OK), ("check typo.cnn", IN_SPEC),
        ("fmt --check loose.cnn", IN_SPEC), ("compile typo.cnn", IN_SPEC), ("chekc", USAGE),
        ("check", USAGE), ("compile net.cnn --set classes", USAGE), ("ops nothing", USAGE),
        ("check missing.cnn", INPUT_OUTPUT), ("compile net.cnn -o no/out", INPUT_OUTPUT),
        ("check net.cnn --max-nodes 1", LIMIT), ("check typo.cnn missing.cnn", IN_SPEC),
        ("check missing.cnn net.cnn --max-nodes 1", LIMIT), ("doctor", OK), ("--version", OK),
    ],
)  # fmt: skip
def test_exit_codes(command: str, code: int) -> None:
    for name, text in (("net", NET), ("typo", TYPO), ("loose", LOOSE)):
        Path(f"{name}.cnn").write_text(text)
    assert main(command.split()) == code


# ----------------------------------------------------------------------- signals


@pytest.mark.parametrize(
    ("number", "name"),
    [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM"), (signal.SIGHUP, "SIGHUP")],
)
def test_signals(
    number: signal.Signals, name: str, net: Writer, monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
) -> None:  # fmt: skip
    """In the middle of writing, twice."""
    before = signal.getsignal(number)

    def stopped(_: int) -> None:
        try:
            os.kill(os.getpid(), number)
        finally:
            os.kill(os.getpid(), number)

    monkeypatch.setattr(os, "fsync", stopped)
    assert main(net.command("out.py")) == 128 + number
    assert capsys.readouterr().err == f"cnnc: stopped by {name}\n"
    assert Path("out.py").read_bytes() == OLD and listing() == ["net.cnn", "out.py"]
    assert signal.getsignal(number) is before


def test_a_library_that_swallows_the_interrupt(
    net: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def clumsy(_: int) -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
        except BaseException:
            raise ImportError("cannot import") from None

    monkeypatch.setattr(os, "fsync", clumsy)
    assert main(net.command("out.py")) == 130


def test_an_interrupt_that_python_drops(
    net: Writer, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    """In a destructor no exception can be raised; it comes again."""

    class Clumsy:
        def __del__(self) -> None:
            os.kill(os.getpid(), signal.SIGTERM)

    def slow(_: int) -> None:
        _ = Clumsy()
        del _
        time.sleep(5)

    monkeypatch.setattr(os, "fsync", slow)
    assert main(net.command("out.py")) == 143
    assert capsys.readouterr().err == "cnnc: stopped by SIGTERM\n"
    assert Path("out.py").read_bytes() == OLD and listing() == ["net.cnn", "out.py"]


def test_a_program_that_starts_while_a_signal_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends, and nothing but the interrupt is heard of."""
    real, started = subprocess.Popen, []

    def interrupted(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        signal.raise_signal(signal.SIGINT)
        started.append(real(*arguments, **options))
        return started[0]

    monkeypatch.setattr(subprocess, "Popen", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(["sleep", "60"], seconds=60)
    assert started[0].poll() == -signal.SIGKILL


def test_nohup(net: Writer) -> None:
    """A signal that was ignored before stays so."""
    code = (
        "import os, signal, sys\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "real = os.fsync\ndef fsync(handle):\n    os.kill(os.getpid(), signal.SIGHUP)\n"
        "    real(handle)\nos.fsync = fsync\nfrom cnndsl.cli import main\n"
        "raise SystemExit(main(['compile', 'net.cnn', '-o', 'out.py']))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, env=environment())
    assert done.returncode == 0 and Path("out.py").read_bytes() != OLD
