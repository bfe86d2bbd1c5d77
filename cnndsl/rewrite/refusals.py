"""Why a rule did not apply: its reasons with their places, and the message that says so."""

from __future__ import annotations

from ..diagnostics import CnnError, Diagnostic, Label, fail
from ..record import Record, replace
from .places import Places, occurrences

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import NoReturn

    from ..elaborate.run import Request
    from ..graph import Module
    from ..source import Span
    from .rule import Rewrite
    from .view import Refusal

ELSEWHERE = "its left side is here, where nobody asked for it"
"""The reason of a match that would do, at a place that nobody asked for."""
MOST_REASONS = 4


def asked_at(request: Request, problem: CnnError) -> CnnError:
    """The problems of a rule, each with the place that asked for it."""
    return CnnError(*(_asked(request, found) for found in problem.diagnostics))


def _asked(request: Request, found: Diagnostic) -> Diagnostic:
    """In a rule of the catalogue, which the user did not write, the request is the place."""
    place = found.place
    if _within(place, request.span):
        return found
    if place is not None and place.source.shipped:
        return replace(found, labels=(Label(request.span, "asked for here"), *found.labels))
    note = f"`{request.text}` is asked for at {request.span}"
    return replace(found, notes=(*found.notes, note))


def _within(place: Span | None, whole: Span) -> bool:
    if place is None or place.source is not whole.source:
        return False
    return whole.start <= place.start and place.end <= whole.end


class Reason(Record):
    """One reason, and the operators that it is about.

    Arguments:
        text: half a sentence.
        places: the operators by the calls that lead to them, `3a.conv5`.
        span: the first of them in the source.
    """

    text: str
    places: tuple[str, ...]
    span: Span | None


def reasons(refusals: Iterable[Refusal], module: Module, places: Places) -> tuple[Reason, ...]:
    """Each reason once, for what is at some places; those that came furthest first."""
    paths = occurrences(module)
    nodes = {(graph.name, node.name) for graph in module.functions for node in graph.nodes}
    found: dict[str, Reason] = {}
    for refusal in _furthest(refusals):
        where, node = paths.get(refusal.function, []), refusal.node
        if node and (refusal.function, node) not in nodes:
            continue  # made in a later round, and gone again
        inside = [path for path in where if not node or places.contains(path, node)]
        if not inside:
            continue
        before = found.get(refusal.reason, Reason(refusal.reason, (), refusal.span))
        named = tuple(".".join((*path, node)) for path in inside) if node else ()
        found[before.text] = Reason(before.text, (*before.places, *named), before.span)
    return tuple(found.values())


def _furthest(refusals: Iterable[Refusal]) -> list[Refusal]:
    """For each operator the refusal that came furthest, those that came furthest first."""
    best: dict[tuple[str, str], Refusal] = {}
    for refusal in refusals:
        key = refusal.function, refusal.node
        if key not in best or refusal.progress > best[key].progress:
            best[key] = refusal
    return sorted(best.values(), key=lambda refusal: -refusal.progress)


def nowhere(
    rewrites: Sequence[Rewrite],
    text: str,
    place: str,
    span: Span | None,
    refusals: Sequence[Refusal],
    module: Module,
) -> NoReturn:
    """Raise: rules that were asked for apply at none of their places.

    Arguments:
        text: the rule or the set, as it was asked for.
        place: where; empty for everywhere.
    """
    found = reasons(refusals, module, Places(module, place))
    if len(rewrites) > 1:
        found = (Reason(f"none of its {len(rewrites)} rules has a place", (), None),)
    anywhere = reasons(refusals, module, Places(module, ""))
    elsewhere = [reason for reason in anywhere if reason.text == ELSEWHERE]  # at other places
    also = [Label(reason.span, _marked(reason)) for reason in found[:1] if reason.span is not None]
    notes = [said(reason) for reason in (*found[len(also) : MOST_REASONS], *elsewhere)]
    if not found and not elsewhere:
        notes.append(f"no {sought(rewrites)} stands there")
    more = len(found) > MOST_REASONS or any(len(reason.places) > 1 for reason in found)
    where = f" at `{place}`" if place else ""
    fail("E1003", f"`{text}` applies nowhere{where}", span, also=also, notes=notes,
         help=_next_steps(rewrites, text, more))  # fmt: skip


def said(reason: Reason) -> str:
    """`at 3a.conv5 and 8 more: the window is 3x3, the rule says 5x5`"""
    if not reason.places:
        return reason.text
    more = len(reason.places) - 1
    return f"at `{reason.places[0]}`{f' and {more} more' if more else ''}: {reason.text}"


def _marked(reason: Reason) -> str:
    """A reason beside its place: where that is the only one, it need not be named."""
    return reason.text if len(reason.places) == 1 and "." not in reason.places[0] else said(reason)


def sought(rewrites: Iterable[Rewrite]) -> str:
    """What left sides begin with."""
    first = [rule.equation.left.nodes[0] for rule in rewrites if rule.equation is not None]
    words = dict.fromkeys(f"`{node.word}`" if node.word else "operator" for node in first)
    return " and no ".join(words)


def _next_steps(rewrites: Sequence[Rewrite], text: str, more: bool) -> Iterator[str]:
    home, name = rewrites[0].namespace, text.partition("(")[0]
    shipped = home.source.name in home.library.rules.values()
    if shipped and name in home.library.rules:
        yield f"`cnnc rules {name}` shows what it looks for"
    elif len(rewrites) == 1:
        yield f"`cnnc rules {home.source.name}` shows what it looks for"
    if more or len(rewrites) > 1:
        yield f"`cnnc rewrite` with `--why-not '{text}'` names every place"
