"""Blocks: functions whose statements have one form are one block with parameters.

A definition of which there are several forms, a unit with and without a shortcut, becomes a
block for each, with names that say how they differ.
"""

from __future__ import annotations

from cnndsl.escape import cnn_string
from cnndsl.graph import Call, Graph, Module
from cnndsl.limits import STRING
from cnndsl.op import OPS
from cnndsl.record import Record, replace
from cnndsl.syntax import (
    Apply,
    Argument,
    Block,
    Body,
    CallExpr,
    File,
    Model,
    Name,
    Parameter,
    SourceNote,
    String,
)

from .labels import legal_name, unique
from .literal import (
    AT,
    Label,
    Literal,
    callee,
    literals,
    name,
    number,
    positional,
    rewrite,
    rewrite_parts,
    skeleton,
    spell,
)
from .page import Style, statements
from .parameters import UNSAFE, Parameters, defaults
from .repeats import LONGEST
from .settings import Settings, ways_of
from .structure import tidy
from .titles import UNIT, Traits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from cnndsl.syntax import Statement

    from .parameters import Column

    Members = list[tuple[Graph, tuple[Statement, ...]]]
    """Functions with their statements."""

FOLDS = (LONGEST, 1, 0)
"""How repeats are looked for; what gives fewest blocks is kept."""
LEAST_SIZES = 3
"""Changes of the map's size in a block that says them."""


class Family(Record):
    """A block, and which functions it is.

    Arguments:
        columns: the values of each parameter, in the order of `functions`.
        body: the statements, with expressions where literals differ.
    """

    name: str
    functions: tuple[str, ...]
    columns: tuple[tuple[str, Column], ...]
    body: tuple[Statement, ...]


class Book:
    """All blocks of a module, and the settings that hold in them."""

    def __init__(self, module: Module) -> None:
        graphs = tuple(tidy(graph) for graph in _reached(module))
        *self.functions, self.main = graphs
        self.module = module
        self.ways = {graph.name: ways_of(graph) for graph in graphs}
        self.settings = Settings.of(module, self.ways)
        self.families: dict[str, Family] = {}  # by function
        self.defaults: dict[str, dict[str, int]] = {}  # by block
        titles = dict.fromkeys(graph.definition for graph in self.functions)
        self.names = set(UNSAFE)
        self.titles = {definition: self._free(legal_name(definition)) for definition in titles}
        self.plain: dict[str, Traits] = {}  # what has the definition's name
        for definition, members in _by_definition(self.functions):
            self._add(definition, members)

    def call(self, function: str) -> tuple[Name, tuple[Argument, ...]]:
        """The block that a function became, and its arguments."""
        family = self.families[function]
        at = family.functions.index(function)
        arguments = (
            Argument(parameter, Literal(parameter, AT, column[at]), AT)
            for parameter, column in family.columns
        )
        return Literal(UNIT, AT, family.name), tuple(arguments)

    def _free(self, text: str) -> str:
        """A name for a block that nothing else has."""
        text = unique(text, self.names)
        self.names.add(text)
        return text

    def _add(self, definition: str, graphs: Sequence[Graph]) -> None:
        """Make the blocks of a definition, whose callees are known."""
        forms = min((self._forms(graphs, longest) for longest in FOLDS), key=len)
        traits = [
            (Traits(*zip(*members, strict=True)), members) for members in map(self._folded, forms)
        ]
        traits.sort(key=lambda form: (len(form[0].words), -len(form[1])))
        for form, members in traits:
            title = self.titles[definition]
            plain = self.plain.setdefault(definition, form)
            if form is not plain:
                title = self._free(legal_name(title + form.beside(plain, title, self.names)))
            family = _family(title, members, self.names)
            self.families.update(dict.fromkeys(family.functions, family))
            self.defaults[title] = defaults(family.columns)

    def _forms(self, graphs: Sequence[Graph], longest: int) -> list[Members]:
        """The functions with their statements, those of one form together."""
        forms: dict[object, Members] = {}
        for graph in graphs:
            body = statements(graph, self, Style(longest=longest))
            forms.setdefault(skeleton(body), []).append((graph, body))
        return list(forms.values())

    def _folded(self, members: Members) -> Members:
        """Functions of one form with all repeats that leave it one."""
        graphs = [graph for graph, _ in members]
        tries = (self._forms(graphs, longest) for longest in FOLDS)
        return next(forms[0] for forms in tries if len(forms) == 1)

    # ------------------------------------------------------------------ text

    def file(self) -> File:
        """The whole text as a tree."""
        module = self.module
        source = cnn_string(module.source, STRING.default)
        note = (SourceNote(String(source, AT), AT),) if source else ()
        body = statements(self.main, self, Style(sizes=True, is_model=True))
        inside = Body(self._spelled((*note, *self.settings.statements(), *body)), AT)
        blocks: dict[str, Block] = {}
        self._collect(self.main, blocks)
        title = name(self._free(legal_name(module.name)))
        model = Model(title, (), None, None, (), inside, AT)
        return File(number(1), (*blocks.values(), model), AT)

    def _collect(self, graph: Graph, blocks: dict[str, Block]) -> None:
        """The blocks that a function calls, callees before callers, as they come in the text."""
        for node in graph.nodes:
            if isinstance(node.op, Call):
                family = self.families[node.op.function]
                if family.name not in blocks:
                    for member in self._members(family):
                        self._collect(member, blocks)
                    blocks[family.name] = self._block(family)

    def _members(self, family: Family) -> list[Graph]:
        return [graph for graph in self.functions if graph.name in family.functions]

    def _block(self, family: Family) -> Block:
        usual = self.defaults[family.name]
        parameters = tuple(
            Parameter((name(word),), None, number(usual[word]) if word in usual else None, AT)
            for word, _ in family.columns
        )
        body = self._spelled(self._sized(family) or family.body)
        return Block(name(family.name), parameters, Body(body, AT), AT)

    def _sized(self, family: Family) -> tuple[Statement, ...] | None:
        """The body with sizes, if it is always for the same input and changes it often."""
        first, *others = self._members(family)
        inputs = [value.type for value in first.inputs]
        if family.columns or len(inputs) > 1 or not isinstance(inputs[0].elements, int):
            return None
        if any([value.type for value in graph.inputs] != inputs for graph in others):
            return None
        sized = statements(first, self, Style(sizes=True))
        found = {getattr(statement, "shape", None) for statement in sized} - {None}
        return sized if len(found) >= LEAST_SIZES else None

    def _spelled(self, tree: tuple[Any, ...]) -> tuple[Any, ...]:
        """A tree with its literals as expressions, without those that need not be said."""

        def change(part: Any) -> Any:
            if isinstance(part, Literal):
                return spell(part)
            if isinstance(part, Label):
                return name(part.id)
            if isinstance(part, Apply | CallExpr) and part.callee is not None:
                return rewrite_parts(self._called(part), change)
            return None

        spelled: tuple[Any, ...] = rewrite(tree, change)
        return spelled

    def _called(self, call: Apply | CallExpr) -> Apply | CallExpr | Name:
        """A statement or a post-operator with the arguments that must be said."""
        assert call.callee is not None
        called, given = call.callee, call.arguments
        word = called.value if isinstance(called, Literal) else called.id
        if word in OPS:
            said = tuple(a for a in given if not self.settings.is_usual(word, a))
        elif word in self.defaults:
            said = tuple(_said(given, self.defaults[word]))
            called = callee(word) if said else name(word)
        else:
            said = tuple(positional(argument.value) for argument in given)
            called = callee(word) if said else name(word)
        if isinstance(call, CallExpr) and not said:
            return name(word)
        return replace(call, callee=called, arguments=said)


def _said(arguments: Iterable[Argument], usual: Mapping[str, int]) -> Iterator[Argument]:
    """The arguments of a block without its defaults, by position where that is clear."""
    in_order = True
    for argument in arguments:
        key, value = argument.name or "", argument.value
        if isinstance(value, Literal) and usual.get(key) == value.value:
            in_order = False
        elif in_order and (key not in usual or value == name(key)):
            yield positional(value)
        else:
            yield argument


def _family(title: str, members: Members, taken: set[str]) -> Family:
    """One block for functions whose statements differ in literals alone."""
    graphs = [graph for graph, _ in members]
    columns = list(zip(*(literals(body) for _, body in members), strict=True))
    parameters = Parameters(graphs, columns, taken)
    expressions = iter(parameters.expressions)

    def change(part: object) -> object:
        return (next(expressions) or part) if isinstance(part, Literal) else None

    body: tuple[Statement, ...] = rewrite(members[0][1], change)
    return Family(title, tuple(graph.name for graph in graphs), parameters.used, body)


# -------------------------------------------------------------------------- functions


def _reached(module: Module) -> tuple[Graph, ...]:
    """The functions that the model calls, callees before callers, and the model."""
    wanted: set[str] = set()
    found: list[Graph] = []
    for graph in reversed(module.functions):
        if graph.name in wanted or graph is module.main:
            found.append(graph)
            wanted.update(n.op.function for n in graph.nodes if isinstance(n.op, Call))
    return tuple(reversed(found))


def _by_definition(functions: Sequence[Graph]) -> Iterator[tuple[str, tuple[Graph, ...]]]:
    """The functions of each definition together, after those that they call.

    Where definitions call each other in a circle their functions come one by one.
    """
    callees = {
        graph.name: {node.op.function for node in graph.nodes if isinstance(node.op, Call)}
        for graph in functions
    }
    waiting = list(functions)
    done: set[str] = set()
    while waiting:
        groups: dict[str, list[Graph]] = {}
        for graph in waiting:
            groups.setdefault(graph.definition, []).append(graph)
        whole = (g for g in groups.values() if all(callees[graph.name] <= done for graph in g))
        ready = next(whole, waiting[:1])
        done.update(graph.name for graph in ready)
        waiting = [graph for graph in waiting if graph.name not in done]
        yield ready[0].definition, tuple(ready)
