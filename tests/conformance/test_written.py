"""Shipped networks that no library has, against `references/`, where PyTorch says them."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")
pytest.importorskip("flax")

from cnndsl import driver
from cnndsl.verify import open_reference, verify
from tests.conformance.zoo import Written, written_here

CASES = [
    pytest.param(
        case,
        id=f"{case.model}-{case.input or 'whole'}",
        marks=() if case.fast else pytest.mark.slow,
    )
    for case in written_here()
]


@pytest.mark.parametrize("case", CASES)
def test_is_the_same_network(case: Written) -> None:
    module = driver.compile_model(f"{case.model}.cnn", input=case.input).module
    shapes = [value.type.shape for value in module.main.inputs]
    reference = f"torch:tests.conformance.references.{case.reference}"
    verdict = verify(module, open_reference(reference, shapes))
    assert verdict.equal
    assert verdict.parameters[0] == verdict.parameters[1]
    assert verdict.macs[0] == verdict.macs[1]
