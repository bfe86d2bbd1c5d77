"""The command line: arguments, files, exit codes. The only module that prints.

    cnnc check resnet50.cnn
    cnnc compile resnet50.cnn --set classes=10 -o resnet50.py

Results go to standard output, messages to standard error. Start-up time matters
here: a command imports what it needs inside its own function.
"""

from __future__ import annotations

import os
import sys

from .diagnostics import CnnError, Diagnostic, did_you_mean
from .record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable, Iterable, Sequence
    from typing import NoReturn, TextIO

    from . import driver
    from .graph import Module
    from .render import Style
    from .source import Source
    from .symbol import Size
    from .verify.trace import Reference
    from .verify.weights import Weights

OK, IN_SPEC, USAGE, MISSING_TOOL, INPUT_OUTPUT, LIMIT, INTERNAL = 0, 1, 2, 3, 4, 5, 70
INTERRUPTED, TERMINATED = 130, 143
EXIT_CODES = {
    "E0702": MISSING_TOOL, "E0705": USAGE, "E0901": USAGE, "E0904": USAGE, "E0905": INPUT_OUTPUT
}  # fmt: skip
"""Of diagnostics whose group says something else."""
MAX_NODES, HARD_MAX_NODES = 20_000, 100_000
STDIN = "-"


class UsageError(Exception):
    """The command line itself is wrong. `help` is the next step."""

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message)
        self.help = help


class Command(Record):
    """A word after `cnnc`.

    Arguments:
        usage: its arguments, as the manual writes them.
        summary: what it does, in one line.
        configure: declares its options.
        run: does it; returns the exit code.
    """

    usage: str
    summary: str
    configure: Callable[[ArgumentParser], None]
    run: Callable[[Namespace], int]


# ----------------------------------------------------------------------- main


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `cnnc` with these arguments. Returns the exit code; no input ends in a traceback."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        code = _guarded(given)
        _flush()
        return code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return _reader_left()


def _guarded(given: list[str]) -> int:
    """Run the command; every failure becomes a message and an exit code."""
    try:
        return _dispatch(given)
    except SystemExit as leaving:  # argparse after `--help`, a signal
        return leaving.code if isinstance(leaving.code, int) else OK
    except UsageError as problem:
        return _usage(problem)
    except CnnError as problem:
        return _failed(problem.diagnostics, _color_choice(given))
    except (BrokenPipeError, KeyboardInterrupt):
        raise
    except Exception as problem:
        if os.environ.get("CNNC_DEBUG") == "1":
            raise
        return _internal(problem, given)


def _dispatch(arguments: list[str]) -> int:
    """Find the command, wherever it stands among the options, and run it."""
    words = [argument for argument in arguments if not argument.startswith("-")]
    name = next((word for word in words if word in COMMANDS), None)
    if name is None or words[0] == "help":
        return _without_command(arguments, words)
    at = arguments.index(name)
    return _run(name, arguments[:at] + arguments[at + 1 :])


def _without_command(arguments: list[str], words: list[str]) -> int:
    if "--version" in arguments or "-V" in arguments:
        return _print(f"cnnc {_version()}")
    if not arguments or set(arguments) & {"-h", "--help"}:
        return _print(_overview())
    if words and words[0] == "help":
        known = [word for word in words[1:] if word in COMMANDS]
        return _run(known[0], ["--help"]) if known else _print(_overview())
    if not words:
        raise UsageError(f"there is no option `{arguments[0]}`", "see `cnnc --help`")
    raise _unknown_command(words[0])


def _unknown_command(word: str) -> UsageError:
    if word.endswith(".cnn") or ".cnn:" in word or os.path.exists(word):
        return UsageError(f"what is to be done with `{word}`?", f"`cnnc check {word}` checks it")
    nearest = did_you_mean(word, COMMANDS)
    help = f"did you mean `cnnc {nearest}`?" if nearest else "`cnnc --help` lists the commands"
    return UsageError(f"there is no command `{word}`", help)


def _run(name: str, arguments: list[str]) -> int:
    command = COMMANDS[name]
    options = _parse(name, command, arguments)
    return command.run(options)


def _parse(name: str, command: Command, arguments: list[str]) -> Namespace:
    """The options of a command. Raises UsageError."""
    import argparse

    class Parser(argparse.ArgumentParser):
        def error(self, message: str) -> NoReturn:
            raise _argument_error(name, message)

    parser = Parser(
        prog=f"cnnc {name}",
        usage=f"cnnc {name} {command.usage}".rstrip(),
        description=command.summary,
        allow_abbrev=False,
        formatter_class=lambda prog: argparse.HelpFormatter(prog, width=90),
    )
    command.configure(parser)
    parser.add_argument(
        "--color", type=_choice("auto", "always", "never"), default="auto", metavar="WHEN",
        help="auto (default), always or never",
    )  # fmt: skip
    options, unknown = parser.parse_known_intermixed_args(arguments)
    if unknown:
        raise _unknown_argument(name, unknown[0], list(parser._option_string_actions))
    return options


def _argument_error(name: str, message: str) -> UsageError:
    """Argparse's words in ours."""
    usage = f"cnnc {name} {COMMANDS[name].usage}".rstrip()
    if message.startswith("the following arguments are required: "):
        missing = message.partition(": ")[2]
        return UsageError(f"`cnnc {name}` needs {missing}", f"usage: {usage}")
    if message.startswith("argument "):
        option, _, what = message.removeprefix("argument ").partition(": ")
        return UsageError(f"`{option}`: {what}", f"usage: {usage}")
    return UsageError(message, f"usage: {usage}")


def _unknown_argument(name: str, word: str, options: list[str]) -> UsageError:
    if not word.startswith("-"):
        return UsageError(f"`cnnc {name}` has no use for `{word}`", f"see `cnnc {name} --help`")
    nearest = did_you_mean(word.partition("=")[0], options)
    help = f"did you mean `{nearest}`?" if nearest else f"`cnnc {name} --help` lists the options"
    return UsageError(f"`cnnc {name}` has no option `{word.partition('=')[0]}`", help)


def _choice(*choices: str) -> Callable[[str], str]:
    """An argument that is one of some words."""

    def check(word: str) -> str:
        if word in choices:
            return word
        from argparse import ArgumentTypeError

        nearest = did_you_mean(word, choices)
        hint = f"; did you mean `{nearest}`?" if nearest else ""
        raise ArgumentTypeError(f"`{word}` is none of {', '.join(choices)}{hint}")

    return check


def _node_limit(text: str) -> int:
    from argparse import ArgumentTypeError

    digits = text.replace("_", "").replace(",", "")
    if not digits.isdecimal() or len(digits) > 9 or not 1 <= int(digits) <= HARD_MAX_NODES:
        raise ArgumentTypeError(f"a number from 1 to {HARD_MAX_NODES:,} is needed, not `{text}`")
    return int(digits)


# ------------------------------------------------------------------- printing


def _print(text: str) -> int:
    """A result, to standard output."""
    from .output import write_stdout

    write_stdout(f"{text}\n".encode(errors="backslashreplace"))
    return OK


def _say(text: str) -> None:
    """A message, to standard error."""
    if sys.stderr is not None:
        print(text, file=sys.stderr)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not stream.closed:
            stream.flush()


def _style(stream: TextIO | None, choice: str = "auto") -> Style:
    """Colours, width and signs that suit a stream."""
    from .render import WIDTH, Style

    terminal = stream is not None and not stream.closed and stream.isatty()
    width = WIDTH
    if terminal:
        from shutil import get_terminal_size

        width = max(get_terminal_size((WIDTH, 24)).columns, 40)
    encoding = getattr(stream, "encoding", None) or "ascii"
    unicode = encoding.lower().replace("-", "").startswith("utf")
    return Style(_use_color(choice, terminal), width, unicode)


def _use_color(choice: str, terminal: bool) -> bool:
    """`--color` first, then NO_COLOR, FORCE_COLOR and TERM, then whether a person reads."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") != "0":
        return True
    return terminal and os.environ.get("TERM") != "dumb"


def _color_choice(arguments: Sequence[str]) -> str:
    """The value of `--color`, for errors that end a command."""
    for before, argument in zip(["", *arguments], arguments, strict=False):
        word = argument if before == "--color" else argument.removeprefix("--color=")
        if (before == "--color" or word != argument) and word in ("always", "never"):
            return word
    return "auto"


def _report(diagnostics: Sequence[Diagnostic], color: str) -> None:
    """Diagnostics as text, to standard error."""
    if diagnostics:
        from .render import render_all

        style = _style(sys.stderr, color)
        _say(render_all(diagnostics, color=style.color, width=style.width, unicode=style.unicode))


def _failed(diagnostics: Sequence[Diagnostic], color: str) -> int:
    _report(diagnostics, color)
    return exit_code(diagnostics)


def exit_code(diagnostics: Iterable[Diagnostic]) -> int:
    """The exit code for these diagnostics. Errors in the spec count before everything else."""
    codes = {_code_of(diagnostic) for diagnostic in diagnostics if diagnostic.is_error}
    order = (IN_SPEC, LIMIT, INPUT_OUTPUT, MISSING_TOOL, USAGE)
    return next((code for code in order if code in codes), OK)


def _code_of(diagnostic: Diagnostic) -> int:
    code, place = diagnostic.code, diagnostic.place
    if code.startswith("E06"):
        return LIMIT
    if code in EXIT_CODES:
        return EXIT_CODES[code]
    if place is not None and place.source.name.startswith("--"):
        return USAGE
    if code.startswith("E07") or (place is None and code == "E0501"):
        return INPUT_OUTPUT
    return USAGE if place is None and code.startswith(("E02", "E08")) else IN_SPEC


def _usage(problem: UsageError) -> int:
    style = _style(sys.stderr)
    _say(f"{style.paint('error', 'cnnc')}: {style.visible(str(problem))}")
    if problem.help:
        _say(f"      {style.visible(problem.help)}")
    return USAGE


def _reader_left() -> int:
    """The pipe was closed: what reads us has enough. Python must not complain at its exit."""
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            os.dup2(null, stream.fileno())
        except (OSError, ValueError, AttributeError):
            continue
    return OK


def _internal(problem: BaseException, arguments: Sequence[str]) -> int:
    """One line for the user; everything else goes to a file for the report."""
    from tempfile import mkstemp
    from traceback import format_exception

    kind = type(problem).__name__
    try:
        handle, path = mkstemp(".txt", "cnnc-report-")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as report:
            report.write(f"cnnc {_version()}, Python {sys.version}\n{sys.platform}\n")
            report.write(f"cnnc {' '.join(arguments)}\n\n")
            report.writelines(format_exception(problem))
        where = f"the report is in {path}"
    except OSError:
        where = "no report could be written; CNNC_DEBUG=1 shows the details"
    _say(f"internal error[I9001]: {kind} in cnnc, which is our fault; {where}")
    return INTERNAL


def _version() -> str:
    import cnndsl

    return str(getattr(cnndsl, "__version__", "0.1.0"))


def _overview() -> str:
    width = max(map(len, COMMANDS))
    lines = "\n".join(f"  {name:{width}}  {COMMANDS[name].summary}" for name in COMMANDS)
    return f"""\
usage: cnnc COMMAND ... [options]

{lines}

`cnnc COMMAND --help` has the options of each. A first try:

  cnnc list
  cnnc check resnet50.cnn
  cnnc compile resnet50.cnn -o resnet50.py"""


# ---------------------------------------------------------------------- input


def _stdin() -> bytes:
    """Everything on standard input. Raises UsageError when there is none."""
    if sys.stdin is None:
        raise UsageError("standard input is closed")
    if sys.stdin.isatty():
        _say("reading from standard input; end it with Ctrl-D")
    stream = getattr(sys.stdin, "buffer", None)
    content = stream.read() if stream is not None else sys.stdin.read().encode()
    return bytes(content)


def _options_for_spec(parser: ArgumentParser) -> None:
    """Options of every command that compiles a model."""
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", type=_assignment,
        help="give a parameter of the model another value",
    )  # fmt: skip
    parser.add_argument("--input", metavar="HxWxC", help="another input size, `32x32x3`")
    parser.add_argument("--dialect", metavar="NAME", help="torch, keras, caffe or paper")
    _options_for_check(parser)


def _options_for_check(parser: ArgumentParser) -> None:
    parser.add_argument("--strict", action="store_true", help="take warnings as errors")
    parser.add_argument(
        "--max-nodes", type=_node_limit, default=MAX_NODES, metavar="N",
        help=f"limit of the expanded network (default {MAX_NODES:,})",
    )  # fmt: skip
    parser.add_argument(
        "--stdin-filename", metavar="NAME", default="<stdin>", help="the name messages give to `-`"
    )


def _assignment(text: str) -> tuple[str, str]:
    """`classes=10` as a pair."""
    from argparse import ArgumentTypeError

    name, sign, value = text.partition("=")
    if not (sign and name.strip() and value.strip()):
        raise ArgumentTypeError(f"write it as `name=value`, not `{text}`")
    return name.strip(), value.strip()


def _source(spec: str, stdin_filename: str) -> str | Source:
    """A spec as the driver takes it: its name, or the text of standard input."""
    if spec != STDIN:
        return spec
    from .loader import decode_source

    path = stdin_filename if stdin_filename != "<stdin>" else None
    return decode_source(_stdin(), stdin_filename, path)


def _compiled(options: Namespace) -> driver.Compiled:
    """The one model that the options ask for; its warnings are printed."""
    from . import driver

    compiled = driver.compile_model(
        _source(options.file, options.stdin_filename),
        settings=dict(options.set),
        input=options.input,
        dialect=options.dialect,
        strict=options.strict,
        max_nodes=options.max_nodes,
    )
    _report(compiled.diagnostics, options.color)
    return compiled


def _write(options: Namespace, content: bytes) -> int:
    """The result of a command, to `-o` or standard output."""
    from .loader import find_model
    from .output import write_all

    inputs = [] if options.file == STDIN else [find_model(options.file)[0]]
    _clean_up_when_terminated()
    write_all({options.output: content}, inputs)
    return OK


def _clean_up_when_terminated() -> None:
    """Make SIGTERM an exception, so that no temporary file is left behind."""
    from signal import SIGTERM, signal

    def leave(*_: object) -> NoReturn:
        raise SystemExit(TERMINATED)

    try:
        signal(SIGTERM, leave)
    except ValueError:  # not the main thread: whoever called us handles signals
        return


def _option_output(parser: ArgumentParser) -> None:
    parser.add_argument(
        "-o", "--output", metavar="OUT", default=STDIN, help="file to write; `-` is standard output"
    )


def _option_file(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE[:MODEL]", help="a spec; `-` is standard input")


# ---------------------------------------------------------------------- check


def _configure_check(parser: ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE[:MODEL]", help="`-` is standard input")
    parser.add_argument(
        "--output-format", type=_choice("text", "json", "github"), default="text",
        metavar="FORMAT", help="text (default), json or github",
    )  # fmt: skip
    _options_for_check(parser)


def _check(options: Namespace) -> int:
    """Every error of every file in one run; one line for each model that holds."""
    diagnostics: list[Diagnostic] = []
    models: list[driver.Compiled] = []
    for spec in options.files:
        try:
            models += _checked(spec, options, diagnostics)
        except CnnError as problem:
            diagnostics += problem.diagnostics
    if options.output_format == "text":
        _report(diagnostics, options.color)
        for compiled in models:
            _print(_verdict(compiled))
        if not models and not diagnostics:
            _say("no errors, and no model to check")
    else:
        from .output import write_stdout

        text = _for_tools(options.output_format, diagnostics, models)
        write_stdout(text.encode(errors="backslashreplace"))
    return exit_code(diagnostics)


def _checked(spec: str, options: Namespace, diagnostics: list[Diagnostic]) -> list[driver.Compiled]:
    """The compiled models of a file; its warnings join the diagnostics. Raises CnnError."""
    from . import driver

    source = _source(spec, options.stdin_filename)
    found = driver.check(source, strict=options.strict, max_nodes=options.max_nodes)
    for compiled in found:
        diagnostics += compiled.diagnostics
    return found


def _for_tools(
    format: str, diagnostics: Sequence[Diagnostic], models: Sequence[driver.Compiled]
) -> str:
    from .render import to_github, to_json

    if format == "github":
        return to_github(diagnostics)
    return to_json(diagnostics, [_facts(compiled) for compiled in models])


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
        from .passes.domain import domain

        parts += domain(compiled.module).describe()
    return f"ok {compiled.module.name}: {', '.join(parts)}"


def _short(size: Size) -> str:
    """`4.09 G`; a formula as people write it."""
    if not isinstance(size, int):
        from .notation import number

        return number(size)
    for least, unit in ((10**12, "T"), (10**9, "G"), (10**6, "M")):
        if size >= least:
            return f"{size / least:.2f} {unit}"
    return f"{size:,}"


# ---------------------------------------------------- compile, draw and report


PASSES = ("elaborate", "flatten")


def _configure_compile(parser: ArgumentParser) -> None:
    _option_file(parser)
    parser.add_argument("--target", default="flax", metavar="NAME", help="backend (default flax)")
    parser.add_argument(
        "--print-after", type=_choice(*PASSES), metavar="PASS",
        help="print the graph after elaborate or flatten, and emit nothing",
    )  # fmt: skip
    _option_output(parser)
    _options_for_spec(parser)


def _compile(options: Namespace) -> int:
    if options.print_after:
        return _print_after(options)
    from .backend import backend

    target = backend(options.target)
    compiled = _compiled(options)
    return _write(options, target.emit(compiled.module).encode())


def _print_after(options: Namespace) -> int:
    """The intermediate representation as text."""
    from .irtext import print_module
    from .record import replace

    module = _compiled(options).module
    if options.print_after == "flatten":
        from .passes.flatten import flatten

        module = replace(module, functions=(flatten(module),))
    return _write(options, print_module(module).encode())


FORMATS = ("svg", "pdf", "png", "dot")


def _configure_draw(parser: ArgumentParser) -> None:
    _option_file(parser)
    parser.add_argument(
        "--format", type=_choice(*FORMATS), metavar="FORMAT",
        help="svg, pdf, png or dot; by default the ending of OUT says it",
    )  # fmt: skip
    for name, what in FIGURE_OPTIONS.items():
        parser.add_argument(f"--{name}", metavar=name.upper(), help=what)
    for name, what in FIGURE_PARTS.items():
        parser.add_argument(
            f"--no-{name}", dest=name, action="store_const", const=False, help=f"leave out {what}"
        )
    _option_output(parser)
    _options_for_spec(parser)


FIGURE_OPTIONS = {
    "level": "what is a box: network (a stage), block (default), layer or op",
    "direction": "where the flow goes: TB (default), BT or LR",
    "shapes": "sizes on the edges: changes (default), all or none",
    "theme": "paper (default) or grey",
    "opened": "blocks or labels that are opened at any level: `conv4_x,incep*`",
    "closed": "blocks or labels that stay closed at any level",
    "font": "names of fonts, a generic one last",
}
FIGURE_PARTS = {
    "caption": "the caption",
    "legend": "the legend",
    "training": "what exists in training only",
}


def _draw(options: Namespace) -> int:
    from .backend import figure_backend

    format = options.format or _format_of(options.output)
    compiled = _compiled(options)
    names = (*FIGURE_OPTIONS, *FIGURE_PARTS)
    given = {name: getattr(options, name) for name in names}
    chosen = {name: value for name, value in given.items() if value is not None}
    dot = figure_backend()
    if format == "dot":
        return _write(options, dot.emit(compiled.module, **chosen).encode())
    return _write(options, dot.render(compiled.module, format, **chosen))


def _format_of(path: str) -> str:
    """The format of a figure from the ending of its name. Raises UsageError."""
    if path == STDIN:
        return "dot"
    ending = os.path.splitext(path)[1].lstrip(".").lower()
    if ending in FORMATS:
        return ending
    known = ", ".join(f".{format}" for format in FORMATS)
    raise UsageError(f"the ending of `{path}` names no format", f"use {known}, or give `--format`")


def _configure_report(parser: ArgumentParser) -> None:
    _option_file(parser)
    for format in ("json", "csv", "markdown"):
        parser.add_argument(
            f"--{format}", dest="format", action="store_const", const=format, help=f"as {format}"
        )
    parser.add_argument("--level", metavar="LEVEL", help="a line for each block (default) or layer")
    parser.add_argument(
        "--convention", metavar="NAME",
        help="how operations are counted: macs (default), flops, torch, fvcore, ...",
    )  # fmt: skip
    _option_output(parser)
    _options_for_spec(parser)


def _table(options: Namespace) -> int:
    from .backend import backend

    compiled = _compiled(options)
    names = ("format", "level", "convention")
    given = {name: getattr(options, name) for name in names}
    chosen = {name: value for name, value in given.items() if value is not None}
    text = backend("report").emit(compiled.module, **chosen)
    return _write(options, text.encode())


# --------------------------------------------------------------------- verify


def _configure_verify(parser: ArgumentParser) -> None:
    _option_file(parser)
    parser.add_argument(
        "--against", metavar="NETWORK",
        help="keras:ResNet50, torch:MODULE:FACTORY, onnx:FILE or flax:MODULE:CLASS",
    )  # fmt: skip
    parser.add_argument(
        "--weights", metavar="FILE", help="take the weights of .safetensors, .pth, .h5 or .keras"
    )
    parser.add_argument(
        "-o", "--output", metavar="OUT", help="with --weights: write them for the emitted code"
    )
    parser.add_argument("--json", action="store_true", help="the result as JSON")
    parser.add_argument("--seed", type=_natural, default=0, help="of random weights and inputs")
    parser.add_argument(
        "--tolerance", type=_tolerance, default=1e-5, metavar="X",
        help="greatest difference of outputs, in units of the largest value (default 1e-5)",
    )  # fmt: skip
    _options_for_spec(parser)


def _natural(text: str) -> int:
    from argparse import ArgumentTypeError

    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise ArgumentTypeError(f"a whole number is needed, not `{text}`")
    return int(text)


def _tolerance(text: str) -> float:
    from argparse import ArgumentTypeError

    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 < found < 1:
        raise ArgumentTypeError(f"a number between 0 and 1 is needed, not `{text}`")
    return found


def _verify(options: Namespace) -> int:
    """Compare with another framework, convert a checkpoint, or both."""
    if not (options.against or options.weights):
        raise UsageError(
            "`cnnc verify` needs something to compare with",
            "`--against keras:ResNet50` names a network, `--weights FILE` a checkpoint",
        )
    if options.output and not options.weights:
        raise UsageError("`-o` is for the weights of `--weights FILE`", "give both, or neither")
    if options.weights and not (options.against or options.output):
        raise UsageError("where are the weights to go?", "`-o weights.safetensors` writes them")
    module = _compiled(options).module
    if not options.against:
        return _convert(options, module)
    from .verify import open_reference, weights_of
    from .verify.ours import sizes

    reference = open_reference(options.against, [sizes(value) for value in module.main.inputs])
    weights = None
    if options.weights:
        reference.load(options.weights)
        weights = weights_of(module, reference)
    _judge(options, module, reference, weights)
    if weights is not None and options.output:
        from .verify.checkpoint import save

        save(options.output, module, weights)
    return OK


def _convert(options: Namespace, module: Module) -> int:
    """The weights of a checkpoint for the emitted code, paired without a reference."""
    from .verify.checkpoint import convert, read_checkpoint, save

    save(options.output, module, convert(module, read_checkpoint(options.weights)))
    return OK


def _judge(
    options: Namespace, module: Module, reference: Reference, weights: Weights | None
) -> None:
    """Print the verdict. Raises CnnError where the networks differ."""
    from .verify import as_json, described, problem, verify

    verdict = verify(
        module, reference, seed=options.seed, tolerance=options.tolerance, weights=weights,
        origin=options.weights or "random",
    )  # fmt: skip
    if options.json:
        import json

        _print(json.dumps(as_json(verdict), indent=2))
    else:
        _print(described(verdict))
    if not verdict.equal:
        raise problem(verdict)


# ------------------------------------------------------------------------ fmt


def _configure_fmt(parser: ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="`-` is standard input")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if needed")
    parser.add_argument("--diff", action="store_true", help="write nothing; print the changes")
    parser.add_argument(
        "--stdin-filename", metavar="NAME", default="<stdin>", help="the name messages give to `-`"
    )


def _fmt(options: Namespace) -> int:
    """Format files in place, all of them or, when one has an error, the others."""
    diagnostics: list[Diagnostic] = []
    changed: dict[str, bytes] = {}
    for path in options.files:
        try:
            _format_one(path, options, changed)
        except CnnError as problem:
            diagnostics += problem.diagnostics
    if not (options.check or options.diff):
        from .output import write_all

        _clean_up_when_terminated()
        write_all(changed)
    _report(diagnostics, options.color)
    return exit_code(diagnostics) or (IN_SPEC if options.check and changed else OK)


def _format_one(path: str, options: Namespace, changed: dict[str, bytes]) -> None:
    """The new text of a file, if it differs, into `changed`. Raises CnnError."""
    from .loader import decode_source, read_source
    from .printer import format_source

    if path == STDIN:
        source = decode_source(_stdin(), options.stdin_filename)
    else:
        source = read_source(path, path)
    text = format_source(source)
    if path == STDIN and not (options.check or options.diff):
        changed[path] = text.encode()
        return
    if text == source.text:
        return
    changed[path] = text.encode()
    if options.diff:
        _print(_difference(source, text))
    elif options.check:
        _say(f"would format {source.name}")
    else:
        _say(f"formatted {source.name}")


def _difference(source: Source, text: str) -> str:
    from difflib import unified_diff

    old, new = source.text.splitlines(), text.splitlines()
    return "\n".join(unified_diff(old, new, source.name, source.name, lineterm=""))


# ------------------------------------------------- list, explain, ops, doctor


def _configure_list(parser: ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", metavar="FILE", help="by default the shipped specs")


def _list(options: Namespace) -> int:
    """The shipped specs, or the models of a file."""
    from . import driver

    if options.file is not None:
        return _print("\n".join(driver.models(_source(options.file, "<stdin>"))))
    return _print("\n".join(_entry(*spec) for spec in driver.shipped()))


def _entry(file: str, models: Sequence[str], note: str) -> str:
    """A spec with its source and its models, in a few lines."""
    from .render import wrap

    lines = [f"  {line}" for line in wrap(note, 90)] if note else []
    lines += [f"    {line}" for line in wrap(" ".join(models), 88)]
    return "\n".join([os.path.basename(file), *lines])


def _configure_explain(parser: ArgumentParser) -> None:
    parser.add_argument("code", metavar="CODE", nargs="?", help="`E0301`; without it, all codes")


def _explain(options: Namespace) -> int:
    """The page of a code."""
    from .codes import CODES, index, page

    if options.code is None:
        return _print(index())
    code = options.code.upper().rpartition("[")[2].rstrip("]")
    if code not in CODES:
        raise _unknown_code(options.code, list(CODES))
    return _print(page(CODES[code]))


def _unknown_code(given: str, codes: list[str]) -> UsageError:
    from .manual import words

    if given in words():
        return UsageError(f"`{given}` is no code", f"`cnnc ops {given}` explains the operator")
    nearest = did_you_mean(given.upper(), codes)
    hint = f"did you mean `{nearest}`?" if nearest else "`cnnc explain` lists all codes"
    return UsageError(f"there is no code `{given}`", hint)


def _configure_ops(parser: ArgumentParser) -> None:
    parser.add_argument("word", nargs="?", metavar="WORD", help="without it, all operators")


def _ops(options: Namespace) -> int:
    """The manual of one operator, or the list of all."""
    from .manual import entry, overview, words

    if options.word is None:
        return _print(overview())
    if options.word not in words():
        nearest = did_you_mean(options.word, words())
        hint = f"did you mean `{nearest}`?" if nearest else "`cnnc ops` lists all operators"
        raise UsageError(f"there is no operator `{options.word}`", hint)
    return _print(entry(options.word))


def _configure_doctor(parser: ArgumentParser) -> None:
    """`doctor` has no options of its own."""


def _doctor(options: Namespace) -> int:
    """What is installed, and what is missing for which command."""
    rows = [
        ("cnnc", _version(), ""),
        ("python", sys.version.split()[0], ""),
        ("dot", _dot_version(), "figures need Graphviz: apt install graphviz"),
        *((name, _installed(name), f"{why}: pip install {name}") for name, why in EXTRAS),
        ("output", getattr(sys.stdout, "encoding", None) or "", ""),
    ]
    lines = (f"{name:9} {found or f'missing ({hint})'}" for name, found, hint in rows)
    return _print("\n".join(lines))


EXTRAS = (
    ("networkx", "graph queries need it"),
    ("jax", "emitted models run on it"),
    ("flax", "emitted models run on it"),
)


def _installed(name: str) -> str:
    """The version of an installed package, or nothing; it is not imported."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _dot_version() -> str:
    """What `dot -V` says, or nothing."""
    from shutil import which
    from subprocess import SubprocessError, run

    dot = which("dot")
    if dot is None:
        return ""
    try:
        said = run([dot, "-V"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, SubprocessError):
        return ""
    return f"{said.stderr.strip()} ({dot})"


COMMANDS: dict[str, Command] = {
    "check": Command(
        "FILE[:MODEL] ... [--strict] [--output-format text|json|github]",
        "find every error and prove every expectation",
        _configure_check,
        _check,
    ),
    "compile": Command(
        "FILE[:MODEL] [--target NAME] [-o OUT] [--set NAME=VALUE] [--input HxWxC]",
        "emit a model as code, Flax by default",
        _configure_compile,
        _compile,
    ),
    "draw": Command(
        "FILE[:MODEL] [-o OUT.(svg|pdf|png|dot)] [--level network|block|layer|op]",
        "draw a model",
        _configure_draw,
        _draw,
    ),
    "report": Command(
        "FILE[:MODEL] [--json | --csv | --markdown] [-o OUT]",
        "tabulate layers, shapes, parameters and costs",
        _configure_report,
        _table,
    ),
    "verify": Command(
        "FILE[:MODEL] --against NETWORK [--weights FILE [-o OUT]]",
        "compare with a network of Keras, PyTorch, ONNX or Flax; take over its weights",
        _configure_verify,
        _verify,
    ),
    "fmt": Command("FILE ... [--check] [--diff]", "format specs", _configure_fmt, _fmt),
    "list": Command(
        "[FILE]", "list the shipped specs, or the models of a file", _configure_list, _list
    ),
    "explain": Command("[CODE]", "explain the code of an error", _configure_explain, _explain),
    "ops": Command("[WORD]", "the manual of the operators", _configure_ops, _ops),
    "doctor": Command("", "show what is installed", _configure_doctor, _doctor),
}
