"""`cnnc report`: layers, shapes, parameters and costs as a table."""

from __future__ import annotations

from .options import compile_given, option_file, option_output, options_for_spec, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def configure(parser: ArgumentParser) -> None:
    option_file(parser)
    for format in ("json", "csv", "markdown"):
        parser.add_argument(
            f"--{format}", dest="format", action="store_const", const=format, help=f"as {format}"
        )
    parser.add_argument("--level", metavar="LEVEL", help="a line for each block (default) or layer")
    parser.add_argument(
        "--convention", metavar="NAME",
        help="how operations are counted: macs (default), flops, torch, fvcore, ...",
    )  # fmt: skip
    option_output(parser)
    options_for_spec(parser)


def run(options: Namespace) -> int:
    from ..backend import backend

    compiled = compile_given(options)
    names = ("format", "level", "convention")
    given = {name: getattr(options, name) for name in names}
    chosen = {name: value for name, value in given.items() if value is not None}
    text = backend("report").emit(compiled.module, **chosen)
    return write(options, text.encode())
