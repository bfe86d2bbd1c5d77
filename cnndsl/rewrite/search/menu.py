"""What the search tries: rules of the catalogue, and the arguments it gives them.

Where a rule leaves a number open, the table below fills it in, from the window and the
widths of the layer at which the rule would begin. An alternative is one rule, or two, the
second inside what the first one made; only some rules are tried inside, so that a place
has tens of alternatives and not hundreds.
"""

from __future__ import annotations

from math import gcd

from ...diagnostics import fail
from ...evaluate.values import Given, RuleRef
from ...ops.conv import Conv
from ...record import Record, replace
from ...syntax import Rule
from ...window import Window
from ..chains import chains
from ..reading import read_rule
from .goal import KEPT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from ...graph import Graph, Node
    from ...namespace import Library
    from ..rule import Rewrite

CHAINS = 3
"""Chains of windows that are tried in place of one: the cheapest."""
LARGE = 49
"""The area of a window beyond which its chains have two parts and no longer three."""

NARROWEST = 8
"""Channels that are left to a layer, at least."""


class Layer(Record):
    """A convolution: what arguments are derived from."""

    window: Window
    inputs: int
    outputs: int


def layer_of(node: Node, graph: Graph) -> Layer | None:
    """The layer at which a rule would begin; None for what is no convolution."""
    if not isinstance(node.op, Conv):
        return None
    channels = graph.types[node.inputs[0]].channels
    return Layer(node.op.window, channels, node.op.channels) if isinstance(channels, int) else None


# -------------------------------------------------------------------- arguments


def cheapest_chains(layer: Layer) -> Iterator[object]:
    """Lists of windows that read what one reads; of squares in place of a square."""
    window = layer.window
    is_square = window.height == window.width and window.stride_h == window.stride_w
    longest = 3 if window.area <= LARGE else 2
    found = chains(window, longest, (layer.inputs, layer.outputs, layer.outputs))
    fitting = [chain.windows for chain in found if chain.is_square or not is_square]
    yield from fitting[:CHAINS]


def divisors(*numbers: int) -> Callable[[Layer], Iterable[object]]:
    """Those that divide both widths."""
    return lambda layer: [n for n in numbers if gcd(layer.inputs, layer.outputs) % n == 0]


def outputs_by(*parts: int) -> Callable[[Layer], Iterable[object]]:
    """Shares of the output's channels."""
    return lambda layer: _shares(layer.outputs, parts)


def inputs_by(*parts: int) -> Callable[[Layer], Iterable[object]]:
    """Shares of the input's channels."""
    return lambda layer: _shares(layer.inputs, parts)


def _shares(channels: int, parts: Iterable[int]) -> Iterator[object]:
    return (channels // part for part in parts if channels // part >= NARROWEST)


def each(*numbers: int) -> Callable[[Layer], Iterable[object]]:
    """The same numbers everywhere."""
    return lambda _: numbers


# ------------------------------------------------------------------------ rules


class Entry(Record):
    """A row of the table.

    Arguments:
        arguments: the values of the rule's first parameter at a layer; None when the rule
            is called without any.
        inside: tried inside what another rule made, too.
    """

    rule: str
    arguments: Callable[[Layer], Iterable[object]] | None = None
    inside: bool = False


TABLE = (
    # windows in pieces
    Entry("factor_5x5"),
    Entry("asym", inside=True),
    Entry("factor", cheapest_chains),
    Entry("large_kernel", each(2, 3)),
    # fewer channels under a window
    Entry("bottleneck_conv", outputs_by(2, 4)),
    Entry("reduce", inputs_by(2, 4)),
    Entry("group", divisors(2, 4, 8)),
    Entry("depthwise_separable", inside=True),
    Entry("inverted_residual", each(1, 2, 4)),
    Entry("split_mbconv"),
    Entry("fuse_mbconv"),
    Entry("grid_reduction"),
    # as far, though not everything between
    Entry("expand_bank"),
    Entry("dilate", each(2)),
    Entry("fire_module", outputs_by(4, 8)),
    # another field, or none that is a window
    Entry("pool_to_stride"),
    Entry("stride_in_3x3"),
    Entry("deep_stem"),
    Entry("basic_to_bottleneck"),
    Entry("bottleneck_to_basic"),
    Entry("gap_head"),
)
"""What is tried unless rules are named. Of alternatives that cost the same and keep the same
the first stays, so rules with a name of their own stand before more general ones."""


class Offer(Record):
    """A rule with its row of the table."""

    ref: RuleRef
    entry: Entry


class Menu:
    """The rules of one search; each is read once for each of its arguments."""

    def __init__(self, offers: Iterable[Offer]) -> None:
        self.offers = tuple(offers)
        self._known: dict[tuple[str, object], Rewrite] = {}

    def rewrites(self, offer: Offer, layer: Layer | None) -> Iterator[Rewrite]:
        """A rule with each of its arguments at a layer."""
        if offer.entry.arguments is None:
            yield self._read(offer.ref, None)
        elif layer is not None:
            for value in offer.entry.arguments(layer):
                yield self._read(offer.ref, value)

    def _read(self, ref: RuleRef, value: object) -> Rewrite:
        key = str(ref), value
        if key not in self._known:
            given = () if value is None else (Given(None, value, ref.rule.span),)
            self._known[key] = read_rule(replace(ref, arguments=ref.arguments + given))
        return self._known[key]


def menu(
    library: Library,
    keep: Sequence[str],
    named: Sequence[RuleRef] = (),
    forbidden: Collection[str] = (),
) -> Menu:
    """The rules of the table that prove what is kept, or those that are named.

    A rule of the table that is named without arguments has those of its row. Raises CnnError
    with E1006 for a named rule that proves less.
    """
    table = {offer.ref: offer for offer in _table(library)}
    offers = [table.get(ref) or Offer(ref, Entry(ref.rule.name.id, inside=True)) for ref in named]
    kept = []
    for offer in offers or table.values():
        if offer.ref.rule.name.id in forbidden:
            continue
        reason = _unfit(read_rule(offer.ref), keep)
        if not reason:
            kept.append(offer)
        elif offers:
            fail("E1006", f"`{offer.ref}` cannot be searched with: {reason}", offer.ref.rule.span,
                 help=("ask for less: `--keep shape`, or name other rules",))  # fmt: skip
    return Menu(kept)


def _table(library: Library) -> Iterator[Offer]:
    for entry in TABLE:
        rule, home = library.rule(entry.rule) or (None, None)
        if isinstance(rule, Rule) and home is not None:
            yield Offer(RuleRef(rule, home), entry)


def _unfit(rewrite: Rewrite, keep: Iterable[str]) -> str:
    """What a rule does not prove that it keeps, or why it has no places; nothing for others."""
    if rewrite.equation is None:
        return "it is no equation, so it has no places"
    if len(rewrite.equation.left.outputs) != 1:
        return "it has several results, and a place of the search has one"
    if rewrite.repeats:
        return "it simplifies, which is no choice: apply it first, with `--rewrite`"
    for word in keep:
        if not {*KEPT[word]} & {*rewrite.keeps}:
            return f"it does not prove that it keeps the {word.replace('_', ' ')}"
    return ""
