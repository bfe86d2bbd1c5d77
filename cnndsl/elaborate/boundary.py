"""Inputs and outputs of models and blocks."""

from __future__ import annotations

from ..build import Flow
from ..diagnostics import Label, error, fail
from ..evaluate.expressions import evaluate, spell, value_of
from ..evaluate.scope import Scope
from ..evaluate.values import describe
from ..graph import Output
from ..source import Span
from ..symbol import Size, Symbol, variable
from ..syntax import Dims, Expr, Input, Name, Template
from ..syntax import Output as OutputStatement
from ..types import TensorType
from .labels import define_labels, spell_all, values_of
from .run import Context, Run
from .shapes import shape_sizes
from .work import rule_for


@rule_for(Input)
def input_statement(run: Run, statement: Input, flow: Flow, context: Context) -> Flow:
    if run.frames:
        return block_input(run, statement, flow)
    if statement.shape is None:
        fail(
            "E0204",
            "the input of a model needs a shape",
            statement.span,
            help=["write `input 224x224x3`: height x width x channels"],
        )
    labels = spell_all(run, statement.labels, context)
    sizes = input_shape(run, statement.shape, context)
    name = run.builder.input(labels[0] if labels else "x", TensorType(sizes), statement.span)
    define_labels(run, labels, statement.labels, (name,))
    context.scope.variables["in"] = TensorType(sizes)
    return (name,)


def input_shape(run: Run, shape: Expr, context: Context) -> tuple[Size, ...]:
    """The sizes of a model's input: those of the spec, or those that replace them."""
    if isinstance(shape, Dims):
        declare_symbols(shape, context.scope)
    sizes = shape_sizes(evaluate(shape, context.scope), shape)
    if run.inputs_used < len(run.options.inputs):
        given = run.options.inputs[run.inputs_used]
        if len(given) != len(sizes):
            fail(
                "E0207",
                f"`--input {'x'.join(map(str, given))}` does not fit the declared input",
                shape.span,
                f"{len(sizes)} sizes: " + ("height x width x channels" if len(sizes) == 3 else ""),
            )
        bind_symbols(shape, given, context.scope)
        sizes = given
    run.inputs_used += 1
    if any(size == 0 for size in sizes):
        fail(
            "E0207",
            "no size of an input may be 0",
            shape.span,
            help=["it is height x width x channels: `input 224x224x3`"],
        )
    if not isinstance(sizes[-1], int):
        fail(
            "E0310",
            "the number of input channels must be known",
            shape.span,
            help=["height and width may be symbolic: `input H×W×3`"],
        )
    return sizes


def block_input(run: Run, statement: Input, flow: Flow) -> Flow:
    names = [name.id for name in statement.names]
    if statement.shape is not None:
        fail(
            "E0101",
            "a block's input has names, its type comes from the call",
            statement.span,
            help=["write `input p, h` for two values, or leave it out"],
        )
    values = tuple(value.name for value in run.builder.inputs)
    if len(values) != len(names):
        run.builder.labels.update(dict.fromkeys(names))
        frame = run.frames[-1]
        called = f"`{frame.name}`" if frame.name else "the right side"
        fail(
            "E0209",
            f"{called} takes {len(names)} values, the flow carries {len(values)}",
            frame.span,
            also=[Label(statement.span, f"{len(names)} inputs are declared here")],
            help=["set the flow with `from a, b` before the call"],
        )
    for name, value in zip(names, values, strict=True):
        run.builder.labels[name] = (value,)
    return values


@rule_for(OutputStatement)
def output_statement(run: Run, statement: OutputStatement, flow: Flow, context: Context) -> Flow:
    names: list[Name | Template] = []
    training, weight = False, 1.0
    for argument in statement.arguments:
        value = argument.value
        if argument.name == "weight":
            weight = loss_weight(run, argument.value, context)
        elif argument.name is not None:
            fail(
                "E0203",
                f"`output` has no argument `{argument.name}`",
                argument.span,
                help=["it is `output name, training, weight=0.3`"],
            )
        elif isinstance(value, Name) and value.id == "training" and names:
            training = True
        elif isinstance(value, (Name, Template)):
            names.append(value)
        else:
            fail("E0206", "an output has a name", argument.span, help=["write `output logits`"])
    if training and run.frames:
        fail("E0403", "only a model has training outputs", statement.span)
    for title, source in output_values(run, names, flow, context, statement):
        if any(output.name == title for output in run.builder.outputs):
            fail(
                "E0208",
                f"the output `{title}` is given twice",
                statement.span,
                help=["give one of them another name"],
            )
        run.builder.outputs.append(Output(title, source, training, weight))
    return flow


def output_values(
    run: Run, names: list[Name | Template], flow: Flow, context: Context, statement: OutputStatement
) -> list[tuple[str, str]]:
    """Each output's name and value: a label's value, or the flow under a new name."""
    spelled = [spell(name, context.scope) for name in names] or ["output"]
    labelled: list[tuple[str, ...]] = []
    for name in spelled:
        values = run.builder.labels.get(name, ())
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
    values_of(run, unknown, context)
    fail(
        "E0209",
        f"{len(spelled)} outputs for {len(flow)} values",
        statement.span,
        help=["name each value, or join them with `concat`"],
    )


def loss_weight(run: Run, expr: Expr, context: Context) -> float:
    value = evaluate(expr, context.scope)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
        fail(
            "E0206",
            "the weight of a loss is a number of at least 0",
            expr.span,
            f"this is {describe(value)}",
        )
    return float(value)


def finish_outputs(run: Run, flow: Flow, span: Span, is_model: bool) -> None:
    """The end of the flow is the output, unless outputs are declared."""
    if any(not output.training for output in run.builder.outputs):
        return
    if flow is None:
        if not run.is_wrong:
            run.report(
                error(
                    "E0403",
                    "this has no output",
                    span,
                    help=["a model begins with `input 224x224x3`"],
                )
            )
        return
    names = ["output"] if len(flow) == 1 else [f"output_{i + 1}" for i in range(len(flow))]
    ends = [Output(name, value) for name, value in zip(names, flow, strict=True)]
    run.builder.outputs = ends + run.builder.outputs


def require_input(run: Run, span: Span) -> None:
    """An unknown flow is the trace of an error, or of a model that has no input yet."""
    if not run.builder.inputs and not run.is_wrong:
        fail(
            "E0403",
            "nothing flows into this: the model has no input yet",
            span,
            help=["begin the model with `input 224x224x3`"],
        )


def bind_symbols(shape: Expr, given: tuple[Size, ...], scope: Scope) -> None:
    """`H` and `W` become the sizes that the command line gives."""
    if isinstance(shape, Dims):
        for factor, size in zip(shape.factors, given, strict=True):
            if isinstance(factor, Name) and isinstance(scope.variables.get(factor.id), Symbol):
                scope.variables[factor.id] = size


def declare_symbols(shape: Dims, scope: Scope) -> None:
    """`H` and `W` of `input H×W×3` become symbolic sizes."""
    for factor in shape.factors:
        capital = isinstance(factor, Name) and len(factor.id) == 1 and factor.id.isupper()
        if isinstance(factor, Name) and capital and value_of(factor.id, scope) is None:
            scope.variables[factor.id] = variable(factor.id)
