"""Writing files so that a reader sees the old one or the new one, never a half.

Every file is written beside its target under an unpredictable name, flushed to
the disk and renamed. Several files are all staged before the first is renamed:
a full disk or a wrong folder leaves everything as it was.
"""

from __future__ import annotations

import os
import sys

from .diagnostics import CnnError, Diagnostic, error, fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

STDOUT = "-"


def write_all(files: Mapping[str, bytes], inputs: Iterable[str] = ()) -> None:
    """Write every file or none; `-` is standard output, written last.

    Arguments:
        files: contents by path.
        inputs: what was read to make the files. Writing over one of them, or over any
            spec, is refused; without inputs (the formatter) it is not.

    Raises CnnError with E0701 (cannot write) or E0703 (would overwrite the input). A
    closed pipe raises BrokenPipeError, which is no fault of ours or of the user.
    """
    paths = [path for path in files if path != STDOUT]
    kept = list(inputs)
    for path in paths:
        _refuse(path, kept)
    staged: list[tuple[str, str, str]] = []
    try:
        for path in paths:
            if _is_device(path):
                continue
            staged.append((path, *_stage(path, files[path])))
        for path in filter(_is_device, paths):
            _write_device(path, files[path])
        while staged:
            path, temporary, target = staged[0]
            _rename(path, temporary, target)
            staged.pop(0)
    finally:
        for _, temporary, _ in staged:
            _remove(temporary)
    if STDOUT in files:
        write_stdout(files[STDOUT])


def write_stdout(content: bytes) -> None:
    """Write bytes to standard output, now. Raises CnnError, or BrokenPipeError."""
    if sys.stdout is None:
        raise CnnError(_cannot_write("standard output", "it is closed"))
    try:
        sys.stdout.flush()
        stream = getattr(sys.stdout, "buffer", None)
        if stream is None:  # a text stream that a test or a notebook put there
            sys.stdout.write(content.decode("utf-8"))
        else:
            stream.write(content)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as problem:
        raise CnnError(_cannot_write("standard output", _reason(problem))) from None


def _refuse(path: str, inputs: Iterable[str]) -> None:
    """Raise for a target that must not be written: the input, and any other spec."""
    if any(_same(path, other) for other in inputs):
        message = f"the output `{path}` is the input"
    elif path.endswith(".cnn") and os.path.exists(path) and inputs:
        message = f"the output `{path}` would replace a spec"
    else:
        return
    fail("E0703", message, notes=("nothing was written",), help=("give `-o` another name",))


def _same(path: str, other: str) -> bool:
    try:
        return os.path.samefile(path, other)
    except OSError:
        return False


def _is_device(path: str) -> bool:
    """Whether `path` is there and is neither a file nor a folder: `/dev/stdout`, a pipe."""
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)


def _stage(path: str, content: bytes) -> tuple[str, str]:
    """Write the content beside the target. Returns the temporary name and the target."""
    from tempfile import mkstemp

    temporary = ""
    target = os.path.realpath(path)  # a link stays a link
    try:
        if os.path.isdir(target):
            raise IsADirectoryError(None, "it is a folder")
        handle, temporary = mkstemp(".tmp", ".cnnc-", os.path.dirname(target))
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, _mode(target))
    except BaseException as problem:
        _remove(temporary)
        if isinstance(problem, OSError):
            raise CnnError(_problem(path, problem)) from None
        raise
    return temporary, target


def _mode(target: str) -> int:
    """Permissions of the file that is replaced, or those of a new file."""
    try:
        return os.stat(target).st_mode & 0o7777
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


def _rename(path: str, temporary: str, target: str) -> None:
    try:
        os.replace(temporary, target)
    except OSError as problem:
        raise CnnError(_problem(path, problem)) from None


def _write_device(path: str, content: bytes) -> None:
    try:
        with open(path, "wb") as stream:
            stream.write(content)
    except BrokenPipeError:
        raise
    except OSError as problem:
        raise CnnError(_problem(path, problem)) from None


def _remove(temporary: str) -> None:
    from contextlib import suppress

    if temporary:
        with suppress(OSError):
            os.unlink(temporary)


def _problem(path: str, problem: OSError) -> Diagnostic:
    """E0701 for a path, with what is known about the reason."""
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        from shlex import quote

        return _cannot_write(path, f"there is no folder `{folder}`", f"mkdir -p {quote(folder)}")
    return _cannot_write(path, _reason(problem), kept=os.path.isfile(path))


def _cannot_write(path: str, reason: str, command: str = "", kept: bool = False) -> Diagnostic:
    name = path if path == "standard output" else f"`{path}`"
    return error(
        "E0701",
        f"cannot write {name}: {reason}",
        notes=("the old file is untouched",) if kept else (),
        help=(f"make the folder first: `{command}`",) if command else (),
    )


def _reason(problem: OSError) -> str:
    """What the system says, as part of a sentence."""
    text = problem.strerror or str(problem)
    return text[:1].lower() + text[1:]
