"""`cnnc lint`: what is legal in a spec and hardly meant."""

from __future__ import annotations

from ..diagnostics import CnnError, Diagnostic, did_you_mean, once
from ..exits import UsageError, exit_code
from ..levels import LEVELS
from ..terminal import publish, say, show
from .fixing import fixed, open_targets, options_for_fixes
from .options import option_format, options_for_check

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Sequence

    from .fixing import Target


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("files", nargs="*", metavar="FILE[:MODEL]", help="`-` is standard input")
    option_levels(parser)
    parser.add_argument(
        "--select", action="append", default=[], metavar="CODE", type=rule_code,
        help="run these rules only, those that are off too",
    )  # fmt: skip
    parser.add_argument("--rules", action="store_true", help="list the rules with their levels")
    option_format(parser)
    options_for_fixes(parser)
    options_for_check(parser)


def option_levels(parser: ArgumentParser) -> None:
    """What a warning counts, before what the project says."""
    parser.add_argument(
        "--level", action="append", default=[], metavar="CODE=LEVEL", type=level_given,
        help="take a warning as off, info, warning or error",
    )  # fmt: skip


def run(options: Namespace) -> int:
    """Every finding in every file in one run."""
    if options.rules:
        from ..lint.table import listing

        return show(listing())
    if not options.files:
        raise UsageError("`cnnc lint` needs a FILE", "`cnnc lint --rules` lists what it looks for")
    unread: list[Diagnostic] = []
    targets = open_targets(options, unread)
    if options.fix or options.diff:
        targets = fixed(targets, options, lambda targets: _linted(targets, options))
    diagnostics = [*_linted(targets, options), *unread]
    publish(diagnostics, options.output_format, options.color)
    if not diagnostics and options.output_format == "text":
        say("nothing to say")
    return exit_code(diagnostics)


def levels_for(target: Target, options: Namespace) -> dict[str, str]:
    """The levels for a file: the project's, then the command line's. Raises CnnError."""
    from ..lint.config import configured_levels

    return configured_levels(target.source.path) | dict(options.level)


def _linted(targets: Sequence[Target], options: Namespace) -> list[Diagnostic]:
    """What the rules find, and errors, each once."""
    from ..lint.engine import lint

    found: list[Diagnostic] = []
    opened = [target.source for target in targets]
    for target in targets:
        try:
            found += lint(
                target.source, target.model, levels=levels_for(target, options),
                select=options.select, strict=options.strict, max_nodes=options.max_nodes,
                opened=opened,
            )  # fmt: skip
        except CnnError as problem:
            found += problem.diagnostics
    return once(found)


def level_given(text: str) -> tuple[str, str]:
    """`W0301=error` as a pair."""
    from argparse import ArgumentTypeError

    code, _, level = text.partition("=")
    if level not in LEVELS:
        raise ArgumentTypeError(f"write it as `W0301=off`; a level is one of {', '.join(LEVELS)}")
    return rule_code(code), level


def rule_code(text: str) -> str:
    """The code of a rule."""
    from argparse import ArgumentTypeError

    from ..lint.rule import load_rules

    code, rules = text.strip().upper(), load_rules()
    if code not in rules:
        near = did_you_mean(code, rules)
        hint = f"did you mean `{near}`?" if near else "`cnnc lint --rules` lists them"
        raise ArgumentTypeError(f"`{text}` is no code of a warning; {hint}")
    return code
