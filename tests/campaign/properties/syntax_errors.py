"""Five syntax errors in one file: each is found on its line, and nothing else is.

A file is a shipped spec, or items of several, of 20 to 200 lines. Five statements of it are
damaged, each in one way that no `.cnn` text can have: an empty argument, a bracket without
its partner, a number with a leading zero. That a text is damaged follows from what was done to
it; the parser is not asked. Damages keep the number of lines, no two touch a line, and in an item
one brace at most is damaged, as two that were added or deleted can make a pair.

A damage is *found* if a message of its own marks its line, or, for a bracket, the line of its
partner. Every message beyond one for each damage is *extra*: it was caused by a damage that
another message is about, or by none.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path

from cnndsl.diagnostics import Diagnostic
from cnndsl.parser import parse
from cnndsl.record import Record, replace
from cnndsl.source import Source
from tests.campaign.property import Goal, Property

SPECS = Path(__file__).parents[3] / "specs"
SEEDED = 5
FEWEST, MOST = 20, 200  # lines of a file

_WORD = re.compile(
    r'(?P<comment>#[^\n]*)|(?P<string>"[^"\n]*")|(?P<newline>\n)'
    r"|(?P<label>[A-Za-z0-9_]+(?:\{[^{}\n]*\}[A-Za-z0-9_]*)*(?:,[ ]*\w+)*:(?=[ ]))"
    r"|(?P<template>\w+(?:\{[^{}\s\"][^{}\n]*\}\w*)+)"
    r"|(?P<size>\d+(?:[x×]\d+)+\b)|(?P<number>\d[\d_]*(?:\.\d+)?(?:e-?\d+)?[%KMG]?(?!\w))"
    r"|(?P<name>\w+)|(?P<sign>\.\.|=>|->|\*\*|[=!<>]=|[^\s\w])"
)
_OPENING = {"(": ")", "[": "]", "{": "}"}
_VALUES = ("name", "number", "size", "string", "template")
_GLUE = frozenset(("if", "else", "and", "or", "not", "in", "then", "x", "true", "false"))
_ITEMS = frozenset(("block", "model", "dialect", "rule", "use", "let", "cnn"))
_CLAUSES = frozenset(("when", "keeps", "weights", "transform"))


class Word(Record):
    """A word or sign of a file.

    Arguments:
        kind, text, start: what stands where.
        line: its number, from 1.
        braces, brackets: how many are open around it.
        partner: the number of the word that closes it, or that it closes; -1 for others.
    """

    kind: str
    text: str
    start: int
    line: int
    braces: int
    brackets: int
    partner: int = -1

    @property
    def end(self) -> int:
        return self.start + len(self.text)


class Damage(Record):
    """What was done.

    Arguments:
        kind: the name of the damage.
        start, end, text: `text` now stands at `start:end`.
        lines: on which it may be found.
        statement: the lines of the statement, where brackets hold it together.
        item: the item whose braces do not match any more, by the number of its first word.
    """

    kind: str
    start: int
    end: int
    text: str
    lines: tuple[int, ...]
    statement: range
    item: int | None


class Text(Record):
    """A text with its words, and the numbers of those in each line.

    Arguments:
        text: all of it.
        words: without comments and the ends of lines.
        lines: numbers of words, by line.
    """

    text: str
    words: tuple[Word, ...]
    lines: tuple[tuple[int, ...], ...]

    def near(self, at: int) -> Near:
        """Word `at` with its surroundings."""
        return Near(self, at)


NOTHING = Word("", "", 0, 0, 0, 0)


class Near:
    """A word of a text, with what is around it."""

    def __init__(self, text: Text, at: int) -> None:
        self.text = text
        self.at = at
        self.word = text.words[at]
        self.line = text.lines[self.word.line]

    def step(self, by: int) -> Word:
        """The word so many further on the same line, or an empty one."""
        at = self.at + by
        return self.text.words[at] if self.line[0] <= at <= self.line[-1] else NOTHING

    @property
    def before(self) -> Word:
        return self.step(-1)

    @property
    def after(self) -> Word:
        return self.step(1)

    @property
    def statement(self) -> list[Word]:
        """The words of the statement, or of the part of it that is on this line, up to here."""
        words: list[Word] = []
        for at in range(self.at - 1, self.line[0] - 1, -1):
            word = self.text.words[at]
            ends = word.text in (";", "|", "{", "}", "=>") and not word.brackets
            if ends or word.kind == "label":
                break
            words.insert(0, word)
        return words

    @property
    def item(self) -> int:
        """The number of the word that begins the item."""
        at = self.at
        while at and (self.text.words[at].braces or self.text.words[at].text not in _ITEMS):
            at -= 1
        return at

    @property
    def kind_of_item(self) -> str:
        return self.text.words[self.item].text

    @property
    def whole(self) -> range:
        """The lines of the statement."""
        first = last = self.word.line
        while any(self.text.words[at].brackets for at in self.text.lines[first][:1]):
            first -= 1
        lines = self.text.lines
        while last + 1 < len(lines) and any(
            self.text.words[at].brackets for at in lines[last + 1][:1]
        ):
            last += 1
        return range(first, last + 2)

    @property
    def begins(self) -> bool:
        """Whether the word begins a statement or an item."""
        return not self.word.brackets and (
            self.before is NOTHING or self.before.text in (";", "|", "{")
        )

    @property
    def is_plain(self) -> bool:
        """Whether the line is one statement of a body, whole and without brackets across lines."""
        words = [self.text.words[at] for at in self.line]
        inside = words[0].braces > 0 and not words[0].brackets
        own = all(
            self.line[0] <= word.partner <= self.line[-1] or word.partner < 0 for word in words
        )
        return inside and own and not any(w.text in ("{", "}", "|", ";", "=>") for w in words)

    @property
    def rest(self) -> list[Word]:
        """The words behind it on its line."""
        return [self.text.words[at] for at in self.line if at > self.at]

    def put(self, text: str, *, end: Word | None = None) -> Edit:
        """Write `text` in place of the word, or of all from it to the word `end`."""
        return self.word.start, (end or self.word).end, text

    def add(self, text: str) -> Edit:
        """Write `text` behind the word."""
        return self.word.end, self.word.end, text

    def add_before(self, text: str) -> Edit:
        return self.word.start, self.word.start, text


Edit = tuple[int, int, str]


def words_of(text: str) -> Iterator[Word]:
    """The words of a valid text."""
    line, braces, brackets = 1, 0, 0
    for found in _WORD.finditer(text):
        kind, word = found.lastgroup or "", found[0]
        if kind == "newline":
            line += 1
        elif kind != "comment":
            braces -= word == "}"
            brackets -= word in (")", "]")
            yield Word(kind, word, found.start(), line, braces, brackets)
            braces += word == "{"
            brackets += word in ("(", "[")


def read(text: str) -> Text:
    """A text and its words, each bracket with its partner."""
    words = list(words_of(text))
    opened: list[int] = []
    lines: list[list[int]] = [[] for _ in range(text.count("\n") + 2)]
    for at, word in enumerate(words):
        lines[word.line].append(at)
        if word.text in _OPENING:
            opened.append(at)
        elif word.text in _OPENING.values():
            other = opened.pop()
            words[at] = replace(word, partner=other)
            words[other] = replace(words[other], partner=at)
    return Text(text, tuple(words), tuple(map(tuple, lines)))


# ------------------------------------------------------------------- damages
# Each takes a word and gives an edit that makes the text invalid, or None where it would not.

DAMAGES: dict[str, Callable[[Near, random.Random], Edit | None]] = {}


def damage(
    make: Callable[[Near, random.Random], Edit | None],
) -> Callable[[Near, random.Random], Edit | None]:
    """Register a way to damage a text under its name."""
    DAMAGES[make.__name__.replace("_", " ")] = make
    return make


@damage
def doubled_comma(near: Near, random: random.Random) -> Edit | None:
    return near.add(random.choice([",", " ,"])) if near.word.text == "," else None


@damage
def comma_at_the_end(near: Near, random: random.Random) -> Edit | None:
    ends = not near.rest and not near.word.brackets and near.kind_of_item != "model"
    return near.add(",") if ends and _is_value(near.word) and near.statement else None


@damage
def doubled_sign(near: Near, random: random.Random) -> Edit | None:
    signs = ("=", "×", "+", "*", "→", "..", "/", "==", "=>")
    return near.add(f" {near.word.text}") if near.word.text in signs else None


@damage
def opening_bracket_deleted(near: Near, random: random.Random) -> Edit | None:
    return near.put("") if near.word.text in ("(", "[") else None


@damage
def closing_bracket_deleted(near: Near, random: random.Random) -> Edit | None:
    return near.put("") if near.word.text in (")", "]") else None


@damage
def opening_brace_deleted(near: Near, random: random.Random) -> Edit | None:
    return near.put("") if near.word.text == "{" else None


@damage
def closing_brace_deleted(near: Near, random: random.Random) -> Edit | None:
    return near.put("") if near.word.text == "}" else None


@damage
def extra_opening_bracket(near: Near, random: random.Random) -> Edit | None:
    return near.add_before(random.choice("([")) if _is_value(near.word) else None


@damage
def extra_closing_bracket(near: Near, random: random.Random) -> Edit | None:
    return near.add(random.choice(")]")) if _is_value(near.word) else None


@damage
def extra_opening_brace(near: Near, random: random.Random) -> Edit | None:
    return near.add(" {") if not near.rest and near.is_plain else None


@damage
def extra_closing_brace(near: Near, random: random.Random) -> Edit | None:
    return near.add(" }") if not near.rest and near.is_plain else None


@damage
def comma_deleted(near: Near, random: random.Random) -> Edit | None:
    between = _is_value(near.before) and _is_value(near.after)
    return near.put("") if near.word.text == "," and between else None


@damage
def semicolon_deleted(near: Near, random: random.Random) -> Edit | None:
    """Of `relu; bn` would stay a word with an argument, so the first one has arguments."""
    between = _is_value(near.before) and near.after.kind in ("name", "size")
    fits = between and near.after.text not in _GLUE and len(near.statement) > 1
    return near.put("") if near.word.text == ";" and fits else None


@damage
def stray_character(near: Near, random: random.Random) -> Edit | None:
    return near.add_before(random.choice(["$", "@ ", "~", "^ ", "\\ ", "` ", "' ", "€ "]))


@damage
def look_alike_sign(near: Near, random: random.Random) -> Edit | None:
    twin = _LOOK_ALIKE.get(near.word.text)
    return near.put(twin) if twin else None


@damage
def look_alike_letter(near: Near, random: random.Random) -> Edit | None:
    letters = {"a": "а", "e": "е", "o": "о", "c": "с", "p": "р"}
    text = near.word.text
    places = [i for i, letter in enumerate(text) if letter in letters]
    if near.word.kind != "name" or not places:
        return None
    i = random.choice(places)
    return near.put(text[:i] + letters[text[i]] + text[i + 1 :])


@damage
def open_string(near: Near, random: random.Random) -> Edit | None:
    end = near.word.end
    line_rest = near.text.text[end:].split("\n", 1)[0]
    alone = near.word.kind == "string" and '"' not in line_rest
    return near.put(near.word.text[:-1]) if alone else None


@damage
def lone_quote(near: Near, random: random.Random) -> Edit | None:
    own = near.text.text.split("\n")[near.word.line - 1]
    plain = '"' not in own and near.is_plain and not near.word.brackets
    return near.add_before('"') if plain and _is_value(near.word) and near.statement else None


@damage
def bad_number(near: Near, random: random.Random) -> Edit | None:
    text = near.word.text
    if near.word.kind == "size" and "x" in text:
        return near.put(text.replace("x", "X"))
    around = near.before.text in ("..", ".") or near.after.text in ("..", ".")
    if near.word.kind != "number" or not text.isdigit() or around:
        return None
    return near.put(random.choice(["0" + text, text + ".", text + ".5.1", "." + text]))


@damage
def reserved_word_as_name(near: Near, random: random.Random) -> Edit | None:
    word = random.choice(["if", "and", "or", "not", "in", "then", "true", "false"])
    if near.word.kind == "label" and near.begins and near.kind_of_item not in ("dialect", "rule"):
        return near.put(f"{word}:") if "," not in near.word.text else None
    return near.put(word) if _is_defined(near) else None


@damage
def name_deleted(near: Near, random: random.Random) -> Edit | None:
    refers = near.step(-2) is NOTHING and near.before.text in ("from", "share", "expect", "use")
    return near.put("") if _is_defined(near) or (refers and near.word.kind == "name") else None


@damage
def another_language(near: Near, random: random.Random) -> Edit | None:
    if not near.is_plain or near.at != near.line[0]:
        return None
    texts = _FOREIGN if near.kind_of_item != "rule" else _FOREIGN_STATEMENTS
    return near.put(random.choice(texts), end=(near.rest or [near.word])[-1])


@damage
def foreign_sign(near: Near, random: random.Random) -> Edit | None:
    if near.word.text == "=" and near.word.brackets and near.before.kind == "name":
        return near.put(": ")
    sign = {"and": "&&", "or": "||", "not": "! "}.get(near.word.text)
    return near.put(sign) if sign else None


@damage
def detached_label(near: Near, random: random.Random) -> Edit | None:
    """Of `a : relu` would stay a layer `a` with the size `relu`."""
    return near.put(near.word.text[:-1] + " :") if _is_label(near) else None


@damage
def label_without_colon(near: Near, random: random.Random) -> Edit | None:
    return near.put(near.word.text[:-1]) if _is_label(near) else None


@damage
def label_alone(near: Near, random: random.Random) -> Edit | None:
    if not _is_label(near) or not near.is_plain:
        return None
    return near.put(near.word.text, end=near.rest[-1])


@damage
def doubled_colon(near: Near, random: random.Random) -> Edit | None:
    colon = near.word.text == ":" or (near.word.kind == "label" and near.begins)
    return near.add(":") if colon else None


@damage
def size_without_colon(near: Near, random: random.Random) -> Edit | None:
    has_arguments = len(near.statement) > 1 and _is_value(near.before)
    fits = near.word.text == ":" and near.after.kind == "size" and has_arguments
    return near.put("") if fits else None


@damage
def size_deleted(near: Near, random: random.Random) -> Edit | None:
    fits = near.word.text == ":" and near.rest and near.rest[-1] is near.after
    return near.put(":", end=near.after) if fits else None


@damage
def misspelt_item(near: Near, random: random.Random) -> Edit | None:
    text = near.word.text
    if near.word.braces or not near.begins or text not in _ITEMS - {"cnn"}:
        return None
    return near.put(random.choice([text[:-1], text.upper(), text.capitalize(), text + "s", "fun"]))


@damage
def header_without_in(near: Near, random: random.Random) -> Edit | None:
    return near.put("") if near.word.text == "in" and near.step(-2).text == "for" else None


@damage
def header_without_value(near: Near, random: random.Random) -> Edit | None:
    """`if { }`, `for i in { }`"""
    opens = [word for word in near.rest if word.text == "{"]
    starts = near.word.text == "if" or (near.word.text == "in" and near.step(-2).text == "for")
    if not starts or not opens or near.word.brackets or near.after.text == "{":
        return None
    last = next(a for a, b in zip(near.rest, near.rest[1:], strict=False) if b is opens[0])
    return near.put(near.word.text + " ", end=last)


@damage
def equals_in_a_condition(near: Near, random: random.Random) -> Edit | None:
    asks = near.statement and near.statement[0].text in ("if", "when")
    return near.put("=") if asks and near.word.text == "==" and not near.word.brackets else None


@damage
def other_implication(near: Near, random: random.Random) -> Edit | None:
    return near.put(random.choice(["->", "=", "==>"])) if near.word.text == "=>" else None


@damage
def clause_without_value(near: Near, random: random.Random) -> Edit | None:
    starts = near.word.text in _CLAUSES and near.at == near.line[0] and near.word.braces
    return near.put(near.word.text, end=near.rest[-1]) if starts and near.is_plain else None


@damage
def claim_without_value(near: Near, random: random.Random) -> Edit | None:
    claims = near.statement and near.statement[0].text == "expect" and not near.word.brackets
    if not claims or near.word.text not in ("=", ">=", "<="):
        return None
    if random.random() < 0.5:
        return near.put("")
    return near.put(near.word.text, end=near.rest[-1]) if near.is_plain else None


@damage
def operand_deleted(near: Near, random: random.Random) -> Edit | None:
    alone = near.after is NOTHING or near.after.text in (",", ")", "]", ";", "}")
    follows = near.before.text in ("+", "*", "/", "×", "=", "==", "**", "→")
    return near.put("") if follows and alone and _is_value(near.word) else None


@damage
def doubled_bar(near: Near, random: random.Random) -> Edit | None:
    return near.add(" |") if near.word.text == "|" else None


@damage
def else_deleted(near: Near, random: random.Random) -> Edit | None:
    fits = near.word.text == "else" and near.after.text == "{"
    return near.put("") if fits and near.before.text == "}" else None


@damage
def let_deleted(near: Near, random: random.Random) -> Edit | None:
    if near.word.text != "let" or not near.begins:
        return None
    return near.word.start, near.after.start, ""


def _is_value(word: Word) -> bool:
    return word.text in (")", "]") or (word.kind in _VALUES and word.text not in _GLUE)


def _is_defined(near: Near) -> bool:
    """Whether this is the name that an item, a loop or a stage gives."""
    opening = near.before
    defines = opening.text in ("block", "model", "dialect", "rule", "let", "for", "stage")
    before = near.step(-2)
    begins = before is NOTHING or before.text in (";", "|", "{")
    return defines and begins and near.word.kind == "name" and not opening.brackets


def _is_label(near: Near) -> bool:
    """Whether this labels an operator with arguments."""
    alone = near.word.kind == "label" and near.begins and "," not in near.word.text
    values = near.step(2).kind in ("size", "number") and near.after.kind == "name"
    return alone and values and near.kind_of_item not in ("dialect", "rule")


_LOOK_ALIKE = {
    ",": "，", "×": "✕", "-": "–", "(": "（", ")": "）", "=": "＝", "→": "➔", "{": "｛",
    "|": "｜", ";": "；", "/": "∕", "*": "·", "[": "［", "]": "］",
}  # fmt: skip
_FOREIGN_STATEMENTS = (
    "x = Conv2d(64, 3)",
    "x = self.conv1(x)",
    "y += x",
    "- conv: 64",
    "nn.Conv2d(3, 64, kernel_size=3)",
    "x = x.view(-1, 10)",
    "self.pool = nn.MaxPool2d(2, 2)",
    "x = F.relu(self.bn1(self.conv1(x)))",
    "for i in range(3):",
    "while True:",
    "def forward(self, x):",
    'layer { name: "conv1" }',
    '"conv1": {"filters": 64}',
    "conv(3x3, 64) -> relu",
    "64 -> 128",
)
_FOREIGN = (*_FOREIGN_STATEMENTS, "// a comment")  # which leaves nothing: a rule's side is one line


# --------------------------------------------------------------------- files


@cache
def items() -> tuple[tuple[str, ...], ...]:
    """The items of each shipped spec, with the comments and blank lines before them."""
    files = []
    for path in sorted(SPECS.rglob("*.cnn")):
        text = path.read_text(encoding="utf-8").replace("cnn 1\n", "", 1)
        starts = [word.start for word in words_of(text) if _begins_item(word, text)]
        ends = [*starts[1:], len(text)]
        files.append(tuple(text[a:b] for a, b in zip([0, *starts[1:]], ends, strict=True)))
    return tuple(files)


def _begins_item(word: Word, text: str) -> bool:
    at_line_start = word.start == 0 or text[word.start - 1] == "\n"
    return at_line_start and not word.braces and not word.brackets and word.text in _ITEMS


def draw_text(random: random.Random) -> str:
    """A spec, or some items of several, of 20 to 200 lines."""
    while True:
        if random.random() < 0.4:
            chosen = list(random.choice(items()))
        else:
            chosen = [random.choice(random.choice(items())) for _ in range(random.randint(2, 25))]
        text = "\n".join(chosen)
        if FEWEST <= text.count("\n") <= MOST:
            return text


def draw_damage(text: Text, random: random.Random) -> Damage | None:
    """A damage of a kind drawn first, so that rare kinds are as frequent as others."""
    kind = random.choice(list(DAMAGES))
    places = random.sample(range(len(text.words)), len(text.words))
    for at in places:
        near = text.near(at)
        edit = DAMAGES[kind](near, random)
        if edit is not None:
            item = near.item if "brace" in kind else None
            return Damage(kind, *edit, _lines(text, near.word, kind), near.whole, item)
    return None


def _lines(text: Text, word: Word, kind: str) -> tuple[int, ...]:
    """The line of a word, and that of the bracket that lost its partner."""
    alone = word.partner < 0 or not kind.endswith("deleted")
    return (word.line,) if alone else (word.line, text.words[word.partner].line)


def seed(text: Text, random: random.Random) -> list[Damage]:
    """Damages on lines of their own, and of one brace in each item: two could make a pair."""
    found: list[Damage] = []
    for _ in range(50 * SEEDED):
        new = draw_damage(text, random)
        if new is not None and not any(_touches(new, old) for old in found):
            found.append(new)
        if len(found) == SEEDED:
            break
    return found


def _touches(one: Damage, other: Damage) -> bool:
    same_item = one.item is not None and one.item == other.item
    mine, others = {*one.lines, *one.statement}, {*other.lines, *other.statement}
    return same_item or not mine.isdisjoint(others)


def damaged(text: str, damages: Sequence[Damage]) -> str:
    for done in sorted(damages, key=lambda done: -done.start):
        text = text[: done.start] + done.text + text[done.end :]
    return text


# -------------------------------------------------------------------- judging


def lines_of(problem: Diagnostic) -> list[int]:
    """The lines that a message marks, the most important first."""
    return [label.span.source.position(label.span.start)[0] for label in problem.labels]


def judge(
    damages: Sequence[Damage], problems: Sequence[Diagnostic]
) -> tuple[list[Damage], list[Diagnostic]]:
    """The damages that no message is about, and the messages that are about none.

    A message is first tried by its place, then by its other marks.
    """
    missed, left = list(damages), list(problems)
    for depth in (1, None):
        extra = []
        for problem in left:
            marked = lines_of(problem)[:depth]
            own = next((d for d in missed if set(d.lines) & set(marked)), None)
            if own is None:
                extra.append(problem)
            else:
                missed.remove(own)
        left = extra
    return missed, left


def run(random: random.Random) -> Counter[str]:
    text = read(draw_text(random))
    damages = seed(text, random)
    _, problems = parse(Source("net.cnn", damaged(text.text, damages)))
    missed, extra = judge(damages, problems)
    counts = Counter({"seeded": len(damages), "found": len(damages) - len(missed)})
    counts["extra"] = len(extra)
    return counts


PROPERTY = Property(
    "syntax errors",
    "Five syntax errors in a file are found on their lines, and no others are reported",
    run,
    cases=500,
    nightly=5_000,
    goals=(Goal("found", "seeded", least=0.99), Goal("extra", "seeded", most=0)),
)
