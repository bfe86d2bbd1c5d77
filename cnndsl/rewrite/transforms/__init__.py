"""Transforms: rules that are no equation of two fragments, written in Python.

    rule width(factor) "Howard et al. 2017" { transform width }

A transform is given the module, the rule with its arguments (`rewrite.given`) and the
places, and returns what became of the module, or raises `Untransformed` with the reason.
"""

from __future__ import annotations

from ...record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ...graph import Module
    from ..engine import Move
    from ..places import Places
    from ..rule import Rewrite

    Transform = Callable[[Module, Rewrite, Places], "Transformed"]


class Transformed(Record):
    """What a transform gives.

    Arguments:
        moves: what was replaced, for the journal and for weights.
    """

    module: Module
    moves: tuple[Move, ...] = ()


class Untransformed(Exception):
    """A transform does not apply, for the reason that the text says."""


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
