"""Every limit of the compiler, declared once: `docs/limits.md` is made of this table.

    python -m cnndsl.limits > docs/limits.md

A spec may come from anybody, so whatever it can ask for ends somewhere: before the time, the
memory or the stack does, and with a message that says the number, what was asked for and how to
go on. A limit has a value that no honest spec meets, and a hard cap up to which it can be
raised: `--limit nodes=50000` on the command line, `with raised({"nodes": 50_000})` in Python.
Both hold for the run, so nothing hands limits around.
"""

from __future__ import annotations

from contextvars import ContextVar

from .diagnostics import fail
from .record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .source import Span

_RAISED: ContextVar[Mapping[str, int]] = ContextVar("limits", default={})  # noqa: B039 (never written)


class Limit(Record):
    """One limit.

    Arguments:
        name: as in `--limit name=value`.
        default: its value unless somebody asks for another one.
        cap: the greatest one that can be asked for.
        unit: what is counted, in the plural.
        code: of the diagnostic.
        what: of which there may not be more, for the page.
        instead: what to do where the limit cannot be raised.
    """

    name: str
    default: int
    cap: int
    unit: str
    code: str
    what: str
    instead: str

    @property
    def value(self) -> int:
        """What holds now."""
        return _RAISED.get().get(self.name, self.default)

    @property
    def help(self) -> str:
        """How to go on, for a message."""
        if self.value >= self.cap:
            return self.instead
        return f"raise it with `--limit {self.name}=N` (up to {self.cap:,}) if this is meant"


def _fixed(name: str, value: int, unit: str, code: str, what: str, instead: str) -> Limit:
    """A limit that cannot be raised."""
    return Limit(name, value, value, unit, code, what, instead)


# fmt: off
# ----------------------------------------------------------------------- texts

FILE_SIZE = Limit(
    "file-size", 1 << 20, 16 << 20, "bytes", "E0604", "the size of a file",
    'divide it into several files: `use "./blocks.cnn"`')
FILES = _fixed(
    "files", 256, "files", "E0604", "files of one spec",
    "put blocks that belong together into one file")
USE_DEPTH = _fixed(
    "use-depth", 32, "files", "E0604", "files that use each other in a chain",
    "let the first ones use the last ones directly")
TOKENS = Limit(
    "tokens", 200_000, 4_000_000, "tokens", "E0604", "words, numbers and signs of a file",
    "divide it into several files")
NAME = Limit(
    "name", 64, 255, "characters", "E0604", "a name or a label",
    "choose a shorter one")
STRING = Limit(
    "string", 2_000, 8_000, "characters", "E0604", "a text in quotes",
    "shorten it")
DIGITS = _fixed(
    "digits", 19, "digits", "E0603", "the digits of a number",
    "sizes end at 2^31 - 1, other whole numbers at 2^63 - 1")
NESTING = _fixed(
    "nesting", 64, "levels", "E0602", "brackets and bodies in each other",
    "name the inner parts as blocks")
OPERATORS = _fixed(
    "operators", 100, "operators", "E0602", "operators of an expression",
    "name its parts with `let`")
ERRORS = Limit(
    "errors", 50, 1_000, "messages", "", "messages that are printed; the others are counted",
    "correct the first ones")

# -------------------------------------------------------------------- networks

NODES = Limit(
    "nodes", 20_000, 100_000, "operators", "E0601",
    "operators of a network, with all calls of blocks expanded; `--max-nodes` says the same",
    "no network that was ever published has as many")
STEPS = Limit(
    "steps", 1_000_000, 100_000_000, "steps", "E0601",
    "work on a spec: operators (15), statements, rounds, parts of expressions, list elements",
    "loops in loops multiply: let the inner ones do less")
LIST = _fixed(
    "list", 100_000, "elements", "E0601", "a list or a range, with the lists in it",
    "a network needs no longer one")
BLOCK_DEPTH = Limit(
    "block-depth", 32, 64, "calls", "E0402", "blocks that call each other in a chain",
    "a block that calls itself needs a condition that ends it")
CALL_DEPTH = _fixed(
    "call-depth", 200, "levels", "E0602", "expressions in each other, with the functions they call",
    "a function that calls itself needs a condition that ends it")
PLACES = _fixed(
    "places", 100_000, "places", "E0601", "calls of blocks in which a rule looks, all expanded",
    "blocks with more in them need fewer calls")
REWRITES = _fixed(
    "rewrites", 1_000, "steps", "E1004", "steps of a derivation",
    "what one rule changes another may change back: only one of them simplifies")

# --------------------------------------------------------------------- numbers

SIZE = _fixed(
    "size", 2**31 - 1, "", "E0603",
    "a height, a width, channels, and any other whole number in an argument",
    "no array is as large")
INTEGER = _fixed(
    "integer", 2**63 - 1, "", "E0603",
    "any other whole number, the elements of a value, parameters and operations of a network",
    "no memory holds as many")
WINDOW = _fixed(
    "window", 2**14, "rows or columns", "E0603", "what a window spans, with its dilation",
    "no input is as large")
TERMS = _fixed(
    "terms", 100, "terms", "E0603", "a symbolic size, such as `(H + 1)//2*64`",
    "give the input a fixed size, in the spec or with `--input`")

# --------------------------------------------------------------------- figures

FIGURE_TIME = Limit(
    "figure-time", 20, 600, "seconds", "E0702", "Graphviz at a figure, two attempts together",
    "draw less: `--level block` or `--level network`")
FIGURE_MEMORY = Limit(
    "figure-memory", 1_024, 65_536, "MiB", "E0702", "Graphviz, where the system can be told",
    "draw less: `--level block` or `--level network`")
# fmt: on

TABLE: Mapping[str, Limit] = {
    limit.name: limit for limit in tuple(globals().values()) if isinstance(limit, Limit)
}


class raised:
    """Other values for some limits, while this lasts; smaller ones are possible too."""

    def __init__(self, values: Mapping[str, int]) -> None:
        for name, value in values.items():
            assert 1 <= value <= TABLE[name].cap, f"{name}={value}"
        self.values = values

    def __enter__(self) -> None:
        self.before = _RAISED.set({**_RAISED.get(), **self.values})

    def __exit__(self, *_: object) -> None:
        _RAISED.reset(self.before)


# ------------------------------------------------------------------------ work

_LEFT: ContextVar[list[int] | None] = ContextVar("left", default=None)


STEPS_OF_OPERATOR = 15
"""An operator costs as much as so many parts of an expression."""


class counted:
    """Count the steps of what is done while this lasts, from nothing; see `spend`.

    Whoever asks for more nodes than usual gets the steps for them.
    """

    def __enter__(self) -> None:
        times = -(-NODES.value // NODES.default)
        self.before = _LEFT.set([STEPS.value * times])

    def __exit__(self, *_: object) -> None:
        _LEFT.reset(self.before)


def spend(steps: int, span: Span) -> None:
    """Count steps. Raises CnnError when there were more than the limit."""
    left = _LEFT.get()
    if left is None:
        return
    left[0] -= steps
    if left[0] < 0:
        message = f"this spec takes more than {STEPS.value:,} steps to work out"
        fail(STEPS.code, message, span, "it came as far as this", help=[STEPS.help])


def is_spent() -> bool:
    """Whether all steps were used up, so that nothing else can be worked out."""
    left = _LEFT.get()
    return left is not None and left[0] < 0


# ------------------------------------------------------------------------ page

_HEAD = """\
# Limits

A spec may come from anybody. Whatever it can ask for has a limit, which a message names
together with what was asked for and what to do; the exit code is 5 (a block that calls itself
too often, and a rule that never ends, are errors in the spec: 1). Everything is counted before
it is built: a network that is too large costs no more time than the largest that is allowed.

A limit can be raised up to its hard cap, or lowered, for one run:

```sh
cnnc check --limit nodes=50000 --limit name=200 net.cnn
```

```python
from cnndsl.limits import raised

with raised({"nodes": 50_000}):
    ...
```

| limit | default | hard cap | of what | code |
| --- | ---: | ---: | --- | --- |
"""

_TAIL = """
Files that a spec uses must lie in the folder of the main file or below it, after symbolic links
are followed (`E0503`), and only regular files are read: no pipes, no devices, no folders.
"""


def page() -> str:
    """`docs/limits.md`."""
    return _HEAD + "".join(map(_row, TABLE.values())) + _TAIL


def _row(limit: Limit) -> str:
    cap = "the same" if limit.cap == limit.default else _spoken(limit.cap, limit.unit)
    cells = (f"`{limit.name}`", _spoken(limit.default, limit.unit), cap, limit.what, limit.code)
    return f"| {' | '.join(cells)} |\n"


def _spoken(value: int, unit: str) -> str:
    """`1 MiB`, `2^31 - 1`, `64 characters`."""
    if unit == "bytes":
        return f"{value >> 20} MiB"
    power = (value + 1).bit_length() - 1
    if value >= 2**31 - 1 and value + 1 == 2**power:
        return f"2^{power} - 1"
    return f"{value:,} {unit}".rstrip()


if __name__ == "__main__":
    print(page(), end="")
