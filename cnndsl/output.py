"""Writing files so that a reader sees the old one or the new one, never a half.

Every file is written beside its target under an unpredictable name, flushed to
the disk and renamed. Several files are all staged before the first is renamed:
a full disk or a wrong folder leaves everything as it was. Should a rename fail after others
went well, these are taken back.
"""

from __future__ import annotations

import errno
import os
import sys
from contextlib import contextmanager, suppress
from functools import partial

from .diagnostics import CnnError, Diagnostic, error, fail
from .signals import postponed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import TextIO

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
    devices = list(filter(_is_device, paths))
    staged = _targets({path: files[path] for path in paths if path not in devices})
    try:
        for one in staged:
            one.write(files[one.path])
        for path in devices:
            _write_device(path, files[path])
        with postponed():
            _put_in_place(staged)
    except BaseException:
        with postponed():
            for one in staged:
                one.tidy()
        raise
    if STDOUT in files:
        write_stdout(files[STDOUT])


def _put_in_place(staged: list[_Staged]) -> None:
    """Rename all files or none. Raises CnnError."""
    try:
        for one in staged:
            one.rename(others=len(staged) > 1)
    except BaseException:
        for one in staged:
            one.undo()
        raise
    finally:
        for one in staged:
            one.tidy()


@contextmanager
def folder_for(path: str) -> Iterator[str]:
    """The name of a folder to be made by somebody else; it becomes `path` when all went well.

    Raises CnnError with E0701.
    """
    from shutil import rmtree

    staged = _Staged(path)
    try:
        if os.path.lexists(staged.target):
            raise FileExistsError(None, "it is there already")
        os.mkdir(staged.temporary)
        yield os.path.join(staged.temporary, "content")
        os.rename(os.path.join(staged.temporary, "content"), staged.target)
    except OSError as problem:
        raise CnnError(_problem(path, problem)) from None
    finally:
        with postponed():
            rmtree(staged.temporary, ignore_errors=True)


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
        discard(sys.stdout)
        raise CnnError(_cannot_write("standard output", _reason(problem))) from None


def discard(stream: TextIO | None) -> None:
    """Let what is left in a stream that cannot be written go nowhere, now and at the exit."""
    with suppress(OSError, ValueError, AttributeError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())  # type: ignore[union-attr]
        os.close(null)


# ------------------------------------------------------------------------- targets


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
    except (OSError, ValueError):
        return False


def _is_device(path: str) -> bool:
    """Whether `path` is there and is neither a file nor a folder: `/dev/stdout`, a pipe."""
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)


def _targets(files: Mapping[str, bytes]) -> list[_Staged]:
    """Each file once. Raises CnnError where two names are one file and the contents differ."""
    found: dict[str, _Staged] = {}
    for path, content in files.items():
        staged = _Staged(path)
        first = found.setdefault(staged.target, staged)
        if first is not staged and files[first.path] != content:
            fail(
                "E0703",
                f"the outputs `{first.path}` and `{path}` are one file",
                notes=("nothing was written",),
                help=("give one of them another name",),
            )
    return list(found.values())


class _Staged:
    """A file on its way to its target.

    The name beside the target is known before the file is there, so that whatever happens
    in between it can be removed.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            self.target = os.path.realpath(path)  # a link stays a link
        except (OSError, ValueError) as problem:  # no working folder, a NUL
            raise CnnError(_problem(path, problem)) from None
        self.temporary = self._beside()
        self.old = ""
        self.undone_by: Callable[[], None] | None = None

    def _beside(self) -> str:
        return os.path.join(os.path.dirname(self.target), f".cnnc-{os.urandom(8).hex()}.tmp")

    def write(self, content: bytes) -> None:
        """The content into the file beside the target. Raises CnnError."""
        try:
            self._check()
            with open(self.temporary, "xb", opener=self._open) as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            if os.path.exists(self.target):
                os.chmod(self.temporary, os.stat(self.target).st_mode & 0o7777)
        except OSError as problem:
            raise CnnError(_problem(self.path, problem)) from None

    def _open(self, name: str, flags: int) -> int:
        """A new file, for all whom the umask lets, or nobody else until it replaces another."""
        return os.open(name, flags, 0o600 if os.path.exists(self.target) else 0o666)

    def _check(self) -> None:
        """Raise OSError for what the rename would replace, and should not."""
        if os.path.isdir(self.target) or self.path.endswith(os.sep):
            raise IsADirectoryError(None, "it is a folder")
        if os.path.islink(self.target):
            raise OSError(None, os.strerror(errno.ELOOP))
        if os.path.exists(self.target) and not os.access(self.target, os.W_OK):
            raise PermissionError(None, "it is write-protected")

    def rename(self, others: bool) -> None:
        """Put the file in place; where there are others, remember how to undo it."""
        try:
            if others:
                self._remember()
            os.replace(self.temporary, self.target)
        except OSError as problem:
            raise CnnError(_problem(self.path, problem)) from None

    def _remember(self) -> None:
        if os.path.exists(self.target):
            self.old = self._beside()
            _second_name(self.target, self.old)
            self.undone_by = self._restore
        else:
            self.undone_by = partial(os.unlink, self.target)

    def _restore(self) -> None:
        kept, self.old = self.old, ""
        os.replace(kept, self.target)

    def undo(self) -> None:
        """What was there before the rename, if it was done."""
        if self.undone_by is not None and not os.path.lexists(self.temporary):
            with suppress(OSError):
                self.undone_by()

    def tidy(self) -> None:
        """Nothing stays beside the target."""
        for name in filter(None, (self.temporary, self.old)):
            with suppress(OSError):
                os.unlink(name)


def _second_name(target: str, name: str) -> None:
    """The same file under another name; a copy where a disk knows no such thing."""
    try:
        os.link(target, name)
    except OSError:
        from shutil import copy2

        copy2(target, name)


def _write_device(path: str, content: bytes) -> None:
    try:
        with open(path, "wb") as stream:
            stream.write(content)
    except BrokenPipeError:
        raise
    except OSError as problem:
        raise CnnError(_problem(path, problem)) from None


# ------------------------------------------------------------------------- reasons


def _problem(path: str, problem: OSError | ValueError) -> Diagnostic:
    """E0701 for a path, with what is known about the reason."""
    folder = os.path.dirname(path) or "."
    if os.path.exists(folder) and not os.path.isdir(folder):
        return _cannot_write(path, f"`{folder}` is no folder")
    if not os.path.isdir(folder):
        from shlex import quote

        return _cannot_write(path, f"there is no folder `{folder}`", f"mkdir -p {quote(folder)}")
    return _cannot_write(path, _reason(problem), kept=os.path.isfile(path))


_ELSEWHERE = "name another file with `-o`, or `-` for standard output"


def _cannot_write(path: str, reason: str, command: str = "", kept: bool = False) -> Diagnostic:
    name = path if path == "standard output" else f"`{path}`"
    return error(
        "E0701",
        f"cannot write {name}: {reason}",
        notes=("the old file is untouched",) if kept else (),
        help=(f"make the folder first: `{command}`" if command else _ELSEWHERE,),
    )


def _reason(problem: OSError | ValueError) -> str:
    """What the system says, as part of a sentence."""
    text = getattr(problem, "strerror", None) or str(problem)
    return text[:1].lower() + text[1:]
