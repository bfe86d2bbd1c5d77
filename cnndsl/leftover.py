"""Rows and columns that no window reads, with the padding that would keep them."""

from __future__ import annotations

from .diagnostics import Diagnostic, error
from .ops.conv import Deconv
from .window import Padding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .op import Op
    from .source import Span
    from .symbol import Size
    from .types import TensorType
    from .window import Axis

WINDOWED = ("conv", "pool")


def left_out(op: Op, x: TensorType, span: Span) -> Diagnostic | None:
    """The warning that the last rows or columns of a map take part in nothing."""
    axes = op.axes(x) if op.family in WINDOWED and x.is_map else None
    if axes is None or isinstance(op, Deconv):
        return None
    lost = [(_lost(n, axis), n, axis) for n, axis in zip(x.shape, axes, strict=False)]
    named = [(*entry, name) for entry, name in zip(lost, ("row", "column"), strict=True)]
    found = [entry for entry in named if entry[0]]
    if not found:
        return None
    parts = " and the ".join(
        f"last {count} {name}s" if count > 1 else f"last {name}" for count, _, _, name in found
    )
    _, n, axis, name = found[0]
    return error(
        "W0301",
        f"the window of `{op.word}` leaves out the {parts} of its input",
        span,
        f"{n} {name}s come in, stride {axis.stride}",
        notes=list(dict.fromkeys(_arithmetic(n, axis) for _, n, axis, _ in found)),
        help=_help(op, lost),
    )


def _lost(n: Size, axis: Axis) -> int:
    """How many rows behind the last window are not padding; 0 where windows skip rows anyway."""
    if not isinstance(n, int) or axis.extent + 1 < axis.stride:
        return 0
    return max(axis.dropped(n) - max(axis.hi, 0), 0)


def _arithmetic(n: Size, axis: Axis) -> str:
    count = axis.size(n)
    assert isinstance(count, int)
    last = (count - 1) * axis.stride + axis.extent + 1 - axis.lo
    return (
        f"⌊({n} + {axis.lo} + {axis.hi} - {axis.extent + 1}) / {axis.stride}⌋ + 1 = {count} "
        f"windows reach {last} of {n}"
    )


def _help(op: Op, lost: list[tuple[int, Size, Axis]]) -> list[str]:
    (high, rows, height), (wide, columns, width) = lost
    kept = Padding(*_kept(high, rows, height), *_kept(wide, columns, width))
    words = [f"`pad={kept}` reads them too"]
    if op.family == "pool":
        words.append("or round up with `ceil`")
    sizes = "x".join(f"{n - count}" for count, n, _ in lost)
    words.append(f"an input of {sizes} has none left over")
    return [", ".join(words[:-1]) + "; " + words[-1]]


def _kept(lost: int, n: Size, axis: Axis) -> tuple[int, int]:
    """The padding with which one more window reads what is lost."""
    if not lost:
        return axis.lo, axis.hi
    assert isinstance(n, int)
    return axis.lo, axis.hi + axis.stride - axis.dropped(n)
