"""Running Graphviz, in a process of its own, and finishing what it writes.

It is the program `dot` where that is installed, else the library in `pygraphviz`. It gets
the text on standard input, and as much time and memory as `limits.py` says. On graphs that
it would take too long for, it is asked to be less exact. Its output is made independent of
the day and of Graphviz's version where that is possible: PDF loses its date, SVG its
comments, and SVG gets a title, a description and the facts of each box.
"""

from __future__ import annotations

import re

from cnndsl.diagnostics import fail
from cnndsl.escape import dot_read, xml
from cnndsl.limits import FIGURE_MEMORY, FIGURE_TIME

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

FORMATS = ("svg", "pdf", "png")
RESOLUTION = 192
"""Dots per inch of a PNG; text of 9 points is 24 pixels high."""

MANY_BOXES = 1_500
MANY_EDGES = 6
"""Edges for each box; above it a graph is dense."""
QUICK = ("-Gnslimit=2", "-Gnslimit1=2", "-Gmclimit=0.5")
STRAIGHT = ("-Gsplines=line",)


def render(dot_text: str, format: str, timeout: float | None = None) -> bytes:
    """The figure of a DOT text.

    Arguments:
        format: `svg`, `pdf` or `png`.
        timeout: seconds in place of the limit; a second, less exact attempt gets as many.

    Raises CnnError with E0702 when `dot` is missing, fails or takes too long.
    """
    if format not in FORMATS:
        fail("E0801", f"`{format}` is not a format of figures",
             help=(f"there are: {', '.join((*FORMATS, 'dot'))}",))  # fmt: skip
    seconds = FIGURE_TIME.value if timeout is None else timeout
    options = [f"-T{format}", *([f"-Gdpi={RESOLUTION}"] if format == "png" else [])]
    attempts: list[Sequence[str]] = [(*QUICK, *STRAIGHT)]
    attempts = [QUICK, *attempts] if _is_big(dot_text) else [(), *attempts]
    for extra in attempts:
        output = _run([*options, *extra], dot_text.encode(), seconds)
        if output is not None:
            return _finish(output, format, dot_text)
    fail(
        FIGURE_TIME.code,
        f"`dot` needed more than {seconds:g} seconds for this figure",
        help=(FIGURE_TIME.instead, FIGURE_TIME.help,
              "the DOT text itself needs no Graphviz: `-o figure.dot`"),
    )  # fmt: skip


def _is_big(dot_text: str) -> bool:
    boxes = len(re.findall(r"^ +n\d+ \[", dot_text, re.MULTILINE))
    edges = dot_text.count(" -> ")
    return boxes > MANY_BOXES or edges > MANY_EDGES * max(boxes, 1)


# ----------------------------------------------------------------------- Graphviz


def _run(options: Sequence[str], text: bytes, timeout: float) -> bytes | None:
    """What `dot` writes; None when it takes too long. Raises CnnError."""
    import subprocess

    try:
        process = subprocess.Popen(
            [*_program(), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as problem:
        fail("E0702", f"`dot` cannot be started: {problem.strerror}", help=_INSTALL)
    try:
        _limit_memory(process.pid)
        output, said = process.communicate(text, timeout)
    except subprocess.TimeoutExpired:
        return None
    finally:
        _end(process)
    if process.returncode != 0 or not output:
        reason = said.decode("utf-8", "replace").strip().splitlines()
        fail(
            "E0702",
            f"`dot` failed with exit status {process.returncode}",
            notes=tuple(line[:200] for line in reason[:3]),
            help=("the DOT text itself needs no Graphviz: `-o figure.dot`",),
        )
    return output


def _program() -> Sequence[str]:
    """The command that draws: `dot`, or what `pygraphviz` brings along. Raises CnnError."""
    import sys
    from importlib.util import find_spec
    from shutil import which

    program = which("dot")
    if program is not None:
        return (program,)
    if find_spec("pygraphviz") is None:
        fail("E0702", "there is no Graphviz on this machine: figures need it", help=_INSTALL)
    return sys.executable, "-m", "cnndsl.backends.dot.bundled"


_INSTALL = (
    "`pip install cnndsl[figures]` brings it along",
    "or install it: `apt install graphviz`, `brew install graphviz` or `winget install graphviz`",
    "the DOT text itself needs no Graphviz: `-o figure.dot`",
)


def _limit_memory(pid: int) -> None:
    """As much as the limit says, where the system can be told so."""
    import sys

    if sys.platform == "linux":
        import resource
        from contextlib import suppress

        with suppress(OSError, ValueError):
            size = FIGURE_MEMORY.value << 20
            resource.prlimit(pid, resource.RLIMIT_AS, (size, size))


def _end(process: object) -> None:
    """Kill what is left of `dot` and of whatever it started."""
    import os
    import signal
    import subprocess
    from contextlib import suppress

    assert isinstance(process, subprocess.Popen)
    if process.poll() is None:
        with suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
        process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with suppress(OSError):
                stream.close()


# ---------------------------------------------------------------------- finishing


def _finish(output: bytes, format: str, dot_text: str) -> bytes:
    if format == "svg":
        return _finish_svg(output.decode(), dot_text).encode()
    return _without_date(output) if format == "pdf" else output


def _without_date(pdf: bytes) -> bytes:
    """The date replaced by one of the same length, so that all offsets stay right."""

    def fixed(found: re.Match[bytes]) -> bytes:
        return found[1] + re.sub(rb"\d", b"0", found[2]) + found[3]

    return re.sub(rb"(/(?:CreationDate|ModDate) \()(D:[^)]*)(\))", fixed, pdf)


_GROUP = re.compile(r'<g id="([^"]+)" class="([^"]+)">\n<title>([^<]*)</title>')
_STATEMENT = re.compile(r"^ *(n\d+) \[(.*)\]$", re.MULTILINE)
_DATA = re.compile(r'data_(\w+)="((?:[^"\\]|\\.)*)"')


def _finish_svg(svg: str, dot_text: str) -> str:
    """Facts on every box, a title and a description for all, nothing of the tool."""
    facts = {
        found[1]: {name: dot_read(value) for name, value in _DATA.findall(found[2])}
        for found in _STATEMENT.finditer(dot_text)
    }
    header = re.search(r"^  graph \[(.*)\]$", dot_text, re.MULTILINE)
    about = {n: dot_read(v) for n, v in _DATA.findall(header[1])} if header else {}
    svg = re.sub(r"<!--.*?-->\n?", "", svg, flags=re.DOTALL)
    svg = re.sub(r"(?s)^.*?(?=<svg)", '<?xml version="1.0" encoding="UTF-8"?>\n', svg)
    svg = svg.replace('stroke="transparent"', 'stroke="none"')
    svg = _GROUP.sub(lambda found: _group(found, facts), svg)
    return re.sub(r"<svg ([^>]*)>", lambda found: _root(found, about), svg, count=1)


def _root(found: re.Match[str], about: dict[str, str]) -> str:
    title, description = about.get("title", ""), about.get("description", "")
    named = ' aria-labelledby="figure-title figure-description"' if title else ""
    texts = (
        f'\n<title id="figure-title">{xml(title)}</title>'
        f'\n<desc id="figure-description">{xml(description)}</desc>'
        if title
        else ""
    )
    return f'<svg role="img"{named} {found[1]}>{texts}'


def _group(found: re.Match[str], facts: dict[str, dict[str, str]]) -> str:
    """The opening of a group: data attributes for a box, a title that a reader can use."""
    id, kind, name = found[1], found[2], found[3]
    if not kind.startswith("node "):
        return f'<g id="{id}" class="{kind}">'
    data = facts.get(name, {})
    attributes = "".join(f' data-{key}="{xml(value)}"' for key, value in data.items() if value)
    said = " · ".join(_said(data))
    title = f"\n<title>{xml(said)}</title>" if said else ""
    return f'<g id="{name}" class="{kind}"{attributes}>{title}'


def _said(data: dict[str, str]) -> list[str]:
    units = {"path": "", "op": "", "shape": "", "count": "× ", "parameters": "", "macs": ""}
    after = {"parameters": " parameters", "macs": " MACs"}
    parts = []
    for key, before in units.items():
        value = data.get(key, "")
        if not value or (key, value) == ("count", "1"):
            continue
        number = f"{int(value):,}" if value.isdecimal() else value
        parts.append(f"{before}{number}{after.get(key, '')}")
    return parts
