"""Windows: the one place where a spatial size is computed.

Along one axis every convolution, pooling, padding, crop and stride is an
`Axis (stride, lo, hi, taps)`: output `i` reads the inputs
`{stride·i − lo + t : t in taps}`, and an input of size n gives
`⌊(n + lo + hi − extent − 1) / stride⌋ + 1` outputs. Composition is closed and
associative, and composing windows composes the size formulas exactly, because
`⌊⌊x / m⌋ / n⌋ = ⌊x / (m·n)⌋`.

Rounding up (`ceil`) is not another formula: a window that may hang over the
border is a window with more padding behind, at most so much that it still
starts on the map or on the padding before it.
"""

from __future__ import annotations

from .notation import signed
from .record import Record
from .symbol import Size, Symbol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    Rounding = Literal["floor", "ceil", "strict"]


class Window(Record):
    """The value `7x7/2` of the language: a size, height × width, and a stride."""

    height: int
    width: int
    stride_h: int = 1
    stride_w: int = 1

    def __str__(self) -> str:
        size = f"{self.height}x{self.width}"
        if self.stride_h != self.stride_w:
            return f"{size}/{self.stride_h}x{self.stride_w}"
        return size if self.stride_h == 1 else f"{size}/{self.stride_h}"

    @property
    def size(self) -> tuple[int, int]:
        return self.height, self.width

    @property
    def stride(self) -> tuple[int, int]:
        return self.stride_h, self.stride_w

    @property
    def area(self) -> int:
        return self.height * self.width


class Padding(Record):
    """Rows and columns added around a map. Negative amounts crop."""

    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0

    def __str__(self) -> str:
        if len({self.top, self.bottom, self.left, self.right}) == 1:
            return str(self.top)
        if self.top == self.bottom >= 0 and self.left == self.right >= 0:
            return f"{self.top}x{self.left}"
        return f"[{self.top}, {self.bottom}, {self.left}, {self.right}]"

    @property
    def height(self) -> tuple[int, int]:
        return self.top, self.bottom

    @property
    def width(self) -> tuple[int, int]:
        return self.left, self.right


class Axis(Record):
    """A window along one axis.

    Arguments:
        stride: distance between the windows of neighbouring outputs.
        lo, hi: padding before and behind; negative amounts crop.
        taps: the offsets that are read, as a bit mask; bit t is offset t.
    """

    stride: int = 1
    lo: int = 0
    hi: int = 0
    taps: int = 1

    @property
    def extent(self) -> int:
        """Distance between the first and the last tap."""
        return self.taps.bit_length() - 1

    def size(self, n: Size) -> Size:
        """The number of outputs on an input of size n; below 1 when nothing fits."""
        return (n + (self.lo + self.hi - self.extent - 1)) // self.stride + 1

    def reach(self, n: Size) -> str:
        """The rows that windows can start on, less one, as people write it: `56 + 2·1 − 3`."""
        text = signed(n)
        if self.lo == self.hi > 0:
            text += f" + 2·{self.lo}"
        elif self.lo or self.hi:
            rows = (self.lo, self.hi)
            text += "".join(f" {'−' if n < 0 else '+'} {abs(n)}" for n in rows)
        return f"{text} − {self.extent + 1}" if self.extent or self.stride > 1 else text

    def formula(self, n: Size) -> str:
        """How the number of outputs follows, as people write it.

        >>> Axis(2, 1, 1, 0b111).formula(56), Axis(taps=0b11).formula(28)
        ('⌊(56 + 2·1 − 3) / 2⌋ + 1 = 28', '28 − 2 + 1 = 27')
        """
        text = self.reach(n)
        if self.stride > 1:
            text = f"⌊({text}) / {self.stride}⌋ + 1"
        elif self.extent:
            text = f"{text} + 1"
        return f"{text} = {signed(self.size(n))}"

    def dropped(self, n: int) -> int:
        """Rows of the padded input behind the last window that no window reads."""
        return (n + self.lo + self.hi - self.extent - 1) % self.stride

    def then(self, after: Axis) -> Axis:
        """The window of this one followed by `after`."""
        taps, rest, shift = 0, after.taps, 0
        while rest:
            if rest & 1:
                taps |= self.taps << shift
            rest >>= 1
            shift += self.stride
        return Axis(
            self.stride * after.stride,
            self.lo + self.stride * after.lo,
            self.hi + self.stride * after.hi,
            taps,
        )

    def pairs(self, n: Size) -> Size:
        """Pairs (output, tap) whose input is a real element, not padding.

        The MACs that XLA counts are these pairs; `size(n) · number of taps` are
        all of them. The count of a symbolic n holds for maps at least as large as
        the window without its padding (n >= extent, more where amounts crop).
        """
        total: Size = 0
        for tap in range(self.extent + 1):
            if self.taps >> tap & 1:
                total = total + self._outputs_reading(tap, n)
        return total

    def _outputs_reading(self, tap: int, n: Size) -> Size:
        """How many outputs i have 0 <= stride·i − lo + tap < n."""
        first = max(0, -((tap - self.lo) // self.stride))
        # The last such i and the last output are floors over the same divisor,
        # so the smaller constant gives the smaller one, for symbols too.
        reach = min(self.lo - tap - 1, self.lo + self.hi - self.extent - 1)
        count = (n + reach) // self.stride + 1 - first
        return max(0, count) if isinstance(count, int) else count


IDENTITY = Axis()


def dense_taps(size: int, dilation: int = 1) -> int:
    """The taps `{0, d, 2d, ...}` of a kernel of `size` elements."""
    taps = 0
    for i in range(size):
        taps |= 1 << (i * dilation)
    return taps


def axis(
    size: int,
    stride: int = 1,
    padding: tuple[int, int] = (0, 0),
    dilation: int = 1,
    rounding: Rounding = "floor",
) -> Axis:
    """The axis of a kernel. With `ceil` the padding behind grows as far as it may."""
    lo, hi = padding
    taps = dense_taps(size, dilation)
    if rounding == "ceil":
        hi = max(hi, min(hi + stride - 1, taps.bit_length() - 1))
    return Axis(stride, lo, hi, taps)


def half_padding(size: int, dilation: int = 1) -> tuple[int, int]:
    """Symmetric padding by half the kernel: PyTorch's `padding=k // 2`."""
    half = ((size - 1) * dilation + 1) // 2
    return half, half


def same_padding(size: int, stride: int, dilation: int, n: Size) -> tuple[int, int] | None:
    """TensorFlow's `SAME`: ⌈n / stride⌉ outputs, the odd row goes behind.

    Gives None where the amounts depend on a symbolic size.
    """
    extent = (size - 1) * dilation
    if stride == 1:
        return extent // 2, extent - extent // 2
    if isinstance(n, Symbol):
        return None
    total = max((-(-n // stride) - 1) * stride + extent + 1 - n, 0)
    return total // 2, total - total // 2


def same_size(n: Size, stride: int) -> Size:
    """⌈n / stride⌉, the size that `SAME` padding gives."""
    return (n + (stride - 1)) // stride


def transposed_size(
    n: Size, size: int, stride: int, padding: tuple[int, int], dilation: int, extra: int
) -> Size:
    """Size after a transposed convolution: every input spreads over a window.

    Arguments:
        padding: rows cut off before and behind, the padding of the convolution
            that this one transposes.
        extra: rows added behind (PyTorch's `output_padding`).
    """
    return (n - 1) * stride - sum(padding) + (size - 1) * dilation + 1 + extra


def transposed_formula(
    n: Size, size: int, stride: int, padding: tuple[int, int], dilation: int, extra: int
) -> str:
    """How the size after a transposed convolution follows, as people write it.

    >>> transposed_formula(16, 3, 2, (1, 1), 1, 1)
    '(16 − 1) · 2 − 1 − 1 + 3 + 1 = 32'
    """
    cut = "".join(f" − {rows}" for rows in padding if rows)
    more = f" + {extra}" if extra else ""
    result = signed(transposed_size(n, size, stride, padding, dilation, extra))
    return f"({signed(n)} − 1) · {stride}{cut} + {(size - 1) * dilation + 1}{more} = {result}"


def transposed_pairs(
    n: Size, size: int, stride: int, padding: tuple[int, int], dilation: int, extra: int
) -> Size:
    """Pairs (input, tap) of a transposed convolution that fall on the kept output."""
    lo, hi = padding
    extent = (size - 1) * dilation
    total: Size = 0
    for tap in range(0, extent + 1, dilation):
        first = max(0, -((tap - lo) // stride))
        beyond = min(0, (extent - hi + extra - tap) // stride)
        count = n + beyond - first
        total = total + (max(0, count) if isinstance(count, int) else count)
    return total
