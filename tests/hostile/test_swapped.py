"""Files that change while they are read, and names that only Python code can ask for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cnndsl import driver
from cnndsl.diagnostics import CnnError
from cnndsl.loader import read_source

MAIN = 'use "./sub/a.cnn"\nmodel net { input 32x32x3\n relu }\n'


@pytest.mark.parametrize("swapped", ["file", "folder"])
def test_a_link_put_in_place_of_what_was_checked(
    swapped: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at the path and the opening, somebody puts a link to a secret there."""
    secret, folder = tmp_path / "secret", tmp_path / "project"
    (folder / "sub").mkdir(parents=True)
    secret.mkdir()
    (secret / "a.cnn").write_text("let secret = 42\n")
    (folder / "sub" / "a.cnn").write_text("let a = 1\n")
    (folder / "net.cnn").write_text(MAIN)
    target = folder / "sub" if swapped == "folder" else folder / "sub" / "a.cnn"
    opened = os.open

    def swap(path: str, *rest: int) -> int:
        if str(path).endswith("sub/a.cnn"):
            target.rename(tmp_path / "old")
            target.symlink_to(secret if swapped == "folder" else secret / "a.cnn")
        return opened(path, *rest)

    driver.check(str(folder / "net.cnn"))
    monkeypatch.setattr(os, "open", swap)
    with pytest.raises(CnnError) as caught:
        driver.check(str(folder / "net.cnn"))
    (problem,) = caught.value.diagnostics
    assert problem.code == "E0501" and problem.place is not None


def test_a_name_with_a_nul() -> None:
    with pytest.raises(CnnError) as caught:
        read_source("a\0.cnn", "a")
    assert caught.value.diagnostics[0].code == "E0501"
