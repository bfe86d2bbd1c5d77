"""Everything that `cnnc` makes of some files, as digests, by whatever Python runs this.

    python tests/support/outputs.py ROOT [--twice] [--reversed] [--alone] FILE[:MODEL] ...

ROOT is the repository; nothing has to be installed. With `--twice` all is made again in the same
process, and what differs then has a digest of its own. With `--reversed` every folder lists its
files the other way round. With `--alone` nothing is made that no file has a part in.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
from typing import Any

OUTPUTS = {
    "flax": ("compile", "FILE"),
    "cnn": ("compile", "FILE", "--target", "cnn"),
    "flat": ("compile", "FILE", "--print-after", "flatten"),
    "graph": ("compile", "FILE", "--print-after", "elaborate"),
    "dot": ("draw", "FILE", "--format", "dot", "--level", "layer"),
    "figure": ("draw", "FILE", "--format", "svg", "--level", "op", "--layout", "own"),
    "wide figure": ("draw", "FILE", "--format", "svg", "--direction", "LR", "--layout", "own"),
    "report": ("report", "FILE"),
    "report json": ("report", "FILE", "--json"),
    "report csv": ("report", "FILE", "--csv", "--level", "layer"),
    "report markdown": ("report", "FILE", "--markdown"),
    "check": ("check", "FILE"),
    "check json": ("check", "FILE", "--output-format", "json"),
    "check sarif": ("check", "FILE", "--output-format", "sarif"),
    "fixes": ("check", "FILE", "--diff"),
    "format": ("fmt", "FILE", "--diff"),
    "rewritten": ("rewrite", "FILE", "--rule", "inference"),
    "journal": ("rewrite", "FILE", "--rule", "inference", "--explain"),
}
OF_ALL = {"list": ("list",), "rules": ("rules",), "codes": ("explain",)}
"""Outputs that depend on no file, but on what is in folders."""


def digests(files: list[str], alone: bool = False) -> dict[str, str]:
    """The digest of each output of each file, and of what depends on none unless they are wanted
    alone; what is said besides is a part of it."""
    found = {} if alone else {name: _digest(command) for name, command in OF_ALL.items()}
    for file in files:
        for name, command in OUTPUTS.items():
            given = [file if word == "FILE" else word for word in command]
            if command[0] in ("check", "fmt"):
                given = [word.partition(":")[0] for word in given]
            found[f"{os.path.basename(file)}, {name}"] = _digest(given)
    return found


def _digest(arguments: Any) -> str:
    from cnndsl.cli import main

    output, said = io.BytesIO(), io.BytesIO()
    streams = sys.stdout, sys.stderr
    sys.stdout = io.TextIOWrapper(output, "utf-8", write_through=True)
    sys.stderr = io.TextIOWrapper(said, "utf-8", write_through=True)
    try:
        code = main(list(arguments))
        both = output.getvalue() + b"\0" + said.getvalue()
    finally:
        sys.stdout, sys.stderr = streams
    if code == 70:
        raise AssertionError(f"{arguments}: {both.decode('utf-8', 'replace')}")
    return hashlib.sha256(both + bytes([code])).hexdigest()[:16]


def _reverse_folders() -> None:
    """Let every folder list its files from the last to the first."""
    listdir, scandir = os.listdir, os.scandir

    class Reversed:
        def __init__(self, path: Any) -> None:
            with scandir(path) as entries:
                self.entries = iter(sorted(entries, key=lambda entry: entry.name, reverse=True))

        def __iter__(self) -> Any:
            return self.entries

        def __next__(self) -> Any:
            return next(self.entries)

        def __enter__(self) -> Reversed:
            return self

        def __exit__(self, *_: object) -> None:
            self.close()

        def close(self) -> None:
            self.entries = iter(())

    os.listdir = lambda *path: sorted(listdir(*path), reverse=True)  # type: ignore[assignment]
    os.scandir = lambda path=".": Reversed(path)  # type: ignore[assignment,misc]


def run(root: str, arguments: list[str]) -> str:
    """The digests as JSON."""
    sys.path.insert(0, root)
    import cnndsl

    if root not in cnndsl.__path__:
        cnndsl.__path__.append(root)  # where the backends and the specs are
    if "--reversed" in arguments:
        _reverse_folders()
    files = [argument for argument in arguments if not argument.startswith("--")]
    alone = "--alone" in arguments
    found = digests(files, alone)
    if "--twice" in arguments:
        again = digests(files, alone)
        found |= {f"{name}, again": again[name] for name in again if again[name] != found[name]}
    return json.dumps(found)


if __name__ == "__main__":
    print(run(sys.argv[1], sys.argv[2:]))
