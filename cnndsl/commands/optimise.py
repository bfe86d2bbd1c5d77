"""`cnnc optimise`: the best rewriting of a model within budgets, with the proof that it is."""

from __future__ import annotations

import os

from ..exits import OK, UsageError
from ..limits import NODES
from ..terminal import say, show
from . import goals
from .options import (
    STDIN,
    choice,
    compile_given,
    option_file,
    options_for_spec,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from ..driver import Compiled
    from ..rewrite.search.optimise import Optimum

OBJECTIVES = ("macs", "params", "depth", "changes")
SUMS = {"macs", "params", "changes"}
"""Measures that a front is drawn of."""
PLOTS = (".svg", ".json", ".csv")


def configure(parser: ArgumentParser) -> None:
    option_file(parser)
    parser.add_argument(
        "--objective", type=choice(*OBJECTIVES), default="macs", metavar="MEASURE",
        help="what is to be as little as can be: macs (default), params, depth or changes",
    )  # fmt: skip
    for option, what in (
        ("--params", "parameters: '<=5M', '<=40%%' of what there is"),
        ("--macs", "multiply-accumulates: '<=1G'"),
        ("--min-params", "parameters that must stay"),
        ("--min-macs", "multiply-accumulates that must stay"),
        ("--min-depth", "layers with weights on the longest path, at least"),
        ("--max-depth", "the same, at most"),
        ("--max-changes", "places that may be rewritten"),
    ):
        parser.add_argument(option, metavar="N", help=what)
    parser.add_argument(
        "--keep", default="receptive_field,shape", metavar="WORDS",
        help="what every rule must prove to keep: receptive_field, shape (default: both), or none",
    )  # fmt: skip
    parser.add_argument("--rules", metavar="RULES", help="these rules only: 'asym, factor_5x5'")
    parser.add_argument("--forbid", default="", metavar="RULES", help="not these rules")
    parser.add_argument("--at", default="", metavar="PLACES", help="only there: '4a..4e'")
    for knob, example in goals.KNOBS.items():
        parser.add_argument(
            f"--{knob}", default="", metavar="LIST", help=f"{knob}s of the whole to try: {example}"
        )
    parser.add_argument("-o", "--output", metavar="OUT", help="the spec of the result")
    parser.add_argument(
        "--pareto", metavar="OUT", help="all that is worth having, as .svg, .json or .csv"
    )
    parser.add_argument(
        "--axes", type=axes, default=("macs", "params"), metavar="X,Y",
        help="of that front: two of macs, params and changes (default: macs,params)",
    )  # fmt: skip
    parser.add_argument(
        "--points", type=int, default=12, metavar="N", help="points of that front, at most (12)"
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    options_for_spec(parser)


def axes(text: str) -> tuple[str, str]:
    """`changes,macs`: two different measures that are sums."""
    from argparse import ArgumentTypeError

    first, _, second = (part.strip() for part in text.partition(","))
    if first == second or not {first, second} <= SUMS:
        raise ArgumentTypeError(f"`{text}` is no pair of {', '.join(sorted(SUMS))}")
    return first, second


def run(options: Namespace) -> int:
    _check(options)
    compiled = compile_given(options)
    optimum = _optimum(options, compiled)
    files = {}
    if options.pareto:
        files[options.pareto] = _plotted(options, optimum).encode()
    if options.output:
        files[options.output] = _spec(optimum).encode()
    report = _report(options, optimum)
    from ..loader import find_model
    from ..output import write_all

    write_all(files, [] if options.file == STDIN else [find_model(options.file)[0]])
    if options.output == STDIN:
        say(report)
        return OK
    return show(report)


def _check(options: Namespace) -> None:
    """Raise UsageError for what is wrong whatever the model is."""
    if options.pareto and not options.pareto.endswith(PLOTS):
        raise UsageError(
            f"the ending of `{options.pareto}` names no format", f"use {', '.join(PLOTS)}"
        )
    if options.pareto and options.pareto == options.output:
        raise UsageError(f"`{options.output}` is for the spec", "the front needs another name")
    if options.points < 2:
        raise UsageError(f"a front has two ends, not {options.points}", "`--points 12`")
    if options.json and options.output == STDIN:
        raise UsageError("both would go to standard output", "give `-o` a file")


def _optimum(options: Namespace, compiled: Compiled) -> Optimum:
    from ..rewrite.engine import Derivation
    from ..rewrite.search.menu import menu
    from ..rewrite.search.optimise import optimise

    start = compiled.derivation or Derivation(compiled.module, (), compiled.settings)
    target = goals.target(options, compiled)
    refs = goals.rules(options.rules or "", compiled)
    forbidden = goals.forbidden(options.forbid, compiled)
    rules = menu(compiled.namespace.library, target.keep, refs, forbidden)
    try:
        return optimise(start, rules, target, options.at, goals.settings(options, compiled))
    except ImportError as problem:
        missing = str(problem.name).partition(".")[0]
        raise UsageError(f"the search needs `{missing}`", f"`pip install {missing}`") from None


# ------------------------------------------------------------------- the result


def _report(options: Namespace, optimum: Optimum) -> str:
    from ..rewrite.search.words import as_data, report

    if not options.json:
        return report(optimum)
    from ..escape import json_text

    return json_text(as_data(optimum)).rstrip()


def _spec(optimum: Optimum) -> str:
    """The result as a spec, compiled once more to see that it is the same network."""
    from ..backend import backend
    from ..driver import compile_model
    from ..rewrite.search.derive import measured
    from ..source import Source

    text = backend("cnn").emit(optimum.derivation.result)
    again = compile_model(Source("optimised.cnn", text), max_nodes=NODES.cap)
    assert measured(again.module) == optimum.after, "the spec means another network"
    return text


def _plotted(options: Namespace, optimum: Optimum) -> str:
    """The front in the format that the ending of its file names."""
    from ..rewrite.search.pareto import as_csv, as_json, front
    from ..rewrite.search.plot import svg

    formats = {".svg": svg, ".json": as_json, ".csv": as_csv}
    found = front(optimum, options.points, options.axes)
    return formats[os.path.splitext(options.pareto)[1]](found)
