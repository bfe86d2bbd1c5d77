"""Mistakes of kinds that have edits: `cnnc check --fix` makes the file compile.

A file is a small spec that uses most of the language, or one that ships. One to three lines
are damaged as people damage them: a bracket is left out, a word is misspelt or is that of
another tool, a sign is the one that a word processor writes. What was there before is known, so
it is known too whether the mended text is the text that was meant.

A file is *mended* when it compiles after the edits, and *as it was* when both texts have the
same layout once they are formatted. A slip that leaves two words as near to the misspelt one is
not made: there the compiler must not choose.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path

from cnndsl import driver
from cnndsl.diagnostics import CnnError, Diagnostic, distance
from cnndsl.evaluate.functions import FUNCTIONS
from cnndsl.fixes import mend
from cnndsl.foreign import LAYERS
from cnndsl.ops import OPS
from cnndsl.printer import format_source
from cnndsl.record import Record
from cnndsl.source import Source
from tests.campaign.property import Goal, Property

SPECS = Path(__file__).parents[3] / "specs"
SHIPPED = ("alexnet", "deepface", "espcn", "fcn", "lenet", "nin", "siamese", "xception", "zfnet")
"""Those that are checked in a few hundredths of a second."""

TEMPLATES = (
    """\
use std (bottleneck)

let classes = 10

block tower(n, window = 3x3) {
  conv window, n, pad=same, bn, relu
  residual { conv 3x3, in.channels, pad=1, bn }; relu
}

model net(width = 16, depths = [1, 2]) {
  input 32x32x3
  conv1: conv 3x3, width, pad=1, bn, relu            : 32x32
  maxpool 2x2/2
  for i in 0..1 { tower(width * 2 ** i) × depths[i] }
  inception: concat {
    | conv 1x1, 8
    | conv 1x1, 4; conv 3x3, 8, pad=1
    | maxpool 3x3, pad=1; conv 1x1, 8
  }
  if width > 8 and classes > 1 { dropout 40% } else { relu }
  bottleneck(8)
  globalavgpool
  fc classes
  softmax
}

model wide = net(width=32)
""",
    """\
cnn 1
# A network with two inputs.

dialect mine = torch {
  conv: bias=true
}

block unit(n, stride = 1, at in {first, second} = first) {
  a: conv 3x3/stride, n, pad=1
  b: relu
  if at == second { lrn(5, alpha=1e-4, beta=0.75) }
}

model pair {
  source "Somebody 2016"
  left: input 20x20x1
  right: input 20x20x1
  from left
  first: unit(4, at=second)
  maxpool 2x2/2, ceil
  l: flatten
  from right
  share first
  maxpool 2x2/2
  r: flatten
  from l, r
  concat
  fc 32, relu
  head: fc 2
  expect shape(head) = 2
  expect params(head) = 66
  output head
}

model pair_mine = pair in mine
""",
)


class Kind(Record):
    """A way to damage a text.

    Arguments:
        name: what was done, as a failure says it.
        site: where it can be done; the group `it`, or all of it, is replaced.
        put: what stands there afterwards, or nothing where this damage does not fit.
    """

    name: str
    site: re.Pattern[str]
    put: Callable[[re.Match[str], random.Random], str | None]


def kind(name: str, site: str, put: str | Callable[..., str | None]) -> Kind:
    """A kind whose replacement is a text, with groups as in `re.sub`, or a function."""
    made = (lambda found, _: found.expand(put)) if isinstance(put, str) else put
    return Kind(name, re.compile(site, re.MULTILINE), made)


# ------------------------------------------------------------------------- words


def misspelt(word: str, known: tuple[str, ...], random: random.Random) -> str | None:
    """`word` with one slip, when it is still nearest to what was meant and to nothing else."""
    at = random.randrange(len(word))
    slips = [
        word[:at] + word[at + 1 :],
        word[:at] + word[at] + word[at:],
        word[:at] + random.choice("aeknrst") + word[at + 1 :],
        word[:at] + word[at : at + 2][::-1] + word[at + 2 :],
    ]
    slip = random.choice(slips)
    if slip in known or not re.fullmatch(r"[A-Za-z_]\w*", slip) or len(word) < 4:
        return None
    near = sorted((distance(slip, other), abs(len(slip) - len(other)), other) for other in known)
    return slip if near[0][2] == word and near[0][:2] != near[1][:2] else None


_NAME = re.compile(r"[A-Za-z_]\w*")


def typo(known: Callable[[re.Match[str]], object]) -> Callable[..., str | None]:
    """A slip in a word, among those that can stand there and all that the text defines."""

    def put(found: re.Match[str], random: random.Random) -> str | None:
        others = {*known(found), *_NAME.findall(found.string), *STANDARD}  # type: ignore[misc]
        return misspelt(found["it"], tuple(sorted(others)), random)

    return put


def operators(_: re.Match[str]) -> set[str]:
    return {*OPS, *FUNCTIONS, "residual"}


def foreign(found: re.Match[str], random: random.Random) -> str | None:
    """What another tool calls an operator."""
    names = sorted(name for name, layer in LAYERS.items() if layer.word == found["it"])
    return random.choice(names) if names else None


STANDARD = ("bottleneck", "basic", "se", "inverted")
_OPS = "|".join(sorted(OPS, key=len, reverse=True))
_LAYER = r"\b(?:conv|dwconv|maxpool|avgpool|conv:|pool:) (?:[^(|;\n]*, )?"
_START = r"(?:^ *|[;|{:] +)"

MISTAKES = (1, 1, 1, 2, 3)
"""How many a text has."""

KINDS = (
    kind("operator misspelt", rf"{_START}(?P<it>{_OPS})\b(?![:=])", typo(operators)),
    kind("post-operator misspelt", r", (?P<it>bn|relu|softmax|lrn|hswish)\b", typo(operators)),
    kind("operator of another tool", rf"{_START}(?P<it>{_OPS})\b(?![:=])", foreign),
    kind("block misspelt", r"^ +(?P<it>tower|unit|bottleneck)\b(?=\()", typo(operators)),
    kind("argument misspelt", r"\b(?P<it>stride|width|window|depths)(?==)(?! )", typo(operators)),
    kind("argument of another tool", rf"{_LAYER}(?P<it>pad)(?==)", "padding"),
    kind("argument of another tool", rf"{_LAYER}(?P<it>bias)(?==)", "use_bias"),
    kind("argument of another tool", rf"{_LAYER}(?P<it>(\d)x\2(?=, \d+\b))", r"kernel_size=\2"),
    kind("argument of another tool", rf"{_LAYER}\dx\d(?P<it>/(\d)(, \d+)\b)", r"\3, stride=\2"),
    kind("argument of another tool", rf"{_LAYER}[\dx/]+, (?P<it>(\d+)(?=[,\n]))", r"filters=\2"),
    kind("argument of another tool", r"(?<=\bfc )(\d+)", r"units=\1"),
    kind("argument of another tool", r"(?<=\bconv )(?=\dx)", "in_channels=3, "),
    kind("flag misspelt", r", (?P<it>ceil|floor)\b", typo(operators)),
    kind("choice misspelt", r"\bat=(?P<it>second)\b", typo(lambda _: ("first",))),
    kind("label misspelt", r"\b(?:from|share|output) (?P<it>\w{4,})$", typo(operators)),
    kind("label misspelt in a claim", r"\b(?:shape|params)\((?P<it>\w{4,})\)", typo(operators)),
    kind("claim misspelt", r"\bexpect (?P<it>\w{4,})", typo(lambda _: ("shape", "params", "macs"))),
    kind(
        "dialect misspelt", r"\b(?:in|=) (?P<it>torch|keras|caffe|mine)(?= \{|$)", typo(operators)
    ),
    kind("model misspelt", r"^model \w+ = (?P<it>\w{4,})", typo(operators)),
    kind("constant misspelt", r"\bfc (?P<it>classes)\b", typo(operators)),
    kind(
        "`use` misspelt",
        r"^use (?P<it>std)\b",
        lambda found, random: random.choice(("sdt", "stdd")),
    ),
    kind("`use` forgotten", r"^use std.*\n", ""),
    kind("reserved word", r"^( +)(?=conv \d)", r"\1let then = 3\n\1"),
    # ----------------------------------------------------------------------- signs
    kind("comma forgotten", r"(?<=[\w\])]), (?=[\d\"\[])", " "),
    kind("comma forgotten in parentheses", r"(?<=\w), (?=\w+=[^()\n]*\))", " "),
    kind("semicolon forgotten", r"; (?=relu\n)", " "),
    kind("`)` forgotten", r"\)(?= *\n)", ""),
    kind("`]` forgotten", r"\](?=[)\s])", ""),
    kind("`}` forgotten", r"^( *)\}\n(?=\n|\1\w)", ""),
    kind("`{` forgotten", r"(?<=\w|\)) \{(?=\n)", ""),
    kind("`)` too many", r"(?<=\))(?=\n)", ")"),
    kind("`]` too many", r"(?<=\d)(?=\n)", "]"),
    kind("`]` for `)`", r"\)(?=\n| \{)", "]"),
    kind("`)` for `]`", r"\](?=\))", ")"),
    kind("`{` on the next line", r" \{\n( *)(?=[^\s|])", r"\n\1{\n\1"),
    kind("space after a call", r"(?<=tower|.unit)\((?=[^()]+,[^()]*\))", " ("),
    kind("colon with spaces", r"^( +\w+): (?=\w+ [^{])", r"\1 : "),
    kind("size without colon", r" : (?=\d+x\d+x\d+$)", " "),
    kind("`*` for `×`", r"(?<=\)) × ", " * "),
    kind("`x3` for `× 3`", r"(?<=\)) × (\d+)$", r" x\1"),
    kind("`=` for `==`", r"(?<=[\w]) == (?=\w)", " = "),
    kind("`:` for `=`", r"(?<=\w)=(?=\w+\))", ": "),
    kind("`&&` for `and`", r" and ", " && "),
    kind("first `|` forgotten", r"(?<=concat \{\n)( +)\| ", r"\1"),
    kind("constant without `let`", r"^let (?=\w+ = )", ""),
    # ------------------------------------------------------------------ characters
    kind("dash", r"(?<=[\w)]) ?- ?(?=\w)", "–"),
    kind("full-width comma", r", ", "，"),
    kind("full-width bracket", r"(?<=\w)\((?=\w)", "（"),
    kind("full-width colon", r"(?<=\w): (?=\w)", "： "),
    kind("middle dot", r" \* (?=\w)", " · "),
    kind("no-break space", r"(?<=\w) (?=\w)", "\N{NO-BREAK SPACE}"),
    kind("zero-width space", r"(?<=,)(?= \w)", "\N{ZERO WIDTH SPACE}"),
    kind("byte order mark", r"(?<=\n)(?=model)", "\ufeff"),
    kind("curly quotes", r'"([^"\n]+)"', r"“\1”"),
    kind("single quotes", r'"([^"\'\n]+)"', r"'\1'"),
    kind("string not closed", r'(?<=\w)"(?=\n)', ""),
    kind("comment of another language", r"^#(?= )", "//"),
    # --------------------------------------------------------------------- numbers
    kind("leading zero", r"(?<=[ (,])(?=[1-9]\d*[,)\n])", "0"),
    kind("no digit before the point", r"\b0(?=\.\d)", ""),
    kind("no digit behind the point", r"(?<=[ ,(]\d)(?=[,)\n])", "."),
    kind("capital X", r"(?<=\d)x(?=\d)", "X"),
)


# ------------------------------------------------------------------------- judging


class Spec(Record):
    """A text without errors, and how it is formatted."""

    name: str
    text: str
    formatted: str


@cache
def specs() -> tuple[Spec, ...]:
    shipped = {name: (SPECS / f"{name}.cnn").read_text(encoding="utf-8") for name in SHIPPED}
    texts = {f"template {at}": text for at, text in enumerate(TEMPLATES)} | shipped
    for name, text in texts.items():
        assert not errors(found((Source(name, text),))), name
    return tuple(Spec(name, text, formatted(text) or "") for name, text in texts.items())


def formatted(text: str) -> str | None:
    """The text in the one layout, which two texts of the same tree share."""
    try:
        return format_source(Source("net.cnn", text))
    except CnnError:
        return None


def found(sources: tuple[Source, ...]) -> list[Diagnostic]:
    """What is wrong with a text."""
    try:
        return [warning for one in driver.check(sources[0]) for warning in one.diagnostics]
    except CnnError as problem:
        return list(problem.diagnostics)


def errors(problems: Iterable[Diagnostic]) -> list[Diagnostic]:
    return [problem for problem in problems if problem.is_error]


def damaged(spec: Spec, text: str, done: Sequence[str], random: random.Random) -> tuple[str, str]:
    """The text with a mistake in a line that has none yet, and what was done.

    One brace at most is damaged: who loses both has written something else.
    """
    whole = set(spec.text.split("\n"))
    kinds = [kind for kind in KINDS if not (_BRACES & {kind.name} and _BRACES & {*done})]
    while True:
        kind = random.choice(kinds)
        hidden = [quoted.span() for quoted in _QUOTED.finditer(text)]
        sites = [
            site
            for site in kind.site.finditer(text)
            if not any(start < site.start() < end - 1 for start, end in hidden)
            and line_of(text, site.start()) in whole
        ]
        if not sites:
            continue
        site = random.choice(sites)
        put = kind.put(site, random)
        if put is not None:
            start, end = site.span("it" if "it" in site.re.groupindex else 0)
            return text[:start] + put + text[end:], kind.name


_BRACES = {"`{` forgotten", "`}` forgotten", "`{` on the next line"}
_QUOTED = re.compile(r'"[^"\n]*"|#[^\n]*')


def line_of(text: str, at: int) -> str:
    end = text.find("\n", at)
    return text[text.rfind("\n", 0, at) + 1 : end if end >= 0 else len(text)]


def run(random: random.Random) -> dict[str, int]:
    spec = random.choice(specs())
    text, done = spec.text, []
    for _ in range(random.choice(MISTAKES)):
        text, what = damaged(spec, text, done, random)
        done.append(what)
    source = Source("net.cnn", text)
    mended = mend((source,), found)
    if not mended.applied and not errors(mended.diagnostics):
        return {"harmless": 1}
    result = mended.sources[0].text
    said = f"{', '.join(done)} in {spec.name}:\n{changed(spec.text, text)}"
    left = "\n".join(f"{one.code}: {one.message}" for one in errors(mended.diagnostics))
    assert not left, f"{said}\nafter the edits\n{changed(spec.text, result)}\n{left}"
    return {"mended": 1, "as it was": formatted(result) == spec.formatted}


def changed(old: str, new: str) -> str:
    """The lines that differ."""
    from difflib import unified_diff

    lines = unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=0)
    return "\n".join(line for line in lines if line[:3] not in ("---", "+++") and line[:2] != "@@")


PROPERTY = Property(
    name="fixes",
    claim="a file with one to three mistakes that have edits compiles after `cnnc check --fix`",
    run=run,
    cases=300,
    nightly=5_000,
    goals=(Goal("as it was", "mended", least=0.95),),
)
