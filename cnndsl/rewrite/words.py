"""A derivation in words: what was done, where, what it saved, and why not elsewhere."""

from __future__ import annotations

from ..notation import change
from ..passes.cost import cost
from .engine import Derivation, Move, Step
from .match import View, find
from .places import occurrences
from .rule import CLAIMS, KINDS, Rewrite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from ..graph import Module
    from ..symbol import Size
    from .match import Refusal
    from .places import Path, Places

MOST_PLACES = 6


def summary(derivation: Derivation) -> str:
    """One line for each step, and the whole."""
    if not derivation.steps:
        return "nothing was rewritten"
    rows = [
        (step.rewrite.text, _where(step), *_deltas(step.params, step.macs))
        for step in derivation.steps
    ]
    if len(rows) > 1:
        params, macs = total(derivation)
        rows.append(("altogether", "", *_deltas(params, macs)))
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
    lines = [f"{step.number}. {rewrite.text}{note}", f"   {equation(rewrite)}"]
    lines += [f"   {promise}" for promise in promises(rewrite)]
    paths = occurrences(step.after)
    for move in step.moves:
        lines.append(f"   {_place(move, paths[move.function], step.before)}")
        lines.append(f"      {written(move.left)}  =>  {written(move.right)}")
    params, macs = _deltas(step.params, step.macs)
    lines.append(f"   parameters {params}")
    lines.append(f"   MACs {macs}")
    return "\n".join(lines)


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


def _place(move: Move, paths: Sequence[Path], before: Module) -> str:
    """`inception: 9 copies (3a, 3b, …), googlenet.cnn:12:7`"""
    where = f", {move.span}" if move.span is not None else ""
    first = ".".join((*paths[0], move.removed[0] if move.removed else ""))
    if len(paths) == 1:
        return f"at {first}{where}"
    named = [".".join(path) for path in paths[:MOST_PLACES]]
    more = ", ..." if len(paths) > MOST_PLACES else ""
    return f"in {move.function}, {len(paths)} copies ({', '.join(named)}{more}){where}"


def written(graph: Any) -> str:
    """The operators of a fragment, one after the other."""
    from ..arguments import format_value
    from ..graph import Call

    texts = []
    for node in graph.nodes:
        if isinstance(node.op, Call):
            texts.append(node.op.function)
            continue
        values = [format_value(getattr(node.op, name)) for name in node.op.positional]
        texts.append(" ".join([node.op.word, ", ".join(values)]).strip())
    return "; ".join(texts) or "identity"


def why_not(rewrite: Rewrite, derivation: Derivation, places: Places) -> str:
    """For each candidate at some places, the condition that failed first after the furthest."""
    from .engine import apply

    attempt = apply(derivation, rewrite, places.text)
    paths = occurrences(derivation.module)
    lines = []
    if len(attempt.derivation.steps) > len(derivation.steps):
        step = attempt.derivation.steps[len(derivation.steps)]
        lines.append(f"`{rewrite.text}` applies to {_where(step)}")
    for refusal in _furthest(attempt.refusals):
        if not refusal.node:
            lines.append(f"`{rewrite.text}` does not apply: {refusal.reason}")
            continue
        inside = [path for path in paths[refusal.function] if places.contains(path, refusal.node)]
        if not inside:
            continue
        where = ".".join((*inside[0], refusal.node))
        copies = f" ({len(inside)} copies)" if len(inside) > 1 else ""
        lines.append(f"not at {where}{copies}, {refusal.span}: {refusal.reason}")
    if not lines:
        what = rewrite.equation.left.nodes[0].word if rewrite.equation is not None else ""
        lines.append(f"no `{what}` stands there")
    return "\n".join(lines)


def _furthest(refusals: Sequence[Refusal]) -> list[Refusal]:
    """For each operator the refusal that came furthest, those that came furthest first."""
    best: dict[tuple[str, str], Refusal] = {}
    for refusal in refusals:
        key = refusal.function, refusal.node
        if key not in best or refusal.progress > best[key].progress:
            best[key] = refusal
    return sorted(best.values(), key=lambda refusal: -refusal.progress)


def found(rewrite: Rewrite, module: Module, places: Places) -> str:
    """Where a left side stands, without replacing it."""
    from ..evaluate import spoken

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


def _deltas(params: tuple[Size, Size], macs: tuple[Size, Size]) -> tuple[str, str]:
    return change(*params), change(*macs)


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
