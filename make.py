#!/usr/bin/env python3
"""Tasks of this repository. Each sets up what it needs in `.venv`; Python 3.11 or later will do.

python3 make.py demo         compile ResNet-50, draw it, report on it, run it on a photograph
python3 make.py test         the whole test suite, type checks and linters
python3 make.py wheel        build the wheel, install it alone elsewhere, compile with it
python3 make.py bench        measure what the documentation claims about speed
python3 make.py conformance  compare the shipped networks with the originals; takes an hour
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
BIN = "Scripts" if os.name == "nt" else "bin"
TORCH = "torch==2.13.0"
"""Pinned, and apart from the other requirements: it is large, and only tests compare with it."""
TORCHVISION, TIMM = "torchvision==0.28.0", "timm==1.0.31"
"""Definitions of networks; this torchvision belongs to that torch."""


def main(tasks: list[str]) -> int:
    if sys.version_info < (3, 11):  # noqa: UP036 (it may be started by an older one)
        print("Python 3.11 or later is needed; this is", sys.version.split()[0])
        return 2
    known = {task.__name__: task for task in (demo, test, wheel, bench, conformance)}
    if not tasks or any(task not in known for task in tasks):
        print(__doc__)
        return 2
    for task in tasks:
        known[task]()
    return 0


def demo() -> None:
    """The main job, end to end, into `build/demo`."""
    python = environment("flax,figures,demo")
    out = HERE / "build" / "demo"
    out.mkdir(parents=True, exist_ok=True)
    cnnc = [str(python), "-m", "cnndsl"]
    run(*cnnc, "check", "resnet50.cnn")
    run(*cnnc, "compile", "resnet50.cnn", "--target", "flax", "-o", str(out / "resnet50.py"))
    run(*cnnc, "draw", "resnet50.cnn", "-o", str(out / "resnet50.svg"))
    run(*cnnc, "report", "resnet50.cnn")
    run(str(python), str(HERE / "docs" / "examples" / "photograph.py"), str(out / "resnet50.py"))
    print(f"\nwritten: {out / 'resnet50.py'}\n         {out / 'resnet50.svg'}")


def test() -> None:
    """Everything that must hold before a change lands."""
    python = environment("dev", TORCH)
    run(str(python), "-m", "cnndsl.tables", "--check")
    run(str(python), "-m", "ruff", "check", ".")
    run(str(python), "-m", "mypy")
    run(str(python.parent / "lint-imports"))
    run(str(python), "-m", "pytest", "-n", "2", "--dist", "loadgroup", "tests")


def wheel() -> None:
    """Build, install in an empty environment outside the repository, and do the main job there."""
    python = environment("dev", TORCH)
    dist = HERE / "build" / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    run(str(python), "-m", "build", "--wheel", "--outdir", str(dist))
    (built,) = dist.glob("*.whl")
    with tempfile.TemporaryDirectory() as folder:
        venv.create(Path(folder) / "env", with_pip=True)
        empty = Path(folder) / "env" / BIN
        run(str(empty / "python"), "-m", "pip", "install", "--quiet", str(built))
        cnnc = str(empty / "cnnc")
        run(cnnc, "check", "resnet50.cnn", cwd=folder)
        run(cnnc, "compile", "resnet50.cnn", "--target", "flax", "-o", "resnet50.py", cwd=folder)
        run(str(empty / "python"), "-m", "py_compile", "resnet50.py", cwd=folder)
        run(cnnc, "report", "googlenet.cnn", "--markdown", "-o", "googlenet.md", cwd=folder)
        print(f"wheel: {built.name} compiles ResNet-50 in an empty environment")


def bench() -> None:
    """Every figure that the documentation gives about speed."""
    python = environment("dev", TORCH)
    run(str(python), str(HERE / "benchmarks" / "run.py"))


def conformance() -> None:
    """`docs/conformance.md`: every shipped network against Keras, torchvision and timm."""
    python = environment("dev", TORCH)
    # Without their dependencies: the PyTorch that is there must stay.
    run(str(python), "-m", "pip", "install", "--quiet", "pillow", "huggingface_hub", "pyyaml")
    run(str(python), "-m", "pip", "install", "--quiet", "--no-deps", TORCHVISION, TIMM)
    run(str(python), "-m", "tests.conformance.publish")


# ---------------------------------------------------------------- environment


def environment(extras: str, *more: str) -> Path:
    """The interpreter of `.venv`, with this project and the extras installed in it."""
    python = HERE / ".venv" / BIN / "python"
    if not python.exists():
        venv.create(HERE / ".venv", with_pip=True)
    wanted = (HERE / "pyproject.toml").read_bytes() + repr((extras, more)).encode()
    stamp = HERE / ".venv" / f"installed-{hashlib.sha256(wanted).hexdigest()[:16]}"
    if not stamp.exists():
        # The pinned packages first, so that nothing else pulls in another build of them.
        for packages in ([*more] if more else [], ["-e", f"{HERE}[{extras}]"]):
            if packages:
                run(str(python), "-m", "pip", "install", "--quiet", *packages)
        stamp.touch()
    return python


def run(*command: str, cwd: str | Path = HERE) -> None:
    """Run a command, shown first; a failure ends the task with its exit code."""
    print("$", " ".join(_short(part) for part in command), flush=True)
    done = subprocess.run(command, cwd=cwd)
    if done.returncode:
        sys.exit(done.returncode)


def _short(part: str) -> str:
    """A path inside the repository without the folder in front."""
    return part.replace(f"{HERE}{os.sep}", "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
