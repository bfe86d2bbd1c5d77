"""Decisions by name: drawn at random, taken again, made simpler one by one."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random
    from typing import TypeVar

    T = TypeVar("T")


class Unfit(Exception):
    """What was drawn does not fit together."""


class Choices:
    """Decisions by name, each among options that begin with the simplest one.

    Arguments:
        random: takes what is not fixed; without it the simplest is taken.
        fixed: decisions taken before. One that is no option any more is taken anew.
    """

    def __init__(self, random: Random | None, fixed: Mapping[str, object] | None = None) -> None:
        self.random = random
        self.fixed = fixed or {}
        self.made: dict[str, object] = {}
        self.options: dict[str, tuple[object, ...]] = {}

    def take(self, name: str, usual: Sequence[T], smaller: Sequence[T] = ()) -> T:
        """One of the usual options, the same each time the name is asked for.

        Arguments:
            smaller: further options, for smaller drawings only.
        """
        options = tuple(dict.fromkeys((*smaller, *usual)))
        before = self.made.get(name, self.fixed.get(name))
        if before is not None and before in options:
            chosen: T = before
        else:
            chosen = self.random.choice(usual) if self.random is not None else options[0]
        self.made[name], self.options[name] = chosen, options
        return chosen

    def pair(self, name: str, usual: Sequence[T]) -> tuple[T, T]:
        """One along the height and one along the width."""
        return self.take(f"{name} height", usual), self.take(f"{name} width", usual)
