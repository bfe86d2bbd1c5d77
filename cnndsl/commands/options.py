"""Options and steps that several commands share."""

from __future__ import annotations

import sys

from ..diagnostics import did_you_mean
from ..exits import OK, UsageError
from ..limits import DIGITS, NODES, TABLE
from ..terminal import report, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable

    from .. import driver
    from ..limits import Limit
    from ..source import Source

STDIN = "-"


def options_for_spec(parser: ArgumentParser) -> None:
    """Options of every command that compiles a model."""
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", type=assignment,
        help="give a parameter of the model another value",
    )  # fmt: skip
    parser.add_argument("--input", metavar="HxWxC", help="another input size, `32x32x3`")
    parser.add_argument("--dialect", metavar="NAME", help="torch, keras, caffe or paper")
    parser.add_argument(
        "--rewrite", action="append", default=[], metavar="RULE",
        help="apply a rule or a set of rules first: inference, 'asym(7) at 4a..4e'",
    )  # fmt: skip
    options_for_check(parser)


def options_for_check(parser: ArgumentParser) -> None:
    parser.add_argument("--strict", action="store_true", help="take warnings as errors")
    parser.add_argument(
        "--max-nodes", type=node_limit, metavar="N",
        help=f"limit of the expanded network (default {NODES.default:,})",
    )  # fmt: skip
    parser.add_argument(
        "--stdin-filename", metavar="NAME", default="<stdin>", help="the name messages give to `-`"
    )


def option_format(parser: ArgumentParser) -> None:
    """How diagnostics are printed; `terminal.publish` does it."""
    formats = ("text", "json", "sarif", "github")
    parser.add_argument(
        "--output-format", type=choice(*formats), default="text", metavar="FORMAT",
        help="text (default), json, sarif or github",
    )  # fmt: skip


def option_file(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE[:MODEL]", help="a spec; `-` is standard input")


def option_output(parser: ArgumentParser) -> None:
    parser.add_argument(
        "-o", "--output", metavar="OUT", default=STDIN, help="file to write; `-` is standard output"
    )


def choice(*choices: str) -> Callable[[str], str]:
    """An argument that is one of some words."""

    def check(word: str) -> str:
        if word in choices:
            return word
        from argparse import ArgumentTypeError

        nearest = did_you_mean(word, choices)
        hint = f"; did you mean `{nearest}`?" if nearest else ""
        raise ArgumentTypeError(f"`{word}` is none of {', '.join(choices)}{hint}")

    return check


def node_limit(text: str) -> int:
    from argparse import ArgumentTypeError

    value = _limited(text, NODES)
    if value is None:
        raise ArgumentTypeError(f"a number from 1 to {NODES.cap:,} is needed, not `{text}`")
    return value


def limit_given(text: str) -> tuple[str, int]:
    """`--limit name=200` as a pair."""
    from argparse import ArgumentTypeError

    name, sign, number = text.partition("=")
    limit = TABLE.get(name.strip())
    if not sign or limit is None:
        near = did_you_mean(name.strip(), TABLE)
        hint = f"did you mean `{near}`?" if near else f"there are {', '.join(TABLE)}"
        raise ArgumentTypeError(f"`{text}` names no limit; {hint}" if sign else
                                f"write it as `name=number`, not `{text}`")  # fmt: skip
    value = _limited(number, limit)
    if value is None:
        raise ArgumentTypeError(f"`{limit.name}` is a number from 1 to {limit.cap:,}")
    return limit.name, value


def _limited(text: str, limit: Limit) -> int | None:
    """A number that a limit may be, or None."""
    digits = text.strip().replace("_", "").replace(",", "")
    if not (digits.isascii() and digits.isdecimal()) or len(digits) > DIGITS.cap:
        return None
    value = int(digits)
    return value if 1 <= value <= limit.cap else None


def assignment(text: str) -> tuple[str, str]:
    """`classes=10` as a pair."""
    from argparse import ArgumentTypeError

    name, sign, value = text.partition("=")
    if not (sign and name.strip() and value.strip()):
        raise ArgumentTypeError(f"write it as `name=value`, not `{text}`")
    return name.strip(), value.strip()


def standard_input() -> bytes:
    """Everything on standard input. Raises UsageError when there is none."""
    if sys.stdin is None:
        raise UsageError("standard input is closed")
    if sys.stdin.isatty():
        say("reading from standard input; end it with Ctrl-D")
    stream = getattr(sys.stdin, "buffer", None)
    content = stream.read() if stream is not None else sys.stdin.read().encode()
    return bytes(content)


def source_of(spec: str, stdin_filename: str) -> str | Source:
    """A spec as the driver takes it: its name, or the text of standard input."""
    if spec != STDIN:
        return spec
    from ..loader import decode_source

    path = stdin_filename if stdin_filename != "<stdin>" else None
    return decode_source(standard_input(), stdin_filename, path)


def compile_given(options: Namespace) -> driver.Compiled:
    """The one model that the options ask for; its warnings are printed."""
    from .. import driver

    compiled = driver.compile_model(
        source_of(options.file, options.stdin_filename),
        settings=dict(options.set),
        input=options.input,
        dialect=options.dialect,
        strict=options.strict,
        max_nodes=options.max_nodes,
        rewrite=options.rewrite,
    )
    report(compiled.diagnostics, options.color)
    return compiled


def write(options: Namespace, content: bytes) -> int:
    """The result of a command, to `-o` or standard output."""
    from ..loader import find_model
    from ..output import write_all

    inputs = [] if options.file == STDIN else [find_model(options.file)[0]]
    write_all({options.output: content}, inputs)
    return OK
