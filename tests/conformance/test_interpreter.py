"""Every network: emitted code in float32 against the interpreter of the IR in float64.

Random weights, biases, scales, shifts and statistics, and noise for an image. One model
of each file runs by default, the others when slow tests are asked for.
"""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("flax")

from cnndsl.ops.activation import Softmax
from tests.support import reference
from tests.support.emitted import Emitted, with_logits
from tests.support.networks import cases, compiled, concrete
from tests.support.photograph import relative
from tests.support.weights import random_weights


@pytest.mark.parametrize(("path", "model"), cases())
def test_emitted_code_means_what_the_ir_means(path: str, model: str) -> None:
    general = compiled(path, model)
    module = concrete(path, model, general)
    if any(isinstance(node.op, Softmax) for node in module.main.nodes):
        general, module = with_logits(general), with_logits(module)
    weights = random_weights(module)
    rng = np.random.default_rng(0)
    shapes = [(1, *value.type.shape) for value in module.main.inputs]
    inputs = [rng.normal(size=shape).astype(np.float32) for shape in shapes]
    expected = reference.run(module, weights, *inputs, training=True)
    found = Emitted(general).run(weights, *inputs, training=True)
    assert found.keys() == expected.keys()
    apart = {name: relative(found[name], expected[name]) for name in expected}
    print(model, apart)
    if "logits" in expected:  # what differs by 1e-5 of 500 before a softmax differs more behind
        apart["output"] /= max(1.0, np.abs(expected["logits"]).max())
    assert max(apart.values()) <= 1e-5, apart
