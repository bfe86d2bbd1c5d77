"""Whole networks made ready for inference: the emitted code computes what it did, in JAX."""

from __future__ import annotations

import numpy as np
import pytest

from cnndsl.driver import compile_model
from cnndsl.rewrite.carry import carry
from cnndsl.verify.module_weights import by_key, draw
from cnndsl.verify.ours import Emitted

pytest.importorskip("flax")
NETWORKS = {
    "resnet18": "64x64x3",
    "mobilenet_v2": "64x64x3",
    "googlenet": "128x128x3",
    "repvgg_a0": "64x64x3",
    "densenet121": "64x64x3",
    "inception_v3": "299x299x3",
    "efficientnet_b0": "64x64x3",
}
QUICK = ("resnet18", "mobilenet_v2")


@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in NETWORKS]
)
def test_deployed_networks_compute_what_they_did(name: str) -> None:
    """Outputs to 1e-4 of the largest in float32; the exact comparisons are in float64."""
    before = compile_model(name, input=NETWORKS[name])
    after = compile_model(name, input=NETWORKS[name], rewrite=["inference"])
    assert after.derivation is not None
    weights = draw(before.module, seed=3)
    moved = carry(after.derivation, weights)
    assert not moved.fresh
    (port,) = before.module.main.inputs
    x = np.random.default_rng(0).normal(size=(2, *port.type.shape)).astype("float32")
    results = [
        next(iter(Emitted(module).run(by_key(held), [x]).values()))
        for module, held in ((before.module, weights), (after.module, moved.weights))
    ]
    assert np.abs(results[0] - results[1]).max() <= 1e-4 * np.abs(results[0]).max()
    assert after.cost.macs <= before.cost.macs and after.cost.params <= before.cost.params
