"""Finding and reading files: the rim through which `.cnn` text comes in.

A file may use files in the folder of the main file and below it, and the standard library;
nothing else is ever opened. What a name leads to is decided after all symbolic links, and
looked at again once the file is open, so that nobody can put another one in its place.
"""

from __future__ import annotations

import os
import re
import stat

from .damage import damage_of
from .diagnostics import (
    CnnError,
    Diagnostic,
    Fix,
    Help,
    did_you_mean,
    error,
    fail,
    nearest,
    suggest,
)
from .limits import FILE_SIZE, FILES, USE_DEPTH
from .namespace import Library, Namespace, check_names
from .parser import parse
from .source import Source, Span
from .syntax import Name, Use

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import NoReturn

_DEFINITION = re.compile(r"^(?:block|dialect|let|model|rule)[ \t]+([A-Za-z_]\w*)", re.MULTILINE)
_MODEL = re.compile(r"^model[ \t]+([A-Za-z_]\w*)", re.MULTILINE)


def shipped_folder() -> str:
    """The folder of the specs that ship with the package."""
    here = os.path.dirname(os.path.abspath(__file__))
    installed = os.path.join(here, "specs")
    return installed if os.path.isdir(installed) else os.path.join(os.path.dirname(here), "specs")


def shipped_files() -> list[str]:
    """Paths of the shipped specs, sorted by name; the standard library is not among them."""
    folder = shipped_folder()
    names = sorted(name for name in os.listdir(folder) if name.endswith(".cnn"))
    return [os.path.join(folder, name) for name in names]


def models_of_text(text: str) -> list[str]:
    """Names of the models in a text, found without parsing it."""
    return _MODEL.findall(text)


class Loader:
    """Reads and parses the files of one run, each once.

    Arguments:
        root: the folder that files must stay in.
        opened: sources that stand for the files at their paths: what an editor has not saved.

    After loading, `diagnostics` has every syntax error and every name error of the
    files that were read.
    """

    def __init__(self, root: str, opened: Iterable[Source] = ()) -> None:
        self.root = os.path.realpath(root)
        self._opened = {os.path.realpath(s.path): s for s in opened if s.path is not None}
        self.diagnostics: list[Diagnostic] = []
        self._loaded: dict[str, Namespace] = {}
        self._library: dict[str, Namespace] = {}
        self._chain: list[str] = []
        self._files = 0  # that were used, without those of the library
        self.library = Library(_index, self._load_library)

    def namespace(self, source: Source) -> Namespace:
        """The namespace of a source and, through its `use` items, of the files it needs."""
        path = os.path.realpath(source.path) if source.path else f"<{source.name}>"
        if path in self._loaded:
            return self._loaded[path]
        file, problems = parse(source)
        self.diagnostics.extend(problems)
        self._chain.append(path)
        imports: list[tuple[Use, Namespace]] = []
        standard: tuple[str, ...] | None = ()
        for item in file.items:
            if not isinstance(item, Use):
                continue
            if isinstance(item.module, Name):
                standard = self._standard(item, standard)
                continue
            try:
                imports.append((item, self._use(item, source)))
            except CnnError as problem:
                self.diagnostics.extend(problem.diagnostics)
        self._chain.pop()
        if self._in_library(path):
            standard = None
        damage = damage_of(source, file, problems)
        result = Namespace(source, file, self.library, tuple(imports), standard, damage)
        self._loaded[path] = result
        self.diagnostics.extend(check_names(result))
        return result

    def files(self) -> list[Namespace]:
        """The namespaces of the files that were read, those of the library too."""
        return list(self._loaded.values())

    def _standard(self, use: Use, so_far: tuple[str, ...] | None) -> tuple[str, ...] | None:
        assert isinstance(use.module, Name)
        if use.module.id != "std":
            near = suggest(use.module.id, ["std"], use.module.span)
            help = near or ('a file is used as `use "./blocks.cnn"`',)
            self.diagnostics.append(
                error("E0501", f"there is no library `{use.module.id}`", use.module.span, help=help)
            )
            return so_far
        if use.names is None or so_far is None:
            return None
        return (*so_far, *(name.id for name in use.names))

    def _use(self, use: Use, source: Source) -> Namespace:
        """The namespace of a used file. Raises CnnError when it must not or cannot be read."""
        assert not isinstance(use.module, Name)
        asked, span = use.module.value, use.module.span
        if "\0" in asked:
            raise CnnError()  # a character that nobody sees is reported already
        if os.path.isabs(asked) or ":" in asked or "\\" in asked:
            fail(
                "E0503",
                "a used file is named relative to this file",
                span,
                help=("write it as `./blocks.cnn`",),
            )
        folder = os.path.dirname(os.path.realpath(source.path)) if source.path else self.root
        path = os.path.realpath(os.path.join(folder, asked))
        if os.path.commonpath([path, self.root]) != self.root:
            fail(
                "E0503",
                "a used file must stay below the folder of the main file",
                span,
                "leads outside of it",
                help=("move the file into that folder",),
            )
        if path in self._chain:
            names = [os.path.basename(p) for p in [*self._chain[self._chain.index(path) :], path]]
            fail(
                "E0502",
                "these files use each other",
                span,
                " → ".join(names),
                help=("move what both need into a third file",),
            )
        if path in self._loaded:
            return self._loaded[path]
        if len(self._chain) >= USE_DEPTH.value:
            message = f"files use each other in a chain of more than {USE_DEPTH.value}"
            fail(USE_DEPTH.code, message, span, help=[USE_DEPTH.help])
        self._files += 1
        if self._files >= FILES.value:
            message = f"this spec has more than {FILES.value} files"
            fail(FILES.code, message, span, help=[FILES.help])
        name = os.path.join(os.path.dirname(source.name), asked)
        name = os.path.normpath(name)
        opened = self._opened.get(path)
        return self.namespace(opened or read_source(path, name, span, self.root))

    def _in_library(self, path: str) -> bool:
        return os.path.dirname(path) == os.path.realpath(os.path.join(shipped_folder(), "std"))

    def _load_library(self, file: str) -> Namespace:
        """The namespace of a shipped file, such as `std/residual.cnn`."""
        if file not in self._library:
            path = os.path.join(shipped_folder(), file)
            source = read_source(path, file)
            source.shipped = True
            self._library[file] = self.namespace(source)
        return self._library[file]


def read_source(path: str, name: str, span: Span | None = None, root: str | None = None) -> Source:
    """Read a text file.

    Arguments:
        root: the folder that the file must be in; no symbolic link is followed then.

    Raises CnnError: not there, not a file, not the one that was asked for, too large, not UTF-8.
    """
    try:
        data = _read(path, name, span, root)
    except (OSError, ValueError) as problem:  # a NUL in the name is a ValueError
        _cannot_read(path, name, span, problem)
    return decode_source(data, name, path, span)


def _read(path: str, name: str, span: Span | None, root: str | None) -> bytes:
    """The start of a regular file; other files are never opened, some wait or act when they are."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        fail(
            "E0501",
            f"`{name}` is not a file",
            span,
            help=["name a file of it, `folder/blocks.cnn`"],
        )
    extra = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    handle = os.open(path, os.O_RDONLY | extra | (getattr(os, "O_NOFOLLOW", 0) if root else 0))
    with open(handle, "rb") as file:
        opened = os.fstat(handle)
        moved = root is not None and not _is_still(path, opened)
        if moved or not stat.S_ISREG(opened.st_mode):
            fail("E0501", f"`{name}` was replaced while it was read", span)
        return file.read(FILE_SIZE.value + 1)


def _is_still(path: str, opened: os.stat_result) -> bool:
    """Whether a path without links has none now, and leads to the file that was opened."""
    return os.path.realpath(path) == path and os.path.samestat(opened, os.lstat(path))


def decode_source(
    data: bytes, name: str, path: str | None = None, span: Span | None = None
) -> Source:
    """The source of bytes that came from a file or from standard input."""
    if len(data) > FILE_SIZE.value:
        message = f"`{name}` is larger than {FILE_SIZE.value:,} bytes"
        fail(FILE_SIZE.code, message, span, help=[FILE_SIZE.help])
    try:
        return Source(name, data.decode("utf-8"), path)
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        fail(
            "E0107",
            f"`{name}` is not UTF-8 text",
            span,
            notes=(f"byte {problem.start} (line {line}) is 0x{data[problem.start]:02x}",),
            help=("save it as UTF-8",),
        )


def _cannot_read(
    path: str, name: str, span: Span | None, problem: OSError | ValueError
) -> NoReturn:
    if not isinstance(problem, FileNotFoundError):
        reason = (getattr(problem, "strerror", None) or str(problem)).lower()
        fail("E0501", f"cannot read `{name}`: {reason}", span)
    folder = os.path.dirname(path) or "."
    itself = os.path.basename(span.source.path or "") if span is not None else ""
    beside = sorted(f for f in _list(folder) if f.endswith(".cnn") and f != itself)
    stems = {os.path.splitext(file)[0]: file for file in beside}
    stem = os.path.splitext(os.path.basename(path))[0]
    near = (stem,) if stem in stems else nearest(stem, stems)
    help: list[Help | str] = []
    if near:
        found = os.path.join(os.path.dirname(name), stems[near[0]])
        fix = _renamed(span, stems[near[0]], len(near) == 1) if span is not None else None
        help = [Help(f"did you mean `{found}`?", fix)]
    if not help:
        none = "there is no other spec beside it" if itself else "there is no spec beside it"
        help = [f"beside it there are {_listed(beside)}" if beside else none]
    fail("E0501", f"there is no file `{name}`", span, help=help)


def _listed(files: list[str]) -> str:
    shown = [f"`{file}`" for file in files[:5]]
    return ", ".join([*shown, f"{len(files) - 5:,} more"] if len(files) > 5 else shown)


def _renamed(span: Span, file: str, safe: bool) -> Fix:
    """The path in a `use` with another file's name; `span` is the string with its quotes."""
    folder, slash, _ = span.text.strip('"').rpartition("/")
    return Fix(span, f'"{folder}{slash}{file}"', safe)


def specs_below(folder: str) -> list[str]:
    """Paths of the `.cnn` files in a folder and its folders, sorted.

    Neither links nor hidden folders are followed. Raises CnnError for a folder that cannot be read.
    """

    def refuse(problem: OSError) -> NoReturn:
        _cannot_read(problem.filename, problem.filename, None, problem)

    found = []
    for where, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths = [os.path.join(where, name) for name in sorted(files) if name.endswith(".cnn")]
        found += [path for path in paths if not os.path.islink(path)]
    return found


def _list(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _index(folder: str) -> dict[str, str]:
    """Which file of `std` or `rules` defines which name; none is parsed for it."""
    index: dict[str, str] = {}
    path = os.path.join(shipped_folder(), folder)
    for file in sorted(_list(path)):
        if file.endswith(".cnn"):
            with open(os.path.join(path, file), encoding="utf-8") as text:
                found = _DEFINITION.findall(text.read())
            index.update((name, f"{folder}/{file}") for name in found)
    return index


def find_model(spec: str) -> tuple[str, str, str | None]:
    """Path, printed name and model of `FILE` or `FILE:MODEL`.

    A name without a folder is looked for here, then among the shipped specs; where
    no file has the name, a shipped model of that name is meant (`resnet50.cnn` is
    `resnet.cnn:resnet50`). Raises CnnError.
    """
    file, colon, model = spec.rpartition(":")
    if not colon or os.sep in model or model.endswith(".cnn"):
        file, model = spec, ""
    wanted = model or None
    if os.path.exists(file) or os.path.dirname(file):
        return file, file, wanted
    name = file if file.endswith(".cnn") else f"{file}.cnn"
    if os.path.exists(name):
        return name, name, wanted
    shipped = os.path.join(shipped_folder(), name)
    if os.path.exists(shipped):
        return shipped, name, wanted
    stem = name.removesuffix(".cnn")
    for path, models in shipped_models():
        if stem in models and wanted in (None, stem):
            return path, os.path.basename(path), stem
    known = [os.path.basename(path).removesuffix(".cnn") for path in shipped_files()]
    known += [model for _, models in shipped_models() for model in models]
    near = did_you_mean(stem, known)
    fail(
        "E0501",
        f"there is no file `{file}` here or among the shipped specs",
        help=[f"did you mean `{near}.cnn`?"] if near else ["`cnnc list` shows the shipped specs"],
    )


def shipped_models() -> Iterator[tuple[str, list[str]]]:
    """Each shipped spec with the names of its models, found without parsing."""
    for path in shipped_files():
        with open(path, encoding="utf-8") as file:
            yield path, models_of_text(file.read())
