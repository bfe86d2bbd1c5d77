"""Three mistakes of meaning in one file: each is found on its line, and nothing else is.

A file has two or three blocks and two to five models that call them, drawn with the sizes of their
values, which stand in an annotation behind every statement of a model. Three statements of
different blocks and models, or definitions, are wrong in one way each: a word that nothing defines,
a missing argument, branches that do not fit. That they are wrong follows from how they are made.
Behind a mistake the value is unknown until the next annotation says what it is, so whatever a model
has behind a wrong statement is judged as if it was right. A block that is wrong is one mistake,
however many models call it; a claim about costs is made false only where nothing else is wrong.

A mistake is *found* if a message of its own marks its line; every other message is *extra*.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

from cnndsl import driver
from cnndsl.diagnostics import CnnError, Diagnostic
from cnndsl.record import Record
from cnndsl.source import Source
from tests.campaign.property import Goal, Property

SEEDED = 3
NOWHERE = ("nowhere", "undefined_thing", "wdith", "zebra", "q7")


class Shape(Record):
    """The size of what flows: a map."""

    height: int
    channels: int

    def __str__(self) -> str:
        return f"{self.height}x{self.height}x{self.channels}"


class Part(Record):
    """A definition of a file, line by line, and which of its lines may be made wrong.

    Arguments:
        name: of the block or the model; empty for others.
        lines: its text.
        calls: the blocks that it calls.
        sites: numbers of lines with the shapes that come in and go out there.
    """

    name: str
    lines: tuple[str, ...]
    calls: tuple[str, ...] = ()
    sites: tuple[tuple[int, Shape, Shape], ...] = ()


# ------------------------------------------------------------------ right files


def block(number: int, random: random.Random) -> Part:
    """A block of `n` channels, with a stride."""
    name = f"unit{number}"
    body = random.choice(
        [
            ("conv 3x3/stride, n, bn, relu", "conv 3x3, n, bn"),
            ("conv 1x1/stride, n, relu", "residual { conv 3x3, n, bn; relu }"),
            ("conv 3x3/stride, n", "concat { | conv 1x1, n/2 | conv 3x3, n/2 }"),
            ("conv 3x3/stride, n, bn", "let m = 2 * n", "conv 1x1, m, relu", "conv 1x1, n"),
        ]
    )
    lines = (f"block {name}(n, stride=1) {{", *(f"  {line}" for line in body), "}")
    return Part(name, lines)


def statement(shape: Shape, blocks: list[Part], random: random.Random) -> tuple[str, Shape, str]:
    """A right statement, what it gives, and the block that it calls."""
    h, c, n = shape.height, shape.channels, 8 * random.randint(1, 16)
    same, wide, half = Shape(h, c), Shape(h, n), Shape((h + 1) // 2, n)
    called = random.choice(blocks).name
    plain: list[tuple[str, Shape]] = [
        (f"conv 3x3, {n}", wide),
        (f"3x3/2, {n}, bn, relu", half),
        (f"conv 1x1, {n}, bias=false, bn", wide),
        (f"conv(3x3, {c}) × 2", same),
        ("relu", same),
        ("bn", same),
        ("dropout 20%", same),
        ("maxpool 3x3/2, pad=1", Shape((h + 1) // 2, c)),
        ("residual { conv 3x3, in.channels, bn; relu }", same),
        (f"concat {{ | conv 1x1, {n} | identity }}", Shape(h, n + c)),
        (f"add {{ | conv 3x3, {c} | identity }}", same),
        ("dwconv 3x3", same),
    ]
    plain = [(text, after) for text, after in plain if "in." not in text] + [
        (f"residual {{ conv 3x3, {c}, bn; relu }}", same)
    ]
    if random.random() < 0.3:
        stride = random.choice((1, 2))
        after = half if stride == 2 else wide
        return f"{called}({n}, stride={stride})", after, called
    text, after = random.choice(plain)
    return text, after, ""


def model(number: int, blocks: list[Part], random: random.Random) -> Part:
    """A model whose statements are all annotated."""
    shape = Shape(random.choice((32, 48, 64)), 3)
    lines = [f"model net{number} {{", f"  input {shape}"]
    sites, calls = [], []
    first = f"conv 3x3, {8 * random.randint(1, 8)}"
    for index in range(random.randint(5, 12)):
        text, after, called = statement(shape, blocks, random)
        if index == 0:
            text, called = first, ""
            after = Shape(shape.height, int(first.rpartition(" ")[2]))
        calls.append(called)
        sites.append((len(lines), shape, after))
        label = f"s{index}: " if random.random() < 0.3 else ""
        lines.append(f"  {label}{text} : {after}")
        shape = after
    lines.append("}")
    return Part(f"net{number}", tuple(lines), tuple(filter(None, calls)), tuple(sites))


# --------------------------------------------------------------------- mistakes

Mistake = Callable[[Shape, Shape, random.Random], str]
"""From the shapes before and behind a statement to a wrong one, without its annotation."""


def _n(random: random.Random) -> int:
    return 8 * random.randint(1, 16)


STATEMENTS: dict[str, Mistake] = {
    "unknown operator": lambda x, y, r: f"{r.choice(NOWHERE)} 3x3, {_n(r)}",
    "misspelt operator": lambda x, y, r: r.choice(
        [f"cnov 3x3, {_n(r)}", f"conv2d 3x3, {_n(r)}", "rleu", "maxpol 2x2/2", "dropuot 20%"]
    ),
    "unknown name": lambda x, y, r: f"conv 3x3, {r.choice(NOWHERE)}",
    "unknown name in a branch": lambda x, y, r: (
        f"concat {{ | conv 1x1, {r.choice(NOWHERE)} | identity }}"
    ),
    "unknown post-operator": lambda x, y, r: f"conv 3x3, {_n(r)}, bn, {r.choice(NOWHERE)}",
    "unknown argument": lambda x, y, r: f"conv 3x3, {_n(r)}, {r.choice(('pda', 'width'))}=1",
    "missing argument": lambda x, y, r: r.choice(["conv 3x3", "gn", "depth_to_space", "unit0()"]),
    "too many arguments": lambda x, y, r: r.choice(
        [f"conv 3x3, {_n(r)}, 2", "relu 3", "dropout 10%, 2", "unit0(8, 1, 3)"]
    ),
    "argument twice": lambda x, y, r: f"conv 3x3, {_n(r)}, pad=1, pad=1",
    "unknown parameter": lambda x, y, r: f"unit0({_n(r)}, strde=1)",
    "out of range": lambda x, y, r: r.choice(
        ["conv 3x3, 0", "conv 3x3/0, 8", "dropout 150%", "conv 3x3, 8, dilation=0", "conv 0x3, 8"]
    ),
    "wrong kind": lambda x, y, r: r.choice(
        ["conv 3, 64", "conv 3x3, 8, bias=1", "conv 3x3, 2.5", "maxpool 2", "dropout 3x3"]
    ),
    "sum of unlike maps": lambda x, y, r: r.choice(
        [
            f"add {{ | conv 3x3, {x.channels + 1} | identity }}",
            f"residual {{ conv 3x3, {x.channels + 8} }}",
            f"add {{ | conv 3x3/2, {x.channels} | identity }}",
        ]
    ),
    "maps side by side that differ": lambda x, y, r: "concat { | conv 3x3/2, 8 | identity }",
    "groups": lambda x, y, r: f"conv 3x3, 8, groups={x.channels + 1}",
    "large window": lambda x, y, r: f"maxpool {x.height + 9}x{x.height + 9}",
    "unknown label": lambda x, y, r: r.choice(
        ["add(identity, nowhere)", "share nowhere", "concat(identity, nowhere)"]
    ),
    "condition": lambda x, y, r: "residual(when=3) { relu }",
    "list": lambda x, y, r: "conv 3x3, [8, 16][2]",
    "division": lambda x, y, r: "conv 3x3, 8 / 0",
    "repeat": lambda x, y, r: "conv(3x3, 8) × 2.5",
}
ITEMS = ("duplicate block", "duplicate model", "unknown import", "unknown base", "constant")
BODIES = ("block", "constant of a body", "label twice", "wrong annotation", "false claim")


class Seeded(Record):
    """A mistake: its kind, and its line."""

    kind: str
    line: int


def wrong_statement(kind: str, part: Part, site: int, random: random.Random) -> tuple[str, ...]:
    """The lines of a model with a wrong one, its number counted from `part.sites`."""
    number, before, after = part.sites[site]
    lines = list(part.lines)
    text = STATEMENTS[kind](before, after, random)
    lines[number] = f"  {text} : {after}"
    return tuple(lines)


def seed(parts: list[Part], random: random.Random) -> tuple[list[tuple[str, ...]], list[Seeded]]:
    """The texts of the definitions, three of them wrong, and the lines of the mistakes."""
    texts = [part.lines for part in parts]
    models = [i for i, part in enumerate(parts) if part.sites]
    random.shuffle(models)
    blocks = [i for i, part in enumerate(parts) if part.name and not part.sites]
    wrong: list[tuple[str, int, int]] = []  # kind, part, line in it
    broken: set[str] = set()
    kinds = [random.choice((*STATEMENTS, *STATEMENTS, *ITEMS, *BODIES)) for _ in range(SEEDED)]
    for kind in kinds:
        if kind == "block":
            used = {name for part in parts for name in part.calls}
            able = [i for i in blocks if parts[i].name in used and parts[i].name not in broken]
            if not able:
                continue
            i = random.choice(able)
            line = random.randrange(1, len(texts[i]) - 1)
            lines = list(texts[i])
            if lines[line].startswith("  let"):
                line += 1
            lines[line] = (
                f"  {random.choice(('cnov 3x3, n', 'conv 3x3, nn', 'conv 3x3, n, pda=1'))}"
            )
            texts[i] = tuple(lines)
            broken.add(parts[i].name)
            wrong.append((kind, i, line))
        elif kind in ITEMS:
            added = _item(kind, parts, random)
            texts.append(added)
            wrong.append((kind, len(texts) - 1, 0))
            if kind == "constant":
                models_after = [i for i in models if all(w[1] != i for w in wrong)]
                if models_after:  # who reads it is not wrong
                    _read_constant(texts, parts, models_after[0], added)
        elif kind == "false claim":
            able = [i for i in models if not broken & set(parts[i].calls)]
            able = [i for i in able if all(w[1] != i for w in wrong)]
            if not able or "block" in kinds or "constant" in kinds:
                continue
            i = able[0]
            claim = random.choice(("params = 1", "macs = 1", "depth = 99", "parms = 3"))
            texts[i] = (*texts[i][:-1], f"  expect {claim}", texts[i][-1])
            wrong.append((kind, i, len(texts[i]) - 2))
            models.remove(i)
        else:
            if not models:
                continue
            i = models.pop()
            texts[i], line = _wrong_body(kind, parts[i], random)
            wrong.append((kind, i, line))
    starts = [2 + sum(len(text) + 1 for text in texts[:i]) for i in range(len(texts))]
    return texts, [Seeded(kind, starts[i] + line) for kind, i, line in wrong]


def _item(kind: str, parts: list[Part], random: random.Random) -> tuple[str, ...]:
    """A wrong definition of one line."""
    names = [part.name for part in parts if part.sites]
    number = random.randrange(10**6)
    return {
        "duplicate block": (f"block {parts[0].name}(n) {{ conv 1x1, n }}",),
        "duplicate model": (f"model {random.choice(names)} {{ input 3; relu }}",),
        "unknown import": (f"use std (nothing_{number})",),
        "unknown base": (f"model other{number} = nowhere{number}(3)",),
        "constant": (f"let width{number} = {random.choice(NOWHERE)} * 2",),
    }[kind]


def _read_constant(
    texts: list[tuple[str, ...]], parts: list[Part], i: int, added: tuple[str, ...]
) -> None:
    number, _, after = parts[i].sites[-1]
    lines = list(texts[i])
    lines[number] = f"  conv 3x3, {added[0].split()[1]} : {after}"
    texts[i] = tuple(lines)


def _wrong_body(kind: str, part: Part, random: random.Random) -> tuple[tuple[str, ...], int]:
    """A model with one mistake, and the line of it in the model."""
    site = random.randrange(len(part.sites))
    number, before, after = part.sites[site]
    lines = list(part.lines)
    if kind in STATEMENTS:
        return wrong_statement(kind, part, site, random), number
    if kind == "wrong annotation":
        other = replace_channels(after, random)
        lines[number] = lines[number].rpartition(" : ")[0] + f" : {other}"
        return tuple(lines), number
    if kind == "constant of a body":
        lines[number:number] = [f"  let w = {random.choice(NOWHERE)} + 1"]
        lines[number + 1] = f"  conv 3x3, w : {after}"
        return tuple(lines), number
    first = part.sites[0][0]  # "label twice"
    last = part.sites[-1][0]
    lines[first] = (
        f"  twice: {lines[first].strip().split(': ', 1)[-1]}" if ": " in lines[first] else ""
    )
    lines[first] = f"  twice: conv 3x3, {part.sites[0][2].channels} : {part.sites[0][2]}"
    lines[last] = f"  twice: relu : {part.sites[-1][1]}"
    return tuple(lines), last


def replace_channels(shape: Shape, random: random.Random) -> Shape:
    return Shape(shape.height, shape.channels + random.choice((1, 3, 8)))


# ----------------------------------------------------------------------- judging


def draw(random: random.Random) -> tuple[str, list[Seeded]]:
    """A file with three mistakes."""
    while True:
        blocks = [block(i, random) for i in range(random.randint(2, 3))]
        models = [model(i, blocks, random) for i in range(random.randint(3, 5))]
        texts, seeded = seed([*blocks, *models], random)
        if len(seeded) == SEEDED and len({one.line for one in seeded}) == SEEDED:
            return "use std\n" + "".join("\n".join(text) + "\n\n" for text in texts), seeded


def problems_of(text: str) -> tuple[Diagnostic, ...]:
    try:
        driver.check(Source("net.cnn", text))
    except CnnError as problem:
        return problem.diagnostics
    return ()


def run(random: random.Random) -> Counter[str]:
    text, seeded = draw(random)
    missed, extra = judge(seeded, problems_of(text))
    counts = Counter({"seeded": len(seeded), "found": len(seeded) - len(missed)})
    counts["extra"] = len(extra)
    return counts


def judge(
    seeded: list[Seeded], problems: tuple[Diagnostic, ...]
) -> tuple[list[Seeded], list[Diagnostic]]:
    """The mistakes that no message is about, and the messages that are about none."""
    missed, extra = list(seeded), []
    for problem in problems:
        place = problem.place
        line = place.source.position(place.start)[0] if place is not None else 0
        own = next((one for one in missed if one.line == line), None)
        if own is None:
            extra.append(problem)
        else:
            missed.remove(own)
    return missed, extra


PROPERTY = Property(
    "semantic errors",
    "Three mistakes of meaning in a file are found on their lines, and no others are reported",
    run,
    cases=300,
    nightly=5_000,
    goals=(Goal("found", "seeded", least=1.0), Goal("extra", "seeded", most=0.0)),
)
