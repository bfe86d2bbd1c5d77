"""Random programs with pieces in them that rules look for, and random rules at random places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

from hypothesis import strategies as st

from cnndsl.diagnostics import CnnError
from cnndsl.driver import compile_model, request
from cnndsl.evaluate.expressions import lookup_rule
from cnndsl.evaluate.scope import Scope
from cnndsl.evaluate.values import rules_of
from cnndsl.graph import Module
from cnndsl.loader import Loader
from cnndsl.namespace import Namespace
from cnndsl.rewrite.catalogue import catalogue
from cnndsl.rewrite.engine import Derivation, apply
from cnndsl.rewrite.places import Places, names_of
from cnndsl.rewrite.reading import read_rule
from cnndsl.rewrite.rule import Rewrite
from cnndsl.source import Source

from .strategies import CHOICES, Chooser, Program, programs

PIECES = (
    "conv 5x5, 6, bn, relu",
    "conv 3x3, 8, bias=true; bn; relu; conv 1x1, 6, bn",
    "conv 3x3/2, 8, relu6",
    "conv 7x7/2, 8, bn, relu; maxpool(3x3/2, pad=1)",
    "conv 1x1, 12; relu; conv 3x3, 4; gelu",
    "conv 1x1, 4, bn, relu; conv 3x3, 4, bn, relu; conv 1x1, 8, bn",
    "conv 3x3, 6; conv 1x1, 5; conv 1x1, 4",
    "conv 3x3, 6; relu; conv 1x1/2, 8",
    "conv 1x1, 8; times 0.5; conv(3x3, 6, groups=2, dilation=2); shuffle 2; conv 1x1, 4",
    "conv 1x1, 12, bn, relu6; dwconv 3x3/2, bn, relu6; conv 1x1, 6, bn",
    "dwconv 3x3, bn, relu; dwconv(1x1, bias=true); conv 1x1, 8, bn",
    "dwconv 3x3; dwconv(2x2, pad=0)",
    "deconv 2x2/2, 4, bn, relu; conv 1x1/2, 4",
    "local 2x2, 3; bn",
    "residual { conv 3x3, in.channels, bn, relu; conv 3x3, in.channels, bn }; relu",
    "residual { conv 3x3, in.channels }",
    "residual { dwconv 3x3 }",
    "add { | conv 3x3, 6, bn | conv 1x1, 6, bn }; relu",
    "conv 1x1, 6; add { | conv 3x3, 6, bn | bn | conv 1x1, 6 }; relu",
    "conv 1x1, 6; add { | conv(3x3, 6, pad=1) | avgpool(3x3, pad=1) }",
    "concat { | conv 1x1, 4, relu | conv 1x1, 3, relu; conv 3x3, 5, relu }",
    "concat { | maxpool(3x3, pad=1) | conv 3x3, 4 }; bn; relu; conv 1x1, 6; avgpool(2x2, pad=0)",
    "concat { | relu | relu }; relu6",
    "mul { | identity | globalavgpool; fc 4, relu; fc in.channels, sigmoid }",
    "pad 1; conv(3x3, 6, pad=0)",
    "relu; pad 1; maxpool 3x3/2",
    "pad 1; crop 1; relu; relu",
    "dropout 30%; conv 1x1, 4; droppath 20%",
    "layerscale 0.5; relu; conv 3x3, 6",
    "upsample 2; conv 1x1, 4; maxpool 2x2/2",
    "conv 1x1, 4; space_to_depth 1; depth_to_space 2; space_to_depth 2; conv(2x2/2, 4, pad=half)",
    "maxpool 1x1/2; conv 1x1, 6",
    "basic(8); basic(8)",
    "basic(6, stride=2)",
    "bottleneck(2)",
    "plain(8)",
    "inverted(2, 8)",
    "separable(6)",
    "inception_naive(2, 3, 2)",
)
"""Statements that fit onto any map."""
ENDS = (
    "relu",
    "globalavgpool; fc 5",
    "conv 1x1, 4; globalavgpool",
    "flatten; fc 6, relu; dropout; fc 4, relu; dropout; fc 3, softmax",
    "maxpool 2x2; flatten; fc 6; fc 4",
)
MOST_PIECES = 5

CALLS: dict[str, tuple[str, ...]] = {
    "aggregate": ("aggregate(2, 32)",),
    "asym": ("asym", "asym(3)", "asym(5, m=2)"),
    "aux_head": ("aux_head(relu)",),
    "cp": ("cp(2)",),
    "decouple": ("decouple(1)", "decouple(2)"),
    "depth": ("depth(2)", "depth(0.5)"),
    "dilate": ("dilate(2)",),
    "compound": ("compound(1)",),
    "factor": ("factor([3x3, 3x3])", "factor([3x3/2, 3x3])", "factor([2x2, 2x2])"),
    "fire_module": ("fire_module(2)",),
    "group": ("group(2)",),
    "group_shuffle": ("group_shuffle(2)",),
    "inverted_residual": ("inverted_residual(2)",),
    "large_kernel": ("large_kernel(2)",),
    "prune_class": ("prune_class(0.5)",),
    "reduce": ("reduce(2)",),
    "reduce_inception": ("reduce_inception(2, 2)",),
    "resolution": ("resolution(24)", "resolution(20x22)"),
    "svd_channel": ("svd_channel(0.5)",),
    "svd_fc": ("svd_fc(1)",),
    "svd_separable": ("svd_separable(1)",),
    "swap_bottleneck_shortcut": ("swap_bottleneck_shortcut(shortcut_c)",),
    "swap_norm": ("swap_norm(gn(2))", "swap_norm(ln)"),
    "swap_projection": ("swap_projection(shortcut_d)",),
    "swap_relu": ("swap_relu(silu)",),
    "swap_shortcut": ("swap_shortcut(shortcut_c)",),
    "tucker": ("tucker(0.5, 1)",),
    "widen": ("widen(2)", "widen(1.3)"),
    "width": ("width(0.5)", "width(1.5, 1)"),
}
"""How rules are called that need arguments."""
BEGINS_FRESH = ("insert_head",)
"""Transforms with new weights, although the function stays."""
WANTS_ZEROS = ("drop_channel", "drop_bn_scale")
"""Rules that keep the function for some weights only, and refuse to move others."""
PATIENCE = 40
"""Rules that are tried before one step is given up."""


# ---------------------------------------------------------------------- programs


def rewritable() -> st.SearchStrategy[Program]:
    """Programs of pieces, and now and then any others."""
    pieces = st.binary(min_size=CHOICES, max_size=CHOICES).map(lambda data: _pieces(Chooser(data)))
    return st.one_of(pieces, pieces, programs())


def _pieces(choose: Chooser) -> Program:
    """A map, pieces plainly or in a stage, in a block that is called more than once, and an end."""
    blocks: list[str] = []
    body = [f"input {choose.number(12, 20)}x{choose.number(12, 20)}x{choose.number(2, 6)}"]
    for number in range(1, choose.number(1, MOST_PIECES) + 1):
        piece, other = choose.one(PIECES), choose.one(PIECES)
        kind = choose.number(0, 7)
        if kind < 3:
            body.append(piece)
        elif kind == 3:
            body.append(f"label{number}: {{ {piece} }}")
        elif kind == 4:
            body.append(f"stage part{number} {{ {piece}; {other} }}")
        else:
            blocks.append(f"block piece{number} {{ {piece} }}")
            uses = {
                5: f"piece{number}() × 2",
                6: f"one{number}: piece{number}; {other}; two{number}: piece{number}",
                7: f"one{number}: piece{number}; relu; add {{ | conv 1x1, 4 | conv 3x3, 4 }}",
            }
            body.append(uses[kind])
    body.append(choose.one(ENDS))
    lines = ["use std", *blocks, "model net {", *(f"  {line}" for line in body), "}"]
    return Program("\n".join(lines) + "\n", "net", (), ())


def started(program: Program) -> Derivation | None:
    """The program, to be rewritten; None where its pieces do not fit after all."""
    source = Source("random.cnn", program.text)
    try:
        found = compile_model(source, program.model, settings=dict(program.settings))
    except CnnError:
        return None
    return Derivation(found.module, (), found.settings)


# ---------------------------------------------------------------------- rules


@cache
def namespace() -> Namespace:
    """Where rules are called: blocks of the library may be arguments."""
    return Loader(".").namespace(Source("calls.cnn", "use std"))


@cache
def shipped() -> tuple[Rewrite, ...]:
    """Every shipped rule, with arguments where it needs some."""
    names = [ref.rule.name.id for chapter in catalogue() for ref in chapter.rules]
    return tuple(called(call) for name in names for call in CALLS.get(name, (name,)))


def called(text: str) -> Rewrite:
    (ref,) = request(text, namespace()).rules
    return read_rule(ref)


def of_set(name: str) -> list[Rewrite]:
    """The rules of a shipped set."""
    return [read_rule(ref) for ref in rules_of(lookup_rule(name, Scope(namespace()))) or ()]


@cache
def keepers() -> tuple[Rewrite, ...]:
    """Those that keep the function, whatever the weights are."""
    return tuple(
        rewrite
        for rewrite in shipped()
        if rewrite.keeps_function
        and rewrite.transform not in BEGINS_FRESH
        and rewrite.name not in WANTS_ZEROS
    )


def steps(
    start: Derivation, choose: Chooser, rules: Sequence[Rewrite], count: int
) -> Iterator[Derivation]:
    """What `count` rules that have a place lead to, one after the other."""
    derivation = start
    for _ in range(count):
        first = choose.number(0, len(rules) - 1)
        for rewrite in (*rules[first:], *rules[:first])[:PATIENCE]:
            found = applied(derivation, rewrite, place(derivation.module, choose))
            if found is not derivation:
                derivation = found
                yield derivation
                break


def applied(derivation: Derivation, rewrite: Rewrite, places: str) -> Derivation:
    """The derivation after a rule; as it was where the rule has no place."""
    return apply(derivation, rewrite, places).derivation


def is_place(module: Module, text: str) -> bool:
    """False where an end of a range has the name that a label in another block has."""
    try:
        Places(module, text).check(module)
    except CnnError:
        return False
    return True


def place(module: Module, choose: Chooser) -> str:
    """Everywhere, a name, a range of neighbours, several names, inside of something."""
    kind = choose.number(0, 7)
    graph = module.main if kind < 6 else choose.one(module.functions)
    if kind < 4 or not graph.nodes:
        return ""
    first = choose.number(0, len(graph.nodes) - 1)
    last = choose.number(first, len(graph.nodes) - 1)
    named = [choose.one(names_of(graph.nodes[at])) for at in (first, last)]
    if kind == 4:
        neighbours = f"{graph.nodes[first].name}..{graph.nodes[last].name}"
        return neighbours if is_place(module, neighbours) else ""
    return named[0] if kind < 7 else ", ".join(named)
