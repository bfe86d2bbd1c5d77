"""Forms of one function: what papers call equivalent computes the same, in the interpreter."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from cnndsl import driver
from cnndsl.graph import Module
from tests.support import reference
from tests.support.weights import Weights, random_weights, shapes

SPECS = Path(__file__).parents[2] / "specs"


def module(model: str, **options: object) -> Module:
    return driver.compile_model(f"{SPECS / model}", **options).module  # type: ignore[arg-type]


def in_order(module: Module, arrays: list[np.ndarray]) -> Weights:
    """The weights of a module, given in the order in which it uses them."""
    wanted = shapes(module)
    assert [array.shape for array in arrays] == list(wanted.values())
    return dict(zip(wanted, arrays, strict=True))


def output(module: Module, weights: Weights, x: np.ndarray) -> np.ndarray:
    return reference.run(module, weights, x)["output"]


# ---------------------------------------------------------------- ResNeXt, figure 3


@pytest.mark.parametrize("form", ["a", "b"])
def test_forms_of_resnext(form: str) -> None:
    grouped = module("resnext.cnn:figure3_c", input="6x6x256")
    split = module(f"resnext.cnn:figure3_{form}", input="6x6x256")
    weights = random_weights(grouped)
    x = np.random.default_rng(1).normal(size=(1, 6, 6, 256))
    expected = output(grouped, weights, x)
    theirs = in_order(split, list(paths(list(weights.values()), form)))
    assert np.allclose(output(split, theirs, x), expected, rtol=1e-9, atol=1e-9)


def paths(grouped: list[np.ndarray], form: str) -> Iterator[np.ndarray]:
    """The weights of 32 paths, cut out of those of one grouped convolution."""
    (first, *norm1), (middle, *norm2), (last, *norm3) = grouped[:5], grouped[5:10], grouped[10:]
    for path in range(32):
        own = slice(4 * path, 4 * path + 4)
        yield from (array[..., own] for array in (first, *norm1, middle, *norm2))
        if form == "a":
            yield last[:, :, own]
    yield from norm3 if form == "a" else (last, *norm3)


def test_resnext_50_in_all_forms(tmp_path: Path) -> None:
    """Whole networks of the three units: the same parameters and multiplications."""
    spec = tmp_path / "forms.cnn"
    for name in ("resnet", "resnext"):
        (tmp_path / f"{name}.cnn").write_text((SPECS / f"{name}.cnn").read_text("utf-8"), "utf-8")
    uses = 'use "./resnet.cnn" (resnet)\nuse "./resnext.cnn" (form_a, form_b, form_c)\n'
    models = [f"model {form} = resnet([3, 4, 6, 3], form_{form})" for form in "abc"]
    spec.write_text(uses + "\n".join(models), "utf-8")
    costs = [driver.compile_model(f"{spec}:{form}").cost for form in "abc"]
    assert {(cost.params, cost.macs) for cost in costs} == {(25_028_904, 4_230_479_872)}


# ------------------------------------------------------------- RepVGG, figure 4


@pytest.mark.parametrize("groups", [1, 2])
def test_reparameterised_repvgg(groups: int) -> None:
    settings = {"a": "0.125", "b": "0.0625", "groups": str(groups), "classes": "10"}
    trained = module("repvgg.cnn:repvgg_b1", settings=settings, input="64x64x3")
    deployed = module("repvgg.cnn:repvgg_b1_deployed", settings=settings, input="64x64x3")
    weights = random_weights(trained)
    x = np.random.default_rng(1).normal(size=(1, 64, 64, 3))
    theirs = in_order(deployed, list(merged(weights)))
    assert np.allclose(output(deployed, theirs, x), output(trained, weights, x), atol=1e-9)


def merged(weights: Weights) -> Iterator[np.ndarray]:
    """Kernel and bias of each layer, summed over its branches."""
    for unit, entries in groupby(weights.items(), key=lambda entry: entry[0][0][0]):
        arrays = [array.astype(np.float64) for _, array in entries]
        yield from arrays if unit == "fc1" else layer(arrays)


def layer(arrays: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """One 3x3 for a 3x3, a 1x1 and perhaps the identity, each with its batch norm."""
    kernel, bias = folded(arrays[0], *arrays[1:5])
    pointwise, shift = folded(arrays[5], *arrays[6:10])
    kernel[1, 1] += pointwise[0, 0]
    bias += shift
    if len(arrays) > 10:
        per_group, channels = kernel.shape[2:]
        identity = np.tile(np.eye(per_group), channels // per_group)
        kept, shift = folded(identity, *arrays[10:])
        kernel[1, 1] += kept
        bias += shift
    return kernel, bias


def folded(
    kernel: np.ndarray, scale: np.ndarray, shift: np.ndarray, mean: np.ndarray, variance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """A convolution that does what it does with the batch norm behind it."""
    factor = scale / np.sqrt(variance + 1e-5)
    return kernel * factor, shift - mean * factor
