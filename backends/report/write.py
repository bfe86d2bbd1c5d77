"""A report as text for a terminal, and as Markdown: the same sections, the same tables."""

from __future__ import annotations

from cnndsl.escape import markdown, visible
from cnndsl.notation import number, shape, signed_percent, whole_formula
from cnndsl.record import Record
from cnndsl.symbol import Size, Symbol
from cnndsl.types import TensorType

from .model import Amounts, Block, Line, Report
from .table import Column, Row, markdown_table, text_table, wrapped
from .words import percent, times

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

WIDTH = 100
UNITS = {"macs": "MACs", "flops": "FLOPs"}


class Section(Record):
    """A part of a report.

    Arguments:
        title: above it; the first section has none.
        columns, rows: its table, if it has one.
        notes: sentences below it.
    """

    title: str
    columns: tuple[Column, ...] = ()
    rows: tuple[Row, ...] = ()
    notes: tuple[str, ...] = ()


def write_text(report: Report) -> str:
    """The report in 100 columns."""
    writer = _Writer(report)
    lines = [visible(report.name)]
    lines += wrapped(visible(report.source), WIDTH) if report.source else []
    lines += wrapped(writer.introduction(), WIDTH)
    for section in writer.sections():
        lines += ["", section.title, ""] if section.title else [""]
        if section.rows:
            lines += text_table(section.columns, section.rows, WIDTH)
        lines += [""] if section.rows and section.notes else []
        for note in section.notes:
            lines += wrapped(note, WIDTH)
    return "\n".join(lines) + "\n"


def write_markdown(report: Report) -> str:
    """The report as Markdown with tables."""
    writer = _Writer(report)
    lines = [f"# {markdown(report.name)}", ""]
    if report.source:
        lines += [markdown(report.source), ""]
    lines.append(markdown(writer.introduction()))
    for section in writer.sections():
        lines += ["", f"## {markdown(section.title)}"] if section.title else []
        if section.rows:
            lines += ["", *markdown_table(section.columns, section.rows)]
        for note in section.notes:
            lines += ["", markdown(note)]
    return "\n".join(lines) + "\n"


def title(line: Line) -> str:
    """`3a: inception(64, …)`, `stage conv2_x`."""
    if line.kind == "stage":
        return f"stage {visible(line.label)}"
    if line.kind == "repeat":
        return "repeated"
    text = visible(line.text)
    return f"{visible(line.label)}: {text}" if line.label else text


def all_lines(lines: Iterable[Line]) -> Iterator[Line]:
    """Lines and what is inside them."""
    for line in lines:
        yield line
        yield from all_lines(line.lines)


class _Writer:
    """Makes the sections of a report."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.multiples = dict(report.multiples)
        self.unit = UNITS.get(report.convention, report.convention)

    def introduction(self) -> str:
        """What goes in and comes out."""
        report = self.report
        inputs, outputs = (
            ", ".join(f"{_port(name)}{self.shape(type)}" for name, type in ports)
            for ports in (report.inputs, report.outputs)
        )
        return f"input {inputs}; output {outputs}; dialect {report.dialect}"

    def sections(self) -> Iterator[Section]:
        """All sections in order."""
        report = self.report
        folded = any(line.count > 1 for line in all_lines(report.lines))
        note = "×N: N equal copies, each with weights of its own; the numbers are of all of them."
        table = self.table(report.lines, "total", report.total)
        yield Section("", *table, (note,) if folded else ())
        for head in report.heads:
            about = f"Training only: {visible(head.name)}, loss × {head.weight:g}"
            yield Section(about, *self.table(head.lines, "sum", head.amounts))
        if report.blocks:
            yield self.blocks()
        yield self.totals()
        if report.changes:
            yield self.rewrites()
        if report.domain:
            yield Section("Input sizes", notes=report.domain)

    # ------------------------------------------------------------------- cells

    def number(self, size: Size) -> str:
        """A number, or a formula without the floors that the input sizes rule out."""
        return number(size, self.multiples)

    def some(self, size: Size) -> str:
        """A number, nothing for 0."""
        return "" if size == 0 else self.number(size)

    def shape(self, *types: TensorType) -> str:
        """Shapes, divided by commas."""
        return ", ".join(shape(type, self.multiples) for type in types)

    # ------------------------------------------------------------------ tables

    def table(
        self, lines: Iterable[Line], last: str, total: Amounts
    ) -> tuple[tuple[Column, ...], tuple[Row, ...]]:
        """Lines of a flow and their sum."""
        columns = (
            Column("layer", shrinks=True),
            Column("", right=True),
            Column("output", shrinks=True),
            Column("parameters", right=True, shrinks=True),
            Column(self.unit, right=True, shrinks=True),
            Column("%", right=True),
            Column("field", right=True),
        )
        rows = [row for line in lines for row in self.rows(line)]
        whole = percent(1.0) if last == "total" and isinstance(total.amount, int) else ""
        numbers = (self.number(total.parameters), self.number(total.amount))
        return columns, (*rows, Row((last, "", "", *numbers, whole, ""), rule=True))

    def rows(self, line: Line, indent: int = 0) -> Iterator[Row]:
        """A line and what is inside it; the sum of what is inside stands on the line."""
        amounts = line.amounts
        cells = (
            title(line),
            times(line.count),
            self.shape(*line.outputs),
            self.some(amounts.parameters),
            self.some(amounts.amount),
            "" if amounts.amount == 0 else percent(line.share),
            line.field,
        )
        yield Row(cells, indent)
        for inner in line.lines:
            yield from self.rows(inner, indent + 1)

    def blocks(self) -> Section:
        """Each function once."""
        columns = (
            Column("block", shrinks=True),
            Column("output", shrinks=True),
            Column("depth", right=True),
            Column("calls", right=True),
            Column("params each", right=True, shrinks=True),
            Column("params all", right=True, shrinks=True),
            Column(f"{self.unit} each", right=True, shrinks=True),
            Column(f"{self.unit} all", right=True, shrinks=True),
        )
        rows = tuple(Row(self.block(block)) for block in self.report.blocks)
        notes = ("A block inside another one counts in both lines.",)
        return Section(
            "Blocks, each with all that is inside it",
            columns,
            rows,
            notes if any(block.inner for block in self.report.blocks) else (),
        )

    def block(self, block: Block) -> tuple[str, ...]:
        """The cells of a block; sums only where they differ from a call, and no long formulas."""
        lent = block.calls - block.owners
        many = block.calls != 1
        summed = many and isinstance(block.total.amount, int)
        return (
            visible(block.call),
            self.shape(*block.outputs),
            str(block.depth),
            f"{block.calls:,}" + (f" ({lent:,} lent)" if lent else ""),
            self.number(block.each.parameters),
            self.number(block.total.parameters) if many else "",
            self.number(block.each.amount),
            self.number(block.total.amount) if summed else "",
        )

    def rewrites(self) -> Section:
        """The rules that led here, and what each of them saved."""
        columns = (
            Column("rule", shrinks=True),
            Column("places", right=True),
            Column("parameters", right=True, shrinks=True),
            Column("", right=True),
            Column("MACs", right=True, shrinks=True),
            Column("", right=True),
        )
        rows = tuple(
            Row((visible(c.rule), f"{c.sites:,}", *self.after(*c.params), *self.after(*c.macs)))
            for c in self.report.changes
        )
        notes = tuple(
            f"{visible(c.rule)}: {visible(c.note)}" for c in self.report.changes if c.note
        )
        return Section("Rewrites, in order", columns, rows, tuple(dict.fromkeys(notes)))

    def after(self, before: Size, after: Size) -> tuple[str, str]:
        """A number after a rewrite, and by how much it changed."""
        if isinstance(before, int) and isinstance(after, int) and before not in (0, after):
            return self.number(after), signed_percent(before, after)
        return self.number(after), ""

    # ------------------------------------------------------------------ totals

    def totals(self) -> Section:
        """The sums, each with what it counts."""
        columns = (Column(""), Column("", right=True, shrinks=True), Column("", shrinks=True))
        rows = tuple(Row(fact) for fact in self.facts())
        return Section("Totals of one inference", columns, rows, tuple(self.coverage()))

    def facts(self) -> Iterator[tuple[str, str, str]]:
        """Name, number and meaning of each total."""
        report, total = self.report, self.report.total
        yield "parameters", self.number(total.parameters), "kernels, biases, scales, shifts"
        if total.statistics != 0:
            yield (
                "running statistics", self.number(total.statistics),
                "means and variances, no parameters",
            )  # fmt: skip
        biases = "1 MAC = 1 multiply-accumulate; bias additions not counted"
        yield from self.operations("MACs", total.macs, biases)
        yield from self.operations("FLOPs", report.flops, "2 for each multiply-accumulate")
        if report.convention not in UNITS:
            yield from self.operations(report.convention, total.amount, report.meaning)
        written = "elements that operators write, batch of 1"
        yield from self.operations("activations", report.activations, written)
        yield "depth", str(report.depth), "convolutions and `fc` on the longest path"
        stride = f", stride {report.stride}" if report.stride else ""
        yield "receptive field", report.field or "none", f"of the map before the head{stride}"
        for head in report.heads:
            parameters = self.number(head.amounts.parameters)
            yield f"{visible(head.name)} (training)", parameters, "parameters besides"

    def operations(self, name: str, size: Size, meaning: str) -> Iterator[tuple[str, str, str]]:
        """A total; for a formula with floors also its value at multiples of its period."""
        text = self.number(size)
        yield name, text, meaning
        plain = whole_formula(size) if isinstance(size, Symbol) else None
        if plain is not None and isinstance(size, Symbol) and plain[0] != text:
            yield "", plain[0], f"where {', '.join(size.variables)} are multiples of {plain[1]}"

    def coverage(self) -> Iterator[str]:
        """Which operators were counted."""
        coverage = self.report.coverage
        yield (
            f"{coverage.operators:,} operators, none left out. With {self.unit}: "
            f"{_counts(coverage.counted)}. Without: {_counts(coverage.free)}."
        )
        if coverage.shared:
            one = coverage.shared == 1
            yield (
                f"{coverage.shared:,} {'layer or block uses' if one else 'layers or blocks use'} "
                "the weights of another: parameters are counted once, operations at each use."
            )


def _port(name: str) -> str:
    """The name of an input or output, if it was given one."""
    return "" if name in ("x", "output") else f"{visible(name)} "


def _counts(counts: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{word} {count:,}" for word, count in counts) or "none"
