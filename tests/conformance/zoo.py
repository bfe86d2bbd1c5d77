"""The list of comparisons, `zoo.toml`."""

from __future__ import annotations

import tomllib
from pathlib import Path

from cnndsl.record import Record

LIST = Path(__file__).with_name("zoo.toml")
DEFINITIONS = "torch:tests.conformance.definitions"


class Entry(Record):
    """A model, and the network that it is.

    Arguments:
        model: name of the model.
        against: the network as readers know it, `torchvision:resnet50`.
        fast: whether every test run compares it.
    """

    model: str
    against: str
    fast: bool

    @property
    def reference(self) -> str:
        """The network as `cnnc verify` takes it."""
        package, _, name = self.against.partition(":")
        return f"{DEFINITIONS}:{name}" if package in ("torchvision", "timm") else self.against


def entries() -> list[Entry]:
    """Every comparison, in the order of the file."""
    data = tomllib.loads(LIST.read_text(encoding="utf-8"))
    networks: dict[str, str] = data["networks"]
    assert networks.keys() >= set(data["fast"])
    return [Entry(model, against, model in data["fast"]) for model, against in networks.items()]


class Written(Record):
    """A model, its definition in `references/`, and another size of the input, if it is open."""

    model: str
    reference: str
    input: str | None
    fast: bool


def written_here() -> list[Written]:
    """Every comparison with a definition of this project."""
    data = tomllib.loads(LIST.read_text(encoding="utf-8"))
    return [
        Written(case["model"], case["reference"], case.get("input"), case.get("fast", False))
        for case in data["written"]
    ]
