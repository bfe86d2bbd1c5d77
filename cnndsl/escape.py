"""Text that somebody else wrote, on its way out: one function for each kind of output.

| where it ends up | function |
| --- | --- |
| a terminal, a log, a comment of one line | `visible`, `visible_lines` |
| a string, a docstring of Python | `python_string`, `python_docstring` |
| a string, a label with markup of DOT | `dot_string`, `dot_markup` |
| SVG, XML, HTML | `xml` |
| Markdown, also a cell of its tables | `markdown` |
| a cell of CSV, before its quotes | `csv_cell` |
| JSON | `json_text` |
| a string of our language | `cnn_string` |
| an annotation of GitHub | `github_message`, `github_property` |

Whatever goes in, what comes out has the structure that plain words would have, and no
character that a reader cannot see. The texts of the intermediate representation, which read back
equal, have escapes of their own in `irtext/words.py`; a word of a shell goes through `shlex.quote`.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# -------------------------------------------------------------------- characters

ASCII = {
    "×": "x", "→": "->", "⇒": "=>", "←": "<-", "≠": "!=", "≤": "<=", "≥": ">=", "≡": "=",
    "·": "*", "−": "-", "–": "-", "—": "-", "±": "+-", "…": "...", "′": "'", "∞": "inf",
    "⌊": "floor(", "⌋": ")", "⌈": "ceil(", "⌉": ")", "“": '"', "”": '"', "‘": "'", "’": "'",
    "✓": "ok", "✗": "x", "⟦": "<", "⟧": ">",
}  # fmt: skip
"""Signs of ours for a terminal that has only ASCII."""

BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and marks that Unicode calls printable, and that nobody sees."""


def visible(text: str, unicode: bool = True) -> str:
    """`text` on one line with nothing hidden: `␛` for ESC, `⟦U+202E⟧` for bidi controls."""
    if text.isascii() and text.isprintable():
        return text
    return "".join([_shown(character, unicode) for character in text])


def visible_lines(text: str, unicode: bool = True) -> str:
    """`visible` for a text that has lines, and perhaps tabs, of its own."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c in "\n\t" else _shown(c, unicode) for c in text)


def _shown(character: str, unicode: bool) -> str:
    if " " <= character <= "~":
        return character
    code = ord(character)
    if unicode and code < 0x20:
        return chr(0x2400 + code)
    if unicode and code == 0x7F:
        return "␡"
    if unicode and _is_seen(character):
        return character
    if character in ASCII:
        return ASCII[character]
    return f"⟦U+{code:04X}⟧" if unicode else f"<U+{code:04X}>"


def _is_seen(character: str) -> bool:
    if character.isprintable():
        return character not in BLANK
    return character == "\N{NO-BREAK SPACE}"


# ------------------------------------------------------------------------ Python


def python_string(text: str) -> str:
    """A literal, in double quotes where that needs no more escapes."""
    quoted = repr(text)
    return f'"{text}"' if quoted == f"'{text}'" and '"' not in text else quoted


def python_docstring(line: str) -> str:
    """One line between triple double quotes. It is escaped after it was wrapped, not before."""
    return re.sub(r'"(?="|$)', r"\\" + '"', visible(line).replace("\\", r"\\"))


# --------------------------------------------------------------------------- DOT

LONGEST = 2_000
"""Characters of a text in DOT; Graphviz fails above 16,384."""


def dot_string(text: str, longest: int = LONGEST, entities: bool = False) -> str:
    """A string with its quotes. Line breaks stay line breaks.

    Arguments:
        entities: whether Graphviz reads `&amp;` in it, as it does in labels.
    """
    shown = _cut("\n".join(map(visible, text[: longest + 1].split("\n"))), longest)
    shown = shown.replace("&", "&amp;") if entities else shown
    escaped = shown.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'"{escaped}"'


def dot_read(text: str) -> str:
    """What `dot_string` was given, from what is between its quotes."""
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], text)


def dot_markup(text: str, longest: int = LONGEST) -> str:
    r"""Text inside an HTML-like label, where `\N` would be the name of the box too."""
    return xml(_cut(visible(text[: longest + 1]), longest)).replace("\\", r"\\")


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


# --------------------------------------------------------------- markup and tables


def xml(text: str) -> str:
    """Text between tags, or between the double quotes of an attribute, on one line."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return visible(escaped.replace('"', "&quot;").replace("\n", " "))


_MARKUP = str.maketrans(
    {**{sign: f"\\{sign}" for sign in "\\`*_{}[]|#~$"}, "&": "&amp;", "<": "&lt;", ">": "&gt;"}
)
_LIST_OR_RULE = re.compile(r"\d+(?=[.)](?:\s|$))|(?=[-+=](?:[-+=\s]|$))")


def markdown(text: str) -> str:
    """Text that is no markup wherever it stands, on one line: in a cell, in a paragraph."""
    escaped = visible(text).strip(" ").translate(_MARKUP)
    found = _LIST_OR_RULE.match(escaped)
    return f"{found[0]}\\{escaped[found.end() :]}" if found else escaped


def csv_cell(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    text = visible(text)
    return f"'{text}" if text.lstrip()[:1] in tuple("=+-@＝＋－＠") else text


# ------------------------------------------------------------------- other readers


def json_text(value: Any) -> str:
    """A document, with every character that cannot be seen as `\\u202e`."""
    from json import dumps

    text = dumps(value, ensure_ascii=False, indent=2)
    shown = re.sub(r"[^\n -~]", lambda c: c[0] if _is_seen(c[0]) else dumps(c[0])[1:-1], text)
    return f"{shown}\n"


def cnn_string(text: str, longest: int) -> str:
    """What can stand between the quotes of a string of our language, which has no escapes."""
    return _cut(visible(text.replace("\n", " ")).replace('"', "'"), longest)


def github_message(text: str) -> str:
    """The text of a workflow command; line breaks stay line breaks."""
    lines = text.replace("%", "%25").split("\n")
    return "%0A".join(visible(line.replace("\r", "")) for line in lines)


def github_property(text: str) -> str:
    """The value of a property of a workflow command."""
    return github_message(text).replace(":", "%3A").replace(",", "%2C")
