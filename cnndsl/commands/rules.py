"""`cnnc rules`: the rewriting rules, one of them in full, or chains of windows."""

from __future__ import annotations

import os

from ..diagnostics import did_you_mean
from ..exits import UsageError
from ..terminal import show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterable
    from typing import NoReturn

MOST_CHAINS = 15
"""Rows of a ranking that are shown."""


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", metavar="NAME", help="a rule, a set, or a file")
    parser.add_argument(
        "--chains", metavar="WINDOW", help="chains of windows that read what one reads: 7x7/2"
    )
    parser.add_argument(
        "--longest", type=int, choices=(2, 3, 4), default=3, help="windows in a chain"
    )


def run(options: Namespace) -> int:
    from ..rewrite.catalogue import catalogue, catalogue_sets, chapter
    from ..rewrite.manual import overview, page, set_page

    if options.chains:
        return show(_chains(options.chains, options.longest))
    if options.name is None:
        return show(overview(catalogue(), catalogue_sets()))
    if options.name.endswith(".cnn") and os.path.exists(options.name):
        own = chapter(options.name, options.name)
        return show("\n\n".join(page(ref) for ref in own.rules) or "this file has no rules")
    rules = {ref.rule.name.id: ref for chapter in catalogue() for ref in chapter.rules}
    if options.name in rules:
        return show(page(rules[options.name]))
    sets = {found.name: found for found in catalogue_sets()}
    if options.name in sets:
        return show(set_page(sets[options.name]))
    _unknown(options.name, [*rules, *sets])


def _unknown(name: str, known: Iterable[str]) -> NoReturn:
    near = did_you_mean(name, known)
    hint = f"did you mean `{near}`?" if near else "`cnnc rules` lists them"
    raise UsageError(f"there is no rule `{name}`", hint)


def _chains(text: str, longest: int) -> str:
    """The chains of a window with its ranking, padded as a convolution of that size is."""
    from ..evaluate.expressions import evaluate
    from ..evaluate.scope import Scope
    from ..loader import Loader
    from ..parser import parse_expression
    from ..rewrite.chains import chains, listed
    from ..source import Source
    from ..window import Padding, Window, half_padding

    source = Source("--chains", text)
    expr, problems = parse_expression(source)
    namespace = Loader(os.getcwd()).namespace(Source("--chains", ""))
    window = evaluate(expr, Scope(namespace)) if expr is not None and not problems else None
    if not isinstance(window, Window):
        raise UsageError(f"`{text}` is no window", "write it as `7x7/2`")
    padding = Padding(*half_padding(window.height), *half_padding(window.width))
    found = chains(window, longest)
    parts = []
    for title, group in (
        ("square windows", [chain for chain in found if chain.is_square]),
        ("with others", [chain for chain in found if not chain.is_square]),
    ):
        if group:
            count = f"{len(group):,} chains, the cheapest first" if len(group) > 1 else "one chain"
            parts.append("\n".join([f"{title}: {count}", *listed(group[:MOST_CHAINS], padding)]))
    return "\n\n".join(parts) or f"no chain of smaller windows reads what {window} reads"
