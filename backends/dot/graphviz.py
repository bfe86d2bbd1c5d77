"""Graphviz: the program `dot` where that is installed, else the library in `pygraphviz`.

Either gets the DOT text on standard input, limited time and memory, and is believed only when
what it writes is a whole figure with every box. Its output is made independent of the day and of
its version where that is possible: PDF loses its date, SVG its comments.
"""

from __future__ import annotations

import re

from cnndsl.limits import FIGURE_MEMORY
from cnndsl.program import Unfinished, run
from cnndsl.record import Record

from .figure import Figure
from .markup import HEADER, group, root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

RESOLUTION = 192
"""Dots per inch of a PNG; text of 9 points is 24 pixels high."""

INSTALL = (
    "`pip install cnndsl[figures]` brings it along",
    "or install it: `apt install graphviz`, `brew install graphviz` or `winget install graphviz`",
)


class Failed(Exception):
    """Graphviz did not draw the figure: a reason, what it said, what to do."""

    def __init__(self, reason: str, notes: Sequence[str] = (), help: Sequence[str] = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.notes = tuple(notes)
        self.help = tuple(help)


class Slow(Failed):
    """It takes too long; it may be asked to be less exact."""


class Graphviz(Record):
    """A way to run it: the program and its first arguments."""

    command: tuple[str, ...]

    def draw(
        self, figure: Figure, text: str, format: str, options: Sequence[str], seconds: float
    ) -> bytes:
        """The figure of a DOT text as `svg`, `pdf` or `png`. Raises Failed."""
        resolution = [f"-Gdpi={RESOLUTION}"] if format == "png" else []
        command = [*self.command, f"-T{format}", *resolution, *options]
        try:
            memory = FIGURE_MEMORY.value << 20
            ran = run(command, text.encode(), seconds=seconds, memory=memory)
        except OSError as problem:
            raise Failed(f"`dot` cannot be started: {problem.strerror}", help=INSTALL) from None
        except Unfinished as problem:
            kind = Slow if "seconds" in str(problem) else Failed
            raise kind(f"`dot` {problem}") from None
        if ran.status:
            lines = ran.said.strip().splitlines()
            raise Failed(f"`dot` {_ended(ran.status)}", [line[:200] for line in lines[:3]])
        finished = FINISH[format](ran.output, figure)
        if finished is None:
            what = f"something that is not this figure as {format.upper()}"
            raise Failed(f"`dot` wrote {what if ran.output else 'nothing'}")
        return finished


def installed() -> Graphviz | None:
    """Graphviz, if it is there at all."""
    import sys
    from importlib.util import find_spec
    from shutil import which

    program = which("dot")
    if program is not None:
        return Graphviz((program,))
    if find_spec("pygraphviz") is not None:
        return Graphviz((sys.executable, "-m", "cnndsl.backends.dot.bundled"))
    return None


def _ended(status: int) -> str:
    return f"failed with exit status {status}" if status > 0 else f"was killed by signal {-status}"


# ---------------------------------------------------------------------- finishing


def _finished_pdf(output: bytes, figure: Figure) -> bytes | None:
    """The date replaced by one of the same length, so that all offsets stay right."""
    if not output.startswith(b"%PDF-") or b"%%EOF" not in output[-1024:]:
        return None

    def fixed(found: re.Match[bytes]) -> bytes:
        return found[1] + re.sub(rb"\d", b"0", found[2]) + found[3]

    return re.sub(rb"(/(?:CreationDate|ModDate) \()(D:[^)]*)(\))", fixed, output)


def _finished_png(output: bytes, figure: Figure) -> bytes | None:
    whole = output.startswith(b"\x89PNG\r\n") and output[-8:-4] == b"IEND"
    return output if whole else None


_GROUP = re.compile(r'<g id="([^"]+)" class="([^"]+)">\n<title>([^<]*)</title>')


def _finished_svg(output: bytes, figure: Figure) -> bytes | None:
    """Facts on every box, a title and a description for all, nothing of the tool."""
    boxes = {box.id: box for box in figure.boxes}
    drawn = set()

    def opening(found: re.Match[str]) -> str:
        id, kind, name = found[1], found[2], found[3]
        if not kind.startswith("node"):
            return f'<g id="{id}" class="{kind}">'
        drawn.add(name)
        return group(boxes[name]) if name in boxes else found[0]

    svg = output.decode("utf-8", "replace")
    svg = re.sub(r"<!--.*?-->\n?", "", svg, flags=re.DOTALL)
    svg = re.sub(r"(?s)^.*?(?=<svg)", HEADER, svg)
    svg = svg.replace('stroke="transparent"', 'stroke="none"')
    svg = _GROUP.sub(opening, svg)
    svg = re.sub(r"<svg ([^>]*)>", lambda found: root(figure, found[1]), svg, count=1)
    return svg.encode() if drawn == set(boxes) and _is_xml(svg) else None


def _is_xml(text: str) -> bool:
    from xml.parsers.expat import ExpatError, ParserCreate

    try:
        ParserCreate().Parse(text, True)
    except ExpatError:
        return False
    return True


FINISH = {"svg": _finished_svg, "pdf": _finished_pdf, "png": _finished_png}
