"""A process that tries cases for the campaign, so that a hang or a crash is only its own end."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from tests.campaign.property import Failure, Tally, attempt

LONGEST = 600.0
"""Seconds of one case, and of the start; Hypothesis may take minutes to shrink what it found."""
LARGEST = 3 << 30
"""Bytes; a process that has grown to it is replaced. JAX keeps everything that it compiled."""

_SPAWN = multiprocessing.get_context("spawn")


class Worker:
    """A process with every property in it, replaced when it dies, hangs or has grown large."""

    def __init__(self) -> None:
        self.job: tuple[str, str] | None = None
        self._start()

    def _start(self) -> None:
        self.connection, theirs = _SPAWN.Pipe()
        self.process = _SPAWN.Process(target=_serve, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()
        self.since = time.monotonic()

    def give(self, name: str, seed: str) -> None:
        """Let it try a case."""
        self.job = (name, seed)
        self.since = time.monotonic()
        self.connection.send(self.job)

    def take(self) -> Tally:
        """What the case came to, after `ready`."""
        assert self.job is not None
        name, seed = self.job
        self.job = None
        if self.connection.poll():
            try:
                found, size = self.connection.recv()
            except (EOFError, OSError):
                return self._lost(name, seed, f"the process died with {self.process.exitcode}")
            if size > LARGEST:
                self._restart()
            assert isinstance(found, Tally)
            return found
        return self._lost(name, seed, f"no end after {LONGEST:.0f} seconds")

    @property
    def ready(self) -> bool:
        """Whether there is something to take."""
        return self.connection.poll() or time.monotonic() - self.since > LONGEST

    def stop(self) -> None:
        self.process.kill()
        self.process.join()
        self.connection.close()

    def _lost(self, name: str, seed: str, what: str) -> Tally:
        self._restart()
        return Tally(1, {}, (Failure(name, seed, what),), LONGEST)

    def _restart(self) -> None:
        self.stop()
        self._start()


def _serve(connection: Connection) -> None:
    """Answer with what each case came to, and with the memory in use."""
    from tests.campaign.registry import everything

    sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    while True:
        name, seed = connection.recv()
        connection.send((attempt(everything()[name], seed), _memory()))


def _memory() -> int:
    """Bytes that this process holds, where the system says so."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def first_ready(workers: Sequence[Worker]) -> Worker:
    """The next worker that has something to say."""
    while True:
        for worker in workers:
            if worker.job is not None and worker.ready:
                return worker
        multiprocessing.connection.wait([worker.connection for worker in workers], 1.0)
