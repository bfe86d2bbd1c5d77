"""What operators with a window share: paddings by name, tiles, and what does not fit."""

from __future__ import annotations

import pytest

from cnndsl.limits import WINDOW
from cnndsl.op import ShapeError
from cnndsl.ops.windowed import (
    canonical_padding,
    check_extent,
    tiling_equations,
    window_axes,
    windowed_sizes,
)
from cnndsl.symbol import Size, variable
from cnndsl.types import map_type
from cnndsl.window import Padding, Window

H, W = variable("H"), variable("W")


def refused(
    window: Window,
    pad: Padding,
    height: Size,
    width: Size,
    dilation: tuple[int, int] = (1, 1),
    rounding: str = "floor",
) -> ShapeError:
    with pytest.raises(ShapeError) as caught:
        windowed_sizes(window, pad, map_type(height, width, 3), dilation, rounding)  # type: ignore[arg-type]
    assert caught.value.argument == 0
    return caught.value


def test_words_are_paddings() -> None:
    x = map_type(10, 20, 3)
    assert canonical_padding("valid", Window(3, 5), (1, 1), x) == Padding()
    assert canonical_padding("half", Window(3, 5), (1, 1), x) == Padding(1, 1, 2, 2)
    assert canonical_padding("half", Window(3, 3), (1, 3), x) == Padding(1, 1, 3, 3)
    assert canonical_padding("same", Window(3, 3, 2, 3), (1, 1), x) == Padding(0, 1, 0, 1)
    assert canonical_padding("same", Window(3, 3, 2, 2), (1, 1), map_type(10, W, 3)) == "same"


def test_tiles_of_symbolic_sizes() -> None:
    x = map_type(H, W, 3)
    axes = window_axes(Window(3, 2, 2, 2), Padding(0, 1, 1, 0), x, (1, 1), "strict")
    assert tiling_equations(axes, x, "strict") == (
        (2 * (H // 2) - 2, H - 2),
        (2 * ((W + 1) // 2) - 2, W - 1),
    )
    assert tiling_equations(axes, x, "floor") == ()
    assert tiling_equations(None, x, "strict") == ()


def test_the_longest_span() -> None:
    check_extent(Window(1, WINDOW.value), (1, 1))
    check_extent(Window(2, 1), (WINDOW.value - 1, 1))
    longer = (Window(1, WINDOW.value + 1), (1, 1)), (Window(2, 1), (WINDOW.value, 1))
    for window, dilation in longer:
        with pytest.raises(ShapeError) as caught:
            check_extent(window, dilation)
        assert caught.value.code == WINDOW.code
        assert "spans 16,385 rows or columns" in caught.value.message


@pytest.mark.parametrize(
    ("problem", "message", "note", "help"),
    [
        (refused(Window(5, 5), Padding(), 3, 8),
         "a 5x5 window does not fit into the map 3x8x3",
         "height: 3 − 5 + 1 = −1; the smallest height that fits is 5",
         "a window of at most 3x5, or `pad=1`, makes it fit"),
        (refused(Window(5, 5), Padding(1, 1, 0, 0), 8, 2),
         "a 5x5 window does not fit into the map 8x2x3",
         "width: 2 − 5 + 1 = −2; the smallest width that fits is 5",
         "a window of at most 5x2, or `pad=3`, makes it fit"),
        (refused(Window(3, 3), Padding(), 8, 4, (1, 2)),
         "a 3x3 window with dilation 2 does not fit into the map 8x4x3",
         "width: 4 − 5 + 1 = 0; the smallest width that fits is 5",
         "a smaller dilation, or `pad=1`, makes it fit"),
        (refused(Window(3, 3), Padding(), 1, 1),
         "a 3x3 window does not fit into the map 1x1x3",
         "height: 1 − 3 + 1 = −1; the smallest height that fits is 3",
         "a larger map, after fewer strides, or `pad=1`, makes it fit"),
        (refused(Window(3, 7), Padding(), H, 4),
         "a 3x7 window does not fit into the map Hx4x3",
         "width: 4 − 7 + 1 = −2; the smallest width that fits is 7",
         "a window of at most 3x4, or `pad=2`, makes it fit"),
        (refused(Window(3, 3, 2, 2), Padding(), 9, 8, rounding="strict"),
         "a 3x3/2 window does not tile its input (rounding=strict)",
         "width: (8 − 3) / 2 leaves a remainder of 1",
         "widths 7 and 9 tile; `floor` drops the rest, `ceil` pads it"),
    ],
    ids=["rows", "columns", "dilation", "one element", "symbolic", "tiles"],
)  # fmt: skip
def test_what_does_not_fit(problem: ShapeError, message: str, note: str, help: str) -> None:
    assert (problem.message, problem.notes, problem.help) == (message, (note,), (help,))
