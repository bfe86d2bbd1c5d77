"""What a rule of the linter is, and how one is declared.

    @network_rule("W0303")
    def bias_before_norm(network: Network) -> Iterator[Finding]:
        ...

The page of its code says why. Its name is that of the function. A rule looks at a network, with
all calls replaced by what they call, or at a file with all networks in it.
"""

from __future__ import annotations

from ..diagnostics import Help, Label
from ..graph import Node
from ..record import Record
from ..source import Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .file import LintedFile
    from .network import Network

    NetworkRule = Callable[[Network], Iterator["Finding"]]
    FileRule = Callable[[LintedFile], Iterator["Finding"]]


class Finding(Record):
    """What a rule has found.

    Arguments:
        at: the node or the text that it is about.
        message, label, also, notes, help: as in a diagnostic.
        counted: whether it is told in how many uses of a statement it is so.
    """

    at: Node | Span
    message: str
    label: str = ""
    also: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: tuple[Help, ...] = ()
    counted: bool = True


class Rule(Record):
    """A rule of the linter.

    Arguments:
        code: of its diagnostics.
        name: what it finds, in words.
        level: unless a project says otherwise.
        networks: what it finds in a network, if it looks at networks.
        files: what it finds in a file, if it looks at files.
    """

    code: str
    name: str
    level: str
    networks: NetworkRule | None = None
    files: FileRule | None = None


RULES: dict[str, Rule] = {}
"""Every rule by its code; the modules of `rules/` fill it."""


def network_rule(code: str, level: str = "warning") -> Callable[[NetworkRule], NetworkRule]:
    """Declare a rule that looks at each network."""

    def declare(look: NetworkRule) -> NetworkRule:
        RULES[code] = Rule(code, _name(look), level, networks=look)
        return look

    return declare


def file_rule(code: str, level: str = "warning") -> Callable[[FileRule], FileRule]:
    """Declare a rule that looks at a file."""

    def declare(look: FileRule) -> FileRule:
        RULES[code] = Rule(code, _name(look), level, files=look)
        return look

    return declare


def load_rules() -> dict[str, Rule]:
    """Every rule, in the order of the codes."""
    from importlib import import_module
    from pkgutil import iter_modules

    from . import rules

    for module in iter_modules(rules.__path__):
        import_module(f"{rules.__name__}.{module.name}")
    return {code: RULES[code] for code in sorted(RULES)}


def found(
    at: Node | Span,
    message: str,
    label: str = "",
    *,
    also: Iterable[Label] = (),
    notes: Iterable[str] = (),
    help: Iterable[Help | str] = (),
    counted: bool = True,
) -> Finding:
    """A finding; `help` takes plain sentences too."""
    helps = tuple(h if isinstance(h, Help) else Help(h) for h in help)
    return Finding(at, message, label, tuple(also), tuple(notes), helps, counted)


def _name(look: NetworkRule | FileRule) -> str:
    return look.__name__.replace("_", "-")
