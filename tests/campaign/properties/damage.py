"""Damaged specs: whatever a file holds, it is checked, formatted and linted without a crash.

A text is taken from the corpus, a piece of it where it is long, or the beginning of one text
and the end of another; then it is damaged in a few places: bytes, words or lines are removed,
repeated, exchanged, or replaced by those of other texts. What comes of it must be an answer: a
result or diagnostics with codes that exist, whose places lie in their files, which every format
can show, without characters that could steer a terminal. RecursionError and MemoryError are
failures like any other exception.
"""

from __future__ import annotations

import json
import random
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

from cnndsl import driver
from cnndsl.codes import CODES
from cnndsl.diagnostics import CnnError, Diagnostic
from cnndsl.loader import decode_source
from cnndsl.printer import format_source
from cnndsl.render import for_tools, render_all
from cnndsl.source import Source, Span
from tests.campaign.property import Property

ROOT = Path(__file__).parents[3]
LONGEST = 3_000
"""Bytes of a piece: the quicker a case, the more of them."""
SECONDS = 8.0  # four times what is wanted: test runs share slow machines

_WORD = re.compile(rb"\w+|[ \t]+|\r?\n|[^\w\s]")
_FENCE = re.compile(r"^```cnn[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NUMBERS = (b"0", b"1", b"2", b"7", b"64", b"0.5", b"1e9", b"2147483647", b"9223372036854775807")
_STRANGE = (
    b"\xef\xbb\xbf", b"\0", b"\x1b[31m", "‮".encode(), "\u200b".encode(), b"\r", b"\t",
    b"\xff", b"\xed\xa0\x80", "×".encode(), "→".encode(), "“".encode(), "ß".encode(), b"9" * 11,
    b"0..10**9", b"(" * 70, b"{" * 70, b"a" * 70, b'"', b"#", b";", b"|", b"=>", b"1e9", b"-",
    b"..",
)  # fmt: skip
"""Pieces of trouble."""


@cache
def corpus() -> tuple[bytes, ...]:
    """Texts that are specs, or were meant to be."""
    from tests.hostile.cases import CASES

    texts = [path.read_bytes() for path in sorted((ROOT / "specs").rglob("*.cnn"))]
    pages = [*sorted((ROOT / "tests/errors").glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
    for page in pages:
        texts += [found.encode() for found in _FENCE.findall(page.read_text(encoding="utf-8"))]
    for code in CODES.values():
        texts += [text.encode() for _, text in code.examples]
    for case in CASES:
        for _, content in case.files:
            data = content.encode() if isinstance(content, str) else content
            if isinstance(data, bytes) and len(data) <= LONGEST:
                texts.append(data)
    return tuple(text for text in texts if text)


def piece(random: random.Random) -> bytes:
    """A text of the corpus, or some lines of a long one."""
    text = random.choice(corpus())
    if len(text) <= LONGEST:
        return text
    lines = text.splitlines(keepends=True)
    start = random.randrange(len(lines))
    items = [n for n, line in enumerate(lines) if line[:1].isalpha()]
    before = [n for n in items if n <= start]
    start = before[-1] if before and random.random() < 0.8 else start
    return b"".join(lines[start : start + random.randint(1, 60)])[:LONGEST]


def damaged(random: random.Random) -> bytes:
    """A text with a few things wrong."""
    text = piece(random)
    if random.random() < 0.3:
        other = piece(random).splitlines(keepends=True)
        lines = text.splitlines(keepends=True)
        text = b"".join(lines[: random.randint(0, len(lines))])
        text += b"".join(other[random.randint(0, len(other)) :])
    for _ in range(random.choice((1, 1, 1, 2, 3, 4))):
        cut = random.choice((None, None, _bytes, _words, _words, _lines))
        text = _exchanged(text, random) if cut is None else b"".join(_changed(cut(text), random))
    return text


def _exchanged(text: bytes, random: random.Random) -> bytes:
    """The text with one word in place of another of its kind: it may still be a spec."""
    words = _words(text)
    places = [at for at, word in enumerate(words) if word[:1].isalnum()]
    if not places:
        return text
    at = random.choice(places)
    if words[at].isdigit():
        words[at] = random.choice(_NUMBERS)
    else:
        others = _words(text if random.random() < 0.7 else piece(random))
        names = [word for word in others if word[:1].isalpha()]
        words[at] = random.choice(names or [b"x"])
    return b"".join(words)


def _bytes(text: bytes) -> list[bytes]:
    return [text[at : at + 1] for at in range(len(text))]


def _words(text: bytes) -> list[bytes]:
    return _WORD.findall(text)


def _lines(text: bytes) -> list[bytes]:
    return text.splitlines(keepends=True)


def _changed(parts: list[bytes], random: random.Random) -> list[bytes]:
    """One change: of bytes, words or lines, whatever the parts are."""
    if not parts:
        return [random.choice(_STRANGE)]
    at, to = random.randrange(len(parts)), random.randrange(len(parts))
    few = random.randint(1, 3)
    match random.randrange(7):
        case 0:
            del parts[at : at + few]
        case 1:
            parts[at:at] = parts[at : at + few] * random.choice((1, 1, 1, 20))
        case 2:
            parts[at], parts[to] = parts[to], parts[at]
        case 3:
            parts.insert(at, parts[to])
        case 4:
            parts[at] = random.choice(_words(piece(random)) or [b""])
        case 5:
            parts.insert(at, random.choice(_STRANGE))
        case _:
            flipped = parts[at][0] ^ 1 << random.randrange(8)
            parts[at] = bytes([flipped]) + parts[at][1:]
    return parts


# --------------------------------------------------------------------- judging


def answers(
    data: bytes, commands: Iterable[str] = ("check", "fmt", "lint"), seconds: float = SECONDS
) -> Iterator[tuple[str, list[Diagnostic]]]:
    """What each command says to a text; what is no answer is raised."""
    try:
        source = decode_source(data, "damaged.cnn")
    except CnnError as problem:
        yield "read", list(problem.diagnostics)
        return
    for name in commands:
        start = time.process_time()
        try:
            found = COMMANDS[name](source)
        except CnnError as problem:
            found = list(problem.diagnostics)
            assert found, f"{name}: nothing is said"
        took = time.process_time() - start
        assert took <= seconds, f"{name}: {took:.1f} seconds"
        yield name, found


def _check(source: Source) -> list[Diagnostic]:
    return [problem for done in driver.check(source) for problem in done.diagnostics]


def _format(source: Source) -> list[Diagnostic]:
    written = format_source(source)
    lost = _names(source.text) - _names(written)
    assert not lost, f"not understood, and nothing is said: {dict(lost)}"
    return []


def _names(text: str) -> Counter[str]:
    """How often each word is in a text, without the `x` that is a sign."""
    return Counter(word for word in re.findall(r"\b[A-Za-z_]\w*", text) if word != "x")


def _lint(source: Source) -> list[Diagnostic]:
    from cnndsl.lint.engine import lint

    return list(lint(source))


COMMANDS = {"check": _check, "fmt": _format, "lint": _lint}


def judge(diagnostics: Sequence[Diagnostic]) -> None:
    """Raise unless these are diagnostics as they should be, and can be shown."""
    for diagnostic in diagnostics:
        assert diagnostic.code in CODES, diagnostic.code
        assert diagnostic.message.strip(), diagnostic.code
        spans = [label.span for label in diagnostic.labels]
        spans += [help.fix.span for help in diagnostic.help if help.fix is not None]
        assert all(map(_is_inside, spans)), f"{diagnostic.code}: {spans}"
    shown = list(diagnostics[:20])
    texts = [
        render_all(shown),
        render_all(shown, width=40, unicode=False),
        re.sub(r"\x1b\[[0-9;]*m", "", render_all(shown, color=True)),
        *(for_tools(format, shown) for format in ("json", "sarif", "github")),
    ]
    for text in texts:
        strange = {c for c in text if c not in "\n\N{NO-BREAK SPACE}" and not c.isprintable()}
        assert not strange, f"prints {sorted(map(hex, map(ord, strange)))}"
    assert texts[1].isascii()
    assert len(json.loads(texts[3])["diagnostics"]) == len(shown)
    json.loads(texts[4])


def _is_inside(span: Span) -> bool:
    return 0 <= span.start <= span.end <= len(span.source.text)


def run(random: random.Random) -> dict[str, int]:
    data = damaged(random)
    counts = {"bytes": len(data)}
    for name, diagnostics in answers(data):
        try:
            judge(diagnostics)
        except AssertionError as problem:
            raise AssertionError(f"{name}: {problem}\n{data!r}") from None
        counts[f"{name}: {'said' if diagnostics else 'clean'}"] = 1
    return counts


PROPERTY = Property(
    name="damage",
    claim="Damaged specs are answered: codes, places inside the file, in seconds, every format.",
    run=run,
    cases=5_000,
    nightly=1_000_000,
)
