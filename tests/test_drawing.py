"""Drawing does not fail: Graphviz may be missing, hang, die or babble. Our own layout is judged
by its geometry."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from xml.dom import minidom

import pytest

from cnndsl import driver
from cnndsl.backends.dot import BACKEND, LEVELS
from cnndsl.diagnostics import CnnError
from cnndsl.graph import Module
from cnndsl.limits import FIGURE_TIME
from cnndsl.program import Unfinished, run
from cnndsl.record import replace
from cnndsl.source import Source
from tests.support.drawing import chain, check_svg
from tests.support.networks import networks

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="shell scripts")

TEXT = """
model net {
  input 8x8x3
  a: conv 3x3, 4
  add { | conv 3x3, 4, bn, relu; conv 3x3, 4 | identity }
  from a { globalavgpool; fc 2; output aux, training, weight = 0.3 }
  globalavgpool; fc 10
}
"""
PNG = "\\211PNG\\r\\n"


@pytest.fixture
def module() -> Module:
    return driver.compile_model(Source("net.cnn", TEXT)).module


def fake_dot(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """A program `dot` that does what a shell script says."""
    program = folder / "dot"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def set_time(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let Graphviz have so many seconds."""
    limit = replace(FIGURE_TIME, default=seconds)
    monkeypatch.setattr("cnndsl.backends.dot.render.FIGURE_TIME", limit)


def without_graphviz(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)


def failure(module: Module, format: str, **options: Any) -> tuple[str, str, tuple[str, ...]]:
    with pytest.raises(CnnError) as caught:
        BACKEND.render(module, format, **options)
    (problem,) = caught.value.diagnostics
    return problem.code, problem.message, tuple(help.text for help in problem.help)


def ended(process: int) -> bool:
    """Whether a process is over, within a second."""
    for _ in range(50):
        try:
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


# --------------------------------------------------------------------- the ladder


BAD = {
    "fails": ("cat >/dev/null; echo no >&2; exit 3", "`dot` failed with exit status 3"),
    "is silent": ("exit 0", "`dot` wrote nothing"),
    "dies": ("kill -9 $$", "`dot` was killed by signal 9"),
    "hangs": ("sleep 30", "`dot` needed more than 0.4 seconds for this figure"),
    "will not end": ("exec 1>&-; sleep 30", "`dot` needed more than 0.4 seconds for this figure"),
    "shouts": ("yes", "`dot` wrote more than 1 MiB"),
    "scolds": ("yes >&2", "`dot` needed more than 0.4 seconds for this figure"),
    "writes rubbish": ("echo hello", "`dot` wrote something that is not this figure as SVG"),
    "writes another figure": (
        "echo '<svg xmlns=\"http://www.w3.org/2000/svg\"></svg>'",
        "`dot` wrote something that is not this figure as SVG",
    ),
    "writes half": (
        'for n in 0 1 2 3 4 5 6 7 8 9 10 11; do printf \'<g id="x" class="node">\\n'
        "<title>n%s</title>' $n; done",
        "`dot` wrote something that is not this figure as SVG",
    ),
    "is no program": ("", "`dot` cannot be started: Exec format error"),
    "eats memory": (
        f"exec {sys.executable} -c 'bytes(2 << 30)'",
        "`dot` failed with exit status 1",
    ),
}


@pytest.mark.parametrize("how", BAD)
def test_when_dot_fails_the_figure_is_drawn(
    how: str, module: Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script, reason = BAD[how]
    monkeypatch.setattr("cnndsl.program.OUTPUT", 1 << 20)
    fake_dot(tmp_path, monkeypatch, script)
    if not script:
        (tmp_path / "dot").write_bytes(b"\0\0\0\0")
    set_time(monkeypatch, 20 if how == "eats memory" else 0.4)
    drawn = BACKEND.draw(module, "svg")
    assert drawn.notes == (f"drawn without Graphviz: {reason}",)
    assert drawn.content == BACKEND.render(module, "svg", layout="own")
    code, message, help = failure(module, "pdf")
    assert (code, message) == ("E0702", reason.replace("SVG", "PDF"))
    assert help[0].startswith("SVG needs no Graphviz")
    code, message, help = failure(module, "svg", layout="dot")
    assert (code, message) == ("E0702", reason) and help[0] == "`--layout own` needs no Graphviz"


@pytest.mark.parametrize("start", ["printf '%%PDF-1.5'", f"printf '{PNG}'"])
def test_half_of_a_file_is_no_figure(
    start: str, module: Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_dot(tmp_path, monkeypatch, start)
    for format in ("pdf", "png"):
        code, message, _ = failure(module, format)
        assert code == "E0702"
        assert message == f"`dot` wrote something that is not this figure as {format.upper()}"


def test_without_graphviz(module: Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_graphviz(tmp_path, monkeypatch)
    drawn = BACKEND.draw(module, "svg")
    assert drawn.notes == ("drawn without Graphviz: there is no Graphviz on this machine",)
    check_svg(drawn.content)
    code, message, help = failure(module, "png")
    assert (code, message) == ("E0702", "there is no Graphviz on this machine")
    assert "-o figure.svg" in help[0] and "cnndsl[figures]" in help[1] and "apt" in help[2]
    assert failure(module, "png", layout="own")[0] == "E0801"
    assert failure(module, "gif")[0] == "E0801"


@pytest.mark.parametrize("format", ["svg", "png", "pdf"])
def test_without_dot_the_library_draws(
    format: str, module: Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pygraphviz")
    monkeypatch.setenv("PATH", str(tmp_path))
    drawn = BACKEND.draw(module, format)
    assert drawn.content.startswith({"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}[format])
    assert drawn.notes == () and BACKEND.render(module, format) == drawn.content


def test_slow_dot_is_asked_to_be_quick(
    module: Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = subprocess.run(["which", "dot"], capture_output=True, text=True).stdout.strip()
    if not real:
        pytest.skip("Graphviz is not installed")
    quick = f'case "$*" in *splines=line*) exec {real} "$@";; esac; sleep 30'
    fake_dot(tmp_path, monkeypatch, quick)
    set_time(monkeypatch, 3)
    drawn = BACKEND.draw(module, "svg")
    assert drawn.notes == ("`dot` was asked to be quick, since 1.8 seconds were not enough",)


def test_big_figures_are_quick_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_dot(tmp_path, monkeypatch, f'echo "$@" >> {tmp_path}/said; exit 1')
    drawn = BACKEND.draw(chain(1_600), "svg", level="op", max_boxes=10_000)
    assert "-Gnslimit=2 -Gnslimit1=2 -Gmclimit=0.5" in (tmp_path / "said").read_text()
    assert drawn.notes == ("drawn without Graphviz: `dot` failed with exit status 1",)


def test_what_was_folded_is_said(module: Module) -> None:
    (note,) = BACKEND.draw(chain(500), "svg", level="op", layout="own").notes
    assert note == "level op would have 502 boxes (limit 300): drawn as stages"


# ------------------------------------------------------------- nothing is left


def test_grandchildren_are_killed(
    module: Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_time(monkeypatch, 0.5)
    for end in ("wait", "exit 0", "exit 3"):
        fake_dot(tmp_path, monkeypatch, f"sleep 60 & echo $! > {tmp_path}/child; {end}")
        start = time.perf_counter()
        BACKEND.render(module, "svg")
        assert time.perf_counter() - start < 5
        assert ended(int((tmp_path / "child").read_text())), end


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_nothing(how: signal.Signals, tmp_path: Path) -> None:
    program = tmp_path / "dot"
    program.write_text(f"#!/bin/sh\nsleep 60 & echo $! $$ > {tmp_path}/c; mv c children; wait\n")
    program.chmod(0o755)
    (tmp_path / "net.cnn").write_text(TEXT)
    (tmp_path / "net.svg").write_text("old")
    before = sorted(os.listdir(tmp_path))
    process = subprocess.Popen(
        [sys.executable, "-m", "cnndsl", "draw", "net.cnn", "-o", "net.svg"],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        stderr=subprocess.PIPE,
    )
    for _ in range(500):
        if (tmp_path / "children").exists():
            break
        time.sleep(0.02)
    process.send_signal(how)
    _, said = process.communicate(timeout=10)
    assert process.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143}[how], said
    assert all(ended(int(word)) for word in (tmp_path / "children").read_text().split())
    assert sorted(os.listdir(tmp_path)) == sorted([*before, "children"])
    assert (tmp_path / "net.svg").read_text() == "old" and b"Traceback" not in said


def test_a_program_that_got_away_does_not_hold_us(tmp_path: Path) -> None:
    start = time.perf_counter()
    with pytest.raises(Unfinished):
        run(["sh", "-c", "setsid sleep 3 & exit 0"], seconds=0.3)
    assert time.perf_counter() - start < 2.5


def test_a_program_that_reads_nothing() -> None:
    ran = run(["sh", "-c", "echo done; echo oh >&2"], b"x" * (1 << 20), seconds=5)
    assert (ran.status, ran.output, ran.said) == (0, b"done\n", "oh\n")


def test_what_the_command_says(tmp_path: Path) -> None:
    (tmp_path / "net.cnn").write_text(TEXT)
    (tmp_path / "dot").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "dot").chmod(0o755)

    def draw(*options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "cnndsl", "draw", "net.cnn", *options]
        env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)

    drawn = draw("-o", "net.svg")
    assert drawn.returncode == 0
    assert drawn.stderr == "note: drawn without Graphviz: `dot` failed with exit status 3\n"
    drawn = draw("-o", "own.svg", "--layout", "own")
    assert (drawn.returncode, drawn.stderr) == (0, "")
    assert (tmp_path / "own.svg").read_bytes() == (tmp_path / "net.svg").read_bytes()
    drawn = draw("-o", "net.png")
    assert drawn.returncode == 3 and "`-o figure.svg`" in drawn.stderr


# --------------------------------------------------------------- our own layout


SOME = sorted({path: (path, model) for path, model in networks()}.values())


@pytest.mark.parametrize("path, model", SOME, ids=lambda text: Path(text).stem)
def test_shipped_networks(path: str, model: str) -> None:
    module = driver.compile_model(f"{path}:{model}").module
    for level in LEVELS:
        check_svg(BACKEND.render(module, "svg", level=level, layout="own"))
    for direction in ("LR", "BT"):
        check_svg(BACKEND.render(module, "svg", direction=direction, layout="own"))


def test_branches_stand_as_written() -> None:
    text = """model m { input 8x8x3; concat { | conv 1x1, 1 | conv 3x3, 2; conv 3x3, 3
              | conv 5x5, 4 | maxpool 3x3/1, pad=1 } }"""
    module = driver.compile_model(Source("m.cnn", text)).module
    drawing = check_svg(BACKEND.render(module, "svg", layout="own"))
    row = [drawing.named(f"conv {size}") for size in ("1x1, 1", "3x3, 3", "5x5, 4")]
    assert [box.x for box in row] == sorted(box.x for box in row)
    merge = next(box for box in drawing.boxes.values() if "merge" in box.kind)
    start = drawing.named("input")
    assert abs(merge.middle[0] - start.middle[0]) < 1


def test_a_skip_runs_right_of_what_it_skips(module: Module) -> None:
    drawing = check_svg(BACKEND.render(module, "svg", layout="own"))
    merge = next(box for box in drawing.boxes.values() if "merge" in box.kind)
    (skip,) = [
        e for e in drawing.edges if e.target == merge.id and drawing.boxes[e.source].text[:1] == "a"
    ]
    passed = [drawing.named("conv 3x3, 4 · bn"), drawing.named("conv 3x3, 4")]
    assert max(p[0] for p in skip.points) > max(b.x + b.width for b in passed)


def test_title_description_and_facts(module: Module) -> None:
    root = minidom.parseString(BACKEND.render(module, "svg", layout="own")).documentElement
    assert root is not None and root.getAttribute("role") == "img"
    assert root.getElementsByTagName("title")[0].firstChild.data.startswith("net, input 8×8×3")
    assert root.getElementsByTagName("desc")[0].firstChild.data.startswith("net: input 8×8×3")
    titles = [node.firstChild.data for node in root.getElementsByTagName("title")]
    assert "a · conv · 8x8x4 · 112 parameters · 6,912 MACs" in titles


@pytest.mark.parametrize("farthest", [9, 20_000])
def test_large_figures_are_drawn_in_time(farthest: int) -> None:
    module = chain(20_000, farthest)
    start = time.process_time()
    drawn = BACKEND.render(module, "svg", layout="own", level="op", max_boxes=10**6)
    assert time.process_time() - start < 30
    assert drawn.count(b'class="node') > 19_900
