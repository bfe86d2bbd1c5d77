"""One expression for what all copies say: what they differ in gets a name.

In the class of a block that is a parameter, found by `Parameters`. The model has one copy, which
differs from nothing, but the number of its classes is what users change most: where the spec has
an argument for it, it is a setting, an argument of the emitted class too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cnndsl.graph import Graph

from ..code import Expr, Formula, Text, Value, merge, walk
from ..naming import identifier
from ..parameters import Parameter, Parameters
from ..planned import Member, Step

SETTINGS = ("classes", "num_classes")


class Differences:
    """Says once what all copies say.

    Arguments:
        parameters: of the class; what copies differ in becomes one of them.
        settings: of the model; None in the class of a block.
    """

    def __init__(self, parameters: Parameters, settings: dict[str, int] | None) -> None:
        self.parameters = parameters
        self.settings = settings

    def of_steps(
        self,
        steps: Sequence[Step | None],
        part: Callable[[Step], Expr],
        hint: str,
        stored: bool = False,
    ) -> Expr:
        """A part of a step, for all copies. See `say`."""
        present = [part(step) for step in steps if step is not None]
        return self.say(present, [step is not None for step in steps], hint, stored)

    def say(
        self, present: Sequence[Expr], where: Sequence[bool], hint: str, stored: bool = False
    ) -> Expr:
        """One expression for several. Raises Differs when they differ in more than values.

        Arguments:
            present: what is said by the copies that say anything.
            where: which of all copies these are.
            hint: what a new parameter is called after.
            stored: whether `__call__` says it, not `__init__`.
        """

        def resolve(values: list[Value]) -> Expr:
            if self.settings is not None:
                return values[0] if stored else _setting(values[0], self.settings)
            return self._parameter(values, where, hint, stored)

        return merge(present, resolve)

    def _parameter(
        self, values: Sequence[Value], where: Sequence[bool], hint: str, stored: bool
    ) -> Expr:
        """What copies have in one place: the value, or a formula of parameters."""
        every = iter(values)
        spread = [next(every) if there else None for there in where]
        kind = values[0].kind or "value"
        if any(v.kind == "classes" for v in values):
            classes = self.parameters.classes(spread)
            if classes is not None:
                return classes
            spread = [Value(v.value, "features") if v is not None else None for v in spread]
            kind = "features"
        expr = self.parameters.resolve(spread, f"{hint}_{kind}")
        if stored and isinstance(expr, Formula):
            self.parameters.store(expr)
        return expr


# -------------------------------------------------------------------- settings


def settings_of(graph: Graph) -> dict[str, int]:
    """Arguments of a model that its users change most: the number of classes."""
    return {
        identifier(name): value
        for name, value in graph.arguments
        if name in SETTINGS and isinstance(value, int) and not isinstance(value, bool)
    }


def used_settings(settings: dict[str, int], members: Sequence[Member]) -> tuple[Parameter, ...]:
    """Those that constructors mention, as parameters."""
    return tuple(
        Parameter(name, "features", (value,), True, True, value)
        for name, value in settings.items()
        if any(_mentions(make, name) for member in members for make in member.makes)
    )


def _setting(value: Value, settings: dict[str, int]) -> Expr:
    """A value of a model, or the setting that it follows."""
    if value.kind == "classes":
        for name, number in settings.items():
            if value.value == number:
                return Text(name)
    return value


def _mentions(expr: Expr, name: str) -> bool:
    return any(isinstance(part, Text) and part.text == name for part in walk(expr))
