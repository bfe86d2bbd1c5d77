"""What a file's names mean: its own items, what it uses, and the standard library.

Pure: a namespace is given its parsed file and the namespaces it uses. The
library is looked up name by name, so a file of it is parsed when a name needs it.
"""

from __future__ import annotations

import re
from functools import cached_property

from .damage import UNHURT, Damage
from .diagnostics import CnnError, Diagnostic, Fix, Help, Label, error, fail
from .source import Source, Span
from .syntax import Block, Dialect, File, Let, Model, Name, Rule, String, Use

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any

EDITION = 1
_EDITION_LINE = re.compile(r"(?:cnn[ \t]+\d[^\n]*\n)?")
Definition = Let | Block | Model | Dialect | Rule


class Library:
    """What ships with the compiler: which file defines a name, and how to load that file.

    Arguments:
        contents: gives, for the folder `std` or `rules`, file by name of a definition.
        load: gives the namespace of a file.
    """

    def __init__(
        self,
        contents: Callable[[str], Mapping[str, str]],
        load: Callable[[str], Namespace],
    ) -> None:
        self.contents = contents
        self.load = load

    @cached_property
    def index(self) -> Mapping[str, str]:
        """Definitions of the standard library, which need a `use`."""
        return self.contents("std")

    @cached_property
    def rules(self) -> Mapping[str, str]:
        """Rules of the catalogue, and sets of them, which need none."""
        return self.contents("rules")

    def find(self, name: str) -> tuple[Definition, Namespace] | None:
        """A definition of the standard library."""
        file = self.index.get(name)
        return self.load(file).own(name) if file is not None else None

    def rule(self, name: str) -> tuple[Definition, Namespace] | None:
        """A definition of the catalogue of rules."""
        file = self.rules.get(name)
        return self.load(file).own(name) if file is not None else None


class Namespace:
    """The names of one file.

    Arguments:
        source, file: its text and its tree.
        imports: for each `use` of a file, the namespace and the names it asks for
            (None for all).
        library: the standard library.
        standard: names used from the library; None for all of them, () for none.
        damage: what its syntax errors leave in doubt.
    """

    def __init__(
        self,
        source: Source,
        file: File,
        library: Library,
        imports: tuple[tuple[Use, Namespace], ...] = (),
        standard: tuple[str, ...] | None = (),
        damage: Damage = UNHURT,
    ) -> None:
        self.source = source
        self.file = file
        self.library = library
        self.imports = imports
        self.standard = standard
        self.damage = damage
        self.items: dict[str, Definition] = {}
        models = [item.name.id for item in file.items if isinstance(item, Model)]
        self._models = [name for name in models if name not in damage.items]
        self._constants: dict[str, Any] = {}
        self._pending: set[str] = set()
        self._wrong: dict[str, CnnError] = {}
        for item in file.items:
            if not isinstance(item, Use):
                self.items.setdefault(item.name.id, item)

    def add_standard(self, sentence: str) -> Help:
        """The edit that makes the standard library known in this file."""
        at = len(_EDITION_LINE.match(self.source.text)[0])  # type: ignore[index]
        return Help(sentence, Fix(Span(self.source, at, at), "use std\n"))

    def own(self, name: str) -> tuple[Definition, Namespace] | None:
        """A definition of this very file. Raises CnnError without a word for one that is broken."""
        if name in self.damage.items:
            raise CnnError()
        item = self.items.get(name)
        return (item, self) if item is not None else None

    def find(self, name: str) -> tuple[Definition, Namespace] | None:
        """The definition of a name and the file it is in."""
        found = self.own(name)
        if found is not None:
            return found
        for use, namespace in self.imports:
            if use.names is None or any(wanted.id == name for wanted in use.names):
                found = namespace.own(name)
                if found is not None:
                    return found
        if self.standard is None or name in self.standard:
            return self.library.find(name)
        return None

    def let(self, name: str) -> tuple[Let, Namespace] | None:
        found = self.find(name)
        return found if found and isinstance(found[0], Let) else None  # type: ignore[return-value]

    def block(self, name: str) -> tuple[Block, Namespace] | None:
        found = self.find(name)
        return found if found and isinstance(found[0], Block) else None  # type: ignore[return-value]

    def model(self, name: str) -> tuple[Model, Namespace] | None:
        found = self.find(name)
        return found if found and isinstance(found[0], Model) else None  # type: ignore[return-value]

    def dialect(self, name: str) -> tuple[Dialect, Namespace] | None:
        """A dialect of the file or one of the built-in ones, which need no `use`."""
        found = self.find(name) or self.library.find(name)
        return found if found and isinstance(found[0], Dialect) else None  # type: ignore[return-value]

    def rule(self, name: str) -> tuple[Rule, Namespace] | None:
        """A rule of the file or of the catalogue, which needs no `use`."""
        for find in (self.find, self.library.rule):
            found = find(name)
            if found is not None and isinstance(found[0], Rule):
                return found  # type: ignore[return-value]
        return None

    def rules(self) -> list[str]:
        """Names of the rules of this file, of the files it uses, and of the catalogue."""
        files = (self, *(namespace for _, namespace in self.imports))
        items = [item for file in files for item in file.items.values()]
        own = [item.name.id for item in items if isinstance(item, Rule)]
        return [*own, *self.library.rules]

    def models(self) -> list[str]:
        """Names of the models of this file that are whole, in order."""
        return self._models

    def names(self) -> list[str]:
        """Every name that `find` knows."""
        found = list(self.items)
        for use, namespace in self.imports:
            found += namespace.items if use.names is None else [name.id for name in use.names]
        found += self.library.index if self.standard is None else self.standard
        return found

    @cached_property
    def unclear(self) -> frozenset[str]:
        """Names that this file asks for and does not get, or gets twice, which was reported."""
        uses = [item for item in self.file.items if isinstance(item, Use)]
        names = [name.id for use in uses for name in use.names or ()]
        twice = [name for _, _, names in _given_twice(self) for name in names]
        return frozenset([*twice, *(name for name in names if not self._is_defined(name))])

    def _is_defined(self, name: str) -> bool:
        """Whether there is a definition of a name, be it broken."""
        try:
            return self.find(name) is not None
        except CnnError:
            return True

    @cached_property
    def is_partial(self) -> bool:
        """Whether names are missing: those of a used file that is not there, or not understood."""
        read = [use for use, _ in self.imports]
        return self.damage.hides_names or any(
            isinstance(item, Use) and isinstance(item.module, String)
            and item.names is None and item not in read
            for item in self.file.items
        )  # fmt: skip

    def is_doubtful(self, name: str) -> bool:
        """Whether text that is missing or not understood may define a name."""
        files = (self, *(file for use, file in self.imports if use.names is None))
        if any(file.is_partial or name in file.damage.words for file in files):
            return True
        return name in self.unclear

    def give_up(self, name: str) -> None:
        """Raise CnnError without a word for a name of which nothing can be said."""
        if self.is_doubtful(name):
            raise CnnError()

    def offers(self, name: str) -> bool:
        """Whether the library has a name that this file does not use."""
        return name in self.library.index and self.find(name) is None

    def constant(self, let: Let, compute: Callable[[], Any]) -> Any:
        """The value of a `let` of this file, computed once."""
        name = let.name.id
        if name in self._wrong:
            raise self._wrong[name]
        if name in self._pending:
            fail(
                "E0402",
                f"`{name}` is defined by itself",
                let.name.span,
                help=["one of the definitions that lead back here needs a value of its own"],
            )
        if name not in self._constants:
            self._pending.add(name)
            try:
                self._constants[name] = compute()
            except CnnError as problem:
                self._wrong[name] = problem  # for all of a circle the same one
                raise
            finally:
                self._pending.discard(name)
        return self._constants[name]


def check_names(namespace: Namespace) -> list[Diagnostic]:
    """What is wrong with the edition of a file, with the names it defines, and those it uses."""
    problems = [*_edition(namespace.file), *_defined_twice(namespace.file, namespace.damage.items)]
    for use, other in namespace.imports:
        wanted = [n for n in use.names or () if n.id not in other.damage.words]
        problems += _missing(wanted, other.items, f'"{other.source.name}"', namespace.library)
    problems += _ambiguous(namespace)
    for item in namespace.file.items:
        if isinstance(item, Use) and isinstance(item.module, Name):
            library = namespace.library
            problems += _missing(item.names or (), library.index, "the standard library", library)
    return problems


def _edition(file: File) -> Iterator[Diagnostic]:
    edition = file.edition
    if edition is not None and edition.value != EDITION:
        yield error(
            "E0110",
            f"there is no edition {edition.text} of the language that this `cnnc` knows",
            edition.span,
            help=[f"write `cnn {EDITION}`, or install a later `cnnc`"],
        )


def _defined_twice(file: File, broken: frozenset[str]) -> Iterator[Diagnostic]:
    """Definitions of one name, and blocks or models of two names that readers confuse."""
    first: dict[str, Name] = {}
    alike: dict[tuple[type, str], Name] = {}
    for item in file.items:
        if isinstance(item, Use) or item.name.id in broken:
            continue
        name = item.name
        if name.id in first:
            yield error(
                "E0208",
                f"`{name.id}` is defined twice",
                name.span,
                also=[Label(first[name.id].span, "first defined here")],
                help=["give one of them another name"],
            )
        elif other := alike.get((type(item), _folded(name.id))):
            yield error(
                "E0212",
                f"`{name.id}` and `{other.id}` differ only in capitals and underscores",
                name.span,
                also=[Label(other.span, "the other one")],
                notes=["readers take one for the other, and so do disks that ignore capitals"],
                help=["give one of them another name"],
            )
        if isinstance(item, Block | Model):
            alike.setdefault((type(item), _folded(name.id)), name)
        first.setdefault(name.id, name)


def _folded(name: str) -> str:
    """`BasicBlock` and `basic_block` as one; underscores between digits tell names apart."""
    return re.sub(r"(?<!\d)_|_(?!\d)", "", name.lower())


def _given_twice(
    namespace: Namespace,
) -> Iterator[tuple[Use, tuple[Use, Namespace], list[str]]]:
    """For each used file its `use`, an earlier one, and the names that both give."""
    given: dict[str, tuple[Use, Namespace]] = {}
    for use, other in namespace.imports:
        names = other.items if use.names is None else [name.id for name in use.names]
        twice = [n for n in names if n in given and n in other.items and given[n][1] is not other]
        twice = [name for name in twice if name not in namespace.items]
        if twice:
            yield use, given[twice[0]], twice
        for name in names:
            if name in other.items:
                given.setdefault(name, (use, other))


def _ambiguous(namespace: Namespace) -> Iterator[Diagnostic]:
    """Names that two used files give, of which neither is meant more than the other."""
    files = {id(use): other for use, other in namespace.imports}
    for use, (first, before), twice in _given_twice(namespace):
        yield error(
            "E0505",
            f"`{twice[0]}` comes from {before.source.name} and from {files[id(use)].source.name}",
            use.span,
            "this gives it again",
            also=[Label(first.span, "this gives it first")],
            notes=[f"so do {_listed(twice[1:])}"] if len(twice) > 1 else (),
            help=[f"say what is needed of each: `use {use.module.span.text} (name)`"],
        )


def _listed(names: list[str]) -> str:
    shown = [f"`{name}`" for name in names[:4]]
    more = [f"{len(names) - 4:,} more"] if len(names) > 4 else []
    return ", ".join(shown + more)


def _missing(
    names: Iterable[Name], known: Iterable[str], where: str, library: Library
) -> list[Diagnostic]:
    from .diagnostics import suggest

    problems = []
    for name in names:
        if name.id not in known:
            help: tuple[Help | str, ...] = suggest(name.id, known, name.span)
            if name.id in library.rules:
                help = ("it is a rule of the catalogue, which needs no `use`",)
            has = _listed([other for other in known if other not in library.rules])
            help = help or ((f"it has {has}",) if has else ("it defines nothing",))
            message = f"{where} has no `{name.id}`"
            problems.append(error("E0504", message, name.span, help=help))
    return problems
