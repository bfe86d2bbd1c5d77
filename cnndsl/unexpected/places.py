"""Right words in wrong places."""

from __future__ import annotations

from ..diagnostics import Help, error
from ..lexer.scanner import STATEMENT_WORDS
from ..source import Span
from .found import Explanation, Unexpected
from .words import REFS


def label_alone(found: Unexpected) -> Explanation | None:
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


def size_below(found: Unexpected) -> Explanation | None:
    """`conv 3x3, 64`, and `: 28x28x64` below it"""
    if found.kind != "COLON" or not found.depth or found.before[0] != "_SEP":
        return None
    end, size = found.tokens[found.at - 2][3], found.after[2]
    blank = found.source.text[found.end : size].strip(" \t") == ""
    fix = found.fix("write it there", " : ", end, size if blank else found.end)
    message = "the output size belongs on the line of its statement"
    return found.error("E0101", message, "", fix)


def label_of_nothing(found: Unexpected) -> Explanation | None:
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


def attached_brace(found: Unexpected) -> Explanation | None:
    """`a: concat{...}`"""
    if found.kind != "TEMPLATE" or found.before[0] != "LABEL":
        return None
    brace = found.start + found.text.index("{")
    fix = found.fix("write a space before `{`", " ", brace, brace)
    return found.error("E0101", f"unexpected `{found.text}`", "", fix)


def detached_label(found: Unexpected) -> Explanation | None:
    """`conv1 : conv 3x3, 64`"""
    first, colon = found.opening, found.tokens[min(found.first + 1, len(found.tokens) - 1)]
    if first[0] not in REFS or colon[0] != "COLON" or found.at - found.first > 3:
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


def outside(found: Unexpected) -> Explanation | None:
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


def first_branch(found: Unexpected) -> Explanation | None:
    """`concat { a | b }`"""
    if found.kind != "BAR" or found.depth == 0 or found.is_cut_short:
        return None
    help = Help("each branch begins with `|`, the first one too: `concat { | a | b }`")
    if (start := _begin_of_body(found)) is not None:
        help = found.fix(help.text, "| ", start, start)
    return found.error("E0101", f"{found.message}: this body has no branches", "", help)


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


def bar(found: Unexpected) -> Explanation | None:
    """`concat { for i in 0..4 { | a }; b }`"""
    if not found.is_first or "_EACH" not in found.expected or "NAME" in found.expected:
        return None
    if found.kind in ("RBRACE", "ELSE", "$END", "BAD"):
        return None
    fix = found.fix("write it", "| ", found.start, found.start)
    missing = found.error("E0101", "the `|` before this branch is missing", "", fix)
    return Explanation(missing.diagnostic, misses_bar=True)


def nothing_joins(found: Unexpected) -> Explanation | None:
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


def else_alone(found: Unexpected) -> Explanation | None:
    if found.kind != "ELSE" or "SLASH" in found.expected or "NUMBER" in found.expected:
        return None
    return found.error(
        "E0101", "this `else` belongs to no `if`", "", "`else` follows the `}` of an `if`"
    )


def comparison(found: Unexpected) -> Explanation | None:
    """`0 < n < 3`"""
    if found.kind != "COMPARE" or "AND" not in found.expected or "COMPARE" in found.expected:
        return None
    help = Help("compare two values at a time: `a < b and b < c`")
    if found.before[0] in ("NAME", "NUMBER") and found.tokens[found.at - 2][0] == "COMPARE":
        end = found.before[3]
        help = found.fix(help.text, f" and {found.before[1]}", end, end)
    return found.error("E0101", "comparisons cannot be chained", "", help)


def equals(found: Unexpected) -> Explanation | None:
    """`if n = 3 { }`"""
    is_condition = found.opening[0] in ("IF", "_WHEN", "WHEN") and "AND" in found.expected
    if found.kind != "EQUAL" or not is_condition:
        return None
    return found.error("E0101", "a comparison is written `==`", "", found.fix("write `==`", "=="))


def keyword_colon(found: Unexpected) -> Explanation | None:
    """`conv(pad: 1)`"""
    if found.kind != "COLON" or found.before[0] != "NAME" or "RPAR" not in found.expected:
        return None
    name = found.before
    fix = found.fix(f"write `{name[1]}=`", "=", name[3], found.after[2])
    return found.error("E0101", "an argument's value follows `=`, not `:`", "", fix)
