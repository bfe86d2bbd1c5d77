"""The command line: find the command, parse its options, turn every failure into an exit code.

    cnnc check resnet50.cnn
    cnnc compile resnet50.cnn --set classes=10 -o resnet50.py

The commands are in `commands/`, one file each. Start-up time matters here: a command
imports what it needs inside its own functions.
"""

from __future__ import annotations

import os
import sys

from .commands import COMMANDS, load
from .commands.options import choice, limit_given
from .diagnostics import CnnError, Diagnostic, did_you_mean
from .exits import INTERNAL, OK, USAGE, UsageError, exit_code
from .interrupts import Interrupts
from .limits import raised
from .terminal import put, report, say, show, style_of
from .version import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable, Sequence
    from typing import NoReturn


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `cnnc` with these arguments. Returns the exit code; no input ends in a traceback."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    with Interrupts() as interrupts:
        try:
            return _guarded(given, interrupts)
        except KeyboardInterrupt:
            say(f"cnnc: stopped by {interrupts.name}")
            return interrupts.exit_code
        except BrokenPipeError:  # what reads us has enough
            from .output import discard

            discard(sys.stdout)
            return OK


def _guarded(given: list[str], interrupts: Interrupts) -> int:
    """Run the command; every failure becomes a message and an exit code."""
    try:
        return _dispatch(given)
    except SystemExit:  # argparse after `--help`
        return OK
    except UsageError as problem:
        return _usage(problem)
    except CnnError as problem:
        return _failed(problem.diagnostics, _color_choice(given))
    except (BrokenPipeError, KeyboardInterrupt):
        raise
    except Exception as problem:
        if interrupts.number:  # a library made something else of it
            raise KeyboardInterrupt from None
        if os.environ.get("CNNC_DEBUG") == "1":
            raise
        return _internal(problem, given)


def _dispatch(arguments: list[str]) -> int:
    """Find the command, wherever it stands among the options, and run it."""
    arguments = _without_dashes(arguments)
    words = [argument for argument in arguments if not argument.startswith("-")]
    name = next((word for word in words if word in COMMANDS), None)
    if name is None or words[0] == "help":
        return _without_command(arguments, words)
    at = arguments.index(name)
    return _run(name, arguments[:at] + arguments[at + 1 :])


def _without_dashes(arguments: list[str]) -> list[str]:
    """What stands behind `--` is no option: the file `-x.cnn` becomes `./-x.cnn`."""
    if "--" not in arguments:
        return arguments
    at = arguments.index("--")
    names = arguments[at + 1 :]
    files = [f"./{name}" if len(name) > 1 and name[0] == "-" else name for name in names]
    return arguments[:at] + files


def _without_command(arguments: list[str], words: list[str]) -> int:
    if "--version" in arguments or "-V" in arguments:
        return show(f"cnnc {__version__}")
    if not arguments or set(arguments) & {"-h", "--help"}:
        return show(_overview())
    if words and words[0] == "help":
        known = [word for word in words[1:] if word in COMMANDS]
        return _run(known[0], ["--help"]) if known else show(_overview())
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
    command = load(name)
    options = _parse(name, command.configure, arguments)
    with raised(dict(options.limit)):
        code: int = command.run(options)
    return code


def _parse(
    name: str, configure: Callable[[ArgumentParser], None], arguments: list[str]
) -> Namespace:
    """The options of a command. Raises UsageError."""
    import argparse

    class Parser(argparse.ArgumentParser):
        def error(self, message: str) -> NoReturn:
            raise _argument_error(name, message)

        def print_help(self, file: object = None) -> None:
            show(self.format_help().rstrip())

    parser = Parser(
        prog=f"cnnc {name}",
        usage=f"cnnc {name} {COMMANDS[name].usage}".rstrip(),
        description=COMMANDS[name].summary,
        allow_abbrev=False,
        formatter_class=lambda prog: argparse.HelpFormatter(prog, width=90),
    )
    configure(parser)
    parser.add_argument(
        "--color", type=choice("auto", "always", "never"), default="auto", metavar="WHEN",
        help="auto (default), always or never",
    )  # fmt: skip
    parser.add_argument(
        "--limit", action="append", default=[], type=limit_given, metavar="NAME=N",
        help="another value for a limit, `nodes=50000`; docs/limits.md lists them",
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


def _color_choice(arguments: Sequence[str]) -> str:
    """The value of `--color`, for errors that end a command."""
    for before, argument in zip(["", *arguments], arguments, strict=False):
        word = argument if before == "--color" else argument.removeprefix("--color=")
        if (before == "--color" or word != argument) and word in ("always", "never"):
            return word
    return "auto"


def _failed(diagnostics: Sequence[Diagnostic], color: str) -> int:
    report(diagnostics, color)
    return exit_code(diagnostics)


def _usage(problem: UsageError) -> int:
    style = style_of(sys.stderr)
    put(f"{style.paint('error', 'cnnc')}: {style.visible(str(problem))}")
    if problem.help:
        say(f"      {problem.help}")
    return USAGE


def _internal(problem: BaseException, arguments: Sequence[str]) -> int:
    """One line for the user; everything else goes to a file for the report."""
    from tempfile import mkstemp
    from traceback import format_exception

    kind = type(problem).__name__
    try:
        handle, path = mkstemp(".txt", "cnnc-report-")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as report:
            report.write(f"cnnc {__version__}, Python {sys.version}\n{sys.platform}\n")
            report.write(f"cnnc {' '.join(arguments)}\n\n")
            report.writelines(format_exception(problem))
        where = f"the report is in {path}"
    except OSError:
        where = "no report could be written; CNNC_DEBUG=1 shows the details"
    say(f"internal error[I9001]: {kind} in cnnc, which is our fault; {where}")
    return INTERNAL


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
