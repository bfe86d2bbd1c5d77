"""Figures laid out without Graphviz, in rows, as SVG.

    lift     a scene becomes one graph for each frame; edges are cut at borders
    sheet    each graph, the innermost first: `rank`, `order`, `place`, then `beside` and `route`
    svg      what came out, written

Whatever is drawn takes time about in proportion to its size. No part stands on another and no
line crosses a box: lines change sides where nothing stands.
"""

from .svg import svg

__all__ = ["svg"]
