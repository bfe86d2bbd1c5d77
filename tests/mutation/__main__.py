"""Put faults in, run the tests, count which are noticed.

python -m tests.mutation [TARGET ...] [--jobs 2] [--every N]
python -m tests.mutation TARGET --show NUMBER
"""

from __future__ import annotations

import argparse
import ast
import difflib
import json
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from cnndsl.record import Record
from tests.mutation.faults import Fault, faults
from tests.mutation.trial import Trial, prepare, wait

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"


class Target(Record):
    """A module, and the tests that must notice its faults."""

    name: str
    module: str
    tests: tuple[str, ...]

    @property
    def source(self) -> str:
        spec = find_spec(self.module)
        assert spec is not None and spec.origin is not None
        return Path(spec.origin).read_text(encoding="utf-8")


def targets() -> dict[str, Target]:
    """The targets of `targets.toml`, by name."""
    table = tomllib.loads((HERE / "targets.toml").read_text(encoding="utf-8"))
    return {
        name: Target(name, entry["module"], tuple(entry["tests"])) for name, entry in table.items()
    }


def equivalents() -> dict[str, dict[str, str]]:
    """Faults that change nothing, by target, with the reason."""
    return tomllib.loads((HERE / "equivalent.toml").read_text(encoding="utf-8"))


def main() -> int:
    """Returns 1 if a fault was not noticed."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only each Nth fault")
    parser.add_argument("--show", type=int, metavar="NUMBER", help="one fault and its tests")
    options = parser.parse_args()
    known = targets()
    wanted = [known[name] for name in options.targets or known]
    sources = {target.name: target.source for target in wanted}
    prepare()
    if options.show is not None:
        return _show(wanted[0], options.show)
    missed = 0
    for target in wanted:
        missed += _try(target, sources[target.name], options.jobs, options.every)
    return 1 if missed else 0


def _show(target: Target, number: int) -> int:
    source = target.source
    fault = faults(source)[number]
    before, after = ast.unparse(ast.parse(source)), ast.unparse(fault.into(source))
    print("\n".join(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="")))
    trial = Trial(target.module, fault, target.tests, loud=True)
    while (noticed := trial.noticed()) is None:
        wait([trial])
    print("noticed" if noticed else "NOT NOTICED")
    return 0 if noticed else 1


def _try(target: Target, source: str, jobs: int, every: int) -> int:
    """Try a target's faults and enter the result. Returns how many nobody noticed."""
    healthy = Trial(target.module, None, target.tests, loud=False)
    while (noticed := healthy.noticed()) is None:
        wait([healthy])
    if noticed:
        print(f"{target.name}: the tests fail without a fault: {' '.join(target.tests)}")
        return 1
    reasons = equivalents().get(target.name, {})
    found = list(enumerate(faults(source)))[::every]
    wanted = [(n, fault) for n, fault in found if fault.name not in reasons]
    survivors = sorted(
        (number, fault) for number, fault, noticed in _trials(target, wanted, jobs) if not noticed
    )
    for number, fault in survivors:
        print(f"{target.name} {number}: line {fault.line}: {fault.name}", flush=True)
    killed = len(wanted) - len(survivors)
    print(
        f"{target.name}: {killed} of {len(wanted)} noticed ({killed / max(1, len(wanted)):.1%}), "
        f"{len(found) - len(wanted)} change nothing",
        flush=True,
    )
    if every == 1:
        _enter(target, len(wanted), len(found) - len(wanted), survivors)
    return len(survivors)


def _trials(
    target: Target, wanted: Sequence[tuple[int, Fault]], jobs: int
) -> Iterator[tuple[int, Fault, bool]]:
    """Each fault with whether it was noticed, as they end."""
    waiting = list(reversed(wanted))
    running: list[tuple[int, Trial]] = []
    while waiting or running:
        while waiting and len(running) < jobs:
            number, fault = waiting.pop()
            running.append((number, Trial(target.module, fault, target.tests)))
        wait([trial for _, trial in running])
        for number, trial in list(running):
            noticed = trial.noticed()
            if noticed is not None:
                running.remove((number, trial))
                assert trial.fault is not None
                yield number, trial.fault, noticed


def _enter(target: Target, tried: int, equal: int, survivors: Sequence[tuple[int, Fault]]) -> None:
    results: dict[str, Mapping[str, object]] = (
        json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    )
    results[target.name] = {
        "module": target.module,
        "tried": tried,
        "noticed": tried - len(survivors),
        "equivalent": equal,
        "survivors": [f"line {fault.line}: {fault.name}" for _, fault in survivors],
    }
    RESULTS.write_text(
        json.dumps(dict(sorted(results.items())), indent=1, ensure_ascii=False) + "\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    sys.exit(main())
