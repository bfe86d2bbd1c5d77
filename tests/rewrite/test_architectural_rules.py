"""The architectural rules of the catalogue: what they cost, what they read, where they refuse.

Ratios of parameters and work are those of the papers, written down by hand for layers
without biases and norms. Windows are compared by what outputs depend on, pixel by pixel.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from cnndsl.diagnostics import CnnError
from cnndsl.driver import Compiled, compile_model
from cnndsl.graph import Module
from cnndsl.interpret import interpret
from cnndsl.passes.cost import Cost, cost
from cnndsl.passes.flatten import flatten
from cnndsl.source import Source
from cnndsl.verify.module_weights import draw, flat

C, N, M, B, T, G, H = 8, 24, 6, 4, 3, 4, 16
"""Input channels, output channels, middle ones, bottleneck, expansion, groups, size of the map."""
NARROW = "default conv: bias=false; default dwconv: bias=false"


def compiled(body: str, rules: str, size: str = f"{H}x{H}x{C}") -> Compiled:
    text = f"use std\nmodel base {{ input {size}\n{body} }}\nmodel net = base with {rules}\n"
    return compile_model(Source("net.cnn", text), "net")


def before_and_after(body: str, rules: str, size: str = f"{H}x{H}x{C}") -> tuple[Cost, Cost]:
    result = compiled(body, rules, size)
    assert result.derivation is not None
    return (
        cost(result.derivation.start, training=False),
        cost(result.derivation.module, training=False),
    )


def refused(body: str, rules: str, size: str = f"{H}x{H}x{C}") -> str:
    with pytest.raises(CnnError) as caught:
        compiled(body, rules, size)
    (problem,) = caught.value.diagnostics
    assert problem.code == "E1003"
    return "\n".join((*(label.text for label in problem.labels), *problem.notes))


# ------------------------------------------------------------------------ costs


def plain(k: int, s: int = 1, n: int = N) -> str:
    return f"{NARROW}\nconv {k}x{k}/{s}, {n}"


def ratio(*parts: int) -> Fraction:
    return Fraction(sum(parts[:-1]), parts[-1])


RATIOS = {
    "factor_5x5": (plain(5), f"factor_5x5({M})", ratio(9 * M * C, 9 * M * N, 25 * C * N),
                   ratio(9 * M * C, 9 * M * N, 25 * C * N)),
    "factor_5x5 equal": (plain(5, n=C), "factor_5x5", Fraction(18, 25), Fraction(18, 25)),
    "factor_5x5/2": (plain(5, 2, C), "factor_5x5", Fraction(18, 25), Fraction(9, 5)),
    "factor 7x7/2": (plain(7, 2, C), "factor([3x3/2, 3x3])", Fraction(18, 49), Fraction(18, 49)),
    "factor 7x7": (plain(7, n=C), "factor([3x3, 3x3, 3x3])", Fraction(27, 49), Fraction(27, 49)),
    "asym": (plain(7), f"asym(7, {M})",
             ratio(M * C, M * N, 7 * C * N), ratio(M * C, M * N, 7 * C * N)),
    "asym/2": (plain(7, 2), f"asym(7, {M})",
               ratio(M * C, M * N, 7 * C * N), ratio(2 * M * C, M * N, 7 * C * N)),
    "asym 3x3/2": (plain(3, 2, C), "asym(3)", Fraction(2, 3), Fraction(1)),
    "expand_bank": (plain(3), "expand_bank(3)", Fraction(1, 3), Fraction(1, 3)),
    "dilate": (plain(9), "dilate(4)", Fraction(9, 81), Fraction(9, 81)),
    "large_kernel": (plain(11), "large_kernel(2)",
                     ratio(9, 25, N, 121 * N), ratio(9, 25, N, 121 * N)),
    "reduce": (plain(5), f"reduce({M})",
               ratio(C * M, 25 * M * N, 25 * C * N), ratio(C * M, 25 * M * N, 25 * C * N)),
    "bottleneck": (plain(3, n=C), "bottleneck_conv",
                   Fraction(2, 9 * 4) + Fraction(1, 16), Fraction(2, 9 * 4) + Fraction(1, 16)),
    "bottleneck/2": (plain(3, 2, C), "bottleneck_conv",
                     Fraction(2, 9 * 4) + Fraction(1, 16), Fraction(9 + 4 * 5, 9 * 16)),
    "separable": (plain(3, 2), "depthwise_separable",
                  Fraction(1, N) + Fraction(1, 9), Fraction(1, N) + Fraction(1, 9)),
    "group": (plain(3), f"group({G})", Fraction(1, G), Fraction(1, G)),
    "group_shuffle": (plain(3), f"group_shuffle({G})", Fraction(1, G), Fraction(1, G)),
    "split_mbconv": (plain(3, n=T * C), "split_mbconv",
                     ratio(C, 9, 9 * C), ratio(C, 9, 9 * C)),
    "fire": (plain(3), f"fire_module({B})",
             ratio(C * B, B * N // 2, 9 * B * N // 2, 9 * C * N),
             ratio(C * B, B * N // 2, 9 * B * N // 2, 9 * C * N)),
    "grid_reduction": (plain(3, 2), "grid_reduction", ratio(N, -C, N), ratio(N, -C, N)),
    "blurpool": (plain(3, 2), "blurpool", Fraction(1), Fraction(4)),
    "pool_to_stride": (f"{plain(3)}\nmaxpool 2x2/2", "pool_to_stride", Fraction(1), Fraction(1, 4)),
    "resize_conv": (f"default deconv: bias=false\n{NARROW}\ndeconv 4x4/2, {N}, pad=1",
                    "resize_conv", Fraction(9, 16), Fraction(9, 4)),
}  # fmt: skip


@pytest.mark.parametrize("case", RATIOS)
def test_costs(case: str) -> None:
    body, rules, params, macs = RATIOS[case]
    old, new = before_and_after(body, rules)
    assert Fraction(new.params, old.params) == params
    assert Fraction(new.macs, old.macs) == macs


def test_a_deep_stem_of_resnet() -> None:
    """3 to 32 to 32 to 64 channels: three times the work of one 7x7."""
    old, new = before_and_after(f"{NARROW}\nconv 7x7/2, 64", "deep_stem", "32x32x3")
    assert (old.params, new.params) == (49 * 3 * 64, 9 * (3 * 32 + 32 * 32 + 32 * 64))
    assert Fraction(new.macs, old.macs) == Fraction(new.params, old.params)


def test_an_inverted_residual() -> None:
    """(2tC + tk²) / (k²C) where a norm and an activation are there to repeat."""
    body = f"{NARROW}\nconv 3x3, {C}; bn(scale=false, shift=false); relu"
    old, new = before_and_after(body, f"inverted_residual({T})")
    expected = Fraction(2 * T * C + 9 * T, 9 * C)
    assert Fraction(new.params, old.params) == Fraction(new.macs, old.macs) == expected


def test_a_fused_mbconv() -> None:
    body = f"{NARROW}\nconv 1x1, {T * C}\ndwconv 3x3"
    old, new = before_and_after(body, "fuse_mbconv")
    assert (old.params, new.params) == (T * C * (C + 9), 9 * C * T * C)
    assert (old.macs, new.macs) == (H * H * old.params, H * H * new.params)


def test_pools_as_convolutions() -> None:
    """A pool has no parameters: k²C² and k²C more, and biases."""
    _, dense = before_and_after("maxpool 3x3/2", "pool_to_conv")
    _, depthwise = before_and_after("maxpool 3x3/2", "pool_to_dwconv")
    assert (dense.params, dense.macs) == (9 * C * C + C, 49 * 9 * C * C)
    assert (depthwise.params, depthwise.macs) == (9 * C + C, 49 * 9 * C)


def test_the_stride_of_a_bottleneck() -> None:
    """The first 1x1 computes s² times as much."""
    body = f"{NARROW}\nconv 1x1/2, {B}\nconv 3x3, {B}\nconv 1x1, {N}"
    old, new = before_and_after(body, "stride_in_3x3")
    assert new.params == old.params
    assert new.macs - old.macs == (H * H - H * H // 4) * C * B


def test_groups_of_a_residual_branch() -> None:
    body = f"{NARROW}\nconv 1x1, 64\nconv 3x3, 64\nconv 1x1, 256"
    _, new = before_and_after(body, "aggregate(32, 4)", "14x14x256")
    assert new.params == 70_144, "equation 4 of the paper"
    assert new.macs == 70_144 * 14**2


def test_heads_without_positions() -> None:
    old, new = before_and_after("flatten\nfc 10, bias=false", "gap_head", f"7x7x{C}")
    assert Fraction(new.params, old.params) == Fraction(new.macs, old.macs) == Fraction(1, 49)
    body = "flatten; fc 40, relu; dropout; fc 40, relu; dropout; fc 10"
    _, new = before_and_after(body, "gap_classifier", f"7x7x{C}")
    assert new.params == 10 * C + 10


def test_squeeze_and_excitation() -> None:
    """2C²/r weights, C/r + C biases; each input channel is scaled."""
    body = f"residual {{ conv 3x3, {C}, bn, relu; conv 3x3, {C}, bn }}"
    old, new = before_and_after(body, "insert_se(r=2)")
    assert new.params - old.params == 2 * C * C // 2 + C // 2 + C
    assert new.macs - old.macs == 2 * C * C // 2


def test_a_norm_for_a_bias() -> None:
    """2n for the norm, n less for the bias, which would be in vain."""
    old, new = before_and_after(f"conv 3x3, {N}, relu", "insert_bn")
    assert new.params - old.params == 2 * N - N
    assert new.macs == old.macs


def test_other_norms_and_activations() -> None:
    result = compiled(f"conv 3x3, {N}, bn, relu", "swap_norm(gn(groups=4)), swap_relu(silu)")
    assert [node.op.word for node in flatten(result.module).nodes] == ["conv", "gn", "silu"]


def test_shortcuts_of_each_option() -> None:
    """A has none, B a projection where the shape changes, C everywhere; each with a norm."""
    body = f"basic({N}, stride=2); basic({N})"
    costs = {
        option: before_and_after(body, f"swap_shortcut(shortcut_{option})")[1].params
        if option != "b"
        else before_and_after(body, "swap_relu(silu)")[0].params
        for option in "abc"
    }
    assert costs["b"] - costs["a"] == C * N + 2 * N
    assert costs["c"] - costs["b"] == N * N + 2 * N


def test_a_mean_before_a_projection() -> None:
    body = f"{NARROW}\nconv 1x1/2, {N}"
    old, new = before_and_after(body, "avg_shortcut")
    assert (new.params, new.macs) == (old.params, old.macs)


def test_a_convnext_unit() -> None:
    """As `convnext.cnn`: 49C + C, a norm, two layers of 4C, and C factors."""
    _, new = before_and_after(f"basic({C})", "basic_to_convnext")
    assert new.params == 50 * C + 2 * C + (4 * C * C + 4 * C) + (4 * C * C + C) + C


def test_a_reduced_inception_module() -> None:
    old, new = before_and_after("inception_naive(64, 128, 32)", "reduce_inception(96, 16)",
                                "28x28x192")  # fmt: skip
    assert old.params == 387_296
    assert new.params == 12_352 + 129_248 + 15_920 + (192 * 192 + 192)


# ---------------------------------------------------------------------- windows

WINDOWS = {
    "factor_5x5": plain(5),
    "factor_5x5 ": plain(5, 2),
    "factor([3x3/2, 3x3])": plain(7, 2),
    "factor([3x3/2, 5x5/2])": f"{NARROW}\nconv 11x11/4, 3, pad=2",
    "asym": plain(5, 2),
    "asym ": f"{NARROW}\nconv 3x3, 5, pad=same",
    "large_kernel(2)": plain(7),
    "reduce(3)": plain(3, 2),
    "bottleneck_conv(3)": plain(3, 2),
    "depthwise_separable": plain(3, 2),
    "inverted_residual(2)": f"{NARROW}\nconv 3x3, {C}; bn; relu",
    "grid_reduction": plain(3, 2),
    "pool_to_conv": "maxpool 3x3/2, pad=1",
    "pool_to_conv ": "maxpool 3x3/2, ceil",
}


@pytest.mark.parametrize("size", [(15, 16), (16, 13)], ids=str)
@pytest.mark.parametrize("rules", WINDOWS)
def test_every_output_reads_what_it_did(rules: str, size: tuple[int, int]) -> None:
    """At the border zeros between two layers may hide some of it, so there it is not compared."""
    height, width = size
    result = compiled(WINDOWS[rules], rules.strip(), f"{height}x{width}x{C}")
    assert result.derivation is not None
    old, new = reads(result.derivation.start), reads(result.derivation.module)
    counts = old.sum(axis=0)
    inside = counts == counts.max()
    assert inside.any()
    assert (old[:, inside] == new[:, inside]).all()


def reads(module: Module) -> np.ndarray:
    """For each pixel of the input, the pixels of the output that depend on it.

    Weights and images are positive, so that no activation hides anything.
    """
    graph = flatten(module)
    (source,) = graph.inputs
    height, width, channels = source.type.shape
    pixels = np.arange(height * width)
    images = np.zeros((1 + pixels.size, pixels.size, channels))
    images[1 + pixels, pixels] = 1
    weights = {
        name: {role: np.full(array.shape, float(role != "mean")) for role, array in arrays.items()}
        for name, arrays in flat(module, draw(module)).items()
    }
    values = {source.name: images.reshape(-1, height, width, channels)}
    result = interpret(graph, values, weights)[graph.outputs[0].value]
    return (result[1:] != result[0]).any(axis=-1)


# --------------------------------------------------------------------- refusals

REFUSALS = {
    "factor([3x3, 3x3/2])": (plain(7, 2), "the window would be 5x5/2"),
    "factor([7x7/2])": (plain(7, 2), "`len(windows) > 1` does not hold"),
    "asym": (plain(4), "`k % 2 == 1` does not hold: k = 4"),
    "asym ": (plain(1), "`k > 1` does not hold: k = 1"),
    "expand_bank(3)": (plain(3, n=5), "`n % 2 == 0` does not hold: n = 5"),
    "expand_bank(3) ": (plain(3, 2), "the stride is 2, the rule means 1"),
    "dilate(3)": (plain(5), "`(k - 1) % d == 0` does not hold"),
    "large_kernel(3)": (plain(7), "`(k + 1) % d == 0` does not hold"),
    "reduce(4)": (plain(1), "`k != 1x1` does not hold"),
    "reduce(8)": (plain(3), "`c < in.channels` does not hold"),
    "group(3)": (plain(3), "`in.channels % g == 0` does not hold"),
    "group(2)": (f"{NARROW}\nconv 3x3, {N}, groups=4", "`groups` is 4, the rule means 1"),
    "factor_5x5": (f"{NARROW}\nconv 5x5, {N}, groups=2", "`groups` is 2, the rule means 1"),
    "factor_5x5 ": (f"{NARROW}\nconv 5x5, {N}, dilation=2", "`dilation` is 2, the rule means 1"),
    "grid_reduction": (plain(3, 2, C), "`n > in.channels` does not hold: n = 8"),
    "grid_reduction ": (plain(3), "`s != 1` does not hold"),
    "inverted_residual(6)": (f"{plain(3)}\nrelu\ngelu", "`normalises(norm)` does not hold"),
    "insert_bn": (f"conv 3x3, {N}, bn, relu", "`pointwise(act)` does not hold: act = bn"),
    "avg_shortcut": (plain(1), "`s == 2` does not hold"),
    "basic_to_bottleneck": ("basic(6)", "6 / 4 is not a whole number"),
    "basic_to_convnext": (f"basic({N})", "`in.channels == n` does not hold"),
    "aux_head(auxiliary(10))": (plain(3), "it needs a place"),
}


@pytest.mark.parametrize("rules", REFUSALS)
def test_refusals(rules: str) -> None:
    body, reason = REFUSALS[rules]
    assert reason in refused(body, rules.strip())


def test_hidden_layers_are_not_dropped_by_the_rule_without() -> None:
    assert "no `fc`" in refused("flatten; relu; fc 10", "gap_head", f"7x7x{C}")


# ------------------------------------------------------------------------- form


def test_the_middle_has_as_many_channels_as_the_end_unless_it_is_said() -> None:
    widths = [
        [node.outputs[0].type.channels for node in compiled(plain(5), rules).module.main.nodes]
        for rules in ("factor_5x5", "factor_5x5(10)", "factor_5x5(m=10, n=24)")
    ]
    assert widths == [[N, N], [10, N], [10, N]]


def test_a_parameter_that_is_a_hole_chooses_sites() -> None:
    body = f"{NARROW}\nconv 5x5, 8\nconv 5x5, 12"
    result = compiled(body, "factor_5x5(n=12)")
    assert [node.op.window.height for node in result.module.main.nodes] == [5, 3, 3]


def test_a_blur_is_binomial() -> None:
    """[1, 2, 1] / 4 along both axes, around every second pixel: what the paper calls Tri-3."""
    graph = flatten(compiled(f"{NARROW}\nconv 1x3/2, 1", "blurpool", "9x9x1").module)
    (convolution,) = (node.name for node in graph.nodes if node.op.word == "conv")
    kernel = np.array([0.0, 1.0, 0.0]).reshape(1, 3, 1, 1)
    image = np.zeros((1, 9, 9, 1))
    image[0, 4, 3] = 16
    values = {graph.inputs[0].name: image}
    result = interpret(graph, values, {convolution: {"kernel": kernel}})
    expected = np.zeros((5, 5))
    expected[2, 1:3] = 16 * 2 / 4 * 1 / 4
    assert (result[graph.outputs[0].value][0, :, :, 0] == expected).all()
