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
from collections.abc import Callable, Iterable

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
        (f"residual {{ conv 3x3, {c}, bn; relu }}", same),
        (f"concat {{ | conv 1x1, {n} | identity }}", Shape(h, n + c)),
        (f"add {{ | conv 3x3, {c} | identity }}", same),
        ("dwconv 3x3", same),
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


class Draft:
    """A file while its mistakes are made: definitions, and which of them are wrong already."""

    def __init__(self, parts: list[Part], random: random.Random) -> None:
        self.parts = parts
        self.random = random
        self.texts = [part.lines for part in parts]
        self.wrong: list[tuple[str, int, int]] = []  # kind, definition, line in it
        self.free = [i for i, part in enumerate(parts) if part.sites]  # right models
        random.shuffle(self.free)
        self.broken: set[str] = set()  # blocks
        self.relied: set[str] = set()  # blocks that must be right: what they give is marked wrong

    def add(self, kind: str) -> None:
        """One more mistake, if there is a place for it."""
        if kind in ITEMS:
            self._item(kind)
        elif kind == "block":
            self._block()
        elif kind == "false claim":
            self._claim()
        elif self.free:
            self._body(kind, self.free.pop())

    def start(self, part: int) -> int:
        """The number of the line that a definition begins on."""
        return 2 + sum(len(text) + 1 for text in self.texts[:part])

    def calls_all(self, lines: Iterable[str]) -> bool:
        """Whether these call every wrong block: others are not looked at."""
        lines = list(lines)
        wrong = [self.parts[part].name for kind, part, _ in self.wrong if kind == "block"]
        return all(
            any(f" {n}(" in x[1:] and not x.startswith("block") and ", stride=" in x for x in lines)
            for n in wrong
        )

    def _put(self, kind: str, part: int, line: int, *texts: str) -> None:
        """Lines in place of the first of them, `line` of the definition, where the mistake is."""
        lines = self.texts[part]
        self.texts[part] = (*lines[:line], *texts, *lines[line + 1 :])
        self.wrong.append((kind, part, line))

    def _item(self, kind: str) -> None:
        """A wrong definition of one line."""
        choice, number = self.random.choice, len(self.texts)
        models = [part.name for part in self.parts if part.sites]
        text = {
            "duplicate block": f"block {self.parts[0].name}(n) {{ conv 1x1, n }}",
            "duplicate model": f"model {choice(models)} {{ input 3; relu }}",
            "unknown import": f"use std (nothing{number})",
            "unknown base": f"model other{number} = nowhere{number}(3)",
            "constant": f"let width{number} = {choice(NOWHERE)} * 2",
        }[kind]
        self.texts.append((text,))
        self.wrong.append((kind, number, 0))
        if kind == "constant" and self.free:  # who reads it is not wrong
            part = self.free[0]
            line, _, after = self.parts[part].sites[-1]
            lines = self.texts[part]
            reader = f"  conv 3x3, width{number} : {after}"
            self.texts[part] = (*lines[:line], reader, *lines[line + 1 :])
            self.broken.add(self.parts[part].name)

    def _block(self) -> None:
        """A block that models call, once or often."""
        used = {name for part in self.parts for name in part.calls}
        used -= self.broken | self.relied
        able = [i for i, part in enumerate(self.parts) if part.name in used]
        if able:
            part = self.random.choice(able)
            lines = range(1, len(self.texts[part]) - 1)
            line = self.random.choice([i for i in lines if "let" not in self.texts[part][i]])
            text = self.random.choice(("cnov 3x3, n", "conv 3x3, nn", "conv 3x3, n, pda=1"))
            self.broken.add(self.parts[part].name)
            self._put("block", part, line, f"  {text}")

    def _claim(self) -> None:
        """A claim that is false, of a model that nothing else is wrong with."""
        able = [
            i for i in self.free if not self.broken & {*self.parts[i].calls, self.parts[i].name}
        ]
        if able:
            part = able[0]
            self.free.remove(part)
            claim = self.random.choice(("params = 1", "macs = 1", "depth = 99", "parms = 3"))
            self._put("false claim", part, len(self.texts[part]) - 1, f"  expect {claim}", "}")

    def _body(self, kind: str, part: int) -> None:
        """A statement of a model."""
        model, lines = self.parts[part], self.texts[part]
        line, before, after = self.random.choice(model.sites)
        right = lines[line].rpartition(" : ")[0]
        if kind in STATEMENTS:
            wrong = STATEMENTS[kind](before, after, self.random)
            self._put(kind, part, line, f"  {wrong} : {after}")
        elif kind == "wrong annotation":
            called = right.split(":")[-1].strip().partition("(")[0]
            if called in self.broken:
                self.free.append(part)
                return
            self.relied.add(called)
            channels = after.channels + self.random.choice((1, 3, 8))
            self._put(kind, part, line, f"{right} : {Shape(after.height, channels)}")
        elif kind == "constant of a body":
            constant = f"  let w = {self.random.choice(NOWHERE)} + 1"
            self._put(kind, part, line, constant, f"  conv 3x3, w : {after}")
        else:  # a label twice
            (first, _, made), (last, came, _) = model.sites[0], model.sites[-1]
            labelled = f"  twice: conv 3x3, {made.channels} : {made}"
            self.texts[part] = (*lines[:first], labelled, *lines[first + 1 :])
            self._put(kind, part, last, f"  twice: relu : {came}")


# ----------------------------------------------------------------------- judging


def draft(random: random.Random) -> Draft:
    """A file with three mistakes."""
    while True:
        blocks = [block(i, random) for i in range(random.randint(2, 3))]
        models = [model(i, blocks, random) for i in range(random.randint(3, 5))]
        draft = Draft([*blocks, *models], random)
        # Claims come last, when it is known what is right.
        kinds = [random.choice((*STATEMENTS, *ITEMS, *BODIES)) for _ in range(SEEDED)]
        for kind in sorted(kinds, key="false claim".__eq__):
            draft.add(kind)
        lines = (line for text in draft.texts for line in text)
        if len(draft.wrong) == SEEDED and draft.calls_all(lines):
            return draft


def written(draft: Draft) -> tuple[str, list[Seeded]]:
    """The text of a file, and the lines of its mistakes."""
    text = "use std\n" + "".join("\n".join(lines) + "\n\n" for lines in draft.texts)
    return text, [Seeded(kind, draft.start(part) + line) for kind, part, line in draft.wrong]


def problems_of(text: str) -> tuple[Diagnostic, ...]:
    try:
        driver.check(Source("net.cnn", text))
    except CnnError as problem:
        return problem.diagnostics
    return ()


def run(random: random.Random) -> Counter[str]:
    text, seeded = written(draft(random))
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
    cases=500,
    nightly=5_000,
    goals=(Goal("found", "seeded", least=1.0), Goal("extra", "seeded", most=0.0)),
)
