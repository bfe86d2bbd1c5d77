"""Runs hostile inputs, each command in a process of its own, and says what came of it.

    python -m tests.hostile.runner [--all] [NAME ...]      prints a line for each case

The compiler is imported once and the process forked for each command, so a command costs what
the compiler does and not what Python's start does. The child has its own limit of time and
memory, and the parent reads what it took.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from cnndsl.cli import main
from tests.hostile.cases import CASES, Case

SECONDS, MEGABYTES = 2.0, 300
SLOWER = {"fmt": 5.0}
"""Seconds of commands that do everything twice: it reads what it wrote, and writes it again."""
COMMANDS = ("check", "fmt", "lint", "compile", "report", "draw", "rewrite")
"""Every command that reads a spec, tried on each spec."""
QUICK = 0.2
"""Seconds of `check` up to which the commands that do the same and more are tried too."""


def commands_of(case: Case, took: float, everything: bool) -> list[tuple[str, ...]]:
    """The command lines after the first, for a case that gives none.

    Commands that compile do the same as `check` first, so a test run tries them in turn, one for
    each case, and only `fmt` or `lint` where that takes long.
    """
    from cnndsl.commands import COMMANDS as KNOWN

    if case.arguments:
        return []
    words = [word for word in COMMANDS[1:] if word in KNOWN]
    texts, others = words[:2], words[2:]
    number = CASES.index(case) if case in CASES else 0
    if not everything and took > QUICK:
        words = [texts[number % 2]]
    elif not everything:
        words = [*texts, others[number % len(others)]]
    extra = {"fmt": ("--check",), "draw": ("-o", "out.dot"), "compile": ("-o", "out.py"),
             "rewrite": ("--rule", "inference")}  # fmt: skip
    return [(word, "net.cnn", *extra.get(word, ())) for word in words]


def make(case: Case, folder: Path) -> None:
    """The files of a case."""
    for name, content in case.files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            path.write_bytes(content.encode())
        elif isinstance(content, bytes):
            path.write_bytes(content)
        else:
            content(path)


def run(arguments: tuple[str, ...], folder: Path) -> dict[str, Any]:
    """One command in a child: its exit code, what it printed, its seconds and megabytes."""
    with tempfile.TemporaryFile() as output:
        child = os.fork()
        if child == 0:
            _in_child(arguments, folder, output.fileno())
        _, status, used = os.wait4(child, 0)
        output.seek(0)
        said = output.read()
    return {
        "arguments": [word[:60] for word in arguments],
        "exit": os.waitstatus_to_exitcode(status),
        "said": said.decode("utf-8", "backslashreplace")[:20_000],
        "strange": sorted({hex(ord(c)) for c in said.decode("utf-8", "replace") if is_strange(c)}),
        "seconds": used.ru_utime + used.ru_stime,
        "megabytes": used.ru_maxrss / 1024,
    }


def is_strange(character: str) -> bool:
    """Whether a character could steer a terminal or turn its text around."""
    return character not in "\n\N{NO-BREAK SPACE}" and not character.isprintable()


def _in_child(arguments: tuple[str, ...], folder: Path, output: int) -> None:
    code = 99
    try:
        os.chdir(folder)
        null = os.open(os.devnull, os.O_RDONLY)
        for target, stream in ((null, 0), (output, 1), (output, 2)):
            os.dup2(target, stream)
        limit = int(12 * SECONDS)
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
        signal.alarm(120)  # for what waits and does not work
        code = main(arguments)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def results(case: Case, everything: bool = True) -> list[dict[str, Any]]:
    """What came of each command on a case; the first is `check`, or the case's own."""
    with tempfile.TemporaryDirectory(prefix="hostile-") as name:
        folder = Path(name)
        make(case, folder)
        first = run(case.arguments or ("check", "net.cnn"), folder)
        later = commands_of(case, first["seconds"], everything)
        return [first, *(run(arguments, folder) for arguments in later)]


def warm() -> None:
    """Import what the commands import, and build what they build once."""
    os.environ.pop("CNNC_DEBUG", None)
    os.environ["NO_COLOR"] = "1"
    with tempfile.TemporaryDirectory() as name:
        case = Case("", "", (("net.cnn", "model net { input 32x32x3\n conv 3x3, 8, relu }"),))
        here = os.getcwd()
        os.chdir(name)
        make(case, Path(name))
        kept = os.dup(1), os.dup(2)
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        for arguments in (("check", "net.cnn"), *commands_of(case, 0.0, True)):
            main(arguments)
        sys.stdout.flush()
        os.dup2(kept[0], 1)
        os.dup2(kept[1], 2)
        os.chdir(here)


if __name__ == "__main__":
    everything = "--all" in sys.argv
    names = [name for name in sys.argv[1:] if name != "--all"]
    warm()
    for case in CASES:
        if not names or case.name in names:
            print(json.dumps({"case": case.name, "results": results(case, everything)}), flush=True)
