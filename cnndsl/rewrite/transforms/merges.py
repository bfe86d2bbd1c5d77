"""Joins and splits of any number of values: nested ones made one, undone ones dropped, and what
is done to all parts alike done to the whole.

    concat(a, concat(b, c))            =>  concat(a, b, c)            also add
    a, r: split x; b, c: split r       =>  a, b, c: split x
    a, b: split x; concat(y, a, b)     =>  concat(y, x)
    a, b: split concat(x, y)           =>  x and y themselves
    a, b: split x; f a; f b            =>  a, b: split f(x)
    concat(f x, f y)                   =>  f concat(x, y)

An `f` works on each channel for itself, all channels alike.
"""

from __future__ import annotations

from ...graph import Node, Value
from ...op import Op, ShapeError
from ...ops.merge import Add, Concat
from ...ops.reshape import Split
from ...record import replace
from ..conditions import is_channelwise
from .local import free, local, replaced

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..placing import Replacement
    from ..view import View


@local
def flatten_merges(view: View) -> Iterator[Replacement]:
    for node in view.graph.nodes:
        for rule in (_nested, _nested_split, _rejoined, _split_again):
            found = rule(view, node)
            if found is not None:
                yield found
                break


def _nested(view: View, node: Node) -> Replacement | None:
    """A join of one value, or of what the same kind of join gives to nobody else."""
    if not isinstance(node.op, (Add, Concat)):
        return None
    (out,) = node.outputs
    if len(node.inputs) == 1:
        return replaced(view, [node], [], {out.name: node.inputs[0]})
    inner = [maker for maker in _makers(view, node) if maker.op == node.op]
    if not inner:
        return None
    parts = {maker.outputs[0].name: maker.inputs for maker in inner}
    inputs = tuple(name for value in node.inputs for name in parts.get(value, (value,)))
    return replaced(view, [*inner, node], [replace(node, inputs=inputs)], {out.name: out.name})


def _nested_split(view: View, node: Node) -> Replacement | None:
    """A part that is divided further, and has no other reader."""
    if not isinstance(node.op, Split):
        return None
    inner = {
        value.name: reader
        for value in node.outputs
        if (reader := view.next(value.name)) is not None and isinstance(reader.op, Split)
    }
    if not inner:
        return None
    outputs = tuple(
        part
        for value in node.outputs
        for part in (inner[value.name].outputs if value.name in inner else (value,))
    )
    whole = replace(node, op=_split_into(outputs), outputs=outputs)
    return replaced(view, [node, *inner.values()], [whole], {v.name: v.name for v in outputs})


def _rejoined(view: View, node: Node) -> Replacement | None:
    """All parts of a split side by side in a join, where the split or the join can go."""
    if not isinstance(node.op, Concat):
        return None
    (out,) = node.outputs
    for start, value in enumerate(node.inputs):
        split = view.producers.get(value)
        if split is None or not isinstance(split.op, Split):
            continue
        parts = tuple(part.name for part in split.outputs)
        stop = start + len(parts)
        alone = all(view.next(part) is node for part in parts)
        if node.inputs[start:stop] != parts or not (alone or parts == node.inputs):
            continue
        removed = [split, node] if alone else [node]
        if parts == node.inputs:
            return replaced(view, removed, [], {out.name: split.inputs[0]})
        inputs = (*node.inputs[:start], split.inputs[0], *node.inputs[stop:])
        return replaced(view, removed, [replace(node, inputs=inputs)], {out.name: out.name})
    return None


def _split_again(view: View, node: Node) -> Replacement | None:
    """The parts of a join where it was joined."""
    join = view.producers.get(node.inputs[0])
    if not isinstance(node.op, Split) or join is None or not isinstance(join.op, Concat):
        return None
    if [view.types[name] for name in join.inputs] != [part.type for part in node.outputs]:
        return None
    removed = [join, node] if view.next(node.inputs[0]) is node else [node]
    gives = {part.name: name for part, name in zip(node.outputs, join.inputs, strict=True)}
    return replaced(view, removed, [], gives)


@local
def hoist_over_split(view: View) -> Iterator[Replacement]:
    for node in view.graph.nodes:
        if not isinstance(node.op, Split):
            continue
        readers = [reader for part in node.outputs if (reader := view.next(part.name))]
        op = _common(readers)
        if op is None or len(readers) < len(node.outputs):
            continue
        (whole,) = op.infer(view.types[node.inputs[0]])
        first = replace(readers[0], label=None, inputs=node.inputs)
        first = replace(first, outputs=(Value(first.outputs[0].name, whole),))
        parts = tuple(
            Value(part.name, reader.outputs[0].type)
            for part, reader in zip(node.outputs, readers, strict=True)
        )
        split = replace(node, inputs=(first.outputs[0].name,), outputs=parts)
        gives = {r.outputs[0].name: part.name for r, part in zip(readers, parts, strict=True)}
        yield replaced(view, [node, *readers], [first, split], gives)


@local
def hoist_over_concat(view: View) -> Iterator[Replacement]:
    for node in view.graph.nodes:
        makers = _makers(view, node)
        op = _common(makers)
        if not isinstance(node.op, Concat) or op is None or len(makers) < len(node.inputs):
            continue
        inputs = tuple(maker.inputs[0] for maker in makers)
        try:
            (whole,) = node.op.infer(*(view.types[name] for name in inputs))
        except ShapeError:  # the maps had different sizes before
            continue
        (out,) = node.outputs
        joined = Value(free(view, f"{node.name}_concat"), whole)
        join = replace(node, name=joined.name, inputs=inputs, outputs=(joined,), label=None)
        last = replace(node, op=op, inputs=(joined.name,))
        yield replaced(view, [*makers, node], [join, last], {out.name: out.name})


def _makers(view: View, node: Node) -> list[Node]:
    """The makers of its inputs that work for it alone."""
    makers = (view.producers.get(name) for name in node.inputs)
    return [
        maker
        for name, maker in zip(node.inputs, makers, strict=True)
        if maker is not None and view.next(name) is node
    ]


def _common(nodes: Sequence[Node]) -> Op | None:
    """The operator of all the nodes, if it is one and works on each channel for itself."""
    ops = {node.op for node in nodes}
    op = ops.pop() if len(ops) == 1 else None
    return op if isinstance(op, Op) and is_channelwise(op.word) else None


def _split_into(parts: Sequence[Value]) -> Split:
    return Split(tuple(part.type.channels for part in parts))
