"""Compound scaling: deeper, wider and larger at once, by powers of three constants."""

from __future__ import annotations

from . import Transformed, Untransformed, arguments, transform
from .depth import deepened
from .rebuild import changes
from .resolution import input_size, resolved
from .width import scaled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...graph import Module
    from ..places import Places
    from ..rule import Rewrite


@transform
def compound(module: Module, rewrite: Rewrite, places: Places) -> Transformed:
    """`compound(1)`: 1.2 times as deep, 1.1 times as wide, on maps 1.15 times as large."""
    if not places.everywhere:
        raise Untransformed("a network is scaled as a whole")
    given = arguments(rewrite)
    phi = given["phi"]
    deep, wide, large = (given[name] ** phi for name in ("depth", "width", "resolution"))
    after = deepened(module, rewrite.namespace.library, places, deep)
    after = scaled(after, places.on(after), wide, given["multiple"])
    height, width = (round(size * large) for size in input_size(module))
    return Transformed(resolved(after, height, width), changes(module, after))
