"""`cnnc rewrite`: a model rewritten by rules, as a spec again."""

from __future__ import annotations

import os

from ..diagnostics import fail
from ..exits import OK, UsageError
from ..limits import NODES
from ..terminal import say, show
from .options import (
    STDIN,
    compile_given,
    option_file,
    option_output,
    options_for_spec,
    write,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from ..driver import Compiled
    from ..rewrite.carry import Weights
    from ..rewrite.engine import Derivation


def configure(parser: ArgumentParser) -> None:
    option_file(parser)
    parser.add_argument(
        "--rule", "--rules", dest="rules", action="append", default=[], metavar="RULE",
        help="a rule or a set of rules: factor_5x5, 'asym(7)', inference; more than one in order",
    )  # fmt: skip
    parser.add_argument(
        "--at", metavar="PLACES", default="",
        help="where: labels, stages, blocks; '4a..4e', 'inception*', '3a, conv2_x.unit1'",
    )  # fmt: skip
    parser.add_argument("--explain", action="store_true", help="print the journal, not the spec")
    parser.add_argument("--json", action="store_true", help="print the journal as JSON")
    parser.add_argument("--why-not", metavar="RULE", help="why a rule does not apply")
    parser.add_argument("--find", metavar="PATTERN", help="where a left side stands: 'conv 5x5'")
    parser.add_argument("--undo", type=int, metavar="N", help="then take step N back")
    parser.add_argument("--replay", metavar="FILE:VARIANT", help="apply the rules of a variant")
    parser.add_argument("--weights", metavar="FILE", help="move these weights along")
    parser.add_argument(
        "--weights-output", metavar="OUT",
        help="where they go; by default beside OUT, with the ending .safetensors",
    )  # fmt: skip
    option_output(parser)
    options_for_spec(parser)


def run(options: Namespace) -> int:
    where = f" at {options.at}" if options.at else ""
    options.rewrite = [*options.rewrite, *(rule + where for rule in options.rules)]
    compiled = compile_given(options)
    derivation = _derivation(options, compiled)
    if options.weights_output and not options.weights:
        raise UsageError("there are no weights to write", "`--weights FILE` names them")
    if options.why_not:
        return show(_why_not(options, compiled, derivation))
    if options.find:
        return show(_found(options, compiled, derivation))
    if not derivation.steps and options.undo is None:
        raise UsageError(
            "`cnnc rewrite` needs a rule",
            "`--rule factor_5x5` names one, `cnnc rules` lists them",
        )
    if options.json:
        from ..escape import json_text
        from ..rewrite.words import as_data

        return write(options, json_text(as_data(derivation)).encode())
    if options.explain:
        from ..rewrite.words import explained

        return write(options, f"{explained(derivation)}\n".encode())
    return _write(options, derivation)


def _derivation(options: Namespace, compiled: Compiled) -> Derivation:
    """The rules of the spec and of the command line, those of a replay, without the undone."""
    from ..rewrite.engine import Derivation

    done = compiled.derivation or Derivation(compiled.module, (), compiled.settings)
    if options.replay:
        from ..driver import compile_model
        from ..rewrite.journal import replay

        model = compile_model(options.replay)
        if model.derivation is None:
            raise UsageError(
                f"`{options.replay}` has no rules to replay",
                "name a variant: `model v2 = v1 with factor_5x5`",
            )
        done = replay(model.derivation, done)
    if options.undo is not None:
        from ..rewrite.journal import undo

        done = undo(done, options.undo)
    return done


def _why_not(options: Namespace, compiled: Compiled, derivation: Derivation) -> str:
    from ..driver import request
    from ..rewrite.places import Places
    from ..rewrite.reading import read_rule
    from ..rewrite.words import why_not

    asked = request(options.why_not, compiled.namespace, "--why-not")
    places = Places(derivation.module, asked.place or options.at)
    places.check(derivation.start)
    return "\n\n".join(why_not(read_rule(ref), derivation, places) for ref in asked.rules)


def _found(options: Namespace, compiled: Compiled, derivation: Derivation) -> str:
    from ..rewrite.places import Places
    from ..rewrite.reading import rule_of_pattern
    from ..rewrite.words import found

    places = Places(derivation.module, options.at)
    places.check(derivation.start)
    return found(rule_of_pattern(options.find, compiled.namespace), derivation.module, places)


def _write(options: Namespace, derivation: Derivation) -> int:
    """The spec and the weights beside it, both or none; then what was done."""
    from ..backend import backend
    from ..loader import find_model
    from ..output import write_all
    from ..rewrite.words import summary

    text = backend("cnn").emit(derivation.result)
    files = {options.output: text.encode()}
    notes = [summary(derivation)]
    if options.weights:
        target = _weights_target(options)
        files[target], said = _moved(options, derivation, text)
        notes += [*said, f"{target}: the weights of {options.weights}, moved along"]
    specs = [] if options.file == STDIN else [find_model(options.file)[0]]
    weights = [options.weights] if options.weights else []
    write_all(files, [*specs, *weights])
    say("\n".join(notes))
    return OK


def _weights_target(options: Namespace) -> str:
    """Where moved weights go. Raises UsageError when nobody said so, or the spec goes there."""
    if options.weights_output:
        if os.path.realpath(options.weights_output) == os.path.realpath(options.output):
            raise UsageError(f"`{options.output}` is for the spec", "the weights need another name")
        if not options.weights_output.endswith(".safetensors"):
            raise UsageError(
                f"weights cannot be written as `{options.weights_output}`",
                "the ending is `.safetensors`",
            )
        return str(options.weights_output)
    if options.output == STDIN:
        raise UsageError("where are the weights to go?", "`-o out.cnn` or `--weights-output FILE`")
    return f"{os.path.splitext(options.output)[0]}.safetensors"


def _moved(options: Namespace, derivation: Derivation, text: str) -> tuple[bytes, list[str]]:
    """The weights after all steps as a file, and what is to be said about them.

    Arguments:
        text: the spec, whose layers the file names.
    """
    from ..driver import compile_model
    from ..rewrite.carry import carry
    from ..source import Source
    from ..verify.checkpoints.save import safetensors_of
    from ..verify.module_weights import by_key, check, read, renamed

    given = read(derivation.start, options.weights)
    carried = carry(derivation, given)
    if carried.fresh:
        names = [".".join(path) for path in carried.fresh]
        fail(
            "E1007",
            f"{len(names)} layer{'s are' if len(names) > 1 else ' is'} new, without weights",
            notes=[f"they are {', '.join(names[:6])}{', ...' if len(names) > 6 else ''}"],
            help=["a rule that keeps the function moves all weights: `cnnc rules` says which do"],
        )
    written = compile_model(Source(options.output, text), max_nodes=NODES.cap).module
    weights = renamed(derivation.module, written, carried.weights)
    check(written, weights)
    content = safetensors_of(written, by_key(weights), options.weights)
    return content, _errors(derivation, given, carried.weights)


def _errors(derivation: Derivation, given: Weights, moved: Weights) -> list[str]:
    """What approximate steps lost, measured: each of them, and the whole."""
    from ..rewrite.carry import carry
    from ..rewrite.engine import Derivation
    from ..rewrite.error import errors, network_error
    from ..rewrite.words import lost

    if not any("approximate" in step.rewrite.kinds for step in derivation.steps):
        return []
    said, before = [], given
    for step in derivation.steps:
        after = carry(Derivation(step.before, (step,), derivation.settings), before).weights
        if "approximate" in step.rewrite.kinds:
            said.append(lost(step, errors(step, before, after)))
        before = after
    whole = network_error(derivation.start, derivation.module, given, moved)
    return [*said, f"all outputs together: {100 * whole:.2g} % of their length, for white noise"]
