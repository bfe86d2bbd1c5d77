"""A run that is stopped at any moment leaves its output as it was, or as it was to be."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.campaign.property import Property

ROOT = Path(__file__).parents[3]
NET = "model net{input 16x16x3\nconv 3x3,8,bn,relu\nconv 3x3,8,relu\nglobalavgpool\nfc 10}\n"
COMMANDS = {
    "compile net.cnn -o out.py": ("out.py",),
    "report net.cnn --json -o out.json": ("out.json",),
    "draw net.cnn -o out.svg": ("out.svg",),
    "rewrite net.cnn --rule fold_bn -o out.txt": ("out.txt",),
    "fmt net.cnn two.cnn": ("net.cnn", "two.cnn"),
}
"""Commands that write, and what they write: all of it or nothing."""

RUN = """\
import os
try:
    import cnndsl.cli
    from cnndsl.__main__ import main
    print("ready", flush=True)
    main()
except KeyboardInterrupt:
    os._exit(130)
"""
"""`cnnc`, which says when it has begun: what an interpreter does before is none of its doing."""


def start(command: str, folder: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, *command.split()],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def prepare(folder: str, old: dict[str, bytes]) -> None:
    specs = {"net.cnn": NET.encode(), "two.cnn": NET.replace("net", "two").encode()}
    for name, content in {**old, **specs}.items():
        Path(folder, name).write_bytes(content)


def contents(folder: str) -> dict[str, bytes]:
    return {name: Path(folder, name).read_bytes() for name in sorted(os.listdir(folder))}


@cache
def undisturbed(command: str) -> tuple[dict[str, bytes], float]:
    """What the command leaves behind, and how long it takes."""
    with TemporaryDirectory() as folder:
        prepare(folder, {})
        began = time.monotonic()
        process = start(command, folder)
        process.communicate()
        assert process.returncode == 0
        return contents(folder), time.monotonic() - began


def run(random: random.Random) -> dict[str, int]:
    """One command, one signal, one moment."""
    command = random.choice(sorted(COMMANDS))
    number = random.choice((signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
    share = random.random()
    after, seconds = undisturbed(command)
    written = COMMANDS[command]
    with TemporaryDirectory() as folder:
        prepare(folder, dict.fromkeys(written, b"old"))
        before = contents(folder)
        process = start(command, folder)
        time.sleep(share * seconds)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
        found = contents(folder)
    where = f"{command}, {number.name} at {share:.2f}"
    assert found.keys() == before.keys(), f"{where}: {sorted(found)}"
    done = {name: found[name] for name in written} == {name: after[name] for name in written}
    assert done or found == before, where
    stopped = process.returncode in (128 + number, -number)
    assert stopped or (process.returncode == 0 and done), f"{where}: {process.returncode}"
    assert b"Traceback" not in said and b"internal error" not in said, said.decode()
    assert len(said.splitlines()) <= 3, said.decode()
    return {"stopped": stopped, "done": not stopped}


PROPERTY = Property(
    name="interrupts",
    claim="Ctrl-C, SIGTERM and SIGHUP at any moment leave every output as it was or whole, no "
    "other file, and one line.",
    run=run,
    cases=20,
    nightly=500,
)
