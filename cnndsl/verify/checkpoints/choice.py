"""Which layers take part: what fits what, by shapes, and what either side has more.

Auxiliary heads may be missing from the file. What the file has more than the network is left
out where it is a part by its names, and nothing else in the file could be meant.
"""

from __future__ import annotations

from collections import Counter, defaultdict

from ...diagnostics import fail
from ..match import described, nature
from ..trace import shown
from .layers import fitted, laid_out

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence
    from typing import NoReturn

    from ...graph import Module
    from ..trace import Shape
    from .layers import Layer
    from .own import Ours


class Choice:
    """The layers of both sides that take part, by position, and their colours.

    Layers that fit each other have the same colour, even by way of others.

    Raises CnnError with E0906 when the file does not hold the network.
    """

    def __init__(self, path: str, theirs: Sequence[Layer], ours: Ours, dialect: str) -> None:
        self.path = path
        self.layers = theirs
        self.own = ours
        self.dialect = dialect
        self.colors = _colors(theirs, ours, dialect)
        self.ours: list[int] = []
        self.theirs: list[int] = []
        self._choose()

    def _choose(self) -> None:
        given, mine = self.colors
        have = Counter(given)
        everything = range(len(mine))
        inference = [i for i in everything if self.own.layers[i].inference]
        for wanted in (everything, inference):
            need = Counter(mine[i] for i in wanted)
            if need <= have:
                spare = self._spare(have - need)
                self.ours = list(wanted)
                self.theirs = [i for i in range(len(given)) if i not in spare]
                return
        self._differ(Counter(mine[i] for i in inference), have)

    def _spare(self, more: Counter[int]) -> set[int]:
        """Parts of the file that are more than the network."""
        spare: set[int] = set()
        parts = _subtrees(self.layers)
        kinds = {name: Counter(self.colors[0][i] for i in parts[name]) for name in parts}
        alike: dict[Hashable, dict[frozenset[int], str]] = defaultdict(dict)
        for name, members in parts.items():
            alike[frozenset(kinds[name].items())].setdefault(frozenset(members), name)
        for name, members in parts.items():
            kind = kinds[name]
            if not more or not kind <= more or spare & members:
                continue
            twins = alike[frozenset(kind.items())].values()
            if len(twins) > min(more[color] // n for color, n in kind.items()):
                why = f"it has more than the model, and these are alike: {listed(twins)}"
                misfit(self.path, self.own.module, why)
            spare |= members
            more = more - kind
        if more:
            extra = [x.name for x, c in zip(self.layers, self.colors[0], strict=True) if c in more]
            why = f"it has {more.total()} layers more, among these: {listed(extra)}"
            misfit(self.path, self.own.module, why)
        return spare

    def _differ(self, need: Counter[int], have: Counter[int]) -> NoReturn:
        """E0906 for the first layer of ours that the file lacks, and the nearest it has."""
        given, mine = self.colors
        lacking, spare = need - have, have - need
        extra = [x for x, color in zip(self.layers, given, strict=True) if color in spare]
        position = next(i for i, color in enumerate(mine) if color in lacking)
        name, step = self.own.layers[position].name, self.own.step(position)
        wanted = step.weights[0].shape
        near = [(x, laid_out(x, step, self.dialect)) for x in extra]
        like = [(x, shape) for x, shape in near if len(shape) == len(wanted)]
        notes = [f"without a place in the model: {listed(x.name for x in extra)}"] if extra else []
        if not like:
            color = mine[position]
            number = f"{have[color]:,}" if have[color] else "none"
            why = f"of layers like `{name}`, {described(step)}, it has {number}"
            help = f"it should have {need[color]:,}: is it of another version of the network?"
            misfit(self.path, self.own.module, why, notes, help)
        other, shape = max(like, key=lambda pair: _agreement(pair[1], wanted))
        if shape == wanted:
            why = f"`{other.name}` has {listed(other.weights)}, and `{name}` is {described(step)}"
            misfit(self.path, self.own.module, why, notes)
        why = f"`{other.name}` is {shown(shape)}, and `{name}` is {shown(wanted)}"
        misfit(self.path, self.own.module, why, notes, setting(self.own.module, shape, wanted))


def _colors(theirs: Sequence[Layer], ours: Ours, dialect: str) -> tuple[list[int], list[int]]:
    steps = [ours.step(i) for i in range(len(ours.layers))]
    kinds = {nature(step): step for step in steps}
    color: dict[Hashable, int] = {kind: number for number, kind in enumerate(kinds)}
    for number, (shapes, layer) in enumerate({x.shapes: x for x in theirs}.items(), len(kinds)):
        fit = {color[kind] for kind, step in kinds.items() if fitted(layer, step, dialect)}
        own = min(fit, default=number)
        color = {what: own if c in fit else c for what, c in color.items()}
        color[shapes] = own
    return [color[x.shapes] for x in theirs], [color[nature(step)] for step in steps]


def _subtrees(theirs: Sequence[Layer]) -> dict[str, set[int]]:
    """Layers by what their names begin with, the largest parts first."""
    found: dict[str, set[int]] = {}
    for position, layer in enumerate(theirs):
        parts = layer.name.replace("/", ".").split(".")
        for depth in range(1, len(parts) + 1):
            found.setdefault(".".join(parts[:depth]), set()).add(position)
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))


def _agreement(a: Shape, b: Shape) -> int:
    return sum(x == y for x, y in zip(a, b, strict=True))


# ---------------------------------------------------------------------- messages


def misfit(
    path: str, module: Module, why: str, notes: Iterable[str] = (), help: str = ""
) -> NoReturn:
    """Raise E0906: a file that can be read, and is not of this network."""
    message = f"the weights of `{path}` are not those of `{module.name}`: {why}"
    fail("E0906", message, notes=notes, help=(help,) if help else ())


def setting(module: Module, given: Shape, wanted: Shape) -> str:
    """The parameter that would make a size of ours that of the file, as an option."""
    if len(given) != len(wanted):
        return ""
    for theirs, ours in zip(given, wanted, strict=True):
        for name, value in module.main.arguments:
            if theirs != ours and value == ours and not isinstance(value, bool):
                return f"`--set {name}={theirs}` gives the model that many"
    return ""


def listed(names: Iterable[str], most: int = 6) -> str:
    """Names in backticks, the first of many."""
    said = [f"`{name}`" for name in names]
    more = f" and {len(said) - most} more" if len(said) > most else ""
    return ", ".join(said[:most]) + more
