"""Measure what the documentation claims about speed: `python3 make.py bench`.

Every claim is a ratio within one run, or a bound with its measured value, so that
the figures mean something on another machine. Writes `benchmarks/README.md`.
Processor time of whole processes, medians; the two sides of a ratio take turns.
"""

from __future__ import annotations

import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
CNNC = [sys.executable, "-m", "cnndsl"]
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
HEAVY = ("jax", "flax", "networkx", "numpy", "rich", "lark", "dataclasses", "sympy")


class Row(NamedTuple):
    """A claim, its bound, and what was measured."""

    claim: str
    bound: str
    measured: str
    holds: bool


def main() -> int:
    rows = [
        *cold_start(), imports(), *scaling(), depth(), *rewriting(), *search(), *creation(),
    ]  # fmt: skip
    text = page(rows)
    (HERE / "README.md").write_text(text, encoding="utf-8")
    print(text)
    return 0 if all(row.holds for row in rows) else 1


# --------------------------------------------------------------------- claims


def cold_start() -> list[Row]:
    """A cold `cnnc check` against a bare interpreter."""
    bare, check = paired([sys.executable, "-c", "pass"], [*CNNC, "check", "resnet50.cnn"], 15)
    ratio = check / bare
    return [
        Row(
            "cold `cnnc check resnet50.cnn` over `python -c pass`",
            "≤ 6 ×",
            f"{ratio:.1f} × ({1e3 * check:.0f} ms over {1e3 * bare:.0f} ms)",
            ratio <= 6,
        ),
        Row("the same, absolute", "≤ 0.2 s", f"{check:.3f} s", check <= 0.2),
    ]


def imports() -> Row:
    """What `check` must not import."""
    code = (
        "import sys, cnndsl.cli as c; c.main(['check', 'resnet50.cnn']); "
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found = done.stdout.strip().splitlines()[-1]
    return Row(f"`check` imports none of {', '.join(HEAVY)}", "none", found, found == "[]")


def scaling() -> list[Row]:
    """Parse to report, for a chain of n operators."""
    with tempfile.TemporaryDirectory() as folder:
        small, large = (chain(Path(folder) / f"{n}.cnn", n) for n in (5_000, 19_990))
        (a, _), (b, memory) = (cost([*CNNC, "report", str(path)], 3) for path in (small, large))
        bare, _ = cost([*CNNC, "--version"], 3)
    ratio = (b - bare) / (a - bare)
    return [
        Row("parse to report, 20,000 operators over 5,000", "≤ 5 ×", f"{ratio:.2f} ×", ratio <= 5),
        Row("20,000 operators", "≤ 8 s", f"{b:.2f} s", b <= 8),
        Row("their memory", "≤ 300 MB", f"{memory:.0f} MB", memory <= 300),
    ]


def depth() -> Row:
    """A network of 600 residual units is 600 call sites, not 600 copies."""
    text = """use std
model resnet1202 {
  input 32x32x3
  conv 3x3, 16, bn, relu
  basic(16, shortcut=shortcut_a) × 200
  basic(32, stride=2 then 1, shortcut=shortcut_a) × 200
  basic(64, stride=2 then 1, shortcut=shortcut_a) × 200
  globalavgpool
  fc 10
  expect params = 19.4M
}
"""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "resnet1202.cnn"
        path.write_text(text, encoding="utf-8")
        seconds, _ = cost([*CNNC, "report", str(path)], 5)
    return Row("CIFAR ResNet-1202, parse to report", "≤ 1 s", f"{seconds:.2f} s", seconds <= 1)


def rewriting() -> list[Row]:
    """Rules: linear in the places, and little beside compiling where blocks are shared."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [chain(Path(folder) / f"{n}.cnn", n) for n in (1_500, 6_000)]
        plain = [cost([*CNNC, "report", str(path)], 3)[0] for path in paths]
        folded = [
            cost([*CNNC, "report", str(path), "--rewrite", "fold_bn"], 3)[0] for path in paths
        ]
    few, many = (b - a for a, b in zip(plain, folded, strict=True))
    network = [*CNNC, "report", "resnet152.cnn"]
    without, within = paired(network, [*network, "--rewrite", "inference"], 5)
    return [
        Row("2,000 batch norms folded over 500", "≤ 5 ×", f"{many / few:.2f} ×", many / few <= 5),
        Row("the same, each", "≤ 3 ms", f"{many / 2:.2f} ms", many / 2 <= 3),
        Row("ResNet-152 with `--rewrite inference` over without", "≤ 5 ×",
            f"{within / without:.1f} × ({1e3 * within:.0f} ms)", within / without <= 5),
    ]  # fmt: skip


def search() -> list[Row]:
    """Chains of windows, and selections; a script whose claim does not hold fails."""
    rows = [("chains of up to three windows that are 11x11/4", 1, script(CHAINS))]
    base = script("import scipy.optimize, scipy.sparse")
    for claim, limit, code in SELECTIONS:
        rows.append((f"200 sites × 10 alternatives, {claim}", limit, script(SITES + code) - base))
    return [Row(claim, f"≤ {limit} s", f"{s:.2f} s", s <= limit) for claim, limit, s in rows]


CHAINS = """
from cnndsl.rewrite.chains import chains
from cnndsl.window import Window
assert len(chains(Window(11, 11, 4, 4))) > 10_000
"""
SITES = """
import random
from cnndsl.rewrite.select import Alternative, Bound, Goal, Site, pareto, select
rng = random.Random(0)
def sites(costs):
    alternatives = (Alternative(f"a{i}", costs(rng.random(), rng.random())) for i in range(2000))
    return [Site(f"s{i}", tuple(next(alternatives) for _ in range(10))) for i in range(200)]
def independent(p, m):
    return {"params": int(1e8 * p), "macs": int(1e10 * m), "loss": rng.randrange(1000)}
def opposed(p, m):
    return independent(p, m) | {"loss": int((2 - p - m) * rng.randrange(400, 600))}
goal = Goal("loss", (Bound("params", "<=", 6 * 10**9), Bound("macs", "<=", 6 * 10**11)))
"""
SELECTIONS = (
    ("2 budgets: proven optimum", 3, "assert select(sites(independent), goal).proven"),
    ("2 budgets, cheaper is worse: within 0.1 %", 10,
     "assert select(sites(opposed), goal).gap < 1e-3"),
    ("12 points of the front, all proven", 3,
     "assert sum(point.proven for point in pareto(sites(independent))) == 12"),
)  # fmt: skip


def creation() -> list[Row]:
    """`create(seed)` of the emitted ResNet-50 against constructing the same class eagerly."""
    with tempfile.TemporaryDirectory() as folder:
        emitted = Path(folder) / "resnet50.py"
        subprocess.run([*CNNC, "compile", "resnet50.cnn", "-o", str(emitted)], check=True)
        start = f"import sys; sys.path.insert(0, {folder!r}); import resnet50, jax\n"
        start += "from flax import nnx\n"
        base = [sys.executable, "-c", start]
        eager = [sys.executable, "-c", f"{start}resnet50.ResNet50(rngs=nnx.Rngs(0))"]
        fast = [sys.executable, "-c", f"{start}resnet50.create(seed=0)"]
        imported, _ = cost(base, 1)
        slow, quick = paired(eager, fast, 3)
    ratio = (slow - imported) / max(quick - imported, 1e-3)
    return [
        Row(
            "`create(seed)` of ResNet-50 against its constructor",
            "≥ 3 × faster",
            f"{ratio:.1f} × ({quick - imported:.1f} s against {slow - imported:.1f} s)",
            ratio >= 3,
        )
    ]


# ---------------------------------------------------------------- measurement


def chain(path: Path, operators: int) -> Path:
    """A spec with that many operators, three to a statement."""
    rows = ["  conv 3x3, 16, bn, relu"] * (operators // 3)
    path.write_text("\n".join(["model chain {", "  input 32x32x16", *rows, "}", ""]), "utf-8")
    return path


def paired(a: Sequence[str], b: Sequence[str], runs: int) -> tuple[float, float]:
    """Median processor seconds of two commands that take turns; one run of each is not counted."""
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(runs + 1):
        for kept, command in zip(times, (a, b), strict=True):
            seconds, _ = once(command)
            if number:
                kept.append(seconds)
    return statistics.median(times[0]), statistics.median(times[1])


def cost(command: Sequence[str], runs: int) -> tuple[float, float]:
    """Median processor seconds and largest memory (MB) of a command, after one run."""
    once(command)
    results = [once(command) for _ in range(runs)]
    return statistics.median(s for s, _ in results), max(m for _, m in results)


def script(code: str) -> float:
    """Median processor seconds of a piece of Python."""
    return cost([sys.executable, "-c", code], 3)[0]


def once(command: Sequence[str]) -> tuple[float, float]:
    """Processor seconds and peak memory (MB) of one run. Raises when it fails."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=ENVIRONMENT)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return usage.ru_utime + usage.ru_stime, memory(usage)


def memory(usage: resource.struct_rusage) -> float:
    """Peak resident memory in MB; Linux counts it in KiB, macOS in bytes."""
    return usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e6 / 1024)


def page(rows: list[Row]) -> str:
    """The results as Markdown."""
    lines = [
        "# Speed",
        "",
        "Written by `python3 make.py bench`. Processor time of whole processes, medians.",
        f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores.",
        "",
        "| claim | bound | measured | holds |",
        "| --- | --- | --- | --- |",
        *(f"| {r.claim} | {r.bound} | {r.measured} | {'yes' if r.holds else 'no'} |" for r in rows),
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
