"""What has a name at a place: functions of the module, values and nodes of the function.

A name is defined once and before its use, and stands in the table that says what it names.
"""

from __future__ import annotations

from ..diagnostics import did_you_mean, fail
from .cursor import Cursor
from .words import read_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..graph import Graph, Node
    from ..types import TensorType


class Scope:
    """The names of a function in the making, which its readers fill.

    Arguments:
        functions: those above it.
    """

    def __init__(self, functions: Mapping[str, Graph]) -> None:
        self.functions = functions
        self.types: dict[str, TensorType] = {}
        self.nodes: dict[str, Node] = {}


def read_new(cursor: Cursor, taken: Mapping[str, object], what: str) -> str:
    """A name that is not taken."""
    place = cursor.here
    name = read_name(cursor)
    if name in taken:
        fail("E0208", f"there are two {what}s named `{name}`", place)
    return name


def read_known(cursor: Cursor, names: Mapping[str, object], what: str) -> str:
    """A name that is defined above."""
    place = cursor.here
    name = read_name(cursor)
    if name not in names:
        message = f"there is no {what} `{name}` before this place"
        fail("E0202", message, place, help=meant(name, names))
    return name


def meant(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """A help that names what was probably meant."""
    near = did_you_mean(name, known)
    return (f"did you mean `{near}`?",) if near else ()
