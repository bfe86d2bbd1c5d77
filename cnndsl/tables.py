"""Writes `_tables.py`: what the parser needs of `grammar/cnn.lark`, without Lark.

    python -m cnndsl.tables            # write it
    python -m cnndsl.tables --check    # exit 1 when it is stale

Lark reads the grammar, refuses conflicts and computes the LALR(1) table; that
takes longer than checking a network, so it happens when the grammar changes and
not when `cnnc` starts. The output depends on the grammar's text alone: states
are numbered in the order in which they are reached, symbols sorted by name.
"""

from __future__ import annotations

import logging
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lark import Lark
    from lark.grammar import Rule

HERE = os.path.dirname(os.path.abspath(__file__))
GRAMMARS = (
    os.path.join(os.path.dirname(HERE), "grammar", "cnn.lark"),  # a checkout
    os.path.join(HERE, "grammar", "cnn.lark"),  # an installed package
)
OUTPUT = os.path.join(HERE, "_tables.py")
STARTS = ("file", "expression")

HEADER = '''"""The parse table of `grammar/cnn.lark`.

Written by `python -m cnndsl.tables`; do not edit.

`PATTERNS` and `LITERALS` are the terminals. A rule is its symbol, its length, the
builder's method ("" keeps the list of children, "=" the only child) and its steps:
`n` takes child n, `~n` takes the children of child n, None is an absent `[x]`.
In a row a symbol is followed by what to do on it: `s + 1` goes to state s,
`-r - 1` reduces by rule r, 0 accepts. `STATES` has the number of each state's row.
"""

# ruff: noqa: E501
# fmt: off
from __future__ import annotations

Row = tuple[str | int, ...]
'''


def read_grammar() -> str:
    path = next(path for path in GRAMMARS if os.path.exists(path))
    with open(path, encoding="utf-8") as file:
        return file.read()


def build(grammar: str) -> Lark:
    """Lark's parser for a grammar; ValueError for one with conflicts.

    Lark settles a conflict between shifting and reducing by itself and says so
    only in its log, so the log is read here.
    """
    from lark import GrammarError, Lark, logger

    conflicts: list[str] = []
    listener = logging.Handler()
    listener.emit = lambda record: conflicts.append(record.getMessage())  # type: ignore[method-assign]
    level = logger.level
    logger.addHandler(listener)
    logger.setLevel(logging.DEBUG)
    try:
        lark = Lark(
            grammar,
            parser="lalr",
            lexer="basic",
            start=list(STARTS),
            maybe_placeholders=True,
            debug=True,
        )
    except GrammarError as problem:
        raise ValueError(str(problem)) from None
    finally:
        logger.removeHandler(listener)
        logger.setLevel(level)
    conflicts = [message for message in conflicts if "onflict" in message]
    if conflicts:
        raise ValueError("\n".join(conflicts))
    return lark


def render(grammar: str) -> str:
    """The text of `_tables.py` for a grammar."""
    lark = build(grammar)
    states, rules = number_states(lark)
    rows: dict[tuple[str | int, ...], int] = {}
    numbers = [rows.setdefault(row, len(rows)) for row in states]
    patterns, literals = terminals(lark)
    parts = [
        HEADER,
        table("PATTERNS: tuple[tuple[str, str], ...]", patterns),
        table("LITERALS: tuple[tuple[str, str], ...]", literals),
        table("RULES: tuple[tuple[str, int, str, tuple[int | None, ...]], ...]", rules),
        table("ROWS: tuple[Row, ...]", list(rows)),
        f"STATES: tuple[int, ...] = {tuple(numbers)!r}\n",
        f"STARTS: dict[str, int] = {dict(zip(STARTS, range(len(STARTS)), strict=True))!r}",
    ]
    return "\n".join(parts) + "\n"


def table(name: str, rows: list[Any]) -> str:
    body = "".join(f"    {row!r},\n" for row in rows)
    return f"{name} = (\n{body})\n"


def terminals(lark: Lark) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Terminals given by a pattern, first one first, and those given by their text."""
    patterns, literals = [], []
    order = {terminal.name: at for at, terminal in enumerate(lark.terminals)}
    for terminal in sorted(lark.terminals, key=lambda t: (-t.priority, order[t.name])):
        if terminal.pattern.type == "str":
            literals.append((terminal.name, terminal.pattern.value))
        else:
            patterns.append((terminal.name, terminal.pattern.value))
    return patterns, sorted(literals)


def number_states(lark: Lark) -> tuple[list[tuple[str | int, ...]], list[Any]]:
    """The rows of all states, renumbered in the order of a walk from the start states."""
    lalr = lark.parser.parser._parse_table
    order = [lalr.start_states[start] for start in STARTS]
    ends = set(lalr.end_states.values())
    rules: dict[Rule, int] = {}
    rows = []
    for state in order:  # grows while it is walked
        row: list[str | int] = []
        for symbol, (action, target) in sorted(lalr.states[state].items()):
            if action.name == "Reduce":
                row += [symbol, -rules.setdefault(target, len(rules)) - 1]
            elif symbol != "$END":
                if target not in order:
                    order.append(target)
                row += [symbol, order.index(target) + 1]
        if state in ends:
            row += ["$END", 0]
        rows.append(tuple(row))
    return rows, [plan(rule) for rule in rules]


def plan(rule: Rule) -> tuple[str, int, str, tuple[int | None, ...]]:
    """What a reduction by `rule` does, as `_tables.py` has it."""
    absent = rule.options.empty_indices or (False,) * len(rule.expansion)
    children = iter(enumerate(rule.expansion))
    steps: list[int | None] = []
    for is_absent in absent:
        if is_absent:
            steps.append(None)
            continue
        at, symbol = next(children)
        if not symbol.is_term and symbol.name.startswith("_"):
            steps.append(~at)
        elif not getattr(symbol, "filter_out", False):
            steps.append(at)
    return str(rule.origin.name), len(rule.expansion), method(rule, steps), tuple(steps)


def method(rule: Rule, steps: list[int | None]) -> str:
    if rule.alias:
        return str(rule.alias)
    name = str(rule.origin.name)
    if name.startswith("_"):
        return ""
    only_child = len(steps) == 1 and steps[0] is not None and steps[0] >= 0
    return "=" if rule.options.expand1 and only_child else name


def main(arguments: list[str]) -> int:
    text = render(read_grammar())
    if "--check" not in arguments:
        with open(OUTPUT, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        return 0
    with open(OUTPUT, encoding="utf-8") as file:
        if file.read() == text:
            return 0
    print("cnndsl/_tables.py is stale: run `python -m cnndsl.tables`", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
