"""What to say about a token that does not fit.

`explain` asks a list of functions, each for one mistake that people make; the
first one that recognises its mistake answers. The last one says what may stand
here, in the words of `HUMAN`.
"""

from __future__ import annotations

import re

from .diagnostics import Diagnostic, Fix, Help, error
from .record import Record
from .scanner import (
    CLAUSE_WORDS,
    EXPRESSION_WORDS,
    LATER_WORDS,
    OPERAND_ENDS,
    STATEMENT_WORDS,
    Token,
)
from .source import Source, Span
from .tree import reserved

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Explanation(Record):
    """A diagnostic, and how much of the text it speaks for.

    `foreign` is set where one message covers the statements that follow, as for text
    of another language; `skips_body` when the statement's `{ }` is not ours;
    `misses_bar` when the statement is a branch without its `|`.
    """

    diagnostic: Diagnostic
    foreign: bool = False
    skips_body: bool = False
    misses_bar: bool = False


class Unexpected:
    """Token `at` of a statement that begins with token `first` and is in `depth` bodies."""

    def __init__(
        self,
        source: Source,
        tokens: list[Token],
        at: int,
        first: int,
        expected: set[str],
        depth: int,
    ) -> None:
        self.source = source
        self.tokens = tokens
        self.at = at
        self.first = first
        self.expected = expected
        self.depth = depth
        self.kind, self.text, self.start, self.end = tokens[at]
        self.before = tokens[at - 1] if at > 0 else ("", "", 0, 0)
        self.after = tokens[min(at + 1, len(tokens) - 1)]
        self.opening = tokens[first]
        if self.kind == "_WINDOW":  # has no text of its own
            self.text, self.start, self.end = self.after[1:]

    @property
    def is_first(self) -> bool:
        return self.at == self.first

    @property
    def span(self) -> Span:
        """The token, or the place behind the one before when it has no text to show."""
        if self.kind in ("_SEP", "$END") or self.start == self.end or self.is_cut_short:
            return Span(self.source, self.before[3], self.before[3])
        return Span(self.source, self.start, self.end)

    @property
    def is_cut_short(self) -> bool:
        """Whether the line ended where a value had to follow: no separator is kept there."""
        ends = self.kind in ("BAR", "IMPLIES", "RBRACE", "ELSE") and "_SEP" not in self.expected
        return ends and "\n" in self.source.text[self.before[3] : self.start]

    @property
    def rule(self) -> list[Token]:
        """The tokens of the rule that the statement stands in directly, up to this one."""
        start = self.at
        while self.depth == 1 and start > 0:
            start -= 1
            if self.tokens[start][0] in _ITEMS:
                break
        return self.tokens[start : self.at] if self.tokens[start][0] == "RULE" else []

    @property
    def in_header(self) -> bool:
        """Whether the statement is a model, before its body."""
        return self.opening[0] == "MODEL" and self.depth == 0

    def since(self, kind: str) -> bool:
        """Whether a token of this kind is in the statement, before this one."""
        return any(token[0] == kind for token in self.tokens[self.first : self.at])

    @property
    def line(self) -> str:
        """The statement's text up to the end of its line."""
        start, text = self.opening[2], self.source.text
        end = text.find("\n", start)
        return text[start : end if end >= 0 else len(text)]

    @property
    def has_sides(self) -> bool:
        """Whether that text looks like the sides of a rule."""
        return "=>" in self.line or "⇒" in self.line

    def error(self, code: str, message: str, label: str = "", *help: Help | str) -> Explanation:
        return Explanation(error(code, message, self.span, label, help=help))

    def fix(self, sentence: str, text: str, start: int = -1, end: int = -1) -> Help:
        """Replace the token, or the given range, by `text`."""
        start, end = (self.start, self.end) if start < 0 else (start, end)
        return Help(sentence, Fix(Span(self.source, start, end), text))


_ITEMS = frozenset(("BLOCK", "MODEL", "DIALECT", "RULE"))


def explain(found: Unexpected) -> Explanation:
    """The message for a token that does not fit."""
    for mistake in _MISTAKES:
        explanation = mistake(found)
        if explanation is not None:
            return explanation
    words = in_words(found.expected)
    return found.error("E0101", _message(found), f"expected {words}" if words else "")


def _message(found: Unexpected) -> str:
    text = found.before[1]
    after = f" after `{text}`" if text.strip("\r\n;") and not found.is_first else ""
    if found.kind == "$END":
        return f"the text ends too early{after}"
    if found.kind == "_SEP" or found.is_cut_short:
        return f"this statement ends too early{after}"
    if found.kind == "RBRACE" and not found.text:
        return f"this body ends too early{after}"
    return f"unexpected `{found.text}`{after}"


# -------------------------------------------------------------- what may stand

_VALUE = "a value"
_OPERATOR = "an operator"
_STATEMENT = "a statement"
_CLAUSE = "a clause such as `keeps shape`"

HUMAN = {
    "AND": _OPERATOR,
    "ARROW": "`→`",
    "AT": "`at`",
    "BAR": "`|` and another branch",
    "BLOCK": "`block`",
    "CNN": "`cnn`",
    "COLON": "`:`",
    "COMMA": "`,`",
    "COMPARE": "a comparison",
    "DEFAULT": _STATEMENT,
    "DIALECT": "`dialect`",
    "DIMS": _VALUE,
    "DOT": _OPERATOR,
    "ELSE": "`else`",
    "EQUAL": "`=`",
    "EXPECT": _STATEMENT,
    "FALSE": _VALUE,
    "FOR": _STATEMENT,
    "FROM": _STATEMENT,
    "IF": "`if`",
    "IMPLIES": "`=>`",
    "IN": "`in`",
    "INPUT": _STATEMENT,
    "INTNAME": "a label such as `3a`",
    "KEEPS": _CLAUSE,
    "LABEL": "a label such as `3a:`",
    "LBRACE": "`{`",
    "LET": "`let`",
    "LPAR": "`(`",
    "LSQB": "`[`",
    "MINUS": _OPERATOR,
    "MODEL": "`model`",
    "NAME": "a name",
    "NOT": _VALUE,
    "NUMBER": "a number",
    "OR": _OPERATOR,
    "OUTPUT": _STATEMENT,
    "PERCENT": _OPERATOR,
    "PLUS": _OPERATOR,
    "PLUSMINUS": "a tolerance such as `±1%`",
    "POWER": _OPERATOR,
    "RANGE": _OPERATOR,
    "RBRACE": "`}`",
    "RPAR": "`)`",
    "RULE": "`rule`",
    "RSQB": "`]`",
    "SHARE": "`share`",
    "SLASH": _OPERATOR,
    "SOURCE": _STATEMENT,
    "STAGE": _STATEMENT,
    "STAR": _OPERATOR,
    "STRING": "a text in double quotes",
    "TEMPLATE": "a label such as `d{i}`",
    "THEN": "`then`",
    "TIMES": "`×`",
    "TRANSFORM": _CLAUSE,
    "TRUE": _VALUE,
    "USE": "`use`",
    "WEIGHTS": _CLAUSE,
    "WHEN": _CLAUSE,
    "WITH": "`with`",
    "$END": "the end of the file",
    "_CALL": "`(`",
    "_CHOICES": "`{` and the choices",
    "_CHOICES_END": "`}`",
    "_EACH": "`|` and another branch",
    "_SEP": "the end of the line",
    "_WHEN": "`|` and another branch",
    "_WINDOW": _STATEMENT,
}
"""What each kind of token is called in messages."""

_VALUES = frozenset(("DIMS", "FALSE", "INTNAME", "LPAR", "LSQB", "MINUS", "NAME", "NOT"))
_VALUES |= {"NUMBER", "STRING", "TEMPLATE", "TRUE", "_CALL"}
_BINARY = frozenset(("AND", "ARROW", "COMPARE", "DOT", "IF", "IN", "LSQB", "MINUS", "OR"))
_BINARY |= {"PERCENT", "PLUS", "POWER", "RANGE", "SLASH", "STAR", "THEN", "TIMES"}
_STATEMENTS = frozenset(("DEFAULT", "EXPECT", "FOR", "FROM", "IF", "INPUT", "LABEL", "LBRACE"))
_STATEMENTS |= {"LET", "NAME", "OUTPUT", "SHARE", "SOURCE", "STAGE", "_EACH", "_WHEN", "_WINDOW"}
_REFS = frozenset(("NAME", "INTNAME", "TEMPLATE"))

_CLAUSES = frozenset(CLAUSE_WORDS.values())

# If the first kind is expected, all of the set are, and one phrase says it.
_GROUPS = (
    ("STAGE", _STATEMENTS, _STATEMENT),
    ("NUMBER", _VALUES, _VALUE),
    ("STAR", _BINARY, _OPERATOR),
    ("TEMPLATE", _REFS, "a name or a label"),
)
# Said last, and not at all when there is more to say.
_ENDS = ("_SEP", "RBRACE", "BAR", "$END")


def in_words(kinds: Iterable[str]) -> str:
    """What may stand here, for people: `a value, `,` or the end of the line`."""
    left = set(kinds)
    phrases = []
    for sign, group, phrase in _GROUPS:
        if sign in left and (sign != "NUMBER" or "DIMS" in left):
            left -= group
            phrases.append(phrase)
    if len(left & _BINARY) > 2:
        left -= _BINARY
        phrases.append("another operator")
    if "_SEP" in left:
        left -= _CLAUSES  # they begin the next line
    ends = [kind for kind in _ENDS if kind in left][:1]
    rest = sorted(left.difference(_ENDS), key=lambda kind: (HUMAN[kind][0] == "`", HUMAN[kind]))
    phrases += [HUMAN[kind] for kind in (*rest, *ends)]
    phrases = list(dict.fromkeys(phrases))
    return " or ".join([", ".join(phrases[:-1]), phrases[-1]] if len(phrases) > 1 else phrases)


# ------------------------------------------------------------ words as names

_DEFINERS = _ITEMS | {"LET", "FOR", "STAGE", "_CHOICES"}
_LISTS_OF_NAMES = frozenset(("BLOCK", "MODEL", "RULE", "LET", "USE"))


def _later(found: Unexpected) -> Explanation | None:
    """`train ...`"""
    if found.text not in LATER_WORDS or found.kind != LATER_WORDS[found.text]:
        return None
    known = found.error(
        "E0106",
        f"`{found.text}` is reserved for a later edition of the language",
        "",
        "leave it out" if found.is_first else f"call it `{found.text}_`",
    )
    return Explanation(known.diagnostic, skips_body=True)


def _reserved_name(found: Unexpected) -> Explanation | None:
    """`block if(n) { }`, `let then = 3`"""
    if found.text not in EXPRESSION_WORDS or "NAME" not in found.expected:
        return None
    in_a_list = found.opening[0] in _LISTS_OF_NAMES and "NUMBER" not in found.expected
    if found.before[0] not in _DEFINERS and not in_a_list:
        return None
    return Explanation(reserved(found.text, found.span))


def _nested_item(found: Unexpected) -> Explanation | None:
    """`block` inside a body"""
    if found.depth == 0 or found.kind not in _ITEMS | {"USE"} or not found.is_first:
        return None
    nested = found.error(
        "E0101",
        f"`{found.text}` cannot stand in a body",
        "",
        "move it to the top level of the file",
    )
    return Explanation(nested.diagnostic, skips_body=found.kind == "RULE")


# -------------------------------------------------------------------- rules

_LIKE_IMPLIES = frozenset(("ARROW", "EQUAL", "COMPARE"))


def _other_arrow(found: Unexpected) -> Explanation | None:
    """`conv 5x5, n -> conv 3x3, n` in a rule that has no `=>`"""
    rule = found.rule
    if not rule or found.opening[0] in _CLAUSES or any(token[0] == "IMPLIES" for token in rule):
        return None
    sign = found.tokens[found.at] if found.kind in _LIKE_IMPLIES else None
    depth = 0
    for token in found.tokens[found.first : found.at]:
        depth += (token[0] in ("LPAR", "LSQB", "_CALL")) - (token[0] in ("RPAR", "RSQB"))
        if token[0] == "ARROW" and depth == 0:
            sign = token
    if sign is None:
        return None
    fix = found.fix("write `=>`", "=>", *sign[2:])
    place = Span(found.source, *sign[2:])
    return Explanation(error("E0101", "the sides of a rule are joined by `=>`", place, help=[fix]))


def _misplaced_implies(found: Unexpected) -> Explanation | None:
    """`=>` behind a clause, or in a body that is no rule"""
    if found.kind != "IMPLIES":
        return None
    if found.opening[0] in _CLAUSES:
        return _clauses_first(found)
    return found.error("E0101", "only a rule has sides joined by `=>`", "", _BRACES)


def _rule_without_brace(found: Unexpected) -> Explanation | None:
    """`rule a conv k, n => relu`"""
    if found.opening[0] != "RULE" or found.depth or "{" in found.line or not found.has_sides:
        return None
    return found.error("E0101", "the `{` of this rule is missing", "", _BRACES)


_BRACES = "the sides of a rule stand in braces: `rule name { relu => identity }`"


def _clauses_first(found: Unexpected) -> Explanation:
    message = "the sides of a rule come before its clauses"
    help = "write `when`, `keeps` and `weights` after what replaces the left side"
    return Explanation(found.error("E0101", message, "", help).diagnostic, foreign=True)


def _statement_after_clauses(found: Unexpected) -> Explanation | None:
    if not found.is_first or "KEEPS" not in found.expected or "STAGE" in found.expected:
        return None
    return None if found.kind in ("RBRACE", "$END", "BAD") else _clauses_first(found)


def _clause_in_line(found: Unexpected) -> Explanation | None:
    """`relu => identity when k > 1`"""
    if not found.rule or found.is_first:
        return None
    for at in (found.at, found.at - 1):
        kind, word, start, end = found.tokens[at]
        if kind == "NAME" and word in CLAUSE_WORDS and at > found.first:
            before = found.tokens[at - 1][3]
            help = found.fix("a clause begins with `;` or a new line", ";", before, before)
            place = Span(found.source, start, end)
            message = f"`;` is missing before `{word}`"
            return Explanation(error("E0108", message, place, help=[help]))
    return None


def _clause_with_colon(found: Unexpected) -> Explanation | None:
    """`when: k > 1`"""
    kind, word, start, end = found.opening
    if not found.rule or kind != "LABEL" or word not in CLAUSE_WORDS:
        return None
    fix = found.fix(f"write `{word}`", "", end, end + 1)
    place = Span(found.source, start, end + 1)
    return Explanation(error("E0101", f"`{word}` is followed by no `:`", place, help=[fix]))


def _if_as_clause(found: Unexpected) -> Explanation | None:
    """`if k > 1`, without a body"""
    if not found.rule or found.opening[0] != "IF" or "LBRACE" not in found.expected:
        return None
    fix = found.fix("write `when`", "when", *found.opening[2:])
    place = Span(found.source, *found.opening[2:])
    message = "the condition of a rule begins with `when`"
    return Explanation(error("E0101", message, place, help=[fix]))


def _clause_outside(found: Unexpected) -> Explanation | None:
    """`when k > 1 { relu }` in a body, `keeps shape` at the top level"""
    word = found.opening[1]
    if found.opening[0] != "NAME" or word not in CLAUSE_WORDS or found.rule:
        return None
    if found.depth and (word != "when" or found.kind != "LBRACE"):
        return None
    place = Span(found.source, *found.opening[2:])
    help: Help | str = "it stands in the braces of one: `rule name { ... => ...; when k > 1 }`"
    if found.depth:
        help = found.fix("in a body a condition is written `if`", "if", *found.opening[2:])
    return Explanation(error("E0101", f"`{word}` is a clause of a rule", place, help=[help]))


def _note_after_kinds(found: Unexpected) -> Explanation | None:
    """`rule a exact "He et al."`"""
    if found.kind != "STRING" or found.opening[0] != "RULE" or found.depth:
        return None
    sentence = 'write it behind the name: `rule fold_bn "Ioffe and Szegedy 2015" exact { ... }`'
    kind, _, start, _ = found.tokens[found.first + 2]
    help = Help(sentence)
    if kind == "NAME":
        right = f"{found.text} {found.source.text[start : found.before[3]]}"
        help = found.fix(sentence, right, start, found.end)
    return found.error("E0101", "the source of a rule comes before its kinds", "", help)


def _rules_of_a_body(found: Unexpected) -> Explanation | None:
    """`model m with factor_5x5 { relu }`"""
    if not found.in_header or found.text != "with" or "WITH" in found.expected:
        return None
    help = "write a variant: `model name = base with rule`"
    return found.error("E0101", "only a variant is rewritten by rules", "", help)


def _place_without_rule(found: Unexpected) -> Explanation | None:
    """`model v = m at conv2_x`"""
    if not found.in_header or found.text != "at" or "WITH" not in found.expected:
        return None
    help = "a place follows a rule: `with factor_5x5 at conv2_x`"
    return found.error("E0101", f"{_message(found)}: there is no rule here", "", help)


def _late_dialect(found: Unexpected) -> Explanation | None:
    """`model v = m with factor_5x5 in keras`"""
    if not found.in_header or found.kind != "IN" or not found.since("WITH"):
        return None
    start = next(t[2] for t in found.tokens[found.first : found.at] if t[0] == "WITH")
    end = found.before[3]
    right = f"in {found.after[1]} {found.source.text[start:end]}"
    fix = found.fix("write `model name = base in keras with rule`", right, start, found.after[3])
    return found.error("E0101", "the dialect comes before `with`", "", fix)


def _spaced_argument(found: Unexpected) -> Explanation | None:
    """`model v = m with asym 7`"""
    is_argument = found.kind in ("NUMBER", "DIMS") and "_CALL" in found.expected
    if not found.in_header or not is_argument or not found.since("WITH"):
        return None
    place = found.before[3], found.end
    fix = found.fix("write its arguments in parentheses", f"({found.text})", *place)
    return found.error("E0101", _message(found), "", fix)


def _unquoted_place(found: Unexpected) -> Explanation | None:
    """`model v = m with asym(7) at 3a, 4a..4e`, `... at conv2_x.unit`, `... at unit*`"""
    if not found.in_header or not found.since("AT"):
        return None
    if found.kind in _REFS and found.before[0] == "COMMA":
        help = _in_quotes(found, 'several places stand in quotes: `at "3a, 4a..4e"`')
        return found.error("E0101", f"`{found.text}` is no rule", "", help)
    if found.kind not in ("DOT", "STAR"):
        return None
    help = _in_quotes(found, 'a place with dots or `*` stands in quotes: `at "conv2_x.unit*"`')
    return found.error("E0101", _message(found), "", help)


def _in_quotes(found: Unexpected, sentence: str) -> Help:
    """The edit that puts what follows `at` on the line in quotes."""
    start = next(t[3] for t in reversed(found.tokens[: found.at]) if t[0] == "AT")
    place = re.compile(r"[ \t]*([^\n{#\"]*[^\s{#\"])").match(found.source.text, start)
    if place is None:
        return Help(sentence)
    return found.fix(sentence, f'"{place[1]}"', *place.span(1))


def _with_on_next_line(found: Unexpected) -> Explanation | None:
    """`with` or `{` below the variant that it belongs to"""
    if found.depth or not found.is_first or found.text not in ("with", "{"):
        return None
    at = found.first - 2
    while at > 0 and found.tokens[at][0] not in ("MODEL", "_SEP", "RBRACE"):
        at -= 1
    if at < 0 or found.tokens[at][0] != "MODEL":
        return None
    fix = found.fix("write it here", " ", found.tokens[found.first - 1][2], found.start)
    message = f"`{found.text}` belongs on the line of its variant"
    below = found.error("E0101", message, "", fix)
    return Explanation(below.diagnostic, foreign=found.text == "{")


# ------------------------------------------------------------ other languages

_PYTHON = re.compile(r"(?:def|class|async|with|try|elif|while|lambda|import|return|print|@)\b")
_PYTHON_IMPORT = re.compile(r"from\s+[\w.]+\s+import\b")
_PYTHON_BODY = re.compile(r"(?:if|for|else|elif|while|def|class|with|try)\b.*:\s*(?:#.*)?$")
_ASSIGNMENT = re.compile(
    r"(?:[\w.]+\s*,\s*)*(?:\w+\.)*(\w+)(?:\[[^\]]*\])?\s*[-+*/:]?=(?![=>])\s*(\S.*)?"
)
_PROTOTXT = re.compile(r"(?:layers?|input_param|param|net|transform_param)\s*:?\s*\{")
_PROTOTXT_FIELD = re.compile(r'\w+\s*:\s*"')
_JSON = re.compile(r'"[^"]*"\s*:')
_YAML = re.compile(r"-\s+[\w\"'\[]|---")
_YAML_KEY = re.compile(r"[\w-]+\s*:\s*$")


def _foreign(found: Unexpected) -> Explanation | None:
    """Python, prototxt or YAML"""
    line = found.line.rstrip()
    says = _foreign_help(found, line)
    if says is None:
        return None
    language, help = says
    message = f"this is {language}, not `.cnn`"
    span = Span(found.source, found.opening[2], found.opening[2] + len(line))
    diagnostic = error("E0109", message, span, help=[help])
    return Explanation(diagnostic, foreign=True, skips_body=language in ("prototxt", "JSON"))


def _foreign_help(found: Unexpected, line: str) -> tuple[str, str] | None:
    if _PYTHON_IMPORT.match(line) or line.startswith("import "):
        return "Python", 'write `use std`, or `use "./blocks.cnn" (name)`'
    if re.match(r"(?:def|class)[ \t]+\w", line):
        return "Python", "a block is written `block name(parameters) { ... }`"
    if _PYTHON_BODY.match(line):
        return "Python", "write the body in braces: `{ ... }`"
    if _PROTOTXT.match(line) or (found.depth == 0 and _PROTOTXT_FIELD.match(line)):
        return "prototxt", "a layer is one statement: `conv1: conv 7x7/2, 64`"
    if _PYTHON.match(line) and found.depth == 0:
        return "Python", "a network is written `model name { ... }`"
    if _JSON.match(line):
        return "JSON", "a layer is one statement: `conv1: conv 7x7/2, 64`"
    if found.is_first and found.kind == "MINUS" and _YAML.match(line):
        return "YAML", "write the statements below each other, without dashes"
    if found.depth == 0 and _YAML_KEY.match(line):
        return "YAML", "a network is written `model name { ... }`"
    return None


def _assignment(found: Unexpected) -> Explanation | None:
    """`x = Conv2d(3, 64)`"""
    if found.opening[0] != "NAME" or found.at - found.first > 12:
        return None
    if found.kind not in ("EQUAL", "DOT", "COMMA", "LSQB") and not found.is_first:
        return None
    line = found.line.rstrip()
    match = _ASSIGNMENT.match(line)
    if not match:
        return None
    name, value = match[1], (match[2] or "3").split("#")[0].rstrip()
    is_call = re.match(r"[\w.]+\(", value) is not None
    message = "there is no assignment here" if is_call else "a constant needs `let`"
    start = found.opening[2]
    help = Help(f"a constant is written `let {name} = {value}`")
    if match[2] and not is_call and found.opening[1] == name:
        help = found.fix(help.text, "let ", start, start)
    if is_call:
        help = _labelled(found, name, start + match.start(2))
    span = Span(found.source, found.opening[2], found.opening[2] + len(line))
    is_indented = found.source.position(found.opening[2])[1] > 1
    outside = found.depth == 0 and (is_call or is_indented)
    return Explanation(error("E0109", message, span, help=[help]), foreign=outside)


def _labelled(found: Unexpected, name: str, start: int) -> Help:
    """The statement that `name = call(...)` is here."""
    from .foreign import call_at, translated

    call = call_at(found.source.text, start)
    same = translated(*call[:2]) if call else None
    if call is None or same is None:
        return Help(f"a label names the value of a statement: `{name}: conv 3x3, 64`")
    place = Span(found.source, found.opening[2], call[2])
    return Help("the same layer in this language", Fix(place, f"{name}: {same}", safe=False))


def _foreign_layer(found: Unexpected) -> Explanation | None:
    """`nn.Conv2d(3, 64, 3)`, `Conv2D(64, (3, 3))`"""
    from .foreign import LAYERS, call_at, layer_help

    start, text = found.opening[2], found.source.text
    call = call_at(text, start) if found.opening[0] == "NAME" else None
    if call is None or not (call[0] == found.opening[1] or "." in text[start : call[2]]):
        return None
    name, _, end = call
    if found.start > end or name.islower():
        return None
    at = text.index(name, start)
    help = layer_help(Span(found.source, at, at + len(name)))
    if help.fix is not None:
        help = Help(
            help.text, Fix(Span(found.source, start, help.fix.span.end), help.fix.text, False)
        )
    message = f"`{name}` of {LAYERS[name].tool} is `{LAYERS[name].word}` here"
    return Explanation(error("E0109", message, Span(found.source, start, end), help=[help]))


# -------------------------------------------------------------- forgotten signs

_STARTS_OF_VALUES = frozenset(("NAME", "INTNAME", "NUMBER", "DIMS", "TEMPLATE", "STRING"))
_STARTS_OF_VALUES |= {"TRUE", "FALSE", "LPAR"}
_BEGINNINGS = frozenset(("NAME", "DIMS", "LABEL", "LBRACE"))
_TIMES_WORD = re.compile(r"x(\d+)")


def _repeat(found: Unexpected) -> Explanation | None:
    """`unit(64) * 3`, `unit(64) x3`"""
    if "TIMES" not in found.expected or found.before[0] not in ("RPAR", "RBRACE"):
        return None
    written = _TIMES_WORD.fullmatch(found.text)
    if written:
        return found.error(
            "E0101",
            f"unexpected `{found.text}` after `{found.before[1]}`",
            "",
            found.fix(f"a repeat is written `× {written[1]}`", f"× {written[1]}"),
        )
    if found.kind != "STAR":
        return None
    help = found.fix("a repeat is written with `×`, or `x` between spaces", "×")
    return found.error("E0101", "a statement is not repeated with `*`", "", help)


def _repeat_of_bare(found: Unexpected) -> Explanation | None:
    """`relu × 3`: only what has parentheses or a body is repeated"""
    if found.kind != "TIMES" or found.at - found.first < 1 or "NUMBER" not in found.expected:
        return None
    name = found.before
    if name[0] != "NAME":
        return None
    help = found.fix(f"write `{name[1]}() × ...`", "()", name[3], name[3])
    return found.error("E0101", "only calls with `( )` and bodies are repeated", "", help)


def _output_size(found: Unexpected) -> Explanation | None:
    """`conv 3x3, 64   28x28x64`"""
    if found.kind != "DIMS" or "COLON" not in found.expected or found.text.count("x") < 2:
        return None
    return found.error(
        "E0108",
        f"a `:` is missing before `{found.text}`",
        "",
        found.fix("the output size follows a `:`", ": " + found.text),
    )


def _missing_separator(found: Unexpected) -> Explanation | None:
    """`conv 3x3 64`, `relu } conv`"""
    if found.is_first or found.before[0] not in OPERAND_ENDS or found.opening[0] == "CNN":
        return None
    begins = found.kind in _BEGINNINGS or found.text in STATEMENT_WORDS
    if not begins and found.kind not in _STARTS_OF_VALUES:
        return None
    signs = []
    if "COMMA" in found.expected and found.kind in _STARTS_OF_VALUES:
        signs.append("`,`")
    if "_SEP" in found.expected and begins:
        signs.append("`;`")
    if found.opening[0] == "DEFAULT" and "COLON" in found.expected:
        signs = ["`:`"]
    if not signs:
        return None
    between = f"between `{found.before[1]}` and `{found.text}`"
    return found.error(
        "E0108", f"{' or '.join(signs)} is missing {between}", "", _separators(found, signs)
    )


def _separators(found: Unexpected, signs: list[str]) -> Help:
    place = found.before[3]
    if len(signs) == 2:
        return Help("arguments are separated by `,`, statements by `;` or a new line")
    if signs == ["`;`"]:
        sentence = "start a new line, or write `;` between the statements"
        return Help(sentence) if found.kind == "LBRACE" else found.fix(sentence, ";", place, place)
    if signs == ["`:`"]:
        return found.fix("the operations follow a `:`", ":", place, place)
    return found.fix("add the comma", ",", place, place)


def _spaced_call(found: Unexpected) -> Explanation | None:
    """`inception (64, 32)`"""
    if found.kind not in ("COMMA", "EQUAL") or "RPAR" not in found.expected | {"EQUAL"}:
        return None
    depth = 0
    for at in range(found.at - 1, found.first, -1):
        kind = found.tokens[at][0]
        depth += (kind == "RPAR") - (kind in ("LPAR", "_CALL"))
        if depth < 0:
            name, bracket = found.tokens[at - 1], found.tokens[at]
            if kind != "LPAR" or name[0] != "NAME":
                return None
            fix = found.fix(f"write `{name[1]}(`", "", name[3], bracket[2])
            return found.error(
                "E0101",
                f"{_message(found)}: with a space before `(` this is one value",
                "",
                fix,
            )
    return None


def _brace_on_next_line(found: Unexpected) -> Explanation | None:
    if found.kind != "_SEP" or found.after[0] != "LBRACE" or "LBRACE" not in found.expected:
        return None
    return found.error(
        "E0101",
        "the `{` belongs on this line",
        "",
        found.fix("write it here", " ", found.before[3], found.after[2]),
    )


def _branches_on_next_line(found: Unexpected) -> Explanation | None:
    """`concat`, and `{ | a | b }` below it"""
    if found.kind != "BAR" or found.at < 3:
        return None
    word, end, brace = found.tokens[found.at - 3 : found.at]
    if (word[0], end[0], brace[0]) != ("NAME", "_SEP", "LBRACE"):
        return None
    fix = found.fix("write it there", " ", word[3], brace[2])
    place = Span(found.source, brace[2], brace[3])
    message = f"the `{{` belongs on the line of `{word[1]}`"
    return Explanation(error("E0101", message, place, help=[fix]))


# ------------------------------------------------------------- wrong places


def _label_alone(found: Unexpected) -> Explanation | None:
    """`3a:` and nothing else"""
    if found.before[0] != "LABEL" or found.kind not in ("_SEP", "$END", "RBRACE", "BAR"):
        return None
    word, start, end = found.before[1:]
    return Explanation(
        error(
            "E0101",
            f"the label `{word}` has no statement",
            Span(found.source, start, end),
            help=["write the statement that it names on the same line"],
        )
    )


def _label_of_nothing(found: Unexpected) -> Explanation | None:
    """`a: if x { }`"""
    if found.before[0] != "LABEL":
        return None
    if "STAGE" in found.expected or "NAME" not in found.expected:
        return None
    return found.error(
        "E0101",
        f"`{found.text}` cannot have a label",
        "",
        "a label names the value of a layer, a call, a body, `share` or `input`",
    )


def _attached_brace(found: Unexpected) -> Explanation | None:
    """`a: concat{...}`"""
    if found.kind != "TEMPLATE" or found.before[0] != "LABEL":
        return None
    brace = found.start + found.text.index("{")
    fix = found.fix("write a space before `{`", " ", brace, brace)
    return found.error("E0101", f"unexpected `{found.text}`", "", fix)


def _detached_label(found: Unexpected) -> Explanation | None:
    """`conv1 : conv 3x3, 64`"""
    first, colon = found.opening, found.tokens[min(found.first + 1, len(found.tokens) - 1)]
    if first[0] not in _REFS or colon[0] != "COLON" or found.at - found.first > 3:
        return None
    if found.kind in ("_SEP", "$END", "LBRACE", "RBRACE", "BAR"):
        return None
    fix = found.fix(f"write `{first[1]}:` without a space", "", first[3], colon[2])
    return Explanation(
        error(
            "E0101",
            "a label's colon follows it directly",
            Span(found.source, first[2], colon[3]),
            help=[fix],
        )
    )


def _outside(found: Unexpected) -> Explanation | None:
    """`conv 3x3, 64` at the top level"""
    if found.depth or not found.is_first or "MODEL" not in found.expected:
        return None
    begins = found.kind in ("NAME", "LABEL", "_WINDOW", "LBRACE")
    if not begins and found.text not in STATEMENT_WORDS:
        return None
    text = found.text or found.after[1]
    help = "write it in the body of one: `model name { ... }`"
    if found.has_sides:
        help = "write it in a rule: `rule name { ... => ... }`"
    message = f"`{text}` stands outside of any model or block"
    outside = found.error("E0101", message, "", help)
    return Explanation(outside.diagnostic, foreign=True)


def _first_branch(found: Unexpected) -> Explanation | None:
    """`concat { a | b }`"""
    if found.kind != "BAR" or found.depth == 0 or found.is_cut_short:
        return None
    help = Help("each branch begins with `|`, the first one too: `concat { | a | b }`")
    if (start := _begin_of_body(found)) is not None:
        help = found.fix(help.text, "| ", start, start)
    return found.error("E0101", f"{_message(found)}: this body has no branches", "", help)


def _begin_of_body(found: Unexpected) -> int | None:
    """Where the body begins that the token is in."""
    depth = 0
    for at in range(found.at - 1, -1, -1):
        kind = found.tokens[at][0]
        depth += (kind == "RBRACE") - (kind == "LBRACE")
        if depth < 0:
            inside = (token for token in found.tokens[at + 1 : found.at] if token[0] != "_SEP")
            return next((token[2] for token in inside), None)
    return None


def _bar(found: Unexpected) -> Explanation | None:
    """`concat { for i in 0..4 { | a }; b }`"""
    if not found.is_first or "_EACH" not in found.expected or "NAME" in found.expected:
        return None
    if found.kind in ("RBRACE", "ELSE", "$END", "BAD"):
        return None
    fix = found.fix("write it", "| ", found.start, found.start)
    missing = found.error("E0101", "the `|` before this branch is missing", "", fix)
    return Explanation(missing.diagnostic, misses_bar=True)


def _nothing_joins(found: Unexpected) -> Explanation | None:
    """`for i in 0..4 { | a }` in a body"""
    if found.kind not in ("_EACH", "_WHEN"):
        return None
    alone = found.error(
        "E0101",
        f"the branches of this `{found.text}` are joined by nothing",
        "",
        f"put it into a join: `concat {{ {found.text} ... {{ | a }} }}`",
    )
    return Explanation(alone.diagnostic, skips_body=True)


def _else(found: Unexpected) -> Explanation | None:
    if found.kind != "ELSE" or "SLASH" in found.expected or "NUMBER" in found.expected:
        return None
    return found.error(
        "E0101", "this `else` belongs to no `if`", "", "`else` follows the `}` of an `if`"
    )


def _comparison(found: Unexpected) -> Explanation | None:
    """`0 < n < 3`"""
    if found.kind != "COMPARE" or "AND" not in found.expected or "COMPARE" in found.expected:
        return None
    help = Help("compare two values at a time: `a < b and b < c`")
    if found.before[0] in ("NAME", "NUMBER") and found.tokens[found.at - 2][0] == "COMPARE":
        end = found.before[3]
        help = found.fix(help.text, f" and {found.before[1]}", end, end)
    return found.error("E0101", "comparisons cannot be chained", "", help)


def _equals(found: Unexpected) -> Explanation | None:
    """`if n = 3 { }`"""
    is_condition = found.opening[0] in ("IF", "_WHEN", "WHEN") and "AND" in found.expected
    if found.kind != "EQUAL" or not is_condition:
        return None
    return found.error("E0101", "a comparison is written `==`", "", found.fix("write `==`", "=="))


def _keyword_colon(found: Unexpected) -> Explanation | None:
    """`conv(pad: 1)`"""
    if found.kind != "COLON" or found.before[0] != "NAME" or "RPAR" not in found.expected:
        return None
    name = found.before
    fix = found.fix(f"write `{name[1]}=`", "=", name[3], found.after[2])
    return found.error("E0101", "an argument's value follows `=`, not `:`", "", fix)


_MISTAKES: tuple[Callable[[Unexpected], Explanation | None], ...] = (
    _later,
    _reserved_name,
    _nested_item,
    _with_on_next_line,
    _clause_outside,
    _clause_with_colon,
    _if_as_clause,
    _other_arrow,
    _foreign_layer,
    _foreign,
    _brace_on_next_line,
    _branches_on_next_line,
    _detached_label,
    _equals,
    _clause_in_line,
    _rules_of_a_body,
    _place_without_rule,
    _late_dialect,
    _spaced_argument,
    _unquoted_place,
    _spaced_call,
    _assignment,
    _outside,
    _repeat,
    _repeat_of_bare,
    _output_size,
    _attached_brace,
    _label_alone,
    _label_of_nothing,
    _missing_separator,
    _first_branch,
    _bar,
    _nothing_joins,
    _else,
    _comparison,
    _keyword_colon,
    _rule_without_brace,
    _misplaced_implies,
    _statement_after_clauses,
    _note_after_kinds,
)
