"""Emitted Flax code against networks written down independently in PyTorch.

Random weights, biases, scales, shifts and statistics go from PyTorch to Flax layer by
layer, in the order in which both run them. The input is a photograph.
"""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("flax")
pytest.importorskip("PIL")
pytest.importorskip("sklearn")

from cnndsl import driver  # noqa: E402
from tests.conformance.references.googlenet import GoogLeNet  # noqa: E402
from tests.conformance.references.resnet import ResNet18  # noqa: E402
from tests.support import reference  # noqa: E402
from tests.support.carry import (  # noqa: E402
    DoNotMatch,
    carried,
    randomise_torch,
    torch_layers,
)
from tests.support.emitted import Emitted, with_logits, without_masks  # noqa: E402
from tests.support.photograph import photograph, relative  # noqa: E402
from tests.support.weights import Weights  # noqa: E402

TOLERANCE = 1e-5
"""Greatest difference in units of the greatest value; float32 itself makes 2e-7 to 2e-6."""


class Pair:
    """A network in PyTorch and the compiled one, with the same random weights.

    Arguments:
        names: of the outputs of the one in PyTorch.
    """

    def __init__(self, spec: str, model: torch.nn.Module, *names: str) -> None:
        self.model = model.eval()
        self.names = names
        self.image = photograph()
        self.pixels = torch.tensor(self.image.transpose(0, 3, 1, 2).copy())
        randomise_torch(model)
        self.module = with_logits(driver.compile_model(spec).module)
        layers = torch_layers(model, self.pixels)
        self.weights: Weights = carried(self.module, layers, flattened="chw")

    def theirs(self) -> dict[str, np.ndarray]:
        with torch.inference_mode():
            results = self.model(self.pixels)
        return {name: x.numpy() for name, x in zip(self.names, results, strict=True)}


@pytest.fixture(scope="module")
def googlenet() -> Pair:
    return Pair("googlenet.cnn", GoogLeNet(), "logits", "output", "aux1", "aux2")


@pytest.fixture(scope="module")
def resnet18() -> Pair:
    return Pair("resnet.cnn:resnet18", ResNet18(), "logits", "output")


def differences(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> dict[str, float]:
    assert found.keys() == expected.keys()
    return {name: relative(found[name], expected[name]) for name in found}


def assert_close(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    apart = differences(found, expected)
    print(apart)
    assert max(apart.values()) <= TOLERANCE, apart


def test_resnet18_is_torchs(resnet18: Pair) -> None:
    found = Emitted(resnet18.module).run(resnet18.weights, resnet18.image)
    expected = resnet18.theirs()
    assert expected["logits"].std() > 0.1
    assert_close(found, expected)


def test_googlenet_is_the_papers(googlenet: Pair) -> None:
    """Auxiliary classifiers included; masks stay off."""
    found = Emitted(googlenet.module).run(googlenet.weights, googlenet.image, training=True)
    expected = googlenet.theirs()
    assert all(expected[name].std() > 0.1 for name in ("logits", "aux1", "aux2"))
    assert_close(found, expected)


def test_googlenet_in_training_without_masks(googlenet: Pair) -> None:
    """`model.train()` as a user calls it, with the rates of all masks set to 0."""
    import jax
    from flax import nnx

    module = without_masks(googlenet.module)
    emitted = Emitted(module)
    model = emitted.filled(googlenet.weights)
    model.train()
    graphdef, state = nnx.split(model)
    result = jax.jit(lambda s, x: nnx.merge(graphdef, s)(x))(state, googlenet.image)
    found = {name: np.asarray(x) for name, x in emitted.named(result, training=True).items()}
    assert_close(found, googlenet.theirs())


def test_in_inference_there_are_no_auxiliary_outputs(googlenet: Pair) -> None:
    emitted = Emitted(googlenet.module)
    assert list(emitted.output_shapes()) == ["logits", "output"]
    assert list(emitted.output_shapes(training=True)) == ["logits", "output", "aux1", "aux2"]


@pytest.mark.parametrize("name", ["googlenet", "resnet18"])
def test_the_interpreter_is_torchs(name: str, request: pytest.FixtureRequest) -> None:
    """`support/reference.py`, the judge of random networks, is judged here."""
    pair: Pair = request.getfixturevalue(name)
    found = reference.run(pair.module, pair.weights, pair.image, training=True)
    assert_close(found, pair.theirs())


def test_another_network_is_noticed(resnet18: Pair) -> None:
    """The comparison can fail: wrong weights, and a network of other layers."""
    other = dict(resnet18.weights)
    key = next(key for key in other if key[1] == "variance")
    other[key] = other[key] * 1.001
    found = reference.run(resnet18.module, other, resnet18.image)
    assert max(differences(found, resnet18.theirs()).values()) > TOLERANCE
    layers = torch_layers(resnet18.model, resnet18.pixels)
    with pytest.raises(DoNotMatch):
        carried(resnet18.module, [layers[1], layers[0], *layers[2:]])
