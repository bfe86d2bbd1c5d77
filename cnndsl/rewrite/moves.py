"""What was replaced in a module: the record that journals keep, and that weights are moved by."""

from __future__ import annotations

from ..record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..graph import Graph
    from ..op import Op
    from ..source import Span
    from ..types import TensorType


class Layer(Record):
    """An operator with its input types, as a carrier of weights sees it."""

    name: str
    op: Op
    inputs: tuple[TensorType, ...]


class Move(Record):
    """One match that was replaced, with what moving its weights needs.

    Arguments:
        function: the function after the step.
        old, new: operators with weights, in the order of the rule.
        holes: what the holes stood for.
        removed, created: all operators that went and came.
        left, right: both sides as graphs of their own.
    """

    function: str
    old: tuple[Layer, ...]
    new: tuple[Layer, ...]
    holes: tuple[tuple[str, object], ...]
    removed: tuple[str, ...]
    created: tuple[str, ...]
    left: Graph
    right: Graph
    span: Span | None = None
