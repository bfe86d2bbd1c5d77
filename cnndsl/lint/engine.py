"""Running the rules, and making diagnostics of what they find."""

from __future__ import annotations

from collections import Counter

from ..diagnostics import Diagnostic, Fix, Help, Label
from ..driver import check_file
from ..graph import Node
from ..levels import CODE, DEFAULTS, allows_of, at_level
from ..record import Record
from ..source import Span
from ..syntax import Model
from .file import LintedFile
from .network import Network
from .rule import Finding, Rule, found, load_rules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from ..driver import Checked, Compiled
    from ..levels import Allow
    from ..source import Source

    Key = tuple[Span, Span, str]
    """Where a node was asked for, where it is written, and its word."""

USELESS_ALLOW = "W0101"


class Sight(Record):
    """A finding at its place.

    Arguments:
        place: the user's text that it is about.
        key: what is the same for all copies.
        network: where it was found.
    """

    finding: Finding
    place: Span
    key: tuple[object, ...]
    network: str = ""


def lint(
    spec: str | Source,
    model: str | None = None,
    *,
    levels: Mapping[str, str] = DEFAULTS,
    select: Collection[str] = (),
    strict: bool = False,
    max_nodes: int | None = None,
    opened: Iterable[Source] = (),
) -> list[Diagnostic]:
    """What the rules say about the networks and the text of a file, in the order of the text.

    Arguments:
        levels: of rules that are not at their own.
        select: codes of the rules to run; nothing means all that are not off.
        strict: what would be a warning is an error.
        opened: sources that stand for the files at their paths.

    Raises CnnError when the file has errors.
    """
    checked = check_file(spec, model, max_nodes=max_nodes, opened=opened)
    source = checked.namespace.source
    networks = tuple(
        Network(compiled, source) for compiled in checked.models if not _is_base(compiled)
    )
    active = active_rules(levels, select)
    diagnostics = _looked(checked, networks, active)
    weighed = (at_level(d, active[d.code][1], strict) for d in diagnostics)
    return sorted(weighed, key=_by_place)


def _is_base(compiled: Compiled) -> bool:
    """Whether a model is that of its base, before rules rewrite it; then that one is looked at."""
    model = compiled.namespace.items[compiled.module.name]
    assert isinstance(model, Model)
    return model.base is not None and not model.base.arguments and model.dialect is None


def active_rules(
    levels: Mapping[str, str], select: Collection[str] = ()
) -> dict[str, tuple[Rule, str]]:
    """The rules to run, each with its level. One that is selected is at least an info."""
    active = {}
    for code, rule in load_rules().items():
        level = levels.get(code, rule.level)
        if select and level == "off":
            level = "info"
        if level != "off" and (not select or code in select):
            active[code] = rule, level
    return active


def _looked(
    checked: Checked, networks: Sequence[Network], active: Mapping[str, tuple[Rule, str]]
) -> Iterator[Diagnostic]:
    """What no comment allows, and the comments that allow nothing."""
    allows = list(allows_of(checked.namespace))
    uses = _uses(networks)
    file = LintedFile(checked.namespace, tuple(networks))
    used: set[Span] = set()
    for rule, _ in active.values():
        sights = [*_in_networks(rule, networks)]
        if rule.files is not None and checked.wanted is None:
            sights += [_in_file(finding) for finding in rule.files(file)]
        for diagnostic in _merged(rule, sights, uses):
            allowing = [allow for allow in allows if allow.covers(diagnostic)]
            used.update(allow.span for allow in allowing)
            if not allowing:
                yield diagnostic
    if USELESS_ALLOW in active and checked.wanted is None:
        rule = active[USELESS_ALLOW][0]
        idle = [allow for allow in allows if allow.code in active and allow.span not in used]
        useless = [_in_file(_useless(allow)) for allow in idle]
        yield from _merged(rule, useless, uses)


def _useless(allow: Allow) -> Finding:
    return found(
        allow.span,
        f"nothing here needs `allow {allow.code}`",
        "the rule finds nothing in what this comment is about",
        help=[Help("remove it, lest it hides what comes later", _without(allow.span))],
    )


def _without(code: Span) -> Fix | None:
    """The edit that removes a comment with one code; other codes stay for their author."""
    source = code.source
    line, column = source.position(code.start)
    text, start = source.line(line), source.starts[line - 1]
    hash = text.rfind("#", 0, column)
    if len(CODE.findall(text[hash:])) != 1:
        return None
    kept = len(text[:hash].rstrip())
    if kept:
        return Fix(Span(source, start + kept, start + len(text)), "")
    return Fix(Span(source, start, min(start + len(text) + 1, len(source.text))), "")


def _in_networks(rule: Rule, networks: Sequence[Network]) -> Iterator[Sight]:
    if rule.networks is None:
        return
    for network in networks:
        for finding in rule.networks(network):
            if isinstance(finding.at, Node):
                key = _key(network, finding.at)
                yield Sight(finding, key[0], key, network.name)
            else:
                yield Sight(finding, finding.at, (finding.at,), network.name)


def _in_file(finding: Finding) -> Sight:
    assert not isinstance(finding.at, Node)
    return Sight(finding, finding.at, (finding.at, finding.message))


def _key(network: Network, node: Node) -> Key:
    return network.site(node), network.span(node), network.op(node).word


def _uses(networks: Sequence[Network]) -> Counter[tuple[object, ...]]:
    """How often each statement stands in the networks, with all calls and copies."""
    return Counter(_key(network, node) for network in networks for node in network.graph.nodes)


def _merged(
    rule: Rule, sights: Sequence[Sight], uses: Counter[tuple[object, ...]]
) -> Iterator[Diagnostic]:
    """One diagnostic for each place; the first finding there speaks for all."""
    places: dict[tuple[object, ...], list[Sight]] = {}
    for sight in sights:
        places.setdefault(sight.key, []).append(sight)
    for key, same in places.items():
        first, finding = same[0], same[0].finding
        notes = finding.notes
        if finding.counted and len(same) < uses[key]:
            notes += (f"so in {len(same)} of {uses[key]} uses, the first in `{first.network}`",)
        labels = (Label(first.place, finding.label), *finding.also)
        at = finding.at
        if isinstance(at, Node) and at.span is not None and at.span != first.place:
            labels = Label(first.place), Label(at.span, finding.label), *finding.also
        yield Diagnostic(rule.code, finding.message, labels, notes, finding.help)


def _by_place(diagnostic: Diagnostic) -> tuple[str, int, str]:
    place = diagnostic.place
    assert place is not None
    return place.source.name, place.start, diagnostic.code
