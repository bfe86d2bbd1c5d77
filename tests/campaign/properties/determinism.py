"""Random programs, some of them damaged, in random surroundings: every output is the same bytes.

The same is made here, and by another process with another hash seed, language, time zone and
order of files in folders, optimised or not, by any version of Python that the machine has.
"""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from tests.campaign.drawn import drawn
from tests.campaign.property import Property
from tests.properties.strategies import programs
from tests.support.outputs import digests
from tests.test_determinism import differing, has_locale, ours, pythons
from tests.test_determinism import digests as digests_elsewhere

PROGRAMS = programs()
MANY = 3
LANGUAGES = ("C", "C.UTF-8", "tr_TR.UTF-8", "de_DE.UTF-8")
ZONES = ("UTC", "Pacific/Kiritimati", "America/St_Johns", "Asia/Kathmandu")
DAMAGE = ("(", "}", "×", "bn", "strid = 2", "1x", '"', "\u202e", "from x", "-> ")
OLDEST = (3, 11)


def run(random: random.Random) -> dict[str, int]:
    """Some programs, here and elsewhere."""
    with tempfile.TemporaryDirectory() as folder:
        files = [_write(random, Path(folder, f"net{k}.cnn")) for k in range(MANY)]
        here = digests(files, alone=True)
        command, surroundings = _elsewhere(random)
        there = digests_elsewhere(command, files, **surroundings)
    assert differing(there, here) == [], (command, surroundings)
    return {"outputs": len(here)}


def _write(random: random.Random, path: Path) -> str:
    """A program in a file; one in three is damaged."""
    program = drawn(PROGRAMS, random)
    text = program.text
    if random.random() < 1 / 3:
        at = random.randrange(len(text))
        text = text[:at] + random.choice(DAMAGE) + text[at:]
    path.write_text(text, encoding="utf-8")
    return f"{path}:{program.model}"


def _elsewhere(random: random.Random) -> tuple[list[str], dict[str, str]]:
    """A command, and the environment to run it in."""
    known = [
        program
        for version, program in sorted(pythons().items())
        if tuple(map(int, version.split("."))) >= OLDEST
    ]
    optimised = random.choice(((), ("-O",), ("-OO",)))
    reversed = random.choice(((), ("--reversed",)))
    command = ours("--alone", *optimised, *reversed, python=random.choice(known))
    language = random.choice([name for name in LANGUAGES if has_locale(name)])
    seed = str(random.randrange(2**32))
    zone = random.choice(ZONES)
    return command, {"PYTHONHASHSEED": seed, "LC_ALL": language, "TZ": zone, "cwd": str(Path.cwd())}


PROPERTY = Property(
    "determinism",
    "Every output of the same text is the same bytes, whatever the hash seed, the language, the "
    "time zone, the order of files in folders, the optimisation and the version of Python.",
    run,
    cases=6,
    nightly=300,
)
