"""Cost reports: what each layer, block and stage has of parameters and operations.

    from cnndsl.backends.report import BACKEND
    print(BACKEND.emit(module, level="layer", convention="flops"))
"""

from __future__ import annotations

from cnndsl.diagnostics import did_you_mean, fail
from cnndsl.graph import Module
from cnndsl.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import NoReturn

    from .model import Report

FORMATS = ("text", "markdown", "json", "csv")
LEVELS = ("block", "layer")


class ReportBackend(Record):
    """See `cnndsl.backend`."""

    name: str = "report"
    description: str = "cost reports: parameters, operations, sizes; text, Markdown, JSON, CSV"
    suffix: str = ".txt"

    def emit(
        self,
        module: Module,
        format: str = "text",
        level: str = "block",
        convention: str = "macs",
    ) -> str:
        """The report of a module.

        Arguments:
            format: `text`, `markdown`, `json` or `csv`.
            level: `block`, a line for each statement of the model; `layer`, and for each
                statement of the blocks that it calls.
            convention: how operations are counted, a name in `cnndsl.passes.cost`.
        """
        if format not in FORMATS:
            _unknown("a format of reports", format, FORMATS)
        report = self.report(module, level, convention)
        if format in ("json", "csv"):
            from .data import write_csv, write_json

            return write_json(report) if format == "json" else write_csv(report)
        from .write import write_markdown, write_text

        return write_markdown(report) if format == "markdown" else write_text(report)

    def report(self, module: Module, level: str = "block", convention: str = "macs") -> Report:
        """The report as data."""
        from cnndsl.passes.cost import CONVENTIONS

        from .build import build

        if level not in LEVELS:
            _unknown("a level of reports", level, LEVELS)
        if convention not in CONVENTIONS:
            _unknown("a convention for operations", convention, tuple(CONVENTIONS))
        return build(module, level, convention)


BACKEND = ReportBackend()


def _unknown(what: str, word: str, known: Iterable[str]) -> NoReturn:
    near = did_you_mean(word, known)
    help = f"did you mean `{near}`?" if near else f"there are: {', '.join(known)}"
    fail("E0801", f"`{word}` is not {what}", help=(help,))
