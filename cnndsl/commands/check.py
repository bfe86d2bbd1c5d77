"""`cnnc check`: every error of every file in one run."""

from __future__ import annotations

from ..diagnostics import CnnError, Diagnostic, once
from ..exits import exit_code
from ..terminal import publish, say, show
from .fixing import fixed, open_targets, options_for_fixes, results_are_taken
from .lint import levels_for, option_levels
from .options import option_format, options_for_check

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Sequence

    from .. import driver
    from ..symbol import Size
    from .fixing import Target


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE[:MODEL]", help="`-` is standard input")
    option_levels(parser)
    option_format(parser)
    options_for_fixes(parser)
    options_for_check(parser)


def run(options: Namespace) -> int:
    """Every error of every file in one run; one line for each model that holds."""
    unread: list[Diagnostic] = []
    targets = open_targets(options, unread)
    if options.fix or options.diff:
        targets = fixed(targets, options, lambda targets: _checked(targets, options)[0])
    found, models = _checked(targets, options)
    diagnostics = [*found, *unread]
    publish(diagnostics, options.output_format, options.color, map(_facts, models))
    if options.output_format == "text":
        tell = say if results_are_taken(options) else show
        for compiled in models:
            tell(_verdict(compiled))
        if not models and not diagnostics:
            say("no errors, and no model to check")
    return exit_code(diagnostics)


def _checked(
    targets: Sequence[Target], options: Namespace
) -> tuple[list[Diagnostic], list[driver.Compiled]]:
    """What is wrong with the files, each problem once, and the models without errors."""
    from .. import driver

    found: list[Diagnostic] = []
    models: list[driver.Compiled] = []
    opened = [target.source for target in targets]
    for target in targets:
        try:
            compiled = driver.check(
                target.source, target.model, strict=options.strict,
                levels=levels_for(target, options), max_nodes=options.max_nodes, opened=opened,
            )  # fmt: skip
        except CnnError as problem:
            found += problem.diagnostics
            continue
        models += compiled
        found += [warning for model in compiled for warning in model.diagnostics]
    return once(found), models


def _facts(compiled: driver.Compiled) -> dict[str, object]:
    """A model's figures for JSON; a symbolic figure is a text."""
    macs = compiled.cost.macs
    return {
        "name": compiled.module.name,
        "parameters": compiled.cost.params,
        "macs": macs if isinstance(macs, int) else str(macs),
        "expectations": [
            {"text": claim.text, "holds": claim.holds, "found": str(claim.found)}
            for claim in compiled.claims
        ],
    }


def _verdict(compiled: driver.Compiled) -> str:
    """`ok resnet50: 25,557,032 parameters, 4.09 G MACs, 3 expectations hold`"""
    cost, claims = compiled.cost, len(compiled.claims)
    parts = [f"{cost.params:,} parameters", f"{_short(cost.macs)} MACs"]
    if claims:
        parts.append(f"{claims} expectation{'s hold' if claims > 1 else ' holds'}")
    if compiled.module.constraints:
        from ..passes.domain import domain

        parts += domain(compiled.module).describe()
    return f"ok {compiled.module.name}: {', '.join(parts)}"


def _short(size: Size) -> str:
    """`4.09 G`; a formula as people write it."""
    if not isinstance(size, int):
        from ..notation import number

        return number(size)
    for least, unit in ((10**12, "T"), (10**9, "G"), (10**6, "M")):
        if size >= least:
            return f"{size / least:.2f} {unit}"
    return f"{size:,}"
