"""`cnnc ops`: the manual of the operators."""

from __future__ import annotations

from ..diagnostics import did_you_mean
from ..exits import UsageError
from ..terminal import show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("word", nargs="?", metavar="WORD", help="without it, all operators")


def run(options: Namespace) -> int:
    """The manual of one operator, or the list of all."""
    from ..manual import entry, overview, words

    if options.word is None:
        return show(overview())
    if options.word not in words():
        nearest = did_you_mean(options.word, words())
        hint = f"did you mean `{nearest}`?" if nearest else "`cnnc ops` lists all operators"
        raise UsageError(f"there is no operator `{options.word}`", hint)
    return show(entry(options.word))
