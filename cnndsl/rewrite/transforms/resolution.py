"""Resolution: the same network on larger or smaller maps.

Weights stay, so nothing may depend on the size of the map: a `flatten` before a fully connected
layer does. Paddings stay too, unless they are TensorFlow's `same`, which depends on the size.
A network says that it means `same` where it pads one side only, as nothing else does.
"""

from __future__ import annotations

from ...diagnostics import fail
from ...evaluate.values import describe
from ...op import Op
from ...ops.conv import Conv, DwConv, Local
from ...ops.pool import AvgPool, MaxPool
from ...ops.windowed import canonical_padding
from ...passes.flatten import flatten
from ...record import replace
from ...symbol import Symbol
from ...types import TensorType, as_map, map_type
from ...window import Padding, Window
from . import Transformed, Untransformed, arguments, transform
from .rebuild import rebuilt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...graph import Graph, Module
    from ..places import Places
    from ..rule import Rewrite

WINDOWED = (Conv, DwConv, Local, MaxPool, AvgPool)


@transform
def resolution(module: Module, rewrite: Rewrite, places: Places) -> Transformed:
    """`resolution(192)`, `resolution(160x320)`: the maps that come in are of that size."""
    size = arguments(rewrite)["size"]
    square = type(size) is int and size > 0
    if not (square or (isinstance(size, Window) and size.stride == (1, 1))):
        span = rewrite.ref.arguments[0].span
        fail("E0206", "a resolution is `192`, or `160x320`", span, f"this is {describe(size)}")
    if not places.everywhere:
        raise Untransformed("a network has one resolution, not one at some places")
    return Transformed(resolved(module, *((size, size) if square else size.size)))


def input_size(module: Module) -> tuple[int, int]:
    """Height and width of the maps that come in. Raises Untransformed."""
    sizes = {(v.type.height, v.type.width) for v in module.main.inputs if v.type.is_map}
    if len(sizes) != 1:
        raise Untransformed("its inputs are not maps of one size")
    ((height, width),) = sizes
    if isinstance(height, Symbol) or isinstance(width, Symbol):
        raise Untransformed("it takes maps of every size")
    return height, width


def resolved(module: Module, height: int, width: int) -> Module:
    """The module for maps of another size. Raises Untransformed."""
    old = input_size(module)
    inputs = [
        map_type(height, width, v.type.channels, v.type.dtype) if v.type.is_map else v.type
        for v in module.main.inputs
    ]
    adapt = _padded_anew if _pads_same(flatten(module)) else with_its_weights
    after = rebuilt(module, inputs=inputs, adapt=adapt)
    arguments = tuple(
        (name, height if value == old[0] and height == width else value)
        for name, value in after.main.arguments
    )
    main = replace(after.main, arguments=arguments)
    return replace(after, functions=(*after.functions[:-1], main))


def with_its_weights(op: Op, before: Sequence[TensorType], now: Sequence[TensorType]) -> Op:
    """The operator, whose weights must fit. Raises Untransformed."""
    if op.weights(*before) != op.weights(*now):
        raise Untransformed(f"its weights depend on the size of the map, {now[0]} after this")
    return op


def _padded_anew(op: Op, before: Sequence[TensorType], now: Sequence[TensorType]) -> Op:
    """The operator, with the `same` of its new input if it had that of its old one."""
    if isinstance(op, WINDOWED) and op.pad == _same(op, before[0]):
        op = replace(op, pad=_same(op, now[0]))
    return with_its_weights(op, before, now)


def _pads_same(graph: Graph) -> bool:
    """Whether a window has the padding of `same` on one side only."""
    types = graph.types
    for node in graph.nodes:
        if not isinstance(node.op, WINDOWED) or not isinstance(node.op.pad, Padding):
            continue
        pad = node.op.pad
        uneven = pad.top != pad.bottom or pad.left != pad.right
        if uneven and pad == _same(node.op, types[node.inputs[0]]):
            return True
    return False


def _same(op: Op, x: TensorType) -> object:
    """TensorFlow's `same` in numbers."""
    assert isinstance(op, WINDOWED)
    dilation = getattr(op, "dilation", (1, 1))
    return canonical_padding("same", op.window, dilation, as_map(x))
