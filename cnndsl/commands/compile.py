"""`cnnc compile`: a model as code."""

from __future__ import annotations

from .options import choice, compile_given, option_file, option_output, options_for_spec, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


PASSES = ("elaborate", "flatten")


def configure(parser: ArgumentParser) -> None:
    option_file(parser)
    parser.add_argument("--target", default="flax", metavar="NAME", help="backend (default flax)")
    parser.add_argument(
        "--print-after", type=choice(*PASSES), metavar="PASS",
        help="print the graph after elaborate or flatten, and emit nothing",
    )  # fmt: skip
    option_output(parser)
    options_for_spec(parser)


def run(options: Namespace) -> int:
    if options.print_after:
        return _print_after(options)
    from ..backend import backend

    target = backend(options.target)
    compiled = compile_given(options)
    return write(options, target.emit(compiled.module).encode())


def _print_after(options: Namespace) -> int:
    """The intermediate representation as text."""
    from ..irtext import print_module
    from ..record import replace

    module = compile_given(options).module
    if options.print_after == "flatten":
        from ..passes.flatten import flatten

        module = replace(module, functions=(flatten(module),))
    return write(options, print_module(module).encode())
