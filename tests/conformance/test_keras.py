"""Emitted Flax code against `keras.applications`, with random weights and a photograph."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
pytest.importorskip("flax")
pytest.importorskip("PIL")
pytest.importorskip("sklearn")
keras = pytest.importorskip("keras")

from cnndsl import driver  # noqa: E402
from tests.support.carry import carried, keras_layers, randomise_keras  # noqa: E402
from tests.support.emitted import Emitted, with_logits  # noqa: E402
from tests.support.photograph import photograph, relative  # noqa: E402

TOLERANCE = 1e-5
"""Greatest difference in units of the greatest value; float32 itself makes 2e-7 to 2e-6."""


def in_order(layers: list[Any]) -> list[Any]:
    """The layers as they are: a chain."""
    return layers


def shortcut_last(layers: list[Any]) -> list[Any]:
    """ResNet's layers in our order: Keras numbers a block's shortcut 0, we have it behind."""

    def key(layer: Any) -> tuple[int, int, int, int]:
        found = re.fullmatch(r"conv(\d)_block(\d+)_(\d)_(conv|bn)", layer.name)
        if found is None:
            first = {"conv1_conv": 0, "conv1_bn": 1, "predictions": 10**6}
            return first[layer.name], 0, 0, 0
        stage, block, number, kind = found.groups()
        return 10 * int(stage), int(block), int(number) or 9, kind == "bn"

    return sorted(layers, key=key)


CASES = [
    pytest.param("vgg.cnn:vgg16_keras", "VGG16", in_order, id="vgg16"),
    pytest.param("resnet.cnn:resnet50_keras", "ResNet50", shortcut_last, id="resnet50"),
]


@pytest.fixture(autouse=True)
def _freed() -> Iterator[None]:
    """Give the weights back: VGG-16 has half a gigabyte of them."""
    yield
    keras.backend.clear_session()


@pytest.mark.parametrize(("spec", "application", "order"), CASES)
def test_applications(
    spec: str, application: str, order: Callable[[list[Any]], list[Any]]
) -> None:
    assert keras.backend.backend() == "jax"
    model = getattr(keras.applications, application)(weights=None)
    randomise_keras(model)
    module = with_logits(driver.compile_model(spec).module)
    layers = order([layer for layer in model.layers if layer.weights])
    weights = carried(module, keras_layers(layers), flattened="hwc")
    assert sum(w.size for w in weights.values()) == model.count_params()
    image = photograph()
    expected = {"output": np.asarray(model(image, training=False))}
    model.layers[-1].activation = keras.activations.linear
    expected["logits"] = np.asarray(model(image, training=False))
    assert expected["logits"].std() > 0.1
    found = Emitted(module).run(weights, image)
    apart = {name: relative(found[name], expected[name]) for name in expected}
    print(application, apart)
    assert max(apart.values()) <= TOLERANCE, apart
