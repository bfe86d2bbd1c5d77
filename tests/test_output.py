"""Files are written whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from cnndsl.diagnostics import CnnError, Diagnostic
from cnndsl.output import write_all


def problem(files: dict[str, bytes], inputs: tuple[str, ...] = ()) -> Diagnostic:
    """The diagnostic of a failing write."""
    with pytest.raises(CnnError) as caught:
        write_all(files, inputs)
    (found,) = caught.value.diagnostics
    return found


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def test_new_file_and_replaced_file(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    write_all({str(file): b"one"})
    write_all({str(file): b"two"})
    assert file.read_bytes() == b"two"
    assert names(tmp_path) == ["a.py"]


def test_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_all({"a.py": b"one"})
    assert names(tmp_path) == ["a.py"]


def test_permissions(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    old = os.umask(0o027)
    try:
        write_all({str(file): b""})
    finally:
        os.umask(old)
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    file.chmod(0o755)
    write_all({str(file): b"x"})
    assert stat.S_IMODE(file.stat().st_mode) == 0o755


def test_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "to").mkdir()
    link, file = tmp_path / "a.py", tmp_path / "to" / "b.py"
    link.symlink_to(file)
    write_all({str(link): b"one"})
    assert link.is_symlink() and file.read_bytes() == b"one"


def test_no_folder(tmp_path: Path) -> None:
    found = problem({str(tmp_path / "no" / "a.py"): b""})
    assert found.code == "E0701"
    assert f"there is no folder `{tmp_path / 'no'}`" in found.message
    assert "mkdir -p" in found.help[0].text


def test_target_is_a_folder(tmp_path: Path) -> None:
    assert problem({str(tmp_path): b""}).message.endswith("it is a folder")


def test_one_bad_target_and_none_is_written(tmp_path: Path) -> None:
    good = tmp_path / "a.py"
    good.write_bytes(b"old")
    problem({str(good): b"new", str(tmp_path / "no" / "b.py"): b""})
    assert good.read_bytes() == b"old"
    assert names(tmp_path) == ["a.py"]


@pytest.mark.parametrize("call", ["fsync", "replace", "open"])
def test_full_disk_leaves_the_old_file(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    file = tmp_path / "a.py"
    file.write_bytes(b"old")
    monkeypatch.setattr(os, call, full)
    found = problem({str(file): b"new"})
    assert found.message == f"cannot write `{file}`: no space left on device"
    assert found.notes == ("the old file is untouched",)
    assert file.read_bytes() == b"old"
    assert names(tmp_path) == ["a.py"]


def test_interrupt_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_all({str(tmp_path / "a.py"): b""})
    assert names(tmp_path) == []


@pytest.mark.parametrize("same", ["net.cnn", "./net.cnn", "link.cnn"])
def test_input_is_kept(same: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.cnn").write_bytes(b"spec")
    Path("link.cnn").symlink_to("net.cnn")
    found = problem({same: b"code"}, ("net.cnn",))
    assert found.code == "E0703"
    assert Path("net.cnn").read_bytes() == b"spec"


def test_other_spec_is_kept(tmp_path: Path) -> None:
    other = tmp_path / "other.cnn"
    other.write_bytes(b"spec")
    assert problem({str(other): b"code"}, ("net.cnn",)).code == "E0703"
    assert other.read_bytes() == b"spec"


def test_device(tmp_path: Path) -> None:
    write_all({os.devnull: b"x"})
    if os.path.exists("/dev/full"):
        found = problem({"/dev/full": b"x"})
        assert found.message == "cannot write `/dev/full`: no space left on device"


def test_temporary_names_are_not_predictable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    replace = os.replace

    def spy(temporary: str, target: str) -> None:
        seen.append(temporary)
        replace(temporary, target)

    monkeypatch.setattr(os, "replace", spy)
    for _ in range(2):
        write_all({str(tmp_path / "a.py"): b""})
    assert len(set(seen)) == 2
    assert all(os.path.dirname(name) == str(tmp_path) for name in seen)


def run(code: str) -> bytes:
    """Standard output of a program."""
    code = f"from cnndsl.output import write_all\n{code}"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).stdout


def test_standard_output_is_written_last(tmp_path: Path) -> None:
    missing = str(tmp_path / "no" / "a")
    assert run(f"write_all({{'-': b'x', {missing!r}: b''}})") == b""
    assert run("write_all({'-': 'é'.encode()})") == "é".encode()
