"""What the campaigns came to: `ledger.json`, which they add to, and the page made of it."""

from __future__ import annotations

import json
import time
import tomllib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cnndsl.record import Record
from tests.campaign.property import NOTHING, Failure, Goal, Property, Tally

HERE = Path(__file__).parent
LEDGER = HERE / "ledger.json"
FOUND = HERE / "found.toml"
MUTATION = HERE.parent / "mutation" / "results.json"
PAGE = HERE.parents[1] / "docs" / "reliability.md"


class Run(Record):
    """One campaign: the seed that its cases begin with, and what it tried."""

    name: str
    commit: str
    python: str
    jobs: int
    begin: float

    @property
    def hours(self) -> float:
        """Of the clock, for all its processes."""
        return self.jobs * (time.monotonic() - self.begin) / 3600


def load() -> dict[str, Any]:
    """The runs by their seed."""
    return json.loads(LEDGER.read_text(encoding="utf-8")) if LEDGER.exists() else {}


def save(run: Run, found: Mapping[str, Tally]) -> None:
    """Enter a run, in place of what was entered of it before."""
    runs = load()
    runs[run.name] = {
        "commit": run.commit,
        "python": run.python,
        "hours": round(run.hours, 2),
        "properties": {name: _as_data(tally) for name, tally in found.items() if tally.cases},
    }
    LEDGER.write_text(json.dumps(runs, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _as_data(tally: Tally) -> dict[str, Any]:
    return {
        "cases": tally.cases,
        "seconds": round(tally.seconds, 1),
        "counts": dict(sorted(tally.counts.items())),
        "failures": [{"seed": f.seed, "what": f.what} for f in tally.failures],
    }


def _from_data(name: str, data: Mapping[str, Any]) -> Tally:
    failures = tuple(Failure(name, f["seed"], f["what"]) for f in data["failures"])
    return Tally(data["cases"], data["counts"], failures, data["seconds"])


# ----------------------------------------------------------------------- the page


def publish(runs: Mapping[str, Any], known: Mapping[str, Property]) -> None:
    """Write `docs/reliability.md`."""
    PAGE.write_text(page(runs, known), encoding="utf-8")


def page(runs: Mapping[str, Any], known: Mapping[str, Property]) -> str:
    """The page: what was tried how often, what failed, what became of it."""
    totals = dict.fromkeys(known, NOTHING)
    last: dict[str, Tally] = {}
    for run in runs.values():
        for name, data in run["properties"].items():
            if name in totals:
                last[name] = _from_data(name, data)
                totals[name] += last[name]
    parts = [_lead(runs, totals), _goals(totals, last, known), _mutation(), _found()]
    parts += [_tables(totals, known), _runs(runs)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _lead(runs: Mapping[str, Any], totals: Mapping[str, Tally]) -> str:
    hours = sum(run["hours"] for run in runs.values())
    busy = sum(tally.seconds for tally in totals.values()) / 3600
    cases = sum(_examples(tally) for tally in totals.values())
    return f"""\
# Reliability

What must hold for every input, how often that was tried, and what failed. Each test run tries a
few hundred cases of everything, always the same; a campaign tries new ones for as long as it is
given. Campaigns so far: **{cases:,} cases in {hours:.1f} hours** of one process, which had the
processor for {busy:.1f} of them.

    python -m tests.campaign --hours 2                    # adds to this page
    python -m tests.campaign --only NAME --seed SEED      # one case again

A failure is an exception that is no coded message, a wrong result, more than ten minutes or more
than the machine has. Each became a test of its own, which is tried for ever. Failures count from
the first campaign on, before they were repaired."""


def _examples(tally: Tally) -> int:
    return tally.counts.get("examples", tally.cases)


def _goals(
    totals: Mapping[str, Tally], last: Mapping[str, Tally], known: Mapping[str, Property]
) -> str:
    rows = [
        f"| {property.name} | {goal.part} of {goal.whole} | {_bounds(goal.least, goal.most)} | "
        f"{_share(goal, last[name])} | {_share(goal, totals[name])} |"
        for name, property in known.items()
        for goal in property.goals
        if name in last and last[name].counts.get(goal.whole)
    ]
    if not rows:
        return ""
    head = _head("property", "share", "goal", "last campaign:", ":", "all of them:", ":")
    return "\n".join(["## Shares", "", head, *rows])


def _share(goal: Goal, tally: Tally) -> str:
    """Two cells: the counts, and the first one as a share of the second."""
    part, whole = tally.counts.get(goal.part, 0), tally.counts[goal.whole]
    return f"{part:,} of {whole:,} | {part / whole:.2%}"


def _bounds(least: float, most: float) -> str:
    parts = [f"≥ {least:g}"] * (least > 0) + [f"≤ {most:g}"] * (most < 1)
    return ", ".join(parts)


def _tables(totals: Mapping[str, Tally], known: Mapping[str, Property]) -> str:
    files: dict[str, list[str]] = defaultdict(list)
    for name, property in sorted(known.items(), key=lambda item: _place(item[1])):
        tally = totals[name]
        files[property.where].append(
            f"| {name} | {property.claim} | {_examples(tally):,} | {tally.seconds / 60:.1f} | "
            f"{len(tally.failures)} |"
        )
    head = (
        "| property | what holds | cases | minutes | failed |\n| --- | --- | ---: | ---: | ---: |"
    )
    return "\n\n".join(
        f"## `{where}`\n\n{head}\n" + "\n".join(rows) for where, rows in files.items()
    )


def _place(property: Property) -> tuple[bool, str]:
    return not property.where.startswith("tests/campaign"), property.where


def _mutation() -> str:
    """How many of the faults put into the core the tests notice."""
    if not MUTATION.exists():
        return ""
    results = json.loads(MUTATION.read_text(encoding="utf-8"))
    rows = [
        f"| `{r['module']}` | {r['tried']} | {r['noticed']} | {r['noticed'] / r['tried']:.1%} | "
        f"{r['equivalent']} |"
        for r in results.values()
    ]
    tried, noticed = (sum(r[key] for r in results.values()) for key in ("tried", "noticed"))
    rows.append(f"| all | {tried} | {noticed} | {noticed / tried:.1%} | |")
    head = _head("module", "faults:", "noticed:", ":", "change nothing:")
    lead = (
        "Small faults are put into the code that computes sizes, costs and escapes, one at a\n"
        "time, and the tests run: `python -m tests.mutation`. Goal: 95 %. Those that change\n"
        "nothing are in `tests/mutation/equivalent.toml` with the reason, those that no test\n"
        "notices in `results.json` beside it."
    )
    return "\n".join(["## Faults in the code", "", lead, "", head, *rows])


def _found() -> str:
    """What was found and repaired, with the test that remains."""
    entries: Sequence[Mapping[str, str]] = (
        tomllib.loads(FOUND.read_text(encoding="utf-8"))["found"] if FOUND.exists() else []
    )
    if not entries:
        return ""
    rows = [f"| {e['property']} | {e['what']} | `{e['test']}` |" for e in entries]
    head = _head("property", "what was wrong", "test")
    return "\n".join(["## Found and repaired", "", head, *rows])


def _runs(runs: Mapping[str, Any]) -> str:
    rows = []
    for name, run in runs.items():
        tallies = {n: _from_data(n, data) for n, data in run["properties"].items()}
        busy = sum(tally.seconds for tally in tallies.values()) / 3600
        cases = sum(_examples(tally) for tally in tallies.values())
        failed = sum(len(tally.failures) for tally in tallies.values())
        times = (f"{run['hours']:.2f}", f"{busy:.2f}")
        cells = (f"`{name}`", run["commit"], run["python"], *times, f"{cases:,}", failed)
        rows.append(f"| {' | '.join(map(str, cells))} |")
    head = _head("seed", "commit", "Python", "hours:", "processor:", "cases:", "failed:")
    return "\n".join(["## Campaigns", "", head, *rows])


def _head(*titles: str) -> str:
    """The first two lines of a table; a colon behind a title puts its column to the right."""
    rule = ["---:" if title.endswith(":") else "---" for title in titles]
    return f"| {' | '.join(t.rstrip(':') for t in titles)} |\n| {' | '.join(rule)} |"
