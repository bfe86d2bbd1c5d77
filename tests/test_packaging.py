"""What the wheel holds: a name forgotten in `packages` works here and is missing there."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

from cnndsl.backend import BUILT_IN

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def folders() -> set[str]:
    """Every folder with an `__init__.py`, as the package it installs as."""
    found = set()
    for top in ("cnndsl", "backends", "grammar", "specs"):
        for file in (ROOT / top).rglob("__init__.py"):
            name = ".".join(file.parent.relative_to(ROOT).parts)
            found.add(name if top == "cnndsl" else f"cnndsl.{name}")
    return found


def test_every_package_is_listed() -> None:
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == folders()


def test_backends_are_entry_points() -> None:
    points = PROJECT["project"]["entry-points"]["cnndsl.backends"]
    assert points == {name: f"{module}:BACKEND" for name, module in BUILT_IN.items()}


def test_checking_imports_nothing_heavy() -> None:
    """`cnnc check` starts fast because of what it does not import."""
    heavy = [
        "jax",
        "flax",
        "networkx",
        "numpy",
        "rich",
        "lark",
        "sympy",
        "dataclasses",
        "typing",
        "inspect",
    ]
    code = (
        "import sys, cnndsl.cli; cnndsl.cli.main(['check', 'resnet50.cnn']);"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    # Without the site module, whose hooks for editable installs import what they like.
    path = f"import sys; sys.path[:0] = {[str(ROOT)]!r};"
    done = subprocess.run(
        [sys.executable, "-S", "-c", path + code], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_what_every_output_depends_on_is_the_input_alone() -> None:
    """Bytes do not depend on hash seeds, the locale or the working directory."""
    code = (
        "import cnndsl, hashlib; net = cnndsl.load('googlenet.cnn');"
        "texts = net.to_flax(), net.draw(), net.report(), net.report('json');"
        "print(hashlib.sha256(''.join(texts).encode()).hexdigest())"
    )
    results = set()
    for seed, folder, locale in (("0", "/", "C"), ("1", str(ROOT), "C.UTF-8"), ("77", "/", "")):
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            cwd=folder,
            env={"PYTHONHASHSEED": seed, "LC_ALL": locale, "PATH": "/usr/bin:/bin"},
        )
        results.add(done.stdout)
    assert len(results) == 1
