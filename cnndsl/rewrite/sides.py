"""What a step replaced, as the language writes it.

    conv 5x5, 64, relu  =>  conv 3x3, 64, relu; conv 3x3, 64, relu
    conv 3x3, 768, relu  =>  concat { | conv 1x3, 384, relu | conv 3x1, 384, relu }

Paddings, biases and the like are left out, unless both sides would read alike without them.
"""

from __future__ import annotations

from itertools import groupby

from ..arguments import format_op
from ..graph import Call
from ..passes.outline import call_text, op_text
from ..record import Record
from .pattern import BELONGING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..graph import Graph, Node
    from ..op import Op

    Flow = tuple["Part", ...]


class Part(Record):
    """An operator, or a merge with its branches.

    Arguments:
        belongs: whether it may stand in the line of the layer before it.
    """

    name: str
    text: str
    belongs: bool = False


def sides(
    left: Graph, right: Graph, before: Mapping[str, Graph], after: Mapping[str, Graph]
) -> tuple[str, str]:
    """Both sides in words; with all arguments where they would read alike otherwise.

    Arguments:
        before, after: the functions that they may call.
    """
    short = _Writer(left, before, op_text).text(), _Writer(right, after, op_text).text()
    if short[0] != short[1]:
        return short
    return _Writer(left, before, format_op).text(), _Writer(right, after, format_op).text()


class _Writer:
    """The text of one fragment, read backwards from its outputs."""

    def __init__(
        self, graph: Graph, functions: Mapping[str, Graph], op_text: Callable[[Op], str]
    ) -> None:
        self.graph = graph
        self.functions = functions
        self.op_text = op_text
        self.producers = graph.producers
        names = [value.name for value in graph.inputs]
        self.flows: dict[str, Flow] = {
            name: () if len(names) == 1 else (Part(name, name),) for name in names
        }

    def text(self) -> str:
        given = [output.value for output in self.graph.outputs]
        if not given:  # what goes away altogether
            read = {value for node in self.graph.nodes for value in node.inputs}
            given = [name for name in self.producers if name not in read]
        flows = dict.fromkeys(map(self.flow, given))
        if not flows:
            return "nothing"
        return _statements(_joined(Part("", ""), [*flows])) or "identity"

    def flow(self, value: str) -> Flow:
        """The operators that a value came through."""
        if value not in self.flows:
            self.flows[value] = self.through(self.producers[value])
        return self.flows[value]

    def through(self, node: Node) -> Flow:
        if isinstance(node.op, Call):
            part = Part(node.name, call_text(self.functions[node.op.function]))
        else:
            part = Part(node.name, self.op_text(node.op), node.op.family in BELONGING)
        before = [self.flow(value) for value in node.inputs]
        return (*before[0], part) if len(before) == 1 else _joined(part, before)


def _joined(part: Part, flows: Sequence[Flow]) -> Flow:
    """What flows have in common, then `concat { | a | b }`."""
    common = 0
    while all(flow[common : common + 1] == flows[0][common : common + 1] for flow in flows):
        if common == len(flows[0]):
            return flows[0]
        common += 1
    branches = " | ".join(_statements(flow[common:]) or "identity" for flow in flows)
    text = f"{part.text} {{ | {branches} }}".lstrip()
    return (*flows[0][:common], Part(part.name, text))


def _statements(flow: Flow) -> str:
    """Operators one after the other, norms and activations in the line of their layer."""
    lines: list[str] = []
    for part in flow:
        if part.belongs and " " not in part.text and lines and not lines[-1].endswith("}"):
            lines[-1] += f", {part.text}"
        else:
            lines.append(part.text)
    return "; ".join(_repeated(line, len([*run])) for line, run in groupby(lines))


def _repeated(line: str, count: int) -> str:
    """`bottleneck(64) × 3`; rows of a table are written as often as they stand there."""
    return f"{line} × {count}" if count > 1 and " " not in line else "; ".join([line] * count)
