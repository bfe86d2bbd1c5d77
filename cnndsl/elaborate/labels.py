"""Names: labels of values, and names for what has no label."""

from __future__ import annotations

from ..build import Flow, Place
from ..diagnostics import CnnError, Help, Label, error, fail, suggest
from ..evaluate.expressions import spell
from ..source import Span
from ..syntax import Apply, Body, Branch, Name, Parallel, Share, Template
from ..types import TensorType
from .run import Context, Run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def spell_all(run: Run, refs: tuple[Name | Template, ...], context: Context) -> tuple[str, ...]:
    return tuple(spell(ref, context.scope) for ref in refs)


def define_labels(
    run: Run, labels: tuple[str, ...], refs: tuple[Name | Template, ...], flow: Flow
) -> None:
    """Give the flow's values their labels: one label for all, or one for each."""
    for label, ref in zip(labels, refs, strict=True):
        first = run.builder.definitions.get(label)
        if first is not None and first != ref.span and label in run.builder.labels:
            run.report(
                error(
                    "E0208",
                    f"the label `{label}` is used twice",
                    ref.span,
                    also=[Label(first, "first used here")],
                    help=["give one of them another name"],
                )
            )
        run.builder.definitions[label] = ref.span
    if flow is None:
        run.builder.labels.update(dict.fromkeys(labels))
    elif len(labels) == len(flow) > 1:
        run.builder.labels.update(
            {name: (value,) for name, value in zip(labels, flow, strict=True)}
        )
    elif len(labels) > 1:
        fail(
            "E0209",
            f"{len(labels)} labels for {len(flow)} value{'s' * (len(flow) != 1)}",
            refs[0].span,
            help=["give each value a label, or one label to all"],
        )
    elif labels:
        run.builder.labels[labels[0]] = flow


def values_of(run: Run, ref: Name | Template, context: Context) -> Flow:
    """The values of a label. Raises CnnError for one that is not there (yet)."""
    name = spell(ref, context.scope)
    if name in run.builder.labels:
        return run.builder.labels[name]
    known = list(run.builder.labels)
    if name in run.builder.reserved:
        fail(
            "E0210",
            f"the label `{name}` is defined below this line",
            ref.span,
            help=["a label is known from its line on: move one of the two"],
        )
    help = suggest(name, known, ref.span) if isinstance(ref, Name) else ()
    if not help and known:
        help = (Help(f"labels so far: {', '.join(f'`{k}`' for k in known[-8:])}"),)
    help = help or (Help(f"give a statement above the label: `{name}: conv 3x3, 64`"),)
    fail("E0202", f"there is no label `{name}` above this line", ref.span, help=help)


def label_type(run: Run, name: str) -> TensorType | None:
    """The type of a labelled value, for `c3.channels` in expressions."""
    flow = run.builder.labels.get(name)
    return run.builder.types[flow[0]] if flow and len(flow) == 1 else None


def forget(run: Run, ref: Name | Template, context: Context) -> None:
    try:
        run.builder.labels[spell(ref, context.scope)] = None
    except CnnError:
        return


def label_names(body: Body) -> Iterator[str]:
    """The plain labels of a body: no invented name takes one of them."""
    for statement in body.statements:
        for ref in getattr(statement, "labels", ()):
            if isinstance(ref, Name):
                yield ref.id
        for inner in ("body", "then", "otherwise"):
            nested = getattr(statement, inner, None)
            if isinstance(nested, Body):
                yield from label_names(nested)
        if isinstance(statement, Parallel):
            for branch in chains(statement.branches):
                yield from label_names(branch)


def chains(branches: tuple[Branch, ...]) -> Iterator[Body]:
    """All branches as written, those in loops and conditions too."""
    for branch in branches:
        if isinstance(branch, Body):
            yield branch
        else:
            yield from chains(branch.branches)


def without_shape(statement: Apply | Share) -> Span:
    """The place of a statement, its shape annotation apart."""
    if statement.shape is None:
        return statement.span
    start, text = statement.span.start, statement.span.source.text
    head = text[start : statement.shape.span.start].rstrip().removesuffix(":").rstrip()
    return Span(statement.span.source, start, start + len(head))


def invent_name(run: Run, word: str, place: Place) -> str:
    """A name for what has no label: `conv3`, or `conv2_x_bottleneck1` in a stage."""
    stem = f"{place.region[-1]}_{word}" if place.region else word
    return run.builder.numbered(stem)
