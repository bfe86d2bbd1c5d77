"""`cnnc explain`: the page of a diagnostic."""

from __future__ import annotations

from ..diagnostics import did_you_mean
from ..exits import UsageError
from ..terminal import show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("code", metavar="CODE", nargs="?", help="`E0301`; without it, all codes")


def run(options: Namespace) -> int:
    """The page of a code."""
    from ..codes import CODES, index, page

    if options.code is None:
        return show(index())
    code = options.code.upper().rpartition("[")[2].rstrip("]")
    if code not in CODES:
        raise _unknown_code(options.code, list(CODES))
    return show(page(CODES[code]))


def _unknown_code(given: str, codes: list[str]) -> UsageError:
    from ..manual import words

    if given in words():
        return UsageError(f"`{given}` is no code", f"`cnnc ops {given}` explains the operator")
    nearest = did_you_mean(given.upper(), codes)
    hint = f"did you mean `{nearest}`?" if nearest else "`cnnc explain` lists all codes"
    return UsageError(f"there is no code `{given}`", hint)
