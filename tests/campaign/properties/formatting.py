"""What `cnnc fmt` keeps, whatever a text looked like: its tree, its comments, what it means.

A text is a random program, an item of a shipped spec or a random tree of any kind. Comments,
line breaks, blank lines and spaces are put between its words, those that leave its tree as it
is; between brackets, that is between any two. What was put in is known, so nobody has to be
asked which comments there are.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from cnndsl import driver
from cnndsl.diagnostics import CnnError
from cnndsl.irtext import ir_hash
from cnndsl.loader import decode_source
from cnndsl.parser import parse
from cnndsl.printer import format_source, print_file
from cnndsl.source import Source
from cnndsl.syntax import File
from tests.campaign.drawn import drawn
from tests.campaign.property import Goal, Property
from tests.properties.strategies import Program, programs
from tests.support.trees import Maker

SPECS = Path(__file__).parents[3] / "specs"
PROGRAMS = programs()

PART = re.compile(r'#[^\n]*|"[^"\n]*"|\w+|[ \t]+|\n|.')
SPACES = (" ", "  ", "\t", " \t ", " " * 40)
BREAKS = ("\n", "\n\n", "\n \t\n\n", "  \n  ")
NOTES = ("#", "# why", "#! 3x3: a", '# "', "#  × → {|} (", "# a\tb", "## #", "# " + "long " * 30)

Edit = tuple[int, str]
"""A part of a text by its number, and what is put before it or, if it is space, in its place."""


def _case(random: random.Random) -> dict[str, int]:
    program, text = _drawn(random)
    tree = _tree(text)
    parts = PART.findall(text)
    spaced = _spaced(parts, random)
    if _tree(spaced) == tree:
        assert _formatted(spaced) == _formatted(text), "spaces within lines changed the layout"
    tried = _edits(parts, random)
    kept = _legal(parts, (), tried, tree)
    edited = _with(parts, kept)
    result = _formatted(_in_bytes(edited, random))
    assert _tree(result) == tree, "another tree"
    assert _comments(result) == _comments(edited), "other comments"
    assert _formatted(result) == result, "a second pass changed it"
    _check_layout(result)
    if program is not None and random.random() < 0.3:
        assert _meaning(program, result) == _meaning(program, program.text), "another network"
    return {"edits": len(tried), "legal": len(kept), "comments": len(_comments(edited))}


# ------------------------------------------------------------------------ texts


def _drawn(random: random.Random) -> tuple[Program | None, str]:
    """A text, and the program that it is if it can be compiled."""
    choice = random.random()
    if choice < 0.5:
        program = drawn(PROGRAMS, random)
        return program, program.text
    if choice < 0.75:
        return None, random.choice(_items())
    return None, print_file(Maker(random).file())


@cache
def _items() -> list[str]:
    """The items of all shipped files, each with the comment above it."""
    texts = []
    for path in sorted(SPECS.rglob("*.cnn")):
        text = path.read_text(encoding="utf-8")
        starts = [found.start() for found in re.finditer(r"(?<=\n\n)(?=[^\s}])", text)]
        texts += [text[a:b] for a, b in zip([0, *starts], [*starts, len(text)], strict=True)]
    return [text for text in texts if not parse(Source("item.cnn", text))[1]]


def _tree(text: str) -> File | None:
    tree, problems = parse(Source("text.cnn", text))
    return None if problems else tree


def _formatted(text: str | bytes) -> str:
    data = text.encode() if isinstance(text, str) else text
    return format_source(decode_source(data, "text.cnn"))


def _in_bytes(text: str, random: random.Random) -> bytes:
    """As editors save it: lines may end in two characters, and a mark may stand in front."""
    data = text.encode()
    if random.random() < 0.1:
        data = data.replace(b"\n", b"\r\n")
    return b"\xef\xbb\xbf" + data if random.random() < 0.1 else data


def _meaning(program: Program, text: str) -> str:
    """The hash of the network, or the codes of its errors."""
    try:
        source = Source("text.cnn", text)
        settings = dict(program.settings)
        return ir_hash(driver.compile_model(source, program.model, settings=settings).module)
    except CnnError as problem:
        return " ".join(sorted(d.code for d in problem.diagnostics))


# ------------------------------------------------------------------------ edits


def _spaced(parts: Sequence[str], random: random.Random) -> str:
    """Other spaces where there are some, but for those that begin a line."""
    return "".join(
        random.choice(SPACES) if part.isspace() and part != "\n" and before != "\n" else part
        for before, part in zip(["\n", *parts], parts, strict=False)
    )


def _edits(parts: Sequence[str], random: random.Random) -> tuple[Edit, ...]:
    """What to put where: anything between brackets and at the ends of lines, and a little
    of it where it should not stand."""
    edits: list[Edit] = []
    depth = 0
    for number, part in enumerate(parts):
        before = parts[number - 1] if number else "\n"
        depth += (part in ("(", "[")) - (before in (")", "]"))
        is_free = depth > 0 or "\n" in (before, part) or before in ("{", "|", ";", ",")
        if random.random() < (0.15 if is_free else 0.03):
            edits.append((number, _inserted(random, is_free)))
    return tuple(edits)


def _inserted(random: random.Random, is_free: bool) -> str:
    kind = random.random()
    if kind < 0.2 or (not is_free and kind < 0.6):
        return random.choice(SPACES)
    if kind < 0.5:
        return random.choice(BREAKS)
    notes = [random.choice(NOTES) + random.choice(BREAKS) for _ in range(random.choice((1, 1, 2)))]
    return random.choice(("", " ")) + "".join(notes)


def _with(parts: Sequence[str], edits: Sequence[Edit]) -> str:
    inserted = dict(edits)
    return "".join(inserted.get(number, "") + part for number, part in enumerate(parts))


def _legal(
    parts: Sequence[str], kept: tuple[Edit, ...], tried: tuple[Edit, ...], tree: File | None
) -> tuple[Edit, ...]:
    """The edits so far, and those of some more that leave the tree as it is."""
    if not tried or _tree(_with(parts, kept + tried)) == tree:
        return kept + tried
    if len(tried) == 1:
        return kept
    middle = len(tried) // 2
    return _legal(parts, _legal(parts, kept, tried[:middle], tree), tried[middle:], tree)


# ----------------------------------------------------------------------- checks


def _comments(text: str) -> list[str]:
    return [part.rstrip() for part in PART.findall(text) if part.startswith("#")]


def _check_layout(text: str) -> None:
    assert text == "" or (text.endswith("\n") and text[0] != "\n" and text[-2:] != "\n\n")
    assert "\n\n\n" not in text and "\r" not in text and "\ufeff" not in text
    assert all(line == line.rstrip() for line in text.split("\n")), "space at the end of a line"
    plain = [part for part in PART.findall(text) if part[0] not in '#"']
    assert "\t" not in "".join(plain), "a tab"


PROPERTY = Property(
    name="formatting",
    claim="`cnnc fmt` keeps the tree, all comments in their order and the network, and done "
    "twice it changes nothing more",
    run=_case,
    cases=600,
    nightly=100_000,
    goals=(Goal("legal", "edits", least=0.6),),
)
