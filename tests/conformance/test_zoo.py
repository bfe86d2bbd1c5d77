"""The networks of other projects that shipped models are; the page that says so."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

pytest.importorskip("flax")
keras = pytest.importorskip("keras")

from cnndsl import driver  # noqa: E402
from cnndsl.cli import main  # noqa: E402
from cnndsl.verify import open_reference, verify  # noqa: E402
from tests.conformance import publish  # noqa: E402
from tests.conformance.zoo import Entry, entries  # noqa: E402

CASES = [
    pytest.param(entry, id=entry.model, marks=() if entry.fast else pytest.mark.slow)
    for entry in entries()
    if entry.against.startswith("keras:")
]


@pytest.fixture(autouse=True)
def _freed() -> Iterator[None]:
    """Give the weights back: VGG-16 has half a gigabyte of them."""
    yield
    keras.backend.clear_session()


@pytest.mark.parametrize("entry", CASES)
def test_is_the_same_network(entry: Entry) -> None:
    module = driver.compile_model(f"{entry.model}.cnn").module
    shapes = [value.type.shape for value in module.main.inputs]
    verdict = verify(module, open_reference(entry.reference, shapes))
    assert verdict.equal
    assert verdict.parameters[0] == verdict.parameters[1]
    assert verdict.macs[0] == verdict.macs[1]


def test_the_message_in_the_readme(capsys: pytest.CaptureFixture[str]) -> None:
    readme = (publish.ROOT / "README.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"^```\n(error\[E0903\].*?)```", readme, re.MULTILINE | re.DOTALL)
    (command,) = re.findall(r"`cnnc (verify [^`]*--dialect[^`]*)`", readme)
    assert main(command.split()) == 1
    assert capsys.readouterr().err.startswith(shown)


def test_every_comparison_is_published() -> None:
    """Each entry has a result, within the tolerance, for the network as it is now."""
    results = publish.read()
    assert results.keys() == {entry.model for entry in entries()}
    costs = {model.module.name: model.cost for _, model in publish.every_model()}
    for entry in entries():
        result, cost = results[entry.model], costs[entry.model]
        assert result["against"] == entry.against
        assert 0 <= result["difference"] <= 1e-5
        assert (result["parameters"][0], result["macs"][0]) == (cost.params, cost.macs)


def test_the_page_is_up_to_date() -> None:
    assert publish.PAGE.read_text(encoding="utf-8") == publish.page()
