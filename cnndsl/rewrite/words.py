"""A derivation in words: what was done, where, what it saved, and why not elsewhere."""

from __future__ import annotations

from ..notation import change, scaled
from ..passes.cost import cost
from ..record import replace
from ..render import wrap
from .engine import Derivation, Step
from .match import find
from .places import occurrences
from .refusals import reasons, sought
from .rule import CLAIMS, KINDS, Rewrite
from .sides import sides
from .view import View

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from ..graph import Module
    from ..source import Span
    from ..symbol import Size
    from .error import Error
    from .places import Places

MOST_PLACES = 6
"""Places that are named before the others are counted."""
WIDTH = 100


def summary(derivation: Derivation) -> str:
    """One line for each step, and the whole."""
    if not derivation.steps:
        return "nothing was rewritten"
    rows = [
        (step.rewrite.text, _where(step), change(*step.params), change(*step.macs, scaled))
        for step in derivation.steps
    ]
    if len(rows) > 1:
        params, macs = total(derivation)
        rows.append(("altogether", "", change(*params), change(*macs, scaled)))
    return table([("rule", "applied", "parameters", "MACs"), *rows])


def total(derivation: Derivation) -> tuple[tuple[Size, Size], tuple[Size, Size]]:
    """Parameters and MACs before the first step and after the last."""
    before, after = cost(derivation.start), cost(derivation.module)
    return (before.params, after.params), (before.macs, after.macs)


def explained(derivation: Derivation) -> str:
    """Every step with its source, its promise, its places and what it saved."""
    parts = [_explained(step) for step in derivation.steps]
    return "\n\n".join([*parts, summary(derivation)]) if parts else summary(derivation)


def _explained(step: Step) -> str:
    rewrite = step.rewrite
    note = f'  "{rewrite.note}"' if rewrite.note else ""
    lines = [f"{step.number}. {rewrite.text}{note}", *_equation(rewrite)]
    lines += [f"   {promise}" for promise in promises(rewrite)]
    for (left, right), places in _changes(step).items():
        lines += _facing(left, right, 3)
        lines += _lines(f"at {', '.join(places)}", 6)
    lines += [f"   parameters {change(*step.params)}", f"   MACs {change(*step.macs)}"]
    return "\n".join(lines)


def _changes(step: Step) -> dict[tuple[str, str], list[str]]:
    """Each change of a step, both sides in words, with its places."""
    paths = occurrences(step.after)
    functions = step.before.by_name, step.after.by_name
    found: dict[tuple[str, str], dict[Span | None, list[str]]] = {}
    for move in step.moves:
        spans = found.setdefault(sides(move.left, move.right, *functions), {})
        first = move.removed[:1] or move.created[:1]
        named = [".".join((*path, *first)) for path in paths[move.function]]
        spans.setdefault(move.span, []).extend(named)
    return {
        both: [_listed(named, span) for span, named in spans.items()]
        for both, spans in found.items()
    }


def _listed(places: Sequence[str], span: Span | None) -> str:
    """`3a.conv5 (std/inception.cnn:10:21), 3b.conv5 and 7 more`"""
    first = places[0] if span is None else f"{places[0]} ({span})"
    shown = ", ".join((first, *places[1:MOST_PLACES]))
    more = len(places) - MOST_PLACES
    return f"{shown} and {more} more" if more > 0 else shown


def _equation(rewrite: Rewrite) -> list[str]:
    rule = rewrite.ref.rule
    if rule.left is None or rule.right is None:
        return [f"   {equation(rewrite)}"]
    return _facing(_joined(rule.left.span.text), _joined(rule.right.span.text), 3)


def _facing(left: str, right: str, indent: int) -> list[str]:
    """`left  =>  right`, on two lines or more where one is too short."""
    whole = f"{left}  =>  {right}"
    if len(whole) <= WIDTH - indent:
        return [f"{' ' * indent}{whole}"]
    return [*_lines(left, indent), *_lines(f"=>  {right}", indent)]


def _lines(text: str, indent: int) -> list[str]:
    """A text, indented and broken at the width; what follows the first line stands in further."""
    first, *rest = wrap(" " * indent + text, WIDTH - 4)
    return [first, *(f"    {line}" for line in rest)]


def equation(rewrite: Rewrite) -> str:
    """The equation as its author wrote it, on one line."""
    rule = rewrite.ref.rule
    if rule.left is None or rule.right is None:
        return f"transform {rewrite.transform}"
    return f"{_joined(rule.left.span.text)}  =>  {_joined(rule.right.span.text)}"


def _joined(text: str) -> str:
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return (
        "; ".join(line.rstrip(";") for line in lines if line)
        .replace("{;", "{")
        .replace("; }", " }")
        .replace("; |", " |")
    )


def promises(rewrite: Rewrite) -> Iterator[str]:
    """What a rule keeps, and how strictly."""
    yield promise(rewrite)
    for claim in rewrite.keeps:
        yield f"proved at every place: {CLAIMS[claim]}"


def promise(rewrite: Rewrite) -> str:
    """What a rule says of the function."""
    kinds = [KINDS[kind] for kind in rewrite.kinds if kind != "simplify"]
    if not kinds:
        return "another function: the network is to be trained again"
    return f"keeps {' and '.join(kinds)}" if rewrite.keeps_function else f"keeps {kinds[0]}"


def lost(step: Step, errors: Sequence[Error]) -> str:
    """`svd_channel(0.5): outputs off by 3.1 % to 12 % (most at conv3), kernels by 2.9 % to 11 %`"""
    worst = max(errors, key=lambda error: error.output, default=None)
    if worst is None:
        return f"{step.rewrite.text}: no weights were at its places"
    outputs = _from_to([error.output for error in errors])
    kernels = _from_to([error.weight for error in errors if error.weight is not None])
    where = f" (most at {worst.name})" if len(errors) > 1 else ""
    text = f"{step.rewrite.text}: outputs off by {outputs}{where}"
    return f"{text}, kernels by {kernels}" if kernels else text


def _from_to(shares: Sequence[float]) -> str:
    ends = (min(shares), max(shares)) if shares else ()
    return " to ".join(dict.fromkeys(f"{100 * share:.2g} %" for share in ends))


def why_not(rewrite: Rewrite, derivation: Derivation, places: Places) -> str:
    """Where a rule applies, and for everything else the reasons, those that came furthest first."""
    from .engine import apply

    once = replace(rewrite, kinds=tuple(kind for kind in rewrite.kinds if kind != "simplify"))
    attempt = apply(derivation, once, places.text)
    found = reasons(attempt.refusals, derivation.module, places)
    where = f"nowhere{f' at {places.text}' if places.text else ''}"
    if len(attempt.derivation.steps) > len(derivation.steps):
        where = f"to {_where(attempt.derivation.steps[len(derivation.steps)])}"
    elif not found:
        where += f": no {sought([rewrite])} stands there"
    lines = [f"`{rewrite.text}` applies {where}"]
    for reason in found:
        lines += _lines(reason.text, 3)
        if reason.places:
            lines += _lines(f"at {_listed(reason.places, reason.span)}", 6)
    return "\n".join(lines)


def found(rewrite: Rewrite, module: Module, places: Places) -> str:
    """Where a left side stands, without replacing it."""
    from ..evaluate.values import spoken

    paths = occurrences(module)
    lines = []
    for graph in module.functions:
        view = View(graph, module)
        for match in find(rewrite, view):
            inside = [p for p in paths[graph.name] if places.contains(p, match.nodes[0])]
            for path in inside:
                span = view.nodes[match.nodes[0]].span
                holes = ", ".join(f"{name} = {spoken(value)}" for name, value in match.holes)
                lines.append((".".join((*path, match.nodes[0])), str(span), holes))
    if not lines:
        return "found nowhere"
    return table(lines) + f"\n{_count(len(lines), 'place')}"


def _where(step: Step) -> str:
    """`9 places at 3a..5b`; a transform may leave every operator what it is."""
    at = f" at {step.places}" if step.places else ""
    return (_count(step.sites, "place") if step.moves else "the network") + at


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"


def table(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ("  ".join(f"{cell:{w}}" for cell, w in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def as_data(derivation: Derivation) -> dict[str, Any]:
    """The journal for programs."""
    return {
        "model": derivation.start.name,
        "steps": [_step_data(step) for step in derivation.steps],
    }


def _step_data(step: Step) -> dict[str, Any]:
    paths = occurrences(step.after)
    return {
        "number": step.number,
        "rule": step.rewrite.text,
        "source": step.rewrite.note,
        "kinds": list(step.rewrite.kinds),
        "keeps": list(step.rewrite.keeps),
        "places": step.places,
        "sites": step.sites,
        "params": [_plain(size) for size in step.params],
        "macs": [_plain(size) for size in step.macs],
        "moves": [
            {
                "function": move.function,
                "at": [".".join(path) for path in paths[move.function]],
                "removed": list(move.removed),
                "created": list(move.created),
                "span": None if move.span is None else str(move.span),
            }
            for move in step.moves
        ],
    }


def _plain(size: Size) -> int | str:
    return size if isinstance(size, int) else str(size)
