"""Each property's share of a test run, the same cases every time."""

from __future__ import annotations

import tomllib

import pytest

from tests.campaign.ledger import FOUND, HERE
from tests.campaign.property import complaints, tally
from tests.campaign.registry import properties


@pytest.mark.parametrize("name", sorted(properties()))
def test_property(name: str) -> None:
    property = properties()[name]
    found = tally(property, (str(seed) for seed in range(property.cases)))
    assert not complaints(property, found), "\n".join(complaints(property, found))


def test_what_was_found_is_tried_for_ever() -> None:
    for entry in tomllib.loads(FOUND.read_text(encoding="utf-8"))["found"]:
        file, _, name = entry["test"].partition("::")
        assert name in (HERE.parents[1] / file).read_text(encoding="utf-8"), entry["test"]
