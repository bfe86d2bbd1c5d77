"""The golden-file fixture itself."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
CONFTEST = (Path(__file__).parent / "conftest.py").read_text(encoding="utf-8")
TEST = "def test_it(golden):\n    golden('a/b.txt', 'text\\n')\n"


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A suite of one test with one golden file."""
    monkeypatch.delenv("CI", raising=False)
    folder = pytester.mkdir("tests")
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_it.py").write_text(TEST)
    return pytester


def run(suite: pytest.Pytester, *options: str) -> pytest.RunResult:
    return suite.runpytest_subprocess("-p", "no:cacheprovider", "tests", *options)


def test_missing_file_fails_and_update_writes_it(suite: pytest.Pytester) -> None:
    assert run(suite).ret == 1
    assert run(suite, "--update-golden").ret == 0
    assert (suite.path / "tests/golden/a/b.txt").read_text() == "text\n"
    assert run(suite).ret == 0


def test_other_text_fails(suite: pytest.Pytester) -> None:
    run(suite, "--update-golden")
    (suite.path / "tests/golden/a/b.txt").write_text("other\n")
    assert run(suite).ret == 1


def test_orphan_fails_the_whole_suite_only(suite: pytest.Pytester) -> None:
    run(suite, "--update-golden")
    orphan = suite.path / "tests/golden/left.txt"
    orphan.write_text("")
    result = run(suite)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*tests/golden/left.txt"])
    assert run(suite, "-k", "it").ret == 0
    assert run(suite, "--update-golden").ret == 0
    assert not orphan.exists()


def test_update_is_refused_in_ci(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    assert run(suite, "--update-golden").ret == pytest.ExitCode.USAGE_ERROR
