"""Each property's share of a test run, the same cases every time."""

from __future__ import annotations

import pytest

from tests.campaign.property import complaints, tally
from tests.campaign.registry import properties


@pytest.mark.parametrize("name", sorted(properties()))
def test_property(name: str) -> None:
    property = properties()[name]
    found = tally(property, (str(seed) for seed in range(property.cases)))
    assert not complaints(property, found), "\n".join(complaints(property, found))
