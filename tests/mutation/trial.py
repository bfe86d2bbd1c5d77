"""One fault tried: a child process imports the faulty module and runs the tests."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import os
import select
import shlex
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, ModuleType

from tests.mutation.faults import Fault

LONGEST = 60
"""Seconds of processor time; tests that a fault keeps from ending have noticed it."""
PATIENCE = 600
"""Seconds of the clock, for tests that wait."""


class _Faulty(importlib.abc.MetaPathFinder):
    """Finds one module as everybody does, and gives it other code."""

    def __init__(self, module: str, fault: Fault) -> None:
        self.module = module
        self.fault = fault

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != self.module:
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        spec = next(s for finder in others if (s := finder.find_spec(name, path, target)))
        assert spec.origin is not None
        tree = self.fault.into(Path(spec.origin).read_text(encoding="utf-8"))
        code = compile(tree, spec.origin, "exec", dont_inherit=True)
        spec.loader = _Loader(name, spec.origin, code)
        return spec


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, name: str, path: str, code: CodeType) -> None:
        super().__init__(name, path)
        self._code = code

    def get_code(self, fullname: str) -> CodeType:
        return self._code


class Trial:
    """A running child.

    Arguments:
        module: dotted name of the module with the fault.
        fault: None to run the tests as they are.
        tests: what each run of pytest is given, the quickest first.
        loud: whether the tests may print.
    """

    def __init__(
        self, module: str, fault: Fault | None, tests: Sequence[str], loud: bool = False
    ) -> None:
        self.fault = fault
        self.start = time.monotonic()
        self.process = os.fork()
        if not self.process:
            os.setsid()
            os._exit(_child(module, fault, tests, loud))
        self.descriptor = os.pidfd_open(self.process)

    def noticed(self) -> bool | None:
        """Whether the tests failed; None while they run."""
        late = time.monotonic() - self.start > PATIENCE
        if late:
            os.killpg(self.process, signal.SIGKILL)
        ended, status = os.waitpid(self.process, 0 if late else os.WNOHANG)
        if not ended:
            return None
        os.close(self.descriptor)
        return late or os.waitstatus_to_exitcode(status) != 0


def wait(trials: Sequence[Trial]) -> None:
    """Until one may have ended."""
    select.select([trial.descriptor for trial in trials], [], [], 1.0)


def prepare() -> None:
    """Import here what every child needs and no fault is in."""
    from importlib.util import find_spec

    os.environ.setdefault("CI", "1")
    os.environ.setdefault("KERAS_BACKEND", "jax")
    for name in ("pytest", "hypothesis", "numpy", "jax", "flax.nnx", "torch", "networkx", "yaml"):
        if find_spec(name.partition(".")[0]):
            __import__(name)


def _child(module: str, fault: Fault | None, tests: Sequence[str], loud: bool) -> int:
    import resource

    import pytest

    resource.setrlimit(resource.RLIMIT_CPU, (LONGEST, LONGEST))
    if not loud:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
    loaded = [name for name in sys.modules if name.split(".")[0] in ("cnndsl", "backends")]
    for name in loaded:
        del sys.modules[name]
    if fault is not None:
        sys.meta_path.insert(0, _Faulty(module, fault))
    options = ["-x", "-q", "--hypothesis-profile=fact", "-p", "no:cacheprovider", "-p", "no:xdist"]
    if not loud:
        options.append("--tb=no")
    runs = (int(pytest.main([*options, *shlex.split(arguments)])) for arguments in tests)
    return next((result for result in runs if result), 0)
