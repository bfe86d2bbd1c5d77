"""Fuzzing that looks for new paths through the compiler: Atheris tries what covers more code.

    python -m tests.campaign.guided TARGET --minutes 30

The targets are in `targets.py`: parse, check, fmt, lint, read_module. The extra `fuzz` brings
Atheris; it works on Linux and macOS. Inputs that lead somewhere new stay in `build/fuzz/TARGET`,
what fails in `build/fuzz/TARGET-failures`, and the next run goes on from there. A failure becomes
a case of `tests/hostile`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

BUILD = Path(__file__).parents[2] / "build" / "fuzz"


def main() -> int:
    parser = argparse.ArgumentParser(description="fuzzing that looks for new paths")
    parser.add_argument("target", help="parse, check, fmt, lint or read_module")
    parser.add_argument("--minutes", type=float, default=30)
    options = parser.parse_args()
    try:
        import atheris
    except ImportError:
        print("Atheris is not installed: `pip install cnndsl[fuzz]` brings it along")
        return 3
    with atheris.instrument_imports(include=["cnndsl"]):  # only ours: the rest is not on trial
        from tests.campaign import targets
    if options.target not in targets.TARGETS:
        print("there is no target", options.target)
        return 2
    corpus, failures = BUILD / options.target, BUILD / f"{options.target}-failures"
    for folder in (corpus, failures):
        folder.mkdir(parents=True, exist_ok=True)
    for number, text in enumerate(targets.seeds(options.target)):
        (corpus / f"seed-{number:04}").write_bytes(text)
    (BUILD / "words").write_text(targets.words())
    settings = {
        "max_total_time": round(60 * options.minutes),
        "max_len": targets.LONGEST,
        "timeout": targets.SLOW,
        "rss_limit_mb": 1500,
        "dict": BUILD / "words",
        "print_final_stats": 1,
        "artifact_prefix": f"{failures}/",
    }
    arguments = [f"-{name}={value}" for name, value in settings.items()]
    target = targets.TARGETS[options.target]
    atheris.Setup([sys.argv[0], *arguments, str(corpus)], target)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
