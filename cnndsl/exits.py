"""Exit codes, and which one a run with diagnostics ends in."""

from __future__ import annotations

from .diagnostics import Diagnostic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


OK, IN_SPEC, USAGE, MISSING_TOOL, INPUT_OUTPUT, LIMIT, INTERNAL = 0, 1, 2, 3, 4, 5, 70

STOPPED = 128
"""By a signal, whose number is added: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP."""

EXIT_CODES = {
    "E0702": MISSING_TOOL, "E0705": USAGE, "E0706": USAGE, "E0802": MISSING_TOOL, "E0901": USAGE,
    "E0904": USAGE, "E0905": INPUT_OUTPUT,
}  # fmt: skip
"""Of diagnostics whose group says something else."""


class UsageError(Exception):
    """The command line itself is wrong. `help` is the next step."""

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message)
        self.help = help


def exit_code(diagnostics: Iterable[Diagnostic]) -> int:
    """The exit code for these diagnostics. Errors in the spec count before everything else."""
    codes = {_code_of(diagnostic) for diagnostic in diagnostics if diagnostic.is_error}
    order = (IN_SPEC, INTERNAL, LIMIT, INPUT_OUTPUT, MISSING_TOOL, USAGE)
    return next((code for code in order if code in codes), OK)


def _code_of(diagnostic: Diagnostic) -> int:
    code, place = diagnostic.code, diagnostic.place
    if code.startswith("I"):
        return INTERNAL
    if code.startswith("E06"):
        return LIMIT
    if code in EXIT_CODES:
        return EXIT_CODES[code]
    if place is not None and place.source.name.startswith("--"):
        return USAGE
    if code.startswith("E07") or (place is None and code == "E0501"):
        return INPUT_OUTPUT
    return USAGE if place is None and code.startswith(("E02", "E08")) else IN_SPEC
