"""Chains of smaller windows that read exactly what one window reads, and what they cost.

    7x7/2  =  3x3/2; 3x3        18/49 of the parameters, 18/49 of the MACs
    5x5/2  =  3x3/2; 2x2        13/25 of both
    5x5/2  =  3x3; 3x3/2        18/25 of the parameters, 9/5 of the MACs: stride late, pay early

Windows compose along each axis (`cnndsl.window`), so a chain is right when its taps and
its stride are those of the whole: equality of two numbers, for maps of every size. The
enumeration is per axis; a chain of both axes is any two of the same length, which is how
`1x7; 7x1` is found beside `3x3; 3x3; 3x3`.

What the padding of the whole is to the parts is the same equation: the parts share it,
each share counted in steps of the strides before it. Every padding up to the extent of
the whole is such a sum, because every tap is.
"""

from __future__ import annotations

from itertools import product

from ..record import Record
from ..window import IDENTITY, Axis, Padding, Window, axis, dense_taps
from .fit import shares

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from fractions import Fraction

    Step = tuple[int, int, int]
    """Size, stride and dilation of a window along one axis."""
    Steps = tuple[Step, ...]
    Amount = Fraction | int
    Channels = tuple[Amount, Amount, Amount]
    """Widths of the input, of every map between two windows, of the output."""

HEADER = ("chain", "parameters", "MACs", "paddings")


class Chain(Record):
    """Windows that follow each other.

    Arguments:
        windows: in order; the first reads the map.
        dilations: of each window, along height and width.
        parameters, macs: over those of the single window; borders of maps not counted.
    """

    windows: tuple[Window, ...]
    dilations: tuple[tuple[int, int], ...]
    parameters: Fraction
    macs: Fraction

    def __str__(self) -> str:
        return "; ".join(map(_in_words, self.windows, self.dilations))

    @property
    def is_square(self) -> bool:
        """Whether all windows are alike along both axes."""
        return all(w.height == w.width and w.stride_h == w.stride_w for w in self.windows)

    def steps(self, along: int) -> Steps:
        """Size, stride and dilation of each window along height (0) or width (1)."""
        return tuple(
            (window.size[along], window.stride[along], dilation[along])
            for window, dilation in zip(self.windows, self.dilations, strict=True)
        )

    def fit(self, padding: Padding) -> tuple[Padding, ...] | None:
        """The padding of each window that gives the whole this one."""
        rows = fit_padding(padding.height, self.steps(0))
        columns = fit_padding(padding.width, self.steps(1))
        if rows is None or columns is None:
            return None
        return tuple(Padding(*r, *c) for r, c in zip(rows, columns, strict=True))


# ---------------------------------------------------------------- enumeration


def chains(
    window: Window,
    longest: int = 3,
    channels: Channels = (1, 1, 1),
    dilation: int = 1,
) -> tuple[Chain, ...]:
    """Every chain of smaller windows that reads what `window` reads, the cheapest first.

    Cheap is by the sum of both ratios, then by MACs, then by length.

    Arguments:
        longest: windows in a chain, at most.
        channels: relative widths, equal ones unless told.
        dilation: of a part, at most.
    """
    from fractions import Fraction

    found = sorted(
        (*_cost(rows, columns, channels), len(rows), rows, columns)
        for count in range(2, longest + 1)
        for rows, columns in _pairs(window, count, dilation)
    )
    single = channels[0] * channels[2] * window.area
    return tuple(
        _chain(rows, columns, parameters / Fraction(single), macs / Fraction(single))
        for _, macs, parameters, _, rows, columns in found
    )


def _pairs(window: Window, count: int, dilation: int) -> Iterator[tuple[Steps, Steps]]:
    """Chains of that many windows, none of them the identity, all smaller than the whole."""
    for rows, columns in product(
        _splits(window.height, window.stride_h, count, dilation),
        _splits(window.width, window.stride_w, count, dilation),
    ):
        parts = list(zip(rows, columns, strict=True))
        smaller = all(row[0] * column[0] < window.area for row, column in parts)
        if smaller and not any(row[:2] == column[:2] == (1, 1) for row, column in parts):
            yield rows, columns


def _cost(rows: Steps, columns: Steps, channels: Channels) -> tuple[Amount, Amount, Amount]:
    """Parameters and MACs together, MACs, parameters; for one output of the whole."""
    parameters: Amount = 0
    macs: Amount = 0
    after, outputs = channels[2], 1  # from behind: strides still to come multiply outputs
    for place in range(len(rows) - 1, -1, -1):
        before = channels[1] if place else channels[0]
        (height, stride_h, _), (width, stride_w, _) = rows[place], columns[place]
        weights = before * after * height * width
        parameters, macs = parameters + weights, macs + weights * outputs
        after, outputs = before, outputs * stride_h * stride_w
    return parameters + macs, macs, parameters


def _chain(rows: Steps, columns: Steps, parameters: Fraction, macs: Fraction) -> Chain:
    pairs = list(zip(rows, columns, strict=True))
    windows = tuple(Window(row[0], column[0], row[1], column[1]) for row, column in pairs)
    return Chain(windows, tuple((row[2], column[2]) for row, column in pairs), parameters, macs)


def _splits(size: int, stride: int, count: int, dilation: int) -> tuple[Steps, ...]:
    """Every chain of that many windows along one axis, those that do nothing there included."""
    return tuple(_follow(IDENTITY, Axis(stride, taps=dense_taps(size)), count, dilation))


def _follow(first: Axis, whole: Axis, count: int, dilation: int) -> Iterator[Steps]:
    """Every way to go on from `first` with that many windows and to end at `whole`."""
    if count == 0:
        if first == whole:
            yield ()
        return
    room, rest = (whole.extent - first.extent) // first.stride, whole.stride // first.stride
    for stride in [rest] if count == 1 else [s for s in range(1, rest + 1) if rest % s == 0]:
        for size, spread in _kernels(room, dilation):
            step = (size, stride, spread)
            then = first.then(axis(size, stride, dilation=spread))
            for others in _follow(then, whole, count - 1, dilation):
                yield (step, *others)


def _kernels(room: int, dilation: int) -> Iterator[tuple[int, int]]:
    """Sizes and dilations of extent up to `room`; a single tap has no dilation."""
    yield 1, 1
    for spread in range(1, dilation + 1):
        for size in range(2, room // spread + 2):
            yield size, spread


# -------------------------------------------------------------------- padding


def fit_padding(total: tuple[int, int], axes: Sequence[Step]) -> tuple[tuple[int, int], ...] | None:
    """Paddings of the windows of a chain, along one axis, that together pad by `total`.

    They are shared out as `cnndsl.rewrite.fit.shares` says. Gives None when there are none.

    Arguments:
        axes: size, stride and dilation of each window.
    """
    parts: list[tuple[int, int]] = []
    before = 1
    for size, stride, dilation in axes:
        parts.append((before, (size - 1) * dilation))
        before *= stride
    lo, hi = (shares(amount, parts) for amount in total)
    return None if lo is None or hi is None else tuple(zip(lo, hi, strict=True))


# -------------------------------------------------------------------- in words


def listed(found: Sequence[Chain], padding: Padding) -> tuple[str, ...]:
    """Chains as the rows of a table, below a header.

    Arguments:
        padding: of the single window, to be shared by the parts.
    """
    table = [HEADER, *(_row(chain, chain.fit(padding)) for chain in found)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return tuple(
        f"{name:{widths[0]}}  {parameters:>{widths[1]}}  {macs:>{widths[2]}}  {paddings}"
        for name, parameters, macs, paddings in table
    )


def _row(chain: Chain, paddings: Sequence[Padding] | None) -> tuple[str, str, str, str]:
    fitted = "none fits" if paddings is None else "; ".join(map(str, paddings))
    return str(chain), f"{float(chain.parameters):.2f}", f"{float(chain.macs):.2f}", fitted


def _in_words(window: Window, dilation: tuple[int, int]) -> str:
    """`3x3/2`, `3x3 dilation 2`"""
    used = dict.fromkeys(d for d, size in zip(dilation, window.size, strict=True) if size > 1)
    if not used or list(used) == [1]:
        return str(window)
    return f"{window} dilation {'x'.join(map(str, used if len(used) == 1 else dilation))}"
