"""Signs that were forgotten, or that stand on the wrong line."""

from __future__ import annotations

import re

from ..diagnostics import Help, error
from ..lexer.scanner import OPERAND_ENDS, STATEMENT_WORDS
from ..source import Span
from .found import Explanation, Unexpected

_STARTS_OF_VALUES = frozenset(("NAME", "INTNAME", "NUMBER", "DIMS", "TEMPLATE", "STRING"))
_STARTS_OF_VALUES |= {"TRUE", "FALSE", "LPAR"}
_BEGINNINGS = frozenset(("NAME", "DIMS", "LABEL", "LBRACE"))
_TIMES_WORD = re.compile(r"x(\d+)")


def repeat_before(found: Unexpected) -> Explanation | None:
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


def repeat_of_bare(found: Unexpected) -> Explanation | None:
    """`relu × 3`: only what has parentheses or a body is repeated"""
    if found.kind != "TIMES" or found.at - found.first < 1 or "NUMBER" not in found.expected:
        return None
    name = found.before
    if name[0] != "NAME":
        return None
    help = found.fix(f"write `{name[1]}() × ...`", "()", name[3], name[3])
    return found.error("E0101", "only calls with `( )` and bodies are repeated", "", help)


def output_size(found: Unexpected) -> Explanation | None:
    """`conv 3x3, 64   28x28x64`"""
    if found.kind != "DIMS" or "COLON" not in found.expected or found.text.count("x") < 2:
        return None
    return found.error(
        "E0108",
        f"a `:` is missing before `{found.text}`",
        "",
        found.fix("the output size follows a `:`", ": " + found.text),
    )


def missing_separator(found: Unexpected) -> Explanation | None:
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


def spaced_call(found: Unexpected) -> Explanation | None:
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
                f"{found.message}: with a space before `(` this is one value",
                "",
                fix,
            )
    return None


def brace_on_next_line(found: Unexpected) -> Explanation | None:
    if found.kind != "_SEP" or found.after[0] != "LBRACE" or "LBRACE" not in found.expected:
        return None
    return found.error(
        "E0101",
        "the `{` belongs on this line",
        "",
        found.fix("write it here", " ", found.before[3], found.after[2]),
    )


def branches_on_next_line(found: Unexpected) -> Explanation | None:
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
