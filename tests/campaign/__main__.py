"""The campaign: every property gets the same time, the results go to `docs/reliability.md`.

python -m tests.campaign --hours 2 [--jobs 2] [--only NAME ...]
python -m tests.campaign --only NAME --seed SEED     one case again, with what it says
python -m tests.campaign --page                      only write the page
python -m tests.campaign --list
"""

from __future__ import annotations

import argparse
import secrets
import subprocess
import sys
import time
from collections.abc import Mapping

from tests.campaign import ledger
from tests.campaign.property import NOTHING, Property, Tally, attempt
from tests.campaign.registry import everything
from tests.campaign.worker import Worker, first_ready

EVERY = 60.0
"""Seconds between two savings of what was found so far."""


def main() -> int:
    """Run the campaign. Returns 1 if a case failed or a goal was missed."""
    options = _options()
    known = everything()
    unknown = set(options.only) - known.keys()
    if unknown:
        print("there is no property", ", ".join(sorted(unknown)))
        return 2
    wanted = {name: known[name] for name in options.only or known}
    if options.list:
        print("\n".join(f"{name}: {property.claim}" for name, property in wanted.items()))
        return 0
    if options.page:
        ledger.publish(ledger.load(), known)
        return 0
    if options.seed is not None:
        return _again(wanted, options.seed)
    return _campaign(wanted, known, options.hours, options.jobs)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.campaign",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--hours", type=float, default=0.1, help="of the clock, for all jobs")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME")
    parser.add_argument("--seed", help="try this case of the property that --only names")
    parser.add_argument("--page", action="store_true", help="write docs/reliability.md and stop")
    parser.add_argument("--list", action="store_true", help="name the properties and stop")
    return parser.parse_args()


def _again(wanted: Mapping[str, Property], seed: str) -> int:
    for property in wanted.values():
        found = attempt(property, seed)
        print(property.name, dict(found.counts))
        for failure in found.failures:
            print(failure.what)
            return 1
    return 0


def _campaign(
    wanted: Mapping[str, Property], known: Mapping[str, Property], hours: float, jobs: int
) -> int:
    """Give each worker the property that had least time so far, until the time is up."""
    run = ledger.Run(
        secrets.token_hex(4), _commit(), sys.version.split()[0], jobs, time.monotonic()
    )
    found = dict.fromkeys(wanted, NOTHING)
    given = dict.fromkeys(wanted, 0)
    end = time.monotonic() + hours * 3600
    saved = time.monotonic()
    workers = [Worker() for _ in range(jobs)]
    busy: dict[str, int] = dict.fromkeys(wanted, 0)
    try:
        while time.monotonic() < end:
            for worker in workers:
                if worker.job is None:
                    name = min(wanted, key=lambda n: (found[n].seconds + 5 * busy[n], given[n]))
                    worker.give(name, f"{run.name}-{given[name]}")
                    given[name] += 1
                    busy[name] += 1
            worker = first_ready(workers)
            assert worker.job is not None
            name = worker.job[0]
            result = worker.take()
            busy[name] -= 1
            found[name] += result
            _show(result)
            if time.monotonic() - saved > EVERY:
                saved = time.monotonic()
                ledger.save(run, found)
    except KeyboardInterrupt:
        print("stopped; what was found so far is kept")
    finally:
        for worker in workers:
            worker.stop()
    ledger.save(run, found)
    ledger.publish(ledger.load(), known)
    missed = [goal for name in found for goal in wanted[name].goals
              if not goal.holds(found[name].counts)]  # fmt: skip
    cases = sum(tally.cases for tally in found.values())
    failures = sum(len(tally.failures) for tally in found.values())
    print(f"{cases:,} cases, {failures} failures, {len(missed)} goals missed")
    return 1 if failures or missed else 0


def _show(result: Tally) -> None:
    for failure in result.failures:
        print(f"FAILED {failure.property}, seed {failure.seed}\n{failure.what}\n", flush=True)


def _commit() -> str:
    """The commit that is tried, with a sign when files differ from it."""
    said = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=10"], capture_output=True, text=True
    )
    return said.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
