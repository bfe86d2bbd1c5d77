"""What `cnnc` can do. To add a command, write its module here and its line in the table.

A module `commands/NAME.py` has `configure(parser)`, which declares its options, and
`run(options)`, which does the work and returns the exit code.
"""

from __future__ import annotations

from ..record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType


class Command(Record):
    """A word after `cnnc`: its arguments, as the manual writes them, and what it does."""

    usage: str
    summary: str


COMMANDS = {
    "check": Command(
        "FILE[:MODEL] ... [--fix | --diff] [--strict] [--output-format text|json|sarif|github]",
        "find every error and prove every expectation",
    ),
    "lint": Command(
        "FILE[:MODEL] ... [--level CODE=LEVEL] [--select CODE] [--strict] [--fix] [--rules]",
        "find what is legal and hardly meant",
    ),
    "compile": Command(
        "FILE[:MODEL] [--target NAME] [-o OUT] [--set NAME=VALUE] [--input HxWxC]",
        "emit a model as code, Flax by default",
    ),
    "draw": Command(
        "FILE[:MODEL] [-o OUT.(svg|pdf|png|dot)] [--level network|block|layer|op]", "draw a model"
    ),
    "report": Command(
        "FILE[:MODEL] [--json | --csv | --markdown] [-o OUT]",
        "tabulate layers, shapes, parameters and costs",
    ),
    "rewrite": Command(
        "FILE[:MODEL] --rule RULE [--at PLACES] [--explain] [-o OUT.cnn]",
        "apply rewriting rules; the result is a spec again",
    ),
    "optimise": Command(
        "FILE[:MODEL] --objective MEASURE [--params N] [--macs N] [--min-depth N] [-o OUT.cnn]",
        "find the best rewriting within budgets, and prove that it is",
    ),
    "rules": Command("[NAME | FILE]", "list the rewriting rules, or explain one"),
    "verify": Command(
        "FILE[:MODEL] --against NETWORK [--weights FILE [-o OUT]]",
        "compare with a network of Keras, PyTorch, ONNX or Flax; take over its weights",
    ),
    "fmt": Command("FILE ... [--check] [--diff]", "format specs"),
    "list": Command("[FILE]", "list the shipped specs, or the models of a file"),
    "explain": Command("[CODE]", "explain the code of an error"),
    "ops": Command("[WORD]", "the manual of the operators"),
    "doctor": Command("", "show what is installed"),
}
"""Every command, in the order of the overview."""


def load(name: str) -> ModuleType:
    """The module of a command."""
    from importlib import import_module

    return import_module(f"{__name__}.{name}")
