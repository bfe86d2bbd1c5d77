"""Every property: those of `properties/`, and the Hypothesis tests of `tests/properties`."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path

from tests.campaign.property import Property

FOLDER = Path(__file__).parent / "properties"


@cache
def properties() -> dict[str, Property]:
    """The properties of this folder, by name."""
    names = sorted(file.stem for file in FOLDER.glob("[!_]*.py"))
    found = [import_module(f"tests.campaign.properties.{name}").PROPERTY for name in names]
    return {property.name: property for property in found}
