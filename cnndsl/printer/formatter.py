"""`cnnc fmt`: a text in the one layout, which says the same as before or is not written."""

from __future__ import annotations

from ..diagnostics import CnnError, fail
from ..parser import parse
from ..source import Source
from .comments import Formatter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..syntax import File


def format_source(source: Source) -> str:
    """The text of a source in the one layout, with all its comments.

    Raises `CnnError` with the syntax errors if there are any, and with I9001 if
    the result would not say the same.
    """
    tree, problems = parse(source)
    if any(problem.is_error for problem in problems):
        raise CnnError(*problems)
    formatter = Formatter(source)
    text = formatter.print(tree)
    _verify(formatter, tree, text)
    return text


def _verify(first: Formatter, tree: File, text: str) -> None:
    """Raise an error unless the text has the same tree and comments and stays as it is."""
    result = Source(first.source.name, text)
    again, problems = parse(result)
    second = Formatter(result)
    says_the_same = not problems and again == tree and _comments(first) == _comments(second)
    if says_the_same and second.print(again) == text:
        return
    fail(
        "I9001",
        "the formatter would change what this file says, so nothing was changed",
        notes=["this is a bug of cnnc"],
        help=["please report it with the file"],
    )


def _comments(formatter: Formatter) -> list[str]:
    return [text for _, text, _, _ in formatter.comments]
