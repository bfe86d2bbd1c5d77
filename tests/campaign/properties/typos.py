"""One wrong letter in one word: the message names the word that was meant.

A word of the language (an operator, an argument, a block of the standard library, a dialect, a
rule, a statement's word) gets a letter too many, too few, another one, or two in the wrong order,
unless that is a word as well. The first suggestion must be the word. A word that has nothing to do
with the language stands in its place in every fifth case; then a suggestion is noise.
"""

from __future__ import annotations

import random
import re
import string
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from cnndsl import driver
from cnndsl.diagnostics import CnnError, Diagnostic
from cnndsl.foreign import LAYERS
from cnndsl.ops import OPS
from cnndsl.record import Record
from cnndsl.source import Source
from tests.campaign.property import Goal, Property

SPECS = Path(__file__).parents[3] / "specs"
LETTERS = string.ascii_lowercase + "_"
SUGGESTED = re.compile(r"did you mean `([^`]*)`|write `([^`]*)`")

# Words of other trades, and some of ours that mean nothing in a `.cnn` text.
UNRELATED = """
    attention banana bicycle branch budget butter camera candle carpet castle chapter coffee
    cousin desert doctor donkey dragon elephant embedding engine epoch family fabric feather
    forest garden gradient guitar hammer harvest hospital island jacket journey kitchen ladder
    lemon library lobster market memory mirror monkey morning mountain museum needle novel ocean
    octopus optimizer orange oxygen painter paper parrot pencil pepper piano picture pillow planet
    pocket potato puzzle quarter rabbit recipe recurrent river saddle scheduler school season
    shadow silver soldier spider station statue street student sugar summer tailor teacher temple
    ticket tiger tokenizer tomato tractor transformer tunnel turtle umbrella valley velvet village
    violin volcano wagon weather whistle window winter wizard yellow zebra accuracy batch learner
"""


class Place(Record):
    """A text with a gap `?` for a word, and the words that may stand there."""

    name: str
    text: str
    words: tuple[str, ...]


def model(*statements: str) -> str:
    body = "\n".join(f"  {statement}" for statement in statements)
    return f"use std\nmodel net {{\n  input 32x32x16\n{body}\n}}\n"


@cache
def places() -> tuple[Place, ...]:
    """Every word of the language in its surroundings."""
    return (
        Place("operator", model("?"), tuple(sorted(set(OPS) - set(JOINS)))),
        Place("join", model("? { | identity | identity }"), JOINS),
        Place("post-operator", model("conv 3x3, 64, ?"), POSTS),
        *_arguments(),
        Place("block", model("?(64)"), tuple(_defined("std", "block"))),
        Place("dialect", model("relu") + "model other = net in ?\n",
              tuple(_defined("std", "dialect"))),
        Place("rule", model("relu") + "model other = net with ?\n",
              tuple(_defined("rules", "rule"))),
        *(Place("word", text, (word,)) for word, text in WORDS.items()),
    )  # fmt: skip


JOINS = ("add", "concat", "mul", "sub")
POSTS = ("relu", "relu6", "leakyrelu", "silu", "hswish", "sigmoid", "dropout")
WORDS = {
    "input": "model net {\n  ? 32x32x3\n}\n",
    "from": model("a: relu", "? a"),
    "share": model("a: relu", "? a"),
    "output": model("a: relu", "? a"),
    "default": model("? conv: relu"),
    "stage": model("? body { relu }"),
    "expect": model("? params = 0"),
    "source": model('? "He et al. 2016"'),
    "let": model("? k = 3"),
    "for": model("? i in 0..4 { relu }"),
    "residual": model("? { relu }"),
    "block": "? unit(n) { relu }\n" + model("relu"),
    "model": "? other { input 3; relu }\n" + model("relu"),
    "dialect": "? mine = torch { conv: pad=half }\n" + model("relu"),
    "rule": "? mine { relu => identity }\n" + model("relu"),
    "use": '? std\nmodel net { input 3; relu }\n',
}  # fmt: skip


def _arguments() -> Iterator[Place]:
    for word, cls in OPS.items():
        if cls.fields:
            yield Place("argument", model(f"{word} ?=1"), tuple(cls.fields))


def _defined(folder: str, item: str) -> Iterator[str]:
    for path in sorted((SPECS / folder).glob("*.cnn")):
        yield from re.findall(rf"^{item} (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)


@cache
def known() -> frozenset[str]:
    """Words that are right somewhere: a typo that makes one of them is none."""
    return frozenset(word for place in places() for word in place.words) | set(LAYERS)


def misspelt(word: str, random: random.Random) -> str:
    """The word with one edit."""
    while True:
        at = random.randrange(len(word))
        letter = random.choice(LETTERS)
        typo = random.choice(
            [
                word[:at] + letter + word[at:],
                word[:at] + word[at + 1 :],
                word[:at] + letter + word[at + 1 :],
                word[:at] + word[at : at + 2][::-1] + word[at + 2 :],
            ]
        )
        if typo not in known() and re.fullmatch(r"[a-z_]\w*", typo):
            return typo


def problems_of(text: str) -> tuple[Diagnostic, ...]:
    try:
        driver.check(Source("net.cnn", text))
    except CnnError as problem:
        return problem.diagnostics
    return ()


def suggestion(text: str) -> str | None:
    """The first word that the messages suggest."""
    for problem in problems_of(text):
        for help in problem.help:
            if found := SUGGESTED.search(help.text):
                return found[1] or found[2]
    return None


def draw(random: random.Random) -> tuple[Place, str]:
    """A place by its kind, so that rare kinds are tried as well, and a word for it."""
    kinds = sorted({place.name for place in places()})
    weights = [sum(len(p.words) for p in places() if p.name == kind) for kind in kinds]
    kind = random.choices(kinds, weights)[0]
    place = random.choice([place for place in places() if place.name == kind])
    return place, random.choice(place.words)


def run(random: random.Random) -> Counter[str]:
    place, word = draw(random)
    if random.random() < 0.2:
        other = random.choice(UNRELATED.split())
        shown = suggestion(place.text.replace("?", other))
        return Counter({"unrelated": 1, "noise": shown is not None})
    typo = misspelt(word, random)
    shown = suggestion(place.text.replace("?", typo))
    return Counter({"typos": 1, "right first": shown == word})


PROPERTY = Property(
    "typos",
    "One wrong letter in a word of the language: the first suggestion is the word; none is made "
    "for unrelated words",
    run,
    cases=2_000,
    nightly=20_000,
    goals=(Goal("right first", "typos", least=0.97), Goal("noise", "unrelated", most=0.05)),
)
