"""Graphviz from the wheels of `pygraphviz`, run like the program `dot`.

    python -m cnndsl.backends.dot.bundled -Tsvg -Gdpi=96 < figure.dot > figure.svg

It runs in a process of its own, so that it can be stopped and cannot take the compiler along.
"""

from __future__ import annotations

import sys


def main(options: list[str]) -> int:
    """Draw standard input to standard output; options are those of `dot`."""
    from pygraphviz import AGraph

    graph = AGraph(string=sys.stdin.buffer.read().decode())
    format = "svg"
    for option in options:
        if option.startswith("-T"):
            format = option[2:]
        elif option.startswith("-G"):
            name, _, value = option[2:].partition("=")
            graph.graph_attr[name] = value
    sys.stdout.buffer.write(graph.draw(format=format, prog="dot"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
