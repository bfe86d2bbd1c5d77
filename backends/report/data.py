"""A report for programs: JSON, described by `docs/report-schema.json`, and CSV."""

from __future__ import annotations

from cnndsl.escape import csv_cell, json_text
from cnndsl.symbol import Size
from cnndsl.types import TensorType

from .model import VERSION, Amounts, Block, Head, Line, Report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

COLUMNS = (
    "part", "stage", "path", "label", "operation", "copies", "output",
    "parameters", "statistics", "macs", "operations", "share", "receptive_field",
)  # fmt: skip
"""Of the CSV: one line for each row, so that a column's sum is the total."""


def write_json(report: Report) -> str:
    """The report as JSON; amounts are integers, or texts for formulas."""
    return json_text(as_data(report))


def as_data(report: Report) -> dict[str, object]:
    """The report as plain data."""
    coverage = report.coverage
    return {
        "version": VERSION,
        "model": report.name,
        "source": report.source,
        "dialect": report.dialect,
        "level": report.level,
        "convention": {"name": report.convention, "meaning": report.meaning},
        "inputs": [_port(name, type) for name, type in report.inputs],
        "outputs": [_port(name, type) for name, type in report.outputs],
        "totals": {
            **_amounts(report.total),
            "flops": _size(report.flops),
            "activations": _size(report.activations),
            "depth": report.depth,
            "receptive_field": report.field,
            "stride": report.stride,
        },
        "lines": [_line(line) for line in report.lines],
        "blocks": [_block(block) for block in report.blocks],
        "training_only": [_head(head) for head in report.heads],
        "coverage": {
            "operators": coverage.operators,
            "counted": dict(coverage.counted),
            "free": dict(coverage.free),
            "shared": coverage.shared,
        },
        "domain": list(report.domain),
        "rewrites": [
            {
                "rule": change.rule,
                "source": change.note,
                "places": change.sites,
                "parameters": [_size(size) for size in change.params],
                "macs": [_size(size) for size in change.macs],
            }
            for change in report.changes
        ],
    }


def _size(size: Size) -> int | str:
    """A number, or a formula as the language and Python write it: `64*(H//2)`."""
    return size if isinstance(size, int) else str(size)


def _port(name: str, type: TensorType) -> dict[str, object]:
    return {"name": name, "shape": str(type)}


def _shapes(types: Iterable[TensorType]) -> str:
    return ", ".join(map(str, types))


def _amounts(amounts: Amounts) -> dict[str, int | str]:
    return {
        "parameters": _size(amounts.parameters),
        "statistics": _size(amounts.statistics),
        "macs": _size(amounts.macs),
        "operations": _size(amounts.amount),
    }


def _line(line: Line) -> dict[str, object]:
    return {
        "kind": line.kind,
        "path": line.path,
        "label": line.label,
        "operation": line.text,
        "count": line.count,
        "copies": line.copies,
        "output": _shapes(line.outputs),
        **_amounts(line.amounts),
        "share": line.share,
        "receptive_field": line.field,
        "lines": [_line(inner) for inner in line.lines],
    }


def _block(block: Block) -> dict[str, object]:
    return {
        "name": block.name,
        "definition": block.definition,
        "call": block.call,
        "input": _shapes(block.inputs),
        "output": _shapes(block.outputs),
        "calls": block.calls,
        "with_own_weights": block.owners,
        "depth": block.depth,
        "each": _amounts(block.each),
        "total": _amounts(block.total),
    }


def _head(head: Head) -> dict[str, object]:
    return {
        "name": head.name,
        "output": str(head.output),
        "loss_weight": head.weight,
        **_amounts(head.amounts),
        "lines": [_line(line) for line in head.lines],
    }


# --------------------------------------------------------------------------- CSV


def write_csv(report: Report) -> str:
    """The rows without those that are sums of others; `part` is `main` or a training output."""
    import csv
    from io import StringIO

    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_records("main", "", report.lines))
    for head in report.heads:
        writer.writerows(_records(head.name, "", head.lines))
    return out.getvalue()


def _records(part: str, stage: str, lines: Iterable[Line]) -> Iterator[tuple[str, ...]]:
    for line in lines:
        if line.lines:
            inner = line.label if line.kind == "stage" else stage
            yield from _records(part, inner, line.lines)
            continue
        amounts = line.amounts
        sizes = (amounts.parameters, amounts.statistics, amounts.macs, amounts.amount)
        yield (
            *map(csv_cell, (part, stage, line.path, line.label, line.text)),
            str(line.copies), _shapes(line.outputs), *(str(_size(size)) for size in sizes),
            "" if line.share is None else f"{line.share:.6f}", line.field,
        )  # fmt: skip
