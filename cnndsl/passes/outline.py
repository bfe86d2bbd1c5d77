"""Outlines: a function as the rows of a table, equal copies one after another counted once.

A row is what one statement made: `conv 3x3, 64, bn, relu` is one row with three
operators, a call is a row of its own. Rows that repeat are folded, one row or a run of
rows times N, and a fold is honest: all copies are the same operators on the same input
types, or calls of the same function, each copy reads nothing but the result of the
copy before it, and each has weights of its own.
"""

from __future__ import annotations

from itertools import count as counted

from ..arguments import format_value
from ..graph import Call, Graph, Module, Node
from ..op import Op
from ..record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ..types import TensorType

    Key = tuple[object, ...]

LONGEST_RUN = 24
"""Rows in the longest run that is looked for as a repeated one."""
LEAST_SAVED = 3
"""Rows that folding a run of several must save; a frame around them is one more thing to read."""


class Row(Record):
    """One statement: operators in a chain, or one call.

    Arguments:
        copies: the nodes of each equal copy, in order; one copy unless it is folded.
    """

    copies: tuple[tuple[Node, ...], ...]

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes of the first copy."""
        return self.copies[0]

    @property
    def first(self) -> Node:
        return self.copies[0][0]

    @property
    def last(self) -> Node:
        """The node that gives the row's results, in the first copy."""
        return self.copies[0][-1]

    @property
    def count(self) -> int:
        return len(self.copies)

    @property
    def function(self) -> str | None:
        """The function that the row calls, if it is a call."""
        op = self.first.op
        return op.function if isinstance(op, Call) else None

    @property
    def labels(self) -> tuple[str, ...]:
        """The users' labels of all copies."""
        found = (node.label for copy in self.copies for node in copy)
        return tuple(dict.fromkeys(label for label in found if label is not None))

    @property
    def region(self) -> tuple[str, ...]:
        return self.first.region


class Repeat(Record):
    """A run of rows, repeated.

    Arguments:
        copies: the items of each equal copy, in order; two copies or more.
    """

    copies: tuple[tuple[Item, ...], ...]

    @property
    def items(self) -> tuple[Item, ...]:
        """The items of the first copy."""
        return self.copies[0]

    @property
    def count(self) -> int:
        return len(self.copies)

    @property
    def region(self) -> tuple[str, ...]:
        return self.items[0].region


Item = Row | Repeat


def outline(graph: Graph) -> tuple[Item, ...]:
    """The rows of a function in order, folded."""
    return fold(graph, rows(graph))


def rows(graph: Graph) -> tuple[Row, ...]:
    """The rows of a function, nothing folded."""
    readers = _readers(graph)
    result: list[list[Node]] = []
    for node in graph.nodes:
        if result and _continues(result[-1], node, readers):
            result[-1].append(node)
        else:
            result.append([node])
    return tuple(Row((tuple(nodes),)) for nodes in result)


def nodes_of(items: Iterable[Item]) -> Iterator[Node]:
    """Every node of every copy, in order."""
    for item in items:
        for copy in item.copies:
            if isinstance(item, Row):
                yield from copy  # type: ignore[misc]
            else:
                yield from nodes_of(copy)  # type: ignore[arg-type]


def shown_values(items: Iterable[Item]) -> dict[str, str]:
    """For each value of a folded copy, the one in its place in the first copy."""
    result: dict[str, str] = {}
    for item in items:
        shown = list(_copy_nodes(item, 0))
        for k in range(1, item.count):
            for here, there in zip(shown, _copy_nodes(item, k), strict=True):
                pairs = zip(there.outputs, here.outputs, strict=True)
                result.update((other.name, own.name) for other, own in pairs)
        if isinstance(item, Repeat):
            inner = shown_values(item.items)
            result = {name: inner.get(own, own) for name, own in result.items()} | inner
    return result


def _copy_nodes(item: Item, k: int) -> Iterator[Node]:
    copy = item.copies[k]
    return iter(copy) if isinstance(item, Row) else nodes_of(copy)  # type: ignore[arg-type]


def _readers(graph: Graph) -> dict[str, int]:
    """How often each value is read, by nodes and outputs."""
    result: dict[str, int] = {}
    read = [name for node in graph.nodes for name in node.inputs]
    for name in (*read, *(output.value for output in graph.outputs)):
        result[name] = result.get(name, 0) + 1
    return result


def _continues(row: Sequence[Node], node: Node, readers: Mapping[str, int]) -> bool:
    """Whether a node goes on with the row: an operator behind one that only it reads."""
    before = row[-1]
    if isinstance(node.op, Call) or isinstance(before.op, Call):
        return False
    if node.row != before.row or node.region != before.region or len(before.outputs) != 1:
        return False
    if node.inputs != (before.outputs[0].name,) or readers[node.inputs[0]] != 1:
        return False
    return not (node.op.weighted and any(_weighted(earlier.op) for earlier in row))


def _weighted(op: Op | Call) -> bool:
    return isinstance(op, Op) and op.weighted


# -------------------------------------------------------------------------- folds


def fold(graph: Graph, rows: Sequence[Row]) -> tuple[Item, ...]:
    """The rows with every run of equal copies as one item, the greatest runs first."""
    return _Folder(graph).fold(rows)


class Form(Record):
    """How a run of rows is wired.

    Arguments:
        wiring: equal for runs that are wired alike inside.
        entries: the values that it reads, in the order of reading.
        exits: the values that others read, in the order of making.
        inside: its nodes.
    """

    wiring: Key
    entries: tuple[str, ...]
    exits: tuple[str, ...]
    inside: frozenset[str]


class _Folder:
    """Finds equal copies one after another in the rows of one function."""

    def __init__(self, graph: Graph) -> None:
        self.types = graph.types
        self.readers: dict[str, set[str]] = {}
        for node in graph.nodes:
            for name in node.inputs:
                self.readers.setdefault(name, set()).add(node.name)
        for output in graph.outputs:
            self.readers.setdefault(output.value, set()).add(f"output:{output.name}")

    def fold(self, rows: Sequence[Row], longest: int = LONGEST_RUN) -> tuple[Item, ...]:
        numbers: dict[Key, int] = {}
        keys = [numbers.setdefault(_key(row, self.types), len(numbers)) for row in rows]
        reaches = _reaches(rows)
        result: list[Item] = []
        at = 0
        while at < len(rows):
            period, count = self._best(rows, keys, reaches, at, longest)
            if count == 1:
                result.append(rows[at])
                at += 1
                continue
            starts = range(at, at + period * count, period)
            if period == 1:
                result.append(Row(tuple(rows[start].nodes for start in starts)))
            else:
                copies = (self.fold(rows[s : s + period], period // 2) for s in starts)
                result.append(Repeat(tuple(copies)))
            at += period * count
        return tuple(result)

    def _best(
        self,
        rows: Sequence[Row],
        keys: Sequence[int],
        reaches: Sequence[tuple[int, ...]],
        at: int,
        longest: int,
    ) -> tuple[int, int]:
        """Length and number of the copies from `at` on that save most rows."""
        best, saved = (1, 1), 0
        for period in range(1, min(longest, (len(rows) - at) // 2) + 1):
            if keys[at] != keys[at + period] or not _alike(reaches, at, period):
                continue
            count = self._count(rows, keys, at, period)
            saving = (count - 1) * period
            if saving > saved and (period == 1 or saving >= LEAST_SAVED):
                best, saved = (period, count), saving
        return best

    def _count(self, rows: Sequence[Row], keys: Sequence[int], at: int, period: int) -> int:
        """How many equal copies of `period` rows begin at `at`, each fed by the one before."""
        run = keys[at : at + period]
        forms = [self._form(rows[at : at + period])]
        for start in counted(at + period, period):
            if keys[start : start + period] != run:
                break
            forms.append(self._form(rows[start : start + period]))
            if not self._follows(forms):
                return len(forms) - 1
        return len(forms)

    def _follows(self, forms: Sequence[Form]) -> bool:
        """Whether the last run is wired as those before it, and alone reads what they give."""
        before, last = forms[-2:]
        if last.wiring != before.wiring or not set(last.entries) <= set(before.exits):
            return False
        if len(last.inside) > 1 and not len(last.entries) == len(last.exits) == 1:
            return False
        if not all(self.readers[name] <= last.inside for name in before.exits):
            return False
        return len(forms) == 2 or _carried(forms[-3], before) == _carried(before, last)

    def _form(self, run: Sequence[Row]) -> Form:
        nodes = [node for row in run for node in row.nodes]
        inside = frozenset(node.name for node in nodes)
        made = {
            value.name: (k, port)
            for k, node in enumerate(nodes)
            for port, value in enumerate(node.outputs)
        }
        entries = dict.fromkeys(name for node in nodes for name in node.inputs if name not in made)
        exits = (name for name in made if not self.readers.get(name, set()) <= inside)
        places = {**made, **{name: (-1, k) for k, name in enumerate(entries)}}
        wiring = tuple(tuple(places[name] for name in node.inputs) for node in nodes)
        return Form(wiring, tuple(entries), tuple(exits), inside)


def _reaches(rows: Sequence[Row]) -> list[tuple[int, ...]]:
    """For each input of a row, how many rows above it is made; all of them where it is not."""
    made = {
        value.name: at
        for at, row in enumerate(rows)
        for node in row.nodes
        for value in node.outputs
    }
    return [
        tuple(at - made.get(name, -len(rows)) for node in row.nodes for name in node.inputs)
        for at, row in enumerate(rows)
    ]


def _alike(reaches: Sequence[tuple[int, ...]], at: int, period: int) -> bool:
    """Whether a run and the next may be copies, by where what they read is made: equally far
    above inside, else in the run before. Most runs are told apart by that, at next to no cost."""
    for k in range(period):
        for a, b in zip(reaches[at + k], reaches[at + period + k], strict=False):
            if b > k + period or (a != b and min(a, b) <= k):
                return False
    return True


def _carried(before: Form, after: Form) -> tuple[int, ...]:
    """Which result of a run goes to which entry of the next."""
    return tuple(before.exits.index(name) for name in after.entries)


def _key(row: Row, types: Mapping[str, TensorType]) -> Key:
    """Equal for rows that may be copies of each other; borrowed weights make a row unlike all."""
    if any(node.weights is not None for node in row.nodes):
        return (id(row),)
    inputs = tuple(types[name] for name in row.first.inputs)
    return (row.region, inputs, *(node.op for node in row.nodes))


# -------------------------------------------------------------------------- words

STRUCTURE = ("groups", "dilation", "multiplier")
"""Arguments by name that belong to a layer's name; padding, biases and constants do not."""


def op_text(op: Op) -> str:
    """An operator as papers write it, `conv 3x3, 64, groups=32`: its word and what shapes it."""
    shown = []
    for field in op.fields:
        value = getattr(op, field)
        usual = value == op.defaults.get(field)
        if field in op.positional and not (usual and _goes_unsaid(op, value)):
            shown.append(_percent(value) if op.family == "regular" else _text(value, op, field))
        elif field in STRUCTURE and not usual:
            shown.append(f"{field}={_text(value, op, field)}")
    while shown and shown[-1] == "1" and op.word == "dwconv":
        shown.pop()
    return f"{op.word} {', '.join(shown)}".rstrip()


def _goes_unsaid(op: Op, value: object) -> bool:
    """Whether a default is understood: `lrn`, `flatten`; but `upsample 2`."""
    return op.family == "norm" or isinstance(value, str)


def _text(value: object, op: Op, field: str) -> str:
    return format_value(value, op.annotations[field])


def _percent(value: object) -> str:
    return f"{100 * value:.4g}%" if isinstance(value, float) else str(value)


def call_text(graph: Graph) -> str:
    """A function as a call of its definition: `bottleneck(128, stride=2)`.

    Arguments that have a default in the definition are named, and left out where they
    have that value; without the definition's text all of them are written.
    """
    parameters = _parameters(graph)
    values = dict(graph.arguments)
    shown = []
    for names, default in parameters:
        parts = [_argument(values[name]) if name in values else name for name in names]
        text = "→".join(part for part in parts if part)
        if default is None:
            shown.append(text)
        elif text and text != default:
            shown.append(f"{names[-1]}={text}")
    inside = ", ".join(filter(None, shown))
    return f"{graph.definition}({inside})" if inside else graph.definition


def _argument(value: object) -> str:
    """A block's argument; words stand for operators and blocks, tensors are not shown."""
    word = getattr(value, "word", None) or getattr(value, "name", None)
    if isinstance(value, bool | int | float | str | tuple | None):
        return "none" if value is None else format_value(value)
    return str(word) if isinstance(word, str) else str(value)


def _parameters(graph: Graph) -> list[tuple[tuple[str, ...], str | None]]:
    """Name or pattern of each parameter with its default, read from the definition's head."""
    plain: list[tuple[tuple[str, ...], str | None]]
    plain = [((name,), None) for name, _ in graph.arguments]
    if graph.span is None:
        return plain
    head = graph.span.text
    start = head.find("(")
    if start < 0 or "{" in head[:start]:
        return plain
    result = []
    for text in _split(head[start + 1 :]):
        pattern, sign, default = text.partition("=")
        names = pattern.partition(" in ")[0].replace("->", "→").split("→")
        result.append((tuple(name.strip() for name in names), default.strip() if sign else None))
    known = {name for names, _ in result for name in names}
    return result if all(name in known for name, _ in graph.arguments) else plain


def _split(text: str) -> list[str]:
    """The parts between commas, up to the bracket that closes."""
    parts, depth, start = [], 0, 0
    for at, sign in enumerate(text):
        if sign in "([{":
            depth += 1
        elif sign in ")]}" and depth:
            depth -= 1
        elif sign == "," and not depth:
            parts.append(text[start:at])
            start = at + 1
        elif sign == ")":
            parts.append(text[start:at])
            break
    return [part for part in parts if part.strip()]


def row_text(row: Row, functions: Mapping[str, Graph]) -> str:
    """What a row says: `conv 3x3, 64 · bn · relu`, or the call."""
    if row.function is not None:
        return call_text(functions[row.function])
    return " · ".join(op_text(node.op) for node in row.nodes if isinstance(node.op, Op))


def label_text(labels: Sequence[str]) -> str:
    """Labels in a few characters: `3a`, `4b, 4c`, `4b … 4e`."""
    return ", ".join(labels) if len(labels) <= 2 else f"{labels[0]} … {labels[-1]}"


def only_row(graph: Graph) -> Row | None:
    """The row of a function that is nothing but one row of operators."""
    found = rows(graph)
    if len(found) != 1 or found[0].function is not None or len(graph.outputs) != 1:
        return None
    return found[0] if graph.outputs[0].value == found[0].last.outputs[0].name else None


def known_multiples(module: Module) -> dict[str, int]:
    """For symbolic sizes that can be nothing but multiples of a number, that number."""
    if not module.constraints:
        return {}
    from .domain import domain

    return {
        free.name: free.modulus
        for free in domain(module).variables
        if free.residues == (0,) and not free.also
    }


def training_only(module: Module) -> frozenset[str]:
    """Names of the main graph's nodes that only training outputs need."""
    from ..graph import inference_graph

    kept = {node.name for node in inference_graph(module.main).nodes}
    return frozenset(node.name for node in module.main.nodes if node.name not in kept)
