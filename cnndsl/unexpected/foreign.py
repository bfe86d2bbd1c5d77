"""Text of another language: Python, Caffe's prototxt, JSON, YAML."""

from __future__ import annotations

import re

from ..diagnostics import Fix, Help, error
from ..foreign import LAYERS, call_at, layer_help, translated
from ..source import Span
from .found import Explanation, Unexpected

_PYTHON = re.compile(r"(?:def|class|async|with|try|elif|while|lambda|import|return|print|@)\b")
_PYTHON_IMPORT = re.compile(r"from\s+[\w.]+\s+import\b")
_PYTHON_BODY = re.compile(r"(?:if|for|else|elif|while|def|class|with|try)\b.*:\s*(?:#.*)?$")
_ASSIGNMENT = re.compile(
    r"(?:[\w.]+\s*,\s*)*(?:\w+\.)*(\w+)(?:\[[^\]]*\])?\s*[-+*/:]?=(?![=>])\s*(\S.*)?"
)
_FUNCTION = re.compile(r"\w+[ \t]*\([\w, \t]*\)[ \t]*=(?![=>])")
_PROTOTXT = re.compile(r"(?:layers?|input_param|param|net|transform_param)\s*:?\s*\{")
_PROTOTXT_FIELD = re.compile(r'\w+\s*:\s*"')
_JSON = re.compile(r'"[^"]*"\s*:')
_YAML = re.compile(r"-\s+[\w\"'\[]|---")
_YAML_KEY = re.compile(r"[\w-]+\s*:\s*$")


def foreign_text(found: Unexpected) -> Explanation | None:
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


def assignment(found: Unexpected) -> Explanation | None:
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


def function(found: Unexpected) -> Explanation | None:
    """`half(n) = n / 2` at the top level"""
    if found.depth or not found.is_first or not _FUNCTION.match(found.line):
        return None
    help = found.fix(f"write `let {found.text}(...) = ...`", "let ", found.start, found.start)
    return found.error("E0109", "a function needs `let`", "", help)


def _labelled(found: Unexpected, name: str, start: int) -> Help:
    """The statement that `name = call(...)` is here."""
    call = call_at(found.source.text, start)
    same = translated(*call[:2]) if call else None
    if call is None or same is None:
        return Help(f"a label names the value of a statement: `{name}: conv 3x3, 64`")
    place = Span(found.source, found.opening[2], call[2])
    return Help("the same layer in this language", Fix(place, f"{name}: {same}", safe=False))


def foreign_layer(found: Unexpected) -> Explanation | None:
    """`nn.Conv2d(3, 64, 3)`, `Conv2D(64, (3, 3))`"""
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
