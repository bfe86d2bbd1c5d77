"""Transforms: rules that are no equation of two fragments, written in Python.

    rule width(factor) "Howard et al. 2017" { transform width }

A transform is given the module, the rule with its arguments (`rewrite.given`) and the
places, and returns what became of the module, or raises `Untransformed` with the reason.
"""

from __future__ import annotations

from ...diagnostics import fail
from ...evaluate.checks import truth
from ...evaluate.expressions import evaluate
from ...evaluate.scope import Scope
from ...record import Record
from ..conditions import conjuncts, values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, NoReturn

    from ...graph import Module
    from ..moves import Move
    from ..places import Places
    from ..rule import Rewrite

    Transform = Callable[[Module, Rewrite, Places], "Transformed"]
    Weights = Mapping[tuple[str, ...], Mapping[str, Any]]
    Mover = Callable[[Weights], Weights]


class Transformed(Record):
    """What a transform gives.

    Arguments:
        moves: what was replaced, for the journal and for weights.
        mover: the weights after from those before, by path and role, where what becomes of one
            operator's depends on those of others. It may raise NotCarried.
    """

    module: Module
    moves: tuple[Move, ...] = ()
    mover: Mover | None = None


class Untransformed(Exception):
    """A transform does not apply, for the reason that the text says."""


class _Arguments(dict):  # type: ignore[type-arg]
    """Arguments by name. A rule of a user may lack one that its transform asks for."""

    def __init__(self, rewrite: Rewrite) -> None:
        super().__init__(rewrite.given)
        self.rewrite = rewrite

    def __missing__(self, name: str) -> NoReturn:
        rule, word = self.rewrite.ref.rule, self.rewrite.transform
        fail("E1001", f"`{word}` asks for a parameter `{name}`", rule.name.span,
             help=[f"`{rule.name.id}` must have one; `cnnc rules {word}` shows how"])  # fmt: skip


def arguments(rewrite: Rewrite) -> dict[str, Any]:
    """The values of a rule's parameters, once its conditions hold. Raises CnnError."""
    given = _Arguments(rewrite)
    scope = Scope(rewrite.namespace, given)
    for part in (part for condition in rewrite.conditions for part in conjuncts(condition)):
        if not truth(evaluate(part, scope), part.span):
            raise Untransformed(f"`{part.span.text}` does not hold{values(part, scope)}")
    return given


TRANSFORMS: dict[str, Transform] = {}
"""Every transform by its name, once its module is imported."""


def transform(function: Transform) -> Transform:
    """Register a transform under the name of its function."""
    TRANSFORMS[function.__name__] = function
    return function


def find_transform(name: str) -> Transform | None:
    """The transform of a name. Imports the modules of this package."""
    from importlib import import_module
    from pkgutil import iter_modules

    if name not in TRANSFORMS:
        for module in iter_modules(__path__, f"{__name__}."):
            import_module(module.name)
    return TRANSFORMS.get(name)
