"""Names of the blocks that one definition became: what tells their forms apart.

The plainest form has the definition's name. Others add the blocks that they call besides,
`bottleneck_shortcut_b`, or an argument of their own, `mbconv_t1`.
"""

from __future__ import annotations

from cnndsl.op import OPS
from cnndsl.record import Record
from cnndsl.syntax import Apply, CallExpr, Name, Parallel

from .labels import legal_name
from .literal import Literal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cnndsl.graph import Graph
    from cnndsl.syntax import Statement

UNIT = "unit"
"""What a parameter is called that is a block."""
MOST_WORDS = 2
"""Words that a block's name gains."""


class Traits:
    """What can be said of the functions of a form to tell it from others of its definition."""

    def __init__(self, graphs: Sequence[Graph], bodies: Sequence[Sequence[Statement]]) -> None:
        given = [dict(graph.arguments) for graph in graphs]
        self.words = tuple(dict.fromkeys(_words(tuple(bodies[0]))))
        self.arguments = {key: tuple(one.get(key) for one in given) for key in given[0]}

    def beside(self, plain: Traits, title: str, taken: set[str]) -> str:
        """A suffix for the definition's name that says how this form is not the plain one."""
        for suffix in self._suffixes(plain, title):
            if legal_name(f"{title}_{suffix}") not in taken:
                return f"_{suffix}"
        return ""

    def _suffixes(self, plain: Traits, title: str) -> Iterator[str]:
        new = [word for word in self.words if word not in plain.words]
        parts = "_".join([_rest(word, title) for word in new if word not in OPS][:MOST_WORDS])
        yield from [parts] if parts else []
        for argument in self._own_arguments(plain):
            yield argument
            yield from [f"{parts}_{argument}"] if parts else []
        yield from (word for word in new if word in OPS)

    def _own_arguments(self, plain: Traits) -> Iterator[str]:
        """Arguments that all functions of this form have, and none of the plain one."""
        for key, column in self.arguments.items():
            value = column[0]
            if set(column) == {value} and value not in plain.arguments.get(key, ()):
                if isinstance(value, str):
                    yield value
                elif isinstance(value, int) and not isinstance(value, bool):
                    yield f"{key}{value}"


def _rest(word: str, title: str) -> str:
    """A block's name without the words with which the title begins, too."""
    words = word.split("_")
    for before in title.split("_"):
        if words[:1] != [before]:
            break
        words = words[1:]
    return "_".join(words) or word


def _words(node: object) -> Iterator[str]:
    """The operators, merges and blocks in statements, in order."""
    if isinstance(node, Apply | CallExpr):
        if isinstance(node.callee, Literal):
            yield from [node.callee.value] if node.callee.id == UNIT else []
        elif node.callee is not None:
            yield node.callee.id
        posts = [a.value for a in node.arguments if a.name is None]
        yield from (p.id for p in posts if type(p) is Name and p.id in OPS)
        yield from _words(tuple(p for p in posts if isinstance(p, CallExpr)))
        yield from _words(node.body if isinstance(node, Apply) else ())
    elif isinstance(node, Parallel):
        yield node.merge.id
        yield from _words(node.branches)
    elif isinstance(node, tuple):
        for part in node:
            yield from _words(part)
    elif isinstance(node, Record):
        for field in node.fields:
            yield from _words(getattr(node, field))
