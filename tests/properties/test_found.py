"""What the random programs found, as small as it gets. A test that is marked waits for a repair."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("flax")
pytest.importorskip("torch")

from cnndsl import driver
from cnndsl.graph import Module
from cnndsl.irtext import print_module, read_module
from cnndsl.source import Source
from tests.support import reference
from tests.support.emitted import Emitted, emit
from tests.support.photograph import relative
from tests.support.weights import random_weights


def module_of(body: str) -> Module:
    return driver.compile_model(Source("found.cnn", f"model found {{ {body} }}")).module


def assert_means_the_same(module: Module) -> None:
    """The emitted code and the interpreter agree on random weights and inputs."""
    weights = random_weights(module)
    rng = np.random.default_rng(0)
    inputs = [
        rng.normal(size=(2, *v.type.shape)).astype(np.float32) for v in module.main.inputs
    ]
    expected = reference.run(module, weights, *inputs, training=True)
    found = Emitted(module).run(weights, *inputs, training=True)
    assert all(relative(found[name], expected[name]) <= 1e-5 for name in expected)


@pytest.mark.parametrize("layer", ["deconv 1x1/2, 3", "deconv 2x2, 2, pad=half"])
def test_deconv_without_padding(layer: str) -> None:
    """`VALID` of nnx.ConvTranspose is not a padding of zeros."""
    assert_means_the_same(module_of(f"input 5x6x3; {layer}"))


@pytest.mark.parametrize(
    "body", ["input 5x5x1; twin: conv 3x3, 1; relu; share twin", "input 4; t: fc 4; share t"]
)
def test_sharing_the_last_layer(body: str) -> None:
    """The second use was taken for the classifier, with a head of its own."""
    assert_means_the_same(module_of(body))


@pytest.mark.xfail(strict=True, reason="lines are joined by spans, which equal modules lose")
def test_equal_modules_are_emitted_equally() -> None:
    module = module_of("input 5x5x1; globalavgpool; dropout(40%) × 2")
    again = read_module(print_module(module))
    assert again == module
    assert emit(again) == emit(module)
