"""What may stand somewhere, in words."""

from __future__ import annotations

from ..lexer.scanner import CLAUSE_WORDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

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
STATEMENTS = frozenset(("DEFAULT", "EXPECT", "FOR", "FROM", "IF", "INPUT", "LABEL", "LBRACE"))
STATEMENTS |= {"LET", "NAME", "OUTPUT", "SHARE", "SOURCE", "STAGE", "_EACH", "_WHEN", "_WINDOW"}
REFS = frozenset(("NAME", "INTNAME", "TEMPLATE"))

CLAUSES = frozenset(CLAUSE_WORDS.values())

# If the first kind is expected, all of the set are, and one phrase says it.
_GROUPS = (
    ("STAGE", STATEMENTS, _STATEMENT),
    ("NUMBER", _VALUES, _VALUE),
    ("STAR", _BINARY, _OPERATOR),
    ("TEMPLATE", REFS, "a name or a label"),
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
        left -= CLAUSES  # they begin the next line
    ends = [kind for kind in _ENDS if kind in left][:1]
    rest = sorted(left.difference(_ENDS), key=lambda kind: (HUMAN[kind][0] == "`", HUMAN[kind]))
    phrases += [HUMAN[kind] for kind in (*rest, *ends)]
    phrases = list(dict.fromkeys(phrases))
    return " or ".join([", ".join(phrases[:-1]), phrases[-1]] if len(phrases) > 1 else phrases)
