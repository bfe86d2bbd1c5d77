"""Running another program, which may hang, die, flood us or start programs of its own.

    ran = run(["dot", "-Tsvg"], text, seconds=20)

It gets its input from a file, so it may read it or not. Time, memory and output are limited, and
whatever happens, Ctrl-C too, nothing of it is left: it runs in a group of processes that is
killed as a whole.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from threading import Thread
from time import monotonic

from .record import Record
from .signals import postponed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import IO

MEMORY = 1 << 30
OUTPUT = 64 << 20
SAID = 64 << 10
CHUNK = 64 << 10
GRACE = 1.0
"""Seconds for what a dead program may still have in its pipes."""
SPARE = 5
"""Seconds of its own time that it has beyond ours; they end it when nobody is left to do so."""


PLAIN = {"LC_ALL": "C", "TZ": "UTC"}
"""What a program is told of where it runs, so that it writes the same everywhere."""


class Ran(Record):
    """What a program left.

    Arguments:
        status: its exit status, or minus the number of the signal that killed it.
        output: its standard output.
        said: its standard error.
    """

    status: int
    output: bytes
    said: str


class Unfinished(Exception):
    """The program was ended: it took too long, or wrote too much."""


def run(command: Sequence[str], given: bytes = b"", *, seconds: float, memory: int = MEMORY) -> Ran:
    """Run a program to its end.

    Arguments:
        given: its standard input.
        seconds: it is killed after so many.
        memory: bytes, where the system can be told so.

    Raises OSError when it cannot be started, and Unfinished.
    """
    from tempfile import TemporaryFile

    with TemporaryFile() as file:
        file.write(given)
        file.seek(0)
        process = None
        try:
            with postponed():  # it is ours before a signal can come in between
                process = _start(command, file)
            _limit(process.pid, seconds, memory)
            return _listen(process, seconds)
        finally:
            if process is not None:
                with postponed():
                    _kill(process)


def _start(command: Sequence[str], given: IO[bytes]) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, stdin=given, stdout=pipe, stderr=pipe,
        env={**os.environ, **PLAIN}, bufsize=0, start_new_session=True,
    )  # fmt: skip


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End what is left of the program and of whatever it started."""
    with suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _listen(process: subprocess.Popen[bytes], seconds: float) -> Ran:
    """Hear the program out. Raises Unfinished."""
    assert process.stdout is not None and process.stderr is not None
    deadline = monotonic() + seconds
    output = _Ear(process.stdout, OUTPUT)
    said = _Ear(process.stderr, SAID, patient=True)
    output.join(max(deadline - monotonic(), 0))
    if output.full:
        raise Unfinished(f"wrote more than {OUTPUT >> 20} MiB")
    try:
        status = process.wait(max(deadline - monotonic(), 0))
    except subprocess.TimeoutExpired:
        status = None
    if status is None or output.is_alive():
        raise Unfinished(f"needed more than {seconds:g} seconds")
    said.join(GRACE)
    return Ran(status, b"".join(output.heard), b"".join(said.heard).decode("utf-8", "replace"))


class _Ear(Thread):
    """Reads a pipe to its end, or to a limit; a patient one goes on and forgets the rest.

    It closes the pipe itself, since somebody who got away may hold the other end.
    """

    def __init__(self, pipe: IO[bytes], most: int, patient: bool = False) -> None:
        super().__init__(daemon=True)
        self.pipe = pipe
        self.most = most
        self.patient = patient
        self.heard: list[bytes] = []
        self.full = False
        self.start()

    def run(self) -> None:
        room = self.most
        with self.pipe, suppress(OSError):
            while chunk := self.pipe.read(CHUNK):
                self.heard.append(chunk[:room])
                self.full = self.full or len(chunk) > room
                room -= len(self.heard[-1])
                if self.full and not self.patient:
                    return


def _limit(pid: int, seconds: float, memory: int) -> None:
    """Limits of memory and of processor time, where the system has them."""
    if sys.platform == "linux":
        import resource

        own = int(seconds) + SPARE
        with suppress(OSError, ValueError):
            resource.prlimit(pid, resource.RLIMIT_AS, (memory, memory))
            resource.prlimit(pid, resource.RLIMIT_CPU, (own, own))
