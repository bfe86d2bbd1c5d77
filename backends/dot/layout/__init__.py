"""Figures laid out without Graphviz, in rows, as SVG.

    desk     how large everything is
    lift     a scene becomes one graph for each frame; edges are cut at borders
    sheet    each graph, the innermost first: `rank`, `order`, `place`, then `beside` and `route`
    svg      what came out, written

Whatever is drawn takes time about in proportion to its size. No part stands on another and no
line crosses a box: lines change sides where nothing stands.

Fractions are added with `fsum`, which is exact: `sum` is more so from Python 3.12 on than before,
and a figure is to be the same everywhere.
"""

from .svg import svg

__all__ = ["svg"]
