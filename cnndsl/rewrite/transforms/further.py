"""A further unit behind one that changes the type of its input: its block, elaborated again.

The IR knows the name and the arguments of a call, and the text of its definition. They are
trusted only if they give the very function that stands there, which may have been rewritten.
"""

from __future__ import annotations

from ...diagnostics import CnnError
from ...elaborate.fragment import Fragment, elaborate_fragment
from ...elaborate.models import dialect_defaults
from ...evaluate.expressions import lookup
from ...evaluate.scope import Scope
from ...evaluate.values import BlockRef, Given, Word
from ...graph import Call, Graph, Module
from ...namespace import Library, Namespace
from ...parser import parse
from ...syntax import Apply, Body, Name
from ...window import Window
from ..calls import called, same, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...graph import Node
    from ...source import Span
    from ...types import TensorType


def further(unit: Node, module: Module, library: Library) -> Fragment | None:
    """A call of the unit's block, without strides, on what the unit gives.

    None when it would give another type, and when nobody knows what the block was called with.
    """
    assert isinstance(unit.op, Call)
    functions = module.by_name
    callee = functions[unit.op.function]
    output = unit.outputs[0].type
    if callee.span is None:
        return None
    try:
        meant = _elaborated(unit, module, library, callee.inputs[0].type, callee.span)
        if not same(unit.op, functions, *_what_stands_in(meant)):
            return None
        found = _elaborated(unit, module, library, output, callee.span, strides=False)
    except CnnError:
        return None
    return found if found.graph.output_types == (output,) and found.functions else None


def _what_stands_in(fragment: Fragment) -> tuple[Any, dict[str, Graph]]:
    """What stands in a fragment of one call."""
    return fragment.graph.nodes[0].op, {graph.name: graph for graph in fragment.functions}


def _elaborated(
    unit: Node, module: Module, library: Library, type: TensorType, span: Span, strides: bool = True
) -> Fragment:
    """A call of a unit's block on an input of this type. Raises CnnError."""
    assert isinstance(unit.op, Call)
    functions = module.by_name
    callee = functions[unit.op.function]
    home = home_of(callee.definition, span, library)
    scope = Scope(home)
    given = tuple(
        Given(name, _value(value if strides else _unstrided(name, value), scope), span)
        for name, value in callee.arguments
        if value is not None
    )
    block = home.block(callee.definition)
    assert block is not None
    seen = shown(called(unit, functions), span)
    return elaborate_fragment(
        Body((Apply((), Name("unit", span), (), None, None, None, span),), span),
        home,
        [("x", type)],
        {"unit": BlockRef(*block, given)},
        dialect_defaults(module.dialect, home, span),
        lambda statement: seen,
    )


def home_of(definition: str, span: Span, library: Library) -> Namespace:
    """The file of a definition: one of the library's, or one that is read again."""
    found = library.find(definition)
    if found is not None and found[1].source == span.source:
        return found[1]
    return Namespace(span.source, parse(span.source)[0], library, (), None)


def _value(value: object, scope: Scope) -> object:
    """An argument as the language has it: words are operators and blocks again."""
    if not isinstance(value, str):
        return value
    found = lookup(value, scope)
    return Word(value) if found is None else found


def _unstrided(name: str, value: object) -> object:
    """An argument of a unit that keeps the size of its input."""
    if isinstance(value, Window):
        return Window(*value.size)
    return 1 if name == "stride" else value
