"""Shipped networks that no library has, against `references/`, where PyTorch says them."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")
pytest.importorskip("flax")

from cnndsl import driver
from cnndsl.verify import open_reference, verify

SLOW = [pytest.mark.slow]
CASES = [
    pytest.param("espcn.cnn:espcn_x3", "espcn:espcn", "17x19x1", id="espcn"),
    pytest.param("siamese.cnn", "siamese:Siamese", None, id="siamese"),
    pytest.param("unet.cnn:unet", "unet:unet", "32x48x1", id="unet"),
    pytest.param("unet.cnn:unet_2015", "unet:unet_2015", None, id="unet_2015", marks=SLOW),
    pytest.param("fcn.cnn", "fcn:FCN8s", None, id="fcn8s", marks=SLOW),
    pytest.param("fcn.cnn", "fcn:FCN8s", "33x70x3", id="fcn8s-small", marks=SLOW),
]
"""A spec, the reference, and another size of the input."""


@pytest.mark.parametrize(("spec", "name", "size"), CASES)
def test_is_the_same_network(spec: str, name: str, size: str | None) -> None:
    module = driver.compile_model(spec, input=size).module
    shapes = [value.type.shape for value in module.main.inputs]
    verdict = verify(module, open_reference(f"torch:tests.conformance.references.{name}", shapes))
    assert verdict.equal
    assert verdict.parameters[0] == verdict.parameters[1]
    assert verdict.macs[0] == verdict.macs[1]
