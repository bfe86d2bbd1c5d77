"""From syntax to typed graphs: names, blocks, repeats and branches get their meaning.

Statements are worked through in order with a *flow*, the values that move from
one statement to the next. A call of a block becomes a call of a function that is
specialised for the arguments, the input types and the defaults in force; equal
calls share one function. After an error the flow is unknown (None) until a
statement's shape annotation says again what it is, so that one mistake is one
message.
"""

from __future__ import annotations

from .bind import Defaults, Ref, bind_operator, bind_parameters, variables_of
from .build import Flow, GraphBuilder, Place, Step
from .diagnostics import CnnError, Diagnostic, Label, did_you_mean, error, fail
from .evaluate import (
    BlockRef,
    Extents,
    Given,
    OpRef,
    Scope,
    Word,
    describe,
    evaluate,
    evaluate_arguments,
    lookup,
    spell,
    truth,
    whole,
)
from .foreign import FOREIGN
from .graph import Call, Constraint, Graph, Module, Node, Output
from .namespace import Namespace
from .op import Op, ShapeError
from .ops import OPS
from .ops.reshape import Identity
from .record import Record, replace
from .source import Span
from .symbol import Size, Symbol, variable
from .syntax import (
    Apply,
    Block,
    Body,
    CallExpr,
    Default,
    Dialect,
    Dims,
    Expect,
    Expr,
    For,
    From,
    Group,
    If,
    Input,
    Let,
    Model,
    Name,
    Parallel,
    Parameter,
    Share,
    SourceNote,
    Stage,
    Statement,
    Template,
)
from .syntax import Output as OutputStatement
from .types import TensorType
from .window import IDENTITY, Padding, Window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any, NoReturn

MAX_NODES = 20_000
MAX_NODES_CAP = 100_000
MAX_BLOCK_DEPTH = 32
MERGES = ("concat", "add", "mul")


class Claim(Record):
    """An `expect` with its values: what a spec says about its network.

    Arguments:
        metric: `params`, `macs`, `flops`, `depth`, `receptive_field`, `shape`.
        subjects: labels, or `training`.
        relation: `=`, `>=`, `<=`, `>`, `<`.
        value: a number, or the sizes of a shape.
        text: the number as written, which says how precise it is.
        tolerance: allowed relative difference, or None.
        note: where the claim comes from.
    """

    metric: str
    subjects: tuple[str, ...]
    relation: str
    value: int | float | tuple[Size, ...]
    text: str
    tolerance: float | None
    note: str
    span: Span


class Elaborated(Record):
    """The result: a module, the claims about it, and warnings."""

    module: Module
    claims: tuple[Claim, ...]
    warnings: tuple[Diagnostic, ...]


class Options(Record):
    """What the command line may change.

    Arguments:
        settings: parameters of the model, as given arguments.
        inputs: shapes that replace those of the inputs, in order.
        dialect: name of a dialect that replaces the model's.
        max_nodes: limit for the number of operators with all calls inlined.
    """

    settings: tuple[Given, ...] = ()
    inputs: tuple[tuple[Size, ...], ...] = ()
    dialect: str | None = None
    max_nodes: int = MAX_NODES

    @property
    def changes_the_model(self) -> bool:
        """Whether the spec's claims are about another network than this one."""
        return bool(self.settings or self.inputs or self.dialect)


def elaborate(model: Model, namespace: Namespace, options: Options = Options()) -> Elaborated:
    """The typed module of a model. Raises CnnError with everything that was found wrong."""
    totals: dict[int, int] = {}
    for _ in range(4):
        run = _Elaborator(options, totals)
        result = run.model(model, namespace)
        if not run.reads_total or run.calls == totals:
            break
        totals = run.calls
    if run.problems:
        raise CnnError(*run.problems)
    return result


class _Frame(Record):
    """A block being elaborated: for messages, and for `nth`."""

    name: str
    definition: int
    span: Span
    copy: tuple[int, int] | None
    nth: int
    positional: list[bool]


class _Context:
    """What surrounds a statement: variables, defaults in force, stages, the repeat."""

    __slots__ = ("defaults", "region", "repeat", "scope")

    def __init__(
        self,
        scope: Scope,
        defaults: Defaults = (),
        region: tuple[str, ...] = (),
        repeat: tuple[int, int] | None = None,
    ) -> None:
        self.scope = scope
        self.defaults = defaults
        self.region = region
        self.repeat = repeat

    def nested(self, **variables: Any) -> _Context:
        return _Context(self.scope.inner(**variables), self.defaults, self.region, self.repeat)

    def copy(self, index: int, of: int) -> _Context:
        """The context of one copy of a repeat."""
        scope = self.scope.inner(copy=index)
        scope.variables["copy"] = index
        return _Context(scope, self.defaults, self.region, (index, of))


class _Elaborator:
    """One run over a model. `problems` collects what is wrong, once each."""

    def __init__(self, options: Options, totals: Mapping[int, int]) -> None:
        self.options = options
        self.totals = totals
        self.calls: dict[int, int] = {}
        self.reads_total = False
        self.problems: list[Diagnostic] = []
        self.warnings: dict[Diagnostic, None] = {}
        self.constraints: dict[Constraint, None] = {}
        self.claims: list[Claim] = []
        self.source = ""
        self.functions: dict[str, Graph] = {}
        self.expanded: dict[str, int] = {}
        self.frames: list[_Frame] = []
        self.builder = GraphBuilder()
        self._memo: dict[Any, Graph | None] = {}
        self._interned: dict[Graph, Graph] = {}
        self._seen: set[tuple[str, str, int]] = set()
        self._inputs_used = 0

    # ------------------------------------------------------------------ models

    def model(self, model: Model, namespace: Namespace) -> Elaborated:
        """Elaborate a model: the base at the end of its chain of variants."""
        base, variants, scope, dialect = self._instance(model, namespace)
        name = self.options.dialect or dialect or "torch"
        context = _Context(scope, self._dialect(name, namespace, model))
        assert base.body is not None
        self.builder.reserved = frozenset(_label_names(base.body))
        scope.labels = self._label_type
        flow = self._body(base.body, None, context)
        for variant, inside in variants:
            self._claims(variant, inside)
        self._finish_outputs(flow, base.name.span, is_model=True)
        arguments = _plain_arguments(base.parameters, scope.variables)
        main = self.builder.finish(model.name.id, base.name.id, arguments, base.span)
        self._collect(self.builder)
        functions = (*self.functions.values(), main)
        module = Module(model.name.id, functions, name, self.source, tuple(self.constraints))
        return Elaborated(module, tuple(self.claims), tuple(self.warnings))

    def _instance(
        self, model: Model, namespace: Namespace
    ) -> tuple[Model, list[tuple[Body, _Context]], Scope, str | None]:
        """Follow `model a = b(...)` to the model with a body, binding parameters on the way."""
        given: tuple[Given, ...] = ()
        settings = {setting.name: setting for setting in self.options.settings}
        variants: list[tuple[Body, _Context]] = []
        dialect: str | None = None
        passed: list[str] = []
        while True:
            passed.append(model.name.id)
            own = {n.id for p in model.parameters for n in variables_of(p)}
            for name in [name for name in settings if name in own]:
                given = (*(g for g in given if g.name != name), settings.pop(name))
            given = _override(given, model.parameters)
            scope = Scope(namespace)
            values = bind_parameters(
                model.name.id, model.parameters, given, Scope(namespace), model.name.span
            )
            scope.variables.update(values)
            _add_choices(scope, model.parameters)
            if dialect is None and model.dialect is not None:
                dialect = model.dialect.id
                if namespace.dialect(dialect) is None:
                    self._no_dialect(model.dialect, namespace)
            if model.base is None:
                break
            if model.body is not None:
                variants.append((model.body, _Context(scope)))
            model, namespace, given = self._base(model.base, namespace, scope, passed)
        for wrong, setting in settings.items():
            known = {n.id for p in model.parameters for n in variables_of(p)}
            near = did_you_mean(wrong or "", known)
            has = ", ".join(f"`{k}`" for k in known) or "none"
            fail("E0203", f"the model `{passed[0]}` has no parameter `{wrong}`", setting.span,
                 f"its parameters: {has}", help=[f"did you mean `{near}`?"] if near else [])
        return model, variants, scope, dialect

    def _base(
        self, call: CallExpr, namespace: Namespace, scope: Scope, passed: list[str]
    ) -> tuple[Model, Namespace, tuple[Given, ...]]:
        found = namespace.model(call.callee.id)
        if found is None:
            names = [name for name in namespace.models() if name not in passed]
            near = did_you_mean(call.callee.id, names)
            fail("E0202", f"there is no model `{call.callee.id}`", call.callee.span,
                 help=[f"did you mean `{near}`?"] if near else [])
        if len(passed) > MAX_BLOCK_DEPTH or call.callee.id in passed:
            fail("E0402", f"the model `{call.callee.id}` is a variant of itself", call.callee.span)
        return (*found, evaluate_arguments(call.arguments, scope))

    def _dialect(self, name: str, namespace: Namespace, model: Model) -> Defaults:
        """The settings of a dialect and of those it builds on, outermost first."""
        layers: list[Defaults] = []
        wanted: str | None = name
        while wanted is not None and len(layers) < MAX_BLOCK_DEPTH:
            found = namespace.dialect(wanted)
            if found is None:
                self._no_dialect(Name(wanted, model.name.span), namespace)
            dialect, namespace = found
            scope = Scope(namespace)
            layers.append(
                tuple(
                    (word.id, evaluate_arguments(setting.arguments, scope))
                    for setting in dialect.settings
                    for word in setting.words
                )
            )
            wanted = dialect.base.id if dialect.base else None
        return tuple(entry for layer in reversed(layers) for entry in layer)

    def _no_dialect(self, name: Name, namespace: Namespace) -> NoReturn:
        known = [
            n for n in (*namespace.names(), *namespace.library.index)
            if isinstance((namespace.find(n) or namespace.library.find(n) or (None,))[0], Dialect)
        ]
        near = did_you_mean(name.id, known)
        fail("E0202", f"there is no dialect `{name.id}`", name.span,
             help=[f"did you mean `{near}`?" if near else f"there are {', '.join(sorted(set(known)))}"])

    def _claims(self, body: Body, context: _Context) -> None:
        """A variant's body says things about the network and adds nothing to it."""
        for statement in body.statements:
            if isinstance(statement, (Expect, SourceNote, Let)):
                self._statement(statement, None, context)
            else:
                self._report(
                    error("E0101", "a variant only adds `expect`, `source` and `let`",
                          statement.span, help=["write a model of its own, with a body"])
                )

    # -------------------------------------------------------------- statements

    def _body(self, body: Body, flow: Flow, context: _Context) -> Flow:
        """Work through statements; a failed one is reported and leaves the flow unknown."""
        for statement in body.statements:
            flow = self._statement(statement, flow, context)
        return flow

    def _statement(self, statement: Statement, flow: Flow, context: _Context) -> Flow:
        try:
            return _STATEMENTS[type(statement)](self, statement, flow, context)
        except CnnError as problem:
            for diagnostic in problem.diagnostics:
                if diagnostic.code in ("E0601", "E0402"):
                    raise
                self._report(diagnostic)
            for ref in getattr(statement, "labels", ()):
                self._forget(ref, context)
            return self._annotated(None, statement, context)

    def _forget(self, ref: Name | Template, context: _Context) -> None:
        try:
            self.builder.labels[spell(ref, context.scope)] = None
        except CnnError:
            return

    def _apply(self, statement: Apply, flow: Flow, context: _Context) -> Flow:
        times = self._times(statement.times, context)
        labels = self._spelled(statement.labels, context)
        label = labels[0] if labels else None
        steps: list[Step] = []
        start = self.builder.expanded
        for index in range(times if times is not None else 1):
            inside = context if times is None else context.copy(index, times)
            place = Place(statement.span, label, context.region)
            name = f"{label}_{index + 1}" if label and times is not None else label
            flow = self._apply_once(statement, flow, inside, place, name, labels, steps)
            self._check_size(start, times, index, statement.span)
        flow = self._annotated(flow, statement, context)
        self._define(labels, statement.labels, flow)
        if label:
            self.builder.steps[label] = steps
        return flow

    def _apply_once(
        self,
        statement: Apply,
        flow: Flow,
        context: _Context,
        place: Place,
        name: str | None,
        labels: tuple[str, ...],
        steps: list[Step],
    ) -> Flow:
        self.builder.row += 1
        if statement.body is not None:
            return self._residual(statement, flow, context, place, name)
        callee = statement.callee
        word = callee.id if callee is not None else "conv"
        if word in MERGES and callee is not None:
            return self._merge_named(statement, flow, context, place, name)
        ref = self._callee(callee, context.scope) if callee is not None else OpRef("conv")
        given = evaluate_arguments(statement.arguments, context.scope)
        return self._call(ref, given, flow, context, place, name, labels, steps)

    def _callee(self, name: Name, scope: Scope) -> Ref:
        value = lookup(name.id, scope)
        if isinstance(value, (OpRef, BlockRef)):
            return value
        if value is not None:
            fail("E0206", f"`{name.id}` is not an operator or a block", name.span,
                 f"it is {describe(value)}")
        if name.id in FOREIGN:
            fail("E0201", f"there is no operator `{name.id}`", name.span,
                 help=[f"it is called `{FOREIGN[name.id]}` here"])
        if scope.namespace.offers(name.id):
            fail("E0201", f"there is no operator or block `{name.id}` here", name.span,
                 help=["the standard library has it: add `use std` at the top"])
        near = did_you_mean(name.id, [*OPS, *scope.names(), "residual"])
        fail("E0201", f"there is no operator or block `{name.id}`", name.span,
             help=[f"did you mean `{near}`?"] if near else ["`cnnc ops` lists the operators"])

    def _call(
        self,
        ref: Ref,
        given: tuple[Given, ...],
        flow: Flow,
        context: _Context,
        place: Place,
        name: str | None,
        labels: tuple[str, ...] = (),
        steps: list[Step] | None = None,
    ) -> Flow:
        """Apply an operator (with its post-ops) or a block."""
        if isinstance(ref, BlockRef):
            return self._call_block(ref, given, flow, context, place, name, labels, steps)
        op, posts = bind_operator(
            ref.word, ref.arguments + given, context.defaults, context.scope, place.span
        )
        flow = self._add(op, flow, place, name or self._auto(ref.word, place), labels, steps)
        for post in posts:
            after = f"{name}_{post}" if name else None
            flow = self._call(post, (), flow, context, place, after, steps=steps)
        return flow

    def _auto(self, word: str, place: Place) -> str:
        """A name for what has no label: `conv3`, or `conv2_x_bottleneck1` in a stage."""
        stem = f"{place.region[-1]}_{word}" if place.region else word
        return self.builder.numbered(stem)

    def _add(
        self,
        op: Op,
        flow: Flow,
        place: Place,
        name: str,
        labels: tuple[str, ...] = (),
        steps: list[Step] | None = None,
        weights: str | None = None,
        marks: tuple[Span, ...] = (),
    ) -> Flow:
        """Add an operator to the graph, its hidden values spelled out and its types checked.

        `marks` are the places of the operands, where they are not those of their makers.
        """
        if flow is None:
            self._require_input(place.span)
            return None
        if isinstance(op, Identity):
            return flow
        least, most = op.arity
        if len(flow) < least or most is not None and len(flow) > most:
            self._wrong_arity(op, flow, place)
        types = tuple(self.builder.types[value] for value in flow)
        try:
            exact = op.canonical(*types)
            results = exact.infer(*types)
        except ShapeError as problem:
            raise CnnError(self._shape_error(problem, flow, place, marks)) from None
        self._check_limits(results, place.span)
        node = name if name not in self.builder.types else self.builder.unique(name)
        if len(results) > 1 and len(labels) == len(results):
            names = labels
        else:
            names = tuple(f"{node}_{i + 1}" for i in range(len(results)))
        values = self.builder.add(exact, flow, results, place, node, names, weights)
        self.builder.expanded += 1
        if steps is not None:
            steps.append(Step(node, lambda inputs: op.canonical(*inputs)))
        return values

    def _require_input(self, span: Span) -> None:
        """An unknown flow is the trace of an error, or of a model that has no input yet."""
        if not self.builder.inputs and not self.problems:
            fail("E0403", "nothing flows into this: the model has no input yet", span,
                 help=["begin the model with `input 224x224x3`"])

    def _wrong_arity(self, op: Op, flow: tuple[str, ...], place: Place) -> NoReturn:
        if op.family == "merge":
            fail("E0209", f"`{op.word}` joins two values or more, the flow carries one",
                 place.span, help=[f"name them, `{op.word}(a, b)`, or give it branches"])
        fail("E0209", f"`{op.word}` takes one value, the flow carries {len(flow)}", place.span,
             f"these are {', '.join(f'`{value}`' for value in flow)}",
             help=["join them with `concat` or `add`, or choose one with `from`"])

    def _check_limits(self, types: tuple[TensorType, ...], span: Span) -> None:
        for type in types:
            elements = type.elements
            if isinstance(elements, int) and elements >= 2**63:
                fail("E0603", f"a value of {type} has more than 2^63 - 1 elements", span)
            if any(isinstance(size, int) and size >= 2**31 for size in type.shape):
                fail("E0603", f"a size of {type} is beyond 2^31 - 1", span)

    def _check_size(self, start: int, times: int | None, index: int, span: Span) -> None:
        """Stop before the limit is passed: the first copy says what all copies will cost."""
        grown = self.builder.expanded - start
        limit = self.options.max_nodes
        expected = start + grown * times if times is not None and index == 0 else start + grown
        if expected <= limit:
            return
        product = f"{times:,} copies of {grown:,}" if times is not None and index == 0 else ""
        fail("E0601", f"this network would expand to {expected:,} nodes or more; "
             f"the limit is {limit:,}", span, product,
             help=["raise the limit with `--max-nodes` (up to "
                   f"{MAX_NODES_CAP:,}) if this is meant"])

    def _times(self, times: Expr | None, context: _Context) -> int | None:
        if times is None:
            return None
        value = whole(evaluate(times, context.scope))
        if not isinstance(value, int) or isinstance(value, bool):
            fail("E0206", "a repeat counts in whole numbers", times.span,
                 f"this is {describe(value)}")
        if value < 0:
            fail("E0207", "a repeat cannot be negative", times.span, f"this is `{value}`")
        if value > MAX_NODES_CAP:
            fail("E0601", f"{value:,} copies are more than the hard limit of {MAX_NODES_CAP:,}",
                 times.span)
        return value

    # ------------------------------------------------------------------ merges

    def _parallel(self, statement: Parallel, flow: Flow, context: _Context) -> Flow:
        times = self._times(statement.times, context)
        labels = self._spelled(statement.labels, context)
        label = labels[0] if labels else None
        start = self.builder.expanded
        word = statement.merge.id
        if word not in MERGES:
            near = did_you_mean(word, MERGES)
            fail("E0201", f"`{word}` does not join branches", statement.merge.span,
                 help=[f"did you mean `{near}`?" if near else "`concat`, `add` and `mul` do"])
        for index in range(times if times is not None else 1):
            inside = context if times is None else context.copy(index, times)
            results = [
                self._body(branch, flow, inside.nested()) for branch in statement.branches
            ]
            self.builder.row += 1
            place = Place(statement.merge.span, label, context.region)
            name = f"{label}_{index + 1}" if label and times is not None else label
            ends = [branch.statements[-1].span for branch in statement.branches]
            flow = self._merge(word, results, context, place, name, ends)
            self._check_size(start, times, index, statement.span)
        flow = self._annotated(flow, statement, context)
        self._define(labels, statement.labels, flow)
        return flow

    def _merge(
        self,
        word: str,
        branches: list[Flow],
        context: _Context,
        place: Place,
        name: str | None,
        ends: list[Span] | None = None,
    ) -> Flow:
        """Join branches; `ends` are the places where they end, for messages."""
        values: list[str] = []
        marks: list[Span] = []
        for index, branch in enumerate(branches):
            if branch is None:
                return None
            values.extend(branch)
            marks.extend([ends[index]] * len(branch) if ends else [])
        op, posts = bind_operator(word, (), context.defaults, context.scope, place.span)
        node = name or self._auto(word, place)
        flow = self._add(op, tuple(values), place, node, marks=tuple(marks))
        for post in posts:
            flow = self._call(post, (), flow, context, place, f"{name}_{post}" if name else None)
        return flow

    def _merge_named(
        self, statement: Apply, flow: Flow, context: _Context, place: Place, name: str | None
    ) -> Flow:
        """`concat(c3, up)`, or `concat` alone for all values of the flow."""
        assert statement.callee is not None
        branches: list[Flow] = []
        for argument in statement.arguments:
            value = argument.value
            if argument.name is not None or not isinstance(value, (Name, Template)):
                fail("E0206", f"`{statement.callee.id}` joins labelled values", argument.span,
                     help=[f"label them: `{statement.callee.id}(a, b)`, or give it branches"])
            if isinstance(value, Name) and value.id == "identity":
                branches.append(flow)
            else:
                branches.append(self._labelled(value, context))
        if not statement.arguments:
            branches = [flow]
        return self._merge(statement.callee.id, branches, context, place, name)

    def _residual(
        self, statement: Apply, flow: Flow, context: _Context, place: Place, name: str | None
    ) -> Flow:
        """`residual { body }`: the body's result plus its input."""
        assert statement.callee is not None and statement.body is not None
        if statement.callee.id != "residual":
            fail("E0201", f"`{statement.callee.id}` takes no body in braces",
                 statement.callee.span,
                 help=["`residual { ... }` does; branches begin with `|`: `add { | a | b }`"])
        joined = True
        for argument in statement.arguments:
            if argument.name != "when":
                fail("E0203", "`residual` has one argument, `when`", argument.span,
                     help=["write `residual(when=stride == 1) { ... }`"])
            joined = truth(evaluate(argument.value, context.scope), argument.value.span)
        result = self._body(statement.body, flow, context.nested())
        if not joined:
            return result
        self.builder.row += 1
        return self._merge("add", [result, flow], context,
                           Place(statement.callee.span, place.label, place.region), name)

    # ------------------------------------------------------------------ blocks

    def _call_block(
        self,
        ref: BlockRef,
        given: tuple[Given, ...],
        flow: Flow,
        context: _Context,
        place: Place,
        name: str | None,
        labels: tuple[str, ...] = (),
        steps: list[Step] | None = None,
    ) -> Flow:
        block = ref.block
        values = bind_parameters(
            block.name.id, block.parameters, ref.arguments + given, Scope(ref.namespace),
            place.span,
        )
        nth = self.calls.get(id(block), 0)
        self.calls[id(block)] = nth + 1
        if flow is None:
            self._require_input(place.span)
            return None
        function = self._specialise(ref, values, flow, context, place, nth)
        if function is None:
            return None
        if not function.nodes and _passes_through(function):
            return flow
        node = name or self._auto(block.name.id, place)
        node = node if node not in self.builder.types else self.builder.unique(node)
        if steps is not None:
            again = context, place, nth
            steps.append(Step(node, self._respecialise(ref, values, flow, *again)))
        return self._add_call(function, flow, place, node, labels)

    def _add_call(
        self,
        function: Graph,
        flow: tuple[str, ...],
        place: Place,
        node: str,
        labels: tuple[str, ...] = (),
        weights: str | None = None,
    ) -> Flow:
        types = function.output_types
        if len(types) > 1 and len(labels) == len(types):
            names = labels
        else:
            names = tuple(f"{node}_{output.name}" for output in function.outputs)
        self.builder.expanded += self.expanded[function.name]
        return self.builder.add(Call(function.name), flow, types, place, node, names, weights)

    def _respecialise(
        self,
        ref: BlockRef,
        values: dict[str, Any],
        flow: tuple[str, ...],
        context: _Context,
        place: Place,
        nth: int,
    ) -> Callable[[tuple[TensorType, ...]], Op | Call]:
        def again(types: tuple[TensorType, ...]) -> Op | Call:
            function = self._specialise(ref, values, flow, context, place, nth, types)
            if function is None:
                raise CnnError()
            return Call(function.name)

        return again

    def _specialise(
        self,
        ref: BlockRef,
        values: dict[str, Any],
        flow: tuple[str, ...],
        context: _Context,
        place: Place,
        nth: int,
        types: tuple[TensorType, ...] = (),
    ) -> Graph | None:
        """The function of a block for these arguments and inputs; None when it is wrong."""
        types = types or tuple(self.builder.types[value] for value in flow)
        key = (id(ref.block), tuple(values.items()), types, context.defaults)
        if key in self._memo:
            return self._memo[key]
        if len(self.frames) >= MAX_BLOCK_DEPTH:
            chain = " → ".join(frame.name for frame in self.frames[-6:])
            fail("E0402", f"blocks are called more than {MAX_BLOCK_DEPTH} deep", place.span,
                 notes=[f"the last calls: {chain} → {ref.block.name.id}"],
                 help=["a block that calls itself needs a condition that ends it"])
        positional = [False]
        frame = _Frame(ref.block.name.id, id(ref.block), place.span, context.repeat, nth,
                       positional)
        self.frames.append(frame)
        outer, self.builder = self.builder, GraphBuilder()
        broken = len(self.problems)
        try:
            function = self._block(ref, values, types, context)
        finally:
            built, self.builder = self.builder, outer
            self.frames.pop()
        if function is None or len(self.problems) > broken:
            if not positional[0]:
                self._memo[key] = None
            return None
        self._collect(built)
        function = self._keep(function, built.expanded)
        if positional[0]:
            for frame in self.frames:
                frame.positional[0] = True
        else:
            self._memo[key] = function
        return function

    def _keep(self, function: Graph, expanded: int) -> Graph:
        """Give a new function its name; an equal one that exists already is used instead."""
        known = self._interned.get(function)
        if known is not None:
            return known
        name, number = function.definition, 1
        while name in self.functions:
            number += 1
            name = f"{function.definition}_{number}"
        named = replace(function, name=name)
        if function.nodes or not _passes_through(function):
            self.functions[name] = named
        self.expanded[name] = expanded
        self._interned[function] = named
        return named

    def _block(
        self,
        ref: BlockRef,
        values: dict[str, Any],
        types: tuple[TensorType, ...],
        context: _Context,
    ) -> Graph | None:
        block = ref.block
        scope = Scope(
            ref.namespace, dict(values), labels=self._label_type, on_position=self._position
        )
        _add_choices(scope, block.parameters)
        scope.variables["in"] = types[0]
        self.builder.reserved = frozenset(_label_names(block.body))
        names = _input_names(block, len(types))
        flow: Flow = tuple(
            self.builder.input(name, type) for name, type in zip(names, types, strict=True)
        )
        inside = _Context(scope, context.defaults)
        flow = self._body(block.body, flow, inside)
        self._finish_outputs(flow, block.name.span, is_model=False)
        if not self.builder.outputs:
            return None
        arguments = _plain_arguments(block.parameters, values)
        return self.builder.finish("", block.name.id, arguments, block.span)

    def _position(self, word: str) -> int:
        """`nth` and `total` of the block being elaborated."""
        frame = self.frames[-1]
        frame.positional[0] = True
        if word == "nth":
            return frame.nth
        self.reads_total = True
        return self.totals.get(frame.definition, 1)

    def _collect(self, built: GraphBuilder) -> None:
        self.constraints.update(built.constraints)
        for warning in built.warnings:
            self.warnings.setdefault(warning)

    # --------------------------------------------------------- flow and labels

    def _group(self, statement: Group, flow: Flow, context: _Context) -> Flow:
        times = self._times(statement.times, context)
        labels = self._spelled(statement.labels, context)
        start = self.builder.expanded
        for index in range(times if times is not None else 1):
            inside = context.nested() if times is None else context.copy(index, times)
            before = flow
            flow = self._body(statement.body, flow, inside)
            self._check_size(start, times, index, statement.span)
            if flow == before and self.builder.expanded == start:
                break  # nothing is repeated
        flow = self._annotated(flow, statement, context)
        self._define(labels, statement.labels, flow)
        return flow

    def _stage(self, statement: Stage, flow: Flow, context: _Context) -> Flow:
        name = spell(statement.name, context.scope)
        inside = context.nested()
        inside.region = (*context.region, name)
        flow = self._body(statement.body, flow, inside)
        flow = self._annotated(flow, statement, context)
        self._define((name,), (statement.name,), flow)
        return flow

    def _from(self, statement: From, flow: Flow, context: _Context) -> Flow:
        taken: list[str] | None = []
        for ref in statement.refs:
            values = self._labelled(ref, context)
            taken = None if taken is None or values is None else [*taken, *values]
        start = None if taken is None else tuple(taken)
        if statement.body is None:
            return start
        self._body(statement.body, start, context.nested())
        return flow

    def _share(self, statement: Share, flow: Flow, context: _Context) -> Flow:
        name = spell(statement.ref, context.scope)
        steps = self.builder.steps.get(name)
        if steps is None:
            self._labelled(statement.ref, context)
            fail("E0210", f"`{name}` has no layers that could be shared", statement.ref.span,
                 help=["`share` takes the label of an operator or a call of a block"])
        labels = self._spelled(statement.labels, context)
        label = labels[0] if labels else None
        self.builder.row += 1
        place = Place(statement.span, label, context.region)
        for step in steps:
            flow = self._share_step(step, flow, place, label)
        flow = self._annotated(flow, statement, context)
        self._define(labels, statement.labels, flow)
        return flow

    def _share_step(self, step: Step, flow: Flow, place: Place, label: str | None) -> Flow:
        if flow is None:
            return None
        origin = next(node for node in self.builder.nodes if node.name == step.node)
        before = tuple(self.builder.types[value] for value in origin.inputs)
        types = tuple(self.builder.types[value] for value in flow)
        if [t.channels for t in before] != [t.channels for t in types]:
            fail("E0301", f"`{place.label or origin.name}` cannot share the weights of "
                 f"`{origin.name}`", place.span,
                 f"{types[0]} comes in here, {before[0]} there: channels differ")
        try:
            op = step.again(types)
            name = self.builder.unique(label) if label else self.builder.unique(step.node)
            if isinstance(op, Call):
                return self._add_call(self.functions[op.function], flow, place, name,
                                      weights=origin.name)
            return self._add(op, flow, place, name,
                             weights=origin.name if op.weights(*types) else None)
        except ShapeError as problem:
            raise CnnError(self._shape_error(problem, flow, place)) from None

    def _if(self, statement: If, flow: Flow, context: _Context) -> Flow:
        chosen = truth(evaluate(statement.condition, context.scope), statement.condition.span)
        body = statement.then if chosen else statement.otherwise
        return flow if body is None else self._body(body, flow, context.nested())

    def _for(self, statement: For, flow: Flow, context: _Context) -> Flow:
        values = evaluate(statement.values, context.scope)
        if not isinstance(values, tuple):
            fail("E0206", "`for` goes through a range or a list", statement.values.span,
                 f"this is {describe(values)}", help=["write `for i in 0..4 { ... }`"])
        start = self.builder.expanded
        for index, value in enumerate(values):
            flow = self._body(statement.body, flow, context.nested(**{statement.name.id: value}))
            self._check_size(start, len(values), index, statement.span)
        return flow

    def _spelled(
        self, refs: tuple[Name | Template, ...], context: _Context
    ) -> tuple[str, ...]:
        return tuple(spell(ref, context.scope) for ref in refs)

    def _define(
        self, labels: tuple[str, ...], refs: tuple[Name | Template, ...], flow: Flow
    ) -> None:
        """Give the flow's values their labels: one label for all, or one for each."""
        for label, ref in zip(labels, refs, strict=True):
            first = self.builder.definitions.get(label)
            if first is not None and first != ref.span and label in self.builder.labels:
                self._report(
                    error("E0208", f"the label `{label}` is used twice", ref.span,
                          also=[Label(first, "first used here")],
                          help=["give one of them another name"])
                )
            self.builder.definitions[label] = ref.span
        if flow is None:
            self.builder.labels.update(dict.fromkeys(labels))
        elif len(labels) == len(flow) > 1:
            self.builder.labels.update({l: (v,) for l, v in zip(labels, flow, strict=True)})
        elif len(labels) > 1:
            fail("E0209", f"{len(labels)} labels for {len(flow)} value{'s' * (len(flow) != 1)}",
                 refs[0].span)
        elif labels:
            self.builder.labels[labels[0]] = flow

    def _labelled(self, ref: Name | Template, context: _Context) -> Flow:
        """The values of a label. Raises CnnError for one that is not there (yet)."""
        name = spell(ref, context.scope)
        if name in self.builder.labels:
            return self.builder.labels[name]
        known = list(self.builder.labels)
        near = did_you_mean(name, known)
        help = [f"did you mean `{near}`?"] if near else []
        if not help and known:
            help = [f"labels so far: {', '.join(f'`{k}`' for k in known[-8:])}"]
        fail("E0202", f"there is no label `{name}` above this line", ref.span, help=help)

    def _label_type(self, name: str) -> TensorType | None:
        """The type of a labelled value, for `c3.channels` in expressions."""
        flow = self.builder.labels.get(name)
        return self.builder.types[flow[0]] if flow and len(flow) == 1 else None

    # --------------------------------------------------------- inputs, outputs

    def _input(self, statement: Input, flow: Flow, context: _Context) -> Flow:
        if self.frames:
            return self._block_input(statement, flow)
        if statement.shape is None:
            fail("E0204", "the input of a model needs a shape", statement.span,
                 help=["write `input 224x224x3`: height x width x channels"])
        labels = self._spelled(statement.labels, context)
        sizes = self._input_shape(statement.shape, context)
        name = self.builder.input(labels[0] if labels else "x", TensorType(sizes), statement.span)
        self._define(labels, statement.labels, (name,))
        context.scope.variables["in"] = TensorType(sizes)
        return (name,)

    def _input_shape(self, shape: Expr, context: _Context) -> tuple[Size, ...]:
        given = self.options.inputs
        if self._inputs_used < len(given):
            self._inputs_used += 1
            sizes = given[self._inputs_used - 1]
        else:
            if isinstance(shape, Dims):
                _declare_symbols(shape, context.scope)
            sizes = _sizes(evaluate(shape, context.scope), shape)
        if any(size == 0 for size in sizes):
            fail("E0207", "no size of an input may be 0", shape.span)
        if not isinstance(sizes[-1], int):
            fail("E0310", "the number of input channels must be known", shape.span,
                 help=["height and width may be symbolic: `input H×W×3`"])
        return sizes

    def _block_input(self, statement: Input, flow: Flow) -> Flow:
        names = [name.id for name in statement.names]
        if statement.shape is not None:
            fail("E0101", "a block's input has names, its type comes from the call",
                 statement.span, help=["write `input p, h` for two values, or leave it out"])
        values = tuple(value.name for value in self.builder.inputs)
        if len(values) != len(names):
            frame = self.frames[-1]
            fail("E0209", f"`{frame.name}` takes {len(names)} values, the flow carries "
                 f"{len(values)}", frame.span,
                 also=[Label(statement.span, f"{len(names)} inputs are declared here")],
                 help=["set the flow with `from a, b` before the call"])
        for name, value in zip(names, values, strict=True):
            self.builder.labels[name] = (value,)
        return values

    def _output(self, statement: OutputStatement, flow: Flow, context: _Context) -> Flow:
        names: list[Name | Template] = []
        training, weight = False, 1.0
        for argument in statement.arguments:
            value = argument.value
            if argument.name == "weight":
                weight = self._weight(argument.value, context)
            elif argument.name is not None:
                fail("E0203", f"`output` has no argument `{argument.name}`", argument.span,
                     help=["it is `output name, training, weight=0.3`"])
            elif isinstance(value, Name) and value.id == "training" and names:
                training = True
            elif isinstance(value, (Name, Template)):
                names.append(value)
            else:
                fail("E0206", "an output has a name", argument.span,
                     help=["write `output logits`"])
        if training and self.frames:
            fail("E0403", "only a model has training outputs", statement.span)
        for title, source in self._output_values(names, flow, context, statement):
            if any(output.name == title for output in self.builder.outputs):
                fail("E0208", f"the output `{title}` is given twice", statement.span)
            self.builder.outputs.append(Output(title, source, training, weight))
        return flow

    def _output_values(
        self,
        names: list[Name | Template],
        flow: Flow,
        context: _Context,
        statement: OutputStatement,
    ) -> list[tuple[str, str]]:
        """Each output's name and value: a label's value, or the flow under a new name."""
        spelled = [spell(name, context.scope) for name in names] or ["output"]
        labelled: list[tuple[str, ...]] = []
        for name in spelled:
            values = self.builder.labels.get(name, ())
            if values is None:
                return []
            labelled.append(values)
        if all(labelled):
            return [
                (name if len(values) == 1 else f"{name}_{i + 1}", value)
                for name, values in zip(spelled, labelled, strict=True)
                for i, value in enumerate(values)
            ]
        if flow is None:
            return []
        if len(spelled) == len(flow):
            return list(zip(spelled, flow, strict=True))
        if len(spelled) == 1:
            return [(f"{spelled[0]}_{i + 1}", value) for i, value in enumerate(flow)]
        unknown = next(n for n, v in zip(names, labelled, strict=True) if not v)
        self._labelled(unknown, context)
        fail("E0209", f"{len(spelled)} outputs for {len(flow)} values", statement.span)

    def _weight(self, expr: Expr, context: _Context) -> float:
        value = evaluate(expr, context.scope)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
            fail("E0206", "the weight of a loss is a number of at least 0", expr.span,
                 f"this is {describe(value)}")
        return float(value)

    def _finish_outputs(self, flow: Flow, span: Span, is_model: bool) -> None:
        """The end of the flow is the output, unless outputs are declared."""
        if any(not output.training for output in self.builder.outputs):
            return
        if flow is None:
            if not self.problems:
                self._report(error("E0403", "this has no output", span,
                                   help=["a model begins with `input 224x224x3`"]))
            return
        names = ["output"] if len(flow) == 1 else [f"output_{i + 1}" for i in range(len(flow))]
        ends = [Output(name, value) for name, value in zip(names, flow, strict=True)]
        self.builder.outputs = ends + self.builder.outputs

    # ------------------------------------------------------ settings and claims

    def _default(self, statement: Default, flow: Flow, context: _Context) -> Flow:
        given = evaluate_arguments(statement.arguments, context.scope)
        from .bind import FAMILIES

        for word in statement.words:
            if word.id not in OPS and word.id not in FAMILIES:
                near = did_you_mean(word.id, [*OPS, *FAMILIES])
                fail("E0201", f"`default` is for operators; `{word.id}` is none", word.span,
                     help=[f"did you mean `{near}`?"] if near else [])
            context.defaults = (*context.defaults, (word.id, given))
        return flow

    def _let(self, statement: Let, flow: Flow, context: _Context) -> Flow:
        from .evaluate import Closure

        name = statement.name.id
        if statement.parameters is not None:
            context.scope.variables[name] = Closure(statement, context.scope)
        else:
            context.scope.variables[name] = evaluate(statement.value, context.scope)
        return flow

    def _source(self, statement: SourceNote, flow: Flow, context: _Context) -> Flow:
        if not self.frames and not self.source:
            self.source = statement.text.value
        return flow

    def _expect(self, statement: Expect, flow: Flow, context: _Context) -> Flow:
        if self.options.changes_the_model or self.frames:
            return flow
        value = evaluate(statement.value, context.scope)
        if isinstance(value, (Window, Extents)):
            value = _sizes(value, statement.value)
        if isinstance(value, bool) or not isinstance(value, (int, float, tuple)):
            fail("E0206", "a claim compares with a number or a shape", statement.value.span,
                 f"this is {describe(value)}")
        tolerance = statement.tolerance
        self.claims.append(
            Claim(
                statement.metric.id,
                tuple(spell(ref, context.scope) for ref in statement.subjects),
                statement.relation,
                value,
                statement.value.span.text,
                None if tolerance is None else float(tolerance.value),
                statement.note.value if statement.note else "",
                statement.span,
            )
        )
        return flow

    def _annotated(self, flow: Flow, statement: Any, context: _Context) -> Flow:
        """Check the shape annotation; after an error it says what flows on."""
        shape = getattr(statement, "shape", None)
        if shape is None or isinstance(statement, Input):
            return flow
        try:
            claimed = _sizes(evaluate(shape, context.scope), shape)
        except CnnError as problem:
            for diagnostic in problem.diagnostics:
                self._report(diagnostic)
            return flow
        if flow is None:
            known = len(claimed) != 2 and self.builder.inputs
            return self._resume(claimed, shape) if known else None
        if self.options.changes_the_model:
            return flow
        if len(flow) != 1:
            fail("E0209", f"a shape annotation is for one value, the flow carries {len(flow)}",
                 shape.span)
        found = self.builder.types[flow[0]]
        if found.is_map and len(claimed) == 2:  # height × width, as many tables have it
            claimed = (*claimed, found.channels)
        if _same_shape(found.shape, claimed):
            return flow
        if not self._symbolic_claim(found.shape, claimed, shape.span):
            self._report(self._wrong_shape(found, claimed, flow[0], shape.span, statement))
            return None
        return flow

    def _resume(self, claimed: tuple[Size, ...], shape: Expr) -> Flow:
        """Go on after an error with a value of the annotated shape."""
        name = self.builder.unique("unknown")
        self.builder.types[name] = TensorType(claimed)
        self.builder.origins[name] = shape.span
        return (name,)

    def _symbolic_claim(
        self, found: tuple[Size, ...], claimed: tuple[Size, ...], span: Span
    ) -> bool:
        """Note what a symbolic annotation demands of the input's size."""
        if len(found) != len(claimed):
            return False
        pairs = [(a, b) for a, b in zip(found, claimed, strict=True) if a != b]
        if not all(isinstance(a, Symbol) or isinstance(b, Symbol) for a, b in pairs):
            return False
        for left, right in pairs:
            reason = "the shape annotation says so"
            self.builder.constraints.setdefault(Constraint(left, right, reason, span))
        return True

    def _wrong_shape(
        self,
        found: TensorType,
        claimed: tuple[Size, ...],
        value: str,
        span: Span,
        statement: Any,
    ) -> Diagnostic:
        wanted = "x".join(map(str, claimed))
        producer = next((n for n in self.builder.nodes if n.name == value), None)
        notes = []
        if producer is not None:
            before = ", ".join(str(self.builder.types[i]) for i in producer.inputs)
            notes.append(f"`{producer.name}` makes {found} from {before}")
            notes.extend(_arithmetic(producer, self.builder.types))
        return error("E0309", f"this is {found}, not {wanted}", span, "claimed here",
                     notes=notes, help=["correct the annotation, or the statement it is about"])

    # ---------------------------------------------------------------- messages

    def _shape_error(
        self,
        problem: ShapeError,
        flow: tuple[str, ...],
        place: Place,
        marks: tuple[Span, ...] = (),
    ) -> Diagnostic:
        """A shape error with the place that made each operand what it is.

        Operands of branches are marked where the branch ends, and the one at fault is
        the place of the error; other operands are marked at the statement that made them.
        """
        operands: dict[Span, str] = {}
        for index, value in enumerate(flow):
            span = marks[index] if marks else self.builder.origins.get(value)
            if span is not None:
                operands.setdefault(span, str(self.builder.types[value]))
        notes = problem.notes
        if not operands:
            shown = ", ".join(f"`{v}` {self.builder.types[v]}" for v in flow)
            notes = (*notes, f"inputs: {shown}")
        main = marks[problem.argument or 0] if marks else place.span
        label = operands.pop(main, "here")
        also = [Label(span, text) for span, text in operands.items()]
        return error(problem.code, problem.message, main, label, also=also, notes=notes,
                     help=problem.help)

    def _report(self, diagnostic: Diagnostic) -> None:
        """Keep a diagnostic, once for each place, with the use site when inside a block."""
        place = diagnostic.place
        key = (diagnostic.code, str(place), place.end if place else 0)
        if key in self._seen:
            return
        self._seen.add(key)
        if self.frames:
            diagnostic = replace(
                diagnostic, notes=(*diagnostic.notes, *map(_use_site, reversed(self.frames[-3:])))
            )
        self.problems.append(diagnostic)


def _use_site(frame: _Frame) -> str:
    copy = f", copy {frame.copy[0] + 1} of {frame.copy[1]}" if frame.copy else ""
    return f"in block `{frame.name}`, used at {frame.span}{copy}"


_STATEMENTS: dict[type, Callable[[_Elaborator, Any, Flow, _Context], Flow]] = {
    Apply: _Elaborator._apply,
    Parallel: _Elaborator._parallel,
    Group: _Elaborator._group,
    Stage: _Elaborator._stage,
    From: _Elaborator._from,
    Share: _Elaborator._share,
    If: _Elaborator._if,
    For: _Elaborator._for,
    Input: _Elaborator._input,
    OutputStatement: _Elaborator._output,
    Default: _Elaborator._default,
    Let: _Elaborator._let,
    SourceNote: _Elaborator._source,
    Expect: _Elaborator._expect,
}


# --------------------------------------------------------------------- helpers


def _override(given: tuple[Given, ...], parameters: tuple[Parameter, ...]) -> tuple[Given, ...]:
    """Settings win over arguments that a variant gives by position."""
    named = {g.name for g in given if g.name}
    kept: list[Given] = []
    position = 0
    for argument in given:
        if argument.name is not None:
            kept.append(argument)
            continue
        names = [n.id for n in parameters[position].names] if position < len(parameters) else []
        position += 1
        if not named & set(names):
            kept.append(replace(argument, name=names[0]) if len(names) == 1 else argument)
    return tuple(kept)


def _add_choices(scope: Scope, parameters: tuple[Parameter, ...]) -> None:
    """Words of enumerations are constants where the parameter is visible."""
    for parameter in parameters:
        for choice in parameter.choices or ():
            scope.variables.setdefault(choice.id, choice.id)


def _label_names(body: Body) -> Iterator[str]:
    """The plain labels of a body: no invented name takes one of them."""
    for statement in body.statements:
        for ref in getattr(statement, "labels", ()):
            if isinstance(ref, Name):
                yield ref.id
        for inner in ("body", "then", "otherwise"):
            nested = getattr(statement, inner, None)
            if isinstance(nested, Body):
                yield from _label_names(nested)
        for branch in getattr(statement, "branches", ()):
            yield from _label_names(branch)


def _input_names(block: Block, count: int) -> list[str]:
    for statement in block.body.statements:
        if isinstance(statement, Input) and len(statement.names) == count:
            return [name.id for name in statement.names]
    return ["x"] if count == 1 else [f"x{i + 1}" for i in range(count)]


def _passes_through(function: Graph) -> bool:
    """Whether a function gives its inputs as they are."""
    return [o.value for o in function.outputs] == [v.name for v in function.inputs]


def _plain_arguments(
    parameters: tuple[Parameter, ...], values: Mapping[str, Any]
) -> tuple[tuple[str, object], ...]:
    return tuple(
        (name.id, _plain_value(values[name.id]))
        for parameter in parameters
        for name in variables_of(parameter)
    )


def _plain_value(value: Any) -> object:
    """A value as the IR keeps it: numbers, words, windows, tuples of those."""
    if isinstance(value, tuple):
        return tuple(_plain_value(item) for item in value)
    if isinstance(value, (bool, int, float, str, Window, Padding)) or value is None:
        return value
    return str(value)


def _declare_symbols(shape: Dims, scope: Scope) -> None:
    """`H` and `W` of `input H×W×3` become symbolic sizes."""
    for factor in shape.factors:
        if isinstance(factor, Name) and len(factor.id) == 1 and factor.id.isupper():
            if scope.find(factor.id) is None:
                scope.variables[factor.id] = variable(factor.id)


def _sizes(value: Any, expr: Expr) -> tuple[Size, ...]:
    """The sizes that `224x224x3`, `10x64` or `1024` say."""
    value = whole(value)
    if isinstance(value, Extents):
        return value.sizes
    if isinstance(value, Window) and value.stride == (1, 1):
        return value.size
    if isinstance(value, int) and not isinstance(value, bool):
        return (value,)
    fail("E0206", "a shape is written height x width x channels, or as one number", expr.span,
         f"this is {describe(value)}")


def _same_shape(found: tuple[Size, ...], claimed: tuple[Size, ...]) -> bool:
    """Equal, where a 1x1 map and a vector are the same."""
    return _squeezed(found) == _squeezed(claimed)


def _arithmetic(node: Node, types: Mapping[str, TensorType]) -> Iterator[str]:
    """How a window made a height and a width of its input's."""
    x = types[node.inputs[0]]
    axes = None if isinstance(node.op, Call) else node.op.axes(x)
    if axes is None or not x.is_map or all(axis == IDENTITY for axis in axes):
        return
    for name, n, axis in (("height", x.height, axes[0]), ("width", x.width, axes[1])):
        yield (
            f"{name}: ⌊({n} + {axis.lo} + {axis.hi} − {axis.extent + 1}) / {axis.stride}⌋ + 1 "
            f"= {axis.size(n)}"
        )
        if axes[0] == axes[1] and x.height == x.width:
            return


def _squeezed(shape: tuple[Size, ...]) -> tuple[Size, ...]:
    return shape[2:] if len(shape) == 3 and shape[:2] == (1, 1) else shape
