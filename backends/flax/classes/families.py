"""Which functions of a module may share a class, in which order, and under which name.

Functions of one definition are a family. The families come callees first. A block that calls
itself has no such place in the order, so in its module functions of one definition are a family
only where their calls reach equally deep.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cnndsl.graph import Call, Graph, Module

from ..naming import class_name


def families(module: Module) -> Iterator[list[Graph]]:
    """Functions that may share a class: of one definition, and all callees come before.

    The model is the last, alone.
    """
    order = _definitions_in_order(module)
    heights = _heights(module)
    found: dict[tuple[str, int], list[Graph]] = {}
    for graph in module.functions[:-1]:
        key = graph.definition, heights[graph.name] if order is None else 0
        found.setdefault(key, []).append(graph)
    if order is None:
        keys = sorted(found, key=lambda key: key[1])
    else:
        places = {definition: place for place, definition in enumerate(order)}
        keys = sorted(found, key=lambda key: places[key[0]])
    for key in keys:
        yield found[key]
    yield [module.main]


def _heights(module: Module) -> dict[str, int]:
    """How many calls there are, one inside the other, in each function but the model."""
    heights: dict[str, int] = {}
    for graph in module.functions[:-1]:
        called = [n.op.function for n in graph.nodes if isinstance(n.op, Call)]
        heights[graph.name] = 1 + max((heights[name] for name in called), default=0)
    return heights


def _definitions_in_order(module: Module) -> list[str] | None:
    """The blocks, callees first; None when one calls itself."""
    calls = _calls(module)
    done: dict[str, bool] = {}
    order: list[str] = []

    def visit(definition: str) -> bool:
        if definition in done:
            return done[definition]
        done[definition] = False
        if not all(visit(callee) for callee in calls.get(definition, {})):
            return False
        done[definition] = True
        order.append(definition)
        return True

    for graph in module.functions[:-1]:
        if not visit(graph.definition):
            return None
    return order


def _calls(module: Module) -> Mapping[str, Mapping[str, None]]:
    """The blocks that each block calls, in the order of their first calls."""
    by_name = module.by_name
    calls: dict[str, dict[str, None]] = {}
    for graph, node in module.walk():
        callees = calls.setdefault(graph.definition, {})
        if isinstance(node.op, Call) and graph is not module.main:
            callees[by_name[node.op.function].definition] = None
    return calls


def telling_name(copies: Sequence[Graph], same: Sequence[Graph]) -> str:
    """The definition's name, with the argument that makes these copies different from others.

    Arguments:
        same: every function of the definition.
    """
    name = class_name(copies[0].definition)
    others = [graph for graph in same if all(graph is not copy for copy in copies)]
    if not others:
        return name
    candidates = [
        (position, argument, value)
        for position, (argument, value) in enumerate(copies[0].arguments)
        if isinstance(value, (bool, int, str))
    ]
    # Words and truth values tell more than numbers do.
    for position, argument, value in sorted(candidates, key=lambda c: type(c[2]) is int):
        if any(graph.arguments[position][1] != value for graph in copies):
            continue
        if all(graph.arguments[position][1] != value for graph in others):
            if isinstance(value, bool):
                return f"{name}{'With' if value else 'Without'}{class_name(argument)}"
            return f"{name}{class_name(f'{argument}_{value}')}"
    return name
