"""Every property: those of `properties/`, and the suite's Hypothesis tests."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path

from cnndsl.record import replace
from tests.campaign.property import Property

FOLDER = Path(__file__).parent / "properties"


@cache
def properties() -> dict[str, Property]:
    """The properties of this folder, by name."""
    names = sorted(file.stem for file in FOLDER.glob("[!_]*.py"))
    found = [_property(name) for name in names]
    return {property.name: property for property in found}


def _property(name: str) -> Property:
    found: Property = import_module(f"tests.campaign.properties.{name}").PROPERTY
    return replace(found, where=f"tests/campaign/properties/{name}.py")


@cache
def everything() -> dict[str, Property]:
    """All properties. Hypothesis is random from then on in this process."""
    from tests.campaign.hypotheses import hypotheses

    return {**properties(), **{property.name: property for property in hypotheses()}}
