"""What guided fuzzing runs, and what it begins with; see `guided.py`."""

from __future__ import annotations

from collections.abc import Callable

from cnndsl.diagnostics import CnnError
from cnndsl.irtext import print_module, read_module
from cnndsl.loader import decode_source
from tests.campaign.properties import damage

LONGEST = 2_000
"""Bytes of an input: more is tried in the same time."""
SLOW = 20
"""Seconds after which an input hangs; the code is slowed down by what watches it."""


def _one_of(name: str) -> Callable[[bytes], None]:
    """What one command says to a text must be diagnostics as they should be."""

    def target(data: bytes) -> None:
        for command, diagnostics in damage.answers(data, (name,), seconds=SLOW):
            try:
                damage.judge(diagnostics)
            except AssertionError as problem:
                raise AssertionError(f"{command}: {problem}") from None

    return target


def _parse(data: bytes) -> None:
    from cnndsl.parser import parse

    try:
        source = decode_source(data, "fuzz.cnn")
    except CnnError as problem:
        damage.judge(problem.diagnostics)
        return
    damage.judge(parse(source)[1])


def _read_module(data: bytes) -> None:
    """The text form of the IR: what can be read is printed and read back equal."""
    try:
        module = read_module(data.decode("utf-8", "replace"))
    except CnnError as problem:
        damage.judge(problem.diagnostics)
        return
    assert read_module(print_module(module)) == module


TARGETS: dict[str, Callable[[bytes], None]] = {
    "parse": _parse,
    "check": _one_of("check"),
    "fmt": _one_of("fmt"),
    "lint": _one_of("lint"),
    "read_module": _read_module,
}


def seeds(target: str) -> list[bytes]:
    """Inputs to begin with."""
    if target != "read_module":
        return [text for text in damage.corpus() if len(text) <= LONGEST]
    from cnndsl import driver
    from cnndsl.source import Source

    found = []
    for text in damage.corpus()[::5]:  # they are compiled under observation, which takes time
        try:
            done = driver.check(Source("seed.cnn", text.decode()))
        except (CnnError, UnicodeDecodeError):
            continue
        found += [print_module(compiled.module).encode() for compiled in done[:1]]
    return [text for text in found if len(text) <= LONGEST]


def words() -> str:
    """The language's words, as a dictionary that libFuzzer reads."""
    from cnndsl._tables import LITERALS
    from cnndsl.ops import OPS

    texts = {*(text for _, text in LITERALS), *OPS, "3x3", "32x32x3", "H×W×3", "  ", "\n"}
    escaped = ("".join(f"\\x{byte:02x}" for byte in text.encode()) for text in sorted(texts))
    return "".join(f'"{text}"\n' for text in escaped)
