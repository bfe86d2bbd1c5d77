"""Carriers: functions that make the weights of a right side from those of the left one.

    @carrier
    def fold_affine(old, new, holes):
        conv, bn = old
        factor, offset = affine(bn)
        return [{"kernel": conv["kernel"] * factor, "bias": offset + ...}]

`old` are the layers with weights on the left side, in the order of the rule, each
with its arrays; `new` those on the right, whose arrays are to be made, one mapping
from role to array each. Kernels are height × width × inputs per group × outputs.

A carrier works on any numbers: int64 and fractions, with which rules are proved,
and floats, which a network has.
"""

from __future__ import annotations

from ...record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from ...op import Op
    from ...types import TensorType
    from ..moves import Layer

    Arrays = dict[str, Any]
    Carrier = Callable[[Sequence["Held"], Sequence[Layer], Mapping[str, Any]], list[Arrays]]


class Held(Record):
    """A layer of the left side with its arrays."""

    name: str
    op: Op
    inputs: tuple[TensorType, ...]
    arrays: Mapping[str, Any]

    def __getitem__(self, role: str) -> Any:
        return self.arrays[role]


class NotCarried(Exception):
    """These weights cannot be moved, for the reason that the text says."""


CARRIERS: dict[str, Carrier] = {}
"""Every carrier by its name, once its module is imported."""


def carrier(function: Carrier) -> Carrier:
    """Register a carrier under the name of its function."""
    assert function.__name__ not in CARRIERS, f"two carriers are called {function.__name__}"
    CARRIERS[function.__name__] = function
    return function


def find_carrier(name: str) -> Carrier | None:
    """The carrier of a name. Imports the modules of this package."""
    from importlib import import_module
    from pkgutil import iter_modules

    if name not in CARRIERS:
        for module in iter_modules(__path__, f"{__name__}."):
            import_module(module.name)
    return CARRIERS.get(name)
