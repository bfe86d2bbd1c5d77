"""Golden files: text that people read, kept under `tests/golden` and compared whole.

    def test_flax(golden):
        golden("resnet18/flax.py", emit(...))

A missing file fails, and so does, when the whole suite runs, a file that no test asked
for. `pytest --update-golden` writes them anew; continuous integration may not.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import Phase, settings

os.environ.setdefault("KERAS_BACKEND", "jax")  # before anything imports Keras

# Under `nohup`, or behind `&`, signals are ignored, and so would they be by what tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Where a failure stops a change, the examples are the same each time.
settings.register_profile("ci", derandomize=True, deadline=None)
# Where only the fact counts that something fails, nobody looks for the smallest example.
settings.register_profile(
    "fact", settings.get_profile("ci"), phases=(Phase.explicit, Phase.generate)
)
if os.environ.get("CI"):
    settings.load_profile("ci")

ROOT = Path(__file__).parent.parent
GOLDEN = Path(__file__).parent / "golden"

Golden = Callable[[str | Path, str], None]
ASKED = pytest.StashKey[set[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write golden files and error blocks anew"
    )
    parser.addoption("--slow", action="store_true", help="run the tests that take minutes, too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the slow tests out unless they are asked for."""
    if config.getoption("--slow"):
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in set(slow)]


def pytest_configure(config: pytest.Config) -> None:
    config.stash[ASKED] = set()
    if config.getoption("--update-golden") and os.environ.get("CI"):
        raise pytest.UsageError("--update-golden is not for continuous integration")


@pytest.fixture
def update(request: pytest.FixtureRequest) -> bool:
    """Whether expected texts are to be written instead of compared."""
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture
def golden(request: pytest.FixtureRequest, update: bool) -> Golden:
    """Compare a text with its file, whose path is relative to `tests/golden` unless absolute."""

    def compare(path: str | Path, text: str) -> None:
        file = GOLDEN / path
        request.config.stash[ASKED].add(str(file))
        compare_golden(file, text, update)

    return compare


def compare_golden(file: Path, text: str, update: bool) -> None:
    """Fail unless the file holds exactly this text; write it when updating."""
    if update:
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8", newline="\n")
        return
    shown = file.relative_to(ROOT) if file.is_relative_to(ROOT) else file
    if not file.exists():
        pytest.fail(f"there is no golden file {shown}; write it with --update-golden")
    expected = file.read_text(encoding="utf-8")
    assert text == expected, f"{shown} differs; --update-golden writes it anew"


def orphans(folder: Path, asked: set[str]) -> list[Path]:
    """Golden files that no test asked for."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return [file for file in files if str(file) not in asked]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In a run of the whole suite, fail for golden files that no test asked for."""
    config = session.config
    if hasattr(config, "workeroutput"):  # a worker of pytest-xdist reports to its controller
        asked: set[str] = config.stash[ASKED]
        config.workeroutput["golden"] = sorted(asked)
        return
    if session.exitstatus != 0 or not _whole_suite(config):
        return
    found = orphans(GOLDEN, config.stash[ASKED])
    if found and config.getoption("--update-golden"):
        for file in found:
            file.unlink()
    elif found:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        for line in _complaint(found):
            print(line)


def _complaint(found: list[Path]) -> Iterator[str]:
    yield "\ngolden files that no test asks for (--update-golden removes them):"
    yield from (f"  {file.relative_to(ROOT)}" for file in found)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object, error: object) -> None:
    """What a worker of pytest-xdist asked for counts for the whole run."""
    output = getattr(node, "workeroutput", {})
    node.config.stash[ASKED].update(output.get("golden", ()))  # type: ignore[attr-defined]


def _whole_suite(config: pytest.Config) -> bool:
    """Whether nothing was left out by arguments, `-k`, `-m`, `--lf` or `-x`."""
    options = config.option
    narrowed = any(
        getattr(options, name, None)
        for name in ("keyword", "markexpr", "lf", "last_failed", "deselect", "ignore", "stepwise")
    )
    given = [Path(argument.split("::")[0]).resolve() for argument in config.args]
    return not narrowed and any(GOLDEN.is_relative_to(path) and path.is_dir() for path in given)
